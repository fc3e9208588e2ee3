"""Strategies by mistakes: which mistake breaks a promise, in how few steps, and which guard stops it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from branchsim.check.explore import Exploration, explore
from branchsim.check.mistakes import MISTAKES, check_mistakes
from branchsim.check.properties import check_properties
from branchsim.check.strategy import PRESETS, Strategy
from branchsim.errors import InputError, nearest
from branchsim.topology import GUARDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pandas as pd

    from branchsim.check.explore import Counterexample
    from branchsim.check.model import Scope
    from branchsim.check.properties import Property

SAFE_STEPS = -1
"""What stands for "no counterexample" where a number of steps is asked for."""

_CUT = ("states", "memory", "interrupted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One strategy with one set of mistakes.

    Attributes
    ----------
    strategy : str
        The name of the strategy.
    mistakes : tuple of str
        The mistakes.
    unguarded : Exploration
        What was found with no guard enforced.
    guarded : Exploration
        What was found with the strategy's own guards; the same as `unguarded` where that is safe.
    with_guard : dict of str to Exploration
        What was found with one guard alone, for each guard that was tried; empty where nothing has to be stopped.
    """

    strategy: str
    mistakes: tuple[str, ...]
    unguarded: Exploration
    guarded: Exploration
    with_guard: dict[str, Exploration]

    @property
    def stopped_by(self) -> tuple[str, ...]:
        """The guards that leave no counterexample within the bound, each alone; none whose search was cut."""
        return tuple(name for name, found in self.with_guard.items() if found.safe and found.stopped not in _CUT)

    @property
    def complete(self) -> bool:
        """Whether no search was cut by a bound on states or memory, or by Ctrl-C."""
        return not any(found.stopped in _CUT for found in (self.unguarded, self.guarded, *self.with_guard.values()))

    @property
    def delayed_by(self) -> dict[str, int]:
        """The guards with which the shortest counterexample is longer, and how long it is then."""
        short = _steps(self.unguarded)
        return {name: _steps(found) for name, found in self.with_guard.items() if _steps(found) > short}

    def __str__(self) -> str:
        text = _verdict(self.unguarded)
        if self.with_guard:
            notes = [f"stopped by {name}" for name in self.stopped_by]
            notes += [f"{steps} steps with {name}" for name, steps in self.delayed_by.items()]
            text += f"; {', '.join(notes) or 'no guard stops it'}"
        return text


@dataclass(frozen=True, slots=True, repr=False)
class Table:
    """Strategies by mistakes.

    Attributes
    ----------
    cells : tuple of Cell
        Strategy by strategy, in each mistake by mistake.
    properties : tuple of str
        The promises that were asked about.
    depth : int
        The most steps of a history.
    complete : bool
        False where the work was interrupted and cells are missing.
    """

    cells: tuple[Cell, ...]
    properties: tuple[str, ...]
    depth: int
    complete: bool = True

    def cell(self, strategy: str, *mistakes: str) -> Cell:
        """The cell of a strategy and a set of mistakes.

        Raises
        ------
        InputError
            There is none.
        """
        for cell in self.cells:
            if cell.strategy == strategy and set(cell.mistakes) == set(mistakes):
                return cell
        raise InputError(f"the table has no cell for {strategy!r} and {', '.join(mistakes) or 'no mistake'}")

    def frame(self) -> pd.DataFrame:
        """The table as a tidy frame, a row for each cell.

        Columns: ``strategy`` and ``mistakes`` (string, joined by ``" + "``, empty for none), ``steps`` (Int64, of the
        shortest counterexample without guards, missing where there is none), ``property`` (string, the promise it
        breaks), ``states`` (Int64), ``guarded_steps`` (Int64, with the strategy's own guards), ``guarded_states``
        (Int64), ``stopped_by`` (string, guards joined by ``", "``), ``complete`` (boolean, whether no bound on states
        or memory cut the search).
        """
        import pandas as pd

        dtypes = {
            "strategy": "string",
            "mistakes": "string",
            "steps": "Int64",
            "property": "string",
            "states": "Int64",
            "guarded_steps": "Int64",
            "guarded_states": "Int64",
            "stopped_by": "string",
            "complete": "boolean",
        }
        rows = [
            {
                "strategy": cell.strategy,
                "mistakes": " + ".join(cell.mistakes),
                "steps": None if cell.unguarded.safe else _steps(cell.unguarded),
                "property": next(iter(cell.unguarded.counterexamples), None),
                "states": cell.unguarded.states,
                "guarded_steps": None if cell.guarded.safe else _steps(cell.guarded),
                "guarded_states": cell.guarded.states,
                "stopped_by": ", ".join(cell.stopped_by),
                "complete": cell.complete,
            }
            for cell in self.cells
        ]
        return pd.DataFrame(rows, columns=list(dtypes)).astype(dtypes)

    def markdown(self) -> str:
        """The table in Markdown: a row for each set of mistakes, a column for each strategy."""
        strategies = list(dict.fromkeys(cell.strategy for cell in self.cells))
        rows = list(dict.fromkeys(cell.mistakes for cell in self.cells))
        found = {(cell.strategy, cell.mistakes): str(cell) for cell in self.cells}
        lines = [f"| mistakes | {' | '.join(strategies)} |", f"|---|{'---|' * len(strategies)}"]
        for mistakes in rows:
            cells = [found.get((strategy, mistakes), "not looked at") for strategy in strategies]
            lines.append(f"| {' + '.join(mistakes) or 'none'} | {' | '.join(cells)} |")
        return "\n".join(lines) + "\n"

    @property
    def counterexamples(self) -> tuple[Counterexample, ...]:
        """The shortest way to break each promise, for every cell, without guards; cell by cell."""
        return tuple(found for cell in self.cells for found in cell.unguarded.counterexamples.values())

    @property
    def safe(self) -> bool:
        """Whether every strategy with its own guards keeps the promises, within the bound."""
        return all(cell.guarded.safe for cell in self.cells)

    def _repr_html_(self) -> str:
        from branchsim.check.html import table_html

        return table_html(self)

    def __repr__(self) -> str:
        strategies = len({cell.strategy for cell in self.cells})
        return f"<Table of {strategies} strategies, {len(self.cells)} cells, histories of up to {self.depth} steps>"

    def __str__(self) -> str:
        lines = [f"{', '.join(self.properties)}; histories of up to {self.depth} steps"]
        lines += [
            f"  {cell.strategy:<22} {' + '.join(cell.mistakes) or 'no mistake':<45} {cell}" for cell in self.cells
        ]
        if not self.complete:
            lines.append("  interrupted: the rest was not looked at")
        return "\n".join(lines)


