"""Tokens: what is left of a text without its layout, to tell a line that was wrapped from one that was lost."""

from __future__ import annotations

import re
from collections import Counter
from functools import cached_property, lru_cache
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


class Rows(dict[str, str]):
    """The first token of each line, empty where it has none, and its tokens as a piece of a text; each is read once.

    Parameters
    ----------
    family : Family, optional
        How comments look.
    """

    def __init__(self, family: Family | None = None) -> None:
        super().__init__()
        self._family = family
        self._open: dict[str, tuple[str, int]] = {}
        self._closed: dict[str, tuple[str, int]] = {}

    def __missing__(self, line: str) -> str:
        row = _row(line, self._family)
        first = self[line] = row[0] if row else ""
        if row:
            self._open[line] = _piece(_drop_commas(row))
        return first

    def piece(self, line: str, *, closed: bool) -> tuple[str, int]:
        """A line as joined tokens, and how long that is without what may be left open at its end.

        Parameters
        ----------
        line : str
            A line that has tokens, of which the first was asked for.
        closed : bool
            Whether the next token after it is a closing bracket.
        """
        if not closed:
            return self._open[line]
        found = self._closed.get(line)
        if found is None:
            found = self._closed[line] = _piece(_drop_commas([*_row(line, self._family), ")"])[:-1])
        return found


def _piece(tokens: Sequence[str]) -> tuple[str, int]:
    piece = _joined(tokens)
    return piece, len(open_ended(piece))


def rows_of(family: Family | None) -> Rows:
    """The lines of a family of languages that were read before: the same files are asked for again and again."""
    known = _ROWS.get(family)
    if known is None or len(known) > _KNOWN:
        known = _ROWS[family] = Rows(family)
    return known


_KNOWN = 20_000
_ROWS: dict[Family | None, Rows] = {}


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
        lines = [line for line in split_lines(text) if known[line]]
        following = [known[line] in _CLOSERS for line in lines[1:]]
        self._pieces = [
            known.piece(line, closed=after) for line, after in zip(lines, [*following, False], strict=False)
        ]
        self._text = "".join([piece for piece, _ in self._pieces])

    @cached_property
    def _places(self) -> tuple[set[int], set[int], set[int]]:
        """Where lines began, where they ended, and where they did without the brackets at their end."""
        starts, ends, open_ends = set(), set(), set()
        at = 0
        for piece, bare in self._pieces:
            starts.add(at)
            open_ends.add(at + bare)
            at += len(piece)
            ends.add(at)
            if piece.endswith(_COMMA):
                ends.add(at - len(_COMMA))
        return starts, ends, open_ends

    def count(self, wanted: str, *, open_end: bool = False) -> int:
        """How often some tokens fill whole lines, be it one or several; the brackets at the end may be left open."""
        found = 0
        at = self._text.find(wanted) if wanted else -1
        while at >= 0:
            starts, ends, open_ends = self._places
            found += at in starts and at + len(wanted) in (open_ends if open_end else ends)
            at = self._text.find(wanted, at + 1)
        return found

    def anywhere(self, wanted: str) -> int:
        """How often some tokens stand there one after the other, on whole lines or within one."""
        return self._text.count(wanted) if wanted else 0


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


__all__ = ["Relaid", "Rows", "TokenText", "open_ended", "rows_of", "said_again", "tokens_of"]
