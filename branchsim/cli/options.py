"""The options that `branchsim audit` and `branchsim report` have in common."""

# Typer reads the annotations, so what they name has to be there when it does.
from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from branchsim.cli import complete

TopologyFile = Annotated[
    Path | None,
    typer.Option(
        "--topology",
        "-T",
        metavar="FILE",
        help="A branchsim.toml, or a project that describes its branches. Without it the repository's own "
        "branchsim.toml, else its sfdx-hardis configuration, else a guess.",
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="WHEN",
        help="Only changes that landed since then: a date, or a revision.",
        autocompletion=complete.revisions,
    ),
]
Until = Annotated[
    str | None,
    typer.Option(
        "--until",
        metavar="WHEN",
        help="The state as of then: a date, or a revision.",
        autocompletion=complete.revisions,
    ),
]
Trailers = Annotated[
    bool, typer.Option("--trailers/--no-trailers", help="Whether 'cherry picked from commit' and its like count.")
]
Cache = Annotated[bool, typer.Option("--cache/--no-cache", help="Whether facts about commits are kept on disk.")]
