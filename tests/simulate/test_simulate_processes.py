"""How many git processes a plan takes: so many that it is fast on a repository of any size, whatever it meets."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from support.repos import RepoBuilder
from typer.testing import CliRunner

from branchsim.cli.app import app
from branchsim.git import versions
from branchsim.plan import Plan
from branchsim.simulate import simulate
from branchsim.topology import Topology

if TYPE_CHECKING:
    from pathlib import Path

BUILD_RUN = Topology.build_run()
WHO = "Rita Release <rita@example.com>"
MOST = 10


def numbered(*changed: int, text: str = "") -> str:
    return "".join(f"{text if number in changed else 'line'} {number} of the text\n" for number in range(40))


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> RepoBuilder:
    """BUILD/RUN with former hotfixes: picked, merged back, lost in a merge, moved on BUILD, and not retrofitted."""
    builder = RepoBuilder(tmp_path_factory.mktemp("processes") / "repo")
    base = builder.commit("integration", {f"src/{name}.txt": numbered(text=name) for name in "abcdefgh"})
    for name in ("uat", "preprod", "production"):
        builder.branch(name, base)
    builder.commit("integration", {"src/a.txt": numbered(3, text="feature")}, subject="Feature")
    builder.commit(
        "integration", {"src/e.txt": None, "lib/e.txt": numbered(30, text="feature")}, subject="Move e to lib"
    )
    for number, name in enumerate("abcdefg"):
        branch = f"hotfix/{name}"
        builder.branch(branch, "production")
        fix = builder.commit(branch, {f"src/{name}.txt": numbered(3, 20, text=f"fix {name}")}, subject=f"Fix {name}")
        builder.merge(into="preprod", source=branch)
        builder.merge(into="production", source="preprod")
        if number % 3 == 0:
            message = f"Fix {name}\n\n(cherry picked from commit {fix})\n"
            builder.commit("integration", {f"src/{name}.txt": numbered(3, 20, text=f"fix {name}")}, message=message)
        elif number % 3 == 1:
            builder.merge(into="integration", source=branch, files={f"src/{name}.txt": numbered(text=name)})
    builder.branch("uat", "integration")
    builder.branch("hotfix/clean", "production")
    builder.commit("hotfix/clean", {"src/h.txt": numbered(20, text="fix h")}, subject="Fix h")
    builder.branch("hotfix/meets", "production")
    builder.commit("hotfix/meets", {f"src/{name}.txt": numbered(3, text="again") for name in "abcef"}, subject="Again")
    builder.finish()
    return builder


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[object]:
    """The commands of the processes that were started; what is kept between runs is empty."""
    monkeypatch.setenv("BRANCHSIM_CACHE", str(tmp_path / "cache"))
    versions.installed.cache_clear()
    found: list[object] = []
    real = subprocess.Popen.__init__

    def counted(self: subprocess.Popen[bytes], arguments: Any, **options: Any) -> None:
        found.append(" ".join(map(str, arguments[7:12])))
        real(self, arguments, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", counted)
    return found


@pytest.mark.parametrize("topology", [None, BUILD_RUN], ids=["alone", "owed"])
@pytest.mark.parametrize(("name", "outcome"), [("clean", "clean"), ("meets", "conflict")])
def test_a_hotfix_with_its_forecast(
    repo: RepoBuilder, started: list[object], name: str, outcome: str, topology: Topology | None
) -> None:
    found = simulate(Plan.hotfix(name, BUILD_RUN, author=WHO), repo.path, topology)
    assert (found.outcome, bool(found.expected), bool(found.owed)) == (outcome, True, topology is not None)
    assert len(started) <= MOST, started


def test_a_hotfix_whose_conflicts_are_solved(repo: RepoBuilder, started: list[object]) -> None:
    plan = Plan.hotfix("meets", BUILD_RUN, author=WHO)
    found = simulate(plan, repo.path, BUILD_RUN, resolve=lambda _: "source")
    assert found.outcome != "conflict"
    assert any(conflict.resolved_by for conflict in found.file_conflicts())
    # One more: git is asked who brought what the solutions drop, if no commit of the branches in question did.
    assert len(started) <= MOST + 1, started


@pytest.mark.parametrize("name", ["clean", "meets"])
def test_the_command_line(repo: RepoBuilder, started: list[object], tmp_path: Path, name: str) -> None:
    strategy = tmp_path / "branchsim.toml"
    strategy.write_text(BUILD_RUN.to_toml())
    found = CliRunner().invoke(
        app, ["simulate", "--hotfix", name, "-T", str(strategy), "--author", WHO, str(repo.path)]
    )
    assert "forecast" in found.output
    assert len(started) <= MOST, started
