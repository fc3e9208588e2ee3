"""JSON and YAML as keyed elements: ``{path of keys: value}``, with the order of members and of lists ignored.

Nothing is constructed from YAML: its events are walked, an alias is the value ``*name``, a tag is kept as text. So an
alias bomb is as small as its source, and a tag can load nothing.
"""

from __future__ import annotations

import functools
import json
import operator
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

from branchsim.effects.text import normalise, shorten
from branchsim.effects.yaml_blocks import Piece, cut_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from branchsim.effects.units import Options

Elements: TypeAlias = "Counter[tuple[tuple[str, ...], str]]"

KnownParts: TypeAlias = "dict[Piece, tuple[tuple[tuple[tuple[str, ...], str], int], ...]]"
"""From a piece of YAML to its elements, with how often each occurs."""


class NotReadError(Exception):
    """A file is not read as what its name says; the message says why, or is empty where nothing is wrong."""


_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_NOT_PLAIN = re.compile(r"[-+]?(?:[0-9][0-9_.eE+:-]*|\.inf|\.nan)|true|false|yes|no|on|off|null|~|", re.IGNORECASE)


class _Literal(str):
    """A number or constant of JSON as it is written, told apart from a string."""

    __slots__ = ()


class _Members(list[tuple[str, Any]]):
    """The members of a JSON object, with the repeated ones that a careless merge leaves."""

    __slots__ = ()


def _deepest(text: str, limit: int) -> bool:
    """Whether brackets nest deeper than a limit; strings are skipped."""
    if text.count("[") + text.count("{") <= limit:
        return False
    depth = 0
    for found in _JSON_TOKEN.finditer(text):
        bracket = found[0]
        if bracket in "[{":
            depth += 1
            if depth > limit:
                return True
        elif bracket in "]}":
            depth -= 1
    return False


def json_elements(text: str, options: Options) -> Elements:
    """The elements of a JSON text.

    Raises
    ------
    NotReadError
        It is malformed, too deep or has too many elements.
    """
    if _deepest(text, options.limits.depth):
        raise NotReadError(f"JSON nested deeper than {options.limits.depth}")
    try:
        root = json.loads(
            text, object_pairs_hook=_Members, parse_int=_Literal, parse_float=_Literal, parse_constant=_Literal
        )
    except (ValueError, RecursionError) as error:
        raise NotReadError(f"not valid JSON ({_first_line(error)})") from None
    walk = _Walk(options)
    walk.value((), root)
    return walk.found


def yaml_elements(text: str, options: Options, known: KnownParts | None = None) -> Elements:
    """The elements of a YAML stream. Documents with a kind and a name (Kubernetes) are told apart by them.

    Parameters
    ----------
    text : str
        The stream.
    options : Options
        Limits and list keys.
    known : dict, optional
        What pieces hold that were read before with these options. It is added to: versions of one file have most of
        them in common.

    Raises
    ------
    NotReadError
        It is malformed, too deep or has too many elements.
    """
    import yaml

    found = None if known is None else _by_pieces(text, options, known)
    if found is not None:
        return found
    walk = _Walk(options)
    try:
        # Depth is bounded while the events come: libyaml needs quadratic time for what nests without end.
        for document in _documents(_events(text), options.limits.depth):
            walk.value(_manifest(document), document)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise NotReadError(f"not valid YAML ({_first_line(error)})") from None
    return walk.found


def _events(text: str) -> Iterator[Any]:
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return iter(yaml.parse(text, Loader=loader))


def yaml_apart(texts: Sequence[str], options: Options, known: KnownParts) -> list[Elements]:
    """For each version of a YAML file its elements, without those in pieces that all versions have.

    Parameters
    ----------
    texts : sequence of str
        The versions.
    options, known
        As for `yaml_elements`.

    Raises
    ------
    NotReadError
        One of the versions cannot be read piece by piece.
    """
    versions = [Counter(_pieces(text, options, known)) for text in texts]
    common = functools.reduce(operator.and_, versions)
    found = []
    for pieces in versions:
        own: Elements = Counter()
        for piece, copies in (pieces - common).items():
            for pair, count in known[piece]:
                own[pair] += copies * count
        found.append(own)
    return found


def _by_pieces(text: str, options: Options, known: KnownParts) -> Elements | None:
    """The elements of a text, piece by piece; None where it cannot be read so."""
    try:
        pieces = _pieces(text, options, known)
    except NotReadError:
        return None
    found: Elements = Counter()
    for piece in pieces:
        for pair, count in known[piece]:
            found[pair] += count
    return found


def _pieces(text: str, options: Options, known: KnownParts) -> list[Piece]:
    """The pieces of a text, of each of which the elements are known then."""
    # Of so short a text no more elements can be.
    pieces = _cut_up(text) if len(text) <= options.limits.elements else None
    if pieces is None:
        raise NotReadError("")
    unknown = [piece for piece in dict.fromkeys(pieces) if piece not in known]
    known.update(zip(unknown, _of_pieces(unknown, options), strict=True))
    return pieces


_cut_up = functools.lru_cache(maxsize=8)(cut_up)


