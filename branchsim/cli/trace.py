"""``branchsim trace``: the life of one change, branch by branch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from branchsim.cli import CLEAN, FINDINGS, complete
from branchsim.cli.output import FORMAT_HELP, Format
from branchsim.formatting import many

if TYPE_CHECKING:
    from branchsim.audit.trace import Trace


def trace(
    repo: Annotated[Path, typer.Argument(help="The repository: a work tree or a bare one.", metavar="REPO")],
    commit: Annotated[
        str, typer.Argument(help="A commit of the change.", metavar="COMMIT", autocompletion=complete.revisions)
    ],
    topology: Annotated[
        Path | None, typer.Option("--topology", "-T", metavar="FILE", help="As for 'branchsim audit'.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="WHEN", help="The state as of then: a date, or a revision.")
    ] = None,
    output: Annotated[Format, typer.Option("--format", metavar="FORM", help=FORMAT_HELP)] = Format.TABLE,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Whether facts about commits are kept on disk.")
    ] = True,
) -> int:
    """Is my fix in uat? When one change came to each branch, how, what touched it, and whether it is live now.

    Example: branchsim trace . HEAD

    Exit code 0 if it is live on every branch it came to, 1 if it was lost on one, 2 if the input is wrong.
    """
    from branchsim.audit.trace import trace as run

    found = run(repo, commit, topology, until=until, cache="default" if cache else None)
    _show(found, output)
    return FINDINGS if any(each.state in {"undone", "gone"} for each in found.standings) else CLEAN


def _show(found: Trace, output: Format) -> None:
    from branchsim.cli import output as form

    if output is Format.JSON:
        form.write_json(found.to_dict())
        return
    whole = found.to_dict()
    if output is not Format.TABLE:
        columns = ("at", "branch", "event", "state", "share", "evidence", "counterpart", "landing", "subject")
        write = form.write_csv if output is Format.CSV else form.write_markdown
        write(whole["events"], columns)
        return
    typer.echo(form.printable(found.answer))
    typer.echo(f"{found.change[:12]} {form.printable(found.subject)} ({form.printable(found.author)})\n")
    form.table(
        f"Now ({whole['as_of'][:10] if whole['as_of'] else 'no history'})",
        ("branch", "state", "share", "since", "how it came"),
        [
            (
                each["branch"],
                each["state"],
                f"{each['share']:.0%}" if each["state"] != "absent" else "",
                (each["since"] or "")[:10],
                f"{each['evidence'] or ''} {(each['counterpart'] or '')[:12]}".strip(),
            )
            for each in whole["branches"]
        ],
        flexible="how it came",
    )
    telling = {*found.turns}
    turns = [each for each, step in zip(whole["events"], found.steps, strict=True) if step in telling and each["at"]]
    form.table(
        "What happened",
        ("when", "branch", "event", "state", "landing"),
        [
            (each["at"][:10], each["branch"], each["event"], each["state"], f"{each['landing'][:12]} {each['subject']}")
            for each in turns
        ],
        flexible="landing",
    )
    quiet = len(whole["events"]) - len(turns)
    if quiet:
        form.say(f"{many(quiet, 'more landing')} touched its files and left it as it was: --format csv lists them.")
