"""A branch strategy: a topology, the guards that are enforced, and the operations that people use."""

from __future__ import annotations

import dataclasses
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING

from branchsim.errors import InputError, nearest
from branchsim.topology import GUARDS, Topology

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from branchsim.topology import Entry, Family, Method

OPERATIONS: dict[str, str] = {
    "start": "A short-lived branch is made, with its first change.",
    "commit": "A further change is committed on a short-lived branch.",
    "pull-request": "A short-lived branch lands where its family goes, by one of the methods allowed.",
    "promote": "A branch lands on the next one along a promote flow.",
    "retrofit": "A short-lived branch that has landed is brought to where its family owes it.",
    "merge-back": "A branch is merged along a retrofit flow.",
    "tag": "What the last branch holds is tagged.",
    "revert": "A change is reverted on a long-lived branch.",
    "delete": "A short-lived branch is deleted before it has reached all it is owed to.",
    "force-push": "A long-lived branch is moved back.",
}
"""The operations by name. The last three are not everyday work; the mistakes of their names add them too."""

EVERYDAY = ("start", "commit", "pull-request", "promote", "retrofit", "merge-back", "tag")

# Stands for the guards of the topology; compared by identity.
_OWN: tuple[str, ...] = ("the topology's own",)


class StrategyError(InputError):
    """A strategy does not hold together."""


