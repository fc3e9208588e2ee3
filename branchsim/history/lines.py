"""Find each branch's own line: the tips it had, one after the other, told apart from the lines of other branches.

git keeps no record of it. The first parents of a tip are the branch's own line only as long as nobody fast-forwarded
it, pulled into it, or merged the wrong way round. The method, and where it ends, is in ``docs/history.md``.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from branchsim.history.owners import owners
from branchsim.history.subjects import Told, read_merge

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from branchsim.history.graph import Graph
    from branchsim.history.owners import Costs
    from branchsim.topology import Topology

# Names that a repository's one trunk has had; git leaves "into master" out of the subject of a merge.
_TRUNKS = ("main", "master", "trunk", "devel", "default")

# What a merge's message says against a branch as the one it was made on, in fast-forwards (see `owners`). A single
# merge of a family where it is not expected must not make two of them.
_CONTRADICTS = 20.0
_NOT_THE_FLOW = 3.0
_NOT_THE_FAMILY = 1.5
_LEFT_OUT = 2.0

FOLLOWS = 10
"""With at most so many commits of its own, a branch only follows another one by fast-forwards."""

_PULLS_NEEDED = 0.6
_NEARLY_ALL = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One tip that a branch had.

    Attributes
    ----------
    tip : int
        The commit's number in the graph.
    before : int or None
        The tip before; None at the start of what is known.
    owner : str or None
        The branch on whose line the tip was made, if not on this one: this branch was moved there.
    swapped : bool
        The tip is a merge, and the branch's earlier tip is not its first parent.
    moved : bool
        The earlier tip is not an ancestor: the branch was created anew, or moved by force.
    notes : tuple of str
        What was inferred, in words.
    """

    tip: int
    before: int | None
    owner: str | None = None
    swapped: bool = False
    moved: bool = False
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Lines:
    """The own lines of all branches of a topology.

    Attributes
    ----------
    steps : dict of str to list of Step
        For each branch its tips, the oldest first.
    owner : dict of int to str
        For each commit that was made on a branch's own line, that branch.
    told : dict of int to Told
        What the messages of merges say, where they say something.
    alias : dict of str to str
        Former names of branches.
    """

    steps: dict[str, list[Step]] = field(default_factory=dict)
    owner: dict[int, str] = field(default_factory=dict)
    told: dict[int, Told] = field(default_factory=dict)
    alias: dict[str, str] = field(default_factory=dict)


def own_lines(
    graph: Graph,
    topology: Topology,
    tips: Mapping[str, int],
    *,
    positions: Mapping[str, Iterable[int]] | None = None,
    tagged: Mapping[str, Iterable[int]] | None = None,
) -> Lines:
    """Find the own line of every branch.

    Parameters
    ----------
    graph : Graph
        Everything that the tips reach.
    topology : Topology
        Bound: its branches are real ones.
    tips : mapping of str to int
        The tip of each branch.
    positions : mapping of str to iterable of int, optional
        Further tips that a branch is known to have had (from a reflog).
    tagged : mapping of str to iterable of int, optional
        Commits that were released from a branch. They count as its tips where it only follows another branch.
    """
    return _Finder(graph, topology, tips, positions or {}, tagged or {}).find()


