"""Checks that a topology holds together. Each error names the place and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from branchsim.errors import TopologyError, nearest
from branchsim.topology.records import GUARDS, Branch, Family, Flow, is_blank
from branchsim.topology.walks import Walks, cycle, edges_of, landable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchsim.topology.masks import MetadataMask


def validate(
    *,
    branches: Sequence[Branch],
    flows: Sequence[Flow],
    families: Sequence[Family],
    guards: Sequence[str],
    ignore_paths: Sequence[str],
    list_keys: Sequence[str],
    masks: Sequence[MetadataMask],
) -> None:
    """Raise `TopologyError` at the first thing that does not hold."""
    if not branches:
        raise TopologyError("a topology needs at least one branch; add a [[branch]] with a name and a layer")
    _distinct("branch", [branch.name for branch in branches])
    _known(branches, flows, families, masks)
    _distinct("flow", [str(flow) for flow in flows])
    _distinct("family", [family.pattern for family in families])
    _distinct("guard", list(guards))
    _guards(guards)
    for glob in ignore_paths:
        if is_blank(glob) or not glob.strip("!/"):
            raise TopologyError(f"ignore paths: {glob!r} is no glob of paths; write for example '*.lock' or 'docs/**'")
    for key in list_keys:
        if is_blank(key):
            raise TopologyError("a list key is empty; name the member that identifies others, for example 'sku'")
    _flows(branches, flows)
    _families(branches, flows, families)
    arrives = landable(branches, flows, families)
    for branch in branches:
        if branch.name not in arrives:
            raise TopologyError(
                f"branch {branch.name!r} is unreachable: no promotion begins there, and no flow from a branch in use, "
                "no family and no direct work leads to it; add a flow or a family, or set direct = true"
            )


def _distinct(kind: str, names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise TopologyError(f"{kind} {name!r} is declared twice; remove one of the two")
        seen.add(name)


def _known(
    branches: Sequence[Branch], flows: Sequence[Flow], families: Sequence[Family], masks: Sequence[MetadataMask]
) -> None:
    known = [branch.name for branch in branches]
    places: list[tuple[str, str]] = []
    for number, flow in enumerate(flows, start=1):
        where = f"flow {number} ({flow})"
        places += [(f"{where}, its 'from'", flow.source), (f"{where}, its 'to'", flow.target)]
    for family in families:
        for key, names in (("from", family.source), ("to", family.to), ("retrofit", family.retrofit)):
            places += [(f"family {family.pattern!r}, its {key!r}", name) for name in names]
    places += [(f"mask {mask.origin!r}", mask.branch) for mask in masks if mask.branch is not None]
    for where, name in places:
        if name not in known:
            raise TopologyError(
                f"{where}: unknown branch {name!r}{nearest(name, known)}; the branches are {', '.join(known)}"
            )


def _guards(guards: Sequence[str]) -> None:
    for guard in guards:
        if guard not in GUARDS:
            raise TopologyError(
                f"unknown guard {guard!r}{nearest(str(guard), GUARDS)}; the guards are {', '.join(GUARDS)}"
            )


def _flows(branches: Sequence[Branch], flows: Sequence[Flow]) -> None:
    patterns = {branch.name for branch in branches if branch.is_pattern}
    for number, flow in enumerate(flows, start=1):
        if flow.source == flow.target and (flow.kind == "promote" or flow.source not in patterns):
            raise TopologyError(
                f"flow {number} ({flow}) leads from a branch to itself; remove it "
                "(only a retrofit from a pattern to itself has a meaning: from each version to the next)"
            )
    promotions = edges_of(flow for flow in flows if flow.kind == "promote")
    circle = cycle([branch.name for branch in branches], promotions)
    if circle:
        raise TopologyError(
            f"promotions run in a circle: {' -> '.join(circle)}; a version can then never be released: "
            "make the flow that leads back a retrofit"
        )


def _families(branches: Sequence[Branch], flows: Sequence[Flow], families: Sequence[Family]) -> None:
    walks = Walks(branches, flows)
    for family in families:
        for name in family.retrofit:
            if name in family.to:
                raise TopologyError(
                    f"family {family.pattern!r} lands on {name!r} and owes a retrofit to it too; name it once"
                )
            led_from = {*family.to, *family.source}
            if not any(name in walks.owed(start) for start in led_from):
                raise TopologyError(
                    f"family {family.pattern!r} owes a retrofit to {name!r}, but no retrofit flow leads there from "
                    f"{' or '.join(sorted(led_from))}; add a [[flow]] of kind 'retrofit'"
                )
