"""What the command line prints, and how it ends."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.cli import Shell
from support.delivery import CODE, Story, edited
from support.repos import RepoBuilder

from branchsim.cli import progress as progress_module
from branchsim.cli.app import app
from branchsim.cli.output import escape_markdown, printable
from branchsim.sample import load

CLEAN, FINDINGS = 0, 1

_TOPOLOGY = """\
schema = 1
name = "shop"
[[branch]]
name = "integration"
layer = "BUILD"
[[branch]]
name = "production"
layer = "RUN"
[[flow]]
kind = "promote"
from = "integration"
to = "production"
[[flow]]
kind = "retrofit"
from = "production"
to = "integration"
[[waiver]]
path = "waived.txt"
reason = "production only"
"""

_PLAN = """\
schema = 1
name = "login"
author = "Ann Author <ann@example.com>"
at = 2025-04-01T12:00:00Z
[[step]]
kind = "start"
branch = "hotfix/login-again"
at = "preprod"
[[step]]
kind = "commit"
branch = "hotfix/login-again"
message = "Fix the login again"
[[step.file]]
path = "login.txt"
text = "fixed\\n"
"""

# What a terminal, a spreadsheet or a wiki would take for more than text.
HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07clear",
    "carriage\rreturn",
    "right\u202eleft",
    "=cmd|' /C calc'!A0",
    "@mention `code` <script>alert(1)</script> | pipe | [link](http://x)",
    "\x9b31mred \x7f",
    "+1 -2 \u2028 line separator",
)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "shell")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A fix that was ported, one that is waived, and many that are missing, with hostile subjects."""
    with RepoBuilder(tmp_path / "shop") as made:
        made.commit("production", {"a.txt": "1\n", "branchsim.toml": _TOPOLOGY})
        made.branch("integration", "production")
        fix = made.commit("production", {"a.txt": "1\n2\n"}, subject="Fix the price")
        made.commit("production", {"waived.txt": "1\n"}, subject="Production only")
        for number, subject in enumerate(HOSTILE):
            made.commit(
                "production",
                {f"{number}.txt": "x\n"},
                subject=subject,
                author=f"{subject.replace('<', '').replace('>', '')} <a@example.com>",
            )
        made.commit("integration", {"b.txt": "1\n"})
        made.pick(into="integration", commit=fix)
        made.branch("feature/long-name-" + "x" * 60, "integration")
    made.checkout("production")
    return made.path


def _commands(repo: Path) -> list[tuple[str, ...]]:
    return [
        ("audit", str(repo)),
        ("audit", str(repo), "--all"),
        ("match", str(repo), "-s", "production", "-t", "integration"),
        ("topology", str(repo)),
        ("topology", str(repo), "--guess"),
    ]


@pytest.mark.parametrize("columns", [80, 120])
def test_tables_fit_the_terminal(shell: Shell, repo: Path, columns: int) -> None:
    for command in _commands(repo):
        done = shell.run(*command, variables={"COLUMNS": str(columns)})
        assert done.returncode in {CLEAN, FINDINGS}
        # A command to copy is one line, and a path is not broken, however long it is.
        lines = [line.replace(str(repo), "shop") for line in done.stdout.splitlines() if "branchsim " not in line]
        assert [line for line in lines if len(line) > columns] == [], command
        assert [line for line in done.stdout.splitlines() if line != line.rstrip()] == []


@pytest.mark.parametrize("form", ["table", "json", "csv", "markdown"])
def test_hostile_text_cannot_drive_a_terminal(shell: Shell, repo: Path, form: str) -> None:
    for command in _commands(repo):
        done = shell.run(*command, "--format", form)
        assert done.stderr == ""
        strange = {character for character in done.stdout if not character.isprintable()} - {"\n"}
        assert strange == set(), command


def test_an_audit_leads_with_what_needs_a_person_and_shows_how_to_check_it(shell: Shell, repo: Path) -> None:
    done = shell.run("audit", repo)
    assert done.returncode == FINDINGS
    lines = done.stdout.splitlines()
    assert f"read from branchsim.toml of {repo}" in " ".join(lines[:4])
    rows = [line for line in lines if line.startswith(" missed")]
    assert len(rows) == len(HOSTILE)
    assert sum("$ git " in line for line in lines) >= len(rows)
    assert "9 obligations: 1 retrofitted, 7 missed, 1 waived" in done.stdout


