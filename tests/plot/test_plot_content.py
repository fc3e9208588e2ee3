"""What each picture says is what the tables hold."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.dates import num2date
from matplotlib.patches import FancyArrowPatch
from support import pictures
from support.repos import RepoBuilder

import branchsim as bs
from branchsim import plot
from branchsim.errors import InputError
from branchsim.plot import style
from branchsim.topology import Family, Flow

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

DAY = 86_400


def _said(ax: Axes) -> list[str]:
    made = ax.get_legend()
    return [] if made is None else [text.get_text().replace("\n", " ") for text in made.get_texts()]


def _marks(ax: Axes) -> int:
    return sum(len(_places(each)) for each in ax.collections if isinstance(each, PathCollection))


def _places(marks: PathCollection) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in np.asarray(marks.get_offsets())]


# -- timeline --------------------------------------------------------------------------------------------------------


def test_few_landings_are_marks_and_many_are_thickness() -> None:
    few = plot.timeline(pictures.landings(30))
    assert _marks(few) == 30
    many = plot.timeline(pictures.landings(3000))
    assert _marks(many) == 0
    assert any(said.startswith("landings in a week") for said in _said(many))
    bars = next(each for each in many.collections if isinstance(each, PolyCollection))
    assert 4 * 25 < len(bars.get_paths()) < 4 * 35


def test_a_change_that_never_arrived_is_marked_where_it_is_absent() -> None:
    owed = pictures.obligations(1).assign(verdict="missed", landed_on="preprod")
    ax = plot.timeline(pictures.landings(8), obligations=owed)
    cross = next(each for each in ax.collections if isinstance(each, PathCollection) and each.get_zorder() > 4)
    ((_, height),) = _places(cross)
    lanes = {text.get_text(): at for at, text in zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)}
    assert height == lanes["integration"]
    assert "missed (1)" in _said(ax)


def test_a_change_is_not_absent_from_a_branch_before_it_began() -> None:
    landed = pd.DataFrame(
        {"branch": ["old", "new"], "landed_at": pictures.times([0, 50]), "kind": ["merge", "created"]}
    )
    owed = pictures.obligations(1, ["new", "old", "old"]).assign(verdict="missed")
    ax = plot.timeline(landed, obligations=owed)
    cross = next(each for each in ax.collections if isinstance(each, PathCollection) and each.get_zorder() > 4)
    ((at, _),) = _places(cross)
    assert num2date(at) == pictures.day(50)  # type: ignore[no-untyped-call]


def test_freeze_windows_that_overlap_are_one_shade() -> None:
    ax = plot.timeline(pictures.landings(8), windows=pictures.windows())
    shade = next(each for each in ax.collections if isinstance(each, PolyCollection))
    assert len(shade.get_paths()) == 2
    assert "freeze window" in _said(ax)


def test_only_the_branches_that_were_chosen_are_drawn() -> None:
    ax = plot.timeline(pictures.landings(40), branches=["production", "uat"])
    assert [text.get_text() for text in ax.get_yticklabels()] == ["production", "uat"]
    assert _marks(ax) == 20
    with pytest.raises(InputError, match="did you mean 'uat'"):
        plot.timeline(pictures.landings(40), branches=["uta"])


def test_versions_that_would_touch_are_left_out_the_newest_stays() -> None:
    rows = [
        {"branch": "production", "source": "preprod", "at": pictures.day(at / 10), "release": True, "version": f"v{at}"}
        for at in range(2000)
    ]
    ax = plot.timeline(pictures.landings(8), promotions=pd.DataFrame(rows))
    shown = [text.get_text() for text in ax.texts]
    assert "v1999" in shown
    assert 5 < len(shown) < 60
    pictures.assert_texts_apart(ax.figure)  # type: ignore[arg-type]


# -- latency ---------------------------------------------------------------------------------------------------------


def _waits(rows: list[tuple[str, float, float | None]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "verdict": [row[0] for row in rows],
            "landed_at": pictures.times(row[1] for row in rows),
            "arrived_at": pictures.times(row[2] for row in rows),
        }
    )


def test_the_survival_curve_is_that_of_kaplan_and_meier() -> None:
    # Arrivals after 2 and 6 days, one still waiting after 4, one after 10: 1, 3/4, 3/4 * 1/2.
    owed = _waits([("retrofitted", 6, 8), ("late", 0, 6), ("missed", 6, None), ("lost", 0, 10)])
    ax = plot.retrofit_latency(owed)
    line = ax.lines[0]
    curve = dict(zip(np.round(np.asarray(line.get_xdata()), 6), np.asarray(line.get_ydata()), strict=True))
    assert curve == pytest.approx({0.0: 1.0, 2.0: 0.75, 4.0: 0.75, 6.0: 0.375, 10.0: 0.375})
    ticks = ax.lines[1]
    assert ticks.get_marker() == "|"
    assert list(np.asarray(ticks.get_xdata())) == pytest.approx([4.0, 10.0])
    assert list(np.asarray(ticks.get_ydata())) == pytest.approx([0.75, 0.375])
    assert "4 obligations, half arrived within 6 days" in _said(ax)
    assert "not arrived yet (2)" in _said(ax)


def test_what_is_no_longer_owed_is_left_out_and_what_was_there_before_did_not_wait() -> None:
    owed = _waits([("superseded", 0, None), ("waived", 0, None), ("reverted", 0, 3), ("retrofitted", 9, 2)])
    ax = plot.retrofit_latency(owed)
    assert _said(ax)[0] == "1 obligation, half were there at once"


def test_too_many_groups_are_refused() -> None:
    owed = pictures.obligations(30).assign(family=[f"f{number}" for number in range(30)])
    with pytest.raises(InputError, match="20 values"):
        plot.retrofit_latency(owed, by="family")
    with pytest.raises(InputError, match="no column 'famly'"):
        plot.retrofit_latency(owed, by="famly")


def test_what_has_not_arrived_points_up_in_the_latency_over_time() -> None:
    ax = plot.latency_over_time(_waits([("retrofitted", 0, 4), ("missed", 1, None), ("lost", 0, 6)]))
    corners: Any = {
        round(y, 6): len(np.asarray(each.get_paths()[0].vertices))
        for each in ax.collections
        if isinstance(each, PathCollection)
        for _, y in _places(each)
    }
    # A triangle, closed, has four points; a circle has many.
    assert corners[4.0] > 4
    assert corners[5.0] == corners[6.0] == 4
    assert Counter(said.split(" (")[0] for said in _said(ax)) == Counter(
        ["lost, so far", "missed, so far", "retrofitted"]
    )


# -- presence, overwrites, forecast ----------------------------------------------------------------------------------


def test_the_most_urgent_changes_come_first() -> None:
    owed = pictures.obligations(40)
    ax = plot.presence(owed, most=6)
    subjects = [text.get_text() for text in ax.get_yticklabels()]
    assert len(subjects) == 6
    lost = owed[owed["verdict"] == "lost"].sort_values("landed_at", ascending=False)
    assert [text[:8] for text in subjects[:5]] == [change[:8] for change in lost["change"]]
    assert "6 of 40 changes" in ax.get_title(loc="left").replace("\n", " ")
    with pytest.raises(InputError, match="at least 1"):
        plot.presence(owed, most=0)


def test_every_cell_has_the_colour_of_its_verdict() -> None:
    owed = pictures.obligations(8)
    ax = plot.presence(owed, most=8)
    mesh: Any = ax.collections[0]
    shown = Counter(int(value) for value in mesh.get_array().compressed())
    assert shown == Counter({**dict.fromkeys(range(8), 1), 8: 8})
    assert [text.get_text() for text in ax.texts] == [*style.VERDICT_SIGNS.values()]


def test_bars_add_up_to_the_overwrites() -> None:
    rows = pictures.overwrites(60)
    for ax in (plot.overwrites_by_file(rows), plot.overwrites_by_cause(rows)):
        bars: Any = ax.patches
        assert sum(bar.get_width() for bar in bars) == 60
    top = plot.overwrites_by_file(rows, most=2)
    assert len(top.get_yticks()) == 2
    assert "2 of 6 files" in top.get_title(loc="left")


def test_a_forecast_says_what_is_lost_and_what_is_not_reached() -> None:
    ax = plot.forecast(pictures.forecasts())
    assert sorted(text.get_text() for text in ax.texts) == sorted(["0", "0", "0", "3", "0\nloses 2", "not\nreached"])
    assert _said(ax) == ["without retrofit", "with retrofit"]


# -- graph -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("commits", "more", "message"),
    [
        ([("a", "c0", (), ""), ("a", "c0", (), "")], {}, "twice"),
        ([("a", "c1", ("c0",), "")], {}, "does not come before"),
        ([("a", "c0", (), "")], {"branches": ["b"]}, "not among the branches"),
        ([("a", "c0", (), "")], {"highlight": ["c9"]}, "no commit 'c9'"),
    ],
)
def test_a_graph_that_is_none_is_refused(commits: Any, more: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        plot.branch_graph(commits, **more)


def test_a_highlighted_commit_is_red_with_its_edges() -> None:
    ax = plot.branch_graph(pictures.GRAPH, highlight=["c5"])
    red = style.RED
    edges = [patch for patch in ax.patches if patch.get_edgecolor()[:3] == pytest.approx(_rgb(red))]
    assert len(edges) == 2


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))


# -- a real audit ----------------------------------------------------------------------------------------------------


@pytest.fixture
def found(tmp_path: Path) -> bs.Audit:
    """Two features of which one is promoted, a hotfix that is retrofitted and one that is not."""
    path = tmp_path / "repo"
    start = 1_735_689_600
    with RepoBuilder(path, bare=True) as repo:
        clock = iter(range(start, start + 100 * DAY, DAY))
        repo.commit("main", {"a": "1\n", "b": "1\n", "c": "1\n", "d": "1\n"}, at=next(clock))
        repo.branch("develop", "main")
        repo.commit("develop", {"a": "2\n"}, subject="First feature", at=next(clock))
        repo.merge(into="main", source="develop", at=next(clock))
        repo.commit("develop", {"a": "3\n"}, subject="Second feature", at=next(clock))
        fix = repo.commit("main", {"c": "2\n"}, subject="Mended", at=next(clock))
        repo.commit("main", {"d": "2\n"}, subject="Mended, and never retrofitted", at=next(clock))
        repo.commit("develop", {"c": "2\n"}, message=f"Mended\n\n(cherry picked from commit {fix})\n", at=next(clock))
    return bs.audit(path, bs.Topology.gitflow(), cache=None)


def test_divergence_counts_what_waits_and_what_is_owed(found: bs.Audit) -> None:
    ax = found.plot.divergence()
    assert _said(ax) == ["on BUILD, not yet on RUN (now 2, at most 2)", "on RUN, owed to BUILD (now 1, at most 2)"]
    with pytest.raises(InputError, match="expected an audit"):
        plot.divergence(found.obligations)  # type: ignore[arg-type]


def test_open_obligations_stand_on_the_way_they_should_have_gone(found: bs.Audit) -> None:
    ax = found.plot.topology()
    assert [text.get_text() for text in ax.texts if text.get_color() == "white"] == ["1"]
    assert "open obligations (number)" in _said(ax)


@pytest.mark.parametrize("orientation", ["horizontal", "vertical"])
def test_no_line_of_a_family_crosses_the_box_of_another(orientation: Any) -> None:
    topology = bs.Topology.build_run()
    more = [("urgent/*", "preprod", ("uat", "integration")), ("config/*", "preprod", ("uat",)), ("fix/*", "uat", ())]
    topology = topology.replace(
        flows=(*topology.flows, Flow("retrofit", source="preprod", target="uat")),
        families=(
            *topology.families,
            *(Family(name, source=(to,), to=(to,), retrofit=owed) for name, to, owed in more),
        ),
    )
    ax = plot.topology(topology, orientation=orientation)
    ax.figure.canvas.draw()
    boxes = [made.get_window_extent() for text in ax.texts if (made := text.get_bbox_patch()) is not None]
    lines = [each for each in ax.patches if isinstance(each, FancyArrowPatch) and each.get_zorder() < 2]
    assert (len(boxes), len(lines)) == (5, 9)
    for line in lines:
        points = np.asarray(line.get_transform().transform_path(line.get_path()).interpolated(40).vertices)
        inside = {number for number, box in enumerate(boxes) if any(box.contains(x, y) for x, y in points)}
        assert len(inside) <= 1


def test_every_picture_of_an_audit_is_a_method_of_its_plot(found: bs.Audit) -> None:
    methods = {name for name in dir(found.plot) if not name.startswith("_")}
    others = {"AuditPlots", "ExperimentPlots", "branch_graph", "forecast", "typical_wait"}
    assert methods == {*plot.__all__} - others - {"risk_by_delay", "strategies"}
    for name in sorted(methods):
        figure = getattr(found.plot, name)().figure
        pictures.assert_texts_inside(figure)
        pictures.assert_texts_apart(figure)
        pictures.close_all()


def test_a_wait_begins_when_the_target_exists(tmp_path: Path) -> None:
    path = tmp_path / "repo"
    start = 1_735_689_600
    with RepoBuilder(path, bare=True) as repo:
        repo.commit("main", {"a": "1\n"}, at=start)
        repo.branch("release/1", "main")
        repo.commit("release/1", {"a": "2\n"}, subject="Mended", at=start + DAY)
        repo.commit("main", {"b": "1\n"}, at=start + 10 * DAY)
        repo.branch("release/2", "main")
        repo.commit("release/2", {"c": "1\n"}, at=start + 20 * DAY)
    found = bs.audit(path, bs.Topology.release_train(), cache=None)
    owed = found.obligations
    assert {*owed["owed_to"]} == {"main", "release/2"}
    ax = plot.latency_over_time(found)
    waited = sorted(float(y) for each in ax.collections if isinstance(each, PathCollection) for _, y in _places(each))
    # On main since the first day, on release/2 only since that began, with the commit of the tenth day.
    assert waited == pytest.approx([0.0, 10.0, 19.0])


# -- experiments -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made() -> bs.Experiment:
    team = bs.Team(mistakes={"skip-retrofit": 0.3}, places=6, others=bs.Habits(both=0.2, ours=0.4, theirs=0.4))
    return bs.experiment([bs.Strategy.build_run(), bs.Strategy.gitflow()], team, releases=3, runs=4, seed=1)


def test_a_curve_of_risk_is_that_of_the_table_and_never_stands_last(made: bs.Experiment) -> None:
    ax = made.plot.risk_by_delay(bins=3)
    rows = made.risk_by_delay(bins=3)
    curve = rows[(rows["strategy"] == "build-run") & rows["delay_hours"].notna()]
    x, y = ax.lines[0].get_data()
    assert np.allclose(np.asarray(x, float), curve["delay_hours"].to_numpy(float) / 24)
    assert np.allclose(np.asarray(y, float), curve["share"].to_numpy(float))
    assert [text.get_text() for text in ax.get_xticklabels()][-1] == "never"
    assert _said(ax)[0] == f"build-run ({int(rows.loc[rows['strategy'] == 'build-run', 'fixes'].sum())} fixes)"


def test_risks_are_not_mixed_and_curves_are_few() -> None:
    rows = pictures.risks()
    with pytest.raises(InputError, match=r"several risks \(lost, missed\)"):
        plot.risk_by_delay(pd.concat([rows, rows.assign(risk="missed")]))
    with pytest.raises(InputError, match="8 strategies are more curves than can be told apart; choose 7"):
        plot.risk_by_delay(pd.concat([rows.assign(strategy=f"s{number}") for number in range(8)]))
    with pytest.raises(InputError, match="'share' must hold numbers"):
        plot.risk_by_delay(rows.assign(share="much"))


def test_bars_are_the_means_and_say_their_intervals(made: bs.Experiment) -> None:
    ax = made.plot.strategies("conflicts")
    rows = made.summary[made.summary["measure"] == "conflicts"]
    assert [bar.get_width() for bar in ax.patches] == pytest.approx(rows["mean"].to_list())
    assert [text.get_text() for text in ax.get_yticklabels()] == ["build-run", "gitflow"]
    low, high = rows["low"].iloc[0], rows["high"].iloc[0]
    assert f"({low:.2f} to {high:.2f})" in ax.texts[0].get_text()
    assert "mean of 4 runs" in ax.get_xlabel()
    with pytest.raises(InputError, match=r"unknown measure 'conflict' .*did you mean 'conflicts'"):
        made.plot.strategies("conflict")
