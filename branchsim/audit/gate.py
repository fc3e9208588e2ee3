"""Gates: which findings of an audit make a check fail, and which of them were known before."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from branchsim.audit.overwrites import State
from branchsim.audit.verdicts import NEEDS_A_PERSON, Verdict
from branchsim.errors import InputError, nearest

if TYPE_CHECKING:
    from branchsim.audit.audit import Audit

KINDS = ("missed", "lost", "partial", "late", "overwrite", "leak", "violation")
"""The kinds of finding that a gate can ask for."""

DEFAULT = ("missed", "lost", "partial", "overwrite", "leak")
"""The kinds that make a check fail if nothing else is said."""

DEFAULT_RANK = 0.5
"""The least rank of an overwrite, and the least confidence of an obligation, that makes a check fail."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One reason to fail, with what tells it from others whatever is found around it.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    branch : str
        The branch it is about: the one that lacks something, or that received too much.
    commit : str
        The change, or the landing.
    path : str
        Where, empty if it is not about one path.
    rank : float
        0 to 1: the rank of an overwrite, the confidence of anything else.
    reason : str
        One sentence.
    """

    kind: str
    branch: str
    commit: str
    path: str
    rank: float
    reason: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What stays the same from run to run."""
        return self.kind, self.branch, self.commit, self.path


def kinds(given: str | Collection[str]) -> tuple[str, ...]:
    """The kinds that a user named, separated by commas.

    Raises
    ------
    InputError
        One of them does not exist.
    """
    names = [name.strip() for name in given.split(",")] if isinstance(given, str) else list(given)
    for name in names:
        if name and name not in KINDS:
            raise InputError(
                f"there is no kind of finding {name!r}{nearest(name, KINDS)}; known are {', '.join(KINDS)}"
            )
    return tuple(name for name in KINDS if name in names)


def failures(
    audit: Audit, *, fail_on: Collection[str] = DEFAULT, min_rank: float = DEFAULT_RANK, known: Collection[Finding] = ()
) -> tuple[Finding, ...]:
    """The findings of an audit that make a check fail.

    Parameters
    ----------
    audit : Audit
        The audit.
    fail_on : collection of str
        Which kinds count, of `KINDS`.
    min_rank : float
        Findings of a lower rank do not count.
    known : collection of Finding
        Findings of a baseline; they do not count either.

    Returns
    -------
    tuple of Finding
        In the order of `KINDS`, the highest rank first.
    """
    seen = {finding.key for finding in known}
    found = [
        finding
        for finding in _all(audit)
        if finding.kind in fail_on and finding.rank >= min_rank and finding.key not in seen
    ]
    found.sort(key=lambda each: (KINDS.index(each.kind), -each.rank, each.key))
    return tuple(found)


def read_baseline(path: Path) -> tuple[Finding, ...]:
    """The findings of an earlier audit, from the JSON that ``branchsim audit --format json`` wrote.

    Raises
    ------
    InputError
        The file cannot be read, or is not such a file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the baseline {path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"the baseline {path} is not JSON: {error}; write one with --format json") from None
    if not isinstance(content, dict) or content.get("schema") != 1 or "obligations" not in content:
        raise InputError(f"the baseline {path} is not an audit of schema 1; write one with --format json")
    try:
        return tuple(_of_json(content))
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"the baseline {path} lacks a field ({error}); write one with --format json") from None


def _all(audit: Audit) -> Iterator[Finding]:
    wanted = {*NEEDS_A_PERSON, Verdict.LATE}
    for record in audit.records:
        if record.verdict in wanted:
            yield Finding(record.verdict.value, record.owed_to, record.change, "", record.confidence, record.reason)
    for each in audit.overwrite_records:
        if each.state is State.OPEN:
            yield Finding("overwrite", each.branch, each.change, each.path, each.rank, each.reason)
    for leak in audit.leak_records:
        yield Finding("leak", leak.branch, leak.landing, leak.came_from, 1.0, leak.reason)
    for violation in audit.violation_records:
        rank = 0.6 if violation.inferred else 1.0
        yield Finding("violation", violation.branch, violation.landing, violation.rule.value, rank, violation.reason)


def _of_json(content: Mapping[str, Any]) -> Iterator[Finding]:
    wanted = {verdict.value for verdict in (*NEEDS_A_PERSON, Verdict.LATE)}
    for each in content["obligations"]:
        if each["verdict"] in wanted:
            yield Finding(each["verdict"], each["owed_to"], each["change"], "", each["confidence"], each["reason"])
    for each in _list(content, "overwrites"):
        if each["state"] == State.OPEN.value:
            yield Finding("overwrite", each["branch"], each["change"], each["path"], each["rank"], each["reason"])
    for each in _list(content, "leaks"):
        yield Finding("leak", each["branch"], each["landing"], each["came_from"], 1.0, each["reason"])
    for each in _list(content, "violations"):
        yield Finding("violation", each["branch"], each["landing"], each["rule"], 1.0, each["reason"])


def _list(content: Mapping[str, Any], name: str) -> Iterable[Mapping[str, Any]]:
    return content.get(name) or ()
