"""What an audit and a scan found, kept: taken again only where nothing has changed that it follows from."""

from __future__ import annotations

import contextlib
import enum
import json
import os
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.cli import ROOT
from support.damage import lose
from support.delivery import CODE, Story, edited
from support.forks import Fork
from support.histories import Step, build, histories
from support.machine import open_directory, unprivileged
from support.repos import git

import branchsim.audit.audit as auditing
import branchsim.audit.match as matching
import branchsim.audit.scan as scanning
import branchsim.history.results as keeping
from branchsim.audit import memo
from branchsim.audit.audit import Audit
from branchsim.audit.losses import LossReader
from branchsim.audit.match import match
from branchsim.audit.memo import packed, unpacked
from branchsim.audit.scan import scan
from branchsim.audit.suspects import Suspects
from branchsim.git import versions
from branchsim.git.log import Commit, read_commits
from branchsim.git.repository import Repository
from branchsim.history.facts import CacheWarning
from branchsim.history.results import ResultCache
from branchsim.topology import PathGlobs, Topology, Waiver

BUILD_RUN = Topology.build_run()


@pytest.fixture
def story(tmp_path: Path) -> Story:
    made = Story(tmp_path / "repo")
    made.feature("search", {"search.c": "int search(void) { return 1; }\n"})
    made.hotfix("login", {"app.c": edited(CODE, 7, "700")})
    made.merge("hotfix/login", "integration", files={"app.c": CODE})
    made.hotfix("logout", {"app.c": edited(edited(CODE, 7, "700"), 3, "300")})
    made.release()
    made.repo.finish()
    return made


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Gains an entry whenever an audit or a scan is computed."""
    done: list[str] = []
    find, whole = auditing._Asked.find, scanning._scan

    def counted(asked: Any) -> Any:
        done.append("audit")
        return find(asked)

    def scanned(*arguments: Any) -> Any:
        done.append("scan")
        return whole(*arguments)

    monkeypatch.setattr(auditing._Asked, "find", counted)
    monkeypatch.setattr(scanning, "_scan", scanned)
    return done


def ask(path: Path, cache: Path | None, topology: Topology | None = BUILD_RUN, **options: Any) -> Audit:
    return auditing.audit(path, topology, cache=cache, **options)


def test_the_second_answer_is_the_first_and_takes_no_reading(story: Story, tmp_path: Path, computed: list[str]) -> None:
    first = ask(story.repo.path, tmp_path / "cache")
    again = ask(story.repo.path, tmp_path / "cache")
    assert computed == ["audit"]
    assert again.to_dict() == first.to_dict() == ask(story.repo.path, None).to_dict()
    assert first.overwrite_records
    for name in ("records", "overwrite_records", "leak_records", "window_records", "fitness_records", "topology"):
        assert getattr(again, name) == getattr(first, name)
    # What is not kept is read when it is asked for.
    assert again.landings.equals(first.landings)
    assert again.changes.equals(first.changes)


def test_a_match_is_kept_for_its_tips_and_options(
    story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    compared = matching._compared

    def counted(*arguments: Any, **options: Any) -> Any:
        asked.append(options)
        return compared(*arguments, **options)

    def ask(**options: Any) -> Any:
        return match(story.repo.path, "preprod", "integration", cache=tmp_path / "cache", **options)

    monkeypatch.setattr(matching, "_compared", counted)
    first = ask()
    again = ask()
    assert len(asked) == 1
    assert (again, repr(again)) == (first, repr(first))
    assert again.to_dict() == match(story.repo.path, "preprod", "integration", cache=None).to_dict()
    assert ask(trailers=False) == ask(trailers=False)
    assert ask(hunks=True) == ask(hunks=True)
    assert len(asked) == 4
    # A commit that is on neither side may be what a trailer names.
    story.repo.branch("other", "production")
    story.repo.commit("other", {"app.c": CODE}, subject="Elsewhere")
    story.repo.finish()
    assert ask() == first
    assert len(asked) == 5


def test_a_guess_is_kept_too(story: Story, tmp_path: Path, computed: list[str]) -> None:
    first = ask(story.repo.path, tmp_path / "cache", None)
    assert ask(story.repo.path, tmp_path / "cache", None).to_dict() == first.to_dict()
    assert first.reasons
    assert computed == ["audit"]


def _commit(story: Story, _: pytest.MonkeyPatch) -> dict[str, Any]:
    story.repo.commit("preprod", {"app.c": CODE}, subject="Save my work")
    story.repo.finish()
    return {}


def _tag(story: Story, _: pytest.MonkeyPatch) -> dict[str, Any]:
    story.repo.tag("v1", "production")
    story.repo.finish()
    return {}


def _head(story: Story, _: pytest.MonkeyPatch) -> dict[str, Any]:
    git(story.repo.path, "symbolic-ref", "HEAD", "refs/heads/uat")
    return {}


def _reflog(story: Story, _: pytest.MonkeyPatch) -> dict[str, Any]:
    sha = story.repo["preprod"]
    move = ("-c", "core.logAllRefUpdates=true", "update-ref", "--create-reflog", "-m", "reset", "refs/heads/preprod")
    git(story.repo.path, *move, f"{sha}^1")
    git(story.repo.path, *move, sha)
    return {}


def _shallow(story: Story, _: pytest.MonkeyPatch) -> dict[str, Any]:
    (story.repo.path / ".git" / "shallow").write_text(git(story.repo.path, "rev-parse", "integration~2") + "\n")
    return {}


def _topology(_: Story, __: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"topology": BUILD_RUN.replace(waivers=(Waiver(path="app.c", reason="rewritten in BUILD"),))}


def _until(_: Story, __: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"until": "2024-01-01T04:30:00"}


def _since(_: Story, __: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"since": "2024-01-01T04:30:00"}


def _trailers(_: Story, __: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"trailers": False}


def _checks(_: Story, __: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"checks": ("obligations",)}


def _git(_: Story, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    patch.setattr(versions, "installed", lambda: (9, 9, 9))
    keeping.code_digest.cache_clear()
    return {}


def _code(_: Story, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    read = Path.read_bytes
    patch.setattr(Path, "read_bytes", lambda path: read(path) + (b"# new\n" if path.name == "ranks.py" else b""))
    keeping.code_digest.cache_clear()
    return {}


@pytest.mark.parametrize(
    "change",
    [_commit, _tag, _head, _reflog, _shallow, _topology, _until, _since, _trailers, _checks, _git, _code],
    ids=lambda change: change.__name__.strip("_"),
)
def test_a_result_is_not_taken_where_something_has_changed(
    change: Callable[[Story, pytest.MonkeyPatch], dict[str, Any]],
    story: Story,
    tmp_path: Path,
    computed: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask(story.repo.path, tmp_path / "cache")
    with monkeypatch.context() as patch:
        options = change(story, patch)
        found = ask(story.repo.path, tmp_path / "cache", **options)
        assert computed == ["audit", "audit"]
        assert found.to_dict() == ask(story.repo.path, None, **options).to_dict()
    keeping.code_digest.cache_clear()


def _as_partial(story: Story) -> Path:
    """The repository as a partial clone would have it: packed, and marked as one from which objects may be missing."""
    git(story.repo.path, "repack", "-adq")
    (pack,) = (story.repo.path / ".git/objects/pack").glob("*.pack")
    marked = pack.with_suffix(".promisor")
    marked.touch()
    return marked


def test_in_a_partial_clone_it_matters_which_objects_there_are(
    story: Story, tmp_path: Path, computed: list[str]
) -> None:
    _as_partial(story)
    first = ask(story.repo.path, tmp_path / "cache")
    assert ask(story.repo.path, tmp_path / "cache").to_dict() == first.to_dict()
    assert computed == ["audit"]
    git(story.repo.path, "hash-object", "-w", "--stdin", stdin=b"fetched since\n")
    assert ask(story.repo.path, tmp_path / "cache").to_dict() == first.to_dict()
    assert computed == ["audit"] * 2


def test_of_a_partial_clone_that_borrows_objects_nothing_is_kept(
    story: Story, tmp_path: Path, computed: list[str]
) -> None:
    _as_partial(story)
    (tmp_path / "other").mkdir()
    (story.repo.path / ".git/objects/info").mkdir(exist_ok=True)
    (story.repo.path / ".git/objects/info/alternates").write_text(f"{tmp_path / 'other'}\n")
    for _ in range(2):
        ask(story.repo.path, tmp_path / "cache")
    assert computed == ["audit"] * 2


@pytest.mark.parametrize("of", ["source", "target"])
def test_a_match_in_which_something_could_not_be_read_is_read_again(tmp_path: Path, of: str) -> None:
    fork = Fork(tmp_path / "repo")
    fix = fork.on_source({"app.c": edited(CODE, 7, "700")}, "Fix the login")
    # To pick the fix git looks for what was moved; a patch that touches no file of that name need not be read.
    fork.on_target({"moved.c": edited(CODE, 30, "3")}, "Write another module", author="Bob <bob@example.com>")
    fork.on_target({"app.c": None}, "Remove what nobody uses", author="Bob <bob@example.com>")
    path = fork.repo.finish()
    blob = git(path, "rev-parse", {"source": "source:app.c", "target": "target:moved.c"}[of])
    held = git(path, "cat-file", "blob", blob)
    lose(path, blob)

    def skipped() -> dict[str, str]:
        return {each.what: each.reason for each in fork.match(cache=tmp_path / "cache").skipped}

    # Why its own patch could not be read says more than that it could not be tried.
    assert skipped()[fix].startswith("git could not try it on the target: ") == (of == "target")
    assert blob in skipped()[fix]
    git(path, "hash-object", "-w", "--stdin", stdin=held.encode() + b"\n")
    assert skipped() == {}


def test_what_could_not_be_read_is_read_again(story: Story, tmp_path: Path, computed: list[str]) -> None:
    blob = git(story.repo.path, "rev-parse", "hotfix/login:app.c")
    git(story.repo.path, "repack", "-adq")
    (pack,) = (story.repo.path / ".git/objects/pack").glob("*.pack")
    content = pack.read_bytes()
    for part in pack.parent.glob(f"{pack.stem}.*"):
        part.unlink()
    git(story.repo.path, "unpack-objects", "-q", stdin=content)
    loose = story.repo.path / ".git/objects" / blob[:2] / blob[2:]
    held = loose.read_bytes()
    loose.unlink()
    broken = ask(story.repo.path, tmp_path / "cache")
    assert broken.skipped
    loose.write_bytes(held)
    mended = ask(story.repo.path, tmp_path / "cache")
    assert computed == ["audit"] * 2
    assert not mended.skipped


def scanned(path: Path, cache: Path | None) -> list[Any]:
    with Repository(path) as repository:
        return list(scan(repository, cache=cache))


def test_a_scan_is_kept_until_a_branch_moves(story: Story, tmp_path: Path, computed: list[str]) -> None:
    first = scanned(story.repo.path, tmp_path / "cache")
    again = scanned(story.repo.path, tmp_path / "cache")
    assert computed == ["scan"]
    assert first == again == scanned(story.repo.path, None)
    assert any(each.records for each in first)
    assert [type(each.left_out) for each in again] == [Counter] * len(again)
    computed.clear()
    # Who brings a loss back later is a part of the result.
    story.repo.commit("integration", {"app.c": edited(edited(CODE, 7, "700"), 3, "300")}, subject="Restore the fix")
    story.repo.finish()
    moved = scanned(story.repo.path, tmp_path / "cache")
    assert computed == ["scan"]
    assert moved == scanned(story.repo.path, None) != first


def test_a_scan_that_was_not_read_to_its_end_is_not_kept(story: Story, tmp_path: Path, computed: list[str]) -> None:
    with Repository(story.repo.path) as repository:
        next(scan(repository, cache=tmp_path / "cache"))
    assert scanned(story.repo.path, tmp_path / "cache") == scanned(story.repo.path, None)
    assert computed == ["scan"] * 3


@pytest.fixture
def redone(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The parents of every merge that a scan looks at."""
    done: list[tuple[str, str]] = []
    lossy = Suspects.lossy

    def counted(
        suspects: Suspects, reader: LossReader, merges: Sequence[Commit], left_out: Counter[str]
    ) -> list[Commit]:
        done.extend((merge.parents[0], merge.parents[1]) for merge in merges)
        return lossy(suspects, reader, merges, left_out)

    monkeypatch.setattr(Suspects, "lossy", counted)
    return done


