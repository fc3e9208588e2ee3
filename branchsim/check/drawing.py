"""A counterexample as a picture of its branches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from branchsim.check.explore import Counterexample
    from branchsim.check.trace import Step, Trace
    from branchsim.plot.commits import Node

_ROOT = "0"


def draw(found: Counterexample, *, ax: Axes | None = None, **kwargs: Any) -> Axes:
    """Draw a counterexample with `branchsim.plot.branch_graph`; the last step is in red.

    Parameters
    ----------
    found : Counterexample
        The counterexample.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    **kwargs
        For `branchsim.plot.branch_graph`.

    Returns
    -------
    Axes
        A lane for each branch; the marks are numbered like the steps of the story.
    """
    from branchsim.plot.commits import branch_graph

    nodes, lanes = graph(found.trace)
    last = [name for _, name, _, _ in nodes if name.rstrip("abcdefghijklmnopqrstuvwxyz") == str(len(found.trace))]
    drawn = branch_graph(nodes, branches=lanes, highlight=kwargs.pop("highlight", last[-1:]), ax=ax, **kwargs)
    drawn.set_xticks([])
    drawn.set_xlabel("")
    made = ", ".join(found.mistakes) or "no mistake"
    drawn.set_title(f"{found.property}: broken in {len(found)} steps ({made})", loc="left", fontsize=10)
    return drawn


def graph(trace: Trace) -> tuple[list[Node], list[str]]:
    """The marks of a history, a mark for each thing that moved a branch, and the lanes.

    A mark is named by its step, so that a picture and a story are read together; where one step moves a branch more
    than once (a rebase of several commits) a letter tells them apart.
    """
    nodes: list[Node] = [(trace.branches[0], _ROOT, (), "all branches start here")]
    tips = dict.fromkeys(trace.branches, _ROOT)
    marks = {trace.root: _ROOT}
    extra: dict[str, int] = {}
    holds: dict[str, tuple[str, ...]] = {}
    for action in trace.actions:
        step = trace.steps[action.step]
        if action.kind == "branch":
            tips[action.branch] = tips[action.source]
            continue
        if action.kind in {"tag", "delete"}:
            continue
        number = str(action.step + 1)
        name = number if not extra.get(number) else f"{number}{chr(ord('a') + extra[number])}"
        extra[number] = extra.get(number, 0) + 1
        if action.kind == "move":
            parents: tuple[str, ...] = (marks[action.commit],)
        elif action.kind in {"merge", "fast-forward"}:
            parents = (tips[action.branch], tips[action.source])
        else:
            parents = (tips[action.branch],)
        gone = [change for change in holds.get(action.branch, ()) if not any(change in each for each in action.regions)]
        holds[action.branch] = tuple(change for each in action.regions for change in each)
        said = f"{_said(step)}: {', '.join(gone)} gone" if gone else _said(step)
        nodes.append((action.branch, name, tuple(dict.fromkeys(parents)), said))
        tips[action.branch] = name
        if action.label:
            marks.setdefault(action.label, name)
    short = dict.fromkeys(branch for branch, *_ in nodes if branch not in trace.branches)
    return nodes, [*trace.branches, *short]


_DONE = {"merge": "merged", "squash": "squashed", "rebase": "rebased", "cherry-pick": "cherry-picked"}
_KEPT = {"both": "both kept", "ours": "ours kept", "theirs": "theirs kept"}


def _said(step: Step) -> str:
    """What a step did, in the few words that a picture has room for."""
    if step.operation == "commit" and step.back:
        return f"{step.change} from a stale copy"
    if step.operation in {"start", "commit"}:
        return f"{step.change} in region {step.region}"
    if step.operation == "revert":
        text = f"{step.change} reverted"
    elif step.operation == "force-push":
        return "moved back by force"
    else:
        text = f"{step.source} {_DONE[step.method or 'merge']}"
    kept = {_KEPT[choice] for _, choices in step.resolutions for _, choice in choices}
    return f"{text}, conflict, {', '.join(sorted(kept))}" if kept else text


__all__ = ["draw", "graph"]
