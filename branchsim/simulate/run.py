"""Simulate a plan on a scratch repository."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from branchsim.errors import UnknownRevisionError, nearest
from branchsim.git.objects import ObjectReader
from branchsim.git.repository import Repository
from branchsim.git.session import MergeSession
from branchsim.git.transaction import pack_new
from branchsim.names import RefName, Sha
from branchsim.plan import Commit, PlanError, Revert, Start, Tag
from branchsim.plan.builders import coming
from branchsim.plan.checks import check_person
from branchsim.simulate.conflicts import Conflicts
from branchsim.simulate.forecast import forecast
from branchsim.simulate.graph import Graph
from branchsim.simulate.records import RefMove
from branchsim.simulate.simulation import Simulation
from branchsim.simulate.steps import run_plan
from branchsim.simulate.world import State, World

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence

    from branchsim.git.repository import RepositoryLike
    from branchsim.plan import Plan
    from branchsim.simulate.conflicts import Resolver
    from branchsim.simulate.records import LossCheck, StepResult
    from branchsim.topology import Topology

PERSON = "branchsim <branchsim@localhost>"
"""Author and committer where neither the plan nor the caller names one."""


def simulate(
    plan: Plan,
    repo: RepositoryLike | Repository,
    topology: Topology | None = None,
    *,
    resolve: Resolver | None = None,
    losses: LossCheck | Literal["audit"] | None = "audit",
    author: str | None = None,
    directory: str | os.PathLike[str] = ".",
    progress: Callable[[StepResult], None] | None = None,
) -> Simulation:
    """Run a plan with real git objects on a scratch repository; the source is only read.

    Merges are git's own (``merge-tree``); nothing is checked out, no hook, filter or merge driver runs. The same plan
    on the same repository gives the same ids, time after time.

    Parameters
    ----------
    plan : Plan
        What is to be done.
    repo : path or Repository
        The source. In an open `Repository` the simulated objects stay in its scratch repository until it is closed.
    topology : Topology, optional
        Validate the plan against it, and forecast its promotions if the plan expects none.
    resolve : callable, optional
        Asked for each conflict that no resolve step of the plan solves.
    losses : callable, "audit" or None
        Says what each landing would lose; by default the rules of the audit do. With None nobody judges, and no step
        has the outcome ``regression``.
    author : str, optional
        ``Name <address>`` for the commits, where the plan names none.
    directory : path
        Where the folders of resolved files are, which the plan names.
    progress : callable, optional
        Called with the result of each step.

    Returns
    -------
    Simulation

    Raises
    ------
    PlanError
        The plan does not fit the topology or the repository: a branch or commit that does not exist, a branch or tag
        that does, a patch that does not apply, a file that is not there.
    UnknownRevisionError
        A revision names no commit.
    NotARepositoryError, GitError
        The repository cannot be read, or git failed.
    """
    person = check_person(plan.author or author or PERSON, "the author")
    if topology is not None:
        plan.validate(topology)
        if not plan.forecast:
            plan = plan.replace(forecast=coming(topology, topology.last_branch()))
    with contextlib.ExitStack() as stack:
        repository = repo if isinstance(repo, Repository) else stack.enter_context(Repository(repo))
        branches = _branches(repository)
        _check_branches(plan, branches, repository)
        revisions = _revisions(plan, branches, repository)
        tips = [branches[name] for name in (*plan.branches, *revisions) if name in branches]
        graph = Graph(repository.scratch, [*tips, *_starts(plan, revisions)])
        reader = stack.enter_context(ObjectReader(repository.scratch))
        session = stack.enter_context(MergeSession(repository.scratch))
        records = repository.common_dir / "rr-cache"
        conflicts = Conflicts(repository.scratch, reader, graph, session, resolve, Path(directory), records)
        judge = _judge(reader, graph) if losses == "audit" else losses
        world = World(repository, reader, session, graph, conflicts, person=person, losses=judge, revisions=revisions)
        newest = max((graph[tip].at for tip in tips), default=0)
        start = State(branches, _tags(repository), plan.at if plan.at is not None else max(newest, 0) + 1)
        end = start.fork()
        results = run_plan(world, plan, end, progress)
        expected = forecast(world, plan, start=start, end=end, results=results)
        moves = _moves(start, end)
        return Simulation(
            plan=plan,
            repository=str(repository.path),
            results=tuple(results),
            expected=expected,
            moves=moves,
            notes=tuple(_notes(plan, repository, person, losses)),
            seen=_seen([*plan.branches, *revisions], repository),
            person=person,
            pack=_pack(repository, moves, start),
        )


def _judge(reader: ObjectReader, graph: Graph) -> LossCheck:
    # The audit is loaded only where it is asked.
    from branchsim.simulate.losses import LossJudge

    return LossJudge(reader, graph)


def _branches(repository: Repository) -> dict[str, Sha]:
    """The tips of the branches by their plain names: local ones, else those of origin."""
    found: dict[str, Sha] = {}
    for prefix in ("refs/remotes/origin/", "refs/heads/"):
        for ref, sha in repository.refs.items():
            if ref.startswith(prefix) and ref != "refs/remotes/origin/HEAD":
                found[ref.removeprefix(prefix)] = sha
    return found


def _tags(repository: Repository) -> dict[str, Sha]:
    return {ref.removeprefix("refs/tags/"): sha for ref, sha in repository.refs.items() if ref.startswith("refs/tags/")}


def _check_branches(plan: Plan, branches: dict[str, Sha], repository: Repository) -> None:
    started = {step.branch for step in plan.steps if isinstance(step, Start)}
    # A promotion that is only expected may lack its branch; the forecast says so.
    needed = plan.replace(forecast=()).branches
    for name in sorted({*needed} - started):
        if name not in branches:
            raise PlanError(
                f"{repository.path} has no branch {name!r}{nearest(name, branches)}; fetch it, or start it in the plan"
            )


def _revisions(plan: Plan, branches: dict[str, Sha], repository: Repository) -> dict[str, Sha]:
    """The commits that the plan names otherwise than by a branch, a tag it makes, or a step."""
    own = {step.branch for step in plan.steps if isinstance(step, Start)}
    own |= {step.tag for step in plan.steps if isinstance(step, Tag)} | {step.name for step in plan.steps}
    named: list[tuple[str, str]] = []
    for step in plan.steps:
        match step:
            case Start(at=at) | Tag(at=at):
                named.append((at, step.name))
            case Commit(picks=picks):
                named += [(name, step.name) for name in picks]
            case Revert(commit=commit):
                named.append((commit, step.name))
    found: dict[str, Sha] = {}
    for name, step_name in named:
        if name in found or name in own:
            continue
        if name in branches:
            found[name] = branches[name]
            continue
        try:
            found[name] = repository.resolve(name)
        except UnknownRevisionError as error:
            raise PlanError(f"step {step_name!r}: {error}") from None
    return found


def _starts(plan: Plan, revisions: dict[str, Sha]) -> list[Sha]:
    """Start points and tagged commits, whose ancestry matters; what is picked or reverted is only read."""
    return [revisions[step.at] for step in plan.steps if isinstance(step, (Start, Tag)) and step.at in revisions]


def _moves(start: State, end: State) -> tuple[RefMove, ...]:
    moves = [
        RefMove(ref=f"refs/heads/{name}", before=start.branches.get(name), after=end.branches.get(name))
        for name in sorted({*start.branches, *end.branches})
        if start.branches.get(name) != end.branches.get(name)
    ]
    moves += [RefMove(ref=f"refs/tags/{name}", before=None, after=sha) for name, sha in sorted(end.tag_objects.items())]
    return tuple(moves)


def _seen(names: Iterable[str], repository: Repository) -> tuple[tuple[RefName, Sha], ...]:
    """The refs behind the branches that a plan names."""
    found = {}
    for name in names:
        for ref in (RefName(f"refs/heads/{name}"), RefName(f"refs/remotes/origin/{name}")):
            if ref in repository.refs:
                found[ref] = repository.refs[ref]
                break
    return tuple(sorted(found.items()))


def _pack(repository: Repository, moves: Sequence[RefMove], start: State) -> bytes:
    """What the source does not have of the commits to which its refs shall move."""
    known = set(start.branches.values())
    tips = [move.after for move in moves if move.after is not None and move.after not in known]
    return pack_new(repository.scratch, tips) if tips else b""


def _notes(plan: Plan, repository: Repository, person: str, losses: object) -> list[str]:
    notes = []
    if person == PERSON:
        notes.append(f"no author was given: the commits are by {PERSON}, and real ones will have other ids")
    if losses is None:
        notes.append("nobody judged what the landings would lose: silent overwrites are not looked for")
    if repository.shallow:
        notes.append("the history was cut off by a shallow clone: merges may use a base that is not the real one")
    for name in plan.branches:
        local, remote = (repository.refs.get(RefName(f"refs/{kind}/{name}")) for kind in ("heads", "remotes/origin"))
        if local is not None and remote is not None and local != remote:
            notes.append(f"the local branch {name} is used; origin has it elsewhere ({remote[:12]})")
    return notes


__all__ = ["PERSON", "simulate"]
