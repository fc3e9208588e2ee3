"""Merges told from the trees alone: none is cleared whose recorded tree is not what git makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from support.histories import Step, build, histories
from support.repos import RepoBuilder, executable

from branchsim.audit.inspect import inspect
from branchsim.audit.losses import LossReader
from branchsim.audit.pathhistory import MemoryHistory
from branchsim.audit.suspects import Suspects
from branchsim.git.merge import merge_many
from branchsim.git.repository import Repository
from branchsim.names import Sha

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

LONG = "".join(f"line {number}\n" for number in range(20))


def cleared(repository: Repository) -> tuple[set[Sha], dict[Sha, bool]]:
    """The merges that are told from the trees, and for every merge whether it is git's own result, without conflict."""
    with LossReader(repository.scratch) as reader:
        history = MemoryHistory(repository, reader)
    suspects = Suspects(repository.scratch, history.graph, history.changes)
    left = {commit.sha for commit in suspects.among(suspects.merges)}
    pairs = [commit for commit in suspects.merges if len(commit.parents) == 2]
    redone = merge_many(
        repository.scratch, [(commit.parents[0], commit.parents[1]) for commit in pairs], unrelated=True
    )
    own = {
        commit.sha: result.clean and result.tree == commit.tree for commit, result in zip(pairs, redone, strict=True)
    }
    return {commit.sha for commit in suspects.merges} - left, own


@settings(max_examples=40, deadline=None)
@given(steps=histories(most=14))
def test_no_merge_is_cleared_whose_result_is_not_git_s_own(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    path = tmp_path_factory.mktemp("s") / "repo"
    build(path, steps)
    with Repository(path) as repository:
        told, own = cleared(repository)
        assert all(own[sha] for sha in told)


def test_merges_of_different_paths_are_cleared_and_others_are_not(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a": LONG, "b": LONG, "c": LONG})
    plain: list[str] = []
    other: list[str] = []
    cases: list[tuple[str, dict[str, object], dict[str, object] | None]] = [
        ("plain", {"a": LONG + "more\n"}, None),
        ("plain", {"b": None, "new": "1\n"}, None),
        ("plain", {"c": executable(LONG)}, None),
        # Taken from no side, or from the wrong one.
        ("other", {"d": "1\n"}, {}),
        ("other", {"e": "1\n"}, {"e": "2\n"}),
        ("other", {"f": "1\n"}, {"f": executable("1\n")}),
        ("other", {"g": "1\n"}, {"g": "1\n", "h": "evil\n"}),
    ]
    for number, (kind, files, recorded) in enumerate(cases):
        repo.branch("topic", "main")
        repo.commit("topic", files)  # type: ignore[arg-type]
        repo.commit("main", {"busy": f"{number}\n"})
        merge = repo.merge(into="main", source="topic", files=recorded)  # type: ignore[arg-type]
        (plain if kind == "plain" else other).append(merge)
    with Repository(repo.finish()) as repository:
        told, own = cleared(repository)
        assert told == set(plain)
        assert [own[Sha(sha)] for sha in other] == [False] * len(other)


def test_a_merge_of_what_is_contained_is_cleared_only_if_it_changes_nothing(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    base = repo.commit("main", {"a": LONG})
    repo.branch("ahead", "main")
    repo.commit("ahead", {"a": LONG + "more\n"})
    forward = repo.commit("one", {"a": LONG + "more\n"}, parents=[base, "ahead"])
    ours = repo.commit("two", {}, parents=[base, "ahead"])
    backward = repo.commit("three", {}, parents=["ahead", base])
    with Repository(repo.finish()) as repository:
        told, own = cleared(repository)
        assert told == {forward, backward}
        assert not own[Sha(ours)]


@settings(max_examples=25, deadline=None)
@given(steps=histories(most=12))
def test_what_is_told_without_redoing_a_merge_is_that_it_lost_nothing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    path = tmp_path_factory.mktemp("s") / "repo"
    build(path, steps)
    with Repository(path) as repository, LossReader(repository.scratch) as reader:
        history = MemoryHistory(repository, reader)
        suspects = Suspects(repository.scratch, history.graph, history.changes)
        left = {commit.sha for commit in suspects.lossy(reader, suspects.merges)}
        assert left <= {commit.sha for commit in suspects.among(suspects.merges)}
        for commit in suspects.merges:
            alone = inspect(repository, commit.sha)
            assert commit.sha in left or (alone.records == () and alone.skipped == ())


def test_a_merge_is_redone_only_if_the_table_tells_a_loss_or_a_file_may_have_moved(tmp_path: Path) -> None:
    def edited(number: int, text: str) -> str:
        return LONG.replace(f"line {number}\n", f"{text}\n")

    repo = RepoBuilder(tmp_path / "repo")
    start = repo.commit("start", {"a": LONG, "CHANGES": LONG})
    both = edited(3, "ours of three").replace("line 15\n", "theirs of fifteen\n")
    joined = edited(3, "ours of three\ntheirs of three")
    theirs_alone = edited(15, "theirs of fifteen")
    cases: list[tuple[bool, dict[str, object], dict[str, object], dict[str, object]]] = [
        (False, {"a": edited(3, "ours of three")}, {"a": theirs_alone}, {"a": both}),
        (False, {"a": edited(3, "ours of three")}, {"a": edited(3, "theirs of three")}, {"a": joined}),
        (False, {"CHANGES": edited(3, "ours of three")}, {"CHANGES": edited(3, "theirs")}, {"CHANGES": LONG}),
        (False, {"new": "1\n"}, {"new": "1\n"}, {"new": "1\n"}),
        (True, {"a": edited(3, "ours of three")}, {"a": theirs_alone}, {"a": theirs_alone}),
        (True, {"a": edited(3, "ours of three")}, {"b": LONG, "a": None}, {"b": edited(3, "ours of three"), "a": None}),
        (True, {"a": edited(3, "ours of three")}, {"b": "1\n"}, {"a": edited(3, "ours of three")}),
    ]  # fmt: skip
    expected = []
    for number, (wanted, ours, theirs, merged) in enumerate(cases):
        repo.branch(f"main{number}", start)
        repo.branch(f"topic{number}", start)
        repo.commit(f"main{number}", ours)  # type: ignore[arg-type]
        repo.commit(f"topic{number}", theirs)  # type: ignore[arg-type]
        merge = repo.merge(into=f"main{number}", source=f"topic{number}", files=merged)  # type: ignore[arg-type]
        expected += [merge] * wanted
    with Repository(repo.finish()) as repository, LossReader(repository.scratch) as reader:
        history = MemoryHistory(repository, reader)
        suspects = Suspects(repository.scratch, history.graph, history.changes)
        assert {commit.sha for commit in suspects.lossy(reader, suspects.merges)} == set(expected)
