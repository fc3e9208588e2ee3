"""What an audit and its records are, as HTML for notebooks: escaped, folded, without script, in any theme."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from branchsim.formatting import (
    Html,
    block,
    code,
    day,
    directory_name,
    dot,
    duration,
    facts,
    folded,
    ident,
    join,
    listing,
    many,
    minute,
    page,
    place_named,
    table,
    tag,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from branchsim.audit.audit import Audit
    from branchsim.audit.conformance import Violation
    from branchsim.audit.findings import Finding
    from branchsim.audit.inspect import Inspection
    from branchsim.audit.leaks import Leak
    from branchsim.audit.match import Match, Skipped
    from branchsim.audit.overwrites import Overwrite
    from branchsim.audit.trace import Trace
    from branchsim.audit.verdicts import Obligation
    from branchsim.audit.windows import Window
    from branchsim.names import Sha

SHOWN = 12
"""How many records are listed; the tables hold all."""

TONES: dict[str, str] = {
    "lost": "lost",
    "missed": "bad",
    "partial": "late",
    "late": "late",
    "retrofitted": "good",
    "superseded": "info",
    "reverted": "calm",
    "waived": "muted",
    "open": "bad",
    "restored": "good",
    "accepted": "muted",
}
"""The tone of each verdict and state."""


TONES_OF_STATES: dict[str, str] = {
    "live": "good",
    "partial": "late",
    "undone": "bad",
    "gone": "bad",
    "rewritten": "info",
}
"""The tone of each state of a change on a branch."""


def audit_html(audit: Audit) -> str:
    """An audit: its numbers, then what needs a person, then how it was read."""
    counts = audit.counts()
    numbers = table(
        ("obligations", "number"),
        [(dot(verdict, TONES.get(verdict, "muted")), count) for verdict, count in counts.items()],
    )
    other = table(
        ("also found", "number"),
        [
            ("overwrites, open", len(audit.open_overwrites)),
            ("overwrites, all", len(audit.overwrite_records)),
            ("leaks", len(audit.leak_records)),
            ("freeze windows", len(audit.window_records)),
            ("violations", len(audit.violation_records)),
        ],
    )
    sizes = f"{many(audit.change_count, 'change')}, {many(len(audit.all_promotions), 'promotion')}"
    reading = f"{audit.topology.name}, {place_named(audit.origin, audit.repository)}; {sizes}"
    return page(
        join(["Audit of ", code(directory_name(audit.repository)), " as of ", minute(audit.as_of)]),
        tag("div", reading, kind="quiet"),
        numbers or tag("p", "No change is owed to another branch."),
        _section("What needs a person", audit.open_records, obligation_item, "audit.findings", unfolded=True),
        _section("Open overwrites", audit.open_overwrites, overwrite_item, "audit.overwrites", unfolded=True),
        other,
        _section("Leaks", audit.leak_records, leak_item, "audit.leaks"),
        _section("Freeze windows", _longest(audit.window_records), _window, "audit.windows"),
        _section("Violations", audit.violation_records, _violation, "audit.violations"),
        folded("How it was read", listing([*audit.reasons, *audit.notes])),
        _skipped(audit.skipped, audit.left_out),
        tag("div", join(["Tables: ", code("audit.obligations"), " ..., pictures: ", code("audit.plot.timeline()"), ""]),
            kind="quiet"),
    )  # fmt: skip


def _longest(windows: Iterable[Window]) -> list[Window]:
    return sorted(windows, key=lambda window: (-window.hours, window.opened_at, window.branch))


def _section(
    title: str, records: Sequence[Any], form: Callable[[Any], Html], attribute: str, *, unfolded: bool = False
) -> Html:
    parts = [form(record) for record in records[:SHOWN]]
    if len(records) > SHOWN:
        parts.append(tag("div", join([f"and {len(records) - SHOWN:,} more: ", code(attribute)]), kind="quiet"))
    return folded(f"{title} ({len(records):,})", join(parts), unfolded=unfolded)


def _skipped(skipped: Sequence[Skipped], left_out: Mapping[str, int]) -> Html:
    rules = sorted(left_out.items(), key=lambda item: (-item[1], item[0]))
    parts = [
        table(("lost, and does not matter, by rule", "number"), rules),
        table(("not read", "why"), [(code(each.what), each.reason) for each in skipped[:SHOWN]]),
    ]
    if len(skipped) > SHOWN:
        parts.append(tag("div", f"and {len(skipped) - SHOWN:,} more", kind="quiet"))
    return folded(f"What was left out ({len(skipped) + sum(left_out.values()):,})", join(parts))


def _ids(shas: Iterable[Sha]) -> Html:
    known = list(shas)
    shown = join([ident(sha) for sha in known[:SHOWN]], " ")
    return join([shown, f" and {len(known) - SHOWN:,} more"]) if len(known) > SHOWN else shown


# -- obligations -----------------------------------------------------------------------------------------------------


def _obligation_title(record: Obligation) -> Html:
    verdict = record.verdict.value
    word = f"{verdict}, overdue" if record.overdue else verdict
    way = f"{record.landed_on} → {record.owed_to}"
    parts = [ident(record.change), record.subject, way, day(record.landed_at)]
    return join([dot(word, TONES.get(verdict, "muted")), *parts], " · ")


def obligation_body(record: Obligation) -> Html:
    """What is known of one obligation, as names and values."""
    return facts(
        [
            ("why", record.reason),
            ("check", code(record.check) if record.check else None),
            ("evidence", f"{record.evidence.value}, confidence {record.confidence:.2f}"),
            ("landed", join([ident(record.landing), f" on {record.landed_on}, {minute(record.landed_at)}"])),
            ("counterpart", ident(record.counterpart) if record.counterpart else None),
            ("on the target", _at(record)),
            ("deadline", ident(record.deadline) if record.deadline else None),
            ("author", record.author),
            ("family", record.family),
            ("commits", _ids(record.commits)),
        ]
    )


def _at(record: Obligation) -> Html | None:
    if record.at is None:
        return None
    return join([ident(record.at), f" on {record.owed_to}, {minute(record.arrived_at)}"])


def obligation_item(record: Obligation) -> Html:
    """One obligation as an item of a list, folded."""
    return folded(_obligation_title(record), obligation_body(record))


def obligation_html(record: Obligation) -> str:
    """One obligation with its evidence."""
    return page(_obligation_title(record), obligation_body(record))


# -- overwrites ------------------------------------------------------------------------------------------------------


def _overwrite_title(record: Overwrite) -> Html:
    state = record.state.value
    where = join([code(record.path), " on ", record.branch])
    parts = [f"{record.rank:.2f}", where, record.cause.value, day(record.landed_at)]
    return join([dot(state, TONES.get(state, "muted")), *parts], " · ")


def _overwrite_body(record: Overwrite) -> Html:
    restored = None
    if record.restored_by is not None:
        restored = join([ident(record.restored_by), f" {minute(record.restored_at)}"])
    return facts(
        [
            ("why", record.reason),
            ("check", code(record.check) if record.check else None),
            ("change", join([ident(record.change), " ", record.subject])),
            ("dropped by", join([ident(record.dropped_by), ", landed with ", ident(record.landing)])),
            ("what was lost", block("\n".join(record.marked[:SHOWN])) if record.units else None),
            ("what stands there", record.fate),
            ("brought back by", restored),
            ("superseded by", ident(record.superseded_by) if record.superseded_by else None),
            ("was in release", record.released_in),
            ("releases without it", ", ".join(record.releases[:SHOWN])),
            ("confidence", f"{record.confidence:.2f}"),
        ]
    )


def overwrite_item(record: Overwrite) -> Html:
    """One overwrite as an item of a list, folded."""
    return folded(_overwrite_title(record), _overwrite_body(record))


def overwrite_html(record: Overwrite) -> str:
    """One overwrite with what was lost."""
    return page(_overwrite_title(record), _overwrite_body(record))


# -- leaks, windows, violations --------------------------------------------------------------------------------------


def _leak_title(record: Leak) -> Html:
    return join([many(len(record.commits), "commit"), f" from {record.came_from} to {record.branch} · ",
                 ident(record.landing), f" · {day(record.landed_at)}"])  # fmt: skip


def _leak_body(record: Leak) -> Html:
    return facts([("why", record.reason), ("check", code(record.check)), ("commits", _ids(record.commits))])


def leak_item(record: Leak) -> Html:
    """One leak as an item of a list, folded."""
    return folded(_leak_title(record), _leak_body(record))


def leak_html(record: Leak) -> str:
    """One leak."""
    return page(join(["Leak: ", _leak_title(record)]), _leak_body(record))


def _window_title(record: Window) -> Html:
    return join(
        [f"{record.branch} ahead of {record.closed_on} for {duration(record.hours)} from {minute(record.opened_at)}"]
    )


def _window_body(record: Window) -> Html:
    closed = "still open"
    if record.closed_by is not None:
        closed = join([ident(record.closed_by), f" {minute(record.closed_at)}"])
    return facts(
        [
            ("opened by", join([ident(record.opened_by), f" from {record.source}" if record.source else ""])),
            ("closed by", closed),
            ("hotfixes inside", _ids(record.hotfixes) or "none"),
        ]
    )


def _window(record: Window) -> Html:
    return folded(_window_title(record), _window_body(record))


def window_html(record: Window) -> str:
    """One freeze window."""
    return page(join(["Freeze window: ", _window_title(record)]), _window_body(record))


def _violation_title(record: Violation) -> Html:
    return join([record.rule.value, " · ", ident(record.landing), f" on {record.branch} · {day(record.landed_at)}"])


def _violation_body(record: Violation) -> Html:
    source = f"{record.source} (inferred)" if record.source and record.inferred else record.source
    return facts([("why", record.reason), ("check", code(record.check)), ("from", source)])


def _violation(record: Violation) -> Html:
    return folded(_violation_title(record), _violation_body(record))


def violation_html(record: Violation) -> str:
    """One landing that the topology does not allow."""
    return page(join(["Violation: ", _violation_title(record)]), _violation_body(record))


# -- inspections and matches -----------------------------------------------------------------------------------------


def _finding_title(record: Finding) -> Html:
    return join([dot(record.what, "bad"), f" · {record.rank:.2f} · ", code(record.path), f" · {record.cause.value} · ",
                 code(record.unit)])  # fmt: skip


def _finding_body(record: Finding) -> Html:
    return facts(
        [
            ("why", record.reason),
            ("check", code(record.check)),
            ("before", block(record.before) if record.before else None),
            ("after", block(record.after) if record.after else None),
            ("side", record.side),
            ("what stands there", record.fate),
            ("brought by", _ids(record.changes)),
            ("restored by", ident(record.restored_by) if record.restored_by else None),
        ]
    )


def _finding(record: Finding) -> Html:
    return folded(_finding_title(record), _finding_body(record))


def finding_html(record: Finding) -> str:
    """One unit that a landing lost, with the lines before and after."""
    return page(_finding_title(record), _finding_body(record))


def inspection_html(found: Inspection) -> str:
    """What one commit dropped or brought back."""
    return page(
        join([f"{found.kind} ", ident(found.commit), " ", found.subject]),
        _section("Findings", found.records, _finding, "inspection.findings", unfolded=True)
        or tag("p", "It lost nothing."),
        folded(
            f"Commits named ({len(found.subjects):,})",
            table(("commit", "what"), [(ident(sha), said) for sha, said in list(found.subjects.items())[:SHOWN]]),
        ),
        _skipped(found.skipped, found.left_out),
    )


def trace_html(found: Trace) -> str:
    """Where a change is live on each branch, and the landings that made it so."""
    standings = [
        (
            each.branch,
            dot(each.state, TONES_OF_STATES.get(each.state, "muted")),
            f"{each.share:.0%}",
            minute(each.since),
            join([each.evidence.value if each.evidence else "", " ", ident(each.counterpart)]),
        )
        for each in found.standings
    ]
    turns = [
        (
            tag("span", minute(step.at), kind="whole"),
            step.branch,
            tag("span", dot(step.event.value, TONES_OF_STATES.get(step.state, "muted")), kind="whole"),
            f"{step.state}, {step.share:.0%}",
            join([ident(step.landing), " ", step.subject]),
        )
        for step in found.turns
    ]
    quiet = len(found.steps) - len(turns)
    return page(
        join([ident(found.change), f" {found.subject} ({found.author})"]),
        table(("branch", "holds now", "share", "since", "how it came"), standings),
        folded("What happened", table(("when", "where", "what", "afterwards", "with"), turns), unfolded=True),
        tag("div", f"{many(quiet, 'more landing')} touched its files and left it as it was", kind="quiet")
        if quiet
        else "",
    )


def match_html(found: Match) -> str:
    """Which commits of one revision are on another, and which are not."""
    rungs = Counter(pair.evidence.value for pair in found.counterparts)
    pairs = table(
        ("source", "target", "evidence", "confidence", "subject"),
        [
            (ident(pair.source), ident(pair.target), pair.evidence.value, pair.confidence,
             found.subjects.get(pair.source, ""))
            for pair in found.counterparts[:SHOWN]
        ],
    )  # fmt: skip
    missing = table(
        ("source", "applies", "subject", "why"),
        [
            (ident(each.source), each.applies.value, found.subjects.get(each.source, ""), each.reason)
            for each in found.missing_commits[:SHOWN]
        ],
    )
    return page(
        join([code(found.source), " on ", code(found.target)]),
        table(
            ("commits", "number"),
            [*((dot(f"found by {rung}", "good"), count) for rung, count in rungs.most_common()),
             (dot("missing", "bad"), len(found.missing_commits)), (dot("skipped"), len(found.skipped))],
        ),
        folded(f"Missing ({len(found.missing_commits):,}), all in match.missing", missing, unfolded=True),
        folded(f"Pairs ({len(found.counterparts):,}), all in match.matches", pairs),
        _skipped(found.skipped, {}),
    )  # fmt: skip


__all__ = [
    "SHOWN",
    "TONES",
    "audit_html",
    "finding_html",
    "inspection_html",
    "leak_html",
    "leak_item",
    "match_html",
    "obligation_body",
    "obligation_html",
    "obligation_item",
    "overwrite_html",
    "overwrite_item",
    "trace_html",
    "violation_html",
    "window_html",
]
