"""What differs between many pairs of trees, and what several commits in a row changed together, as bytes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from branchsim.git.process import run

if TYPE_CHECKING:
    from branchsim.git.scratch import Scratch
    from branchsim.names import Sha

_AT_ONCE = 400
_HEADS = re.compile(rb"(?:[0-9a-f]+ [0-9a-f]+\n)+")

Edits: TypeAlias = "dict[bytes, tuple[bytes, bytes]]"
"""From each path that differs to what was there and what is there, each as git's mode, a space and the id."""


def edits_of(text: bytes) -> Edits:
    """Changes as `read_packed` gives them."""
    return _edits(text.split(b"\0"))


def joined(texts: Iterable[bytes]) -> Edits:
    """What several commits in a row changed together, from the changes of each, the newest first."""
    found: Edits = {}
    for text in texts:
        for path, (before, after) in edits_of(text).items():
            later = found.get(path)
            found[path] = (before, after if later is None else later[1])
    return {path: edit for path, edit in found.items() if edit[0] != edit[1]}


def differing(scratch: Scratch, pairs: Iterable[tuple[Sha, Sha]]) -> Iterator[Edits | None]:
    """For each pair of trees what differs.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    pairs : iterable of (Sha, Sha)
        The tree before and the tree after.

    Yields
    ------
    dict or None
        One for each pair, in order; None for two trees of which git has not got one.

    Raises
    ------
    GitError
        git failed, for example because an object is corrupt.
    """
    wanted = list(pairs)
    for start in range(0, len(wanted), _AT_ONCE):
        share = wanted[start : start + _AT_ONCE]
        found = _read(scratch, [pair for pair in dict.fromkeys(share) if pair[0] != pair[1]])
        for pair in share:
            tokens = found.get(f"{pair[0]} {pair[1]}".encode("ascii"))
            yield {} if pair[0] == pair[1] else None if tokens is None else _edits(tokens)


def _edits(tokens: Sequence[bytes]) -> Edits:
    found: Edits = {}
    for raw, path in zip(tokens[::2], tokens[1::2], strict=False):
        old_mode, new_mode, old, new, _ = raw[1:].split(b" ")
        found[path] = (old_mode + b" " + old, new_mode + b" " + new)
    return found


def _read(scratch: Scratch, pairs: Sequence[tuple[Sha, Sha]]) -> dict[bytes, list[bytes]]:
    """For each pair that differs, by its two ids, the changes in git's words, each followed by its path."""
    if not pairs:
        return {}
    feed = b"".join(f"{one} {other}\n".encode("ascii") for one, other in pairs)
    arguments = ["diff-tree", "--stdin", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--ignore-submodules=none"]
    tokens = run(arguments, scratch.path, stdin=feed).split(b"\0")
    # Every other token is a path. What stands between begins with the names of the pairs that begin there.
    found: dict[bytes, list[bytes]] = {}
    begins: list[tuple[bytes, int]] = []
    for at in range(0, len(tokens), 2):
        token = tokens[at]
        if not token.startswith(b":") and (heads := _HEADS.match(token)):
            begins += [(head, at) for head in heads[0].splitlines()]
            tokens[at] = token[heads.end() :]
    begins.append((b"", len(tokens) - 1))
    for (head, start), (_, stop) in itertools.pairwise(begins):
        if start == stop:
            continue  # git repeats a line whose trees it cannot read, and complains elsewhere
        found[head] = tokens[start:stop]
    return found


__all__ = ["Edits", "differing", "edits_of", "joined"]
