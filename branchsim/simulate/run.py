"""Simulate a plan on a scratch repository."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from branchsim.audit.sources import moment
from branchsim.errors import UnknownBranchError, UnknownRevisionError, nearest
from branchsim.git import drivers
from branchsim.git.objects import ObjectReader
from branchsim.git.repository import Repository
from branchsim.git.session import MergeSession
from branchsim.git.signing import Signer
from branchsim.git.transaction import own_identity, pack_new
from branchsim.history.refs import cut_commits
from branchsim.names import RefName, Sha
from branchsim.plan import Commit, Plan, PlanError, Revert, Start, Tag
from branchsim.plan.builders import coming
from branchsim.plan.checks import check_person
from branchsim.simulate.conflicts import Conflicts
from branchsim.simulate.forecast import forecast
from branchsim.simulate.graph import Graph, read_unshared
from branchsim.simulate.hotfixes import known_hotfixes, with_hotfixes
from branchsim.simulate.records import RefMove
from branchsim.simulate.simulation import Simulation
from branchsim.simulate.steps import run_plan
from branchsim.simulate.world import State, World

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence

    from branchsim.git.log import Commit as GitCommit
    from branchsim.git.repository import RepositoryLike
    from branchsim.simulate.conflicts import Resolver
    from branchsim.simulate.obligations import Ledger
    from branchsim.simulate.records import LossCheck, ObligationState, StepResult
    from branchsim.topology import Topology

_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
PERSON = "branchsim <branchsim@localhost>"
"""Author and committer where neither the plan nor the caller names one and git knows none."""


def simulate(
    plan: Plan,
    repo: RepositoryLike | Repository,
    topology: Topology | None = None,
    *,
    resolve: Resolver | None = None,
    losses: LossCheck | Literal["audit"] | None = "audit",
    obligations: bool = True,
    since: str | int | None = None,
    author: str | None = None,
    directory: str | os.PathLike[str] = ".",
    progress: Callable[[StepResult], None] | None = None,
) -> Simulation:
    """Run a plan with real git objects on a scratch repository; the source is only read.

    Merges are git's own (``merge-tree``); nothing is checked out, no hook or filter runs, and of merge drivers only
    those that the plan names. The same plan on the same repository gives the same ids, time after time (with gpg
    signatures, which hold the time, only the same trees).

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
    obligations : bool
        With a topology, ask the audit for the state of every obligation before the plan and after it. What is owed and
        was not delivered is then followed by the rules of the audit, as what the plan brings is.
    since : str or int, optional
        Only obligations for what landed since then: a date (ISO 8601), a revision, or seconds since the epoch. By
        default half a year before the newest commit of the topology's branches.
    author : str, optional
        ``Name <address>`` for the commits, where the plan names none; by default the person's own, as git is set up.
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
    InputError
        A merge driver of the plan has no command, or could not be run.
    UnknownRevisionError
        A revision names no commit.
    NotARepositoryError, GitError
        The repository cannot be read, git failed, or a commit could not be signed.
    """
    if not isinstance(plan, Plan):
        raise PlanError(
            f"simulate needs a Plan, and not {type(plan).__name__}; read one with read_plan(path), or build one, such "
            "as Plan.hotfix(name, topology)"
        )
    if topology is not None:
        plan.validate(topology)
        if not plan.forecast:
            plan = plan.replace(forecast=coming(topology, topology.last_branch()))
    with contextlib.ExitStack() as stack:
        repository = repo if isinstance(repo, Repository) else stack.enter_context(Repository(repo))
        given = plan.author or author or own_identity(repository.common_dir) or PERSON
        person = check_person(given, "the author")
        branches = _branches(repository)
        _check_branches(plan, branches, repository)
        reader = stack.enter_context(ObjectReader(repository.scratch))
        revisions = _revisions(plan, branches, repository, reader)
        tips = [branches[name] for name in (*plan.branches, *revisions) if name in branches]
        known = [*tips, *_starts(plan, revisions)]
        merging = drivers.options(repository.scratch, _drivers(plan, repository))
        session = stack.enter_context(MergeSession(repository.scratch, merging))
        session.warm_up()
        book = _Book(repository, reader, topology if obligations else None, branches)
        book.open(known, since=moment(repository, since, "since"), clock=plan.at)
        cut = cut_commits(repository)
        unshared = book.unshared or read_unshared(repository.scratch, reader, {*known, *book.tips}, cut)
        graph = Graph(unshared, reader, cut)
        records = repository.common_dir / "rr-cache"
        conflicts = Conflicts(repository.scratch, reader, graph, session, resolve, Path(directory), records)
        judge = _judge(reader, graph) if losses == "audit" else losses
        signer = Signer(repository.scratch, repository.common_dir) if plan.sign else None
        world = World(
            repository,
            reader,
            session,
            graph,
            conflicts,
            person=person,
            losses=judge,
            revisions=revisions,
            signer=signer,
        )
        newest = max((graph[tip].at for tip in tips), default=0)
        start = State(branches, _tags(repository), plan.at if plan.at is not None else max(newest, 0) + 1)
        if start.clock <= newest:
            book.notes.append(
                "the plan's time is before that of a commit it builds on: dates will contradict the order of history"
            )
        end = start.fork()
        book.follow(judge)
        results = run_plan(world, plan, end, progress)
        world.sign_nothing_new()
        expected = forecast(world, plan, start=start, end=end, results=results)
        drivers.check_ran(repository.scratch)
        moves = _moves(start, end)
        owed = book.compared(end.branches, results)
        hotfixes = known_hotfixes(plan, results, graph, owed or ())
        return Simulation(
            plan=plan,
            repository=str(repository.path),
            results=with_hotfixes(results, hotfixes),
            expected=with_hotfixes(expected, hotfixes),
            moves=moves,
            notes=(*_notes(plan, repository, person, losses), *book.notes),
            owed=owed,
            owed_since=book.since,
            seen=_seen([*plan.branches, *revisions], repository),
            person=person,
            pack=_pack(repository, moves, start),
        )


def _judge(reader: ObjectReader, graph: Graph) -> LossCheck:
    # The audit is loaded only where it is asked.
    from branchsim.simulate.losses import LossJudge

    return LossJudge(reader, graph)


class _Book:
    """The obligations of one simulation; without a topology, or a branch of it, there are none."""

    def __init__(
        self, repository: Repository, reader: ObjectReader, topology: Topology | None, branches: dict[str, Sha]
    ) -> None:
        self.notes: list[str] = []
        self.tips: Sequence[Sha] = ()
        self.unshared: Sequence[GitCommit] | None = None
        self.since: int | None = None
        self._repository = repository
        self._reader = reader
        self._topology = topology
        self._branches = branches
        self._ledger: Ledger | None = None

    def open(self, tips: Sequence[Sha], *, since: int | None, clock: int | None) -> None:
        """Read what is owed before the plan, which starts from some commits."""
        if self._topology is None:
            return
        from branchsim.simulate.obligations import Ledger

        try:
            ledger = Ledger(
                self._repository, self._reader, self._topology, self._branches, tips, since=since, clock=clock
            )
        except UnknownBranchError as error:
            self.notes.append(f"obligations were not looked at: {error}, of which the topology speaks")
            return
        self._ledger, self.since, self.tips, self.unshared = ledger, ledger.since, ledger.tips, ledger.unshared
        self._before, self._changes = ledger.at(self._branches)

    def follow(self, judge: object) -> None:
        """Let the judge of losses follow what is owed and was not delivered."""
        # What does the work for nobody is not loaded: it takes longer than many a plan.
        if self._ledger is None:
            return
        from branchsim.simulate.losses import MOST, LossJudge
        from branchsim.simulate.obligations import open_trees

        if isinstance(judge, LossJudge):
            trees = open_trees(self._before, self._changes)
            judge.follow(self._repository, trees[-MOST:])
            if len(trees) > MOST:
                self.notes.append(f"of {len(trees)} changes that are owed only the newest {MOST} were followed")

    def compared(self, branches: dict[str, Sha], results: Sequence[StepResult]) -> tuple[ObligationState, ...] | None:
        """The obligations before, and after with the branches at some place."""
        if self._ledger is None:
            return None
        from branchsim.simulate.obligations import compared

        try:
            after, _ = self._ledger.at(branches)
        except UnknownBranchError:  # the plan deletes a branch of the topology
            self.notes.append("obligations were not looked at after the plan: it deletes a branch of the topology")
            return None
        return compared(self._before, after, results)


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


def _revisions(plan: Plan, branches: dict[str, Sha], repository: Repository, reader: ObjectReader) -> dict[str, Sha]:
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
        # A whole id is known without a process of its own.
        info = reader.check([f"{name}^{{commit}}"])[f"{name}^{{commit}}"] if _ID.fullmatch(name) else None
        if info is not None:
            found[name] = info.sha
            continue
        try:
            found[name] = repository.resolve(name)
        except UnknownRevisionError as error:
            raise PlanError(f"step {step_name!r}: {error}") from None
    return found


def _drivers(plan: Plan, repository: Repository) -> list[drivers.Driver]:
    """The merge drivers of a plan with their commands."""
    found = []
    for driver in plan.drivers:
        command = driver.command or drivers.own_command(repository.scratch, driver.name)
        if command is None:
            raise PlanError(
                f"the merge driver {driver.name!r} has no command in the plan and none in your git configuration (that "
                f"of a repository is not asked); set merge.{driver.name}.driver with 'git config --global', or give a "
                "command"
            )
        drivers.check_command(driver.name, command)
        found.append(drivers.Driver(driver.name, command, driver.paths))
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
    notes += [
        f"{', '.join(driver.paths)}: merged by the merge driver {driver.name}, which a hosting service does not run; "
        "it may meet conflicts that are not told of here"
        for driver in plan.drivers
    ]
    if losses is None:
        notes.append("nobody judged what the landings would lose: silent overwrites are not looked for")
    if repository.shallow:
        notes.append("the history was cut off by a shallow clone: merges may use a base that is not the real one")
    if repository.partial:
        notes.append(
            "the repository is a partial clone: what is not here is not fetched, and a merge that needs it is blocked; "
            "a whole clone has it"
        )
    for name in plan.branches:
        local, remote = (repository.refs.get(RefName(f"refs/{kind}/{name}")) for kind in ("heads", "remotes/origin"))
        if local is not None and remote is not None and local != remote:
            notes.append(f"the local branch {name} is used; origin has it elsewhere ({remote[:12]})")
    return notes


__all__ = ["PERSON", "simulate"]
