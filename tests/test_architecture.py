"""The house: a package stands only on those below it, and every module on the floor of its package."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import branchsim

_ROOT = Path(branchsim.__file__).parent

FLOORS: dict[str, int] = {
    "errors": 1,
    "names": 1,
    "facade": 1,
    "formatting": 1,
    "safe_xml": 1,
    "accessors": 1,
    "garbage": 1,
    "git": 2,
    "topology": 2,
    "forks": 2,
    "parallel": 2,
    "writing": 2,
    "history": 3,
    "effects": 3,
    "plan": 3,
    "sample": 3,
    "audit": 4,
    "simulate": 5,
    "plot": 5,
    "check": 6,
    "report": 6,
    "cli": 7,
    "testing": 7,
    # Entry points: the public names, and `python -m branchsim`.
    "": 8,
    "__main__": 8,
}
_DOORS = ("", "__main__")


def _modules() -> list[Path]:
    return sorted(path for path in _ROOT.rglob("*.py") if "_data" not in path.parts)


def _package(path: Path) -> str:
    """The room of the house a file belongs to."""
    parts = path.relative_to(_ROOT).with_suffix("").parts
    return "" if parts == ("__init__",) else parts[0]


def _imported(tree: ast.Module) -> list[tuple[int, str]]:
    """Every module that is imported anywhere in a file, functions and TYPE_CHECKING included, with its line."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import hides where it leads"
            module = node.module or ""
            found += [
                (node.lineno, f"{module}.{alias.name}" if module == "branchsim" else module) for alias in node.names
            ]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name in {"import_module", "__import__", "make_callable"}:
                texts = [*node.args, *(keyword.value for keyword in node.keywords)]
                found += [
                    (node.lineno, text.value)
                    for text in texts
                    if isinstance(text, ast.Constant)
                    and isinstance(text.value, str)
                    and text.value.startswith("branchsim.")
                ]
    return found


def _wrong_ways(source: str, package: str) -> list[str]:
    """The imports of a file of a package that lead up, or across to a neighbour."""
    wrong = []
    for line, module in _imported(ast.parse(source)):
        first, _, rest = module.partition(".")
        if first != "branchsim":
            continue
        target = rest.partition(".")[0]
        if target not in FLOORS:
            # A name of branchsim/__init__.py: `from branchsim import __version__`.
            target = ""
        if package not in _DOORS and target == "" and module != "branchsim.__version__":
            wrong.append(f"line {line}: the inside of the house takes {module!r} from its own door")
        elif target not in {package, ""} and FLOORS[target] >= FLOORS[package]:
            wrong.append(f"line {line}: {package or 'branchsim'} stands below or beside {target}")
    return wrong


def test_every_package_has_its_floor() -> None:
    assert {_package(path) for path in _modules()} <= {*FLOORS}


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(_ROOT)))
def test_imports_lead_down(path: Path) -> None:
    package = _package(path)
    if package == "":
        return  # the door opens to every room
    assert not _wrong_ways(path.read_text(encoding="utf-8"), package)


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(_ROOT)))
def test_git_is_run_in_one_place_only(path: Path) -> None:
    programs = {"subprocess", "git", "pty", "asyncio.subprocess"}
    used = {module for _, module in _imported(ast.parse(path.read_text(encoding="utf-8")))}
    if _package(path) != "git":
        assert not used & programs


def test_the_topology_knows_no_git() -> None:
    for path in (_ROOT / "topology").rglob("*.py"):
        used = [module for _, module in _imported(ast.parse(path.read_text(encoding="utf-8")))]
        assert not [module for module in used if module.startswith("branchsim.git")], path


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("git", "from branchsim.history import Graph"),
        ("git", "def f():\n    from branchsim.audit.match import match"),
        ("topology", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import branchsim.git.log"),
        ("history", "from branchsim.effects import units"),
        ("audit", "from importlib import import_module\nimport_module('branchsim.cli.app')"),
        ("errors", "import branchsim.names"),
        ("audit", "import branchsim"),
    ],
)
def test_a_wrong_way_is_seen(package: str, source: str) -> None:
    assert _wrong_ways(source, package)


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("audit", "from branchsim.history import Graph\nimport branchsim.audit.match\nimport pandas"),
        ("cli", "from branchsim import __version__\nfrom branchsim.cli import audit"),
    ],
)
def test_a_right_way_is_accepted(package: str, source: str) -> None:
    assert not _wrong_ways(source, package)


def test_a_relative_import_is_refused() -> None:
    with pytest.raises(AssertionError, match="relative"):
        _wrong_ways("from . import errors", "audit")
