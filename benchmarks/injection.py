"""Drop one side of one file from real merges, and count how often `inspect` says so.

    python benchmarks/injection.py REPOSITORY [--merges 200] [--seed 1] [--least 0.5]

Of the merges of a repository in which both sides changed several files, some are taken at random. In each one file
that both sides changed, and that the recorded merge brought together, is resolved to one side anew: a synthetic merge
commit with the same parents in a scratch repository; the repository itself is only read. An injected loss is found if
there is a finding at that path on the side that was dropped. Injections that are not found are listed with the filters
that left lines out: imports, comments, versions, layout, generated files. With ``--untouched`` every merge is inspected
as it was recorded, too.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from branchsim.audit.inspect import Inspection, Inspector
from branchsim.audit.losses import LossReader
from branchsim.audit.pathhistory import MemoryHistory
from branchsim.audit.scan import scan
from branchsim.audit.steps import landed
from branchsim.git.difftree import raw_changes
from branchsim.git.log import Commit
from branchsim.git.objects import ObjectReader, TreeEntry, write_commit, write_object
from branchsim.git.repository import Repository
from branchsim.git.scratch import Scratch
from branchsim.history.bases import merge_bases
from branchsim.names import Sha

_FILES = frozenset({"100644", "100755"})
_LEAST_FILES = 2


class Injection(NamedTuple):
    """A merge whose result at a path is that of one side."""

    merge: Commit
    path: bytes
    dropped: str
    tree: Sha


@dataclass
class Tally:
    """What was counted."""

    injected: int = 0
    found: int = 0
    high: int = 0
    harmless: Counter[str] = field(default_factory=Counter)


def main() -> int:
    """Inject, inspect, count."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("repository")
    parser.add_argument("--merges", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--least", type=float, default=0.5)
    parser.add_argument("--untouched", action="store_true", help="inspect every merge as it was recorded, too")
    asked = parser.parse_args()
    with Repository(asked.repository) as repository:
        with LossReader(repository.scratch) as reader:
            history = MemoryHistory(repository, reader)
            inspector = Inspector(repository, reader, history)
            tally = Tally()
            for injection in injections(repository.scratch, history, asked.merges, random.Random(asked.seed)):  # noqa: S311
                count(inspector, injection, tally, asked.least)
                reader.forget(above=64 * 1024 * 1024)
            merges = sum(commit.is_merge for commit in history.graph.commits)
        report(tally, asked.least)
        if asked.untouched:
            high = sum(any(each.rank >= asked.least for each in found.records) for found in scan(repository))
            print(
                f"untouched: {high} of {merges:,} merges ({high / max(1, merges):.2%}) have rank {asked.least} or more"
            )
    return 0


def injections(scratch: Scratch, history: MemoryHistory, wanted: int, chance: random.Random) -> Iterator[Injection]:
    """Merges with one file resolved to one side."""
    graph = history.graph
    merges = [(n, c) for n, c in enumerate(graph.commits) if len(c.parents) == 2 and n not in graph.cut]  # noqa: PLR2004
    chance.shuffle(merges)
    made = 0
    with ObjectReader(scratch) as reader:
        for _, commit in merges:
            if made >= wanted:
                return
            injection = inject(scratch, reader, history, commit, chance)
            if injection is not None:
                made += 1
                yield injection


def inject(
    scratch: Scratch, reader: ObjectReader, history: MemoryHistory, commit: Commit, chance: random.Random
) -> Injection | None:
    """One file of a merge resolved to one side; None where no file is fit for it."""
    graph = history.graph
    target, source = (graph.number(parent) for parent in commit.parents)
    bases = merge_bases(graph, target, source)
    if len(bases) != 1:
        return None
    trees = [graph.commits[number].tree for number in (bases[0], target, source)]
    pairs = [(trees[0], trees[1]), (trees[0], trees[2]), (trees[1], commit.tree), (trees[2], commit.tree)]
    raw = raw_changes(scratch, pairs)
    ours, theirs, brought, kept = ({change.path: change for change in raw[pair]} for pair in pairs)
    if len(ours.keys() | theirs.keys()) < _LEAST_FILES:
        return None
    fit = sorted(
        path
        for path in ours.keys() & theirs.keys() & brought.keys() & kept.keys()
        if {ours[path].old_mode, ours[path].new_mode, theirs[path].new_mode, kept[path].new_mode} <= _FILES
    )
    if not fit:
        return None
    path = chance.choice(fit)
    dropped, side = chance.choice([("target", theirs[path]), ("source", ours[path])])
    tree = with_entry(scratch, reader, commit.tree, path.split(b"/"), TreeEntry(side.new_mode, Sha(side.new)))
    return Injection(commit, path, dropped, tree)


def with_entry(scratch: Scratch, reader: ObjectReader, tree: Sha, parts: list[bytes], entry: TreeEntry) -> Sha:
    """A tree with another entry at a path."""
    entries = dict(reader.tree(tree))
    here = parts[0]
    if len(parts) > 1:
        below = with_entry(scratch, reader, entries[here].sha, parts[1:], entry)
        entries[here] = TreeEntry(entries[here].mode, below)
    else:
        entries[here] = entry
    ordered = sorted(entries.items(), key=lambda item: item[0] + b"/" * item[1].is_tree)
    content = b"".join(
        b"%b %b\0%b" % (each.mode.lstrip("0").encode(), name, bytes.fromhex(each.sha)) for name, each in ordered
    )
    return write_object(scratch, "tree", content)


def count(inspector: Inspector, injection: Injection, tally: Tally, least: float) -> None:
    """Inspect an injected merge and say what became of it."""
    merge, path = injection.merge, injection.path
    scratch = inspector.repository.scratch
    sha = write_commit(
        scratch,
        tree=injection.tree,
        parents=merge.parents,
        message=merge.message,
        author="Nobody <nobody@example.com> 0 +0000",
    )
    commit = replace(merge, sha=sha, tree=injection.tree, changes=())
    found: Inspection = inspector.judged(commit, landed(inspector.repository, commit))
    name = path.decode("utf-8", "replace")
    mine = [each for each in found.records if each.path == name and each.side in {injection.dropped, "both"}]
    tally.injected += 1
    tally.found += bool(mine)
    tally.high += any(each.rank >= least for each in mine)
    if mine:
        return
    landing = landed(inspector.repository, commit)
    alone = [inspector.reader.read(replace(part.step, paths=frozenset({path}))) for part in landing.parts]
    left_out = sum((losses.left_out for losses in alone), Counter[str]())
    if not any(losses.paths or losses.skipped for losses in alone):
        tally.harmless[", ".join(sorted(left_out)) or "white space"] += 1
    else:
        print(f"not found: {merge.sha[:12]} {name}: without the {injection.dropped}; {dict(found.left_out)}")


def report(tally: Tally, least: float) -> None:
    """Print the figures."""
    total = max(1, tally.injected - tally.harmless.total())
    print(
        f"injected {tally.injected}, {tally.harmless.total()} of them no loss by definition; of the others found "
        f"{tally.found} ({tally.found / total:.1%}), with rank {least} or more {tally.high} ({tally.high / total:.1%})"
    )
    for names, number in tally.harmless.most_common():
        print(f"  no loss {number}: {names}")


if __name__ == "__main__":
    sys.exit(main())
