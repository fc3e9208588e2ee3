"""What differs between many pairs of trees, to tell equal differences without holding them."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from branchsim.git.log import PackedChange, unpack
from branchsim.git.process import run

if TYPE_CHECKING:
    from branchsim.git.log import RawChange
    from branchsim.git.scratch import Scratch
    from branchsim.names import Sha

_AT_ONCE = 400
_HEADS = re.compile(rb"(?:[0-9a-f]+ [0-9a-f]+\n)+")


def changes_digest(changes: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A digest of changed paths, each ``(path, raw)`` as git prints it, in git's order."""
    tokens = [token for path, raw in changes for token in (raw, path)]
    return hashlib.blake2b(b"\0".join(tokens), digest_size=16).digest()


def digests(scratch: Scratch, pairs: Sequence[tuple[Sha, Sha]], *, processes: int = 1) -> Iterator[bytes]:
    """For each pair of trees the digest of what differs, equal to the `changes_digest` of the same changes.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    pairs : sequence of (Sha, Sha)
        The tree before and the tree after; two different ones.
    processes : int
        How many git processes share the work.

    Yields
    ------
    bytes
        One for each pair, in order; empty where git lists no change, which for two different trees mostly means that it
        has not got one of them.

    Raises
    ------
    GitError
        git failed, for example because an object is corrupt.
    """
    shares = [pairs[start : start + _AT_ONCE] for start in range(0, len(pairs), _AT_ONCE)]
    with ThreadPoolExecutor(max(1, processes)) as pool:
        # Not all shares at once: their outputs wait in memory for their turn.
        for start in range(0, len(shares), 2 * processes):
            for found in pool.map(lambda share: _share(scratch, share), shares[start : start + 2 * processes]):
                yield from found


def changed_apart(
    scratch: Scratch, twos: Sequence[tuple[tuple[Sha, Sha], tuple[Sha, Sha]]]
) -> Iterator[tuple[list[RawChange], list[RawChange]] | None]:
    """For each two pairs of trees what differs in the one pair and not, or not in the same way, in the other.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    twos : sequence of two pairs
        Of each pair the tree before and the tree after.

    Yields
    ------
    two lists of RawChange, or None
        One for each, in order: what only the first pair has, and what only the second. None where git has not got one
        of the trees.

    Raises
    ------
    GitError
        git failed, for example because an object is corrupt.
    """
    for start in range(0, len(twos), _AT_ONCE):
        share = twos[start : start + _AT_ONCE]
        tokens = _read(scratch, [pair for two in share for pair in dict.fromkeys(two)])
        for two in share:
            if any(pair[0] != pair[1] and _head(pair) not in tokens for pair in two):
                yield None
                continue
            one, other = (_changes(tokens.get(_head(pair), [])) for pair in two)
            yield (
                [_unpacked(path, raw) for path, raw in one.items() if other.get(path) != raw],
                [_unpacked(path, raw) for path, raw in other.items() if one.get(path) != raw],
            )


def _changes(tokens: Sequence[bytes]) -> dict[bytes, bytes]:
    return dict(zip(tokens[1::2], tokens[::2], strict=True))


def _unpacked(path: bytes, raw: bytes) -> RawChange:
    return unpack(PackedChange(path, raw))


def _head(pair: tuple[Sha, Sha]) -> bytes:
    return f"{pair[0]} {pair[1]}".encode("ascii")


def _share(scratch: Scratch, pairs: Sequence[tuple[Sha, Sha]]) -> list[bytes]:
    found = {
        head: hashlib.blake2b(b"\0".join(tokens), digest_size=16).digest()
        for head, tokens in _read(scratch, pairs).items()
    }
    return [found.get(_head(pair), b"") for pair in pairs]


def _read(scratch: Scratch, pairs: Sequence[tuple[Sha, Sha]]) -> dict[bytes, list[bytes]]:
    """For each pair that differs, by its two ids, the changes in git's words, each followed by its path."""
    feed = b"".join(_head(pair) + b"\n" for pair in pairs)
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


__all__ = ["changed_apart", "changes_digest", "digests"]
