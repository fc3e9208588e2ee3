"""The audit: everything that is known of a history and its topology, as records and tables."""

from __future__ import annotations

import functools
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from branchsim.accessors import accessor
from branchsim.audit.conformance import Fitness, Violation, find_violations
from branchsim.audit.leaks import Leak, find_leaks
from branchsim.audit.match import Skipped
from branchsim.audit.memo import Replayed, key_of, packed, read_again, unpacked
from branchsim.audit.moves import find_moves
from branchsim.audit.obligations import Outcome, Reader
from branchsim.audit.overwrites import Overwrite, Overwrites, State, find_overwrites
from branchsim.audit.sources import Chosen, choose_topology, guessed, moment
from branchsim.audit.tables import (
    CONFORMANCE_SCHEMA,
    LEAKS_SCHEMA,
    OVERWRITES_SCHEMA,
    VIOLATIONS_SCHEMA,
    WINDOWS_SCHEMA,
    as_dict,
    conformance_frame,
    iso,
    leaks_frame,
    overwrites_frame,
    violations_frame,
    windows_frame,
)
from branchsim.audit.verdicts import NEEDS_A_PERSON, Obligation
from branchsim.audit.windows import Window, find_windows
from branchsim.errors import InputError, UnknownBranchError, nearest
from branchsim.formatting import minute
from branchsim.git.log import read_commits
from branchsim.git.repository import Repository
from branchsim.history.changes import Changes, changes_frame, read_changes
from branchsim.history.facts import FactCache, Patches, default_cache
from branchsim.history.frames import FLAG, NUMBER, OBJECT, TEXT, TIME, frame
from branchsim.history.landings import History, landings_frame, read_history
from branchsim.history.promotions import Promotion, promotions_frame, read_promotions
from branchsim.history.refs import branch_tips
from branchsim.history.results import ResultCache
from branchsim.names import Sha
from branchsim.topology import Topology, read_topology_toml

if TYPE_CHECKING:
    import pandas as pd

    from branchsim.git.repository import RepositoryLike

SCHEMA = 1
"""The number of the JSON form; raised when a field changes its meaning."""

CHECKS = ("obligations", "overwrites", "leaks", "windows", "violations")
"""What an audit can look for."""

