"""What needs a person, one case for each change: what never arrived of it, and what was taken away."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchsim.audit.gate import DEFAULT_RANK
from branchsim.audit.verdicts import Verdict
from branchsim.formatting import many, plain

if TYPE_CHECKING:
    from branchsim.audit.audit import Audit
    from branchsim.audit.overwrites import Overwrite
    from branchsim.audit.verdicts import Obligation
    from branchsim.names import Sha

_URGENCY = {Verdict.LOST: 1, Verdict.MISSED: 2, Verdict.PARTIAL: 3}
_GONE_FROM_THE_LAST, _GONE_ELSEWHERE = 0, 4
_ID = re.compile(r"[0-9a-f]{7,64}\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One change with everything that is wrong with it.

    Attributes
    ----------
    change : Sha
        The change.
    subject : str
        What it is called.
    landed_at : int or None
        When it landed, in seconds since the epoch, UTC; None where only an overwrite names it.
    obligations : tuple of Obligation
        What it owes and is not there, the most urgent first.
    overwrites : tuple of Overwrite
        Where it was taken away and is still absent, ascending in time.
    gone_from : tuple of str
        The branches that lost it, in the order of the topology.
    urgency : int
        0: a branch that is released from has lost it. 1: it arrived and was lost. 2: it never arrived. 3: a part of
        it arrived. 4: another branch has lost it.
    """

    change: Sha
    subject: str
    landed_at: int | None
    obligations: tuple[Obligation, ...]
    overwrites: tuple[Overwrite, ...]
    gone_from: tuple[str, ...]
    urgency: int

    @property
    def overdue(self) -> bool:
        """Whether a promotion has passed without it."""
        return any(record.overdue for record in self.obligations)

    @property
    def what(self) -> str:
        """What is wrong, in a few words."""
        parts = [f"{_SAID[record.verdict]} {record.owed_to}" for record in self.obligations]
        if self.gone_from:
            parts.append(f"overwritten on {', '.join(self.gone_from)}")
        return plain("; ".join(dict.fromkeys(parts)))

    @property
    def reason(self) -> str:
        """Why, in one sentence of the strongest finding."""
        reason = self._first.reason
        begins = reason if _ID.match(reason) else reason[:1].upper() + reason[1:]
        return plain(begins)

    @property
    def check(self) -> str:
        """The git command that shows the strongest finding."""
        return self._first.check

    @property
    def _first(self) -> Obligation | Overwrite:
        if self.obligations:
            return self.obligations[0]
        return self.overwrites[0]


_SAID = {
    Verdict.LOST: "lost on",
    Verdict.MISSED: "never arrived on",
    Verdict.PARTIAL: "only in part on",
}


def cases(audit: Audit, *, min_rank: float = DEFAULT_RANK) -> tuple[Case, ...]:
    """The changes that need a person, the most urgent first.

    Parameters
    ----------
    audit : Audit
        The audit.
    min_rank : float
        Overwrites of a lower rank are left out, as they are on the command line.

    Returns
    -------
    tuple of Case
        By urgency; then overdue ones first, then the surest, the newest.
    """
    owed: dict[Sha, list[Obligation]] = {}
    for record in audit.open_records:
        owed.setdefault(record.change, []).append(record)
    gone: dict[Sha, list[Overwrite]] = {}
    for loss in audit.open_overwrites:
        if loss.rank >= min_rank:
            gone.setdefault(loss.change, []).append(loss)
    landed = {record.change: record.landed_at for record in audit.records}
    order = {branch.name: place for place, branch in enumerate(audit.topology.branches)}
    last = set(audit.topology.last_branches())
    found = []
    for change in dict.fromkeys([*owed, *gone]):
        losses = sorted(gone.get(change, ()), key=lambda each: (each.landed_at, order.get(each.branch, 0), each.path))
        branches = sorted({each.branch for each in losses}, key=lambda name: order.get(name, len(order)))
        records = tuple(owed.get(change, ()))
        subject = records[0].subject if records else losses[0].subject
        found.append(
            Case(
                change=change,
                subject=subject,
                landed_at=landed.get(change),
                obligations=records,
                overwrites=tuple(losses),
                gone_from=tuple(branches),
                urgency=_urgency(records, losses, last),
            )
        )
    found.sort(key=_order)
    return tuple(found)


def _urgency(records: tuple[Obligation, ...], losses: list[Overwrite], last: set[str]) -> int:
    if any(loss.branch in last for loss in losses):
        return _GONE_FROM_THE_LAST
    return min((_URGENCY[record.verdict] for record in records), default=_GONE_ELSEWHERE)


def _order(case: Case) -> tuple[int, bool, float, int, str]:
    sure = max(
        [*(record.confidence for record in case.obligations), *(loss.rank for loss in case.overwrites)], default=0.0
    )
    newest = max([*(record.landed_at for record in case.obligations), *(loss.landed_at for loss in case.overwrites)])
    return case.urgency, not case.overdue, -round(sure, 2), -newest, case.change


def headline(audit: Audit, found: tuple[Case, ...]) -> str:
    """The audit in two or three sentences for somebody who reads nothing else."""
    if not audit.topology.obligation_rules():
        owed = "In this topology no change is owed to another branch."
    elif not audit.records:
        owed = "No change was owed to another branch."
    else:
        absent = len({record.change for record in audit.open_records})
        changes = len({record.change for record in audit.records})
        were = f"{many(changes, 'change')} that {'was' if changes == 1 else 'were'} owed to another branch"
        owed = (
            f"Of {were} nothing is missing, or nothing is owed any more."
            if not absent
            else f"{absent:,} of {were} {'is' if absent == 1 else 'are'} not there."
        )
    if "overwrites" not in audit.checks:
        gone = "Overwrites were not looked for."
    else:
        last = [case for case in found if case.urgency == _GONE_FROM_THE_LAST]
        other = [case for case in found if case.gone_from and case.urgency != _GONE_FROM_THE_LAST]
        branches = ", ".join(audit.topology.last_branches())
        gone = (
            f"{many(len(last), 'change')} {'has' if len(last) == 1 else 'have'} been overwritten on {branches} and "
            f"{'is' if len(last) == 1 else 'are'} still gone from there"
            if last
            else f"Nothing that is still gone was overwritten on {branches}"
        )
        gone += f"; {len(other):,} more elsewhere." if other else "."
        low = len({loss.change for loss in audit.open_overwrites} - {case.change for case in found if case.overwrites})
        if low:
            gone += f" {low:,} of a low rank {'is' if low == 1 else 'are'} left to the tables."
    return plain(f"{owed} {gone}")


__all__ = ["Case", "cases", "headline"]
