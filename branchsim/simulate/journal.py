"""The journal of executions: what was intended before anything moved, and what came of it.

It is kept in the directory ``branchsim`` of the git directory that all work trees share: outside of every work tree, on
the same disk as the refs, and never cloned or pushed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from branchsim.errors import GitError, InputError
from branchsim.git.transaction import Move
from branchsim.names import RefName, Sha

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

SCHEMA = 1
_DIRECTORY = "branchsim"
_PENDING = "pending.json"
_PACK = "pending.pack"
_DONE = "executions"
_LOCK = "lock"
_PUSH = "push.lock"
PATIENCE = 5.0
"""How long those who mend wait for a process of the execution that was interrupted, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One execution.

    Attributes
    ----------
    id : str
        When it began and a number; sorts by time.
    plan : str
        The name of the plan.
    state : str
        ``intended``: it is not known whether it happened. ``undoing``: the same, on the way back. ``done``, ``undone``.
    at : float
        When this state began, in seconds since the epoch.
    remote : str or None
        Where refs move; None for the repository itself.
    atomic : bool
        Whether a remote moves all refs or none.
    person : str or None
        For the reflogs.
    pack : str
        The name of the pack that it brings; empty for none.
    moves : tuple of Move
        The refs that move, then those that must stay.
    work_trees : tuple of (path, ref, before, after)
        The work trees that follow.
    """

    id: str
    plan: str
    state: str
    at: float
    remote: str | None
    atomic: bool
    person: str | None
    pack: str
    moves: tuple[Move, ...]
    work_trees: tuple[tuple[str, str, Sha, Sha], ...] = ()

    @property
    def note(self) -> str:
        """What marks packs and reflogs as belonging to it."""
        return f"branchsim {self.id}"

    @property
    def moving(self) -> tuple[Move, ...]:
        """The refs that move."""
        return tuple(move for move in self.moves if move.before != move.after)

    def to_dict(self) -> dict[str, Any]:
        """The entry as the file holds it."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        moves = [move._asdict() for move in self.moves]
        return {"schema": SCHEMA, **values, "moves": moves, "work_trees": [list(tree) for tree in self.work_trees]}


