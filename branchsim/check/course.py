"""One run of an experiment: a team works with a strategy, event by event, and what comes of it is counted.

Versions, merges and conflicts are those of the model that the checker searches (`Store`), here with many places and
with one resolution for each conflict: that of whoever has to resolve it. Time is in hours.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from branchsim.check.record import Recorder
from branchsim.check.rules import Rules
from branchsim.check.store import Change, Landed, Resolution, Store, choose_side
from branchsim.check.team import WEEK, Habits, Team

if TYPE_CHECKING:
    from branchsim.check.rules import FlowRule, WorkFamily
    from branchsim.check.strategy import Strategy
    from branchsim.check.trace import Trace

_LATER = 1.0
"""Hours until somebody does what a promotion or a thaw has made possible."""


class DecidedStore(Store):
    """A store in which each conflict is resolved in one way: as `decide` says when it is met."""

    def __init__(self, regions: int) -> None:
        # Always a commit of its own, as where work lands by pull requests, also where git could fast-forward.
        super().__init__(regions, one_sided=False, fast_forward=False)
        self.decide: Callable[[], str] = lambda: "both"

    def land(self, method: str, target: int, source: int, place: int = 0) -> tuple[Landed, ...]:
        """The one way in which a landing ends now; nothing is remembered, since people decide anew."""
        self._landings.clear()
        self._three.clear()
        return super().land(method, target, source, place)

    def revert(self, tip: int, commit: int, layer: str) -> tuple[Landed, ...]:
        """The one way in which a revert ends now."""
        self._landings.clear()
        self._three.clear()
        return super().revert(tip, commit, layer)

    def stale_tree(self, tip: int, old: int, region: int) -> int:
        """The tree of a tip with one region as it was in an older commit."""
        values = list(self._trees[self.tree[tip]])
        values[region] = self._trees[self.tree[old]][region]
        return self._tree_of(tuple(values))

    def _three_way(self, base: int, ours: int, theirs: int) -> Iterator[tuple[int, Resolution | None]]:
        values: list[int] = []
        how: list[str | None] = []
        for old, left, right in zip(self._trees[base], self._trees[ours], self._trees[theirs], strict=True):
            merged = choose_side(old, left, right)
            choice = None
            if merged is None:
                choice = self.decide()
                merged = {"ours": left, "theirs": right}.get(choice)
                if merged is None:
                    merged = self._value(self._both(old, left, right))
            values.append(merged)
            how.append(choice)
        yield self._tree_of(tuple(values)), tuple(how) if any(how) else None


@dataclass(slots=True)
class ReleaseRow:
    """What happened until one release was out, from the one before on."""

    release: int
    at: float = 0.0
    features: int = 0
    hotfixes: int = 0
    overwrites: int = 0
    lost_fixes: int = 0
    conflicts: int = 0
    retrofits_due: int = 0
    missed_retrofits: int = 0
    leaks: int = 0
    frozen_hours: float = 0.0
    waited_hours: float = 0.0


@dataclass(slots=True)
class FixRow:
    """The life of one fix and of what it owed to one branch."""

    fix: str
    landed_on: str
    owed_to: str | None
    landed_at: float
    planned_delay: float | None
    arrived_after: float | None = None
    missed: bool = False
    lost: bool = False
    lost_at: float | None = None
    lost_on: str | None = None
    lost_from_production: bool = False


@dataclass(slots=True)
class Outcome:
    """What one run came to."""

    releases: list[ReleaseRow]
    fixes: list[FixRow]
    trace: Trace | None


@dataclass(slots=True, eq=False)
class _Work:
    """A short-lived branch."""

    name: str
    family: WorkFamily
    change: Change
    base: int
    tip: int
    deleted: bool = False
    due: list[_Debt] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Debt:
    """A fix that is owed to a branch."""

    work: _Work
    landed: int
    owed: int
    since: float
    row: FixRow
    deadline: bool
    arrived: bool = False


class Course:
    """A team at work with a strategy.

    Parameters
    ----------
    strategy : Strategy
        Branches, flows, families and guards.
    team : Team
        Rates, delays, habits and mistakes.
    releases : int
        How many releases there are.
    seed : numpy.random.SeedSequence
        Where chance begins: the work that comes in and what people do with it are separate streams, so two strategies
        get the same work from one seed.
    record : bool
        Whether the history is recorded as a trace.
    """

    def __init__(
        self, strategy: Strategy, team: Team, *, releases: int, seed: np.random.SeedSequence, record: bool = False
    ) -> None:
        self.strategy, self.team, self.count = strategy, team, releases
        # Counted from the start and not by spawn(): a seed that is used twice gives the same streams twice.
        streams = [
            np.random.default_rng(np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, number)))
            for number in range(3)
        ]
        self.features_chance, self.fixes_chance, self.chance = streams
        self.rules = Rules(strategy, frozenset())
        self.store = DecidedStore(team.places)
        self.tips = [self.store.root] * len(self.rules.branches)
        self.guards = frozenset(strategy.guards)
        self.now = 0.0
        self.rows = [ReleaseRow(1)]
        self.fixes: list[FixRow] = []
        self.debts: list[_Debt] = []
        self.waiting: list[tuple[float, _Work]] = []
        self.after: list[_Debt] = []
        self.lost: dict[Change, float] = {}
        self.shipped: set[Change] = set()
        self.gone: set[Change] = set()
        self.leaked: set[Change] = set()
        self.of_fix: dict[Change, list[FixRow]] = {}
        self.recorder = Recorder(self.rules.branches, self.store) if record else None
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._frozen_since: dict[int, float] = {}
        weights = np.arange(1, team.places + 1, dtype=float) ** -team.heat
        self._heat = np.cumsum(weights / weights.sum())
        self._counts: dict[str, int] = {}
        self._names: dict[Change, str] = {}

    # -- the calendar ---------------------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Let everything happen until the last release is out."""
        flows = self._chain()
        offsets = self._offsets(len(flows))
        end = self.count * self.team.release_hours + max(offsets, default=0.0)
        for number in range(1, self.count + 1):
            start = number * self.team.release_hours
            for place, (flow, offset) in enumerate(zip(flows, offsets, strict=True)):
                self._at(start + offset, self._promotion(flow, last=place == len(flows) - 1))
            if not flows:
                self._at(start, self._release)
        self._plan("feature", self.team.features_per_week, end)
        self._plan("fix", self.team.hotfixes_per_week, end)
        while self._events and len(self.rows) <= self.count:
            self.now, _, event = heapq.heappop(self._events)
            event()
        trace = self.recorder.trace() if self.recorder else None
        return Outcome(self.rows[: self.count], self.fixes, trace)

    def _at(self, when: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), event))

    def _plan(self, kind: str, per_week: float, end: float) -> None:
        """Work that comes in at random times, each with its place and its duration."""
        chance = self.features_chance if kind == "feature" else self.fixes_chance
        when = 0.0
        while per_week > 0:
            when += float(chance.exponential(WEEK / per_week))
            place = min(int(np.searchsorted(self._heat, chance.random(), side="right")), self.team.places - 1)
            takes = (self.team.feature_hours if kind == "feature" else self.team.hotfix_hours).sample(chance)
            if when >= end:
                return
            self._at(when, lambda kind=kind, place=place, takes=takes: self._begin(kind, place, takes))  # type: ignore[misc]

    def _chain(self) -> list[FlowRule]:
        """The promotions in the order in which a version takes them."""
        left = list(self.rules.flows)
        found: list[FlowRule] = []
        while left:
            targets = {flow.target for flow in left}
            first = next((flow for flow in left if flow.source not in targets), left[0])
            left.remove(first)
            found.append(first)
        return found

    def _offsets(self, count: int) -> list[float]:
        team = self.team
        if count <= 1:
            return [0.0] * count
        middle = [team.uat_hours * place / (count - 2) for place in range(1, count - 1)]
        return [0.0, *middle, (team.uat_hours if middle else 0.0) + team.validation_hours]

    # -- work -----------------------------------------------------------------------------------------------------

    def _begin(self, kind: str, place: int, takes: float) -> None:
        is_fix = kind == "fix"
        every = self.rules.families
        right = [each for each in every if each.is_fix == is_fix and (not is_fix or each.source in self.rules.run)]
        right = right or list(every)
        family = right[int(self.chance.integers(len(right)))]
        source = family.source
        if is_fix and self.rules.origins and self._slips("wrong-base"):
            source = self.rules.origins[0]
        base = self.tips[source]
        change = self.store.change((len(self.store.changes),), is_fix=is_fix, family=family.pattern, region=place)
        self._counts[change.kind] = self._counts.get(change.kind, 0) + 1
        self._names[change] = f"{change.kind}-{self._counts[change.kind]}"
        number = self._counts[family.pattern] = self._counts.get(family.pattern, 0) + 1
        name = family.pattern.replace("*", str(number)) if "*" in family.pattern else f"{family.pattern}-{number}"
        work = _Work(name, family, change, base, self.store.commit_change(base, change))
        if self.recorder:
            self.recorder.start(self.now, name, self.rules.branches[source], base, work.tip, change)
        self._at(self.now + takes, lambda: self._finish(work))

    def _finish(self, work: _Work) -> None:
        if not work.change.is_fix:
            self._land_feature(work)
            return
        target = work.family.to[0]
        if "run-frozen-while-ahead" in self.guards and self._is_ahead(target):
            self.waiting.append((self.now, work))
            return
        self._land_fix(work, target)

    def _land_feature(self, work: _Work) -> None:
        for target in work.family.to:
            if self._slips("stale-commit"):
                tip = self.tips[target]
                tree = self.store.stale_tree(tip, work.base, work.change.region)
                new = self.store.commit_change(tip, work.change, tree=tree)
                if self.recorder:
                    self.recorder.stale(self.now, self.rules.branches[target], new, work.change)
                self._moved(target, new)
            else:
                self._land("pull-request", target, work.tip, _method(work.family), self.team.own, work.name)
        self.rows[-1].features += 1

    def _land_fix(self, work: _Work, target: int) -> None:
        method = _method(work.family)
        # A coin is thrown whether or not a guard is there, so that strategies with the same seed stay comparable.
        squashes = self._slips("squash-then-merge")
        if squashes and "no-squash-if-merged-again" not in self.guards:
            method = "squash"
        self._land("pull-request", target, work.tip, method, self.team.own, work.name)
        self.rows[-1].hotfixes += 1
        deletes = self._slips("delete-branch")
        work.deleted = deletes and "keep-branch-until-retrofitted" not in self.guards
        self._owe(work, target)
        if not self._is_ahead(target):
            for flow in self.rules.flows:
                if flow.source == target and flow.target in self.rules.run:
                    self._promote(flow)

    def _owe(self, work: _Work, landed: int) -> None:
        owed = dict.fromkeys(work.family.retrofit)
        owed |= dict.fromkeys(goal for origin, goal, _ in self.rules.backs if origin == landed)
        name = self._names[work.change]
        branches = self.rules.branches
        skips, late = self._slips("skip-retrofit"), self._slips("late-retrofit")
        takes = self.team.retrofit_delay.sample(self.chance)
        rows = []
        for goal in owed:
            row = FixRow(name, branches[landed], branches[goal], self.now, None if skips else takes)
            deadline = any(
                rule.landed == landed and rule.owed == goal for flow in self.rules.flows for rule in flow.deadline_of
            )
            debt = _Debt(work, landed, goal, self.now, row, deadline)
            rows.append(row)
            self.debts.append(debt)
            work.due.append(debt)
            self.rows[-1].retrofits_due += 1
            if late and not skips:
                self.after.append(debt)
            elif not skips:
                self._at(self.now + takes, lambda debt=debt: self._retrofit(debt))  # type: ignore[misc]
        if not owed:
            rows.append(FixRow(name, branches[landed], None, self.now, None))
        self.fixes += rows
        self.of_fix[work.change] = rows
        self._arrivals()
        # What was lost in its own landing has been seen before there was a row to write it to.
        if work.change in self.lost:
            for row in rows:
                row.lost, row.lost_at, row.lost_on = True, self.lost[work.change], branches[landed]

    def _retrofit(self, debt: _Debt) -> None:
        """Bring a fix to where it is owed, if it is not there yet."""
        if debt.arrived:
            return
        work = debt.work
        back = next((b for b in self.rules.backs if b[0] == debt.landed and b[1] == debt.owed), None)
        if debt.owed in work.family.retrofit and not work.deleted:
            method = "cherry-pick" if self._slips("cherry-pick-retrofit") else work.family.retrofit_methods[0]
            self._land("retrofit", debt.owed, work.tip, method, self.team.own, work.name)
        elif back is not None and not work.deleted:
            source = self.rules.branches[debt.landed]
            self._land("merge-back", debt.owed, self.tips[debt.landed], back[2][0], self.team.others, source)

    # -- releases -------------------------------------------------------------------------------------------------

    def _promotion(self, flow: FlowRule, *, last: bool) -> Callable[[], None]:
        def event() -> None:
            if last:
                self._accidents()
            self._settle(flow)
            self._promote(flow)
            for debt in self.after:
                self._at(self.now + _LATER, lambda debt=debt: self._retrofit(debt))  # type: ignore[misc]
            self.after.clear()
            if last:
                self._release()

        return event

    def _settle(self, flow: FlowRule) -> None:
        """What must be done before a promotion, and what it passes over."""
        if "no-promotion-while-open" in self.guards:
            for debt in self._open(flow.waits_for):
                # The gate names it, so it is done: also what was forgotten, and what needs a branch that is gone.
                deleted, debt.work.deleted = debt.work.deleted, False
                self._retrofit(debt)
                debt.work.deleted = deleted
        for debt in self._open(flow.deadline_of):
            self._miss(debt)

    def _open(self, rules: tuple[object, ...]) -> list[_Debt]:
        pairs = {(rule.landed, rule.owed) for rule in rules}  # type: ignore[attr-defined]
        return [debt for debt in self.debts if not debt.arrived and (debt.landed, debt.owed) in pairs]

    def _miss(self, debt: _Debt) -> None:
        if not debt.row.missed:
            debt.row.missed = True
            self.rows[-1].missed_retrofits += 1

    def _promote(self, flow: FlowRule) -> None:
        source = self.rules.branches[flow.source]
        self._land("promote", flow.target, self.tips[flow.source], flow.methods[0], self.team.others, source)

    def _release(self) -> None:
        """A release is out: the row is closed, hotfixes that waited go on, what has no deadline is due."""
        for debt in self.debts:
            if not debt.arrived and not debt.deadline and debt.since < self.now - self.team.release_hours:
                self._miss(debt)
        self.debts = [debt for debt in self.debts if not debt.arrived]
        self._thaw()
        for since in self._frozen_since.values():
            self.rows[-1].frozen_hours += self.now - since
        self._frozen_since = dict.fromkeys(self._frozen_since, self.now)
        self.rows[-1].at = self.now
        self.rows.append(ReleaseRow(len(self.rows) + 1))

    def _thaw(self) -> None:
        waiting, self.waiting = self.waiting, []
        for since, work in waiting:
            self.rows[-1].waited_hours += self.now - since
            self._at(self.now + _LATER, lambda work=work: self._finish(work))  # type: ignore[misc]

    def _accidents(self) -> None:
        """A revert on RUN that is merged back, and a branch that is moved back by force."""
        store = self.store
        if self._slips("revert"):
            place = self.rules.run[0]
            tip = self.tips[place]
            there = sorted((each for each in store.content[tip] if not each.is_fix), key=lambda each: each.number)
            change = there[int(self.chance.integers(len(there)))] if there else None
            commit = store.origin(change, tip) if change is not None else None
            if change is not None and commit is not None:
                store.decide = lambda: self.team.others.choose(self.chance)
                for end in store.revert(tip, commit, self.rules.layers[place]):
                    self._count(end)
                    if self.recorder:
                        self.recorder.revert(self.now, self.rules.branches[place], commit, end, change)
                    self._moved(place, end.tip)
                back = next((each for each in self.rules.backs if each[0] == place), None)
                if back is not None:
                    self._at(self.now + self.team.retrofit_delay.sample(self.chance), lambda: self._back(*back))
        if self._slips("force-push"):
            place = int(self.chance.integers(len(self.tips)))
            parents = store.parents[self.tips[place]]
            if parents:
                if self.recorder:
                    self.recorder.move(self.now, self.rules.branches[place], parents[0])
                self._moved(place, parents[0])

    def _back(self, origin: int, goal: int, methods: tuple[str, ...]) -> None:
        source = self.rules.branches[origin]
        self._land("merge-back", goal, self.tips[origin], methods[0], self.team.others, source)

    # -- what every landing does ----------------------------------------------------------------------------------

    def _slips(self, mistake: str) -> bool:
        return bool(self.chance.random() < self.team.rate(mistake))

    def _land(self, operation: str, place: int, source: int, method: str, habits: Habits, name: str) -> None:
        store = self.store
        store.decide = lambda: habits.choose(self.chance)
        before = self.tips[place]
        for end in store.land(method, before, source, place):
            self._count(end)
            if self.recorder:
                self.recorder.land(
                    self.now,
                    operation,
                    self.rules.branches[place],
                    name,
                    method,
                    before=before,
                    source_tip=source,
                    end=end,
                )
            self._moved(place, end.tip, source)

    def _count(self, end: Landed) -> None:
        self.rows[-1].conflicts += end.resolution is not None

    def _moved(self, place: int, new: int, source: int | None = None) -> None:
        """A long-lived branch has moved: who lost what, what arrived, what froze."""
        store = self.store
        old, self.tips[place] = self.tips[place], new
        layer = self.rules.layers[place]
        losses = store.content[old] - store.content[new]
        if source is not None:
            came = store.delivered[new] - store.delivered[old]
            losses |= (came & store.content[source]) - store.content[new]
        for change in losses:
            if (change, layer) not in store.withdrawn[new]:
                self._lose(change, place)
        if place in self.rules.production:
            self._check_production(place, new)
        gate = self.rules.gates.get(place)
        if gate is not None:
            for change in store.features[new] - store.delivered[self.tips[gate]] - self.leaked:
                self.leaked.add(change)
                self.rows[-1].leaks += 1
        self._arrivals()
        self._watch_freeze()

    def _lose(self, change: Change, place: int) -> None:
        if change in self.lost:
            return
        self.lost[change] = self.now
        self.rows[-1].overwrites += 1
        for row in self.of_fix.get(change, ()):
            row.lost, row.lost_at, row.lost_on = True, self.now, self.rules.branches[place]

    def _check_production(self, place: int, new: int) -> None:
        store = self.store
        layer = self.rules.layers[place]
        self.shipped |= {change for change in store.content[new] if change.is_fix}
        for change in self.shipped - store.content[new] - self.gone:
            if (change, layer) not in store.withdrawn[new]:
                self.gone.add(change)
                self.rows[-1].lost_fixes += 1
                for row in self.of_fix.get(change, ()):
                    row.lost_from_production = True

    def _arrivals(self) -> None:
        for debt in self.debts:
            if not debt.arrived and debt.work.change in self.store.delivered[self.tips[debt.owed]]:
                debt.arrived = True
                debt.row.arrived_after = self.now - debt.since

    def _is_ahead(self, place: int) -> bool:
        """Whether a branch that is promoted to production holds features that production does not."""
        store = self.store
        return any(
            flow.source == place
            and flow.target in self.rules.production
            and not store.features[self.tips[place]] <= store.delivered[self.tips[flow.target]]
            for flow in self.rules.flows
        )

    def _watch_freeze(self) -> None:
        for place in self.rules.run:
            ahead = self._is_ahead(place)
            if ahead and place not in self._frozen_since:
                self._frozen_since[place] = self.now
            elif not ahead and place in self._frozen_since:
                self.rows[-1].frozen_hours += self.now - self._frozen_since.pop(place)


def _method(family: WorkFamily) -> str:
    return "merge" if "merge" in family.methods else family.methods[0]


__all__ = ["Course", "DecidedStore", "FixRow", "Outcome", "ReleaseRow"]
