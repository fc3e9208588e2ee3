"""Merge, squash, rebase, fast-forward and cherry-pick: how one branch is brought into another.

All are the same primitive, a three-way merge of trees by git, and give the trees that ``git merge``,
``git merge --squash``, ``git rebase`` and ``git cherry-pick`` give.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from branchsim.formatting import many
from branchsim.git.log import empty_tree, rev_list
from branchsim.simulate.conflicts import Outcome, Sides
from branchsim.simulate.records import Solved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchsim.git.session import Merged
    from branchsim.names import Sha
    from branchsim.plan import Resolve
    from branchsim.simulate.records import FileConflict
    from branchsim.simulate.world import State, World
    from branchsim.topology import Method


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What bringing something into a branch made.

    Attributes
    ----------
    tip : Sha or None
        The new tip; None where it was not possible.
    commits : tuple of Sha
        The commits that were made, oldest first.
    source_tip : Sha or None
        The new tip of the source, where a conflict was solved in it.
    conflicts : tuple of FileConflict
        Also those that were solved.
    impossible : bool
        Whether it was not possible for another reason than a conflict.
    reason : str
        One sentence.
    solved : tuple of Solved
        Where conflicts were solved.
    """

    tip: Sha | None
    commits: tuple[Sha, ...] = ()
    source_tip: Sha | None = None
    conflicts: tuple[FileConflict, ...] = ()
    impossible: bool = False
    reason: str = ""
    solved: tuple[Solved, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is brought where, and what is done about conflicts.

    Attributes
    ----------
    phase, step : str
        For the table of conflicts.
    source, target : str
        Names of branches, for messages.
    method : str
        How.
    message : str
        The message; git's wording if empty.
    ways : sequence of Resolve
        How conflicts are solved.
    solve_in_source : bool
        Whether the target is merged into the source where it conflicts.
    """

    phase: str
    step: str
    source: str
    target: str
    method: Method = "merge"
    message: str = ""
    ways: Sequence[Resolve] = ()
    solve_in_source: bool = False


def bring(world: World, state: State, job: Job, *, target: Sha, source: Sha) -> Made:
    """Bring one commit into another. Nothing of the state but its clock changes."""
    if world.graph.is_ancestor(source, target):
        return Made(tip=target, reason=f"{job.target} has all of {job.source} already: nothing to do")
    if job.method == "fast-forward":
        if world.graph.is_ancestor(target, source):
            return Made(tip=source)
        behind = len(world.graph.reach(target) - world.graph.reach(source))
        reason = f"{job.target} has {many(behind, 'commit')} that {job.source} lacks: no fast-forward is possible"
        return Made(tip=None, impossible=True, reason=reason)
    if job.method in {"merge", "squash"}:
        return _merge(world, state, job, target=target, source=source)
    if job.method == "rebase":
        return _rebase(world, state, job, target=target, source=source)
    picks = rev_list(world.scratch, [source, f"^{target}"], "--no-merges", "--topo-order", "--reverse")
    return pick(world, state, job, onto=target, commits=picks, trailer=True)


def _merge(world: World, state: State, job: Job, *, target: Sha, source: Sha) -> Made:
    if world.graph.is_ancestor(target, source):
        return _landed(world, state, job, tree=world.tree(source), target=target, source=source)
    merged = world.session.merge(target, source)
    if merged.result.failure is not None:
        return Made(tip=None, impossible=True, reason=f"git cannot merge {job.source}: {merged.result.failure}")
    if merged.result.clean and merged.result.tree is not None:
        return _landed(world, state, job, tree=merged.result.tree, target=target, source=source)
    if job.solve_in_source:
        return _solved_in_source(world, state, job, target=target, source=source)
    sides = Sides(target=target, source=source)
    settled = world.conflicts.settle(merged, sides, phase=job.phase, step=job.step, ways=job.ways)
    if settled.tree is None:
        return Made(tip=None, conflicts=settled.conflicts, reason=_said(merged))
    made = _landed(world, state, job, tree=settled.tree, target=target, source=source)
    return replace(made, conflicts=settled.conflicts, solved=_solved(made.tip, target, source, settled.paths))


def _landed(world: World, state: State, job: Job, *, tree: Sha, target: Sha, source: Sha) -> Made:
    """The merge or squash commit of a merge whose tree is known."""
    if job.method == "squash":
        commits = world.graph.newest_first(world.graph.reach(source) - world.graph.reach(target))
        subjects = [world.graph[sha].subject for sha in reversed(commits) if len(world.graph[sha].parents) < 2]  # noqa: PLR2004
        message = job.message or "\n".join([f"Squash {job.source}", "", *(f"* {subject}" for subject in subjects)])
        tip = world.commit(state, tree=tree, parents=[target], message=message)
    else:
        message = job.message or f"Merge branch '{job.source}' into {job.target}"
        tip = world.commit(state, tree=tree, parents=[target, source], message=message)
    return Made(tip=tip, commits=(tip,))


def _solved_in_source(world: World, state: State, job: Job, *, target: Sha, source: Sha) -> Made:
    """Merge the target into the source, solve the conflict there, then merge the source."""
    merged = world.session.merge(source, target)
    if merged.result.clean and merged.result.tree is not None:
        # Git found a conflict in one direction only; the other one is what will be merged.
        tree = merged.result.tree
        conflicts: tuple[FileConflict, ...] = ()
        paths: frozenset[bytes] = frozenset()
    else:
        sides = Sides(target=target, source=source, ours_is_target=False)
        settled = world.conflicts.settle(merged, sides, phase=job.phase, step=job.step, ways=job.ways)
        if settled.tree is None:
            return Made(tip=None, conflicts=settled.conflicts, reason=_said(merged))
        tree, conflicts, paths = settled.tree, settled.conflicts, settled.paths
    message = f"Merge branch '{job.target}' into {job.source}"
    solved = world.commit(state, tree=tree, parents=[source, target], message=message)
    landed = _landed(world, state, job, tree=tree, target=target, source=solved)
    return replace(
        landed,
        commits=(solved, *landed.commits),
        source_tip=solved,
        conflicts=conflicts,
        reason=f"the conflict was solved in {job.source}",
        solved=_solved(solved, source, target, paths),
    )


def _solved(
    commit: Sha | None, onto: Sha, source: Sha, paths: frozenset[bytes], *, picked: bool = False
) -> tuple[Solved, ...]:
    """The record for whoever judges what the solution lost."""
    if commit is None or not paths:
        return ()
    return (Solved(commit=commit, onto=onto, source=source, picked=picked, paths=paths),)


def _rebase(world: World, state: State, job: Job, *, target: Sha, source: Sha) -> Made:
    # What git rebase picks: no merges, and nothing whose patch the target has already.
    options = ("--cherry-pick", "--right-only", "--no-merges", "--topo-order", "--reverse")
    picks = rev_list(world.scratch, [f"{target}...{source}"], *options)
    return pick(world, state, job, onto=target, commits=picks, keep_empty=True, reuse=True)


def pick(
    world: World,
    state: State,
    job: Job,
    *,
    onto: Sha,
    commits: Sequence[Sha],
    trailer: bool = False,
    keep_empty: bool = False,
    reuse: bool = False,
) -> Made:
    """Apply commits one after another.

    Parameters
    ----------
    world, state, job
        Where, and what for.
    onto : Sha
        Where the first is applied.
    commits : sequence of Sha
        What is applied, oldest first. Of a merge the change against its first parent.
    trailer : bool
        Add a line that says where a commit came from.
    keep_empty : bool
        Keep commits that were empty before; those that become empty are always left out.
    reuse : bool
        Take a commit as it is where it already stands on the right parent.
    """
    tip = onto
    made: list[Sha] = []
    conflicts: list[FileConflict] = []
    solved: list[Solved] = []
    empty = 0
    for commit in commits:
        node = world.node(commit)
        if reuse and node.parents[:1] == (tip,):
            tip = commit
            continue
        before = world.tree(node.parents[0]) if node.parents else empty_tree(world.scratch)
        settled, reason = _applied(world, job, onto=tip, base=before, theirs=node.tree, commit=commit)
        tree, found = settled.tree, settled.conflicts
        conflicts += found
        if tree is None:
            text = f"{commit[:12]} ({node.subject}) does not apply: {reason}"
            return Made(tip=None, conflicts=tuple(conflicts), impossible=not found, reason=text)
        if tree == world.tree(tip) and not (keep_empty and before == node.tree):
            empty += 1
            continue
        written = world.written(commit)
        message = written.message.rstrip(b"\n") + b"\n"
        if trailer:
            message += b"\n(cherry picked from commit %b)\n" % commit.encode("ascii")
        onto, tip = tip, world.commit(state, tree=tree, parents=[tip], message=message, author=written.author)
        made.append(tip)
        solved += _solved(tip, onto, commit, settled.paths, picked=True)
    reason = f"{empty} of {len(commits)} commits had nothing left to apply" if empty else ""
    return Made(tip=tip, commits=tuple(made), conflicts=tuple(conflicts), reason=reason, solved=tuple(solved))


def revert(world: World, state: State, job: Job, *, onto: Sha, commit: Sha) -> Made:
    """Take a commit back; of a merge what it changed against its first parent."""
    node = world.node(commit)
    before = world.tree(node.parents[0]) if node.parents else empty_tree(world.scratch)
    settled, reason = _applied(world, job, onto=onto, base=node.tree, theirs=before, commit=commit)
    tree, found = settled.tree, settled.conflicts
    if tree is None:
        return Made(
            tip=None, conflicts=found, impossible=not found, reason=f"{commit[:12]} cannot be reverted: {reason}"
        )
    if tree == world.tree(onto):
        return Made(tip=onto, conflicts=found, reason=f"{job.target} holds nothing of {commit[:12]}: nothing to revert")
    tail = f", reversing\nchanges made to {node.parents[0]}" if len(node.parents) > 1 else ""
    message = job.message or f'Revert "{node.subject}"\n\nThis reverts commit {commit}{tail}.'
    tip = world.commit(state, tree=tree, parents=[onto], message=message)
    return Made(tip=tip, commits=(tip,), conflicts=found)


def _applied(world: World, job: Job, *, onto: Sha, base: Sha, theirs: Sha, commit: Sha) -> tuple[Outcome, str]:
    """What becomes of the step from `base` to `theirs`, and a reason where it cannot be applied."""
    merged = world.session.merge_trees(base=base, ours=world.tree(onto), theirs=theirs)
    if merged.result.failure is not None:
        return Outcome(None, ()), merged.result.failure
    if merged.result.clean:
        return Outcome(merged.result.tree, ()), ""
    sides = Sides(target=onto, source=commit, picked=commit)
    return world.conflicts.settle(merged, sides, phase=job.phase, step=job.step, ways=job.ways), _said(merged)


def _said(merged: Merged) -> str:
    """How many files conflict, in words."""
    count = len(merged.result.conflicts)
    if count:
        return f"{count} {'file' if count == 1 else 'files'} in conflict"
    texts = [message.text for message in merged.result.messages] or ["git reports a conflict without naming a file"]
    return " ".join(" ".join(texts).split())


__all__ = ["Job", "Made", "bring", "pick", "revert"]
