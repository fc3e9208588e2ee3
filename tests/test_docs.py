"""The README and the docs: every code sample works, every link leads somewhere, generated pages are up to date."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.cli import ROOT, Shell
from support.reference import api_page, cli_page, tables_page

from branchsim.plan.files import read_plan
from branchsim.sample import load
from branchsim.topology import read_topology_toml

_PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
_COMMAND = re.compile(r"<!-- command: (\w+) -->$")
# The last two are directives of the docs: what Sphinx makes of them it checks itself.
_KNOWN = {"python", "bash", "toml", "yaml", "json", "text", "mermaid", "", "{toctree}", "{eval-rst}"}


@dataclass(frozen=True)
class Sample:
    """A block of code on a page."""

    page: Path
    line: int
    language: str
    text: str
    before: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def _samples(page: Path) -> list[Sample]:
    found: list[Sample] = []
    lines = page.read_text(encoding="utf-8").splitlines()
    start: int | None = None
    for number, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if start is None:
            start = number
        else:
            text = "\n".join(lines[start + 1 : number]) + "\n"
            before = next((each for each in reversed(lines[:start]) if each.strip()), "")
            found.append(Sample(page, start + 1, lines[start][3:].strip(), text, before))
            start = None
    assert start is None, f"{page}: a block is not closed"
    return found


# The file that the sample of a plan names.
_PATCH = """\
--- a/login.txt
+++ b/login.txt
@@ -1 +1 @@
-broken
+fixed
"""

_ALL = [sample for page in _PAGES for sample in _samples(page)]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return load("story", tmp_path_factory.mktemp("story") / "repo")


@pytest.fixture
def place(story: Path, tmp_path: Path) -> Path:
    """A work tree to run samples in: a repository with the branches of BUILD/RUN, and another at ``path/to/repo``."""
    where = tmp_path / "place"
    shutil.copytree(story, where, symlinks=True)
    shutil.copytree(story, where / "path" / "to" / "repo", symlinks=True)
    return where


def _pages_with(language: str) -> list[Path]:
    return sorted({sample.page for sample in _ALL if sample.language == language})


def test_every_block_says_what_it_is() -> None:
    assert {sample.language for sample in _ALL} <= _KNOWN


@pytest.mark.parametrize("page", _pages_with("python"), ids=lambda page: str(page.relative_to(ROOT)))
def test_python(page: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    names: dict[str, Any] = {"__name__": "sample"}
    for sample in _samples(page):
        if sample.language == "python":
            # Line numbers of a traceback are those of the page.
            exec(compile("\n" * sample.line + sample.text, str(page), "exec"), names)  # noqa: S102  it is ours


@pytest.mark.parametrize("page", _pages_with("bash"), ids=lambda page: str(page.relative_to(ROOT)))
def test_bash(page: Path, place: Path, tmp_path: Path) -> None:
    shell = Shell(tmp_path / "shell")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "branchsim").write_text(f'#!/bin/sh\nexec {sys.executable} -m branchsim "$@"\n', encoding="utf-8")
    (programs / "branchsim").chmod(0o755)
    variables = {**shell.variables, "PATH": f"{programs}:{os.environ['PATH']}"}
    for sample in _samples(page):
        # What sets the project up is run by the project's CI, word for word.
        if sample.language != "bash" or _COMMAND.search(sample.before):
            continue
        done = subprocess.run(
            ["bash", "-uo", "pipefail", "-c", sample.text],
            cwd=place,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        # 1 is what a command with findings ends with.
        assert done.returncode in {0, 1}, f"{sample}: {done.stderr}"
        assert not [line for line in done.stderr.splitlines() if not line.startswith("branchsim: note:")], sample


@pytest.mark.parametrize("sample", [each for each in _ALL if each.language == "toml"], ids=str)
def test_toml(sample: Sample, tmp_path: Path) -> None:
    document = tomllib.loads(sample.text)
    if "branch" in document:
        read_topology_toml(sample.text)
    elif "step" in document:
        (tmp_path / "rest.patch").write_text(_PATCH, encoding="utf-8")
        file = tmp_path / "plan.toml"
        file.write_text(sample.text, encoding="utf-8")
        read_plan(file)


@pytest.mark.parametrize("sample", [each for each in _ALL if each.language == "yaml"], ids=str)
def test_yaml(sample: Sample) -> None:
    assert isinstance(yaml.safe_load(sample.text), dict)


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text)):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        found = (page.parent / path) if path else page
        assert found.exists(), f"{page.name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", each).strip().lower().replace(" ", "-") for each in headings}


def test_every_page_is_in_the_contents() -> None:
    contents = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    trees = set(re.findall(r"^[\w-]+$", contents, re.MULTILINE))
    for page in (ROOT / "docs").glob("*.md"):
        if page.name != "index.md":
            assert f"({page.name})" in contents, page.name
            assert page.stem in trees, page.name
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"(../notebooks/{notebook.name})" in contents, notebook.name


def test_the_readme_has_the_two_commands_that_ci_runs() -> None:
    commands = {
        found[1]: sample.text
        for sample in _samples(ROOT / "README.md")
        if (found := _COMMAND.search(sample.before)) is not None
    }
    assert set(commands) == {"demo", "tests"}
    assert all(text.count("\n") == 1 for text in commands.values())
    assert "branchsim demo" in commands["demo"]
    assert "pytest" in commands["tests"]


@pytest.mark.parametrize(("page", "made"), [("api.md", api_page), ("cli.md", cli_page), ("tables.md", tables_page)])
def test_a_generated_page_is_up_to_date(page: str, made: Any) -> None:
    """Write it again with ``python tests/support/reference.py``."""
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == made()
