"""What a commit message says of other commits: ports, reverts, tickets; and its subject made comparable."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

_HEX = r"[0-9a-f]{7,64}"

TRAILERS: tuple[str, ...] = (
    rf"cherry[- ]picked from(?: commit)?:? ({_HEX})",
    rf"(?:backport(?:ed)?|back-port(?:ed)?|port(?:ed)?|forward-?port(?:ed)?)(?: of| from)?:?(?: commit)? ({_HEX})",
    rf"upstream(?:-commit)?:? (?:commit )?({_HEX})",
    rf"commit ({_HEX}) upstream",
    rf"picked from(?: branch \S+ commit)? ({_HEX})",
    rf"x-original-commit:? ({_HEX})",
)
"""The usual ways in which a port names the commit it comes from: patterns with one group, in any case."""

_TRAILER_WORDS = ("picked from", "port", "upstream", "x-original-commit")
_LATER_HEX = re.compile(r" [0-9a-f]{7}")

_REVERT = re.compile(rf"this (partially )?reverts (?:merge )?(?:commit |changes from )?({_HEX})", re.IGNORECASE)
_REVERT_SUBJECT = re.compile(r"^(?:revert|back ?out|undo)\b[:\s]*", re.IGNORECASE)
_REAPPLY_SUBJECT = re.compile(r"^(?:reapply|re-?land|re-?apply|revert[:\s]+[\"']?revert)\b", re.IGNORECASE)
_CHANGE_ID = re.compile(r"^change-id:\s*(I[0-9a-f]{8,40})\s*$", re.IGNORECASE | re.MULTILINE)
_NUMBER = re.compile(r"(?<![\w/])(?:(?:gh|pr|pull request|merge request)[ -]?)?[#!](\d{1,7})\b", re.IGNORECASE)
_TICKET = re.compile(r"\b([A-Z][A-Z0-9]{1,9}-\d{1,7})\b")
_SIGN_AND_DIGIT = re.compile(r"[#!]\d")
_DASH_AND_DIGIT = re.compile(r"-\d")
_GH = re.compile(r"\bgh-(\d{1,7})\b", re.IGNORECASE)
_NOT_TICKETS = re.compile(r"^(?:GH|UTF|ISO|SHA|MD|RFC|CVE|HTTP|TLS|AES|RSA|X|PEP|GHSA|CWE|UTC|GMT)-", re.IGNORECASE)

_PORT_OF = re.compile(r"\bback-?port\S*?[/ _-]#?(\d{2,7})\b(?!\.)", re.IGNORECASE)
_PICKS = re.compile(
    r"\bcherry[- ]?pick(?:ed|s|ing)?(?: of)? ((?:#?\d{3,7}(?: ?[,+&] ?| and | ))*#?\d{3,7})\b"
    r"(?![.\w]| commits| changes)",
    re.IGNORECASE,
)
_PORT_WORD = re.compile(r"\b(?:back|forward)[- ]?port|\bcherry[- ]?pick", re.IGNORECASE)
_OWN_NUMBER = re.compile(r"\([#!](\d{1,7})\)\s*$")
_MERGE_PR = re.compile(r"^merge (?:pull|merge) request [#!]?(\d+)", re.IGNORECASE)
_BRACKETS = re.compile(
    r"^\s*(?:\[[^\]]{1,40}\]|\([^)]{1,30}\)|(?:backport|back-port|cherry-?pick)(?:ed)?\b[^:]{0,40}:)\s*", re.IGNORECASE
)
_TAIL = re.compile(
    r"\s*(?:\((?:(?:cherry[- ]pick|backport|back-port|port|pr|gh)[^()]*|[#!]\d+(?:[ ,]+[#!]?\d+)*)\)"
    r"|\[[^\]]{1,40}\]|[#!]\d+|\.+|…)\s*$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+")
_LONGEST_SUBJECT = 500


def trailer_patterns(extra: Sequence[str] = ()) -> re.Pattern[str]:
    """One pattern for all trailers.

    Parameters
    ----------
    extra : sequence of str
        Further patterns, each with one group that holds the id.

    Returns
    -------
    re.Pattern
        Matches any of `TRAILERS` and `extra`.
    """
    return re.compile("|".join(f"(?:{pattern})" for pattern in (*TRAILERS, *extra)), re.IGNORECASE)


_DEFAULT = trailer_patterns()


def ported_from(message: str, patterns: re.Pattern[str] = _DEFAULT) -> tuple[str, ...]:
    """The commits that a message names as its source, in order, possibly abbreviated.

    Parameters
    ----------
    message : str
        The whole message.
    patterns : re.Pattern
        From `trailer_patterns`.

    Returns
    -------
    tuple of str
        Lower-case hexadecimal, 7 to 64 digits.
    """
    if patterns is _DEFAULT:
        # What none of the usual patterns can do without is looked for first: that is much faster.
        lower = message.lower()
        if not any(word in lower for word in _TRAILER_WORDS) or not _LATER_HEX.search(lower):
            return ()
    found = (next(group for group in match.groups() if group) for match in patterns.finditer(message))
    return tuple(dict.fromkeys(text.lower() for text in found))


def reverted(message: str) -> tuple[str, ...]:
    """The commits that a message says it reverts (``This reverts commit ...``), possibly abbreviated."""
    return tuple(dict.fromkeys(text.lower() for _, text in _REVERT.findall(message)))


def partly_reverted(message: str) -> tuple[str, ...]:
    """Those of `reverted` that a message says it reverts in part only (``This partially reverts commit ...``)."""
    return tuple(dict.fromkeys(text.lower() for partly, text in _REVERT.findall(message) if partly))


def is_revert_subject(subject: str) -> bool:
    """Whether a subject announces a revert (``Revert "..."``), and not a revert of a revert."""
    return bool(_REVERT_SUBJECT.match(subject)) and not _REAPPLY_SUBJECT.match(subject)


def says_revert(subject: str) -> bool:
    """Whether a subject announces a revert, or a revert of a revert (``Reapply "..."``)."""
    return bool(_REVERT_SUBJECT.match(subject) or _REAPPLY_SUBJECT.match(subject))


def change_ids(message: str) -> tuple[str, ...]:
    """The Gerrit ``Change-Id`` values of a message."""
    return tuple(dict.fromkeys(_CHANGE_ID.findall(message)))


def references(message: str) -> frozenset[str]:
    """The pull requests and tickets that a message names.

    Returns
    -------
    frozenset of str
        ``#123`` for numbers of pull requests and issues, ``ABC-123`` for tickets.
    """
    lower = message.lower()
    # What each pattern cannot do without is looked for first: that is much faster.
    worth = (_NUMBER, _SIGN_AND_DIGIT.search(message)), (_GH, "gh-" in lower), (_PORT_OF, "port" in lower)
    numbers = {f"#{number}" for pattern, is_worth in worth if is_worth for number in pattern.findall(message)}
    if "pick" in lower:
        numbers.update(f"#{number}" for several in _PICKS.findall(message) for number in re.findall(r"\d+", several))
    found = _MERGE_PR.match(message.lstrip())
    if found:
        numbers.add(f"#{found[1]}")
    tickets = set()
    if _DASH_AND_DIGIT.search(message):
        tickets = {ticket for ticket in _TICKET.findall(message) if not _NOT_TICKETS.match(ticket)}
    return frozenset(numbers | tickets)


def pull_request(message: str) -> str | None:
    """The pull request that a commit landed with, where its subject says so: ``(#123)`` at the end, or by a merge.

    Returns
    -------
    str or None
        As `references` writes it: ``#123``.
    """
    subject = message.lstrip().partition("\n")[0].rstrip()
    found = _MERGE_PR.match(subject) or _OWN_NUMBER.search(subject)
    return f"#{found[1]}" if found else None


def says_port(subject: str) -> bool:
    """Whether a subject says that its commit is the port of another (``[backport] ...``, ``Cherry-pick ...``)."""
    return bool(_PORT_WORD.search(subject))


def subject_key(message: str) -> str:
    """The subject made comparable between a change and its port.

    Lower case; tags in front (``[backport 1.2]``), pull request numbers and port notes behind, punctuation and white
    space are left out. A merge of a pull request is known by what the pull request is called, which stands below its
    first line.

    Returns
    -------
    str
        Words separated by one space; empty where the message is.
    """
    text = message.strip()
    subject, _, rest = text.partition("\n")
    if _MERGE_PR.match(subject):
        body = rest.strip().partition("\n")[0].strip()
        subject = body or subject
    # A subject is a line to read; what is longer would only cost time, more than its length, in the patterns below.
    subject = " ".join(subject[: 4 * _LONGEST_SUBJECT].split())[:_LONGEST_SUBJECT]
    previous = None
    while previous != subject:
        previous = subject
        subject = _TAIL.sub("", _BRACKETS.sub("", subject))
    return " ".join(_WORD.findall(subject.lower()))


def words(key: str) -> frozenset[str]:
    """The words of a subject key, for comparing two of them."""
    # Most words stand in many subjects; each is held once.
    return frozenset(map(sys.intern, key.split()))
