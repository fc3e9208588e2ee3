"""What a landing did to each path: the table of presence, without what is no loss, and what became of the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self, TypeAlias

from branchsim.audit.deltas import FILES, Deltas
from branchsim.effects import (
    ABSENT,
    Attributes,
    Fated,
    Form,
    Scene,
    Unit,
    UnitCache,
    Units,
    What,
    arrivals,
    classify_path,
    fates,
    flaw,
    judge,
    sift,
    unknown,
)
from branchsim.effects import Side as EffectSide
from branchsim.effects import Verdict as UnitVerdict
from branchsim.effects.renames import with_their_files
from branchsim.effects.stretch import compared, is_merged
from branchsim.effects.structured import KnownParts
from branchsim.effects.units import DEFAULTS, KnownLines, Options, form_of
from branchsim.git.difftree import MoveReader, RenameReader
from branchsim.git.objects import ObjectReader, TreeEntry
from branchsim.git.scratch import Scratch
from branchsim.names import Sha
from branchsim.topology import PathGlobs

VERSIONS = ("base", "target", "source", "merged")
"""The four versions of a path that a landing has."""

_LARGEST = 8_000_000
_PARSED = 96 * 1024 * 1024
_LINES = 200_000
_LOCATED = 100_000


Places: TypeAlias = "list[tuple[dict[str, bytes], dict[str, TreeEntry]]]"
"""Paths, each with its name and its blob in each version that has it."""


@dataclass(frozen=True, slots=True)
class Step:
    """A landing as a three-way step.

    Attributes
    ----------
    trees : mapping of str to Sha
        The trees by ``base``, ``target`` (the tip before), ``source`` (what landed) and ``merged`` (the result).
    paths : frozenset of bytes
        Where the result is not what git makes of the other three by itself; only these are looked at.
    conflicted : frozenset of bytes
        The paths that git cannot merge by itself.
    """

    trees: Mapping[str, Sha]
    paths: frozenset[bytes]
    conflicted: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class PathLosses:
    """What a landing lost at one path.

    Attributes
    ----------
    path : bytes
        The path in the result, or its last name where the result has none.
    names : mapping of str to bytes
        Its name in each version that has it.
    losses : tuple of Fated
        Each unit that is not as expected, with what became of it.
    scene : Scene
        The four versions.
    conflicted : bool
        Whether git cannot merge the path by itself.
    equals : str or None
        The version (``target``, ``source`` or ``base``) that the result equals as a whole.
    entries : mapping of str to TreeEntry
        The blob in each version that has the path.
    """

    path: bytes
    names: Mapping[str, bytes]
    losses: tuple[Fated, ...]
    scene: Scene
    conflicted: bool
    equals: str | None
    entries: Mapping[str, TreeEntry]


@dataclass(frozen=True, slots=True)
class Losses:
    """What a landing lost, what was left out by which rule, and what could not be read."""

    paths: tuple[PathLosses, ...]
    left_out: Counter[str] = field(default_factory=Counter)
    skipped: tuple[tuple[bytes, str], ...] = ()


class LossReader:
    """Reads losses, with one process for all blobs and one cache of parsed units; a context manager.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    ignore : PathGlobs, optional
        Paths that are left out.
    attributes : Attributes, optional
        The repository's linguist attributes.
    list_keys : sequence of str
        Members that identify a member of a list in JSON and YAML, before the usual ones.

    Attributes
    ----------
    deltas : Deltas
        What single changes did, read with this reader.
    moves : MoveReader
        Where single files were moved between trees.
    """

    def __init__(
        self,
        scratch: Scratch,
        *,
        ignore: PathGlobs | None = None,
        attributes: Attributes | None = None,
        list_keys: Sequence[str] = (),
    ) -> None:
        self._reader = ObjectReader(scratch)
        self._renames = RenameReader(scratch)
        options = replace(DEFAULTS, list_keys=(*list_keys, *DEFAULTS.list_keys)) if list_keys else DEFAULTS
        self._units = UnitCache(_PARSED, options)
        self._ignore = ignore
        self._attributes = attributes
        self._blobs: dict[Sha, bytes | Units] = {}
        self._held = 0
        self._located: dict[tuple[Sha, bytes], TreeEntry | None] = {}
        self._lines: KnownLines = {}
        self.deltas = Deltas(self)
        self.moves = MoveReader(scratch)

    def __enter__(self) -> Self:
        self._reader.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.__exit__(kind, error, trace)

    @property
    def options(self) -> Options:
        """How contents are read."""
        return self._units.options

    @property
    def parts(self) -> KnownParts:
        """Parts of structured files that were read before; to be added to."""
        return self._units.parts

    @property
    def lines(self) -> KnownLines:
        """Lines that were read before, with what they mean; to be added to."""
        if len(self._lines) > _LINES:
            self._lines.clear()
        return self._lines

    def units(self, path: bytes, entry: TreeEntry | None) -> Units:
        """The units of one version of a path."""
        if entry is None:
            return ABSENT
        return self._units.units(path, entry.sha, entry.mode, self._content)

    def together(self, path: bytes, entries: Sequence[TreeEntry | None]) -> list[Units]:
        """Several versions of a path, read in one form, so that they can be compared."""
        known, key = self._units, self._units.key
        self._load(
            entry.sha
            for entry in entries
            if entry is not None and not entry.is_submodule and key(path, entry.sha, entry.mode) not in known
        )
        versions = [(None, "100644") if entry is None else (entry.sha, entry.mode) for entry in entries]
        return self._units.together(path, versions, self._content)

    def content(self, sha: Sha) -> bytes | None:
        """The bytes of a blob; None where it could not be read."""
        self._load([sha])
        held = self._blobs.get(sha)
        return held if isinstance(held, bytes) else None

    def entries(self, questions: Iterable[tuple[Sha, bytes]]) -> dict[tuple[Sha, bytes], TreeEntry]:
        """What trees hold at paths; what does not exist is left out."""
        return self._reader.entries(questions)

    def preload(self, shas: Iterable[Sha]) -> None:
        """Read many blobs at once, for `units` to use."""
        self._load(shas)

    def forget(self, *, above: int = 0) -> None:
        """Let go of the contents of blobs, if they are more than so many bytes; their parsed units stay."""
        if self._held > above:
            self._blobs.clear()
            self._held = 0

    def read(self, step: Step) -> Losses:
        """What one landing lost, path by path."""
        names = self._names(step)
        self.locate((step.trees[version], name) for each in names for version, name in each.items())
        entries = [
            {
                version: entry
                for version, name in each.items()
                if (entry := self._located[step.trees[version], name]) is not None
            }
            for each in names
        ]
        return self.read_versions(zip(names, entries, strict=True), step.conflicted)

    def prepare(self, steps: Sequence[Step]) -> None:
        """Look up at once what `read` will ask of the trees of some steps."""
        self.locate((step.trees[version], path) for step in steps for path in step.paths for version in VERSIONS)

    def located(self, tree: Sha, path: bytes) -> TreeEntry | None:
        """What a tree holds at a path, which was looked up before with `locate`."""
        return self._located[tree, path]

    def locate(self, questions: Iterable[tuple[Sha, bytes]]) -> None:
        """Look up what trees hold at paths, as far as that is not known from before."""
        if len(self._located) > _LOCATED:
            self._located.clear()
        unknown = [question for question in dict.fromkeys(questions) if question not in self._located]
        if unknown:
            found = self._reader.entries(unknown)
            self._located.update((question, found.get(question)) for question in unknown)

    def read_versions(
        self,
        paths: Iterable[tuple[dict[str, bytes], dict[str, TreeEntry]]],
        conflicted: frozenset[bytes] = frozenset(),
    ) -> Losses:
        """What was lost at some paths, each given by its names and its blobs in the four versions."""
        wanted, left_out = self._named(paths)
        self._load(entry.sha for _, own in wanted for entry in own.values() if not entry.is_submodule)
        judged: list[tuple[bytes, dict[str, bytes], dict[str, TreeEntry], list[Units], list[UnitVerdict]]] = []
        skipped: list[tuple[bytes, str]] = []
        for own_names, own in wanted:
            path = _last_name(own_names)
            units, verdicts, reasons = self._judge(path, own)
            skipped += [(path, why) for why in reasons]
            if units is not None:
                torn = any(each.what is What.UNRESOLVED for each in verdicts)
                # What was read as elements can be read.
                if not torn and units[3].form is Form.LINES and (why := self._broken(path, own)):
                    verdicts.append(UnitVerdict(Unit("malformed", (), why), What.MALFORMED, EffectSide.BOTH, 1))
                judged.append((path, own_names, own, units, verdicts))
        found = self._sifted(conflicted, judged, skipped)
        return replace(found, left_out=left_out + found.left_out)

    def cleared(self, merges: Sequence[Places | None]) -> list[Counter[str] | None]:
        """For each of some merges what is left out by the names of its paths; None where it may have lost something.

        Parameters
        ----------
        merges : sequence of list
            Of each merge its paths as `read_versions` takes them; None where they are not known.
        """
        asked: list[tuple[Places, Counter[str]] | None] = []
        for places in merges:
            named = None if places is None else self._named(places)
            # To read elements takes longer than to let git merge the files.
            plain = named is not None and all(form_of(_last_name(names)) is Form.LINES for names, _ in named[0])
            asked.append(named if plain else None)
        self._load(
            entry.sha
            for wanted, _ in filter(None, asked)
            for _, own in wanted
            for entry in own.values()
            if not entry.is_submodule
        )
        return [
            None if each is None or any(self._lost(_last_name(names), own) for names, own in each[0]) else each[1]
            for each in asked
        ]

    def _named(self, paths: Iterable[tuple[dict[str, bytes], dict[str, TreeEntry]]]) -> tuple[Places, Counter[str]]:
        """Those of some paths that are worth reading, and what is left out by its name."""
        wanted: Places = []
        left_out: Counter[str] = Counter()
        for own_names, own in paths:
            if _is_explained(own):
                continue
            why = classify_path(_last_name(own_names), self._attributes, self._ignore)
            if why is None:
                wanted.append((own_names, own))
            else:
                left_out[why] += 1  # its lines are not even read
        return wanted, left_out

    def flaw(self, path: bytes, entry: TreeEntry | None) -> str:
        """What makes one version of a path unreadable as what its name says; empty where nothing does."""
        content = self.content(entry.sha) if entry is not None and entry.mode in FILES else None
        return "" if content is None else flaw(path, content)

    def _broken(self, path: bytes, own: Mapping[str, TreeEntry]) -> str:
        """What is wrong with a result as a whole, where it is that of neither side and the sides are sound."""
        merged = own.get("merged")
        sides = [own[side] for side in ("target", "source") if side in own]
        if merged is None or not sides or any(side.sha == merged.sha for side in sides):
            return ""
        why = self.flaw(path, merged)
        return "" if not why or any(self.flaw(path, side) for side in sides) else why

    def _lost(self, path: bytes, own: Mapping[str, TreeEntry]) -> bool:
        contents = self._plain(own)
        if contents is not None and is_merged(path, contents, known=self.lines):
            return False
        units, verdicts, reasons = self._judge(path, own)
        return units is None or bool(reasons) or any(each.is_loss for each in verdicts)

    def _judge(
        self, path: bytes, own: Mapping[str, TreeEntry]
    ) -> tuple[list[Units] | None, list[UnitVerdict], list[str]]:
        """The four versions of a path (None if they are unknown), what the table says, and what was in the way."""
        units = self._compared(path, own)
        if units is not None:
            verdicts = judge(*units)
            # What is asked of an element may be answered by those beside it.
            if units[0].form is Form.LINES or not any(each.is_loss for each in verdicts):
                return units, verdicts, []
        versions = [(own[v].sha, own[v].mode) if v in own else (None, "100644") for v in VERSIONS]
        units = self._units.together(path, versions, self._content)
        unread = next((each.reason for each in units if not each.is_known), None)
        if unread is not None:
            return None, [], [unread]
        return units, judge(*units), list(dict.fromkeys(each.reason for each in units if each.reason))

    def _compared(self, path: bytes, own: Mapping[str, TreeEntry]) -> list[Units] | None:
        """The four versions of a file without what all of them have; None where they have to be read whole."""
        contents = self._plain(own)
        if contents is None:
            return None
        return compared(path, contents, options=self.options, known=self.lines, parts=self.parts)

    def _plain(self, own: Mapping[str, TreeEntry]) -> list[bytes] | None:
        """The contents of a path that is a plain file of one mode in all four versions; None for another."""
        modes = {entry.mode for entry in own.values()}
        if len(own) != len(VERSIONS) or len(modes) > 1 or not modes <= FILES:
            return None
        contents = [blob for version in VERSIONS if (blob := self.content(own[version].sha)) is not None]
        return contents if len(contents) == len(VERSIONS) else None

    def _sifted(
        self,
        conflicted: frozenset[bytes],
        judged: Sequence[tuple[bytes, dict[str, bytes], dict[str, TreeEntry], list[Units], list[UnitVerdict]]],
        skipped: list[tuple[bytes, str]],
    ) -> Losses:
        came = arrivals(verdicts for *_, verdicts in judged)
        left_out: Counter[str] = Counter()
        paths = []
        for path, names, own, units, verdicts in judged:
            if not any(verdict.is_loss for verdict in verdicts):
                continue
            contents = {v: blob for v in own if isinstance(blob := self._blobs.get(own[v].sha), bytes)}
            scene = Scene(
                path=path, base=units[0], target=units[1], source=units[2], merged=units[3], contents=contents,
                arrivals=came, attributes=self._attributes, ignore=self._ignore,
            )  # fmt: skip
            sifted = sift(verdicts, scene)
            left_out += sifted.left_out
            if sifted.losses:
                equals = _equals(own)
                told = tuple(fates(sifted.losses, scene))
                paths.append(
                    PathLosses(path, names, told, scene, not conflicted.isdisjoint(names.values()), equals, own)
                )
            else:
                scene.forget()
        return Losses(tuple(paths), left_out, tuple(skipped))

    def _names(self, step: Step) -> list[dict[str, bytes]]:
        """For each path its name in the four versions, renames followed; a name may be missing there."""
        paths = sorted(step.paths)
        self.locate((step.trees[version], path) for path in paths for version in VERSIONS)
        have = {path: self._having(step, path) for path in paths}
        if all(len(versions) in {0, len(VERSIONS)} for versions in have.values()):
            return [dict.fromkeys(VERSIONS, path) for path in paths]
        moved = _Moves(self._renames, step, self._having)
        found: dict[tuple[bytes | None, ...], dict[str, bytes]] = {}
        for path in paths:
            has = have[path]
            merged = (
                path
                if "merged" in has
                else moved.on("target", "merged", path) or moved.on("source", "merged", path) or path
            )
            # A side that has the result's name has the file under it, whatever else resembles the old one.
            there = has if merged == path else self._having(step, merged)
            target = merged if "target" in there else path if "target" in has else None
            source = merged if "source" in there else path if "source" in has else None
            target = target or moved.back("target", "merged", merged) or moved.on("base", "target", path) or path
            source = source or moved.back("source", "merged", merged) or moved.on("base", "source", path) or path
            base = (
                path
                if "base" in has
                else moved.back("base", "target", target) or moved.back("base", "source", source) or path
            )
            # What one side moved the other may still have under the old name, or have moved elsewhere.
            target = self._still(step, moved, "target", target, base)
            source = self._still(step, moved, "source", source, base)
            names = {"base": base, "target": target, "source": source, "merged": merged}
            found[base, target, source, merged] = names
        return list(found.values())

    def _still(self, step: Step, moved: _Moves, side: str, name: bytes, base: bytes) -> bytes:
        """The name that a side has for a path which it does not have under that of the other side."""
        if name == base or side in self._having(step, name):
            return name
        return base if side in self._having(step, base) else moved.on("base", side, base) or name

    def _having(self, step: Step, path: bytes) -> set[str]:
        """The versions that have a path."""
        self.locate((step.trees[version], path) for version in VERSIONS)
        return {version for version in VERSIONS if self._located[step.trees[version], path] is not None}

    def _load(self, shas: Iterable[Sha]) -> None:
        wanted = [sha for sha in dict.fromkeys(shas) if sha not in self._blobs]
        if not wanted:
            return
        for sha, content in self._reader.blobs(wanted, limit=_LARGEST):
            self._blobs[sha] = content if isinstance(content, bytes) else unknown(str(content))
            self._held += len(content) if isinstance(content, bytes) else 0

    def _content(self, sha: str) -> bytes | Units:
        self._load([Sha(sha)])
        return self._blobs[Sha(sha)]


class _Moves:
    """The renames between the versions of a step; git is asked for those that somebody needs, which takes it long."""

    def __init__(self, reader: RenameReader, step: Step, having: Callable[[Step, bytes], set[str]]) -> None:
        self._reader = reader
        self._step = step
        self._having = having
        self._back: dict[tuple[str, str], dict[bytes, bytes]] = {}
        self._moved: dict[tuple[Sha, Sha], dict[bytes, bytes]] = {}

    def on(self, one: str, other: str, name: bytes) -> bytes | None:
        """The name that a path of the one version has in the other, where it went by another."""
        has = self._having(self._step, name)
        return self._of(one, other).get(name) if one in has and other not in has else None

    def back(self, one: str, other: str, name: bytes) -> bytes | None:
        """The name that a path of the other version had in the one."""
        has = self._having(self._step, name)
        if one in has or other not in has:
            return None
        if (one, other) not in self._back:
            self._back[one, other] = {new: old for old, new in self._of(one, other).items()}
        return self._back[one, other].get(name)

    def _of(self, one: str, other: str) -> dict[bytes, bytes]:
        pair = self._step.trees[one], self._step.trees[other]
        if pair not in self._moved:
            self._moved[pair] = with_their_files(self._reader.of(*pair))
        return self._moved[pair]


def _last_name(names: Mapping[str, bytes]) -> bytes:
    return names.get("merged") or next(iter(names.values()))


def _is_explained(entries: Mapping[str, TreeEntry]) -> bool:
    """Whether a path is what one side made of it while the other left it alone, or what both made of it."""
    base, target, source, merged = (entries.get(version) for version in VERSIONS)
    expected = target if base == source else source if target in (base, source) else _NO_VERSION
    return merged == expected


_NO_VERSION = object()


def _equals(entries: Mapping[str, TreeEntry]) -> str | None:
    """The version that the result equals as a whole, the tip first."""
    merged = entries.get("merged")
    for version in ("target", "source", "base"):
        if entries.get(version) == merged:
            return version
    return None


__all__ = ["VERSIONS", "EffectSide", "LossReader", "Losses", "PathLosses", "Places", "Step"]
