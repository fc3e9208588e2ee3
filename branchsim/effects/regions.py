"""Regions: what the other side of a landing did where a lost unit stood, which says how much the loss was a choice.

Both sides are aligned with the base, as a three-way merge does it. An edit that no edit of the other side touches is
one that git merges by itself, also in a file that has conflicts elsewhere; whoever dropped it had no cause to. An edit
inside of what the other side took away as a whole went with it.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from branchsim.effects.align import places
from branchsim.effects.presence import Side, Verdict, What
from branchsim.effects.tokens import tokens_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchsim.effects.filters import Scene

_MARGIN = 2
_LEFT = 0.5


class Region(enum.Enum):
    """What the other side did where a unit was lost."""

    CLEAR = "clear"
    """Nothing: git merges the edit by itself."""
    CONTESTED = "contested"
    """It edited the same lines, or the ones beside them."""
    ENCLOSED = "enclosed"
    """It rewrote a wider block around them."""
    REMOVED = "removed"
    """It took away a wider block around them, or the whole path."""
    UNKNOWN = "unknown"
    """It cannot be told: no lines, or too many."""


class _Hunk(NamedTuple):
    """Lines of the base and the lines of a side that stand in their place."""

    base: tuple[int, int]
    side: tuple[int, int]


class Regions:
    """The edits of both sides of one path, by lines of the base; made when the first unit asks.

    Parameters
    ----------
    scene : Scene
        The path, with its contents.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._hunks: dict[str, list[_Hunk]] = {}
        self._holders: dict[tuple[str, str], dict[str, list[_Hunk]]] = {}

    def of(self, verdict: Verdict) -> Region:
        """What the other side did where a unit was lost."""
        if verdict.side is Side.BOTH:
            return Region.UNKNOWN
        own, other = ("source", "target") if verdict.side is Side.SOURCE else ("target", "source")
        scene = self._scene
        if verdict.what is What.LOST and not scene.version(other).is_present and not scene.merged.is_present:
            return Region.REMOVED
        base, mine, theirs_now = scene.base, scene.version(own), scene.version(other)
        if not mine.is_present and theirs_now.is_present and theirs_now.counts != base.counts:
            return Region.CONTESTED  # one deleted what the other edited: that is one question for the whole file
        if not base.is_present and mine.is_present and theirs_now.is_present:
            return Region.CONTESTED  # both made the file, each in its own way
        if verdict.unit.kind != "line" or not {"base", own, other} <= scene.texts.keys():
            return _keyed(verdict, scene, other)
        theirs = self._of(other)
        found = [_weigh(hunk, theirs) for hunk in self._holding(verdict, own)]
        # A line that stands in several edits may have been lost from any; the mildest reading counts.
        return max(found, key=_MILDNESS.index, default=Region.UNKNOWN)

    def _holding(self, verdict: Verdict, own: str) -> list[_Hunk]:
        version = "base" if verdict.what is What.UNDONE else own
        if (own, version) not in self._holders:
            holders = self._holders[own, version] = {}
            lines = self._scene.lines[version] or []
            for hunk in self._of(own):
                start, stop = hunk.base if version == "base" else hunk.side
                for line in dict.fromkeys(lines[start:stop]):
                    holders.setdefault(line, []).append(hunk)
        return self._holders[own, version].get(verdict.unit.value, [])

    def _of(self, side: str) -> list[_Hunk]:
        if side not in self._hunks:
            base, lines = self._scene.lines["base"] or [], self._scene.lines[side] or []
            self._hunks[side] = [
                _Hunk((place.side_start, place.side_stop), (place.start, place.stop))
                for place in places(base, lines)
                if not self._says_the_same(base[place.side_start : place.side_stop], lines[place.start : place.stop])
            ]
        return self._hunks[side]

    def _says_the_same(self, before: Sequence[str], after: Sequence[str]) -> bool:
        """Whether an edit is one of layout: it leaves the tokens as they were."""
        family = self._scene.family
        return tokens_of(" ".join(before), family) == tokens_of(" ".join(after), family)


_MILDNESS = (Region.UNKNOWN, Region.CLEAR, Region.CONTESTED, Region.ENCLOSED, Region.REMOVED)


def _weigh(mine: _Hunk, theirs: Sequence[_Hunk]) -> Region:
    touching = [one for one in theirs if one.base[0] <= mine.base[1] and mine.base[0] <= one.base[1]]
    if not touching:
        return Region.CLEAR
    for one in touching:
        covered = one.base[1] - one.base[0]
        wider = covered - (mine.base[1] - mine.base[0])
        if one.base[0] <= mine.base[0] and mine.base[1] <= one.base[1] and wider >= 2 * _MARGIN:
            left = one.side[1] - one.side[0]
            return Region.REMOVED if left < _LEFT * covered else Region.ENCLOSED
    return Region.CONTESTED


def _keyed(verdict: Verdict, scene: Scene, other: str) -> Region:
    """The same for an element: what the other side did at its key."""
    unit = verdict.unit
    if unit.kind != "element":
        return Region.UNKNOWN
    was, now = (scene.values[name].get(unit.key) for name in ("base", other))
    if was == now:
        return Region.CLEAR
    return Region.REMOVED if now is None and was is not None else Region.CONTESTED


__all__ = ["Region", "Regions"]
