"""Change single files of a tree without a work tree or an index."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from branchsim.git.log import empty_tree
from branchsim.git.objects import TreeEntry, write_object
from branchsim.plan import PlanError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from branchsim.git.objects import ObjectReader
    from branchsim.git.scratch import Scratch
    from branchsim.names import Sha

_DIRECTORY = "040000"


class Put(NamedTuple):
    """What a path shall hold: the mode as six octal digits, and the id of the content."""

    mode: str
    sha: Sha


def edit_tree(
    scratch: Scratch,
    reader: ObjectReader,
    tree: Sha,
    changes: Mapping[bytes, Put | None],
    *,
    strict: bool = False,
) -> Sha:
    """The tree in which some files are others.

    Parameters
    ----------
    scratch : Scratch
        Where to write.
    reader : ObjectReader
        Reads the tree.
    tree : Sha
        The tree as it is.
    changes : mapping
        From paths to what they shall hold, None for nothing. Directories without a file disappear.
    strict : bool
        Whether a file that takes the place of a directory, a directory that takes the place of a file, and the deletion
        of a file that is not there are errors.

    Returns
    -------
    Sha
        The new tree.

    Raises
    ------
    PlanError
        Only with `strict`; the message names the path.
    """
    return _edit(scratch, reader, tree, changes, b"", strict) or empty_tree(scratch)


def _edit(
    scratch: Scratch,
    reader: ObjectReader,
    tree: Sha,
    changes: Mapping[bytes, Put | None],
    above: bytes,
    strict: bool,
) -> Sha | None:
    """The new tree; None where nothing is left of it."""
    entries = dict(reader.tree(tree)) if tree != empty_tree(scratch) else {}
    below: dict[bytes, dict[bytes, Put | None]] = {}
    for path, put in changes.items():
        name, slash, rest = path.partition(b"/")
        if slash:
            below.setdefault(name, {})[rest] = put
            continue
        there = entries.get(name)
        if strict:
            _check(above + name, there, put)
        if put is None:
            entries.pop(name, None)
        else:
            entries[name] = TreeEntry(put.mode, put.sha)
    for name, inner in below.items():
        there = entries.get(name)
        if there is not None and not there.is_tree:
            if strict:
                raise PlanError(f"{_shown(above + name)} is a file, not a directory; delete it in an earlier commit")
            there = None
        start = there.sha if there is not None else empty_tree(scratch)
        made = _edit(scratch, reader, start, inner, above + name + b"/", strict)
        if made is not None:
            entries[name] = TreeEntry(_DIRECTORY, made)
        elif there is not None:
            del entries[name]
    return _write(scratch, entries) if entries else None


def _write(scratch: Scratch, entries: Mapping[bytes, TreeEntry]) -> Sha:
    # git sorts a directory as if its name ended with a slash.
    ordered = sorted(entries.items(), key=lambda item: item[0] + b"/" * item[1].is_tree)
    parts = (
        b"%b %b\0%b" % (entry.mode.lstrip("0").encode("ascii"), name, bytes.fromhex(entry.sha))
        for name, entry in ordered
    )
    return write_object(scratch, "tree", b"".join(parts))


def _check(path: bytes, there: TreeEntry | None, put: Put | None) -> None:
    if put is None and there is None:
        raise PlanError(f"{_shown(path)} is to be deleted, but it is not there; leave it out")
    if there is not None and there.is_tree:
        raise PlanError(f"{_shown(path)} is a directory, not a file; name the files in it")


def _shown(path: bytes) -> str:
    return repr(path.decode("utf-8", "replace"))


def differing_paths(
    reader: ObjectReader, before: Sha, after: Sha, above: bytes = b""
) -> Iterator[tuple[bytes, tuple[TreeEntry | None, TreeEntry | None]]]:
    """The paths that differ between two trees, without a process: only what differs is read.

    Yields
    ------
    path, (old, new)
        In the order of the names in each directory; None for what is not there.
    """
    old, new = reader.tree(before), reader.tree(after)
    for name in sorted({*old, *new}):
        one, other = old.get(name), new.get(name)
        if one == other:
            continue
        if one is not None and other is not None and one.is_tree and other.is_tree:
            yield from differing_paths(reader, one.sha, other.sha, above + name + b"/")
            continue
        if not any(entry is not None and entry.is_tree for entry in (one, other)):
            yield above + name, (one, other)
            continue
        for path, leaf in _leaves(reader, above + name, one):
            yield path, (leaf, None)
        for path, leaf in _leaves(reader, above + name, other):
            yield path, (None, leaf)


def _leaves(reader: ObjectReader, path: bytes, entry: TreeEntry | None) -> Iterator[tuple[bytes, TreeEntry]]:
    if entry is None:
        return
    if entry.is_tree:
        yield from reader.walk(entry.sha, path + b"/")
    else:
        yield path, entry


__all__ = ["Put", "differing_paths", "edit_tree"]
