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
    nowhere: Mapping[Sha, bytes] | None = None,
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
        From a commit to a file that it edits and that the tip probably has nowhere, which is a conflict; where that is
        so, none of its other files is looked at.
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
            and nowhere.get(commit.sha, change.path) == change.path
        ]
        for commit in commits
    }
    where = Whereabouts(scratch, gone, parents, tip, files, trees)
    place = _Place(scratch, commits, files, parents)
    told: dict[Sha, Outcome] = {}
    asked: dict[Sha, list[Versions | Merged | None]] = {}
    for commit in commits:
        changes = [each for each in commit.changes if nowhere.get(commit.sha, each.path) == each.path]
        parts = [_part(commit, each, files, where, place) for each in changes]
        if Merged.CONFLICT in parts:
            told[commit.sha] = Outcome.CONFLICT
        elif len(changes) == len(commit.changes):
            asked[commit.sha] = parts
    merged = merge_files(scratch, [part for each in asked.values() for part in each if isinstance(part, Versions)])
    for sha, each in asked.items():
        states = {merged.get(part) if isinstance(part, Versions) else part for part in each}
        if Merged.CONFLICT in states:
            told[sha] = Outcome.CONFLICT
        elif None not in states:
            told[sha] = Outcome.CLEAN if Merged.CHANGED in states else Outcome.SAME
    return told


def _part(
    commit: Commit, change: RawChange, files: Tree, where: Whereabouts, place: _Place
) -> Versions | Merged | None:
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
        here = place.of_moved(commit, now)
        return None if here is None or removes else _versions(old, here, new)
    if removes:
        return Merged.CHANGED if here == old else Merged.CONFLICT
    return _versions(None if adds else old, here, new)


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

    def of_moved(self, commit: Commit, path: bytes | Unsure) -> tuple[str, str] | None:
        """A file where it was moved to, if that is known and the commit puts nothing there."""
        if not isinstance(path, bytes) or any(each.path == path for each in commit.changes):
            return None
        return self._files[path]


__all__ = ["Outcome", "apply_filewise"]
