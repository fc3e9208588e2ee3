"""The life of one change: when it came to each branch and how, what touched it there, and whether it is live now."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from branchsim.audit.audit import audit
from branchsim.audit.evidence import Evidence
from branchsim.audit.holding import effects_of_change, state_in
from branchsim.audit.losses import LossReader
from branchsim.audit.match import counterparts
from branchsim.audit.tables import iso
from branchsim.effects import Effect, Live, State
from branchsim.errors import InputError
from branchsim.git.repository import Repository
from branchsim.history.bundles import brought_in
from branchsim.history.facts import FactCache, Patches, default_cache
from branchsim.history.frames import NUMBER, TEXT, TIME, frame
from branchsim.names import Sha

if TYPE_CHECKING:
    import pandas as pd

    from branchsim.audit.audit import Audit
    from branchsim.git.repository import RepositoryLike
    from branchsim.history.changes import Change
    from branchsim.history.landings import History, Landing
    from branchsim.topology import Topology

SCHEMA = 1
"""The number of the JSON form; raised when a field changes its meaning."""

_NOTHING = "000000"
_SLACK_SECONDS = 90 * 86_400


class Event(StrEnum):
    """What happened to a change on a branch."""

    ARRIVED = "arrived"
    TOUCHED = "touched"
    LOST = "lost"
    SUPERSEDED = "superseded"
    """Something that came later stands in its place."""
    RESTORED = "restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One event in the life of a change.

    Attributes
    ----------
    branch : str
        Where.
    event : Event
        What happened.
    landing : Sha
        With which landing.
    at : int
        When, in seconds since the epoch, UTC.
    state : str
        What the branch held of the change after it: ``live``, ``partial``, ``undone``, ``rewritten``, ``gone``.
    share : float
        The share of its units that were live, 0 to 1.
    evidence : Evidence or None
        How it arrived.
    counterpart : Sha or None
        The commit that carried it.
    subject : str
        Of the landing.
    """

    branch: str
    event: Event
    landing: Sha
    at: int
    state: str
    share: float
    evidence: Evidence | None
    counterpart: Sha | None
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a change is on one branch now."""

    branch: str
    state: str
    share: float
    since: int | None
    evidence: Evidence | None
    counterpart: Sha | None


@dataclass(frozen=True, slots=True, repr=False)
class Trace:
    """The life of one change.

    Attributes
    ----------
    change : Sha
        The change.
    commits : tuple of Sha
        What it is made of.
    subject, author : str
        Of the change.
    standings : tuple of Standing
        For each branch of the topology what it holds now (or as of ``until``).
    steps : tuple of Step
        What happened, ascending in time.
    as_of : int
        The moment of the standings, in seconds since the epoch, UTC.
    """

    change: Sha
    commits: tuple[Sha, ...]
    subject: str
    author: str
    standings: tuple[Standing, ...]
    steps: tuple[Step, ...]
    as_of: int

    def __repr__(self) -> str:
        return f"<Trace of {self.change[:12]}: {self.answer}>"

    def __str__(self) -> str:
        from branchsim.audit.text import trace_text

        return trace_text(self)

    def _repr_html_(self) -> str:
        from branchsim.audit.html import trace_html

        return trace_html(self)

    @property
    def turns(self) -> tuple[Step, ...]:
        """The steps after which a branch held more or less of the change than before, ascending in time."""
        last: dict[str, tuple[str, float]] = {}
        kept = []
        for step in self.steps:
            now = (step.state, step.share)
            if last.get(step.branch) != now:
                kept.append(step)
            last[step.branch] = now
        return tuple(kept)

    @property
    def answer(self) -> str:
        """One line: where the change is live, and where it is not."""
        groups: dict[str, list[str]] = {}
        for standing in self.standings:
            groups.setdefault(standing.state, []).append(standing.branch)
        return "; ".join(f"{name} on {', '.join(branches)}" for name, branches in groups.items())

    @property
    def branches(self) -> pd.DataFrame:
        """A new table, one row for each branch.

        Returns
        -------
        DataFrame
            ``branch``, ``state``, ``evidence``, ``counterpart`` (string), ``share`` (Float64), ``since`` (UTC).
        """
        schema = {
            "branch": TEXT, "state": TEXT, "share": NUMBER, "since": TIME, "evidence": TEXT, "counterpart": TEXT,
        }  # fmt: skip
        rows = (
            {name: getattr(each, name) for name in schema} | {"evidence": _rung(each.evidence)}
            for each in self.standings
        )
        return frame(rows, schema)

    @property
    def events(self) -> pd.DataFrame:
        """A new table of what happened, ascending in time.

        Returns
        -------
        DataFrame
            ``at`` (UTC), ``branch``, ``event``, ``landing``, ``state`` (string), ``share`` (Float64), ``evidence``,
            ``counterpart``, ``subject`` (string).
        """
        schema = {
            "at": TIME, "branch": TEXT, "event": TEXT, "landing": TEXT, "state": TEXT, "share": NUMBER,
            "evidence": TEXT, "counterpart": TEXT, "subject": TEXT,
        }  # fmt: skip
        rows = (
            {name: getattr(each, name) for name in schema}
            | {"event": each.event.value, "evidence": _rung(each.evidence)}
            for each in self.steps
        )
        return frame(rows, schema)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, documented in ``docs/formats.md``."""
        return {
            "schema": SCHEMA,
            "change": self.change,
            "commits": list(self.commits),
            "subject": self.subject,
            "author": self.author,
            "as_of": iso(self.as_of),
            "answer": self.answer,
            "branches": [
                {
                    "branch": each.branch,
                    "state": each.state,
                    "share": round(each.share, 4),
                    "since": iso(each.since),
                    "evidence": _rung(each.evidence),
                    "counterpart": each.counterpart,
                }
                for each in self.standings
            ],
            "events": [
                {
                    "at": iso(each.at),
                    "branch": each.branch,
                    "event": each.event.value,
                    "landing": each.landing,
                    "state": each.state,
                    "share": round(each.share, 4),
                    "evidence": _rung(each.evidence),
                    "counterpart": each.counterpart,
                    "subject": each.subject,
                }
                for each in self.steps
            ],
        }


