"""The command line: ``branchsim COMMAND``, a file for each command."""

from __future__ import annotations

import os
import sys

CLEAN, FINDINGS, USAGE = 0, 1, 2
"""Exit codes: nothing found, something found, the input or the use was wrong."""

_INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit: 0 clean, 1 findings, 2 a wrong use or input, 130 interrupted."""
    from branchsim.errors import BranchsimError

    try:
        from branchsim.cli.app import app

        code = app(standalone_mode=False)
    except BranchsimError as error:
        _complain(str(error))
        code = USAGE
    except KeyboardInterrupt:
        _complain("interrupted; nothing was changed")
        code = _INTERRUPTED
    except BrokenPipeError:
        # The reader has gone (`| head`); what Python flushes at exit would fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = CLEAN
    except Exception as error:
        code = _of_click(error)
    sys.exit(code if isinstance(code, int) else CLEAN)


def _of_click(error: Exception) -> int:
    """The exit code for an error of the argument parser, after it has been told; others are raised again."""
    import typer

    if isinstance(error, typer.Abort):
        _complain("interrupted; nothing was changed")
        return _INTERRUPTED
    # The parser is click, or typer's own copy of it; what both have in common is how they word a wrong use.
    if hasattr(error, "format_message"):
        _complain(error.format_message())
        return USAGE
    raise error


def _complain(sentence: str) -> None:
    text = " ".join(sentence.split())
    sys.stderr.write(f"branchsim: {text}\n")
