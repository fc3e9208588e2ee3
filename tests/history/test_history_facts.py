"""The cache of facts: it saves work and never changes an answer."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.cli import ROOT
from support.forks import CODE, Fork, block, edited
from support.machine import open_directory, unprivileged
from support.repos import git

import branchsim.history.facts as module
from branchsim.git import versions
from branchsim.git.hunks import read_plain
from branchsim.git.log import Commit, read_commits
from branchsim.git.patches import SCHEMA, PatchFacts, Watch, read_patches
from branchsim.git.repository import Repository
from branchsim.git.scratch import Scratch
from branchsim.history.facts import CacheWarning, FactCache, Patches, default_cache
from branchsim.names import Sha


@pytest.fixture
def fork(tmp_path: Path) -> Fork:
    made = Fork(tmp_path / "repo")
    for number in range(6):
        fix = made.on_source(
            {f"part{number}.c": block(f"part{number}"), "app.c": edited(CODE, number)}, f"Fix {number}"
        )
        if number % 2:
            made.on_target({f"more{number}.c": block(f"more{number}")}, f"More {number}")
            made.pick(fix, files={f"part{number}.c": block(f"part{number}")})
    made.on_source({"logo.png": b"\0\1\2" * 40}, "Draw the logo")
    made.repo.finish()
    return made


def read(path: Path, cache: Path | None) -> tuple[dict[Sha, PatchFacts], dict[Sha, str]]:
    """The facts and the patch-ids of every commit."""
    with Repository(path) as repository:
        commits = list(read_commits(repository.scratch, ["source", "target"]))
        patches = Patches(repository.scratch, FactCache(cache))
        return patches.read(commits), patches.patch_ids(commits)


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no patch is read."""

    def refuse(_scratch: object, wanted: object, **_options: object) -> tuple[dict[str, str], dict[str, str]]:
        assert not wanted, "a patch was read again"
        return {}, {}

    monkeypatch.setattr(module, "read_patches", refuse)
    monkeypatch.setattr(module, "stable_patch_ids", lambda scratch, wanted: refuse(scratch, wanted)[0])


def test_facts_are_gits_own_patch_ids(fork: Fork) -> None:
    facts, ids = read(fork.repo.path, None)
    for sha in git(fork.repo.path, "rev-list", "source", "target").split():
        patch = git(fork.repo.path, "diff-tree", "-p", "--root", "--full-index", sha).encode()
        listed = git(fork.repo.path, "patch-id", "--stable", stdin=patch + b"\n").split()
        assert ids.get(Sha(sha)) == (listed[0] if listed else None)
        assert Sha(sha) in facts


