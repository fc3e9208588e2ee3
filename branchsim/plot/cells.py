"""The presence matrix: changes by branches, coloured by what became of them there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.patches import Patch

from branchsim.formatting import many
from branchsim.plot import style
from branchsim.plot.tables import days, table, texts

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from branchsim.audit.audit import Audit

_COLUMNS = ("change", "subject", "landed_on", "landed_at", "owed_to", "verdict")
_LABELLED = 80
_STATES = (*style.VERDICT_COLOURS, "landed")
_COLOURS = (*style.VERDICT_COLOURS.values(), style.GREY)
_LANDED = len(_STATES) - 1


@dataclass(slots=True)
class _Row:
    change: str
    subject: str
    landed_at: float
    day: str
    worst: int
    cells: dict[str, int]


def presence(
    audit: Audit | pd.DataFrame,
    *,
    most: int | None = 40,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
    **kwargs: Any,
) -> Axes:
    """Draw which change is on which branch: a row for each change, a column for each branch, coloured by verdict.

    Parameters
    ----------
    audit : Audit or DataFrame
        An audit, or a table like `Audit.obligations`.
    most : int or None
        How many changes at most: the most urgent first (lost, missed, partial, late, ...), of equally urgent ones the
        newest. None shows all, the oldest at the top.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    figsize : tuple of float, optional
        The size of a new figure, in inches.
    **kwargs
        For the cells: keywords of `matplotlib.axes.Axes.pcolormesh`.

    Returns
    -------
    Axes
        With branches on the horizontal axis and changes on the vertical one. Up to 80 rows bear the change's id, day
        and subject, and a sign in each cell.

    Raises
    ------
    InputError
        The table lacks a column, or ``most`` is not positive.
    """
    if most is not None:
        style.check_most(most)
    owed = table(audit, "obligations", _COLUMNS)
    rows, branches = _rows(owed), _branches(audit, owed)
    if most is None:
        chosen = sorted(rows, key=lambda row: (row.landed_at, row.change))
    else:
        chosen = sorted(rows, key=lambda row: (row.worst, -row.landed_at, row.change))[:most]
    named = len(chosen) <= _LABELLED
    high = 0.26 * len(chosen) + 1.4 if named else 6.5
    ax = style.axes(ax, figsize, size=(min(18.0, (6.8 if named else 3.6) + 0.85 * len(branches)), high), content=chosen)
    if not chosen:
        return style.empty(ax, "no change is owed to another branch")
    cells = np.full((len(chosen), len(branches)), -1)
    for place, row in enumerate(chosen):
        for branch, state in row.cells.items():
            cells[place, branches.index(branch)] = state
    look: dict[str, Any] = {"edgecolors": "face", "linewidth": 0}
    if named:
        look = {"edgecolors": ax.get_facecolor(), "linewidth": 1.5}
    ax.pcolormesh(
        np.arange(len(branches) + 1) - 0.5,
        np.arange(len(chosen) + 1) - 0.5,
        np.ma.masked_less(cells, 0),
        cmap=ListedColormap(_COLOURS),
        norm=BoundaryNorm(np.arange(len(_STATES) + 1) - 0.5, len(_STATES)),
        **look | kwargs,
    )
    ax.set_ylim(len(chosen) - 0.5, -0.5)
    _axes(ax, chosen, branches, named=named)
    style.frameless(ax)
    shown = f"{len(chosen):,} of {many(len(rows), 'change')}" if len(chosen) < len(rows) else many(len(rows), "change")
    style.finish(ax, f"Presence of {shown}", _handles(cells, named=named))
    _turn(ax, branches)
    if named:
        _signs(ax, cells)
    return ax


def _rows(owed: pd.DataFrame) -> list[_Row]:
    rank = {verdict: place for place, verdict in enumerate(_STATES)}
    rows: dict[tuple[str, str], _Row] = {}
    for change, subject, landed_on, landed_at, day, owed_to, verdict in zip(
        texts(owed["change"]),
        texts(owed["subject"]),
        texts(owed["landed_on"]),
        days(owed["landed_at"]),
        texts(owed["landed_at"]),
        texts(owed["owed_to"]),
        texts(owed["verdict"]),
        strict=True,
    ):
        if change is None or landed_on is None or owed_to is None or verdict not in rank:
            continue
        row = rows.setdefault(
            (change, landed_on),
            _Row(change, subject or "", float(landed_at), (day or "")[:10], len(_STATES), {landed_on: _LANDED}),
        )
        row.cells[owed_to] = rank[verdict]
        row.worst = min(row.worst, rank[verdict])
    return list(rows.values())


def _branches(audit: Audit | pd.DataFrame, owed: pd.DataFrame) -> list[str]:
    """The branches that any change touches, in the order of the topology if there is one."""
    used = {name for column in ("landed_on", "owed_to") for name in texts(owed[column]) if name is not None}
    topology = getattr(audit, "topology", None)
    known = [branch.name for branch in topology.branches] if topology is not None else []
    return [name for name in known if name in used] + sorted(used - set(known))


def _axes(ax: Axes, chosen: list[_Row], branches: list[str], *, named: bool) -> None:
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.set_xticks(range(len(branches)), labels=[style.label(name, 24) for name in branches])
    ax.set_xlabel("branch")
    ax.tick_params(length=0, labelsize=style.SMALL + 0.5)
    if not named:
        ax.set_ylabel("change (number, by time of landing)")
        return
    names = [f"{style.label(row.change[:8])}  {row.day}  {style.label(row.subject, 44, cut='end')}" for row in chosen]
    ax.set_yticks(range(len(chosen)), labels=names)
    ax.set_ylabel("change")


def _turn(ax: Axes, branches: list[str]) -> None:
    """Turn the names of branches where they would touch each other."""
    size = style.SMALL + 0.5
    room = style.points(ax)[0] / len(branches) - 4
    if max(style.width(style.label(name, 24), size) for name in branches) > room:
        ax.tick_params(axis="x", labelrotation=55)
        for text in ax.get_xticklabels():
            text.set(ha="left", rotation_mode="anchor")
        style.settle(ax)


def _signs(ax: Axes, cells: Any) -> None:
    for (row, column), state in np.ndenumerate(cells):
        sign = style.VERDICT_SIGNS.get(_STATES[state]) if state >= 0 else None
        if sign is not None and style.drawable(sign):
            ink = "white" if _STATES[state] == "reverted" else "black"
            ax.text(column, row, sign, ha="center", va="center", fontsize=style.SMALL, color=ink)


def _handles(cells: Any, *, named: bool) -> list[Artist]:
    handles: list[Artist] = []
    for state, (name, colour) in enumerate(zip(_STATES, _COLOURS, strict=True)):
        count = int((cells == state).sum())
        if count:
            sign = style.VERDICT_SIGNS.get(name, "")
            mark = f"{sign}  " if named and sign and style.drawable(sign) else ""
            handles.append(Patch(facecolor=colour, label=f"{mark}{name} ({count:,})"))
    return handles


__all__ = ["presence"]
