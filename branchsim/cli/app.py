"""The commands, gathered."""

from __future__ import annotations

from inspect import getdoc
from typing import TYPE_CHECKING, Annotated

import typer

from branchsim.cli import USAGE, audit, demo, execute, explore, inspect, match, report, simulate, topology, trace

if TYPE_CHECKING:
    from collections.abc import Callable

app = typer.Typer(
    name="branchsim",
    help="Did our hotfix survive? Audit, simulate and test the branches you release from.\n\n"
    "Example: branchsim demo\n\n"
    "Exit code 0: nothing needs a person. 1: something does. 2: it could not be done; one sentence says why.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)


def _paragraphs(command: Callable[..., int]) -> str:
    """The help of a command, a line for each paragraph: the terminal breaks them, not the source."""
    return "\n\n".join(" ".join(part.split()) for part in (getdoc(command) or "").split("\n\n"))


for _command in (
    audit.audit,
    match.match,
    inspect.inspect,
    trace.trace,
    topology.topology,
    simulate.simulate,
    execute.execute,
    explore.explore,
    report.report,
    demo.demo,
):
    app.command(_command.__name__, help=_paragraphs(_command))(_command)


def _version(wanted: bool) -> None:
    if wanted:
        from branchsim import __version__
        from branchsim.cli.output import say

        say(f"branchsim {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    del version  # its callback has done what there is to do
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(USAGE)
