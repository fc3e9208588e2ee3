"""Each picture beside the one that was looked at and found good.

``pytest --mpl-generate-path=tests/plot/baseline tests/plot/test_plot_pictures.py`` draws them anew: look at every one
before it is committed. Labels of ticks are left out of the comparison.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from matplotlib.figure import Figure
from support import pictures

from branchsim import plot
from branchsim.topology import Topology

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _compared(function: Any) -> Any:
    return pytest.mark.mpl_image_compare(
        baseline_dir="baseline",
        tolerance=6,
        style="default",
        remove_text=True,
        savefig_kwargs={"dpi": 50, "metadata": {"Software": None}},
    )(function)


def _figure(ax: Axes) -> Figure:
    figure = ax.get_figure()
    assert isinstance(figure, Figure)
    return figure


@_compared
def test_topology() -> Figure:
    owed = pd.DataFrame(
        {
            "landed_on": ["preprod", "preprod", "production"],
            "owed_to": ["integration"] * 3,
            "verdict": ["lost", "missed", "partial"],
        }
    )
    return _figure(plot.topology(Topology.build_run(), obligations=owed))


@_compared
def test_topology_of_many_branches() -> Figure:
    train = Topology.release_train().bind(["main", *(f"release/{number}" for number in range(1, 9))])
    return _figure(plot.topology(train))


@_compared
def test_timeline_of_few() -> Figure:
    return _figure(
        plot.timeline(
            pictures.landings(30),
            obligations=pictures.obligations(16),
            promotions=pictures.promotions(),
            overwrites=pictures.overwrites(8),
            windows=pictures.windows(),
        )
    )


@_compared
def test_timeline_of_thousands() -> Figure:
    return _figure(
        plot.timeline(
            pictures.landings(3000),
            obligations=pictures.obligations(200),
            promotions=pictures.promotions(),
            figsize=(8, 4),
        )
    )


@_compared
def test_retrofit_latency() -> Figure:
    return _figure(plot.retrofit_latency(pictures.obligations(80), by="family"))


@_compared
def test_latency_over_time() -> Figure:
    return _figure(plot.latency_over_time(pictures.obligations(80)))


@_compared
def test_presence() -> Figure:
    return _figure(plot.presence(pictures.obligations(24)))


@_compared
def test_overwrites_by_file() -> Figure:
    return _figure(plot.overwrites_by_file(pictures.overwrites(60)))


@_compared
def test_overwrites_by_cause() -> Figure:
    return _figure(plot.overwrites_by_cause(pictures.overwrites(60)))


@_compared
def test_forecast() -> Figure:
    return _figure(plot.forecast(pictures.forecasts()))


@_compared
def test_branch_graph() -> Figure:
    return _figure(plot.branch_graph(pictures.GRAPH, highlight=["c5"]))


@_compared
def test_risk_by_delay() -> Figure:
    return _figure(plot.risk_by_delay(pictures.risks()))


@_compared
def test_strategies() -> Figure:
    return _figure(plot.strategies(pictures.summaries()))
