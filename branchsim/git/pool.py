"""Git processes that go on when they have answered, for whoever has the next question."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from branchsim.git.process import Conversation

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

_Talk = TypeVar("_Talk", bound=Conversation)


class Pool:
    """The idle git processes of one scratch repository.

    Notes
    -----
    A process is taken for one question and its whole answer. Whoever asks while all are taken starts another: threads
    need no lock, and of what they started one of each kind stays. A fork asks none of the processes of its parent.
    """

    def __init__(self) -> None:
        self._idle: dict[Hashable, Conversation] = {}
        self._owner = os.getpid()

    @contextmanager
    def taken(self, kind: Hashable, start: Callable[[], _Talk]) -> Iterator[_Talk]:
        """A process that is asked one question.

        Parameters
        ----------
        kind : hashable
            Processes of one kind can stand in for each other.
        start : callable
            Starts one.

        Yields
        ------
        Conversation
            It goes on for others when the block ends, unless the block raises, or the process has ended.
        """
        if self._owner != os.getpid():
            self._idle, self._owner = {}, os.getpid()
        idle = self._idle.pop(kind, None)
        if idle is not None and idle.is_over:  # somebody killed it
            idle.close()
            idle = None
        talk: _Talk = idle or start()  # type: ignore[assignment]  # a kind has one class
        try:
            yield talk
        except BaseException:
            # An answer that nobody has read to its end would be taken for that of the next question.
            talk.close()
            raise
        if talk.is_over or self._idle.setdefault(kind, talk) is not talk:
            talk.close()

    def close(self) -> None:
        """End them all."""
        if self._owner == os.getpid():
            while self._idle:
                self._idle.popitem()[1].close()


__all__ = ["Pool"]
