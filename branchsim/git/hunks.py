"""The hunks of many patches with one line of context on each side: what must stand together for a patch to apply."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
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
    known: Mapping[tuple[Sha, Sha], bytes] | None = None,
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
    known : mapping, optional
        Patches whose text is at hand, with as much context and without renames.

    Returns
    -------
    hunks : dict
        From a pair to a list for each file, in the order of git's raw diff (by path).
    skipped : dict
        From a pair that could not be read to git's reason.
    """
    known = known or {}
    wanted = [pair for pair in dict.fromkeys(pairs) if pair not in known]
    options = (*_OPTIONS, f"-U{context}")
    size = max(FEW, -(-len(wanted) // max(1, processes)))
    shares = [wanted[start : start + size] for start in range(0, len(wanted), size)]
    hunks = {pair: _of_files(known[pair]) for pair in dict.fromkeys(pairs) if pair in known}
    skipped: dict[tuple[Sha, Sha], str] = {}

    def read(
        share: list[tuple[Sha, Sha]],
    ) -> tuple[dict[tuple[Sha, Sha], list[list[Hunk]]], dict[tuple[Sha, Sha], str]]:
        missing: dict[tuple[Sha, Sha], str] = {}
        found = {pair: _of_files(text) for pair, text in pieces(scratch, share, options, missing)}
        return found, missing

    with ThreadPoolExecutor(max(1, processes)) as pool:
        for found, missing in pool.map(read, shares):
            hunks.update(found)
            skipped.update(missing)
    return hunks, skipped


def _of_files(text: bytes) -> list[list[Hunk]]:
    return [list(_hunks(part)) for part in text.split(b"\ndiff --git ")] if text else []


def _hunks(part: bytes) -> Iterator[Hunk]:
    heads = list(_HUNK.finditer(part))
    for at, head in enumerate(heads):
        end = heads[at + 1].start() if at + 1 < len(heads) else len(part)
        body = part[head.end() : end]
        if not body.endswith(b"\n"):
            body += b"\n"
        lines = (
            body.splitlines(keepends=True) if b"\r" not in body else [line + b"\n" for line in body.split(b"\n")[:-1]]
        )
        before = b"".join(line[1:] for line in lines if line[:1] in b" -")
        after = b"".join(line[1:] for line in lines if line[:1] in b" +")
        first = int(head[1]) <= 1 and lines[:1] != [] and lines[0][:1] != b" "
        last = lines[-1:] != [] and (lines[-1][:1] != b" " or _NO_NEWLINE in lines)
        yield Hunk(before, after, first, last)