def test_after_one_more_commit_only_what_it_bears_on_is_looked_at_again(
    story: Story, tmp_path: Path, redone: list[tuple[str, str]]
) -> None:
    cache = tmp_path / "cache"
    (lossy,) = [each.commit for each in scanned(story.repo.path, cache) if each.records]
    assert len(redone) > 1
    redone.clear()
    story.repo.commit("integration", {"other.c": "int other;\n"})
    story.repo.finish()
    assert scanned(story.repo.path, cache) == scanned(story.repo.path, None)
    redone.clear()
    # What touches the path that lost something may have brought it back; a new merge is looked at for the first time.
    story.repo.commit("integration", {"app.c": edited(edited(CODE, 7, "700"), 3, "300")}, subject="Restore the fix")
    story.repo.branch("topic", "integration")
    story.repo.commit("topic", {"topic.c": "int topic;\n"})
    story.repo.commit("integration", {"again.c": "int again;\n"})
    merge = story.repo.merge(into="integration", source="topic")
    story.repo.finish()
    moved = scanned(story.repo.path, cache)
    with Repository(story.repo.path) as repository:
        parents = {
            commit.sha: (commit.parents[0], commit.parents[1])
            for commit in read_commits(repository.scratch, [lossy, merge], options=("--no-walk",))
        }
    assert sorted(redone) == sorted(parents.values())
    assert moved == scanned(story.repo.path, None)
    assert any(each.restored_by for found in moved for each in found.records)


