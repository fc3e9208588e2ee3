"""What one version of a file has that another has not, without making units of what both have.

A unit depends on its own text, or on its own element and the keys around it. So lines, elements below the root of a
metadata file, and entries of the outer mappings of a YAML file that are the same in both versions need not be looked
into: from one version to the next that is nearly all of them.
"""

from __future__ import annotations

import codecs
import functools
import operator
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from branchsim.effects.metadata import is_metadata, metadata_apart
from branchsim.effects.structured import NotReadError, yaml_apart
from branchsim.effects.text import alike_after, alike_before, decode, is_binary, normalise, shorten, split_lines
from branchsim.effects.units import DEFAULTS, Form, KnownLines, Options, Unit, Units, form_of, line_unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from branchsim.effects.structured import Elements, KnownParts
    from branchsim.effects.text import Limits

_T = TypeVar("_T", Unit, str)
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_POINTER = b"version http"


def difference(
    path: bytes,
    old: bytes,
    new: bytes,
    *,
    options: Options = DEFAULTS,
    known: KnownLines | None = None,
    parts: KnownParts | None = None,
) -> dict[Unit, int] | None:
    """How many copies of each unit a plain file gained, negative for lost ones.

    Parameters
    ----------
    path : bytes
        Its path; only the end of its name matters.
    old, new : bytes
        Its content in two versions, both of a regular file.
    options : Options
        Limits and list keys.
    known : dict, optional
        Lines that were read before with these options, see `line_unit`.
    parts : dict, optional
        Parts of structured files that were read before with these options, see `KnownParts`.

    Returns
    -------
    dict or None
        Units without a difference are left out. None where the files have to be read whole: other formats, other
        encodings, binary files.
    """
    texts = _plain(path, [old, new], options)
    if texts is None:
        return None
    try:
        elements = _elements(path, [old, new], texts, options, parts)
    except NotReadError:
        return None
    if elements is not None:
        before, after = elements
        after.subtract(before)
        return {Unit("element", key, value): count for (key, value), count in after.items() if count}
    return _of_lines(texts[0], texts[1], options.limits, {} if known is None else known)


def spaceless_difference(path: bytes, old: bytes, new: bytes) -> dict[Unit | str, int] | None:
    """The same as `difference` for a file of lines, by lines without their white space.

    Lines that mean nothing are among them. None also for metadata and YAML.
    """
    texts = _plain(path, [old, new], DEFAULTS)
    if texts is None or _is_structured(path, texts, DEFAULTS):
        return None
    was, now = (Counter(split_lines(text)) for text in _middles(*texts))
    limits = DEFAULTS.limits
    found: dict[Unit | str, int] = {}
    for raw, more in _less(now, was).items():
        short = len(raw) <= limits.value
        line = "".join(raw.split()) if short else spaceless(shorten(normalise(raw), limits))
        found[line] = found.get(line, 0) + more
    return found


def spaceless(line: str) -> str:
    """A normalised line without its white space."""
    return line.replace(" ", "")


def _plain(path: bytes, contents: Sequence[bytes], options: Options) -> list[str] | None:
    """Contents as texts; None where they have to be read whole."""
    if form_of(path, "100644", options) not in (Form.LINES, Form.METADATA, Form.YAML):
        return None
    for content in contents:
        if len(content) > options.limits.structured or content.startswith((*_MARKS, _POINTER)) or is_binary(content):
            return None
    return [decode(content)[0] for content in contents]


def _is_structured(path: bytes, texts: Sequence[str], options: Options) -> bool:
    form = form_of(path, "100644", options)
    return form is Form.YAML or (form is Form.METADATA and any(map(is_metadata, texts)))


def _elements(
    path: bytes, contents: Sequence[bytes], texts: Sequence[str], options: Options, parts: KnownParts | None
) -> list[Elements] | None:
    """For each version of a structured file its elements, without most that all have; None of a file of lines.

    Raises
    ------
    NotReadError
        One of the versions has to be read whole.
    """
    if not _is_structured(path, texts, options):
        return None
    if form_of(path, "100644", options) is Form.YAML:
        return yaml_apart(texts, options, {} if parts is None else parts)
    return metadata_apart(list(zip(contents, texts, strict=True)), options.limits)


def compared(
    path: bytes,
    contents: Sequence[bytes],
    *,
    options: Options = DEFAULTS,
    known: KnownLines | None = None,
    parts: KnownParts | None = None,
) -> list[Units] | None:
    """Several versions of a plain file of one mode, without the copies of units that all of them have.

    `judge` says of these what it says of the whole versions: it weighs copies against one another.

    Parameters
    ----------
    path : bytes
        Its path; only the end of its name matters.
    contents : sequence of bytes
        Its content in each version.
    options, known, parts
        As for `difference`.

    Returns
    -------
    list of Units or None
        In the order of the contents; None where the versions have to be read whole.
    """
    texts = _plain(path, contents, options)
    if texts is None:
        return None
    try:
        elements = _elements(path, contents, texts, options, parts)
    except NotReadError:
        return None
    if elements is not None:
        fewest, form = functools.reduce(operator.and_, elements), form_of(path, "100644", options)
        return [
            Units(Counter({Unit("element", *pair): count for pair, count in (own - fewest).items()}), form)
            for own in elements
        ]
    first = texts[0]
    lines = {} if known is None else known
    changes = [{} if text == first else _of_lines(first, text, options.limits, lines) for text in texts]
    counts = [Counter[Unit]() for _ in contents]
    for unit in dict.fromkeys(unit for change in changes for unit in change):
        copies = [change.get(unit, 0) for change in changes]
        least = min(copies)
        for own, each in zip(counts, copies, strict=True):
            if each > least:
                own[unit] = each - least
    return [Units(own, Form.LINES) for own in counts]