def test_one_loss_on_several_branches_is_one_row(shell: Shell, tmp_path: Path) -> None:
    story = Story(tmp_path / "shop")
    story.hotfix("login", {"app.c": edited(CODE, 7, "700")})
    dropped = story.merge("hotfix/login", "integration", files={"app.c": CODE})
    story.release()
    done = shell.run("audit", story.repo.finish())
    assert done.stdout.count(f"$ git show --remerge-diff {dropped[:12]} -- 'app.c'") == 1
    _, _, rows = done.stdout.partition("\nOverwritten")
    assert [line.split()[0] for line in rows.splitlines() if re.match(r" {8}pr", line)] == ["production", "preprod"]


def test_a_clean_audit_says_so_and_ends_with_zero(shell: Shell, tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "clean") as made:
        made.commit("production", {"a.txt": "1\n", "branchsim.toml": _TOPOLOGY})
        made.branch("integration", "production")
    made.checkout("production")
    for form in ("table", "json", "csv", "markdown"):
        done = shell.run("audit", made.path, "--format", form)
        assert (done.returncode, done.stderr) == (CLEAN, "")
    done = shell.run("match", made.path, "-s", "production", "-t", "integration")
    assert (done.returncode, done.stdout.splitlines()[0][:9]) == (CLEAN, "0 commits")


def test_a_topology_that_owes_nothing_is_not_a_clean_bill(shell: Shell, repo: Path) -> None:
    (repo / "branchsim.toml").write_text(
        '[[branch]]\nname = "production"\nlayer = "RUN"\ndirect = true\n', encoding="utf-8"
    )
    done = shell.run("audit", repo)
    assert done.returncode == CLEAN
    assert "Nothing was judged" in done.stdout


def test_csv_holds_every_obligation_and_no_formula(shell: Shell, repo: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(shell.run("audit", repo, "--format", "csv").stdout)))
    assert [row["verdict"] for row in rows].count("missed") == len(HOSTILE)
    assert {row["verdict"] for row in rows} == {"missed", "retrofitted", "waived"}
    assert not [value for row in rows for value in row.values() if value.startswith(("=", "+", "-", "@"))]
    exact = json.loads(shell.run("audit", repo, "--format", "json").stdout)["obligations"]
    assert [row["change"] for row in rows] == [record["change"] for record in exact]


def test_json_keeps_what_the_repository_says(shell: Shell, repo: Path) -> None:
    found = json.loads(shell.run("audit", repo, "--format", "json").stdout)
    subjects = {record["subject"] for record in found["obligations"]}
    assert "=cmd|' /C calc'!A0" in subjects
    assert any("\x1b[2J" in subject for subject in subjects)


def test_markdown_is_a_table_in_which_nothing_is_markup(shell: Shell, repo: Path) -> None:
    done = shell.run("audit", repo, "--format", "markdown")
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    cells = [len(re.findall(r"(?<!\\)\|", row)) for row in rows]
    assert len(rows) == len(HOSTILE) + 2
    assert len({*cells}) == 1
    assert not re.search(r"(?<!\\)[<`\[]", "".join(rows))


def test_what_a_commit_lost_and_what_came_that_should_not_have_their_signs(shell: Shell, tmp_path: Path) -> None:
    fixed = edited(CODE, 7, "700")
    with RepoBuilder(tmp_path / "repo") as made:
        made.commit("main", {"a.c": CODE, "b.c": CODE, "c.c": "int c;\n"})
        made.branch("topic", "main")
        made.commit("main", {"a.c": fixed, "b.c": CODE + "int one;\n", "c.c": None})
        made.commit("topic", {"b.c": CODE + "int two;\n"})
        torn = f"{CODE}<<<<<<< HEAD\nint one;\n=======\nint two;\n>>>>>>> topic\n"
        made.merge(into="main", source="topic", files={"a.c": CODE, "b.c": torn, "c.c": "int c;\n"})
    done = shell.run("inspect", made.path, "main")
    assert done.returncode == FINDINGS
    signs = {line[2:] for line in done.stdout.splitlines() if line.startswith(("  + ", "  - "))}
    assert {"- int value_7 = 700;", "+ int value_7 = 7;", "+ <<<<<<< HEAD", "+ >>>>>>> topic", "+ int c;"} <= signs


