"""Conflicts that git's rerere has seen before are solved in the same way, by reading only."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.machine import fingerprint
from support.repos import RepoBuilder, git

from branchsim.plan import Plan, PullRequest, Resolve, read_plan
from branchsim.simulate import Simulation, simulate

_LINES = [f"line {number}\n" for number in range(40)]


def text(**edits: str) -> str:
    lines = list(_LINES)
    for key, value in edits.items():
        lines[int(key[1:])] = f"{value}\n"
    return "".join(lines)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """main and topic in conflict at two places of a.txt; a merge of the two was solved and recorded, then forgotten."""
    with RepoBuilder(tmp_path / "repo") as repo:
        repo.commit("main", {"a.txt": text()})
        repo.branch("topic", "main")
        repo.branch("later", "main")
        repo.commit("main", {"a.txt": text(l3="z main", l30="main too")})
        repo.commit("topic", {"a.txt": text(l3="a topic", l30="topic too")})
    repo.checkout("main")
    git(repo.path, "config", "rerere.enabled", "true")
    git(repo.path, "merge", "topic", accept=(1,))
    (repo.path / "a.txt").write_text(text(l3="both", l30="both too"))
    git(repo.path, "commit", "-q", "-a", "-m", "Solved")
    git(repo.path, "reset", "-q", "--hard", "HEAD~1")
    return repo.path


def solved(path: Path, source: str = "topic", target: str = "main") -> tuple[Simulation, str]:
    plan = Plan("p", (PullRequest(source, target, name="pr"), Resolve("pr", take="recorded")))
    from branchsim.git.repository import Repository

    with Repository(path) as repository:
        simulation = simulate(plan, repository, losses=None)
        return simulation, git(repository.scratch.path, "show", f"{simulation.results[0].tree}:a.txt") + "\n"


def test_a_conflict_that_was_solved_before_is_solved_again(path: Path) -> None:
    before = fingerprint(path)
    simulation, content = solved(path)
    assert simulation.outcome == "clean"
    assert content == text(l3="both", l30="both too")
    assert simulation.results[0].conflicts[0].resolved_by == "resolve pr"
    assert fingerprint(path) == before


def test_the_other_way_round_too(path: Path) -> None:
    assert solved(path, "main", "topic")[1] == text(l3="both", l30="both too")


def test_where_the_rest_of_the_file_went_on_the_solution_is_merged_in(path: Path) -> None:
    git(path, "switch", "-q", "topic")
    (path / "a.txt").write_text(text(l3="a topic", l30="topic too", l18="meanwhile"))
    git(path, "commit", "-q", "-a", "-m", "More")
    assert solved(path)[1] == text(l3="both", l30="both too", l18="meanwhile")


def test_another_conflict_is_left_alone(path: Path) -> None:
    git(path, "switch", "-q", "topic")
    (path / "a.txt").write_text(text(l3="another", l30="topic too"))
    git(path, "commit", "-q", "-a", "-m", "More")
    assert solved(path)[0].outcome == "conflict"


def test_nothing_is_taken_from_the_record_unless_the_plan_says_so(path: Path) -> None:
    assert simulate(Plan("p", (PullRequest("topic", "main"),)), path).outcome == "conflict"


def test_a_plan_that_takes_records_can_be_written_and_read() -> None:
    plan = Plan("p", (PullRequest("a", "b", name="pr"), Resolve("pr", take="recorded")))
    assert read_plan(plan.to_toml()) == plan
    assert "what git recorded" in str(plan)
    assert "rerere" in plan.runbook()