def test_a_second_reading_reads_nothing(fork: Fork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read(fork.repo.path, tmp_path / "cache")
    forbid(monkeypatch)
    assert read(fork.repo.path, tmp_path / "cache") == first


def test_answers_are_the_same_with_and_without(fork: Fork, tmp_path: Path) -> None:
    plain = fork.match().to_dict()
    assert fork.match(cache=tmp_path / "cache").to_dict() == plain
    assert fork.match(cache=tmp_path / "cache").to_dict() == plain
    assert len(plain["matches"]) == 3


def test_a_cache_may_be_deleted_at_any_time(fork: Fork, tmp_path: Path) -> None:
    cache = FactCache(tmp_path / "cache")
    first = read(fork.repo.path, tmp_path / "cache")
    assert cache.path is not None
    cache.path.unlink()
    assert read(fork.repo.path, tmp_path / "cache") == first


def test_the_name_of_the_file_holds_the_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = FactCache(tmp_path).path
    assert path is not None
    assert f"-{SCHEMA}-" in path.name
    assert ".".join(map(str, versions.installed())) in path.name
    monkeypatch.setattr(module, "SCHEMA", SCHEMA + 1)
    later = FactCache(tmp_path).path
    assert later is not None
    assert later != path


def test_facts_of_another_version_are_not_used(fork: Fork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read(fork.repo.path, tmp_path)
    cache = FactCache(tmp_path)
    assert cache.path is not None
    with closing(sqlite3.connect(cache.path)) as connection, connection:
        connection.execute("UPDATE patch SET zero = x'00', changed = 99")
        connection.execute("UPDATE patch_id SET id = 'wrong'")
    assert read(fork.repo.path, tmp_path) != first
    monkeypatch.setattr(module, "SCHEMA", SCHEMA + 1)
    assert read(fork.repo.path, tmp_path) == first


@pytest.mark.parametrize("content", [b"this is no database" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_costs_a_warning_and_nothing_else(fork: Fork, tmp_path: Path, content: bytes) -> None:
    plain = fork.match().to_dict()
    path = FactCache(tmp_path / "cache").path
    assert path is not None
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.warns(CacheWarning, match="going on without it, and it has been removed"):
        found = fork.match(cache=tmp_path / "cache")
    assert found.to_dict() == plain
    # The next run makes it anew and says nothing.
    assert fork.match(cache=tmp_path / "cache").to_dict() == plain
    assert path.exists()


def test_a_file_cut_short_costs_a_warning_and_nothing_else(fork: Fork, tmp_path: Path) -> None:
    first = read(fork.repo.path, tmp_path)
    path = FactCache(tmp_path).path
    assert path is not None
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CacheWarning)
        assert read(fork.repo.path, tmp_path) == first


def test_tables_of_another_shape_cost_a_warning_and_nothing_else(fork: Fork, tmp_path: Path) -> None:
    plain = fork.match().to_dict()
    path = FactCache(tmp_path).path
    assert path is not None
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE patch (other TEXT)")
    with pytest.warns(CacheWarning):
        found = fork.match(cache=tmp_path)
    assert found.to_dict() == plain


def test_a_directory_that_cannot_be_written_costs_a_warning_and_nothing_else(fork: Fork) -> None:
    with Repository(fork.repo.path) as repository:
        commits = list(read_commits(repository.scratch, ["source"]))
        patches = Patches(repository.scratch)
        pairs, facts = patches.pairs(commits), patches.read(commits)
    with open_directory() as directory:
        directory.chmod(0o555)
        cache = FactCache(directory / "cache")
        with unprivileged():
            with pytest.warns(CacheWarning, match="going on without it"):
                cache.put({pairs[sha]: fact for sha, fact in facts.items()})
            # One warning is enough.
            cache.put({pairs[sha]: fact for sha, fact in facts.items()})
            assert cache.get(list(pairs.values())) == {}
        assert list(directory.iterdir()) == []


def test_a_file_in_place_of_the_directory_costs_one_warning_and_nothing_else(fork: Fork, tmp_path: Path) -> None:
    plain = fork.match().to_dict()
    (tmp_path / "cache").write_text("in the way")
    with pytest.warns(CacheWarning, match="going on without it") as caught:
        found = fork.match(cache=tmp_path / "cache")
    assert found.to_dict() == plain
    assert len(caught) == 1


SCRIPT = """
import json, sys
from branchsim.audit.match import match
for _ in range(3):
    found = match(sys.argv[1], "source", "target", cache=sys.argv[2])
print(json.dumps(found.to_dict(), sort_keys=True))
"""


def test_two_processes_at_once_agree(fork: Fork, tmp_path: Path) -> None:
    plain = fork.match().to_dict()
    arguments = [sys.executable, "-W", "error", "-c", SCRIPT, str(fork.repo.path), str(tmp_path / "cache")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = [subprocess.Popen(arguments, stdout=subprocess.PIPE, env=environment) for _ in range(2)]
    for process in running:
        with process:
            out, _ = process.communicate(timeout=100)
        assert process.returncode == 0
        assert json.loads(out) == plain


def test_facts_of_two_repositories_share_a_file(fork: Fork, tmp_path: Path) -> None:
    other = Fork(tmp_path / "other")
    other.pick(other.on_source({"other.c": block("other")}, "Add the other"))
    first = read(fork.repo.path, tmp_path / "cache")
    second = read(other.repo.finish(), tmp_path / "cache")
    assert (read(fork.repo.path, tmp_path / "cache"), read(other.repo.path, tmp_path / "cache")) == (first, second)
    assert len(list((tmp_path / "cache").glob("*.sqlite"))) == 1


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BRANCHSIM_CACHE", str(tmp_path / "chosen"))
    assert default_cache() == tmp_path / "chosen"
    monkeypatch.delenv("BRANCHSIM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache() == tmp_path / "xdg" / "branchsim"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache() == tmp_path / ".cache" / "branchsim"


def test_no_cache_leaves_no_file(fork: Fork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRANCHSIM_CACHE", str(tmp_path / "chosen"))
    fork.match(cache=None)
    assert not (tmp_path / "chosen").exists()
    fork.match(cache="default")
    assert (tmp_path / "chosen").exists()


def test_what_cannot_be_read_is_named_and_not_kept(fork: Fork, tmp_path: Path) -> None:
    blob = git(fork.repo.path, "rev-parse", "source:part5.c")
    whole = read(fork.repo.path, None)[0]
    broken = tmp_path / "broken"
    git(tmp_path, "clone", "-q", "--bare", str(fork.repo.path), str(broken))
    packs = list((broken / "objects/pack").glob("*.pack"))
    for pack in packs:
        moved = tmp_path / pack.name
        pack.rename(moved)
        for other in (broken / "objects/pack").glob(f"{pack.stem}.*"):
            other.unlink()
        git(broken, "unpack-objects", "-q", stdin=moved.read_bytes())
    (broken / "objects" / blob[:2] / blob[2:]).unlink()
    with Repository(broken) as repository:
        commits: list[Commit] = list(read_commits(repository.scratch, ["source", "target"]))
        patches = Patches(repository.scratch, FactCache(tmp_path / "cache"))
        facts = patches.read(commits)
        touching = {commit.sha for commit in commits if any(change.path == b"part5.c" for change in commit.changes)}
    assert len(touching) == 2
    assert set(patches.skipped) == touching
    assert facts == {sha: fact for sha, fact in whole.items() if sha not in touching}
    assert read(fork.repo.path, tmp_path / "cache")[0] == whole


def test_commits_with_one_change_are_read_once(fork: Fork, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Sha, Sha]] = []

    def counted(scratch: Scratch, wanted: list[tuple[Sha, Sha]], **options: Any) -> Any:
        asked.extend(wanted)
        return read_patches(scratch, wanted, **options)

    fix = fork.on_source({"same.c": block("same")}, "Fix the same")
    fork.pick(fix, files={"same.c": block("same")})
    fork.repo.finish()
    monkeypatch.setattr(module, "read_patches", counted)
    facts, _ = read(fork.repo.path, None)
    one, other = (Sha(git(fork.repo.path, "rev-parse", name).strip()) for name in ("source", "target"))
    assert facts[one] == facts[other]
    assert facts[one].changed > 0
    assert len(asked) == len(facts) - 1


def test_what_is_read_ahead_is_what_is_read_when_it_is_asked_for(fork: Fork) -> None:
    fork.repo.finish()
    with Repository(fork.repo.path) as repository:
        commits = list(read_commits(repository.scratch, ["source", "target"]))
        expected = Patches(repository.scratch).read(commits)
        patches = Patches(repository.scratch)
        pairs = patches.pairs(commits)
        plain = [pairs[c.sha] for c in commits[4:]]
        # Of some commits the facts and the text are wanted, of others one of the two.
        watch = Watch(plain, lambda pair, text: (pair, text))
        with patches.ahead(commits[:9], watch):
            assert patches.read(commits) == expected
            patches.watched()
        texts: dict[tuple[Sha, Sha], bytes] = {}
        read_plain(repository.scratch, plain, texts.__setitem__)
        assert watch.seen == {pair: (pair, text) for pair, text in texts.items()}
        assert set(watch.seen) == set(plain)
        with patches.ahead(commits, Watch(plain, lambda *_: None)):
            pass  # nobody asks, and nobody waits
