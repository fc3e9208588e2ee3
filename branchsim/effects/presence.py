"""Presence: what a change did to a path, whether that is in another version, and what a landing did to both sides.

Presence is a matter of counts: a line may stand in a file five times. The table of four bits (base, target, source,
merged) is read for each copy; where counts leave open which copy is which, the reading with the fewest losses counts.
"""

from __future__ import annotations

import enum
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from branchsim.effects.text import MARKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from branchsim.effects.units import Unit, Units


class What(enum.Enum):
    """What a landing did to a unit."""

    KEPT = "kept"
    LOST = "lost"
    """A side had brought it (the base lacks it), and the result lacks it."""
    EVIL_REMOVAL = "evil-removal"
    """Base and both sides have it, and the result lacks it."""
    UNDONE = "deletion-undone"
    """A side had removed it, and the result has it again."""
    NEW = "new"
    """Only the result has it: not a loss."""
    UNRESOLVED = "unresolved"
    """Only the result has it, and it is the mark of a conflict: the two sides stand there unjoined."""
    MALFORMED = "malformed"
    """The result as a whole is not what its name says, although both sides are."""


class Side(enum.Enum):
    """On which side of a landing something happened."""

    TARGET = "target"
    """The tip it landed on: a live change was overwritten."""
    SOURCE = "source"
    """What landed: an incoming change was not delivered."""
    BOTH = "both"


class Verdict(NamedTuple):
    """What a landing did to some copies of one unit.

    Attributes
    ----------
    unit : Unit
        Which.
    what : What
        The row of the table.
    side : Side
        Whose edit it was; both for a copy that both sides have, lack, or brought alike.
    copies : int
        How many.
    """

    unit: Unit
    what: What
    side: Side
    copies: int

    @property
    def is_loss(self) -> bool:
        """Whether something that was expected is not so."""
        return self.what in _LOSSES


_LOSSES = frozenset({What.LOST, What.EVIL_REMOVAL, What.UNDONE, What.UNRESOLVED, What.MALFORMED})


def is_mark(unit: Unit) -> bool:
    """Whether a line begins or ends a conflict, as git writes it into a file."""
    return unit.kind == "line" and unit.value.startswith(MARKS)


def judge(base: Units, target: Units, source: Units, merged: Units, *, kept: bool = False) -> list[Verdict]:
    """The three-way table for one path.

    Parameters
    ----------
    base, target, source, merged : Units
        The path in the merge base, in the tip that was landed on, in what landed, and in the result. All must be read
        in one form, see `units_together`.
    kept : bool
        Whether edits that the result has are listed too.

    Returns
    -------
    list of Verdict
        Sorted by unit. Units that neither side touched and that the result has are not listed.

    Raises
    ------
    UnknownContentError
        One of the versions could not be read.
    """
    b, t, s, m = (units.require_known() for units in (base, target, source, merged))
    if (m is t and b is s) or (m is s and b is t):
        return []
    verdicts: list[Verdict] = []
    units = b.keys() | t.keys() | s.keys() | m.keys()
    for unit in units:
        counts = (b.get(unit, 0), t.get(unit, 0), s.get(unit, 0), m.get(unit, 0))
        if counts[0] == counts[1] == counts[2] == counts[3]:
            continue
        if not any(counts[:3]) and is_mark(unit):
            verdicts.append(Verdict(unit, What.UNRESOLVED, Side.BOTH, counts[3]))
            continue
        verdicts.extend(
            Verdict(unit, what, side, count) for what, side, count in _weigh(*counts) if kept or what is not What.KEPT
        )
    verdicts.sort(key=_order)
    return verdicts


def _order(verdict: Verdict) -> tuple[Unit, str, str]:
    return verdict.unit, verdict.what.value, verdict.side.value


