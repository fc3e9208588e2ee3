"""The timeline: a lane for each branch, what landed there and when, and what became of what was owed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.path import Path
from matplotlib.transforms import IdentityTransform

from branchsim.errors import InputError, nearest
from branchsim.formatting import many
from branchsim.plot import style
from branchsim.plot.tables import as_of, days, optional, table, texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from branchsim.audit.audit import Audit

_LANDINGS = ("branch", "landed_at", "kind")
_OBLIGATIONS = ("landed_on", "landed_at", "owed_to", "verdict", "arrived_at")
_PROMOTIONS = ("branch", "source", "at", "release", "version")
_OVERWRITES = ("branch", "landed_at", "state")
_WINDOWS = ("branch", "opened_at", "closed_at")

_MARKS: dict[str, str] = {
    "merge": "o",
    "squash": "s",
    "rebase": "D",
    "cherry-pick": "P",
    "fast-forward": ">",
    "direct": "|",
    "revert": "<",
    "sync": ".",
    "force-push": "*",
    "created": "^",
}
_ARRIVED = ("retrofitted", "late", "partial", "lost", "superseded", "reverted")
_OPEN = ("lost", "missed", "partial")
_ROOM = 7.0
"""Points that a landing needs to be drawn as one."""
_BAR = 5.0
_FEW = 150
_Point = tuple[float, float]
_HEIGHT = 0.30
_BINS = ((1, "day"), (7, "week"), (30.4375, "month"), (91.3125, "quarter"), (365.25, "year"), (3652.5, "decade"))


@dataclass(frozen=True, slots=True)
class _Lanes:
    """Where everything goes: the height of each branch, when it began, and the time shown."""

    ax: Axes
    heights: dict[str, float]
    begun: dict[str, float]
    start: float
    end: float

    def of(self, branch: str | None) -> float | None:
        return None if branch is None else self.heights.get(branch)


def timeline(
    audit: Audit | pd.DataFrame,
    *,
    obligations: pd.DataFrame | None = None,
    promotions: pd.DataFrame | None = None,
    overwrites: pd.DataFrame | None = None,
    windows: pd.DataFrame | None = None,
    branches: Sequence[str] | None = None,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
    **kwargs: Any,
) -> Axes:
    """Draw what happened: a lane for each branch, landings on it, and arcs from what was owed to where it arrived.

    Where a lane has room each landing is a mark, by its kind; where it has not, the number of landings in a day,
    week, month ... is drawn as the thickness of the lane. Promotions are vertical arrows, with the release's version
    where there is room. An arc leads from the landing of a change to its arrival on the branch it was owed to; a
    change that never arrived ends at a mark on the lane where it is absent. Freeze windows shade the lane of the
    branch that was blocked.

    Parameters
    ----------
    audit : Audit or DataFrame
        An audit, or a table like `Audit.landings`.
    obligations, promotions, overwrites, windows : DataFrame, optional
        Tables like those of `Audit`, instead of the audit's own; with a table of landings, nothing else is drawn but
        these.
    branches : sequence of str, optional
        The lanes, the uppermost first; all branches if not given.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    figsize : tuple of float, optional
        The size of a new figure, in inches.
    **kwargs
        For the marks of the landings: keywords of `matplotlib.axes.Axes.scatter`.

    Returns
    -------
    Axes
        With time in UTC on the horizontal axis.

    Raises
    ------
    InputError
        A table lacks a column, or a branch is not in it.
    """
    landed = table(audit, "landings", _LANDINGS)
    owed = optional(audit, obligations, "obligations", _OBLIGATIONS)
    promoted = optional(audit, promotions, "promotions", _PROMOTIONS)
    dropped = optional(audit, overwrites, "overwrites", _OVERWRITES)
    frozen = optional(audit, windows, "windows", _WINDOWS)
    names = _names(audit, landed, branches)
    size = (12.0, min(24.0, max(3.6, 1.4 + (0.85 if len(names) <= 8 else 0.5) * len(names))))  # noqa: PLR2004  lanes
    times = days(landed["landed_at"])
    inside = np.isin(np.array(landed["branch"].astype(object)), names)
    ax = style.axes(ax, figsize, size=size, content=inside.any())
    if not inside.any():
        return style.empty(ax, "no landings on these branches")
    start = float(np.nanmin(times[inside]))
    end = max(float(np.nanmax(times[inside])), as_of(audit, times))
    heights = {name: float(-rank) for rank, name in enumerate(names)}
    lanes = _Lanes(ax, heights, _begun(landed, times, names, end), start, end)
    _ground(lanes)
    handles = _windows(lanes, frozen)
    handles += _landings(lanes, landed, times, kwargs)
    handles += _promotions(lanes, promoted)
    handles += _obligations(lanes, owed)
    handles += _overwrites(lanes, dropped)
    style.finish(ax, f"{many(int(inside.sum()), 'landing')} on {many(len(names), 'branch', 'branches')}", handles)
    _versions(lanes, promoted)
    return ax


def _names(audit: Audit | pd.DataFrame, landed: pd.DataFrame, wanted: Sequence[str] | None) -> list[str]:
    topology = getattr(audit, "topology", None)
    known = [branch.name for branch in topology.branches] if topology is not None else []
    known += [name for name in dict.fromkeys(texts(landed["branch"])) if name is not None and name not in known]
    if wanted is None:
        return known
    for name in wanted:
        if name not in known:
            raise InputError(f"there is no branch {name!r} in the audit{nearest(name, known)}")
    return list(dict.fromkeys(wanted))


def _begun(landed: pd.DataFrame, times: NDArray[np.float64], names: Sequence[str], end: float) -> dict[str, float]:
    """When each branch had its first landing; the end where it has none."""
    begun = dict.fromkeys(names, end)
    for name, time in zip(texts(landed["branch"]), times, strict=True):
        if name in begun and time < begun[name]:
            begun[name] = float(time)
    return begun


def _ground(lanes: _Lanes) -> None:
    ax = lanes.ax
    style.time_axis(ax, lanes.start, lanes.end)
    heights = list(lanes.heights.values())
    ax.set_ylim(heights[-1] - 0.6, 0.6)
    ax.set_yticks(heights, labels=[style.label(name) for name in lanes.heights])
    ax.set_ylabel("branch")
    ax.tick_params(axis="y", length=0)
    style.frameless(ax, "bottom")
    starts, stop = list(lanes.begun.values()), ax.get_xlim()[1]
    ax.hlines(heights, starts, stop, color=style.GREY, linewidth=0.8, alpha=0.7, zorder=1)
    ax.hlines(heights, ax.get_xlim()[0], stop, color=style.GREY, linewidth=0.5, alpha=0.25, zorder=1)


# -- landings --------------------------------------------------------------------------------------------------------


def _landings(lanes: _Lanes, landed: pd.DataFrame, times: NDArray[np.float64], kwargs: dict[str, Any]) -> list[Artist]:
    room = style.points(lanes.ax)[0]
    branches, kinds = np.array(texts(landed["branch"]), dtype=object), np.array(texts(landed["kind"]), dtype=object)
    sparse: list[str] = []
    dense: list[str] = []
    for name in lanes.heights:
        of_lane = (branches == name) & ~np.isnan(times)
        (dense if int(of_lane.sum()) * _ROOM > room else sparse).append(name)
    handles: list[Artist] = []
    drawn = np.isin(branches, sparse) & ~np.isnan(times)
    for kind in [*_MARKS, *sorted({*kinds[drawn]} - {*_MARKS, None})]:
        chosen = drawn & (kinds == kind)
        if not chosen.any():
            continue
        line: dict[str, Any] = {"s": 60, "linewidths": 1.6} if kind == "direct" else {"s": 34, "linewidths": 0.8}
        look: dict[str, Any] = {**line, "color": style.GREY, "zorder": 3, **kwargs}
        heights = [lanes.heights[name] for name in branches[chosen]]
        marks = lanes.ax.scatter(times[chosen], heights, marker=_MARKS.get(kind, "h"), **look)
        colour: Any = marks.get_facecolor()
        handles.append(
            Line2D([], [], marker=_MARKS.get(kind, "h"), linestyle="", color=colour[0], label=style.label(kind))
        )
    if dense:
        handles.append(_thickness(lanes, branches, times, dense, room))
    return handles


def _thickness(
    lanes: _Lanes, branches: NDArray[Any], times: NDArray[np.float64], names: Sequence[str], room: float
) -> Artist:
    """Draw the number of landings as the thickness of the lane."""
    span = max(lanes.end - lanes.start, 1.0)
    step, unit = next((pair for pair in _BINS if span / pair[0] * _BAR <= room), _BINS[-1])
    edges = lanes.start + np.arange(int(np.ceil(span / step)) + 1) * step
    counts = {}
    for name in names:
        counts[name], _ = np.histogram(times[(branches == name) & ~np.isnan(times)], bins=edges)
    most = max(int(each.max()) for each in counts.values())
    bars = []
    for name, each in counts.items():
        height = lanes.heights[name]
        for left, count in zip(edges, each, strict=False):
            if count:
                half = _HEIGHT * count / most
                right = min(left + step * 0.9, lanes.end)
                bars.append(
                    [(left, height - half), (left, height + half), (right, height + half), (right, height - half)]
                )
    lanes.ax.add_collection(PolyCollection(bars, facecolors=style.GREY, alpha=0.55, linewidths=0, zorder=2))
    return Patch(color=style.GREY, alpha=0.55, label=f"landings in a {unit}\n(thickest: {most:,})")


def _mark(ax: Axes, places: Sequence[_Point], **look: Any) -> None:
    x, y = zip(*places, strict=True)
    ax.scatter(x, y, **look)


# -- promotions ------------------------------------------------------------------------------------------------------


def _promotions(lanes: _Lanes, promoted: pd.DataFrame) -> list[Artist]:
    lines: list[list[_Point]] = []
    heads: dict[int, list[_Point]] = {1: [], -1: []}
    for at, branch, source in zip(
        days(promoted["at"]), texts(promoted["branch"]), texts(promoted["source"]), strict=True
    ):
        high, low = lanes.of(source), lanes.of(branch)
        if low is None or np.isnan(at) or high is None or high == low:
            continue
        side = 1 if high > low else -1
        lines.append([(at, high), (at, low + side * 0.12)])
        heads[side].append((at, low + side * 0.12))
    if not lines:
        return []
    alpha = float(np.clip(60 / len(lines), 0.25, 0.9))
    lanes.ax.add_collection(LineCollection(lines, colors=style.BLUE, linewidths=1.1, alpha=alpha, zorder=2.5))
    for side, marker in ((1, "v"), (-1, "^")):
        if heads[side]:
            _mark(lanes.ax, heads[side], marker=marker, s=16, color=style.BLUE, alpha=alpha, zorder=2.6)
    return [Line2D([], [], color=style.BLUE, marker="v", markersize=4, label="promotion")]


def _versions(lanes: _Lanes, promoted: pd.DataFrame) -> None:
    """Write the versions of releases below their lanes, as many as have room."""
    named = [
        (at, branch, version)
        for at, branch, version, release in zip(
            days(promoted["at"]),
            texts(promoted["branch"]),
            texts(promoted["version"]),
            promoted["release"].fillna(value=False).astype(bool),
            strict=True,
        )
        if release and version is not None and branch in lanes.heights and not np.isnan(at)
    ]
    if not named:
        return
    ax = lanes.ax
    left, right = ax.get_xlim()
    scale = style.points(ax)[0] / (right - left)
    size = style.SMALL - 1
    free: dict[str | None, float] = {}
    # The newest first: it is what is asked for.
    for at, branch, version in sorted(named, key=lambda row: (-row[0], row[1] or "")):
        assert branch is not None  # noqa: S101  chosen above
        if (at - left) * scale > free.get(branch, np.inf):
            continue  # measuring a text takes far longer than this
        text = style.label(version, 16)
        half = style.width(text, size) / 2 + 3
        middle = min(max((at - left) * scale, half), (right - left) * scale - half)
        if middle + half > free.get(branch, np.inf):
            continue
        free[branch] = middle - half
        ax.text(
            left + middle / scale, lanes.heights[branch] - 0.44, text, fontsize=size, ha="center",
            va="center", zorder=5,
            bbox={"boxstyle": "square,pad=0.1", "facecolor": ax.get_facecolor(), "alpha": 0.7, "linewidth": 0},
        )  # fmt: skip


# -- obligations -----------------------------------------------------------------------------------------------------


def _obligations(lanes: _Lanes, owed: pd.DataFrame) -> list[Artist]:
    rows = list(
        zip(
            texts(owed["verdict"]),
            texts(owed["landed_on"]),
            texts(owed["owed_to"]),
            days(owed["landed_at"]),
            days(owed["arrived_at"]),
            strict=True,
        )
    )
    handles: list[Artist] = []
    for rank, (verdict, colour) in enumerate(reversed(style.VERDICT_COLOURS.items())):
        paths: list[Path] = []
        ends: list[_Point] = []
        absent: list[tuple[_Point, _Point]] = []
        for of, landed_on, owed_to, landed_at, arrived_at in rows:
            high, low = lanes.of(landed_on), lanes.of(owed_to)
            if of != verdict or high is None or low is None or np.isnan(landed_at):
                continue
            if verdict in _ARRIVED and not np.isnan(arrived_at):
                paths.append(_arc(landed_at, high, arrived_at, low))
                ends.append((arrived_at, low))
            else:
                # What is no longer owed shows where it was heading; what is absent ends where it is absent, which is
                # not before the branch began.
                foot = (landed_at, high + 0.3 * float(np.sign(low - high)))
                if verdict in _OPEN:
                    foot = (max(landed_at, lanes.begun[str(owed_to)]), low)
                absent.append(((landed_at, high), foot))
        handles += _arcs(lanes, verdict, colour, rank, paths, ends, absent)
    handles.reverse()
    return handles


def _arc(start: float, high: float, end: float, low: float) -> Path:
    middle = (start + end) / 2
    return Path(
        [(start, high), (middle, high), (middle, low), (end, low)], [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    )


def _arcs(
    lanes: _Lanes,
    verdict: str,
    colour: str,
    rank: int,
    paths: list[Path],
    ends: list[_Point],
    absent: list[tuple[_Point, _Point]],
) -> list[Artist]:
    count = len(paths) + len(absent)
    if not count:
        return []
    ax = lanes.ax
    urgent = verdict in _OPEN
    alpha = float(np.clip((150 if urgent else 60) / count, 0.12 if urgent else 0.06, 0.85))
    order = 3.2 + rank / 10
    if paths:
        arcs = PathCollection(
            paths, facecolors="none", edgecolors=colour, linewidths=1.3, alpha=alpha, zorder=order,
            transform=ax.transData,
        )  # fmt: skip
        arcs.set_offset_transform(IdentityTransform())
        ax.add_collection(arcs, autolim=False)
    if absent:
        ax.add_collection(
            LineCollection(
                absent, colors=colour, linewidths=1.0, linestyles=(0, (3, 2)), alpha=alpha * 0.8, zorder=order
            )
        )
    marker = {"lost": "X", "missed": "x", "partial": "d"}.get(verdict, "")
    if urgent:
        places = [*ends, *(foot for _, foot in absent)]
        edge: dict[str, Any] = {"edgecolors": style.GREY, "linewidths": 0.6} if marker != "x" else {"linewidths": 1.5}
        size = 42 if count < _FEW else 20
        _mark(ax, places, marker=marker, s=size, color=colour, zorder=order + 1, alpha=max(alpha, 0.45), **edge)
    text = f"{verdict} ({count:,})"
    return [
        Line2D(
            [], [], color=colour, linewidth=1.6, marker=marker or None, markersize=6, linestyle="--" if absent else "-",
            label=text,
        )
    ]  # fmt: skip


# -- losses and windows ----------------------------------------------------------------------------------------------


def _overwrites(lanes: _Lanes, dropped: pd.DataFrame) -> list[Artist]:
    at: dict[tuple[float, float, bool], int] = {}
    for branch, landed_at, state in zip(
        texts(dropped["branch"]), days(dropped["landed_at"]), texts(dropped["state"]), strict=True
    ):
        height = lanes.of(branch)
        if height is not None and not np.isnan(landed_at):
            key = (landed_at, height, state == "open")
            at[key] = at.get(key, 0) + 1
    handles: list[Artist] = []
    for is_open, word in ((True, "open"), (False, "restored or accepted")):
        places = [(x, y + 0.2) for x, y, flag in at if flag is is_open]
        if not places:
            continue
        face = style.RED if is_open else "none"
        alpha = 0.9 if len(places) < _FEW else 0.5
        _mark(
            lanes.ax, places, marker="v", s=26, linewidths=0.9, zorder=5, alpha=alpha, facecolors=face,
            edgecolors=style.RED,
        )  # fmt: skip
        handles.append(
            Line2D(
                [], [], linestyle="", marker="v", markersize=5.5, markeredgecolor=style.RED,
                markerfacecolor=face, label=f"landing that overwrites,\n{word} ({len(places):,})",
            )
        )  # fmt: skip
    return handles


def _windows(lanes: _Lanes, frozen: pd.DataFrame) -> list[Artist]:
    spans: dict[float, list[tuple[float, float]]] = {}
    for branch, opened, closed in zip(
        texts(frozen["branch"]), days(frozen["opened_at"]), days(frozen["closed_at"]), strict=True
    ):
        height = lanes.of(branch)
        if height is not None and not np.isnan(opened):
            spans.setdefault(height, []).append((opened, lanes.end if np.isnan(closed) else closed))
    least = 2.5 / style.points(lanes.ax)[0] * (lanes.end - lanes.start)
    boxes = [
        [(left, height - 0.36), (left, height + 0.36), (right, height + 0.36), (right, height - 0.36)]
        for height, found in spans.items()
        for left, right in _united((left, max(right, left + least)) for left, right in found)
    ]
    if not boxes:
        return []
    lanes.ax.add_collection(PolyCollection(boxes, facecolors=style.SKY, alpha=0.28, linewidths=0, zorder=0.5))
    return [Patch(color=style.SKY, alpha=0.28, label="freeze window")]


def _united(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Spans of time without overlaps."""
    found: list[tuple[float, float]] = []
    for left, right in sorted(spans):
        if found and left <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], right))
        else:
            found.append((left, right))
    return found


__all__ = ["timeline"]
