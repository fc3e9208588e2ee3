from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import find, given, settings

from branchsim.audit.audit import audit
from branchsim.errors import InputError
from branchsim.testing import (
    GeneratedHistory,
    ScratchRepo,
    assert_no_leak,
    assert_no_lost_fix,
    assert_obligations_met,
    histories,
)
from branchsim.testing.generated import PORTS, Fix
from branchsim.testing.repo import Workbench
from branchsim.topology import Topology

_MAKERS = [Topology.build_run, Topology.gitflow]


def _complaint(claim: object, *arguments: object, **options: object) -> str:
    with pytest.raises(AssertionError) as caught:
        claim(*arguments, **options)  # type: ignore[operator]
    return str(caught.value)


@settings(max_examples=25)
@given(histories(max_releases=2, max_fixes=2))
def test_the_audit_finds_what_is_true(bench: Workbench, history: GeneratedHistory) -> None:
    repo, truth = history.build(bench=bench)
    found = audit(repo.path, history.topology, cache=None, checks=("obligations", "overwrites", "leaks"))
    assert found.leak_records == ()
    dropped = {(each.path, each.dropped_by) for each in truth if each.dropped_by}
    # A loss that went on to other branches counts there too.
    assert {(each.path, each.landing) for each in found.overwrite_records if each.branch == "integration"} == dropped
    for each in truth:
        records = [record for record in found.records if set(record.commits) & set(each.commits)]
        assert {record.owed_to for record in records} == {each.owed_to}
        if each.dropped_by is None:
            assert [record.verdict for record in records] == [each.verdict], each
    repo.close()


@pytest.mark.parametrize("make", _MAKERS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("port", PORTS)
def test_invariants_on_every_port(bench: Workbench, port: str, make: Callable[[], Topology]) -> None:
    topology = make()
    history = GeneratedHistory(((Fix("merge"), Fix(port, features=1)),), topology)  # type: ignore[arg-type]
    repo, truth = history.build(bench=bench)
    known = truth[1]
    assert_no_leak(repo.path, topology)
    if known.verdict == "lost":
        assert known.dropped_by is not None
        said = _complaint(assert_no_lost_fix, repo.path, topology)
        # Which, where, since when.
        assert known.path in said
        assert known.dropped_by[:12] in said
        assert re.search(rf"{known.owed_to} since 2024-01-0\d \d\d:00 UTC", said)
        assert_no_lost_fix(repo.path, topology, until="2024-01-01T01:00:00Z")
    elif known.verdict == "missed":
        assert_no_lost_fix(repo.path, topology)
        said = _complaint(assert_obligations_met, repo.path, topology)
        assert known.subject in said
        assert f"missed on {known.owed_to}" in said
        assert f"landed on {known.landed_on} on 2024-01-0" in said
    else:
        assert_no_lost_fix(repo.path, topology)
    repo.close()


def test_a_leak_is_named(bench: Workbench) -> None:
    topology = Topology.build_run()
    with ScratchRepo(bench=bench) as repo:
        repo.commit("integration", {"a.txt": "one\n"})
        for name in ("uat", "preprod", "production"):
            repo.branch(name, at="integration")
        repo.branch("feature/x", at="integration")
        leaked = repo.commit("feature/x", {"x.txt": "a feature\n"}, message="Add x")
        repo.merge(into="integration", source="feature/x", fast_forward=False)
        repo.branch("hotfix/y", at="integration")
        repo.commit("hotfix/y", {"a.txt": "two\n"}, message="Fix y")
        landing = repo.merge(into="preprod", source="hotfix/y", fast_forward=False)
        said = _complaint(assert_no_leak, repo.path, topology)
        assert leaked[:12] in said
        assert f"preprod, since 2024-01-01 05:00 UTC, landing {landing.sha[:12]}" in said
        assert_no_leak(repo.path, topology, branches=["integration"])
        with pytest.raises(InputError, match="did you mean 'preprod'"):
            assert_no_leak(repo.path, topology, branches=["prepord"])


def test_a_history_without_obligations_is_refused() -> None:
    with pytest.raises(InputError, match="owes a retrofit"):
        GeneratedHistory(((Fix("merge"),),), Topology.trunk()).build()


def test_the_same_history_is_the_same_repository() -> None:
    history = find(histories(), lambda each: len(each.releases) == 2)
    assert history == GeneratedHistory(((Fix("merge"),), (Fix("merge"),)))
    made = []
    for _ in range(2):
        repo, truth = history.build()
        made.append((repo.refs(), truth))
        repo.close()
    assert made[0] == made[1]
