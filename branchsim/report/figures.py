"""The numbers of an audit that a manager asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchsim.audit.gate import DEFAULT_RANK
from branchsim.audit.verdicts import NEEDS_A_PERSON, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from branchsim.audit.audit import Audit

_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What happened in the time that was audited.

    Attributes
    ----------
    start, end : int
        The time that was audited, in seconds since the epoch, UTC.
    owed : int
        Changes that were owed to another branch.
    settled : int
        Those that arrived, in time or late, or that nothing is owed of any more.
    late : int
        Those that arrived after a promotion had passed.
    absent : int
        Those that are missed, lost or there only in part.
    overwritten : int
        Changes that are overwritten somewhere, with a rank of 0.5 or more, and still gone from there.
    overwritten_last : int
        Those that are gone from a branch that is released from.
    leaks : int
        Landings with content that had not passed the flows.
    releases : int
        How many there were.
    wait_days : float or None
        After so many days half of the changes had arrived, with those that have not arrived counted as waiting (Kaplan
        and Meier); None where half have not.
    frozen_days : float
        How long a version was on its way through RUN and no hotfix could ship alone; windows at the same time count
        once.
    frozen_share : float
        Its share of the time that was audited, 0 to 1.
    """

    start: int
    end: int
    owed: int
    settled: int
    late: int
    absent: int
    overwritten: int
    overwritten_last: int
    leaks: int
    releases: int
    wait_days: float | None
    frozen_days: float
    frozen_share: float


def figures(audit: Audit) -> Figures:
    """Count what an audit found; see `Figures`."""
    from branchsim.plot.latency import typical_wait

    times = [landing.at for landings in audit.history.landings.values() for landing in landings]
    start = audit.history.since if audit.history.since is not None else min(times, default=audit.as_of)
    end = max(audit.as_of, start)
    last = set(audit.topology.last_branches())
    absent = {record.change for record in audit.records if record.verdict in NEEDS_A_PERSON}
    late = {record.change for record in audit.records if record.verdict is Verdict.LATE}
    owed = {record.change for record in audit.records}
    frozen = _union(
        (max(window.opened_at, start), window.closed_at if window.closed_at is not None else end)
        for window in audit.window_records
    )
    gone = [loss for loss in audit.open_overwrites if loss.rank >= DEFAULT_RANK]
    return Figures(
        start=start,
        end=end,
        owed=len(owed),
        settled=len(owed - absent),
        late=len(late - absent),
        absent=len(absent),
        overwritten=len({loss.change for loss in gone}),
        overwritten_last=len({loss.change for loss in gone if loss.branch in last}),
        leaks=len(audit.leak_records),
        releases=sum(each.release for each in audit.all_promotions),
        wait_days=typical_wait(audit),
        frozen_days=round(frozen / _DAY, 1),
        frozen_share=min(1.0, frozen / (end - start)) if end > start else 0.0,
    )


def _union(spans: Iterable[tuple[int, int]]) -> int:
    """How many seconds are in at least one of some spans."""
    total, reached = 0, None
    for start, end in sorted(spans):
        begin = start if reached is None else max(start, reached)
        if end > begin:
            total += end - begin
            reached = end
    return total


__all__ = ["Figures", "figures"]
