from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from branchsim.testing import ForkedWorkMachine, LandingMethodsMachine, RetrofitMachine
from branchsim.testing.repo import Landed, ScratchRepo

_SETTINGS = settings(max_examples=40, stateful_step_count=25)

Machine = ForkedWorkMachine | RetrofitMachine | LandingMethodsMachine

# What has to happen, lest a machine is green because it does nothing.
RARE: dict[type[Machine], set[str]] = {
    ForkedWorkMachine: {"a true merge"},
    RetrofitMachine: {"a retrofit by merge", "a retrofit by cherry-pick", "a retrofit by squash"},
    LandingMethodsMachine: {
        "a conflict",
        "a rebase that conflicts",
        "a rebase in which every commit arrives whole",
    },
}


@pytest.mark.parametrize("machine", RARE, ids=lambda machine: machine.__name__)
def test_both_ways_are_equal(machine: type[Machine]) -> None:
    seen: Counter[str] = Counter()

    class Counted(machine):  # type: ignore[valid-type, misc]  # any of the three
        def happened(self, what: str) -> None:
            seen[what] += 1

    run_state_machine_as_test(Counted, settings=_SETTINGS)
    assert RARE[machine] <= {*seen}


class _Forgetful(ScratchRepo):
    """A git whose landings leave everything as it was."""

    def merge(self, *, into: str, source: str, **_: object) -> Landed:
        before = self.files(into)
        done = super().merge(into=into, source=source, resolve="ours")
        if done.kind == "merge":
            self.commit(into, dict(before), whole=True)
        return done


def test_a_git_that_forgets_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("branchsim.testing.equivalence.ScratchRepo", _Forgetful)
    with pytest.raises(AssertionError, match="forked and merged work is not what serial work is"):
        run_state_machine_as_test(ForkedWorkMachine, settings=settings(_SETTINGS, phases=[Phase.generate]))
