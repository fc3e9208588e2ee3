"""Run the command line as a user does: a process of its own, with an environment that the test chooses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from support.warm import warm

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]

_AT_START = ("PYTHON", "LC_", "LANG", "TZ")
"""What the names of variables begin with that an interpreter reads when it starts: it has to be a new one."""


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
        words = [os.fspath(each) for each in arguments]
        if any(name.startswith(_AT_START) for name in variables or ()):
            with self.start(*words, cwd=cwd, variables=variables) as process:
                out, err = process.communicate(timeout=120)
            code = process.returncode
        else:
            code, out, err = warm().run(words, cwd or self.home, {**self.variables, **(variables or {})})
        return subprocess.CompletedProcess(
            ["branchsim", *words], code, out.decode("utf-8"), err.decode("utf-8", "replace")
        )

    def left_behind(self) -> list[str]:
        """What is in the temporary directory."""
        return sorted(entry.name for entry in self.temporary.iterdir())


__all__ = ["ROOT", "Shell"]
