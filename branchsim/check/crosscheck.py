"""The detectors and the checker keep each other honest: what a history loses by the model, an audit must find."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from branchsim.check.replay import materialise
from branchsim.check.trace import changed_by
from branchsim.check.verdicts import trace_of

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

    A revert is no loss on its own branch: somebody decided it. Where it is carried on it is one.
    """
    holds: dict[str, frozenset[str]] = dict.fromkeys(trace.branches, frozenset())
    had: dict[str, frozenset[str]] = dict(holds)
    found: dict[str, str] = {}
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
            if action.kind != "revert":
                for change in sorted(missing):
                    found.setdefault(change, action.branch)
            had[action.branch] |= before | after
    return found


__all__ = ["Crosscheck", "crosscheck", "losses"]
