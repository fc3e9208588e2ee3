"""Obligations whose content is judged, not their ancestry: drops, later overwrites, what merges did themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.forks import CODE, block, edited
from support.repos import Entry, git
from support.story import Story, obligation_of

from branchsim.audit.audit import audit
from branchsim.audit.evidence import Evidence
from branchsim.audit.verdicts import Verdict
from branchsim.topology import Flow, Topology

FIXED = edited(CODE, 7, 8)
BOB = "Bob <bob@example.com>"
EVERYTHING: dict[str, Any] = {"checks": ("obligations", "overwrites")}


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path / "repo")


# Merges that drop what they bring.


def test_a_merge_that_takes_ours_where_the_file_had_moved_is_lost(story: Story) -> None:
    story.repo.commit("integration", {"app.c": None, "src/app.c": CODE}, subject="Move the code")
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    dropped = story.merge("hotfix/login", "integration", files={"app.c": None, "src/app.c": CODE})
    record = story.obligation(fix)
    assert (record.verdict, record.counterpart) == (Verdict.LOST, dropped)


@pytest.mark.parametrize(
    ("more", "kept", "verdict"),
    [
        ({}, {}, Verdict.SUPERSEDED),
        ({"lib/util.c": FIXED}, {"lib/util.c": FIXED}, Verdict.RETROFITTED),
        ({"lib/util.c": FIXED}, {}, Verdict.LOST),
    ],
)
def test_a_merge_that_leaves_a_file_removed_which_integration_had_removed(
    story: Story, more: dict[str, Any], kept: dict[str, Any], verdict: Verdict
) -> None:
    removed = story.repo.commit("integration", {"app.c": None}, subject="Remove what nobody uses")
    fix, _ = story.hotfix("login", {"app.c": FIXED, **more})
    story.merge("hotfix/login", "integration", files={"app.c": None, **kept})
    record = story.obligation(fix, checks=("obligations", "overwrites"))
    assert record.verdict is story.obligation(fix).verdict is verdict
    if verdict is Verdict.SUPERSEDED:
        assert record.counterpart == removed
        # Where history goes on, it stays so.
        story.release()
        for content in (block("other"), None):
            story.repo.commit("integration", {"app.c": content}, subject="Try another file of that name")
        record = story.obligation(fix)
        assert (record.verdict, record.counterpart) == (verdict, removed)


def test_what_a_merge_left_removed_does_not_hide_what_is_overwritten_later_of_the_rest(story: Story) -> None:
    story.repo.commit("integration", {"app.c": None}, subject="Remove what nobody uses")
    fix, _ = story.hotfix("login", {"app.c": FIXED, "lib/util.c": FIXED})
    story.merge("hotfix/login", "integration", files={"app.c": None, "lib/util.c": FIXED})
    stale = story.repo.commit("integration", {"lib/util.c": CODE, "new.c": block("new")}, subject="Add the new page")
    record = story.obligation(fix, **EVERYTHING)
    assert (record.verdict, record.counterpart) == (Verdict.LOST, stale)


@pytest.mark.parametrize("before", ["made by the fix", "removed by integration"])
def test_a_file_that_the_fix_made_or_the_merge_brought_back_had_not_been_removed_rightly(
    story: Story, before: str
) -> None:
    new = before == "made by the fix"
    if not new:
        story.repo.commit("integration", {"app.c": None}, subject="Remove what nobody uses")
    mended: dict[str, Any] = {"new.c": block("new"), "lib/util.c": FIXED} if new else {"app.c": FIXED}
    fix, _ = story.hotfix("login", mended)
    dropped = story.merge("hotfix/login", "integration", files={"lib/util.c": FIXED} if new else {"app.c": CODE})
    record = story.obligation(fix)
    assert (record.verdict, record.counterpart) == (Verdict.PARTIAL if new else Verdict.LOST, dropped)


@pytest.mark.parametrize(
    ("solved", "verdict"), [("checked(7) + offset", Verdict.RETROFITTED), ("7 + offset + more", Verdict.LOST)]
)
def test_a_conflict_that_is_solved_by_joining_both_sides_in_one_line(
    story: Story, solved: str, verdict: Verdict
) -> None:
    story.repo.commit("integration", {"app.c": edited(CODE, 7, value="{} + offset")}, subject="Shift the values")
    fix, _ = story.hotfix("login", {"app.c": edited(CODE, 7, value="checked({})")})
    story.merge("hotfix/login", "integration", files={"app.c": CODE.replace("value_7 = 7;", f"value_7 = {solved};")})
    assert story.obligation(fix).verdict is verdict


@pytest.mark.parametrize(
    ("again", "verdict"),
    [(FIXED, Verdict.RETROFITTED), (CODE.replace("value_9 = 9;", "value_9 = 90;"), Verdict.LOST)],
)
def test_what_a_merge_dropped_and_a_later_commit_brings_is_there(story: Story, again: str, verdict: Verdict) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    dropped = story.merge("hotfix/login", "integration", files={"app.c": CODE})
    story.repo.commit("integration", {"app.c": CODE + "int other;\n"}, subject="Change something else")
    back = story.repo.commit("integration", {"app.c": again + "int other;\n"}, subject="Look at it once more")
    record = story.obligation(fix)
    assert record.verdict is verdict
    if verdict is Verdict.RETROFITTED:
        assert (record.evidence, record.counterpart, record.at) == (Evidence.REPLAY, back, back)
        assert record.arrived_at == int(git(story.repo.path, "show", "-s", "--format=%ct", back))
        assert f"the merge {dropped[:12]} dropped it; {back[:12]} brought it back" in record.reason
        # What is dropped once more is lost.
        story.repo.commit("integration", {"app.c": CODE}, subject="Save my work")
        assert story.obligation(fix).verdict is Verdict.LOST
    else:
        assert record.counterpart == dropped


@pytest.mark.parametrize("first", [9, 5])
def test_of_two_merges_that_drop_a_part_each_the_one_is_told_that_kept_less(story: Story, first: int) -> None:
    parts: dict[str, Any] = {"one.c": block("one", first), "two.c": block("two", 14 - first)}
    fix, _ = story.hotfix("login", parts)
    story.repo.branch("retrofit/login", "integration")
    one = story.merge("hotfix/login", "retrofit/login", files={"two.c": parts["two.c"]})
    story.feature("search", {"search.c": block("search")})
    two = story.merge("retrofit/login", "integration", files={"other.c": block("other")})
    record = story.obligation(fix)
    assert (record.verdict, record.counterpart) == (Verdict.PARTIAL, one if first > 7 else two)


def test_what_a_merge_dropped_is_not_back_because_most_of_the_rest_was_there_before(story: Story) -> None:
    most = CODE + block("guard", 9)
    story.repo.commit("integration", {"app.c": most}, author=BOB, subject="Guard it")
    fix, _ = story.hotfix("login", {"app.c": CODE + block("guard", 10)})
    dropped = story.merge("hotfix/login", "integration", files={"app.c": most})
    story.repo.commit("integration", {"app.c": edited(most, 7)}, subject="Change something else")
    record = story.obligation(fix)
    assert (record.verdict, record.counterpart) == (Verdict.LOST, dropped)


def test_what_a_merge_dropped_is_late_where_it_comes_back_after_the_release(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    story.merge("hotfix/login", "integration", files={"app.c": CODE})
    story.release()
    story.repo.commit("integration", {"app.c": FIXED}, subject="Bring it back")
    assert story.obligation(fix).verdict is Verdict.LATE


def test_a_merge_that_follows_the_move_is_a_retrofit(story: Story) -> None:
    story.repo.commit("integration", {"app.c": None, "src/app.c": CODE}, subject="Move the code")
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    story.merge("hotfix/login", "integration", files={"app.c": None, "src/app.c": FIXED, "extra.c": block("extra")})
    assert story.obligation(fix).verdict is Verdict.RETROFITTED


def test_a_merge_that_takes_ours_drops_a_change_of_mode(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": Entry("100755", CODE.encode())})
    story.feature("search", {"search.c": block("search")})
    dropped = story.merge("hotfix/login", "integration", files={"app.c": Entry("100644", CODE.encode())})
    record = story.obligation(fix)
    assert (record.verdict, record.counterpart) == (Verdict.LOST, dropped)


# Overwritten after it had arrived.


def test_a_retrofit_that_a_stale_commit_takes_back_is_lost(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    story.merge("hotfix/login", "integration")
    stale = story.repo.commit("integration", {"app.c": CODE, "new.c": block("new")}, subject="Add the new page")
    record = story.obligation(fix, **EVERYTHING)
    assert (record.verdict, record.counterpart, record.at) == (Verdict.LOST, stale, stale)
    assert record.evidence is Evidence.ANCESTOR
    assert "0% of it now" in record.reason


def test_a_port_that_a_stale_commit_takes_back_is_lost(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    story.repo.pick(into="integration", commit=fix)
    stale = story.repo.commit("integration", {"app.c": CODE, "new.c": block("new")}, subject="Add the new page")
    record = story.obligation(fix, **EVERYTHING)
    assert (record.verdict, record.counterpart) == (Verdict.LOST, stale)


def test_a_retrofit_that_was_overwritten_and_brought_back_is_a_retrofit(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    story.merge("hotfix/login", "integration")
    story.repo.commit("integration", {"app.c": CODE, "new.c": block("new")}, subject="Add the new page")
    story.repo.commit("integration", {"app.c": FIXED}, subject="Bring the login fix back")
    assert story.obligation(fix, **EVERYTHING).verdict is Verdict.RETROFITTED


# What a merge did of its own.


def test_what_a_merge_of_a_hotfix_did_itself_is_owed_too(story: Story) -> None:
    fix, landing = story.hotfix("login", {"app.c": FIXED})
    other, merged = story.repo.commit("preprod", {"lib/util.c": edited(CODE, 3)}, subject="Fix a thing"), ""
    story.repo.branch("hotfix/logout", "preprod")
    second = story.repo.commit("hotfix/logout", {"logout.c": block("logout")}, subject="Fix the logout bug")
    merged = story.merge("hotfix/logout", "preprod", files={"logout.c": block("logout"), "guard.c": block("guard")})
    for commit in (fix, other):
        story.repo.pick(into="integration", commit=commit)
    story.merge("hotfix/logout", "integration")
    record = story.obligation(second)
    assert record.verdict is Verdict.PARTIAL
    assert merged[:12] in record.reason
    assert landing != merged


def test_what_a_merge_did_itself_and_integration_has_is_a_retrofit(story: Story) -> None:
    story.repo.branch("hotfix/logout", "preprod")
    fix = story.repo.commit("hotfix/logout", {"logout.c": block("logout")}, subject="Fix the logout bug")
    story.merge("hotfix/logout", "preprod", files={"logout.c": block("logout"), "guard.c": block("guard")})
    story.merge("hotfix/logout", "integration")
    story.repo.commit("integration", {"guard.c": block("guard")}, subject="Guard")
    assert story.obligation(fix).verdict is Verdict.RETROFITTED


def test_what_a_promotion_did_itself_is_owed(story: Story) -> None:
    story.feature("search", {"search.c": block("search")})
    story.merge("integration", "uat")
    promotion = story.merge("uat", "preprod", files={"search.c": block("search"), "guard.c": block("guard")})
    record = story.obligation(promotion)
    assert (record.verdict, record.owed_to, record.landed_on) == (Verdict.MISSED, "integration", "preprod")


def test_a_promotion_as_git_makes_it_owes_nothing(story: Story) -> None:
    story.feature("search", {"search.c": block("search")})
    story.release()
    assert story.audit().records == ()


# Bookkeeping.


@pytest.mark.parametrize(
    ("subject", "files"),
    [
        ("Release 1.0.1", {"version.txt": "1.0.1\n", "CHANGELOG.md": "1.0.1: fixes\n\n1.0: begin\n"}),
        ("Prepare 1.0.1", {"app.cfg": "name = app\nmajor = 1.0.1\n"}),
        ("Say what is new", {"CHANGELOG.md": "1.0.1: fixes\n\n1.0: begin\n"}),
    ],
)
def test_the_bookkeeping_of_a_release_is_owed_to_nobody(tmp_path: Path, subject: str, files: dict[str, str]) -> None:
    begin = {"version.txt": "1.0.0\n", "CHANGELOG.md": "1.0: begin\n", "app.cfg": "name = app\nmajor = 1.0.0\n"}
    story = Story(tmp_path / "repo", files=begin)
    commit = story.repo.commit("preprod", files, subject=subject)
    found = story.audit()
    assert found.records == ()
    assert [(each.what, each.reason.partition(",")[0]) for each in found.skipped] == [
        (commit, "it only sets a version or writes the change log")
    ]


def test_the_books_of_two_lines_of_releases_are_alike_and_no_ports(tmp_path: Path) -> None:
    books = "this = {}\nlast = {}\n"
    story = Story(tmp_path / "repo", files={"versions.txt": books.format("1.0.0", "0.9.0")})
    story.repo.commit("preprod", {"versions.txt": books.format("1.0.1", "1.0.0")}, subject="Prepare 1.0.1")
    story.repo.commit("integration", {"versions.txt": books.format("1.1.0", "1.0.0")}, subject="Prepare 1.1.0")
    assert story.audit().records == ()


def test_a_value_that_is_no_version_is_owed(tmp_path: Path) -> None:
    story = Story(tmp_path / "repo", files={"app.cfg": "name = app\ntimeout = 3.0\n"})
    commit = story.repo.commit("preprod", {"app.cfg": "name = app\ntimeout = 9.5\n"}, subject="Wait longer for replies")
    assert story.obligation(commit).verdict is Verdict.MISSED


def test_the_notes_of_a_version_are_bookkeeping_too(tmp_path: Path) -> None:
    begin = {"version.txt": "1.0.0\n", "docs/index.rst": "Notes\n=====\n\nrelease-1.0.0\n"}
    story = Story(tmp_path / "repo", files=begin)
    files = {
        "version.txt": "1.0.1\n",
        "docs/index.rst": "Notes\n=====\n\nrelease-1.0.1\nrelease-1.0.0\n",
        "docs/release-1.0.1.rst": "The bugs with the login are gone.\nThanks to all who told us.\n",
    }
    story.repo.commit("preprod", files, subject="Prepare release 1.0.1")
    assert story.audit().records == ()


def test_a_fix_that_comes_with_a_release_is_owed(tmp_path: Path) -> None:
    story = Story(tmp_path / "repo", files={"version.txt": "1.0.0\n", "app.c": CODE})
    commit = story.repo.commit("preprod", {"version.txt": "1.0.1\n", "app.c": FIXED}, subject="Prepare release 1.0.1")
    assert story.obligation(commit).verdict is Verdict.MISSED


# What integration moved elsewhere, so long ago that git does not take it for the same file any more.

OLD, NEW = "server/core/app.c", "pkg/core/app.c"
REWRITTEN = block("changed", 60)


def moved(tmp_path: Path) -> Story:
    """A story of files that integration moved to another directory, and of one that it changed nearly everything in."""
    start = {OLD: CODE + block("here", 3), "server/core/util.c": CODE, "server/core/more.c": CODE}
    story = Story(tmp_path / "repo", files=start)
    went = {path.replace("server/", "pkg/"): text for path, text in start.items()}
    story.repo.commit("integration", {**dict.fromkeys(start), **went}, subject="Move the code")
    story.repo.commit("integration", {NEW: REWRITTEN + block("here", 3)}, subject="Rewrite it")
    return story


def test_what_was_written_again_by_hand_is_seen_where_the_file_was_moved(tmp_path: Path) -> None:
    story = moved(tmp_path)
    fix = story.repo.commit("preprod", {OLD: CODE + block("here", 3) + block("guard", 5)}, subject="Guard the login")
    record = story.obligation(fix)
    assert (record.verdict, record.confidence) == (Verdict.MISSED, 0.9)
    both = REWRITTEN + block("here", 3) + block("guard", 5) + block("search", 30)
    story.repo.commit("integration", {NEW: both}, author=BOB, subject="Search, and more")
    record = story.obligation(fix)
    assert (record.verdict, record.confidence) == (Verdict.MISSED, 0.3)
    assert "100% of its lines are there" in record.reason


@pytest.mark.parametrize(("there", "confidence"), [(5, 0.3), (2, 0.9)])
def test_what_was_written_again_with_tests_of_its_own_is_probable(
    tmp_path: Path, there: int, confidence: float
) -> None:
    story = Story(tmp_path / "repo")
    files = {"app.c": CODE + block("guard", 5), "tests/login.c": block("login", 40)}
    fix = story.repo.commit("preprod", files, subject="Guard the login")
    files = {"app.c": edited(CODE, *range(30)) + block("guard", there), "search.c": block("search", 50)}
    story.repo.commit("integration", files, author=BOB, subject="Search, and more")
    record = story.obligation(fix)
    assert (record.verdict, record.confidence) == (Verdict.MISSED, confidence)
    if confidence < 0.5:
        assert "of its lines outside tests and the like are there" in record.reason


def test_a_new_file_is_looked_for_where_the_others_of_its_directory_went(tmp_path: Path) -> None:
    story = moved(tmp_path)
    fix = story.repo.commit("preprod", {"server/core/guard.c": block("guard", 9)}, subject="Guard the login")
    new = {"pkg/core/guard.c": block("other", 60) + block("guard", 9), "search.c": block("search", 50)}
    story.repo.commit("integration", new, author=BOB, subject="Search, and more")
    record = story.obligation(fix)
    assert (record.verdict, record.confidence) == (Verdict.MISSED, 0.3)


def test_a_file_that_was_moved_and_then_removed_is_superseded(tmp_path: Path) -> None:
    story = moved(tmp_path)
    removed = story.repo.commit("integration", {NEW: None}, subject="Remove what nobody uses")
    fix = story.repo.commit("preprod", {OLD: CODE + block("guard", 5)}, subject="Guard the login")
    record = story.obligation(fix)
    assert (record.verdict, record.counterpart) == (Verdict.SUPERSEDED, removed)


def test_a_file_that_got_another_name_was_not_removed(tmp_path: Path) -> None:
    story = moved(tmp_path)
    story.repo.commit("integration", {NEW: None, "pkg/main.c": REWRITTEN + block("here", 4)}, subject="Rename it")
    fix = story.repo.commit("preprod", {OLD: CODE + block("guard", 5)}, subject="Guard the login")
    assert story.obligation(fix).verdict is Verdict.MISSED


@pytest.mark.parametrize(("version", "verdict"), [("2.20.0", Verdict.SUPERSEDED), ("2.15.0", Verdict.MISSED)])
def test_a_newer_version_is_seen_in_a_file_that_was_moved(tmp_path: Path, version: str, verdict: Verdict) -> None:
    pins = "log4j = {}\nother = 1.0\n"
    story = Story(tmp_path / "repo", files={"server/core/pins.txt": pins.format("2.14.1")})
    fix = story.repo.commit("preprod", {"server/core/pins.txt": pins.format("2.17.1")}, subject="Bump log4j to 2.17.1")
    files = {"server/core/pins.txt": None, "pkg/core/pins.txt": pins.format(version) + REWRITTEN}
    story.repo.commit("integration", files, subject="Move the pins")
    record = story.obligation(fix)
    assert record.verdict is verdict
    if verdict is Verdict.SUPERSEDED:
        assert "in pkg/core/pins.txt" in record.reason


# Where history is cut off.


def test_a_shallow_clone_is_less_sure_of_what_is_missing(story: Story, tmp_path: Path) -> None:
    for name in ("search", "basket", "chat"):
        story.feature(name, {f"{name}.c": block(name)})
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    assert (story.obligation(fix).verdict, story.obligation(fix).confidence) == (Verdict.MISSED, 0.9)
    shallow, origin = tmp_path / "shallow", story.repo.finish()
    git(tmp_path, "clone", "-q", "--bare", "--no-single-branch", "--depth=2", f"file://{origin}", str(shallow))
    found = audit(shallow, Topology.build_run(), cache=None, checks=("obligations",))
    record = obligation_of(found, fix, "integration")
    assert record.verdict is Verdict.MISSED
    assert record.confidence <= 0.6
    assert "history is incomplete here" in record.reason


# Ports of what the other branch had first.


def test_a_backport_whose_origin_was_withdrawn_owes_nothing(story: Story) -> None:
    original = story.repo.commit("integration", {"app.c": FIXED}, subject="Fix the login")
    port = story.repo.pick(into="preprod", commit=original)
    undo = story.repo.revert(into="integration", commit=original)
    record = story.obligation(port)
    assert (record.verdict, record.counterpart) == (Verdict.SUPERSEDED, undo)
    assert original[:12] in record.reason


def test_a_revert_of_a_backport_is_not_owed_to_where_it_came_from(story: Story) -> None:
    original = story.repo.commit("integration", {"app.c": FIXED}, subject="Fix the login")
    port = story.repo.pick(into="preprod", commit=original)
    undo = story.repo.revert(into="preprod", commit=port)
    record = story.obligation(undo)
    assert record.verdict is Verdict.REVERTED
    assert original[:12] in record.reason


# Ports of a part, in parts, and in another form.

OTHER = edited(CODE, 20, 21)


@pytest.mark.parametrize("form", ["of another subject", "of the same subject", "with a trailer"])
def test_a_port_that_leaves_out_a_file_is_partial_until_the_file_follows(story: Story, form: str) -> None:
    fix, _ = story.hotfix("login", {"app.c": edited(FIXED, 30, 31), "lib/util.c": OTHER, "tests/login.c": CODE})
    half: dict[str, Any] = {"app.c": edited(FIXED, 30, 31)}
    if form == "with a trailer":
        port = story.repo.pick(into="integration", commit=fix, trailer=True, files=half)
    else:
        subject = "Fix the login bug" if form == "of the same subject" else "Port the login"
        port = story.repo.commit("integration", half, subject=subject)
    record = story.obligation(fix)
    assert (record.verdict, record.counterpart) == (Verdict.PARTIAL, port)
    assert "leaves out lib/util.c, where integration has the text from before" in record.reason
    story.repo.commit("integration", {"more.c": block("more")}, author=BOB, subject="Go on")
    rest = story.repo.commit("integration", {"lib/util.c": OTHER}, author=BOB, subject="Sort the rest")
    record = story.obligation(fix)
    assert (record.verdict, record.at) == (Verdict.RETROFITTED, rest)
    assert record.reason.startswith("it came in parts")


def test_a_port_that_leaves_out_a_file_and_is_late_is_partial(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": edited(FIXED, 30, 31), "lib/util.c": OTHER})
    story.feature("search", {"search.c": block("search")})
    story.release()
    story.repo.commit("integration", {"app.c": edited(FIXED, 30, 31)}, subject="Fix the login bug")
    record = story.obligation(fix)
    assert (record.verdict, record.overdue) == (Verdict.PARTIAL, True)


@pytest.mark.parametrize("moved", [False, True])
def test_a_port_that_does_the_same_in_another_way_in_a_file_has_not_left_it_out(story: Story, moved: bool) -> None:
    there = "src/util.c" if moved else "lib/util.c"
    if moved:
        files = {"lib/util.c": None, there: CODE}
        story.repo.commit("integration", files, subject="Move the helpers")
    fix, _ = story.hotfix("login", {"app.c": edited(FIXED, 30, 31), "lib/util.c": CODE + "int guarded = old_way();\n"})
    adapted: dict[str, Any] = {"app.c": edited(FIXED, 30, 31), there: CODE + "int is_guarded = new_way(1);\n"}
    story.repo.commit("integration", adapted, subject="Fix the login bug")
    assert story.obligation(fix).verdict is Verdict.RETROFITTED


def test_a_port_leaves_out_rightly_what_is_otherwise_on_the_branch(story: Story) -> None:
    story.repo.commit("integration", {"lib/util.c": None}, author=BOB, subject="Remove what nobody uses")
    fix, _ = story.hotfix("login", {"app.c": FIXED, "lib/util.c": OTHER})
    story.repo.commit("integration", {"app.c": FIXED}, subject="Fix the login bug")
    assert story.obligation(fix).verdict is Verdict.RETROFITTED


def test_a_change_of_mode_made_again_by_hand_is_there(story: Story) -> None:
    fix, _ = story.hotfix("run", {"app.c": Entry("100755", CODE.encode())})
    story.feature("search", {"search.c": block("search")})
    found = story.audit(**EVERYTHING)
    assert obligation_of(found, fix, "integration").verdict is Verdict.MISSED
    assert found.overwrite_records == ()
    again = story.repo.commit(
        "integration", {"app.c": Entry("100755", CODE.encode())}, author=BOB, subject="Make it run"
    )
    record = story.obligation(fix)
    assert (record.verdict, record.evidence, record.counterpart) == (Verdict.RETROFITTED, Evidence.REPLAY, again)


def _profile(order: str, editable: str) -> str:
    fields = "".join(
        f"    <fieldPermissions>\n        <editable>{str(name in editable).lower()}</editable>\n"
        f"        <field>Account.{name}__c</field>\n        <readable>true</readable>\n    </fieldPermissions>\n"
        for name in order
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<Profile xmlns="http://soap.sforce.com/2006/04/metadata">\n'
    return f"{head}{fields}</Profile>\n"


def test_metadata_that_was_retrieved_in_another_order_holds_the_fix(tmp_path: Path) -> None:
    path = "force-app/main/default/profiles/Admin.profile-meta.xml"
    story = Story(tmp_path / "repo", files={path: _profile("abcdefgh", "")})
    fix, _ = story.hotfix("editable", {path: _profile("abcdefgh", "c")})
    story.repo.commit("integration", {path: _profile("hgfedcba", "a")}, author=BOB, subject="Retrieve the profile")
    assert story.obligation(fix).verdict is Verdict.MISSED
    again = story.repo.commit(
        "integration", {path: _profile("fhgedcba", "ac")}, author=BOB, subject="Retrieve it again"
    )
    record = story.obligation(fix)
    assert (record.verdict, record.evidence, record.counterpart) == (Verdict.RETROFITTED, Evidence.REPLAY, again)
    assert record.reason.endswith("every element is as it made it")


@pytest.mark.parametrize("how", ["it removes an element", "the file was moved"])
def test_elements_are_looked_for_where_lines_do_not_tell(tmp_path: Path, how: str) -> None:
    path, moved = "profiles/Admin.profile-meta.xml", "force-app/profiles/Admin.profile-meta.xml"
    story = Story(tmp_path / "repo", files={path: _profile("abcdefgh", "")})
    removes = how == "it removes an element"
    fix, _ = story.hotfix("fields", {path: _profile("abdefgh", "") if removes else _profile("abcdefgh", "c")})
    assert story.obligation(fix).verdict is Verdict.MISSED
    theirs: dict[str, Any] = {path: _profile("hgfedba", "a")}
    if not removes:
        theirs = {path: None, moved: _profile("abdcefgh", "c")}
    again = story.repo.commit("integration", theirs, author=BOB, subject="Retrieve the profile")
    record = story.obligation(fix)
    assert (record.verdict, record.evidence, record.counterpart) == (Verdict.RETROFITTED, Evidence.REPLAY, again)


# Looked for by replaying.


def _bulk() -> dict[str, Any]:
    """So much text beside a port that nothing else shows what it is."""
    return {f"part{number}.c": block(f"part{number}", 30) for number in range(5)}


def test_the_last_of_many_landings_is_asked_too(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    text = CODE
    for number in range(10, 25):
        text = edited(text, number)
        story.repo.commit("integration", {"app.c": text}, author=BOB, subject="Go on")
    again = story.repo.commit("integration", {"app.c": edited(text, 7, 8), **_bulk()}, author=BOB, subject="Go on")
    record = story.obligation(fix)
    assert (record.verdict, record.evidence, record.counterpart) == (Verdict.RETROFITTED, Evidence.REPLAY, again)


def test_a_branch_that_was_made_after_a_change_is_asked_from_its_beginning_on(tmp_path: Path) -> None:
    story = Story(tmp_path / "repo", branches=("integration", "preprod", "production"))
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    story.feature("search", {"search.c": block("search")})
    story.repo.branch("uat", "integration")
    again = story.repo.commit("uat", {"app.c": FIXED, **_bulk()}, author=BOB, subject="Work on it")
    story.repo.commit("uat", {"app.c": edited(FIXED, 30)}, author=BOB, subject="Work on")
    flow = Flow("retrofit", source="preprod", target="uat")
    topology = Topology.build_run()
    found = story.audit(topology.replace(flows=(*topology.flows, flow)))
    record = obligation_of(found, fix, "uat")
    assert (record.verdict, record.evidence, record.counterpart) == (Verdict.RETROFITTED, Evidence.REPLAY, again)


@pytest.mark.parametrize(
    ("fixed", "there"),
    [
        ({"app.c": edited(CODE, 7), "lib/util.c": CODE[:-400]}, {"lib/util.c": CODE[:-400]}),
        ({"app.c": CODE.replace("int value_7 = 7;\n", "")}, {"app.c": block("other", 20)}),
    ],
    ids=["what it removes", "what it only removes"],
)
def test_text_that_is_not_there_does_not_make_a_change_probable(
    story: Story, fixed: dict[str, Any], there: dict[str, Any]
) -> None:
    fix, _ = story.hotfix("login", fixed)
    story.repo.commit("integration", there | _bulk(), author=BOB, subject="Work on it")
    record = story.obligation(fix)
    assert record.verdict is Verdict.MISSED
    assert "probably" not in record.reason
