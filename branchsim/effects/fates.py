"""Fates: what stands where a lost unit stood; a line whose older text is back is worse off than a rewritten one."""

from __future__ import annotations

import enum
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from branchsim.effects.align import Place
from branchsim.effects.presence import Side, Verdict, What
from branchsim.effects.regions import Region, Regions
from branchsim.effects.text import Limits, has_words
from branchsim.effects.tokens import tokens_of
from branchsim.effects.units import Unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from branchsim.effects.filters import Scene

_LIMITS = Limits()
_SAME_WORDS = 0.85
_FEWEST_LINES = 2
_WORD = re.compile(r"\w+")


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
    UNRESOLVED = "unresolved"
    """It is the mark of a conflict, and stands in the result."""
    MALFORMED = "malformed"
    """Nothing can be read there any more: the result is not what the name of the path says."""


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
    region : Region
        What the other side did there.
    reordered : bool
        Whether the lines of the place say the same as those that stood there, in another order.
    alike : float
        How many of its words the most similar line in its place has, from 0 to 1.
    """

    verdict: Verdict
    fate: Fate
    place: Place | None = None
    instead: tuple[str, ...] = ()
    region: Region = Region.UNKNOWN
    reordered: bool = False
    alike: float = 0.0


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
    regions = Regions(scene)
    found = []
    for verdict in losses:
        if not verdict.is_loss:
            continue
        if verdict.unit.kind == "line":
            side = "source" if verdict.side is Side.SOURCE else "target"
            fated = aligned[side].fate(verdict)
        else:
            fated = _keyed(verdict, scene)
        region = Region.CONTESTED if verdict.what in (What.UNRESOLVED, What.MALFORMED) else regions.of(verdict)
        found.append(replace(fated, region=region))
    return found


def _keyed(verdict: Verdict, scene: Scene) -> Fated:
    """The fate of a unit that has a place of its own: what is at that place now."""
    if verdict.what is What.MALFORMED:
        return Fated(verdict, Fate.MALFORMED)
    if verdict.what is What.EVIL_REMOVAL:
        return Fated(verdict, Fate.EVIL_REMOVAL)
    mine, theirs = ("source", "target") if verdict.side is Side.SOURCE else ("target", "source")
    own, other = scene.version(mine), scene.version(theirs)
    unit = verdict.unit
    here = sorted(_beside(unit, scene, "merged"))
    instead = tuple(one.value for one in here if one != unit)
    if verdict.what is What.UNDONE:
        replaced = unit.kind != "path" and any(one not in scene.base.counts for one in _beside(unit, scene, mine))
        return Fated(verdict, Fate.EDIT_UNDONE if replaced else Fate.DELETION_UNDONE)
    if any(one in scene.base.counts and one not in own.counts for one in here):
        return Fated(verdict, Fate.EDIT_UNDONE, None, instead)
    if any(one in other.counts and one not in own.counts for one in here):
        fate = Fate.VANISHED if _is_one_of_many(unit, scene, mine) else Fate.OTHER_SIDE
        return Fated(verdict, fate, None, instead)
    fresh = any(one not in own.counts for one in here)
    return Fated(verdict, Fate.REWRITTEN if fresh else Fate.VANISHED, None, instead)


def _is_one_of_many(unit: Unit, scene: Scene, mine: str) -> bool:
    """Whether a side only added a value to a list: another value there is not in its place."""
    if unit.kind != "element":
        return False
    was, now = (scene.values[name].get(unit.key, ()) for name in ("base", mine))
    return len(now) > len(was) > 0 and all(value in now for value in was)


def _beside(unit: Unit, scene: Scene, name: str) -> list[Unit]:
    """The units that a version has at the place of a unit."""
    if unit.kind == "element":
        return [Unit("element", unit.key, value) for value in scene.values[name].get(unit.key, ())]
    return [one for one in scene.version(name).counts if one.kind == unit.kind and one.key == unit.key]


class _There(NamedTuple):
    """What a place has to say about each line that was lost there.

    Attributes
    ----------
    here, gone : tuple of str
        The lines of the result that stand there, and those of the side that stood there.
    reordered : bool
        Whether they say the same in another order.
    """

    here: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    reordered: bool = False


class _Alignment:
    """One side's lines against those of the result, made when the first line asks."""

    def __init__(self, scene: Scene, side: str) -> None:
        self._scene = scene
        self._own = scene.version(side)
        self._other = scene.target if side == "source" else scene.source
        self._side = side
        self._places: dict[bool, dict[str, list[Place]]] | None = None
        self._lines: dict[str, list[str]] = {}
        self._replaced: frozenset[str] | None = None
        self._there: dict[Place | None, _There] = {None: _There()}
        self._fates: dict[Place | None, Fate] = {}
        self._words: dict[Place, list[tuple[int, Counter[str]]]] = {}

    def fate(self, verdict: Verdict) -> Fated:
        back = verdict.what in (What.UNDONE, What.UNRESOLVED)
        places = self._find()[back].get(verdict.unit.value, [])
        place = places[0] if places else None
        if verdict.what is What.UNRESOLVED:
            return Fated(verdict, Fate.UNRESOLVED, place)
        there = self._there.get(place) or self._look(place)
        if verdict.what is What.EVIL_REMOVAL:
            return Fated(verdict, Fate.EVIL_REMOVAL, place, there.here, reordered=there.reordered)
        if back:
            brought = any(self._is_own(line) for line in there.gone)
            fate = Fate.EDIT_UNDONE if brought else Fate.DELETION_UNDONE
            return Fated(verdict, fate, place, (), reordered=there.reordered)
        if place not in self._fates:
            self._fates[place] = self._instead(there.here, place)
        alike = self._alike(verdict.unit.value, place)
        return Fated(verdict, self._fates[place], place, there.here, reordered=there.reordered, alike=alike)

    def _look(self, place: Place | None) -> _There:
        assert place is not None  # noqa: S101  what is nowhere is known from the start
        result, mine = self._lines["merged"], self._lines[self._side]
        here = tuple(line for line in result[place.start : place.stop] if line)
        gone = tuple(line for line in mine[place.side_start : place.side_stop] if line)
        found = self._there[place] = _There(here, gone, _is_reordered(gone, here))
        return found

    def _alike(self, line: str, place: Place | None) -> float:
        """How many of its words the most similar line of a place has: the shared words against all of both."""
        if place is None:
            return 0.0
        if place not in self._words:
            counted = (Counter(_WORD.findall(one)) for one in dict.fromkeys(self._there[place].here))
            self._words[place] = [(words.total(), words) for words in counted]
        own = Counter(_WORD.findall(line))
        size = own.total()
        best = 0.0
        for total, words in self._words[place]:
            # No more words can be shared than the shorter line has.
            if total + size and 2 * min(total, size) / (total + size) > best:
                best = max(
                    best, 2 * sum(min(count, words.get(word, 0)) for word, count in own.items()) / (total + size)
                )
        return best

    def _instead(self, here: Sequence[str], place: Place | None) -> Fate:
        if place is None:
            return Fate.REWRITTEN
        fresh = [line for line in here if has_words(line, _LIMITS.word_characters)]
        base, own, other = (version.counts for version in (self._scene.base, self._own, self._other))
        old = theirs = 0
        for line in fresh:
            unit = _unit(line)
            if base.get(unit, 0) > own.get(unit, 0) or self._was_replaced(line):
                old += 1
            elif other.get(unit, 0) > base.get(unit, 0):
                theirs += 1
        if not fresh:
            return Fate.VANISHED
        if old and old >= theirs:
            return Fate.EDIT_UNDONE
        return Fate.OTHER_SIDE if theirs else Fate.REWRITTEN

    def _was_replaced(self, line: str) -> bool:
        """Whether the side had replaced a line of the same tokens: in another layout it is the old text still."""
        if self._replaced is None:
            base, own = self._scene.base.counts, self._own.counts
            self._replaced = frozenset(
                tokens_of(unit.value, self._scene.family)
                for unit, count in base.items()
                if unit.kind == "line" and count > own.get(unit, 0)
            )
        return tokens_of(line, self._scene.family) in self._replaced

    def _is_own(self, line: str) -> bool:
        unit = _unit(line)
        return self._own.counts.get(unit, 0) > self._scene.base.counts.get(unit, 0)

    def _find(self) -> dict[bool, dict[str, list[Place]]]:
        """For each line its places: those that only the side has, and (True) those that only the result has."""
        if self._places is not None:
            return self._places
        self._places = {False: {}, True: {}}
        one, other = (self._scene.lines[name] or [""] for name in (self._side, "merged"))
        self._lines = {self._side: one, "merged": other}
        for place in self._scene.places[self._side]:
            for line in one[place.side_start : place.side_stop]:
                self._places[False].setdefault(line, []).append(place)
            for line in other[place.start : place.stop]:
                self._places[True].setdefault(line, []).append(place)
        return self._places


def _is_reordered(gone: Sequence[str], here: Sequence[str]) -> bool:
    """Whether several lines give way to others of nearly the same words in another order.

    Where the words are the same in the same order, something else differs: an operator, a bracket. That is an edit.
    """
    if len(gone) < _FEWEST_LINES or len(here) < _FEWEST_LINES:
        return False
    before, after = ([word for line in lines for word in _WORD.findall(line)] for lines in (gone, here))
    if before == after:
        return False
    first, second = Counter(before), Counter(after)
    union = (first | second).total()
    return union > 0 and (first & second).total() >= _SAME_WORDS * union


def _unit(line: str) -> Unit:
    return Unit("line", (), line)


__all__ = ["Fate", "Fated", "Place", "fates"]
