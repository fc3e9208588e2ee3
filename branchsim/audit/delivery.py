"""Whether merges delivered what they carried: where a result is not git's own, a change may have been dropped."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from branchsim.git.difftree import differing
from branchsim.git.log import Commit
from branchsim.git.merge import write_commit_graph
from branchsim.git.scratch import Scratch
from branchsim.git.session import merge_some
from branchsim.names import Sha

_DIFFERING = 64
"""Of so many merges at a time it is asked where their results differ."""
_ENOUGH = 50
"""So many merges keep a process busy for longer than it takes to start one."""
_Unit = TypeVar("_Unit")


@dataclass(frozen=True, slots=True)
class Resolution:
    """A merge whose recorded result is not what git makes of it.

    Attributes
    ----------
    merge : Sha
        The merge.
    clean : bool
        Whether git merges it without a conflict.
    paths : frozenset of bytes
        Where the recorded result differs from git's own.
    automatic : Sha
        The tree of git's own result; where there are conflicts, with their markers in the files.
    conflicted : frozenset of bytes
        The paths that git cannot merge by itself.
    """

    merge: Sha
    clean: bool
    paths: frozenset[bytes]
    automatic: Sha
    conflicted: frozenset[bytes] = frozenset()


def resolutions(scratch: Scratch, merges: Iterable[Commit]) -> tuple[dict[Sha, Resolution], dict[Sha, str]]:
    """The merges whose recorded result differs from git's automatic one.

    Parameters
    ----------
    scratch : Scratch
        Where to merge.
    merges : iterable of Commit
        Merges of two parents; others are left out.

    Returns
    -------
    found : dict
        From a merge to its `Resolution`.
    skipped : dict
        From a merge that git could not redo to the reason.
    """
    wanted = sorted((commit for commit in merges if len(commit.parents) == 2), key=lambda c: c.sha)  # noqa: PLR2004
    pairs = [(commit.parents[0], commit.parents[1]) for commit in wanted]
    write_commit_graph(scratch, merges=len(pairs))
    unlike: list[tuple[Commit, Sha, bool, frozenset[bytes]]] = []
    skipped: dict[Sha, str] = {}
    # Trees far apart meet in the same thousands of paths again and again: each is held once.
    known: dict[bytes, bytes] = {}
    for commit, result in zip(wanted, merge_some(scratch, pairs, processes=_processes(len(pairs))), strict=True):
        if result.tree is None:
            skipped[commit.sha] = result.failure or "git could not redo the merge"
        elif result.tree != commit.tree:
            conflicted = frozenset(known.setdefault(conflict.path, conflict.path) for conflict in result.conflicts)
            unlike.append((commit, result.tree, result.clean, conflicted))
    found = {}
    for start in range(0, len(unlike), _DIFFERING):
        some = unlike[start : start + _DIFFERING]
        differ = differing(scratch, [(tree, commit.tree) for commit, tree, _, _ in some])
        for commit, tree, clean, conflicted in some:
            paths = frozenset(known.setdefault(path, path) for path in differ[tree, commit.tree])
            found[commit.sha] = Resolution(commit.sha, clean, paths, tree, conflicted)
    return found, skipped


def _processes(count: int) -> int:
    """How many processes are worth starting for some merges."""
    return max(1, min(os.cpu_count() or 1, count // _ENOUGH))


class Resolver:
    """The merges that are not git's own, each looked at once.

    Parameters
    ----------
    scratch : Scratch
        Where to merge.
    """

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._known: dict[Sha, Resolution | None] = {}

    def resolve(self, merges: Iterable[Commit]) -> dict[Sha, Resolution]:
        """Those of these merges whose recorded result differs from git's automatic one."""
        asked = {commit.sha: commit for commit in merges}
        fresh = [commit for sha, commit in asked.items() if sha not in self._known]
        if fresh:
            found, _ = resolutions(self._scratch, fresh)
            self._known |= {commit.sha: found.get(commit.sha) for commit in fresh}
        return {sha: known for sha in asked if (known := self._known[sha]) is not None}


class Delivery(NamedTuple, Generic[_Unit]):
    """How many copies of one unit a merge had to keep (or to keep away), and did."""

    unit: _Unit
    added: bool
    had: int
    kept: int


def delivered(
    added: Counter[_Unit],
    removed: Counter[_Unit],
    result: Mapping[_Unit, int],
    own: Mapping[_Unit, int],
    other: Mapping[_Unit, int],
) -> list[Delivery[_Unit]]:
    """How much of an effect a merge kept, of what only one of its sides had.

    What the other side has as well says nothing: in metadata the same element stands in a file many times. So copies
    are counted from what the other side has.

    Parameters
    ----------
    added, removed : Counter
        What the change did.
    result, own, other : mapping to int
        The copies in the result, on the side that has the change, and on the other side.
    """
    found = []
    for unit, count in added.items():
        extra = max(0, min(count, own.get(unit, 0) - other.get(unit, 0)))
        found.append(Delivery(unit, True, extra, max(0, min(extra, result.get(unit, 0) - other.get(unit, 0)))))
    for unit, count in removed.items():
        fewer = max(0, min(count, other.get(unit, 0) - own.get(unit, 0)))
        found.append(Delivery(unit, False, fewer, max(0, min(fewer, other.get(unit, 0) - result.get(unit, 0)))))
    return found
