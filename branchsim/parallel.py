"""Work that is spread over an executor: any of `concurrent.futures`, a Dask client's, or none.

The answer never depends on who did what, or when: jobs are numbered, and whoever collects puts them in order.
"""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, TypeVar

from branchsim.errors import BranchsimError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_Job = TypeVar("_Job")
_Answer = TypeVar("_Answer")


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
    if executor is None:
        processors = os.cpu_count() or 1
        if len(jobs) <= 1 or processors == 1:
            for number, job in enumerate(jobs):
                yield number, function(job)
            return
        # A fresh interpreter for each worker: a fork would copy threads and open git processes.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(processors, len(jobs)), mp_context=context) as pool:
            yield from run_jobs(function, jobs, pool)
        return
    if not callable(getattr(executor, "submit", None)):
        raise InputError(
            f"executor must be a concurrent.futures.Executor, or have its submit(), and not {type(executor).__name__}; "
            "of a Dask client give client.get_executor()"
        )
    futures = {executor.submit(function, job): number for number, job in enumerate(jobs)}
    try:
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as error:
        raise BranchsimError(
            f"a worker process ended before its work was done ({error}); in a script, call this below "
            "if __name__ == '__main__', and see that there is enough memory"
        ) from error
    finally:
        for future in futures:
            future.cancel()


__all__ = ["run_jobs"]
