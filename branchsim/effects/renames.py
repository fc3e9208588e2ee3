"""Renames: which deleted path went on as which added one, by what is in them."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from branchsim.names import file_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from branchsim.effects.units import Unit, Units

_COMMON = 40
"""A unit that stands in more of the added paths than this says nothing about which of them a path became."""
_PAIRS = 200_000


class Rename(NamedTuple):
    """A path that went on under another name; `similarity` is 1 for equal content."""

    old: bytes
    new: bytes
    similarity: float


@dataclass(frozen=True, slots=True)
class Renames:
    """Pairs of paths, sorted, and why some could not be looked at."""

    pairs: tuple[Rename, ...]
    skipped: tuple[tuple[bytes, str], ...] = ()

    def forward(self) -> dict[bytes, bytes]:
        """From old names to new ones."""
        return {pair.old: pair.new for pair in self.pairs}


def similarity(one: Units, other: Units) -> float:
    """How much of two versions is the same, from 0 to 1: the shared copies of units against all."""
    first, second = one.require_known(), other.require_known()
    shared = sum(min(count, second.get(unit, 0)) for unit, count in first.items() if unit.kind not in _SAYS_NOTHING)
    total = _content(first) + _content(second)
    return 2 * shared / total if total else 0.0


_SAYS_NOTHING = frozenset({"path", "mode"})


def _content(counts: Mapping[Unit, int]) -> int:
    return sum(count for unit, count in counts.items() if unit.kind not in _SAYS_NOTHING)


def pair_renames(deleted: Mapping[bytes, Units], added: Mapping[bytes, Units], *, least: float = 0.5) -> Renames:
    """Pair deleted paths with added ones.

    Parameters
    ----------
    deleted, added : mapping of bytes to Units
        What one step deleted and added.
    least : float
        The similarity from which two paths are one.

    Returns
    -------
    Renames
        One-to-one; the most similar first, among equals the same file name, then alphabetical. Empty files are not
        paired: any two are equal.
    """
    skipped = [(path, units.reason) for path, units in sorted({**added, **deleted}.items()) if not units.is_known]
    sources = {path: units for path, units in sorted(deleted.items()) if units.is_known and _content(units.counts)}
    targets = {path: units for path, units in sorted(added.items()) if units.is_known and _content(units.counts)}
    candidates: list[tuple[float, bool, bytes, bytes]] = []
    where = _index(targets)
    budget = _PAIRS
    for old, units in sources.items():
        if budget <= 0:
            skipped.append((old, "too many paths were deleted and added at once: not looked at for renames"))
            continue
        likely = _likely(old, units, targets, where)
        budget -= len(likely)
        for new in likely:
            alike = similarity(units, targets[new])
            if alike >= least:
                candidates.append((-alike, file_name(old) != file_name(new), old, new))
    return Renames(tuple(sorted(_one_to_one(candidates))), tuple(skipped))


_DESCRIBED = re.compile(
    rb"\.(?:cls|trigger|page|component|resource|js|html|cmp|app|evt|intf|design|tokens|email)-meta\.xml$"
)
_META = b"-meta.xml"


def with_their_files(moved: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Renames without those of descriptions (``A.cls-meta.xml``) that took another name than the file beside them.

    Such descriptions are nearly the same for all files, so that any deleted one resembles any added one.
    """
    return {
        old: new
        for old, new in moved.items()
        if _DESCRIBED.search(old) is None
        or file_name(old) == file_name(new)
        or moved.get(old.removesuffix(_META)) == new.removesuffix(_META)
    }


def _index(targets: Mapping[bytes, Units]) -> dict[Unit, list[bytes]]:
    where: dict[Unit, list[bytes]] = defaultdict(list)
    for path, units in targets.items():
        for unit in units.counts:
            if unit.kind not in _SAYS_NOTHING and len(where[unit]) <= _COMMON:
                where[unit].append(path)
    return where


def _likely(old: bytes, units: Units, targets: Mapping[bytes, Units], where: Mapping[Unit, list[bytes]]) -> list[bytes]:
    """The added paths that share the most with a deleted one, and those of the same name and size."""
    shared: dict[bytes, int] = defaultdict(int)
    for unit, count in units.counts.items():
        paths = where.get(unit, ())
        if len(paths) <= _COMMON:
            for new in paths:
                shared[new] += count
    for new in _same_content(old, units, targets):
        shared.setdefault(new, 1)
    return sorted(shared, key=lambda path: (-shared[path], path))[:_COMMON]


def _same_content(old: bytes, units: Units, targets: Mapping[bytes, Units]) -> list[bytes]:
    """Paths of the same file name, for content that is so common that no unit tells it apart."""
    return [
        new for new in targets if file_name(new) == file_name(old) and len(targets[new].counts) == len(units.counts)
    ][:_COMMON]


def _one_to_one(candidates: list[tuple[float, bool, bytes, bytes]]) -> list[Rename]:
    pairs: list[Rename] = []
    gone: set[bytes] = set()
    taken: set[bytes] = set()
    for negative, _, old, new in sorted(candidates):
        if old not in gone and new not in taken:
            gone.add(old)
            taken.add(new)
            pairs.append(Rename(old, new, -negative))
    return pairs


__all__ = ["Rename", "Renames", "pair_renames", "similarity", "with_their_files"]
