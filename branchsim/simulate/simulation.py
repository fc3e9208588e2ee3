"""The result of a simulation, as records, tables, text and HTML."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from branchsim.history import frames
from branchsim.simulate.hotfixes import difference
from branchsim.topology.render import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from branchsim.names import RefName, Sha
    from branchsim.plan import Plan
    from branchsim.simulate.records import (
        FileConflict,
        ForecastResult,
        Loss,
        ObligationState,
        Outcome,
        RefMove,
        StepResult,
    )

SCHEMA = 1
_SHOWN = 10

STEP_COLUMNS = {
    "number": frames.INTEGER,
    "step": frames.TEXT,
    "kind": frames.TEXT,
    "outcome": frames.TEXT,
    "branch": frames.TEXT,
    "source": frames.TEXT,
    "before": frames.TEXT,
    "commit": frames.TEXT,
    "tree": frames.TEXT,
    "commits": frames.OBJECT,
    "files": frames.INTEGER,
    "regions": frames.INTEGER,
    "resolved": frames.INTEGER,
    "losses": frames.INTEGER,
    "reason": frames.TEXT,
    "warnings": frames.OBJECT,
    "conflicting": frames.OBJECT,
    "overwritten": frames.OBJECT,
}

CONFLICT_COLUMNS = {
    "phase": frames.TEXT,
    "step": frames.TEXT,
    "path": frames.TEXT,
    "kind": frames.TEXT,
    "regions": frames.INTEGER,
    "base": frames.TEXT,
    "target": frames.TEXT,
    "source": frames.TEXT,
    "target_mode": frames.TEXT,
    "source_mode": frames.TEXT,
    "target_commits": frames.OBJECT,
    "target_authors": frames.OBJECT,
    "target_since": frames.TIME,
    "source_commits": frames.OBJECT,
    "source_authors": frames.OBJECT,
    "source_since": frames.TIME,
    "resolved_by": frames.TEXT,
    "message": frames.TEXT,
    "driver": frames.TEXT,
}

FORECAST_COLUMNS = {
    "variant": frames.TEXT,
    "number": frames.INTEGER,
    "source": frames.TEXT,
    "target": frames.TEXT,
    "method": frames.TEXT,
    "outcome": frames.TEXT,
    "incoming": frames.INTEGER,
    "files": frames.INTEGER,
    "regions": frames.INTEGER,
    "losses": frames.INTEGER,
    "paths": frames.OBJECT,
    "commit": frames.TEXT,
    "tree": frames.TEXT,
    "reason": frames.TEXT,
    "conflicting": frames.OBJECT,
    "overwritten": frames.OBJECT,
}


OBLIGATION_COLUMNS = {
    "change": frames.TEXT,
    "subject": frames.TEXT,
    "family": frames.TEXT,
    "landing": frames.TEXT,
    "landed_on": frames.TEXT,
    "landed_at": frames.TIME,
    "owed_to": frames.TEXT,
    "before": frames.TEXT,
    "after": frames.TEXT,
    "overdue_before": frames.FLAG,
    "overdue_after": frames.FLAG,
    "landed_by": frames.TEXT,
    "settled_by": frames.TEXT,
    "confidence": frames.NUMBER,
    "reason": frames.TEXT,
    "commits": frames.OBJECT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What a plan would do. Ids only: the scratch repository it was found in may be gone.

    Attributes
    ----------
    plan : Plan
        The plan.
    repository : str
        The path of the source.
    results : tuple of StepResult
        What became of each step.
    expected : tuple of ForecastResult
        What the coming promotions would do, variant by variant.
    moves : tuple of RefMove
        The refs that move, sorted.
    notes : tuple of str
        What limits the result.
    owed : tuple of ObligationState or None
        The obligations before the plan and after it; None where nobody looked.
    owed_since : int or None
        Only those were looked at whose changes landed since then, in seconds since the epoch.
    seen : tuple of (str, Sha)
        The branches that the plan reads, as full ref names, and where they were.
    person : str
        ``Name <address>`` of the commits.
    pack : bytes
        The new objects that `moves` need, as git packs them; empty where nothing is new.
    """

    plan: Plan
    repository: str
    results: tuple[StepResult, ...]
    expected: tuple[ForecastResult, ...]
    moves: tuple[RefMove, ...]
    notes: tuple[str, ...] = ()
    owed: tuple[ObligationState, ...] | None = None
    owed_since: int | None = None
    seen: tuple[tuple[RefName, Sha], ...] = ()
    person: str = ""
    pack: bytes = field(default=b"", repr=False)

    @property
    def outcome(self) -> Outcome:
        """The outcome of the whole plan: that of the step that ended it, else ``regression`` if a step is one."""
        outcomes = [result.outcome for result in self.results]
        stops = [outcome for outcome in outcomes if outcome in {"conflict", "blocked"}]
        if stops:
            return stops[0]
        return "regression" if "regression" in outcomes else "clean"

    @property
    def steps(self) -> pd.DataFrame:
        """One row for each step of the plan, in order.

        Columns: ``number`` (Int64), ``step``, ``kind``, ``outcome`` (clean, conflict, blocked, regression), ``branch``,
        ``source``, ``before``, ``commit``, ``tree`` (ids; string), ``commits`` (tuple of those made, oldest first;
        for a gate those it objects to), ``files``, ``regions`` (of conflicts), ``resolved`` (files that were solved;
        Int64), ``losses`` (Int64, missing where nobody judged), ``reason`` (string), ``warnings`` (tuple of str),
        ``conflicting`` and ``overwritten`` (tuple of the hotfixes that meet in a conflict, or lose something).
        """
        return frames.frame(map(_step_row, self.results), STEP_COLUMNS)

    @property
    def conflicts(self) -> pd.DataFrame:
        """One row for each path in conflict: those of the plan, solved ones included, then those of the forecast.

        Columns: ``phase`` (``plan`` or the variant of the forecast), ``step``, ``path``, ``kind`` (string), ``regions``
        (Int64), ``base``, ``target``, ``source`` (ids of contents; string), ``target_mode``, ``source_mode`` (string);
        for each side ``_commits`` (tuple of the commits that meet there, newest first), ``_authors`` (tuple of str) and
        ``_since`` (datetime64[ns, UTC]); ``resolved_by`` (string, missing where nothing solved it), ``message``,
        ``driver`` (a merge driver that ``.gitattributes`` name for the path and that did not run: the conflict may be
        false; string, mostly missing).
        """
        return frames.frame(map(_conflict_row, self.file_conflicts()), CONFLICT_COLUMNS)

    @property
    def forecast(self) -> pd.DataFrame:
        """One row for each expected promotion in each variant.

        Columns: ``variant`` (with-retrofit, without-retrofit, after-plan, unchanged), ``number`` (Int64), ``source``,
        ``target``, ``method``, ``outcome`` (string), ``incoming`` (commits that come, merges left out), ``files``,
        ``regions`` (of conflicts; Int64), ``losses`` (Int64, missing where nobody judged), ``paths`` (tuple of those in
        conflict), ``commit``, ``tree``, ``reason`` (string), ``conflicting`` (tuple of the hotfixes that meet in a
        conflict), ``overwritten`` (tuple of the hotfixes of which something would be lost).
        """
        return frames.frame(map(_forecast_row, self.expected), FORECAST_COLUMNS)

    @property
    def difference(self) -> tuple[str, ...]:
        """What the retrofits change about the coming promotions, a line for each promotion that they change.

        Empty where the forecast has not both variants.
        """
        return difference(self.expected)

    @property
    def obligations(self) -> pd.DataFrame:
        """One row for each obligation whose change landed since `owed_since`, ascending in the time of landing.

        Columns: ``change``, ``subject``, ``family``, ``landing``, ``landed_on`` (string), ``landed_at``
        (datetime64[ns, UTC]), ``owed_to``, ``before``, ``after`` (verdicts of the audit; ``before`` is missing for what
        the plan lands), ``overdue_before``, ``overdue_after`` (boolean), ``landed_by``, ``settled_by`` (steps of the
        plan), ``confidence`` (Float64), ``reason`` (string), ``commits`` (tuple of ids). Empty where nobody looked: the
        notes say so then, and ``owed`` is None.
        """
        return frames.frame(map(_obligation_row, self.owed or ()), OBLIGATION_COLUMNS)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings of all steps, in order."""
        return tuple(warning for result in self.results for warning in result.warnings)

    @property
    def trees(self) -> dict[str, str]:
        """From the name of each step that went through to the tree of its branch afterwards."""
        done = (result for result in self.results if result.outcome in {"clean", "regression"})
        return {result.step: result.tree for result in done if result.tree is not None}

    def runbook(self, **options: Any) -> str:
        """The plan as commands for people, with the tree that is expected after each step: see `Plan.runbook`."""
        return self.plan.runbook(trees=self.trees, **options)

    def file_conflicts(self) -> Iterator[FileConflict]:
        """The conflicts of the plan, then those of the forecast."""
        for result in self.results:
            yield from result.conflicts
        for expected in self.expected:
            yield from expected.conflicts

    def losses(self) -> Iterator[tuple[str, str, Loss]]:
        """What would be lost: phase (``plan`` or a variant of the forecast), step or promotion, and loss."""
        for result in self.results:
            for loss in result.losses or ():
                yield "plan", result.step, loss
        for expected in self.expected:
            for loss in expected.losses or ():
                yield expected.variant, f"{expected.source} -> {expected.target}", loss

    @property
    def needs_a_person(self) -> bool:
        """Whether the plan, or a promotion after it, does not go through cleanly."""
        carried_out = [result for result in self.expected if result.variant in {"with-retrofit", "after-plan"}]
        return self.outcome != "clean" or any(result.outcome != "clean" for result in carried_out)

    def owed_in_short(self) -> list[ObligationState]:
        """The obligations that the plan changes, then those that stay open, the newest first."""
        changed = [each for each in self.owed or () if each.changes]
        still = [each for each in self.owed or () if each.is_open and not each.changes]
        return changed[::-1] + still[::-1]

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON holds it, schema 1. Times are ISO 8601, UTC."""
        return {
            "schema": SCHEMA,
            "plan": self.plan.name,
            "repository": self.repository,
            "outcome": self.outcome,
            "steps": [_listed(_step_row(result)) for result in self.results],
            "conflicts": [_dated(_listed(_conflict_row(conflict))) for conflict in self.file_conflicts()],
            "forecast": [_listed(_forecast_row(result)) for result in self.expected],
            "difference": list(self.difference),
            "losses": [
                {
                    "phase": phase,
                    "step": step,
                    "path": loss.path,
                    "what": loss.what,
                    "cause": loss.cause,
                    "reason": loss.reason,
                    "confidence": loss.confidence,
                    "change": loss.change,
                }
                for phase, step, loss in self.losses()
            ],
            "obligations": None
            if self.owed is None
            else [_listed(_obligation_row(state)) | {"landed_at": _iso(state.landed_at)} for state in self.owed],
            "obligations_since": _iso(self.owed_since),
            "refs": {move.ref: {"before": move.before, "after": move.after} for move in self.moves},
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        lines = [f"{plain(self.plan.name)}: {self.outcome}"]
        for result in self.results:
            lines.append(f"  {result.number}. {result.outcome:<10} {plain(result.step)}{_tail(result.reason)}")
            lines += _hotfix_lines(result)
            lines += [f"       {plain(_conflict_text(conflict))}" for conflict in result.conflicts]
            lines += [f"       lost: {plain(_loss_text(loss))}" for loss in result.losses or ()]
            lines += [f"       warning: {plain(warning)}" for warning in result.warnings]
        for variant in dict.fromkeys(result.variant for result in self.expected):
            lines.append(f"  forecast {variant}:")
            for expected in (result for result in self.expected if result.variant == variant):
                way = f"{expected.source} -> {expected.target}"
                lines.append(f"    {expected.outcome:<10} {plain(way)}{_tail(expected.reason)}")
                lines += _hotfix_lines(expected)
                lines += [f"       {plain(_conflict_text(conflict))}" for conflict in expected.conflicts]
                lines += [f"       lost: {plain(_loss_text(loss))}" for loss in expected.losses or ()]
        if self.difference:
            lines += ["  what the retrofit changes:", *(f"    {plain(line)}" for line in self.difference)]
        if self.owed is not None:
            lines += _owed_lines(self.owed, self.owed_since)
        lines += [f"  note: {plain(note)}" for note in self.notes]
        return "\n".join(lines) + "\n"

    def __repr__(self) -> str:
        return f"<Simulation of {self.plan.name!r}: {self.outcome}, {len(self.results)} steps>"

    def _repr_html_(self) -> str:
        from branchsim.simulate.html import simulation_html

        return simulation_html(self)


def _hotfix_lines(result: StepResult | ForecastResult) -> list[str]:
    return [f"       hotfixes {plain(line)}" for line in hotfix_text(result)]


def hotfix_text(result: StepResult | ForecastResult) -> list[str]:
    """The hotfixes that a step or promotion meets, in words."""
    both = (("in conflict", result.conflicting), ("overwritten", result.overwritten))
    return [f"{what}: {', '.join(names)}" for what, names in both if names]


def _owed_lines(owed: Sequence[ObligationState], since: int | None) -> list[str]:
    """The obligations as text: what changes, what stays open, and how many there are in all."""
    changed = [each for each in owed if each.changes]
    still = [each for each in owed if each.is_open and not each.changes]
    counts = f"{len(owed)} in all, {len(changed)} changed by the plan, {len(still)} open as before"
    lines = [f"  obligations since {(_iso(since) or 'ever')[:10]}: {counts}"]
    for group in (changed, still):
        for each in group[::-1][:_SHOWN]:
            head = f"{verdict_text(each)}: {each.change[:12]} {each.subject!r}, {each.landed_on} -> {each.owed_to}"
            lines.append(f"    {plain(head)}{_tail(each.reason)}")
        if len(group) > _SHOWN:
            lines.append(f"    and {len(group) - _SHOWN} more")
    return lines


def verdict_text(state: ObligationState) -> str:
    """How an obligation stands before and after a plan, in a few words."""
    before = "new" if state.before is None else state.before
    after = "no longer owed" if state.after is None else state.after + ", overdue" * state.overdue_after
    return after if state.before == state.after and not state.changes else f"{before} -> {after}"


def _obligation_row(state: ObligationState) -> dict[str, Any]:
    return {name: getattr(state, name) for name in OBLIGATION_COLUMNS}


def _step_row(result: StepResult) -> dict[str, Any]:
    return {
        "number": result.number,
        "step": result.step,
        "kind": result.kind,
        "outcome": result.outcome,
        "branch": result.branch,
        "source": result.source,
        "before": result.before,
        "commit": result.commit,
        "tree": result.tree,
        "commits": result.commits,
        "files": len(result.conflicts),
        "regions": sum(conflict.regions for conflict in result.conflicts),
        "resolved": sum(conflict.resolved_by is not None for conflict in result.conflicts),
        "losses": None if result.losses is None else len(result.losses),
        "reason": result.reason,
        "warnings": result.warnings,
        "conflicting": result.conflicting,
        "overwritten": result.overwritten,
    }


def _conflict_row(conflict: FileConflict) -> dict[str, Any]:
    return {
        "phase": conflict.phase,
        "step": conflict.step,
        "path": conflict.path,
        "kind": conflict.kind,
        "regions": conflict.regions,
        "base": conflict.base,
        "target": conflict.target,
        "source": conflict.source,
        "target_mode": conflict.target_mode,
        "source_mode": conflict.source_mode,
        "target_commits": conflict.of_target.commits,
        "target_authors": conflict.of_target.authors,
        "target_since": conflict.of_target.since,
        "source_commits": conflict.of_source.commits,
        "source_authors": conflict.of_source.authors,
        "source_since": conflict.of_source.since,
        "resolved_by": conflict.resolved_by,
        "message": conflict.message,
        "driver": conflict.driver,
    }


def _forecast_row(result: ForecastResult) -> dict[str, Any]:
    return {
        "variant": result.variant,
        "number": result.number,
        "source": result.source,
        "target": result.target,
        "method": result.method,
        "outcome": result.outcome,
        "incoming": result.incoming,
        "files": len(result.conflicts),
        "regions": sum(conflict.regions for conflict in result.conflicts),
        "losses": None if result.losses is None else len(result.losses),
        "paths": tuple(conflict.path for conflict in result.conflicts),
        "commit": result.commit,
        "tree": result.tree,
        "reason": result.reason,
        "conflicting": result.conflicting,
        "overwritten": result.overwritten,
    }


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in row.items()}


