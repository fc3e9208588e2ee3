"""The commands, gathered."""

from __future__ import annotations

import typer

from branchsim.cli import audit, demo, match

app = typer.Typer(
    name="branchsim",
    help="Did our hotfix survive? Audit, simulate and test the branches you release from.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("audit")(audit.audit)
app.command("match")(match.match)
app.command("demo")(demo.demo)


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", help="Print the version and exit.", is_eager=True),
) -> None:
    if version:
        from branchsim import __version__

        typer.echo(f"branchsim {__version__}")
        raise typer.Exit
