"""``branchsim match``: which commits of one revision are on another, and as what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from branchsim.cli import CLEAN, FINDINGS, complete
from branchsim.cli.output import FORMAT_HELP, Format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchsim.audit.match import Counterpart, Match

_SHOWN = 40

COLUMNS = ("state", "source", "target", "evidence", "confidence", "applies", "undone_by", "subject", "reason")
"""The columns of the CSV and Markdown forms."""


def match(
    repo: Annotated[Path, typer.Argument(help="The repository: a work tree or a bare one.", metavar="REPO")],
    source: Annotated[
        str,
        typer.Option(
            "--source",
            "-s",
            metavar="REVISION",
            help="Whose commits are looked for: any revision.",
            autocompletion=complete.revisions,
        ),
    ],
    target: Annotated[
        str,
        typer.Option(
            "--target",
            "-t",
            metavar="REVISION",
            help="Where they are looked for: any revision.",
            autocompletion=complete.revisions,
        ),
    ],
    trailers: Annotated[
        bool, typer.Option("--trailers/--no-trailers", help="Whether 'cherry picked from commit' and its like count.")
    ] = True,
    output: Annotated[Format, typer.Option("--format", metavar="FORM", help=FORMAT_HELP)] = Format.TABLE,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Whether facts about commits are kept on disk.")
    ] = True,
    everything: Annotated[bool, typer.Option("--all", help="List every commit, not only the first ones.")] = False,
    hunks: Annotated[
        bool, typer.Option("--hunks", help="Show in which hunks an adapted port differs from its source.")
    ] = False,
) -> int:
    """Which commits of SOURCE are on TARGET in another form, and which are missing: a better 'git cherry'.

    Example: branchsim match . --source production --target integration

    Exit code 0 if nothing is missing, 1 if something is, 2 if the input is wrong.
    """
    from branchsim.audit.match import match as find
    from branchsim.cli.progress import progress

    with progress() as report:
        if report is not None:
            report("comparing", None)
        found = find(repo, source, target, trailers=trailers, hunks=hunks, cache="default" if cache else None)
    _print(found, output, everything=everything)
    return FINDINGS if found.missing_commits else CLEAN


def _print(found: Match, output: Format, *, everything: bool) -> None:
    from branchsim.cli import output as form

    if output is Format.JSON:
        form.write_json(found.to_dict())
    elif output is Format.CSV:
        form.write_csv(_rows(found), COLUMNS)
    elif output is Format.MARKDOWN:
        form.write_markdown(_rows(found), COLUMNS)
    else:
        _print_table(found, everything=everything)


def _rows(found: Match) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {"state": "missing", "source": each.source, "applies": each.applies.value, "reason": each.reason}
        for each in found.missing_commits
    ]
    rows += [
        {
            "state": "reverted" if pair.undone_by else "matched",
            "source": pair.source,
            "target": pair.target,
            "evidence": pair.evidence.value,
            "confidence": pair.confidence,
            "undone_by": pair.undone_by,
            "reason": pair.reason,
        }
        for pair in found.counterparts
    ]
    return [{**row, "subject": found.subjects.get(row["source"], "")} for row in rows]


def _print_table(found: Match, *, everything: bool) -> None:
    from branchsim.cli.output import one_line, paragraph, say, table
    from branchsim.formatting import many

    most = None if everything else _SHOWN
    missing, pairs = found.missing_commits[:most], found.counterparts[:most]
    if missing:
        table(
            f"Missing on {one_line(found.target)} ($ git show COMMIT)",
            ("commit", "applies", "subject"),
            [(each.source[:12], each.applies.value, one_line(found.subjects.get(each.source, ""))) for each in missing],
            flexible="subject",
        )
    if len(found.missing_commits) > len(missing):
        say(f"... and {len(found.missing_commits) - len(missing)} more: --all lists them.\n")
    if pairs:
        table(
            f"On {one_line(found.target)} in another form ($ git range-diff COMMIT^! AS^!)",
            ("commit", "as", "evidence", "subject"),
            [
                (
                    pair.source[:12],
                    pair.target[:12],
                    f"{pair.evidence.value} {pair.confidence:.3f}" + (", reverted" if pair.undone_by else ""),
                    one_line(found.subjects.get(pair.source, "")),
                )
                for pair in pairs
            ],
            flexible="subject",
        )
    if len(found.counterparts) > len(pairs):
        say(f"... and {many(len(found.counterparts) - len(pairs), 'more pair')}: --all lists them.\n")
    _print_differences(pairs)
    there = len({pair.source for pair in found.counterparts})
    say(
        paragraph(
            f"{many(len(found.missing_commits), 'commit')} of {found.source} missing on {found.target}, {there:,} "
            f"there in another form, {len(found.skipped):,} skipped (--format json says why)."
        )
    )


def _print_differences(pairs: Sequence[Counterpart]) -> None:
    from branchsim.cli.output import one_line, say
    from branchsim.formatting import plain

    for pair in pairs:
        if pair.differences:
            say(f"{pair.target[:12]} differs from {pair.source[:12]} in:")
        for each in pair.differences:
            say(f"  {one_line(each.path)}")
            for whose, lines in (("source", each.source), ("port", each.port)):
                say(f"    {whose}:" if lines else f"    {whose}: nothing here")
                for line in lines.splitlines():
                    say(f"      {plain(line)}")
            say()
