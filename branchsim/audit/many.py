"""The repositories of an organisation, audited in one go: one set of tables, and a run that can be taken up again."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import BrokenExecutor, Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from branchsim.audit.audit import CHECKS, OBLIGATIONS_SCHEMA, Audit, audit, audit_key, packed_audit, unpacked_audit
from branchsim.audit.memo import read_again
from branchsim.audit.sources import moment, read_topology
from branchsim.audit.tables import (
    CONFORMANCE_SCHEMA,
    LEAKS_SCHEMA,
    OVERWRITES_SCHEMA,
    VIOLATIONS_SCHEMA,
    WINDOWS_SCHEMA,
)
from branchsim.errors import InputError, nearest
from branchsim.formatting import many
from branchsim.git.repository import Repository
from branchsim.history.frames import INTEGER, TEXT, TIME, frame
from branchsim.history.promotions import PROMOTIONS_SCHEMA
from branchsim.parallel import outcomes
from branchsim.topology import Topology

if TYPE_CHECKING:
    import pandas as pd

    from branchsim.history.changes import Changes
    from branchsim.history.landings import History

REPOSITORIES_SCHEMA: dict[str, str] = {
    "repository": TEXT,
    "path": TEXT,
    "status": TEXT,
    "error": TEXT,
    "message": TEXT,
    "topology": TEXT,
    "origin": TEXT,
    "as_of": TIME,
    "changes": INTEGER,
    "obligations": INTEGER,
    "open_obligations": INTEGER,
    "overwrites": INTEGER,
    "open_overwrites": INTEGER,
    "leaks": INTEGER,
    "violations": INTEGER,
    "skipped": INTEGER,
}
"""Columns and dtypes of `Audits.repositories`; ``status`` is ``audited`` or ``failed``."""

_FORM = b"branchsim audit 1\n"


class Failure(NamedTuple):
    """Why a repository could not be audited: the kind of error, and its sentence."""

    error: str
    message: str


class _Job(NamedTuple):
    path: str
    topology: Topology | None
    since: str | int | None
    until: str | int | None
    trailers: bool
    checks: tuple[str, ...]
    cache: str | None
    known: bytes | None


class _Answer(NamedTuple):
    key: bytes | None
    content: bytes | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Audits:
    """What the audits of many repositories found. Each access to a table makes a new one.

    The tables are those of `Audit`, with the name of the repository in front; rows are in the order in which the
    repositories were given.

    Attributes
    ----------
    paths : dict of str to str
        The repositories by name.
    audits : dict of str to Audit
        The audits by name; histories are read again when they are asked for.
    failures : dict of str to Failure
        What could not be audited, and why.
    resumed : int
        How many were known from an earlier run.
    """

    paths: dict[str, str]
    audits: dict[str, Audit]
    failures: dict[str, Failure]
    resumed: int = 0

    @property
    def repositories(self) -> pd.DataFrame:
        """A row for each repository, failed ones too; the columns are those of `REPOSITORIES_SCHEMA`."""
        return frame((self._row(name, path) for name, path in self.paths.items()), REPOSITORIES_SCHEMA)

    @property
    def obligations(self) -> pd.DataFrame:
        """The obligations of all repositories; columns as in `Audit.obligations`."""
        return self._joined("obligations", OBLIGATIONS_SCHEMA)

    @property
    def findings(self) -> pd.DataFrame:
        """The obligations that need a person; columns as in `Audit.findings`."""
        return self._joined("findings", OBLIGATIONS_SCHEMA)

    @property
    def overwrites(self) -> pd.DataFrame:
        """The overwrites; columns as in `Audit.overwrites`."""
        return self._joined("overwrites", OVERWRITES_SCHEMA)

    @property
    def leaks(self) -> pd.DataFrame:
        """The leaks; columns as in `Audit.leaks`."""
        return self._joined("leaks", LEAKS_SCHEMA)

    @property
    def promotions(self) -> pd.DataFrame:
        """Promotions and releases; columns as in `Audit.promotions`."""
        return self._joined("promotions", PROMOTIONS_SCHEMA)

    @property
    def windows(self) -> pd.DataFrame:
        """The freeze windows; columns as in `Audit.windows`."""
        return self._joined("windows", WINDOWS_SCHEMA)

    @property
    def violations(self) -> pd.DataFrame:
        """The violations; columns as in `Audit.violations`."""
        return self._joined("violations", VIOLATIONS_SCHEMA)

    @property
    def conformance(self) -> pd.DataFrame:
        """How far each branch keeps to its topology; columns as in `Audit.conformance`."""
        return self._joined("conformance", CONFORMANCE_SCHEMA)

    def __repr__(self) -> str:
        return f"<Audits of {len(self.paths)} repositories: {len(self.audits)} audited, {len(self.failures)} failed>"

    def __str__(self) -> str:
        lines = [repr(self)[1:-1]]
        for name, found in self.audits.items():
            lines.append(
                f"  {name}: {many(len(found.open_records), 'obligation')} and "
                f"{many(len(found.open_overwrites), 'overwrite')} open"
            )
        lines += [f"  {name}: {failure.error}: {failure.message}" for name, failure in self.failures.items()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from branchsim import formatting as form

        rows = []
        for name in self.paths:
            found, failure = self.audits.get(name), self.failures.get(name)
            if found is not None:
                rows.append((name, "audited", str(len(found.open_records)), str(len(found.open_overwrites)), ""))
            elif failure is not None:
                rows.append((name, "failed", "", "", f"{failure.error}: {failure.message}"))
        heads = ("repository", "status", "open obligations", "open overwrites", "why")
        title = f"{len(self.audits)} of {form.many(len(self.paths), 'repository', 'repositories')} audited"
        return form.page(title, form.table(heads, rows))

    def _joined(self, name: str, schema: Mapping[str, str]) -> pd.DataFrame:
        import pandas as pd

        tables = []
        for repository, found in self.audits.items():
            table: pd.DataFrame = getattr(found, name)
            table.insert(0, "repository", pd.Series([repository] * len(table), dtype=TEXT, index=table.index))
            tables.append(table)
        whole = {"repository": TEXT, **schema}
        filled = [table for table in tables if len(table)]
        return pd.concat(filled, ignore_index=True) if filled else frame((), whole)

    def _row(self, name: str, path: str) -> dict[str, Any]:
        row: dict[str, Any] = dict.fromkeys(REPOSITORIES_SCHEMA) | {"repository": name, "path": path}
        found, failure = self.audits.get(name), self.failures.get(name)
        if found is None:
            assert failure is not None  # noqa: S101  it is one or the other
            return row | {"status": "failed", "error": failure.error, "message": failure.message}
        return row | {
            "status": "audited",
            "topology": found.topology.name,
            "origin": found.origin,
            "as_of": found.as_of,
            "changes": found.change_count,
            "obligations": len(found.records),
            "open_obligations": len(found.open_records),
            "overwrites": len(found.overwrite_records),
            "open_overwrites": len(found.open_overwrites),
            "leaks": len(found.leak_records),
            "violations": len(found.violation_records),
            "skipped": len(found.skipped),
        }


def audit_many(
    repos: Iterable[str | os.PathLike[str]] | Mapping[str, str | os.PathLike[str]],
    topology: Topology | str | os.PathLike[str] | None = None,
    *,
    executor: Executor | None = None,
    keep: str | os.PathLike[str] | None = None,
    since: str | int | None = None,
    until: str | int | None = None,
    trailers: bool = True,
    checks: Collection[str] = CHECKS,
    cache: Path | str | None = "default",
    report: Callable[[str, int | None], None] | None = None,
) -> Audits:
    """Audit many repositories, for example all of an organisation.

    Parameters
    ----------
    repos : iterable of path-like, or mapping of str to path-like
        The repositories, by their paths or by names of your own. On a cluster the paths are those that the workers see.
    topology : Topology or path-like, optional
        What the branches are for, in every repository. Without it each has its own, as for `audit`.
    executor : concurrent.futures.Executor, optional
        Who does the work. By default a pool of processes; of a Dask client give ``client.get_executor()``.
    keep : path-like, optional
        A directory in which each answer is kept as soon as it is there. A run that was stopped goes on where it was
        when it is given the same directory: what has an answer is not audited again, unless its refs, the topology or
        the question are others. What failed is tried again, and so is what is a partial clone.
    since, until, trailers, checks, cache
        As for `audit`, for each repository.
    report : callable, optional
        Called with what is being done and how many further repositories are done, for a progress bar.

    Returns
    -------
    Audits
        The tables, with a row in `Audits.repositories` for each, in the order given. A repository that fails is such a
        row with the status ``failed``, and does not end the run. The answer is the same whatever the executor.

    Raises
    ------
    InputError
        No repository is given, or one twice; a check is unknown; the executor is none; the directory cannot be used.
    TopologyError
        The topology cannot be read.
    BranchsimError
        No worker process can be started.

    Examples
    --------
    >>> audit_many(["billing", "shop"], "branchsim.toml", keep="answers").findings  # doctest: +SKIP
    """
    paths = _paths(repos)
    for check in checks:
        if check not in CHECKS:
            raise InputError(f"there is no check {check!r}{nearest(check, CHECKS)}; known are {', '.join(CHECKS)}")
    shared = topology if topology is None or isinstance(topology, Topology) else read_topology(topology)
    answers = _Answers(keep)
    names = list(paths)
    known = {name: answers.get(name) for name in names}
    jobs = [
        _Job(
            paths[name], shared, since, until, trailers, tuple(each for each in CHECKS if each in checks),
            None if cache is None else os.fspath(cache), known[name].key,
        )
        for name in names
    ]  # fmt: skip
    found: dict[str, Audit] = {}
    failures: dict[str, Failure] = {}
    resumed = 0
    for number, outcome in outcomes(_work, jobs, executor):
        name = names[number]
        if isinstance(outcome, Exception):
            failures[name] = _failure(outcome)
        else:
            content = outcome.content
            if content is None:
                content, resumed = known[name].content, resumed + 1
            else:
                answers.put(name, outcome.key, content)
            assert content is not None  # noqa: S101  only what is known is left out of an answer
            found[name] = unpacked_audit(content, paths[name], _reader(paths[name], since, until))
        if report is not None:
            report(f"auditing {name}", 1)
    return Audits(
        paths=paths,
        audits={name: found[name] for name in names if name in found},
        failures={name: failures[name] for name in names if name in failures},
        resumed=resumed,
    )


def _paths(repos: object) -> dict[str, str]:
    if not isinstance(repos, Iterable) or isinstance(repos, str | os.PathLike):
        raise InputError("audit_many needs several repositories: a list of paths, or a mapping from names to paths")
    pairs = repos.items() if isinstance(repos, Mapping) else ((each, each) for each in repos)
    found: dict[str, str] = {}
    for name, path in pairs:
        try:
            key, place = os.fspath(name), os.fspath(path)
        except TypeError:
            raise InputError(f"audit_many: {path!r} is no path of a repository") from None
        if not all(isinstance(each, str) for each in (key, place)):
            raise InputError(f"audit_many: {path!r} must be a text or a Path, not bytes")
        if key in found:
            raise InputError(f"the repository {key!r} is given twice; give names of your own, with a mapping")
        found[key] = place
    if not found:
        raise InputError("audit_many: no repository was given")
    return found


def _work(job: _Job) -> _Answer:
    """Audit one repository; in whatever process."""
    asked: dict[str, Any] = {"since": job.since, "until": job.until, "trailers": job.trailers, "checks": job.checks}
    with Repository(job.path) as repository:
        key = audit_key(repository, job.topology, **asked)
        if key is not None and key == job.known:
            return _Answer(key, None)
        return _Answer(key, packed_audit(audit(repository, job.topology, cache=job.cache, **asked)))


def _failure(error: Exception) -> Failure:
    if isinstance(error, BrokenExecutor):
        return Failure("ProcessEnded", "the worker process ended, perhaps for want of memory; try it alone")
    return Failure(type(error).__name__, " ".join(str(error).split()) or "no reason was given")


def _reader(
    path: str, since: str | int | None, until: str | int | None
) -> Callable[[Topology], Callable[[], tuple[History, Changes]]]:
    def reading(topology: Topology) -> Callable[[], tuple[History, Changes]]:
        def read() -> tuple[History, Changes]:
            with Repository(path) as opened:
                times = moment(opened, since, "since"), moment(opened, until, "until")
                return read_again(opened, topology, *times)()

        return read

    return reading


class _Known(NamedTuple):
    key: bytes | None
    content: bytes | None


class _Answers:
    """Answers in a directory, a file for each repository; what is damaged is taken for absent."""

    def __init__(self, directory: str | os.PathLike[str] | None) -> None:
        self._place = None if directory is None else Path(directory)
        if self._place is not None:
            try:
                self._place.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise self._refuse(error) from None

    def get(self, name: str) -> _Known:
        """What is known of a repository."""
        if self._place is None:
            return _Known(None, None)
        with contextlib.suppress(OSError, ValueError):
            form, digest, key, content = self._file(name).read_bytes().split(b"\n", 3)
            if form + b"\n" == _FORM and digest == _digest(key + b"\n" + content):
                return _Known(bytes.fromhex(key.decode("ascii")), content)
        return _Known(None, None)

    def put(self, name: str, key: bytes | None, content: bytes) -> None:
        """Keep an answer; it is there as a whole or not at all."""
        if self._place is None or key is None:
            return
        body = key.hex().encode("ascii") + b"\n" + content
        try:
            with tempfile.NamedTemporaryFile(dir=self._place, delete=False) as file:
                file.write(_FORM + _digest(body) + b"\n" + body)
            Path(file.name).replace(self._file(name))
        except OSError as error:
            raise self._refuse(error) from None

    def _file(self, name: str) -> Path:
        assert self._place is not None  # noqa: S101  callers check
        return self._place / f"{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}.audit"

    def _refuse(self, error: OSError) -> InputError:
        return InputError(
            f"answers cannot be kept in {self._place}: {error.strerror}; name another directory for keep="
        )


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode("ascii")


__all__ = ["REPOSITORIES_SCHEMA", "Audits", "Failure", "audit_many"]
