"""What the coming promotions do, with the retrofits of a plan and without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from branchsim.plan import PullRequest
from branchsim.simulate.methods import Job, bring
from branchsim.simulate.records import ForecastResult, Landing
from branchsim.simulate.steps import run_plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchsim.plan import Plan, Promotion
    from branchsim.simulate.records import Outcome, StepResult
    from branchsim.simulate.world import State, World


def forecast(
    world: World, plan: Plan, *, start: State, end: State, results: Sequence[StepResult]
) -> tuple[ForecastResult, ...]:
    """Simulate the promotions that a plan expects, in each variant that makes sense.

    Parameters
    ----------
    world : World
        The services.
    plan : Plan
        The plan.
    start, end : State
        Where the branches were before the plan, and where it left them.
    results : sequence of StepResult
        What became of its steps.
    """
    if not plan.forecast:
        return ()
    variants: list[tuple[str, State]] = []
    retrofits = any(isinstance(step, PullRequest) and step.purpose == "retrofit" for step in plan.steps)
    whole = _went_through(results)
    if whole:
        variants.append(("with-retrofit" if retrofits else "after-plan", end.fork()))
    if retrofits:
        other = start.fork()
        if _went_through(run_plan(world, plan.without_retrofits(), other)):
            variants.append(("without-retrofit", other))
    if not variants:
        variants.append(("unchanged", start.fork()))
    return tuple(result for name, state in variants for result in _promote(world, plan.forecast, name, state))


def _went_through(results: Sequence[StepResult]) -> bool:
    return all(result.outcome in {"clean", "regression"} for result in results)


def _promote(world: World, promotions: Sequence[Promotion], variant: str, state: State) -> list[ForecastResult]:
    results: list[ForecastResult] = []
    stopped = ""
    for number, promotion in enumerate(promotions, start=1):
        if not stopped:
            missing = [name for name in (promotion.source, promotion.target) if name not in state.branches]
            stopped = f"there is no branch {missing[0]!r}" if missing else ""
        if stopped:
            result = ForecastResult(
                variant=variant,
                number=number,
                source=promotion.source,
                target=promotion.target,
                method=promotion.method,
                outcome="blocked",
                reason=stopped,
            )
        else:
            result = _one(world, promotion, variant, number, state)
            if result.outcome in {"conflict", "blocked"}:
                stopped = f"not reached: {promotion.source} -> {promotion.target} did not go through"
        results.append(result)
    return results


def _one(world: World, promotion: Promotion, variant: str, number: int, state: State) -> ForecastResult:
    name = f"{promotion.source} -> {promotion.target}"
    source, target = state.branches[promotion.source], state.branches[promotion.target]
    incoming = world.graph.reach(source) - world.graph.reach(target)
    job = Job(phase=variant, step=name, source=promotion.source, target=promotion.target, method=promotion.method)
    made = bring(world, state, job, target=target, source=source)
    losses = None
    if made.tip is not None:
        state.branches[promotion.target] = made.tip
        if made.tip != target:
            losses = world.losses(
                Landing(
                    step=name,
                    branch=promotion.target,
                    method=promotion.method,
                    before=target,
                    after=made.tip,
                    source=source,
                    purpose="promote",
                )
            )
    outcome: Outcome = "regression" if losses else "clean"
    if made.tip is None:
        outcome = "blocked" if made.impossible else "conflict"
    return ForecastResult(
        variant=variant,
        number=number,
        source=promotion.source,
        target=promotion.target,
        method=promotion.method,
        outcome=outcome,
        incoming=sum(len(world.graph[sha].parents) < 2 for sha in incoming),  # noqa: PLR2004  merges are left out
        conflicts=made.conflicts,
        commit=made.tip,
        tree=None if made.tip is None else world.tree(made.tip),
        losses=losses,
        reason=made.reason,
    )


__all__ = ["forecast"]
