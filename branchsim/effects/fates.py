"""Fates: what stands where a lost unit stood; a line whose older text is back is worse off than a rewritten one."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchsim.effects.align import Place, places
from branchsim.effects.presence import Side, Verdict, What
from branchsim.effects.text import Limits, has_words, normalise, shorten, split_lines
from branchsim.effects.units import Unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from branchsim.effects.filters import Scene

_LIMITS = Limits()


class Fate(enum.Enum):
    """What became of a unit that a landing lost."""

    EDIT_UNDONE = "edit-undone"
    """What the side had replaced is back in its place."""
    DELETION_UNDONE = "deletion-undone"
    """What the side had removed is back."""
    VANISHED = "vanished"
    """What the side had brought is not there, and nothing is in its place."""
    EVIL_REMOVAL = "evil-removal"
    """What everybody had is not there."""
    OTHER_SIDE = "other-side"
    """The other side's text is in its place."""
    REWRITTEN = "rewritten"
    """Text that is new in the result is in its place."""


@dataclass(frozen=True, slots=True)
class Fated:
    """A verdict with its fate.

    Attributes
    ----------
    verdict : Verdict
        The loss.
    fate : Fate
        What became of it.
    place : Place or None
        Where; None for an element, for what is not text, and where the files are too long to be aligned.
    instead : tuple of str
        The normalised lines, or the values, that stand in its place.
    """

    verdict: Verdict
    fate: Fate
    place: Place | None = None
    instead: tuple[str, ...] = ()


def fates(losses: Iterable[Verdict], scene: Scene) -> list[Fated]:
    """What became of each loss of one path.

    Parameters
    ----------
    losses : iterable of Verdict
        Of the path of the scene; what is no loss is passed over.
    scene : Scene
        With its contents, else lines have no place.

    Returns
    -------
    list of Fated
        In the order of the losses.
    """
    aligned = {side: _Alignment(scene, side) for side in ("target", "source")}
    found = []
    for verdict in losses:
        if not verdict.is_loss:
            continue
        if verdict.unit.kind == "line":
            side = "source" if verdict.side is Side.SOURCE else "target"
            found.append(aligned[side].fate(verdict))
        else:
            found.append(_keyed(verdict, scene))
    return found


def _keyed(verdict: Verdict, scene: Scene) -> Fated:
    """The fate of a unit that has a place of its own: what is at that place now."""
    if verdict.what is What.EVIL_REMOVAL:
        return Fated(verdict, Fate.EVIL_REMOVAL)
    own, other = (scene.source, scene.target) if verdict.side is Side.SOURCE else (scene.target, scene.source)
    unit = verdict.unit
    here = sorted(one for one in scene.merged.counts if one.kind == unit.kind and one.key == unit.key)
    instead = tuple(one.value for one in here if one != unit)
    if verdict.what is What.UNDONE:
        replaced = unit.kind != "path" and any(
            one.kind == unit.kind and one.key == unit.key and one not in scene.base.counts for one in own.counts
        )
        return Fated(verdict, Fate.EDIT_UNDONE if replaced else Fate.DELETION_UNDONE)
    if any(one in scene.base.counts and one not in own.counts for one in here):
        return Fated(verdict, Fate.EDIT_UNDONE, None, instead)
    if any(one in other.counts and one not in own.counts for one in here):
        return Fated(verdict, Fate.OTHER_SIDE, None, instead)
    fresh = any(one not in own.counts for one in here)
    return Fated(verdict, Fate.REWRITTEN if fresh else Fate.VANISHED, None, instead)


class _Alignment:
    """One side's lines against those of the result, made when the first line asks."""

    def __init__(self, scene: Scene, side: str) -> None:
        self._scene = scene
        self._own = scene.version(side)
        self._other = scene.target if side == "source" else scene.source
        self._side = side
        self._places: dict[bool, dict[str, list[Place]]] | None = None
        self._lines: dict[str, list[str]] = {}

    def fate(self, verdict: Verdict) -> Fated:
        back = verdict.what is What.UNDONE
        places = self._find()[back].get(verdict.unit.value, [])
        place = places[0] if places else None
        result = self._lines.get("merged", [])
        here = tuple(line for line in result[place.start : place.stop] if line) if place else ()
        if verdict.what is What.EVIL_REMOVAL:
            return Fated(verdict, Fate.EVIL_REMOVAL, place, here)
        if back:
            mine = self._lines.get(self._side, [])
            gone = mine[place.side_start : place.side_stop] if place else []
            brought = any(self._is_own(line) for line in gone)
            return Fated(verdict, Fate.EDIT_UNDONE if brought else Fate.DELETION_UNDONE, place, ())
        return Fated(verdict, self._instead(here, place), place, here)

    def _instead(self, here: Sequence[str], place: Place | None) -> Fate:
        if place is None:
            return Fate.REWRITTEN
        fresh = [line for line in here if has_words(line, _LIMITS.word_characters)]
        base, own, other = (version.counts for version in (self._scene.base, self._own, self._other))
        old = sum(1 for line in fresh if (unit := _unit(line)) in base and base[unit] > own.get(unit, 0))
        theirs = sum(1 for line in fresh if (unit := _unit(line)) in other and other[unit] > base.get(unit, 0))
        if not fresh:
            return Fate.VANISHED
        if old and old >= theirs:
            return Fate.EDIT_UNDONE
        return Fate.OTHER_SIDE if theirs else Fate.REWRITTEN

    def _is_own(self, line: str) -> bool:
        unit = _unit(line)
        return self._own.counts.get(unit, 0) > self._scene.base.counts.get(unit, 0)

    def _find(self) -> dict[bool, dict[str, list[Place]]]:
        """For each line its places: those that only the side has, and (True) those that only the result has."""
        if self._places is not None:
            return self._places
        self._places = {False: {}, True: {}}
        texts = self._scene.texts
        if self._side not in texts and "merged" not in texts:
            return self._places
        one, other = (
            [shorten(normalise(line), _LIMITS) for line in split_lines(texts.get(name, ""))]
            for name in (self._side, "merged")
        )
        self._lines = {self._side: one, "merged": other}
        for place in places(one, other):
            for line in one[place.side_start : place.side_stop]:
                self._places[False].setdefault(line, []).append(place)
            for line in other[place.start : place.stop]:
                self._places[True].setdefault(line, []).append(place)
        return self._places


def _unit(line: str) -> Unit:
    return Unit("line", (), line)


__all__ = ["Fate", "Fated", "Place", "fates"]
