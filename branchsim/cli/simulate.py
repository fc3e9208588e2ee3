"""``branchsim simulate``: what a plan would do, on a scratch repository."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from branchsim.cli import CLEAN, FINDINGS, complain
from branchsim.cli.output import FORMAT_HELP, Format
from branchsim.cli.plans import Author, Drivers, Hotfix, Places, Promote, Sign, Since, TopologyFile, asked
from branchsim.cli.solving import ConflictFolder, HandOut, Solve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchsim.simulate.simulation import Simulation

COLUMNS = ("number", "step", "outcome", "branch", "commit", "files", "regions", "losses", "reason")
"""The columns of the CSV form."""

_SHOWN = 20
_ADVICE = "to solve it: --conflicts FOLDER writes the files, --solve FOLDER takes them back; or --solve SIDE"


class Host(StrEnum):
    """For whom a runbook is written."""

    GIT = "git"
    GITHUB = "github"
    GITLAB = "gitlab"


def simulate(
    places: Places = None,
    hotfix: Hotfix = None,
    promote: Promote = None,
    topology: TopologyFile = None,
    author: Author = None,
    since: Since = None,
    sign: Sign = False,
    merge_driver: Drivers = None,
    solve: Solve = None,
    conflicts: ConflictFolder = None,
    write_plan: Annotated[
        Path | None, typer.Option("--write-plan", metavar="FILE", help="Write the plan as TOML, to be edited.")
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="FILE", help="Keep the simulation, for 'branchsim execute' and its --verify."),
    ] = None,
    runbook: Annotated[
        Host | None,
        typer.Option(
            "--runbook", metavar="FOR", help=f"Print the plan as commands for people instead: {', '.join(Host)}."
        ),
    ] = None,
    output: Annotated[Format, typer.Option("--format", metavar="FORM", help=FORMAT_HELP)] = Format.TABLE,
) -> int:
    """What would a plan do? It runs on a scratch repository; the repository itself is only read.

    Example: branchsim simulate --hotfix login .

    As a check before a merge: branchsim simulate --promote uat:preprod .

    Exit code 0 if plan and coming promotions go through cleanly, 1 if something conflicts, is blocked or would be lost,
    2 if the input is wrong.
    """
    wanted = asked(
        places,
        hotfix=hotfix,
        promote=promote,
        topology=topology,
        author=author,
        since=since,
        sign=sign,
        drivers=merge_driver,
        solve=solve,
    )
    hand_out = None if conflicts is None else HandOut(conflicts)
    found = wanted.simulation(hand_out, to_keep=save is not None or write_plan is not None)
    if write_plan is not None:
        _keep_plan(found, write_plan)
    if save is not None:
        from branchsim.simulate.saved import save as keep

        keep(found, save)
    if runbook is not None:
        from branchsim.cli.output import emit

        emit(found.runbook(host=None if runbook is Host.GIT else runbook.value))
    else:
        show(found, output)
        if output is Format.TABLE and hand_out is None and found.outcome == "conflict":
            from branchsim.cli.output import paragraph, say

            say(paragraph(_ADVICE, first="  ", rest="  "))
    for advice in hand_out.advice() if hand_out is not None else ():
        complain(advice)
    return FINDINGS if found.needs_a_person else CLEAN


def _keep_plan(found: Simulation, path: Path) -> None:
    from branchsim.errors import InputError
    from branchsim.writing import write_whole

    if path.exists():
        raise InputError(f"{path} exists already; choose another name for --write-plan")
    write_whole(path, found.plan.to_toml())


def show(found: Simulation, output: Format) -> None:
    """Print a simulation in one of the formats."""
    from branchsim.cli import output as form

    if output is Format.JSON:
        form.write_json(found.to_dict())
    elif output is Format.CSV:
        form.write_csv(found.to_dict()["steps"], COLUMNS)
    elif output is Format.MARKDOWN:
        form.emit(markdown(found))
    else:
        for line in str(found).splitlines():
            indent = line[: len(line) - len(line.lstrip())]
            form.say(form.paragraph(line, first=indent, rest=indent + "    "))


_HEADS = {
    "clean": "goes through",
    "conflict": "ends in a conflict",
    "blocked": "is blocked",
    "regression": "goes through, and something would be lost",
}


def markdown(found: Simulation) -> str:
    """A simulation as a comment on a pull request: the answer first, then what it rests on."""
    from branchsim.cli.output import escape_markdown as safe
    from branchsim.simulate.simulation import hotfix_text

    lines = [f"### {safe(found.plan.name)}: {_HEADS[found.outcome]}", ""]
    lines += _rows(("", "step", "outcome", "reason"), _step_rows(found))
    conflicts = [c for c in found.file_conflicts() if c.resolved_by is None]
    if conflicts:
        lines += ["", "**Conflicts**", ""]
        lines += _rows(
            ("where", "path", "kind", "regions", "who meets"),
            [(c.step, c.path, _kind(c), str(c.regions), _who(c)) for c in conflicts[:_SHOWN]],
        )
        lines += _more(len(conflicts))
    lost = list(found.losses())
    if lost:
        lines += ["", "**Would be lost**", ""]
        lines += _rows(
            ("where", "path", "what", "why"),
            [(step, loss.path, loss.what, loss.reason) for _, step, loss in lost[:_SHOWN]],
        )
        lines += _more(len(lost))
    if found.expected:
        lines += ["", "**What comes next**", ""]
        lines += _rows(
            ("variant", "promotion", "outcome", "files", "regions", "hotfixes", "reason"),
            [
                (
                    each.variant,
                    f"{each.source} to {each.target}",
                    each.outcome,
                    str(len(each.conflicts)),
                    str(sum(conflict.regions for conflict in each.conflicts)),
                    "; ".join(hotfix_text(each)),
                    each.reason,
                )
                for each in found.expected
            ],
        )
    if found.difference:
        lines += ["", "**What the retrofit changes**", "", *(f"- {safe(line)}" for line in found.difference)]
    lines += _owed_rows(found)
    if found.notes:
        lines += ["", *(f"- {safe(note)}" for note in found.notes)]
    return "\n".join(lines) + "\n"


def _owed_rows(found: Simulation) -> list[str]:
    """The obligations that the plan changes, and those that stay open."""
    owed = found.owed_in_short()
    if not owed:
        return []
    rows = [
        (
            each.subject,
            f"{each.landed_on} to {each.owed_to}",
            each.before or "new",
            (each.after or "no longer owed") + ", overdue" * each.overdue_after,
            each.settled_by or "",
            each.reason,
        )
        for each in owed[:_SHOWN]
    ]
    heads = ("change", "owed", "before", "after", "by step", "reason")
    return ["", "**Obligations**", "", *_rows(heads, rows), *_more(len(owed))]


def _step_rows(found: Simulation) -> list[tuple[str, ...]]:
    from branchsim.simulate.simulation import hotfix_text

    return [
        (
            str(each.number),
            each.step,
            each.outcome,
            "; ".join(filter(None, (each.reason, *(f"hotfixes {line}" for line in hotfix_text(each)), *each.warnings))),
        )
        for each in found.results
    ]


def _kind(conflict: Any) -> str:
    if conflict.driver is None:
        return str(conflict.kind)
    return f"{conflict.kind}; may be false: the merge driver {conflict.driver} did not run"


def _who(conflict: Any) -> str:
    from branchsim.formatting import minute

    parts = []
    for side, meeting in (("target", conflict.of_target), ("source", conflict.of_source)):
        if meeting.commits:
            since = f" since {minute(meeting.since)[:10]}" if minute(meeting.since) else ""
            parts.append(f"{side}: {', '.join(meeting.authors[:3])}{since} ({meeting.commits[0][:12]})")
    return "; ".join(parts)


def _rows(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    from branchsim.cli.output import escape_markdown as safe

    head = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    return head + ["| " + " | ".join(safe(cell) for cell in row) + " |" for row in rows]


def _more(count: int) -> list[str]:
    return ["", f"... and {count - _SHOWN} more."] if count > _SHOWN else []


__all__ = ["COLUMNS", "markdown", "show", "simulate"]
