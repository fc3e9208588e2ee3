from __future__ import annotations

from typing import Any

import pytest

from branchsim.errors import TopologyError
from branchsim.topology import Topology


def flows(topology: Topology, kind: str) -> list[tuple[str, str]]:
    return [(flow.source, flow.target) for flow in topology.flows if flow.kind == kind]


def entries(topology: Topology, branch: str) -> set[tuple[str, str]]:
    return {(entry.role, entry.source) for entry in topology.entries(branch)}


def test_build_run_is_what_the_design_says_sentence_by_sentence() -> None:
    topology = Topology.build_run()
    assert topology.promotion_chain() == ("integration", "uat", "preprod", "production")
    assert [topology.layer_of(name) for name in topology.promotion_chain()] == ["BUILD", "BUILD", "RUN", "RUN"]
    assert flows(topology, "retrofit") == [("preprod", "integration")]
    hotfix = topology.family_of("hotfix/login")
    assert hotfix is not None
    # starts from preprod, is merged to preprod, then the same branch is merged to integration: never squashed
    assert (hotfix.source, hotfix.to, hotfix.retrofit) == (("preprod",), ("preprod",), ("integration",))
    assert hotfix.methods == ("merge",)
    assert "no-squash-if-merged-again" in topology.guards
    # the branch is not deleted when it is merged
    assert "keep-branch-until-retrofitted" in topology.guards
    # while preprod holds a version, RUN can deploy nothing else
    assert "run-frozen-while-ahead" in topology.guards
    # so that when BUILD is later merged into RUN nothing is overwritten
    assert topology.owed_to("preprod", "hotfix/login") == ("integration",)
    assert topology.owed_to("preprod") == ("integration",)
    (rule,) = topology.obligation_rules()
    assert [(flow.source, flow.target) for flow in rule.deadlines] == [("uat", "preprod")]
    assert topology.deadlines("preprod", "integration") == rule.deadlines
    # major features are not tested directly on preprod
    assert ("work", "feature/*") in entries(topology, "integration")
    assert entries(topology, "preprod") == {("promote", "uat"), ("work", "hotfix/*")}
    assert entries(topology, "integration") == {
        ("retrofit", "preprod"),
        ("retrofit", "hotfix/*"),
        ("work", "feature/*"),
    }
    assert entries(topology, "production") == {("promote", "preprod")}
    assert not any(topology.accepts_direct(branch.name) for branch in topology.branches)
    assert topology.last_branch() == "production"


def test_build_run_takes_other_names() -> None:
    topology = Topology.build_run(integration="int", uat="rec", preprod="pre", production="main")
    assert topology.promotion_chain() == ("int", "rec", "pre", "main")
    assert topology.owed_to("pre") == ("int",)


def test_merge_back_retrofits_from_preprod_or_main_by_branches_of_their_own() -> None:
    topology = Topology.build_run_merge_back()
    assert topology.promotion_chain() == ("integration", "uat", "preprod", "main")
    retrofit = topology.family_of("retrofit/from-main")
    assert retrofit is not None
    assert (retrofit.source, retrofit.to) == (("preprod", "main"), ("integration",))
    assert ("retrofit", "retrofit/*") in entries(topology, "integration")
    assert topology.owed_to("preprod") == topology.owed_to("main") == ("integration",)
    hotfix = topology.family_of("hotfix/x")
    assert hotfix is not None
    assert (hotfix.to, hotfix.retrofit) == (("preprod",), ())


def test_merge_back_with_uat_run_before_preprod() -> None:
    topology = Topology.build_run_merge_back(uat_run="uat_run")
    assert topology.layer_of("uat_run") == "RUN"
    assert topology.promotion_path("uat_run", "preprod")
    assert topology.upstream("preprod") == ("integration", "uat", "uat_run")
    # maintenance that landed on uat_run reaches preprod by promotion, and integration by the retrofit from there
    assert topology.owed_to("uat_run") == ("integration",)
    rule = next(rule for rule in topology.obligation_rules() if rule.landed_on == "uat_run")
    assert [(flow.source, flow.target) for flow in rule.deadlines] == [("uat", "preprod")]
    hotfix = topology.family_of("hotfix/x")
    assert hotfix is not None
    assert hotfix.to == ("preprod",)


def test_gitflow_promotes_by_release_branches_and_owes_fixes_to_develop() -> None:
    topology = Topology.gitflow()
    assert entries(topology, "main") == {("promote", "develop"), ("promote", "release/*"), ("work", "hotfix/*")}
    assert topology.owed_to("main", "release/1.2") == topology.owed_to("main", "hotfix/x") == ("develop",)
    assert topology.owed_to("develop") == ()
    (rule,) = topology.obligation_rules()
    assert (rule.landed_on, rule.owed_to) == ("main", "develop")
    assert [(flow.source, flow.target) for flow in rule.deadlines] == [("develop", "main")]


@pytest.mark.parametrize("direction", ["forward", "back"])
def test_release_trains_owe_to_newer_releases_and_main(direction: Any) -> None:
    topology = Topology.release_train(direction=direction).bind(["release/3", "release/10", "release/2"])
    assert topology.owed_to("release/2") == ("main", "release/3", "release/10")
    assert topology.owed_to("release/10") == ("main",)
    assert topology.owed_to("main") == ()
    # the next release cut from main is the deadline for main; nothing leads back from a newer release
    assert {flow.source for flow in topology.deadlines("release/2", "main")} == {"main"}
    assert topology.deadlines("release/2", "release/3") == ()


def test_the_direction_of_a_train_says_how_a_fix_travels() -> None:
    forward, back = Topology.release_train(), Topology.release_train(direction="back")
    assert {flow.methods for flow in forward.retrofits()} == {("merge",)}
    assert {flow.methods for flow in back.retrofits()} == {()}
    assert "cherry-pick" in back.promotions()[0].methods
    assert back.accepts_direct("release/*")
    assert not forward.accepts_direct("release/*")
    assert forward.family_of("hotfix/x") is not None
    assert back.family_of("backport/x") is not None
    unknown: Any = "sideways"
    with pytest.raises(TopologyError, match="sideways"):
        Topology.release_train(direction=unknown)
    with pytest.raises(TopologyError, match="no pattern"):
        Topology.release_train(releases="release")


def test_trunk_owes_nothing() -> None:
    topology = Topology.trunk(main="trunk")
    assert topology.obligation_rules() == ()
    assert topology.accepts_direct("trunk")
    assert topology.last_branch() == "trunk"
    assert topology.is_release_tag("v1.0")
