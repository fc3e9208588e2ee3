"""Ask whether a branch strategy can lose a fix: bounded exhaustive search, with every finding replayed by real git."""

from __future__ import annotations

from branchsim.check.crosscheck import Crosscheck, crosscheck
from branchsim.check.experiment import Experiment, experiment, trace_of_run
from branchsim.check.explore import FORMS, Counterexample, Exploration, explore
from branchsim.check.fit import Fit, fit_team
from branchsim.check.mistakes import MISTAKES, Mistake
from branchsim.check.model import Model, Move, Scope
from branchsim.check.properties import PROPERTIES, Property, PropertyError, View, hotfix_can_ship
from branchsim.check.store import Change
from branchsim.check.strategy import EVERYDAY, OPERATIONS, PRESETS, Strategy, StrategyError
from branchsim.check.table import Cell, Table, strategy_table, table
from branchsim.check.team import Delay, Habits, Team
from branchsim.check.trace import Action, RefusedError, Step, Trace
from branchsim.check.verdicts import assert_prevented, broken_by, trace_of

__all__ = [
    "EVERYDAY",
    "FORMS",
    "MISTAKES",
    "OPERATIONS",
    "PRESETS",
    "PROPERTIES",
    "Action",
    "Cell",
    "Change",
    "Counterexample",
    "Crosscheck",
    "Delay",
    "Experiment",
    "Exploration",
    "Fit",
    "Habits",
    "Mistake",
    "Model",
    "Move",
    "Property",
    "PropertyError",
    "RefusedError",
    "Scope",
    "Step",
    "Strategy",
    "StrategyError",
    "Table",
    "Team",
    "Trace",
    "View",
    "assert_prevented",
    "broken_by",
    "crosscheck",
    "experiment",
    "explore",
    "fit_team",
    "hotfix_can_ship",
    "strategy_table",
    "table",
    "trace_of",
    "trace_of_run",
]
