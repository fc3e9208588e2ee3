from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from support.plans import plans

from branchsim.errors import TopologyError
from branchsim.plan import (
    Commit,
    FileChange,
    Gate,
    MergeBack,
    Plan,
    PlanError,
    Promotion,
    PullRequest,
    Start,
    Step,
    Tag,
)
from branchsim.topology import Topology

BUILD_RUN = Topology.build_run()
MERGE_BACK = Topology.build_run_merge_back(uat_run="uat_run")
TRAINS = Topology.release_train().bind(["main", "release/1.0", "release/1.1"])


def test_a_hotfix_goes_the_whole_way_in_order() -> None:
    work = Commit("other", message="Fix", files=(FileChange("a", b"1"),))
    plan = Plan.hotfix("login", BUILD_RUN, work=[work], tag="v1.0.1")
    assert plan.name == "hotfix/login"
    assert plan.steps == (
        Start("hotfix/login", at="preprod", reuse=True),
        Commit("hotfix/login", message="Fix", files=(FileChange("a", b"1"),)),
        Gate("wrong-base", branch="hotfix/login", base="preprod", against=("integration", "uat")),
        Gate("frozen", branch="preprod", against=("production",)),
        PullRequest("hotfix/login", "preprod"),
        PullRequest("preprod", "production", purpose="promote"),
        Tag("v1.0.1", at="production", message="Hotfix login"),
        PullRequest("hotfix/login", "integration", purpose="retrofit", on_conflict="solve-in-source"),
    )
    ways = [("integration", "uat"), ("uat", "preprod"), ("preprod", "production")]
    assert plan.forecast == tuple(Promotion(source=a, target=b) for a, b in ways)


def test_a_hotfix_is_merged_back_where_the_topology_does_so() -> None:
    plan = Plan.hotfix("login", MERGE_BACK)
    retrofit = PullRequest("retrofit/login", "integration", purpose="retrofit", on_conflict="solve-in-source")
    assert plan.steps[-2:] == (Start("retrofit/login", at="main", reuse=True), retrofit)
    from_preprod = Plan.hotfix("login", MERGE_BACK, merge_back="preprod", retrofit_branch="retrofit/x")
    assert from_preprod.steps[-2] == Start("retrofit/x", at="preprod", reuse=True)
    assert (
        Plan.hotfix("login", BUILD_RUN, merge_back=True, retrofit_branch="retrofit/x").steps[-2:]
        == from_preprod.steps[-2:]
    )
    assert not from_preprod.problems(MERGE_BACK)


@pytest.mark.parametrize(
    "topology", [BUILD_RUN, MERGE_BACK, Topology.gitflow(), Topology.trunk(), TRAINS], ids=lambda t: t.name
)
def test_what_is_built_is_allowed(topology: Topology) -> None:
    plan = Plan.hotfix("login", topology)
    assert plan.validate(topology) is plan
    owed = {step.target for step in plan if isinstance(step, PullRequest) and step.purpose == "retrofit"}
    landing = next(step for step in plan if isinstance(step, PullRequest))
    assert owed == set(topology.owed_to(landing.target, topology.family_of(landing.source)))
    assert Plan.release(topology, tag="v1").validate(topology)


def test_a_plan_without_its_retrofits_has_no_branch_for_them() -> None:
    left = Plan.hotfix("login", MERGE_BACK).without_retrofits()
    assert "retrofit/login" not in left.branches
    assert [step.kind for step in left] == ["start", "gate", "gate", "pull-request", "pull-request"]
    same_branch = Plan.hotfix("login", BUILD_RUN)
    assert same_branch.without_retrofits() == same_branch.without("retrofit hotfix/login to integration")


