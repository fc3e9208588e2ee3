"""A process that has read the modules of ``branchsim`` and forks for each command or script.

Most of what a short command takes is the interpreter's start and reading modules. What is forked is a process like any
other, with its own environment, directory, standard streams and end.
"""

from __future__ import annotations

import atexit
import functools
import importlib
import json
import os
import pkgutil
import runpy
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import branchsim

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SECONDS = 120
# Read on use by few commands, or by none.
_LEFT_OUT = ("branchsim.__main__", "branchsim.notebook", "branchsim.plot", "branchsim.testing")


class Warm:
    """The process, as those see it who send it commands."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2]), "LANG": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        atexit.register(self._process.communicate)

    def run(
        self, arguments: Sequence[str], cwd: Path, variables: Mapping[str, str], script: str | None = None
    ) -> tuple[int, bytes, bytes]:
        """Exit code (negative for a signal), standard output and standard error.

        Of ``branchsim`` with arguments, or of a script as ``python -c`` takes it.

        Raises
        ------
        subprocess.TimeoutExpired
            It did not end; it was killed.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as err:
            wanted = {
                "arguments": arguments,
                "cwd": str(cwd),
                "variables": {**variables},
                "script": script,
                "streams": [out.name, err.name],
            }
            self._process.stdin.write(json.dumps(wanted).encode() + b"\n")
            self._process.stdin.flush()
            code = json.loads(self._process.stdout.readline())
            if code is None:
                raise subprocess.TimeoutExpired(["branchsim", *arguments], _SECONDS)
            return code, out.read(), err.read()


@functools.cache
def warm() -> Warm:
    """The one of this process, started when it is first asked for."""
    return Warm()


def _serve() -> None:
    for module in pkgutil.walk_packages(branchsim.__path__, "branchsim."):
        if not module.name.startswith(_LEFT_OUT):
            importlib.import_module(module.name)
    for line in sys.stdin.buffer:
        wanted = json.loads(line)
        child = os.fork()
        if not child:
            os._exit(_command(**wanted))
        sys.stdout.write(f"{json.dumps(_end(child))}\n")
        sys.stdout.flush()


def _end(child: int) -> int | None:
    """The exit code of a child, negative for a signal; None if it had to be killed."""
    deadline = time.monotonic() + _SECONDS
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.002)


def _command(arguments: list[str], cwd: str, variables: dict[str, str], script: str | None, streams: list[str]) -> int:
    """What the interpreter does from its start to its end."""
    for descriptor, name in enumerate([os.devnull, *streams]):
        opened = os.open(name, os.O_RDWR)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(variables)
    sys.argv = ["branchsim", *arguments]
    code: Any = 0
    try:
        if script is None:
            runpy.run_module("branchsim", run_name="__main__", alter_sys=True)
        else:
            exec(script, {"__name__": "__main__"})  # noqa: S102  a test wrote it
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001  as the interpreter does
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


if __name__ == "__main__":
    _serve()
