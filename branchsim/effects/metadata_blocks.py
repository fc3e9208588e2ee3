"""Metadata as tools write it: each element below the root begins on a line of its own, and can be read alone.

From one version of a file to the next nearly all of these elements are the same text. Whether a text is one whole
element is asked once; then a version is known by cutting it up, without being parsed.
"""

from __future__ import annotations

import functools
import os
import re
from typing import TYPE_CHECKING, NamedTuple

from branchsim.safe_xml import UnsafeXmlError, parse_xml

if TYPE_CHECKING:
    from collections.abc import Collection

    from lxml import etree

    from branchsim.effects.text import Limits


MOST_ATTRIBUTES = 1_000
"""An element with more is not read as one."""


class LaidOut(NamedTuple):
    """A file in pieces: its root's name, all up to the first element below it, and each of these as it is written."""

    name: str
    above: bytes
    blocks: list[bytes]

    def element(self, block: bytes) -> etree._Element:
        """An element below the root, parsed."""
        return parse_xml(b"%b%b\n</%b>" % (self.above, block, self.name.encode("ascii")))[0]


def laid_out(content: bytes, limits: Limits) -> LaidOut | None:
    """A metadata file in pieces; None of one that is written otherwise, that is malformed, or that is not read.

    Parameters
    ----------
    content : bytes
        The file.
    limits : Limits
        Its number of elements, and their depth.
    """
    head = _HEAD.match(content)
    if head is None or _DECLARED.search(content) or content.count(b"<") > limits.elements:
        return None
    above, name, indent = content[: head.start(2)], head[1], head[2]
    foot = re.search(rb"\n</%b>\s*\Z" % name, content[-_FOOT:])
    if foot is None:
        return None
    body = content[head.start(2) : max(0, len(content) - _FOOT) + foot.start()]
    blocks = re.split(rb"\n(?=%b<[^/!?])" % indent, body)
    found = LaidOut(name.decode("ascii"), above, blocks)
    sound = _SOUND.of(above, limits)
    new = set(blocks) - sound
    if new:
        # Their order is no matter, but the same history shall fail in the same way.
        if not _are_whole(found, sorted(new), limits):
            return None
        _SOUND.add(above, limits, new)
    return found


def _are_whole(found: LaidOut, blocks: Collection[bytes], limits: Limits) -> bool:
    """Whether each of some texts is one element below the root, and nothing but that.

    They are parsed at once, with a mark before and after each. Where all marks are found below the root, none is in a
    comment, a string or an element that a text leaves open; where one element is between two, each text is one.
    """
    mark = b"<%b/>" % _MARK
    below = b"\n".join([mark, *(part for block in blocks for part in (block, mark))])
    try:
        root = parse_xml(b"%b%b\n</%b>" % (found.above, below, found.name.encode("ascii")))
    except UnsafeXmlError:
        return False
    children = list(root)
    marks = [str(child.tag).endswith(_MARK.decode("ascii")) for child in children]
    loose = [root.text, *(child.tail for child in children)]
    return (
        marks == [True, *([False, True] * len(blocks))]
        and not any(text and text.strip() for text in loose)
        and not deeper(limits.depth)(root)
        and not crowded(root, below.count(b"="))
    )


@functools.cache
def deeper(depth: int) -> etree.XPath:
    """Asks whether elements nest deeper than that."""
    from lxml import etree

    return etree.XPath(f"boolean({'/*' * (depth + 1)})")


def crowded(root: etree._Element, signs: int) -> bool:
    """Whether an element has too many attributes; a text with few equals signs has none such.

    lxml looks for the value of each among all that come before it.
    """
    return signs > MOST_ATTRIBUTES and bool(_crowded()(root))


@functools.cache
def _crowded() -> etree.XPath:
    from lxml import etree

    return etree.XPath(f"boolean(//*[count(@*) > {MOST_ATTRIBUTES}])")


class _Sound:
    """Texts that are known to be one whole element each, by what stands above them; forgotten where they are many."""

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, Limits], set[bytes]] = {}
        self._size = 0

    def of(self, above: bytes, limits: Limits) -> set[bytes]:
        return self._known.get((above, limits), set())

    def add(self, above: bytes, limits: Limits, blocks: Collection[bytes]) -> None:
        self._size += sum(map(len, blocks)) + _EACH * len(blocks)
        if self._size > _KEPT:
            self._known.clear()
            self._size = 0
        self._known.setdefault((above, limits), set()).update(blocks)


_HEAD = re.compile(
    rb'<\?xml version="1\.0" encoding="UTF-8"\?>\n'
    rb'<([A-Za-z][A-Za-z0-9_]*) xmlns="http://soap\.sforce\.com/2006/04/metadata"(?: xmlns:[a-z]+="[^"<&]*")*>\n'
    rb"(?=[ \t]+<[^/!?])([ \t]+)"
)
_DECLARED = re.compile(rb"<!DOCTYPE|<!ENTITY")
_FOOT = 200
_MARK = b"mark-" + os.urandom(16).hex().encode("ascii")
"""No text of a repository can contain it: it is made up when the process starts."""
_EACH = 100
_KEPT = 32 * 1024 * 1024
_SOUND = _Sound()


__all__ = ["MOST_ATTRIBUTES", "LaidOut", "crowded", "deeper", "laid_out"]
