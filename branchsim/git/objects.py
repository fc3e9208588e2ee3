"""Read objects in bulk through one long-lived ``git cat-file``, and write them into a scratch repository.

Nothing here starts a process for a single file: questions are written in batches and answered in order.
"""

from __future__ import annotations

import enum
import hashlib
import os
import re
import threading
import zlib
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self, TypeGuard

from branchsim.errors import GitError
from branchsim.git.process import Conversation
from branchsim.names import Sha

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from types import TracebackType

    from branchsim.git.scratch import Scratch

LIMIT = 32 * 1024 * 1024
"""The size in bytes above which a blob is not read unless the caller asks for it."""

_ARGUMENTS = ("cat-file", "--batch-command", "--buffer", "-z")
_NAME = re.compile(r"[0-9a-f]{4,64}(?:\^[^\0:]*)?(?::(?!\.\.?/|\.\.?$)[^\0]*)?", re.DOTALL)
_HIT = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64}) ([a-z]+) ([0-9]+)\n")
_ENTRY = {
    "sha1": re.compile(rb"([0-7]+) ([^\0]+)\0(.{20})", re.DOTALL),
    "sha256": re.compile(rb"([0-7]+) ([^\0]+)\0(.{32})", re.DOTALL),
}
_CACHED_ENTRIES = 200_000
_DIRECTORY = "040000"
_SUBMODULE = "160000"
_TREES_AT_ONCE = 512
_BLOB = frozenset({"blob"})
_TREE = frozenset({"tree"})


class Why(enum.Enum):
    """Why an object could not be read."""

    MISSING = "missing"
    """The repository does not have it: a partial or shallow clone, or a damaged one."""
    TOO_LARGE = "too large"
    """It is larger than the limit the caller set."""
    CORRUPT = "corrupt"
    """Its content is damaged or is not what its id says."""
    OTHER_TYPE = "of another type"
    """It is no blob (or no tree, where a tree was asked for)."""


class ObjectError(GitError):
    """An object could not be read; says which and why.

    Attributes
    ----------
    sha : Sha
        The object.
    why : Why
        The reason.
    """

    def __init__(self, unread: Unread) -> None:
        super().__init__(str(unread))
        self.sha = unread.sha
        self.why = unread.why


@dataclass(frozen=True, slots=True)
class Unread:
    """An object that was asked for and could not be read.

    Attributes
    ----------
    sha : Sha
        The object.
    why : Why
        The reason.
    size : int or None
        Its size in bytes, where that is known.
    detail : str
        What git said, if anything.
    """

    sha: Sha
    why: Why
    size: int | None = None
    detail: str = ""

    def __str__(self) -> str:
        """One sentence for people."""
        said = f" (git said: {self.detail})" if self.detail else ""
        match self.why:
            case Why.MISSING:
                return f"object {self.sha} is missing; fetch it, or use a clone that has it{said}"
            case Why.TOO_LARGE:
                return f"object {self.sha} has {self.size} bytes, more than is read without being asked for{said}"
            case Why.CORRUPT:
                return f"object {self.sha} is corrupt; run 'git fsck' and restore it from another clone{said}"
            case Why.OTHER_TYPE:
                return f"object {self.sha} is not of the type that was expected{said}"


class ObjectInfo(NamedTuple):
    """What is known of an object without reading it: full id, type (``blob``, ``tree``, ...), size in bytes."""

    sha: Sha
    type: str
    size: int


class TreeEntry(NamedTuple):
    """One entry of a tree: ``mode`` as six octal digits (``040000`` for a directory) and the id of what it holds."""

    mode: str
    sha: Sha

    @property
    def is_tree(self) -> bool:
        """Whether it is a directory."""
        return self.mode == _DIRECTORY

    @property
    def is_submodule(self) -> bool:
        """Whether it is a commit of another repository, whose object this one does not have."""
        return self.mode == _SUBMODULE

    @property
    def is_symlink(self) -> bool:
        """Whether it is a symbolic link; its blob holds the target."""
        return self.mode == "120000"


class _Talk(Conversation):
    """A process that reads objects; `heard` is how much of its complaints was read."""

    heard = 0