class _Finder:
    """The state of one search; lives only as long as `own_lines` runs."""

    def __init__(
        self,
        graph: Graph,
        topology: Topology,
        tips: Mapping[str, int],
        positions: Mapping[str, Iterable[int]],
        tagged: Mapping[str, Iterable[int]],
    ) -> None:
        self.graph = graph
        self.topology = topology
        self.tips = tips
        self.lines = Lines()
        for number, commit in enumerate(graph.commits):
            if len(commit.parents) > 1 and (told := read_merge(commit.message)) is not None:
                self.lines.told[number] = told
        self.order = _upstream_first(topology, tips)
        self.rank = {name: place for place, name in enumerate(self.order)}
        self.shapes = {_shape(name) for name in self.order if _shape(name) != name}
        self.alias = self.lines.alias = _aliases(self.order)
        self.accounts: frozenset[str] = frozenset()
        self.pulled: dict[str, bool] = {}
        self.pulled = self._pulled_from()
        self.chains = {name: self._chain(tip) for name, tip in tips.items()}
        times: Counter[int] = Counter(number for chain in self.chains.values() for number in chain)
        self.alone = {name: sum(times[each] == 1 for each in chain) for name, chain in self.chains.items()}
        self.accounts = self._own_accounts()
        follows = {name: released for name, released in tagged.items() if self.alone.get(name, 0) <= FOLLOWS}
        self.marks = self._marks({name: {*positions.get(name, ()), *follows.get(name, ())} for name in tips})
        self.labels = owners(self.chains, self._first_come(), evidence=self._evidence)

    def find(self) -> Lines:
        for name in self.order:
            self.lines.steps[name] = self._walk(name)
        return self.lines

    # -- what a merge says about the branches of the topology -----------------------------------------------------

    def _source(self, number: int) -> str | None:
        """The branch of the topology that a merge says it brought in, whoever's it is."""
        told = self.lines.told.get(number)
        if told is None or told.source is None:
            return None
        name = self.alias.get(told.source, told.source)
        return name if name in self.tips and self._ours(told) else None

    def _ours(self, told: Told) -> bool:
        """Whether the branch that came in is the shared repository's, not one of the same name in somebody's copy."""
        if told.location is not None:
            return self.pulled.get(_place(told.location), True)
        if told.remote is not None and told.pr is not None:
            return told.remote in self.accounts
        return True

    def _target(self, number: int) -> str | None:
        """The branch that a merge says it went into, whether or not of the topology; None where it does not say."""
        told = self.lines.told.get(number)
        if told is None or told.target is None:
            return None
        return self.alias.get(told.target, told.target)

    def _omitted_target(self, number: int) -> str | None:
        """The trunk, where git would have left it out of the subject."""
        told = self.lines.told.get(number)
        trunk = self.alias.get("master", "master")
        if (
            told is None
            or told.target is not None
            or told.pr is not None
            or told.forge != "git"
            or trunk not in self.tips
        ):
            return None
        return trunk

    def _pulled_from(self) -> dict[str, bool]:
        """For each place that branches were pulled from, whether it is the shared repository itself.

        Pulling one's own branch makes a merge only if there were local commits, so its first parent was committed by
        the person who pulled. A merge of somebody else's copy has whatever was last published as its first parent.
        """
        seen: Counter[str] = Counter()
        local: Counter[str] = Counter()
        for number, told in self.lines.told.items():
            if told.location is None or told.source is None:
                continue
            if (self._target(number) or self._omitted_target(number)) != self.alias.get(told.source, told.source):
                continue
            place = _place(told.location)
            seen[place] += 1
            local[place] += self._by_same_person(number)
        return {place: local[place] >= _PULLS_NEEDED * count for place, count in seen.items()}

    def _own_accounts(self) -> frozenset[str]:
        """The accounts whose pull requests come from the shared repository and not from somebody's copy of it."""
        seen: Counter[str] = Counter()
        ours: set[str] = set()
        chains = {name: set(chain) for name, chain in self.chains.items()}
        for number, told in self.lines.told.items():
            if told.pr is None or told.remote is None or told.source is None:
                continue
            seen[told.remote] += 1
            chain = chains.get(self.alias.get(told.source, told.source))
            parents = self.graph.parents[number]
            if chain is not None and len(parents) > 1 and parents[1] in chain and number not in chain:
                ours.add(told.remote)
        total = seen.total()
        return frozenset(ours | {account for account, count in seen.items() if count >= _NEARLY_ALL * total})

    def _by_same_person(self, number: int) -> bool:
        parents = self.graph.parents[number]
        commits = self.graph.commits
        return bool(parents) and commits[parents[0]].committer_email == commits[number].committer_email

    def is_sync(self, number: int) -> str | None:
        """The branch that a merge synchronised with its own published state, if it is one."""
        told = self.lines.told.get(number)
        source = self._source(number)
        if told is None or source is None or told.pr is not None or len(self.graph.parents[number]) < 2:  # noqa: PLR2004
            return None
        if (self._target(number) or self._omitted_target(number)) != source:
            return None
        if told.location is not None:
            own = self.pulled.get(_place(told.location), False) and self._by_same_person(number)
        elif told.remote is not None:
            own = told.remote in ("origin", "upstream")
        else:
            own = told.target is not None
        return source if own else None

    def previous(self, number: int) -> tuple[int | None, bool]:
        """The tip before a commit on the line it was made on, and whether that is not the first parent."""
        parents = self.graph.parents[number]
        if not parents:
            return None, False
        if len(parents) == 2:  # noqa: PLR2004
            source, target = self._source(number), self._target(number)
            told = self.lines.told.get(number)
            if self.is_sync(number) is not None:
                return parents[1], True
            aside = target is not None and target not in self.tips and _shape(target) not in self.shapes
            if source is not None and aside and told is not None and told.location is None and told.pr is None:
                return parents[1], True
        return parents[0], False

    # -- where branches are known to have stood -------------------------------------------------------------------

    def _marks(self, positions: Mapping[str, Iterable[int]]) -> dict[str, set[int]]:
        marks: dict[str, set[int]] = {name: set(positions.get(name, ())) for name in self.tips}
        for number in self.lines.told:
            parents = self.graph.parents[number]
            target = self._target(number)
            if target in marks:
                marks[target].add(number)
            source = self._source(number)
            told = self.lines.told[number]
            if source is not None and source != target and len(parents) == 2 and told.location is None:  # noqa: PLR2004
                marks[source].add(parents[1])
        return marks

    def _chain(self, tip: int) -> list[int]:
        chain = []
        number: int | None = tip
        while number is not None:
            chain.append(number)
            number, _ = self.previous(number)
        return chain

    def _first_come(self) -> list[str]:
        """The order in which branches are taken for the owner of what they share, where nothing is said.

        Work begins upstream, so a branch that is moved along by fast-forwards owns nothing of what it shares. But a
        trunk with a line of its own was there before the branches upstream of it were made.
        """
        trunks = [name for name in self.order if name in _TRUNKS and self.alone[name] > FOLLOWS]
        return [*trunks, *(name for name in self.order if name not in trunks)]

    # -- what speaks against a branch as the one a shared merge was made on -----------------------------------------

    def _evidence(self, number: int, names: tuple[str, ...]) -> Costs:
        if number not in self.lines.told:
            return {}
        against = dict.fromkeys(names, 0.0)
        self._by_target(number, against)
        self._by_source(number, against)
        return against if any(against.values()) else {}

    def _by_target(self, number: int, against: Costs) -> None:
        target = self._target(number)
        if target in against:
            _blame(against, {target}, _CONTRADICTS)
        elif (trunk := self._omitted_target(number)) in against:
            _blame(against, {trunk}, _LEFT_OUT)

    def _by_source(self, number: int, against: Costs) -> None:
        source, told = self._source(number), self.lines.told[number]
        if source is not None:
            if self._target(number) is not None or source == self._omitted_target(number):
                return
            if source in against:
                against[source] += _CONTRADICTS
            led = {flow.target for flow in self.topology.flows if flow.source == source}
            if led & against.keys():
                _blame(against, led, _NOT_THE_FLOW)
        elif told.source is not None and (family := self.topology.family_of(told.source)) is not None:
            first, second = set(family.to) & against.keys(), set(family.retrofit) & against.keys()
            if first:
                _blame(against, first | second, _NOT_THE_FAMILY)
                _blame(against, against.keys() - (second - first), _NOT_THE_FAMILY / 2)
            elif second:
                _blame(against, second, _NOT_THE_FAMILY)

    # -- walking one line -----------------------------------------------------------------------------------------

    def _walk(self, name: str) -> list[Step]:
        """The tips of one branch, walked back from the present one."""
        steps: list[Step] = []
        own = self.lines.owner
        reach: list[int] | None = None
        at = self.tips[name]
        while True:
            elsewhere = self._made_elsewhere(name, at)
            notes: tuple[str, ...] = ()
            swapped = moved = False
            before: int | None
            if elsewhere is None:
                own[at] = name
                before, swapped = self.previous(at)
                if swapped and self.is_sync(at) is None:
                    notes = ("the merge was made the wrong way round: the branch's earlier tip is its second parent",)
            else:
                if reach is None:
                    reach = self._latest_mark(self.marks[name], at)
                before = max((reach[parent] for parent in self.graph.parents[at]), default=-1)
                if before < 0:
                    # What a later branch of the same layer was promoted from, this one must have had.
                    further = self._latest_mark(self._marks_onward(name), at)
                    before = max((further[parent] for parent in self.graph.parents[at]), default=-1)
                if before < 0:
                    before = None
                    again = self._earlier_life(name, at)
                    if again is not None:
                        before, moved, reach = again, True, None
                        notes = (f"{name} was created anew here: its tip before is not an ancestor",)
                else:
                    notes = (f"{name} was moved to a commit of {elsewhere}; where it stood before is read from merges",)
            steps.append(Step(tip=at, before=before, owner=elsewhere, swapped=swapped, moved=moved, notes=notes))
            if before is None:
                steps.reverse()
                return steps
            at = before

    def _made_elsewhere(self, name: str, number: int) -> str | None:
        """The branch on whose line a commit was made, if it is another than this one."""
        holder = self.lines.owner.get(number)
        if holder is not None:
            return holder if holder != name else None
        label = self.labels.get(number)
        if label is not None:
            return label if label != name else None
        target = self._target(number)
        if target is not None and target != name and target in self.tips:
            return target if self._reached_by(target, number) else None
        return None

    def _reached_by(self, name: str, number: int) -> bool:
        return self.graph.is_ancestor(number, self.tips[name])

    def _marks_onward(self, name: str) -> set[int]:
        layer = self.topology.layer_of(name)
        onward = [other for other in self.topology.downstream(name) if self.topology.layer_of(other) == layer]
        return {mark for other in onward for mark in self.marks.get(other, ()) if self._target(mark) != other}

    def _latest_mark(self, marks: Collection[int], start: int) -> list[int]:
        """For each commit up to a start, the newest known tip of a branch that it contains; -1 for none."""
        parents = self.graph.parents
        if not any(mark < start for mark in marks):
            return [-1] * (start + 1)
        latest = [-1] * (start + 1)
        for number in range(start + 1):
            if number in marks:
                latest[number] = number
            else:
                for parent in parents[number]:
                    latest[number] = max(latest[number], latest[parent])
        return latest

    def _earlier_life(self, name: str, start: int) -> int | None:
        """The last tip of a branch of the same name that was given up before this one was made."""
        candidates = [mark for mark in self.marks[name] if mark < start]
        if not candidates:
            return None
        gone = self.graph.are_ancestors([(mark, self.tips[name]) for mark in candidates])
        apart = [mark for mark, within in zip(candidates, gone, strict=True) if not within]
        return max(apart, default=None)


