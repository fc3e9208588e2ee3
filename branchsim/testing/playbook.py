"""What a team may do next under a strategy: the guards, the flows and the mistakes, asked of a `TwinRepo`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchsim.check.model import Model

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from branchsim.check.rules import WorkFamily
    from branchsim.check.strategy import Strategy
    from branchsim.testing.twin import TwinRepo


@dataclass(frozen=True, slots=True)
class Work:
    """A short-lived branch, and what is expected of it."""

    name: str
    family: WorkFamily


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """One landing that is possible: what lands where, how, and as what; `work` is None for a long-lived branch."""

    operation: str
    into: str
    source: str
    method: str
    work: Work | None = None

    def __str__(self) -> str:
        return f"{self.source} into {self.into} by {self.method} ({self.operation})"


class Playbook:
    """The rules of a strategy with the mistakes people make.

    Parameters
    ----------
    strategy : Strategy
        The strategy.
    mistakes : iterable of str
        The mistakes, from `branchsim.check.MISTAKES`.
    twin : TwinRepo
        What they are asked about.

    Attributes
    ----------
    works : list of Work
        The short-lived branches that are not done with.
    overdue : list of str
        A sentence for each fix that was not where it was owed when a promotion passed that was its deadline.
    """

    def __init__(self, strategy: Strategy, mistakes: Iterable[str], twin: TwinRepo) -> None:
        self.strategy = strategy
        self.twin = twin
        # Compiled once for the checker and for this; the states are not the checker's.
        self.model = Model(strategy, mistakes)
        self.mistakes = self.model.mistakes
        self.works: list[Work] = []
        self.overdue: list[str] = []
        self.branches = self.model.branches
        self.production = tuple(self.branches[place] for place in self.model.production)
        self.run = tuple(self.branches[place] for place in self.model.run)
        self._numbers: dict[str, int] = {}
        self._careful = "no-promotion-while-open" in strategy.guards or not self.mistakes & {
            "skip-retrofit",
            "late-retrofit",
        }

    # -- short-lived branches -------------------------------------------------------------------------------------

    def starts(self) -> dict[str, tuple[WorkFamily, str]]:
        """The families with the branches they may start from, by a short name."""
        return {
            f"{family.pattern} from {self.branches[place]}": (family, self.branches[place])
            for family in self.model.families
            for place in (family.source, *family.wrong)
        }

    def begin(self, family: WorkFamily) -> Work:
        """A new short-lived branch, with the next free name of its family."""
        number = self._numbers[family.pattern] = self._numbers.get(family.pattern, 0) + 1
        name = family.pattern.replace("*", str(number)) if "*" in family.pattern else f"{family.pattern}-{number}"
        work = Work(name, family)
        self.works.append(work)
        return work

    def tidy(self) -> None:
        """Forget the short-lived branches that are done with; people who squash what they merge again keep them."""
        if "squash-then-merge" not in self.mistakes:
            self.works = [work for work in self.works if not self._is_done(work)]

    def deletable(self) -> list[Work]:
        """The short-lived branches that somebody deletes although they still owe a retrofit."""
        if "delete" not in self.model.uses or "keep-branch-until-retrofitted" in self.strategy.guards:
            return []
        return [work for work in self.works if self._has_landed(work) and not self._is_done(work)]

    def _is_done(self, work: Work) -> bool:
        owed = (self.branches[place] for place in work.family.retrofit)
        return self._has_landed(work) and all(self._has(name, work.name) for name in owed)

    def _has_landed(self, work: Work) -> bool:
        return any(self._has(self.branches[place], work.name) for place in work.family.to)

    def _has(self, branch: str, source: str) -> bool:
        return self.twin.delivered(source) <= self.twin.delivered(branch)

    # -- landings -------------------------------------------------------------------------------------------------

    def pull_requests(self) -> list[Landing]:
        """The landings of short-lived branches where their families go, the newest branch first."""
        found = []
        for work in reversed(self.works):
            for place in work.family.to:
                target = self.branches[place]
                if self._has(target, work.name) or (work.family.is_fix and self._is_frozen(target)):
                    continue
                found += [self._of(work, "pull-request", target, method) for method in work.family.methods]
        return found

    def retrofits(self) -> list[Landing]:
        """The landings of short-lived branches where their families owe them, the newest branch first."""
        if "retrofit" not in self.model.uses:
            return []
        return [
            self._of(work, "retrofit", self.branches[place], method)
            for work in reversed(self.works)
            if self._has_landed(work)
            for place in work.family.retrofit
            if not self._has(self.branches[place], work.name)
            for method in work.family.retrofit_methods
        ]

    def promotions(self) -> list[Landing]:
        """The promotions that the strategy lets happen now."""
        found = []
        for flow in self.model.flows:
            source, target = self.branches[flow.source], self.branches[flow.target]
            if self.twin.is_merged(source, into=target):
                continue
            if self._careful and any([*self.open_fixes(source, target)]):
                continue
            found += [Landing(operation="promote", into=target, source=source, method=name) for name in flow.methods]
        return found

    def merge_backs(self) -> list[Landing]:
        """The long-lived branches that can be merged along retrofit flows."""
        if "merge-back" not in self.model.uses or "skip-retrofit" in self.mistakes:
            return []
        found = []
        for flow in self.strategy.topology.retrofits():
            if self.twin.is_merged(flow.source, into=flow.target):
                continue
            methods = self.strategy.methods(flow.methods)
            ways = ("merge",) if "merge" in methods else methods
            if "cherry-pick-retrofit" in self.mistakes:
                ways = tuple(dict.fromkeys((*ways, "cherry-pick")))
            found += [Landing(operation="merge-back", into=flow.target, source=flow.source, method=way) for way in ways]
        return found

    def _of(self, work: Work, operation: str, target: str, method: str) -> Landing:
        return Landing(operation=operation, into=target, source=work.name, method=method, work=work)

    # -- guards ---------------------------------------------------------------------------------------------------

    def open_fixes(self, source: str, target: str, *, due: bool = False) -> Iterator[tuple[str, str, str]]:
        """The fixes for which a promotion waits: each with where it landed and where it is owed.

        Parameters
        ----------
        source, target : str
            The promotion.
        due : bool
            Only those of which this promotion is the deadline; and those whose effect is not there count, even if their
            commits are.
        """
        for flow in self.model.flows:
            if (self.branches[flow.source], self.branches[flow.target]) != (source, target):
                continue
            for rule in flow.deadline_of if due else flow.waits_for:
                landed, owed = self.branches[rule.landed], self.branches[rule.owed]
                there = self.twin.content(owed) if due else self.twin.delivered(owed)
                taken_back = self.twin.model.withdrawn(landed, rule.layer)
                if due:
                    taken_back |= self.twin.model.withdrawn(owed, self.twin.layers[owed])
                for name in sorted(self.twin.delivered(landed) - there - taken_back):
                    change = self.twin.model.changes[name]
                    if change.kind == "fix" and change.family in rule.families:
                        yield name, landed, owed

    def _is_frozen(self, target: str) -> bool:
        """Whether a branch holds features that production does not, and the guard keeps fixes off it."""
        return "run-frozen-while-ahead" in self.strategy.guards and self.is_ahead(target)

    def is_ahead(self, target: str) -> bool:
        """Whether a branch that is promoted to production holds features that production does not."""
        after = [
            self.branches[flow.target]
            for flow in self.model.flows
            if self.branches[flow.source] == target and self.branches[flow.target] in self.production
        ]
        changes = self.twin.model.changes
        return any(
            changes[name].kind == "feature"
            for end in after
            for name in self.twin.delivered(target) - self.twin.delivered(end)
        )

    # -- slips ----------------------------------------------------------------------------------------------------

    def revertible(self) -> list[tuple[str, str]]:
        """The long-lived branches, each with a change on it that somebody could revert there."""
        if "revert" not in self.model.uses:
            return []
        return [
            (branch, name)
            for branch in self.branches
            for name in sorted(self.twin.content(branch))
            if self.twin.model.origin(name, branch) is not None
        ]

    def movable(self) -> list[tuple[str, int]]:
        """The long-lived branches that somebody could push back by force, and how far."""
        if "force-push" not in self.model.uses:
            return []
        return [(branch, back) for branch in self.branches for back in (1, 2) if self._age(branch) >= back]

    def stale(self) -> list[tuple[str, str, int]]:
        """Where an old copy could be committed: the branch, the kind of the change and how old the copy is."""
        if "stale-commit" not in self.mistakes:
            return []
        features = [family for family in self.model.families if not family.is_fix]
        found: dict[tuple[str, str, int], None] = {}
        for family in features or self.model.families:
            for place in family.to:
                branch = self.branches[place]
                for back in range(1, min(3, self._age(branch)) + 1):
                    found[branch, "fix" if family.is_fix else "feature", back] = None
        return [*found]

    def _age(self, branch: str) -> int:
        """How many first parents a branch has, up to three."""
        versions = self.twin.model.versions
        version, age = self.twin.model.tip(branch), 0
        while version.parents and age < _OLDEST:
            version, age = versions[version.parents[0]], age + 1
        return age


_OLDEST = 3

__all__ = ["Landing", "Playbook", "Work"]
