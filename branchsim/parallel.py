"""Work that is spread over an executor: any of `concurrent.futures`, a Dask client's, or none.

The answer never depends on who did what, or when: jobs are numbered, and whoever collects puts them in order.
"""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, as_completed
from typing import TYPE_CHECKING, TypeVar

from branchsim.errors import BranchsimError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_Job = TypeVar("_Job")
_Answer = TypeVar("_Answer")

_TRIES = 3
"""After so many processes that ended, where none ever did anything, the fault is not that of the jobs."""


def run_jobs(
    function: Callable[[_Job], _Answer], jobs: Sequence[_Job], executor: Executor | None = None
) -> Iterator[tuple[int, _Answer]]:
    """Do jobs, and yield each answer with the number of its job, as they come.

    Parameters
    ----------
    function : callable
        What is done; importable, so that another process finds it.
    jobs : sequence
        What it is done to; each can be pickled.
    executor : Executor, optional
        Who does it. Without one a pool of processes, as many as there are processors; a single job is done here.

    Yields
    ------
    tuple of (int, answer)
        The number of the job, and what the function made of it.

    Raises
    ------
    InputError
        The executor has no ``submit``.
    BranchsimError
        A worker process ended; what the function raises is raised as it is. What has not begun is cancelled.
    """
    for number, outcome in outcomes(function, jobs, executor):
        if isinstance(outcome, BrokenExecutor):
            raise _broken(outcome) from outcome
        if isinstance(outcome, Exception):
            raise outcome
        yield number, outcome


def outcomes(
    function: Callable[[_Job], _Answer], jobs: Sequence[_Job], executor: Executor | None = None
) -> Iterator[tuple[int, _Answer | Exception]]:
    """Do jobs, and yield what each comes to: its answer, or the exception that it ended with.

    A job that ends its process fails alone where the pool is our own: what was under way with it is done again, each
    in a process of its own.

    Parameters
    ----------
    function, jobs, executor
        As for `run_jobs`.

    Raises
    ------
    InputError
        The executor has no ``submit``.
    BranchsimError
        No process of a pool of our own does anything.
    """
    if executor is None:
        processors = os.cpu_count() or 1
        if len(jobs) <= 1 or processors == 1:
            for number, job in enumerate(jobs):
                try:
                    outcome: _Answer | Exception = function(job)
                except Exception as error:  # noqa: BLE001  whatever it is, it is what the job came to
                    outcome = error
                yield number, outcome
            return
        yield from _pooled(function, jobs, processors)
        return
    if not callable(getattr(executor, "submit", None)):
        raise InputError(
            f"executor must be a concurrent.futures.Executor, or have its submit(), and not {type(executor).__name__}; "
            "of a Dask client give client.get_executor()"
        )
    yield from _submitted(function, dict(enumerate(jobs)), executor)


def _submitted(
    function: Callable[[_Job], _Answer], jobs: dict[int, _Job], executor: Executor
) -> Iterator[tuple[int, _Answer | Exception]]:
    futures = {}
    try:
        for number, job in jobs.items():
            futures[executor.submit(function, job)] = number
    except BrokenExecutor as error:
        # Workers may end while jobs are still being handed out.
        yield from ((number, error) for number in jobs if number not in futures.values())
    try:
        for future in as_completed(futures):
            try:
                outcome: _Answer | Exception = future.result()
            except Exception as error:  # noqa: BLE001  whatever it is, it is what the job came to
                outcome = error
            yield futures[future], outcome
    finally:
        for future in futures:
            future.cancel()


def _pooled(
    function: Callable[[_Job], _Answer], jobs: Sequence[_Job], processors: int
) -> Iterator[tuple[int, _Answer | Exception]]:
    # A fresh interpreter for each worker: a fork would copy threads and open git processes.
    context = multiprocessing.get_context("spawn")
    left: dict[int, _Job] = {}
    worked = False
    with ProcessPoolExecutor(min(processors, len(jobs)), mp_context=context) as pool:
        for number, outcome in _submitted(function, dict(enumerate(jobs)), pool):
            if isinstance(outcome, BrokenExecutor):
                left[number] = jobs[number]
            else:
                worked = True
                yield number, outcome
    for tries, number in enumerate(sorted(left), start=1):
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            ((_, outcome),) = _submitted(function, {number: jobs[number]}, pool)
        worked = worked or not isinstance(outcome, BrokenExecutor)
        if not worked and tries == min(_TRIES, len(left)):
            assert isinstance(outcome, BrokenExecutor)  # noqa: S101
            raise _broken(outcome) from outcome
        yield number, outcome


def _broken(error: BrokenExecutor) -> BranchsimError:
    return BranchsimError(
        f"a worker process ended before its work was done ({error}); in a script, call this below "
        "if __name__ == '__main__', and see that there is enough memory"
    )


__all__ = ["outcomes", "run_jobs"]
