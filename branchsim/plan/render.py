"""Plans for people: text and HTML. Names come from files of strangers, so everything is escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from branchsim.formatting import page, table, tag
from branchsim.plan.steps import CHECKS, Commit, Gate, MergeBack, PullRequest, Resolve, Revert, Start, Tag
from branchsim.topology.render import plain

if TYPE_CHECKING:
    from branchsim.plan.model import Plan
    from branchsim.plan.steps import Step


def sentence(step: Step) -> str:  # noqa: C901  one case for each kind of step
    """What a step does, in one sentence without its end."""
    match step:
        case Start(branch=branch, at=at, reuse=reuse):
            said = f"start {branch} from {at}{', or take it as it is' if reuse else ''}"
        case Commit(branch=branch, picks=picks) if picks:
            said = f"pick {', '.join(picks)} to {branch}"
        case Commit(branch=branch, patch=patch, files=files):
            what = "a patch" if patch is not None else ", ".join(file.path for file in files)
            said = f"commit {what} to {branch}"
        case PullRequest(source=source, target=target, method=method, purpose=purpose):
            after = "delete" if step.delete_source else "keep"
            said = f"bring {source} to {target} by {method} ({purpose}), {after} {source}"
            if step.on_conflict == "solve-in-source":
                said += f"; solve conflicts in {source}"
        case MergeBack(source=source, target=target):
            said = f"merge {source} back to {target}"
        case Tag(tag=tag, at=at):
            said = f"tag {at} as {tag}"
        case Revert(branch=branch, commit=commit):
            said = f"revert {commit} on {branch}"
        case Gate(check=check, branch=branch, against=against):
            said = f"check {branch} against {', '.join(against)} ({check}): {CHECKS[check]}"
        case Resolve(step=resolved, take=take, files=files, folder=folder):
            ways = [", ".join(file.path for file in files)] if files else []
            ways += [f"the files in {folder}"] if folder is not None else []
            ways += ["what git recorded" if take == "recorded" else f"the side {take}"] if take is not None else []
            said = f"solve conflicts of {resolved} with {'; '.join(ways)}"
    return plain(said.rstrip("."))


def text(plan: Plan) -> str:
    """A plan as a numbered list."""
    lines = [plain(plan.name)]
    lines += [f"  {number}. {sentence(step)}" for number, step in enumerate(plan.steps, start=1)]
    lines += [f"  {plain(line)}" for line in _about(plan)]
    if plan.forecast:
        ways = ", ".join(f"{promotion.source} -> {promotion.target}" for promotion in plan.forecast)
        lines.append(f"  then expected: {plain(ways)}")
    return "\n".join(lines) + "\n"


def _about(plan: Plan) -> list[str]:
    """What holds for the whole plan."""
    told = [
        f"files {', '.join(driver.paths)} are merged by the merge driver {driver.name} "
        f"({driver.command or 'as your git configuration says'})"
        for driver in plan.drivers
    ]
    return [*told, *(["commits and annotated tags are signed"] if plan.sign else [])]


def html(plan: Plan) -> str:
    """A plan for notebooks: its steps, and the promotions expected afterwards."""
    ways = ", ".join(f"{promotion.source} → {promotion.target}" for promotion in plan.forecast)
    return page(
        plan.name,
        table(
            ("", "kind", "step", "what"),
            [(number, step.kind, step.name, sentence(step)) for number, step in enumerate(plan.steps, start=1)],
        )
        or "No steps.",
        tag("div", f"Then expected: {ways}", kind="quiet") if ways else "",
    )


__all__ = ["html", "sentence", "text"]
