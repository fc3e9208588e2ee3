"""What changes do to files, line by line, and how much of that holds in another version of a file."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from branchsim.git.difftree import raw_changes
from branchsim.git.log import RawChange
from branchsim.git.objects import ObjectInfo, ObjectReader
from branchsim.git.scratch import Scratch
from branchsim.names import Sha

WHITE_SPACE = b" \t\r\f\v"
_FEWEST_CHARACTERS = 3
_FEW_LINES = 6
"""So many lines are found in a file before it could be split into all of its lines."""
_NOTHING = "000000"
_SUBMODULE = "160000"
_CHANGES = 512
"""Of so many changes the changed paths are asked for at once."""
_FILES = 24 * 1024 * 1024
"""So many bytes of files are held at a time as lines, unless one file has more."""
_KEPT = 24 * 1024 * 1024
"""About so many bytes of effects are kept for the next who asks, and as many are handed out at once."""
_LINE = 150
"""What a line takes in memory beside its own bytes."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The lines that a change adds and removes in one path, without white space, as multisets."""

    path: bytes
    added: Counter[bytes]
    removed: Counter[bytes]

    @property
    def wanted(self) -> Counter[bytes]:
        """The lines that tell whether it holds in a file: those added; where there are none, those removed."""
        return self.added or self.removed


def meaningful(content: bytes) -> Counter[bytes]:
    """The lines of a text that are long enough to mean something, without white space."""
    return Counter(line for line in _lines_of(content) if len(line) >= _FEWEST_CHARACTERS)


def _lines_of(content: bytes) -> list[bytes]:
    return content.translate(None, WHITE_SPACE).split(b"\n")


def shares_there(effects: Sequence[Effect], content: bytes) -> list[float]:
    """For each of some effects the share of its lines that hold in a file: added ones are there, removed ones are away.

    Parameters
    ----------
    effects : sequence of Effect
        What was changed. A file is taken apart once for all who ask of it.
    content : bytes
        The file.

    Returns
    -------
    list of float
        0 to 1; 1 where an effect has no meaningful line.
    """
    plain = b"\n%b\n" % content.translate(None, WHITE_SPACE)
    asked = [effect.wanted for effect in effects]
    sizes = [sum(wanted.values()) for wanted in asked]
    if sum(sizes) <= _FEW_LINES and all(map(_is_set, asked)):
        found = [sum(b"\n%b\n" % line in plain for line in wanted) for wanted in asked]
    else:
        # A file has many lines, and effects few: the others are passed over without Python.
        among: Collection[bytes] = asked[0] if len(asked) == 1 else set().union(*asked)
        there = Counter(filter(among.__contains__, plain.split(b"\n")))
        found = [sum(min(count, there[line]) for line, count in wanted.items()) for wanted in asked]
    return [
        1.0 if not size else held / size if effect.added else 1.0 - held / size
        for effect, size, held in zip(effects, sizes, found, strict=True)
    ]


def _is_set(lines: Counter[bytes]) -> bool:
    return len(lines) == sum(lines.values())


@dataclass(frozen=True, slots=True)
class Asked:
    """Of what the effects are asked: the trees before and after, and the paths that are of interest."""

    trees: tuple[Sha, Sha]
    paths: frozenset[bytes]


