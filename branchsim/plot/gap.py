"""The divergence of layers over time: what waits to be released, and what is owed back."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from branchsim.errors import InputError
from branchsim.plot import style
from branchsim.plot.flows import OPEN
from branchsim.plot.tables import as_of, days, table, texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from branchsim.audit.audit import Audit

_FULFILLED = ("retrofitted", "late")
_TWO = 2


def divergence(
    audit: Audit, *, ax: Axes | None = None, figsize: tuple[float, float] | None = None, **kwargs: Any
) -> Axes:
    """Draw how far the layers are apart: above nought what waits to be promoted, below nought what is owed back.

    Above: the changes that had landed in a layer and that no promotion had yet carried to the next layer. Below: the
    changes that had landed in the further layer and had not arrived in the nearer one, to which they are owed. Where
    there are more than two layers each pair of neighbours has its own colour; without a second layer, pairs of
    branches along the promotions take their place. What was reverted, superseded or waived is not counted as owed.

    Parameters
    ----------
    audit : Audit
        An audit; its topology, changes, promotions and obligations.
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
    topology = getattr(audit, "topology", None)
    if topology is None:
        raise InputError(
            f"expected an audit, not {type(audit).__name__}: one table alone does not hold both directions"
        )
    changes = table(audit, "changes", ("change", "branch", "landed_at"))
    promotions = table(audit, "promotions", ("branch", "at", "changes"))
    owed = table(audit, "obligations", ("change", "landed_on", "owed_to", "landed_at", "arrived_at", "verdict"))
    ax = style.axes(ax, figsize, size=(11.0, 4.4))
    groups = _groups(topology)
    landed = days(changes["landed_at"])
    if len(groups) < 2 or not np.isfinite(landed).any():  # noqa: PLR2004  two sides
        return style.empty(ax, "there are no two layers that could differ")
    end = max(as_of(audit), float(np.nanmax(landed)))
    handles: list[Artist] = []
    lowest, highest = 0, 1
    for rank, ((near, near_branches), (far, far_branches)) in enumerate(pairwise(groups)):
        colour = style.CYCLE[rank % len(style.CYCLE)]
        forward = _waiting(changes, promotions, near_branches, far_branches)
        back = _owed(owed, near_branches, far_branches)
        for sign, spans, hatch in ((1, forward, ""), (-1, back, "///")):
            if not spans:
                continue
            x, y = _steps(spans, end)
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
    style.time_axis(ax, float(np.nanmin(landed)), end)
    room = (highest - lowest) * 0.06
    ax.set_ylim(lowest - room if lowest else 0, highest + room)
    ax.axhline(0, color=style.GREY, linewidth=1.0)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):,.0f}"))
    ax.set_ylabel("changes (number)")
    style.frameless(ax, "left", "bottom")
    style.finish(ax, "How far the layers are apart", handles)
    return ax


def _groups(topology: Any) -> list[tuple[str, frozenset[str]]]:
    """The layers with their branches; where there is one layer only, the branches along the promotions."""
    layers = [
        (layer, frozenset(branch.name for branch in topology.branches if branch.layer == layer))
        for layer in topology.layers
    ]
    return layers if len(layers) > 1 else [(name, frozenset({name})) for name in topology.promotion_chain()]


_Span = tuple[float, float]


def _waiting(changes: pd.DataFrame, promotions: pd.DataFrame, near: frozenset[str], far: frozenset[str]) -> list[_Span]:
    """For each change that landed in the nearer layer: from when, until a promotion carried it to the further one."""
    carried: dict[str, float] = {}
    for branch, at, held in zip(
        texts(promotions["branch"]), days(promotions["at"]), promotions["changes"], strict=True
    ):
        if branch in far and not np.isnan(at):
            for change in held:
                carried[change] = min(at, carried.get(change, np.inf))
    return [
        (at, carried.get(change, np.inf))
        for change, branch, at in zip(
            texts(changes["change"]), texts(changes["branch"]), days(changes["landed_at"]), strict=True
        )
        if branch in near and change is not None and not np.isnan(at)
    ]


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


def _steps(spans: Sequence[_Span], end: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How many spans are open at each time at which that changes."""
    starts = np.sort([start for start, _ in spans])
    ends = np.sort([stop for _, stop in spans if stop <= end])
    times = np.unique(np.concatenate([starts, ends, [end]]))
    counts = np.searchsorted(starts, times, side="right") - np.searchsorted(ends, times, side="right")
    return times, counts.astype(np.float64)


__all__ = ["divergence"]
