from __future__ import annotations

from typing import Any

import pytest

from branchsim.check import PRESETS, Strategy, StrategyError
from branchsim.check.strategy import EVERYDAY
from branchsim.topology import Branch, Family, Flow, Topology


@pytest.mark.parametrize("name", PRESETS)
def test_presets_hold_together_and_their_repr_makes_them_again(name: str) -> None:
    strategy = PRESETS[name]()
    namespace = {"Strategy": Strategy, "Topology": Topology, "Branch": Branch, "Flow": Flow, "Family": Family}
    assert eval(repr(strategy), namespace) == strategy  # noqa: S307  our own repr
    assert strategy.production


def test_guards_come_from_the_topology_and_can_be_left_out() -> None:
    strategy = Strategy.build_run()
    assert strategy.guards == strategy.topology.guards
    assert strategy.without().guards == ()
    assert "run-frozen-while-ahead" not in strategy.without("run-frozen-while-ahead").guards
    assert strategy.without("run-frozen-while-ahead").topology == strategy.topology


def test_a_pattern_has_to_be_bound() -> None:
    with pytest.raises(StrategyError, match=r"branch 'release/\*' is a pattern"):
        Strategy(Topology.release_train())


def test_without_operations_that_land_there_is_no_way_to_production() -> None:
    with pytest.raises(StrategyError, match="no way to production: its operations lack pull-request"):
        Strategy(Topology.build_run(), operations=("start", "promote"))
    with pytest.raises(StrategyError, match="nothing that lands can reach 'production'"):
        Strategy(Topology.build_run(), operations=("start", "pull-request"))


def test_without_families_there_is_no_way_to_production() -> None:
    with pytest.raises(StrategyError, match="no family of branches lands anywhere"):
        Strategy(Topology.build_run().replace(families=()))


def test_a_guard_that_waits_for_what_no_operation_does_is_a_contradiction() -> None:
    operations = tuple(name for name in EVERYDAY if name not in {"retrofit", "merge-back"})
    with pytest.raises(StrategyError, match=r"owed to 'integration', no operation brings it there"):
        Strategy(Topology.build_run(), operations=operations)
    assert Strategy(Topology.build_run(), operations=operations, guards=()).guards == ()


def test_a_squash_that_is_demanded_and_forbidden_is_a_contradiction() -> None:
    topology = Topology.build_run()
    squashed = tuple(
        Family("hotfix/*", source=("preprod",), to=("preprod",), retrofit=("integration",), methods=("squash",))
        if family.pattern == "hotfix/*"
        else family
        for family in topology.families
    )
    with pytest.raises(StrategyError, match="may only be squashed"):
        Strategy(topology.replace(families=squashed))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"guards": ("no-squash",)}, r"unknown guard 'no-squash'.*no-squash-if-merged-again"),
        (
            {"operations": ("start", "pull-requests")},
            r"unknown operation 'pull-requests' \(did you mean 'pull-request'",
        ),
    ],
)
def test_unknown_names(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(StrategyError, match=message):
        Strategy(Topology.build_run(), **parts)
    with pytest.raises(StrategyError, match="no part 'guard'"):
        Strategy.build_run().replace(guard=())


def test_what_is_no_topology_is_refused() -> None:
    with pytest.raises(StrategyError, match="needs a Topology, not str"):
        Strategy("build-run")  # type: ignore[arg-type]


def test_fixes_are_what_lands_in_run() -> None:
    strategy = Strategy.gitflow()
    kinds = {family.pattern: strategy.is_fix_family(family) for family in strategy.topology.families}
    assert kinds == {"feature/*": False, "bugfix/*": False, "release/*": True, "hotfix/*": True}
