"""What one commit dropped or brought back: a merge, a squash or any other commit, with or without a topology."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from branchsim.audit.attributes import attributes_of
from branchsim.audit.causes import Cause
from branchsim.audit.findings import Finding, Found, Judge, byline
from branchsim.audit.knowing import TakenBack, is_fix
from branchsim.audit.losses import LossReader, PathLosses, Step
from branchsim.audit.marks import marked_paths
from branchsim.audit.match import Skipped
from branchsim.audit.passing import taken_away
from branchsim.audit.pathhistory import GitHistory, PathHistory
from branchsim.audit.pathlog import PathLog
from branchsim.audit.stale import Stale, stale_paths
from branchsim.audit.steps import Landed, Landing, distinct, landed
from branchsim.git.log import Commit, read_commits
from branchsim.git.repository import Repository
from branchsim.history.messages import is_revert_subject, reverted
from branchsim.names import Sha

if TYPE_CHECKING:
    import pandas as pd

    from branchsim.git.repository import RepositoryLike
    from branchsim.topology import PathGlobs

SCHEMA = 1
"""The number of the JSON form; raised when a field changes its meaning."""


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

    def __str__(self) -> str:
        from branchsim.audit.text import inspection_text

        return inspection_text(self)

    def _repr_html_(self) -> str:
        from branchsim.audit.html import inspection_html

        return inspection_html(self)

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
                {name: getattr(each, name) for name in _COLUMNS}
                | {"cause": each.cause.value, "changes": list(each.changes)}
                for each in self.records
            ],
            "left_out": dict(sorted(self.left_out.items())),
            "skipped": [{"what": each.what, "reason": each.reason} for each in self.skipped],
        }


_COLUMNS = (
    "path", "unit", "side", "what", "fate", "cause", "before", "after", "changes", "rank", "restored_by", "reason",
    "check",
)  # fmt: skip


def inspect(
    repo: RepositoryLike | Repository, commit: str, *, ignore: PathGlobs | None = None, list_keys: Sequence[str] = ()
) -> Inspection:
    """What a commit dropped or brought back.

    Parameters
    ----------
    repo : path-like, git.Repo or Repository
        The repository; it is only read.
    commit : str
        Any revision that names a commit: a merge, a squash, a direct commit.
    ignore : PathGlobs, optional
        Paths that are left out.
    list_keys : sequence of str
        Members that identify a member of a list in JSON and YAML, before ``id``, ``name``, ``key`` and their like.

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
            return inspect(opened, commit, ignore=ignore, list_keys=list_keys)
    sha = repo.resolve(commit)
    own = next(iter(read_commits(repo.scratch, [sha], options=("--no-walk",))))
    attributes = attributes_of(repo.scratch, own.tree)
    with LossReader(repo.scratch, ignore=ignore, attributes=attributes, list_keys=list_keys) as reader:
        return Inspector(repo, reader, GitHistory(repo, reader)).inspect(own)


@dataclass(frozen=True)
class Inspector:
    """Inspects commits, one at a time.

    Attributes
    ----------
    repository : Repository
        Where to read.
    reader : LossReader
        Reads and parses the blobs.
    history : PathHistory
        Who brought what, and when.
    """

    repository: Repository
    reader: LossReader
    history: PathHistory

    def inspect(self, commit: Commit) -> Inspection:
        """What a commit dropped or brought back."""
        landing = landed(self.repository, commit)
        if landing.kind == "commit":
            return self._direct(commit)
        return self.judged(commit, landing)

    def judged(self, commit: Commit, landing: Landing) -> Inspection:
        """The same for a commit whose landing is known."""
        losses: list[tuple[Landed, PathLosses]] = []
        left_out: Counter[str] = Counter()
        skipped = [Skipped(commit.sha, why) for why in landing.skipped]
        for part in landing.parts:
            found = self.reader.read(part.step)
            left_out += found.left_out
            skipped += [Skipped(path.decode("utf-8", "replace"), why) for path, why in found.skipped]
            losses += [(part, each) for each in found.paths]
        return self._told(
            commit, landing.kind, self._findings(commit, distinct(losses), TakenBack()), left_out, skipped
        )

    def _direct(self, commit: Commit) -> Inspection:
        """What a commit that is no merge took back to an older version, left as two sides, or took away in passing."""
        is_revert = bool(reverted(commit.message)) or is_revert_subject(commit.subject)
        stale = Stale() if is_revert else stale_paths(self.repository.scratch, self.reader, commit)
        found, torn = self.reader.read_versions(stale.versions), marked_paths(self.reader, commit)
        part = Landed(Step({}, frozenset()), commit.parents[0], commit.sha, commit.parents[0])
        unread = dict.fromkeys((*found.skipped, *torn.skipped))
        skipped = [Skipped(path.decode("utf-8", "replace"), why) for path, why in unread]
        known = self._findings(commit, [(part, each) for each in (*found.paths, *torn.paths)], stale.taken)
        if not is_revert:
            away = taken_away(self.reader, commit, {each.path for each in (*found.paths, *torn.paths)})
            passing = self._findings(commit, [(part, each) for each in away.paths], TakenBack())
            known += [each for each in passing if each.evidence.restored >= 1 and each.evidence.by_hand]
        return self._told(commit, "revert" if is_revert else "commit", known, found.left_out, skipped)

    def _told(
        self, commit: Commit, kind: str, found: Sequence[Found], left_out: Counter[str], skipped: Sequence[Skipped]
    ) -> Inspection:
        records = [each.finding for each in found if each.finding.cause is not Cause.SUPERSEDED]
        out = left_out + Counter({"superseded": len(found) - len(records)})
        records.sort(key=lambda each: (-each.rank, each.path, each.side, each.unit))
        subjects = {
            named.sha: byline(named) for each in found for named in (each.origin, each.restorer) if named is not None
        }
        return Inspection(commit.sha, kind, commit.subject, tuple(records), tuple(skipped), +out, subjects)

    def _findings(self, commit: Commit, losses: Sequence[tuple[Landed, PathLosses]], taken: TakenBack) -> list[Found]:
        if not losses:
            return []
        names = sorted({name for _, each in losses for name in each.names.values()})
        logs: dict[Sha, PathLog] = {}

        # What a merge base lacks came after it. With several bases, or several sides, each has its own answer.
        one_source = not taken.matches and len({part.source for part, _ in losses}) == 1
        bases = {part.base for part, _ in losses} if one_source else ()
        base = next(iter(bases)) if len(bases) == 1 else None

        def log(tip: Sha) -> PathLog:
            if tip not in logs:
                logs[tip] = self.history.before(tip, names, base=base)
            return logs[tip]

        after = self.history.after(commit.sha, names)
        return Judge(commit, log, after, taken, is_fix, self.reader.deltas).findings(losses)
