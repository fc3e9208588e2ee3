"""The command line: ``branchsim COMMAND``, a file for each command."""

from __future__ import annotations

import signal
import sys
import warnings
from typing import TYPE_CHECKING, Any, NoReturn

from branchsim.garbage import seldom_collected

if TYPE_CHECKING:
    from types import FrameType

CLEAN, FINDINGS, USAGE = 0, 1, 2
"""Exit codes: nothing found, something found, it could not be done (a wrong use or input, git failed, a defect)."""

INTERRUPTED = 130
"""The exit code after Ctrl-C."""

_INTERRUPTION = "interrupted; nothing was changed"
_SIGNALLED = 128


@seldom_collected()
def main() -> NoReturn:
    """Run the command line and exit: 0 clean, 1 findings, 2 a wrong use or input, 130 interrupted."""
    from branchsim.errors import BranchsimError

    warnings.showwarning = _show_warning
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            # Without a handler the process would end at once and leave its scratch repositories behind.
            signal.signal(getattr(signal, name), _leave)
    try:
        from branchsim.cli.app import app

        code = app(prog_name="branchsim", standalone_mode=False)
        if code == INTERRUPTED:  # the parser has caught Ctrl-C, and said nothing
            complain(_INTERRUPTION)
    except BranchsimError as error:
        complain(str(error))
        code = USAGE
    except KeyboardInterrupt:
        complain(_INTERRUPTION)
        code = INTERRUPTED
    except Exception as error:  # noqa: BLE001  a defect must not end with the exit code of a finding
        code = _of_parser(error)
    sys.exit(code if isinstance(code, int) else CLEAN)


def complain(sentence: str) -> None:
    """Write one line to standard error, without anything that could drive a terminal."""
    text = " ".join("".join(c if c.isprintable() else " " for c in sentence).split())
    try:
        sys.stderr.write(f"branchsim: {text}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass  # nobody listens; the exit code still tells


def _of_parser(error: Exception) -> int:
    """The exit code for an error of the argument parser, after it has been told; of anything else, a defect."""
    import typer

    if isinstance(error, typer.Abort):
        complain(_INTERRUPTION)
        return INTERRUPTED
    # The parser is click, or typer's own copy of it; what both have in common is how they word a wrong use.
    if hasattr(error, "format_message"):
        context = getattr(error, "ctx", None)
        where = context.command_path if context is not None else "branchsim"
        told = error.format_message().replace("Value error, ", "").rstrip(".")  # a word of the library that checks it
        complain(f"{told}; see '{where} --help'")
        return USAGE
    import traceback

    traceback.print_exception(error)
    complain(f"a defect: {type(error).__name__}: {error}; please report it with the lines above")
    return USAGE


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(_SIGNALLED + number)


def _show_warning(message: Warning | str, category: type[Warning], *_where: Any, **_more: Any) -> None:
    """Warnings of this library in one line; those of others are for their developers."""
    if category.__module__.startswith("branchsim"):
        complain(f"note: {message}")
