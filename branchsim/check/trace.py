"""Traces: what happened, step by step, with names a person reads, and down to what git is told.

The model speaks of numbers. A trace gives every branch and change the name it would have (``hotfix/1``, ``fix-1``), and
every commit a label, so that it can be told as a story, written as a shell script, and done again with real git.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from branchsim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from branchsim.check.model import Model, Move, State
    from branchsim.check.store import Change, Resolution

PATH = "regions.txt"
"""The one file of a replayed trace."""

_PADDING = 6

Regions = tuple[tuple[str, ...], ...]
"""For each region the names of the changes in it."""

Choices = tuple[tuple[int, str], ...]
"""The regions in conflict, counted from 1, each with how it was resolved: both, ours or theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a trace, by names. Its ``repr`` is valid Python; its ``str`` is a sentence.

    Attributes
    ----------
    operation : str
        The operation, from `OPERATIONS`.
    branch : str
        The branch that is made, moved, deleted or tagged.
    source : str or None
        Where it starts, or what lands on it.
    method : str or None
        How it lands: merge, squash, rebase or cherry-pick. A merge with nothing to merge is a fast-forward.
    change : str or None
        The change that is made or reverted.
    region : int or None
        The region a new change is in, counted from 1.
    resolutions : tuple
        For each commit that conflicted, counted from 1, its regions and how they were resolved.
    back : int
        How many first parents back the older version lies, for a stale copy or a branch moved back.
    """

    operation: str
    branch: str
    source: str | None = None
    method: str | None = None
    change: str | None = None
    region: int | None = None
    resolutions: tuple[tuple[int, Choices], ...] = ()
    back: int = 0

    def __str__(self) -> str:
        text = self._sentence()
        if self.resolutions:
            ways = {
                f"region {region} {_RESOLVED[choice]}" for _, choices in self.resolutions for region, choice in choices
            }
            text += f"; it conflicts, and the conflict is resolved: {', '.join(sorted(ways))}"
        return text

    def _sentence(self) -> str:  # noqa: PLR0911  a sentence for each operation
        if self.operation == "start":
            return f"{self.branch} starts from {self.source} with {self.change} in region {self.region}"
        if self.operation == "commit" and self.back:
            return (
                f"{self.change} is committed to {self.branch} in region {self.region}, from a copy that is "
                f"{self.back} {'step' if self.back == 1 else 'steps'} old: what came since is gone"
            )
        if self.operation == "commit":
            return f"{self.change} is committed to {self.branch} in region {self.region}"
        if self.operation == "revert":
            return f"{self.change} is reverted on {self.branch}"
        if self.operation == "force-push":
            return f"{self.branch} is moved back by {self.back} {'step' if self.back == 1 else 'steps'} by force"
        if self.operation == "delete":
            return f"{self.branch} is deleted"
        if self.operation == "tag":
            return f"{self.branch} is tagged"
        verb = {"merge": "merged", "squash": "squashed", "rebase": "rebased", "cherry-pick": "cherry-picked"}
        tail = {"promote": " (promotion)", "retrofit": " (retrofit)", "merge-back": " (merge back)"}
        return f"{self.source} is {verb[self.method or 'merge']} into {self.branch}{tail.get(self.operation, '')}"

    def __repr__(self) -> str:
        shown = [f"operation={self.operation!r}", f"branch={self.branch!r}"]
        for name in ("source", "method", "change", "region", "resolutions", "back"):
            value = getattr(self, name)
            if value not in (None, (), 0):
                shown.append(f"{name}={value!r}")
        return f"Step({', '.join(shown)})"


_RESOLVED = {
    "both": "by keeping both sides",
    "ours": "to the side of the branch it lands on",
    "theirs": "to the side of what lands",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing git is told, and what must come of it.

    Attributes
    ----------
    kind : str
        ``branch`` (make one), ``commit``, ``fast-forward``, ``merge``, ``squash``, ``pick``, ``revert``, ``move``,
        ``tag`` or ``delete``.
    branch : str
        The branch, or the tag's name.
    step : int
        The step it belongs to, counted from 0.
    source : str
        The branch that is merged or that a branch is made from.
    commit : str
        The label of the commit that is picked or reverted, or that a branch is moved to.
    label : str
        The label of the commit that the branch then stands at.
    regions : tuple of tuple of str
        What that commit holds.
    conflicts : tuple of int
        The regions that conflict, counted from 1.
    message : str
        The commit's message.
    """

    kind: Literal["branch", "commit", "fast-forward", "merge", "squash", "pick", "revert", "move", "tag", "delete"]
    branch: str
    step: int
    source: str = ""
    commit: str = ""
    label: str = ""
    regions: Regions = ()
    conflicts: tuple[int, ...] = ()
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A history: steps by name, and the same as actions of git.

    Attributes
    ----------
    branches : tuple of str
        The long-lived branches.
    regions : int
        How many regions the file has.
    steps : tuple of Step
        What people do.
    actions : tuple of Action
        What git is told, in order.
    changes : tuple of str
        All changes in the order in which they are made.
    root : str
        The label of the first commit.
    times : mapping of str to int
        When a commit was made, in seconds since the epoch, by its label; without it an hour after the one before.
    """

    branches: tuple[str, ...]
    regions: int
    steps: tuple[Step, ...]
    actions: tuple[Action, ...] = field(repr=False)
    changes: tuple[str, ...]
    root: str = "c0"
    times: Mapping[str, int] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def conflicts(self) -> int:
        """How many landings conflict."""
        return sum(1 for action in self.actions if action.conflicts)

    def text(self, regions: Regions) -> str:
        """The file for what a commit holds.

        Every region is a block of lines, one for each change in it, below a line that is another one for every set of
        changes. That line makes git see what the model sees: two different edits of one region always conflict.
        """
        lines = []
        for number, held in enumerate(regions or ((),) * self.regions, start=1):
            seal = "".join("+" if change in held else "-" for change in self.changes)
            lines += [f"[region {number}]", ":" * number + (f" {seal}" if seal else "")]
            lines += [effect(change) for change in sorted(held, key=self.changes.index)]
            lines += [f"[end of region {number}]"]
            lines += [f"Padding {line} after region {number}" for line in range(1, _PADDING + 1)]
        return "\n".join(lines) + "\n"

    def holdings(self) -> list[dict[str, tuple[str, ...]]]:
        """For each step the changes whose effect is on each long-lived branch after it."""
        holds: dict[str, tuple[str, ...]] = dict.fromkeys(self.branches, ())
        after = []
        for number in range(len(self.steps)):
            for action in self.actions:
                if action.step == number and action.branch in holds and action.kind != "tag":
                    held = (change for region in action.regions for change in region)
                    holds[action.branch] = tuple(sorted(held, key=self.changes.index))
            after.append(dict(holds))
        return after

    def story(self) -> list[str]:
        """The steps as numbered sentences."""
        return [f"{number}. {step}." for number, step in enumerate(self.steps, start=1)]


def effect(change: str) -> str:
    """The line that shows in the file that a change is there; no two are alike, as those of real changes are not."""
    digest = hashlib.sha256(change.encode()).hexdigest()
    return f"{change} is here: {digest[:8]} {digest[8:16]}"


def changed_by(line: str) -> str | None:
    """The change whose effect a line is; None for every other line."""
    change = line.partition(" is here: ")[0]
    return change if line == effect(change) else None


class _Namer:
    """Gives names while it walks along a path of the model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.store = model.store
        self.names: dict[tuple[int, int], str] = {}
        self.counts: dict[str, int] = {}
        self.changes: dict[Change, str] = {}
        self.kinds: dict[str, int] = {}
        self.labels: dict[int, str] = {model.store.root: "c0"}
        self.messages: dict[int, str] = {}
        self.steps: list[Step] = []
        self.actions: list[Action] = []
        self.tags = 0

    # -- names ----------------------------------------------------------------------------------------------------

    def fresh(self, pattern: str) -> str:
        """The next name for a family."""
        number = self.counts[pattern] = self.counts.get(pattern, 0) + 1
        return pattern.replace("*", str(number)) if "*" in pattern else f"{pattern}-{number}"

    def named(self, change: Change) -> str:
        """The name of a change; the first time it is asked for, the next one of its kind."""
        if change not in self.changes:
            number = self.kinds[change.kind] = self.kinds.get(change.kind, 0) + 1
            self.changes[change] = f"{change.kind}-{number}"
        return self.changes[change]

    def holds(self, commit: int) -> Regions:
        """What a commit holds, by names."""
        return tuple(
            tuple(sorted(self.changes[change] for change in self.store.region(commit, region)))
            for region in range(self.store.regions)
        )

    # -- walking --------------------------------------------------------------------------------------------------

    def step(self, state: State, move: Move) -> Step:  # noqa: PLR0911  a form for each operation
        """The step a move is, without taking note of it."""
        branches = self.model.branches
        work = self.names.get((move.work, move.old), "?") if move.work >= 0 else ""
        if move.operation == "start":
            assert move.change is not None  # noqa: S101  a start makes a change
            return Step(
                operation="start",
                branch=self._next(self.model.families[move.work].pattern),
                source=branches[move.source],
                change=self._next_change(move.change),
                region=move.change.region + 1,
            )
        if move.operation == "commit":
            assert move.change is not None  # noqa: S101
            return Step(
                operation="commit",
                branch=work if move.moved < 0 else branches[move.moved],
                change=self._next_change(move.change),
                region=move.change.region + 1,
                back=move.back,
            )
        if move.operation == "delete":
            return Step(operation="delete", branch=work)
        if move.operation == "tag":
            return Step(operation="tag", branch=branches[move.source])
        if move.operation == "force-push":
            return Step(operation="force-push", branch=branches[move.moved], back=move.back)
        if move.operation == "revert":
            assert move.change is not None  # noqa: S101
            return Step(
                operation="revert",
                branch=branches[move.moved],
                change=self.named(move.change),
                resolutions=self._resolutions([move.resolution]),
            )
        parts = [move.resolution]
        if move.method in {"rebase", "cherry-pick"}:
            parts = [part.resolution for part in self.store.picked[state[move.moved], move.old, move.new]]
        return Step(
            operation=move.operation,
            branch=branches[move.moved],
            source=work or branches[move.source],
            method=move.method,
            resolutions=self._resolutions(parts),
        )

    def take(self, state: State, move: Move) -> None:
        """Take note of a move."""
        step = self.step(state, move)
        self.steps.append(step)
        operation = move.operation
        if operation == "start":
            assert move.change is not None  # noqa: S101
            name = self.names[move.work, move.new] = self.fresh(self.model.families[move.work].pattern)
            self.named(move.change)
            self._do("branch", name, source=step.source or "", tip=state[move.source])
            self._do("commit", name, tip=move.new, message=f"Add {step.change}")
        elif operation == "commit" and move.moved < 0:
            assert move.change is not None  # noqa: S101
            name = self.names[move.work, move.new] = self.names.pop((move.work, move.old))
            self.named(move.change)
            self._do("commit", name, tip=move.new, message=f"Add {step.change}")
        elif operation == "commit":
            assert move.change is not None  # noqa: S101
            self.named(move.change)
            self._do("commit", step.branch, tip=move.new, message=f"Add {step.change} from an old copy")
        elif operation == "delete":
            self._do("delete", self.names.pop((move.work, move.old)))
        elif operation == "tag":
            self.tags += 1
            self._do("tag", f"v{self.tags}", source=step.branch, tip=move.old)
        elif operation == "force-push":
            self._do("move", step.branch, commit=self.labels[move.new], tip=move.new)
        elif operation == "revert":
            message = f'Revert "Add {step.change}"\n\nThis reverts commit {{{self.labels[move.old]}}}.'
            self._do(
                "revert",
                step.branch,
                commit=self.labels[move.old],
                tip=move.new,
                how=move.resolution,
                message=message,
            )
        else:
            self._land(state, move, step)

    def _land(self, state: State, move: Move, step: Step) -> None:
        source = step.source or ""
        if move.method in {"rebase", "cherry-pick"}:
            for part in self.store.picked[state[move.moved], move.old, move.new]:
                message = self.messages.get(part.commit, f"Apply {self.labels[part.commit]}")
                if move.method == "cherry-pick":
                    message = f"{message}\n\n(cherry picked from commit {{{self.labels[part.commit]}}})"
                self._do(
                    "pick",
                    step.branch,
                    commit=self.labels[part.commit],
                    tip=part.copy,
                    how=part.resolution,
                    message=message,
                )
        elif move.method == "squash":
            message = f"{source} (#{len(self.steps)})"
            self._do("squash", step.branch, source=source, tip=move.new, how=move.resolution, message=message)
        elif move.new == move.old:
            self._do("fast-forward", step.branch, source=source, tip=move.new)
        else:
            message = f"Merge branch '{source}' into {step.branch}"
            self._do("merge", step.branch, source=source, tip=move.new, how=move.resolution, message=message)

    def _do(
        self,
        kind: Literal["branch", "commit", "fast-forward", "merge", "squash", "pick", "revert", "move", "tag", "delete"],
        branch: str,
        *,
        source: str = "",
        commit: str = "",
        tip: int | None = None,
        how: Resolution | None = None,
        message: str = "",
    ) -> None:
        label = ""
        regions: Regions = ()
        if tip is not None:
            # The same commit made twice (after a branch was moved back) is the same commit: one label, one message.
            label = self.labels.setdefault(tip, f"c{len(self.labels)}")
            message = self.messages.setdefault(tip, message) if message else ""
            regions = self.holds(tip)
        self.actions.append(
            Action(
                kind=kind,
                branch=branch,
                step=len(self.steps) - 1,
                source=source,
                commit=commit,
                label=label,
                regions=regions,
                conflicts=tuple(region for region, _ in _choices(how)),
                message=message,
            )
        )

    def _next(self, pattern: str) -> str:
        number = self.counts.get(pattern, 0) + 1
        return pattern.replace("*", str(number)) if "*" in pattern else f"{pattern}-{number}"

    def _next_change(self, change: Change) -> str:
        return self.changes.get(change) or f"{change.kind}-{self.kinds.get(change.kind, 0) + 1}"

    def _resolutions(self, parts: Iterable[Resolution | None]) -> tuple[tuple[int, Choices], ...]:
        return tuple((number, _choices(how)) for number, how in enumerate(parts, start=1) if how is not None)

    def trace(self) -> Trace:
        """The trace so far."""
        return Trace(
            branches=self.model.branches,
            regions=self.store.regions,
            steps=tuple(self.steps),
            actions=tuple(self.actions),
            changes=tuple(self.changes.values()),
        )


