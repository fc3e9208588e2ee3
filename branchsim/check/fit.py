"""Fit a team to an audited history: how often, how long, how hot, how careless."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from branchsim.audit.verdicts import Verdict
from branchsim.check.resolutions import resolutions
from branchsim.check.team import WEEK, Delay, Habits, Team
from branchsim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from branchsim.audit.audit import Audit
    from branchsim.history.changes import Change
    from branchsim.topology import Topology

_HOUR = 3600
_PLACES = 200
_ENOUGH = 3
"""So few numbers of a kind are not fitted."""
_ARRIVED = (Verdict.RETROFITTED, Verdict.LATE)
_SETTLED = (Verdict.RETROFITTED, Verdict.LATE, Verdict.MISSED, Verdict.LOST, Verdict.PARTIAL)
_HOTTEST = 4.0


@dataclass(frozen=True, slots=True)
class Fit:
    """A team, and from what each part of it was told.

    Attributes
    ----------
    team : Team
        The team.
    notes : tuple of str
        A sentence for each part: how many things it rests on, or why it is the default.
    """

    team: Team
    notes: tuple[str, ...]


def fit_team(audit: Audit) -> Fit:
    """A team like the one that made an audited history.

    Parameters
    ----------
    audit : Audit
        The audit; its repository is read once more, to see how conflicts were resolved.

    Returns
    -------
    Fit
        Rates of features and hotfixes; elapsed times from the first commit of a change to its landing; the delays of
        the retrofits that were made; the share that was never made; releases and the time a version stays before
        production; the heat of the files; how conflicts of promotions and of other merges were resolved. What cannot
        be told is as in `Team()`. The mistakes that leave no countable trace (stale copies, wrong bases, deleted
        branches) are 0.

    Raises
    ------
    InputError
        The history holds fewer than three changes, or they all landed at one time.
    GitError
        The repository cannot be read any more.
    """
    changes = [change for change in audit.all_changes.all if not change.merge_part and not change.reverts]
    times = [change.at for change in changes]
    weeks = (max(times) - min(times)) / _HOUR / WEEK if times else 0.0
    if len(changes) < _ENOUGH or weeks <= 0:
        raise InputError(
            f"{audit.repository}: {len(changes)} changes over {weeks:.1f} weeks are too few to tell how a team works; "
            "audit more of the history"
        )
    notes: list[str] = []
    run = _run_branches(audit.topology)
    fixes = [change for change in changes if change.branch in run]
    features = [change for change in changes if change.branch not in run]
    if not run or not features:
        # One branch for all: what is called a fix is one.
        fixes = [change for change in changes if "fix" in (change.family or "")]
        features = [change for change in changes if "fix" not in (change.family or "")]
    notes.append(f"rates: {len(features)} features and {len(fixes)} fixes in {weeks:.1f} weeks")
    places, heat = _heat(audit, notes)
    others, own = _habits(audit, notes)
    release, validation = _calendar(audit, notes)
    default = Team()
    delay, skipped = _retrofits(audit, notes, default.retrofit_delay)
    picked = sum(1 for each in audit.records if each.verdict in _ARRIVED and each.evidence.value == "trailer")
    arrived = sum(1 for each in audit.records if each.verdict in _ARRIVED)
    reverts = sum(1 for change in audit.all_changes.all if change.reverts and change.branch in run)
    releases = max(1, sum(1 for each in audit.all_promotions if each.release))
    rates = {
        "skip-retrofit": skipped,
        "cherry-pick-retrofit": picked / arrived if arrived else 0.0,
        "revert": min(1.0, reverts / releases),
        "force-push": min(1.0, sum(1 for each in audit.history if each.kind == "force-push") / releases),
    }
    team = default.replace(
        features_per_week=round(len(features) / weeks, 4),
        hotfixes_per_week=round(len(fixes) / weeks, 4),
        feature_hours=_elapsed("features", features, notes, default.feature_hours),
        hotfix_hours=_elapsed("fixes", fixes, notes, default.hotfix_hours),
        places=places,
        heat=heat,
        release_hours=release if release is not None else default.release_hours,
        validation_hours=validation if validation is not None else default.validation_hours,
        retrofit_delay=delay,
        mistakes={name: round(rate, 4) for name, rate in rates.items() if rate > 0},
        own=own,
        others=others,
    )
    return Fit(team, tuple(notes))


def _run_branches(topology: Topology) -> frozenset[str]:
    """The branches of the layers that releases land in, unless that is all of them."""
    layers = {topology.layer_of(name) for name in topology.last_branches()}
    found = frozenset(branch.name for branch in topology.branches if branch.layer in layers)
    return found if len(found) < len(topology.branches) else frozenset()


def _elapsed(what: str, changes: Iterable[Change], notes: list[str], default: Delay) -> Delay:
    """From the first commit of a change to its landing; what landed as it was written says nothing about a branch."""
    import numpy as np

    hours = [(change.at - change.authored_at) / _HOUR for change in changes if change.kind != "direct"]
    hours = [each for each in hours if each > 0]
    if len(hours) < _ENOUGH:
        notes.append(f"how long {what} take: the default, since {len(hours)} were seen")
        return default
    notes.append(f"how long {what} take: {len(hours)} were seen, median {float(np.median(hours)):.1f} hours")
    return _lognormal(hours)


def _lognormal(hours: Sequence[float]) -> Delay:
    import numpy as np

    logs = np.log(np.maximum(hours, 1 / 60))
    return Delay.lognormal(round(float(np.exp(logs.mean())), 4), round(float(logs.std(ddof=1)), 4))


def _retrofits(audit: Audit, notes: list[str], default: Delay) -> tuple[Delay, float]:
    """The delays of the retrofits that were made, and the share that never was."""
    settled = [record for record in audit.records if record.verdict in _SETTLED]
    hours = [
        max(0.0, (record.arrived_at - record.landed_at) / _HOUR)
        for record in settled
        if record.verdict in _ARRIVED and record.arrived_at is not None
    ]
    # What is missing counts only once a promotion has passed it: until then it may still come.
    skipped = [record for record in settled if record.verdict is Verdict.MISSED and record.overdue]
    judged = len(hours) + len(skipped)
    share = len(skipped) / judged if judged else 0.0
    if not hours:
        notes.append(f"delay of retrofits: the default, since none arrived; {len(skipped)} never did")
        return default, share
    notes.append(f"delay of retrofits: {len(hours)} arrived, {len(skipped)} were missed")
    # The delays say when they came, late ones too: a rate of late retrofits on top would count them twice.
    return Delay.observed(round(each, 4) for each in hours), share


def _calendar(audit: Audit, notes: list[str]) -> tuple[float | None, float | None]:
    """The hours from one release to the next, and those in which a version waits before production."""
    import numpy as np

    run = _run_branches(audit.topology)
    # A release is a version: what hotfixes alone bring to production is none, as far as that can be told.
    candidates = (
        {window.closed_at for window in audit.window_records if window.closed_at is not None},
        {each.at for each in audit.all_promotions if each.release and each.source not in run},
        {each.at for each in audit.all_promotions if each.release},
    )
    times = sorted(next((found for found in candidates if len(found) > 1), ()))
    gaps = [(after - before) / _HOUR for before, after in pairwise(times) if after > before]
    release = None
    if gaps:
        release = round(max(1.0, float(np.median(gaps))), 4)
        notes.append(f"releases: {len(times)}, every {release:.0f} hours")
    else:
        notes.append("releases: the default, since fewer than two were seen")
    closed = [window.hours for window in audit.window_records if window.closed_at is not None]
    if not closed:
        notes.append("time before production: the default, since no freeze window was seen")
        return release, None
    validation = round(float(np.median(closed)), 4)
    notes.append(f"time before production: {len(closed)} freeze windows, median {validation:.0f} hours")
    return release, validation


def _heat(audit: Audit, notes: list[str]) -> tuple[int, float]:
    """How many files are worked on, and the exponent of Zipf's law by which, of greatest likelihood."""
    import numpy as np

    touched: Counter[bytes] = Counter()
    for commit in audit.history.graph.commits:
        if not commit.is_merge:
            touched.update({change.path for change in commit.changes})
    counts = np.array(sorted(touched.values(), reverse=True)[:_PLACES], dtype=float)
    if len(counts) < _ENOUGH or counts[0] == counts[-1]:
        notes.append(f"heat of files: {len(counts)} files, all alike")
        return max(1, len(counts)), 0.0
    from scipy.optimize import minimize_scalar

    ranks = np.log(np.arange(1, len(counts) + 1, dtype=float))
    total = counts.sum()

    def unlikely(exponent: float) -> float:
        return float(exponent * (counts * ranks).sum() + total * np.log(np.exp(-exponent * ranks).sum()))

    best = minimize_scalar(unlikely, bounds=(0.0, _HOTTEST), method="bounded")
    notes.append(f"heat of files: {len(touched)} files in {int(total)} edits; the {len(counts)} hottest are the places")
    return len(counts), round(float(best.x), 4)


