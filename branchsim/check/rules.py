"""A strategy and a set of mistakes as the model needs them: families, promotions, obligations, by index."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from branchsim.check.strategy import Strategy
    from branchsim.topology import Family


class WorkFamily(NamedTuple):
    """A family of short-lived branches as one branch it starts from sees it; branches are indices."""

    pattern: str
    is_fix: bool
    source: int
    wrong: tuple[int, ...]
    to: tuple[int, ...]
    retrofit: tuple[int, ...]
    methods: tuple[str, ...]
    retrofit_methods: tuple[str, ...]


class Rule(NamedTuple):
    """What lands on one branch, from some families, is owed to another one; ``layer`` is that of the first."""

    landed: int
    owed: int
    families: frozenset[str]
    layer: str


class FlowRule(NamedTuple):
    """A promotion: the obligations that have to be met before it, and those whose deadline it is."""

    source: int
    target: int
    methods: tuple[str, ...]
    waits_for: tuple[Rule, ...]
    deadline_of: tuple[Rule, ...]


class Rules:
    """A strategy as a team with some mistakes lives it.

    Parameters
    ----------
    strategy : Strategy
        The strategy.
    mistakes : frozenset of str
        The mistakes people make.

    Attributes
    ----------
    branches, layers : tuple of str
        The long-lived branches and the layer of each.
    index : dict of str to int
        The index of each branch.
    production, run, origins : tuple of int
        Where releases land; the branches of that layer; where features land.
    families : tuple of WorkFamily
        The families, once for each branch they start from.
    gates : dict of int to int
        For each branch of RUN the last branch before RUN that features have to pass.
    flows : tuple of FlowRule
        The promotions.
    backs : tuple of (int, int, tuple of str)
        Where a branch is merged back from, to, and how.
    stale : tuple of (int, int)
        Where a stale copy can be committed, each with the index of the family of the work.
    """

    def __init__(self, strategy: Strategy, mistakes: frozenset[str]) -> None:
        self.strategy = strategy
        self.mistakes = mistakes
        topology = strategy.topology
        self.branches = tuple(branch.name for branch in topology.branches)
        self.layers = tuple(branch.layer for branch in topology.branches)
        self.index = {name: number for number, name in enumerate(self.branches)}
        self.production = tuple(self.index[name] for name in strategy.production)
        self.run = tuple(self.index[name] for name in strategy.run)
        self.families = tuple(self._families())
        self.origins = tuple(
            dict.fromkeys(target for family in self.families if not family.is_fix for target in family.to)
        )
        self.gates = self._gates()
        self.flows = tuple(self._flows())
        self.backs = tuple(
            (self.index[flow.source], self.index[flow.target], self._backward(strategy.methods(flow.methods)))
            for flow in topology.retrofits()
            if "merge-back" in strategy.operations and "skip-retrofit" not in mistakes
        )
        self.stale = self._stale_places()

    def _families(self) -> Iterator[WorkFamily]:
        strategy, topology = self.strategy, self.strategy.topology
        records = [family for family in topology.families if not strategy.is_retrofit_family(family)]
        # Families that differ in name only are one to the model; a name that speaks of fixes is declared last.
        alike: dict[tuple[object, ...], Family] = {}
        for family in records:
            is_fix = strategy.is_fix_family(family)
            key = (family.source, family.to, family.retrofit, family.methods)
            if is_fix or key not in alike:
                alike[key] = family
        every = range(len(self.branches))
        for family in alike.values():
            is_fix = strategy.is_fix_family(family)
            right = {self.index[name] for name in family.source}
            for name in family.source:
                source = self.index[name]
                to = (name,) if name in family.to else family.to
                retrofit = (
                    () if "skip-retrofit" in self.mistakes else tuple(self.index[each] for each in family.retrofit)
                )
                wrong = tuple(place for place in every if place not in right) if is_fix else ()
                yield WorkFamily(
                    pattern=family.pattern,
                    is_fix=is_fix,
                    source=source,
                    wrong=wrong if "wrong-base" in self.mistakes else (),
                    to=tuple(self.index[each] for each in to),
                    retrofit=retrofit,
                    methods=self._methods(family),
                    retrofit_methods=self._backward(self._retrofit_methods(family)),
                )

    def _methods(self, family: Family) -> tuple[str, ...]:
        methods = self.strategy.methods(family.methods)
        again = bool(family.retrofit)
        if "squash-then-merge" in self.mistakes and "squash" not in methods:
            methods += ("squash",)
        if again and ("no-squash-if-merged-again" in self.strategy.guards or "squash-then-merge" not in self.mistakes):
            # Careful people do not squash what they will merge again, guard or not.
            methods = tuple(method for method in methods if method == "merge") or methods
        return methods

    def _retrofit_methods(self, family: Family) -> tuple[str, ...]:
        return ("merge",) if not family.methods or "merge" in family.methods else self.strategy.methods(family.methods)

    def _backward(self, methods: tuple[str, ...]) -> tuple[str, ...]:
        """The methods of a retrofit: a true merge where that is allowed, unless people are known to cherry-pick."""
        found = ("merge",) if "merge" in methods else methods
        return (*found, "cherry-pick") if "cherry-pick-retrofit" in self.mistakes else found

    def _gates(self) -> dict[int, int]:
        """For each branch of RUN the last branch before RUN that features have to pass."""
        chain = [self.index[name] for name in self.strategy.topology.promotion_chain()]
        inside = [place for place, branch in enumerate(chain) if branch in self.run]
        if not inside or inside[0] == 0:
            return {}
        return dict.fromkeys(self.run, chain[inside[0] - 1])

    def _flows(self) -> Iterator[FlowRule]:
        topology = self.strategy.topology
        if "promote" not in self.strategy.operations:
            return
        rules = topology.obligation_rules()
        patterns = frozenset(family.pattern for family in self.families if family.is_fix)
        for flow in topology.promotions():
            waits, deadlines = [], []
            for rule in rules:
                compiled = Rule(
                    self.index[rule.landed_on],
                    self.index[rule.owed_to],
                    frozenset(rule.families) or patterns,
                    topology.layer_of(rule.landed_on),
                )
                if flow in rule.deadlines:
                    deadlines.append(compiled)
                if flow in rule.deadlines or flow.source == rule.owed_to:
                    waits.append(compiled)
            yield FlowRule(
                self.index[flow.source],
                self.index[flow.target],
                tuple(method for method in self.strategy.methods(flow.methods) if flow.methods or method != "rebase"),
                tuple(waits),
                tuple(deadlines),
            )

    def _stale_places(self) -> tuple[tuple[int, int], ...]:
        """Where a stale copy can be committed, with the family of the work: where features land, or all work does."""
        features = [number for number, family in enumerate(self.families) if not family.is_fix]
        numbers = features or range(len(self.families))
        places: dict[int, int] = {}
        for number in numbers:
            for target in self.families[number].to:
                places.setdefault(target, number)
        return tuple(places.items())
