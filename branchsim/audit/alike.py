"""Which files git could take for moved ones: a cheap copy of its measure of likeness, without asking it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING

from branchsim.git.objects import ObjectInfo

if TYPE_CHECKING:
    from branchsim.git.objects import ObjectReader
    from branchsim.names import Sha

_CHUNK = 64
_LEAST = 0.49
"""Git takes files for moved from 0.5 on; what is a little below is left for git to decide."""


def alike_pairs(reader: ObjectReader, pairs: Collection[tuple[Sha, Sha]]) -> set[tuple[Sha, Sha]]:
    """The pairs of blobs that git could take for one file that was moved and edited.

    Parameters
    ----------
    reader : ObjectReader
        Where to read.
    pairs : collection of (Sha, Sha)
        The blob under the old name, and one under another name.

    Returns
    -------
    set of (Sha, Sha)
        Those with 49 % or more of their bytes in common, by lines as git counts them (``diffcore-delta.c``), and those
        that cannot be read. Empty files are none: a merge does not take them for moved.
    """
    infos = dict(reader.look(sorted({sha for pair in pairs for sha in pair})))
    found = set()
    asked = {}
    for pair in pairs:
        one, other = (infos[sha] for sha in pair)
        if not isinstance(one, ObjectInfo) or not isinstance(other, ObjectInfo):
            found.add(pair)
        elif one.size and other.size:
            least = _LEAST * max(one.size, other.size)
            if pair[0] == pair[1]:
                found.add(pair)
            elif min(one.size, other.size) >= least:
                asked[pair] = least
    chunks = {
        sha: _chunks(blob) if isinstance(blob, bytes) else None
        for sha, blob in reader.blobs(sorted({sha for pair in asked for sha in pair}))
    }
    for pair, least in asked.items():
        ours, theirs = (chunks.get(sha) for sha in pair)
        common = 0 if ours is None or theirs is None else sum(len(c) * times for c, times in (ours & theirs).items())
        if ours is None or theirs is None or common >= least:
            found.add(pair)
    return found


def _chunks(blob: bytes) -> Counter[bytes]:
    """The lines of a file, long ones in pieces."""
    return Counter(
        line[start : start + _CHUNK] for line in blob.splitlines(keepends=True) for start in range(0, len(line), _CHUNK)
    )


__all__ = ["alike_pairs"]
