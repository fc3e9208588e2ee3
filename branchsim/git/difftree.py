"""``git diff-tree --stdin``: many pairs of trees by a process of its own, a few by one that goes on for the next."""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import TYPE_CHECKING

from branchsim.errors import GitError
from branchsim.git.log import RawChange
from branchsim.git.moves import Apart
from branchsim.git.objects import write_object
from branchsim.git.process import Conversation, run
from branchsim.names import Sha

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Iterator, Sequence

    from branchsim.git.scratch import Scratch

    Pair = tuple[Sha, Sha]

FEW = 100
"""So many pairs fit the pipe at once."""

_BLOCK = 1 << 16
_MOST = 1000
_FIRST, _LAST = 4, 64
_MUCH = 8 * 1024 * 1024
_RAW = ("-r", "-z", "--raw", "--no-abbrev", "--ignore-submodules=none")
_PLAIN = (*_RAW, "--no-renames")


class _Talk(Conversation):
    """A ``diff-tree`` that repeats a line which names no object, and writes out all it has when it does.

    The line is one that no path of a repository can contain: it is made up when the process starts.
    """

    def __init__(self, arguments: Sequence[str], scratch: Scratch) -> None:
        super().__init__(arguments, scratch.path)
        self._end = b"end " + os.urandom(16).hex().encode("ascii") + b"\n"

    def compare(self, question: bytes) -> bytes:
        """What it says of some pairs.

        Raises
        ------
        GitError
            It ended, since an object is missing or corrupt.
        """
        self.ask(question + self._end)
        found: list[bytes] = []
        last = b""
        while block := self.out.read1(_BLOCK):  # type: ignore[attr-defined]  # the pipe of a Popen is buffered
            found.append(block)
            # The line may come in two pieces.
            last = (last + block)[-len(self._end) :]
            if last == self._end:
                return b"".join(found)[: -len(self._end)]
        raise self.failure()


def diff_tree(scratch: Scratch, pairs: Sequence[Pair], options: Sequence[str]) -> bytes:
    """What ``git diff-tree --stdin`` prints of some pairs of trees.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    pairs : sequence of (Sha, Sha)
        The tree before and the tree after.
    options : sequence of str
        Further options.

    Raises
    ------
    GitError
        A tree is missing or corrupt.
    """
    arguments = ("diff-tree", "--stdin", *options)
    question = "".join([f"{old} {new}\n" for old, new in pairs]).encode("ascii")
    if len(pairs) > FEW:
        return run(arguments, scratch.path, stdin=question)
    with scratch.pool.taken(arguments, lambda: _Talk(arguments, scratch)) as talk:
        return talk.compare(question)


def raw_changes(scratch: Scratch, pairs: Iterable[Pair]) -> dict[Pair, list[RawChange]]:
    """The paths that differ between each pair of trees, by path, without rename detection.

    Raises
    ------
    GitError
        A tree is missing or corrupt.
    """
    found: dict[Pair, list[RawChange]] = {pair: [] for pair in pairs}
    for pair, entry, path in _raw(scratch, list(found), _PLAIN):
        old_mode, new_mode, old, new, status = entry[1:].decode("ascii").split(" ")
        found[pair].append(RawChange(path, old_mode, new_mode, old, new, status))
    return found


def differing(scratch: Scratch, pairs: Iterable[Pair]) -> dict[Pair, frozenset[bytes]]:
    """The paths in which trees differ.

    Raises
    ------
    GitError
        A tree is missing or corrupt.
    """
    found: dict[Pair, set[bytes]] = {pair: set() for pair in pairs}
    for pair, _, path in _raw(scratch, list(found), _PLAIN):
        found[pair].add(path)
    return {pair: frozenset(paths) for pair, paths in found.items()}


def renames(
    scratch: Scratch, pairs: Iterable[Pair], among: Container[bytes] | None = None
) -> dict[Pair, dict[bytes, bytes]]:
    """The renames that git sees between each pair of trees, from the old name to the new one.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    pairs : iterable of (Sha, Sha)
        The tree before and the tree after. With more than 1,000 deleted or added paths git looks for equal content
        only; so it does where one is missing.
    among : container of bytes, optional
        The old names that are asked for; without it all.

    Raises
    ------
    GitError
        A tree is missing or corrupt.
    """
    found: dict[Pair, dict[bytes, bytes]] = {pair: {} for pair in pairs}
    wanted = list(found)
    if len(wanted) <= FEW:
        # Mostly nothing can have been moved, and then no process need start for it.
        kinds: dict[Pair, set[bytes]] = {}
        for pair, entry, _ in _raw(scratch, wanted, _PLAIN):
            kinds.setdefault(pair, set()).add(entry[-1:])
        wanted = [pair for pair in wanted if kinds.get(pair, set()) >= {b"A", b"D"}]
    found.update(_moved(scratch, wanted, among))
    return found


def _moved(
    scratch: Scratch, pairs: Sequence[Pair], among: Container[bytes] | None = None
) -> dict[Pair, dict[bytes, bytes]]:
    found: dict[Pair, dict[bytes, bytes]] = {pair: {} for pair in pairs}
    options = (*_RAW, f"-l{_MOST}", "--diff-filter=R")

    def fill(how: str) -> None:
        for pair, old, new in _raw(scratch, pairs, (*options, how), names=2):
            if among is None or old in among:
                found[pair][old] = new

    try:
        fill("-M")
    except GitError:
        # Likeness needs the contents, and one of them is missing; equal contents are known by their ids alone.
        for names in found.values():
            names.clear()
        fill("-M100%")
    return found


