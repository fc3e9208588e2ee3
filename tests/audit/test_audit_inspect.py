"""Inspect single commits: merges of every kind, squashes, direct commits, and input that is broken or hostile."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.damage import lose
from support.repos import START, Content, Files, RepoBuilder, executable, git, submodule, symlink

from branchsim.audit.causes import Cause
from branchsim.audit.inspect import Inspection, inspect
from branchsim.audit.scan import scan
from branchsim.errors import UnknownRevisionError
from branchsim.git.repository import Repository

CODE = "".join(f"int value_{number} = {number};\n" for number in range(40))
FINDING = 0.5
LONG = 20.0  # seconds of the processor; quadratic work on such a line takes hours


def edited(number: int, value: str, text: str = CODE) -> str:
    """The code with one of its lines changed."""
    return text.replace(f"int value_{number} = {number};", f"int value_{number} = {value};")


class Sides:
    """A base, a target and a source that are merged with a result of the test's choice."""

    def __init__(self, path: Path, base: Files, target: Files, source: Files) -> None:
        self.repo = RepoBuilder(path)
        self.base = self.repo.commit("main", base, subject="Begin")
        self.repo.branch("topic", "main")
        self.target = self.repo.commit("main", target, subject="Fix on main")
        self.source = self.repo.commit("topic", source, subject="Work on topic")

    def merged(self, files: Files | None = None) -> Inspection:
        """The inspection of the merge; without files the result is git's own."""
        merge = self.repo.merge(into="main", source="topic", files=files)
        return inspect(self.repo.finish(), merge)


@pytest.fixture
def sides(tmp_path: Path) -> Callable[..., Sides]:
    count = itertools.count()
    return lambda base, target, source: Sides(tmp_path / f"repo{next(count)}", base, target, source)


def lost(found: Inspection) -> set[tuple[str, str, str]]:
    """What, where, on which side."""
    return {(each.what, each.path, each.side) for each in found.records}


# Merges.


def test_a_merge_as_git_makes_it_has_no_finding(sides: Callable[..., Sides]) -> None:
    found = sides({"a.c": CODE}, {"a.c": edited(3, "300")}, {"a.c": edited(30, "3")}).merged()
    assert found.kind == "merge"
    assert found.records == ()
    assert found.skipped == ()


def test_a_clean_merge_recorded_as_one_side_drops_the_other(sides: Callable[..., Sides]) -> None:
    made = sides({"a.c": CODE, "b.c": CODE}, {"a.c": edited(3, "300")}, {"a.c": edited(30, "3"), "b.c": edited(1, "9")})
    found = made.merged({"a.c": edited(3, "300"), "b.c": edited(1, "9")})
    first = found.records[0]
    assert {(each.path, each.side, each.cause) for each in found.records} == {("a.c", "source", Cause.EVIL_MERGE)}
    assert (first.changes, first.unit) in {
        ((made.source,), "int value_30 = 3;"),
        ((made.source,), "int value_30 = 30;"),
    }
    assert first.rank >= FINDING
    assert first.check.startswith("git show --remerge-diff ")
    assert "value_30" in first.before


def test_a_conflict_resolved_to_one_side_names_the_lines_that_had_no_conflict_first(
    sides: Callable[..., Sides],
) -> None:
    source = edited(30, "3", edited(5, "55"))
    found = sides({"a.c": CODE}, {"a.c": edited(5, "500")}, {"a.c": source}).merged({"a.c": edited(5, "500")})
    by_line = {each.unit: each.rank for each in found.records}
    assert by_line["int value_30 = 3;"] > by_line["int value_5 = 55;"]
    assert {each.cause for each in found.records} == {Cause.MERGE_RESOLUTION}


def test_an_edit_inside_of_what_the_other_side_removed_goes_with_it(sides: Callable[..., Sides]) -> None:
    lines = CODE.splitlines(keepends=True)
    without = "".join(lines[:10] + lines[30:])
    found = sides({"a.c": CODE}, {"a.c": without}, {"a.c": edited(20, "222")}).merged({"a.c": without})
    assert [each.unit for each in found.records] == ["int value_20 = 222;"]
    assert found.records[0].rank < FINDING


def test_a_file_deleted_on_one_side_and_edited_on_the_other_ranks_low(sides: Callable[..., Sides]) -> None:
    found = sides({"a.c": CODE, "b.c": "int b;\n"}, {"a.c": None}, {"a.c": edited(20, "222")}).merged({"a.c": None})
    assert found.records
    assert all(each.rank < FINDING for each in found.records)


def test_a_deleted_file_that_comes_back_is_found(sides: Callable[..., Sides]) -> None:
    found = sides({"a.c": CODE, "b.c": "int b;\n"}, {"a.c": None}, {"b.c": "int b2;\n"}).merged(
        {"a.c": CODE, "b.c": "int b2;\n"}
    )
    assert {each.what for each in found.records} == {"deletion-undone"}
    assert found.records[0].rank >= FINDING


def test_what_everybody_had_and_the_merge_has_not_is_an_evil_removal(sides: Callable[..., Sides]) -> None:
    made = sides({"a.c": CODE}, {"a.c": edited(3, "300")}, {"a.c": edited(30, "3")})
    result = edited(30, "3", edited(3, "300")).replace("int value_15 = 15;\n", "")
    found = made.merged({"a.c": result})
    assert [(each.what, each.side, each.unit) for each in found.records] == [
        ("evil-removal", "both", "int value_15 = 15;")
    ]


def test_an_edit_of_a_file_that_the_other_side_renamed_is_followed(sides: Callable[..., Sides]) -> None:
    made = sides({"a.c": CODE}, {"a.c": edited(7, "700")}, {"a.c": None, "dir/b.c": CODE})
    found = made.merged({"a.c": None, "dir/b.c": CODE})
    assert {(each.path, each.side, each.changes) for each in found.records} == {("dir/b.c", "target", (made.target,))}
    assert found.records[0].rank >= FINDING


