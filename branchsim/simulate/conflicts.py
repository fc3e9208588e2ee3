"""Conflicts: what kind they are, which changes meet there, and how they are solved."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from branchsim.errors import InputError
from branchsim.git.drivers import check_ran, named_drivers
from branchsim.git.log import empty_tree
from branchsim.git.objects import Unread, write_object
from branchsim.plan import FileChange, PlanError, Resolve
from branchsim.plan.steps import TAKES
from branchsim.simulate.meetings import Question, meetings, places
from branchsim.simulate.recorded import recorded
from branchsim.simulate.records import FileConflict, Meeting
from branchsim.simulate.regions import Region, regions, take_side
from branchsim.simulate.trees import Put, edit_tree

if TYPE_CHECKING:
    from branchsim.git.merge import Conflict, Side
    from branchsim.git.objects import ObjectReader
    from branchsim.git.scratch import Scratch
    from branchsim.git.session import Merged, MergeSession
    from branchsim.names import Sha
    from branchsim.simulate.graph import Graph

_LIMIT = 64 * 1024 * 1024
_SUBMODULE = "160000"
_MARKERS = (re.compile(rb"^<{7}( |$)", re.MULTILINE), re.compile(rb"^>{7}( |$)", re.MULTILINE))


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenConflict:
    """A conflict as a callback sees it.

    Attributes
    ----------
    step : str
        The name of the step.
    path : str
        The path; bytes that are not UTF-8 as surrogates (``os.fsdecode``).
    kind : str
        See `FileConflict`.
    base, target, source : bytes or None
        The contents; None where there is none, or where it is no file.
    merged : bytes or None
        The file with git's conflict markers, where git made one.
    """

    step: str
    path: str
    kind: str
    base: bytes | None
    target: bytes | None
    source: bytes | None
    merged: bytes | None


Resolver = Callable[[OpenConflict], "bytes | str | FileChange | None"]
"""Answers a conflict: the content, a side to take (see `Resolve`), a `FileChange` of the path, or None to leave it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Which side of a merge is which.

    Attributes
    ----------
    target, source : Sha
        The commits on the two sides, for the question which changes meet.
    ours_is_target : bool
        Whether git merged into the target; the other way round where the target is merged into the source.
    picked : Sha or None
        The one commit of the source side, where commits are picked.
    """

    target: Sha
    source: Sha
    ours_is_target: bool = True
    picked: Sha | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is left of the conflicts of one merge: the tree if all were solved, the records, the paths."""

    tree: Sha | None
    conflicts: tuple[FileConflict, ...]
    paths: frozenset[bytes] = frozenset()


