"""A Hypothesis state machine that does with real git whatever a branch strategy allows; made to be subclassed."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from hypothesis import event, note
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from branchsim.check.strategy import Strategy
from branchsim.testing.playbook import Landing, Playbook
from branchsim.testing.promises import PROMISES, check_promises
from branchsim.testing.twin import TwinRepo
from branchsim.testing.workbenches import borrow, give_back

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from branchsim.testing.reference import Choice

_T = TypeVar("_T")

_HARMLESS: tuple[Choice, ...] = ("both",)
_ANY: tuple[Choice, ...] = ("both", "ours", "theirs")


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
        self._choices = _ANY if "one-sided-resolution" in self.book.mistakes else _HARMLESS

    # -- to override ----------------------------------------------------------------------------------------------

    def happened(self, what: str) -> None:
        """Take note of a rare path: an event of Hypothesis, shown by ``--hypothesis-show-statistics``."""
        event(what)

    # -- rules ----------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.book.works) < self.at_once)
    @rule(data=st.data())
    def start_work(self, data: st.DataObject) -> None:
        """A short-lived branch is made, with its first change."""
        family, source = _draw(data, self.book.starts(), "start")
        place = data.draw(st.integers(0, self.places - 1), label="place")
        work = self.book.begin(family)
        if source != self.book.branches[family.source]:
            self.happened("a wrong base")
        self.twin.start(work.name, at=source)
        self.twin.change(work.name, place=place, kind="fix" if family.is_fix else "feature", family=family.pattern)

    @precondition(lambda self: self.book.works and "commit" in self.book.model.uses)
    @rule(data=st.data())
    def commit_work(self, data: st.DataObject) -> None:
        """A further change is committed on a short-lived branch."""
        work = _draw(data, {work.name: work for work in self.book.works}, "branch")
        place = data.draw(st.integers(0, self.places - 1), label="place")
        kind = "fix" if work.family.is_fix else "feature"
        self.twin.change(work.name, place=place, kind=kind, family=work.family.pattern)

    @precondition(lambda self: self.book.pull_requests())
    @rule(data=st.data())
    def land_work(self, data: st.DataObject) -> None:
        """A short-lived branch lands where its family goes."""
        self._land(data, self.book.pull_requests())

    @precondition(lambda self: self.book.retrofits())
    @rule(data=st.data())
    def retrofit_work(self, data: st.DataObject) -> None:
        """A short-lived branch that has landed is brought to where its family owes it."""
        landing = self._land(data, self.book.retrofits())
        key = (landing.source, landing.into)
        self._retrofitted[key] = self._retrofitted.get(key, 0) + 1
        if self._retrofitted[key] > 1:
            self.happened("a double retrofit")

    @precondition(lambda self: self.book.promotions())
    @rule(data=st.data())
    def promote(self, data: st.DataObject) -> None:
        """A branch lands on the next one along a promote flow."""
        self._land(data, self.book.promotions())

    @precondition(lambda self: self.book.merge_backs())
    @rule(data=st.data())
    def merge_back(self, data: st.DataObject) -> None:
        """A branch is merged along a retrofit flow."""
        self._land(data, self.book.merge_backs())

    @precondition(lambda self: "tag" in self.book.model.uses and self._taggable())
    @rule(data=st.data())
    def tag_release(self, data: st.DataObject) -> None:
        """What production holds is tagged."""
        self.twin.tag(data.draw(st.sampled_from(self._taggable()), label="branch"))

    @precondition(lambda self: self.book.revertible())
    @rule(data=st.data())
    def revert_change(self, data: st.DataObject) -> None:
        """A change is reverted on a long-lived branch."""
        branch, change = _draw(
            data, {f"{what} on {where}": (where, what) for where, what in self.book.revertible()}, "change"
        )
        done = self.twin.revert(branch, change=change, resolve=self._choice(data))
        self.happened("a revert that conflicts" if done.conflicts else "a revert")

    @precondition(lambda self: self.book.movable())
    @rule(data=st.data())
    def push_back(self, data: st.DataObject) -> None:
        """A long-lived branch is moved back by force."""
        branch, back = _draw(data, {f"{name} by {n}": (name, n) for name, n in self.book.movable()}, "branch")
        self.twin.move_back(branch, back=back)
        self.happened("a force-push")

    @precondition(lambda self: self.book.stale())
    @rule(data=st.data())
    def commit_stale(self, data: st.DataObject) -> None:
        """A change is committed from an old copy."""
        options = {f"{name} from a copy {age} old": (name, kind, age) for name, kind, age in self.book.stale()}
        branch, kind, back = _draw(data, options, "branch")
        self.twin.change(branch, place=data.draw(st.integers(0, self.places - 1), label="place"), kind=kind, back=back)
        self.happened("a stale commit")

    @precondition(lambda self: self.book.deletable())
    @rule(data=st.data())
    def delete_work(self, data: st.DataObject) -> None:
        """A short-lived branch is deleted before it has reached all it is owed to."""
        work = _draw(data, {work.name: work for work in self.book.deletable()}, "branch")
        self.twin.delete(work.name)
        self.book.works.remove(work)
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

    def _choice(self, data: st.DataObject) -> Choice:
        return (
            self._choices[0] if len(self._choices) == 1 else data.draw(st.sampled_from(self._choices), label="resolve")
        )

    def _land(self, data: st.DataObject, options: list[Landing]) -> Landing:
        landing = _draw(data, {str(option): option for option in options}, "landing")
        choice = self._choice(data)
        straight = landing.method != "merge" or data.draw(st.booleans(), label="fast-forward")
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
            resolve=choice,
            fast_forward=straight,
            why=why,
        )
        if done.conflicts:
            self.happened("a conflict")
            if choice != "both":
                self.happened("a conflict resolved to one side")
        if self.twin.criss_cross > crossed:
            self.happened("a criss-cross merge")
        self.book.tidy()
        return landing

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


def _draw(data: st.DataObject, options: Mapping[str, _T], label: str) -> _T:
    """One of several things, shown by its name."""
    return options[data.draw(st.sampled_from([*options]), label=label)]


__all__ = ["BranchStrategyMachine"]
