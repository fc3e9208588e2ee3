"""``branchsim inspect``: what one commit dropped or brought back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from branchsim.cli import CLEAN, FINDINGS, complete
from branchsim.cli.output import FORMAT_HELP, Format
from branchsim.formatting import TAB, many

if TYPE_CHECKING:
    from branchsim.audit.findings import Finding
    from branchsim.audit.inspect import Inspection

_SHOWN = 12
_EXCERPT = 6
_CAME = ("deletion-undone", "unresolved", "malformed")
"""What stands in the result and should not."""


def inspect(
    repo: Annotated[Path, typer.Argument(help="The repository: a work tree or a bare one.", metavar="REPO")],
    commit: Annotated[
        str,
        typer.Argument(
            help="The commit: a merge, a squash or any other.", metavar="COMMIT", autocompletion=complete.revisions
        ),
    ],
    least: Annotated[
        float, typer.Option("--min-rank", metavar="RANK", min=0.0, max=1.0, help="Leave out findings of a lower rank.")
    ] = 0.0,
    output: Annotated[Format, typer.Option("--format", metavar="FORM", help=FORMAT_HELP)] = Format.TABLE,
    everything: Annotated[bool, typer.Option("--all", help="List every finding, not only the first ones.")] = False,
) -> int:
    """What did this commit drop or bring back? Works on any merge, squash or commit, without a topology.

    Example: branchsim inspect . HEAD

    Exit code 0 without findings, 1 with some, 2 if the input is wrong.
    """
    from dataclasses import replace

    from branchsim.audit.inspect import inspect as run

    found = run(repo, commit)
    found = replace(found, records=tuple(each for each in found.records if each.rank >= least))
    _show(found, output, everything=everything)
    return FINDINGS if found.records else CLEAN


def _show(found: Inspection, output: Format, *, everything: bool) -> None:
    from branchsim.cli import output as form

    if output is Format.JSON:
        form.write_json(found.to_dict())
    elif output is Format.TABLE:
        _print(found, everything=everything)
    else:
        rows = found.to_dict()["findings"]
        columns = ("rank", "path", "unit", "side", "what", "fate", "cause", "changes", "restored_by", "reason", "check")
        write = form.write_csv if output is Format.CSV else form.write_markdown
        write(rows, columns)


def _print(found: Inspection, *, everything: bool) -> None:
    from branchsim.cli.output import printable

    typer.echo(f"{found.kind} {found.commit[:12]}: {printable(found.subject)}")
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for each in found.records:
        groups.setdefault((each.path, each.side, each.fate), []).append(each)
    ordered = list(groups.values())
    for members in ordered if everything else ordered[:_SHOWN]:
        _print_group(found, members)
    if not everything and len(ordered) > _SHOWN:
        typer.echo(f"\n... and {len(ordered) - _SHOWN} more groups of findings: --all lists them.")
    not_lost = ", ".join(f"{count} {name}" for name, count in sorted(found.left_out.items()))
    files = len({each.path for each in found.records})
    summary = f"{many(len(found.records), 'finding')} in {many(files, 'file')}" if found.records else "Nothing was lost"
    typer.echo(
        f"\n{summary}"
        + (f"; left out as no loss: {not_lost}" if not_lost else "")
        + (f"; {len(found.skipped)} skipped" if found.skipped else "")
        + "."
    )
    for left in found.skipped:
        typer.echo(f"  skipped {printable(left.what)}: {printable(left.reason)}")


def _print_group(found: Inspection, members: list[Finding]) -> None:
    from branchsim.cli.output import printable

    first = members[0]
    side = "both sides" if first.side == "both" else f"the {first.side} side"
    what = f"{len(members)} of {side}, {first.fate}, {first.cause.value}"
    typer.echo(f"\n[{first.rank:.2f}] {printable(first.path)}: {what}")
    typer.echo(f"  {printable(first.reason)}")
    for sha in dict.fromkeys(
        sha for each in members for sha in (*each.changes, *([each.restored_by] if each.restored_by else []))
    ):
        if sha in found.subjects:
            typer.echo(f"  {sha[:12]} {printable(found.subjects[sha])}")
    for each in members[:_EXCERPT]:
        typer.echo(f"  {'+' if each.what in _CAME else '-'} {printable(each.unit)}")
    if len(members) > _EXCERPT:
        typer.echo(f"  ... and {len(members) - _EXCERPT} more")
    for name, text in (("before", first.before), ("after", first.after)):
        if text.strip():
            typer.echo(f"  {name}:")
            for line in text.splitlines()[:_EXCERPT]:
                typer.echo(f"    | {printable(line.expandtabs(TAB))}")
    typer.echo(f"  $ {printable(first.check)}")
