"""Changes that no commit of a branch carries, replayed on it: whether their content is there, and since when."""

from __future__ import annotations

import shlex
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from branchsim.audit.bookkeeping import is_bookkeeping
from branchsim.audit.elements import by_elements, is_structured
from branchsim.audit.lines import Asked, Effect, EffectReader
from branchsim.audit.losses import LossReader
from branchsim.audit.newer import held as held_versions
from branchsim.audit.newer import is_of_another, raised
from branchsim.audit.ranks import is_main
from branchsim.audit.relocated import Relocated, Touch
from branchsim.audit.shares import Question, read_shares
from branchsim.git.log import empty_tree
from branchsim.git.merge import Trees
from branchsim.git.objects import ObjectInfo, ObjectReader
from branchsim.git.repository import Repository
from branchsim.git.session import merge_some_trees
from branchsim.history.changes import Change
from branchsim.history.landings import History, Landing
from branchsim.names import Sha

_PROBABLE_SHARE = 0.8
_ELEMENTS_SHARE = 0.5
"""Of elements that are all there, in whichever order, at least so much of the added lines is there too."""

_FEWEST_LINES = 4
_MOMENTS = 12
_HELD = 32 * 1024 * 1024
"""So many bytes of files are held for the next question, and one file more."""

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Standing:
    """What a branch holds of a change that no commit of it carries.

    Attributes
    ----------
    there : bool
        Whether replaying the change changes nothing from some landing on.
    landing : Landing or None
        That landing; None where the content was there before the change landed.
    commit : Sha or None
        The commit of that landing.
    superseded_by : Sha or None
        The commit of the branch that removed the files it changes, or one with which the branch has the versions that
        it brings, or newer ones.
    check : str
        The git command that shows it, where it is not that commit.
    bookkeeping : bool
        Whether it only sets a version and writes the change log, as each line of releases does for itself.
    probable : bool
        Whether most of its lines are there.
    share : float
        The share of its lines that are there, 0 to 1; not counted out where it is too small to mean something.
    part : str
        Of what that is the share.
    reason : str
        One sentence that a person can check with git.
    """

    there: bool = False
    landing: Landing | None = None
    commit: Sha | None = None
    superseded_by: Sha | None = None
    check: str = ""
    bookkeeping: bool = False
    probable: bool = False
    share: float = 0.0
    part: str = "its lines"
    reason: str = ""


