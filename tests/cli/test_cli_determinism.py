"""The same history gives the same bytes, whoever asks, from where, and however the repository is stored."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.cli import Shell
from support.repos import RepoBuilder, git

from branchsim.topology import Topology

_CONFIG = """\
[alias]
    log = !touch {pwned}
    merge-tree = !touch {pwned}
[core]
    abbrev = 5
    attributesFile = {attributes}
    autocrlf = true
    fsmonitor = touch {pwned}
    hooksPath = {hooks}
    ignoreCase = true
    pager = touch {pwned}
    precomposeUnicode = true
    quotePath = false
[diff]
    algorithm = patience
    context = 9
    external = touch {pwned}
    ignoreSubmodules = all
    interHunkContext = 9
    mnemonicPrefix = true
    noprefix = true
    orderFile = {attributes}
    renames = false
    suppressBlankEmpty = true
[diff "words"]
    textconv = touch {pwned}
[i18n]
    commitEncoding = ISO-8859-1
    logOutputEncoding = UTF-16
[log]
    date = relative
    decorate = full
    follow = true
    mailmap = true
    showRoot = false
    showSignature = true
[mailmap]
    file = {mailmap}
[merge]
    conflictStyle = diff3
    directoryRenames = true
    renames = false
[merge "words"]
    driver = touch {pwned}
"""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "shell")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Releases, a merged retrofit, ports in each form, a revert, a rename, a squash, names that need encodings."""
    with RepoBuilder(tmp_path_factory.mktemp("original") / "repo", bare=True) as made:
        lines = [f"line {number}\n" for number in range(30)]
        own = Topology.build_run().to_toml()
        made.commit("integration", {"a.txt": "".join(lines), "ünï/ß.txt": "1\n", "branchsim.toml": own})
        for branch in ("main", "uat", "preprod", "production"):
            made.branch(branch, "integration")
        for number in range(6):
            hotfix = f"hotfix/{number}"
            made.branch(hotfix, "preprod")
            lines[number * 4] = f"fixed {number}\n"
            made.commit(
                hotfix,
                {"a.txt": "".join(lines), f"new{number}.txt": f"{number}\n"},
                subject=f"Fix número {number}",
                author="Jörg Ünïcode <j@example.com>",
            )
            made.merge(into="preprod", source=hotfix)
            made.merge(into="production", source="preprod")
            made.tag(f"v1.{number}", "production", message="Release")
            if number == 0:
                made.merge(into="integration", source=hotfix)
            elif number % 3 == 1:
                made.pick(into="integration", commit=made[hotfix], trailer=number == 1)
            made.commit("integration", {f"feature{number}.txt": "x\n"})
        made.revert(into="preprod", commit=made["hotfix/5"])
        made.merge(into="uat", source="integration")
        made.merge(into="preprod", source="uat")
        made.merge(into="production", source="preprod")
        made.tag("v2.0", "production")
    return made.path


@pytest.fixture
def repo(original: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(original, tmp_path / "repo"))


_COMMANDS = (
    ("audit", "REPO", "--format", "json"),
    ("match", "REPO", "-s", "preprod~3", "-t", "integration", "--no-trailers", "--format", "csv"),
    ("topology", "REPO", "--guess", "--format", "json"),
)


def _answers(shell: Shell, repo: Path, **variables: str) -> list[tuple[int, str, str]]:
    """The answers to all commands, with another word for where the repository is."""
    answers = []
    for command in _COMMANDS:
        done = shell.run(*(str(repo) if part == "REPO" else part for part in command), variables=variables)
        answers.append((done.returncode, done.stdout.replace(str(repo), "REPO"), done.stderr))
    return answers


@pytest.fixture(scope="module")
def plain(original: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, str, str]]:
    """The answers in a plain environment."""
    answers = _answers(Shell(tmp_path_factory.mktemp("plain")), original)
    assert all(code in {0, 1} and text and not error for code, text, error in answers)
    assert '"retrofitted"' in answers[0][1]
    assert '"missed"' in answers[0][1]
    return answers


