"""Where two texts differ, in lines, in bounded time."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST = 10_000


class Place(NamedTuple):
    """A place where a side and the result differ.

    Attributes
    ----------
    start, stop : int
        Lines of the result (from 0, `stop` not included) that stand there; equal where nothing does.
    side_start, side_stop : int
        Lines of the side that stood there.
    """

    start: int
    stop: int
    side_start: int
    side_stop: int


def places(one: Sequence[str], other: Sequence[str]) -> list[Place]:
    """The places where a side and the result differ; none where they differ over more than 10,000 lines.

    Parameters
    ----------
    one, other : sequence of str
        The lines of the side and of the result.
    """
    head = 0
    shortest = min(len(one), len(other))
    while head < shortest and one[head] == other[head]:
        head += 1
    tail = 0
    while tail < shortest - head and one[-1 - tail] == other[-1 - tail]:
        tail += 1
    first, second = one[head : len(one) - tail], other[head : len(other) - tail]
    if len(first) + len(second) > _LONGEST:
        return []
    if not first or not second:
        return [Place(head, head + len(second), head, head + len(first))] if first or second else []
    matcher = difflib.SequenceMatcher(None, first, second, autojunk=True)
    return [
        Place(head + b0, head + b1, head + a0, head + a1)
        for tag, a0, a1, b0, b1 in matcher.get_opcodes()
        if tag != "equal"
    ]


__all__ = ["Place", "places"]
