"""Random histories, for comparing the model with git."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from branchsim.check.mistakes import MISTAKES
from branchsim.check.model import Model, Move, Scope, State
from branchsim.check.strategy import OPERATIONS, PRESETS
from branchsim.check.trace import Trace, name_trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from branchsim.check.strategy import Strategy

_SCOPE = Scope(fixes=4, features=4, regions=3, commits=3, slips=4)


def random_traces(
    count: int,
    *,
    seed: int,
    length: int = 20,
    strategies: Iterable[Strategy] | None = None,
    mistakes: Iterable[str] | None = None,
    scope: Scope = _SCOPE,
) -> Iterator[Trace]:
    """Walk at random through what strategies allow; the same arguments give the same traces.

    Parameters
    ----------
    count : int
        How many traces.
    seed : int
        Where chance begins.
    length : int
        The most steps of a trace; it is shorter where nothing is left to do.
    strategies : iterable of Strategy, optional
        Taken in turn; all presets by default, without guards and with every operation.
    mistakes : iterable of str, optional
        The mistakes that are made; all by default but skip-retrofit, which would take the retrofits away.
    scope : Scope
        How much can happen.

    Yields
    ------
    Trace
        One after the other. Each step takes an operation first and then one of its ways, so that rare ones come up too.
    """
    if strategies is None:
        every = [make().replace(guards=(), operations=tuple(OPERATIONS)) for make in PRESETS.values()]
    else:
        every = list(strategies)
    made = [name for name in MISTAKES if name != "skip-retrofit"] if mistakes is None else list(mistakes)
    chance = random.Random(seed)  # noqa: S311  histories, not secrets
    for number in range(count):
        # A model of its own for each trace: what was interned for one must not take part in another.
        model = Model(every[number % len(every)], made, scope=scope, symmetry=False, tags=True)
        yield name_trace(model, _walk(model, chance, length))


def _walk(model: Model, chance: random.Random, length: int) -> list[tuple[State, Move]]:
    state = model.start
    path: list[tuple[State, Move]] = []
    while len(path) < length:
        moves = model.moves(state)
        if not moves:
            break
        operation = chance.choice(sorted({move.operation for _, move in moves}))
        after, move = chance.choice([option for option in moves if option[1].operation == operation])
        path.append((state, move))
        state = after
    return path
