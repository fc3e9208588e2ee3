"""What one commit dropped or brought back: a merge, a squash or any other commit, with or without a topology."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from branchsim.audit.causes import Cause
from branchsim.audit.losses import LossReader, PathLosses, Step
from branchsim.audit.match import Skipped
from branchsim.audit.pathlog import PathLog
from branchsim.audit.ranks import rank
from branchsim.audit.stale import stale_paths
from branchsim.audit.steps import Landed, landed
from branchsim.effects import Fate, Fated, Side, What
from branchsim.git.log import Commit, read_commits
from branchsim.git.repository import Repository
from branchsim.history.messages import is_revert_subject, reverted
from branchsim.names import Sha

if TYPE_CHECKING:
    import pandas as pd

    from branchsim.topology import PathGlobs

SCHEMA = 1
"""The number of the JSON form; raised when a field changes its meaning."""

_CONTEXT = 2
_WIDEST = 400


@dataclass(frozen=True, slots=True, kw_only=True)
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
        The row of the table: ``lost``, ``evil-removal``, ``deletion-undone``.
    fate : str
        What stands in its place: ``edit-undone``, ``deletion-undone``, ``vanished``, ``evil-removal``, ``other-side``,
        ``rewritten``.
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


@dataclass(frozen=True, slots=True, repr=False)
class Inspection:
    """What a commit dropped or brought back.

    Attributes
    ----------
    commit : Sha
        The commit.
    kind : str
        ``merge``, ``octopus``, ``squash``, ``revert``, ``commit`` or ``root``.
    subject : str
        Its first line.
    records : tuple of Finding
        Highest rank first.
    skipped : tuple of Skipped
        What could not be read, and why.
    left_out : Counter of str
        How many units were lost and do not matter, by the rule that says so.
    subjects : mapping of Sha to str
        Of the commits that findings name: who, when, what.
    """

    commit: Sha
    kind: str
    subject: str
    records: tuple[Finding, ...]
    skipped: tuple[Skipped, ...] = ()
    left_out: Counter[str] = field(default_factory=Counter)
    subjects: Mapping[Sha, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        top = f", highest rank {self.records[0].rank}" if self.records else ""
        return f"<Inspection of {self.kind} {self.commit[:12]}: {len(self.records)} findings{top}>"

    @property
    def findings(self) -> pd.DataFrame:
        """A new table of the findings, highest rank first; columns as the attributes of `Finding`."""
        from branchsim.history.frames import NUMBER, OBJECT, TEXT, frame

        schema = dict.fromkeys(_COLUMNS, TEXT) | {"rank": NUMBER, "changes": OBJECT}
        rows = ({name: getattr(each, name) for name in _COLUMNS} | {"cause": each.cause.value} for each in self.records)
        return frame(rows, schema)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: the stable interface for other programs, documented in ``docs/formats.md``."""
        return {
            "schema": SCHEMA,
            "commit": self.commit,
            "kind": self.kind,
            "subject": self.subject,
            "findings": [
                {name: getattr(each, name) for name in _COLUMNS} | {"cause": each.cause.value, "changes": list(each.changes)}
                for each in self.records
            ],
            "left_out": dict(sorted(self.left_out.items())),
            "skipped": [{"what": each.what, "reason": each.reason} for each in self.skipped],
        }


_COLUMNS = (
    "path", "unit", "side", "what", "fate", "cause", "before", "after", "changes", "rank", "restored_by", "reason", "check",
)  # fmt: skip


def inspect(
    repo: str | os.PathLike[str] | Repository, commit: str, *, ignore: PathGlobs | None = None
) -> Inspection:
    """What a commit dropped or brought back.

    Parameters
    ----------
    repo : path-like or Repository
        The repository; it is only read.
    commit : str
        Any revision that names a commit: a merge, a squash, a direct commit.
    ignore : PathGlobs, optional
        Paths that are left out.

    Returns
    -------
    Inspection
        The findings, highest rank first.

    Raises
    ------
    NotARepositoryError, UnknownRevisionError, GitError
        The input is wrong, or git failed.

    Examples
    --------
    >>> inspect(".", "HEAD").findings  # doctest: +SKIP
    """
    if not isinstance(repo, Repository):
        with Repository(repo) as opened:
            return inspect(opened, commit, ignore=ignore)
    sha = repo.resolve(commit)
    own = next(iter(read_commits(repo.scratch, [sha], options=("--no-walk",))))
    with LossReader(repo.scratch, ignore=ignore) as reader:
        return _Inspector(repo, reader, own).inspect()


