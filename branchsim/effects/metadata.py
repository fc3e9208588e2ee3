"""Salesforce metadata as keyed elements: order, indentation and the order of attributes do not matter.

Any file in the metadata namespace is read, in metadata and in source format (an object as one file or decomposed).
Other XML (a Maven project, a page) stays lines: in it the order may matter.
"""

from __future__ import annotations

import functools
import operator
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from branchsim.effects.metadata_blocks import MOST_ATTRIBUTES, LaidOut, crowded, deeper, laid_out, laid_out_apart
from branchsim.effects.metadata_keys import ATTRIBUTES, EVERYWHERE, KEYS, UNKEYED
from branchsim.effects.structured import Elements, NotReadError
from branchsim.effects.text import Limits, normalise, shorten
from branchsim.safe_xml import UnsafeXmlError, parse_xml

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lxml import etree

_NAMESPACE = "soap.sforce.com"
_SNIFFED = 8192

_Parts: TypeAlias = "tuple[tuple[tuple[tuple[str, ...], str], int], ...]"
"""Elements with how often each occurs."""
_Pending: TypeAlias = "tuple[etree._Element, tuple[str, ...]]"  # noqa: SLF001  the class has no other name


def metadata_elements(content: bytes, text: str, limits: Limits, *, in_pieces: bool = False) -> Elements:
    """The elements of a metadata file.

    Parameters
    ----------
    content : bytes
        The file.
    text : str
        The same, decoded.
    limits : Limits
        Depth, number of elements, length of values.
    in_pieces : bool
        Whether what elements below the root hold is remembered, and looked up for those that were read lately.

    Returns
    -------
    Counter of (tuple of str, str)
        How often each ``(key, value)`` occurs: a key names the element from the root down, an attribute's starts with
        ``@``.

    Raises
    ------
    NotReadError
        It is not metadata, malformed, has a document type (which is what XML bombs need), or is too deep or too
        large.
    """
    laid = laid_out(content, limits) if in_pieces else None
    if laid is not None:
        return _of_blocks(laid).apart_from(Counter(), limits)
    root = _root(content, text)
    if in_pieces and text.count("<") <= limits.elements and not deeper(limits.depth)(root):
        return _of_root(root, limits).apart_from(Counter(), limits)
    found: Elements = Counter()
    _collect([(root, (_local(root.tag),))], found, limits)
    return found


def _texts(children: Sequence[etree._Element]) -> list[bytes]:
    """Elements as XML, without what stands between them."""
    from lxml import etree

    return [etree.tostring(each, encoding="utf-8", with_tail=False) for each in children]


def metadata_apart(versions: Sequence[tuple[bytes, str]], limits: Limits) -> list[Elements]:
    """For each version of a metadata file its elements, without those in children of the root that all versions have.

    What an element below the root says depends on itself alone. So those that all versions have need not be looked
    into, and most of them are the same from one version to the next.

    Parameters
    ----------
    versions : sequence of (bytes, str)
        The file in each version, and the same decoded.
    limits : Limits
        As in `metadata_elements`.

    Raises
    ------
    NotReadError
        One of the versions is not read as elements.
    """
    laid = laid_out_apart([content for content, _ in versions], limits)
    if laid is not None:
        wholes = list(map(_of_blocks, laid))
    else:
        read = {version: _whole(*version, limits) for version in dict.fromkeys(versions)}
        wholes = [read[version] for version in versions]
    common: Counter[bytes] = Counter()
    if len({each.name for each in wholes}) == 1:
        common = functools.reduce(operator.and_, (each.counts for each in wholes))
    return [each.apart_from(common, limits) for each in wholes]


class _Whole(NamedTuple):
    """A file in parts: its root's name, what the root says itself, and what is below it in pieces, also as XML."""

    name: str
    own: Elements
    pieces: Callable[[Sequence[int]], Sequence[Sequence[etree._Element]]]
    texts: list[bytes]
    counts: Counter[bytes]

    def apart_from(self, common: Counter[bytes], limits: Limits) -> Elements:
        """The elements of the root itself, and those of pieces that are not among some others."""
        found: Elements = Counter(self.own)
        wanted = self._beyond(common)
        known = self._read(wanted, limits)
        for at in wanted:
            for pair, count in known[self.texts[at]]:
                found[pair] += count
        return found

    def _read(self, wanted: Sequence[int], limits: Limits) -> dict[bytes, _Parts]:
        """What some pieces hold, by their texts."""
        late = _LATE.setdefault(limits, _Late())
        found = {text: parts for at in wanted if (parts := late.parts.get((self.name, text := self.texts[at])))}
        new = {self.texts[at]: at for at in wanted if self.texts[at] not in found}
        for text, elements in zip(new, self.pieces(list(new.values())) if new else (), strict=True):
            own: Elements = Counter()
            for child in elements:
                _collect([(child, _child_key((self.name,), child, limits))], own, limits)
            found[text] = late.keep((self.name, text), own)
        return found

    def _beyond(self, common: Counter[bytes]) -> list[int]:
        """The places of the pieces that are not among some others."""
        if len(self.counts) == len(self.texts):
            return [at for at, text in enumerate(self.texts) if text not in common]
        spare = dict(common)
        found = []
        for at, text in enumerate(self.texts):
            left = spare.get(text, 0)
            if left:
                spare[text] = left - 1
            else:
                found.append(at)
        return found


