"""What branches lost when they were moved without fast-forward: the net effect of the commits that were left behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from branchsim.audit.findings import Found, Judge
from branchsim.audit.knowing import TakenBack
from branchsim.audit.losses import LossReader, PathLosses, Step
from branchsim.audit.pathlog import PathLog
from branchsim.audit.steps import Landed
from branchsim.git.log import empty_tree

if TYPE_CHECKING:
    from branchsim.audit.homes import Homes
    from branchsim.audit.moves import Move
    from branchsim.git.log import Commit
    from branchsim.git.repository import Repository
    from branchsim.history.landings import History
    from branchsim.names import Sha


@dataclass(frozen=True, slots=True)
class Forced:
    """Judges moves.

    Attributes
    ----------
    repository, history, reader
        Where to read.
    homes : Homes
        Knows picks and rebases.
    logs : callable
        From the landing after a move and some paths to the history of these paths, before the landing and after it.
    hotfix : callable
        Whether a commit came from a hotfix, or calls itself a fix.
    left_out : Counter of str
        Counts what is no loss.
    skipped : dict
        Takes what could not be read.
    """

    repository: Repository
    history: History
    reader: LossReader
    homes: Homes
    logs: Callable[[Sha, Sequence[bytes]], tuple[PathLog, PathLog]]
    hotfix: Callable[[Commit], bool]
    left_out: Counter[str] = field(default_factory=Counter)
    skipped: dict[str, str] = field(default_factory=dict)

    def of(self, move: Move) -> list[Found]:
        """What one move lost, for the landing that is the first without it."""
        landing = self.history.commit(move.landing.sha)
        paths = frozenset(change.path for commit in move.lost if not commit.is_merge for change in commit.changes)
        old = next((commit for commit in move.lost if commit.sha == move.old), None)
        if not paths or old is None:
            return []
        base = empty_tree(self.repository.scratch) if move.fork is None else self.history.commit(move.fork).tree
        trees = {"base": base, "target": old.tree, "source": landing.tree, "merged": landing.tree}
        step = Step(trees, paths)
        read = self.reader.read(step)
        self.left_out.update(read.left_out)
        for path, why in read.skipped:
            self.skipped[f"{move.old}:{path.decode('utf-8', 'replace')}"] = why
        if not read.paths:
            return []
        part = Landed(step, move.old, landing.sha, move.fork)
        found = self._judged(move, landing, [(part, each) for each in read.paths])
        self.reader.forget()
        kept = [each for each in found if not self._came_along(move, each)]
        self.left_out["rewritten-commit"] += len(found) - len(kept)
        return [self._told(move, each) for each in kept]

    def _judged(self, move: Move, landing: Commit, losses: Sequence[tuple[Landed, PathLosses]]) -> list[Found]:
        names = sorted({name for _, each in losses for name in each.names.values()})
        before, after = self.logs(landing.sha, names)
        left = PathLog(self.reader, (commit for commit in move.lost if not commit.is_merge))
        return Judge(
            landing, lambda tip: left if tip == move.old else before, after, TakenBack(), self.hotfix,
            self.reader.deltas, forced=True,
        ).findings(losses)  # fmt: skip

    def _came_along(self, move: Move, each: Found) -> bool:
        """Whether the branch has the commit that brought it in another form: then it was rewritten, not dropped."""
        if each.origin is None:
            return False
        arrived = (self.history.arrival(move.branch, sha) for sha in self.homes.twins(each.origin))
        return any(landing is not None and landing.place <= move.landing.place for landing in arrived)

    @staticmethod
    def _told(move: Move, each: Found) -> Found:
        path = each.finding.path.replace("'", "'\\''")
        stood = f"{move.branch} stood on {move.old[:12]}, which it has no more: {move.how}"
        check = f"git diff {move.old[:12]} {move.landing.sha[:12]} -- '{path}'"
        finding = replace(each.finding, reason=f"{stood}; {each.finding.reason}", check=check)
        return replace(each, finding=finding, why=f"{stood}; {each.why}")


__all__ = ["Forced"]