class RenameReader:
    """Asks for `renames` one pair at a time, and remembers the last ones.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    """

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._late: OrderedDict[Pair, dict[bytes, bytes]] = OrderedDict()

    def of(self, old: Sha, new: Sha) -> dict[bytes, bytes]:
        """The renames that git sees between two trees, from the old name to the new one.

        Raises
        ------
        GitError
            An object is missing or corrupt.
        """
        pair = old, new
        found = self._late.get(pair)
        if found is None:
            found = self._late[pair] = {} if old == new else _moved(self._scratch, [pair])[pair]
            if len(self._late) > _LATE:
                self._late.popitem(last=False)
        return found


class MoveReader:
    """Asks where single files were moved between trees of which many are alike: what differs is carried on.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    """

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._chains: dict[int, OrderedDict[Pair, Apart]] = {}

    def of(
        self, old: Sha, new: Sha, asked: Collection[bytes], to: Collection[bytes] | None = None, *, chain: int = 0
    ) -> dict[bytes, bytes]:
        """The `renames` of some files from one tree to another, from the old name to the new one.

        With new names that matter, those that went elsewhere may be left out: of many files only few can be one of few.

        Raises
        ------
        GitError
            A tree is missing or corrupt.
        """
        told = self.apart(old, new, chain=chain).few(asked, _MOST, to)
        if told is not None:
            try:
                alike = self._alike({each.contents for each in told.likely})
            except GitError:  # one is missing, and so git looks for equal contents only
                told = None
        if told is None:
            return _moved(self._scratch, [(old, new)], asked)[old, new]
        return told.moved | {each.old: each.new for each in told.likely if each.contents in alike}

    def apart(self, old: Sha, new: Sha, *, chain: int = 0) -> Apart:
        """How two trees differ, from what is known of others to one of them, or else of the pair asked for last.

        Parameters
        ----------
        old, new : Sha
            The trees.
        chain : int
            Pairs of one chain are carried on from one another: who asks for some that are far apart and for some that
            are near by turns names two.

        Raises
        ------
        GitError
            A tree is missing or corrupt.
        """
        known = self._chains.setdefault(chain, OrderedDict())
        near = next((pair for pair in reversed(known) if pair[1] == new or pair[0] == old), None)
        if near is None and len(known) == _APART:
            near = next(iter(known))
        steps = [] if near is None else [pair for pair in ((near[0], old), (near[1], new)) if pair[0] != pair[1]]
        changes = raw_changes(self._scratch, steps)
        if near is None or sum(map(len, changes.values())) > len(known[near]):
            apart = Apart(raw_changes(self._scratch, [(old, new)])[old, new])
        else:
            apart = known.pop(near)
            apart.carry(changes.get((near[0], old), ()))
            apart.carry(changes.get((near[1], new), ()), second=True)
        known[old, new] = apart
        while len(known) > _APART:
            known.popitem(last=False)
        return apart

    def _alike(self, contents: Collection[Pair]) -> set[Pair]:
        """Which pairs of files are so alike that git takes them for one where no others have their base name."""
        trees = {(self._tree(b"old", before), self._tree(b"new", after)): (before, after) for before, after in contents}
        found = _raw(self._scratch, list(trees), (*_RAW, "-M75%", "--diff-filter=R"), names=2)
        return {trees[pair] for pair, _, _ in found}

    def _tree(self, name: bytes, blob: Sha) -> Sha:
        return write_object(self._scratch, "tree", b"100644 %b\0%b" % (name, bytes.fromhex(blob)))


_APART = 2
_LATE = 16


def _raw(
    scratch: Scratch, pairs: Sequence[Pair], options: Sequence[str], *, names: int = 1
) -> Iterator[tuple[Pair, bytes, bytes]]:
    """Of each entry of git's raw diff its pair, and the last two of its words and names: ``:100644 ... M``, a path."""
    if not pairs:
        return
    at, size = 0, _FIRST
    while at < len(pairs):
        share = pairs[at : at + size]
        out = diff_tree(scratch, share, options)
        yield from _entries(share, out, names)
        # Trees far apart differ in most of their paths: of such pairs few are asked for at once.
        at, size = at + size, min(size * 2, _LAST) if len(out) < _MUCH else max(1, size // 2)


def _entries(pairs: Sequence[Pair], out: bytes, names: int) -> Iterator[tuple[Pair, bytes, bytes]]:
    heads = {f"{old} {new}".encode("ascii"): (old, new) for old, new in pairs}
    pair = pairs[0]
    tokens = iter(out.split(b"\0"))
    for token in tokens:
        # With -z the header of a pair still ends with a line feed, so headers stand before the first entry of a pair.
        head, line_feed, rest = token.partition(b"\n")
        while line_feed and head in heads:
            pair = heads[head]
            token = rest  # noqa: PLW2901  what follows the header
            head, line_feed, rest = token.partition(b"\n")
        if token.startswith(b":"):
            first = next(tokens)
            yield (pair, token, first) if names == 1 else (pair, first, next(tokens))


__all__ = ["FEW", "GitError", "MoveReader", "RenameReader", "diff_tree", "differing", "raw_changes", "renames"]
