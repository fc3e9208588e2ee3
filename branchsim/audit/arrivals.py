"""How changes arrive on a branch by ancestry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from branchsim.audit.evidence import Evidence
from branchsim.audit.reverts import lasting
from branchsim.history.changes import Change
from branchsim.history.landings import History, Landing
from branchsim.names import Sha


@dataclass(frozen=True, slots=True)
class Part:
    """One commit of a change, and the landing with which it became part of a branch, if it did.

    ``within`` is the merge or the one commit that stands for the whole change, where there is one.
    """

    sha: Sha
    landing: Landing | None
    within: Sha | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """How and when a change came to a branch."""

    landing: Landing
    counterpart: Sha
    evidence: Evidence
    confidence: float
    reason: str
    check: str


class Arrivals:
    """The arrivals of changes on one branch.

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

    def parts(self, change: Change) -> list[Part]:
        """The commits of a change that change something and that it does not take back itself, merges left out."""
        history = self._history
        own = [history.commit(sha) for sha in change.commits]
        # Where they take each other back and something is left all the same, nobody knows of which it is.
        members = lasting(history, change.commits) or [c for c in own if c.changes and not c.is_merge]
        return [
            Part(c.sha, history.arrival(self._branch, c.sha), change.id if change.id != c.sha else None)
            for c in members
        ]

    def in_time(self, parts: Sequence[Part], deadline: Landing | None) -> bool:
        """Whether every part arrived by ancestry, and before a promotion had passed."""
        return all(part.landing is not None and in_time(self._history, part.landing, deadline) for part in parts)


def in_time(history: History, arrived: Landing, deadline: Landing | None) -> bool:
    """Whether a landing came before a promotion had passed: earlier, or carried by it."""
    return deadline is None or arrived.at < deadline.at or history.held(deadline, arrived.sha)