def test_the_description_of_a_new_class_is_not_that_of_a_deleted_one(sides: Callable[..., Sides]) -> None:
    meta = '<?xml version="1.0"?>\n<ApexClass>\n<apiVersion>60.0</apiVersion>\n<status>Active</status>\n</ApexClass>\n'
    old: dict[str, Content] = {"Old.cls": CODE, "Old.cls-meta.xml": meta}
    new: dict[str, Content] = {"New.cls": "class New {}\n", "New.cls-meta.xml": meta}
    gone: dict[str, Content] = {"Old.cls": None, "Old.cls-meta.xml": None}
    assert sides(old, gone, gone | new).merged(new).records == ()
    moved = gone | {"b/Old.cls": CODE, "b/Old.cls-meta.xml": meta}
    found = sides(old, {"Old.cls-meta.xml": meta.replace("Act", "Inact")}, moved).merged(moved)
    assert {each.path for each in found.records} == {"b/Old.cls-meta.xml"}


@pytest.mark.parametrize("side", ["target", "source"])
@pytest.mark.parametrize("name", ["a.c", "other/c.c"])
def test_what_one_side_moved_is_compared_with_what_the_other_has_under_the_old_name_or_moved_elsewhere(
    sides: Callable[..., Sides], name: str, side: str
) -> None:
    edit: Files = {"a.c": None, name: edited(7, "700")}
    move: Files = {"a.c": None, "dir/b.c": CODE}
    made = sides({"a.c": CODE}, *((edit, move) if side == "target" else (move, edit)))
    found = made.merged({"a.c": None, name: edited(7, "700"), "dir/b.c": CODE})
    assert {(each.unit, each.side) for each in found.records if each.path == "dir/b.c"} == {
        ("int value_7 = 700;", side),
        ("int value_7 = 7;", side),
    }


def test_marks_of_a_conflict_that_were_committed_are_found_though_no_line_is_lost(sides: Callable[..., Sides]) -> None:
    one, two = CODE + "int one = 1;\n", CODE + "int two = 2;\n"
    torn = f"{CODE}<<<<<<< HEAD\nint one = 1;\n=======\nint two = 2;\n>>>>>>> topic\n"
    made = sides({"a.c": CODE}, {"a.c": one}, {"a.c": two})
    merge = made.repo.merge(into="main", source="topic", files={"a.c": torn})
    found = inspect(made.repo.finish(), merge)
    assert [(each.unit, each.what, each.fate) for each in found.records] == [
        ("<<<<<<< HEAD", "unresolved", "unresolved"),
        (">>>>>>> topic", "unresolved", "unresolved"),
    ]
    first = found.records[0]
    assert first.reason == "it was not there before; the marks of a conflict are in the file"
    assert "<<<<<<< HEAD" not in first.before
    assert "<<<<<<< HEAD" in first.after
    assert first.rank >= FINDING
    mended = made.repo.commit("main", {"a.c": one + "int two = 2;\n"}, subject="Go on")
    after = inspect(made.repo.finish(), merge)
    assert {each.restored_by for each in after.records} == {mended}
    assert after.records[0].rank > found.records[0].rank


def test_marks_of_a_conflict_in_a_compiled_file_are_found_where_its_losses_are_none(
    sides: Callable[..., Sides],
) -> None:
    one, two = (f"t({{'a': '{word}'}})" * 100 + "\n" for word in ("one", "two"))
    made = sides({"a.js": "t()\n"}, {"a.js": one}, {"a.js": two})
    assert made.merged({"a.js": "t()\n"}).records == ()
    found = sides({"a.js": "t()\n"}, {"a.js": one}, {"a.js": two})
    torn = f"<<<<<<< local\n{one}=======\n{two}>>>>>>> other\n"
    assert {each.unit for each in found.merged({"a.js": torn}).records} == {"<<<<<<< local", ">>>>>>> other"}


def test_who_took_away_the_marks_of_another_conflict_has_nothing_to_do_with_these(tmp_path: Path) -> None:
    torn = f"{CODE}<<<<<<< HEAD\nint one = 1;\n=======\nint two = 2;\n>>>>>>> topic\n"
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a.c": CODE}, subject="Begin")
    repo.branch("topic", "main")
    repo.commit("main", {"a.c": torn}, subject="Tear it")
    repo.commit("main", {"a.c": CODE + "int one = 1;\n"}, subject="Take the marks away")
    repo.commit("topic", {"a.c": CODE + "int two = 2;\n"}, subject="Two")
    merge = repo.merge(into="main", source="topic", files={"a.c": torn})
    found = inspect(repo.finish(), merge)
    assert {(each.changes, each.reason) for each in found.records} == {
        ((), "it was not there before; the marks of a conflict are in the file")
    }


@pytest.mark.parametrize("torn", [f"{CODE}<<<<<<< HEAD\nint c;\n", f"<<<<<<< HEAD\n{CODE}int c;\n"])
def test_a_mark_that_a_merge_without_conflict_has_is_one_wherever_it_stands(
    sides: Callable[..., Sides], torn: str
) -> None:
    made = sides({"a.c": CODE}, {"a.c": f"{CODE}int c;\n"}, {"b.c": CODE})
    (record,) = made.merged({"a.c": torn, "b.c": CODE}).records
    assert (record.unit, record.cause) == ("<<<<<<< HEAD", Cause.EVIL_MERGE)
    assert record.reason == "it was not there before; the marks of a conflict are in the file"
    assert record.rank >= 0.8


def test_a_mark_in_files_that_differ_over_many_lines_is_shown_alone(sides: Callable[..., Sides]) -> None:
    one, two = ("".join(f"int {name}_{number};\n" for number in range(3400)) for name in ("one", "two"))
    torn = f"<<<<<<< HEAD\n{one}=======\n{two}>>>>>>> topic\n"
    found = sides({"a.c": ""}, {"a.c": one}, {"a.c": two}).merged({"a.c": torn})
    assert [(each.before, each.after) for each in found.records] == [("", "<<<<<<< HEAD"), ("", ">>>>>>> topic")]


def test_a_mark_that_names_a_branch_of_one_letter_is_one(sides: Callable[..., Sides]) -> None:
    made = sides({"a.c": CODE}, {"a.c": f"{CODE}int a;\n"}, {"b.c": CODE})
    (record,) = made.merged({"a.c": f"{CODE}>>>>>>> 4\nint a;\n", "b.c": CODE}).records
    assert (record.unit, record.what) == (">>>>>>> 4", "unresolved")


def test_a_heading_that_is_underlined_is_no_mark_of_a_conflict(sides: Callable[..., Sides]) -> None:
    page = "Text\n"
    made = sides({"a.md": page}, {"a.md": f"Title\n\n{page}"}, {"b.md": page})
    assert made.merged({"a.md": f"Title\n=======\n\n{page}", "b.md": page}).records == ()