class ObjectReader:
    """A long-lived reader of objects; a context manager.

    Parameters
    ----------
    scratch : Scratch
        Where to read.

    Notes
    -----
    The process starts with the first question of any reader of the scratch repository, is started anew if a corrupt
    object ends it, and ends with the scratch repository. What a reader keeps are trees. It belongs to one thread.
    """

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._hash = hashlib.sha1 if scratch.object_format == "sha1" else hashlib.sha256
        self._entry = _ENTRY[scratch.object_format]
        self._trees: OrderedDict[Sha, dict[bytes, TreeEntry]] = OrderedDict()
        self._cached = 0

    # Types and sizes.

    def check(self, names: Iterable[str]) -> dict[str, ObjectInfo | None]:
        """Whether objects exist, and what they are.

        Parameters
        ----------
        names : iterable of str
            Ids, or at least 4 of their first digits, each alone or with git's ``^{tree}``, ``^`` or ``:path`` after it.

        Returns
        -------
        dict
            From each name to an `ObjectInfo`, or None where there is no such object.

        Raises
        ------
        ObjectError
            An object is corrupt.
        ValueError
            A name is not of the form above.
        """
        found: dict[str, ObjectInfo | None] = {}
        for name, answer in self.look(names):
            if isinstance(answer, Unread) and answer.why is not Why.MISSING:
                raise ObjectError(answer)
            found[name] = None if isinstance(answer, Unread) else answer
        return found

    def look(self, names: Iterable[str]) -> Iterator[tuple[str, ObjectInfo | Unread]]:
        """The same as `check`, one by one, with the reason for what cannot be read instead of an error."""
        return self._inform(dict.fromkeys(names))

    # Blobs.

    def blob(self, sha: Sha, *, limit: int | None = LIMIT) -> bytes | None:
        """The content of a blob, None if the repository does not have it.

        Raises
        ------
        ObjectError
            It is corrupt, larger than `limit` bytes (None reads any size), or no blob.
        """
        for _, content in self.blobs([sha], limit=limit):
            if not isinstance(content, Unread):
                return content
            if content.why is not Why.MISSING:
                raise ObjectError(content)
        return None

    def blobs(self, shas: Iterable[Sha], *, limit: int | None = LIMIT) -> Iterator[tuple[Sha, bytes | Unread]]:
        """The contents of many blobs, in the order given, each id once.

        Parameters
        ----------
        shas : iterable of Sha
            The blobs.
        limit : int, optional
            Larger blobs are not read; None reads any size.

        Yields
        ------
        tuple of Sha and bytes or Unread
            The content, checked against the id; or why it could not be read. Nothing is left out.
        """
        yield from self._contents(dict.fromkeys(shas), _BLOB, limit)

    def known_blobs(
        self, infos: Iterable[ObjectInfo], *, limit: int | None = LIMIT
    ) -> Iterator[tuple[Sha, bytes | Unread]]:
        """The contents of blobs that were found before with `look` or `find`, which saves to ask what they are.

        Parameters
        ----------
        infos : iterable of ObjectInfo
            The blobs, each once; what is no blob, or larger than `limit` bytes, is left out.
        limit : int, optional
            Larger blobs are not read; None reads any size.

        Yields
        ------
        tuple of Sha and bytes or Unread
            As `blobs` does, in the order given.
        """
        wanted = [info for info in infos if _readable(info, _BLOB, limit)]
        # As many at once as fit the pipe.
        step = Conversation.ROOM // (self._hash().digest_size * 2 + 10)
        for start in range(0, len(wanted), step):
            yield from self._read(wanted[start : start + step])

    def raw(self, shas: Iterable[Sha], types: frozenset[str]) -> Iterator[tuple[Sha, bytes | Unread]]:
        """The contents of objects of some types as git stores them: commits with their headers, tags, trees.

        Parameters
        ----------
        shas : iterable of Sha
            The objects.
        types : frozenset of str
            ``commit``, ``tag``, ``tree``, ``blob``; other objects come back as `Unread`.

        Yields
        ------
        tuple of Sha and bytes or Unread
            As `blobs` does, without a limit of size.
        """
        yield from self._contents(dict.fromkeys(shas), types, None)

    # Trees.

    def tree(self, sha: Sha) -> dict[bytes, TreeEntry]:
        """The entries of a tree by name, in git's order.

        Raises
        ------
        ObjectError
            The tree is missing or corrupt, or it is no tree.
        """
        return self._load_trees([sha])[sha]

    def find(self, questions: Iterable[tuple[Sha, bytes]]) -> dict[tuple[Sha, bytes], ObjectInfo | Unread | None]:
        """What trees hold at paths: many questions at once, any byte in a path.

        Parameters
        ----------
        questions : iterable of (Sha, bytes)
            The id of a tree and a path below it; the empty path is the tree itself.

        Returns
        -------
        dict
            From each question to an `ObjectInfo`; None where the tree has no such path; `Unread` where it has, but the
            object is missing or corrupt. A submodule has the type ``commit`` and the size 0.

        Raises
        ------
        ObjectError
            A tree on the way is missing or corrupt.
        """
        asked = list(dict.fromkeys(questions))
        answers: dict[tuple[Sha, bytes], ObjectInfo | Unread | None] = dict.fromkeys(asked)
        # git would take ./ and ../ as relative to the current directory, and no tree holds such names.
        sound = [question for question in asked if not {b"", b".", b".."} & set(question[1].split(b"/")[:-1] or [b"x"])]
        sound = [question for question in sound if question[1] not in {b".", b".."} and b"\0" not in question[1]]
        names = {f"{tree}:{path.decode('utf-8', 'surrogateescape')}": (tree, path) for tree, path in sound}
        absent = []
        for name, answer in self._inform(names):
            if isinstance(answer, Unread):
                absent.append(names[name])
            else:
                answers[names[name]] = answer
        # git says "missing" both where there is no such path and where the object is missing; the trees know which.
        entries = self._locate(absent)
        unsure = {sha: None for mode, sha in entries.values() if mode != _SUBMODULE}
        states = dict(self._inform(unsure))
        for question, (mode, sha) in entries.items():
            answers[question] = ObjectInfo(sha, "commit", 0) if mode == _SUBMODULE else states[sha]
        return answers

    def entry(self, tree: Sha, path: bytes) -> TreeEntry | None:
        """The entry of a tree at a path, with its mode; the tree itself for the empty path.

        Raises
        ------
        ObjectError
            A tree on the way is missing or corrupt.
        """
        return self._locate([(tree, path)]).get((tree, path))

    def entries(self, questions: Iterable[tuple[Sha, bytes]]) -> dict[tuple[Sha, bytes], TreeEntry]:
        """The entries of trees at paths, with their modes: many questions at once. What does not exist is left out.

        Raises
        ------
        ObjectError
            A tree on the way is missing or corrupt.
        """
        return self._locate(questions)

    def walk(self, tree: Sha, prefix: bytes = b"") -> Iterator[tuple[bytes, TreeEntry]]:
        """Every file below a tree with its path from there, sorted by path; directories themselves are left out.

        Parameters
        ----------
        tree : Sha
            The tree.
        prefix : bytes
            Only what is below this directory (or is this file); no pattern.

        Raises
        ------
        ObjectError
            A tree is missing or corrupt.
        """
        prefix = prefix.strip(b"/")
        top = self.entry(tree, prefix)
        if top is None:
            return
        files: list[tuple[bytes, TreeEntry]] = []
        level = [(prefix, top)]
        while level:
            files += [(path, entry) for path, entry in level if not entry.is_tree]
            below = [(path, entry.sha) for path, entry in level if entry.is_tree]
            level = []
            for start in range(0, len(below), _TREES_AT_ONCE):
                batch = below[start : start + _TREES_AT_ONCE]
                loaded = self._load_trees([sha for _, sha in batch])
                for path, sha in batch:
                    level += [(path + b"/" + name if path else name, entry) for name, entry in loaded[sha].items()]
        yield from sorted(files)

    # The end.

    def close(self) -> None:
        """Forget the trees."""
        self._trees.clear()
        self._cached = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # How.

    def _taken(self) -> AbstractContextManager[_Talk]:
        return self._scratch.pool.taken(_Talk, lambda: _Talk(_ARGUMENTS, self._scratch.path))

    def _load_trees(self, shas: Iterable[Sha]) -> dict[Sha, dict[bytes, TreeEntry]]:
        loaded: dict[Sha, dict[bytes, TreeEntry]] = {}
        unknown: dict[Sha, None] = {}
        for sha in shas:
            entries = self._trees.get(sha)
            if entries is None:
                unknown[sha] = None
            else:
                self._trees.move_to_end(sha)
                loaded[sha] = entries
        for sha, content in self._contents(unknown, _TREE, None):
            if isinstance(content, Unread):
                raise ObjectError(content)
            loaded[sha] = entries = {
                name: TreeEntry(mode.decode("ascii").zfill(6), Sha(raw.hex()))
                for mode, name, raw in self._entry.findall(content)
            }
            self._trees[sha] = entries
            self._cached += len(entries) + 1
        while self._cached > _CACHED_ENTRIES and len(self._trees) > 1:
            self._cached -= len(self._trees.popitem(last=False)[1]) + 1
        return loaded

    def _locate(self, questions: Iterable[tuple[Sha, bytes]]) -> dict[tuple[Sha, bytes], TreeEntry]:
        """The entries at paths that exist, read from the trees; all questions go down together."""
        found: dict[tuple[Sha, bytes], TreeEntry] = {}
        pending = [(question, TreeEntry(_DIRECTORY, question[0]), question[1]) for question in questions]
        while pending:
            waiting: defaultdict[Sha, defaultdict[bytes, list[tuple[tuple[Sha, bytes], bytes]]]]
            waiting = defaultdict(lambda: defaultdict(list))
            for question, entry, rest in pending:
                name, _, below = rest.partition(b"/")
                if not rest:
                    found[question] = entry
                elif entry.is_tree:
                    waiting[entry.sha][name].append((question, below))
            pending = []
            for sha, content in self._contents(waiting, _TREE, None):
                if isinstance(content, Unread):
                    raise ObjectError(content)
                for name, entry in self._entries_named(content, waiting[sha]):
                    pending += [(question, entry, below) for question, below in waiting[sha][name]]
        return found

    def _entries_named(self, content: bytes, names: Iterable[bytes]) -> Iterator[tuple[bytes, TreeEntry]]:
        # A name that is nowhere in the bytes is no entry; only the rest is worth parsing.
        wanted = {name for name in names if b" %b\0" % name in content}
        if wanted:
            for mode, name, raw in self._entry.findall(content):
                if name in wanted:
                    yield name, TreeEntry(mode.decode("ascii").zfill(6), Sha(raw.hex()))

    def _inform(self, names: Iterable[str]) -> Iterator[tuple[str, ObjectInfo | Unread]]:
        for batch in _batches(names):
            at = 0
            while at < len(batch):
                # All answers are taken before the first is handed out: the caller may ask something else in between.
                with self._taken() as talk:
                    answered = self._answers(talk, batch[at:])
                at += len(answered)
                yield from answered

    def _answers(self, talk: _Talk, batch: list[tuple[str, bytes]]) -> list[tuple[str, ObjectInfo | Unread]]:
        """What a process says of some names: of all, or to the one at which it ended."""
        talk.ask(b"".join(b"info %b\0" % name for _, name in batch) + b"flush\0")
        answered: list[tuple[str, ObjectInfo | Unread]] = []
        for text, name in batch:
            answer = self._answer(talk, name)
            if answer is None:
                break
            answered.append((text, answer))
        answered = self._explained(talk, answered)
        if len(answered) < len(batch):
            failed, _ = batch[len(answered)]
            answered.append((failed, _died(talk, failed)))
        return answered

    def _contents(
        self, shas: Iterable[Sha], types: frozenset[str], limit: int | None
    ) -> Iterator[tuple[Sha, bytes | Unread]]:
        for batch in _batches(shas):
            known: list[tuple[Sha, ObjectInfo | Unread]] = [
                (Sha(text), answer) for text, answer in self._inform([text for text, _ in batch])
            ]
            contents = self._read([info for _, info in known if _readable(info, types, limit)])
            for sha, info in known:
                if isinstance(info, Unread):
                    yield sha, info
                elif _readable(info, types, limit):
                    yield next(contents)
                elif info.type not in types:
                    wanted = " or ".join(sorted(types))
                    yield sha, Unread(sha, Why.OTHER_TYPE, info.size, f"it is a {info.type}, not a {wanted}")
                else:
                    yield sha, Unread(sha, Why.TOO_LARGE, info.size)

    def _read(self, infos: list[ObjectInfo]) -> Iterator[tuple[Sha, bytes | Unread]]:
        """The contents of objects that exist, as many at once as memory should hold."""
        at = 0
        while at < len(infos):
            room = LIMIT
            share: list[ObjectInfo] = []
            while at < len(infos) and (not share or infos[at].size <= room):
                share.append(infos[at])
                room -= infos[at].size
                at += 1
            answered: list[tuple[Sha, bytes | Unread]] = []
            with self._taken() as talk:
                talk.ask(b"".join(b"contents %b\0" % info.sha.encode("ascii") for info in share) + b"flush\0")
                for info in share:
                    content = self._content(talk, info)
                    if content is None:
                        at -= len(share) - len(answered) - 1
                        answered.append((info.sha, _died(talk, info.sha)))
                        break
                    answered.append((info.sha, content))
            yield from answered

    def _content(self, talk: _Talk, info: ObjectInfo) -> bytes | Unread | None:
        """The next content, checked against its id; None if the process has ended."""
        answer = self._answer(talk, info.sha.encode("ascii"))
        if answer is None or isinstance(answer, Unread):
            return answer
        content = talk.out.read(answer.size)
        # The line feed after it is read alone: to cut it off would be to copy the whole.
        if not talk.out.read(1):
            return None
        digest = self._hash(b"%b %d\0" % (info.type.encode("ascii"), info.size), usedforsecurity=False)
        digest.update(content)
        if digest.hexdigest() != info.sha:
            return Unread(info.sha, Why.CORRUPT, info.size, "its content does not have this id")
        return content

    def _answer(self, talk: _Talk, name: bytes) -> ObjectInfo | Unread | None:
        """The head of the next answer; None if the process has ended."""
        line = talk.line()
        found = _HIT.fullmatch(line)
        if found is not None:
            return ObjectInfo(Sha(found[1].decode("ascii")), found[2].decode("ascii"), int(found[3]))
        # git repeats the question, which may hold newlines of its own.
        while line.endswith(b"\n") and len(line) <= len(name):
            line += talk.line()
        if not line.endswith(b"\n"):
            return None
        return Unread(Sha(name.decode("utf-8", "surrogateescape")), Why.MISSING)

    def _explained(
        self, talk: _Talk, answers: list[tuple[str, ObjectInfo | Unread]]
    ) -> list[tuple[str, ObjectInfo | Unread]]:
        """Tell apart what is missing and what is there but damaged, which git both calls missing."""
        if not any(isinstance(answer, Unread) for _, answer in answers):
            return answers
        said = talk.complaints(talk.heard)
        talk.heard += len(said)
        if not said:
            return answers
        # A loose object is named by its id or by its file.
        text = said.decode("utf-8", "replace").replace("/", "")
        lines = [line for line in text.splitlines() if "dereferences to" not in line]
        explained: list[tuple[str, ObjectInfo | Unread]] = []
        for name, answer in answers:
            sha = name[: self._hash().digest_size * 2]
            about = [line for line in lines if sha in line] if isinstance(answer, Unread) else []
            explained.append((name, Unread(Sha(name), Why.CORRUPT, detail=about[-1]) if about else answer))
        return explained


