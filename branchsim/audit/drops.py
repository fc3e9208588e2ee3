"""Changes that are ancestors of a branch, but that a merge on their way to it did not keep."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from branchsim.audit.arrivals import Part
from branchsim.audit.delivery import Delivery, Resolution, Resolver, delivered
from branchsim.audit.losses import LossReader
from branchsim.effects import (
    Effect,
    Form,
    Scene,
    Side,
    Unit,
    Units,
    Verdict,
    What,
    classify_path,
    effect_of,
    sift,
    state,
)
from branchsim.effects.scene import skeleton
from branchsim.effects.tokens import said_again
from branchsim.effects.units import form_of
from branchsim.git.log import Commit, empty_tree
from branchsim.git.objects import TreeEntry
from branchsim.git.repository import Repository
from branchsim.history.changes import Change
from branchsim.history.landings import History
from branchsim.names import Sha

Dropped = tuple[Sha, frozenset[bytes], float]
"""The merge, the paths, and the share of the change that the merge kept."""

Judged = dict[tuple[Sha, Sha], tuple[frozenset[bytes], float] | None]
"""By change and merge the paths that the merge did not keep, and the share that it did; None where it kept all."""


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
    reader : LossReader
        Reads and parses the blobs.
    judged : dict
        What is known of changes and merges from other branches, and will be of this one: a merge drops a change or
        keeps it, whichever branch it goes to.
    """

    def __init__(
        self,
        history: History,
        repository: Repository,
        branch: str,
        resolver: Resolver,
        reader: LossReader,
        judged: Judged,
    ) -> None:
        self._history = history
        self._repository = repository
        self._branch = branch
        self._resolver = resolver
        self._reader = reader
        self._known = judged
        self._deleted: dict[tuple[Sha, Sha], frozenset[bytes]] = {}
        self._came: dict[tuple[Sha, Sha], frozenset[bytes]] = {}

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
        self._find_deleted(carried, found)
        return self._judged(list(self._suspects(carried, found)))

    def _merges_of(self, place: int) -> list[Commit]:
        landing = self._history.landings[self._branch][place]
        known = {*landing.commits, landing.sha}
        commits = [self._history.commit(sha) for sha in known if sha in self._history.graph]
        return sorted((commit for commit in commits if commit.is_merge), key=lambda commit: commit.sha)

    def _resolved(self, carried: Mapping[int, Sequence[Change]]) -> dict[Sha, Resolution]:
        merges = {commit.sha: commit for place in carried for commit in self._merges_of(place)}
        found = self._resolver.resolve(merges.values())
        # What can be no loss by the name of its file is not read: change logs meet in nearly every merge.
        narrowed = {
            sha: replace(each, paths=frozenset(path for path in each.paths if classify_path(path) is None))
            for sha, each in found.items()
        }
        return {sha: each for sha, each in narrowed.items() if each.paths}

    def _suspects(
        self, carried: Mapping[int, Sequence[Change]], resolutions: Mapping[Sha, Resolution]
    ) -> Iterator[tuple[Change, Resolution]]:
        """Where a merge that was not git's own brought a change's paths together with something else."""
        moved: dict[Sha, list[tuple[Change, set[bytes]]]] = defaultdict(list)
        for place, members in carried.items():
            for change, resolution, paths in self._met(place, members, resolutions):
                if paths.isdisjoint(resolution.paths):
                    moved[resolution.merge].append((change, paths))
                else:
                    yield change, resolution
        # Those whose paths the merge knows by other names.
        wanted = {sha: {path for _, paths in waiting for path in paths} for sha, waiting in moved.items()}
        names = self._renames(wanted, resolutions)
        for sha, waiting in moved.items():
            resolution = resolutions[sha]
            for change, paths in waiting:
                if not resolution.paths.isdisjoint({names.get((sha, path), path) for path in paths}):
                    yield change, resolution

    def _met(
        self,
        place: int,
        members: Sequence[Change],
        resolutions: Mapping[Sha, Resolution],
    ) -> Iterator[tuple[Change, Resolution, set[bytes]]]:
        """The changes that a merge carried, and that have a path which it has not as git would, or not any more."""
        # The merges of a change are of the branch where it landed first; only its own commits travel.
        own = [
            [commit for commit in map(self._history.commit, change.commits) if not commit.is_merge]
            for change in members
        ]
        paths = [{raw.path for commit in commits for raw in commit.changes} for commits in own]
        touching: dict[bytes, list[int]] = defaultdict(list)
        for at, each in enumerate(paths):
            for path in each:
                touching[path].append(at)
        for merge in self._merges_of(place):
            if merge.sha in resolutions:
                resolution = resolutions[merge.sha]
                wanted = {at for path in resolution.paths | self._gone(resolution) for at in touching.get(path, ())}
                for at in sorted(wanted):
                    if merge.sha not in members[at].commits and self._carries(merge.sha, own[at]):
                        yield members[at], resolution, paths[at]

    def _carries(self, merge: Sha, own: Sequence[Commit]) -> bool:
        graph = self._history.graph
        number = graph.number(merge)
        return all(graph.is_ancestor(graph.number(commit.sha), number) for commit in own)

    def _find_deleted(self, carried: Mapping[int, Sequence[Change]], merges: Mapping[Sha, Resolution]) -> None:
        """Note which paths of changes the merges have no longer that one of their sides had: only they can have moved.

        Trees far apart differ in most of their paths, so they are asked for these paths only, if they are few.
        """
        asked: dict[_Pair, frozenset[bytes]] = {}
        contested: dict[_Pair, frozenset[bytes]] = {}
        for place, members in carried.items():
            # A landing may bring hundreds of changes and of merges: these paths are held once.
            paths = frozenset().union(*map(self._paths, members))
            for merge in self._merges_of(place):
                if merge.sha in merges:
                    for pair in self._sides(merge.sha):
                        asked[pair] = asked[pair] | paths if pair in asked else paths
                        contested[pair] = contested.get(pair, frozenset()) | merges[merge.sha].paths
        few = []
        for sha in self._in_order(merges):
            for side, pair in enumerate(self._sides(sha)):
                if len(asked[pair]) <= _FEW_PATHS:
                    few.append(pair)
                else:
                    apart = self._reader.moves.apart(*pair, chain=side)
                    self._deleted[pair], self._came[pair] = apart.gone(asked[pair]), apart.new(contested[pair])
        self._deleted |= self._away(few, asked, of=0)
        self._came |= self._away([pair for pair in few if self._deleted[pair]], contested, of=1)
        # Trees near each other have lost the same.
        for found in (self._deleted, self._came):
            known: dict[frozenset[bytes], frozenset[bytes]] = {}
            found |= {pair: known.setdefault(paths, paths) for pair, paths in found.items()}

    def _in_order(self, merges: Iterable[Sha]) -> list[Sha]:
        """Merges by the line of first parents that they are on, in the order of history: neighbours have like trees."""
        graph = self._history.graph
        numbers = sorted(map(graph.number, merges))
        home: dict[int, int] = {}
        for number in reversed(numbers):
            at = number
            while at not in home:
                home[at] = number
                at = graph.parents[at][0] if graph.parents[at] else at
        return [graph.sha(number) for number in sorted(numbers, key=lambda number: (home[number], number))]

    def _away(
        self, pairs: Sequence[_Pair], asked: Mapping[_Pair, frozenset[bytes]], *, of: int
    ) -> dict[_Pair, frozenset[bytes]]:
        """Those of some paths that only the first (0) or the second (1) of two trees has, asked one by one."""
        found: dict[_Pair, frozenset[bytes]] = {}
        for start in range(0, len(pairs), _FEW_PAIRS):
            some = pairs[start : start + _FEW_PAIRS]
            there = self._having((pair[of], path) for pair in some for path in asked[pair])
            left = {pair: {path for path in asked[pair] if (pair[of], path) in there} for pair in some}
            there = self._having((pair[1 - of], path) for pair, paths in left.items() for path in paths)
            for pair, paths in left.items():
                found[pair] = frozenset(path for path in paths if (pair[1 - of], path) not in there)
        return found

    def _having(self, places: Iterable[_Place]) -> set[_Place]:
        """Where trees have a file."""
        found: set[_Place] = set()
        waiting = iter(places)
        while some := list(islice(waiting, _PLACES)):
            found.update(place for place, entry in self._reader.entries(some).items() if not entry.is_tree)
        return found

    def _gone(self, resolution: Resolution) -> frozenset[bytes]:
        """The paths that a side of a merge had, where what it has no longer may have come to a contested path."""
        pairs = [pair for pair in self._sides(resolution.merge) if self._came_to(pair, resolution.paths)]
        return frozenset().union(*(self._deleted[pair] for pair in pairs))

    def _came_to(self, pair: tuple[Sha, Sha], contested: frozenset[bytes]) -> bool:
        return bool(self._deleted[pair]) and not contested.isdisjoint(self._came[pair])

    def _sides(self, merge: Sha) -> list[tuple[Sha, Sha]]:
        """The tree of each parent, beside that of the merge."""
        commit = self._history.commit(merge)
        return [(self._history.commit(parent).tree, commit.tree) for parent in commit.parents]

    def _renames(
        self, wanted: Mapping[Sha, set[bytes]], resolutions: Mapping[Sha, Resolution]
    ) -> dict[tuple[Sha, bytes], bytes]:
        """From a merge and one of some names on one of its sides to the name in its result, where that matters."""
        # Between trees far apart git looks long for what was moved: it is asked where that can tell something.
        # What differs is carried on from one pair to the next, so neighbours come one after the other.
        found: dict[tuple[Sha, bytes], bytes] = {}
        for merge in self._in_order(wanted):
            names, contested = wanted[merge], resolutions[merge].paths
            for side, pair in enumerate(self._sides(merge)):
                if self._matters(pair, names, contested):
                    gone = self._deleted[pair] & names
                    # Of the others it matters only whether they came to a contested path.
                    whole = gone & contested | {path for path in gone if (merge, path) in found}
                    moves = self._reader.moves
                    moved = moves.of(*pair, gone - whole, contested, chain=side) if gone - whole else {}
                    moved |= moves.of(*pair, whole, chain=side) if whole else {}
                    found |= {(merge, old): new for old, new in moved.items()}
        return found

    def _matters(self, pair: tuple[Sha, Sha], names: set[bytes], contested: frozenset[bytes]) -> bool:
        """Whether one of some names may have come to a contested path, or have gone from one."""
        gone = self._deleted[pair] & names
        return bool(gone) and (not gone.isdisjoint(contested) or self._came_to(pair, contested))

    def _judged(self, suspects: Sequence[tuple[Change, Resolution]]) -> dict[Sha, Dropped]:
        self._judge([each for each in suspects if (each[0].id, each[1].merge) not in self._known])
        dropped: dict[Sha, Dropped] = {}
        for change, resolution in suspects:
            found = self._known[change.id, resolution.merge]
            worst = dropped.get(change.id)
            if found is not None and (worst is None or found[1] < worst[2]):
                dropped[change.id] = (resolution.merge, *found)
        return dropped

    def _judge(self, suspects: Sequence[tuple[Change, Resolution]]) -> None:
        """Note what merges kept of changes."""
        touched: dict[Sha, set[bytes]] = {}
        for change, resolution in suspects:
            touched.setdefault(resolution.merge, set()).update(self._paths(change))
        names = self._renames(touched, {resolution.merge: resolution for _, resolution in suspects})
        judge = _Judge(self._reader)
        order = {merge: at for at, merge in enumerate(self._in_order(touched))}
        ordered = sorted(suspects, key=lambda each: order[each[1].merge])
        for start in range(0, len(ordered), _BATCH):
            batch = ordered[start : start + _BATCH]
            asked = [self._files(change, resolution, names) for change, resolution in batch]
            judge.locate(
                file
                for (_, merge), files in zip(batch, asked, strict=True)
                for file in files
                if _contested(file, merge)
            )
            for (change, resolution), files in zip(batch, asked, strict=True):
                self._known[change.id, resolution.merge] = judge.kept(resolution, files)
                self._reader.forget(above=_HELD)

    def _files(self, change: Change, resolution: Resolution, names: Mapping[tuple[Sha, bytes], bytes]) -> list[_File]:
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


