from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import find, given
from hypothesis import strategies as st

from branchsim.check import Strategy
from branchsim.git.apply import apply_patch
from branchsim.plan import Plan, PlanError
from branchsim.plan.files import read_plan
from branchsim.plan.files import to_toml as plan_to_toml
from branchsim.testing import (
    ConflictError,
    ConflictingEdits,
    Patch,
    ScratchRepo,
    branch_names,
    branch_strategies,
    conflicting_edits,
    file_trees,
    patches,
    plans,
    topologies,
)
from branchsim.testing.repo import Workbench
from branchsim.topology import Topology, read_topology_toml, to_toml


@given(topologies())
def test_a_topology_survives_its_file(topology: Topology) -> None:
    assert read_topology_toml(to_toml(topology)) == topology


@given(st.lists(branch_names(), min_size=1, max_size=3, unique=True))
def test_git_takes_every_name(bench: Workbench, names: list[str]) -> None:
    # Names that git cannot keep side by side are sorted out by the strategies that take several.
    with ScratchRepo(bench=bench) as repo:
        repo.commit(names[0], {"a": "1\n"})
        repo.save()
        assert repo.refs().keys() == {f"refs/heads/{names[0]}"}


@given(topologies(min_branches=2, max_branches=4))
def test_git_keeps_all_branches_of_a_topology(bench: Workbench, topology: Topology) -> None:
    with ScratchRepo(bench=bench) as repo:
        first, *others = (branch.name for branch in topology.branches)
        repo.commit(first, {"a": "1\n"})
        for name in others:
            repo.branch(name, at=first)
        repo.save()  # git refuses `a` beside `a/b`


@given(branch_strategies())
def test_a_strategy_has_a_way_to_production(strategy: Strategy) -> None:
    assert strategy.production
    assert strategy.replace(guards=strategy.guards) == strategy


def test_a_given_topology_is_kept() -> None:
    gitflow = Topology.gitflow()
    assert find(branch_strategies(topology=gitflow), lambda _: True).topology == gitflow


@given(plans())
def test_a_plan_survives_its_file(plan: Plan) -> None:
    assert read_plan(plan_to_toml(plan)) == plan


@pytest.mark.parametrize("make", [Topology.build_run, Topology.build_run_merge_back, Topology.gitflow])
def test_plans_for_a_topology_fit_it(make: Callable[[], Topology]) -> None:
    topology = make()

    @given(plans(topology))
    def check(plan: Plan) -> None:
        assert plan.validate(topology) is plan

    check()
    assert find(plans(topology), lambda plan: "login" in plan.name.lower())


def test_no_plan_fits_is_an_error() -> None:
    with pytest.raises(ValueError, match="fits the topology"):
        plans(Topology.release_train())


@given(file_trees())
def test_a_tree_can_be_committed(bench: Workbench, files: dict[str, bytes]) -> None:
    with ScratchRepo(bench=bench) as repo:
        repo.commit("main", files)
        assert repo.files("main") == files


@given(patches())
def test_git_applies_every_patch(bench: Workbench, patch: Patch) -> None:
    with ScratchRepo(bench=bench) as repo:
        before, after = repo.tree_of(patch.before), repo.tree_of(patch.after)
        assert before != after
        assert apply_patch(repo._scratch, before, patch.text) == after


@given(patches(before={"a": b"one\n"}))
def test_a_patch_of_given_files(patch: Patch) -> None:
    assert patch.before == {"a": b"one\n"}


@given(conflicting_edits())
def test_conflicting_edits_conflict(bench: Workbench, edits: ConflictingEdits) -> None:
    with ScratchRepo(bench=bench) as repo:
        repo.commit("main", {edits.path: edits.base})
        repo.branch("topic", at="main")
        repo.commit("main", {edits.path: edits.ours})
        repo.commit("topic", {edits.path: edits.theirs})
        with pytest.raises(ConflictError, match=re.escape(edits.path)):
            repo.merge(into="main", source="topic")


def test_they_shrink_to_little() -> None:
    assert len(find(topologies(), lambda _: True).branches) == 1
    assert find(file_trees(min_size=1), lambda _: True) == {"a": b""}
    assert find(plans(), lambda _: True).steps == ()
    edits = find(conflicting_edits(), lambda _: True)
    assert edits.base == "the line as it was\n"


def test_nothing_internal_of_hypothesis_is_imported() -> None:
    import branchsim.testing

    for path in Path(branchsim.testing.__file__).parent.glob("*.py"):
        assert not re.search(r"hypothesis\.internal|hypothesis\.\S*\._", path.read_text(encoding="utf-8")), path


def test_an_unknown_name_is_an_attribute_error() -> None:
    import branchsim.testing

    assert {*branchsim.testing.__all__} == {*branchsim.testing._MODULE}
    with pytest.raises(AttributeError, match="no attribute 'topologie'"):
        branchsim.testing.topologie  # noqa: B018


def test_a_plan_with_a_bad_branch_is_none_of_them() -> None:
    with pytest.raises(PlanError):
        Plan.hotfix("-x", Topology.build_run())