@dataclass(frozen=True, slots=True, repr=False)
class Strategy:
    """What a team does with its branches, as far as the checker asks.

    Parameters
    ----------
    topology : Topology
        Branches, flows and families, with their methods. Bound: no branch is a pattern.
    guards : iterable of str, optional
        The guards that are enforced, from `branchsim.topology.GUARDS`; those of the topology by default.
    operations : iterable of str
        What people do, from `OPERATIONS`.
    name : str, optional
        A word for titles; the topology's name by default.

    Raises
    ------
    StrategyError
        A branch is a pattern, a name is unknown, nothing could ever reach production, or the guards forbid what others
        of them demand.

    Examples
    --------
    >>> strategy = Strategy.build_run()
    >>> strategy.without("run-frozen-while-ahead").guards
    ('no-promotion-while-open', 'no-squash-if-merged-again', 'keep-branch-until-retrofitted')
    """

    topology: Topology
    _: KW_ONLY
    guards: tuple[str, ...] = _OWN
    operations: tuple[str, ...] = EVERYDAY
    name: str = ""

    def __post_init__(self) -> None:
        given: object = self.topology
        if not isinstance(given, Topology):
            raise StrategyError(f"a strategy needs a Topology, not {type(given).__name__}")
        guards = self.topology.guards if self.guards is _OWN else self.guards
        object.__setattr__(self, "guards", _chosen("guard", guards, GUARDS))
        object.__setattr__(self, "operations", _chosen("operation", self.operations, OPERATIONS))
        object.__setattr__(self, "name", self.name or self.topology.name)
        for branch in self.topology.branches:
            if branch.is_pattern:
                raise StrategyError(
                    f"strategy {self.name!r}: branch {branch.name!r} is a pattern; name real branches: "
                    "topology.bind(['main', 'release/1', 'release/2'])"
                )
        self._has_a_way()
        self._is_consistent()

    # -- what is asked of it --------------------------------------------------------------------------------------

    @property
    def production(self) -> tuple[str, ...]:
        """The branches where releases land."""
        return self.topology.last_branches()

    @property
    def run(self) -> tuple[str, ...]:
        """The branches of the layers that `production` belongs to, in order."""
        layers = {self.topology.layer_of(name) for name in self.production}
        return tuple(branch.name for branch in self.topology.branches if branch.layer in layers)

    def is_fix_family(self, family: Family) -> bool:
        """Whether a family brings fixes, that is, lands in the layer of production; all others bring features."""
        return any(target in self.run for target in family.to)

    def is_retrofit_family(self, family: Family) -> bool:
        """Whether branches of a family only carry another branch back (``retrofit/*``): that is a merge back here."""
        return any(
            entry.by == family and entry.role == "retrofit" for name in family.to for entry in self._entries(name)
        )

    def methods(self, allowed: tuple[Method, ...]) -> tuple[str, ...]:
        """The landings to try where a topology allows these methods.

        A fast-forward is a merge that had nothing to merge, so both are ``merge``; none named means merge, squash,
        rebase.
        """
        if not allowed:
            return ("merge", "squash", "rebase")
        found = dict.fromkeys("merge" if method in {"merge", "fast-forward"} else method for method in allowed)
        # A rebase and a cherry-pick of all commits are the same to the content and to the history of the target.
        return tuple(dict.fromkeys("rebase" if method == "cherry-pick" else method for method in found))

    # -- variants -------------------------------------------------------------------------------------------------

    def replace(self, **changes: object) -> Strategy:
        """A copy in which some parts are others; checked like any other strategy."""
        known = {item.name for item in dataclasses.fields(self)}
        unknown = sorted(set(changes) - known)
        if unknown:
            raise StrategyError(f"a strategy has no part {unknown[0]!r}{nearest(unknown[0], known)}")
        parts = {name: getattr(self, name) for name in known} | changes
        return Strategy(parts.pop("topology"), **parts)

    def without(self, *guards: str) -> Strategy:
        """The same strategy without some guards, or without any if none is named."""
        gone = _chosen("guard", guards, GUARDS) or self.guards
        return self.replace(guards=tuple(guard for guard in self.guards if guard not in gone))

    # -- presets --------------------------------------------------------------------------------------------------

    @classmethod
    def build_run(cls) -> Strategy:
        """BUILD/RUN: `Topology.build_run` with its guards."""
        return cls(Topology.build_run())

    @classmethod
    def build_run_merge_back(cls) -> Strategy:
        """BUILD/RUN with RUN merged back: `Topology.build_run_merge_back` with its guards."""
        return cls(Topology.build_run_merge_back())

    @classmethod
    def gitflow(cls) -> Strategy:
        """Gitflow: `Topology.gitflow` with its guards."""
        return cls(Topology.gitflow())

    @classmethod
    def release_train(cls) -> Strategy:
        """A train with one release out (``release/1``) and one being made (``release/2``); fixes go forward."""
        topology = Topology.release_train().bind(["main", "release/1", "release/2"])
        # The first release has been cut: nothing is promoted to it any more.
        flows = tuple(flow for flow in topology.flows if not (flow.kind == "promote" and flow.target == "release/1"))
        return cls(topology.replace(flows=flows))

    @classmethod
    def trunk(cls) -> Strategy:
        """Trunk-based development: `Topology.trunk`."""
        return cls(Topology.trunk())

    # -- inner ----------------------------------------------------------------------------------------------------

    def _entries(self, name: str) -> tuple[Entry, ...]:
        return self.topology.entries(name)

    def _has_a_way(self) -> None:
        missing = [name for name in ("start", "pull-request") if name not in self.operations]
        if missing:
            raise StrategyError(
                f"strategy {self.name!r} has no way to production: its operations lack {' and '.join(missing)}, "
                "so no change ever lands"
            )
        landed = {target for family in self.topology.families for target in family.to}
        if not landed:
            raise StrategyError(
                f"strategy {self.name!r} has no way to production: no family of branches lands anywhere; "
                "add a family, for example hotfix/*"
            )
        if "promote" in self.operations:
            landed |= {after for name in landed for after in self.topology.downstream(name)}
        for name in self.production:
            if name not in landed:
                raise StrategyError(
                    f"strategy {self.name!r} has no way to production: nothing that lands can reach {name!r}; "
                    "add a promote flow or a family that leads there, or allow the operation 'promote'"
                )

    def _is_consistent(self) -> None:
        for family in self.topology.families:
            if "no-squash-if-merged-again" in self.guards and family.retrofit and family.methods == ("squash",):
                raise StrategyError(
                    f"strategy {self.name!r}: family {family.pattern!r} may only be squashed, and the guard "
                    "'no-squash-if-merged-again' forbids that because it is retrofitted; allow merge, or drop the guard"
                )
        if "no-promotion-while-open" not in self.guards or "promote" not in self.operations:
            return
        for rule in self.topology.obligation_rules():
            by_family = any(
                rule.owed_to in family.retrofit and rule.landed_on in family.to for family in self.topology.families
            )
            by_flow = "merge-back" in self.operations and any(
                flow.target == rule.owed_to for flow in self.topology.retrofits()
            )
            if not by_flow and not (by_family and "retrofit" in self.operations):
                raise StrategyError(
                    f"strategy {self.name!r}: what lands on {rule.landed_on!r} is owed to {rule.owed_to!r}, no "
                    "operation brings it there, and the guard 'no-promotion-while-open' then stops every promotion; "
                    "allow 'retrofit' or 'merge-back', or drop the guard"
                )

    def __repr__(self) -> str:
        shown = [repr(self.topology)]
        if self.guards != self.topology.guards:
            shown.append(f"guards={self.guards!r}")
        if self.operations != EVERYDAY:
            shown.append(f"operations={self.operations!r}")
        if self.name != self.topology.name:
            shown.append(f"name={self.name!r}")
        return f"Strategy({', '.join(shown)})"

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(self.guards) or 'no guards'})"


def _chosen(kind: str, names: Iterable[str], known: dict[str, str]) -> tuple[str, ...]:
    """Checked names in the order in which they are known."""
    given = (names,) if isinstance(names, str) else tuple(names)
    for name in given:
        if name not in known:
            raise StrategyError(f"unknown {kind} {name!r}{nearest(str(name), known)}; they are {', '.join(known)}")
    return tuple(name for name in known if name in given)


PRESETS: dict[str, Callable[[], Strategy]] = {
    "build-run": Strategy.build_run,
    "build-run-merge-back": Strategy.build_run_merge_back,
    "gitflow": Strategy.gitflow,
    "release-train": Strategy.release_train,
    "trunk": Strategy.trunk,
}
"""What makes each strategy that comes with the library, by name."""