def test_names_follow_the_family() -> None:
    assert Plan.hotfix("hotfix/a/b", BUILD_RUN).name == "hotfix/a/b"
    assert Plan.hotfix("a", Topology.trunk()).name == "fix/a"
    assert Plan.hotfix("fix/a", MERGE_BACK).steps[0] == Start("fix/a", at="uat_run", reuse=True)
    for name in ("--x y", "a b", "preprod", "a..b", ""):
        with pytest.raises(PlanError):
            Plan.hotfix(name, BUILD_RUN)


def test_what_is_no_topology_is_named() -> None:
    for build in (lambda given: Plan.hotfix("a", given), lambda given: Plan.retrofit("a", given), Plan.release):
        with pytest.raises(PlanError, match=r"needs a Topology, and not str; read one with read_topology"):
            build("gitflow")  # type: ignore[arg-type]


def test_a_pattern_must_be_bound_first() -> None:
    with pytest.raises(PlanError, match="bind it"):
        Plan.hotfix("x", Topology.release_train())
    topology = Topology.release_train().bind(["main", "release/1.0", "release/1.1"])
    assert Plan.hotfix("x", topology, start="release/1.1").steps[0] == Start("hotfix/x", at="release/1.1", reuse=True)


def test_a_promotion_goes_through_what_lies_between() -> None:
    plan = Plan.promotion("integration", "preprod", BUILD_RUN)
    assert [(step.source, step.target) for step in plan if isinstance(step, PullRequest)] == [
        ("integration", "uat"),
        ("uat", "preprod"),
    ]
    assert plan.forecast == (Promotion(source="preprod", target="production"),)
    assert Plan.promotion("a", "b").steps == (PullRequest("a", "b", purpose="promote"),)
    assert {
        s.method
        for s in Plan.promotion("uat", "preprod", BUILD_RUN, method="fast-forward")
        if isinstance(s, PullRequest)
    } == {"fast-forward"}
    with pytest.raises(TopologyError, match="did you mean 'preprod'"):
        Plan.promotion("uat", "prepod", BUILD_RUN)
    (landing,) = Plan.promotion("hotfix/login", "preprod", BUILD_RUN)
    assert landing == PullRequest("hotfix/login", "preprod")
    (owed,) = Plan.promotion("hotfix/login", "integration", BUILD_RUN)
    assert owed == PullRequest("hotfix/login", "integration", purpose="retrofit")


def test_retrofits_of_a_short_and_of_a_long_branch() -> None:
    assert Plan.retrofit("hotfix/a", BUILD_RUN).steps == (
        PullRequest("hotfix/a", "integration", purpose="retrofit", on_conflict="solve-in-source"),
    )
    assert Plan.retrofit("main", MERGE_BACK, branch="retrofit/may").steps[0] == Start(
        "retrofit/may", at="main", reuse=True
    )
    assert Plan.retrofit("preprod", BUILD_RUN).steps == (PullRequest("preprod", "integration", purpose="retrofit"),)
    with pytest.raises(PlanError, match="owed nowhere"):
        Plan.retrofit("integration", BUILD_RUN)
    with pytest.raises(PlanError, match="not owed to 'uat'"):
        Plan.retrofit("preprod", BUILD_RUN, target="uat")


def test_a_release_ends_with_its_tag() -> None:
    plan = Plan.release(BUILD_RUN, tag="v2", start="uat")
    assert [step.name for step in plan] == ["promote uat to preprod", "promote preprod to production", "tag v2"]
    with pytest.raises(PlanError, match="nothing is promoted"):
        Plan.release(BUILD_RUN, start="production")


HOTFIX = Start("hotfix/x", at="preprod")
LAND = PullRequest("hotfix/x", "preprod")
RETROFIT = PullRequest("hotfix/x", "integration", purpose="retrofit")


