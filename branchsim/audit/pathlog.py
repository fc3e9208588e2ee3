"""Who brought a unit, who took it away, and who brought it back: the versions of some paths along history."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, overload

from branchsim.audit.deltas import FILES
from branchsim.audit.losses import LossReader
from branchsim.effects import Unit, UnknownContentError
from branchsim.effects.stretch import spaceless
from branchsim.git.log import Commit, RawChange, read_commits
from branchsim.git.objects import TreeEntry
from branchsim.git.scratch import Scratch
from branchsim.names import Sha

_NOTHING = "000000"
_MOST = 200
_AT_ONCE = 16
_PATHS_AT_ONCE = 200


Place = tuple[tuple[str, ...], str]
"""The key of an element without the named part that it stands in, and its text."""


def own_place(unit: Unit) -> Place | None:
    """What an element is wherever it stands; None of one that stands in no named part of its file, and of all else."""
    named = [at for at, part in enumerate(unit.key) if part.endswith("]") and not part.endswith("[]")]
    return (unit.key[named[1] :], unit.value) if len(named) > 1 else None


class Steps(Sequence[tuple[Commit, RawChange]]):
    """Commits that changed a path, and how, which is looked up where somebody asks: of most nobody does.

    Parameters
    ----------
    commits : sequence of Commit
        The commits.
    step : callable
        One of them with what it did to the path.
    """

    def __init__(self, commits: Sequence[Commit], step: Callable[[Commit], tuple[Commit, RawChange]]) -> None:
        self.commits = commits
        self._step = step

    def __len__(self) -> int:
        return len(self.commits)

    @overload
    def __getitem__(self, at: int) -> tuple[Commit, RawChange]: ...

    @overload
    def __getitem__(self, at: slice) -> Steps: ...

    def __getitem__(self, at: int | slice) -> tuple[Commit, RawChange] | Steps:
        if isinstance(at, slice):
            return Steps(self.commits[at], self._step)
        return self._step(self.commits[at])


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
        self._by_path: dict[bytes, Sequence[tuple[Commit, RawChange]]] = {}
        self._walks: dict[tuple[bytes, bool, bool], _Walk] = {}
        steps: dict[bytes, list[tuple[Commit, RawChange]]] = defaultdict(list)
        for commit in commits:
            for change in commit.changes:
                steps[change.path].append((commit, change))
        self._by_path.update(steps)

    @classmethod
    def of_steps(
        cls,
        reader: LossReader,
        steps: Mapping[bytes, Sequence[tuple[Commit, RawChange]]],
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
        keep: Callable[[Commit], bool] = lambda _: True,
    ) -> PathLog:
        """Read a range from git, limited to the paths and to those commits that are to be kept."""
        commits: dict[Sha, list[Commit]] = {}
        wanted = sorted(set(paths))
        for start in range(0, len(wanted), _PATHS_AT_ONCE):
            part = wanted[start : start + _PATHS_AT_ONCE]
            for commit in read_commits(scratch, revisions, options=options, paths=part):
                commits.setdefault(commit.sha, []).append(commit)
        kept = (each for group in commits.values() if keep(group[0]) for each in group)
        return cls(reader, kept, beyond=beyond)

    def of(self, path: bytes) -> Sequence[tuple[Commit, RawChange]]:
        """The commits that changed a path and how, newest first."""
        return self._by_path.get(path, [])

    def commits(self, path: bytes) -> list[Commit]:
        """The same without what they did."""
        steps = self.of(path)
        return list(steps.commits) if isinstance(steps, Steps) else [commit for commit, _ in steps]

    def brought(self, names: Iterable[bytes], unit: Unit) -> Commit | None:
        """The newest commit with which a unit came to a path."""
        wanted = tuple(names)
        found = self._last(wanted, unit, sign=1)
        return found if found is not None or self._beyond is None else self._beyond().brought(wanted, unit)

    def removed(self, names: Iterable[bytes], unit: Unit) -> Commit | None:
        """The newest commit with which a unit left a path."""
        return self._last(names, unit, sign=-1)

    def first_brought(self, names: Iterable[bytes], unit: Unit) -> Commit | None:
        """The oldest commit with which a unit came to a path; the white space in a line does not matter."""
        return self._last(names, unit, sign=1, oldest=True)

    def first_moved_in(self, names: Iterable[bytes], unit: Unit) -> Commit | None:
        """The oldest commit with which a nested element of the same key came to a path, whatever it stands in there."""
        return None if own_place(unit) is None else self._last(names, unit, sign=1, oldest=True, anywhere=True)

    def first_removed(self, names: Iterable[bytes], unit: Unit, *, with_path: bool = True) -> Commit | None:
        """The oldest commit with which a unit left a path; a path that went as a whole counts only `with_path`."""
        return self._last(names, unit, sign=-1, oldest=True, with_path=with_path)

    def first_sound(self, names: Iterable[bytes]) -> Commit | None:
        """The oldest commit with which a path can be read again as what its name says."""
        for name in dict.fromkeys(names):
            for commit, change in self.of(name)[-_MOST:][::-1]:
                entry = TreeEntry(change.new_mode, Sha(change.new))
                known = change.new_mode in FILES and self._reader.content(entry.sha) is not None
                if known and not self._reader.flaw(name, entry):
                    return commit
        return None

    def churn(self, names: Iterable[bytes], commit: Commit) -> int:
        """How many copies of units a commit added to some paths and removed from them; 0 where that cannot be read."""
        found = 0
        for name in dict.fromkeys(names):
            at = next((at for at, each in enumerate(self.commits(name)) if each.sha == commit.sha), None)
            if at is None:
                continue
            _, change = self.of(name)[at]
            try:
                found += sum(map(abs, self._reader.deltas.of(change).values()))
            except UnknownContentError:
                continue
        return found

    def _last(
        self,
        names: Iterable[bytes],
        unit: Unit,
        *,
        sign: int,
        oldest: bool = False,
        with_path: bool = True,
        anywhere: bool = False,
    ) -> Commit | None:
        for name in dict.fromkeys(names):
            key = (name, oldest, with_path)
            if key not in self._walks:
                steps = self.of(name)
                steps = steps[-_MOST:][::-1] if oldest else steps[:_MOST]
                self._walks[key] = _Walk(self._reader, steps, with_path=with_path, spaceless=oldest)
            found = self._walks[key].first(unit, sign, anywhere=anywhere)
            if found is not None:
                return found
        return None


class _Walk:
    """The changes of one path in order, read as far as somebody had to look, once for all units that are asked for."""

    def __init__(
        self, reader: LossReader, steps: Sequence[tuple[Commit, RawChange]], *, with_path: bool, spaceless: bool
    ) -> None:
        self._reader = reader
        self._steps = steps
        self._with_path = with_path
        self._spaceless = spaceless
        self._at = 0
        # What each did, by unit, or by the plain text of lines without their white space.
        self._read: list[tuple[Commit, Mapping[Any, int]]] = []
        self._by_place: list[Mapping[Place, int]] = []

    def first(self, unit: Unit, sign: int, *, anywhere: bool = False) -> Commit | None:
        """The first commit with which a unit came (1) or went (-1), if need be as a part of another element."""
        wanted: Any = own_place(unit) if anywhere else unit
        if self._spaceless and unit.kind == "line":
            wanted = spaceless(unit.value)
        known = 0
        while True:
            for at in range(known, len(self._read)):
                commit, changed = self._read[at]
                if (self._places(at) if anywhere else changed).get(wanted, 0) * sign > 0:
                    return commit
            known = len(self._read)
            if self._at == len(self._steps):
                return None
            self._go_on()

    def _places(self, at: int) -> Mapping[Place, int]:
        """What one of those read did, by what elements are of themselves."""
        for _, changed in self._read[len(self._by_place) : at + 1]:
            found: Counter[Place] = Counter()
            for unit, more in changed.items():
                place = own_place(unit) if isinstance(unit, Unit) else None
                if place is not None:
                    found[place] += more
            self._by_place.append(found)
        return self._by_place[at]

    def _go_on(self) -> None:
        batch = list(self._steps[self._at : self._at + _AT_ONCE])
        self._at += len(batch)
        if not self._with_path:
            batch = [(commit, change) for commit, change in batch if change.new_mode != _NOTHING]
        self._reader.deltas.prepare(change for _, change in batch)
        for commit, change in batch:
            try:
                deltas = self._reader.deltas
                changed: Mapping[Any, int] = deltas.spaceless(change) if self._spaceless else deltas.of(change)
            except UnknownContentError:
                continue
            self._read.append((commit, changed))
