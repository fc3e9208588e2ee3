"""The audit: everything that is known of a history and its topology, as records and tables."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from branchsim.audit.match import Skipped
from branchsim.audit.obligations import Reader
from branchsim.audit.sources import choose_topology, moment
from branchsim.audit.verdicts import NEEDS_A_PERSON, Obligation
from branchsim.errors import UnknownBranchError, nearest
from branchsim.git.log import read_commits
from branchsim.git.repository import Repository
from branchsim.history.changes import Changes, changes_frame, read_changes
from branchsim.history.facts import FactCache, Patches, default_cache
from branchsim.history.frames import FLAG, NUMBER, OBJECT, TEXT, TIME, frame
from branchsim.history.landings import History, landings_frame, read_history
from branchsim.history.promotions import Promotion, promotions_frame, read_promotions
from branchsim.history.refs import branch_tips
from branchsim.names import Sha
from branchsim.topology import Topology

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1
"""The number of the JSON form; raised when a field changes its meaning."""

OBLIGATIONS_SCHEMA: dict[str, str] = {
    "change": TEXT,
    "subject": TEXT,
    "author": TEXT,
    "family": TEXT,
    "landing": TEXT,
    "landed_on": TEXT,
    "landed_at": TIME,
    "owed_to": TEXT,
    "verdict": TEXT,
    "evidence": TEXT,
    "counterpart": TEXT,
    "at": TEXT,
    "arrived_at": TIME,
    "deadline": TEXT,
    "overdue": FLAG,
    "confidence": NUMBER,
    "reason": TEXT,
    "check": TEXT,
    "commits": OBJECT,
}
"""Columns and dtypes of `Audit.obligations`."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Audit:
    """What an audit found.

    Attributes
    ----------
    repository : str
        The path of the repository.
    origin : str
        Where the topology comes from.
    reasons : tuple of str
        Why it was guessed so, if it was.
    as_of : int
        The moment the state is of, in seconds since the epoch, UTC: ``until``, or the newest landing.
    history, all_changes, all_promotions
        The replay that the tables are made from.
    records : tuple of Obligation
        The obligations.
    skipped : tuple of Skipped
        What was left out, and why.
    notes : tuple of str
        What a person should know about the reading.
    """

    repository: str
    origin: str
    reasons: tuple[str, ...]
    as_of: int
    history: History
    all_changes: Changes
    all_promotions: tuple[Promotion, ...]
    records: tuple[Obligation, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {verdict}" for verdict, count in self.counts().items())
        return f"<Audit of {self.repository!r} with topology {self.topology.name!r}: {counts or 'no obligations'}>"

    @property
    def topology(self) -> Topology:
        """The topology, bound to the branches that exist."""
        return self.history.topology

    def counts(self) -> dict[str, int]:
        """How many obligations ended with each verdict, in the order of the verdicts."""
        from branchsim.audit.verdicts import Verdict

        found = Counter(record.verdict for record in self.records)
        return {verdict.value: found[verdict] for verdict in Verdict if found[verdict]}

    @property
    def open_records(self) -> tuple[Obligation, ...]:
        """The obligations that need a person: overdue ones first, then lost, missed and partial, the surest first."""
        rank = {verdict: place for place, verdict in enumerate(NEEDS_A_PERSON)}
        wanted = [record for record in self.records if record.verdict in rank]
        wanted.sort(key=lambda r: (not r.overdue, rank[r.verdict], -r.confidence, -r.landed_at, r.change, r.owed_to))
        return tuple(wanted)

    # Tables. Each is made anew, so that nobody changes another's.

    @property
    def obligations(self) -> pd.DataFrame:
        """The obligations, ascending in the time of landing, with the columns of `OBLIGATIONS_SCHEMA`."""
        return _obligations_frame(self.records)

    @property
    def findings(self) -> pd.DataFrame:
        """The obligations that need a person, most urgent first, with the columns of `OBLIGATIONS_SCHEMA`."""
        return _obligations_frame(self.open_records)

    @property
    def landings(self) -> pd.DataFrame:
        """The landings since ``since``, ascending in time; columns as in `branchsim.history.LANDINGS_SCHEMA`."""
        return landings_frame(self.history)

    @property
    def changes(self) -> pd.DataFrame:
        """The changes, ascending in time; columns as in `branchsim.history.CHANGES_SCHEMA`."""
        return changes_frame(self.all_changes)

    @property
    def promotions(self) -> pd.DataFrame:
        """Promotions and releases, ascending in time; columns as in `branchsim.history.PROMOTIONS_SCHEMA`."""
        return promotions_frame(self.all_promotions)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: the stable interface for other programs, documented in ``docs/formats.md``."""
        return {
            "schema": SCHEMA,
            "repository": self.repository,
            "topology": {"name": self.topology.name, "origin": self.origin, "reasons": list(self.reasons)},
            "as_of": iso(self.as_of),
            "obligations": [obligation_to_dict(record) for record in self.records],
            "promotions": [
                {
                    "branch": each.branch,
                    "source": each.source,
                    "landing": each.landing,
                    "landed_at": iso(each.at),
                    "kind": each.kind,
                    "release": each.release,
                    "version": each.version,
                    "changes": list(each.changes),
                }
                for each in self.all_promotions
            ],
            "skipped": [{"what": each.what, "reason": each.reason} for each in self.skipped],
            "notes": list(self.notes),
        }


def obligation_to_dict(record: Obligation) -> dict[str, Any]:
    """One obligation in its JSON form."""
    return {
        "change": record.change,
        "commits": list(record.commits),
        "subject": record.subject,
        "author": record.author,
        "family": record.family,
        "landing": record.landing,
        "landed_on": record.landed_on,
        "landed_at": iso(record.landed_at),
        "owed_to": record.owed_to,
        "verdict": record.verdict.value,
        "evidence": record.evidence.value,
        "counterpart": record.counterpart,
        "at": record.at,
        "arrived_at": iso(record.arrived_at),
        "deadline": record.deadline,
        "overdue": record.overdue,
        "confidence": round(record.confidence, 4),
        "reason": record.reason,
        "check": record.check,
    }


def iso(seconds: int | None) -> str | None:
    """A time as ISO 8601 in UTC; None stays None."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _obligations_frame(records: tuple[Obligation, ...]) -> pd.DataFrame:
    rows = (
        {name: getattr(record, name) for name in OBLIGATIONS_SCHEMA}
        | {"verdict": record.verdict.value, "evidence": record.evidence.value}
        for record in records
    )
    return frame(rows, OBLIGATIONS_SCHEMA)


def audit(
    repo: str | os.PathLike[str] | Repository,
    topology: Topology | str | os.PathLike[str] | None = None,
    *,
    since: str | int | None = None,
    until: str | int | None = None,
    trailers: bool = True,
    cache: Path | str | None = "default",
    report: Callable[[str, int | None], None] | None = None,
) -> Audit:
    """Audit a repository: which changes landed on one branch and never reached the branch they were owed to.

    Parameters
    ----------
    repo : path-like or Repository
        The repository; it is only read.
    topology : Topology or path-like, optional
        What the branches are for. Without it the repository's own ``branchsim.toml``, else its sfdx-hardis
        configuration, else a guess.
    since : str or int, optional
        Only changes that landed since then are judged: a date (ISO 8601), a revision, or seconds since the epoch.
    until : str or int, optional
        The state as of then, not as of now.
    trailers : bool
        Whether what messages say of other commits (``cherry picked from commit``) counts as evidence.
    cache : path, None or "default"
        Where facts about commits are kept; None keeps nothing.
    report : callable, optional
        Called with what is being done and how many steps of it are known to be done, for a progress bar.

    Returns
    -------
    Audit
        The tables and records.

    Raises
    ------
    NotARepositoryError
        There is no repository.
    UnknownBranchError
        A branch of the topology does not exist; the nearest names are given.
    TopologyError, InputError, GitError
        The topology or another argument is wrong, or git failed.

    Examples
    --------
    >>> audit(".").findings  # doctest: +SKIP
    """
    if not isinstance(repo, Repository):
        with Repository(repo) as opened:
            return audit(opened, topology, since=since, until=until, trailers=trailers, cache=cache, report=report)
    chosen = choose_topology(repo, topology)
    directory = default_cache() if cache == "default" else None if cache is None else Path(cache)

    def say(what: str, steps: int | None = None) -> None:
        if report is not None:
            report(what, steps)

    say("reading history")
    history = read_history(
        repo,
        chosen.topology,
        since=moment(repo, since, "since"),
        until=moment(repo, until, "until"),
        commits=read_commits(
            repo.scratch, _tips(repo, chosen.topology), report=lambda count: say("reading history", count)
        ),
    )
    changes = read_changes(history)
    reader = Reader(
        repository=repo,
        history=history,
        changes=changes,
        patches=Patches(repo.scratch, FactCache(directory)),
        trailers=trailers,
        report=lambda pair: say(f"comparing {pair}"),
    )
    outcome = reader.read()
    return Audit(
        repository=str(repo.path),
        origin=chosen.origin,
        reasons=chosen.reasons,
        as_of=_as_of(history),
        history=history,
        all_changes=changes,
        all_promotions=read_promotions(repo, history, changes),
        records=outcome.obligations,
        skipped=outcome.skipped,
        notes=history.notes,
    )


def _tips(repo: Repository, topology: Topology) -> list[Sha]:
    """The commits at which the branches of a topology stand, local and remote ones."""
    available: Mapping[str, Any] = branch_tips(repo)
    bound = topology.bind(available)
    for branch in bound.branches:
        if branch.is_pattern or branch.name not in available:
            raise UnknownBranchError(
                f"the topology's branch {branch.name!r} does not exist in {repo.path}"
                f"{nearest(branch.name, available)}; name a branch that exists there, or take it out of the topology"
            )
    return sorted({repo.refs[ref] for branch in bound.branches for ref in available[branch.name]})


def _as_of(history: History) -> int:
    if history.until is not None:
        return history.until
    return max((landings[-1].at for landings in history.landings.values() if landings), default=0)