def _dated(row: dict[str, Any]) -> dict[str, Any]:
    return {key: _iso(value) if key.endswith("_since") else value for key, value in row.items()}


def _iso(at: int | None) -> str | None:
    if at is None:
        return None
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return None  # beyond the year 9999


def _conflict_text(conflict: FileConflict) -> str:
    solved = f", solved by {conflict.resolved_by}" if conflict.resolved_by is not None else ""
    meet = []
    for side, meeting in (("target", conflict.of_target), ("source", conflict.of_source)):
        if meeting.commits:
            shas = ", ".join(sha[:12] for sha in meeting.commits[:3])
            more = f" and {len(meeting.commits) - 3} more" if len(meeting.commits) > 3 else ""  # noqa: PLR2004
            since = (_iso(meeting.since) or "")[:10]
            meet.append(f"{side} {shas}{more} by {', '.join(meeting.authors[:3])}{f' since {since}' * bool(since)}")
    met = f": {'; '.join(meet)}" if meet else ""
    regions = f"{conflict.regions} region{'s' if conflict.regions != 1 else ''}"
    false = f", may be false: the merge driver {conflict.driver} did not run" if conflict.driver is not None else ""
    return f"{conflict.path} ({conflict.kind}, {regions}{solved}{false}){met}"


def _loss_text(loss: Loss) -> str:
    return f"{loss.path}: {loss.what} ({loss.cause}): {loss.reason}"


def _tail(reason: str) -> str:
    return f": {plain(reason)}" if reason else ""


__all__ = [
    "CONFLICT_COLUMNS",
    "FORECAST_COLUMNS",
    "OBLIGATION_COLUMNS",
    "SCHEMA",
    "STEP_COLUMNS",
    "Simulation",
    "hotfix_text",
]
