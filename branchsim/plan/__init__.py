"""Plans: what a team intends to do with its branches, as data. Knows no git."""

from __future__ import annotations

from branchsim.plan.checks import PlanError
from branchsim.plan.compare import Difference, compare
from branchsim.plan.drivers import MergeDriver
from branchsim.plan.files import read_plan, to_toml
from branchsim.plan.model import Plan, Promotion
from branchsim.plan.steps import (
    CHECKS,
    STEPS,
    Commit,
    FileChange,
    Gate,
    MergeBack,
    PullRequest,
    Resolve,
    Revert,
    Start,
    Step,
    Tag,
)
from branchsim.plan.validation import Problem

__all__ = [
    "CHECKS",
    "STEPS",
    "Commit",
    "Difference",
    "FileChange",
    "Gate",
    "MergeBack",
    "MergeDriver",
    "Plan",
    "PlanError",
    "Problem",
    "Promotion",
    "PullRequest",
    "Resolve",
    "Revert",
    "Start",
    "Step",
    "Tag",
    "compare",
    "read_plan",
    "to_toml",
]
