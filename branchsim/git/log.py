"""Read commits in bulk: one `git log` for metadata and raw changes, whatever their number."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from branchsim.errors import GitError, InternalError, UnknownRevisionError
from branchsim.git.process import run, stream
from branchsim.git.scratch import EMPTY_TREE, Scratch
from branchsim.names import Sha

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

# No field is empty, so that two NUL in a row stand only where the fields of a commit end.
_FIELDS = ("%m", "%H", "%T", "p%P", "a%an", "a%ae", "t%at", "c%cn", "c%ce", "t%ct", "m%B")
_FORMAT = "%x00".join(_FIELDS) + "%x00"
_FIELD_COUNT = len(_FIELDS)
_END = b"\0\0"
_BLOCK = 1 << 18
_SHARE = 1000
"""For fewer commits than this another process is not worth its start."""
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
) -> Generator[Commit]:
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
    # A path and an id stand in several changes: what one leaves behind is what the next one finds.
    known: dict[Any, Any] = {}
    for side, fields, text in _read(scratch, revisions, options, paths, report, changes=changes):
        yield _commit(side, fields, unpack(text, known))


def read_difference(
    scratch: Scratch, one: Sha, other: Sha, *, report: Callable[[int], None] | None = None
) -> list[Commit]:
    """The commits that one of two tips has and the other has not: `read_commits` of ``one...other``, by more processes.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    one, other : Sha
        The tips, the left side and the right one.
    report : callable, optional
        Called with the number of commits read since its last call.

    Raises
    ------
    GitError
        git failed, for example because an object is missing or corrupt.
    """
    listed = rev_list(scratch, [f"{one}...{other}"], "--left-right")
    sides = {line[1:].encode("ascii"): line[:1].encode("ascii") for line in listed}
    order = [line[1:] for line in listed]
    # To list them takes git a fifth of the time; the rest is reading what each changed.
    shares = _shares(order)

    def read(share: Sequence[str]) -> list[Commit]:
        found = _read(scratch, share, ("--no-walk=unsorted",), (), report, changes=True)
        return [_commit(sides[fields[0]], fields, unpack(text)) for _, fields, text in found]

    with ThreadPoolExecutor(max(1, len(shares))) as pool:
        return [commit for share in pool.map(read, shares) for commit in share]


def read_packed(scratch: Scratch, revisions: Sequence[str]) -> Iterator[tuple[Commit, bytes]]:
    """The same commits, with the changes beside them as git printed them, to `unpack` where wanted, by more processes.

    There are millions of changes in a large history, and hardly anybody will ask for most. The order is that of
    ``git log`` only where one process reads all.

    Raises
    ------
    GitError
        git failed, for example because an object is missing or corrupt.
    """
    shares = _shares(rev_list(scratch, revisions))
    left = [_read(scratch, share, ("--no-walk=unsorted",), (), None, changes=True) for share in shares]
    # One commit of each in turn, so that all of them go on.
    while left:
        for each in tuple(left):
            try:
                _, fields, text = next(each)
            except StopIteration:
                left.remove(each)
            else:
                yield _commit(b">", fields, ()), text


def _shares(order: Sequence[str]) -> list[Sequence[str]]:
    """Commits for as many processes as are worth starting: neighbours, which have most of their trees in common."""
    count = max(1, min(os.cpu_count() or 1, len(order) // _SHARE))
    size = max(1, -(-len(order) // count))
    return [order[start : start + size] for start in range(0, len(order), size)]


def unpack(text: bytes, known: dict[Any, Any] | None = None) -> tuple[RawChange, ...]:
    """The changes that git printed: modes, ids and status of each and its path, each with a NUL after it.

    Parameters
    ----------
    text : bytes
        What git printed.
    known : dict, optional
        Paths and ids that were read before, each as itself; it is added to, so that none is held twice.
    """
    if not text:
        return ()
    intern = sys.intern
    once = ({} if known is None else known).setdefault
    tokens = text.split(b"\0")
    found = []
    for raw, path in zip(tokens[:-1:2], tokens[1::2], strict=True):
        old_mode, new_mode, old, new, status = raw[1:].decode("ascii").split(" ")
        change = RawChange(
            once(path, path), intern(old_mode), intern(new_mode), once(old, old), once(new, new), intern(status)
        )
        found.append(change)
    return tuple(found)


def pack(changes: Iterable[RawChange]) -> bytes:
    """Changes as git printed them: the reverse of `unpack`."""
    found: list[bytes] = []
    for path, old_mode, new_mode, old, new, status in changes:
        found += (f":{old_mode} {new_mode} {old} {new} {status}".encode("ascii"), path)
    return b"".join([part + b"\0" for part in found])


def _read(
    scratch: Scratch,
    revisions: Sequence[str],
    options: Sequence[str],
    paths: Sequence[bytes],
    report: Callable[[int], None] | None,
    *,
    changes: bool,
) -> Iterator[tuple[bytes, list[bytes], bytes]]:
    """The side, the other fields, and the changes of each commit."""
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
            yield from _parse(iter(lambda: process.out.read1(_BLOCK), b""), report)  # type: ignore[attr-defined]
        except (ValueError, RuntimeError) as error:
            process.out.read()
            process.check()  # an output that stops in the middle of a commit is git's own failure
            raise InternalError(f"the output of git log could not be read: {error}") from error
        process.check()


def _parse(blocks: Iterator[bytes], report: Callable[[int], None] | None) -> Iterator[tuple[bytes, list[bytes], bytes]]:
    seen = 0
    last: list[bytes] = []
    rest = b""
    for block in blocks:
        *pieces, rest = (rest + block).split(_END)
        # Between two ends stand the changes of the one commit and the fields of the next.
        for piece in pieces:
            text, *fields = _parted(piece)
            if last:
                yield last[0], last[1:], text
                seen += 1
                if report is not None and seen % 1000 == 0:
                    report(1000)
            elif text:
                raise ValueError("it begins in the middle of a commit")
            last = fields
    text = rest.lstrip(b"\n")
    if text and not (last and text.startswith(b":") and text.endswith(b"\0")):
        raise ValueError("it ends in the middle of a commit")
    if last:
        yield last[0], last[1:], text
        seen += 1
    if report is not None:
        report(seen % 1000)


def _parted(piece: bytes) -> list[bytes]:
    """The changes of one commit, and the fields of the next."""
    parts = piece.rsplit(b"\0", _FIELD_COUNT)
    if len(parts) == _FIELD_COUNT:
        return [b"", *parts]
    if len(parts) < _FIELD_COUNT:
        raise ValueError("it ends in the middle of a commit")
    text = parts[0].lstrip(b"\n") + b"\0"
    if not text.startswith(b":"):
        raise ValueError("there is something between two commits that is no change")
    parts[0] = text
    return parts


def _commit(side: bytes, fields: list[bytes], changes: tuple[RawChange, ...]) -> Commit:
    intern = sys.intern
    sha, tree, parents, author, email, authored, committer, cemail, committed, message = fields
    return Commit(
        side=intern(side.strip(b"\n").decode("ascii")),
        sha=Sha(sha.decode("ascii")),
        tree=Sha(tree.decode("ascii")),
        parents=tuple(map(Sha, parents[1:].decode("ascii").split())),
        author=intern(author[1:].decode("utf-8", "replace")),
        author_email=intern(email[1:].decode("utf-8", "replace")),
        authored_at=_time(authored[1:]),
        committer=intern(committer[1:].decode("utf-8", "replace")),
        committer_email=intern(cemail[1:].decode("utf-8", "replace")),
        committed_at=_time(committed[1:]),
        message=message[1:].decode("utf-8", "replace"),
        changes=changes,
    )


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


__all__ = [
    "Commit",
    "GitError",
    "RawChange",
    "empty_tree",
    "merge_bases",
    "read_commits",
    "read_difference",
    "rev_list",
]
