"""Merge in bulk without a work tree: ``git merge-tree --stdin``, and picks as merges of synthetic commits.

Only ever in a scratch repository: git writes the merged trees and files as loose objects, and in a repository of the
user's it would run their merge drivers.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from branchsim.errors import GitError, InternalError
from branchsim.git.log import empty_tree
from branchsim.git.objects import ObjectReader, commit_content, object_id, write_commit
from branchsim.git.process import run, stream
from branchsim.names import Sha

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from typing import IO

    from branchsim.git.scratch import Scratch

# The date lies in the future, so that git, looking for merge bases, meets a synthetic commit before all of history.
_IDENTITY = "branchsim <branchsim@localhost> 4102444800 +0000"
_STAGE = re.compile(rb"([0-7]{6}) ([0-9a-f]{40}|[0-9a-f]{64}) ([123])\t(.*)", re.DOTALL)
_UNWRITTEN = re.compile(r"unable to (create|write|add)|write error|insufficient permission|No space left|quota")
_BLOCK = 1 << 16
_FEW = 30
_FEW_BASES = 60
"""The bases of so many merges git finds sooner than it writes a commit-graph of a large history."""


class Side(NamedTuple):
    """What one side of a conflict holds at a path."""

    mode: str
    sha: Sha


@dataclass(frozen=True, slots=True)
class Conflict:
    """A path that git could not merge.

    Attributes
    ----------
    path : bytes
        The path.
    base, ours, theirs : Side or None
        What each side holds there, None for nothing.
    kinds : tuple of str
        Git's names for what is wrong: ``CONFLICT (contents)``, ``CONFLICT (modify/delete)``, ...; sorted.
    messages : tuple of str
        Git's sentences about this path.
    """

    path: bytes
    base: Side | None = None
    ours: Side | None = None
    theirs: Side | None = None
    kinds: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """One thing git said about a merge: the paths it is about, its stable kind, its sentence."""

    paths: tuple[bytes, ...]
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class MergeResult:
    """What became of one merge.

    Attributes
    ----------
    tree : Sha or None
        The tree of the result; where there are conflicts, with their markers in the files. None if git could not merge.
    clean : bool
        Whether git says that there was no conflict. It may be False although `conflicts` is empty.
    conflicts : tuple of Conflict
        The paths in conflict, sorted by path.
    messages : tuple of Message
        Everything git said about a merge with conflicts; empty for a clean one.
    failure : str or None
        Why git could not merge at all: histories without a common commit, an object that is missing or corrupt.
    """

    tree: Sha | None
    clean: bool
    conflicts: tuple[Conflict, ...] = ()
    messages: tuple[Message, ...] = ()
    failure: str | None = None


class Pick(NamedTuple):
    """A commit to apply to another tree, as ``git cherry-pick`` does.

    Attributes
    ----------
    commit : Sha
        The commit whose change is applied.
    onto : Sha
        The commit (or tree) it is applied to.
    parent : Sha or None
        The commit (or tree) it is a change of, for a merge the one ``--mainline`` chooses; None for a root.
    """

    commit: Sha
    onto: Sha
    parent: Sha | None


class Trees(NamedTuple):
    """A three-way merge of trees: ids of trees, of commits, or of both."""

    base: Sha
    ours: Sha
    theirs: Sha


def merge_many(
    scratch: Scratch,
    pairs: Iterable[tuple[Sha, Sha]],
    *,
    unrelated: bool = False,
    processes: int = 1,
) -> Iterator[MergeResult]:
    """Merge many pairs of commits as ``git merge`` would, with one process for all.

    Parameters
    ----------
    scratch : Scratch
        Where to merge; it receives the merged objects.
    pairs : iterable of (Sha, Sha)
        The commit merged into, and the commit merged.
    unrelated : bool
        Whether histories without a common commit are merged too, as ``--allow-unrelated-histories`` does; otherwise
        such a merge is a failure.
    processes : int
        How many git processes share the work.

    Yields
    ------
    MergeResult
        One for each pair, in the order of the pairs. A pair git gives up on does not stop the others.

    Raises
    ------
    GitError
        git cannot be run.
    """
    wanted = list(pairs)
    count = max(1, min(processes, len(wanted)))
    # Each process takes every n-th pair, so all of them keep working while the results are taken in turn.
    workers = [_merge_share(scratch, wanted[start::count], unrelated=unrelated) for start in range(count)]
    try:
        for index in range(len(wanted)):
            yield next(workers[index % count])
    finally:
        for worker in workers:
            worker.close()


def merge_trees(scratch: Scratch, wanted: Iterable[Trees], *, processes: int = 1) -> Iterator[MergeResult]:
    """Merge trees with a base of the caller's choice.

    Parameters
    ----------
    scratch : Scratch
        Where to merge.
    wanted : iterable of Trees
        The base and the two sides of each merge; commits stand for their trees.
    processes : int
        How many git processes share the work.

    Yields
    ------
    MergeResult
        One for each, in order. Names in conflict markers are ids of synthetic commits.

    Raises
    ------
    GitError
        git cannot be run, or an id names neither a tree nor a commit.
    """
    triples = [Trees(*triple) for triple in wanted]
    trees = _trees(scratch, {sha for triple in triples for sha in triple})
    synthetic = _Synthetic(scratch)
    pairs = []
    for base, ours, theirs in triples:
        root = synthetic.commit(trees[base])
        pairs.append((synthetic.commit(trees[ours], root), synthetic.commit(trees[theirs], root)))
    synthetic.write()
    yield from merge_many(scratch, pairs, processes=processes)


class _Synthetic:
    """Commits that exist only to give git the merge base one wants; their ids depend on nothing but their trees."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._made: dict[tuple[Sha, Sha | None], Sha] = {}

    def commit(self, tree: Sha, parent: Sha | None = None) -> Sha:
        """The id of the commit with a tree and at most one parent; it exists once `write` has been called."""
        key = tree, parent
        if key not in self._made:
            content = commit_content(
                tree=tree, parents=() if parent is None else (parent,), message="", author=_IDENTITY
            )
            self._made[key] = object_id(self._scratch, "commit", content)
        return self._made[key]

    def write(self) -> None:
        """Write all commits: few as loose objects, many as one pack, since making a file is what takes the time."""
        if len(self._made) <= _FEW:
            for tree, parent in self._made:
                parents = () if parent is None else (parent,)
                write_commit(self._scratch, tree=tree, parents=parents, message="", author=_IDENTITY)
            return
        marks = {sha: mark for mark, sha in enumerate(self._made.values(), 1)}
        lines = []
        for (tree, parent), sha in self._made.items():
            lines.append(
                f"reset refs/branchsim\n\ncommit refs/branchsim\nmark :{marks[sha]}\ncommitter {_IDENTITY}\ndata 0\n\n"
            )
            if parent is not None:
                lines.append(f"from :{marks[parent]}\n")
            lines.append(f"M 040000 {tree} \n\n")
        # Without a ref at the end nothing but the objects remains.
        lines.append(f"reset refs/branchsim\nfrom {'0' * len(tree)}\n\ndone\n")
        options = ("-c", "fastimport.unpackLimit=0", "fast-import", "--quiet", "--force", "--done")
        run(options, self._scratch.path, stdin="".join(lines).encode("ascii"))


