"""YAML as most of it is written: the entries of its outer mappings begin on lines of their own, and can be read alone.

From one version of a file to the next nearly all of these entries are the same text. A text that parses by itself as
entries of a block mapping says the same between others that do, if each begins in the same column: what an entry leaves
open, a string or a bracket, does not parse, and what goes on below it is indented deeper. So a version is known by
cutting it up, without being parsed again.
"""

from __future__ import annotations

import re
import string
from typing import NamedTuple


class Piece(NamedTuple):
    """Entries of a mapping: the keys of what they stand in, the column in which they begin, and the text."""

    inside: tuple[str, ...]
    column: int
    text: str


def cut_up(text: str) -> list[Piece] | None:
    """A YAML text in pieces; None of one that is written otherwise.

    Parameters
    ----------
    text : str
        The text. Whether each piece is entries in its column has yet to be asked.
    """
    if _ODD_CHARACTERS.search(text):
        return None
    begin = _START.match(text)
    body = text[begin.end() :] if begin is not None else text
    outer = None if _DOCUMENTS.search(body) else _entries(body, 0)
    if outer is None:
        return None
    pieces = []
    for entry in outer:
        alone = _BARE.match(entry)
        below = entry[alone.end() :] if alone is not None else ""
        column = len(first[1]) if (first := _FIRST.match(below)) else 0
        inner = _entries(below, column) if column else None
        if alone is None or inner is None:
            pieces.append(Piece((), 0, entry))
        else:
            pieces += [Piece((alone[1],), column, each) for each in inner]
    return pieces


def _entries(text: str, column: int) -> list[str] | None:
    """A text cut where keys seem to begin in a column; None where something else does, or stands before them."""
    # A list below a key may begin in the key's column, with hyphens.
    above, *entries = re.split(rf"\n(?= {{{column}}}[^ \n#-])", f"\n{text}")
    # A value may begin in the column of its key, with a sign before it.
    if not entries or not _SILENT.fullmatch(f"{above}\n") or not all(each[column] in _KEYS for each in entries):
        return None
    return [*(f"{each}\n" for each in entries[:-1]), entries[-1]]


_KEYS = frozenset(f"{string.ascii_letters}{string.digits}_'\"/.$<")
"""What the keys begin with of which a text is cut up."""
_START = re.compile(r"---[ ]*\n")
_DOCUMENTS = re.compile(r"^(?:---|\.\.\.|%)", re.MULTILINE)
_ODD_CHARACTERS = re.compile("[^\t\n -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""What is no character of YAML, or another end of a line, or of another width."""
_BARE = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_-]{0,99}):[ ]*\n")
_FIRST = re.compile(r"(?:[ ]*(?:#[^\n]*)?\n)*([ ]*)[^ #\n-]")
_SILENT = re.compile(r"(?:[ ]*(?:#[^\n]*)?\n)*")


__all__ = ["Piece", "cut_up"]
