"""Where an audit's topology comes from: given, the repository's own file, its sfdx-hardis configuration, or a guess."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from branchsim.errors import InputError, UnknownRevisionError
from branchsim.topology import FILE_NAME, DirectoryFiles, FileProvider, Topology, has_sfdx_hardis, read_topology

if TYPE_CHECKING:
    from branchsim.git.repository import Repository


@dataclass(frozen=True, slots=True)
class Chosen:
    """A topology, where it comes from in a few words, and the reasons of a guess."""

    topology: Topology
    origin: str
    reasons: tuple[str, ...] = ()


def choose_topology(repository: Repository, given: Topology | str | os.PathLike[str] | None = None) -> Chosen:
    """The topology to audit with.

    Parameters
    ----------
    repository : Repository
        The repository.
    given : Topology or path-like, optional
        A topology, or the path of a file or a project that describes one. Without it: the repository's own
        ``branchsim.toml``, else its sfdx-hardis configuration, else a guess; read from the work tree, or in a bare
        repository from ``HEAD``.

    Raises
    ------
    TopologyError
        The file cannot be read, or what it says does not fit together.
    InputError
        Nothing is given, and the history is too thin for a guess.
    """
    if isinstance(given, Topology):
        return Chosen(given, f"given: {given.name}")
    if given is not None:
        path = Path(given)
        return Chosen(read_topology(path), f"read from {path}")
    found = _own(repository)
    if found is not None:
        return found
    from branchsim.history.guess import guess_topology

    guess = guess_topology(repository)
    return Chosen(guess.topology, "guessed from the branches and their merges", tuple(guess.reasons))


def _own(repository: Repository) -> Chosen | None:
    """What the repository's own files say."""
    if repository.work_tree is not None:
        return _from(DirectoryFiles(repository.work_tree), str(repository.work_tree))
    from branchsim.git.files import RevisionFiles

    try:
        head = repository.resolve("HEAD")
    except UnknownRevisionError:
        return None
    with RevisionFiles(repository.scratch, head) as files:
        return _from(files, f"revision {head[:12]}")


def _from(files: FileProvider, where: str) -> Chosen | None:
    if files.read(FILE_NAME) is not None:
        return Chosen(read_topology(files), f"read from {FILE_NAME} of {where}")
    if has_sfdx_hardis(files):
        return Chosen(read_topology(files), f"read from the sfdx-hardis configuration of {where}")
    return None


def moment(repository: Repository, given: str | int | None, what: str) -> int | None:
    """A point in time, from what a user wrote.

    Parameters
    ----------
    repository : Repository
        Where revisions are looked up.
    given : str, int or None
        Seconds since the epoch, an ISO 8601 date or time (UTC where it names no zone), or a revision, for the time it was
        committed.
    what : str
        What it is for, for the message.

    Returns
    -------
    int or None
        Seconds since the epoch, UTC.

    Raises
    ------
    InputError
        It is neither a time nor a revision.
    """
    from datetime import UTC, datetime

    if given is None or isinstance(given, int):
        return given
    try:
        parsed = datetime.fromisoformat(given)
    except ValueError:
        pass
    else:
        return int((parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)).timestamp())
    try:
        sha = repository.resolve(given)
    except UnknownRevisionError as error:
        raise InputError(f"{what} {given!r} is neither a date (like 2025-03-31) nor a revision of {repository.path}") from error
    from branchsim.git.log import read_commits

    return next(iter(read_commits(repository.scratch, [sha], options=("--no-walk",), changes=False))).committed_at
