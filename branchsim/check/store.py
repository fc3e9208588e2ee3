"""Versions and their history, each kept once: the abstract twin of git's object store.

A change is one line that somebody adds to a region; a region holds a set of changes; a tree is one set for each region;
a commit is a tree with its parents and what it claims to bring. All of them are interned, so equal histories are the
same number whatever the order in which independent things were done, and every merge is computed once.

What makes two histories equal is what was done to which version, not when and under which name. That is most of the
symmetry reduction of the search: operations that commute lead to the same numbers.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CHOICES = ("both", "ours", "theirs")
"""How a conflict is resolved: both sides' edits (the right way), or one side whole."""

Resolution = tuple[str | None, ...]
"""For each region how its conflict was resolved, None where there was none."""

_CACHED = 20_000
_NOTHING: frozenset[Change] = frozenset()


class Change:
    """One change: what a fix or a feature adds to a region. Compared by identity; there is one object for each.

    Attributes
    ----------
    number : int
        A number of its own within one model.
    is_fix : bool
        Whether it is a fix; otherwise a feature.
    family : str
        The pattern of the family it came from.
    region : int
        The region it belongs to.
    """

    __slots__ = ("family", "is_fix", "number", "region")

    def __init__(self, number: int, *, is_fix: bool, family: str, region: int) -> None:
        self.number = number
        self.is_fix = is_fix
        self.family = family
        self.region = region

    @property
    def kind(self) -> str:
        """``fix`` or ``feature``."""
        return "fix" if self.is_fix else "feature"

    def __repr__(self) -> str:
        return f"<{self.kind} {self.number} in region {self.region}>"


Content = frozenset[Change]


class Landed(NamedTuple):
    """One way a landing can end: the new tip, and how conflicts were resolved (None: there was none)."""

    tip: int
    resolution: Resolution | None


class Picked(NamedTuple):
    """One commit that was applied elsewhere: the original, the copy, how conflicts were resolved."""

    commit: int
    copy: int
    resolution: Resolution | None


