"""What each release went without: a row for each, as a table."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from branchsim.audit.verdicts import NEEDS_A_PERSON, Verdict
from branchsim.formatting import day, short_id
from branchsim.history.frames import INTEGER, NUMBER, OBJECT, TEXT, TIME, frame

if TYPE_CHECKING:
    import pandas as pd

    from branchsim.audit.audit import Audit
    from branchsim.history.promotions import Promotion
    from branchsim.names import Sha

RELEASES_SCHEMA: dict[str, str] = {
    "release": TEXT,
    "branch": TEXT,
    "at": TIME,
    "changes": INTEGER,
    "not_there": INTEGER,
    "late": INTEGER,
    "overwritten": INTEGER,
    "frozen_days": NUMBER,
    "landing": TEXT,
    "without": OBJECT,
}
"""Columns and dtypes of `releases`."""

_HOURS = 24


def releases(audit: Audit) -> pd.DataFrame:
    """Which changes were missing or overwritten in which release.

    Parameters
    ----------
    audit : Audit
        The audit.

    Returns
    -------
    DataFrame
        A row for each release, ascending in time; empty where there was none. ``release`` (string): its version, else
        its date and id. ``branch`` (string), ``at`` (UTC), ``landing`` (string): where, when and with which landing.
        ``changes`` (Int64): how many it carried. ``not_there`` (Int64): changes whose retrofit was due before the
        promotion that this release carried, and that are still missed, lost or partial. ``late`` (Int64): those that
        came after it. ``overwritten`` (Int64): changes that this release took away from its branch. ``frozen_days``
        (Float64): how long the hotfixes waited for it, in freeze windows that it closed. ``without`` (tuples of
        strings): the subjects of the changes counted in ``not_there`` and ``overwritten``.
    """
    found = [each for each in audit.all_promotions if each.release]
    carried_by = _carried_by(found)
    names = names_of_releases(audit)
    due: dict[Sha, Counter[str]] = {each.landing: Counter() for each in found}
    without: dict[Sha, dict[Sha, str]] = {each.landing: {} for each in found}
    for record in audit.records:
        landing = carried_by.get(record.deadline) if record.deadline is not None else None
        if landing is None:
            continue
        if record.verdict in NEEDS_A_PERSON and record.overdue:
            due[landing]["not_there"] += 1
            without[landing][record.change] = record.subject
        elif record.verdict is Verdict.LATE:
            due[landing]["late"] += 1
    taken: dict[Sha, set[Sha]] = {each.landing: set() for each in found}
    branches = {each.landing: each.branch for each in found}
    for loss in audit.overwrite_records:
        if branches.get(loss.landing) == loss.branch:
            taken[loss.landing].add(loss.change)
            without[loss.landing][loss.change] = loss.subject
    frozen: Counter[Sha] = Counter()
    for window in audit.window_records:
        if window.closed_by is not None and branches.get(window.closed_by) == window.closed_on:
            frozen[window.closed_by] += round(window.hours * 100)
    rows = (
        {
            "release": names[each.landing],
            "branch": each.branch,
            "at": each.at,
            "changes": len(each.changes),
            "not_there": due[each.landing]["not_there"],
            "late": due[each.landing]["late"],
            "overwritten": len(taken[each.landing]),
            "frozen_days": round(frozen[each.landing] / 100 / _HOURS, 2),
            "landing": each.landing,
            "without": tuple(without[each.landing].values()),
        }
        for each in found
    )
    return frame(rows, RELEASES_SCHEMA)


def _carried_by(found: list[Promotion]) -> dict[Sha, Sha]:
    """For every commit the landing of the first release that carried it."""
    first: dict[Sha, Sha] = {}
    for each in found:
        for commit in (*each.commits, each.landing):
            first.setdefault(commit, each.landing)
    return first


def names_of_releases(audit: Audit) -> dict[Sha, str]:
    """What each release is called, by its landing: its version, else its date and id."""
    return {
        each.landing: each.version or f"{day(each.at)} {short_id(each.landing)}"
        for each in audit.all_promotions
        if each.release
    }


__all__ = ["RELEASES_SCHEMA", "names_of_releases", "releases"]
