"""Scratch repositories: a bare repository that borrows the objects of another, made in milliseconds.

Everything branchsim reads, it reads through one of these. The source's configuration, attributes, hooks, grafts and replace
refs are not in it, so they can neither change a result nor run a program, and nothing is ever written to the source.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from branchsim.errors import GitError
from branchsim.names import RefName, Sha

_CONFIG = """\
[core]
\trepositoryformatversion = {version}
\tbare = true
\tlogAllRefUpdates = false
\tbigFileThreshold = 16m
\tattributesFile = /dev/null
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

    Notes
    -----
    A context manager; the directory is removed when it is closed.
    """

    def __init__(
        self,
        objects: Path,
        *,
        refs: dict[RefName, Sha] | None = None,
        head: str = "ref: refs/heads/none",
        object_format: str = "sha1",
        shallow: bytes = b"",
    ) -> None:
        try:
            self.path = Path(tempfile.mkdtemp(prefix="branchsim-"))
        except OSError as error:
            raise GitError(f"no temporary directory could be made: {error.strerror}; set TMPDIR to a writable one") from None
        self.object_format = object_format
        try:
            self._lay_out(objects, refs or {}, head, shallow)
        except OSError as error:
            self.close()
            raise GitError(f"the scratch repository could not be written: {error.strerror}; free some space in TMPDIR") from None

    def _lay_out(self, objects: Path, refs: dict[RefName, Sha], head: str, shallow: bytes) -> None:
        for directory in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
            (self.path / directory).mkdir(parents=True)
        extended = self.object_format != "sha1"
        extensions = f"[extensions]\n\tobjectFormat = {self.object_format}\n" if extended else ""
        (self.path / "config").write_text(_CONFIG.format(version=int(extended), extensions=extensions))
        (self.path / "HEAD").write_text(head + "\n")
        (self.path / "objects/info/alternates").write_bytes(_quoted(os.fsencode(objects)) + b"\n")
        lines = [f"{sha} {name}\n" for name, sha in sorted(refs.items())]
        (self.path / "packed-refs").write_bytes(os.fsencode("".join(lines)))
        if shallow:
            (self.path / "shallow").write_bytes(shallow)

    def close(self) -> None:
        """Remove the scratch repository."""
        shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self) -> Scratch:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _quoted(path: bytes) -> bytes:
    """A path as ``objects/info/alternates`` wants it: C-quoted where it would not read back as it stands."""
    if not any(byte < 0x20 for byte in path) and not path.startswith((b'"', b"#")):
        return path
    escaped = b"".join(
        b"\\%03o" % byte if byte < 0x20 or byte in b'"\\' else bytes([byte]) for byte in path
    )
    return b'"' + escaped + b'"'
