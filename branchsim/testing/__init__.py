"""Test your own branch strategy, and your own programs that work with branches: what is here is made for test suites.

Nothing is imported before it is used, so neither pytest nor Hypothesis is slower for having this installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from branchsim.testing.equivalence import ForkedWorkMachine, LandingMethodsMachine, RetrofitMachine
    from branchsim.testing.histories import ChangeTruth, GeneratedHistory, histories
    from branchsim.testing.invariants import assert_no_leak, assert_no_lost_fix, assert_obligations_met
    from branchsim.testing.machine import BranchStrategyMachine
    from branchsim.testing.reference import Reference
    from branchsim.testing.repo import ConflictError, ScratchRepo
    from branchsim.testing.strategies import (
        ConflictingEdits,
        Patch,
        branch_names,
        branch_strategies,
        conflicting_edits,
        file_trees,
        patches,
        plans,
        topologies,
    )
    from branchsim.testing.twin import DisagreementError, TwinRepo

_HOME = {
    "equivalence": ("ForkedWorkMachine", "LandingMethodsMachine", "RetrofitMachine"),
    "histories": ("ChangeTruth", "GeneratedHistory", "histories"),
    "invariants": ("assert_no_leak", "assert_no_lost_fix", "assert_obligations_met"),
    "machine": ("BranchStrategyMachine",),
    "reference": ("Reference",),
    "repo": ("ConflictError", "ScratchRepo"),
    "strategies": (
        "ConflictingEdits",
        "Patch",
        "branch_names",
        "branch_strategies",
        "conflicting_edits",
        "file_trees",
        "patches",
        "plans",
        "topologies",
    ),
    "twin": ("DisagreementError", "TwinRepo"),
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [  # noqa: PLE0604, RUF022  from one table, so that none is forgotten
    *_MODULE
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE})
