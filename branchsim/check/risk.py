"""The risk that a fix is lost, by how long its retrofit was to take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from branchsim.check.bounds import check_whole
from branchsim.check.intervals import of_share
from branchsim.errors import InputError, nearest
from branchsim.history.frames import INTEGER, NUMBER, TEXT, frame

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

RISKS: dict[str, str] = {
    "lost": "its effect was dropped from a branch",
    "lost_from_production": "it had reached production and vanished from it",
    "missed": "a promotion passed its retrofit",
}
"""What can become of a fix, and what it means."""

RISK_SCHEMA: dict[str, str] = {
    "strategy": TEXT,
    "risk": TEXT,
    "delay_hours": NUMBER,
    "from_hours": NUMBER,
    "to_hours": NUMBER,
    "fixes": INTEGER,
    "hit": INTEGER,
    "share": NUMBER,
    "low": NUMBER,
    "high": NUMBER,
}
"""Columns and dtypes of `Experiment.risk_by_delay`."""

_MOST = 100


def risk_table(
    fixes: pd.DataFrame, strategies: Iterable[str], *, risk: str, bins: int, confidence: float
) -> pd.DataFrame:
    """Shares of fixes by their planned delay; see `Experiment.risk_by_delay`."""
    if risk not in RISKS:
        raise InputError(f"unknown risk {risk!r}{nearest(str(risk), RISKS)}; they are {', '.join(RISKS)}")
    check_whole("risk_by_delay: bins", bins, most=_MOST)
    owed = fixes[fixes["owed_to"].notna()]
    delays = owed["planned_delay_hours"].to_numpy(dtype=float, na_value=float("nan"))
    place = _places(delays, bins)
    hits = owed[risk].to_numpy(dtype=bool)
    runs = owed["run"].to_numpy(dtype=int)
    names = owed["strategy"].to_numpy(dtype=object)
    rows: list[dict[str, object]] = []
    for name in strategies:
        for number in range(-1, int(place.max(initial=-1)) + 1):
            chosen = (names == name) & (place == number)
            if chosen.any():
                rows.append(_row(name, risk, delays[chosen], hits[chosen], runs[chosen], confidence))
    # What nobody meant to bring back stands last, as if it took for ever.
    rows.sort(key=lambda row: row["delay_hours"] is None)
    order = {name: rank for rank, name in enumerate(strategies)}
    rows.sort(key=lambda row: order[str(row["strategy"])])
    return frame(rows, RISK_SCHEMA)


def _places(delays: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """In which bin each delay is: of as equal counts as can be, one for each delay where they are few, -1 for none."""
    import numpy as np

    known = np.unique(delays[~np.isnan(delays)])
    edges = known[1:]
    if len(known) > bins:
        edges = np.unique(np.quantile(delays[~np.isnan(delays)], np.arange(1, bins) / bins))
    place = np.searchsorted(edges, delays, side="right")
    place[np.isnan(delays)] = -1
    return place.astype(np.int64)


def _row(
    name: str,
    risk: str,
    delays: NDArray[np.float64],
    hits: NDArray[np.bool_],
    runs: NDArray[np.int64],
    confidence: float,
) -> dict[str, object]:
    import numpy as np

    _, of_run = np.unique(runs, return_inverse=True)
    low, high = of_share(np.bincount(of_run, hits).astype(float), np.bincount(of_run).astype(float), confidence)
    never = bool(np.isnan(delays).all())
    return {
        "strategy": name,
        "risk": risk,
        "delay_hours": None if never else float(np.median(delays)),
        "from_hours": None if never else float(delays.min()),
        "to_hours": None if never else float(delays.max()),
        "fixes": len(delays),
        "hit": int(hits.sum()),
        "share": float(hits.mean()),
        "low": low,
        "high": high,
    }


__all__ = ["RISKS", "RISK_SCHEMA", "risk_table"]
