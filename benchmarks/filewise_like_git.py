"""Compare what the changed files alone tell of picks with git's merges of whole trees, on commits of a clone.

    python benchmarks/filewise_like_git.py CLONE SOURCE TARGET [--each 300] [--seed 1]

Of the commits that SOURCE has and TARGET has not, and that change a file which the target has in another form, some are
picked onto TARGET both ways: `--each` of those that change a file which the target lacks, and `--each` of the others.
What is printed is how many were told by their files, how many of those differ from git, and the time of both ways.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from pathlib import Path

from branchsim.audit.filewise import Outcome, apply_filewise
from branchsim.git.log import Commit, RawChange, read_commits, read_difference
from branchsim.git.merge import Pick, pick_many
from branchsim.git.objects import ObjectReader
from branchsim.git.repository import Repository
from branchsim.history.facts import Patches
from branchsim.names import Sha

_NOTHING = "000000"


def _compare(
    repository: Repository, commits: list[Commit], target: Sha, tip: Sha, files: dict[bytes, tuple[str, str]]
) -> tuple[int, int, float, float]:
    """How many were told and how many differ, and the seconds of both ways."""
    pairs = Patches(repository.scratch).pairs(commits)
    start = time.perf_counter()
    told = apply_filewise(repository.scratch, commits, tip, files, {sha: pair[0] for sha, pair in pairs.items()})
    between = time.perf_counter()
    picks = [Pick(commit.sha, target, commit.parents[0] if commit.parents else None) for commit in commits]
    results = list(pick_many(repository.scratch, picks, processes=os.cpu_count() or 1))
    end = time.perf_counter()
    differ = 0
    for commit, result in zip(commits, results, strict=True):
        clean = Outcome.SAME if result.tree == tip else Outcome.CLEAN
        picked = clean if result.clean else Outcome.CONFLICT
        if commit.sha in told and result.failure is None and told[commit.sha] is not picked:
            differ += 1
            print(f"{commit.sha}: {told[commit.sha].value} by its files, {picked.value} by git")
    return len(told), differ, between - start, end - between


def main() -> None:
    """Compare, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clone", type=Path)
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--each", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with Repository(given.clone) as repository, ObjectReader(repository.scratch) as reader:
        source, target = repository.resolve(given.source), repository.resolve(given.target)
        tip = next(iter(read_commits(repository.scratch, [target], options=("--no-walk",), changes=False))).tree
        files = {path: (entry.mode, str(entry.sha)) for path, entry in reader.walk(tip)}
        commits = [
            commit
            for commit in read_difference(repository.scratch, source, target)
            if commit.side == "<" and not commit.is_merge and _differs(commit, files)
        ]
        lacking = {commit.sha for commit in commits if any(_lacks(change, files) for change in commit.changes)}
        chance = random.Random(given.seed)  # noqa: S311  nothing secret
        for name, kind in (("a file is gone", True), ("all files are there", False)):
            some = [commit for commit in commits if (commit.sha in lacking) is kind]
            wanted = set(chance.sample(range(len(some)), min(given.each, len(some))))
            some = [commit for at, commit in enumerate(some) if at in wanted]
            told, differ, files_take, trees_take = _compare(repository, some, target, tip, files)
            print(
                f"{repository.name}, {given.source} to {given.target}, {name}: of {len(some)} commits {told} told by "
                f"their files in {files_take:.1f} s, {differ} not as git; whole trees {trees_take:.1f} s",
                flush=True,
            )


def _lacks(change: RawChange, files: dict[bytes, tuple[str, str]]) -> bool:
    return change.old_mode != _NOTHING and change.path not in files


def _differs(commit: Commit, files: dict[bytes, tuple[str, str]]) -> bool:
    """Whether a file it changes is on the target in another form than before it."""
    return any(
        files.get(change.path) != (None if change.old_mode == _NOTHING else (change.old_mode, change.old))
        for change in commit.changes
    )


if __name__ == "__main__":
    main()
