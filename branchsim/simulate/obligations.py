"""The state of every obligation before a plan and after it, as the audit sees it.

A window of the history is read: what the branches received since a moment, and some time more, in which ports of it may
have been written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from branchsim.audit.obligations import Reader
from branchsim.audit.verdicts import NEEDS_A_PERSON
from branchsim.errors import UnknownBranchError
from branchsim.git.commitobject import load_commits
from branchsim.git.log import Commit, empty_tree, read_commits
from branchsim.git.touching import raw_change
from branchsim.history.changes import read_changes
from branchsim.history.facts import FactCache, Patches, default_cache
from branchsim.history.landings import read_history
from branchsim.names import RefName, Sha
from branchsim.simulate.records import ObligationState
from branchsim.simulate.trees import differing_paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from branchsim.audit.verdicts import Obligation
    from branchsim.git.objects import ObjectReader
    from branchsim.git.repository import Repository
    from branchsim.history.changes import Changes
    from branchsim.simulate.records import StepResult
    from branchsim.topology import Topology

RECENT = 180 * 86_400
"""How long before the newest commit obligations are looked at, if nothing else is asked, in seconds."""

_EARLIER = 90 * 86_400
"""How long before that what may be a port of it is read."""

_ELSEWHERE = ("refs/heads/", "refs/remotes/")
_COMMIT = frozenset({"commit"})


class Ledger:
    """What is owed, at any point of a plan.

    Parameters
    ----------
    repository : Repository
        The source.
    reader : ObjectReader
        Reads commits and trees.
    topology : Topology
        What is owed where.
    branches : mapping of str to Sha
        Where the branches are before the plan.
    further : iterable of Sha
        Other commits that the plan starts from.
    since : int, optional
        Only what landed since then is looked at, in seconds since the epoch; by default `RECENT`.
    clock : int, optional
        The time of the first commit that the plan makes, where it is fixed.

    Attributes
    ----------
    since : int
        The moment.
    window : dict of Sha to Commit
        What was read.

    Raises
    ------
    UnknownBranchError
        A branch of the topology does not exist.
    """

    def __init__(
        self,
        repository: Repository,
        reader: ObjectReader,
        topology: Topology,
        branches: Mapping[str, Sha],
        further: Iterable[Sha] = (),
        *,
        since: int | None = None,
        clock: int | None = None,
    ) -> None:
        self._repository = repository
        self._reader = reader
        self._topology = topology.bind(branches)
        self._patches = Patches(repository.scratch, FactCache(default_cache()))
        own = self._tips(branches)
        self.tips = sorted({*own, *further})
        if since is None:
            newest = max(self._commit(tip).committed_at for tip in own)
            since = min(newest - RECENT, newest if clock is None else clock)
        self.since = since
        self.window: dict[Sha, Commit] = {}
        self._common: set[Sha] = set()
        below = self._bottoms(own)
        for commit in read_commits(repository.scratch, [*self.tips, *below], options=("--boundary",)):
            self.window[commit.sha] = commit
            if commit.side == "-":
                self._common.add(commit.sha)

    def _tips(self, branches: Mapping[str, Sha]) -> list[Sha]:
        missing = [branch.name for branch in self._topology.branches if branch.name not in branches]
        if missing:
            raise UnknownBranchError(f"there is no branch {missing[0]!r}")
        return sorted({branches[branch.name] for branch in self._topology.branches})

    def _bottoms(self, tips: Sequence[Sha]) -> list[str]:
        """What is left out: on the line of each branch what is older, with all that it reaches."""
        options = ("--first-parent", f"--max-age={self.since - _EARLIER}")
        lines = list(read_commits(self._repository.scratch, tips, options=options, changes=False))
        recent = {commit.sha for commit in lines}
        older = {commit.parents[0] for commit in lines if commit.parents} - recent
        # A branch that stood still all the time is read as far as its tip.
        still = {tip for tip in tips if tip not in recent}
        return [f"^{sha}" for sha in sorted(older - still)] + [f"^{sha}^@" for sha in sorted(still)]

    @property
    def unshared(self) -> list[Commit] | None:
        """All that was read, where every tip has what was not; None where that cannot be told."""
        if not self._common:
            return list(self.window.values())
        shared = [self._common <= self._reached([tip]).keys() for tip in self.tips]
        return list(self.window.values()) if all(shared) else None

    def at(self, branches: Mapping[str, Sha]) -> tuple[tuple[Obligation, ...], Changes]:
        """The obligations with the branches at some place, and the changes they are about."""
        tips = self._tips(branches)
        self._take_in(tips)
        kept = {ref: sha for ref, sha in self._repository.refs.items() if not ref.startswith(_ELSEWHERE)}
        heads = {RefName(f"refs/heads/{name}"): sha for name, sha in branches.items()}
        here = self._repository.with_refs({**kept, **heads})
        commits = self._reached(tips).values()
        history = read_history(here, self._topology, since=self.since, commits=commits, common=self._common)
        changes = read_changes(history)
        reader = Reader(repository=here, history=history, changes=changes, patches=self._patches)
        return reader.read().obligations, changes

    def _reached(self, tips: Iterable[Sha]) -> dict[Sha, Commit]:
        found: dict[Sha, Commit] = {}
        waiting = list(tips)
        while waiting:
            sha = waiting.pop()
            if sha not in found and sha in self.window:
                found[sha] = self.window[sha]
                waiting += found[sha].parents
        return found

    def _take_in(self, tips: Iterable[Sha]) -> None:
        """Read the commits that the plan made."""
        waiting = list(tips)
        while waiting:
            sha = waiting.pop()
            if sha not in self.window:
                commit = self._commit(sha)
                self.window[sha] = commit = self._with_changes(commit)
                waiting += [parent for parent in commit.parents if self._repository.scratch.made(parent)]

    def _commit(self, sha: Sha) -> Commit:
        return next(load_commits(self._reader, [sha]))

    def _with_changes(self, commit: Commit) -> Commit:
        before = self._commit(commit.parents[0]).tree if commit.parents else empty_tree(self._repository.scratch)
        nothing = "0" * len(commit.sha)
        differing = differing_paths(self._reader, before, commit.tree)
        changes = (raw_change(path, old, new, nothing) for path, (old, new) in differing)
        return replace(commit, changes=tuple(change for change in changes if change is not None))


def open_trees(obligations: Iterable[Obligation], changes: Changes) -> list[tuple[Sha, Sha | None, Sha]]:
    """The changes that were not delivered: the commit that others may have, and the trees before and after each."""
    wanted = {each.change for each in obligations if each.verdict in NEEDS_A_PERSON}
    commit = changes.history.commit
    found = []
    for change in changes:
        if change.id in wanted and not change.merge_part:
            # The merge with which a branch landed stays where it is; only the branch's own commits travel.
            own = next((sha for sha in reversed(change.commits) if not commit(sha).is_merge), change.id)
            found.append((own, *change.trees))
    return found


def compared(
    before: Iterable[Obligation], after: Iterable[Obligation], results: Iterable[StepResult]
) -> tuple[ObligationState, ...]:
    """Each obligation in both states, ascending in the time of landing."""
    steps: dict[Sha, str] = {}
    for result in results:
        if result.outcome in {"clean", "regression"} and result.commit != result.before:
            made = result.commits if result.kind != "gate" else ()
            for sha in (*made, *([result.commit] if result.commit is not None else [])):
                steps.setdefault(sha, result.step)
    first = {_key(each): each for each in before}
    last = {_key(each): each for each in after}
    found = [_state(first.get(key), last.get(key), steps) for key in {**first, **last}]
    return tuple(sorted(found, key=lambda each: (each.landed_at, each.landed_on, each.owed_to, each.change)))


def _key(obligation: Obligation) -> tuple[Sha, str, str]:
    return obligation.change, obligation.landed_on, obligation.owed_to


def _state(first: Obligation | None, last: Obligation | None, steps: Mapping[Sha, str]) -> ObligationState:
    shown = last or first
    assert shown is not None  # noqa: S101  the key is of one of the two
    settled = None
    if last is not None and (first is None or first.verdict != last.verdict or first.overdue != last.overdue):
        by = (sha for sha in (last.at, last.counterpart, last.deadline) if sha is not None)
        settled = next((steps[sha] for sha in by if sha in steps), None)
    return ObligationState(
        change=shown.change,
        commits=shown.commits,
        subject=shown.subject,
        family=shown.family,
        landing=shown.landing,
        landed_on=shown.landed_on,
        landed_at=shown.landed_at,
        owed_to=shown.owed_to,
        before=None if first is None else first.verdict.value,
        after=None if last is None else last.verdict.value,
        overdue_before=first is not None and first.overdue,
        overdue_after=last is not None and last.overdue,
        landed_by=steps.get(shown.landing) if first is None else None,
        settled_by=settled,
        confidence=round(shown.confidence, 4),
        reason=shown.reason,
    )


__all__ = ["Ledger", "compared", "open_trees"]
