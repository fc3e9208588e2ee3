"""Make exactly what was simulated happen, or nothing; finish or take back what was interrupted."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from branchsim.errors import BranchsimError, GitError, InputError
from branchsim.formatting import many
from branchsim.git.log import rev_list
from branchsim.git.remote import check_remote, push, remote_refs
from branchsim.git.repository import Repository
from branchsim.git.transaction import (
    Move,
    bring_in,
    check_pack,
    let_go,
    move_refs,
    pack_name,
    read_refs,
    remove_stale_locks,
)
from branchsim.git.worktrees import WorkTree, check_left_over, check_may_follow, follow, reset, work_trees
from branchsim.names import RefName, Sha
from branchsim.simulate.journal import PATIENCE, Entry, Journal, going_on, is_going_on
from branchsim.simulate.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SCHEMA = 1
_HEADS = "refs/heads/"
_NOW_WHAT = "run 'branchsim execute --resume' to finish it, or 'branchsim execute --undo' to take it back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What an execution did.

    Attributes
    ----------
    id : str
        Names the execution in the journal.
    plan : str
        The name of the plan.
    outcome : str
        ``done`` or ``undone``; of `check` ``possible``.
    repository : str
        The git directory whose refs moved, or from which they were pushed.
    remote : str or None
        Where refs moved, if not there.
    moves : tuple of Move
        The refs that moved (ref, before, after), or shall move.
    work_trees : tuple of str
        The work trees that followed, or shall follow.
    journal : str
        The file that records it; empty for `check`.
    """

    id: str
    plan: str
    outcome: str
    repository: str
    remote: str | None
    moves: tuple[Move, ...]
    work_trees: tuple[str, ...]
    journal: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The receipt as JSON holds it, schema 1."""
        return {
            "schema": SCHEMA,
            "execution": self.id,
            "plan": self.plan,
            "outcome": self.outcome,
            "repository": self.repository,
            "remote": self.remote,
            "refs": {move.ref: {"before": move.before, "after": move.after} for move in self.moves},
            "work_trees": list(self.work_trees),
            "journal": self.journal,
        }


def check(
    simulation: Simulation,
    repo: str | os.PathLike[str],
    remote: str | None = None,
    *,
    atomic: bool = True,
    accept_losses: bool = False,
) -> Receipt:
    """Whether a simulation can be executed now, and what would move; nothing is changed.

    Parameters and errors are those of `execute`.
    """
    with Repository(repo) as repository:
        _check_nothing_pending(repository.common_dir)
        entry = _checked(simulation, repository, remote, atomic=atomic, accept_losses=accept_losses)
        return _receipt(entry, repository.common_dir, "possible")


def execute(
    simulation: Simulation,
    repo: str | os.PathLike[str],
    remote: str | None = None,
    *,
    atomic: bool = True,
    accept_losses: bool = False,
    report: Callable[[str], None] | None = None,
) -> Receipt:
    """Make exactly what was simulated happen: the same commits, all refs in one transaction, or nothing.

    Parameters
    ----------
    simulation : Simulation
        What shall happen.
    repo : path
        The repository; of a work tree or bare.
    remote : str, optional
        Move the refs there, by one atomic push with a lease on each ref, and not in the repository itself.
    atomic : bool
        False allows a server that can move refs only one by one; an interrupted push is then finished by `resume`.
    accept_losses : bool
        Execute although the simulation found that something would be lost.
    report : callable, optional
        Called before each thing that others can see, with a word for it.

    Returns
    -------
    Receipt

    Raises
    ------
    InputError
        The plan did not go through in the simulation; a branch moved since; a work tree in which a moving branch is
        checked out is not clean. Nothing was changed.
    GitError
        The repository or the remote cannot be written, a ref is locked, another execution is going on or was
        interrupted; the message says whether something was changed.
    """
    if not isinstance(simulation, Simulation):
        raise InputError(
            f"execute needs a Simulation, and not {type(simulation).__name__}; make one with simulate(plan, repo), or "
            "read one with branchsim.simulate.read_simulation(path)"
        )
    said = report or _silent
    with Repository(repo) as repository:
        _check_nothing_pending(repository.common_dir)
        _check_writable(repository.common_dir)
    with Journal(repository.common_dir) as journal, Repository(repo) as repository:
        # Everything is looked at again now that nobody else executes.
        if journal.pending() is not None:
            raise _interrupted(repository.common_dir)
        entry = _checked(simulation, repository, remote, atomic=atomic, accept_losses=accept_losses)
        said("intend")
        journal.intend(entry, simulation.pack)
        there = {move.ref: move.before for move in entry.moves if move.before is not None}
        try:
            return _forward(repository, journal, entry, there, [], said)
        except BranchsimError as error:
            raise _after_failure(repository, journal, entry, error) from error


def resume(repo: str | os.PathLike[str], *, report: Callable[[str], None] | None = None) -> Receipt:
    """Finish the execution that was interrupted.

    Parameters
    ----------
    repo : path
        The repository.
    report : callable, optional
        As in `execute`.

    Returns
    -------
    Receipt
        Of the finished execution; where the interruption was on the way back, of the undone one.

    Raises
    ------
    InputError
        Nothing was interrupted, or somebody moved a branch meanwhile.
    GitError
        As in `execute`.
    """
    said = report or _silent
    with Repository(repo) as repository, _journal(repository, "resume") as journal:
        entry = journal.pending()
        if entry is None:
            raise InputError(f"no execution was interrupted in {repository.path}: there is nothing to resume")
        there = _settled(repository, journal, entry)
        if entry.state == "undoing":
            return _back(repository, journal, entry, there, said)
        with Repository(repo) as now:
            return _resumed(now, journal, entry, there, said)


def undo(repo: str | os.PathLike[str], *, report: Callable[[str], None] | None = None) -> Receipt:
    """Take back the execution that was interrupted, or else the last one; all of it or nothing.

    Parameters
    ----------
    repo : path
        The repository.
    report : callable, optional
        As in `execute`.

    Raises
    ------
    InputError
        There is none, it is undone already, or somebody moved on from where it left the branches.
    GitError
        As in `execute`.
    """
    said = report or _silent
    with Repository(repo) as repository, _journal(repository, "undo") as journal:
        pending = journal.pending()
        entry = pending or journal.last()
        if entry is None:
            raise InputError(f"nothing was executed in {repository.path}: there is nothing to undo")
        if entry.state == "undone":
            raise InputError(f"the last execution in {repository.path} ({entry.plan!r}) is undone already")
        there = _settled(repository, journal, entry) if pending is not None else _now(repository, entry)
        return _back(repository, journal, entry, there, said)


def _journal(repository: Repository, what: str) -> Journal:
    """The journal of a repository in which something was executed."""
    if not (repository.common_dir / "branchsim").is_dir():
        raise InputError(f"nothing was executed in {repository.path}: there is nothing to {what}")
    return Journal(repository.common_dir, patience=PATIENCE)


# -- checks ----------------------------------------------------------------------------------------------------------


def _check_nothing_pending(common_dir: Path) -> None:
    pending = common_dir / "branchsim" / "pending.json"
    if pending.exists():
        if is_going_on(common_dir):
            raise going_on(common_dir)
        # It may have ended meanwhile.
        if pending.exists():
            raise _interrupted(common_dir)


def _interrupted(common_dir: Path) -> GitError:
    return GitError(f"an execution was interrupted in {common_dir}: {_NOW_WHAT}")


def _check_writable(common_dir: Path) -> None:
    for place in (common_dir, common_dir / "objects", common_dir / "refs", common_dir / "refs/heads"):
        effective = os.access in os.supports_effective_ids
        if place.is_dir() and not os.access(place, os.W_OK, effective_ids=effective):
            raise GitError(f"{place} cannot be written; check its permissions: nothing was changed")


def _checked(
    simulation: Simulation, repository: Repository, remote: str | None, *, atomic: bool, accept_losses: bool
) -> Entry:
    """What would be done, after every check that can be made before it is done."""
    outcome = simulation.outcome
    if outcome in {"conflict", "blocked"}:
        step = next(result for result in simulation.results if result.outcome == outcome)
        raise InputError(
            f"the plan {simulation.plan.name!r} did not go through: {step.step!r} is {outcome} ({step.reason}); "
            "nothing is executed in part"
        )
    if outcome == "regression" and not accept_losses:
        count = sum(len(result.losses or ()) for result in simulation.results)
        raise InputError(
            f"the plan {simulation.plan.name!r} would lose something ({many(count, 'finding')}); solve the conflicts "
            "otherwise, or accept the losses (--accept-losses)"
        )
    moves = _moves(simulation, repository, remote)
    if not any(move.before != move.after for move in moves):
        raise InputError(f"the plan {simulation.plan.name!r} moves nothing: there is nothing to execute")
    tips = [move.after for move in moves if move.after is not None]
    check_pack(repository.scratch, simulation.pack, tips)
    at = time.time()
    entry = Entry(
        id=f"{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%S.%f}-{os.getpid()}",
        plan=simulation.plan.name,
        state="intended",
        at=at,
        remote=remote,
        atomic=atomic,
        person=simulation.person or None,
        pack=pack_name(simulation.pack, repository.object_format),
        moves=moves,
    )
    if remote is not None:
        # The server says now what it refuses for good, and whether it can move all refs at once.
        push(repository.common_dir, remote, entry.moving, atomic=atomic, borrowed=repository.scratch)
        return entry
    followers = _followers(repository.common_dir, entry.moving)
    for tree, before, after in followers:
        check_may_follow(tree, before, after, borrowed=repository.scratch)
    trees = tuple((str(tree.path), tree.ref, before, after) for tree, before, after in followers)
    return replace(entry, work_trees=trees)


def _moves(simulation: Simulation, repository: Repository, remote: str | None) -> tuple[Move, ...]:
    """Every ref that moves, and every one that the plan read, each where it was.

    Raises
    ------
    InputError
        A ref is elsewhere; the message names it.
    """
    seen = dict(simulation.seen)
    moved = {move.ref: move for move in simulation.moves}
    if remote is None:
        now: Mapping[RefName, Sha] = read_refs(repository.common_dir, [*moved, *seen])
        kept = seen
    else:
        kept = {RefName(_HEADS + _plain(ref)): sha for ref, sha in seen.items()}
        now = remote_refs(repository.common_dir, check_remote(remote), [*moved, *kept])
    moves = []
    for ref, move in moved.items():
        name = RefName(ref)
        tracked = RefName(f"refs/remotes/origin/{_plain(ref)}")
        before = move.before
        if remote is None and name not in now and tracked in seen:
            # The branch was only on origin: here it is new.
            if move.after is None:
                continue
            before = None
        _check_place(name, before, now.get(name), remote)
        moves.append(Move(name, before, move.after))
    for ref, sha in kept.items():
        if ref not in moved:
            _check_place(ref, sha, now.get(ref), remote)
            if remote is None:
                moves.append(Move(ref, sha, sha))
    return tuple(moves)


def _plain(ref: str) -> str:
    """The name of a branch without where it is."""
    return ref.removeprefix(_HEADS).removeprefix("refs/remotes/origin/")


def _check_place(ref: str, expected: str | None, now: str | None, remote: str | None) -> None:
    if expected == now:
        return
    where = "" if remote is None else f" of {remote!r}"
    was = "did not exist" if expected is None else f"was at {expected[:12]}"
    is_now = "is gone" if now is None else f"is at {now[:12]}"
    raise InputError(
        f"{ref}{where} {was} when the plan was simulated and now {is_now}; simulate it again: nothing was changed"
    )


def _followers(common_dir: Path, moves: Sequence[Move]) -> list[tuple[WorkTree, Sha, Sha]]:
    """The work trees that have a moving branch checked out.

    Raises
    ------
    InputError
        Such a branch is to be deleted, or made where a work tree waits for its first commit.
    """
    moving = {move.ref: move for move in moves if move.before != move.after}
    found = []
    for tree in work_trees(common_dir):
        move = moving.get(RefName(tree.ref))
        if move is None:
            continue
        if move.before is None or move.after is None:
            what = "made" if move.before is None else "deleted"
            raise InputError(
                f"{tree.ref.removeprefix(_HEADS)!r} is checked out in {tree.path} and would be {what}; "
                "leave it there first with 'git switch'"
            )
        found.append((tree, move.before, move.after))
    return found


# -- there and back --------------------------------------------------------------------------------------------------


def _forward(
    repository: Repository,
    journal: Journal,
    entry: Entry,
    there: Mapping[RefName, Sha],
    left_over: Sequence[tuple[WorkTree, Sha, Sha]],
    said: Callable[[str], None],
) -> Receipt:
    """Bring the objects in, move what has not moved, let work trees follow, write down that it is done."""
    git_dir = repository.common_dir
    remaining = tuple(move for move in entry.moves if there.get(move.ref) == move.before)
    if any(move.before != move.after for move in remaining):
        said("objects")
        pack = journal.pack()
        if pack:
            bring_in(git_dir, pack, entry.note, hold=journal.lock)
        followers = _followers(git_dir, remaining) if entry.remote is None else []
        _move(git_dir, journal, entry, remaining, followers, said)
    else:
        followers = []
    said("let go")
    let_go(git_dir, entry.note, entry.pack)
    _follow(followers, left_over, journal, said)
    return _concluded(git_dir, journal, entry, "done", said)


def _resumed(
    repository: Repository,
    journal: Journal,
    entry: Entry,
    there: Mapping[RefName, Sha],
    said: Callable[[str], None],
) -> Receipt:
    settled = dict(there)
    for move in entry.moving:
        now = there.get(move.ref)
        if now in {move.before, move.after}:
            continue
        # Somebody went on from where the execution left the branch: for that branch it happened.
        if now is None or move.after is None or rev_list(repository.scratch, [move.after, f"^{now}"], "--max-count=1"):
            raise _moved_on(move, now, journal)
        settled[move.ref] = move.after
    left_over = _left_over(entry, there, journal)
    return _forward(repository, journal, entry, settled, left_over, said)


def _back(
    repository: Repository,
    journal: Journal,
    entry: Entry,
    there: Mapping[RefName, Sha],
    said: Callable[[str], None],
) -> Receipt:
    """Move back what has moved, let work trees follow, write down that it is undone."""
    git_dir = repository.common_dir
    back = []
    for move in entry.moving:
        now = there.get(move.ref)
        if now == move.after:
            back.append(Move(move.ref, move.after, move.before))
        elif now != move.before:
            raise _moved_on(move, now, journal)
    interrupted = journal.pending() is not None
    left_over: list[tuple[WorkTree, Sha, Sha]] = []
    followers: list[tuple[WorkTree, Sha, Sha]] = []
    if entry.remote is None:
        trees = _followers(git_dir, back)
        recorded = {path: (before, after) for path, _, before, after in entry.work_trees}
        for tree, before, after in trees:
            if interrupted and str(tree.path) in recorded:
                check_left_over(tree, before, after, entry.at, hold=journal.lock)
                left_over.append((tree, before, after))
            else:
                check_may_follow(tree, before, after, hold=journal.lock)
                followers.append((tree, before, after))
        if interrupted and entry.state == "undoing":
            # Refs that are back already may have left their work trees behind.
            left_over += _left_over(_reversed(entry), there, journal)
    undoing = replace(entry, state="undoing", at=entry.at if interrupted else time.time())
    said("intend")
    journal.intend(undoing)
    if back:
        _move(git_dir, journal, undoing, tuple(back), followers, said)
    said("let go")
    let_go(git_dir, entry.note, entry.pack)
    _follow(followers, left_over, journal, said)
    receipt = _concluded(git_dir, journal, entry, "undone", said)
    # Where somebody had moved a branch back by hand, its work tree is theirs to mend.
    return replace(receipt, work_trees=tuple(str(tree.path) for tree, *_ in (*followers, *left_over)))


def _move(
    git_dir: Path,
    journal: Journal,
    entry: Entry,
    moves: tuple[Move, ...],
    followers: Sequence[tuple[WorkTree, Sha, Sha]],
    said: Callable[[str], None],
) -> None:
    said("refs")
    if entry.remote is not None:
        with journal.pushing() as hold:
            push(git_dir, entry.remote, moves, atomic=entry.atomic, hold=hold)
    else:

        def guard() -> None:
            said("commit")
            for tree, before, after in followers:
                check_may_follow(tree, before, after, hold=journal.lock)

        move_refs(git_dir, moves, note=f"branchsim: {entry.plan}", person=entry.person, hold=journal.lock, guard=guard)
    said("moved")


def _follow(
    followers: Sequence[tuple[WorkTree, Sha, Sha]],
    left_over: Sequence[tuple[WorkTree, Sha, Sha]],
    journal: Journal,
    said: Callable[[str], None],
) -> None:
    for tree, before, after in followers:
        said("work tree")
        follow(tree, before, after, hold=journal.lock)
    for tree, before, after in left_over:
        said("work tree")
        reset(tree, before, after, hold=journal.lock)


def _concluded(git_dir: Path, journal: Journal, entry: Entry, state: str, said: Callable[[str], None]) -> Receipt:
    said("conclude")
    place = journal.conclude(replace(entry, state=state, at=time.time()))
    said("concluded")
    return _receipt(entry, git_dir, state, str(place))


def _receipt(entry: Entry, git_dir: Path, outcome: str, journal: str = "") -> Receipt:
    return Receipt(
        id=entry.id,
        plan=entry.plan,
        outcome=outcome,
        repository=str(git_dir),
        remote=entry.remote,
        moves=entry.moving,
        work_trees=tuple(path for path, *_ in entry.work_trees),
        journal=journal,
    )


# -- after an interruption -------------------------------------------------------------------------------------------


def _now(repository: Repository, entry: Entry) -> dict[RefName, Sha]:
    names = [move.ref for move in entry.moves]
    if entry.remote is None:
        return read_refs(repository.common_dir, names)
    return remote_refs(repository.common_dir, entry.remote, names)


def _settled(repository: Repository, journal: Journal, entry: Entry) -> dict[RefName, Sha]:
    """Where the refs are, after the locks that a killed git left behind are gone."""
    git_dir = repository.common_dir
    if entry.remote is None:
        # The journal's lock was kept by every process of the execution, and it is ours now: none of them lives.
        names = [*(move.ref for move in entry.moves), "HEAD"]
    else:
        journal.wait_for_push()
        # What the push locks here are the branches of the remote as they are known here.
        known = entry.remote in repository.remotes
        names = [f"refs/remotes/{entry.remote}/{_plain(move.ref)}" for move in entry.moves if known]
    locks = [git_dir / f"{name}.lock" for name in (*names, "packed-refs")]
    # What git was about to put in the place of packed-refs, under its lock.
    remove_stale_locks([*locks, git_dir / "packed-refs.new"], entry.at)
    return _now(repository, entry)


def _left_over(entry: Entry, there: Mapping[RefName, Sha], journal: Journal) -> list[tuple[WorkTree, Sha, Sha]]:
    """The work trees that did not follow a branch that has moved, or not wholly."""
    moved = {move.ref: move for move in entry.moving if there.get(move.ref) == move.after}
    if entry.remote is not None or not moved:
        return []
    recorded = {(path, ref): (before, after) for path, ref, before, after in entry.work_trees}
    found = []
    for tree in work_trees(journal.path.parent):
        both = recorded.get((str(tree.path), tree.ref))
        if both is not None and RefName(tree.ref) in moved:
            check_left_over(tree, *both, entry.at, hold=journal.lock)
            found.append((tree, *both))
    return found


def _reversed(entry: Entry) -> Entry:
    return replace(
        entry,
        moves=tuple(Move(ref, after, before) for ref, before, after in entry.moves),
        work_trees=tuple((path, ref, after, before) for path, ref, before, after in entry.work_trees),
    )


def _moved_on(move: Move, now: Sha | None, journal: Journal) -> InputError:
    is_now = "is gone" if now is None else f"is at {now[:12]}"
    after = "gone" if move.after is None else f"at {move.after[:12]}"
    out = f"; settle it by hand, then remove {journal.path / 'pending.json'}" if journal.pending() is not None else ""
    return InputError(
        f"somebody moved on: {move.ref} {is_now}, the execution left it {after}; nothing was changed{out}"
    )


def _after_failure(repository: Repository, journal: Journal, entry: Entry, error: BranchsimError) -> BranchsimError:
    """Close the journal where nothing has moved; otherwise say what to do."""
    try:
        there = _now(repository, entry)
    except BranchsimError:
        return GitError(f"{error}; whether something moved is not known: {_NOW_WHAT}")
    if all(there.get(move.ref) == move.before for move in entry.moving):
        let_go(repository.common_dir, entry.note, entry.pack)
        journal.forget()
        return type(error)(f"{error}; nothing was changed") if "nothing was changed" not in str(error) else error
    return GitError(f"{error}; the execution was interrupted: {_NOW_WHAT}")


def _silent(_what: str) -> None:
    pass


__all__ = ["Receipt", "check", "execute", "resume", "undo"]