def test_marks_of_a_conflict_that_a_side_has_are_no_conflict_of_the_merge(sides: Callable[..., Sides]) -> None:
    torn = f"{CODE}<<<<<<< HEAD\nint one = 1;\n=======\n>>>>>>> topic\n"
    assert sides({"a.c": CODE}, {"a.c": edited(7, "700")}, {"a.c": torn}).merged().records == ()


def profile(*fields: str) -> str:
    """A profile with a permission for each field."""
    permissions = (
        f"    <fieldPermissions>\n        <field>{name}</field>\n    </fieldPermissions>\n" for name in fields
    )
    space = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Profile {space}>\n{"".join(permissions)}</Profile>\n'


@pytest.mark.parametrize(
    ("name", "base", "one", "two", "torn"),
    [
        (
            "Admin.profile", profile("B"), profile("A", "B"), profile("B", "C"),
            profile("A", "B", "C").replace("    </fieldPermissions>\n", "", 1),
        ),
        (
            "a.html", "<p>a</p>\n", "<p>a</p>\n<i>b</i>\n", "<div>\n<p>a</p>\n</div>\n",
            "<div>\n<p>a</p>\n<i>b</i>\n",
        ),
        ("a.c", "f(){\na();\n}\n", "f(){\nb();\na();\n}\n", "f(){\na();\nc();\n}\n", "f(){\nb();\na();\nc();\n"),
    ],
)  # fmt: skip
def test_a_merge_that_leaves_a_file_nobody_can_read_is_told_though_all_lines_that_mean_something_are_there(
    sides: Callable[..., Sides], name: str, base: str, one: str, two: str, torn: str
) -> None:
    made = sides({name: base}, {name: one}, {name: two})
    merge = made.repo.merge(into="main", source="topic", files={name: torn})
    (record,) = inspect(made.repo.finish(), merge).records
    assert (record.what, record.fate, record.side) == ("malformed", "malformed", "both")
    assert record.rank >= FINDING
    assert record.unit.startswith("malformed: ")
    made.repo.commit("main", {name: torn + "\n"}, subject="Go on")
    mended = made.repo.commit("main", {name: one}, subject="Go on")
    (after,) = inspect(made.repo.finish(), merge).records
    assert (after.restored_by, after.rank > record.rank) == (mended, True)
    assert after.reason.endswith(f"{mended[:12]} mended it")


def test_a_file_that_a_side_cannot_read_either_is_no_damage_of_the_merge(sides: Callable[..., Sides]) -> None:
    made = sides({"a.c": CODE}, {"a.c": f"{CODE}int a;\n"}, {"a.c": f"{{\n{CODE}"})
    assert made.merged({"a.c": f"{{\n{CODE}int a;\nint b;\n"}).records == ()


def test_a_file_of_the_target_that_resembles_one_it_deleted_is_compared_with_itself(
    sides: Callable[..., Sides],
) -> None:
    old = CODE.splitlines(keepends=True)
    fresh = [f"long fresh_{number} = {number};\n" for number in range(25)]
    # Too far from the base for a rename, near to what the source made of it: git pairs that with the target's own file.
    own, edit = "".join(old[:15] + fresh), "".join(old[:20] + fresh[:20])
    found = sides({"old.c": CODE, "b.c": "int b;\n"}, {"old.c": None, "new.c": own}, {"old.c": edit}).merged({})
    assert {each.side for each in found.records} <= {"source"}


def test_the_same_change_on_both_sides_is_kept_by_either(sides: Callable[..., Sides]) -> None:
    both = edited(7, "700")
    assert sides({"a.c": CODE}, {"a.c": both}, {"a.c": both}).merged({"a.c": both}).records == ()


@pytest.mark.parametrize(
    ("base", "target"),
    [
        (CODE, executable(CODE)),
        (symlink("one"), symlink("two")),
        (b"\0one", b"\0two"),
        (submodule("1" * 40), submodule("2" * 40)),
    ],
    ids=["mode", "symlink", "binary", "submodule"],
)
def test_units_that_are_no_lines_are_lost_too(sides: Callable[..., Sides], base: Content, target: Content) -> None:
    made = sides({"it": base, "b.c": "int b;\n"}, {"it": target}, {"b.c": "int b2;\n"})
    found = made.merged({"it": base, "b.c": "int b2;\n"})
    assert {each.path for each in found.records} == {"it"}
    assert {each.side for each in found.records} == {"target"}


def test_an_element_of_metadata_is_lost_by_its_key(sides: Callable[..., Sides]) -> None:
    def profile(**allowed: bool) -> str:
        parts = "".join(
            f"<classAccesses><apexClass>{name}</apexClass><enabled>{str(on).lower()}</enabled></classAccesses>"
            for name, on in allowed.items()
        )
        return f'<?xml version="1.0"?>\n<Profile xmlns="http://soap.sforce.com/2006/04/metadata">{parts}</Profile>\n'

    path = "force-app/main/default/profiles/Admin.profile-meta.xml"
    found = sides(
        {path: profile(One=True)}, {path: profile(One=True, Two=True)}, {path: profile(One=True, Three=True)}
    ).merged({path: profile(One=True, Three=True)})
    assert {each.side for each in found.records} == {"target"}
    assert any("Two" in each.unit for each in found.records)
    assert not any("Three" in each.unit for each in found.records)


# Other shapes of history.


def test_another_member_of_a_list_does_not_stand_in_the_place_of_the_one_that_was_lost(
    sides: Callable[..., Sides],
) -> None:
    def members(*names: str) -> Files:
        return {"a.json": json.dumps({"members": names}, indent=1)}

    made = sides(members("a", "b"), members("a", "x", "b"), members("a", "y", "b"))
    assert [(each.unit, each.fate) for each in made.merged(members("a", "y", "b")).records] == [
        ('members[] = "x"', "vanished")
    ]
    edited_both = sides(members("a", "b"), members("x", "b"), members("y", "b"))
    assert [each.fate for each in edited_both.merged(members("y", "b")).records] == ["other-side"]


