"""``branchsim demo``: build a sample repository, audit it, and say what to look at."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from branchsim.cli import CLEAN, complete
from branchsim.formatting import many

if TYPE_CHECKING:
    from branchsim.audit.audit import Audit
    from branchsim.audit.overwrites import Overwrite
    from branchsim.audit.verdicts import Obligation

_SHOWN = 12

_HEADINGS = {"lost": "it arrived and was dropped", "missed": "it never arrived", "partial": "only a part arrived"}


def demo(
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep", help="Where the repository is built: an empty or a new directory; else a temporary one."
        ),
    ] = None,
    name: Annotated[
        str,
        typer.Option(
            "--sample",
            help="Which sample: 'story' (37 commits) or 'year' (1,500 commits).",
            autocompletion=complete.names(complete.samples),
        ),
    ] = "story",
) -> int:
    """Build a sample repository, audit it, and show what was found and how to check it.

    Example: branchsim demo --keep shop

    Exit code 0, whatever is found; 2 if the directory cannot be used.
    """
    from branchsim.audit.audit import audit
    from branchsim.cli.output import paragraph, say
    from branchsim.cli.progress import progress
    from branchsim.sample import load, sample

    chosen = sample(name)
    where = load(name, keep if keep is not None else tempfile.mkdtemp(prefix=f"branchsim-{name}-"))
    with progress() as report:
        found = audit(where, cache=None, report=report)
    say(paragraph(f"A sample repository: {chosen.title}.") + f"\n\n    cd {shlex.quote(str(where))}\n")
    _show(found)
    _next(found, where)
    return CLEAN


def _show(found: Audit) -> None:
    from branchsim.cli.output import paragraph, say, table

    rows = [(record.verdict.value, _told(found, record)) for record in found.open_records]
    rows += [("overwritten", _gone(found, group)) for group in _by_change(found.open_overwrites)]
    rows += [("leak", f"{leak.reason}\n$ {leak.check}\n") for leak in found.leak_records]
    what = "what happened, and the command that shows it"
    table("What needs a person", ("", what), rows[:_SHOWN], flexible=what)
    if len(rows) > _SHOWN:
        say(f"... and {len(rows) - _SHOWN} more.\n")
    counts = ", ".join(f"{count} {verdict}" for verdict, count in found.counts().items())
    say(paragraph(f"{many(len(found.records), 'change')} owed to another branch: {counts}.") + "\n")


def _told(found: Audit, record: Obligation) -> str:
    what = _HEADINGS.get(record.verdict.value, record.verdict.value)
    titles = _titles(found, record)
    return f"{titles}: landed on {record.landed_on}; on {record.owed_to} {what}.\n{record.reason}\n$ {record.check}\n"


def _by_change(records: Sequence[Overwrite]) -> list[list[Overwrite]]:
    """The overwrites of one change together, the first one first; changes in the order of what deserves attention."""
    groups: dict[str, list[Overwrite]] = {}
    for record in records:
        groups.setdefault(record.change, []).append(record)
    return [sorted(group, key=lambda record: record.landed_at) for group in groups.values()]


def _gone(found: Audit, group: Sequence[Overwrite]) -> str:
    first = group[0]
    branches = ", ".join(dict.fromkeys(record.branch for record in group))
    file = first.path.rpartition("/")[2]
    return f"{_titles(found, first)} ({file}): gone from {branches}.\n{first.reason}\n$ {first.check}\n"


def _titles(found: Audit, record: Obligation | Overwrite) -> str:
    """What the commits of a change are called: the message of its merge only names a branch."""
    own = [found.history.commit(sha) for sha in record.commits]
    subjects: Sequence[str] = [commit.subject for commit in own if not commit.is_merge]
    return "; ".join(subjects) or record.subject


def _next(found: Audit, where: Path) -> None:
    from branchsim.cli.output import say

    last = found.topology.last_branches()[0]
    first = found.topology.branches[0].name
    directory = shlex.quote(str(where))
    say("Where to look next:")
    for command, why in (
        (f"branchsim audit {directory} --format markdown", "every finding, to hand on"),
        (f"branchsim match {directory} -s {last} -t {first}", f"what of {last} is on {first}, and as what"),
        (f"git -C {directory} log --oneline --graph --all", "the history itself"),
        ("branchsim audit PATH/TO/YOUR/REPOSITORY", "your own"),
    ):
        say(f"  {command}\n      {why}")
