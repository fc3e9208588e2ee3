"""What is simulated is what git does: the same trees, the same conflicts, on generated histories."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from support.repos import Entry, RepoBuilder, git
from support.sides import START, build, histories, linear

from branchsim.git.repository import Repository
from branchsim.plan import Commit, Plan, PullRequest, Revert
from branchsim.simulate import simulate

if TYPE_CHECKING:
    from support.sides import History

# A long search: BRANCHSIM_EXAMPLES=2000 HYPOTHESIS_PROFILE=explore pytest --hypothesis-show-statistics
EXAMPLES = settings(max_examples=int(os.environ.get("BRANCHSIM_EXAMPLES", "50")))


def simulated(path: Path, plan: Plan) -> tuple[str, str, set[str]]:
    """The outcome, the tree of main, and the paths in conflict."""
    (result,) = simulate(plan, path).results
    assert result.tree is not None
    # A conflict without a side (of directories) has no entry in git's index.
    held = [c for c in result.conflicts if (c.base, c.target, c.source) != (None, None, None)]
    return result.outcome, result.tree, {plain(conflict.path) for conflict in held}


def plain(path: str) -> str:
    """A path without what git adds where two things want one name: the name of a side, or its id."""
    return re.sub(r"~(HEAD|topic|(parent of )?[0-9a-f]{7,40})( \(.*\))?$", "~side", path)


def unmerged(path: Path) -> set[str]:
    """The paths that git could not merge."""
    lines = git(path, "ls-files", "-u", "-z").split("\0")
    return {plain(line.partition("\t")[2]) for line in lines if line}


def by_git(path: Path, *command: str) -> tuple[str, str, set[str]]:
    """The same of a git command in a work tree that has main checked out."""
    git(path, *command, accept=(0, 1, 128))
    paths = unmerged(path)
    if paths or (path / ".git/MERGE_HEAD").exists():
        return "conflict", git(path, "rev-parse", "main^{tree}"), paths
    return "clean", git(path, "write-tree"), paths


def compare(history: History, method: str, *command: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        with RepoBuilder(path) as repo:
            build(repo, history)
        repo.checkout("main")
        mine = simulated(path, Plan("p", (PullRequest("topic", "main", method=method),)))  # type: ignore[arg-type]
        theirs = by_git(path, *command)
        event(f"{method}: {mine[0]}")
        assert mine == theirs


@EXAMPLES
@given(histories)
def test_merges(history: History) -> None:
    compare(history, "merge", "merge", "--no-ff", "--no-edit", "topic")


@EXAMPLES
@given(histories)
def test_squashes(history: History) -> None:
    compare(history, "squash", "merge", "--squash", "topic")


@EXAMPLES
@given(histories)
def test_rebases(history: History) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        with RepoBuilder(path) as repo:
            build(repo, history)
        repo.checkout("topic")
        outcome, tree, paths = simulated(path, Plan("p", (PullRequest("topic", "main", method="rebase"),)))
        git(path, "rebase", "--quiet", "main", accept=(0, 1))
        event(f"rebase: {outcome}")
        if (path / ".git/rebase-merge").exists():
            assert outcome == "conflict"
            assert paths >= unmerged(path)
        else:
            assert (outcome, tree) == ("clean", git(path, "rev-parse", "HEAD^{tree}"))


@EXAMPLES
@given(linear)
def test_cherry_picks(history: History) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        with RepoBuilder(path) as repo:
            build(repo, history)
        repo.checkout("main")
        outcome, tree, paths = simulated(path, Plan("p", (PullRequest("topic", "main", method="cherry-pick"),)))
        git(path, "cherry-pick", "--keep-redundant-commits", "main..topic", accept=(0, 1))
        left = unmerged(path)
        event(f"cherry-pick: {outcome}")
        if outcome == "clean":
            assert not left
            assert tree == git(path, "rev-parse", "HEAD^{tree}")
        else:
            assert (path / ".git/CHERRY_PICK_HEAD").exists()
            assert paths >= left


@EXAMPLES
@given(histories, st.integers(0, 3))
def test_reverts(history: History, back: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        with RepoBuilder(path) as repo:
            build(repo, history)
        repo.checkout("main")
        shas = git(path, "rev-list", "--no-merges", "main").split("\n")
        commit = shas[min(back, len(shas) - 1)]
        outcome, tree, paths = simulated(path, Plan("p", (Revert("main", commit=commit),)))
        git(path, "revert", "--no-commit", commit, accept=(0, 1))
        left = unmerged(path)
        event(f"revert: {outcome}")
        if outcome == "clean":
            assert not left
            assert tree == git(path, "write-tree")
        else:
            assert paths >= left


def test_a_session_and_the_bulk_merge_agree_across_failures(tmp_path: Path) -> None:
    from branchsim.git.merge import merge_many
    from branchsim.git.session import MergeSession

    with RepoBuilder(tmp_path) as repo:
        base = repo.commit("main", START)
        one = repo.commit("main", {"a.txt": "1\n"})
        repo.branch("topic", base)
        two = repo.commit("topic", {"a.txt": "2\n"})
        other = repo.commit("other", {"z": "z"}, parents=[])
        many = {f"many/{number}": f"{number}\n" for number in range(800)}
        base2 = repo.commit("many", many)
        repo.branch("many2", base2)
        left = repo.commit("many", {path: f"left {text}" for path, text in many.items()})
        right = repo.commit("many2", {path: f"right {text}" for path, text in many.items()})
    pairs = [(one, two), (one, other), (two, one), (left, right), (base, one), (other, two), (right, left)]
    with Repository(tmp_path) as repository, MergeSession(repository.scratch) as session:
        bulk = list(merge_many(repository.scratch, pairs))  # type: ignore[arg-type]
        single = [session.merge(*pair).result for pair in pairs]  # type: ignore[arg-type]
    assert [result.tree for result in bulk] == [result.tree for result in single]
    assert [result.conflicts for result in bulk] == [result.conflicts for result in single]
    assert [result.failure is None for result in single] == [True, False, True, True, True, False, True]
    assert len(single[3].conflicts) == 800


@pytest.mark.parametrize("patch_as", ["diff", "format-patch"])
def test_patches_apply_as_git_applies_them(tmp_path: Path, patch_as: str) -> None:
    with RepoBuilder(tmp_path) as repo:
        repo.commit("main", START)
        repo.branch("topic", "main")
        repo.commit("topic", {"a.txt": START["a.txt"].content.replace(b"3", b"three"), "bin": b"\0new", "dir/c": None})
        repo.commit("topic", {"crlf.txt": Entry("100755", b"one\r\ntwo\r\n")})
    flags = ["--binary", "--full-index"]
    command = (
        ["diff", *flags, "main", "topic"] if patch_as == "diff" else ["format-patch", *flags, "--stdout", "main..topic"]
    )
    patch = subprocess.run(["git", "-C", tmp_path, *command], capture_output=True, check=True).stdout
    plan = Plan("p", (Commit("main", message="m", patch=patch),))
    assert simulated(tmp_path, plan)[1] == git(tmp_path, "rev-parse", "topic^{tree}")
