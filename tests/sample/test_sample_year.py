"""The year is what its generator makes, holds everything it promises, and an audit of it says what is true of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from branchsim.audit.audit import Audit, audit
from branchsim.git.log import read_commits
from branchsim.git.repository import Repository
from branchsim.sample import Truth, build, load, read_stream, read_truth
from branchsim.sample.samples import packed

_IN_OTHER_WORDS = 0.5


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return load("year", tmp_path_factory.mktemp("year") / "repo")


@pytest.fixture(scope="module")
def found(year: Path) -> Audit:
    return audit(year, cache=None)


def _rows(kind: str) -> list[Truth]:
    return [row for row in read_truth("year") if row.kind == kind]


def test_the_stored_files_are_what_the_generator_makes() -> None:
    stream, rows = build("year")
    assert stream == read_stream("year")
    assert rows == read_truth("year")
    assert len(packed(stream)) < 1_000_000


def test_its_size(year: Path) -> None:
    with Repository(year) as repository:
        commits = list(read_commits(repository.scratch, sorted(set(repository.refs.values()))))
    assert 1_400 <= len(commits) <= 1_600
    assert len({commit.committed_at for commit in commits}) == len(commits)
    assert sum(row.branch == "production" for row in _rows("promotion")) == 12
    assert len([row for row in _rows("obligation") if not row.name.endswith("-revert")]) == 40


def test_every_cause_and_every_trap_is_in_it_twice() -> None:
    owed = Counter(row.cause for row in _rows("obligation"))
    lost = Counter((row.cause, row.name) for row in _rows("overwrite"))
    causes = Counter(cause for cause, _ in lost)
    leaks = Counter(row.cause for row in _rows("leak"))
    traps = Counter((row.cause, row.name, row.origin) for row in _rows("trap"))
    for cause in ("missed", "late", "ours-merge", "one-sided-resolution", "stale-commit", "evil-merge", "force-push"):
        assert owed[cause] >= 2, cause
    for cause in (
        "ours-merge",
        "one-sided-resolution",
        "stale-commit",
        "evil-merge",
        "revert-propagated",
        "force-push",
    ):
        assert causes[cause] >= 2, cause
    assert leaks == {"wrong-base": 2, "merged-integration": 2}
    kinds = Counter(cause for cause, _, _ in traps)
    for cause in ("evolved", "moved", "reordered", "version-bump", "explicit-revert", "kept-both", "superseded"):
        assert kinds[cause] >= 2, cause
    assert {row.how for row in _rows("obligation")} >= {"merge", "cherry-pick", "squash", "by hand"}


def test_nothing_is_missed_and_nothing_invented(found: Audit) -> None:
    owed = {(row.change, row.owed_to): row for row in _rows("obligation")}
    assert {(record.change, record.owed_to) for record in found.records} == set(owed)
    wrong = []
    for record in found.records:
        row = owed[record.change, record.owed_to]
        # What arrived in no form that can be known is missed, whatever became of it later.
        if record.verdict.value not in ({row.verdict, "missed"} if row.on_arrival == "missed" else {row.verdict}):
            wrong.append(f"{row.name}: {row.verdict}, not {record.verdict.value}: {record.reason}")
        elif record.verdict.value == row.verdict == row.on_arrival and row.landing and (record.at or "") != row.landing:
            wrong.append(f"{row.name}: arrived with {row.landing}, not {record.at}")
        if row.on_arrival != row.verdict and row.how == "by hand" and record.confidence > _IN_OTHER_WORDS:
            wrong.append(f"{row.name}: written again in other words, so {record.confidence} is too sure")
    assert not wrong, "\n".join(wrong)


def test_promotions(found: Audit) -> None:
    told = {(row.branch, row.landing) for row in _rows("promotion")}
    assert told <= {(each.branch, each.landing) for each in found.all_promotions}


def test_leaks(found: Audit) -> None:
    told = {(row.branch, row.landing, frozenset(row.commits.split())) for row in _rows("leak")}
    assert {(each.branch, each.landing, frozenset(each.commits)) for each in found.leak_records} == told


def test_everything_that_was_overwritten_is_found(found: Audit) -> None:
    seen: dict[tuple[str, str], set[str]] = {}
    for each in found.overwrite_records:
        seen.setdefault((each.branch, each.landing), set()).update(each.commits)
    absent = [
        f"{row.name} on {row.branch}: {row.cause}"
        for row in _rows("overwrite")
        if seen.get((row.branch, row.landing), set()).isdisjoint(row.commits.split())
    ]
    assert not absent, "\n".join(absent)


def test_no_trap_is_taken_for_a_loss(found: Audit) -> None:
    told = {(row.branch, row.landing) for row in _rows("overwrite")}
    # A class that BUILD removed takes the fix in it along; whether to call that a loss is a matter of taste.
    removed = {(row.branch, row.landing) for row in _rows("trap") if row.cause == "superseded"}
    invented = [
        f"{each.path} on {each.branch} by {each.landing}: {each.reason}"
        for each in found.open_overwrites
        if (each.branch, each.landing) not in told | removed
    ]
    assert not invented, "\n".join(invented)
