from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, event, given, settings
from support.histories import build, histories
from support.repos import Content, RepoBuilder, executable, git, submodule

from branchsim.errors import GitError, UnknownRevisionError
from branchsim.git.log import LATEST, empty_tree, merge_bases, read_commits, rev_list
from branchsim.git.repository import Repository

if TYPE_CHECKING:
    from support.histories import Step

    from branchsim.git.log import Commit


def _fields(path: Path, sha: str, *names: str) -> list[str]:
    """What git says of one commit, one question at a time."""
    return [git(path, "show", "-s", "--encoding=UTF-8", f"--format={name}", sha) for name in names]


def _raw(path: Path, sha: str) -> list[tuple[bytes, str, str, str, str, str]]:
    """The changes of one commit against its first parent, from plain ``git diff-tree``."""
    parent = git(path, "rev-parse", "--verify", "-q", f"{sha}^1", accept=(0, 1))
    pair = [parent, sha] if parent else ["--root", sha]
    out = os.fsencode(
        git(path, "diff-tree", "-r", "-z", "--no-commit-id", "--no-renames", "--ignore-submodules=none", *pair)
    )
    tokens = out.split(b"\0")[:-1]
    changes = []
    for head, name in zip(tokens[::2], tokens[1::2], strict=True):
        modes = head[1:].decode().split(" ")
        changes.append((name, modes[0], modes[1], modes[2], modes[3], modes[4]))
    return changes


def _check(path: Path, commit: Commit) -> None:
    tree, parents, author, email, at, committer, cemail, cat = _fields(
        path, commit.sha, "%T", "%P", "%an", "%ae", "%at", "%cn", "%ce", "%ct"
    )
    assert commit.tree == tree
    assert list(commit.parents) == parents.split()
    assert (commit.author, commit.author_email, commit.authored_at) == (author, email, int(at))
    assert (commit.committer, commit.committer_email, commit.committed_at) == (committer, cemail, int(cat))
    message = os.fsencode(git(path, "log", "-1", "-z", "--encoding=UTF-8", "--format=%B", commit.sha))
    assert commit.message == message.removesuffix(b"\0").decode("utf-8", "replace")
    assert [tuple(change) for change in commit.changes] == _raw(path, commit.sha)


