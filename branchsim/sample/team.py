"""A team at work: a calendar of events, people, branches that land as pull requests, features and releases.

Everything follows from one seed and happens in the order of time.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from branchsim.sample import salesforce as sf
from branchsim.sample.blocks import keep_both
from branchsim.sample.builder import Builder, Edits, Stamp

if TYPE_CHECKING:
    from branchsim.git.merge import Conflict, MergeResult
    from branchsim.names import Sha

_Item = TypeVar("_Item")

BRANCHES = ("integration", "uat", "preprod", "production")
DAY = 86_400
HOUR = 3_600

MANAGER = "Rosa Lind <rosa.lind@acme.example>"
DEVELOPERS = (
    "Amir Haddad <amir.haddad@acme.example>",
    "Bea Kovacs <bea.kovacs@acme.example>",
    "Chen Wei <chen.wei@acme.example>",
    "Dora Nilsson <dora.nilsson@acme.example>",
    "Eric Dubois <eric.dubois@acme.example>",
    "Fatou Sarr <fatou.sarr@acme.example>",
    "Goran Petrov <goran.petrov@acme.example>",
)
_VERBS = ("Add", "Extend", "Rework", "Speed up", "Simplify", "Adjust")
_NOUNS = (
    "approval",
    "pricing",
    "reminders",
    "scoring",
    "assignment",
    "reporting",
    "escalation",
    "import",
    "regions",
    "limits",
)


class Dice:
    """Chance from a seed; only on what the standard library promises to keep the same in all versions."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  a sample, not a secret

    def below(self, count: int) -> int:
        """A number from 0 on."""
        return int(self._random.random() * count)

    def pick(self, items: Sequence[_Item]) -> _Item:
        """One of some items."""
        return items[self.below(len(items))]

    def chance(self, share: float) -> bool:
        """True in a share of the cases."""
        return self._random.random() < share


def date(month: int, day: int, hour: int = 9) -> int:
    """A moment of the year in seconds since the epoch; days may run over the month."""
    moment = datetime(2025, month, 1, hour, tzinfo=UTC) + timedelta(days=day - 1)
    return int(moment.timestamp())


