"""The hunks of many patches with one line of context on each side: what must stand together for a patch to apply."""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import NamedTuple, Self

from branchsim.errors import GitError
from branchsim.git.log import RawChange
from branchsim.git.patches import pieces
from branchsim.git.process import Conversation, run
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
    binary: bool = False,
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
    binary : bool
        Whether binary files are read as lines too; else they have no hunks.
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
    options = (*_OPTIONS, f"-U{context}", *(["--text"] if binary else []))
    size = max(1, -(-len(wanted) // max(1, processes)))
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


def raw_changes(scratch: Scratch, pairs: Sequence[tuple[Sha, Sha]]) -> dict[tuple[Sha, Sha], list[RawChange]]:
    """The paths that differ between each pair of trees, by path, without rename detection.

    Raises
    ------
    GitError
        A tree is missing or corrupt.
    """
    wanted = list(dict.fromkeys(pairs))
    found: dict[tuple[Sha, Sha], list[RawChange]] = {pair: [] for pair in wanted}
    if not wanted:
        return found
    feed = "".join(f"{old} {new}\n" for old, new in wanted).encode()
    out = run(["diff-tree", "--stdin", "-r", "-z", "--raw", "--no-abbrev", "--no-renames"], scratch.path, stdin=feed)
    heads = {f"{old} {new}".encode(): (old, new) for old, new in wanted}
    current: list[RawChange] = []
    tokens = iter(out.split(b"\0"))
    for token in tokens:
        # With -z the header of a pair still ends with a line feed, so headers stand before the first entry of a pair.
        head, line_feed, rest = token.partition(b"\n")
        while line_feed and head in heads:
            current = found[heads[head]]
            token = rest  # noqa: PLW2901  what follows the header
            head, line_feed, rest = token.partition(b"\n")
        if token.startswith(b":"):
            old_mode, new_mode, old, new, status = token[1:].decode("ascii").split(" ")
            current.append(RawChange(next(tokens), old_mode, new_mode, old, new, status))
    return found


def renames(
    scratch: Scratch, pairs: Sequence[tuple[Sha, Sha]], *, limit: int = 1000
) -> dict[tuple[Sha, Sha], dict[bytes, bytes]]:
    """The renames that git sees between each pair of trees, from the old name to the new one.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    pairs : sequence of (Sha, Sha)
        The tree before and the tree after.
    limit : int
        With more deleted or added paths than this git looks for equal content only; so it does where one is missing.

    Raises
    ------
    GitError
        An object is missing or corrupt.
    """
    wanted = list(dict.fromkeys(pairs))
    found: dict[tuple[Sha, Sha], dict[bytes, bytes]] = {pair: {} for pair in wanted}
    if not wanted:
        return found
    feed = "".join(f"{old} {new}\n" for old, new in wanted).encode()
    arguments = _finding_renames(limit)
    heads = {f"{old} {new}".encode(): (old, new) for old, new in wanted}
    current: dict[bytes, bytes] = {}
    try:
        out = run(arguments, scratch.path, stdin=feed)
    except GitError:
        # Likeness needs the contents, and one of them is missing; equal contents are known by their ids alone.
        arguments[arguments.index("-M")] = "-M100%"
        out = run(arguments, scratch.path, stdin=feed)
    tokens = iter(out.split(b"\0"))
    for token in tokens:
        head, line_feed, rest = token.partition(b"\n")
        while line_feed and head in heads:
            current = found[heads[head]]
            token = rest  # noqa: PLW2901  what follows the header
            head, line_feed, rest = token.partition(b"\n")
        if token.startswith(b":"):
            old_name = next(tokens)
            current[old_name] = next(tokens)
    return found


def _finding_renames(limit: int) -> list[str]:
    return ["diff-tree", "--stdin", "-r", "-z", "--raw", "-M", f"-l{limit}", "--diff-filter=R", "--no-abbrev"]


class RenameReader:
    """Asks for `renames` one pair at a time, of one process; a context manager.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    limit : int
        As for `renames`.
    """

    def __init__(self, scratch: Scratch, *, limit: int = 1000) -> None:
        self._scratch = scratch
        self._limit = limit
        self._talk: Conversation | None = None
        # git repeats a line that is none of its own, once it has answered all before it. No path can guess this one.
        self._mark = f"end {secrets.token_hex(16)}\n".encode()
        self._late: OrderedDict[tuple[Sha, Sha], dict[bytes, bytes]] = OrderedDict()

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
            found = self._late[pair] = {} if old == new else self._read(old, new)
            if len(self._late) > _LATE:
                self._late.popitem(last=False)
        return found

    def _read(self, old: Sha, new: Sha) -> dict[bytes, bytes]:
        if self._talk is None:
            self._talk = Conversation(_finding_renames(self._limit), self._scratch.path)
        head = f"{old} {new}\n".encode("ascii")
        self._talk.ask(head + self._mark)
        lines: list[bytes] = []
        while not lines or not lines[-1].endswith(self._mark):
            line = self._talk.line()
            if not line:
                self.close()
                return renames(self._scratch, [(old, new)], limit=self._limit)[old, new]
            lines.append(line)
        tokens = b"".join(lines).removesuffix(self._mark).removeprefix(head).split(b"\0")
        # Of each rename come the modes and ids, the old name and the new one.
        return dict(zip(tokens[1::3], tokens[2::3], strict=False))

    def close(self) -> None:
        """End the process."""
        if self._talk is not None:
            self._talk.close()
            self._talk = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_LATE = 16