_SHOWN = 8
_LIKELY = 0.5

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
    topology : Topology
        The topology, bound to the branches that exist.
    replayed : Replayed
        The replay that the tables are made from, read when it is first asked for: see `history` and `all_changes`.
    change_count : int
        How many changes there are.
    all_promotions : tuple of Promotion
        Promotions and releases.
    records : tuple of Obligation
        The obligations.
    skipped : tuple of Skipped
        What was left out, and why.
    notes : tuple of str
        What a person should know about the reading.
    overwrite_records, leak_records, window_records, violation_records, fitness_records : tuple
        The records behind the tables of the same names.
    left_out : mapping of str to int
        How many lost units do not matter, by the rule that says so.
    checks : tuple of str
        What was looked for, of `CHECKS`; the tables of the rest are empty.
    """

    repository: str
    origin: str
    reasons: tuple[str, ...]
    as_of: int
    topology: Topology
    replayed: Replayed
    change_count: int
    all_promotions: tuple[Promotion, ...]
    records: tuple[Obligation, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]
    overwrite_records: tuple[Overwrite, ...] = ()
    leak_records: tuple[Leak, ...] = ()
    window_records: tuple[Window, ...] = ()
    violation_records: tuple[Violation, ...] = ()
    fitness_records: tuple[Fitness, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    checks: tuple[str, ...] = CHECKS

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {verdict}" for verdict, count in self.counts().items())
        return f"<Audit of {self.repository!r} with topology {self.topology.name!r}: {counts or 'no obligations'}>"

    def __str__(self) -> str:
        from branchsim.audit.text import audit_text

        return audit_text(self)

    def _repr_html_(self) -> str:
        from branchsim.audit.html import audit_html

        return audit_html(self)

    @property
    def plot(self) -> Any:
        """The pictures of this audit as methods, for example ``audit.plot.timeline()``: see `branchsim.plot`."""
        return accessor(self, "plot")

    @property
    def history(self) -> History:
        """The landings of every branch; read anew from the repository where the result was known already."""
        return self.replayed.history

    @property
    def all_changes(self) -> Changes:
        """The changes, ascending in time."""
        return self.replayed.changes

    def counts(self) -> dict[str, int]:
        """How many obligations ended with each verdict, in the order of the verdicts."""
        from branchsim.audit.verdicts import Verdict

        found = Counter(record.verdict for record in self.records)
        return {verdict.value: found[verdict] for verdict in Verdict if found[verdict]}

    @property
    def open_records(self) -> tuple[Obligation, ...]:
        """The obligations that need a person: overdue ones first, then lost, missed and partial, the surest first.

        What is more likely there than not comes last.
        """
        rank = {verdict: place for place, verdict in enumerate(NEEDS_A_PERSON)}
        wanted = [record for record in self.records if record.verdict in rank]
        wanted.sort(
            key=lambda r: (
                r.confidence < _LIKELY, not r.overdue, rank[r.verdict], -r.confidence, -r.landed_at, r.change, r.owed_to
            )
        )  # fmt: skip
        return tuple(wanted)

    @property
    def open_overwrites(self) -> tuple[Overwrite, ...]:
        """The overwrites that nobody accepted and nothing restored, the highest rank first."""
        wanted = [record for record in self.overwrite_records if record.state is State.OPEN]
        wanted.sort(key=lambda r: (-r.rank, -r.landed_at, r.branch, r.path, r.change))
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

    @property
    def overwrites(self) -> pd.DataFrame:
        """The overwrites, ascending in time; columns as in `OVERWRITES_SCHEMA`."""
        return overwrites_frame(self.overwrite_records)

    @property
    def leaks(self) -> pd.DataFrame:
        """The leaks, ascending in time; columns as in `LEAKS_SCHEMA`."""
        return leaks_frame(self.leak_records)

    @property
    def windows(self) -> pd.DataFrame:
        """The freeze windows, ascending in time; columns as in `WINDOWS_SCHEMA`."""
        return windows_frame(self.window_records)

    @property
    def violations(self) -> pd.DataFrame:
        """The landings that the topology does not allow, ascending in time; columns as in `VIOLATIONS_SCHEMA`."""
        return violations_frame(self.violation_records)

    @property
    def conformance(self) -> pd.DataFrame:
        """How far each branch keeps to the topology; columns as in `CONFORMANCE_SCHEMA`."""
        return conformance_frame(self.fitness_records)

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
            "overwrites": [as_dict(each, OVERWRITES_SCHEMA) for each in self.overwrite_records],
            "leaks": [as_dict(each, LEAKS_SCHEMA) for each in self.leak_records],
            "windows": [as_dict(each, WINDOWS_SCHEMA) for each in self.window_records],
            "violations": [as_dict(each, VIOLATIONS_SCHEMA) for each in self.violation_records],
            "conformance": [as_dict(each, CONFORMANCE_SCHEMA) for each in self.fitness_records],
            "checks": list(self.checks),
            "left_out": dict(sorted(self.left_out.items())),
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


def _obligations_frame(records: tuple[Obligation, ...]) -> pd.DataFrame:
    rows = (
        {name: getattr(record, name) for name in OBLIGATIONS_SCHEMA}
        | {"verdict": record.verdict.value, "evidence": record.evidence.value}
        for record in records
    )
    return frame(rows, OBLIGATIONS_SCHEMA)


def audit(
    repo: RepositoryLike | Repository,
    topology: Topology | str | os.PathLike[str] | None = None,
    *,
    since: str | int | None = None,
    until: str | int | None = None,
    trailers: bool = True,
    checks: Collection[str] = CHECKS,
    cache: Path | str | None = "default",
    report: Callable[[str, int | None], None] | None = None,
) -> Audit:
    """Audit a repository: what was never retrofitted, what a landing overwrote, what leaked, and when RUN was frozen.

    Parameters
    ----------
    repo : path-like, git.Repo or Repository
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
    checks : collection of str
        What is looked for, of `CHECKS`. Overwrites take the longest: every merge is redone.
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
    unknown = sorted(set(checks) - set(CHECKS))
    if unknown:
        raise InputError(
            f"there is no check {unknown[0]!r}{nearest(unknown[0], CHECKS)}; known are {', '.join(CHECKS)}"
        )
    if not isinstance(repo, Repository):
        with Repository(repo) as opened:
            return audit(
                opened, topology, since=since, until=until, trailers=trailers, checks=checks, cache=cache, report=report
            )
    directory = default_cache() if cache == "default" else None if cache is None else Path(cache)
    chosen = choose_topology(repo, topology, guess=False)
    asked = _Asked(
        repo, chosen, moment(repo, since, "since"), moment(repo, until, "until"), trailers,
        tuple(check for check in CHECKS if check in checks), directory, report,
    )  # fmt: skip
    results = ResultCache(directory if checks else None)
    key = asked.key() if results.path is not None else None
    known = results.get(key) if key is not None else None
    if known is not None:
        with suppress(ValueError):
            return asked.recalled(known)
    found, whole = asked.find()
    if key is not None and whole:
        results.put(key, packed_audit(found))
    return found


