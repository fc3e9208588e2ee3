"""Which topology a test suite is about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from branchsim.errors import InputError, nearest
from branchsim.topology import FILE_NAME, DirectoryFiles, Topology, has_sfdx_hardis, read_topology

if TYPE_CHECKING:
    from collections.abc import Callable

NAMED: dict[str, Callable[[], Topology]] = {
    "build-run": Topology.build_run,
    "build-run-merge-back": Topology.build_run_merge_back,
    "gitflow": Topology.gitflow,
    "release-train": Topology.release_train,
    "trunk": Topology.trunk,
}
"""The topologies that go by a name."""


def topology_of(given: str | None, project: Path) -> Topology:
    """The topology that is meant.

    Parameters
    ----------
    given : str or None
        A name of `NAMED`, or a path, relative to where pytest was called.
    project : Path
        Where to look if nothing is given; BUILD/RUN if nothing is found there either.

    Raises
    ------
    InputError
        It is neither a name nor a path that exists.
    TopologyError
        The file cannot be read.
    """
    if given in NAMED:
        return NAMED[given]()
    if given is not None:
        if not Path(given).exists():
            raise InputError(
                f"{given!r} is no path that exists and no name{nearest(given, NAMED)}; the names are {', '.join(NAMED)}"
            )
        return read_topology(given)
    if (project / FILE_NAME).exists() or has_sfdx_hardis(DirectoryFiles(project)):
        return read_topology(project)
    return Topology.build_run()
