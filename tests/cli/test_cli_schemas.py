"""The JSON that other programs rely on: every command's output against its published schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.cli import ROOT, Shell

from branchsim.audit import tables
from branchsim.audit.audit import CHECKS, OBLIGATIONS_SCHEMA
from branchsim.sample import SAMPLES, load

_SCHEMAS = ROOT / "docs" / "schemas"


def _schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((_SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def _check(name: str, text: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(text)
    jsonschema.Draft202012Validator(_schema(name)).validate(value)
    return value


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(tmp_path_factory.mktemp("shell"))


@pytest.fixture(scope="module", params=[each.name for each in SAMPLES])
def repo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return load(request.param, tmp_path_factory.mktemp("sample") / request.param)


@pytest.mark.parametrize("name", sorted(path.stem for path in _SCHEMAS.glob("*.json")))
def test_a_schema_is_one_and_is_described(name: str) -> None:
    schema = _schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["schema"] == {"const": 1}
    assert f"schemas/{name}.json" in (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")


def test_audit_and_what_follows_from_it(shell: Shell, repo: Path) -> None:
    found = _check("audit", shell.run("audit", repo, "--format", "json").stdout)
    assert found["obligations"]
    assert found["promotions"]
    # A finding of the audit leads on to the commands that show it.
    change = found["obligations"][0]["change"]
    _check("trace", shell.run("trace", repo, change, "--format", "json").stdout)
    landing = next((each["dropped_by"] for each in found["overwrites"]), change)
    _check("inspect", shell.run("inspect", repo, landing, "--format", "json").stdout)


def test_match(shell: Shell, repo: Path) -> None:
    done = shell.run("match", repo, "-s", "preprod", "-t", "integration", "--format", "json")
    found = _check("match", done.stdout)
    assert found["matches"] or found["missing"]


def test_topology(shell: Shell, repo: Path) -> None:
    _check("topology", shell.run("topology", repo, "--format", "json").stdout)
    _check("topology", shell.run("topology", repo, "--guess", "--format", "json").stdout)


@pytest.mark.parametrize("preset", ["build-run-merge-back", "gitflow", "release-train-back", "trunk"])
def test_presets(shell: Shell, preset: str) -> None:
    _check("topology", shell.run("topology", "--preset", preset, "--format", "json").stdout)


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("obligation", OBLIGATIONS_SCHEMA),
        ("overwrite", tables.OVERWRITES_SCHEMA),
        ("leak", tables.LEAKS_SCHEMA),
        ("window", tables.WINDOWS_SCHEMA),
        ("violation", tables.VIOLATIONS_SCHEMA),
        ("conformance", tables.CONFORMANCE_SCHEMA),
    ],
)
def test_a_record_has_the_columns_of_its_table(name: str, columns: dict[str, str]) -> None:
    record = _schema("audit")["$defs"][name]
    assert set(record["properties"]) == set(record["required"]) == set(columns)


def test_the_checks_are_all_named() -> None:
    assert _schema("audit")["properties"]["checks"]["items"]["enum"] == list(CHECKS)
