"""Work that is shared with forks of this process, which know at once all that it has read."""

from __future__ import annotations

import gc
import multiprocessing
import os
import queue
import sys
import threading
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from branchsim.errors import BranchsimError
from branchsim.garbage import seldom_collected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

_Answer = TypeVar("_Answer")
_Item = TypeVar("_Item")
_LARGEST = 256
_SMALLEST = 32
_SHARES = 48


def in_shares(items: Sequence[_Item]) -> list[Sequence[_Item]]:
    """Work in shares for `share_out`, many enough that nobody waits long for whoever has the most of it.

    Parameters
    ----------
    items : sequence
        What is to be done, in order.
    """
    size = max(_SMALLEST, min(_LARGEST, len(items) // _SHARES))
    return [items[start : start + size] for start in range(0, len(items), size)]


def share_out(
    start: Callable[[], AbstractContextManager[Callable[[int], _Answer]]],
    count: int,
    *,
    processes: int | None = None,
    done: Callable[[int], None] = lambda _: None,
) -> Iterator[_Answer]:
    """Do numbered work here and in forks of this process, which know all that it knows, and yield the answers in order.

    Parameters
    ----------
    start : callable
        Called once in each process; gives what does the work of a number. What it opens is closed in the same process.
    count : int
        How much work there is.
    processes : int, optional
        How many processes share it; as many as there are processors, if not given.
    done : callable, optional
        Called with each number whose work is done, which may be long before its answer is due.

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
    A fork is safe only while no other thread runs, and only Linux makes one in no time; elsewhere all is done here.
    """
    wanted = min(processes or os.cpu_count() or 1, count)
    alone = wanted <= 1 or sys.platform != "linux" or multiprocessing.current_process().daemon
    if alone or threading.active_count() > 1:
        with start() as work:
            for number in range(count):
                answer = work(number)
                done(number)
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
        for number in range(1, wanted):
            mine, theirs = context.Pipe(duplex=False)
            fork = context.Process(target=_work_in_fork, args=(start, _take(left, end=number % 2), theirs), daemon=True)
            fork.start()
            theirs.close()
            pipes.append(mine)
            forks.append(fork)
    try:
        yield from _work_here(start, count, _take(left, end=0), pipes, done)
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


def _work_here(
    start: Callable[[], AbstractContextManager[Callable[[int], _Answer]]],
    count: int,
    numbers: Iterator[int],
    pipes: Sequence[Any],
    done: Callable[[int], None],
) -> Iterator[_Answer]:
    came: queue.SimpleQueue[tuple[int, Any, Exception | None] | None] = queue.SimpleQueue()
    listeners = [threading.Thread(target=_listen, args=(pipe, came), daemon=True) for pipe in pipes]
    for listener in listeners:
        listener.start()
    ready: dict[int, _Answer] = {}
    given = ended = 0

    def keep(number: int, answer: _Answer) -> None:
        ready[number] = answer
        done(number)

    with start() as work:
        for number in numbers:
            with seldom_collected():
                answer = work(number)
            keep(number, answer)
            while not came.empty():
                ended += _receive(came.get(), keep)
            while given in ready:
                yield ready.pop(given)
                given += 1
    while given < count:
        if given in ready:
            yield ready.pop(given)
            given += 1
        elif ended == len(pipes):
            raise BranchsimError("a process ended before its work was done; see that there is enough memory")
        else:
            ended += _receive(came.get(), keep)
    for listener in listeners:
        listener.join()


def _receive(came: tuple[int, Any, Exception | None] | None, keep: Callable[[int, Any], None]) -> bool:
    """Put an answer where it is waited for; whether it was the end of a process."""
    if came is None:
        return True
    number, answer, error = came
    if error is not None:
        raise error
    keep(number, answer)
    return False


def _listen(pipe: Any, came: queue.SimpleQueue[Any]) -> None:
    with suppress(EOFError, OSError):
        while True:
            came.put(pipe.recv())
    came.put(None)


__all__ = ["in_shares", "share_out"]
