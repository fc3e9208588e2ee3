"""The hunks of many patches with one line of context on each side: what must stand together for a patch to apply."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from branchsim.git.difftree import FEW
from branchsim.git.patches import pieces
from branchsim.git.scratch import Scratch
from branchsim.names import Sha

_OPTIONS = (
    "-r", "-p", "--no-renames", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/",
    "--dst-prefix=b/", "--diff-algorithm=myers", "--submodule=short", "--ignore-submodules=none", "--no-relative",
)  # fmt: skip
_HUNK = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@.*\n", re.MULTILINE)
_NO_NEWLINE = b"\\ No newline at end of file\n"


class Hunk(NamedTuple):
    """A stretch of a file before and after, each with a line of context on both sides.

    ``first`` and ``last`` say that the stretch reaches the first or the last line of the file before.
    """

    before: bytes
    after: bytes
    first: bool
    last: bool


def read_hunks(
    scratch: Scratch,
    pairs: Sequence[tuple[Sha, Sha]],
    *,
    processes: int = 2,
    context: int = 1,
) -> tuple[dict[tuple[Sha, Sha], list[list[Hunk]]], dict[tuple[Sha, Sha], str]]:
    """The hunks of the patch between each pair of trees.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    pairs : sequence of (Sha, Sha)
        The tree before and the tree after.
    processes : int
        How many git processes share the work.
    context : int
        How many lines of context stand on each side.

    Returns
    -------
    hunks : dict
        From a pair to a list for each file, in the order of git's raw diff (by path).
    skipped : dict
        From a pair that could not be read to git's reason.
    """
    wanted = list(dict.fromkeys(pairs))
    options = (*_OPTIONS, f"-U{context}")
    size = max(FEW, -(-len(wanted) // max(1, processes)))
    shares = [wanted[start : start + size] for start in range(0, len(wanted), size)]
    hunks: dict[tuple[Sha, Sha], list[list[Hunk]]] = {}
    skipped: dict[tuple[Sha, Sha], str] = {}

    def read(
        share: list[tuple[Sha, Sha]],
    ) -> tuple[dict[tuple[Sha, Sha], list[list[Hunk]]], dict[tuple[Sha, Sha], str]]:
        missing: dict[tuple[Sha, Sha], str] = {}
        read_so_far = pieces(scratch, share, options, missing)
        found = {pair: [list(each_hunk(part)) for part in files_of(text)] for pair, text in read_so_far}
        return found, missing

    with ThreadPoolExecutor(max(1, processes)) as pool:
        for found, missing in pool.map(read, shares):
            hunks.update(found)
            skipped.update(missing)
    return hunks, skipped


def read_plain(
    scratch: Scratch, pairs: Sequence[tuple[Sha, Sha]], see: Callable[[tuple[Sha, Sha], bytes], None]
) -> None:
    """Hand on the text of the patch between each pair of trees, with a line of context and without renames.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    pairs : sequence of (Sha, Sha)
        The tree before and the tree after.
    see : callable
        Receives each pair and its text; not those of which an object is missing.
    """
    skipped: dict[tuple[Sha, Sha], str] = {}
    last = None
    for pair, text in pieces(scratch, list(dict.fromkeys(pairs)), (*_OPTIONS, "-U1"), skipped):
        if last is not None and last[0] not in skipped:
            see(*last)
        last = pair, text
    if last is not None and last[0] not in skipped:
        see(*last)


def files_of(text: bytes) -> list[bytes]:
    """The parts of a patch, one for each file, by path."""
    return text.split(b"\ndiff --git ") if text else []


def each_hunk(part: bytes) -> Iterator[Hunk]:
    """The hunks of one file's part of a patch."""
    head = _HUNK.search(part)
    while head is not None:
        following = _HUNK.search(part, head.end())
        body = part[head.end() : len(part) if following is None else following.start()]
        if not body.endswith(b"\n"):
            body += b"\n"
        lines = (
            body.splitlines(keepends=True) if b"\r" not in body else [line + b"\n" for line in body.split(b"\n")[:-1]]
        )
        before = b"".join([line[1:] for line in lines if line[:1] in b" -"])
        after = b"".join([line[1:] for line in lines if line[:1] in b" +"])
        first = int(head[1]) <= 1 and lines[:1] != [] and lines[0][:1] != b" "
        last = lines[-1:] != [] and (lines[-1][:1] != b" " or _NO_NEWLINE in lines)
        yield Hunk(before, after, first, last)
        head = following
