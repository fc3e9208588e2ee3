from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_POINTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which branchsim is installed as far as its entry points go."""
    site = tmp_path_factory.mktemp("site")
    if not importlib.metadata.entry_points(group="pytest11", name="branchsim"):
        info = site / "branchsim-0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: branchsim\nVersion: 0\n", encoding="utf-8")
        lines = [
            line
            for group in ("hypothesis", "pytest11")
            for line in (f"[{group}]", *(f"{name} = {target}" for name, target in _POINTS[group].items()))
        ]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    return {**kept, "PYTHONPATH": f"{ROOT}{os.pathsep}{site}", "PYTHONDONTWRITEBYTECODE": "1"}


def _pytest(place: Path, env: dict[str, str], text: str, *options: str) -> subprocess.CompletedProcess[str]:
    (place / "test_it.py").write_text(text, encoding="utf-8")
    (place / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, check=False, timeout=120)


def test_both_fixtures(tmp_path: Path, installed: dict[str, str]) -> None:
    text = """
def test_it(scratch_repo, branch_topology):
    sha = scratch_repo.commit("main", {"a.txt": "1\\n"})
    assert (scratch_repo.path / "refs/heads/main").read_text().strip() == sha
    assert branch_topology.name == "build-run"

def test_another_starts_anew(scratch_repo):
    assert scratch_repo.branches == {}
"""
    done = _pytest(tmp_path, installed, text)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_the_topology_of_the_option_and_of_the_project(tmp_path: Path, installed: dict[str, str]) -> None:
    text = "def test_it(branch_topology):\n    assert branch_topology.name == 'gitflow'\n"
    assert _pytest(tmp_path, installed, text).returncode == 1
    done = _pytest(tmp_path, installed, text, "--branch-topology", "gitflow")
    assert done.returncode == 0, done.stdout
    from branchsim.topology import FILE_NAME, Topology, to_toml

    (tmp_path / FILE_NAME).write_text(to_toml(Topology.gitflow()), encoding="utf-8")
    assert _pytest(tmp_path, installed, text).returncode == 0
    assert _pytest(tmp_path, installed, text, "--branch-topology", "trunk").returncode == 1
    assert _pytest(tmp_path, installed, text, "--branch-topology", str(tmp_path)).returncode == 0


def test_an_unknown_topology_names_the_nearest(tmp_path: Path, installed: dict[str, str]) -> None:
    text = "def test_it(branch_topology):\n    pass\n"
    done = _pytest(tmp_path, installed, text, "--branch-topology", "gitflou")
    assert done.returncode == 1
    assert "did you mean 'gitflow'?" in done.stdout


def test_it_does_nothing_to_a_suite_that_does_not_use_it(tmp_path: Path, installed: dict[str, str]) -> None:
    text = """
import sys

def test_nothing_of_it_is_loaded_but_the_plugin():
    loaded = {name for name in sys.modules if name.startswith("branchsim.")}
    assert {name for name in loaded if "testing" in name} == {"branchsim.testing", "branchsim.testing.plugin"}
    assert "branchsim.topology" not in loaded
    assert not {"pandas", "numpy", "git", "networkx", "matplotlib"} & {*sys.modules}
"""
    # Hypothesis is not loaded by a suite without property-based tests, and its own plugin loads it late.
    done = _pytest(tmp_path, installed, text)
    assert done.returncode == 0, done.stdout
    assert not [*tmp_path.glob(".branchsim*")]


def test_hypothesis_makes_the_types(tmp_path: Path, installed: dict[str, str]) -> None:
    text = """
import sys
from hypothesis import given, settings, strategies as st

def test_it():
    heavy = {"pandas", "numpy", "git", "networkx", "matplotlib", "lxml", "yaml", "branchsim.testing.strategies"}
    assert not heavy & {*sys.modules}
    from branchsim.check import Strategy
    from branchsim.plan import Plan
    from branchsim.topology import Topology
    for kind in (Topology, Strategy, Plan):
        @settings(max_examples=5, deadline=None, database=None)
        @given(st.from_type(kind))
        def check(value):
            assert type(value) is kind
        check()
"""
    done = _pytest(tmp_path, installed, text)
    assert done.returncode == 0, done.stdout


def test_the_import_costs_next_to_nothing(installed: dict[str, str]) -> None:
    program = (
        "import pytest, time; start = time.perf_counter(); import branchsim.testing.plugin; "
        "print(time.perf_counter() - start)"
    )
    runs = [
        float(subprocess.run([sys.executable, "-c", program], env=installed, capture_output=True, check=True).stdout)
        for _ in range(3)
    ]
    # The best of a few: the machine may be busy with something else.
    assert min(runs) < 0.05
