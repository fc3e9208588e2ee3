"""What a counterexample, a search and a table look like, and the files they become."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pytest

from branchsim.check import FORMS, Counterexample, Exploration, Scope, Strategy, explore, strategy_table, table
from branchsim.check.drawing import graph
from branchsim.check.files import png
from branchsim.check.random_traces import random_traces
from branchsim.errors import InputError


@pytest.fixture(scope="module")
def found() -> Exploration:
    return explore(
        Strategy.build_run().without(),
        depth=8,
        mistakes=["skip-retrofit", "one-sided-resolution"],
        properties=["no-lost-fix", "a-release-ships", "hotfix-can-ship"],
        scope=Scope(fixes=1, features=1, regions=1),
    )


@pytest.fixture
def lost(found: Exploration) -> Counterexample:
    return found.counterexamples["no-lost-fix"]


def test_the_drawing_has_a_mark_for_each_step_and_the_last_in_red(lost: Counterexample) -> None:
    nodes, lanes = graph(lost.trace)
    assert [name for _, name, _, _ in nodes] == [str(number) for number in range(9)]
    assert lanes[:4] == list(lost.trace.branches)
    merged = next(node for node in nodes if node[1] == "7")
    assert len(merged[2]) == 2
    mpl.use("Agg")
    ax = lost.draw()
    assert ax.get_title(loc="left") == "no-lost-fix: broken in 8 steps (one-sided-resolution, skip-retrofit)"


def test_every_random_trace_can_be_drawn() -> None:
    for trace in random_traces(40, seed=5, length=20):
        nodes, lanes = graph(trace)
        names = [name for _, name, _, _ in nodes]
        assert len(set(names)) == len(names)
        for place, (branch, _, parents, _) in enumerate(nodes):
            assert branch in lanes
            assert {*parents} <= {*names[:place]}


def test_a_picture_is_the_same_bytes_every_time(lost: Counterexample) -> None:
    assert png(lost) == png(lost)


def test_files_are_named_after_what_they_show(lost: Counterexample, tmp_path: Path) -> None:
    paths = lost.write(tmp_path / "new" / "place")
    assert [path.suffix for path in paths] == [".sh", ".py", ".md", ".png"]
    assert paths[0].stat().st_mode & 0o111
    assert paths[2].read_text(encoding="utf-8") == lost.markdown()
    with pytest.raises(InputError, match="exists already"):
        lost.write(tmp_path / "new" / "place", forms=["script"])
    assert lost.write(tmp_path / "new" / "place", forms="script", replace=True) == paths[:1]
    with pytest.raises(InputError, match=r"unknown form 'scripts' \(did you mean 'script'"):
        lost.write(tmp_path, forms=["scripts"])
    with pytest.raises(InputError, match="cannot be written"):
        lost.write(paths[0] / "below a file")
    assert set(FORMS) == {"script", "pytest", "markdown", "drawing"}


def test_notebooks_show_the_answer_first_and_escape_everything(found: Exploration, lost: Counterexample) -> None:
    html = lost._repr_html_()
    assert "no-lost-fix: broken in 8 steps" in html
    assert html.count("<li>") >= 8
    assert "<script" not in html
    whole = found._repr_html_()
    assert whole.index("no-lost-fix") < whole.index("a-release-ships")
    assert "holds" in whole
    topology = Strategy.trunk().topology.replace(name="<b>us</b>")
    shown = table([Strategy(topology)], ["force-push", ()], depth=3)._repr_html_()
    assert "<b>us</b>" not in shown
    assert "&lt;b&gt;us&lt;/b&gt;" in shown
    assert "3 steps; no guard stops it" in shown


def test_the_frame_of_strategies_by_mistakes() -> None:
    frame = strategy_table([Strategy.trunk()], [(), "force-push"], depth=3)
    assert frame["steps"].isna().tolist() == [True, False]
    assert frame["complete"].all()
    assert strategy_table([], []).dtypes.to_dict() == frame.dtypes.to_dict()
    with pytest.raises(InputError, match="unknown guard 'frozen'"):
        strategy_table([Strategy.trunk()], guards=["frozen"])


def test_a_search_that_ctrl_c_cut_is_a_cell_that_says_so() -> None:
    def interrupt(what: str, _steps: int | None) -> None:
        if "wrong-base" in what:
            raise KeyboardInterrupt

    found = table([Strategy.trunk(), Strategy.build_run()], ["force-push", "wrong-base"], depth=9, report=interrupt)
    assert not found.complete
    cut = found.cell("build-run", "wrong-base")
    assert not cut.complete
    assert "then Ctrl-C" in str(cut)
    assert str(found.cell("build-run", "force-push")).startswith("4 steps")
