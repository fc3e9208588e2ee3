"""The versions of every path along a history that is in memory."""

from __future__ import annotations

import copy
import functools
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from branchsim.audit.pathlog import PathLog, Steps

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
        # Numbers and changes take turns in one list for each path: there are a million of them in a large history.
        self._by_path: dict[bytes, list[Any]] = defaultdict(list)
        for number, commit in enumerate(history.graph.commits):
            for change in commit.changes:
                self._by_path[change.path] += (number, change)

    def read_with(self, reader: LossReader) -> GraphLog:
        """The same history, with another reader of blobs."""
        other = copy.copy(self)
        other.reader = reader
        return other

    def steps(self, path: bytes) -> Sequence[tuple[int, RawChange]]:
        """The commits that changed a path, ancestors first."""
        own = self._by_path.get(path, ())
        return list(zip(own[::2], own[1::2], strict=True))

    def log(
        self,
        names: Iterable[bytes],
        wanted: Callable[[int], bool],
        *,
        merges: bool = False,
        outside: Sequence[Commit] = (),
    ) -> PathLog:
        """The history of some paths, limited to some commits; `outside` of it, and after it, come further ones."""
        commits = self._graph.commits
        changes: dict[int, list[RawChange]] = defaultdict(list)
        touched: dict[bytes, list[int]] = {}
        for name in dict.fromkeys(names):
            own = touched[name] = []
            for number, change in reversed(self.steps(name)):
                if wanted(number) and (merges or not commits[number].is_merge):
                    own.append(number)
                    changes[number].append(change)
        if outside:
            inside = (replace(commits[n], changes=tuple(changes[n])) for n in sorted(changes, reverse=True))
            return PathLog(self.reader, [*outside, *inside])

        def step(name: bytes, commit: Commit) -> tuple[Commit, RawChange]:
            own = changes[self._graph.number(commit.sha)]
            return replace(commit, changes=tuple(own)), next(change for change in own if change.path == name)

        steps = {
            name: Steps(list(map(commits.__getitem__, own)), functools.partial(step, name))
            for name, own in touched.items()
        }
        return PathLog.of_steps(self.reader, steps)


__all__ = ["GraphLog"]