_BATCH = 512
_PLACES = 20_000
_FEW_PATHS = 100
_FEW_PAIRS = 64
_HELD = 64 * 1024 * 1024
_EFFECTS = 400_000

_Place = tuple[Sha, bytes]
_Pair = tuple[Sha, Sha]
_File = list[_Place]


def _contested(file: _File, resolution: Resolution) -> bool:
    """Whether a merge has something at a path that git would not have put there."""
    return file[2][1] in resolution.paths


class _Known(NamedTuple):
    """What a change did to a path, and the forms in which text was read for that."""

    effect: Effect
    forms: frozenset[Form]


class _Met(NamedTuple):
    """A change where a merge met it: what it did, the result, all sides, the one that has it and one that has not."""

    effect: Effect
    result: Units
    others: list[Units]
    own: tuple[Units, TreeEntry | None]
    other: tuple[Units, TreeEntry | None]
    copies: list[Delivery[Unit]]


class _Share(NamedTuple):
    """How many units of a change a merge kept in a file, and how many it did not.

    ``pinned`` of those missed are lines in which the change set another digest, or of which the merge has the like with
    another one; ``versions`` is whether versions were left out that the merge has otherwise. The digests of another
    version are no loss either.
    """

    kept: int
    missed: int
    pinned: int = 0
    versions: bool = False


