"""Measure how many distinct states the strategy checker visits in a minute, and in how much memory.

    python benchmarks/explore_speed.py [--states 1000000] [--mistake NAME ...]

One core, BUILD/RUN with the mistakes given, every property asked at every step. The memory is the peak of the process.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

from branchsim.check import Strategy, explore


def main() -> int:
    """Explore until there are enough states and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--states", type=int, default=1_000_000)
    parser.add_argument("--mistake", action="append")
    asked = parser.parse_args()
    mistakes = asked.mistake or ["revert", "stale-commit", "cherry-pick-retrofit"]
    found = explore(Strategy.build_run(), depth=40, mistakes=mistakes, max_states=asked.states)
    processor = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(found)
    print(
        f"{found.states:,} distinct states and {found.steps:,} steps in {found.seconds:.1f} s, "
        f"{processor:.1f} s of them on the processor "
        f"({found.states / found.seconds:,.0f} states a second), peak memory {peak:,} MB"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
