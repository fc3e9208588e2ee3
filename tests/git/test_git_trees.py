"""Digests of what differs between trees: those of the changes that git itself lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from support.histories import Step, build, histories
from support.repos import RepoBuilder

from branchsim.git.log import read_commits, read_packed
from branchsim.git.repository import Repository
from branchsim.git.trees import changes_digest, digests
from branchsim.names import Sha

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


@settings(max_examples=15, deadline=None)
@given(steps=histories(most=10), repeated=st.booleans())
def test_digests_are_those_of_the_changes_that_git_lists(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step], *, repeated: bool
) -> None:
    path = tmp_path_factory.mktemp("t") / "repo"
    ids = build(path, steps)
    with Repository(path) as repository:
        tips = sorted(set(map(Sha, ids)))
        trees = {commit.sha: commit.tree for commit in read_commits(repository.scratch, tips, changes=False)}
        asked = []
        expected = []
        for commit, changes in read_packed(repository.scratch, tips):
            if commit.parents and trees[commit.parents[0]] != commit.tree:
                asked.append((trees[commit.parents[0]], commit.tree))
                expected.append(changes_digest(changes))
        if repeated:
            asked, expected = asked * 2, expected * 2
        assert list(digests(repository.scratch, asked)) == expected
        assert list(digests(repository.scratch, asked, processes=3)) == expected


def test_many_pairs_come_back_in_their_order(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    for number in range(30):
        repo.commit("main", {f"{number % 7}": f"{number}\n", "same": "1\n"})
    with Repository(repo.finish()) as repository:
        commits = list(read_commits(repository.scratch, [Sha(repo["main"])]))
        pairs = [(one.tree, other.tree) for one in commits for other in commits if one.tree != other.tree]
        found = list(digests(repository.scratch, pairs, processes=2))
        assert len(pairs) > 2 * 400
        singly = dict(zip(pairs, found, strict=True))
        for pair in pairs[::97]:
            assert next(iter(digests(repository.scratch, [pair]))) == singly[pair]


def test_a_tree_that_is_missing_has_no_digest(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a": "1\n"})
    repo.commit("main", {"a": "2\n"})
    with Repository(repo.finish()) as repository:
        new, old = (commit.tree for commit in read_commits(repository.scratch, [Sha(repo["main"])]))
        found = digests(repository.scratch, [(old, Sha("1" * 40)), (Sha("1" * 40), old), (old, new)])
        assert [bool(digest) for digest in found] == [False, False, True]
