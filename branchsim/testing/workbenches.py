"""Workbenches for machines, of which Hypothesis makes a new one for every example."""

from __future__ import annotations

from branchsim.testing.repo import Workbench

# Those that no machine uses at the moment. What lies on one is named by its content, so nothing that one machine did is
# seen by another; it only need not be written and merged again. Two threads never have the same one.
_IDLE: list[Workbench] = []


def borrow() -> Workbench:
    """A workbench that nobody else uses until it is given back."""
    try:
        return _IDLE.pop()
    except IndexError:
        return Workbench()


def give_back(bench: Workbench) -> None:
    """Let others use a workbench."""
    _IDLE.append(bench)
