"""Change a repository: bring objects in, and move refs in one transaction. Used by executions only; all else reads."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import struct
import subprocess
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from branchsim.errors import GitError, InputError
from branchsim.git.process import command, environment, failure
from branchsim.names import RefName, Sha

if TYPE_CHECKING:
    from branchsim.git.scratch import Scratch

# How a person reaches other machines, and who they are; other GIT_* variables change what git does.
_PERSONAL = re.compile(
    r"GIT_(SSH|SSH_COMMAND|SSH_VARIANT|ASKPASS|SSL_.*|HTTP_.*|PROXY_.*|CONFIG_(GLOBAL|SYSTEM|NOSYSTEM)"
    r"|(AUTHOR|COMMITTER)_(NAME|EMAIL)|TERMINAL_PROMPT)"
)
_PATIENCE = 2.0
"""How long a lock of git may last before it counts as left behind, in seconds."""


class Move(NamedTuple):
    """A ref and what it holds before and after; None for nothing. A move to where it is asks only that it is there."""

    ref: RefName
    before: Sha | None
    after: Sha | None


def run_git(
    arguments: Sequence[str | bytes],
    *,
    git_dir: Path | None = None,
    at: Path | None = None,
    stdin: bytes | None = None,
    accept: tuple[int, ...] = (0,),
    variables: Mapping[str, str] | None = None,
    personal: bool = False,
    hold: int | None = None,
) -> bytes:
    """Run one git command that changes something.

    Parameters
    ----------
    arguments : sequence of str or bytes
        The command and its arguments.
    git_dir : Path, optional
        The git directory to run on.
    at : Path, optional
        The directory to run in: a work tree.
    stdin : bytes, optional
        What it reads.
    accept : tuple of int
        The exit codes that are not failures.
    variables : mapping, optional
        Further environment variables.
    personal : bool
        Whether the person's own settings count: their configuration, credentials, ssh agent. Hooks never run.
    hold : int, optional
        The descriptor of a lock that the process keeps until it ends.

    Raises
    ------
    GitError
        git is absent, or the command ended with another exit code. All that git said is a note of the error.
    """
    feed = stdin is not None
    with _popen(arguments, git_dir, variables, personal=personal, hold=hold, feed=feed, at=at) as process:
        out, err = process.communicate(stdin)
    if process.returncode not in accept:
        error = failure(arguments, process.returncode, err)
        error.add_note(err.decode("utf-8", "replace"))
        raise error
    return out


def personal_environment() -> dict[str, str]:
    """The environment of a process for which the person's own settings count."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_") or _PERSONAL.fullmatch(key)}
    fixed = {"GIT_NO_REPLACE_OBJECTS": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_PAGER": "cat"}
    return kept | fixed | {"LC_ALL": "C", "LANGUAGE": "C"}


_PERSONAL_OPTIONS = (
    *("--no-pager", "--literal-pathspecs"),
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"),
)


def _popen(
    arguments: Sequence[str | bytes],
    git_dir: Path | None,
    variables: Mapping[str, str] | None,
    *,
    personal: bool,
    hold: int | None,
    feed: bool,
    at: Path | None = None,
) -> subprocess.Popen[bytes]:
    if personal:
        where = [] if git_dir is None else [f"--git-dir={git_dir}"]
        line: list[str | bytes] = ["git", *where, *_PERSONAL_OPTIONS, *arguments]
    else:
        line = command(arguments, git_dir)
    try:
        return subprocess.Popen(
            line,
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=at,
            env=(personal_environment() if personal else environment()) | dict(variables or {}),
            pass_fds=() if hold is None else (hold,),
        )
    except OSError as error:
        raise GitError(f"git could not be started: {error.strerror}; check the git on PATH") from None


# -- objects ---------------------------------------------------------------------------------------------------------


def pack_new(scratch: Scratch, tips: Iterable[Sha]) -> bytes:
    """A pack of everything that some objects need beyond what the source has; written without a process.

    Parameters
    ----------
    scratch : Scratch
        Where the objects were made.
    tips : iterable of Sha
        Commits and tags.

    Raises
    ------
    GitError
        An object that was made cannot be read.
    """
    found: dict[Sha, tuple[bytes, bytes]] = {}
    waiting = sorted(set(tips), reverse=True)
    while waiting:
        sha = waiting.pop()
        if sha in found:
            continue
        made = _loose(scratch, sha)
        if made is None:
            continue  # the source has it, with all that it needs
        found[sha] = made
        waiting += _needed(*made, len(sha) // 2)
    parts = [b"PACK" + struct.pack(">II", 2, len(found))]
    parts += [_packed(kind, content) for kind, content in found.values()]
    digest = hashlib.sha1 if scratch.object_format == "sha1" else hashlib.sha256
    body = b"".join(parts)
    return body + digest(body, usedforsecurity=False).digest()


def _loose(scratch: Scratch, sha: Sha) -> tuple[bytes, bytes] | None:
    """Type and content of an object that was made in the scratch repository."""
    place = scratch.path / "objects" / sha[:2] / sha[2:]
    try:
        whole = zlib.decompress(place.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, zlib.error) as error:
        raise GitError(f"{place} cannot be read: {error}; simulate the plan again") from None
    head, _, content = whole.partition(b"\0")
    return head.partition(b" ")[0], content


def _needed(kind: bytes, content: bytes, size: int) -> list[Sha]:
    """What an object names."""
    if kind == b"tree":
        return list(_entries(content, size))
    if kind == b"blob":
        return []
    lines = content.partition(b"\n\n")[0].split(b"\n")
    words = (line.split(b" ") for line in lines)
    return [Sha(word[1].decode("ascii")) for word in words if word[0] in {b"tree", b"parent", b"object"}]


def _entries(content: bytes, size: int) -> Iterator[Sha]:
    at = 0
    while at < len(content):
        name = content.index(b"\0", at) + 1
        if not content.startswith(b"160000 ", at):  # a submodule's commit is elsewhere
            yield Sha(content[name : name + size].hex())
        at = name + size


# What git's check of objects refuses, such as the address of a submodule that would be taken for an option.
_UNSAFE = re.compile(r"^error: object [0-9a-f]+: (.+)$", re.MULTILINE)
_TYPES = {b"commit": 1, b"tree": 2, b"blob": 3, b"tag": 4}


def _packed(kind: bytes, content: bytes) -> bytes:
    """One entry of a pack: type and length in a number of variable width, then the content."""
    length = len(content)
    first, rest = (_TYPES[kind] << 4) | (length & 15), length >> 4
    head = bytearray()
    while rest:
        head.append(first | 128)
        first, rest = rest & 127, rest >> 7
    head.append(first)
    return bytes(head) + zlib.compress(content, 1)


def check_pack(scratch: Scratch, pack: bytes, tips: Iterable[Sha]) -> None:
    """Take a pack into a scratch repository, and check that with it the tips are whole.

    Raises
    ------
    InputError
        The pack is damaged, or something that the tips need is neither in it nor in the source.
    """
    try:
        if pack:
            run_git(["index-pack", "--stdin", "--strict"], git_dir=scratch.path, stdin=pack)
        lines = "\n".join([*sorted(set(tips)), ""])
        arguments = ["rev-list", "--objects", "--quiet", "--missing=allow-promisor", "--stdin", "--not", "--all"]
        run_git(arguments, git_dir=scratch.path, stdin=lines.encode("ascii"))
    except GitError as error:
        unsafe = _UNSAFE.search("\n".join(getattr(error, "__notes__", ())))
        if unsafe is not None:
            raise InputError(
                f"git takes no object like one that the plan makes ({unsafe[1]}); change the plan"
            ) from None
        raise InputError(
            f"the simulated commits do not fit this repository any more: {error}; simulate the plan again"
        ) from None


def bring_in(git_dir: Path, pack: bytes, note: str, *, hold: int | None = None) -> str:
    """Take a pack into a repository, where no clean-up removes it until `let_go`; its name.

    Raises
    ------
    GitError
        It could not be written: a full or read-only disk.
    """
    arguments = ["-c", "core.fsync=committed", "index-pack", "--stdin", "--strict", f"--keep={note}"]
    return run_git(arguments, git_dir=git_dir, stdin=pack, hold=hold).split()[-1].decode("ascii")


def let_go(git_dir: Path, note: str, name: str) -> None:
    """Leave a pack that was brought in under a note to git: what a ref reaches stays.

    Parameters
    ----------
    git_dir : Path
        The repository.
    note : str
        As for `bring_in`.
    name : str
        The name of the pack; see `pack_name`.
    """
    keep = git_dir / "objects" / "pack" / f"pack-{name}.keep"
    with contextlib.suppress(OSError):
        # Where git was killed before it had written the note, nothing is in it.
        if keep.read_text("utf-8", "replace").strip() in {note, ""}:
            keep.unlink()


def pack_name(pack: bytes, object_format: str) -> str:
    """The name that git gives a pack: the digest at its end; empty for no pack."""
    return pack[-(20 if object_format == "sha1" else 32) :].hex()


# -- refs ------------------------------------------------------------------------------------------------------------


def read_refs(git_dir: Path, names: Iterable[str]) -> dict[RefName, Sha]:
    """What some refs hold now; a ref that does not exist is left out.

    Raises
    ------
    GitError
        One of them is symbolic: to move it would move another.
    """
    wanted = set(names)
    out = run_git(["for-each-ref", "--format=%(objectname) %(refname)%00%(symref)"], git_dir=git_dir)
    found = {}
    for line in out.split(b"\n"):
        name, _, symbolic = os.fsdecode(line).partition("\0")
        sha, _, ref = name.partition(" ")
        if ref not in wanted:
            continue
        if symbolic:
            raise GitError(f"{ref} of {git_dir} is a symbolic ref to {symbolic}; name that branch in the plan instead")
        found[RefName(ref)] = Sha(sha)
    return found


def move_refs(
    git_dir: Path,
    moves: Iterable[Move],
    *,
    note: str,
    person: str | None = None,
    hold: int | None = None,
    guard: Callable[[], None] = lambda: None,
) -> None:
    """Move refs, all of them or none, each only from where it is expected.

    Parameters
    ----------
    git_dir : Path
        The git directory that all work trees share.
    moves : iterable of Move
        From where to where.
    note : str
        For the reflogs.
    person : str, optional
        ``Name <address>`` for the reflogs.
    hold : int, optional
        See `run_git`.
    guard : callable
        Called when every ref is locked and verified, right before they move; what it raises stops them.

    Raises
    ------
    GitError
        A ref is not where it is expected, or is locked. Nothing has moved.
    """
    script = [b"start", *map(_asked, moves), b"prepare"]
    variables = _named(person)
    arguments = ["-c", "core.fsync=committed", "update-ref", "--no-deref", "-m", note, "-z", "--stdin"]
    with _popen(arguments, git_dir, variables, personal=False, hold=hold, feed=True) as process:
        try:
            _say(process, b"".join(line + b"\0" for line in script))
            _expect(process, b"start: ok", arguments)
            _expect(process, b"prepare: ok", arguments)
            guard()
            _say(process, b"commit\0")
            _expect(process, b"commit: ok", arguments)
        finally:
            # Without the word to commit git takes everything back when its input ends.
            if process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.close()
            process.wait()


def _asked(move: Move) -> bytes:
    ref, before, after = move
    name = os.fsencode(ref)
    if before == after:
        return b"verify %b\0%b" % (name, (before or "").encode("ascii"))
    if after is None:
        return b"delete %b\0%b" % (name, (before or "").encode("ascii"))
    if before is None:
        return b"create %b\0%b" % (name, after.encode("ascii"))
    return b"update %b\0%b\0%b" % (name, after.encode("ascii"), before.encode("ascii"))


def _say(process: subprocess.Popen[bytes], text: bytes) -> None:
    assert process.stdin is not None  # noqa: S101  Popen was asked for a pipe
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(text)
        process.stdin.flush()


def _expect(process: subprocess.Popen[bytes], answer: bytes, arguments: Sequence[str]) -> None:
    assert process.stdout is not None  # noqa: S101  Popen was asked for a pipe
    assert process.stderr is not None  # noqa: S101  Popen was asked for a pipe
    if process.stdout.readline().rstrip(b"\n") != answer:
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        said = process.stderr.read()
        raise failure(arguments, process.wait(), said)


def _named(person: str | None) -> dict[str, str]:
    if person is None:
        return {}
    name, _, address = person.partition(" <")
    return {"GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": address.rstrip(">")}


def remove_stale_locks(paths: Iterable[Path], since: float) -> None:
    """Remove lock files that a git process left behind when it was killed.

    Parameters
    ----------
    paths : iterable of Path
        The lock files. The caller has made sure that the process which may have made them is dead.
    since : float
        When that process began, in seconds since the epoch; an older lock is somebody else's.

    Raises
    ------
    GitError
        There is a lock of somebody else.
    """
    deadline = time.monotonic() + _PATIENCE
    for path in paths:
        # A living process of somebody else is given the time to end.
        while (made := _made(path)) is not None and time.monotonic() < deadline:
            time.sleep(0.02)
        if made is None:
            continue
        if made < int(since):
            raise GitError(f"{path} was there before: another git process works here, or died; remove it if none runs")
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _made(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def own_identity(git_dir: Path) -> str | None:
    """``Name <address>`` of the person, from their settings and those of the repository; None where git knows none."""
    # useConfigOnly: a name that git would make up from the machine is nobody's.
    arguments = ["-c", "user.useConfigOnly=true", "-c", "safe.directory=*", "var", "GIT_AUTHOR_IDENT"]
    out = run_git(arguments, git_dir=git_dir, accept=(0, 128), personal=True)
    person = out.decode("utf-8", "replace").rpartition(">")[0]
    return f"{person}>" if person else None


__all__ = [
    "Move",
    "bring_in",
    "check_pack",
    "let_go",
    "move_refs",
    "own_identity",
    "pack_name",
    "pack_new",
    "personal_environment",
    "read_refs",
    "remove_stale_locks",
    "run_git",
]