class Conflicts:
    """Describes and solves conflicts.

    Parameters
    ----------
    scratch, reader, graph, session
        Where objects are written, read, what is known of commits, and what merges.
    resolver : callable, optional
        Asked for what the steps of the plan do not solve.
    directory : Path
        Where folders of resolved files are looked for.
    records : Path, optional
        Where git's ``rerere`` keeps what it recorded.
    """

    def __init__(
        self,
        scratch: Scratch,
        reader: ObjectReader,
        graph: Graph,
        session: MergeSession,
        resolver: Resolver | None,
        directory: Path,
        records: Path | None = None,
    ) -> None:
        self._scratch = scratch
        self._reader = reader
        self._graph = graph
        self._session = session
        self._records = records
        self._resolver = resolver
        self._directory = directory
        self._settled: dict[tuple[Sha, Sha, str, str], Outcome] = {}

    def settle(self, merged: Merged, sides: Sides, *, phase: str, step: str, ways: Sequence[Resolve]) -> Outcome:
        """Solve the conflicts of a merge as far as somebody says how, and describe them all.

        Each merge once: a plan that runs twice, with its retrofits and without, asks nobody twice.
        """
        key = merged.ours, merged.theirs, phase, step
        if key not in self._settled:
            self._settled[key] = self._settle(merged, sides, phase, step, ways)
        return self._settled[key]

    def _settle(self, merged: Merged, sides: Sides, phase: str, step: str, ways: Sequence[Resolve]) -> Outcome:
        result = merged.result
        if result.tree is None:
            return Outcome(None, ())
        check_ran(self._scratch)
        found = [_Case(conflict, merged, sides) for conflict in result.conflicts]
        self._read(found, result.tree)
        self._look_for_drivers(found, sides)
        answers: dict[bytes, tuple[str, Put | None]] = {}
        if phase == "plan":
            for case in found:
                answer = self._solve(case, step, ways)
                if answer is not None:
                    answers[case.path] = answer
        met = meetings(
            self._scratch,
            self._reader,
            self._graph,
            {case.path: case.question() for case in found},
            target=sides.target,
            source=sides.source,
            picked=sides.picked,
        )
        records = tuple(
            self._record(case, met, phase, step, answers[case.path][0] if case.path in answers else None)
            for case in found
        )
        # Git may report a merge as not clean without naming a path; nobody can have solved that.
        if not found or len(answers) < len(found):
            return Outcome(None, records)
        changes = {path: put for path, (_, put) in answers.items()}
        paths = frozenset().union(*(case.names for case in found))
        return Outcome(edit_tree(self._scratch, self._reader, result.tree, changes), records, paths)

    # What there is.

    def _read(self, cases: Sequence[_Case], tree: Sha) -> None:
        """Read what the sides and the result hold at each path."""
        places = self._reader.find([(tree, case.path) for case in cases])
        for case in cases:
            info = places.get((tree, case.path))
            if info is not None and not isinstance(info, Unread) and info.type == "blob":
                case.merged_id = info.sha
        wanted = {sha for case in cases for sha in case.blobs()}
        contents = dict(self._reader.blobs(sorted(wanted), limit=_LIMIT))
        for case in cases:
            case.contents = {sha: data for sha in case.blobs() if isinstance(data := contents[sha], bytes)}

    def _look_for_drivers(self, cases: Sequence[_Case], sides: Sides) -> None:
        """Ask the attributes that a person would have checked out which of the conflicts a merge driver is for."""
        here = sides.target if sides.ours_is_target else sides.source
        self._graph.learn([here])
        named = named_drivers(self._scratch, self._reader, self._graph[here].tree, [case.path for case in cases])
        for case in cases:
            case.driver = named.get(case.path)

    def _record(
        self,
        case: _Case,
        met: Mapping[bytes, tuple[Meeting, Meeting]],
        phase: str,
        step: str,
        resolved_by: str | None,
    ) -> FileConflict:
        of_target, of_source = met.get(case.path, (Meeting(), Meeting()))
        return FileConflict(
            phase=phase,
            step=step,
            path=case.path.decode("utf-8", "replace"),
            kind=case.kind,
            regions=max(1, len(case.regions())),
            base=_id(case.base),
            target=_id(case.target),
            source=_id(case.source),
            target_mode=_mode(case.target),
            source_mode=_mode(case.source),
            of_target=of_target,
            of_source=of_source,
            resolved_by=resolved_by,
            message=" ".join(" ".join(case.conflict.messages).split()),
            driver=case.driver,
        )

    # How it is solved.

    def _solve(self, case: _Case, step: str, ways: Sequence[Resolve]) -> tuple[str, Put | None] | None:
        for way in ways:
            answer = self._by_step(case, way)
            if answer is not None:
                return way.name, answer[0]
        if self._resolver is None:
            return None
        said = self._resolver(case.shown(step))
        answer = self._by_callback(case, said)
        return None if answer is None else ("callback", answer[0])

    def _by_step(self, case: _Case, way: Resolve) -> tuple[Put | None] | None:
        path = os.fsdecode(case.path)
        for file in way.files:
            if file.path == path:
                return (self._put(case, file.content, file.mode),)
        if way.folder is not None:
            content = _in_folder(self._directory / way.folder, case.path)
            if content is not None:
                case.check_solved(content, way.folder)
                return (self._put(case, content, None),)
        if way.take is not None and (not way.paths or path in way.paths):
            return self._side(case, way.take)
        return None

    def _by_callback(self, case: _Case, said: bytes | str | FileChange | None) -> tuple[Put | None] | None:
        path = os.fsdecode(case.path)
        if said is None:
            return None
        if isinstance(said, str) and said in TAKES:
            return self._side(case, said)
        if isinstance(said, FileChange) and said.path == path:
            return (self._put(case, said.content, said.mode),)
        if isinstance(said, bytes):
            return (self._put(case, said, None),)
        raise InputError(
            f"the callback answered the conflict in {path!r} with {said!r}; it must return bytes, one of "
            f"{', '.join(TAKES)}, a FileChange of this path, or None"
        )

    def _side(self, case: _Case, take: str) -> tuple[Put | None] | None:
        if case.is_placeless:
            return None
        if take == "recorded":
            return self._recorded(case)
        side = case.source if take.startswith("source") else case.target
        if not take.endswith("-regions"):
            return (None if side is None else Put(side.mode, side.sha),)
        if case.kind not in {"content", "add/add"}:
            return None
        content = case.with_side(of_source=take.startswith("source"))
        return None if content is None else (self._put(case, content, None),)

    def _recorded(self, case: _Case) -> tuple[Put | None] | None:
        if case.merged is None or self._records is None:
            return None
        content = recorded(self._records, case.merged, case.regions(), self._merged_text)
        return None if content is None else (self._put(case, content, None),)

    def _merged_text(self, base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
        """Three versions of a text, merged by git; None where they conflict."""
        scratch = self._scratch
        trees = [
            edit_tree(
                scratch, self._reader, empty_tree(scratch), {b"t": Put("100644", write_object(scratch, "blob", text))}
            )
            for text in (base, ours, theirs)
        ]
        result = self._session.merge_trees(base=trees[0], ours=trees[1], theirs=trees[2]).result
        if not result.clean or result.tree is None:
            return None
        entry = self._reader.entry(result.tree, b"t")
        return None if entry is None else self._reader.blob(entry.sha)

    def _put(self, case: _Case, content: bytes | None, mode: str | None) -> Put | None:
        if content is None:
            return None
        return Put(mode or case.mode, write_object(self._scratch, "blob", content))


class _Case:
    """One conflict, with its sides named by what they are for."""

    def __init__(self, conflict: Conflict, merged: Merged, sides: Sides) -> None:
        self.conflict = conflict
        self.path = conflict.path
        self.base = conflict.base
        both = (conflict.ours, conflict.theirs)
        self.target, self.source = both if sides.ours_is_target else both[::-1]
        self._ours_is_target = sides.ours_is_target
        self._labels = (merged.ours, merged.theirs)
        self.merged_id: Sha | None = None
        self.driver: str | None = None
        self.contents: dict[Sha, bytes] = {}
        # A rename carries the change to another path; git's messages about this one name the others.
        self.names = {conflict.path} | {
            path
            for message in merged.result.messages
            if conflict.path in message.paths and message.kind.startswith("CONFLICT")
            for path in message.paths
        }

    @property
    def kind(self) -> str:
        """What is wrong, in the words of the table."""
        return _kind(self.conflict)

    @property
    def is_placeless(self) -> bool:
        """Whether no side holds the path under this name: git moved a file away, or speaks of a directory."""
        labels = tuple(b"~" + label.encode("ascii") for label in self._labels)
        return all(side is None for side in (self.base, self.target, self.source)) or self.path.endswith(labels)

    @property
    def mode(self) -> str:
        """The mode by three-way merge; the target's where both changed it."""
        base, target, source = _mode(self.base), _mode(self.target), _mode(self.source)
        if target is None or (target == base and source is not None):
            return source or "100644"
        return target

    def blobs(self) -> set[Sha]:
        """The contents that bear on it."""
        sides = {
            side.sha for side in (self.base, self.target, self.source) if side is not None and side.mode != _SUBMODULE
        }
        return sides | ({self.merged_id} if self.merged_id is not None else set())

    def content(self, side: Side | None) -> bytes | None:
        """What a side holds."""
        return None if side is None else self.contents.get(side.sha)

    @property
    def merged(self) -> bytes | None:
        """The file in the result, with its markers."""
        return None if self.merged_id is None else self.contents.get(self.merged_id)

    def regions(self) -> list[Region]:
        """The conflict regions of the file in the result."""
        merged = self.merged
        return [] if merged is None else regions(merged, *self._labels)

    def question(self) -> Question:
        """What must be known to tell which changes meet in it."""
        if self.kind in {"modify/delete", "rename/delete"}:
            return Question(frozenset(self.names), gone=(self.target is None, self.source is None))
        if self.merged is None or self.kind not in {"content", "add/add"}:
            return Question(frozenset(self.names))
        versions = (self.conflict.base, self.conflict.ours, self.conflict.theirs)
        texts = [self.content(side) or b"" for side in versions]
        found = places(self.merged, self.regions(), *texts, ours_is_target=self._ours_is_target)
        return Question(frozenset(self.names), found)

    def check_solved(self, content: bytes, folder: str) -> None:
        """Make sure that nobody hands git's markers back as a solution.

        Raises
        ------
        PlanError
            They are there, and on no side of the conflict.
        """
        sides = [self.content(side) or b"" for side in (self.base, self.target, self.source)]
        for marker in _MARKERS:
            if marker.search(content) and not any(marker.search(side) for side in sides):
                raise PlanError(f"{os.fsdecode(self.path)!r} in {folder!r} still has conflict markers; take them out")

    def with_side(self, *, of_source: bool) -> bytes | None:
        """The file with one side in every region."""
        merged = self.merged
        if merged is None:
            return None
        return take_side(merged, *self._labels, "theirs" if of_source == self._ours_is_target else "ours")

    def shown(self, step: str) -> OpenConflict:
        """The conflict for a callback."""
        return OpenConflict(
            step=step,
            path=os.fsdecode(self.path),
            kind=self.kind,
            base=self.content(self.base),
            target=self.content(self.target),
            source=self.content(self.source),
            merged=self.merged,
        )


_KINDS = (
    ("submodule", "submodule"),
    ("binary", "binary"),
    ("modify/delete", "modify/delete"),
    ("rename/rename", "rename/rename"),
    ("rename/delete", "rename/delete"),
    ("file/directory", "file/directory"),
    ("distinct modes", "mode"),
    ("distinct types", "mode"),
    ("directory rename", "directory-rename"),
    ("file location", "directory-rename"),
    ("implicit dir rename", "directory-rename"),
)


def _kind(conflict: Conflict) -> str:
    sides = [side for side in (conflict.base, conflict.ours, conflict.theirs) if side is not None]
    if any(side.mode == _SUBMODULE for side in sides):
        return "submodule"
    said = " ".join(conflict.kinds)
    named = [kind for words, kind in _KINDS if words in said]
    if not named and any("Cannot merge binary files" in message for message in conflict.messages):
        named.append("binary")
    return named[0] if named else _kind_by_sides(conflict.base, conflict.ours, conflict.theirs, said)


def _kind_by_sides(base: Side | None, ours: Side | None, theirs: Side | None, said: str) -> str:
    if ours is not None and theirs is not None:
        if ours.sha == theirs.sha and ours.mode != theirs.mode:
            return "mode"
        if base is None:
            return "add/add"
    return "content" if "content" in said else "other"


def _id(side: Side | None) -> Sha | None:
    return None if side is None else side.sha


def _mode(side: Side | None) -> str | None:
    return None if side is None else side.mode


def _in_folder(folder: Path, path: bytes) -> bytes | None:
    """The resolved file of a path; None if the folder has none."""
    if not folder.is_dir():
        raise PlanError(f"the folder of resolved files {str(folder)!r} does not exist; make it, or change the plan")
    if {b"", b".", b".."} & set(path.split(b"/")):
        return None
    file = folder / os.fsdecode(path)
    if not file.resolve().is_relative_to(folder.resolve()):
        raise PlanError(f"{str(file)!r} leads out of the folder of resolved files through a link; copy the file there")
    if not file.is_file():
        return None
    try:
        return file.read_bytes()
    except OSError as error:
        raise PlanError(f"the resolved file {str(file)!r} cannot be read: {error.strerror or error}") from None


__all__ = ["Conflicts", "OpenConflict", "Outcome", "Resolver", "Sides"]
