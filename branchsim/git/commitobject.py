"""Commits from the objects themselves, where no `git log` need be started for a few of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from branchsim.errors import GitError
from branchsim.git.log import LATEST, Commit
from branchsim.git.objects import ObjectReader, Unread
from branchsim.names import Sha

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from branchsim.git.scratch import Scratch

_COMMIT = frozenset({"commit"})


def load_commits(where: Scratch | ObjectReader, shas: Iterable[Sha]) -> Iterator[Commit]:
    """Commits by their ids, without their changes, in the order given, each once.

    Parameters
    ----------
    where : Scratch or ObjectReader
        Where to read.
    shas : iterable of Sha
        The commits.

    Raises
    ------
    GitError
        One is missing, corrupt, or no commit.
    """
    reader = where if isinstance(where, ObjectReader) else ObjectReader(where)
    for sha, content in reader.raw(shas, _COMMIT):
        if isinstance(content, Unread):
            raise GitError(str(content))
        yield parse_commit(sha, content)


def parse_commit(sha: Sha, content: bytes) -> Commit:
    """A commit from the object itself; its `changes` are empty.

    Parameters
    ----------
    sha : Sha
        Its id.
    content : bytes
        What ``git cat-file commit`` prints.
    """
    head, _, message = content.partition(b"\n\n")
    fields: dict[bytes, list[bytes]] = {}
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        fields.setdefault(key, []).append(value)
    encoding = fields.get(b"encoding", [b"utf-8"])[0].decode("ascii", "replace")
    author, author_email, authored_at = _person(fields.get(b"author", [b""])[0], encoding)
    committer, committer_email, committed_at = _person(fields.get(b"committer", [b""])[0], encoding)
    return Commit(
        side=">",
        sha=sha,
        tree=Sha(fields[b"tree"][0].decode("ascii")),
        parents=tuple(Sha(parent.decode("ascii")) for parent in fields.get(b"parent", ())),
        author=author,
        author_email=author_email,
        authored_at=authored_at,
        committer=committer,
        committer_email=committer_email,
        committed_at=committed_at,
        message=_decoded(message, encoding),
        changes=(),
    )


def _person(line: bytes, encoding: str) -> tuple[str, str, int]:
    name, _, rest = line.partition(b"<")
    email, _, at = rest.rpartition(b">")
    digits = at.split()[:1]
    return (
        _decoded(name.strip(), encoding),
        _decoded(email, encoding),
        min(int(digits[0]), LATEST) if digits and digits[0].isdigit() else 0,
    )


def _decoded(text: bytes, encoding: str) -> str:
    try:
        return text.decode(encoding, "replace")
    except LookupError:
        return text.decode("utf-8", "replace")


__all__ = ["load_commits", "parse_commit"]
