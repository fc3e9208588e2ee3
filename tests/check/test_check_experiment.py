"""A team at work, many times over: what is counted, that chance is the seed's alone, and that git agrees."""

from __future__ import annotations

from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd
import pytest

from branchsim.check import PRESETS, Strategy
from branchsim.check.course import Course
from branchsim.check.experiment import (
    BY_RELEASE_SCHEMA,
    FIXES_SCHEMA,
    MEASURES,
    RELEASES_SCHEMA,
    RUNS_SCHEMA,
    SUMMARY_SCHEMA,
    Experiment,
    experiment,
    trace_of_run,
)
from branchsim.check.intervals import of_mean, of_share
from branchsim.check.replay import replay_many
from branchsim.check.risk import RISK_SCHEMA
from branchsim.check.team import RATES, Delay, Habits, Team
from branchsim.errors import BranchsimError, InputError

CARELESS = Team(
    mistakes=dict.fromkeys(RATES, 0.15), places=12, others=Habits(both=0.4, ours=0.3, theirs=0.3), uat_hours=100.0
)
CAREFUL = Team(others=Habits())


@pytest.fixture(scope="module")
def found() -> Experiment:
    strategies = [Strategy.build_run(), Strategy.build_run().replace(guards=(), name="no guards")]
    return experiment(strategies, CARELESS, releases=5, runs=12, seed=7)


@pytest.mark.parametrize("name", PRESETS)
def test_git_agrees_with_every_version_of_a_run(name: str) -> None:
    """Every tree and every conflict of a careless team, with the guards of the strategy and without."""
    team = CARELESS.replace(features_per_week=4.0)
    strategies = (PRESETS[name](), PRESETS[name]().without())
    done = replay_many([trace_of_run(each, team, releases=3, seed=11) for each in strategies])
    assert sum(each.trees for each in done) >= 50
    assert sum(each.conflicts for each in done) > 5


def test_the_audit_finds_exactly_what_the_run_lost_and_missed() -> None:
    team = CARELESS.replace(mistakes={})
    runs = experiment(Strategy.build_run().without(), team, releases=3, runs=4, seed=4, engine="git").runs
    # Among them are a fix that came back over a merge base without it, and one that came late and was lost after.
    assert runs["overwrites"].sum() > 10
    assert runs["audit_overwrites"].tolist() == runs["overwrites"].tolist()
    assert runs["missed_retrofits"].sum() > 0
    assert runs["audit_missed"].tolist() == runs["missed_retrofits"].tolist()


def test_careful_people_lose_nothing() -> None:
    for make in PRESETS.values():
        runs = experiment(make(), CAREFUL, releases=6, runs=8, seed=3).runs
        assert runs["overwrites"].sum() == 0
        assert runs["lost_fixes"].sum() == 0
        assert runs["leaks"].sum() == 0
        assert runs["conflicts"].sum() > 0


def test_tables_have_their_columns_and_add_up(found: Experiment) -> None:
    tables = {
        "releases": RELEASES_SCHEMA,
        "runs": RUNS_SCHEMA,
        "fixes": FIXES_SCHEMA,
        "summary": SUMMARY_SCHEMA,
        "by_release": BY_RELEASE_SCHEMA,
    }
    for name, schema in tables.items():
        table: pd.DataFrame = getattr(found, name)
        assert {column: str(kind) for column, kind in table.dtypes.items()} == schema, name
        table.iloc[:, 0] = "spoilt"  # the caller's own: the next one is new
        assert (getattr(found, name).iloc[:, 0] != "spoilt").all()
    releases, runs = found.releases, found.runs
    assert len(releases) == 2 * 12 * 5
    assert len(runs) == 2 * 12
    for measure in MEASURES:
        sums = releases.groupby(["strategy", "run"])[measure].sum()
        assert np.allclose(
            sums.to_numpy(float), runs.set_index(["strategy", "run"]).sort_index()[measure].to_numpy(float)
        )
    assert runs["audit_overwrites"].isna().all()
    assert len(found.by_release) == 2 * 5 * len(MEASURES)


def test_the_fixes_tell_what_the_runs_count(found: Experiment) -> None:
    fixes, runs = found.fixes, found.runs
    assert len(fixes) == runs["retrofits_due"].sum()
    assert fixes["missed"].sum() == runs["missed_retrofits"].sum()
    assert fixes["lost_from_production"].sum() == runs["lost_fixes"].sum()
    assert (fixes.loc[fixes["lost"], "lost_after_hours"] >= 0).all()
    assert fixes.loc[~fixes["lost"], "lost_on"].isna().all()


def test_guards_stop_what_they_forbid(found: Experiment) -> None:
    runs = found.runs
    guarded, free = (runs[runs["strategy"] == name] for name in ("build-run", "no guards"))
    assert guarded["missed_retrofits"].sum() == 0
    assert free["missed_retrofits"].sum() > 20
    assert guarded["waited_hours"].sum() > 0
    assert free["waited_hours"].sum() == 0


