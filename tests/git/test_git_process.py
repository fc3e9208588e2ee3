from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from support.repos import RepoBuilder, git

from branchsim.errors import GitError
from branchsim.git.process import Conversation, failure, run, stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@pytest.fixture
def made(tmp_path: Path) -> RepoBuilder:
    with RepoBuilder(tmp_path / "r", bare=True) as repo:
        repo.commit("main", {f"file-{n}": "x" * 50 for n in range(300)})
    return repo


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def _whole(made: RepoBuilder, arguments: list[str], feed: Iterable[bytes]) -> bytes:
    with stream(arguments, made.path, feed=feed) as process:
        out = process.out.read()
        process.check()
        return out


def test_a_failure_is_one_sentence_with_gits_own_reason(made: RepoBuilder) -> None:
    with pytest.raises(GitError, match=r"^git log failed with status 128: .*'nowhere'.*unknown revision[^\n]*$"):
        run(["log", "nowhere"], made.path)
    assert str(failure(["x"], 1, b"")) == "git x failed with status 1: it said nothing"
    assert str(failure([b"x"], 1, b"warning: a\nfatal: b\nhint: c\n\xff\n")) == "git x failed with status 1: b"
    listed = b"fatal: these would be overwritten:\n\ta.c\n\tb.c\n"
    assert str(failure(["-c", "a=b", "-C", "/r", "x"], 1, listed)) == (
        "git x failed with status 1: these would be overwritten: a.c, b.c"
    )


def test_exit_codes_that_are_answers(made: RepoBuilder) -> None:
    assert run(["rev-parse", "--verify", "-q", "nowhere"], made.path, accept=(0, 1)) == b""


def test_input_larger_than_any_pipe(made: RepoBuilder) -> None:
    text = b"x" * 5_000_000
    assert run(["hash-object", "--stdin"], made.path, stdin=text).decode().strip() == git(
        made.path, "hash-object", "--stdin", stdin=text
    )
    # Here both sides have more to say than a pipe holds, from the start.
    names = [f"main:file-{n % 300}\n".encode() for n in range(20_000)]
    with stream(["cat-file", "--batch"], made.path, feed=names) as process:
        out = process.out.read()
        process.check()
    assert out.count(b" blob 50\n") == 20_000
    assert run(["cat-file", "--batch-check"], made.path, stdin=b"".join(names)).count(b"\n") == 20_000


def test_a_process_that_complains_much_does_not_block(made: RepoBuilder) -> None:
    with stream(["cat-file", "--batch-check"], made.path, feed=[b"main^{blob}\n"] * 20_000) as process:
        assert process.out.read().count(b"missing") == 20_000
        process.check()
        assert len(process.stderr) > 1000


def test_a_stream_left_early_ends_at_once(made: RepoBuilder) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"main\n"

    start = time.monotonic()
    with stream(["cat-file", "--batch-check"], made.path, feed=endless()) as process:
        assert b" commit " in process.out.readline()
    with pytest.raises(KeyError), stream(["cat-file", "--batch-check"], made.path, feed=endless()):
        raise KeyError
    assert time.monotonic() - start < 30  # else it would never end


def test_an_error_in_what_is_fed_is_raised_where_the_stream_is_read(made: RepoBuilder) -> None:
    def broken() -> Iterator[bytes]:
        yield b"main\n"
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        _whole(made, ["cat-file", "--batch-check"], broken())


def test_a_process_that_ends_before_its_input_is_read_says_why(made: RepoBuilder) -> None:
    with pytest.raises(GitError, match="git cat-file failed with status 129: unknown option"):
        _whole(made, ["cat-file", "--no-such-option"], [b"x" * 100_000] * 50)


def test_a_conversation_notices_that_the_process_has_ended(made: RepoBuilder) -> None:
    with Conversation(["cat-file", "--no-such-option"], made.path) as talk:
        for _ in range(3):
            talk.ask(b"x\n" * 1000)
        assert talk.line() == b""
        with pytest.raises(GitError, match="unknown option"):
            talk.exactly(1)


def test_a_conversation_that_is_left_in_the_middle_ends(made: RepoBuilder) -> None:
    start = time.monotonic()
    with Conversation(["cat-file", "--batch"], made.path) as talk:
        talk.ask(b"main:file-1\n" * 900)
        assert talk.line().endswith(b" blob 50\n")
        assert talk.exactly(51) == b"x" * 50 + b"\n"
        assert talk.complaints() == b""
    assert time.monotonic() - start < 30  # else it would never end
