"""Which files git could take for moved ones, compared with git's own detection of renames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.repos import RepoBuilder, git

from branchsim.audit.alike import alike_pairs
from branchsim.git.objects import ObjectReader
from branchsim.git.repository import Repository
from branchsim.names import Sha

_LINES = st.lists(st.sampled_from(["one\n", "two two\n", "three three three\n", "x" * 70 + "\n", "\n"]), max_size=12)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RepoBuilder]:
    with RepoBuilder(tmp_path_factory.mktemp("alike") / "repo", bare=True) as repo:
        repo.commit("main", {"begin": "begin\n"})
        yield repo


def alike(repo: Path, one: str, other: str) -> bool:
    """By ours, of the file ``old.txt`` of one commit and ``new.txt`` of another."""
    blobs = [
        git(repo, "rev-parse", f"{commit}:{path}").strip() for commit, path in ((one, "old.txt"), (other, "new.txt"))
    ]
    with Repository(repo) as opened, ObjectReader(opened.scratch) as reader:
        return bool(alike_pairs(reader, [(Sha(blobs[0]), Sha(blobs[1]))]))


@given(_LINES, _LINES)
def test_what_git_takes_for_moved_is_alike(place: RepoBuilder, before: list[str], after: list[str]) -> None:
    place.branch("work", "main")
    old = place.commit("work", {"old.txt": "".join(before)})
    new = place.commit("work", {"old.txt": None, "new.txt": "".join(after)})
    repo = place.finish()
    said = git(repo, "diff-tree", "-r", "-M50%", "--no-rename-empty", "--name-status", old, new)
    if said.startswith("R"):
        assert alike(repo, old, new)


def test_what_has_nothing_in_common_is_not(place: RepoBuilder) -> None:
    place.branch("work", "main")
    old = place.commit("work", {"old.txt": "a\n" * 50})
    new = place.commit("work", {"new.txt": "b\n" * 50})
    assert not alike(place.finish(), old, new)


def test_empty_files_are_not_moved_and_absent_ones_may_be(place: RepoBuilder) -> None:
    place.branch("work", "main")
    old = place.commit("work", {"old.txt": ""})
    new = place.commit("work", {"new.txt": ""})
    repo = place.finish()
    assert not alike(repo, old, new)
    pair = (Sha("1" * 40), Sha("2" * 40))
    with Repository(repo) as opened, ObjectReader(opened.scratch) as reader:
        assert alike_pairs(reader, [pair]) == {pair}
