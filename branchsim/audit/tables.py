"""The tables and JSON forms of an audit's records: every column documented, with a fixed dtype, the same when empty."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from branchsim.history.frames import FLAG, INTEGER, NUMBER, OBJECT, TEXT, TIME, frame

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from branchsim.audit.conformance import Fitness, Violation
    from branchsim.audit.leaks import Leak
    from branchsim.audit.overwrites import Overwrite
    from branchsim.audit.windows import Window

OVERWRITES_SCHEMA: dict[str, str] = {
    "change": TEXT,
    "subject": TEXT,
    "family": TEXT,
    "path": TEXT,
    "branch": TEXT,
    "landing": TEXT,
    "landed_at": TIME,
    "dropped_by": TEXT,
    "side": TEXT,
    "cause": TEXT,
    "fate": TEXT,
    "rank": NUMBER,
    "confidence": NUMBER,
    "state": TEXT,
    "restored_by": TEXT,
    "restored_at": TIME,
    "superseded_by": TEXT,
    "released_in": TEXT,
    "reason": TEXT,
    "check": TEXT,
    "units": OBJECT,
    "returned": OBJECT,
    "commits": OBJECT,
    "releases": OBJECT,
}
"""Columns and dtypes of `Audit.overwrites`; the meaning of each is that of the attribute of `Overwrite`."""

LEAKS_SCHEMA: dict[str, str] = {
    "branch": TEXT,
    "landing": TEXT,
    "landed_at": TIME,
    "source": TEXT,
    "came_from": TEXT,
    "reason": TEXT,
    "check": TEXT,
    "commits": OBJECT,
}
"""Columns and dtypes of `Audit.leaks`; the meaning of each is that of the attribute of `Leak`."""

WINDOWS_SCHEMA: dict[str, str] = {
    "branch": TEXT,
    "opened_by": TEXT,
    "opened_at": TIME,
    "source": TEXT,
    "closed_by": TEXT,
    "closed_at": TIME,
    "closed_on": TEXT,
    "hours": NUMBER,
    "hotfixes": OBJECT,
}
"""Columns and dtypes of `Audit.windows`; the meaning of each is that of the attribute of `Window`."""

VIOLATIONS_SCHEMA: dict[str, str] = {
    "branch": TEXT,
    "landing": TEXT,
    "landed_at": TIME,
    "rule": TEXT,
    "source": TEXT,
    "inferred": FLAG,
    "reason": TEXT,
    "check": TEXT,
}
"""Columns and dtypes of `Audit.violations`; the meaning of each is that of the attribute of `Violation`."""

CONFORMANCE_SCHEMA: dict[str, str] = {"branch": TEXT, "landings": INTEGER, "violations": INTEGER, "fitness": NUMBER}
"""Columns and dtypes of `Audit.conformance`; ``fitness`` is the share of landings that are allowed, 0 to 1."""

_TIMES = frozenset({"landed_at", "restored_at", "opened_at", "closed_at"})


def overwrites_frame(records: Iterable[Overwrite]) -> pd.DataFrame:
    """The overwrites as a table."""
    return _frame(records, OVERWRITES_SCHEMA)


def leaks_frame(records: Iterable[Leak]) -> pd.DataFrame:
    """The leaks as a table."""
    return _frame(records, LEAKS_SCHEMA)


def windows_frame(records: Iterable[Window]) -> pd.DataFrame:
    """The freeze windows as a table."""
    return _frame(records, WINDOWS_SCHEMA)


def violations_frame(records: Iterable[Violation]) -> pd.DataFrame:
    """The violations as a table."""
    return _frame(records, VIOLATIONS_SCHEMA)


def conformance_frame(records: Iterable[Fitness]) -> pd.DataFrame:
    """The figures of the branches as a table."""
    return _frame(records, CONFORMANCE_SCHEMA)


def as_dict(record: object, schema: dict[str, str]) -> dict[str, Any]:
    """A record in its JSON form: times as ISO 8601 in UTC, tuples as lists."""
    return {name: _plain(name, getattr(record, name)) for name in schema}


def iso(seconds: int | None) -> str | None:
    """A time as ISO 8601 in UTC; None stays None, and what no calendar holds becomes None."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return None


def _frame(records: Iterable[object], schema: dict[str, str]) -> pd.DataFrame:
    return frame(({name: _value(getattr(record, name)) for name in schema} for record in records), schema)


def _value(value: Any) -> Any:
    return getattr(value, "value", value)


def _plain(name: str, value: Any) -> Any:
    if name in _TIMES:
        return iso(value)
    value = _value(value)
    if isinstance(value, tuple):
        return list(value)
    return round(value, 4) if isinstance(value, float) else value
