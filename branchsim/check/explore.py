"""Search every history that a strategy allows, up to a depth, for the shortest one that breaks a promise."""

from __future__ import annotations

import gc
import resource
import time
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from branchsim.check.bounds import check_whole
from branchsim.check.model import Model, Move, Scope, State
from branchsim.check.properties import PROPERTIES, Property, PropertyError, View, check_properties
from branchsim.check.strategy import OPERATIONS, Strategy
from branchsim.check.trace import Trace, name_changes, name_trace
from branchsim.errors import BranchsimError, InputError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator

    from matplotlib.axes import Axes


Stop = Literal["answered", "states", "memory", "interrupted"]

_LOOK_EVERY = 1024

FORMS = ("script", "pytest", "markdown", "drawing")
"""What a counterexample can be written as."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Counterexample:
    """The shortest history that breaks a promise.

    Attributes
    ----------
    property : str
        The name of the property.
    reason : str
        Why it is broken.
    trace : Trace
        The history.
    strategy : Strategy
        The strategy that allowed it.
    mistakes : tuple of str
        The mistakes that were switched on.
    replayed : bool
        Whether real git was seen to do the same.
    audited : bool
        Whether an audit of the repository that git made was seen to find exactly what is lost. False too where only
        features are lost, of which it does not look for all, and where that history cannot be had with a commit for
        every merge, as an audit needs it.
    """

    property: str
    reason: str
    trace: Trace
    strategy: Strategy
    mistakes: tuple[str, ...]
    scope: Scope
    replayed: bool = False
    audited: bool = False

    def __len__(self) -> int:
        return len(self.trace)

    def __repr__(self) -> str:
        return f"<Counterexample to {self.property} in {self.strategy.name}: {len(self)} steps>"

    def __str__(self) -> str:
        return "\n".join([f"{self.property}: {self.reason}", *self.trace.story()])

    def _repr_html_(self) -> str:
        from branchsim.check.html import counterexample_html

        return counterexample_html(self)

    def script(self) -> str:
        """A POSIX shell script that makes the history with git alone and shows the loss."""
        from branchsim.check.export import shell_script

        return shell_script(self)

    def regression_test(self) -> str:
        """A test for pytest that fails as long as the strategy lets this happen."""
        from branchsim.check.export import regression_test

        return regression_test(self)

    def markdown(self) -> str:
        """The history as a story in Markdown."""
        from branchsim.check.export import markdown

        return markdown(self)

    def draw(self, *, ax: Axes | None = None, **kwargs: Any) -> Axes:
        """The history as a picture: a lane for each branch, numbered by step; see `branchsim.plot.branch_graph`."""
        from branchsim.check.drawing import draw

        return draw(self, ax=ax, **kwargs)

    def write(
        self, directory: str | os.PathLike[str], *, forms: Iterable[str] = FORMS, replace: bool = False
    ) -> tuple[Path, ...]:
        """Write it to files that can be handed on: see `branchsim.check.files.write`.

        Raises
        ------
        InputError
            A form is unknown, a file is there already, or the directory cannot be written to.
        """
        from branchsim.check.files import write

        return write(self, directory, forms=forms, replace=replace)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Exploration:
    """What a search found.

    Attributes
    ----------
    strategy : Strategy
        What was explored.
    mistakes : tuple of str
        The mistakes that were made, sorted.
    scope : Scope
        How much could happen in one history.
    depth : int
        The number of steps asked for.
    depth_reached : int
        All histories of up to so many steps have been looked at.
    states : int
        The number of distinct states.
    steps : int
        The number of steps taken between them.
    seconds : float
        How long it took.
    stopped : {"answered", "states", "memory", "interrupted"} or None
        Why the search ended early: every question had its answer, the bound on states or memory was met, or Ctrl-C.
    exhausted : bool
        Whether there was nothing more to explore: then the answer holds for histories of any length within the scope.
    properties : tuple of Property
        What was asked.
    counterexamples : dict of str to Counterexample
        For each promise that is broken the shortest history that does.
    witnesses : dict of str to Trace
        For each "sometimes" that happens the shortest history in which it does.
    """

    strategy: Strategy
    mistakes: tuple[str, ...]
    scope: Scope
    depth: int
    depth_reached: int
    states: int
    steps: int
    seconds: float
    stopped: Stop | None
    exhausted: bool
    properties: tuple[Property, ...]
    counterexamples: dict[str, Counterexample]
    witnesses: dict[str, Trace]

    @property
    def safe(self) -> bool:
        """Whether no promise was broken, within the bound."""
        return not self.counterexamples

    @property
    def vacuous(self) -> tuple[str, ...]:
        """What should happen sometimes and never did: a reason not to trust that nothing was broken."""
        return tuple(
            each.name for each in self.properties if each.kind == "sometimes" and each.name not in self.witnesses
        )

    def _repr_html_(self) -> str:
        from branchsim.check.html import exploration_html

        return exploration_html(self)

    def __repr__(self) -> str:
        made = " + ".join(self.mistakes) or "no mistake"
        broken = ", ".join(f"{name} broken in {len(found)} steps" for name, found in self.counterexamples.items())
        return (
            f"<Exploration of {self.strategy.name} with {made}, {self.states:,} states, "
            f"up to {self.depth_reached} steps: {broken or 'safe'}>"
        )

    def __str__(self) -> str:
        made = ", ".join(self.mistakes) or "no mistake"
        lines = [
            f"{self.strategy}, {made}: {self.states:,} states, every history of up to {self.depth_reached} steps"
            + (" and all longer ones within the scope" if self.exhausted else "")
            + (f" (stopped early: {_STOPPED[self.stopped]})" if self.stopped else "")
        ]
        for each in self.properties:
            if each.name in self.counterexamples:
                found = self.counterexamples[each.name]
                lines.append(f"  broken in {len(found)} steps: {each.name}")
                lines += [f"    {line}" for line in found.trace.story()]
            elif each.kind == "always":
                lines.append(f"  holds: {each.name}")
            elif each.name in self.witnesses:
                lines.append(f"  happens after {len(self.witnesses[each.name])} steps: {each.name}")
            else:
                lines.append(f"  never happens: {each.name}")
        return "\n".join(lines)


_STOPPED = {
    "answered": "every question has its answer",
    "states": "the bound on states was met",
    "memory": "the bound on memory was met",
    "interrupted": "it was interrupted",
}


def explore(
    strategy: Strategy,
    *,
    depth: int = 10,
    mistakes: Iterable[str] = (),
    properties: Iterable[str | Property] | None = None,
    scope: Scope | None = None,
    max_states: int = 2_000_000,
    max_memory: int = 2_000_000_000,
    replay: bool = True,
    audit: bool = True,
    report: Callable[[str, int | None], None] | None = None,
) -> Exploration:
    """Look at every history of a strategy, the shortest first.

    Parameters
    ----------
    strategy : Strategy
        Topology, guards and operations.
    depth : int
        The most steps of a history.
    mistakes : iterable of str
        The mistakes people make, from `MISTAKES`; they may make each at any time.
    properties : iterable of str or Property, optional
        What to ask; all of `PROPERTIES` by default.
    scope : Scope, optional
        How many fixes, features and slips there are in one history.
    max_states : int
        Stop at so many distinct states.
    max_memory : int
        Stop when the search has taken so many bytes.
    replay : bool
        Whether counterexamples are replayed with real git before they are returned.
    audit : bool
        Whether the repository of each counterexample is audited too, which must find exactly the fixes that it loses;
        only where they are replayed. About 0.3 s each.
    report : callable, optional
        Called with what is being explored and how many further states were looked at, for a progress bar.

    Returns
    -------
    Exploration
        The shortest counterexample to each promise that can be broken, and how far the search got. When it was stopped,
        it holds what was known by then.

    Raises
    ------
    InputError
        A name is unknown or a bound makes no sense.
    PropertyError
        A property raised.
    InternalError
        git and the model, or an audit and the model, disagree about a counterexample.
    """
    if not isinstance(strategy, Strategy):
        raise InputError(
            f"explore needs a Strategy, and not {type(strategy).__name__}; make one of a topology with "
            "Strategy(topology), or take a preset such as Strategy.build_run()"
        )
    for name, value in (("depth", depth), ("max_states", max_states), ("max_memory", max_memory)):
        check_whole(f"explore: {name}", value)
    asked = check_properties(properties)
    names = tuple(mistakes) if not isinstance(mistakes, str) else (mistakes,)
    # A tag bears only on what can be named, and on what a property of the user's asks.
    tags = any(each.name == "deployed-is-named" or PROPERTIES.get(each.name) is not each for each in asked)
    model = Model(strategy, names, scope=scope, tags=tags and _moves_back(strategy, names))
    search = _Search(model, asked, max_states=max_states, max_memory=max_memory)
    if report is not None:
        title = f"exploring {strategy.name}: {', '.join(sorted(model.mistakes)) or 'no mistake'}"
        search.watcher = lambda count: report(title, count)
    began = time.perf_counter()
    collecting = gc.isenabled()
    # Millions of tuples of integers: the collector would walk them again and again and find no circle.
    gc.disable()
    try:
        search.run(depth)
    finally:
        if collecting:
            gc.enable()
    seconds = time.perf_counter() - began
    counterexamples = {
        name: Counterexample(
            property=name,
            reason=name_changes(model, search.path(index, move), reason),
            trace=search.trace(index, move),
            strategy=strategy,
            mistakes=tuple(sorted(model.mistakes)),
            scope=model.scope,
        )
        for name, (index, move, reason) in search.broken.items()
    }
    if replay and counterexamples:
        from branchsim.check.crosscheck import audit_all
        from branchsim.check.replay import confirm

        try:
            counterexamples = confirm(counterexamples)
            if audit:
                counterexamples = audit_all(counterexamples)
        except KeyboardInterrupt:
            search.stopped = "interrupted"  # they are still known, and `replayed` says whether git was asked
    return Exploration(
        strategy=strategy,
        mistakes=tuple(sorted(model.mistakes)),
        scope=model.scope,
        depth=depth,
        depth_reached=search.depth,
        states=len(search.states),
        steps=search.steps,
        seconds=seconds,
        stopped=search.stopped,
        exhausted=search.exhausted,
        properties=asked,
        counterexamples=counterexamples,
        witnesses={name: search.trace(index, move) for name, (index, move) in search.witnessed.items()},
    )


def _moves_back(strategy: Strategy, mistakes: Iterable[str]) -> bool:
    """Whether a branch can be moved back at all: otherwise a tag changes nothing."""
    return "force-push" in strategy.operations or "force-push" in mistakes


class _Search:
    """A breadth-first search that can be stopped at any state and still say what it knows."""

    def __init__(self, model: Model, properties: tuple[Property, ...], *, max_states: int, max_memory: int) -> None:
        self.model = model
        self.states: list[State] = [model.start]
        self.depth = 0
        self.steps = 0
        self.stopped: Stop | None = None
        self.exhausted = False
        self.watcher: Callable[[int], None] | None = None
        self.broken: dict[str, tuple[int, Move | None, str]] = {}
        self.witnessed: dict[str, tuple[int, Move]] = {}
        self._seen = {model.start}
        self._parents = array("q", [-1])
        self._ordinals = array("l", [-1])
        self._max_states = max_states
        self._max_memory = max_memory
        self._memory_before = _memory()
        self._open = list(properties)
        self._watch: dict[tuple[str, int], list[Property]] = {}
        self._once: list[Property] = []
        self._attend()

    def run(self, depth: int) -> None:
        """Search until the depth, a bound, an interruption, or the answer to everything."""
        try:
            self._ask_once(0, None, None)
            first = 0
            for level in range(1, depth + 1):
                last = len(self.states)
                if first == last:
                    self.exhausted = True
                    break
                for index in range(first, last):
                    if index % _LOOK_EVERY == 0:
                        if _memory() - self._memory_before > self._max_memory:
                            self.stopped = "memory"
                        if self.watcher is not None and index:
                            self.watcher(_LOOK_EVERY)
                    if self.stopped or not self._expand(index):
                        return
                self.depth = level
                first = last
            else:
                self.exhausted = first == len(self.states)
        except KeyboardInterrupt:
            self.stopped = "interrupted"

    def trace(self, index: int, move: Move | None) -> Trace:
        """The named history to a state, and one step on."""
        return name_trace(self.model, self.path(index, move))

    def path(self, index: int, move: Move | None) -> list[tuple[State, Move]]:
        """The moves to a state, and one move on."""
        path: list[tuple[State, Move]] = [] if move is None else [(self.states[index], move)]
        while index > 0:
            parent = self._parents[index]
            state = self.states[parent]
            path.append((state, self.model.moves(state)[self._ordinals[index]][1]))
            index = parent
        return path[::-1]

    def _expand(self, index: int) -> bool:
        """Take every step from a state; False when the search is over."""
        state = self.states[index]
        seen, states = self._seen, self.states
        for ordinal, (after, move) in enumerate(self.model.moves(state)):
            self.steps += 1
            new = after not in seen
            if new:
                seen.add(after)
                self._parents.append(index)
                self._ordinals.append(ordinal)
                states.append(after)
            watching = self._watch.get((move.operation, move.moved))
            if watching:
                self._ask(watching, index, View(self.model, after, move, state))
            if new and self._once:
                self._ask_once(index, after, move)
            if not self._open:
                self.stopped = "answered"
                return False
        if len(states) >= self._max_states:
            self.stopped = "states"
            return False
        return True

    def _ask(self, watching: list[Property], index: int, view: View) -> None:
        for each in tuple(watching):
            answer = self._answer(each, index, view)
            if each.kind == "sometimes":
                if answer is True:
                    assert view.move is not None  # noqa: S101  asked about steps
                    self.witnessed[each.name] = (index, view.move)
                    self._settle(each)
            elif answer is not True:
                self.broken[each.name] = (index, view.move, str(answer) if answer else each.description)
                self._settle(each)

    def _ask_once(self, index: int, after: State | None, move: Move | None) -> None:
        if self._once:
            view = (
                View(self.model, self.model.start)
                if after is None
                else View(self.model, after, move, self.states[index])
            )
            self._ask(self._once, index, view)

    def _answer(self, each: Property, index: int, view: View) -> bool | str:
        try:
            answer = each.check(view)
        except KeyboardInterrupt:
            raise
        except Exception as error:
            if isinstance(error, BranchsimError) and not isinstance(error, InputError):
                raise
            story = " ".join(self.trace(index, view.move).story()) or "at the start"
            raise PropertyError(
                f"property {each.name!r} raised {type(error).__name__}: {error}; it was asked after: {story} "
                "A property has to answer for every step"
            ) from error
        if answer is True or answer is False or isinstance(answer, str):
            return answer
        raise PropertyError(
            f"property {each.name!r} answered {answer!r}; "
            "it must answer True, False, or a sentence that says what is wrong"
        )

    def _settle(self, each: Property) -> None:
        self._open.remove(each)
        self._attend()

    def _attend(self) -> None:
        """Who is asked about which step."""
        watch: dict[tuple[str, int], list[Property]] = {}
        for each in self._open:
            if not each.once:
                for place in each.places(self.model):
                    for operation in each.operations or OPERATIONS:
                        watch.setdefault((operation, place), []).append(each)
        self._watch = watch
        self._once = [each for each in self._open if each.once]


def _memory() -> int:
    """The bytes this process holds now, or where that cannot be told, the most it ever held."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()


def paths(model: Model, depth: int) -> Iterator[list[tuple[State, Move]]]:
    """Every path of a model of exactly this length; for tests on small scopes."""
    stack: list[tuple[State, list[tuple[State, Move]]]] = [(model.start, [])]
    while stack:
        state, path = stack.pop()
        if len(path) == depth:
            yield path
            continue
        stack += [(after, [*path, (state, move)]) for after, move in reversed(model.moves(state))]
