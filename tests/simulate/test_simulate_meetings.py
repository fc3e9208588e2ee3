"""Who touched a path: what is read from trees is what ``git log`` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from support.histories import Step, build, histories

from branchsim.git.log import read_commits
from branchsim.git.objects import ObjectReader
from branchsim.git.repository import Repository
from branchsim.git.touching import commits_touching
from branchsim.names import Sha
from branchsim.simulate.graph import Graph, read_unshared
from branchsim.simulate.meetings import _touching

if TYPE_CHECKING:
    import pytest


@settings(max_examples=40, deadline=None)
@given(steps=histories(most=12))
def test_trees_tell_what_git_log_tells(tmp_path_factory: pytest.TempPathFactory, steps: list[Step]) -> None:
    path = tmp_path_factory.mktemp("t") / "repo"
    ids = sorted(set(map(Sha, build(path, steps))))
    with Repository(path) as repository, ObjectReader(repository.scratch) as reader:
        scratch = repository.scratch
        every = list(read_commits(scratch, ids))
        paths = {change.path for commit in every for change in commit.changes}
        for ours, theirs in [(ids[0], ids[-1]), (ids[-1], ids[len(ids) // 2]), (ids[0], ids[0])]:
            graph = Graph(read_unshared(scratch, reader, [ours, theirs]), reader)
            found = _touching(scratch, reader, graph, ours, theirs, paths)
            expected = commits_touching(scratch, ours, theirs, paths)
            assert {path: tuple(map(sorted, sides)) for path, sides in found.items()} == {
                path: tuple(map(sorted, sides)) for path, sides in expected.items()
            }
