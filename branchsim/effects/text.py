"""Text: which bytes are text, in which encoding, and the lines that mean something."""

from __future__ import annotations

import codecs
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import AnyStr

_SNIFFED = 8000  # as much as git looks at
_WORD = re.compile(r"\w")
_SHORT = 500

MARKS = ("<<<<<<< ", ">>>>>>> ")
"""What begins and ends a conflict, as git writes it into a file."""


class TextError(Exception):
    """Bytes with the mark of an encoding are not text in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is too large to be read in detail.

    Attributes
    ----------
    text : int
        Bytes above which a file is compared as a whole.
    structured : int
        Bytes above which a structured file is read as lines.
    value : int
        Characters above which a line or value is cut; its digest stands for the rest.
    depth : int
        Nesting above which a structured file is read as lines.
    elements : int
        Elements above which a structured file is read as lines.
    word_characters : int
        A line with fewer word characters is no unit.
    """

    text: int = 16 * 1024 * 1024
    structured: int = 4 * 1024 * 1024
    value: int = 2000
    depth: int = 200
    elements: int = 200_000
    word_characters: int = 3


def is_binary(content: bytes) -> bool:
    """Whether it is binary: a NUL among the first bytes, as for git; but UTF-16 and UTF-32 with their mark are text."""
    return content.find(b"\0", 0, _SNIFFED) >= 0 and not content.startswith(
        (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
    )


def decode(content: bytes) -> tuple[str, str]:
    """Text and its encoding: by its mark, else UTF-8, else Latin-1, which fits any bytes.

    Raises
    ------
    TextError
        The mark of UTF-16 or UTF-32 is there, and the rest is not that.
    """
    marked = None
    if content.startswith(codecs.BOM_UTF8):
        marked = "utf-8-sig"
    elif content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)) and len(content) % 4 == 0:
        marked = "utf-32"
    elif content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        marked = "utf-16"
    if marked is None or marked == "utf-8-sig":
        try:
            return content.decode(marked or "utf-8"), "utf-8"
        except UnicodeDecodeError:
            return content.decode("latin-1"), "latin-1"
    try:
        return content.decode(marked), marked
    except UnicodeDecodeError as error:
        raise TextError(f"the content has the mark of {marked} but is not ({error.reason})") from error


def split_lines(text: str) -> list[str]:
    """Lines, whichever of the three line ends is used, without the ends."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.split("\n")


def normalise(line: str) -> str:
    """A line without indentation, and with one space wherever there is white space."""
    return " ".join(line.split())


def normalised(line: str) -> str:
    """The same as `normalise`, remembered: the versions of a file have most of their lines in common."""
    return _remembered(line) if len(line) <= _SHORT else normalise(line)


@lru_cache(maxsize=65_536)
def _remembered(line: str) -> str:
    return normalise(line)


def shorten(text: str, limits: Limits) -> str:
    """The text, or if it is too long its beginning and a digest of all of it."""
    if len(text) <= limits.value:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{text[: limits.value // 10]}... ({len(text)} characters, sha256:{digest})"


def has_words(line: str, least: int) -> bool:
    """Whether a line holds enough word characters to mean something."""
    if least <= 0:
        return bool(line)
    return any(seen >= least for seen, _ in enumerate(_WORD.finditer(line), start=1))


def meaning_of(raw: str, limits: Limits) -> str | None:
    """A line, normalised: empty if there is nothing in it, None if it means nothing."""
    line = shorten(normalise(raw), limits)
    least = limits.word_characters
    if line.startswith(MARKS):
        return line  # it may name a branch in one letter
    # Most lines have enough letters at their start; the search through the rest is for the others.
    if not line or (len(line) >= least > 0 and line[:least].isalnum()) or has_words(line, least):
        return line
    return None


def alike_after(one: AnyStr, other: AnyStr, most: int) -> int:
    """How much two texts have in common at their start; not more than `most`."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def alike_before(one: AnyStr, other: AnyStr, most: int) -> int:
    """How much two texts have in common at their end; not more than `most`."""
    low, high = 0, most
    stop, end = len(one), len(other)
    while low < high:
        middle = (low + high + 1) // 2
        if one[stop - middle : stop - low] == other[end - middle : end - low]:
            low = middle
        else:
            high = middle - 1
    return low


__all__ = [
    "Limits",
    "TextError",
    "alike_after",
    "alike_before",
    "decode",
    "has_words",
    "is_binary",
    "meaning_of",
    "normalise",
    "normalised",
    "shorten",
    "split_lines",
]
