"""What match leaves out and says so, what picking would give, and the forms of its answer."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.forks import CODE, Fork, block, edited, missing_of, pairs_of
from support.repos import RepoBuilder, environment, git

from branchsim.audit.applies import Applies
from branchsim.audit.evidence import CONFIDENCE, Evidence
from branchsim.audit.match import SCHEMA, match
from branchsim.errors import NotARepositoryError, UnknownRevisionError


@pytest.fixture
def fork(tmp_path: Path) -> Fork:
    return Fork(tmp_path / "repo")


# What is left out.


def test_an_empty_commit_is_skipped_and_neither_found_nor_missing(fork: Fork) -> None:
    empty = fork.on_source({}, "Trigger the build")
    fork.on_target({}, "Trigger the build")
    found = fork.match()
    assert found.counterparts == ()
    assert found.missing_commits == ()
    assert [(each.what, each.reason) for each in found.skipped] == [(empty, "it changes nothing")]


def test_branches_without_a_common_root_are_compared(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("source", {"readme": block("readme")}, subject="Begin here")
    fix = repo.commit("source", {"app.c": CODE}, subject="Add the code")
    repo.commit("target", {"notes": block("notes")}, subject="Begin there")
    port = repo.pick(into="target", commit=fix)
    found = match(repo.finish(), "source", "target", cache=None)
    assert set(pairs_of(found)) == {(fix, port)}
    assert {found.subjects[each.source] for each in found.missing_commits} == {"Begin here"}


def test_a_root_commit_is_a_change_like_any_other(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    root = repo.commit("source", {"app.c": CODE}, subject="Add the code")
    repo.commit("target", {"notes": block("notes")}, subject="Begin there")
    port = repo.commit("target", {"app.c": CODE}, subject="Add the code")
    found = match(repo.finish(), "source", "target", cache=None)
    assert set(pairs_of(found)) == {(root, port)}


def test_a_branch_matched_with_itself_has_nothing_to_say(fork: Fork) -> None:
    fork.on_source({"app.c": edited(CODE, 7)}, "Fix the login")
    found = fork.match("source", "source")
    assert (found.counterparts, found.missing_commits, found.skipped) == ((), (), ())


def test_missing_blobs_of_a_partial_clone_are_listed(fork: Fork, tmp_path: Path) -> None:
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    fork.on_target({"other.txt": block("other")}, "Write something else")
    fork.on_target({"app.c": edited(CODE, 7, 8, 9)}, "Fix the login")
    origin = fork.repo.finish()
    git(origin, "config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    git(tmp_path, "clone", "-q", "--bare", "--filter=blob:none", f"file://{origin}", str(partial))
    git(partial, "remote", "remove", "origin")
    found = match(partial, "source", "target", cache=None)
    assert fix in {each.what for each in found.skipped}
    assert all(each.reason for each in found.skipped)
    assert [pair for pair in found.counterparts if pair.evidence in {Evidence.PATCH_ID, Evidence.ZERO_CONTEXT}] == []


def test_what_cannot_be_tried_since_the_target_lacks_blobs_is_listed(fork: Fork, tmp_path: Path) -> None:
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    fork.on_target({"app.c": edited(CODE, 30, 31)}, "Write something else")
    origin = fork.repo.finish()
    git(origin, "config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    git(tmp_path, "clone", "-q", "--bare", "--filter=blob:none", f"file://{origin}", str(partial))
    git(partial, "cat-file", "-e", f"{fix}:app.c")
    git(partial, "cat-file", "-e", f"{fix}^:app.c")
    git(partial, "remote", "remove", "origin")
    found = match(partial, "source", "target", cache=None)
    assert {each.what: each.reason for each in found.skipped}[fix].startswith("git could not try it on the target: ")
    assert [each.source for each in found.missing_commits] == [fix]


def test_equal_blobs_need_not_be_there_to_be_found(fork: Fork, tmp_path: Path) -> None:
    """Author, date and subject still tell where contents are missing."""
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login of accounts")
    port = fork.pick(fix)
    origin = fork.repo.finish()
    git(origin, "config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    git(tmp_path, "clone", "-q", "--bare", "--filter=blob:none", f"file://{origin}", str(partial))
    git(partial, "remote", "remove", "origin")
    found = match(partial, "source", "target", cache=None)
    assert pairs_of(found) == {(fix, port): "author-date"}


def test_a_shallow_clone_is_said_to_be_one(fork: Fork, tmp_path: Path) -> None:
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    fork.on_source({"new.c": block("new")}, "Add something")
    port = fork.pick(fix)
    fork.on_target({"late.c": block("late")}, "Add something later")
    shallow = tmp_path / "shallow"
    origin = fork.repo.finish()
    git(tmp_path, "clone", "-q", "--bare", "--no-single-branch", "--depth=2", f"file://{origin}", str(shallow))
    found = match(shallow, "source", "target", cache=None)
    assert "history" in {each.what for each in found.skipped}
    assert {pair.target for pair in found.counterparts} <= {port, git(shallow, "rev-parse", "target")}
    whole = fork.match()
    assert "history" not in {each.what for each in whole.skipped}


def test_what_is_no_repository_or_revision_is_an_error(fork: Fork, tmp_path: Path) -> None:
    with pytest.raises(UnknownRevisionError, match="sourc"):
        fork.match("sourc", "target")
    with pytest.raises(NotARepositoryError):
        match(tmp_path, "source", "target")


# Revisions.


def test_any_revision_names_a_side(fork: Fork) -> None:
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    fork.repo.tag("v1", "source", message="One")
    port = fork.pick(fix)
    found = fork.match("v1", port[:10])
    assert (found.source, found.source_sha, found.target_sha) == ("v1", fix, port)
    assert set(pairs_of(found)) == {(fix, port)}


def test_the_repository_and_its_refs_stay_as_they_are(fork: Fork) -> None:
    fork.pick(fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login"))
    path = fork.repo.finish()
    before = (git(path, "for-each-ref"), git(path, "count-objects", "-v"))
    fork.match()
    assert (git(path, "for-each-ref"), git(path, "count-objects", "-v")) == before


# Whether what is missing applies.


def test_each_missing_commit_says_whether_it_applies(fork: Fork) -> None:
    fork.on_target({"app.c": edited(CODE, 20, value="from_the_target()"), "lib/util.c": None}, "Go another way")
    clean = fork.on_source({"app.c": edited(CODE, 3)}, "Change a line that is free")
    conflict = fork.on_source({"app.c": edited(CODE, 3, 20)}, "Change a line that is taken")
    gone = fork.on_source({"lib/util.c": edited(CODE, 3)}, "Change a file that is gone")
    assert missing_of(fork.match()) == {clean: "clean", conflict: "conflict", gone: "obsolete"}


def test_a_file_that_both_sides_made_alike_is_obsolete(fork: Fork) -> None:
    fork.on_target({"big.txt": "".join(block(name) for name in "abcdefgh"), "one.txt": "one\n"}, "Import everything")
    same = fork.on_source({"one.txt": "one\n"}, "Note the first", author="Bob <bob@example.com>")
    assert missing_of(fork.match()) == {same: "obsolete"}


LINES = [f"line {number}" for number in range(9)]
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]), st.sampled_from(["set", "add", "cut"]), st.integers(0, 8), st.integers(0, 2)
    ),
    min_size=1,
    max_size=3,
)


def text_after(path: str, edits: list[tuple[str, str, int, int]]) -> str:
    """The file with the edits of one side made to it."""
    lines = list(LINES)
    for where, what, at, value in edits:
        if where != path or at >= len(lines):
            continue
        if what == "set":
            lines[at] = f"changed {value} {at}"
        elif what == "add":
            lines.insert(at, f"added {value} {at}")
        else:
            del lines[at]
    return "".join(f"{line}\n" for line in lines)


def real_pick(path: Path, commit: str, target: str) -> Applies:
    """What ``git cherry-pick`` makes of a commit in a work tree."""
    git(path, "checkout", "-q", "-f", "--detach", target)
    git(path, "cherry-pick", "--no-commit", commit, accept=(0, 1))
    state = git(path, "status", "--porcelain")
    git(path, "reset", "-q", "--hard")
    if any(line[:2] in {"UU", "AA", "DU", "UD", "DD", "AU", "UA"} for line in state.splitlines()):
        return Applies.CONFLICT
    return Applies.CLEAN if state else Applies.OBSOLETE


@settings(max_examples=20)
@given(first=EDITS, second=EDITS, theirs=EDITS)
def test_applies_is_what_cherry_pick_does(
    first: list[tuple[str, str, int, int]],
    second: list[tuple[str, str, int, int]],
    theirs: list[tuple[str, str, int, int]],
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        repo = RepoBuilder(Path(directory) / "repo")
        repo.commit("source", {name: text_after(name, []) for name in "ab"}, subject="Begin the project")
        repo.branch("target", "source")
        for edits in (first, first + second):
            repo.commit("source", {name: text_after(name, edits) for name in "ab"}, author="Ann <ann@example.com>")
        repo.commit("target", {name: text_after(name, theirs) for name in "ab"}, author="Bob <bob@example.com>")
        path = repo.finish()
        found = match(path, "source", "target", cache=None)
        for each in found.missing_commits:
            assert each.applies is real_pick(path, each.source, found.target_sha)


# The forms of an answer.


def test_the_json_form_has_its_schema(fork: Fork) -> None:
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    port = fork.pick(fix)
    fork.on_source({"new.c": block("new")}, "Add something")
    fork.on_source({}, "Trigger the build")
    data = json.loads(json.dumps(fork.match().to_dict()))
    assert list(data) == ["schema", "source", "target", "matches", "missing", "skipped"]
    assert data["schema"] == SCHEMA
    assert (data["source"], data["target"]) == ("source", "target")
    (pair,) = data["matches"]
    assert (pair["source"], pair["target"], pair["evidence"]) == (fix, port, "patch-id")
    fields = ["source", "target", "evidence", "confidence", "overlap", "reason", "undone_by", "differences"]
    assert list(pair) == fields
    assert [list(each) for each in data["missing"]] == [["source", "applies", "reason"]]
    assert [list(each) for each in data["skipped"]] == [["what", "reason"]]


def test_tables_have_their_types_empty_or_not(fork: Fork) -> None:
    empty = fork.match()
    fork.pick(fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login"))
    fork.on_source({"new.c": block("new")}, "Add something")
    full = fork.match()
    assert (len(empty.matches), len(empty.missing)) == (0, 0)
    assert (len(full.matches), len(full.missing)) == (1, 1)
    assert empty.matches.dtypes.equals(full.matches.dtypes)
    assert empty.missing.dtypes.equals(full.missing.dtypes)
    types = {name: str(dtype) for name, dtype in empty.matches.dtypes.items()}
    assert types == dict.fromkeys(types, "string") | {"confidence": "Float64", "overlap": "Float64"}
    assert list(empty.missing.columns) == ["source", "applies", "subject", "reason"]


def test_a_table_may_be_changed_without_changing_the_next(fork: Fork) -> None:
    fork.pick(fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login"))
    found = fork.match()
    table = found.matches
    table.loc[0, "evidence"] = "absent"
    assert found.matches.loc[0, "evidence"] == "patch-id"


def test_every_confidence_is_that_of_its_rung(fork: Fork) -> None:
    fork.pick(fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login"), trailer=True)
    fork.pick(fork.on_source({"lib/util.c": edited(CODE, 7, 8)}, "Fix the logout"))
    fork.on_source({"new.c": block("new")}, "Add something")
    found = fork.match()
    assert len(found.counterparts) == 2
    assert all(pair.confidence == CONFIDENCE[pair.evidence] for pair in found.counterparts)


def test_the_answer_keeps_the_order_of_the_source(fork: Fork) -> None:
    ids = [fork.on_source({f"{name}.c": block(name)}, f"Add the part {name}") for name in "abcd"]
    for sha in (ids[2], ids[0]):
        fork.pick(sha)
    order = git(fork.repo.finish(), "log", "--format=%H", "target..source").split()
    found = fork.match()
    assert [pair.source for pair in found.counterparts] == [sha for sha in order if sha in {ids[0], ids[2]}]
    assert [each.source for each in found.missing_commits] == [sha for sha in order if sha in {ids[1], ids[3]}]


def test_settings_of_the_user_change_nothing(fork: Fork, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fork.pick(fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login"))
    fork.on_source({"new.c": block("new")}, "Add something")
    path = fork.repo.finish()
    plain = fork.match()
    settings_file = tmp_path / "gitconfig"
    settings_file.write_text(
        "[diff]\n\tnoprefix = true\n\talgorithm = patience\n\tcontext = 9\n\trenames = false\n"
        "[core]\n\tabbrev = 5\n\tquotePath = false\n[merge]\n\tconflictStyle = diff3\n[log]\n\tshowSignature = true\n",
        encoding="utf-8",
    )
    git(path, "config", "diff.interHunkContext", "5")
    for name, value in environment({"GIT_CONFIG_GLOBAL": str(settings_file), "TZ": "Asia/Tokyo"}).items():
        if name.startswith("GIT_CONFIG") or name == "TZ":
            monkeypatch.setenv(name, value)
    assert fork.match().to_dict() == plain.to_dict()


@pytest.mark.parametrize(
    ("subject", "author", "also"),
    [
        ("[1.x] Raise beta from 1.0 to 1.1 (#8)", "A bot <bot@example.com>", False),
        ("[1.x] Raise beta from 1.0 to 1.1 (#8)", None, True),
        ("[1.x] Raise beta from 1.0 to 1.1 and alpha from 2.0 to 2.1", "A bot <bot@example.com>", True),
    ],
)
def test_what_a_port_says_since_it_is_a_port_links_it_to_no_other_source(
    fork: Fork, subject: str, author: str | None, also: bool
) -> None:
    """Raised versions of dependencies are told in the same words, and a port may bring along an earlier one."""

    def versions(alpha: str, beta: str) -> dict[str, str]:
        locks = "".join(f"alpha {alpha} of part {n}\nkept {n}\nbeta {beta} of part {n}\n" for n in range(4))
        return {"app.lock": locks, "app.deps": f"requires alpha {alpha}\n\nrequires beta {beta}\n"}

    fork.on_source(versions("2.0", "1.0"), "Keep the versions")
    fork.on_target(versions("2.0", "1.0"), "Keep the versions")
    alpha = fork.on_source(versions("2.1", "1.0"), "Raise alpha from 2.0 to 2.1 (#3)")
    beta = fork.on_source(versions("2.1", "1.1"), "Raise beta from 1.0 to 1.1 (#7)")
    other = fork.on_source({"new.c": block("new")}, "Add something else, which stays away")
    port = fork.on_target(versions("2.1", "1.1"), subject, **({} if author is None else {"author": author}))
    found = fork.match()
    assert {source for source, target in pairs_of(found) if target == port} == ({alpha, beta} if also else {beta})
    assert missing_of(found).keys() == {other, *(() if also else (alpha,))}