_DIGEST = re.compile(r"(?<![0-9A-Za-z])(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{7,64}(?![0-9A-Za-z])")


def _masked(unit: Unit) -> str:
    """A line or an element without its digests and numbers."""
    return skeleton(_DIGEST.sub("#", str(unit)))


class _Judge:
    """Asks of files that changes touched what merges kept of that."""

    def __init__(self, reader: LossReader) -> None:
        self._reader = reader
        self._entries: dict[_Place, TreeEntry] = {}
        self._effects: dict[tuple[Form, TreeEntry | None, TreeEntry | None], _Known | None] = {}
        self._size = 0

    def locate(self, files: Iterable[_File]) -> None:
        """Read where some files are, and forget others."""
        self._entries = self._reader.entries({place for file in files for place in file})

    def kept(self, resolution: Resolution, files: Sequence[_File]) -> tuple[frozenset[bytes], float] | None:
        """Where a merge did not keep a change, and the share of it that it kept; None if it delivered it."""
        contested = [(file, self._counted(file)) for file in files if _contested(file, resolution)]
        kept = sum(stayed for _, (stayed, _) in contested)
        missed = sum(most for _, (_, most) in contested)
        found: list[tuple[bytes, _Share]] = []
        for file, (stayed, most) in contested:
            # What is no loss after all, and what other files kept, can only raise the share that was kept.
            if not missed or kept / (kept + missed) >= _KEPT:
                return None
            if most:
                share = self._share(file)
                kept, missed = kept + share.kept - stayed, missed + share.missed - most
                found.append((file[2][1], share))
        versions = any(share.versions for _, share in found)
        if versions:
            missed -= sum(share.pinned for _, share in found)
        lost = {path for path, share in found if share.missed > (share.pinned if versions else 0)}
        if not lost:
            return None
        before = kept + missed
        rest = [file for file in files if not _contested(file, resolution)]
        self._entries |= self._reader.entries({place for file in rest for place in file[:2]})
        for old, new, *_ in rest:
            known = self._effect(old[1], self._entries.get(old), self._entries.get(new))
            if known is not None:
                kept, before = kept + len(known.effect), before + len(known.effect)
        return (frozenset(lost), kept / before) if before and kept / before < _KEPT else None

    def _counted(self, file: _File) -> tuple[int, int]:
        """How many units a merge kept, and how many it did not, whether or not that is a loss."""
        met = self._met(file)
        return (0, 0) if met is None else (sum(c.kept for c in met.copies), sum(c.had - c.kept for c in met.copies))

    def _met(self, file: _File) -> _Met | None:
        """What became of a change where a merge met it; None where nothing can be said, or no side stands alone."""
        sides = self._sides(file)
        if len(set(sides)) == 1:
            return None  # no side has what another has not
        read = self._read(file)
        if read is None:
            return None
        effect, result, others = read
        added = effect.added + Counter(pair.after for pair in effect.altered)
        removed = effect.removed + Counter(pair.before for pair in effect.altered)
        ranked = sorted(zip(others, sides, strict=True), key=lambda side: -state(effect, side[0]).live)
        own, other = ranked[0], ranked[-1]
        return _Met(
            effect, result, others, own, other, delivered(added, removed, result.counts, own[0].counts, other[0].counts)
        )

    def _share(self, file: _File) -> _Share:
        """How much of a change a merge kept of what one of its sides alone had, and how much it did not."""
        met = self._met(file)
        if met is None:
            return _Share(0, 0)
        effect, result, others, (own, own_entry), (other, other_entry), copies = met
        verdicts = [
            Verdict(each.unit, What.LOST if each.added else What.UNDONE, Side.SOURCE, each.had - each.kept)
            for each in copies
            if each.kept < each.had
        ]
        stayed = sum(each.kept for each in copies)
        # What is no loss in a merge (a version, a newer value, imports) is none here.
        was, _, merged, *_ = file
        versions = {
            "base": self._entries.get(was), "merged": self._entries.get(merged), "source": own_entry,
            "target": other_entry,
        }  # fmt: skip
        contents = {
            name: content
            for name, entry in versions.items()
            if entry is not None and (content := self._reader.content(entry.sha)) is not None
        }
        scene = Scene(path=merged[1], base=effect.before, target=other, source=own, merged=result, contents=contents)
        sifted = sift(verdicts, scene)
        scene.forget()
        missed = sifted.losses
        # Who solves a conflict by joining both sides in one line has kept both.
        fresh = [
            unit.value for unit in result.counts if unit.kind == "line" and not any(unit in s.counts for s in others)
        ]
        joined = sum(
            each.copies
            for each in missed
            if each.what is What.LOST and each.unit.kind == "line" and said_again(each.unit.value, fresh)
        )
        gone = [*effect.removed, *(pair.before for pair in effect.altered)]
        pins = {_masked(unit) for unit in (*result.counts, *gone) if _DIGEST.search(str(unit))}
        return _Share(
            stayed + joined,
            sum(verdict.copies for verdict in missed) - joined,
            sum(v.copies for v in missed if v.what is What.LOST and _masked(v.unit) in pins),
            versions=any(sifted.left_out[name] for name in ("version", "newer-value")),
        )

    def _sides(self, file: _File) -> list[TreeEntry | None]:
        """What each side of the merge has there."""
        by_side: dict[Sha, TreeEntry | None] = {}
        for tree, path in file[3:]:
            by_side[tree] = by_side.get(tree) or self._entries.get((tree, path))
        return list(by_side.values())

    def _read(self, file: _File) -> tuple[Effect, Units, list[Units]] | None:
        """What the change did, the result of the merge, and its sides, in one form; None where one cannot be read."""
        path = file[0][1]
        old, new, merged = (self._entries.get(place) for place in file[:3])
        rest = [merged, *self._sides(file)]
        known = self._effect(path, old, new)
        if known is None:
            return None
        read = self._reader.together(path, rest)
        effect = known.effect
        if len(known.forms.union(units.form for units in read if units.is_text)) > 1:
            was, now, *read = self._reader.together(path, [old, new, *rest])
            effect = effect_of(was, now)
        if not all(units.is_known for units in read):
            return None
        return effect, read[0], read[1:]

    def _effect(self, path: bytes, old: TreeEntry | None, new: TreeEntry | None) -> _Known | None:
        key = (form_of(path), old, new)
        if key not in self._effects:
            both = self._reader.together(path, [old, new])
            known = None
            if all(units.is_known for units in both):
                known = _Known(effect_of(*both), frozenset(units.form for units in both if units.is_text))
            self._size += 1 + sum(len(units.counts) for units in both)
            if self._size > _EFFECTS:
                self._effects.clear()
                self._size = 0
            self._effects[key] = known
        return self._effects[key]


_KEPT = 0.8
"""A merge that keeps at least this share of a change's lines has delivered it."""
