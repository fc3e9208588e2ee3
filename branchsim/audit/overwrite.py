"""What an overwrite is: a change whose effect a landing took away, who decided that, and what has become of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from branchsim.audit.causes import Cause
from branchsim.audit.match import Skipped
from branchsim.formatting import plain, short_id, shorten
from branchsim.names import Sha


class State(StrEnum):
    """What has become of an overwrite."""

    OPEN = "open"
    RESTORED = "restored"
    """It is back on the branch."""
    SUPERSEDED = "superseded"
    """It is not back, but what stood in its place was rewritten or removed later, or its file is gone."""
    ACCEPTED = "accepted"
    """A waiver covers it."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Overwrite:
    """A change whose effect on a path a landing took away.

    Attributes
    ----------
    change : Sha
        The change that was hurt; where a pick of it was, the one that was picked.
    commits : tuple of Sha
        The commits of it whose effect is gone; of a pick also those that were picked.
    subject : str
        Of the change.
    family : str or None
        The family it came from.
    path : str
        Where.
    branch : str
        The branch that lost it.
    landing : Sha
        The landing that dropped it.
    landed_at : int
        When, in seconds since the epoch, UTC.
    dropped_by : Sha
        The commit in which it was dropped; the landing itself, or one that it brought.
    side : str
        ``target`` if it was live on the branch, ``source`` if it was coming in and was not delivered.
    cause : Cause
        Who decided.
    fate : str
        What stands in its place.
    units : tuple of str
        What was lost, the highest rank first: text that is gone, or text that is back.
    returned : tuple of str
        Those of the units that had been taken away, and are back; the others are gone.
    rank : float
        0 to 1: how much it deserves attention.
    confidence : float
        0 to 1.
    state : State
        What has become of it.
    restored_by : Sha or None
        The commit that brought it back to the branch.
    restored_at : int or None
        When that landed.
    superseded_by : Sha or None
        The commit that rewrote or removed what stood in its place, where nothing brought it back.
    released_in : str or None
        The first release that had the change, by version or id.
    releases : tuple of str
        The releases that went without it, by version or id.
    reason : str
        One sentence that a person can check with git.
    check : str
        The git command that shows it.
    """

    change: Sha
    commits: tuple[Sha, ...]
    subject: str
    family: str | None
    path: str
    branch: str
    landing: Sha
    landed_at: int
    dropped_by: Sha
    side: str
    cause: Cause
    fate: str
    units: tuple[str, ...]
    rank: float
    confidence: float
    state: State
    restored_by: Sha | None = None
    restored_at: int | None = None
    superseded_by: Sha | None = None
    released_in: str | None = None
    releases: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()
    reason: str = ""
    check: str = ""

    @property
    def marked(self) -> tuple[str, ...]:
        """The units as a diff has them: ``-`` before what is gone, ``+`` before what is back."""
        back = frozenset(self.returned)
        return tuple(f"{'+' if unit in back else '-'} {unit}" for unit in self.units)

    def __repr__(self) -> str:
        where = shorten(self.path, 60, cut="middle")
        return plain(
            f"<Overwrite of {short_id(self.change)} {shorten(self.subject, 60)} in {where} on {self.branch}: "
            f"{self.cause}, {self.state}, rank {self.rank:.2f}>"
        )

    def __str__(self) -> str:
        from branchsim.audit.text import overwrite_text

        return overwrite_text(self)

    def _repr_html_(self) -> str:
        from branchsim.audit.html import overwrite_html

        return overwrite_html(self)


@dataclass(frozen=True, slots=True)
class Overwrites:
    """The overwrites of a history, what was left out by which rule, and what could not be read."""

    records: tuple[Overwrite, ...]
    left_out: Counter[str] = field(default_factory=Counter)
    skipped: tuple[Skipped, ...] = ()


__all__ = ["Overwrite", "Overwrites", "State"]
