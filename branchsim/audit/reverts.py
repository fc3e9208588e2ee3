"""Reverts, folded in time order on each branch: what was withdrawn, and what was brought back."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass

from branchsim.git.log import Commit
from branchsim.history.landings import History
from branchsim.history.messages import (
    is_revert_subject,
    partly_reverted,
    reverted,
    says_revert,
    subject_key,
)
from branchsim.history.subjects import read_squash
from branchsim.names import Sha

_LONGEST = 16
_CUT = re.compile(r"\s*\([#!]?\d*$")
"""A number that was cut off with the end of a subject."""
_FEWEST_WORDS = 3
"""Of a subject that was cut off so many words tell which one it was."""


def taken_back(history: History, commit: Commit) -> tuple[Sha, ...]:
    """The commits that a commit takes back, and does nothing else, by its message.

    A pull request that takes something back among other things, squashed, has a subject of its own. What is reverted in
    part only stays.
    """
    named = set(reverted(commit.message)) - set(partly_reverted(commit.message))
    if not named or (read_squash(commit.message) is not None and not says_revert(commit.subject)):
        return ()
    found = (history.graph.find_abbreviated(digits) for digits in sorted(named))
    return tuple(sha for number in found if number is not None and (sha := history.graph.sha(number)) != commit.sha)


def lasting(history: History, commits: Iterable[Sha]) -> list[Commit]:
    """The commits that change something and that no later one among them takes back; merges are left out.

    Parameters
    ----------
    history : History
        The replay.
    commits : iterable of Sha
        Of one change, parents before children.
    """
    standing: dict[Sha, Commit] = {}
    undone: dict[Sha, list[Commit]] = {}
    for sha in commits:
        commit = history.commit(sha)
        if commit.is_merge or not commit.changes:
            continue
        others = taken_back(history, commit)
        if not others or not all(other in standing or other in undone for other in others):
            standing[sha] = commit
            continue
        undone[sha] = []
        for other in others:
            if other in standing:
                undone[sha].append(standing.pop(other))
            else:
                standing |= {each.sha: each for each in undone.pop(other)}
    return [history.commit(sha) for sha in commits if sha in standing]


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A revert that still holds."""

    commit: Sha
    place: int


class Reverts:
    """The reverts on one branch.

    Parameters
    ----------
    history : History
        The replay.
    branch : str
        The branch.
    """

    def __init__(self, history: History, branch: str) -> None:
        self._history = history
        self._by_sha: dict[Sha, list[tuple[int, int, Sha]]] = {}
        self._by_subject: dict[str, list[tuple[int, int, Sha]]] = {}
        self._by_beginning: dict[str, list[tuple[int, int, Sha]]] = {}
        graph = history.graph
        arrived = history.arrivals[branch]
        for number, commit in enumerate(graph.commits):
            place = int(arrived[number])
            if place < 0:
                continue
            named = reverted(commit.message)
            partly = partly_reverted(commit.message)
            entry = (place, number, commit.sha)
            for prefix in named:
                if prefix in partly:
                    continue
                other = graph.find_abbreviated(prefix)
                if other is not None and other != number:
                    self._by_sha.setdefault(graph.sha(other), []).append(entry)
            if not named and is_revert_subject(commit.subject):
                quoted, whole = _quoted(commit.subject)
                key = subject_key(quoted)
                if whole and quoted:
                    self._by_subject.setdefault(key, []).append(entry)
                elif len(key.split()) >= _FEWEST_WORDS:
                    self._by_beginning.setdefault(key, []).append(entry)

    def commits(self) -> set[Sha]:
        """All commits of the branch that revert something."""
        everything = (self._by_sha, self._by_subject, self._by_beginning)
        return {sha for known in everything for each in known.values() for _, _, sha in each}

    def _called(self, key: str) -> list[tuple[int, int, Sha]]:
        """The reverts that quote a subject, or as much of it as there was room for."""
        cut = [each for start, known in self._by_beginning.items() if key.startswith(start) for each in known]
        return [*self._by_subject.get(key, ()), *cut]

    def of(
        self, commits: Iterable[Sha], subjects: Iterable[str], since: int, inside: Container[Sha] = ()
    ) -> Withdrawal | None:
        """The revert of any of these commits that holds in the end.

        Parameters
        ----------
        commits : iterable of Sha
            A change and its counterparts.
        subjects : iterable of str
            What they are called, for reverts that name no commit.
        since : int
            The place on the branch from which on it was there.
        inside : container of Sha
            The commits that came together with it: what they took back never was there.
        """
        events: dict[Sha, tuple[int, int, bool]] = {}
        waiting = [(sha, False) for sha in commits]
        for key in {subject_key(subject) for subject in subjects if subject}:
            for place, number, sha in self._called(key):
                if sha not in inside:
                    events[sha] = (place, number, False)
                    waiting.append((sha, True))
        seen: set[Sha] = set()
        while waiting and len(seen) < _LONGEST * 64:
            sha, restores = waiting.pop()
            if sha in seen:
                continue
            seen.add(sha)
            for place, number, by in self._by_sha.get(sha, ()):
                if by not in inside:
                    events[by] = (place, number, restores)
                waiting.append((by, not restores))
        later = sorted(
            (place, number, restores, sha) for sha, (place, number, restores) in events.items() if place >= since
        )
        if not later or later[-1][2]:
            return None
        place, _, _, sha = later[-1]
        return Withdrawal(sha, place)


def _quoted(subject: str) -> tuple[str, bool]:
    """What the subject of a revert quotes, and whether that is the whole of it."""
    text = subject.partition('"')[2]
    quoted, closed, _ = text.rpartition('"')
    if closed:
        return quoted, True
    quoted, cut, _ = text.partition("…")
    return (_CUT.sub("", quoted), False) if cut else ("", False)
