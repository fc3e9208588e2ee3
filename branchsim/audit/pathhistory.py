"""Where the history of some paths comes from: from git for one commit, or from memory for many."""

from __future__ import annotations

import copy
import functools
import hashlib
import importlib
import itertools
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from branchsim.audit.losses import LossReader
from branchsim.audit.pathlog import PathLog, Steps
from branchsim.git.log import Commit, RawChange, read_packed, rev_list, unpack
from branchsim.git.repository import Repository
from branchsim.history.graph import Graph
from branchsim.names import Sha

_LARGE = 20_000
"""In so large a history somebody will ask what came after a commit."""
_STEPS = 20_000


class PathHistory(Protocol):
    """The commits that changed some paths, before a commit and after it."""

    def before(self, tip: Sha, names: Sequence[bytes], *, base: Sha | None = None) -> PathLog:
        """Up to a tip, merges left out; with a base what came since it first, and the rest where that does not tell."""

    def after(self, commit: Sha, names: Sequence[bytes]) -> PathLog:
        """What came after a commit, on any branch that contains it.

        What a merge did is told against its first parent. Where that one never had the commit, it tells nothing of it.
        """


def branch_tips(repository: Repository) -> list[Sha]:
    """The heads of all branches, local and remote-tracking."""
    return sorted({sha for ref, sha in repository.refs.items() if ref.startswith(("refs/heads/", "refs/remotes/"))})


class GitHistory:
    """Asks git each time: for one commit, or a few.

    Parameters
    ----------
    repository : Repository
        Where to read.
    reader : LossReader
        Reads and parses the blobs.
    """

    def __init__(self, repository: Repository, reader: LossReader) -> None:
        self._repository = repository
        self._reader = reader

    def before(self, tip: Sha, names: Sequence[bytes], *, base: Sha | None = None) -> PathLog:
        """Up to a tip, merges left out; with a base what came since it first, and the rest where that does not tell."""
        scratch = self._repository.scratch
        if base is None:
            return PathLog.read(scratch, self._reader, [tip], names, "--no-merges")
        beyond = functools.cache(lambda: self.before(tip, names))
        return PathLog.read(scratch, self._reader, [tip, f"^{base}"], names, "--no-merges", beyond=beyond)

    def after(self, commit: Sha, names: Sequence[bytes]) -> PathLog:
        """What came after a commit, on any branch that contains it."""
        heads = branch_tips(self._repository)
        if not heads:
            return PathLog(self._reader, ())
        scratch, revisions, option = self._repository.scratch, [*heads, f"^{commit}"], f"--ancestry-path={commit}"
        seen = functools.cache(lambda: {commit, *rev_list(scratch, revisions, option)})
        return PathLog.read(
            scratch, self._reader, revisions, names, option,
            keep=lambda each: not each.is_merge or each.parents[0] in seen(),
        )  # fmt: skip


