"""What simulated landings would lose, by the rules of the audit.

Two questions. Where a conflict was solved: did the solution drop what one of the sides had? And for every later
landing, those of the forecast included: is what the plan brought still there afterwards?
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from branchsim.audit.inspect import Inspector
from branchsim.audit.losses import LossReader, Step
from branchsim.audit.pathhistory import GitHistory
from branchsim.audit.pathlog import PathLog
from branchsim.audit.steps import Landed, parts_of, tree_of
from branchsim.audit.steps import Landing as AuditLanding
from branchsim.effects import UnitCache, unknown
from branchsim.effects.tokens import said_again
from branchsim.git.commitobject import load_commits
from branchsim.git.difftree import renames
from branchsim.git.log import empty_tree
from branchsim.git.objects import ObjectReader
from branchsim.git.touching import MANY, touched
from branchsim.names import Sha
from branchsim.simulate.records import Loss
from branchsim.simulate.trees import differing_paths

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    from branchsim.effects import Unit, Units
    from branchsim.git.log import Commit
    from branchsim.git.objects import TreeEntry
    from branchsim.git.repository import Repository
    from branchsim.simulate.graph import Graph
    from branchsim.simulate.records import Landing, Solved

_LIMIT = 8_000_000
_MANY = 2000
"""More changed paths than this are a version, not a fix: their units are not followed."""

MOST = 500
"""At most so many changes that are owed are followed."""

# What a step of the plan does with its own hands is decided, not lost.
_DECIDED = frozenset({"commit", "revert"})

# A solution writes the lines in conflict anew; that is what it is for.
_SOLVED_WELL = "rewritten"


@dataclass(frozen=True, slots=True)
class _Brought:
    """What one landing of work brought to one path: the units that came, and those that went."""

    path: bytes
    by: Sha
    came: frozenset[Unit]
    went: frozenset[Unit]


class LossJudge:
    """The loss check that `simulate` uses by default.

    Parameters
    ----------
    reader : ObjectReader
        Reads trees and files.
    graph : Graph
        What is known of commits.
    """

    def __init__(self, reader: ObjectReader, graph: Graph) -> None:
        self._reader = reader
        self._graph = graph
        self._cache = UnitCache()
        self._brought: dict[tuple[bytes, Sha], _Brought] = {}
        self._blobs: dict[Sha, bytes | Units] = {}
        # Paths and units in whose place a solution has put text of its own.
        self._settled: set[tuple[str, str]] = set()

    def __call__(self, repository: Repository, landing: Landing) -> list[Loss]:
        """The losses of one landing."""
        found = self._of_solutions(repository, landing) if landing.solved else []
        gone = list(self._no_longer_there(repository, landing))
        self._settle(landing, {(loss.path, loss.what) for loss in found})
        if landing.method in _DECIDED:
            self._forget(gone)
        else:
            found += (loss for _, _, loss in gone)
        if landing.purpose == "work":
            self._remember(landing)
        return list(dict.fromkeys(found))

    def follow(self, repository: Repository, changes: Sequence[tuple[Sha, Sha | None, Sha]]) -> None:
        """Follow what earlier changes brought, as what the plan brings is followed.

        Parameters
        ----------
        repository : Repository
            Where to read.
        changes : sequence of (Sha, Sha or None, Sha)
            Commit, tree before (None for the empty one) and tree after of each.
        """
        nothing = empty_tree(repository.scratch)
        differing = [
            (commit, dict(differing_paths(self._reader, nothing if before is None else before, after)))
            for commit, before, after in changes
        ]
        differing = [(commit, changed) for commit, changed in differing if len(changed) <= _MANY]
        self._load(entry for _, changed in differing for both in changed.values() for entry in both)
        for commit, changed in differing:
            self._bring(commit, commit, changed)

    # -- conflicts that were solved ------------------------------------------------------------------------------

    def _of_solutions(self, repository: Repository, landing: Landing) -> list[Loss]:
        scratch = repository.scratch
        found: list[Loss] = []
        with LossReader(scratch) as reader:
            inspector = Inspector(repository, reader, _Before(repository, reader, self._graph))
            for solved in landing.solved:
                (commit,) = load_commits(scratch, [solved.commit])
                if solved.picked:
                    parts = [self._pick(repository, solved, commit.tree)]
                else:
                    parts = self._merge(repository, commit, solved)
                inspection = inspector.judged(commit, AuditLanding("merge", tuple(parts)))
                fresh = self._fresh(solved, commit.tree)
                # Solved in the source: what was merged there is the target of the step.
                turned = not solved.picked and solved.onto != landing.before
                for each in inspection.records:
                    if each.fate == _SOLVED_WELL or said_again(each.unit, fresh.get(each.path, ())):
                        self._settled.add((each.path, each.unit))
                    else:
                        loss = Loss(
                            path=each.path,
                            what=each.unit,
                            cause=each.cause.value,
                            reason=_turned(each.reason) if turned else each.reason,
                            confidence=each.rank,
                            change=each.changes[0] if each.changes else None,
                        )
                        found.append(loss)
        return found

    def _fresh(self, solved: Solved, merged: Sha) -> dict[str, list[str]]:
        """The lines of a solution that neither side has."""
        self._graph.learn([solved.onto, solved.source])
        trees = (merged, self._graph[solved.onto].tree, self._graph[solved.source].tree)
        entries = self._reader.entries([(tree, path) for tree in trees for path in sorted(solved.paths)])
        self._load(entries.values())
        found = {}
        for path in sorted(solved.paths):
            result, *sides = (self._units(path, entries.get((tree, path))) for tree in trees)
            if result.is_known and all(side.is_known for side in sides):
                known = {unit for side in sides for unit in side.counts}
                fresh = [unit.value for unit in result.counts if unit.kind == "line" and unit not in known]
                found[path.decode("utf-8", "replace")] = fresh
        return found

    def _merge(self, repository: Repository, commit: Commit, solved: Solved) -> list[Landed]:
        bases = self._graph.merge_bases(solved.onto, solved.source)
        trees = tree_of(repository.scratch, [solved.onto, solved.source, *bases])
        paths = solved.paths
        return parts_of(
            repository.scratch, commit, solved.source, bases, trees, paths=paths, conflicted=paths, clean=False
        )

    def _pick(self, repository: Repository, solved: Solved, merged: Sha) -> Landed:
        graph, scratch = self._graph, repository.scratch
        graph.learn([solved.onto, solved.source])
        parents = graph[solved.source].parents[:1]
        graph.learn(parents)
        base = graph[parents[0]].tree if parents else empty_tree(scratch)
        trees = {"base": base, "target": graph[solved.onto].tree, "source": graph[solved.source].tree, "merged": merged}
        step = Step(trees, solved.paths, solved.paths)
        return Landed(step, solved.onto, solved.source, parents[0] if parents else None, conflicted=True)

    def _settle(self, landing: Landing, lost: Container[tuple[str, str]]) -> None:
        """Take down what arrives with a landing, is not seen on its branch afterwards, and yet is not lost.

        Git's own merge drops nothing of what arrives, and what a solution drops was judged. So it is there under
        another name, or the branch had it before and has gone on from there.
        """
        graph, source = self._graph, landing.source
        if source is None:
            return
        arriving = [
            brought
            for brought in self._brought.values()
            if brought.by in graph
            and graph.is_ancestor(brought.by, source)
            and not graph.is_ancestor(brought.by, landing.before)
        ]
        if not arriving:
            return
        sides = {source, *(side for solved in landing.solved for side in (solved.onto, solved.source))}
        graph.learn(sides)
        before, after = self._trees(landing)
        trees = [graph[side].tree for side in sorted(sides)]
        paths = sorted({brought.path for brought in arriving})
        entries = self._reader.entries([(tree, path) for tree in (before, after, *trees) for path in paths])
        self._load(entries.values())
        for brought in arriving:
            had, has, *there = (
                self._units(brought.path, entries.get((tree, brought.path))) for tree in (before, after, *trees)
            )
            path = brought.path.decode("utf-8", "replace")
            for unit in brought.came:
                arrives = any(unit in each.counts for each in there)
                if arrives and unit not in had.counts and unit not in has.counts and (path, str(unit)) not in lost:
                    self._settled.add((path, str(unit)))

    # -- what the plan brought -----------------------------------------------------------------------------------

    def _remember(self, landing: Landing) -> None:
        before, after = self._trees(landing)
        changed = dict(differing_paths(self._reader, before, after))
        if len(changed) > _MANY:
            return
        self._load(entry for both in changed.values() for entry in both)
        self._bring(landing.after, landing.source or landing.after, changed)

    def _bring(self, key: Sha, by: Sha, changed: Mapping[bytes, tuple[TreeEntry | None, TreeEntry | None]]) -> None:
        for path, (old, new) in changed.items():
            had, has = self._units(path, old), self._units(path, new)
            if had.is_known and has.is_known:
                # Only what is wholly there or not is followed: one of several equal lines has no identity.
                came = frozenset(unit for unit in has.counts if unit not in had.counts and unit.kind != "path")
                went = frozenset(unit for unit in had.counts if unit not in has.counts and unit.kind != "path")
                self._brought[path, key] = _Brought(path, by, came, went)

    def _forget(self, gone: Iterable[tuple[tuple[bytes, Sha], Unit, Loss]]) -> None:
        for key, unit, _ in gone:
            brought = self._brought[key]
            self._brought[key] = replace(brought, came=brought.came - {unit}, went=brought.went - {unit})

    def _no_longer_there(
        self, repository: Repository, landing: Landing
    ) -> Iterator[tuple[tuple[bytes, Sha], Unit, Loss]]:
        if not self._brought:
            return
        before, after = self._trees(landing)
        paths = sorted({brought.path for brought in self._brought.values()})
        entries = self._reader.entries([(tree, path) for tree in (before, after) for path in paths])
        moved = [path for path in paths if entries.get((before, path)) != entries.get((after, path))]
        names = self._names(repository, before, after, [path for path in moved if (after, path) not in entries])
        new_entries = self._reader.entries([(after, name) for name in names.values()])
        both = {}
        for path in moved:
            now = entries.get((after, path)) or new_entries.get((after, names.get(path, path)))
            both[path] = entries.get((before, path)), now
        self._load(entry for pair in both.values() for entry in pair)
        for key, brought in self._brought.items():
            if brought.path in both:
                had, has = (self._units(brought.path, entry) for entry in both[brought.path])
                for unit, loss in self._gone(brought, landing, had, has):
                    yield key, unit, loss

    def _gone(self, brought: _Brought, landing: Landing, had: Units, has: Units) -> Iterator[tuple[Unit, Loss]]:
        if not had.is_known or not has.is_known:
            return
        # What the graph does not have, every branch has.
        knew = landing.source is not None and (
            brought.by not in self._graph or self._graph.is_ancestor(brought.by, landing.source)
        )
        why = (
            f"{landing.source[:12]} had {brought.by[:12]} and dropped it before"
            if knew and landing.source is not None
            else f"what landed never had {brought.by[:12]}"
        )
        cause = "merge-resolution" if knew else "blind-overwrite"
        path = brought.path.decode("utf-8", "replace")
        gone = []
        for unit in brought.came:
            if unit not in had.counts or unit in has.counts:
                continue
            # A merge by git alone keeps what the other side never saw; of its element only the name can have changed.
            if not knew and not landing.solved and unit.kind != "line":
                self._settled.add((path, str(unit)))
            # Whoever solved the conflict has said what stands there; it now arrives.
            elif not (knew and (path, str(unit)) in self._settled):
                gone.append((unit, "is no longer there"))
        back = [(unit, "is back") for unit in brought.went if unit not in had.counts and unit in has.counts]
        for unit, what in sorted(gone + back):
            reason = f"{str(unit)!r} {what} on {landing.branch} after {landing.step!r}: {why}"
            yield unit, Loss(path=path, what=str(unit), cause=cause, reason=reason, change=brought.by)

    def _names(self, repository: Repository, before: Sha, after: Sha, gone: Sequence[bytes]) -> dict[bytes, bytes]:
        """The new names of files that are gone."""
        if not gone:
            return {}
        moved = renames(repository.scratch, [(before, after)])[before, after]
        return {path: moved[path] for path in gone if path in moved}

    # -- reading -------------------------------------------------------------------------------------------------

    def _trees(self, landing: Landing) -> tuple[Sha, Sha]:
        self._graph.learn([landing.before, landing.after])
        return self._graph[landing.before].tree, self._graph[landing.after].tree

    def _load(self, entries: Iterable[TreeEntry | None]) -> None:
        wanted = sorted({entry.sha for entry in entries if entry is not None and not entry.is_submodule})
        self._blobs = {
            sha: content if isinstance(content, bytes) else unknown(str(content))
            for sha, content in self._reader.blobs(wanted, limit=_LIMIT)
        }

    def _units(self, path: bytes, entry: TreeEntry | None) -> Units:
        if entry is None:
            return self._cache.units(path, None, "100644", lambda _: b"")
        return self._cache.units(path, entry.sha, entry.mode, lambda sha: self._blobs[Sha(sha)])


class _Before(GitHistory):
    """The history of paths up to a simulated landing; nothing has come after it."""

    def __init__(self, repository: Repository, reader: LossReader, graph: Graph) -> None:
        super().__init__(repository, reader)
        self._graph = graph

    def before(self, tip: Sha, names: Sequence[bytes], *, base: Sha | None = None) -> PathLog:
        """As git has it; what came since a base is read from the trees, if that is not much."""
        since = [] if base is None else self._graph.since(base, tip)
        if base is None or base not in self._graph or tip not in self._graph or len(since) > MANY:
            return super().before(tip, names, base=base)
        scratch = self._repository.scratch
        found = touched(ObjectReader(scratch), self._graph.differences(since), names)
        wanted = dict.fromkeys(touch.commit for touches in found.values() for touch in touches)
        commits = {commit.sha: commit for commit in load_commits(scratch, wanted)}
        steps = {name: [(commits[sha], change) for sha, change in touches] for name, touches in found.items()}
        return PathLog.of_steps(self._reader, steps, beyond=functools.cache(lambda: self.before(tip, names)))

    def after(self, commit: Sha, names: Sequence[bytes]) -> PathLog:
        """Nothing."""
        del commit, names
        return PathLog(self._reader, ())


def _turned(reason: str) -> str:
    """A reason with the sides as the step names them."""
    for side, other in (("source", "target"), ("target", "source")):
        if reason.endswith(f" that of the {side}"):
            return reason.removesuffix(side) + other
    return reason


__all__ = ["LossJudge"]
