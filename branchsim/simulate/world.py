"""What a simulation works with: services that all variants of a plan share, and the state that each has of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from branchsim.errors import GitError, nearest
from branchsim.git.objects import Unread, write_commit, write_object
from branchsim.plan import PlanError
from branchsim.simulate.graph import Node

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchsim.git.objects import ObjectReader
    from branchsim.git.repository import Repository
    from branchsim.git.scratch import Scratch
    from branchsim.git.session import MergeSession
    from branchsim.git.signing import Signer
    from branchsim.names import Sha
    from branchsim.simulate.conflicts import Conflicts
    from branchsim.simulate.graph import Graph
    from branchsim.simulate.records import Landing, Loss, LossCheck

_COMMIT = frozenset({"commit"})


@dataclass(slots=True)
class State:
    """Where the branches and tags are at some point of a plan.

    Attributes
    ----------
    branches, tags : dict
        From names to commits.
    tag_objects : dict
        From names of new tags to the objects their refs hold.
    clock : int
        The time of the next commit.
    carries : dict
        From branches in which a conflict was solved to the branches whose content they hold since.
    made : dict
        From names of steps to the commit they made.
    """

    branches: dict[str, Sha]
    tags: dict[str, Sha]
    clock: int
    tag_objects: dict[str, Sha] = field(default_factory=dict)
    carries: dict[str, tuple[str, ...]] = field(default_factory=dict)
    made: dict[str, Sha] = field(default_factory=dict)

    def fork(self) -> State:
        """A copy that goes its own way."""
        return State(
            dict(self.branches),
            dict(self.tags),
            self.clock,
            dict(self.tag_objects),
            dict(self.carries),
            dict(self.made),
        )

    def branch(self, name: str, where: str) -> Sha:
        """The tip of a branch.

        Raises
        ------
        PlanError
            There is none now; the nearest names are given.
        """
        if name not in self.branches:
            raise PlanError(f"{where}: there is no branch {name!r}{nearest(name, self.branches)}; start it first")
        return self.branches[name]


@dataclass(frozen=True, slots=True)
class Written:
    """A commit as it is recorded: who wrote it and what it says, in UTF-8 where its encoding is known."""

    author: bytes
    message: bytes


class World:
    """The services of one simulation.

    Parameters
    ----------
    repository, reader, session, graph, conflicts
        Where it happens.
    person : str
        ``Name <address>`` for the commits.
    losses : callable or None
        Says what a landing would lose.
    revisions : dict
        From the revisions that the plan names and that are no branches to their commits.
    signer : Signer, optional
        Signs commits and annotated tags.
    """

    def __init__(
        self,
        repository: Repository,
        reader: ObjectReader,
        session: MergeSession,
        graph: Graph,
        conflicts: Conflicts,
        *,
        person: str,
        losses: LossCheck | None,
        revisions: dict[str, Sha],
        signer: Signer | None = None,
    ) -> None:
        self.repository = repository
        self.reader = reader
        self.session = session
        self.graph = graph
        self.conflicts = conflicts
        self.person = person
        self.revisions = revisions
        self._losses = losses
        self._signer = signer
        self._signed: dict[tuple[object, ...], Sha] = {}
        self._judged: dict[Landing, tuple[Loss, ...]] = {}

    @property
    def scratch(self) -> Scratch:
        """Where objects are written."""
        return self.repository.scratch

    def stamp(self, state: State, person: str | None = None) -> str:
        """An identity with the time of the next commit."""
        return f"{person or self.person} {state.clock} +0000"

    def commit(
        self,
        state: State,
        *,
        tree: Sha,
        parents: Sequence[Sha],
        message: str | bytes,
        author: str | bytes | None = None,
    ) -> Sha:
        """Write a commit, with the next time of the clock."""
        stamp = self.stamp(state)
        state.clock += 1
        text = message.encode() if isinstance(message, str) else message
        text = text.strip(b"\n") + b"\n"
        sha = self._written(tree, tuple(parents), text, author or stamp, stamp)
        subject = text.decode("utf-8", "replace").partition("\n")[0]
        name = _name(author) if author is not None else self.person.rpartition(" <")[0]
        self.graph.add(Node(sha, tree, tuple(parents), name, state.clock - 1, subject))
        return sha

    def tag(self, state: State, *, name: str, commit: Sha, message: str) -> Sha:
        """Write an annotated tag, with the next time of the clock; the object only."""
        stamp = self.stamp(state)
        state.clock += 1
        text = (message.strip("\n") + "\n").encode()
        key = "tag", name, commit, text, stamp
        if key not in self._signed and self._signer is not None:
            self._signed[key] = self._signer.tag(name=name, commit=commit, message=text, tagger=stamp)
        if key in self._signed:
            return self._signed[key]
        head = f"object {commit}\ntype commit\ntag {name}\ntagger {stamp}\n\n"
        return write_object(self.scratch, "tag", head.encode() + text)

    def sign_nothing_new(self) -> None:
        """Sign nothing from here on but what was signed before: what is only expected is nobody's to sign."""
        self._signer = None

    def _written(self, tree: Sha, parents: tuple[Sha, ...], text: bytes, author: str | bytes, stamp: str) -> Sha:
        key = "commit", tree, parents, text, author, stamp
        if key not in self._signed and self._signer is not None:
            self._signed[key] = self._signer.commit(
                tree=tree, parents=parents, message=text, author=author, committer=stamp
            )
        if key in self._signed:
            return self._signed[key]
        return write_commit(self.scratch, tree=tree, parents=parents, message=text, author=author, committer=stamp)

    def tree(self, sha: Sha) -> Sha:
        """The tree of a commit."""
        if sha not in self.graph:
            self.graph.learn([sha])
        return self.graph[sha].tree

    def node(self, sha: Sha) -> Node:
        """What is known of a commit, read if need be."""
        if sha not in self.graph:
            self.graph.learn([sha])
        return self.graph[sha]

    def written(self, sha: Sha) -> Written:
        """Author and message of a commit, for writing it again."""
        ((_, content),) = self.reader.raw([sha], _COMMIT)
        if isinstance(content, Unread):
            raise GitError(str(content))
        head, _, message = content.partition(b"\n\n")
        lines = head.split(b"\n")
        author = next((line[7:] for line in lines if line.startswith(b"author ")), b"unknown <> 0 +0000")
        encoding = next(
            (line[9:].decode("ascii", "replace") for line in lines if line.startswith(b"encoding ")), "utf-8"
        )
        return Written(_in_utf8(author, encoding), _in_utf8(message, encoding).replace(b"\0", b""))

    def losses(self, landing: Landing) -> tuple[Loss, ...] | None:
        """What a landing would lose; None where nobody judges."""
        if self._losses is None:
            return None
        if landing not in self._judged:
            self._judged[landing] = tuple(self._losses(self.repository, landing))
        return self._judged[landing]


def _in_utf8(text: bytes, encoding: str) -> bytes:
    if encoding.lower() in {"utf-8", "utf8"}:
        return text
    try:
        return text.decode(encoding).encode()
    except (LookupError, UnicodeError):
        return text


def _name(author: str | bytes) -> str:
    text = author.decode("utf-8", "replace") if isinstance(author, bytes) else author
    return text.rpartition(" <")[0]


__all__ = ["State", "World", "Written"]
