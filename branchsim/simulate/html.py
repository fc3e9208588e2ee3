"""What a simulation is, as HTML for notebooks: the outcome first, then what needs a person, with details folded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from branchsim.formatting import Html, code, dot, folded, ident, join, listing, many, minute, page, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from branchsim.simulate.records import FileConflict
    from branchsim.simulate.simulation import Simulation

TONES: dict[str, str] = {"clean": "good", "conflict": "bad", "blocked": "late", "regression": "lost"}
"""The tone of each outcome."""

_SHOWN = 20


def simulation_html(simulation: Simulation) -> str:
    """A simulation: its steps, the conflicts with the people who meet there, the forecast, what would be lost."""
    from branchsim.simulate.simulation import verdict_text

    steps = table(
        ("", "step", "outcome", "reason"),
        [
            (r.number, r.step, _outcome(r.outcome), "; ".join(filter(None, (r.reason, *r.warnings))))
            for r in simulation.results
        ],
    )
    conflicts = [*simulation.file_conflicts()]
    lost = [*simulation.losses()]
    owed = [
        (state.subject, f"{state.landed_on} → {state.owed_to}", verdict_text(state), state.reason)
        for state in simulation.owed_in_short()
    ]
    return page(
        join([simulation.plan.name, ": ", _outcome(simulation.outcome)]),
        folded(many(len(simulation.results), "step"), steps, unfolded=True),
        folded(
            many(len(conflicts), "conflict"),
            _more(
                table(
                    ("where", "path", "kind", "regions", "target", "source", "solved by"),
                    [
                        (
                            f"{each.phase}: {each.step}",
                            code(each.path),
                            each.kind
                            + (f", may be false: {each.driver} did not run" if each.driver is not None else ""),
                            each.regions,
                            _side(each, of_target=True),
                            _side(each, of_target=False),
                            each.resolved_by,
                        )
                        for each in conflicts[:_SHOWN]
                    ],
                ),
                len(conflicts),
            ),
            unfolded=True,
        ),
        folded(
            many(len(lost), "loss", "losses"),
            _more(
                table(
                    ("where", "path", "what", "why"),
                    [(f"{phase}: {step}", code(loss.path), code(loss.what), loss.reason) for phase, step, loss in lost][
                        :_SHOWN
                    ],
                ),
                len(lost),
            ),
            unfolded=True,
        ),
        folded(
            "Forecast: the coming promotions",
            table(
                ("variant", "promotion", "outcome", "regions", "hotfixes in conflict", "overwritten", "reason"),
                [
                    (
                        each.variant,
                        f"{each.source} → {each.target}",
                        _outcome(each.outcome),
                        sum(conflict.regions for conflict in each.conflicts),
                        ", ".join(each.conflicting),
                        ", ".join(each.overwritten),
                        each.reason,
                    )
                    for each in simulation.expected
                ],
            ),
            unfolded=True,
        ),
        folded("What the retrofit changes", listing(simulation.difference), unfolded=True),
        folded("Obligations", table(("change", "owed", "before and after", "reason"), owed)),
        listing(simulation.notes),
    )


def _outcome(outcome: str) -> Html:
    return dot(outcome, TONES.get(outcome, "muted"))


def _side(conflict: FileConflict, *, of_target: bool) -> Html:
    """Who wrote one side, and since when it stands there."""
    meeting = conflict.of_target if of_target else conflict.of_source
    who = ", ".join(dict.fromkeys(meeting.authors))
    commits: Iterable[Html] = (ident(sha) for sha in meeting.commits[:3])
    return join([who, " " if who else "", join(commits, " "), f" {minute(meeting.since)}" if meeting.since else ""])


def _more(shown: Html, count: int) -> Html:
    return join([shown, f"and {count - _SHOWN:,} more"]) if count > _SHOWN else shown


__all__ = ["TONES", "simulation_html"]
