"""Inspect every merge of a repository, print what ranks highest, and compare the time with what git needs alone.

    python benchmarks/inspect_scan.py REPOSITORY [--top 20] [--least 0.5] [--compare]

A finding is printed once for each merge and path, with the commit to look at. With ``--compare`` the same merges are
redone by one ``git merge-tree --stdin`` alone and shown by ``git log --merges --remerge-diff``, one after the other in
the same run; seconds are those of the clock and, in brackets, of the processor, git's included.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from branchsim.audit.pathhistory import branch_tips
from branchsim.audit.scan import scan
from branchsim.git.log import rev_list
from branchsim.git.merge import merge_many
from branchsim.git.process import run
from branchsim.git.repository import Repository
from branchsim.git.scratch import Scratch
from branchsim.names import Sha

if TYPE_CHECKING:
    from branchsim.audit.findings import Finding
    from branchsim.audit.inspect import Inspection

Seconds = tuple[float, float]
Result = TypeVar("Result")


def main() -> int:
    """Scan, print, compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("repository")
    parser.add_argument("--top", type=int, default=20)
    parser.add_argument("--least", type=float, default=0.5)
    parser.add_argument("--compare", action="store_true")
    asked = parser.parse_args()
    with Repository(asked.repository) as repository:
        found, spent = timed(lambda: list(scan(repository)))
        merges = len(rev_list(repository.scratch, branch_tips(repository), "--merges"))
    show(found, merges, asked.top, asked.least)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"\nscan of {merges:,} merges: {told(spent)}, peak memory {peak:,} MB")
    if asked.compare:
        compare(asked.repository, spent)
    return 0


def timed(work: Callable[[], Result]) -> tuple[Result, Seconds]:
    """What some work returns, and the seconds it took."""
    began, used = time.perf_counter(), sum(os.times()[:4])
    result = work()
    return result, (time.perf_counter() - began, sum(os.times()[:4]) - used)


def told(spent: Seconds) -> str:
    """Seconds for people."""
    return f"{spent[0]:.1f} s ({spent[1]:.1f} s)"


def show(found: list[Inspection], merges: int, top: int, least: float) -> None:
    """The findings of highest rank, one for each merge and path."""
    best: dict[tuple[str, str], tuple[Finding, Inspection, int]] = {}
    for inspection in found:
        lines = Counter(each.path for each in inspection.records)
        for each in inspection.records:
            key = (inspection.commit, each.path)
            if key not in best or each.rank > best[key][0].rank:
                best[key] = (each, inspection, lines[each.path])
    ordered = sorted(best.values(), key=lambda one: (-one[0].rank, one[1].commit, one[0].path))
    for number, (each, inspection, lines_lost) in enumerate(ordered[:top], start=1):
        back = f", back with {each.restored_by[:12]}" if each.restored_by else ""
        print(f"{number:3} {each.rank:.3f} {inspection.commit[:12]} {each.path} ({lines_lost} lines{back})")
        print(f"      {inspection.subject[:100]}")
        print(f"      {each.fate}, {each.side}, {each.cause}: {each.unit[:100]}")
    high = {commit for (commit, _), (each, *_) in best.items() if each.rank >= least}
    skipped = sum(len(inspection.skipped) for inspection in found)
    print(
        f"\n{merges:,} merges, {len(found):,} differ from git's result or had conflicts, {skipped} things were left out"
    )
    print(f"{len(high)} merges ({len(high) / max(1, merges):.2%}) have a finding of rank {least} or more")


def compare(path: str, spent: Seconds) -> None:
    """The same merges with git alone."""
    with Repository(path) as repository:
        _, alone = timed(lambda: redo(repository.scratch, branch_tips(repository)))
        _, shown = timed(lambda: remerge(repository.scratch, branch_tips(repository)))
    for name, other, bar in (("git merge-tree --stdin", alone, 1.5), ("git log --merges --remerge-diff", shown, 0.5)):
        ratios = [mine / theirs for mine, theirs in zip(spent, other, strict=True)]
        print(f"{name}: {told(other)}; the scan takes {ratios[0]:.2f} times ({ratios[1]:.2f}) of it, the bar is {bar}")


def redo(scratch: Scratch, tips: Sequence[str]) -> None:
    """Every merge of two parents by one process; where git ends at one it cannot read, another takes the rest."""
    lines = run(["rev-list", "--merges", "--parents", "--stdin"], scratch.path, stdin="\n".join(tips).encode())
    parents = [line.split()[1:] for line in lines.decode("ascii").splitlines()]
    pairs = [(Sha(pair[0]), Sha(pair[1])) for pair in parents if len(pair) == 2]  # noqa: PLR2004  no octopus
    for _ in merge_many(scratch, pairs, unrelated=True):
        pass


def remerge(scratch: Scratch, tips: Sequence[str]) -> None:
    """Every merge as ``--remerge-diff`` shows it."""
    command = ["git", "log", "--merges", "--remerge-diff", "--format=%H", "--stdin"]
    feed = "\n".join(tips).encode()
    ended = subprocess.run(command, cwd=scratch.path, input=feed, stdout=subprocess.DEVNULL, check=False)
    if ended.returncode:
        print("git log --remerge-diff ended early, so its time says nothing: an object is missing")


if __name__ == "__main__":
    sys.exit(main())
