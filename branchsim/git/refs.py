"""Which refs are branches, tags and pull requests, and what they point to.

A branch of a topology is a name such as ``preprod``. It stands for the local branch of that name if there is one; else
for ``origin``'s remote-tracking branch; else for that of another remote, if only one other remote has it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeGuard

from branchsim.errors import UnknownBranchError, nearest
from branchsim.git.log import LATEST
from branchsim.git.objects import ObjectReader, Unread, Why
from branchsim.names import BranchName, RefName, Sha

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from branchsim.git.repository import Repository

_HEADS = "refs/heads/"
_REMOTES = "refs/remotes/"
_TAGS = "refs/tags/"
_PULL = re.compile(
    r"refs/(?P<fetched>remotes/.+?/)?(?:pull|pulls|pr|merge-requests|mr|pull-requests)"
    r"/(?P<number>[0-9]{1,18})(?P<rest>/head|/from)?"
)
_WHEN = re.compile(rb"^(?:tagger|committer) [^\n]*> (-?[0-9]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag that leads to a commit.

    Attributes
    ----------
    name : str
        Without ``refs/tags/``.
    ref : RefName
        The full name.
    commit : Sha
        The commit, however many tags of tags lead to it.
    at : int
        Seconds since the epoch, UTC, at most `LATEST`: when an annotated tag was made, or a lightweight tag's commit.
    annotated : bool
        Whether it is an object of its own.
    """

    name: str
    ref: RefName
    commit: Sha
    at: int
    annotated: bool


class PullRef(NamedTuple):
    """The tip of a pull or merge request: its number, the ref, the commit."""

    number: int
    ref: RefName
    sha: Sha


def branch_refs(refs: Mapping[RefName, Sha], remotes: Sequence[str] = ()) -> dict[BranchName, tuple[RefName, ...]]:
    """The refs of every branch, by name in alphabetical order.

    Parameters
    ----------
    refs : mapping of RefName to Sha
        All refs, as `Repository.refs` has them.
    remotes : sequence of str
        The names of the remotes, which may hold slashes; where none fits, the first part of the path is the remote.

    Returns
    -------
    dict
        From a branch to its refs: the local one first, then ``origin``'s, then those of other remotes by name. What a
        remote calls its ``HEAD``, and pull requests, are no branches.
    """
    found: dict[BranchName, list[tuple[int, RefName]]] = {}
    known = sorted(remotes, key=len, reverse=True)
    for ref in refs:
        if ref.startswith(_HEADS):
            found.setdefault(BranchName(ref[len(_HEADS) :]), []).append((0, ref))
        elif ref.startswith(_REMOTES) and _PULL.fullmatch(ref) is None:
            path = ref[len(_REMOTES) :]
            remote = next((name for name in known if path.startswith(name + "/")), path.partition("/")[0])
            name = path[len(remote) + 1 :]
            if name and name != "HEAD":
                found.setdefault(BranchName(name), []).append((1 if remote == "origin" else 2, ref))
    return {name: tuple(ref for _, ref in sorted(found[name])) for name in sorted(found)}


def find_branch(refs: Mapping[RefName, Sha], name: str, remotes: Sequence[str] = ()) -> RefName | None:
    """The ref a branch's name stands for: local, else ``origin``'s, else that of the only other remote that has it.

    Parameters
    ----------
    refs : mapping of RefName to Sha
        All refs.
    name : str
        ``preprod``, or with its remote, ``origin/preprod``.
    remotes : sequence of str
        The names of the remotes.

    Returns
    -------
    RefName or None
        None where there is no such branch, or where several remotes other than ``origin`` have it.
    """
    if RefName(_HEADS + name) in refs:
        return RefName(_HEADS + name)
    candidates = branch_refs(refs, remotes).get(BranchName(name), ())
    if candidates:
        origin = RefName(f"{_REMOTES}origin/{name}")
        if origin in candidates or len(candidates) == 1:
            return candidates[0]
        return None
    spelled = RefName(_REMOTES + name)
    return spelled if spelled in refs else None


