"""Where an audit's topology comes from: given, the repository's own file, its sfdx-hardis configuration, or a guess."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from branchsim.errors import InputError, NotARepositoryError, TopologyError, UnknownRevisionError
from branchsim.topology import FILE_NAME, DirectoryFiles, FileProvider, Topology, has_sfdx_hardis
from branchsim.topology import read_topology as _read
from branchsim.topology.binding import fit

if TYPE_CHECKING:
    from branchsim.git.repository import Repository, RepositoryLike


@dataclass(frozen=True, slots=True)
class Chosen:
    """A topology, where it comes from in a few words, and the reasons of a guess.

    ``exact`` says that it was written for this library, so that a branch that does not exist is a mistake.
    """

    topology: Topology
    origin: str
    reasons: tuple[str, ...] = ()
    exact: bool = True


@overload
def choose_topology(
    repository: Repository, given: Topology | str | os.PathLike[str] | None = None, *, guess: Literal[True] = True
) -> Chosen: ...


@overload
def choose_topology(
    repository: Repository, given: Topology | str | os.PathLike[str] | None, *, guess: bool
) -> Chosen | None: ...


def choose_topology(
    repository: Repository, given: Topology | str | os.PathLike[str] | None = None, *, guess: bool = True
) -> Chosen | None:
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
        The repository has no commit; or nothing is given, and the history is too thin for a guess.
    """
    _need_commits(repository)
    if isinstance(given, Topology):
        return Chosen(given, f"given: {given.name}")
    if given is not None:
        return topology_of_path(Path(given))
    found = _own(repository)
    if found is None:
        return guessed(repository) if guess else None
    # What configures another tool may speak of branches that are not there yet, or not any more.
    return found if found.exact else replace(found, topology=_fitted(found.topology, repository))


def _fitted(topology: Topology, repository: Repository) -> Topology:
    from branchsim.history.refs import branch_tips

    return fit(topology, branch_tips(repository))


def _need_commits(repository: Repository) -> None:
    if not repository.refs and repository.head_sha is None:
        raise InputError(f"{repository.path} has no commit yet; commit something first")


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
        return _from(files, f"revision {head[:12]} of {repository.path}")


def _from(files: FileProvider, where: str) -> Chosen | None:
    if files.read(FILE_NAME) is not None:
        return Chosen(_read(files), f"read from {FILE_NAME} of {where}")
    if has_sfdx_hardis(files):
        return Chosen(_read(files), f"read from the sfdx-hardis configuration of {where}", exact=False)
    return None


def read_topology(source: str | os.PathLike[str]) -> Topology:
    """Read the topology of a project, or a topology file.

    Parameters
    ----------
    source : path-like
        A ``.toml`` file; a directory with a ``branchsim.toml`` or a configuration of sfdx-hardis; or a bare repository
        whose ``HEAD`` holds one.

    Returns
    -------
    Topology

    Raises
    ------
    TopologyError
        There is neither, or what is there cannot be read, or does not fit together. The message names the file.

    Examples
    --------
    >>> read_topology("branchsim.toml")  # doctest: +SKIP
    """
    return topology_of_path(Path(source)).topology


def topology_of_path(path: Path) -> Chosen:
    """What a file, a project or a bare repository says of its branches; see `read_topology`."""
    if not path.is_dir():
        return Chosen(_read(path), f"read from {path}")
    found = _from(DirectoryFiles(path), str(path)) or _of_bare(path)
    if found is None:
        raise TopologyError(
            f"{path} holds neither a {FILE_NAME} nor a configuration of sfdx-hardis; write one, or let it be guessed "
            "('branchsim topology REPO --guess')"
        )
    return found


def _of_bare(path: Path) -> Chosen | None:
    from branchsim.git.repository import Repository

    try:
        with Repository(path) as repository:
            return _own(repository) if repository.work_tree is None else None
    except NotARepositoryError:
        return None


def guess_topology(repo: RepositoryLike | Repository) -> Topology:
    """Guess what the branches of a repository are for, from their names and from what was merged where.

    Parameters
    ----------
    repo : path-like, git.Repo or Repository
        The repository; it is only read.

    Returns
    -------
    Topology
        Its ``notes`` are the reasons, a sentence each; ``to_toml()`` writes them as comments.

    Raises
    ------
    InputError
        The repository has no branch, or its history is too thin for a guess.
    GitError
        git failed.

    Examples
    --------
    >>> print(guess_topology("."))  # doctest: +SKIP
    """
    from branchsim.git.repository import Repository

    if not isinstance(repo, Repository):
        with Repository(repo) as opened:
            return guess_topology(opened)
    found = guessed(repo)
    return found.topology.replace(notes=(*found.topology.notes, *found.reasons))


def guessed(repository: Repository) -> Chosen:
    """A guess with its reasons; see `guess_topology`."""
    from branchsim.history.guess import guess_topology as guess

    _need_commits(repository)
    found = guess(repository)
    return Chosen(found.topology, "guessed from the branches and their merges", tuple(found.reasons))


def moment(repository: Repository, given: str | int | None, what: str) -> int | None:
    """A point in time, from what a user wrote.

    Parameters
    ----------
    repository : Repository
        Where revisions are looked up.
    given : str, int or None
        Seconds since the epoch, an ISO 8601 date or time (UTC where it names no zone), or a revision, for the time it
        was committed.
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
        # Not `timestamp()` of a date without a zone: that would be the time zone of whoever runs it.
        return int((parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)).timestamp())
    try:
        sha = repository.resolve(given)
    except UnknownRevisionError as error:
        raise InputError(
            f"{what} {given!r} is neither a date (like 2025-03-31) nor a revision of {repository.path}; "
            "give one of the two"
        ) from error
    from branchsim.git.commitobject import load_commits

    return next(load_commits(repository.scratch, [sha])).committed_at
