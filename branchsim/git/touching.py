"""Which commits of two lines of history touch the same paths, and what each made of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from branchsim.git.process import run
from branchsim.names import Sha

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from branchsim.git.objects import ObjectReader, TreeEntry
    from branchsim.git.scratch import Scratch

_HEAD = re.compile(rb"([<>])([0-9a-f]{40}|[0-9a-f]{64})")
_FEW = 20
_SUBMODULE = "160000"


class Touch(NamedTuple):
    """A commit that changed a path; the files before and after, None for nothing and for a submodule."""

    commit: Sha
    before: Sha | None
    after: Sha | None


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
                found[token][side].append(_touch(sha, entry))
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
        for commit, old, new in differences:
            before, after = (None if tree is None else _file(entries.get((tree, path))) for tree in (old, new))
            if before != after:
                found[path].append(Touch(commit, _blob(before), _blob(after)))
    return found


def _file(entry: TreeEntry | None) -> TreeEntry | None:
    return None if entry is None or entry.is_tree else entry


def _blob(entry: TreeEntry | None) -> Sha | None:
    return None if entry is None or entry.is_submodule else entry.sha


def _touch(commit: Sha, entry: bytes) -> Touch:
    """One entry of git's raw diff: ``:100644 100644 <before> <after> M``."""
    modes_and_ids = entry[1:].decode("ascii").split(" ")
    files = [
        None if mode in {_SUBMODULE, "000000"} else Sha(sha)
        for mode, sha in zip(modes_and_ids[:2], modes_and_ids[2:4], strict=True)
    ]
    return Touch(commit, *files)


__all__ = ["Difference", "Touch", "commits_touching", "touched"]