class _Late:
    """What elements below a root hold that were read lately: versions of one file have most of them in common."""

    def __init__(self) -> None:
        self.parts: dict[tuple[str, bytes], _Parts] = {}
        self._size = 0

    def keep(self, key: tuple[str, bytes], own: Elements) -> _Parts:
        """Remember what one holds, and let all others go if they are many."""
        self._size += len(key[1]) + _EACH * len(own)
        if self._size > _KEPT:
            self.parts.clear()
            self._size = 0
        found = self.parts[key] = tuple(own.items())
        return found


def _whole(content: bytes, text: str, limits: Limits) -> _Whole:
    """A file in parts; of one version after the other each is the newer one first, and then the older one."""
    return _whole_of_late(content, text, limits) if len(content) <= _SMALL else _read_whole(content, text, limits)


def _read_whole(content: bytes, text: str, limits: Limits) -> _Whole:
    laid = laid_out(content, limits)
    if laid is not None:
        return _of_blocks(laid)
    root = _root(content, text)
    if text.count("<") > limits.elements or deeper(limits.depth)(root):
        raise NotReadError("more or deeper elements than are read")
    return _of_root(root, limits)


def _of_root(root: etree._Element, limits: Limits) -> _Whole:
    children = list(root)
    name = _local(root.tag)
    own: Elements = Counter()
    _own(root, (name,), children, own, limits)
    texts = _texts(children)
    return _Whole(name, own, lambda places: [children[at : at + 1] for at in places], texts, Counter(texts))


def _of_blocks(laid: LaidOut) -> _Whole:
    """The same of a file in pieces; its root has nothing of its own."""
    blocks = laid.blocks
    return _Whole(
        laid.name, Counter(), lambda places: laid.elements([blocks[at] for at in places]), blocks, Counter(blocks)
    )


_SMALL = 200_000
_EACH = 300
"""About as many bytes takes an element with its key."""
_KEPT = 32 * 1024 * 1024
_LATE: dict[Limits, _Late] = {}
_whole_of_late = functools.lru_cache(maxsize=16)(_read_whole)


def is_metadata(text: str) -> bool:
    """Whether an XML file says that it is metadata."""
    return _NAMESPACE in text[:_SNIFFED]


def _root(content: bytes, text: str) -> etree._Element:
    if not is_metadata(text):
        raise NotReadError("")  # nothing is wrong with it
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise NotReadError("XML with a document type, which is not read because entities can be bombs")
    try:
        root = parse_xml(content)
    except UnsafeXmlError as error:
        raise NotReadError(normalise(str(error))[:200]) from None
    if crowded(root, text.count("=")):
        raise NotReadError(f"XML with more than {MOST_ATTRIBUTES} attributes in one element")
    return root


def _collect(stack: list[_Pending], found: Elements, limits: Limits) -> None:
    """Count some elements, each with its key, and all that is in them."""
    left = limits.elements
    while stack:
        element, key = stack.pop()
        left -= 1
        if left < 0:
            raise NotReadError(f"more than {limits.elements} elements")
        if len(key) > limits.depth:
            raise NotReadError(f"XML nested deeper than {limits.depth}")
        children = list(element)
        _own(element, key, children, found, limits)
        stack += [(child, _child_key(key, child, limits)) for child in children]


def _own(
    element: etree._Element, key: tuple[str, ...], children: Sequence[etree._Element], found: Elements, limits: Limits
) -> None:
    """Count what an element says itself: its attributes and its text."""
    for name, value in element.attrib.items():
        found[(*key, f"@{_local(name)}"), shorten(normalise(str(value)), limits)] += 1
    if not children:
        found[key, shorten(" ".join((element.text or "").split()), limits)] += 1
        return
    # Mixed content is rare in metadata (rich text is escaped); what there is of it must not vanish.
    loose = normalise(" ".join([element.text or "", *(child.tail or "" for child in children)]))
    if loose:
        found[(*key, "text()"), shorten(loose, limits)] += 1


def _child_key(key: tuple[str, ...], child: etree._Element, limits: Limits) -> tuple[str, ...]:
    tag = _local(child.tag)
    name = _identity(tag, child, limits) if len(child) or child.attrib else ""
    return (*key, f"{tag}[{name}]" if name else tag)


def _local(tag: object) -> str:
    """A name without its namespace."""
    return str(tag).rpartition("}")[2]


def _identity(tag: str, element: etree._Element, limits: Limits) -> str:
    """What identifies an element among its like, from itself alone; empty if nothing does."""
    if tag in UNKEYED:
        return ""
    texts: dict[str, str] = {}
    for child in element:
        if not len(child) and child.text:
            texts.setdefault(_local(child.tag), child.text)
    alternatives = KEYS.get(tag)
    if alternatives is None:
        alternatives = tuple((name,) for name in EVERYWHERE)
    for parts in alternatives:
        if any(part in texts for part in parts):
            return shorten("|".join(normalise(texts.get(part, "")) for part in parts).rstrip("|"), limits)
    for attribute in ATTRIBUTES:
        if found := element.get(attribute):
            return shorten(normalise(found), limits)
    return ""


__all__ = ["is_metadata", "metadata_apart", "metadata_elements"]
