"""``branchsim match``: which commits of one revision are on another, and as what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from branchsim.cli import CLEAN, FINDINGS
from branchsim.cli.output import Format

if TYPE_CHECKING:
    from branchsim.audit.match import Match

_SHOWN = 40


def match(
    repo: Annotated[Path, typer.Argument(help="The repository: a work tree or a bare one.", metavar="REPO")],
    source: Annotated[str, typer.Option("--source", "-s", help="Whose commits are looked for: any revision.")],
    target: Annotated[str, typer.Option("--target", "-t", help="Where they are looked for: any revision.")],
    trailers: Annotated[
        bool, typer.Option("--trailers/--no-trailers", help="Whether 'cherry picked from commit' and its like count.")
    ] = True,
    output: Annotated[Format, typer.Option("--format", help="How the result is printed.")] = Format.TABLE,
    cache: Annotated[bool, typer.Option("--cache/--no-cache", help="Whether facts about commits are kept on disk.")] = True,
) -> int:
    """Which commits of SOURCE are on TARGET in another form, and which are missing: a better `git cherry`.

    Example: branchsim match . --source production --target integration

    Exit code 0 if nothing is missing, 1 if something is, 2 if the input is wrong.
    """
    from branchsim.audit.match import match as find

    found = find(repo, source, target, trailers=trailers, cache="default" if cache else None)
    _print(found, output)
    return FINDINGS if found.missing_commits else CLEAN


def _print(found: Match, output: Format) -> None:
    from branchsim.cli import output as form

    if output is Format.JSON:
        form.write_json(found.to_dict())
        return
    if output is Format.TABLE:
        _print_table(found)
        return
    columns = ("state", "source", "target", "evidence", "confidence", "applies", "subject", "reason")
    rows = [
        {"state": "missing", "source": m.source, "applies": m.applies.value, "reason": m.reason} for m in found.missing_commits
    ] + [
        {
            "state": "reverted" if p.undone_by else "matched", "source": p.source, "target": p.target,
            "evidence": p.evidence.value, "confidence": p.confidence, "reason": p.reason,
        }
        for p in found.counterparts
    ]  # fmt: skip
    filled = [{**row, "subject": found.subjects.get(row["source"], "")} for row in rows]
    write = form.write_csv if output is Format.CSV else form.write_markdown
    write(filled, columns)


def _print_table(found: Match) -> None:
    from branchsim.cli.output import printable, table

    shown = found.missing_commits[:_SHOWN]
    if shown:
        table(
            f"Missing on {printable(found.target)} (git show COMMIT)",
            ("commit", "applies", "subject"),
            [(m.source[:12], m.applies.value, found.subjects.get(m.source, "")) for m in shown],
            flexible="subject",
        )
        hidden = len(found.missing_commits) - len(shown)
        if hidden:
            typer.echo(f"... and {hidden} more missing; --format csv lists all.\n")
    pairs = found.counterparts[:_SHOWN]
    if pairs:
        table(
            f"On {printable(found.target)} in another form (git range-diff COMMIT^! AS^!)",
            ("commit", "as", "evidence", "conf.", "subject"),
            [
                (p.source[:12], p.target[:12], p.evidence.value, f"{p.confidence:.3f}", found.subjects.get(p.source, ""))
                for p in pairs
            ],
            flexible="subject",
        )
        hidden = len(found.counterparts) - len(pairs)
        if hidden:
            typer.echo(f"... and {hidden} more pairs; --format csv lists all.\n")
    typer.echo(
        f"{len(found.missing_commits)} commits of {printable(found.source)} are missing on {printable(found.target)}, "
        f"{len({p.source for p in found.counterparts})} are there in another form, {len(found.skipped)} were skipped."
    )
