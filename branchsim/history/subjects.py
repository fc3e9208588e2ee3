"""Read what the message of a merge or of a squash says: where it came from, where it went, which pull request it was.

Branches that were deleted long ago live on only here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Forge = Literal["git", "github", "gitlab", "bitbucket", "azure", "gitea", "bors", "other"]

_LONGEST = 1000
"""Subjects are cut here before they are searched: no tool writes a longer one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a message tells of the landing it stands for.

    Attributes
    ----------
    source : str or None
        The branch that came in, without the name of a remote.
    sources : tuple of str
        All of them, for a merge of several branches at once.
    target : str or None
        The branch it went into.
    remote : str or None
        The remote of a remote-tracking branch (``origin``), or the account of a pull request's branch (``acme``).
    location : str or None
        Where the branch was pulled from: ``github.com:acme/shop``.
    pr : int or None
        Number of the pull or merge request.
    forge : str
        Who writes such messages: ``git``, ``github``, ``gitlab``, ``bitbucket``, ``azure``, ``gitea``, ``bors`` or
        ``other``.
    """

    source: str | None = None
    sources: tuple[str, ...] = ()
    target: str | None = None
    remote: str | None = None
    location: str | None = None
    pr: int | None = None
    forge: Forge = "git"


_NAME = r"[^\s'\"`]+"
_PULLED = re.compile(r"Merged? (?P<what>(?:remote[- ]tracking |remote )?(?:branch(?:es)?|commits?|tags?)) (?=['\"])")
_GITEA = re.compile(rf"Merge pull request '.*' \(#(?P<pr>\d+)\) from (?P<source>{_NAME})(?: into (?P<target>{_NAME}))?")
_SERVER = re.compile(
    rf"Merge pull request #(?P<pr>\d+) in (?P<repo>\S+) from (?P<source>{_NAME}) to (?P<target>{_NAME})"
)
_SERVER_BODY = re.compile(rf"^Merge in (?P<repo>\S+) from (?P<source>{_NAME}) to (?P<target>{_NAME})\s*$", re.MULTILINE)
_GITHUB = re.compile(rf"Merged? (?:pull request|PR) #(?P<pr>\d+)(?: from (?P<source>{_NAME}))?")
_AZURE = re.compile(rf"Merge pull request (?P<pr>\d+) from (?P<source>{_NAME})(?: into (?P<target>{_NAME}))?")
_AZURE_TITLED = re.compile(r"Merged PR (?P<pr>\d+)(?:[:.\s]|$)")
_CLOUD = re.compile(rf"Merged in (?P<source>{_NAME}) \(pull request #(?P<pr>\d+)\)")
_SERVER_TITLED = re.compile(r"Pull request #(?P<pr>\d+)(?::|$)")
_MERGING = re.compile(rf"Merging branch (?P<source>{_NAME})(?: (?:in)?to (?P<target>{_NAME}))?")
_BORS = re.compile(r"(?:Auto merge of|Merge) #(?P<pr>\d+)\b(?: - (?P<owner>[\w.-]+):(?P<source>[^\s,]+))?")
_PLAIN = re.compile(rf"Merged? (?P<source>{_NAME}) (?:into|to) (?P<target>{_NAME})")
_SQUASHED = re.compile(r"\(#(?P<pr>\d+)\)$")
_GITLAB_BODY = re.compile(r"^See merge request (?:\S*)!(?P<pr>\d+)\s*$", re.MULTILINE)
_BETWEEN = re.compile(r", | and ")
_HEX = re.compile(r"[0-9a-f]{7,64}")


def subject_of(message: str) -> str:
    """The first line of a message that is not blank, without white space around it."""
    return message.lstrip().partition("\n")[0].rstrip()


def read_merge(message: str) -> Told | None:
    """What the message of a merge commit tells; None where it tells nothing."""
    subject = subject_of(message)[:_LONGEST]
    return _server(subject, message) or _pulled(subject, message) or _merging(subject) or _plain(subject)


def read_squash(message: str) -> Told | None:
    """What the message of a commit with one parent tells of the pull request it was squashed from; None if nothing."""
    subject = subject_of(message)[:_LONGEST]
    told = _server(subject, message)
    if told is not None and told.forge != "bors":
        return told
    found = _SQUASHED.search(subject)
    if found:
        named = _pulled(subject, message) or _plain(subject)
        source = named.source if named else None
        return Told(source=source, target=named.target if named else None, pr=int(found["pr"]), forge="github")
    request = _request(message)
    if request is not None:
        named = _pulled(subject, message)
        return Told(
            source=named.source if named else None, target=named.target if named else None, pr=request, forge="gitlab"
        )
    return None


def _server(subject: str, message: str) -> Told | None:  # noqa: C901, PLR0911  one answer for each shape
    """The shapes that the servers write, which stand for a pull request."""
    if not subject.startswith(("Merge", "Pull request", "Auto merge")):
        return None
    if found := _GITEA.match(subject):
        owner, name = _owned(found["source"], colon=True)
        return Told(
            source=name, sources=(name,), target=found["target"], remote=owner, pr=int(found["pr"]), forge="gitea"
        )
    if found := _SERVER.match(subject):
        return _bitbucket(found)
    if found := _GITHUB.match(subject):
        if found["source"] is None:
            return Told(pr=int(found["pr"]), forge="github")
        owner, name = _owned(found["source"].rstrip(":,."))
        return Told(source=name, sources=(name,), remote=owner, pr=int(found["pr"]), forge="github")
    if found := _AZURE.match(subject):
        name = found["source"]
        return Told(source=name, sources=(name,), target=found["target"], pr=int(found["pr"]), forge="azure")
    if found := _AZURE_TITLED.match(subject):
        named = _pulled(subject.partition(":")[2].strip(), "") or _plain(subject.partition(":")[2].strip())
        return Told(
            source=named.source if named else None,
            sources=named.sources if named else (),
            target=named.target if named else None,
            pr=int(found["pr"]),
            forge="azure",
        )
    if found := _CLOUD.match(subject):
        return Told(source=found["source"], sources=(found["source"],), pr=int(found["pr"]), forge="bitbucket")
    if found := _SERVER_TITLED.match(subject):
        body = _SERVER_BODY.search(message)
        return _bitbucket(body, int(found["pr"])) if body else Told(pr=int(found["pr"]), forge="bitbucket")
    if found := _BORS.match(subject):
        name = found["source"]
        return Told(
            source=name, sources=(name,) if name else (), remote=found["owner"], pr=int(found["pr"]), forge="bors"
        )
    return None


def _bitbucket(found: re.Match[str], pr: int | None = None) -> Told:
    number = int(found["pr"]) if pr is None else pr
    source = found["source"].rpartition(":")[2]
    return Told(source=source, sources=(source,), target=found["target"], pr=number, forge="bitbucket")


def _pulled(subject: str, message: str) -> Told | None:
    """The shapes that git itself writes, and GitLab with the target in quotes."""
    found = _PULLED.match(subject)
    if found is None:
        return None
    rest, number = _without_number(subject[found.end() :])
    # No name of a branch holds a space, so what follows the last " into " is the target or belongs to a list of names.
    rest, target = _cut_last(rest, " into ")
    rest, location = _cut_last(rest, " of ")
    names = tuple(part[1:-1] for part in _BETWEEN.split(rest))
    if not all(part[:1] in "'\"" and part[-1:] in "'\"" and len(part) > 2 for part in _BETWEEN.split(rest)):  # noqa: PLR2004
        return None
    target = target.strip("'\"`") or None if target else None
    request = _request(message)
    number = request if number is None else number
    forge: Forge = "gitlab" if request is not None else "git"
    what = found["what"]
    if "commit" in what or "tag" in what:
        return Told(target=target, pr=number, forge=forge)
    remote = None
    if what.startswith("remote"):
        cut = [name.removeprefix("refs/remotes/").partition("/") for name in names]
        remote = cut[0][0] if cut[0][2] else None
        names = tuple(rest or head for head, _, rest in cut)
    names = tuple(name.removeprefix("refs/heads/") for name in names)
    return Told(source=names[0], sources=names, target=target, remote=remote, location=location, pr=number, forge=forge)


def _merging(subject: str) -> Told | None:
    """``Merging branch WI-000012``, as tools for the deployment of Salesforce metadata write it."""
    found = _MERGING.fullmatch(subject)
    if found is None or _HEX.fullmatch(found["source"]):
        return None
    source = found["source"]
    return Told(source=source, sources=(source,), target=found["target"], forge="other")


def _plain(subject: str) -> Told | None:
    """``Merge master into features``, as people write it."""
    text, number = _without_number(subject)
    found = _PLAIN.fullmatch(text)
    if found is None or _HEX.fullmatch(found["source"]):
        return None
    source = found["source"]
    return Told(source=source, sources=(source,), target=found["target"], pr=number)


def _without_number(subject: str) -> tuple[str, int | None]:
    """A subject without ``(#12)`` and dots at its end, and the number."""
    found = _SQUASHED.search(subject)
    return (subject[: found.start()] if found else subject).rstrip(" ."), int(found["pr"]) if found else None


def _cut_last(text: str, word: str) -> tuple[str, str | None]:
    head, separator, tail = text.rpartition(word)
    return (head, tail) if separator and " " not in tail else (text, None)


def _request(message: str) -> int | None:
    if "See merge request" not in message:
        return None
    found = _GITLAB_BODY.search(message)
    return int(found["pr"]) if found else None


def _owned(name: str, *, colon: bool = False) -> tuple[str | None, str]:
    """Cut ``acme/hotfix/login`` into the account and the branch."""
    owner, separator, rest = name.partition(":" if colon and ":" in name else "/")
    if colon and separator != ":":
        return None, name
    return (owner, rest) if separator and rest else (None, name)


__all__ = ["Forge", "Told", "read_merge", "read_squash", "subject_of"]
