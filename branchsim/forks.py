"""Work that is shared with forks of this process, which know at once all that it has read."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import threading
import warnings
from contextlib import suppress
from multiprocessing import connection
from typing import TYPE_CHECKING, Any, TypeVar

from branchsim.errors import BranchsimError
from branchsim.garbage import seldom_collected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

_Answer = TypeVar("_Answer")
_Item = TypeVar("_Item")
_LARGEST = 256
_SHARES = 48


def in_shares(items: Sequence[_Item], *, smallest: int = 32) -> list[Sequence[_Item]]:
    """Work in shares for `share_out`, many enough that nobody waits long for whoever has the most of it.

    Parameters
    ----------
    items : sequence
        What is to be done, in order.
    smallest : int
        So many are worth being handed out together.
    """
    size = max(smallest, min(_LARGEST, len(items) // _SHARES))
    return [items[start : start + size] for start in range(0, len(items), size)]


def share_out(
    start: Callable[[], AbstractContextManager[Callable[[int], _Answer]]],
    count: int,
    *,
    processes: int | None = None,
    done: Callable[[int, _Answer], None] = lambda *_: None,
) -> Iterator[_Answer]:
    """Do numbered work in forks of this process, which know all that it knows, and yield the answers in order.

    Parameters
    ----------
    start : callable
        Called once in each process; gives what does the work of a number. What it opens is closed in the same process.
    count : int
        How much work there is.
    processes : int, optional
        How many processes share it; as many as there are processors, if not given.
    done : callable, optional
        Called with each number whose work is done and its answer, which may be long before that is due.

    Yields
    ------
    answer
        Of 0, 1, 2, ...

    Raises
    ------
    BranchsimError
        A process ended before its work was done. What the work raises is raised as it is.

    Notes
    -----
    This process only waits: what work leaves behind in memory goes with the fork that did it. A fork is safe only while
    no other thread runs, and only Linux makes one in no time; elsewhere all is done here.
    """
    wanted = min(processes or os.cpu_count() or 1, count)
    alone = wanted <= 1 or sys.platform != "linux" or multiprocessing.current_process().daemon
    if alone or threading.active_count() > 1:
        with start() as work:
            for number in range(count):
                answer = work(number)
                done(number, answer)
                yield answer
        return
    context: Any = multiprocessing.get_context("fork")
    left = context.Array("q", (0, count))
    # Whatever waits in the buffers of this process would be written by each fork too.
    sys.stdout.flush()
    sys.stderr.flush()
    pipes, forks = [], []
    # Whoever looks for garbage writes to all that it looks at, and what is written to is no longer shared with a fork.
    gc.freeze()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # no thread of Python runs, and no other holds a lock of ours
        for number in range(wanted):
            mine, theirs = context.Pipe(duplex=False)
            fork = context.Process(target=_work_in_fork, args=(start, _take(left, end=number % 2), theirs), daemon=True)
            fork.start()
            theirs.close()
            pipes.append(mine)
            forks.append(fork)
    try:
        yield from _gathered(count, pipes, done)
    finally:
        for fork in forks:
            fork.terminate()
            fork.join()
        for pipe in pipes:
            pipe.close()
        gc.unfreeze()


def _take(left: Any, *, end: int) -> Iterator[int]:
    """What is left to do, from the start (0) or from the end (1): neighbours often need the same to be read."""
    while True:
        with left.get_lock():
            number = left[end] - end
            if not left[0] <= number < left[1]:
                return
            left[end] += 1 - 2 * end
        yield number


def _work_in_fork(
    start: Callable[[], AbstractContextManager[Callable[[int], Any]]], numbers: Iterator[int], pipe: Any
) -> None:
    with seldom_collected(), suppress(BrokenPipeError):
        try:
            with start() as work:
                for number in numbers:
                    pipe.send((number, work(number), None))
        except Exception as error:  # noqa: BLE001  raised again where the answer is waited for
            pipe.send((-1, None, error))
        pipe.close()


def _gathered(count: int, pipes: Sequence[Any], done: Callable[[int, Any], None]) -> Iterator[Any]:
    """The answers of all processes, in the order of their numbers."""
    ready: dict[int, Any] = {}
    working = list(pipes)
    for due in range(count):
        while due not in ready:
            if not working:
                raise BranchsimError("a process ended before its work was done; see that there is enough memory")
            told: Sequence[Any] = connection.wait(working)
            for pipe in told:
                try:
                    number, answer, error = pipe.recv()
                except (EOFError, OSError):
                    working.remove(pipe)
                    continue
                if error is not None:
                    raise error
                ready[number] = answer
                done(number, answer)
        yield ready.pop(due)


__all__ = ["in_shares", "share_out"]
