"""A cache of parsed units that its owner holds, bounded in bytes; nothing is shared between owners."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from branchsim.effects.units import ABSENT, DEFAULTS, Form, Options, Units, agree, form_of, units_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from branchsim.effects.structured import KnownParts
    from branchsim.effects.units import KnownLines


_LINES = 200_000
_PARTS = 20_000
_LARGE = 1024 * 1024


class UnitCache:
    """Units by blob id, the least recently used forgotten first.

    Parameters
    ----------
    limit : int
        About how many bytes are kept.
    options : Options
        How contents are read; one cache has one set.

    Attributes
    ----------
    hits, misses : int
        How often a unit was there and was not.

    Notes
    -----
    The key is the blob id with what else decides the units: the form that the path's name suggests, and the mode. One
    cache belongs to one thread.
    """

    def __init__(self, limit: int = 256 * 1024 * 1024, options: Options = DEFAULTS) -> None:
        self.limit = limit
        self.options = options
        self.hits = 0
        self.misses = 0
        self.size = 0
        self._held: OrderedDict[tuple[str, str, Form], Units] = OrderedDict()
        self._lines: KnownLines = {}
        self._parts: KnownParts = {}

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, key: object) -> bool:
        return key in self._held

    @property
    def parts(self) -> KnownParts:
        """Parts of structured files that were read before; to be added to."""
        if len(self._parts) > _PARTS:
            self._parts.clear()
        return self._parts

    def key(self, path: bytes, blob: str, mode: str, form: Form | None = None) -> tuple[str, str, Form]:
        """What decides the units of a blob."""
        return blob, mode, form or form_of(path, mode, self.options)

    def units(
        self,
        path: bytes,
        blob: str | None,
        mode: str,
        read: Callable[[str], bytes | Units],
        *,
        form: Form | None = None,
    ) -> Units:
        """The units of a blob at a path, read only where they are not known.

        Parameters
        ----------
        path : bytes
            Where it stands.
        blob : str or None
            Its id; None where there is nothing; for a submodule the commit, which is not read.
        mode : str
            Git's mode.
        read : callable
            From an id to the bytes; or to `unknown` units where it cannot be read, which are not kept.
        form : Form, optional
            ``Form.LINES`` reads a structured file as lines.
        """
        if blob is None:
            return ABSENT
        key = self.key(path, blob, mode, form)
        held = self._held.get(key)
        if held is not None:
            self.hits += 1
            self._held.move_to_end(key)
            return held
        self.misses += 1
        content = blob.encode("ascii") if mode == "160000" else read(blob)
        if isinstance(content, Units):
            return content
        if len(self._lines) > _LINES or len(content) > _LARGE:
            self._lines.clear()
        known = self._lines if len(content) <= _LARGE else None
        units = units_of(path, content, mode, form=form, options=self.options, known=known, parts=self.parts)
        self._keep(key, units)
        return units

    def together(
        self, path: bytes, versions: Sequence[tuple[str | None, str]], read: Callable[[str], bytes | Units]
    ) -> list[Units]:
        """Several versions, each ``(blob, mode)``, read so that their units can be compared; see `units_together`."""
        found = [self.units(path, blob, mode, read) for blob, mode in versions]
        if agree(found):
            return found
        return [
            self.units(path, blob, mode, read, form=Form.LINES) if units.is_text else units
            for (blob, mode), units in zip(versions, found, strict=True)
        ]

    def _keep(self, key: tuple[str, str, Form], units: Units) -> None:
        if units.weight > self.limit:
            return
        self._held[key] = units
        self.size += units.weight
        while self.size > self.limit:
            _, dropped = self._held.popitem(last=False)
            self.size -= dropped.weight


__all__ = ["UnitCache"]
