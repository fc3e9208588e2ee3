"""What one version of a file has that another has not, from the stretch alone in which they differ.

A unit depends on its own text, or on its own element and the keys around it. So where two versions begin and end alike,
the units of what is alike are the same, and only the stretch between has to be read. In a metadata file the stretch
is widened to whole elements below the root.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from typing import TYPE_CHECKING

from branchsim.effects.text import is_binary
from branchsim.effects.units import DEFAULTS, Form, Options, Unit, Units, form_of, units_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_POINTER = b"version http"
_CHILD = re.compile(rb"^    <(?=[A-Za-z_])", re.MULTILINE)
_END = re.compile(rb"^</[A-Za-z_][\w.:-]*>\s*\Z", re.MULTILINE)
_SPANS = ((b"<!--", b"-->"), (b"<![CDATA[", b"]]>"))
_NAMESPACE = b"soap.sforce.com"
_SNIFFED = 8192


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
        Lines that were read before with these options, see `lines_of`.

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
    head, tail = alike(old, new)
    if form is Form.METADATA and _NAMESPACE in old[:_SNIFFED] and _NAMESPACE in new[:_SNIFFED]:
        cut = _whole_elements(old, head, tail)
        if cut is None:
            return None
        head, tail, top, bottom = cut
    else:
        form, top, bottom = Form.LINES, b"", b""
    before, after = old[head : len(old) - tail], new[head : len(new) - tail]
    # How a byte beyond ASCII is read depends on the rest of the file.
    if not before.isascii() or not after.isascii():
        return None
    was, now = (
        units_of(path, top + text + bottom, form=form, options=options, known=known) for text in (before, after)
    )
    if was.form is not form or now.form is not form:
        return None
    return gained(was, now)


def gained(was: Units, now: Units) -> dict[Unit, int]:
    """How many copies of each unit one version has more than another, negative for fewer.

    Raises
    ------
    UnknownContentError
        One of the versions could not be read.
    """
    before, after = was.require_known(), now.require_known()
    return _less(after, before)


def _less(after: Counter[Unit], before: Mapping[Unit, int]) -> dict[Unit, int]:
    found = {unit: more for unit, count in after.items() if (more := count - before.get(unit, 0))}
    found.update((unit, -count) for unit, count in before.items() if unit not in after)
    return found


def alike(one: bytes, other: bytes) -> tuple[int, int]:
    """How many bytes two texts have in common at their start and at their end, in whole lines."""
    shortest = min(len(one), len(other))
    head = _common(one, other, shortest)
    if head == len(one) == len(other):
        return head, 0
    head = one.rfind(b"\n", 0, head) + 1
    tail = _common_end(one, other, shortest - head)
    start, stop = len(one) - tail, len(other) - tail
    if tail and not (_begins_line(one, start, head) and _begins_line(other, stop, head)):
        step = one.find(b"\n", start) + 1
        tail = len(one) - step if step else 0
    return head, tail


def _begins_line(text: bytes, at: int, head: int) -> bool:
    return at == head or text[at - 1 : at] == b"\n"


def _common(one: bytes, other: bytes, most: int) -> int:
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_end(one: bytes, other: bytes, most: int) -> int:
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[len(one) - middle : len(one) - low] == other[len(other) - middle : len(other) - low]:
            low = middle
        else:
            high = middle - 1
    return low


def _whole_elements(old: bytes, head: int, tail: int) -> tuple[int, int, bytes, bytes] | None:
    """The stretch widened to elements below the root, with what opens and closes the file; None if that fails."""
    first = _CHILD.search(old, 0, head)
    end = _END.search(old, len(old) - tail)
    if first is None or end is None:
        return None
    top, bottom = old[: first.start()], old[end.start() :]
    # Back to where an element begins, and on to where the next one does or the file ends.
    start = max(old.rfind(b"\n    <", 0, head), 0) + 1
    while start > first.start() and old[start + 5 : start + 6] in {b"/", b"!", b"?"}:
        start = max(old.rfind(b"\n    <", 0, start - 1), 0) + 1
    start = max(start, first.start())
    following = _CHILD.search(old, len(old) - tail)
    stop = following.start() if following is not None else end.start()
    if any(old.count(opens, 0, start) != old.count(closes, 0, start) for opens, closes in _SPANS):
        return None
    return start, len(old) - stop, top, bottom


__all__ = ["alike", "difference", "gained"]