def _weigh(b: int, t: int, s: int, m: int) -> list[tuple[What, Side, int]]:
    """The table for the copies of one unit, from how many of them each version has."""
    if t >= b and s >= b:
        rows = _both_kept(b, t, s, m)
    elif t <= b and s <= b:
        rows = _both_cut(b, t, s, m)
    elif t > b:
        rows = _one_each(b, t, s, m, Side.TARGET)
    else:
        rows = _one_each(b, s, t, m, Side.SOURCE)
    return [(what, side, count) for what, side, count in rows if count > 0]


def _both_kept(b: int, t: int, s: int, m: int) -> list[tuple[What, Side, int]]:
    """Neither side removed copies. What both added may be one addition or two: at least the larger is expected."""
    fewer, more = sorted((t, s))
    larger = Side.TARGET if t > s else Side.SOURCE
    have = max(m, b)
    return [
        (What.EVIL_REMOVAL, Side.BOTH, b - m),
        (What.LOST, Side.BOTH, fewer - have if m < fewer else 0),
        (What.LOST, larger, more - max(have, fewer)),
        (What.KEPT, Side.BOTH, min(m, fewer) - b),
        (What.KEPT, larger, min(m, more) - fewer),
        (What.KEPT, Side.BOTH, min(m, t + s - b) - more),
        (What.NEW, Side.BOTH, m - (t + s - b)),
    ]


def _both_cut(b: int, t: int, s: int, m: int) -> list[tuple[What, Side, int]]:
    """Neither side added copies. What both removed may be the same copies or others: down to `least` may be left."""
    fewer, more = sorted((t, s))
    least = max(0, t + s - b)
    cutter = Side.TARGET if t < s else Side.SOURCE
    back = min(m, b)
    return [
        (What.EVIL_REMOVAL, Side.BOTH, least - m),
        (What.UNDONE, cutter, min(back, more) - fewer),
        (What.UNDONE, Side.BOTH, back - more),
        (What.KEPT, cutter, more - max(m, fewer)),
        (What.KEPT, Side.BOTH, b - max(m, more)),
        (What.NEW, Side.BOTH, m - b),
    ]


def _one_each(b: int, plus: int, minus: int, m: int, adder: Side) -> list[tuple[What, Side, int]]:
    """One side added copies and the other removed some: the result is expected to have done both."""
    cutter = Side.SOURCE if adder is Side.TARGET else Side.TARGET
    added, cut = plus - b, b - minus
    expected = minus + added
    short, extra = max(0, expected - m), max(0, m - expected)
    lost, undone = min(short, added), min(extra, cut)
    return [
        (What.LOST, adder, lost),
        (What.EVIL_REMOVAL, Side.BOTH, short - lost),
        (What.UNDONE, cutter, undone),
        (What.KEPT, adder, added - lost),
        (What.KEPT, cutter, cut - undone),
        (What.NEW, Side.BOTH, extra - undone),
    ]


def expected(base: Units, target: Units, source: Units) -> Counter[Unit]:
    """The units that a result should have, by the table; for a unit that both sides changed alike, once.

    Raises
    ------
    UnknownContentError
        One of the versions could not be read.
    """
    b, t, s = (units.require_known() for units in (base, target, source))
    result: Counter[Unit] = Counter()
    for unit in b.keys() | t.keys() | s.keys():
        was, one, other = b.get(unit, 0), t.get(unit, 0), s.get(unit, 0)
        if one >= was and other >= was:
            count = max(one, other)
        elif one <= was and other <= was:
            count = min(one, other)
        else:
            count = one + other - was
        if count > 0:
            result[unit] = count
    return result


# -- one change ----------------------------------------------------------------------------------------------------


