"""Tokens: what is left of a text without its layout, to tell a line that was wrapped from one that was lost."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from branchsim.effects.languages import Family, without_comment
from branchsim.effects.text import split_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from branchsim.effects.align import Place

_TOKEN = re.compile(r"\w+|[^\w\s]")
_WORD = re.compile(r"\w+")
_FEWEST_WORDS = 3
"""Fewer words stand in other lines by chance."""
_CLOSERS = frozenset(")]}")
_COMMA = "\x01,\x02"


@lru_cache(maxsize=65_536)
def tokens_of(line: str, family: Family | None = None) -> str:
    """The tokens of one line, in one kind of quotes, without the comment and the comma at its end."""
    return _joined(_drop_commas(_row(line, family))).removesuffix(_COMMA)


_OPEN_ENDS = tuple(f"\x01{token}\x02" for token in ")]},;")


def open_ended(tokens: str) -> str:
    """The tokens of one line without the brackets that it closes at its end: a list may go on there."""
    while tokens.endswith(_OPEN_ENDS):
        tokens = tokens[: tokens.rindex("\x01")]
    return tokens


def said_again(line: str, others: Iterable[str]) -> bool:
    """Whether another line has all the words of a line, as one has that joins what two sides made of it."""
    words = _words(line)
    return words.total() >= _FEWEST_WORDS and any(words <= _words(other) for other in others)


@lru_cache(maxsize=65_536)
def _words(line: str) -> Counter[str]:
    """How often each word stands in a line; the same lines are compared with many others."""
    return Counter(_WORD.findall(line))


def _row(line: str, family: Family | None) -> list[str]:
    return _TOKEN.findall(without_comment(line, family).replace("'", '"'))


def _drop_commas(tokens: Sequence[str]) -> list[str]:
    """The tokens without the commas that stand before a closing bracket."""
    following = [*tokens[1:], ""] if tokens else []
    return [one for one, after in zip(tokens, following, strict=True) if one != "," or after not in _CLOSERS]


def _joined(tokens: Sequence[str]) -> str:
    # Each token is wrapped, so that a search for some of them cannot match in the middle of one.
    return "".join(f"\x01{token}\x02" for token in tokens)


class Rows(dict[str, list[str]]):
    """The tokens of lines, each read once.

    Parameters
    ----------
    family : Family, optional
        How comments look.
    """

    def __init__(self, family: Family | None = None) -> None:
        super().__init__()
        self._family = family
        self._pieces: dict[tuple[str, bool], tuple[str, int]] = {}

    def __missing__(self, line: str) -> list[str]:
        row = self[line] = _row(line, self._family)
        return row

    def piece(self, line: str, *, closed: bool) -> tuple[str, int]:
        """A line as joined tokens, and how long that is without what may be left open at its end.

        Parameters
        ----------
        line : str
            A line that has tokens.
        closed : bool
            Whether the next token after it is a closing bracket.
        """
        key = line, closed
        found = self._pieces.get(key)
        if found is None:
            row = self[line]
            piece = _joined(_drop_commas([*row, ")"])[:-1] if closed else _drop_commas(row))
            found = self._pieces[key] = piece, len(open_ended(piece))
        return found


class TokenText:
    """A text as its tokens, which knows where its lines began and ended.

    Parameters
    ----------
    text : str
        The text.
    known : Rows, optional
        The lines of its language that were read before.
    """

    def __init__(self, text: str, known: Rows | None = None) -> None:
        known = Rows() if known is None else known
        lines = [(line, row[0]) for line in split_lines(text) if (row := known[line])]
        pieces: list[str] = []
        self._starts: set[int] = set()
        self._ends: set[int] = set()
        self._open_ends: set[int] = set()
        at = 0
        following = [first for _, first in lines[1:]]
        for (line, _), after in zip(lines, [*following, ""], strict=True):
            piece, bare = known.piece(line, closed=after in _CLOSERS)
            self._starts.add(at)
            self._open_ends.add(at + bare)
            at += len(piece)
            self._ends.add(at)
            if piece.endswith(_COMMA):
                self._ends.add(at - len(_COMMA))
            pieces.append(piece)
        self._text = "".join(pieces)

    def count(self, wanted: str, *, open_end: bool = False) -> int:
        """How often some tokens fill whole lines, be it one or several; the brackets at the end may be left open."""
        ends = self._open_ends if open_end else self._ends
        found = 0
        at = self._text.find(wanted) if wanted else -1
        while at >= 0:
            found += at in self._starts and at + len(wanted) in ends
            at = self._text.find(wanted, at + 1)
        return found


class Relaid:
    """Lines of two texts at places where the texts differ in layout only.

    Parameters
    ----------
    one, other : sequence of str
        The normalised lines of a side and of the result.
    differences : sequence of Place
        Where they differ.
    family : Family, optional
        How their comments look.
    """

    def __init__(
        self, one: Sequence[str], other: Sequence[str], differences: Sequence[Place], family: Family | None = None
    ) -> None:
        self.side: set[str] = set()
        self.result: set[str] = set()
        for place in differences:
            before, after = one[place.side_start : place.side_stop], other[place.start : place.stop]
            first, second = (
                _drop_commas([one for line in lines for one in _row(line, family)]) for lines in (before, after)
            )
            if first == second:
                self.side.update(before)
                self.result.update(after)


__all__ = ["Relaid", "Rows", "TokenText", "open_ended", "said_again", "tokens_of"]