def trace(
    repo: RepositoryLike | Repository,
    commit: str,
    topology: Topology | str | os.PathLike[str] | None = None,
    *,
    until: str | int | None = None,
    cache: Path | str | None = "default",
) -> Trace:
    """Where one change is live, branch by branch, over time.

    Parameters
    ----------
    repo : path-like, git.Repo or Repository
        The repository; it is only read.
    commit : str
        Any revision that names a commit of the change: the landing, or one of its commits.
    topology : Topology or path-like, optional
        As for `audit`.
    until : str or int, optional
        The state as of then, not as of now.
    cache : path, None or "default"
        Where facts about commits are kept; None keeps nothing.

    Returns
    -------
    Trace
        The answer, the standing on each branch, and what happened.

    Raises
    ------
    InputError
        The commit is on no branch of the topology.
    NotARepositoryError, UnknownRevisionError, UnknownBranchError, TopologyError, GitError
        The input is wrong, or git failed.

    Examples
    --------
    >>> trace(".", "HEAD").answer  # doctest: +SKIP
    """
    if not isinstance(repo, Repository):
        with Repository(repo) as opened:
            return trace(opened, commit, topology, until=until, cache=cache)
    sha = repo.resolve(commit)
    found = audit(repo, topology, until=until, checks=(), cache=cache)
    change = found.all_changes.of_commit(sha)
    if change is None:
        branches = ", ".join(found.history.landings)
        raise InputError(
            f"{sha[:12]} is on no branch of the topology ({branches}); name a commit that landed on one of them"
        )
    directory = default_cache() if cache == "default" else None if cache is None else Path(cache)
    with LossReader(repo.scratch, list_keys=found.topology.list_keys) as reader:
        return _Tracer(repo, found, change, reader, Patches(repo.scratch, FactCache(directory))).trace()


