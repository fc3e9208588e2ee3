"""All merges of a repository, without a topology: those whose result is not git's own are inspected."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from branchsim.audit.attributes import attributes_of
from branchsim.audit.inspect import Inspection, Inspector
from branchsim.audit.losses import LossReader
from branchsim.audit.memo import digest_of, packed, unpacked
from branchsim.audit.pathhistory import MemoryHistory, branch_tips
from branchsim.audit.redone import Redone, may_have_lost, parts_redone, redone
from branchsim.audit.remembered import Asked, Remembered, Told
from branchsim.audit.steps import Landing, tree_of
from branchsim.audit.suspects import Suspects
from branchsim.forks import in_shares, share_out
from branchsim.garbage import seldom_collected
from branchsim.git.repository import Repository
from branchsim.history.results import ResultCache
from branchsim.topology import PathGlobs

_HELD = 64 * 1024 * 1024


def scan(
    repository: Repository,
    *,
    ignore: PathGlobs | None = None,
    cache: Path | None = None,
    report: Callable[[int], None] | None = None,
) -> Iterator[Inspection]:
    """Inspect every merge on any branch, in bulk.

    Parameters
    ----------
    repository : Repository
        Where to read.
    ignore : PathGlobs, optional
        Paths that are left out.
    cache : path, optional
        The directory in which the result is kept for the next time that the branches stand where they do now.
    report : callable, optional
        Called with the number of merges that were done since its last call.

    Yields
    ------
    Inspection
        One for each merge that may have lost something and whose recorded result is not what git makes of it, or that
        had conflicts, oldest first; others lost nothing.
        A merge that git cannot redo is one with an entry in ``skipped``.

    Raises
    ------
    GitError
        git failed.
    """
    results = ResultCache(cache)
    key = _key(repository, ignore) if cache is not None else None
    known = results.get(key) if key is not None else None
    if known is not None:
        with suppress(ValueError):
            told: tuple[Inspection, ...] = unpacked(known, _KINDS)["inspections"]
            yield from told
            return
    found = []
    for each in _scan(repository, ignore, results, report):
        yield each
        if key is not None:
            found.append(each)
    # In a partial clone the key says which objects there are. Elsewhere what could not be read may come back.
    if key is not None and (repository.partial or not any(each.skipped for each in found)):
        results.put(key, packed({"inspections": found}))


_KINDS = {"inspections": tuple[Inspection, ...]}


def _key(repository: Repository, ignore: PathGlobs | None) -> bytes | None:
    """What the result follows from: who brought something back later depends on what branches there are."""
    return digest_of(
        repository,
        scan=branch_tips(repository),
        head=repository.head_sha,
        ignore=None if ignore is None else ignore.globs,
    )


def _scan(
    repository: Repository, ignore: PathGlobs | None, results: ResultCache, report: Callable[[int], None] | None
) -> Iterator[Inspection]:
    head = [] if repository.head_sha is None else list(tree_of(repository.scratch, [repository.head_sha]).values())
    attributes = attributes_of(repository.scratch, next(iter(head), None))

    def reading() -> LossReader:
        return LossReader(repository.scratch, ignore=ignore, attributes=attributes)

    def say(number: int) -> None:
        if report is not None and number:
            report(number)

    with seldom_collected():
        with reading() as reader:
            history = MemoryHistory(repository, reader)
        suspects = Suspects(repository.scratch, history.graph, history.changes)
        remembered = Remembered(results, repository, history, ignore, attributes)
        fresh = [commit for commit in suspects.merges if commit.sha not in remembered]
        say(len(suspects.merges) - len(fresh))
        lossy = may_have_lost(suspects, fresh, reading, left_out=Counter(), done=say)
        left = redone(repository.scratch, suspects, lossy)
        say(len(lossy) - len(left))
    # A few of them may be half of the work.
    shares = in_shares(left, smallest=1)

    @contextmanager
    def start() -> Iterator[Callable[[int], list[Told]]]:
        with reading() as own:
            asked = Asked(history.read_with(own))
            inspector = Inspector(repository, own, asked)

            def work(number: int) -> list[Told]:
                found = []
                for each in _inspected(inspector, suspects, shares[number]):
                    found.append(asked.told(each))
                    own.forget(above=_HELD)
                return found

            yield work

    def place(each: Told) -> int:
        return history.graph.number(each.inspection.commit)

    known = sorted(remembered.told.values(), key=place)
    inspected = share_out(start, len(shares), done=lambda number, _: say(len(shares[number])))
    told = []
    for each in heapq.merge(known, itertools.chain.from_iterable(inspected), key=place):
        yield each.inspection
        told.append(each)
    remembered.keep((commit.sha for commit in suspects.merges), told)


def _inspected(inspector: Inspector, suspects: Suspects, merges: Sequence[Redone]) -> Iterator[Inspection]:
    scratch, graph = inspector.repository.scratch, suspects.graph
    landings: list[Landing | None] = []
    for commit, result, changed in merges:
        if result is None:
            landings.append(None)
            continue
        bases = sorted(graph.sha(base) for base in suspects.bases(commit))
        landings.append(Landing("merge", tuple(parts_redone(scratch, graph, commit, bases, result, changed))))
    inspector.reader.prepare([part.step for landing in landings if landing is not None for part in landing.parts])
    for (commit, *_), landing in zip(merges, landings, strict=True):
        yield inspector.inspect(commit) if landing is None else inspector.judged(commit, landing)


__all__ = ["scan"]
