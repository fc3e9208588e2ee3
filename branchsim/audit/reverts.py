"""Reverts, folded in time order on each branch: what was withdrawn, and what was brought back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from branchsim.history.landings import History
from branchsim.history.messages import is_revert_subject, reverted, subject_key
from branchsim.names import Sha

_LONGEST = 16


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
        graph = history.graph
        arrived = history.arrivals[branch]
        for number, commit in enumerate(graph.commits):
            place = int(arrived[number])
            if place < 0:
                continue
            named = reverted(commit.message)
            entry = (place, number, commit.sha)
            for prefix in named:
                other = graph.find_abbreviated(prefix)
                if other is not None and other != number:
                    self._by_sha.setdefault(graph.sha(other), []).append(entry)
            if not named and is_revert_subject(commit.subject):
                quoted = commit.subject.partition('"')[2].rpartition('"')[0]
                if quoted:
                    self._by_subject.setdefault(subject_key(quoted), []).append(entry)

    def of(self, commits: Iterable[Sha], subject: str, since: int) -> Withdrawal | None:
        """The revert of any of these commits that holds in the end.

        Parameters
        ----------
        commits : iterable of Sha
            A change and its counterparts.
        subject : str
            The subject of the change, for reverts that name no commit.
        since : int
            The place on the branch from which on it was there.
        """
        events: dict[Sha, tuple[int, int, bool]] = {}
        waiting = [(sha, False) for sha in commits]
        for place, number, sha in self._by_subject.get(subject_key(subject), ()) if subject else ():
            events[sha] = (place, number, False)
            waiting.append((sha, True))
        seen: set[Sha] = set()
        while waiting and len(seen) < _LONGEST * 64:
            sha, restores = waiting.pop()
            if sha in seen:
                continue
            seen.add(sha)
            for place, number, by in self._by_sha.get(sha, ()):
                events[by] = (place, number, restores)
                waiting.append((by, not restores))
        later = sorted(
            (place, number, restores, sha) for sha, (place, number, restores) in events.items() if place >= since
        )
        if not later or later[-1][2]:
            return None
        place, _, _, sha = later[-1]
        return Withdrawal(sha, place)
