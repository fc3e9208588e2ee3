"""History: what happened on each branch, as records and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from branchsim.history.changes import CHANGES_SCHEMA, Change, Changes, changes_frame, read_changes, with_merge_parts
    from branchsim.history.frames import frame
    from branchsim.history.graph import Graph
    from branchsim.history.guess import Guess, guess_topology
    from branchsim.history.landings import KINDS, LANDINGS_SCHEMA, History, Landing, landings_frame, read_history
    from branchsim.history.promotions import PROMOTIONS_SCHEMA, Promotion, promotions_frame, read_promotions

_HOME = {
    "CHANGES_SCHEMA": "changes",
    "Change": "changes",
    "Changes": "changes",
    "Graph": "graph",
    "Guess": "guess",
    "History": "landings",
    "KINDS": "landings",
    "LANDINGS_SCHEMA": "landings",
    "Landing": "landings",
    "PROMOTIONS_SCHEMA": "promotions",
    "Promotion": "promotions",
    "changes_frame": "changes",
    "frame": "frames",
    "guess_topology": "guess",
    "landings_frame": "landings",
    "promotions_frame": "promotions",
    "read_changes": "changes",
    "read_history": "landings",
    "read_promotions": "promotions",
    "with_merge_parts": "changes",
}

__all__ = [
    "CHANGES_SCHEMA",
    "KINDS",
    "LANDINGS_SCHEMA",
    "PROMOTIONS_SCHEMA",
    "Change",
    "Changes",
    "Graph",
    "Guess",
    "History",
    "Landing",
    "Promotion",
    "changes_frame",
    "frame",
    "guess_topology",
    "landings_frame",
    "promotions_frame",
    "read_changes",
    "read_history",
    "read_promotions",
    "with_merge_parts",
]


def __getattr__(name: str) -> object:
    # The parts are loaded when they are asked for: some need numpy, which the matching of two revisions does not.
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
