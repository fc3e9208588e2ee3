from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pandas as pd
import pytest
from support.cli import ROOT
from support.repos import RepoBuilder, executable, git, submodule

from branchsim.errors import GitError, InputError, NotARepositoryError
from branchsim.git.repository import Repository
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
from branchsim.simulate import Landing, Loss, OpenConflict, Simulation, simulate
from branchsim.simulate.run import PERSON
from branchsim.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from support.repos import Entry

    from branchsim.plan import Step

BUILD_RUN = Topology.build_run()
LINES = [f"{number}\n" for number in range(1, 10)]
RETROFIT = "retrofit hotfix/login to integration"


def text(**edits: str) -> bytes:
    """The lines 1 to 9, some of them changed: ``l3="x"``."""
    lines = list(LINES)
    for key, value in edits.items():
        lines[int(key[1:]) - 1] = f"{value}\n"
    return "".join(lines).encode()


@pytest.fixture
def repo(tmp_path: Path) -> RepoBuilder:
    """BUILD/RUN, all branches alike but for a feature on integration that changes line 3."""
    builder = RepoBuilder(tmp_path / "repo")
    base = builder.commit("integration", {"a.txt": text(), "b.txt": b"b\n"}, subject="Start")
    for name in ("uat", "preprod", "production"):
        builder.branch(name, base)
    builder.commit("integration", {"a.txt": text(l3="feature")}, subject="Feature")
    builder.finish()
    return builder


def hotfix(content: bytes = text(l3="fix"), **options: str) -> Plan:
    work = [Commit("hotfix/login", message="Fix the login", files=(FileChange("a.txt", content),))]
    return Plan.hotfix("login", BUILD_RUN, work=work, **options)  # type: ignore[arg-type]


def _files(files: Mapping[str, object]) -> dict[str, str | bytes | Entry | None]:
    """Files of several kinds, for the type checker."""
    return {path: cast("str | bytes | Entry | None", content) for path, content in files.items()}


def outcomes(simulation: Simulation) -> list[str]:
    return [result.outcome for result in simulation.results]


def show(simulated: Repository, tree: str, path: str) -> str:
    return git(simulated.scratch.path, "show", f"{tree}:{path}")


# -- the hotfix --------------------------------------------------------------------------------------------------------


def test_a_hotfix_that_conflicts_nowhere_is_clean_to_the_end(repo: RepoBuilder) -> None:
    simulation = simulate(hotfix(text(l9="fix")), repo.path, BUILD_RUN)
    assert simulation.outcome == "clean"
    assert outcomes(simulation) == ["clean"] * 7
    assert [(r.variant, r.outcome) for r in simulation.expected] == [
        *[("with-retrofit", "clean")] * 3,
        *[("without-retrofit", "clean")] * 3,
    ]
    assert [move.ref for move in simulation.moves] == [
        f"refs/heads/{name}" for name in ("hotfix/login", "integration", "preprod", "production")
    ]


def test_a_retrofit_in_conflict_ends_the_plan_and_says_what_meets(repo: RepoBuilder) -> None:
    simulation = simulate(hotfix(), repo.path)
    assert simulation.outcome == "conflict"
    assert outcomes(simulation)[-1] == "conflict"
    (row,) = simulation.conflicts.query("phase == 'plan'").to_dict("records")
    fix = simulation.results[1].commit
    assert (row["step"], row["path"], row["kind"], row["regions"]) == (RETROFIT, "a.txt", "content", 1)
    assert row["target_commits"] == (repo["integration"],)
    assert row["source_commits"] == (fix,)
    assert row["target_authors"] == ("Ann Author",)
    assert row["target_since"] == pd.Timestamp("2024-01-01 02:00", tz="UTC")
    assert pd.isna(row["resolved_by"])
    assert "refs/heads/integration" not in {move.ref for move in simulation.moves}
    # Only what happens without the retrofit can be told, and there the promotion meets the same conflict.
    assert [(r.variant, r.outcome) for r in simulation.expected] == [
        ("without-retrofit", "clean"),
        ("without-retrofit", "conflict"),
        ("without-retrofit", "blocked"),
    ]


def test_only_changes_of_the_lines_in_conflict_meet(repo: RepoBuilder) -> None:
    feature = repo["integration"]
    repo.commit("integration", {"a.txt": text(l3="feature", l9="elsewhere")}, subject="Elsewhere in the file")
    repo.finish()
    (row,) = simulate(hotfix(), repo.path).conflicts.query("phase == 'plan'").to_dict("records")
    assert row["target_commits"] == (feature,)
    # Of two that changed the same line both are told; who takes it away meets who changes it, too.
    again = repo.commit("integration", {"a.txt": text(l3="feature two", l9="elsewhere")}, subject="Feature again")
    repo.finish()
    (row,) = simulate(hotfix(), repo.path).conflicts.query("phase == 'plan'").to_dict("records")
    assert row["target_commits"] == (again, feature)
    (row,) = (
        simulate(hotfix(text().replace(b"3\n", b"")), repo.path).conflicts.query("phase == 'plan'").to_dict("records")
    )
    assert (row["target_commits"], len(row["source_commits"])) == ((again, feature), 1)
    # Of a file that is gone only who took it away.
    repo.commit("integration", {"b.txt": b"more\n"}, subject="Change what is taken away")
    gone = repo.commit("integration", {"b.txt": None}, subject="Take a file away")
    repo.finish()
    work = (Commit("hotfix/login", message="Fix b", files=(FileChange("b.txt", b"fix\n"),)),)
    deleted = simulate(Plan.hotfix("login", BUILD_RUN, work=work), repo.path).conflicts.query("phase == 'plan'")
    (row,) = deleted.to_dict("records")
    assert (row["kind"], row["target_commits"]) == ("modify/delete", (gone,))
    # A line that was only moved there shows nothing: all that touched the file are told.
    moved = text().replace(b"9\n", b"").replace(b"3\n", b"9\n")
    last = repo.commit("integration", {"a.txt": moved}, subject="Move line 9")
    repo.finish()
    (row,) = simulate(hotfix(text(l3="fix")), repo.path).conflicts.query("phase == 'plan'").to_dict("records")
    assert row["target_commits"][0] == last
    assert len(row["target_commits"]) == 4


