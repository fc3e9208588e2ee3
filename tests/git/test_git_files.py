from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.repos import Content, RepoBuilder, executable, git, submodule, symlink

from branchsim.errors import GitError
from branchsim.git.files import LIMIT, RevisionFiles
from branchsim.git.repository import Repository
from branchsim.names import Sha
from branchsim.topology import DirectoryFiles, FileProvider

if TYPE_CHECKING:
    from pathlib import Path

FILES: dict[bytes, Content] = {
    b"README": "top\n",
    b"config/.sfdx-hardis.yml": "a: 1\n",
    b"config/branches/.sfdx-hardis.uat.yml": "b: 1\n",
    b"config/branches/.sfdx-hardis.x__y.yml": "c: 1\n",
    b"config-old/z": "z\n",
    b"run.sh": executable("#!/bin/sh\n"),
    "é\nnew".encode(): "odd\n",
    b"\xff": "bytes\n",
    b"links/up": symlink("../config/.sfdx-hardis.yml"),
    b"links/directory": symlink("../config/branches"),
    b"links/twice": symlink("up"),
    b"links/out": symlink("../../outside"),
    b"links/absolute": symlink("/etc/passwd"),
    b"links/loop": symlink("loop"),
    b"links/nowhere": symlink("nothing"),
}


@pytest.fixture
def made(tmp_path: Path) -> RepoBuilder:
    (tmp_path / "outside").write_text("secret\n")
    with RepoBuilder(tmp_path / "r") as repo:
        repo.commit("main", FILES)
    return repo


def test_it_answers_as_the_files_of_a_work_tree_do(made: RepoBuilder) -> None:
    made.checkout()
    directory = DirectoryFiles(made.path)
    with Repository(made.path) as repo, RevisionFiles(repo.scratch, repo.resolve("main")) as files:
        assert isinstance(files, FileProvider)
        paths = [
            "README", "config/.sfdx-hardis.yml", "config", "", "nope", "config/nope", "README/below", "é\nnew",
            "\udcff", "links/up", "links/directory/.sfdx-hardis.uat.yml", "links/directory", "links/twice", "run.sh",
            "links/nowhere", "config/../README", "./README", "config//.sfdx-hardis.yml",
        ]  # fmt: skip
        assert {path: files.read(path) for path in paths} == {path: directory.read(path) for path in paths}
        for prefix in ("", "config", "config/", "config/branches/.sfdx", "conf", "nope/", "README", "links/", "x"):
            assert files.list(prefix) == directory.list(prefix), prefix


@pytest.mark.parametrize(
    "path", ["links/out", "links/absolute", "links/loop", "../outside", "/etc/passwd", "links/../../outside"]
)
def test_nothing_outside_the_tree_is_a_file(made: RepoBuilder, path: str) -> None:
    with Repository(made.path) as repo, RevisionFiles(repo.scratch, repo.resolve("main")) as files:
        assert files.read(path) is None


def test_submodules_are_no_files(tmp_path: Path) -> None:
    content: dict[str, Content] = {"m": submodule("1" * 40), "a": "1"}
    with RepoBuilder(tmp_path / "r") as made:
        made.commit("main", content)
    with Repository(made.path) as repo, RevisionFiles(repo.scratch, repo.resolve("main")) as files:
        assert files.list("") == ["a"]
        assert files.read("m") is None
        assert files.read("m/below") is None


def test_a_bare_repository_and_an_older_revision(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r", bare=True) as made:
        old = Sha(made.commit("main", {"a": "1"}))
        made.commit("main", {"a": "2", "b": "1"})
    with Repository(made.path) as repo:
        with RevisionFiles(repo.scratch, old) as files:
            assert (files.read("a"), files.list("")) == (b"1", ["a"])
        with RevisionFiles(repo.scratch, repo.resolve("main")) as files:
            assert (files.read("a"), files.list("")) == (b"2", ["a", "b"])


def test_what_cannot_be_read_is_an_error_not_an_absent_file(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "origin") as made:
        large: dict[str, Content] = {"a": "1", "large": b"x" * (LIMIT + 1)}
        made.commit("main", large)
    blob = Sha(git(made.path, "rev-parse", "main:a"))
    with Repository(made.path) as repo:
        with (
            RevisionFiles(repo.scratch, repo.resolve("main")) as files,
            pytest.raises(GitError, match="bytes, more than"),
        ):
            files.read("large")
        for wrong in (blob, Sha("6" * 40)):
            with pytest.raises(GitError, match="is missing or is neither a commit nor a tree"):
                RevisionFiles(repo.scratch, wrong)
    git(made.path, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--bare", "--filter=blob:none", made.path.as_uri(), str(tmp_path / "partial"))
    with Repository(tmp_path / "partial") as repo, RevisionFiles(repo.scratch, repo.resolve("main")) as files:
        assert files.list("") == ["a", "large"]
        with pytest.raises(GitError, match=r"a of .* is not in this clone"):
            files.read("a")
