"""Run the command line as a user does: a process of its own, with an environment that the test chooses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]


class Shell:
    """Where commands are run: a home, a temporary directory and a cache of their own.

    Parameters
    ----------
    path : Path
        A directory that may be filled.
    """

    def __init__(self, path: Path) -> None:
        self.home = path / "home"
        self.temporary = path / "temporary"
        self.cache = path / "cache"
        for directory in (self.home, self.temporary):
            directory.mkdir(parents=True)
        self.variables: dict[str, str] = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "BRANCHSIM_CACHE": str(self.cache),
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "80",
            "LANG": "C.UTF-8",
            # What the interpreter leaves behind is not what the command leaves behind.
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def start(
        self, *arguments: str | os.PathLike[str], cwd: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """A running ``branchsim``."""
        return subprocess.Popen(
            [sys.executable, "-m", "branchsim", *(os.fspath(each) for each in arguments)],
            cwd=cwd or self.home,
            env={**self.variables, **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(
        self, *arguments: str | os.PathLike[str], cwd: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """``branchsim`` with arguments, to its end."""
        process = self.start(*arguments, cwd=cwd, variables=variables)
        with process:
            out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(
            process.args, process.returncode, out.decode("utf-8"), err.decode("utf-8", "replace")
        )

    def left_behind(self) -> list[str]:
        """What is in the temporary directory."""
        return sorted(entry.name for entry in self.temporary.iterdir())


__all__ = ["ROOT", "Shell"]