@dataclass(frozen=True)
class _Asked:
    """One question: what is to be audited, and how."""

    repo: Repository
    chosen: Chosen | None
    since: int | None
    until: int | None
    trailers: bool
    checks: tuple[str, ...]
    directory: Path | None
    report: Callable[[str, int | None], None] | None

    def key(self) -> bytes | None:
        """What the answer follows from."""
        return key_of(
            self.repo, self.chosen, since=self.since, until=self.until, trailers=self.trailers, checks=self.checks
        )

    def _say(self, what: str, steps: int | None = None) -> None:
        if self.report is not None:
            self.report(what, steps)

    def recalled(self, known: bytes) -> Audit:
        """The answer that was given before."""
        self._say("recalling what is known")
        return unpacked_audit(
            known, str(self.repo.path), lambda topology: read_again(self.repo, topology, self.since, self.until)
        )

    def find(self) -> tuple[Audit, bool]:
        """The answer, and whether everything could be read that it follows from."""
        repo, checks = self.repo, self.checks
        chosen = self.chosen or guessed(repo)
        self._say("reading history")
        history = read_history(
            repo,
            chosen.topology,
            since=self.since,
            until=self.until,
            commits=read_commits(
                repo.scratch, _tips(repo, chosen.topology), report=lambda count: self._say("reading history", count)
            ),
        )
        if self.until is not None and not any(history.landings.values()):
            # An audit of nothing finds nothing, which would read as good news.
            first = min(commit.committed_at for commit in history.graph.commits)
            raise InputError(
                f"until: by {minute(self.until)} nothing had landed on any branch of the topology; the first commit is "
                f"of {minute(first)}: name a later end"
            )
        changes = read_changes(history)
        promotions = read_promotions(repo, history, changes)
        outcome, lost = Outcome(()), Overwrites(())
        patches = Patches(repo.scratch, FactCache(self.directory))
        moves, unread = find_moves(repo, history) if {"overwrites", "violations"} & set(checks) else ((), {})
        if "overwrites" in checks:
            lost = find_overwrites(repo, history, changes, promotions, moves=moves, report=self._say)
        if "obligations" in checks:
            outcome = Reader(
                repository=repo,
                history=history,
                changes=changes,
                patches=patches,
                trailers=self.trailers,
                overwrites=lost.records,
                report=lambda pair: self._say(f"comparing {pair}"),
            ).read()
        violations, fitness = (
            find_violations(history, outcome.obligations, frozenset(branch_tips(repo)), moves)
            if "violations" in checks
            else ((), ())
        )
        skipped = (*outcome.skipped, *lost.skipped, *(Skipped(what, why) for what, why in sorted(unread.items())))
        found = Audit(
            repository=str(repo.path),
            origin=chosen.origin,
            reasons=chosen.reasons,
            as_of=_as_of(history),
            topology=history.topology,
            replayed=Replayed(lambda: (history, changes)),
            change_count=len(changes),
            all_promotions=promotions,
            records=outcome.obligations,
            skipped=skipped,
            notes=history.notes,
            overwrite_records=lost.records,
            leak_records=find_leaks(history, changes) if "leaks" in checks else (),
            window_records=find_windows(history, changes) if "windows" in checks else (),
            violation_records=violations,
            fitness_records=fitness,
            left_out=dict(lost.left_out),
            checks=checks,
        )
        # In a partial clone the key says which objects there are, so what is missing now will be missing then.
        whole = repo.partial or (not patches.skipped and not any(_UNREAD.search(each.reason) for each in skipped))
        return found, whole


