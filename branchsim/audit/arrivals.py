"""How changes arrive on a branch by ancestry, and whether the merges on the way kept them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from branchsim.audit.delivery import Effect, Resolution, contents, delivered, meaningful, resolutions, share_there
from branchsim.audit.evidence import Evidence
from branchsim.git.hunks import raw_changes, read_hunks
from branchsim.git.log import Commit, empty_tree
from branchsim.git.repository import Repository
from branchsim.history.changes import Change
from branchsim.history.landings import History, Landing
from branchsim.names import Sha


@dataclass(frozen=True, slots=True)
class Part:
    """One commit of a change, and the landing with which it became part of a branch, if it did.

    ``within`` is the merge or the one commit that stands for the whole change, where there is one.
    """

    sha: Sha
    landing: Landing | None
    within: Sha | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """How and when a change came to a branch."""

    landing: Landing
    counterpart: Sha
    evidence: Evidence
    confidence: float
    reason: str
    check: str


class Arrivals:
    """The arrivals of changes on one branch.

    Parameters
    ----------
    history : History
        The replay.
    repository : Repository
        Where to read.
    branch : str
        The branch.
    """

    def __init__(self, history: History, repository: Repository, branch: str) -> None:
        self._history = history
        self._repository = repository
        self._branch = branch

    def parts(self, change: Change) -> list[Part]:
        """The commits of a change that change something, merges left out."""
        history = self._history
        own = [history.commit(sha) for sha in change.commits]
        members = [commit for commit in own if commit.changes and not commit.is_merge]
        return [
            Part(c.sha, history.arrival(self._branch, c.sha), change.id if change.id != c.sha else None)
            for c in members
        ]

    @staticmethod
    def in_time(parts: Sequence[Part], deadline: Landing | None) -> bool:
        """Whether every part arrived by ancestry, and before a promotion had passed."""
        return all(part.landing is not None and (deadline is None or part.landing.at <= deadline.at) for part in parts)

    def dropped(
        self, changes: Sequence[Change], parts: Mapping[Sha, Sequence[Part]]
    ) -> dict[Sha, tuple[Sha, frozenset[bytes], float]]:
        """The changes that are ancestors, but that a merge on their way did not keep.

        Returns
        -------
        dict
            From a change to the merge, the paths, and the share of its lines that the branch had after the landing.
        """
        carried: dict[int, list[Change]] = {}
        for change in changes:
            places = [part.landing.place for part in parts[change.id] if part.landing is not None]
            if places and len(places) == len(parts[change.id]):
                carried.setdefault(max(places), []).append(change)
        found = self._resolved(carried)
        if not found:
            return {}
        suspects: list[tuple[Change, Resolution]] = []
        for place, carried_changes in carried.items():
            for merge in self._merges_of(place):
                resolution = found.get(merge.sha)
                if resolution is None:
                    continue
                suspects += [(change, resolution) for change in carried_changes if self._touches(change, resolution)]
        return self._judged(suspects)

    def _merges_of(self, place: int) -> list[Commit]:
        landing = self._history.landings[self._branch][place]
        known = {*landing.commits, landing.sha}
        commits = [self._history.commit(sha) for sha in known if sha in self._history.graph]
        return sorted((commit for commit in commits if commit.is_merge), key=lambda commit: commit.sha)

    def _resolved(self, carried: Mapping[int, Sequence[Change]]) -> dict[Sha, Resolution]:
        merges = {commit.sha: commit for place in carried for commit in self._merges_of(place)}
        found, _ = resolutions(self._repository.scratch, merges.values())
        return found

    def _touches(self, change: Change, resolution: Resolution) -> bool:
        """Whether a merge that was not git's own brought a change's paths together with something else."""
        history = self._history
        if resolution.merge in change.commits:
            return False
        # The merges of a change are of the branch where it landed first; only its own commits travel.
        own = [commit for commit in map(history.commit, change.commits) if not commit.is_merge]
        paths = {raw.path for commit in own for raw in commit.changes}
        if paths.isdisjoint(resolution.paths):
            return False
        merge = history.graph.number(resolution.merge)
        return all(history.graph.is_ancestor(history.graph.number(commit.sha), merge) for commit in own)

    def _judged(self, suspects: Sequence[tuple[Change, Resolution]]) -> dict[Sha, tuple[Sha, frozenset[bytes], float]]:
        history = self._history
        effects = self._effects({change.id: change for change, _ in suspects})
        questions = []
        for change, resolution in suspects:
            merge = history.commit(resolution.merge)
            for effect in effects.get(change.id, ()):
                if effect.path in resolution.paths:
                    trees = [merge.tree, *(history.commit(parent).tree for parent in merge.parents)]
                    questions += [(tree, effect.path) for tree in trees]
        blobs = contents(self._repository.scratch, questions)
        dropped: dict[Sha, tuple[Sha, frozenset[bytes], float]] = {}
        for change, resolution in suspects:
            merge = history.commit(resolution.merge)
            sides = [history.commit(parent).tree for parent in merge.parents]
            kept = before = 0
            paths = set()
            for effect in effects.get(change.id, ()):
                weight = sum(effect.added.values()) + sum(effect.removed.values())
                if effect.path not in resolution.paths:
                    kept, before = kept + weight, before + weight
                    continue
                files = [blobs.get((tree, effect.path)) for tree in sides]
                files.sort(key=lambda content: -share_there(effect, content))
                stayed, had = delivered(effect, blobs.get((merge.tree, effect.path)), files[0], files[-1])
                kept, before = kept + stayed, before + had
                if stayed < had:
                    paths.add(effect.path)
            if paths and before > 0 and kept / before < _KEPT:
                share = kept / before
                worst = dropped.get(change.id)
                if worst is None or share < worst[2]:
                    dropped[change.id] = (resolution.merge, frozenset(paths), share)
        return dropped

    def _effects(self, changes: Mapping[Sha, Change]) -> dict[Sha, list[Effect]]:
        nothing = empty_tree(self._repository.scratch)
        pairs = {sha: (change.trees[0] or nothing, change.trees[1]) for sha, change in changes.items()}
        return effects_of(self._repository, pairs, {sha: self._paths(change) for sha, change in changes.items()})

    def _paths(self, change: Change) -> set[bytes]:
        history = self._history
        return {raw.path for sha in change.commits for raw in history.commit(sha).changes}


_KEPT = 0.8
"""A merge that keeps at least this share of a change's lines has delivered it."""


def effects_of(
    repository: Repository, pairs: Mapping[Sha, tuple[Sha, Sha]], paths: Mapping[Sha, set[bytes]]
) -> dict[Sha, list[Effect]]:
    """The lines that changes add and remove, path by path.

    Parameters
    ----------
    repository : Repository
        Where to read.
    pairs : mapping
        The trees before and after each change.
    paths : mapping
        The paths that are of interest for each change.
    """
    hunks, _ = read_hunks(repository.scratch, list(pairs.values()), context=0)
    raws = raw_changes(repository.scratch, list(pairs.values()))
    effects: dict[Sha, list[Effect]] = {}
    for sha, pair in pairs.items():
        files, raw = hunks.get(pair), raws.get(pair)
        if files is None or raw is None or len(files) != len(raw):
            continue
        for change, parts in zip(raw, files, strict=True):
            if change.path not in paths[sha]:
                continue
            after, before = Counter[bytes](), Counter[bytes]()
            for hunk in parts:
                after += meaningful(hunk.after)
                before += meaningful(hunk.before)
            effects.setdefault(sha, []).append(Effect(change.path, after - before, before - after))
    return effects
