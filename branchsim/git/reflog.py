"""Reflogs: where a ref stood before, also where git has pruned what it pointed to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchsim.errors import GitError
from branchsim.git.log import LATEST
from branchsim.git.objects import ObjectReader, Unread
from branchsim.names import RefName, Sha

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from branchsim.git.repository import Repository

_LINE = re.compile(
    rb"([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{40}|[0-9a-f]{64}) "
    rb"(.*?) ?<([^<>]*)> (-?[0-9]{1,18}) [+-][0-9]{4}(?:\t(.*))?"
)
_HEAD = RefName("HEAD")


@dataclass(frozen=True, slots=True)
class ReflogEntry:
    """One movement of a ref.

    Attributes
    ----------
    ref : RefName
        The ref.
    old, new : Sha or None
        What it held before and after; None where it was made or deleted.
    who, email : str
        Who moved it.
    at : int
        Seconds since the epoch, UTC.
    message : str
        What moved it: ``commit: ...``, ``reset: moving to ...``, ``push``.
    old_exists, new_exists : bool
        Whether the commit is still there; a pruned one cannot be looked at any more. False for None.
    """

    ref: RefName
    old: Sha | None
    new: Sha | None
    who: str
    email: str
    at: int
    message: str
    old_exists: bool
    new_exists: bool


def read_reflogs(
    repository: Repository, refs: Iterable[RefName]
) -> tuple[dict[RefName, list[ReflogEntry]], dict[RefName, str]]:
    """The reflogs of refs, oldest entry first.

    Parameters
    ----------
    repository : Repository
        Where to read.
    refs : iterable of RefName
        Full names, or ``HEAD``.

    Returns
    -------
    reflogs : dict
        From each ref to its entries; none where it has no reflog, as in most bare repositories.
    skipped : dict
        From a ref to what could not be read of its reflog, and why.

    Raises
    ------
    GitError
        git cannot be run.
    """
    lines: dict[RefName, list[re.Match[bytes]]] = {}
    skipped: dict[RefName, str] = {}
    for ref in dict.fromkeys(refs):
        try:
            read = _lines(_file(repository, ref))
        except OSError as error:
            lines[ref] = []
            skipped[ref] = f"the reflog of {ref} cannot be read: {error.strerror}; check its permissions"
            continue
        lines[ref] = [found for found in read if found is not None]
        broken = len(read) - len(lines[ref])
        if broken:
            skipped[ref] = f"{broken} of {len(read)} lines of the reflog of {ref} are damaged"
    wanted = {_sha(found[index]) for read_ in lines.values() for found in read_ for index in (1, 2)}
    with ObjectReader(repository.scratch) as reader:
        infos = dict(reader.look(sorted(sha for sha in wanted if sha is not None)))
    exists = {sha for sha, info in infos.items() if not isinstance(info, Unread) and info.type == "commit"}
    return {ref: [_entry(ref, found, exists) for found in read] for ref, read in lines.items()}, skipped


def _file(repository: Repository, ref: RefName) -> Path:
    if ref == _HEAD:
        return repository.git_dir / "logs" / "HEAD"
    if not ref.startswith("refs/") or ".." in ref.split("/") or "\0" in ref:
        raise GitError(f"{ref!r} is no full name of a ref; give one such as 'refs/heads/main'")
    return repository.common_dir / "logs" / ref


def _lines(path: Path) -> list[re.Match[bytes] | None]:
    try:
        text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return []
    return [_LINE.fullmatch(line) for line in text.split(b"\n") if line]


def _sha(text: bytes) -> Sha | None:
    return Sha(text.decode("ascii")) if text.strip(b"0") else None


def _entry(ref: RefName, found: re.Match[bytes], exists: set[str]) -> ReflogEntry:
    old, new = _sha(found[1]), _sha(found[2])
    return ReflogEntry(
        ref=ref,
        old=old,
        new=new,
        who=found[3].decode("utf-8", "replace"),
        email=found[4].decode("utf-8", "replace"),
        at=min(int(found[5]), LATEST),
        message=(found[6] or b"").decode("utf-8", "replace"),
        old_exists=old in exists,
        new_exists=new in exists,
    )


__all__ = ["ReflogEntry", "read_reflogs"]
