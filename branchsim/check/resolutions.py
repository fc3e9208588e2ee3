"""How people resolved the conflicts of merges: place by place, what stands where git had put its markers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from branchsim.effects.align import Place, places
from branchsim.git.merge import merge_many
from branchsim.git.objects import ObjectReader
from branchsim.simulate.regions import Region, regions, split_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from branchsim.git.log import Commit
    from branchsim.git.merge import Conflict
    from branchsim.git.scratch import Scratch
    from branchsim.names import Sha


def resolutions(scratch: Scratch, merges: Sequence[Commit]) -> Iterator[Counter[str]]:
    """How the conflicts of merges were resolved.

    Parameters
    ----------
    scratch : Scratch
        Where git merges again.
    merges : sequence of Commit
        Merges of two parents.

    Yields
    ------
    collections.Counter
        For each merge how many places were resolved to ``ours``, to ``theirs`` and to ``both``, which is anything else.
        A place is what stands between one pair of git's markers, or a whole path that has none.
    """
    found = merge_many(scratch, [(commit.parents[0], commit.parents[1]) for commit in merges])
    with ObjectReader(scratch) as reader:
        for commit, result in zip(merges, found, strict=True):
            counts: Counter[str] = Counter()
            for conflict in result.conflicts:
                counts.update(_of_path(reader, commit, conflict, result.tree))
            yield counts


def _of_path(reader: ObjectReader, commit: Commit, conflict: Conflict, merged: Sha | None) -> list[str]:
    entry = reader.entry(commit.tree, conflict.path)
    kept = None if entry is None else entry.sha
    ours, theirs = (side.sha if side else None for side in (conflict.ours, conflict.theirs))
    marked = reader.entry(merged, conflict.path) if merged is not None else None
    if None not in {ours, theirs} and kept is not None and marked is not None:
        content, result = reader.blob(marked.sha), reader.blob(kept)
        found = regions(content or b"", commit.parents[0], commit.parents[1])
        if content is not None and result is not None and found:
            return sides(content, found, result)
    return ["ours" if kept == ours else "theirs" if kept == theirs else "both"]


def sides(marked: bytes, found: Sequence[Region], kept: bytes) -> list[str]:
    """For each conflict region what was made of it.

    Parameters
    ----------
    marked : bytes
        The file with git's markers.
    found : sequence of Region
        Its conflict regions.
    kept : bytes
        The file as it was committed.

    Returns
    -------
    list of {"ours", "theirs", "both"}
        For each region: exactly the lines of one side stand there, or something else.
    """
    before = [line.decode("latin-1") for line in split_lines(marked)]
    after = [line.decode("latin-1") for line in split_lines(kept)]
    changed = places(before, after)
    made = []
    for region in found:
        text = tuple(
            line.encode("latin-1") for line in after[_begin(changed, region.start) : _end(changed, region.end)]
        )
        made.append("ours" if text == region.ours else "theirs" if text == region.theirs else "both")
    return made


def _begin(changed: Sequence[Place], line: int) -> int:
    """Where in the result begins what began at a line; a place that holds the line counts as a whole."""
    at = line
    for place in changed:
        if place.side_start <= line < place.side_stop:
            return place.start
        if place.side_stop <= line:
            at = line + place.stop - place.side_stop
    return at


def _end(changed: Sequence[Place], line: int) -> int:
    """Where in the result ends what ended before a line."""
    at = line
    for place in changed:
        if place.side_start < line <= place.side_stop:
            return place.stop
        if place.side_stop <= line:
            at = line + place.stop - place.side_stop
    return at


__all__ = ["resolutions", "sides"]
