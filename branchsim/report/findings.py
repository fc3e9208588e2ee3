"""Everything that needs a person, change by change, each with its evidence and the git command that shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from branchsim.audit.html import TONES, leak_item, obligation_body, overwrite_item
from branchsim.formatting import Html, block, day, dot, escape_markdown, folded, ident, join, many, plain, short_id, tag
from branchsim.report.cases import cases
from branchsim.report.section import Section, body, markdown_code, markdown_table

if TYPE_CHECKING:
    from branchsim.audit.audit import Audit
    from branchsim.audit.leaks import Leak
    from branchsim.audit.overwrites import Overwrite
    from branchsim.audit.verdicts import Obligation
    from branchsim.report.cases import Case

_UNFOLDED = 3
_UNITS = 6
_RELEASES = 3
_OVERWRITES = 12


def findings(audit: Audit, *, most: int = 100) -> Section:
    """What needs a person, the most urgent change first, with the evidence.

    Parameters
    ----------
    audit : Audit
        The audit.
    most : int
        So many changes, and so many leaks, are shown; how many more there are is said.

    Returns
    -------
    Section
        One folded part for each change, then the leaks.
    """
    found = cases(audit)
    shown = found[:most]
    leaks = audit.leak_records[::-1]
    more = [
        f"and {many(count, what)}: audit.{where}"
        for count, what, where in (
            (len(found) - most, "more change", "findings, audit.overwrites"),
            (len(leaks) - most, "more leak", "leaks"),
        )
        if count > 0
    ]
    if not shown and not leaks:
        return Section(body(tag("p", "Nothing needs a person.")), "Nothing needs a person.", "nothing needs a person")
    return Section(
        body(
            *(_case(place, case) for place, case in enumerate(shown, start=1)),
            tag("p", tag("b", f"Leaks ({len(leaks):,})")) if leaks else "",
            *(leak_item(leak) for leak in leaks[:most]),
            *(tag("p", line, kind="quiet") for line in more),
        ),
        "\n\n".join(
            [
                *(_markdown_case(place, case) for place, case in enumerate(shown, start=1)),
                *([_markdown_leaks(leaks[:most])] if leaks else []),
                *(escape_markdown(line) for line in more),
            ]
        ),
        "\n".join(
            [
                *(
                    f"{place:>3}. {short_id(case.change)} {plain(case.subject)}: {case.what}"
                    for place, case in enumerate(shown, start=1)
                ),
                *(plain(f"leak: {leak.reason}") for leak in leaks[:most]),
                *more,
            ]
        ),
    )


def _tone(case: Case) -> str:
    return TONES.get(case.obligations[0].verdict.value, "bad") if case.obligations else "bad"


def _case(place: int, case: Case) -> Html:
    title = join([f"{place}. ", dot(tag("b", case.subject), _tone(case)), ": ", case.what])
    parts = [obligation_body(record) for record in case.obligations]
    if case.overwrites:
        parts.append(_overwritten(case))
    return folded(title, join(parts), unfolded=place <= _UNFOLDED)


def _overwritten(case: Case) -> Html:
    """Where a change was taken away: the first one in full, since the others mostly carried it on."""
    first = case.overwrites[0]
    lost = block("\n".join(first.marked[:_UNITS])) if first.units else Html("")
    head = "" if case.obligations else join([" (", ident(case.change), ")"])
    return join(
        [
            tag("p", join([tag("b", "Overwritten"), head, ", first what was lost:"])) if lost else "",
            lost,
            *(overwrite_item(loss) for loss in case.overwrites[:_OVERWRITES]),
            tag("p", f"and {len(case.overwrites) - _OVERWRITES:,} more", kind="quiet")
            if len(case.overwrites) > _OVERWRITES
            else "",
        ]
    )


def _markdown_case(place: int, case: Case) -> str:
    parts = [f"### {place}. {escape_markdown(case.subject)}", f"**{escape_markdown(case.what)}**"]
    parts += [_markdown_obligation(record) for record in case.obligations]
    losses = case.overwrites[:_OVERWRITES]
    if losses:
        parts.append("\n".join(_markdown_overwrite(loss) for loss in losses))
    if len(case.overwrites) > len(losses):
        parts.append(f"and {len(case.overwrites) - len(losses):,} more")
    return "\n\n".join(parts)


def _markdown_obligation(record: Obligation) -> str:
    change = f"{markdown_code(short_id(record.change))} by {escape_markdown(record.author)}"
    way = f"{escape_markdown(record.landed_on)} → {escape_markdown(record.owed_to)}"
    return markdown_table(
        ("", ""),
        [
            ("change", f"{change}, landed {day(record.landed_at)}, {way}"),
            ("why", escape_markdown(record.reason)),
            ("evidence", f"{escape_markdown(record.evidence.value)}, confidence {record.confidence:.2f}"),
            ("check", markdown_code(record.check)),
        ],
    )


def _markdown_overwrite(loss: Overwrite) -> str:
    releases = ", ".join(escape_markdown(each) for each in loss.releases[:_RELEASES])
    more = f" and {len(loss.releases) - _RELEASES} more" if len(loss.releases) > _RELEASES else ""
    without = f"; released without it: {releases}{more}" if releases else ""
    return (
        f"- {markdown_code(loss.path)} on {escape_markdown(loss.branch)}, {day(loss.landed_at)}, "
        f"{escape_markdown(loss.cause.value)}: {escape_markdown(loss.reason)}{without}. {markdown_code(loss.check)}"
    )


def _markdown_leaks(leaks: tuple[Leak, ...]) -> str:
    lines = [f"- {day(leak.landed_at)}: {escape_markdown(leak.reason)} {markdown_code(leak.check)}" for leak in leaks]
    return "\n".join(["### Leaks", "", *lines])


__all__ = ["findings"]
