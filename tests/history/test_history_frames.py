from __future__ import annotations

import pytest

from branchsim.errors import InternalError
from branchsim.history.frames import FLAG, INTEGER, NUMBER, OBJECT, TEXT, TIME, frame

SCHEMA = {"at": TIME, "name": TEXT, "count": INTEGER, "rank": NUMBER, "good": FLAG, "parts": OBJECT}


def test_dtypes_do_not_depend_on_what_is_in_the_rows() -> None:
    empty = frame([], SCHEMA)
    missing = frame([dict.fromkeys(SCHEMA)], SCHEMA)
    full = frame([{"at": 1, "name": "a", "count": 2, "rank": 0.5, "good": True, "parts": (1, 2)}] * 2, SCHEMA)
    for table in (empty, missing, full):
        assert {name: str(dtype) for name, dtype in table.dtypes.items()} == SCHEMA
    assert missing.isna().all(axis=None)
    assert full["parts"][0] == (1, 2)
    assert str(full["at"][0]) == "1970-01-01 00:00:01+00:00"


def test_tuples_of_equal_length_stay_cells() -> None:
    table = frame([{"parts": ("a", "b")}, {"parts": ("c", "d")}, {"parts": ()}], {"parts": OBJECT})
    assert table["parts"].tolist() == [("a", "b"), ("c", "d"), ()]


def test_a_time_beyond_nanoseconds_is_missing() -> None:
    table = frame([{"at": 10**17}, {"at": -1}], {"at": TIME})
    assert table["at"].isna().tolist() == [True, False]


@pytest.mark.parametrize("row", [{"at": 1}, {**dict.fromkeys(SCHEMA), "more": 1}])
def test_a_row_that_does_not_fit_is_an_error(row: dict[str, object]) -> None:
    with pytest.raises(InternalError, match="does not fit"):
        frame([row], SCHEMA)
