"""What each merge brought in: the commits of a range, grouped under the merges that carried them to the main line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from branchsim.git.log import Commit
from branchsim.names import Sha


def brought_in(commits: Iterable[Commit], tips: Iterable[Sha]) -> dict[Sha, tuple[Sha, ...]]:
    """For every merge of a range the commits of the range that came with it.

    Parameters
    ----------
    commits : iterable of Commit
        The range, in any order.
    tips : iterable of Sha
        Where the main lines end.

    Returns
    -------
    dict
        From a merge to the commits that it brought to the line it stands on, merges among them included, oldest first.
        Nested merges have entries of their own.
    """
    parents = {commit.sha: commit.parents for commit in commits}
    found: dict[Sha, tuple[Sha, ...]] = {}
    # Each entry: the tip of a line, and the commits that may belong to it (None: all).
    waiting: list[tuple[Sha, frozenset[Sha] | None]] = [(tip, None) for tip in tips]
    seen: set[Sha] = set()
    while waiting:
        tip, allowed = waiting.pop()
        local: set[Sha] = seen if allowed is None else set()
        line = []
        at: Sha | None = tip
        while at is not None and at in parents and at not in local and (allowed is None or at in allowed):
            line.append(at)
            first = parents[at][:1]
            at = first[0] if first else None
        for sha in reversed(line):
            local.add(sha)
            for parent in parents[sha][1:]:
                gathered = _gather(parent, parents, local, allowed)
                if gathered:
                    found.setdefault(sha, ())
                    found[sha] += tuple(gathered)
                    if any(len(parents[inner]) > 1 for inner in gathered):
                        waiting.append((parent, frozenset(gathered)))
    return found


def _gather(
    start: Sha, parents: Mapping[Sha, tuple[Sha, ...]], seen: set[Sha], allowed: frozenset[Sha] | None
) -> list[Sha]:
    """The commits reachable from a start that nobody has taken, parents first; they are taken now."""
    order: list[Sha] = []
    stack: list[tuple[Sha, bool]] = [(start, False)]
    while stack:
        sha, done = stack.pop()
        if done:
            order.append(sha)
            continue
        if sha in seen or sha not in parents or (allowed is not None and sha not in allowed):
            continue
        seen.add(sha)
        stack.append((sha, True))
        stack.extend((parent, False) for parent in reversed(parents[sha]))
    return order
