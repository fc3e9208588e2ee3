"""What ``import branchsim`` gives, and what it costs."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import branchsim

_SOURCE = Path(branchsim.__file__).read_text(encoding="utf-8")
_HEAVY = ("git", "lxml", "matplotlib", "networkx", "numpy", "pandas", "rich", "tqdm", "typer", "yaml")


def _fresh(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_is_fast_and_loads_nothing_heavy() -> None:
    program = """
import json, sys, time
start = time.perf_counter()
import branchsim
taken = time.perf_counter() - start
print(json.dumps([taken, sorted({name.partition(".")[0] for name in sys.modules})]))
"""
    # The best of a few: the machine may be busy with something else.
    runs = [json.loads(_fresh(program)) for _ in range(3)]
    assert min(taken for taken, _ in runs) < 0.3
    assert not {*_HEAVY} & {*runs[0][1]}


def test_every_public_name_is_there_and_declared_for_type_checkers() -> None:
    checked = {
        alias.name
        for node in ast.walk(ast.parse(_SOURCE))
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for statement in node.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    assert checked == {*branchsim.__all__}
    assert {*branchsim._HOME, *branchsim._CALLABLE} == {*branchsim.__all__}
    for name in branchsim.__all__:
        value = getattr(branchsim, name)
        assert callable(value), name
        assert inspect.getdoc(value), name
    assert {*branchsim.__all__} <= {*dir(branchsim)}


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'auditt'"):
        branchsim.auditt  # noqa: B018


@pytest.mark.parametrize("name", branchsim._CALLABLE)
def test_a_callable_package_is_the_same_whatever_was_imported_before(name: str) -> None:
    package = import_module(f"branchsim.{name}")
    assert getattr(branchsim, name) is package
    home = {"simulate": "branchsim.simulate.run"}.get(name, f"branchsim.{name}.{name}")
    function = getattr(import_module(home), name)
    assert inspect.signature(package) == inspect.signature(function)
    assert (
        _fresh(f"import {home} as m, branchsim as bs; print(bs.{name} is not m, callable(bs.{name}))") == "True True\n"
    )


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(branchsim.__file__).parent / "py.typed").exists()


def test_the_module_can_be_run() -> None:
    done = subprocess.run([sys.executable, "-m", "branchsim", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"branchsim {branchsim.__version__}\n", "")