class Replay:
    """Changes replayed on the landings of one branch.

    Parameters
    ----------
    repository : Repository
        Where to read, and to merge in its scratch repository.
    history : History
        The replay.
    branch : str
        The branch.
    reader : LossReader
        Reads and parses the blobs.
    effects : EffectReader
        Reads what changes do.
    """

    def __init__(
        self, repository: Repository, history: History, branch: str, reader: LossReader, effects: EffectReader
    ) -> None:
        self._repository = repository
        self._effects = effects
        self._history = history
        self._branch = branch
        self._reader = reader
        self._landings = history.landings[branch]
        self._relocated = Relocated(history, branch)

    def standings(
        self, changes: Sequence[Change], paths: Mapping[Sha, set[bytes]] | None = None
    ) -> dict[Sha, Standing]:
        """What the branch holds of each change, at the given paths or at all that its commits touch.

        The moments asked are those at which the branch's own line touched a path of the change after it landed, and the
        moment before. What the branch moved is asked for under its name there. Where the lines of the change are all
        there, git replays it; where replaying changes nothing, that is the landing of its content.
        """
        if not changes or not self._landings:
            return {}
        paths = paths or self._paths(changes)
        moved = {change.id: self._moved(paths[change.id]) for change in changes}
        names = {sha: paths[sha].union(name for name, _ in moved[sha].values()) for sha in moved}
        touched = self._touched(frozenset().union(*names.values()))
        by_id = {change.id: change for change in changes}
        asked = self._asked(changes, paths)
        found: dict[Sha, Standing] = {}
        with ObjectReader(self._repository.scratch) as reader:
            for effects in self._effects.groups(asked):
                some = [by_id[sha] for sha in effects]
                moments = {change.id: self._moments(change, names[change.id], touched) for change in some}
                asked_of = {sha: _Places(effects[sha], moved[sha]) for sha in effects}
                found |= self._of_some(some, {sha: asked[sha].trees for sha in effects}, asked_of, moments, reader)
        return found

    def bookkeeping(self, changes: Sequence[Change]) -> set[Sha]:
        """Those of some changes that only set a version and write the change log."""
        by_id = {change.id: change for change in changes}
        groups = self._effects.groups(self._asked(changes, self._paths(changes)))
        return {sha for effects in groups for sha, each in effects.items() if _keeps_books(by_id[sha], each)}

    def _paths(self, changes: Sequence[Change]) -> dict[Sha, set[bytes]]:
        return {
            change.id: {raw.path for sha in change.commits for raw in self._history.commit(sha).changes}
            for change in changes
        }

    def _asked(self, changes: Sequence[Change], paths: Mapping[Sha, set[bytes]]) -> dict[Sha, Asked]:
        nothing = empty_tree(self._repository.scratch)
        return {
            change.id: Asked((change.trees[0] or nothing, change.trees[1]), frozenset(paths[change.id]))
            for change in changes
        }

    def _of_some(
        self,
        changes: Sequence[Change],
        pairs: Mapping[Sha, tuple[Sha, Sha]],
        places: Mapping[Sha, _Places],
        moments: Mapping[Sha, Sequence[Landing]],
        reader: ObjectReader,
    ) -> dict[Sha, Standing]:
        """The same for so many changes that what they do fits into memory."""
        effects = {sha: each.effects for sha, each in places.items()}
        by_id = {change.id: change for change in changes}
        asked = [(change, landing) for change in changes for landing in moments[change.id]]
        questions = [
            Question(change.id, self._tree(landing), places[change.id].at(landing)) for change, landing in asked
        ]
        mains = [
            Question(each.change, each.tree, main)
            for each in questions
            if len(main := _main(each.effects)) < len(each.effects)
        ]
        candidates = []
        likely: dict[Sha, list[Landing]] = {change.id: [] for change in changes}
        shares: dict[Sha, float] = {}
        told = read_shares(reader, [*questions, *mains], lambda sha: self._least(by_id[sha], effects[sha]))
        main_shares: dict[Sha, float] = {}
        for each, share in zip(mains, told[len(questions) :], strict=True):
            main_shares[each.change] = max(main_shares.get(each.change, 0.0), share.there)
        for (change, landing), share in zip(asked, told[: len(questions)], strict=True):
            shares[change.id] = max(shares.get(change.id, 0.0), share.there)
            if share.there == 1.0:
                candidates.append((change, landing))
            # Lines that were removed may stand elsewhere in the file, as part of other elements.
            if share.there >= _ELEMENTS_SHARE or share.unsure:
                likely[change.id].append(landing)
        replayed = self._replayed(candidates, pairs)
        rest = [change for change in changes if change.id not in replayed]
        held = by_elements(self._repository.scratch, self._reader, self._history, likely, rest)
        found = {
            change.id: self._standing(
                change,
                replayed.get(change.id, held.get(change.id)),
                effects[change.id],
                (shares.get(change.id, 0.0), main_shares.get(change.id, 0.0)),
                "every element is as it made it" if change.id in held else "replaying it there changes nothing",
            )
            for change in changes
        }
        files = _Files(reader)
        for change in changes:
            standing = found[change.id]
            if not (standing.there or standing.superseded_by or standing.bookkeeping):
                found[change.id] = self._overtaken(change, places[change.id], moments[change.id], files) or standing
        return found

    def _least(self, change: Change, effects: Sequence[Effect]) -> float:
        """The share of a change below which it does not matter how much of it is there."""
        if is_structured(self._history, change):
            return _ELEMENTS_SHARE
        return 1.0 if _lines(effects) < _FEWEST_LINES or _keeps_books(change, effects) else _PROBABLE_SHARE

    def _overtaken(
        self,
        change: Change,
        places: _Places,
        moments: Sequence[Landing],
        files: _Files,
    ) -> Standing | None:
        """The first landing on which the branch has the versions that a change brings, or newer ones."""
        landings: dict[Sha, Landing] = {}
        # Where a file was moved meanwhile, what is asked of it is asked where it is now.
        effects = places.at(moments[-1])
        for landing in moments:
            if places.at(landing) == effects:
                landings.setdefault(self._tree(landing), landing)
        held = held_versions(effects, raised(effects), landings, files.of)
        if held is None:
            return None
        tree, found = held
        landing = landings[tree]
        what = "a newer version than it brings" if found.newer else "the version that it brings"
        had = "had" if landing.at <= change.at else "has"
        since = "" if landing.at <= change.at else f"with {landing.sha[:12]} "
        path = found.path.decode("utf-8", "replace")
        line = found.line.decode("utf-8", "replace")[:_SHOWN]
        return Standing(
            superseded_by=landing.sha,
            check=shlex.join(["git", "show", f"{landing.sha[:12]}:{path}"]),
            reason=f"{since}{self._branch} {had} {what}: {line!r} in {path}",
        )

    def _moved(self, paths: Iterable[bytes]) -> dict[bytes, tuple[bytes, int]]:
        """Of some paths those under another name on the branch: that name, and the place from which on it has it."""
        found = {path: self._relocated.of(path) for path in paths}
        return {path: moved for path, moved in found.items() if moved is not None}

    def _tree(self, landing: Landing) -> Sha:
        return self._history.commit(landing.sha).tree

    def _touched(self, paths: Collection[bytes]) -> dict[bytes, list[int]]:
        """The places of the landings that touched each of some paths, in order."""
        found: dict[bytes, list[int]] = defaultdict(list)
        for landing in self._landings:
            for raw in self._history.commit(landing.sha).changes:
                if raw.path in paths:
                    found[raw.path].append(landing.place)
        return found

    def _moments(
        self, change: Change, paths: Collection[bytes], touched: Mapping[bytes, Sequence[int]]
    ) -> list[Landing]:
        landings = self._landings
        first = bisect_right(landings, change.at, key=lambda landing: landing.at)
        later = sorted({place for path in paths for place in touched.get(path, ()) if place >= first})
        if len(later) > _MOMENTS:
            later = [*later[: _MOMENTS - 1], later[-1]]
        # What a branch held when it was made is asked of its first landing, whichever paths that touched.
        return [landings[place] for place in dict.fromkeys([max(0, first - 1), *later])]

    def _replayed(
        self, candidates: Sequence[tuple[Change, Landing]], pairs: Mapping[Sha, tuple[Sha, Sha]]
    ) -> dict[Sha, Landing]:
        """For each change the first landing on which replaying it changes nothing."""
        triples = [
            Trees(pairs[change.id][0], self._tree(landing), pairs[change.id][1]) for change, landing in candidates
        ]
        found: dict[Sha, Landing] = {}
        for (change, landing), result in zip(
            candidates, merge_some_trees(self._repository.scratch, triples), strict=True
        ):
            if result.clean and result.tree == self._tree(landing):
                found.setdefault(change.id, landing)
        return found

    def _standing(
        self, change: Change, landing: Landing | None, effects: Sequence[Effect], shares: tuple[float, float], how: str
    ) -> Standing:
        """What is to be said of a change, by the share of its lines and of those outside tests and the like."""
        branch = self._branch
        if landing is not None and landing.at <= change.at:
            return Standing(there=True, share=1.0, reason=f"{branch} had its content already: {how}")
        if landing is not None:
            reason = f"its content is on {branch} since {landing.sha[:12]}: {how}"
            return Standing(there=True, landing=landing, commit=landing.sha, share=1.0, reason=reason)
        remover = self._remover(change, [effect.path for effect in effects])
        if remover is not None:
            return Standing(
                superseded_by=remover, reason=f"{remover[:12]} removed from {branch} the files that it changes"
            )
        share, main_share = shares
        if _keeps_books(change, effects):
            return Standing(bookkeeping=True, share=share)
        main = _main(effects)
        if not _is_probable(effects, share) and _is_probable(main, main_share):
            return Standing(probable=True, share=main_share, part="its lines outside tests and the like")
        return Standing(probable=_is_probable(effects, share), share=share)

    def _remover(self, change: Change, paths: Sequence[bytes]) -> Sha | None:
        """The commit that removed the last of the paths, if none of them is left and the change made none."""
        history = self._history
        made = {raw.path for sha in change.commits for raw in history.commit(sha).changes if raw.status == "A"}
        if not paths or made & set(paths):
            return None
        last = [touch for path in set(paths) if (touch := self._relocated.last_of(path)) is not None]
        if len(last) != len(set(paths)) or any(touch.status != "D" for touch in last):
            return None
        if self._renamed(last):
            return None
        return max((touch.place, touch.commit) for touch in last)[1]

    def _renamed(self, last: Iterable[Touch]) -> bool:
        """Whether git takes any of the files for renamed, where they went."""
        for touch in last:
            commit = self._history.commit(touch.commit)
            parent = next((each for each in commit.parents if each in self._history.graph), None)
            if parent is not None:
                before = self._history.commit(parent).tree
                if self._reader.moves.of(before, commit.tree, [touch.path]):
                    return True
        return False