class Alteration(NamedTuple):
    """An element whose value was changed."""

    before: Unit
    after: Unit


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change did to one path.

    Attributes
    ----------
    added, removed : Counter of Unit
        Copies that it added and removed, without the altered ones.
    altered : tuple of Alteration
        Elements that had one value before and have one other value since; sorted.
    before, after : Units
        The path before and after.
    """

    added: Counter[Unit]
    removed: Counter[Unit]
    altered: tuple[Alteration, ...]
    before: Units
    after: Units

    def __len__(self) -> int:
        return self.added.total() + self.removed.total() + len(self.altered)

    @property
    def units(self) -> frozenset[Unit]:
        """Every unit it touched."""
        return frozenset(self.added.keys() | self.removed.keys() | {unit for pair in self.altered for unit in pair})


def effect_of(before: Units, after: Units) -> Effect:
    """What a change did to one path, from the path before and after it.

    Raises
    ------
    UnknownContentError
        One of the versions could not be read.
    """
    old, new = before.require_known(), after.require_known()
    added = Counter({unit: count - old[unit] for unit, count in new.items() if count > old.get(unit, 0)})
    removed = Counter({unit: count - new[unit] for unit, count in old.items() if count > new.get(unit, 0)})
    altered = []
    was, now = _single(removed), _single(added)
    for place in sorted(was.keys() & now.keys()):
        one, other = was[place], now[place]
        if one is not None and other is not None:
            altered.append(Alteration(one, other))
            del removed[one], added[other]
    return Effect(added, removed, tuple(altered), before, after)


def _single(units: Counter[Unit]) -> dict[tuple[str, tuple[str, ...]], Unit | None]:
    """For each place the one unit there, None where there are several. Lines have no place."""
    found: dict[tuple[str, tuple[str, ...]], Unit | None] = {}
    for unit, count in units.items():
        if unit.kind not in ("line", "path"):
            place = (unit.kind, unit.key)
            found[place] = unit if count == 1 and place not in found else None
    return found


class Live(enum.Enum):
    """Whether a change's effect is in a version."""

    LIVE = "live"
    PARTIAL = "partial"
    """Some of it is there."""
    UNDONE = "undone"
    """What was before the change is back."""
    REWRITTEN = "rewritten"
    """Neither: something else stands there."""
    GONE = "gone"
    """The path is not there any more."""
    NOTHING = "nothing"
    """The change has no effect that could be looked for."""


@dataclass(frozen=True, slots=True)
class State:
    """Whether a change's effect is there, with the counts that say so.

    Attributes
    ----------
    name : Live
        The answer.
    live, undone, rewritten, gone : int
        Units (copies) of each fate; together all units of the effect.
    missing : tuple of Unit
        Units that the change brought and that are not there; sorted.
    restored : tuple of Unit
        Units that the change removed and that are there again; sorted.
    absent : int
        How many of the live ones are live only because they are not there. Where an edit was edited again, the old text
        is still away and yet nothing of the edit is there; so the name counts only those beyond what is missing.
    """

    name: Live
    live: int
    undone: int
    rewritten: int
    gone: int
    missing: tuple[Unit, ...] = ()
    restored: tuple[Unit, ...] = ()
    absent: int = 0

    @property
    def total(self) -> int:
        """All units of the effect."""
        return self.live + self.undone + self.rewritten + self.gone


def state(effect: Effect, now: Units, *, elsewhere: Mapping[Unit, int] | None = None) -> State:
    """Whether the effect of a change on one path is in a version of that path.

    Parameters
    ----------
    effect : Effect
        What the change did.
    now : Units
        The path as it is now; under its new name if it was renamed, `ABSENT` if it is not there.
    elsewhere : mapping of Unit to int, optional
        Units that came to other paths since (the code was moved): what is missing here and there is live.

    Raises
    ------
    UnknownContentError
        The version could not be read.
    """
    counts = now.require_known()
    moved = elsewhere or {}
    tally = _Tally()
    newcomers = _Newcomers(effect, now)
    brought = bool(effect.added or effect.altered)
    for unit, count in effect.removed.items():
        back = min(count, max(0, counts.get(unit, 0) - effect.after.counts.get(unit, 0)))
        tally.undone += back
        if back:
            tally.restored.append(unit)
        # Where the whole path is not there, a missing line says nothing, unless the change only removed.
        if now.is_present or not brought:
            tally.absent += count - back
        else:
            tally.gone += count - back
    replaced = bool(effect.removed) and not tally.restored
    for unit, count in effect.added.items():
        there = min(count, max(0, counts.get(unit, 0) - effect.before.counts.get(unit, 0)) + moved.get(unit, 0))
        tally.live += there
        if there < count:
            tally.missing.append(unit)
            tally.count(count - there, present=now.is_present, replaced=replaced or newcomers.has(unit))
    for pair in effect.altered:
        if counts.get(pair.after, 0) or moved.get(pair.after, 0):
            tally.live += 1
            continue
        tally.missing.append(pair.after)
        if counts.get(pair.before, 0):
            tally.undone += 1
            tally.restored.append(pair.before)
        else:
            tally.count(1, present=newcomers.at(pair.after), replaced=True)
    return tally.state()


