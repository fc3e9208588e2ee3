"""Whose is what several branches share: label each shared commit with the branch it was made on.

The chains of the branches join on their way back, so they form a forest. The labels chosen are those that need the
fewest fast-forwards for what is known; where nothing is known the branch furthest upstream has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# A change of label along a chain is one fast-forward that must have happened. What a subject says against a branch is
# weighed in the same unit, and so is the expectation that work is done upstream: 200 commits outweigh one switch.
SWITCH = 1.0
NOT_UPSTREAM = 0.005

Costs = dict[str, float]
"""What it costs to take each branch for the one a commit was made on."""


def owners(
    chains: Mapping[str, Sequence[int]],
    order: Sequence[str],
    *,
    evidence: Callable[[int, tuple[str, ...]], Costs],
) -> dict[int, str]:
    """The branch on which each commit was made that lies on the chains of several.

    Parameters
    ----------
    chains : mapping of str to sequence of int
        For each branch its commits from the tip back; where two chains meet they go on together.
    order : sequence of str
        The branches, upstream first.
    evidence : callable
        Given a commit and the branches that share it, what is said against each; empty where nothing is said.
    """
    return _Forest(chains, order, evidence).labels()


class _Forest:
    """One search for the cheapest labels: costs go from the tips to the root, choices from the root to the tips."""

    def __init__(
        self,
        chains: Mapping[str, Sequence[int]],
        order: Sequence[str],
        evidence: Callable[[int, tuple[str, ...]], Costs],
    ) -> None:
        self.rank = {name: place for place, name in enumerate(order)}
        self.sharers: dict[int, tuple[str, ...]] = {}
        self.above: dict[int, int] = {}
        self.joins: dict[int, list[str]] = {}
        pool: dict[tuple[tuple[str, ...], str], tuple[str, ...]] = {}
        for name in order:
            below: int | None = None
            for number in chains.get(name, ()):
                known = self.sharers.get(number, ())
                self.sharers[number] = pool.setdefault((known, name), (*known, name))
                if below is not None:
                    self.above[below] = number
                below = number
        for name in order:
            # A branch whose tip or own commits stand on a commit of another one was moved there, or made from there.
            joint = next((each for each in chains.get(name, ()) if len(self.sharers[each]) > 1), None)
            if joint is not None:
                self.joins.setdefault(joint, []).append(name)
        self.shared = sorted((number for number, names in self.sharers.items() if len(names) > 1), reverse=True)
        self.said = {number: costs for number in self.shared if (costs := evidence(number, self.sharers[number]))}
        # Only a branch for which something speaks can be cheaper than the one furthest upstream.
        voiced = {name for costs in self.said.values() for name, cost in costs.items() if cost == 0.0}
        self.choices = {
            names: tuple(name for name in names if name == names[0] or name in voiced)
            for names in set(self.sharers.values())
        }

    def labels(self) -> dict[int, str]:
        costs: dict[int, Costs] = {}
        picked: dict[int, dict[str, str]] = {}
        for number in self.shared:
            names = self.choices[self.sharers[number]]
            said = self.said.get(number, {})
            below = costs.get(number, {})
            mine = costs[number] = {
                name: below.get(name, 0.0) + said.get(name, 0.0) + (NOT_UPSTREAM if place else 0.0)
                for place, name in enumerate(names)
            }
            for joined in self.joins.get(number, ()):
                for name in names:
                    mine[name] += SWITCH if name != joined else 0.0
            above = self.above.get(number)
            if above is None:
                continue
            over = self.choices[self.sharers[above]]
            cheapest = self._cheapest(mine)
            picks = picked[number] = {
                name: name if mine.get(name, cheapest[0] + 2 * SWITCH) <= cheapest[0] + SWITCH else cheapest[1]
                for name in over
            }
            theirs = costs.setdefault(above, dict.fromkeys(over, 0.0))
            for name, pick in picks.items():
                theirs[name] += mine[pick] + (0.0 if pick == name else SWITCH)
        found: dict[int, str] = {}
        for number in reversed(self.shared):
            above = self.above.get(number)
            found[number] = self._cheapest(costs[number])[1] if above is None else picked[number][found[above]]
        return found

    def _cheapest(self, costs: Costs) -> tuple[float, str]:
        name = min(costs, key=lambda each: (costs[each], self.rank[each]))
        return costs[name], name


__all__ = ["Costs", "owners"]
