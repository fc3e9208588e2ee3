"""Results that follow from immutable objects alone, kept in a file that may be deleted at any time."""

from __future__ import annotations

import functools
import hashlib
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

from branchsim.git import versions
from branchsim.history.facts import warn_unusable

_KEPT = 64
"""So many results are kept, those used last."""

_BUSY_SECONDS = 10


@functools.cache
def code_digest() -> bytes:
    """A digest of the code of this package and of git's version: what another version found is never taken for ours."""
    package = Path(__file__).parent.parent
    digest = hashlib.sha256(repr(versions.installed()).encode())
    for path in sorted(package.rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(package).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.digest()


class ResultCache:
    """Results by a digest of everything they follow from, in an SQLite file.

    Parameters
    ----------
    directory : path, optional
        Where the file is; None keeps nothing.

    Notes
    -----
    Whatever goes wrong with the file costs one `CacheWarning` and the work of computing the result again.
    """

    def __init__(self, directory: Path | None) -> None:
        self.path: Path | None = None if directory is None else directory / "results-1.sqlite"

    def get(self, key: bytes) -> bytes | None:
        """What is known by a key."""
        if self.path is None or not self.path.exists():
            return None
        try:
            with closing(self._connect()) as connection, connection:
                row = connection.execute("SELECT value FROM result WHERE key = ?", (key,)).fetchone()
                if row is not None:
                    connection.execute(f"UPDATE result SET used = {_NEXT} WHERE key = ?", (key,))  # noqa: S608  no input
            return None if row is None else zlib.decompress(row[0])
        except (sqlite3.Error, OSError, ValueError, zlib.error) as error:
            self._give_up(error)
            return None

    def put(self, key: bytes, value: bytes) -> None:
        """Keep a result, and let go of those that were not used for long."""
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect()) as connection, connection:
                packed = zlib.compress(value, 1)
                connection.execute(f"INSERT OR REPLACE INTO result VALUES (?, {_NEXT}, ?)", (key, packed))  # noqa: S608
                connection.execute(
                    "DELETE FROM result WHERE key NOT IN (SELECT key FROM result ORDER BY used DESC LIMIT ?)", (_KEPT,)
                )
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)

    def _connect(self) -> sqlite3.Connection:
        assert self.path is not None  # noqa: S101  callers check
        connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS)
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS result (key BLOB PRIMARY KEY, used INTEGER, value BLOB) WITHOUT ROWID"
        )
        return connection

    def _give_up(self, error: Exception) -> None:
        where, self.path = self.path, None
        warn_unusable(where, error)


_NEXT = "(SELECT COALESCE(MAX(used), 0) + 1 FROM result)"

__all__ = ["ResultCache", "code_digest"]
