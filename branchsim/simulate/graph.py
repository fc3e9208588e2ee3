"""The part of history that the branches of a plan do not all share: ancestry without a process per question."""

from __future__ import annotations

import contextlib
import heapq
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from branchsim.errors import InternalError
from branchsim.git.commitobject import load_commits
from branchsim.git.log import read_commits
from branchsim.git.touching import Difference

if TYPE_CHECKING:
    from collections.abc import Container, Generator, Iterable, Iterator, Sequence

    from branchsim.git.log import Commit
    from branchsim.git.objects import ObjectReader
    from branchsim.git.scratch import Scratch
    from branchsim.names import Sha

_MERGE = 2
_NEAR = 1000
"""More commits than this are faster read by a `git log` of their own."""


@dataclass(frozen=True, slots=True)
class Node:
    """What is known of a commit.

    Attributes
    ----------
    sha, tree : Sha
        Ids.
    parents : tuple of Sha
        Its parents.
    author : str
        Name of the author.
    at : int
        When it was committed, in seconds since the epoch.
    subject : str
        The first line of its message.
    """

    sha: Sha
    tree: Sha
    parents: tuple[Sha, ...]
    author: str
    at: int
    subject: str


class Graph:
    """Commits that are reachable from some of the tips and not from all of them, and the tips themselves.

    Everything that is not in it is an ancestor of every tip.

    Parameters
    ----------
    commits : iterable of Commit
        See `read_unshared`.
    reader : ObjectReader
        Reads further commits, without a process for each.
    cut : container of Sha
        The commits whose parents a shallow clone left out.
    """

    def __init__(self, commits: Iterable[Commit], reader: ObjectReader, cut: Container[Sha] = ()) -> None:
        self._reader = reader
        self._cut = cut
        self._nodes: dict[Sha, Node] = {commit.sha: _node(commit) for commit in commits}
        self._others: dict[Sha, Node] = {}
        self._reach: dict[Sha, frozenset[Sha]] = {}

    def add(self, node: Node) -> None:
        """Add a commit."""
        self._nodes[node.sha] = node

    def __contains__(self, sha: Sha) -> bool:
        return sha in self._nodes

    def __getitem__(self, sha: Sha) -> Node:
        node = self._nodes.get(sha) or self._others.get(sha)
        if node is None:
            raise InternalError(f"commit {sha} was not read, though it is used")
        return node

    def learn(self, shas: Iterable[Sha]) -> None:
        """Read commits that may lie outside, so that they can be described; ancestry still knows nothing of them.

        Raises
        ------
        GitError
            One is missing or corrupt.
        """
        unknown = sorted({sha for sha in shas if sha not in self._nodes and sha not in self._others})
        for commit in load_commits(self._reader, unknown):
            node = _node(commit)
            self._others[node.sha] = replace(node, parents=()) if node.sha in self._cut else node

    def reach(self, sha: Sha) -> frozenset[Sha]:
        """The commit and those of its ancestors that are in the graph."""
        if sha not in self._reach:
            found: set[Sha] = set()
            waiting = [sha]
            while waiting:
                here = waiting.pop()
                if here in found or here not in self._nodes:
                    continue
                known = self._reach.get(here)
                if known is not None:
                    found |= known
                    continue
                found.add(here)
                waiting += self._nodes[here].parents
            self._reach[sha] = frozenset(found)
        return self._reach[sha]

    def is_ancestor(self, old: Sha, new: Sha) -> bool:
        """Whether a commit is the other one, or an ancestor of it. Both come from the tips or were added."""
        return old == new or old in self.reach(new)

    def since(self, base: Sha, tip: Sha) -> list[Sha]:
        """The commits, merges left out, that a tip has and a base has not, newest first."""
        own = self.reach(tip) - self.reach(base)
        return self.newest_first(sha for sha in own if len(self._nodes[sha].parents) < _MERGE)

    def differences(self, shas: Iterable[Sha]) -> list[Difference]:
        """The trees before and after some commits, merges left out."""
        wanted = list(shas)
        self.learn(parent for sha in wanted for parent in self[sha].parents)
        return [
            Difference(sha, self[parents[0]].tree if parents else None, self[sha].tree)
            for sha in wanted
            for parents in (self[sha].parents,)
        ]

    def merge_bases(self, one: Sha, other: Sha) -> list[Sha]:
        """Every best common ancestor of two commits of the graph, sorted."""
        common = self.reach(one) & self.reach(other)
        # All ancestors of a common one are common, so a better one has it among its parents.
        return sorted(common - {parent for sha in common for parent in self._nodes[sha].parents})

    def newest_first(self, shas: Iterable[Sha]) -> list[Sha]:
        """Commits by their time, the newest first; of equal ones by their ids."""
        return sorted(shas, key=lambda sha: (-self[sha].at, sha))

    def line(self, tip: Sha, outside: frozenset[Sha]) -> list[Node]:
        """The line of first parents of a branch, newest first, without what is outside."""
        found = []
        here: Sha | None = tip
        while here is not None and here in self._nodes and here not in outside:
            node = self._nodes[here]
            found.append(node)
            here = node.parents[0] if node.parents else None
        return found


