"""A commit as the three-way step that it was: which tip, what landed, from which base, and where git would differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from branchsim.audit.losses import PathLosses, Step
from branchsim.audit.squashed_branches import taken_from
from branchsim.effects import Verdict as UnitVerdict
from branchsim.git.commitobject import load_commits
from branchsim.git.difftree import differing, raw_changes
from branchsim.git.log import Commit, empty_tree, merge_bases
from branchsim.git.repository import Repository
from branchsim.git.scratch import Scratch
from branchsim.git.session import merge_some
from branchsim.history.messages import references
from branchsim.history.refs import pull_heads
from branchsim.names import Sha


@dataclass(frozen=True, slots=True)
class Landed:
    """One side that landed: the three-way step, the commits it was made of, and whether git ends in conflicts."""

    step: Step
    target: Sha
    source: Sha
    base: Sha | None
    conflicted: bool = False


@dataclass(frozen=True, slots=True)
class Landing:
    """What a commit landed: its kind, a part for each side, and what could not be looked at."""

    kind: str
    parts: tuple[Landed, ...]
    skipped: tuple[str, ...] = ()


def landed(repository: Repository, commit: Commit) -> Landing:
    """The three-way steps of a commit.

    A merge has one for each merged parent and, where git finds several merge bases, one for git's own virtual base
    first and one for each base. A squash has one, from the pull request's ref. Any other commit has none.
    """
    scratch = repository.scratch
    if not commit.parents:
        return Landing("root", ())
    if commit.is_merge:
        parts: list[Landed] = []
        skipped: list[str] = []
        for source in commit.parents[1:]:
            found, why = _of_merge(scratch, commit, commit.parents[0], source, octopus=len(commit.parents) > 2)  # noqa: PLR2004
            parts += found
            skipped += why
        return Landing("octopus" if len(commit.parents) > 2 else "merge", tuple(parts), tuple(skipped))  # noqa: PLR2004
    head = _pull_head(repository, commit)
    if head is not None:
        part = _of_squash(scratch, commit, head)
        if part is not None:
            return Landing("squash", (part,))
    return Landing("commit", ())


def tree_of(scratch: Scratch, shas: Sequence[Sha]) -> dict[Sha, Sha]:
    """The trees of some commits."""
    return {commit.sha: commit.tree for commit in load_commits(scratch, sorted(set(shas)))}


def _of_merge(
    scratch: Scratch, commit: Commit, target: Sha, source: Sha, *, octopus: bool
) -> tuple[list[Landed], list[str]]:
    result = next(merge_some(scratch, [(target, source)], unrelated=True))
    if result.tree is None:
        why = f"git could not redo the merge ({result.failure}): paths that both sides changed are compared instead"
        return _by_trees(scratch, commit, target, source), [why]
    # A conflict may leave a version in the tree that looks like a clean result: all of its paths are looked at.
    conflicted = frozenset(conflict.path for conflict in result.conflicts)
    paths = differing(scratch, [(result.tree, commit.tree)])[result.tree, commit.tree] | conflicted
    if octopus:
        # What the other sides changed differs from a merge of two; only what no other side explains is looked at.
        for pair in _other_sides(scratch, commit, target, source):
            paths -= differing(scratch, [pair])[pair]
    return merge_parts(scratch, commit, source, paths=paths, conflicted=conflicted, clean=result.clean), []


def _by_trees(scratch: Scratch, commit: Commit, target: Sha, source: Sha) -> list[Landed]:
    """The parts of a merge that git cannot redo, because a blob is missing: by the ids in the trees alone.

    Where one side alone changed a path the result is known without merging; where both did, or the result is another,
    it is looked at, as far as it can be read.
    """
    bases = merge_bases(scratch, target, source)
    trees = tree_of(scratch, [target, source, *bases])
    base = trees[bases[0]] if bases else empty_tree(scratch)
    pairs = [(base, trees[target]), (base, trees[source]), (base, commit.tree)]
    changes = raw_changes(scratch, pairs)
    ours, theirs, result = ({c.path: (c.new_mode, c.new) for c in changes[pair]} for pair in pairs)
    both = {path for path in ours.keys() & theirs.keys() if ours[path] != theirs[path]}
    expected = {**ours, **theirs}
    paths = both | {path for path in expected.keys() | result.keys() if expected.get(path) != result.get(path)}
    found = frozenset(paths)
    return parts_of(scratch, commit, source, bases, trees, paths=found, conflicted=frozenset(both), clean=not both)


def merge_parts(
    scratch: Scratch, commit: Commit, source: Sha, *, paths: frozenset[bytes], conflicted: frozenset[bytes], clean: bool
) -> list[Landed]:
    """The three-way steps of one merged parent: with git's virtual base first, then with every merge base.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    commit : Commit
        The merge.
    source : Sha
        The merged parent.
    paths, conflicted : frozenset of bytes
        The paths to look at, and those that git cannot merge.
    clean : bool
        Whether git merges without a conflict.
    """
    if not paths:
        return []
    bases = merge_bases(scratch, commit.parents[0], source)
    trees = tree_of(scratch, [commit.parents[0], source, *bases])
    return parts_of(scratch, commit, source, bases, trees, paths=paths, conflicted=conflicted, clean=clean)


def parts_of(
    scratch: Scratch,
    commit: Commit,
    source: Sha,
    bases: Sequence[Sha],
    trees: Mapping[Sha, Sha],
    *,
    paths: frozenset[bytes],
    conflicted: frozenset[bytes],
    clean: bool,
) -> list[Landed]:
    """The same as `merge_parts`, where the merge bases and the trees of all commits are known."""
    target = commit.parents[0]
    virtual = [_virtual_base(scratch, bases, trees)] if len(bases) > 1 else []
    base_trees = [*virtual, *(trees[base] for base in bases)] or [empty_tree(scratch)]
    sides = {"target": trees[target], "source": trees[source], "merged": commit.tree}
    return [
        Landed(Step({"base": tree, **sides}, paths, conflicted), target, source, bases[0] if bases else None, not clean)
        for tree in base_trees
    ]


def distinct(losses: Iterable[tuple[Landed, PathLosses]]) -> list[tuple[Landed, PathLosses]]:
    """Losses without those that another base of the same merge has told already."""
    seen: set[tuple[bytes, UnitVerdict]] = set()
    kept = []
    for part, each in losses:
        fresh = tuple(fated for fated in each.losses if (each.path, fated.verdict) not in seen)
        seen.update((each.path, fated.verdict) for fated in fresh)
        if fresh:
            kept.append((part, replace(each, losses=fresh)))
    return kept


def _other_sides(scratch: Scratch, commit: Commit, target: Sha, source: Sha) -> list[tuple[Sha, Sha]]:
    pairs = []
    for other in commit.parents[1:]:
        if other == source:
            continue
        bases = merge_bases(scratch, target, other)
        if bases:
            trees = tree_of(scratch, [bases[0], other])
            pairs.append((trees[bases[0]], trees[other]))
    return pairs


def _virtual_base(scratch: Scratch, bases: Sequence[Sha], trees: Mapping[Sha, Sha]) -> Sha:
    """The tree of the bases merged with one another, as git's own strategy does it before it merges the sides."""
    first, *rest = bases
    merged = trees[first]
    for other in rest:
        result = next(merge_some(scratch, [(first, other)], unrelated=True))
        if result.tree is not None:
            merged = result.tree
    return merged


