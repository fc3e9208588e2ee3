"""Pictures of topologies, audits, forecasts, counterexamples and experiments.

Each function takes ``ax`` and returns it, takes matplotlib's keywords for its main marks, never calls ``show`` and
changes no setting. Without ``ax`` it makes a figure of a size that fits. ``audit.plot`` and ``experiment.plot`` offer
theirs as methods. Colours are those of Okabe and Ito, which people with any colour vision can tell apart; nothing
rests on colour alone.
"""

from __future__ import annotations

from branchsim.plot.accessor import AuditPlots, ExperimentPlots
from branchsim.plot.bars import forecast
from branchsim.plot.cells import presence
from branchsim.plot.commits import branch_graph
from branchsim.plot.flows import topology
from branchsim.plot.gap import divergence
from branchsim.plot.lanes import timeline
from branchsim.plot.latency import latency_over_time, retrofit_latency, typical_wait
from branchsim.plot.losses import overwrites_by_cause, overwrites_by_file
from branchsim.plot.risk import risk_by_delay
from branchsim.plot.strategies import strategies

__all__ = [
    "AuditPlots",
    "ExperimentPlots",
    "branch_graph",
    "divergence",
    "forecast",
    "latency_over_time",
    "overwrites_by_cause",
    "overwrites_by_file",
    "presence",
    "retrofit_latency",
    "risk_by_delay",
    "strategies",
    "timeline",
    "topology",
    "typical_wait",
]
