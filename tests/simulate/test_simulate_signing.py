"""Signatures with the person's own settings, before the ids are shown."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from support.repos import RepoBuilder, git, program

from branchsim.errors import GitError
from branchsim.plan import Commit, FileChange, Plan, Promotion, PullRequest, Start, Tag
from branchsim.simulate import execute, read_simulation, save, simulate, undo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RITA = "Rita Release <rita@example.com>"
AT = 1_750_000_000

# Stands for gpg: it signs with a line that tells how often it was asked.
_FAKE = """#!/bin/sh
case "$*" in *--verify*) exit 1;; esac
cat >/dev/null
echo x >>"$0.asked"
echo "[GNUPG:] SIG_CREATED D" >&2
printf -- '-----BEGIN PGP SIGNATURE-----\\n\\n%s\\n-----END PGP SIGNATURE-----\\n' "$(wc -l <"$0.asked")"
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration of a person, in a home of their own."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)
    return home / ".gitconfig"


@pytest.fixture
def gpg(settings: Path, tmp_path: Path) -> Callable[[], int]:
    """A signing program; how often it was asked."""
    made = program(tmp_path / "gpg", _FAKE)
    settings.write_text(f"[user]\n\tsigningKey = rita\n[gpg]\n\tprogram = {made}\n")
    return lambda: len(asked.read_text()) // 2 if (asked := tmp_path / "gpg.asked").exists() else 0


@pytest.fixture
def repo(tmp_path: Path) -> RepoBuilder:
    builder = RepoBuilder(tmp_path / "repo")
    base = builder.commit("integration", {"a.txt": "a\n"}, author="Ö <o@example.com>")
    for name in ("preprod", "production"):
        builder.branch(name, base)
    builder.commit("integration", {"b.txt": "b\n"})
    builder.finish()
    return builder


START = Start("hotfix/login", at="preprod")
FIX = Commit("hotfix/login", message="Fix the login\n\nIt was broken.", files=(FileChange("a.txt", b"fixed\n"),))
PLAN = Plan(
    "login",
    (
        START,
        FIX,
        PullRequest("hotfix/login", "preprod"),
        PullRequest("preprod", "production", purpose="promote"),
        Tag("v1.1", at="production", message="Hotfix"),
        PullRequest("hotfix/login", "integration", purpose="retrofit"),
    ),
    author=RITA,
    at=AT,
    forecast=(Promotion(source="integration", target="preprod"),),
    sign=True,
)


def test_ssh_signatures_verify_and_the_very_commits_are_executed(
    settings: Path, repo: RepoBuilder, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "rita", "-f", str(key)], check=True)
    allowed = tmp_path / "allowed"
    allowed.write_text(f"rita@example.com {key.with_suffix('.pub').read_text()}")
    settings.write_text(
        f'[gpg]\n\tformat = ssh\n[gpg "ssh"]\n\tallowedSignersFile = {allowed}\n[user]\n\tsigningKey = {key}\n'
    )
    found = simulate(PLAN, repo.path)
    assert found.outcome == "clean"
    assert simulate(PLAN, repo.path).moves == found.moves  # such a signature does not hold the time
    save(found, tmp_path / "simulation.json")
    receipt = execute(read_simulation(tmp_path / "simulation.json"), repo.path)
    assert {move.ref: move.after for move in receipt.moves} == {move.ref: move.after for move in found.moves}
    made = {sha for result in found.results for sha in result.commits}
    assert len(made) == 4
    ssh = ("-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={allowed}")
    for sha in made:
        git(repo.path, *ssh, "verify-commit", sha)
        assert git(repo.path, "show", "-s", "--format=%an <%ae>|%cn <%ce>", sha) == f"{RITA}|{RITA}"
    git(repo.path, *ssh, "verify-tag", "v1.1")
    assert git(repo.path, "show", "-s", "--format=%at %ct %B", "hotfix/login") == (
        f"{AT} {AT} Fix the login\n\nIt was broken.\n"
    )


@pytest.mark.usefixtures("gpg")
def test_a_signed_commit_is_the_plain_one_and_a_signature(repo: RepoBuilder) -> None:
    signed = Plan("p", (START, FIX), author=RITA, at=AT, sign=True)
    execute(simulate(signed, repo.path), repo.path)
    content = git(repo.path, "cat-file", "commit", "hotfix/login")
    lines = content.split("\n")
    start = next(number for number, line in enumerate(lines) if line.startswith("gpgsig -----BEGIN PGP SIGNATURE"))
    end = next(number for number, line in enumerate(lines) if line.startswith(" -----END"))
    undo(repo.path)
    execute(simulate(signed.replace(sign=False), repo.path), repo.path)
    assert lines[:start] + lines[end + 1 :] == git(repo.path, "cat-file", "commit", "hotfix/login").split("\n")


def test_only_what_is_executed_is_signed_and_each_once(gpg: Callable[[], int], repo: RepoBuilder) -> None:
    found = simulate(PLAN, repo.path)
    assert {each.variant for each in found.expected} == {"with-retrofit", "without-retrofit"}
    assert gpg() == 5  # four commits and the tag, though the plan ran twice and promotions came after it


def test_nothing_is_signed_unless_the_plan_says_so(gpg: Callable[[], int], settings: Path, repo: RepoBuilder) -> None:
    settings.write_text(settings.read_text() + "[commit]\n\tgpgSign = true\n[tag]\n\tgpgSign = true\n")
    execute(simulate(PLAN.replace(sign=False), repo.path), repo.path)
    assert gpg() == 0


@pytest.mark.usefixtures("gpg")
def test_picked_commits_keep_their_author_and_are_signed(repo: RepoBuilder) -> None:
    repo.commit(
        "integration", {"c.txt": "c\n"}, author="Jörg <j@example.com>", message="Über\n\nText.\n", at=1_700_000_001
    )
    repo.finish()
    plan = Plan("p", (Commit("production", picks=("integration",)),), author=RITA, sign=True)
    execute(simulate(plan, repo.path), repo.path)
    assert git(repo.path, "show", "-s", "--format=%an <%ae> %at %cn", "production") == (
        "Jörg <j@example.com> 1700000001 Rita Release"
    )
    assert "gpgsig" in git(repo.path, "cat-file", "commit", "production")


def test_the_key_may_be_set_in_the_repository_the_program_may_not(
    settings: Path, repo: RepoBuilder, tmp_path: Path
) -> None:
    trap = program(tmp_path / "trap", f"#!/bin/sh\ntouch '{tmp_path}/sprung'\n")
    fake = program(tmp_path / "gpg", _FAKE.replace("cat >/dev/null", f'cat >/dev/null; echo "$*" >"{tmp_path}/how"'))
    settings.write_text(f"[gpg]\n\tprogram = {fake}\n")
    git(repo.path, "config", "user.signingKey", "the-key-of-the-repository")
    git(repo.path, "config", "gpg.program", str(trap))
    simulate(PLAN, repo.path)
    assert "the-key-of-the-repository" in (tmp_path / "how").read_text()
    assert not (tmp_path / "sprung").exists()


def test_a_key_that_is_not_there_is_one_sentence(settings: Path, repo: RepoBuilder, tmp_path: Path) -> None:
    settings.write_text(f"[gpg]\n\tformat = ssh\n[user]\n\tsigningKey = {tmp_path}/none\n")
    with pytest.raises(GitError, match=r"^nothing could be signed: .*none.*; check that 'git commit -S' works for you"):
        simulate(PLAN, repo.path)
