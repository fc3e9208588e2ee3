from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from support.repos import START, RepoBuilder, git

from branchsim.errors import InputError
from branchsim.git.repository import Repository
from branchsim.history import guess_topology, read_history
from branchsim.plan import Plan, PlanError, Start
from branchsim.topology import Family

if TYPE_CHECKING:
    from pathlib import Path

    from branchsim.history import Guess

DAY = 86_400


def guess(repo: RepoBuilder) -> Guess:
    """The guess; every one must be usable as it is, and must come back from a file."""
    repo.finish()
    with Repository(repo.path) as repository:
        found = guess_topology(repository)
        read_history(repository, found.topology)
    assert found.reasons
    return found


def flows(found: Guess) -> set[str]:
    return {str(flow) for flow in found.topology.flows}


@pytest.fixture
def repo(tmp_path: Path) -> RepoBuilder:
    builder = RepoBuilder(tmp_path / "repo")
    builder.commit("main", {"a": "1\n", "b": "1\n"}, subject="Begin")
    return builder


def test_one_branch(repo: RepoBuilder) -> None:
    found = guess(repo)
    assert [branch.name for branch in found.topology.branches] == ["main"]
    assert not found.topology.flows


def test_no_branch_is_an_error(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "empty")
    with Repository(tmp_path / "empty") as repository, pytest.raises(InputError, match="has no branch"):
        guess_topology(repository)