def test_a_conflict_is_solved_in_the_hotfix_branch_and_the_forecast_shows_the_difference(repo: RepoBuilder) -> None:
    both = FileChange("a.txt", text(l3="feature and fix"))
    plan = hotfix().then(Resolve(RETROFIT, files=(both,)))
    with Repository(repo.path) as repository:
        simulation = simulate(plan, repository)
        assert simulation.outcome == "clean"
        retrofit = simulation.results[6]
        solved, merge = retrofit.commits
        assert git(repository.scratch.path, "log", "-1", "--format=%P", merge) == f"{repo['integration']} {solved}"
        fix = simulation.results[1].commit
        assert git(repository.scratch.path, "log", "-1", "--format=%P", solved) == f"{fix} {repo['integration']}"
        assert show(repository, merge, "a.txt") == text(l3="feature and fix").decode().rstrip("\n")
        after = {move.ref: move.after for move in simulation.moves}
        assert after["refs/heads/hotfix/login"] == solved
        assert after["refs/heads/integration"] == merge
    assert any("do not merge it to RUN again" in warning for warning in simulation.warnings)
    regions = simulation.forecast.groupby("variant")["regions"].sum()
    assert (regions["with-retrofit"], regions["without-retrofit"]) == (0, 1)
    assert simulation.difference == (
        "uat -> preprod: conflict (1 region in 1 file, of hotfix/login) without it, clean with it",
        "preprod -> production: blocked without it, clean with it",
    )
    assert all(f"    {line}\n" in str(simulation) for line in simulation.difference)
    assert simulate(hotfix(text(l9="fix")), repo.path).difference == ("nothing in the coming promotions",)
    assert simulation.steps.loc[6, "resolved"] == 1


def test_a_branch_that_holds_build_content_is_warned_of_again(repo: RepoBuilder) -> None:
    plan = hotfix().then(Resolve(RETROFIT, take="source"), PullRequest("hotfix/login", "production", name="again"))
    last = simulate(plan, repo.path).results[-1]
    assert last.step == "again"
    assert "holds the content of integration" in last.warnings[0]
    with pytest.raises(PlanError, match="must not be merged to 'production'"):
        plan.validate(BUILD_RUN)


def test_the_merge_back_variant_leaves_the_hotfix_branch_alone(repo: RepoBuilder) -> None:
    topology = Topology.build_run_merge_back(production="production")
    work = [Commit("x", message="Fix", files=(FileChange("a.txt", text(l3="fix")),))]
    plan = Plan.hotfix("login", topology, work=work)
    plan = plan.then(Resolve("retrofit retrofit/login to integration", take="target"))
    simulation = simulate(plan, repo.path, topology)
    # The fix is dropped where the conflict is solved, and whoever promotes that takes it out of production.
    assert simulation.outcome == "regression"
    after = {move.ref: move.after for move in simulation.moves}
    assert after["refs/heads/hotfix/login"] == simulation.results[1].commit
    assert after["refs/heads/retrofit/login"] != simulation.results[1].commit


def test_a_work_branch_that_exists_is_taken_as_it_is(repo: RepoBuilder) -> None:
    repo.branch("hotfix/login", "preprod")
    fix = repo.commit("hotfix/login", {"a.txt": text(l9="fix")})
    repo.finish()
    simulation = simulate(Plan.hotfix("login", BUILD_RUN), repo.path)
    assert simulation.outcome == "clean"
    assert simulation.results[0].commit == fix
    assert "taken as it is" in simulation.results[0].reason
    with pytest.raises(PlanError, match="exists already"):
        simulate(Plan("p", (Start("hotfix/login", at="preprod"),)), repo.path)


# -- gates -------------------------------------------------------------------------------------------------------------


def test_a_hotfix_from_the_wrong_base_is_blocked(repo: RepoBuilder) -> None:
    repo.branch("hotfix/login", "integration")
    repo.commit("hotfix/login", {"a.txt": text(l3="feature", l9="fix")}, subject="Fix")
    repo.finish()
    simulation = simulate(Plan.hotfix("login", BUILD_RUN), repo.path)
    assert simulation.outcome == "blocked"
    gate = simulation.results[1]
    assert gate.commits == (repo["integration"],)
    assert "carries 1 commit of integration" in gate.reason
    assert "'Feature' by Ann Author, 2024-01-01 02:00 UTC" in gate.reason
    assert outcomes(simulation) == ["clean", *["blocked"] * 5]
    assert simulation.moves == ()
    assert {r.variant for r in simulation.expected} == {"unchanged"}


def test_a_version_in_validation_blocks_and_is_named(repo: RepoBuilder) -> None:
    version = repo.commit("uat", {"b.txt": "v2\n"}, subject="Version 2")
    landing = repo.merge(into="preprod", source="uat", subject="Promote version 2")
    git(repo.finish(), "tag", "--annotate", "--message=2", "v2.0", version)
    git(repo.path, "tag", "v1.0", "production")
    simulation = simulate(hotfix(), repo.path)
    gate = simulation.results[3]
    assert (gate.outcome, gate.commits) == ("blocked", (version,))
    assert f"Being validated: v2.0; {landing[:12]} 'Promote version 2'" in gate.reason
    assert "since 2024-01-01 04:00 UTC" in gate.reason