def is_merged(path: bytes, contents: Sequence[bytes], *, known: KnownLines) -> bool:
    """Whether a plain file of lines gained in a merge, on one side, just the units that the other side had gained.

    Then nothing is lost: the table finds each copy of either side. False says nothing.

    Parameters
    ----------
    path : bytes
        Its path; only the end of its name matters.
    contents : sequence of bytes
        Its content in the base, on both sides, and in the result.
    known : dict
        As for `difference`.
    """
    texts = _plain(path, contents, DEFAULTS)
    if texts is None or form_of(path) is not Form.LINES:
        return False
    base, target, source, merged = texts
    own, other = _middles(base, target), _middles(base, source)
    # Whoever changed less is quicker to compare.
    change, landed = (other, _middles(target, merged)) if _size(other) < _size(own) else (own, _middles(source, merged))
    if change == landed:
        return True
    one, two = (_less(Counter(split_lines(after)), Counter(split_lines(before))) for before, after in (change, landed))
    return one == two or _meant(one, DEFAULTS.limits, known) == _meant(two, DEFAULTS.limits, known)


def _middles(before: str, after: str) -> tuple[str, str]:
    """Where two texts differ, in whole lines."""
    head, tail = alike(before, after)
    return before[head : len(before) - tail], after[head : len(after) - tail]


def _size(middles: tuple[str, str]) -> int:
    return len(middles[0]) + len(middles[1])


def _of_lines(before: str, after: str, limits: Limits, known: KnownLines) -> dict[Unit, int]:
    was, now = (Counter(split_lines(text)) for text in _middles(before, after))
    return _meant(_less(now, was), limits, known)


def _meant(changes: Mapping[str, int], limits: Limits, known: KnownLines) -> dict[Unit, int]:
    """What changes of raw lines are to units."""
    found: dict[Unit, int] = {}
    for raw, more in changes.items():
        unit = line_unit(raw, limits, known)
        if unit:
            found[unit] = found.get(unit, 0) + more
    return {unit: more for unit, more in found.items() if more}


def gained(was: Units, now: Units) -> dict[Unit, int]:
    """How many copies of each unit one version has more than another, negative for fewer.

    Raises
    ------
    UnknownContentError
        One of the versions could not be read.
    """
    before, after = was.require_known(), now.require_known()
    return _less(after, before)


def _less(after: Mapping[_T, int], before: Mapping[_T, int]) -> dict[_T, int]:
    # Nearly all stands in both, and a set knows that faster; its order is not the same in every process.
    differ = sorted({one for one, _ in after.items() ^ before.items()})
    return {one: after.get(one, 0) - before.get(one, 0) for one in differ}


def alike(one: str, other: str) -> tuple[int, int]:
    """How many characters two texts have in common at their start and at their end, in whole lines."""
    shortest = min(len(one), len(other))
    head = alike_after(one, other, shortest)
    if head == len(one) == len(other):
        return head, 0
    head = one.rfind("\n", 0, head) + 1
    tail = alike_before(one, other, shortest - head)
    start, stop = len(one) - tail, len(other) - tail
    if tail and not (_begins_line(one, start, head) and _begins_line(other, stop, head)):
        step = one.find("\n", start) + 1
        tail = len(one) - step if step else 0
    return head, tail


def apart(texts: Sequence[str], margin: int) -> list[str]:
    """Several texts without the lines that all of them begin and end with, but for some beside where they differ.

    Parameters
    ----------
    texts : sequence of str
        The texts.
    margin : int
        How many of those lines stay at either end.
    """
    first = texts[0]
    ends = [alike(first, other) for other in texts if other != first]
    if not ends:
        return list(texts)
    start, tail = (min(each) for each in zip(*ends, strict=True))
    stop = len(first) - tail
    for _ in range(margin):
        start = first.rfind("\n", 0, max(0, start - 1)) + 1
        stop = (first.find("\n", stop) + 1 or len(first)) if stop < len(first) else stop
    tail = len(first) - stop
    return [text[start : len(text) - tail] for text in texts]


def _begins_line(text: str, at: int, head: int) -> bool:
    return at == head or text[at - 1 : at] == "\n"


__all__ = ["alike", "apart", "compared", "difference", "gained", "is_merged", "spaceless", "spaceless_difference"]
