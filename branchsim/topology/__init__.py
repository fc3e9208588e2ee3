"""Topologies: what the branches are for. Knows no git."""

from __future__ import annotations

from branchsim.topology.files import FILE_NAME, read_topology, read_topology_toml, to_toml
from branchsim.topology.masks import MetadataMask, metadata_of
from branchsim.topology.model import Topology
from branchsim.topology.patterns import PathGlobs, in_version_order, is_pattern, matches, version_key
from branchsim.topology.providers import DirectoryFiles, FileProvider
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
from branchsim.topology.render import describe, draw, mermaid
from branchsim.topology.sfdx_hardis import has_sfdx_hardis, read_sfdx_hardis

__all__ = [
    "FILE_NAME",
    "FLOW_KINDS",
    "GUARDS",
    "METHODS",
    "Branch",
    "DirectoryFiles",
    "Entry",
    "Family",
    "FileProvider",
    "Flow",
    "FlowKind",
    "MetadataMask",
    "Method",
    "ObligationRule",
    "PathGlobs",
    "Role",
    "Topology",
    "Waiver",
    "describe",
    "draw",
    "has_sfdx_hardis",
    "in_version_order",
    "is_pattern",
    "matches",
    "mermaid",
    "metadata_of",
    "read_sfdx_hardis",
    "read_topology",
    "read_topology_toml",
    "to_toml",
    "version_key",
]
