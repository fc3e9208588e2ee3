"""Start git processes in an environment where nothing of the user's settings can change a result or run a program."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from branchsim.errors import GitError

# What a process inherits. GIT_* is left behind on purpose: GIT_DIR, GIT_CONFIG_COUNT, GIT_EXTERNAL_DIFF, GIT_TRACE and
# their like all change what git does.
_KEPT = ("PATH", "HOME", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

_FIXED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
    "LC_ALL": "C",
    "LANGUAGE": "C",
    "TZ": "UTC",
}

# `safe.directory` only guards against running what a foreign repository configures; reading refs runs nothing of it.
_OPTIONS = ("--no-pager", "--literal-pathspecs", "-c", "safe.directory=*", "-c", "core.hooksPath=/dev/null")

_STDERR_KEPT = 20_000
_BLOCK = 1 << 18


def environment() -> dict[str, str]:
    """The environment of every git process."""
    return {key: os.environ[key] for key in _KEPT if key in os.environ} | _FIXED


def command(arguments: Sequence[str | bytes], git_dir: str | os.PathLike[str] | None = None) -> list[str | bytes]:
    """The argument list that runs git on a git directory."""
    where = [] if git_dir is None else [f"--git-dir={os.fspath(git_dir)}"]
    return ["git", *where, *_OPTIONS, *arguments]


def failure(arguments: Sequence[str | bytes], returncode: int, stderr: bytes) -> GitError:
    """The error for a git process that failed, in one sentence."""
    text = stderr.decode("utf-8", "replace").strip()
    said = text.splitlines()[-1] if text else "it said nothing"
    name = arguments[0] if isinstance(arguments[0], str) else arguments[0].decode("utf-8", "replace")
    return GitError(f"git {name} failed with status {returncode}: {said}")


def _start(
    arguments: Sequence[str | bytes], git_dir: str | os.PathLike[str] | None, *, feed: bool
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command(arguments, git_dir),
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            bufsize=_BLOCK,
        )
    except FileNotFoundError:
        raise GitError("git was not found on PATH; install git 2.39 or newer") from None
    except PermissionError as error:
        raise GitError(f"git could not be started: {error.strerror}; check the permissions of the git on PATH") from None


def run(
    arguments: Sequence[str | bytes],
    git_dir: str | os.PathLike[str] | None = None,
    *,
    stdin: bytes | None = None,
    accept: tuple[int, ...] = (0,),
) -> bytes:
    """Run one git command and return what it printed.

    Parameters
    ----------
    arguments : sequence of str or bytes
        The command and its arguments.
    git_dir : path-like, optional
        The git directory to run on.
    stdin : bytes, optional
        What the command reads.
    accept : tuple of int
        The exit codes that are not failures.

    Returns
    -------
    bytes
        Standard output.

    Raises
    ------
    GitError
        git is absent, or the command ended with another exit code.
    """
    process = _start(arguments, git_dir, feed=stdin is not None)
    with process:
        try:
            out, err = process.communicate(stdin)
        except BaseException:
            process.kill()
            raise
    if process.returncode not in accept:
        raise failure(arguments, process.returncode, err)
    return out


class Stream:
    """A running git process: an output to read, and what became of it.

    Attributes
    ----------
    out : file
        Standard output.
    stderr : bytes
        What came on standard error; whole once the process has ended.
    """

    def __init__(self, process: subprocess.Popen[bytes], arguments: Sequence[str | bytes]) -> None:
        assert process.stdout is not None  # noqa: S101  Popen was asked for a pipe
        self.out: IO[bytes] = process.stdout
        self.stderr = b""
        self._process = process
        self._arguments = arguments

    def wait(self) -> int:
        """The exit code, once the output has been read."""
        return self._process.wait()

    def abandon(self) -> None:
        """End the process; nothing more will be read of it."""
        self._process.kill()

    def check(self) -> None:
        """Raise `GitError` if the process failed. Its output has been read to the end."""
        code = self.wait()
        if code != 0:
            raise failure(self._arguments, code, self.stderr)


@contextmanager
def stream(
    arguments: Sequence[str | bytes],
    git_dir: str | os.PathLike[str] | None = None,
    *,
    feed: Iterable[bytes] | None = None,
) -> Iterator[Stream]:
    """Run a git command whose output is read while it is made; it is ended when the block is left.

    Parameters
    ----------
    arguments : sequence of str or bytes
        The command and its arguments.
    git_dir : path-like, optional
        The git directory to run on.
    feed : iterable of bytes, optional
        What is written to its standard input, from a thread of its own so that neither side waits for the other.

    Yields
    ------
    Stream
        The running process.
    """
    process = _start(arguments, git_dir, feed=feed is not None)
    running = Stream(process, arguments)

    def write() -> None:
        assert process.stdin is not None and feed is not None  # noqa: S101, PT018
        try:
            for piece in feed:
                process.stdin.write(piece)
            process.stdin.close()
        except (BrokenPipeError, ValueError, OSError):
            pass  # the process ended first; its exit code says why

    def listen() -> None:
        assert process.stderr is not None  # noqa: S101
        for piece in iter(lambda: process.stderr.read1(_BLOCK), b""):  # type: ignore[union-attr]
            running.stderr = (running.stderr + piece)[-_STDERR_KEPT:]

    threads = [threading.Thread(target=listen, daemon=True)]
    if feed is not None:
        threads.append(threading.Thread(target=write, daemon=True))
    for thread in threads:
        thread.start()
    ended = False
    try:
        yield running
        ended = True
    finally:
        if not ended or process.poll() is None:
            # The reader may have stopped early; a process that still writes would wait for ever.
            _drain_or_kill(process, ended=ended)
        process.wait()
        for thread in threads:
            thread.join()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None and not pipe.closed:
                try:
                    pipe.close()
                except OSError:
                    pass


def _drain_or_kill(process: subprocess.Popen[bytes], *, ended: bool) -> None:
    if not ended:
        process.kill()
        return
    try:
        process.wait(timeout=1)
    except subprocess.TimeoutExpired:
        process.kill()
