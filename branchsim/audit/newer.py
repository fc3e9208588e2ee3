"""Changes that raise versions, where the other branch has those versions, or newer ones, by changes of its own."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from branchsim.audit.lines import WHITE_SPACE, Effect, meaningful
from branchsim.effects import classify_path
from branchsim.names import Sha
from branchsim.topology.patterns import VersionKey, version_key

# A name may end where the version begins: effects are lines without white space.
_VERSION = re.compile(rb"(?<![\d.])\d+(?:\.\d+)+(?:[-+.]?\w+)*(?:[-+.]\x01)?")
# Fourteen digits are a time to the second, as in Go's versions of commits, and times have an order.
_DIGEST = re.compile(rb"(?<![0-9a-z])(?!\d{14}(?![0-9a-z]))[0-9a-f]{12,64}(?![0-9a-z])")
_STAND_IN = b"\x01"
"""What stands for a digest, in and behind a version too."""
_LETTERS = re.compile(rb"[a-z]", re.IGNORECASE)
_FEWEST_LETTERS = 2
_MOST = 300
"""A change of more lines is no change of versions."""

_DERIVED = frozenset({"lock-file", "change-log", "vendored"})
"""What follows from the versions."""

_RAISES = re.compile(
    r"\b(?:bump|updat|upgrad|rais|pin|chang)\w*\s+(?:(?:the|dependency|version|of|module|package)\s+)*(?P<name>[\w@./:+-]+)",
    re.IGNORECASE,
)
_NO_NAME = frozenset(
    {"all", "and", "build", "deps", "dependencies", "dependency", "dev", "for", "from", "in", "minor", "number",
     "patch", "release", "requirements", "snapshot", "the", "to", "version", "versions"}
)  # fmt: skip


class _Setting(NamedTuple):
    """A line that says a version of something: the line with the version taken out, and the version."""

    about: bytes
    version: bytes


class Newer(NamedTuple):
    """Where a tree has the version that a change brings or a newer one, and whether it is newer."""

    path: bytes
    line: bytes
    newer: bool


@functools.lru_cache(maxsize=65_536)
def _setting(line: bytes) -> _Setting | None:
    if _VERSION.search(line) is None:  # most lines of a file
        return None
    plain = _DIGEST.sub(_STAND_IN, line)
    found = _VERSION.findall(plain)
    about = _VERSION.sub(b"\0", plain)
    # A line of nothing but a version is about what its file is called after.
    if len(found) != 1 or (0 < len(_LETTERS.findall(about)) < _FEWEST_LETTERS):
        return None
    return _Setting(about, found[0].rstrip(b"-+." + _STAND_IN))


@functools.lru_cache(maxsize=65_536)
def _order(version: bytes) -> VersionKey:
    return version_key(version.decode("utf-8", "replace"))


def _settings(lines: Iterable[bytes]) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = defaultdict(list)
    for line in lines:
        setting = _setting(line)
        if setting is not None:
            found[setting.about].append(setting.version)
    return found


def raised(effects: Sequence[Effect]) -> dict[bytes, dict[bytes, bytes]]:
    """The versions that a change raises, outside lock and vendored files: for each path from what they are of to them.

    Parameters
    ----------
    effects : sequence of Effect
        What it does, path by path.
    """
    found: dict[bytes, dict[bytes, bytes]] = {}
    for effect in effects:
        if classify_path(effect.path) in _DERIVED or len(effect.added) > _MOST:
            continue
        before, after = _settings(effect.removed), _settings(effect.added)
        up = {
            about: versions[0]
            for about, versions in after.items()
            if len(versions) == len(before.get(about, ())) == 1 and _order(before[about][0]) < _order(versions[0])
        }
        if up:
            found[effect.path] = up
    return found


def held(
    effects: Sequence[Effect],
    ups: Mapping[bytes, Mapping[bytes, bytes]],
    trees: Iterable[Sha],
    contents: Callable[[bytes, Sequence[Sha]], Mapping[Sha, bytes | None]],
) -> tuple[Sha, Newer] | None:
    """The first of some trees that has the versions which a change brings, or newer ones, and all else that it does.

    Parameters
    ----------
    effects : sequence of Effect
        What the change does, path by path.
    ups : mapping
        The versions that it raises, from `raised`.
    trees : iterable of Sha
        The trees.
    contents : callable
        The files at a path of some of the trees; None where there is none.

    Returns
    -------
    tuple of (Sha, Newer) or None
        The tree and the line to show. What a tree does not speak of any more needs no version there; but one it has to
        have.
    """
    shown: dict[Sha, list[Newer]] = {tree: [] for tree in trees} if ups else {}
    for effect in effects:
        if not shown:
            return None
        if classify_path(effect.path) in _DERIVED:
            continue
        # Most trees have not got the first file as it should be, and of those that have it many have the same.
        known: dict[bytes, list[Newer] | None] = {}
        for tree, content in contents(effect.path, list(shown)).items():
            text = content or b""
            if text not in known:
                known[text] = _held_in(text, effect, ups.get(effect.path, {}))
            found = known[text]
            if found is None:
                del shown[tree]
            else:
                shown[tree] += found
    for tree, lines in shown.items():
        if lines:
            return tree, next((each for each in lines if each.newer), lines[0])
    return None


def _held_in(text: bytes, effect: Effect, own: Mapping[bytes, bytes]) -> list[Newer] | None:
    """The lines of a file with the versions that a change brings, or newer ones; None where it lacks something."""
    rest = [line for line in effect.added if _about(line) not in own]
    plain = text.translate(None, WHITE_SPACE)
    # Most files that have not got a line have not got its text either.
    if any(line not in plain for line in rest):
        return None
    lines = meaningful(text)
    if any(line not in lines for line in rest) or any(line in lines for line in effect.removed):
        return None
    there = _settings(lines) if own else {}
    versions = {about: min(there[about], key=_order) for about in own if about in there}
    if any(_order(version) < _order(own[about]) for about, version in versions.items()):
        return None
    return [
        Newer(effect.path, _as_written(text, about, version), newer=_order(version) > _order(own[about]))
        for about, version in versions.items()
    ]


def _about(line: bytes) -> bytes | None:
    setting = _setting(line)
    return None if setting is None else setting.about


def _as_written(text: bytes, about: bytes, version: bytes) -> bytes:
    for line in text.split(b"\n"):
        if _setting(line.translate(None, WHITE_SPACE)) == (about, version):
            return line.strip()
    return version  # pragma: no cover  it is of a line


def is_of_another(subject: str, effects: Sequence[Effect]) -> bool:
    """Whether a change raises the version of something that its subject names, and not that of its own project.

    Parameters
    ----------
    subject : str
        Of the change, such as ``Bump log4j-core from 2.14.1 to 2.17.1``.
    effects : sequence of Effect
        What it does, path by path.
    """
    about = b"\n".join(about for up in raised(effects).values() for about in up).lower()
    if not about:
        return False
    for found in _RAISES.finditer(subject):
        name = re.split(r"[/:@]", found["name"].rstrip("./:@"))[-1].lower()
        if name not in _NO_NAME and not name[:1].isdigit() and name.encode() in about:
            return True
    return False


__all__ = ["Newer", "held", "is_of_another", "raised"]
