"""Which plan, repository and topology a command line names: shared by ``simulate`` and ``execute``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchsim.git.repository import Repository
    from branchsim.plan import MergeDriver, Plan
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

    def simulation(self) -> Simulation:
        """The simulation: read from a file, or made now."""
        from branchsim.git.repository import Repository
        from branchsim.git.transaction import own_identity
        from branchsim.simulate.run import simulate
        from branchsim.simulate.saved import is_saved, read_simulation

        if self.plan_file is not None and is_saved(self.plan_file):
            self._check_kept_as_it_is()
            return read_simulation(self.plan_file)
        with Repository(self.repo) as repository:
            plan, topology = self._plan(repository)
            directory = self.plan_file.parent if self.plan_file is not None else Path()
            author = self.author or plan.author or own_identity(repository.common_dir)
            if self.author is not None:
                plan = plan.replace(author=self.author)
            plan = plan.replace(sign=plan.sign or self.sign, drivers=(*plan.drivers, *self.drivers))
            return simulate(plan, repository, topology, author=author, since=self.since, directory=directory)

    def _check_kept_as_it_is(self) -> None:
        from branchsim.errors import InputError

        given = {"--author": self.author, "--since": self.since, "--sign": self.sign, "--merge-driver": self.drivers}
        for option, value in given.items():
            if value:
                raise InputError(f"{self.plan_file} is a saved simulation, which {option} cannot change; give the plan")

    def _plan(self, repository: Repository) -> tuple[Plan, Topology | None]:
        from branchsim.errors import InputError
        from branchsim.plan import Plan, read_plan

        if self.plan_file is not None:
            plan = read_plan(self.plan_file)
            return plan, self._topology(repository, needed=False)
        if self.hotfix is not None:
            topology = self._topology(repository, needed=True)
            if topology is None:
                raise InputError("a hotfix needs a topology; give one with --topology")
            return Plan.hotfix(self.hotfix, topology), topology
        source, target = self.promote or ("", "")
        topology = self._topology(repository, needed=False)
        known = topology is not None and all(topology.match_branch(name) is not None for name in (source, target))
        return Plan.promotion(source, target, topology if known else None), topology if known else None

    def _topology(self, repository: Repository, *, needed: bool) -> Topology | None:
        """The topology, bound to the branches; without one that is written down a guess, where one is needed."""
        from branchsim.audit.sources import choose_topology
        from branchsim.errors import InputError
        from branchsim.git.refs import branch_refs

        if not needed and self.topology is None and not self._is_written(repository):
            return None
        try:
            chosen = choose_topology(repository, self.topology)
        except InputError as error:
            if self.topology is None and needed:
                raise InputError(f"{error}; or name a topology with --topology") from None
            raise
        return chosen.topology.bind(branch_refs(repository.refs, repository.remotes))

    @staticmethod
    def _is_written(repository: Repository) -> bool:
        from branchsim.topology import FILE_NAME, DirectoryFiles, has_sfdx_hardis

        tree = repository.work_tree
        return tree is not None and ((tree / FILE_NAME).is_file() or has_sfdx_hardis(DirectoryFiles(tree)))


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
