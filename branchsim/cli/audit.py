"""``branchsim audit``: which changes were never retrofitted to the branches they were owed to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from branchsim.cli import CLEAN, FINDINGS
from branchsim.cli.output import Format

if TYPE_CHECKING:
    from branchsim.audit.audit import Audit
    from branchsim.audit.verdicts import Obligation

_SHOWN = 25
_REPOSITORY = Path()


def audit(
    repo: Annotated[Path, typer.Argument(help="The repository: a work tree or a bare one.", metavar="REPO")] = _REPOSITORY,
    topology: Annotated[
        Path | None,
        typer.Option("--topology", "-T", help="A branchsim.toml or a project that describes its branches; else the repository's own, else a guess."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Only changes that landed since then: a date, or a revision.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="The state as of then: a date, or a revision.")] = None,
    trailers: Annotated[
        bool, typer.Option("--trailers/--no-trailers", help="Whether 'cherry picked from commit' and its like count.")
    ] = True,
    output: Annotated[Format, typer.Option("--format", help="How the result is printed.")] = Format.TABLE,
    cache: Annotated[bool, typer.Option("--cache/--no-cache", help="Whether facts about commits are kept on disk.")] = True,
    everything: Annotated[bool, typer.Option("--all", help="List every finding, not only the first.")] = False,
) -> int:
    """Which changes landed on one branch and were never retrofitted to the branch they were owed to.

    Example: branchsim audit . --since 2025-01-01

    Exit code 0 if nothing needs a person, 1 if something does, 2 if the input is wrong.
    """
    from branchsim.audit.audit import audit as run
    from branchsim.cli.progress import progress

    with progress() as report:
        found = run(
            repo, topology, since=since, until=until, trailers=trailers, cache="default" if cache else None, report=report
        )
    show(found, output, everything=everything)
    return FINDINGS if found.open_records else CLEAN


def show(found: Audit, output: Format, *, everything: bool = False) -> None:
    """Print an audit in one of the formats."""
    from branchsim.audit.audit import OBLIGATIONS_SCHEMA, obligation_to_dict
    from branchsim.cli import output as form

    if output is Format.JSON:
        form.write_json(found.to_dict())
    elif output is Format.CSV:
        form.write_csv((obligation_to_dict(record) for record in found.records), list(OBLIGATIONS_SCHEMA))
    elif output is Format.MARKDOWN:
        _print_markdown(found)
    else:
        _print_table(found, everything=everything)


def _day(seconds: int) -> str:
    from branchsim.audit.audit import iso

    return (iso(seconds) or "")[:10]


def _state(record: Obligation) -> str:
    return record.verdict.value + (" (overdue)" if record.overdue else "")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _grouped(records: Sequence[Obligation]) -> list[list[Obligation]]:
    """The findings of one change with one verdict together, in the order of the first of them."""
    groups: dict[tuple[str, str], list[Obligation]] = {}
    for record in records:
        groups.setdefault((record.change, record.verdict.value), []).append(record)
    return list(groups.values())


def _ways(records: Sequence[Obligation]) -> str:
    targets = [record.owed_to for record in records]
    more = f" and {len(targets) - 2} more" if len(targets) > 2 else ""  # noqa: PLR2004
    return f"{records[0].landed_on} -> {', '.join(targets[:2])}{more}"


def _print_table(found: Audit, *, everything: bool) -> None:
    from branchsim.cli.output import printable, table

    typer.echo(f"{printable(found.repository)}: topology {printable(found.topology.name)}, {printable(found.origin)}")
    for reason in found.reasons:
        typer.echo(f"  - {printable(reason)}")
    if found.reasons:
        typer.echo("  Wrong? 'branchsim topology REPO --guess --write branchsim.toml' gives a file to edit.")
    for note in found.notes:
        typer.echo(f"  note: {printable(note)}")
    typer.echo()
    needed = _grouped(found.open_records)
    shown = needed if everything else needed[:_SHOWN]
    if shown:
        table(
            "What needs a person",
            ("verdict", "change", "landed", "from -> to", "what, why, and the command that shows it"),
            [
                (
                    _state(records[0]),
                    records[0].change[:10],
                    _day(records[0].landed_at),
                    _ways(records),
                    f"{_one_line(records[0].subject)}\n{records[0].reason} ({records[0].confidence:.2f})\n$ {records[0].check}",
                )
                for records in shown
            ],
            flexible="what, why, and the command that shows it",
        )
    if len(needed) > len(shown):
        typer.echo(f"... and {len(needed) - len(shown)} more: --all lists them here, --format csv gives every obligation.\n")
    counts = ", ".join(f"{count} {verdict}" for verdict, count in found.counts().items())
    typer.echo(f"{len(found.records)} obligations: {counts or 'none'}; {len(found.skipped)} left out (--format json says why).")
    typer.echo("Next: git show CHANGE for what a change is; branchsim match REPO -s FROM -t TO for two branches in detail.")


def _print_markdown(found: Audit) -> None:
    from branchsim.cli.output import escape_markdown, write_markdown

    counts = ", ".join(f"{count} {verdict}" for verdict, count in found.counts().items())
    typer.echo(f"**{len(found.records)} obligations**: {counts or 'none'}. Topology {escape_markdown(found.topology.name)}, ")
    typer.echo(f"{escape_markdown(found.origin)}.\n")
    rows = [
        {
            "verdict": _state(record),
            "change": record.change[:12],
            "subject": record.subject,
            "landed": _day(record.landed_at),
            "from": record.landed_on,
            "to": record.owed_to,
            "confidence": record.confidence,
            "reason": record.reason,
            "check": record.check,
        }
        for record in found.open_records
    ]
    columns = ("verdict", "change", "subject", "landed", "from", "to", "confidence", "reason", "check")
    write_markdown(rows, columns)
