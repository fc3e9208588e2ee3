"""Changes that arrived on a branch, and that a later landing overwrote there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

from branchsim.audit.holding import effects_of_change, paths_of_change, states_in
from branchsim.audit.losses import LossReader
from branchsim.audit.ranks import is_main
from branchsim.effects import Effect, Live, State, combine
from branchsim.git.repository import Repository
from branchsim.history.changes import Change, Changes
from branchsim.history.landings import History, Landing
from branchsim.names import Sha

if TYPE_CHECKING:
    from branchsim.audit.overwrites import Overwrite

SERIOUS = 0.2
"""An overwrite of at least this rank counts: what hurts a change that is owed deserves more than its rank says."""

_NOT_BACK = frozenset({"open", "superseded"})

KEPT = 0.8
"""A branch that holds at least this share of a change has it."""

_HELD = 64 * 1024 * 1024
_MOMENTS = 12
"""So many later landings are asked whether they brought something back."""


@dataclass(frozen=True, slots=True)
class Blow:
    """What became of a change after it had arrived.

    Attributes
    ----------
    overwrite : Overwrite
        The first landing that took something of it away for good.
    share : float
        The share of it that the branch holds now, 0 to 1.
    whole : bool
        Whether nothing of it was left after that landing, or is left now.
    """

    overwrite: Overwrite
    share: float
    whole: bool


class Hurt:
    """The changes that one branch had and lost.

    Parameters
    ----------
    repository : Repository
        Where to read.
    history, changes : History, Changes
        The replay.
    branch : str
        The branch.
    overwrites : sequence of Overwrite
        Of all branches.
    reader : LossReader
        Reads and parses the blobs.
    """

    def __init__(
        self,
        repository: Repository,
        history: History,
        changes: Changes,
        branch: str,
        overwrites: Sequence[Overwrite],
        reader: LossReader,
    ) -> None:
        self._repository = repository
        self._history = history
        self._changes = changes
        self._branch = branch
        self._reader = reader
        self._by_commit: dict[Sha, list[Overwrite]] = defaultdict(list)
        for each in overwrites:
            if each.branch == branch and each.rank >= SERIOUS and each.state in _NOT_BACK:
                for sha in (each.change, *each.commits):
                    self._by_commit[sha].append(each)

    def since(self, commits: Iterable[Sha], arrived: Landing, without: Collection[bytes] = ()) -> Blow | None:
        """What a landing took away for good of a change that arrived as some commits; None if it is still there.

        Paths in ``without`` do not count.
        """
        found = {
            each.landing: each
            for sha in commits
            for each in self._by_commit.get(sha, ())
            if each.path.encode("utf-8", "surrogateescape") not in without
        }
        later = []
        for each in found.values():
            landing = self._history.arrival(self._branch, each.landing)
            if landing is not None and landing.place >= arrived.place:
                later.append((landing.place, each))
        if not later:
            return None
        _, first = min(later, key=lambda pair: (pair[0], -pair[1].rank, pair[1].path))
        change = self._form_of(first)
        if change is None:
            return None
        share = self.share(change, self._history.landings[self._branch][-1], without)
        if share >= KEPT:
            return None
        return Blow(first, share, share == 0.0 or self._share(change, first.landing, without) == 0.0)

    def share(self, change: Change, landing: Landing, without: Collection[bytes] = ()) -> float:
        """The share of a change that the branch holds after a landing, 0 to 1; paths in ``without`` do not count."""
        return self._share(change, landing.sha, without)

    def brought_back(
        self, change: Change, paths: Collection[bytes], merge: Sha, arrived: Landing
    ) -> tuple[Landing, float] | None:
        """The landing with which a branch has what a merge dropped, and the share of it that it holds now.

        That may be the one which brought the merge, where the branch had the text already. None where it does not hold
        it now, or where the same text stood in the merge all the same.
        """
        line = self._history.landings[self._branch]
        share = self._share_in(change, line[-1].sha, paths)
        if share < KEPT or self._share_in(change, merge, paths) >= KEPT:
            return None
        asked = chain([arrived], self.touching(paths, arrived))
        found = (landing for landing in asked if self._share_in(change, landing.sha, paths) >= KEPT)
        return next(found, line[-1]), share

    def touching(self, paths: Collection[bytes], since: Landing) -> Iterator[Landing]:
        """The next landings on the branch after one that touch any of some paths, as many as are asked."""
        return islice(self._history.touching(paths, since), _MOMENTS)

    def made_again(self, change: Change, paths: Collection[bytes], reverted: Landing) -> tuple[Landing, float] | None:
        """The landing after a revert with which a branch has a change once more, and the share of it that it has then.

        None where there is none, or where the revert itself left the text there. Its tests need not be the same.
        """
        ignored = self._history.topology.ignored
        paths = {path for path in paths if is_main(path, ignored)} or paths
        if self._share_in(change, reverted.sha, paths) >= KEPT:
            return None
        for landing in self.touching(paths, reverted):
            share = self._share_in(change, landing.sha, paths)
            if share >= KEPT:
                return landing, share
        return None

    def removed(self, change: Change, merge: Sha, landing: Landing) -> frozenset[bytes]:
        """The files that a change edited, that one side of a merge had removed, and that are not there after a landing.

        What was moved is not removed.
        """
        reader, effects = self._reader, self._effects(change)
        tip, *sides = (self._history.commit(sha).tree for sha in (landing.sha, *self._history.commit(merge).parents))
        entries = reader.entries([(tree, path) for tree in (tip, *sides) for path in effects])
        found: set[bytes] = set()
        for side in sides:
            gone = {
                path
                for path, effect in effects.items()
                if effect.before.is_present and (tip, path) not in entries and (side, path) not in entries
            }
            if gone:
                found |= gone - reader.moves.of(change.trees[0] or change.trees[1], side, gone).keys()
        return frozenset(found)

    def holds(self, change: Change) -> bool:
        """Whether anything of a change is on the branch now, beside that the text it replaced is gone."""
        found = self._state(change, self._history.landings[self._branch][-1].sha)
        return found.total == 0 or found.name in {Live.LIVE, Live.PARTIAL}

    def left_out(self, change: Change, landing: Landing) -> list[bytes]:
        """The paths of a change of which a branch holds nothing after a port, while it holds others.

        Only where its own text from before the change is there: what has no place on a branch, or is otherwise there, a
        port leaves out rightly. Tests, documentation and what is written by programs may differ.
        """
        ignored = self._history.topology.ignored
        paths = {path for path in paths_of_change(self._repository.scratch, change) if is_main(path, ignored)}
        if len(paths) < 2:  # noqa: PLR2004  one path is not both there and left out
            return []
        matters = {path: found.name for path, found in self._states(change, landing.sha, paths).items()}
        if not {Live.LIVE, Live.PARTIAL}.intersection(matters.values()):
            return []
        return sorted(path for path, name in matters.items() if name is Live.UNDONE)

    def _form_of(self, overwrite: Overwrite) -> Change | None:
        """The change that was hurt, in the form it had on this branch."""
        forms = [self._changes.of_commit(sha) for sha in (*overwrite.commits, overwrite.change)]
        known = [change for change in forms if change is not None]
        here = [change for change in known if change.branch == self._branch]
        return here[0] if here else known[-1] if known else None

    def _share(self, change: Change, commit: Sha, without: Collection[bytes] = ()) -> float:
        found = combine(held for path, held in self._states(change, commit).items() if path not in without)
        return found.live / found.total if found.total else 1.0

    def _share_in(self, change: Change, commit: Sha, paths: Collection[bytes]) -> float:
        """The share that a commit holds of a change in some of its paths; of none of them it holds nothing."""
        found = combine(self._states(change, commit, paths).values())
        return found.live / found.total if found.total else 0.0

    def _state(self, change: Change, commit: Sha) -> State:
        return combine(self._states(change, commit).values())

    def _states(self, change: Change, commit: Sha, paths: Collection[bytes] | None = None) -> dict[bytes, State]:
        tree = self._history.commit(commit).tree
        found = states_in(self._reader, change, self._effects(change, paths), tree)
        self._reader.forget(above=_HELD)
        return found

    def _effects(self, change: Change, paths: Collection[bytes] | None = None) -> dict[bytes, Effect]:
        return effects_of_change(self._repository.scratch, self._reader, change, paths)


__all__ = ["Blow", "Hurt"]
