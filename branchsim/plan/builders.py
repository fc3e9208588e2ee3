"""Plans that many teams need, made from their topology: a hotfix, a promotion, a retrofit, a release."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from branchsim.errors import nearest
from branchsim.plan.checks import PlanError, check_ref
from branchsim.plan.model import Plan, Promotion
from branchsim.plan.steps import Commit, Gate, PullRequest, Start, Tag
from branchsim.topology import Family, Topology, is_pattern, matches
from branchsim.topology.bots import is_of_a_bot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchsim.plan.steps import Step
    from branchsim.topology import Flow, Method


def hotfix(
    name: str,
    topology: Topology,
    *,
    start: str | None = None,
    target: str | None = None,
    work: Sequence[Commit] = (),
    method: Method | None = None,
    merge_back: str | bool | None = None,
    retrofit_branch: str | None = None,
    tag: str | None = None,
    author: str | None = None,
    at: int | None = None,
) -> Plan:
    """A hotfix from its branch to its retrofit.

    In BUILD/RUN: start from ``preprod`` (a branch that exists is taken as it is); check that it carries nothing of
    BUILD and that no version is being validated in ``preprod``; merge it there, keep the branch, promote to
    ``production``; then retrofit the same branch to ``integration``, and where that conflicts solve it in the hotfix
    branch first. Where the topology retrofits by merging RUN back, a ``retrofit/...`` branch from the end of RUN goes
    to ``integration`` instead.

    Parameters
    ----------
    name : str
        The hotfix, with the family's prefix or without: ``login`` becomes ``hotfix/login``.
    topology : Topology
        Bound (see `Topology.bind`) if it has branches that are patterns where the hotfix goes.
    start, target : str, optional
        Where it starts and lands; by default the first that the family names.
    work : sequence of Commit
        The commits of the hotfix. Their branch is replaced by the hotfix's.
    method : str, optional
        How it is merged; by default the first that the family allows.
    merge_back : str or bool, optional
        The long-lived branch that is merged back, True for the one nearest to production, False to retrofit the hotfix
        branch itself; by default what the topology says.
    retrofit_branch : str, optional
        The name of the branch that is merged back; made from the family's pattern if not given.
    tag : str, optional
        A tag for the release.
    author, at : optional
        See `Plan`.

    Raises
    ------
    PlanError
        The topology has no family for it, or a branch it needs is a pattern still.
    """
    _check_topology("Plan.hotfix", topology)
    family = _hotfix_family(topology, name)
    branch, short = _named(family.pattern, name)
    start = start or family.source[0]
    target = target or (start if start in family.to or any(matches(to, start) for to in family.to) else family.to[0])
    for place in (start, target):
        _real(topology, place)
    steps: list[Step] = [Start(branch, at=start, reuse=True)]
    steps += [_moved(commit, branch) for commit in work]
    if build := topology.upstream(start):
        steps.append(Gate("wrong-base", branch=branch, base=start, against=_all_real(topology, build)))
    onward = _onward(topology, target)
    if onward:
        steps.append(Gate("frozen", branch=target, against=(onward[0].target,)))
    steps.append(PullRequest(branch, target, method=method or _first(family.methods)))
    steps += [_promotion(flow) for flow in onward]
    if tag is not None:
        steps.append(Tag(tag, at=onward[-1].target if onward else target, message=f"Hotfix {short}"))
    run = (target, *(flow.target for flow in onward))
    own = family.retrofit if merge_back is None else () if merge_back else topology.owed_to(target, family)
    for owed in _in_turn(topology, target, family):
        if owed in own or merge_back is False:
            steps.append(_retrofit(branch, owed, family.methods, solve=True))
        else:
            source = merge_back if isinstance(merge_back, str) else _returns_from(topology, run, owed)
            steps += _merge_back(topology, source, owed, short, retrofit_branch)
    return Plan(branch, tuple(steps), author=author, at=at, forecast=coming(topology, target))


def promotion(
    source: str,
    target: str,
    topology: Topology | None = None,
    *,
    method: Method | None = None,
    author: str | None = None,
    at: int | None = None,
) -> Plan:
    """One promotion, or with a topology every promotion on the way from one branch to the other.

    The source may be a short-lived branch: then it is the landing of its work, or its retrofit.

    Parameters
    ----------
    source, target : str
        Branches.
    topology : Topology, optional
        It says which branches lie between, how each is merged, and what is promoted afterwards (the forecast).
    method : str, optional
        How each is merged, whatever the topology says.
    author, at : optional
        See `Plan`.
    """
    if topology is not None:
        _check_topology("Plan.promotion", topology)
    flows = topology.promotion_path(source, target) if topology and _all_long_lived(topology, source, target) else ()
    steps = [_promotion(flow) for flow in flows] or [_landing(source, target, topology)]
    if method is not None:
        steps = [dataclasses.replace(step, method=method) for step in steps]
    onward = _onward(topology, target) if topology is not None and topology.match_branch(target) is not None else ()
    forecast = tuple(_expected(flow) for flow in onward)
    return Plan(f"promote {source} to {target}", tuple(steps), author=author, at=at, forecast=forecast)


def _landing(source: str, target: str, topology: Topology | None) -> PullRequest:
    """A pull request between two branches that no flow joins."""
    family = topology.family_of(source) if topology is not None and topology.match_branch(source) is None else None
    if topology is None or family is None:
        return PullRequest(source, target, purpose="promote")
    place = topology.match_branch(target)
    owed = place is not None and place.name in family.retrofit and place.name not in family.to
    return PullRequest(source, target, method=_first(family.methods), purpose="retrofit" if owed else "work")


def retrofit(
    source: str,
    topology: Topology,
    *,
    target: str | None = None,
    branch: str | None = None,
    author: str | None = None,
    at: int | None = None,
) -> Plan:
    """The retrofits that a branch owes.

    Parameters
    ----------
    source : str
        A short-lived branch that landed in RUN, which is merged itself; or a long-lived one, from which a retrofit
        branch is made where the topology has a family for it.
    target : str, optional
        Only the retrofit to this branch.
    branch : str, optional
        The name of the retrofit branch.
    author, at : optional
        See `Plan`.

    Raises
    ------
    PlanError
        Nothing is owed, or not to this target.
    """
    _check_topology("Plan.retrofit", topology)
    family = topology.family_of(source)
    landed = family.to[0] if family is not None else source
    owed = topology.owed_to(landed, family)
    if target is not None and target not in owed:
        raise PlanError(f"what lands on {landed!r} is not owed to {target!r}{nearest(target, owed)}")
    if not owed:
        raise PlanError(
            f"what lands on {landed!r} is owed nowhere in the topology {topology.name!r}: there is no retrofit"
        )
    steps: list[Step] = []
    for place in _in_turn(topology, landed, family):
        if target not in (None, place):
            continue
        if family is not None and place in family.retrofit:
            steps.append(_retrofit(source, place, family.methods, solve=True))
        else:
            start = source if family is None and place == owed[0] else _returns_from(topology, (landed,), place)
            steps += _merge_back(topology, start, place, start.rpartition("/")[2], branch)
    return Plan(f"retrofit {source}", tuple(steps), author=author, at=at, forecast=coming(topology, landed))


def release(
    topology: Topology,
    *,
    tag: str | None = None,
    start: str | None = None,
    message: str = "",
    author: str | None = None,
    at: int | None = None,
) -> Plan:
    """A version all the way through the promotions, and its tag.

    Parameters
    ----------
    topology : Topology
        Bound, if its promotions lead through branches that are patterns.
    tag : str, optional
        The tag of the release.
    start : str, optional
        Where the version is now; by default where the promotions begin.
    message : str
        The annotation of the tag; empty for a lightweight one.
    author, at : optional
        See `Plan`.

    Raises
    ------
    PlanError
        Nothing is promoted from there.
    """
    _check_topology("Plan.release", topology)
    chain = topology.promotion_chain()
    start = start or chain[0]
    flows = _onward(topology, start)
    if not flows and tag is None:
        raise PlanError(
            f"nothing is promoted from {start!r} in the topology {topology.name!r}; give a tag, or another start"
        )
    steps: list[Step] = [_promotion(flow) for flow in flows]
    end = flows[-1].target if flows else start
    if tag is not None:
        steps.append(Tag(tag, at=end, message=message))
    return Plan(f"release {tag}" if tag else f"release {start} to {end}", tuple(steps), author=author, at=at)


def coming(topology: Topology, through: str) -> tuple[Promotion, ...]:
    """The promotions that are expected next and lead through a branch, from where work begins to the release."""
    begins = [name for name in topology.upstream(through) if not topology.upstream(name)]
    before = topology.promotion_path(begins[0], through) if begins else ()
    flows = (*before, *_onward(topology, through))
    return tuple(_expected(flow) for flow in flows if not is_pattern(flow.source) and not is_pattern(flow.target))


def _check_topology(what: str, topology: object) -> None:
    if not isinstance(topology, Topology):
        raise PlanError(
            f"{what} needs a Topology, and not {type(topology).__name__}; read one with read_topology(path), or take a "
            "preset such as Topology.build_run()"
        )


def _hotfix_family(topology: Topology, name: str) -> Family:
    check_ref(name, "hotfix")
    known = topology.family_of(name)
    if known is not None:
        return known
    if topology.match_branch(name) is not None:
        raise PlanError(f"hotfix: {name!r} is a long-lived branch of the topology; give the name of the hotfix")
    layer = topology.layer_of(topology.last_branch())
    fitting = [
        family
        for family in topology.families
        if any(topology.layer_of(to) == layer and to in family.source for to in family.to)
        and not is_of_a_bot(family.pattern)
    ]
    # What is merged twice is what the team retrofits; else the name tells.
    for owing in (True, False):
        for word in ("hotfix", "fix", "patch", ""):
            for family in fitting:
                if bool(family.retrofit) == owing and family.pattern.startswith(word):
                    return family
    raise PlanError(
        f"the topology {topology.name!r} has no family of branches that start from and land on a branch of {layer}; "
        "add a [[family]] such as hotfix/*"
    )


def _named(pattern: str, name: str) -> tuple[str, str]:
    """The full name of a branch of a family, and what is its own in it."""
    head, star, tail = pattern.partition("*")
    if not star or is_pattern(head + tail):
        if matches(pattern, name):
            return name, name.rpartition("/")[2]
        raise PlanError(f"no name can be made from the pattern {pattern!r}; give the whole name of the branch")
    if matches(pattern, name):
        return name, name[len(head) : len(name) - len(tail)]
    return check_ref(f"{head}{name}{tail}", "hotfix"), name


def _moved(commit: Commit, branch: str) -> Commit:
    """A commit for another branch; its name, if it was made from the old one, is made anew."""
    automatic = commit.name == f"commit to {commit.branch}"
    return dataclasses.replace(commit, branch=branch, name="" if automatic else commit.name)


def _real(topology: Topology, name: str) -> str:
    if is_pattern(name):
        raise PlanError(
            f"the topology {topology.name!r} names {name!r}, a pattern; bind it to the branches of the repository "
            "first (Topology.bind), or name the branch where the plan starts"
        )
    return name


def _all_real(topology: Topology, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(_real(topology, name) for name in names)


def _all_long_lived(topology: Topology, *names: str) -> bool:
    for name in names:
        if topology.match_branch(name) is None and topology.family_of(name) is None:
            topology.branch(name)  # raises with the nearest names
    return all(topology.match_branch(name) is not None for name in names)


def _first(methods: Sequence[Method]) -> Method:
    return methods[0] if methods else "merge"


def _onward(topology: Topology, start: str) -> tuple[Flow, ...]:
    """The promotions from a branch to the release."""
    below = topology.downstream(start)
    ends = [name for name in topology.last_branches() if name in below]
    flows = topology.promotion_path(start, ends[-1]) if ends else ()
    for flow in flows:
        _real(topology, flow.target)
    return flows


def _promotion(flow: Flow) -> PullRequest:
    return PullRequest(flow.source, flow.target, method=_first(flow.methods), purpose="promote")


def _expected(flow: Flow) -> Promotion:
    return Promotion(source=flow.source, target=flow.target, method=_first(flow.methods))


def _retrofit(source: str, target: str, methods: Sequence[Method], *, solve: bool) -> PullRequest:
    return PullRequest(
        source,
        target,
        method=_first(methods),
        purpose="retrofit",
        on_conflict="solve-in-source" if solve else "stop",
    )


def _in_turn(topology: Topology, landed: str, family: Family | None) -> tuple[str, ...]:
    """What is owed, the nearest first: a release line retrofits to the next one before that one retrofits onward."""
    rules = {rule.owed_to: rule for rule in topology.obligation_rules() if rule.landed_on == landed}
    owed = topology.owed_to(landed, family)
    order = sorted(owed, key=lambda name: (len(rules[name].via) if name in rules else 1, owed.index(name)))
    return _all_real(topology, order)


def _returns_from(topology: Topology, run: Sequence[str], owed: str) -> str:
    """The branch that is merged back: of those the hotfix reached the one nearest to production."""
    flows = [flow for flow in topology.retrofits() if flow.target == owed]
    for name in reversed(run):
        if any(flow.source == name for flow in flows):
            return name
    if flows:
        return _real(topology, flows[0].source)
    raise PlanError(
        f"no retrofit flow of the topology {topology.name!r} leads to {owed!r}; add one, or name the branch"
    )


def _merge_back(topology: Topology, source: str, owed: str, short: str, branch: str | None) -> list[Step]:
    for entry in topology.entries(owed):
        family = entry.by
        # A family that only owes a retrofit there (hotfix/*) lands elsewhere first: its branches are not made for this.
        made_for_it = isinstance(family, Family) and owed in family.to and source in family.source
        if entry.role == "retrofit" and isinstance(family, Family) and made_for_it:
            name = branch or _named(family.pattern, short)[0]
            return [Start(name, at=source, reuse=True), _retrofit(name, owed, entry.methods, solve=True)]
    if branch is not None:
        return [Start(branch, at=source, reuse=True), _retrofit(branch, owed, (), solve=True)]
    methods = next((flow.methods for flow in topology.retrofits() if (flow.source, flow.target) == (source, owed)), ())
    # A long-lived branch is merged itself: nothing of the target may be merged into it, so a conflict ends the plan.
    return [_retrofit(source, owed, methods, solve=False)]


__all__ = ["coming", "hotfix", "promotion", "release", "retrofit"]