def pick_many(scratch: Scratch, picks: Iterable[Pick], *, processes: int = 1) -> Iterator[MergeResult]:
    """Apply many commits elsewhere, each as ``git cherry-pick`` would.

    Parameters
    ----------
    scratch : Scratch
        Where to merge.
    picks : iterable of Pick
        What is applied to what. A revert is a pick with `commit` and `parent` exchanged.
    processes : int
        How many git processes share the work.

    Yields
    ------
    MergeResult
        One for each, in order. Where the result's tree is the tree of ``onto``, there was nothing to do.

    Raises
    ------
    GitError
        git cannot be run, or an id names neither a tree nor a commit.
    """
    nothing = empty_tree(scratch)
    triples = [Trees(nothing if parent is None else parent, onto, commit) for commit, onto, parent in picks]
    yield from merge_trees(scratch, triples, processes=processes)


def write_commit_graph(scratch: Scratch, *, merges: int | None = None) -> bool:
    """Write a commit-graph into the scratch repository, so that git finds merge bases several times faster.

    Parameters
    ----------
    scratch : Scratch
        Where to write; the source is not touched.
    merges : int, optional
        How many merges it is for: of a few git finds the bases sooner than it writes a commit-graph.

    Returns
    -------
    bool
        False where there is none to write: the merges are few, the source has a commit-graph, which git uses through
        the scratch repository, it is shallow, in which case git uses none, or a commit is missing.

    Notes
    -----
    It takes about a second for 100,000 commits: worth it before many merges, not before a single question.
    """
    if merges is not None and merges <= _FEW_BASES:
        return False
    places = [scratch.path / "objects", *scratch.alternates()]
    if any((place / "info" / name).exists() for place in places for name in ("commit-graph", "commit-graphs")):
        return False
    if (scratch.path / "shallow").exists():
        return False
    try:
        run(("commit-graph", "write", "--reachable", "--no-progress"), scratch.path)
    except GitError:
        return False  # git finds merge bases without it too, or says then what is in the way
    return True


def _trees(scratch: Scratch, shas: set[Sha]) -> dict[Sha, Sha]:
    """The tree of each commit or tree."""
    nothing = empty_tree(scratch)
    with ObjectReader(scratch) as reader:
        ordered = sorted(shas - {nothing})
        found = reader.check([f"{sha}^{{tree}}" for sha in ordered])
    trees = {nothing: nothing}
    for sha, info in zip(ordered, found.values(), strict=True):
        if info is None:
            raise GitError(f"object {sha} is missing or is neither a commit nor a tree; fetch it, or give another id")
        trees[sha] = info.sha
    return trees


