"""``branchsim audit``: which changes were never retrofitted to the branches they were owed to."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from branchsim.cli import CLEAN, FINDINGS, complete
from branchsim.cli.options import Cache, Since, TopologyFile, Trailers, Until
from branchsim.cli.output import FORMAT_HELP, Format, day
from branchsim.formatting import many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchsim.audit.audit import Audit
    from branchsim.audit.verdicts import Obligation

_SHOWN = 15
_REASONS = 4
_NOTES = 6
_TARGETS = 2
_NAME = 24
_REPOSITORY = Path()


def audit(
    repo: Annotated[
        Path, typer.Argument(help="The repository: a work tree or a bare one.", metavar="REPO", show_default=False)
    ] = _REPOSITORY,
    topology: TopologyFile = None,
    since: Since = None,
    until: Until = None,
    trailers: Trailers = True,
    output: Annotated[Format, typer.Option("--format", metavar="FORM", help=FORMAT_HELP)] = Format.TABLE,
    cache: Cache = True,
    everything: Annotated[bool, typer.Option("--all", help="List every finding, not only the first ones.")] = False,
    check: Annotated[
        list[str] | None,
        typer.Option(
            "--check",
            metavar="NAME",
            help="What to look for, with commas between: obligations, overwrites, leaks, windows, violations. "
            "Without it everything.",
            autocompletion=complete.names(complete.checks, between=","),
        ),
    ] = None,
    fail_on: Annotated[
        str | None,
        typer.Option(
            "--fail-on",
            metavar="KINDS",
            help="The findings that make exit code 1, with commas between: missed, lost, partial, late, overwrite, "
            "leak, violation. Without it missed, lost, partial, overwrite and leak.",
            autocompletion=complete.names(complete.kinds, between=","),
        ),
    ] = None,
    min_rank: Annotated[
        float,
        typer.Option("--min-rank", metavar="RANK", min=0.0, max=1.0, help="Findings of a lower rank do not count."),
    ] = 0.5,
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline", metavar="FILE", help="An earlier audit as JSON: what it holds does not count any more."
        ),
    ] = None,
) -> int:
    """What never reached the branch it was owed to, what a landing overwrote, what leaked, and when RUN was frozen.

    Example: branchsim audit . --since 2025-01-01

    Example for CI: branchsim audit . --fail-on missed,lost,overwrite,leak --min-rank 0.7 --baseline audit.json

    Exit code 0 if nothing needs a person, 1 if something does, 2 if the input is wrong.
    """
    from branchsim.audit import gate
    from branchsim.audit.audit import CHECKS
    from branchsim.audit.audit import audit as run
    from branchsim.cli.progress import progress

    wanted = gate.kinds(fail_on) if fail_on is not None else gate.DEFAULT
    known = gate.read_baseline(baseline) if baseline is not None else ()

    with progress() as report:
        found = run(
            repo,
            topology,
            since=since,
            until=until,
            trailers=trailers,
            checks=CHECKS if check is None else [name.strip() for given in check for name in given.split(",")],
            cache="default" if cache else None,
            report=report,
        )
    show(found, output, everything=everything, min_rank=min_rank)
    failing = gate.failures(found, fail_on=wanted, min_rank=min_rank, known=known)
    if baseline is not None and output is Format.TABLE:
        from branchsim.cli.output import paragraph, say

        say(paragraph(f"New since {baseline}: {many(len(failing), 'finding')}."))
        for finding in failing[:_SHOWN]:
            say(paragraph(f"{finding.kind} on {finding.branch}: {finding.commit[:12]} {finding.reason}", first="  "))
    return FINDINGS if failing else CLEAN


def show(found: Audit, output: Format, *, everything: bool = False, min_rank: float = 0.5) -> None:
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
        _print_table(found, everything=everything, min_rank=min_rank)


def _grouped(records: Sequence[Obligation]) -> list[list[Obligation]]:
    """The findings of one change with one verdict together, in the order of the first of them."""
    groups: dict[tuple[str, str], list[Obligation]] = {}
    for record in records:
        groups.setdefault((record.change, record.verdict.value), []).append(record)
    return list(groups.values())


def _short(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[: _NAME // 2 - 1]}..{name[1 - _NAME // 2 :]}"


def _ways(records: Sequence[Obligation]) -> list[str]:
    """From where to where, a branch a line: names of branches can be long."""
    targets = [f"-> {_short(record.owed_to)}" for record in records[:_TARGETS]]
    more = [f"-> {len(records) - _TARGETS} more"] if len(records) > _TARGETS else []
    return [_short(records[0].landed_on), *targets, *more]


def _print_table(found: Audit, *, everything: bool, min_rank: float) -> None:
    from branchsim.cli.audit_sections import print_sections
    from branchsim.cli.output import one_line, say, table

    _print_head(found)
    needed = _grouped(found.open_records)
    shown = needed if everything else needed[:_SHOWN]
    if shown:
        last = "what, why, and the command that shows it"
        table(
            "What needs a person",
            ("verdict", "change", last),
            [
                (
                    "\n".join(
                        (records[0].verdict.value, *(["overdue"] if any(each.overdue for each in records) else []))
                    ),
                    "\n".join((records[0].change[:12], day(records[0].landed_at), *_ways(records))),
                    "\n".join(
                        (
                            one_line(records[0].subject),
                            f"{one_line(records[0].reason)} ({records[0].confidence:.2f})",
                            f"$ {one_line(records[0].check)}",
                        )
                    ),
                )
                for records in shown
            ],
            flexible=last,
        )
    if len(needed) > len(shown):
        say(f"... and {len(needed) - len(shown)} more changes: --all lists them, --format csv gives all obligations.\n")
    print_sections(found, min_rank=min_rank, everything=everything)
    _print_foot(found)


def _print_head(found: Audit) -> None:
    """What was audited, by which topology, and what a person should know about the reading."""
    from branchsim.cli.output import one_line, paragraph, say

    where = shlex.quote(found.repository)
    say(paragraph(f"{found.repository}, as of {day(found.as_of)}"))
    say(paragraph(f"Topology {found.topology.name!r}, {found.origin}{':' if found.reasons else '.'}"))
    for reason in found.reasons[:_REASONS]:
        say(paragraph(reason, first="  - ", rest="    "))
    if len(found.reasons) > _REASONS:
        say(f"  - and {len(found.reasons) - _REASONS} more reasons: branchsim topology {one_line(where)}")
    if found.reasons:
        say(f"  Wrong? This gives a file to edit: branchsim topology {one_line(where)} --guess --write branchsim.toml")
    for note in found.notes[:_NOTES]:
        say(paragraph(note, first="  note: ", rest="    "))
    if len(found.notes) > _NOTES:
        say(f"  and {len(found.notes) - _NOTES} more notes: --format json gives all")
    say()


def _print_foot(found: Audit) -> None:
    """The counts, and where to look next."""
    from branchsim.cli.output import one_line, paragraph, say

    where = one_line(shlex.quote(found.repository))
    rules = found.topology.obligation_rules()
    if not rules:
        say(
            paragraph(
                "Nothing was judged: in this topology no change is owed to another branch, since it has no retrofit "
                f"flow. See 'branchsim topology {where}'."
            )
        )
        return
    say(paragraph(f"{_counted(found)}; {many(len(found.skipped), 'change')} left out (--format json says why)."))
    records = found.open_records or found.records
    start, end = (records[0].landed_on, records[0].owed_to) if records else (rules[0].landed_on, rules[0].owed_to)
    say(f"Next: two branches in detail: branchsim match {where} -s {one_line(start)} -t {one_line(end)}")


def _counted(found: Audit) -> str:
    counts = ", ".join(f"{count} {verdict}" for verdict, count in found.counts().items())
    return f"{many(len(found.records), 'obligation')}: {counts or 'none'}"


def _print_markdown(found: Audit) -> None:
    from branchsim.cli.output import escape_markdown, say, write_markdown

    say(f"**{_counted(found)}** as of {day(found.as_of)}.\n")
    say(f"Topology {escape_markdown(found.topology.name)}, {escape_markdown(found.origin)}.\n")
    rows = [
        {
            "verdict": record.verdict.value + (" (overdue)" if record.overdue else ""),
            "change": record.change[:12],
            "subject": record.subject,
            "landed": day(record.landed_at),
            "from": record.landed_on,
            "to": record.owed_to,
            "confidence": record.confidence,
            "reason": record.reason,
            "check": record.check,
        }
        for record in found.open_records
    ]
    if rows:
        write_markdown(rows, tuple(rows[0]))
    else:
        say("Nothing needs a person.")
