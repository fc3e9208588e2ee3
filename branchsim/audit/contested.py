"""Merges that lost something at a path where both sides met, told before git redoes them.

A merge can have lost something only where both sides changed a path, or where its result is not what the trees say it
has to be. What stands there in the four versions is known from the trees, and the table of presence says at once of
most of it that nothing is lost. What git makes of a merge, which takes longer to find out, matters only for the others:
its own clean result loses nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from branchsim.audit.losses import VERSIONS, Places
from branchsim.git.objects import TreeEntry
from branchsim.git.trees import changed_apart
from branchsim.names import Sha

if TYPE_CHECKING:
    from branchsim.audit.losses import LossReader
    from branchsim.git.log import RawChange
    from branchsim.git.scratch import Scratch

_NOTHING = "000000"
_AT_ONCE = 64
_HELD = 64 * 1024 * 1024


class Trees(NamedTuple):
    """The trees of a merge of two parents with one merge base."""

    base: Sha
    target: Sha
    source: Sha
    merged: Sha


def cleared(scratch: Scratch, reader: LossReader, merges: Sequence[Trees]) -> Iterator[Counter[str] | None]:
    """For each merge that lost nothing what was left out of that by the names of paths; None for one that may have.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    reader : LossReader
        Reads and parses the blobs.
    merges : sequence of Trees
        The merges.
    """
    for start in range(0, len(merges), _AT_ONCE):
        share = merges[start : start + _AT_ONCE]
        twos = [((each.base, each.source), (each.target, each.merged)) for each in share]
        met = [_met(apart) for apart in changed_apart(scratch, twos)]
        reader.locate(
            (each.target if side == "target" else each.base, path)
            for each, sides in zip(share, met, strict=True)
            for side, path in (sides.unknown if sides is not None else ())
        )
        yield from reader.cleared(
            [None if sides is None else _places(reader, each, sides) for each, sides in zip(share, met, strict=True)]
        )
        reader.forget(above=_HELD)


class _Met(NamedTuple):
    """What the source changed and the merge did not bring so, what the merge changed otherwise, and what to look up."""

    brought: dict[bytes, RawChange]
    landed: dict[bytes, RawChange]
    unknown: list[tuple[str, bytes]]


def _met(apart: tuple[list[RawChange], list[RawChange]] | None) -> _Met | None:
    if apart is None:
        return None
    brought, landed = ({change.path: change for change in changes} for changes in apart)
    unknown = [("target", path) for path in brought if path not in landed]
    unknown += [("base", path) for path in landed if path not in brought]
    return _Met(brought, landed, unknown)


def _places(reader: LossReader, trees: Trees, met: _Met) -> Places | None:
    """The names and entries of what is to be compared; None where a path is missing in a version: it may have moved."""
    places = []
    for path in sorted(met.brought.keys() | met.landed.keys()):
        brought, landed = met.brought.get(path), met.landed.get(path)
        if brought is not None:
            base, source = _entry(brought.old_mode, brought.old), _entry(brought.new_mode, brought.new)
        else:
            base = source = reader.located(trees.base, path)
        if landed is not None:
            target, merged = _entry(landed.old_mode, landed.old), _entry(landed.new_mode, landed.new)
        else:
            target = merged = reader.located(trees.target, path)
        if base is None or target is None or source is None or merged is None:
            if base is None and target == source == merged:
                continue  # both sides made the same file
            return None
        entries = dict(zip(VERSIONS, (base, target, source, merged), strict=True))
        places.append((dict.fromkeys(VERSIONS, path), entries))
    return places


def _entry(mode: str, sha: str) -> TreeEntry | None:
    return None if mode == _NOTHING else TreeEntry(mode, Sha(sha))


__all__ = ["Trees", "cleared"]
