"""Compare what is simulated with git's own commands in many generated cases.

    python benchmarks/simulate_like_git.py [--cases 10000] [--seed N] [--jobs N]

Runs the property-based tests of ``tests/simulate/test_simulate_like_git.py`` with new examples: merges, squashes,
rebases, cherry-picks and reverts of histories with renames, mode changes, binary files, symbolic links, CRLF, empty
commits and several merge bases. Each case compares the outcome, the tree and the paths in conflict. What is printed
last is the number of cases, as Hypothesis counts them, and the seed.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_FILE = "tests/simulate/test_simulate_like_git.py"
_TESTS = ("merges", "squashes", "rebases", "cherry_picks", "reverts")
_CASES = re.compile(r"(\d+) passing, (\d+) failing, and \d+ invalid")


def _run(seed: int, variables: dict[str, str], test: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "-p", "no:randomly"]
    command += [f"--hypothesis-seed={seed}", "--hypothesis-show-statistics", f"{_FILE}::test_{test}"]
    return subprocess.run(command, cwd=_ROOT, env=variables, capture_output=True, text=True, check=False)


def main() -> None:
    """Compare, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))  # noqa: S311  nothing secret
    parser.add_argument("--jobs", type=int, default=1, help="how many kinds are compared at the same time")
    options = parser.parse_args()
    variables = os.environ | {
        "BRANCHSIM_EXAMPLES": str(-(-options.cases // len(_TESTS))),
        "HYPOTHESIS_PROFILE": "explore",
    }
    compared = different = 0
    began = time.monotonic()
    with ThreadPoolExecutor(options.jobs) as pool:
        for test, done in zip(_TESTS, pool.map(partial(_run, options.seed, variables), _TESTS), strict=True):
            found = [tuple(map(int, match)) for match in _CASES.findall(done.stdout)]
            # The first figures are those of the search; what shrinks an example that failed is no case of its own.
            passing, failing = found[0] if found else (0, 0)
            compared += passing + failing
            different += failing or done.returncode
            events = re.findall(r"\* +([0-9.]+%, [a-z-]+: [a-z]+)", done.stdout)
            print(f"{test}: {passing + failing} cases ({'; '.join(events)})", flush=True)
            if done.returncode:
                print(done.stdout)
    minutes = (time.monotonic() - began) / 60
    print(f"{compared} cases, seed {options.seed}, {different} differences, {minutes:.0f} minutes")
    if different:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
