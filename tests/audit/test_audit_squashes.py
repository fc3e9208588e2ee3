"""What a squash is made of: a pull request's head, a branch of the topology, or neither."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.delivery import CODE, Story, edited

from branchsim.audit.causes import Cause
from branchsim.audit.overwrites import Overwrite
from branchsim.audit.squashed_branches import taken_from
from branchsim.git.log import RawChange
from branchsim.topology import Branch, Flow, Topology

LIMITS = edited(CODE, 20, "2000")
SEARCH = edited(CODE, 9, "900")
NAMELESS, NAMED = "Bring the next version", "Merge branch 'uat' into preprod (#7)"
OWN = CODE.replace("int value_30 = 30;\n", "")
"""An edit that nobody else made: in the squash of a branch, a removal of what everybody had."""


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path / "repo")


def on(story: Story, branch: str, topology: Topology | None = None) -> list[Overwrite]:
    """The overwrites of a branch."""
    return [each for each in story.audit(topology).overwrite_records if each.branch == branch]


# How much of a head was taken.


def changes(files: str, versions: str = "") -> list[RawChange]:
    """Files of one letter each, changed; to these versions."""
    return [
        RawChange(path.encode(), "100644", "100644", "", version, "M")
        for path, version in zip(files, versions or files, strict=True)
    ]


@pytest.mark.parametrize(
    ("brought", "ahead", "landed", "exactly", "taken"),
    [
        ("ab", "ab", changes("ab"), False, 2),
        ("ab", "ab", changes("a"), False, 1),  # half of it
        ("abc", "abc", changes("a"), False, 0),
        ("abc", "a", changes("a"), False, 1),  # the rest was there before
        ("ab", "a", changes("ab"), False, 1),
        ("ab", "ab", changes("ab", "xy"), False, 2),
        ("ab", "ab", changes("ab", "xy"), True, 0),
        ("ab", "ab", changes("a"), True, 0),  # by files alone half of it is not enough
        ("abc", "abc", changes("abc", "abx"), True, 2),
        ("ab", "ab", [RawChange(path, "100644", "100755", "", path.decode(), "M") for path in (b"a", b"b")], True, 0),
    ],
)
def test_a_head_was_squashed_where_half_of_what_it_could_give_was_taken(
    brought: str, ahead: str, landed: list[RawChange], exactly: bool, taken: int
) -> None:
    assert taken_from(changes(brought), changes(ahead), landed, exactly=exactly) == taken


# Branches of the topology.


@pytest.mark.parametrize("known_by", ["pull ref", "its name"])
def test_a_promotion_that_names_what_it_squashed_may_edit_most_files(story: Story, known_by: str) -> None:
    repo = story.repo
    story.feature("limits", {"app.c": LIMITS, "more.c": CODE, "other.txt": "second words here\n"})
    story.merge("integration", "uat")
    fix = story.hotfix("login", {"app.c": edited(CODE, 7, "700")})
    files = {"app.c": LIMITS + "int own = 1;\n", "more.c": CODE + "int own = 1;\n"}
    if known_by == "pull ref":  # of which no file has to be as it was there
        files["other.txt"] = "third words here\n"
        repo.branch("refs/pull/7/head", repo.resolve("uat"))
    else:
        files["other.txt"] = "second words here\n"
    landing = repo.commit("preprod", files, subject=f"{NAMELESS} (#7)" if known_by == "pull ref" else NAMED)
    (record,) = [each for each in on(story, "preprod") if each.family == "hotfix/*"]
    assert (record.landing, record.commits, record.cause) == (landing, (fix,), Cause.BLIND_OVERWRITE)


def test_a_promotion_is_compared_with_what_the_branch_had_then(story: Story) -> None:
    story.feature("limits", {"app.c": LIMITS, "more.c": CODE})
    story.merge("integration", "uat")
    story.repo.squash(into="preprod", source="uat", subject=NAMED)
    story.feature("search", {"app.c": edited(LIMITS, 9, "900")})
    story.merge("integration", "uat")
    assert on(story, "preprod") == []


@pytest.mark.parametrize(("subject", "dropped"), [(NAMELESS, []), (NAMED, ["more.c"])])
def test_a_promotion_that_names_no_branch_may_leave_files_out(story: Story, subject: str, dropped: list[str]) -> None:
    for name in ("app.c", "less.c", "more.c"):
        story.feature(name, {name: LIMITS})
    story.merge("integration", "uat")
    story.repo.commit("preprod", {"app.c": LIMITS, "less.c": LIMITS}, subject=subject)
    assert [each.path for each in on(story, "preprod")] == dropped


def test_a_commit_of_which_half_is_that_of_a_branch_is_no_promotion(story: Story) -> None:
    story.feature("more", {"more.c": CODE})
    story.release()
    story.feature("limits", {"app.c": LIMITS})
    story.merge("integration", "uat")
    story.repo.commit("preprod", {"app.c": LIMITS, "more.c": OWN}, subject="Raise the limit, and go on")
    assert on(story, "preprod") == []


def test_hotfixes_that_are_taken_over_by_hand_are_no_squash_of_the_branch_they_are_on(story: Story) -> None:
    story.feature("more", {"more.c": CODE, "less.c": CODE})
    story.release()
    story.hotfix("login", {"app.c": LIMITS, "more.c": LIMITS})
    taken = {"app.c": LIMITS, "more.c": LIMITS, "less.c": OWN}
    story.repo.commit("integration", taken, subject="Take over what was mended, and go on")
    assert on(story, "integration") == []


def test_of_two_branches_that_are_promoted_that_was_squashed_of_which_more_is_there(story: Story) -> None:
    names = ("uat", "integration", "preprod")
    flows = [Flow("promote", source=name, target="preprod") for name in names[:2]]
    story.feature("limits", {"app.c": LIMITS, "more.c": CODE})
    story.merge("integration", "uat")
    story.repo.commit("uat", {"other.txt": "second words here\n"}, subject="Say it otherwise")
    story.repo.squash(into="preprod", source="uat", subject=NAMELESS)
    assert on(story, "preprod", Topology(tuple(Branch(name, layer="RUN") for name in names), tuple(flows))) == []


# Pull requests.


def test_a_pull_request_is_squashed_where_it_lands_first_and_ported_elsewhere(story: Story) -> None:
    repo = story.repo
    repo.branch("refs/pull/7/head", "integration")
    repo.commit("refs/pull/7/head", {"app.c": LIMITS}, subject="Raise the limit")
    story.feature("search", {"app.c": SEARCH})
    story.merge("integration", "refs/pull/7/head")
    work = {"app.c": edited(SEARCH, 20, "2000")}
    fix = repo.commit("integration", {"app.c": edited(SEARCH, 7, "700")}, subject="Fix the login bug")
    landing = repo.commit("integration", work, subject="Raise the limit (#7)")
    repo.commit("preprod", {"app.c": LIMITS}, subject="Raise the limit (#7)")
    (record,) = story.audit().overwrite_records
    assert (record.branch, record.landing, record.commits) == ("integration", landing, (fix,))
    assert record.cause is Cause.BLIND_OVERWRITE


def test_what_a_pull_request_was_built_on_and_the_branch_has_already_need_not_land_with_it(story: Story) -> None:
    repo = story.repo
    below = {f"below-{number}.c": CODE for number in range(4)}
    repo.branch("refs/pull/7/head", "integration")
    repo.commit("refs/pull/7/head", below, subject="Lay the ground")
    repo.commit("refs/pull/7/head", {"app.c": LIMITS}, subject="Raise the limit")
    repo.commit("integration", below, subject="Lay the ground (#6)")
    fix = repo.commit("integration", {"app.c": edited(CODE, 7, "700")}, subject="Fix the login bug")
    landing = repo.commit("integration", {"app.c": LIMITS}, subject="Raise the limit (#7)")
    (record,) = story.audit().overwrite_records
    assert (record.landing, record.commits, record.cause) == (landing, (fix,), Cause.BLIND_OVERWRITE)


def test_a_promotion_is_no_squash_of_a_work_branch_that_is_still_there(story: Story) -> None:
    repo = story.repo
    repo.branch("feature/limits", "integration")
    repo.commit("feature/limits", {"app.c": LIMITS}, subject="Raise the limit")
    repo.squash(into="integration", source="feature/limits", subject="Raise the limit")
    story.feature("words", {"other.txt": "second words here\n"})
    story.merge("integration", "uat")
    repo.squash(into="preprod", source="uat", subject=NAMELESS)
    assert on(story, "preprod") == []
