"""``branchsim demo``: leads with what needs a person, fits the terminal, and every command it shows works."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from branchsim.sample import read_truth


def _demo(*arguments: str, columns: int = 80, tmp: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "branchsim", "demo", *arguments],
        capture_output=True, text=True, check=False,
        env={**os.environ, "COLUMNS": str(columns)} | ({"TMPDIR": str(tmp)} if tmp is not None else {}),
    )  # fmt: skip


def test_it_shows_what_is_missed_and_its_commands_work(tmp_path: Path) -> None:
    repo = tmp_path / "shop"
    done = _demo("--keep", str(repo), columns=300)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    missed = next(row for row in read_truth("story") if row.verdict == "missed")
    assert missed.subject in done.stdout
    commands = [line.partition("$ ")[2].strip() for line in done.stdout.splitlines() if "$ git " in line]
    assert commands
    for command in commands:
        shown = subprocess.run(shlex.split(command), cwd=repo, capture_output=True, check=False)
        assert shown.returncode == 0, (command, shown.stderr)


def test_it_fits_the_terminal(tmp_path: Path) -> None:
    repo = tmp_path / "shop"
    done = _demo("--keep", str(repo))
    # What is to be copied is not wrapped.
    prose = [line for line in done.stdout.splitlines() if str(repo) not in line]
    assert max(map(len, prose)) <= 80


def test_without_a_directory_it_takes_a_new_one_each_time(tmp_path: Path) -> None:
    for _ in range(2):
        assert _demo(tmp=tmp_path).returncode == 0
    assert len([path for path in tmp_path.iterdir() if path.name.startswith("branchsim-story-")]) == 2
    assert all((path / ".git").is_dir() for path in tmp_path.iterdir())


def test_wrong_uses_are_one_sentence_and_code_2(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    for arguments, word in ((("--keep", str(tmp_path)), "not empty"), (("--sample", "yaer"), "did you mean 'year'")):
        done = _demo(*arguments, tmp=tmp_path)
        assert done.returncode == 2
        assert done.stdout == ""
        assert word in done.stderr
        assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
