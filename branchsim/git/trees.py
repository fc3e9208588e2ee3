"""What differs between many pairs of trees, and what several commits in a row changed together, as bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from branchsim.git.difftree import raw_changes

if TYPE_CHECKING:
    from branchsim.git.log import RawChange
    from branchsim.git.scratch import Scratch
    from branchsim.names import Sha

_AT_ONCE = 400

Edits: TypeAlias = "dict[bytes, tuple[bytes, bytes]]"
"""From each path that differs to what was there and what is there, each as git's mode, a space and the id."""


def edits_of(text: bytes) -> Edits:
    """Changes as `read_packed` gives them."""
    found: Edits = {}
    tokens = text.split(b"\0")
    for raw, path in zip(tokens[:-1:2], tokens[1::2], strict=True):
        old_mode, new_mode, old, new, _ = raw[1:].split(b" ")
        found[path] = (old_mode + b" " + old, new_mode + b" " + new)
    return found


def joined(texts: Iterable[bytes]) -> Edits:
    """What several commits in a row changed together, from the changes of each, the newest first."""
    found: Edits = {}
    for text in texts:
        for path, (before, after) in edits_of(text).items():
            later = found.get(path)
            found[path] = (before, after if later is None else later[1])
    return {path: edit for path, edit in found.items() if edit[0] != edit[1]}


def are_together(texts: Sequence[bytes], text: bytes) -> bool:
    """Whether several commits that have no path in common changed together what another text says, and nothing else."""
    if sum(map(len, texts)) != len(text):
        return False
    if len(texts) == 1:
        return texts[0] == text  # git prints the paths of either in the same order
    found: dict[bytes, bytes] = {}
    for each in texts:
        found.update(_by_path(each))
    # Of a path that two of them had changed only the last would have stayed.
    return found == _by_path(text)


def _by_path(text: bytes) -> dict[bytes, bytes]:
    tokens = text.split(b"\0")
    return dict(zip(tokens[1::2], tokens[::2], strict=False))


def edits_between(scratch: Scratch, pairs: Iterable[tuple[Sha, Sha]]) -> Iterator[Edits | None]:
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
        found = raw_changes(scratch, (pair for pair in share if pair[0] != pair[1]))
        for pair in share:
            # Of two trees that it cannot read git lists nothing, and complains elsewhere.
            yield {} if pair[0] == pair[1] else {each.path: _edit(each) for each in found[pair]} or None


def _edit(change: RawChange) -> tuple[bytes, bytes]:
    before, after = f"{change.old_mode} {change.old}", f"{change.new_mode} {change.new}"
    return before.encode("ascii"), after.encode("ascii")


__all__ = ["Edits", "are_together", "edits_between", "edits_of", "joined"]