def test_build_run(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("integration", {"a": "1\n", "b": "1\n"})
    for name in ("uat", "preprod", "main"):
        repo.branch(name, "integration")
    for number in range(4):
        repo.branch(f"feature/f{number}", "integration")
        repo.commit(f"feature/f{number}", {f"f{number}": "1\n"})
        repo.merge(into="integration", source=f"feature/f{number}")
        repo.branch(f"hotfix/h{number}", "preprod")
        repo.commit(f"hotfix/h{number}", {f"h{number}": "1\n"})
        repo.merge(into="preprod", source=f"hotfix/h{number}")
        repo.merge(into="integration", source=f"hotfix/h{number}")
        for name in (f"feature/f{number}", f"hotfix/h{number}"):
            repo.delete(name)
    repo.merge(into="uat", source="integration")
    repo.merge(into="preprod", source="uat")
    repo.merge(into="main", source="preprod")
    found = guess(repo)
    assert {branch.name: branch.layer for branch in found.topology.branches} == {
        "integration": "BUILD",
        "uat": "BUILD",
        "preprod": "RUN",
        "main": "RUN",
    }
    assert flows(found) == {
        "promote integration -> uat",
        "promote uat -> preprod",
        "promote preprod -> main",
        "retrofit preprod -> integration",
    }
    hotfix = found.topology.family_of("hotfix/x")
    assert hotfix is not None
    assert (hotfix.to, hotfix.retrofit) == (("preprod",), ("integration",))
    assert found.topology.owed_to("preprod", "hotfix/x") == ("integration",)
    assert any("hotfix/* is a family" in reason and "8 landings" in reason for reason in found.reasons)


@pytest.mark.parametrize("releases", [1, 3])
def test_gitflow(repo: RepoBuilder, releases: int) -> None:
    repo.branch("develop", "main")
    for number in range(releases):
        repo.branch(f"release/{number}.0", "develop")
        repo.commit(f"release/{number}.0", {"v": f"{number}\n"})
        released = repo.merge(into="main", source=f"release/{number}.0")
        repo.merge(into="develop", source=f"release/{number}.0")
        repo.delete(f"release/{number}.0")
        repo.tag(f"v{number}.0", released)
    found = guess(repo)
    assert flows(found) == {"promote develop -> main", "retrofit main -> develop"}
    assert found.topology.release_tags == "v*"
    release = found.topology.family_of("release/9.0")
    assert release is not None
    assert "main" in release.to
    assert release.source == ("develop",)


def test_tags_of_what_was_only_tested_are_no_releases(repo: RepoBuilder) -> None:
    for number in range(6):
        repo.tag(f"uat/1.{number}", repo["main"])
    for number in range(2):
        repo.tag(f"rel/1.{number}", repo["main"])
    assert guess(repo).topology.release_tags == "rel/*"


def _two_lines(repo: RepoBuilder, *, newer: int, older: int) -> None:
    """A new version on main beside an old one on develop, which is merged forward now and then."""
    repo.branch("develop", "main")
    for number in range(newer):
        repo.commit("main", {f"new{number}": "1\n"}, subject=f"Add part {number} of the new version")
    for number in range(older):
        repo.commit("develop", {f"old{number}": "1\n"}, subject=f"Mend part {number} of the old version")
        repo.merge(into="main", source="develop")


def test_a_trunk_that_is_developed_on_its_own_owes_nothing_back(repo: RepoBuilder) -> None:
    _two_lines(repo, newer=9, older=3)
    found = guess(repo)
    assert flows(found) == {"promote develop -> main"}
    assert any("owed to no branch: 10 of its 13 landings" in reason for reason in found.reasons)
    assert not any("is owed to develop" in reason for reason in found.reasons)


def test_a_trunk_that_was_ever_merged_back_owes_what_lands_there(repo: RepoBuilder) -> None:
    _two_lines(repo, newer=9, older=3)
    repo.merge(into="develop", source="main")
    assert flows(guess(repo)) == {"promote develop -> main", "retrofit main -> develop"}


def test_a_trunk_whose_fixes_are_ported_back_owes_them(repo: RepoBuilder) -> None:
    _two_lines(repo, newer=8, older=3)
    repo.pick(into="develop", commit=repo.commit("main", {"a": "2\n"}, subject="Fix the first thing"))
    assert flows(guess(repo)) == {"promote develop -> main", "retrofit main -> develop"}


@pytest.mark.parametrize(
    "style", ["{}-stable", "stable-{}", "{}.x", "branch-{}", "release/{}", "main-{}.x", "v{}", "maint/{}"]
)
def test_a_trunk_with_releases_and_ports(repo: RepoBuilder, style: str) -> None:
    names = [style.format("1.9"), style.format("1.10")]
    for number, name in enumerate(names):
        repo.commit("main", {"a": f"{number}\n"})
        repo.branch(name, "main")
    for number in range(3):
        fix = repo.commit("main", {f"fix{number}": "1\n"}, subject=f"Fix {number}")
        for name in names:
            repo.pick(into=name, commit=fix, trailer=number == 1)
    found = guess(repo)
    assert [branch.name for branch in found.topology.branches] == ["main", *names]
    assert found.topology.owed_to(names[0]) == ("main", names[1])
    assert found.topology.name == "release-train-back"
    assert any("6 commits were on main first" in reason for reason in found.reasons)


def test_releases_that_are_merged_forward(repo: RepoBuilder) -> None:
    for name in ("1.x", "2.x"):
        repo.commit("main", {"a": f"{name}\n"})
        repo.branch(name, "main")
    for number in range(2):
        repo.commit("1.x", {f"fix{number}": "1\n"})
        repo.merge(into="2.x", source="1.x")
        repo.merge(into="main", source="2.x")
    found = guess(repo)
    assert found.topology.name == "release-train-forward"
    assert any("4 merges led from a release to a newer one or to main" in reason for reason in found.reasons)


def test_a_release_where_nothing_happens_any_more_is_left_out(repo: RepoBuilder) -> None:
    repo.branch("1.x", "main")
    repo.commit("1.x", {"b": "2\n"}, at=START)
    repo.commit("main", {"a": "2\n"}, at=START + 2000 * DAY)
    repo.branch("2.x", "main")
    found = guess(repo)
    assert [branch.name for branch in found.topology.branches] == ["main", "2.x"]
    assert any("1.x is left out" in reason for reason in found.reasons)


def test_a_branch_without_a_telling_name_that_goes_both_ways(repo: RepoBuilder) -> None:
    repo.branch("next", "main")
    for number in range(12):
        at = START + number * 30 * DAY
        repo.commit("main", {f"m{number}": "1\n"}, at=at)
        repo.merge(into="next", source="main", at=at + 10)
    repo.commit("next", {"n": "1\n"}, at=START + 400 * DAY)
    repo.merge(into="main", source="next", subject="Merge pull request #9 from acme/next", at=START + 401 * DAY)
    found = guess(repo)
    assert {branch.name: branch.layer for branch in found.topology.branches} == {"next": "BUILD", "main": "RUN"}
    assert flows(found) == {"promote next -> main", "retrofit main -> next"}
    assert any("12 merges into it" in reason and "1 back into main" in reason for reason in found.reasons)


@pytest.mark.parametrize("name", ["fix-1.2-crash", "12345-fix", "dependabot/npm/x-1.2.3", "pr-12", "feature-2"])
def test_a_topic_with_a_number_in_its_name_is_no_release(repo: RepoBuilder, name: str) -> None:
    repo.branch(name, "main")
    repo.commit(name, {"b": "2\n"})
    assert [branch.name for branch in guess(repo).topology.branches] == ["main"]


def test_a_clone_is_guessed_like_its_origin(repo: RepoBuilder, tmp_path: Path) -> None:
    repo.branch("develop", "main")
    repo.commit("develop", {"a": "2\n"})
    repo.merge(into="main", source="develop")
    repo.commit("develop", {"a": "3\n"})
    repo.checkout("main")
    git(tmp_path, "clone", "-q", str(repo.path), "clone")
    with Repository(tmp_path / "clone") as clone:
        assert guess_topology(clone).topology == guess(repo).topology


def test_a_trunk_beside_branches_named_after_all_stages_is_left_out(repo: RepoBuilder) -> None:
    for name in ("integration", "uat", "preprod", "production"):
        repo.branch(name, "main")
    repo.commit("integration", {"a": "2\n"})
    found = guess(repo)
    assert [branch.name for branch in found.topology.branches] == ["integration", "uat", "preprod", "production"]
    assert any("main is left out" in reason for reason in found.reasons)


def test_what_bots_do_is_no_hotfix(repo: RepoBuilder) -> None:
    for number in range(4):
        for prefix in ("dependabot/npm", "renovate", "urgent"):
            name = f"{prefix}/{number}"
            repo.branch(name, "main")
            repo.commit(name, {f"{prefix}{number}".replace("/", "-"): "1\n"})
            repo.merge(into="main", source=name, subject=f"Merge branch '{name}'")
    found = guess(repo)
    assert {family.pattern for family in found.topology.families} == {"dependabot/*", "renovate/*"}
    assert "dependabot/* is a family of branches that a bot makes: 4 landings (4 on main)" in found.reasons
    with pytest.raises(PlanError, match="no family of branches that start from and land on a branch of RUN"):
        Plan.hotfix("login", found.topology)
    wider = found.topology.replace(
        families=(*found.topology.families, Family("work/*", source=("main",), to=("main",)))
    )
    assert [step.branch for step in Plan.hotfix("login", wider) if isinstance(step, Start)] == ["work/login"]


def test_what_goes_to_some_releases_now_and_then_may_go_to_any(repo: RepoBuilder) -> None:
    """No release has a tenth of the branches, all releases together have."""
    releases = [f"release-1.{number}" for number in range(4)]
    for name in releases:
        repo.branch(name, "main")
    for number, into in enumerate(["main"] * 28 + releases):
        repo.branch(f"fix/{number}", into)
        repo.commit(f"fix/{number}", {f"f{number}": "1\n"})
        repo.merge(into=into, source=f"fix/{number}", subject=f"Merge branch 'fix/{number}' into {into}")
    (family,) = guess(repo).topology.families
    assert set(family.to) == {"main", *releases}


@pytest.mark.parametrize("first", ["preprod", "integration"])
def test_branches_that_are_merged_to_run_and_then_back_are_hotfixes(repo: RepoBuilder, first: str) -> None:
    """Work items that go from stage to stage one by one are merged to both as well, but to BUILD first."""
    for name in ("integration", "uat", "preprod"):
        repo.branch(name, "main")
    for number in range(3):
        repo.branch(f"ABC-{number}", "main")
        repo.commit(f"ABC-{number}", {f"f{number}": "1\n"})
        for target in (first, "integration" if first == "preprod" else "preprod"):
            repo.merge(into=target, source=f"ABC-{number}", subject=f"Merging branch ABC-{number} into {target}")
    found = guess(repo)
    (family,) = found.topology.families
    hotfix = first == "preprod"
    assert (family.pattern, family.retrofit) == ("ABC-*", ("integration",) if hotfix else ())
    assert any("3 of 3 that landed on RUN were merged back as well" in reason for reason in found.reasons) == hotfix


def test_stages_with_the_name_of_the_team(repo: RepoBuilder) -> None:
    for name in ("acmeDev", "acmeUAT", "acmePreProd"):
        repo.branch(name, "main")
    repo.commit("acmeDev", {"c": "1\n"})
    for source, target in pairwise(("acmeDev", "acmeUAT", "acmePreProd", "main")):
        repo.merge(into=target, source=source, subject=f"Merging branch {source}")
    found = guess(repo)
    assert found.topology.promotion_chain() == ("acmeDev", "acmeUAT", "acmePreProd", "main")
    assert "acmeDev, acmePreProd and acmeUAT are named after stages, beside 'acme'" in found.reasons


def test_the_newest_version_is_where_the_next_one_is_made(tmp_path: Path) -> None:
    """The default branch is often the version that most people use."""
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("2.0.x", {"a": "1\n"})
    for older, name in pairwise(("2.0.x", "2.1.x", "3.0.x")):
        repo.branch(name, older)
        repo.commit(name, {name: "1\n"})
    repo.checkout("2.1.x")
    found = guess(repo)
    assert flows(found) >= {"promote 3.0.x -> 2.1.x", "retrofit 2.1.x -> 3.0.x", "retrofit 2.0.x -> 2.1.x"}
    assert found.topology.owed_to("2.0.x") == ("3.0.x", "2.1.x")
    assert "3.0.x is the newest version, so what is on 2.1.x goes on to it" in found.reasons


def test_versions_are_in_order_with_and_without_a_v(repo: RepoBuilder) -> None:
    names = ["release-0-10-3", "v1.9", "v1.10.4", "v1.10"]
    for name in names:
        repo.branch(name, "main")
        repo.commit(name, {name: "1\n"})
    assert [branch.name for branch in guess(repo).topology.branches] == ["main", *names]


def test_of_many_versions_those_are_taken_that_are_worked_on(repo: RepoBuilder) -> None:
    names = [f"1.{number}" for number in range(10)]
    for name in names:
        repo.branch(name, "main")
        repo.commit(name, {name: "1\n"})
    repo.commit("1.0", {"fix": "1\n"})
    found = guess(repo)
    assert [branch.name for branch in found.topology.branches] == ["main", "1.0", *names[3:]]
    reason = "1.1 and 1.2 are left out: only the 8 versions are taken on which something landed last"
    assert reason in found.reasons


def test_branches_of_a_release_and_a_day_are_no_lines_of_releases(repo: RepoBuilder) -> None:
    names = ["release-8.1", "release-8.5", "release-2024.10.31", "release-20241201"]
    days = ["release-8.5-20251204", "release-8.5-20260121-v8.5.5", "release-8.1-2026-01-21"]
    for name in (*names, *days):
        repo.branch(name, "main")
        repo.commit(name, {name: "1\n"})
    found = guess(repo)
    assert [branch.name for branch in found.topology.branches] == ["main", *names]
    told = "release-8.1-2026-01-21, release-8.5-20251204 and release-8.5-20260121-v8.5.5 are left out"
    assert f"{told}: named after another release and a day" in found.reasons


def test_versions_with_the_name_of_the_project(repo: RepoBuilder) -> None:
    for name in ("shop-1-9", "shop-1-10", "shop-2-0"):
        repo.branch(name, "main")
        for number in range(5):
            repo.commit(name, {f"{name}{number}": "1\n"})
        repo.commit("main", {f"after {name}": "1\n"})
    for name in ("raise-lib-1.1", "raise-lib-1.2", "raise-lib-1.3"):
        repo.branch(name, "main")
        repo.commit(name, {"lib": name})
    assert [branch.name for branch in guess(repo).topology.branches] == ["main", "shop-1-9", "shop-1-10", "shop-2-0"]
    # Where there are plain versions, those with a name beside them are of something else.
    for name in ("v1.0", "v1.1"):
        repo.branch(name, "main")
        repo.commit(name, {name: "1\n"})
        repo.commit("main", {f"after {name}": "1\n"})
    assert [branch.name for branch in guess(repo).topology.branches] == ["main", "v1.0", "v1.1"]
