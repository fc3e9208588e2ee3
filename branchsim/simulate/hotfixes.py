"""Which hotfixes steps and promotions meet, and what a retrofit changes about that."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from branchsim.formatting import many
from branchsim.plan import PullRequest
from branchsim.simulate.records import ForecastResult, StepResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from branchsim.names import Sha
    from branchsim.plan import Plan
    from branchsim.simulate.graph import Graph
    from branchsim.simulate.records import ObligationState

_Result = TypeVar("_Result", StepResult, ForecastResult)


def known_hotfixes(
    plan: Plan, results: Sequence[StepResult], graph: Graph, owed: Iterable[ObligationState]
) -> dict[Sha, str]:
    """From commits to the hotfixes they belong to: what is owed by its subject, what the plan lands by its branch.

    Parameters
    ----------
    plan : Plan
        The plan.
    results : sequence of StepResult
        What became of its steps.
    graph : Graph
        The history, with what the plan made.
    owed : iterable of ObligationState
        The obligations.
    """
    found = {sha: f"{each.change[:12]} {each.subject!r}" for each in owed for sha in each.commits}
    for step, result in zip(plan.steps, results, strict=True):
        lands = isinstance(step, PullRequest) and step.purpose == "work" and result.source is not None
        if lands and result.commit is not None and result.before is not None:
            landed = graph.reach(result.commit) - graph.reach(result.before)
            found |= dict.fromkeys(landed, result.source or "")
    return found


def with_hotfixes(results: Iterable[_Result], known: Mapping[Sha, str]) -> tuple[_Result, ...]:
    """The results with the hotfixes that each step or promotion meets in a conflict, or takes away."""
    found = []
    for result in results:
        meet = (sha for each in result.conflicts for side in (each.of_target, each.of_source) for sha in side.commits)
        gone = (loss.change for loss in result.losses or () if loss.change is not None)
        found.append(replace(result, conflicting=_named(meet, known), overwritten=_named(gone, known)))
    return tuple(found)


def _named(shas: Iterable[Sha], known: Mapping[Sha, str]) -> tuple[str, ...]:
    return tuple(sorted({known[sha] for sha in shas if sha in known}))


def difference(expected: Sequence[ForecastResult]) -> tuple[str, ...]:
    """What a retrofit changes about the coming promotions, a line for each that it changes.

    Empty where only one variant was simulated; one line where nothing changes.
    """
    first = {each.number: each for each in expected if each.variant == "with-retrofit"}
    second = {each.number: each for each in expected if each.variant == "without-retrofit"}
    if not first or not second:
        return ()
    lines = []
    for number, done in first.items():
        left = second[number]
        if _told(done) != _told(left):
            lines.append(f"{done.source} -> {done.target}: {_told(left)} without it, {_told(done)} with it")
    return tuple(lines) or ("nothing in the coming promotions",)


def _told(result: ForecastResult) -> str:
    """How a promotion ends, in a few words."""
    parts = []
    if result.conflicts:
        files, regions = len(result.conflicts), sum(conflict.regions for conflict in result.conflicts)
        parts.append(f"{many(regions, 'region')} in {many(files, 'file')}")
    if result.conflicting:
        parts.append(f"of {' and '.join(result.conflicting)}")
    if result.losses:
        lost = " and ".join(result.overwritten)
        parts.append(f"overwrites {lost}" if lost else many(len(result.losses), "loss", "losses"))
    return f"{result.outcome} ({', '.join(parts)})" if parts else result.outcome


__all__ = ["difference", "known_hotfixes", "with_hotfixes"]
