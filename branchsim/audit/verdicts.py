"""What became of an obligation: the verdicts, and the record that carries one with its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from branchsim.audit.evidence import Evidence
from branchsim.formatting import plain, short_id, shorten
from branchsim.names import Sha


class Verdict(StrEnum):
    """How an obligation ended."""

    RETROFITTED = "retrofitted"
    LATE = "late"
    PARTIAL = "partial"
    LOST = "lost"
    SUPERSEDED = "superseded"
    REVERTED = "reverted"
    MISSED = "missed"
    WAIVED = "waived"


NEEDS_A_PERSON = (Verdict.LOST, Verdict.MISSED, Verdict.PARTIAL)
"""The verdicts that are findings, most urgent first."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Obligation:
    """A change that landed on one branch and must also reach another.

    Attributes
    ----------
    change : Sha
        The tip of the landing that brought the change, or its one commit.
    commits : tuple of Sha
        What it is made of.
    subject, author : str
        Of the change.
    family : str or None
        The family of the branch it came from.
    landing : Sha
        The landing with which it arrived on `landed_on`.
    landed_on, owed_to : str
        The two branches.
    landed_at : int
        When it landed, in seconds since the epoch, UTC.
    verdict : Verdict
        How the obligation ended.
    evidence : Evidence
        The rung of the ladder that the verdict rests on.
    counterpart : Sha or None
        The commit of `owed_to` that carries the change, or that undid it.
    at : Sha or None
        The landing on `owed_to` with which it arrived, or was lost.
    arrived_at : int or None
        When that was, in seconds since the epoch, UTC.
    deadline : Sha or None
        The first promotion after the landing before which it should have arrived.
    overdue : bool
        Whether that promotion has passed without it.
    confidence : float
        0 to 1.
    reason : str
        One sentence that a person can check with git.
    check : str
        The git command that shows it.
    """

    change: Sha
    commits: tuple[Sha, ...]
    subject: str
    author: str
    family: str | None
    landing: Sha
    landed_on: str
    owed_to: str
    landed_at: int
    verdict: Verdict
    evidence: Evidence
    counterpart: Sha | None = None
    at: Sha | None = None
    arrived_at: int | None = None
    deadline: Sha | None = None
    overdue: bool = False
    confidence: float = 1.0
    reason: str = ""
    check: str = ""

    def __repr__(self) -> str:
        return plain(
            f"<Obligation {short_id(self.change)} {shorten(self.subject, 60)}: {self.verdict} on {self.owed_to}>"
        )

    def __str__(self) -> str:
        from branchsim.audit.text import obligation_text

        return obligation_text(self)

    def _repr_html_(self) -> str:
        from branchsim.audit.html import obligation_html

        return obligation_html(self)
