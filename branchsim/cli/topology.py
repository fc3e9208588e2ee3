"""``branchsim topology``: show, convert, guess and draw what the branches are for."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from branchsim.cli import CLEAN

if TYPE_CHECKING:
    from collections.abc import Callable

    from branchsim.audit.sources import Chosen
    from branchsim.git.repository import Repository
    from branchsim.topology import Topology

_REPOSITORY = Path()
SCHEMA = 1
"""The number of the JSON form; raised when a field changes its meaning."""

COLUMNS = ("branch", "layer", "takes", "owes_to")
"""The columns of the CSV form."""


class TopologyFormat(StrEnum):
    """The forms in which a topology is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"
    TOML = "toml"
    MERMAID = "mermaid"


class Preset(StrEnum):
    """The topologies that many teams keep."""

    BUILD_RUN = "build-run"
    BUILD_RUN_MERGE_BACK = "build-run-merge-back"
    GITFLOW = "gitflow"
    RELEASE_TRAIN = "release-train"
    RELEASE_TRAIN_BACK = "release-train-back"
    TRUNK = "trunk"


def topology(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE",
            help="A repository, a project or a topology file; by default the repository here.",
            show_default=False,
        ),
    ] = _REPOSITORY,
    guess: Annotated[
        bool, typer.Option("--guess", help="Guess from the branches and their merges, whatever files say.")
    ] = False,
    preset: Annotated[
        Preset | None, typer.Option("--preset", metavar="NAME", help=f"Take a preset instead: {', '.join(Preset)}.")
    ] = None,
    output: Annotated[
        TopologyFormat,
        typer.Option("--format", metavar="FORM", help=f"How it is printed: {', '.join(TopologyFormat)}."),
    ] = TopologyFormat.TABLE,
    write: Annotated[
        Path | None, typer.Option("--write", metavar="FILE", help="Write it as TOML, to be edited.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Let --write replace a file.")] = False,
) -> int:
    """Show, convert, guess or draw what the branches are for.

    Example: branchsim topology . --guess

    Convert what a project says, or a preset, to a file: branchsim topology --preset gitflow --write branchsim.toml

    Exit code 0, or 2 if the input is wrong.
    """
    from branchsim.errors import InputError

    if guess and preset is not None:
        raise InputError("--guess and --preset exclude each other; give one of them")
    chosen = _chosen(source, guess=guess, preset=preset)
    if write is None:
        _show(chosen, output)
        return CLEAN
    _write(write, chosen, replace=force)
    return CLEAN


def _chosen(source: Path, *, guess: bool, preset: Preset | None) -> Chosen:
    from branchsim.audit.sources import Chosen, choose_topology, guessed, topology_of_path
    from branchsim.errors import NotARepositoryError
    from branchsim.git.repository import Repository

    if preset is not None:
        return Chosen(_presets()[preset](), f"the preset {preset.value}")
    if source.is_file() and not guess:
        return topology_of_path(source)
    try:
        with Repository(source) as repository:
            chosen = guessed(repository) if guess else choose_topology(repository)
            missing = _missing(repository, chosen.topology)
            return Chosen(chosen.topology, chosen.origin, (*chosen.reasons, *missing))
    except NotARepositoryError:
        # A project need not be under git to say what its branches are for.
        if guess or not source.is_dir():
            raise
        return topology_of_path(source)


def _presets() -> dict[Preset, Callable[[], Topology]]:
    from branchsim.topology import Topology

    return {
        Preset.BUILD_RUN: Topology.build_run,
        Preset.BUILD_RUN_MERGE_BACK: Topology.build_run_merge_back,
        Preset.GITFLOW: Topology.gitflow,
        Preset.RELEASE_TRAIN: Topology.release_train,
        Preset.RELEASE_TRAIN_BACK: lambda: Topology.release_train(direction="back"),
        Preset.TRUNK: Topology.trunk,
    }


