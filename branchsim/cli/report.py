"""``branchsim report``: an audit as one file to hand on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from branchsim.cli import CLEAN, complete
from branchsim.cli.options import Cache, Since, TopologyFile, Trailers, Until

_REPOSITORY = Path()


def report(
    repo: Annotated[
        Path, typer.Argument(help="The repository: a work tree or a bare one.", metavar="REPO", show_default=False)
    ] = _REPOSITORY,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="FILE", help="The file to write; its ending says the form."),
    ] = Path("report.html"),
    topology: TopologyFile = None,
    since: Since = None,
    until: Until = None,
    trailers: Trailers = True,
    cache: Cache = True,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORM",
            help="html, markdown or xlsx; without it by the ending of the file.",
            autocompletion=complete.names(complete.forms),
        ),
    ] = None,
) -> int:
    """An audit as one file to hand on: a summary, every finding with its evidence, pictures, tables.

    HTML is a single file that loads nothing. Markdown has its pictures in a directory beside it. xlsx has a sheet for
    each table.

    Example: branchsim report . --since 2025-01-01 --out report.html

    Exit code 0 if the report is written, whatever it says; 2 if it is not.
    """
    from branchsim.cli.output import one_line, say
    from branchsim.cli.progress import progress
    from branchsim.report import write_report

    with progress() as watch:
        written = write_report(
            repo,
            out,
            topology=topology,
            since=since,
            until=until,
            trailers=trailers,
            cache=cache,
            form=form,
            report=watch,
        )
    more = f" and {len(written) - 1} pictures beside it" if len(written) > 1 else ""
    say(one_line(f"{written[0]}{more}"))
    return CLEAN