def _habits(audit: Audit, notes: list[str]) -> tuple[Habits, Habits]:
    """How the conflicts of promotions, and of all other merges, were resolved, place by place."""
    from branchsim.git.repository import Repository

    merges = [
        (landing, commit)
        for landing in audit.history
        if len((commit := audit.history.commit(landing.sha)).parents) == 2  # noqa: PLR2004  two parents
    ]
    default = Team()
    promoted: Counter[str] = Counter()
    landed: Counter[str] = Counter()
    with Repository(audit.repository) as repository:
        resolved = resolutions(repository.scratch, [commit for _, commit in merges])
        for (landing, _), counts in zip(merges, resolved, strict=True):
            (promoted if landing.flow == "promote" else landed).update(counts)
    told = []
    for what, counts, fallback in (("promotions", promoted, default.others), ("other merges", landed, default.own)):
        total = sum(counts.values())
        if total < _ENOUGH:
            notes.append(f"conflicts of {what}: the default, since {total} places conflicted")
            told.append(fallback)
            continue
        kept = f"{counts['ours']} resolved to ours, {counts['theirs']} to theirs"
        notes.append(f"conflicts of {what}: {total} places, {kept}")
        ours, theirs = round(counts["ours"] / total, 4), round(counts["theirs"] / total, 4)
        told.append(Habits(both=round(1 - ours - theirs, 4), ours=ours, theirs=theirs))
    return told[0], told[1]


__all__ = ["Fit", "fit_team"]
