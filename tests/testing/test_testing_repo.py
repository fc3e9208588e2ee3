from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from support.repos import git

from branchsim.errors import InputError, UnknownRevisionError
from branchsim.testing import ConflictError, Patch, ScratchRepo, file_trees, patches

if TYPE_CHECKING:
    from pathlib import Path

    from branchsim.testing.repo import Workbench

_TEXT = "".join(f"line {number}\n" for number in range(12))


def _all_kinds(repo: ScratchRepo) -> None:
    repo.commit("main", {"a.txt": _TEXT, "d/bin": b"\0\1", "d/e/-x y": "no newline"})
    repo.branch("topic", at="main")
    repo.note("Somebody's work: 'quoted' $HOME `id`")
    repo.commit("topic", {"a.txt": _TEXT.replace("line 2\n", "two\n")}, message="Edit\n\né", author="Böb <b@c>")
    repo.commit("main", {"a.txt": _TEXT.replace("line 9\n", "nine\n")})
    assert repo.merge(into="main", source="topic").kind == "merge"
    assert repo.merge(into="main", source="topic").kind == "nothing"
    repo.commit("topic", {"a.txt": _TEXT.replace("line 2\n", "zwei\n"), "d/bin": None})
    repo.commit("main", {"a.txt": _TEXT.replace("line 2\n", "deux\n"), "d/bin": None, "d/e/-x y": None, "d": "file\n"})
    assert repo.squash(into="main", source="topic", resolve="theirs").conflicts == ("a.txt",)
    assert repo.revert(into="main", commit=repo.branches["main"]).kind == "revert"
    repo.branch("old", at=repo.parents("topic")[0])
    assert repo.pick(into="old", commit="topic", trailer=True).kind == "pick"
    repo.branch("behind", at=repo.parents("topic")[0])
    assert repo.merge(into="behind", source="topic").kind == "fast-forward"
    repo.commit("orphan", {"q": "1\n"}, whole=True)
    repo.tag("v1", at="old")
    repo.branch("gone", at="old")
    repo.delete("gone")
    repo.move("old", to=repo.parents("old")[0])


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_script_makes_the_same_commits_with_git_alone(shell: str, tmp_path: Path) -> None:
    script, place = tmp_path / "script.sh", tmp_path / "place"
    with ScratchRepo() as repo:
        _all_kinds(repo)
        script.write_text(repo.script("All kinds of things"), encoding="utf-8")
        refs = repo.refs()
    done = subprocess.run([shell, script, place], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Somebody's work: 'quoted' $HOME `id`" in done.stdout
    listed = dict(
        line.split(" ") for line in git(place, "for-each-ref", "--format=%(refname) %(objectname)").split("\n")
    )
    assert listed == refs
    again = subprocess.run([shell, script, place], capture_output=True, text=True, check=False, timeout=120)
    assert again.returncode == 2


def test_a_git_that_does_something_else_is_noticed(tmp_path: Path) -> None:
    script = tmp_path / "script.sh"
    with ScratchRepo() as repo:
        _all_kinds(repo)
        text = repo.script()
    script.write_text(text.replace("nine\n", "neun\n"), encoding="utf-8")
    done = subprocess.run(["sh", script, tmp_path / "place"], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "git did not do what was expected" in done.stderr


@settings(max_examples=10)
@given(file_trees(), patches())
def test_any_files_come_back_from_the_script(bench: Workbench, files: dict[str, bytes], patch: Patch) -> None:
    import tempfile

    with ScratchRepo(bench=bench) as repo, tempfile.TemporaryDirectory() as place:
        repo.commit("main", files)
        repo.commit("main", patch.before, whole=True)
        repo.commit("main", patch.after, whole=True)
        done = subprocess.run(
            ["sh", "-s", place], input=repo.script().encode(), capture_output=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr


def test_git_finds_no_fault_and_a_clone_shows_the_files(tmp_path: Path) -> None:
    with ScratchRepo() as repo:
        _all_kinds(repo)
        git(repo.path, "fsck", "--strict", "--no-dangling")
        place = repo.clone(tmp_path / "clone", branch="main")
        assert git(place, "status", "--porcelain") == ""
        assert (place / "d").read_text(encoding="utf-8") == "file\n"
        with pytest.raises(InputError, match="not an empty directory"):
            repo.clone(place, branch="main")


def test_refs_that_other_programs_see_are_those_of_now() -> None:
    with ScratchRepo() as repo:
        repo.commit("main", {"a": "1\n"})
        repo.branch("topic", at="main")
        path = repo.path
        repo.delete("topic")
        repo.commit("main", {"a": "2\n"})
        assert repo.path == path
        assert (
            git(path, "for-each-ref", "--format=%(objectname) %(refname)") == f"{repo.branches['main']} refs/heads/main"
        )
    assert not path.exists()


def test_bad_calls_say_what_to_do() -> None:
    with ScratchRepo() as repo:
        with pytest.raises(UnknownRevisionError, match="commit something"):
            repo.resolve("main")
        repo.commit("main", {"a": "1\n"})
        for path in ("/a", "../a", ".git/config", "b/.GIT/x", "", "a//b"):
            with pytest.raises(InputError, match="no path"):
                repo.commit("main", {path: "x"})
        with pytest.raises(InputError, match="'a' is a file"):
            repo.commit("main", {"a/b": "x"})
        with pytest.raises(InputError, match="already"):
            repo.branch("main", at="main")
        with pytest.raises(InputError):
            repo.branch("-x", at="main")
        with pytest.raises(InputError, match="no identity"):
            repo.commit("main", {}, author="Ann")
        with pytest.raises(UnknownRevisionError, match="did you mean 'main'"):
            repo.merge(into="mian", source="main")
        repo.branch("topic", at="main")
        repo.commit("main", {"a": "2\n"})
        repo.commit("topic", {"a": "3\n"})
        with pytest.raises(ConflictError) as caught:
            repo.merge(into="main", source="topic")
        assert caught.value.paths == ("a",)
        with pytest.raises(InputError, match="'ours', 'theirs'"):
            repo.merge(into="main", source="topic", resolve="mine")  # type: ignore[arg-type]
        with pytest.raises(ConflictError):
            repo.merge(into="main", source="topic", resolve={"b": "x"})
