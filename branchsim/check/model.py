"""The abstract model: which states a team can reach with a strategy, one operation at a time.

A state is a plain tuple of small integers: the tip of every long-lived branch, the set of short-lived branches, and a
few counters; `Store` says what the numbers mean. So a state costs some two hundred bytes and a step some microseconds.

What is not modelled, because it changes no content and no later merge base: an empty landing, a merge commit where a
fast-forward would do, the name and the time of anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from branchsim.check.bounds import check_whole
from branchsim.check.mistakes import check_mistakes
from branchsim.check.rules import Rules
from branchsim.check.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from branchsim.check.rules import Rule, WorkFamily
    from branchsim.check.store import Change, Resolution
    from branchsim.check.strategy import Strategy

State = tuple[int, ...]
"""Tips of the long-lived branches in the order of the topology, then the short-lived branches, then the counters."""

_FIXES, _FEATURES, _GROWTH, _SLIPS, _TAGS = 0, 4, 8, 12, 16
_FIELD = 15
_STALE_STEPS = 3
_BACK_STEPS = 2


class Move(NamedTuple):
    """One operation on a state.

    Attributes
    ----------
    operation : str
        Its name in `OPERATIONS`; a stale commit is a ``commit``.
    moved : int
        The index of the long-lived branch it moves, or -1.
    work : int
        The index of the family of the short-lived branch it is about, or -1.
    old, new : int
        Tips: of the short-lived branch before (or what lands), and of whatever moved, after.
    method : str or None
        How it landed.
    resolution : tuple or None
        How conflicts were resolved; None where there was none.
    source : int
        The index of the long-lived branch it starts or comes from, or -1.
    change : Change or None
        The change it makes or withdraws.
    back : int
        How many first parents back the older version lies (stale copies, force-pushes).
    """

    operation: str
    moved: int
    work: int
    old: int
    new: int
    method: str | None = None
    resolution: Resolution | None = None
    source: int = -1
    change: Change | None = None
    back: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """How much can happen in one history: what is searched is all that fits in here.

    Attributes
    ----------
    fixes, features : int
        How many changes of each kind; at most 14.
    regions : int
        How many places can be edited; two changes conflict only in one place.
    commits : int
        How many commits a short-lived branch can have.
    slips : int
        How often, all in all, somebody reverts, moves a branch back, commits a stale copy or starts from a wrong base.
        Conflicts can be resolved badly any number of times.
    """

    fixes: int = 2
    features: int = 2
    regions: int = 2
    commits: int = 2
    slips: int = 1

    def __post_init__(self) -> None:
        for name, least in (("fixes", 0), ("features", 0), ("regions", 1), ("commits", 1), ("slips", 0)):
            check_whole(f"scope: {name}", getattr(self, name), least=least, most=_FIELD - 1)


class Model:
    """A strategy with the mistakes people make, as states and moves.

    Parameters
    ----------
    strategy : Strategy
        The strategy; its guards are enforced.
    mistakes : iterable of str
        The mistakes that are made, from `MISTAKES`.
    scope : Scope
        How much can happen.
    symmetry : bool
        Whether of histories that differ only in names one is visited.
    tags : bool
        Whether tags are set; they bear only on whether something can be named.
    fast_forward : bool
        Whether a merge that has nothing to merge moves the branch; without, every merge makes a commit.
    """

    def __init__(
        self,
        strategy: Strategy,
        mistakes: Iterable[str] = (),
        *,
        scope: Scope | None = None,
        symmetry: bool = True,
        tags: bool = False,
        fast_forward: bool = True,
    ) -> None:
        self.strategy = strategy
        self.mistakes = check_mistakes(mistakes)
        self.scope = scope or Scope()
        self.symmetry = symmetry
        self.store = Store(
            self.scope.regions, one_sided="one-sided-resolution" in self.mistakes, fast_forward=fast_forward
        )
        self.rules = Rules(strategy, self.mistakes)
        self.branches, self.layers, self.index = self.rules.branches, self.rules.layers, self.rules.index
        self.production, self.run, self.origins = self.rules.production, self.rules.run, self.rules.origins
        self.families, self.flows, self.gates = self.rules.families, self.rules.flows, self.rules.gates
        self._guards = frozenset(strategy.guards)
        self.uses = frozenset(strategy.operations) | (
            self.mistakes & {"revert", "force-push"} | ({"delete"} if "delete-branch" in self.mistakes else set())
        )
        self._tagging = tags and "tag" in self.uses
        self._careful = "no-promotion-while-open" in self._guards or not self.mistakes & {
            "skip-retrofit",
            "late-retrofit",
        }
        self._keeps = "squash-then-merge" in self.mistakes
        self._releases = {
            target: tuple(
                flow.target for flow in self.flows if flow.source == target and flow.target in self.production
            )
            for target in range(len(self.branches))
        }
        self._ends = tuple(frozenset((*family.to, *family.retrofit)) for family in self.families)
        self._works: list[tuple[tuple[int, int], ...]] = []
        self._work_ids: dict[tuple[tuple[int, int], ...], int] = {}
        self._twins: dict[tuple[int, int], int] = {}
        self._tags: list[frozenset[int]] = [frozenset()]
        self._tag_ids: dict[frozenset[int], int] = {frozenset(): 0}
        self._started: dict[tuple[object, ...], tuple[int, Change]] = {}
        self._shipping: dict[State, int] = {}
        self._stuck: dict[State, int] = {}
        self.start: State = (*(self.store.root for _ in self.branches), self._works_id(()), 0)

    # -- what a state holds ---------------------------------------------------------------------------------------

    def works(self, state: State) -> tuple[tuple[int, int], ...]:
        """The short-lived branches: index of the family and tip of each."""
        return self._works[state[-2]]

    def tags(self, state: State) -> frozenset[int]:
        """The commits that carry a tag."""
        return self._tags[state[-1] >> _TAGS]

    def is_reachable(self, commit: int, state: State) -> bool:
        """Whether a branch or tag still leads to a commit."""
        tips = (*state[:-2], *(tip for _, tip in self.works(state)), *self.tags(state))
        return any(self.store.is_ancestor(commit, tip) for tip in tips)

    # -- moves ----------------------------------------------------------------------------------------------------

    def moves(self, state: State) -> list[tuple[State, Move]]:
        """Every move from a state, and the state it leads to; always in the same order."""
        found: list[tuple[State, Move]] = []
        self._land_works(state, found)
        self._promote(state, found)
        self._merge_back(state, found)
        self._start_works(state, found)
        if self.scope.commits > 1 and "commit" in self.uses:
            self._commit(state, found)
        if self._tagging:
            self._tag(state, found)
        if (state[-1] >> _SLIPS & _FIELD) < self.scope.slips:
            if "revert" in self.uses:
                self._revert(state, found)
            if "stale-commit" in self.mistakes:
                self._commit_stale(state, found)
            if "force-push" in self.uses:
                self._push_back(state, found)
        if "delete" in self.uses:
            self._delete(state, found)
        return found

    def can_ship(self, state: State, steps: int) -> bool:
        """Whether some fix that production lacks can be there within so many steps; a further fix may be begun for it.

        Parameters
        ----------
        state : State
            Where to begin.
        steps : int
            How many steps there are.
        """
        key = state[:-1]
        enough = self._shipping.get(key)
        if enough is not None and enough <= steps:
            return True
        if steps == 0 or steps <= self._stuck.get(key, -1):
            return False
        # A further fix is always to be had, and slips are no way out: the bounds of the scope are ours, not the team's.
        free = (*key, state[-1] & ~(_FIELD << _FIXES) | _FIELD << _SLIPS)
        fixes = self.store.fixes
        for after in self._urgent(free):
            if any(not fixes[after[place]] <= fixes[state[place]] for place in self.production):
                self._shipping[key] = 1
                return True
            if self.can_ship(after, steps - 1):
                self._shipping[key] = self._shipping[after[:-1]] + 1
                return True
        self._stuck[key] = steps
        return False

    # -- landings -------------------------------------------------------------------------------------------------

    def _land_works(self, state: State, found: list[tuple[State, Move]]) -> None:
        delivered = self.store.delivered
        for work in self._works[state[-2]]:
            number, tip = work
            if self.symmetry and self._waits(work, state):
                continue
            family = self.families[number]
            brought = delivered[tip]
            landed = False
            for target in family.to:
                if brought <= delivered[state[target]]:
                    landed = True
                elif not (family.is_fix and self._frozen(state, target)):
                    self._land(state, found, "pull-request", target, tip, family.methods, work=number)
            if landed and "retrofit" in self.uses:
                for target in family.retrofit:
                    if not brought <= delivered[state[target]]:
                        self._land(state, found, "retrofit", target, tip, family.retrofit_methods, work=number)

    def _promote(self, state: State, found: list[tuple[State, Move]]) -> None:
        for flow in self.flows:
            source = state[flow.source]
            if source == state[flow.target] or (
                self._careful and any(self.open_fixes(state, rule) for rule in flow.waits_for)
            ):
                continue
            self._land(state, found, "promote", flow.target, source, flow.methods, origin=flow.source)

    def _merge_back(self, state: State, found: list[tuple[State, Move]]) -> None:
        for origin, goal, methods in self.rules.backs:
            if state[origin] != state[goal]:
                self._land(state, found, "merge-back", goal, state[origin], methods, origin=origin)

    def _land(
        self,
        state: State,
        found: list[tuple[State, Move]],
        operation: str,
        place: int,
        tip: int,
        methods: tuple[str, ...],
        *,
        work: int = -1,
        origin: int = -1,
    ) -> None:
        for method in methods:
            found.extend(
                (
                    self._moved(state, place, end.tip),
                    Move(operation, place, work, tip, end.tip, method, end.resolution, origin),
                )
                for end in self.store.land(method, state[place], tip, place)
            )

    # -- work -----------------------------------------------------------------------------------------------------

    def _start_works(self, state: State, found: list[tuple[State, Move]]) -> None:
        counters = state[-1]
        for number, family in enumerate(self.families):
            used = counters >> (_FIXES if family.is_fix else _FEATURES) & _FIELD
            if used >= (self.scope.fixes if family.is_fix else self.scope.features):
                continue
            places: tuple[int, ...] = (family.source,)
            if family.wrong and (counters >> _SLIPS & _FIELD) < self.scope.slips:
                places += tuple(place for place in family.wrong if state[place] != state[family.source])
            for place in places:
                for region in self._open_regions(family, counters):
                    tip, change = self._new_work(state, number, place, region)
                    after = self._counted(counters, family, region, slip=place != family.source)
                    works = self._works_id(tuple(sorted((*self._works[state[-2]], (number, tip)))))
                    found.append(
                        (
                            (*state[:-2], works, after),
                            Move("start", -1, number, -1, tip, source=place, change=change),
                        )
                    )

    def _new_work(self, state: State, number: int, place: int, region: int) -> tuple[int, Change]:
        """A change on a new branch. Equal branches are numbered: a twin is told from the first by that alone."""
        base = state[place]
        family = self.families[number]
        twin = 0
        before: int | None = None
        while True:
            key = (number, base, region, twin)
            made = self._started.get(key)
            if made is None:
                change = self.store.change(
                    (family.pattern, base, region, twin), is_fix=family.is_fix, family=family.pattern, region=region
                )
                made = self._started[key] = (self.store.commit_change(base, change), change)
                if before is not None:
                    self._twins[number, made[0]] = before
            tip, change = made
            taken = any(change in self.store.delivered[other] for other in state[:-2]) or any(
                change in self.store.delivered[other] for _, other in self._works[state[-2]]
            )
            if not taken:
                return made
            before = tip
            twin += 1

    def _commit(self, state: State, found: list[tuple[State, Move]]) -> None:
        counters = state[-1]
        for work in self._works[state[-2]]:
            number, tip = work
            family = self.families[number]
            used = counters >> (_FIXES if family.is_fix else _FEATURES) & _FIELD
            if used >= (self.scope.fixes if family.is_fix else self.scope.features):
                continue
            if self._length(tip, family) >= self.scope.commits or (self.symmetry and self._waits(work, state)):
                continue
            for region in self._open_regions(family, counters):
                change = self.store.change(
                    (family.pattern, tip, region), is_fix=family.is_fix, family=family.pattern, region=region
                )
                after = self.store.commit_change(tip, change)
                works = self._replaced(state, work, (number, after))
                found.append(
                    (
                        (*state[:-2], works, self._counted(counters, family, region)),
                        Move("commit", -1, number, tip, after, change=change),
                    )
                )

    def _delete(self, state: State, found: list[tuple[State, Move]]) -> None:
        delivered = self.store.delivered
        guarded = "keep-branch-until-retrofitted" in self._guards
        for work in self._works[state[-2]]:
            number, tip = work
            family = self.families[number]
            if not any(delivered[tip] <= delivered[state[target]] for target in family.to):
                continue
            owes = any(not delivered[tip] <= delivered[state[target]] for target in family.retrofit)
            if owes and not guarded:
                works = self._replaced(state, work, None)
                found.append(((*state[:-2], works, state[-1]), Move("delete", -1, number, tip, -1)))

    def _length(self, tip: int, family: WorkFamily) -> int:
        """How many commits of its own a short-lived branch has."""
        count = 0
        while len(self.store.parents[tip]) == 1 and all(
            change.family == family.pattern for change in self.store.brings[tip]
        ):
            count += 1
            tip = self.store.parents[tip][0]
        return count

    # -- slips ----------------------------------------------------------------------------------------------------

    def _revert(self, state: State, found: list[tuple[State, Move]]) -> None:
        for place, tip in enumerate(state[:-2]):
            for change in sorted(self.store.content[tip], key=_number):
                commit = self.store.origin(change, tip)
                if commit is None:
                    continue
                found.extend(
                    (
                        self._moved(state, place, end.tip, slip=True),
                        Move("revert", place, -1, commit, end.tip, resolution=end.resolution, change=change),
                    )
                    for end in self.store.revert(tip, commit, self.layers[place])
                )

    def _commit_stale(self, state: State, found: list[tuple[State, Move]]) -> None:
        store = self.store
        for place, number in self.rules.stale:
            family = self.families[number]
            counters = state[-1]
            used = counters >> (_FIXES if family.is_fix else _FEATURES) & _FIELD
            if used >= (self.scope.fixes if family.is_fix else self.scope.features):
                continue
            tip = state[place]
            tried: set[int] = set()
            for back, old in enumerate(store.first_parents(tip), start=1):
                if back > _STALE_STEPS:
                    break
                if store.tree[old] in tried or store.content[tip] <= store.content[old]:
                    continue
                tried.add(store.tree[old])
                for region in self._open_regions(family, counters):
                    change = store.change(
                        (family.pattern, "stale", tip, store.tree[old], region),
                        is_fix=family.is_fix,
                        family=family.pattern,
                        region=region,
                    )
                    after = store.commit_change(tip, change, tree=store.tree[old])
                    counted = self._counted(counters, family, region, slip=True)
                    found.append(
                        (
                            self._moved((*state[:-1], counted), place, after),
                            Move("commit", place, number, tip, after, change=change, back=back),
                        )
                    )

    def _push_back(self, state: State, found: list[tuple[State, Move]]) -> None:
        for place, tip in enumerate(state[:-2]):
            for back, old in enumerate(self.store.first_parents(tip), start=1):
                if back > _BACK_STEPS:
                    break
                found.append(
                    (
                        self._moved(state, place, old, slip=True, forward=False),
                        Move("force-push", place, -1, tip, old, back=back),
                    )
                )

    def _tag(self, state: State, found: list[tuple[State, Move]]) -> None:
        tagged = self.tags(state)
        for place in self.production:
            tip = state[place]
            if tip not in tagged and tip != self.store.root:
                tags = tagged | {tip}
                number = self._tag_ids.setdefault(tags, len(self._tags))
                if number == len(self._tags):
                    self._tags.append(tags)
                counters = state[-1] & (1 << _TAGS) - 1 | number << _TAGS
                found.append(((*state[:-1], counters), Move("tag", -1, -1, tip, tip, source=place)))

    # -- rules ----------------------------------------------------------------------------------------------------

    def open_fixes(self, state: State, rule: Rule) -> bool:
        """Whether a fix that landed has not been brought to where it is owed."""
        store = self.store
        landed, owed = state[rule.landed], state[rule.owed]
        if store.fixes[landed] <= store.delivered[owed]:
            return False
        return any(
            change.family in rule.families and (change, rule.layer) not in store.withdrawn[landed]
            for change in store.fixes[landed] - store.delivered[owed]
        )

    def _frozen(self, state: State, target: int) -> bool:
        """Whether a branch holds features that production does not, and the guard keeps fixes off it."""
        if "run-frozen-while-ahead" not in self._guards:
            return False
        return self.is_ahead(state, target)

    def is_ahead(self, state: State, target: int) -> bool:
        """Whether a branch that is promoted to production holds features that production does not."""
        store = self.store
        return any(
            not store.features[state[target]] <= store.delivered[state[place]] for place in self._releases[target]
        )

    def _waits(self, work: tuple[int, int], state: State) -> bool:
        """Whether a twin that came first has not been touched: of two equal branches the first goes first."""
        before = self._twins.get(work)
        if before is None or (work[0], before) not in self._works[state[-2]]:
            return False
        delivered = self.store.delivered
        change = self.store.brings[before]
        return not any(change <= delivered[tip] for tip in state[:-2])

    def _open_regions(self, family: WorkFamily, counters: int) -> range:
        """Where a change can be made. Regions differ in name only, so fixes take them in order."""
        if not family.is_fix or not self.symmetry:
            return range(self.scope.regions)
        return range(min((counters >> _GROWTH & _FIELD) + 1, self.scope.regions))

    def _counted(self, counters: int, family: WorkFamily, region: int, *, slip: bool = False) -> int:
        counters += 1 << (_FIXES if family.is_fix else _FEATURES)
        if family.is_fix and region == counters >> _GROWTH & _FIELD:
            counters += 1 << _GROWTH
        return counters + (slip << _SLIPS)

    # -- states ---------------------------------------------------------------------------------------------------

    def _moved(self, state: State, place: int, tip: int, *, slip: bool = False, forward: bool = True) -> State:
        """The state with a branch elsewhere, and without the short-lived branches that are done with."""
        *tips, works, counters = state
        tips[place] = tip
        if forward and not self._keeps:
            there = self._works[works]
            # Only a branch that was to land here can be done with now.
            left = [work for work in there if place not in self._ends[work[0]] or not self._is_done(work, tips)]
            if len(left) < len(there):
                works = self._works_id(tuple(left))
        return (*tips, works, counters + (slip << _SLIPS))

    def _is_done(self, work: tuple[int, int], tips: list[int]) -> bool:
        """Whether a short-lived branch has reached everything it is meant to reach."""
        delivered = self.store.delivered
        family = self.families[work[0]]
        brought = delivered[work[1]]
        for target in family.retrofit:
            if not brought <= delivered[tips[target]]:
                return False
        return any(brought <= delivered[tips[target]] for target in family.to)

    def _replaced(self, state: State, old: tuple[int, int], new: tuple[int, int] | None) -> int:
        left = [work for work in self._works[state[-2]] if work != old]
        return self._works_id(tuple(sorted([*left, new] if new else left)))

    def _works_id(self, works: tuple[tuple[int, int], ...]) -> int:
        number = self._work_ids.get(works)
        if number is None:
            number = self._work_ids[works] = len(self._works)
            self._works.append(works)
        return number

    # -- shipping -------------------------------------------------------------------------------------------------

    def _urgent(self, state: State) -> Iterator[State]:
        """The states one step on, those first from which a fix is most likely to ship soon."""
        later: list[State] = []
        found: list[tuple[State, Move]] = []
        self._promote(state, found)
        for after, move in found:
            if move.moved in self.production:
                yield after
            else:
                later.append(after)
        for collect in (self._land_works, self._start_works):
            found = []
            collect(state, found)
            for after, move in found:
                if self.families[move.work].is_fix and move.operation != "retrofit":
                    yield after
                else:
                    later.append(after)
        found = []
        self._merge_back(state, found)
        later += [after for after, _ in found]
        yield from later


def _number(change: Change) -> int:
    return change.number


__all__ = ["Model", "Move", "Scope", "State"]
