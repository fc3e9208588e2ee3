"""Whether commits would apply to another tip: trees are compared first, and git merges where that does not tell."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum

from branchsim.audit.alike import alike_pairs
from branchsim.git.hunks import Hunk, read_hunks
from branchsim.git.log import Commit, RawChange
from branchsim.git.merge import Pick, pick_many
from branchsim.git.objects import ObjectReader
from branchsim.git.process import run
from branchsim.git.scratch import Scratch
from branchsim.names import Sha, file_name

EXACT = 250
"""Up to so many commits git itself tries each pick; beyond, most are told by their context, see ``docs/speed.md``."""

_NOTHING = {"000000"}
_FILES = {"100644", "100755"}
_ABSENT = "no commit of the target carries it; "
_TOUCHED = _ABSENT + "the target has changed what stands around it; it would conflict"
_GONE = "none of the files it changes exists on the target"


class Applies(StrEnum):
    """What ``git cherry-pick`` onto the target would give."""

    CLEAN = "clean"
    CONFLICT = "conflict"
    OBSOLETE = "obsolete"


def applies_to(
    scratch: Scratch,
    commits: Sequence[Commit],
    target: Sha,
    pairs: Mapping[Sha, tuple[Sha, Sha]],
    texts: Callable[[], Mapping[tuple[Sha, Sha], bytes]],
) -> dict[Sha, tuple[Applies, str]]:
    """What picking each commit onto a target would give, each on its own.

    Parameters
    ----------
    scratch : Scratch
        Where to read and to merge.
    commits : sequence of Commit
        The commits, with their changes; no merges.
    target : Sha
        The commit they would be picked onto.
    pairs : mapping
        The trees before and after each commit.
    texts : callable
        Gives the patches whose text is at hand, with a line of context and without renames.

    Returns
    -------
    dict
        From a commit to the outcome and one sentence about it.
    """
    if not commits:
        return {}
    tree = _tree(scratch, target)
    verdicts: dict[Sha, tuple[Applies, str]] = {}
    open_commits = []
    for commit in commits:
        verdict = _by_comparison(commit, tree)
        if verdict is None:
            open_commits.append(commit)
        else:
            verdicts[commit.sha] = verdict
    if len(open_commits) > EXACT:
        verdicts.update(_by_context(scratch, open_commits, target, tree, pairs, texts))
        open_commits = [commit for commit in open_commits if commit.sha not in verdicts]
    verdicts.update(_by_picking(scratch, open_commits, target, tree))
    return verdicts


def told_by_lines(scratch: Scratch, commits: Sequence[Commit], target: Sha) -> list[Commit]:
    """Of some commits, if none of them is on the target, those of which `applies_to` will compare the lines."""
    tree = _tree(scratch, target)
    unsure = [c for c in commits if c.changes and not c.is_merge and _by_comparison(c, tree) is None]
    if len(unsure) <= EXACT:
        return []
    return [
        commit
        for commit in unsure
        if all(change.old_mode in _NOTHING or change.path in tree for change in commit.changes)
        and not _is_touched(commit, tree)
    ]


Tree = Mapping[bytes, tuple[str, str]]


def _by_picking(scratch: Scratch, commits: Sequence[Commit], target: Sha, tree: Tree) -> dict[Sha, tuple[Applies, str]]:
    if not commits:
        return {}
    picks = [Pick(c.sha, target, c.parents[0] if c.parents else None) for c in commits]
    results = pick_many(scratch, picks, processes=os.cpu_count() or 1)
    unchanged = _tree_id(scratch, target)
    verdicts = {}
    for commit, result in zip(commits, results, strict=True):
        if result.failure is not None:
            verdict = Applies.CONFLICT, f"git could not try it: {result.failure}"
        elif result.clean and result.tree == unchanged:
            verdict = Applies.OBSOLETE, "picking it onto the target changes nothing"
        elif result.clean:
            verdict = Applies.CLEAN, _ABSENT + "it would apply cleanly"
        elif _all_gone(commit, tree):
            verdict = Applies.OBSOLETE, _GONE
        else:
            verdict = Applies.CONFLICT, _ABSENT + "it would conflict"
        verdicts[commit.sha] = verdict
    return verdicts


def _by_context(
    scratch: Scratch,
    commits: Sequence[Commit],
    target: Sha,
    tree: Tree,
    pairs: Mapping[Sha, tuple[Sha, Sha]],
    texts: Callable[[], Mapping[tuple[Sha, Sha], bytes]],
) -> dict[Sha, tuple[Applies, str]]:
    """The outcome by whether each hunk stands on the target with the lines around it; what it cannot tell is left out.

    A three-way merge is clean exactly where what a hunk replaces, and a line on each side of it, is untouched on the
    other side, or where the other side made the same change. Comparing the stretch of lines instead of both histories
    of the file is some ten times as fast, and differs where a file repeats itself.
    """
    told: dict[Sha, tuple[Applies, str]] = {}
    gone = {
        commit.sha: [change for change in commit.changes if change.old_mode not in _NOTHING and change.path not in tree]
        for commit in commits
    }
    moved = _maybe_moved(scratch, gone, tree, pairs)
    for commit in commits:
        if not gone[commit.sha] or commit.sha in moved:
            continue
        if _all_gone(commit, tree):
            told[commit.sha] = Applies.OBSOLETE, _GONE
        else:
            told[commit.sha] = Applies.CONFLICT, _ABSENT + "it changes a file that the target does not have"
    with ThreadPoolExecutor(1) as pool:
        # Only git knows what became of moved files; it is asked while the lines of others are compared.
        picking = pool.submit(_by_picking, scratch, [c for c in commits if c.sha in moved], target, tree)
        told.update(_by_hunks(scratch, [commit for commit in commits if not gone[commit.sha]], tree, pairs, texts))
        told.update(picking.result())
    return told


def _maybe_moved(
    scratch: Scratch, gone: Mapping[Sha, Sequence[RawChange]], tree: Tree, pairs: Mapping[Sha, tuple[Sha, Sha]]
) -> set[Sha]:
    """The commits of which a file that the target has not may be there in another place.

    That is a file of the same name which was not there before the commit, and is like it: git looks for a moved file
    among those that one side has more than the base.
    """
    names: dict[bytes, list[bytes]] = {}
    for path in tree:
        names.setdefault(file_name(path), []).append(path)
    places = {
        sha: [(Sha(c.old), path) for c in changes for path in names.get(file_name(c.path), ())]
        for sha, changes in gone.items()
    }
    with ObjectReader(scratch) as reader:
        before = reader.entries({(pairs[sha][0], path) for sha, found in places.items() for _, path in found})
        blobs = {
            sha: {(old, Sha(tree[path][1])) for old, path in found if (pairs[sha][0], path) not in before}
            for sha, found in places.items()
        }
        alike = alike_pairs(reader, {pair for found in blobs.values() for pair in found})
    return {sha for sha, found in blobs.items() if not alike.isdisjoint(found)}


def _by_hunks(
    scratch: Scratch,
    waiting: Sequence[Commit],
    tree: Tree,
    pairs: Mapping[Sha, tuple[Sha, Sha]],
    texts: Callable[[], Mapping[tuple[Sha, Sha], bytes]],
) -> dict[Sha, tuple[Applies, str]]:
    told: dict[Sha, tuple[Applies, str]] = {}
    asking = []
    for commit in waiting:
        # Where the ids of one file say that it would conflict, the lines of the others say nothing new.
        if _is_touched(commit, tree):
            told[commit.sha] = Applies.CONFLICT, _TOUCHED
        else:
            asking.append(commit)
    waiting = asking
    asked = [pairs[commit.sha] for commit in waiting]
    hunks, skipped = read_hunks(scratch, asked, processes=os.cpu_count() or 1, known=texts())
    with ObjectReader(scratch) as reader:
        wanted = sorted(
            {tree[c.path][1] for commit in waiting for c in commit.changes if c.path in tree and _is_text_edit(c, tree)}
        )
        contents = {
            sha: b"\n" + blob for sha, blob in reader.blobs(Sha(sha) for sha in wanted) if isinstance(blob, bytes)
        }
    for commit in waiting:
        pair = pairs[commit.sha]
        files = None if pair in skipped else hunks.get(pair)
        if files is None or len(files) != len(commit.changes):
            continue
        states = {_file_state(change, part, tree, contents) for change, part in zip(commit.changes, files, strict=True)}
        if None in states:
            continue
        if _State.TOUCHED in states:
            told[commit.sha] = Applies.CONFLICT, _TOUCHED
        elif states == {_State.THERE}:
            told[commit.sha] = Applies.OBSOLETE, "the target has its lines already, in no commit of their own"
        else:
            told[commit.sha] = Applies.CLEAN, _ABSENT + "the target has every line around it; it would apply cleanly"
    return told


class _State(StrEnum):
    """What the target has where a hunk would go."""

    INTACT = "intact"
    THERE = "there"
    TOUCHED = "touched"


def _is_touched(commit: Commit, tree: Tree) -> bool:
    """Whether the ids of one of its files say that it would conflict."""
    return any(_by_ids(change, tree) is _State.TOUCHED for change in commit.changes)


def _by_ids(change: RawChange, tree: Tree) -> _State | None:
    """The state of a whole file, where its id and what became of it tell that; None where its lines have to."""
    here = tree.get(change.path)
    if here == _side(change.new_mode, change.new):
        return _State.THERE
    if here == _side(change.old_mode, change.old):
        return _State.INTACT
    return _State.TOUCHED if change.old_mode in _NOTHING or change.new_mode in _NOTHING or here is None else None


def _file_state(change: RawChange, hunks: Sequence[Hunk], tree: Tree, contents: Mapping[Sha, bytes]) -> _State | None:
    """The worst state of a file's hunks; None where lines do not tell (binary, links, submodules, too large)."""
    known, here = _by_ids(change, tree), tree.get(change.path)
    if known is not None or here is None:
        return known
    content = contents.get(Sha(here[1]))
    if (
        content is None
        or not hunks
        or {change.old_mode, change.new_mode, here[0]} - _FILES
        or change.old_mode != change.new_mode
    ):
        return None
    states = {_hunk_state(hunk, content) for hunk in hunks}
    if _State.TOUCHED in states:
        return _State.TOUCHED
    return _State.INTACT if _State.INTACT in states else _State.THERE


def _hunk_state(hunk: Hunk, content: bytes) -> _State:
    for text, state in ((hunk.before, _State.INTACT), (hunk.after, _State.THERE)):
        stretch = b"\n" + text
        if hunk.first and hunk.last:
            stands = content == stretch
        elif hunk.first:
            stands = content.startswith(stretch)
        elif hunk.last:
            stands = content.endswith(stretch)
        else:
            stands = stretch in content
        if stands:
            return state
    return _State.TOUCHED


def _is_text_edit(change: RawChange, tree: Tree) -> bool:
    return change.path in tree and change.old_mode in _FILES and change.new_mode in _FILES


def _all_gone(commit: Commit, tree: Tree) -> bool:
    return not _only_adds(commit) and all(change.path not in tree for change in commit.changes)


def _only_adds(commit: Commit) -> bool:
    return all(change.old_mode in _NOTHING for change in commit.changes)


def _by_comparison(commit: Commit, tree: Tree) -> tuple[Applies, str] | None:
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
