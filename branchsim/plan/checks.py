"""What a plan may name: branches, tags, revisions, paths, people. What a stranger's file could abuse is refused here.

A plan becomes refs and trees, so a name that git would read as an option, or a path that would leave the tree or reach
into ``.git``, is an error before any repository is opened.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from branchsim.errors import InputError, TopologyError
from branchsim.topology import is_pattern
from branchsim.topology.records import check_name

if TYPE_CHECKING:
    from collections.abc import Iterable

LATEST = 253_402_300_799
"""The last second of the year 9999, beyond which TOML has no dates."""

_PERSON = re.compile(r"[^<>\x00-\x1f\x7f]*[^<>\x00-\x20\x7f] <[^<>\x00-\x20\x7f]*>")
_DRIVE = re.compile(r"[A-Za-z]:")
# Windows takes these for `.git` too: a short name, trailing dots and spaces, a stream.
_GIT_ON_NTFS = re.compile(r"(?:\.git|git~[0-9]+)[. ]*(?::.*)?", re.IGNORECASE | re.DOTALL)


class PlanError(InputError):
    """A plan is invalid, cannot be read, or does not fit the repository or the topology."""


def check_text(value: object, where: str, *, empty: bool = False) -> str:
    """Return a text that every format can hold, or raise.

    Raises
    ------
    PlanError
        It is no text, is empty though it must not be, or holds a NUL or half a character (a lone surrogate).
    """
    if not isinstance(value, str):
        raise PlanError(f"{where}: expected a text, not {type(value).__name__}")
    if not empty and not value.strip():
        raise PlanError(f"{where}: is empty; give a text")
    if "\0" in value:
        raise PlanError(f"{where}: {value!r} holds a NUL character; remove it")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise PlanError(f"{where}: {value!r} cannot be written as UTF-8; replace the characters that are broken")
    return value


def check_label(value: object, where: str) -> str:
    """Return a name of a plan or step: one line of printable text."""
    text = check_text(value, where)
    if not text.isprintable() or text != text.strip():
        raise PlanError(f"{where}: {text!r} must be one line of printable text without spaces around it")
    return text


def check_ref(name: object, where: str) -> str:
    """Return the name of one branch or tag, as ``git branch`` prints it, or raise.

    Raises
    ------
    PlanError
        It is a pattern, a full ref name, an option, or a name that git refuses.
    """
    text = check_text(name, where)
    try:
        check_name(text, where)
    except TopologyError as error:
        raise PlanError(str(error)) from None
    if is_pattern(text):
        raise PlanError(f"{where}: {text!r} is a pattern; name one branch or tag")
    if text.startswith("refs/"):
        raise PlanError(f"{where}: {text!r} is a full ref name; write it without {'/'.join(text.split('/')[:2])}/")
    if text == "HEAD":
        raise PlanError(f"{where}: HEAD is no branch or tag; name the one that is meant")
    return text


def check_revision(revision: object, where: str) -> str:
    """Return something git may resolve to a commit (a branch, a tag, an id, ``main~2``), or raise."""
    text = check_text(revision, where)
    if text.startswith("-"):
        raise PlanError(f"{where}: {text!r} looks like an option; name a branch, a tag or a commit")
    if not text.isprintable() or " " in text or ".." in text or text.startswith(("^", ":")):
        raise PlanError(f"{where}: {text!r} names no single commit; give a branch, a tag or a commit id")
    return text


def check_path(path: object, where: str) -> str:
    """Return a path of a file in a tree, or raise.

    Raises
    ------
    PlanError
        It is absolute, leaves the tree, is not normalised, or reaches into ``.git`` under any of the names that Windows
        and macOS take for it.
    """
    text = check_text(path, where)
    if text.startswith(("/", "\\")) or _DRIVE.match(text):
        raise PlanError(f"{where}: the path {text!r} is absolute; write it relative to the root of the repository")
    for part in re.split(r"[/\\]", text):
        if part in {"", ".", ".."}:
            raise PlanError(
                f"{where}: the path {text!r} has a part {part!r}; write the plain path inside the repository"
            )
        if _is_git(part):
            raise PlanError(
                f"{where}: the path {text!r} reaches into the git directory ({part!r}); nothing may be written there"
            )
    return text


def _is_git(part: str) -> bool:
    # macOS ignores characters of the format class (zero-width joiners and their like) in file names.
    visible = "".join(character for character in part if unicodedata.category(character) != "Cf")
    return any(_GIT_ON_NTFS.fullmatch(name) is not None for name in (part, visible))


def check_person(person: object, where: str) -> str:
    """Return an identity ``Name <address>``, or raise."""
    text = check_text(person, where)
    if _PERSON.fullmatch(text) is None:
        raise PlanError(f"{where}: {text!r} is no identity; write it as 'Name <address>'")
    return text


def check_time(at: object, where: str) -> int:
    """Return seconds since the epoch, or raise."""
    if not isinstance(at, int) or isinstance(at, bool) or not 0 <= at <= LATEST:
        raise PlanError(f"{where}: the time {at!r} must be whole seconds since 1970, UTC, and before the year 10000")
    return at


def check_several(values: object, where: str) -> tuple[object, ...]:
    """Return several things as a tuple; a single text is refused, since its characters would be taken for them."""
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        raise PlanError(f"{where}: expected several, not {type(values).__name__}")
    several: Iterable[object] = values
    return tuple(several)


__all__ = [
    "LATEST",
    "PlanError",
    "check_label",
    "check_path",
    "check_person",
    "check_ref",
    "check_revision",
    "check_several",
    "check_text",
    "check_time",
]
