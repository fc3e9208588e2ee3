"""The recorder of a run: what happened, as a trace that can be told, drawn, and done again with real git."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from branchsim.check.trace import Action, Choices, Step, Trace

if TYPE_CHECKING:
    from branchsim.check.store import Change, Landed, Resolution, Store
    from branchsim.check.trace import Regions

START = 1_700_000_000
_HOUR = 3600
_MINUTE = 60

_Kind = Literal["branch", "commit", "fast-forward", "merge", "squash", "pick", "revert", "move", "tag", "delete"]


class Recorder:
    """Takes down what a run does to a store.

    Parameters
    ----------
    branches : tuple of str
        The long-lived branches.
    store : Store
        The store.
    """

    def __init__(self, branches: tuple[str, ...], store: Store) -> None:
        self._branches = branches
        self._store = store
        self._labels = {store.root: "c0"}
        self._messages: dict[int, str] = {}
        self._times: dict[str, int] = {"c0": START}
        self._steps: list[Step] = []
        self._actions: list[Action] = []
        self._clock = START
        self._names: dict[Change, str] = {}
        self._kinds: dict[str, int] = {}

    def start(self, hour: float, name: str, source: str, base: int, tip: int, change: Change) -> None:
        """A short-lived branch with its first change."""
        text = self._named(change)
        self._steps.append(Step(operation="start", branch=name, source=source, change=text, region=change.region + 1))
        self._do(hour, "branch", name, source=source, tip=base)
        self._do(hour, "commit", name, tip=tip, message=f"Add {text}")

    def stale(self, hour: float, branch: str, tip: int, change: Change) -> None:
        """A commit of an old copy."""
        text = self._named(change)
        self._steps.append(Step(operation="commit", branch=branch, change=text, region=change.region + 1, back=1))
        self._do(hour, "commit", branch, tip=tip, message=f"Add {text} from an old copy")

    def land(
        self,
        hour: float,
        operation: str,
        branch: str,
        source: str,
        method: str,
        *,
        before: int,
        source_tip: int,
        end: Landed,
    ) -> None:
        """A landing."""
        picked = self._store.picked[before, source_tip, end.tip] if method in {"rebase", "cherry-pick"} else ()
        parts = [part.resolution for part in picked] or [end.resolution]
        resolutions = tuple((number, _choices(how)) for number, how in enumerate(parts, start=1) if how is not None)
        self._steps.append(
            Step(operation=operation, branch=branch, source=source, method=method, resolutions=resolutions)
        )
        if picked:
            for part in picked:
                message = self._messages.get(part.commit, f"Apply {self._labels[part.commit]}")
                if method == "cherry-pick":
                    message = f"{message}\n\n(cherry picked from commit {{{self._labels[part.commit]}}})"
                self._do(
                    hour,
                    "pick",
                    branch,
                    commit=self._labels[part.commit],
                    tip=part.copy,
                    how=part.resolution,
                    message=message,
                )
        elif method == "squash":
            message = f"{source} (#{len(self._steps)})"
            self._do(hour, "squash", branch, source=source, tip=end.tip, how=end.resolution, message=message)
        elif end.tip == source_tip:
            self._do(hour, "fast-forward", branch, source=source, tip=end.tip)
        else:
            message = f"Merge branch '{source}' into {branch}"
            self._do(hour, "merge", branch, source=source, tip=end.tip, how=end.resolution, message=message)

    def revert(self, hour: float, branch: str, commit: int, end: Landed, change: Change) -> None:
        """A revert."""
        text, label = self._named(change), self._labels[commit]
        how = () if end.resolution is None else ((1, _choices(end.resolution)),)
        self._steps.append(Step(operation="revert", branch=branch, change=text, resolutions=how))
        message = f'Revert "Add {text}"\n\nThis reverts commit {{{label}}}.'
        self._do(hour, "revert", branch, commit=label, tip=end.tip, how=end.resolution, message=message)

    def move(self, hour: float, branch: str, tip: int) -> None:
        """A branch moved back by force."""
        self._steps.append(Step(operation="force-push", branch=branch, back=1))
        self._do(hour, "move", branch, commit=self._labels[tip], tip=tip)

    def trace(self) -> Trace:
        """What was taken down."""
        return Trace(
            branches=self._branches,
            regions=self._store.regions,
            steps=tuple(self._steps),
            actions=tuple(self._actions),
            changes=tuple(self._names.values()),
            times=dict(self._times),
        )

    # -- inner ----------------------------------------------------------------------------------------------------

    def _named(self, change: Change) -> str:
        if change not in self._names:
            number = self._kinds[change.kind] = self._kinds.get(change.kind, 0) + 1
            self._names[change] = f"{change.kind}-{number}"
        return self._names[change]

    def _do(
        self,
        hour: float,
        kind: _Kind,
        branch: str,
        *,
        source: str = "",
        commit: str = "",
        tip: int,
        how: Resolution | None = None,
        message: str = "",
    ) -> None:
        # No two things at the same time, so that the order of a history is that of its times.
        self._clock = max(self._clock + _MINUTE, START + int(hour * _HOUR))
        label = self._labels.setdefault(tip, f"c{len(self._labels)}")
        self._times.setdefault(label, self._clock)
        self._actions.append(
            Action(
                kind=kind,
                branch=branch,
                step=len(self._steps) - 1,
                source=source,
                commit=commit,
                label=label,
                regions=self._holds(tip),
                conflicts=tuple(region for region, _ in _choices(how)) if how is not None else (),
                message=self._messages.setdefault(tip, message) if message else "",
            )
        )

    def _holds(self, tip: int) -> Regions:
        return tuple(
            tuple(sorted(self._names[change] for change in self._store.region(tip, region)))
            for region in range(self._store.regions)
        )


def _choices(how: Resolution) -> Choices:
    return tuple((region, choice) for region, choice in enumerate(how, start=1) if choice is not None)


__all__ = ["START", "Recorder"]
