"""Merge single files, many at once: one three-way merge of small trees that hold nothing but these files."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from branchsim.errors import GitError
from branchsim.git.merge import Trees, merge_trees
from branchsim.git.objects import ObjectInfo, ObjectReader
from branchsim.git.process import run
from branchsim.names import Sha

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from branchsim.git.scratch import Scratch

File = tuple[str, str]
"""The mode and the id of a file."""


class Versions(NamedTuple):
    """A file as three trees have it; None where a tree has it not. The two sides have it in any case."""

    base: File | None
    ours: File
    theirs: File


class Merged(Enum):
    """What became of a file."""

    SAME = "same"
    """It is as our side has it."""
    CHANGED = "changed"
    """It was merged without conflict, and is not as our side has it."""
    CONFLICT = "conflict"


def merge_files(scratch: Scratch, files: Iterable[Versions]) -> dict[Versions, Merged]:
    """Merge files as git does where a path is in both sides, or has been traced to where it went.

    Parameters
    ----------
    scratch : Scratch
        Where to merge; it receives the merged objects.
    files : iterable of Versions
        Regular files and symbolic links.

    Returns
    -------
    dict
        What became of each file. Those with an object that is missing or cannot be merged are not in it.

    Raises
    ------
    GitError
        git cannot be run.

    Notes
    -----
    Both sides have every file, so there is nothing to look for renames in, and a file's name does not matter: the
    scratch repository has no attributes.
    """
    told: dict[Versions, Merged] = {}
    asked: dict[Versions, None] = {}
    for each in files:
        if each.theirs in {each.ours, each.base}:
            told[each] = Merged.SAME
        elif each.ours == each.base:
            told[each] = Merged.CHANGED
        else:
            asked[each] = None
    told |= _merged(scratch, _readable(scratch, list(asked)))
    return told


def _readable(scratch: Scratch, files: Sequence[Versions]) -> list[Versions]:
    shas = {each: [side[1] for side in each if side is not None] for each in files}
    with ObjectReader(scratch) as reader:
        there = {sha for sha, info in reader.look({s for of in shas.values() for s in of}) if _is_blob(info)}
    return [each for each in files if there.issuperset(shas[each])]


def _is_blob(info: object) -> bool:
    return isinstance(info, ObjectInfo) and info.type == "blob"


def _merged(scratch: Scratch, files: Sequence[Versions]) -> dict[Versions, Merged]:
    if not files:
        return {}
    trees = _trees(scratch, files)
    (result,) = merge_trees(scratch, [trees])
    if result.tree is None:
        return {}
    conflicts = {conflict.path for conflict in result.conflicts}
    entries = _entries(scratch, result.tree)
    told = {}
    for at, each in enumerate(files):
        name = _name(at)
        if name in conflicts:
            told[each] = Merged.CONFLICT
        elif name in entries:
            told[each] = Merged.SAME if entries[name] == each.ours else Merged.CHANGED
    return told


def _name(at: int) -> bytes:
    return b"%d" % at


def _trees(scratch: Scratch, files: Sequence[Versions]) -> Trees:
    sides = [
        b"".join(
            b"%b blob %b\t%b\0" % (side[0].encode("ascii"), side[1].encode("ascii"), _name(at))
            for at, side in enumerate(each[which] for each in files)
            if side is not None
        )
        for which in range(3)
    ]
    made = run(["mktree", "-z", "--batch"], scratch.path, stdin=b"\0".join(sides) + b"\0").decode("ascii").split()
    if len(made) != len(sides):
        raise GitError(f"git mktree made {len(made)} trees of {len(sides)}; free some space in TMPDIR")
    return Trees(*map(Sha, made))


def _entries(scratch: Scratch, tree: Sha) -> dict[bytes, File]:
    with ObjectReader(scratch) as reader:
        return {name: (entry.mode, entry.sha) for name, entry in reader.tree(tree).items()}


__all__ = ["File", "Merged", "Versions", "merge_files"]
