"""Overwrites: landings after which a change's effect, live before, is gone, though nobody who knew it decided so.

Every merge, every commit that takes files back to an older version and every revert that came from elsewhere is judged
once; then each branch is asked whether it had the effect before the landing that brought that commit, and has it after.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from branchsim.audit.attributes import attributes_of
from branchsim.audit.causes import Cause
from branchsim.audit.findings import Found, Judge
from branchsim.audit.forced import Forced
from branchsim.audit.graphlog import GraphLog
from branchsim.audit.homes import Homes
from branchsim.audit.knowing import TakenBack, is_fix
from branchsim.audit.losses import LossReader, PathLosses
from branchsim.audit.match import Skipped
from branchsim.audit.overwrite import Overwrite, Overwrites, State
from branchsim.audit.pathlog import PathLog
from branchsim.audit.propagated import Propagated, PropagatedReverts
from branchsim.audit.ranks import SECONDARY, is_main
from branchsim.audit.redone import Redone, may_have_lost, parts_redone, redone
from branchsim.audit.squashes import squash_steps
from branchsim.audit.stale_commits import StaleCommits
from branchsim.audit.steps import Landed, distinct, landed
from branchsim.audit.suspects import Suspects
from branchsim.effects import Unit
from branchsim.effects.presence import What
from branchsim.forks import in_shares, share_out
from branchsim.git.log import pack
from branchsim.names import Sha

if TYPE_CHECKING:
    from branchsim.audit.moves import Move
    from branchsim.git.log import Commit
    from branchsim.git.repository import Repository
    from branchsim.history.changes import Change, Changes
    from branchsim.history.landings import History, Landing
    from branchsim.history.promotions import Promotion

_TWO = 2
_BACK = frozenset({What.UNDONE.value, What.UNRESOLVED.value, What.MALFORMED.value})
_HELD = 64 * 1024 * 1024
_HOTFIX = 0.3
"""What it adds to a rank that the change came from a family which owes retrofits: somebody needed it at once."""

_NOT_RECORDED = 0.5
"""The confidence that a branch was moved by force where no reflog recorded it."""

_MOMENTS = 100
"""So many later landings that touch a file are asked whether it has what it lost."""

_PROPAGATED = 0.7
"""The rank of a revert that came from another branch."""

_IN_RUN = 0.1
"""What it adds to a rank that a branch of the layer in which releases land lost it."""


def find_overwrites(
    repository: Repository,
    history: History,
    changes: Changes,
    promotions: Sequence[Promotion],
    *,
    moves: Sequence[Move] = (),
    report: Callable[[str], None] | None = None,
) -> Overwrites:
    """The overwrites of a history.

    Parameters
    ----------
    repository : Repository
        Where to read.
    history, changes, promotions
        The replay.
    moves : sequence of Move
        Branches that left commits behind, from `find_moves`.
    report : callable, optional
        Called with a sentence when a part of the work is begun.

    Returns
    -------
    Overwrites
        Ascending in the time of landing, then by rank, highest first.
    """
    ignored = history.topology.ignored if history.topology.ignore_paths else None
    # Work begins on the first branch, so that one knows first what is generated.
    tips = (history.commit(landings[-1].sha).tree for landings in history.landings.values() if landings)
    attributes = attributes_of(repository.scratch, next(tips, None))

    def reading() -> LossReader:
        return LossReader(
            repository.scratch, ignore=ignored, attributes=attributes, list_keys=history.topology.list_keys
        )

    with reading() as reader:
        log, homes = GraphLog(history, reader), Homes(history, changes)
        finder = _Finder(repository, history, changes, promotions, reading, reader, log, homes, report, moves)
        return finder.find()


class _Mended(NamedTuple):
    """A commit that brought something back, the one that had taken it away, and at which path."""

    by: Sha
    overwriter: Sha
    path: str


class _Part(NamedTuple):
    """What some of the merges came to."""

    records: list[Overwrite]
    left_out: Counter[str]
    skipped: dict[str, str]
    mended: set[_Mended]
    unmade: list[Commit]


@dataclass(frozen=True, eq=False)
class _Finder:
    repository: Repository
    history: History
    changes: Changes
    promotions: Sequence[Promotion]
    reading: Callable[[], LossReader]
    reader: LossReader
    log: GraphLog
    homes: Homes
    report: Callable[[str], None] | None
    moves: Sequence[Move]
    left_out: Counter[str] = field(default_factory=Counter)
    skipped: dict[str, str] = field(default_factory=dict)
    _mended: set[_Mended] = field(default_factory=set)
    _squashed: set[Sha] = field(default_factory=set)
    _heads: dict[Sha, Commit] = field(default_factory=dict)
    _unmade: list[Commit] = field(default_factory=list)

    def find(self) -> Overwrites:
        records: list[Overwrite] = []
        self._say("redoing merges")
        records += self._merges()
        records += self._one_by_one()
        self._say("redoing squashes")
        records += self._squashes()
        self._say("looking for stale commits")
        stale = StaleCommits(
            self.history, self.changes, self.reader, self.log, self._arrived, self._squashed, self.left_out
        )
        for commit, taken, losses in stale.find():
            records += self._of_losses(commit, losses, taken)
        records += self._propagated_reverts()
        self._say("looking for branches that were moved by force")
        records += self._moved()
        records = self._without_mending(records)
        best: dict[tuple[Sha, str, str, Sha], Overwrite] = {}
        for record in records:
            key = (record.change, record.path, record.branch, record.landing)
            if key not in best or record.rank > best[key].rank:
                best[key] = record
        ordered = sorted(best.values(), key=lambda r: (r.landed_at, r.branch, -r.rank, r.path, r.change))
        skipped = tuple(Skipped(what, why) for what, why in sorted(self.skipped.items()))
        return Overwrites(tuple(ordered), self.left_out, skipped)

    def _without_mending(self, records: Iterable[Overwrite]) -> list[Overwrite]:
        """Without what goes where something is brought back: who does that takes away what had overwritten it."""
        overwriters: dict[Sha, set[Sha]] = defaultdict(set)
        paths: dict[Sha, set[str]] = defaultdict(set)
        for by, overwriter, path in self._mended:
            overwriters[by].add(overwriter)
            paths[by].add(path)
        return [
            each
            for each in records
            if each.path not in paths[each.dropped_by]
            and not (each.commits and overwriters[each.dropped_by].issuperset(each.commits))
        ]

    def _say(self, what: str) -> None:
        if self.report is not None:
            self.report(what)

    def _arrived(self, number: int) -> Iterator[Landing]:
        """The landings with which a commit came to each branch, those before ``since`` left out."""
        since = self.history.since
        for branch, places in self.history.arrivals.items():
            place = int(places[number])
            if place >= 0:
                landing = self.history.landings[branch][place]
                if since is None or landing.at >= since:
                    yield landing

    # Merges.

    def _merges(self) -> list[Overwrite]:
        """What the merges of two parents lost, looked at here and in forks of this process."""
        graph = self.history.graph
        merges = [
            commit
            for number, commit in enumerate(graph.commits)
            if len(commit.parents) == _TWO and number not in graph.cut and any(self._arrived(number))
        ]
        if not merges:
            return []
        scratch = self.repository.scratch
        suspects = Suspects(scratch, graph, lambda number: pack(graph.commits[number].changes))
        lossy = may_have_lost(suspects, merges, self.reading, left_out=self.left_out)
        shares = in_shares(redone(scratch, suspects, lossy), smallest=1)

        @contextmanager
        def start() -> Iterator[Callable[[int], _Part]]:
            with self.reading() as own:
                yield lambda number: self._apart(own).of_merges(suspects, shares[number])

        records: list[Overwrite] = []
        for part in share_out(start, len(shares)):
            records += part.records
            self.left_out.update(part.left_out)
            self.skipped.update(part.skipped)
            self._mended.update(part.mended)
            self._unmade.extend(part.unmade)
        return records

    def _apart(self, reader: LossReader) -> _Finder:
        """The same with a reader of its own, that has found nothing yet."""
        log = self.log.read_with(reader)
        return replace(self, reader=reader, log=log, left_out=Counter(), skipped={}, _mended=set(), _unmade=[])

    def of_merges(self, suspects: Suspects, merges: Sequence[Redone]) -> _Part:
        """What some merges of two parents lost."""
        graph = self.history.graph
        records: list[Overwrite] = []
        for commit, result, changed in merges:
            if result is None:
                self._unmade.append(commit)
            else:
                bases = [graph.sha(number) for number in suspects.bases(commit)]
                parts = parts_redone(self.repository.scratch, graph, commit, bases, result, changed)
                records += self._of_parts(commit, parts)
        return _Part(records, self.left_out, self.skipped, self._mended, self._unmade)

    def _one_by_one(self) -> list[Overwrite]:
        """Merges of more than two parents, and those that git cannot redo, which are rare: each head for itself."""
        graph = self.history.graph
        records: list[Overwrite] = []
        several = [
            commit
            for number, commit in enumerate(graph.commits)
            if len(commit.parents) > _TWO and number not in graph.cut and any(self._arrived(number))
        ]
        for commit in (*self._unmade, *several):
            landing = landed(self.repository, commit)
            self.skipped.update(dict.fromkeys([str(commit.sha)] if landing.skipped else [], "; ".join(landing.skipped)))
            records += self._of_parts(commit, landing.parts)
        return records

    def _squashes(self) -> list[Overwrite]:
        steps, heads, unread = squash_steps(self.repository, self.history)
        self.skipped.update(unread)
        self._heads.update(heads)
        records: list[Overwrite] = []
        for commit, part in steps:
            self._squashed.add(commit.sha)
            records += self._of_parts(commit, [part])
        return records

    def _of_parts(self, commit: Commit, parts: Iterable[Landed]) -> list[Overwrite]:
        losses = []
        for part in parts:
            found = self.reader.read(part.step)
            self.left_out.update(found.left_out)
            for path, why in found.skipped:
                self.skipped[f"{commit.sha}:{path.decode('utf-8', 'replace')}"] = why
            losses += [(part, each) for each in found.paths]
        records = self._of_losses(commit, distinct(losses), TakenBack())
        self.reader.forget(above=_HELD)
        return records

    # What a commit lost, on every branch it reached.

    def _of_losses(
        self, commit: Commit, losses: Sequence[tuple[Landed, PathLosses]], taken: TakenBack
    ) -> list[Overwrite]:
        if not losses:
            return []
        names = sorted({name for _, each in losses for name in each.names.values()})
        graph = self.history.graph
        own = graph.number(commit.sha)
        logs: dict[Sha, PathLog] = {}

        def log(tip: Sha) -> PathLog:
            if tip not in logs:
                outside, inside = self._outside(tip)
                mask = graph.ancestors(inside)
                logs[tip] = self.log.log(names, lambda number: bool(mask[number]), outside=outside)
            return logs[tip]

        # Only what came to a branch after the commit did can have brought something back there.
        later = self.log.log(names, self._may_bring_back(own), merges=True)
        judge = Judge(commit, log, later, taken, self._is_hotfix, self.reader.deltas)
        found = [each for each in judge.findings(losses) if each.finding.cause is not Cause.SUPERSEDED]
        self.left_out["superseded"] += sum(len(each.losses) for _, each in losses) - len(found)
        found = self._without_branch_names(found)
        records = []
        for landing in self._arrived(own):
            hurt = [each for each in found if self._was_lost(landing, commit, each)]
            records += self._grouped(landing, commit, hurt)
        return records

    def _without_branch_names(self, found: list[Found]) -> list[Found]:
        """Without lines that stand in another's place and say the same of another branch: each has its own."""
        by_path: dict[bytes, list[tuple[Found, str]]] = defaultdict(list)
        for each in found:
            by_path[each.evidence.path].append((each, self._any_branch.sub("\0", each.unit.value)))
        own = set()
        for members in by_path.values():
            gone, back = ({said for each, said in members if each.undone is undone} for undone in (False, True))
            own |= {id(each) for each, said in members if "\0" in said and said in gone & back}
        self.left_out["branch-name"] += len(own)
        return [each for each in found if id(each) not in own]

    @cached_property
    def _any_branch(self) -> re.Pattern[str]:
        names = sorted(self.history.landings, key=len, reverse=True)
        return re.compile(r"(?<![\w.-])(?:" + "|".join(map(re.escape, names)) + r")(?![\w-]|\.\w)")

    def _outside(self, tip: Sha) -> tuple[list[Commit], list[int]]:
        """The commits of a head that no branch of the topology has, newest first, and where they meet the history."""
        graph = self.history.graph
        outside: dict[Sha, Commit] = {}
        inside: set[int] = set()
        waiting = [tip]
        while waiting:
            sha = waiting.pop()
            commit = self._heads.get(sha)
            number = graph.find(sha)
            if number is not None:
                inside.add(number)
            elif commit is not None and sha not in outside:
                outside[sha] = commit
                waiting += commit.parents
        newest = sorted(outside.values(), key=lambda commit: (commit.committed_at, commit.sha), reverse=True)
        return [commit for commit in newest if not commit.is_merge], sorted(inside)

    # Branches that were moved without fast-forward.

    def _moved(self) -> list[Overwrite]:
        def logs(sha: Sha, names: Sequence[bytes]) -> tuple[PathLog, PathLog]:
            own = self.history.graph.number(sha)
            mask = self.history.graph.ancestors([own])
            before = self.log.log(names, lambda number: bool(mask[number]))
            later = self.log.log(names, self._may_bring_back(own), merges=True)
            return before, later

        forced = Forced(
            self.repository, self.history, self.reader, self.homes, logs, self._is_hotfix, self.left_out, self.skipped
        )
        records: list[Overwrite] = []
        for move in self.moves:
            landing = self.history.commit(move.landing.sha)
            lost = self._grouped(move.landing, landing, forced.of(move))
            records += lost if move.certain else [replace(each, confidence=_NOT_RECORDED) for each in lost]
        return records

    def _may_bring_back(self, own: int) -> Callable[[int], bool]:
        """Whether a commit came after a loss: what a merge did is told against its first parent, which must have it."""
        graph, arrivals = self.history.graph, self.history.arrivals.values()
        after = graph.reached([own], down=True)

        def may(number: int) -> bool:
            first = graph.parents[number][:1]
            if number <= own or (graph.commits[number].is_merge and not (first and after[first[0]])):
                return False
            return any(places[number] >= places[own] >= 0 for places in arrivals)

        return may

    def _is_hotfix(self, commit: Commit) -> bool:
        change = self.homes.of(commit)
        return is_fix(commit) or (change is not None and change.family is not None and "fix" in change.family.lower())

    def _was_lost(self, landing: Landing, commit: Commit, each: Found) -> bool:
        """Whether a branch had a unit before a landing and has not after it; or was to receive it, and did not."""
        if self._within(landing, commit, each):
            return False
        tip = self.history.commit(landing.sha)
        after = self._has(tip.tree, each.names, each.unit)
        if after != each.undone:
            return False
        if each.finding.side == "source" and commit.sha == landing.sha:
            return True
        if landing.before is None:
            return False
        before = self._has(self.history.commit(landing.before).tree, each.names, each.unit)
        return before != each.undone

    def _within(self, landing: Landing, commit: Commit, each: Found) -> bool:
        """Whether a landing brought what was lost together with its loss, or with what mended it.

        What a work branch tried and took back, or lost and mended, never stood otherwise on the branch it landed on.
        """
        if commit.sha == landing.sha:
            return False
        graph = self.history.graph
        arrived = self.history.arrivals[landing.branch]
        if each.origin is not None and not commit.is_merge:
            origin = graph.find(each.origin.sha)
            if origin is not None and arrived[origin] == landing.place:
                return True
        if each.restorer is None:
            return False
        back = graph.find(each.restorer.sha)
        return (
            back is not None
            and 0 <= arrived[back] <= landing.place
            and graph.is_ancestor(graph.number(commit.sha), back)
        )

    def _has(self, tree: Sha, names: Sequence[bytes], unit: Unit) -> bool:
        self.reader.locate((tree, name) for name in names)
        if unit.kind == "malformed":
            return any(self.reader.flaw(name, self.reader.located(tree, name)) for name in names)
        return any(
            (units := self.reader.units(name, self.reader.located(tree, name))).is_known
            and units.counts.get(unit, 0) > 0
            for name in names
        )

    def _grouped(self, landing: Landing, commit: Commit, hurt: Sequence[Found]) -> list[Overwrite]:
        groups: dict[tuple[Sha, str], list[Found]] = defaultdict(list)
        for each in hurt:
            change = self.homes.of(each.origin or commit)
            origin = each.origin.sha if each.origin is not None else commit.sha
            groups[change.id if change is not None else origin, each.finding.path].append(each)
        records = []
        for (_, path), members in groups.items():
            members.sort(key=lambda each: (-each.finding.rank, each.finding.unit))
            records.append(self._record(landing, commit, path, members))
        return records

    def _record(self, landing: Landing, commit: Commit, path: str, members: Sequence[Found]) -> Overwrite:
        first = members[0]
        origin = first.origin
        change = self.homes.of(origin) if origin is not None else None
        restorer, successor = self._later_fate(landing, commit, members)
        waiver = self.history.topology.waiver_for(
            commit=change.id if change is not None else None,
            author=(origin.author, origin.author_email) if origin is not None else None,
            paths=[path],
        )
        state = (
            State.ACCEPTED if waiver is not None
            else State.RESTORED if restorer is not None
            else State.SUPERSEDED if successor is not None
            else State.OPEN
        )  # fmt: skip
        # What brought it back elsewhere did not on this branch.
        reason = first.why if restorer is None else first.finding.reason
        if commit.sha != landing.sha:
            reason += f"; {landing.branch} received {commit.sha[:12]} with {landing.sha[:12]}"
        if waiver is not None:
            reason += f"; accepted: {waiver.reason}"
        return Overwrite(
            change=change.id if change is not None else origin.sha if origin is not None else commit.sha,
            commits=self._commits(change, members),
            subject=change.subject if change is not None else origin.subject if origin is not None else commit.subject,
            family=change.family if change is not None else None,
            path=path,
            branch=landing.branch,
            landing=landing.sha,
            landed_at=landing.at,
            dropped_by=commit.sha,
            side=first.finding.side,
            cause=first.finding.cause,
            fate=first.finding.fate,
            units=tuple(each.finding.unit for each in members),
            returned=tuple(each.finding.unit for each in members if each.finding.what in _BACK),
            rank=self._rank(landing, change, first),
            confidence=_confidence(first),
            state=state,
            restored_by=restorer.sha if restorer is not None else None,
            restored_at=restorer.at if restorer is not None else None,
            superseded_by=successor.sha if successor is not None and restorer is None else None,
            released_in=self._released_in(change, commit.sha),
            releases=self._releases(landing, commit.sha, restorer),
            reason=reason,
            check=first.finding.check,
        )

    def _rank(self, landing: Landing, change: Change | None, first: Found) -> float:
        """The rank of the worst unit, raised by what the topology knows: a hotfix was hurt, or RUN lost it."""
        value = first.finding.rank
        family = self.history.topology.family_of(change.source) if change is not None and change.source else None
        if family is not None and family.retrofit:
            value += _HOTFIX
        if first.finding.side != "source" and landing.branch in self._run:
            value += _IN_RUN
        return round(min(1.0, value), 3)

    @cached_property
    def _run(self) -> frozenset[str]:
        """The branches of the layer in which releases land."""
        topology = self.history.topology
        layer = topology.layer_of(topology.last_branch())
        return frozenset(branch.name for branch in topology.branches if topology.layer_of(branch.name) == layer)

    def _commits(self, change: Change | None, members: Sequence[Found]) -> tuple[Sha, ...]:
        """The commits whose effect is gone, and those they were picked from."""
        own = {each.origin.sha for each in members if each.origin is not None}
        if change is not None and own.isdisjoint(change.commits):
            own |= {sha for sha in change.commits if not self.history.commit(sha).is_merge}
        return tuple(sorted(own))

    def _later_fate(
        self, landing: Landing, commit: Commit, members: Sequence[Found]
    ) -> tuple[Landing | None, Landing | None]:
        """The later landings on the same branch that brought the units back for good, or rewrote their place.

        Where text was lost, only that text brings it back: who removes the older text that stands in its place has
        rewritten it. Lines with hardly a word of their own come with anything.
        """
        lost = [each for each in members if not each.undone]
        telling = [each for each in lost if not each.evidence.vague]
        first = (telling or lost or members)[0]
        restorer = self._landing_of(landing, first.restorer)
        if restorer is not None:
            # A merge that brings one change back may lose another all the same, and that in the same file.
            self._mended.update(
                _Mended(each.restorer.sha, commit.sha, name.decode("utf-8", "replace"))
                for each in members
                if each.restorer is not None and not each.restorer.is_merge
                for name in each.names
            )
            return restorer, None
        successor = first.successor or next((each.restorer for each in members if each.undone and lost), None)
        succeeded = self._landing_of(landing, successor)
        if succeeded is not None:
            return None, succeeded
        restorer = self._back_by_content(landing, first)
        if restorer is not None and not self.history.commit(restorer.sha).is_merge:
            names = (name.decode("utf-8", "replace") for name in first.names)
            self._mended.update(_Mended(restorer.sha, commit.sha, name) for name in names)
        return restorer, None

    def _back_by_content(self, landing: Landing, lost: Found) -> Landing | None:
        """The later landing after which a branch has what it lost, where no commit after the loss brought that.

        Work that never saw the loss may have it, or a merge that took the other side. Asked where the tip has it.
        """
        if not self._is_back(self.history.landings[landing.branch][-1], lost):
            return None
        touching = self.history.touching(lost.names, landing)
        return next((each for each in islice(touching, _MOMENTS) if self._is_back(each, lost)), None)

    def _is_back(self, landing: Landing, lost: Found) -> bool:
        """Whether a branch has a file after a landing, and in it what the file had lost."""
        tree = self.history.commit(landing.sha).tree
        self.reader.locate((tree, name) for name in lost.names)
        there = any(self.reader.located(tree, name) is not None for name in lost.names)
        return there and self._has(tree, lost.names, lost.unit) != lost.undone

    def _landing_of(self, landing: Landing, commit: Commit | None) -> Landing | None:
        if commit is None:
            return None
        arrived = self.history.arrival(landing.branch, commit.sha)
        return arrived if arrived is not None and arrived.place > landing.place else None

    def _released_in(self, change: Change | None, loss: Sha) -> str | None:
        """The first release that contains a change, and not yet its loss."""
        graph = self.history.graph
        number = None if change is None else graph.find(change.id)
        lost = graph.number(loss)
        for promotion in self.promotions:
            if number is None or not promotion.release:
                continue
            tip = graph.find(promotion.landing)
            arrived = self.history.arrivals[promotion.branch]
            has_it = tip is not None and 0 <= arrived[number] <= arrived[tip]
            if has_it and not 0 <= arrived[lost] <= arrived[tip]:
                return promotion.version or promotion.landing[:12]
        return None

    def _releases(self, landing: Landing, commit: Sha, restored: Landing | None) -> tuple[str, ...]:
        """The releases that contain the loss, and not what restored it."""
        graph = self.history.graph
        lost = graph.number(commit)
        back = graph.number(restored.sha) if restored is not None else None
        names = []
        for promotion in self.promotions:
            number = graph.find(promotion.landing)
            if not promotion.release or promotion.at < landing.at or number is None:
                continue
            arrived = self.history.arrivals[promotion.branch]
            has_loss = 0 <= arrived[lost] <= arrived[number]
            if has_loss and (back is None or not 0 <= arrived[back] <= arrived[number]):
                names.append(promotion.version or promotion.landing[:12])
        return tuple(dict.fromkeys(names))

    # Reverts that came from elsewhere.

    def _propagated_reverts(self) -> list[Overwrite]:
        found = PropagatedReverts(self.history, self.changes, self.reader, self._arrived).find()
        return [self._propagated(each) for each in found]

    def _propagated(self, found: Propagated) -> Overwrite:
        landing, commit, hurt, back = found.landing, found.commit, found.hurt, found.back
        paths = sorted({change.path for change in commit.changes})
        named = [path.decode("utf-8", "replace") for path in paths]
        ignored = self.history.topology.ignored
        main = [path for path, raw in zip(named, paths, strict=True) if is_main(raw, ignored)]
        waiver = self.history.topology.waiver_for(commit=hurt.id, author=(hurt.author, hurt.author_email), paths=named)
        received = f"{landing.branch} received the revert with {landing.sha[:12]}"
        reason = f"{commit.sha[:12]} reverted it on {found.home.branch}; {received}"
        if waiver is not None:
            reason += f"; accepted: {waiver.reason}"
        state = (
            State.ACCEPTED if waiver is not None
            else State.RESTORED if back is not None
            else State.SUPERSEDED if found.superseded_by is not None
            else State.OPEN
        )  # fmt: skip
        return Overwrite(
            change=hurt.id,
            commits=hurt.commits,
            subject=hurt.subject,
            family=hurt.family,
            path=named[0] if named else "",
            branch=landing.branch,
            landing=landing.sha,
            landed_at=landing.at,
            dropped_by=commit.sha,
            side="target",
            cause=Cause.REVERT_PROPAGATED,
            fate="edit-undone",
            units=(),
            rank=_PROPAGATED if main or not named else round(_PROPAGATED * SECONDARY, 3),
            confidence=0.9,
            state=state,
            restored_by=found.restored_by,
            restored_at=None if back is None else back.at,
            superseded_by=None if found.superseded_by is None else found.superseded_by.sha,
            released_in=self._released_in(hurt, commit.sha),
            releases=self._releases(landing, commit.sha, back),
            reason=reason,
            check=f"git show {commit.sha[:12]}",
        )


def _confidence(found: Found) -> float:
    """How sure it is that nobody decided so; surer where it was brought back, or where git would have kept it."""
    value = 0.6
    if found.restorer is not None:
        value += 0.2
    if found.finding.cause is Cause.EVIL_MERGE:
        value += 0.1
    return round(min(0.95, value), 3)


__all__ = ["Overwrite", "Overwrites", "State", "find_overwrites"]