def _died(talk: _Talk, name: str) -> Unread:
    """Why the process ended at an object; the next question starts another."""
    return Unread(Sha(name), Why.CORRUPT, detail=str(talk.failure()).partition(": ")[2])


def _readable(info: ObjectInfo | Unread, types: frozenset[str], limit: int | None) -> TypeGuard[ObjectInfo]:
    return not isinstance(info, Unread) and info.type in types and (limit is None or info.size <= limit)


def _batches(names: Iterable[str]) -> Iterator[list[tuple[str, bytes]]]:
    """Names as git is asked for them, as many at once as fit the pipe."""
    batch: list[tuple[str, bytes]] = []
    room = Conversation.ROOM
    for text in names:
        if _NAME.fullmatch(text) is None:
            raise ValueError(f"{text!r} is no object id, alone or with '^...' or ':path' after it")
        name = text.encode("utf-8", "surrogateescape")
        if batch and room < len(name) + 10:
            yield batch
            batch, room = [], Conversation.ROOM
        batch.append((text, name))
        room -= len(name) + 10
    if batch:
        yield batch


def object_id(scratch: Scratch, kind: str, content: bytes) -> Sha:
    """The id an object has, whether it exists or not."""
    digest = hashlib.sha1 if scratch.object_format == "sha1" else hashlib.sha256
    return Sha(digest(b"%b %d\0%b" % (kind.encode("ascii"), len(content), content), usedforsecurity=False).hexdigest())


