"""What a simulation found: records, frozen and comparable. Ids only, so they outlive the scratch repository."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchsim.git.repository import Repository
    from branchsim.names import Sha

Outcome = Literal["clean", "conflict", "blocked", "regression"]
OUTCOMES: tuple[Outcome, ...] = ("clean", "conflict", "blocked", "regression")
OPEN = ("lost", "missed", "partial")
"""The verdicts on obligations that need a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """A merge or pick whose conflicts were solved.

    Attributes
    ----------
    commit : Sha
        What was made.
    onto : Sha
        Its first parent.
    source : Sha
        What was merged, or picked.
    picked : bool
        Whether one commit was picked.
    paths : frozenset of bytes
        The paths in conflict.
    """

    commit: Sha
    onto: Sha
    source: Sha
    picked: bool
    paths: frozenset[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """A simulated landing, for whoever judges what it would lose.

    Attributes
    ----------
    step : str
        The name of the step, or of the promotion.
    branch : str
        The branch it lands on.
    method : str
        How.
    before, after : Sha
        The tip of the branch before and after.
    source : Sha or None
        The tip that was merged; None where nothing was.
    purpose : str
        Of a pull request ``work``, ``promote`` or ``retrofit``; of a commit step ``commit``; empty for all else.
    solved : tuple of Solved
        Where conflicts were solved.
    """

    step: str
    branch: str
    method: str
    before: Sha
    after: Sha
    source: Sha | None = None
    purpose: str = ""
    solved: tuple[Solved, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Something that a landing would lose.

    Attributes
    ----------
    path : str
        Where.
    what : str
        The unit: a line or an element.
    cause : str
        One of the causes of an overwrite: ``blind-overwrite``, ``merge-resolution``, ...
    reason : str
        One sentence.
    confidence : float
        In [0, 1].
    change : Sha or None
        The commit that had brought it, where that is known.
    """

    path: str
    what: str
    cause: str
    reason: str
    confidence: float = 1.0
    change: Sha | None = None


class LossCheck(Protocol):
    """Says what simulated landings would lose; the objects are in ``repository.scratch``."""

    def __call__(self, repository: Repository, landing: Landing, /) -> Sequence[Loss]:
        """The losses of one landing; none where nothing is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """The changes that meet in a conflict from one side.

    Attributes
    ----------
    commits : tuple of Sha
        The commits of this side that brought or took away a line of the regions in conflict since the sides parted,
        newest first; of a file that this side took away those that did so; where neither can tell, all that touched
        the path. Merges are left out.
    authors : tuple of str
        Their authors, each once.
    since : int or None
        When the oldest of them was committed, in seconds since the epoch.
    """

    commits: tuple[Sha, ...] = ()
    authors: tuple[str, ...] = ()
    since: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileConflict:
    """A path that could not be merged.

    Attributes
    ----------
    phase : str
        ``plan``, or the variant of the forecast.
    step : str
        The name of the step, or ``source -> target`` for a promotion of the forecast.
    path : str
        The path; bytes that are not UTF-8 are shown as U+FFFD.
    kind : str
        ``content``, ``add/add``, ``modify/delete``, ``rename/rename``, ``rename/delete``, ``file/directory``, ``mode``,
        ``binary``, ``submodule``, ``directory-rename`` or ``other``.
    regions : int
        The conflict regions in the file; 1 where the file conflicts as a whole.
    base, target, source : Sha or None
        What is there; None for nothing.
    target_mode, source_mode : str or None
        The modes.
    of_target, of_source : Meeting
        The changes that meet.
    resolved_by : str or None
        How it was solved: the name of a resolve step, or ``callback``; None where it was not.
    message : str
        Git's own words.
    driver : str or None
        A merge driver that the repository's ``.gitattributes`` name for the path and that did not run: with it there
        may be no conflict.
    """

    phase: str
    step: str
    path: str
    kind: str
    regions: int
    base: Sha | None
    target: Sha | None
    source: Sha | None
    target_mode: str | None
    source_mode: str | None
    of_target: Meeting
    of_source: Meeting
    resolved_by: str | None
    message: str
    driver: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What became of one step.

    Attributes
    ----------
    number : int
        Its place in the plan, from 1.
    step, kind : str
        Its name and kind.
    outcome : {"clean", "conflict", "blocked", "regression"}
        ``conflict``: it conflicts and nothing solved that. ``blocked``: a gate did not hold, the step is not possible,
        or an earlier step ended the plan. ``regression``: it went through, and something would be lost.
    branch, source : str or None
        The branch that was to move, and the one that was merged.
    before, commit, tree : Sha or None
        The tip of the branch before, and after with its tree; unchanged where nothing happened.
    commits : tuple of Sha
        The commits that were made, oldest first; for a gate those that it objects to.
    conflicts : tuple of FileConflict
        Also those that were solved.
    losses : tuple of Loss or None
        None where nobody judged them.
    reason : str
        One sentence on what is not obvious; empty otherwise.
    warnings : tuple of str
        What a person should know from here on.
    conflicting, overwritten : tuple of str
        The hotfixes whose commits meet in a conflict, and those of which something would be lost: what the plan lands
        by the name of its branch, what is owed by its id and subject.
    """

    number: int
    step: str
    kind: str
    outcome: Outcome
    branch: str | None = None
    source: str | None = None
    before: Sha | None = None
    commit: Sha | None = None
    tree: Sha | None = None
    commits: tuple[Sha, ...] = ()
    conflicts: tuple[FileConflict, ...] = ()
    losses: tuple[Loss, ...] | None = None
    reason: str = ""
    warnings: tuple[str, ...] = ()
    conflicting: tuple[str, ...] = ()
    overwritten: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastResult:
    """What one expected promotion would do.

    Attributes
    ----------
    variant : str
        ``with-retrofit`` and ``without-retrofit``; ``after-plan`` for a plan without retrofits; ``unchanged`` where the
        plan could not be carried out.
    number : int
        Its place among the promotions, from 1.
    source, target, method : str
        The promotion.
    outcome : {"clean", "conflict", "blocked", "regression"}
        ``blocked`` where an earlier promotion did not go through.
    incoming : int
        The commits it would bring, merges left out.
    conflicts : tuple of FileConflict
        What conflicts.
    commit, tree : Sha or None
        What it would make.
    losses : tuple of Loss or None
        None where nobody judged them.
    reason : str
        One sentence on what is not obvious.
    conflicting, overwritten : tuple of str
        As of a step.
    """

    variant: str
    number: int
    source: str
    target: str
    method: str
    outcome: Outcome
    incoming: int = 0
    conflicts: tuple[FileConflict, ...] = field(default=())
    commit: Sha | None = None
    tree: Sha | None = None
    losses: tuple[Loss, ...] | None = None
    reason: str = ""
    conflicting: tuple[str, ...] = ()
    overwritten: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ObligationState:
    """An obligation before a plan and after it; what is not said here is in the audit's record of the same change.

    Attributes
    ----------
    change : Sha
        The change that is owed.
    commits : tuple of Sha
        What it is made of.
    subject : str
        Its subject.
    family : str or None
        The family of the branch it came from.
    landing : Sha
        The landing with which it arrived on `landed_on`.
    landed_on, owed_to : str
        The two branches.
    landed_at : int
        When it landed, in seconds since the epoch.
    before, after : str or None
        The audit's verdicts: ``retrofitted``, ``late``, ``partial``, ``lost``, ``superseded``, ``reverted``,
        ``missed``, ``waived``. None before for what the plan itself lands; None after for what is no longer owed.
    overdue_before, overdue_after : bool
        Whether a promotion has passed without it.
    landed_by : str or None
        The step of the plan that lands it.
    settled_by : str or None
        The step of the plan that brings the state after it.
    confidence : float
        Of the later verdict, in [0, 1].
    reason : str
        Of the later verdict, in one sentence.
    """

    change: Sha
    commits: tuple[Sha, ...]
    subject: str
    family: str | None
    landing: Sha
    landed_on: str
    owed_to: str
    landed_at: int
    before: str | None
    after: str | None
    overdue_before: bool
    overdue_after: bool
    landed_by: str | None
    settled_by: str | None
    confidence: float
    reason: str

    @property
    def changes(self) -> bool:
        """Whether the plan changes anything about it."""
        return self.before != self.after or self.overdue_before != self.overdue_after

    @property
    def is_open(self) -> bool:
        """Whether it needs a person after the plan."""
        return self.after in OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class RefMove:
    """A ref that the plan moves.

    Attributes
    ----------
    ref : str
        ``refs/heads/...`` or ``refs/tags/...``.
    before, after : Sha or None
        None before for a new ref, None after for a deleted one. ``before`` is what the branch held when it was read, of
        origin where there is no local one.
    """

    ref: str
    before: Sha | None
    after: Sha | None


__all__ = [
    "OPEN",
    "OUTCOMES",
    "FileConflict",
    "ForecastResult",
    "Landing",
    "Loss",
    "LossCheck",
    "Meeting",
    "ObligationState",
    "Outcome",
    "RefMove",
    "Solved",
    "StepResult",
]
