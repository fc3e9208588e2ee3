"""Where a branch keeps the files that changes touch on another one: its own commits moved them.

Git compares trees, and of trees that lie years apart most files are too unlike to be taken for one another. The commits
of the branch tell it step by step: a file that goes as another one of its name comes was moved there.
"""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, takewhile

from branchsim.history.landings import History
from branchsim.names import Sha, file_name

_MOST_STEPS = 20
_FEWEST_ALIKE = 2
"""Of a directory so many files have gone to another one before a file it never had is looked for there too."""


@dataclass(frozen=True, slots=True)
class Touch:
    """What a commit did to a path of a branch last.

    Attributes
    ----------
    path : bytes
        The path.
    place : int
        Where it landed on the branch's line.
    status : str
        What it did, as git says it; ``R`` where the file went elsewhere.
    commit : Sha
        Its id.
    to : bytes or None
        Where the file went.
    """

    path: bytes
    place: int
    status: str
    commit: Sha
    to: bytes | None = None


class Relocated:
    """What became of the paths of a branch.

    Parameters
    ----------
    history : History
        The replay.
    branch : str
        The branch.
    """

    def __init__(self, history: History, branch: str) -> None:
        self._history = history
        self._branch = branch

    @functools.cached_property
    def last_touch(self) -> Mapping[bytes, Touch]:
        """For each path of the branch what was done to it last."""
        history = self._history
        arrived = history.arrivals[self._branch]
        last: dict[bytes, Touch] = {}
        for number, commit in enumerate(history.graph.commits):
            place = int(arrived[number])
            if place < 0 or commit.is_merge:
                continue
            made: dict[bytes, list[tuple[bytes, str]]] = defaultdict(list)
            for raw in commit.changes:
                if raw.status == "A":
                    made[file_name(raw.path)].append((raw.path, raw.new))
            for raw in commit.changes:
                known = last.get(raw.path)
                if known is None or known.place <= place:
                    others = made.get(file_name(raw.path), ()) if raw.status == "D" else ()
                    # A file of the same name that came with the deletion is the file itself, moved.
                    status = "R" if others else raw.status
                    last[raw.path] = Touch(raw.path, place, status, commit.sha, _likeliest(raw.path, raw.old, others))
        return last

    def last_of(self, path: bytes) -> Touch | None:
        """What was done last to a file, under its present name if it was moved; None where it was never there."""
        touches = list(self._moves(path))
        return touches[-1] if touches else None

    def of(self, path: bytes) -> tuple[bytes, int] | None:
        """The name under which a branch has a file now, and the place from which on; None where it was not moved.

        A file that the branch never had is looked for where it moved the others of its directory.
        """
        if path not in self.last_touch:
            return self._beside(path)
        at, place = path, -1
        for touch in islice(self._moves(path), _MOST_STEPS):
            if touch.to is not None:
                at, place = touch.to, touch.place
        return None if at == path else (at, place)

    def _moves(self, path: bytes) -> Iterator[Touch]:
        """What was done last to a file, under each of its names, the first one first."""
        touch = self.last_touch.get(path)
        for _ in range(_MOST_STEPS + 1):
            if touch is None:
                return
            yield touch
            # The commit that moved it there touched that path too.
            touch = None if touch.to is None else self.last_touch[touch.to]

    def _beside(self, path: bytes) -> tuple[bytes, int] | None:
        went = self._directories.get(_directory(path))
        if went is None:
            return None
        (to, count), *_ = went.most_common(1)
        new = to + file_name(path)
        touch = self.last_touch.get(new)
        if count < _FEWEST_ALIKE or touch is None or touch.status in {"D", "R"}:
            return None
        return new, 0

    @functools.cached_property
    def _directories(self) -> Mapping[bytes, Counter[bytes]]:
        """From each directory to those its files went to, and how many."""
        found: dict[bytes, Counter[bytes]] = defaultdict(Counter)
        for path, touch in self.last_touch.items():
            moved = self.of(path) if touch.to is not None else None
            if moved is not None:
                found[_directory(path)][_directory(moved[0])] += 1
        return found


def _directory(path: bytes) -> bytes:
    head, slash, _ = path.rpartition(b"/")
    return head + slash


def _likeliest(path: bytes, blob: str, others: Iterable[tuple[bytes, str]]) -> bytes | None:
    """Which of some new files of the same name an old one is: the one of its content, or the one that lies most alike.

    None where that is not one.
    """
    ranked: dict[tuple[bool, int], list[bytes]] = defaultdict(list)
    for other, content in others:
        ranked[content == blob, _common_end(path, other)].append(other)
    best = ranked[max(ranked)] if ranked else []
    return best[0] if len(best) == 1 else None


def _common_end(one: bytes, other: bytes) -> int:
    pairs = zip(reversed(one.split(b"/")), reversed(other.split(b"/")), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


__all__ = ["Relocated", "Touch"]
