"""Changes that are ancestors of a branch, but that a merge on their way to it did not keep."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from branchsim.audit.arrivals import Part
from branchsim.audit.delivery import Resolution, Resolver, delivered
from branchsim.audit.losses import LossReader
from branchsim.effects import Scene, Side, Verdict, What, effect_of, sift, state
from branchsim.git.hunks import renames
from branchsim.git.log import Commit, empty_tree
from branchsim.git.objects import ObjectReader, TreeEntry
from branchsim.git.repository import Repository
from branchsim.history.changes import Change
from branchsim.history.landings import History
from branchsim.names import Sha

Dropped = tuple[Sha, frozenset[bytes], float]
"""The merge, the paths, and the share of the change that the merge kept."""


class Drops:
    """What the merges that brought changes to a branch did not keep of them.

    Parameters
    ----------
    history : History
        The replay.
    repository : Repository
        Where to read.
    branch : str
        The branch.
    resolver : Resolver
        Says which merges are not git's own.
    """

    def __init__(self, history: History, repository: Repository, branch: str, resolver: Resolver) -> None:
        self._history = history
        self._repository = repository
        self._branch = branch
        self._resolver = resolver

    def of(self, changes: Sequence[Change], parts: Mapping[Sha, Sequence[Part]]) -> dict[Sha, Dropped]:
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
        pairs = [
            (change, found[merge.sha])
            for place, members in carried.items()
            for merge in self._merges_of(place)
            if merge.sha in found
            for change in members
        ]
        return self._judged(list(self._suspects(pairs)))

    def _merges_of(self, place: int) -> list[Commit]:
        landing = self._history.landings[self._branch][place]
        known = {*landing.commits, landing.sha}
        commits = [self._history.commit(sha) for sha in known if sha in self._history.graph]
        return sorted((commit for commit in commits if commit.is_merge), key=lambda commit: commit.sha)

    def _resolved(self, carried: Mapping[int, Sequence[Change]]) -> dict[Sha, Resolution]:
        merges = {commit.sha: commit for place in carried for commit in self._merges_of(place)}
        return self._resolver.resolve(merges.values())

    def _suspects(self, pairs: Sequence[tuple[Change, Resolution]]) -> Iterator[tuple[Change, Resolution]]:
        """Where a merge that was not git's own brought a change's paths together with something else."""
        moved: dict[Sha, list[tuple[Change, Resolution, set[bytes]]]] = defaultdict(list)
        for change, resolution in pairs:
            # The merges of a change are of the branch where it landed first; only its own commits travel.
            own = [commit for commit in map(self._history.commit, change.commits) if not commit.is_merge]
            paths = {raw.path for commit in own for raw in commit.changes}
            if resolution.merge in change.commits or not self._carries(resolution.merge, own):
                continue
            if paths.isdisjoint(resolution.paths):
                moved[resolution.merge].append((change, resolution, paths))
            else:
                yield change, resolution
        yield from self._moved_suspects(moved)

    def _carries(self, merge: Sha, own: Sequence[Commit]) -> bool:
        graph = self._history.graph
        number = graph.number(merge)
        return all(graph.is_ancestor(graph.number(commit.sha), number) for commit in own)

    def _moved_suspects(
        self, waiting: Mapping[Sha, Sequence[tuple[Change, Resolution, set[bytes]]]]
    ) -> Iterator[tuple[Change, Resolution]]:
        """Those whose paths the merge knows by other names."""
        questions = [
            (self._history.commit(merge).tree, path)
            for merge, members in waiting.items()
            for _, _, paths in members
            for path in paths
        ]
        if not questions:
            return
        with ObjectReader(self._repository.scratch) as reader:
            known = reader.entries(questions)
        missing = {tree for tree, path in questions if (tree, path) not in known}
        names = self._renames([merge for merge in waiting if self._history.commit(merge).tree in missing])
        for merge, members in waiting.items():
            for change, resolution, paths in members:
                if not resolution.paths.isdisjoint({names.get((merge, path), path) for path in paths}):
                    yield change, resolution

    def _renames(self, merges: Sequence[Sha]) -> dict[tuple[Sha, bytes], bytes]:
        """From a merge and a name on one of its sides to the name in its result."""
        history = self._history
        pairs = {
            merge: [
                (history.commit(parent).tree, history.commit(merge).tree) for parent in history.commit(merge).parents
            ]
            for merge in merges
        }
        found = renames(self._repository.scratch, [pair for each in pairs.values() for pair in each])
        return {(merge, old): new for merge, each in pairs.items() for pair in each for old, new in found[pair].items()}

    def _judged(self, suspects: Sequence[tuple[Change, Resolution]]) -> dict[Sha, Dropped]:
        dropped: dict[Sha, Dropped] = {}
        if not suspects:
            return dropped
        names = self._renames(sorted({resolution.merge for _, resolution in suspects}))
        with LossReader(self._repository.scratch) as reader:
            for start in range(0, len(suspects), _BATCH):
                batch = suspects[start : start + _BATCH]
                asked = [self._files(change, resolution, names) for change, resolution in batch]
                entries = reader.entries(question for files in asked for file in files for question in file)
                reader.preload(entry.sha for entry in entries.values() if not entry.is_submodule)
                for (change, resolution), files in zip(batch, asked, strict=True):
                    found = _kept(reader, resolution, files, entries)
                    worst = dropped.get(change.id)
                    if found is not None and (worst is None or found[1] < worst[2]):
                        dropped[change.id] = (resolution.merge, *found)
                reader.forget(above=_HELD)
        return dropped

    def _files(
        self, change: Change, resolution: Resolution, names: Mapping[tuple[Sha, bytes], bytes]
    ) -> list[list[tuple[Sha, bytes]]]:
        """For each path of a change where it stands before and after it, in the result of a merge, and on its sides."""
        history = self._history
        merge = history.commit(resolution.merge)
        before = change.trees[0] or empty_tree(self._repository.scratch)
        found = []
        for path in sorted(self._paths(change)):
            name = names.get((merge.sha, path), path)
            sides = [
                (tree, each)
                for tree in (history.commit(parent).tree for parent in merge.parents)
                for each in dict.fromkeys((path, name))
            ]
            found.append([(before, path), (change.trees[1], path), (merge.tree, name), *sides])
        return found

    def _paths(self, change: Change) -> set[bytes]:
        history = self._history
        return {raw.path for sha in change.commits for raw in history.commit(sha).changes}


_BATCH = 256
_HELD = 64 * 1024 * 1024


def _kept(
    reader: LossReader,
    resolution: Resolution,
    files: Sequence[Sequence[tuple[Sha, bytes]]],
    entries: Mapping[tuple[Sha, bytes], TreeEntry],
) -> tuple[frozenset[bytes], float] | None:
    """Where a merge did not keep a change, and the share of it that it kept; None if it delivered it."""
    kept = before = 0
    lost: set[bytes] = set()
    for places in files:
        was, now, merged, *sides = places
        by_side: dict[Sha, TreeEntry | None] = {}
        for tree, path in sides:
            by_side[tree] = by_side.get(tree) or entries.get((tree, path))
        wanted = [entries.get(was), entries.get(now), entries.get(merged), *by_side.values()]
        old, new, result, *others = reader.together(was[1], wanted)
        if not all(units.is_known for units in (old, new, result, *others)):
            continue
        effect = effect_of(old, new)
        weight = len(effect)
        if merged[1] not in resolution.paths:
            kept, before = kept + weight, before + weight
            continue
        added = effect.added + Counter(pair.after for pair in effect.altered)
        removed = effect.removed + Counter(pair.before for pair in effect.altered)
        ranked = sorted(zip(others, by_side.values(), strict=True), key=lambda side: -state(effect, side[0]).live)
        (own, own_entry), (other, other_entry) = ranked[0], ranked[-1]
        copies = delivered(added, removed, result.counts, own.counts, other.counts)
        verdicts = [
            Verdict(each.unit, What.LOST if each.added else What.UNDONE, Side.SOURCE, each.had - each.kept)
            for each in copies
            if each.kept < each.had
        ]
        # What is no loss in a merge (a version, a newer value, imports) is none here.
        versions = {"base": wanted[0], "merged": wanted[2], "source": own_entry, "target": other_entry}
        contents = {
            name: content
            for name, entry in versions.items()
            if entry is not None and (content := reader.content(entry.sha)) is not None
        }
        scene = Scene(path=merged[1], base=old, target=other, source=own, merged=result, contents=contents)
        missed = sum(verdict.copies for verdict in sift(verdicts, scene).losses)
        stayed = sum(each.kept for each in copies)
        kept, before = kept + stayed, before + stayed + missed
        if missed:
            lost.add(merged[1])
    return (frozenset(lost), kept / before) if lost and before and kept / before < _KEPT else None


_KEPT = 0.8
"""A merge that keeps at least this share of a change's lines has delivered it."""
