"""The state of every obligation before and after a plan is what the audit says of the repository before and after."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from support.repos import RepoBuilder, git

import branchsim as bs
from branchsim.plan import Commit, FileChange, Plan, Start
from branchsim.sample import load
from branchsim.simulate import Simulation, execute, read_simulation, save, simulate
from branchsim.topology import Topology

ROOT = Path(__file__).parents[2]
BUILD_RUN = Topology.build_run()
WHO = "Rita Release <rita@example.com>"
TEXT = "".join(f"line {number} of the text\n" for number in range(1, 13))


def edited(number: int, text: str) -> str:
    lines = TEXT.splitlines(keepends=True)
    lines[number - 1] = f"{text}\n"
    return "".join(lines)


def fix(**options: object) -> Plan:
    files = (FileChange("a.txt", edited(9, "line 9 is fixed").encode()),)
    work = [Commit("hotfix/login", message="Fix the login", files=files)]
    return Plan.hotfix("login", BUILD_RUN, work=work, author=WHO, **options)  # type: ignore[arg-type]


@pytest.fixture
def repo(tmp_path: Path) -> RepoBuilder:
    """BUILD/RUN with an earlier hotfix in production that was never retrofitted."""
    builder = RepoBuilder(tmp_path / "repo")
    base = builder.commit("integration", {"a.txt": TEXT, "b.txt": "b of the base\n"})
    for name in ("uat", "preprod", "production"):
        builder.branch(name, base)
    builder.branch("hotfix/old", "preprod")
    builder.commit("hotfix/old", {"b.txt": "b of the old hotfix\n"}, subject="Old fix")
    builder.merge(into="preprod", source="hotfix/old")
    builder.merge(into="production", source="preprod")
    builder.commit("integration", {"a.txt": edited(3, "line 3 is a feature")}, subject="Feature")
    builder.finish()
    return builder


def verdicts(simulation: Simulation) -> dict[str, tuple[str | None, str | None]]:
    assert simulation.owed is not None
    return {each.subject: (each.before, each.after) for each in simulation.owed}


def audited(path: Path) -> dict[tuple[str, str, str], tuple[str, bool, str]]:
    found = bs.audit(path, BUILD_RUN, checks=("obligations",)).records
    return {(o.change, o.landed_on, o.owed_to): (o.verdict.value, o.overdue, o.reason) for o in found}


def test_before_and_after_are_what_the_audit_says_then(repo: RepoBuilder) -> None:
    first = audited(repo.path)
    simulation = simulate(fix(), repo.path, BUILD_RUN)
    assert verdicts(simulation) == {"Old fix": ("missed", "retrofitted"), "Fix the login": (None, "retrofitted")}
    owed = simulation.owed or ()
    keys = {(o.change, o.landed_on, o.owed_to): o for o in owed}
    assert {k: (o.before, o.overdue_before) for k, o in keys.items() if o.before} == {
        key: value[:2] for key, value in first.items()
    }
    execute(simulation, repo.path)
    assert {k: (o.after, o.overdue_after, o.reason) for k, o in keys.items()} == audited(repo.path)


def test_the_steps_that_land_and_settle_are_named(repo: RepoBuilder) -> None:
    table = simulate(fix(), repo.path, BUILD_RUN).obligations.set_index("subject")
    assert table.loc["Fix the login", "landed_by"] == "merge hotfix/login to preprod"
    assert set(table["settled_by"]) == {"retrofit hotfix/login to integration"}
    assert table["overdue_after"].tolist() == [False, False]


def test_a_plan_whose_retrofit_conflicts_leaves_both_open(repo: RepoBuilder) -> None:
    repo.commit("integration", {"a.txt": edited(9, "line 9 is a feature")}, subject="Another feature")
    repo.finish()
    simulation = simulate(fix(), repo.path, BUILD_RUN)
    assert simulation.outcome == "conflict"
    assert verdicts(simulation) == {"Old fix": ("missed", "missed"), "Fix the login": (None, "missed")}
    text = str(simulation)
    assert "obligations since 2023-07-05: 2 in all, 1 changed by the plan, 1 open as before" in text
    assert "new -> missed: " in text
    assert "'Old fix', preprod -> integration: no commit of integration carries it" in text


def test_a_promotion_that_passes_without_the_retrofit_makes_it_overdue(repo: RepoBuilder) -> None:
    plan = Plan.promotion("integration", "preprod", BUILD_RUN)
    simulation = simulate(plan, repo.path, BUILD_RUN)
    (state,) = simulation.owed or ()
    assert (state.before, state.after) == ("missed", "missed")
    assert (state.overdue_before, state.overdue_after) == (False, True)
    assert state.settled_by == "promote uat to preprod"
    assert state.changes
    assert "missed -> missed, overdue" in str(simulation)


def test_a_fix_that_a_retrofit_dropped_is_followed_into_the_promotion(repo: RepoBuilder) -> None:
    # Whoever merged the old hotfix to integration threw it away. No conflict will ever tell: git sees a decision.
    kept = {"a.txt": edited(3, "line 3 is a feature"), "b.txt": "b of the base\n"}
    parents = ["integration", "hotfix/old"]
    repo.commit("integration", kept, whole=True, parents=parents, subject="Merge branch 'hotfix/old' into integration")
    repo.finish()
    simulation = simulate(Plan.promotion("integration", "preprod", BUILD_RUN), repo.path, BUILD_RUN)
    assert verdicts(simulation) == {"Old fix": ("lost", "lost")}
    assert simulation.outcome == "regression"
    last = simulation.results[-1]
    assert (last.step, last.outcome) == ("promote uat to preprod", "regression")
    assert {(loss.path, loss.what, loss.cause) for loss in last.losses or ()} == {
        ("b.txt", "b of the old hotfix", "merge-resolution"),
        ("b.txt", "b of the base", "merge-resolution"),
    }
    assert all("dropped it before" in loss.reason for loss in last.losses or ())
    assert [name.partition(" ")[2] for name in last.overwritten] == ["'Old fix'"]
    # Without obligations nobody follows it.
    alone = simulate(Plan.promotion("integration", "preprod", BUILD_RUN), repo.path, BUILD_RUN, obligations=False)
    assert (alone.outcome, alone.owed) == ("clean", None)


def test_what_landed_before_the_moment_is_left_out_and_said_so(repo: RepoBuilder) -> None:
    simulation = simulate(fix(), repo.path, BUILD_RUN, since="integration")
    assert verdicts(simulation) == {"Fix the login": (None, "retrofitted")}
    assert simulation.to_dict()["obligations_since"] == "2024-01-01T05:00:00Z"


def test_a_time_before_what_the_plan_builds_on_is_a_note(repo: RepoBuilder) -> None:
    early = simulate(fix(at=1_500_000_000), repo.path, BUILD_RUN)
    assert any("the plan's time is before that of a commit it builds on" in note for note in early.notes)
    later = simulate(fix(at=1_900_000_000), repo.path, BUILD_RUN)
    assert not any("the plan's time" in note for note in later.notes)


@pytest.mark.parametrize("name", ["story", "year"])
def test_a_window_of_the_samples_gives_the_verdicts_of_the_whole_history(tmp_path: Path, name: str) -> None:
    path = load(name, tmp_path / name)
    plan = Plan("nothing")
    topology = bs.audit(path, checks=()).topology
    simulation = simulate(plan, path, topology)
    since = simulation.owed_since
    found = bs.audit(path, since=since, checks=("obligations",)).records
    assert len(found) > 5
    mine = {(o.change, o.landed_on, o.owed_to): (o.before, o.after) for o in simulation.owed or ()}
    assert mine == {(o.change, o.landed_on, o.owed_to): (o.verdict.value, o.verdict.value) for o in found}
    assert not any(o.changes for o in simulation.owed or ())


def test_a_topology_whose_branches_are_not_there_is_a_note(repo: RepoBuilder) -> None:
    git(repo.path, "update-ref", "-d", "refs/heads/uat")
    plan = Plan("p", (Start("hotfix/x", at="preprod"),))
    simulation = simulate(plan, repo.path, BUILD_RUN)
    assert simulation.owed is None
    assert len(simulation.obligations) == 0
    assert any("obligations were not looked at: there is no branch 'uat'" in note for note in simulation.notes)
    assert simulation.to_dict()["obligations"] is None


def test_json_keeps_to_its_schema_and_a_file_keeps_everything(repo: RepoBuilder, tmp_path: Path) -> None:
    simulation = simulate(fix(), repo.path, BUILD_RUN)
    schema = json.loads((ROOT / "docs/schemas/simulate.json").read_text())
    value = json.loads(json.dumps(simulation.to_dict()))
    jsonschema.Draft202012Validator(schema).validate(value)
    assert [(o["subject"], o["before"], o["after"]) for o in value["obligations"]] == [
        ("Old fix", "missed", "retrofitted"),
        ("Fix the login", None, "retrofitted"),
    ]
    save(simulation, tmp_path / "saved")
    assert read_simulation(tmp_path / "saved") == simulation
    assert "Old fix" in simulation._repr_html_()


def test_the_table_has_the_same_columns_and_dtypes_when_empty(repo: RepoBuilder) -> None:
    full, empty = simulate(fix(), repo.path, BUILD_RUN).obligations, simulate(Plan("p"), repo.path).obligations
    assert (len(full), len(empty)) == (2, 0)
    assert full.dtypes.equals(empty.dtypes)
