"""Where the history of some paths comes from: from git for one commit, or from memory for many."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from branchsim.audit.losses import LossReader
from branchsim.audit.pathlog import PathLog
from branchsim.git.log import RawChange, read_commits
from branchsim.git.repository import Repository
from branchsim.history.graph import Graph
from branchsim.names import Sha

if TYPE_CHECKING:
    from numpy.typing import NDArray


class PathHistory(Protocol):
    """The commits that changed some paths, before a commit and after it."""

    def before(self, tip: Sha, names: Sequence[bytes], *, base: Sha | None = None) -> PathLog:
        """Up to a tip, merges left out; with a base what came since it first, and the rest where that does not tell."""

    def after(self, commit: Sha, names: Sequence[bytes]) -> PathLog:
        """What came after a commit, on any branch that contains it."""


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
        option = f"--ancestry-path={commit}"
        return PathLog.read(self._repository.scratch, self._reader, [*heads, f"^{commit}"], names, option)


class MemoryHistory:
    """Reads every commit of every branch once, and answers from memory: for many commits.

    Parameters
    ----------
    repository : Repository
        Where to read.
    reader : LossReader
        Reads and parses the blobs.
    """

    def __init__(self, repository: Repository, reader: LossReader) -> None:
        self.graph = Graph(read_commits(repository.scratch, branch_tips(repository)))
        self._reader = reader
        self._by_path: dict[bytes, list[tuple[int, RawChange]]] = defaultdict(list)
        for number, commit in enumerate(self.graph.commits):
            for change in commit.changes:
                self._by_path[change.path].append((number, change))
        self._children: list[list[int]] | None = None

    def before(self, tip: Sha, names: Sequence[bytes], *, base: Sha | None = None) -> PathLog:
        """Up to a tip, merges left out; with a base what came since it first, and the rest where that does not tell."""
        if base is None:
            mask = self.graph.ancestors([self.graph.number(tip)])
            return self._log(names, lambda number: bool(mask[number]), merges=False)
        beyond = functools.cache(lambda: self.before(tip, names))
        since = set(self.graph.between([self.graph.number(base)], self.graph.number(tip)))
        return self._log(names, since.__contains__, merges=False, beyond=beyond)

    def after(self, commit: Sha, names: Sequence[bytes]) -> PathLog:
        """What came after a commit, on any branch that contains it."""
        number = self.graph.find(commit)
        if number is None:  # a commit that no branch has: nothing came after it
            return PathLog(self._reader, ())
        mask = self._descendants(number)
        return self._log(names, lambda other: bool(mask[other]), merges=True)

    def _descendants(self, number: int) -> NDArray[np.bool_]:
        if self._children is None:
            self._children = [[] for _ in self.graph.commits]
            for child, parents in enumerate(self.graph.parents):
                for parent in parents:
                    self._children[parent].append(child)
        seen = bytearray(len(self.graph))
        stack = [number]
        while stack:
            for child in self._children[stack.pop()]:
                if not seen[child]:
                    seen[child] = 1
                    stack.append(child)
        return np.frombuffer(bytes(seen), dtype=np.bool_)

    def _log(
        self, names: Iterable[bytes], wanted: Callable[[int], bool], *, merges: bool,
        beyond: Callable[[], PathLog] | None = None,
    ) -> PathLog:  # fmt: skip
        commits = self.graph.commits
        found = {
            name: [
                (commits[number], change)
                for number, change in reversed(self._by_path.get(name, ()))
                if wanted(number) and (merges or not commits[number].is_merge)
            ]
            for name in dict.fromkeys(names)
        }
        return PathLog.of_steps(self._reader, found, beyond=beyond)
