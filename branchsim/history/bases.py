"""The best common ancestors of many pairs of commits, as ``git merge-base --all`` finds them, without a process.

Most merges have a parent on one of a few long lines. For such a line it is known once for all commits when each became
part of it. What a tip of the line contains is then a comparison, and only the other parent's own commits are walked.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from branchsim.history.graph import Graph

_LINES = 32
_WORTH_IT = 20
_FARTHEST = 5000


class _Line(NamedTuple):
    """A line of first parents: when each commit became part of it, and the place of each of its own commits."""

    arrived: list[int]
    place: dict[int, int]


class MergeBases:
    """Finds merge bases.

    Parameters
    ----------
    graph : Graph
        The history.
    pairs : iterable of tuple of int
        The pairs that will be asked for, which say what lines are worth being known. Any other may be asked for too.
    """

    def __init__(self, graph: Graph, pairs: Iterable[tuple[int, int]]) -> None:
        self._graph = graph
        self._lines = list(self._choose(pairs))

    def of(self, one: int, other: int) -> list[int]:
        """The best common ancestors of two commits, ascending; none where the histories are unrelated."""
        for line in self._lines:
            for tip, side in ((one, other), (other, one)):
                place = line.place.get(tip)
                if place is not None:
                    found = self._from_line(line, place, side)
                    if found is not None:
                        return found
        return merge_bases(self._graph, one, other)

    def _from_line(self, line: _Line, place: int, side: int) -> list[int] | None:
        arrived, parents = line.arrived, self._graph.parents
        if 0 <= arrived[side] <= place:
            return [side]
        met: set[int] = set()
        seen = {side}
        stack = [side]
        while stack:
            for parent in parents[stack.pop()]:
                if 0 <= arrived[parent] <= place:
                    met.add(parent)
                elif parent not in seen:
                    seen.add(parent)
                    stack.append(parent)
            if len(seen) > _FARTHEST:
                return None
        return self._best(met)

    def _best(self, met: set[int]) -> list[int] | None:
        """Those of some commits that no other of them contains; None where the lines do not tell."""
        best = sorted(met, reverse=True)
        for line in self._lines:
            if len(best) <= 1:
                return best
            # A commit of the line contains all that had become part of the line by then.
            newest = max((own for one in best if (own := line.place.get(one)) is not None), default=-1)
            best = [one for one in best if not 0 <= line.arrived[one] <= newest or line.place.get(one) == newest]
        return best if len(best) <= 1 else None

    def _choose(self, pairs: Iterable[tuple[int, int]]) -> Iterable[_Line]:
        graph = self._graph
        lines = self._first_parent_lines()
        home = {commit: name for name, line in enumerate(lines) for commit in line}
        left = [(home[one], home[other]) for one, other in pairs]
        for _ in range(_LINES):
            votes = Counter(name for pair in left for name in set(pair))
            if not votes:
                return
            name, count = votes.most_common(1)[0]
            if count < _WORTH_IT:
                return
            line = lines[name]
            # What the line began on belongs to it from the start.
            began = graph.parents[line[0]][:1]
            whole = [*began, *line]
            yield _Line(self._arrived(whole), {commit: place for place, commit in enumerate(whole)})
            left = [pair for pair in left if name not in pair]

    def _arrived(self, line: list[int]) -> list[int]:
        """For each commit the place in a line of the first that contains it, -1 where none does."""
        parents = self._graph.parents
        arrived = [-1] * len(parents)
        for place, tip in enumerate(line):
            if arrived[tip] < 0:
                arrived[tip] = place
                stack = [tip]
                while stack:
                    for parent in parents[stack.pop()]:
                        if arrived[parent] < 0:
                            arrived[parent] = place
                            stack.append(parent)
        return arrived

    def _first_parent_lines(self) -> list[list[int]]:
        """All commits as lines of first parents, each up to where it left an older line, oldest commit first."""
        parents = self._graph.parents
        taken = bytearray(len(parents))
        lines = []
        for tip in range(len(parents) - 1, -1, -1):
            line = []
            at = tip
            while not taken[at]:
                taken[at] = 1
                line.append(at)
                if not parents[at]:
                    break
                at = parents[at][0]
            if line:
                line.reverse()
                lines.append(line)
        return lines


def merge_bases(graph: Graph, one: int, other: int) -> list[int]:
    """The best common ancestors of two commits, ascending, by a walk down from both."""
    if one == other:
        return [one]
    ours, theirs, stale = 1, 2, 4
    flags = {one: ours, other: theirs}
    heap = [-one, -other]
    heapq.heapify(heap)
    fresh = len(heap)
    found = []
    # Numbers descend from children to parents: when a commit is taken, all of its descendants were taken before.
    while fresh:
        number = -heapq.heappop(heap)
        mine = flags[number]
        fresh -= not mine & stale
        if mine == ours | theirs:
            found.append(number)
            mine |= stale
        for parent in graph.parents[number]:
            known = flags.get(parent)
            if known is None:
                heapq.heappush(heap, -parent)
                fresh += not mine & stale
            elif not known & stale and mine & stale:
                fresh -= 1
            flags[parent] = (known or 0) | mine
    return sorted(found)


__all__ = ["MergeBases", "merge_bases"]
