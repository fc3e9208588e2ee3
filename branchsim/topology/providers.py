"""Where files come from: a work tree, or anything else that can read and list, such as a revision of a repository."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from branchsim.errors import TopologyError

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_BYTES = 10_000_000
"""A larger file is refused unread, whatever it holds."""


@runtime_checkable
class FileProvider(Protocol):
    """Read-only access to the files of one state of a project. Paths are relative to its root, with ``/``."""

    def read(self, path: str) -> bytes | None:
        """The content of a file, or ``None`` where there is no file."""

    def list(self, prefix: str) -> Sequence[str]:
        """The paths of the files that begin with a prefix, in alphabetical order."""


class DirectoryFiles:
    """The files below a directory. No path and no symbolic link leads out of it.

    Parameters
    ----------
    root : str or path-like
        The directory.

    Raises
    ------
    TopologyError
        There is no such directory. On reading: a path leads out of the directory, the file is no ordinary file, is
        larger than `MAX_BYTES`, or may not be read.
    """

    __slots__ = ("_root",)

    def __init__(self, root: str | os.PathLike[str]) -> None:
        try:
            self._root = Path(root).resolve(strict=True)
        except (OSError, ValueError, RuntimeError):
            raise TopologyError(f"{os.fspath(root)}: there is no such directory") from None
        if not self._root.is_dir():
            raise TopologyError(f"{os.fspath(root)}: is not a directory")

    def __repr__(self) -> str:
        return f"DirectoryFiles({str(self._root)!r})"

    def read(self, path: str) -> bytes | None:
        """The content of a file, or ``None`` where there is no file."""
        found = self._inside(path)
        if found is None:
            return None
        try:
            # Opened without blocking and judged by its handle: a pipe or device never makes a reader wait, and what is
            # judged is what is read.
            handle = os.open(found, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
            with os.fdopen(handle, "rb") as file:
                state = os.fstat(handle)
                if not stat.S_ISREG(state.st_mode):
                    raise TopologyError(f"{path}: is not an ordinary file")
                data = file.read(MAX_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise TopologyError(f"{path}: cannot be read: {error.strerror or error}") from None
        if len(data) > MAX_BYTES:
            raise TopologyError(f"{path}: the file is larger than {MAX_BYTES:,} bytes")
        return data

    def list(self, prefix: str) -> Sequence[str]:
        """The paths of the files that begin with a prefix, in alphabetical order."""
        directory = prefix.rpartition("/")[0]
        start = self._inside(directory) if directory else self._root
        if start is None or not start.is_dir():
            return []
        found = []
        for where, folders, names in os.walk(start):
            folders[:] = [folder for folder in folders if folder != ".git"]
            below = Path(where).relative_to(start).as_posix()
            base = "/".join(part for part in (directory, below) if part not in ("", "."))
            found += [f"{base}/{name}" if base else name for name in names]
        return sorted(path for path in found if path.startswith(prefix))

    def _inside(self, path: str) -> Path | None:
        """The real file a path stands for, checked to lie in the directory; ``None`` where there is none."""
        try:
            found = (self._root / path).resolve(strict=True)
        except (FileNotFoundError, NotADirectoryError):
            found = (self._root / path).resolve()
            if found.is_relative_to(self._root):
                return None
        except (OSError, RuntimeError):
            raise TopologyError(f"{path}: cannot be reached (a link that leads to itself, or no permission)") from None
        except ValueError:
            raise TopologyError(f"{path!r}: is not a path") from None
        if not found.is_relative_to(self._root):
            raise TopologyError(f"{path}: leads out of {self._root}; nothing outside is read")
        return found
