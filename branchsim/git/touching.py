"""Which commits of two lines of history touch the same paths, and what each made of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from branchsim.git.log import RawChange, unpack
from branchsim.git.process import run
from branchsim.names import Sha

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from branchsim.git.objects import ObjectReader, TreeEntry
    from branchsim.git.scratch import Scratch

_HEAD = re.compile(rb"([<>])([0-9a-f]{40}|[0-9a-f]{64})")
_FEW = 20
MANY = 1000
"""Of more commits git itself is asked which of them touched a path: it reads no tree that it need not."""

_SUBMODULE = "160000"
_NOTHING = "000000"


class Touch(NamedTuple):
    """A commit that changed a path, and how."""

    commit: Sha
    change: RawChange

    @property
    def before(self) -> Sha | None:
        """The file before; None for nothing and for a submodule."""
        return _file(self.change.old_mode, self.change.old)

    @property
    def after(self) -> Sha | None:
        """The file after; None for nothing and for a submodule."""
        return _file(self.change.new_mode, self.change.new)


def commits_touching(
    scratch: Scratch, ours: Sha, theirs: Sha, paths: Collection[bytes]
) -> dict[bytes, tuple[list[Touch], list[Touch]]]:
    """The commits on either side of a merge that changed some paths since the sides parted.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    ours, theirs : Sha
        The two commits.
    paths : collection of bytes
        The paths. Merges are left out, and renames are not followed: ask for the old names too.

    Returns
    -------
    dict
        From each path to the commits of ours and of theirs, newest first.

    Raises
    ------
    GitError
        git failed, for example because an object is missing.
    """
    found: dict[bytes, tuple[list[Touch], list[Touch]]] = {path: ([], []) for path in paths}
    if not found:
        return found
    arguments: list[str | bytes] = [
        "log",
        "-z",
        "--format=%m%H%x00",
        "--raw",
        "--no-abbrev",
        "--no-renames",
        "--no-merges",
        "--left-right",
    ]
    # git compares every path it meets with every path it is asked for: with many, reading all is faster.
    limits: list[str | bytes] = ["--full-history", "--", *sorted(found)] if len(found) <= _FEW else ["--"]
    tokens = run([*arguments, f"{ours}...{theirs}", *limits], scratch.path).split(b"\0")
    side, sha = 0, Sha("")
    entry = b""
    for token in tokens:
        if entry:
            # A path could look like a head, but it stands after its entry.
            if token in found:
                (change,) = unpack(entry + b"\0" + token + b"\0")
                found[token][side].append(Touch(sha, change))
            entry = b""
        elif (head := _HEAD.fullmatch(token)) is not None:
            side, sha = int(head[1] == b">"), Sha(head[2].decode("ascii"))
        elif token.lstrip(b"\n").startswith(b":"):
            entry = token.lstrip(b"\n")
    return found


class Difference(NamedTuple):
    """A commit, and the trees before and after it; before a first commit there is none."""

    commit: Sha
    before: Sha | None
    after: Sha


def touched(
    reader: ObjectReader, differences: Sequence[Difference], paths: Collection[bytes]
) -> dict[bytes, list[Touch]]:
    """The commits of those given that changed some paths: what git would say, without a process of its own for it.

    Parameters
    ----------
    reader : ObjectReader
        Reads trees.
    differences : sequence of Difference
        What to look at.
    paths : collection of bytes
        The paths.

    Returns
    -------
    dict
        From each path to the commits, in the order given.

    Raises
    ------
    GitError
        A tree is missing or corrupt.
    """
    trees = dict.fromkeys(tree for each in differences for tree in each[1:] if tree is not None)
    entries = reader.entries((tree, path) for tree in trees for path in paths)
    found: dict[bytes, list[Touch]] = {path: [] for path in paths}
    for path in paths:
        for commit, before, after in differences:
            old, new = (None if tree is None else entries.get((tree, path)) for tree in (before, after))
            change = raw_change(path, old, new, "0" * len(commit))
            if change is not None:
                found[path].append(Touch(commit, change))
    return found


def raw_change(path: bytes, old: TreeEntry | None, new: TreeEntry | None, nothing: str) -> RawChange | None:
    """How a path changed, as git's raw diff has it; a directory is no file, and without a change there is None.

    Parameters
    ----------
    path : bytes
        The path.
    old, new : TreeEntry or None
        What stood there before and after.
    nothing : str
        The id for no file.
    """
    before, after = (None if entry is None or entry.is_tree else entry for entry in (old, new))
    if before == after:
        return None
    if before is None or after is None:
        status = "A" if before is None else "D"
    else:
        status = "T" if before.mode[:3] != after.mode[:3] else "M"
    old_mode, old_id = before or (_NOTHING, nothing)
    new_mode, new_id = after or (_NOTHING, nothing)
    return RawChange(path, old_mode, new_mode, old_id, new_id, status)


def _file(mode: str, sha: str) -> Sha | None:
    return None if mode in {_SUBMODULE, _NOTHING} else Sha(sha)


__all__ = ["MANY", "Difference", "Touch", "commits_touching", "raw_change", "touched"]
