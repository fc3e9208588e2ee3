"""Reverts as obligations: what a revert takes back, and whether the branch that it is owed to ever had that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from branchsim.audit.reverts import taken_back

if TYPE_CHECKING:
    from branchsim.audit.arrivals import Part
    from branchsim.audit.match import Counterpart
    from branchsim.history.changes import Change, Changes
    from branchsim.history.landings import History
    from branchsim.names import Sha

Ports = Mapping["Sha", Sequence["Counterpart"]]


@dataclass(frozen=True, slots=True)
class TakeBack:
    """What one commit takes back.

    Attributes
    ----------
    commit : Sha
        The commit that it reverts.
    change : Change
        The change that this commit belongs to.
    own : bool
        Whether the branch that the revert is owed to had it first: it came from there.
    origin : Sha or None
        The commit of that branch that it was a port of; None where the branch never received it.
    """

    commit: Sha
    change: Change
    own: bool = False
    origin: Sha | None = None


class TakeBacks:
    """The reverts among the changes that one branch owes another.

    Parameters
    ----------
    history, changes : History, Changes
        The replay.
    landed_on, owed_to : str
        The two branches.
    """

    def __init__(self, history: History, changes: Changes, landed_on: str, owed_to: str) -> None:
        self._history = history
        self._changes = changes
        self._landed_on = landed_on
        self._owed_to = owed_to

    def of(self, parts: Sequence[Part], ports: Callable[[list[Change]], Ports]) -> dict[Sha, TakeBack]:
        """The parts of changes that only take something back, where nothing or only a decision is owed for that.

        Parameters
        ----------
        parts : sequence of Part
            Of the changes.
        ports : callable
            Gives the ports of changes on the branch they are owed to.
        """
        found: dict[Sha, TakeBack] = {}
        elsewhere: dict[Sha, list[TakeBack]] = {}
        for part in parts:
            each = [self._of(sha) for sha in taken_back(self._history, self._history.commit(part.sha))]
            known = [one for one in each if one is not None]
            if not known or len(known) < len(each):
                continue
            if all(one.own for one in known):
                found[part.sha] = known[0]
            elif not any(one.own or self._reached(one.commit) for one in known):
                elsewhere[part.sha] = known
        reached = ports(list({one.change.id: one.change for known in elsewhere.values() for one in known}.values()))
        for sha, known in elsewhere.items():
            first = known[0]
            if not any(name in reached for one in known for name in (*one.change.commits, one.change.id)):
                found[sha] = first
            elif (origin := origin_of(self._history, first.change, reached)) is not None:
                found[sha] = replace(first, origin=origin)
        return found

    def _of(self, sha: Sha) -> TakeBack | None:
        """What a reverted commit was, on the branch where it was reverted; None where that is not known."""
        here = self._history.arrival(self._landed_on, sha)
        change = self._changes.of_commit(sha)
        if here is None or change is None:
            return None
        # Reverting a promotion takes back what it brought.
        brought = here.commits if here.sha == sha and here.flow == "promote" else (sha,)
        members = [each for each in brought if not self._history.commit(each).is_merge] or [sha]
        foreign = change.branch != self._landed_on or brought != (sha,)
        own = foreign and all(self._reached(each) for each in members)
        return TakeBack(sha, replace(change, place=here.place), own=own)

    def _reached(self, sha: Sha) -> bool:
        return self._history.arrival(self._owed_to, sha) is not None


def origin_of(history: History, change: Change, ports: Ports) -> Sha | None:
    """The counterpart of a change that is older than it, if all are: then the change is the port, not the other."""
    names = dict.fromkeys((*change.commits, change.id))
    found = [pair.target for name in names for pair in ports.get(name, ())]
    written = min(history.commit(sha).committed_at for sha in names)
    older = all(history.commit(sha).committed_at < written for sha in found)
    return found[0] if found and older else None


__all__ = ["TakeBack", "TakeBacks", "origin_of"]
