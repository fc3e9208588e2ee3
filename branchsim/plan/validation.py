"""What in a plan a topology does not allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchsim.errors import nearest
from branchsim.plan.steps import Commit, Gate, MergeBack, PullRequest, Revert, Start

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from branchsim.plan.model import Plan
    from branchsim.plan.steps import Step
    from branchsim.topology import Topology


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing a topology does not allow.

    Attributes
    ----------
    step : str
        The name of the step.
    rule : str
        ``unknown-branch``, ``wrong-start``, ``wrong-way``, ``wrong-method``, ``wrong-purpose``, ``straight``,
        ``direct``, ``carries-build``, ``not-retrofitted``, or the name of a guard of the topology.
    message : str
        What is wrong and what to do, in one sentence.
    """

    step: str
    rule: str
    message: str

    def __str__(self) -> str:
        return f"step {self.step!r}: {self.message}"


def problems(plan: Plan, topology: Topology) -> tuple[Problem, ...]:
    """What in a plan a topology does not allow, in the order of the steps.

    Parameters
    ----------
    plan : Plan
        The plan.
    topology : Topology
        The branches, flows, families and guards of the team.

    Returns
    -------
    tuple of Problem
        Empty where the topology allows the plan.
    """
    found: list[Problem] = []
    own = {step.branch for step in plan.steps if isinstance(step, Start)}
    for place, step in enumerate(plan.steps):
        unknown = list(_unknown(step, topology, own))
        found += unknown
        if not unknown:
            found += _step(plan.steps, place, topology)
    found += _never_retrofitted(plan.steps, topology, own)
    return tuple(found)


def _unknown(step: Step, topology: Topology, own: set[str]) -> Iterator[Problem]:
    names: tuple[str, ...] = ()
    match step:
        case Gate(branch=branch, against=against, base=base):
            names = (branch, *against, *(() if base is None else (base,)))
        case PullRequest(source=source, target=target) | MergeBack(source=source, target=target):
            names = (source, target)
        case Commit(branch=branch) | Revert(branch=branch):
            names = (branch,)
    known = [branch.name for branch in topology.branches] + [family.pattern for family in topology.families]
    for name in dict.fromkeys(names):
        if name not in own and topology.match_branch(name) is None and topology.family_of(name) is None:
            near = nearest(name, [*known, *own])
            yield Problem(
                step.name, "unknown-branch", f"{name!r} is no branch of {topology.name!r} and fits no family{near}"
            )


def _step(steps: Sequence[Step], place: int, topology: Topology) -> Iterator[Problem]:
    step = steps[place]
    match step:
        case Start():
            yield from _start(step, topology)
        case PullRequest():
            straight = list(_straight(steps, place, topology))
            yield from straight or _pull_request(step, topology)
            yield from _guards(steps, place, topology)
        case Commit(branch=branch) | Revert(branch=branch):
            if _long_lived(topology, branch) and not topology.accepts_direct(branch):
                text = f"nothing may be committed to {branch!r} directly; commit to a branch of its own and merge that"
                yield Problem(step.name, "direct", text)
        case MergeBack(source=source, target=target):
            flows = {(flow.source, flow.target) for flow in topology.flows}
            ends = _long_lived(topology, source) and _long_lived(topology, target)
            if ends and (_record(topology, source), _record(topology, target)) not in flows:
                text = f"no flow of {topology.name!r} leads from {source!r} to {target!r}"
                yield Problem(step.name, "wrong-way", text)


def _long_lived(topology: Topology, name: str) -> bool:
    return topology.match_branch(name) is not None and topology.family_of(name) is None


def _record(topology: Topology, name: str) -> str:
    found = topology.match_branch(name)
    return name if found is None else found.name


def _start(step: Start, topology: Topology) -> Iterator[Problem]:
    family = topology.family_of(step.branch)
    if family is not None and _long_lived(topology, step.at) and _record(topology, step.at) not in family.source:
        allowed = " or ".join(map(repr, family.source))
        text = f"a branch of {family.pattern!r} starts from {allowed}, not from {step.at!r}"
        yield Problem(step.name, "wrong-start", text)


def _pull_request(step: PullRequest, topology: Topology) -> Iterator[Problem]:
    if not _long_lived(topology, step.target):
        return
    family = topology.family_of(step.source)
    came_from = family.pattern if family is not None else _record(topology, step.source)
    entries = topology.entries(step.target)
    fitting = [entry for entry in entries if entry.source == came_from]
    if not fitting:
        if topology.accepts_direct(step.target):
            return
        ways = ", ".join(f"{entry.role} from {entry.source}" for entry in entries) or "nothing"
        kind = f" ({came_from})" if family is not None else ""
        yield Problem(
            step.name,
            "wrong-way",
            f"the strategy {topology.name!r} does not let {step.source!r}{kind} go to {step.target!r}, "
            f"which takes {ways}",
        )
        return
    if not any(not entry.methods or step.method in entry.methods for entry in fitting):
        allowed = " or ".join(dict.fromkeys(method for entry in fitting for method in entry.methods))
        text = f"{step.source!r} goes to {step.target!r} by {allowed}, not by {step.method}"
        yield Problem(step.name, "wrong-method", text)
    if not any(entry.role == step.purpose for entry in fitting):
        text = f"{step.source!r} to {step.target!r} is a step of purpose {fitting[0].role!r}, not {step.purpose!r}"
        yield Problem(step.name, "wrong-purpose", text)


