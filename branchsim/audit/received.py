"""What is known of one change on the branch it is owed to: which of its parts are there, how, and since when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from branchsim.audit.arrivals import Arrival, Part
from branchsim.audit.evidence import CONFIDENCE, Evidence

if TYPE_CHECKING:
    from branchsim.audit.drops import Dropped
    from branchsim.audit.hurt import Hurt
    from branchsim.audit.match import Counterpart
    from branchsim.audit.replay import Standing
    from branchsim.audit.reverts import Reverts, Withdrawal
    from branchsim.audit.takebacks import TakeBack
    from branchsim.history.changes import Change
    from branchsim.history.landings import History, Landing
    from branchsim.names import Sha


@dataclass(frozen=True, slots=True)
class Received:
    """What a branch received of one change.

    Attributes
    ----------
    parts : sequence of Part
        The commits of the change that are owed.
    ports : mapping of Sha to list of Counterpart
        The commits of the branch that carry a commit, best first.
    standing : Standing or None
        What replaying the change there gave, where no commit carries it.
    dropped : Dropped or None
        The merge that dropped it on its way.
    takes_back : mapping of Sha to TakeBack
        The parts that only take something back.
    deadline : Landing or None
        The promotion before which it should have arrived.
    hurt : Hurt
        What was overwritten there later.
    replayed : frozenset of Sha
        The parts whose content was found by replaying them.
    """

    parts: Sequence[Part]
    ports: Mapping[Sha, list[Counterpart]]
    standing: Standing | None
    dropped: Dropped | None
    takes_back: Mapping[Sha, TakeBack]
    deadline: Landing | None
    hurt: Hurt
    replayed: frozenset[Sha]

    def without(self, shas: Mapping[Sha, object]) -> Received:
        """The same without some parts, of which nothing is owed."""
        return replace(self, parts=[part for part in self.parts if part.sha not in shas])

    def counterparts(self) -> list[Sha]:
        """The commits that carry parts of it."""
        return [pair.target for part in self.parts for pair in self.ports.get(part.sha, ())]

    def has(self, part: Part) -> bool:
        """Whether a part is there, by ancestry or as a port."""
        carried = part.landing is not None or part.sha in self.ports or bool(part.within and part.within in self.ports)
        return carried or part.sha in self.replayed

    def arrival(self, history: History, branch: str, gone: Mapping[Sha, Withdrawal] | None = None) -> Arrival | None:
        """When the last part that came arrived, and how; None if nothing did.

        Parameters
        ----------
        history : History
            The replay.
        branch : str
            The branch.
        gone : mapping of Sha to Withdrawal, optional
            What was reverted there: of these parts only a later arrival counts.
        """
        best = []
        for part in self.parts:
            since = gone[part.sha].place if gone is not None and part.sha in gone else -1
            ways = [way for way in self.ways(history, branch, part) if way.landing.place > since]
            if ways:
                best.append(min(ways, key=lambda way: (way.landing.place, -way.confidence, way.counterpart)))
        if not best:
            return None
        weakest = min(best, key=lambda each: each.confidence)
        last = max(best, key=lambda each: (each.landing.place, each.counterpart))
        return replace(
            last, evidence=weakest.evidence, confidence=weakest.confidence, reason=weakest.reason, check=weakest.check
        )

    def ways(self, history: History, branch: str, part: Part) -> list[Arrival]:
        """All ways in which a part came: a port may have come long before history was joined."""
        ways = []
        if part.landing is not None:
            landing = part.landing
            ways.append(
                Arrival(
                    landing,
                    part.sha,
                    Evidence.ANCESTOR,
                    CONFIDENCE[Evidence.ANCESTOR],
                    f"{part.sha[:12]} is an ancestor of {branch} since {landing.sha[:12]}",
                    f"git merge-base --is-ancestor {part.sha[:12]} {branch}",
                )
            )
        for name in (part.sha, part.within):
            for pair in self.ports.get(name, ()) if name is not None else ():
                landing_of = history.arrival(branch, pair.target)
                if landing_of is not None:
                    check = f"git range-diff {pair.source[:12]}^! {pair.target[:12]}^!"
                    ways.append(Arrival(landing_of, pair.target, pair.evidence, pair.confidence, pair.reason, check))
        return ways

    def reverted(self, history: History, branch: str, change: Change, reverts: Reverts) -> dict[Sha, Withdrawal]:
        """The parts that the branch reverted after they had arrived, also where they came again."""
        inside = {*change.commits, *(pair.target for sha in change.commits for pair in self.ports.get(sha, ()))}
        found = {}
        for part in self.parts:
            ways = self.ways(history, branch, part)
            if not ways:
                continue
            first = min(way.landing.place for way in ways)
            # Reverting the merge or the squash that brought a part takes it away with the rest.
            names = [part.sha, change.id, *(way.counterpart for way in ways)]
            names += [way.landing.sha for way in ways if history.commit(way.landing.sha).is_merge]
            gone = reverts.of(names, (history.commit(part.sha).subject, change.subject), first, inside)
            if gone is not None:
                found[part.sha] = gone
        return found

    def lost(self, history: History, branch: str, gone: Mapping[Sha, Withdrawal]) -> list[Part]:
        """The parts that were reverted and did not come again."""
        return [
            part
            for part in self.parts
            if part.sha in gone
            and all(way.landing.place <= gone[part.sha].place for way in self.ways(history, branch, part))
        ]


__all__ = ["Received"]
