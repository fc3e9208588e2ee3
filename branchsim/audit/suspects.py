"""Which merges are worth redoing: those whose result is not known from the trees alone.

Where a merge changed on its first parent exactly what its second parent had changed since the merge base, down to the
ids before and after, no path was changed by both sides, and each is in the result as its side made it. Nothing can have
been lost. Eight or nine merges of ten are like that, and telling it takes one raw pass over history and one comparison
of trees each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from branchsim.audit.contested import Trees, cleared
from branchsim.git.log import Commit
from branchsim.git.trees import digests
from branchsim.history.bases import MergeBases

if TYPE_CHECKING:
    from branchsim.audit.losses import LossReader
    from branchsim.git.scratch import Scratch
    from branchsim.history.graph import Graph
    from branchsim.names import Sha

_TWO = 2


class Suspects:
    """Tells merges that may have lost something from those that cannot.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    graph : Graph
        The history.
    brought : mapping of int to bytes
        For each merge of two parents the `changes_digest` of what it changed on its first parent.

    Attributes
    ----------
    graph : Graph
        As given.
    merges : list of Commit
        All merges, oldest first.
    """

    def __init__(self, scratch: Scratch, graph: Graph, brought: Mapping[int, bytes]) -> None:
        self.graph = graph
        self.merges = [commit for commit in graph.commits if commit.is_merge]
        self._scratch = scratch
        self._brought = brought
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
        left = self.among(merges)
        commits, number = self.graph.commits, self.graph.number
        asked: dict[Sha, Trees] = {}
        for commit in left:
            if len(commit.parents) == _TWO and len(self.graph.parents[number(commit.sha)]) == _TWO:
                bases = self.bases(commit)
                if len(bases) == 1:
                    target, source = (commits[number(parent)].tree for parent in commit.parents)
                    asked[commit.sha] = Trees(commits[bases[0]].tree, target, source, commit.tree)
        told = dict(zip(asked, cleared(self._scratch, reader, list(asked.values())), strict=True))
        if left_out is not None:
            left_out.update(sum(filter(None, told.values()), Counter[str]()))
        return [commit for commit in left if told.get(commit.sha) is None]

    def among(self, merges: Sequence[Commit]) -> list[Commit]:
        """Those of some merges whose result the trees do not explain, in order."""
        asked: dict[int, tuple[Commit, Commit]] = {}
        done = set()
        for place, commit in enumerate(merges):
            if len(commit.parents) != _TWO or len(self.graph.parents[self.graph.number(commit.sha)]) != _TWO:
                continue
            bases = self.bases(commit)
            if len(bases) != 1:
                continue
            base = self.graph.commits[bases[0]]
            target, source = (self.graph.commits[self.graph.number(parent)] for parent in commit.parents)
            if target.tree in {base.tree, source.tree}:
                expected = source.tree
            elif source.tree == base.tree:
                expected = target.tree
            else:
                asked[place] = (base, source)
                continue
            if commit.tree == expected:
                done.add(place)
        pairs = [(base.tree, source.tree) for base, source in asked.values()]
        for place, digest in zip(asked, digests(self._scratch, pairs), strict=True):
            if digest == self._brought[self.graph.number(merges[place].sha)]:
                done.add(place)
        return [commit for place, commit in enumerate(merges) if place not in done]


__all__ = ["Suspects"]
