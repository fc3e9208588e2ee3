"""Promotions and releases: what went onward when, what it carried, and what it was called."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from branchsim.history.frames import FLAG, INTEGER, OBJECT, TEXT, TIME, frame
from branchsim.history.refs import tag_tips
from branchsim.names import Sha

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from branchsim.git.repository import Repository
    from branchsim.history.changes import Changes
    from branchsim.history.landings import History, Landing

_PROMOTING = frozenset({"merge", "squash", "rebase", "fast-forward", "created", "force-push"})
_VERSION = re.compile(r"(?:.*[^0-9])?\d+(?:[._]\d+)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A version that went onward, or was released.

    Attributes
    ----------
    branch : str
        Where it arrived.
    source : str or None
        Where it came from; None for a release by tag.
    landing : Sha
        The tip after the landing, or the commit that was tagged.
    at : int
        When, in seconds since the epoch, UTC.
    kind : str
        The kind of the landing, or ``tag``.
    release : bool
        Whether it is a release: it arrived on a branch that ends the promotions, or it is a release tag on one. To cut
        a branch on which releases are tagged is none.
    version : str or None
        The tag on it; failing that, the first version tag on the branch before the next promotion.
    commits : tuple of Sha
        What it carried, parents before children. Of a branch that was created: what was not in the promotion before it
        from the same source.
    changes : tuple of Sha
        The ids of the changes it carried.
    before : Sha or None
        The tip before.
    inferred : tuple of str
        What was concluded and not read, in words.
    """

    branch: str
    source: str | None
    landing: Sha
    at: int
    kind: str
    release: bool
    version: str | None = None
    commits: tuple[Sha, ...] = ()
    changes: tuple[Sha, ...] = ()
    before: Sha | None = None
    inferred: tuple[str, ...] = ()


def read_promotions(repository: Repository, history: History, changes: Changes) -> tuple[Promotion, ...]:
    """The promotions and releases of a history since its `since`, ascending in time.

    A promotion is a landing along a promote flow, or from a family that promotes (gitflow's ``release/*``), other than
    the pick of a single change.
    """
    topology = history.topology
    tags = tag_tips(repository, topology.is_release_tag if topology.release_tags is not None else _is_version)
    lines = _on_lines(history, tags)
    last = set(topology.last_branches())
    tagged = {name for name in last if topology.release_tags is not None and lines[name]}
    found = [
        _promotion(
            changes,
            landing,
            landing.commits,
            # Where releases are tagged, a branch is cut long before the first of them.
            release=landing.branch in last and not (landing.kind == "created" and landing.branch in tagged),
        )
        for landings in history.landings.values()
        for landing in landings
        if landing.flow == "promote" and landing.kind in _PROMOTING
    ]
    found.sort(key=lambda each: (each.at, each.branch, each.landing))
    found = _named(history, _filled(history, changes, found), lines)
    if topology.release_tags is not None:
        by_tag = _by_tag(history, changes, found, {name: lines[name] for name in history.landings if name in last})
        # What was promoted, then worked on and only then tagged, was released by the tag.
        tagged_later = {(each.branch, each.version) for each in by_tag}
        found = [
            replace(each, release=each.release and (each.branch, each.version) not in tagged_later) for each in found
        ]
        found += by_tag
    order = {name: rank for rank, name in enumerate(history.landings)}
    found.sort(key=lambda each: (each.at, order[each.branch], history.graph.number(each.landing)))
    return tuple(each for each in found if history.since is None or each.at >= history.since)


def _is_version(tag: str) -> bool:
    return _VERSION.match(tag) is not None


def _promotion(changes: Changes, landing: Landing, carried: tuple[Sha, ...], *, release: bool) -> Promotion:
    return Promotion(
        branch=landing.branch,
        source=landing.source,
        landing=landing.sha,
        at=landing.at,
        kind=landing.kind,
        release=release,
        commits=carried,
        changes=tuple(change.id for change in changes.carried(carried)),
        before=landing.before,
        inferred=landing.inferred,
    )


