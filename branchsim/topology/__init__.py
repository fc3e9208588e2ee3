"""Topologies: what the branches are for. Knows no git."""

from __future__ import annotations

from branchsim.topology.files import read_topology_toml, to_toml
from branchsim.topology.masks import MetadataMask, metadata_of
from branchsim.topology.model import Topology
from branchsim.topology.patterns import PathGlobs, in_version_order, is_pattern, matches, version_key
from branchsim.topology.records import (
    FLOW_KINDS,
    GUARDS,
    METHODS,
    Branch,
    Entry,
    Family,
    Flow,
    FlowKind,
    Method,
    ObligationRule,
    Role,
    Waiver,
)

__all__ = [
    "FLOW_KINDS",
    "GUARDS",
    "METHODS",
    "Branch",
    "Entry",
    "Family",
    "Flow",
    "FlowKind",
    "MetadataMask",
    "Method",
    "ObligationRule",
    "PathGlobs",
    "Role",
    "Topology",
    "Waiver",
    "in_version_order",
    "is_pattern",
    "matches",
    "metadata_of",
    "read_topology_toml",
    "to_toml",
    "version_key",
]
