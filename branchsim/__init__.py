"""branchsim: did our hotfix survive.

Audit, simulate and property-test the branches you release from.

>>> import branchsim as bs
>>> audit = bs.audit("path/to/repo")  # doctest: +SKIP
>>> audit.findings  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from branchsim.accessors import register as _register

if TYPE_CHECKING:
    from branchsim.audit.audit import Audit, audit
    from branchsim.audit.inspect import Inspection, inspect
    from branchsim.audit.many import Audits, audit_many
    from branchsim.audit.match import Match, match
    from branchsim.audit.sources import guess_topology, read_topology
    from branchsim.audit.trace import Trace, trace
    from branchsim.check.experiment import Experiment, experiment
    from branchsim.check.explore import explore
    from branchsim.check.strategy import Strategy
    from branchsim.check.table import strategy_table
    from branchsim.check.team import Delay, Habits, Team
    from branchsim.errors import (
        BranchsimError,
        GitError,
        InputError,
        InternalError,
        NotARepositoryError,
        TopologyError,
        UnknownBranchError,
        UnknownRevisionError,
    )
    from branchsim.plan import Plan, read_plan
    from branchsim.simulate.execute import execute
    from branchsim.simulate.run import simulate
    from branchsim.topology import Topology

__version__ = "0.1.0"

__all__ = [
    "Audit",
    "Audits",
    "BranchsimError",
    "Delay",
    "Experiment",
    "GitError",
    "Habits",
    "InputError",
    "Inspection",
    "InternalError",
    "Match",
    "NotARepositoryError",
    "Plan",
    "Strategy",
    "Team",
    "Topology",
    "TopologyError",
    "Trace",
    "UnknownBranchError",
    "UnknownRevisionError",
    "audit",
    "audit_many",
    "execute",
    "experiment",
    "explore",
    "guess_topology",
    "inspect",
    "match",
    "read_plan",
    "read_topology",
    "simulate",
    "strategy_table",
    "trace",
]

_HOME = {
    "Audit": "branchsim.audit.audit",
    "Audits": "branchsim.audit.many",
    "audit_many": "branchsim.audit.many",
    "BranchsimError": "branchsim.errors",
    "Delay": "branchsim.check.team",
    "Experiment": "branchsim.check.experiment",
    "Habits": "branchsim.check.team",
    "Team": "branchsim.check.team",
    "experiment": "branchsim.check.experiment",
    "GitError": "branchsim.errors",
    "InputError": "branchsim.errors",
    "Inspection": "branchsim.audit.inspect",
    "InternalError": "branchsim.errors",
    "Match": "branchsim.audit.match",
    "NotARepositoryError": "branchsim.errors",
    "Plan": "branchsim.plan",
    "Topology": "branchsim.topology",
    "TopologyError": "branchsim.errors",
    "Trace": "branchsim.audit.trace",
    "UnknownBranchError": "branchsim.errors",
    "UnknownRevisionError": "branchsim.errors",
    "Strategy": "branchsim.check.strategy",
    "execute": "branchsim.simulate.execute",
    "explore": "branchsim.check.explore",
    "guess_topology": "branchsim.audit.sources",
    "inspect": "branchsim.audit.inspect",
    "match": "branchsim.audit.match",
    "read_plan": "branchsim.plan",
    "read_topology": "branchsim.audit.sources",
    "strategy_table": "branchsim.check.table",
    "trace": "branchsim.audit.trace",
}

# Packages that are called like the function they are about.
_CALLABLE = ("audit", "simulate")

# What is drawn does not know the pictures; the door knows both.
_register("Audit", "plot", lambda audit: import_module(f"{__name__}.plot.accessor").AuditPlots(audit))
_register("Experiment", "plot", lambda made: import_module(f"{__name__}.plot.accessor").ExperimentPlots(made))


def __getattr__(name: str) -> object:
    # Loaded when they are asked for, so that `import branchsim` costs next to nothing.
    if name in _CALLABLE:
        return import_module(f"{__name__}.{name}")
    if name in _HOME:
        found: object = getattr(import_module(_HOME[name]), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
