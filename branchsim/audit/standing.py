"""Whether the lines that a commit replaces stand on a target, each hunk with a line around it.

A three-way merge is clean exactly where what a hunk replaces, and a line on each side of it, is untouched on the other
side, or where the other side made the same change. Comparing the stretch of lines instead of both histories of the file
is some ten times as fast, and differs where a file repeats itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from branchsim.git.hunks import Hunk, each_hunk, files_of
from branchsim.git.log import Commit, RawChange
from branchsim.git.objects import ObjectReader
from branchsim.git.scratch import Scratch
from branchsim.names import Sha

Tree = Mapping[bytes, tuple[str, str]]
"""The files of a tree, with mode and id."""

_NOTHING = "000000"
_FILES = frozenset({"100644", "100755"})


class State(StrEnum):
    """What the target has where a hunk would go."""

    INTACT = "intact"
    THERE = "there"
    TOUCHED = "touched"


def read_contents(scratch: Scratch, commits: Iterable[Commit], tree: Tree) -> dict[str, bytes]:
    """The target's files of which `standing` compares lines, by id; each begins with a line feed."""
    wanted = {
        tree[change.path][1]
        for commit in commits
        for change in commit.changes
        if change.path in tree and {change.old_mode, change.new_mode} <= _FILES and by_ids(change, tree) is None
    }
    with ObjectReader(scratch) as reader:
        found = reader.blobs(map(Sha, sorted(wanted)))
        return {sha: b"\n" + blob for sha, blob in found if isinstance(blob, bytes)}


def standing(commit: Commit, text: bytes, tree: Tree, contents: Mapping[str, bytes]) -> State | None:
    """What the target has of a commit's places: the worst of them all.

    Parameters
    ----------
    commit : Commit
        The commit, with its changes.
    text : bytes
        Its patch, with a line of context and without renames.
    tree : mapping
        The target's files, with mode and id.
    contents : mapping
        What `read_contents` gives.

    Returns
    -------
    State or None
        None where lines do not tell: binary files, links, submodules, files that are too large.
    """
    parts = files_of(text)
    if len(parts) != len(commit.changes):
        return None
    states: set[State] = set()
    edits: list[tuple[bytes, bytes]] = []
    for change, part in zip(commit.changes, parts, strict=True):
        known, here = by_ids(change, tree), tree.get(change.path)
        if known is not None:
            states.add(known)
            continue
        content = None if here is None else contents.get(here[1])
        if here is None or content is None or not _is_edit(change, here) or next(each_hunk(part), None) is None:
            return None
        edits.append((part, content))
    if State.TOUCHED in states:
        return State.TOUCHED
    for part, content in edits:
        for hunk in each_hunk(part):
            state = _of_hunk(hunk, content)
            if state is State.TOUCHED:
                return state
            states.add(state)
    return State.THERE if states == {State.THERE} else State.INTACT


def is_touched(commit: Commit, tree: Tree) -> bool:
    """Whether the ids of one of its files say that it would conflict."""
    return any(by_ids(change, tree) is State.TOUCHED for change in commit.changes)


def by_ids(change: RawChange, tree: Tree) -> State | None:
    """The state of a whole file, where its id and what became of it tell that; None where its lines have to."""
    here = tree.get(change.path)
    if here == _side(change.new_mode, change.new):
        return State.THERE
    if here == _side(change.old_mode, change.old):
        return State.INTACT
    return State.TOUCHED if _NOTHING in {change.old_mode, change.new_mode} or here is None else None


def _side(mode: str, sha: str) -> tuple[str, str] | None:
    return None if mode == _NOTHING else (mode, sha)


def _is_edit(change: RawChange, here: tuple[str, str]) -> bool:
    return change.old_mode == change.new_mode and {change.old_mode, here[0]} <= _FILES


def _of_hunk(hunk: Hunk, content: bytes) -> State:
    for text, state in ((hunk.before, State.INTACT), (hunk.after, State.THERE)):
        stretch = b"\n" + text
        if hunk.first and hunk.last:
            stands = content == stretch
        elif hunk.first:
            stands = content.startswith(stretch)
        elif hunk.last:
            stands = content.endswith(stretch)
        else:
            stands = stretch in content
        if stands:
            return state
    return State.TOUCHED


__all__ = ["State", "Tree", "by_ids", "is_touched", "read_contents", "standing"]
