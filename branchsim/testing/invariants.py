"""What should hold in a real repository, as assertions for any test suite: no Hypothesis, no fixture needed.

Each reads the repository once, writes nothing, and raises `AssertionError` with a line for every finding: which change,
where, since when, why, and the git command that shows it.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from branchsim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from branchsim.audit.audit import Audit
    from branchsim.audit.leaks import Leak
    from branchsim.audit.overwrites import Overwrite
    from branchsim.audit.verdicts import Obligation
    from branchsim.git.repository import Repository
    from branchsim.topology import Topology

_SHOWN = 10


def assert_no_lost_fix(
    repo: str | os.PathLike[str] | Repository,
    topology: Topology | str | os.PathLike[str] | None = None,
    *,
    since: str | int | None = None,
    until: str | int | None = None,
    branches: Iterable[str] | None = None,
    rank: float = 0.0,
) -> None:
    """No change that had come to a branch has been overwritten there, or arrived without its effect.

    Parameters
    ----------
    repo : path-like or Repository
        The repository; it is only read.
    topology : Topology or path-like, optional
        What the branches are for; the repository's own file or a guess by default.
    since, until : str or int, optional
        Only what landed since then, and the state as of then: a date, a revision, or seconds since the epoch.
    branches : iterable of str, optional
        Only losses on these branches; all by default.
    rank : float
        Only overwrites that deserve at least so much attention, from 0 to 1.

    Raises
    ------
    AssertionError
        There is an open overwrite, or an obligation that was lost.
    BranchsimError
        The question could not be answered: no repository, no such branch, git failed.
    """
    found = _audit(repo, topology, since=since, until=until, checks=("obligations", "overwrites"))
    wanted = _branches(found, branches)
    lines = [
        (lost.landed_at, _overwrite(lost))
        for lost in found.overwrite_records
        if lost.state == "open" and lost.branch in wanted and lost.rank >= rank
    ]
    lines += [
        (each.landed_at, _obligation(each))
        for each in found.records
        if each.verdict == "lost" and each.owed_to in wanted
    ]
    _complain("lost", lines, found)


def assert_no_leak(
    repo: str | os.PathLike[str] | Repository,
    topology: Topology | str | os.PathLike[str] | None = None,
    *,
    since: str | int | None = None,
    until: str | int | None = None,
    branches: Iterable[str] | None = None,
) -> None:
    """Nothing has come to a branch without passing the flows that it had to pass.

    For the parameters see `assert_no_lost_fix`.

    Raises
    ------
    AssertionError
        Something leaked.
    BranchsimError
        The question could not be answered.
    """
    found = _audit(repo, topology, since=since, until=until, checks=("leaks",))
    wanted = _branches(found, branches)
    lines = [
        (
            each.landed_at,
            "\n    ".join((_leak(each), each.check)),
        )
        for each in found.leak_records
        if each.branch in wanted
    ]
    _complain("leaked", lines, found)


def assert_obligations_met(
    repo: str | os.PathLike[str] | Repository,
    topology: Topology | str | os.PathLike[str] | None = None,
    *,
    since: str | int | None = None,
    until: str | int | None = None,
    branches: Iterable[str] | None = None,
    overdue: bool = False,
    confidence: float = 0.0,
) -> None:
    """Every change has reached every branch it was owed to.

    Parameters
    ----------
    repo, topology, since, until
        See `assert_no_lost_fix`.
    branches : iterable of str, optional
        Only what is owed to these; all by default.
    overdue : bool
        Only what should have arrived by now, because a promotion has passed that was its deadline.
    confidence : float
        Only verdicts that are at least so sure, from 0 to 1.

    Raises
    ------
    AssertionError
        Something is missing, lost or there only in part.
    BranchsimError
        The question could not be answered.
    """
    found = _audit(repo, topology, since=since, until=until, checks=("obligations",))
    wanted = _branches(found, branches)
    lines = [
        (each.landed_at, _obligation(each))
        for each in found.open_records
        if each.owed_to in wanted and each.confidence >= confidence and (each.overdue or not overdue)
    ]
    _complain("owed", lines, found)


def _audit(
    repo: str | os.PathLike[str] | Repository,
    topology: Topology | str | os.PathLike[str] | None,
    *,
    since: str | int | None,
    until: str | int | None,
    checks: Sequence[str],
) -> Audit:
    from branchsim.audit.audit import audit

    return audit(repo, topology, since=since, until=until, checks=checks)


def _branches(found: Audit, given: Iterable[str] | None) -> frozenset[str]:
    known = [branch.name for branch in found.topology.branches]
    if given is None:
        return frozenset(known)
    wanted = (given,) if isinstance(given, str) else tuple(given)
    for name in wanted:
        if name not in known:
            from branchsim.errors import nearest

            raise InputError(f"the topology has no branch {name!r}{nearest(name, known)}; it has {', '.join(known)}")
    return frozenset(wanted)


def _leak(each: Leak) -> str:
    return f"{each.branch}, since {_day(each.landed_at)}, landing {each.landing[:12]}: {each.reason}"


def _overwrite(lost: Overwrite) -> str:
    units = "; ".join(map(repr, lost.marked[:3]))
    more = f" and {len(lost.units) - 3} more" if len(lost.units) > 3 else ""  # noqa: PLR2004  as many as are shown
    return (
        f"{lost.change[:12]} ({lost.subject}) is not in {lost.path} of {lost.branch} since {_day(lost.landed_at)}, "
        f"landing {lost.landing[:12]}, {lost.cause}: {lost.reason}\n    lost: {units}{more}\n    {lost.check}"
    )


def _obligation(each: Obligation) -> str:
    late = ", overdue" if each.overdue else ""
    return (
        f"{each.change[:12]} ({each.subject}) landed on {each.landed_on} on {_day(each.landed_at)} and is "
        f"{each.verdict} on {each.owed_to}{late}: {each.reason}\n    {each.check}"
    )


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _complain(what: str, lines: list[tuple[int, str]], found: Audit) -> None:
    if not lines:
        return
    ordered = [line for _, line in sorted(lines)]
    noun = "change is" if len(ordered) == 1 else "changes are"
    more = [f"- and {len(ordered) - _SHOWN} more"] if len(ordered) > _SHOWN else []
    shown = [f"- {line}" for line in ordered[:_SHOWN]]
    raise AssertionError(
        "\n".join([f"{len(ordered)} {noun} {what} in {found.repository} ({found.topology.name}):", *shown, *more])
    )


__all__ = ["assert_no_leak", "assert_no_lost_fix", "assert_obligations_met"]
