"""Texts cut into keyed blocks: methods of a class, elements of metadata, and the lines between them.

A person who solves a conflict sees methods and elements, not lines. So do the samples: `keep_both` is the careful
resolution that loses nothing of either side.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

Key = tuple[str, str, int]
"""What kind of block, what it is called, and its place among blocks of one name."""

Block = tuple[Key, str]

_METHOD = re.compile(r"    (?:public|private) static .*?(\w+)\(")
_ELEMENT = re.compile(
    r"(\s*)<(fieldPermissions|classAccesses|objectPermissions|tabSettings|tabVisibilities|layoutAssignments|layoutItems"
    r"|decisions|recordUpdates|recordLookups|formulas)>$"
)
_NAMES = re.compile(r"<(?:field|name|apexClass|object|tab|layout)>(.*?)</")


def blocks(text: str) -> list[Block]:
    """Cut a text into blocks; joined again they are the text."""
    found: list[tuple[str, str, list[str]]] = []
    closing: str | None = None
    for line in text.splitlines(keepends=True):
        if closing is not None:
            found[-1][2].append(line)
            if line.rstrip("\n") == closing:
                closing = None
            continue
        method, element = _METHOD.match(line), _ELEMENT.match(line.rstrip("\n"))
        if method is not None:
            found.append(("method", method[1], [line]))
            closing = "    }"
        elif element is not None:
            found.append((element[2], "", [line]))
            closing = f"{element[1]}</{element[2]}>"
        else:
            found.append(("line", line, [line]))
    seen: Counter[tuple[str, str]] = Counter()
    done = []
    for kind, given, lines in found:
        whole = "".join(lines)
        named = _NAMES.search(whole) if kind not in {"line", "method"} else None
        name = named[1] if named else given
        seen[kind, name] += 1
        done.append(((kind, name, seen[kind, name]), whole))
    return done


def joined(parts: Sequence[Block]) -> str:
    """The text that blocks make."""
    return "".join(text for _, text in parts)


def block_of(text: str, name: str) -> str:
    """The block of a name.

    Raises
    ------
    KeyError
        There is none.
    """
    for key, block in blocks(text):
        if key[1] == name and key[0] != "line":
            return block
    raise KeyError(name)


def changed(text: str, name: str, change: Callable[[str], str]) -> str:
    """The text with one block changed; an empty result removes it.

    Raises
    ------
    KeyError
        There is no block of that name.
    """
    block_of(text, name)
    return "".join(change(block) if key[1] == name and key[0] != "line" else block for key, block in blocks(text))


def keep_both(base: str, ours: str, theirs: str, *, favour_theirs: bool = False, order_theirs: bool = False) -> str:
    """Merge block by block: what only one side changed is that side's, new blocks of both stay.

    Parameters
    ----------
    favour_theirs : bool
        Which side a block is taken from that both changed.
    order_theirs : bool
        Whose order of blocks is kept.
    """
    old = dict(blocks(base))
    mine, yours = dict(blocks(ours)), dict(blocks(theirs))

    def settled(key: Key) -> str | None:
        b, o, t = old.get(key), mine.get(key), yours.get(key)
        if t in (o, b):
            return o
        if o == b:
            return t
        return t if favour_theirs else o

    first, second = (theirs, ours) if order_theirs else (ours, theirs)
    order = [key for key, _ in blocks(first)]
    known = set(order)
    before: Key | None = None
    for key, _ in blocks(second):
        if key not in known:
            order.insert(order.index(before) + 1 if before in known and before is not None else 0, key)
            known.add(key)
        before = key
    return "".join(text for key in order if (text := settled(key)) is not None)


__all__ = ["Block", "Key", "block_of", "blocks", "changed", "joined", "keep_both"]
