"""``branchsim explore``: which mistake makes which strategy lose a fix, in how few steps, and which guard stops it."""

from __future__ import annotations

import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from branchsim.cli import CLEAN, FINDINGS, INTERRUPTED, complete
from branchsim.cli.output import FORMAT_HELP, Format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchsim.check import Cell, Counterexample, Exploration, Strategy, Table

SCHEMA = 1
"""The number of the JSON form; raised when a field changes its meaning."""

COLUMNS = (
    "strategy",
    "mistakes",
    "steps",
    "property",
    "states",
    "guarded_steps",
    "guarded_states",
    "stopped_by",
    "complete",
)
"""The columns of the CSV form: those of `Table.frame`."""

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


class Written(StrEnum):
    """What a counterexample is written as."""

    SCRIPT = "script"
    PYTEST = "pytest"
    MARKDOWN = "markdown"
    DRAWING = "drawing"


def explore(
    strategies: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="STRATEGY",
            help="A preset (build-run, build-run-merge-back, gitflow, release-train, trunk), a topology file, or a "
            "repository; all presets by default.",
            show_default=False,
            autocompletion=complete.names(complete.strategies),
        ),
    ] = None,
    mistakes: Annotated[
        list[str] | None,
        typer.Option(
            "--mistake",
            "-m",
            metavar="NAME",
            help="A mistake, several made together (a+b), or 'none'; again for a further row. By default none, and "
            "each of the ten.",
            autocompletion=complete.names(complete.mistakes, between="+"),
        ),
    ] = None,
    properties: Annotated[
        list[str] | None,
        typer.Option(
            "--property",
            "-p",
            metavar="NAME",
            help="A promise to check; no-lost-fix by default.",
            autocompletion=complete.names(complete.promises),
        ),
    ] = None,
    guards: Annotated[
        list[str] | None,
        typer.Option(
            "--guard",
            metavar="NAME",
            help="A guard to try alone; all by default.",
            autocompletion=complete.names(complete.guards),
        ),
    ] = None,
    depth: Annotated[int, typer.Option("--depth", metavar="STEPS", help="The most steps of a history.")] = 8,
    fixes: Annotated[int, typer.Option("--fixes", metavar="N", help="How many fixes a history has at most.")] = 2,
    features: Annotated[int, typer.Option("--features", metavar="N", help="How many features.")] = 2,
    regions: Annotated[
        int, typer.Option("--regions", metavar="N", help="How many places of a file can be edited.")
    ] = 2,
    slips: Annotated[
        int, typer.Option("--slips", metavar="N", help="How many reverts, force-pushes, stale copies, wrong bases.")
    ] = 1,
    max_states: Annotated[
        int, typer.Option("--max-states", metavar="N", help="Stop a search at so many states.")
    ] = 1_000_000,
    max_memory: Annotated[
        str, typer.Option("--max-memory", metavar="SIZE", help="Stop a search that took so much memory: 500M, 2G.")
    ] = "2G",
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="DIRECTORY", help="Write the counterexamples there, as files to hand on."),
    ] = None,
    forms: Annotated[
        list[Written] | None,
        typer.Option("--as", metavar="FORM", help=f"What is written: {', '.join(Written)}; all by default."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Let --write replace files.")] = False,
    output: Annotated[Format, typer.Option("--format", metavar="FORM", help=FORMAT_HELP)] = Format.TABLE,
) -> int:
    """Tell which mistake makes which strategy lose a fix, in how few steps, and which guard stops it.

    Example: branchsim explore build-run -m force-push -m stale-commit

    Keep the histories as scripts, tests, stories and pictures: branchsim explore trunk -m stale-commit --write found

    Every history within the bound is tried on a model, without guards, with each guard alone and with the strategy's
    own. What is found is replayed with real git, and audited, before it is shown. Ctrl-C prints what is known by then.

    Exit code 0 if every strategy with its own guards keeps its promises within the bound, 1 if one does not, 2 if the
    input is wrong, 130 if it was interrupted.
    """
    from branchsim.check import FORMS, Scope, table
    from branchsim.cli import complain
    from branchsim.cli.progress import progress

    memory = _bytes(max_memory)
    chosen = [_strategy(name) for name in strategies] if strategies else None
    rows = [_row(each) for each in mistakes] if mistakes else None
    with progress() as report:
        found = table(
            chosen,
            rows,
            guards or None,
            properties=properties or ("no-lost-fix",),
            depth=depth,
            scope=Scope(fixes=fixes, features=features, regions=regions, slips=slips),
            max_states=max_states,
            max_memory=memory,
            report=report,
        )
    written: list[Path] = []
    if write is not None:
        wanted = [form.value for form in forms] if forms else FORMS
        for counter in found.counterexamples:
            written += counter.write(write, forms=wanted, replace=force)
    _show(found, output, written)
    if not found.complete:
        complain("interrupted; what was known by then is above")
        sys.exit(INTERRUPTED)
    return CLEAN if found.safe else FINDINGS


def _bytes(text: str) -> int:
    from branchsim.errors import InputError

    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMG]?)(i?B)?", text.strip(), re.IGNORECASE)
    if found is None or float(found[1]) == 0:
        raise InputError(f"--max-memory: {text!r} is no size; write a number with K, M or G, such as 500M")
    return int(float(found[1]) * _UNITS[found[2].lower()])


