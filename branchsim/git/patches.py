"""The changed lines of many commits at once, by long-lived `git diff-tree --stdin` processes."""

from __future__ import annotations

import hashlib
import os
import re
from array import array
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from threading import Event
from typing import Any, Generic, TypeVar
from zlib import crc32

from branchsim.errors import GitError, InternalError
from branchsim.git.difftree import FEW, diff_tree
from branchsim.git.process import run, stream
from branchsim.git.scratch import Scratch
from branchsim.names import Sha

SCHEMA = 2
"""Raised whenever the facts of a patch are computed in another way, so that no cache mixes the two."""

MEANINGFUL = 4
"""Lines with fewer characters than this (without white space) take part in a patch's id, but not in its overlap."""

_OPTIONS = (
    "-r", "-p", "-U1", "-M", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/",
    "--dst-prefix=b/", "--diff-algorithm=myers", "--submodule=short", "--ignore-submodules=none", "--no-relative",
)  # fmt: skip
_HEADER = re.compile(rb"^([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{40}|[0-9a-f]{64})\n", re.MULTILINE)
_WHITE = b" \t\r\f\v"
_BLOCK = 1 << 20
Seen = TypeVar("Seen")


@dataclass(frozen=True, slots=True)
class PatchFacts:
    """What is known of the difference between two trees.

    Attributes
    ----------
    zero_id : bytes
        A digest of the changed lines without context, line numbers, white space, blank lines and paths; files in any
        order. Empty where nothing but white space, modes or names changed.
    changed : int
        How many lines are added or removed, blank ones left out.
    lines : array of unsigned 32-bit int
        A CRC-32 of each meaningful changed line, with its sign and without white space, in no particular order.
    """

    zero_id: bytes
    changed: int
    lines: array[int]


class GivenUpError(Exception):
    """What is read is not wanted any more."""


class Watch(Generic[Seen]):
    """Something that is to be known of the text of some patches, seen while they are read for something else.

    Parameters
    ----------
    wanted : iterable of (Sha, Sha)
        The trees before and after the patches.
    see : callable
        What is to be known, from the trees and the text with a line of context around each hunk.

    Attributes
    ----------
    wanted : dict
        The patches that are wanted, in order.
    seen : dict
        From the trees to what is known.
    given_up : Event
        Set by whoever wants nothing any more.
    """

    def __init__(self, wanted: Iterable[tuple[Sha, Sha]], see: Callable[[tuple[Sha, Sha], bytes], Seen]) -> None:
        self.wanted = dict.fromkeys(wanted)
        self._see = see
        self.given_up = Event()
        self.seen: dict[tuple[Sha, Sha], Seen] = {}

    def offer(self, pair: tuple[Sha, Sha], text: bytes) -> None:
        """Look at a text if it is wanted.

        Raises
        ------
        GivenUpError
            Nobody wants anything any more.
        """
        if self.given_up.is_set():
            raise GivenUpError
        if pair in self.wanted:
            self.seen[pair] = self._see(pair, text)

    def drop(self, pairs: Iterable[tuple[Sha, Sha]]) -> None:
        """Forget texts that turned out not to be whole."""
        for pair in pairs:
            self.seen.pop(pair, None)


def read_patches(
    scratch: Scratch,
    pairs: Sequence[tuple[Sha, Sha]],
    *,
    processes: int | None = None,
    report: Callable[[int], None] | None = None,
    watch: Watch[Any] | None = None,
) -> tuple[dict[tuple[Sha, Sha], PatchFacts], dict[tuple[Sha, Sha], str]]:
    """The facts of the patch between each pair of trees.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    pairs : sequence of (Sha, Sha)
        The tree before and the tree after.
    processes : int, optional
        How many git processes share the work; as many as there are processors, if not given.
    report : callable, optional
        Called with the number of pairs read since its last call.
    watch : Watch, optional
        Sees the text of the patches that it wants.

    Returns
    -------
    facts : dict
        From a pair to its `PatchFacts`.
    skipped : dict
        From a pair that could not be read (an object is missing or corrupt) to git's reason.
    """
    wanted = list(dict.fromkeys(pairs))
    facts: dict[tuple[Sha, Sha], PatchFacts] = {}
    skipped: dict[tuple[Sha, Sha], str] = {}
    shares = _shares(wanted, processes)
    with ThreadPoolExecutor(max(1, len(shares))) as pool:
        for share, missing in pool.map(lambda part: _read_share(scratch, part, report, watch), shares):
            facts.update(share)
            skipped.update(missing)
    return facts, skipped


def read_watched(scratch: Scratch, watch: Watch[Any], processes: int | None = None) -> None:
    """Read the patches that are wanted and were not seen yet."""
    pairs = [pair for pair in watch.wanted if pair not in watch.seen]
    shares = _shares(pairs, processes)
    with ThreadPoolExecutor(max(1, len(shares))) as pool:
        list(pool.map(lambda share: _read_watched(scratch, share, watch), shares))


