"""Which merges are worth redoing: those whose result is not known from the trees alone.

Where a merge changed on its first parent exactly what its second parent had changed since the merge base, down to the
ids before and after, no path was changed by both sides, and each is in the result as its side made it. Nothing can have
been lost. Eight or nine merges of ten are like that, and one raw pass over history tells: what a side changed since the
merge base is what its commits changed, one after the other, if the base is on its line of first parents.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from branchsim.audit.contested import Apart, Trees, cleared
from branchsim.git.log import Commit
from branchsim.git.trees import Edits, are_together, edits_between, edits_of, joined
from branchsim.history.bases import MergeBases

if TYPE_CHECKING:
    from branchsim.audit.losses import LossReader
    from branchsim.git.scratch import Scratch
    from branchsim.history.graph import Graph
    from branchsim.names import Sha

_TWO = 2
_LONGEST = 400
"""Of more commits in a row git is asked what they changed together."""


class _Case(NamedTuple):
    """A merge of two parents with one merge base, by their numbers."""

    merge: int
    base: int
    target: int
    source: int


class Suspects:
    """Tells merges that may have lost something from those that cannot.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    graph : Graph
        The history.
    changes : callable
        From the number of a commit to what it changed on its first parent, as `read_packed` gives it.

    Attributes
    ----------
    graph : Graph
        As given.
    merges : list of Commit
        All merges, oldest first.
    """

    def __init__(self, scratch: Scratch, graph: Graph, changes: Callable[[int], bytes]) -> None:
        self.graph = graph
        self.merges = [commit for commit in graph.commits if commit.is_merge]
        self._scratch = scratch
        self._changes = changes
        pairs = (graph.parents[graph.number(commit.sha)] for commit in self.merges)
        self._bases = MergeBases(graph, ((pair[0], pair[1]) for pair in pairs if len(pair) == _TWO))

    def bases(self, commit: Commit) -> list[int]:
        """The merge bases of a merge of two parents."""
        target, source = (self.graph.number(parent) for parent in commit.parents)
        return self._bases.of(target, source)

    def lossy(self, reader: LossReader, merges: Sequence[Commit], left_out: Counter[str] | None = None) -> list[Commit]:
        """Those of some merges that may have lost something, in order: the others have not, whatever git makes of them.

        Parameters
        ----------
        reader : LossReader
            Reads and parses the blobs.
        merges : sequence of Commit
            Some of the merges.
        left_out : Counter, optional
            Counts, of the others, the paths that were left out by their names.
        """
        unexplained = self._unexplained(merges)
        asked = {sha: each for sha, each in unexplained.items() if each is not None}
        told = dict(zip(asked, cleared(reader, list(asked.values())), strict=True))
        if left_out is not None:
            left_out.update(sum(filter(None, told.values()), Counter[str]()))
        return [commit for commit in merges if commit.sha in unexplained and told.get(commit.sha) is None]

    def among(self, merges: Sequence[Commit]) -> list[Commit]:
        """Those of some merges whose result the trees do not explain, in order."""
        unexplained = self._unexplained(merges)
        return [commit for commit in merges if commit.sha in unexplained]

    def _unexplained(self, merges: Sequence[Commit]) -> dict[Sha, tuple[Trees, Apart] | None]:
        """The same, each with where its result and its sides differ; None where there is no one merge base to ask."""
        found: dict[Sha, tuple[Trees, Apart] | None] = {}
        unknown: list[tuple[Commit, _Case]] = []
        for commit in merges:
            case = self._case(commit)
            if case is None:
                found[commit.sha] = None
                continue
            if len({self.graph.commits[each].tree for each in (case.target, case.source, case.merge)}) == 1:
                continue  # both sides had made the same
            line = self._line(case.base, case.source)
            if line is None:
                unknown.append((commit, case))
                continue
            own = self._changes(case.merge)
            texts = [self._changes(each) for each in line]
            if are_together(texts, own):
                continue
            apart = _apart(joined(texts), edits_of(own))
            if any(apart):
                found[commit.sha] = (self._trees(case), apart)
        pairs = [(trees.base, trees.source) for trees in (self._trees(case) for _, case in unknown)]
        for (commit, case), brought in zip(unknown, edits_between(self._scratch, pairs), strict=True):
            if brought is None:
                found[commit.sha] = None
                continue
            apart = _apart(brought, edits_of(self._changes(case.merge)))
            if any(apart):
                found[commit.sha] = self._trees(case), apart
        return found

    def _case(self, commit: Commit) -> _Case | None:
        number = self.graph.number(commit.sha)
        parents = self.graph.parents[number]
        if len(commit.parents) != _TWO or len(parents) != _TWO:
            return None
        bases = self._bases.of(*parents)
        return _Case(number, bases[0], *parents) if len(bases) == 1 else None

    def _trees(self, case: _Case) -> Trees:
        commits = self.graph.commits
        return Trees(*(commits[each].tree for each in (case.base, case.target, case.source, case.merge)))

    def _line(self, base: int, tip: int) -> list[int] | None:
        """The commits between by first parents, newest first; None where the base is not on that line."""
        parents, cut = self.graph.parents, self.graph.cut
        found: list[int] = []
        while tip != base:
            # Numbers descend from children to parents.
            if tip < base or tip in cut or not parents[tip] or len(found) == _LONGEST:
                return None
            found.append(tip)
            tip = parents[tip][0]
        return found


def _apart(brought: Edits, landed: Edits) -> Apart:
    """What the source brought and the merge did not bring so, and what the merge changed otherwise."""
    return Apart(
        {path: edit for path, edit in brought.items() if landed.get(path) != edit},
        {path: edit for path, edit in landed.items() if brought.get(path) != edit},
    )


__all__ = ["Suspects"]