class MemoryHistory:
    """Reads every commit of every branch once, and answers from memory: for many commits.

    Parameters
    ----------
    repository : Repository
        Where to read.
    reader : LossReader
        Reads and parses the blobs.

    Attributes
    ----------
    reader : LossReader
        As given.
    graph : Graph
        The commits; what they changed is not with them.
    """

    def __init__(self, repository: Repository, reader: LossReader) -> None:
        commits: list[Commit] = []
        texts: list[bytes] = []
        # By path the commits that changed it, as they came: there are a million in a large history.
        self._touched: dict[bytes, list[int]] = defaultdict(list)
        touched = self._touched
        # Forks share what is there before them, and this process waits for git meanwhile.
        ready = threading.Thread(target=importlib.import_module, args=("scipy.sparse.csgraph",))
        for commit, text in read_packed(repository.scratch, branch_tips(repository)):
            if text:
                came = len(commits)
                for path in text.split(b"\0")[1::2]:
                    touched[path].append(came)
            commits.append(commit)
            texts.append(text)
            if len(commits) == _LARGE:
                ready.start()
        if len(commits) >= _LARGE:
            ready.join()
        self.graph = Graph(commits)
        self.reader = reader
        self._sorted: dict[bytes, list[int]] = {}
        self._steps_read: dict[tuple[int, bytes], RawChange] = {}
        self._last: tuple[tuple[bool, int], bytes] | None = None
        self._number = [self.graph.number(commit.sha) for commit in commits]
        self._texts = [b""] * len(self.graph)
        for number, text in zip(self._number, texts, strict=True):
            self._texts[number] = text

    def changes(self, number: int) -> bytes:
        """What a commit changed on its first parent, as `read_packed` gives it."""
        return self._texts[number]

    def read_with(self, reader: LossReader) -> MemoryHistory:
        """The same history, with another reader of blobs."""
        other = copy.copy(self)
        other.reader = reader
        return other

    def before(self, tip: Sha, names: Sequence[bytes], *, base: Sha | None = None) -> PathLog:
        """Up to a tip, merges left out; with a base what came since it first, and the rest where that does not tell."""
        if base is None:
            mask = self._reached(up=True, number=self.graph.number(tip))
            return self._log(names, mask.__getitem__, merges=False)
        beyond = functools.cache(lambda: self.before(tip, names))
        since = set(self.graph.between([self.graph.number(base)], self.graph.number(tip)))
        return self._log(names, since.__contains__, merges=False, beyond=beyond)

    def after(self, commit: Sha, names: Sequence[bytes]) -> PathLog:
        """What came after a commit, on any branch that contains it."""
        number = self.graph.find(commit)
        if number is None:  # a commit that no branch has: nothing came after it
            return PathLog(self.reader, ())
        reached, graph = self._reached(up=False, number=number), self.graph

        def may_tell(later: int) -> bool:
            if not reached[later] or not graph.commits[later].is_merge:
                return bool(reached[later])
            first = graph.find(graph.commits[later].parents[0])
            return first is not None and bool(reached[first])

        return self._log(names, may_tell, merges=True, since=number + 1)

    def mark_after(self, commit: Sha, names: Iterable[bytes]) -> str:
        """A digest of what came after a commit at some paths: as long as it is the same, `after` is."""
        number = self.graph.number(commit)
        reached = self._reached(up=False, number=number)
        digest = hashlib.blake2b(digest_size=16)
        for name in names:
            digest.update(b"%d %b\0" % (len(name), name))
            for later in self._steps(name):
                if later <= number:
                    break
                if reached[later]:
                    digest.update(self.graph.sha(later).encode("ascii"))
        return digest.hexdigest()

    def _reached(self, *, up: bool, number: int) -> bytes:
        """For each commit 1 if that one is made of it (`up`), or it of that one; itself is among them."""
        # Of one merge the same is asked several times in a row.
        if self._last is None or self._last[0] != (up, number):
            self._last = (up, number), self.graph.reached([number], down=not up).tobytes()
        return self._last[1]

    def _log(
        self,
        names: Iterable[bytes],
        wanted: Callable[[int], Any],
        *,
        merges: bool,
        since: int = 0,
        beyond: Callable[[], PathLog] | None = None,
    ) -> PathLog:
        commits = self.graph.commits
        found: dict[bytes, Steps] = {}
        for name in dict.fromkeys(names):
            own = [
                commits[number]
                for number in itertools.takewhile(since.__le__, self._steps(name))
                if wanted(number) and (merges or not commits[number].is_merge)
            ]
            found[name] = Steps(own, functools.partial(self._step, name))
        return PathLog.of_steps(self.reader, found, beyond=beyond)

    def _step(self, path: bytes, commit: Commit) -> tuple[Commit, RawChange]:
        number = self.graph.number(commit.sha)
        change = self._steps_read.get((number, path))
        if change is None:
            if len(self._steps_read) > _STEPS:
                self._steps_read.clear()
            change = self._steps_read[number, path] = unpack(self._change(number, path))[0]
        return commit, change

    def _steps(self, path: bytes) -> list[int]:
        """The commits that changed a path, newest first."""
        own = self._sorted.get(path)
        if own is None:
            own = self._sorted[path] = sorted(map(self._number.__getitem__, self._touched.get(path, ())), reverse=True)
        return own

    def _change(self, number: int, path: bytes) -> bytes:
        """How a commit changed one of its paths, with the path."""
        text = self._texts[number]
        if not path.startswith(b":"):
            at = text.index(b"\0%b\0" % path)
            return text[text.rfind(b"\0", 0, at) + 1 : at + len(path) + 2]
        # This may look like what stands before a path.
        tokens = text.split(b"\0")
        return b"%b\0%b\0" % (tokens[2 * tokens[1::2].index(path)], path)
