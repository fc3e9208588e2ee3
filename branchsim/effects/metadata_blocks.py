"""Metadata as tools write it: the elements below the root begin on lines of their own, and can be read alone.

From one version of a file to the next nearly all of these elements are the same text. Whether a text is whole elements
is asked once; then a version is known by cutting it up, without being parsed. Of several versions only that is cut up
which stands between what all of them begin and end with.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import os
import re
from typing import TYPE_CHECKING, NamedTuple

from branchsim.effects.text import alike_after, alike_before
from branchsim.safe_xml import UnsafeXmlError, parse_xml

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from lxml import etree

    from branchsim.effects.text import Limits


MOST_ATTRIBUTES = 1_000
"""An element with more is not read as one."""


class LaidOut(NamedTuple):
    """A file in pieces: its root's name, all up to the first element below it, and its elements as they are written.

    A piece is one element, with those after it that do not begin as the first of all does: they may be indented
    otherwise, or be of other names.
    """

    name: str
    above: bytes
    blocks: list[bytes]

    def elements(self, blocks: Sequence[bytes]) -> list[list[etree._Element]]:
        """The elements of some pieces, parsed at once."""
        children = list(self.marked(blocks))
        marks = _marks(children)
        return [children[one + 1 : other] for one, other in itertools.pairwise(marks)]

    def marked(self, blocks: Collection[bytes]) -> etree._Element:
        """A root with some pieces, a mark before and after each."""
        mark = b"<%b/>" % _MARK
        below = b"\n".join([mark, *(part for block in blocks for part in (block, mark))])
        return parse_xml(b"%b%b\n</%b>" % (self.above, below, self.name.encode("ascii")))


def laid_out(content: bytes, limits: Limits) -> LaidOut | None:
    """A metadata file in pieces; None of one that is written otherwise, that is malformed, or that is not read.

    Parameters
    ----------
    content : bytes
        The file.
    limits : Limits
        Its number of elements, and their depth.
    """
    looks = _frame(content, limits)
    for frame in () if looks is None else _ways(content, looks):
        found = frame.pieces(content, frame.start, frame.stop)
        if _is_sound(found, limits):
            _KNOWN.add(content, limits, frame)
            return found
    return None


def laid_out_apart(contents: Sequence[bytes], limits: Limits) -> list[LaidOut] | None:
    """Versions of a metadata file in pieces, without pieces that all of them begin and end with.

    Parameters
    ----------
    contents : sequence of bytes
        The file in each version.
    limits : Limits
        As for `laid_out`.

    Returns
    -------
    list of LaidOut or None
        In the order of the contents; None where one of them is not laid out, or not under the same beginning.
    """
    first = contents[0]
    known = [_KNOWN.of(content, limits) for content in contents]
    frames = [
        frame
        for content, known_frame in zip(contents, known, strict=True)
        if (frame := known_frame or _frame(content, limits)) is not None
    ]
    if len(frames) < len(contents) or not all(content.startswith(first[: frames[0].start]) for content in contents):
        return None
    # What a sound version begins and ends with is sound wherever it stands.
    sound = next(filter(None, known), None)
    if sound is None and laid_out(first, limits) is not None:
        sound = _KNOWN.of(first, limits)
    if sound is None:
        return None
    others = [content for content in contents if content != first]
    shortest = min(map(len, contents))
    head = min((alike_after(first, other, shortest) for other in others), default=shortest)
    foot = min((alike_before(first, other, shortest - head) for other in others), default=0)
    for own in _ways(first, frames[0]._replace(begins=sound.begins)):
        start, stop = own.last(first, head), own.next(first, len(first) - foot)
        found = [
            own.pieces(content, start, frame.stop if stop is None else len(content) - len(first) + stop)
            for content, frame in zip(contents, frames, strict=True)
        ]
        if all(_is_sound(pieces, limits) for pieces in found):
            for content, frame in zip(contents, frames, strict=True):
                _KNOWN.add(content, limits, frame._replace(begins=own.begins))
            return found
    return None


class _Frame(NamedTuple):
    """Where a file that may be laid out has its elements: from the first one's line to the end of the last one.

    Attributes
    ----------
    name : bytes
        The root's name.
    begins : bytes
        What each piece begins with.
    start, stop : int
        The places.
    """

    name: bytes
    begins: bytes
    start: int
    stop: int

    def pieces(self, content: bytes, start: int, stop: int) -> LaidOut:
        """What is between two places where pieces begin or end."""
        blocks = _beginning(self.begins).split(content[start:stop])
        return LaidOut(self.name.decode("ascii"), content[: self.start], blocks)

    def last(self, content: bytes, before: int) -> int:
        """Where the last piece begins whose beginning is before a place; the first one if there is none."""
        mark = b"\n" + self.begins
        at = content.rfind(mark, self.start, before - 1)
        while at >= 0 and not _beginning(self.begins).match(content, at):
            at = content.rfind(mark, self.start, at)
        return at + 1 if at >= 0 else self.start

    def next(self, content: bytes, after: int) -> int | None:
        """Where the line ends after which the next piece begins; None where none does."""
        found = _beginning(self.begins).search(content, after, self.stop)
        return None if found is None else found.start()


@functools.lru_cache(maxsize=256)
def _beginning(begins: bytes) -> re.Pattern[bytes]:
    """The end of the line before a piece."""
    after = rb"[^/!?]" if begins.endswith(b"<") else rb"[\s/>]"
    return re.compile(rb"\n(?=%b%b)" % (re.escape(begins), after))


def _ways(content: bytes, frame: _Frame) -> Iterator[_Frame]:
    """The ways in which a file may be cut up: as told, and where elements of the first one's name begin.

    What can be cut up in the first way can in the second.
    """
    yield frame
    tag = _TAG.match(content, frame.start)
    if tag is not None and tag[0] != frame.begins:
        yield frame._replace(begins=tag[0])


def _frame(content: bytes, limits: Limits) -> _Frame | None:
    """Where a file has its elements, if it looks as if it were laid out."""
    head = _HEAD.match(content)
    if head is None or content.count(b"<") > limits.elements or any(each in content for each in _DECLARED):
        return None
    foot = re.search(rb"\n</%b>\s*\Z" % head[1], content[-_FOOT:])
    if foot is None:
        return None
    stop = max(0, len(content) - _FOOT) + foot.start()
    return _Frame(head[1], head[2], head.start(2), stop) if stop > head.start(2) else None


def _is_sound(found: LaidOut, limits: Limits) -> bool:
    """Whether each piece is whole elements."""
    new = set(found.blocks) - _SOUND.of(found.above, limits)
    # Their order is no matter, but the same history shall fail in the same way.
    if new and not _are_whole(found, sorted(new), limits):
        return False
    _SOUND.add(found.above, limits, new)
    return True


def _are_whole(found: LaidOut, blocks: Collection[bytes], limits: Limits) -> bool:
    """Whether each of some texts is elements below the root, and nothing but that.

    They are parsed at once, with a mark before and after each. Where all marks are found below the root, none is in a
    comment, a string or an element that a text leaves open; where there are elements between each two, each text is
    whole.
    """
    try:
        root = found.marked(blocks)
    except UnsafeXmlError:
        return False
    children = list(root)
    marks = _marks(children)
    loose = [root.text, *(child.tail for child in children)]
    return (
        len(marks) == len(blocks) + 1
        and marks[0] == 0
        and marks[-1] == len(children) - 1
        and all(later - earlier > 1 for earlier, later in itertools.pairwise(marks))
        and not any(text and text.strip() for text in loose)
        and not deeper(limits.depth)(root)
        and not crowded(root, sum(block.count(b"=") for block in blocks))
    )


def _marks(children: Sequence[etree._Element]) -> list[int]:
    """The places of the marks among the elements below a root."""
    mark = _MARK.decode("ascii")
    return [at for at, child in enumerate(children) if str(child.tag).endswith(mark)]


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
    """Texts that are known to be whole elements, by what stands above them; forgotten where they are many."""

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


class _Known:
    """Where contents that are laid out have their elements, by their digests; forgotten where they are many."""

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, Limits], _Frame] = {}

    def of(self, content: bytes, limits: Limits) -> _Frame | None:
        return self._known.get((_digest(content), limits))

    def add(self, content: bytes, limits: Limits, frame: _Frame) -> None:
        if len(self._known) > _CONTENTS:
            self._known.clear()
        self._known[_digest(content), limits] = frame


@functools.lru_cache(maxsize=8)
def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=20).digest()


_HEAD = re.compile(
    rb'<\?xml version="1\.0" encoding="UTF-8"\?>\s*'
    rb'<([A-Za-z][A-Za-z0-9_]{0,99}) xmlns="http://soap\.sforce\.com/2006/04/metadata"(?: xmlns:[a-z]+="[^"<&]*")*>'
    rb"[ \t\r]*\n([ \t]+<)(?=[^/!?])"
)
_TAG = re.compile(rb"[ \t]+<[A-Za-z_][A-Za-z0-9_]*(?=[\s/>])")
_DECLARED = (b"<!DOCTYPE", b"<!ENTITY")
_FOOT = 200
_MARK = b"mark-" + os.urandom(16).hex().encode("ascii")
"""No text of a repository can contain it: it is made up when the process starts."""
_EACH = 100
_KEPT = 32 * 1024 * 1024
_CONTENTS = 100_000
_SOUND = _Sound()
_KNOWN = _Known()


__all__ = ["MOST_ATTRIBUTES", "LaidOut", "crowded", "deeper", "laid_out", "laid_out_apart"]
