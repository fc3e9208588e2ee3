"""Small histories of two branches with everything that makes merging hard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from support.repos import Entry

if TYPE_CHECKING:
    from support.repos import RepoBuilder

LINES = [f"line {number} of the text\n" for number in range(8)]
START = {
    "a.txt": Entry("100644", "".join(LINES).encode()),
    "dir/b.txt": Entry("100644", "".join(reversed(LINES)).encode()),
    "dir/c": Entry("100755", b"#!/bin/sh\necho one\necho two\necho three\n"),
    "crlf.txt": Entry("100644", "".join(LINES).replace("\n", "\r\n").encode()),
    "bin": Entry("100644", bytes(range(256))),
    "link": Entry("120000", b"a.txt"),
}
Tree = dict[str, Entry]


@dataclass(frozen=True)
class Change:
    """One change of one file."""

    what: str
    path: str
    number: int


changes = st.builds(
    Change,
    st.sampled_from(
        ["edit", "edit", "edit", "append", "delete", "rename", "move", "mode", "binary", "symlink", "crlf", "new"]
    ),
    st.sampled_from(sorted(START)),
    st.integers(0, 7),
)
# An empty list of changes is an empty commit.
commits = st.lists(changes, max_size=2)
sides = st.lists(commits, min_size=1, max_size=3)


@dataclass(frozen=True)
class History:
    """What each side did, whether they merged each other crosswise then, and what each did afterwards."""

    main: list[list[Change]]
    topic: list[list[Change]]
    crosswise: bool
    main_after: list[list[Change]]
    topic_after: list[list[Change]]


histories = st.builds(
    History, sides, sides, st.booleans(), st.lists(commits, max_size=2), st.lists(commits, max_size=2)
)
linear = st.builds(History, sides, sides, st.just(value=False), st.just([]), st.just([]))


def apply(tree: Tree, change: Change, mark: str) -> Tree:  # noqa: C901  one case for each kind of change
    """The tree after a change; the same if it does not fit."""
    tree = dict(tree)
    if change.what == "new":
        tree[f"dir/new{change.number % 2}"] = Entry("100644", f"{mark}\n".encode())
        return tree
    if change.path not in tree:
        return tree
    entry = tree[change.path]
    lines = entry.content.split(b"\n")
    place = change.number % len(lines)
    match change.what:
        case "edit":
            end = b"\r" if lines[place].endswith(b"\r") else b""
            lines[place] = f"edited {mark} {place}".encode() + end
            content = b"\n".join(lines)
            tree[change.path] = Entry(entry.mode, b"target" + mark.encode() if entry.mode == "120000" else content)
        case "append":
            tree[change.path] = Entry(entry.mode, entry.content + f"added {mark}\n".encode())
        case "delete":
            del tree[change.path]
        case "rename":
            tree[f"{change.path}.{change.number % 2}"] = tree.pop(change.path)
        case "move":
            tree[f"other/{change.path.rpartition('/')[2]}"] = tree.pop(change.path)
        case "mode":
            mode = {"100644": "100755", "100755": "100644"}.get(entry.mode, entry.mode)
            tree[change.path] = Entry(mode, entry.content)
        case "binary":
            tree[change.path] = Entry("100644", b"\0" + bytes([change.number]) + entry.content)
        case "symlink":
            tree[change.path] = Entry("120000", f"to-{mark}".encode())
        case "crlf":
            tree[change.path] = Entry(entry.mode, entry.content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    return tree


def build(repo: RepoBuilder, history: History) -> None:
    """Make the branches ``main`` and ``topic``."""
    repo.commit("main", START)
    repo.branch("topic", "main")
    trees: dict[str, Tree] = {"main": dict(START), "topic": dict(START)}

    def side(branch: str, several: list[list[Change]], part: str) -> None:
        for number, commit in enumerate(several):
            for place, change in enumerate(commit):
                # Both sides sometimes do the very same, so the mark does not always name the side.
                mark = f"{part}{number}" if place else f"{branch}-{part}{number}"
                trees[branch] = apply(trees[branch], change, mark)
            repo.commit(branch, trees[branch], whole=True)

    side("main", history.main, "x")
    side("topic", history.topic, "x")
    if history.crosswise:
        tips = {branch: repo[branch] for branch in trees}
        for branch, other in (("main", "topic"), ("topic", "main")):
            repo.commit(branch, trees[branch], whole=True, parents=[branch, tips[other]])
    side("main", history.main_after, "y")
    side("topic", history.topic_after, "y")
    repo.finish()
