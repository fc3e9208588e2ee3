"""Overwrites, leaks, freeze windows and violations on BUILD/RUN repositories, each with one thing gone wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.delivery import BRANCHES, CODE, Story, edited
from support.repos import START, Content

from branchsim.audit.audit import audit
from branchsim.audit.causes import Cause
from branchsim.audit.conformance import Rule
from branchsim.audit.overwrites import State
from branchsim.topology import Topology, Waiver

FIXED = edited(CODE, 7, "700")


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path / "repo")


def test_nothing_is_lost_where_everything_goes_its_way(story: Story) -> None:
    story.feature("search", {"search.c": "int search(void) { return 1; }\n"})
    story.hotfix("login", {"app.c": edited(CODE, 7, "700")})
    story.merge("hotfix/login", "integration")
    story.release()
    found = story.audit()
    assert found.overwrite_records == ()
    assert found.leak_records == ()
    assert found.violation_records == ()
    assert {record.verdict.value for record in found.records} == {"retrofitted"}


def test_a_retrofit_merged_with_ours_overwrites_the_fix_at_the_next_release(story: Story) -> None:
    fix = story.hotfix("login", {"app.c": edited(CODE, 7, "700")})
    dropped = story.merge("hotfix/login", "integration", files={"app.c": CODE})
    story.release()
    found = story.audit()
    lost = {record.branch: record for record in found.overwrite_records}
    assert {"preprod", "production"} <= lost.keys()
    on_preprod = lost["preprod"]
    assert on_preprod.commits == (fix,)
    assert on_preprod.dropped_by == dropped
    assert on_preprod.landing == story.repo.resolve("preprod")
    assert on_preprod.cause is Cause.EVIL_MERGE
    assert on_preprod.path == "app.c"
    assert on_preprod.family == "hotfix/*"
    assert on_preprod.state is State.OPEN
    assert on_preprod.rank >= 0.5


def test_a_conflict_resolved_to_one_side_is_a_merge_resolution(story: Story) -> None:
    story.feature("limits", {"app.c": edited(CODE, 7, "71")})
    story.hotfix("login", {"app.c": edited(CODE, 7, "700")})
    dropped = story.merge("hotfix/login", "integration", files={"app.c": edited(CODE, 7, "71")})
    found = story.audit()
    (record,) = [each for each in found.overwrite_records if each.branch == "integration"]
    assert (record.cause, record.side, record.landing) == (Cause.MERGE_RESOLUTION, "source", dropped)


def test_what_a_work_branch_tried_and_took_back_before_it_landed_overwrites_nothing(story: Story) -> None:
    repo = story.repo
    repo.branch("feature/try", "integration")
    repo.commit("feature/try", {"app.c": edited(CODE, 7, "700")}, subject="Try seven")
    repo.commit("feature/try", {"app.c": CODE, "new.c": "int fresh = 1;\n"}, subject="Do it otherwise")
    story.merge("feature/try", "integration")
    assert story.audit().overwrite_records == ()


def test_what_a_work_branch_lost_and_mended_before_it_landed_overwrites_nothing(story: Story) -> None:
    repo = story.repo
    repo.branch("feature/work", "integration")
    repo.commit("feature/work", {"app.c": edited(CODE, 9, "900")}, subject="Work on nine")
    repo.commit("integration", {"app.c": edited(CODE, 7, "700")}, subject="Change seven")
    story.merge("integration", "feature/work", files={"app.c": edited(CODE, 9, "900")})
    repo.commit("feature/work", {"app.c": edited(edited(CODE, 9, "900"), 7, "700")}, subject="Take seven again")
    repo.commit("feature/work", {"app.c": edited(edited(CODE, 9, "900"), 7, "701")}, subject="Raise seven")
    story.merge("feature/work", "integration")
    assert story.audit().overwrite_records == ()


def test_what_a_merge_loses_as_it_lands_is_not_laid_on_a_work_branch_that_had_taken_it_back(story: Story) -> None:
    repo = story.repo
    repo.branch("feature/try", "integration")
    repo.commit("feature/try", {"app.c": FIXED}, subject="Try seven")
    repo.commit("feature/try", {"app.c": CODE, "new.c": "int fresh = 1;\n"}, subject="Do it otherwise")
    story.hotfix("login", {"app.c": FIXED})
    story.merge("hotfix/login", "integration")
    landing = story.merge("feature/try", "integration", files={"app.c": CODE, "new.c": "int fresh = 1;\n"})
    assert {(each.dropped_by, each.landing) for each in story.audit().overwrite_records} == {(landing, landing)}


def test_what_a_merge_on_a_work_branch_lost_is_found_though_the_branch_had_brought_it_back_once(story: Story) -> None:
    repo = story.repo
    story.hotfix("login", {"app.c": FIXED})
    story.merge("hotfix/login", "integration")
    repo.branch("feature/work", "integration")
    repo.commit("feature/work", {"app.c": CODE, "new.c": "int fresh = 1;\n"}, subject="Work on it")
    repo.commit("feature/work", {"app.c": FIXED}, subject="Take seven again")
    repo.commit("integration", {"other.txt": "second words here\n"}, subject="Say it otherwise")
    dropped = story.merge("integration", "feature/work", files={"app.c": CODE, "other.txt": "second words here\n"})
    landing = story.merge("feature/work", "integration")
    assert {(each.dropped_by, each.landing) for each in story.audit().overwrite_records} == {(dropped, landing)}


def test_a_stale_file_committed_after_the_retrofit_is_a_stale_commit(story: Story) -> None:
    fix = story.hotfix("login", {"app.c": edited(CODE, 7, "700")})
    story.merge("hotfix/login", "integration")
    stale = story.repo.commit("integration", {"app.c": CODE}, subject="Save my work")
    story.release()
    found = story.audit()
    causes = {(each.branch, each.cause) for each in found.overwrite_records if each.commits == (fix,)}
    assert ("integration", Cause.STALE_COMMIT) in causes
    assert ("production", Cause.STALE_COMMIT) in causes
    assert {each.dropped_by for each in found.overwrite_records} == {stale}


@pytest.mark.parametrize("by", ["a commit", "a merge"])
def test_what_a_later_commit_brings_back_is_restored(story: Story, by: str) -> None:
    fixed = edited(CODE, 7, "700")
    story.hotfix("login", {"app.c": fixed})
    story.merge("hotfix/login", "integration", files={"app.c": CODE} if by == "a merge" else None)
    if by == "a commit":
        story.repo.commit("integration", {"app.c": CODE}, subject="Save my work")
    again = story.repo.commit("integration", {"app.c": fixed}, subject="Bring the fix back")
    (record,) = [each for each in story.audit().overwrite_records if each.branch == "integration"]
    assert (record.state, record.restored_by) == (State.RESTORED, again)


def test_what_is_brought_back_where_it_began_is_not_told_so_of_the_branches_that_still_lack_it(story: Story) -> None:
    fixed = edited(CODE, 7, "700")
    story.hotfix("login", {"app.c": fixed})
    dropped = story.merge("hotfix/login", "integration", files={"app.c": CODE})
    story.release()
    again = story.repo.commit("integration", {"app.c": fixed}, subject="Bring the fix back")
    found = {each.branch: each for each in story.audit().overwrite_records if each.dropped_by == dropped}
    told = {name: (each.state, f"{again[:12]} brought it back" in each.reason) for name, each in found.items()}
    assert told == {
        "integration": (State.RESTORED, True), "preprod": (State.OPEN, False), "production": (State.OPEN, False)
    }  # fmt: skip


def test_what_another_branch_brings_back_is_not_taken_for_what_does_here(story: Story) -> None:
    story.hotfix("login", {"app.c": FIXED})
    story.merge("hotfix/login", "integration")
    story.repo.commit("integration", {"app.c": CODE}, subject="Save my work")
    story.repo.commit("preprod", {"app.c": CODE}, subject="Save other work")
    story.repo.commit("preprod", {"app.c": FIXED}, subject="Bring the fix back")
    again = story.repo.commit("integration", {"app.c": FIXED}, subject="Bring the fix back here")
    (record,) = [each for each in story.audit().overwrite_records if each.branch == "integration"]
    assert (record.state, record.restored_by) == (State.RESTORED, again)


@pytest.mark.parametrize("form", ["a commit", "a merge"])
def test_work_that_has_not_seen_a_loss_brings_back_what_is_its_own_and_not_what_was_there_before(
    story: Story, form: str
) -> None:
    repo = story.repo
    repo.branch("feature/work", "integration")
    story.hotfix("login", {"app.c": FIXED})
    story.merge("hotfix/login", "integration")
    repo.commit("integration", {"app.c": CODE}, subject="Save my work")
    mended = ""
    if form == "a commit":
        mended = repo.commit("feature/work", {"app.c": FIXED}, subject="Mend seven")
    else:
        story.merge("hotfix/login", "feature/work")
        repo.commit("feature/work", {"new.c": "int fresh = 1;\n"}, subject="Go on")
    landing = story.merge("feature/work", "integration")
    (record,) = [each for each in story.audit().overwrite_records if each.branch == "integration"]
    assert (record.state, record.restored_by) == ((State.RESTORED, landing) if mended else (State.OPEN, None))
    assert (f"{mended[:12]} brought it back" in record.reason) == bool(mended)


def test_what_was_brought_back_before_a_loss_landed_mends_nothing(story: Story) -> None:
    repo = story.repo
    story.hotfix("login", {"app.c": FIXED})
    story.merge("hotfix/login", "integration")
    repo.branch("feature/work", "integration")
    stale = repo.commit("feature/work", {"app.c": CODE, "new.c": "int fresh = 1;\n"}, subject="Work on it")
    repo.commit("integration", {"app.c": CODE}, subject="Save my work")
    repo.commit("integration", {"app.c": FIXED}, subject="Bring the fix back")
    landing = story.merge("feature/work", "integration")
    story.merge("integration", "uat")
    (record,) = [each for each in story.audit().overwrite_records if each.dropped_by == stale]
    assert (record.branch, record.landing, record.state) == ("integration", landing, State.OPEN)


def test_a_commit_that_brings_one_change_back_and_loses_another_overwrites_that_one(story: Story) -> None:
    repo = story.repo
    story.hotfix("login", {"app.c": FIXED})
    words = story.hotfix("words", {"other.txt": "second words here\n"})
    story.merge("preprod", "integration")
    repo.commit("integration", {"new.c": "int fresh = 1;\n"}, subject="Begin the work")
    worked = {"app.c": CODE, "new.c": "int fresh = 1;\nint more = 2;\n"}
    stale = repo.commit("integration", worked, subject="Save my work")
    back = {"app.c": FIXED, "new.c": "int fresh = 1;\n", "other.txt": "first words here\n"}
    both = repo.commit("integration", back, subject="Go on")
    found = story.audit().overwrite_records
    assert [each.restored_by for each in found if each.dropped_by == stale] == [both]
    # What had overwritten the first goes again, and that is no overwrite.
    assert [(each.path, each.commits) for each in found if each.dropped_by == both] == [("other.txt", (words,))]


def test_a_merge_that_brings_one_change_back_and_loses_another_is_an_overwrite(story: Story) -> None:
    story.hotfix("login", {"app.c": FIXED})
    story.merge("hotfix/login", "integration")
    stale = story.repo.commit("integration", {"app.c": CODE}, subject="Save my work")
    limit = story.hotfix("limit", {"app.c": edited(FIXED, 20, "2000")})
    both = story.merge("hotfix/limit", "integration", files={"app.c": FIXED})
    found = story.audit().overwrite_records
    assert [each.restored_by for each in found if each.dropped_by == stale] == [both]
    assert [(each.path, each.dropped_by) for each in found if limit in each.commits] == [("app.c", both)]


def test_marks_of_a_conflict_that_a_merge_commits_are_told_though_nobody_had_brought_them(story: Story) -> None:
    story.feature("limits", {"app.c": CODE + "int one;\n"})
    story.hotfix("login", {"app.c": CODE + "int two;\n"})
    torn = f"{CODE}<<<<<<< HEAD\nint one;\n=======\nint two;\n>>>>>>> hotfix/login\n"
    landing = story.merge("hotfix/login", "integration", files={"app.c": torn})
    (record,) = story.audit().overwrite_records
    assert (record.landing, record.dropped_by, record.change, record.commits) == (landing, landing, landing, ())


def test_an_explicit_revert_is_no_overwrite(story: Story) -> None:
    feature = story.feature("search", {"app.c": edited(CODE, 9, "900")})
    story.repo.revert(into="integration", commit=feature, files={"app.c": CODE})
    assert story.audit().overwrite_records == ()


def test_code_that_evolves_is_no_overwrite(story: Story) -> None:
    story.hotfix("login", {"app.c": edited(CODE, 7, "700")})
    story.merge("hotfix/login", "integration")
    story.feature("login2", {"app.c": edited(CODE, 7, "compute_login_value()")})
    story.release()
    assert story.audit().overwrite_records == ()


def test_a_revert_on_run_merged_back_removes_a_feature(story: Story) -> None:
    feature = story.feature("search", {"app.c": edited(CODE, 9, "900")})
    story.release()
    story.repo.revert(into="preprod", commit=story.repo.resolve("feature/search"), files={"app.c": CODE})
    story.merge("preprod", "integration")
    found = [each for each in story.audit().overwrite_records if each.cause is Cause.REVERT_PROPAGATED]
    assert [(each.branch, each.change) for each in found] == [("integration", feature)]


@pytest.mark.parametrize(
    ("value", "state"), [("900", State.RESTORED), ("901", State.SUPERSEDED), ("9", State.OPEN), (None, None)]
)
def test_what_a_received_revert_took_away_may_come_back_be_rewritten_or_never_be_gone(
    story: Story, value: str | None, state: State | None
) -> None:
    featured = edited(CODE, 9, "900")
    story.feature("search", {"app.c": featured})
    story.release()
    story.repo.revert(into="preprod", commit=story.repo.resolve("feature/search"), files={"app.c": CODE})
    story.merge("preprod", "integration", files={"app.c": featured} if value is None else None)
    now = "" if value is None else story.repo.commit("integration", {"app.c": edited(CODE, 9, value), "b.c": CODE})
    found = [each for each in story.audit().overwrite_records if each.cause is Cause.REVERT_PROPAGATED]
    assert [each.state for each in found] == ([] if state is None else [state])
    assert [each.restored_by for each in found if state is State.RESTORED] == [now] * (state is State.RESTORED)
    assert [each.superseded_by for each in found if state is State.SUPERSEDED] == [now] * (state is State.SUPERSEDED)


def test_what_a_work_branch_tried_and_took_back_is_no_revert_for_who_received_both(story: Story) -> None:
    repo = story.repo
    repo.branch("hotfix/try", "preprod")
    tried = repo.commit("hotfix/try", {"app.c": edited(CODE, 9, "900")}, subject="Try nine")
    story.merge("hotfix/try", "integration")
    repo.revert(into="hotfix/try", commit=tried, files={"app.c": CODE})
    story.merge("hotfix/try", "preprod")
    story.merge("preprod", "integration")
    assert [each for each in story.audit().overwrite_records if each.cause is Cause.REVERT_PROPAGATED] == []


def test_a_revert_of_a_revert_takes_nothing_away_where_it_is_received(story: Story) -> None:
    story.feature("search", {"app.c": edited(CODE, 9, "900")})
    story.release()
    undone = story.repo.commit("preprod", {"app.c": CODE}, subject="Revert the search feature")
    story.merge("preprod", "integration")
    story.repo.revert(into="integration", commit=undone, files={"app.c": edited(CODE, 9, "900")})
    story.release()
    assert [each for each in story.audit().overwrite_records if each.cause is Cause.REVERT_PROPAGATED] == []


@pytest.mark.parametrize(("path", "told"), [("app.c", True), ("tests/app.c", False)])
def test_a_received_revert_of_tests_ranks_lower(story: Story, path: str, *, told: bool) -> None:
    story.feature("search", {path: "int searched;\n"})
    story.release()
    content = CODE if path == "app.c" else None
    story.repo.revert(into="preprod", commit=story.repo.resolve("feature/search"), files={path: content})
    story.merge("preprod", "integration")
    ranks = [each.rank for each in story.audit().overwrite_records if each.cause is Cause.REVERT_PROPAGATED]
    assert [rank >= 0.5 for rank in ranks] == [told]


def test_a_waiver_accepts_an_overwrite(story: Story) -> None:
    story.hotfix("login", {"app.c": edited(CODE, 7, "700")})
    story.merge("hotfix/login", "integration", files={"app.c": CODE})
    topology = Topology.build_run().replace(waivers=(Waiver(path="app.c", reason="rewritten in BUILD"),))
    states = {each.state for each in story.audit(topology).overwrite_records}
    assert states == {State.ACCEPTED}


def test_a_hotfix_that_starts_from_integration_leaks(story: Story) -> None:
    story.feature("search", {"search.c": "int search(void) { return 1; }\n"})
    story.repo.branch("hotfix/wrong", "integration")
    story.repo.commit("hotfix/wrong", {"app.c": edited(CODE, 7, "700")}, subject="Fix from the wrong base")
    landing = story.merge("hotfix/wrong", "preprod")
    (leak,) = [each for each in story.audit().leak_records if each.branch == "preprod"]
    assert leak.landing == landing
    assert leak.came_from == "integration"
    assert leak.commits == (story.repo.resolve("feature/search"),)
    assert "started from integration" in leak.reason


def test_a_hotfix_that_merged_integration_leaks(story: Story) -> None:
    story.feature("search", {"search.c": "int search(void) { return 1; }\n"})
    story.repo.branch("hotfix/mixed", "preprod")
    story.repo.commit("hotfix/mixed", {"app.c": edited(CODE, 7, "700")}, subject="Fix the mixed bug")
    inner = story.merge("integration", "hotfix/mixed")
    story.merge("hotfix/mixed", "preprod")
    (leak,) = [each for each in story.audit().leak_records if each.branch == "preprod"]
    assert inner[:12] in leak.reason


def test_a_hotfix_retrofitted_before_it_lands_does_not_leak_itself(story: Story) -> None:
    story.repo.branch("hotfix/early", "preprod")
    story.repo.commit("hotfix/early", {"app.c": edited(CODE, 7, "700")}, subject="Fix the early bug")
    story.merge("hotfix/early", "integration")
    story.merge("hotfix/early", "preprod")
    assert story.audit().leak_records == ()


def test_a_hotfix_retrofitted_in_a_local_copy_before_it_lands_does_not_leak_itself(story: Story) -> None:
    repo = story.repo
    repo.branch("hotfix/early", "preprod")
    repo.commit("hotfix/early", {"app.c": edited(CODE, 7, "700")}, subject="Fix the early bug")
    repo.branch("local", "integration")
    repo.merge(into="local", source="hotfix/early", subject="Merge branch 'hotfix/early' into integration")
    story.feature("search", {"search.c": "int search(void) { return 1; }\n"})
    published = "Merge branch 'integration' of https://example.com/acme into integration"
    repo.merge(into="local", source="integration", subject=published)
    repo.branch("integration", "local")
    story.merge("hotfix/early", "preprod")
    assert story.audit().leak_records == ()


def test_what_a_branch_merged_from_elsewhere_is_not_said_to_have_brought_a_leak(story: Story) -> None:
    story.feature("search", {"search.c": "int search(void) { return 1; }\n"})
    story.repo.branch("hotfix/wrong", "integration")
    story.repo.commit("hotfix/wrong", {"app.c": edited(CODE, 7, "700")}, subject="Fix from the wrong base")
    story.hotfix("login", {"app.c": edited(CODE, 30, "3")})
    story.merge("preprod", "hotfix/wrong")
    story.merge("hotfix/wrong", "preprod")
    (leak,) = [each for each in story.audit().leak_records if each.branch == "preprod"]
    assert "started from integration" in leak.reason


def test_a_feature_merged_straight_to_preprod_leaks_and_violates(story: Story) -> None:
    story.repo.branch("feature/rush", "preprod")
    rushed = story.repo.commit("feature/rush", {"rush.c": "int rush(void) { return 1; }\n"}, subject="Rush it")
    landing = story.merge("feature/rush", "preprod")
    found = story.audit()
    assert [(leak.came_from, leak.commits) for leak in found.leak_records] == [("feature/*", (rushed,))]
    assert [(each.rule, each.landing) for each in found.violation_records] == [(Rule.WRONG_FAMILY, landing)]
    # Merged once more, to production: it has come by way of preprod by then.
    story.repo.merge(into="production", source="preprod", subject="Merge branch 'feature/rush' into production")
    assert [leak.landing for leak in story.audit().leak_records] == [landing]


def test_a_window_runs_from_the_promotion_to_the_release_that_carries_it(story: Story) -> None:
    story.feature("search", {"search.c": "int search(void) { return 1; }\n"})
    story.merge("integration", "uat")
    opened = story.merge("uat", "preprod")
    story.hotfix("login", {"app.c": edited(CODE, 7, "700")})
    closed = story.repo.resolve("production")
    (window,) = story.audit().window_records
    assert (window.opened_by, window.closed_by, window.closed_on) == (opened, closed, "production")
    assert len(window.hotfixes) == 1
    assert window.hours == 3.0


def test_a_window_without_release_is_open(story: Story) -> None:
    story.feature("search", {"search.c": "int search(void) { return 1; }\n"})
    story.merge("integration", "uat")
    story.merge("uat", "preprod")
    (window,) = story.audit().window_records
    assert window.closed_by is None
    assert window.closed_at is None


def test_a_direct_commit_to_production_is_a_violation(story: Story) -> None:
    direct = story.repo.commit("production", {"app.c": edited(CODE, 7, "700")}, subject="Patch it here")
    found = story.audit()
    assert [(each.rule, each.landing) for each in found.violation_records] == [(Rule.DIRECT, direct)]
    fitness = {each.branch: each.fitness for each in found.fitness_records}
    assert fitness["production"] == 0.0
    assert fitness["uat"] is None


def test_a_skipped_level_is_a_violation(story: Story) -> None:
    story.feature("search", {"search.c": "int search(void) { return 1; }\n"})
    landing = story.merge("integration", "production")
    rules = {(each.rule, each.landing) for each in story.audit().violation_records}
    assert (Rule.SKIPPED_LEVEL, landing) in rules


def test_a_work_branch_that_is_gone_before_its_retrofit_is_a_violation(story: Story) -> None:
    story.hotfix("login", {"app.c": edited(CODE, 7, "700")})
    assert Rule.DELETED_EARLY not in {each.rule for each in story.audit().violation_records}
    story.repo.delete("hotfix/login")
    (violation,) = [each for each in story.audit().violation_records if each.rule is Rule.DELETED_EARLY]
    assert (violation.branch, violation.source) == ("preprod", "hotfix/login")


def test_a_way_of_merging_that_the_flow_does_not_allow_is_a_violation(story: Story) -> None:
    topology = Topology.build_run()
    merged = tuple(replace(flow, methods=("merge",)) for flow in topology.flows)
    story.feature("search", {"search.c": "int search(void) { return 1; }\n"})
    landing = story.repo.pick(into="uat", commit=story.repo.resolve("feature/search"))
    (violation,) = story.audit(topology.replace(flows=merged)).violation_records
    assert (violation.rule, violation.branch, violation.landing) == (Rule.METHOD, "uat", landing)
    assert "cherry-pick" in violation.reason


def test_a_feature_that_merged_uat_and_went_to_preprod_leaks(story: Story) -> None:
    story.feature("search", {"search.c": "int search(void) { return 1; }\n"})
    story.merge("integration", "uat")
    story.repo.branch("feature/late", "preprod")
    late = story.repo.commit("feature/late", {"app.c": edited(CODE, 7, "700")}, subject="Add it late")
    inner = story.merge("uat", "feature/late")
    story.merge("feature/late", "preprod")
    leaks = [each for each in story.audit().leak_records if each.branch == "preprod"]
    by_origin = {each.came_from: each for each in leaks}
    assert by_origin.keys() == {"integration", "feature/*"}
    assert by_origin["integration"].commits == (story.repo.resolve("feature/search"),)
    assert inner[:12] in by_origin["integration"].reason
    assert late in by_origin["feature/*"].commits


def test_the_tables_have_their_columns_when_they_are_empty(story: Story) -> None:
    found = story.audit()
    for table in (found.overwrites, found.leaks, found.windows, found.violations):
        assert table.empty
        assert len(table.columns) > 5
    assert list(found.conformance["branch"]) == list(BRANCHES)
    assert found.overwrites.dtypes.astype(str)["landed_at"] == "datetime64[ns, UTC]"


def test_checks_that_are_not_asked_for_are_left_out(story: Story) -> None:
    story.repo.commit("production", {"other.txt": "second words here\n"}, subject="Patch it here")
    story.hotfix("login", {"app.c": edited(CODE, 7, "700")})
    found = audit(story.repo.finish(), Topology.build_run(), cache=None, checks=("obligations",))
    assert found.violation_records == ()
    assert found.records


@pytest.mark.parametrize(("days", "told"), [(200, True), (400, False)])
def test_no_copy_of_many_files_lasts_for_years(story: Story, days: int, *, told: bool) -> None:
    repo, names = story.repo, [f"{number}.c" for number in range(3)]
    repo.commit("integration", dict.fromkeys(names, CODE))
    repo.commit("integration", dict.fromkeys(names, FIXED), subject="Fix seven")
    repo.commit("integration", {**dict.fromkeys(names, CODE), "new.c": "int new;\n"}, at=START + days * 86_400)
    ranks = [each.rank for each in story.audit().overwrite_records]
    assert ranks
    assert (max(ranks) >= 0.5) is told


@pytest.mark.parametrize(
    ("subject", "told"), [("Merge branch 'feature/nine' into integration", True), ("Remove unused values", False)]
)
def test_a_merge_that_says_what_it_did_and_not_that_it_merges_removed_it_on_purpose(
    story: Story, subject: str, *, told: bool
) -> None:
    repo = story.repo
    repo.branch("feature/nine", "integration")
    repo.commit("feature/nine", {"nine.c": "int nine;\n"}, subject="Add nine")
    repo.commit("integration", {"other.c": "int other;\n"}, subject="Go on")
    files = {"nine.c": "int nine;\n", "app.c": CODE.replace("int value_7 = 7;\n", "")}
    repo.merge(into="integration", source="feature/nine", subject=subject, files=files)
    ranks = [each.rank for each in story.audit().overwrite_records]
    assert ranks
    assert (max(ranks) > 0.3) is told


@pytest.mark.parametrize(("who", "told"), [("Al <al@example.com>", False), ("Bo <bo@example.com>", True)])
def test_who_reverts_work_on_one_branch_keeps_it_when_they_merge_that_into_the_work(
    story: Story, who: str, *, told: bool
) -> None:
    repo, al = story.repo, "Al <al@example.com>"
    page = {"page.c": "int page;\n"}
    repo.branch("feature/page", "integration")
    repo.commit("feature/page", page, subject="Add the page", author=al)
    merged = story.merge("feature/page", "integration")
    repo.revert(into="integration", commit=merged, files={"page.c": None}, author=who)
    more = {"page.c": "int page;\nint second;\n"}
    repo.commit("feature/page", more, subject="Go on with the page", author=al)
    repo.merge(into="feature/page", source="integration", files=more, author=al)
    story.merge("feature/page", "integration")
    ranks = [each.rank for each in story.audit().overwrite_records if each.path == "page.c"]
    assert ranks
    assert (max(ranks) > 0.3) is told


def test_a_line_that_names_the_branch_it_stands_on_is_no_loss_where_another_is_merged(story: Story) -> None:
    repo = story.repo
    own, theirs = (f'{CODE}char *from = "origin/{name}";\n' for name in ("integration", "preprod"))
    repo.commit("integration", {"build.c": own}, subject="Build from the branch")
    story.merge("integration", "preprod", files={"build.c": CODE})
    repo.commit("preprod", {"build.c": theirs}, subject="Fix where to build from")
    story.merge("preprod", "integration", files={"build.c": own})
    assert [each for each in story.audit().overwrite_records if each.dropped_by == repo.resolve("integration")] == []


@pytest.mark.parametrize(("name", "state"), [("Case__c", State.RESTORED), ("Role__c", State.OPEN)])
def test_an_element_that_is_put_back_in_another_part_of_its_file_is_back(story: Story, name: str, state: State) -> None:
    def layout(*sections: str) -> dict[str, Content]:
        parts = "".join(
            f"<layoutSections><label>{label}</label><layoutColumns><layoutItems><behavior>Edit</behavior>"
            f"<field>{field}</field></layoutItems></layoutColumns></layoutSections>"
            for label, field in zip(("Top", "End"), sections, strict=True)
        )
        start = '<?xml version="1.0" encoding="UTF-8"?>\n<Layout xmlns="http://soap.sforce.com/2006/04/metadata">'
        return {"Account.layout-meta.xml": f"{start}{parts}</Layout>\n".replace("><", ">\n<")}

    repo = story.repo
    repo.commit("integration", layout("Name", "Owner"))
    repo.commit("integration", layout("Case__c", "Owner"), subject="Fix the case")
    stale = repo.commit("integration", layout("Name", "Owner") | {"new.c": "int new;\n"}, author="Bo <bo@example.com>")
    back = repo.commit("integration", layout("Name", name), subject="Update the layout")
    (found,) = [each for each in story.audit().overwrite_records if each.dropped_by == stale]
    assert (found.state, found.restored_by) == (state, back if state is State.RESTORED else None)


def test_what_two_branches_bring_back_each_for_itself_is_back_on_both(story: Story) -> None:
    repo = story.repo
    repo.commit("integration", {"app.c": FIXED}, subject="Fix seven")
    story.merge("integration", "uat")
    repo.commit("integration", {"app.c": CODE, "new.c": "int new;\n"}, author="Bo <bo@example.com>")
    story.merge("integration", "uat")
    back = {name: repo.commit(name, {"app.c": FIXED}, subject="Bring it back") for name in ("uat", "integration")}
    states = {each.branch: (each.state, each.restored_by) for each in story.audit().overwrite_records}
    assert states == {name: (State.RESTORED, sha) for name, sha in back.items()}