def _straight(steps: Sequence[Step], place: int, topology: Topology) -> Iterator[Problem]:
    """A branch that goes to where it only owes a retrofit before it has landed where it belongs."""
    step = steps[place]
    assert isinstance(step, PullRequest)  # noqa: S101  the caller asks for no other
    family = topology.family_of(step.source)
    target = _record(topology, step.target)
    if family is None or target not in family.retrofit or target in (*family.to, *family.source):
        return
    landings = [
        at
        for at, other in enumerate(steps)
        if isinstance(other, PullRequest)
        and other.source == step.source
        and _record(topology, other.target) in family.to
    ]
    started = any(isinstance(other, Start) and other.branch == step.source for other in steps)
    # A plan that neither starts nor lands the branch retrofits one that landed before.
    if any(at < place for at in landings) or not (landings or started or step.purpose == "work"):
        return
    yield Problem(
        step.name,
        "straight",
        f"the strategy {topology.name!r} does not let {step.source!r} ({family.pattern}) go straight to "
        f"{step.target!r}: it lands on {' or '.join(map(repr, family.to))} first, and that is retrofitted",
    )


def _guards(steps: Sequence[Step], place: int, topology: Topology) -> Iterator[Problem]:
    step = steps[place]
    assert isinstance(step, PullRequest)  # noqa: S101  the caller asks for no other
    later = [other for other in steps[place + 1 :] if isinstance(other, PullRequest)]
    family = topology.family_of(step.source)
    if family is not None:
        owing = [other for other in later if other.source == step.source]
        if (
            step.delete_source
            and step.purpose != "retrofit"
            and family.retrofit
            and "keep-branch-until-retrofitted" in topology.guards
        ):
            text = (
                f"{step.source!r} still owes a retrofit to {' and '.join(family.retrofit)}; keep the branch until then"
            )
            yield Problem(step.name, "keep-branch-until-retrofitted", text)
        merged_again = [other.name for other in owing if other.purpose == "retrofit"]
        if step.method == "squash" and merged_again and "no-squash-if-merged-again" in topology.guards:
            text = (
                f"{step.source!r} is squashed here and merged again by step {merged_again[0]!r}, "
                "which will not know what this one brought; merge it"
            )
            yield Problem(step.name, "no-squash-if-merged-again", text)
    if step.on_conflict == "solve-in-source":
        if _long_lived(topology, step.source):
            text = f"{step.source!r} is a long-lived branch: conflicts with {step.target!r} must not be solved in it"
            yield Problem(step.name, "carries-build", text)
        for other in later:
            if other.source == step.source and other.purpose != "retrofit":
                text = (
                    f"after the retrofit of step {step.name!r} {step.source!r} may hold the content of {step.target!r} "
                    f"and must not be merged to {other.target!r}; move this step before the retrofit"
                )
                yield Problem(other.name, "carries-build", text)
    if "no-promotion-while-open" in topology.guards:
        yield from _open_promotions(steps, place, topology)


def _open_promotions(steps: Sequence[Step], place: int, topology: Topology) -> Iterator[Problem]:
    """Promotions that carry BUILD into RUN while a landing of the plan is still owed to BUILD."""
    step = steps[place]
    assert isinstance(step, PullRequest)  # noqa: S101  the caller asks for no other
    if step.purpose != "work" or not _long_lived(topology, step.target):
        return
    family = topology.family_of(step.source)
    for owed in topology.owed_to(step.target, family):
        deadlines = {(flow.source, flow.target) for flow in topology.deadlines(step.target, owed)}
        for other in steps[place + 1 :]:
            if not isinstance(other, PullRequest):
                continue
            if other.purpose == "retrofit" and other.target == owed:
                break
            if (_record(topology, other.source), _record(topology, other.target)) in deadlines:
                text = (
                    f"what step {step.name!r} landed on {step.target!r} is still owed to {owed!r}; "
                    "retrofit it before this promotion"
                )
                yield Problem(other.name, "no-promotion-while-open", text)


def _never_retrofitted(steps: Sequence[Step], topology: Topology, own: set[str]) -> Iterator[Problem]:
    retrofitted = {step.target for step in steps if isinstance(step, PullRequest) and step.purpose == "retrofit"}
    for step in steps:
        if not isinstance(step, PullRequest) or step.purpose != "work" or not _long_lived(topology, step.target):
            continue
        if topology.family_of(step.source) is None and step.source not in own:
            continue
        for owed in topology.owed_to(step.target, topology.family_of(step.source)):
            if owed not in retrofitted:
                text = f"what lands on {step.target!r} is owed to {owed!r}, and no step retrofits it; add one"
                yield Problem(step.name, "not-retrofitted", text)


__all__ = ["Problem", "problems"]
