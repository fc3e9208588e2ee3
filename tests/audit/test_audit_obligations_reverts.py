"""Reverts among what is owed: inside a work branch, on RUN of what BUILD had made, of what came and went and came."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.forks import CODE, block, edited
from support.repos import git
from support.story import Story, obligation_of

from branchsim.audit.overwrite import State
from branchsim.audit.verdicts import Verdict
from branchsim.topology import Topology

FIXED = edited(CODE, 7, 8)
BETTER = edited(CODE, 20, 21)
MERGE_BACK = Topology.build_run_merge_back(production="production")


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path / "repo")


def tried(story: Story, *after: str) -> list[str]:
    """A hotfix branch whose first commit is reverted in it, landed on preprod: its commits and the merge."""
    story.repo.branch("hotfix/login", "preprod")
    ids = [story.repo.commit("hotfix/login", {"app.c": FIXED}, subject="Try to fix the login")]
    ids.append(story.repo.revert(into="hotfix/login", commit=ids[0]))
    if "again" in after:
        ids.append(story.repo.revert(into="hotfix/login", commit=ids[1]))
    if "better" in after:
        ids.append(story.repo.commit("hotfix/login", {"app.c": BETTER}, subject="Really fix the login"))
    return [*ids, story.merge("hotfix/login", "preprod")]


@pytest.mark.parametrize(
    ("subject", "verdict"),
    [
        ('Revert "login: wait for the second answer" (#19)', Verdict.REVERTED),
        ('Revert "login: wait for the second answer (#12) (#1… (#19)', Verdict.REVERTED),
        ('Revert "login: wait for the second ans… (#19)', Verdict.REVERTED),
        ('Revert "login: wait for the third ans… (#19)', Verdict.MISSED),
        ('Revert "login:… (#19)', Verdict.MISSED),
    ],
)
def test_a_revert_that_names_no_commit_is_known_by_what_it_quotes(story: Story, subject: str, verdict: Verdict) -> None:
    fix = story.repo.commit("preprod", {"app.c": FIXED}, subject="login: wait for the second answer (#12) (#14)")
    story.repo.commit("preprod", {"app.c": CODE}, subject=subject)
    assert story.obligation(fix).verdict is verdict


@pytest.mark.parametrize("again", [True, False])
def test_a_port_that_was_reverted_and_made_again_in_other_words_is_there(story: Story, again: bool) -> None:
    both = {"app.c": edited(CODE, 7, 8, 30, 31), "tests/login.c": block("login", 20)}
    fix = story.repo.commit("preprod", both, subject="Fix the login")
    port = story.repo.pick(into="integration", commit=fix)
    undo = story.repo.revert(into="integration", commit=port)
    story.repo.commit("integration", {"lib/util.c": edited(CODE, 3)}, subject="Go on")
    files = {"app.c": edited(CODE, 7, 8, 30, 31) if again else edited(CODE, 7), "search.c": block("search", 60)}
    made = story.repo.commit("integration", files, author="Bob <bob@example.com>", subject="Once more, with tests")
    record = story.obligation(fix)
    assert record.verdict is (Verdict.RETROFITTED if again else Verdict.LOST)
    assert record.counterpart == (made if again else undo)


# Inside a work branch.


def test_an_attempt_that_its_own_branch_reverts_withdraws_nothing_else(story: Story) -> None:
    first, _, better, _ = tried(story, "better")
    assert story.obligation(better).verdict is Verdict.MISSED
    story.repo.pick(into="integration", commit=better)
    record = story.obligation(better)
    assert (record.verdict, first in record.commits) == (Verdict.RETROFITTED, True)


def test_a_fix_that_its_own_branch_reverts_and_brings_back_is_owed(story: Story) -> None:
    first, *_ = tried(story, "again")
    assert story.obligation(first).verdict is Verdict.MISSED
    story.merge("hotfix/login", "integration")
    assert story.obligation(first).verdict is Verdict.RETROFITTED


def test_a_branch_that_takes_back_all_it_did_owes_nothing(story: Story) -> None:
    *_, merge = tried(story)
    found = story.audit()
    assert found.records == ()
    assert [(each.what, each.reason) for each in found.skipped] == [(merge, "its commits take each other back")]


def test_the_next_fix_that_reverts_the_first_and_does_better_is_owed(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    story.repo.branch("hotfix/better", "preprod")
    story.repo.revert(into="hotfix/better", commit=fix)
    better = story.repo.commit("hotfix/better", {"app.c": BETTER}, subject="Fix the login otherwise")
    story.merge("hotfix/better", "preprod")
    found = story.audit()
    assert obligation_of(found, fix, "integration").verdict is Verdict.REVERTED
    assert obligation_of(found, better, "integration").verdict is Verdict.MISSED
    story.repo.pick(into="integration", commit=better)
    assert story.obligation(better).verdict is Verdict.RETROFITTED


def test_a_part_that_the_branch_reverts_makes_a_retrofit_partial(story: Story) -> None:
    one, other, _ = story.hotfix("login", {"app.c": FIXED}, {"lib/util.c": BETTER})
    story.merge("hotfix/login", "integration")
    undo = story.repo.revert(into="integration", commit=other)
    record = story.obligation(one)
    assert (record.verdict, record.counterpart, record.at) == (Verdict.PARTIAL, undo, undo)
    assert other[:12] in record.reason


def test_a_part_that_is_withdrawn_at_its_source_is_not_waited_for(story: Story) -> None:
    one, other, _ = story.hotfix("login", {"app.c": FIXED}, {"lib/util.c": BETTER})
    story.repo.revert(into="preprod", commit=other)
    assert story.obligation(one).verdict is Verdict.MISSED
    story.repo.pick(into="integration", commit=one)
    assert story.obligation(one).verdict is Verdict.RETROFITTED


def test_a_partial_revert_does_not_withdraw(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": edited(CODE, 7, 8, 20, 21)})
    story.repo.commit("preprod", {"app.c": FIXED}, message=f"Undo half of it\n\nThis partially reverts commit {fix}.\n")
    assert story.obligation(fix).verdict is Verdict.MISSED


def test_what_was_reverted_and_then_came_by_a_merge_is_there(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    port = story.repo.pick(into="integration", commit=fix)
    story.repo.revert(into="integration", commit=port)
    # A promotion has passed, so ports are looked for; then history is joined, and git brings the fix along again.
    story.promote("integration", "uat", "preprod")
    merge = story.merge("hotfix/login", "integration")
    assert "compute_value(7)" in git(story.repo.finish(), "show", "integration:app.c")
    record = story.obligation(fix)
    assert (record.verdict, record.at) == (Verdict.LATE, merge)


@pytest.mark.parametrize("how", [{}, {"message": 'Revert "Fix the login bug"\n'}], ids=["by id", "by subject"])
def test_what_build_reverts_and_promotes_is_lost_and_not_withdrawn(story: Story, how: dict[str, Any]) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    story.merge("hotfix/login", "integration")
    undo = story.repo.revert(into="integration", commit=fix, **how)
    story.release()
    record = story.obligation(fix)
    assert (record.verdict, record.counterpart) == (Verdict.LOST, undo)


def test_what_the_branch_below_reverts_in_the_same_layer_is_withdrawn(story: Story) -> None:
    fix = story.repo.commit("production", {"app.c": FIXED}, subject="Fix the login here")
    story.merge("production", "preprod")
    undo = story.repo.revert(into="preprod", commit=fix)
    story.promote("preprod", "production")
    record = obligation_of(story.audit(MERGE_BACK), fix, "integration")
    assert (record.verdict, record.landed_on, record.counterpart) == (Verdict.REVERTED, "production", undo)


# On RUN, of what BUILD had made.


@pytest.mark.parametrize("where", ["preprod", "production"])
def test_a_revert_on_run_of_what_build_made_leaves_a_choice(story: Story, where: str) -> None:
    feature = story.feature("search", {"app.c": FIXED})
    story.release()
    undo = story.repo.revert(into=where, commit=feature, files={"app.c": CODE})
    record = obligation_of(story.audit(MERGE_BACK), undo, "integration")
    assert record.verdict is Verdict.MISSED
    assert f"takes back {feature[:12]}, which integration still has" in record.reason
    assert f"take it back there as well, or bring it back on {where}" in record.reason
    # One way: integration takes it back, in whatever form.
    story.repo.commit("integration", {"app.c": CODE}, message=f"No search\n\nThis reverts merge {feature}.\n")
    assert obligation_of(story.audit(MERGE_BACK), undo, "integration").verdict is Verdict.RETROFITTED


def test_the_other_choice_is_to_bring_it_back_on_run(story: Story) -> None:
    feature = story.feature("search", {"app.c": FIXED})
    story.release()
    undo = story.repo.revert(into="production", commit=feature, files={"app.c": CODE})
    again = story.repo.revert(into="production", commit=undo)
    found = story.audit(MERGE_BACK)
    assert [obligation_of(found, sha, "integration").verdict for sha in (undo, again)] == [Verdict.REVERTED] * 2
    assert found.open_records == ()


def test_build_may_bring_its_own_work_back_after_the_revert_arrived(story: Story) -> None:
    feature = story.feature("search", {"app.c": FIXED})
    story.release()
    undo = story.repo.revert(into="preprod", commit=feature, files={"app.c": CODE})
    story.merge("preprod", "integration")
    checks = ("obligations", "overwrites")
    found = story.audit(checks=checks)
    assert obligation_of(found, undo, "integration").verdict is Verdict.RETROFITTED
    assert [(each.branch, each.cause.value, each.state) for each in found.overwrite_records] == [
        ("integration", "revert-propagated", State.OPEN)
    ]
    again = story.repo.revert(into="integration", commit=undo)
    found = story.audit(checks=checks)
    record = obligation_of(found, undo, "integration")
    assert (record.verdict, record.counterpart) == (Verdict.SUPERSEDED, again)
    assert [(each.state, each.restored_by) for each in found.overwrite_records] == [(State.RESTORED, again)]
    # The next version brings it to RUN again: the promotions take nothing away, and nothing is owed.
    story.release()
    found = story.audit(checks=checks)
    record = obligation_of(found, undo, "integration")
    assert (record.verdict, record.counterpart) == (Verdict.SUPERSEDED, again)
    assert [(each.branch, each.state) for each in found.overwrite_records] == [("integration", State.RESTORED)]


def test_a_revert_of_what_build_has_rewritten_since_is_superseded(story: Story) -> None:
    feature = story.feature("search", {"app.c": FIXED})
    story.release()
    undo = story.repo.revert(into="preprod", commit=feature, files={"app.c": CODE})
    story.feature("faster", {"app.c": edited(CODE, 7, 8, value="faster_search({})")})
    assert story.obligation(undo).verdict is Verdict.SUPERSEDED


def test_the_revert_of_a_promotion_leaves_the_same_choice(story: Story) -> None:
    story.feature("search", {"app.c": FIXED})
    promoted = story.promote("integration", "uat", "preprod")
    undo = story.repo.revert(into="preprod", commit=promoted, files={"app.c": CODE})
    record = story.obligation(undo)
    assert record.verdict is Verdict.MISSED
    assert f"takes back {promoted[:12]}, which integration still has" in record.reason


def test_the_revert_of_what_went_to_uat_alone_is_owed_nowhere(story: Story) -> None:
    only = story.repo.commit("uat", {"app.c": FIXED}, subject="Try it on uat")
    story.promote("uat", "preprod")
    undo = story.repo.revert(into="preprod", commit=only)
    record = story.obligation(undo)
    assert record.verdict is Verdict.REVERTED
    assert "which never reached integration" in record.reason


def test_work_straight_on_a_branch_from_which_no_flow_leads_back_says_so(story: Story) -> None:
    feature = story.feature("search", {"search.c": block("search")})
    story.release()
    story.repo.revert(into="production", commit=feature, files={"search.c": None})
    (violation,) = story.audit(checks=("violations",)).violation_records
    assert violation.reason.endswith("see to it that integration, uat, preprod get it too")
    (violation,) = story.audit(MERGE_BACK, checks=("violations",)).violation_records
    assert "see to it" not in violation.reason
