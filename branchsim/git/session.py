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
from branchsim.git.merge import MergeResult, _read_result, _Tokens, gave_up
from branchsim.git.objects import write_commit
from branchsim.git.process import Conversation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from branchsim.git.scratch import Scratch
    from branchsim.names import Sha

_ARGUMENTS = ("merge-tree", "--write-tree", "-z", "--stdin")
# The date lies in the future, so that git meets a synthetic commit before the history when it looks for merge bases.
_IDENTITY = "branchsim <branchsim@localhost> 4102444800 +0000"
_BLOCK = 1 << 16
_BUFFER = 4096
_ROOM = 4096
_PATIENCE = 0.02


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
    """A conversation that knows whether a write would wait."""

    def has_room(self) -> bool:
        """Whether `_ROOM` bytes can be written at once."""
        pipe = self._process.stdin
        return pipe is not None and bool(select.select([], [pipe.fileno()], [], 0)[1])


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
    Answers are remembered: a merge that was done is not done again. The process is started with the first question, and
    again after a merge that git gives up on. One session belongs to one thread.
    """

    def __init__(self, scratch: Scratch, options: Sequence[str] = ()) -> None:
        self._scratch = scratch
        self._arguments = (*options, *_ARGUMENTS)
        self._talk: _Talk | None = None
        self._tokens: _Tokens | None = None
        self._owed = 0
        self._known: dict[tuple[Sha, Sha], MergeResult] = {}
        empty = write_commit(scratch, tree=empty_tree(scratch), message="", author=_IDENTITY)
        question = f"{empty} {empty}\n".encode("ascii")
        # An answer is a digit, the id of the empty tree and three NULs.
        self._enough = _BUFFER // (4 + len(empty)) + 1
        self._few = _ROOM // len(question)
        self._padding = question

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
        if self._talk is None:
            self._begin().ask(self._padding)
            self._owed += 1

    def close(self) -> None:
        """End the process."""
        if self._talk is not None:
            self._talk.close()
        self._talk = self._tokens = None
        self._owed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self) -> _Talk:
        # Merge drivers leave files where git runs.
        self._talk = _Talk(self._arguments, self._scratch.path, at=self._scratch.path)
        self._tokens = _Tokens(_Pushed(self._talk, self._pad))  # type: ignore[arg-type]  # it reads nothing else
        return self._talk

    def _ask(self, ours: Sha, theirs: Sha) -> MergeResult:
        talk = self._talk or self._begin()
        tokens = self._tokens
        assert tokens is not None  # noqa: S101  begun with the process
        before, self._owed = self._owed, 0
        talk.ask(f"{ours} {theirs}\n".encode("ascii") + self._padding * self._enough)
        self._owed = self._enough
        for _ in range(before):
            if _read_result(tokens) is None:
                break
        result = _read_result(tokens)
        if result is None:
            # git ends at a merge it cannot do; what it wrote to standard error says why.
            code, said = talk.ended()
            self.close()
            return gave_up(self._scratch, code, said)
        return result

    def _pad(self) -> None:
        """Push out an answer that is still held back, as far as the pipe has room."""
        if self._talk is not None and self._talk.has_room():
            self._talk.ask(self._padding * self._few)
            self._owed += self._few


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


__all__ = ["MergeSession", "Merged"]
