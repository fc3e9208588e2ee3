"""Merges that may have lost something, redone by git: where what was recorded is not what git makes of them.

First all merges are looked at by what is known without redoing them, shared with forks; it leaves a few in a hundred.
Then git redoes those, with as many processes as there are processors. What is left after that is worth reading.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from branchsim.audit.steps import Landed, parts_of
from branchsim.forks import in_shares, share_out
from branchsim.git.difftree import differing
from branchsim.git.merge import Trees, merge_many, merge_trees, write_commit_graph

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from branchsim.audit.losses import LossReader
    from branchsim.audit.suspects import Suspects
    from branchsim.git.log import Commit
    from branchsim.git.merge import MergeResult
    from branchsim.git.scratch import Scratch
    from branchsim.history.graph import Graph
    from branchsim.names import Sha

_TWO = 2


class Redone(NamedTuple):
    """A merge whose result is not git's own, or that has conflicts.

    Attributes
    ----------
    commit : Commit
        The merge.
    result : MergeResult or None
        What git makes of it; None if it has not two parents, or git cannot redo it.
    changed : frozenset of bytes
        The paths at which the recorded result differs from that.
    """

    commit: Commit
    result: MergeResult | None
    changed: frozenset[bytes] = frozenset()


def may_have_lost(
    suspects: Suspects,
    merges: Sequence[Commit],
    reading: Callable[[], LossReader],
    *,
    left_out: Counter[str],
    done: Callable[[int], None] = lambda _: None,
) -> list[Commit]:
    """Those of some merges that may have lost something, in order.

    Parameters
    ----------
    suspects : Suspects
        Tells them.
    merges : sequence of Commit
        Some of its merges.
    reading : callable
        Makes a reader, for each process one.
    left_out : Counter
        Counts, of the others, the paths that were left out by their names.
    done : callable, optional
        Called with the number of merges that were told to have lost nothing since its last call.
    """
    shares = in_shares(merges)

    @contextmanager
    def start() -> Iterator[Callable[[int], tuple[list[int], Counter[str]]]]:
        with reading() as own:

            def work(number: int) -> tuple[list[int], Counter[str]]:
                names: Counter[str] = Counter()
                left = suspects.lossy(own, shares[number], names)
                return [suspects.graph.number(commit.sha) for commit in left], names

            yield work

    found: list[Commit] = []
    told = share_out(start, len(shares), done=lambda number, answer: done(len(shares[number]) - len(answer[0])))
    for numbers, names in told:
        found += [suspects.graph.commits[number] for number in numbers]
        left_out.update(names)
    return found


def redone(scratch: Scratch, suspects: Suspects, merges: Sequence[Commit]) -> list[Redone]:
    """Those of some merges whose result is not git's own, or that have conflicts, in order.

    Parameters
    ----------
    scratch : Scratch
        Where to merge.
    suspects : Suspects
        Knows the merge bases.
    merges : sequence of Commit
        The merges.
    """
    made = _made(scratch, suspects, [commit for commit in merges if len(commit.parents) == _TWO])
    trees = {(each.tree, commit.tree) for commit in merges if (each := made.get(commit.sha)) and each.tree is not None}
    changed = differing(scratch, sorted(pair for pair in trees if pair[0] != pair[1]))
    found = []
    for commit in merges:
        result = made.get(commit.sha)
        if result is None or result.tree is None:
            found.append(Redone(commit, None))
        elif result.tree != commit.tree or result.conflicts:
            found.append(Redone(commit, result, changed.get((result.tree, commit.tree), frozenset())))
    return found


def _made(scratch: Scratch, suspects: Suspects, merges: Sequence[Commit]) -> dict[Sha, MergeResult]:
    """What git makes of merges of two parents."""
    graph = suspects.graph
    processes = os.cpu_count() or 1
    # To look for the one merge base, which is known, takes git a fourth of the time.
    asked: dict[Sha, Trees] = {}
    for commit in merges:
        parents = graph.parents[graph.number(commit.sha)]
        bases = suspects.bases(commit) if len(parents) == _TWO else []
        if len(bases) == 1:
            asked[commit.sha] = Trees(*(graph.commits[each].tree for each in (bases[0], *parents)))
    found = dict(zip(asked, merge_trees(scratch, asked.values(), processes=processes), strict=True))
    left = [commit for commit in merges if commit.sha not in found]
    pairs = [(commit.parents[0], commit.parents[1]) for commit in left]
    write_commit_graph(scratch, merges=len(pairs))
    results = merge_many(scratch, pairs, unrelated=True, processes=processes)
    return found | dict(zip((commit.sha for commit in left), results, strict=True))


def parts_redone(
    scratch: Scratch,
    graph: Graph,
    merge: Commit,
    bases: Sequence[Sha],
    result: MergeResult,
    changed: frozenset[bytes],
) -> list[Landed]:
    """The three-way steps of a merge of two parents that was redone, one for each of its merge bases."""
    conflicted = frozenset(conflict.path for conflict in result.conflicts)
    paths = changed | conflicted
    if not paths:
        return []
    trees = {sha: graph.commits[graph.number(sha)].tree for sha in (*merge.parents, *bases)}
    source = merge.parents[1]
    return parts_of(scratch, merge, source, bases, trees, paths=paths, conflicted=conflicted, clean=result.clean)


__all__ = ["Redone", "may_have_lost", "parts_redone", "redone"]