def write_object(scratch: Scratch, kind: str, content: bytes) -> Sha:
    """Write one object into the scratch repository, without a process.

    Parameters
    ----------
    scratch : Scratch
        Where to write; never the source.
    kind : str
        ``blob``, ``tree``, ``commit`` or ``tag``.
    content : bytes
        The object as git stores it, without its header.

    Returns
    -------
    Sha
        Its id.

    Raises
    ------
    GitError
        It could not be written, for example because the disk is full.
    """
    sha = object_id(scratch, kind, content)
    directory = scratch.path / "objects" / sha[:2]
    target = os.path.join(directory, sha[2:])  # noqa: PTH118  thousands are written in a row
    if os.path.exists(target):  # noqa: PTH110
        return sha
    part = f"{target}.{os.getpid()}-{threading.get_ident():x}"
    whole = b"%b %d\0%b" % (kind.encode("ascii"), len(content), content)
    try:
        directory.mkdir(exist_ok=True)
        with open(part, "xb") as file:  # noqa: PTH123
            file.write(zlib.compress(whole, 1))
        os.replace(part, target)  # noqa: PTH105
    except OSError as error:
        raise GitError(
            f"an object could not be written to {scratch.path}: {error.strerror}; free some space in TMPDIR"
        ) from None
    return sha


