"""Measure the state machine for branch strategies: examples of up to fifty steps on real git, and what they meet.

    python benchmarks/machine_speed.py [--examples 100] [--steps 50]

It prints the time on the clock, the processor time of this process (git's own is not in it), and how often the rare
paths occurred.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from typing import ClassVar

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from branchsim.testing import BranchStrategyMachine


class Counted(BranchStrategyMachine):
    """The machine as it comes, with its steps and rare paths counted."""

    promises = ("no-lost-fix", "passed-validation", "owed-before-promotion")
    seen: ClassVar[Counter[str]] = Counter()

    def happened(self, what: str) -> None:
        """Count what Hypothesis is told."""
        self.seen[what] += 1

    def teardown(self) -> None:
        """Count the steps of an example."""
        self.seen["step"] += len(self.twin.calls)
        super().teardown()


def main() -> int:
    """Run the machine and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--steps", type=int, default=50)
    asked = parser.parse_args()
    chosen = settings(
        max_examples=asked.examples,
        stateful_step_count=asked.steps,
        deadline=None,
        database=None,
        derandomize=True,
    )
    began, before = time.perf_counter(), time.process_time()
    run_state_machine_as_test(Counted, settings=chosen)
    clock, own = time.perf_counter() - began, time.process_time() - before
    steps = Counted.seen.pop("step")
    print(
        f"{asked.examples} examples of up to {asked.steps} steps ({steps:,} done twice, with git and with the model): "
        f"{clock:.1f} s on the clock, {own:.1f} s of this process on the processor"
    )
    print(", ".join(f"{what} {count:,}" for what, count in sorted(Counted.seen.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