def test_what_is_known_of_merges_is_not_taken_from_another_version(
    story: Story, tmp_path: Path, redone: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    scanned(story.repo.path, cache)
    everything = sorted(redone)
    for change in ("code", "ignored", "attributes"):
        redone.clear()
        if change == "code":
            monkeypatch.setattr(memo, "code_digest", lambda: b"another version")
        if change == "attributes":
            story.repo.commit("integration", {".gitattributes": "app.c linguist-generated\n"})
            story.repo.checkout("integration")
            story.repo.finish()
        ignore = PathGlobs(("app.*",)) if change == "ignored" else None
        with Repository(story.repo.path) as repository:
            found = list(scan(repository, ignore=ignore, cache=cache))
            assert sorted(redone) == everything
            assert found == list(scan(repository, ignore=ignore))
        assert any(each.records for each in found) == (change == "code")


@settings(max_examples=15, deadline=None)
@given(steps=histories(most=10), data=st.data())
def test_a_history_that_grows_is_scanned_as_if_for_the_first_time(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step], data: st.DataObject
) -> None:
    place = tmp_path_factory.mktemp("m")
    for turn, length in enumerate([data.draw(st.integers(1, len(steps))), len(steps)]):
        build(place / f"{turn}", steps[:length])
        assert scanned(place / f"{turn}", place / "cache") == scanned(place / f"{turn}", None)


