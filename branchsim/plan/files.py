"""Reading and writing plans as TOML, schema 1. The format is described in ``docs/plans.md``."""

from __future__ import annotations

import base64
import binascii
import json
import tomllib
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from branchsim.errors import nearest
from branchsim.plan.checks import LATEST, PlanError, check_path
from branchsim.plan.drivers import MergeDriver
from branchsim.plan.model import Plan, Promotion
from branchsim.plan.steps import (
    STEPS,
    Commit,
    FileChange,
    Gate,
    MergeBack,
    PullRequest,
    Resolve,
    Revert,
    Start,
    Tag,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from branchsim.plan.steps import Check, FileMode, OnConflict, Purpose, Step, Take
    from branchsim.topology import Method

SCHEMA = 1
MAX_BYTES = 50_000_000
"""A larger plan, or a larger file that a plan names, is refused unread."""

_Built = TypeVar("_Built")

_TOP = ("schema", "name", "author", "at", "sign", "driver", "step", "forecast")
_PATCH = ("patch", "patch-base64", "patch-file")
_KEYS: dict[str, tuple[str, ...]] = {
    "start": ("branch", "at", "reuse"),
    "commit": ("branch", "message", "author", "picks", "file", *_PATCH),
    "pull-request": ("source", "target", "method", "purpose", "delete-source", "on-conflict", "message"),
    "merge-back": ("source", "target", "message"),
    "tag": ("tag", "at", "message"),
    "revert": ("branch", "commit"),
    "gate": ("check", "branch", "base", "against"),
    "resolve": ("step", "take", "paths", "file", "folder"),
}
_FILE = ("path", "text", "base64", "from", "delete", "mode")


class _Reader:
    """The checked values of one table; knows where it stands, for the errors."""

    def __init__(self, table: Mapping[str, Any], where: str, known: Sequence[str], directory: Path | None) -> None:
        self._table = table
        self.where = where
        self.directory = directory
        for key in table:
            if key not in known:
                raise PlanError(
                    f"{where}: unknown key {key!r}{nearest(key, known)}; the keys here are {', '.join(known)}"
                )

    def __contains__(self, key: str) -> bool:
        return key in self._table

    def wrong(self, key: str, expected: str) -> PlanError:
        value = self._table[key]
        names: dict[type, str] = {
            str: "a text",
            bool: "true or false",
            int: "a whole number",
            float: "a number",
            list: "a list",
            dict: "a table",
        }
        kind = names.get(type(value), "a date or time")
        return PlanError(f"{self.where}: {key!r} must be {expected}, not {kind} ({str(value)[:40]})")

    def text(self, key: str, default: str = "") -> str:
        value = self._table.get(key, default)
        if not isinstance(value, str):
            raise self.wrong(key, "a text in quotes")
        return value

    def optional(self, key: str) -> str | None:
        return self.text(key) if key in self else None

    def needed(self, key: str) -> str:
        if key not in self:
            raise PlanError(f"{self.where}: {key!r} is missing; add it")
        return self.text(key)

    def flag(self, key: str) -> bool:
        value = self._table.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._table.get(key, [])
        if isinstance(value, str):
            return (value,)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(key, "a list of texts in quotes")
        return tuple(value)

    def tables(self, key: str) -> list[Mapping[str, Any]]:
        value = self._table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.wrong(key, f"a list of tables (write [[{key}]] with two brackets)")
        return value

    def time(self, key: str) -> int | None:
        value = self._table.get(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise self.wrong(key, "a time with its zone (2024-01-31T12:00:00Z) or seconds since 1970")
        return int(value.timestamp())

    def one_of(self, *keys: str) -> str | None:
        given = [key for key in keys if key in self]
        if len(given) > 1:
            raise PlanError(f"{self.where}: {' and '.join(map(repr, given))} are given; give one of them")
        return given[0] if given else None

    def decoded(self, key: str) -> bytes:
        try:
            return base64.b64decode(self.text(key), validate=True)
        except (binascii.Error, ValueError):
            raise PlanError(f"{self.where}: {key!r} is not base64; encode the file again") from None

    def beside(self, key: str) -> bytes:
        """The content of a file that the plan names, which lies beside the plan or below."""
        name = check_path(self.text(key), f"{self.where}, its {key!r}")
        if self.directory is None:
            raise PlanError(
                f"{self.where}: {key!r} names a file, but the plan was given as text; read it from its file"
            )
        path = self.directory / name
        if not path.resolve().is_relative_to(self.directory.resolve()):
            raise PlanError(
                f"{self.where}: {key!r} leads out of the plan's directory through a link; copy the file there"
            )
        return _bytes_of(path, f"{self.where}: {key!r}")


def read_plan(source: str | bytes | Path, *, origin: str | None = None) -> Plan:
    """Read a plan from TOML.

    Parameters
    ----------
    source : str, bytes or Path
        The text of the file, or as a `Path` the file itself. Only then may the plan name files beside it.
    origin : str, optional
        What errors call the file; by default its path, or ``the plan``.

    Returns
    -------
    Plan

    Raises
    ------
    PlanError
        The file cannot be read, is no TOML, has an unknown step or key (with the nearest known one) or a value of the
        wrong type, or describes a plan that does not hold together. The message begins with the origin.
    """
    directory = None
    if isinstance(source, Path):
        origin = str(source) if origin is None else origin
        directory = source.parent
        source = _bytes_of(source, origin)
    origin = "the plan" if origin is None else origin
    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    if len(data) > MAX_BYTES:
        raise PlanError(f"{origin}: the file has {len(data):,} bytes, more than the {MAX_BYTES:,} allowed")
    try:
        document = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise PlanError(f"{origin}: not UTF-8 (byte {error.start}); save the file as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise PlanError(f"{origin}: not valid TOML: {error}") from None
    try:
        return _plan(document, directory)
    except PlanError as error:
        raise PlanError(f"{origin}: {error}") from None


def _bytes_of(path: Path, where: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        if where == str(path):
            raise PlanError(
                f"{where}: there is no file of this name; name a plan that exists, or let one be made with "
                "--hotfix NAME or --promote SOURCE:TARGET (in Python Plan.hotfix or Plan.promotion)"
            ) from None
        raise PlanError(f"{where}: there is no file {str(path)!r}; correct the path in the plan") from None
    except IsADirectoryError:
        raise PlanError(f"{where}: {str(path)!r} is a directory; name a file") from None
    except OSError as error:
        raise PlanError(f"{where}: {str(path)!r} cannot be read: {error.strerror or error}") from None
    if len(data) > MAX_BYTES:
        raise PlanError(f"{where}: {str(path)!r} has more than the {MAX_BYTES:,} bytes allowed")
    return data


def _plan(document: Mapping[str, Any], directory: Path | None) -> Plan:
    top = _Reader(document, "top level", _TOP, directory)
    schema = document.get("schema", SCHEMA)
    if schema != SCHEMA or isinstance(schema, bool):
        raise PlanError(f"schema {schema!r} is unknown to this version, which reads schema {SCHEMA}")
    steps: list[Step] = []
    names: set[str] = set()
    for number, table in enumerate(top.tables("step"), start=1):
        where = f"[[step]] number {number}"
        step = _placed(where, partial(_step, table, where, directory))
        if "name" in table and step.name in names:
            raise PlanError(f"{where}: the name {step.name!r} is taken by an earlier step; give it another")
        names.add(step.name)
        steps.append(step)
    forecast = []
    for number, table in enumerate(top.tables("forecast"), start=1):
        where = f"[[forecast]] number {number}"
        reader = _Reader(table, where, ("source", "target", "method"), directory)
        forecast.append(_placed(where, partial(_promotion, reader)))
    drivers = []
    for number, table in enumerate(top.tables("driver"), start=1):
        where = f"[[driver]] number {number}"
        reader = _Reader(table, where, ("name", "paths", "command"), directory)
        drivers.append(_placed(where, partial(_driver, reader)))
    return Plan(
        top.needed("name"),
        tuple(steps),
        author=top.optional("author"),
        at=top.time("at"),
        forecast=tuple(forecast),
        drivers=tuple(drivers),
        sign=top.flag("sign"),
    )


def _placed(where: str, build: Callable[[], _Built]) -> _Built:
    try:
        return build()
    except PlanError as error:
        message = str(error)
        raise PlanError(message if message.startswith(where) else f"{where}: {message}") from None


# The records check every choice themselves and name the nearest known one, so the casts below promise nothing that is
# not verified.


def _promotion(reader: _Reader) -> Promotion:
    return Promotion(
        source=reader.needed("source"),
        target=reader.needed("target"),
        method=cast("Method", reader.text("method", "merge")),
    )


def _driver(reader: _Reader) -> MergeDriver:
    return MergeDriver(reader.needed("name"), reader.texts("paths"), reader.text("command"))


def _step(table: Mapping[str, Any], where: str, directory: Path | None) -> Step:
    kind = table.get("kind")
    if not isinstance(kind, str):
        raise PlanError(f"{where}: 'kind' is missing or no text; it is one of {', '.join(STEPS)}")
    if kind not in _KEYS:
        raise PlanError(f"{where}: unknown step {kind!r}{nearest(kind, _KEYS)}; the steps are {', '.join(_KEYS)}")
    reader = _Reader(table, where, ("kind", "name", *_KEYS[kind]), directory)
    if reader.optional("name") == "":
        raise PlanError(f"{where}: 'name' is empty; give the step a name, or leave the key out")
    return _BUILD[kind](reader)


def _start(reader: _Reader) -> Step:
    return Start(reader.needed("branch"), at=reader.needed("at"), reuse=reader.flag("reuse"), name=reader.text("name"))


def _commit(reader: _Reader) -> Step:
    patch = None
    match reader.one_of(*_PATCH):
        case "patch":
            patch = reader.text("patch").encode("utf-8", "surrogatepass")
        case "patch-base64":
            patch = reader.decoded("patch-base64")
        case "patch-file":
            patch = reader.beside("patch-file")
    return Commit(
        reader.needed("branch"),
        message=reader.text("message"),
        files=_files(reader),
        patch=patch,
        picks=reader.texts("picks"),
        author=reader.optional("author"),
        name=reader.text("name"),
    )


def _files(reader: _Reader) -> tuple[FileChange, ...]:
    files = []
    for number, table in enumerate(reader.tables("file"), start=1):
        where = f"{reader.where}, [[step.file]] number {number}"
        inner = _Reader(table, where, _FILE, reader.directory)
        files.append(_placed(where, partial(_file, inner)))
    return tuple(files)


def _file(reader: _Reader) -> FileChange:
    content: bytes | None = None
    match reader.one_of("text", "base64", "from", "delete"):
        case "text":
            content = reader.text("text").encode("utf-8", "surrogatepass")
        case "base64":
            content = reader.decoded("base64")
        case "from":
            content = reader.beside("from")
        case "delete" if reader.flag("delete"):
            content = None
        case _:
            raise PlanError(
                f"{reader.where}: says not what the file shall be; give text, base64, from, or delete = true"
            )
    return FileChange(reader.needed("path"), content, cast("FileMode | None", reader.optional("mode")))


def _pull_request(reader: _Reader) -> Step:
    return PullRequest(
        reader.needed("source"),
        reader.needed("target"),
        method=cast("Method", reader.text("method", "merge")),
        purpose=cast("Purpose", reader.text("purpose", "work")),
        delete_source=reader.flag("delete-source"),
        on_conflict=cast("OnConflict", reader.text("on-conflict", "stop")),
        message=reader.text("message"),
        name=reader.text("name"),
    )


def _merge_back(reader: _Reader) -> Step:
    return MergeBack(
        reader.needed("source"), reader.needed("target"), message=reader.text("message"), name=reader.text("name")
    )


def _tag(reader: _Reader) -> Step:
    return Tag(reader.needed("tag"), at=reader.needed("at"), message=reader.text("message"), name=reader.text("name"))


def _revert(reader: _Reader) -> Step:
    return Revert(reader.needed("branch"), commit=reader.needed("commit"), name=reader.text("name"))


def _gate(reader: _Reader) -> Step:
    return Gate(
        cast("Check", reader.needed("check")),
        branch=reader.needed("branch"),
        against=reader.texts("against"),
        base=reader.optional("base"),
        name=reader.text("name"),
    )


def _resolve(reader: _Reader) -> Step:
    return Resolve(
        reader.needed("step"),
        take=cast("Take | None", reader.optional("take")),
        paths=reader.texts("paths"),
        files=_files(reader),
        folder=reader.optional("folder"),
        name=reader.text("name"),
    )


_BUILD: dict[str, Callable[[_Reader], Step]] = {
    "start": _start,
    "commit": _commit,
    "pull-request": _pull_request,
    "merge-back": _merge_back,
    "tag": _tag,
    "revert": _revert,
    "gate": _gate,
    "resolve": _resolve,
}


def to_toml(plan: Plan) -> str:
    """Write a plan as TOML; reading it back gives an equal plan.

    Everything the plan holds is written out, contents of files too, so the text needs no other file.
    """
    lines = [f"schema = {SCHEMA}", f"name = {_value(plan.name)}"]
    if plan.author is not None:
        lines.append(f"author = {_value(plan.author)}")
    if plan.at is not None:
        lines.append(f"at = {_time(plan.at)}")
    if plan.sign:
        lines.append("sign = true")
    for driver in plan.drivers:
        lines += ["", "[[driver]]", f"name = {_value(driver.name)}", f"paths = {_value(driver.paths)}"]
        lines += [f"command = {_value(driver.command)}"] if driver.command else []
    for step in plan.steps:
        lines += ["", "[[step]]", f"kind = {_value(step.kind)}", f"name = {_value(step.name)}"]
        lines += [
            f"{key} = {_value(value)}" for key, value in _values(step).items() if value not in (None, "", (), False)
        ]
        for file in step.files if isinstance(step, (Commit, Resolve)) else ():
            lines += ["", "[[step.file]]", *_file_lines(file)]
    for promotion in plan.forecast:
        lines += ["", "[[forecast]]", f"source = {_value(promotion.source)}", f"target = {_value(promotion.target)}"]
        lines.append(f"method = {_value(promotion.method)}")
    return "\n".join(lines) + "\n"


def _values(step: Step) -> dict[str, object]:
    """The keys and values of a step, but for its files."""
    values: dict[str, object] = {
        key: getattr(step, key.replace("-", "_")) for key in _KEYS[step.kind] if key not in {"file", *_PATCH}
    }
    if isinstance(step, Commit) and step.patch is not None:
        key, text = _content(step.patch, "patch", "patch-base64")
        values[key] = text
    return values


def _file_lines(file: FileChange) -> list[str]:
    lines = [f"path = {_value(file.path)}"]
    if file.content is None:
        lines.append("delete = true")
    else:
        key, text = _content(file.content, "text", "base64")
        lines.append(f"{key} = {_value(text)}")
    if file.mode is not None:
        lines.append(f"mode = {_value(file.mode)}")
    return lines


def _content(data: bytes, plain: str, encoded: str) -> tuple[str, str]:
    """The key and the text for a content: itself where it is text that TOML can hold, else base64."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return encoded, base64.b64encode(data).decode("ascii")
    return plain, text


def _time(at: int) -> str:
    return datetime.fromtimestamp(min(at, LATEST), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _value(value: object) -> str:
    """A text, flag or list of texts in TOML."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    # JSON strings are TOML strings, but for DEL, which TOML wants escaped too.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


__all__ = ["MAX_BYTES", "SCHEMA", "read_plan", "to_toml"]