def _pull_head(repository: Repository, commit: Commit) -> Sha | None:
    """The head of the pull request that a squash names, if the repository has its ref."""
    numbers = {int(name[1:]) for name in references(commit.subject) if name.startswith("#")}
    heads = {number: sha for sha, number in pull_heads(repository).items() if number in numbers}
    return heads[max(heads)] if heads else None


def _of_squash(scratch: Scratch, commit: Commit, head: Sha) -> Landed | None:
    target = commit.parents[0]
    bases = merge_bases(scratch, target, head)
    if not bases or bases[0] == head:
        return None
    trees = tree_of(scratch, [target, head, bases[0]])
    brought, ahead, landed = (trees[bases[0]], trees[head]), (trees[target], trees[head]), (trees[target], commit.tree)
    changed = raw_changes(scratch, [brought, ahead, landed])
    if not taken_from(changed[brought], changed[ahead], changed[landed]):
        return None
    result = next(merge_some(scratch, [(target, head)]))
    if result.tree is None:
        return None
    # A conflict may leave a version in the tree that looks like a clean result: all of its paths are looked at.
    conflicted = frozenset(conflict.path for conflict in result.conflicts)
    paths = differing(scratch, [(result.tree, commit.tree)])[result.tree, commit.tree] | conflicted
    step = Step(
        {"base": trees[bases[0]], "target": trees[target], "source": trees[head], "merged": commit.tree},
        paths,
        conflicted,
    )
    return Landed(step, target, head, bases[0], not result.clean)