def table(
    strategies: Iterable[Strategy] | None = None,
    mistakes: Iterable[str | Iterable[str]] | None = None,
    guards: Iterable[str] | None = None,
    *,
    properties: Iterable[str | Property] = ("no-lost-fix",),
    depth: int = 9,
    scope: Scope | None = None,
    max_states: int = 1_000_000,
    max_memory: int = 2_000_000_000,
    replay: bool = True,
    audit: bool = True,
    report: Callable[[str, int | None], None] | None = None,
) -> Table:
    """Explore strategies with mistakes, without guards, with each guard alone, and with their own.

    Parameters
    ----------
    strategies : iterable of Strategy, optional
        The strategies; all presets by default.
    mistakes : iterable of str or of iterables of str, optional
        The rows: a mistake, or several made together. By default none, and each of the ten alone.
    guards : iterable of str, optional
        The guards to try alone; by default all that topologies know.
    properties : iterable of str or Property
        The promises.
    depth, scope, max_states, max_memory, replay, report
        As for `explore`; the bounds are those of one search, and one runs at a time.
    audit : bool
        As for `explore`, for the counterexamples that are shown: those without guards.

    Returns
    -------
    Table
        A cell for each strategy and row. Ctrl-C ends the work; what is known by then is kept.

    Raises
    ------
    InputError
        A name is unknown or a bound makes no sense.
    PropertyError
        A property raised.
    """
    rows = [(), *((name,) for name in MISTAKES)] if mistakes is None else [_row(each) for each in mistakes]
    tried = tuple(GUARDS) if guards is None else (guards,) if isinstance(guards, str) else tuple(guards)
    asked = check_properties(properties)
    every = [make() for make in PRESETS.values()] if strategies is None else list(strategies)
    unknown = [name for name in tried if name not in GUARDS]
    if unknown:
        raise InputError(f"unknown guard {unknown[0]!r}{nearest(unknown[0], GUARDS)}; they are {', '.join(GUARDS)}")
    cells: list[Cell] = []

    def look(strategy: Strategy, row: tuple[str, ...], *, shown: bool = False) -> Exploration:
        return explore(
            strategy,
            depth=depth,
            mistakes=row,
            properties=asked,
            scope=scope,
            max_states=max_states,
            max_memory=max_memory,
            replay=replay,
            audit=audit and shown,
            report=report,
        )

    def fill(strategy: Strategy, row: tuple[str, ...]) -> bool:
        """Add a cell; False where Ctrl-C cut it."""
        unguarded = look(strategy.replace(guards=()), row, shown=True)
        guarded = unguarded
        single: dict[str, Exploration] = {}
        try:
            if not unguarded.safe and unguarded.stopped != "interrupted":
                guarded = look(strategy, row)
                for name in tried:
                    if guarded.stopped == "interrupted" or any(
                        each.stopped == "interrupted" for each in single.values()
                    ):
                        break
                    single[name] = look(strategy.replace(guards=(name,)), row)
        finally:
            cells.append(
                Cell(strategy=strategy.name, mistakes=row, unguarded=unguarded, guarded=guarded, with_guard=single)
            )
        return not any(each.stopped == "interrupted" for each in (unguarded, guarded, *single.values()))

    try:
        complete = all(fill(strategy, row) for strategy in every for row in rows)
    except KeyboardInterrupt:
        complete = False
    return Table(tuple(cells), tuple(each.name for each in asked), depth, complete)


def strategy_table(
    strategies: Iterable[Strategy] | None = None,
    mistakes: Iterable[str | Iterable[str]] | None = None,
    guards: Iterable[str] | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Strategies by mistakes as a frame: what `branchsim explore` prints.

    Parameters
    ----------
    strategies, mistakes, guards, **options
        As for `table`.

    Returns
    -------
    DataFrame
        The frame of `Table.frame`, a row for each strategy and set of mistakes.

    Raises
    ------
    InputError
        A name is unknown or a bound makes no sense.
    """
    return table(strategies, mistakes, guards, **options).frame()


def _row(mistakes: str | Iterable[str]) -> tuple[str, ...]:
    names = (mistakes,) if isinstance(mistakes, str) else tuple(mistakes)
    check_mistakes(names)
    return names


def _steps(found: Exploration) -> int:
    return min((len(each) for each in found.counterexamples.values()), default=SAFE_STEPS)


def _verdict(found: Exploration) -> str:
    if not found.safe:
        return f"{_steps(found)} steps"
    if found.stopped in _CUT:
        why = "Ctrl-C" if found.stopped == "interrupted" else f"the bound on {found.stopped}"
        return f"none in {found.depth_reached} steps ({found.states:,} states, then {why})"
    return f"safe ({found.states:,} states)"
