"""``branchsim execute``: make exactly what was simulated happen, or nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from branchsim.cli import CLEAN, FINDINGS, complain
from branchsim.cli.output import FORMAT_HELP, Format
from branchsim.cli.plans import Asked, Author, Drivers, Hotfix, Places, Promote, Sign, TopologyFile, asked
from branchsim.cli.solving import Solve

if TYPE_CHECKING:
    from branchsim.simulate.execute import Receipt
    from branchsim.simulate.simulation import Simulation
    from branchsim.simulate.verify import Verification

_INTERRUPTED = 130


def execute(
    places: Places = None,
    hotfix: Hotfix = None,
    promote: Promote = None,
    topology: TopologyFile = None,
    author: Author = None,
    sign: Sign = False,
    merge_driver: Drivers = None,
    solve: Solve = None,
    remote: Annotated[
        str | None,
        typer.Option("--remote", metavar="NAME", help="Move the branches of this remote, by one atomic push."),
    ] = None,
    for_real: Annotated[
        bool, typer.Option("--for-real/--dry-run", help="Do it; without this it is only checked and shown.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    not_atomic: Annotated[
        bool, typer.Option("--not-atomic", help="Allow a server that can move branches only one by one.")
    ] = False,
    accept_losses: Annotated[
        bool, typer.Option("--accept-losses", help="Execute although something would be lost.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Finish the execution that was interrupted.")] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take back the execution that was interrupted, or else the last one.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare what people did with a simulation that was saved before.")
    ] = False,
    output: Annotated[Format, typer.Option("--format", metavar="FORM", help=FORMAT_HELP)] = Format.TABLE,
) -> int:
    """Make exactly what was simulated happen: the same commits, all branches in one transaction, or nothing.

    Example: branchsim execute plan.toml . --for-real

    Without --for-real it is only checked, and what would move is shown.

    Exit code 0 if it is done or possible, 1 if the plan does not go through or --verify finds a difference, 2 if the
    input is wrong or git refuses.
    """
    from branchsim.errors import InputError

    modes = [name for name, on in (("--resume", resume), ("--undo", undo), ("--verify", verify)) if on]
    if len(modes) > 1 or (modes and for_real):
        raise InputError(
            f"{' and '.join([*modes, *(['--for-real'] if for_real else [])])} exclude each other; give one"
        )
    back = resume or undo
    wanted = asked(
        places,
        hotfix=hotfix,
        promote=promote,
        topology=topology,
        author=author,
        sign=sign,
        drivers=merge_driver,
        solve=solve,
        plan_needed=not back,
    )
    try:
        if back:
            return _back(wanted, output, undoing=undo)
        if verify:
            return _verify(wanted, output)
        options = {"atomic": not not_atomic, "accept_losses": accept_losses}
        return _execute(wanted, remote, output, options, for_real=for_real, yes=yes)
    except KeyboardInterrupt:
        complain("interrupted; 'branchsim execute --resume' finishes what was begun, '--undo' takes it back")
        return _INTERRUPTED


def _execute(
    wanted: Asked, remote: str | None, output: Format, options: dict[str, bool], *, for_real: bool, yes: bool
) -> int:
    from branchsim.cli.simulate import show as show_simulation
    from branchsim.simulate.execute import check
    from branchsim.simulate.execute import execute as run

    simulation = wanted.simulation(to_keep=True)
    accepted = ("clean", "regression") if options["accept_losses"] else ("clean",)
    if simulation.outcome not in accepted:
        show_simulation(simulation, output)
        if simulation.outcome == "regression":
            complain("nothing was changed: something would be lost; solve it otherwise, or accept it (--accept-losses)")
        else:
            complain(f"nothing was changed: the plan is {simulation.outcome}, and nothing is executed in part")
        return FINDINGS
    possible = check(simulation, wanted.repo, remote, **options)
    if not for_real:
        _show(possible, simulation, output)
        return CLEAN
    if not yes:
        _ask(possible, simulation)
    receipt = run(simulation, wanted.repo, remote, atomic=options["atomic"], accept_losses=options["accept_losses"])
    _show(receipt, simulation, output)
    return CLEAN


def _ask(possible: Receipt, simulation: Simulation) -> None:
    """Show what will move, and ask.

    Raises
    ------
    InputError
        Nobody can answer.
    Abort
        The answer is no.
    """
    from branchsim.cli.output import one_line
    from branchsim.errors import InputError

    if not sys.stdin.isatty():
        raise InputError("nobody can be asked here; add --yes to do it: nothing was changed")
    for line in _moves(possible):
        typer.echo(one_line(line), err=True)
    for warning in simulation.warnings:
        typer.echo(one_line(f"warning: {warning}"), err=True)
    where = f"on {possible.remote}" if possible.remote else f"in {possible.repository}"
    typer.confirm(one_line(f"Move these {where}?"), abort=True, err=True)


def _back(wanted: Asked, output: Format, *, undoing: bool) -> int:
    from branchsim.simulate.execute import resume, undo

    _show((undo if undoing else resume)(wanted.repo), None, output)
    return CLEAN


def _moves(receipt: Receipt) -> list[str]:
    """Each ref, and from where to where it went or shall go."""
    lines = []
    for ref, before, after in receipt.moves:
        here, there = (after, before) if receipt.outcome == "undone" else (before, after)
        lines.append(f"{ref}: {'new' if here is None else here[:12]} -> {'deleted' if there is None else there[:12]}")
    return lines


_SAID = {
    "possible": "can be executed now; nothing was changed (--for-real does it)",
    "done": "is done",
    "undone": "is undone: everything is back where it was",
}


def _show(receipt: Receipt, simulation: Simulation | None, output: Format) -> None:
    from branchsim.cli import output as form

    value: dict[str, Any] = receipt.to_dict()
    if simulation is not None:
        told = simulation.to_dict()
        value |= {key: told[key] for key in ("steps", "conflicts", "forecast")}
        value["execution_outcome"], value["outcome"] = receipt.outcome, simulation.outcome
    rows = [{"ref": move.ref, "before": move.before, "after": move.after} for move in receipt.moves]
    if output is Format.JSON:
        form.write_json(value)
    elif output is Format.CSV:
        form.write_csv(rows, ("ref", "before", "after"))
    elif output is Format.MARKDOWN:
        form.say(f"**{form.escape_markdown(receipt.plan)}** {_SAID[receipt.outcome]}.\n")
        form.write_markdown(rows, ("ref", "before", "after"))
    else:
        form.say(form.paragraph(f"{receipt.plan} {_SAID[receipt.outcome]}."))
        for line in _moves(receipt):
            form.say(form.one_line(line))
        for note in simulation.notes if simulation is not None and receipt.outcome == "possible" else ():
            form.say(form.paragraph(f"note: {note}"))
        for path in receipt.work_trees:
            form.say(form.paragraph(f"the work tree {path} follows its branch"))
        if receipt.outcome == "done":
            form.say(form.paragraph("'branchsim execute --undo' takes it back as long as nobody moves on."))


def _verify(wanted: Asked, output: Format) -> int:
    from branchsim.errors import InputError
    from branchsim.simulate.saved import is_saved, read_simulation
    from branchsim.simulate.verify import verify

    if wanted.plan_file is None or not is_saved(wanted.plan_file):
        raise InputError(
            "--verify compares with a simulation that was made before people began; keep one with "
            "'branchsim simulate --save FILE'"
        )
    found = verify(read_simulation(wanted.plan_file), wanted.repo)
    _show_verification(found, output)
    return CLEAN if found.holds else FINDINGS


def _show_verification(found: Verification, output: Format) -> None:
    from branchsim.cli import output as form

    value = found.to_dict()
    columns = ("number", "step", "branch", "agreement", "commit", "expected", "reason")
    if output is Format.JSON:
        form.write_json(value)
    elif output is Format.CSV:
        form.write_csv(value["steps"], columns)
    elif output is Format.MARKDOWN:
        form.write_markdown(value["steps"], columns)
    else:
        form.say(form.paragraph(f"{found.plan}: {'as simulated' if found.holds else 'not as simulated'}"))
        for step in found.steps:
            tail = f": {step.reason}" if step.reason else ""
            form.say(
                form.paragraph(f"{step.number}. {step.agreement:<11} {step.step}{tail}", first="  ", rest="      ")
            )


__all__ = ["execute"]
