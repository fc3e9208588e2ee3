"""Whether commits would apply to another tip: trees are compared, then lines, and git merges where that does not tell.

Lines are compared, and moved files looked for, while the patches are read for something else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from enum import StrEnum

from branchsim.audit.alike import alike_pairs
from branchsim.audit.filewise import Outcome, apply_filewise
from branchsim.audit.standing import State, Tree, is_touched, read_contents, standing
from branchsim.audit.whereabouts import Parents
from branchsim.git.hunks import read_plain
from branchsim.git.log import Commit, RawChange
from branchsim.git.merge import Pick, pick_many
from branchsim.git.objects import ObjectReader
from branchsim.git.patches import Watch
from branchsim.git.process import run
from branchsim.git.scratch import Scratch
from branchsim.names import Sha, file_name

EXACT = 250
"""Up to so many commits git itself merges each; beyond, most are told by their context, see ``docs/speed.md``."""

_FEW = 4
"""Of a commit with more files that the target lacks, some that seem to be nowhere are looked for first."""

_NOTHING = {"000000"}
_FILES = {"100644", "100755"}
_ABSENT = "no commit of the target carries it; "
_GONE = "none of the files it changes exists on the target"

Pair = tuple[Sha, Sha]


class Applies(StrEnum):
    """What ``git cherry-pick`` onto the target would give."""

    CLEAN = "clean"
    CONFLICT = "conflict"
    OBSOLETE = "obsolete"


Verdict = tuple[Applies, str]
"""What a pick would give, and one sentence about it."""

_LINES = {
    State.TOUCHED: (Applies.CONFLICT, _ABSENT + "the target has changed what stands around it; it would conflict"),
    State.THERE: (Applies.OBSOLETE, "the target has its lines already, in no commit of their own"),
    State.INTACT: (Applies.CLEAN, _ABSENT + "the target has every line around it; it would apply cleanly"),
}


class Tries:
    """What picking commits onto a target would give, each on its own.

    Parameters
    ----------
    scratch : Scratch
        Where to read and to merge.
    commits : sequence of Commit
        All commits that may be asked for, with their changes; no merges.
    target : Sha
        The commit they would be picked onto.
    pairs : mapping
        The trees before and after each commit.

    Attributes
    ----------
    watch : Watch
        What is to be seen of the patches that are read in the meantime: whether the lines stand on the target.
    failed : dict of Sha to str
        The commits that git could not try, and why.
    """

    def __init__(self, scratch: Scratch, commits: Sequence[Commit], target: Sha, pairs: Mapping[Sha, Pair]) -> None:
        self._scratch = scratch
        self._target = target
        self._pairs = pairs
        self._tree = _tree(scratch, target)
        self.failed: dict[Sha, str] = {}
        self._told: dict[Sha, Verdict] = {}
        unsure = []
        for commit in commits:
            verdict = _by_comparison(commit, self._tree)
            if verdict is None:
                unsure.append(commit)
            else:
                self._told[commit.sha] = verdict
        self._gone: dict[Sha, list[RawChange]] = {}
        self._by_lines: dict[Pair, Commit] = {}
        if len(unsure) > EXACT:
            for commit in unsure:
                gone = [
                    each for each in commit.changes if each.old_mode not in _NOTHING and each.path not in self._tree
                ]
                if gone:
                    self._gone[commit.sha] = gone
                elif not is_touched(commit, self._tree):
                    self._by_lines[pairs[commit.sha]] = commit
        self._commits = {commit.sha: commit for commit in commits}
        self._contents: Future[dict[str, bytes]] | None = None
        self._gone_told: Future[dict[Sha, Verdict]] | None = None
        # What git might show as a rename would not be as it is without renames.
        plain = (pair for pair, commit in self._by_lines.items() if not _may_rename(commit))
        self.watch: Watch[State | None] = Watch(plain, self._standing)

    @contextmanager
    def ahead(self) -> Iterator[None]:
        """Find out in the background what will probably be asked for, while the block runs."""
        with ThreadPoolExecutor(2) as pool:
            self._contents = pool.submit(read_contents, self._scratch, self._by_lines.values(), self._tree)
            # Only git knows what became of moved files; it is asked while the lines of others are compared.
            self._gone_told = pool.submit(self._of_gone)
            yield

    def verdicts(self, commits: Sequence[Commit]) -> dict[Sha, Verdict]:
        """The outcome for each of some commits, within the block of `ahead`."""
        verdicts = {commit.sha: self._told[commit.sha] for commit in commits if commit.sha in self._told}
        unsure = [commit for commit in commits if commit.sha not in verdicts]
        if len(unsure) > EXACT:
            verdicts |= self._by_context(unsure)
            unsure = [commit for commit in unsure if commit.sha not in verdicts]
        return verdicts | self._by_merging(unsure)

    def _standing(self, pair: Pair, text: bytes) -> State | None:
        assert self._contents is not None  # noqa: S101  patches are read within the block of `ahead`
        return standing(self._by_lines[pair], text, self._tree, self._contents.result())

    def _by_context(self, commits: Sequence[Commit]) -> dict[Sha, Verdict]:
        """The outcome by whether each hunk stands on the target with the lines around it, as far as that tells it."""
        assert self._gone_told is not None  # noqa: S101  as above
        told: dict[Sha, Verdict] = {}
        gone = self._gone_told.result()
        unseen = []
        for commit in commits:
            if commit.sha in self._gone:
                told[commit.sha] = gone[commit.sha]
            elif self._pairs[commit.sha] not in self._by_lines:
                told[commit.sha] = _LINES[State.TOUCHED]
            elif self._pairs[commit.sha] not in self.watch.seen:
                unseen.append(self._pairs[commit.sha])
        states = dict(self.watch.seen)
        read_plain(self._scratch, unseen, lambda pair, text: states.__setitem__(pair, self._standing(pair, text)))
        for commit in commits:
            state = states.get(self._pairs[commit.sha])
            if commit.sha not in told and state is not None:
                told[commit.sha] = _LINES[state]
        return told

    def _of_gone(self) -> dict[Sha, Verdict]:
        """The outcome for the commits that change a file which the target has not."""
        told: dict[Sha, Verdict] = {}
        if not self._gone:
            return told
        before = {sha: self._pairs[sha][0] for sha in self._gone}
        tip = _tree_id(self._scratch, self._target)
        parents = Parents(self._scratch, list(before.values()), tip, self._tree)
        moved = _maybe_moved(self._scratch, self._gone, before, self._tree, parents)
        for sha in self._gone.keys() - moved.keys():
            if _all_gone(self._commits[sha], self._tree):
                told[sha] = Applies.OBSOLETE, _GONE
            else:
                told[sha] = Applies.CONFLICT, _ABSENT + "it changes a file that the target does not have"
        nowhere = {sha: _some(self._gone[sha], found) for sha, found in moved.items() if len(self._gone[sha]) > _FEW}
        return told | self._by_merging([self._commits[sha] for sha in self._gone if sha in moved], nowhere, parents)

    def _by_merging(
        self,
        commits: Sequence[Commit],
        nowhere: Mapping[Sha, frozenset[bytes]] | None = None,
        trees: Parents | None = None,
    ) -> dict[Sha, Verdict]:
        """The outcome as git merges it: the changed files alone where they tell it, else the whole trees."""
        if not commits:
            return {}
        tip = _tree_id(self._scratch, self._target)
        parents = {commit.sha: self._pairs[commit.sha][0] for commit in commits}
        outcomes = apply_filewise(self._scratch, commits, tip, self._tree, parents, nowhere, trees)
        verdicts = {c.sha: _verdict(c, outcomes[c.sha], self._tree) for c in commits if c.sha in outcomes}
        rest = [commit for commit in commits if commit.sha not in outcomes]
        return verdicts | self._by_picking(rest, tip)

    def _by_picking(self, commits: Sequence[Commit], tip: Sha) -> dict[Sha, Verdict]:
        picks = [Pick(c.sha, self._target, c.parents[0] if c.parents else None) for c in commits]
        results = pick_many(self._scratch, picks, processes=os.cpu_count() or 1)
        verdicts: dict[Sha, Verdict] = {}
        for commit, result in zip(commits, results, strict=True):
            if result.failure is not None:
                self.failed[commit.sha] = result.failure
                verdicts[commit.sha] = Applies.CONFLICT, f"git could not try it: {result.failure}"
            elif result.clean:
                outcome = Outcome.SAME if result.tree == tip else Outcome.CLEAN
                verdicts[commit.sha] = _verdict(commit, outcome, self._tree)
            else:
                verdicts[commit.sha] = _verdict(commit, Outcome.CONFLICT, self._tree)
        return verdicts


def _verdict(commit: Commit, outcome: Outcome, tree: Tree) -> Verdict:
    if outcome is Outcome.SAME:
        return Applies.OBSOLETE, "picking it onto the target changes nothing"
    if outcome is Outcome.CLEAN:
        return Applies.CLEAN, _ABSENT + "it would apply cleanly"
    return (Applies.OBSOLETE, _GONE) if _all_gone(commit, tree) else (Applies.CONFLICT, _ABSENT + "it would conflict")


def _maybe_moved(
    scratch: Scratch, gone: Mapping[Sha, Sequence[RawChange]], before: Mapping[Sha, Sha], tree: Tree, parents: Parents
) -> dict[Sha, set[bytes]]:
    """The commits of which a file that the target has not may be there in another place, and these files.

    That is where a file of the same name was not there before the commit, and is like it: git looks for a moved file
    among those that one side has more than the base.
    """
    by_tree: dict[Sha, list[Sha]] = {}
    for sha in gone:
        by_tree.setdefault(before[sha], []).append(sha)
    near: dict[tuple[Sha, bytes], set[tuple[Sha, Sha]]] = {}
    for parent in parents.walk():
        for sha in by_tree[parent]:
            for change in gone[sha]:
                places = parents.added.get(file_name(change.path))
                if places:
                    near[sha, change.path] = {(Sha(change.old), Sha(tree[path][1])) for path in places}
    with ObjectReader(scratch) as reader:
        alike = alike_pairs(reader, set().union(*near.values()))
    moved: dict[Sha, set[bytes]] = {}
    for (sha, path), found in near.items():
        if not alike.isdisjoint(found):
            moved.setdefault(sha, set()).add(path)
    return moved


def _some(changes: Sequence[RawChange], moved: AbstractSet[bytes]) -> frozenset[bytes]:
    """Some of the files that are edited, and have nothing like them of their name; far from each other."""
    edited = {change.path for change in changes if {change.old_mode, change.new_mode} <= _FILES}
    paths = sorted(edited - moved)
    return frozenset((paths[0], paths[len(paths) // 2], paths[-1])) if paths else frozenset()


def _may_rename(commit: Commit) -> bool:
    return {"A", "D"} <= {change.status for change in commit.changes}


def _all_gone(commit: Commit, tree: Tree) -> bool:
    return not _only_adds(commit) and all(change.path not in tree for change in commit.changes)


def _only_adds(commit: Commit) -> bool:
    return all(change.old_mode in _NOTHING for change in commit.changes)


def _by_comparison(commit: Commit, tree: Tree) -> Verdict | None:
    """The outcome where the target has every file just as it was before the commit, or just as it is after."""
    before = after = True
    for change in commit.changes:
        here = tree.get(change.path)
        before = before and here == _side(change.old_mode, change.old)
        after = after and here == _side(change.new_mode, change.new)
        if not before and not after:
            return None
    if after:
        return Applies.OBSOLETE, "the target has every file it changes just as it left it"
    if any(change.old_mode in _NOTHING for change in commit.changes):
        return None  # a new file may meet a directory that was renamed or replaced
    return (
        Applies.CLEAN,
        "no commit of the target carries it; the target has every file it changes just as it was before it",
    )


def _side(mode: str, sha: str) -> tuple[str, str] | None:
    return None if mode in _NOTHING else (mode, sha)


def _tree(scratch: Scratch, commit: Sha) -> dict[bytes, tuple[str, str]]:
    tree = {}
    for line in run(["ls-tree", "-r", "-z", "--full-tree", commit], scratch.path).split(b"\0"):
        if line:
            entry, _, path = line.partition(b"\t")
            mode, _, sha = entry.decode("ascii").split(" ")
            tree[path] = (mode, sha)
    return tree


def _tree_id(scratch: Scratch, commit: Sha) -> Sha:
    return Sha(run(["rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}"], scratch.path).decode().strip())
