"""Experiments: what a strategy costs a team, as numbers with confidence intervals."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from branchsim.accessors import accessor
from branchsim.check.bounds import check_whole
from branchsim.check.intervals import of_mean
from branchsim.check.risk import risk_table
from branchsim.check.strategy import Strategy
from branchsim.check.team import Team
from branchsim.errors import InputError
from branchsim.history.frames import FLAG, INTEGER, NUMBER, TEXT, frame
from branchsim.parallel import run_jobs

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from branchsim.check.course import FixRow, Outcome, ReleaseRow
    from branchsim.check.trace import Trace
    from branchsim.topology import Topology

Engine = Literal["model", "git"]
"""Whether versions are those of the model alone, or are made by git too, compared, and audited."""

MEASURES: dict[str, str] = {
    "overwrites": "changes that a landing dropped, from whichever branch first",
    "lost_fixes": "fixes that had reached production and vanished from it",
    "conflicts": "landings that conflicted",
    "missed_retrofits": "retrofits that a promotion passed before they were made",
    "leaks": "features that reached RUN without having been where they had to pass",
    "frozen_hours": "hours in which RUN held a version that production did not",
    "waited_hours": "hours that hotfixes waited for RUN to be free",
}
"""What is measured, and what it means."""

RELEASES_SCHEMA: dict[str, str] = {
    "strategy": TEXT,
    "run": INTEGER,
    "release": INTEGER,
    "at_hours": NUMBER,
    "features": INTEGER,
    "hotfixes": INTEGER,
    "overwrites": INTEGER,
    "lost_fixes": INTEGER,
    "conflicts": INTEGER,
    "retrofits_due": INTEGER,
    "missed_retrofits": INTEGER,
    "leaks": INTEGER,
    "frozen_hours": NUMBER,
    "waited_hours": NUMBER,
}
"""Columns and dtypes of `Experiment.releases`."""

RUNS_SCHEMA: dict[str, str] = {
    "strategy": TEXT,
    "run": INTEGER,
    "features": INTEGER,
    "hotfixes": INTEGER,
    "overwrites": INTEGER,
    "lost_fixes": INTEGER,
    "conflicts": INTEGER,
    "retrofits_due": INTEGER,
    "missed_retrofits": INTEGER,
    "leaks": INTEGER,
    "frozen_hours": NUMBER,
    "waited_hours": NUMBER,
    "audit_overwrites": INTEGER,
    "audit_missed": INTEGER,
}
"""Columns and dtypes of `Experiment.runs`; the last two are missing where git was not asked."""

FIXES_SCHEMA: dict[str, str] = {
    "strategy": TEXT,
    "run": INTEGER,
    "fix": TEXT,
    "landed_on": TEXT,
    "owed_to": TEXT,
    "landed_at_hours": NUMBER,
    "planned_delay_hours": NUMBER,
    "arrived_after_hours": NUMBER,
    "missed": FLAG,
    "lost": FLAG,
    "lost_after_hours": NUMBER,
    "lost_on": TEXT,
    "lost_from_production": FLAG,
}
"""Columns and dtypes of `Experiment.fixes`."""

SUMMARY_SCHEMA: dict[str, str] = {
    "strategy": TEXT,
    "measure": TEXT,
    "mean": NUMBER,
    "low": NUMBER,
    "high": NUMBER,
    "runs": INTEGER,
}
"""Columns and dtypes of `Experiment.summary`."""

BY_RELEASE_SCHEMA: dict[str, str] = {
    "strategy": TEXT,
    "release": INTEGER,
    "measure": TEXT,
    "mean": NUMBER,
    "low": NUMBER,
    "high": NUMBER,
    "runs": INTEGER,
}
"""Columns and dtypes of `Experiment.by_release`."""

_CHUNK = 400
"""Releases that one job simulates on the model: some seconds of work. It bears on nothing but speed."""


class _Job(NamedTuple):
    strategy: Strategy
    team: Team
    releases: int
    runs: tuple[tuple[int, np.random.SeedSequence], ...]
    engine: Engine


class _Run(NamedTuple):
    run: int
    releases: list[ReleaseRow]
    fixes: list[FixRow]
    seen: tuple[int, int] | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Experiment:
    """What an experiment came to. Each access to a table makes a new one.

    Attributes
    ----------
    strategies : tuple of Strategy
        What was compared; in tables by name.
    team : Team
        The team.
    count : int
        How many releases a run has.
    run_count : int
        How many runs there were of each strategy.
    seed : int
        The seed.
    engine : {"model", "git"}
        Whether git made every version too.
    confidence : float
        The level of the intervals.
    """

    strategies: tuple[Strategy, ...]
    team: Team
    count: int
    run_count: int
    seed: int
    engine: Engine
    confidence: float
    _runs: tuple[tuple[str, _Run], ...]

    @property
    def releases(self) -> pd.DataFrame:
        """A row for each strategy, run and release; the columns are those of `RELEASES_SCHEMA`."""
        return frame(
            (
                {"strategy": name, "run": run.run} | _renamed(dataclasses.asdict(row))
                for name, run in self._runs
                for row in run.releases
            ),
            RELEASES_SCHEMA,
        )

    @property
    def runs(self) -> pd.DataFrame:
        """A row for each strategy and run, summed over its releases; the columns are those of `RUNS_SCHEMA`."""
        return frame(
            (
                {"strategy": name, "run": run.run}
                | {key: sum(getattr(row, key) for row in run.releases) for key in list(RUNS_SCHEMA)[2:-2]}
                | dict(zip(("audit_overwrites", "audit_missed"), run.seen or (None, None), strict=True))
                for name, run in self._runs
            ),
            RUNS_SCHEMA,
        )

    @property
    def fixes(self) -> pd.DataFrame:
        """A row for each fix and each branch it was owed to; the columns are those of `FIXES_SCHEMA`.

        ``planned_delay_hours`` is the delay that was drawn for its retrofit, missing where nobody meant to make it;
        ``lost`` says whether its effect was dropped anywhere, and ``lost_after_hours`` how long after it had landed.
        """
        return frame(
            (
                {
                    "strategy": name,
                    "run": run.run,
                    "fix": row.fix,
                    "landed_on": row.landed_on,
                    "owed_to": row.owed_to,
                    "landed_at_hours": row.landed_at,
                    "planned_delay_hours": row.planned_delay,
                    "arrived_after_hours": row.arrived_after,
                    "missed": row.missed,
                    "lost": row.lost,
                    "lost_after_hours": None if row.lost_at is None else row.lost_at - row.landed_at,
                    "lost_on": row.lost_on,
                    "lost_from_production": row.lost_from_production,
                }
                for name, run in self._runs
                for row in run.fixes
            ),
            FIXES_SCHEMA,
        )

    @property
    def summary(self) -> pd.DataFrame:
        """For each strategy and measure the mean of a run, with its interval; columns as in `SUMMARY_SCHEMA`.

        Runs are independent, so the interval is that of Student's t over runs, cut at nought; it is missing where all
        runs came to the same: how they differ is not known then.
        """
        table = self.runs
        return frame(
            (
                {"strategy": strategy.name, "measure": measure}
                | _interval(
                    table.loc[table["strategy"] == strategy.name, measure].to_numpy(dtype=float), self.confidence
                )
                for strategy in self.strategies
                for measure in MEASURES
            ),
            SUMMARY_SCHEMA,
        )

    @property
    def by_release(self) -> pd.DataFrame:
        """For each strategy, release and measure the mean over runs, with its interval; `BY_RELEASE_SCHEMA`."""
        table = self.releases
        rows = []
        for strategy in self.strategies:
            own = table[table["strategy"] == strategy.name]
            for measure in MEASURES:
                values = own.pivot_table(index="release", columns="run", values=measure, aggfunc="sum")
                rows += [
                    {"strategy": strategy.name, "release": int(release), "measure": measure}
                    | _interval(values.loc[release].to_numpy(dtype=float), self.confidence)
                    for release in values.index
                ]
        return frame(rows, BY_RELEASE_SCHEMA)

    def risk_by_delay(self, risk: str = "lost", *, bins: int = 8) -> pd.DataFrame:
        """The share of fixes that came to harm, by how long their retrofit was to take.

        Parameters
        ----------
        risk : {"lost", "lost_from_production", "missed"}
            Which harm: a column of `fixes`.
        bins : int
            Into how many parts of equal size the delays are divided, 100 at most. Where there are no more different
            delays than that, each stands for itself: experiments with `Delay.fixed`, put together, make a curve.

        Returns
        -------
        DataFrame
            A row for each strategy and bin; the columns are those of `RISK_SCHEMA`: the median, least and greatest
            delay, the fixes, how many came to harm, their share with its interval. The last row of a strategy, without
            a delay, holds what nobody meant to bring back. Fixes of one run share a fate, and the interval knows:
            Wilson's, for as many independent fixes as they are worth.

        Raises
        ------
        InputError
            There is no such risk, or the number of bins is out of range.
        """
        names = [strategy.name for strategy in self.strategies]
        return risk_table(self.fixes, names, risk=risk, bins=bins, confidence=self.confidence)

    @property
    def plot(self) -> Any:
        """The pictures as methods, for example ``experiment.plot.risk_by_delay()``: see `branchsim.plot`."""
        return accessor(self, "plot")

    def __repr__(self) -> str:
        names = ", ".join(strategy.name for strategy in self.strategies)
        return f"<Experiment of {names}: {self.run_count} runs of {self.count} releases, seed {self.seed}>"

    def __str__(self) -> str:
        head = f"{self.run_count} runs of {self.count} releases, seed {self.seed}"
        lines = [f"{head}; mean of a run with its interval at {self.confidence:.0%}"]
        lines += [
            f"  {row.strategy:<24} {row.measure:<18} {row.mean:10.2f}"
            + ("" if row.low is None else f"   {row.low:.2f} to {row.high:.2f}")
            for row in (_Row(**each) for each in _plain(self.summary))
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from branchsim import formatting as form

        rows = [
            (
                row.strategy,
                form.code(row.measure),
                float(row.mean),
                "" if row.low is None else f"{row.low:.2f} to {row.high:.2f}",
                MEASURES[row.measure],
            )
            for row in (_Row(**each) for each in _plain(self.summary))
        ]
        title = f"{self.run_count} runs of {self.count} releases, seed {self.seed}"
        heads = ("strategy", "measure", "mean of a run", f"interval at {self.confidence:.0%}", "what it is")
        return form.page(title, form.table(heads, rows))


class _Row(NamedTuple):
    strategy: str
    measure: str
    mean: float
    low: float | None
    high: float | None
    runs: int


def experiment(
    strategy: Strategy | Iterable[Strategy],
    team: Team | None = None,
    *,
    releases: int = 12,
    runs: int = 100,
    seed: int = 0,
    executor: Executor | None = None,
    engine: Engine = "model",
    confidence: float = 0.95,
    report: Callable[[str, int | None], None] | None = None,
) -> Experiment:
    """Let a team work with a strategy, many times over, and measure what that costs.

    Parameters
    ----------
    strategy : Strategy or iterable of Strategy
        One, or several to compare: run number n of each gets the same features and hotfixes at the same times.
    team : Team, optional
        The team; `Team()` by default.
    releases : int
        How many releases a run has.
    runs : int
        How many runs there are of each strategy.
    seed : int
        Where chance begins. The same seed gives the same result, whatever the executor, and whoever does which run.
    executor : concurrent.futures.Executor, optional
        Who does the work. By default a pool of processes; what takes a few seconds is done here. Of a Dask client give
        ``client.get_executor()``.
    engine : {"model", "git"}
        With ``git`` every run is made on a scratch repository too: real git must agree in every tree and every
        conflict, and the repository is audited. It takes some hundred times as long.
    confidence : float
        The level of the intervals, between 0 and 1.
    report : callable, optional
        Called with what is being done and how many further runs are done, for a progress bar.

    Returns
    -------
    Experiment
        Tables of releases, runs and fixes, with a summary and its intervals.

    Raises
    ------
    InputError
        A number is out of range, two strategies have one name, or something is not what it should be.
    InternalError
        git and the model disagree.
    BranchsimError
        A worker process ended.

    Examples
    --------
    >>> found = experiment(Strategy.trunk(), Team(), releases=4, runs=5, seed=1)
    >>> found.runs["hotfixes"].sum() > 0
    True
    """
    import numpy as np

    chosen = (strategy,) if isinstance(strategy, Strategy) else tuple(strategy)
    people = Team() if team is None else team
    _check(chosen, people, engine=engine, confidence=confidence)
    check_whole("experiment: releases", releases, most=10_000)
    check_whole("experiment: runs", runs)
    check_whole("experiment: seed", seed, least=0)
    seeds = list(enumerate(np.random.SeedSequence(seed).spawn(runs), start=1))
    size = 1 if engine == "git" else max(1, _CHUNK // releases)
    jobs = [
        _Job(each, people, releases, tuple(seeds[start : start + size]), engine)
        for each in chosen
        for start in range(0, runs, size)
    ]
    done: dict[int, list[_Run]] = {}
    for number, answer in run_jobs(_work, jobs, executor):
        done[number] = answer
        if report is not None:
            report("simulating runs", len(answer))
    return Experiment(
        strategies=chosen,
        team=people,
        count=releases,
        run_count=runs,
        seed=seed,
        engine=engine,
        confidence=confidence,
        _runs=tuple((job.strategy.name, run) for number, job in enumerate(jobs) for run in done[number]),
    )


def _check(chosen: Sequence[object], team: object, *, engine: str, confidence: object) -> None:
    if not chosen:
        raise InputError("experiment: no strategy was given")
    for each in chosen:
        if not isinstance(each, Strategy):
            raise InputError(f"experiment needs a Strategy, or several, and not {type(each).__name__}")
    names = [each.name for each in chosen if isinstance(each, Strategy)]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two strategies are named {name!r}; give one of them another name: replace(name=...)")
    if not isinstance(team, Team):
        raise InputError(f"experiment needs a Team, not {type(team).__name__}")
    if engine not in get_args(Engine):
        raise InputError(f"experiment: engine must be one of {', '.join(get_args(Engine))}, not {engine!r}")
    if isinstance(confidence, bool) or not isinstance(confidence, float) or not 0 < confidence < 1:
        raise InputError(f"experiment: confidence must be a number between 0 and 1, not {confidence!r}")


def _work(job: _Job) -> list[_Run]:
    """Do the runs of a job; in whatever process."""
    from branchsim.check.course import Course

    found = []
    for number, seed in job.runs:
        course = Course(job.strategy, job.team, releases=job.releases, seed=seed, record=job.engine == "git")
        outcome = course.run()
        seen = _seen(outcome, job.strategy.topology) if job.engine == "git" else None
        found.append(_Run(number, outcome.releases, outcome.fixes, seen))
    return found


def trace_of_run(strategy: Strategy, team: Team, *, releases: int, seed: int, run: int = 1) -> Trace:
    """The history of one run of an experiment: to tell it, draw it, or make it with `branchsim.check.materialise`.

    Parameters
    ----------
    strategy, team, releases, seed
        As for `experiment`.
    run : int
        The number of the run, from 1.
    """
    import numpy as np

    from branchsim.check.course import Course

    check_whole("trace_of_run: run", run)
    child = np.random.SeedSequence(seed, spawn_key=(run - 1,))
    trace = Course(strategy, team, releases=releases, seed=child, record=True).run().trace
    assert trace is not None  # noqa: S101  it was recorded
    return trace


def _seen(outcome: Outcome, topology: Topology) -> tuple[int, int]:
    """Make a run with git and audit it: changes that were overwritten, retrofits that a promotion passed."""
    from branchsim.audit.audit import audit
    from branchsim.audit.verdicts import Verdict
    from branchsim.check.replay import materialise
    from branchsim.effects.fates import Fate

    assert outcome.trace is not None  # noqa: S101  it was recorded
    with tempfile.TemporaryDirectory(prefix="branchsim-") as home:
        place = Path(home) / "run.git"
        materialise(outcome.trace, place)
        found = audit(place, topology, cache=None, checks=("obligations", "overwrites"))
    # A change here only adds: what brings a removed line back is an overwrite undone, and none of its own.
    overwritten = {record.change for record in found.overwrite_records if record.fate != Fate.DELETION_UNDONE.value}
    at = {landing.sha: landing.at for landing in found.history}
    missed = 0
    for record in found.records:
        if record.verdict in {Verdict.LOST, Verdict.PARTIAL} and record.arrived_at is not None:
            # It came, and was overwritten later: whether it came in time is a question of its own.
            missed += record.deadline is not None and record.arrived_at > at[record.deadline]
        else:
            missed += record.overdue and record.verdict in {Verdict.LATE, Verdict.MISSED, Verdict.LOST}
    return len(overwritten), missed


def _renamed(row: dict[str, Any]) -> dict[str, Any]:
    row["at_hours"] = row.pop("at")
    return row


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table, with None for what is missing."""
    import pandas as pd

    return [
        {str(key): None if pd.isna(value) else value for key, value in row.items()}
        for row in table.to_dict(orient="records")
    ]


def _interval(values: np.ndarray, confidence: float) -> dict[str, float | int | None]:
    """The mean of independent values, with its interval."""
    low, high = of_mean(values, confidence)
    return {"mean": float(values.mean()), "low": low, "high": high, "runs": len(values)}


__all__ = [
    "BY_RELEASE_SCHEMA",
    "FIXES_SCHEMA",
    "MEASURES",
    "RELEASES_SCHEMA",
    "RUNS_SCHEMA",
    "SUMMARY_SCHEMA",
    "Engine",
    "Experiment",
    "experiment",
    "trace_of_run",
]
