"""What merges did beyond git's automatic result, and what the branch that is owed their change holds of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from branchsim.audit.delivery import Resolver
from branchsim.audit.replay import Replay, Standing
from branchsim.git.log import Commit
from branchsim.history.changes import Change
from branchsim.history.landings import History
from branchsim.names import Sha


@dataclass(frozen=True, slots=True)
class OwnWork:
    """What one merge did of its own.

    Attributes
    ----------
    change : Change
        The merge as a change of its own: its trees are git's automatic result and the recorded one.
    paths : frozenset of bytes
        Where they differ, without the paths that git could not merge: what is decided in a conflict belongs to the two
        versions that met there.
    """

    change: Change
    paths: frozenset[bytes]


def own_work(resolver: Resolver, history: History, changes: Sequence[Change]) -> dict[Sha, list[OwnWork]]:
    """For each change what its merges did of their own, left out where they did nothing.

    Parameters
    ----------
    resolver : Resolver
        Says which merges are not git's own.
    history : History
        The replay.
    changes : sequence of Change
        The changes; of a part of a merge (see `Change.merge_part`) that merge alone is looked at.
    """
    merges = {sha: history.commit(sha) for change in changes for sha in change.commits}
    wanted = [commit for commit in merges.values() if commit.is_merge and not _took_over(history, commit)]
    found = resolver.resolve(wanted)
    work: dict[Sha, list[OwnWork]] = {}
    for change in changes:
        for sha in change.commits:
            resolution = found.get(sha)
            if resolution is None or resolution.paths <= resolution.conflicted:
                continue
            own = replace(
                change, id=sha, commits=(sha,), trees=(resolution.automatic, merges[sha].tree),
                subject=merges[sha].subject, merge_part=True,
            )  # fmt: skip
            work.setdefault(change.id, []).append(OwnWork(own, resolution.paths - resolution.conflicted))
    return work


def _took_over(history: History, merge: Commit) -> bool:
    """Whether one side of a merge had nothing of its own and the result is the other: so git makes it, too."""
    graph = history.graph
    if len(merge.parents) != 2:  # noqa: PLR2004
        return True
    known = [graph.find(parent) for parent in merge.parents]
    one, other = known
    if one is None or other is None:
        return True
    sides = [history.commit(parent).tree for parent in merge.parents]
    return (sides[1] == merge.tree and graph.is_ancestor(one, other)) or (
        sides[0] == merge.tree and graph.is_ancestor(other, one)
    )


def standings_of_own_work(replay: Replay, work: Mapping[Sha, Sequence[OwnWork]]) -> dict[Sha, Standing]:
    """What a branch holds of what merges did of their own, by merge."""
    own = {each.change.id: each for members in work.values() for each in members}
    return replay.standings([each.change for each in own.values()], {sha: set(each.paths) for sha, each in own.items()})


__all__ = ["OwnWork", "own_work", "standings_of_own_work"]
