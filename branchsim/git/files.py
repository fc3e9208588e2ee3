"""The files of a revision, for whatever reads the files of a project."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Self

from branchsim.errors import GitError
from branchsim.git.objects import ObjectReader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from branchsim.git.objects import TreeEntry
    from branchsim.git.scratch import Scratch
    from branchsim.names import Sha

LIMIT = 10_000_000
"""A file of more bytes than this is not read."""

_LINKS = 20


class RevisionFiles:
    """Read-only access to the files of a revision. Paths are relative to its root, with ``/``.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    revision : Sha
        A commit or a tree.

    Raises
    ------
    GitError
        The revision is missing, or is neither a commit nor a tree.

    Notes
    -----
    A context manager. Symbolic links are followed inside the tree; one that leads out of it is no file. Bytes of a path
    that are not UTF-8 are surrogate escapes, as they are for the files of a directory.
    """

    def __init__(self, scratch: Scratch, revision: Sha) -> None:
        self.revision = revision
        self._reader = ObjectReader(scratch)
        try:
            info = self._reader.check([f"{revision}^{{tree}}"])[f"{revision}^{{tree}}"]
        except BaseException:
            self._reader.close()
            raise
        if info is None:
            self._reader.close()
            raise GitError(
                f"{revision} is missing or is neither a commit nor a tree; fetch it, or give another revision"
            )
        self._tree = info.sha

    def __repr__(self) -> str:
        return f"RevisionFiles({str(self.revision)!r})"

    def read(self, path: str) -> bytes | None:
        """The content of a file, None where there is no file.

        Raises
        ------
        GitError
            It is missing from a partial clone, corrupt, or larger than `LIMIT`.
        """
        entry = self._entry(_bytes(path))
        if entry is None or entry.is_tree or entry.is_submodule:
            return None
        content = self._reader.blob(entry.sha, limit=LIMIT)
        if content is None:
            raise GitError(f"{path} of {self.revision} is not in this clone (object {entry.sha}); fetch it")
        return content

    def list(self, prefix: str) -> Sequence[str]:
        """The paths of the files that begin with a prefix, in alphabetical order.

        Submodules are left out, and symbolic links to directories, which are not entered.

        Raises
        ------
        GitError
            A tree is missing or corrupt.
        """
        wanted = _bytes(prefix)
        directory, slash, _ = wanted.rpartition(b"/")
        if slash and (not directory or _normal(directory) != directory):
            return []
        found = []
        for path, entry in self._reader.walk(self._tree, directory):
            if path.startswith(wanted) and not entry.is_submodule and not (entry.is_symlink and self._leads_in(path)):
                found.append(path.decode("utf-8", "surrogateescape"))
        return sorted(found)

    def close(self) -> None:
        """End the process behind it."""
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _leads_in(self, path: bytes) -> bool:
        """Whether a symbolic link leads to a directory."""
        entry = self._entry(path)
        return entry is not None and entry.is_tree

    def _entry(self, path: bytes) -> TreeEntry | None:
        """The entry at a path, symbolic links followed as long as they stay inside."""
        parts = path.split(b"/")
        done: list[bytes] = []
        links = 0
        entry: TreeEntry | None = None
        while parts:
            name = parts.pop(0)
            if name in {b"", b"."}:
                continue
            if name == b"..":
                if not done:
                    return None
                done.pop()
                continue
            above = self._reader.entry(self._tree, b"/".join(done))
            entry = self._reader.tree(above.sha).get(name) if above is not None and above.is_tree else None
            if entry is None:
                return None
            if not entry.is_symlink:
                done.append(name)
                continue
            links += 1
            target = self._reader.blob(entry.sha, limit=LIMIT)
            if target is None or links > _LINKS or target.startswith(b"/") or b"\0" in target:
                return None
            parts = target.split(b"/") + parts
        return self._reader.entry(self._tree, b"/".join(done))


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _normal(path: bytes) -> bytes:
    return posixpath.normpath(path).strip(b"/")


__all__ = ["LIMIT", "RevisionFiles"]
