"""Explorations, counterexamples and tables of strategies for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from branchsim import formatting as form
from branchsim.check.mistakes import MISTAKES

if TYPE_CHECKING:
    from branchsim.check.explore import Counterexample, Exploration
    from branchsim.check.table import Cell, Table


def counterexample_html(found: Counterexample) -> str:
    """The steps, what each branch holds after each, the mistakes, and what can be run; folded where it is long."""
    return form.page(
        form.dot(f"{found.property}: broken in {form.many(len(found), 'step')}", "bad"),
        form.tag("p", found.reason),
        _facts(found),
        form.tag("ol", form.Html("".join(form.tag("li", step) for step in found.trace.steps))),
        form.folded("what each branch holds after each step", _holds(found)),
        form.folded("the mistakes", _mistakes(found)),
        form.folded("as a shell script", form.block(found.script())),
        form.folded("as a test for pytest", form.block(found.regression_test())),
    )


def _facts(found: Counterexample) -> form.Html:
    return form.facts(
        (
            ("strategy", found.strategy.name),
            ("guards", ", ".join(found.strategy.guards) or "none"),
            ("mistakes", ", ".join(found.mistakes) or "none"),
            ("replayed with real git", "yes, every tree and every conflict is the same" if found.replayed else "no"),
            ("audited", "yes, an audit finds exactly what is lost" if found.audited else "no"),
        )
    )


def _holds(found: Counterexample) -> form.Html:
    trace = found.trace
    rows = [
        [str(number), *(", ".join(held[branch]) or "-" for branch in trace.branches)]
        for number, held in enumerate(trace.holdings(), start=1)
    ]
    return form.table(["step", *(form.code(branch) for branch in trace.branches)], rows)


def _mistakes(found: Counterexample) -> form.Html:
    return form.listing(
        form.join((form.code(name), MISTAKES[name].what, MISTAKES[name].consequence), " ") for name in found.mistakes
    )


def exploration_html(found: Exploration) -> str:
    """The answer first, then each promise, with the shortest way to break it unfolded by a click."""
    first, *_ = str(found).splitlines()
    rows = []
    for each in found.properties:
        if each.name in found.counterexamples:
            counter = found.counterexamples[each.name]
            story = form.tag("ol", form.Html("".join(form.tag("li", step) for step in counter.trace.steps)))
            broken = form.dot(f"broken in {form.many(len(counter), 'step')}", "bad")
            said: form.Html = form.folded(broken, story)
        elif each.kind == "always":
            said = form.dot("holds", "good")
        elif each.name in found.witnesses:
            said = form.dot(f"happens after {form.many(len(found.witnesses[each.name]), 'step')}", "good")
        else:
            said = form.dot("never happens", "late")
        rows.append((form.code(each.name), said, each.description))
    return form.page(first, form.table(("promise", "answer", "what it says"), rows))


def table_html(found: Table) -> str:
    """Strategies by mistakes; a broken promise unfolds to its story."""
    strategies = list(dict.fromkeys(cell.strategy for cell in found.cells))
    cells = {(cell.strategy, cell.mistakes): cell for cell in found.cells}
    rows = [
        [
            " + ".join(mistakes) or "none",
            *(_cell(cells.get((strategy, mistakes))) for strategy in strategies),
        ]
        for mistakes in dict.fromkeys(cell.mistakes for cell in found.cells)
    ]
    title = f"{', '.join(found.properties)}: histories of up to {form.many(found.depth, 'step')}"
    cut = () if found.complete else (form.tag("p", "Interrupted: the rest was not looked at."),)
    return form.page(title, form.table(("mistakes", *strategies), rows), *cut)


def _cell(cell: Cell | None) -> form.Html:
    if cell is None:
        return form.dot("not looked at", "muted")
    tone = "good" if cell.unguarded.safe else "late" if cell.guarded.safe else "bad"
    if cell.unguarded.safe and not cell.complete:
        tone = "muted"
    if cell.unguarded.safe:
        return form.dot(str(cell), tone)
    shortest = min(cell.unguarded.counterexamples.values(), key=len)
    story = form.tag("ol", form.Html("".join(form.tag("li", step) for step in shortest.trace.steps)))
    return form.dot(form.folded(str(cell), story), tone)


__all__ = ["counterexample_html", "exploration_html", "table_html"]
