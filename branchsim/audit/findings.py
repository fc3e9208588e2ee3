"""Findings: a loss, who brought it, who decided that it goes, who brought it back, and how much it matters."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from branchsim.audit.causes import Cause
from branchsim.audit.deltas import Deltas
from branchsim.audit.knowing import Knowing, TakenBack, is_same_person
from branchsim.audit.losses import PathLosses
from branchsim.audit.pathlog import PathLog
from branchsim.audit.ranks import Evidence, rank
from branchsim.audit.repairs import Repairs, is_vague
from branchsim.audit.steps import Landed
from branchsim.effects import Fate, Fated, Region, Side, Unit, What
from branchsim.effects.text import MARKS, split_lines
from branchsim.formatting import plain, shorten
from branchsim.git.log import Commit
from branchsim.history.messages import is_revert_subject, reverted
from branchsim.names import Sha

_BROKEN = (What.UNRESOLVED, What.MALFORMED)
"""What nobody brought."""
_CONTEXT = 2
_WIDEST = 400
_TALLEST = 40


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Finding:
    """One unit that a landing lost.

    Attributes
    ----------
    path : str
        Where.
    unit : str
        The line, or the element as ``key = value``.
    side : str
        ``target`` if a live change was overwritten, ``source`` if an incoming one was not delivered, ``both``.
    what : str
        The row of the table: ``lost``, ``evil-removal``, ``deletion-undone``, ``unresolved``, ``malformed``.
    fate : str
        What stands in its place: ``edit-undone``, ``deletion-undone``, ``vanished``, ``evil-removal``, ``other-side``,
        ``rewritten``, ``unresolved``, ``malformed``.
    cause : Cause
        Who decided.
    before, after : str
        The lines before and after, in context.
    changes : tuple of Sha
        The commits that had brought it (or had removed it, where a deletion was undone).
    rank : float
        0 to 1: how much it deserves attention.
    restored_by : Sha or None
        The later commit that brought it back.
    reason : str
        One sentence that a person can check with git.
    check : str
        The git command that shows it.
    """

    path: str
    unit: str
    side: str
    what: str
    fate: str
    cause: Cause
    before: str
    after: str
    changes: tuple[Sha, ...]
    rank: float
    restored_by: Sha | None
    reason: str
    check: str

    def __repr__(self) -> str:
        where, unit = shorten(self.path, 60, cut="middle"), shorten(self.unit, 60)
        return plain(f"<Finding in {where}: {self.what} {unit}, {self.cause}, rank {self.rank:.2f}>")

    def __str__(self) -> str:
        from branchsim.audit.text import finding_text

        return finding_text(self)

    def _repr_html_(self) -> str:
        from branchsim.audit.html import finding_html

        return finding_html(self)


@dataclass(frozen=True, slots=True)
class Found:
    """A finding with the records it was made from, for callers that go on from there.

    ``why`` is the reason without what mended it, which need not have reached every branch that has the loss;
    ``successor`` is the later commit that took away what stands in the place of a lost unit, or the whole path.
    """

    finding: Finding
    why: str
    unit: Unit
    undone: bool
    names: tuple[bytes, ...]
    part: Landed
    origin: Commit | None
    restorer: Commit | None
    successor: Commit | None
    evidence: Evidence

    def ranked(self, evidence: Evidence) -> Found:
        """The same with other evidence, ranked anew."""
        return replace(self, evidence=evidence, finding=replace(self.finding, rank=rank(evidence)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfPath:
    """What all losses of one path have in common."""

    paths: int
    units: Counter[Fate]
    stood: float
    unresolved: bool
    on_purpose: bool
    lines: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Judge:
    """Turns the losses of one commit into findings.

    Attributes
    ----------
    commit : Commit
        The commit.
    log : callable
        From a tip to the history of the paths that lost something, up to there.
    later : PathLog
        What happened to these paths after the commit.
    taken : TakenBack
        What it took back to an older version.
    hotfix : callable
        Whether a commit came from a hotfix, or calls itself a fix.
    deltas : Deltas
        Reads what single changes did.
    forced : bool
        Whether the commit is only the first one after its branch was moved by force.
    """

    commit: Commit
    log: Callable[[Sha], PathLog]
    later: PathLog
    taken: TakenBack
    hotfix: Callable[[Commit], bool]
    deltas: Deltas
    forced: bool = False

    def findings(self, losses: Sequence[tuple[Landed, PathLosses]]) -> list[Found]:
        """One for each unit, in the order of the losses."""
        found = []
        on_purpose = losses != [] and self._on_purpose()
        for part, each in losses:
            found += self._of_path(part, each, len(losses), on_purpose=on_purpose)
        return self._knowingly(found)

    def _knowingly(self, found: list[Found]) -> list[Found]:
        """With those marked that a commit which takes files back took away knowingly."""
        stale = [
            (each, each.origin)
            for each in found
            if each.finding.cause is Cause.STALE_COMMIT and each.origin is not None
        ]
        if not stale:
            return found
        knowing = Knowing(self.commit, self.taken, self.hotfix, self.deltas)
        of_all = knowing.of_all([origin for _, origin in stale])
        by_path: dict[bytes, list[tuple[Found, Commit]]] = defaultdict(list)
        for each, origin in stale:
            by_path[each.evidence.path].append((each, origin))
        known: set[int] = set()
        for path, here in by_path.items():
            goes_with = knowing.goes_with([(each.unit, each.undone) for each, _ in here])
            no_loss = of_all or all(_is_switch(each.unit) for each, _ in here)
            known |= {
                id(each)
                for each, origin in here
                if goes_with or (no_loss and not self.hotfix(origin)) or knowing.of(path, origin)
            }
        return [each.ranked(replace(each.evidence, knew=True)) if id(each) in known else each for each in found]

    def _of_path(self, part: Landed, each: PathLosses, paths: int, *, on_purpose: bool) -> list[Found]:
        names = tuple(dict.fromkeys(each.names.values()))
        repairs = Repairs(self.later, names, [fated.verdict for fated in each.losses], self.commit)
        known = _OfPath(
            paths=paths,
            units=Counter(fated.fate for fated in each.losses),
            stood=repairs.stood,
            unresolved=_has_marks(each),
            on_purpose=on_purpose,
            lines={name: split_lines(text) for name, text in each.scene.stretches.items() if name != "base"},
        )
        found = _coherent([self._finding(part, each, fated, names, known, repairs) for fated in each.losses])
        each.scene.forget()
        return found

    def _finding(
        self, part: Landed, each: PathLosses, fated: Fated, names: tuple[bytes, ...], own: _OfPath, repairs: Repairs
    ) -> Found:
        verdict = fated.verdict
        tip = part.source if verdict.side is Side.SOURCE else part.target
        other = part.target if verdict.side is Side.SOURCE else part.source
        unresolved = verdict.what in _BROKEN
        undone = verdict.what is What.UNDONE or unresolved
        log = self.log(tip)
        # Who took away the marks of another conflict has nothing to do with this one.
        look = (lambda *_: None) if unresolved else log.removed if undone else log.brought
        origin = look(names, verdict.unit)
        restorer = repairs.of(verdict)
        cause = Cause.MERGE_RESOLUTION if unresolved and not self.commit.is_merge else self._cause(part, each)
        # A commit that takes a file back had what it takes away, and that is what is wrong with it.
        known_it = other != tip and not undone and cause is not Cause.STALE_COMMIT
        if known_it and self._decided(self.log(other), names, fated, origin):
            cause = Cause.SUPERSEDED
        clean = cause in (Cause.EVIL_MERGE, Cause.FORCE_PUSH)
        known = Evidence(
            fate=fated.fate,
            path=each.path,
            region=fated.region,
            clean=clean,
            whole_file=each.equals is not None,
            paths=own.paths,
            units=own.units[fated.fate],
            restored=repairs.strength(verdict),
            by_hand=restorer is not None and not restorer.is_merge,
            hotfix=origin is not None and self.hotfix(origin),
            reordered=fated.reordered,
            alike=fated.alike,
            vague=is_vague(verdict.unit),
            stood=own.stood,
            unresolved=own.unresolved or unresolved,
            on_purpose=(own.on_purpose or self._meant(fated, origin)) and not unresolved,
        )
        before, now = _excerpts(fated, own.lines)
        path = each.path.decode("utf-8", "replace")
        why = _reason(each, fated, origin, cause, self.taken.matches.get(each.path))
        finding = Finding(
            path=path,
            unit=str(verdict.unit),
            side=verdict.side.value,
            what=verdict.what.value,
            fate=fated.fate.value,
            cause=cause,
            before=before,
            after=now,
            changes=(origin.sha,) if origin is not None else (),
            rank=rank(known),
            restored_by=restorer.sha if restorer is not None else None,
            reason=why if restorer is None else f"{why}; {_mended(restorer, verdict.what)}",
            check=_check(self.commit, path),
        )
        successor = repairs.successor(fated) if restorer is None else None
        return Found(finding, why, verdict.unit, undone, names, part, origin, restorer, successor, known)

    def _cause(self, part: Landed, each: PathLosses) -> Cause:
        if self.forced:
            return Cause.FORCE_PUSH
        if each.path in self.taken.matches:
            return Cause.STALE_COMMIT
        if not self.commit.is_merge:
            return Cause.BLIND_OVERWRITE
        return Cause.MERGE_RESOLUTION if each.conflicted or part.conflicted else Cause.EVIL_MERGE

    def _on_purpose(self) -> bool:
        """Whether the commit says that it takes nothing of what it merges, or takes something back."""
        message = self.commit.message
        said = _TAKES_NOTHING.search(message) is not None
        return said or is_revert_subject(self.commit.subject) or bool(reverted(message))

    def _meant(self, fated: Fated, origin: Commit | None) -> bool:
        """Whether a merge was to have it so: it says what it did and not that it merges, or keeps what was reverted.

        Who reverts what is not ready on one branch, and merges that into the work, keeps the work.
        """
        if not self.commit.is_merge:
            return False
        if fated.fate is Fate.EVIL_REMOVAL:
            return _SAYS_MERGE.search(self.commit.message) is None
        back = fated.verdict.what is What.UNDONE and fated.verdict.side is Side.SOURCE
        is_revert = origin is not None and (is_revert_subject(origin.subject) or bool(reverted(origin.message)))
        return back and origin is not None and is_revert and is_same_person(self.commit, origin)

    @staticmethod
    def _decided(log: PathLog, names: Sequence[bytes], fated: Fated, origin: Commit | None) -> bool:
        """Whether the other side had the unit, and took it away in a commit of its own."""
        if fated.fate is Fate.EVIL_REMOVAL:
            return False
        remover = log.removed(names, fated.verdict.unit)
        if remover is None:
            return False
        bringer = log.brought(names, fated.verdict.unit)
        if bringer is None or bringer.sha == remover.sha:
            return False
        # Who took it away before it was written has not decided about it; a pick is written when the original is.
        return origin is None or remover.committed_at >= origin.committed_at or _same_change(bringer, origin)


def _same_change(one: Commit, other: Commit) -> bool:
    """Whether one commit is a pick of the other: it names it, or has its author and moment."""
    if one.sha in other.message or other.sha in one.message:
        return True
    return (one.author_email, one.authored_at) == (other.author_email, other.authored_at)


_SAYS_MERGE = re.compile(r"merg|pull|branch|sync|conflict|resol|\binto\b", re.IGNORECASE)
_TAKES_NOTHING = re.compile(
    r"\b(?:null|dummy|fake|no-?op|record-only|empty)[- ]merge|-s[ =]?ours\b|\bstrategy[ =]ours\b"
    r"|\bmerge[^.\n]{0,40}\(?\bours\b",
    re.IGNORECASE,
)


def _is_switch(unit: Unit) -> bool:
    """Whether an element has one of two values: whoever switches it makes the file as it once was."""
    return unit.kind == "element" and unit.value.strip('"').lower() in {"true", "false", "active", "inactive"}


def _has_marks(each: PathLosses) -> bool:
    """Whether the result has the marks of a conflict that neither side has."""
    texts = each.scene.stretches
    return any(
        texts.get("merged", "").count(mark) > max(texts.get(side, "").count(mark) for side in ("target", "source"))
        for mark in (f"\n{mark}" for mark in MARKS)
    )


def _coherent(found: Sequence[Found]) -> list[Found]:
    """A change that gave way in a conflict takes along what belongs to it in the file: that is no lone loss."""
    contested = {
        each.origin.sha
        for each in found
        if each.origin is not None and each.evidence.region in {Region.CONTESTED, Region.ENCLOSED, Region.REMOVED}
    }
    return [
        each.ranked(replace(each.evidence, region=Region.CONTESTED))
        if each.origin is not None and each.origin.sha in contested and each.evidence.region is Region.CLEAR
        else each
        for each in found
    ]


def byline(commit: Commit) -> str:
    """Who, when and what, of a commit."""
    day = datetime.fromtimestamp(commit.authored_at, UTC).strftime("%Y-%m-%d")
    return f"{commit.author}, {day}: {commit.subject}"


_FATES = {
    Fate.EDIT_UNDONE: "what it had replaced is back in its place",
    Fate.DELETION_UNDONE: "what had been removed is back",
    Fate.VANISHED: "nothing stands in its place",
    Fate.EVIL_REMOVAL: "base and both sides have it, and the result has not",
    Fate.OTHER_SIDE: "the other side's text stands in its place",
    Fate.REWRITTEN: "other text stands in its place",
    Fate.UNRESOLVED: "the marks of a conflict are in the file",
    Fate.MALFORMED: "the file cannot be read any more as what its name says, while both sides can",
}


def _reason(each: PathLosses, fated: Fated, origin: Commit | None, cause: Cause, match: tuple[Sha, int] | None) -> str:
    unresolved = fated.verdict.what in _BROKEN
    undone = fated.verdict.what is What.UNDONE or unresolved
    side = {Side.TARGET: "the tip it landed on", Side.SOURCE: "what landed", Side.BOTH: "both sides"}[
        fated.verdict.side
    ]
    who = (
        "it was not there before" if unresolved
        else f"{origin.sha[:12]} had {'removed' if undone else 'brought'} it" if origin is not None
        else f"{side} had it so"
    )  # fmt: skip
    fate = _FATES[fated.fate]
    if fated.fate is Fate.EVIL_REMOVAL and cause is Cause.BLIND_OVERWRITE:
        who, fate = who.replace("both sides", "its parent"), "it took that away"
    parts = [f"{who}; {fate}"]
    if match is not None and not unresolved:
        parts.append(f"the commit takes {match[1]} path{'s' * (match[1] != 1)} back to how {match[0][:12]} had them")
    elif cause is Cause.EVIL_MERGE and not unresolved:
        parts.append("git merges this path without a conflict and keeps it")
    elif cause is Cause.MERGE_RESOLUTION and not unresolved:
        parts.append("the conflict was resolved without it")
    if each.equals is not None and match is None and cause is not Cause.FORCE_PUSH:
        parts.append(f"the file is as a whole that of the {each.equals}")
    return "; ".join(parts)


def _mended(restorer: Commit, what: What) -> str:
    did = {What.MALFORMED: "mended it", What.UNDONE: "removed it again", What.UNRESOLVED: "removed it again"}
    return f"{restorer.sha[:12]} {did.get(what, 'brought it back')}"


def _check(commit: Commit, path: str) -> str:
    safe = path.replace("'", "'\\''")
    option = " --remerge-diff" if len(commit.parents) == 2 else " -m" if commit.is_merge else ""  # noqa: PLR2004
    return f"git show{option} {commit.sha[:12]} -- '{safe}'"


def _excerpts(fated: Fated, lines: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    """The lines before and after in context; of an element its values."""
    verdict = fated.verdict
    version = "source" if verdict.side is Side.SOURCE else "target"
    if fated.place is None or verdict.unit.kind != "line":
        undone = verdict.what is What.UNDONE or verdict.what in _BROKEN
        return ("" if undone else str(verdict.unit), str(verdict.unit) if undone else "\n".join(fated.instead))
    place = fated.place
    return (
        _shown(lines.get(version, ()), place.side_start, place.side_stop),
        _shown(lines.get("merged", ()), place.start, place.stop),
    )


def _shown(lines: Sequence[str], start: int, stop: int) -> str:
    shown = lines[max(0, start - _CONTEXT) : min(len(lines), stop + _CONTEXT, start + _TALLEST)]
    return "\n".join(line[:_WIDEST] for line in shown)


def top(findings: Iterable[Finding], least: float) -> list[Finding]:
    """The findings of at least a rank."""
    return [each for each in findings if each.rank >= least]
