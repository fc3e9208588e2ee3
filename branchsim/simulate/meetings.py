"""Which changes meet in a conflict: of the commits that touched a file, those that touched what is in conflict."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchsim.git.touching import MANY, Touch, commits_touching, touched
from branchsim.simulate.records import Meeting

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from branchsim.git.objects import ObjectReader
    from branchsim.git.scratch import Scratch
    from branchsim.names import Sha
    from branchsim.simulate.graph import Graph
    from branchsim.simulate.regions import Region

_WORD = re.compile(rb"\w")
_LIMIT = 4 * 1024 * 1024
_MOST = 1000
"""Of more commits than this the files are not read: all that touched the path are told."""


@dataclass(frozen=True, slots=True)
class Place:
    """What one side did to the regions in conflict of a file: the lines it brought there, and those it took away."""

    brought: frozenset[bytes]
    taken: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Question:
    """A path in conflict.

    Attributes
    ----------
    names : frozenset of bytes
        The names that the file has or had on the two sides.
    places : tuple of Place or None
        What target and source did to the regions in conflict; None where lines cannot tell.
    gone : tuple of bool
        Whether target and source took the file away.
    """

    names: frozenset[bytes]
    places: tuple[Place | None, Place | None] = (None, None)
    gone: tuple[bool, bool] = (False, False)


def places(
    merged: bytes, regions: Sequence[Region], base: bytes, ours: bytes, theirs: bytes, *, ours_is_target: bool
) -> tuple[Place | None, Place | None]:
    """What target and source did to the regions in conflict of a file.

    Parameters
    ----------
    merged : bytes
        The file as git left it, with its markers.
    regions : sequence of Region
        The regions in it.
    base, ours, theirs : bytes
        The file on the three sides; empty for none.
    ours_is_target : bool
        Which side is which.

    Returns
    -------
    tuple of Place or None
        None for a side that did something in a region which lines cannot show (it moved them), or whose regions cannot
        be told apart.
    """
    of_base, *whole = (_counted(text.split(b"\n")) for text in (base, ours, theirs))
    brought, taken = (set[bytes](), set[bytes]()), (set[bytes](), set[bytes]())
    shown = [bool(regions), bool(regions)]
    for region, before in zip(regions, _in_base(merged, regions, base.split(b"\n")), strict=True):
        if region.ours is None or region.theirs is None:
            return None, None
        for side, inside in enumerate((region.ours, region.theirs)):
            here, there = _counted(inside), _counted(before)
            more = {line for line in here if whole[side][line] > of_base[line]}
            less = {line for line in there if whole[side][line] < of_base[line]}
            brought[side].update(more)
            taken[side].update(less)
            # What the base has elsewhere was moved here, which no count of lines shows.
            shown[side] &= bool(more or less) and all(line in more or line in there for line in here)
    found = [Place(frozenset(brought[side]), frozenset(taken[side])) if shown[side] else None for side in (0, 1)]
    return (found[0], found[1]) if ours_is_target else (found[1], found[0])


def _in_base(merged: bytes, regions: Sequence[Region], base: Sequence[bytes]) -> list[Sequence[bytes]]:
    """For each region the lines of the base between the nearest lines around it that the base has once."""
    often = Counter(base)
    once = {line: place for place, line in enumerate(base) if often[line] == 1}
    found: list[tuple[int, int]] = []
    inside = iter((*regions, None))
    region = next(inside)
    above, open_since = -1, 0
    # One walk over the file: a region is closed by the next such line after it.
    for at, line in enumerate(merged.split(b"\n")):
        while region is not None and at >= region.end:
            found.append((above, len(base)))
            region = next(inside)
        if (region is None or at < region.start) and line in once:
            above = once[line]
            found[open_since:] = [(start, above) for start, _ in found[open_since:]]
            open_since = len(found)
    found += [(above, len(base))] * (len(regions) - len(found))
    return [base[start + 1 : end] for start, end in found]


def meetings(
    scratch: Scratch,
    reader: ObjectReader,
    graph: Graph,
    questions: Mapping[bytes, Question],
    *,
    target: Sha,
    source: Sha,
    picked: Sha | None = None,
) -> dict[bytes, tuple[Meeting, Meeting]]:
    """The changes of target and source that meet at each path.

    Parameters
    ----------
    scratch, reader, graph
        Where to read, and what is known of commits.
    questions : mapping of bytes to Question
        The paths in conflict.
    target, source : Sha
        The commits on the two sides.
    picked : Sha, optional
        The one commit of the source side, where commits are picked.
    """
    wanted = {name for question in questions.values() for name in question.names}
    if not wanted:
        return {}
    touching = _touching(scratch, reader, graph, target, source, wanted)
    told = {
        (path, side): [touch for name in sorted(question.names) for touch in touching[name][side]]
        for path, question in questions.items()
        for side in (0, 1)
    }
    narrow = {
        (path, side): place
        for path, question in questions.items()
        for side, place in enumerate(question.places)
        if place is not None and len(told[path, side]) > 1
    }
    counts = _counts(reader, [touch for key in narrow for touch in told[key]], narrow.values())
    for key, place in narrow.items() if counts else ():
        told[key] = [touch for touch in told[key] if _did(touch, place, counts)] or told[key]
    for key, touches in told.items():
        if questions[key[0]].gone[key[1]]:
            told[key] = [touch for touch in touches if touch.after is None] or touches
    graph.learn({touch.commit for touches in told.values() for touch in touches})
    return {
        path: (
            _meeting(graph, {touch.commit for touch in told[path, 0]}),
            _meeting(graph, {touch.commit for touch in told[path, 1] if picked in {None, touch.commit}}),
        )
        for path in questions
    }


def _touching(
    scratch: Scratch, reader: ObjectReader, graph: Graph, target: Sha, source: Sha, paths: Collection[bytes]
) -> dict[bytes, tuple[list[Touch], list[Touch]]]:
    """The commits of each side that changed each path."""
    sides = graph.since(source, target), graph.since(target, source)
    if sum(map(len, sides)) > MANY:
        return commits_touching(scratch, target, source, paths)
    ours, theirs = (touched(reader, graph.differences(side), paths) for side in sides)
    return {path: (ours[path], theirs[path]) for path in paths}


def _meeting(graph: Graph, shas: set[Sha]) -> Meeting:
    ordered = graph.newest_first(shas)
    authors = tuple(dict.fromkeys(graph[sha].author for sha in ordered))
    since = min((graph[sha].at for sha in ordered), default=None)
    return Meeting(commits=tuple(ordered), authors=authors, since=since)


def _did(touch: Touch, place: Place, counts: Mapping[Sha | None, Counter[bytes]]) -> bool:
    """Whether a commit brought or took away a line of a place."""
    before, after = (counts.get(sha, Counter[bytes]()) for sha in (touch.before, touch.after))
    return any(after[line] > before[line] for line in place.brought) or any(
        before[line] > after[line] for line in place.taken
    )


def _counts(
    reader: ObjectReader, touches: Sequence[Touch], wanted: Iterable[Place]
) -> dict[Sha | None, Counter[bytes]]:
    """How often the lines of some places are in the files that commits left and found; nothing where they are many."""
    if len(touches) > _MOST:
        return {}
    lines = {line for place in wanted for line in place.brought | place.taken}
    shas = {sha for touch in touches for sha in (touch.before, touch.after) if sha is not None}
    return {
        sha: Counter(line for line in content.split(b"\n") if line in lines)
        for sha, content in reader.blobs(sorted(shas), limit=_LIMIT)
        if isinstance(content, bytes)
    }


def _counted(lines: Iterable[bytes]) -> Counter[bytes]:
    """The lines that say something, without their ends."""
    return Counter(line.removesuffix(b"\n") for line in lines if _WORD.search(line))


__all__ = ["Place", "Question", "meetings", "places"]