def resolve_branches(repository: Repository, names: Iterable[BranchName]) -> dict[BranchName, tuple[RefName, Sha]]:
    """The refs and commits that names of branches stand for.

    Parameters
    ----------
    repository : Repository
        Where to look.
    names : iterable of BranchName
        The branches, for example of a topology. Each has to exist; patterns are not expanded.

    Returns
    -------
    dict
        From each name to its ref and the commit it holds.

    Raises
    ------
    UnknownBranchError
        A branch does not exist; the message names the nearest ones. Or several remotes have it, and ``origin`` has not.
    """
    every = repository.branches
    found = {}
    for name in names:
        ref = repository.branch_ref(name)
        if ref is None:
            several = every.get(name, ())
            if several:
                raise UnknownBranchError(
                    f"branch {name!r} of {repository.path} is on several remotes ({', '.join(several)}) and on none "
                    f"called 'origin'; make a local branch, or name the remote: {several[0][len(_REMOTES) :]!r}"
                )
            if not every:
                raise UnknownBranchError(f"{repository.path} has no branch at all, so no {name!r}; commit first")
            raise UnknownBranchError(
                f"branch {name!r} does not exist in {repository.path}, neither locally nor on a remote"
                f"{nearest(name, every)}; fetch it, or correct the topology"
            )
        found[name] = (ref, repository.refs[ref])
    return found


def read_tags(repository: Repository) -> tuple[list[Tag], dict[str, str]]:
    """Every tag that leads to a commit, with its date, from one process.

    Parameters
    ----------
    repository : Repository
        Where to read.

    Returns
    -------
    tags : list of Tag
        By date, then by name.
    skipped : dict
        From the name of a tag that could not be read (what it points to is missing or corrupt) to the reason. Tags of
        trees and blobs are in neither.

    Raises
    ------
    GitError
        git cannot be run.
    """
    holds = {ref: sha for ref, sha in repository.refs.items() if ref.startswith(_TAGS)}
    tags: list[Tag] = []
    skipped: dict[str, str] = {}
    with ObjectReader(repository.scratch) as reader:
        # A tag of a tag is followed step by step, all tags together, so that each object is read once.
        objects: dict[Sha, bytes | Unread] = {}
        pending = set(holds.values())
        while pending:
            read = dict(reader.raw(sorted(pending), frozenset({"tag", "commit"})))
            objects |= read
            pending = {_target(text) for text in read.values() if _is_tag(text)} - objects.keys()
    for ref, sha in holds.items():
        name = ref[len(_TAGS) :]
        first = last = objects[sha]
        commit = sha
        while _is_tag(last):
            commit = _target(last)
            last = objects[commit]
        if isinstance(last, Unread):
            if last.why is not Why.OTHER_TYPE:
                skipped[name] = str(last)
        elif not isinstance(first, Unread):
            # A tag without a tagger is as old as its commit.
            when = _WHEN.search(first.partition(b"\n\n")[0]) or _WHEN.search(last.partition(b"\n\n")[0])
            at = min(max(int(when[1]), 0), LATEST) if when else 0
            tags.append(Tag(name, ref, commit, at, annotated=_is_tag(first)))
    tags.sort(key=lambda tag: (tag.at, tag.name))
    return tags, skipped


def pull_refs(refs: Mapping[RefName, Sha]) -> list[PullRef]:
    """The tips of pull and merge requests, by number; of several with one number the hosting service's own ref first.

    Notes
    -----
    ``refs/pull/N/head`` (GitHub, Gitea), ``refs/merge-requests/N/head`` (GitLab), ``refs/pull-requests/N/from``
    (Bitbucket), and the same fetched under ``refs/remotes/``, with or without their last part (``origin/pr/N``). What a
    service merged on trial (``refs/pull/N/merge``) is none.
    """
    found = []
    for ref, sha in refs.items():
        match = _PULL.fullmatch(ref)
        if match is not None and (match["fetched"] or match["rest"]):
            found.append((int(match["number"]), bool(match["fetched"]), PullRef(int(match["number"]), ref, sha)))
    return [pull for _, _, pull in sorted(found)]


def _is_tag(content: bytes | Unread) -> TypeGuard[bytes]:
    # Of the two types that were asked for, a tag begins with its object and a commit with its tree.
    return not isinstance(content, Unread) and content.startswith(b"object ")


def _target(tag: bytes) -> Sha:
    return Sha(tag[len(b"object ") :].partition(b"\n")[0].decode("ascii", "replace"))


__all__ = [
    "PullRef",
    "Tag",
    "branch_refs",
    "find_branch",
    "pull_refs",
    "read_tags",
    "resolve_branches",
]
