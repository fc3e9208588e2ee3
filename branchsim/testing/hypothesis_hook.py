"""What Hypothesis calls when it is imported: tell it how to make the types of this library.

Only the modules that define the types are imported, and they need the standard library alone; the strategies are
imported when one of them is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy


def register() -> None:
    """Register a strategy for each type, so that `st.from_type` and `st.builds` know them."""
    from hypothesis import strategies as st

    from branchsim.check.strategy import Strategy
    from branchsim.plan.model import Plan
    from branchsim.topology.model import Topology

    st.register_type_strategy(Topology, _later("topologies"))
    st.register_type_strategy(Strategy, _later("branch_strategies"))
    st.register_type_strategy(Plan, _later("plans"))


def _later(name: str) -> Callable[[type], SearchStrategy[Any]]:
    """The strategy of a name, imported when it is asked for."""

    def strategy(_: type) -> SearchStrategy[Any]:
        import branchsim.testing

        made: SearchStrategy[Any] = getattr(branchsim.testing, name)()
        return made

    return strategy
