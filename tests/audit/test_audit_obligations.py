"""What became of every hotfix, on BUILD/RUN repositories where it is known."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from support.forks import CODE, block, edited
from support.repos import environment, git
from support.story import Story, obligation_of

from branchsim.audit.evidence import Evidence
from branchsim.audit.verdicts import Verdict
from branchsim.errors import InputError
from branchsim.topology import Topology, Waiver

FIXED = edited(CODE, 7, 8)


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path / "repo")


# Retrofitted.


def test_the_same_branch_merged_to_integration_is_a_retrofit(story: Story) -> None:
    fix, landing = story.hotfix("login", {"app.c": FIXED})
    retrofit = story.merge("hotfix/login", "integration")
    record = story.obligation(fix)
    assert (record.verdict, record.evidence) == (Verdict.RETROFITTED, Evidence.ANCESTOR)
    assert (record.landing, record.landed_on, record.owed_to) == (landing, "preprod", "integration")
    assert (record.counterpart, record.at, record.family) == (fix, retrofit, "hotfix/*")
    assert (record.deadline, record.overdue) == (None, False)
    assert record.confidence > 0.99


def test_preprod_merged_to_integration_is_a_retrofit(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    retrofit = story.merge("preprod", "integration")
    record = story.obligation(fix)
    assert (record.verdict, record.evidence, record.at) == (Verdict.RETROFITTED, Evidence.ANCESTOR, retrofit)


@pytest.mark.parametrize(("trailer", "evidence"), [(False, Evidence.PATCH_ID), (True, Evidence.TRAILER)])
def test_a_cherry_pick_is_a_retrofit(story: Story, trailer: bool, evidence: Evidence) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    port = story.repo.pick(into="integration", commit=fix, trailer=trailer)
    record = story.obligation(fix)
    assert (record.verdict, record.evidence) == (Verdict.RETROFITTED, evidence)
    assert (record.counterpart, record.at) == (port, port)


def test_a_trailer_does_not_count_where_it_is_told_not_to(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    story.repo.pick(into="integration", commit=fix, trailer=True)
    record = story.obligation(fix, trailers=False)
    assert (record.verdict, record.evidence) == (Verdict.RETROFITTED, Evidence.PATCH_ID)


def test_a_squash_is_a_retrofit(story: Story) -> None:
    one, other, _ = story.hotfix("login", {"app.c": FIXED}, {"lib/util.c": edited(CODE, 20, 21)})
    story.feature("search", {"search.c": block("search")})
    squash = story.repo.squash(into="integration", source="hotfix/login", subject="Retrofit the login (#12)")
    record = story.obligation(one)
    assert record.commits[:2] == (one, other)
    assert (record.verdict, record.counterpart, record.at) == (Verdict.RETROFITTED, squash, squash)


def test_a_pick_with_a_conflict_resolved_is_a_retrofit(story: Story) -> None:
    story.feature("limits", {"app.c": edited(CODE, 8, value="from_build()")})
    fix, _ = story.hotfix("login", {"app.c": edited(CODE, 7, 8, 9, 10)})
    resolved = edited(edited(CODE, 8, value="both_of_them()"), 7, 9, 10)
    port = story.repo.pick(into="integration", commit=fix, files={"app.c": resolved})
    record = story.obligation(fix)
    assert (record.verdict, record.counterpart) == (Verdict.RETROFITTED, port)
    assert record.evidence is Evidence.AUTHOR_DATE


def test_the_same_content_in_another_commit_is_found_by_replaying(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    many: dict[str, str] = {f"part{number}.c": block(f"part{number}", 30) for number in range(5)}
    bulk = story.repo.commit(
        "integration", {"app.c": FIXED, **many}, subject="Import the code of the vendor", author="Bob <bob@example.com>"
    )
    record = story.obligation(fix)
    assert (record.verdict, record.evidence) == (Verdict.RETROFITTED, Evidence.REPLAY)
    assert (record.counterpart, record.at) == (bulk, bulk)


def test_in_time_is_before_the_promotion(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    story.merge("hotfix/login", "integration")
    story.promote("integration", "uat")
    passed = story.promote("uat", "preprod")
    record = story.obligation(fix)
    assert (record.verdict, record.deadline, record.overdue) == (Verdict.RETROFITTED, passed, False)


def test_after_the_promotion_is_late(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    story.feature("search", {"search.c": block("search")})
    passed = story.promote("integration", "uat", "preprod")
    retrofit = story.merge("hotfix/login", "integration")
    record = story.obligation(fix)
    assert (record.verdict, record.deadline, record.overdue) == (Verdict.LATE, passed, True)
    assert (record.at, record.evidence) == (retrofit, Evidence.ANCESTOR)
    assert passed[:12] in record.reason


def test_a_late_pick_is_late_too(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    story.feature("search", {"search.c": block("search")})
    story.promote("integration", "uat", "preprod")
    port = story.repo.pick(into="integration", commit=fix)
    record = story.obligation(fix)
    assert (record.verdict, record.counterpart, record.overdue) == (Verdict.LATE, port, True)


def test_a_promotion_that_passed_before_the_hotfix_is_no_deadline(story: Story) -> None:
    story.feature("search", {"search.c": block("search")})
    story.release()
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    story.merge("hotfix/login", "integration")
    record = story.obligation(fix)
    assert (record.verdict, record.deadline) == (Verdict.RETROFITTED, None)


def test_a_pick_counts_from_when_it_was_made_and_not_from_when_history_was_joined(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    port = story.repo.pick(into="integration", commit=fix)
    passed = story.promote("integration", "uat", "preprod")
    story.feature("search", {"search.c": block("search")})
    story.merge("preprod", "integration")
    record = story.obligation(fix)
    assert (record.verdict, record.counterpart, record.at) == (Verdict.RETROFITTED, port, port)
    assert (record.deadline, record.overdue) == (passed, False)


# Missed.


def test_what_never_arrived_is_missed(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    story.feature("search", {"search.c": block("search")})
    record = story.obligation(fix)
    assert (record.verdict, record.evidence) == (Verdict.MISSED, Evidence.ABSENT)
    assert (record.counterpart, record.at, record.arrived_at) == (None, None, None)
    assert (record.deadline, record.overdue) == (None, False)


def test_what_never_arrived_is_overdue_after_the_promotion(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    story.feature("search", {"search.c": block("search")})
    passed = story.promote("integration", "uat", "preprod")
    record = story.obligation(fix)
    assert (record.verdict, record.deadline, record.overdue) == (Verdict.MISSED, passed, True)


def test_a_promotion_to_uat_alone_is_no_deadline(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    story.feature("search", {"search.c": block("search")})
    story.promote("integration", "uat")
    record = story.obligation(fix)
    assert (record.verdict, record.overdue) == (Verdict.MISSED, False)


def test_features_owe_nothing(story: Story) -> None:
    story.feature("search", {"search.c": block("search")})
    story.release()
    assert story.audit().records == ()


def test_a_commit_made_directly_on_preprod_is_owed_too(story: Story) -> None:
    fix = story.repo.commit("preprod", {"app.c": FIXED}, subject="Fix the login at once")
    record = story.obligation(fix)
    assert (record.verdict, record.family) == (Verdict.MISSED, None)


def test_a_fix_written_again_by_hand_is_probable_at_most(story: Story) -> None:
    story.feature("limits", {"app.c": edited(CODE, 20, value="from_build()")})
    fix, _ = story.hotfix("login", {"app.c": edited(CODE, *range(5, 15))})
    text = edited(edited(CODE, 20, value="from_build()"), *range(5, 14))
    many = {f"part{number}.c": block(f"part{number}", 30) for number in range(5)}
    story.repo.commit("integration", {"app.c": text, **many}, subject="Go on", author="Bob <bob@example.com>")
    record = story.obligation(fix)
    assert record.verdict is Verdict.MISSED
    assert record.confidence <= 0.5
    assert "by hand" in record.reason


def test_two_lines_that_came_along_among_others_are_probable_at_most(story: Story) -> None:
    """Replaying the fix conflicts with the lines around it, and two lines are too few to be a port of their own."""
    fix, _ = story.hotfix("login", {"app.c": edited(CODE, 5, 6)})
    text = edited(edited(CODE, 5, 6), *range(2, 12), value="from_build({})")
    many = {f"part{number}.c": block(f"part{number}", 30) for number in range(5)}
    story.repo.commit("integration", {"app.c": text, **many}, subject="Go on", author="Bob <bob@example.com>")
    record = story.obligation(fix)
    assert (record.verdict, record.confidence) == (Verdict.MISSED, 0.3)
    assert "100% of its lines are there" in record.reason


def test_a_part_of_a_hotfix_is_partial(story: Story) -> None:
    one, other, _ = story.hotfix("login", {"app.c": FIXED}, {"lib/util.c": edited(CODE, 20, 21)})
    story.feature("search", {"search.c": block("search")})
    port = story.repo.pick(into="integration", commit=one)
    record = story.obligation(one)
    assert (record.verdict, record.counterpart) == (Verdict.PARTIAL, port)
    assert other[:12] in record.reason
    assert story.audit().counts() == {"partial": 1}


# Withdrawn and lost.


def test_a_hotfix_reverted_at_its_source_owes_nothing(story: Story) -> None:
    fix, landing = story.hotfix("login", {"app.c": FIXED})
    undo = story.repo.revert(into="preprod", commit=landing, files={"app.c": CODE})
    found = story.audit()
    record = obligation_of(found, fix, "integration")
    assert (record.verdict, record.counterpart) == (Verdict.REVERTED, undo)
    idle = obligation_of(found, undo, "integration")
    assert idle.verdict is Verdict.REVERTED
    assert landing[:12] in idle.reason
    assert found.open_records == ()


def test_a_hotfix_reverted_after_it_was_ported_owes_the_revert(story: Story) -> None:
    fix, landing = story.hotfix("login", {"app.c": FIXED})
    story.merge("hotfix/login", "integration")
    undo = story.repo.revert(into="preprod", commit=landing, files={"app.c": CODE})
    found = story.audit()
    assert obligation_of(found, fix, "integration").verdict is Verdict.REVERTED
    assert obligation_of(found, undo, "integration").verdict is Verdict.MISSED
    port = story.repo.pick(into="integration", commit=undo)
    record = story.obligation(undo)
    assert (record.verdict, record.counterpart) == (Verdict.RETROFITTED, port)


def test_a_hotfix_reverted_and_brought_back_at_its_source_is_owed(story: Story) -> None:
    fix, landing = story.hotfix("login", {"app.c": FIXED})
    undo = story.repo.revert(into="preprod", commit=landing, files={"app.c": CODE})
    story.repo.revert(into="preprod", commit=undo)
    assert story.obligation(fix).verdict is Verdict.MISSED


def test_a_retrofit_that_integration_reverts_is_lost(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    port = story.repo.pick(into="integration", commit=fix)
    undo = story.repo.revert(into="integration", commit=port)
    record = story.obligation(fix)
    assert (record.verdict, record.counterpart, record.at) == (Verdict.LOST, undo, undo)


def test_a_revert_of_the_revert_brings_a_retrofit_back(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    port = story.repo.pick(into="integration", commit=fix)
    undo = story.repo.revert(into="integration", commit=port)
    story.repo.revert(into="integration", commit=undo)
    assert story.obligation(fix).verdict is Verdict.RETROFITTED


def test_an_ancestor_whose_merge_took_ours_is_lost(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    story.feature("search", {"search.c": block("search")})
    dropped = story.merge("hotfix/login", "integration", files={})
    record = story.obligation(fix)
    assert (record.verdict, record.counterpart, record.at) == (Verdict.LOST, dropped, dropped)
    assert record.evidence is Evidence.ANCESTOR


def test_a_merge_that_keeps_half_of_a_hotfix_is_partial(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": edited(CODE, 5, 6, 7, 8)})
    half = story.merge("hotfix/login", "integration", files={"app.c": edited(CODE, 5, 6)})
    record = story.obligation(fix)
    assert (record.verdict, record.counterpart) == (Verdict.PARTIAL, half)


def test_a_hotfix_of_a_file_that_integration_removed_is_superseded(story: Story) -> None:
    removed = story.repo.commit("integration", {"app.c": None}, subject="Remove what nobody uses")
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    record = story.obligation(fix)
    assert (record.verdict, record.counterpart) == (Verdict.SUPERSEDED, removed)
    assert removed[:12] in record.reason


def test_a_file_that_integration_removed_later_supersedes_too(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    removed = story.repo.commit("integration", {"app.c": None}, subject="Remove what nobody uses")
    record = story.obligation(fix)
    assert (record.verdict, record.counterpart) == (Verdict.SUPERSEDED, removed)


# Waived and skipped.


def test_waivers_are_by_commit_path_or_author(story: Story) -> None:
    by_commit, _ = story.hotfix("one", {"app.c": edited(CODE, 3)})
    by_path, _ = story.hotfix("two", {"docs/readme.md": block("readme")})
    by_author, _ = story.hotfix("three", {"lib/util.c": edited(CODE, 3)}, author="Bot <bot@example.com>")
    none, _ = story.hotfix("four", {"lib/util.c": edited(CODE, 3, 20), "docs/more.md": block("more")})
    topology = replace(
        Topology.build_run(),
        waivers=(
            Waiver(commit=by_commit[:12], reason="only for RUN"),
            Waiver(path="docs/**", reason="each has its own"),
            Waiver(author="bot@example.com", reason="the bot does it there too"),
        ),
    )
    found = story.audit(topology)
    verdicts = {sha: obligation_of(found, sha, "integration") for sha in (by_commit, by_path, by_author, none)}
    assert [record.verdict.value for record in verdicts.values()] == ["waived", "waived", "waived", "missed"]
    assert "only for RUN" in verdicts[by_commit].reason
    assert "each has its own" in verdicts[by_path].reason
    assert "the bot does it there too" in verdicts[by_author].reason
    assert found.counts() == {"missed": 1, "waived": 3}
    assert [record.commits[0] for record in found.open_records] == [none]


def test_ignored_paths_and_empty_changes_are_skipped_with_a_reason(story: Story) -> None:
    _, ignored = story.hotfix("docs", {"docs/readme.md": block("readme")})
    mixed, _ = story.hotfix("both", {"docs/more.md": block("more"), "app.c": FIXED})
    empty = story.repo.commit("preprod", {}, subject="Trigger the build")
    found = story.audit(replace(Topology.build_run(), ignore_paths=("docs/**",)))
    skipped = {each.what: each.reason for each in found.skipped}
    assert skipped.keys() == {ignored, empty}
    assert "ignored" in skipped[ignored]
    assert "nothing" in skipped[empty]
    assert [record.commits[0] for record in found.records] == [mixed]


# Moments.


def test_an_end_before_everything_is_refused(story: Story) -> None:
    with pytest.raises(InputError, match=r"^until: by 1990-01-01 00:00 UTC nothing had landed .* name a later end$"):
        story.audit(until="1990-01-01")


def test_until_gives_the_state_as_of_then(story: Story) -> None:
    fix, landing = story.hotfix("login", {"app.c": FIXED})
    story.feature("search", {"search.c": block("search")})
    passed = story.promote("integration", "uat", "preprod")
    retrofit = story.merge("hotfix/login", "integration")
    at = {sha: int(git(story.repo.finish(), "log", "-1", "--format=%ct", sha)) for sha in (landing, passed, retrofit)}
    assert story.audit(until=at[landing] - 1).records == ()
    then = story.obligation(fix, until=at[landing])
    assert (then.verdict, then.overdue) == (Verdict.MISSED, False)
    then = story.obligation(fix, until=at[retrofit] - 1)
    assert (then.verdict, then.overdue, then.deadline) == (Verdict.MISSED, True, passed)
    assert story.obligation(fix, until=at[retrofit]).verdict is Verdict.LATE


def test_since_limits_what_is_judged_and_not_what_is_known(story: Story) -> None:
    old, _ = story.hotfix("old", {"app.c": FIXED})
    new, landing = story.hotfix("new", {"lib/util.c": FIXED})
    port = story.repo.pick(into="integration", commit=new)
    at = int(git(story.repo.finish(), "log", "-1", "--format=%ct", landing))
    found = story.audit(since=at)
    assert obligation_of(found, new, "integration").counterpart == port
    assert len(found.records) == 1
    assert {record.commits[0] for record in story.audit().records} == {old, new}


# What a person gets.


def test_every_check_is_a_git_command_that_works(story: Story) -> None:
    story.hotfix("merged", {"app.c": edited(CODE, 3)})
    story.merge("hotfix/merged", "integration")
    picked, _ = story.hotfix("picked", {"app.c": edited(CODE, 3, 10)})
    story.repo.pick(into="integration", commit=picked)
    story.hotfix("missed", {"lib/util.c": edited(CODE, 3)})
    _, undone = story.hotfix("undone", {"lib/util.c": edited(CODE, 3, 20)})
    story.repo.revert(into="preprod", commit=undone, files={"lib/util.c": edited(CODE, 3)})
    found = story.audit()
    assert len(found.records) == 5
    for record in found.records:
        command = shlex.split(record.check)
        assert command[0] == "git"
        done = subprocess.run(command, cwd=story.repo.path, env=environment(), capture_output=True, check=False)
        assert done.returncode == 0, (record.check, done.stderr)
        assert record.reason


def test_findings_lead_with_what_is_overdue(story: Story) -> None:
    lost, _ = story.hotfix("lost", {"app.c": edited(CODE, 3)})
    port = story.repo.pick(into="integration", commit=lost)
    overdue, _ = story.hotfix("overdue", {"lib/util.c": edited(CODE, 3)})
    story.promote("integration", "uat", "preprod")
    story.repo.revert(into="integration", commit=port)
    missed, _ = story.hotfix("missed", {"lib/util.c": edited(CODE, 3, 20)})
    order = [record.commits[0] for record in story.audit().open_records]
    assert set(order) == {lost, overdue, missed}
    assert order[-1] == missed


def test_tables_have_their_types_empty_or_not(story: Story) -> None:
    empty = story.audit()
    story.hotfix("login", {"app.c": FIXED})
    full = story.audit()
    assert (len(empty.obligations), len(full.obligations)) == (0, 1)
    assert empty.obligations.dtypes.equals(full.obligations.dtypes)
    assert empty.findings.dtypes.equals(full.findings.dtypes)
