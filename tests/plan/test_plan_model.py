from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.plans import plans

import branchsim.plan
from branchsim.plan import (
    Commit,
    FileChange,
    Gate,
    MergeBack,
    Plan,
    PlanError,
    Promotion,
    PullRequest,
    Resolve,
    Revert,
    Start,
    Tag,
)
from branchsim.topology import Topology

FILE = FileChange("a.txt", b"1\n")


@given(plans())
def test_the_repr_is_valid_python(plan: Plan) -> None:
    assert eval(repr(plan), vars(branchsim.plan).copy()) == plan  # noqa: S307
    assert hash(plan) == hash(plan.replace())


@given(plans())
def test_names_of_steps_are_unique_and_find_their_steps(plan: Plan) -> None:
    names = [step.name for step in plan]
    assert len(set(names)) == len(names)
    assert all(plan[name] is step for name, step in zip(names, plan, strict=True))


@given(plans())
def test_html_holds_no_tag_of_a_stranger(plan: Plan) -> None:
    shown = plan._repr_html_()
    for step in plan:
        if "<" in step.name:
            assert step.name not in shown
    assert shown.count("<tr>") == (len(plan) + 1 if plan.steps else 0)
    assert "\x1b" not in str(plan)


@given(plans(), plans())
def test_composing_keeps_every_step_and_its_resolutions(one: Plan, other: Plan) -> None:
    try:
        both = one + other
    except PlanError:
        return  # the first deletes what the second needs, or both start the same branch
    assert len(both) == len(one) + len(other)
    assert both.steps[: len(one)] == one.steps
    renamed = dict(zip((s.name for s in other), (s.name for s in both.steps[len(one) :]), strict=True))
    for before, after in zip(other, both.steps[len(one) :], strict=True):
        if isinstance(before, Resolve):
            assert isinstance(after, Resolve)
            assert after.step == renamed[before.step]
        changes = {"name": before.name, **_references(before)}
        assert dataclasses.replace(after, **changes) == before  # type: ignore[arg-type]


def _references(step: object) -> dict[str, str]:
    match step:
        case Resolve(step=resolved):
            return {"step": resolved}
        case Revert(commit=commit):
            return {"commit": commit}
    return {}


@given(plans(), st.data())
def test_comparison_tells_exactly_what_differs(plan: Plan, data: st.DataObject) -> None:
    assert plan.compare(plan) == ()
    free = [s.name for s in plan if not isinstance(s, (Start, Resolve))]
    if not free:
        return
    gone = data.draw(st.sampled_from(free))
    less = plan.without(gone)
    assert {d.step for d in plan.compare(less) if d.what == "removed"} == {s.name for s in plan} - {
        s.name for s in less
    }
    assert {d.what for d in plan.compare(less)} == {"removed"}
    assert {d.what for d in less.compare(plan)} == {"added"}


def test_comparison_sees_changes_moves_and_fields() -> None:
    one = Plan("p", (Commit("a", message="x", files=(FILE,)), MergeBack("b", "a"), MergeBack("c", "a")))
    changed = Commit("a", message="y", files=(FILE,))
    other = Plan("q", (one.steps[1], changed, one.steps[2]), at=5)
    found = {(d.what, d.step) for d in one.compare(other)}
    assert {("plan", "name"), ("plan", "at"), ("changed", "commit to a")} <= found
    assert len([what for what, _ in found if what == "moved"]) == 1
    assert "'x' -> 'y'" in next(d.detail for d in one.compare(other) if d.what == "changed")


def test_steps_are_numbered_where_they_would_have_one_name() -> None:
    plan = Plan("p", (Commit("a", message="x", files=(FILE,)), Commit("a", message="y", files=(FILE,))))
    assert [step.name for step in plan] == ["commit to a", "commit to a (2)"]


def test_steps_are_inserted_and_taken_out() -> None:
    plan = Plan.hotfix("login", Topology.build_run())
    commit = Commit("hotfix/login", message="x", files=(FILE,))
    more = plan.insert(commit, after="start hotfix/login")
    assert more.steps[1] == commit
    assert plan.insert(commit, before="wrong-base hotfix/login").steps == more.steps
    assert more.without("commit to hotfix/login") == plan
    assert plan.then(Resolve("retrofit hotfix/login to integration", take="source")).without(
        "retrofit hotfix/login to integration"
    ) == plan.without("retrofit hotfix/login to integration")
    with pytest.raises(PlanError, match="exactly one"):
        plan.insert(commit)


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ((Commit("x", message="m", files=(FILE,)), Start("x", at="main")), "'x' is started only by step 'start x'"),
        ((PullRequest("x", "a", delete_source=True), PullRequest("x", "b")), "'x' was deleted by step 'merge x to a'"),
        ((Start("x", at="a"), Start("x", at="b")), "made by step 'start x' already"),
        ((Tag("v1", at="a"), Tag("v1", at="b")), "made by step 'tag v1' already"),
        ((MergeBack("a", "b"), Resolve("merge back a to c", take="source")), "did you mean 'merge back a to b'"),
        ((Tag("v1", at="a"), Resolve("tag v1", take="source")), "kind tag has no conflicts"),
        ((Revert("a", commit="merge x to a"), PullRequest("x", "a")), "no earlier step 'merge x to a'"),
        (("start",), "must be one of Start"),
    ],
)
def test_what_no_repository_could_make_right_is_refused(steps: tuple[object, ...], says: str) -> None:
    with pytest.raises(PlanError, match=says):
        Plan("p", steps)  # type: ignore[arg-type]


