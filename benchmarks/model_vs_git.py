"""Compare the abstract model of `branchsim.check` with git: random traces, every tree and every conflict.

    python benchmarks/model_vs_git.py [--traces 10000] [--seed 1] [--length 20]

Every strategy that comes with the library takes part, without guards, with every mistake and every operation. It prints
how many traces, trees and conflicts were compared, and the seed; a disagreement ends it with the trace that shows it.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import sys
import time

from branchsim.check.random_traces import random_traces
from branchsim.check.replay import replay_many
from branchsim.errors import InternalError

_AT_ONCE = 2500


def main() -> int:
    """Replay random traces and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--traces", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--length", type=int, default=20)
    asked = parser.parse_args()
    began = time.perf_counter()
    counts: collections.Counter[str] = collections.Counter()
    traces = random_traces(asked.traces, seed=asked.seed, length=asked.length)
    while part := list(itertools.islice(traces, _AT_ONCE)):
        try:
            done = replay_many(part)
        except InternalError as error:
            print(f"seed {asked.seed}: {error}", file=sys.stderr)
            return 1
        counts["traces"] += len(done)
        for each in done:
            counts["trees"] += each.trees
            counts["conflicts"] += each.conflicts
            counts["steps"] += len(each.trace)
            counts.update(action.kind for action in each.trace.actions)
    seconds = time.perf_counter() - began
    print(
        f"seed {asked.seed}: {counts['traces']:,} traces of up to {asked.length} steps ({counts['steps']:,} steps), "
        f"{counts['trees']:,} trees and {counts['conflicts']:,} conflicts compared, no disagreement, {seconds:.0f} s"
    )
    kinds = ("merge", "fast-forward", "squash", "pick", "revert", "move", "commit")
    print(", ".join(f"{kind} {counts[kind]:,}" for kind in kinds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
