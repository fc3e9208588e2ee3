"""A dumb reference model of git: plain dictionaries, no cleverness, nothing shared with the rest of the library.

The files of a `Reference` consist of *places*, so far apart that edits of different places never conflict. A place
holds a set of changes, by name. Merging is the three-way rule for each place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Choice = Literal["both", "ours", "theirs"]
"""How a conflict is resolved: both sides' edits (the right way), or one side whole."""

Held = frozenset[str]

_PADDING = 6


@dataclass(frozen=True, slots=True)
class Change:
    """One change that somebody makes.

    Attributes
    ----------
    name : str
        Its name: ``fix-1``, ``feature-2``.
    number : int
        The place among all changes, from 0.
    kind : str
        ``fix`` or ``feature``.
    place : int
        Where it is, from 0.
    family : str
        The pattern of the family it came from; empty for none.
    """

    name: str
    number: int
    kind: str
    place: int
    family: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """One commit.

    Attributes
    ----------
    parents : tuple of int
        The commits it follows.
    holds : tuple of frozenset of str
        The changes in each place.
    brings : frozenset of str
        The changes that it brings itself, whether or not they survived.
    withdraws : frozenset of (str, str)
        The changes that it takes back on purpose, each with the layer for which.
    """

    parents: tuple[int, ...]
    holds: tuple[Held, ...]
    brings: Held = frozenset()
    withdraws: frozenset[tuple[str, str]] = frozenset()

    @property
    def content(self) -> Held:
        """All changes in it."""
        return frozenset().union(*self.holds)


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come of a merge.

    Attributes
    ----------
    holds : tuple of frozenset of str
        What each place holds afterwards, conflicts resolved.
    conflicts : tuple of int
        The places that conflict.
    bases : int
        How many merge bases there were; more than one is a criss-cross merge.
    """

    holds: tuple[Held, ...]
    conflicts: tuple[int, ...] = ()
    bases: int = 1


class Reference:
    """Commits, branches and changes in plain dictionaries.

    Parameters
    ----------
    places : int
        How many places there are.
    files : int
        Over how many files they are spread.

    Attributes
    ----------
    versions : list of Version
        All commits; a number is an index.
    branches, tags : dict of str to int
        The tips.
    changes : dict of str to Change
        All changes by name.
    """

    def __init__(self, *, places: int, files: int) -> None:
        self.places = places
        self.files = files
        self.versions: list[Version] = []
        # For every commit all that it descends from, and all that came with it.
        self._past: list[frozenset[int]] = []
        self._came: list[Held] = []
        self._append(Version((), (frozenset(),) * places))
        self.branches: dict[str, int] = {}
        self.tags: dict[str, int] = {}
        self.changes: dict[str, Change] = {}

    # -- asking ---------------------------------------------------------------------------------------------------

    def tip(self, branch: str) -> Version:
        """The commit at which a branch stands."""
        return self.versions[self.branches[branch]]

    def content(self, branch: str) -> Held:
        """The changes whose effect is on a branch."""
        return self.tip(branch).content

    def delivered(self, branch: str) -> Held:
        """The changes that have come to a branch, whether or not their effect is still there."""
        return self._came[self.branches[branch]]

    def withdrawn(self, branch: str, layer: str) -> Held:
        """The changes that were taken back for a layer, as far as a branch has heard of it."""
        past = self.ancestors(self.branches[branch])
        return frozenset(
            change for number in past for change, where in self.versions[number].withdraws if where == layer
        )

    def ancestors(self, number: int) -> frozenset[int]:
        """A commit and everything it descends from."""
        return self._past[number]

    def merge_bases(self, ours: int, theirs: int) -> list[int]:
        """The common ancestors that are no ancestors of other common ancestors, the oldest first."""
        common = self.ancestors(ours) & self.ancestors(theirs)
        return sorted(
            number for number in common if not any(number in self.ancestors(other) for other in common - {number})
        )

    def origin(self, change: str, branch: str) -> int | None:
        """The oldest commit in the history of a branch that has one parent and brought a change."""
        past = sorted(self.ancestors(self.branches[branch]))
        return next(
            (
                number
                for number in past
                if change in self.versions[number].brings and len(self.versions[number].parents) == 1
            ),
            None,
        )

    # -- merging --------------------------------------------------------------------------------------------------

    def merged(self, ours: int, theirs: int, choice: Choice) -> Expected:
        """What must come of merging two commits."""
        bases = self.merge_bases(ours, theirs)
        base = self._virtual(bases, depth=0)
        sides = (self.versions[ours].holds, self.versions[theirs].holds)
        expected = three_way(base, *sides, choice)
        return Expected(expected.holds, expected.conflicts, len(bases))

    def picked(self, commit: int, onto: int, choice: Choice) -> Expected:
        """What must come of applying a commit elsewhere."""
        picked = self.versions[commit]
        base = self.versions[picked.parents[0]].holds
        return three_way(base, self.versions[onto].holds, picked.holds, choice)

    def unpicked(self, commit: int, onto: int, choice: Choice) -> Expected:
        """What must come of reverting a commit."""
        reverted = self.versions[commit]
        base = self.versions[reverted.parents[0]].holds
        return three_way(reverted.holds, self.versions[onto].holds, base, choice)

    def _virtual(self, bases: list[int], *, depth: int) -> tuple[Held, ...]:
        """The content of the merge base; of several the merge of them, conflict markers and all, as git makes it."""
        first, *others = bases
        if not others:
            return self.versions[first].holds
        kept = len(self.versions)
        try:
            for other in others:
                base = self._virtual(self.merge_bases(first, other), depth=depth + 1)
                sides = (self.versions[first].holds, self.versions[other].holds)
                expected = three_way(base, *sides, "both")
                # A place with conflict markers in it is equal to nothing that anybody committed.
                mark = frozenset({f"conflict {depth} {first} {other}"})
                holds = tuple(
                    held | mark if place in expected.conflicts else held for place, held in enumerate(expected.holds)
                )
                first = self._append(Version((first, other), holds))
            return self.versions[first].holds
        finally:
            del self.versions[kept:], self._past[kept:], self._came[kept:]

    # -- doing ----------------------------------------------------------------------------------------------------

    def put(self, branch: str, version: Version) -> int:
        """Commit to a branch."""
        self.branches[branch] = self._append(version)
        return self.branches[branch]

    def _append(self, version: Version) -> int:
        number = len(self.versions)
        self.versions.append(version)
        self._past.append(frozenset({number}).union(*(self._past[parent] for parent in version.parents)))
        self._came.append(version.brings.union(*(self._came[parent] for parent in version.parents)))
        return number

    # -- files ----------------------------------------------------------------------------------------------------

    def path(self, place: int) -> str:
        """The file that a place is in."""
        return f"part-{place % self.files + 1}.txt"

    def text(self, holds: tuple[Held, ...]) -> dict[str, str]:
        """The files of a commit.

        A place is a block of lines, one for each change in it, below a line that is another one for every set of
        changes. That line makes git see what this model sees: two different edits of one place always conflict.
        """
        lines: dict[str, list[str]] = {}
        for place, held in enumerate(holds):
            block = lines.setdefault(self.path(place), [])
            block += [opening(place), ":" * (place + 1) + " " + self._seal(held)]
            block += [effect(name) for name in sorted(held, key=lambda name: self.changes[name].number)]
            block += [f"[end of place {place + 1}]"]
            block += [f"Padding {line} after place {place + 1}" for line in range(1, _PADDING + 1)]
        return {path: "\n".join(block) + "\n" for path, block in lines.items()}

    def _seal(self, held: Held) -> str:
        numbers = {self.changes[name].number for name in held}
        return "".join("+" if number in numbers else "-" for number in range(max(numbers, default=-1) + 1)) or "."


def opening(place: int) -> str:
    """The line at which a place begins."""
    return f"[place {place + 1}]"


def effect(change: str) -> str:
    """The line that shows in the file that a change is there."""
    return f"The effect of {change} is here."


def three_way(base: tuple[Held, ...], ours: tuple[Held, ...], theirs: tuple[Held, ...], choice: Choice) -> Expected:
    """Merge place by place."""
    holds: list[Held] = []
    conflicts: list[int] = []
    for place, (old, left, right) in enumerate(zip(base, ours, theirs, strict=True)):
        if right in (left, old):
            holds.append(left)
        elif left == old:
            holds.append(right)
        else:
            conflicts.append(place)
            both = (left & right) | (left - old) | (right - old)
            holds.append({"both": both, "ours": left, "theirs": right}[choice])
    return Expected(tuple(holds), tuple(conflicts))


__all__ = ["Change", "Choice", "Expected", "Held", "Reference", "Version", "effect", "opening", "three_way"]
