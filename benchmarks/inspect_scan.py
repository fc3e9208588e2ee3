"""Inspect every merge of a repository and print what ranks highest; `speed.py scan` says how long that takes.

    python benchmarks/inspect_scan.py REPOSITORY [--top 20] [--least 0.5]

A finding is printed once for each merge and path, with the commit to look at.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from typing import TYPE_CHECKING

from branchsim.audit.pathhistory import branch_tips
from branchsim.audit.scan import scan
from branchsim.git.log import rev_list
from branchsim.git.repository import Repository

if TYPE_CHECKING:
    from branchsim.audit.findings import Finding
    from branchsim.audit.inspect import Inspection


def main() -> int:
    """Scan, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("repository")
    parser.add_argument("--top", type=int, default=20)
    parser.add_argument("--least", type=float, default=0.5)
    asked = parser.parse_args()
    with Repository(asked.repository) as repository:
        found = list(scan(repository))
        merges = len(rev_list(repository.scratch, branch_tips(repository), "--merges"))
    show(found, merges, asked.top, asked.least)
    return 0


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
    print(f"\n{merges:,} merges, {len(found):,} looked at, {skipped} things were left out")
    print(f"{len(high)} merges ({len(high) / max(1, merges):.2%}) have a finding of rank {least} or more")


if __name__ == "__main__":
    sys.exit(main())
