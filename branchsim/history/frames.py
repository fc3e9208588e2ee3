"""Tables with a fixed dtype for every column, the same when they are empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from branchsim.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

TIME = "datetime64[ns, UTC]"
TEXT = "string"
INTEGER = "Int64"
NUMBER = "Float64"
FLAG = "boolean"
OBJECT = "object"
"""A column of tuples."""


_LAST_SECOND = 9_000_000_000


def frame(rows: Iterable[Mapping[str, Any]], schema: Mapping[str, str]) -> pd.DataFrame:
    """A new table from rows.

    Parameters
    ----------
    rows : iterable of mapping
        Each has exactly the columns of the schema. None stands for a missing value in every column. A time is a number
        of seconds since the epoch, UTC.
    schema : mapping of str to str
        From each column, in order, to its dtype: `TIME`, `TEXT`, `INTEGER`, `NUMBER`, `FLAG` or `OBJECT` (tuples).

    Returns
    -------
    DataFrame
        With a fresh range index.

    Raises
    ------
    InternalError
        A row lacks a column, or has one that is not in the schema.
    """
    import pandas as pd

    columns: dict[str, list[Any]] = {name: [] for name in schema}
    for row in rows:
        if row.keys() != schema.keys():
            wrong = sorted(row.keys() ^ schema.keys())
            raise InternalError(f"a row of a table does not fit its columns: {', '.join(wrong)}")
        for name, value in row.items():
            columns[name].append(value)
    return pd.DataFrame({name: _series(values, schema[name]) for name, values in columns.items()})


def _series(values: list[Any], dtype: str) -> pd.Series[Any]:
    import numpy as np
    import pandas as pd

    if dtype == TIME:
        # Times that nanoseconds cannot hold (after 2262) exist in broken commits; they become missing values.
        kept = ["NaT" if value is None or abs(value) > _LAST_SECOND else int(value) for value in values]
        return pd.Series(pd.DatetimeIndex(np.array(kept, dtype="datetime64[s]").astype("datetime64[ns]"), tz="UTC"))
    if dtype == OBJECT:
        # An array is filled one by one: given a list of tuples of equal length, it would become a table.
        cells = np.empty(len(values), dtype=object)
        for place, value in enumerate(values):
            cells[place] = value
        return pd.Series(cells, dtype="object")
    return pd.Series(values, dtype=dtype)


__all__ = ["FLAG", "INTEGER", "NUMBER", "OBJECT", "TEXT", "TIME", "frame"]
