"""The machine around a test: what is on disk, who asks, what git there is."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534
_SHARED = tempfile.gettempdir()


def fingerprint(path: str | os.PathLike[str]) -> dict[str, tuple[int, int, str]]:
    """Every file and directory below a path with its mode, the time it was changed, and a digest of its content.

    The time is left out for objects: where a merge makes an object that exists already, git renews the time of the file
    that has it, so that no clean-up takes it away.
    """
    found = {}
    top = Path(path)
    for entry in (top, *sorted(top.rglob("*"))):
        state = entry.lstat()
        if stat.S_ISREG(state.st_mode):
            digest = hashlib.sha256(entry.read_bytes()).hexdigest()
        elif stat.S_ISLNK(state.st_mode):
            digest = str(entry.readlink())
        else:
            digest = ""
        time = 0 if "objects" in entry.parts and stat.S_ISREG(state.st_mode) else state.st_mtime_ns
        found[str(entry.relative_to(top))] = (state.st_mode, time, digest)
    return found


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """Whatever is done here is refused what permissions refuse; root becomes nobody for as long."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextlib.contextmanager
def open_directory() -> Iterator[Path]:
    """A temporary directory that everybody may read and enter; pytest's own belong to one user."""
    with tempfile.TemporaryDirectory(dir=_SHARED) as name:
        path = Path(name)
        path.chmod(0o755)
        yield path
        for entry in path.rglob("*"):
            if entry.is_dir():
                entry.chmod(0o755)


__all__ = ["NOBODY", "fingerprint", "open_directory", "unprivileged"]
