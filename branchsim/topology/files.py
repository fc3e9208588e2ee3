"""Reading and writing ``branchsim.toml``, schema 1. The format is described in ``docs/topology.md``."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from branchsim.errors import TopologyError, nearest
from branchsim.topology.masks import MetadataMask
from branchsim.topology.model import Topology
from branchsim.topology.providers import DirectoryFiles, FileProvider
from branchsim.topology.records import Branch, Family, Flow, Waiver
from branchsim.topology.sfdx_hardis import has_sfdx_hardis, read_sfdx_hardis

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from branchsim.topology.records import FlowKind, Method

SCHEMA = 1
FILE_NAME = "branchsim.toml"
MAX_BYTES = 1_000_000
"""A larger file is refused unread: no topology that a person keeps comes near."""

_PRESETS = ("build_run", "build_run_merge_back", "gitflow", "release_train", "trunk")

_Record = TypeVar("_Record")

_TOP = ("schema", "name", "guards", "branch", "flow", "family", "release", "ignore", "content", "waiver", "mask")


class _Reader:
    """The checked values of one table; knows where it stands, for the errors."""

    def __init__(self, table: Mapping[str, Any], where: str, known: Sequence[str]) -> None:
        self._table = table
        self._where = where
        for key in table:
            if key not in known:
                raise TopologyError(
                    f"{where}: unknown key {key!r}{nearest(key, known)}; the keys here are {', '.join(known)}"
                )

    def wrong(self, key: str, expected: str) -> NoReturn:
        value = self._table[key]
        raise TopologyError(f"{self._where}: {key!r} must be {expected}, not {_kind(value)}")

    def text(self, key: str) -> str | None:
        value = self._table.get(key)
        if value is not None and not isinstance(value, str):
            self.wrong(key, "a text in quotes")
        return value

    def needed(self, key: str) -> str:
        value = self.text(key)
        if value is None:
            raise TopologyError(f"{self._where}: {key!r} is missing; add it")
        return value

    def whole(self, key: str) -> int | None:
        value = self._table.get(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            self.wrong(key, "a whole number")
        return value

    def flag(self, key: str) -> bool:
        value = self._table.get(key, False)
        if not isinstance(value, bool):
            self.wrong(key, "true or false")
        return value

    def texts(self, key: str, *, one: bool = True) -> tuple[str, ...]:
        """A list of texts; a single text stands for a list of one."""
        value = self._table.get(key, [])
        if one and isinstance(value, str):
            return (value,)
        if not isinstance(value, list):
            self.wrong(key, "a list of texts")
        for item in value:
            if not isinstance(item, str):
                raise TopologyError(f"{self._where}: {key!r} must hold texts in quotes, not {_kind(item)}")
        return tuple(value)

    def table(self, key: str) -> Mapping[str, Any]:
        value = self._table.get(key, {})
        if not isinstance(value, dict):
            self.wrong(key, f"a table ([{key}])")
        return value

    def tables(self, key: str) -> list[Mapping[str, Any]]:
        value = self._table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.wrong(key, f"a list of tables (write [[{key}]] with two brackets)")
        return value


def _kind(value: object) -> str:
    names: dict[type, str] = {
        str: "a text",
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        list: "a list",
        dict: "a table",
    }
    return f"{names.get(type(value), 'a date or time')} ({str(value)[:40]})"


def read_topology_toml(source: str | bytes | Path, *, origin: str | None = None) -> Topology:
    """Read a topology from ``branchsim.toml``.

    Parameters
    ----------
    source : str, bytes or Path
        The text of the file, or as a `Path` the file itself.
    origin : str, optional
        What errors call the file; by default its path, or ``branchsim.toml``.

    Returns
    -------
    Topology

    Raises
    ------
    TopologyError
        The file cannot be read, is no TOML (with line and column), has an unknown key (with the nearest known one) or a
        value of the wrong type, or describes a topology that does not hold together. The message begins with the
        origin.
    """
    if isinstance(source, Path):
        origin = str(source) if origin is None else origin
        source = _bytes_of(source)
    origin = FILE_NAME if origin is None else origin
    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    if len(data) > MAX_BYTES:
        raise TopologyError(f"{origin}: the file has {len(data):,} bytes, more than the {MAX_BYTES:,} allowed")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TopologyError(f"{origin}: line {line} is not UTF-8; save the file as UTF-8") from None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        lines = text.split("\n")
        end = f"at line {len(lines)}, column {len(lines[-1]) + 1}, the end of the document"
        raise TopologyError(f"{origin}: not valid TOML: {str(error).replace('at end of document', end)}") from None
    except (RecursionError, ValueError) as error:
        raise TopologyError(f"{origin}: not usable as TOML: {str(error) or 'nested too deeply'}") from None
    try:
        return _topology(document)
    except TopologyError as error:
        raise TopologyError(f"{origin}: {error}") from None


def read_topology(source: str | os.PathLike[str] | FileProvider) -> Topology:
    """Read the topology of a project, or a topology file.

    Parameters
    ----------
    source : path or FileProvider
        A ``.toml`` file; a directory; or the files of a project. Of a directory its ``branchsim.toml`` is read, else
        its configuration of sfdx-hardis.

    Returns
    -------
    Topology

    Raises
    ------
    TopologyError
        There is neither, or what is there cannot be read. The message names the file.
    """
    if not isinstance(source, FileProvider):
        path = Path(source)
        if not path.is_dir():
            return read_topology_toml(path)
        source = DirectoryFiles(path)
    data = source.read(FILE_NAME)
    if data is not None:
        return read_topology_toml(data)
    if has_sfdx_hardis(source):
        return read_sfdx_hardis(source)
    raise TopologyError(
        f"there is neither a {FILE_NAME} nor a configuration of sfdx-hardis; write one, or let it be guessed"
    )


def _instead_of(path: Path) -> str:
    """What to do where a file is not there: who names a preset gets told how one is taken."""
    preset = path.name.replace("-", "_")
    if path.parent == Path() and preset in _PRESETS:
        return (
            f"for the preset use Topology.{preset}() in Python, or write it to a file with "
            f"'branchsim topology --preset {preset.replace('_', '-')} --write {FILE_NAME}'"
        )
    return f"give a {FILE_NAME}, or write a guess with 'branchsim topology --guess --write {FILE_NAME}'"


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise TopologyError(f"{path}: there is no such file; {_instead_of(path)}") from None
    except IsADirectoryError:
        raise TopologyError(f"{path}: is a directory, not a topology file; name the file in it") from None
    except OSError as error:
        raise TopologyError(f"{path}: cannot be read: {error.strerror or error}") from None


def _topology(document: Mapping[str, Any]) -> Topology:
    top = _Reader(document, "top level", _TOP)
    schema = top.whole("schema")
    if schema not in (None, SCHEMA):
        raise TopologyError(f"schema {schema} is unknown to this version, which reads schema {SCHEMA}")
    name = top.text("name")
    release = _Reader(top.table("release"), "[release]", ("tags",))
    ignore = _Reader(top.table("ignore"), "[ignore]", ("paths",))
    content = _Reader(top.table("content"), "[content]", ("list_keys",))
    return Topology(
        _each(top, "branch", ("name", "layer", "level", "direct"), _branch),
        _each(top, "flow", ("kind", "from", "to", "methods"), _flow),
        _each(top, "family", ("pattern", "from", "to", "retrofit", "methods"), _family),
        name="topology" if name is None else name,
        guards=top.texts("guards", one=False),
        ignore_paths=ignore.texts("paths"),
        list_keys=content.texts("list_keys"),
        waivers=_each(top, "waiver", ("commit", "path", "author", "reason"), _waiver),
        release_tags=release.text("tags"),
        masks=_each(top, "mask", ("branch", "origin", "types"), _mask),
    )


def _each(top: _Reader, key: str, known: Sequence[str], build: Callable[[_Reader], _Record]) -> tuple[_Record, ...]:
    records = []
    for number, table in enumerate(top.tables(key), start=1):
        where = f"[[{key}]] number {number}"
        reader = _Reader(table, where, known)
        try:
            records.append(build(reader))
        except TopologyError as error:
            message = str(error)
            raise TopologyError(message if message.startswith(where) else f"{where}: {message}") from None
    return tuple(records)


# The records check kinds and methods themselves and name the nearest known one, so the casts below promise nothing that
# is not verified.


def _branch(reader: _Reader) -> Branch:
    return Branch(
        reader.needed("name"), layer=reader.needed("layer"), level=reader.whole("level"), direct=reader.flag("direct")
    )


def _flow(reader: _Reader) -> Flow:
    return Flow(
        cast("FlowKind", reader.needed("kind")),
        source=reader.needed("from"),
        target=reader.needed("to"),
        methods=cast("tuple[Method, ...]", reader.texts("methods")),
    )


def _family(reader: _Reader) -> Family:
    return Family(
        reader.needed("pattern"),
        source=reader.texts("from"),
        to=reader.texts("to"),
        retrofit=reader.texts("retrofit"),
        methods=cast("tuple[Method, ...]", reader.texts("methods")),
    )


def _waiver(reader: _Reader) -> Waiver:
    return Waiver(
        commit=reader.text("commit"),
        path=reader.text("path"),
        author=reader.text("author"),
        reason=reader.needed("reason"),
    )


def _mask(reader: _Reader) -> MetadataMask:
    types = reader.table("types")
    members = _Reader(types, "types", tuple(types))
    return MetadataMask.of(
        {kind: members.texts(kind) for kind in types}, branch=reader.text("branch"), origin=reader.text("origin") or ""
    )


def to_toml(topology: Topology) -> str:
    """Write a topology as the text of a ``branchsim.toml``.

    Reading it back gives an equal topology; notes become comments at the top, and are not read back.
    """
    lines = [f"# {' '.join(note.split())}" for note in map(_printable, topology.notes)]
    lines += [f"schema = {SCHEMA}", f"name = {_value(topology.name)}"]
    if topology.guards:
        lines.append(f"guards = {_value(topology.guards)}")
    for branch in topology.branches:
        lines += _block(
            "[[branch]]",
            {
                "name": branch.name,
                "layer": branch.layer,
                "level": branch.level,
                "direct": branch.direct or None,
            },
        )
    for flow in topology.flows:
        lines += _block(
            "[[flow]]",
            {"kind": flow.kind, "from": flow.source, "to": flow.target, "methods": flow.methods or None},
        )
    for family in topology.families:
        source: str | tuple[str, ...] = family.source[0] if len(family.source) == 1 else family.source
        lines += _block(
            "[[family]]",
            {
                "pattern": family.pattern,
                "from": source,
                "to": family.to,
                "retrofit": family.retrofit or None,
                "methods": family.methods or None,
            },
        )
    if topology.release_tags is not None:
        lines += _block("[release]", {"tags": topology.release_tags})
    if topology.ignore_paths:
        lines += _block("[ignore]", {"paths": topology.ignore_paths})
    if topology.list_keys:
        lines += _block("[content]", {"list_keys": topology.list_keys})
    for waiver in topology.waivers:
        lines += _block(
            "[[waiver]]",
            {"commit": waiver.commit, "path": waiver.path, "author": waiver.author, "reason": waiver.reason},
        )
    for mask in topology.masks:
        lines += _block("[[mask]]", {"branch": mask.branch, "origin": mask.origin or None})
        lines += ["[mask.types]", *(f"{_value(kind)} = {_value(names)}" for kind, names in mask.members)]
    return "\n".join(lines) + "\n"


def _block(header: str, values: Mapping[str, object]) -> list[str]:
    return ["", header, *(f"{key} = {_value(value)}" for key, value in values.items() if value is not None)]


def _value(value: object) -> str:
    """A text, whole number, flag or list of texts in TOML."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    # JSON strings are TOML strings, but for DEL, which TOML wants escaped too.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
