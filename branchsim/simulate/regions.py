"""Conflict regions: what stands between the markers that git writes into a file it could not merge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from branchsim.names import Sha


@dataclass(frozen=True, slots=True)
class Region:
    """One conflict region.

    Attributes
    ----------
    start, end : int
        The first line with its marker, and the line after the last marker; from 0.
    ours, theirs : tuple of bytes or None
        The lines of each side with their ends; None where the separator cannot be told from lines of the file.
    """

    start: int
    end: int
    ours: tuple[bytes, ...] | None
    theirs: tuple[bytes, ...] | None


def regions(content: bytes, ours: Sha, theirs: Sha) -> list[Region]:
    """The conflict regions of a file.

    Parameters
    ----------
    content : bytes
        The file as ``merge-tree`` wrote it.
    ours, theirs : Sha
        What git calls the sides after its markers. Markers with other names are lines of the file itself.
    """
    opens, closes = b"<<<<<<< " + ours.encode("ascii"), b">>>>>>> " + theirs.encode("ascii")
    lines = split_lines(content)
    found: list[Region] = []
    start: int | None = None
    for number, line in enumerate(lines):
        if start is None and _is(line, opens):
            start = number
        elif start is not None and _is(line, closes):
            inner = lines[start + 1 : number]
            middles = [place for place, text in enumerate(inner) if text.rstrip(b"\r\n") == b"======="]
            sides: tuple[tuple[bytes, ...] | None, tuple[bytes, ...] | None] = (None, None)
            if len(middles) == 1:
                sides = tuple(inner[: middles[0]]), tuple(inner[middles[0] + 1 :])
            found.append(Region(start, number + 1, *sides))
            start = None
    return found


def split_lines(content: bytes) -> list[bytes]:
    """The lines of a text with their ends, split where git splits."""
    # bytes.splitlines would also split at a carriage return alone, which git does not.
    *whole, tail = content.split(b"\n")
    return [line + b"\n" for line in whole] + ([tail] if tail else [])


def _is(line: bytes, marker: bytes) -> bool:
    """Whether a line is a marker; behind the name git may write a colon and the path on that side."""
    return line.startswith(marker) and line[len(marker) : len(marker) + 1] in {b"\n", b"\r", b":", b""}


def take_side(content: bytes, ours: Sha, theirs: Sha, side: Literal["ours", "theirs"]) -> bytes | None:
    """The file with one side in every conflict region.

    Returns
    -------
    bytes or None
        None if there is no region, or one whose sides cannot be told apart.
    """
    found = regions(content, ours, theirs)
    if not found:
        return None
    lines = split_lines(content)
    parts: list[bytes] = []
    at = 0
    for region in found:
        chosen = region.ours if side == "ours" else region.theirs
        if chosen is None:
            return None
        parts += lines[at : region.start]
        parts += chosen
        at = region.end
    return b"".join([*parts, *lines[at:]])


__all__ = ["Region", "regions", "split_lines", "take_side"]
