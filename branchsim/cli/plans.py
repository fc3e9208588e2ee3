"""Which plan, repository and topology a command line names: shared by ``simulate`` and ``execute``."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchsim.git.repository import Repository
    from branchsim.plan import MergeDriver, Plan
    from branchsim.simulate.conflicts import Resolver
    from branchsim.simulate.simulation import Simulation
    from branchsim.topology import Topology

Places = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[PLAN] [REPO]",
        help="A plan (TOML) or a saved simulation, unless --hotfix or --promote makes the plan; and the repository, "
        "by default the one here.",
        show_default=False,
    ),
]
Hotfix = Annotated[
    str | None,
    typer.Option("--hotfix", metavar="NAME", help="The whole way of a hotfix, from its branch to its retrofit."),
]
Promote = Annotated[
    str | None, typer.Option("--promote", metavar="SOURCE:TARGET", help="One promotion, as a check before a merge.")
]
TopologyFile = Annotated[
    Path | None,
    typer.Option(
        "--topology", "-T", metavar="FILE", help="A branchsim.toml, or a project that describes its branches."
    ),
]
Author = Annotated[
    str | None,
    typer.Option(
        "--author",
        metavar="'NAME <ADDRESS>'",
        help="Author and committer of the commits; by default whom the plan or git names.",
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="WHEN",
        help="Look at the obligations of what landed since then: a date or a revision; by default half a year.",
    ),
]
Sign = Annotated[
    bool,
    typer.Option("--sign", help="Sign commits and annotated tags, with your own git settings.", show_default=False),
]
Drivers = Annotated[
    list[str] | None,
    typer.Option(
        "--merge-driver",
        metavar="NAME=PATTERN",
        help="Merge these files by a merge driver of your own git configuration; may be given several times.",
        show_default=False,
    ),
]

_OF_NOW = (
    "the plan gives no time: its commits are of now; only a simulation that is kept (--save) makes these very ones"
)
_WRITE_IT = "write it down with 'branchsim topology --guess --write branchsim.toml' and correct it, or give --topology"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: a repository, and a way to a simulation of a plan on it."""

    repo: Path
    plan_file: Path | None
    hotfix: str | None
    promote: tuple[str, str] | None
    topology: Path | None
    author: str | None
    since: str | None = None
    sign: bool = False
    drivers: tuple[MergeDriver, ...] = ()
    solve: tuple[str, ...] = ()

    def simulation(self, resolve: Resolver | None = None, *, to_keep: bool = False) -> Simulation:
        """The simulation: read from a file, or made now.

        Parameters
        ----------
        resolve : callable, optional
            Asked about the conflicts that are left.
        to_keep : bool
            Whether its commits may become real: then they are of now where the plan gives no time.
        """
        from branchsim.cli.solving import solved
        from branchsim.git.repository import Repository
        from branchsim.simulate.run import simulate
        from branchsim.simulate.saved import is_saved, read_simulation

        if self.plan_file is not None and is_saved(self.plan_file):
            self._check_kept_as_it_is()
            return read_simulation(self.plan_file)
        with Repository(self.repo) as repository:
            plan, topology, notes = self._plan(repository)
            directory = self.plan_file.parent if self.plan_file is not None else Path()
            if self.author is not None:
                plan = plan.replace(author=self.author)
            if to_keep and plan.at is None:
                plan = plan.replace(at=int(time.time()))
                notes = (*notes, _OF_NOW)
            plan = plan.replace(sign=plan.sign or self.sign, drivers=(*plan.drivers, *self.drivers))
            run = partial(
                simulate,
                repo=repository,
                topology=topology,
                since=self.since,
                directory=directory,
            )
            if self.solve:
                # Nobody is asked and nothing is signed until it is known how the plan ends.
                unsigned, found = solved(plan.replace(sign=False), self.solve, run)
                if plan.sign or resolve is not None:
                    found = run(unsigned.replace(sign=plan.sign), resolve=resolve)
            else:
                found = run(plan, resolve=resolve)
            return dataclasses.replace(found, notes=(*found.notes, *notes))

    def _check_kept_as_it_is(self) -> None:
        from branchsim.errors import InputError

        given = {
            "--author": self.author,
            "--since": self.since,
            "--sign": self.sign,
            "--merge-driver": self.drivers,
            "--solve": self.solve,
        }
        for option, value in given.items():
            if value:
                raise InputError(f"{self.plan_file} is a saved simulation, which {option} cannot change; give the plan")

    def _plan(self, repository: Repository) -> tuple[Plan, Topology | None, tuple[str, ...]]:
        """The plan, its topology, and what must be said about where that came from."""
        from branchsim.plan import read_plan

        topology = self._written(repository)
        if self.plan_file is not None:
            return read_plan(self.plan_file), topology, ()
        if self.hotfix is not None:
            return self._hotfix(repository, self.hotfix, topology)
        return self._promotion(*(self.promote or ("", "")), topology)

    def _promotion(
        self, source: str, target: str, topology: Topology | None
    ) -> tuple[Plan, Topology | None, tuple[str, ...]]:
        """The plan of one promotion; alone, with a note, where the strategy has no place for it."""
        from branchsim.plan import Plan

        if topology is None or topology.match_branch(target) is None:
            return Plan.promotion(source, target), None, ()
        lasting = topology.match_branch(source) is not None
        if not lasting and topology.family_of(source) is None:
            return Plan.promotion(source, target), None, ()
        plan = Plan.promotion(source, target, topology)
        problems = plan.problems(topology)
        # What people ask before a merge is what it would do; a strategy that was named for it is kept to.
        if not problems or (lasting and self.topology is not None):
            return plan, topology, ()
        return plan, None, (f"obligations were not looked at: {problems[0].message}",)

    def _written(self, repository: Repository) -> Topology | None:
        """The topology that was given or that the repository has in a file, bound to the branches."""
        from branchsim.audit.sources import choose_topology

        chosen = choose_topology(repository, self.topology, guess=False)
        return None if chosen is None else _bound(chosen.topology, repository)

    @staticmethod
    def _hotfix(repository: Repository, name: str, topology: Topology | None) -> tuple[Plan, Topology, tuple[str, ...]]:
        """The plan of a hotfix; with a guess of the topology where none is written down."""
        from branchsim.audit.sources import guessed
        from branchsim.errors import InputError
        from branchsim.plan import Plan

        if topology is not None:
            return Plan.hotfix(name, topology), topology, ()
        try:
            topology = _bound(guessed(repository).topology, repository)
            plan = Plan.hotfix(name, topology)
        except InputError as error:
            raise InputError(f"{error}; the topology was only guessed: {_WRITE_IT}") from None
        return plan, topology, (f"the topology was guessed from the branches and their merges: {_WRITE_IT}",)


