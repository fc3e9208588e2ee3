"""Obligations: what landed on one branch and must also reach another, and what became of it.

The history is replayed: for each change it is asked when it arrived on the branch it is owed to, by ancestry or as a
port, at which landing; whether that landing kept it; whether it was withdrawn on either side; and which promotion
passed in between.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from branchsim.audit.arrivals import Arrivals, Part
from branchsim.audit.bookkeeping import says_release
from branchsim.audit.delivery import Resolver
from branchsim.audit.drops import Drops, Judged
from branchsim.audit.evidence import Evidence
from branchsim.audit.hurt import Hurt
from branchsim.audit.judging import Judge
from branchsim.audit.lines import EffectReader
from branchsim.audit.losses import LossReader
from branchsim.audit.match import Counterpart, Skipped, counterparts
from branchsim.audit.ownwork import OwnWork, own_work, standings_of_own_work
from branchsim.audit.received import Received
from branchsim.audit.replay import Replay
from branchsim.audit.reverts import lasting
from branchsim.audit.takebacks import TakeBacks
from branchsim.audit.verdicts import Obligation
from branchsim.git.repository import Repository
from branchsim.history.bundles import brought_in
from branchsim.history.changes import Change, Changes
from branchsim.history.facts import Patches
from branchsim.history.landings import History, Landing
from branchsim.names import Sha

if TYPE_CHECKING:
    from branchsim.audit.overwrites import Overwrite
    from branchsim.topology import ObligationRule

_SLACK_SECONDS = 90 * 86_400
"""A port committed so long before its source was written is not looked for."""

_ALIKE = frozenset({Evidence.SQUASH, Evidence.OVERLAP})
"""The rungs on which nothing but lines speaks for a pair."""

_BOOKKEEPING = "it only sets a version or writes the change log, which each line of releases does for itself"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The obligations of a history, and what was left out of it."""

    obligations: tuple[Obligation, ...]
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True)
class Reader:
    """What the obligations of one history are read from.

    Attributes
    ----------
    repository : Repository
        Where to read.
    history, changes : History, Changes
        The replay.
    patches : Patches
        Reads the patches.
    trailers : bool
        Whether what messages say of other commits counts.
    overwrites : sequence of Overwrite
        What is known to have been overwritten: what arrived and was overwritten later is lost.
    report : callable, optional
        Called with a sentence when a pair of branches is begun.
    """

    repository: Repository
    history: History
    changes: Changes
    patches: Patches
    trailers: bool = True
    overwrites: Sequence[Overwrite] = ()
    report: Callable[[str], None] | None = None

    @cached_property
    def _judge(self) -> Judge:
        return Judge(self.repository, self.history, self.changes, self.patches, self.trailers, self.overwrites)

    @cached_property
    def _resolver(self) -> Resolver:
        return Resolver(self.repository.scratch)

    @cached_property
    def _effects(self) -> EffectReader:
        return EffectReader(self.repository.scratch)

    @cached_property
    def _judged(self) -> Judged:
        return {}

    def read(self) -> Outcome:
        """All obligations: ascending in the time of landing, then in the order of the topology."""
        found: list[Obligation] = []
        skipped: dict[Sha, str] = {}
        order = {branch.name: rank for rank, branch in enumerate(self.history.topology.branches)}
        # One for all, since the same files are asked for by every branch that a change is owed to.
        with LossReader(self.repository.scratch, list_keys=self.history.topology.list_keys) as reader:
            for rule in self.history.topology.obligation_rules():
                if self.report is not None:
                    self.report(f"{rule.landed_on} -> {rule.owed_to}")
                found += self._of_rule(rule, reader, skipped)
                reader.forget()
        # Those of one pair of branches are in order already, also within one second.
        found.sort(key=lambda o: (o.landed_at, order[o.landed_on], order[o.owed_to]))
        skipped |= {sha: f"its patch could not be read: {why}" for sha, why in self.patches.skipped.items()}
        return Outcome(tuple(found), tuple(Skipped(sha, why) for sha, why in sorted(skipped.items())))

    def _of_rule(self, rule: ObligationRule, reader: LossReader, skipped: dict[Sha, str]) -> list[Obligation]:
        owed = self._owed(rule, skipped)
        if not owed:
            return []
        arrivals = Arrivals(self.history, rule.owed_to)
        parts = {change.id: arrivals.parts(change) for change in owed}
        deadlines = self._deadlines(rule)
        late = {change.id for change in owed if not arrivals.in_time(parts[change.id], deadlines.after(change))}
        ports = self._ports(rule, [change for change in owed if change.id in late])
        missing = [
            change
            for change in owed
            if any(part.landing is None and part.sha not in ports for part in parts[change.id])
            and change.id not in ports
        ]
        replay = Replay(self.repository, self.history, rule.owed_to, reader, self._effects)
        standings = replay.standings(missing)
        books = {change.id for change in missing if standings[change.id].bookkeeping}
        # Of two lines of releases the books are alike without one being the port of the other.
        books |= replay.bookkeeping(
            [change for change in owed if says_release(change.subject) and _is_alike(change, ports)]
        )
        skipped |= dict.fromkeys(books, _BOOKKEEPING)
        owed = [change for change in owed if skipped.get(change.id) != _BOOKKEEPING]
        dropped = Drops(self.history, self.repository, rule.owed_to, self._resolver, reader, self._judged).of(
            owed, parts
        )
        takes_back = TakeBacks(self.history, self.changes, rule.landed_on, rule.owed_to).of(
            [part for change in owed for part in parts[change.id]], lambda origins: self._ports(rule, origins)
        )
        own = self._own_work(rule, owed)
        left = standings_of_own_work(replay, own)
        hurt = Hurt(self.repository, self.history, self.changes, rule.owed_to, self.overwrites, reader)
        return [
            self._judge.judge(
                rule,
                change,
                Received(
                    [*parts[change.id], *own_parts],
                    ports,
                    standings.get(change.id) or (left.get(change.id) if change.merge_part else None),
                    dropped.get(change.id),
                    takes_back,
                    deadlines.after(change),
                    hurt,
                    frozenset(part.sha for part in own_parts if left[part.sha].there),
                ),
            )
            for change in owed
            if (own_parts := [Part(each.change.id, None, None) for each in own.get(change.id, ())])
            or not change.merge_part
        ]

    def _own_work(self, rule: ObligationRule, owed: Sequence[Change]) -> dict[Sha, list[OwnWork]]:
        """What the merges of changes did of their own, where that did not come along by ancestry."""
        waiting = [
            change
            for change in owed
            if any(
                self.history.commit(sha).is_merge and self.history.arrival(rule.owed_to, sha) is None
                for sha in change.commits
            )
        ]
        found = own_work(self._resolver, self.history, waiting)
        return {
            sha: [each for each in members if self.history.arrival(rule.owed_to, each.change.id) is None]
            for sha, members in found.items()
        }

    def _owed(self, rule: ObligationRule, skipped: dict[Sha, str]) -> list[Change]:
        """The changes to which a rule applies."""
        history, topology = self.history, self.history.topology
        landings = history.landings[rule.owed_to]
        ignored = topology.ignored
        owed = []
        for change in self.changes:
            if change.branch != rule.landed_on or (rule.families and change.family not in rule.families):
                continue
            if history.since is not None and change.at < history.since:
                continue
            paths = {
                c.path
                for sha in change.commits
                if change.merge_part or not history.commit(sha).is_merge
                for c in history.commit(sha).changes
            }
            if change.merge_part and (not paths or history.arrival(rule.owed_to, change.id) is not None):
                continue
            if not paths:
                skipped[change.id] = "it changes nothing"
                continue
            if change.trees[0] == change.trees[1] and not lasting(history, change.commits):
                skipped[change.id] = "its commits take each other back"
                continue
            if topology.ignore_paths and all(ignored.covers(path.decode("utf-8", "replace")) for path in paths):
                skipped[change.id] = "all that it changes is ignored by the topology"
                continue
            # What was on the branch when it was made was never owed to it.
            first = history.arrival(rule.owed_to, change.id)
            if landings and first is not None and first.place == 0:
                continue
            owed.append(change)
        return owed

    def _ports(self, rule: ObligationRule, changes: Sequence[Change]) -> dict[Sha, list[Counterpart]]:
        """For each commit of the changes the commits of the other branch that carry it, best first."""
        history = self.history
        graph, here, there = history.graph, history.arrivals[rule.landed_on], history.arrivals[rule.owed_to]
        place = {graph.number(sha): change.place for change in changes for sha in change.commits}
        sources = [graph.commits[number] for number in sorted(place, reverse=True)]
        if not sources:
            return {}
        earliest = min(commit.authored_at for commit in sources) - _SLACK_SECONDS
        first = min(place.values())
        targets = [
            commit
            for number, commit in enumerate(graph.commits)
            if there[number] >= 0
            and commit.committed_at >= earliest
            and number not in place
            and not 0 <= here[number] <= first
        ][::-1]

        def allowed(source: Sha, target: Sha) -> bool:
            # What was on the branch already when the change landed there is not its port.
            known = int(here[graph.number(target)])
            return not 0 <= known <= place[graph.number(source)]

        bundles = brought_in(sources, [change.id for change in changes])
        found: dict[Sha, list[Counterpart]] = {}
        for pair in counterparts(
            self.patches, sources, targets, bundles=bundles, trailers=self.trailers, allowed=allowed
        ):
            found.setdefault(pair.source, []).append(pair)
        return found

    def _deadlines(self, rule: ObligationRule) -> Deadlines:
        flows = {(flow.source, flow.target) for flow in rule.deadlines}
        return Deadlines(
            self.history,
            [
                landing
                for target in sorted({target for _, target in flows})
                for landing in self.history.landings[target]
                if landing.flow == "promote" and (landing.source, target) in flows
            ],
        )


def _is_alike(change: Change, ports: Mapping[Sha, Sequence[Counterpart]]) -> bool:
    """Whether all that speaks for the ports of a change is that their lines are alike."""
    found = [pair.evidence for sha in {*change.commits, change.id} for pair in ports.get(sha, ())]
    return bool(found) and _ALIKE.issuperset(found)


class Deadlines:
    """The promotions before which changes should have arrived.

    Parameters
    ----------
    history : History
        The replay.
    landings : iterable of Landing
        In any order.
    """

    def __init__(self, history: History, landings: Iterable[Landing]) -> None:
        self._history = history
        self._landings = sorted(landings, key=lambda landing: (landing.at, landing.branch, landing.place))
        self._times = [landing.at for landing in self._landings]

    def after(self, change: Change) -> Landing | None:
        """The first promotion after a change had landed; None if there was none yet."""
        landed = self._history.landings[change.branch][change.place]
        later = self._landings[bisect_left(self._times, landed.at) :]
        return next((each for each in later if self._history.precedes(landed, each)), None)