def test_a_deleted_branch_may_be_started_again() -> None:
    plan = Plan("p", (Start("x", at="a"), PullRequest("x", "a", delete_source=True), Start("x", at="a")))
    assert plan.branches == ("x", "a")
    assert len(Plan("p", plan.steps[1:])) == 2  # it need not be the plan that started it first


@pytest.mark.parametrize(
    "name",
    [
        "-x",
        "--upload-pack=x",
        "a..b",
        "a b",
        "x.lock",
        "HEAD",
        "refs/heads/a",
        "a*",
        "",
        "@",
        "a\n",
        "a:b",
        "a\\b",
        "/a",
        ".a",
        "\ud800",
    ],
)
def test_names_that_are_no_branches_are_refused(name: str) -> None:
    for make in (
        lambda: Start(name, at="main"),
        lambda: PullRequest("a", name),
        lambda: MergeBack(name, "a"),
        lambda: Tag(name, at="main"),
        lambda: Gate("frozen", branch=name, against=("a",)),
        lambda: Gate("frozen", branch="a", against=(name,)),
        lambda: Revert(name, commit="abc"),
        lambda: Promotion(source=name, target="a"),
    ):
        with pytest.raises(PlanError):
            make()


@pytest.mark.parametrize("revision", ["-x", "--all", "a..b", "^a", "a b", ":/fix", "a\nb", ""])
def test_revisions_that_are_no_commit_are_refused(revision: str) -> None:
    with pytest.raises(PlanError):
        Start("x", at=revision)
    with pytest.raises(PlanError):
        Commit("x", picks=(revision,))


@pytest.mark.parametrize(
    "path",
    [
        "../a",
        "a/../../b",
        "a/./b",
        "/etc/passwd",
        "\\a",
        "C:/a",
        "c:a",
        ".git/config",
        ".GIT/config",
        "a/.Git/hooks/x",
        "git~1/config",
        ".git /x",
        ".git./x",
        ".git::$INDEX_ALLOCATION/x",
        ".g\u200cit/config",
        "a\\..\\b",
        "a\\.git\\config",
        "a//b",
        "a/",
        "",
        "a\0b",
    ],
)
def test_paths_that_leave_the_tree_are_refused(path: str) -> None:
    with pytest.raises(PlanError):
        FileChange(path, b"")
    with pytest.raises(PlanError):
        Resolve("s", take="source", paths=(path,))


@pytest.mark.parametrize("path", ["a", ".gitignore", ".github/x", "a..b", "git", "...", "a b/c", "ärger"])
def test_plain_paths_are_taken(path: str) -> None:
    assert FileChange(path, b"").path == path


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Commit("a", message="m"), "exactly one of files, patch and picks, not none"),
        (lambda: Commit("a", message="m", files=(FILE,), patch=b"x"), "not 2"),
        (lambda: Commit("a", message="m", picks=("abc",)), "keep their message"),
        (lambda: Commit("a", files=(FILE,)), "message: is empty"),
        (lambda: Commit("a", message="m", files=(FILE, FILE)), "given twice"),
        (
            lambda: Commit("a", message="m", files=(FILE, FileChange("a.txt/b", b""))),
            "cannot be a file and the directory",
        ),
        (lambda: Commit("a", message="m", files=(FILE,), author="Ann"), "Name <address>"),
        (lambda: Commit("a", message="m", files=(FILE,), author="Ann <a>\nx <b>"), "Name <address>"),
        (lambda: Commit("a", message="m", patch=b" \n"), "patch is empty"),
        (lambda: PullRequest("a", "a"), "both 'a'"),
        (lambda: PullRequest("a", "b", method="sqash"), "did you mean 'squash'"),  # type: ignore[arg-type]
        (lambda: PullRequest("a", "b", purpose="retro-fit"), "did you mean 'retrofit'"),  # type: ignore[arg-type]
        (lambda: PullRequest("a", "b", on_conflict="solve"), "known are stop, solve-in-source"),  # type: ignore[arg-type]
        (lambda: Gate("forzen", branch="a", against=("b",)), "did you mean 'frozen'"),  # type: ignore[arg-type]
        (lambda: Gate("frozen", branch="a", against=()), "names no branch"),
        (lambda: Gate("frozen", branch="a", against="b"), "expected several, not str"),  # type: ignore[arg-type]
        (lambda: Gate("wrong-base", branch="a", against=("b",)), "'base' is needed"),
        (lambda: Resolve("s"), "says nothing"),
        (lambda: Resolve("s", take="ours"), "unknown side 'ours'"),  # type: ignore[arg-type]
        (lambda: FileChange("a", None, "100644"), "leave the mode out"),
        (lambda: FileChange("a", b"", "100664"), "did you mean '100644'"),  # type: ignore[arg-type]
        (lambda: FileChange(".gitmodules", b"x", "120000"), "symbolic link"),
        (lambda: Start("a", at="a"), "cannot start from itself"),
        (lambda: Plan(""), "empty"),
        (lambda: Plan("a\nb"), "one line"),
        (lambda: Plan("a", at=-1), "whole seconds"),
        (lambda: Plan("a", forecast=("x",)), "Promotion records"),  # type: ignore[arg-type]
    ],
)
def test_values_that_mean_nothing_are_refused(make: object, says: str) -> None:
    with pytest.raises(PlanError, match=says):
        make()  # type: ignore[operator]
