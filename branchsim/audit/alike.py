"""Which files git could take for moved ones: a cheap copy of its measure of likeness, without asking it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from branchsim.git.objects import ObjectInfo

if TYPE_CHECKING:
    from branchsim.git.objects import ObjectReader
    from branchsim.names import Sha

_CHUNK = 64
_FEW = 8
_UNKNOWN = 0.5
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
    partners: dict[Sha, set[Sha]] = defaultdict(set)
    for pair in pairs:
        one, other = (infos[sha] for sha in pair)
        if not isinstance(one, ObjectInfo) or not isinstance(other, ObjectInfo):
            found.add(pair)
        elif one.size and other.size:
            if pair[0] == pair[1]:
                found.add(pair)
            elif min(one.size, other.size) >= _LEAST * max(one.size, other.size):
                partners[pair[1]].add(pair[0])
    alike = likenesses(reader, set().union(*partners.values()), partners, least=_LEAST, among=partners)
    return found | {(one, other) for one, shares in alike.items() for other in shares}


def likenesses(
    reader: ObjectReader,
    ones: Iterable[Sha],
    others: Iterable[Sha],
    *,
    least: float,
    among: Mapping[Sha, AbstractSet[Sha]] | None = None,
) -> dict[Sha, dict[Sha, float]]:
    """Which blobs are like which others, and how much.

    Parameters
    ----------
    reader : ObjectReader
        Where to read.
    ones, others : iterable of Sha
        The blobs under the old names, and those under new names.
    least : float
        The share from which on two are alike, above 0.
    among : mapping, optional
        From one of the others to those that it is compared with; all, if not given.

    Returns
    -------
    dict
        From one to the others like it, with the share of the larger one's bytes that they have in common, 0 to 1, by
        lines as git counts them. Of what cannot be read that is not known: it is given as a half.
    """
    found: dict[Sha, dict[Sha, float]] = {}
    chunks: dict[Sha, dict[bytes, int]] = {}
    # Versions of a file have most lines in common: each is held once.
    lines: dict[bytes, bytes] = {}
    sizes: dict[Sha, int] = {}
    for sha, blob in reader.blobs(sorted(set(ones))):
        found[sha] = {}
        if isinstance(blob, bytes):
            chunks[sha] = {lines.setdefault(chunk, chunk): times for chunk, times in _chunks(blob).items()}
            sizes[sha] = len(blob)
    unread = found.keys() - sizes.keys()
    telling = _telling(chunks, sizes, least)
    for other, blob in reader.blobs(sorted(set(others))):
        partners = found.keys() if among is None else among[other]
        if not isinstance(blob, bytes):
            for sha in partners:
                found[sha][other] = _UNKNOWN
            continue
        theirs, size = _chunks(blob), len(blob)
        near = {sha for chunk in theirs.keys() & telling.keys() for sha in telling[chunk]}
        for sha in near & partners:
            larger = max(size, sizes[sha])
            if min(size, sizes[sha]) >= least * larger:
                ours = chunks[sha]
                both = ours.keys() & theirs.keys()
                share = sum([len(chunk) * min(ours[chunk], theirs[chunk]) for chunk in both]) / larger
                if share >= least:
                    found[sha][other] = share
        for sha in unread & partners:
            found[sha][other] = _UNKNOWN
    return found


def _telling(
    chunks: Mapping[Sha, Mapping[bytes, int]], sizes: Mapping[Sha, int], least: float
) -> dict[bytes, list[Sha]]:
    """Chunks of which a file that is like another has one at least, with the files they tell of.

    What is left out of a file, as many other files have it, is less of it than the share that makes two alike.
    """
    often: Counter[bytes] = Counter()
    for counted in chunks.values():
        often.update(counted.keys())
    common = {chunk for chunk, times in often.items() if times > _FEW}
    telling: dict[bytes, list[Sha]] = defaultdict(list)
    for sha, counted in chunks.items():
        room = least * sizes[sha]
        for chunk in counted:
            if chunk in common:
                room -= len(chunk) * counted[chunk]
                if room > 0:
                    continue
            telling[chunk].append(sha)
    return telling


def _chunks(blob: bytes) -> Counter[bytes]:
    """The lines of a file, long ones in pieces; git does not tell the two kinds of line ends apart here."""
    text = blob.replace(b"\r\n", b"\n")
    chunks = Counter(text.splitlines(keepends=True))
    for line in [line for line in chunks if len(line) > _CHUNK]:
        times = chunks.pop(line)
        for start in range(0, len(line), _CHUNK):
            chunks[line[start : start + _CHUNK]] += times
    return chunks


__all__ = ["alike_pairs", "likenesses"]
