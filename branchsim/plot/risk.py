"""How likely a fix comes to harm, by how long its retrofit was to take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from branchsim.errors import InputError
from branchsim.formatting import many
from branchsim.plot import style
from branchsim.plot.tables import numbers, table, texts

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from branchsim.plot.tables import Experiment

_COLUMNS = ("strategy", "risk", "delay_hours", "fixes", "share", "low", "high")
_TITLES = {
    "lost": "Risk that a fix is overwritten somewhere",
    "lost_from_production": "Risk that a fix vanishes from production",
    "missed": "Risk that a promotion passes a retrofit",
}
_MARKS = "osD^vPX"
_NEVER = 3.0
_DAY = 24.0


def risk_by_delay(
    experiment: Experiment | pd.DataFrame,
    *,
    risk: str = "lost",
    bins: int = 8,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
    **kwargs: Any,
) -> Axes:
    """Draw the risk that a fix comes to harm against the delay of its retrofit, with its interval.

    Parameters
    ----------
    experiment : Experiment or DataFrame
        An experiment, or a table like `Experiment.risk_by_delay`, of one risk. Tables of several experiments may be put
        together, for example of one for each delay.
    risk : {"lost", "lost_from_production", "missed"}
        Which harm. Of a table it is the one it holds.
    bins : int
        Into how many parts the delays are divided. A table is divided already.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    figsize : tuple of float, optional
        The size of a new figure, in inches.
    **kwargs
        For the curves: keywords of `matplotlib.axes.Axes.plot`.

    Returns
    -------
    Axes
        The median delay of each bin in days on the horizontal axis, with a scale that is linear up to an hour and
        logarithmic from there; risk in percent on the vertical one, with its interval as a shade. Fixes that nobody
        meant to bring back stand apart, at ``never``, with theirs as a bar.

    Raises
    ------
    InputError
        The table lacks a column or holds several risks, or there are more than seven strategies.
    """
    asked = getattr(experiment, "risk_by_delay", None)
    found = asked(risk, bins=bins) if callable(asked) else experiment
    rows = table(found, "risk_by_delay", _COLUMNS, of="an experiment")
    risks = sorted({name for name in texts(rows["risk"]) if name is not None})
    if len(risks) > 1:
        raise InputError(f"the table holds several risks ({', '.join(risks)}); choose the rows of one")
    ax = style.axes(ax, figsize, size=(8.0, 4.6), content=risks)
    if not risks:
        return style.empty(ax, "no fix was owed to another branch")
    strategies = texts(rows["strategy"])
    names = list(dict.fromkeys(strategies))
    if len(names) > len(_MARKS):
        raise InputError(f"{len(names)} strategies are more curves than can be told apart; choose {len(_MARKS)}")
    delays, share, low, high = (numbers(rows[name]) for name in ("delay_hours", "share", "low", "high"))
    delays = delays / _DAY
    counts = numbers(rows["fixes"])
    ever = ~np.isnan(delays)
    longest = max(float(delays[ever].max(initial=0.0)), 1 / _DAY)
    handles: list[Artist] = []
    for rank, name in enumerate(names):
        own = np.array([each == name for each in strategies])
        look: dict[str, Any] = {"color": style.CYCLE[rank], "linewidth": 1.8, "marker": _MARKS[rank], "markersize": 5}
        look |= kwargs
        line = np.flatnonzero(own & ever)[np.argsort(delays[own & ever], kind="stable")]
        ax.plot(delays[line], share[line], clip_on=False, zorder=3, **look)
        known = line[~np.isnan(low[line])]
        ax.fill_between(delays[known], low[known], high[known], color=look["color"], alpha=0.2, linewidth=0)
        if (own & ~ever).any():
            _bars(ax, own & ~ever, rank - (len(names) - 1) / 2, longest, (share, low, high), look)
        if len(known) == 1:
            # A shade of one point has no width.
            ax.vlines(delays[known], low[known], high[known], color=look["color"], linewidth=1.2)
        handles.append(
            Line2D([], [], label=f"{style.label(name, 22)}\n({many(int(counts[own].sum()), 'fix', 'fixes')})", **look)
        )
    if not np.isnan(low).all():
        handles.append(Patch(color=style.GREY, alpha=0.2, label="confidence interval"))
    _axes(ax, longest, never=bool((~ever).any()), top=float(np.nanmax([*share, *high])))
    style.finish(ax, _TITLES.get(risks[0], f"Risk: {style.label(risks[0])}"), handles, heading="strategy")
    return ax


def _bars(
    ax: Axes, chosen: Any, shift: float, longest: float, values: tuple[Any, Any, Any], look: dict[str, Any]
) -> None:
    """What nobody meant to bring back: a mark with its interval, beyond the longest delay."""
    at = longest * _NEVER * 1.12**shift
    share, low, high = values
    for place in np.flatnonzero(chosen):
        if not np.isnan(low[place]):
            ax.vlines(at, low[place], high[place], color=look["color"], linewidth=1.2, alpha=0.6)
        ax.plot(at, share[place], clip_on=False, zorder=3, **(look | {"linestyle": ""}))


def _axes(ax: Axes, longest: float, *, never: bool, top: float) -> None:
    style.span_axis(ax, "x", longest)
    if never:
        ticks, names = style.span_ticks(longest)
        ax.xaxis.set_ticks([*ticks, longest * _NEVER], labels=[*names, "never"])
        ax.axvline(longest * _NEVER**0.5, color=style.GREY, linewidth=0.8, linestyle=":")
    ax.set(xlim=(0, longest * (_NEVER * 1.6 if never else 1.15)), ylim=(0, min(1.02, max(top * 1.12, 0.01))))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xlabel("planned days until the retrofit (log scale from 1 h)")
    ax.set_ylabel("risk (% of fixes owed)")
    ax.grid(axis="y", color=style.GREY, alpha=0.25, linewidth=0.6)
    style.frameless(ax, "left", "bottom")


__all__ = ["risk_by_delay"]