def read_unshared(
    scratch: Scratch, reader: ObjectReader, tips: Iterable[Sha], cut: Container[Sha] = ()
) -> Iterator[Commit]:
    """The commits that some of the tips reach and not all of them, and the newest that all of them reach.

    Parameters
    ----------
    scratch, reader : Scratch and ObjectReader
        Where to read.
    tips : iterable of Sha
        Commits.
    cut : container of Sha
        The commits whose parents a shallow clone left out.

    Notes
    -----
    From the tips on one commit is read after another, until all that may still come is reached from every tip. So it is
    in any order: times of commits that contradict the history mislead nobody.
    """
    wanted = sorted(set(tips))
    every = (1 << len(wanted)) - 1
    # Which tips reach a commit, a bit for each; what is known to come, and what of that some tips may not reach.
    reached = {tip: 1 << at for at, tip in enumerate(wanted)}
    ahead = set(wanted)
    unsure = {tip for tip in wanted if reached[tip] != every}
    parents: dict[Sha, tuple[Sha, ...]] = {}
    with contextlib.closing(_from_tips(scratch, reader, wanted, cut)) as listed:
        while unsure:
            commit = next(listed)
            if commit.sha in parents:
                continue
            yield commit
            ahead.discard(commit.sha)
            unsure.discard(commit.sha)
            parents[commit.sha] = commit.parents
            ahead.update(parent for parent in commit.parents if parent not in parents)
            waiting = [commit.sha]
            while waiting:
                here = waiting.pop()
                for parent in parents.get(here, ()):
                    before = reached.get(parent, 0)
                    after = reached[parent] = before | reached[here]
                    if after != before:
                        waiting.append(parent)
                        if parent in ahead:
                            (unsure.discard if after == every else unsure.add)(parent)
    yield from _without_cut(load_commits(reader, sorted(ahead)), cut)


def _from_tips(scratch: Scratch, reader: ObjectReader, tips: Sequence[Sha], cut: Container[Sha]) -> Generator[Commit]:
    """All that some commits reach, about newest first; a commit may come twice."""
    # Branches of a strategy are mostly near to each other: then no process need start.
    seen = set(tips)
    newest = [(-commit.committed_at, commit.sha, commit) for commit in _without_cut(load_commits(reader, tips), cut)]
    heapq.heapify(newest)
    while newest and len(seen) < _NEAR:
        *_, commit = heapq.heappop(newest)
        yield commit
        fresh = [parent for parent in commit.parents if parent not in seen]
        seen.update(fresh)
        for parent in _without_cut(load_commits(reader, fresh), cut):
            heapq.heappush(newest, (-parent.committed_at, parent.sha, parent))
    if newest:
        yield from read_commits(scratch, tips, changes=False)


def _without_cut(commits: Iterable[Commit], cut: Container[Sha]) -> Iterator[Commit]:
    return (replace(commit, parents=()) if commit.sha in cut else commit for commit in commits)


def _node(commit: Commit) -> Node:
    return Node(commit.sha, commit.tree, commit.parents, commit.author, commit.committed_at, commit.subject)


__all__ = ["Graph", "Node", "read_unshared"]