def _row(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split("+"))
    return () if names == ("none",) else names


def _strategy(name: str) -> Strategy:
    from branchsim.check import PRESETS, Strategy
    from branchsim.errors import InputError, nearest

    if name in PRESETS:
        return PRESETS[name]()
    path = Path(name)
    if not path.exists():
        raise InputError(
            f"{name!r} is neither a preset ({', '.join(PRESETS)}) nor a file nor a repository{nearest(name, PRESETS)}"
        )
    return Strategy(_topology(path))


def _topology(path: Path) -> Any:
    from branchsim.audit.sources import choose_topology, topology_of_path
    from branchsim.errors import NotARepositoryError
    from branchsim.git.repository import Repository

    if path.is_file():
        return topology_of_path(path).topology
    try:
        with Repository(path) as repository:
            found = choose_topology(repository).topology
            patterns = any(branch.is_pattern for branch in found.branches)
            return found.bind(sorted(repository.branches)) if patterns else found
    except NotARepositoryError:
        return topology_of_path(path).topology


# -- printing ---------------------------------------------------------------------------------------------------------


def _show(found: Table, output: Format, written: Sequence[Path]) -> None:
    from branchsim.cli import output as form

    if output is Format.JSON:
        form.write_json(_to_dict(found, written))
    elif output is Format.CSV:
        form.write_csv(_rows(found), COLUMNS)
    elif output is Format.MARKDOWN:
        form.emit(_markdown(found))
    else:
        _print(found, written)


def _rows(found: Table) -> list[dict[str, Any]]:
    import pandas as pd

    return [
        {str(key): None if pd.isna(value) else value for key, value in row.items()}
        for row in found.frame().to_dict(orient="records")
    ]


def _print(found: Table, written: Sequence[Path]) -> None:
    from branchsim.cli import output as form

    title = f"{', '.join(found.properties)}: histories of up to {found.depth} steps, no guard enforced"
    strategies = list(dict.fromkeys(cell.strategy for cell in found.cells))
    form.say(form.paragraph(title))
    for part in _parts(found, strategies):
        cells = {(cell.strategy, cell.mistakes): cell for cell in found.cells}
        rows = [
            [_made(row), *(_short(cells.get((strategy, row))) for strategy in part)]
            for row in dict.fromkeys(cell.mistakes for cell in found.cells)
        ]
        form.table("", ["mistakes", *part], rows)
    form.say(form.paragraph("'safe' counts the distinct states that were visited; 'N steps' is the shortest loss."))
    form.say()
    _print_guards(found)
    shortest = min(found.counterexamples, key=len, default=None)
    if shortest is not None:
        _print_story(shortest)
    for path in written:
        form.say(f"wrote {form.one_line(str(path))}")


def _parts(found: Table, strategies: list[str]) -> list[list[str]]:
    """The strategies in groups that fit the terminal side by side."""
    from branchsim.cli.output import width

    made = max((len(_made(cell.mistakes)) for cell in found.cells), default=8)
    room = width() - made - 2
    parts: list[list[str]] = []
    left = 0
    for strategy in strategies:
        needs = 2 + max(len(strategy), *(len(_short(cell)) for cell in found.cells if cell.strategy == strategy))
        if not parts or needs > left:
            parts.append([])
            left = room
        parts[-1].append(strategy)
        left -= needs
    return parts or [[]]


def _made(mistakes: Sequence[str]) -> str:
    return " + ".join(mistakes) or "none"


def _short(cell: Cell | None) -> str:
    if cell is None:
        return "not looked at"
    found = cell.unguarded
    if not found.safe:
        return f"{min(len(each) for each in found.counterexamples.values())} steps"
    if not cell.complete:
        return f"safe to {found.depth_reached}, cut"
    return f"safe, {found.states:,}"


