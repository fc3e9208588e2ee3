"""Merges that lost something at a path where both sides met, told before git redoes them.

A merge can have lost something only where both sides changed a path, or where its result is not what the trees say it
has to be. What stands there in the four versions is known from the trees, and the table of presence says at once of
most of it that nothing is lost. What git makes of a merge, which takes longer to find out, matters only for the others:
its own clean result loses nothing.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from branchsim.audit.losses import VERSIONS, Places
from branchsim.git.objects import TreeEntry
from branchsim.git.trees import Edits
from branchsim.names import Sha

if TYPE_CHECKING:
    from branchsim.audit.losses import LossReader

_NOTHING = "000000"
_AT_ONCE = 64
_HELD = 64 * 1024 * 1024


class Trees(NamedTuple):
    """The trees of a merge of two parents with one merge base."""

    base: Sha
    target: Sha
    source: Sha
    merged: Sha


class Apart(NamedTuple):
    """What the source changed and the merge did not bring so, and what the merge changed otherwise."""

    brought: Edits
    landed: Edits


def cleared(reader: LossReader, merges: Sequence[tuple[Trees, Apart]]) -> Iterator[Counter[str] | None]:
    """For each merge that lost nothing what was left out of that by the names of paths; None for one that may have.

    Parameters
    ----------
    reader : LossReader
        Reads and parses the blobs.
    merges : sequence of (Trees, Apart)
        The merges, each with what differs.
    """
    for start in range(0, len(merges), _AT_ONCE):
        share = merges[start : start + _AT_ONCE]
        reader.locate(question for trees, apart in share for question in _unknown(trees, apart))
        yield from reader.cleared([_places(reader, trees, apart) for trees, apart in share])
        reader.forget(above=_HELD)


def _unknown(trees: Trees, apart: Apart) -> Iterator[tuple[Sha, bytes]]:
    """What to look up: where one side alone changed a path, the other has what was there before."""
    yield from ((trees.target, path) for path in apart.brought if path not in apart.landed)
    yield from ((trees.base, path) for path in apart.landed if path not in apart.brought)


def _places(reader: LossReader, trees: Trees, apart: Apart) -> Places | None:
    """The names and entries of what is to be compared; None where a path is missing in a version: it may have moved."""
    places = []
    for path in sorted(apart.brought.keys() | apart.landed.keys()):
        brought, landed = apart.brought.get(path), apart.landed.get(path)
        base, source = map(_entry, brought) if brought is not None else [reader.located(trees.base, path)] * 2
        target, merged = map(_entry, landed) if landed is not None else [reader.located(trees.target, path)] * 2
        if base is None or target is None or source is None or merged is None:
            if base is None and target == source == merged:
                continue  # both sides made the same file
            return None
        entries = dict(zip(VERSIONS, (base, target, source, merged), strict=True))
        places.append((dict.fromkeys(VERSIONS, path), entries))
    return places


def _entry(place: bytes) -> TreeEntry | None:
    mode, _, sha = place.decode("ascii").partition(" ")
    return None if mode == _NOTHING else TreeEntry(sys.intern(mode), Sha(sha))


__all__ = ["Apart", "Trees", "cleared"]
