"""What one version of a file has that another has not, without making units of what both have.

A unit depends on its own text, or on its own element and the keys around it. So lines, and elements below the root of a
metadata file, that are the same in both versions need not be looked into: from one version to the next that is nearly
all of them.
"""

from __future__ import annotations

import codecs
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from branchsim.effects.metadata import is_metadata, metadata_difference
from branchsim.effects.structured import NotReadError
from branchsim.effects.text import decode, is_binary, meaning_of, split_lines
from branchsim.effects.units import DEFAULTS, Form, Options, Unit, Units, form_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from branchsim.effects.text import Limits

_T = TypeVar("_T")
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_POINTER = b"version http"


def difference(
    path: bytes,
    old: bytes,
    new: bytes,
    *,
    options: Options = DEFAULTS,
    known: dict[str, str | None] | None = None,
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
        Lines that were read before with these options, see `meaning_of`.

    Returns
    -------
    dict or None
        Units without a difference are left out. None where the files have to be read whole: other formats, other
        encodings, binary files.
    """
    form = form_of(path, "100644", options)
    if form not in (Form.LINES, Form.METADATA) or max(len(old), len(new)) > options.limits.structured:
        return None
    if any(text.startswith((*_MARKS, _POINTER)) or is_binary(text) for text in (old, new)):
        return None
    before, after = decode(old)[0], decode(new)[0]
    if form is Form.METADATA and (is_metadata(before) or is_metadata(after)):
        try:
            found = metadata_difference((old, before), (new, after), options.limits)
        except NotReadError:
            return None
        return {Unit("element", key, value): count for (key, value), count in found.items() if count}
    return _of_lines(before, after, options.limits, {} if known is None else known)


def _of_lines(before: str, after: str, limits: Limits, known: dict[str, str | None]) -> dict[Unit, int]:
    head, tail = alike(before, after)
    was = Counter(split_lines(before[head : len(before) - tail]))
    now = Counter(split_lines(after[head : len(after) - tail]))
    found: dict[Unit, int] = {}
    for raw, more in _less(now, was).items():
        line = meaning_of(raw, limits, known)
        if line:
            unit = Unit("line", (), line)
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
    found = {one: more for one, count in after.items() if (more := count - before.get(one, 0))}
    found.update((one, -count) for one, count in before.items() if one not in after)
    return found


def alike(one: str, other: str) -> tuple[int, int]:
    """How many characters two texts have in common at their start and at their end, in whole lines."""
    shortest = min(len(one), len(other))
    head = _common(one, other, shortest)
    if head == len(one) == len(other):
        return head, 0
    head = one.rfind("\n", 0, head) + 1
    tail = _common_end(one, other, shortest - head)
    start, stop = len(one) - tail, len(other) - tail
    if tail and not (_begins_line(one, start, head) and _begins_line(other, stop, head)):
        step = one.find("\n", start) + 1
        tail = len(one) - step if step else 0
    return head, tail


def _begins_line(text: str, at: int, head: int) -> bool:
    return at == head or text[at - 1 : at] == "\n"


def _common(one: str, other: str, most: int) -> int:
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_end(one: str, other: str, most: int) -> int:
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[len(one) - middle : len(one) - low] == other[len(other) - middle : len(other) - low]:
            low = middle
        else:
            high = middle - 1
    return low


__all__ = ["alike", "difference", "gained"]
