"""How often `branchsim match` is right, on ports of public repositories whose trailers it is not shown.

usage: python benchmarks/accuracy.py --clones DIR [--kinds KIND ...] [--only NAME ...] [--squashes N] [--show] ...
       python benchmarks/accuracy.py --derive CLONE [CLONE ...] [--branches N] [--show] ...

DIR holds mirror clones (`git clone --mirror`), found by the name of the repository: `DIR/suricata`, `DIR/suricata.git`
or any directory whose name ends in `+suricata`. What is not there is left out. With `--derive` the known ports are not
those of `ground_truth/` but what the trailers of any clone's commits say.

For each target branch of a table all commits of the source branch are matched at once. A pair is found if the source,
or a commit that the source merged, is matched to the target or to another port of the same change. Among the matches
whose target is a known port, those that name another change are wrong.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import gzip
import itertools
import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from known_ports import Row, derive

from branchsim import __version__
from branchsim.audit.evidence import Evidence
from branchsim.audit.match import counterparts, match
from branchsim.errors import UnknownRevisionError
from branchsim.git import versions
from branchsim.git.log import Commit, read_commits, rev_list
from branchsim.git.merge import Trees, merge_trees
from branchsim.git.repository import Repository
from branchsim.history.bundles import brought_in
from branchsim.history.facts import FactCache, Patches

TABLES = Path(__file__).parent / "ground_truth"
KINDS = ("pairs", "multi", "same", "mergedback", "untrailered")
SCORED = ("pairs", "untrailered", "multi", "same", "mergedback")
PAIRS = ("suricata", "zookeeper", "pytest", "ansible", "jenkins", "rails")
SQUASHES = ("netbox", "xarray")
MOST_INNER = 200
SEED = 7
REPLAYS = 40
"""So many pairs of each branch are replayed."""


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
    notes: list[str] = field(default_factory=list)
    """What was not found and what was wrong, a line each."""
    tips: dict[str, str] = field(default_factory=dict)
    """The branches that were compared, and the commits they named."""
    replays: Counter[str] = field(default_factory=Counter)
    """Of some pairs: how many were replayed, changed nothing at the port, and changed nothing before it already."""

    @property
    def recall(self) -> float:
        """The share of known ports that were found."""
        return self.found / self.asked if self.asked else float("nan")

    @property
    def precision(self) -> float:
        """The share of right answers among those whose target is a known port."""
        total = self.right.total() + self.wrong.total()
        return self.right.total() / total if total else float("nan")

    def __str__(self) -> str:
        return (
            f"| {self.table} | {self.asked} | {self.recall:.4f} | {self.precision:.4f} "
            f"| {self.wrong.total()} | {self.seconds:.0f} |"
        )


def score_pairs(
    table: str, clone: Path, rows: list[Row], stated: list[Row], branches: int, cache: Path | None
) -> Score:
    """Score one table of pairs; ``stated`` says which commits are one change."""
    groups = Groups()
    for row in stated:
        groups.join(row["source_sha"], row["target_sha"])
    by_branch: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for row in rows:
        by_branch[row["source_branch"], row["target_branch"]].append((row["source_sha"], row["target_sha"]))
    order = sorted(by_branch, key=lambda key: (-len(by_branch[key]), key))
    score = Score(table)
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
    score.tips.update(zip(key, (source, target), strict=True))
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
    score.replays += replayed(repository, [(by_sha[s], by_sha[t]) for s, t in pairs])


def replayed(repository: Repository, pairs: list[tuple[Commit, Commit]]) -> Counter[str]:
    """Replay the sources of some pairs on the target, at its port and just before it."""
    known = [(s, t) for s, t in pairs if s.parents and t.parents]
    some = random.Random(SEED).sample(known, min(len(known), REPLAYS))  # noqa: S311  a fixed sample, not a secret
    before = {t.sha: t.parents[0] for _, t in some}
    trees = {
        commit.sha: commit.tree
        for commit in read_commits(
            repository.scratch, sorted(set(before.values())), options=("--no-walk",), changes=False
        )
    }
    at = [Trees(s.parents[0], t.sha, s.sha) for s, t in some]
    early = [Trees(s.parents[0], before[t.sha], s.sha) for s, t in some]
    results = list(merge_trees(repository.scratch, [*at, *early]))
    count = Counter(replayed=len(some))
    for (_, t), now, was in zip(some, results[: len(some)], results[len(some) :], strict=True):
        count["at the port"] += now.clean and now.tree == t.tree
        count["before it"] += was.clean and was.tree == trees[before[t.sha]]
    return count


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
    for s, t in pairs:
        answers = (answer for each in {s, *inner[s]} for answer in got.get(each, ()))
        if any(groups.of(answer) == groups.of(s) for answer in answers):
            score.found += 1
        else:
            score.notes.append(f"not found: {s[:12]} as {t[:12]}")
    for s, answered in got.items():
        for t, evidence in answered.items():
            if t not in labelled:
                continue
            if groups.of(s) == groups.of(t):
                score.right[evidence] += 1
            else:
                score.wrong[evidence] += 1
                score.notes.append(f"wrong: {s[:12]} as {t[:12]}, by {evidence.value}")


def score_squashes(name: str, clone: Path, most: int, cache: Path | None, *, show: bool) -> tuple[int, int, int]:
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
            whole = inner <= {pair.source for pair in at if pair.target == squash}
            found += whole
            if show and not whole:
                print(f"not found: {head[:12]} as {squash[:12]}")
            was = match(repository, head, before, trailers=False, cache=cache).counterparts
            early += inner <= {pair.source for pair in was}
    return asked, found, early


def listed(arguments: argparse.Namespace) -> Iterator[tuple[str, Score]]:
    """The score of each table of ``ground_truth/`` whose repository is there, with the kind of the table."""
    for kind in arguments.kinds:
        for name in PAIRS:
            clone = clone_of(arguments.clones, name)
            rows = rows_of(kind, name)
            if (arguments.only and name not in arguments.only) or clone is None or not rows:
                continue
            stated = [row for each in KINDS for row in rows_of(each, name)]
            yield kind, score_pairs(f"{kind}_{name}", clone, rows, stated, arguments.branches, arguments.cache)


def derived(arguments: argparse.Namespace) -> Iterator[tuple[str, Score]]:
    """The score of each clone by its own trailers."""
    for clone in arguments.derive:
        with Repository(clone) as repository:
            rows, stated = derive(repository)
        table = next(part for part in reversed(clone.resolve().parts) if part not in {"repo", ".git"})
        yield "derived", score_pairs(table.rpartition("+")[2], clone, rows, stated, arguments.branches, arguments.cache)


def print_scores(scores: Iterable[tuple[str, Score]], *, show: bool) -> None:
    """Print what each table scored, the means, the commits compared, and the precision of each rung."""
    print("| table | pairs | recall | precision | wrong | seconds |\n| --- | ---: | ---: | ---: | ---: | ---: |")
    right: Counter[Evidence] = Counter()
    wrong: Counter[Evidence] = Counter()
    by_kind: dict[str, list[Score]] = defaultdict(list)
    for kind, score in scores:
        by_kind[kind].append(score)
        right += score.right
        wrong += score.wrong
        print(score, flush=True)
    for kind, each in by_kind.items():
        recall = sum(score.recall for score in each) / len(each)
        precision = sum(score.precision for score in each) / len(each)
        print(f"| macro of {kind} | {sum(score.asked for score in each)} | {recall:.4f} | {precision:.4f} | | |")
    print("\n| evidence | right | wrong | precision |\n| --- | ---: | ---: | ---: |")
    for evidence in Evidence:
        total = right[evidence] + wrong[evidence]
        if total:
            print(f"| {evidence.value} | {right[evidence]} | {wrong[evidence]} | {right[evidence] / total:.4f} |")
    replays = sum((score.replays for each in by_kind.values() for score in each), Counter())
    print(
        f"\nOf {replays['replayed']} ports replayed, {replays['at the port']} change nothing at the port, and "
        f"{replays['before it']} change nothing before it either."
    )
    print("\nCompared:\n")
    for score in itertools.chain.from_iterable(by_kind.values()):
        tips = ", ".join(f"{branch} {sha[:12]}" for branch, sha in score.tips.items())
        print(f"- {score.table}: {tips}")
        for note in score.notes if show else ():
            print(f"    - {note}")


def print_squashes(arguments: argparse.Namespace) -> None:
    """Print how many squashed pull requests were found."""
    print("\n| squashes | asked | found | answered too early |\n| --- | ---: | ---: | ---: |")
    for name in SQUASHES:
        clone = clone_of(arguments.clones, name)
        if (arguments.only and name not in arguments.only) or clone is None:
            continue
        asked, found, early = score_squashes(name, clone, arguments.squashes, arguments.cache, show=arguments.show)
        print(f"| squash_{name} | {asked} | {found / max(asked, 1):.4f} | {early} |", flush=True)


def main() -> None:
    """Score the tables whose repositories are there, and print the figures as Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--clones", type=Path, help="where the clones of the listed repositories are")
    given.add_argument("--derive", type=Path, nargs="+", help="clones whose known ports are read from their trailers")
    parser.add_argument("--kinds", nargs="*", choices=SCORED, default=SCORED[:2], help="which tables of them")
    parser.add_argument("--only", nargs="*", default=[], help="only these of the listed repositories")
    parser.add_argument("--branches", type=int, default=0, help="only the N branches with most pairs")
    parser.add_argument("--squashes", type=int, default=60, help="how many squashes of each repository")
    parser.add_argument("--cache", type=Path, help="where facts are kept; nowhere if not given")
    parser.add_argument("--show", action="store_true", help="list what was not found and what was wrong")
    arguments = parser.parse_args()
    git = ".".join(map(str, versions.installed()))
    today = dt.datetime.now(dt.UTC).date()
    print(f"{today}, branchsim {__version__}, git {git}, {os.cpu_count()} cores\n")
    print_scores(derived(arguments) if arguments.derive else listed(arguments), show=arguments.show)
    if arguments.clones:
        print_squashes(arguments)


if __name__ == "__main__":
    main()
