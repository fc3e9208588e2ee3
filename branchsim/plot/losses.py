"""Overwrites: in which files, and by which cause."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from branchsim.formatting import many
from branchsim.plot import style
from branchsim.plot.tables import table, texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from branchsim.audit.audit import Audit

_CAUSES: dict[str, str] = {
    "merge-resolution": style.ORANGE,
    "evil-merge": style.RED,
    "blind-overwrite": style.PURPLE,
    "stale-commit": style.BLUE,
    "revert-propagated": style.SKY,
    "force-push": style.YELLOW,
    "superseded": style.SILVER,
}
_STATES: dict[str, str] = {"open": style.RED, "restored": style.GREEN, "accepted": style.SILVER}


def overwrites_by_file(
    audit: Audit | pd.DataFrame,
    *,
    most: int = 20,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
    **kwargs: Any,
) -> Axes:
    """Draw in which files changes were overwritten, as bars divided by cause.

    Parameters
    ----------
    audit : Audit or DataFrame
        An audit, or a table like `Audit.overwrites`.
    most : int
        How many files at most, those with the most overwrites first.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    figsize : tuple of float, optional
        The size of a new figure, in inches.
    **kwargs
        For the bars: keywords of `matplotlib.axes.Axes.barh`.

    Returns
    -------
    Axes
        Number of overwrites on the horizontal axis, files on the vertical one.

    Raises
    ------
    InputError
        The table lacks a column, or ``most`` is not positive.
    """
    style.check_most(most)
    return _bars(
        audit, rows="path", parts="cause", colours=_CAUSES, most=most, heading="cause", axis="file", ax=ax,
        figsize=figsize, kwargs=kwargs,
    )  # fmt: skip


def overwrites_by_cause(
    audit: Audit | pd.DataFrame,
    *,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
    **kwargs: Any,
) -> Axes:
    """Draw by which causes changes were overwritten, as bars divided by what has become of the overwrite.

    Parameters
    ----------
    audit : Audit or DataFrame
        An audit, or a table like `Audit.overwrites`.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    figsize : tuple of float, optional
        The size of a new figure, in inches.
    **kwargs
        For the bars: keywords of `matplotlib.axes.Axes.barh`.

    Returns
    -------
    Axes
        Number of overwrites on the horizontal axis, causes on the vertical one.

    Raises
    ------
    InputError
        The table lacks a column.
    """
    return _bars(
        audit, rows="cause", parts="state", colours=_STATES, most=None, heading="state", axis="cause", ax=ax,
        figsize=figsize, kwargs=kwargs,
    )  # fmt: skip


def _bars(
    audit: Audit | pd.DataFrame,
    *,
    rows: str,
    parts: str,
    colours: dict[str, str],
    most: int | None,
    heading: str,
    axis: str,
    ax: Axes | None,
    figsize: tuple[float, float] | None,
    kwargs: dict[str, Any],
) -> Axes:
    found = table(audit, "overwrites", (rows, parts))
    pairs = [
        (row, part)
        for row, part in zip(texts(found[rows]), texts(found[parts]), strict=True)
        if row is not None and part
    ]
    totals = Counter(row for row, _ in pairs)
    names = sorted(totals, key=lambda name: (-totals[name], name))[:most]
    ax = style.axes(ax, figsize, size=(9.0, 1.5 + 0.3 * max(2, len(names))), content=names)
    if not names:
        return style.empty(ax, "no overwrites were found")
    counts = Counter(pairs)
    known = [part for part in colours if any(counts[name, part] for name in names)]
    known += sorted({part for name, part in counts if name in names} - {*colours})
    handles = []
    left = dict.fromkeys(names, 0)
    for place, part in enumerate(known):
        colour = colours.get(part, style.GREY)
        hatch = style.HATCHES[place % len(style.HATCHES)]
        look = {
            "color": colour,
            "hatch": hatch,
            "edgecolor": ax.get_facecolor(),
            "linewidth": 0.6,
            "height": 0.72,
        } | kwargs
        widths = [counts[name, part] for name in names]
        ax.barh(range(len(names)), widths, left=[left[name] for name in names], **look)
        for name, width in zip(names, widths, strict=True):
            left[name] += width
        handles.append(
            Patch(
                facecolor=colour,
                hatch=hatch,
                edgecolor=ax.get_facecolor(),
                label=f"{style.label(part)} ({sum(widths):,})",
            )
        )
    _numbers(ax, [left[name] for name in names])
    ax.set_yticks(range(len(names)), labels=[style.label(name, 46, cut="start") for name in names])
    ax.set_ylim(max(2, len(names)) - 0.4, -0.6)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    ax.set_xlabel("overwrites (number)")
    ax.set_ylabel(axis)
    ax.tick_params(axis="y", length=0, labelsize=style.SMALL + 0.5)
    style.frameless(ax, "bottom")
    shown = f"{len(names):,} of {many(len(totals), axis)}" if len(names) < len(totals) else many(len(totals), axis)
    style.finish(ax, f"{many(len(pairs), 'overwrite')}, {shown}", handles, heading=heading)
    return ax


def _numbers(ax: Axes, totals: Sequence[int]) -> None:
    """Write each total behind its bar, with room for it."""
    ax.set_xlim(0, max(totals) * 1.12)
    for place, total in enumerate(totals):
        ax.annotate(
            f"{total:,}",
            (total, place),
            (3, 0),
            textcoords="offset points",
            va="center",
            ha="left",
            fontsize=style.SMALL,
        )


__all__ = ["overwrites_by_cause", "overwrites_by_file"]
