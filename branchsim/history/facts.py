"""Facts about commits that never change: what each one's patch is. Read once, kept in a cache that may be deleted."""

from __future__ import annotations

import os
import sqlite3
import sys
import warnings
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from branchsim.git import versions
from branchsim.git.commitobject import load_commits
from branchsim.git.log import Commit, empty_tree
from branchsim.git.patches import SCHEMA, PatchFacts, Watch, read_patches, read_watched, stable_patch_ids
from branchsim.git.scratch import Scratch
from branchsim.names import Sha

Pair = tuple[Sha, Sha]
"""The tree before and the tree after a commit."""

_TABLES = {"patch": "zero BLOB, changed INTEGER, lines BLOB", "patch_id": "id TEXT"}
_BUSY_SECONDS = 10
_CHUNK = 500


def default_cache() -> Path:
    """Where facts are kept: ``$BRANCHSIM_CACHE``, else ``branchsim`` in the user's cache directory."""
    if chosen := os.environ.get("BRANCHSIM_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "branchsim"


class CacheWarning(UserWarning):
    """The cache of facts could not be used; results are the same without it, only slower to get."""


class FactCache:
    """Patch facts by pair of trees, in an SQLite file.

    Parameters
    ----------
    directory : path, optional
        Where the file is; None keeps nothing.

    Notes
    -----
    The file's name holds the schema of the facts and git's version, since another version may cut a diff differently;
    facts of different versions never meet. Whatever goes wrong with the file (no permission, a full disk, another
    program's lock, damage) costs one `CacheWarning` and the work of computing the facts again.
    """

    def __init__(self, directory: Path | None) -> None:
        self.path: Path | None = None
        if directory is not None:
            version = ".".join(map(str, versions.installed()))
            self.path = directory / f"patches-{SCHEMA}-git-{version}-{sys.byteorder}.sqlite"

    def _give_up(self, error: Exception) -> None:
        where, self.path = self.path, None
        warn_unusable(where, error)

    def _connect(self) -> sqlite3.Connection:
        assert self.path is not None  # noqa: S101  callers check
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS)
        connection.execute("PRAGMA synchronous = OFF")
        for table, columns in _TABLES.items():
            connection.execute(f"CREATE TABLE IF NOT EXISTS {table} (pair BLOB PRIMARY KEY, {columns}) WITHOUT ROWID")
        return connection

    def get(self, pairs: Sequence[Pair]) -> dict[Pair, PatchFacts]:
        """The facts that are known of these pairs."""
        known: dict[Pair, PatchFacts] = {}
        for pair, zero, changed, lines in self._select("pair, zero, changed, lines", "patch", pairs):
            values = array("I")
            values.frombytes(lines)
            known[pair] = PatchFacts(zero, changed, values)
        return known

    def put(self, facts: Mapping[Pair, PatchFacts]) -> None:
        """Keep these facts."""
        self._insert(
            "patch", ((_key(pair), fact.zero_id, fact.changed, fact.lines.tobytes()) for pair, fact in facts.items())
        )

    def get_ids(self, pairs: Sequence[Pair]) -> dict[Pair, str]:
        """The patch-ids that are known of these pairs; the empty string where a pair has none."""
        return dict(self._select("pair, id", "patch_id", pairs))

    def put_ids(self, ids: Mapping[Pair, str]) -> None:
        """Keep these patch-ids."""
        self._insert("patch_id", ((_key(pair), value) for pair, value in ids.items()))

    def _select(self, columns: str, table: str, pairs: Sequence[Pair]) -> list[tuple[Any, ...]]:
        if self.path is None or not self.path.exists() or not pairs:
            return []
        keys = {_key(pair): pair for pair in pairs}
        order = list(keys)
        rows: list[tuple[Any, ...]] = []
        try:
            with closing(self._connect()) as connection:
                for start in range(0, len(order), _CHUNK):
                    part = order[start : start + _CHUNK]
                    marks = ",".join("?" * len(part))
                    query = f"SELECT {columns} FROM {table} WHERE pair IN ({marks})"  # noqa: S608  names of ours and marks
                    rows += ((keys[row[0]], *row[1:]) for row in connection.execute(query, part))
        except (sqlite3.Error, OSError, ValueError) as error:
            self._give_up(error)
            return []
        return rows

    def _insert(self, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        if self.path is None:
            return
        wanted = list(rows)
        if not wanted:
            return
        marks = ",".join("?" * len(wanted[0]))
        try:
            with closing(self._connect()) as connection, connection:
                connection.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", wanted)  # noqa: S608  as above
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)


def warn_unusable(where: Path | None, error: Exception) -> None:
    """Say that a file of the cache cannot be used; if it is the file itself that is wrong, remove it."""
    what = f"the cache {where} cannot be used ({error}); going on without it"
    if where is not None and _is_damage(error):
        # Another process that has it open goes on with what it has; whoever comes next makes it anew.
        with suppress(OSError):
            where.unlink(missing_ok=True)
            what += ", and it has been removed, so that the next run makes it anew"
    warnings.warn(what, CacheWarning, stacklevel=5)


def _is_damage(error: Exception) -> bool:
    """Whether it is the file itself that is wrong, and not the disk, its rights or another process."""
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, ValueError) or code in {
        sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR,
    }  # fmt: skip


def _key(pair: Pair) -> bytes:
    return bytes.fromhex(pair[0] + pair[1])


