"""The pytest plugin: fixtures ``scratch_repo`` and ``branch_topology``, and the option ``--branch-topology``.

A suite that uses neither pays for the import of this module only, which imports nothing but pytest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from branchsim.testing.repo import ScratchRepo
    from branchsim.topology import Topology


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--branch-topology``."""
    parser.getgroup("branchsim").addoption(
        "--branch-topology",
        metavar="NAME_OR_PATH",
        default=None,
        help="the topology of the fixture branch_topology: build-run, build-run-merge-back, gitflow, release-train, "
        "trunk, or the path of a branchsim.toml or of a project that has one",
    )


@pytest.fixture
def scratch_repo() -> Iterator[ScratchRepo]:
    """A `branchsim.testing.ScratchRepo`, empty, and gone when the test ends."""
    from branchsim.testing.repo import ScratchRepo

    with ScratchRepo() as repo:
        yield repo


@pytest.fixture(scope="session")
def branch_topology(request: pytest.FixtureRequest) -> Topology:
    """The topology of ``--branch-topology``; else the one of the project that is tested; else BUILD/RUN."""
    from branchsim.errors import BranchsimError
    from branchsim.testing.choice import topology_of

    try:
        return topology_of(request.config.getoption("--branch-topology"), request.config.rootpath)
    except BranchsimError as error:
        # A fault of the command line or of a file, not of the code under test: no traceback helps.
        raise pytest.UsageError(f"--branch-topology: {error}") from None
