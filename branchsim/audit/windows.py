"""Freeze windows: when preprod held promoted BUILD content that production lacked, and no hotfix could ship alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchsim.formatting import minute, plain
from branchsim.names import Sha

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchsim.history.changes import Changes
    from branchsim.history.landings import History, Landing


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Window:
    """A time in which a RUN branch was ahead of the next one by a version.

    Attributes
    ----------
    branch : str
        The branch that was blocked (preprod).
    opened_by : Sha
        The promotion that brought the version.
    opened_at : int
        When, in seconds since the epoch, UTC.
    source : str or None
        Where the version came from.
    closed_by : Sha or None
        The promotion onward that carried it; None while it is open.
    closed_at : int or None
        When that was.
    closed_on : str
        The branch it went on to (production).
    hours : float
        How long it lasted, until the end of the history if it is open.
    hotfixes : tuple of Sha
        The changes that landed on the branch inside the window, and therefore shipped with the version.
    """

    branch: str
    opened_by: Sha
    opened_at: int
    source: str | None
    closed_by: Sha | None
    closed_at: int | None
    closed_on: str
    hours: float
    hotfixes: tuple[Sha, ...]

    def __repr__(self) -> str:
        ended = "open" if self.closed_by is None else f"until {minute(self.closed_at)}"
        return plain(f"<Window on {self.branch} from {minute(self.opened_at)}, {ended}: {self.hours:.1f} hours>")

    def __str__(self) -> str:
        from branchsim.audit.text import window_text

        return window_text(self)

    def _repr_html_(self) -> str:
        from branchsim.audit.html import window_html

        return window_html(self)


def find_windows(history: History, changes: Changes) -> tuple[Window, ...]:
    """The freeze windows of a history since its ``since``, ascending in time.

    A promotion that changes the layer opens one on the branch it lands on; the first promotion onward within the layer
    that contains it closes it. Versions that overlap have a window each.
    """
    topology = history.topology
    found: list[Window] = []
    for flow in topology.promotions():
        if topology.layer_of(flow.source) == topology.layer_of(flow.target):
            continue
        onward = [
            each.target
            for each in topology.promotions()
            if each.source == flow.target and topology.layer_of(each.target) == topology.layer_of(flow.target)
        ]
        for target in onward:
            found += _of(history, changes, flow.source, flow.target, target)
    return tuple(
        sorted(found, key=lambda window: (window.opened_at, window.branch, window.closed_on, window.opened_by))
    )


def _of(history: History, changes: Changes, source: str, branch: str, onward: str) -> list[Window]:
    end = max((landings[-1].at for landings in history.landings.values() if landings), default=0)
    windows = []
    for landing in history.landings[branch]:
        if (
            landing.flow != "promote"
            or landing.source != source
            or (history.since is not None and landing.at < history.since)
        ):
            continue
        closing = _closing(history, landing, onward)
        until = closing.at if closing is not None else end
        windows.append(
            Window(
                branch=branch,
                opened_by=landing.sha,
                opened_at=landing.at,
                source=landing.source,
                closed_by=closing.sha if closing is not None else None,
                closed_at=closing.at if closing is not None else None,
                closed_on=onward,
                hours=round(max(0, until - landing.at) / 3600, 2),
                hotfixes=_inside(history, changes, landing, closing),
            )
        )
    return windows


def _closing(history: History, landing: Landing, onward: str) -> Landing | None:
    return history.arrival(onward, landing.sha)


def _inside(history: History, changes: Changes, landing: Landing, closing: Landing | None) -> tuple[Sha, ...]:
    """The changes that landed on the branch after a promotion and went onward with it."""
    found: list[Sha] = []
    later: Sequence[Landing] = history.landings[landing.branch][landing.place + 1 :]
    for other in later:
        if other.flow == "promote" and other.source == landing.source:
            continue
        if closing is not None:
            went = history.arrival(closing.branch, other.sha)
            if went is None or went.place > closing.place:
                break
        found += [change.id for change in changes.of_landing(other) if not change.merge_part]
    return tuple(found)
