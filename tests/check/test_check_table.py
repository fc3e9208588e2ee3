from __future__ import annotations

import pytest

from branchsim.check import Property, Scope, Strategy, Table, View, table
from branchsim.errors import InputError

SCOPE = Scope(fixes=1, features=1, regions=1)
ROWS: list[str | tuple[str, ...]] = [(), "force-push", ("skip-retrofit", "one-sided-resolution")]


@pytest.fixture(scope="module")
def made() -> Table:
    return table([Strategy.build_run(), Strategy.trunk()], ROWS, depth=8, scope=SCOPE)


def test_a_cell_says_safe_or_how_many_steps_and_which_guard_stops_it(made: Table) -> None:
    assert str(made.cell("build-run")).startswith("safe (")
    assert str(made.cell("build-run", "force-push")) == "4 steps; no guard stops it"
    cell = made.cell("build-run", "skip-retrofit", "one-sided-resolution")
    assert cell.stopped_by == ("no-promotion-while-open",)
    assert str(cell) == "8 steps; stopped by no-promotion-while-open"
    assert cell.guarded.safe
    assert made.cell("trunk", "force-push").unguarded.counterexamples["no-lost-fix"].replayed


def test_the_frame_has_fixed_columns(made: Table) -> None:
    frame = made.frame()
    assert len(frame) == 6
    assert [str(kind) for kind in frame.dtypes] == [
        "string", "string", "Int64", "string", "Int64", "Int64", "Int64", "string", "boolean",
    ]  # fmt: skip
    row = frame[(frame["strategy"] == "build-run") & (frame["mistakes"] == "force-push")]
    assert row["steps"].tolist() == [4]
    assert row["property"].tolist() == ["no-lost-fix"]
    empty = table([], ROWS).frame()
    assert list(empty.columns) == list(frame.columns)
    assert list(empty.dtypes) == list(frame.dtypes)


def test_as_text_and_as_markdown(made: Table) -> None:
    assert "skip-retrofit + one-sided-resolution" in str(made)
    lines = made.markdown().splitlines()
    assert lines[0] == "| mistakes | build-run | trunk |"
    assert lines[2].startswith("| none | safe (")
    assert len(lines) == 5


def test_a_cell_that_is_not_there(made: Table) -> None:
    with pytest.raises(InputError, match="no cell for 'gitflow'"):
        made.cell("gitflow")
    with pytest.raises(InputError, match="unknown mistake"):
        table([Strategy.trunk()], ["forced-push"])


def test_an_interruption_keeps_what_is_known() -> None:
    asked = 0

    def interrupted(_view: View) -> bool:
        nonlocal asked
        asked += 1
        if asked > 40:
            raise KeyboardInterrupt
        return True

    broken = Property("ctrl-c", "", interrupted)
    found = table([Strategy.trunk(), Strategy.build_run()], [()], properties=[broken], depth=8, scope=SCOPE)
    assert not found.complete
    assert [(cell.strategy, cell.complete) for cell in found.cells] == [("trunk", True), ("build-run", False)]
    assert "then Ctrl-C" in str(found.cell("build-run"))
    assert "interrupted" in str(found)