@given(steps=histories(most=7))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_equals_plain_git_one_commit_at_a_time(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "repo"
        ids = build(path, steps)
        with Repository(path) as repo:
            tips = sorted(repo.refs.values())
            commits = list(read_commits(repo.scratch, tips))
            order = git(path, "log", "--all", "--format=%H").split("\n")
            assert sorted(commit.sha for commit in commits) == sorted(order) == sorted(set(ids))
            assert [commit.sha for commit in commits] == git(path, "log", "--format=%H", *tips).split("\n")
            for commit in commits:
                _check(path, commit)
            event(f"octopus: {any(len(commit.parents) > 2 for commit in commits)}")
            bare = list(read_commits(repo.scratch, tips, changes=False))
            assert [(c.sha, c.message, c.changes) for c in bare] == [(c.sha, c.message, ()) for c in commits]


@given(steps=histories(most=10))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_merge_bases_and_rev_list_equal_git(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "repo"
        ids = build(path, steps)
        with Repository(path) as repo:
            one, other = repo.resolve(ids[-1]), repo.resolve(ids[len(ids) // 2])
            expected = git(path, "merge-base", "--all", one, other, accept=(0, 1)).split()
            assert merge_bases(repo.scratch, one, other) == sorted(expected)
            assert rev_list(repo.scratch, [one, f"^{other}"]) == git(path, "rev-list", one, f"^{other}").split()
            assert (
                rev_list(repo.scratch, [one], "--first-parent") == git(path, "rev-list", "--first-parent", one).split()
            )


def test_symmetric_difference_says_the_side(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        made.commit("main", {"a": "1"})
        made.branch("topic", "main")
        left = made.commit("main", {"a": "2"})
        right = made.commit("topic", {"b": "2"})
    with Repository(made.path) as repo:
        sides = {commit.sha: commit.side for commit in read_commits(repo.scratch, [f"{left}...{right}"])}
    assert sides == {left: "<", right: ">"}


def test_an_empty_commit_an_empty_root_and_an_empty_message_are_commits(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        root = made.commit("main", message="")
        second = made.commit("main", {}, subject="Empty")
        third = made.commit("main", {"a": "1"})
    with Repository(made.path) as repo:
        found = {str(commit.sha): commit for commit in read_commits(repo.scratch, [third])}
        assert found[root].tree == found[second].tree == empty_tree(repo.scratch)
    assert [len(found[sha].changes) for sha in (root, second, third)] == [0, 0, 1]
    assert found[root].message == ""
    assert found[root].subject == ""


def test_messages_are_decoded_by_their_own_encoding(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        latin = made.commit(
            "main", message="Käse\n".encode("latin-1"), author="Jörg <j@x>".encode("latin-1"), encoding="ISO-8859-1"
        )
        wrong = made.commit("main", message=b"K\xe4se\n")
        unknown = made.commit("main", message=b"K\xc3\xa4se\n", encoding="no-such-encoding")
    with Repository(made.path) as repo:
        found = {str(commit.sha): commit for commit in read_commits(repo.scratch, [unknown])}
    assert (found[latin].message, found[latin].author) == ("Käse\n", "Jörg")
    assert found[wrong].message == "K\ufffdse\n"
    assert found[unknown].message == "Käse\n"


def test_commits_no_git_command_would_make(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        made.commit("main", {"a": "1"})
    tree = git(made.path, "rev-parse", "main^{tree}")
    bodies = {
        "nul": f"tree {tree}\nauthor A <a@b> 1 +0000\ncommitter C <c@d> 1 +0000\n\nbefore\0after\n",
        "dates": f"tree {tree}\nauthor A <a@b> 99999999999999 +0000\ncommitter C <c@d> -5 +0000\n\nm\n",
        "nobody": f"tree {tree}\nauthor  <> 7 +0000\ncommitter broken\n\nm\n",
        "extra": f"tree {tree}\nauthor A <a@b> 1 +0000\ncommitter C <c@d> 1 +0000\ngpgsig -----\n x\n\nm\n",
    }
    ids = {
        name: git(made.path, "hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=body.encode())
        for name, body in bodies.items()
    }
    with Repository(made.path) as repo:
        found = {str(commit.sha): commit for commit in read_commits(repo.scratch, list(ids.values()))}
    assert len(found) == 4
    assert found[ids["nul"]].message.startswith("before")
    assert found[ids["dates"]].authored_at == LATEST
    assert found[ids["dates"]].committed_at >= 0
    assert (found[ids["nobody"]].author, found[ids["nobody"]].committed_at) == ("", 0)
    assert found[ids["extra"]].message == "m\n"


def test_a_gitmodules_file_does_not_hide_a_change_of_a_submodule(tmp_path: Path) -> None:
    hidden = '[submodule "m"]\n\tpath = m\n\turl = x\n\tignore = all\n'
    with RepoBuilder(tmp_path / "r") as made:
        before: dict[str, Content] = {"m": submodule("1" * 40), ".gitmodules": hidden}
        after: dict[str, Content] = {"m": submodule("2" * 40), "s": executable("#!")}
        made.commit("main", before)
        made.commit("main", after)
    with Repository(made.path) as repo:
        commit = next(read_commits(repo.scratch, [repo.resolve("main")]))
    assert [(change.path, change.old, change.new_mode) for change in commit.changes] == [
        (b"m", "1" * 40, "160000"),
        (b"s", "0" * 40, "100755"),
    ]


def test_progress_adds_up_to_the_number_of_commits(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        for index in range(2100):
            tip = made.commit("main", {"a": str(index)})
    counted: list[int] = []
    with Repository(made.path) as repo:
        assert sum(1 for _ in read_commits(repo.scratch, [tip], report=counted.append)) == 2100
    assert (len(counted), sum(counted)) == (3, 2100)


def test_a_reader_that_is_left_early_leaves_nothing_running(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        for index in range(3000):
            tip = made.commit("main", {f"{index % 7}": str(index)}, subject="x" * 200)
    with Repository(made.path) as repo:
        reader = read_commits(repo.scratch, [tip])
        assert next(reader).sha == tip
        reader.close()  # it is a generator
    assert not Path(repo.scratch.path).exists()


def test_no_revision_means_no_commit(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        made.commit("main", {"a": "1"})
    with Repository(made.path) as repo:
        assert list(read_commits(repo.scratch, [])) == []


@pytest.mark.parametrize("revision", ["--all", "-n1", "", "main\n--all", "--output=stolen"])
def test_an_option_among_the_revisions_is_refused(tmp_path: Path, revision: str) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        made.commit("main", {"a": "1"})
    with Repository(made.path) as repo, pytest.raises(UnknownRevisionError, match="is no revision"):
        list(read_commits(repo.scratch, [revision]))


def test_a_missing_commit_and_a_missing_tree_are_errors_of_git(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        made.commit("main", {"a": "1"})
    tree = "4" * 40
    lost = f"tree {tree}\nauthor A <a@b> 1 +0000\ncommitter C <c@d> 1 +0000\n\nm\n".encode()
    sha = git(made.path, "hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=lost)
    with Repository(made.path) as repo:
        with pytest.raises(GitError, match="git log failed"):
            list(read_commits(repo.scratch, ["5" * 40]))
        with pytest.raises(GitError, match=tree):
            list(read_commits(repo.scratch, [sha]))
        assert [commit.sha for commit in read_commits(repo.scratch, [sha], changes=False)] == [sha]
        with pytest.raises(GitError, match="git rev-list failed"):
            rev_list(repo.scratch, ["5" * 40])


def test_paths_select_commits_and_changes_and_are_no_patterns(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        first = made.commit("main", {b"new\nline": "1", b"*": "1", b"other": "1"})
        made.commit("main", {b"other": "2"})
        third = made.commit("main", {b"new\nline": "2", b"other": "3"})
    with Repository(made.path) as repo:
        found = list(read_commits(repo.scratch, [third], paths=[b"new\nline"]))
        assert [(commit.sha, [change.path for change in commit.changes]) for commit in found] == [
            (third, [b"new\nline"]),
            (first, [b"new\nline"]),
        ]
        assert [commit.sha for commit in read_commits(repo.scratch, [third], paths=[b"*"])] == [first]