def test_strategies_get_the_same_work(found: Experiment) -> None:
    counts = found.runs.pivot_table(index="run", columns="strategy", values=["features"], aggfunc="sum")
    assert (counts["features"]["build-run"] == counts["features"]["no guards"]).all()


@pytest.mark.parametrize(
    "mistake", ["skip-retrofit", "stale-commit", "revert", "force-push", "wrong-base", "delete-branch"]
)
def test_each_mistake_does_what_its_name_says(mistake: str) -> None:
    strategy = Strategy.build_run().without()
    team = CAREFUL.replace(mistakes={mistake: 0.9}, places=10, retrofit_delay=Delay.fixed(1.0))
    runs = experiment(strategy, team, releases=4, runs=4, seed=1).runs
    without = experiment(strategy, team.replace(mistakes={}), releases=4, runs=4, seed=1).runs
    measure = {
        "skip-retrofit": "missed_retrofits",
        "delete-branch": "missed_retrofits",
        "wrong-base": "leaks",
    }.get(mistake, "overwrites")
    assert runs[measure].sum() > without[measure].sum()


def test_the_later_the_retrofit_the_higher_the_risk() -> None:
    lost = []
    for hours in (1.0, 400.0):
        team = CARELESS.replace(mistakes={}, retrofit_delay=Delay.fixed(hours))
        fixes = experiment(Strategy.build_run().without(), team, releases=8, runs=20, seed=5).fixes
        lost.append(fixes["lost"].mean())
    assert lost[1] > 1.5 * lost[0]


def test_hours_of_freeze_are_those_of_validation() -> None:
    runs = experiment(Strategy.build_run(), CAREFUL.replace(validation_hours=31.0), releases=5, runs=3, seed=1).runs
    assert np.allclose(runs["frozen_hours"].to_numpy(float), 5 * 31.0)


def test_risk_by_delay_adds_up_and_never_stands_apart(found: Experiment) -> None:
    table = found.risk_by_delay("missed", bins=4)
    assert {column: str(kind) for column, kind in table.dtypes.items()} == RISK_SCHEMA
    fixes = found.fixes
    owed = fixes[fixes["owed_to"].notna()]
    assert table["fixes"].sum() == len(owed)
    assert table["hit"].sum() == owed["missed"].sum()
    free = table[table["strategy"] == "no guards"]
    assert len(free) == 5
    assert free["delay_hours"].isna().tolist() == [False] * 4 + [True]
    assert free["delay_hours"].dropna().is_monotonic_increasing
    assert (free["low"] <= free["share"]).all()
    assert (free["share"] <= free["high"]).all()
    # Skipped retrofits that nobody makes up for are missed more often than those that come at once.
    assert free["share"].iloc[-1] > free["share"].iloc[0]
    with pytest.raises(InputError, match=r"unknown risk 'mised'.*did you mean 'missed'"):
        found.risk_by_delay("mised")
    with pytest.raises(InputError, match="bins must be a whole number from 1 to 100"):
        found.risk_by_delay(bins=0)


def test_fixed_delays_put_together_make_a_curve() -> None:
    team = CARELESS.replace(mistakes={})
    tables = [
        experiment(
            Strategy.trunk() if hours == 0 else Strategy.build_run(),
            team.replace(retrofit_delay=Delay.fixed(hours)),
            releases=2,
            runs=2,
            seed=1,
        ).risk_by_delay()
        for hours in (0.0, 5.0, 50.0)
    ]
    assert [len(each) for each in tables] == [0, 1, 1]  # on a trunk nothing is owed
    assert pd.concat(tables)["delay_hours"].tolist() == [5.0, 50.0]


@pytest.mark.parametrize("alike", [0.0, 0.6])
def test_the_interval_of_a_share_holds_the_truth_as_often_as_it_says(alike: float) -> None:
    """Also where the things of one cluster share a fate: then plain Wilson holds it far less often."""
    chance, truth, held = np.random.default_rng(3), 0.2, 0
    for _ in range(400):
        fates = chance.random(25) < truth
        each = np.where(chance.random((25, 12)) < alike, fates[:, None], chance.random((25, 12)) < truth)
        low, high = of_share(each.sum(axis=1).astype(float), np.full(25, 12.0), 0.9)
        assert low is not None
        assert high is not None
        held += low <= truth <= high
    assert 0.86 <= held / 400 <= 0.95


def test_an_interval_that_is_not_known_is_missing() -> None:
    assert of_share(np.array([1.0]), np.array([9.0]), 0.9) == (None, None)
    assert of_mean(np.array([2.0, 2.0]), 0.9) == (None, None)
    low, high = of_share(np.zeros(30), np.full(30, 10.0), 0.95)
    assert low == 0.0
    assert high is not None
    assert 0.005 < high < 0.03  # some three in 300: the rule of three and a little more