def _choices(how: Resolution | None) -> Choices:
    if how is None:
        return ()
    return tuple((region, choice) for region, choice in enumerate(how, start=1) if choice is not None)


def name_changes(model: Model, path: Sequence[tuple[State, Move]], text: str) -> str:
    """A text in which the ``repr`` of every change that a path made is replaced by its name."""
    namer = _Namer(model)
    for state, move in path:
        namer.take(state, move)
    for change, name in namer.changes.items():
        text = text.replace(repr(change), name)
    return text


def name_trace(model: Model, path: Sequence[tuple[State, Move]]) -> Trace:
    """Name a path of the model.

    Parameters
    ----------
    model : Model
        The model.
    path : sequence of (State, Move)
        The moves, each with the state it starts from; the first starts from ``model.start``.
    """
    namer = _Namer(model)
    for state, move in path:
        namer.take(state, move)
    return namer.trace()


class RefusedError(InputError):
    """A step is not possible where it stands: the strategy, its guards or the bounds do not allow it.

    Attributes
    ----------
    number : int
        Which step, counted from 1.
    step : Step
        The step.
    """

    def __init__(self, number: int, step: Step, instead: Sequence[Step]) -> None:
        others = "; ".join(str(other) for other in instead) or "nothing"
        super().__init__(f"step {number} is not possible here: {step}. What is possible: {others}")
        self.number = number
        self.step = step


def follow(model: Model, steps: Iterable[Step]) -> list[tuple[State, Move]]:
    """The path of the model that steps given by name take.

    Raises
    ------
    RefusedError
        A step is not possible: a guard forbids it, or it was never a move of this strategy.
    """
    namer = _Namer(model)
    state = model.start
    path: list[tuple[State, Move]] = []
    for number, step in enumerate(steps, start=1):
        options = [(namer.step(state, move), after, move) for after, move in model.moves(state)]
        found = next(((after, move) for option, after, move in options if option == step), None)
        if found is None:
            raise RefusedError(number, step, [option for option, _, _ in options])
        namer.take(state, found[1])
        path.append((state, found[1]))
        state = found[0]
    return path
