"""Whether merges delivered what they carried: where a result is not git's own, a change may have been dropped."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from branchsim.git.difftree import differing, raw_changes
from branchsim.git.log import Commit
from branchsim.git.merge import MergeResult
from branchsim.git.objects import ObjectInfo, ObjectReader, Unread
from branchsim.git.repository import Repository
from branchsim.git.scratch import Scratch
from branchsim.git.session import merge_some
from branchsim.names import Sha

WHITE_SPACE = b" \t\r\f\v"
_FEWEST_CHARACTERS = 3
_FEW_LINES = 6
"""So many lines are found in a file before it could be split into all of its lines."""
_NOTHING = "000000"
_SUBMODULE = "160000"
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
    unlike: list[tuple[Commit, Sha, MergeResult]] = []
    skipped: dict[Sha, str] = {}
    for commit, result in zip(wanted, merge_some(scratch, pairs, processes=_processes(len(pairs))), strict=True):
        if result.tree is None:
            skipped[commit.sha] = result.failure or "git could not redo the merge"
        elif result.tree != commit.tree:
            unlike.append((commit, result.tree, result))
    found = {}
    paths = differing(scratch, [(tree, commit.tree) for commit, tree, _ in unlike])
    for commit, tree, result in unlike:
        conflicted = frozenset(conflict.path for conflict in result.conflicts)
        found[commit.sha] = Resolution(commit.sha, result.clean, paths[tree, commit.tree], tree, conflicted)
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


@dataclass(frozen=True, slots=True)
class Effect:
    """The lines that a change adds and removes in one path, without white space, as multisets."""

    path: bytes
    added: Counter[bytes]
    removed: Counter[bytes]


def meaningful(content: bytes) -> Counter[bytes]:
    """The lines of a text that are long enough to mean something, without white space."""
    return Counter(line for line in _lines_of(content) if len(line) >= _FEWEST_CHARACTERS)


def _lines_of(content: bytes) -> list[bytes]:
    return content.translate(None, WHITE_SPACE).split(b"\n")


class Plain:
    """Files without white space, a line break at both ends; each is made once, and lives as long as this."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[bytes, bytes]] = {}

    def of(self, content: bytes) -> bytes:
        """The file without white space."""
        known = self._known.get(id(content))
        if known is None:
            # The content is held as well, so that no other gets its place in memory.
            known = self._known[id(content)] = content, b"\n%b\n" % content.translate(None, WHITE_SPACE)
        return known[1]


def share_there(effect: Effect, plain: bytes) -> float:
    """The share of an effect's lines that hold in a file: added ones are there, removed ones are away.

    Parameters
    ----------
    effect : Effect
        What was changed.
    plain : bytes
        The file, from `Plain`.

    Returns
    -------
    float
        0 to 1; 1 where the effect has no meaningful line.
    """
    wanted = effect.added or effect.removed
    total = sum(wanted.values())
    if not total:
        return 1.0
    if len(wanted) == total <= _FEW_LINES:
        found = sum(b"\n%b\n" % line in plain for line in wanted)
    else:
        # A file has many lines, and an effect few: the others are passed over without Python.
        found = sum((wanted & Counter(filter(wanted.__contains__, plain.split(b"\n")))).values())
    return found / total if effect.added else 1.0 - found / total


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


Place = tuple[Sha, bytes]
"""A tree (or commit) and a path in it."""


def contents(
    reader: ObjectReader, infos: Mapping[Place, ObjectInfo | Unread | None], places: Iterable[Place]
) -> dict[Place, bytes | None]:
    """The files at some places of which the reader has told what is there: None where there is no readable blob."""
    blobs = {
        place: info.sha for place in places if isinstance(info := infos[place], ObjectInfo) and info.type == "blob"
    }
    read = {sha: blob for sha, blob in reader.blobs(sorted(set(blobs.values()))) if isinstance(blob, bytes)}
    return {place: read.get(blobs[place]) if place in blobs else None for place in places}


def effects_of(
    repository: Repository, pairs: Mapping[Sha, tuple[Sha, Sha]], paths: Mapping[Sha, set[bytes]]
) -> dict[Sha, list[Effect]]:
    """The lines that changes add and remove, path by path.

    Parameters
    ----------
    repository : Repository
        Where to read.
    pairs : mapping
        The trees before and after each change.
    paths : mapping
        The paths that are of interest for each change.
    """
    raws = raw_changes(repository.scratch, pairs.values())
    changes = {sha: [raw for raw in raws[pair] if raw.path in paths[sha]] for sha, pair in pairs.items()}
    files = {
        file
        for each in changes.values()
        for raw in each
        for file in ((raw.old_mode, Sha(raw.old)), (raw.new_mode, Sha(raw.new)))
    }
    # Lines that stay cancel out, so what was changed need not be looked for.
    lines = dict(_lines(repository.scratch, files))
    effects: dict[Sha, list[Effect]] = {}
    for sha, each in changes.items():
        for raw in each:
            before, after = lines.get((raw.old_mode, Sha(raw.old))), lines.get((raw.new_mode, Sha(raw.new)))
            if before is not None and after is not None:
                effects.setdefault(sha, []).append(Effect(raw.path, _more(after, before), _more(before, after)))
    return effects


def _more(one: Counter[bytes], other: Counter[bytes]) -> Counter[bytes]:
    """The meaningful lines of which one file has more copies than another, in its order, and how many more."""
    # What both have alike, nearly all, is passed over without Python.
    unlike = dict(one.items() - other.items())
    found = {line: unlike[line] - other[line] for line in filter(unlike.__contains__, one)}
    return Counter({line: more for line, more in found.items() if more > 0 and len(line) >= _FEWEST_CHARACTERS})


def _lines(scratch: Scratch, files: Iterable[tuple[str, Sha]]) -> Iterator[tuple[tuple[str, Sha], Counter[bytes]]]:
    """All lines of files by mode and id: none where there is no file, and of a submodule those that git shows."""
    modes: dict[Sha, set[str]] = {}
    for mode, sha in files:
        if mode == _NOTHING:
            yield (mode, sha), Counter()
        elif mode == _SUBMODULE:
            yield (mode, sha), Counter(_lines_of(f"Subproject commit {sha}".encode("ascii")))
        else:
            modes.setdefault(sha, set()).add(mode)
    for sha, content in ObjectReader(scratch).blobs(sorted(modes)):
        if isinstance(content, bytes):
            found = Counter(_lines_of(content))
            yield from (((mode, sha), found) for mode in modes[sha])
