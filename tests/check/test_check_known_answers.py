"""Ways to lose a fix that are known to people who release: the checker must know them too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from branchsim.check import (
    MISTAKES,
    RefusedError,
    Scope,
    Step,
    Strategy,
    assert_prevented,
    broken_by,
    explore,
    trace_of,
)
from branchsim.check.replay import materialise
from branchsim.check.trace import effect
from branchsim.git.process import run

ONE_FIX = Scope(fixes=1, features=1, regions=1)


def start(branch: str, source: str, change: str, region: int = 1) -> Step:
    return Step(operation="start", branch=branch, source=source, change=change, region=region)


def land(operation: str, source: str, branch: str, choice: str | None = None, method: str = "merge") -> Step:
    resolutions: tuple[tuple[int, tuple[tuple[int, str], ...]], ...] = () if choice is None else ((1, ((1, choice),)),)
    return Step(operation=operation, branch=branch, source=source, method=method, resolutions=resolutions)


HOTFIX = (
    start("hotfix/1", "preprod", "fix-1"),
    land("pull-request", "hotfix/1", "preprod"),
    land("promote", "preprod", "production"),
)
FEATURE = (start("feature/1", "integration", "feature-1"), land("pull-request", "feature/1", "integration"))
RELEASE = (
    land("promote", "integration", "uat"),
    land("promote", "uat", "preprod"),
    land("promote", "preprod", "production"),
)


def test_without_a_mistake_build_run_keeps_every_promise_to_depth_10() -> None:
    found = explore(Strategy.build_run(), depth=10)
    assert found.safe
    assert found.depth_reached == 10
    assert found.stopped is None
    assert found.vacuous == ()
    assert found.states == 115_545


def test_without_a_retrofit_a_conflict_resolved_to_build_loses_the_fix() -> None:
    mistakes = ("skip-retrofit", "one-sided-resolution")
    found = explore(
        Strategy.build_run().without(), depth=9, mistakes=mistakes, scope=ONE_FIX, properties=["no-lost-fix"]
    )
    lost = found.counterexamples["no-lost-fix"]
    assert len(lost) == 8
    assert lost.replayed
    assert lost.reason == "fix-1 was on production and is no longer there."
    assert not any(step.operation in {"retrofit", "merge-back"} for step in lost.trace.steps)
    conflicting = [step for step in lost.trace.steps if step.resolutions]
    assert [(step.source, step.branch) for step in conflicting] == [("uat", "preprod")]
    assert conflicting[0].resolutions == ((1, ((1, "theirs"),)),)


def test_the_guard_against_open_obligations_stops_that() -> None:
    guarded = Strategy.build_run().replace(guards=("no-promotion-while-open",))
    mistakes = ("skip-retrofit", "one-sided-resolution")
    found = explore(guarded, depth=14, mistakes=mistakes, scope=ONE_FIX, properties=["no-lost-fix"])
    assert found.safe
    assert found.exhausted


def test_without_a_retrofit_a_conflict_that_keeps_both_sides_loses_nothing() -> None:
    steps = (*HOTFIX, *FEATURE, RELEASE[0], land("promote", "uat", "preprod", "both"), RELEASE[2])
    assert (
        broken_by(Strategy.build_run().without(), steps, ["no-lost-fix"], mistakes=["skip-retrofit"], scope=ONE_FIX)
        == {}
    )


def test_a_stale_file_on_build_loses_the_fix_without_any_conflict() -> None:
    found = explore(Strategy.build_run(), depth=8, mistakes=["stale-commit"], properties=["no-lost-fix"])
    lost = found.counterexamples["no-lost-fix"]
    assert len(lost) == 8
    assert lost.trace.conflicts == 0
    operations = [step.operation for step in lost.trace.steps]
    assert operations.index("retrofit") < operations.index("commit")


def test_a_retrofit_merged_with_ours_leaves_an_ancestor_and_no_fix(tmp_path: Path) -> None:
    steps = (*HOTFIX, *FEATURE, land("retrofit", "hotfix/1", "integration", "ours"), *RELEASE)
    mistakes = ["one-sided-resolution"]
    assert broken_by(Strategy.build_run(), steps, ["no-lost-fix"], mistakes=mistakes, scope=ONE_FIX) == {
        "no-lost-fix": 9
    }
    done = materialise(trace_of(Strategy.build_run(), steps, mistakes=mistakes, scope=ONE_FIX), tmp_path / "repo")
    for branch in ("integration", "production"):
        run(["merge-base", "--is-ancestor", done.commits["c1"], f"refs/heads/{branch}"], tmp_path / "repo")
        held = run(["cat-file", "blob", f"refs/heads/{branch}:regions.txt"], tmp_path / "repo").decode()
        assert effect("fix-1") not in held
        assert effect("feature-1") in held


def test_a_hotfix_from_integration_leaks_what_is_there() -> None:
    found = explore(Strategy.build_run(), depth=6, mistakes=["wrong-base"])
    assert set(found.counterexamples) == {"passed-validation"}
    leak = found.counterexamples["passed-validation"]
    assert len(leak) == 4
    assert leak.reason == "feature-1 reaches preprod and has never landed on uat."
    assert any(
        step.operation == "start" and step.source == "integration" and "fix" in str(step.change)
        for step in leak.trace.steps
    )


def test_a_revert_on_run_that_is_merged_back_removes_the_feature_from_build() -> None:
    scope = Scope(fixes=0, features=1, regions=1)
    found = explore(Strategy.build_run(), depth=8, mistakes=["revert"], scope=scope, properties=["no-lost-feature"])
    lost = found.counterexamples["no-lost-feature"]
    assert [step.operation for step in lost.trace.steps][-2:] == ["revert", "merge-back"]
    assert lost.trace.steps[-2].branch == "preprod"
    assert len(lost) == 6


def test_a_revert_on_build_that_is_promoted_loses_the_fix() -> None:
    found = explore(Strategy.build_run(), depth=8, mistakes=["revert"], scope=ONE_FIX, properties=["no-lost-fix"])
    assert len(found.counterexamples["no-lost-fix"]) == 8


def test_a_revert_for_production_itself_is_no_loss() -> None:
    steps = (*HOTFIX, Step(operation="revert", branch="production", change="fix-1"))
    assert broken_by(Strategy.build_run(), steps, ["no-lost-fix"], mistakes=["revert"], scope=ONE_FIX) == {}


def test_a_hotfix_during_a_freeze_cannot_ship_alone_and_the_guard_stops_it() -> None:
    open_door = explore(Strategy.build_run().without("run-frozen-while-ahead"), depth=6, properties=["ships-alone"])
    assert len(open_door.counterexamples["ships-alone"]) == 6
    guarded = explore(Strategy.build_run(), depth=9, properties=["ships-alone"])
    assert guarded.safe


def test_a_freeze_makes_a_hotfix_wait_for_the_release() -> None:
    from branchsim.check import hotfix_can_ship

    frozen = explore(Strategy.build_run(), depth=6, properties=[hotfix_can_ship(3)])
    assert [step.operation for step in frozen.counterexamples["hotfix-can-ship"].trace.steps] == [
        "start",
        "pull-request",
        "promote",
        "promote",
    ]
    assert explore(Strategy.build_run(), depth=9, properties=[hotfix_can_ship(4)]).safe


def squashed_and_merged_again(method: str) -> tuple[Step, ...]:
    return (
        start("hotfix/1", "preprod", "fix-1"),
        land("pull-request", "hotfix/1", "preprod", method=method),
        Step(operation="commit", branch="hotfix/1", change="fix-2", region=1),
    )


def test_a_squashed_hotfix_conflicts_with_itself_when_it_is_merged_again() -> None:
    scope = Scope(fixes=2, features=0, regions=1)
    unguarded = Strategy.build_run().without()
    mistakes = ["squash-then-merge", "one-sided-resolution"]
    again = land("pull-request", "hotfix/1", "preprod", "ours")
    steps = (*squashed_and_merged_again("squash"), again, land("promote", "preprod", "production"))
    broken = broken_by(unguarded, steps, ["landed-is-there", "no-lost-fix"], mistakes=mistakes, scope=scope)
    assert broken == {"landed-is-there": 5}
    # With a true merge the same branch fast-forwards: there is nothing to resolve.
    merged = (*squashed_and_merged_again("merge"), land("pull-request", "hotfix/1", "preprod"))
    assert trace_of(unguarded, merged, mistakes=mistakes, scope=scope).conflicts == 0
    with pytest.raises(RefusedError, match=r"step 2 is not possible"):
        trace_of(Strategy.build_run(), steps, mistakes=mistakes, scope=scope)
    assert_prevented(Strategy.build_run(), steps, "landed-is-there", mistakes=mistakes, scope=scope)


SHORTEST = {
    "skip-retrofit": None,
    "late-retrofit": None,
    "one-sided-resolution": 6,
    "stale-commit": 8,
    "squash-then-merge": None,
    "cherry-pick-retrofit": None,
    "wrong-base": None,
    "delete-branch": None,
    "revert": 8,
    "force-push": 4,
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_alone_without_guards(mistake: str) -> None:
    found = explore(
        Strategy.build_run().without(), depth=8, mistakes=[mistake], properties=["no-lost-fix", "a-hotfix-ships"]
    )
    lost = found.counterexamples.get("no-lost-fix")
    assert (len(lost) if lost else None) == SHORTEST[mistake]
    assert "a-hotfix-ships" in found.witnesses
    # Each mistake says in words what the search says in numbers.
    by_itself = MISTAKES[mistake].consequence.startswith("Loses a fix by itself")
    assert by_itself == (lost is not None)


@pytest.mark.parametrize(
    ("mistake", "steps", "guard"),
    [
        ("skip-retrofit", 8, "no-promotion-while-open"),
        ("late-retrofit", 8, "no-promotion-while-open"),
        ("cherry-pick-retrofit", 9, None),
    ],
)
def test_with_conflicts_resolved_to_one_side_the_others_lose_a_fix_too(
    mistake: str, steps: int, guard: str | None
) -> None:
    mistakes = [mistake, "one-sided-resolution"]
    asked: dict[str, Any] = {"mistakes": mistakes, "scope": ONE_FIX, "properties": ["no-lost-fix"]}
    assert len(explore(Strategy.build_run().without(), depth=10, **asked).counterexamples["no-lost-fix"]) == steps
    if guard:
        guarded = explore(Strategy.build_run().replace(guards=(guard,)), depth=steps, **asked)
        assert guarded.safe


@pytest.mark.parametrize("mistake", ["skip-retrofit", "late-retrofit"])
def test_a_promotion_before_the_retrofit_breaks_the_deadline_and_the_guard_stops_it(mistake: str) -> None:
    asked: dict[str, Any] = {"mistakes": [mistake], "properties": ["owed-before-promotion"]}
    assert len(explore(Strategy.build_run().without(), depth=7, **asked).counterexamples["owed-before-promotion"]) == 6
    assert explore(Strategy.build_run(), depth=9, **asked).safe
