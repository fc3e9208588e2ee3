"""The forecast: what the coming promotions do, with the retrofit and without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from branchsim.errors import InputError
from branchsim.plot import style
from branchsim.plot.tables import table, texts

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

_COLUMNS = ("variant", "number", "source", "target", "outcome", "regions")
_VARIANTS: dict[str, str] = {
    "without-retrofit": style.RED,
    "with-retrofit": style.GREEN,
    "after-plan": style.BLUE,
    "unchanged": style.GREY,
}


def forecast(
    frame: pd.DataFrame, *, ax: Axes | None = None, figsize: tuple[float, float] | None = None, **kwargs: Any
) -> Axes:
    """Draw the conflicts of the coming promotions, with the retrofits of a plan and without them.

    Parameters
    ----------
    frame : DataFrame
        A table like ``simulation.forecast``: ``variant``, ``number``, ``source``, ``target``, ``outcome``, ``regions``
        and, if there are any, ``losses``.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    figsize : tuple of float, optional
        The size of a new figure, in inches.
    **kwargs
        For the bars: keywords of `matplotlib.axes.Axes.bar`.

    Returns
    -------
    Axes
        Promotions in their order on the horizontal axis, conflict regions on the vertical one. Above each bar stands
        its number, and what the promotion would lose; a promotion that is not reached has no bar.

    Raises
    ------
    InputError
        The table lacks a column.
    """
    rows = table(getattr(frame, "forecast", frame), "forecast", _COLUMNS)
    if not len(rows):
        return style.empty(style.axes(ax, figsize, size=(7.0, 4.2), content=()), "no promotion is expected")
    ways, cells = _cells(rows)
    known = [variant for variant in _VARIANTS if any(key[0] == variant for key in cells)]
    known += sorted({variant for variant, _ in cells} - {*_VARIANTS})
    ax = style.axes(ax, figsize, size=(min(16.0, 3.0 + len(ways) * max(1.5, 0.9 * len(known))), 4.4))
    wide = 0.8 / len(known)
    handles: list[Artist] = []
    top = max(regions for regions, _, _ in cells.values())
    for rank, variant in enumerate(known):
        colour = _VARIANTS.get(variant, style.CYCLE[rank % len(style.CYCLE)])
        hatch = style.HATCHES[rank % len(style.HATCHES)]
        look = {"color": colour, "hatch": hatch, "edgecolor": ax.get_facecolor(), "linewidth": 0.6} | kwargs
        at = [
            (place + (rank - (len(known) - 1) / 2) * wide, cells[variant, way])
            for place, way in enumerate(ways)
            if (variant, way) in cells
        ]
        ax.bar([x for x, _ in at], [cell[0] for _, cell in at], width=wide * 0.9, **look)
        for x, (regions, outcome, lost) in at:
            _write(ax, x, regions, outcome, lost)
        handles.append(
            Patch(
                facecolor=colour,
                hatch=hatch,
                edgecolor=ax.get_facecolor(),
                label=style.label(variant.replace("-", " ")),
            )
        )
    ax.set_xticks(range(len(ways)), labels=[_way(source, target) for _, source, target in ways])
    ax.set_xlim(-0.6, len(ways) - 0.4)
    ax.set_ylim(0, max(top * 1.3, 1.0))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    ax.set_ylabel("conflict regions (number)")
    ax.set_xlabel("promotion, in the order expected")
    ax.tick_params(axis="x", length=0)
    style.frameless(ax, "left", "bottom")
    style.finish(ax, "What the coming promotions would do", handles)
    return ax


_Way = tuple[int, str, str]


def _cells(rows: pd.DataFrame) -> tuple[list[_Way], dict[tuple[str, _Way], tuple[int, str, int]]]:
    """The promotions in order, and for each in each variant: conflict regions, outcome, losses."""
    losses = rows["losses"].fillna(0) if "losses" in rows.columns else np.zeros(len(rows))
    cells: dict[tuple[str, _Way], tuple[int, str, int]] = {}
    for variant, number, source, target, outcome, regions, lost in zip(
        texts(rows["variant"]),
        rows["number"],
        texts(rows["source"]),
        texts(rows["target"]),
        texts(rows["outcome"]),
        rows["regions"].fillna(0),
        losses,
        strict=True,
    ):
        try:
            key = str(variant), (int(number), str(source), str(target))
            cells[key] = int(regions), str(outcome), int(lost)
        except (TypeError, ValueError):
            raise InputError("the columns 'number', 'regions' and 'losses' of a forecast must hold numbers") from None
    return sorted({way for _, way in cells}), cells


def _way(source: str, target: str) -> str:
    return f"{style.label(source, 18)}\n→ {style.label(target, 18)}"


def _write(ax: Axes, x: float, regions: int, outcome: str, lost: int) -> None:
    """What there is to say above a bar."""
    if outcome == "blocked":
        text = "not\nreached"
    elif lost:
        text = f"{regions:,}\nloses {lost:,}"
    else:
        text = f"{regions:,}"
    ax.annotate(
        text, (x, regions), (0, 3), textcoords="offset points", ha="center", va="bottom", fontsize=style.SMALL,
        color=style.GREY if outcome == "blocked" else None,
    )  # fmt: skip


__all__ = ["forecast"]
