"""Merge drivers: programs that git runs in the place of its own merge of a file.

They run in scratch repositories only, and only those that somebody asked for by name.
"""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from branchsim.errors import InputError
from branchsim.git.process import run
from branchsim.git.transaction import run_git

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from branchsim.git.objects import ObjectReader
    from branchsim.git.scratch import Scratch
    from branchsim.names import Sha

_NONE = frozenset({"unspecified", "unset", "set", "text", "binary"})
_LIMIT = 1_000_000
_ATTRIBUTES = b".gitattributes"
_PATTERNS = "drivers"
_FAILURES = "drivers-that-failed"


class Driver(NamedTuple):
    """A merge driver: its name, its command with git's placeholders, and the patterns of its files."""

    name: str
    command: str
    paths: tuple[str, ...]


def own_command(scratch: Scratch, name: str) -> str | None:
    """What the person's own configuration, not a repository's, has for a merge driver."""
    key = f"merge.{name}.driver"
    out = run_git(["config", "--null", "--get", key], git_dir=scratch.path, personal=True, accept=(0, 1))
    return out.decode("utf-8", "surrogateescape").removesuffix("\0") or None


def check_command(name: str, command: str) -> None:
    """Make sure that the program of a driver is there: git takes one that is not for a conflict.

    Raises
    ------
    InputError
        It is not on the path, or named relative to a directory.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise InputError(f"the merge driver {name!r} has the command {command!r}: {error}; mend it") from None
    # Other first words are the shell's: an assignment, an expansion, a bracket.
    if not words or re.fullmatch(r"[\w./-]+", words[0]) is None or _is_builtin(words[0]):
        return
    if "/" in words[0] and not Path(words[0]).is_absolute():
        raise InputError(
            f"the merge driver {name!r} runs {words[0]!r}, and nothing is checked out; name the program by its "
            "absolute path"
        )
    if shutil.which(words[0]) is None:
        raise InputError(
            f"the merge driver {name!r} runs {words[0]!r}, which is not on PATH; install it, or name it by its "
            "absolute path"
        )


def _is_builtin(word: str) -> bool:
    return word in {"exec", "test", "true", "false", "if", "for", "case", "while", "cd", "exit", "set", "command"}


def options(scratch: Scratch, drivers: Sequence[Driver]) -> list[str]:
    """The options with which git runs these drivers, and no others."""
    place = scratch.path / _PATTERNS
    for old in (place, scratch.path / _FAILURES):
        old.unlink(missing_ok=True)
    if not drivers:
        return []
    lines = [f"{_quoted(path)} merge={driver.name}\n" for driver in drivers for path in driver.paths]
    place.write_text("".join(lines), encoding="utf-8", errors="surrogateescape")
    found = ["-c", f"core.attributesFile={place}"]
    failures = shlex.quote(str(scratch.path / _FAILURES))
    for driver in drivers:
        # What a driver prints or reads must not meet what git says and is asked. A program that is not there or dies is
        # a conflict to git; it is told apart here.
        script = (
            f"( {driver.command}\n) </dev/null >&2\nstatus=$?\n"
            f"test $status -lt 126 || echo {shlex.quote(driver.name)} $status >>{failures}\nexit $status"
        )
        found += ["-c", f"merge.{driver.name}.driver={script}"]
    return found


def check_ran(scratch: Scratch) -> None:
    """Make sure that no driver died so far.

    Raises
    ------
    InputError
        One did, or could not be started; what it merged counts for nothing.
    """
    place = scratch.path / _FAILURES
    if place.exists():
        name, _, status = place.read_text("utf-8", "replace").partition("\n")[0].rpartition(" ")
        raise InputError(
            f"the merge driver {name!r} could not be run or died (status {status}); mend its command, or leave it out"
        )


def named_drivers(scratch: Scratch, reader: ObjectReader, tree: Sha, paths: Iterable[bytes]) -> dict[bytes, str]:
    """The merge drivers that the ``.gitattributes`` of a tree name for paths and that do not run here.

    Nothing is run but git's own reading of attributes.
    """
    wanted = sorted(set(paths))
    files = list(_attribute_files(reader, tree, wanted))
    # Most have none, or speak of line ends only; then no process is worth it.
    contents = dict(reader.blobs([sha for _, sha in files], limit=_LIMIT))
    if not any(isinstance(content, bytes) and b"merge" in content for content in contents.values()):
        return {}
    index = scratch.path / "index"
    try:
        feed = b"".join(b"100644 %b\t%b\0" % (sha.encode("ascii"), path) for path, sha in files)
        run(["update-index", "-z", "--index-info"], scratch.path, stdin=feed)
        named = _asked(scratch, ["--cached"], wanted)
    finally:
        index.unlink(missing_ok=True)
    patterns = scratch.path / _PATTERNS
    if named and patterns.exists():
        ran = _asked(scratch, [], sorted(named), attributes=patterns)
        named = {path: name for path, name in named.items() if path not in ran}
    return named


def _attribute_files(reader: ObjectReader, tree: Sha, paths: Iterable[bytes]) -> Iterator[tuple[bytes, Sha]]:
    """The attribute files of the directories above some paths."""
    above = {b""}
    for path in paths:
        parts = path.split(b"/")[:-1]
        above |= {b"/".join(parts[:length]) + b"/" for length in range(1, len(parts) + 1)}
    found = reader.entries([(tree, directory + _ATTRIBUTES) for directory in sorted(above)])
    for (_, path), entry in found.items():
        if not (entry.is_tree or entry.is_symlink or entry.is_submodule):
            yield path, entry.sha


def _asked(
    scratch: Scratch, arguments: Sequence[str], paths: Sequence[bytes], attributes: Path | None = None
) -> dict[bytes, str]:
    """Which driver git's attributes name for each of some paths, where it is one that a program is for."""
    settings = [] if attributes is None else ["-c", f"core.attributesFile={attributes}"]
    feed = b"".join(path + b"\0" for path in paths)
    out = run([*settings, "check-attr", "-z", *arguments, "--stdin", "merge"], scratch.path, stdin=feed)
    tokens = out.split(b"\0")
    answers = zip(tokens[::3], tokens[2::3], strict=False)
    named = ((path, value.decode("utf-8", "replace")) for path, value in answers)
    return {path: value for path, value in named if path and value not in _NONE}


def _quoted(pattern: str) -> str:
    """A pattern as ``.gitattributes`` takes it whatever it holds."""
    escaped = pattern.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


__all__ = ["Driver", "check_command", "check_ran", "named_drivers", "options", "own_command"]
