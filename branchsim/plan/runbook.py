"""A plan as numbered commands for people, to be run in a clone."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Literal

from branchsim.plan.steps import CHECKS, Commit, Gate, MergeBack, PullRequest, Resolve, Revert, Start, Tag

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from branchsim.plan.model import Plan
    from branchsim.plan.steps import FileChange, Step

Host = Literal["github", "gitlab"]

_GITHUB = {"merge": "--merge", "squash": "--squash", "rebase": "--rebase"}
_GITLAB = {"merge": "", "squash": "--squash", "rebase": "--rebase"}


def runbook(plan: Plan, *, host: Host | None = None, trees: Mapping[str, str] | None = None) -> str:
    """Write a plan as numbered commands.

    Parameters
    ----------
    plan : Plan
        The plan.
    host : {"github", "gitlab"}, optional
        Write pull requests as commands of ``gh`` or ``glab``; by default everything is done with git alone.
    trees : mapping of str to str, optional
        From the names of steps to the tree that must be there afterwards; a simulation knows them.

    Returns
    -------
    str
        Text: each step a comment with its number and name, then its commands. Every name is quoted for a shell. What no
        command can do alone (write files, solve a conflict, judge a gate) is a comment too.
    """
    lines = [f"# {plan.name}"]
    if plan.steps:
        lines += ["", "git fetch origin --prune"]
    for driver in plan.drivers:
        files = _line(", ".join(driver.paths))
        lines.append(f"# {files}: merged by the merge driver {driver.name}, which a hosting service does not run;")
        lines.append("# where it finds a conflict, merge here with git")
        if driver.command:
            lines.append(f"git config {shlex.quote(f'merge.{driver.name}.driver')} {shlex.quote(driver.command)}")
    for number, step in enumerate(plan.steps, start=1):
        lines += ["", f"# {number}. {step.name}"]
        lines += _commands(step, plan, host)
        branch = _receiver(step)
        if trees and branch is not None and step.name in trees:
            lines += [f"# expected tree: {trees[step.name]}", f"git rev-parse {_at(branch)}^{{tree}}"]
    return "\n".join(lines) + "\n"


def _receiver(step: Step) -> str | None:
    match step:
        case PullRequest(target=target) | MergeBack(target=target):
            return target
        case Commit(branch=branch) | Revert(branch=branch) | Start(branch=branch):
            return branch
    return None


def _at(name: str) -> str:
    return shlex.quote(f"origin/{name}")


def _start_point(plan: Plan, step: Step, name: str) -> str:
    """A branch as the remote has it, anything else as it is."""
    known = {*plan.branches} - ({step.branch} if isinstance(step, Start) else set())
    return _at(name) if name in known else shlex.quote(name)


def _push(branch: str) -> str:
    return f"git push origin {shlex.quote(f'HEAD:refs/heads/{branch}')}"


def _switch(branch: str) -> str:
    return f"git switch --force-create {shlex.quote(branch)} {_at(branch)}"


def _commands(step: Step, plan: Plan, host: Host | None) -> Iterator[str]:
    match step:
        case Start():
            yield from _start(step, plan)
        case Commit():
            yield from _commit(step)
        case PullRequest():
            yield from _pull_request(step, plan, host)
        case MergeBack(source=source, target=target):
            yield _switch(target)
            yield f"git merge --no-ff{_message(step.message) or ' --no-edit'} {_at(source)}"
            yield _push(target)
        case Tag(tag=tag, at=at, message=message):
            annotated = f" --annotate{_message(message)}" if message else ""
            yield f"git tag{annotated} {shlex.quote(tag)} {_start_point(plan, step, at)}"
            yield f"git push origin {shlex.quote(f'refs/tags/{tag}')}"
        case Revert(branch=branch, commit=commit):
            yield _switch(branch)
            if any(other.name == commit for other in plan.steps):
                yield f"# <commit>: what step {commit!r} made; with --mainline 1 if it is a merge"
                yield "git revert --no-edit <commit>"
            else:
                yield "# with --mainline 1 if it is a merge"
                yield f"git revert --no-edit {shlex.quote(commit)}"
            yield _push(branch)
        case Gate():
            yield from _gate(step)
        case Resolve(step=resolved):
            yield f"# conflicts of step {resolved!r}: {_resolution(step)}"


def _start(step: Start, plan: Plan) -> Iterator[str]:
    create = f"git push origin {_start_point(plan, step, step.at)}:{shlex.quote(f'refs/heads/{step.branch}')}"
    if step.reuse:
        yield f"git rev-parse --verify --quiet {_at(step.branch)} || {create}"
    else:
        yield create
    yield "git fetch origin"


def _commit(step: Commit) -> Iterator[str]:
    yield _switch(step.branch)
    if step.picks:
        yield f"git cherry-pick -x {' '.join(map(shlex.quote, step.picks))}"
    else:
        if step.patch is not None:
            yield "# save the patch of the plan as change.patch"
            yield "git apply --index change.patch"
        for file in step.files:
            yield _file(file)
        author = f" --author={shlex.quote(step.author)}" if step.author else ""
        yield f"git commit{author}{_message(step.message)}"
    yield _push(step.branch)


def _file(file: FileChange) -> str:
    path = shlex.quote(file.path)
    if file.content is None:
        return f"git rm -- {path}"
    mode = {"100755": " (executable)", "120000": " (a symbolic link)"}.get(file.mode or "", "")
    return f"git add -- {path}  # as the plan has it: {len(file.content)} bytes{mode}"


def _message(message: str) -> str:
    return f" --message={shlex.quote(message)}" if message else ""


def _pull_request(step: PullRequest, plan: Plan, host: Host | None) -> Iterator[str]:
    source, target = shlex.quote(step.source), shlex.quote(step.target)
    if step.on_conflict == "solve-in-source":
        yield "# only if it conflicts: solve it in the source branch first"
        yield f"# {_switch(step.source)}"
        yield f"# git merge --no-ff --no-edit {_at(step.target)}"
        for resolution in plan.resolutions(step.name):
            yield f"#   {_resolution(resolution)}"
        yield "# git add --all && git commit --no-edit"
        yield f"# {_push(step.source)}"
        yield f"# {_line(step.source)} then holds the content of {_line(step.target)}: do not merge it to RUN again"
    if host == "github" and step.method in _GITHUB:
        title = shlex.quote(step.message.splitlines()[0] if step.message.strip() else step.name)
        yield f"gh pr create --base {target} --head {source} --title {title} --body ''"
        delete = " --delete-branch" if step.delete_source else ""
        yield f"gh pr merge {source} {_GITHUB[step.method]}{delete}"
    elif host == "gitlab" and step.method in _GITLAB:
        title = shlex.quote(step.message.splitlines()[0] if step.message.strip() else step.name)
        yield f"glab mr create --source-branch {source} --target-branch {target} --title {title} --description ''"
        flags = " ".join(
            flag for flag in (_GITLAB[step.method], "--remove-source-branch" if step.delete_source else "") if flag
        )
        yield f"glab mr merge {source}{' ' + flags if flags else ''}"
    else:
        yield from _by_git(step)
    yield "git fetch origin"


def _by_git(step: PullRequest) -> Iterator[str]:
    source, target = _at(step.source), _at(step.target)
    message = _message(step.message)
    if step.method == "fast-forward":
        yield f"git push origin {shlex.quote(f'refs/remotes/origin/{step.source}:refs/heads/{step.target}')}"
    else:
        yield _switch(step.source if step.method == "rebase" else step.target)
        match step.method:
            case "merge":
                yield f"git merge --no-ff{message or ' --no-edit'} {source}"
            case "squash":
                yield f"git merge --squash {source}"
                yield f"git commit{message or ' --no-edit'}"
            case "rebase":
                yield f"git rebase {target}"
            case "cherry-pick":
                yield f"git cherry-pick -x {target}..{source}"
        yield _push(step.target)
    if step.delete_source:
        yield f"git push origin --delete {shlex.quote(step.source)}"


def _gate(step: Gate) -> Iterator[str]:
    yield f"# stop unless this holds: {CHECKS[step.check]}"
    for other in step.against:
        match step.check:
            case "wrong-base":
                yield f"# none of these commits may be on {_line(other)} too:"
                yield f"git log --oneline {_at(step.base or '')}..{_at(step.branch)}"
            case "frozen":
                yield "# must print nothing:"
                yield f"git log --oneline --no-merges {_at(other)}..{_at(step.branch)}"
            case "contains":
                yield "# must print nothing:"
                yield f"git log --oneline {_at(step.branch)}..{_at(other)}"


def _resolution(step: Resolve) -> str:
    ways = []
    if step.files:
        ways.append("the files of the plan: " + ", ".join(shlex.quote(file.path) for file in step.files))
    if step.folder is not None:
        ways.append(f"the files in {shlex.quote(step.folder)}")
    if step.take is not None:
        where = f" for {', '.join(map(shlex.quote, step.paths))}" if step.paths else ""
        what = "what git rerere has recorded" if step.take == "recorded" else step.take
        ways.append(f"take {what}{where}")
    return _line("; then ".join(ways))


def _line(text: str) -> str:
    """Text that stays in its comment."""
    return " ".join(text.split())


__all__ = ["runbook"]
