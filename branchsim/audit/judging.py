"""The judgement of one obligation: from what is known of a change and of a branch to a verdict with its reason."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from branchsim.audit.arrivals import Arrival, in_time
from branchsim.audit.causes import Cause
from branchsim.audit.evidence import CONFIDENCE, Evidence
from branchsim.audit.hurt import KEPT, Blow
from branchsim.audit.reverts import Reverts, Withdrawal
from branchsim.audit.takebacks import TakeBack, origin_of
from branchsim.audit.verdicts import Obligation, Verdict
from branchsim.git.repository import Repository
from branchsim.history.changes import Change, Changes
from branchsim.history.facts import Patches
from branchsim.history.landings import History, Landing
from branchsim.names import Sha, file_name

if TYPE_CHECKING:
    from branchsim.audit.drops import Dropped
    from branchsim.audit.overwrites import Overwrite
    from branchsim.audit.received import Received
    from branchsim.topology import ObligationRule

_PROBABLE = 0.3
"""The confidence of ``missed`` where most of the lines are there all the same."""

_UNSURE = 0.6
"""The confidence of ``missed`` where history is cut off, or the patch could not be read."""


_ADAPTED = frozenset({Evidence.TRAILER, Evidence.AUTHOR_DATE, Evidence.SUBJECT, Evidence.OVERLAP})
"""The rungs on which a port may be another patch than its source."""


@dataclass(frozen=True)
class Judge:
    """Gives the verdicts of one history.

    Attributes
    ----------
    repository : Repository
        Where to read.
    history, changes : History, Changes
        The replay.
    patches : Patches
        What could not be read of the patches.
    trailers : bool
        Whether what messages say of other commits counts.
    overwrites : sequence of Overwrite
        What is known to have been overwritten.
    """

    repository: Repository
    history: History
    changes: Changes
    patches: Patches
    trailers: bool
    overwrites: Sequence[Overwrite]
    _reverts: dict[str, Reverts] = field(default_factory=dict, repr=False)
    _foreign: dict[str, frozenset[Sha]] = field(default_factory=dict, repr=False)

    def _reverted(self, branch: str) -> Reverts:
        if branch not in self._reverts:
            self._reverts[branch] = Reverts(self.history, branch)
        return self._reverts[branch]

    def judge(self, rule: ObligationRule, change: Change, facts: Received) -> Obligation:
        """What became of a change on the branch it is owed to, by all that is known of it."""
        history = self.history
        deadline = facts.deadline
        waiver = history.topology.waiver_for(
            commit=change.id,
            author=(change.author, change.author_email),
            paths=sorted(
                {c.path.decode("utf-8", "replace") for sha in change.commits for c in history.commit(sha).changes}
            ),
        )
        if waiver is None:
            named = (history.topology.waiver_for(commit=sha) for sha in change.commits)
            waiver = next((each for each in named if each is not None), None)
        blank = Obligation(
            change=change.id,
            commits=change.commits,
            subject=change.subject,
            author=change.author,
            family=change.family,
            landing=change.landing,
            landed_on=rule.landed_on,
            owed_to=rule.owed_to,
            landed_at=change.at,
            verdict=Verdict.MISSED,
            evidence=Evidence.ABSENT,
            deadline=None if deadline is None else deadline.sha,
        )
        if waiver is not None:
            return replace(blank, verdict=Verdict.WAIVED, reason=f"waived: {waiver.reason}", check=_show(change.id))
        gone = self._withdrawn_here(rule, change, facts)
        if facts.parts and len(gone) == len(facts.parts):
            last = max(gone.values(), key=lambda each: each.place)
            return self._withdrawn(blank, rule, change, facts, last)
        facts = facts.without(gone)
        idle = {
            part.sha: facts.takes_back[part.sha]
            for part in facts.parts
            if part.sha in facts.takes_back and not facts.takes_back[part.sha].own and not facts.has(part)
        }
        if facts.parts and len(idle) == len(facts.parts):
            return self._idle(blank, rule, next(iter(idle.values())))
        facts = facts.without(idle)
        arrived = facts.arrival(history, rule.owed_to)
        if arrived is None:
            return self._absent(blank, rule, facts, deadline)
        return self._arrived(blank, rule, change, facts, arrived)

    def _withdrawn_here(self, rule: ObligationRule, change: Change, facts: Received) -> dict[Sha, Withdrawal]:
        """The parts of a change that were reverted for good where it landed, by a decision of that branch."""
        reverts = self._reverted(rule.landed_on)
        others = {*change.commits, *self._promoted_reverts(rule.landed_on)}
        found = {}
        for part in facts.parts:
            subjects = (self.history.commit(part.sha).subject, change.subject)
            gone = reverts.of((part.sha, change.id), subjects, change.place, others)
            if gone is not None:
                found[part.sha] = gone
        return found

    def _promoted_reverts(self, branch: str) -> frozenset[Sha]:
        """The reverts that promotions from another layer brought to a branch: what they took away was lost up there."""
        if branch not in self._foreign:
            topology = self.history.topology
            layer = topology.layer_of(branch)
            upstream = {name for name in topology.upstream(branch) if topology.layer_of(name) != layer}
            homes = ((sha, self.changes.of_commit(sha)) for sha in self._reverted(branch).commits())
            self._foreign[branch] = frozenset(
                sha for sha, home in homes if home is not None and home.branch in upstream
            )
        return self._foreign[branch]

    def _withdrawn(
        self, blank: Obligation, rule: ObligationRule, change: Change, facts: Received, withdrawn: Withdrawal
    ) -> Obligation:
        arrived = facts.arrival(self.history, rule.owed_to)
        there = facts.reverted(self.history, rule.owed_to, change, self._reverted(rule.owed_to))
        lost = facts.lost(self.history, rule.owed_to, there)
        left = [part for part in facts.parts if facts.has(part) and part not in lost]
        reason = f"{withdrawn.commit[:12]} reverted it on {rule.landed_on}"
        if arrived is None:
            reason += ": nothing is owed"
        elif not left:
            reason += f", and {rule.owed_to}, which had received it, took it back as well: nothing is owed"
        else:
            reason += f"; {rule.owed_to} had received it as {arrived.counterpart[:12]}, so the revert is owed there"
        return replace(
            blank, verdict=Verdict.REVERTED, evidence=arrived.evidence if arrived else Evidence.ABSENT,
            counterpart=withdrawn.commit, confidence=0.97, reason=reason, check=_show(withdrawn.commit),
        )  # fmt: skip

    @staticmethod
    def _idle(blank: Obligation, rule: ObligationRule, undone: TakeBack) -> Obligation:
        """A revert of what the branch never received, or of what had come from there as a port."""
        why = (
            f"which never reached {rule.owed_to}"
            if undone.origin is None
            else f"a port of {undone.origin[:12]} from {rule.owed_to}: whether that stays is decided there"
        )
        return replace(
            blank, verdict=Verdict.REVERTED, confidence=0.95, check=_show(blank.change),
            reason=f"it only undoes {undone.commit[:12]}, {why}; nothing is owed",
        )  # fmt: skip

    def _own_work_of(self, facts: Received) -> TakeBack | None:
        """What a change takes back, where it does nothing else and that came from the branch it is owed to."""
        found = [facts.takes_back.get(part.sha) for part in facts.parts]
        return found[0] if found and all(each is not None and each.own for each in found) else None

    def _taken_back_there(
        self, blank: Obligation, rule: ObligationRule, facts: Received, undone: TakeBack
    ) -> Obligation | None:
        """The revert of a branch's own work that this branch withdrew or rewrote itself; None where it did not."""
        change = undone.change
        place = self.history.arrival(rule.owed_to, undone.commit)
        gone = self._reverted(rule.owed_to).of(
            (undone.commit, change.id), (change.subject,), place.place if place else 0, blank.commits
        )
        if gone is not None and self.trailers:
            landing = self.history.landings[rule.owed_to][gone.place]
            return self._timed(
                replace(
                    blank, verdict=Verdict.RETROFITTED, evidence=Evidence.TRAILER, counterpart=gone.commit,
                    at=landing.sha, arrived_at=landing.at, confidence=0.95, check=_show(gone.commit),
                    reason=f"{gone.commit[:12]} takes {undone.commit[:12]} back on {rule.owed_to}, as it does",
                ),
                facts.deadline,
            )  # fmt: skip
        if not facts.hurt.holds(change):
            return replace(
                blank, verdict=Verdict.SUPERSEDED, confidence=0.85, check=_show(undone.commit),
                reason=f"it takes back {undone.commit[:12]}, of which {rule.owed_to} holds nothing any more",
            )  # fmt: skip
        return None

    def _absent(self, blank: Obligation, rule: ObligationRule, facts: Received, deadline: Landing | None) -> Obligation:
        standing = facts.standing
        check = f"git branch --all --contains {blank.change[:12]}"
        forced = self._left_behind(blank, rule)
        if forced is not None and not (standing is not None and standing.there):
            return replace(
                blank, verdict=Verdict.LOST, counterpart=forced.dropped_by, at=forced.landing,
                confidence=forced.confidence, reason=f"it had arrived, but {forced.reason}",
                overdue=deadline is not None, check=forced.check,
            )  # fmt: skip
        if standing is not None and standing.there:
            return self._timed(
                replace(
                    blank, verdict=Verdict.RETROFITTED, evidence=Evidence.REPLAY, counterpart=standing.commit,
                    at=standing.landing.sha if standing.landing else None,
                    arrived_at=standing.landing.at if standing.landing else None,
                    confidence=CONFIDENCE[Evidence.REPLAY], reason=standing.reason,
                    check=_show(standing.commit or blank.change),
                ),
                deadline,
            )  # fmt: skip
        own = self._own_work_of(facts)
        if own is not None and (found := self._taken_back_there(blank, rule, facts, own)) is not None:
            return found
        if standing is not None and standing.superseded_by is not None:
            return replace(
                blank, verdict=Verdict.SUPERSEDED, counterpart=standing.superseded_by, confidence=0.85,
                reason=standing.reason, check=standing.check or _show(standing.superseded_by),
            )  # fmt: skip
        confidence, reason = CONFIDENCE[Evidence.ABSENT], f"no commit of {rule.owed_to} carries it"
        if own is not None:
            reason = (
                f"it takes back {own.commit[:12]}, which {rule.owed_to} still has: take it back there as well, or "
                f"bring it back on {rule.landed_on}, since merging it once more does not"
            )
        if standing is not None and standing.probable:
            confidence = _PROBABLE
            reason += f", but {standing.share:.0%} of {standing.part} are there: probably written again by hand"
        elif standing is not None and standing.reason:
            reason += f"; {standing.reason}"
        if self.repository.shallow or any(sha in self.patches.skipped for sha in blank.commits):
            confidence = min(confidence, _UNSURE)
            reason += "; history is incomplete here, so it may have arrived unseen"
        overdue = deadline is not None
        if deadline is not None:
            reason += f"; the promotion {deadline.sha[:12]} to {deadline.branch} passed without it"
        return replace(blank, confidence=confidence, reason=reason, overdue=overdue, check=check)

    def _left_behind(self, blank: Obligation, rule: ObligationRule) -> Overwrite | None:
        """The move by force with which a branch lost a change that it had received."""
        mine = {blank.change, *blank.commits}
        found = [
            each
            for each in self.overwrites
            if each.cause is Cause.FORCE_PUSH
            and each.branch == rule.owed_to
            and each.state == "open"
            and not mine.isdisjoint((each.change, *each.commits))
        ]
        return max(found, key=lambda each: (each.rank, each.path), default=None)

    def _arrived(  # noqa: PLR0911  the first that fits
        self,
        blank: Obligation,
        rule: ObligationRule,
        change: Change,
        facts: Received,
        arrived: Arrival,
    ) -> Obligation:
        deadline = facts.deadline
        gone = facts.reverted(self.history, rule.owed_to, change, self._reverted(rule.owed_to))
        standing = facts.arrival(self.history, rule.owed_to, gone)
        arrived = standing or arrived
        filled = replace(
            blank,
            verdict=Verdict.RETROFITTED,
            evidence=arrived.evidence,
            counterpart=arrived.counterpart,
            at=arrived.landing.sha,
            arrived_at=arrived.landing.at,
            confidence=arrived.confidence,
            reason=arrived.reason,
            check=arrived.check,
        )
        if standing is None:
            last = max(gone.values(), key=lambda each: each.place)
            return self._returned(filled, rule, change, facts, last) or self._undone(
                filled, rule, last, self._owner(change, facts), deadline
            )
        landed = arrived.landing
        brought = [landed.sha] if self.history.commit(landed.sha).is_merge else []
        names = (*change.commits, change.id, *facts.counterparts(), *brought)
        dropped = facts.dropped if arrived.evidence is Evidence.ANCESTOR else None
        hurt = facts.hurt.since(names, landed)
        where = dropped[0] if dropped is not None else hurt.overwrite.dropped_by if hurt is not None else None
        removed = facts.hurt.removed(change, where, landed) if where is not None else frozenset()
        if removed and removed >= self._paths(change):
            remover = self._remover(rule.owed_to, landed, removed)
            return replace(
                filled, verdict=Verdict.SUPERSEDED, counterpart=remover, confidence=0.85,
                reason=f"{rule.owed_to} had removed the files that it changes"
                + (f", with {remover[:12]}" if remover is not None else ""),
                check=_show(remover or landed.sha),
            )  # fmt: skip
        if removed and facts.hurt.share(change, landed, removed) >= KEPT:
            dropped, hurt = None, facts.hurt.since(names, landed, removed)
        if dropped is not None:
            filled, is_back = self._dropped(filled, change, facts, dropped, landed)
            if not is_back:
                return filled
        if hurt is not None:
            return self._overwritten(filled, hurt, deadline)
        lost = facts.lost(self.history, rule.owed_to, gone)
        if lost:
            last = max((gone[part.sha] for part in lost), key=lambda each: each.place)
            names_of = ", ".join(part.sha[:12] for part in lost[:3])
            return replace(
                filled, verdict=Verdict.PARTIAL, counterpart=last.commit, confidence=0.9, overdue=deadline is not None,
                at=self.history.landings[rule.owed_to][last.place].sha, check=_show(last.commit),
                reason=f"it arrived, then {last.commit[:12]} reverted {len(lost)} of its {len(facts.parts)} commits on "
                f"{rule.owed_to}: {names_of}",
            )  # fmt: skip
        missing = [part for part in facts.parts if not facts.has(part)]
        if missing and all(self.history.commit(part.sha).is_merge for part in missing):
            merges = ", ".join(part.sha[:12] for part in missing[:3])
            return replace(
                filled, verdict=Verdict.PARTIAL, confidence=min(arrived.confidence, 0.85), overdue=deadline is not None,
                reason=f"its commits are on {rule.owed_to}, but not what the merge {merges} did of its own",
                check=f"git show --remerge-diff {missing[0].sha[:12]}",
            )  # fmt: skip
        if missing:
            there = len(facts.parts) - len(missing)
            names_of = ", ".join(part.sha[:12] for part in missing[:3])
            return replace(
                filled, verdict=Verdict.PARTIAL, confidence=min(arrived.confidence, 0.9), overdue=deadline is not None,
                reason=f"{there} of {len(facts.parts)} commits are on {rule.owed_to}; missing: {names_of}",
                check=_show(missing[0].sha),
            )  # fmt: skip
        return self._timed(self._in_parts(filled, rule, change, facts, arrived), deadline)

    @staticmethod
    def _overwritten(filled: Obligation, hurt: Blow, deadline: Landing | None) -> Obligation:
        """What arrived, and a later landing took away."""
        blow = hurt.overwrite
        reason = f"it arrived, then {blow.dropped_by[:12]} overwrote it in {blow.path}"
        found = replace(filled, at=blow.landing, confidence=blow.confidence)
        if blow.superseded_by is not None:
            return replace(
                found, verdict=Verdict.SUPERSEDED, counterpart=blow.superseded_by, check=_show(blow.superseded_by),
                reason=f"{reason}, and {blow.superseded_by[:12]} rewrote or removed what stood there",
            )  # fmt: skip
        return replace(
            found, verdict=Verdict.LOST if hurt.whole else Verdict.PARTIAL, counterpart=blow.dropped_by,
            overdue=deadline is not None, check=blow.check,
            reason=f"{reason}; {filled.owed_to} holds {hurt.share:.0%} of it now",
        )  # fmt: skip

    def _dropped(
        self, filled: Obligation, change: Change, facts: Received, dropped: Dropped, arrived: Landing
    ) -> tuple[Obligation, bool]:
        """What a merge did not keep on the way, and whether the branch has it all the same: it may have come back."""
        merge, paths, share = dropped
        landing = self.history.arrival(filled.owed_to, merge) or arrived
        back = facts.hurt.brought_back(change, paths, merge, landing)
        if back is not None:
            with_, now = back
            how = "brought it back" if with_ is not landing else "has it all the same"
            return replace(
                filled, evidence=Evidence.REPLAY if now == 1.0 else Evidence.OVERLAP, counterpart=with_.sha,
                at=with_.sha, arrived_at=with_.at, confidence=0.9, check=_show(with_.sha),
                reason=f"it is an ancestor, but the merge {merge[:12]} dropped it; {with_.sha[:12]} {how}",
            ), True  # fmt: skip
        whole = share == 0.0
        shown = ", ".join(path.decode("utf-8", "replace") for path in sorted(paths)[:3])
        return replace(
            filled, verdict=Verdict.LOST if whole else Verdict.PARTIAL, at=landing.sha,
            confidence=0.95 if whole else 0.85, counterpart=merge, overdue=facts.deadline is not None,
            reason=f"it is an ancestor, but the merge {merge[:12]} kept {share:.0%} of its lines (in {shown})",
            check=f"git show --remerge-diff {merge[:12]}",
        ), False  # fmt: skip

    def _paths(self, change: Change) -> set[bytes]:
        """What the commits of a change touch."""
        members = map(self.history.commit, change.commits)
        return {raw.path for commit in members if not commit.is_merge for raw in commit.changes}

    def _remover(self, branch: str, landing: Landing, paths: Collection[bytes]) -> Sha | None:
        """The newest commit that removed one of the paths from a branch before a landing."""
        graph, arrived = self.history.graph, self.history.arrivals[branch]
        removers = (number for path in paths for number in self._deletions.get(path, ()))
        last = max((number for number in removers if 0 <= arrived[number] < landing.place), default=None)
        return None if last is None else graph.sha(last)

    @cached_property
    def _deletions(self) -> dict[bytes, list[int]]:
        """For each path the commits that removed it."""
        found: dict[bytes, list[int]] = {}
        for number, commit in enumerate(self.history.graph.commits):
            for raw in commit.changes:
                if raw.status == "D":
                    found.setdefault(raw.path, []).append(number)
        return found

    def _in_parts(
        self, filled: Obligation, rule: ObligationRule, change: Change, facts: Received, arrived: Arrival
    ) -> Obligation:
        """What a port brought that leaves whole files out: they came later, or they are missing."""
        if arrived.evidence not in _ADAPTED or origin_of(self.history, change, facts.ports) is not None:
            return filled
        # What the port changes in another way it has adapted, and not left out.
        ports = map(self.history.commit, (arrived.counterpart, arrived.landing.sha))
        brought = {raw.path for port in ports for raw in port.changes}
        elsewhere = {file_name(path) for path in brought - self._paths(change)}
        left = [
            path
            for path in facts.hurt.left_out(change, arrived.landing)
            if path not in brought and file_name(path) not in elsewhere
        ]
        if not left:
            return filled
        for landing in facts.hurt.touching(left, arrived.landing):
            if not facts.hurt.left_out(change, landing):
                return replace(
                    filled, at=landing.sha, arrived_at=landing.at, confidence=min(filled.confidence, 0.9),
                    reason=f"it came in parts: {arrived.counterpart[:12]}, and the rest with {landing.sha[:12]}",
                )  # fmt: skip
        shown = ", ".join(path.decode("utf-8", "replace") for path in left[:3])
        return replace(
            filled, verdict=Verdict.PARTIAL, confidence=0.8, overdue=facts.deadline is not None, check=_show(change.id),
            reason=f"{arrived.counterpart[:12]} brings a part of it: it leaves out {shown}, where {rule.owed_to} has "
            "the text from before",
        )  # fmt: skip

    def _returned(
        self, filled: Obligation, rule: ObligationRule, change: Change, facts: Received, gone: Withdrawal
    ) -> Obligation | None:
        """What was reverted and is there all the same, since somebody made it again in other words; else None."""
        reverted = self.history.landings[rule.owed_to][gone.place]
        back = facts.hurt.made_again(change, self._paths(change), reverted)
        if back is None:
            return None
        again, share = back
        return self._timed(
            replace(
                filled, evidence=Evidence.REPLAY if share == 1.0 else Evidence.OVERLAP, counterpart=again.sha,
                at=again.sha, arrived_at=again.at, confidence=0.9, check=_show(again.sha),
                reason=f"it arrived, then {gone.commit[:12]} reverted it, and {again.sha[:12]} brought it back",
            ),
            facts.deadline,
        )  # fmt: skip

    def _undone(
        self, filled: Obligation, rule: ObligationRule, gone: Withdrawal, owner: str | None, deadline: Landing | None
    ) -> Obligation:
        """What arrived and was reverted: lost, unless the branch decided there on what was its own."""
        found = replace(
            filled, counterpart=gone.commit, at=self.history.landings[rule.owed_to][gone.place].sha, confidence=0.95,
            check=_show(gone.commit),
        )  # fmt: skip
        if owner is not None:
            said = f"{rule.owed_to} {owner}; {gone.commit[:12]} reverted it there, where that is decided"
            return replace(found, verdict=Verdict.SUPERSEDED, reason=said)
        said = f"it arrived, then {gone.commit[:12]} reverted it on {rule.owed_to}"
        return replace(found, verdict=Verdict.LOST, reason=said, overdue=deadline is not None)

    def _owner(self, change: Change, facts: Received) -> str | None:
        """What makes the branch that a change is owed to the one that decides on it, in words; None if nothing does."""
        if (origin := origin_of(self.history, change, facts.ports)) is not None:
            return f"had it first, as {origin[:12]}"
        if (own := self._own_work_of(facts)) is not None:
            return f"had received it, and it takes back {own.commit[:12]}, which came from there"
        return None

    def _timed(self, obligation: Obligation, deadline: Landing | None) -> Obligation:
        """The same, ``late`` where a promotion had passed already."""
        arrived = obligation.arrived_at
        landing = obligation.at and self.history.landing(obligation.owed_to, obligation.at)
        if obligation.verdict is not Verdict.RETROFITTED or deadline is None or arrived is None or not landing:
            return obligation
        if in_time(self.history, landing, deadline):
            return obligation
        days = (arrived - deadline.at) / 86_400
        return replace(
            obligation, verdict=Verdict.LATE, overdue=True,
            reason=f"{obligation.reason}; {days:.0f} days after the promotion {deadline.sha[:12]} to {deadline.branch}",
        )  # fmt: skip


def _show(sha: Sha) -> str:
    return f"git show {sha[:12]}"


__all__ = ["Judge"]
