"""Conformance: the landings that a topology's flows and families do not allow, and how far each branch keeps to them.

In the words of process mining: the topology is the model, the landings are the log, and a branch's fitness is the
share of its landings that the model can replay (W. van der Aalst, Process Mining, 2nd edition, chapter 8).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from branchsim.formatting import plain, short_id
from branchsim.names import Sha

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from branchsim.audit.moves import Move
    from branchsim.audit.verdicts import Obligation
    from branchsim.history.landings import History, Landing


class Rule(StrEnum):
    """What a landing breaks."""

    DIRECT = "direct"
    """Committed straight to a branch that takes only what flows and families bring."""
    SKIPPED_LEVEL = "skipped-level"
    """A promotion past a branch in between."""
    NO_FLOW = "no-flow"
    """No flow leads from that branch to this one."""
    WRONG_FAMILY = "wrong-family"
    """The family may not land here."""
    UNKNOWN_SOURCE = "unknown-source"
    """A short-lived branch that belongs to no family, where only families may land."""
    METHOD = "method"
    """The flow or family does not allow this way of merging."""
    FORCE_PUSH = "force-push"
    """The branch was moved without fast-forward."""
    DELETED_EARLY = "deleted-early"
    """The work branch is gone before its retrofit."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Violation:
    """A landing that the topology does not allow.

    Attributes
    ----------
    branch : str
        Where it landed.
    landing : Sha
        The landing.
    landed_at : int
        When, in seconds since the epoch, UTC.
    rule : Rule
        What it breaks.
    source : str or None
        Where it came from.
    inferred : bool
        Whether the source was concluded and not read.
    reason : str
        One sentence.
    check : str
        The git command that shows it.
    """

    branch: str
    landing: Sha
    landed_at: int
    rule: Rule
    source: str | None
    inferred: bool
    reason: str
    check: str

    def __repr__(self) -> str:
        return plain(f"<Violation on {self.branch} with {short_id(self.landing)}: {self.rule}>")

    def __str__(self) -> str:
        from branchsim.audit.text import violation_text

        return violation_text(self)

    def _repr_html_(self) -> str:
        from branchsim.audit.html import violation_html

        return violation_html(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitness:
    """How far a branch keeps to the topology.

    Attributes
    ----------
    branch : str
        The branch.
    landings : int
        Its landings that can be judged.
    violations : int
        How many of them are not allowed.
    fitness : float or None
        The share that is allowed, 0 to 1; None without a landing.
    """

    branch: str
    landings: int
    violations: int
    fitness: float | None


_UNJUDGED = frozenset({"created", "sync"})
_METHODS = frozenset({"merge", "squash", "rebase", "fast-forward", "cherry-pick"})


def find_violations(
    history: History,
    obligations: Sequence[Obligation] = (),
    living: Collection[str] | None = None,
    moves: Sequence[Move] = (),
) -> tuple[tuple[Violation, ...], tuple[Fitness, ...]]:
    """The landings since the history's ``since`` that are not allowed, and a figure for each branch.

    Parameters
    ----------
    history : History
        The replay.
    obligations : sequence of Obligation
        For branches that were deleted before their retrofit.
    living : collection of str, optional
        The names of the branches that exist; None does not ask whether work branches were deleted.
    moves : sequence of Move
        Branches that left commits behind; those that a reflog recorded and that others could see are violations.

    Returns
    -------
    violations : tuple of Violation
        Ascending in time.
    fitness : tuple of Fitness
        In the order of the topology.
    """
    found: list[Violation] = []
    judged: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    for landing in history:
        if landing.kind in _UNJUDGED or landing.before is None:
            continue  # what a branch begins with came by no landing
        judged[landing.branch] += 1
        violation = _judge(history, landing)
        if violation is not None:
            found.append(violation)
            broken[landing.branch] += 1
    found += _moved(moves, {(each.branch, each.landing) for each in found if each.rule is Rule.FORCE_PUSH})
    if living is not None and "keep-branch-until-retrofitted" in history.topology.guards:
        found += _deleted(history, obligations, living)
    found.sort(key=lambda each: (each.landed_at, each.branch, each.landing, each.rule))
    fitness = tuple(
        Fitness(
            branch=branch.name,
            landings=judged[branch.name],
            violations=broken[branch.name],
            fitness=round(1 - broken[branch.name] / judged[branch.name], 4) if judged[branch.name] else None,
        )
        for branch in history.topology.branches
    )
    return tuple(found), fitness


def _moved(moves: Sequence[Move], known: Collection[tuple[str, Sha]]) -> list[Violation]:
    """The moves that others could see; they add to the findings, and not to the landings that are judged."""
    found = {}
    for move in moves:
        key = (move.branch, move.landing.sha)
        if move.certain and move.published and key not in known:
            reason = f"{move.branch} was moved without fast-forward and left {move.old[:12]} behind: {move.how}"
            found[key] = _violation(move.landing, Rule.FORCE_PUSH, reason)
    return list(found.values())


def _judge(history: History, landing: Landing) -> Violation | None:
    if landing.kind == "force-push":
        return _violation(landing, Rule.FORCE_PUSH, f"{landing.branch} was moved without fast-forward")
    if landing.source is None:
        return _of_no_source(history, landing)
    if landing.source in history.landings:
        found = _of_branch(history, landing, landing.source)
    else:
        found = _of_work(history, landing, landing.source)
    return found or _of_method(history, landing, landing.source)


def _of_no_source(history: History, landing: Landing) -> Violation | None:
    """A landing that came from no branch: allowed where work begins, and where what it came from is only not known."""
    topology = history.topology
    if topology.accepts_direct(landing.branch) or landing.kind not in {"direct", "revert"}:
        return None
    what = "a revert" if landing.kind == "revert" else "a commit"
    ways = _ways(topology.entries(landing.branch))
    reason = f"{what} went straight to {landing.branch}, which takes only {ways}"
    upstream = topology.upstream(landing.branch)
    if upstream and not topology.owed_to(landing.branch):
        reason += f"; no flow leads back from there: see to it that {', '.join(upstream)} get it too"
    return _violation(landing, Rule.DIRECT, reason)


def _of_branch(history: History, landing: Landing, source: str) -> Violation | None:
    topology = history.topology
    if any(entry.source == source for entry in topology.entries(landing.branch)):
        return None
    path = topology.promotion_path(source, landing.branch)
    if len(path) > 1:
        between = ", ".join(flow.source for flow in path[1:])
        return _violation(landing, Rule.SKIPPED_LEVEL, f"{source} went to {landing.branch} past {between}")
    return _violation(landing, Rule.NO_FLOW, f"no flow leads from {source} to {landing.branch}")


def _of_work(history: History, landing: Landing, source: str) -> Violation | None:
    topology = history.topology
    entries = topology.entries(landing.branch)
    family = topology.family_of(source)
    if family is None:
        if topology.accepts_direct(landing.branch):
            return None
        reason = f"{source} belongs to no family, and {landing.branch} takes only {_ways(entries)}"
        return _violation(landing, Rule.UNKNOWN_SOURCE, reason)
    if any(entry.source == family.pattern for entry in entries):
        return None
    reason = f"{family.pattern} may land on {', '.join(family.to)}, not on {landing.branch}"
    return _violation(landing, Rule.WRONG_FAMILY, reason)


def _of_method(history: History, landing: Landing, source: str) -> Violation | None:
    topology = history.topology
    family = topology.family_of(source) if source not in history.landings else None
    name = family.pattern if family is not None else source
    fitting = [entry for entry in topology.entries(landing.branch) if entry.source == name]
    if landing.kind not in _METHODS or not fitting:
        return None
    if any(not entry.methods or landing.kind in entry.methods for entry in fitting):
        return None
    allowed = ", ".join(sorted({method for entry in fitting for method in entry.methods}))
    reason = f"{source} landed on {landing.branch} by {landing.kind}; allowed: {allowed}"
    return _violation(landing, Rule.METHOD, reason)


def _ways(entries: Sequence[object]) -> str:
    names = [str(getattr(entry, "source", "")) for entry in entries]
    return ", ".join(dict.fromkeys(names)) or "nothing"


def _deleted(history: History, obligations: Sequence[Obligation], living: Collection[str]) -> list[Violation]:
    from branchsim.audit.verdicts import Verdict

    found = {}
    for obligation in obligations:
        if obligation.verdict not in {Verdict.MISSED, Verdict.PARTIAL}:
            continue
        landing = history.landing(obligation.landed_on, obligation.landing)
        if landing is None or landing.source is None or landing.source in living or landing.source in history.landings:
            continue
        if history.topology.family_of(landing.source) is None:
            continue
        reason = f"{landing.source} is gone, and its retrofit to {obligation.owed_to} is {obligation.verdict.value}"
        found[landing.sha, obligation.owed_to] = _violation(landing, Rule.DELETED_EARLY, reason)
    return list(found.values())


def _violation(landing: Landing, rule: Rule, reason: str) -> Violation:
    return Violation(
        branch=landing.branch,
        landing=landing.sha,
        landed_at=landing.at,
        rule=rule,
        source=landing.source,
        inferred=landing.source_inferred,
        reason=reason + (" (the source is inferred)" if landing.source_inferred else ""),
        check=f"git show {landing.sha[:12]}",
    )
