"""What the tests of branchsim.testing share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from branchsim.testing.repo import Workbench

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def bench() -> Iterator[Workbench]:
    """Where the many small repositories of generated examples are made."""
    made = Workbench()
    yield made
    made.close()
