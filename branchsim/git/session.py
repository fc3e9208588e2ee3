"""Merge one after another, where each merge needs the result of the one before, with a single ``git merge-tree``.

``git merge-tree --stdin`` answers when its output buffer is full, not when an answer is ready. So each question is
followed by merges of the empty tree with itself, which cost microseconds, until the buffer has been written out. A
rebase of a hundred commits then takes one process and not a hundred.
"""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING, NamedTuple, Self

from branchsim.git.log import empty_tree
from branchsim.git.merge import MergeResult, _Tokens, gave_up, merge_many, merge_trees, read_result
from branchsim.git.objects import write_commit
from branchsim.git.process import Conversation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from types import TracebackType

    from branchsim.git.merge import Trees
    from branchsim.git.scratch import Scratch
    from branchsim.names import Sha

_ARGUMENTS = ("merge-tree", "--write-tree", "-z", "--stdin")
# The date lies in the future, so that git meets a synthetic commit before the history when it looks for merge bases.
_IDENTITY = "branchsim <branchsim@localhost> 4102444800 +0000"
_BLOCK = 1 << 16
_BUFFER = 4096
_ROOM = 4096
_PATIENCE = 0.02
_SOME = 50
"""Each answer costs as much as a hundred merges of empty trees: with more merges a process of their own is faster."""


class Merged(NamedTuple):
    """A merge and the names that git gave its two sides in conflict markers.

    Attributes
    ----------
    result : MergeResult
        What became of it.
    ours, theirs : Sha
        The ids after the markers; of a merge of trees those of synthetic commits.
    """

    result: MergeResult
    ours: Sha
    theirs: Sha


class _Talk(Conversation):
    """A ``git merge-tree`` that is asked one merge at a time.

    Parameters
    ----------
    arguments : sequence of str
        The command.
    scratch : Scratch
        Where to merge; merge drivers leave files where git runs.
    """

    def __init__(self, arguments: Sequence[str], scratch: Scratch) -> None:
        super().__init__(arguments, scratch.path, at=scratch.path)
        self._tokens = _Tokens(_Pushed(self, self._pad))  # type: ignore[arg-type]  # it reads nothing else
        self._owed = 0
        empty = write_commit(scratch, tree=empty_tree(scratch), message="", author=_IDENTITY)
        self._padding = f"{empty} {empty}\n".encode("ascii")
        # An answer is a digit, the id of the empty tree and three NULs.
        self._enough = _BUFFER // (4 + len(empty)) + 1
        self._few = _ROOM // len(self._padding)

    def warm_up(self) -> None:
        """Ask something, so that it gets ready while others work."""
        self.ask(self._padding)
        self._owed += 1

    def merge(self, ours: Sha, theirs: Sha) -> MergeResult | None:
        """What git makes of two commits; None if it ended at them."""
        before, self._owed = self._owed, 0
        self.ask(f"{ours} {theirs}\n".encode("ascii") + self._padding * self._enough)
        self._owed = self._enough
        for _ in range(before):
            if read_result(self._tokens) is None:
                break
        return read_result(self._tokens)

    def _pad(self) -> None:
        """Push out an answer that is still held back, as far as the pipe has room."""
        pipe = self._process.stdin
        if pipe is not None and select.select([], [pipe.fileno()], [], 0)[1]:
            self.ask(self._padding * self._few)
            self._owed += self._few


class MergeSession:
    """A running ``git merge-tree`` that is asked one merge at a time; a context manager.

    Parameters
    ----------
    scratch : Scratch
        Where to merge; it receives the merged objects.
    options : sequence of str
        Options of git itself, for merge drivers; see `branchsim.git.drivers.options`.

    Notes
    -----
    Answers are remembered: a merge that was done is not done again. The process is started with the first question of
    any session of the scratch repository, and again after a merge that git gives up on; it ends with the scratch
    repository. One session belongs to one thread.
    """

    def __init__(self, scratch: Scratch, options: Sequence[str] = ()) -> None:
        self._scratch = scratch
        self._arguments = (*options, *_ARGUMENTS)
        self._known: dict[tuple[Sha, Sha], MergeResult] = {}

    def merge(self, ours: Sha, theirs: Sha) -> Merged:
        """Merge two commits as ``git merge`` would.

        Parameters
        ----------
        ours, theirs : Sha
            The commit merged into, and the commit merged.

        Raises
        ------
        GitError
            git cannot be run.
        """
        known = self._known.get((ours, theirs))
        if known is None:
            known = self._known[ours, theirs] = self._ask(ours, theirs)
        return Merged(known, ours, theirs)

    def merge_trees(self, *, base: Sha, ours: Sha, theirs: Sha) -> Merged:
        """Merge two trees with a base of the caller's choice, as a cherry-pick or a revert does.

        Parameters
        ----------
        base, ours, theirs : Sha
            Ids of trees.

        Raises
        ------
        GitError
            git cannot be run, or a commit could not be written.
        """
        if base == theirs:  # nothing to apply
            return Merged(MergeResult(ours, clean=True), ours, theirs)
        if base == ours:
            return Merged(MergeResult(theirs, clean=True), ours, theirs)
        root = write_commit(self._scratch, tree=base, message="", author=_IDENTITY)
        sides = [
            write_commit(self._scratch, tree=tree, parents=(root,), message="", author=_IDENTITY)
            for tree in (ours, theirs)
        ]
        return self.merge(sides[0], sides[1])

    def warm_up(self) -> None:
        """Start the process ahead of the first question, so that it gets ready while others work."""
        with self._taken() as talk:
            talk.warm_up()

    def close(self) -> None:
        """Forget the answers."""
        self._known.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _taken(self) -> AbstractContextManager[_Talk]:
        return self._scratch.pool.taken(self._arguments, lambda: _Talk(self._arguments, self._scratch))

    def _ask(self, ours: Sha, theirs: Sha) -> MergeResult:
        with self._taken() as talk:
            result = talk.merge(ours, theirs)
            # git ends at a merge it cannot do; what it wrote to standard error says why.
            return gave_up(self._scratch, *talk.ended()) if result is None else result


def merge_some(
    scratch: Scratch, pairs: Sequence[tuple[Sha, Sha]], *, unrelated: bool = False, processes: int = 1
) -> Iterator[MergeResult]:
    """The same as `merge_many`; a few are merged by the process that others ask too."""
    if len(pairs) > _SOME:
        yield from merge_many(scratch, pairs, unrelated=unrelated, processes=processes)
        return
    with MergeSession(scratch) as session:
        for pair in pairs:
            result = session.merge(*pair).result
            if result.tree is None and unrelated:
                result = next(merge_many(scratch, [pair], unrelated=True))
            yield result


def merge_some_trees(scratch: Scratch, triples: Sequence[Trees]) -> Iterator[MergeResult]:
    """The same as `merge_trees` of trees; a few are merged by the process that others ask too."""
    if len(triples) > _SOME:
        yield from merge_trees(scratch, triples)
        return
    with MergeSession(scratch) as session:
        for base, ours, theirs in triples:
            yield session.merge_trees(base=base, ours=ours, theirs=theirs).result


class _Pushed:
    """The output of a process that must be pushed while it is waited for."""

    def __init__(self, talk: Conversation, push: Callable[[], None]) -> None:
        self._out = talk.out.fileno()
        self._push = push

    def read1(self, size: int) -> bytes:
        """The next bytes; none at the end."""
        while not select.select([self._out], [], [], _PATIENCE)[0]:
            self._push()
        return os.read(self._out, size)


__all__ = ["MergeSession", "Merged", "merge_some", "merge_some_trees"]
