"""What a team is made of, and how one is fitted to an audit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.repos import RepoBuilder

import branchsim as bs
from branchsim.check import Strategy, Team, experiment, trace_of_run
from branchsim.check.fit import fit_team
from branchsim.check.replay import materialise
from branchsim.check.resolutions import sides
from branchsim.check.team import WEEK, Delay, Habits
from branchsim.errors import InputError
from branchsim.names import Sha
from branchsim.simulate.regions import regions


def chance() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.mark.parametrize(
    ("delay", "mean"),
    [
        (Delay.fixed(7.0), 7.0),
        (Delay.exponential(5.0), 5.0),
        (Delay.lognormal(4.0, 0.5), 4.0 * np.exp(0.125)),
        (Delay.observed([1, 2, 9]), 4.0),
    ],
)
def test_delays_have_the_mean_they_say(delay: Delay, mean: float) -> None:
    generator = chance()
    assert np.mean([delay.sample(generator) for _ in range(20_000)]) == pytest.approx(mean, rel=0.03)
    assert eval(repr(delay), {"Delay": Delay}) == delay  # noqa: S307  our own repr


def test_habits_are_followed() -> None:
    habits, generator = Habits(both=0.5, ours=0.2, theirs=0.3), chance()
    made = [habits.choose(generator) for _ in range(10_000)]
    shares = {name: made.count(name) / len(made) for name in ("both", "ours", "theirs")}
    assert shares == pytest.approx({"both": 0.5, "ours": 0.2, "theirs": 0.3}, abs=0.02)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Delay.fixed(-1), "from 0, not -1"),
        (lambda: Delay.exponential(float("nan")), "not nan"),
        (lambda: Delay.observed([]), "at least one"),
        (lambda: Habits(both=0.5), "sum to 1, not to 0.5"),
        (lambda: Habits(both=1.5, ours=-0.5), "from 0 to 1, not"),
        (lambda: Team(places=0), "places must be a whole number from 1 to 1000"),
        (lambda: Team(features_per_week=-1), "features_per_week must be a number from 0"),
        (lambda: Team(release_hours=0), "release_hours must be a number from 1"),
        (lambda: Team().replace(retrofit_delay=24), "retrofit_delay must be a Delay"),
        (lambda: Team().replace(own=0.5), "own must be Habits"),
        (
            lambda: Team(mistakes={"skip-retrofits": 1}),
            r"unknown mistake 'skip-retrofits' \(did you mean 'skip-retrofit'",
        ),
        (lambda: Team(mistakes={"skip-retrofit": 2}), "from 0 to 1, not 2"),
        (lambda: Team(mistakes={"one-sided-resolution": 0.1}), r"said by own= and others="),
        (lambda: Team().replace(hotness=1), "a team has no part 'hotness'"),
    ],
)
def test_what_cannot_be_is_refused(make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


def test_a_team_is_its_repr() -> None:
    team = Team(mistakes={"revert": 0.1}, retrofit_delay=Delay.observed([3, 1]))
    assert eval(repr(team), {"Team": Team, "Delay": Delay, "Habits": Habits}) == team  # noqa: S307  our own repr


def test_a_team_is_fitted_to_what_another_one_made(tmp_path: Path) -> None:
    """A simulated team makes a repository; from its audit the team is told again."""
    real = Team(
        features_per_week=5.0,
        hotfixes_per_week=2.5,
        places=12,
        heat=1.2,
        retrofit_delay=Delay.fixed(20.0),
        validation_hours=60.0,
        mistakes={"skip-retrofit": 0.3},
        others=Habits(both=0.3, ours=0.0, theirs=0.7),
    )
    trace = trace_of_run(Strategy.build_run().without(), real, releases=8, seed=6)
    materialise(trace, tmp_path / "repo.git")
    audit = bs.audit(tmp_path / "repo.git", bs.Topology.build_run(), cache=None)
    fit = fit_team(audit)
    team = fit.team
    assert team == Team.from_audit(audit)
    assert team.features_per_week == pytest.approx(5.0, rel=0.3)
    assert team.hotfixes_per_week == pytest.approx(2.5, rel=0.4)
    assert team.release_hours == pytest.approx(2 * WEEK, rel=0.1)
    assert team.validation_hours == pytest.approx(60.0, rel=0.1)
    assert np.median(team.retrofit_delay.values) == pytest.approx(20.0, rel=0.1)
    # What nobody meant to retrofit came along with a later hotfix.
    assert max(team.retrofit_delay.values) > 48
    assert team.others.theirs == pytest.approx(0.7, abs=0.2)
    assert team.own.both > 0.8
    assert any(note.startswith("conflicts of promotions: ") and "to theirs" in note for note in fit.notes)
    assert experiment(Strategy.build_run(), team, releases=2, runs=2, seed=1).runs["features"].sum() > 0


def test_the_heat_of_files_is_told(tmp_path: Path) -> None:
    """Files edited 12, 6, 4 and 3 times are a team whose work falls by Zipf's law, with an exponent of 1."""
    with RepoBuilder(tmp_path / "repo") as repo:
        for number in range(12):
            edits = {f"{name}.txt": f"{name} {number}\n" for rank, name in enumerate("abcd", 1) if number < 12 // rank}
            repo.commit("main", edits)
    team = Team.from_audit(bs.audit(tmp_path / "repo", bs.Topology.trunk(), cache=None))
    assert team.places == 4
    assert team.heat == pytest.approx(1.0, abs=0.05)


MARKED = b"""\
one
<<<<<<< aa
two
ours
=======
theirs
>>>>>>> bb
three
<<<<<<< aa
=======
added
>>>>>>> bb
"""


@pytest.mark.parametrize(
    ("kept", "made"),
    [
        (b"one\ntwo\nours\nthree\n", ["ours", "ours"]),
        (b"one\ntheirs\nthree\nadded\n", ["theirs", "theirs"]),
        (b"one\ntwo\nours\ntheirs\nthree\nadded\n", ["both", "theirs"]),
        (b"one\nthree\n", ["both", "ours"]),
        (b"begun\none\ntheirs\nthree\nadded and more\n", ["theirs", "both"]),
        (b"", ["both", "ours"]),
    ],
)
def test_each_place_of_a_conflict_is_told_apart(kept: bytes, made: list[str]) -> None:
    assert sides(MARKED, regions(MARKED, Sha("aa"), Sha("bb")), kept) == made


def test_a_history_that_is_too_short_is_refused(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "repo") as repo:
        repo.commit("main", {"a.txt": "a\n"})
    audit = bs.audit(tmp_path / "repo", bs.Topology.trunk(), cache=None)
    with pytest.raises(InputError, match="too few to tell how a team works; audit more"):
        Team.from_audit(audit)