def _upstream_first(topology: Topology, tips: Mapping[str, int]) -> list[str]:
    """The branches, each after those that are promoted to it; else in the order of the topology."""
    names = [branch.name for branch in topology.branches if branch.name in tips]
    above = {name: {other for other in topology.upstream(name) if other in tips} for name in names}
    ordered: list[str] = []
    while len(ordered) < len(names):
        ordered.append(next(name for name in names if name not in ordered and above[name] <= set(ordered)))
    return ordered


def _aliases(names: Sequence[str]) -> dict[str, str]:
    """Former names of the trunk, where the topology has exactly one branch with such a name."""
    trunks = [name for name in names if name in _TRUNKS]
    if len(trunks) != 1:
        return {}
    return {name: trunks[0] for name in _TRUNKS if name != trunks[0]}


def _shape(name: str) -> str:
    """A name without its numbers: a branch called 4.1.x is a former release where 4.2.x and 5.0.x are releases."""
    return re.sub(r"\d+", "#", name)


def _blame(against: Costs, innocent: Collection[str | None], cost: float) -> None:
    for name in against:
        if name not in innocent:
            against[name] += cost


def _place(location: str) -> str:
    """A location without protocol, user and suffix: ``git@github.com:acme/shop.git`` is ``acme/shop``."""
    rest = location.rpartition("://")[2].rpartition("@")[2].replace(":", "/")
    parts = [part for part in rest.rstrip("/").removesuffix(".git").split("/") if part]
    return "/".join(parts[-2:]).lower()


__all__ = ["Lines", "Step", "own_lines"]
