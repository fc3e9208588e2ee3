"""Jobs that end the process they are done in. They import next to nothing: every process imports them anew."""

from __future__ import annotations

import os


def end_at_one(number: int) -> int:
    if number == 1:
        os._exit(9)
    return number


def always_end(_number: int) -> int:
    os._exit(9)
