"""Scratch repositories: a bare repository that borrows the objects of another, made in milliseconds.

Everything branchsim reads, it reads through one of these. The source's configuration, attributes, hooks, grafts and
replace refs are not in it, so they can neither change a result nor run a program, and no byte of the source is ever
written. (Where a merge makes an object that the source has, git renews the time stamp of the file it is in, as it
always does, so that no clean-up takes it away meanwhile.)
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Self

from branchsim.errors import GitError
from branchsim.git.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from branchsim.names import RefName, Sha

# Newer gits take attributes from HEAD in a bare repository; the empty tree keeps all versions alike. What is written
# here does not outlive the process, so nothing waits for the disk.
_CONFIG = """\
[core]
\trepositoryformatversion = {version}
\tbare = true
\tlogAllRefUpdates = false
\tbigFileThreshold = 16m
\tattributesFile = /dev/null
\tfsync = none
[attr]
\ttree = {empty_tree}
[gc]
\tauto = 0
[maintenance]
\tauto = false
[commit]
\tgpgSign = false
[rerere]
\tenabled = false
[i18n]
\tlogOutputEncoding = UTF-8
[merge]
\tdirectoryRenames = conflict
{extensions}"""

EMPTY_TREE = {
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
"""The id of the empty tree, which git knows without storing it, in each object format."""

_SPACE = 0x20


class Scratch:
    """A temporary bare repository with the objects of a source as an alternate.

    Parameters
    ----------
    objects : path
        The object directory of the source.
    refs : mapping of ref name to object id
        The refs it starts with, as the source has them.
    head : str
        What ``HEAD`` holds: an object id, or ``ref: refs/heads/...``.
    object_format : str
        ``sha1`` or ``sha256``.
    shallow : bytes
        The source's list of shallow commits, empty for a whole history.

    Attributes
    ----------
    path : Path
        The scratch repository.
    object_format : str
        As given.
    source_objects : Path
        The object directory of the source.
    pool : Pool
        The git processes that answer questions about it.

    Raises
    ------
    GitError
        It could not be written: no temporary directory, a full disk.

    Notes
    -----
    A context manager; the directory is removed when it is closed, or at the latest when Python ends.
    """

    def __init__(
        self,
        objects: Path,
        *,
        refs: Mapping[RefName, Sha] | None = None,
        head: str = "ref: refs/heads/none",
        object_format: str = "sha1",
        shallow: bytes = b"",
    ) -> None:
        try:
            self.path = Path(tempfile.mkdtemp(prefix="branchsim-"))
        except OSError as error:
            raise GitError(
                f"no temporary directory could be made: {error.strerror}; set TMPDIR to a writable one"
            ) from None
        self.pool = Pool()
        self._remove = weakref.finalize(self, _remove, self.pool, self.path)
        self.object_format = object_format
        self.source_objects = objects
        try:
            self._lay_out(objects, refs or {}, head, shallow)
        except OSError as error:
            self.close()
            raise GitError(
                f"the scratch repository could not be written: {error.strerror}; free some space in TMPDIR"
            ) from None

    def _lay_out(self, objects: Path, refs: Mapping[RefName, Sha], head: str, shallow: bytes) -> None:
        for directory in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
            (self.path / directory).mkdir(parents=True)
        extended = self.object_format != "sha1"
        extensions = f"[extensions]\n\tobjectFormat = {self.object_format}\n" if extended else ""
        (self.path / "config").write_text(
            _CONFIG.format(version=int(extended), extensions=extensions, empty_tree=EMPTY_TREE[self.object_format])
        )
        (self.path / "HEAD").write_text(head + "\n")
        (self.path / "objects/info/alternates").write_bytes(_quoted(os.fsencode(objects)) + b"\n")
        # In the order of the bytes, which for ASCII, where many names mostly are, is that of the texts.
        plain = "".join(refs).isascii()
        ordered = sorted(refs.items()) if plain else sorted(refs.items(), key=lambda item: os.fsencode(item[0]))
        packed = "".join([f"{sha} {name}\n" for name, sha in ordered])
        (self.path / "packed-refs").write_bytes(b"# pack-refs with: sorted \n" + os.fsencode(packed))
        if shallow:
            (self.path / "shallow").write_bytes(shallow)

    def alternates(self) -> list[Path]:
        """The object directories it borrows from: the source's, and the ones the source itself names."""
        try:
            lines = (self.source_objects / "info" / "alternates").read_bytes().splitlines()
        except OSError:
            lines = []
        further = [Path(os.fsdecode(line)) for line in lines if line and not line.startswith((b"#", b'"'))]
        return [self.source_objects, *(self.source_objects / path for path in further)]

    def made(self, sha: Sha) -> bool:
        """Whether an object was made here, as single objects are."""
        return (self.path / "objects" / sha[:2] / sha[2:]).exists()

    def check(self) -> None:
        """Raise `GitError` if it is gone: then whatever git refuses says nothing of what was asked."""
        if not (self.path / "HEAD").exists():
            raise GitError(
                f"the scratch repository {self.path} is gone; run it again, and leave TMPDIR alone meanwhile"
            )

    def close(self) -> None:
        """End its processes and remove it; once is enough."""
        self._remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _remove(pool: Pool, path: Path) -> None:
    pool.close()
    shutil.rmtree(path, ignore_errors=True)


def _quoted(path: bytes) -> bytes:
    """A path as ``objects/info/alternates`` wants it: C-quoted where it would not read back as it stands."""
    if not any(byte < _SPACE for byte in path) and not path.startswith((b'"', b"#")):
        return path
    escaped = b"".join(b"\\%03o" % byte if byte < _SPACE or byte in b'"\\' else bytes([byte]) for byte in path)
    return b'"' + escaped + b'"'
