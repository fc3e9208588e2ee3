"""Changes: the units that are tracked, each what one landing brought to the first branch that had it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from branchsim.history.frames import FLAG, INTEGER, OBJECT, TEXT, TIME, frame
from branchsim.history.messages import references, reverted
from branchsim.names import Sha

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from branchsim.git.log import Commit
    from branchsim.history.landings import History, Kind, Landing

_FOREIGN = ("created", "fast-forward", "force-push")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A unit of work and where it landed first.

    Attributes
    ----------
    id : Sha
        The tip of the landing, or the commit, where each commit of a landing stands for itself.
    branch : str
        The branch where it landed first; later landings of the same commits carry it and are no changes.
    place : int
        The place of that landing on the branch's line.
    landing : Sha
        The tip of that landing.
    at : int
        When it landed, in seconds since the epoch, UTC.
    kind : str
        The kind of the landing.
    commits : tuple of Sha
        What it is made of, parents before children.
    trees : tuple of (Sha or None, Sha)
        Its net patch: the trees before and after. The first is None for the empty tree, and for a merge's own part as
        long as the automatic result has not been computed (see `with_merge_parts`).
    subject : str
        The first line that says what it is: of a pull request's merge the title below the first line, of another merge
        the subject of the first commit it brought.
    author, author_email : str
        Of the first commit that is no merge, without mailmap.
    authored_at : int
        When that commit was written, in seconds since the epoch, UTC.
    source, family : str or None
        As in `Landing`.
    pr : int or None
        As in `Landing`.
    references : tuple of str
        Tickets and pull requests that its messages name (``#12``, ``ABC-7``).
    reverts : tuple of Sha
        The commits that its messages say it reverts, as far as they exist.
    merge_part : bool
        Whether it is what a merge did beyond git's automatic result.
    """

    id: Sha
    branch: str
    place: int
    landing: Sha
    at: int
    kind: Kind
    commits: tuple[Sha, ...]
    trees: tuple[Sha | None, Sha]
    subject: str
    author: str
    author_email: str
    authored_at: int
    source: str | None = None
    family: str | None = None
    pr: int | None = None
    references: tuple[str, ...] = ()
    reverts: tuple[Sha, ...] = ()
    merge_part: bool = False


class Changes:
    """All changes of a history, and which of them each landing carries.

    Attributes
    ----------
    all : tuple of Change
        Ascending in time of landing; ties by the order of branches, then by place.
    """

    def __init__(self, history: History, changes: Iterable[Change]) -> None:
        self.history = history
        order = {name: rank for rank, name in enumerate(history.landings)}
        number = history.graph.number
        placed = [
            ((change.at, order[change.branch], change.place, number(change.id), change.merge_part), change)
            for change in changes
        ]
        placed.sort(key=lambda pair: pair[0])
        self.all = tuple([change for _, change in placed])
        self._of_commit: dict[Sha, int] = {}
        self._of_landing: dict[tuple[str, int], list[Change]] = {}
        for rank, change in enumerate(self.all):
            for sha in change.commits:
                self._of_commit.setdefault(sha, rank)
            self._of_landing.setdefault((change.branch, change.place), []).append(change)

    def __iter__(self) -> Iterator[Change]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)

    def of_commit(self, sha: Sha) -> Change | None:
        """The change a commit is part of."""
        rank = self._of_commit.get(sha)
        return None if rank is None else self.all[rank]

    def of_landing(self, landing: Landing) -> tuple[Change, ...]:
        """The changes that landed for the first time with a landing."""
        return tuple(self._of_landing.get((landing.branch, landing.place), ()))

    def carried(self, commits: Iterable[Sha]) -> tuple[Change, ...]:
        """The changes that have a commit among these, in the order of `all`."""
        ranks = {rank for sha in commits if (rank := self._of_commit.get(sha)) is not None}
        return tuple([self.all[rank] for rank in sorted(ranks)])


def read_changes(history: History) -> Changes:
    """Cut what landed into changes.

    A merge, a squash, a pick, a direct commit is one change. Where commits came without one that stands for them all (a
    rebase, a fast-forward of a short-lived branch, local commits of a sync) each is one. A landing from a long-lived
    branch carries changes that landed there before; only what is in it for the first time is a change here.
    """
    homes = _homes(history)
    changes: list[Change] = []
    for rank, landings in enumerate(history.landings.values()):
        for landing in landings:
            new = [sha for sha in landing.commits if homes[history.graph.number(sha)] == (rank, landing.place)]
            changes += _cut(history, landing, new)
    return Changes(history, changes)


