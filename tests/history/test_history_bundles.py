"""What each merge brought in, against plain ``git rev-list``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from support.repos import RepoBuilder, git

from branchsim.git.log import read_commits
from branchsim.git.repository import Repository
from branchsim.history.bundles import brought_in
from branchsim.names import Sha

Parents = list[list[int]]


@st.composite
def graphs(draw: st.DrawFn) -> Parents:
    """The parents of up to 14 commits, octopus merges and several roots among them."""
    parents: Parents = []
    for number in range(draw(st.integers(1, 14))):
        recent = st.integers(max(0, number - 4), number - 1)
        root = number == 0 or draw(st.integers(0, 11)) == 0
        parents.append([] if root else draw(st.lists(recent, min_size=1, max_size=3, unique=True)))
    return parents


def build(path: Path, parents: Parents) -> list[str]:
    with RepoBuilder(path, bare=True) as repo:
        ids: list[str] = []
        for number, of in enumerate(parents):
            ids.append(repo.commit(f"b{number}", {}, subject=f"{number}", parents=[ids[parent] for parent in of]))
    return ids


def bundles(path: Path, *revisions: str, tip: str) -> dict[str, tuple[str, ...]]:
    with Repository(path) as repository:
        commits = list(read_commits(repository.scratch, list(revisions), changes=False))
    found = brought_in(commits, [Sha(tip)])
    assert found == brought_in(commits[::-1], [Sha(tip)])
    return {str(merge): tuple(map(str, shas)) for merge, shas in found.items()}


def listed(path: Path, *revisions: str) -> set[str]:
    return set(git(path, "rev-list", *revisions).split())


@settings(max_examples=15)
@given(graphs())
def test_what_a_merge_of_the_line_brought_is_what_its_first_parent_lacks(parents: Parents) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "repo"
        ids = build(path, parents)
        tip = ids[-1]
        found = bundles(path, tip, tip=tip)
        line = git(path, "rev-list", "--first-parent", tip).split()
        for sha in line:
            expected = listed(path, sha, "--not", f"{sha}^1") - {sha} if git(path, "rev-parse", f"{sha}^@") else set()
            assert set(found.get(sha, ())) == expected
            assert len(found.get(sha, ())) == len(expected)
        # Nothing is brought to the line twice, and parents come before children.
        brought = [sha for merge in line for sha in found.get(merge, ())]
        assert len(brought) == len(set(brought))
        for shas in found.values():
            for place, sha in enumerate(shas):
                assert listed(path, sha).isdisjoint(shas[place + 1 :])


@settings(max_examples=10)
@given(graphs(), st.data())
def test_a_range_brings_nothing_from_outside(parents: Parents, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "repo"
        ids = build(path, parents)
        tip, edge = ids[-1], data.draw(st.sampled_from(ids))
        inside = listed(path, tip, f"^{edge}")
        found = bundles(path, tip, f"^{edge}", tip=tip)
        assert all(set(shas) <= inside for shas in found.values())
        for sha in git(path, "rev-list", "--first-parent", tip, f"^{edge}").split():
            if git(path, "rev-parse", f"{sha}^@"):
                assert set(found.get(sha, ())) == listed(path, sha, "--not", f"{sha}^1", edge) - {sha}


def test_a_merge_within_a_merge_has_what_it_brought_itself(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a": "1\n"})
    for name in ("topic", "part"):
        repo.branch(name, "main")
    topic = repo.commit("topic", {"t": "1\n"})
    part = repo.commit("part", {"p": "1\n"})
    inner = repo.merge(into="topic", source="part")
    repo.commit("main", {"a": "2\n"})
    outer = repo.merge(into="main", source="topic")
    found = bundles(repo.finish(), outer, tip=outer)
    assert set(found) == {inner, outer}
    assert found[inner] == (part,)
    assert set(found[outer]) == {topic, part, inner}


def test_a_merge_of_the_line_into_a_branch_brings_nothing_anew(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a": "1\n"})
    repo.branch("topic", "main")
    topic = repo.commit("topic", {"t": "1\n"})
    repo.commit("main", {"a": "2\n"})
    sync = repo.merge(into="topic", source="main")
    outer = repo.merge(into="main", source="topic")
    found = bundles(repo.finish(), outer, tip=outer)
    assert {merge: set(shas) for merge, shas in found.items()} == {outer: {topic, sync}}


def test_a_tip_outside_the_range_has_no_line(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    sha = repo.commit("main", {"a": "1\n"})
    repo.finish()
    assert brought_in([], [Sha(sha)]) == {}
