"""Start git processes in an environment where nothing of the user's settings can change a result or run a program."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
import threading
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Self

from branchsim.errors import GitError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType

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

# What git says where objects, or files about them, cannot be read.
_DAMAGE = re.compile(
    r"corrupt|bad (?:object|tree|signature)|unable to (?:read|unpack)|(?:could|can) ?not (?:read|parse|open)"
    r"|invalid (?:object|parent position)|unexpected line in|not a valid commit name|missing object|inflate",
    re.IGNORECASE,
)

_STDERR_KEPT = 20_000
_USAGE = 129
_BLOCK = 1 << 18
_PIPE = 1 << 20


def environment() -> dict[str, str]:
    """The environment of every git process."""
    return {key: os.environ[key] for key in _KEPT if key in os.environ} | _FIXED


def command(arguments: Sequence[str | bytes], git_dir: str | os.PathLike[str] | None = None) -> list[str | bytes]:
    """The argument list that runs git on a git directory."""
    where = [] if git_dir is None else [f"--git-dir={os.fspath(git_dir)}"]
    return ["git", *where, *_OPTIONS, *arguments]


def failure(arguments: Sequence[str | bytes], returncode: int, stderr: bytes) -> GitError:
    """The error for a git process that failed, in one sentence."""
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith("fatal: ")]
    # A wrong use is said in the first line, before many lines that explain the right one.
    wrong = [line for line in lines if line.startswith("error: ")][:1] if returncode == _USAGE else []
    told = (fatal or wrong or lines or ["it said nothing"])[-1]
    said = told.removeprefix("fatal: ").removeprefix("error: ")
    if said.endswith(":"):  # a list follows
        said += " " + ", ".join(lines[lines.index(told) + 1 :])
    if _DAMAGE.search(said):
        said += "; the repository is damaged or lacks objects: 'git fsck' in it tells more, a new clone has them all"
    words = list(arguments)
    while words[0] in {"-c", "-C"}:  # a setting, or where to run, comes before the command
        del words[:2]
    name = words[0] if isinstance(words[0], str) else words[0].decode("utf-8", "replace")
    return GitError(f"git {name} failed with status {returncode}: {said}")


def _start(
    arguments: Sequence[str | bytes],
    git_dir: str | os.PathLike[str] | None,
    *,
    feed: bool,
    stderr: int | IO[bytes] = subprocess.PIPE,
    at: str | os.PathLike[str] | None = None,
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command(arguments, git_dir),
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            cwd=at,
            env=environment(),
            bufsize=_BLOCK,
        )
    except FileNotFoundError:
        raise GitError("git was not found on PATH; install git 2.39 or newer") from None
    except PermissionError as error:
        raise GitError(
            f"git could not be started: {error.strerror}; check the permissions of the git on PATH"
        ) from None
    except OSError as error:
        raise GitError(f"git could not be started: {error.strerror}; check the git on PATH") from None


def run(
    arguments: Sequence[str | bytes],
    git_dir: str | os.PathLike[str] | None = None,
    *,
    stdin: bytes | None = None,
    accept: tuple[int, ...] = (0,),
    complaints: list[str] | None = None,
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
    complaints : list of str, optional
        Receives what the command said on standard error, line by line.

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
    if complaints is not None:
        complaints.extend(os.fsdecode(err).splitlines())
    return out


class Stream:
    """A running git process: an output to read, and what became of it.

    Attributes
    ----------
    out : file
        Standard output.
    stderr : bytes
        The end of what came on standard error; whole once `wait` has returned.
    """

    def __init__(self, process: subprocess.Popen[bytes], arguments: Sequence[str | bytes]) -> None:
        assert process.stdout is not None  # noqa: S101  Popen was asked for a pipe
        self.out: IO[bytes] = process.stdout
        self.stderr = b""
        self._process = process
        self._arguments = arguments
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def wait(self) -> int:
        """The exit code, once the output has been read."""
        code = self._process.wait()
        self._listener.join()
        return code

    def abandon(self) -> None:
        """End the process; nothing more will be read of it."""
        self._process.kill()

    def check(self) -> None:
        """Raise `GitError` if the process failed. Its output has been read to the end."""
        code = self.wait()
        if code != 0:
            raise failure(self._arguments, code, self.stderr)

    def _listen(self) -> None:
        pipe = self._process.stderr
        assert pipe is not None  # noqa: S101  Popen was asked for a pipe
        while piece := os.read(pipe.fileno(), _STDERR_KEPT):
            self.stderr = (self.stderr + piece)[-_STDERR_KEPT:]


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
    _widen(process.stdout)
    running = Stream(process, arguments)
    trouble: list[BaseException] = []
    writer = threading.Thread(target=_write, args=(process, feed or (), trouble), daemon=True)
    writer.start()
    try:
        yield running
    finally:
        # Whoever has read to the end has waited; for everybody else the rest of the output is of no use.
        if process.poll() is None:
            _end(process)
        running.wait()
        writer.join()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        if trouble:
            raise trouble[0]


def _widen(pipe: IO[bytes] | None) -> None:
    """Let git go on for longer while whoever reads is busy with something else, where the system can do that."""
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        if pipe is not None:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)


def _write(process: subprocess.Popen[bytes], feed: Iterable[bytes], trouble: list[BaseException]) -> None:
    if process.stdin is None:
        return
    try:
        for piece in feed:
            process.stdin.write(piece)
    except OSError:
        pass  # the process ended first; its exit code says why
    except BaseException as error:  # noqa: BLE001  raised again where the stream is read
        trouble.append(error)
        process.kill()
    finally:
        with contextlib.suppress(OSError):
            process.stdin.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process unless it ends by itself at once, as it does when its output has been read."""
    try:
        process.wait(timeout=0.05)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Conversation:
    """A git process that is asked and answers, many times over.

    Parameters
    ----------
    arguments : sequence of str or bytes
        The command and its arguments.
    git_dir : path-like, optional
        The git directory to run on.
    at : path-like, optional
        The directory to run in.

    Notes
    -----
    A context manager. What is written at once must fit the pipe (`ROOM` bytes are safe everywhere), and every answer
    must be read before more is written; then neither side can wait for the other. Standard error goes to a file for the
    same reason.
    """

    ROOM = 12_000

    def __init__(
        self,
        arguments: Sequence[str | bytes],
        git_dir: str | os.PathLike[str] | None = None,
        *,
        at: str | os.PathLike[str] | None = None,
    ) -> None:
        self._arguments = arguments
        self._complaints = tempfile.TemporaryFile(prefix="branchsim-")  # noqa: SIM115  closed with the conversation
        try:
            self._process = _start(arguments, git_dir, feed=True, stderr=self._complaints, at=at)
        except BaseException:
            self._complaints.close()
            raise
        assert self._process.stdout is not None  # noqa: S101  Popen was asked for a pipe
        self.out: IO[bytes] = self._process.stdout

    @property
    def is_over(self) -> bool:
        """Whether the process has ended, or was."""
        return self._process.poll() is not None

    def ask(self, text: bytes) -> None:
        """Write to the process; a process that has ended is noticed when its answer is read."""
        assert self._process.stdin is not None  # noqa: S101  Popen was asked for a pipe
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(text)
            self._process.stdin.flush()

    def line(self) -> bytes:
        """The next line of the answer with its newline; empty if the process has ended."""
        return self.out.readline()

    def exactly(self, size: int) -> bytes:
        """The next bytes of the answer.

        Raises
        ------
        GitError
            The process ended before it had written so many.
        """
        data = self.out.read(size)
        if len(data) < size:
            raise self.failure()
        return data

    def complaints(self, since: int = 0) -> bytes:
        """What the process has written to standard error from a position on."""
        size = self._complaints.seek(0, os.SEEK_END)
        if size <= since:
            return b""
        return os.pread(self._complaints.fileno(), size - since, since)

    def ended(self) -> tuple[int, bytes]:
        """The exit code of a process that ended though it was not told to, and what it said."""
        return self._process.wait(), self.complaints()

    def failure(self) -> GitError:
        """The error for a process that ended though it was not told to."""
        return failure(self._arguments, self._process.wait(), self.complaints())

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None  # noqa: S101  Popen was asked for a pipe
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        # Every answer that matters has been read; to wait for the end would take longer than most answers.
        self._process.kill()
        self._process.wait()
        self.out.close()
        self._complaints.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
