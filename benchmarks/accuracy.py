"""How often `branchsim match` is right, on ports of public repositories whose trailers it is not shown.

usage: python benchmarks/accuracy.py --clones DIR [--only NAME ...] [--branches N] [--squashes N] [--cache DIR]

DIR holds mirror clones (`git clone --mirror`), found by the name of the repository: `DIR/suricata`, `DIR/suricata.git`
or any directory whose name ends in `+suricata`. What is not there is left out.

For each target branch of a table all commits of the source branch are matched at once. A pair is found if the source,
or a commit that the source merged, is matched to the target or to another port of the same change. Among the matches
whose target is a known port, those that name another change are wrong.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import gzip
import os
import random
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from branchsim import __version__
from branchsim.audit.evidence import Evidence
from branchsim.audit.match import counterparts, match
from branchsim.errors import UnknownRevisionError
from branchsim.git import versions
from branchsim.git.log import Commit, read_commits, rev_list
from branchsim.git.repository import Repository
from branchsim.history.bundles import brought_in
from branchsim.history.facts import FactCache, Patches

TABLES = Path(__file__).parent / "ground_truth"
KINDS = ("pairs", "multi", "same", "mergedback", "untrailered")
PAIRS = ("suricata", "zookeeper", "pytest", "ansible", "jenkins", "rails")
SQUASHES = ("netbox", "xarray")
MOST_INNER = 200
SEED = 7

Row = dict[str, str]


def rows_of(kind: str, name: str) -> list[Row]:
    """The rows of one table, none if there is no such table."""
    path = TABLES / f"{kind}_{name}.tsv.gz"
    if not path.exists():
        return []
    with gzip.open(path, "rt", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def clone_of(clones: Path, name: str) -> Path | None:
    """The clone of a repository."""
    wanted = [
        clones / name,
        clones / f"{name}.git",
        *sorted(clones.glob(f"*+{name}/repo")),
        *sorted(clones.glob(f"*+{name}")),
    ]
    return next((path for path in wanted if path.is_dir()), None)


class Groups:
    """Commits that are one change: a source, its ports, ports of ports."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def of(self, sha: str) -> str:
        """The commit that stands for a group."""
        while self._parent.setdefault(sha, sha) != sha:
            self._parent[sha] = self._parent[self._parent[sha]]
            sha = self._parent[sha]
        return sha

    def join(self, one: str, other: str) -> None:
        """Make one group of two."""
        self._parent[self.of(one)] = self.of(other)


@dataclass
class Score:
    """What was asked and what came out."""

    table: str
    asked: int = 0
    found: int = 0
    right: Counter[Evidence] = field(default_factory=Counter)
    wrong: Counter[Evidence] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def recall(self) -> float:
        """The share of known ports that were found."""
        return self.found / self.asked if self.asked else float("nan")

    @property
    def precision(self) -> float:
        """The share of right answers among those whose target is a known port."""
        total = self.right.total() + self.wrong.total()
        return self.right.total() / total if total else float("nan")


def score_pairs(kind: str, name: str, clone: Path, branches: int, cache: Path | None) -> Score:
    """Score one table of pairs."""
    rows = rows_of(kind, name)
    groups = Groups()
    for each in KINDS:
        for row in rows_of(each, name):
            groups.join(row["source_sha"], row["target_sha"])
    by_branch: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for row in rows:
        by_branch[row["source_branch"], row["target_branch"]].append((row["source_sha"], row["target_sha"]))
    order = sorted(by_branch, key=lambda key: (-len(by_branch[key]), key))
    score = Score(f"{kind}_{name}")
    with Repository(clone) as repository:
        for key in order[: branches or None]:
            score_branch(repository, key, by_branch[key], groups, score, cache)
    return score


def score_branch(
    repository: Repository,
    key: tuple[str, str],
    known: list[tuple[str, str]],
    groups: Groups,
    score: Score,
    cache: Path | None,
) -> None:
    """Score one pair of branches into a score."""
    try:
        source, target = (repository.resolve(name) for name in key)
    except UnknownRevisionError:
        return
    started = time.monotonic()
    commits = list(read_commits(repository.scratch, [f"{source}...{target}"]))
    sides: dict[str, list[Commit]] = {"<": [], ">": []}
    for commit in commits:
        sides[commit.side].append(commit)
    by_sha = {str(commit.sha): commit for commit in commits}
    pairs = [(s, t) for s, t in known if s in by_sha and t in by_sha and (by_sha[s].side, by_sha[t].side) == ("<", ">")]
    if not pairs:
        return
    inner: dict[str, set[str]] = defaultdict(set)
    for sha in sorted({s for s, _ in pairs if by_sha[s].is_merge}):
        range_of = [sha, f"^{by_sha[sha].parents[0]}"]
        for each in rev_list(repository.scratch, range_of, "--no-merges")[:MOST_INNER]:
            groups.join(each, sha)
            inner[sha].add(each)
    got: dict[str, dict[str, Evidence]] = defaultdict(dict)
    found = counterparts(
        Patches(repository.scratch, FactCache(cache)),
        sides["<"],
        sides[">"],
        bundles=brought_in(sides["<"], [source]),
        trailers=False,
        tips=(source, target),
    )
    for pair in found:
        got[pair.source][pair.target] = pair.evidence
    score.seconds += time.monotonic() - started
    tally(score, pairs, inner, got, groups)


