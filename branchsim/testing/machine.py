"""A Hypothesis state machine that does with real git whatever a branch strategy allows; made to be subclassed."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from hypothesis import event, note
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from branchsim.check.strategy import Strategy
from branchsim.testing.playbook import Playbook
from branchsim.testing.promises import PROMISES, check_promises
from branchsim.testing.twin import TwinRepo
from branchsim.testing.workbenches import borrow, give_back

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from branchsim.check.rules import WorkFamily
    from branchsim.testing.playbook import Landing, Work
    from branchsim.testing.reference import Choice

_TURNS = {
    "land_work": "pull-request",
    "start_work": "start",
    "promote": "promote",
    "retrofit_work": "retrofit",
    "merge_back": "merge-back",
    "commit_work": "commit",
    "tag_release": "tag",
    "revert_change": "revert",
    "push_back": "force-push",
    "commit_stale": "stale-commit",
    "delete_work": "delete",
}
"""What a team does, and which operation or mistake it is; Hypothesis makes failures smaller towards the first."""
_TURN = st.integers(0, 59)

_HARMLESS: tuple[Choice, ...] = ("both",)
_ANY: tuple[Choice, ...] = ("both", "ours", "theirs")


class Turn(NamedTuple):
    """How a thing is done: in which place, how a conflict is resolved, and whether a merge may be a fast-forward."""

    place: int
    resolve: Choice
    straight: bool


class BranchStrategyMachine(RuleBasedStateMachine):
    """A team at work under a branch strategy, with real git on a scratch repository and a plain model beside it.

    Subclass it, set `strategy`, add rules and invariants of your own, and let pytest run its ``TestCase``. Git and the
    model are compared after every step. Where an example fails, the story, a test to paste and the path of a shell
    script are printed.

    Attributes
    ----------
    strategy : Strategy
        The strategy; its guards are enforced.
    mistakes : tuple of str
        The mistakes people make, from `branchsim.check.MISTAKES`; none by default.
    promises : tuple of str
        What is checked after every step: ``no-lost-fix``, ``no-lost-feature``, ``owed-before-promotion``,
        ``passed-validation``.
    places, files : int
        How many places can be edited, and over how many files they are spread. Fewer places, more conflicts.
    at_once : int
        How many short-lived branches there are at one time.
    scripts : path-like
        The directory for shell scripts of failures.
    twin : TwinRepo
        The repository and its model; what a rule does, it does with this.
    book : Playbook
        What may be done next.

    Examples
    --------
    >>> class Gitflow(BranchStrategyMachine):
    ...     strategy = Strategy.gitflow()
    ...
    ...     @invariant()
    ...     def main_is_tagged_or_empty(self):
    ...         assert self.twin.content("main") >= set()
    >>> TestGitflow = Gitflow.TestCase
    """

    strategy: ClassVar[Strategy] = Strategy.build_run()
    mistakes: ClassVar[Sequence[str]] = ()
    promises: ClassVar[Sequence[str]] = ("no-lost-fix",)
    places: ClassVar[int] = 3
    files: ClassVar[int] = 2
    at_once: ClassVar[int] = 4
    scripts: ClassVar[str | os.PathLike[str]] = ".branchsim"

    def __init__(self) -> None:
        super().__init__()
        check_promises(self.promises)
        self._bench = borrow()
        topology = self.strategy.topology
        self.twin = TwinRepo(
            {branch.name: branch.layer for branch in topology.branches},
            places=self.places,
            files=self.files,
            bench=self._bench,
        )
        self.book = Playbook(self.strategy, self.mistakes, self.twin)
        self._retrofitted: dict[tuple[str, str], int] = {}
        happens = {*self.book.model.uses, *self.book.mistakes}
        self._turns = tuple(name for name, operation in _TURNS.items() if operation in happens)
        self._choices = _ANY if "one-sided-resolution" in self.book.mistakes else _HARMLESS

    # -- to override ----------------------------------------------------------------------------------------------

    def happened(self, what: str) -> None:
        """Take note of a rare path: an event of Hypothesis, shown by ``--hypothesis-show-statistics``."""
        event(what)

    # -- what the team does -----------------------------------------------------------------------------------------

    # One rule and not one for each thing that can be done: Hypothesis leaves rules out by chance, and no history begins
    # without the first. And always as many numbers, whatever is done with them, and nothing done where all three are
    # impossible: so a step can be left out of a failure without changing what the others mean.
    @rule(
        what=st.tuples(_TURN, _TURN, _TURN),
        which=st.integers(0, 11),
        place=st.integers(0, 11),
        choice=st.integers(0, 2),
        straight=st.booleans(),
    )
    def work(self, what: tuple[int, int, int], which: int, place: int, choice: int, straight: bool) -> None:
        """The team does one of three things, the first that is possible now."""
        for number in what:
            name = self._turns[number % len(self._turns)]
            options = self.options(name)
            if options:
                turn = Turn(place % self.places, self._choices[choice % len(self._choices)], straight)
                getattr(self, name)(options[which % len(options)], turn)
                return

    def options(self, name: str) -> Sequence[Any]:
        """What a thing can be done with now, the newest first; nothing where it cannot be done.

        Override it to leave some out.

        Parameters
        ----------
        name : str
            The name of one of the methods below.
        """
        book = self.book
        if name == "start_work":
            return [*book.starts().values()] if len(book.works) < self.at_once else []
        if name == "commit_work":
            return book.works[::-1]
        if name == "tag_release":
            return self._taggable()
        asked: dict[str, Callable[[], Sequence[Any]]] = {
            "land_work": book.pull_requests,
            "retrofit_work": book.retrofits,
            "promote": book.promotions,
            "merge_back": book.merge_backs,
            "revert_change": book.revertible,
            "push_back": book.movable,
            "commit_stale": book.stale,
            "delete_work": book.deletable,
        }
        return asked[name]()

    def start_work(self, option: tuple[WorkFamily, str], turn: Turn) -> None:
        """A short-lived branch is made, with its first change."""
        family, source = option
        work = self.book.begin(family)
        if source != self.book.branches[family.source]:
            self.happened("a wrong base")
        self.twin.start(work.name, at=source)
        self.commit_work(work, turn)

    def commit_work(self, option: Work, turn: Turn) -> None:
        """A further change is committed on a short-lived branch."""
        family = option.family
        kind = "fix" if family.is_fix else "feature"
        self.twin.change(option.name, place=turn.place, kind=kind, family=family.pattern)

    def land_work(self, option: Landing, turn: Turn) -> None:
        """A short-lived branch lands where its family goes."""
        self._land(option, turn)

    def retrofit_work(self, option: Landing, turn: Turn) -> None:
        """A short-lived branch that has landed is brought to where its family owes it."""
        self._land(option, turn)
        key = (option.source, option.into)
        self._retrofitted[key] = self._retrofitted.get(key, 0) + 1
        if self._retrofitted[key] > 1:
            self.happened("a double retrofit")

    def promote(self, option: Landing, turn: Turn) -> None:
        """A branch lands on the next one along a promote flow."""
        self._land(option, turn)

    def merge_back(self, option: Landing, turn: Turn) -> None:
        """A branch is merged along a retrofit flow."""
        self._land(option, turn)

    def tag_release(self, option: str, _: Turn) -> None:
        """What production holds is tagged."""
        self.twin.tag(option)

    def revert_change(self, option: tuple[str, str], turn: Turn) -> None:
        """A change is reverted on a long-lived branch."""
        branch, change = option
        done = self.twin.revert(branch, change=change, resolve=turn.resolve)
        self.happened("a revert that conflicts" if done.conflicts else "a revert")

    def push_back(self, option: tuple[str, int], _: Turn) -> None:
        """A long-lived branch is moved back by force."""
        branch, back = option
        self.twin.move_back(branch, back=back)
        self.happened("a force-push")

    def commit_stale(self, option: tuple[str, str, int], turn: Turn) -> None:
        """A change is committed from an old copy."""
        branch, kind, back = option
        self.twin.change(branch, place=turn.place, kind=kind, back=back)
        self.happened("a stale commit")

    def delete_work(self, option: Work, _: Turn) -> None:
        """A short-lived branch is deleted before it has reached all it is owed to."""
        self.twin.delete(option.name)
        self.book.works.remove(option)
        self.happened("a branch deleted too early")

    # -- invariants -----------------------------------------------------------------------------------------------

    @invariant()
    def promises_hold(self) -> None:
        """The promises of the strategy."""
        for name in self.promises:
            PROMISES[name](self.book)

    def teardown(self) -> None:
        """Compare git and the model as a whole; where the example has failed, say how to repeat it."""
        error = sys.exc_info()[1]
        try:
            if error is None:
                self.twin.check()
            elif isinstance(error, Exception) and not isinstance(error, HypothesisException):
                self._report(error)
        finally:
            self.twin.close()
            give_back(self._bench)

    # -- inner ----------------------------------------------------------------------------------------------------

    def _taggable(self) -> list[str]:
        tagged = {*self.twin.model.tags.values()}
        tips = self.twin.model.branches
        return [name for name in self.book.production if tips[name] not in tagged and tips[name] != 0]

    def _land(self, landing: Landing, turn: Turn) -> None:
        if landing.operation == "promote":
            self.book.overdue += [
                f"{name} landed on {landed} and is not on {owed} when {landing.source} is promoted to {landing.into}"
                for name, landed, owed in self.book.open_fixes(landing.source, landing.into, due=True)
            ]
        crossed = self.twin.criss_cross
        why = {"promote": "promotion", "retrofit": "retrofit", "merge-back": "merge back"}.get(landing.operation, "")
        done = self.twin.land(
            into=landing.into,
            source=landing.source,
            method=landing.method,
            resolve=turn.resolve,
            fast_forward=turn.straight or landing.method != "merge",
            why=why,
        )
        if done.conflicts:
            self.happened("a conflict")
            if turn.resolve != "both":
                self.happened("a conflict resolved to one side")
        if self.twin.criss_cross > crossed:
            self.happened("a criss-cross merge")
        self.book.tidy()

    def _report(self, error: Exception) -> None:
        name = type(self).__name__
        title = f"{name}: {' '.join(str(error).split())[:300]}"
        ends = getattr(error, "check", "") or f"# {' '.join(f'{type(error).__name__}: {error}'.split())[:100]}"
        test = "test_" + re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().removeprefix("test_")
        lines = ["What happened:", *(f"{number}. {line}." for number, line in enumerate(self.twin.story, start=1))]
        lines += ["", "To paste:", "", self.twin.code(test, ends=ends)]
        path = Path(self.scripts) / f"{name}.sh"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.twin.script(title, name=name), encoding="utf-8")
        except OSError as trouble:
            lines.append(f"The shell script could not be written to {path}: {trouble.strerror}")
        else:
            lines.append(f"The same with git alone: sh {path}")
        note("\n".join(lines))


__all__ = ["BranchStrategyMachine"]
