from __future__ import annotations

import os
import resource
import shutil
import stat
import subprocess
import tempfile
from typing import TYPE_CHECKING

import pytest
from support.machine import fingerprint, open_directory, unprivileged
from support.repos import RepoBuilder, environment, git

from branchsim.errors import GitError, InputError, NotARepositoryError, UnknownRevisionError
from branchsim.git import versions
from branchsim.git.log import read_commits, rev_list
from branchsim.git.objects import ObjectReader, Why
from branchsim.git.process import run
from branchsim.git.repository import Repository
from branchsim.git.scratch import Scratch
from branchsim.names import RefName, Sha

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing may be left in the temporary directory, whatever a test does."""
    directory = tmp_path / "temporary"
    directory.mkdir(mode=0o777)
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    yield
    for entry in directory.iterdir():
        assert not entry.name.startswith("branchsim"), f"{entry} was left behind"


def _sample(path: Path, *, bare: bool = False) -> RepoBuilder:
    with RepoBuilder(path, bare=bare) as made:
        made.commit("main", {"a": "1\n", "dir/b": "1\n"})
        made.branch("topic", "main")
        made.commit("topic", {"a": "2\n"})
        made.commit("main", {"c": "1\n"})
        made.tag("v1", "main", message="One")
    return made


# Where a repository can be.


def test_a_work_tree_a_directory_below_it_and_its_git_directory_are_one_repository(tmp_path: Path) -> None:
    made = _sample(tmp_path / "project")
    made.checkout()
    for path in (made.path, made.path / "dir", made.path / "dir" / "b", made.path / ".git"):
        with Repository(path) as repo:
            assert (repo.git_dir, repo.common_dir, repo.work_tree) == (made.path / ".git",) * 2 + (made.path,)
            assert (repo.name, repo.head, repo.head_sha) == ("project", "ref: refs/heads/main", made["main"])
            assert dict(repo.refs) == {
                "refs/heads/main": made["main"],
                "refs/heads/topic": made["topic"],
                "refs/tags/v1": git(made.path, "rev-parse", "v1"),
            }
            assert (repo.shallow, repo.object_format) == (False, "sha1")
            assert git(repo.scratch.path, "rev-parse", "HEAD", "topic", "v1^{commit}").split() == [
                made["main"],
                made["topic"],
                made["main"],
            ]


def test_a_bare_repository_has_no_work_tree(tmp_path: Path) -> None:
    made = _sample(tmp_path / "project.git", bare=True)
    with Repository(made.path) as repo:
        assert (repo.git_dir, repo.common_dir, repo.work_tree) == (made.path, made.path, None)
        assert repo.name == "project"


def test_a_linked_work_tree_has_its_own_head(tmp_path: Path) -> None:
    made = _sample(tmp_path / "project")
    git(made.path, "worktree", "add", "-q", str(tmp_path / "linked"), "topic")
    with Repository(tmp_path / "linked") as repo:
        assert repo.git_dir == made.path / ".git" / "worktrees" / "linked"
        assert (repo.common_dir, repo.work_tree) == (made.path / ".git", tmp_path / "linked")
        assert (repo.head, repo.head_sha) == ("ref: refs/heads/topic", made["topic"])
        assert repo.resolve("HEAD") == made["topic"]
    with Repository(made.path / ".git" / "worktrees" / "linked") as repo:
        assert repo.work_tree == tmp_path / "linked"


def test_a_git_file_leads_to_its_repository(tmp_path: Path) -> None:
    made = _sample(tmp_path / "elsewhere.git", bare=True)
    git(made.path, "config", "core.bare", "false")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / ".git").write_text("gitdir: ../elsewhere.git\n")
    with Repository(tree) as repo:
        assert (repo.git_dir, repo.work_tree) == (made.path, tree)
        assert repo.resolve("main") == made["main"]


def test_a_detached_head(tmp_path: Path) -> None:
    made = _sample(tmp_path / "r")
    git(made.path, "update-ref", "--no-deref", "HEAD", made["topic"])
    with Repository(made.path) as repo:
        assert repo.head == repo.head_sha == repo.resolve("HEAD") == made["topic"]


@pytest.mark.parametrize(
    "name", ["-option", "--help", "new\nline", "$HOME ~", "quote'\"", "tab\t", "with space", "é\udcff", "#x"]
)
def test_odd_names_of_directories(tmp_path: Path, name: str) -> None:
    made = _sample(tmp_path / name)
    with Repository(made.path) as repo:
        assert repo.git_dir == made.path / ".git"
        assert repo.work_tree == made.path
        assert len(list(read_commits(repo.scratch, [repo.resolve("main")]))) == 2


def test_a_relative_path_is_relative_to_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _sample(tmp_path / "-r")
    monkeypatch.chdir(tmp_path)
    with Repository("-r") as repo:
        assert repo.path == tmp_path / "-r"


def test_borrowed_objects_are_found_through_the_source(tmp_path: Path) -> None:
    made = _sample(tmp_path / "origin")
    git(tmp_path, "clone", "-q", "--shared", "--bare", str(made.path), str(tmp_path / "one"))
    git(tmp_path, "clone", "-q", "--shared", "--bare", str(tmp_path / "one"), str(tmp_path / "two"))
    (tmp_path / "two/objects/info/alternates").write_text("../../one/objects\n")
    with Repository(tmp_path / "two") as repo:
        assert len(list(read_commits(repo.scratch, [repo.resolve("topic")]))) == 2
        assert [path.resolve() for path in repo.scratch.alternates()] == [
            tmp_path / "two/objects",
            tmp_path / "one/objects",
        ]


# What is in it.


def test_a_repository_without_a_commit_says_so(tmp_path: Path) -> None:
    for object_format in ("sha1", "sha256"):
        path = RepoBuilder(tmp_path / object_format, object_format=object_format).finish()
        with Repository(path) as repo:
            assert (dict(repo.refs), repo.head_sha, repo.object_format) == ({}, None, object_format)
            with pytest.raises(UnknownRevisionError, match="has no commit yet"):
                repo.resolve("main")


def test_a_sha256_repository(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r", object_format="sha256") as made:
        made.commit("main", {"a": "1"})
        tip = made.commit("main", {"a": "2"})
    with Repository(made.path) as repo:
        assert repo.object_format == "sha256"
        assert next(read_commits(repo.scratch, [repo.resolve("main")])).sha == tip
        assert repo.resolve(tip[:12]) == tip


def test_thousands_of_refs(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r", bare=True) as made:
        tip = made.commit("main", {"a": "1"})
        for number in range(5000):
            made.branch(f"refs/pull/{number}/head", tip)
        made.branch("refs/heads/zz/é ".strip() + "\udcff", tip)
    with Repository(made.path) as repo:
        assert len(repo.refs) == 5002
        assert set(repo.refs) == set(made.refs)
        assert repo.resolve("refs/pull/4999/head") == tip
        assert len(git(repo.scratch.path, "for-each-ref").splitlines()) == 5002


def test_a_shallow_clone_is_said_to_be_one_and_can_be_read(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "origin") as made:
        for index in range(5):
            made.commit("main", {"a": str(index)})
    git(tmp_path, "clone", "-q", "--depth", "2", made.path.as_uri(), str(tmp_path / "shallow"))
    with Repository(tmp_path / "shallow") as repo:
        assert repo.shallow
        commits = list(read_commits(repo.scratch, [repo.resolve("main")]))
        assert [len(commit.parents) for commit in commits] == [1, 0]
        assert len(commits[1].changes) == 1


def test_a_partial_clone_fetches_nothing_and_says_what_is_missing(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "origin") as made:
        made.commit("main", {"a": "1\n"})
        made.commit("main", {"a": "2\n"})
    git(made.path, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--bare", "--filter=blob:none", made.path.as_uri(), str(tmp_path / "partial"))
    marker = tmp_path / "ran"
    script = tmp_path / "upload-pack"
    script.write_text(f'#!/bin/sh\ntouch {marker}\nexec git-upload-pack "$@"\n')
    script.chmod(0o755)
    git(tmp_path / "partial", "config", "remote.origin.uploadpack", str(script))
    blob = Sha(git(made.path, "rev-parse", "main:a"))
    before = fingerprint(tmp_path / "partial")
    with Repository(tmp_path / "partial") as repo, ObjectReader(repo.scratch) as reader:
        tip = repo.resolve("main")
        assert [change.path for commit in read_commits(repo.scratch, [tip]) for change in commit.changes] == [
            b"a",
            b"a",
        ]
        assert reader.blob(blob) is None
        tree = reader.check([f"{tip}^{{tree}}"])[f"{tip}^{{tree}}"]
        assert tree is not None
        answer = reader.find([(tree.sha, b"a")])[tree.sha, b"a"]
        assert answer is not None
        assert (answer.sha, getattr(answer, "why", None)) == (blob, Why.MISSING)
    assert not marker.exists()
    assert fingerprint(tmp_path / "partial") == before
    # The trap works: git itself would have fetched.
    git(tmp_path / "partial", "cat-file", "-p", blob)
    assert marker.exists()


# What revisions mean.


def test_revisions(tmp_path: Path) -> None:
    made = _sample(tmp_path / "r")
    main, topic, parent = made["main"], made["topic"], git(made.path, "rev-parse", "main~1")
    expected = {
        "main": main, "v1": main, "refs/tags/v1": main, "HEAD": main, main: main, main[:9]: main, "main~1": parent,
        "topic^": parent, "topic^{/Commit}": topic, "heads/topic": topic, "@": main,
    }  # fmt: skip
    with Repository(made.path) as repo:
        assert {name: repo.resolve(name) for name in expected} == expected


@pytest.mark.parametrize(
    "revision",
    ["mian", "", "-x", "--all", "--output=x", "main..topic", "^main", "main\ntopic", "main\0", "a" * 40, "dead",
     "main~99", "main:nope", "main@{0}", "main@{yesterday}", "@{u}", "refs/heads", "\udcff"],
)  # fmt: skip
def test_what_names_no_commit_is_an_error_of_the_user(tmp_path: Path, revision: str) -> None:
    made = _sample(tmp_path / "r")
    with Repository(made.path) as repo, pytest.raises(UnknownRevisionError) as caught:
        repo.resolve(revision)
    assert isinstance(caught.value, InputError)
    assert "give a" in str(caught.value)


def test_a_mistyped_branch_is_answered_with_the_nearest(tmp_path: Path) -> None:
    made = _sample(tmp_path / "r")
    git(made.path, "update-ref", "refs/remotes/origin/preprod", made["main"])
    with Repository(made.path) as repo:
        with pytest.raises(UnknownRevisionError, match="did you mean 'topic'"):
            repo.resolve("topci")
        with pytest.raises(UnknownRevisionError, match="did you mean 'preprod'"):
            repo.resolve("pre-prod")
        with pytest.raises(UnknownRevisionError, match=r"is a blob of .*, not a commit"):
            repo.resolve("main:a")


def test_a_remote_tracking_branch_is_found_by_its_short_name(tmp_path: Path) -> None:
    made = _sample(tmp_path / "r")
    git(made.path, "update-ref", "refs/remotes/origin/preprod", made["topic"])
    git(made.path, "update-ref", "refs/remotes/fork/only", made["topic"])
    git(made.path, "update-ref", "refs/remotes/origin/main", made["topic"])
    with Repository(made.path) as repo:
        assert repo.resolve("preprod") == repo.resolve("only") == repo.resolve("origin/preprod") == made["topic"]
        assert repo.resolve("main") == made["main"]


def test_a_branch_whose_commit_is_missing_is_not_called_unknown(tmp_path: Path) -> None:
    made = _sample(tmp_path / "r")
    (made.path / ".git/refs/heads/lost").write_text("6" * 40 + "\n")
    with Repository(made.path) as repo:
        with pytest.raises(GitError, match=f"'lost' of .* is object {'6' * 40}, which is missing"):
            repo.resolve("lost")
        assert repo.resolve("main") == made["main"]


def test_of_many_broken_refs_the_first_are_named(tmp_path: Path) -> None:
    made = _sample(tmp_path / "r")
    for number in range(5):
        (made.path / f".git/refs/heads/broken-{number}").touch()
    with Repository(made.path) as repo:
        named = ", ".join(f"refs/heads/broken-{number}" for number in range(3))
        assert repo.broken_note == f"git cannot read {named} and 2 more: fetch again what is broken, or restore it"


def test_a_corrupt_commit_is_called_corrupt(tmp_path: Path) -> None:
    made = _sample(tmp_path / "r")
    lost = git(made.path, "commit-tree", "-p", "main", "-m", "x", "main^{tree}")
    file = made.path / ".git/objects" / lost[:2] / lost[2:]
    file.chmod(0o644)
    file.write_bytes(b"garbage")
    (made.path / ".git/refs/heads/lost").write_text(lost + "\n")
    with Repository(made.path) as repo:
        for revision in ("lost", lost):
            with pytest.raises(GitError, match=f"{lost}.* is corrupt"):
                repo.resolve(revision)
        with pytest.raises(GitError, match="git rev-list failed"):
            rev_list(repo.scratch, [lost])


# What is no repository.


def test_what_is_no_repository_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "gitfile").mkdir()
    (tmp_path / "gitfile" / ".git").write_text("gitdir: /nowhere/at/all\n")
    hollow = RepoBuilder(tmp_path / "hollow").finish()
    shutil.rmtree(hollow / ".git" / "objects")
    for name, said in (
        ("nowhere", "does not exist"),
        ("file", "is not a git repository"),
        ("empty", "is not a git repository"),
        ("gitfile", "is not a git repository"),
        ("hollow", "is not a git repository"),
        ("file/below", "does not exist"),
        ("\0", "does not exist"),
    ):
        with pytest.raises(NotARepositoryError, match=said) as caught:
            Repository(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_damaged_configuration_is_named(tmp_path: Path) -> None:
    made = _sample(tmp_path / "r")
    (made.path / ".git/config").write_text("[core\nbroken")
    with pytest.raises(GitError, match="bad config line"):
        Repository(made.path)


@pytest.mark.parametrize("closed", [".", ".git", ".git/objects", ".git/shallow"])
def test_no_permission(closed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_directory() as directory:
        (directory / "temporary").mkdir()
        (directory / "temporary").chmod(0o777)
        monkeypatch.setattr(tempfile, "tempdir", str(directory / "temporary"))
        made = _sample(directory / "r")
        (made.path / ".git/shallow").touch()
        for entry in (made.path, *made.path.rglob("*")):
            entry.chmod(0o755)
        with unprivileged(), Repository(made.path) as repo:
            assert repo.resolve("main") == made["main"]
        (made.path / closed).chmod(0o000)
        try:
            with unprivileged(), pytest.raises(GitError) as caught:
                Repository(made.path)
        finally:
            (made.path / closed).chmod(0o755)
        assert list((directory / "temporary").iterdir()) == []
    assert "permission" in str(caught.value).lower()
    assert "\n" not in str(caught.value)


# The git there is.


@pytest.fixture
def fake_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory that is all of PATH."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    versions.installed.cache_clear()
    yield directory
    versions.installed.cache_clear()


@pytest.mark.parametrize(
    ("says", "error"),
    [
        (None, "git was not found on PATH; install git 2.39 or newer"),
        ("git version 2.38.9", "git 2.38.9 is too old: branchsim needs git 2.39.0 or newer; install a newer git"),
        ("git version 1.8.3.1", "git 1.8.3 is too old"),
        ("not git", "is the program called 'git' on PATH really git"),
    ],
)
def test_git_absent_old_or_something_else(tmp_path: Path, fake_git: Path, says: str | None, error: str) -> None:
    if says is not None:
        (fake_git / "git").write_text(f"#!/bin/sh\necho '{says}'\n")
        (fake_git / "git").chmod(0o755)
    with pytest.raises(GitError, match=error):
        Repository(tmp_path)


def test_a_git_that_may_not_be_run(tmp_path: Path, fake_git: Path) -> None:
    (fake_git / "git").write_text("#!/bin/sh\n")
    (fake_git / "git").chmod(0o644)
    with pytest.raises(GitError, match=r"could not be started.*permission"):
        Repository(tmp_path)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("git version 2.39.5 (Apple Git-154)", (2, 39, 5)),
        ("git version 2.39.windows.1", (2, 39, 0)),
        ("git version 2.51.0-rc1", (2, 51, 0)),
        ("git version 3.0", (3, 0, 0)),
    ],
)
def test_versions_are_read(text: str, version: tuple[int, int, int]) -> None:
    assert versions.parse_version(text) == version
    versions.require(version)


# The scratch repository.


def test_the_scratch_is_removed_when_opening_or_reading_fails(tmp_path: Path) -> None:
    made = _sample(tmp_path / "r")
    repo = Repository(made.path)
    assert repo.scratch.path.is_dir()
    with pytest.raises(UnknownRevisionError), repo:
        repo.resolve("nope")
    assert not repo.scratch.path.exists()
    repo.close()


def test_a_repository_nobody_closes_is_removed_with_python(tmp_path: Path) -> None:
    made = _sample(tmp_path / "r")
    temporary = tmp_path / "other"
    temporary.mkdir()
    code = f"from branchsim.git.repository import Repository; r = Repository({str(made.path)!r}); print(r.scratch.path)"
    done = subprocess.run(
        ["python", "-c", code], env=os.environ | {"TMPDIR": str(temporary)}, capture_output=True, check=True, text=True
    )
    assert done.stdout.startswith(str(temporary))
    assert list(temporary.iterdir()) == []


def test_no_temporary_directory_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = _sample(tmp_path / "r")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(GitError, match=r"no temporary directory could be made.*set TMPDIR"):
        Repository(made.path)


def test_a_full_disk_is_one_clear_error_and_leaves_nothing(tmp_path: Path) -> None:
    made = _sample(tmp_path / "r")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(GitError, match=r"scratch repository could not be written.*free some space"):
            Repository(made.path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_scratch_is_private_and_starts_with_the_refs_it_is_given(tmp_path: Path) -> None:
    made = _sample(tmp_path / "r")
    refs = {RefName("refs/heads/b"): Sha(made["main"]), RefName("refs/heads/a"): Sha(made["topic"])}
    with Scratch(made.path / ".git/objects", refs=refs, head="ref: refs/heads/a") as scratch:
        assert stat.S_IMODE(scratch.path.stat().st_mode) == 0o700
        assert git(scratch.path, "for-each-ref", "--format=%(refname)").split() == ["refs/heads/a", "refs/heads/b"]
        assert run(["rev-parse", "HEAD"], scratch.path).decode().strip() == made["topic"]
        assert git(scratch.path, "config", "core.bare") == "true"
        git(scratch.path, "update-ref", "refs/heads/new", made["main"])
    assert subprocess.run(
        ["git", "-C", made.path, "rev-parse", "-q", "--verify", "new"],
        env=environment(),
        check=False,
        capture_output=True,
    ).returncode


def test_a_repository_that_gitpython_opened_can_be_given(tmp_path: Path) -> None:
    import git as gitpython

    builder = RepoBuilder(tmp_path / "repo")
    commit = builder.commit("main", {"a.txt": "1\n"})
    builder.finish()
    with gitpython.Repo(tmp_path / "repo") as opened, Repository(opened) as repository:
        assert repository.resolve("main") == commit == opened.head.commit.hexsha


def test_what_is_no_repository_is_refused_in_one_sentence() -> None:
    with pytest.raises(InputError, match=r"give the path of one, or a git\.Repo"):
        Repository(12)  # type: ignore[arg-type]
