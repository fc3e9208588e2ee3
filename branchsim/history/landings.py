"""The replay: for every branch of a topology its landings, in order.

Start with `read_history`.
"""

from __future__ import annotations

import bisect
import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from branchsim.errors import UnknownBranchError, nearest
from branchsim.history.frames import FLAG, INTEGER, OBJECT, TEXT, TIME, frame
from branchsim.history.graph import Graph
from branchsim.history.lines import own_lines
from branchsim.history.refs import branch_tips, tag_tips
from branchsim.names import RefName, Sha

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from branchsim.git.log import Commit
    from branchsim.git.repository import Repository
    from branchsim.history.lines import Lines
    from branchsim.topology import Topology

Kind = Literal[
    "merge",
    "squash",
    "rebase",
    "fast-forward",
    "cherry-pick",
    "direct",
    "revert",
    "sync",
    "force-push",
    "created",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""The kinds of landing; ``created`` is the first tip of a branch that was made from another one."""

FlowKind = Literal["promote", "retrofit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """One step of a branch's own line.

    Attributes
    ----------
    branch : str
        The branch of the topology.
    place : int
        Its place on the branch's own line, from 0.
    sha : Sha
        The tip after the landing.
    kind : str
        One of `KINDS`.
    at : int
        When, in seconds since the epoch, UTC: the committer time of the tip, moved only where a wrong clock would put
        it out of the order of the line. Of a fast-forward it is the earliest possible time.
    subject : str
        The first line of the tip's message.
    source : str or None
        The branch it came from. A branch in somebody's copy of the repository that has the name of a long-lived branch
        is ``account:name``.
    source_inferred : bool
        Whether the source was concluded from reachability and not read from the message.
    family : str or None
        The pattern of the family the source belongs to.
    pr : int or None
        Number of the pull or merge request.
    commits : tuple of Sha
        What it brought that was not on the branch before, parents before children; empty for ``created``.
    before : Sha or None
        The tip before; None where nothing is known before it.
    flow : {"promote", "retrofit"} or None
        The kind of flow or family it came along: ``promote`` also where levels were skipped, ``retrofit`` wherever it
        came back from further downstream.
    inferred : tuple of str
        What was concluded and not read, in words.
    """

    branch: str
    place: int
    sha: Sha
    kind: Kind
    at: int
    subject: str
    source: str | None = None
    source_inferred: bool = False
    family: str | None = None
    pr: int | None = None
    commits: tuple[Sha, ...] = ()
    before: Sha | None = None
    flow: FlowKind | None = None
    inferred: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class History:
    """What happened on each branch of a topology.

    Attributes
    ----------
    topology : Topology
        Bound: every branch is a real one.
    graph : Graph
        Every commit that a branch reaches now, also after `until`.
    lines : Lines
        How the own lines were found.
    landings : mapping of str to tuple of Landing
        For each branch its landings up to `until`, the oldest first, also those before `since`.
    arrivals : mapping of str to array of int32
        For each branch and each commit of the graph the place of the landing with which it first became part of the
        branch by ancestry; -1 where it never did, or only after `until`.
    since, until : int or None
        In seconds since the epoch, UTC.
    notes : tuple of str
        What a person should know about the reading, in sentences.
    """

    topology: Topology
    graph: Graph
    lines: Lines
    landings: Mapping[str, tuple[Landing, ...]]
    arrivals: Mapping[str, NDArray[np.int32]]
    since: int | None = None
    until: int | None = None
    notes: tuple[str, ...] = ()
    _by_sha: dict[str, dict[Sha, int]] = field(default_factory=dict, repr=False)

    def __iter__(self) -> Iterator[Landing]:
        """All landings since `since`, ascending in time; ties by the order of branches, then by place."""
        order = {name: rank for rank, name in enumerate(self.landings)}
        kept = [
            landing
            for landings in self.landings.values()
            for landing in landings
            if self.since is None or landing.at >= self.since
        ]
        kept.sort(key=lambda landing: (landing.at, order[landing.branch], landing.place))
        return iter(kept)

    def tip(self, branch: str) -> Sha | None:
        """The tip of a branch as of `until`; None if the branch did not exist yet."""
        landings = self.landings[branch]
        return landings[-1].sha if landings else None

    def arrival(self, branch: str, sha: Sha) -> Landing | None:
        """The landing with which a commit first became part of a branch by ancestry, if it did."""
        number = self.graph.find(sha)
        place = -1 if number is None else int(self.arrivals[branch][number])
        return self.landings[branch][place] if place >= 0 else None

    def held(self, landing: Landing, sha: Sha) -> bool:
        """Whether a commit was part of a branch, by ancestry, with a landing there."""
        number = self.graph.find(sha)
        return number is not None and 0 <= int(self.arrivals[landing.branch][number]) <= landing.place

    def precedes(self, one: Landing, other: Landing) -> bool:
        """Whether one landing came before another, as ancestry says, and times only where that says nothing.

        Two landings on different branches, neither in the other and within the same second, precede each other in no
        way: a script makes many commits in a second.
        """
        if one.branch == other.branch:
            return one.place < other.place
        inside, around = self.held(other, one.sha), self.held(one, other.sha)
        return inside if inside != around else one.at < other.at

    def landing(self, branch: str, sha: Sha) -> Landing | None:
        """The landing whose tip a commit is."""
        known = self._by_sha.get(branch)
        if known is None:
            known = self._by_sha[branch] = {landing.sha: landing.place for landing in self.landings[branch]}
        place = known.get(sha)
        return None if place is None else self.landings[branch][place]

    def commit(self, sha: Sha) -> Commit:
        """The metadata of a commit of the graph; `KeyError` if it is not there."""
        return self.graph.commits[self.graph.number(sha)]

    def touching(self, paths: Collection[bytes], since: Landing) -> Iterator[Landing]:
        """The landings on a branch after one of it that touch any of some paths, in order."""
        later = self.landings[since.branch][since.place + 1 :]
        return (each for each in later if any(change.path in paths for change in self.commit(each.sha).changes))


def read_history(
    repository: Repository,
    topology: Topology,
    *,
    since: int | None = None,
    until: int | None = None,
    positions: Mapping[str, Iterable[Sha]] | None = None,
    commits: Iterable[Commit] | None = None,
    common: Collection[Sha] = (),
    report: Callable[[int], None] | None = None,
) -> History:
    """Replay the history of the branches of a topology.

    Parameters
    ----------
    repository : Repository
        Where to read.
    topology : Topology
        Patterns in it are bound to the branches that exist.
    since, until : int, optional
        Seconds since the epoch, UTC. `until` gives the state as of then; `since` only chooses what iteration yields.
    positions : mapping of str to iterable of Sha, optional
        Tips that a branch is known to have had, for example from a reflog.
    commits : iterable of Commit, optional
        All commits that the branches reach, where they have been read already.
    common : collection of Sha, optional
        Commits among these that every branch had before history begins here; what they descend from is left out.
    report : callable, optional
        Called with the number of commits read since its last call.

    Raises
    ------
    UnknownBranchError
        A branch of the topology does not exist in the repository.
    GitError
        An object is missing or corrupt.
    """
    from branchsim.history.kinds import Classifier

    available = branch_tips(repository)
    topology = topology.bind(available)
    refs: dict[str, tuple[RefName, ...]] = {}
    for branch in topology.branches:
        if branch.is_pattern or branch.name not in available:
            raise UnknownBranchError(
                f"the topology's branch {branch.name!r} does not exist in {repository.path}"
                f"{nearest(branch.name, available)}; name a branch that exists there, or take it out of the topology"
            )
        refs[branch.name] = available[branch.name]
    wanted = {repository.refs[ref] for group in refs.values() for ref in group}
    graph = Graph(commits) if commits is not None else Graph.read(repository.scratch, wanted, report=report)
    notes: list[str] = [*topology.notes]
    tips = {name: _newest(graph, name, group, repository, notes) for name, group in refs.items()}
    known = {
        name: {number for sha in shas if (number := graph.find(sha)) is not None}
        for name, shas in (positions or {}).items()
    }
    lines = own_lines(graph, topology, tips, positions=known, tagged=_released(repository, topology, graph))
    if repository.shallow:
        notes.append("the repository is a shallow clone: what happened before the cut is not known")
    if repository.broken:
        notes.append(repository.broken_note)
    classifier = Classifier(repository, topology, graph, lines, common)
    landings: dict[str, tuple[Landing, ...]] = {}
    arrivals: dict[str, NDArray[np.int32]] = {}
    for name in lines.steps:
        steps = classifier.steps[name]
        times = _in_order([graph.commits[step.tip].committed_at for step in steps])
        end = len(steps) if until is None else bisect.bisect_right(times, until)
        arrived = classifier.arrivals[name]
        if end < len(steps):
            arrived = arrived.copy()
            arrived[arrived >= end] = -1
        arrivals[name] = arrived
        landings[name] = tuple(classifier.landing(name, place, times[place]) for place in range(end))
    order = [branch.name for branch in topology.branches]
    return History(
        topology=topology,
        graph=graph,
        lines=lines,
        landings={name: landings[name] for name in order},
        arrivals={name: arrivals[name] for name in order},
        since=since,
        until=until,
        notes=tuple(notes),
    )


def _newest(graph: Graph, name: str, refs: Sequence[RefName], repository: Repository, notes: list[str]) -> int:
    """The tip of a branch: the local one, unless it is only behind the remote-tracking one."""
    chosen, *others = refs
    tip = graph.number(repository.refs[chosen])
    for other in others:
        number = graph.number(repository.refs[other])
        if number == tip:
            continue
        if graph.is_ancestor(tip, number):
            notes.append(f"{name} is read from {other}: {chosen} is behind it")
            tip, chosen = number, other
        elif not graph.is_ancestor(number, tip):
            notes.append(f"{name} is read from {chosen}; {other} has commits that are not in it")
    return tip


def _released(repository: Repository, topology: Topology, graph: Graph) -> dict[str, set[int]]:
    """The commits of the release tags, for the one branch on which releases land."""
    last = topology.last_branches()
    if topology.release_tags is None or len(last) > 1 or len(topology.branches) == 1:
        return {}
    tags = tag_tips(repository, topology.is_release_tag)
    return {last[0]: {number for sha in tags.values() if (number := graph.find(sha)) is not None}}


def _in_order(times: Sequence[int]) -> list[int]:
    """The ascending sequence that is nearest to the recorded times, in the sum of the differences.

    So one wrong clock moves one landing, and not all that follow or precede it.
    """
    largest: list[int] = []
    fitted = []
    for time in times:
        heapq.heappush(largest, -time)
        if -largest[0] > time:
            heapq.heapreplace(largest, -time)
        fitted.append(-largest[0])
    for place in range(len(fitted) - 2, -1, -1):
        fitted[place] = min(fitted[place], fitted[place + 1])
    return fitted


LANDINGS_SCHEMA: dict[str, str] = {
    "branch": TEXT,
    "place": INTEGER,
    "landing": TEXT,
    "landed_at": TIME,
    "kind": TEXT,
    "subject": TEXT,
    "source": TEXT,
    "source_inferred": FLAG,
    "family": TEXT,
    "pr": INTEGER,
    "flow": TEXT,
    "commits": OBJECT,
    "commit_count": INTEGER,
    "before": TEXT,
    "inferred": OBJECT,
}
"""Columns and dtypes of `landings_frame`."""


def landings_frame(landings: Iterable[Landing]) -> pd.DataFrame:
    """The landings as a table, with the columns of `LANDINGS_SCHEMA`, one row each, in the order given.

    ``landing`` is the tip, ``landed_at`` UTC; ``commits`` and ``inferred`` hold tuples. Iterating over a `History`
    gives landings in ascending time.
    """
    rows = (
        {
            "branch": landing.branch,
            "place": landing.place,
            "landing": landing.sha,
            "landed_at": landing.at,
            "kind": landing.kind,
            "subject": landing.subject,
            "source": landing.source,
            "source_inferred": landing.source_inferred,
            "family": landing.family,
            "pr": landing.pr,
            "flow": landing.flow,
            "commits": landing.commits,
            "commit_count": len(landing.commits),
            "before": landing.before,
            "inferred": landing.inferred,
        }
        for landing in landings
    )
    return frame(rows, LANDINGS_SCHEMA)


__all__ = ["KINDS", "LANDINGS_SCHEMA", "FlowKind", "History", "Kind", "Landing", "landings_frame", "read_history"]
