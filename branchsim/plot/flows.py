"""The topology: branches in their layers, the flows between them, the families, and what is still owed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox

from branchsim.errors import InputError
from branchsim.plot import style
from branchsim.plot.tables import table, texts
from branchsim.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from branchsim.audit.audit import Audit

OPEN = ("lost", "missed", "partial")
"""The verdicts of obligations that are still to be fulfilled."""

_MOST_ACROSS = 7
_FAMILIES = 4
_LINE = 0.2
_ROW_GAP = 0.3
_COLUMN = 1.25
_ASIDE = (0.0, 0.28, -0.28, 0.34, -0.34)
_ROUND = 0.1
_BAND = 0.66
_FIRST = 0.42
_DEEPER = 0.3


@dataclass(frozen=True, slots=True)
class _Arc:
    """A line below the boxes, from one place of the chain to another."""

    source: int
    target: int
    kind: Literal["promote", "retrofit", "owed"]
    count: int = 0

    @property
    def depth(self) -> float:
        span = abs(self.source - self.target)
        return _FIRST + _DEEPER * span + (0.1 if self.kind == "promote" else 0.0)


@dataclass(frozen=True, slots=True)
class _Frame:
    """Turns places along the chain and offsets from it into coordinates of the axes."""

    ax: Axes
    across: bool
    half: float
    """Half a box, along the chain."""
    thick: float
    """Half a box, off the chain."""

    def at(self, along: float, off: float) -> tuple[float, float]:
        return (along, off) if self.across else (off, -along)

    def box(self, along: tuple[float, float], off: tuple[float, float], **look: Any) -> FancyBboxPatch:
        (left, bottom), (right, top) = self.at(along[0], off[0]), self.at(along[1], off[1])
        left, right = sorted((left, right))
        bottom, top = sorted((bottom, top))
        patch = FancyBboxPatch(
            (left, bottom), right - left, top - bottom, boxstyle="round,pad=0,rounding_size=0.08",
            mutation_aspect=1.0, **look,
        )  # fmt: skip
        self.ax.add_patch(patch)
        return patch

    def arrow(self, points: list[tuple[float, float]], **look: Any) -> None:
        codes = [Path.MOVETO] + [Path.LINETO if len(points) == 2 else Path.CURVE4] * (len(points) - 1)  # noqa: PLR2004
        path = Path([self.at(*point) for point in points], codes)
        self.ax.add_patch(FancyArrowPatch(path=path, arrowstyle="-|>", mutation_scale=11, fill=True, **look))

    def way(self, points: list[tuple[float, float]], **look: Any) -> None:
        """An arrow along straight lines with round corners."""
        path, codes = [points[0]], [Path.MOVETO]
        for before, corner, after in zip(points, points[1:], points[2:], strict=False):
            path += [_toward(corner, before), corner, _toward(corner, after)]
            codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
        path.append(points[-1])
        codes.append(Path.LINETO)
        line = Path([self.at(*point) for point in path], codes)
        self.ax.add_patch(FancyArrowPatch(path=line, arrowstyle="-|>", mutation_scale=11, fill=False, **look))

    def scale(self) -> tuple[float, float]:
        """Points of the page for one unit along the chain and off it."""
        wide, high = style.points(self.ax)
        (left, right), (bottom, top) = self.ax.get_xlim(), self.ax.get_ylim()
        x, y = wide / (right - left), high / (top - bottom)
        return (x, y) if self.across else (y, x)


def topology(
    audit: Audit | Topology,
    *,
    obligations: pd.DataFrame | None = None,
    orientation: Literal["auto", "horizontal", "vertical"] = "auto",
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
    **kwargs: Any,
) -> Axes:
    """Draw a topology: branches in their layers, promotions, retrofits, families, and the open obligations in red.

    Parameters
    ----------
    audit : Audit or Topology
        A topology; of an audit its topology with its obligations.
    obligations : DataFrame, optional
        A table like `Audit.obligations`, instead of the audit's own. The number of those that were lost, missed or
        arrived in part stands in red on the way that they should have gone.
    orientation : {"auto", "horizontal", "vertical"}
        How the branches stand; ``auto`` writes more than seven below each other.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    figsize : tuple of float, optional
        The size of a new figure, in inches.
    **kwargs
        For the boxes of the branches: keywords of `matplotlib.patches.FancyBboxPatch`.

    Returns
    -------
    Axes
        Without ticks: nothing is measured.

    Raises
    ------
    InputError
        There is no topology, or the table lacks a column.
    """
    model = audit if isinstance(audit, Topology) else getattr(audit, "topology", None)
    if not isinstance(model, Topology):
        raise InputError(f"expected a topology or an audit, not {type(audit).__name__}")
    if obligations is None and not isinstance(audit, Topology):
        obligations = audit.obligations
    arcs = _arcs(model, obligations)
    tags = list(_tags(model))
    count = len(model.branches)
    across = orientation == "horizontal" or (orientation == "auto" and count <= _MOST_ACROSS)
    frame = _frame(model, arcs, tags, across=across, ax=ax, figsize=figsize)
    style.finish(frame.ax, f"Topology {style.label(model.name, 40)}", _handles(arcs, tags, model))
    _bands(frame, model)
    _boxes(frame, model, kwargs)
    for flow in model.promotions():
        one, other = _place(model, flow.source), _place(model, flow.target)
        if other - one == 1:
            frame.arrow([(one + frame.half, 0), (other - frame.half, 0)], color=style.BLUE, linewidth=1.8, zorder=3)
    _families(frame, tags)
    _curves(frame, arcs)
    return frame.ax


def _place(model: Topology, branch: str) -> int:
    return next(place for place, each in enumerate(model.branches) if each.name == branch)


def _arcs(model: Topology, obligations: pd.DataFrame | None) -> list[_Arc]:
    """The lines below the boxes: promotions that pass a branch or lead back, retrofits, other ways of what is owed."""
    owed: Counter[tuple[int, int]] = Counter()
    if obligations is not None:
        rows = table(obligations, "obligations", ("landed_on", "owed_to", "verdict"))
        names = {branch.name: place for place, branch in enumerate(model.branches)}
        for verdict, source, target in zip(
            texts(rows["verdict"]), texts(rows["landed_on"]), texts(rows["owed_to"]), strict=True
        ):
            if verdict in OPEN and source in names and target in names:
                owed[names[source], names[target]] += 1
    arcs = []
    for flow in model.promotions():
        pair = _place(model, flow.source), _place(model, flow.target)
        if pair[1] - pair[0] != 1:
            arcs.append(_Arc(*pair, "promote"))
    for flow in model.retrofits():
        pair = _place(model, flow.source), _place(model, flow.target)
        arcs.append(_Arc(*pair, "retrofit", owed.pop(pair, 0)))
    arcs += [_Arc(*pair, "owed", count) for pair, count in sorted(owed.items())]
    return arcs


@dataclass(frozen=True, slots=True)
class _Tag:
    """Families that land on one branch and owe the same retrofits."""

    place: int
    rank: int
    """How far out; the line of one that stands further out passes the others at their side."""
    names: list[str]
    owes: tuple[int, ...]

    def along(self, *, across: bool) -> float:
        aside = _ASIDE[min(self.rank, len(_ASIDE) - 1)]
        return self.place + (aside if across else 0.7 * aside)


def _toward(corner: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """A point near a corner on the way to another one."""
    length = max(abs(other[0] - corner[0]), abs(other[1] - corner[1]))
    share = min(0.5, _ROUND / length) if length else 0.0
    return corner[0] + (other[0] - corner[0]) * share, corner[1] + (other[1] - corner[1]) * share


def _tags(model: Topology) -> Iterator[_Tag]:
    """Families by where they land."""
    for place, branch in enumerate(model.branches):
        of_branch = [family for family in model.families if branch.name in family.to]
        groups: dict[tuple[str, ...], list[str]] = {}
        for family in of_branch:
            groups.setdefault(tuple(name for name in family.retrofit if name != branch.name), []).append(family.pattern)
        for rank, (retrofit, names) in enumerate(groups.items()):
            shown = (
                names
                if len(names) <= _FAMILIES
                else [*names[: _FAMILIES - 1], f"and {len(names) - _FAMILIES + 1} more"]
            )
            yield _Tag(place, rank, shown, tuple(_place(model, name) for name in retrofit))


def _frame(
    model: Topology,
    arcs: list[_Arc],
    tags: list[_Tag],
    *,
    across: bool,
    ax: Axes | None,
    figsize: tuple[float, float] | None,
) -> _Frame:
    count = len(model.branches)
    half, thick = (0.38, 0.24) if across else (0.26, 0.62)
    below = max((arc.depth for arc in arcs), default=0.0) * 0.8 + thick + 0.3
    above = max(_rows(tags, across=across)[-1], thick + _BAND - 0.24) + 0.12
    several = any(tag.rank for tag in tags)
    if across:
        size = (min(20.0, (2.1 if several else 1.75) * count + 2.2), min(14.0, 1.25 * (below + above) + 0.5))
    else:
        tall = (0.9 if several else 0.62) * count + 1.0
        size = (min(16.0, max(7.0, 1.3 * (below + above) + 2.0)), min(24.0, tall))
    ax = style.axes(ax, figsize, size=size)
    ax.set_xticks([])
    ax.set_yticks([])
    style.frameless(ax)
    if across:
        ax.set(xlim=(-0.6, count - 0.4), ylim=(-below, above))
    else:
        ax.set(xlim=(-below, above), ylim=(-count + 0.4, 0.6))
    return _Frame(ax, across, half, thick)


def _rows(tags: list[_Tag], *, across: bool) -> list[float]:
    """How far out each row of tags begins, by rank, and where the last one ends."""
    ranks = range(max((tag.rank for tag in tags), default=-1) + 1)
    if not across:
        return [0.62 + 0.75 + rank * _COLUMN for rank in (*ranks, len(ranks))]
    rows = [0.24 + _BAND]
    for rank in ranks:
        rows.append(rows[-1] + _LINE * max(len(tag.names) for tag in tags if tag.rank == rank) + _ROW_GAP)
    return rows


def _bands(frame: _Frame, model: Topology) -> None:
    colours = {layer: style.CYCLE[rank % len(style.CYCLE)] for rank, layer in enumerate(model.layers)}
    for layer, group in groupby(enumerate(model.branches), key=lambda pair: pair[1].layer):
        places = [place for place, _ in group]
        along = (places[0] - 0.46, places[-1] + 0.46)
        off = (-frame.thick - 0.1, frame.thick + (_BAND - 0.24 if frame.across else 0.1))
        frame.box(along, off, facecolor=colours[layer], alpha=0.16, linewidth=0, zorder=0.5)
        # Lines of families may pass here.
        look: dict[str, Any] = {
            "ha": "left", "fontsize": 9, "fontweight": "bold", "zorder": 1.6,
            "path_effects": [withStroke(linewidth=3, foreground=frame.ax.get_facecolor())],
        }  # fmt: skip
        if frame.across:
            frame.ax.text(*frame.at(along[0] + 0.06, off[1] - 0.05), style.label(layer, 14), va="top", **look)
        else:
            frame.ax.text(*frame.at(along[0] + 0.14, off[1] + 0.06), style.label(layer, 14), va="center", **look)


def _boxes(frame: _Frame, model: Topology, kwargs: dict[str, Any]) -> None:
    along, off = frame.scale()
    room = 2 * (frame.half * along if frame.across else frame.thick * off) - 10
    for place, branch in enumerate(model.branches):
        look = {"facecolor": frame.ax.get_facecolor(), "edgecolor": style.GREY, "linewidth": 1.4, "zorder": 2} | kwargs
        frame.box((place - frame.half, place + frame.half), (-frame.thick, frame.thick), **look)
        frame.ax.text(
            *frame.at(place, 0), _fitting(branch.name, room, 10), ha="center", va="center", fontsize=10, zorder=4
        )


def _fitting(name: str, room: float, size: float) -> str:
    """A name cut so that it is no wider than some points."""
    for most in range(40, 3, -1):
        text = style.label(name, most)
        if style.width(text, size) <= room:
            return text
    return style.label(name, 3)


def _families(frame: _Frame, tags: list[_Tag]) -> None:
    along, off = frame.scale()
    rows = _rows(tags, across=frame.across)
    size = 8.5
    passed = {place for tag in tags for place in tag.owes} | {tag.place for tag in tags if tag.rank}
    for tag in tags:
        # Lines that pass a tag leave it less room.
        wide = 0.72 if tag.rank else 0.44 if tag.place in passed else 0.92
        room = wide * along - 6 if frame.across else (_COLUMN - 0.25) * off - 6
        inner = 0.14 if frame.across else 0.06
        middle = (rows[tag.rank] + rows[tag.rank + 1] - (_ROW_GAP if frame.across else 0.25)) / 2 + inner
        text = "\n".join(_fitting(name, room, size) for name in tag.names)
        if not frame.across:
            text = _fitting(", ".join(tag.names), room, size)
        at = tag.along(across=frame.across)
        frame.arrow([(at, middle), (at, frame.thick)], color=style.GREY, linewidth=1.2, zorder=1.5)
        frame.ax.text(
            *frame.at(at, middle), text, ha="center", va="center", fontsize=size, zorder=4, linespacing=1.1,
            bbox={
                "boxstyle": "round,pad=0.3", "facecolor": frame.ax.get_facecolor(), "edgecolor": style.GREY,
                "linewidth": 0.8,
            },
        )  # fmt: skip
        # Retrofits run between the rows, where no tag stands, and come down beside those of their branch.
        between = rows[tag.rank + 1] + (0.0 if frame.across else -0.06)
        for target in tag.owes:
            foot = target + (0.35 if target < tag.place else -0.35) * (1.0 if frame.across else 0.6)
            points = [(at, middle), (at, between), (foot, between), (foot, frame.thick)]
            frame.way(points, color=style.GREEN, linewidth=1.2, linestyle=(0, (4, 2)), zorder=1.4)


def _curves(frame: _Frame, arcs: list[_Arc]) -> None:
    feet = _feet(arcs, frame.half)
    taken: list[Bbox] = []
    for number, arc in enumerate(arcs):
        start, end = feet[number]
        deep = -frame.thick - arc.depth
        points = [(start, -frame.thick), (start, deep), (end, deep), (end, -frame.thick)]
        look: dict[str, Any] = {"color": style.GREEN, "linestyle": (0, (4, 2)), "linewidth": 1.5}
        if arc.kind == "promote":
            look = {"color": style.BLUE, "linewidth": 1.5}
        if arc.count:
            look = {"color": style.RED, "linewidth": 1.8 if arc.kind == "retrofit" else 1.2}
        frame.arrow(points, zorder=2.5, **look)
        if arc.count:
            _number(frame, arc, points, taken)


def _feet(arcs: list[_Arc], half: float) -> dict[int, tuple[float, float]]:
    """Where each arc leaves and enters its boxes: side by side, so that nested arcs do not cross."""
    at: dict[int, list[tuple[tuple[int, float], int, int]]] = {}
    for number, arc in enumerate(arcs):
        for end, (here, there) in enumerate(((arc.source, arc.target), (arc.target, arc.source))):
            # Arcs to the left first, the nearest outermost; then those to the right, the farthest first.
            side = (there > here) - (there < here)
            order = float(end) if side == 0 else -side * arc.depth
            at.setdefault(here, []).append(((side, order), number, end))
    found: dict[int, list[float]] = {number: [float(arc.source), float(arc.target)] for number, arc in enumerate(arcs)}
    for place, ends in at.items():
        ends.sort()
        step = min(0.22, 1.5 * half / max(1, len(ends)))
        for rank, (_, number, end) in enumerate(ends):
            found[number][end] = place + (rank - (len(ends) - 1) / 2) * step
    return {number: (start, end) for number, (start, end) in found.items()}


def _number(frame: _Frame, arc: _Arc, points: list[tuple[float, float]], taken: list[Bbox]) -> None:
    """Write how many are open on an arc, where no other number stands."""
    text, size = f"{arc.count:,}", 9.0
    along, off = frame.scale()
    wide, high = style.width(text, size) + 7, size + 6
    for share in (0.5, 0.38, 0.62, 0.28, 0.72, 0.2, 0.8):
        place = _on_curve(points, share)
        x, y = frame.at(place[0] * along, place[1] * off)
        box = Bbox.from_bounds(x - wide / 2, y - high / 2, wide, high)
        if not any(box.overlaps(other) for other in taken):
            break
    taken.append(box)
    frame.ax.text(
        *frame.at(*place), text, ha="center", va="center", fontsize=size, fontweight="bold", color="white", zorder=6,
        bbox={"boxstyle": "round,pad=0.25", "facecolor": style.RED, "edgecolor": "none"},
    )  # fmt: skip


def _on_curve(points: list[tuple[float, float]], t: float) -> tuple[float, float]:
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
    return (
        sum(weight * point[0] for weight, point in zip(weights, points, strict=True)),
        sum(weight * point[1] for weight, point in zip(weights, points, strict=True)),
    )


def _handles(arcs: list[_Arc], tags: list[_Tag], model: Topology) -> list[Artist]:
    handles: list[Artist] = []
    if model.promotions():
        handles.append(Line2D([], [], color=style.BLUE, linewidth=1.8, label="promotion"))
    if any(arc.kind == "retrofit" and not arc.count for arc in arcs) or any(tag.owes for tag in tags):
        handles.append(Line2D([], [], color=style.GREEN, linewidth=1.5, linestyle="--", label="retrofit"))
    if any(arc.count for arc in arcs):
        handles.append(
            Line2D([], [], color=style.RED, linewidth=1.8, marker="s", markersize=7, label="open obligations\n(number)")
        )
    if tags:
        handles.append(Line2D([], [], color=style.GREY, linewidth=1.2, label="family of branches\nlands here"))
    return handles


__all__ = ["OPEN", "topology"]
