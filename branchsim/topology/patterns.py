"""Patterns: names such as ``release/*``, globs of paths, and the order of versions. All pure text, no file is touched.

Two kinds of pattern are in use, because names and paths behave differently:

- a *name pattern* (branches, families, release tags): ``*`` matches any text, ``/`` included, so that ``hotfix/*``
  holds ``hotfix/team/login``; ``?`` one character; ``[ab]`` one of a set, ``[!ab]`` one not in it. Case matters, as it
  does to git. git forbids these characters in the names of references, so a name is never mistaken for a pattern.
- a *path glob* (ignore rules, waivers): as a line of ``.gitignore``; see `PathGlobs`.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MAGIC = frozenset("*?[")
_PRE_RELEASE = {
    word: rank
    for rank, words in enumerate(
        (
            ("dev", "snapshot", "nightly"),
            ("a", "alpha"),
            ("b", "beta"),
            ("m", "milestone"),
            ("pre", "preview"),
            ("c", "rc"),
        )
    )
    for word in words
}

VersionKey = tuple[tuple[int, int, str], ...]
"""What `version_key` returns: compare two of them to learn which version is older."""


def is_pattern(name: str) -> bool:
    """Whether a name is a pattern (holds ``*``, ``?`` or ``[``) and not the name of one branch."""
    return not _MAGIC.isdisjoint(name)


def _set(glob: str, start: int) -> tuple[str, int] | None:
    """Translate the set that opens at ``glob[start]``; ``None`` where it never closes and ``[`` means itself."""
    first = start + 2 if glob[start + 1 : start + 2] in ("!", "^") else start + 1
    end = glob.find("]", first + 1)
    if end < 0:
        return None
    negated = first == start + 2
    # Hyphens keep their meaning (a-z); everything else that means something inside a set of `re` is escaped.
    body = re.sub(r"([\\\[\]^&~|])", r"\\\1", glob[first:end])
    try:
        re.compile(f"[{body}]")
    except re.error:  # a range that runs backwards holds no character
        return "." if negated else "(?!)", end + 1
    return f"[{'^' if negated else ''}{body}]", end + 1


def _translate(glob: str) -> str:
    """Turn a glob into the source of a regular expression whose cost is linear in the text."""
    parts: list[list[str]] = [[]]
    position = 0
    while position < len(glob):
        character = glob[position]
        if character == "*":
            if parts[-1] or len(parts) == 1:
                parts.append([])
            position += 1
        elif character == "?":
            parts[-1].append(".")
            position += 1
        elif character == "[" and (found := _set(glob, position)) is not None:
            parts[-1].append(found[0])
            position = found[1]
        else:
            if character == "\\" and position + 1 < len(glob):
                position += 1
                character = glob[position]
            parts[-1].append(re.escape(character))
            position += 1
    if len(parts) == 1:
        return "".join(parts[0])
    # The first place where the text after a star fits is always good enough for the rest, so each star but the last is
    # an atomic group: a hostile pattern of many stars cannot make the match explode.
    head, *middle, tail = parts
    inner = "".join(f"(?>.*?{''.join(part)})" for part in middle if part)
    return f"{''.join(head)}{inner}.*{''.join(tail)}"


@functools.lru_cache(maxsize=1024)
def _compiled(glob: str) -> re.Pattern[str]:
    return re.compile(_translate(glob), re.DOTALL)


def matches(pattern: str, name: str) -> bool:
    """Whether a name is the pattern, or is matched by it.

    Parameters
    ----------
    pattern : str
        A name pattern such as ``release/*``, or a plain name.
    name : str
        The name of a real branch or tag.
    """
    if not is_pattern(pattern):
        return pattern == name
    return pattern == name or _compiled(pattern).fullmatch(name) is not None


def specificity(pattern: str) -> tuple[int, int]:
    """How precise a pattern is: a plain name first, then the more literal characters. Larger is more precise."""
    return (not is_pattern(pattern), sum(character not in "*?[]!" for character in pattern))


def most_specific(patterns: Iterable[str], name: str) -> str | None:
    """The most precise of the patterns that match a name; of equals the first. ``None`` where none matches."""
    found = [pattern for pattern in patterns if matches(pattern, name)]
    return max(found, key=specificity) if found else None


def version_key(name: str) -> VersionKey:
    """A key that sorts names of releases from the oldest to the newest.

    The name is cut into runs of digits and runs of letters; everything else only separates. Then, place by place: a
    word that announces a release (``dev``, ``alpha``, ``beta``, ``rc`` ...) is older than the end of the name, the end
    is older than any other word, a word is older than a number, numbers compare as numbers, and ``x`` as in ``1.x`` is
    newer than every number because such a line stays open. So ``1.2-rc1 < 1.2 < 1.2-lts < 1.2.1 < 1.10 < 1.x < 2.0``.

    Parameters
    ----------
    name : str
        The name, with or without a prefix that all names share (``release/1.2``).

    Returns
    -------
    tuple
        Comparable with every other key. Names that differ only in separators or case give equal keys.
    """
    key: list[tuple[int, int, str]] = []
    for run in re.findall(r"[0-9]+|[^\W\d_]+", name):
        word = run.casefold()
        if run[0] in "0123456789":
            digits = run.lstrip("0")
            key.append((3, len(digits), digits))  # by length, then as text: a number of any size, without int()
        elif word == "x" and key:
            key.append((4, 0, ""))
        elif word in _PRE_RELEASE and key:
            key.append((0, _PRE_RELEASE[word], ""))
        else:
            key.append((2, 0, word))
    key.append((1, 0, ""))
    return tuple(key)


def in_version_order(names: Iterable[str]) -> tuple[str, ...]:
    """Distinct names from the oldest version to the newest; ties in alphabetical order."""
    return tuple(sorted(set(names), key=lambda name: (version_key(name), name)))


class PathGlobs:
    r"""Path globs with the semantics of a ``.gitignore`` at the root of the repository.

    - ``*`` and ``?`` do not cross ``/``; ``**/`` at the start, ``/**/`` in the middle and ``/**`` at the end do;
    - a glob without ``/`` (other than one at its end) matches a file or directory of that name at any depth:
      ``*.lock``, ``CHANGELOG.md``; with one, it is anchored at the root: ``/docs``, ``docs/*.md``;
    - a glob that matches a directory matches everything below it; one that ends with ``/`` matches directories only;
    - ``!`` at the start takes back what earlier globs matched; the last glob that matches decides, and unlike in
      ``.gitignore`` a file can be taken back although its whole directory was matched;
    - ``\`` makes the next character mean itself; case matters.

    Parameters
    ----------
    globs : iterable of str
        The globs, in order.
    """

    __slots__ = ("_rules", "globs")

    def __init__(self, globs: Iterable[str]) -> None:
        self.globs = tuple(globs)
        self._rules = tuple(_PathRule(glob) for glob in self.globs)

    def __repr__(self) -> str:
        return f"PathGlobs({self.globs!r})"

    def covers(self, path: str) -> bool:
        """Whether a path of a file, relative to the root and with ``/``, is matched."""
        return self.decided_by(path) is not None

    def decided_by(self, path: str) -> str | None:
        """The glob because of which the path is matched, or ``None``."""
        segments = path.split("/")
        for rule in reversed(self._rules):
            if rule.matches(segments):
                return None if rule.negated else rule.glob
        return None


class _PathRule:
    """One glob, cut into segments; ``None`` stands for ``**``."""

    __slots__ = ("directory_only", "glob", "negated", "segments")

    def __init__(self, glob: str) -> None:
        self.glob = glob
        self.negated = glob.startswith("!")
        body = glob[1:] if self.negated else glob
        self.directory_only = body.endswith("/")
        body = body.removesuffix("/")
        anchored = "/" in body
        body = body.removeprefix("/")
        cut = body.split("/")
        segments: list[str | None] = [None if segment == "**" else segment for segment in cut]
        if not anchored:
            segments.insert(0, None)
        self.segments: tuple[str | None, ...] = tuple(segments)

    def matches(self, path: Sequence[str]) -> bool:
        """Whether the file, or one of the directories it lies in, is matched."""
        # states[i] is true when the first i segments of the glob match what was read of the path so far
        count = len(self.segments)
        states = self._skip([True] + [False] * count)
        for index, name in enumerate(path):
            following = [False] * (count + 1)
            for at, segment in enumerate(self.segments):
                if not states[at]:
                    continue
                if segment is None:
                    following[at] = True
                    if at == count - 1:
                        following[count] = True
                elif _compiled(segment).fullmatch(name) is not None:
                    following[at + 1] = True
            states = self._skip(following)
            is_directory = index < len(path) - 1
            if states[count] and (is_directory or not self.directory_only):
                return True
        return False

    def _skip(self, states: list[bool]) -> list[bool]:
        """Let a ``**`` that is not the last segment match no directory at all."""
        for at, segment in enumerate(self.segments[:-1]):
            if states[at] and segment is None:
                states[at + 1] = True
        return states
