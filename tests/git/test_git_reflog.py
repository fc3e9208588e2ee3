from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pytest
from support.machine import open_directory, unprivileged
from support.repos import RepoBuilder, git

from branchsim.errors import GitError
from branchsim.git.reflog import read_reflogs
from branchsim.git.repository import Repository
from branchsim.names import RefName

if TYPE_CHECKING:
    from pathlib import Path

MAIN, HEAD = RefName("refs/heads/main"), RefName("HEAD")


def test_entries_are_gits_own_oldest_first(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        first = made.commit("main", {"a": "1"})
        second = made.commit("side", {"a": "2"})
    git(made.path, "config", "core.logAllRefUpdates", "true")
    for number, sha in enumerate((second, first, second)):
        when = {"GIT_COMMITTER_DATE": f"{1_700_000_000 + number} -0330", "GIT_COMMITTER_NAME": "Jörg <odd"}
        git(made.path, "update-ref", "-m", f"move: {number}\tto\tthere", "refs/heads/main", sha, variables=when)
    expected = git(made.path, "reflog", "show", "--format=%H %gs", "main").splitlines()
    with Repository(made.path) as repo:
        logs, skipped = read_reflogs(repo, [MAIN, HEAD, RefName("refs/heads/side"), RefName("refs/heads/none")])
    assert skipped == {}
    assert [f"{entry.new} {entry.message}" for entry in reversed(logs[MAIN])] == expected
    made_it, *moves = logs[MAIN]
    assert (made_it.old, made_it.new, made_it.old_exists, made_it.new_exists) == (None, first, False, True)
    assert [(entry.old, entry.new) for entry in moves] == [(first, second), (second, first), (first, second)]
    assert [entry.at for entry in moves] == [1_700_000_000, 1_700_000_001, 1_700_000_002]
    assert {entry.who for entry in moves} == {"Jörg odd"}
    assert all(entry.old_exists and entry.new_exists for entry in moves)
    assert [len(logs[ref]) for ref in logs] == [4, 4, 1, 0]


def test_pruned_commits_are_kept_and_marked_and_damaged_lines_counted(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        tip = made.commit("main", {"a": "1"})
    blob = git(made.path, "rev-parse", "main:a")
    log = made.path / ".git/logs/refs/heads/main"
    log.parent.mkdir(parents=True, exist_ok=True)
    zero, gone = "0" * 40, "6" * 40
    who = "A <a@b> 1700000000 +0000"
    log.write_bytes(
        f"{zero} {gone} {who}\tbranch: Created\n{gone} {tip} {who}\tforced-update\n".encode()
        + f"{tip} {blob} {who}\n{blob} {zero} <> 99999999999999 +0000\tlatin \xe9\n".encode("latin-1")
        + b"garbage\n\n" + f"{tip[:39]} {tip} {who}\tshort\n".encode() + f"{tip} {tip} {who}".encode()
    )  # fmt: skip
    with Repository(made.path) as repo:
        logs, skipped = read_reflogs(repo, [MAIN])
    assert [(entry.old, entry.old_exists, entry.new, entry.new_exists) for entry in logs[MAIN]] == [
        (None, False, gone, False),
        (gone, False, tip, True),
        (tip, True, blob, False),
        (blob, False, None, False),
        (tip, True, tip, True),
    ]
    assert logs[MAIN][3].message == "latin \ufffd"
    assert skipped == {MAIN: "2 of 7 lines of the reflog of refs/heads/main are damaged"}


def test_a_linked_work_tree_has_a_head_log_of_its_own(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        made.commit("main", {"a": "1"})
        made.branch("topic", "main")
    git(made.path, "worktree", "add", "-q", str(tmp_path / "linked"), "topic")
    git(tmp_path / "linked", "commit", "-q", "--allow-empty", "-m", "x")
    with Repository(tmp_path / "linked") as repo:
        logs, _ = read_reflogs(repo, [HEAD, RefName("refs/heads/topic")])
    assert logs[HEAD][-1].message == logs[RefName("refs/heads/topic")][-1].message == "commit: x"


@pytest.mark.parametrize("ref", ["main", "refs/../../x", "/etc/passwd", "refs/heads/\0", ""])
def test_only_full_names_of_refs(tmp_path: Path, ref: str) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        made.commit("main", {"a": "1"})
    with Repository(made.path) as repo, pytest.raises(GitError, match="no full name of a ref"):
        read_reflogs(repo, [RefName(ref)])


def test_a_log_that_may_not_be_read_is_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_directory() as directory:
        (directory / "temporary").mkdir()
        (directory / "temporary").chmod(0o777)
        monkeypatch.setattr(tempfile, "tempdir", str(directory / "temporary"))
        with RepoBuilder(directory / "r") as made:
            made.commit("main", {"a": "1"})
        for entry in (made.path, *made.path.rglob("*")):
            entry.chmod(0o755)
        log = made.path / ".git/logs/refs/heads/main"
        log.chmod(0o000)
        with unprivileged(), Repository(made.path) as repo:
            logs, skipped = read_reflogs(repo, [MAIN, HEAD])
        assert logs[MAIN] == []
        assert skipped[MAIN] == "the reflog of refs/heads/main cannot be read: Permission denied; check its permissions"
        log.unlink()
        log.mkdir()
        with Repository(made.path) as repo:
            assert read_reflogs(repo, [MAIN]) == ({MAIN: []}, {})
