"""The divergence of layers over time: what waits to be released, and what is owed back."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from branchsim.audit.audit import Audit
from branchsim.errors import InputError
from branchsim.plot import style
from branchsim.plot.flows import OPEN
from branchsim.plot.tables import days, moment, texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from branchsim.topology import Topology

_FULFILLED = ("retrofitted", "late")
_TWO = 2


def divergence(
    audit: Audit, *, ax: Axes | None = None, figsize: tuple[float, float] | None = None, **kwargs: Any
) -> Axes:
    """Draw how far the layers are apart: above nought what waits to be promoted, below nought what is owed back.

    Above: the changes that had landed in a layer and were not yet part of the next one, by ancestry. Below: the
    changes that had landed in the further layer and had not arrived in the nearer one, to which they are owed. Where
    there are more than two layers each pair of neighbours has its own colour; without a second layer, pairs of
    branches along the promotions take their place. What was reverted, superseded or waived is not counted as owed.

    Parameters
    ----------
    audit : Audit
        An audit; tables alone do not say what has been promoted.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    figsize : tuple of float, optional
        The size of a new figure, in inches.
    **kwargs
        For the areas: keywords of `matplotlib.axes.Axes.fill_between`.

    Returns
    -------
    Axes
        Time in UTC on the horizontal axis, number of changes on the vertical one.

    Raises
    ------
    InputError
        It is no audit.
    """
    if not isinstance(audit, Audit):
        raise InputError(f"expected an audit, not {type(audit).__name__}: one table does not hold both directions")
    owed = audit.obligations
    groups = _groups(audit.topology)
    differ = len(groups) >= _TWO and len(audit.all_changes) > 0
    ax = style.axes(ax, figsize, size=(11.0, 4.4), content=differ)
    if not differ:
        return style.empty(ax, "there are no two layers that could differ")
    start = moment(max(_begun(audit, groups), audit.history.since or 0))
    end = moment(max(audit.as_of, audit.all_changes.all[-1].at))
    handles: list[Artist] = []
    lowest, highest = 0, 1
    for rank, ((near, near_branches), (far, far_branches)) in enumerate(pairwise(groups)):
        colour = style.CYCLE[rank % len(style.CYCLE)]
        forward = _waiting(audit, near_branches, far_branches)
        back = _owed(owed, near_branches, far_branches)
        for sign, spans, hatch in ((1, forward, ""), (-1, back, "///")):
            if not spans:
                continue
            x, y = _steps(spans, start, end)
            look: dict[str, Any] = {
                "color": colour if sign > 0 or len(groups) > _TWO else style.RED,
                "alpha": 0.45,
                "linewidth": 0.8,
            } | kwargs
            ax.fill_between(x, sign * y, step="post", hatch=hatch, **look)
            highest, lowest = (
                max(highest, int(y.max()) if sign > 0 else 0),
                min(lowest, -int(y.max()) if sign < 0 else 0),
            )
            before, after = style.label(near, 18), style.label(far, 18)
            said = f"on {before}, not yet on {after}" if sign > 0 else f"on {after}, owed to {before}"
            handles.append(
                Patch(
                    facecolor=look["color"], alpha=look["alpha"], hatch=hatch,
                    label=f"{said}\n(now {int(y[-1]):,}, at most {int(y.max()):,})",
                )
            )  # fmt: skip
    style.time_axis(ax, start, end)
    room = (highest - lowest) * 0.06
    ax.set_ylim(lowest - room if lowest else 0, highest + room)
    ax.axhline(0, color=style.GREY, linewidth=1.0)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):,.0f}"))
    ax.set_ylabel("changes (number)")
    style.frameless(ax, "left", "bottom")
    style.finish(ax, "How far the layers are apart", handles)
    return ax


def _begun(audit: Audit, groups: Sequence[tuple[str, frozenset[str]]]) -> int:
    """When there were two neighbours for the first time: before that nothing could differ."""
    first = [
        min((audit.history.landings[name][0].at for name in names if audit.history.landings[name]), default=audit.as_of)
        for _, names in groups
    ]
    return min(max(pair) for pair in pairwise(first))


def _groups(topology: Topology) -> list[tuple[str, frozenset[str]]]:
    """The layers with their branches; where there is one layer only, the branches along the promotions."""
    layers = [
        (layer, frozenset(branch.name for branch in topology.branches if branch.layer == layer))
        for layer in topology.layers
    ]
    return layers if len(layers) > 1 else [(name, frozenset({name})) for name in topology.promotion_chain()]


_Span = tuple[float, float]


def _waiting(audit: Audit, near: frozenset[str], far: frozenset[str]) -> list[_Span]:
    """For each change that landed in the nearer layer: from when, until it was part of the further one."""
    history = audit.history
    arrivals = [
        (history.arrivals[name], np.array([landing.at for landing in history.landings[name]], dtype=np.float64))
        for name in sorted(far)
        if history.landings[name]
    ]
    spans = []
    for change in audit.all_changes:
        if change.branch not in near:
            continue
        number = history.graph.number(change.id)
        at = [times[places[number]] for places, times in arrivals if places[number] >= 0]
        spans.append((moment(change.at), moment(min(at)) if at else np.inf))
    return [(start, end) for start, end in spans if end > start]


def _owed(owed: pd.DataFrame, near: frozenset[str], far: frozenset[str]) -> list[_Span]:
    """For each change that landed in the further layer: from when, until it had arrived wherever it was owed."""
    spans: dict[str, _Span] = {}
    for change, landed_on, owed_to, verdict, start, arrived in zip(
        texts(owed["change"]),
        texts(owed["landed_on"]),
        texts(owed["owed_to"]),
        texts(owed["verdict"]),
        days(owed["landed_at"]),
        days(owed["arrived_at"]),
        strict=True,
    ):
        if change is None or landed_on not in far or owed_to not in near or np.isnan(start):
            continue
        if verdict in OPEN:
            end = np.inf
        elif verdict in _FULFILLED and not np.isnan(arrived):
            end = max(arrived, start)
        else:
            continue
        first, last = spans.get(change, (start, end))
        spans[change] = min(first, start), max(last, end)
    return list(spans.values())


def _steps(spans: Sequence[_Span], start: float, end: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How many spans are open, at the start and at each later time at which that changes, until the end."""
    starts = np.sort([left for left, _ in spans])
    ends = np.sort([right for _, right in spans if right <= end])
    times = np.unique(np.clip(np.concatenate([starts, ends, [start, end]]), start, end))
    counts = np.searchsorted(starts, times, side="right") - np.searchsorted(ends, times, side="right")
    return times, counts.astype(np.float64)


__all__ = ["divergence"]
