"""Stale commits: a commit that takes files back to, or nearer to, versions that its own branch had left behind."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from branchsim.audit.knowing import TakenBack, only_loses
from branchsim.audit.losses import LossReader
from branchsim.audit.pathlog import PathLog
from branchsim.effects import UnknownContentError, similarity
from branchsim.git.log import Commit
from branchsim.git.objects import TreeEntry
from branchsim.git.scratch import Scratch
from branchsim.names import Sha

_NOTHING = "000000"
_VERSIONS = 40
_NEARER = 0.02
_ALIKE = 0.6


@dataclass(frozen=True, slots=True)
class Stale:
    """The paths that a commit took back.

    Attributes
    ----------
    versions : tuple
        For each path its names and its blobs: the older version as the base, the parent's as the tip.
    taken : TakenBack
        For each path the commit whose version it resembles most, and whether the commit does nothing else.
    """

    versions: tuple[tuple[dict[str, bytes], dict[str, TreeEntry]], ...] = ()
    taken: TakenBack = field(default_factory=TakenBack)


def stale_paths(scratch: Scratch, reader: LossReader, commit: Commit) -> Stale:
    """The paths of a commit that are nearer to an older version than to the one it replaced.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    reader : LossReader
        Reads and parses the blobs.
    commit : Commit
        A commit with one parent.
    """
    edits = [c for c in commit.changes if c.old_mode not in {_NOTHING, "160000"} and c.new_mode != "160000"]
    if not edits:
        return Stale()
    log = PathLog.read(scratch, reader, [commit.parents[0]], [change.path for change in edits])
    found: dict[bytes, tuple[Sha, TreeEntry | None, TreeEntry, TreeEntry | None]] = {}
    for change in edits:
        now = None if change.new_mode == _NOTHING else TreeEntry(change.new_mode, Sha(change.new))
        parent = TreeEntry(change.old_mode, Sha(change.old))
        match = _older(reader, log, change.path, parent, now)
        if match is not None:
            found[change.path] = (match[0], match[1], parent, now)
    moments = Counter(sha for sha, *_ in found.values())
    versions = []
    for path, (_, old, parent, now) in sorted(found.items()):
        entries = {"target": parent} | ({"base": old} if old is not None else {})
        if now is not None:
            entries |= {"source": now, "merged": now}
        versions.append((dict.fromkeys(("base", "target", "source", "merged"), path), entries))
    as_it_was = {path for path, (_, old, _, now) in found.items() if old == now}
    whole = all(change.path in as_it_was or only_loses(reader.deltas, change) for change in commit.changes)
    matches = {path: (sha, moments[sha]) for path, (sha, *_) in found.items()}
    return Stale(tuple(versions), TakenBack(matches, whole=whole))


def _older(
    reader: LossReader, log: PathLog, path: bytes, parent: TreeEntry, now: TreeEntry | None
) -> tuple[Sha, TreeEntry | None] | None:
    """The older version that a path was taken back to, and the commit that had made it."""
    older: list[tuple[Sha, TreeEntry]] = []
    for commit, change in log.of(path)[:_VERSIONS]:
        if change.new_mode in {_NOTHING, "160000"}:
            continue
        entry = TreeEntry(change.new_mode, Sha(change.new))
        if entry.sha != parent.sha:
            older.append((commit.sha, entry))
    if not older or now is None:
        return None
    exact = next(((sha, entry) for sha, entry in older if entry.sha == now.sha), None)
    if exact is not None:
        return exact
    reader.preload([entry.sha for _, entry in older])
    try:
        mine, theirs = reader.units(path, now), reader.units(path, parent)
        near = similarity(mine, theirs)
        best = max(older, key=lambda each: similarity(mine, reader.units(path, each[1])))
        alike = similarity(mine, reader.units(path, best[1]))
    except UnknownContentError:
        return None
    return best if alike >= max(_ALIKE, near + _NEARER) else None
