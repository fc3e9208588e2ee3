"""What an audit found, kept for the next time the same is asked of the same commits."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import functools
import hashlib
import json
import sys
import types
import typing
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from branchsim.git.repository import Repository
from branchsim.history.results import code_digest

if TYPE_CHECKING:
    from branchsim.audit.sources import Chosen
    from branchsim.history.changes import Changes
    from branchsim.history.landings import History
    from branchsim.topology import Topology

_Record = TypeVar("_Record")


class Replayed:
    """The replay that an audit's tables are made from, read when it is first asked for.

    Parameters
    ----------
    read : callable
        Reads the history and its changes.
    """

    def __init__(self, read: Callable[[], tuple[History, Changes]]) -> None:
        self._read = read

    @functools.cached_property
    def _both(self) -> tuple[History, Changes]:
        return self._read()

    @property
    def history(self) -> History:
        """The landings of every branch."""
        return self._both[0]

    @property
    def changes(self) -> Changes:
        """The changes they brought."""
        return self._both[1]


def read_again(
    repository: Repository, topology: Topology, since: int | None, until: int | None
) -> Callable[[], tuple[History, Changes]]:
    """How to read a history later, with every ref where it is now."""
    path, refs = repository.path, dict(repository.refs)

    def read() -> tuple[History, Changes]:
        # Whoever only wants to know what is kept needs neither of the two.
        from branchsim.history.changes import read_changes
        from branchsim.history.landings import read_history

        with Repository(path) as opened:
            history = read_history(opened.with_refs(refs), topology, since=since, until=until)
            return history, read_changes(history)

    return read


def key_of(repository: Repository, chosen: Chosen | None, **options: object) -> bytes | None:
    """A digest of everything that an audit's result follows from; None where it may follow from more than that.

    Parameters
    ----------
    repository : Repository
        The repository.
    chosen : Chosen or None
        The topology, None where it is guessed.
    options
        What else was asked, as values that JSON knows.
    """
    return digest_of(
        repository,
        refs=sorted(repository.refs.items()),
        head=repository.head,
        remotes=repository.remotes,
        reflogs=_reflogs(repository),
        topology=None if chosen is None else [chosen.topology.to_toml(), chosen.origin],
        options=options,
    )


def digest_of(repository: Repository, **known: object) -> bytes | None:
    """A digest of what is known, of the code that goes on from there, and of which objects there are.

    Commits name all that belongs to them, so their ids stand for it. But in a shallow clone some parents do not count,
    and in a partial clone objects come and go: there the objects are listed, and if that cannot be done, because it
    borrows them from another repository, there is no digest.
    """
    from importlib import metadata  # takes longer to load than most of this package

    held = _objects(repository.common_dir / "objects")
    if held is None:
        return None
    known |= {
        "format": repository.object_format,
        "broken": repository.broken,
        "shallow": _digest_of_file(repository.common_dir / "shallow"),
        "objects": held,
        "versions": [sys.version, *map(metadata.version, _PARSERS)],
    }
    return hashlib.sha256(code_digest() + json.dumps(known, sort_keys=True).encode("utf-8", "surrogateescape")).digest()


_PARSERS = ("lxml", "PyYAML")
"""What reads contents; another version of it may read them in another way."""


def _objects(directory: Path) -> list[tuple[str, int]] | None:
    """The packs and loose objects of a partial clone; nothing of another, which has all of them."""
    packs = directory / "pack"
    if not any(packs.glob("*.promisor")):
        return []
    if (directory / "info" / "alternates").exists():
        return None
    found = [(path.name, path.stat().st_size) for path in packs.glob("*.pack")]
    found += [(f"{path.parent.name}{path.name}", 0) for path in directory.glob("[0-9a-f][0-9a-f]/*")]
    return sorted(found)


def _digest_of_file(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _reflogs(repository: Repository) -> list[tuple[str, int, int]]:
    """Which reflogs there are, and when each was written last: a moved branch is seen there and nowhere else."""
    found = []
    for logs in {repository.git_dir / "logs", repository.common_dir / "logs"}:
        for path in logs.rglob("*"):
            with contextlib.suppress(OSError):
                if path.is_file():
                    state = path.stat()
                    found.append((str(path), state.st_size, state.st_mtime_ns))
    return sorted(found)


def packed(fields: Mapping[str, Any]) -> bytes:
    """Records, tuples of them, texts and numbers as bytes, for `unpacked`."""
    return json.dumps({name: _plain(value) for name, value in fields.items()}, ensure_ascii=True).encode("ascii")


def unpacked(content: bytes, kinds: Mapping[str, Any]) -> dict[str, Any]:
    """What `packed` made, by the type of each field.

    Raises
    ------
    ValueError
        It is nothing that `packed` made.
    """
    known = json.loads(content)
    if not isinstance(known, dict) or known.keys() != kinds.keys():
        raise ValueError("the result has other fields")
    try:
        return {name: _reader(kind)(known[name]) for name, kind in kinds.items()}
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"the result has another form: {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [_plain(getattr(value, each.name)) for each in dataclasses.fields(value)]
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return value


def _as_it_is(value: Any) -> Any:
    return value


@functools.cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    """What makes a value of a type from its plain form."""
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _record_reader(kind)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Counter:
        return Counter
    if origin is tuple:
        return _tuple_reader(arguments)
    if origin in (typing.Union, types.UnionType):
        (inner, *more) = [argument for argument in arguments if argument is not type(None)]
        reader = _as_it_is if more else _reader(inner)
        return reader if reader is _as_it_is else lambda value: None if value is None else reader(value)
    return _as_it_is


def _tuple_reader(kinds: tuple[Any, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if len(kinds) == 2 and kinds[1] is Ellipsis:  # noqa: PLR2004
        each = _reader(kinds[0])
        return tuple if each is _as_it_is else lambda value: tuple(each(item) for item in value)
    parts = [_reader(kind) for kind in kinds]
    return lambda value: tuple(part(item) for part, item in zip(parts, value, strict=True))


def _record_reader(kind: type[_Record]) -> Callable[[Any], _Record]:
    hints = typing.get_type_hints(kind)
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]  # a dataclass, as the caller has seen
    names = [each.name for each in fields]
    readers = [(name, reader) for name in names if (reader := _reader(hints[name])) is not _as_it_is]

    def read(value: Any) -> _Record:
        given = dict(zip(names, value, strict=True))
        for name, reader in readers:
            given[name] = reader(given[name])
        return kind(**given)

    return read


__all__ = ["Replayed", "digest_of", "key_of", "packed", "read_again", "unpacked"]
