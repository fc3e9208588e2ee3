"""The branch graph of a short history, such as a counterexample: lanes, commits, and what each did."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from matplotlib.patches import PathPatch
from matplotlib.path import Path

from branchsim.errors import InputError
from branchsim.plot import style

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from matplotlib.axes import Axes

Node = tuple[str, str, "Sequence[str]", str]
"""A commit: branch, name, names of the parents, and what it did."""

_BIG = 11.0
_TALL = 4
_ABOVE = 0.75
"""The room above the first lane, in lanes: for what its commits did."""


def branch_graph(
    commits: Iterable[Node],
    *,
    branches: Sequence[str] | None = None,
    highlight: Collection[str] = (),
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
    **kwargs: Any,
) -> Axes:
    """Draw a short history as a graph: a lane for each branch, the commits from left to right, what each did beside it.

    Parameters
    ----------
    commits : iterable of (branch, commit, parents, label)
        In the order in which they were made, parents before children. ``branch`` is the lane, ``commit`` a short name
        that stands in the mark, ``parents`` are names of commits before it, ``label`` is what it did.
    branches : sequence of str, optional
        The lanes, the uppermost first; in the order in which they appear if not given.
    highlight : collection of str
        The commits to draw in red, for example the one that lost a fix.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    figsize : tuple of float, optional
        The size of a new figure, in inches.
    **kwargs
        For the marks of the commits: keywords of `matplotlib.axes.Axes.scatter`.

    Returns
    -------
    Axes
        With branches on the vertical axis and steps on the horizontal one.

    Raises
    ------
    InputError
        A commit is there twice, a parent does not come before its child, a branch has no lane, or a highlighted commit
        does not exist.
    """
    nodes = [(branch, name, tuple(parents), said) for branch, name, parents, said in commits]
    lanes = list(dict.fromkeys(branches if branches is not None else (node[0] for node in nodes)))
    places = _places(nodes, lanes, highlight)
    ax = style.axes(
        ax, figsize, size=(min(24.0, 2.4 + 1.15 * max(3, len(nodes))), 1.25 + 1.05 * max(1, len(lanes))), content=nodes
    )
    if not nodes:
        return style.empty(ax, "no commits")
    ax.set_xlim(0.4, len(nodes) + 0.6)
    ax.set_ylim(-len(lanes) + 0.25, _ABOVE)
    ax.set_yticks([-float(rank) for rank in range(len(lanes))], labels=[style.label(name, 22) for name in lanes])
    ax.set_xticks(range(1, len(nodes) + 1))
    ax.set_xlabel("step (number)")
    ax.set_ylabel("branch")
    ax.tick_params(axis="y", length=0)
    style.frameless(ax, "bottom")
    ax.hlines([-float(rank) for rank in range(len(lanes))], *ax.get_xlim(), color=style.GREY, linewidth=0.6, alpha=0.4)
    style.settle(ax)
    for _, name, parents, _ in nodes:
        for rank, parent in enumerate(parents):
            _edge(ax, places[parent], places[name], first=rank == 0, bad=name in highlight)
    _marks(ax, nodes, lanes, places, highlight, kwargs)
    return ax


def _places(nodes: Sequence[Node], lanes: Sequence[str], highlight: Collection[str]) -> dict[str, tuple[float, float]]:
    places: dict[str, tuple[float, float]] = {}
    for step, (branch, name, parents, _) in enumerate(nodes, start=1):
        if name in places:
            raise InputError(f"the commit {name!r} is there twice; give every commit a name of its own")
        for parent in parents:
            if parent not in places:
                raise InputError(f"the parent {parent!r} of {name!r} does not come before it; list parents first")
        if branch not in lanes:
            raise InputError(f"the commit {name!r} is on {branch!r}, which is not among the branches given")
        places[name] = (float(step), -float(lanes.index(branch)))
    for name in highlight:
        if name not in places:
            raise InputError(f"there is no commit {name!r} to highlight")
    return places


def _edge(ax: Axes, start: tuple[float, float], end: tuple[float, float], *, first: bool, bad: bool) -> None:
    (x0, y0), (x1, y1) = start, end
    if y0 == y1:
        path = Path([start, end])
    else:
        # A branch leaves at once and goes along its own lane; what is merged comes over just before the merge.
        left, right = (x0, x0 + 1.0) if first else (x1 - 1.0, x1)
        middle = (left + right) / 2
        path = Path(
            [start, (left, y0), (middle, y0), (middle, y1), (right, y1), end],
            [Path.MOVETO, Path.LINETO, Path.CURVE4, Path.CURVE4, Path.CURVE4, Path.LINETO],
        )
    ax.add_patch(
        PathPatch(
            path, facecolor="none", edgecolor=style.RED if bad else style.GREY, linewidth=1.8 if first else 1.4,
            linestyle="-" if first else (0, (4, 2)), zorder=2,
        )
    )  # fmt: skip


def _marks(
    ax: Axes,
    nodes: Sequence[Node],
    lanes: Sequence[str],
    places: dict[str, tuple[float, float]],
    highlight: Collection[str],
    kwargs: dict[str, Any],
) -> None:
    wide, high = style.points(ax)
    step, lane = wide / (len(nodes) + 0.2), high / (len(lanes) - 0.25 + _ABOVE)
    size = min(_BIG, step * 0.36, lane * 0.22)
    letters = max(4, int((step - 6) / (style.SMALL * 0.56)))
    lines = max(1, min(_TALL, int((lane - 2 * size - 8) / (style.SMALL * 1.2))))
    for branch, name, _, said in nodes:
        x, y = places[name]
        bad = name in highlight
        colour = style.RED if bad else style.CYCLE[lanes.index(branch) % 5]
        look: dict[str, Any] = {"s": (2 * size) ** 2, "color": colour, "linewidths": 1.2, "zorder": 3}
        look["edgecolors"] = ax.get_facecolor()
        ax.scatter([x], [y], **look | kwargs)
        text = style.label(name, 7, cut="end")
        small = min(style.SMALL, style.SMALL * 1.7 * size / max(style.width(text, style.SMALL), 1.0))
        ax.text(
            x,
            y,
            text,
            ha="center",
            va="center",
            fontsize=small,
            color="black" if _is_light(colour) else "white",
            zorder=4,
        )
        # Labels are cut so that they stay between the neighbours and above the next lane. Those of the first lane stand
        # above it: from there all lines lead down.
        wrapped = textwrap.wrap(style.label(said, 400, cut="end"), letters, max_lines=lines, placeholder="…")
        above = branch == lanes[0]
        ax.annotate(
            "\n".join(wrapped), (x, y), (0, size + 3 if above else -size - 3), textcoords="offset points", ha="center",
            va="bottom" if above else "top",
            fontsize=style.SMALL, fontweight="bold" if bad else None, linespacing=1.05, zorder=2.5,
            annotation_clip=True,
            bbox={"boxstyle": "square,pad=0.1", "facecolor": ax.get_facecolor(), "alpha": 0.8, "linewidth": 0},
        )  # fmt: skip


def _is_light(colour: str) -> bool:
    return colour in {style.ORANGE, style.SKY, style.PURPLE, style.YELLOW}


__all__ = ["Node", "branch_graph"]