def _read_watched(scratch: Scratch, pairs: list[tuple[Sha, Sha]], watch: Watch[Any]) -> None:
    skipped: dict[tuple[Sha, Sha], str] = {}
    with closing(pieces(scratch, pairs, _OPTIONS, skipped)) as found:
        for pair, text in found:
            watch.offer(pair, text)
    watch.drop(skipped)


def _shares(pairs: list[tuple[Sha, Sha]], processes: int | None) -> list[list[tuple[Sha, Sha]]]:
    """What each process reads: neighbours share trees, so each takes a run of them."""
    count = min(processes or os.cpu_count() or 1, 8, max(1, len(pairs) // 200))
    size = -(-len(pairs) // count) if pairs else 1
    return [pairs[start : start + size] for start in range(0, len(pairs), size)]


def _read_share(
    scratch: Scratch,
    pairs: list[tuple[Sha, Sha]],
    report: Callable[[int], None] | None,
    watch: Watch[Any] | None,
) -> tuple[dict[tuple[Sha, Sha], PatchFacts], dict[tuple[Sha, Sha], str]]:
    facts: dict[tuple[Sha, Sha], PatchFacts] = {}
    skipped: dict[tuple[Sha, Sha], str] = {}
    with closing(pieces(scratch, pairs, _OPTIONS, skipped)) as found:
        for pair, text in found:
            facts[pair] = parse_patch(text)
            if watch is not None:
                watch.offer(pair, text)
            if report is not None:
                report(1)
    if watch is not None:
        watch.drop(skipped)
    return {pair: fact for pair, fact in facts.items() if pair not in skipped}, skipped


def pieces(
    scratch: Scratch, pairs: Sequence[tuple[Sha, Sha]], options: Sequence[str], skipped: dict[tuple[Sha, Sha], str]
) -> Generator[tuple[tuple[Sha, Sha], bytes], None, None]:
    """The text of the patch between each pair of trees, from as few processes as possible.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    pairs : sequence of (Sha, Sha)
        The tree before and the tree after.
    options : sequence of str
        Options of ``git diff-tree``.
    skipped : dict
        Receives the pairs that could not be read, with git's reason. Such a pair may have been yielded with a part of
        its text before.

    Yields
    ------
    pair : (Sha, Sha)
        As given.
    text : bytes
        From the first ``diff --git`` on.
    """
    start = 0
    if 0 < len(pairs) <= FEW:
        with suppress(GitError):  # which pair it was that could not be read, is seen below
            yield from zip(pairs, _split([diff_tree(scratch, pairs, options)], pairs), strict=True)
            return
    while start < len(pairs):
        feed = (
            "".join(f"{old} {new}\n" for old, new in pairs[at : at + 512]).encode()
            for at in range(start, len(pairs), 512)
        )
        named = 0
        with stream(["diff-tree", "--stdin", *options], scratch.path, feed=feed) as process:
            blocks = iter(lambda: process.out.read1(_BLOCK), b"")  # type: ignore[attr-defined]
            for pair, text in zip(pairs[start:], _split(blocks, pairs[start:]), strict=False):
                named += 1
                yield pair, text
            code = process.wait()
        if code == 0 and start + named == len(pairs):
            break
        if code == 0:
            raise InternalError(f"git diff-tree named {named} of {len(pairs) - start} pairs of trees")
        scratch.check()
        # git names a pair before it reads it, so the last one named is the one that failed.
        reason = process.stderr.decode("utf-8", "replace").strip().splitlines()
        failed = start + max(named, 1) - 1
        skipped[pairs[failed]] = reason[-1] if reason else f"git diff-tree ended with status {code}"
        start = failed + 1


def _split(blocks: Iterable[bytes], pairs: Sequence[tuple[Sha, Sha]]) -> Iterator[bytes]:
    """The output of ``diff-tree --stdin`` cut where git names the next pair of trees; less, if it ended early.

    Every line of a file's content begins with a sign or a space, so nothing else can look like such a line.
    """
    heads = [f"\n{old} {new}\n".encode("ascii") for old, new in pairs]
    named = 0
    # The line feed that ends one name stands before the next one where nothing differs, so it is kept and seen twice.
    text = b"\n"
    start = 1
    for block in _joined(blocks):
        seen = len(text)
        text = text[start - 1 :] + block
        seen, start = seen - (start - 1), 1
        while named < len(heads):
            at = text.find(heads[named], max(start - 1, seen - len(heads[named])))
            if at < 0:
                break
            if named:
                yield text[start : at + 1]
            named, start, seen = named + 1, at + len(heads[named]), 0
    if named:
        yield text[start:]


def _joined(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Larger blocks of the same text."""
    pending: list[bytes] = []
    size = 0
    for block in blocks:
        pending.append(block)
        size += len(block)
        if size >= _BLOCK:
            yield b"".join(pending)
            pending, size = [], 0
    yield b"".join(pending)


def parse_patch(text: bytes) -> PatchFacts:
    """The facts of one patch as ``git diff-tree -p --full-index`` prints it, with however much context."""
    if not text:
        return PatchFacts(b"", 0, array("I"))
    digests = []
    lines: list[bytes] = []
    # Without white space a line of context would look like what it holds, so it gets another sign first.
    for part in text.replace(b"\n ", b"\n\\").translate(None, _WHITE).split(b"\ndiff--git"):
        head, hunk, body = part.partition(b"\n@@")
        if hunk:
            lines_of_hunks = body.split(b"\n")[1:]  # the rest of the first hunk's header comes first
            # In the order of bytes the two signs stand before all that else begins a line, and `+` alone before them.
            changed = [line for line in lines_of_hunks if b"+" < line < b"." and line != b"-"]
        elif b"\nBinaryfiles" in head:
            # Binary content has no lines; the two blobs stand for it, as they do in git's own patch-id.
            index = head[head.find(b"\nindex") + 6 :].partition(b"\n")[0]
            old, _, new = index.partition(b"..")
            changed = [b"-" + old, b"+" + new[: len(old)]]
        else:
            continue
        if changed:
            digests.append(hashlib.sha1(b"\n".join(changed), usedforsecurity=False).digest())
            lines += changed
    if not digests:
        return PatchFacts(b"", 0, array("I"))
    digests.sort()
    zero_id = hashlib.sha1(b"".join(digests), usedforsecurity=False).digest()
    return PatchFacts(zero_id, len(lines), array("I", [crc32(line) for line in lines if len(line) > MEANINGFUL]))


def stable_patch_ids(scratch: Scratch, commits: Mapping[Sha, tuple[Sha, Sha]]) -> dict[Sha, str]:
    """What ``git patch-id --stable`` says of each commit.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    commits : mapping
        From a commit to the tree before and the tree after it.

    Returns
    -------
    dict
        From the commit to its patch-id; a commit without a textual change, or whose objects are missing, is not in it.
    """
    order = list(commits)
    count = max(1, min(os.cpu_count() or 1, len(order) // _PATCH_IDS_EACH))
    size = -(-len(order) // count) if order else 1
    shares = [order[start : start + size] for start in range(0, len(order), size)]
    ids: dict[Sha, str] = {}
    with ThreadPoolExecutor(count) as pool:
        for found in pool.map(lambda share: _patch_ids_of(scratch, commits, share), shares):
            ids.update(found)
    return ids


_PATCH_IDS_EACH = 200
_PATCH_ID_BATCH = 2000


def _patch_ids_of(scratch: Scratch, commits: Mapping[Sha, tuple[Sha, Sha]], order: list[Sha]) -> dict[Sha, str]:
    ids: dict[Sha, str] = {}
    at = 0
    while at < len(order):
        batch = order[at : at + _PATCH_ID_BATCH]
        # patch-id takes the id from a line "commit <id>"; diff-tree prints the pair of trees, so the line is put in
        # here.
        text, done, whole = _patches_with_ids(scratch, commits, batch)
        out = run(["patch-id", "--stable"], scratch.path, stdin=text) if text else b""
        for line in out.decode("ascii").splitlines():
            patch_id, sha = line.split(" ")
            ids[Sha(sha)] = patch_id
        if not whole:
            scratch.check()
        if not whole and done:
            # git names a pair before it reads it, so the last one is the one that failed.
            ids.pop(batch[done - 1], None)
        at += len(batch) if whole else max(done, 1)
    return ids


def _patches_with_ids(
    scratch: Scratch, commits: Mapping[Sha, tuple[Sha, Sha]], order: list[Sha]
) -> tuple[bytes, int, bool]:
    """The patches with the ids of their commits, how many of them there are, and whether these are all."""
    options = [option if option != "-U1" else "-U3" for option in _OPTIONS]
    feed = ["".join(f"{old} {new}\n" for old, new in map(commits.__getitem__, order)).encode()]
    pieces = []
    done = 0
    with stream(["diff-tree", "--stdin", *options], scratch.path, feed=feed) as process:
        text = process.out.read()
        code = process.wait()
    expected = iter(order)
    last = 0
    for head in _HEADER.finditer(text):
        pieces.append(text[last : head.start()])
        pieces.append(f"commit {next(expected)}\n".encode())
        last = head.end()
        done += 1
    pieces.append(text[last:])
    return b"".join(pieces), done, code == 0


__all__ = [
    "MEANINGFUL",
    "SCHEMA",
    "GitError",
    "GivenUpError",
    "PatchFacts",
    "Watch",
    "parse_patch",
    "read_patches",
    "read_watched",
    "stable_patch_ids",
]