class Backwards(Executor):
    """Does everything at once, and hands the last first."""

    def __init__(self) -> None:
        self.futures: list[tuple[Future[Any], Any]] = []

    def submit(self, function: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.futures.insert(0, (future, (function, arguments, named)))
        if len(self.futures) == 4:
            for each, (work, given, more) in self.futures:
                each.set_result(work(*given, **more))
        return future


def test_the_same_seed_gives_the_same_result_whatever_the_executor_and_the_chunks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def tables(executor: Executor | None, chunk: int) -> list[pd.DataFrame]:
        monkeypatch.setattr(import_module("branchsim.check.experiment"), "_CHUNK", chunk)
        made = experiment(Strategy.gitflow(), CARELESS, releases=3, runs=8, seed=99, executor=executor)
        return [made.releases, made.runs, made.fixes, made.summary]

    alone = tables(None, 400)
    with ThreadPoolExecutor(3) as threads, ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        for executor, chunk in ((threads, 3), (processes, 9), (Backwards(), 6), (None, 12)):
            for one, other in zip(alone, tables(executor, chunk), strict=True):
                pd.testing.assert_frame_equal(one, other)
    other_seed = experiment(Strategy.gitflow(), CARELESS, releases=3, runs=8, seed=98).runs
    assert not other_seed.equals(alone[1])


def test_more_runs_are_the_same_runs_and_more() -> None:
    few = experiment(Strategy.trunk(), CARELESS, releases=2, runs=3, seed=4).runs
    many = experiment(Strategy.trunk(), CARELESS, releases=2, runs=6, seed=4).runs
    pd.testing.assert_frame_equal(few, many.head(3))


def test_a_run_can_be_told_again() -> None:
    team = CARELESS.replace(features_per_week=2.0)
    trace = trace_of_run(Strategy.build_run(), team, releases=2, seed=5, run=2)
    made = experiment(Strategy.build_run(), team, releases=2, runs=2, seed=5).runs
    seed = np.random.SeedSequence(5).spawn(2)[1]
    again = Course(Strategy.build_run(), team, releases=2, seed=seed).run()
    assert sum(row.conflicts for row in again.releases) == made["conflicts"].iloc[1]
    assert trace.conflicts >= made["conflicts"].iloc[1]
    assert any("fix-1" in line for line in trace.story())


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Of intervals at 80 % of means of twelve runs some four of five hold the mean of very many runs."""
    team = Team(features_per_week=3.0, places=10)
    truth = experiment(Strategy.trunk(), team, releases=1, runs=1200, seed=1000).runs["conflicts"].mean()
    held = 0
    for seed in range(60):
        summary = experiment(Strategy.trunk(), team, releases=1, runs=12, seed=seed, confidence=0.8).summary
        row = summary[summary["measure"] == "conflicts"].iloc[0]
        held += bool(row["low"] <= truth <= row["high"])
    assert 39 <= held <= 57


def test_one_run_has_no_interval_and_the_text_says_so() -> None:
    found = experiment(Strategy.trunk(), CAREFUL, releases=2, runs=1, seed=1)
    assert found.summary["low"].isna().all()
    assert " to " not in str(found).splitlines()[1]
    assert "2 releases" in repr(found)
    assert "overwrites" in found._repr_html_()


def test_progress_is_reported() -> None:
    told: list[tuple[str, int | None]] = []
    experiment(Strategy.trunk(), CAREFUL, releases=2, runs=3, seed=1, report=lambda *each: told.append(each))
    assert sum(steps or 0 for _, steps in told) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strategy": "trunk"}, "needs a Strategy, or several, and not str"),
        ({"strategy": []}, "no strategy was given"),
        ({"strategy": [Strategy.trunk(), Strategy.trunk()]}, "two strategies are named 'trunk'"),
        ({"team": 3}, "needs a Team, not int"),
        ({"releases": 0}, "releases must be a whole number from 1"),
        ({"runs": True}, "runs must be a whole number"),
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"engine": "svn"}, "engine must be one of model, git, not 'svn'"),
        ({"confidence": 95}, "confidence must be a number between 0 and 1"),
        ({"executor": "dask"}, r"executor must be a concurrent.futures.Executor.*client.get_executor\(\)"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"strategy": Strategy.trunk(), "releases": 2, "runs": 2} | arguments
    with pytest.raises(InputError, match=message):
        experiment(given.pop("strategy"), given.pop("team", None), **given)


class Dying(Executor):
    """Loses the process of every job."""

    def submit(self, _function: Any, /, *_arguments: Any, **_named: Any) -> Future[Any]:
        from concurrent.futures.process import BrokenProcessPool

        future: Future[Any] = Future()
        future.set_exception(BrokenProcessPool("it went away"))
        return future


def test_a_worker_that_dies_is_one_sentence() -> None:
    with pytest.raises(BranchsimError, match="a worker process ended before its work was done"):
        experiment(Strategy.trunk(), CAREFUL, releases=2, runs=2, executor=Dying())
