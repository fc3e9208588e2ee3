"""Questions that are answered by walking along flows: reachability, cycles, what is owed where, and until when.

Small graphs, plain dictionaries: no dependency is loaded for them.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from branchsim.topology.records import Branch, Family, Flow


def targets(flows: Iterable[Flow]) -> dict[str, list[Flow]]:
    """Flows by their source, in the order given."""
    leaving: dict[str, list[Flow]] = {}
    for flow in flows:
        leaving.setdefault(flow.source, []).append(flow)
    return leaving


def reachable(start: str, edges: Mapping[str, Sequence[str]]) -> set[str]:
    """Everything that can be reached from a node by at least one edge."""
    found: set[str] = set()
    waiting = list(edges.get(start, ()))
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting.extend(edges.get(node, ()))
    return found


def edges_of(flows: Iterable[Flow]) -> dict[str, list[str]]:
    """The targets by source, without the edges of a pattern to itself (they order versions and close no circle)."""
    return {
        source: [flow.target for flow in leaving if flow.target != source] for source, leaving in targets(flows).items()
    }


def cycle(nodes: Sequence[str], edges: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """One circle of edges as names, first and last the same; empty where there is none."""
    done: set[str] = set()
    for root in nodes:
        trail: list[str] = []
        on_trail: set[str] = set()
        stack: list[tuple[str, int]] = [(root, 0)] if root not in done else []
        while stack:
            node, position = stack.pop()
            if position == 0:
                trail.append(node)
                on_trail.add(node)
            following = edges.get(node, ())
            if position < len(following):
                stack.append((node, position + 1))
                after = following[position]
                if after in on_trail:
                    return (*trail[trail.index(after) :], after)
                if after not in done:
                    stack.append((after, 0))
            else:
                done.add(node)
                trail.pop()
                on_trail.discard(node)
    return ()


def landable(branches: Sequence[Branch], flows: Sequence[Flow], families: Sequence[Family]) -> set[str]:
    """The branches on which something can ever arrive.

    A branch is open to work of itself if it is `direct`, if a family ends there, if promotions begin there, or if it is
    alone. Whatever a flow leads to from such a branch is reached too.
    """
    promoted = {flow.target for flow in flows if flow.kind == "promote" and flow.source != flow.target}
    open_to_work = {branch.name for branch in branches if branch.direct or len(branches) == 1}
    open_to_work.update(target for family in families for target in family.to)
    open_to_work.update(flow.source for flow in flows if flow.kind == "promote" and flow.source not in promoted)
    edges = edges_of(flows)
    found = set(open_to_work)
    for name in open_to_work:
        found |= reachable(name, edges)
    return found


class Walks:
    """The walks over one set of branches and flows, computed once."""

    __slots__ = ("_layers", "_onward", "_order", "_promotions", "_retrofits")

    def __init__(self, branches: Sequence[Branch], flows: Sequence[Flow]) -> None:
        self._order = {branch.name: index for index, branch in enumerate(branches)}
        self._layers = {branch.name: branch.layer for branch in branches}
        self._promotions = targets(flow for flow in flows if flow.kind == "promote")
        self._retrofits = targets(flow for flow in flows if flow.kind == "retrofit")
        self._onward = edges_of(flow for flow in flows if flow.kind == "promote")

    def downstream(self, branch: str) -> tuple[str, ...]:
        """Where promotions lead from a branch, at once or later, in the order of the topology."""
        return tuple(sorted(reachable(branch, self._onward), key=self._order.__getitem__))

    def upstream(self, branch: str) -> tuple[str, ...]:
        """From where promotions lead to a branch."""
        return tuple(name for name in self._order if branch in reachable(name, self._onward))

    def path(self, source: str, target: str) -> tuple[Flow, ...]:
        """The shortest way from one branch to another by promotions; empty where there is none."""
        return self._shortest(source, target, same_layer=False)

    def _shortest(self, source: str, target: str, *, same_layer: bool) -> tuple[Flow, ...]:
        came_by: dict[str, tuple[Flow, ...]] = {source: ()}
        waiting = deque([source])
        while waiting:
            node = waiting.popleft()
            for flow in self._promotions.get(node, ()):
                if same_layer and self._layers[flow.target] != self._layers[source]:
                    continue
                if flow.target not in came_by:
                    came_by[flow.target] = (*came_by[node], flow)
                    waiting.append(flow.target)
        return came_by.get(target, ())

    def owed(self, branch: str) -> dict[str, tuple[Flow, ...]]:
        """Where a change that landed on a branch is owed by the flows, each with the flows that say so.

        A retrofit flow says it for the branch it leaves. What a branch of the same layer owes downstream of this one is
        owed too, because the next promotion brings the change there. What arrives by a retrofit is owed onward in
        the same way. Never owed: to the branch itself, and where promotions bring it anyway.
        """
        excluded = {branch, *reachable(branch, self._onward)}
        found: dict[str, tuple[Flow, ...]] = {}
        waiting: deque[tuple[str, tuple[Flow, ...]]] = deque([(branch, ())])
        visited: set[str] = set()
        while waiting:
            here, via = waiting.popleft()
            if here in visited:
                continue
            visited.add(here)
            leaving = [(self._retrofits.get(here, ()), via)]
            for name in self.downstream(here):
                steps = self._shortest(here, name, same_layer=True)
                if steps:
                    leaving.append((self._retrofits.get(name, ()), (*via, *steps)))
            for flows, so_far in leaving:
                for flow in flows:
                    if flow.target not in excluded and flow.target not in found:
                        found[flow.target] = (*so_far, flow)
                        waiting.append((flow.target, found[flow.target]))
        return {name: found[name] for name in self._order if name in found}

    def deadlines(self, landed_on: str, owed_to: str) -> tuple[Flow, ...]:
        """The promotions that carry the content of ``owed_to`` into the layer of ``landed_on``.

        Within one layer: the last step of each way from ``owed_to`` to ``landed_on``.
        """
        there = {owed_to, *reachable(owed_to, self._onward)}
        layer = self._layers[landed_on]
        flows = [flow for name in self._order if name in there for flow in self._promotions.get(name, ())]
        if self._layers[owed_to] == layer:
            return tuple(flow for flow in flows if flow.target == landed_on != flow.source)
        return tuple(flow for flow in flows if self._layers[flow.target] == layer != self._layers[flow.source])

    def chain(self, last: str | None = None) -> tuple[str, ...]:
        """The longest way of promotions, to its end or to a given branch; of equal ones the earliest declared."""
        best: dict[str, tuple[str, ...]] = {}
        for name in self._topological():
            best.setdefault(name, (name,))
            for after in self._onward.get(name, ()):
                if len(best[name]) + 1 > len(best.get(after, ())):
                    best[after] = (*best[name], after)
        if last is not None:
            return best.get(last, (last,))
        # Of equal length the way that ends at the branch declared last: the newest of several releases.
        return max(best.values(), key=lambda way: (len(way), self._order[way[-1]]), default=())

    def _topological(self) -> list[str]:
        indegree = dict.fromkeys(self._order, 0)
        for following in self._onward.values():
            for name in following:
                indegree[name] += 1
        ready = [name for name, count in indegree.items() if count == 0]
        ordered: list[str] = []
        while ready:
            ready.sort(key=self._order.__getitem__)
            name = ready.pop(0)
            ordered.append(name)
            for after in self._onward.get(name, ()):
                indegree[after] -= 1
                if indegree[after] == 0:
                    ready.append(after)
        return ordered
