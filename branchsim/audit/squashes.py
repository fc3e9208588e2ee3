"""Squashes as the three-way steps that they were: with the head that was squashed, and where its work really began.

The head is known by the ref of the pull request that the landing names; else by a branch that is still there and whose
files the landing has exactly as the branch had them.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchsim.audit.losses import Step
from branchsim.audit.squashed_branches import squashed_branches, taken_from
from branchsim.audit.steps import Landed
from branchsim.errors import GitError
from branchsim.git.difftree import differing, raw_changes
from branchsim.git.log import read_commits
from branchsim.git.session import merge_some
from branchsim.history.refs import branch_tips, pull_heads

if TYPE_CHECKING:
    from branchsim.git.log import Commit, RawChange
    from branchsim.git.repository import Repository
    from branchsim.history.landings import History, Landing
    from branchsim.names import Sha

_KINDS = frozenset({"squash", "direct"})
_NOTHING = "000000"


@dataclass(frozen=True, slots=True)
class _Squash:
    """A landing, the head it is made of, and the commit from which the head's work started.

    Only its `own` paths are looked at where nothing but its files tells what it is.
    """

    landing: Landing
    head: Commit
    base: Commit
    own: bool = False


def squash_steps(
    repository: Repository, history: History
) -> tuple[list[tuple[Commit, Landed]], dict[Sha, Commit], dict[str, str]]:
    """The squashes of a history whose head is known.

    Parameters
    ----------
    repository : Repository
        Where to read.
    history : History
        The replay.

    Returns
    -------
    steps : list of (Commit, Landed)
        The squash and its step, in the order of the topology, oldest first; those that are what git makes of them are
        left out.
    heads : dict
        The commits of the heads that no branch of the topology has.
    skipped : dict
        From a commit to why it could not be looked at.
    """
    landings = [
        landing
        for own in history.landings.values()
        for landing in own
        if landing.kind in _KINDS and landing.before is not None and len(landing.commits) == 1
        if not history.commit(landing.sha).is_merge
    ]
    requests = {number: sha for sha, number in pull_heads(repository).items()}
    named = {landing.sha: requests[landing.pr] for landing in landings if landing.pr in requests}
    named = _without_ported(history, landings, named)
    kept = _kept_heads(repository, history)
    heads, skipped = _read(repository, history, {*named.values(), *kept})
    found = [
        squash
        for landing in landings
        if (head := heads.get(named.get(landing.sha, landing.sha))) is not None
        if (squash := _squash(history, landing, head, heads)) is not None
    ]
    found = _without_ports(repository, history, found)
    told = {squash.landing.sha for squash in found}
    rest = [landing for landing in landings if landing.sha not in told]
    found += [
        _Squash(landing, history.commit(head), history.commit(base), by_files)
        for landing, head, base, by_files in squashed_branches(repository, history, rest, named)
    ]
    told.update(squash.landing.sha for squash in found)
    rest = [landing for landing in rest if landing.sha not in told]
    found += _by_content(repository, history, rest, [heads[sha] for sha in kept if sha in heads], heads)
    steps, unread = _steps(repository, history, found)
    return steps, heads, skipped | unread


def _without_ported(history: History, landings: Iterable[Landing], named: Mapping[Sha, Sha]) -> dict[Sha, Sha]:
    """The heads but for pull requests that landed on another branch before: what came here is a port of that."""
    requests = {landing.pr for landing in landings if landing.sha in named}
    homes: dict[int, tuple[int, str]] = {}
    for own in history.landings.values():
        for landing in own:
            if landing.pr is not None and landing.pr in requests:
                homes[landing.pr] = min(
                    (landing.at, landing.branch), homes.get(landing.pr, (landing.at, landing.branch))
                )
    ported = {landing.sha for landing in landings if landing.pr in homes and homes[landing.pr][1] != landing.branch}
    return {sha: head for sha, head in named.items() if sha not in ported}


def _kept_heads(repository: Repository, history: History) -> list[Sha]:
    """The tips of branches that are not of the topology and not merged into one of it."""
    tips = branch_tips(repository)
    shas = {repository.refs[refs[0]] for name, refs in tips.items() if name not in history.landings}
    return sorted(sha for sha in shas if sha not in history.graph)


def _read(repository: Repository, history: History, wanted: Iterable[Sha]) -> tuple[dict[Sha, Commit], dict[str, str]]:
    """The commits of some heads that no branch of the topology has."""
    shas = sorted(set(wanted))
    if not shas:
        return {}, {}
    known = [f"^{landings[-1].sha}" for landings in history.landings.values() if landings]
    try:
        return {commit.sha: commit for commit in read_commits(repository.scratch, [*shas, *known])}, {}
    except GitError as error:
        return {}, {"heads of squashed branches": f"they could not be read, so squashes are not compared: {error}"}


def _squash(history: History, landing: Landing, head: Commit, heads: Mapping[Sha, Commit]) -> _Squash | None:
    """A squash with the newest commit of the branch that its head contains."""
    base: Landing | None = None
    seen = {head.sha}
    waiting = [head]
    while waiting:
        for parent in waiting.pop().parents:
            if parent in seen:
                continue
            seen.add(parent)
            if parent in heads:
                waiting.append(heads[parent])
                continue
            arrived = history.arrival(landing.branch, parent)
            if arrived is not None and arrived.place < landing.place:
                base = arrived if base is None or arrived.place > base.place else base
    if base is None:
        return None
    if base.sha not in seen:  # it began from a commit that a landing brought, and not from its tip
        inside = [sha for sha in seen if history.arrival(landing.branch, sha) == base]
        number = max((history.graph.number(sha) for sha in inside), default=None)
        return None if number is None else _Squash(landing, head, history.graph.commits[number])
    return _Squash(landing, head, history.commit(base.sha))


def _without_ports(repository: Repository, history: History, squashes: Sequence[_Squash]) -> list[_Squash]:
    """Those of some squashes that took most of what their head had to give: see `taken_from`."""

    def differences(pairs: Sequence[tuple[Commit, Commit]]) -> list[list[RawChange]]:
        trees = [(one.tree, other.tree) for one, other in pairs]
        changed = raw_changes(repository.scratch, trees)
        return [changed[pair] for pair in trees]

    landed = [history.commit(squash.landing.sha).changes for squash in squashes]
    brought = differences([(squash.base, squash.head) for squash in squashes])
    likely = [bool(taken_from(*each)) for each in zip(brought, brought, landed, strict=True)]
    # Of a port little is there that its head had; few have to be asked what the branch had already.
    rest = [number for number, is_one in enumerate(likely) if not is_one]
    befores = [history.commit(before) for number in rest if (before := squashes[number].landing.before) is not None]
    ahead = differences([(before, squashes[number].head) for number, before in zip(rest, befores, strict=True)])
    for number, missing in zip(rest, ahead, strict=True):
        likely[number] = bool(taken_from(brought[number], missing, landed[number]))
    return [squash for squash, is_one in zip(squashes, likely, strict=True) if is_one]


def _by_content(
    repository: Repository,
    history: History,
    landings: Sequence[Landing],
    candidates: Sequence[Commit],
    heads: Mapping[Sha, Commit],
) -> list[_Squash]:
    """The landings that have every file of a branch exactly as the branch has it."""
    if not candidates:
        return []
    by_file: dict[tuple[bytes, str], list[Landing]] = defaultdict(list)
    for landing in landings:
        for change in history.commit(landing.sha).changes:
            by_file[change.path, change.new].append(landing)
    likely: list[tuple[Landing, Commit]] = []
    for head in candidates:
        own = [change for change in head.changes if change.new_mode != _NOTHING]
        alike = by_file.get((own[0].path, own[0].new), []) if own and not head.is_merge else []
        likely += [(landing, head) for landing in alike]
    squashes = [squash for landing, head in likely if (squash := _squash(history, landing, head, heads)) is not None]
    pairs = [(squash.base.tree, squash.head.tree) for squash in squashes]
    changed = raw_changes(repository.scratch, pairs)
    best: dict[Sha, _Squash] = {}
    for squash, pair in zip(squashes, pairs, strict=True):
        landed = {change.path: (change.new_mode, change.new) for change in history.commit(squash.landing.sha).changes}
        if changed[pair] and all(landed.get(change.path) == (change.new_mode, change.new) for change in changed[pair]):
            known = best.get(squash.landing.sha)
            if known is None or (squash.base.committed_at, squash.head.sha) > (known.base.committed_at, known.head.sha):
                best[squash.landing.sha] = squash
    return [best[landing.sha] for landing in landings if landing.sha in best]


def _steps(
    repository: Repository, history: History, squashes: Sequence[_Squash]
) -> tuple[list[tuple[Commit, Landed]], dict[str, str]]:
    scratch = repository.scratch
    tips = [history.commit(squash.landing.before) for squash in squashes if squash.landing.before is not None]
    pairs = [(tip.sha, squash.head.sha) for tip, squash in zip(tips, squashes, strict=True)]
    results = list(merge_some(scratch, pairs, processes=os.cpu_count() or 1))
    commits = [history.commit(squash.landing.sha) for squash in squashes]
    trees = [(result.tree, commit.tree) for result, commit in zip(results, commits, strict=True) if result.tree]
    changed = differing(scratch, [pair for pair in trees if pair[0] != pair[1]])
    steps = []
    skipped = {}
    for squash, tip, result, commit in zip(squashes, tips, results, commits, strict=True):
        if result.tree is None:
            skipped[str(commit.sha)] = f"git could not redo the squash: {result.failure}"
            continue
        conflicted = frozenset(conflict.path for conflict in result.conflicts)
        paths = changed.get((result.tree, commit.tree), frozenset()) | conflicted
        if squash.own:
            paths &= {change.path for change in commit.changes}
        if paths:
            trees_of = {
                "base": squash.base.tree, "target": tip.tree, "source": squash.head.tree, "merged": commit.tree,
            }  # fmt: skip
            step = Step(trees_of, paths, conflicted)
            steps.append((commit, Landed(step, tip.sha, squash.head.sha, squash.base.sha, not result.clean)))
    return steps, skipped


__all__ = ["squash_steps"]
