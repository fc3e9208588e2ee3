"""Settings that every test shares."""

from __future__ import annotations

import gc
import os
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from branchsim.testing.repo import Workbench

# The suite answers the same way every time; `HYPOTHESIS_PROFILE=explore` looks for new examples. Machines are shared
# and git processes take what time they take, so no example fails for being slow.
_SHARED = settings(deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("steady", _SHARED, derandomize=True, database=None)
settings.register_profile("explore", _SHARED, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

# A shell starts what runs in the background with Ctrl-C ignored, and so would be every process that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """What thousands of tests are made of lives to the end: looking through it again and again takes time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the cache of the person who runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BRANCHSIM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def bench() -> Iterator[Workbench]:
    """Where the many small repositories of generated examples are made."""
    from branchsim.testing.repo import Workbench

    made = Workbench()
    yield made
    made.close()
