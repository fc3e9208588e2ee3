"""Simulate plans with real git objects on a scratch repository, forecast what follows, and execute exactly that.

Called, it is `branchsim.simulate.run.simulate`.
"""

from __future__ import annotations

from branchsim.facade import make_callable
from branchsim.simulate.conflicts import OpenConflict, Resolver
from branchsim.simulate.execute import Receipt, check, execute, resume, undo
from branchsim.simulate.records import (
    OUTCOMES,
    FileConflict,
    ForecastResult,
    Landing,
    Loss,
    LossCheck,
    Meeting,
    ObligationState,
    Outcome,
    RefMove,
    StepResult,
)
from branchsim.simulate.run import simulate
from branchsim.simulate.saved import is_saved, read_simulation, save
from branchsim.simulate.simulation import Simulation
from branchsim.simulate.verify import Verification, verify

__all__ = [
    "OUTCOMES",
    "FileConflict",
    "ForecastResult",
    "Landing",
    "Loss",
    "LossCheck",
    "Meeting",
    "ObligationState",
    "OpenConflict",
    "Outcome",
    "Receipt",
    "RefMove",
    "Resolver",
    "Simulation",
    "StepResult",
    "Verification",
    "check",
    "execute",
    "is_saved",
    "read_simulation",
    "resume",
    "save",
    "simulate",
    "undo",
    "verify",
]

make_callable(__name__, module="branchsim.simulate.run", function="simulate")
