"""What trailers say: which commit names which other as its source, with chains followed and names resolved."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from branchsim.audit.evidence import Evidence
from branchsim.audit.pairing import Edge
from branchsim.git.commitobject import load_commits
from branchsim.git.log import Commit
from branchsim.git.names import commits_named
from branchsim.git.scratch import Scratch
from branchsim.history.messages import change_ids, ported_from
from branchsim.names import Sha

_LONGEST_CHAIN = 8


class Names:
    """Full ids found by the first digits of one."""

    def __init__(self, shas: Iterable[Sha]) -> None:
        self._sorted = sorted(shas)

    def find(self, prefix: str) -> Sha | None:
        """The one id that begins so, None where there is none or more than one."""
        at = bisect_left(self._sorted, prefix)
        near = self._sorted[at : at + 2]
        fitting = [sha for sha in near if sha.startswith(prefix)]
        return fitting[0] if len(fitting) == 1 else None


def trailer_edges(
    scratch: Scratch, sources: Sequence[Commit], targets: Sequence[Commit]
) -> tuple[list[Edge], dict[Sha, tuple[str, ...]]]:
    """The pairs that trailers state, either way round, through further commits, or by a common origin.

    Parameters
    ----------
    scratch : Scratch
        Where commits that are on neither side are looked up.
    sources, targets : sequence of Commit
        The two sides.

    Returns
    -------
    edges : list of Edge
        Each with evidence ``trailer``.
    unresolved : dict
        From a target to the names in its trailers that name no commit.
    """
    known = {commit.sha: commit for commit in (*sources, *targets)}
    stated = {sha: ported_from(commit.message) for sha, commit in known.items()}
    stated = {sha: named for sha, named in stated.items() if named}
    origins = _origins(scratch, known, stated)
    on_source = {commit.sha for commit in sources}
    by_origin: dict[Sha, set[Sha]] = {}
    for sha in on_source:
        for origin in (sha, *origins.get(sha, ())):
            by_origin.setdefault(origin, set()).add(sha)
    edges: dict[tuple[Sha, Sha], Edge] = {}
    for target in targets:
        own = origins.get(target.sha, ())
        for place, origin in enumerate(own):
            for source in sorted(by_origin.get(origin, ())):
                said = f"{target.sha[:12]} names {origin[:12]} as its source"
                edges.setdefault(
                    (source, target.sha),
                    Edge(source, target.sha, Evidence.TRAILER, (said,), 100.0 - place - (source != origin)),
                )
        for source in sorted(by_origin.get(target.sha, ())):
            said = f"{source[:12]} names {target.sha[:12]} as its source"
            edges.setdefault((source, target.sha), Edge(source, target.sha, Evidence.TRAILER, (said,), 100.0))
    for edge in _by_change_id(sources, targets):
        edges.setdefault((edge.source, edge.target), edge)
    names = Names(known)
    unresolved = {
        commit.sha: tuple(text for text in stated[commit.sha] if names.find(text) is None)
        for commit in targets
        if commit.sha in stated and not origins.get(commit.sha)
    }
    return list(edges.values()), unresolved


def _by_change_id(sources: Iterable[Commit], targets: Iterable[Commit]) -> Iterable[Edge]:
    """A Gerrit Change-Id is kept by a cherry-pick, so it names the change on every branch."""
    holders: dict[str, list[Sha]] = {}
    for commit in sources:
        for name in change_ids(commit.message):
            holders.setdefault(name, []).append(commit.sha)
    for commit in targets:
        for name in change_ids(commit.message):
            near = holders.get(name, ())
            if len(near) == 1:
                yield Edge(near[0], commit.sha, Evidence.TRAILER, (f"both carry Change-Id {name[:13]}",), 99.0)


def _origins(
    scratch: Scratch, known: Mapping[Sha, Commit], stated: Mapping[Sha, Sequence[str]]
) -> dict[Sha, tuple[Sha, ...]]:
    """For each commit with a trailer the commits it goes back to, nearest first."""
    commits = dict(known)
    names = Names(commits)
    asked: set[str] = set()
    frontier = {text for texts in stated.values() for text in texts}
    resolved: dict[str, Sha | None] = {}
    links = dict(stated)
    for _ in range(_LONGEST_CHAIN):
        new = frontier - asked
        asked |= new
        resolved.update((text, names.find(text)) for text in new)
        found = commits_named(scratch, (text for text in new if resolved[text] is None))
        resolved.update(found)
        fresh = sorted(set(found.values()) - commits.keys())
        if not fresh:
            break
        frontier = set()
        for commit in load_commits(scratch, fresh):
            commits[commit.sha] = commit
            further = ported_from(commit.message)
            if further:
                links[commit.sha] = further
                frontier.update(further)
        names = Names(commits)
    result = {}
    for sha in stated:
        chain: list[Sha] = []
        waiting = [sha]
        while waiting and len(chain) < _LONGEST_CHAIN * 8:
            at = waiting.pop(0)
            for text in links.get(at, ()):
                origin = resolved.get(text)
                if origin is not None and origin != sha and origin not in chain:
                    chain.append(origin)
                    waiting.append(origin)
        if chain:
            result[sha] = tuple(chain)
    return result