def test_a_criss_cross_merge_is_judged_by_git_s_virtual_base(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a.c": CODE})
    repo.branch("topic", "main")
    first = repo.commit("main", {"a.c": edited(3, "300")})
    second = repo.commit("topic", {"a.c": edited(30, "3")})
    both = edited(30, "3", edited(3, "300"))
    repo.merge(into="main", source=second)
    repo.merge(into="topic", source=first)
    repo.commit("main", {"a.c": edited(10, "100", both)})
    fix = repo.commit("topic", {"a.c": edited(20, "200", both)})
    merge = repo.merge(into="main", source="topic", files={"a.c": edited(10, "100", both)})
    found = inspect(repo.finish(), merge)
    assert {(each.side, each.changes) for each in found.records} == {("source", (fix,))}
    assert {each.unit for each in found.records} == {"int value_20 = 200;", "int value_20 = 20;"}


def test_an_octopus_merge_tells_which_head_was_not_delivered(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a.c": CODE, "b.c": CODE, "c.c": CODE})
    for name in ("one", "two"):
        repo.branch(name, "main")
    repo.commit("main", {"c.c": edited(1, "100")})
    repo.commit("one", {"a.c": edited(2, "200")})
    dropped = repo.commit("two", {"b.c": edited(3, "300")})
    merge = repo.merge(into="main", source=["one", "two"], files={"a.c": edited(2, "200")})
    good = repo.merge(into="one", source=["main", "two"], files={"b.c": edited(3, "300"), "c.c": edited(1, "100")})
    found = inspect(repo.finish(), merge)
    assert found.kind == "octopus"
    assert {(each.path, each.side, each.changes) for each in found.records} == {("b.c", "source", (dropped,))}
    assert inspect(repo.path, good).records == ()


def test_a_squash_is_compared_with_its_pull_request(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a.c": CODE, "b.c": CODE})
    repo.branch("refs/pull/7/head", "main")
    repo.commit("refs/pull/7/head", {"a.c": edited(5, "500")})
    fix = repo.commit("refs/pull/7/head", {"b.c": edited(6, "600")})
    repo.commit("main", {"a.c": edited(30, "3")})
    bad = repo.squash(into="main", source="refs/pull/7/head", subject="Two edits (#7)",
                      files={"a.c": edited(5, "500", edited(30, "3"))})  # fmt: skip
    found = inspect(repo.finish(), bad)
    assert found.kind == "squash"
    assert {(each.path, each.side, each.changes) for each in found.records} == {("b.c", "source", (fix,))}


def test_a_commit_that_takes_a_file_back_is_stale(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    old = repo.commit("main", {"a.c": CODE, "b.c": CODE})
    fix = repo.commit("main", {"a.c": edited(5, "500")}, subject="Fix five")
    stale = repo.commit("main", {"a.c": CODE, "b.c": edited(9, "900")}, subject="Add nine")
    found = inspect(repo.finish(), stale)
    assert found.kind == "commit"
    assert {(each.path, each.cause, each.changes) for each in found.records} == {("a.c", Cause.STALE_COMMIT, (fix,))}
    assert old[:12] in found.records[0].reason
    assert found.records[0].rank >= FINDING


@pytest.mark.parametrize(
    ("subject", "author", "after", "undoing", "knew"),
    [
        ("Change five", "Bo <bo@example.com>", 1, "Update a.c", False),
        ("Change five", "Bo <bo@example.com>", 1, "Go on with ten", True),
        ("Change five", "Bo <bo@example.com>", 1, "Add what is for ten", False),
        ("Fix five", "Bo <bo@example.com>", 1, "Go on with ten", False),
        ("Fix five", "Al <al@example.com>", 1, "Go on with ten", False),
        ("Change five", "Al <al@example.com>", 1, "Go on with ten", True),
        ('Revert "Change four"', "Bo <bo@example.com>", 1, "Go on with ten", True),
        ("Change five", "Bo <bo@example.com>", 1, "Bring five back", True),
        ("Debug the suffix of five", "Al <al@example.com>", 1, "Update a.c", True),
        ("Change five", "Al <al@elsewhere.example>", 1, "Update a.c", True),
        ("Fix five", "Bo <bo@example.com>", 1, "Reverted five", True),
        ("Change five", "Bo <bo@example.com>", 1, "Fix the count", True),
        ("Fix five", "Bo <bo@example.com>", 1, "Fix the count", False),
        ("Change five", "Bo <bo@example.com>", 200, "Set five", True),
    ],
)
def test_who_takes_back_what_they_know_decides_and_does_not_hold_an_old_copy(
    tmp_path: Path, subject: str, author: str, after: int, undoing: str, *, knew: bool
) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a.c": CODE})
    repo.commit("main", {"a.c": edited(5, "500")}, subject=subject, author=author)
    at = START + after * 86_400
    back = repo.commit("main", {"a.c": CODE}, subject=undoing, author="Al <al@example.com>", at=at, committed_at=at)
    found = inspect(repo.finish(), back)
    assert {each.cause for each in found.records} == {Cause.STALE_COMMIT}
    assert (found.records[0].rank < FINDING) == knew


@pytest.mark.parametrize(
    ("values", "subject", "told"),
    [
        (("false", "true"), "Switch it on", False),
        (("false", "true"), "Fix it by switching it on", True),
        (("One", "Two"), "Rename it", True),
    ],
)
def test_who_switches_back_makes_a_file_as_it_once_was_and_need_hold_no_old_copy(
    tmp_path: Path, values: tuple[str, str], subject: str, told: bool
) -> None:
    def switched(value: str) -> Files:
        text = (
            f'<?xml version="1.0"?><Flow xmlns="http://soap.sforce.com/2006/04/metadata"><a>{value}</a><b>B</b></Flow>'
        )
        return {f"{name}.flow-meta.xml": text for name in ("one", "two", "three")}

    repo = RepoBuilder(tmp_path)
    repo.commit("main", switched(values[0]))
    repo.commit("main", switched(values[1]), subject=subject)
    back = repo.commit("main", switched(values[0]), subject="Go on", author="Al <al@example.com>")
    ranks = [each.rank for each in inspect(repo.finish(), back).records]
    assert ranks
    assert (max(ranks) >= FINDING) is told


@pytest.mark.parametrize(
    ("author", "taken", "beside", "knew"),
    [
        ("Al <al@example.com>", 2, 0, True),
        ("Al <al@example.com>", 3, 0, False),
        ("Bo <bo@example.com>", 1, 1, True),
        ("Bo <bo@example.com>", 1, 2, False),
    ],
)
def test_several_files_as_they_once_stood_are_an_old_copy_and_in_a_large_commit_the_fix_may_be_elsewhere(
    tmp_path: Path, author: str, taken: int, beside: int, *, knew: bool
) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    names = [f"a{number}.c" for number in range(taken)]
    more = [f"b{number}.c" for number in range(beside)]
    repo.commit("main", dict.fromkeys(names + more, CODE))
    repo.commit("main", dict.fromkeys(names, edited(5, "500")), subject="Change five", author=author)
    files = dict.fromkeys(names, CODE) | dict.fromkeys(more, edited(9, "900"))
    back = repo.commit("main", files, subject="Fix the count" if beside else "Go on", author="Al <al@example.com>")
    found = inspect(repo.finish(), back)
    assert {each.cause for each in found.records} == {Cause.STALE_COMMIT}
    assert (found.records[0].rank < FINDING) == knew


def test_a_stale_copy_with_new_work_in_it_is_stale_too(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a.c": CODE})
    fixed = CODE
    for number in range(8):
        fixed = edited(number, f"{number}00", fixed)
    fix = repo.commit("main", {"a.c": fixed}, subject="Fix many")
    stale = repo.commit("main", {"a.c": edited(30, "3")}, subject="Change thirty")
    found = inspect(repo.finish(), stale)
    assert {(each.cause, each.changes) for each in found.records} == {(Cause.STALE_COMMIT, (fix,))}


@pytest.mark.parametrize("subject", ["Pick the fix", 'Revert "Fix the value"'])
def test_a_commit_that_is_no_merge_may_leave_the_marks_of_a_conflict_too(tmp_path: Path, subject: str) -> None:
    repo = RepoBuilder(tmp_path)
    repo.commit("main", {"a.c": CODE, "how.c": CODE})
    torn = f"{CODE}<<<<<<< HEAD\nint one = 1;\n=======\nint two = 2;\n>>>>>>> 1234567 (Fix)\n"
    one_mark = f"<<<<<<< HEAD\n{CODE}"
    picked = repo.commit("main", {"a.c": torn, "new.c": torn, "how.c": one_mark}, subject=subject)
    again = repo.commit("main", {"a.c": f"{torn}int more;\n"})
    mended = repo.commit("main", {"a.c": f"{CODE}int two = 2;\n"}, subject="Fix the merge")
    opened = repo.finish()
    found = inspect(opened, picked)
    assert [(each.path, each.unit, each.restored_by) for each in found.records] == [
        ("a.c", "<<<<<<< HEAD", mended),
        ("a.c", ">>>>>>> 1234567 (Fix)", mended),
        ("new.c", "<<<<<<< HEAD", None),
        ("new.c", ">>>>>>> 1234567 (Fix)", None),
    ]
    assert all(each.rank >= FINDING and each.cause is Cause.MERGE_RESOLUTION for each in found.records)
    assert inspect(opened, again).records == ()


@pytest.mark.parametrize(
    ("subject", "later", "told"),
    [
        ("Add the other list", "Restore what went missing", True),
        ("Add the other list", "Work on the lists", False),
        ("Remove the old list", "Restore what went missing", False),
    ],
)
def test_what_a_commit_takes_away_in_passing_is_told_once_somebody_says_that_it_was_not_to_go(
    tmp_path: Path, subject: str, later: str, told: bool
) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    began = repo.commit("main", {"a.c": CODE}, subject="Begin")
    without = CODE.replace("int value_20 = 20;\n", "int other_20 = 20;\n")
    commit = repo.commit("main", {"a.c": without, "b.c": "int b;\n"}, subject=subject)
    assert inspect(repo.finish(), commit).records == ()
    back = repo.commit("main", {"a.c": without + "int value_20 = 20;\n"}, subject=later)
    found = inspect(repo.finish(), commit).records
    assert [(each.unit, each.fate, each.changes, each.restored_by) for each in found] == [
        ("int value_20 = 20;", "evil-removal", (began,), back)
    ] * told
    if told:
        assert found[0].rank >= FINDING
        assert found[0].reason == f"{began[:12]} had brought it; it took that away; {back[:12]} brought it back"


def test_a_revert_says_so_and_has_no_finding(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a.c": CODE})
    fix = repo.commit("main", {"a.c": edited(5, "500")}, subject="Fix five")
    undo = repo.revert(into="main", commit=fix)
    found = inspect(repo.finish(), undo)
    assert (found.kind, found.records) == ("revert", ())


@pytest.mark.parametrize(
    ("where", "said", "left_out"),
    [
        (".gitattributes", "made/*.c linguist-generated", True),
        ("made/.gitattributes", "*.c linguist-vendored=true", True),
        (".gitattributes", "made/*.c -linguist-generated", False),
    ],
)
def test_what_the_repository_calls_generated_or_vendored_is_left_out(
    sides: Callable[..., Sides], where: str, said: str, left_out: bool
) -> None:
    base = {"made/a.c": CODE, where: said}
    found = sides(base, {"made/a.c": edited(5, "500")}, {"made/a.c": edited(30, "3")}).merged(
        {"made/a.c": edited(30, "3")}
    )
    assert (found.records == ()) == left_out


def test_what_identifies_a_member_of_a_list_can_be_said(sides: Callable[..., Sides]) -> None:
    def prices(*pairs: tuple[str, int]) -> str:
        return json.dumps([{"sku": name, "price": price} for name, price in pairs], indent=1)

    base = prices(("one", 1), ("two", 2))
    fixed, other = prices(("one", 10), ("two", 2)), prices(("one", 1), ("two", 20))
    made = sides({"a.json": base}, {"a.json": fixed}, {"a.json": other})
    merge = made.repo.merge(into="main", source="topic", files={"a.json": other})
    found = inspect(made.repo.finish(), merge, list_keys=["sku"])
    assert "[one].price = 10" in " ".join(each.unit.replace("/", ".") for each in found.records)


def test_a_root_has_no_finding(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    root = repo.commit("main", {"a.c": CODE})
    found = inspect(repo.finish(), root)
    assert (found.kind, found.records) == ("root", ())


def test_the_later_commit_that_brings_it_back_is_named_and_raises_the_rank(tmp_path: Path) -> None:
    made = Sides(tmp_path / "repo", {"a.c": CODE}, {"a.c": edited(5, "500")}, {"a.c": edited(5, "55")})
    merge = made.repo.merge(into="main", source="topic", files={"a.c": edited(5, "55")})
    before = {each.unit: each.rank for each in inspect(made.repo.finish(), merge).records}
    again = made.repo.commit("main", {"a.c": edited(5, "500")}, subject="Bring back what was lost in the merge")
    after = {each.unit: each for each in inspect(made.repo.finish(), merge).records}
    unit = "int value_5 = 500;"
    assert after[unit].restored_by == again
    assert after[unit].rank > before[unit]


@pytest.mark.parametrize(
    "subject",
    [
        "Forgot one of the values", "git ate a value", "Clean up the mess of the merge", "Adding the value back",
        "Valor perdido", "Correcciones merge", "Resolver conflicto con 1254",
    ],
)  # fmt: skip
def test_who_brings_back_in_passing_and_says_why_mends(tmp_path: Path, subject: str) -> None:
    made = Sides(tmp_path / "repo", {"a.c": CODE}, {"a.c": edited(5, "500")}, {"a.c": edited(5, "55")})
    merge = made.repo.merge(into="main", source="topic", files={"a.c": edited(5, "55")})
    text = edited(5, "500").replace("int value_1", "long value_1")  # eleven lines of it
    made.repo.commit("main", {"a.c": text}, subject="Work on")
    silent = max(each.rank for each in inspect(made.repo.finish(), merge).records)
    made.repo.branch("main", merge)
    made.repo.commit("main", {"a.c": text}, subject=subject)
    assert max(each.rank for each in inspect(made.repo.finish(), merge).records) > silent


def test_who_says_after_weeks_that_a_merge_was_wrong_mends_it_with_a_small_part_too(tmp_path: Path) -> None:
    whole = "".join(f"int value_{number} = {number}00;\n" for number in range(40))
    made = Sides(tmp_path / "repo", {"a.c": CODE}, {"a.c": whole}, {"a.c": edited(5, "55")})
    merge = made.repo.merge(into="main", source="topic", files={"a.c": edited(5, "55")})
    text = edited(6, "600", edited(5, "55")) + CODE.replace("value", "other")
    ranks = []
    for subject in ("Add what is missing", "Fix merge errors"):
        made.repo.branch("main", merge)
        at = START + 30 * 86_400
        made.repo.commit("main", {"a.c": text}, subject=subject, at=at, committed_at=at)
        ranks.append(max(each.rank for each in inspect(made.repo.finish(), merge).records))
    assert ranks[0] < ranks[1]


def test_a_block_that_the_other_side_removed_is_missed_where_somebody_brings_it_back_and_no_merge_does(
    tmp_path: Path,
) -> None:
    lines = CODE.splitlines(keepends=True)
    without = "".join(lines[:10] + lines[30:])
    full = edited(19, "1", edited(20, "1", edited(21, "1")))
    made = Sides(tmp_path / "repo", {"a.c": CODE}, {"a.c": without}, {"a.c": full})
    merge = made.repo.merge(into="main", source="topic", files={"a.c": without})
    ranks = [max(each.rank for each in inspect(made.repo.finish(), merge).records)]
    made.repo.branch("other", made.source)
    made.repo.commit("other", {"b.c": CODE})
    made.repo.merge(into="main", source="other", files={"a.c": full, "b.c": CODE})
    ranks.append(max(each.rank for each in inspect(made.repo.finish(), merge).records))
    made.repo.branch("main", merge)
    made.repo.commit("main", {"a.c": full}, subject="Go on")
    ranks.append(max(each.rank for each in inspect(made.repo.finish(), merge).records))
    assert ranks[0] <= ranks[1] < ranks[2]


def test_a_merge_into_a_branch_that_never_had_the_loss_brings_nothing_back(tmp_path: Path) -> None:
    made = Sides(tmp_path / "repo", {"a.c": CODE}, {"b.c": CODE}, {"a.c": f"int twice;\n{CODE}int twice;\n"})
    made.repo.branch("other", made.base)
    made.repo.commit("other", {"c.c": CODE})
    lossy = made.repo.merge(into="main", source="topic", files={"a.c": f"int twice;\n{CODE}"})
    made.repo.merge(into="other", source="main")  # with the one copy that is left
    opened = made.repo.finish()
    assert [(each.unit, each.restored_by) for each in inspect(opened, lossy).records] == [("int twice;", None)]
    with Repository(opened) as repository:
        (scanned,) = scan(repository)
        assert [each.restored_by for each in scanned.records] == [None]


@pytest.mark.parametrize(("line", "is_back"), [("int value_5=500;", True), ("int value_5 = 501;", False)])
def test_white_space_does_not_matter_to_what_brings_a_line_back(tmp_path: Path, line: str, is_back: bool) -> None:
    made = Sides(tmp_path / "repo", {"a.c": CODE}, {"a.c": edited(5, "500")}, {"a.c": edited(5, "55")})
    merge = made.repo.merge(into="main", source="topic", files={"a.c": edited(5, "55")})
    again = made.repo.commit("main", {"a.c": edited(5, "55").replace("int value_5 = 55;", line)}, subject="Work on")
    found = {each.unit: each for each in inspect(made.repo.finish(), merge).records}
    assert found["int value_5 = 500;"].restored_by == (again if is_back else None)


def test_what_nobody_mended_while_the_file_was_worked_on_for_months_ranks_lower(tmp_path: Path) -> None:
    made = Sides(tmp_path / "repo", {"a.c": CODE}, {"a.c": edited(5, "500")}, {"a.c": edited(30, "3")})
    merge = made.repo.merge(into="main", source="topic", files={"a.c": edited(30, "3")})

    def highest() -> float:
        return inspect(made.repo.finish(), merge).records[0].rank

    ranks = [highest()]
    text = edited(30, "3")
    for number, days in enumerate((30, 90, 150, 200, 250, 300, 350, 400)):
        text = text.replace(f"int value_{number + 10} =", f"long value_{number + 10} =")
        at = START + days * 86_400
        made.repo.commit("main", {"a.c": text}, subject="Go on", at=at, committed_at=at)
        if number in (1, 2, 7):
            ranks.append(highest())
    assert ranks[0] == ranks[1] > ranks[2] > ranks[3]


def test_a_file_that_is_moved_later_restores_nothing(tmp_path: Path) -> None:
    made = Sides(tmp_path / "repo", {"a.c": CODE}, {"a.c": edited(5, "500")}, {"a.c": edited(30, "3")})
    merge = made.repo.merge(into="main", source="topic", files={"a.c": edited(30, "3")})
    made.repo.commit("main", {"a.c": None, "dir/a.c": edited(30, "3")}, subject="Move it")
    assert {each.restored_by for each in inspect(made.repo.finish(), merge).records} == {None}


@pytest.mark.parametrize(
    ("left", "mends"), [("", True), (CODE[:180], True), (CODE[:540], False), (edited(20, "2"), False)]
)
def test_who_removes_a_few_lines_of_a_file_that_came_back_does_not_mend_that(
    tmp_path: Path, left: str, mends: bool
) -> None:
    made = Sides(tmp_path / "repo", {"a.c": CODE, "b.c": "int b;\n"}, {"a.c": None}, {"a.c": edited(30, "3")})
    merge = made.repo.merge(into="main", source="topic", files={"a.c": edited(30, "3")})
    before = max(each.rank for each in inspect(made.repo.finish(), merge).records)
    made.repo.commit("main", {"a.c": left or None}, subject="Restore the list")
    after = max(each.rank for each in inspect(made.repo.finish(), merge).records)
    assert (after > before + 0.1) == mends


@pytest.mark.parametrize(("edits", "mends"), [(1, False), (6, True), (20, True)])
def test_who_removes_little_of_much_that_came_back_does_not_mend_that(tmp_path: Path, edits: int, mends: bool) -> None:
    lines = CODE.splitlines(keepends=True)
    without = "".join(lines[:10] + lines[30:])
    made = Sides(tmp_path / "repo", {"a.c": CODE}, {"a.c": without}, {"a.c": edited(35, "3")})
    merge = made.repo.merge(into="main", source="topic", files={"a.c": edited(35, "3")})
    before = max(each.rank for each in inspect(made.repo.finish(), merge).records)
    text = edited(35, "3")
    for number in range(12, 12 + edits):
        text = text.replace(f"int value_{number} = {number};\n", "")
    made.repo.commit("main", {"a.c": text}, subject="Go on")
    after = max(each.rank for each in inspect(made.repo.finish(), merge).records)
    assert (after > before + 0.1) == mends


def test_an_edit_that_its_own_side_took_back_is_superseded(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a.c": CODE})
    repo.branch("topic", "main")
    repo.commit("main", {"a.c": edited(5, "500")}, subject="Fix five")
    repo.commit("topic", {"a.c": edited(5, "500")}, subject="Fix five there too")
    repo.commit("topic", {"a.c": edited(5, "5555")}, subject="Fix five better")
    merge = repo.merge(into="main", source="topic", files={"a.c": edited(5, "5555")})
    found = inspect(repo.finish(), merge)
    assert found.records == ()
    assert found.left_out["superseded"] == 1


@pytest.mark.parametrize(
    ("message", "dropped"), [("Fix five\n\n(cherry picked from commit {fix})", False), ("Five", True)]
)
def test_what_the_other_side_rewrote_before_it_was_picked_here_is_superseded(
    tmp_path: Path, message: str, dropped: bool
) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a.c": CODE})
    repo.branch("topic", "main")
    fix = repo.commit("topic", {"a.c": edited(5, "500")}, subject="Fix five")
    repo.commit("topic", {"a.c": edited(5, "5555")}, subject="Fix five better")
    # Nobody knows what a commit of its own would have made of it.
    repo.commit("main", {"a.c": edited(5, "500")}, message=message.format(fix=fix))
    merge = repo.merge(into="main", source="topic", files={"a.c": edited(5, "5555")})
    found = inspect(repo.finish(), merge)
    assert [each.unit for each in found.records] == ["int value_5 = 500;"] * dropped
    assert found.left_out["superseded"] == 1 - dropped


# Input that is wrong, broken or hostile.


def test_what_is_no_commit_is_said_to_be_none(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a.c": CODE})
    path = repo.finish()
    blob, tree = git(path, "rev-parse", "main:a.c"), git(path, "rev-parse", "main^{tree}")
    for revision in ("nothing", "0" * 40, blob, tree, "--all", "-n1", "main:a.c", "main..main"):
        with pytest.raises(UnknownRevisionError):
            inspect(path, revision)


def test_a_missing_blob_is_said_and_the_rest_is_still_found(tmp_path: Path) -> None:
    base = {"a.c": CODE, "b.c": CODE}
    made = Sides(tmp_path / "repo", base, {"a.c": edited(5, "500"), "b.c": edited(6, "600")},
                 {"a.c": edited(30, "3"), "b.c": edited(31, "3")})  # fmt: skip
    merge = made.repo.merge(into="main", source="topic", files={"a.c": edited(30, "3"), "b.c": edited(31, "3")})
    path = made.repo.finish()
    missing = git(path, "rev-parse", f"{made.target}:b.c")
    lose(path, missing)
    found = inspect(path, merge)
    assert {(each.path, each.side) for each in found.records} == {("a.c", "target")}
    told = {each.what: each.reason for each in found.skipped}
    assert missing in told["b.c"]
    assert merge in told


def test_a_file_of_100_mb_is_left_out_and_said(tmp_path: Path) -> None:
    large = b"a line of text that is not short\n" * 3_200_000
    base: dict[str, Content] = {"big.txt": large, "a.c": CODE}
    made = Sides(tmp_path / "repo", base, {"a.c": edited(5, "500")}, {"big.txt": large[:-33]})
    found = made.merged(base)
    assert {each.path for each in found.records} == {"a.c"}
    assert [each.what for each in found.skipped] == ["big.txt"]


@pytest.mark.parametrize("name", ["it.js", "it.py", "it.json", "it.xml", "it.yml", "it.php"])
def test_a_line_of_many_megabytes_is_told_and_takes_no_long_time(tmp_path: Path, name: str) -> None:
    for size, told in ((10_000_000, True), (6_000_000, False)):
        line = ("const { a, b, " + "'x' + \" /* " * (size // 11)).encode()
        base: dict[str, Content] = {name: line, "a.c": CODE}
        made = Sides(tmp_path / str(size), base, {name: line + b"y"}, {"a.c": edited(5, "500")})
        began = time.process_time()
        found = made.merged({**base, "a.c": edited(5, "500")})
        assert time.process_time() - began < LONG
        named = {each.what for each in found.skipped}
        # A structured file that is too large to be parsed is read as lines, and that is told as well.
        assert named == {name} if told else named <= {name}
        assert told or found.left_out["generated"] or found.records


@pytest.mark.parametrize(
    ("name", "hostile"),
    [
        (
            "it.xml",
            '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha">'
            + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
            + "]><x>&j;</x>\n",
        ),
        ("it.json", "[\n" * 100_000 + "]\n" * 100_000),
        ("it.yml", "[\n" * 100_000),
        ("deep.xml", "<a>\n" * 100_000 + "</a>\n" * 100_000),
    ],
    ids=["bomb", "json", "yaml", "xml"],
)
def test_hostile_structured_files_are_read_as_lines(sides: Callable[..., Sides], name: str, hostile: str) -> None:
    base, fixed = hostile + "a last line of words\n", hostile + "a last line of other words\n"
    found = sides({name: base, "a.c": CODE}, {name: fixed}, {"a.c": edited(5, "500")}).merged(
        {name: base, "a.c": edited(5, "500")}
    )
    assert "a last line of other words" in {each.unit for each in found.records}


def test_paths_may_hold_any_bytes(tmp_path: Path) -> None:
    names = [b"\xff\xfe.c", b"new\nline.c", b"-x.c", b":(glob)*.c", b'it\'s "so".c']
    made = Sides(tmp_path / "repo", dict.fromkeys(names, CODE), dict.fromkeys(names, edited(5, "500")), {b"z": "zed"})
    found = made.merged({**dict.fromkeys(names, CODE), b"z": "zed"})
    assert {each.path for each in found.records} == {name.decode("utf-8", "replace") for name in names}
    assert all(each.changes == (made.target,) for each in found.records)


def test_the_json_form_and_the_table_tell_the_same(sides: Callable[..., Sides]) -> None:
    found = sides({"a.c": CODE}, {"a.c": edited(5, "500")}, {"a.c": edited(30, "3")}).merged({"a.c": edited(30, "3")})
    told = found.to_dict()
    table = found.findings
    assert told["schema"] == 1
    assert len(told["findings"]) == len(table) == len(found.records) > 0
    assert list(table["unit"]) == [each["unit"] for each in told["findings"]]
    assert list(table["rank"]) == sorted(table["rank"], reverse=True)


# Rules, on generated merges.

_EDITS = st.dictionaries(st.integers(0, 39), st.integers(100, 999), max_size=6)


def _apply(edits: dict[int, int]) -> str:
    return "".join(f"int value_{number} = {edits.get(number, number)};\n" for number in range(40))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(target=_EDITS, source=_EDITS, data=st.data())
def test_git_s_own_result_loses_nothing_and_one_dropped_edit_is_that_finding(
    tmp_path_factory: pytest.TempPathFactory, target: dict[int, int], source: dict[int, int], data: st.DataObject
) -> None:
    # Two lines apart, so that git merges every edit by itself.
    source = {n: v for n, v in source.items() if not {n - 1, n, n + 1} & target.keys()}
    made = Sides(tmp_path_factory.mktemp("m") / "repo", {"a.c": CODE, "b.c": "int b;\n"},
                 {"a.c": _apply(target), "b.c": "int b1;\n"}, {"a.c": _apply(source), "c.c": "int c;\n"})  # fmt: skip
    repo = made.repo
    clean = repo.merge(into="main", source="topic")
    assert inspect(repo.finish(), clean).records == ()
    if not target and not source:
        return
    dropped = data.draw(st.sampled_from(sorted([*target, *source])))
    kept = {number: value for number, value in {**target, **source}.items() if number != dropped}
    repo.branch("again", made.target)
    merge = repo.merge(into="again", source="topic", files={"a.c": _apply(kept), "c.c": "int c;\n"})
    found = inspect(repo.finish(), merge)
    value = {**target, **source}[dropped]
    assert {each.unit for each in found.records} == {
        f"int value_{dropped} = {value};",
        f"int value_{dropped} = {dropped};",
    }
    assert {each.side for each in found.records} == {"target" if dropped in target else "source"}
    assert all(each.rank >= FINDING for each in found.records)


CALL = "int total = compute_total(value);\n"


@pytest.mark.parametrize(
    ("bringers", "subject", "knew"),
    [(("Bo", "Bo"), "Go without the two", True), (("Bo", "Cy"), "Go without the two", False), (("Bo",), "Save", False)],
)
def test_who_takes_one_change_back_and_does_nothing_else_decides(
    tmp_path: Path, bringers: tuple[str, ...], subject: str, *, knew: bool
) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    names = [f"{number}.c" for number in range(4)]
    repo.commit("main", dict.fromkeys(names, CODE))
    for number, who in enumerate(dict.fromkeys(bringers)):
        files = names if len(set(bringers)) == 1 else names[2 * number : 2 * number + 2]
        author = f"{who} <{who.lower()}@example.com>"
        repo.commit("main", dict.fromkeys(files, edited(5, "500")), subject="Change five", author=author)
    back = repo.commit("main", dict.fromkeys(names, CODE), subject=subject, author="Al <al@example.com>")
    ranks = [each.rank for each in inspect(repo.finish(), back).records]
    assert ranks
    assert (max(ranks) < FINDING) == knew


@pytest.mark.parametrize(
    ("subject", "beside", "knew"),
    [
        ("Work on it", {}, False),
        ("Work on it", {"b.c": CODE + CALL}, True),
        ("Work on it", {"compute_total.c": None}, True),
        ("Work on it", {"other.c": None}, False),
        ("Remove compute_total", {}, True),
        ("Remove compute_it", {}, False),
    ],
)
def test_what_is_moved_or_named_or_goes_with_its_file_is_taken_back_knowingly(
    tmp_path: Path, subject: str, beside: dict[str, str | None], *, knew: bool
) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    files = {
        "compute_total.c": "int compute_total;\n",
        "other.c": "int other;\n",
        "b.c": CODE,
        "c.c": CODE,
        "d.c": CODE,
    }
    repo.commit("main", {"a.c": CODE, **files})
    repo.commit("main", {"a.c": CODE + CALL}, subject="Fix the total", author="Bo <bo@example.com>")
    own = {"c.c": edited(9, "900"), "d.c": edited(9, "900"), **beside}
    back = repo.commit("main", {"a.c": CODE, **own}, subject=subject, author="Al <al@example.com>")
    (found,) = inspect(repo.finish(), back).records
    assert (found.cause, found.path) == (Cause.STALE_COMMIT, "a.c")
    assert (found.rank < FINDING - 0.1) == knew