def _print_guards(found: Table) -> None:
    """What stops the losses: cells of one answer together."""
    from branchsim.cli import output as form

    answers: dict[str, dict[str, list[str]]] = {}
    for cell in found.cells:
        if not cell.unguarded.safe:
            answers.setdefault(_stops(cell), {}).setdefault(_made(cell.mistakes), []).append(cell.strategy)
    for answer, rows in answers.items():
        form.say(form.paragraph(f"{answer}:"))
        for made, names in rows.items():
            form.say(form.paragraph(f"{made} ({', '.join(names)})", first="  ", rest="      "))
    for cell in found.cells:
        if not cell.complete:
            form.say(form.paragraph(f"{cell.strategy}, {_made(cell.mistakes)}: {_cut(cell)}", rest="    "))
    if answers:
        form.say()


def _stops(cell: Cell) -> str:
    notes = [f"stopped by {name}" for name in cell.stopped_by]
    notes += [f"only delayed by {name}, to {steps} steps" for name, steps in cell.delayed_by.items()]
    if not cell.with_guard:
        return "no guard was tried"
    if not notes:
        notes.append("no guard stops it")
    return "; ".join(notes)


def _cut(cell: Cell) -> str:
    searches = (cell.unguarded, cell.guarded, *cell.with_guard.values())
    found = next(each for each in searches if each.stopped in {"states", "memory", "interrupted"})
    why = {"states": "at the bound on states", "memory": "at the bound on memory", "interrupted": "by Ctrl-C"}
    return (
        f"a search was stopped {why[str(found.stopped)]} after {found.states:,} states; "
        f"every history of up to {found.depth_reached} steps was looked at"
    )


def _print_story(found: Counterexample) -> None:
    from branchsim.cli import output as form

    made = _made(found.mistakes)
    form.say(form.paragraph(f"The shortest loss: {found.strategy.name}, {made}. {found.reason}"))
    for line in found.trace.story():
        form.say(form.paragraph(line, first="  ", rest="     "))
    asked = " ".join(f"-m {'+'.join(found.mistakes)}" for _ in (1,) if found.mistakes)
    form.say(form.paragraph(f"As a script for git, a test, a story, a picture: --write DIRECTORY {asked}".rstrip()))


def _markdown(found: Table) -> str:
    from branchsim.cli.output import escape_markdown as safe

    strategies = list(dict.fromkeys(cell.strategy for cell in found.cells))
    cells = {(cell.strategy, cell.mistakes): cell for cell in found.cells}
    lines = [
        f"{safe(', '.join(found.properties))}: histories of up to {found.depth} steps.",
        "",
        f"| mistakes | {' | '.join(map(safe, strategies))} |",
        f"|---|{'---|' * len(strategies)}",
    ]
    for row in dict.fromkeys(cell.mistakes for cell in found.cells):
        shown = [cells.get((strategy, row)) for strategy in strategies]
        told = " | ".join("not looked at" if cell is None else safe(str(cell)) for cell in shown)
        lines.append(f"| {safe(_made(row))} | {told} |")
    for counter in found.counterexamples:
        lines += ["", f"**{safe(counter.strategy.name)}, {safe(_made(counter.mistakes))}**: {safe(counter.reason)}", ""]
        lines += [f"{number}. {safe(str(step))}." for number, step in enumerate(counter.trace.steps, start=1)]
    return "\n".join(lines) + "\n"


# -- JSON -------------------------------------------------------------------------------------------------------------


def _to_dict(found: Table, written: Sequence[Path]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "properties": list(found.properties),
        "depth": found.depth,
        "complete": found.complete,
        "cells": [
            {
                "strategy": cell.strategy,
                "mistakes": list(cell.mistakes),
                "guards": list(cell.guarded.strategy.guards) if cell.guarded is not cell.unguarded else None,
                "unguarded": _search(cell.unguarded),
                "guarded": _search(cell.guarded) if cell.guarded is not cell.unguarded else None,
                "with_guard": {name: _search(each) for name, each in cell.with_guard.items()},
                "stopped_by": list(cell.stopped_by),
            }
            for cell in found.cells
        ],
        "written": [str(path) for path in written],
    }


def _search(found: Exploration) -> dict[str, Any]:
    return {
        "safe": found.safe,
        "states": found.states,
        "depth_reached": found.depth_reached,
        "exhausted": found.exhausted,
        "stopped": found.stopped,
        "counterexamples": [
            {
                "property": each.property,
                "reason": each.reason,
                "replayed": each.replayed,
                "audited": each.audited,
                "steps": [_step(number, step) for number, step in enumerate(each.trace.steps, start=1)],
            }
            for each in found.counterexamples.values()
        ],
    }


def _step(number: int, step: Any) -> dict[str, Any]:
    return {
        "number": number,
        "text": str(step),
        "operation": step.operation,
        "branch": step.branch,
        "source": step.source,
        "method": step.method,
        "change": step.change,
    }


__all__ = ["COLUMNS", "SCHEMA", "explore"]
