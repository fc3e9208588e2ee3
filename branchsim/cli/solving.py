"""Conflicts on the command line: hand them out as files, and take them back solved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from branchsim.plan import Plan
    from branchsim.simulate import OpenConflict, Simulation

Solve = Annotated[
    list[str] | None,
    typer.Option(
        "--solve",
        metavar="HOW",
        help="Solve conflicts: a folder that holds the solved files under their paths, or one of source, target, "
        "source-regions, target-regions, recorded; may be given several times, each for what those before it left.",
        show_default=False,
    ),
]
ConflictFolder = Annotated[
    Path | None,
    typer.Option(
        "--conflicts",
        metavar="FOLDER",
        help="Write the files in conflict to this folder, with git's markers: edit them, then --solve FOLDER.",
    ),
]


def solved(plan: Plan, ways: Sequence[str], simulate: Callable[[Plan], Simulation]) -> tuple[Plan, Simulation]:
    """The plan with resolutions for the steps that conflict, and what it does then.

    Parameters
    ----------
    plan : Plan
        The plan.
    ways : sequence of str
        How conflicts are solved: sides and folders.
    simulate : callable
        Simulates a plan.

    Raises
    ------
    InputError
        A way is neither a side nor a folder.
    """
    from branchsim.errors import InputError, nearest
    from branchsim.plan import Resolve
    from branchsim.plan.steps import TAKES

    options: list[dict[str, Any]] = []
    for way in ways:
        take = next((each for each in TAKES if each == way), None)
        if take is None and not Path(way).is_dir():
            raise InputError(
                f"--solve expects a folder that exists or one of {', '.join(TAKES)}, not {way!r}{nearest(way, TAKES)}"
            )
        options.append({"take": take} if take is not None else {"folder": str(Path(way).absolute())})
    tried: set[str] = set()
    while True:
        found = simulate(plan)
        step = next((result.step for result in found.results if result.outcome == "conflict"), None)
        if step is None or step in tried:
            return plan, found
        tried.add(step)
        plan = plan.then(*(Resolve(step, **each) for each in options))


class HandOut:
    """Writes what is in conflict to a folder; a resolver that solves nothing.

    Parameters
    ----------
    folder : Path
        Must be empty or not exist.

    Attributes
    ----------
    written, left : list of str
        The paths of files that were written, and of conflicts without a file that could be edited.
    """

    def __init__(self, folder: Path) -> None:
        from branchsim.errors import InputError

        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"{folder} holds something already; name a folder that is empty or new for --conflicts")
        self.folder = folder
        self.written: list[str] = []
        self.left: list[str] = []

    def __call__(self, conflict: OpenConflict) -> None:
        """Write one file."""
        from branchsim.errors import InputError
        from branchsim.plan.checks import check_path
        from branchsim.writing import write_whole

        if conflict.merged is None or conflict.kind in {"binary", "submodule"}:
            self.left.append(f"{conflict.path} ({conflict.kind})")
            return
        place = self.folder / check_path(conflict.path, f"step {conflict.step!r}")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{place.parent} cannot be made: {error.strerror}; choose another place") from None
        write_whole(place, conflict.merged)
        self.written.append(conflict.path)

    def advice(self) -> list[str]:
        """What to do next, in sentences."""
        said = []
        if self.written:
            count = f"{len(self.written)} file{'s' if len(self.written) != 1 else ''}"
            said.append(
                f"{count} with conflict markers in {self.folder}: edit, then run again with --solve {self.folder}"
            )
        if self.left:
            said.append(f"no file to edit: {', '.join(self.left)}; put a file there, or name a side with --solve")
        return said


__all__ = ["ConflictFolder", "HandOut", "Solve", "solved"]