class _Homes:
    """For each commit the rank of the branch and the place of the landing with which it arrived first."""

    def __init__(self, size: int) -> None:
        self.rank = np.full(size, -1, dtype=np.int32)
        self.place = np.full(size, -1, dtype=np.int32)

    def __getitem__(self, number: int) -> tuple[int, int]:
        return int(self.rank[number]), int(self.place[number])


def _homes(history: History) -> _Homes:
    """Where each commit arrived first: ancestry says which of two landings came first, times where it says nothing.

    Within one second the branch that was only moved there comes last, then the one that is given the commit back by a
    retrofit, then the one further downstream.
    """
    homes = _Homes(len(history.graph))
    ranks = {name: rank for rank, name in enumerate(history.landings)}
    names = [name for name in history.lines.steps if history.landings[name]]  # upstream first
    tips, times = {}, {}
    for name in names:
        landings = history.landings[name]
        tips[name] = np.array([history.graph.number(landing.sha) for landing in landings], dtype=np.int64)
        times[name] = np.array(
            [landing.at * 4 + 2 * (landing.kind in _FOREIGN) + (landing.flow == "retrofit") for landing in landings],
            dtype=np.int64,
        )
    for at, name in enumerate(names):
        arrived = history.arrivals[name]
        sooner = (arrived >= 0) & (homes.rank < 0)
        for other in names[:at]:
            (both,) = np.nonzero((homes.rank == ranks[other]) & (arrived >= 0))
            here, there = arrived[both], homes.place[both]
            inside = _within(history.arrivals[other][tips[name][here]], there)
            around = _within(arrived[tips[other][there]], here)
            first = np.where(inside == around, times[name][here] < times[other][there], inside)
            sooner[both[first]] = True
        homes.rank[sooner] = ranks[name]
        homes.place[sooner] = arrived[sooner]
    return homes


