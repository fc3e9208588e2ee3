"""Branches that were moved without fast-forward: with a reflog, without one, and where git has pruned what was lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.delivery import CODE, Story, edited
from support.repos import START, git

from branchsim.audit.audit import audit
from branchsim.audit.causes import Cause
from branchsim.audit.conformance import Rule
from branchsim.audit.overwrites import Overwrite, State
from branchsim.topology import Topology

FIXED = edited(CODE, 7, "700")
ZERO = "0" * 40


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path / "repo")


def reflog(story: Story, ref: str, *entries: tuple[str, str, str]) -> None:
    """Write the reflog of a ref as git does: old, new and message of each entry, an hour apart from now on."""
    story.repo.finish()
    path = story.repo.path / ".git/logs" / ref
    path.parent.mkdir(parents=True, exist_ok=True)
    times = range(START + 3600 * 50, START + 3600 * 50 + len(entries))
    who = "A Person <a@example.com>"
    lines = [f"{old} {new} {who} {at} +0000\t{why}\n" for (old, new, why), at in zip(entries, times, strict=True)]
    path.write_text("".join(lines), encoding="utf-8")


def unlogged(story: Story) -> None:
    """Take away the reflogs that making the repository has written."""
    story.repo.finish()
    shutil.rmtree(story.repo.path / ".git/logs/refs", ignore_errors=True)


def forced(story: Story) -> list[Overwrite]:
    return [each for each in story.audit().overwrite_records if each.cause is Cause.FORCE_PUSH]


def lose(story: Story) -> tuple[str, str, str, str]:
    """A hotfix picked to integration, which then was moved back and went on; the fix, the pick, the tips."""
    fix = story.hotfix("login", {"app.c": FIXED})
    before = story.repo.resolve("integration")
    pick = story.repo.pick(into="integration", commit=fix)
    story.repo.branch("integration", before)
    after = story.repo.commit("integration", {"other.txt": "second words here\n"}, subject="Go on from before")
    return fix, pick, before, after


def test_what_a_reflog_shows_is_lost_with_the_hotfix_it_was_and_the_obligation_is_lost(story: Story) -> None:
    fix, pick, before, after = lose(story)
    reflog(
        story,
        "refs/heads/integration",
        (before, pick, "push"),
        (pick, before, "push (forced)"),
        (before, after, "push"),
    )
    (record,) = forced(story)
    assert (record.branch, record.landing, record.path) == ("integration", after, "app.c")
    assert record.commits == tuple(sorted((fix, pick)))
    assert (record.family, record.state, record.side) == ("hotfix/*", State.OPEN, "target")
    assert record.rank >= 0.7
    assert pick[:12] in record.reason
    assert "push (forced)" in record.reason
    (owed,) = story.audit().records
    assert (owed.verdict.value, owed.at, owed.counterpart) == ("lost", after, after)


def test_a_branch_that_was_only_moved_forward_has_lost_nothing(story: Story) -> None:
    before = story.repo.resolve("integration")
    first = story.repo.commit("integration", {"app.c": FIXED}, subject="Go on")
    second = story.repo.commit("integration", {"other.txt": "second words here\n"}, subject="And on")
    reflog(story, "refs/heads/integration", (ZERO, before, "made"), (before, first, "push"), (first, second, "push"))
    assert forced(story) == []
    assert story.audit().skipped == ()


def test_a_rebase_and_an_amend_carry_the_change_along(story: Story) -> None:
    before = story.repo.resolve("integration")
    old = story.repo.commit("integration", {"app.c": FIXED}, subject="Set the value", at=START + 5)
    story.repo.branch("integration", before)
    story.repo.commit("integration", {"other.txt": "second words here\n"}, subject="Somebody was first")
    new = story.repo.commit(
        "integration", {"app.c": edited(CODE, 7, "701")}, subject="Set the value", at=START + 5, committed_at=START + 90
    )
    reflog(story, "refs/heads/integration", (before, old, "commit"), (old, new, "pull --rebase (finish)"))
    assert forced(story) == []


def test_a_squash_of_what_was_there_carries_its_content_along(story: Story) -> None:
    before = story.repo.resolve("integration")
    story.repo.commit("integration", {"app.c": FIXED}, subject="One part")
    old = story.repo.commit("integration", {"other.txt": "second words here\n"}, subject="Another part")
    story.repo.branch("integration", before)
    new = story.repo.commit("integration", {"app.c": FIXED, "other.txt": "second words here\n"}, subject="Both parts")
    reflog(story, "refs/heads/integration", (before, old, "push"), (old, new, "push (forced)"))
    assert forced(story) == []


def test_what_is_written_again_later_is_restored(story: Story) -> None:
    _, pick, before, after = lose(story)
    again = story.repo.commit("integration", {"app.c": FIXED}, subject="Fix it once more")
    reflog(story, "refs/heads/integration", (before, pick, "push"), (pick, before, "reset"), (before, after, "push"))
    (record,) = forced(story)
    assert (record.state, record.restored_by) == (State.RESTORED, again)


def test_of_a_clone_only_what_it_fetched_counts(story: Story) -> None:
    _, pick, before, after = lose(story)
    story.repo.branch("refs/remotes/origin/integration", "integration")
    unlogged(story)
    reflog(story, "refs/remotes/origin/integration", (before, after, "fetch"))
    reflog(story, "refs/heads/integration", (before, pick, "commit"), (pick, before, "reset"), (before, after, "pull"))
    assert forced(story) == []
    reflog(story, "refs/remotes/origin/integration", (before, pick, "fetch"), (pick, after, "fetch: forced-update"))
    assert [each.landing for each in forced(story)] == [after]


@pytest.mark.parametrize("ref", ["backup/integration-before-login", "refs/original/refs/heads/integration"])
def test_without_a_reflog_a_ref_that_was_kept_tells_it(story: Story, ref: str) -> None:
    _, pick, _, after = lose(story)
    story.repo.branch(ref, pick)
    unlogged(story)
    (record,) = forced(story)
    assert (record.landing, record.path, record.confidence) == (after, "app.c", 0.5)


def test_without_a_reflog_a_merge_that_brought_a_former_tip_tells_it(story: Story) -> None:
    before = story.repo.resolve("integration")
    lost = story.repo.commit("integration", {"app.c": FIXED}, subject="Set the value")
    story.merge("integration", "uat")
    story.repo.branch("integration", before)
    after = story.repo.commit("integration", {"other.txt": "second words here\n"}, subject="Go on from before")
    unlogged(story)
    (record,) = forced(story)
    assert (record.branch, record.landing, record.commits) == ("integration", after, (lost,))
    assert "uat received it from integration" in record.reason


def test_a_branch_that_only_has_the_name_in_it_is_no_former_tip(story: Story) -> None:
    _, pick, *_ = lose(story)
    story.repo.branch("spike/integration-tests", pick)
    unlogged(story)
    assert forced(story) == []


def test_a_pruned_commit_is_said_to_be_unknown(story: Story) -> None:
    _, _, before, after = lose(story)
    gone = "6" * 40
    reflog(story, "refs/heads/integration", (before, gone, "push"), (gone, after, "push (forced)"))
    found = story.audit()
    assert [each for each in found.overwrite_records if each.cause is Cause.FORCE_PUSH] == []
    (skipped,) = [each for each in found.skipped if gone in each.what]
    assert "pruned" in skipped.reason


def test_a_commit_whose_parent_is_pruned_is_said_and_the_others_are_still_told(story: Story) -> None:
    _, pick, before, after = lose(story)
    story.repo.finish()
    tree = git(story.repo.path, "rev-parse", f"{pick}^{{tree}}")
    orphan = git(
        story.repo.path, "hash-object", "-t", "commit", "-w", "--stdin", "--literally",
        stdin=f"tree {tree}\nparent {'6' * 40}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nLost\n".encode(),
    )  # fmt: skip
    reflog(
        story,
        "refs/heads/integration",
        (before, orphan, "push"),
        (orphan, pick, "push (forced)"),
        (pick, after, "push"),
    )
    found = audit(story.repo.path, Topology.build_run(), cache=None)
    assert any(orphan in each.what for each in found.skipped)
    assert [each.landing for each in found.overwrite_records if each.cause is Cause.FORCE_PUSH] == [after]


def test_a_recorded_move_of_a_shared_branch_is_a_violation(story: Story) -> None:
    _, pick, before, after = lose(story)
    reflog(story, "refs/heads/integration", (before, pick, "push"), (pick, before, "forced"), (before, after, "push"))
    rules = {(each.rule, each.branch, each.landing) for each in story.audit().violation_records}
    assert (Rule.FORCE_PUSH, "integration", after) in rules
