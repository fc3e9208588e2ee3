"""How often Python looks for cyclic garbage, where millions of records are made that hold none."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SELDOM = (100_000, 20, 20)


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Look for garbage seldom: by Python's own measure a tenth of the time and more would go into looking.

    A command makes millions of records that are in no cycle and live to its end, and they would be looked through
    again and again.
    """
    before = gc.get_threshold()
    gc.set_threshold(*_SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)


__all__ = ["seldom_collected"]
