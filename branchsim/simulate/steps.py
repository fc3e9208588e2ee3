"""Run the steps of a plan one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from branchsim.errors import InputError
from branchsim.git.apply import apply_patch
from branchsim.git.objects import write_object
from branchsim.plan import Commit, Gate, MergeBack, PlanError, PullRequest, Resolve, Revert, Start, Tag
from branchsim.simulate.gates import judge
from branchsim.simulate.methods import Job, Made, bring, pick, revert
from branchsim.simulate.records import Landing, StepResult
from branchsim.simulate.trees import Put, edit_tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from branchsim.names import Sha
    from branchsim.plan import FileChange, Plan, Step
    from branchsim.simulate.records import Outcome
    from branchsim.simulate.world import State, World


def run_plan(
    world: World, plan: Plan, state: State, progress: Callable[[StepResult], None] | None = None
) -> list[StepResult]:
    """Run every step; what comes after one that could not be done is blocked.

    Parameters
    ----------
    world : World
        The services.
    plan : Plan
        The steps.
    state : State
        Where the branches are; it is moved on.
    progress : callable, optional
        Called with each result.

    Raises
    ------
    PlanError
        A step needs a branch, commit or file that is not there, or makes one that is there already.
    """
    results: list[StepResult] = []
    stopped: str | None = None
    for number, step in enumerate(plan.steps, start=1):
        if stopped is not None and not isinstance(step, Resolve):
            reason = f"not reached: the plan ended at step {stopped!r}"
            result = StepResult(number=number, step=step.name, kind=step.kind, outcome="blocked", reason=reason)
        else:
            result = _Run(world, plan, state, number, step).result()
            if result.outcome in {"conflict", "blocked"}:
                stopped = step.name
        results.append(result)
        if progress is not None:
            progress(result)
    return results


class _Run:
    """One step."""

    def __init__(self, world: World, plan: Plan, state: State, number: int, step: Step) -> None:
        self.world = world
        self.plan = plan
        self.state = state
        self.number = number
        self.step = step
        self.where = f"step {step.name!r}"

    def result(self) -> StepResult:  # noqa: PLR0911  one for each kind of step
        match self.step:
            case Start():
                return self._start(self.step)
            case Commit():
                return self._commit(self.step)
            case PullRequest():
                return self._pull_request(self.step)
            case MergeBack():
                return self._merge_back(self.step)
            case Tag():
                return self._tag(self.step)
            case Revert():
                return self._revert(self.step)
            case Gate():
                reason, commits = judge(self.world, self.state, self.step)
                outcome: Outcome = "blocked" if reason else "clean"
                return self._done(outcome, branch=self.step.branch, reason=reason, commits=commits)
            case Resolve():
                return self._done("clean")

    # -- the kinds -----------------------------------------------------------------------------------------------

    def _start(self, step: Start) -> StepResult:
        known = self.state.branches
        if step.branch in known:
            if not step.reuse:
                raise PlanError(
                    f"{self.where}: the branch {step.branch!r} exists already; set reuse to take it as it is, "
                    "or give another name"
                )
            tip = known[step.branch]
            return self._done(
                "clean", branch=step.branch, before=tip, tip=tip, reason="the branch exists: taken as it is"
            )
        tip = self._commit_named(step.at)
        for name in known:
            if name.startswith(f"{step.branch}/") or step.branch.startswith(f"{name}/"):
                raise PlanError(f"{self.where}: git cannot have {step.branch!r} beside {name!r}; give another name")
        known[step.branch] = tip
        return self._done("clean", branch=step.branch, tip=tip)

    def _commit(self, step: Commit) -> StepResult:
        before = self.state.branch(step.branch, self.where)
        if step.picks:
            picks = [self.world.revisions.get(name) or self._commit_named(name) for name in step.picks]
            made = pick(self.world, self.state, self._job("", step.branch), onto=before, commits=picks, trailer=True)
            return self._landed(made, step.branch, None, before, "cherry-pick")
        tree = self._files(self.world.tree(before), step.files)
        if step.patch is not None:
            try:
                tree = apply_patch(self.world.scratch, tree, step.patch)
            except InputError as error:
                raise PlanError(f"{self.where}: {error}") from None
        author = self.world.stamp(self.state, step.author) if step.author else None
        tip = self.world.commit(self.state, tree=tree, parents=[before], message=step.message, author=author)
        reason = "" if tree != self.world.tree(before) else "the commit changes nothing"
        return self._landed(Made(tip=tip, commits=(tip,), reason=reason), step.branch, None, before, "commit")

    def _files(self, tree: Sha, files: tuple[FileChange, ...]) -> Sha:
        if not files:
            return tree
        paths = {file: file.path.encode() for file in files}
        changes: dict[bytes, Put | None] = {}
        for file, path in paths.items():
            if file.content is None:
                changes[path] = None
                continue
            there = self.world.reader.entry(tree, path) if file.mode is None else None
            mode = file.mode or (there.mode if there is not None and not there.is_submodule else "100644")
            changes[path] = Put(mode, write_object(self.world.scratch, "blob", file.content))
        try:
            return edit_tree(self.world.scratch, self.world.reader, tree, changes, strict=True)
        except PlanError as error:
            raise PlanError(f"{self.where}: {error}") from None

    def _pull_request(self, step: PullRequest) -> StepResult:
        source, target = (self.state.branch(name, self.where) for name in (step.source, step.target))
        job = Job(
            phase="plan",
            step=step.name,
            source=step.source,
            target=step.target,
            method=step.method,
            message=step.message,
            ways=self.plan.resolutions(step.name),
            solve_in_source=step.on_conflict == "solve-in-source",
        )
        made = bring(self.world, self.state, job, target=target, source=source)
        warnings = []
        held = [name for name in self.state.carries.get(step.source, ()) if name != step.target]
        if held:
            warnings.append(
                f"{step.source} holds the content of {' and '.join(held)} since a conflict was solved in it: "
                f"this brings that to {step.target}"
            )
        if made.source_tip is not None:
            self.state.branches[step.source] = made.source_tip
            known = self.state.carries.get(step.source, ())
            self.state.carries[step.source] = tuple(dict.fromkeys((*known, step.target)))
            warnings.append(
                f"{step.source} now holds the content of {step.target}: do not merge it to RUN again; "
                f"start a new branch if something is left to fix"
            )
        result = self._landed(made, step.target, step.source, target, step.method, tuple(warnings))
        if made.tip is not None and step.delete_source:
            del self.state.branches[step.source]
        return result

    def _merge_back(self, step: MergeBack) -> StepResult:
        source, target = (self.state.branch(name, self.where) for name in (step.source, step.target))
        job = self._job(step.source, step.target, step.message)
        made = bring(self.world, self.state, job, target=target, source=source)
        if made.tip is not None and made.commits:
            known = self.state.carries.get(step.target, ())
            self.state.carries[step.target] = tuple(dict.fromkeys((*known, step.source)))
        return self._landed(made, step.target, step.source, target, "merge")

    def _tag(self, step: Tag) -> StepResult:
        if step.tag in self.state.tags:
            raise PlanError(f"{self.where}: the tag {step.tag!r} exists already; give another name")
        commit = self._commit_named(step.at)
        target = commit
        if step.message:
            target = self.world.tag(self.state, name=step.tag, commit=commit, message=step.message)
        self.state.tags[step.tag] = commit
        self.state.tag_objects[step.tag] = target
        return self._done("clean", tip=commit)

    def _revert(self, step: Revert) -> StepResult:
        before = self.state.branch(step.branch, self.where)
        commit = self.state.made.get(step.commit)
        if commit is None and any(other.name == step.commit for other in self.plan.steps):
            raise PlanError(f"{self.where}: the step {step.commit!r} made no commit; there is nothing to revert")
        commit = commit or self._commit_named(step.commit)
        made = revert(self.world, self.state, self._job(step.commit, step.branch), onto=before, commit=commit)
        return self._landed(made, step.branch, None, before, "revert")

    # -- what they share -----------------------------------------------------------------------------------------

    def _job(self, source: str, target: str, message: str = "") -> Job:
        ways = self.plan.resolutions(self.step.name)
        return Job(phase="plan", step=self.step.name, source=source, target=target, message=message, ways=ways)

    def _commit_named(self, name: str) -> Sha:
        """The commit of a branch, a tag of the plan, or a revision of the repository."""
        found = self.state.branches.get(name)
        if found is None and name in self.state.tag_objects:
            found = self.state.tags[name]
        if found is None:
            found = self.world.revisions.get(name)
        if found is None:
            raise PlanError(
                f"{self.where}: there is no branch, tag or commit {name!r} at this point; start or make it first"
            )
        return found

    def _landed(
        self,
        made: Made,
        branch: str,
        source: str | None,
        before: Sha,
        method: str,
        warnings: tuple[str, ...] = (),
    ) -> StepResult:
        """Move a branch, unless nothing could be made, and ask what that loses."""
        if made.tip is None:
            outcome: Outcome = "blocked" if made.impossible else "conflict"
            return self._done(
                outcome,
                branch=branch,
                source=source,
                before=before,
                tip=before,
                made=made,
                reason=made.reason,
                warnings=warnings,
            )
        source_tip = made.source_tip or (self.state.branches.get(source) if source is not None else None)
        self.state.branches[branch] = made.tip
        if made.commits:
            self.state.made[self.step.name] = made.tip
        losses = None
        if made.tip != before:
            landing = Landing(
                step=self.step.name,
                branch=branch,
                method=method,
                before=before,
                after=made.tip,
                source=source_tip,
                purpose=self._purpose(),
                solved=made.solved,
            )
            losses = self.world.losses(landing)
        return self._done(
            "regression" if losses else "clean",
            branch=branch,
            source=source,
            before=before,
            tip=made.tip,
            made=made,
            reason=made.reason,
            warnings=warnings,
            losses=losses,
        )

    def _purpose(self) -> str:
        if isinstance(self.step, PullRequest):
            return self.step.purpose
        return "commit" if isinstance(self.step, Commit) else ""

    def _done(
        self,
        outcome: Outcome,
        *,
        branch: str | None = None,
        source: str | None = None,
        before: Sha | None = None,
        tip: Sha | None = None,
        made: Made | None = None,
        commits: tuple[Sha, ...] = (),
        reason: str = "",
        warnings: tuple[str, ...] = (),
        losses: tuple[object, ...] | None = None,
    ) -> StepResult:
        return StepResult(
            number=self.number,
            step=self.step.name,
            kind=self.step.kind,
            outcome=outcome,
            branch=branch,
            source=source,
            before=before,
            commit=tip,
            tree=None if tip is None else self.world.tree(tip),
            commits=commits if made is None else made.commits,
            conflicts=() if made is None else made.conflicts,
            losses=losses,  # type: ignore[arg-type]  # the tuple that World.losses returned
            reason=reason,
            warnings=warnings,
        )


__all__ = ["run_plan"]