def test_tabs_of_a_file_are_printed_as_spaces(shell: Shell, tmp_path: Path) -> None:
    code = CODE.replace("int value", "\tint value")
    with RepoBuilder(tmp_path / "repo") as made:
        made.commit("main", {"a.c": code})
        made.branch("topic", "main")
        made.commit("main", {"a.c": edited(code, 7, "700")})
        made.commit("topic", {"b.c": "int b;\n"})
        made.merge(into="main", source="topic", files={"a.c": code, "b.c": "int b;\n"})
    told = shell.run("inspect", made.path, "main").stdout
    assert "    |     int value_7 = 700;" in told
    assert "\N{REPLACEMENT CHARACTER}" not in told


class TestTopology:
    """``branchsim topology``."""

    @pytest.mark.parametrize(
        "name", ["build-run", "build-run-merge-back", "gitflow", "release-train", "release-train-back", "trunk"]
    )
    def test_a_preset_becomes_a_file_that_reads_back(self, shell: Shell, name: str) -> None:
        file = shell.home / "branchsim.toml"
        assert shell.run("topology", "--preset", name, "--write", file).returncode == CLEAN
        one = json.loads(shell.run("topology", "--preset", name, "--format", "json").stdout)
        other = json.loads(shell.run("topology", file, "--format", "json").stdout)
        assert one["topology"] == other["topology"]
        assert one["owed"] == other["owed"]
        assert [entry.name for entry in shell.home.iterdir()] == ["branchsim.toml"]

    def test_force_replaces_a_file(self, shell: Shell) -> None:
        file = shell.home / "branchsim.toml"
        file.write_text("old", encoding="utf-8")
        assert shell.run("topology", "--preset", "trunk", "--write", file, "--force").returncode == CLEAN
        assert 'name = "trunk"' in file.read_text(encoding="utf-8")

    def test_a_guess_is_written_with_its_reasons_and_can_be_audited(self, shell: Shell, repo: Path) -> None:
        file = shell.home / "guessed.toml"
        done = shell.run("topology", repo, "--guess", "--write", file)
        assert (done.returncode, done.stderr) == (CLEAN, "")
        text = file.read_text(encoding="utf-8")
        assert text.startswith("# From: guessed from the branches and their merges\n# ")
        shown = shell.run("topology", repo, "--guess").stdout
        assert shown.count("\n  - ") >= 1
        assert shell.run("audit", repo, "--topology", file).returncode in {CLEAN, FINDINGS}

    def test_a_sfdx_hardis_project_is_converted(self, shell: Shell, tmp_path: Path) -> None:
        project = tmp_path / "project"
        (project / "config").mkdir(parents=True)
        (project / "config" / ".sfdx-hardis.yml").write_text(
            "developmentBranch: integration\nproductionBranch: main\navailableTargetBranches: [integration, preprod]\n",
            encoding="utf-8",
        )
        for branch, target in (("integration", "preprod"), ("preprod", "main")):
            file = project / "config" / "branches" / f".sfdx-hardis.{branch}.yml"
            file.parent.mkdir(exist_ok=True)
            file.write_text(f"mergeTargets: [{target}]\n", encoding="utf-8")
        done = shell.run("topology", project, "--format", "toml")
        assert (done.returncode, done.stderr) == (CLEAN, "")
        converted = shell.home / "t.toml"
        converted.write_text(done.stdout, encoding="utf-8")
        found = json.loads(shell.run("topology", converted, "--format", "json").stdout)["topology"]
        assert [branch["name"] for branch in found["branch"]] == ["integration", "preprod", "main"]

    def test_it_says_which_branches_the_repository_does_not_have(self, shell: Shell, repo: Path) -> None:
        (repo / "branchsim.toml").write_text(_TOPOLOGY.replace('"integration"', '"integratoin"'), encoding="utf-8")
        done = shell.run("topology", repo)
        assert done.returncode == CLEAN
        assert "integratoin does not exist in" in done.stdout
        assert "did you mean 'integration'?" in done.stdout.replace("\n    ", " ")

    def test_mermaid_and_markdown_draw_the_same(self, shell: Shell) -> None:
        drawing = shell.run("topology", "--preset", "gitflow", "--format", "mermaid").stdout
        assert drawing.startswith("flowchart ")
        assert drawing in shell.run("topology", "--preset", "gitflow", "--format", "markdown").stdout


