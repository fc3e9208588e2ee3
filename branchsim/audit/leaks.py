"""Leaks: content that reached RUN without passing the flows it had to pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchsim.formatting import many, plain, short_id
from branchsim.names import Sha

if TYPE_CHECKING:
    from branchsim.history.changes import Changes
    from branchsim.history.landings import History, Landing

_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Leak:
    """Commits that came to a branch by a way that the topology does not have.

    Attributes
    ----------
    branch : str
        Where they landed.
    landing : Sha
        With which landing.
    landed_at : int
        When, in seconds since the epoch, UTC.
    source : str or None
        The branch that carried them.
    came_from : str
        The branch on which they had landed before, or the family they belong to.
    commits : tuple of Sha
        The commits that came along, parents before children; without merges.
    reason : str
        One sentence that a person can check with git.
    check : str
        The git command that shows it.
    """

    branch: str
    landing: Sha
    landed_at: int
    source: str | None
    came_from: str
    commits: tuple[Sha, ...]
    reason: str
    check: str

    def __repr__(self) -> str:
        commits = many(len(self.commits), "commit")
        return plain(f"<Leak to {self.branch} with {short_id(self.landing)}: {commits} from {self.came_from}>")

    def __str__(self) -> str:
        from branchsim.audit.text import leak_text

        return leak_text(self)

    def _repr_html_(self) -> str:
        from branchsim.audit.html import leak_html

        return leak_html(self)


def find_leaks(history: History, changes: Changes) -> tuple[Leak, ...]:
    """The leaks of a history since its ``since``, ascending in time.

    A landing leaks what had landed upstream before, in another layer, unless it is one of the promotions by which that
    content may come: by a work branch that started from a BUILD branch or merged one, by a retrofit that was solved by
    merging BUILD into the hotfix, which is then merged to RUN once more. It leaks the work itself where that comes from
    a family that lands elsewhere first.
    """
    found = []
    for landing in history:
        found += _upstream_content(history, changes, landing)
        found += _straight_work(history, landing)
    return tuple(found)


def _upstream_content(history: History, changes: Changes, landing: Landing) -> list[Leak]:
    topology = history.topology
    if not landing.commits or landing.kind in {"created", "force-push"}:
        return []
    layer = topology.layer_of(landing.branch)
    direct = {flow.source for flow in topology.promotions() if flow.target == landing.branch}
    upstream = [name for name in topology.upstream(landing.branch) if topology.layer_of(name) != layer]
    if landing.flow == "promote" and landing.source in direct:
        return []
    if landing.flow == "promote" and landing.family is not None:
        return []
    by_origin: dict[str, list[Sha]] = defaultdict(list)
    line = _own_line(history, landing)
    for sha in landing.commits:
        commit = history.commit(sha)
        if commit.is_merge:
            continue
        change = changes.of_commit(sha)
        if change is None or change.branch not in upstream:
            continue
        # What the same work branch brought there is its own retrofit, not somebody else's work.
        if change.source is not None and change.source == landing.source:
            continue
        there = history.landing(change.branch, change.landing)
        if there is not None and _came_with(history, sha, there, line):
            continue
        by_origin[change.branch].append(sha)
    return [
        _leak(landing, origin, shas, _how(history, landing, origin, shas)) for origin, shas in sorted(by_origin.items())
    ]


def _brought_tips(history: History, landing: Landing) -> list[Sha]:
    """The tips that a landing merged; in a merge with the published branch those are of the local one."""
    commit = history.commit(landing.sha)
    return [parent for parent in commit.parents if parent != landing.before] if commit.is_merge else []


def _came_with(history: History, sha: Sha, landing: Landing, line: frozenset[Sha]) -> bool:
    """Whether a commit came to a branch when a tip on the line of a work branch was merged there, perhaps locally."""
    graph = history.graph
    tips = set(_brought_tips(history, landing))
    if landing.kind == "sync":
        tips.update(parent for inner in landing.commits for parent in history.commit(inner).parents[1:])
    return any(graph.is_ancestor(graph.number(sha), graph.number(tip)) for tip in tips & line)


def _own_line(history: History, landing: Landing) -> frozenset[Sha]:
    """The commits on the own line of the work branch that a landing merged: its tip, and then by first parents."""
    brought, line = set(landing.commits), set()
    for tip in _brought_tips(history, landing)[:1]:
        at: Sha | None = tip
        while at is not None and at in brought:
            line.add(at)
            at = next(iter(history.commit(at).parents), None)
    return frozenset(line)


def _merged_in(history: History, merge: Sha, shas: Sequence[Sha]) -> bool:
    """Whether a merge brought any of some commits to the line it was made on."""
    graph = history.graph
    own, *others = (graph.find(parent) for parent in history.commit(merge).parents)
    return any(
        other is not None
        and graph.is_ancestor(graph.number(sha), other)
        and not (own is not None and graph.is_ancestor(graph.number(sha), own))
        for other in others
        for sha in (shas[0], shas[-1])
    )


def _how(history: History, landing: Landing, origin: str, shas: Sequence[Sha]) -> str:
    if landing.source in history.landings:
        way = history.topology.promotion_path(landing.source or "", landing.branch)
        return (
            f"{landing.source} may reach {landing.branch} only by way of {', '.join(flow.source for flow in way[1:])}"
            if len(way) > 1
            else f"no flow leads from {landing.source} to {landing.branch}"
        )
    carrier = landing.source or "the branch that was merged"
    # A merge on the line of a long-lived branch is that branch's own; the work branch's are the others.
    merged = [
        sha
        for sha in landing.commits
        if sha != landing.sha
        and history.commit(sha).is_merge
        and not any(history.landing(branch, sha) for branch in history.landings)
        and _merged_in(history, sha, shas)
    ]
    if merged:
        return f"{carrier} had merged {origin} (see {merged[-1][:12]})"
    return f"{carrier} started from {origin}, or from a branch that holds its content"


def _straight_work(history: History, landing: Landing) -> list[Leak]:
    """Work of a family that may land on other branches only."""
    topology = history.topology
    if landing.source is None or landing.source in history.landings or not landing.commits:
        return []
    family = topology.family_of(landing.source)
    if family is None or landing.branch in (*family.to, *family.retrofit):
        return []
    reached = {name for target in family.to for name in topology.downstream(target)}
    if landing.branch not in reached:
        return []
    before = {flow.source for flow in topology.promotions() if flow.target == landing.branch}
    shas = [
        sha
        for sha in landing.commits
        if not history.commit(sha).is_merge
        # What the branch before this one holds already has come the way it had to.
        and not any(
            (there := history.arrival(name, sha)) is not None and history.precedes(there, landing) for name in before
        )
    ]
    wanted = " or ".join(family.to)
    return [_leak(landing, family.pattern, shas, f"{family.pattern} lands on {wanted} first")] if shas else []


def _leak(landing: Landing, origin: str, shas: Sequence[Sha], how: str) -> Leak:
    shown = ", ".join(sha[:12] for sha in shas[:_SHOWN]) + (
        f" and {len(shas) - _SHOWN} more" if len(shas) > _SHOWN else ""
    )
    noun = "commit" if len(shas) == 1 else "commits"
    return Leak(
        branch=landing.branch,
        landing=landing.sha,
        landed_at=landing.at,
        source=landing.source,
        came_from=origin,
        commits=tuple(shas),
        reason=f"{len(shas)} {noun} of {origin} came along ({shown}): {how}",
        check=f"git log --oneline {landing.before[:12]}..{landing.sha[:12]}"
        if landing.before
        else f"git log {landing.sha[:12]}",
    )
