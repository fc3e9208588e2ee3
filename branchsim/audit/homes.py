"""Homes: the change that a commit is a form of; a pick on another branch is the hotfix, in another form."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from branchsim.history.messages import ported_from, subject_key

if TYPE_CHECKING:
    from branchsim.git.log import Commit
    from branchsim.history.changes import Change, Changes
    from branchsim.history.landings import History
    from branchsim.names import Sha

_Key = tuple[str, int, str]


class Homes:
    """Where commits come from.

    Parameters
    ----------
    history, changes : History, Changes
        The replay.
    """

    def __init__(self, history: History, changes: Changes) -> None:
        self._history = history
        self._changes = changes

    def of(self, commit: Commit) -> Change | None:
        """The change of a commit, or the one it was picked from; None where neither is on a branch of the topology."""
        own = self._changes.of_commit(commit.sha)
        if own is not None and own.family is not None:
            return own
        graph = self._history.graph
        for digits in ported_from(commit.message):
            number = graph.find_abbreviated(digits)
            named = None if number is None else self._changes.of_commit(graph.sha(number))
            if named is not None and (own is None or named.at <= own.at):
                return named
        twins = [change for sha in self.twins(commit) if (change := self._changes.of_commit(sha)) is not None]
        if own is not None:
            twins.append(own)
        return min(twins, key=lambda change: (change.at, change.place, change.id), default=None)

    def twins(self, commit: Commit) -> list[Sha]:
        """The other commits of the same author, author date and subject: what a pick or a rebase makes of one."""
        if commit.is_merge:
            return []
        return [sha for sha in self._by_key.get(_key(commit), ()) if sha != commit.sha]

    @cached_property
    def _by_key(self) -> dict[_Key, list[Sha]]:
        found: dict[_Key, list[Sha]] = {}
        for commit in self._history.graph.commits:
            if not commit.is_merge:
                found.setdefault(_key(commit), []).append(commit.sha)
        return found


def _key(commit: Commit) -> _Key:
    return commit.author_email, commit.authored_at, subject_key(commit.message)


__all__ = ["Homes"]