class TestSources:
    """Which topology an audit takes without being told, and that it says so."""

    def test_the_guess(self, shell: Shell, repo: Path) -> None:
        (repo / "branchsim.toml").unlink()
        done = shell.run("audit", repo)
        assert "guessed from the branches and their merges:" in done.stdout
        assert "--guess --write branchsim.toml" in done.stdout

    def test_its_own_file_in_a_bare_repository(self, shell: Shell, tmp_path: Path) -> None:
        with RepoBuilder(tmp_path / "bare", bare=True) as made:
            made.commit("main", {"branchsim.toml": _TOPOLOGY})
            made.branch("integration", "main")
            made.branch("production", "main")
        done = shell.run("audit", made.path)
        assert re.search(r"read from branchsim\.toml of\s+revision", done.stdout)

    def test_the_configuration_of_sfdx_hardis(self, shell: Shell, repo: Path) -> None:
        (repo / "branchsim.toml").unlink()
        (repo / "config").mkdir()
        (repo / "config" / ".sfdx-hardis.yml").write_text(
            "productionBranch: production\ndevelopmentBranch: integration\n", encoding="utf-8"
        )
        assert re.search(r"read\s+from\s+the\s+sfdx-hardis\s+configuration", shell.run("audit", repo).stdout)
        # It may name branches in other letters, or that are not there yet.
        (repo / "config" / ".sfdx-hardis.yml").write_text(
            "productionBranch: Production\ndevelopmentBranch: integration\navailableTargetBranches: [uat-soon]\n",
            encoding="utf-8",
        )
        said = " ".join(shell.run("audit", repo).stdout.split())
        assert "'Production' is called 'production' in the repository" in said
        assert "'uat-soon' does not exist: it is left out" in said

    def test_many_reasons_are_cut_short(self, shell: Shell, tmp_path: Path) -> None:
        with RepoBuilder(tmp_path / "many") as made:
            made.commit("main", {"a": "1\n"})
            for number in range(1, 5):
                branch = f"release/{number}.0"
                made.branch(branch, "main")
                made.commit(branch, {f"r{number}": "1\n"})
                for part in range(4):
                    made.branch(f"fix/{number}-{part}", "main")
                    made.commit(f"fix/{number}-{part}", {f"f{number}{part}": "1\n"})
                    made.merge(into="main", source=f"fix/{number}-{part}")
                made.tag(f"v{number}.0", branch)
        reasons = json.loads(shell.run("topology", made.path, "--guess", "--format", "json").stdout)["reasons"]
        shown = [line for line in shell.run("audit", made.path).stdout.splitlines() if line.startswith("  - ")]
        assert len(reasons) > len(shown) - 1
        if len(reasons) > 4:
            assert shown[-1].startswith(f"  - and {len(reasons) - 4} more reasons: branchsim topology ")


class TestEnding:
    """Interruptions, readers that leave, signals."""

    @staticmethod
    def _stuck(shell: Shell, repo: Path, tmp_path: Path, command: str = "audit") -> subprocess.Popen[bytes]:
        """A command whose ``git log`` never ends, once it has begun."""
        slow = tmp_path / "bin"
        slow.mkdir()
        begun = tmp_path / "begun"
        real = next(Path(place, "git") for place in os.environ["PATH"].split(":") if Path(place, "git").exists())
        (slow / "git").write_text(
            f'#!/bin/sh\nfor word; do if [ "$word" = log ]; then echo $$ > {begun}; exec sleep 300; fi; done\n'
            f'exec {shlex.quote(str(real))} "$@"\n',
            encoding="utf-8",
        )
        (slow / "git").chmod(0o755)
        process = shell.start(command, repo, variables={"PATH": f"{slow}:{os.environ['PATH']}"})
        deadline = time.monotonic() + 60
        while not (begun.exists() and begun.read_text(encoding="utf-8").strip()):
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        # A moment, so that the process is known to whoever has to end it. (A real git that nobody knows ends by itself
        # when its pipes are closed; this one sleeps.)
        time.sleep(0.3)
        return process

    @pytest.mark.parametrize(
        ("number", "code", "said"),
        [
            (signal.SIGINT, 130, b"branchsim: interrupted; nothing was changed\n"),
            (signal.SIGTERM, 143, b""),
            (signal.SIGHUP, 129, b""),
        ],
    )
    def test_a_signal(
        self, shell: Shell, repo: Path, tmp_path: Path, number: signal.Signals, code: int, said: bytes
    ) -> None:
        with self._stuck(shell, repo, tmp_path) as process:
            assert shell.left_behind() != []
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err) == (code, b"", said)
        assert shell.left_behind() == []
        child = int((tmp_path / "begun").read_text(encoding="utf-8"))
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)

    def test_a_report_is_interrupted_with_the_process_that_runs_its_notebook(
        self, shell: Shell, repo: Path, tmp_path: Path
    ) -> None:
        with self._stuck(shell, repo, tmp_path, "report") as process:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (130, b"", b"branchsim: interrupted; nothing was changed\n")
        assert shell.left_behind() == []
        assert not (shell.home / "report.html").exists()
        child = int((tmp_path / "begun").read_text(encoding="utf-8"))
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)

    @pytest.mark.parametrize("form", ["table", "json", "csv", "markdown"])
    def test_a_reader_that_leaves_is_no_error_and_changes_no_exit_code(
        self, shell: Shell, repo: Path, form: str
    ) -> None:
        with shell.start("audit", repo, "--all", "--format", form) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode == FINDINGS

    def test_nothing_is_left_behind(self, shell: Shell, repo: Path) -> None:
        for command in _commands(repo):
            shell.run(*command)
            assert shell.left_behind() == []


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class TestProgress:
    """Only for a person who watches."""

    def test_nothing_where_nobody_watches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        with progress_module.progress() as report:
            assert report is None

    def test_on_a_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal = _Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        with progress_module.progress() as report:
            assert report is not None
            time.sleep(0.35)
            report("comparing \x1b[2Jbranches", None)
            report("comparing", 5)
        assert "comparing \N{REPLACEMENT CHARACTER}[2Jbranches" in terminal.getvalue()
        assert "\x1b[2J" not in terminal.getvalue()