def _missing(repository: Repository, found: Topology) -> list[str]:
    """A sentence for each branch of a topology that the repository does not have."""
    from branchsim.errors import nearest

    there = repository.branches
    return [
        f"{branch.name} does not exist in {repository.path}{nearest(branch.name, there)}; an audit will refuse it"
        for branch in found.branches
        if not branch.is_pattern and branch.name not in there
    ]


def _with_reasons(chosen: Chosen) -> Topology:
    """The topology with where it comes from and why, which its file keeps as comments."""
    notes = (f"From: {chosen.origin}", *chosen.reasons, *chosen.topology.notes)
    return chosen.topology.replace(notes=tuple(dict.fromkeys(notes)))


def _show(chosen: Chosen, output: TopologyFormat) -> None:
    from branchsim.cli import output as form
    from branchsim.topology import to_toml

    found = chosen.topology
    if output is TopologyFormat.JSON:
        form.write_json(_to_dict(chosen))
    elif output is TopologyFormat.CSV:
        form.write_csv(_rows(found), COLUMNS)
    elif output is TopologyFormat.TOML:
        form.emit(to_toml(_with_reasons(chosen)))
    elif output is TopologyFormat.MERMAID:
        form.emit(found.mermaid())
    elif output is TopologyFormat.MARKDOWN:
        form.say(f"**{form.escape_markdown(found.name)}**, {form.escape_markdown(chosen.origin)}.\n")
        form.say(f"```mermaid\n{found.mermaid().rstrip()}\n```\n")
        form.write_markdown(_rows(found), COLUMNS)
        reasons = (*chosen.reasons, *found.notes)
        form.emit(
            "".join(f"{'' if place else chr(10)}- {form.escape_markdown(why)}\n" for place, why in enumerate(reasons))
        )
    else:
        _print(chosen)


def _print(chosen: Chosen) -> None:
    from branchsim.cli.output import emit, paragraph, printable, say
    from branchsim.topology import describe, draw

    found = chosen.topology
    say(paragraph(f"{found.name}: {chosen.origin}"))
    say()
    emit("".join(printable(line) + "\n" for line in draw(found).splitlines()))
    say()
    for line in describe(found).splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        say(paragraph(line, first=indent, rest=indent + "    "))
    for reason in chosen.reasons:
        say(paragraph(reason, first="  - ", rest="    "))


def _rows(found: Topology) -> list[dict[str, Any]]:
    rules = found.obligation_rules()
    return [
        {
            "branch": branch.name,
            "layer": branch.layer,
            "takes": "; ".join(
                [f"{entry.role} {entry.source}" for entry in found.entries(branch.name)]
                + (["direct"] if found.accepts_direct(branch.name) else [])
            ),
            "owes_to": list(dict.fromkeys(rule.owed_to for rule in rules if rule.landed_on == branch.name)),
        }
        for branch in found.branches
    ]


def _to_dict(chosen: Chosen) -> dict[str, Any]:
    import tomllib

    from branchsim.topology import to_toml

    found = chosen.topology
    return {
        "schema": SCHEMA,
        "origin": chosen.origin,
        "reasons": list(chosen.reasons),
        "notes": list(found.notes),
        # The same keys as in branchsim.toml, so that whoever reads one reads the other.
        "topology": tomllib.loads(to_toml(found)),
        "owed": [
            {
                "landed_on": rule.landed_on,
                "families": list(rule.families),
                "owed_to": rule.owed_to,
                "deadlines": [{"from": flow.source, "to": flow.target} for flow in rule.deadlines],
            }
            for rule in found.obligation_rules()
        ],
    }


def _write(path: Path, chosen: Chosen, *, replace: bool) -> None:
    """Write a topology file: all of it or nothing."""
    from branchsim.cli.output import one_line, say
    from branchsim.errors import InputError
    from branchsim.topology import to_toml
    from branchsim.writing import write_whole

    if path.exists() and not replace:
        raise InputError(f"{path} exists already; choose another name, or replace it with --force")
    write_whole(path, to_toml(_with_reasons(chosen)))
    say(f"{one_line(str(path))} holds the topology {one_line(chosen.topology.name)}, {one_line(chosen.origin)}.")
