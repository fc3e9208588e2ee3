from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from branchsim.check import Strategy
from branchsim.errors import InputError
from branchsim.testing import BranchStrategyMachine, DisagreementError, TwinRepo
from branchsim.testing.promises import BrokenPromiseError
from branchsim.testing.reference import Expected, Reference

if TYPE_CHECKING:
    from pathlib import Path

_SETTINGS = settings(max_examples=100, stateful_step_count=50, report_multiple_bugs=False)
# Where a failure is wanted, the first one will do: how it shrinks is Hypothesis's affair.
_FIRST = settings(_SETTINGS, phases=[Phase.generate])


class _Counted(BranchStrategyMachine):
    seen: ClassVar[Counter[str]]

    def happened(self, what: str) -> None:
        self.seen[what] += 1


def _counted(**parts: Any) -> type[_Counted]:
    return type("Counted", (_Counted,), {"seen": Counter(), **parts})


def test_a_hundred_examples_of_fifty_steps_keep_the_promise_in_a_minute() -> None:
    machine = _counted(promises=("no-lost-fix", "passed-validation", "owed-before-promotion"))
    start = time.process_time()
    run_state_machine_as_test(machine, settings=_SETTINGS)
    # Of this process alone: what others do on the machine is not the machine's fault. git is a fraction of it.
    assert time.process_time() - start < 60
    assert machine.seen["a conflict"] > 20
    assert machine.seen["a criss-cross merge"] > 5


def test_rare_paths_occur() -> None:
    seen: Counter[str] = Counter()
    # Two strategies, each with a part of the mistakes: what is rare under one is not under the other.
    for strategy, mistakes in (
        (Strategy.gitflow(), ("squash-then-merge", "cherry-pick-retrofit", "revert", "stale-commit")),
        (Strategy.build_run(), ("revert", "force-push", "wrong-base", "delete-branch", "one-sided-resolution")),
    ):
        machine = _counted(strategy=strategy.without(), mistakes=mistakes, promises=(), places=2)
        run_state_machine_as_test(machine, settings=settings(_SETTINGS, max_examples=60))
        seen += machine.seen
    wanted = {
        "a conflict",
        "a conflict resolved to one side",
        "a double retrofit",
        "a criss-cross merge",
        "a revert",
        "a revert that conflicts",
        "a stale commit",
        "a force-push",
        "a wrong base",
        "a branch deleted too early",
    }
    assert wanted <= {*seen}, seen


