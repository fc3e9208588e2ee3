"""Generated histories: small, but with everything git allows: hostile paths, modes, octopus merges, several roots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from support.repos import Content, RepoBuilder, executable, submodule, symlink

if TYPE_CHECKING:
    import os

PATHS: tuple[bytes, ...] = (
    b"a",
    b"b",
    b"-x",
    b"dir/a",
    b"dir/b",
    b"dir/sub/c",
    b"with space/'quote\"",
    b"new\nline",
    b"tab\tand\\back",
    b"\xff\xfe not utf-8",
    ":(glob)*.é".encode(),
)

_MESSAGES = st.sampled_from(
    [
        b"Fix\n",
        b"Fix\n\nBody\n\nSigned-off-by: A <a@b>\n",
        b"",
        b"\n\n  leading blank\n",
        b"no newline at the end",
        b"caf\xc3\xa9 \xe2\x9c\x93\n",
        b"caf\xe9 in latin-1, not declared\n",
        b":100644 100644 aaaa bbbb M\tlooks like a change\n",
        b"tricks \\0 %x00 \x01\x02 > < ^m\r\n\r\nmore\n",
    ]
)
_PEOPLE = st.sampled_from(
    ["Ann <ann@example.com>", "Böb Ünïcode <b@example.com>", "x  y <>", "'-o Quote\" <q q@example.com>"]
)
_LINES = st.lists(st.sampled_from([b"one", b"two", b"three", b"", b"  two", b"four\r"]), max_size=6)


def _text(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


_LONG = [b"line %d" % number for number in range(12)]


@st.composite
def _contents(draw: st.DrawFn) -> Content:
    text = draw(_LINES)
    # A file in which two sides can change different lines.
    long = list(_LONG)
    long[draw(st.integers(0, len(long) - 1))] = draw(st.sampled_from([b"changed", b"changed too"]))
    kinds: list[Content] = [
        _text(text),
        _text(long),
        None,
        executable(_text(text)),
        symlink(draw(st.sampled_from([b"a", b"../out", b"dir/a"]))),
        b"\0\1\2" + _text(text),
        submodule(draw(st.sampled_from(["1", "2", "3"])) * 40),
    ]
    return draw(st.sampled_from([*kinds, *kinds[:3], *kinds[:2]]))


@dataclass(frozen=True, slots=True)
class Step:
    """One commit: its parents as indices of earlier steps, and what it changes."""

    parents: tuple[int, ...]
    files: dict[bytes, Content]
    message: bytes
    author: str
    at: int
    whole: bool


@st.composite
def histories(draw: st.DrawFn, *, most: int = 12) -> list[Step]:
    """Commits in an order in which every parent comes first; times are in any order."""
    steps: list[Step] = []
    for index in range(draw(st.integers(1, most))):
        root = index == 0 or draw(st.integers(0, 19)) == 0
        recent = st.integers(max(0, index - 5), index - 1)
        parents = [] if root else draw(st.lists(recent, min_size=1, max_size=3, unique=True))
        steps.append(
            Step(
                parents=tuple(parents),
                files=draw(st.dictionaries(st.sampled_from(PATHS), _contents(), max_size=3)),
                message=draw(_MESSAGES),
                author=draw(_PEOPLE),
                at=1_700_000_000 + draw(st.integers(-3, 3)) * 1000,
                whole=draw(st.integers(0, 14)) == 0,
            )
        )
    return steps


def build(path: str | os.PathLike[str], steps: list[Step]) -> list[str]:
    """Make the history as a bare repository; the ids of its commits. Every commit without a child has a branch."""
    with RepoBuilder(path, bare=True) as repo:
        ids: list[str] = []
        for step in steps:
            ids.append(
                repo.commit(
                    "refs/build/tip",
                    step.files,
                    message=step.message,
                    author=step.author,
                    at=step.at,
                    parents=[ids[parent] for parent in step.parents],
                    whole=step.whole,
                )
            )
        inner = {parent for step in steps for parent in step.parents}
        for index, sha in enumerate(ids):
            if index not in inner:
                repo.branch(f"b{index}", sha)
        repo.branch("refs/build/tip", ids[-1])
        repo.delete("refs/build/tip")
    return ids


__all__ = ["PATHS", "Step", "build", "histories"]
