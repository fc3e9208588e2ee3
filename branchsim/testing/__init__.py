"""Test your own branch strategy, and your own programs that work with branches: what is here is made for test suites.

Nothing is imported before it is used, so neither pytest nor Hypothesis is slower for having this installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from branchsim.testing.equivalence import ForkedWorkMachine, LandingMethodsMachine, RetrofitMachine
    from branchsim.testing.generated import ChangeTruth, GeneratedHistory, histories
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

_MODULE = {
    "BranchStrategyMachine": "machine",
    "ChangeTruth": "generated",
    "ConflictError": "repo",
    "ConflictingEdits": "strategies",
    "DisagreementError": "twin",
    "ForkedWorkMachine": "equivalence",
    "GeneratedHistory": "generated",
    "LandingMethodsMachine": "equivalence",
    "Patch": "strategies",
    "Reference": "reference",
    "RetrofitMachine": "equivalence",
    "ScratchRepo": "repo",
    "TwinRepo": "twin",
    "assert_no_leak": "invariants",
    "assert_no_lost_fix": "invariants",
    "assert_obligations_met": "invariants",
    "branch_names": "strategies",
    "branch_strategies": "strategies",
    "conflicting_edits": "strategies",
    "file_trees": "strategies",
    "histories": "generated",
    "patches": "strategies",
    "plans": "strategies",
    "topologies": "strategies",
}

__all__ = [
    "BranchStrategyMachine",
    "ChangeTruth",
    "ConflictError",
    "ConflictingEdits",
    "DisagreementError",
    "ForkedWorkMachine",
    "GeneratedHistory",
    "LandingMethodsMachine",
    "Patch",
    "Reference",
    "RetrofitMachine",
    "ScratchRepo",
    "TwinRepo",
    "assert_no_leak",
    "assert_no_lost_fix",
    "assert_obligations_met",
    "branch_names",
    "branch_strategies",
    "conflicting_edits",
    "file_trees",
    "histories",
    "patches",
    "plans",
    "topologies",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE})
