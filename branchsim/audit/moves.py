"""Moves without fast-forward: branches that once stood on commits which they do not have any more.

A reflog says so with the time. Where there is none, three other things do: a merge elsewhere that brought a tip of the
branch which the branch itself has not, a ref that was kept under a name such as ``backup/main``, and what
``filter-branch`` leaves under ``refs/original``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchsim.errors import GitError
from branchsim.git.log import read_commits
from branchsim.git.reflog import read_reflogs
from branchsim.history.refs import branch_tips

if TYPE_CHECKING:
    from branchsim.git.log import Commit
    from branchsim.git.reflog import ReflogEntry
    from branchsim.git.repository import Repository
    from branchsim.history.landings import History, Landing
    from branchsim.names import Sha

_KEPT = re.compile(
    r"(?:^|[-_./])(?:backup|back-up|bak|old|orig|original|before|prior|previous|saved?|archived?|lost|copy)(?:[-_./]|$)",
    re.IGNORECASE,
)
_ORIGINAL = "refs/original/refs/heads/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A branch that left commits behind.

    Attributes
    ----------
    branch : str
        The branch.
    old : Sha
        Where it stood.
    fork : Sha or None
        The last landing that both lines have.
    landing : Landing
        The first landing of the line that has not what was left behind.
    lost : tuple of Commit
        The commits that were left behind, children before parents.
    how : str
        What is known of it, in words.
    certain : bool
        Whether a reflog recorded it.
    published : bool
        Whether others could see where the branch stood.
    """

    branch: str
    old: Sha
    fork: Sha | None
    landing: Landing
    lost: tuple[Commit, ...]
    how: str
    certain: bool
    published: bool


@dataclass(frozen=True, slots=True)
class _Stand:
    """A commit at which a branch stood."""

    branch: str
    old: Sha
    how: str
    new: Sha | None = None
    published: bool = True


def find_moves(repository: Repository, history: History) -> tuple[tuple[Move, ...], dict[str, str]]:
    """The moves without fast-forward of the branches of a topology.

    Parameters
    ----------
    repository : Repository
        Where to read.
    history : History
        The replay.

    Returns
    -------
    moves : tuple of Move
        In the order of the topology, ascending in time.
    skipped : dict
        From a ref or commit to what could not be looked at, and why.
    """
    stands, skipped = _recorded(repository, history)
    stands += [*_merged(history), *_kept(repository, history)]
    stands = [stand for stand in stands if history.arrival(stand.branch, stand.old) is None or stand.new is not None]
    if not stands:
        return (), skipped
    behind = _left_behind(repository, history, stands, skipped)
    found: dict[tuple[str, Sha], Move] = {}
    for stand in stands:
        move = _move(history, stand, behind)
        if move is not None:
            # A reflog comes first, and knows best.
            found.setdefault((move.branch, move.old), move)
    order = {name: rank for rank, name in enumerate(history.landings)}
    moves = sorted(_longest(found.values()), key=lambda move: (order[move.branch], move.landing.place, move.old))
    return tuple(moves), skipped


def _longest(moves: Iterable[Move]) -> Iterator[Move]:
    """Moves without those of which a later one tells everything: a line that was left behind had grown before."""
    groups: dict[tuple[str, int], list[tuple[frozenset[Sha], Move]]] = defaultdict(list)
    for move in moves:
        lost = frozenset(commit.sha for commit in move.lost)
        groups[move.branch, move.landing.place].append((lost, move))
    for group in groups.values():
        yield from (move for lost, move in group if not any(lost < other for other, _ in group))


# Where branches stood.


def _recorded(repository: Repository, history: History) -> tuple[list[_Stand], dict[str, str]]:
    """What the reflogs say. The moves of a local branch are nobody else's where a remote has the branch."""
    available = branch_tips(repository)
    refs = {ref: name for name in history.landings for ref in available.get(name, ())}
    reflogs, unread = read_reflogs(repository, refs)
    skipped: dict[str, str] = {str(ref): why for ref, why in unread.items()}
    stands: list[_Stand] = []
    for branch in history.landings:
        own = [ref for ref in available.get(branch, ()) if reflogs.get(ref)]
        shared = [ref for ref in own if not ref.startswith("refs/heads/")]
        for ref in shared or own:
            for entry in reflogs[ref]:
                if entry.old is None or entry.new is None or (history.until is not None and entry.at > history.until):
                    continue
                if not entry.old_exists:
                    skipped.setdefault(
                        f"{ref}: {entry.old}",
                        f"the reflog of {ref} names it, and git has pruned it: "
                        "if the branch was moved away from it by force, what was lost is not known",
                    )
                    continue
                how = f"the reflog of {ref} has it until {entry.new[:12]} ({_told(entry)})"
                published = bool(shared) or not repository.remotes
                stands.append(_Stand(branch, entry.old, how, entry.new, published))
    return stands, skipped