def write_commit(
    scratch: Scratch,
    *,
    tree: Sha,
    parents: Sequence[Sha] = (),
    message: str | bytes,
    author: str | bytes,
    committer: str | bytes | None = None,
) -> Sha:
    """Write a commit into the scratch repository.

    Parameters
    ----------
    scratch : Scratch
        Where to write; never the source.
    tree : Sha
        Its tree.
    parents : sequence of Sha
        Its parents.
    message : str or bytes
        The whole message.
    author, committer : str or bytes
        ``Name <address> seconds +0000``; the committer is the author, if not given.

    Returns
    -------
    Sha
        Its id.

    Raises
    ------
    GitError
        It could not be written.
    ValueError
        An identity holds a newline or a NUL, or the message holds a NUL.
    """
    content = commit_content(tree=tree, parents=parents, message=message, author=author, committer=committer)
    return write_object(scratch, "commit", content)


def commit_content(
    *,
    tree: Sha,
    parents: Sequence[Sha] = (),
    message: str | bytes,
    author: str | bytes,
    committer: str | bytes | None = None,
) -> bytes:
    """A commit as git stores it; for the parameters see `write_commit`."""
    people = [_encoded(author), _encoded(author if committer is None else committer)]
    text = _encoded(message)
    if any(byte in person for person in people for byte in (b"\n", b"\0")) or b"\0" in text:
        raise ValueError("an identity holds a newline or a NUL, or a message holds a NUL")
    lines = [b"tree " + tree.encode("ascii"), *(b"parent " + parent.encode("ascii") for parent in parents)]
    lines += [b"author " + people[0], b"committer " + people[1]]
    return b"\n".join(lines) + b"\n\n" + text


def _encoded(text: str | bytes) -> bytes:
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


__all__ = [
    "LIMIT",
    "ObjectError",
    "ObjectInfo",
    "ObjectReader",
    "TreeEntry",
    "Unread",
    "Why",
    "commit_content",
    "object_id",
    "write_commit",
    "write_object",
]
