"""Conflicts that were solved before: what git's ``rerere`` recorded in the source, read only."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from branchsim.simulate.regions import split_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from branchsim.simulate.regions import Region

_LIMIT = 64 * 1024 * 1024
_VARIANTS = 16


def recorded(
    records: Path,
    content: bytes,
    found: Sequence[Region],
    merge: Callable[[bytes, bytes, bytes], bytes | None],
) -> bytes | None:
    """How a conflict was solved before.

    Parameters
    ----------
    records : Path
        The directory ``rr-cache``.
    content : bytes
        The file with its conflict markers.
    found : sequence of Region
        Its conflict regions.
    merge : callable
        Merges three texts (base, ours, theirs); None where they conflict.

    Returns
    -------
    bytes or None
        The file as it is then; None where nothing was recorded, or what was recorded does not fit.

    Notes
    -----
    As git does it: a conflict is known by the texts of its regions, whichever side each is on, and what was done to the
    file then is done to it now.
    """
    normal = _normalised(content, found)
    if normal is None:
        return None
    name, now = normal
    for variant in range(_VARIANTS):
        tail = f".{variant}" if variant else ""
        before, after = (_read(records / name / f"{kind}{tail}") for kind in ("preimage", "postimage"))
        if before is None or after is None:
            continue
        solved = after if before == now else merge(before, now, after)
        if solved is not None:
            return solved
    return None


def _normalised(content: bytes, found: Sequence[Region]) -> tuple[str, bytes] | None:
    """The id of a conflict, and the file without the names of the sides and with these in a fixed order."""
    if not found:
        return None
    lines = split_lines(content)
    digest = hashlib.sha1(usedforsecurity=False)  # what git names them by, whatever the object format
    parts: list[bytes] = []
    at = 0
    for region in found:
        if region.ours is None or region.theirs is None:
            return None
        one, two = sorted((b"".join(region.ours), b"".join(region.theirs)))
        digest.update(one + b"\0" + two + b"\0")
        parts += [*lines[at : region.start], b"<<<<<<<\n", one, b"=======\n", two, b">>>>>>>\n"]
        at = region.end
    return digest.hexdigest(), b"".join([*parts, *lines[at:]])


def _read(file: Path) -> bytes | None:
    try:
        if file.is_symlink() or file.stat().st_size > _LIMIT:
            return None
        return file.read_bytes()
    except OSError:
        return None


__all__ = ["recorded"]
