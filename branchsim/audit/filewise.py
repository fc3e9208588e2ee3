"""Whether commits would apply, file by file: only what they change is merged, with what became of it on the target.

Git's pick merges whole trees, and looks for moved files anew for each commit. What a commit's own files come to is all
that decides: this tells it for many commits with one merge of these files, and says of which commits it cannot tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING

from branchsim.audit.whereabouts import Gone, Parents, Tree, Unsure, Whereabouts, above
from branchsim.git.filemerge import Merged, Versions, merge_files
from branchsim.git.objects import ObjectReader
from branchsim.names import Sha

if TYPE_CHECKING:
    from branchsim.git.log import Commit, RawChange
    from branchsim.git.scratch import Scratch

_NOTHING = "000000"
_MOST_PLACES = 8
_MERGED = frozenset({"100644", "100755", "120000"})


class Outcome(Enum):
    """What a pick of a whole commit gives."""

    SAME = "same"
    """The target as it is."""
    CLEAN = "clean"
    """Something new, without conflict."""
    CONFLICT = "conflict"


def apply_filewise(
    scratch: Scratch,
    commits: Sequence[Commit],
    tip: Sha,
    files: Tree,
    parents: Mapping[Sha, Sha],
    nowhere: Mapping[Sha, frozenset[bytes]] | None = None,
    trees: Parents | None = None,
) -> dict[Sha, Outcome]:
    """What picking each commit onto a tip would give, as far as its own files tell that.

    Parameters
    ----------
    scratch : Scratch
        Where to read and to merge.
    commits : sequence of Commit
        The commits, with their changes; no merges. Neighbours should be near each other in history.
    tip : Sha
        The tree they would be picked onto.
    files : mapping
        Its files, with mode and id.
    parents : mapping
        From a commit to the tree before it.
    nowhere : mapping, optional
        From a commit to files that it edits and that the tip probably has nowhere, which is a conflict; of its other
        files, if there are such, none is looked at.
    trees : Parents, optional
        The trees before these commits, and before others perhaps, where they have been read.

    Returns
    -------
    dict
        Those commits of which only git can tell are not in it: renames within the commit, new files where a directory
        was moved, files that may have gone to several places, submodules, files in the way of directories.
    """
    nowhere = nowhere or {}
    gone = {
        commit.sha: [
            Gone(change.path, change.old_mode, Sha(change.old))
            for change in commit.changes
            if change.old_mode != _NOTHING
            and change.path not in files
            and change.path in (nowhere.get(commit.sha) or (change.path,))
        ]
        for commit in commits
    }
    where = Whereabouts(scratch, gone, parents, tip, files, trees)
    place = _Place(scratch, commits, files, parents)
    told: dict[Sha, Outcome] = {}
    asked: dict[Sha, list[_Part]] = {}
    for commit in commits:
        changes = [each for each in commit.changes if each.path in (nowhere.get(commit.sha) or (each.path,))]
        parts = [_part(commit, each, files, where, place) for each in changes]
        if Merged.CONFLICT in parts:
            told[commit.sha] = Outcome.CONFLICT
        elif len(changes) == len(commit.changes):
            asked[commit.sha] = parts
    merged = merge_files(
        scratch, [version for parts in asked.values() for part in parts for version in _versions_in(part)]
    )
    for sha, parts in asked.items():
        states = {_state(part, merged) for part in parts}
        if Merged.CONFLICT in states:
            told[sha] = Outcome.CONFLICT
        elif None not in states:
            told[sha] = Outcome.CLEAN if Merged.CHANGED in states else Outcome.SAME
    return told


_Part = Versions | frozenset[Versions] | Merged | None
"""What is to be merged for a changed file, and at which places if there are several; what is known; or nothing."""


def _versions_in(part: _Part) -> frozenset[Versions]:
    if isinstance(part, Versions):
        return frozenset({part})
    return part if isinstance(part, frozenset) else frozenset()


def _state(part: _Part, merged: Mapping[Versions, Merged]) -> Merged | None:
    if isinstance(part, Versions):
        return merged.get(part)
    if isinstance(part, frozenset):
        # Wherever the file is, and if it is nowhere, there is a conflict.
        return Merged.CONFLICT if all(merged.get(each) is Merged.CONFLICT for each in part) else None
    return part


def _part(commit: Commit, change: RawChange, files: Tree, where: Whereabouts, place: _Place) -> _Part:
    """What becomes of one changed file: known, to be merged, or None where only git can tell."""
    here = files.get(change.path)
    adds, removes = change.old_mode == _NOTHING, change.new_mode == _NOTHING
    old, new = (change.old_mode, change.old), (change.new_mode, change.new)
    if (adds or removes) and place.renames(commit):
        # A file may have been moved within the commit, so what its name says of it is not all.
        return None
    if here is None and adds:
        return Merged.CHANGED if place.is_free(commit, change.path) else None
    if here is None:
        now = where.found[commit.sha, change.path]
        if now is None:
            return Merged.SAME if removes else Merged.CONFLICT
        return None if removes else _moved_part(commit, old, new, now, files)
    if removes:
        return Merged.CHANGED if here == old else Merged.CONFLICT
    return _versions(None if adds else old, here, new)


def _moved_part(commit: Commit, old: tuple[str, str], new: tuple[str, str], now: bytes | Unsure, files: Tree) -> _Part:
    """What is to be merged of an edited file that was moved on the tip."""
    if not isinstance(now, Unsure):
        # Nothing may be put there by the commit itself.
        return None if any(each.path == now for each in commit.changes) else _versions(old, files[now], new)
    several = [_versions(old, files[path], new) for path in now.places[: _MOST_PLACES + 1]]
    if not several or len(several) > _MOST_PLACES or None in several:
        return None
    return frozenset(each for each in several if each is not None)


def _versions(old: tuple[str, str] | None, here: tuple[str, str], new: tuple[str, str]) -> Versions | None:
    modes = {here[0], new[0], *([] if old is None else [old[0]])}
    return Versions(old, here, new) if modes <= _MERGED else None


class _Place:
    """Where there is place on a tip for what commits add."""

    def __init__(self, scratch: Scratch, commits: Sequence[Commit], files: Tree, parents: Mapping[Sha, Sha]) -> None:
        self._files = files
        self.directories = {parent for path in files for parent in above(path)}
        self._top: dict[tuple[Sha, bytes], tuple[Sha, bytes] | None] = {}
        asked = set()
        for commit in commits:
            for change in commit.changes:
                if change.old_mode == _NOTHING and change.path not in files:
                    missing = [each for each in above(change.path) if each not in self.directories]
                    self._top[commit.sha, change.path] = top = (parents[commit.sha], missing[-1]) if missing else None
                    asked |= {top} if top is not None else set()
        with ObjectReader(scratch) as reader:
            self._known = reader.entries(asked)

    def is_free(self, commit: Commit, path: bytes) -> bool:
        """Whether a new file goes where the commit has it: nothing is in the way, and no directory of it was moved."""
        if path in self.directories or any(parent in self._files for parent in above(path)):
            return False
        top = self._top[commit.sha, path]
        return top is None or top not in self._known

    @staticmethod
    def renames(commit: Commit) -> bool:
        """Whether a file may have been moved by the commit itself."""
        return {"A", "D"} <= {change.status for change in commit.changes}


__all__ = ["Outcome", "apply_filewise"]