@dataclass
class Team:
    """The repository, the clock and what the branches went through.

    Attributes
    ----------
    landings : dict
        For each long-lived branch its tips, the oldest first.
    changed_at : dict
        For each region (path and block) when it last landed on integration.
    busy : set
        The regions that open features are at; others leave them alone.
    features : list
        The landings of features.
    """

    git: Builder
    dice: Dice
    landings: dict[str, list[Sha]] = field(default_factory=dict)
    changed_at: dict[tuple[str, str], int] = field(default_factory=dict)
    busy: set[tuple[str, str]] = field(default_factory=set)
    features: list[Sha] = field(default_factory=list)
    now: int = 0
    numbers: Callable[[], int] = field(default_factory=lambda: itertools.count(11_000, 7).__next__)
    _events: list[tuple[int, int, Callable[[], None]]] = field(default_factory=list)
    _order: Callable[[], int] = field(default_factory=lambda: itertools.count().__next__)
    _requests: Callable[[], int] = field(default_factory=lambda: itertools.count(1).__next__)
    _tickets: Callable[[], int] = field(default_factory=lambda: itertools.count(101).__next__)

    def arrivals(self, branch: str) -> dict[Sha, Sha]:
        """For each commit that a branch ever had the landing with which it came."""
        came: dict[Sha, Sha] = {}
        for landing in self.landings[branch]:
            waiting = [landing]
            while waiting:
                sha = waiting.pop()
                if sha not in came:
                    came[sha] = landing
                    waiting += self.git.made[sha].parents
        return came

    # The calendar.

    def at(self, when: int, event: Callable[[], None]) -> None:
        """Let something happen at a time."""
        heapq.heappush(self._events, (when, self._order(), event))

    def run(self) -> None:
        """Let everything happen."""
        while self._events:
            when, _, event = heapq.heappop(self._events)
            self.now = max(self.now, when)
            event()

    def stamp(self, person: str, committer: str = "") -> Stamp:
        """Somebody does something now; no two things at the same time."""
        self.now += 67
        return Stamp(author=person, at=self.now, committer=committer)

    def ticket(self) -> str:
        """A new ticket."""
        return f"CRM-{self._tickets()}"

    # What people do.

    def commit(self, branch: str, edits: Edits, message: str, person: str) -> Sha:
        """Commit on a branch."""
        sha = self.git.commit(branch, edits, message, self.stamp(person))
        self._landed(branch, sha)
        return sha

    def merge(
        self,
        into: str,
        source: Sha,
        message: str,
        person: str,
        *,
        edits: Edits | None = None,
        favour_theirs: bool = False,
        order_theirs: bool = False,
        ours: bool = False,
    ) -> Sha:
        """Merge; conflicts that no edit settles are solved with care, both sides are kept."""
        given = dict(edits or {})
        if not ours:
            result = self.git.automatic(self.git.tip(into), source)
            open_conflicts = [c for c in result.conflicts if c.path.decode() not in given]
            for conflict in open_conflicts:
                given[conflict.path.decode()] = self._both(
                    conflict, favour_theirs=favour_theirs, order_theirs=order_theirs
                )
        sha = self.git.merge(into, source, message, self.stamp(person), edits=given, ours=ours)
        self._landed(into, sha)
        return sha

    def squash(self, into: str, source: Sha, message: str, person: str) -> Sha:
        """Squash a branch into one commit."""
        result = self.git.automatic(self.git.tip(into), source)
        edits = {c.path.decode(): self._both(c) for c in result.conflicts}
        sha = self.git.squash(into, source, message, self.stamp(person), edits=edits)
        self._landed(into, sha)
        return sha

    def pick(self, into: str, commit: Sha, person: str, *, trailer: bool) -> Sha:
        """Cherry-pick a commit."""
        sha = self.git.pick(into, commit, self.stamp(person), trailer=trailer)
        self._landed(into, sha)
        return sha

    def revert(self, into: str, commit: Sha, person: str, *, body: str = "") -> Sha:
        """Revert a commit or a merge."""
        sha = self.git.revert(into, commit, self.stamp(person), body=body)
        self._landed(into, sha)
        return sha

    def request(self, branch: str, title: str) -> str:
        """The message of the merge of a pull request."""
        return f"Merge pull request #{self._requests()} from acme/{branch}\n\n{title}"

    def numbered(self, title: str) -> str:
        """The subject of the squash of a pull request."""
        return f"{title} (#{self._requests()})"

    def _landed(self, branch: str, sha: Sha) -> None:
        if branch in BRANCHES:
            self.landings.setdefault(branch, []).append(sha)

    def _both(self, conflict: Conflict, *, favour_theirs: bool = False, order_theirs: bool = False) -> str | None:
        sides = [
            None if side is None else self.git.content(side.sha)
            for side in (conflict.base, conflict.ours, conflict.theirs)
        ]
        base, ours, theirs = sides
        if conflict.path.decode() == sf.PROJECT:
            # Of two version numbers the one of BUILD, which is the newer.
            return theirs if order_theirs else ours
        if ours is None or theirs is None:
            # One side deleted the file: a person who knows why lets it go.
            return None
        return keep_both(base or "", ours, theirs, favour_theirs=favour_theirs, order_theirs=order_theirs)

    def automatic(self, into: str, source: Sha) -> MergeResult:
        """What git makes of a merge."""
        return self.git.automatic(self.git.tip(into), source)

    def text(self, branch: str, path: str) -> str:
        """A file of a branch."""
        return self.git.text(self.git.tip(branch), path)

    # Features.

    def plan_feature(self, start: int) -> None:
        """A feature branch: it starts, has some commits over some days, and lands on integration."""
        dice = self.dice
        ticket, entity = self.ticket(), dice.pick(sf.ENTITIES)
        title = f"{dice.pick(_VERBS)} {dice.pick(_NOUNS)} of {sf.title(entity).lower()}s"
        branch = f"feature/{ticket}-{title.split()[-3]}"
        person = dice.pick(DEVELOPERS)
        count = 2 + dice.below(3)
        days = 2 + dice.below(7)
        feature = Feature(self, branch, f"{ticket} {title}", person, entity, start)
        self.at(start, feature.begin)
        for number in range(count):
            self.at(start + HOUR + (days * DAY * number) // count, lambda number=number: feature.commit(number))  # type: ignore[misc]
        if days > 5 and dice.chance(0.3):  # noqa: PLR2004
            self.at(start + (days - 1) * DAY, feature.sync)
        self.at(start + days * DAY + 3 * HOUR, feature.land)

    def quick_feature(
        self, title: str, edits: Edits, person: str, *, merge_edits: Edits | None = None
    ) -> tuple[Sha, Sha]:
        """A feature of one commit that lands at once: the commit and its landing."""
        branch = f"feature/{self.ticket()}-{title.split(maxsplit=1)[0].lower()}"
        self.git.branch(branch, self.git.tip("integration"))
        tip = self.commit(branch, edits, title, person)
        landing = self.merge("integration", tip, self.request(branch, title), person, edits=merge_edits)
        self.git.drop(branch)
        return tip, landing

    # Releases.

    def promote(self, source: str, target: str, why: str, *, edits: Edits | None = None) -> Sha:
        """Merge a long-lived branch into the next."""
        message = self.request(source, why)
        return self.merge(target, self.git.tip(source), message, MANAGER, edits=edits, order_theirs=True)

    def ship(self, why: str) -> Sha:
        """Merge preprod to production."""
        return self.promote("preprod", "production", why)


@dataclass
class Feature:
    """A feature branch on its way."""

    team: Team
    branch: str
    title: str
    person: str
    entity: str
    start: int
    regions: set[tuple[str, str]] = field(default_factory=set)

    def begin(self) -> None:
        """Start from integration."""
        self.team.git.branch(self.branch, self.team.git.tip("integration"))

    def commit(self, number: int) -> None:
        """Do a part of the work."""
        words = ("Start", "Continue", "Complete", "Polish", "Review")[min(number, 4)]
        self.team.commit(self.branch, self._edits(), f"{words}: {self.title.partition(' ')[2].lower()}", self.person)

    def sync(self) -> None:
        """Bring the branch up to date."""
        team = self.team
        source = team.git.tip("integration")
        if source != team.git.tip(self.branch):
            team.merge(self.branch, source, f"Merge branch 'integration' into {self.branch}", self.person)

    def land(self) -> None:
        """Land on integration, as a merge or squashed."""
        team = self.team
        source = team.git.tip(self.branch)
        if team.dice.chance(0.2):
            landing = team.squash("integration", source, team.numbered(self.title), self.person)
        else:
            landing = team.merge("integration", source, team.request(self.branch, self.title), self.person)
        team.git.drop(self.branch)
        for region in self.regions:
            team.changed_at[region] = team.now
        team.busy -= self.regions
        team.features.append(landing)

    def _edits(self) -> Mapping[str, str]:
        edits: dict[str, str] = {}
        for _ in range(1 + self.team.dice.below(2)):
            edits |= self._edit(edits)
        return edits

    def _edit(self, done: Mapping[str, str]) -> dict[str, str]:
        team, dice = self.team, self.team.dice
        kind = dice.below(10)
        number = team.numbers()
        if kind < 5:  # noqa: PLR2004
            path = sf.service(self.entity)
            text = self._text(path, done)
            owner = f"{sf.title(self.entity)}Service"
            if dice.chance(0.12):
                return {
                    path: sf.add_method(text, owner, self.entity, f"{dice.pick(sf.FEATURE_METHODS)}{number}", number)
                }
            name = self._free(path, sf.FEATURE_METHODS)
            if name is not None:
                change = sf.add_log if dice.chance(0.4) else sf.set_bound
                return {path: change(text, name, number)}
        elif kind < 7:  # noqa: PLR2004
            path = sf.flow(self.entity)
            name = self._free(path, sf.FEATURE_DECISIONS)
            if name is not None:
                return {path: sf.set_number(self._text(path, done), name, number)}
        elif kind == 7:  # noqa: PLR2004
            path = sf.layout(self.entity)
            return {path: sf.add_layout_item(self._text(path, done), f"Detail_{number}__c", dice.below(10))}
        names = [each for each in (*sf.PERMISSION_SETS, *sf.PROFILES) if each not in sf.STEADY]
        name = dice.pick(names)
        path = sf.permission_set(name) if name in sf.PERMISSION_SETS else sf.profile(name)
        field_name = f"{self.entity}.Detail_{number}__c"
        return {path: sf.add_permission(self._text(path, done), field_name, dice.below(400))}

    def _free(self, path: str, names: Sequence[str]) -> str | None:
        """A region that nobody else is at, or has changed since this branch started."""
        team = self.team
        own = [name for name in names if (path, name) in self.regions]
        free = [
            name
            for name in names
            if team.changed_at.get((path, name), 0) < self.start and (path, name) not in team.busy
        ]
        choices = own or free
        if not choices:
            return None
        name = team.dice.pick(choices)
        self.regions.add((path, name))
        team.busy.add((path, name))
        return name

    def _text(self, path: str, done: Mapping[str, str]) -> str:
        return done.get(path) or self.team.text(self.branch, path)


__all__ = ["BRANCHES", "DAY", "DEVELOPERS", "HOUR", "MANAGER", "Dice", "Feature", "Team", "date"]
