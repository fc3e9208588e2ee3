"""Where the history of some paths comes from: from git for one commit, or from memory for many."""

from __future__ import annotations

import copy
import functools
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from branchsim.audit.losses import LossReader
from branchsim.audit.pathlog import PathLog
from branchsim.git.log import Commit, PackedChange, RawChange, read_packed, unpack
from branchsim.git.repository import Repository
from branchsim.git.trees import changes_digest
from branchsim.history.graph import Graph
from branchsim.names import Sha

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array


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

    Attributes
    ----------
    reader : LossReader
        As given.
    graph : Graph
        The commits; what they changed is not with them.
    brought : dict of int to bytes
        For each merge a digest of what it changed against its first parent, as `changes_digest` makes it.
    """

    def __init__(self, repository: Repository, reader: LossReader) -> None:
        tips = branch_tips(repository)
        packed: dict[Sha, list[PackedChange]] = {}
        commits = []
        for commit, changes in read_packed(repository.scratch, tips):
            commits.append(commit)
            packed[commit.sha] = changes
        self.graph = Graph(commits)
        self.reader = reader
        self.brought: dict[int, bytes] = {}
        # Numbers and changes take turns in one list for each path: there are a million of them in a large history.
        self._by_path: dict[bytes, list[Any]] = defaultdict(list)
        for number, commit in enumerate(self.graph.commits):
            changes = packed.pop(commit.sha)
            if commit.is_merge:
                self.brought[number] = changes_digest(changes)
            for path, raw in changes:
                self._by_path[path] += (number, raw)

    def read_with(self, reader: LossReader) -> MemoryHistory:
        """The same history, with another reader of blobs."""
        other = copy.copy(self)
        other.reader = reader
        return other

    def before(self, tip: Sha, names: Sequence[bytes], *, base: Sha | None = None) -> PathLog:
        """Up to a tip, merges left out; with a base what came since it first, and the rest where that does not tell."""
        if base is None:
            mask = self._reached(self._upward, self.graph.number(tip))
            return self._log(names, mask.__getitem__, merges=False)
        beyond = functools.cache(lambda: self.before(tip, names))
        since = set(self.graph.between([self.graph.number(base)], self.graph.number(tip)))
        return self._log(names, since.__contains__, merges=False, beyond=beyond)

    def after(self, commit: Sha, names: Sequence[bytes]) -> PathLog:
        """What came after a commit, on any branch that contains it."""
        number = self.graph.find(commit)
        if number is None:  # a commit that no branch has: nothing came after it
            return PathLog(self.reader, ())
        return self._log(names, self._reached(self._downward, number).__getitem__, merges=True, since=number + 1)

    def mark_after(self, commit: Sha, names: Iterable[bytes]) -> str:
        """A digest of what came after a commit at some paths: as long as it is the same, `after` is."""
        number = self.graph.number(commit)
        reached = self._reached(self._downward, number)
        digest = hashlib.blake2b(digest_size=16)
        for name in names:
            own = self._by_path.get(name, [])
            digest.update(b"%d %b\0" % (len(name), name))
            for at in range(len(own) - 2, -2, -2):
                if own[at] <= number:
                    break
                if reached[own[at]]:
                    digest.update(self.graph.sha(own[at]).encode("ascii") + own[at + 1])
        return digest.hexdigest()

    def _reached(self, matrix: csr_array, number: int) -> NDArray[np.bool_]:
        from scipy.sparse.csgraph import breadth_first_order

        mask = np.zeros(len(self.graph), dtype=np.bool_)
        mask[breadth_first_order(matrix, number, directed=True, return_predecessors=False)] = True
        return mask

    @functools.cached_property
    def _upward(self) -> csr_array:
        """From each commit to its parents."""
        from scipy.sparse import csr_array

        parents = self.graph.parents
        ends = np.cumsum([0, *map(len, parents)], dtype=np.int32)
        links = np.fromiter((parent for own in parents for parent in own), dtype=np.int32, count=int(ends[-1]))
        # The search is written for numbers with a fraction, and would turn others into them each time.
        return csr_array((np.ones(len(links)), links, ends), shape=(len(parents), len(parents)))

    @functools.cached_property
    def _downward(self) -> csr_array:
        """From each commit to its children."""
        return self._upward.T.tocsr()

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
        found: dict[bytes, list[tuple[Commit, RawChange]]] = {}
        for name in dict.fromkeys(names):
            own = self._by_path.get(name, [])
            steps = found[name] = []
            for at in range(len(own) - 2, -2, -2):
                number = own[at]
                if number < since:
                    break
                if wanted(number) and (merges or not commits[number].is_merge):
                    steps.append((commits[number], unpack(PackedChange(name, own[at + 1]))))
        return PathLog.of_steps(self.reader, found, beyond=beyond)