class _Tally:
    """Counts by fate while one effect is looked up."""

    def __init__(self) -> None:
        self.live = self.absent = self.undone = self.rewritten = self.gone = 0
        self.missing: list[Unit] = []
        self.restored: list[Unit] = []

    def count(self, copies: int, *, present: bool, replaced: bool) -> None:
        if not present:
            self.gone += copies
        elif replaced:
            self.rewritten += copies
        else:
            self.undone += copies

    def state(self) -> State:
        fates = (self.live + self.absent, self.undone, self.rewritten, self.gone)
        name = _summary(*fates, self.absent)
        return State(name, *fates, tuple(sorted(self.missing)), tuple(sorted(self.restored)), self.absent)


def _summary(live: int, undone: int, rewritten: int, gone: int, absent: int) -> Live:
    missing = undone + rewritten + gone
    if not live + missing:
        return Live.NOTHING
    if not missing:
        return Live.LIVE
    if live - min(absent, rewritten + gone):
        return Live.PARTIAL
    # Whoever rewrote it had seen it: "undone" and "gone" are claimed only where nothing speaks against them.
    if rewritten:
        return Live.REWRITTEN
    return Live.UNDONE if undone >= gone else Live.GONE


_ALIKE = 0.5
_COMPARED = 2000
_WORD = re.compile(r"\w+")


class _Newcomers:
    """What came to a path since a change: whether something of it stands where a missing unit stood."""

    def __init__(self, effect: Effect, now: Units) -> None:
        self._known = effect.after.counts.keys() | effect.before.counts.keys()
        self._now = now
        self._lines: list[frozenset[str]] | None = None
        self._keys: frozenset[tuple[str, ...]] = frozenset()

    def at(self, unit: Unit) -> bool:
        """Whether anything stands where a unit with a place of its own stood."""
        return any(other.kind == unit.kind and other.key == unit.key for other in self._now.counts)

    def has(self, unit: Unit) -> bool:
        """Whether something new stands where a unit stood, or is like it."""
        if self._lines is None:
            fresh = self._now.counts.keys() - self._known
            lines = sorted(other.value for other in fresh if other.kind == "line")[:_COMPARED]
            self._lines = [frozenset(_WORD.findall(line)) for line in lines]
            self._keys = frozenset(other.key for other in fresh if other.kind == "element")
        if unit.kind == "element":
            return unit.key in self._keys
        if unit.kind != "line":
            return unit.kind != "path"
        words = frozenset(_WORD.findall(unit.value))
        return bool(words) and any(len(words & others) >= _ALIKE * len(words | others) for others in self._lines)


def combine(states: Iterable[State]) -> State:
    """The state of a change that touched several paths, from its states on each."""
    parts = list(states)
    live, undone, rewritten, gone, absent = (
        sum(getattr(part, name) for part in parts) for name in ("live", "undone", "rewritten", "gone", "absent")
    )
    return State(
        _summary(live, undone, rewritten, gone, absent),
        live,
        undone,
        rewritten,
        gone,
        tuple(sorted(unit for part in parts for unit in part.missing)),
        tuple(sorted(unit for part in parts for unit in part.restored)),
        absent,
    )


__all__ = [
    "Alteration",
    "Effect",
    "Live",
    "Side",
    "State",
    "Verdict",
    "What",
    "combine",
    "effect_of",
    "expected",
    "is_mark",
    "judge",
    "state",
]
