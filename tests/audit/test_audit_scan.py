"""Scan all merges: the same findings as one inspection each, whatever the history."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from support.histories import Step, build, histories
from support.repos import RepoBuilder

from branchsim.audit.inspect import inspect
from branchsim.audit.losses import LossReader
from branchsim.audit.pathhistory import MemoryHistory, branch_tips
from branchsim.audit.scan import scan
from branchsim.git.log import merge_bases as git_merge_bases
from branchsim.git.log import read_commits
from branchsim.git.repository import Repository
from branchsim.history.bases import MergeBases, merge_bases
from branchsim.history.graph import Graph
from branchsim.names import RefName, Sha

if TYPE_CHECKING:
    import pytest

CODE = "".join(f"int value_{number} = {number};\n" for number in range(40))


@settings(max_examples=15, deadline=None)
@given(steps=histories(most=10))
def test_a_scan_finds_what_inspecting_each_merge_finds(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    path = tmp_path_factory.mktemp("h") / "repo"
    build(path, steps)
    with Repository(path) as repository:
        found = {each.commit: each for each in scan(repository)}
        for commit in read_commits(repository.scratch, branch_tips(repository), options=("--merges",)):
            alone = inspect(repository, commit.sha)
            if commit.sha in found:
                assert found[commit.sha].records == alone.records
                assert found[commit.sha].left_out == alone.left_out
            else:
                assert alone.records == ()


@settings(max_examples=25, deadline=None)
@given(steps=histories(most=12), data=st.data())
def test_merge_bases_in_memory_are_those_of_git(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("h") / "repo"
    ids = build(path, steps)
    with Repository(path) as repository:
        graph = Graph(read_commits(repository.scratch, branch_tips(repository), changes=False))
        for _ in range(4):
            one, other = (Sha(data.draw(st.sampled_from(ids))) for _ in range(2))
            found = merge_bases(graph, graph.number(one), graph.number(other))
            expected = git_merge_bases(repository.scratch, one, other)
            pair = graph.number(one), graph.number(other)
            # Twenty times, so that the line of the pair is worth being known.
            by_lines = MergeBases(graph, [pair] * 20).of(*pair)
            assert sorted(graph.sha(number) for number in by_lines) == expected
            assert sorted(graph.sha(number) for number in found) == expected


def test_two_merge_bases_are_both_found(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("one", {"a.c": CODE})
    repo.branch("other", "one")
    bases = [repo.commit("one", {"b.c": CODE}), repo.commit("other", {"c.c": CODE})]
    repo.branch("one-then", "one")
    repo.merge(into="one", source="other")
    repo.merge(into="other", source="one-then")
    with Repository(repo.finish()) as repository:
        graph = Graph(read_commits(repository.scratch, branch_tips(repository), changes=False))
        tips = [graph.number(repository.refs[RefName(f"refs/heads/{name}")]) for name in ("one", "other")]
        for found in (merge_bases(graph, *tips), MergeBases(graph, [(tips[0], tips[1])] * 20).of(*tips)):
            assert sorted(graph.sha(number) for number in found) == sorted(bases)


def test_only_merges_that_differ_from_git_s_result_are_told_oldest_first(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a.c": CODE})
    told = []
    for number in range(4):
        repo.branch("topic", "main")
        repo.commit("topic", {f"{number}.c": f"int more_{number};\n"})
        repo.commit("main", {"a.c": CODE.replace("int value_3 = 3;", f"int value_3 = {number}00;")})
        bad = number % 2 == 1
        merge = repo.merge(into="main", source="topic", files={} if bad else None)
        told += [merge] * bad
    with Repository(repo.finish()) as repository:
        counts: list[int] = []
        assert [each.commit for each in scan(repository, report=counts.append)] == told
        assert sum(counts) == 4


def test_what_came_after_a_commit_that_no_branch_has_is_nothing(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a.c": CODE})
    with Repository(repo.finish()) as repository, LossReader(repository.scratch) as reader:
        assert MemoryHistory(repository, reader).after(Sha("0" * 40), [b"a.c"]).of(b"a.c") == []
