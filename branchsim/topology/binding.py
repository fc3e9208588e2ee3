"""Binding: a topology with patterns, and the real branches of a repository, make a topology without patterns."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import TYPE_CHECKING

from branchsim.topology.model import Topology, open_what_is_closed
from branchsim.topology.patterns import in_version_order

if TYPE_CHECKING:
    from collections.abc import Iterable

    from branchsim.topology.records import Branch, Family, Flow


def bind(topology: Topology, names: Iterable[str]) -> Topology:
    """See `Topology.bind`."""
    if topology.is_bound:
        return topology
    real: dict[str, list[str]] = {branch.name: [] for branch in topology.branches}
    for name in set(names):
        record = topology.match_branch(name)
        family = topology.family_of(name)
        if record is not None and family is None:
            real[record.name].append(name)
    stands_for: dict[str, tuple[str, ...]] = {
        branch.name: tuple(in_version_order(real[branch.name])) if branch.is_pattern else (branch.name,)
        for branch in topology.branches
    }
    notes = [
        f"no branch falls under the pattern {name!r}: it is left out, with the flows and families that hang on it"
        for name, found in stands_for.items()
        if not found
    ]
    if not any(stands_for.values()):
        return topology.with_notes("no branch falls under any pattern: nothing could be bound")
    return _standing(topology, stands_for, notes)


def fit(topology: Topology, names: Iterable[str]) -> Topology:
    """A topology that somebody else's configuration describes, for the branches that exist.

    A branch that is written otherwise there, in other cases of letters, gets its real name; one that does not exist is
    taken out with the flows and families that hang on it. Notes say so. Where none is left nothing is changed.
    """
    real = set(names)
    by_key: dict[str, list[str]] = {}
    for name in sorted(real):
        by_key.setdefault(name.casefold(), []).append(name)
    stands_for: dict[str, tuple[str, ...]] = {}
    notes = []
    for branch in topology.branches:
        alike = by_key.get(branch.name.casefold(), [])
        if branch.is_pattern or branch.name in real:
            stands_for[branch.name] = (branch.name,)
        elif len(alike) == 1 and alike[0] not in stands_for:
            stands_for[branch.name] = (alike[0],)
            notes.append(f"the branch {branch.name!r} is called {alike[0]!r} in the repository")
        else:
            stands_for[branch.name] = ()
            notes.append(
                f"the branch {branch.name!r} does not exist: it is left out, and the flows and families that hang on it"
            )
    if not notes or not any(stands_for.values()):
        return topology
    return _standing(topology, stands_for, notes)


def _standing(topology: Topology, stands_for: dict[str, tuple[str, ...]], notes: list[str]) -> Topology:
    """A topology in which real branches stand for those that it names."""
    branches = tuple(
        dataclasses.replace(branch, name=name) for branch in topology.branches for name in stands_for[branch.name]
    )
    flows = tuple(bound for flow in topology.flows for bound in _flow(flow, stands_for))
    families = tuple(bound for family in topology.families for bound in _family(family, stands_for, notes))
    branches, opened = open_what_is_closed(branches, flows, families)
    notes += [f"nothing leads to the branch {name!r} now: whatever lands there is taken as direct" for name in opened]
    masks = tuple(
        dataclasses.replace(mask, branch=name)
        for mask in topology.masks
        for name in (stands_for[mask.branch] if mask.branch is not None else (None,))
    )
    return topology.replace(
        branches=branches,
        flows=flows,
        families=tuple(_still_led_to(families, branches, flows, notes)),
        masks=masks,
        notes=(*topology.notes, *notes),
    )


def _flow(flow: Flow, stands_for: dict[str, tuple[str, ...]]) -> Iterable[Flow]:
    if flow.source == flow.target:
        for older, newer in pairwise(stands_for[flow.source]):
            yield dataclasses.replace(flow, source=older, target=newer)
        return
    for source in stands_for[flow.source]:
        for target in stands_for[flow.target]:
            yield dataclasses.replace(flow, source=source, target=target)


def _family(family: Family, stands_for: dict[str, tuple[str, ...]], notes: list[str]) -> Iterable[Family]:
    source, to, retrofit = (
        tuple(name for pattern in patterns for name in stands_for[pattern])
        for patterns in (family.source, family.to, family.retrofit)
    )
    if not source or not to:
        notes.append(f"the family {family.pattern!r} has no branch left to start from or to land on: it is left out")
        return
    yield dataclasses.replace(family, source=source, to=to, retrofit=tuple(name for name in retrofit if name not in to))


def _still_led_to(
    families: Iterable[Family], branches: tuple[Branch, ...], flows: tuple[Flow, ...], notes: list[str]
) -> Iterable[Family]:
    """Drop retrofits of families to which no flow leads any more, because it hung on a pattern without branches."""
    from branchsim.topology.walks import Walks

    walks = Walks(branches, flows)
    for family in families:
        led = {name for start in (*family.to, *family.source) for name in walks.owed(start)}
        kept = tuple(name for name in family.retrofit if name in led)
        if kept != family.retrofit:
            notes.append(f"the family {family.pattern!r} owes fewer retrofits: the flows to them are left out")
        yield dataclasses.replace(family, retrofit=kept)
