"""What is promised about the ids of patches, against git's own."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from support.histories import build, histories
from support.repos import RepoBuilder, environment, git

from branchsim.errors import GitError
from branchsim.git.log import read_commits
from branchsim.git.patches import pieces, read_patches, stable_patch_ids
from branchsim.git.repository import Repository
from branchsim.names import Sha

if TYPE_CHECKING:
    from support.histories import Step

_OPTIONS = ("--full-index", "-M", "--no-ext-diff", "--no-textconv", "--submodule=short", "--ignore-submodules=none")


def _patch_id(path: Path, old: str, new: str) -> str | None:
    """``git patch-id --stable`` of one difference, by plain commands."""
    diff = subprocess.run(
        ["git", "-C", path, "diff-tree", "-p", "-r", *_OPTIONS, old, new],
        env=environment(),
        capture_output=True,
        check=True,
    )
    out = subprocess.run(
        ["git", "patch-id", "--stable"], input=diff.stdout, env=environment(), capture_output=True, check=True
    ).stdout.decode()
    return out.split()[0] if out else None


@given(steps=histories(most=8))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_stable_patch_ids_equal_git_one_by_one(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "repo"
        build(path, steps)
        with Repository(path) as repo:
            commits = list(read_commits(repo.scratch, sorted(repo.refs.values())))
            trees = {commit.sha: commit.tree for commit in commits}
            sides = {commit.sha: (trees[commit.parents[0]], commit.tree) for commit in commits if commit.parents}
            ids = stable_patch_ids(repo.scratch, sides)
        for sha, (old, new) in sides.items():
            assert ids.get(sha) == _patch_id(path, old, new)


_LINES = st.lists(
    st.sampled_from([b"alpha", b"beta", b"gamma", b"  delta x", b"", b"@@ -1 +1 @@", b"diff --git a/x b/x"]), max_size=8
)


@st.composite
def _edits(draw: st.DrawFn) -> tuple[list[bytes], list[bytes]]:
    before = draw(_LINES)
    after = list(before)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(after)))
        if at < len(after) and draw(st.booleans()):
            del after[at]
        else:
            after.insert(at, draw(st.sampled_from([b"new line", b"other", b"\tindented", b"-minus", b"+plus"])))
    return before, after


@given(edit=_edits(), around=st.lists(st.sampled_from([b"head", b"tail", b"mid"]), max_size=5))
@settings(max_examples=25, deadline=None)
def test_equal_stable_ids_have_equal_zero_ids(edit: tuple[list[bytes], list[bytes]], around: list[bytes]) -> None:
    """The same edit in the same context, further down in a longer file and under another mode of spacing."""
    before, after = edit
    sides = []
    with tempfile.TemporaryDirectory() as directory:
        with RepoBuilder(Path(directory) / "r", bare=True) as made:
            for number, extra in enumerate(([], around, [b"%d" % n for n in range(30)])):
                for name, lines in (
                    ("old", before),
                    ("new", after),
                    ("spaced", [line.replace(b" ", b"\t ") for line in after]),
                ):
                    text = b"".join(line + b"\n" for line in [*extra, *lines])
                    made.commit(f"{name}{number}", {"f": text, "g": b"%d" % number})
        with Repository(made.path) as repo:
            trees = {ref[11:]: git(made.path, "rev-parse", f"{sha}^{{tree}}") for ref, sha in repo.refs.items()}
            for number in range(3):
                sides += [
                    (trees[f"old{number}"], trees[f"new{number}"]),
                    (trees[f"old{number}"], trees[f"spaced{number}"]),
                ]
            facts, skipped = read_patches(repo.scratch, sides)  # type: ignore[arg-type]  # the test's ids are plain
        assert skipped == {}
        stable = [_patch_id(made.path, old, new) for old, new in sides]
        zero = [facts[side].zero_id for side in sides]  # type: ignore[index]  # the same
    for one, other in itertools.combinations(range(len(sides)), 2):
        if stable[one] is not None and stable[one] == stable[other]:
            event("a pair with equal ids")
            assert zero[one] == zero[other]


@pytest.mark.parametrize("emptied", [True, False])
def test_a_scratch_that_is_gone_is_one_error_and_not_one_for_each_pair(tmp_path: Path, emptied: bool) -> None:
    made = RepoBuilder(tmp_path / "repo")
    tips = [made.commit("main", {"f": f"{number}\n"}) for number in range(12)]
    trees = [Sha(git(made.finish(), "rev-parse", f"{sha}^{{tree}}")) for sha in tips]
    pairs = list(pairwise(trees))
    skipped: dict[tuple[Sha, Sha], str] = {}
    with Repository(made.path) as repo:
        shutil.rmtree(repo.scratch.path)
        if emptied:  # as it is while it is being removed
            repo.scratch.path.mkdir()
        with pytest.raises(GitError):
            list(pieces(repo.scratch, pairs, ("-p",), skipped))
    assert skipped == {}