def test_time_zone_locale_and_hash_seed(shell: Shell, repo: Path, plain: list[tuple[int, str, str]]) -> None:
    for variables in (
        {"TZ": "Pacific/Kiritimati", "LANG": "tr_TR.UTF-8", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "1"},
        {"TZ": "America/St_Johns", "LANG": "C", "LC_ALL": "C", "LANGUAGE": "de", "PYTHONHASHSEED": "2"},
    ):
        assert _answers(shell, repo, **variables) == plain


def test_a_hostile_configuration(shell: Shell, repo: Path, plain: list[tuple[int, str, str]], tmp_path: Path) -> None:
    pwned = tmp_path / "pwned"
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("reference-transaction", "post-checkout", "pre-commit"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {pwned}\n", encoding="utf-8")
        (hooks / name).chmod(0o755)
    places = {"pwned": pwned, "hooks": hooks, "mailmap": tmp_path / "mailmap", "attributes": tmp_path / "attributes"}
    (tmp_path / "mailmap").write_text("Nobody <nobody@example.com> <j@example.com>\n", encoding="utf-8")
    (tmp_path / "attributes").write_text("* diff=words merge=words -text\n", encoding="utf-8")
    config = _CONFIG.format(**places)
    (shell.home / ".gitconfig").write_text(config, encoding="utf-8")
    with (repo / "config").open("a", encoding="utf-8") as file:
        file.write(config)
    (repo / "info").mkdir(exist_ok=True)
    (repo / "info" / "attributes").write_text("* diff=words merge=words\n", encoding="utf-8")
    variables = {
        "XDG_CONFIG_HOME": str(shell.home),
        "GIT_DIR": str(tmp_path),
        "GIT_WORK_TREE": str(tmp_path),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "diff.external",
        "GIT_CONFIG_VALUE_0": f"touch {pwned}",
        "GIT_EXTERNAL_DIFF": f"touch {pwned}",
        "GIT_DIFF_OPTS": "-u9",
        "GIT_TRACE": "1",
        "GIT_NAMESPACE": "elsewhere",
        "GIT_OBJECT_DIRECTORY": str(tmp_path),
        "GIT_ICASE_PATHSPECS": "1",
    }
    assert _answers(shell, repo, **variables) == plain
    assert not pwned.exists()


def test_order_and_storage_of_refs(shell: Shell, repo: Path, plain: list[tuple[int, str, str]]) -> None:
    refs = [line.split(" ") for line in git(repo, "for-each-ref", "--format=%(objectname) %(refname)").splitlines()]
    git(repo, "pack-refs", "--all")
    assert _answers(shell, repo) == plain
    for _, name in refs:
        git(repo, "update-ref", "-d", name)
    for sha, name in reversed(refs):
        git(repo, "update-ref", name, sha)
    assert _answers(shell, repo) == plain


def test_storage_of_objects(shell: Shell, repo: Path, plain: list[tuple[int, str, str]]) -> None:
    git(repo, "repack", "-q", "-a", "-d", "-f", "--depth=1")
    git(repo, "commit-graph", "write", "--reachable")
    assert _answers(shell, repo) == plain


def test_cache(shell: Shell, repo: Path, plain: list[tuple[int, str, str]]) -> None:
    assert _answers(shell, repo) == plain
    assert list(shell.cache.iterdir()) != []
    assert _answers(shell, repo) == plain, "a second run, from the cache"
    shutil.rmtree(shell.cache)
    assert _answers(shell, repo) == plain, "the cache was deleted"


def test_where_it_is_run(shell: Shell, repo: Path, plain: list[tuple[int, str, str]]) -> None:
    for command, expected in zip(_COMMANDS, plain, strict=True):
        done = shell.run(*("." if part == "REPO" else part for part in command), cwd=repo)
        assert (done.returncode, done.stdout.replace(str(repo), "REPO"), done.stderr) == expected
