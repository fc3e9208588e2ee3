"""Read commits in bulk: one `git log` for metadata and raw changes, whatever their number."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from branchsim.errors import GitError, InternalError, UnknownRevisionError
from branchsim.git.process import run, stream
from branchsim.git.scratch import EMPTY_TREE, Scratch
from branchsim.names import Sha

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_FIELDS = ("%m", "%H", "%T", "%P", "%an", "%ae", "%at", "%cn", "%ce", "%ct", "%B")
_FORMAT = "%x00".join(_FIELDS) + "%x00"
_FIELD_COUNT = len(_FIELDS)
_BLOCK = 1 << 20
LATEST = 9_223_372_035
"""The last second (in the year 2262) that fits a table's nanoseconds; a later date is nonsense and is read as this."""


class RawChange(NamedTuple):
    """One path that a commit changed, as ``git diff --raw`` gives it, without rename detection."""

    path: bytes
    old_mode: str
    new_mode: str
    old: str
    new: str
    status: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit, its metadata and the paths it changed against its first parent.

    Attributes
    ----------
    side : str
        ``<`` or ``>`` for the left and right side of a symmetric difference, else ``>``.
    sha, tree : Sha
        Ids of the commit and its tree.
    parents : tuple of Sha
        Its parents; none for a root, two or more for a merge.
    author, author_email, committer, committer_email : str
        As recorded, without mailmap; bytes that are not UTF-8 are shown as U+FFFD.
    authored_at, committed_at : int
        Seconds since the epoch, UTC, at most `LATEST`.
    message : str
        The whole message.
    changes : tuple of RawChange
        Against the first parent; against the empty tree for a root.
    """

    side: str
    sha: Sha
    tree: Sha
    parents: tuple[Sha, ...]
    author: str
    author_email: str
    authored_at: int
    committer: str
    committer_email: str
    committed_at: int
    message: str
    changes: tuple[RawChange, ...]

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.lstrip().partition("\n")[0].rstrip()

    @property
    def is_merge(self) -> bool:
        """Whether it has more than one parent."""
        return len(self.parents) > 1


def read_commits(
    scratch: Scratch,
    revisions: Sequence[str],
    *,
    options: Sequence[str] = (),
    changes: bool = True,
    paths: Sequence[bytes] = (),
    report: Callable[[int], None] | None = None,
) -> Iterator[Commit]:
    """The commits that a set of revisions selects, in the order of ``git log``.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    revisions : sequence of str
        Ids, ``^id`` for what is left out, or ``id...id``.
    options : sequence of str
        Further options of ``git log`` (``--topo-order``, ``--first-parent``, ``--no-walk``).
    changes : bool
        Whether the changed paths are read too; without them it is two to three times as fast.
    paths : sequence of bytes
        Only commits that change one of these paths, and only these changes.
    report : callable, optional
        Called with the number of commits read since its last call.

    Yields
    ------
    Commit
        One at a time.

    Raises
    ------
    GitError
        git failed, for example because an object is missing or corrupt.
    """
    for commit, packed in _read(scratch, revisions, options, paths, report, changes=changes):
        yield replace(commit, changes=tuple(map(unpack, packed))) if packed else commit


class PackedChange(NamedTuple):
    """A changed path as git printed it: to hold millions of them, most of which nobody will ask for."""

    path: bytes
    raw: bytes


def read_packed(
    scratch: Scratch, revisions: Sequence[str], *, report: Callable[[int], None] | None = None
) -> Iterator[tuple[Commit, list[PackedChange]]]:
    """The same as `read_commits`, with the changes beside the commits, to `unpack` where they are wanted.

    Raises
    ------
    GitError
        git failed, for example because an object is missing or corrupt.
    """
    yield from _read(scratch, revisions, (), (), report, changes=True)


def unpack(change: PackedChange) -> RawChange:
    """A changed path with its modes and ids."""
    old_mode, new_mode, old, new, status = change.raw[1:].decode("ascii").split(" ")
    intern = sys.intern
    return RawChange(change.path, intern(old_mode), intern(new_mode), old, new, intern(status))


def pack(change: RawChange) -> PackedChange:
    """A changed path as git printed it: the reverse of `unpack`."""
    words = (change.old_mode, change.new_mode, change.old, change.new, change.status)
    return PackedChange(change.path, b":" + " ".join(words).encode("ascii"))


def _read(
    scratch: Scratch,
    revisions: Sequence[str],
    options: Sequence[str],
    paths: Sequence[bytes],
    report: Callable[[int], None] | None,
    *,
    changes: bool,
) -> Iterator[tuple[Commit, list[PackedChange]]]:
    raw = (
        # Without --ignore-submodules a .gitmodules file could hide changes.
        ("--raw", "--no-abbrev", "--no-renames", "--diff-merges=first-parent", "--root", "--ignore-submodules=none")
        if changes
        else ("--no-patch",)
    )
    arguments: list[str | bytes] = [
        "log",
        "-z",
        f"--format={_FORMAT}",
        *raw,
        "--no-color",
        "--no-show-signature",
        *options,
    ]
    arguments.append("--stdin")
    if paths:
        arguments += ["--full-history", "--", *paths]
    if not revisions:
        return
    feed = [_asked(revisions)]
    with stream(arguments, scratch.path, feed=feed) as process:
        try:
            yield from _parse(_tokens(iter(lambda: process.out.read(_BLOCK), b"")), report)
        except (ValueError, RuntimeError) as error:
            process.out.read()
            process.check()  # an output that stops in the middle of a commit is git's own failure
            raise InternalError(f"the output of git log could not be read: {error}") from error
        process.check()


def _tokens(blocks: Iterator[bytes]) -> Iterator[list[bytes]]:
    """The NUL-terminated tokens of an output, some thousand at a time."""
    rest = b""
    for block in blocks:
        *tokens, rest = (rest + block).split(b"\0")
        yield tokens
    if rest.strip(b"\n"):
        yield [rest]


def _parse(
    batches: Iterator[list[bytes]], report: Callable[[int], None] | None
) -> Iterator[tuple[Commit, list[PackedChange]]]:
    intern = sys.intern
    seen = 0
    paths: dict[bytes, bytes] = {}
    ahead = _Ahead(batches)
    while ahead.has(1):
        if not ahead.has(_FIELD_COUNT):
            raise ValueError("it ends in the middle of a commit")
        tokens, at = ahead.tokens, ahead.at
        ahead.at += _FIELD_COUNT
        side, sha, tree, parents, author, email, authored, committer, cemail, committed, message = tokens[at : ahead.at]
        commit = Commit(
            side=intern(side.strip(b"\n").decode("ascii")),
            sha=Sha(sha.decode("ascii")),
            tree=Sha(tree.decode("ascii")),
            parents=tuple(Sha(parent) for parent in parents.decode("ascii").split()),
            author=intern(author.decode("utf-8", "replace")),
            author_email=intern(email.decode("utf-8", "replace")),
            authored_at=_time(authored),
            committer=intern(committer.decode("utf-8", "replace")),
            committer_email=intern(cemail.decode("utf-8", "replace")),
            committed_at=_time(committed),
            message=message.decode("utf-8", "replace"),
            changes=(),
        )
        yield commit, _packed(ahead, paths)
        seen += 1
        if report is not None and seen % 1000 == 0:
            report(1000)
    if report is not None:
        report(seen % 1000)


def _packed(ahead: _Ahead, paths: dict[bytes, bytes]) -> list[PackedChange]:
    """The changes of a commit, which follow its fields."""
    found: list[PackedChange] = []
    if ahead.has(1) and ahead.tokens[ahead.at] == b"":  # the end of the fields, before the changes if there are any
        ahead.at += 1
    while ahead.has(1):
        raw = ahead.tokens[ahead.at].lstrip(b"\n")
        if raw[:1] != b":":
            break
        if not ahead.has(2):
            raise ValueError("it ends in the middle of a change")
        path = ahead.tokens[ahead.at + 1]
        found.append(PackedChange(paths.setdefault(path, path), raw))
        ahead.at += 2
    return found


class _Ahead:
    """The tokens of an output, some of them at hand in a list: it holds the next ones from a place on."""

    def __init__(self, batches: Iterator[list[bytes]]) -> None:
        self._batches = batches
        self.tokens: list[bytes] = []
        self.at = 0

    def has(self, count: int) -> bool:
        """Whether there are so many more tokens, and see that they are at hand."""
        while len(self.tokens) - self.at < count:
            more = next(self._batches, None)
            if more is None:
                return False
            self.tokens = self.tokens[self.at :] + more
            self.at = 0
        return True


def _asked(revisions: Iterable[str]) -> bytes:
    """Revisions as git reads them from its standard input, where no option may hide among them."""
    lines = []
    for revision in revisions:
        if revision.startswith("-") or "\n" in revision or not revision:
            raise UnknownRevisionError(f"{revision!r} is no revision; give a branch, a tag or a commit id")
        lines.append(os.fsencode(revision) + b"\n")
    return b"".join(lines)


def _time(text: bytes) -> int:
    return min(int(text or 0), LATEST)


def rev_list(scratch: Scratch, revisions: Iterable[str], *options: str) -> list[Sha]:
    """The ids that ``git rev-list`` prints, in its order.

    Raises
    ------
    GitError
        git failed, for example because an object is missing or corrupt.
    """
    feed = _asked(revisions)
    return [
        Sha(line)
        for line in run(["rev-list", *options, "--stdin"], scratch.path, stdin=feed).decode("ascii").split("\n")
        if line
    ]


def merge_bases(scratch: Scratch, one: Sha, other: Sha) -> list[Sha]:
    """Every best common ancestor of two commits, sorted; none where the histories are unrelated."""
    out = run(["merge-base", "--all", one, other], scratch.path, accept=(0, 1))
    return sorted(Sha(line) for line in out.decode("ascii").split())


def empty_tree(scratch: Scratch) -> Sha:
    """The id of the empty tree, which git knows without storing it."""
    return Sha(EMPTY_TREE[scratch.object_format])


__all__ = ["Commit", "GitError", "RawChange", "empty_tree", "merge_bases", "read_commits", "rev_list"]