def _bound(topology: Topology, repository: Repository) -> Topology:
    return topology if topology.is_bound else topology.bind(repository.branches)


def asked(
    places: Sequence[Path] | None,
    *,
    hotfix: str | None,
    promote: str | None,
    topology: Path | None,
    author: str | None,
    since: str | None = None,
    sign: bool = False,
    drivers: Sequence[str] | None = None,
    solve: Sequence[str] | None = None,
    plan_needed: bool = True,
) -> Asked:
    """Read the arguments that name a plan and a repository.

    Raises
    ------
    InputError
        They do not fit together.
    """
    from branchsim.errors import InputError

    given = list(places or ())
    made = [name for name, value in (("--hotfix", hotfix), ("--promote", promote)) if value is not None]
    if len(made) > 1:
        raise InputError("--hotfix and --promote exclude each other; give one of them")
    plan_file = None
    if not made and plan_needed:
        if not given:
            raise InputError("no plan was given; name a plan file, or use --hotfix NAME or --promote SOURCE:TARGET")
        plan_file = given.pop(0)
        if plan_file.is_dir():
            raise InputError(
                f"{plan_file} is a directory, not a plan; name a plan file, or use --hotfix NAME or "
                "--promote SOURCE:TARGET"
            )
    if len(given) > 1:
        raise InputError(f"one repository is expected, not {len(given)}: {', '.join(map(str, given))}")
    pair = None
    if promote is not None:
        source, colon, target = promote.partition(":")
        if not (source and colon and target):
            raise InputError(f"--promote expects SOURCE:TARGET, such as uat:preprod, not {promote!r}")
        pair = source, target
    return Asked(
        given[0] if given else Path(),
        plan_file,
        hotfix,
        pair,
        topology,
        author,
        since,
        sign=sign,
        drivers=_drivers(drivers or ()),
        solve=tuple(solve or ()),
    )


def _drivers(given: Sequence[str]) -> tuple[MergeDriver, ...]:
    """The merge drivers of a command line, each with all its patterns."""
    from branchsim.errors import InputError
    from branchsim.plan import MergeDriver

    patterns: dict[str, list[str]] = {}
    for text in given:
        name, equals, pattern = text.partition("=")
        if not (name and equals and pattern):
            raise InputError(f"--merge-driver expects NAME=PATTERN, such as sfdx=*.profile-meta.xml, not {text!r}")
        patterns.setdefault(name, []).append(pattern)
    return tuple(MergeDriver(name, tuple(several)) for name, several in patterns.items())


__all__ = ["Asked", "Author", "Drivers", "Hotfix", "Places", "Promote", "Sign", "Since", "TopologyFile", "asked"]
