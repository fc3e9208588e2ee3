"""The versions of every path along a history that is in memory."""

from __future__ import annotations

import copy
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from branchsim.audit.pathlog import PathLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from branchsim.audit.losses import LossReader
    from branchsim.git.log import Commit, RawChange
    from branchsim.history.landings import History


class GraphLog:
    """The versions of every path along a history that is in memory."""

    def __init__(self, history: History, reader: LossReader) -> None:
        self._graph = history.graph
        self.reader = reader
        self._by_path: dict[bytes, list[tuple[int, RawChange]]] = defaultdict(list)
        for number, commit in enumerate(history.graph.commits):
            for change in commit.changes:
                self._by_path[change.path].append((number, change))

    def read_with(self, reader: LossReader) -> GraphLog:
        """The same history, with another reader of blobs."""
        other = copy.copy(self)
        other.reader = reader
        return other

    def steps(self, path: bytes) -> Sequence[tuple[int, RawChange]]:
        """The commits that changed a path, ancestors first."""
        return self._by_path.get(path, ())

    def log(
        self,
        names: Iterable[bytes],
        wanted: Callable[[int], bool],
        *,
        merges: bool = False,
        outside: Sequence[Commit] = (),
    ) -> PathLog:
        """The history of some paths, limited to some commits; `outside` of it, and after it, come further ones."""
        found: dict[int, list[RawChange]] = defaultdict(list)
        for name in dict.fromkeys(names):
            for number, change in self.steps(name):
                if wanted(number) and (merges or not self._graph.commits[number].is_merge):
                    found[number].append(change)
        commits = (replace(self._graph.commits[n], changes=tuple(found[n])) for n in sorted(found, reverse=True))
        return PathLog(self.reader, [*outside, *commits])


__all__ = ["GraphLog"]