def _main(effects: Sequence[Effect]) -> list[Effect]:
    """What a change does outside tests, documentation and what programs write."""
    return [each for each in effects if is_main(each.path)]


def _is_probable(effects: Sequence[Effect], share: float) -> bool:
    """Whether so much of what a change adds is there that it was probably written again."""
    lines = _lines(effects)
    # Few lines are there by chance, unless they are all there.
    return lines > 0 and share >= (_PROBABLE_SHARE if lines >= _FEWEST_LINES else 1.0)


def _keeps_books(change: Change, effects: Sequence[Effect]) -> bool:
    return is_bookkeeping(change.subject, effects) and not is_of_another(change.subject, effects)


def _lines(effects: Iterable[Effect]) -> int:
    return sum(sum(effect.added.values()) for effect in effects)


class _Places:
    """What a change does, at the names that a branch has the files under."""

    def __init__(self, effects: Sequence[Effect], moved: Mapping[bytes, tuple[bytes, int]]) -> None:
        self.effects = effects
        self._moved = [
            (replace(effect, path=moved[effect.path][0]), moved[effect.path][1]) if effect.path in moved else None
            for effect in effects
        ]

    def at(self, landing: Landing) -> list[Effect]:
        """What it does, as the files were called after a landing."""
        return [
            effect if elsewhere is None or landing.place < elsewhere[1] else elsewhere[0]
            for effect, elsewhere in zip(self.effects, self._moved, strict=True)
        ]


class _Files:
    """The files of trees, some of which are asked for again."""

    def __init__(self, reader: ObjectReader) -> None:
        self._reader = reader
        self._known: dict[Sha, bytes | None] = {}
        self._size = 0

    def of(self, path: bytes, trees: Sequence[Sha]) -> dict[Sha, bytes | None]:
        """The files at a path of some trees, in their order; None where there is no readable one."""
        infos = self._reader.find((tree, path) for tree in trees)
        blobs = {
            tree: info for (tree, _), info in infos.items() if isinstance(info, ObjectInfo) and info.type == "blob"
        }
        if self._size > _HELD:
            self._known.clear()
            self._size = 0
        unread = {info.sha: info for info in blobs.values() if info.sha not in self._known}
        for sha, content in self._reader.known_blobs(unread.values()):
            self._known[sha] = content if isinstance(content, bytes) else None
            self._size += unread[sha].size
        return {tree: self._known.get(blobs[tree].sha) if tree in blobs else None for tree in trees}