def _of_pieces(pieces: Sequence[Piece], options: Options) -> list[tuple[tuple[tuple[tuple[str, ...], str], int], ...]]:
    """The elements of each piece, all parsed at once, as documents of one stream.

    Raises
    ------
    NotReadError
        One is not entries of a mapping that begin in its column.
    """
    import yaml

    roots: list[Any] = []
    try:
        # What a piece leaves open at its end does not go on past the beginning of a document.
        events = _watched(_events("".join(f"---\n{piece.text}" for piece in pieces)), roots)
        documents = list(_documents(events, options.limits.depth - 1)) if pieces else []
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise NotReadError("") from error
    if len(documents) != len(pieces):
        raise NotReadError("")
    found = []
    for piece, document, root in zip(pieces, documents, roots, strict=True):
        begin = root.start_mark if isinstance(root, yaml.MappingStartEvent) and not root.flow_style else None
        # What kind of thing a document is says how its keys begin.
        is_kind = not piece.inside and begin is not None and any(name == "kind" for name, _ in document)
        if begin is None or begin.column != piece.column or is_kind:
            raise NotReadError("")
        walk = _Walk(options)
        walk.value(piece.inside, document)
        found.append(tuple(walk.found.items()))
    return found


def _watched(events: Iterator[Any], roots: list[Any]) -> Iterator[Any]:
    """The events, while the first one of each document is noted."""
    import yaml

    begins = False
    for event in events:
        if begins:
            roots.append(event)
        begins = isinstance(event, yaml.DocumentStartEvent)
        yield event


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__


def _documents(events: Iterator[Any], deepest: int) -> Iterator[Any]:
    """Each document as nested `_Members`, lists and `_Literal`, without recursion and without following aliases."""
    import yaml

    build = _Builder(deepest)
    for event in events:
        if isinstance(event, yaml.ScalarEvent):
            build.put(_scalar(event))
        elif isinstance(event, yaml.AliasEvent):
            build.put(_Literal(f"*{event.anchor}"))
        elif isinstance(event, yaml.MappingStartEvent):
            build.open(_Members())
        elif isinstance(event, yaml.SequenceStartEvent):
            build.open([])
        elif isinstance(event, yaml.CollectionEndEvent):
            build.close()
        elif isinstance(event, yaml.DocumentEndEvent):
            yield build.root


class _Builder:
    """The containers that are open while events come; for a mapping also the key that waits for its value."""

    def __init__(self, deepest: int) -> None:
        self.root: Any = None
        self._deepest = deepest
        self._open: list[tuple[_Members | list[Any], list[str]]] = []

    def open(self, container: _Members | list[Any]) -> None:
        if len(self._open) >= self._deepest:
            raise NotReadError(f"YAML nested deeper than {self._deepest}")
        self._open.append((container, []))

    def close(self) -> None:
        container, _ = self._open.pop()
        self.put(container)

    def put(self, value: Any) -> None:
        if not self._open:
            self.root = value
            return
        container, waiting = self._open[-1]
        if not isinstance(container, _Members):
            container.append(value)
        elif waiting:
            container.append((waiting.pop(), value))
        else:
            waiting.append(_flow(value))


def _manifest(document: Any) -> tuple[str, ...]:
    """What tells a document of a stream apart from the others: its kind and name, never its position."""
    if isinstance(document, _Members):
        members = dict(document)
        metadata = members.get("metadata")
        name = dict(metadata).get("name") if isinstance(metadata, _Members) else None
        if isinstance(members.get("kind"), str) and isinstance(name, str):
            return (f"{members['kind']}[{name}]",)
    return ()


def _flow(value: Any) -> str:
    """A mapping or list that is used as a key, as text; its depth is bounded by its maker."""
    if isinstance(value, _Members):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return str(value)


def _scalar(event: Any) -> str:
    """Quoting does not matter where it does not change the type: ``'a'`` is ``a``, but ``'1'`` is not ``1``."""
    value: str = event.value
    tag = f"{event.tag} " if event.tag and event.tag != "!" else ""
    if event.implicit[0] or tag:  # written plainly, so that its text decides its type
        return _Literal(f"{tag}{value}")
    return _Literal(json.dumps(value)) if _NOT_PLAIN.fullmatch(value) else _Literal(value)


class _Walk:
    """Collects the elements of one tree; lives only as long as it is walked."""

    def __init__(self, options: Options) -> None:
        self.found: Elements = Counter()
        self.options = options
        self.limits = options.limits
        self.left = options.limits.elements

    def value(self, key: tuple[str, ...], value: Any) -> None:
        """Walk a value that stands at a key. Its depth was bounded before."""
        if isinstance(value, _Members):
            if not value:
                self._leaf(key, "{}")
            for name, item in value:
                self.value((*key, name), item)
        elif isinstance(value, list):
            if not value:
                self._leaf(key, "[]")
            name = key[-1] if key else ""
            for item in value:
                self.value((*key[:-1], f"{name}[{self._identity(name, item)}]"), item)
        elif isinstance(value, _Literal):
            self._leaf(key, str(value))
        elif isinstance(value, str):
            self._leaf(key, json.dumps(value, ensure_ascii=False))
        else:
            self._leaf(key, {None: "null", True: "true", False: "false"}[value])

    def _identity(self, name: str, item: Any) -> str:
        """What identifies a member of a list: a member of it with a known name; never its position."""
        if not isinstance(item, _Members):
            return ""
        members = dict(item)
        for key in self.options.list_keys_at.get(name, self.options.list_keys):
            found = members.get(key)
            if isinstance(found, str) and found:
                return shorten(normalise(found), self.limits)
        return ""

    def _leaf(self, key: tuple[str, ...], value: str) -> None:
        self.left -= 1
        if self.left < 0:
            raise NotReadError(f"more than {self.limits.elements} elements")
        self.found[key, shorten(normalise(value), self.limits)] += 1


__all__ = ["Elements", "KnownParts", "NotReadError", "json_elements", "yaml_apart", "yaml_elements"]
