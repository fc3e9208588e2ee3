"""The small sample is what its generator makes, and an audit of it says what is true of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from branchsim.audit.audit import Audit, audit
from branchsim.git.log import read_commits
from branchsim.git.objects import ObjectInfo, ObjectReader
from branchsim.git.repository import Repository
from branchsim.sample import Truth, build, load, read_stream, read_truth


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return load("story", tmp_path_factory.mktemp("story") / "repo")


@pytest.fixture(scope="module")
def found(story: Path) -> Audit:
    return audit(story, cache=None)


def _owed() -> list[Truth]:
    return [row for row in read_truth("story") if row.kind == "obligation"]


def test_the_stored_files_are_what_the_generator_makes() -> None:
    stream, rows = build("story")
    assert stream == read_stream("story")
    assert rows == read_truth("story")


def test_it_can_be_read_by_eye(story: Path) -> None:
    with Repository(story) as repository:
        commits = list(read_commits(repository.scratch, sorted(set(repository.refs.values()))))
    assert 30 < len(commits) < 40
    assert len({commit.committed_at for commit in commits}) == len(commits)


def test_every_way_is_in_it() -> None:
    rows = _owed()
    assert {row.verdict for row in rows} == {"retrofitted", "late", "missed", "lost", "reverted"}
    assert {row.how for row in rows if row.how} == {"merge", "cherry-pick", "squash"}
    assert {row.cause for row in rows if row.cause} == {
        "missed", "late", "ours-merge", "stale-commit", "reverted-at-source",
    }  # fmt: skip
    lost = {(row.name, row.branch) for row in read_truth("story") if row.side == "target"}
    assert lost == {
        ("due-date", "integration"), ("due-date", "preprod"), ("due-date", "production"),
        ("discount", "preprod"), ("discount", "production"),
    }  # fmt: skip


def test_nothing_is_missed_and_nothing_invented(found: Audit) -> None:
    owed = {(row.change, row.owed_to): row for row in _owed()}
    assert {(record.change, record.owed_to) for record in found.records} == set(owed)
    lost = {(row.name, row.branch): row.landing for row in read_truth("story") if row.kind == "overwrite"}
    for record in found.records:
        row = owed[record.change, record.owed_to]
        assert record.verdict.value == row.verdict, row.name
        assert (record.counterpart or "") == row.counterpart, row.name
        # What arrived and was overwritten names the landing that did it.
        at = row.landing if row.verdict == row.on_arrival else lost[row.name, row.owed_to]
        assert (record.at or "") == at, row.name


def test_promotions(found: Audit) -> None:
    told = {(row.branch, row.landing) for row in read_truth("story") if row.kind == "promotion"}
    assert told <= {(each.branch, each.landing) for each in found.all_promotions}


def test_overwritten_lines_are_gone_and_were_there(story: Path) -> None:
    """Each overwrite row names a landing that really takes the fix away from that branch."""
    fixes = {"due-date": b"addDays(30)", "discount": b"== null ? 0"}
    with Repository(story) as repository, ObjectReader(repository.scratch) as reader:
        for row in (row for row in read_truth("story") if row.side == "target"):
            landing = repository.resolve(row.landing)
            before = repository.resolve(f"{row.landing}^1")
            path = row.path.encode()
            infos = reader.find([(before, path), (landing, path)]).values()
            texts = [reader.blob(info.sha) if isinstance(info, ObjectInfo) else None for info in infos]
            assert [fixes[row.name] in (text or b"") for text in texts] == [True, False], row
