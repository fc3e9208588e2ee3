"""The commands, gathered."""

from __future__ import annotations

from typing import Annotated

import typer

from branchsim.cli import USAGE, audit, demo, execute, explore, inspect, match, report, simulate, topology, trace

app = typer.Typer(
    name="branchsim",
    help="Did our hotfix survive? Audit, simulate and test the branches you release from.\n\n"
    "Example: branchsim demo\n\n"
    "Exit code 0: nothing needs a person. 1: something does. 2: it could not be done; one sentence says why.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
app.command("audit")(audit.audit)
app.command("match")(match.match)
app.command("inspect")(inspect.inspect)
app.command("trace")(trace.trace)
app.command("topology")(topology.topology)
app.command("simulate")(simulate.simulate)
app.command("execute")(execute.execute)
app.command("explore")(explore.explore)
app.command("report")(report.report)
app.command("demo")(demo.demo)


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
