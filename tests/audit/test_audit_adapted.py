"""How an adapted port differs from its source."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.forks import CODE, Fork, edited

from branchsim.audit.adapted import Difference, differing_hunks
from branchsim.git.repository import Repository


@pytest.fixture
def fork(tmp_path: Path) -> Fork:
    return Fork(tmp_path / "repo")


def differences(fork: Fork, source: str, port: str) -> tuple[Difference, ...] | None:
    with Repository(fork.repo.finish()) as repo:
        pair = (repo.resolve(source), repo.resolve(port))
        return differing_hunks(repo.scratch, [pair]).get(pair)


def adapted(fork: Fork) -> tuple[str, str]:
    """A pick whose conflict in line 8 was resolved; lines 7, 9 and 10 are as they were."""
    fork.on_target({"app.c": edited(CODE, 8, value="from_the_target()")}, "Change a line in the way")
    fix = fork.on_source({"app.c": edited(CODE, 3, 8, 14)}, "Fix the login")
    return fix, fork.pick(fix, files={"app.c": edited(edited(CODE, 8, value="both_of_them()"), 3, 14)})


def test_only_the_hunk_that_was_resolved_differs(fork: Fork) -> None:
    fix, port = adapted(fork)
    (found,) = differences(fork, fix, port) or ()
    assert found.path == "app.c"
    assert "from_the_target" not in found.source
    assert "+" in found.source
    assert found.port.splitlines()[0].startswith("-")
    assert "from_the_target()" in found.port.splitlines()[0]
    assert found.port.splitlines()[1] == "+int value_8 = both_of_them();"


def test_match_tells_it_where_it_is_asked_for(fork: Fork) -> None:
    fix, port = adapted(fork)
    (pair,) = fork.match(hunks=True).counterparts
    assert (pair.source, pair.target) == (fix, port)
    assert pair.reason.startswith("adapted: ")
    assert pair.differences == differences(fork, fix, port)
    (pair,) = fork.match().counterparts
    assert pair.differences == ()


def test_an_equal_pick_has_no_difference(fork: Fork) -> None:
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    assert differences(fork, fix, fork.pick(fix)) == ()


def test_what_only_one_of_them_does_stands_alone(fork: Fork) -> None:
    fix = fork.on_source({"app.c": edited(CODE, 7), "log.txt": "one\n"}, "Fix the login")
    port = fork.pick(fix, files={"app.c": edited(CODE, 7), "other.txt": "two\n"})
    assert differences(fork, fix, port) == (Difference("log.txt", "+one", ""), Difference("other.txt", "", "+two"))


def test_a_file_of_the_same_name_elsewhere_is_the_same_place(fork: Fork) -> None:
    fix = fork.on_source({"old/log.txt": "one\n"}, "Fix the login")
    port = fork.pick(fix, files={"new/log.txt": "two\n"})
    assert differences(fork, fix, port) == (Difference("new/log.txt", "+one", "+two"),)


def test_a_further_file_of_the_same_name_is_not_forgotten(fork: Fork) -> None:
    fix = fork.on_source({"a/log.txt": "one\n"}, "Fix the login")
    port = fork.pick(fix, files={"a/log.txt": "two\n", "b/log.txt": "three\n"})
    assert differences(fork, fix, port) == (
        Difference("a/log.txt", "+one", "+two"),
        Difference("b/log.txt", "", "+three"),
    )