_UNREAD = re.compile(r"\b(?:missing|corrupt|could not|cannot)\b")
"""In the reason why something was left out: it may be there the next time."""


@functools.cache
def _kinds() -> dict[str, Any]:
    """The fields of an audit that are kept, and their types."""
    hints = get_type_hints(Audit)
    kept = {field.name: hints[field.name] for field in fields(Audit)}
    for name in ("repository", "replayed"):
        del kept[name]
    return kept | {"topology": str, "topology_notes": tuple[str, ...]}


def packed_audit(found: Audit) -> bytes:
    """An audit as bytes, for `unpacked_audit`; without its repository's path and its history."""
    kept = {name: getattr(found, name) for name in _kinds() if name not in {"topology", "topology_notes"}}
    return packed(kept | {"topology": found.topology.to_toml(), "topology_notes": found.topology.notes})


def unpacked_audit(
    content: bytes, repository: str, reading: Callable[[Topology], Callable[[], tuple[History, Changes]]]
) -> Audit:
    """The audit that `packed_audit` made bytes of.

    Parameters
    ----------
    content : bytes
        The bytes.
    repository : str
        The path of the repository.
    reading : callable
        Makes of the bound topology what reads the history, when that is first asked for.

    Raises
    ------
    ValueError
        It is nothing that `packed_audit` made.
    """
    known = unpacked(content, _kinds())
    topology = read_topology_toml(known.pop("topology")).replace(notes=known.pop("topology_notes"))
    return Audit(repository=repository, topology=topology, replayed=Replayed(reading(topology)), **known)


def audit_key(
    repo: Repository,
    topology: Topology | None,
    *,
    since: str | int | None,
    until: str | int | None,
    trailers: bool,
    checks: Collection[str],
) -> bytes | None:
    """A digest of all that an audit's answer follows from; None where it may follow from more than that."""
    chosen = choose_topology(repo, topology, guess=False)
    times = (moment(repo, since, "since"), moment(repo, until, "until"))
    return _Asked(repo, chosen, *times, trailers, tuple(each for each in CHECKS if each in checks), None, None).key()


def _tips(repo: Repository, topology: Topology) -> list[Sha]:
    """The commits at which the branches of a topology stand, local and remote ones."""
    available: Mapping[str, Any] = branch_tips(repo)
    bound = topology.bind(available)
    missing = [branch.name for branch in bound.branches if branch.is_pattern or branch.name not in available]
    if missing:
        named = ", ".join(f"{name!r}{nearest(name, available)}" for name in missing)
        verb = "branch {} does" if len(missing) == 1 else "branches {} do"
        raise UnknownBranchError(
            f"the topology's {verb.format(named)} not exist in {repo.path}, which has {_some(available)}; "
            f"{repo.broken_note or 'name branches that exist there, or take them out of the topology'}"
        )
    return sorted({repo.refs[ref] for branch in bound.branches for ref in available[branch.name]})


def _some(names: Iterable[str]) -> str:
    """The first few of some names, for a message."""
    known = sorted(names)
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return f"{', '.join(known[:_SHOWN])}{more}" if known else "no branch"


def _as_of(history: History) -> int:
    if history.until is not None:
        return history.until
    return max((landings[-1].at for landings in history.landings.values() if landings), default=0)