def test_a_version_that_was_promoted_by_squash_freezes_nothing(repo: RepoBuilder) -> None:
    repo.commit("uat", {"b.txt": "v2\n"})
    repo.merge(into="preprod", source="uat")
    repo.squash(into="production", source="preprod")
    repo.commit("production", {"c.txt": "more\n"})
    repo.finish()
    gate = Plan("p", (Gate("frozen", branch="preprod", against=("production",)),))
    assert outcomes(simulate(gate, repo.path)) == ["clean"]


def test_a_gate_for_containment(repo: RepoBuilder) -> None:
    lacks = Plan("p", (Gate("contains", branch="uat", against=("integration",)),))
    assert "uat lacks 1 commit of integration" in simulate(lacks, repo.path).results[0].reason
    has = Plan("p", (Gate("contains", branch="integration", against=("uat", "preprod")),))
    assert simulate(has, repo.path).outcome == "clean"


# -- resolutions -------------------------------------------------------------------------------------------------------


@pytest.fixture
def clash(tmp_path: Path) -> Path:
    """main and topic, in conflict at line 3 of a.txt and over the deletion of gone.txt; line 9 merges."""
    with RepoBuilder(tmp_path / "clash") as repo:
        repo.commit("main", _files({"a.txt": text(), "gone.txt": "1\n", "run": executable("x\n")}))
        repo.branch("topic", "main")
        repo.commit("main", {"a.txt": text(l3="target"), "gone.txt": None})
        repo.commit("topic", {"a.txt": text(l3="source", l9="both"), "gone.txt": b"2\n"})
    return repo.path


def resolved(path: Path, *ways: Resolve, **options: object) -> tuple[str, str | None, dict[str, str]]:
    plan = Plan("p", (PullRequest("topic", "main", name="pr"), *ways))
    with Repository(path) as repository:
        # Whoever takes a side loses the other; that is another question.
        simulation = simulate(plan, repository, losses=None, **options)  # type: ignore[arg-type]
        result = simulation.results[0]
        kept = {c.path: c.resolved_by for c in result.conflicts if c.resolved_by is not None}
        if result.outcome != "clean":
            return result.outcome, None, kept
        files = git(repository.scratch.path, "ls-tree", "-r", "--name-only", str(result.tree)).split("\n")
        assert "gone.txt~" not in " ".join(files)
        gone = "gone.txt" in files
        return show(repository, str(result.tree), "a.txt") + "\n", "kept" if gone else "deleted", kept


@pytest.mark.parametrize(
    ("take", "content", "gone"),
    [
        ("source", text(l3="source", l9="both"), "kept"),
        ("target", text(l3="target"), "deleted"),
    ],
)
def test_a_side_is_taken_as_a_whole(clash: Path, take: str, content: bytes, gone: str) -> None:
    way = Resolve("pr", take=take)  # type: ignore[arg-type]
    assert resolved(clash, way)[:2] == (content.decode(), gone)


@pytest.mark.parametrize(("take", "word"), [("source-regions", "source"), ("target-regions", "target")])
def test_a_side_is_taken_where_it_conflicts_only(clash: Path, take: str, word: str) -> None:
    regions = Resolve("pr", take=take)  # type: ignore[arg-type]
    assert resolved(clash, regions)[0] == "conflict"  # a deletion has no regions
    rest = Resolve("pr", take="target", paths=("gone.txt",), name="rest")
    content, gone, by = resolved(clash, regions, rest)
    assert (content, gone) == (text(l3=word, l9="both").decode(), "deleted")
    assert by == {"a.txt": "resolve pr", "gone.txt": "rest"}


