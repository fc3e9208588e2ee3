"""How an audit was read: the topology and its reasons, what was left out, and what to keep in mind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from branchsim.formatting import (
    code,
    directory_name,
    escape_markdown,
    facts,
    folded,
    join,
    listing,
    minute,
    place_named,
    plain,
    table,
)
from branchsim.report.section import Section, body, markdown_code, markdown_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from branchsim.audit.audit import Audit
    from branchsim.topology import ObligationRule

_SKIPPED = 50


def reading(audit: Audit) -> Section:
    """What an audit rests on.

    Parameters
    ----------
    audit : Audit
        The audit.

    Returns
    -------
    Section
        The topology and where it comes from, what is owed where, notes, and everything that was left out with its rule.
    """
    from branchsim import __version__

    origin = place_named(audit.origin, audit.repository)
    pairs = [
        ("repository", directory_name(audit.repository)),
        ("state as of", minute(audit.as_of)),
        ("topology", f"{audit.topology.name}, {origin}"),
        ("looked for", ", ".join(audit.checks)),
        ("branchsim", __version__),
    ]
    owed = [_rule(rule) for rule in audit.topology.obligation_rules()]
    notes = [place_named(each, audit.repository) for each in (*audit.reasons, *audit.notes)]
    rules = sorted(
        ((rule, count) for rule, count in audit.left_out.items() if count), key=lambda item: (-item[1], item[0])
    )
    skipped = audit.skipped[:_SKIPPED]
    more = f"and {len(audit.skipped) - _SKIPPED:,} more" if len(audit.skipped) > _SKIPPED else ""
    return Section(
        body(
            facts(pairs),
            folded(f"What is owed ({len(owed)})", listing(owed), unfolded=True),
            folded(f"Notes and reasons ({len(notes)})", listing(notes), unfolded=True),
            folded("Lost, and no loss, by rule", table(("rule", "units"), rules), unfolded=True),
            folded(
                f"Not read ({len(audit.skipped):,})",
                join([table(("what", "why"), [(code(each.what), each.reason) for each in skipped]), more]),
            ),
        ),
        "\n\n".join(
            part
            for part in (
                markdown_table(("", ""), [(escape_markdown(name), escape_markdown(value)) for name, value in pairs]),
                _listed("What is owed:", map(escape_markdown, owed)),
                _listed("Notes and reasons:", map(escape_markdown, notes)),
                _listed(
                    "Lost, and no loss, by rule:", (f"{escape_markdown(rule)}: {count:,}" for rule, count in rules)
                ),
                _listed(
                    "Not read:", (f"{markdown_code(each.what)}: {escape_markdown(each.reason)}" for each in skipped)
                ),
                more,
            )
            if part
        ),
        "\n".join(
            [
                *(f"{name}: {plain(value)}" for name, value in pairs),
                *(f"owed: {plain(each)}" for each in owed),
                *(f"note: {plain(each)}" for each in notes),
                *(f"left out, {plain(rule)}: {count:,}" for rule, count in rules),
                *(f"not read: {plain(each.what)}: {plain(each.reason)}" for each in skipped),
                *([more] if more else []),
            ]
        ),
    )


def _listed(title: str, items: Iterable[str]) -> str:
    """A list in Markdown under its title; empty without an item."""
    lines = [f"- {item}" for item in items]
    return "\n".join([title, "", *lines]) if lines else ""


def _rule(rule: ObligationRule) -> str:
    """What is owed, as a sentence."""
    of = f" from {', '.join(rule.families)}" if rule.families else ""
    before = ", ".join(f"{flow.source} → {flow.target}" for flow in rule.deadlines)
    return f"what lands on {rule.landed_on}{of} is owed to {rule.owed_to}{f', before {before}' if before else ''}"


__all__ = ["reading"]