class Store:
    """All changes, trees and commits of one model, by number. A commit's parents have smaller numbers.

    Parameters
    ----------
    regions : int
        How many regions a tree has.
    one_sided : bool
        Whether conflicts are also resolved to one side.
    fast_forward : bool
        Whether a merge that has nothing to merge moves the branch, as git does it; without, it makes a commit, as a
        pull request does.
    """

    def __init__(self, regions: int, *, one_sided: bool, fast_forward: bool = True) -> None:
        self.regions = regions
        self._fast_forward = fast_forward
        self.changes: list[Change] = []
        self.parents: list[tuple[int, ...]] = []
        self.tree: list[int] = []
        self.brings: list[Content] = []
        self.delivered: list[Content] = []
        self.fixes: list[Content] = []
        self.features: list[Content] = []
        self.content: list[Content] = []
        self.withdrawn: list[frozenset[tuple[Change, str]]] = []
        self.picked: dict[tuple[int, int, int], tuple[Picked, ...]] = {}
        self._choices = CHOICES if one_sided else CHOICES[:1]
        self._change_ids: dict[tuple[object, ...], Change] = {}
        self._values: list[Content] = []
        self._value_ids: dict[object, int] = {}
        self._trees: list[tuple[int, ...]] = []
        self._tree_ids: dict[tuple[int, ...], int] = {}
        self._tree_content: list[Content] = []
        self._commit_ids: dict[tuple[object, ...], int] = {}
        self._sets: dict[Content, Content] = {}
        self._three: dict[tuple[int, int, int], tuple[tuple[int, Resolution | None], ...]] = {}
        self._landings: dict[tuple[str, int, int, int], tuple[Landed, ...]] = {}
        self._ancestors: dict[int, frozenset[int]] = {}
        self.root = self.commit((), self._tree_of((self._value(_NOTHING),) * regions))

    # -- making things --------------------------------------------------------------------------------------------

    def change(self, key: tuple[object, ...], *, is_fix: bool, family: str, region: int) -> Change:
        """The change with an identity: always the same object for the same key."""
        found = self._change_ids.get(key)
        if found is None:
            found = Change(len(self.changes), is_fix=is_fix, family=family, region=region)
            self.changes.append(found)
            self._change_ids[key] = found
        return found

    def commit(
        self,
        parents: tuple[int, ...],
        tree: int,
        brings: Content = _NOTHING,
        withdrawn: frozenset[tuple[Change, str]] = frozenset(),
        copy_of: int = -1,
    ) -> int:
        """The number of a commit.

        Parameters
        ----------
        parents : tuple of int
            The parents.
        tree : int
            What it holds.
        brings : frozenset of Change
            What it claims to bring that its parents do not have.
        withdrawn : frozenset of (Change, str)
            What it withdraws on purpose, and in which layer.
        copy_of : int
            The tip it was squashed from, or the commit it was picked from: a copy is not its original, even where it
            stands in the same place, so no later merge takes one for the other. Below -1: the branch whose merge it is.
        """
        key = (parents, tree, brings, withdrawn, copy_of)
        number = self._commit_ids.get(key)
        if number is not None:
            return number
        number = self._commit_ids[key] = len(self.parents)
        delivered = self._shared(brings.union(*(self.delivered[parent] for parent in parents)))
        self.parents.append(parents)
        self.tree.append(tree)
        self.brings.append(brings)
        self.delivered.append(delivered)
        self.fixes.append(self._shared(frozenset(change for change in delivered if change.is_fix)))
        self.features.append(self._shared(frozenset(change for change in delivered if not change.is_fix)))
        self.content.append(self._tree_content[tree])
        self.withdrawn.append(withdrawn.union(*(self.withdrawn[parent] for parent in parents)))
        return number

    def commit_change(self, parent: int, change: Change, *, tree: int | None = None) -> int:
        """Commit a change onto a commit, or onto another tree (a stale copy) in its place."""
        regions = list(self._trees[self.tree[parent] if tree is None else tree])
        regions[change.region] = self._value(self._values[regions[change.region]] | {change})
        return self.commit((parent,), self._tree_of(tuple(regions)), frozenset((change,)))

    def region(self, commit: int, region: int) -> Content:
        """What a commit holds in one region."""
        return self._values[self._trees[self.tree[commit]][region]]

    # -- history --------------------------------------------------------------------------------------------------

    def ancestors(self, commit: int) -> frozenset[int]:
        """A commit and everything it descends from."""
        found = self._ancestors.get(commit)
        if found is None:
            reached = {commit}
            waiting = [commit]
            parents = self.parents
            while waiting:
                for parent in parents[waiting.pop()]:
                    if parent not in reached:
                        reached.add(parent)
                        waiting.append(parent)
            if len(self._ancestors) > _CACHED:
                self._ancestors.clear()
            found = self._ancestors[commit] = frozenset(reached)
        return found

    def is_ancestor(self, commit: int, of: int) -> bool:
        """Whether a commit is another one or an ancestor of it."""
        return commit == of or (commit < of and commit in self.ancestors(of))

    def merge_bases(self, ours: int, theirs: int) -> list[int]:
        """The best common ancestors, the oldest first."""
        bases: list[int] = []
        covered: set[int] = set()
        for commit in sorted(self.ancestors(ours) & self.ancestors(theirs), reverse=True):
            if commit not in covered:
                bases.append(commit)
                covered |= self.ancestors(commit)
        return bases[::-1]

    def first_parents(self, commit: int) -> Iterator[int]:
        """The first parent, its first parent, and so on."""
        while self.parents[commit]:
            commit = self.parents[commit][0]
            yield commit

    def origin(self, change: Change, tip: int) -> int | None:
        """The oldest commit in the history of a tip that has one parent and brought a change."""
        return next(
            (
                commit
                for commit in sorted(self.ancestors(tip))
                if change in self.brings[commit] and len(self.parents[commit]) == 1
            ),
            None,
        )

    # -- landings -------------------------------------------------------------------------------------------------

    def land(self, method: str, target: int, source: int, place: int = 0) -> tuple[Landed, ...]:
        """Every way in which a landing can end; none where it would bring nothing.

        Parameters
        ----------
        method : {"merge", "squash", "rebase", "cherry-pick"}
            How. A merge that has nothing to merge is a fast-forward. A cherry-pick takes all commits, like a rebase.
        target, source : int
            The tip landed on, and the tip that lands.
        place : int
            The number of the branch that is landed on. Where every merge makes a commit, those of two branches are two,
            although both may hold the same.
        """
        mark = -1 if self._fast_forward else -2 - place
        key = (method, target, source, mark)
        found = self._landings.get(key)
        if found is None:
            if method == "merge":
                ends = self._merge(target, source, mark)
            elif method == "squash":
                ends = self._squash(target, source)
            else:
                ends = self._rebase(target, source)
            found = self._landings[key] = tuple(end for end in ends if self._differs(end.tip, target))
        return found

    def revert(self, tip: int, commit: int, layer: str) -> tuple[Landed, ...]:
        """Every way in which the revert of a commit with one parent can end."""
        key = (f"revert {layer}", tip, commit, -1)
        found = self._landings.get(key)
        if found is None:
            gone = frozenset((change, layer) for change in self.brings[commit])
            ends = self.three(self.tree[commit], self.tree[tip], self.tree[self.parents[commit][0]])
            found = self._landings[key] = tuple(
                Landed(self.commit((tip,), tree, _NOTHING, gone), how) for tree, how in ends if tree != self.tree[tip]
            )
        return found

    def three(self, base: int, ours: int, theirs: int) -> tuple[tuple[int, Resolution | None], ...]:
        """Merge trees: each tree that can come of it, with how its conflicts were resolved."""
        key = (base, ours, theirs)
        found = self._three.get(key)
        if found is None:
            found = self._three[key] = tuple(self._three_way(base, ours, theirs))
        return found

    # -- inner ----------------------------------------------------------------------------------------------------

    def _differs(self, tip: int, before: int) -> bool:
        return self.tree[tip] != self.tree[before] or self.delivered[tip] != self.delivered[before]

    def _merge(self, target: int, source: int, mark: int) -> Iterable[Landed]:
        if self.is_ancestor(source, target):
            return
        if self.is_ancestor(target, source):
            tip = source if mark == -1 else self.commit((target, source), self.tree[source], copy_of=mark)
            yield Landed(tip, None)
            return
        base = self._base(target, source, 0)
        for tree, how in self.three(self.tree[base], self.tree[target], self.tree[source]):
            yield Landed(self.commit((target, source), tree, copy_of=mark), how)

    def _squash(self, target: int, source: int) -> Iterable[Landed]:
        if self.is_ancestor(source, target):
            return
        base = self._base(target, source, 0)
        brings = self._shared(self.delivered[source] - self.delivered[target])
        decided = self.withdrawn[source] - self.withdrawn[target]
        for tree, how in self.three(self.tree[base], self.tree[target], self.tree[source]):
            yield Landed(self.commit((target,), tree, brings, decided, source), how)

    def _rebase(self, target: int, source: int) -> Iterable[Landed]:
        have = self.ancestors(target)
        wanted = [
            commit
            for commit in sorted(self.ancestors(source) - have)
            if len(self.parents[commit]) == 1 and not self.brings[commit] <= self.delivered[target]
        ]
        ways: list[tuple[Picked, ...]] = [()]
        for commit in wanted:
            ways = [way + more for way in ways for more in self._pick(way[-1].copy if way else target, commit)]
        for way in ways:
            if way:
                tip = way[-1].copy
                self.picked[target, source, tip] = way
                clean = all(part.resolution is None for part in way)
                # One tip may come of several ways; the way kept is one of them, and all of them end in the same
                # content.
                yield Landed(tip, None if clean else tuple(itertools.chain(*(part.resolution or () for part in way))))

    def _pick(self, tip: int, commit: int) -> Iterator[tuple[Picked, ...]]:
        for tree, how in self.three(self.tree[self.parents[commit][0]], self.tree[tip], self.tree[commit]):
            if tree == self.tree[tip]:
                yield ()  # nothing to commit: git skips it
            else:
                # A conflict resolved to the picked side brings what that side holds, more than the picked commit did.
                came = self.brings[commit] | (self._tree_content[tree] - self.content[tip])
                brings = self._shared(came - self.delivered[tip])
                yield (Picked(commit, self.commit((tip,), tree, brings, copy_of=commit), how),)

    def _base(self, ours: int, theirs: int, depth: int) -> int:
        """The merge base; of several a virtual commit that merges them, as git's recursive merge does."""
        first, *others = self.merge_bases(ours, theirs)
        for other in others:
            base = self._base(first, other, depth + 1)
            regions = []
            for old, left, right in zip(
                *(self._trees[self.tree[commit]] for commit in (base, first, other)), strict=True
            ):
                merged = choose_side(old, left, right)
                regions.append(self._conflicted(old, left, right, depth) if merged is None else merged)
            first = self.commit((first, other), self._tree_of(tuple(regions)))
        return first

    def _conflicted(self, old: int, left: int, right: int, depth: int) -> int:
        """The value of a region in which a virtual merge left conflict markers: equal to no real one."""
        key = ("conflict", depth, left, right)
        number = self._value_ids.get(key)
        if number is None:
            number = self._value_ids[key] = len(self._values)
            self._values.append(self._both(old, left, right))
        return number

    def _three_way(self, base: int, ours: int, theirs: int) -> Iterator[tuple[int, Resolution | None]]:
        options: list[list[tuple[int, str | None]]] = []
        for old, left, right in zip(self._trees[base], self._trees[ours], self._trees[theirs], strict=True):
            merged = choose_side(old, left, right)
            if merged is not None:
                options.append([(merged, None)])
                continue
            ends: dict[int, str | None] = {}
            for choice in self._choices:
                end = {"both": self._value(self._both(old, left, right)), "ours": left, "theirs": right}[choice]
                ends.setdefault(end, choice)
            options.append(list(ends.items()))
        for way in itertools.product(*options):
            how = tuple(choice for _, choice in way)
            yield self._tree_of(tuple(value for value, _ in way)), how if any(how) else None

    def _both(self, old: int, left: int, right: int) -> Content:
        """What is there when each side's additions are kept and each side's removals too."""
        base, ours, theirs = self._values[old], self._values[left], self._values[right]
        return (ours & theirs) | (ours - base) | (theirs - base)

    def _value(self, changes: Content) -> int:
        number = self._value_ids.get(changes)
        if number is None:
            number = self._value_ids[changes] = len(self._values)
            self._values.append(changes)
        return number

    def _tree_of(self, values: tuple[int, ...]) -> int:
        number = self._tree_ids.get(values)
        if number is None:
            number = self._tree_ids[values] = len(self._trees)
            self._trees.append(values)
            self._tree_content.append(self._shared(_NOTHING.union(*(self._values[value] for value in values))))
        return number

    def _shared(self, changes: Content) -> Content:
        """An equal set that is kept once, to spare memory."""
        return self._sets.setdefault(changes, changes)


def choose_side(base: int, ours: int, theirs: int) -> int | None:
    """The three-way rule for one region; None is a conflict."""
    if theirs in (ours, base):
        return ours
    return theirs if base == ours else None
