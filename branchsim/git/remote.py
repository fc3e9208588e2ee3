"""Refs of another machine: read them, and move them in one push."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from branchsim.errors import GitError, InputError
from branchsim.git.transaction import Move, run_git
from branchsim.names import RefName, Sha

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from branchsim.git.scratch import Scratch


class NotAtomicError(GitError):
    """The server cannot move several refs at once."""


def check_remote(remote: str) -> str:
    """A remote's name or address, unless it looks like an option.

    Raises
    ------
    InputError
        It does, or it is empty.
    """
    if not remote or remote.startswith("-") or "\0" in remote or "\n" in remote:
        raise InputError(f"{remote!r} is no name and no address of a remote; give one such as 'origin'")
    return remote


def remote_refs(git_dir: Path, remote: str, names: Iterable[str]) -> dict[RefName, Sha]:
    """What some refs of a remote hold now; a ref that does not exist is left out.

    Raises
    ------
    GitError
        The remote cannot be reached.
    """
    wanted = sorted(set(names))
    if not wanted:
        return {}
    try:
        out = run_git(
            ["ls-remote", "--quiet", "--refs", "--", check_remote(remote), *wanted],
            git_dir=git_dir,
            at=_place(git_dir),
            personal=True,
        )
    except GitError as error:
        raise GitError(f"the remote {remote!r} cannot be read: {error}; check its name and your access to it") from None
    lines = (os.fsdecode(line).partition("\t") for line in out.split(b"\n") if line)
    return {RefName(ref): Sha(sha) for sha, _, ref in lines if ref in wanted}


def _place(git_dir: Path) -> Path:
    """Where git is run: what a remote's address leads to relatively, it does from the work tree."""
    return git_dir.parent if git_dir.name == ".git" else git_dir


def push(
    git_dir: Path,
    remote: str,
    moves: Iterable[Move],
    *,
    atomic: bool = True,
    borrowed: Scratch | None = None,
    hold: int | None = None,
) -> None:
    """Move refs of a remote, each only from where it is expected; all of them or none.

    Parameters
    ----------
    git_dir : Path
        Whose objects, remotes and credentials are used.
    remote : str
        A name or an address.
    moves : iterable of Move
        From where to where.
    atomic : bool
        Whether the server must be able to move all or none.
    borrowed : Scratch, optional
        Only ask whether it would be possible; the objects are there.
    hold : int, optional
        See `branchsim.git.transaction.run_git`.

    Raises
    ------
    NotAtomicError
        The server cannot do that; nothing has moved.
    GitError
        The remote cannot be reached, or refused. With `atomic` nothing has moved.

    Notes
    -----
    Never ``--force``: every ref is protected by its expected old value, one that shall be new by its absence.
    """
    wanted = [move for move in moves if move.before != move.after]
    if not wanted:
        return
    leases = [f"--force-with-lease={move.ref}:{move.before or ''}" for move in wanted]
    refspecs = [f"{move.after or ''}:{move.ref}" for move in wanted]
    options = ["--porcelain", "--no-verify", "--no-follow-tags", "--recurse-submodules=no"]
    options += ["--atomic"] if atomic else ["--no-atomic"]
    variables = {}
    if borrowed is not None:
        options.append("--dry-run")
        variables["GIT_OBJECT_DIRECTORY"] = str(borrowed.path / "objects")
    arguments = ["push", *options, *leases, "--", check_remote(remote), *refspecs]
    try:
        out = run_git(
            arguments, git_dir=git_dir, at=_place(git_dir), personal=True, accept=(0, 1), variables=variables, hold=hold
        )
    except GitError as error:
        if any("does not support --atomic" in note for note in getattr(error, "__notes__", ())):
            raise NotAtomicError(
                f"the server of {remote!r} cannot move several refs at once; allow it to move them one by one "
                "(--not-atomic), or use another server"
            ) from None
        raise
    refused = _refused(out)
    # git says "Done" when every ref was dealt with.
    if refused or b"Done" not in out.split(b"\n"):
        raise GitError(f"{remote!r} refused the push: {'; '.join(refused) or 'it did not say why'}")


def _refused(out: bytes) -> Sequence[str]:
    """The refs that were not moved and why, the ones that were refused for their own sake first."""
    found = []
    for line in os.fsdecode(out).split("\n"):
        flag, _, rest = line.partition("\t")
        if flag == "!":
            names, _, why = rest.partition("\t")
            found.append(f"{names.partition(':')[2]} {why}")
    own = [text for text in found if "atomic" not in text]
    return own or found


__all__ = ["NotAtomicError", "check_remote", "push", "remote_refs"]