def _told(entry: ReflogEntry) -> str:
    return " ".join(entry.message.split())[:60] or "no message"


def _merged(history: History) -> Iterator[_Stand]:
    """Tips that another branch got from this one by a merge, and that this one has not."""
    for landings in history.landings.values():
        for landing in landings:
            source = landing.source
            if source is None or source not in history.landings or landing.kind != "merge" or landing.flow is None:
                continue
            for parent in history.commit(landing.sha).parents[1:]:
                if parent in history.graph and history.arrival(source, parent) is None:
                    yield _Stand(source, parent, f"{landing.branch} received it from {source} with {landing.sha[:12]}")


def _kept(repository: Repository, history: History) -> Iterator[_Stand]:
    """Refs that somebody kept of a branch before it was moved, as their names say."""
    topology = history.topology
    for ref, sha in sorted(repository.refs.items()):
        if ref.startswith(_ORIGINAL):
            name = ref.removeprefix(_ORIGINAL)
            if name in history.landings:
                yield _Stand(name, sha, f"filter-branch kept it as {ref}")
            continue
        short = ref.split("/", 2)[-1]
        if not ref.startswith(("refs/heads/", "refs/remotes/", "refs/tags/")) or _KEPT.search(short) is None:
            continue
        if short in history.landings or topology.family_of(short) is not None:
            continue
        named = [name for name in history.landings if re.search(rf"(?:^|[-_./]){re.escape(name)}(?:[-_./]|$)", short)]
        if named:
            yield _Stand(max(named, key=len), sha, f"{ref} was kept of it")


# What they left behind.


def _left_behind(
    repository: Repository, history: History, stands: Sequence[_Stand], skipped: dict[str, str]
) -> dict[Sha, Commit]:
    """The commits that no branch of the topology has, of all that branches stood on."""
    olds = sorted({stand.old for stand in stands if stand.old not in history.graph})
    if not olds:
        return {}
    known = [f"^{landings[-1].sha}" for landings in history.landings.values() if landings]
    try:
        return {commit.sha: commit for commit in read_commits(repository.scratch, [*olds, *known])}
    except GitError:
        pass
    # One of them has lost a part of its history: each for itself, so that the others can be told.
    found: dict[Sha, Commit] = {}
    for old in olds:
        try:
            found |= {commit.sha: commit for commit in read_commits(repository.scratch, [old, *known])}
        except GitError as error:
            skipped[str(old)] = f"a branch stood on it, and what it held cannot be read: {error}"
    return found


def _move(history: History, stand: _Stand, behind: Mapping[Sha, Commit]) -> Move | None:
    if stand.old not in behind and stand.old not in history.graph:
        return None
    landings = history.landings[stand.branch]
    there = None if stand.new is None else history.arrival(stand.branch, stand.new)

    def has(sha: Sha) -> Landing | None:
        arrived = history.arrival(stand.branch, sha)
        return None if arrived is None or (there is not None and arrived.place > there.place) else arrived

    lost, fork = _walk(stand.old, has, behind, history)
    if not lost or not landings:
        return None
    if there is not None and (fork is None or fork.place < there.place):
        landing = there
    else:  # it went back to what both lines have; what came next shows it
        place = -1 if fork is None else fork.place
        landing = landings[min(place + 1, len(landings) - 1)]
    if history.since is not None and landing.at < history.since:
        return None
    return Move(
        branch=stand.branch,
        old=stand.old,
        fork=None if fork is None else fork.sha,
        landing=landing,
        lost=tuple(sorted(lost, key=lambda commit: (commit.committed_at, commit.sha), reverse=True)),
        how=stand.how,
        certain=stand.new is not None,
        published=stand.published,
    )


def _walk(
    old: Sha, has: Callable[[Sha], Landing | None], behind: Mapping[Sha, Commit], history: History
) -> tuple[list[Commit], Landing | None]:
    """The commits that a tip has and the line has not, and the last landing that both have."""
    lost: list[Commit] = []
    fork: Landing | None = None
    seen = {old}
    waiting = [old]
    while waiting:
        sha = waiting.pop()
        common = has(sha)
        if common is not None:
            fork = common if fork is None or common.place > fork.place else fork
            continue
        commit = behind.get(sha)
        if commit is None:
            if sha not in history.graph:
                continue
            commit = history.commit(sha)
        lost.append(commit)
        for parent in commit.parents:
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return lost, fork


__all__ = ["Move", "find_moves"]
