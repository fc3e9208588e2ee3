from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from branchsim.errors import TopologyError
from branchsim.topology import DirectoryFiles, FileProvider
from branchsim.topology.providers import MAX_BYTES

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "config" / "branches").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("x")
    (root / "config" / "a.yml").write_text("a")
    (root / "config" / "branches" / ".x.yml").write_text("b")
    (tmp_path / "outside.yml").write_text("secret")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "c.yml").write_text("secret")
    return root


def test_files_are_read_and_listed(project: Path) -> None:
    files = DirectoryFiles(project)
    assert isinstance(files, FileProvider)
    assert files.read("config/a.yml") == b"a"
    assert files.list("config/") == ["config/a.yml", "config/branches/.x.yml"]
    assert files.list("config/branches/.x") == ["config/branches/.x.yml"]
    assert files.list("") == ["config/a.yml", "config/branches/.x.yml"]
    assert "project" in repr(files)


@pytest.mark.parametrize("path", ["nothing", "config", "config/a.yml/b", "no/such/folder", ""])
def test_what_is_no_file_is_none(project: Path, path: str) -> None:
    assert DirectoryFiles(project).read(path) is None


def test_a_folder_that_is_not_there_has_no_files(project: Path) -> None:
    assert DirectoryFiles(project).list("nothing/") == []
    assert DirectoryFiles(project).list("config/a.yml/") == []


@pytest.mark.parametrize(
    "path", ["../outside.yml", "config/../../outside.yml", "/etc/hostname", "../nothing", "/nothing"]
)
def test_no_path_leads_out(project: Path, path: str) -> None:
    with pytest.raises(TopologyError, match="leads out"):
        DirectoryFiles(project).read(path)


def test_no_link_leads_out(project: Path, tmp_path: Path) -> None:
    (project / "link.yml").symlink_to(tmp_path / "outside.yml")
    (project / "folder").symlink_to(tmp_path / "elsewhere")
    (project / "dangling").symlink_to(tmp_path / "nothing")
    (project / "circle").symlink_to(project / "circle")
    (project / "inside.yml").symlink_to(project / "config" / "a.yml")
    files = DirectoryFiles(project)
    for path in ("link.yml", "folder/c.yml", "dangling"):
        with pytest.raises(TopologyError, match="leads out"):
            files.read(path)
    with pytest.raises(TopologyError, match="leads out"):
        files.list("folder/")
    with pytest.raises(TopologyError, match="circle"):
        files.read("circle")
    assert files.read("inside.yml") == b"a"


def test_a_pipe_does_not_make_the_reader_wait(project: Path) -> None:
    os.mkfifo(project / "pipe.yml")
    with pytest.raises(TopologyError, match="not an ordinary file"):
        DirectoryFiles(project).read("pipe.yml")


def test_a_huge_file_is_refused_without_reading_all_of_it(project: Path) -> None:
    with (project / "huge.yml").open("wb") as file:
        file.truncate(MAX_BYTES * 1_000)
    with pytest.raises(TopologyError, match="larger than"):
        DirectoryFiles(project).read("huge.yml")


def test_a_damaged_path_is_our_error(project: Path) -> None:
    with pytest.raises(TopologyError, match="not a path"):
        DirectoryFiles(project).read("a\0b")


def test_a_root_must_be_a_directory(project: Path) -> None:
    with pytest.raises(TopologyError, match="no such directory"):
        DirectoryFiles(project / "nothing")
    with pytest.raises(TopologyError, match="is not a directory"):
        DirectoryFiles(project / "config" / "a.yml")
