"""The parts of a printed audit that are not obligations: overwrites, leaks, freeze windows, violations."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from branchsim.cli.output import day, one_line, paragraph, say, table
from branchsim.formatting import duration, many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchsim.audit.audit import Audit
    from branchsim.audit.overwrites import Overwrite

_SHOWN = 8
_UNITS = 2
_BRANCHES = 3
_RELEASES = 3


def print_sections(found: Audit, *, min_rank: float, everything: bool) -> None:
    """Print what was overwritten, what leaked, when RUN was frozen, and what the topology does not allow."""
    _print_overwrites(found, min_rank=min_rank, everything=everything)
    _print_leaks(found, everything=everything)
    _print_windows(found)
    _print_violations(found)


def _worst(records: Sequence[Overwrite], min_rank: float) -> list[list[Overwrite]]:
    """The overwrites of at least a rank, those of one commit together on whatever branches, the highest rank first."""
    groups: dict[str, list[Overwrite]] = {}
    for record in records:
        if record.rank >= min_rank:
            groups.setdefault(record.dropped_by, []).append(record)
    return list(groups.values())


def _print_overwrites(found: Audit, *, min_rank: float, everything: bool) -> None:
    if "overwrites" not in found.checks:
        return
    groups = _worst(found.open_overwrites, min_rank)
    shown = groups if everything else groups[:_SHOWN]
    if shown:
        last = "what was overwritten, and the command that shows it"
        table(
            f"Overwritten (rank {min_rank:g} and above, still open)",
            ("rank", "landing", last),
            [
                (
                    f"{records[0].rank:.2f}",
                    "\n".join((records[0].landing[:12], day(records[0].landed_at), *_branches(records))),
                    "\n".join(_told(records)),
                )
                for records in shown
            ],
            flexible=last,
        )
    if len(groups) > len(shown):
        say(f"... and {many(len(groups) - len(shown), 'more commit')}: --all lists them.\n")
    states = Counter(record.state.value for record in found.overwrite_records)
    counted = ", ".join(f"{count} {name}" for name, count in sorted(states.items())) or "none"
    left = sum(found.left_out.values())
    total = many(len(found.overwrite_records), "overwrite")
    say(paragraph(f"{total}: {counted}; {many(left, 'lost unit')} left out as no loss."))


def _branches(records: Sequence[Overwrite]) -> list[str]:
    names = list(dict.fromkeys(record.branch for record in records))
    return [one_line(name) for name in names[:_BRANCHES]] + (
        [f"{len(names) - _BRANCHES} more"] if len(names) > _BRANCHES else []
    )


def _told(records: Sequence[Overwrite]) -> list[str]:
    first = records[0]
    paths = list(dict.fromkeys(record.path for record in records))
    more = f" and {many(len(paths) - 1, 'more file')}" if len(paths) > 1 else ""
    told = [f"{one_line(paths[0])}{more}: {one_line(first.subject)}"]
    told += [f"  {one_line(unit)}" for unit in first.marked[:_UNITS]]
    told.append(f"{first.cause.value}: {one_line(first.reason)}")
    if first.released_in:
        told.append(f"released in: {one_line(first.released_in)}")
    without = list(dict.fromkeys(release for record in records for release in record.releases))
    if without:
        told.append(f"released without it: {', '.join(map(one_line, without[:_RELEASES]))}")
    told.append(f"$ {one_line(first.check)}")
    return told


def _print_leaks(found: Audit, *, everything: bool) -> None:
    leaks = found.leak_records[::-1]
    shown = leaks if everything else leaks[:_SHOWN]
    if shown:
        table(
            "Leaked into a branch past its flows",
            ("landing", "what came along, and the command that shows it"),
            [
                (
                    "\n".join((leak.landing[:12], day(leak.landed_at), leak.branch)),
                    f"{one_line(leak.reason)}\n$ {one_line(leak.check)}",
                )
                for leak in shown
            ],
            flexible="what came along, and the command that shows it",
        )
    if len(leaks) > len(shown):
        say(f"... and {many(len(leaks) - len(shown), 'more leak')}: --all lists them.\n")


def _print_windows(found: Audit) -> None:
    windows = found.window_records
    if windows:
        still = sum(window.closed_by is None for window in windows)
        hours = sum(window.hours for window in windows)
        fixes = sum(len(window.hotfixes) for window in windows)
        say(
            paragraph(
                f"{many(len(windows), 'freeze window')}, {duration(hours)} in all, {still} still open; "
                f"{many(fixes, 'change')} landed inside one and shipped with its version."
            )
        )


def _print_violations(found: Audit) -> None:
    if not found.violation_records:
        return
    rules = Counter((each.branch, each.rule.value) for each in found.violation_records)
    told = ", ".join(f"{count} {rule} on {one_line(branch)}" for (branch, rule), count in sorted(rules.items()))
    say(paragraph(f"{many(len(found.violation_records), 'landing')} that the topology does not allow: {told}."))
