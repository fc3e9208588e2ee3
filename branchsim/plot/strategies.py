"""Strategies side by side: what each costs, with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from branchsim.errors import InputError, nearest
from branchsim.plot import style
from branchsim.plot.tables import numbers, table, texts

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from branchsim.plot.tables import Experiment

_COLUMNS = ("strategy", "measure", "mean", "low", "high", "runs")


def strategies(
    experiment: Experiment | pd.DataFrame,
    measure: str = "overwrites",
    *,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
    **kwargs: Any,
) -> Axes:
    """Draw what each strategy costs, side by side, with its interval.

    Parameters
    ----------
    experiment : Experiment or DataFrame
        An experiment, or a table like `Experiment.summary`.
    measure : str
        Which measure: a value of the column ``measure``.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    figsize : tuple of float, optional
        The size of a new figure, in inches.
    **kwargs
        For the bars: keywords of `matplotlib.axes.Axes.barh`.

    Returns
    -------
    Axes
        The mean of a run on the horizontal axis, with its interval as a line; strategies on the vertical one, in the
        order of the table.

    Raises
    ------
    InputError
        The table lacks a column, or does not hold the measure.
    """
    every = table(experiment, "summary", _COLUMNS, of="an experiment")
    known = list(dict.fromkeys(name for name in texts(every["measure"]) if name is not None))
    if known and measure not in known:
        raise InputError(f"unknown measure {measure!r}{nearest(str(measure), known)}; they are {', '.join(known)}")
    rows = every[every["measure"] == measure]
    ax = style.axes(ax, figsize, size=(7.5, 1.6 + 0.45 * max(2, len(rows))), content=len(rows))
    if not len(rows):
        return style.empty(ax, "no strategy was measured")
    names = [style.label(name or "", 30) for name in texts(rows["strategy"])]
    mean, low, high = (numbers(rows[name]) for name in ("mean", "low", "high"))
    top = float(np.nanmax([*mean, *high]))
    for place, name in enumerate(names):
        look: dict[str, Any] = {
            "color": style.CYCLE[place % len(style.CYCLE)],
            "hatch": style.HATCHES[place % len(style.HATCHES)],
            "edgecolor": ax.get_facecolor(),
            "linewidth": 0.6,
            "height": 0.66,
        } | kwargs
        ax.barh(place, mean[place], label=name, **look)
        said = f"{mean[place]:,.2f}"
        end = mean[place]
        if not np.isnan(low[place]):
            reach = [[mean[place] - low[place]], [high[place] - mean[place]]]
            ink = ax.xaxis.label.get_color()
            ax.errorbar(mean[place], place, xerr=reach, color=ink, capsize=4, linewidth=1.6, capthick=1.6)
            said += f"  ({low[place]:,.2f} to {high[place]:,.2f})"
            end = high[place]
        ax.annotate(said, (end, place), (6, 0), textcoords="offset points", va="center", fontsize=style.SMALL)
    ax.set_yticks(range(len(names)), labels=names)
    ax.set_ylim(max(2, len(names)) - 0.4, -0.6)
    # Room for the numbers behind the longest bar.
    ax.set_xlim(0, max(top * 1.45, 1e-9) if top else 1.0)
    shown = style.label(measure.replace("_", " ")) + ("" if measure.endswith("_hours") else " (number)")
    counts = sorted({int(each) for each in numbers(rows["runs"])})
    over = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    ax.set_xlabel(f"{shown}, mean of {over} runs with confidence interval")
    ax.set_ylabel("strategy")
    ax.tick_params(axis="y", length=0)
    style.frameless(ax, "bottom")
    style.finish(ax, f"Strategies side by side: {style.label(measure.replace('_', ' '))}", ())
    return ax


__all__ = ["strategies"]