class EffectReader:
    """Reads what changes do; what was read last is kept, for each branch that is owed a change asks of it.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    """

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._known: OrderedDict[Asked, tuple[list[Effect], int]] = OrderedDict()
        self._size = 0

    def groups(self, asked: Mapping[Sha, Asked]) -> Iterator[dict[Sha, list[Effect]]]:
        """What changes do, path by path, of as many at a time as fit into memory.

        Parameters
        ----------
        asked : mapping of Sha to Asked
            What is asked of each change.

        Yields
        ------
        dict
            From a change to its effects; what cannot be read is left out. Every change is in one of them.
        """
        group: dict[Sha, list[Effect]] = {}
        room = _KEPT
        for sha, effects, size in self._each(asked):
            group[sha] = effects
            room -= size
            if room < 0:
                yield group
                group, room = {}, _KEPT
        if group:
            yield group

    def _each(self, asked: Mapping[Sha, Asked]) -> Iterator[tuple[Sha, list[Effect], int]]:
        unknown = {}
        for sha, each in asked.items():
            known = self._known.get(each)
            if known is None:
                unknown[sha] = each
            else:
                self._known.move_to_end(each)
                yield sha, *known
        for sha, effects in self._read(unknown):
            size = _LINE + sum(_size(effect) for effect in effects)
            self._keep(asked[sha], effects, size)
            yield sha, effects, size

    def _keep(self, asked: Asked, effects: list[Effect], size: int) -> None:
        if size <= _KEPT and asked not in self._known:
            self._known[asked] = effects, size
            self._size += size
            while self._size > _KEPT:
                self._size -= self._known.popitem(last=False)[1][1]

    def _read(self, asked: Mapping[Sha, Asked]) -> Iterator[tuple[Sha, list[Effect]]]:
        waiting = iter(asked.items())
        with ObjectReader(self._scratch) as reader:
            while some := dict(islice(waiting, _CHANGES)):
                raws = raw_changes(self._scratch, [each.trees for each in some.values()])
                wanted = [
                    (sha, raw) for sha, each in some.items() for raw in raws[each.trees] if raw.path in each.paths
                ]
                own: dict[Sha, list[Effect]] = {sha: [] for sha in some}
                for sha, effect in _effects(reader, wanted):
                    own[sha].append(effect)
                yield from own.items()


def _size(effect: Effect) -> int:
    return _LINE + sum(_LINE + len(line) for lines in (effect.added, effect.removed) for line in lines)


def _effects(reader: ObjectReader, changes: Iterable[tuple[Sha, RawChange]]) -> Iterator[tuple[Sha, Effect]]:
    """What changes of single paths do, of as many at a time as fit into memory as whole files."""
    changes = list(changes)
    files = {Sha(sha) for _, raw in changes for mode, sha in _versions(raw) if mode not in {_NOTHING, _SUBMODULE}}
    infos = {Sha(sha): info for sha, info in reader.look(sorted(files)) if isinstance(info, ObjectInfo)}
    at = 0
    while at < len(changes):
        held: dict[Sha, ObjectInfo] = {}
        size, first = 0, at
        while at < len(changes):
            new = {
                Sha(sha): infos[Sha(sha)] for _, sha in _versions(changes[at][1]) if sha in infos and sha not in held
            }
            size += sum(info.size for info in new.values())
            if size > _FILES and at > first:
                break
            held |= new
            at += 1
        # Lines that stay cancel out, so what was changed need not be looked for.
        lines = {
            sha: Counter(_lines_of(content))
            for sha, content in reader.known_blobs(held.values())
            if isinstance(content, bytes)
        }
        for sha, raw in changes[first:at]:
            before, after = (_lines(mode, Sha(blob), lines) for mode, blob in _versions(raw))
            if before is not None and after is not None:
                yield sha, Effect(raw.path, _more(after, before), _more(before, after))


def _versions(raw: RawChange) -> tuple[tuple[str, str], tuple[str, str]]:
    return (raw.old_mode, raw.old), (raw.new_mode, raw.new)


def _lines(mode: str, sha: Sha, known: Mapping[Sha, Counter[bytes]]) -> Counter[bytes] | None:
    """All lines of a file: none where there is no file, and of a submodule those that git shows."""
    if mode == _NOTHING:
        return Counter()
    if mode == _SUBMODULE:
        return Counter(_lines_of(f"Subproject commit {sha}".encode("ascii")))
    return known.get(sha)


def _more(one: Counter[bytes], other: Counter[bytes]) -> Counter[bytes]:
    """The meaningful lines of which one file has more copies than another, in its order, and how many more."""
    # What both have alike, nearly all, is passed over without Python.
    unlike = dict(one.items() - other.items())
    found = {line: unlike[line] - other[line] for line in filter(unlike.__contains__, one)}
    return Counter({line: more for line, more in found.items() if more > 0 and len(line) >= _FEWEST_CHARACTERS})


__all__ = ["WHITE_SPACE", "Asked", "Effect", "EffectReader", "meaningful", "shares_there"]
