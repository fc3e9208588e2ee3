"""Merge drivers: programs that git runs in the place of its own merge of a file.

They run in scratch repositories only, and only those that somebody asked for by name.
"""

from __future__ import annotations

import re
import shlex
import shutil
from typing import TYPE_CHECKING, NamedTuple

from branchsim.errors import InputError
from branchsim.git.process import run
from branchsim.git.transaction import run_git

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from branchsim.git.objects import ObjectReader
    from branchsim.git.scratch import Scratch
    from branchsim.names import Sha

_NONE = frozenset({"unspecified", "unset", "set", "text", "binary"})
_LIMIT = 1_000_000


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
        It is not on the path.
    """
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    # Other first words are the shell's: an assignment, an expansion, a bracket.
    named = bool(words) and re.fullmatch(r"[\w./-]+", words[0]) is not None
    if named and shutil.which(words[0]) is None and not _is_builtin(words[0]):
        raise InputError(
            f"the merge driver {name!r} runs {words[0]!r}, which is not on PATH; install it, or name it by its "
            "absolute path"
        )


def _is_builtin(word: str) -> bool:
    return word in {"exec", "test", "true", "false", "if", "for", "case", "while", "cd", "exit", "set", "command"}


def options(scratch: Scratch, drivers: Sequence[Driver]) -> list[str]:
    """The options with which git runs these drivers, and no others."""
    if not drivers:
        return []
    place = scratch.path / "drivers"
    lines = [f"{_quoted(path)} merge={driver.name}\n" for driver in drivers for path in driver.paths]
    place.write_text("".join(lines), encoding="utf-8", errors="surrogateescape")
    found = ["-c", f"core.attributesFile={place}"]
    for driver in drivers:
        # What a driver prints or reads must not meet what git says and is asked.
        found += ["-c", f"merge.{driver.name}.driver=( {driver.command}\n) </dev/null >&2"]
    return found


def named_drivers(scratch: Scratch, reader: ObjectReader, tree: Sha, paths: Iterable[bytes]) -> dict[bytes, str]:
    """The merge drivers that the ``.gitattributes`` at the root of a tree names for paths; nothing is run."""
    wanted = sorted(set(paths))
    entry = reader.entry(tree, b".gitattributes")
    if entry is None or not wanted or entry.is_symlink or entry.is_submodule:
        return {}
    content = reader.blob(entry.sha, limit=_LIMIT)
    if content is None:
        return {}
    place = scratch.path / "attributes-asked"
    place.write_bytes(content)
    feed = b"".join(path + b"\0" for path in wanted)
    out = run(["-c", f"core.attributesFile={place}", "check-attr", "-z", "--stdin", "merge"], scratch.path, stdin=feed)
    tokens = out.split(b"\0")
    answers = zip(tokens[::3], tokens[2::3], strict=False)
    named = ((path, value.decode("utf-8", "replace")) for path, value in answers)
    return {path: value for path, value in named if path and value not in _NONE}


def _quoted(pattern: str) -> str:
    """A pattern as ``.gitattributes`` takes it whatever it holds."""
    escaped = pattern.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


__all__ = ["Driver", "check_command", "named_drivers", "options", "own_command"]