class TestHelp:
    """Help that can be followed, and completion."""

    @pytest.mark.parametrize("name", [command.name or "" for command in app.registered_commands])
    def test_the_example_of_every_command_works(self, shell: Shell, tmp_path: Path, name: str) -> None:
        repo = load("story", tmp_path / "story")
        (repo / "plan.toml").write_text(_PLAN, encoding="utf-8")
        text = shell.run(name, "--help", variables={"COLUMNS": "200"}).stdout
        (example,) = re.findall(r"^ *Example: branchsim (.+?) *$", text, re.MULTILINE)
        # What asks a person before it does something is answered.
        answer = ["--yes"] if "--for-real" in example else []
        done = shell.run(*shlex.split(example), *answer, cwd=repo)
        assert done.returncode in {CLEAN, FINDINGS}, done.stderr
        assert done.stderr == ""

    def test_without_a_command_it_explains_itself(self, shell: Shell) -> None:
        done = shell.run()
        assert (done.returncode, done.stderr) == (2, "")
        assert "Example: branchsim demo" in done.stdout

    @pytest.mark.parametrize(
        ("typed", "offered"),
        [
            ("branchsim to", {"topology"}),
            ("branchsim audit --since prod", {"production"}),
            ("branchsim match . --source i", {"integration"}),
            ("branchsim audit --form", {"--format"}),
            ("branchsim audit --check le", {"leaks"}),
            ("branchsim audit --fail-on missed,lo", {"missed,lost"}),
            ("branchsim explore gi", {"gitflow"}),
            ("branchsim explore -m revert+st", {"revert+stale-commit"}),
            ("branchsim explore -p no-lost-fi", {"no-lost-fix"}),
            ("branchsim explore --guard no-s", {"no-squash-if-merged-again"}),
            ("branchsim report --format x", {"xlsx"}),
            ("branchsim demo --sample y", {"year"}),
        ],
    )
    def test_tab_completion(self, shell: Shell, repo: Path, typed: str, offered: set[str]) -> None:
        variables = {
            "_BRANCHSIM_COMPLETE": "complete_bash",
            "COMP_WORDS": typed,
            "COMP_CWORD": str(len(typed.split()) - 1),
        }
        done = shell.run(cwd=repo, variables=variables)
        assert offered <= set(done.stdout.split())
        assert done.stderr == ""

    def test_completion_is_quiet_where_there_is_no_repository(self, shell: Shell) -> None:
        variables = {
            "_BRANCHSIM_COMPLETE": "complete_bash",
            "COMP_WORDS": "branchsim audit --since x",
            "COMP_CWORD": "3",
        }
        done = shell.run(variables=variables)
        assert (done.stdout.strip(), done.stderr) == ("", "")


@pytest.mark.parametrize("text", HOSTILE)
def test_printable_text_is_printable(text: str) -> None:
    assert printable(text).isprintable()
    assert escape_markdown(text).isprintable()
