"""Every kind of landing can lose a change, and the audit finds it in each."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.damage import lose
from support.delivery import CODE, Story, edited
from support.repos import Content, executable, git

from branchsim.audit.causes import Cause
from branchsim.audit.inspect import inspect
from branchsim.audit.overwrites import State
from branchsim.topology import Topology

FIXED = edited(CODE, 7, "700")


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path / "repo")


def test_an_ours_merge_over_a_file_that_moved(story: Story) -> None:
    story.feature("move", {"app.c": None, "src/app.c": CODE})
    fix = story.hotfix("login", {"app.c": FIXED})
    landing = story.merge("hotfix/login", "integration", files={"src/app.c": CODE})
    (record,) = [each for each in story.audit().overwrite_records if each.branch == "integration"]
    assert (record.landing, record.path, record.commits) == (landing, "src/app.c", (fix,))
    assert record.rank >= 0.5
    (owed,) = story.audit().records
    assert owed.verdict.value == "lost"


def test_a_mode_that_an_ours_merge_drops(story: Story) -> None:
    story.hotfix("script", {"app.c": executable(CODE)})
    landing = story.merge("hotfix/script", "integration", files={"app.c": CODE})
    found = story.audit()
    (record,) = [each for each in found.overwrite_records if each.branch == "integration"]
    assert (record.landing, record.path, record.state) == (landing, "app.c", State.OPEN)
    (owed,) = found.records
    assert owed.verdict.value == "lost"


def test_an_octopus_merge_that_leaves_out_one_head(story: Story) -> None:
    repo = story.repo
    heads = {"one": {"one.c": "int one(void) { return 1; }\n"}, "two": {"app.c": FIXED}}
    for name, files in heads.items():
        repo.branch(f"feature/{name}", "integration")
        repo.commit(f"feature/{name}", files, subject=f"Add the {name} feature")
    parents = ["integration", "feature/one", "feature/two"]
    landing = repo.commit("integration", heads["one"], subject="Merge branches 'one' and 'two'", parents=parents)
    (record,) = story.audit().overwrite_records
    assert (record.landing, record.path, record.commits) == (landing, "app.c", (repo.resolve("feature/two"),))


@pytest.mark.parametrize("known_by", ["pull ref", "branch"])
def test_a_squash_of_a_stale_tree_overwrites_what_landed_since_its_start(story: Story, known_by: str) -> None:
    repo = story.repo
    repo.branch("feature/limits", "integration")
    work = repo.commit("feature/limits", {"app.c": edited(CODE, 20, "2000")}, subject="Raise the limit")
    story.hotfix("login", {"app.c": FIXED})
    story.merge("hotfix/login", "integration")
    landing = repo.commit("integration", {"app.c": edited(CODE, 20, "2000")}, subject="Raise the limit (#7)")
    if known_by == "pull ref":
        repo.branch("refs/pull/7/head", work)
        repo.delete("feature/limits")
    records = [each for each in story.audit().overwrite_records if each.branch == "integration"]
    (record,) = [each for each in records if each.family == "hotfix/*"]
    assert (record.landing, record.path, record.cause) == (landing, "app.c", Cause.BLIND_OVERWRITE)


def test_a_squash_as_git_makes_it_loses_nothing(story: Story) -> None:
    repo = story.repo
    repo.branch("feature/limits", "integration")
    repo.commit("feature/limits", {"app.c": edited(CODE, 20, "2000")}, subject="Raise the limit")
    story.hotfix("login", {"app.c": FIXED})
    story.merge("hotfix/login", "integration")
    repo.squash(into="integration", source="feature/limits", subject="Raise the limit (#7)")
    assert story.audit().overwrite_records == ()


@pytest.mark.parametrize("known_by", ["pull ref", "its name", "content"])
def test_a_promotion_that_was_squashed_overwrites_a_hotfix(story: Story, known_by: str) -> None:
    repo = story.repo
    story.feature("limits", {"app.c": edited(edited(CODE, 8, "800"), 20, "2000"), "limits.c": "int limits = 20;\n"})
    story.merge("integration", "uat")
    fix = story.hotfix("login", {"app.c": FIXED})
    taken = {"app.c": edited(edited(CODE, 8, "800"), 20, "2000"), "limits.c": "int limits = 20;\n"}
    subject = {
        "pull ref": "Bring the next version (#7)",
        "its name": "Merge branch 'uat' into preprod (#7)",
        "content": "Bring the next version",
    }[known_by]
    landing = repo.commit("preprod", taken, subject=subject)
    if known_by == "pull ref":
        repo.branch("refs/pull/7/head", repo.resolve("uat"))
    records = [each for each in story.audit().overwrite_records if each.branch == "preprod"]
    (record,) = [each for each in records if each.family == "hotfix/*"]
    assert (record.landing, record.path, record.commits) == (landing, "app.c", (fix,))
    assert record.state is State.OPEN


def test_a_promotion_that_was_squashed_as_git_makes_it_loses_nothing(story: Story) -> None:
    story.feature("limits", {"app.c": edited(CODE, 20, "2000")})
    story.merge("integration", "uat")
    story.hotfix("login", {"app.c": FIXED})
    story.repo.squash(into="preprod", source="uat", subject="Bring the next version")
    assert story.audit().overwrite_records == ()


@pytest.mark.parametrize(
    ("files", "subject"),
    [
        ({"app.c": edited(CODE, 20, "2000")}, "Raise the limit now"),
        ({"app.c": edited(CODE, 20, "2000"), "more.c": edited(CODE, 9, "900")}, "Raise the limit now"),
        ({"app.c": edited(CODE, 9, "900")}, "Merge pull request #9 from somebody/uat"),
    ],
    ids=["one of two changes", "one of two changes, and an edit of its own", "a branch of that name elsewhere"],
)
def test_what_takes_a_part_of_a_branch_by_hand_is_no_squash_of_it(
    story: Story, files: dict[str, Content | None], subject: str
) -> None:
    story.feature("more", {"more.c": CODE})
    story.merge("integration", "uat")
    story.merge("uat", "preprod")
    story.feature("limits", {"app.c": edited(CODE, 20, "2000")})
    story.feature("search", {"more.c": edited(CODE, 3, "300")})
    story.merge("integration", "uat")
    story.repo.commit("preprod", files, subject=subject)
    assert story.audit().overwrite_records == ()


@pytest.mark.parametrize("moved_on", [False, True])
def test_a_port_of_a_pull_request_to_another_branch_is_no_squash_of_its_head(story: Story, moved_on: bool) -> None:
    repo = story.repo
    for number in range(5):
        story.feature(f"more-{number}", {f"more-{number}.c": f"int more = {number};\n", "app.c": CODE + "\n" * number})
    repo.branch("feature/limits", "integration")
    repo.commit("feature/limits", {"other.txt": "first limits here\n"}, subject="Raise the limit")
    story.merge("feature/limits", "integration")
    repo.branch("refs/pull/7/head", repo.resolve("feature/limits"))
    if moved_on:
        repo.commit("refs/pull/7/head", {"other.txt": "first limits here, really\n"}, subject="Raise it more")
    port = repo.commit("preprod", {"other.txt": "first limits here\n"}, subject="Merge pull request #7 from me/limits")
    assert story.audit().overwrite_records == ()
    assert inspect(repo.finish(), port).findings.empty


def test_a_port_of_a_pull_request_to_a_branch_that_is_gone_is_no_squash_of_its_head(story: Story) -> None:
    repo = story.repo
    repo.branch("3-2-stable", "integration")
    for number in range(5):
        repo.commit("3-2-stable", {f"old-{number}.c": f"int old = {number};\n"}, subject=f"Go on with part {number}")
    repo.branch("refs/pull/7/head", repo.resolve("3-2-stable"))
    repo.commit("refs/pull/7/head", {"app.c": edited(CODE, 20, "2000")}, subject="Raise the limit")
    repo.delete("3-2-stable")
    story.feature("search", {"app.c": edited(CODE, 9, "900")})
    ported = edited(edited(CODE, 9, "900"), 20, "2000")
    port = repo.commit("integration", {"app.c": ported}, subject="Merge pull request #7 from me/limits")
    assert story.audit().overwrite_records == ()
    found = inspect(repo.finish(), port)
    assert (found.kind, found.findings.empty) == ("commit", True)


def test_a_criss_cross_merge_that_drops_a_line_of_one_side(story: Story) -> None:
    repo = story.repo
    first, second = edited(CODE, 3, "300"), edited(CODE, 30, "3000")
    both = edited(first, 30, "3000")
    repo.branch("feature/limits", "integration")
    repo.commit("feature/limits", {"app.c": second}, subject="Raise the limit")
    repo.commit("integration", {"app.c": first}, subject="Raise the other")
    theirs, ours = repo.resolve("feature/limits"), repo.resolve("integration")
    repo.commit("integration", {"app.c": both}, subject="Merge branch 'feature/limits'", parents=[ours, theirs])
    repo.commit("feature/limits", {"app.c": both}, subject="Merge branch 'integration'", parents=[theirs, ours])
    fix = repo.commit("feature/limits", {"app.c": edited(both, 7, "700")}, subject="Fix the login bug")
    repo.commit("integration", {"other.txt": "second words here\n"}, subject="Go on")
    landing = story.merge("feature/limits", "integration", files={"app.c": both})
    (record,) = [each for each in story.audit().overwrite_records if each.branch == "integration"]
    assert (record.landing, record.commits) == (landing, (fix,))


def test_a_revert_of_a_revert_brings_it_back(story: Story) -> None:
    feature = story.feature("search", {"app.c": edited(CODE, 9, "900")})
    revert = story.repo.revert(into="integration", commit=feature, files={"app.c": CODE})
    again = story.repo.revert(into="integration", commit=revert, files={"app.c": edited(CODE, 9, "900")})
    found = story.audit()
    assert found.overwrite_records == ()
    assert again == story.repo.resolve("integration")


def test_a_feature_that_is_reverted_on_production_itself_is_no_overwrite_there(story: Story) -> None:
    story.feature("search", {"app.c": edited(CODE, 9, "900")})
    story.release()
    revert = story.repo.revert(into="production", commit=story.repo.resolve("feature/search"), files={"app.c": CODE})
    found = story.audit()
    assert found.overwrite_records == ()
    assert [(each.rule.value, each.landing) for each in found.violation_records] == [("direct", revert)]


def test_a_revert_on_production_that_is_merged_back_removes_the_feature_below(story: Story) -> None:
    feature = story.feature("search", {"app.c": edited(CODE, 9, "900")})
    story.release()
    revert = story.repo.revert(into="production", commit=story.repo.resolve("feature/search"), files={"app.c": CODE})
    landing = story.merge("production", "integration")
    (record,) = story.audit().overwrite_records
    assert (record.branch, record.landing, record.dropped_by) == ("integration", landing, revert)
    assert (record.change, record.cause, record.path) == (feature, Cause.REVERT_PROPAGATED, "app.c")


def test_a_hotfix_reverted_on_production_alone_is_told_where_it_is_owed(story: Story) -> None:
    fix = story.hotfix("login", {"app.c": FIXED})
    story.merge("hotfix/login", "integration")
    revert = story.repo.revert(into="production", commit=fix, files={"app.c": CODE})
    found = story.audit()
    assert [each for each in found.overwrite_records if each.branch != "production"] == []
    assert revert in {each.landing for each in found.violation_records}
    assert {each.verdict.value for each in found.records} <= {"retrofitted", "missed"}


def test_a_loss_whose_place_is_rewritten_later_is_superseded(story: Story) -> None:
    story.hotfix("login", {"app.c": FIXED})
    story.merge("hotfix/login", "integration", files={"app.c": CODE})
    later = story.repo.commit("integration", {"app.c": edited(CODE, 7, "compute_login_value()")}, subject="Compute it")
    found = story.audit()
    (record,) = [each for each in found.overwrite_records if each.branch == "integration"]
    assert (record.state, record.superseded_by, record.restored_by) == (State.SUPERSEDED, later, None)


def test_a_loss_whose_file_is_gone_later_is_superseded(story: Story) -> None:
    story.hotfix("login", {"app.c": FIXED + "int more(void) { return 7; }\n"})
    story.merge("hotfix/login", "integration", files={"app.c": FIXED})
    gone = story.repo.commit("integration", {"app.c": None}, subject="Drop the old program")
    (record,) = [each for each in story.audit().overwrite_records if each.branch == "integration"]
    assert (record.state, record.superseded_by) == (State.SUPERSEDED, gone)


def test_the_releases_before_and_after_are_named(story: Story) -> None:
    story.hotfix("login", {"app.c": FIXED})
    story.repo.tag("v1.1", "production")
    story.merge("hotfix/login", "integration")
    story.repo.commit("integration", {"app.c": CODE}, subject="Save my work")
    story.release()
    story.repo.tag("v2.0", "production")
    story.repo.commit("integration", {"app.c": FIXED}, subject="Bring the fix back")
    story.release()
    story.repo.tag("v2.1", "production")
    topology = Topology.build_run().replace(release_tags="v*")
    lost = {each.branch: each for each in story.audit(topology).overwrite_records}
    for branch in ("integration", "production"):
        assert (lost[branch].released_in, lost[branch].releases) == ("v1.1", ("v2.0",))


def test_a_change_that_was_lost_before_its_first_release_was_in_none(story: Story) -> None:
    story.feature("login", {"app.c": FIXED})
    story.repo.commit("integration", {"app.c": CODE}, subject="Save my work")
    story.release()
    story.repo.tag("v2.0", "production")
    topology = Topology.build_run().replace(release_tags="v*")
    lost = {each.branch: each for each in story.audit(topology).overwrite_records}
    assert {(each.released_in, each.releases) for each in lost.values()} == {(None, ("v2.0",))}


def test_what_the_repository_calls_generated_is_left_out_and_counted(story: Story) -> None:
    story.feature("marks", {".gitattributes": "*.c linguist-generated\n"})
    story.hotfix("login", {"app.c": FIXED})
    story.merge("hotfix/login", "integration", files={"app.c": CODE})
    found = story.audit()
    assert found.overwrite_records == ()
    assert found.left_out["generated"] >= 1


# What cannot be read.


def test_a_missing_blob_is_told_and_what_else_a_merge_lost_is_still_found(story: Story) -> None:
    fix = story.hotfix("login", {"app.c": FIXED, "more.txt": "a new file of some words\n"})
    story.feature("limits", {"app.c": edited(CODE, 20, "2000"), "more.txt": "another new file of words\n"})
    resolved: dict[str, Content] = {"app.c": edited(CODE, 20, "2000"), "more.txt": "another new file of words\n"}
    landing = story.merge("hotfix/login", "integration", files=resolved)
    path = story.repo.finish()
    missing = git(path, "rev-parse", f"{fix}:more.txt")
    lose(path, missing)
    found = story.audit()
    told = {each.what: each.reason for each in found.skipped}
    assert landing in told
    assert any(missing in reason for reason in told.values())
    assert {(each.landing, each.path) for each in found.overwrite_records if each.branch == "integration"} == {
        (landing, "app.c")
    }