# -- records as bytes ----------------------------------------------------------------------------------------------


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Inner:
    name: str
    colour: Colour
    at: int | None


@dataclass(frozen=True)
class Outer:
    inner: Inner
    maybe: Inner | None
    several: tuple[Inner, ...]
    pair: tuple[str, Colour]
    counts: Counter[str]
    rank: float
    flag: bool


INNER = st.builds(Inner, st.text(st.characters()), st.sampled_from(Colour), st.none() | st.integers())
OUTER = st.builds(
    Outer,
    inner=INNER,
    maybe=st.none() | INNER,
    several=st.lists(INNER, max_size=3).map(tuple),
    pair=st.tuples(st.text(), st.sampled_from(Colour)),
    counts=st.dictionaries(st.text(), st.integers(0)).map(Counter),
    rank=st.floats(allow_nan=False),
    flag=st.booleans(),
)
KINDS = {"all": tuple[Outer, ...], "one": Outer | None, "text": str}


@given(several=st.lists(OUTER, max_size=3).map(tuple), one=st.none() | OUTER, text=st.text(st.characters()))
def test_records_come_back_as_they_were(several: tuple[Outer, ...], one: Outer | None, text: str) -> None:
    given_fields = {"all": several, "one": one, "text": text}
    assert unpacked(packed(given_fields), KINDS) == given_fields


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["all", "one", "text"]), inner),
    max_leaves=8,
)


