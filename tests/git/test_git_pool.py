"""Processes that are shared: whoever asks gets the answer to the own question, whatever happened to others."""

from __future__ import annotations

import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from support.histories import Step, build, histories
from support.repos import RepoBuilder

from branchsim.errors import GitError
from branchsim.git import difftree
from branchsim.git.commitobject import load_commits
from branchsim.git.difftree import diff_tree, differing, raw_changes, renames
from branchsim.git.log import read_commits
from branchsim.git.merge import merge_many
from branchsim.git.objects import ObjectReader
from branchsim.git.process import Conversation
from branchsim.git.repository import Repository
from branchsim.git.session import MergeSession, merge_some
from branchsim.names import Sha

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that were started."""
    found: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen.__init__

    def counted(self: subprocess.Popen[bytes], *arguments: Any, **options: Any) -> None:
        real(self, *arguments, **options)
        found.append(self)

    monkeypatch.setattr(subprocess.Popen, "__init__", counted)
    return found


@pytest.fixture
def repo(tmp_path: Path) -> RepoBuilder:
    builder = RepoBuilder(tmp_path / "repo")
    for number in range(6):
        builder.commit("main", {"a": f"{number}\n", f"dir/{number}": "x" * 9000})
    builder.branch("topic", "main")
    builder.commit("topic", {"a": "topic\n"})
    builder.commit("main", {"b": "main\n"})
    builder.finish()
    return builder


def commits(repository: Repository, *tips: str) -> list[Sha]:
    return [commit.sha for commit in read_commits(repository.scratch, tips, changes=False)]


def trees(repository: Repository, *tips: str) -> list[Sha]:
    return [commit.tree for commit in read_commits(repository.scratch, tips, changes=False)]


def test_all_that_ask_the_same_share_a_process_that_ends_with_the_scratch_repository(
    repo: RepoBuilder, started: list[subprocess.Popen[bytes]]
) -> None:
    with Repository(repo.path) as repository:
        scratch = repository.scratch
        shas, versions = commits(repository, repo["main"]), trees(repository, repo["main"])
        pairs = [(one, other) for one in versions for other in versions if one != other]
        before = len(started)
        for _ in range(3):
            assert [commit.sha for commit in load_commits(scratch, shas)] == shas
            assert sum(map(len, raw_changes(scratch, pairs).values()))
            assert differing(scratch, pairs[:1])
            with MergeSession(scratch) as session:
                assert session.merge(Sha(repo["main"]), Sha(repo["topic"])).result.clean
            assert next(merge_some(scratch, [(Sha(repo["main"]), Sha(repo["topic"]))])).clean
        own = started[before:]
        names = sorted(str(process.args[-2:]) for process in own)  # type: ignore[index]
        assert len(own) == 3, names
        assert all(process.poll() is None for process in own)
    assert all(process.poll() is not None for process in own)


def test_what_was_left_in_the_middle_of_an_answer_is_not_asked_again(
    repo: RepoBuilder, started: list[subprocess.Popen[bytes]]
) -> None:
    with Repository(repo.path) as repository:
        shas = commits(repository, repo["main"])
        reader = ObjectReader(repository.scratch)
        taken = []
        with suppress(KeyboardInterrupt), repository.scratch.pool.taken("kind", lambda: talk(repository)) as one:
            taken.append(one)
            one.ask(f"info {shas[0]}\0info {shas[1]}\0flush\0".encode())
            one.line()
            raise KeyboardInterrupt
        with repository.scratch.pool.taken("kind", lambda: talk(repository)) as other:
            assert other not in taken
            other.ask(f"info {shas[2]}\0flush\0".encode())
            assert other.line().decode().startswith(shas[2])
        assert [commit.sha for commit in load_commits(reader, shas)] == shas
    assert all(process.poll() is not None for process in started)


def talk(repository: Repository) -> Conversation:
    return Conversation(("cat-file", "--batch-command", "--buffer", "-z"), repository.scratch.path)


def test_a_process_that_somebody_killed_is_replaced(repo: RepoBuilder, started: list[subprocess.Popen[bytes]]) -> None:
    with Repository(repo.path) as repository:
        shas = commits(repository, repo["main"])
        new, old = trees(repository, repo["main"])[:2]
        pairs = [(old, new)]
        expected = raw_changes(repository.scratch, pairs)
        assert len(list(load_commits(repository.scratch, shas))) == len(shas)
        for process in started:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()
        assert raw_changes(repository.scratch, pairs) == expected
        assert [commit.sha for commit in load_commits(repository.scratch, shas)] == shas


def test_threads_get_their_own_answers(repo: RepoBuilder) -> None:
    with Repository(repo.path) as repository:
        scratch = repository.scratch
        shas, versions = commits(repository, repo["main"]), trees(repository, repo["main"])
        pairs = [(one, other) for one in versions for other in versions if one != other]
        expected = raw_changes(scratch, pairs)

        def ask(number: int) -> bool:
            sha, pair = shas[number % len(shas)], pairs[number % len(pairs)]
            (commit,) = load_commits(scratch, [sha])
            return commit.sha == sha and raw_changes(scratch, [pair])[pair] == expected[pair]

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(ask, range(400)))


def test_a_fork_asks_no_process_of_its_parent(repo: RepoBuilder, started: list[subprocess.Popen[bytes]]) -> None:
    with Repository(repo.path) as repository:
        shas = commits(repository, repo["main"])
        assert [commit.sha for commit in load_commits(repository.scratch, shas)] == shas
        before = len(started)
        child = os.fork()
        if child == 0:  # pragma: no cover  another process
            good = [commit.sha for commit in load_commits(repository.scratch, shas[:2])] == shas[:2]
            os._exit(0 if good and len(started) == before + 1 else 1)
        assert [commit.sha for commit in load_commits(repository.scratch, shas)] == shas
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert [commit.sha for commit in load_commits(repository.scratch, shas)] == shas


@settings(max_examples=15, deadline=None)
@given(steps=histories(most=10))
def test_a_few_pairs_are_answered_as_many_are(tmp_path_factory: pytest.TempPathFactory, steps: list[Step]) -> None:
    path = tmp_path_factory.mktemp("t") / "repo"
    ids = build(path, steps)
    with Repository(path) as repository, pytest.MonkeyPatch.context() as patch:
        scratch = repository.scratch
        shas = sorted(set(map(Sha, ids)))
        versions = sorted({commit.tree for commit in load_commits(scratch, shas)})
        pairs = [(one, other) for one in versions for other in versions][:99]
        merges = [(one, other) for one in shas[:5] for other in shas[:5]]
        answers = []
        for few in (100, 0):
            patch.setattr(difftree, "FEW", few)
            plain = raw_changes(scratch, pairs)
            assert differing(scratch, pairs) == {
                pair: frozenset(change.path for change in changes) for pair, changes in plain.items()
            }
            answers.append((plain, renames(scratch, pairs), diff_tree(scratch, pairs, ("-r", "-p"))))
        assert answers[0] == answers[1]
        singly = [raw_changes(scratch, [pair])[pair] for pair in pairs]
        assert singly == list(answers[0][0].values())
        assert [(r.tree, r.clean) for r in merge_some(scratch, merges, unrelated=True)] == [
            (r.tree, r.clean) for r in merge_many(scratch, merges, unrelated=True)
        ]


def test_no_name_of_a_path_ends_an_answer(tmp_path: Path) -> None:
    builder = RepoBuilder(tmp_path / "repo")
    names = [b"end " + b"0" * 32 + b"\n", b"end \nend", b":100644 100644 \n", b"a\nend " + b"f" * 32]
    first = builder.commit("main", {"a": "1\n"})
    second = builder.commit("main", dict.fromkeys(names, "end 1\n"))
    with Repository(builder.finish()) as repository:
        old, new = (commit.tree for commit in load_commits(repository.scratch, [Sha(first), Sha(second)]))
        for _ in range(2):
            found = raw_changes(repository.scratch, [(old, new), (new, old)])
            assert [change.path for change in found[old, new]] == sorted(names)
            assert [change.status for change in found[new, old]] == ["D"] * len(names)


def test_a_tree_below_that_is_missing_is_an_error_and_the_next_question_is_answered(repo: RepoBuilder) -> None:
    with Repository(repo.path) as repository:
        new, old = trees(repository, repo["main"])[:2]
        expected = raw_changes(repository.scratch, [(old, new)])
        reader = ObjectReader(repository.scratch)
        broken = load_broken(repository)
        with pytest.raises(GitError, match="diff-tree"):
            raw_changes(repository.scratch, [(old, new), (old, broken)])
        assert raw_changes(repository.scratch, [(old, new)]) == expected
        assert reader.check([new])[new] is not None


def load_broken(repository: Repository) -> Sha:
    """A tree with a directory that does not exist."""
    from branchsim.git.objects import write_object

    return write_object(repository.scratch, "tree", b"40000 dir\0" + bytes.fromhex("12" * 20))
