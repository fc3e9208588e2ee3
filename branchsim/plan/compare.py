"""What differs between two plans."""

from __future__ import annotations

import dataclasses
import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from branchsim.plan.model import Plan
    from branchsim.plan.steps import Step


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference between two plans.

    Attributes
    ----------
    what : {"added", "removed", "changed", "moved", "plan"}
        A step that only the second has, only the first has, that has other values, that stands elsewhere; or a field of
        the plan itself.
    step : str
        The name of the step, or of the field.
    detail : str
        What it was and what it is.
    """

    what: Literal["added", "removed", "changed", "moved", "plan"]
    step: str
    detail: str

    def __str__(self) -> str:
        return f"{self.what} {self.step!r}: {self.detail}" if self.detail else f"{self.what} {self.step!r}"


def compare(one: Plan, other: Plan) -> tuple[Difference, ...]:
    """The differences between two plans; none exactly where they are equal. Steps are paired by their names.

    Returns
    -------
    tuple of Difference
        First the plan's own fields, then its steps in the order of the first plan, then what only the second has.
    """
    found = [
        Difference("plan", key, f"{getattr(one, key)!r} -> {getattr(other, key)!r}")
        for key in ("name", "author", "at", "forecast", "drivers", "sign")
        if getattr(one, key) != getattr(other, key)
    ]
    before = {step.name: step for step in one.steps}
    after = {step.name: step for step in other.steps}
    common = [name for name in before if name in after]
    order = [name for name in after if name in before]
    blocks = difflib.SequenceMatcher(None, common, order, autojunk=False).get_matching_blocks()
    stayed = {name for block in blocks for name in common[block.a : block.a + block.size]}
    for name, step in before.items():
        if name not in after:
            found.append(Difference("removed", name, repr(step)))
            continue
        if step != after[name]:
            found.append(Difference("changed", name, _changed(step, after[name])))
        if name not in stayed:
            places = (list(plan).index(name) + 1 for plan in (before, after))
            found.append(Difference("moved", name, "from place {} to place {}".format(*places)))
    found += [Difference("added", name, repr(step)) for name, step in after.items() if name not in before]
    return tuple(found)


def _changed(one: Step, other: Step) -> str:
    if type(one) is not type(other):
        return f"{one.kind} -> {other.kind}"
    keys = [field.name for field in dataclasses.fields(one)]
    return ", ".join(
        f"{key}: {getattr(one, key)!r} -> {getattr(other, key)!r}"
        for key in keys
        if getattr(one, key) != getattr(other, key)
    )


__all__ = ["Difference", "compare"]