def _filled(history: History, changes: Changes, promotions: list[Promotion]) -> list[Promotion]:
    """Give branches that were created what they carried since the promotion before, from the same source."""
    latest: dict[str | None, Sha] = {}
    filled = []
    for each in promotions:
        if each.kind == "created":
            before = latest.get(each.source)
            landing = history.landings[each.branch][0]
            commits: tuple[Sha, ...] = ()
            if before is not None:
                graph = history.graph
                numbers = graph.between([graph.number(before)], graph.number(each.landing))
                commits = tuple(graph.sha(number) for number in numbers)
            filled.append(_promotion(changes, landing, commits, release=each.release))
        else:
            filled.append(each)
        latest[each.source] = each.landing
    return filled


def _on_lines(history: History, tags: Mapping[str, Sha]) -> dict[str, list[tuple[int, str]]]:
    """For each branch the places of its line at which it has a tag, ascending; of several tags on one all."""
    found: dict[str, list[tuple[int, str]]] = {name: [] for name in history.landings}
    for tag, sha in tags.items():
        number = history.graph.find(sha)
        if number is None:
            continue
        places = {name: place for name, arrived in history.arrivals.items() if (place := int(arrived[number])) >= 0}
        owner = history.lines.owner.get(number)
        if owner is None and places:
            # It was tagged on a short-lived branch, so it belongs to the branch on which that landed first.
            owner = min(places, key=lambda name: history.landings[name][places[name]].at)
        for name, place in places.items():
            if name == owner or history.landings[name][place].sha == sha:
                found[name].append((place, tag))
    return {name: sorted(places) for name, places in found.items()}


def _named(
    history: History, promotions: list[Promotion], lines: Mapping[str, list[tuple[int, str]]]
) -> list[Promotion]:
    places: dict[str, list[int]] = {name: [] for name in history.landings}
    for each in promotions:
        landing = history.landing(each.branch, each.landing)
        if landing is not None:
            places[each.branch].append(landing.place)
    named = []
    for each in promotions:
        landing = history.landing(each.branch, each.landing)
        start = -1 if landing is None else landing.place
        end = min((place for place in places[each.branch] if place > start), default=len(history.landings[each.branch]))
        tag = next((name for place, name in lines[each.branch] if start <= place < end), None)
        named.append(replace(each, version=tag))
    return named


def _by_tag(
    history: History,
    changes: Changes,
    promotions: list[Promotion],
    lines: Mapping[str, list[tuple[int, str]]],
) -> list[Promotion]:
    """Releases that are nothing but a tag on a branch where releases land."""
    taken = {(each.branch, each.landing) for each in promotions if each.version is not None}
    found = []
    for name, places in lines.items():
        landings = history.landings[name]
        before = -1
        for place, tag in places:
            landing = landings[place]
            if (name, landing.sha) not in taken and place != before:
                commits = tuple(sha for each in landings[before + 1 : place + 1] for sha in each.commits)
                found.append(
                    Promotion(
                        branch=name,
                        source=None,
                        landing=landing.sha,
                        at=landing.at,
                        kind="tag",
                        release=True,
                        version=tag,
                        commits=commits,
                        changes=tuple(change.id for change in changes.carried(commits)),
                        before=landings[before].sha if before >= 0 else None,
                    )
                )
            before = place
    return found


PROMOTIONS_SCHEMA: dict[str, str] = {
    "branch": TEXT,
    "source": TEXT,
    "landing": TEXT,
    "at": TIME,
    "kind": TEXT,
    "release": FLAG,
    "version": TEXT,
    "commits": OBJECT,
    "commit_count": INTEGER,
    "changes": OBJECT,
    "change_count": INTEGER,
    "before": TEXT,
    "inferred": OBJECT,
}
"""Columns and dtypes of `promotions_frame`."""


def promotions_frame(promotions: Iterable[Promotion]) -> pd.DataFrame:
    """The promotions as a table, with the columns of `PROMOTIONS_SCHEMA`, one row each, in the order given.

    Times are UTC; ``commits``, ``changes`` and ``inferred`` hold tuples.
    """
    rows = (
        {
            "branch": each.branch,
            "source": each.source,
            "landing": each.landing,
            "at": each.at,
            "kind": each.kind,
            "release": each.release,
            "version": each.version,
            "commits": each.commits,
            "commit_count": len(each.commits),
            "changes": each.changes,
            "change_count": len(each.changes),
            "before": each.before,
            "inferred": each.inferred,
        }
        for each in promotions
    )
    return frame(rows, PROMOTIONS_SCHEMA)


__all__ = ["PROMOTIONS_SCHEMA", "Promotion", "promotions_frame", "read_promotions"]