def _merge_share(scratch: Scratch, pairs: Sequence[tuple[Sha, Sha]], *, unrelated: bool) -> Generator[MergeResult]:
    arguments = ["merge-tree", "--write-tree", "-z", "--stdin"]
    if unrelated:
        arguments.insert(-1, "--allow-unrelated-histories")
    at = 0
    while at < len(pairs):
        share = pairs[at:]
        feed = (
            "".join(f"{ours} {theirs}\n" for ours, theirs in share[start : start + 256]).encode("ascii")
            for start in range(0, len(share), 256)
        )
        with stream(arguments, scratch.path, feed=feed) as process:
            tokens = _Tokens(process.out)
            while at < len(pairs):
                result = read_result(tokens)
                if result is None:
                    break
                at += 1
                yield result
            code = process.wait() if at < len(pairs) else 0
        if at < len(pairs):
            # git ends at the first merge it cannot do and drops the rest of its input.
            at += 1
            yield gave_up(scratch, code, process.stderr)


def gave_up(scratch: Scratch, code: int, stderr: bytes) -> MergeResult:
    """The result of a merge that git could not do, from what it said when it ended.

    Raises
    ------
    GitError
        It is not the merge that failed: the result could not be written, or git was killed.
    """
    scratch.check()
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    reason = "; ".join(line.removeprefix("fatal: ").removeprefix("error: ") for line in lines[-2:])
    if code < 0 or not reason or _UNWRITTEN.search(reason):
        said = f": {reason}" if reason else ""
        raise GitError(
            f"git merge-tree ended with status {code} in {scratch.path}{said}; free some space in TMPDIR, or memory"
        )
    return MergeResult(None, clean=False, failure=reason)


class _Tokens:
    """The NUL-terminated tokens of an output, handed out as soon as they are there."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._ready: deque[bytes] = deque()
        self._rest = b""

    def next(self) -> bytes | None:
        """The next token; None at the end of the output."""
        while not self._ready:
            block = self._source.read1(_BLOCK)  # type: ignore[attr-defined]  # the pipe of a Popen is buffered
            if not block:
                return None
            *tokens, self._rest = (self._rest + block).split(b"\0")
            self._ready.extend(tokens)
        return self._ready.popleft()

    def must(self) -> bytes:
        """The next token, which has to be there.

        Raises
        ------
        EOFError
            The output has ended.
        """
        token = self.next()
        if token is None:
            raise EOFError
        return token


def read_result(tokens: _Tokens) -> MergeResult | None:
    """The next result; None where git ended before it, or while it wrote it."""
    try:
        return _read_result(tokens)
    except EOFError:
        return None


def _read_result(tokens: _Tokens) -> MergeResult | None:
    status = tokens.next()
    if status is None:
        return None
    if status not in {b"0", b"1"}:
        raise InternalError(f"git merge-tree reported the status {status[:40]!r}, which is none it documents")
    tree = Sha(tokens.must().decode("ascii"))
    stages: dict[bytes, dict[bytes, Side]] = {}
    while token := tokens.must():
        found = _STAGE.fullmatch(token)
        if found is None:
            raise InternalError(f"git merge-tree reported {token[:80]!r} where a conflicted file was expected")
        stages.setdefault(found[4], {})[found[3]] = Side(found[1].decode("ascii"), Sha(found[2].decode("ascii")))
    if status == b"1":
        return MergeResult(tree, clean=True)
    messages = []
    while (count := tokens.must()).isdigit():
        paths = tuple(tokens.must() for _ in range(int(count)))
        kind = tokens.must().decode("utf-8", "replace")
        messages.append(Message(paths, kind, tokens.must().decode("utf-8", "replace").rstrip("\n")))
    # The last token is empty, or advice about submodules that git adds in plain text: it has no part of its own.
    if count and not count.startswith(b"Recursive merging with submodules"):
        raise InternalError(f"git merge-tree reported {count[:80]!r} where a message was expected")
    return MergeResult(tree, clean=False, conflicts=_conflicts(stages, messages), messages=tuple(messages))


def _conflicts(stages: dict[bytes, dict[bytes, Side]], messages: list[Message]) -> tuple[Conflict, ...]:
    about: dict[bytes, list[Message]] = {path: [] for path in stages}
    for message in messages:
        for path in message.paths:
            if path in stages:
                about[path].append(message)
            elif message.kind.startswith("CONFLICT"):
                # Some conflicts have no stages: a submodule, a directory rename.
                about.setdefault(path, []).append(message)
    return tuple(
        Conflict(
            path,
            base=stages.get(path, {}).get(b"1"),
            ours=stages.get(path, {}).get(b"2"),
            theirs=stages.get(path, {}).get(b"3"),
            kinds=tuple(sorted({message.kind for message in said if message.kind.startswith("CONFLICT")})),
            messages=tuple(message.text for message in said),
        )
        for path, said in sorted(about.items())
    )


__all__ = [
    "Conflict",
    "MergeResult",
    "Message",
    "Pick",
    "Side",
    "Trees",
    "gave_up",
    "merge_many",
    "merge_trees",
    "pick_many",
    "write_commit_graph",
]
