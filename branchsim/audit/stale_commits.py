"""Commits that take files back to an older version, or nearer to how they were before a hotfix, in a whole history."""

from __future__ import annotations

import itertools
import operator
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from branchsim.audit.knowing import TakenBack, only_loses
from branchsim.audit.losses import LossReader, PathLosses, Step
from branchsim.audit.steps import Landed
from branchsim.effects import Live, UnknownContentError, effect_of, similarity, state
from branchsim.git.objects import TreeEntry
from branchsim.history.messages import is_revert_subject, reverted
from branchsim.names import Sha

if TYPE_CHECKING:
    from branchsim.audit.graphlog import GraphLog
    from branchsim.git.log import Commit, RawChange
    from branchsim.history.changes import Change, Changes
    from branchsim.history.landings import History, Landing

_NOTHING = "000000"
_HELD = 64 * 1024 * 1024
_PICKED = frozenset({"cherry-pick", "squash", "rebase"})

StaleCommit: TypeAlias = "tuple[Commit, TakenBack, list[tuple[Landed, PathLosses]]]"
"""A commit, what it took back, and what it lost by that."""


@dataclass(frozen=True, slots=True)
class StaleCommits:
    """Finds them.

    Attributes
    ----------
    history, changes, reader, log
        Where to read.
    arrived : callable
        The landings with which a commit came to each branch.
    known : collection of Sha
        Commits that were judged as something else.
    left_out : Counter of str
        Counts what is no loss.
    """

    history: History
    changes: Changes
    reader: LossReader
    log: GraphLog
    arrived: Callable[[int], Iterator[Landing]]
    known: Collection[Sha] = ()
    left_out: Counter[str] = field(default_factory=Counter)

    def find(self) -> Iterator[StaleCommit]:
        """The commits that lost something by that, ancestors first."""
        graph = self.history.graph
        known: dict[bytes, dict[tuple[str, str], int]] = defaultdict(dict)
        returned: dict[int, list[tuple[RawChange, int]]] = defaultdict(list)
        for number, commit in enumerate(graph.commits):
            for change in commit.changes:
                if change.new_mode in {_NOTHING, "160000"}:
                    continue
                first = known[change.path].setdefault((change.new_mode, change.new), number)
                if first != number and change.old_mode != _NOTHING and not commit.is_merge:
                    returned[number].append((change, first))
        as_it_was = {number: set(took) for number, took in returned.items()}
        self._add_nearer(returned)
        for number, took in sorted(returned.items()):
            commit = graph.commits[number]
            if reverted(commit.message) or is_revert_subject(commit.subject) or not any(self.arrived(number)):
                continue
            if commit.sha in self.known:  # what it overwrote is told by the branch that was squashed
                continue
            mine = [(change, first) for change, first in took if graph.is_ancestor(first, number)]
            if not mine:
                continue
            moments = Counter(first for _, first in mine)
            matched = {change.path: (graph.sha(first), moments[first]) for change, first in mine}
            exact = {change.path for change, first in mine if (change, first) in as_it_was.get(number, ())}
            whole = all(change.path in exact or only_loses(self.reader.deltas, change) for change in commit.changes)
            found = self.reader.read_versions([self._versions(change, first) for change, first in mine])
            self.left_out.update(found.left_out)
            part = Landed(Step({}, frozenset()), commit.parents[0], commit.sha, None)
            losses = [(part, each) for each in found.paths]
            if losses:
                yield commit, TakenBack(matched, whole=whole), losses
            self.reader.forget(above=_HELD)

    def _add_nearer(self, returned: dict[int, list[tuple[RawChange, int]]]) -> None:
        """The commits that take a file nearer to how it was before a hotfix, and lines of the hotfix away with that.

        Comparing every version with every older one would take too long: only files that a hotfix touched are looked
        at.
        """
        graph = self.history.graph
        found: list[tuple[int, int, RawChange, int]] = []
        for path, own in self._fixes().items():
            # One path after the other: what each version of it did is read once for all fixes.
            steps = [(later, change) for later, change in self.log.steps(path) if not graph.commits[later].is_merge]
            taken = {later for later, _ in steps if any(each.path == path for each, _ in returned.get(later, ()))}
            for place, number, fix in own:
                for later, change in steps:
                    if later <= number or later in taken:
                        continue
                    if graph.is_ancestor(number, later) and self._is_nearer(fix, change):
                        found.append((place, later, change, self._origin(fix)))
                        taken.add(later)
        for _, later, change, origin in sorted(found, key=operator.itemgetter(0)):
            returned[later].append((change, origin))

    def _fixes(self) -> dict[bytes, list[tuple[int, int, RawChange]]]:
        """By path what commits of hotfixes did to it, each with its place among all these and its commit's number."""
        graph = self.history.graph
        found: dict[bytes, list[tuple[int, int, RawChange]]] = defaultdict(list)
        place = itertools.count()
        for hotfix in self._hotfixes():
            for number in map(graph.number, hotfix.commits):
                for fix in graph.commits[number].changes:
                    if not {fix.old_mode, fix.new_mode} & {_NOTHING, "160000"}:
                        found[fix.path].append((next(place), number, fix))
        return found

    def _hotfixes(self) -> Iterator[Change]:
        """The changes that came from a family which owes retrofits, or is called after fixes; and their retrofits.

        A retrofit that was picked or squashed is a change of its own, and what stale copies take away is that one.
        """
        owing = {family.pattern for family in self.history.topology.families if family.retrofit}
        for change in self.changes:
            if change.family is not None and (change.family in owing or "fix" in change.family.lower()):
                yield change
                continue
            landing = self.history.landing(change.branch, change.landing)
            if landing is not None and landing.flow == "retrofit" and landing.kind in _PICKED:
                yield change

    def _origin(self, fix: RawChange) -> int:
        """The commit that had made the version a hotfix started from."""
        return next((number for number, change in self.log.steps(fix.path) if change.new == fix.old), 0)

    def _is_nearer(self, fix: RawChange, change: RawChange) -> bool:
        """Whether a commit takes a file nearer to how it was before a hotfix than it was after it."""
        if change.old_mode in {_NOTHING, "160000"} or change.new_mode in {_NOTHING, "160000"}:
            return False
        if not self._takes_away(fix, change):
            return False
        shas = [Sha(fix.old), Sha(fix.new), Sha(change.old), Sha(change.new)]
        self.reader.preload(shas)
        before, after, was, now = (self.reader.units(fix.path, TreeEntry("100644", sha)) for sha in shas)
        if not (before.is_known and after.is_known and was.is_known and now.is_known):
            return False
        had = state(effect_of(before, after), was)
        has = state(effect_of(before, after), now)
        # What was before the hotfix must be back: its old lines, or nothing where it only added some.
        if had.live <= has.live or not (has.restored or has.name is Live.UNDONE):
            return False
        return similarity(now, before) > similarity(now, after)

    def _takes_away(self, fix: RawChange, change: RawChange) -> bool:
        """Whether a commit removed a unit that a hotfix had added, or the reverse; else the fix is as it was."""
        deltas = self.reader.deltas
        deltas.prepare([fix, change])
        try:
            done, now = deltas.of(fix), deltas.of(change)
        except UnknownContentError:
            return False
        return any(more * now.get(unit, 0) < 0 for unit, more in done.items())

    def _versions(self, change: RawChange, first: int) -> tuple[dict[str, bytes], dict[str, TreeEntry]]:
        """A path in the older version, in the parent's and in the commit's, as the three-way table wants them."""
        older = next((each for number, each in self.log.steps(change.path) if number == first), None)
        base = change.new if older is None or older.new_mode in {_NOTHING, "160000"} else older.new
        now = TreeEntry(change.new_mode, Sha(change.new))
        entries = {
            "base": TreeEntry(change.new_mode, Sha(base)),
            "target": TreeEntry(change.old_mode, Sha(change.old)),
            "source": now,
            "merged": now,
        }
        return dict.fromkeys(("base", "target", "source", "merged"), change.path), entries


__all__ = ["StaleCommit", "StaleCommits"]
