"""What an audit and its records are, as text for a terminal."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from branchsim.formatting import day, duration, many, minute, plain, short_id

if TYPE_CHECKING:
    from branchsim.audit.audit import Audit
    from branchsim.audit.conformance import Violation
    from branchsim.audit.findings import Finding
    from branchsim.audit.inspect import Inspection
    from branchsim.audit.leaks import Leak
    from branchsim.audit.match import Match
    from branchsim.audit.overwrites import Overwrite
    from branchsim.audit.trace import Trace
    from branchsim.audit.verdicts import Obligation
    from branchsim.audit.windows import Window

SHOWN = 10
"""How many records a summary names."""


def _lines(first: str, *more: str) -> str:
    return "\n".join([first, *(f"  {line}" for line in more if line)])


def _command(check: str) -> str:
    return f"$ {plain(check)}" if check else ""


def _rest(count: int, attribute: str) -> str:
    return f"... and {count - SHOWN:,} more: {attribute}" if count > SHOWN else ""


def audit_text(audit: Audit) -> str:
    """The numbers of an audit, and its most urgent findings."""
    counts = ", ".join(f"{count:,} {verdict}" for verdict, count in audit.counts().items())
    branches = [plain(branch.name) for branch in audit.topology.branches]
    named = ", ".join([*branches[:SHOWN], *(["..."] if len(branches) > SHOWN else [])])
    also = [
        f"{many(len(audit.overwrite_records), 'overwrite')}, {len(audit.open_overwrites):,} open",
        many(len(audit.leak_records), "leak"),
        many(len(audit.window_records), "freeze window"),
        many(len(audit.violation_records), "violation"),
    ]
    parts = [
        f"topology {plain(audit.topology.name)}: {named}",
        f"{many(audit.change_count, 'change')}, {many(len(audit.all_promotions), 'promotion')}",
        f"{many(len(audit.records), 'obligation')}: {counts or 'none'}",
        "; ".join(also),
    ]
    urgent = audit.open_records
    if urgent:
        parts.append("what needs a person first (audit.findings):")
        parts += [f"  {_obligation_line(record)}" for record in urgent[:SHOWN]]
        parts.append(_rest(len(urgent), "audit.findings"))
    return _lines(f"Audit of {plain(audit.repository)}, as of {minute(audit.as_of)}", *parts)


def _obligation_line(record: Obligation) -> str:
    late = ", overdue" if record.overdue else ""
    return (
        f"{record.verdict.value}{late}: {short_id(record.change)} {day(record.landed_at)} {plain(record.landed_on)} -> "
        f"{plain(record.owed_to)}: {plain(record.subject)}"
    )


def obligation_text(record: Obligation) -> str:
    """An obligation: what it is, why, and the command that shows it."""
    return _lines(_obligation_line(record), f"{plain(record.reason)} ({record.confidence:.2f})", _command(record.check))


def overwrite_text(record: Overwrite) -> str:
    """An overwrite: what was lost where, why, and the command that shows it."""
    return _lines(
        f"overwrite, {record.state.value}: {plain(record.path)} on {plain(record.branch)}, {day(record.landed_at)}, by "
        f"{short_id(record.landing)} ({record.cause.value}, rank {record.rank:.2f})",
        f"of {short_id(record.change)}: {plain(record.subject)}",
        plain(record.reason),
        _releases(record),
        _command(record.check),
    )


def _releases(record: Overwrite) -> str:
    """Which release had it first, and which went without it."""
    had = f"released in {plain(record.released_in)}" if record.released_in else ""
    without = f"not in {plain(', '.join(record.releases))}" if record.releases else ""
    return "; ".join(part for part in (had, without) if part)


def leak_text(record: Leak) -> str:
    """A leak."""
    return _lines(
        f"leak: {many(len(record.commits), 'commit')} to {plain(record.branch)}, {day(record.landed_at)}, with "
        f"{short_id(record.landing)}",
        plain(record.reason),
        _command(record.check),
    )


def window_text(record: Window) -> str:
    """A freeze window."""
    closed = f"closed {minute(record.closed_at)}" if record.closed_at is not None else "still open"
    return (
        f"freeze window: {plain(record.branch)} was ahead of {plain(record.closed_on)} for {duration(record.hours)}, "
        f"opened {minute(record.opened_at)}, {closed}, {many(len(record.hotfixes), 'hotfix', 'hotfixes')} inside"
    )


def violation_text(record: Violation) -> str:
    """A landing that the topology does not allow."""
    return _lines(
        f"{record.rule.value}: {short_id(record.landing)} on {plain(record.branch)}, {day(record.landed_at)}",
        plain(record.reason),
        _command(record.check),
    )


def finding_text(record: Finding) -> str:
    """A unit that a landing lost, with the lines before and after."""
    before = [f"- {plain(line)}" for line in record.before.splitlines()]
    after = [f"+ {plain(line)}" for line in record.after.splitlines()]
    return _lines(
        f"{record.what}: {plain(record.path)}: {plain(record.unit)} ({record.cause.value}, rank {record.rank:.2f})",
        plain(record.reason),
        *before,
        *after,
        _command(record.check),
    )


def match_text(found: Match) -> str:
    """The numbers of a match, and the first of what is missing."""
    rungs = Counter(pair.evidence.value for pair in found.counterparts)
    told = ", ".join(f"{count:,} by {rung}" for rung, count in rungs.most_common())
    missing = [
        f"  {short_id(each.source)} {each.applies.value}: {plain(found.subjects.get(each.source, ''))}"
        for each in found.missing_commits[:SHOWN]
    ]
    return _lines(
        f"{plain(found.source)} on {plain(found.target)}: {many(len(found.counterparts), 'pair')}, "
        f"{len(found.missing_commits):,} missing, {len(found.skipped):,} skipped",
        f"found {told}" if told else "",
        "missing (match.missing):" if missing else "",
        *missing,
        _rest(len(found.missing_commits), "match.missing"),
    )


def trace_text(found: Trace) -> str:
    """Where a change is live now, and how it came to that."""
    return _lines(
        f"{short_id(found.change)} {plain(found.subject)} ({plain(found.author)})",
        plain(found.answer),
        *(
            f"{minute(step.at)}  {step.event.value} on {plain(step.branch)}: {step.state}, "
            f"with {short_id(step.landing)} {plain(step.subject)}"
            for step in found.turns
        ),
    )


def inspection_text(found: Inspection) -> str:
    """What a commit lost, the highest rank first."""
    named = [
        f"{each.rank:.2f} {each.what} ({each.cause.value}): {plain(each.path)}: {plain(each.unit)}"
        for each in found.records[:SHOWN]
    ]
    return _lines(
        f"{found.kind} {short_id(found.commit)} {plain(found.subject)}: {many(len(found.records), 'finding')}",
        *named,
        _rest(len(found.records), "inspection.findings"),
    )


__all__ = [
    "SHOWN",
    "audit_text",
    "finding_text",
    "inspection_text",
    "leak_text",
    "match_text",
    "obligation_text",
    "overwrite_text",
    "trace_text",
    "violation_text",
    "window_text",
]