class Journal:
    """The journal of one repository, opened for one execution at a time; a context manager that holds the lock.

    Parameters
    ----------
    common_dir : Path
        The git directory that all work trees share.
    patience : float
        How many seconds to wait for the lock: a git process of an execution that was killed ends a moment later.

    Raises
    ------
    GitError
        Another execution is going on, or the directory cannot be written.

    Notes
    -----
    The lock is the kernel's, so it ends with the process, however that ends. The git processes that move refs inherit
    it: whoever gets it next knows that none of them lives any more.
    """

    def __init__(self, common_dir: Path, *, patience: float = 0) -> None:
        self.path = common_dir / _DIRECTORY
        try:
            self.path.mkdir(exist_ok=True)
            self.lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise _unwritable(self.path, error) from None
        if not _locked(self.lock, patience):
            os.close(self.lock)
            raise going_on(common_dir)
        if not (self.path / _PENDING).exists():
            # An execution that died before it wrote down what it intended has left at most its objects here.
            for name in (_PACK, f"{_PACK}.part", f"{_PENDING}.part"):
                with contextlib.suppress(OSError):
                    (self.path / name).unlink(missing_ok=True)

    def pending(self) -> Entry | None:
        """The execution that was interrupted, if one was."""
        return _read(self.path / _PENDING)

    def pack(self) -> bytes:
        """The objects of the pending execution."""
        try:
            return (self.path / _PACK).read_bytes()
        except OSError as error:
            raise GitError(f"{self.path / _PACK} cannot be read: {error.strerror}; undo the execution") from None

    def last(self) -> Entry | None:
        """The latest execution that ended."""
        entries = sorted((self.path / _DONE).glob("*.json"))
        return _read(entries[-1]) if entries else None

    def intend(self, entry: Entry, pack: bytes | None = None) -> None:
        """Write down what will be done, so that it outlives this process and a power cut; objects first."""
        if pack is not None:
            self._write(self.path / _PACK, pack)
        self._write(self.path / _PENDING, _encoded(entry))

    def conclude(self, entry: Entry) -> Path:
        """Write down what became of it; nothing is pending afterwards."""
        try:
            (self.path / _DONE).mkdir(exist_ok=True)
        except OSError as error:
            raise _unwritable(self.path, error) from None
        place = self.path / _DONE / f"{entry.id}.json"
        self._write(place, _encoded(entry))
        self.forget()
        return place

    def forget(self) -> None:
        """Nothing is pending: what was intended did not begin, or is concluded."""
        with contextlib.suppress(FileNotFoundError):
            (self.path / _PENDING).unlink()
        _sync(self.path)
        with contextlib.suppress(FileNotFoundError):
            (self.path / _PACK).unlink()

    @contextmanager
    def pushing(self) -> Iterator[int]:
        """A lock that a push keeps until it ends; its descriptor.

        It is not the lock of the journal: a push may leave helpers behind (a cache of credentials) that would keep it.
        """
        lock = os.open(self.path / _PUSH, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            with contextlib.suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield lock
        finally:
            os.close(lock)

    def wait_for_push(self) -> None:
        """Make sure that no push of an interrupted execution is still under way.

        Raises
        ------
        GitError
            One may be.
        """
        lock = os.open(self.path / _PUSH, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            if not _locked(lock, PATIENCE):
                raise GitError(
                    f"the push that was interrupted may still be under way ({self.path / _PUSH} is in use); "
                    "wait until it has ended"
                )
        finally:
            os.close(lock)

    def close(self) -> None:
        """Let go of the lock."""
        os.close(self.lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, place: Path, content: bytes) -> None:
        """Write a file whole or not at all, and wait until the disk has it."""
        part = place.with_name(place.name + ".part")
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(place)
            _sync(place.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise _unwritable(self.path, error) from None


def is_going_on(common_dir: Path) -> bool:
    """Whether the execution that is pending in a repository still runs; to be asked only where one is pending."""
    try:
        lock = os.open(common_dir / _DIRECTORY / _LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _locked(lock, 0)
    finally:
        os.close(lock)


def going_on(common_dir: Path) -> GitError:
    """The error for whoever comes second."""
    return GitError(f"another execution is going on in {common_dir}; nothing was changed: wait until it has ended")


def _locked(lock: int, patience: float) -> bool:
    """Whether a lock could be had in time."""
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        else:
            return True


def _encoded(entry: Entry) -> bytes:
    # Paths and refs need not be UTF-8: JSON's escapes keep their surrogates.
    return (json.dumps(entry.to_dict(), indent=1) + "\n").encode("ascii")


def _read(place: Path) -> Entry | None:
    try:
        values = json.loads(place.read_bytes())
        if values.pop("schema") != SCHEMA:
            raise InputError(f"{place} was written by another version of branchsim; finish it with that one")
        values["moves"] = tuple(
            Move(RefName(move["ref"]), _sha(move["before"]), _sha(move["after"])) for move in values["moves"]
        )
        values["work_trees"] = tuple(tuple(tree) for tree in values["work_trees"])
        return Entry(**values)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise GitError(f"{place} cannot be read: {error.strerror}; check its permissions") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise GitError(f"{place} is damaged; compare the branches yourself, then remove it") from None


def _sha(text: str | None) -> Sha | None:
    return None if text is None else Sha(text)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unwritable(path: Path, error: OSError) -> GitError:
    return GitError(f"{path} cannot be written: {error.strerror}; check its permissions and the space on the disk")


__all__ = ["PATIENCE", "SCHEMA", "Entry", "Journal", "going_on", "is_going_on"]
