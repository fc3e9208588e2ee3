"""Judge one given history: whether a strategy still allows it, and whether it still breaks the promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from branchsim.check.model import Model, Scope
from branchsim.check.properties import Property, View, check_properties
from branchsim.check.trace import RefusedError, Step, Trace, follow, name_trace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from branchsim.check.strategy import Strategy


def trace_of(
    strategy: Strategy,
    steps: Iterable[Step],
    *,
    mistakes: Iterable[str] = (),
    scope: Scope | None = None,
    fast_forward: bool = True,
) -> Trace:
    """The history that steps given by name make.

    Parameters
    ----------
    strategy, steps, mistakes, scope
        As for `broken_by`.
    fast_forward : bool
        Whether a merge that has nothing to merge moves the branch, as git does it; without, it makes a commit, as a
        pull request does.

    Raises
    ------
    RefusedError
        A step is not possible: a guard forbids it, the mistake it needs is not switched on, or the scope is too small.
    """
    model = Model(strategy, mistakes, scope=scope, symmetry=False, tags=True, fast_forward=fast_forward)
    return name_trace(model, follow(model, steps))


def broken_by(
    strategy: Strategy,
    steps: Iterable[Step],
    properties: Iterable[str | Property] | None = None,
    *,
    mistakes: Iterable[str] = (),
    scope: Scope | None = None,
) -> dict[str, int]:
    """The promises that a given history breaks, each with the step (counted from 1) that does it first.

    Raises
    ------
    RefusedError
        A step is not possible.
    """
    model = Model(strategy, mistakes, scope=scope, symmetry=False, tags=True)
    path = follow(model, steps)
    asked = [each for each in check_properties(properties) if each.kind == "always"]
    states = [state for state, _ in path[1:]]
    broken: dict[str, int] = {}
    for number, (before, move) in enumerate(path, start=1):
        after = states[number - 1] if number <= len(states) else _after(model, path[-1])
        view = View(model, after, move, before)
        for each in asked:
            if each.name in broken or (not each.once and not each.is_asked(model, move)):
                continue
            if each.check(view) is not True:
                broken[each.name] = number
    return broken


def assert_prevented(
    strategy: Strategy,
    steps: Iterable[Step],
    property: str | Property,  # noqa: A002  the word of the documentation
    *,
    mistakes: Iterable[str] = (),
    scope: Scope | None = None,
) -> None:
    """Raise `AssertionError` if a strategy lets a history happen that breaks a promise.

    Parameters
    ----------
    strategy : Strategy
        The strategy as it is now.
    steps : iterable of Step
        The history, as a counterexample gave it.
    property : str or Property
        The promise.
    mistakes : iterable of str
        The mistakes people make.
    scope : Scope, optional
        How much can happen.
    """
    given = tuple(steps)
    try:
        broken = broken_by(strategy, given, (property,), mistakes=mistakes, scope=scope)
    except RefusedError:
        return
    if broken:
        (name, number), *_ = broken.items()
        story = "\n".join(f"{place}. {step}." for place, step in enumerate(given, start=1))
        raise AssertionError(f"{name} is broken by step {number}, and nothing stops it:\n{story}")


def _after(model: Model, last: tuple[tuple[int, ...], object]) -> tuple[int, ...]:
    state, move = last
    return next(after for after, option in model.moves(state) if option == move)
