"""All merges of a repository, without a topology: those whose result is not git's own are inspected."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from branchsim.audit.attributes import attributes_of
from branchsim.audit.inspect import Inspection, Inspector
from branchsim.audit.losses import LossReader
from branchsim.audit.memo import digest_of, packed, unpacked
from branchsim.audit.pathhistory import MemoryHistory, branch_tips
from branchsim.audit.remembered import Asked, Remembered, Told
from branchsim.audit.steps import Landing, parts_of, tree_of
from branchsim.audit.suspects import Suspects
from branchsim.forks import in_shares, share_out
from branchsim.garbage import seldom_collected
from branchsim.git.difftree import differing
from branchsim.git.log import Commit
from branchsim.git.merge import MergeResult, commit_graph_meanwhile, merge_many
from branchsim.git.repository import Repository
from branchsim.history.results import ResultCache
from branchsim.topology import PathGlobs

_TWO = 2
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
    with seldom_collected():
        with (
            commit_graph_meanwhile(repository.scratch, branch_tips(repository)),
            LossReader(repository.scratch, ignore=ignore, attributes=attributes) as reader,
        ):
            history = MemoryHistory(repository, reader)
        suspects = Suspects(repository.scratch, history.graph, history.changes)
        remembered = Remembered(results, repository, history, ignore, attributes)
    fresh = [commit for commit in suspects.merges if commit.sha not in remembered]
    if report is not None and len(fresh) < len(suspects.merges):
        report(len(suspects.merges) - len(fresh))
    shares = in_shares(fresh)

    @contextmanager
    def start() -> Iterator[Callable[[int], list[Told]]]:
        with LossReader(repository.scratch, ignore=ignore, attributes=attributes) as own:
            asked = Asked(history.read_with(own))
            inspector = Inspector(repository, own, asked)

            def work(number: int) -> list[Told]:
                found = []
                for each in _batch(inspector, suspects, suspects.lossy(own, shares[number])):
                    found.append(asked.told(each))
                    own.forget(above=_HELD)
                return found

            yield work

    def done(number: int) -> None:
        if report is not None:
            report(len(shares[number]))

    inspected = itertools.chain.from_iterable(share_out(start, len(shares), done=done))
    told = []
    place = history.graph.number
    known = sorted(remembered.told.values(), key=lambda each: place(each.inspection.commit))
    for each in heapq.merge(known, inspected, key=lambda each: place(each.inspection.commit)):
        yield each.inspection
        told.append(each)
    remembered.keep((commit.sha for commit in suspects.merges), told)


def _batch(inspector: Inspector, suspects: Suspects, merges: Sequence[Commit]) -> Iterator[Inspection]:
    scratch = inspector.repository.scratch
    pairs = [commit for commit in merges if len(commit.parents) == _TWO]
    wanted = [(commit.parents[0], commit.parents[1]) for commit in pairs]
    redone = dict(zip((commit.sha for commit in pairs), merge_many(scratch, wanted, unrelated=True), strict=True))
    trees = [(redone[commit.sha].tree, commit.tree) for commit in pairs]
    changed = differing(scratch, [(one, other) for one, other in trees if one is not None and one != other])
    landings: list[tuple[Commit, Landing | None]] = []
    for commit in merges:
        result = redone.get(commit.sha)
        if result is None or result.tree is None:
            landings.append((commit, None))
        elif result.tree != commit.tree or result.conflicts:
            paths = changed.get((result.tree, commit.tree), frozenset())
            landings.append((commit, _landing(inspector, suspects, commit, result, paths)))
    inspector.reader.prepare([part.step for _, landing in landings if landing is not None for part in landing.parts])
    for commit, landing in landings:
        yield inspector.inspect(commit) if landing is None else inspector.judged(commit, landing)


def _landing(
    inspector: Inspector, suspects: Suspects, commit: Commit, result: MergeResult, changed: frozenset[bytes]
) -> Landing:
    conflicted = frozenset(conflict.path for conflict in result.conflicts)
    if not changed | conflicted:
        return Landing("merge", ())
    graph = suspects.graph
    bases = [graph.sha(base) for base in suspects.bases(commit)]
    trees = {sha: graph.commits[graph.number(sha)].tree for sha in (*commit.parents, *bases)}
    parts = parts_of(
        inspector.repository.scratch,
        commit,
        commit.parents[1],
        sorted(bases),
        trees,
        paths=changed | conflicted,
        conflicted=conflicted,
        clean=result.clean,
    )
    return Landing("merge", tuple(parts))


__all__ = ["scan"]