class _Inspector:
    """One inspection under way."""

    def __init__(self, repository: Repository, reader: LossReader, commit: Commit) -> None:
        self._repository = repository
        self._scratch = repository.scratch
        self._reader = reader
        self._commit = commit
        self._subjects: dict[Sha, str] = {}

    def inspect(self) -> Inspection:
        own = self._commit
        landing = landed(self._repository, own)
        losses: list[tuple[Landed, PathLosses]] = []
        left_out: Counter[str] = Counter()
        skipped = [Skipped(own.sha, why) for why in landing.skipped]
        for part in landing.parts:
            found = self._reader.read(part.step)
            left_out += found.left_out
            skipped += [Skipped(path.decode("utf-8", "replace"), why) for path, why in found.skipped]
            losses += [(part, each) for each in found.paths]
        kind = landing.kind
        if kind == "commit" and (reverted(own.message) or is_revert_subject(own.subject)):
            kind = "revert"
        matched: dict[bytes, tuple[Sha, int]] = {}
        if kind == "commit" and own.parents:
            stale = stale_paths(self._scratch, self._reader, own)
            matched = stale.matches
            found = self._reader.read_versions(stale.versions)
            left_out += found.left_out
            losses += [(Landed(Step({}, frozenset()), own.parents[0], own.sha, own.parents[0]), each) for each in found.paths]
        records = self._findings(losses, matched)
        if kind in {"merge", "octopus", "squash"}:
            records, decided = self._without_superseded(records)
            left_out["superseded"] += decided
        records.sort(key=lambda each: (-each.rank, each.path, each.side, each.unit))
        return Inspection(own.sha, kind, own.subject, tuple(records), tuple(skipped), +left_out, self._subjects)

    def _without_superseded(self, records: list[Finding]) -> tuple[list[Finding], int]:
        kept = [each for each in records if each.cause is not Cause.SUPERSEDED]
        return kept, len(records) - len(kept)

    def _findings(self, losses: Sequence[tuple[Landed, PathLosses]], matched: Mapping[bytes, tuple[Sha, int]]) -> list[Finding]:
        if not losses:
            return []
        names = sorted({name for _, each in losses for name in each.names.values()})
        logs: dict[Sha, PathLog] = {}
        for part, _ in losses:
            for tip in (part.target, part.source):
                if tip not in logs:
                    logs[tip] = PathLog.read(self._scratch, self._reader, [tip], names, "--no-merges")
        after = self._later(names)
        records = []
        for part, each in losses:
            alike = Counter(fated.fate for fated in each.losses)
            for fated in each.losses:
                records.append(self._finding(part, each, fated, logs, after, len(losses), alike[fated.fate], matched))
        return records

    def _later(self, names: Sequence[bytes]) -> PathLog:
        """What came after the commit, on any branch that contains it."""
        heads = sorted({sha for ref, sha in self._repository.refs.items() if ref.startswith(("refs/heads/", "refs/remotes/"))})
        if not heads:
            return PathLog(self._reader, ())
        revisions = [*heads, f"^{self._commit.sha}"]
        return PathLog.read(self._scratch, self._reader, revisions, names, f"--ancestry-path={self._commit.sha}")

    def _finding(
        self, part: Landed, each: PathLosses, fated: Fated, logs: Mapping[Sha, PathLog], after: PathLog,
        paths: int, alike: int, matched: Mapping[bytes, tuple[Sha, int]],
    ) -> Finding:  # fmt: skip
        verdict = fated.verdict
        names = list(dict.fromkeys(each.names.values()))
        tip = part.source if verdict.side is Side.SOURCE else part.target
        other = part.target if verdict.side is Side.SOURCE else part.source
        undone = verdict.what is What.UNDONE
        log = logs[tip]
        origin = log.removed(names, verdict.unit) if undone else log.brought(names, verdict.unit)
        restorer = after.first_removed(names, verdict.unit) if undone else after.first_brought(names, verdict.unit)
        cause = self._cause(part, each, matched)
        decider = None
        if cause in {Cause.MERGE_RESOLUTION, Cause.EVIL_MERGE, Cause.BLIND_OVERWRITE} and other != tip and not undone:
            decider = self._decider(logs[other], names, fated, origin)
            if decider is not None:
                cause = Cause.SUPERSEDED
        for named in (origin, restorer, decider):
            if named is not None:
                self._subjects[named.sha] = _byline(named)
        fix = origin is not None and _is_fix(origin.subject)
        value = rank(
            fated.fate, each.path, clean=not each.conflicted and cause is Cause.EVIL_MERGE,
            whole_file=each.equals is not None and cause is not Cause.EVIL_MERGE and not undone, paths=paths, units=alike,
            restored=restorer is not None, hotfix=fix,
        )  # fmt: skip
        before, now = _excerpts(each, fated)
        path = each.path.decode("utf-8", "replace")
        return Finding(
            path=path,
            unit=str(verdict.unit),
            side=verdict.side.value,
            what=verdict.what.value,
            fate=fated.fate.value,
            cause=cause,
            before=before,
            after=now,
            changes=(origin.sha,) if origin is not None else (),
            rank=value,
            restored_by=restorer.sha if restorer is not None else None,
            reason=_reason(self._commit, each, fated, origin, restorer, cause, matched.get(each.path)),
            check=_check(self._commit, path),
        )

    def _cause(self, part: Landed, each: PathLosses, matched: Mapping[bytes, tuple[Sha, int]]) -> Cause:
        if each.path in matched:
            return Cause.STALE_COMMIT
        if not self._commit.is_merge:
            return Cause.BLIND_OVERWRITE
        return Cause.MERGE_RESOLUTION if each.conflicted or part.conflicted else Cause.EVIL_MERGE

    @staticmethod
    def _decider(log: PathLog, names: Sequence[bytes], fated: Fated, origin: Commit | None) -> Commit | None:
        """The commit of the other side that had the unit and took it away itself, if there is one."""
        if fated.fate is Fate.EVIL_REMOVAL:
            return None
        remover = log.removed(names, fated.verdict.unit)
        if remover is None or (origin is not None and remover.committed_at < origin.committed_at):
            return None
        bringer = log.brought(names, fated.verdict.unit)
        return remover if bringer is not None and bringer.sha != remover.sha else None


