"""How long retrofits take: as a survival curve, and over time. What has not arrived yet counts as such."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from branchsim.errors import InputError
from branchsim.formatting import duration, many
from branchsim.plot import style
from branchsim.plot.tables import as_of, days, moment, table, texts

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from branchsim.audit.audit import Audit

_COLUMNS = ("verdict", "landed_at", "arrived_at")
_ARRIVED = ("retrofitted", "late")
_WAITING = ("missed", "partial", "lost")
_MOST_GROUPS = 7
_LEVEL = 0.95
_HALF = 0.5


@dataclass(frozen=True, slots=True)
class _Waits:
    """For each obligation how long it waited.

    Attributes
    ----------
    landed : array of float
        When the change landed, in days as matplotlib counts them.
    lasted : array of float
        Days until it arrived, or until the end if it has not; not counted before the branch it is owed to began.
    arrived : array of bool
        Whether it has.
    verdicts, groups : list
        Of each.
    left_out : int
        Obligations that nothing can be said of: withdrawn, waived or superseded.
    """

    landed: NDArray[np.float64]
    lasted: NDArray[np.float64]
    arrived: NDArray[np.bool_]
    verdicts: list[str]
    groups: list[str]
    left_out: int


def _waits(audit: Audit | pd.DataFrame, by: str | None) -> _Waits:
    rows = table(audit, "obligations", _COLUMNS if by is None else (*_COLUMNS, by))
    landed, arrived_at = days(rows["landed_at"]), days(rows["arrived_at"])
    verdicts = np.array(texts(rows["verdict"]), dtype=object)
    groups = [name or "none" for name in texts(rows[by])] if by is not None else [""] * len(rows)
    end = as_of(audit, landed, arrived_at)
    arrived = np.isin(verdicts, _ARRIVED) & ~np.isnan(arrived_at)
    kept = (arrived | np.isin(verdicts, _WAITING)) & ~np.isnan(landed)
    # What was on the other branch before it landed here (a fix that was made there first) did not wait at all.
    lasted = np.maximum(np.where(arrived, arrived_at, end) - np.maximum(landed, _begun(audit, rows)), 0.0)
    return _Waits(
        landed=landed[kept],
        lasted=lasted[kept],
        arrived=arrived[kept],
        verdicts=[str(verdict) for verdict in verdicts[kept]],
        groups=[group for group, keep in zip(groups, kept, strict=True) if keep],
        left_out=int((~kept).sum()),
    )


def _begun(audit: Audit | pd.DataFrame, rows: pd.DataFrame) -> NDArray[np.float64]:
    """When the branch that each obligation is owed to began; long ago where only a table is given."""
    history = getattr(audit, "history", None)
    if history is None:
        return np.full(len(rows), -np.inf)
    first = {name: moment(landings[0].at) for name, landings in history.landings.items() if landings}
    return np.array([first.get(name or "", -np.inf) for name in texts(rows["owed_to"])], dtype=np.float64)


def retrofit_latency(
    audit: Audit | pd.DataFrame,
    *,
    by: str | None = None,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
    **kwargs: Any,
) -> Axes:
    """Draw how long changes wait for their retrofit: the share that has not arrived after so many days.

    The curve is the estimate of Kaplan and Meier, its shade the 95 % confidence interval (log-log). A change that is
    missed, partial or lost has not arrived until the end of the audit: it is censored there, which a tick on the curve
    shows. Reverted, superseded and waived obligations are left out. What lands before the branch it is owed to exists
    waits from the beginning of that branch; a table alone does not say when that was.

    Parameters
    ----------
    audit : Audit or DataFrame
        An audit, or a table like `Audit.obligations`. Of a table the newest time in it is the end.
    by : str, optional
        A column: a curve for each of its values, seven at most, ``family`` or ``owed_to`` for example.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    figsize : tuple of float, optional
        The size of a new figure, in inches.
    **kwargs
        For the curves: keywords of `matplotlib.axes.Axes.step`.

    Returns
    -------
    Axes
        Days on the horizontal axis, with a scale that is linear up to an hour and logarithmic from there; share in
        percent on the vertical one.

    Raises
    ------
    InputError
        The table lacks a column, or there are more than seven groups.
    """
    waits = _waits(audit, by)
    ax = style.axes(ax, figsize, size=(8.0, 4.6), content=len(waits.lasted))
    if not len(waits.lasted):
        return style.empty(ax, "no obligations that arrived or wait")
    names = sorted(set(waits.groups), key=lambda name: (-waits.groups.count(name), name))
    if len(names) > _MOST_GROUPS:
        raise InputError(
            f"the column {by!r} has {len(names)} values, more than {_MOST_GROUPS} curves cannot be told apart; "
            "choose some rows first"
        )
    longest = max(float(waits.lasted.max()) * 1.1, 1.0)
    handles: list[Artist] = []
    for rank, name in enumerate(names):
        chosen = np.array([group == name for group in waits.groups])
        lasted, arrived = waits.lasted[chosen], waits.arrived[chosen]
        look: dict[str, Any] = {"color": style.CYCLE[rank], "linewidth": 1.8} | kwargs
        middle = _curve(ax, lasted, arrived, look)
        said = f"{style.label(name, 22)}\n" if by is not None else ""
        handles.append(
            Line2D(
                [], [], color=look["color"], linewidth=1.8, label=f"{said}{many(len(lasted), 'obligation')},\n{middle}"
            )
        )
    handles.append(Patch(color=style.GREY, alpha=0.2, label="95 % confidence interval"))
    if not waits.arrived.all():
        waiting = int((~waits.arrived).sum())
        handles.append(
            Line2D(
                [], [], linestyle="", marker="|", markersize=8, color=style.GREY, label=f"not arrived yet ({waiting:,})"
            )
        )
    style.span_axis(ax, "x", longest)
    ax.set(xlim=(0, longest), ylim=(0, 1.02))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xlabel("days since the change landed (log scale from 1 h)")
    ax.set_ylabel("not retrofitted yet (% of obligations)")
    ax.axhline(_HALF, color=style.GREY, linewidth=0.8, linestyle=":")
    style.frameless(ax, "left", "bottom")
    heading = f"by {style.label(by)}" if by is not None else None
    style.finish(ax, "How long changes wait for their retrofit", handles, heading=heading)
    return ax


def typical_wait(audit: Audit | pd.DataFrame) -> float | None:
    """After how many days half of what was owed had arrived; the figure that `retrofit_latency` writes in its legend.

    Parameters
    ----------
    audit : Audit or DataFrame
        An audit, or a table like `Audit.obligations`.

    Returns
    -------
    float or None
        The median of the estimate of Kaplan and Meier, in days; None where half have not arrived, or nothing is owed.

    Raises
    ------
    InputError
        The table lacks a column.
    """
    waits = _waits(audit, None)
    return _median(_survival(waits.lasted, waits.arrived)) if len(waits.lasted) else None


def _survival(lasted: NDArray[np.float64], arrived: NDArray[np.bool_]) -> Any:
    """The estimate of Kaplan and Meier."""
    from scipy import stats

    return stats.ecdf(stats.CensoredData(uncensored=lasted[arrived], right=lasted[~arrived])).sf


def _median(survival: Any) -> float | None:
    half = survival.quantiles[survival.probabilities <= _HALF]
    return float(half[0]) if half.size else None


def _curve(ax: Axes, lasted: NDArray[np.float64], arrived: NDArray[np.bool_], look: dict[str, Any]) -> str:
    """Draw one survival curve; when half had arrived, in words."""
    survival = _survival(lasted, arrived)
    interval = None
    if arrived.any():
        with warnings.catch_warnings():
            # Where all or none have arrived the interval is not defined; it is not drawn there.
            warnings.filterwarnings("ignore", "The confidence interval is undefined", RuntimeWarning)
            interval = survival.confidence_interval(_LEVEL, method="log-log")
    at, share = survival.quantiles, survival.probabilities
    # Before the first time nothing has arrived; after the last one nothing is known.
    x = np.concatenate([[0.0], at])
    y = np.concatenate([[1.0], share])
    ax.step(x, y, where="post", **look)
    if interval is not None:
        low, high = (
            np.concatenate([[1.0], np.where(share == 1.0, 1.0, each.probabilities)])
            for each in (interval.low, interval.high)
        )
        ax.fill_between(x, low, high, step="post", color=look["color"], alpha=0.2, linewidth=0)
    censored = np.sort(lasted[~arrived])
    if censored.size:
        heights = y[np.searchsorted(x, censored, side="right") - 1]
        ax.plot(censored, heights, linestyle="", marker="|", markersize=8, color=look["color"], markeredgewidth=1.0)
    half = _median(survival)
    if half is None:
        return "half have not arrived"
    return f"half arrived within {duration(half * 24)}" if half > 0 else "half were there at once"


def latency_over_time(
    audit: Audit | pd.DataFrame,
    *,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
    **kwargs: Any,
) -> Axes:
    """Draw how long each change waited for its retrofit, over the time at which it landed.

    Parameters
    ----------
    audit : Audit or DataFrame
        An audit, or a table like `Audit.obligations`. Of a table the newest time in it is the end.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    figsize : tuple of float, optional
        The size of a new figure, in inches.
    **kwargs
        For the marks of those that arrived: keywords of `matplotlib.axes.Axes.scatter`.

    Returns
    -------
    Axes
        Time in UTC on the horizontal axis, days on the vertical one. What has not arrived stands, as a triangle that
        points up, at the time it has waited so far.

    Raises
    ------
    InputError
        The table lacks a column.
    """
    waits = _waits(audit, None)
    ax = style.axes(ax, figsize, size=(9.5, 4.6), content=len(waits.lasted))
    if not len(waits.lasted):
        return style.empty(ax, "no obligations that arrived or wait")
    style.time_axis(ax, float(waits.landed.min()), float(waits.landed.max()))
    handles: list[Artist] = []
    verdicts = np.array(waits.verdicts, dtype=object)
    for rank, (verdict, colour) in enumerate(reversed(style.VERDICT_COLOURS.items())):
        chosen = verdicts == verdict
        count = int(chosen.sum())
        if not count:
            continue
        waiting = verdict in _WAITING
        look: dict[str, Any] = {"s": 26 if count < 300 else 12, "linewidths": 0.5, "edgecolors": style.GREY}  # noqa: PLR2004
        if waiting:
            look |= {"facecolors": "none", "edgecolors": colour, "linewidths": 1.4, "marker": "^"}
        else:
            look |= {"facecolors": colour, "alpha": float(np.clip(150 / count, 0.25, 0.9))} | kwargs
        ax.scatter(waits.landed[chosen], waits.lasted[chosen], zorder=3 + rank / 10, clip_on=False, **look)
        name = f"{verdict}, so far" if waiting else verdict
        handles.append(
            Line2D(
                [], [], linestyle="", marker="^" if waiting else "o", markersize=6, markeredgecolor=colour,
                markerfacecolor="none" if waiting else colour, label=f"{name} ({count:,})",
            )
        )  # fmt: skip
    longest = max(float(waits.lasted.max()) * 1.15, 1.0)
    style.span_axis(ax, "y", longest)
    ax.set_ylim(0, longest)
    ax.set_ylabel("days until the retrofit (log scale from 1 h)")
    ax.set_xlabel("time of landing (UTC)")
    ax.grid(axis="y", color=style.GREY, alpha=0.25, linewidth=0.6)
    style.frameless(ax, "left", "bottom")
    style.finish(ax, "Retrofit latency over time", handles[::-1])
    return ax


__all__ = ["latency_over_time", "retrofit_latency", "typical_wait"]