@dataclass(frozen=True)
class _Tracer:
    repository: Repository
    audit: Audit
    change: Change
    reader: LossReader
    patches: Patches

    def trace(self) -> Trace:
        history = self.audit.history
        effects = effects_of_change(self.repository.scratch, self.reader, self.change)
        ports = self._ports()
        standings: list[Standing] = []
        steps: list[Step] = []
        for branch in history.landings:
            own = self._on_branch(branch, effects, ports)
            steps += own
            standings.append(self._standing(branch, own))
        order = {name: rank for rank, name in enumerate(history.landings)}
        # The steps of one branch are in order already, also within one second.
        steps.sort(key=lambda step: (step.at, order[step.branch]))
        change = self.change
        return Trace(
            change.id, change.commits, change.subject, change.author, tuple(standings), tuple(steps), self.audit.as_of
        )

    def _ports(self) -> dict[Sha, tuple[Evidence, Sha]]:
        """The commits elsewhere that carry a part of the change, with the evidence and the part."""
        history = self.audit.history
        graph = history.graph
        numbers = sorted((graph.number(sha) for sha in self.change.commits), reverse=True)
        sources = [graph.commits[number] for number in numbers]
        own = set(numbers)
        earliest = min(commit.authored_at for commit in sources) - _SLACK_SECONDS
        before = {
            number
            for number in range(len(graph))
            if 0 <= history.arrivals[self.change.branch][number] < self.change.place
        }
        targets = [
            commit
            for number, commit in enumerate(graph.commits)
            if number not in own and number not in before and commit.committed_at >= earliest
        ][::-1]
        bundles = brought_in(sources, [self.change.id])
        pairs = counterparts(self.patches, sources, targets, bundles=bundles)
        return {pair.target: (pair.evidence, pair.source) for pair in pairs}

    def _arrival(self, branch: str, ports: Mapping[Sha, tuple[Evidence, Sha]]) -> tuple[Landing, Evidence, Sha] | None:
        """The landing with which the change came to a branch first, by ancestry or as a port."""
        history = self.audit.history
        ways: list[tuple[Landing, Evidence, Sha]] = []
        own = [history.arrival(branch, sha) for sha in self.change.commits if not history.commit(sha).is_merge]
        known = [landing for landing in own if landing is not None]
        if known and len(known) == len(own):
            ways.append((max(known, key=lambda landing: landing.place), Evidence.ANCESTOR, self.change.id))
        for target, (evidence, _) in ports.items():
            landing = history.arrival(branch, target)
            if landing is not None:
                ways.append((landing, evidence, target))
        return min(ways, key=lambda way: (way[0].place, way[1] is not Evidence.ANCESTOR, way[2]), default=None)

    def _on_branch(
        self, branch: str, effects: Mapping[bytes, Effect], ports: Mapping[Sha, tuple[Evidence, Sha]]
    ) -> list[Step]:
        history: History = self.audit.history
        arrived = self._arrival(branch, ports)
        if arrived is None:
            return []
        first, evidence, counterpart = arrived
        steps: list[Step] = []
        last: tuple[str, float] | None = None
        for landing in history.landings[branch][first.place :]:
            if landing.place > first.place and not self._touches(landing, effects):
                continue
            found = self._state(landing, effects)
            now = (found.name.value, _share(found))
            if landing.place == first.place:
                event = Event.ARRIVED if found.name is not Live.UNDONE else Event.LOST
            elif last is not None and now == last:
                event = Event.TOUCHED
            else:
                event = _event(last, now)
            last = now
            steps.append(
                Step(
                    branch=branch,
                    event=event,
                    landing=landing.sha,
                    at=landing.at,
                    state=now[0],
                    share=now[1],
                    evidence=evidence if landing.place == first.place else None,
                    counterpart=counterpart if landing.place == first.place else None,
                    subject=landing.subject,
                )
            )
        return steps

    def _touches(self, landing: Landing, effects: Mapping[bytes, Effect]) -> bool:
        """Whether a landing changed a path of the change on the branch's own line."""
        commit = self.audit.history.commit(landing.sha)
        return any(raw.path in effects for raw in commit.changes)

    def _state(self, landing: Landing, effects: Mapping[bytes, Effect]) -> State:
        tree = self.audit.history.commit(landing.sha).tree
        return state_in(self.reader, self.change, effects, tree)

    def _standing(self, branch: str, steps: Sequence[Step]) -> Standing:
        if not steps:
            return Standing(branch=branch, state="absent", share=0.0, since=None, evidence=None, counterpart=None)
        first, last = steps[0], steps[-1]
        changed = next(
            (
                earlier.at
                for earlier, later in zip(steps[::-1], steps[-2::-1], strict=False)
                if earlier.state != later.state
            ),
            first.at,
        )
        return Standing(
            branch=branch,
            state=last.state,
            share=last.share,
            since=changed,
            evidence=first.evidence,
            counterpart=first.counterpart,
        )


def _rung(evidence: Evidence | None) -> str | None:
    return None if evidence is None else evidence.value


def _share(found: State) -> float:
    return found.live / found.total if found.total else 1.0


def _event(before: tuple[str, float] | None, now: tuple[str, float]) -> Event:
    gone = {Live.UNDONE.value, Live.GONE.value}
    if now[0] in gone and (before is None or before[0] not in gone):
        return Event.LOST
    if before is not None and before[0] in gone and now[0] not in gone:
        return Event.RESTORED
    if before is not None and now[1] > before[1]:
        return Event.RESTORED
    if now[0] == Live.REWRITTEN.value and before is not None and before[0] != now[0]:
        return Event.SUPERSEDED
    return Event.TOUCHED
