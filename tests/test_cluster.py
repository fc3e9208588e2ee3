"""On a cluster that loses a worker in the middle, the answer is the one that one process gives."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.repos import RepoBuilder

import branchsim as bs
from branchsim.check.experiment import trace_of_run
from branchsim.check.replay import materialise

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # what it imports, not what we do
    distributed: Any = import_module("distributed")  # it has no types

TEAM = bs.Team(mistakes={"skip-retrofit": 0.2, "stale-commit": 0.1}, places=8)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    cluster = distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",
        local_directory=str(tmp_path_factory.mktemp("dask")),
        silence_logs=50,
    )
    with cluster, distributed.Client(cluster) as made:
        yield made


class Killer:
    """Kills a worker when the first answer is there."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.workers = dict(client.run(os.getpid))
        self.done = 0

    def __call__(self, _what: str, steps: int | None) -> None:
        if self.done == 0:
            os.kill(min(self.workers.values()), signal.SIGKILL)
        self.done += steps or 0


def test_an_experiment_on_a_cluster_that_loses_a_worker(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("branchsim.check.experiment"), "_CHUNK", 12)
    asked: dict[str, Any] = {"releases": 6, "runs": 16, "seed": 5}
    with ThreadPoolExecutor(1) as here:
        alone = bs.experiment(bs.Strategy.build_run(), TEAM, executor=here, **asked)
    killer = Killer(client)
    with client.get_executor() as executor:
        made = bs.experiment(bs.Strategy.build_run(), TEAM, executor=executor, report=killer, **asked)
    assert killer.done == 16
    assert {*client.run(os.getpid).values()} != {*killer.workers.values()}
    for name in ("releases", "runs", "fixes", "summary"):
        pd.testing.assert_frame_equal(getattr(alone, name), getattr(made, name))


def test_many_audits_on_a_cluster_that_loses_a_worker(client: Any, tmp_path: Path) -> None:
    places = {f"shop-{number}": tmp_path / f"{number}.git" for number in range(4)}
    for number, place in enumerate(places.values()):
        materialise(trace_of_run(bs.Strategy.build_run(), TEAM, releases=1, seed=number), place)
    with RepoBuilder(tmp_path / "other") as repo:
        repo.commit("trunk", {"a.txt": "a\n"})
    places["other"] = tmp_path / "other"
    topology = bs.Topology.build_run()
    with ThreadPoolExecutor(1) as here:
        alone = bs.audit_many(places, topology, executor=here, cache=None)
    killer = Killer(client)
    with client.get_executor() as executor:
        made = bs.audit_many(places, topology, executor=executor, report=killer, cache=None)
    assert killer.done == 5
    assert made.repositories["status"].tolist() == ["audited"] * 4 + ["failed"]
    for name in ("repositories", "obligations", "overwrites", "promotions", "windows", "violations"):
        pd.testing.assert_frame_equal(getattr(alone, name), getattr(made, name))
