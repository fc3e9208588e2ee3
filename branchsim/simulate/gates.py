"""Gates: what must hold before a plan goes on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from branchsim.history.refs import tag_tips

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from branchsim.names import Sha
    from branchsim.plan import Gate
    from branchsim.simulate.graph import Node
    from branchsim.simulate.world import State, World

_SHOWN = 3


def judge(world: World, state: State, gate: Gate) -> tuple[str, tuple[Sha, ...]]:
    """Whether a gate holds.

    Returns
    -------
    tuple of str and tuple of Sha
        Why it does not, in one sentence, and the commits it objects to, newest first; the empty text where it holds.

    Raises
    ------
    PlanError
        A branch does not exist.
    """
    where = f"step {gate.name!r}"
    branch = state.branch(gate.branch, where)
    others = {name: state.branch(name, where) for name in gate.against}
    if gate.check == "wrong-base":
        base = state.branch(gate.base or "", where)
        return _wrong_base(world, gate, branch=branch, base=base, others=others)
    if gate.check == "frozen":
        return _frozen(world, gate, branch=branch, others=others)
    lacking = {name: world.graph.reach(tip) - world.graph.reach(branch) for name, tip in others.items()}
    for name, shas in lacking.items():
        if shas:
            commits = world.graph.newest_first(shas)
            reason = f"{gate.branch} lacks {_count(commits)} of {name}: {_listed(world, commits)}"
            return reason, tuple(commits)
    return "", ()


def _wrong_base(
    world: World, gate: Gate, *, branch: Sha, base: Sha, others: dict[str, Sha]
) -> tuple[str, tuple[Sha, ...]]:
    graph = world.graph
    own = graph.reach(branch) - graph.reach(base)
    found: set[Sha] = set()
    names: list[str] = []
    for name, tip in others.items():
        carried = own & graph.reach(tip)
        if carried:
            found |= carried
            names.append(name)
    if not found:
        return "", ()
    commits = [sha for sha in graph.newest_first(found) if len(graph[sha].parents) < 2] or graph.newest_first(found)  # noqa: PLR2004
    reason = (
        f"{gate.branch} carries {_count(commits)} of {' and '.join(names)} that {gate.base} does not have: "
        f"{_listed(world, commits)}; "
    )
    if branch in found:
        reason += f"all of it is on {names[0]} already: it started there, or was merged there first"
    else:
        reason += f"start it again from {gate.base} and pick only the fix"
    return reason, tuple(commits)


def _frozen(world: World, gate: Gate, *, branch: Sha, others: dict[str, Sha]) -> tuple[str, tuple[Sha, ...]]:
    graph = world.graph
    for name, tip in others.items():
        ahead = graph.reach(branch) - graph.reach(tip)
        if not ahead or _adds_nothing(world, tip, branch):
            continue
        line = graph.line(branch, graph.reach(tip))
        since = min(node.at for node in line) if line else min(graph[sha].at for sha in ahead)
        commits = graph.newest_first(sha for sha in ahead if len(graph[sha].parents) < 2)  # noqa: PLR2004
        landings = "; ".join(map(_shown, line[:_SHOWN])) + (
            f"; and {len(line) - _SHOWN} more" if len(line) > _SHOWN else ""
        )
        reason = (
            f"{gate.branch} holds {_count(commits)} that {name} does not, since {_time(since)}: nothing can ship alone "
            f"until that version is promoted. Being validated: {_versions(world, ahead)}{landings}"
        )
        return reason, tuple(commits)
    return "", ()


def _versions(world: World, ahead: Container[Sha]) -> str:
    """The versions among some commits that have a tag, the newest first, before what else is said of them."""
    tips = tag_tips(world.repository)
    tags = sorted(
        (name for name, sha in tips.items() if sha in ahead), key=lambda name: (-world.graph[tips[name]].at, name)
    )
    more = f" and {len(tags) - _SHOWN} more" if len(tags) > _SHOWN else ""
    return f"{', '.join(tags[:_SHOWN])}{more}; " if tags else ""


def _adds_nothing(world: World, target: Sha, source: Sha) -> bool:
    """Whether a merge would change nothing: what is ahead is there in another form, for example squashed."""
    if world.tree(target) == world.tree(source):
        return True
    merged = world.session.merge(target, source).result
    return merged.clean and merged.tree == world.tree(target)


def _count(commits: Sequence[Sha]) -> str:
    return f"{len(commits)} commit{'s' if len(commits) != 1 else ''}"


def _listed(world: World, commits: Sequence[Sha]) -> str:
    shown = ", ".join(_shown(world.graph[sha]) for sha in commits[:_SHOWN])
    return shown + (f" and {len(commits) - _SHOWN} more" if len(commits) > _SHOWN else "")


def _shown(node: Node) -> str:
    return f"{node.sha[:12]} {node.subject!r} by {node.author}, {_time(node.at)}"


def _time(at: int) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError, OSError):
        return f"{at} s after 1970"


__all__ = ["judge"]