@pytest.mark.parametrize(
    ("mistake", "promise"),
    [("force-push", "no-lost-fix"), ("wrong-base", "passed-validation")],
)
def test_a_mistake_is_found_and_can_be_repeated(mistake: str, promise: str, tmp_path: Path) -> None:
    machine = _counted(mistakes=(mistake,), promises=(promise,), scripts=tmp_path)
    with pytest.raises(BrokenPromiseError) as caught:
        run_state_machine_as_test(machine, settings=_FIRST)
    assert caught.value.promise == promise
    said = "\n".join(caught.value.__notes__)
    assert "What happened:\n1. " in said
    # The code to paste fails for the same reason.
    code = said.partition("To paste:\n\n")[2].partition("\nThe same with git alone:")[0]
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102  it is what people paste
    with pytest.raises(AssertionError):
        names["test_counted"]()
    # The shell script makes the very same commits, with git alone.
    script = tmp_path / "Counted.sh"
    assert f"sh {script}" in said
    place = tmp_path / "place"
    done = subprocess.run(["sh", script, place], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "In the end:" in done.stdout


def test_own_rules_and_invariants(tmp_path: Path) -> None:
    class Cowboys(BranchStrategyMachine):
        strategy = Strategy.gitflow()
        scripts = tmp_path

        @rule(place=st.integers(0, 2))
        def fix_in_production(self, place: int) -> None:
            self.twin.change("main", place=place, kind="fix")

        @invariant()
        def develop_knows_every_fix(self) -> None:
            assert self.twin.delivered("main") <= self.twin.delivered("develop")

    with pytest.raises(AssertionError) as caught:
        run_state_machine_as_test(Cowboys, settings=_FIRST)
    said = "\n".join(caught.value.__notes__)
    assert re.search(r"twin\.change\('main', place=[012], kind='fix'\)", said)
    assert re.search(r"\d+\. fix-\d+ is committed to main in place [123]\.", said)
    assert (tmp_path / "Cowboys.sh").exists()


def test_a_wrong_model_is_caught(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    honest = Reference.merged

    def first_base_only(self: Reference, ours: int, theirs: int, choice: Any) -> Expected:
        found = honest(self, ours, theirs, choice)
        return Expected(found.holds, (), found.bases)

    monkeypatch.setattr(Reference, "merged", first_base_only)
    with pytest.raises(DisagreementError, match="git has conflicts in"):
        run_state_machine_as_test(_counted(scripts=tmp_path), settings=_FIRST)


def test_a_script_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    machine = _counted(mistakes=("force-push",), scripts=tmp_path / "file" / "below")
    with pytest.raises(BrokenPromiseError) as caught:
        run_state_machine_as_test(machine, settings=_FIRST)
    assert "could not be written" in "\n".join(caught.value.__notes__)


def test_unknown_names_are_errors() -> None:
    with pytest.raises(InputError, match="did you mean 'no-lost-fix'"):
        _counted(promises=("no-lost-fixes",))()
    with pytest.raises(InputError, match="unknown mistake"):
        _counted(mistakes=("squash",))()


def test_pytest_runs_a_subclass(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        """
from hypothesis import Phase, settings
from branchsim.check import Strategy
from branchsim.testing import BranchStrategyMachine

class Gitflow(BranchStrategyMachine):
    strategy = Strategy.gitflow()

    def teardown(self):
        self.happened("the end of an example")
        super().teardown()

TestGitflow = Gitflow.TestCase
TestGitflow.settings = settings(max_examples=5, stateful_step_count=10, database=None, deadline=None)
""",
        encoding="utf-8",
    )
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "--hypothesis-show-statistics", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout
    assert "the end of an example" in done.stdout
    assert not (tmp_path / ".branchsim").exists()


# -- twins ------------------------------------------------------------------------------------------------------------


def test_one_side_of_a_conflict_loses_the_other() -> None:
    with TwinRepo({"develop": "BUILD", "main": "RUN"}) as twin:
        twin.change("develop", place=0)
        fix = twin.change("main", place=0, kind="fix")
        done = twin.land(into="main", source="develop", resolve="theirs")
        assert done.conflicts == ("part-1.txt",)
        assert twin.lost("main") == (fix,)
        # The commit is an ancestor all the same.
        assert twin.repo.is_ancestor(twin.commit_of(2), of="main")


def test_what_is_reverted_for_a_layer_is_not_lost_there() -> None:
    with TwinRepo({"develop": "BUILD", "main": "RUN"}) as twin:
        fix = twin.change("main", place=1, kind="fix")
        twin.land(into="develop", source="main")
        twin.revert("main", change=fix)
        assert twin.lost("main") == ()
        twin.land(into="develop", source="main")
        assert twin.lost("develop") == (fix,)


def test_bad_calls_of_a_twin() -> None:
    with pytest.raises(InputError, match="at least one"):
        TwinRepo({})
    with TwinRepo({"develop": "BUILD", "main": "RUN"}) as twin:
        with pytest.raises(InputError, match="did you mean 'develop'"):
            twin.start("x", at="develpo")
        with pytest.raises(InputError, match="no place 9"):
            twin.change("main", place=9)
        with pytest.raises(InputError, match="no method 'rebse'"):
            twin.land(into="main", source="develop", method="rebse")
        with pytest.raises(InputError, match="not 3 steps old"):
            twin.move_back("main", back=3)
        with pytest.raises(InputError, match="long-lived"):
            twin.delete("main")
        # What was refused has not happened.
        assert twin.calls == []