@given(content=st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_anything_else_is_refused_or_read_as_something(content: bytes) -> None:
    with contextlib.suppress(ValueError):  # and no other error
        assert unpacked(content, KINDS).keys() == KINDS.keys()


# -- the file ------------------------------------------------------------------------------------------------------


def test_results_are_kept_and_those_used_last_stay(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path)
    assert cache.get(b"0") is None
    for number in range(70):
        cache.put(b"%d" % number, b"value %d" % number * 100)
        assert cache.get(b"0") == b"value 0" * 100
    assert cache.get(b"1") is None
    assert cache.get(b"69") == b"value 69" * 100


def test_without_a_directory_nothing_is_kept() -> None:
    cache = ResultCache(None)
    cache.put(b"1", b"one")
    assert cache.get(b"1") is None


def test_a_damaged_file_costs_a_warning_and_is_made_anew(story: Story, tmp_path: Path) -> None:
    plain = ask(story.repo.path, tmp_path / "cache").to_dict()
    (kept,) = (tmp_path / "cache").glob("results-*")
    kept.write_bytes(b"no database" * 500)
    with pytest.warns(CacheWarning, match="made|makes it anew") as caught:
        assert ask(story.repo.path, tmp_path / "cache").to_dict() == plain
    assert len(caught) == 1
    ask(story.repo.path, tmp_path / "cache")
    assert ResultCache(tmp_path / "cache").path == kept
    assert kept.read_bytes()[:6] == b"SQLite"


@pytest.mark.parametrize("value", [b"no such compression", b"", b"x\x9c\x03\x00\x00\x00\x00\x01"])
def test_a_damaged_result_is_computed_again(value: bytes, story: Story, tmp_path: Path, computed: list[str]) -> None:
    plain = ask(story.repo.path, tmp_path / "cache").to_dict()
    with contextlib.closing(ResultCache(tmp_path / "cache")._connect()) as connection, connection:
        connection.execute("UPDATE result SET value = ?", (value,))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CacheWarning)
        assert ask(story.repo.path, tmp_path / "cache").to_dict() == plain
    assert computed == ["audit"] * 2


def test_a_full_disk_costs_a_warning_and_nothing_else(
    story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = ResultCache._connect

    def small(cache: ResultCache) -> Any:
        connection = connect(cache)
        connection.execute("PRAGMA max_page_count = 2")
        return connection

    monkeypatch.setattr(ResultCache, "_connect", small)
    with pytest.warns(CacheWarning, match="full") as caught:
        found = ask(story.repo.path, tmp_path / "cache")
    assert len(caught) == 1
    assert found.to_dict() == ask(story.repo.path, None).to_dict()


def test_a_directory_that_cannot_be_written_costs_a_warning(story: Story) -> None:
    plain = ask(story.repo.path, None).to_dict()
    with open_directory() as directory:
        directory.chmod(0o555)
        cache = ResultCache(directory / "cache")
        with unprivileged():
            with pytest.warns(CacheWarning, match="going on without it"):
                cache.put(b"key", json.dumps(plain).encode())
            assert cache.get(b"key") is None
        assert list(directory.iterdir()) == []


SCRIPT = """
import json, sys
from branchsim import Topology, audit
for _ in range(3):
    found = audit(sys.argv[1], Topology.build_run(), cache=sys.argv[2])
print(json.dumps(found.to_dict(), sort_keys=True))
"""


def test_two_processes_at_once_agree(story: Story, tmp_path: Path) -> None:
    plain = ask(story.repo.path, None).to_dict()
    arguments = [sys.executable, "-W", "error", "-c", SCRIPT, str(story.repo.path), str(tmp_path / "cache")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = [subprocess.Popen(arguments, stdout=subprocess.PIPE, env=environment) for _ in range(2)]
    for process in running:
        with process:
            out, _ = process.communicate(timeout=100)
        assert process.returncode == 0
        assert json.loads(out) == plain