def _is_fix(subject: str) -> bool:
    text = subject.lower()
    return any(word in text for word in ("fix", "hotfix", "bug", "regression", "security", "cve-"))


def _byline(commit: Commit) -> str:
    from datetime import UTC, datetime

    day = datetime.fromtimestamp(commit.authored_at, UTC).strftime("%Y-%m-%d")
    return f"{commit.author}, {day}: {commit.subject}"


_FATES = {
    Fate.EDIT_UNDONE: "what it had replaced is back in its place",
    Fate.DELETION_UNDONE: "what had been removed is back",
    Fate.VANISHED: "nothing stands in its place",
    Fate.EVIL_REMOVAL: "base and both sides have it, and the result has not",
    Fate.OTHER_SIDE: "the other side's text stands in its place",
    Fate.REWRITTEN: "other text stands in its place",
}


def _reason(
    commit: Commit, each: PathLosses, fated: Fated, origin: Commit | None, restorer: Commit | None, cause: Cause,
    match: tuple[Sha, int] | None,
) -> str:  # fmt: skip
    undone = fated.verdict.what is What.UNDONE
    side = {Side.TARGET: "the tip it landed on", Side.SOURCE: "what landed", Side.BOTH: "both sides"}[fated.verdict.side]
    who = f"{origin.sha[:12]} had {'removed' if undone else 'brought'} it" if origin is not None else f"{side} had it so"
    parts = [f"{who}; {_FATES[fated.fate]}"]
    if match is not None:
        parts.append(f"the commit takes {match[1]} path{'s' * (match[1] != 1)} back to how {match[0][:12]} had them")
    elif cause is Cause.EVIL_MERGE:
        parts.append("git merges this path without a conflict and keeps it")
    elif cause is Cause.MERGE_RESOLUTION:
        parts.append("the conflict was resolved without it")
    if each.equals is not None and match is None:
        parts.append(f"the file is as a whole that of the {each.equals}")
    if restorer is not None:
        parts.append(f"{restorer.sha[:12]} brought it back" if not undone else f"{restorer.sha[:12]} removed it again")
    return "; ".join(parts)


def _check(commit: Commit, path: str) -> str:
    safe = path.replace("'", "'\\''")
    option = " --remerge-diff" if len(commit.parents) == 2 else " -m" if commit.is_merge else ""  # noqa: PLR2004
    return f"git show{option} {commit.sha[:12]} -- '{safe}'"


def _excerpts(each: PathLosses, fated: Fated) -> tuple[str, str]:
    """The lines before and after in context; of an element its values."""
    verdict = fated.verdict
    version = "source" if verdict.side is Side.SOURCE else "target"
    if fated.place is None or verdict.unit.kind != "line":
        undone = verdict.what is What.UNDONE
        return ("" if undone else str(verdict.unit), str(verdict.unit) if undone else "\n".join(fated.instead))
    texts = each.scene.texts
    place = fated.place
    return (
        _lines(texts.get(version, ""), place.side_start, place.side_stop),
        _lines(texts.get("merged", ""), place.start, place.stop),
    )


def _lines(text: str, start: int, stop: int) -> str:
    lines = text.splitlines()
    shown = lines[max(0, start - _CONTEXT) : min(len(lines), stop + _CONTEXT, start + 40)]
    return "\n".join(line[:_WIDEST] for line in shown)


def top(findings: Iterable[Finding], least: float) -> list[Finding]:
    """The findings of at least a rank."""
    return [each for each in findings if each.rank >= least]
