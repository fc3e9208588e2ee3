"""Put deliberate faults into the detectors and the engine, one at a time, and see whether the suite catches each.

    python benchmarks/mutations.py [--only NAME ...] [--processes 2]

Every fault is put into a temporary copy of the package, and the tests of the part it is in are run against that copy;
the first that fails catches it. Without a fault the copy has to pass them all first. It prints a line for
each fault with the test that caught it, and the score; it ends with 1 where a fault was not caught.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_COPIED = ("branchsim", "tests", "data", "docs", "notebooks", "benchmarks", "pyproject.toml")


@dataclass(frozen=True)
class Fault:
    """A deliberate fault: what is replaced in one file, and the tests of that part."""

    name: str
    what: str
    file: str
    edits: tuple[tuple[str, str], ...]
    tests: tuple[str, ...]


FAULTS = (
    Fault(
        "ancestry-is-presence",
        "an obligation whose commit is an ancestor is met, whatever the merge kept",
        "audit/obligations.py",
        (
            ("if facts.dropped is not None and arrived.evidence is Evidence.ANCESTOR:", "if False:"),
            ("hurt = facts.hurt.since(names, arrived.landing)", "hurt = None"),
        ),
        ("tests/audit/test_audit_obligations_content.py",),
    ),
    Fault(
        "not-one-to-one",
        "one commit may be the counterpart of several",
        "audit/pairing.py",
        (("self._drop_shadows(assign(edges, self.bundles))", "self._drop_shadows(edges)"),),
        ("tests/audit/test_audit_match.py::test_a_port_by_somebody_else_at_another_time_is_known_by_its_subject",),
    ),
    Fault(
        "wrong-merge-base",
        "of several merge bases only the oldest is known to the audit",
        "history/bases.py",
        (("    return sorted(found)\n", "    return sorted(found)[:1]\n"),),
        ("tests/audit/test_audit_scan.py::test_two_merge_bases_are_both_found",),
    ),
    Fault(
        "wrong-base-in-the-model",
        "the checker merges from the oldest of several merge bases",
        "check/store.py",
        (("        return bases[::-1]\n", "        return bases[-1:]\n"),),
        ("tests/check/test_check_replay.py::test_model_and_git_agree_on_random_traces",),
    ),
    Fault(
        "presence-of-one-side",
        "where both sides added copies of a line, those of the larger side are not missed",
        "effects/presence.py",
        (("(What.LOST, larger, more - max(have, fewer)),", "(What.LOST, larger, 0),"),),
        ("tests/effects/test_effects_presence.py::test_copies_are_judged_by_the_reading_with_the_fewest_losses",),
    ),
    Fault(
        "revert-of-a-revert",
        "a revert of a revert withdraws the change once more",
        "audit/reverts.py",
        (("waiting.append((by, not restores))", "waiting.append((by, restores))"),),
        ("tests/audit/test_audit_obligations.py::test_a_revert_of_the_revert_brings_a_retrofit_back",),
    ),
    Fault(
        "stale-commits-unseen",
        "a file that goes back only nearly to an older version is not stale",
        "audit/stale.py",
        (("return best if alike >= max(_ALIKE, near + _NEARER) else None", "return None"),),
        ("tests/audit/test_audit_inspect.py::test_a_stale_copy_with_new_work_in_it_is_stale_too",),
    ),
    Fault(
        "deadline-one-too-late",
        "the second promotion after a landing is its deadline",
        "audit/obligations.py",
        (("place = bisect_right(self._times, at)", "place = bisect_right(self._times, at) + 1"),),
        (
            "tests/audit/test_audit_obligations.py::test_after_the_promotion_is_late",
            "tests/audit/test_audit_obligations.py::test_a_late_pick_is_late_too",
        ),
    ),
    Fault(
        "leaks-of-carriers-unseen",
        "what a hotfix branch carries of BUILD is no leak",
        "audit/leaks.py",
        (("        found += _upstream_content(history, changes, landing)\n", ""),),
        ("tests/testing/test_testing_generated.py::test_a_leak_is_named",),
    ),
    Fault(
        "states-taken-for-one",
        "the search takes commits of different content for one",
        "check/store.py",
        (("key = (parents, tree, brings, withdrawn, copy_of)", "key = (parents, brings, withdrawn, copy_of)"),),
        ("tests/check/test_check_replay.py::test_model_and_git_agree_on_random_traces",),
    ),
    Fault(
        "guard-not-enforced",
        "a promotion does not wait for open obligations",
        "check/model.py",
        (('self._careful = "no-promotion-while-open" in self._guards or not', "self._careful = not"),),
        ("tests/check/test_check_known_answers.py::test_the_guard_against_open_obligations_stops_that",),
    ),
    Fault(
        "refs-not-checked",
        "a plan is executed although a branch has moved since it was simulated",
        "simulate/execute.py",
        (("    if expected == now:\n        return\n", "    return\n"),),
        ("tests/simulate/test_simulate_execute.py::test_a_branch_that_moved_since_stops_everything",),
    ),
)


def main() -> int:
    """Try the faults and print the score."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", action="append", help="the name of a fault; several times for several")
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    chosen = [fault for fault in FAULTS if not asked.only or fault.name in asked.only]
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="branchsim-mutations-") as home:
        copy = Path(home)
        for name in _COPIED:
            source = _ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
            else:
                shutil.copy2(source, copy / name)
        files = tuple(dict.fromkeys(file for fault in chosen for file in fault.tests))
        sound = _run(copy, files, asked.processes)
        if sound is not None:
            print(f"without a fault {sound} fails: nothing can be said", file=sys.stderr)
            return 1
        caught = sum(_try(copy, fault, asked.processes) for fault in chosen)
    print(f"{caught} of {len(chosen)} faults caught, {time.perf_counter() - began:.0f} s")
    return 0 if caught == len(chosen) else 1


def _try(copy: Path, fault: Fault, processes: int) -> bool:
    file = copy / "branchsim" / fault.file
    whole = file.read_text(encoding="utf-8")
    broken = whole
    for old, new in fault.edits:
        if broken.count(old) != 1:
            raise SystemExit(f"{fault.name}: {fault.file} does not hold {old!r} once; write the fault anew")
        broken = broken.replace(old, new)
    file.write_text(broken, encoding="utf-8")
    try:
        by = _run(copy, fault.tests, processes)
    finally:
        file.write_text(whole, encoding="utf-8")
    print(f"{'caught' if by else 'NOT CAUGHT'}  {fault.name}: {fault.what}" + (f" ({by})" if by else ""), flush=True)
    return by is not None


def _run(copy: Path, tests: tuple[str, ...], processes: int) -> str | None:
    """Run tests against the copy; the first that failed, None if all passed."""
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-n", str(processes), *tests]
    # Before the installed package, and without what the fault in the file before left behind.
    variables = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    probe = "import branchsim, sys; sys.exit(not branchsim.__file__.startswith(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", probe, str(copy)], cwd=copy, env=variables, check=True)
    done = subprocess.run(command, cwd=copy, env=variables, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    found = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    if found is None:
        raise SystemExit(f"pytest could not be run: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return found[1].partition("::")[2] or found[1]


if __name__ == "__main__":
    sys.exit(main())
