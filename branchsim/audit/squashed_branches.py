"""Branches of the topology that were squashed into another: promotions that left no merge behind.

The head is known by the ref of the pull request that the landing names, by the branch it names, or, where it names
none, by the files: a promotion has those of the branch as the branch had them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from branchsim.git.difftree import raw_changes
from branchsim.history.bases import MergeBases

if TYPE_CHECKING:
    from branchsim.git.log import RawChange
    from branchsim.git.repository import Repository
    from branchsim.history.landings import History, Landing
    from branchsim.names import Sha

_NOTHING = "000000"


class SquashedBranch(NamedTuple):
    """A landing, the tip that was squashed, and where that branch had parted from the other.

    Where it is known `by_files` alone, what the landing did not touch may not have been meant to land with it.
    """

    landing: Landing
    head: Sha
    base: Sha
    by_files: bool


class _Asked(NamedTuple):
    """A tip that a landing may be the squash of.

    At least so many files have to stand as the tip has them: of a head that a pull request names none, of a branch that
    the landing names one, since a fork may have a branch of that name. Where only the files can tell, most of them.
    """

    landing: Landing
    tip: Sha
    before: Sha
    fewest: int
    most: bool


def squashed_branches(
    repository: Repository, history: History, landings: Iterable[Landing], heads: Mapping[Sha, Sha]
) -> list[SquashedBranch]:
    """The landings that are squashes of a branch of the topology, in the order given.

    Parameters
    ----------
    repository : Repository
        Where to read.
    history : History
        The replay.
    landings : iterable of Landing
        Commits of one parent.
    heads : mapping of Sha to Sha
        From a landing to the head of the pull request that it names, where there is one.
    """
    graph = history.graph
    asked = _named(history, landings, heads)
    numbers = [(graph.number(each.before), graph.number(each.tip)) for each in asked]
    known = MergeBases(graph, numbers)
    bases = [graph.sha(max(found)) if (found := known.of(*pair)) else None for pair in numbers]
    based = [(each, base) for each, base in zip(asked, bases, strict=True) if base is not None]
    trees = [tuple(history.commit(sha).tree for sha in (base, each.before, each.tip)) for each, base in based]
    changed = raw_changes(
        repository.scratch, {pair for base, before, tip in trees for pair in ((base, tip), (before, tip))}
    )
    best: dict[Sha, tuple[int, SquashedBranch]] = {}
    for (each, base), (began, before, tip) in zip(based, trees, strict=True):
        landed = history.commit(each.landing.sha).changes
        brought, ahead = changed[began, tip], changed[before, tip]
        taken = taken_from(brought, ahead, landed, exactly=each.most)
        if taken > best.get(each.landing.sha, (0,))[0] and _as_it_is(brought, landed) >= each.fewest:
            best[each.landing.sha] = taken, SquashedBranch(each.landing, each.tip, base, each.most)
    return [found for _, found in best.values()]


def _as_it_is(brought: Sequence[RawChange], landed: Sequence[RawChange]) -> int:
    """How many paths a landing has just as a head brought them."""
    there = {(change.path, change.new_mode, change.new) for change in landed}
    return sum((change.path, change.new_mode, change.new) in there for change in brought)


def taken_from(
    brought: Sequence[RawChange], ahead: Sequence[RawChange], landed: Sequence[RawChange], *, exactly: bool = False
) -> int:
    """How many paths a landing took from a head; none where it left most of what it could take.

    A pull request may be ported to a branch that lacks much of what the request was built on. Compared with its head
    the port would seem to have dropped all of that.

    Parameters
    ----------
    brought, ahead : sequence of RawChange
        What the head changed since it parted, and what it has otherwise than the tip before the landing.
    landed : sequence of RawChange
        What the landing changed.
    exactly : bool
        Whether only those paths count that the landing has as the head has them, and have to be more than half: a
        pick of one of two changes is no squash of both.
    """
    there = {change.path: (change.new_mode, change.new) for change in landed}
    missing = {change.path for change in ahead}
    wanted = [change for change in brought if change.path in missing]
    taken = sum(
        there[change.path] == (change.new_mode, change.new) or not exactly for change in wanted if change.path in there
    )
    return taken if 2 * taken >= len(wanted) + exactly else 0


def _named(history: History, landings: Iterable[Landing], heads: Mapping[Sha, Sha]) -> list[_Asked]:
    """The tips that some landings may be squashes of."""
    told: list[_Asked] = []
    rest: list[Landing] = []
    for landing in landings:
        head = heads.get(landing.sha)
        source = landing.source
        fewest = int(head is None)
        if head is None and source is not None and source in history.landings and source != landing.branch:
            head = _tip_at(history, source, landing)
        if head is not None and head in history.graph:
            told += _asked(history, landing, head, fewest=fewest)
        elif head is None:
            rest.append(landing)
    return told + _by_content(history, rest)


def _asked(history: History, landing: Landing, tip: Sha, *, fewest: int, most: bool = False) -> list[_Asked]:
    before = landing.before
    if before is None or history.held(landing, tip):
        return []
    return [_Asked(landing, tip, before, fewest, most)]


def _tip_at(history: History, branch: str, landing: Landing) -> Sha | None:
    """Where another branch stood when something landed."""
    there = history.landings[branch]
    place = bisect_right(there, landing.at, key=lambda each: each.at)
    return there[place - 1].sha if place else None


def _by_content(history: History, landings: Sequence[Landing]) -> list[_Asked]:
    """The same for landings that name no branch: most of their files stood so on the one that is promoted there."""
    sources: dict[str, list[str]] = defaultdict(list)
    for flow in history.topology.flows:
        if flow.kind == "promote" and flow.source in history.landings and flow.source != flow.target:
            sources[flow.target].append(flow.source)
    wanted = [landing for landing in landings if landing.branch in sources]
    made = _makers(history, {version for landing in wanted for version in _versions(history, landing)})
    found: list[_Asked] = []
    for landing in wanted:
        versions = _versions(history, landing)
        for source in sources[landing.branch]:
            arrivals = history.arrivals[source]
            known = sum(any(arrivals[number] >= 0 for number in made[version]) for version in versions)
            tip = _tip_at(history, source, landing) if 2 * known > len(versions) else None
            if tip is not None:
                found += _asked(history, landing, tip, fewest=1, most=True)
    return found


def _versions(history: History, landing: Landing) -> list[tuple[bytes, str]]:
    changes = history.commit(landing.sha).changes
    return [(change.path, change.new) for change in changes if change.new_mode != _NOTHING]


def _makers(history: History, wanted: Collection[tuple[bytes, str]]) -> dict[tuple[bytes, str], list[int]]:
    """The commits that made each of some versions of files."""
    found: dict[tuple[bytes, str], list[int]] = {version: [] for version in wanted}
    for number, commit in enumerate(history.graph.commits if found else ()):
        for change in commit.changes:
            if (change.path, change.new) in found:
                found[change.path, change.new].append(number)
    return found


__all__ = ["SquashedBranch", "squashed_branches", "taken_from"]
