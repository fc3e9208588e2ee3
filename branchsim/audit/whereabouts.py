"""Where the files that commits change are on another tip: where git would look for one that is gone.

A pick is a merge whose base is the commit's parent. Of a file that the other tip has not, git asks whether it was
moved, among all files that the tip has and the parent has not. Here that is told for many commits without asking git of
each: their parents differ in little, so what the tip has more is kept up to date from one to the next, and contents are
compared once for all of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from branchsim.audit.alike import likenesses
from branchsim.git.difftree import raw_changes
from branchsim.git.log import RawChange
from branchsim.git.objects import ObjectReader
from branchsim.names import Sha, file_name

if TYPE_CHECKING:
    from branchsim.git.scratch import Scratch

Tree = Mapping[bytes, tuple[str, str]]

_FILES = frozenset({"100644", "100755"})
_BLOBS = _FILES | {"120000"}
_NOTHING = "000000"
# Git counts lines by a hash with collisions, so that files look a little more alike to it than they are.
_POSSIBLE = 0.45
_MOVED = 0.51
_MOVED_BY_NAME = 0.76


def above(path: bytes) -> list[bytes]:
    """The directories of a path, the nearest first."""
    found = []
    while b"/" in path:
        path = path.rpartition(b"/")[0]
        found.append(path)
    return found


class Unsure(NamedTuple):
    """Only git itself can tell: a file is at one of several places, if it is anywhere."""

    places: tuple[bytes, ...]


class Parents:
    """The trees of some parents, one after another, beside that of a tip.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    trees : sequence of Sha
        The trees, in the order in which they will be walked through; neighbours should be alike.
    tip : Sha
        The tip's tree.
    files : mapping
        The tip's files, with mode and id.

    Attributes
    ----------
    added : mapping
        By file name the files and links that the tip has and the present tree has not.
    lost : mapping
        By id the files that the present tree has and the tip has not.
    ever : set
        All that is added at any time.
    """

    def __init__(self, scratch: Scratch, trees: Sequence[Sha], tip: Sha, files: Tree) -> None:
        self._files = files
        self._order = list(dict.fromkeys(trees))
        pairs = [(tip, self._order[0]), *zip(self._order, self._order[1:], strict=False)]
        self._steps = dict(zip(self._order, raw_changes(scratch, pairs).values(), strict=True))
        self.added: dict[bytes, set[bytes]] = {}
        self.lost: dict[str, set[bytes]] = {}
        self.ever = {change.path for changes in self._steps.values() for change in changes if self._is_new(change)}

    def walk(self) -> Iterator[Sha]:
        """Each tree in turn."""
        self.added, self.lost = defaultdict(set), defaultdict(set)
        for tree, changes in self._steps.items():
            for change in changes:
                self._take(change)
            yield tree

    def _is_new(self, change: RawChange) -> bool:
        """Whether a file of the tip is not in the tree that a change leads to."""
        return change.new_mode == _NOTHING and self._files.get(change.path, ("", ""))[0] in _BLOBS

    def _take(self, change: RawChange) -> None:
        if change.path in self._files:
            if self._is_new(change):
                self.added[file_name(change.path)].add(change.path)
            else:
                self.added[file_name(change.path)].discard(change.path)
            return
        if change.old_mode != _NOTHING:
            self.lost[change.old].discard(change.path)
        if change.new_mode != _NOTHING:
            self.lost[change.new].add(change.path)


class Gone(NamedTuple):
    """A changed file that the tip has not under its name."""

    path: bytes
    mode: str
    sha: Sha


class Whereabouts:
    """Which files of a tip git would take for those that are gone.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    gone : mapping
        From a commit to the files it changes that the tip has not, with modes and ids as they were before it.
    parents : mapping
        From a commit to the tree before it.
    tip : Sha
        The tip's tree.
    files : mapping
        The tip's files, with mode and id.
    trees : Parents, optional
        The trees before these commits, and before others perhaps, where they have been read.

    Attributes
    ----------
    found : dict
        From a commit and a file to the path of the tip that git takes for it, None where it takes none, `Unsure` where
        that cannot be told from here; without places where not even these are known.
    """

    def __init__(
        self,
        scratch: Scratch,
        gone: Mapping[Sha, Sequence[Gone]],
        parents: Mapping[Sha, Sha],
        tip: Sha,
        files: Tree,
        trees: Parents | None = None,
    ) -> None:
        self.found: dict[tuple[Sha, bytes], bytes | Unsure | None] = {}
        by_tree: dict[Sha, list[Sha]] = defaultdict(list)
        for sha, lost in gone.items():
            if lost:
                by_tree[parents[sha]].append(sha)
        if not by_tree:
            return
        self._files = files
        self._directories = {parent for path in files for parent in above(path)}
        self._trees = trees or Parents(scratch, list(by_tree), tip, files)
        self._places: dict[str, list[bytes]] = defaultdict(list)
        for path in sorted(self._trees.ever):
            self._places[files[path][1]].append(path)
        with ObjectReader(scratch) as reader:
            wanted = (each.sha for lost in gone.values() for each in lost if each.mode in _FILES)
            self._alike = likenesses(reader, wanted, map(Sha, self._places), least=_POSSIBLE)
        for tree in self._trees.walk():
            for sha in by_tree.get(tree, ()):
                self._settle(sha, gone[sha])

    def _settle(self, commit: Sha, files: Sequence[Gone]) -> None:
        likely = {file.path: self._likely(file) for file in files}
        for file in files:
            self.found[commit, file.path] = self._of(file, likely)

    def _likely(self, file: Gone) -> dict[bytes, float]:
        """Where it may be now, and how much of it that place has."""
        return {
            path: share
            for sha, share in self._alike.get(file.sha, {}).items()
            for path in self._places[sha]
            if path in self._trees.added[file_name(path)] and self._files[path][0] in _FILES
        }

    def _of(self, file: Gone, likely: Mapping[bytes, Mapping[bytes, float]]) -> bytes | Unsure | None:
        near = likely[file.path]
        if not near:
            in_the_way = file.path in self._directories
            return Unsure(()) if in_the_way or file.mode not in _FILES else None
        unsure = Unsure(tuple(sorted(near)))
        rivals = {path for other, places in likely.items() if other != file.path for path in places}
        place, share = next(iter(near.items()))
        if len(near) > 1:
            # Before it compares everything git looks at files of the same name, if there is one of it on each side.
            name = file_name(file.path)
            if len(self._trees.added[name]) > 1 or any(file_name(path) == name for path in likely if path != file.path):
                return unsure
            place = next(iter(self._trees.added[name]), place)
            share = near.get(place, 0.0)
            if share < _MOVED_BY_NAME or any(self._files[path][1] == file.sha for path in near if path != place):
                return unsure
        # Files with equal contents are paired first, and with this one others may be equal, too.
        taken = self._trees.lost.get(self._files[place][1], set()) - {file.path}
        return unsure if share < _MOVED or place in rivals or taken else place


__all__ = ["Gone", "Parents", "Tree", "Unsure", "Whereabouts", "above"]
