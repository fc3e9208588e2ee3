"""Merge drivers that a plan names, and those that it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.repos import RepoBuilder, git, program

from branchsim.errors import InputError
from branchsim.git.repository import Repository
from branchsim.plan import Commit, MergeDriver, Plan, PlanError, Promotion, PullRequest, Revert
from branchsim.simulate import Simulation, simulate

if TYPE_CHECKING:
    from pathlib import Path

BASE = "a\nb\nc\n"
ATTRIBUTES = "*.xml merge=lines\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose git configuration names nothing."""
    place = tmp_path / "home"
    place.mkdir()
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    return place


@pytest.fixture
def command(tmp_path: Path) -> str:
    """A driver that keeps the lines of both sides, sorted, and notes the paths."""
    made = program(
        tmp_path / "lines",
        '#!/bin/sh\nsort -u "$2" "$3" >"$3.new"; mv "$3.new" "$2"; echo "$4" >>"$0.seen"; echo said\n',
    )
    return f"'{made}' %O %A %B %P"


@pytest.fixture
def repo(tmp_path: Path) -> RepoBuilder:
    """Two branches that add a line at the same place, of an XML file and of a text."""
    builder = RepoBuilder(tmp_path / "repo")
    files = {"p.xml": BASE, "d/q.xml": BASE, ".gitattributes": ATTRIBUTES}
    base = builder.commit("uat", files)
    builder.branch("preprod", base)
    builder.branch("production", base)
    builder.commit("uat", {"p.xml": BASE + "uat\n"}, subject="One")
    builder.commit("preprod", {"p.xml": BASE + "preprod\n"}, subject="Other")
    builder.finish()
    return builder


def merged(plan: Plan, path: Path) -> tuple[Simulation, str]:
    """The simulation, and what its last step left of the file."""
    with Repository(path) as repository:
        found = simulate(plan, repository, losses=None)
        tree = found.results[-1].tree
        return found, git(repository.scratch.path, "show", f"{tree}:p.xml") + "\n"


BOTH = "a\nb\nc\npreprod\nuat\n"


@pytest.mark.parametrize("method", ["merge", "squash", "rebase", "cherry-pick"])
def test_a_driver_that_the_plan_names_merges(repo: RepoBuilder, command: str, tmp_path: Path, method: str) -> None:
    plan = Plan(
        "p",
        (PullRequest("uat", "preprod", method=method),),  # type: ignore[arg-type]
        drivers=(MergeDriver("lines", ("*.xml",), command),),
    )
    found, text = merged(plan, repo.path)
    assert found.outcome == "clean"
    assert text == BOTH
    assert (tmp_path / "lines.seen").read_text() == "p.xml\n"
    assert any("*.xml: merged by the merge driver lines" in note for note in found.notes)


def test_picks_reverts_and_the_forecast_use_it_too(repo: RepoBuilder, command: str) -> None:
    driver = MergeDriver("lines", ("*.xml",), command)
    picked = Plan("p", (Commit("preprod", picks=("uat",)),), drivers=(driver,))
    assert merged(picked, repo.path)[1] == BOTH
    repo.commit("uat", {"p.xml": BASE + "more\n"})
    repo.finish()
    undone = Plan("p", (Revert("uat", commit="uat~1"),), drivers=(driver,))
    assert merged(undone, repo.path)[1] == "a\nb\nc\nmore\n"
    coming = Plan("p", forecast=(Promotion(source="uat", target="preprod"),), drivers=(driver,))
    assert [each.outcome for each in simulate(coming, repo.path, losses=None).expected] == ["clean"]
    without = coming.replace(drivers=())
    assert [each.outcome for each in simulate(without, repo.path, losses=None).expected] == ["conflict"]


def test_what_real_git_does_with_the_driver_is_what_is_simulated(repo: RepoBuilder, command: str) -> None:
    plan = Plan("p", (PullRequest("uat", "preprod"),), drivers=(MergeDriver("lines", ("*.xml",), command),))
    found = simulate(plan, repo.path, losses=None)
    git(repo.path, "config", "merge.lines.driver", command)
    git(repo.path, "reset", "-q", "--hard")
    git(repo.path, "switch", "-q", "preprod")
    git(repo.path, "-c", "user.name=A", "-c", "user.email=a@b", "merge", "-q", "--no-edit", "uat")
    assert git(repo.path, "rev-parse", "HEAD^{tree}") == found.results[0].tree