def test_files_and_folders_of_resolved_files(clash: Path, tmp_path: Path) -> None:
    folder = tmp_path / "solved"
    folder.mkdir()
    (folder / "a.txt").write_bytes(b"by folder\n")
    ways = (
        Resolve("pr", files=(FileChange("gone.txt", None),), name="files"),
        Resolve("pr", folder="solved", name="folder"),
    )
    assert resolved(clash, *ways, directory=tmp_path) == (
        "by folder\n",
        "deleted",
        {"a.txt": "folder", "gone.txt": "files"},
    )
    with pytest.raises(PlanError, match="does not exist"):
        resolved(clash, *ways, directory=tmp_path / "solved")
    (folder / "a.txt").unlink()
    (tmp_path / "secret").write_text("secret")
    (folder / "a.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(PlanError, match="leads out"):
        resolved(clash, *ways, directory=tmp_path)


def test_a_callback_sees_the_contents_and_answers(clash: Path) -> None:
    seen: list[OpenConflict] = []

    def answer(conflict: OpenConflict) -> bytes | str:
        seen.append(conflict)
        return b"by callback\n" if conflict.path == "a.txt" else "target"

    assert resolved(clash, resolve=answer) == (
        "by callback\n",
        "deleted",
        {"a.txt": "callback", "gone.txt": "callback"},
    )
    content, deletion = seen
    assert (content.kind, content.base, content.target) == ("content", text(), text(l3="target"))
    assert content.source == text(l3="source", l9="both")
    assert content.merged is not None
    assert b"<<<<<<< " in content.merged
    assert (deletion.kind, deletion.target, deletion.source) == ("modify/delete", None, b"2\n")
    assert resolved(clash, resolve=lambda _: None)[0] == "conflict"
    with pytest.raises(InputError, match="callback answered"):
        resolved(clash, resolve=lambda _: 7)


def test_a_plan_that_runs_twice_asks_once(repo: RepoBuilder) -> None:
    repo.branch("hotfix/login", "preprod")
    repo.commit("hotfix/login", {"a.txt": text(l3="fix")})
    repo.commit("preprod", {"a.txt": text(l3="other")})
    repo.branch("production", "preprod")
    repo.finish()
    asked: list[str] = []

    def answer(conflict: OpenConflict) -> bytes:
        asked.append(conflict.step)
        return text(l3="solved")

    simulate(Plan.hotfix("login", BUILD_RUN), repo.path, resolve=answer)
    assert asked == ["merge hotfix/login to preprod", RETROFIT]


@pytest.mark.parametrize(
    ("base", "main", "topic", "kind"),
    [
        ({}, {"f": "1\n"}, {"f": "2\n"}, "add/add"),
        ({"f": "1\n" * 9}, {"f": None}, {"f": "2\n"}, "modify/delete"),
        ({"f": text()}, {"f": None, "g": text()}, {"f": None, "h": text()}, "rename/rename"),
        ({"f": text()}, {"f": None}, {"f": None, "h": text()}, "rename/delete"),
        ({"f": b"\0" + text()}, {"f": b"\0one"}, {"f": b"\0two"}, "binary"),
        ({"f": "1\n"}, {"f": "2\n"}, {"f": None, "f/g": "other\n" * 5}, "file/directory"),
        ({}, {"f": "1\n"}, {"f": executable("1\n")}, "mode"),
        ({"f": submodule("1" * 40)}, {"f": submodule("2" * 40)}, {"f": submodule("3" * 40)}, "submodule"),
    ],
)
def test_kinds_of_conflicts(
    tmp_path: Path, base: dict[str, object], main: dict[str, object], topic: dict[str, object], kind: str
) -> None:
    with RepoBuilder(tmp_path) as repo:
        repo.commit("main", _files({"other": "x", **base}))
        repo.branch("topic", "main")
        repo.commit("main", _files(main))
        repo.commit("topic", _files(topic))
    simulation = simulate(Plan.promotion("topic", "main"), tmp_path)
    assert simulation.outcome == "conflict"
    assert kind in set(simulation.conflicts["kind"])


# -- the other steps ---------------------------------------------------------------------------------------------------


def test_tags_reverts_and_merge_backs(repo: RepoBuilder) -> None:
    steps: Sequence[Step] = (
        PullRequest("integration", "uat", name="promote"),
        Tag("v2", at="uat", message="Version 2"),
        Tag("light", at="v2"),
        Revert("uat", commit="promote"),
        MergeBack("uat", "integration"),
    )
    with Repository(repo.path) as repository:
        simulation = simulate(Plan("p", tuple(steps), author="Rita <rita@example.com>", at=1_700_000_000), repository)
        assert outcomes(simulation) == ["clean"] * 5
        after = {move.ref: move.after for move in simulation.moves}
        tag = git(repository.scratch.path, "cat-file", "tag", str(after["refs/tags/v2"]))
        assert "tagger Rita <rita@example.com> 1700000001 +0000\n\nVersion 2" in tag
        assert after["refs/tags/light"] == simulation.results[0].commit
        revert = simulation.results[3]
        message = git(repository.scratch.path, "log", "-1", "--format=%B", str(revert.commit))
        assert message.startswith("Revert \"Merge branch 'integration' into uat\"\n\nThis reverts commit ")
        assert f"reversing\nchanges made to {repo['uat']}." in message
        assert revert.tree == git(repo.path, "rev-parse", "uat^{tree}")
        assert git(repository.scratch.path, "fsck", "--strict", "--no-dangling", str(after["refs/heads/uat"])) == ""


def test_commits_keep_modes_and_make_directories(repo: RepoBuilder) -> None:
    repo.commit("integration", _files({"run": executable("x\n"), "dir/one": "1\n", "dir.txt": "z"}))
    repo.finish()
    files = (
        FileChange("run", b"y\n"),
        FileChange("dir/one", None),
        FileChange("dir/sub/two", b"2\n"),
        FileChange("dir-x", b"-"),
        FileChange("link", b"run", "120000"),
    )
    with Repository(repo.path) as repository:
        plan = Plan("p", (Commit("integration", message="m", files=files),))
        tree = str(simulate(plan, repository).results[0].tree)
        listed = git(repository.scratch.path, "ls-tree", "-r", "--format=%(objectmode) %(path)", tree).split("\n")
        assert listed == [
            "100644 a.txt",
            "100644 b.txt",
            "100644 dir-x",
            "100644 dir.txt",
            "100644 dir/sub/two",
            "120000 link",
            "100755 run",
        ]
        git(repository.scratch.path, "fsck", "--strict", "--no-dangling", tree)


def test_picked_and_rebased_commits_keep_author_and_message(repo: RepoBuilder) -> None:
    at = {"author": "Zoë <z@example.com>", "at": 1_600_000_000}
    fix = repo.commit("fix", {"b.txt": "fixed\n"}, message="Fix b\n\nBody\n", parents=["uat"], **at)  # type: ignore[arg-type]
    latin = repo.commit(
        "latin",
        {"b.txt": "x\n"},
        parents=["uat"],
        message="Gr\xfc\xdfe\n".encode("latin-1"),
        author="J\xfcrgen <j@example.com>".encode("latin-1"),
        encoding="ISO-8859-1",
    )
    repo.finish()
    with Repository(repo.path) as repository:
        steps = (
            Commit("integration", picks=(fix,)),
            PullRequest("fix", "production", method="rebase"),
            PullRequest("latin", "preprod", method="cherry-pick"),
        )
        results = simulate(Plan("p", steps), repository).results

        def shown(sha: object) -> str:
            return git(repository.scratch.path, "log", "-1", "--format=%an|%at|%B", str(sha)).rstrip("\n")

        assert shown(results[0].commit) == f"Zoë|1600000000|Fix b\n\nBody\n\n(cherry picked from commit {fix})"
        assert results[1].commit == fix  # it stands on the right parent already
        assert shown(results[2].commit).startswith("Jürgen|")
        assert shown(results[2].commit).endswith(f"|Grüße\n\n(cherry picked from commit {latin})")


def test_fast_forwards_and_what_is_there_already(repo: RepoBuilder) -> None:
    forward = Plan("p", (PullRequest("integration", "uat", method="fast-forward"),))
    assert simulate(forward, repo.path).results[0].commit == repo["integration"]
    back = simulate(Plan("p", (PullRequest("uat", "integration"),)), repo.path)
    assert back.results[0].reason == "integration has all of uat already: nothing to do"
    assert back.moves == ()
    repo.commit("uat", {"z": "z"})
    repo.finish()
    result = simulate(forward, repo.path).results[0]
    assert (result.outcome, result.reason[:40]) == ("blocked", "uat has 1 commit that integration lacks:")


def test_a_source_is_deleted_if_the_plan_says_so(repo: RepoBuilder) -> None:
    steps = (PullRequest("integration", "uat", delete_source=True), Start("integration", at="uat"))
    one = simulate(Plan("p", steps[:1]), repo.path)
    assert [m.after for m in one.moves if m.ref == "refs/heads/integration"] == [None]
    both = simulate(Plan("p", steps), repo.path)
    assert [m.after for m in both.moves if m.ref == "refs/heads/integration"] == [both.results[0].commit]


# -- losses and the forecast -------------------------------------------------------------------------------------------


def test_a_solution_that_drops_a_side_is_a_regression_and_names_what_is_lost(repo: RepoBuilder) -> None:
    simulation = simulate(hotfix().then(Resolve(RETROFIT, take="target")), repo.path)
    assert simulation.outcome == "regression"
    (retrofit,) = (result for result in simulation.results if result.step == RETROFIT)
    assert [(loss.path, loss.what, loss.cause) for loss in retrofit.losses or ()] == [
        ("a.txt", "fix", "merge-resolution")
    ]
    # The target was merged into the source, but the sides are named as in the step.
    assert (retrofit.losses or ())[0].reason.endswith("the file is as a whole that of the target")


def test_a_solution_that_keeps_both_sides_loses_nothing(repo: RepoBuilder) -> None:
    both = FileChange("a.txt", text(l3="feature and fix"))
    assert simulate(hotfix().then(Resolve(RETROFIT, files=(both,))), repo.path).outcome == "clean"


def test_a_solution_that_says_both_in_one_line_loses_nothing(repo: RepoBuilder) -> None:
    repo.commit("integration", {"a.txt": text(l3="limit = read(a_setting, of_the_site)")})
    repo.finish()
    plan = hotfix(text(l3="limit = max(10, a_setting)"))
    both = plan.then(
        Resolve(RETROFIT, files=(FileChange("a.txt", text(l3="limit = max(10, read(a_setting, of_the_site))")),))
    )
    found = simulate(both, repo.path)
    assert found.outcome == "clean"
    assert [each.outcome for each in found.expected if each.variant == "with-retrofit"] == ["clean"] * 3
    # Where the other side comes back later, it is lost after all.
    undone = both.then(
        Start("topic", at="uat"),
        Commit("topic", message="m", files=(FileChange("a.txt", text(l3="limit = read(a_setting, of_the_site)")),)),
        PullRequest("topic", "preprod", method="squash"),
        Resolve("squash topic to preprod", take="source"),
    )
    assert simulate(undone, repo.path).results[-2].outcome == "regression"


def test_the_forecast_sees_a_fix_that_a_clean_promotion_takes_away(repo: RepoBuilder) -> None:
    # The retrofit took the side of integration. Nothing conflicts afterwards: git believes that BUILD decided so.
    simulation = simulate(hotfix(text(l3="the fix")).then(Resolve(RETROFIT, take="target")), repo.path)
    found = {(r.variant, r.target): (r.outcome, r.losses) for r in simulation.expected}
    outcome, losses = found["with-retrofit", "preprod"]
    assert outcome == "regression"
    assert [(loss.path, loss.what, loss.cause) for loss in losses or ()] == [("a.txt", "the fix", "merge-resolution")]
    assert "dropped it before" in (losses or ())[0].reason
    assert simulation.difference[0] == (
        "uat -> preprod: conflict (1 region in 1 file, of hotfix/login) without it, "
        "regression (overwrites hotfix/login) with it"
    )


@pytest.mark.parametrize("retrofitted", [True, False])
def test_an_element_that_has_another_name_on_the_other_side_is_kept(repo: RepoBuilder, *, retrofitted: bool) -> None:
    def job(name: str, image: str) -> str:
        return f"jobs:\n  - name: {name}\n    os: linux\n    timeout: 5\n    image: {image}\n    cache: true\n"

    start = repo.commit("integration", {"ci.yml": job("tests", "old")}, subject="Start of the jobs")
    for name in ("uat", "preprod", "production"):
        repo.branch(name, start)
    repo.commit("integration", {"ci.yml": job("all-tests", "old")}, subject="Rename the job")
    repo.finish()
    fix = FileChange("ci.yml", job("tests", "new").encode())
    plan = Plan.hotfix("login", BUILD_RUN, work=[Commit("hotfix/login", message="New image", files=(fix,))])
    found = simulate(plan if retrofitted else plan.without_retrofits(), repo.path)
    assert found.outcome == "clean"
    assert {each.outcome for each in found.expected} == {"clean"}


def test_what_the_target_had_as_a_pick_and_rewrote_since_is_not_lost(repo: RepoBuilder) -> None:
    picked = repo.commit("integration", {"a.txt": text(l3="fix one")}, subject="Fix three")
    repo.commit("integration", {"a.txt": text(l3="fix two, better")}, subject="Fix three better")
    repo.finish()
    plan = Plan.hotfix("login", BUILD_RUN, work=[Commit("hotfix/login", picks=(picked,))])
    work = (Resolve("commit to hotfix/login", take="source"), Resolve(RETROFIT, take="target"))
    found = simulate(plan.then(*work), repo.path)
    assert found.outcome == "clean"
    assert {(each.variant, each.outcome) for each in found.expected if each.variant == "with-retrofit"} == {
        ("with-retrofit", "clean")
    }


def test_a_fix_in_a_file_that_was_renamed_meanwhile_is_found_there(repo: RepoBuilder) -> None:
    repo.branch("integration", "uat")
    repo.commit("integration", {"a.txt": None, "new/a.txt": text()}, subject="Move a file")
    repo.finish()
    simulation = simulate(hotfix(text(l9="the fix")), repo.path)
    assert simulation.outcome == "clean"
    assert {result.outcome for result in simulation.expected} == {"clean"}


def test_what_the_plan_takes_back_itself_is_no_loss(repo: RepoBuilder) -> None:
    plan = hotfix(text(l9="the fix")).then(Revert("preprod", commit="commit to hotfix/login"))
    assert simulate(plan, repo.path).outcome == "clean"


def test_what_a_landing_loses_is_a_regression_and_the_plan_goes_on(repo: RepoBuilder) -> None:
    seen: list[Landing] = []

    def judge(repository: Repository, landing: Landing) -> list[Loss]:
        assert git(repository.scratch.path, "cat-file", "-t", landing.after) == "commit"
        seen.append(landing)
        bad = landing.branch == "preprod"
        return [Loss(path="a.txt", what="3", cause="blind-overwrite", reason="gone")] if bad else []

    simulation = simulate(hotfix(text(l9="fix")), repo.path, losses=judge)
    assert simulation.outcome == "regression"
    assert outcomes(simulation)[4:] == ["regression", "clean", "clean"]
    assert simulation.steps["losses"].tolist()[4:] == [1, 0, 0]
    assert simulation.steps["losses"].isna().tolist()[:1] == [True]
    assert ("uat -> preprod", "preprod") in {(landing.step, landing.branch) for landing in seen}
    assert len(seen) == len(set(seen))
    assert {r.outcome for r in simulation.expected if r.target == "preprod"} == {"regression"}


def test_a_forecast_without_its_branches_says_so(repo: RepoBuilder) -> None:
    plan = Plan(
        "p", forecast=(Promotion(source="uat", target="nowhere"), Promotion(source="integration", target="uat"))
    )
    simulation = simulate(plan, repo.path)
    assert [r.reason for r in simulation.expected] == ["there is no branch 'nowhere'"] * 2
    assert simulation.outcome == "clean"


def test_a_topology_gives_the_forecast_and_refuses_what_it_forbids(repo: RepoBuilder) -> None:
    simulation = simulate(Plan("empty"), repo.path, BUILD_RUN)
    assert [(r.source, r.target) for r in simulation.expected] == [
        ("integration", "uat"),
        ("uat", "preprod"),
        ("preprod", "production"),
    ]
    with pytest.raises(PlanError, match="does not let"):
        simulate(Plan("p", (PullRequest("integration", "production"),)), repo.path, BUILD_RUN)


# -- tables ------------------------------------------------------------------------------------------------------------


def test_tables_have_the_same_columns_and_dtypes_when_empty(repo: RepoBuilder) -> None:
    full, empty = simulate(hotfix(), repo.path), simulate(Plan("empty"), repo.path)
    for name in ("steps", "conflicts", "forecast"):
        one, other = getattr(full, name), getattr(empty, name)
        assert len(one) > 0
        assert len(other) == 0
        assert one.dtypes.equals(other.dtypes)
    mine = full.steps
    mine["outcome"] = "changed"
    assert "changed" not in set(full.steps["outcome"])


def test_json_text_and_html(repo: RepoBuilder) -> None:
    repo.commit("integration", {"<b>&": "1\n"})
    repo.commit("preprod", {"<b>&": "2\n"})
    repo.branch("production", "preprod")
    repo.finish()
    simulation = simulate(hotfix(), repo.path)
    data = json.loads(json.dumps(simulation.to_dict()))
    assert data["schema"] == 1
    assert data["outcome"] == "conflict"
    assert data["refs"]["refs/heads/hotfix/login"] == {"before": None, "after": simulation.results[1].commit}
    assert [len(data[key]) for key in ("steps", "forecast")] == [7, 3]
    html = simulation._repr_html_()
    assert "<b>&" not in html
    assert "&lt;b&gt;&amp;" in html
    assert "conflict   retrofit hotfix/login to integration: 2 files in conflict" in str(simulation)
    assert f"# expected tree: {simulation.results[4].tree}" in simulation.runbook(host="github")


def test_ids_are_reproducible(repo: RepoBuilder) -> None:
    plan = hotfix().then(Resolve(RETROFIT, take="source"))
    one, other = simulate(plan, repo.path), simulate(plan, repo.path)
    assert one == other
    dated = simulate(plan.replace(at=1_700_000_000, author="R <r@x>"), repo.path)
    assert dated.results[1].commit != one.results[1].commit
    assert [result.tree for result in dated.results] == [result.tree for result in one.results]


def test_the_commits_are_the_persons_own_unless_the_plan_says_whose(
    repo: RepoBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    assert simulate(hotfix(), repo.path).person == PERSON
    assert any("no author was given" in note for note in simulate(hotfix(), repo.path).notes)
    git(repo.path, "config", "user.name", "Rita")
    git(repo.path, "config", "user.email", "rita@example.com")
    assert simulate(hotfix(), repo.path).person == "Rita <rita@example.com>"
    assert simulate(hotfix(), repo.path, author="A <a@b>").person == "A <a@b>"
    assert simulate(hotfix(author="B <b@b>"), repo.path, author="A <a@b>").person == "B <b@b>"


# -- the source is only read -------------------------------------------------------------------------------------------


def fingerprint(path: Path) -> dict[str, tuple[int, int, str]]:
    found = {}
    for directory, _, names in os.walk(path):
        for name in [*names, "."]:
            file = Path(directory) / name
            info = file.lstat()
            data = file.read_bytes() if stat.S_ISREG(info.st_mode) else b""
            found[str(file)] = info.st_mode, info.st_mtime_ns, hashlib.sha256(data).hexdigest()
    return found


def test_the_source_is_byte_for_byte_unchanged_and_its_hooks_never_run(repo: RepoBuilder, tmp_path: Path) -> None:
    repo.commit("preprod", {".gitattributes": "* merge=evil filter=evil\n"})
    repo.branch("production", "preprod")
    repo.finish()
    trap = tmp_path / "trap"
    for hook in ("reference-transaction", "post-merge", "pre-commit", "commit-msg", "post-index-change"):
        file = repo.path / ".git/hooks" / hook
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\ntouch '{trap}'\n")
        file.chmod(0o755)
    git(repo.path, "config", "merge.evil.driver", f"touch '{trap}'")
    git(repo.path, "config", "filter.evil.clean", f"touch '{trap}'")
    (repo.path / ".git/info").mkdir(exist_ok=True)
    (repo.path / ".git/info/attributes").write_text("* merge=evil filter=evil\n")
    before = fingerprint(repo.path)
    patch = b"--- a/b.txt\n+++ b/b.txt\n@@ -1 +1 @@\n-b\n+c\n"
    plan = hotfix().insert(Commit("hotfix/login", message="m", patch=patch), after="commit to hotfix/login")
    simulation = simulate(plan.then(Resolve(RETROFIT, take="source")), repo.path)
    assert simulation.outcome == "regression"  # the feature went where the fix was taken whole
    assert fingerprint(repo.path) == before
    assert not trap.exists()


def test_few_processes_whatever_the_plan(repo: RepoBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.branch("topic", "uat")
    for number in range(30):
        repo.commit("topic", {f"f{number}": "1\n"})
    repo.commit("uat", {"u": "1\n"})
    repo.finish()
    started: list[object] = []
    real: Callable[..., None] = subprocess.Popen.__init__

    def counted(self: object, *arguments: object, **options: object) -> None:
        started.append(arguments)
        real(self, *arguments, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", counted)
    assert simulate(hotfix(text(l9="fix")), repo.path).outcome == "clean"
    assert len(started) <= 10
    started.clear()
    rebase = Plan("p", (PullRequest("topic", "uat", method="rebase"),))
    assert len(simulate(rebase, repo.path).results[0].commits) == 30
    assert len(started) <= 10
    picks = tuple(git(repo.path, "rev-list", "--reverse", "uat..topic").split())
    started.clear()
    found = simulate(
        Plan.hotfix("login", BUILD_RUN, work=[Commit("x", picks=(repo["integration"], *picks))]), repo.path
    )
    assert len(found.results[1].commits) == 31
    assert len(started) <= 10


# -- bad input ---------------------------------------------------------------------------------------------------------


def new_file(path: str) -> bytes:
    """A patch that makes a file."""
    return f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+c\n".encode()


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ((PullRequest("hotfix", "preprd"),), "has no branch 'hotfix'"),
        ((PullRequest("uat", "preprd"),), r"has no branch 'preprd' \(did you mean 'preprod'"),
        ((Start("x", at="no-such"),), "step 'start x': 'no-such' names no commit"),
        ((Start("uat/x", at="uat"),), "git cannot have 'uat/x' beside 'uat'"),
        ((Commit("uat", picks=("0" * 40,)),), "names no commit"),
        ((Revert("uat", commit="feedbeef"),), "names no commit"),
        ((Gate("frozen", branch="uat", against=("x",)),), "has no branch 'x'"),
        ((Commit("uat", message="m", files=(FileChange("none", None),)),), "'none' is to be deleted, but"),
        ((Commit("uat", message="m", files=(FileChange("a.txt/x", b""),)),), "'a.txt' is a file, not a directory"),
        ((Commit("uat", message="m", patch=b"nonsense"),), "step 'commit to uat': the patch does not apply"),
        (
            (Commit("uat", message="m", patch=b"--- a/b.txt\n+++ b/b.txt\n@@ -1 +1 @@\n-other\n+c\n"),),
            r"b.txt: patch does not apply; at the hunk: @@ -1 \+1 @@ \| -other \| \+c$",
        ),
        (
            (
                Commit(
                    "uat",
                    message="m",
                    patch=b"--- a/b.txt\n+++ b/b.txt\n@@ -1 +1 @@\n-b\n+c\n"
                    b"--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n-1\n+c\n 2\n@@ -8,2 +8,2 @@\n 8\n-nine\n+c\n",
                ),
            ),
            r"a.txt: patch does not apply; at the hunk: @@ -8,2 \+8,2 @@ \|  8 \| -nine \| \+c$",
        ),
        ((Commit("uat", message="m", patch=new_file(".git/hooks/x")),), "invalid path '.git/hooks/x'"),
        ((Commit("uat", message="m", patch=new_file("d/.GIT/x")),), "invalid path 'd/.GIT/x'"),
        ((Commit("uat", message="m", patch=new_file("../x")),), "invalid path '../x'"),
        ((Tag("v1", at="uat"),), "the tag 'v1' exists already"),
    ],
)  # fmt: skip
def test_a_plan_that_does_not_fit_is_one_sentence(repo: RepoBuilder, steps: tuple[Step, ...], says: str) -> None:
    repo.tag("v1", "uat")
    repo.finish()
    before = fingerprint(repo.path)
    with pytest.raises(PlanError, match=says) as caught:
        simulate(Plan("p", steps), repo.path)
    assert "\n" not in str(caught.value)
    assert fingerprint(repo.path) == before


_FULL = """
import resource, sys
from branchsim.errors import BranchsimError
from branchsim.plan import Plan
from branchsim.simulate import simulate
resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, resource.RLIM_INFINITY))
try:
    print(simulate(Plan.promotion("one", "other"), sys.argv[1]).outcome)
except BranchsimError as error:
    print(error)
    sys.exit(2)
"""


def test_a_merge_that_cannot_be_written_is_an_error_and_nothing_is_blocked(tmp_path: Path) -> None:
    builder = RepoBuilder(tmp_path / "repo")
    lines = [f"{number * 7919 % 100_003}\n" for number in range(4000)]
    base = builder.commit("one", {"a": "".join(lines)})
    builder.branch("other", base)
    builder.commit("one", {"a": "".join(["one\n", *lines])})
    builder.commit("other", {"a": "".join([*lines, "other\n"])})
    builder.finish()
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(builder.path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done
    assert "git merge-tree ended with status" in done.stdout
    assert "free some space in TMPDIR" in done.stdout
    assert done.stdout.count("\n") == 1


def test_the_source_may_be_written_to_and_cleaned_up_meanwhile(repo: RepoBuilder) -> None:
    plan = hotfix(text(l9="fix"), author="Rita Release <rita@example.com>")
    quiet = simulate(plan, repo.path)
    git(repo.path, "config", "gc.auto", "1")
    made: list[str] = []

    def busy(result: object) -> None:
        tree = git(repo.path, "rev-parse", "uat^{tree}")
        made.append(git(repo.path, "commit-tree", "-p", "uat", "-m", f"{len(made)} {result}", tree))
        git(repo.path, "update-ref", "refs/heads/uat", made[-1])
        git(repo.path, "gc", "-q", "--prune=now")

    assert simulate(plan, repo.path, progress=busy).results == quiet.results
    assert git(repo.path, "rev-parse", "uat") == made[-1]


def test_unrelated_histories_are_blocked_with_gits_reason(repo: RepoBuilder) -> None:
    repo.commit("other", {"z": "z"}, parents=[])
    repo.finish()
    result = simulate(Plan.promotion("other", "uat"), repo.path).results[0]
    assert result.outcome == "blocked"
    assert "unrelated histories" in result.reason


def test_a_partial_clone_blocks_and_says_why(repo: RepoBuilder, tmp_path: Path) -> None:
    repo.commit("preprod", {"a.txt": text(l9="other")})
    path = repo.finish()
    git(path, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--bare", "--filter=blob:none", path.as_uri(), str(tmp_path / "partial"))
    found = simulate(Plan.promotion("integration", "preprod"), tmp_path / "partial")
    assert found.outcome == "blocked"
    assert any("partial clone" in note for note in found.notes)


def test_repositories_that_cannot_be_read(repo: RepoBuilder, tmp_path: Path) -> None:
    with pytest.raises(NotARepositoryError):
        simulate(Plan("p"), tmp_path / "none")
    tree = git(repo.path, "rev-parse", "integration^{tree}")
    pack = next((repo.path / ".git/objects/pack").glob("*.pack"), None)
    assert pack is not None
    for file in pack.parent.iterdir():
        file.chmod(0o644)
        file.unlink()
    assert tree
    with pytest.raises((GitError, InputError)):
        simulate(hotfix(), repo.path)


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_bare_and_remote_only_and_sha256(tmp_path: Path, object_format: str) -> None:
    with RepoBuilder(tmp_path, bare=True, object_format=object_format) as repo:
        repo.commit("refs/remotes/origin/main", {"a.txt": text()})
        repo.branch("refs/heads/topic", repo["refs/remotes/origin/main"])
        repo.commit("topic", {"a.txt": text(l1="x")})
        repo.commit("refs/remotes/origin/main", {"a.txt": text(l9="y")})
    for method in ("merge", "rebase"):
        plan = Plan("p", (PullRequest("topic", "main", method=method),))
        with Repository(tmp_path) as repository:
            result = simulate(plan, repository).results[0]
            assert result.outcome == "clean"
            assert show(repository, str(result.tree), "a.txt") == text(l1="x", l9="y").decode().rstrip("\n")


def test_names_and_paths_that_are_not_utf8_are_normal_input(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path) as repo:
        repo.commit("main", {b"\xff\n\xfe": text()})
        repo.branch("topic", "main")
        repo.commit("main", {b"\xff\n\xfe": text(l3="1")})
        repo.commit("topic", {b"\xff\n\xfe": text(l3="2")}, author=b"\xff <x@y>")
    plan = Plan.promotion("topic", "main")
    simulation = simulate(plan, tmp_path)
    (conflict,) = simulation.file_conflicts()
    assert conflict.path == "\ufffd\n\ufffd"
    assert conflict.of_source.commits == (repo["topic"],)
    assert "\n\ufffd" not in str(simulation)
    seen = []

    def answer(conflict: OpenConflict) -> str:
        seen.append(conflict.path)
        return "source"

    simulate(plan, tmp_path, resolve=answer)
    assert os.fsencode(seen[0]) == b"\xff\n\xfe"


def test_what_is_no_plan_is_refused(repo: RepoBuilder) -> None:
    with pytest.raises(PlanError, match="simulate needs a Plan, and not str"):
        simulate(cast("Plan", "plan.toml"), repo.path)
