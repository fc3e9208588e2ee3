"""``audit.plot`` and ``experiment.plot``: the pictures of an audit, of an experiment, as methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from branchsim.plot.cells import presence
from branchsim.plot.flows import topology
from branchsim.plot.gap import divergence
from branchsim.plot.lanes import timeline
from branchsim.plot.latency import latency_over_time, retrofit_latency
from branchsim.plot.losses import overwrites_by_cause, overwrites_by_file
from branchsim.plot.risk import risk_by_delay
from branchsim.plot.strategies import strategies

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from branchsim.audit.audit import Audit
    from branchsim.plot.tables import Experiment


@dataclass(frozen=True, slots=True)
class AuditPlots:
    """The pictures of an audit. Each takes ``ax`` and the keywords of its function, and returns the axes.

    Examples
    --------
    >>> audit.plot.timeline()  # doctest: +SKIP
    >>> audit.plot.retrofit_latency(by="family", ax=ax)  # doctest: +SKIP
    """

    _audit: Audit

    def topology(self, *, ax: Axes | None = None, **kwargs: Any) -> Axes:
        """Branches, flows and families, open obligations in red: see `branchsim.plot.topology`."""
        return topology(self._audit, ax=ax, **kwargs)

    def timeline(self, *, ax: Axes | None = None, **kwargs: Any) -> Axes:
        """What landed when, and what became of what was owed: see `branchsim.plot.timeline`."""
        return timeline(self._audit, ax=ax, **kwargs)

    def retrofit_latency(self, *, ax: Axes | None = None, **kwargs: Any) -> Axes:
        """How long changes wait for their retrofit: see `branchsim.plot.retrofit_latency`."""
        return retrofit_latency(self._audit, ax=ax, **kwargs)

    def latency_over_time(self, *, ax: Axes | None = None, **kwargs: Any) -> Axes:
        """The same for each change, over time: see `branchsim.plot.latency_over_time`."""
        return latency_over_time(self._audit, ax=ax, **kwargs)

    def presence(self, *, ax: Axes | None = None, **kwargs: Any) -> Axes:
        """Changes by branches, coloured by verdict: see `branchsim.plot.presence`."""
        return presence(self._audit, ax=ax, **kwargs)

    def overwrites_by_file(self, *, ax: Axes | None = None, **kwargs: Any) -> Axes:
        """In which files changes were overwritten: see `branchsim.plot.overwrites_by_file`."""
        return overwrites_by_file(self._audit, ax=ax, **kwargs)

    def overwrites_by_cause(self, *, ax: Axes | None = None, **kwargs: Any) -> Axes:
        """By which causes changes were overwritten: see `branchsim.plot.overwrites_by_cause`."""
        return overwrites_by_cause(self._audit, ax=ax, **kwargs)

    def divergence(self, *, ax: Axes | None = None, **kwargs: Any) -> Axes:
        """What waits to be promoted and what is owed back, over time: see `branchsim.plot.divergence`."""
        return divergence(self._audit, ax=ax, **kwargs)


@dataclass(frozen=True, slots=True)
class ExperimentPlots:
    """The pictures of an experiment. Each takes ``ax`` and the keywords of its function, and returns the axes.

    Examples
    --------
    >>> experiment.plot.risk_by_delay()  # doctest: +SKIP
    >>> experiment.plot.strategies("conflicts", ax=ax)  # doctest: +SKIP
    """

    _experiment: Experiment

    def risk_by_delay(self, *, ax: Axes | None = None, **kwargs: Any) -> Axes:
        """Risk against the delay of retrofits, with its interval: see `branchsim.plot.risk_by_delay`."""
        return risk_by_delay(self._experiment, ax=ax, **kwargs)

    def strategies(self, measure: str = "overwrites", *, ax: Axes | None = None, **kwargs: Any) -> Axes:
        """Strategies side by side: see `branchsim.plot.strategies`."""
        return strategies(self._experiment, measure, ax=ax, **kwargs)


__all__ = ["AuditPlots", "ExperimentPlots"]
