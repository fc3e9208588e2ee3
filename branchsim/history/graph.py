"""Ancestry as integers: every commit that a set of tips reaches, numbered so that parents come before children."""

from __future__ import annotations

import bisect
import heapq
from typing import TYPE_CHECKING

import numpy as np

from branchsim.git.log import read_commits
from branchsim.names import Sha

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from branchsim.git.log import Commit
    from branchsim.git.scratch import Scratch

_BITS = 2048
_MANY = 1_000_000
"""Whoever has walked so far will go on, and be faster with a library that takes a while to load."""


class Graph:
    """The commits of a history and how they descend from one another.

    A commit's number is its place in a topological order that depends on the commits alone (by committer time, then by
    id, parents always first), not on the order of refs or of git's output.

    Parameters
    ----------
    commits : iterable of Commit
        In any order; a commit given twice counts once. A parent that is not among them (a shallow clone) is left out.

    Attributes
    ----------
    commits : list of Commit
        By number.
    parents : list of tuple of int
        The numbers of each commit's parents that are known, in git's order.
    cut : frozenset of int
        Commits of which at least one parent is unknown: history ends there by a cut, not by a root.
    """

    __slots__ = ("_index", "_marked", "_matrices", "_sorted", "commits", "cut", "parents")

    def __init__(self, commits: Iterable[Commit]) -> None:
        known = {commit.sha: commit for commit in commits}
        waiting: dict[Sha, int] = {}
        children: dict[Sha, list[Sha]] = {}
        ready: list[tuple[int, Sha]] = []
        for sha, commit in known.items():
            count = 0
            for parent in set(commit.parents):
                if parent in known:
                    children.setdefault(parent, []).append(sha)
                    count += 1
            if count:
                waiting[sha] = count
            else:
                ready.append((commit.committed_at, sha))
        heapq.heapify(ready)
        self.commits: list[Commit] = []
        self._index: dict[Sha, int] = {}
        while ready:
            _, sha = heapq.heappop(ready)
            self._index[sha] = len(self.commits)
            self.commits.append(known[sha])
            for child in children.pop(sha, ()):
                waiting[child] -= 1
                if not waiting[child]:
                    heapq.heappush(ready, (known[child].committed_at, child))
        self._sorted: list[Sha] | None = None
        self._marked = 0
        self._matrices: dict[bool, csr_array] = {}
        index = self._index
        self.parents: list[tuple[int, ...]] = [
            tuple([index[parent] for parent in commit.parents if parent in index]) for commit in self.commits
        ]
        self.cut = frozenset(
            number for number, commit in enumerate(self.commits) if len(commit.parents) != len(self.parents[number])
        )

    @classmethod
    def read(cls, scratch: Scratch, tips: Iterable[Sha], *, report: Callable[[int], None] | None = None) -> Graph:
        """Read every commit that the tips reach, without its changed paths.

        Raises
        ------
        GitError
            An object is missing or corrupt.
        """
        return cls(read_commits(scratch, sorted(set(tips)), changes=False, report=report))

    def __len__(self) -> int:
        return len(self.commits)

    def __contains__(self, sha: object) -> bool:
        return sha in self._index

    def number(self, sha: Sha) -> int:
        """The number of a commit; `KeyError` if it is not in the graph."""
        return self._index[sha]

    def find(self, sha: Sha) -> int | None:
        """The number of a commit, or None if it is not in the graph."""
        return self._index.get(sha)

    def find_abbreviated(self, digits: str) -> int | None:
        """The number of the commit whose id begins with these digits; None if there is none, or more than one."""
        exact = self._index.get(Sha(digits))
        if exact is not None:
            return exact
        if self._sorted is None:
            self._sorted = sorted(self._index)
        place = bisect.bisect_left(self._sorted, digits)
        found = self._sorted[place : place + 2]
        if not found or not found[0].startswith(digits) or (len(found) > 1 and found[1].startswith(digits)):
            return None
        return self._index[found[0]]

    def sha(self, number: int) -> Sha:
        """The id of a commit."""
        return self.commits[number].sha

    def ancestors(self, tips: Iterable[int]) -> NDArray[np.bool_]:
        """A mask over all commits: those that the tips reach, themselves included."""
        self._marked += len(self.commits)
        if self._marked > _MANY:
            return self.reached(tips)
        seen = bytearray(len(self.commits))
        self._mark(list(tips), seen)
        return np.frombuffer(bytes(seen), dtype=np.bool_)

    def reached(self, tips: Iterable[int], *, down: bool = False) -> NDArray[np.bool_]:
        """The same, or (`down`) all that are made of one of the tips: a search worth setting up for many questions."""
        from scipy.sparse.csgraph import breadth_first_order

        matrix = self._matrix(down=down)
        mask = np.zeros(len(self.commits), dtype=np.bool_)
        for tip in tips:
            if not mask[tip]:
                mask[breadth_first_order(matrix, tip, directed=True, return_predecessors=False)] = True
        return mask

    def _matrix(self, *, down: bool) -> csr_array:
        """From each commit to its parents, or to its children."""
        from scipy.sparse import csr_array

        if False not in self._matrices:
            ends = np.cumsum([0, *map(len, self.parents)], dtype=np.int32)
            links = np.fromiter((parent for own in self.parents for parent in own), dtype=np.int32, count=int(ends[-1]))
            # The search is written for numbers with a fraction, and would turn others into them each time.
            self._matrices[False] = csr_array((np.ones(len(links)), links, ends), shape=(len(self), len(self)))
        if down and True not in self._matrices:
            self._matrices[True] = self._matrices[False].T.tocsr()
        return self._matrices[down]

    def between(self, before: Iterable[int], after: int) -> list[int]:
        """What ``git rev-list ^before after`` prints, as numbers in ascending order."""
        limit = list(before)
        if not limit:
            return np.flatnonzero(self.ancestors([after])).tolist()
        # Both sides are walked down together from the newest, so the walk ends where they have met.
        parents = self.parents
        side = {after: 1}
        for number in limit:
            side[number] = 2
        heap = [-number for number in side]
        heapq.heapify(heap)
        wanted = 0 if side[after] == 2 else 1  # noqa: PLR2004  the flag of the excluded side
        found = []
        while heap and wanted:
            number = -heapq.heappop(heap)
            flag = side.pop(number)
            if flag == 1:
                found.append(number)
                wanted -= 1
            for parent in parents[number]:
                known = side.get(parent, 0)
                if not known:
                    heapq.heappush(heap, -parent)
                    wanted += flag == 1
                elif known == 1 and flag != 1:
                    wanted -= 1
                side[parent] = max(known, flag)
        found.reverse()
        return found

    def is_ancestor(self, ancestor: int, descendant: int) -> bool:
        """Whether one commit is another or an ancestor of it. For many pairs use `are_ancestors`."""
        if ancestor >= descendant:
            return ancestor == descendant
        parents = self.parents
        seen = {descendant}
        stack = [descendant]
        while stack:
            for parent in parents[stack.pop()]:
                if parent == ancestor:
                    return True
                if parent > ancestor and parent not in seen:
                    seen.add(parent)
                    stack.append(parent)
        return False

    def are_ancestors(self, pairs: Sequence[tuple[int, int]]) -> list[bool]:
        """`is_ancestor` of many pairs (ancestor, descendant), in a few sweeps over the graph."""
        asked: dict[int, set[int]] = {}
        for ancestor, descendant in pairs:
            asked.setdefault(ancestor, set()).add(descendant)
        answers: dict[tuple[int, int], bool] = {}
        order = sorted(asked)
        for start in range(0, len(order), _BITS):
            group = order[start : start + _BITS]
            bit = {ancestor: 1 << place for place, ancestor in enumerate(group)}
            low = group[0]
            high = max(max(asked[ancestor]) for ancestor in group)
            wanted: dict[int, list[int]] = {}
            for ancestor in group:
                for descendant in asked[ancestor]:
                    wanted.setdefault(descendant, []).append(ancestor)
            reach = [0] * (max(high - low, 0) + 1)
            for number in range(low, high + 1):
                bits = bit.get(number, 0)
                for parent in self.parents[number]:
                    if parent >= low:
                        bits |= reach[parent - low]
                reach[number - low] = bits
            for descendant, ancestors in wanted.items():
                bits = reach[descendant - low] if descendant >= low else 0
                for ancestor in ancestors:
                    answers[ancestor, descendant] = bool(bits & bit[ancestor])
        return [answers[pair] for pair in pairs]

    def first_arrivals(
        self, line: Sequence[int], base: NDArray[np.int32] | None = None
    ) -> tuple[NDArray[np.int32], list[list[int]]]:
        """When each commit first became part of a branch, by ancestry, in one sweep.

        Parameters
        ----------
        line : sequence of int
            The tips the branch had, in order of time.
        base : array of int32, optional
            What arrived by the first tip where that is known already: 0 for its ancestors, -1 for the others. The first
            tip then counts as having brought nothing.

        Returns
        -------
        arrivals : array of int32
            For each commit the place in the line of the first tip that contains it, -1 where none does.
        brought : list of list of int
            For each place the commits that arrived with it, ascending.
        """
        arrived = [-1] * len(self.commits) if base is None else base.tolist()
        brought: list[list[int]] = [] if base is None else [[]]
        parents = self.parents
        for place in range(len(brought), len(line)):
            tip = line[place]
            found: list[int] = []
            if arrived[tip] < 0:
                arrived[tip] = place
                found.append(tip)
                stack = [tip]
                while stack:
                    for parent in parents[stack.pop()]:
                        if arrived[parent] < 0:
                            arrived[parent] = place
                            found.append(parent)
                            stack.append(parent)
                found.sort()
            brought.append(found)
        return np.array(arrived, dtype=np.int32), brought

    def _mark(self, stack: list[int], seen: bytearray) -> None:
        parents = self.parents
        for number in stack:
            seen[number] = 1
        while stack:
            for parent in parents[stack.pop()]:
                if not seen[parent]:
                    seen[parent] = 1
                    stack.append(parent)


__all__ = ["Graph"]
