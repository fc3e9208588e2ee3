"""What changes did to files, in units: each read once, for all who ask who brought something and who took it away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from branchsim.effects import Form, Unit, UnknownContentError
from branchsim.effects.stretch import difference, gained, spaceless, spaceless_difference
from branchsim.effects.units import form_of
from branchsim.git.log import RawChange
from branchsim.git.objects import TreeEntry
from branchsim.names import Sha

if TYPE_CHECKING:
    from branchsim.audit.losses import LossReader

_NOTHING = "000000"
_SUBMODULE = "160000"
FILES = frozenset({"100644", "100755"})
"""The modes of plain files."""

_HELD = 48 * 1024 * 1024
_KEPT = 400_000
_LARGE = 20_000

_Key = tuple[Form, str, str, str, str]


class Deltas:
    """The differences that changes of single paths made, kept while there is room.

    Parameters
    ----------
    reader : LossReader
        Reads and parses the blobs.
    """

    def __init__(self, reader: LossReader) -> None:
        self._reader = reader
        self._known: dict[_Key, Mapping[Unit, int] | UnknownContentError] = {}
        self._size = 0
        self._spaceless: dict[_Key, Mapping[Unit | str, int]] = {}
        self._lines = 0

    def prepare(self, changes: Iterable[RawChange]) -> None:
        """Read what some changes need at once; contents that are held from before may go."""
        wanted = [each for each in changes if (key := _key(each)) not in self._known and key not in self._spaceless]
        self._reader.forget(above=_HELD)
        self._reader.preload(
            Sha(sha)
            for change in wanted
            for mode, sha in ((change.old_mode, change.old), (change.new_mode, change.new))
            if mode not in {_NOTHING, _SUBMODULE}
        )

    def of(self, change: RawChange) -> Mapping[Unit, int]:
        """How many copies of each unit a change added, negative for removed ones.

        Raises
        ------
        UnknownContentError
            A version could not be read.
        """
        key = _key(change)
        found = self._known.get(key)
        if found is None:
            try:
                found = self._read(change)
            except UnknownContentError as error:
                found = error
            self._keep(key, found)
        if isinstance(found, UnknownContentError):
            raise found
        return found

    def spaceless(self, change: RawChange) -> Mapping[Unit | str, int]:
        """The same by lines without their white space, so that an edit of nothing else cancels out.

        Raises
        ------
        UnknownContentError
            A version could not be read.
        """
        key = _key(change)
        known = self._spaceless.get(key)
        if known is not None:
            return known
        contents = self._contents(change)
        plain = None if contents is None else spaceless_difference(change.path, *contents)
        found = _without_spaces(self.of(change)) if plain is None else plain
        if len(found) <= _LARGE:
            if self._lines > _KEPT:
                self._spaceless.clear()
                self._lines = 0
            self._spaceless[key] = found
            self._lines += len(found) + 1
        return found

    def _keep(self, key: _Key, found: Mapping[Unit, int] | UnknownContentError) -> None:
        size = 1 if isinstance(found, UnknownContentError) else len(found) + 1
        if size > _LARGE:
            return
        if self._size + size > _KEPT:
            self._known.clear()
            self._size = 0
        self._known[key] = found
        self._size += size

    def _read(self, change: RawChange) -> Mapping[Unit, int]:
        contents = self._contents(change)
        if contents is not None:
            reader = self._reader
            found = difference(change.path, *contents, options=reader.options, known=reader.lines, parts=reader.parts)
            if found is not None:
                return found
        was = None if change.old_mode == _NOTHING else TreeEntry(change.old_mode, Sha(change.old))
        now = None if change.new_mode == _NOTHING else TreeEntry(change.new_mode, Sha(change.new))
        return gained(self._reader.units(change.path, was), self._reader.units(change.path, now))

    def _contents(self, change: RawChange) -> tuple[bytes, bytes] | None:
        """Both versions of a plain file of one mode; None of anything else, and where one cannot be read."""
        if change.old_mode != change.new_mode or change.old_mode not in FILES:
            return None
        self._reader.preload([Sha(change.old), Sha(change.new)])
        old, new = self._reader.content(Sha(change.old)), self._reader.content(Sha(change.new))
        return None if old is None or new is None else (old, new)


def _without_spaces(delta: Mapping[Unit, int]) -> Mapping[Unit | str, int]:
    found: dict[Unit | str, int] = {}
    for unit, more in delta.items():
        key = spaceless(unit.value) if unit.kind == "line" else unit
        found[key] = found.get(key, 0) + more
    return found


def _key(change: RawChange) -> _Key:
    return form_of(change.path), change.old_mode, change.new_mode, change.old, change.new


__all__ = ["FILES", "Deltas"]