def _within(arrived: NDArray[np.int32], places: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Whether commits that arrived at some places were there by others."""
    return (arrived >= 0) & (arrived <= places)


def _cut(history: History, landing: Landing, new: list[Sha]) -> list[Change]:
    if not new:
        return []
    if _stands_for_all(history, landing, new):
        return [_one(history, landing, landing.sha, tuple(new), _trees(history, landing.before, landing.sha))]
    return [change for unit in _units(history, landing.sha, new) for change in _of_unit(history, landing, unit)]


def _stands_for_all(history: History, landing: Landing, new: Sequence[Sha]) -> bool:
    """Whether the tip of a landing is one commit that stands for everything new in it."""
    if len(history.commit(landing.sha).parents) < 2:  # noqa: PLR2004
        return len(landing.commits) == 1
    if landing.kind != "merge":
        return False
    if len(new) == len(landing.commits):
        return True
    # A short-lived branch that had merged a long-lived one is still one piece of work; a promotion is not.
    short_lived = landing.source is not None and landing.source not in history.landings
    return short_lived and any(len(history.commit(sha).parents) < 2 for sha in new)  # noqa: PLR2004


def _units(history: History, tip: Sha, new: Sequence[Sha]) -> list[tuple[Sha, ...]]:
    """Cut commits along the line that ends at a tip: each commit of the line with what it brought along, tip last."""
    graph = history.graph
    left = {graph.number(sha) for sha in new}
    units: list[tuple[Sha, ...]] = []
    waiting = [graph.number(tip)]
    while waiting:
        line = []
        at: int | None = waiting.pop()
        while at is not None and at in left:
            line.append(at)
            at = next(iter(graph.parents[at]), None)
        left.difference_update(line)
        for number in reversed(line):
            bundle = []
            stack = list(graph.parents[number][1:])
            while stack:
                side = stack.pop()
                if side in left:
                    left.discard(side)
                    bundle.append(side)
                    stack += graph.parents[side]
            units.append(tuple(graph.sha(each) for each in (*sorted(bundle), number)))
        if not waiting and left:
            waiting.append(max(left))
    return units


def _of_unit(history: History, landing: Landing, unit: tuple[Sha, ...]) -> list[Change]:
    tip = history.commit(unit[-1])
    before = tip.parents[0] if tip.parents else None
    if len(unit) == 1 and tip.is_merge:
        # What it merged landed elsewhere before. The merge is a change only if it did more than git would have done.
        return [_one(history, landing, tip.sha, unit, (None, tip.tree), merge_part=True)]
    return [_one(history, landing, tip.sha, unit, _trees(history, before, tip.sha))]


def _trees(history: History, before: Sha | None, after: Sha) -> tuple[Sha | None, Sha]:
    known = before is not None and before in history.graph
    return (history.commit(before).tree if before is not None and known else None, history.commit(after).tree)


def _one(
    history: History,
    landing: Landing,
    tip: Sha,
    commits: tuple[Sha, ...],
    trees: tuple[Sha | None, Sha],
    *,
    merge_part: bool = False,
) -> Change:
    own = history.commit(tip)
    members = [history.commit(sha) for sha in commits]
    first = next((commit for commit in members if not commit.is_merge), own)
    named = sorted({reference for commit in members for reference in references(commit.message)})
    gone = (history.graph.find_abbreviated(digits) for commit in members for digits in reverted(commit.message))
    return Change(
        id=tip,
        branch=landing.branch,
        place=landing.place,
        landing=landing.sha,
        at=landing.at,
        kind=landing.kind,
        commits=commits,
        trees=trees,
        subject=_title(own.message, merge=own.is_merge) or _of_members(own, members),
        author=first.author,
        author_email=first.author_email,
        authored_at=first.authored_at,
        source=landing.source,
        family=landing.family,
        pr=landing.pr,
        references=tuple(named),
        reverts=tuple(dict.fromkeys(history.graph.sha(number) for number in gone if number is not None)),
        merge_part=merge_part,
    )


def _of_members(own: Commit, members: Sequence[Commit]) -> str:
    """What a change is called: a merge that says only what it merges is called after what it brought."""
    work = [commit for commit in members if not commit.is_merge]
    if not own.is_merge or not own.subject.startswith("Merge") or not work:
        return own.subject
    more = f" (and {len(work) - 1} more)" if len(work) > 1 else ""
    return f"{work[0].subject}{more}"


def _title(message: str, *, merge: bool) -> str | None:
    """The title of a pull request, which its merge carries below its first line."""
    subject, _, rest = message.strip().partition("\n")
    if not merge or not subject.startswith("Merge"):
        return None
    return next((line.strip() for line in rest.splitlines() if line.strip()), None)


def with_merge_parts(changes: Changes, automatic: Mapping[Sha, Sha | None]) -> Changes:
    """Settle which merges did more than git would have done.

    Parameters
    ----------
    changes : Changes
        From `read_changes`.
    automatic : mapping of Sha to Sha or None
        For a merge the tree that git makes of it by itself; None where git ends in conflicts. A merge that is not in
        it is taken for an automatic one.

    Returns
    -------
    Changes
        Parts of merges have their trees (of a conflicted merge the first is None), those that are nothing but git's own
        result are gone, and a merge that landed as a whole has a further change for its own part, if there is one.
    """
    history = changes.history
    settled: list[Change] = []
    for change in changes:
        own = history.commit(change.id)
        result = automatic.get(change.id, own.tree)
        if not change.merge_part:
            settled.append(change)
        if own.is_merge and result != own.tree:
            settled.append(
                replace(change, commits=(change.id,), trees=(result, own.tree), merge_part=True, subject=own.subject)
            )
    return Changes(history, settled)


CHANGES_SCHEMA: dict[str, str] = {
    "change": TEXT,
    "branch": TEXT,
    "landing": TEXT,
    "landed_at": TIME,
    "kind": TEXT,
    "subject": TEXT,
    "author": TEXT,
    "author_email": TEXT,
    "authored_at": TIME,
    "source": TEXT,
    "family": TEXT,
    "pr": INTEGER,
    "commits": OBJECT,
    "references": OBJECT,
    "reverts": OBJECT,
    "merge_part": FLAG,
}
"""Columns and dtypes of `changes_frame`."""


def changes_frame(changes: Iterable[Change]) -> pd.DataFrame:
    """The changes as a table, with the columns of `CHANGES_SCHEMA`, one row each, in the order given.

    ``change`` is the id, ``landing`` the tip of the landing that brought it, times are UTC; ``commits``, ``references``
    and ``reverts`` hold tuples.
    """
    rows = (
        {
            "change": change.id,
            "branch": change.branch,
            "landing": change.landing,
            "landed_at": change.at,
            "kind": change.kind,
            "subject": change.subject,
            "author": change.author,
            "author_email": change.author_email,
            "authored_at": change.authored_at,
            "source": change.source,
            "family": change.family,
            "pr": change.pr,
            "commits": change.commits,
            "references": change.references,
            "reverts": change.reverts,
            "merge_part": change.merge_part,
        }
        for change in changes
    )
    return frame(rows, CHANGES_SCHEMA)


__all__ = ["CHANGES_SCHEMA", "Change", "Changes", "changes_frame", "read_changes", "with_merge_parts"]
