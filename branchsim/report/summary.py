"""The page that a manager reads: what happened in two sentences, the numbers, and what to fix first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from branchsim.formatting import (
    Html,
    code,
    day,
    directory_name,
    duration,
    escape,
    escape_markdown,
    join,
    many,
    markup,
    place_named,
    plain,
    tag,
)
from branchsim.report.cases import Case, cases, headline
from branchsim.report.figures import Figures, figures
from branchsim.report.section import Section, body, markdown_code, markdown_table

if TYPE_CHECKING:
    from branchsim.audit.audit import Audit


def summary(audit: Audit, *, most: int = 5) -> Section:
    """What an audit found, to be read in a minute.

    Parameters
    ----------
    audit : Audit
        The audit.
    most : int
        So many changes are named as what to fix first.

    Returns
    -------
    Section
        A headline, the numbers, and the first of `cases`.
    """
    found = cases(audit)
    counted = figures(audit)
    said = headline(audit, found)
    tiles = _tiles(audit, counted)
    origin = place_named(audit.origin, audit.repository)
    about = plain(
        f"{directory_name(audit.repository)}, {day(counted.start)} to {day(counted.end)} (UTC), topology "
        f"{audit.topology.name!r}, {origin}: {many(audit.change_count, 'change')}, "
        f"{many(counted.releases, 'release')}."
    )
    first = found[:most]
    more = f"and {many(len(found) - len(first), 'more change')} that need a person" if len(found) > len(first) else ""
    return Section(
        body(
            tag("p", said, kind="headline"),
            Html(f'<div class="branchsim-tiles">{"".join(_tile(number, what) for number, what in tiles)}</div>'),
            tag("p", tag("b", "Fix first") if first else "Nothing needs a person."),
            _listed(first),
            tag("p", more) if more else "",
            tag("p", about, kind="quiet"),
        ),
        "\n\n".join(
            part
            for part in (
                f"**{escape_markdown(said)}**",
                markdown_table(("", ""), [(escape_markdown(what), f"**{escape_markdown(n)}**") for n, what in tiles]),
                "Fix first:" if first else "Nothing needs a person.",
                "\n".join(_markdown_line(place, case) for place, case in enumerate(first, start=1)),
                more,
                escape_markdown(about),
            )
            if part
        ),
        "\n".join(
            [
                said,
                *(f"{number:>12}  {what}" for number, what in tiles),
                *(["fix first:"] if first else []),
                *(f"{place:>3}. {plain(case.subject)}: {case.what}" for place, case in enumerate(first, start=1)),
                *([f"     {more}"] if more else []),
                about,
            ]
        ),
    )


def _tiles(audit: Audit, counted: Figures) -> list[tuple[str, str]]:
    """The numbers with what they count."""
    last = ", ".join(branch for branch in audit.topology.last_branches())
    tiles = []
    if counted.owed:
        tiles += [
            (f"{counted.absent:,} of {counted.owed:,}", "owed to another branch and not there"),
            (f"{counted.late:,}", "arrived late, after a promotion had passed"),
        ]
    if "overwrites" in audit.checks:
        tiles += [
            (f"{counted.overwritten_last:,}", f"overwritten and gone from {last}"),
            (f"{counted.overwritten - counted.overwritten_last:,}", "overwritten and gone from other branches only"),
        ]
    tiles.append((f"{counted.leaks:,}", f"{'leak' if counted.leaks == 1 else 'leaks'} past the flows"))
    if counted.owed:
        wait = duration(counted.wait_days * 24) if counted.wait_days is not None else "not reached"
        tiles.append((wait, "until half of what is owed has arrived"))
    if audit.window_records:
        tiles.append((duration(counted.frozen_days * 24), f"RUN was frozen, {counted.frozen_share:.0%} of the time"))
    return [(plain(number), plain(what)) for number, what in tiles]


def _tile(number: str, what: str) -> str:
    return f'<div><div class="branchsim-number">{escape(number)}</div><div>{escape(what)}</div></div>'


def _listed(first: tuple[Case, ...]) -> Html:
    items = "".join(
        f"<li>{markup(join([tag('b', case.subject), ': ', case.what, '. ', case.reason]))}"
        f"<div>{code(case.check) if case.check else ''}</div></li>"
        for case in first
    )
    return Html(f"<ol>{items}</ol>") if items else Html("")


def _markdown_line(place: int, case: Case) -> str:
    check = f" {markdown_code(case.check)}" if case.check else ""
    what, reason = escape_markdown(case.what), escape_markdown(case.reason)
    return f"{place}. **{escape_markdown(case.subject)}**: {what}. {reason}{check}"


__all__ = ["summary"]