@pytest.mark.parametrize(
    ("steps", "rule", "says"),
    [
        (
            (Start("feature/x", at="integration"), PullRequest("feature/x", "preprod")),
            "wrong-way",
            r"does not let 'feature/x' \(feature/\*\) go to 'preprod'",
        ),
        (
            (HOTFIX, PullRequest("hotfix/x", "integration")),
            "straight",
            r"the strategy 'build-run' does not let 'hotfix/x' \(hotfix/\*\) go straight to 'integration'",
        ),
        ((HOTFIX, RETROFIT, LAND), "straight", "it lands on 'preprod' first"),
        ((PullRequest("hotfix/x", "integration"),), "straight", "it lands on 'preprod' first"),
        ((HOTFIX, PullRequest("hotfix/x", "uat")), "wrong-way", "which takes promote from integration"),
        ((Start("hotfix/x", at="integration"),), "wrong-start", "starts from 'preprod', not from 'integration'"),
        (
            (HOTFIX, PullRequest("hotfix/x", "preprod", method="squash"), RETROFIT),
            "wrong-method",
            "by merge, not by squash",
        ),
        (
            (HOTFIX, PullRequest("hotfix/x", "preprod", method="squash"), RETROFIT),
            "no-squash-if-merged-again",
            "merged again",
        ),
        (
            (HOTFIX, PullRequest("hotfix/x", "preprod", purpose="promote"), RETROFIT),
            "wrong-purpose",
            "of purpose 'work'",
        ),
        ((HOTFIX, LAND), "not-retrofitted", "owed to 'integration'"),
        (
            (HOTFIX, PullRequest("hotfix/x", "preprod", delete_source=True)),
            "keep-branch-until-retrofitted",
            "still owes a retrofit",
        ),
        (
            (HOTFIX, LAND, PullRequest("uat", "preprod", purpose="promote"), RETROFIT),
            "no-promotion-while-open",
            "retrofit it before",
        ),
        (
            (HOTFIX, PullRequest("hotfix/x", "integration", purpose="retrofit", on_conflict="solve-in-source"), LAND),
            "carries-build",
            "move this step before",
        ),
        (
            (PullRequest("preprod", "integration", purpose="retrofit", on_conflict="solve-in-source"),),
            "carries-build",
            "long-lived",
        ),
        (
            (Commit("production", message="m", files=(FileChange("a", b""),)),),
            "direct",
            "committed to 'production' directly",
        ),
        ((MergeBack("production", "uat"),), "wrong-way", "no flow"),
        ((PullRequest("hotfix/x", "prepod"),), "unknown-branch", "did you mean 'preprod'"),
        ((Gate("frozen", branch="preprod", against=("prodution",)),), "unknown-branch", "did you mean 'production'"),
    ],
)
def test_what_a_strategy_forbids_is_named(steps: tuple[Step, ...], rule: str, says: str) -> None:
    plan = Plan("p", steps)
    found = {problem.rule: str(problem) for problem in plan.problems(BUILD_RUN)}
    assert rule in found
    with pytest.raises(PlanError, match=says):
        plan.validate(BUILD_RUN)


@given(plans())
def test_every_plan_can_be_judged_and_written_for_people(plan: Plan) -> None:
    for problem in plan.problems(BUILD_RUN):
        assert problem.step in {step.name for step in plan}
    assert plan.runbook().startswith(f"# {plan.name}\n")


def test_the_runbook_quotes_names_and_says_the_expected_tree() -> None:
    plan = Plan("p", (Start("a;rm", at="$(x)"), PullRequest("a;rm", "b'c", method="squash", message="It's\ndone")))
    book = plan.runbook(trees={"squash a;rm to b'c": "f" * 40})
    words = shlex.split(book, comments=True)
    assert "$(x):refs/heads/a;rm" in words
    assert "--message=It's\ndone" in words
    assert "origin/b'c^{tree}" in words
    assert f"# expected tree: {'f' * 40}" in book
    github = Plan.hotfix("x", BUILD_RUN).runbook(host="github")
    assert "gh pr merge hotfix/x --merge\n" in github
    assert "glab mr merge hotfix/x\n" in Plan.hotfix("x", BUILD_RUN).runbook(host="gitlab")