def test_without_it_the_conflict_may_be_false_and_nothing_runs(repo: RepoBuilder, command: str, tmp_path: Path) -> None:
    git(repo.path, "config", "merge.lines.driver", command)
    found = simulate(Plan("p", (PullRequest("uat", "preprod"),)), repo.path)
    assert found.outcome == "conflict"
    assert [conflict.driver for conflict in found.file_conflicts()] == ["lines"]
    assert "may be false: the merge driver lines did not run" in str(found)
    assert found.conflicts["driver"].tolist() == ["lines"]
    assert not (tmp_path / "lines.seen").exists()


@pytest.mark.parametrize(
    ("files", "driver"),
    [
        ({".gitattributes": "*.md merge=lines\n"}, None),
        ({".gitattributes": "*.xml merge\n"}, None),
        ({".gitattributes": "*.xml -merge\n"}, None),
        ({".gitattributes": "[attr]meta merge=lines\n*.xml meta\n"}, "lines"),
        ({".gitattributes": "*.xml merge=union\n"}, "union"),
        ({".gitattributes": "", "d/.gitattributes": "q.xml merge=inner\n"}, "inner"),
        ({".gitattributes": ATTRIBUTES, "d/.gitattributes": "* !merge\n"}, None),
    ],
)
def test_attributes_are_read_as_git_reads_them(tmp_path: Path, files: dict[str, str], driver: str | None) -> None:
    builder = RepoBuilder(tmp_path / "repo")
    base = builder.commit("uat", {"d/q.xml": BASE} | files)
    builder.branch("preprod", base)
    builder.commit("uat", {"d/q.xml": BASE + "uat\n"})
    builder.commit("preprod", {"d/q.xml": BASE + "preprod\n"})
    builder.finish()
    found = simulate(Plan("p", (PullRequest("uat", "preprod"),)), builder.path)
    assert [conflict.driver for conflict in found.file_conflicts()] == [driver]


def test_a_driver_for_other_files_leaves_the_doubt_and_one_that_gives_up_does_not(repo: RepoBuilder) -> None:
    steps = (PullRequest("uat", "preprod"),)
    for paths, doubt in ((("*.profile",), "lines"), (("p.xml",), None)):
        plan = Plan("p", steps, drivers=(MergeDriver("lines", paths, "false"),))
        found = simulate(plan, repo.path)
        assert [conflict.driver for conflict in found.file_conflicts()] == [doubt]


def test_the_command_comes_from_the_persons_own_configuration_never_from_the_repositorys(
    repo: RepoBuilder, command: str, home: Path
) -> None:
    plan = Plan("p", (PullRequest("uat", "preprod"),), drivers=(MergeDriver("lines", ("*.xml",)),))
    git(repo.path, "config", "merge.lines.driver", command)
    with pytest.raises(PlanError, match=r"no command in the plan and none in your git configuration"):
        simulate(plan, repo.path)
    (home / ".gitconfig").write_text(f'[merge "lines"]\n\tdriver = "{command}"\n')
    assert simulate(plan, repo.path).outcome == "clean"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("no-such-program %A", "runs 'no-such-program', which is not on PATH"),
        ("./merge %A", "name the program by its absolute path"),
        ("a 'b", "No closing quotation"),
        ("true; no-such-program", "the merge driver 'lines' could not be run or died (status 127)"),
        ("sh -c 'kill -9 $$'", "the merge driver 'lines' could not be run or died (status 137)"),
    ],
)
def test_a_driver_that_does_not_run_is_an_error_and_no_conflict(repo: RepoBuilder, command: str, says: str) -> None:
    plan = Plan("p", (PullRequest("uat", "preprod"),), drivers=(MergeDriver("lines", ("*.xml",), command),))
    with pytest.raises(InputError) as caught:
        simulate(plan, repo.path)
    assert says in str(caught.value)


def test_nothing_of_a_driver_is_left_in_the_directory_or_for_the_next_plan(
    repo: RepoBuilder, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    plan = Plan("p", (PullRequest("uat", "preprod"),), drivers=(MergeDriver("lines", ("*",), f"touch x; {command}"),))
    with Repository(repo.path) as repository:
        assert simulate(plan, repository).outcome == "clean"
        again = simulate(plan.replace(drivers=()), repository)
        assert [conflict.driver for conflict in again.file_conflicts()] == ["lines"]
    assert list(here.iterdir()) == []
