"""The detectors and the checker keep each other honest: what a history loses by the model, an audit must find."""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from branchsim.check.replay import materialise
from branchsim.check.trace import RefusedError, changed_by
from branchsim.check.verdicts import trace_of
from branchsim.errors import InternalError

if TYPE_CHECKING:
    from branchsim.check.explore import Counterexample
    from branchsim.check.trace import Trace


@dataclass(frozen=True, slots=True)
class Crosscheck:
    """What a history loses, by the model and by an audit of the repository that real git made of it.

    Attributes
    ----------
    lost : frozenset of (str, str)
        By the model: each change with the branch that dropped it first.
    found : frozenset of (str, str)
        By the audit: each change with the branch on which it was first overwritten.
    """

    lost: frozenset[tuple[str, str]]
    found: frozenset[tuple[str, str]]

    @property
    def agrees(self) -> bool:
        """Whether the audit found exactly what was lost."""
        return self.lost == self.found

    @property
    def contradiction(self) -> str:
        """What the audit invented, and which fixes it missed, as a sentence; empty if neither.

        That it misses a feature is no contradiction: what a stale copy takes away of features alone it does not
        look for.
        """
        missed = sorted(each for each in self.lost - self.found if each[0].startswith("fix-"))
        parts = [f"{change} is lost on {branch} and the audit does not say so" for change, branch in missed]
        parts += [
            f"the audit says that {change} is lost on {branch} and it is not"
            for change, branch in sorted(self.found - self.lost)
        ]
        return "; ".join(parts)


def audit_all(counterexamples: dict[str, Counterexample]) -> dict[str, Counterexample]:
    """The same counterexamples, each with its history audited.

    Raises
    ------
    InternalError
        An audit found another loss than the model.
    """
    return {name: dataclasses.replace(each, audited=_audited(each)) for name, each in counterexamples.items()}


def _audited(found: Counterexample) -> bool:
    try:
        check = crosscheck(found)
    except RefusedError:
        # Where every merge makes a commit the strategy's guards forbid this history: there is nothing to compare.
        return False
    if check.contradiction:
        story = " ".join(found.trace.story())
        raise InternalError(
            f"the model and an audit disagree about what {found.strategy.name} loses: {check.contradiction}; after: "
            f"{story} This is a fault of branchsim: please report it with this text; audit=False goes on without the "
            "audit"
        )
    return check.agrees


def crosscheck(found: Counterexample) -> Crosscheck:
    """Make the history of a counterexample with git, audit it, and compare.

    Every merge makes a commit, as that of a pull request does: where git moves a branch forward instead, no history
    says that anything landed there.

    Parameters
    ----------
    found : Counterexample
        The counterexample.

    Raises
    ------
    RefusedError
        The history is another one where merges make commits.
    InternalError
        git and the model disagree.
    """
    from branchsim.audit.audit import audit
    from branchsim.effects.fates import Fate

    trace = trace_of(found.strategy, found.trace.steps, mistakes=found.mistakes, scope=found.scope, fast_forward=False)
    with tempfile.TemporaryDirectory(prefix="branchsim-") as home:
        place = Path(home) / "history.git"
        materialise(trace, place)
        made = audit(place, found.strategy.topology, cache=None, checks=("obligations", "overwrites"))
    first: dict[str, str] = {}
    for record in made.overwrite_records:
        # What brings a removed line back is an overwrite undone, and none of its own.
        if record.fate != Fate.DELETION_UNDONE.value:
            named = [change for unit in record.units if (change := changed_by(unit)) is not None]
            # A revert that came from elsewhere is told as a whole.
            for change in named or [record.subject.removeprefix("Add ")]:
                first.setdefault(change, record.branch)
    return Crosscheck(frozenset(losses(trace).items()), frozenset(first.items()))


def losses(trace: Trace) -> dict[str, str]:
    """The changes that a landing dropped, or did not deliver, each with the branch on which that happened first.

    A revert is no loss on its own branch, and where that is the one on which the change had landed first, nowhere else:
    somebody decided it. Any other that is carried on is one.
    """
    holds: dict[str, frozenset[str]] = dict.fromkeys(trace.branches, frozenset())
    had: dict[str, frozenset[str]] = dict(holds)
    found: dict[str, str] = {}
    home: dict[str, str] = {}
    decided: set[str] = set()
    for action in trace.actions:
        before, came = holds.get(action.branch, frozenset()), holds.get(action.source, frozenset())
        if action.kind in {"delete", "tag"}:
            continue
        after = frozenset(change for region in action.regions for change in region)
        if action.kind == "branch":
            after = came
        holds[action.branch] = after
        if action.branch in had:
            missing = before - after
            if action.kind in {"merge", "squash"}:
                missing |= came - after - had[action.branch]
            if action.kind == "revert":
                decided |= {change for change in missing if home[change] == action.branch}
            else:
                for change in sorted(missing - decided):
                    found.setdefault(change, action.branch)
            home = dict.fromkeys(after, action.branch) | home
            had[action.branch] |= before | after
    return found


__all__ = ["Crosscheck", "audit_all", "crosscheck", "losses"]
