"""Many repositories in one run: one set of tables, failures as rows, a run that goes on where it was."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.ends import always_end, end_at_one
from support.repos import RepoBuilder

import branchsim as bs
from branchsim.audit.audit import audit
from branchsim.audit.many import REPOSITORIES_SCHEMA, Audits, audit_many
from branchsim.errors import BranchsimError, InputError
from branchsim.parallel import outcomes

TABLES = ("obligations", "findings", "overwrites", "leaks", "promotions", "windows", "violations", "conformance")


def _make(place: Path, *, retrofit: bool) -> str:
    """A gitflow repository with one hotfix."""
    with RepoBuilder(place) as repo:
        repo.commit("main", {"a.txt": "a\n"})
        repo.branch("develop", "main")
        repo.branch("hotfix/1", "main")
        repo.commit("hotfix/1", {"fix.txt": "the fix\n"}, message="Fix it")
        repo.merge(into="main", source="hotfix/1")
        repo.commit("develop", {"b.txt": "b\n"})
        if retrofit:
            repo.merge(into="develop", source="hotfix/1")
    return str(place)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("organisation")
    (home / "empty").mkdir()
    return {
        "shop": _make(home / "shop", retrofit=False),
        "gone": str(home / "gone"),
        "billing": _make(home / "billing", retrofit=True),
        "empty": str(home / "empty"),
    }


def _tables(found: Audits) -> list[pd.DataFrame]:
    return [found.repositories, *(getattr(found, name) for name in TABLES)]


def _asked(places: dict[str, str], **more: Any) -> Audits:
    return audit_many(places, bs.Topology.gitflow(), cache=None, **more)


class Alone(Executor):
    """Does everything at once, in this process."""

    def submit(self, function: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments, **named))
        except Exception as error:  # noqa: BLE001  as every executor does
            future.set_exception(error)
        return future


@pytest.fixture(scope="module")
def found(places: dict[str, str]) -> Audits:
    return _asked(places, executor=Alone())


def test_one_set_of_tables_says_what_each_audit_says(found: Audits, places: dict[str, str]) -> None:
    for name in ("shop", "billing"):
        alone = bs.audit(places[name], bs.Topology.gitflow(), cache=None)
        for table in TABLES:
            rows = getattr(found, table)
            own = rows[rows["repository"] == name].drop(columns="repository").reset_index(drop=True)
            assert rows.columns[0] == "repository"
            pd.testing.assert_frame_equal(own, getattr(alone, table))
        assert found.audits[name].landings.equals(alone.landings)
    assert found.findings[["repository", "verdict"]].to_numpy().tolist() == [["shop", "missed"]]


def test_a_repository_that_fails_is_a_row(found: Audits) -> None:
    rows = found.repositories
    assert {column: str(kind) for column, kind in rows.dtypes.items()} == REPOSITORIES_SCHEMA
    assert rows["repository"].tolist() == ["shop", "gone", "billing", "empty"]
    assert rows["status"].tolist() == ["audited", "failed", "audited", "failed"]
    assert rows["error"].dropna().tolist() == ["NotARepositoryError"] * 2
    assert "gone" in rows["message"].iloc[1]
    assert rows["open_obligations"].tolist()[::2] == [1, 0]
    assert "gone: NotARepositoryError" in str(found)
    assert "2 of 4 repositories audited" in found._repr_html_()
    assert repr(found) == "<Audits of 4 repositories: 2 audited, 2 failed>"


def test_where_all_fail_the_tables_have_their_columns(places: dict[str, str], found: Audits) -> None:
    none = _asked({"gone": places["gone"]})
    for empty, full in zip(_tables(none)[1:], _tables(found)[1:], strict=True):
        assert not len(empty)
        assert {*empty.columns} == {*full.columns}
        assert empty.dtypes.to_dict() == full.dtypes.to_dict()


def test_processes_and_threads_give_the_same_tables(found: Audits, places: dict[str, str]) -> None:
    told: list[tuple[str, int | None]] = []
    with ThreadPoolExecutor(2) as threads:
        for other in (
            _asked(places, report=lambda what, steps: told.append((what, steps))),
            _asked(places, executor=threads),
        ):
            for one, two in zip(_tables(found), _tables(other), strict=True):
                pd.testing.assert_frame_equal(one, two)
    assert sorted(told) == sorted((f"auditing {name}", 1) for name in places)


def test_a_run_that_was_stopped_goes_on_where_it_was(
    places: dict[str, str], found: Audits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(what: str, _steps: int | None) -> None:
        if what == "auditing gone":
            raise KeyboardInterrupt

    audited: list[str] = []

    def counted(repo: Any, *rest: Any, **more: Any) -> bs.Audit:
        audited.append(Path(repo.path).name)
        return audit(repo, *rest, **more)

    monkeypatch.setattr("branchsim.audit.many.audit", counted)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)  # one after the other, in this process
    keep = tmp_path / "answers"
    with pytest.raises(KeyboardInterrupt):
        _asked(places, keep=keep, report=stop)
    assert audited == ["shop"]
    again = _asked(places, keep=keep)
    assert (again.resumed, audited) == (1, ["shop", "billing"])
    for one, two in zip(_tables(found), _tables(again), strict=True):
        pd.testing.assert_frame_equal(one, two)
    assert again.audits["shop"].landings.equals(found.audits["shop"].landings)

    # Another question, a damaged answer and a branch that moved are asked anew.
    assert _asked(places, keep=keep).resumed == 2
    assert _asked(places, keep=keep, since="2000-01-01").resumed == 0
    assert _asked(places, keep=keep).resumed == 0
    file = min(keep.iterdir())
    file.write_bytes(file.read_bytes().replace(b"gitflow", b"gitfl0w"))
    assert _asked(places, keep=keep).resumed == 1
    subprocess.run(["git", "update-ref", "refs/heads/new", "main"], cwd=places["shop"], check=True)
    assert _asked(places, keep=keep).resumed == 1


def test_a_job_that_ends_its_process_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    made = dict(outcomes(end_at_one, [0, 1, 2]))
    assert (made[0], made[2]) == (0, 2)
    assert isinstance(made[1], BrokenProcessPool)


def test_where_no_process_ever_works_that_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with pytest.raises(BranchsimError, match="if __name__ == '__main__'"):
        dict(outcomes(always_end, [0, 1]))


def test_a_process_that_ended_is_a_row(places: dict[str, str]) -> None:
    class Dying(Executor):
        def submit(self, _function: Any, /, *_arguments: Any, **_named: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_exception(BrokenProcessPool("it went away"))
            return future

    rows = _asked({"shop": places["shop"]}, executor=Dying()).repositories
    assert rows[["status", "error"]].to_numpy().tolist() == [["failed", "ProcessEnded"]]


@pytest.mark.parametrize(
    ("repos", "more", "message"),
    [
        ([], {}, "no repository was given"),
        ("shop", {}, "needs several repositories"),
        (["a", "a"], {}, "'a' is given twice"),
        ([3], {}, "3 is no path"),
        ([b"a"], {}, "not bytes"),
        (["a"], {"checks": ["overwrite"]}, r"no check 'overwrite' \(did you mean 'overwrites'"),
        (["a"], {"executor": "dask"}, "must be a concurrent.futures.Executor"),
        (["a"], {"keep": "/dev/null/x"}, "answers cannot be kept in /dev/null/x"),
        (["a"], {"topology": "nowhere.toml"}, "nowhere.toml"),
    ],
)
def test_bad_arguments(repos: Any, more: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        audit_many(repos, cache=None, **more)
