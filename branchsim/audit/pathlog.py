"""Who brought a unit, who took it away, and who brought it back: the versions of some paths along history."""

from __future__ import annotations

import codecs
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from branchsim.audit.losses import LossReader
from branchsim.effects import Unit, Units, UnknownContentError
from branchsim.git.log import Commit, RawChange, read_commits
from branchsim.git.objects import TreeEntry
from branchsim.git.scratch import Scratch
from branchsim.names import Sha

_NOTHING = "000000"
_FILES = frozenset({"100644", "100755"})
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_MOST = 200
_AT_ONCE = 16
_PLAIN = re.compile(r"[A-Za-z0-9_]+")
_WORD = re.compile(rb"[\w\x80-\xff]+")
_PATHS_AT_ONCE = 200


class PathLog:
    """The commits of a range that changed some paths, newest first.

    Parameters
    ----------
    reader : LossReader
        Reads and parses the blobs.
    commits : iterable of Commit
        The range, newest first, with its changes.
    beyond : callable, optional
        Gives a longer range, for what was brought before this one began.
    """

    def __init__(
        self, reader: LossReader, commits: Iterable[Commit], *, beyond: Callable[[], PathLog] | None = None
    ) -> None:
        self._reader = reader
        self._beyond = beyond
        self._by_path: dict[bytes, list[tuple[Commit, RawChange]]] = defaultdict(list)
        for commit in commits:
            for change in commit.changes:
                self._by_path[change.path].append((commit, change))

    @classmethod
    def of_steps(
        cls,
        reader: LossReader,
        steps: Mapping[bytes, list[tuple[Commit, RawChange]]],
        *,
        beyond: Callable[[], PathLog] | None = None,
    ) -> PathLog:
        """From the commits that changed each path and how, newest first."""
        log = cls(reader, (), beyond=beyond)
        log._by_path.update(steps)
        return log

    @classmethod
    def read(
        cls,
        scratch: Scratch,
        reader: LossReader,
        revisions: Sequence[str],
        paths: Sequence[bytes],
        *options: str,
        beyond: Callable[[], PathLog] | None = None,
    ) -> PathLog:
        """Read a range from git, limited to the paths."""
        commits: dict[Sha, list[Commit]] = {}
        wanted = sorted(set(paths))
        for start in range(0, len(wanted), _PATHS_AT_ONCE):
            part = wanted[start : start + _PATHS_AT_ONCE]
            for commit in read_commits(scratch, revisions, options=options, paths=part):
                commits.setdefault(commit.sha, []).append(commit)
        return cls(reader, (each for group in commits.values() for each in group), beyond=beyond)

    def of(self, path: bytes) -> list[tuple[Commit, RawChange]]:
        """The commits that changed a path and how, newest first."""
        return self._by_path.get(path, [])

    def brought(self, names: Iterable[bytes], unit: Unit) -> Commit | None:
        """The newest commit with which a unit came to a path."""
        wanted = tuple(names)
        found = self._last(wanted, unit, sign=1)
        return found if found is not None or self._beyond is None else self._beyond().brought(wanted, unit)

    def removed(self, names: Iterable[bytes], unit: Unit) -> Commit | None:
        """The newest commit with which a unit left a path."""
        return self._last(names, unit, sign=-1)

    def first_brought(self, names: Iterable[bytes], unit: Unit) -> Commit | None:
        """The oldest commit with which a unit came to a path."""
        return self._last(names, unit, sign=1, oldest=True)

    def first_removed(self, names: Iterable[bytes], unit: Unit, *, with_path: bool = True) -> Commit | None:
        """The oldest commit with which a unit left a path; a path that went as a whole counts only `with_path`."""
        return self._last(names, unit, sign=-1, oldest=True, with_path=with_path)

    def churn(self, names: Iterable[bytes], commit: Commit) -> int:
        """How many copies of units a commit added to some paths and removed from them; 0 where that cannot be read."""
        found = 0
        for name in dict.fromkeys(names):
            change = next((change for each, change in self.of(name) if each.sha == commit.sha), None)
            if change is None:
                continue
            try:
                old, new = (self._units(change, new=new).require_known() for new in (False, True))
            except UnknownContentError:
                continue
            found += (old - new).total() + (new - old).total()
        return found

    def _units(self, change: RawChange, *, new: bool) -> Units:
        mode, sha = (change.new_mode, change.new) if new else (change.old_mode, change.old)
        return self._reader.units(change.path, None if mode == _NOTHING else TreeEntry(mode, Sha(sha)))

    def _last(
        self, names: Iterable[bytes], unit: Unit, *, sign: int, oldest: bool = False, with_path: bool = True
    ) -> Commit | None:
        for name in dict.fromkeys(names):
            steps = self.of(name)
            steps = steps[-_MOST:][::-1] if oldest else steps[:_MOST]
            counts: dict[str, int] = {}  # what one change made the next one found
            for place, (commit, change) in enumerate(steps):
                if place % _AT_ONCE == 0:
                    self._load(change for _, change in steps[place : place + _AT_ONCE])
                if not with_path and change.new_mode == _NOTHING:
                    continue
                try:
                    for new, sha in ((False, change.old), (True, change.new)):
                        if sha not in counts:
                            counts[sha] = self._count(change, unit, new=new)
                    if sign * (counts[change.new] - counts[change.old]) > 0:
                        return commit
                except UnknownContentError:
                    continue
        return None

    def _load(self, changes: Iterable[RawChange]) -> None:
        self._reader.preload(
            Sha(sha)
            for change in changes
            for mode, sha in ((change.old_mode, change.old), (change.new_mode, change.new))
            if mode not in {_NOTHING, "160000"}
        )

    def _count(self, change: RawChange, unit: Unit, *, new: bool) -> int:
        mode, sha = (change.new_mode, change.new) if new else (change.old_mode, change.old)
        if mode == _NOTHING:
            return 0
        content = self._reader.content(Sha(sha)) if mode in _FILES else None
        if content is not None and not content.startswith(_MARKS):
            if unit.kind == "line" and b"\r" not in content:
                return _count_line(content, unit.value)
            if unit.kind == "element" and not all(word in content for word in _words_of(unit)):
                return 0  # without a word of it the element is not there, and parsing is dear
        return self._units(change, new=new).require_known().get(unit, 0)


def _words_of(unit: Unit) -> list[bytes]:
    """A word of an element's value and one of each identity in its key: plain words stand in the file as they are."""
    if "sha256:" in unit.value:
        return []
    identities = [part.partition("[")[2] for part in unit.key if "sha256:" not in part]
    words = [max(_PLAIN.findall(text), key=len, default="") for text in (unit.value, *identities)]
    return [word.encode("ascii") for word in words if word]


def _count_line(content: bytes, line: str) -> int:
    """How often a line stands in a text, white space aside; only lines that hold its longest word are looked at."""
    wanted = b"".join(line.encode("utf-8", "surrogatepass").split())
    word = max(_WORD.findall(line.encode("utf-8", "surrogatepass")), key=len, default=b"")
    if not word:
        return 0
    count = 0
    at = content.find(word)
    while at >= 0:
        start, stop = content.rfind(b"\n", 0, at) + 1, content.find(b"\n", at)
        stop = len(content) if stop < 0 else stop
        count += b"".join(content[start:stop].split()) == wanted
        at = content.find(word, stop)
    return count
