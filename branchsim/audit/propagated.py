"""Reverts that came to a branch from another one, and took away there what nobody on it had decided to give up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from branchsim.audit.reverts import Reverts, Withdrawal, lasting, taken_back
from branchsim.effects import Effect, Live, State, combine, effect_of, state
from branchsim.git.objects import TreeEntry
from branchsim.history.messages import is_revert_subject, reverted
from branchsim.names import Sha

if TYPE_CHECKING:
    from branchsim.audit.losses import LossReader
    from branchsim.git.log import Commit
    from branchsim.history.changes import Change, Changes
    from branchsim.history.landings import History, Landing

_NOTHING = "000000"
_KEPT = 0.8
"""A branch that holds at least this share of what a revert takes away has it."""
_MOMENTS = 24
"""So many later landings are asked whether they brought it back, or rewrote it."""


@dataclass(frozen=True, slots=True)
class Propagated:
    """A revert that a branch received.

    Attributes
    ----------
    landing : Landing
        With what it came.
    commit : Commit
        The revert.
    home, hurt : Change
        The change that the revert belongs to, and the one that it takes away.
    back : Landing or None
        The later landing that brought it back.
    restored_by : Sha or None
        The commit that did.
    superseded_by : Landing or None
        The later landing that rewrote or removed what the revert had put back, where nothing brought the other back.
    """

    landing: Landing
    commit: Commit
    home: Change
    hurt: Change
    back: Landing | None = None
    restored_by: Sha | None = None
    superseded_by: Landing | None = None


@dataclass(frozen=True, eq=False)
class PropagatedReverts:
    """Finds them.

    Attributes
    ----------
    history, changes, reader
        Where to read.
    arrived : callable
        The landings with which a commit came to each branch.
    """

    history: History
    changes: Changes
    reader: LossReader
    arrived: Callable[[int], Iterator[Landing]]
    _folded: dict[str, Reverts] = field(default_factory=dict)

    def find(self) -> Iterator[Propagated]:
        """Each on each branch that received it, ancestors first."""
        graph = self.history.graph
        for number, commit in enumerate(graph.commits):
            for prefix in reverted(commit.message):
                target = graph.find_abbreviated(prefix)
                home = self.changes.of_commit(commit.sha)
                if target is None or home is None or self._was_tried(home, target, number):
                    continue
                for hurt in self._reverted_changes(target):
                    if home.branch != hurt.branch and not self._lands_again(home, hurt):
                        yield from self._received(number, commit, home, hurt)

    def _received(self, number: int, commit: Commit, home: Change, hurt: Change) -> Iterator[Propagated]:
        own = [self.history.graph.number(sha) for sha in hurt.commits if not self.history.commit(sha).is_merge]
        for landing in self.arrived(number):
            if landing.branch == home.branch or not own or not all(self._had(landing, each) for each in own):
                continue
            back = self._brought_back(landing, commit)
            # What came together with its revert was never gone.
            if back is not None and back.place <= landing.place:
                continue
            found = Propagated(landing, commit, home, hurt)
            if back is not None:
                with_ = self.history.landings[landing.branch][back.place]
                yield Propagated(landing, commit, home, hurt, with_, back.commit)
            elif (told := self._by_content(found)) is not None:
                yield told

    def _was_tried(self, home: Change, target: int, revert: int) -> bool:
        """Whether a work branch took back what it had tried itself: both came together to where it landed.

        Another branch may have received the one before the other. A merge brings what others did.
        """
        arrived = self.history.arrivals[home.branch]
        return not self.history.graph.commits[target].is_merge and 0 <= arrived[target] == arrived[revert]

    def _lands_again(self, home: Change, hurt: Change) -> bool:
        """Whether the change that is reverted is itself a revert, or only took back what came from that branch."""
        members = lasting(self.history, hurt.commits)
        if members and all(is_revert_subject(member.subject) for member in members):
            return True
        taken = [sha for member in members for sha in taken_back(self.history, member) or [member.sha]]
        return all((known := self.changes.of_commit(sha)) is not None and known.branch == home.branch for sha in taken)

    def _reverted_changes(self, target: int) -> list[Change]:
        """The changes that the revert of a commit takes away; of a merge, those that it brought."""
        graph = self.history.graph
        parents = graph.parents[target]
        shas = [graph.sha(target)]
        if len(parents) > 1:
            shas += [graph.sha(number) for number in graph.between(parents[:1], target)]
        found = {
            change.id: change
            for sha in shas
            if not self.history.commit(sha).is_merge and (change := self.changes.of_commit(sha)) is not None
        }
        return list(found.values())

    def _brought_back(self, landing: Landing, revert: Commit) -> Withdrawal | None:
        """The revert of a revert on the branch that received it."""
        if landing.branch not in self._folded:
            self._folded[landing.branch] = Reverts(self.history, landing.branch)
        return self._folded[landing.branch].of((revert.sha,), (revert.subject,), landing.place)

    def _had(self, landing: Landing, target: int) -> bool:
        place = int(self.history.arrivals[landing.branch][target])
        return 0 <= place < landing.place

    def _by_content(self, found: Propagated) -> Propagated | None:
        """The same with what later landings made of it; None where the branch kept it in spite of the revert."""
        effects = self._effects(found.commit)
        now = self._state(effects, found.landing)
        if not now.total:
            return found
        if now.live >= _KEPT * now.total:
            return None
        successor: Landing | None = None
        for landing in islice(self.history.touching(effects, found.landing), _MOMENTS):
            then = self._state(effects, landing)
            if then.live >= _KEPT * then.total:
                return Propagated(found.landing, found.commit, found.home, found.hurt, landing, landing.sha)
            if successor is None and then.name in {Live.REWRITTEN, Live.GONE}:
                successor = landing
        return Propagated(found.landing, found.commit, found.home, found.hurt, superseded_by=successor)

    def _effects(self, revert: Commit) -> dict[bytes, Effect]:
        """What would take the revert back, path by path."""
        found = {}
        for raw in revert.changes:
            without, with_ = (
                None if mode == _NOTHING else TreeEntry(mode, Sha(sha))
                for mode, sha in ((raw.new_mode, raw.new), (raw.old_mode, raw.old))
            )
            before, after = self.reader.together(raw.path, [without, with_])
            if before.is_known and after.is_known:
                found[raw.path] = effect_of(before, after)
        return found

    def _state(self, effects: dict[bytes, Effect], landing: Landing) -> State:
        tree = self.history.commit(landing.sha).tree
        entries = self.reader.entries([(tree, path) for path in effects])
        units = {path: self.reader.units(path, entries.get((tree, path))) for path in effects}
        return combine(state(effects[path], now) for path, now in units.items() if now.is_known)


__all__ = ["Propagated", "PropagatedReverts"]