def tally(
    score: Score,
    pairs: list[tuple[str, str]],
    inner: dict[str, set[str]],
    got: dict[str, dict[str, Evidence]],
    groups: Groups,
) -> None:
    """Count what was found, and what was right and wrong, on each rung."""
    labelled = {t for _, t in pairs}
    score.asked += len(pairs)
    for s, _ in pairs:
        answers = (t for each in {s, *inner[s]} for t in got.get(each, ()))
        score.found += any(groups.of(t) == groups.of(s) for t in answers)
    for s, answered in got.items():
        for t, evidence in answered.items():
            if t in labelled:
                (score.right if groups.of(s) == groups.of(t) else score.wrong)[evidence] += 1


def score_squashes(name: str, clone: Path, most: int, cache: Path | None) -> tuple[int, int, int]:
    """How many squashes were asked, found whole, and answered as landed just before they landed."""
    rows = [row for row in rows_of("squash", name) if int(row["commits"]) > 1]
    random.Random(SEED).shuffle(rows)  # noqa: S311  a fixed sample, not a secret
    asked = found = early = 0
    with Repository(clone) as repository:
        for row in rows:
            if asked == most:
                break
            head, squash = row["pr_head_sha"], row["squash_sha"]
            try:
                repository.resolve(head)
                before = repository.resolve(f"{squash}^1")
            except UnknownRevisionError:
                continue
            inner = {
                c.sha
                for c in read_commits(repository.scratch, [head, f"^{before}"], options=("--no-merges",))
                if c.changes
            }
            if len(inner) < 2:  # noqa: PLR2004  one commit is no squash
                continue
            asked += 1
            at = match(repository, head, squash, trailers=False, cache=cache).counterparts
            found += inner <= {pair.source for pair in at if pair.target == squash}
            was = match(repository, head, before, trailers=False, cache=cache).counterparts
            early += inner <= {pair.source for pair in was}
    return asked, found, early


def main() -> None:
    """Score the tables whose repositories are there, and print the figures as Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clones", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--branches", type=int, default=0, help="only the N branches with most pairs")
    parser.add_argument("--squashes", type=int, default=60, help="how many squashes of each repository")
    parser.add_argument("--cache", type=Path, help="where facts are kept; nowhere if not given")
    arguments = parser.parse_args()
    git = ".".join(map(str, versions.installed()))
    today = dt.datetime.now(dt.UTC).date()
    print(f"{today}, branchsim {__version__}, git {git}, {os.cpu_count()} cores\n")
    print("| table | pairs | recall | precision | wrong | seconds |\n| --- | ---: | ---: | ---: | ---: | ---: |")
    right: Counter[Evidence] = Counter()
    wrong: Counter[Evidence] = Counter()
    macro: dict[str, list[Score]] = defaultdict(list)
    for kind in ("pairs", "untrailered"):
        for name in PAIRS:
            clone = clone_of(arguments.clones, name)
            if (arguments.only and name not in arguments.only) or clone is None or not rows_of(kind, name):
                continue
            score = score_pairs(kind, name, clone, arguments.branches, arguments.cache)
            macro[kind].append(score)
            right += score.right
            wrong += score.wrong
            print(
                f"| {score.table} | {score.asked} | {score.recall:.4f} | {score.precision:.4f} "
                f"| {score.wrong.total()} | {score.seconds:.0f} |",
                flush=True,
            )
    for kind, scores in macro.items():
        recall = sum(score.recall for score in scores) / len(scores)
        precision = sum(score.precision for score in scores) / len(scores)
        print(f"| macro of {kind} | {sum(score.asked for score in scores)} | {recall:.4f} | {precision:.4f} | | |")
    print("\n| evidence | right | wrong | precision |\n| --- | ---: | ---: | ---: |")
    for evidence in Evidence:
        total = right[evidence] + wrong[evidence]
        if total:
            print(f"| {evidence.value} | {right[evidence]} | {wrong[evidence]} | {right[evidence] / total:.4f} |")
    print("\n| squashes | asked | found | answered too early |\n| --- | ---: | ---: | ---: |")
    for name in SQUASHES:
        clone = clone_of(arguments.clones, name)
        if (arguments.only and name not in arguments.only) or clone is None:
            continue
        asked, found, early = score_squashes(name, clone, arguments.squashes, arguments.cache)
        print(f"| squash_{name} | {asked} | {found / max(asked, 1):.4f} | {early} |", flush=True)


if __name__ == "__main__":
    main()
