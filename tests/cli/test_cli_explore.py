"""``branchsim explore``, as people call it."""

from __future__ import annotations

import csv
import io
import json
import runpy
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.cli import ROOT, Shell

from branchsim.cli.explore import COLUMNS
from branchsim.testing import ScratchRepo

FEW = ("build-run", "trunk", "-m", "none", "-m", "force-push", "--depth", "5")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(tmp_path_factory.mktemp("shell"))


def _valid(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    schema = json.loads((ROOT / "docs" / "schemas" / "explore.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(found)
    return found


def test_the_table_says_safe_or_the_steps_of_the_shortest_loss(shell: Shell) -> None:
    done = shell.run("explore", *FEW)
    assert (done.returncode, done.stderr) == (1, "")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "force-push 4 steps 3 steps" in lines
    assert any(line.startswith("none safe,") for line in lines)
    assert "no guard stops it:" in lines
    assert "1. fix/1 starts from main with fix-1 in region 1." in lines


def test_the_guard_that_stops_a_loss_is_named_and_makes_the_exit_code_clean(shell: Shell) -> None:
    made = "skip-retrofit+one-sided-resolution"
    scope = ("--fixes", "1", "--features", "1", "--regions", "1")
    done = shell.run("explore", "build-run", "-m", made, *scope)
    assert done.returncode == 0
    assert "8 steps" in done.stdout
    assert "stopped by no-promotion-while-open:" in done.stdout
    # Another guard alone does not.
    done = shell.run("explore", "build-run", "-m", made, *scope, "--guard", "run-frozen-while-ahead")
    assert "no guard stops it" in done.stdout


def test_json_has_the_published_form_and_the_steps(shell: Shell) -> None:
    done = shell.run("explore", *FEW, "--format", "json")
    found = _valid(done.stdout)
    cell = next(each for each in found["cells"] if each["strategy"] == "trunk" and each["mistakes"] == ["force-push"])
    lost = cell["unguarded"]["counterexamples"][0]
    assert [step["operation"] for step in lost["steps"]] == ["start", "pull-request", "force-push"]
    assert lost["replayed"] is True
    assert lost["audited"] is True
    assert found["complete"] is True


def test_csv_and_markdown(shell: Shell) -> None:
    rows = list(csv.DictReader(io.StringIO(shell.run("explore", *FEW, "--format", "csv").stdout)))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["strategy"], row["mistakes"], row["steps"]) for row in rows] == [
        ("build-run", "", ""),
        ("build-run", "force-push", "4"),
        ("trunk", "", ""),
        ("trunk", "force-push", "3"),
    ]
    text = shell.run("explore", *FEW, "--format", "markdown").stdout
    assert "| mistakes | build-run | trunk |" in text
    assert "1. hotfix/1 starts from preprod with fix-1 in region 1." in text


def test_counterexamples_are_written_as_files_that_work(shell: Shell, tmp_path: Path) -> None:
    place = tmp_path / "found"
    asked = ("explore", "trunk", "-m", "force-push", "--write", place)
    done = shell.run(*asked)
    assert done.returncode == 1
    names = sorted(path.name for path in place.iterdir())
    assert names == [
        "test_trunk_no_lost_fix_force_push.py",
        "trunk-no-lost-fix-force-push.md",
        "trunk-no-lost-fix-force-push.png",
        "trunk-no-lost-fix-force-push.sh",
    ]
    script = subprocess.run(
        ["sh", str(place / names[3]), str(tmp_path / "made")], check=False, capture_output=True, text=True
    )
    assert (script.returncode, script.stderr) == (0, "")
    assert (place / names[2]).read_bytes().startswith(b"\x89PNG")
    regression = runpy.run_path(str(place / names[0]))
    with pytest.raises(AssertionError, match="no-lost-fix is broken by step 3, and nothing stops it"):
        regression["test_no_lost_fix_force_push"]()
    # A second time nothing is replaced unless it is asked for.
    again = shell.run(*asked)
    assert again.returncode == 2
    assert "exists already" in again.stderr
    assert shell.run(*asked, "--force", "--as", "script").returncode == 1


def test_a_topology_file_and_a_repository_are_strategies_too(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "branchsim.toml"
    shell.run("topology", "--preset", "trunk", "--write", file)
    done = shell.run("explore", file, "-m", "stale-commit", "--depth", "4")
    assert "3 steps" in done.stdout
    with ScratchRepo() as repo:
        repo.commit("main", {"branchsim.toml": file.read_text(encoding="utf-8")}, message="Begin")
        repo.clone(tmp_path / "repo", branch="main")
    done = shell.run("explore", tmp_path / "repo", "-m", "none", "--depth", "3")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("gitflo",), r"'gitflo' is neither a preset .* \(did you mean 'gitflow'\?\)"),
        (("trunk", "-m", "forced-push"), r"unknown mistake 'forced-push' \(did you mean 'force-push'"),
        (("trunk", "-p", "no-lost-fixes"), r"unknown property 'no-lost-fixes'"),
        (("trunk", "--guard", "frozen"), r"unknown guard 'frozen'"),
        (("trunk", "--depth", "0"), r"depth must be a whole number from 1, not 0"),
        (("trunk", "--max-memory", "plenty"), r"--max-memory: 'plenty' is no size"),
        (("trunk", "--regions", "0"), r"regions must be a whole number from 1"),
        (("trunk", "--write", "/dev/null/x", "-m", "force-push"), r"cannot be written"),
    ],
)
def test_bad_input_is_one_sentence(shell: Shell, arguments: tuple[str, ...], sentence: str) -> None:
    import re

    done = shell.run("explore", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert re.search(sentence, done.stderr)


def test_a_bound_on_memory_is_said_with_how_far_it_got(shell: Shell) -> None:
    done = shell.run("explore", "build-run", "-m", "wrong-base", "--depth", "20", "--max-memory", "12M")
    assert done.returncode == 0
    assert "cut" in done.stdout
    words = " ".join(done.stdout.split())
    assert "a search was stopped at the bound on memory after" in words
    assert "every history of up to" in words


def test_ctrl_c_prints_what_is_known(shell: Shell) -> None:
    process = shell.start(
        "explore", "trunk", "build-run", "-m", "wrong-base", "--depth", "30", "--max-states", "90000000"
    )
    # It is in the midst of the search when it has taken much more memory than the interpreter needs.
    statm = Path(f"/proc/{process.pid}/statm")
    while int(statm.read_text(encoding="ascii").split()[1]) * 4096 < 180_000_000:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.decode().splitlines() == ["branchsim: interrupted; what was known by then is above"]
    text = " ".join(out.decode().split())
    assert "wrong-base safe, 44" in text
    assert "a search was stopped by Ctrl-C after" in text
