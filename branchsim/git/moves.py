"""Where git takes few of many files to have been moved, told from names and ids.

Between trees whose directories were laid out anew thousands of names are gone and thousands are new. Git pairs equal
contents first, then files that alone have their base name and are rather alike; the rest it compares each with each,
if that is not too much. For all that it reads the files. Of a few files the first two steps follow from the lists of
names and ids, and where it is too much there is no third.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from branchsim.names import Sha, file_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from branchsim.git.log import RawChange

_NOTHING = "000000"
_File = tuple[str, str]
_Content = tuple[str, str]


class Likely(NamedTuple):
    """A plain file that is gone and the new one that git takes for it if 75 % of them are alike, and no other."""

    old: bytes
    new: bytes
    contents: tuple[Sha, Sha]


class Few(NamedTuple):
    """What became of some files.

    Attributes
    ----------
    moved : dict
        From the old name to the new one, of those whose content is the same.
    likely : list of Likely
        Those that are moved if they are rather alike.
    """

    moved: dict[bytes, bytes]
    likely: list[Likely]


class Apart:
    """What differs between two trees; it is carried on from one first tree to the next.

    Parameters
    ----------
    changes : iterable of RawChange
        All that differs between the first tree and the second.
    """

    def __init__(self, changes: Iterable[RawChange]) -> None:
        self._files: dict[bytes, tuple[_File | None, _File | None]] = {}
        self._gone = _Side()
        self._new = _Side()
        self._alone = 0
        self._put({change.path: _sides(change) for change in changes})

    def carry(self, changes: Iterable[RawChange], *, second: bool = False) -> None:
        """Take another first (or second) tree, given by all in which it differs from the present one."""
        fresh = {}
        for change in changes:
            was, now = _sides(change)
            # What did not differ the other tree has as the present one had it.
            before, after = self._files.get(change.path, (was, was))
            fresh[change.path] = (before, now) if second else (now, after)
        self._put(fresh)

    def __len__(self) -> int:
        return len(self._files)

    def gone(self, among: AbstractSet[bytes]) -> frozenset[bytes]:
        """Those of some paths that only the first tree has."""
        return frozenset(path for path in self._of(among) if self._files[path][1] is None)

    def new(self, among: AbstractSet[bytes]) -> frozenset[bytes]:
        """Those of some paths that only the second tree has."""
        return frozenset(path for path in self._of(among) if self._files[path][0] is None)

    def _of(self, among: AbstractSet[bytes]) -> Iterator[bytes]:
        """Those of some paths that differ; the fewer are gone through."""
        files = self._files
        fewer, more = (among, files) if len(among) < len(files) else (files, among)
        return (path for path in fewer if path in more)

    def few(self, asked: Iterable[bytes], most: int, to: Iterable[bytes] | None = None) -> Few | None:
        """Where git takes some files of the first tree to be in the second; None where only git can tell.

        Parameters
        ----------
        asked : iterable of bytes
            The old names that are asked for.
        most : int
            Git compares each with each where the files gone times the new ones are at most the square of this.
        to : iterable of bytes, optional
            The new names that matter; those that went elsewhere may be left out.
        """
        found = Few({}, [])
        gone, new = self._gone, self._new
        wanted = {path: before for path in asked if (before := self._lost(path)) is not None}
        if not wanted or not new.paths:
            return found
        # As many as can be found by their base name need not be compared with others.
        if (gone.left - self._alone) * (new.left - self._alone) <= most * most:
            return None
        places = None if to is None else self._places(to)
        for path, before in wanted.items():
            content, name = _content(before), file_name(path)
            if places is not None and content not in places and name not in places:
                continue
            if content in new.paths:
                place = _same(path, gone.paths[content], new.paths[content])
                if place is None:
                    return None
                found.moved[path] = place
            elif len(gone.sure.get(name, ())) == 1 and new.has(name) and len(new.sure.get(name, ())) <= 1:
                if gone.perhaps[name] or new.perhaps[name]:
                    return None  # it depends on which of several equal files are paired
                (place,) = new.sure[name]
                after = self._files[place][1]
                if after is not None and _is_plain(before) and _is_plain(after):
                    found.likely.append(Likely(path, place, (Sha(before[1]), Sha(after[1]))))
        return found

    def _places(self, names: Iterable[bytes]) -> set[_Content | bytes]:
        """What has to be alike in a file that went to one of some new names: the content, or the base name."""
        found: set[_Content | bytes] = set()
        for name in names:
            before, after = self._files.get(name, (None, None))
            if before is None and after is not None:
                found |= {_content(after), file_name(name)}
        return found

    def _lost(self, path: bytes) -> _File | None:
        before, after = self._files.get(path, (None, None))
        return before if after is None else None

    def _put(self, fresh: Mapping[bytes, tuple[_File | None, _File | None]]) -> None:
        """Note what stands at some paths now."""
        old = {path: self._files.pop(path) for path in fresh if path in self._files}
        kept = {path: versions for path, versions in fresh.items() if versions[0] != versions[1]}
        self._files |= kept
        away, come = (
            [(path, *place) for path, versions in each.items() if (place := self._place(*versions)) is not None]
            for each in (old, kept)
        )
        touched = {content for _, _, content in (*away, *come)}
        for content in touched:
            self._count(content, -1)
        for path, side, content in away:
            side.remove(path, content)
        for path, side, content in come:
            side.paths.setdefault(content, set()).add(path)
        for content in touched:
            self._count(content, 1)

    def _place(self, before: _File | None, after: _File | None) -> tuple[_Side, _Content] | None:
        """On which side a file is that only one tree has, and what is in it."""
        if before is not None:
            return None if after is not None else (self._gone, _content(before))
        return None if after is None else (self._new, _content(after))

    def _count(self, content: _Content, sign: int) -> None:
        """Count what is left of a content when equal files are paired, or take that count back."""
        for one, other in ((self._gone, self._new), (self._new, self._gone)):
            paths = one.paths.get(content, ())
            taken = len(other.paths.get(content, ()))
            if taken < len(paths):
                one.left += sign * (len(paths) - taken)
                for path in paths:
                    name = file_name(path)
                    self._alone -= self._may_be_alone(name)
                    one.tally(name, path, sign, sure=not taken)
                    self._alone += self._may_be_alone(name)

    def _may_be_alone(self, name: bytes) -> bool:
        """Whether a base name may be left once on either side."""
        gone, new = self._gone, self._new
        few = len(gone.sure.get(name, ())) <= 1 and len(new.sure.get(name, ())) <= 1
        return few and gone.has(name) and new.has(name)


class _Side:
    """The files that one of two trees has and the other has not."""

    def __init__(self) -> None:
        self.paths: dict[_Content, set[bytes]] = {}
        self.left = 0
        """How many are left when equal contents are paired."""
        self.sure: dict[bytes, set[bytes]] = {}
        """By base name those that are left in any case."""
        self.perhaps: Counter[bytes] = Counter()
        """By base name how many others may be left."""

    def has(self, name: bytes) -> bool:
        """Whether any may be left."""
        return name in self.sure or self.perhaps[name] > 0

    def remove(self, path: bytes, content: _Content) -> None:
        left = self.paths[content]
        left.remove(path)
        if not left:
            del self.paths[content]

    def tally(self, name: bytes, path: bytes, sign: int, *, sure: bool) -> None:
        if not sure:
            self.perhaps[name] += sign
        elif sign > 0:
            self.sure.setdefault(name, set()).add(path)
        else:
            self.sure[name].remove(path)
            if not self.sure[name]:
                del self.sure[name]


def _sides(change: RawChange) -> tuple[_File | None, _File | None]:
    return (
        None if change.old_mode == _NOTHING else (change.old_mode, change.old),
        None if change.new_mode == _NOTHING else (change.new_mode, change.new),
    )


def _is_plain(file: _File) -> bool:
    return file[0].startswith("100")


def _content(file: _File) -> _Content:
    """What has to be equal for git to pair two files at once; the mode only of what is no plain file."""
    return ("" if _is_plain(file) else file[0]), file[1]


def _same(path: bytes, gone: Iterable[bytes], new: Iterable[bytes]) -> bytes | None:
    """Which of some new files with its content git pairs a file with; None where it may be any, or none.

    Each new one, by its path, takes one of its own base name, or else any, that is not taken yet.
    """
    free = set(gone)
    for place in sorted(new):
        near = {each for each in free if file_name(each) == file_name(place)} or free
        if len(near) != 1:
            return None
        if near == {path}:
            return place
        free = free - near
    return None


__all__ = ["Apart", "Few", "Likely"]