class Patches:
    """The patch facts of commits, read on demand and in bulk.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    cache : FactCache, optional
        Where facts are kept between runs.

    Attributes
    ----------
    skipped : dict
        From a commit whose patch was asked for and could not be read to the reason.
    """

    def __init__(self, scratch: Scratch, cache: FactCache | None = None) -> None:
        self.scratch = scratch
        self.skipped: dict[Sha, str] = {}
        self._cache = cache or FactCache(None)
        self._trees: dict[Sha, Sha] = {}
        self._facts: dict[Sha, PatchFacts] = {}
        self._unread: dict[Sha, str] = {}
        self._ids: dict[Pair, str] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._facts_ahead: Future[None] | None = None
        self._watched: Future[None] | None = None
        self._ids_ahead: Future[None] | None = None

    def pairs(self, commits: Iterable[Commit]) -> dict[Sha, Pair]:
        """The trees before (of the first parent) and after each commit."""
        wanted = list(commits)
        self._trees.update((commit.sha, commit.tree) for commit in wanted)
        parents = {commit.parents[0] for commit in wanted if commit.parents}
        unknown = sorted(parents - self._trees.keys())
        if unknown:
            self._trees.update((commit.sha, commit.tree) for commit in load_commits(self.scratch, unknown))
        nothing = empty_tree(self.scratch)
        return {c.sha: (self._trees[c.parents[0]] if c.parents else nothing, c.tree) for c in wanted}

    @contextmanager
    def ahead(self, commits: Iterable[Commit], watch: Watch[Any]) -> Iterator[None]:
        """Read in the background what will probably be asked for, while the block runs.

        Parameters
        ----------
        commits : iterable of Commit
            Those that `read` will be asked for.
        watch : Watch
            What is to be seen of patches; `seen` waits for it.
        """
        unread = self._open(commits)
        pairs = self.pairs(unread)
        with ThreadPoolExecutor(2) as pool:
            self._pool = pool
            facts = self._facts_ahead = pool.submit(self._read, unread, pairs, None, watch)
            self._watched = pool.submit(self._read_watched, facts, watch)
            try:
                yield
            finally:
                watch.given_up.set()
                self._pool = self._facts_ahead = self._watched = self._ids_ahead = None

    def watched(self) -> None:
        """Wait until all is seen that is to be seen in the background."""
        if self._watched is not None:
            self._watched.result()

    def _read_watched(self, facts: Future[None], watch: Watch[Any]) -> None:
        facts.result()
        read_watched(self.scratch, watch)

    def read(self, commits: Iterable[Commit], *, report: Callable[[int], None] | None = None) -> dict[Sha, PatchFacts]:
        """The facts of these commits; of a merge, against its first parent. What cannot be read is in `skipped`."""
        if self._facts_ahead is not None:
            self._facts_ahead.result()
        wanted = {commit.sha: commit for commit in commits}
        unread = self._open(wanted.values())
        if unread:
            self._read(unread, self.pairs(unread), report)
        self.skipped.update((sha, self._unread[sha]) for sha in wanted if sha in self._unread)
        return {sha: self._facts[sha] for sha in wanted if sha in self._facts}

    def _open(self, commits: Iterable[Commit]) -> list[Commit]:
        wanted = {commit.sha: commit for commit in commits}
        return [c for sha, c in wanted.items() if sha not in self._facts and sha not in self._unread]

    def _read(
        self,
        commits: Sequence[Commit],
        pairs: Mapping[Sha, Pair],
        report: Callable[[int], None] | None,
        watch: Watch[Any] | None = None,
    ) -> None:
        known = self._cache.get(list(pairs.values()))
        # Commits that change the same files from and to the same contents have one patch, as most merges of one commit
        # have that of the commit, which comes after them.
        unknown = [commit for commit in commits if pairs[commit.sha] not in known]
        last: dict[object, Pair] = {commit.changes or pairs[commit.sha]: pairs[commit.sha] for commit in unknown}
        same = {pairs[commit.sha]: last[commit.changes or pairs[commit.sha]] for commit in unknown}
        fresh, skipped = read_patches(self.scratch, list(last.values()), report=report, watch=watch)
        found = {pair: fresh[one] for pair, one in same.items() if one in fresh}
        self._cache.put(found)
        known.update(found)
        for commit in commits:
            pair = pairs[commit.sha]
            if pair in known:
                self._facts[commit.sha] = known[pair]
            else:
                self._unread[commit.sha] = skipped.get(same[pair], "its patch could not be read")

    def patch_ids_ahead(self, commits: Iterable[Commit]) -> None:
        """Ask in the background for what `patch_ids` will be asked for, within the block of `ahead`."""
        if self._pool is not None:
            self._ids_ahead = self._pool.submit(self._read_ids, self.pairs(commits))

    def patch_ids(self, commits: Iterable[Commit]) -> dict[Sha, str]:
        """What ``git patch-id --stable`` says of these commits; what cannot be read, or has no patch, is left out."""
        if self._ids_ahead is not None:
            self._ids_ahead.result()
        pairs = self.pairs(commits)
        self._read_ids({sha: pair for sha, pair in pairs.items() if pair not in self._ids})
        return {sha: self._ids[pair] for sha, pair in pairs.items() if self._ids[pair]}

    def _read_ids(self, pairs: Mapping[Sha, Pair]) -> None:
        self._ids.update(self._cache.get_ids(list(pairs.values())))
        missing = {sha: pair for sha, pair in pairs.items() if pair not in self._ids}
        found = stable_patch_ids(self.scratch, missing)
        fresh = {pair: found.get(sha, "") for sha, pair in missing.items()}
        self._cache.put_ids(fresh)
        self._ids.update(fresh)
