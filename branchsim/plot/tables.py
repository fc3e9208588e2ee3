"""The tables that pictures are made of: those of an audit or an experiment, or any that have the columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
from matplotlib import dates as mdates

from branchsim.errors import InputError, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from branchsim.audit.audit import Audit


class Experiment(Protocol):
    """What pictures ask of an experiment: they stand below it."""

    @property
    def summary(self) -> pd.DataFrame:
        """Means by strategy and measure, with intervals."""

    def risk_by_delay(self, risk: str, *, bins: int) -> pd.DataFrame:
        """Shares of fixes that came to harm, by strategy and delay, with intervals."""


def table(given: object, name: str, columns: Sequence[str], *, of: str = "an audit") -> pd.DataFrame:
    """A table of an audit by its name, or the one that was given.

    Parameters
    ----------
    given : Audit or DataFrame
        What the caller gave.
    name : str
        The attribute of `Audit` that holds the table.
    columns : sequence of str
        What the picture needs.
    of : str
        What has such a table, if it is no audit.

    Raises
    ------
    InputError
        It is neither, or a column is missing.
    """
    found = given if isinstance(given, pd.DataFrame) else getattr(given, name, None)
    if not isinstance(found, pd.DataFrame):
        raise InputError(f"expected {of} or a table like its {name!r}, not {type(given).__name__}")
    for column in columns:
        if column not in found.columns:
            raise InputError(
                f"the table has no column {column!r}{nearest(column, map(str, found.columns))}; "
                f"give {of}, or a table with the columns of its {name!r}"
            )
    return found


def optional(
    given: Audit | pd.DataFrame, other: pd.DataFrame | None, name: str, columns: Sequence[str]
) -> pd.DataFrame:
    """A second table: the one given for it, that of the audit, or an empty one."""
    if other is not None:
        return table(other, name, columns)
    if isinstance(given, pd.DataFrame):
        return pd.DataFrame({column: [] for column in columns})
    return table(given, name, columns)


def days(column: pd.Series[Any]) -> NDArray[np.float64]:
    """A column of times in days as matplotlib counts them, UTC; NaN where there is none.

    Raises
    ------
    InputError
        It holds something else.
    """
    try:
        times = pd.to_datetime(column, utc=True, format="ISO8601")
    except (TypeError, ValueError) as error:
        raise InputError(f"the column {column.name!r} holds no times: {error}") from None
    naive = times.dt.tz_localize(None).to_numpy(dtype="datetime64[ns]")
    return _numbers(naive)


def _numbers(times: Any) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = np.asarray(mdates.date2num(times), dtype=np.float64)  # type: ignore[no-untyped-call]
    return numbers


def numbers(column: pd.Series[Any]) -> NDArray[np.float64]:
    """A column of numbers; NaN where there is none.

    Raises
    ------
    InputError
        It holds something else.
    """
    try:
        return np.asarray(pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"the column {column.name!r} must hold numbers") from None


def moment(seconds: float) -> float:
    """A time in seconds since the epoch, in days as matplotlib counts them."""
    return float(_numbers(np.datetime64(int(seconds), "s")))


def texts(column: pd.Series[Any]) -> list[str | None]:
    """A column of texts; None where there is none."""
    return [None if missing else str(value) for value, missing in zip(column, column.isna(), strict=True)]


def as_of(given: Audit | pd.DataFrame, *times: NDArray[np.float64]) -> float:
    """The moment that an audit is of, in days as matplotlib counts; of tables the newest time, 0 without any."""
    seconds = None if isinstance(given, pd.DataFrame) else given.as_of
    if seconds is not None:
        return moment(seconds)
    known = np.concatenate([each[~np.isnan(each)] for each in times]) if times else np.array([])
    return float(known.max()) if known.size else 0.0


__all__ = ["Experiment", "as_of", "days", "moment", "numbers", "optional", "table", "texts"]
