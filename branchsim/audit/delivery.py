"""Whether merges delivered what they carried: where a result is not git's own, a change may have been dropped."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from branchsim.git.log import Commit
from branchsim.git.merge import merge_many
from branchsim.git.objects import ObjectReader
from branchsim.git.process import run
from branchsim.git.scratch import Scratch
from branchsim.names import Sha

_FEWEST_CHARACTERS = 3


@dataclass(frozen=True, slots=True)
class Resolution:
    """A merge whose recorded result is not what git makes of it.

    Attributes
    ----------
    merge : Sha
        The merge.
    clean : bool
        Whether git merges it without a conflict.
    paths : frozenset of bytes
        Where the recorded result differs from git's own.
    """

    merge: Sha
    clean: bool
    paths: frozenset[bytes]


def resolutions(scratch: Scratch, merges: Iterable[Commit]) -> tuple[dict[Sha, Resolution], dict[Sha, str]]:
    """The merges whose recorded result differs from git's automatic one.

    Parameters
    ----------
    scratch : Scratch
        Where to merge.
    merges : iterable of Commit
        Merges of two parents; others are left out.

    Returns
    -------
    found : dict
        From a merge to its `Resolution`.
    skipped : dict
        From a merge that git could not redo to the reason.
    """
    wanted = sorted((commit for commit in merges if len(commit.parents) == 2), key=lambda c: c.sha)  # noqa: PLR2004
    pairs = [(commit.parents[0], commit.parents[1]) for commit in wanted]
    differing: list[tuple[Commit, Sha, bool]] = []
    skipped: dict[Sha, str] = {}
    for commit, result in zip(wanted, merge_many(scratch, pairs, processes=os.cpu_count() or 1), strict=True):
        if result.tree is None:
            skipped[commit.sha] = result.failure or "git could not redo the merge"
        elif result.tree != commit.tree:
            differing.append((commit, result.tree, result.clean))
    found = {}
    paths = differences(scratch, [(tree, commit.tree) for commit, tree, _ in differing])
    for commit, tree, clean in differing:
        found[commit.sha] = Resolution(commit.sha, clean, paths[tree, commit.tree])
    return found, skipped


def differences(scratch: Scratch, pairs: list[tuple[Sha, Sha]]) -> dict[tuple[Sha, Sha], frozenset[bytes]]:
    """The paths in which trees differ."""
    if not pairs:
        return {}
    feed = "".join(f"{one} {other}\n" for one, other in pairs).encode()
    out = run(["diff-tree", "--stdin", "-r", "-z", "--name-only", "--no-renames"], scratch.path, stdin=feed)
    found: dict[tuple[Sha, Sha], frozenset[bytes]] = {}
    heads = {f"{one} {other}".encode(): (one, other) for one, other in pairs}
    current: set[bytes] = set()
    pair: tuple[Sha, Sha] | None = None
    for token in out.split(b"\0"):
        # With -z the header of a pair still ends with a line feed, so headers stand before the first path of a pair.
        head, line_feed, rest = token.partition(b"\n")
        while line_feed and head in heads:
            if pair is not None:
                found[pair] = frozenset(current)
            pair, current = heads[head], set()
            token = rest  # noqa: PLW2901  what follows the header
            head, line_feed, rest = token.partition(b"\n")
        if token:
            current.add(token)
    if pair is not None:
        found[pair] = frozenset(current)
    return {each: found.get(each, frozenset()) for each in pairs}


@dataclass(frozen=True, slots=True)
class Effect:
    """The lines that a change adds and removes in one path, without white space, as multisets."""

    path: bytes
    added: Counter[bytes]
    removed: Counter[bytes]


def meaningful(content: bytes) -> Counter[bytes]:
    """The lines of a text that are long enough to mean something, without white space."""
    lines = content.translate(None, b" \t\r\f\v").split(b"\n")
    return Counter(line for line in lines if len(line) >= _FEWEST_CHARACTERS)


def share_there(effect: Effect, content: bytes | None) -> float:
    """The share of an effect's lines that hold in a file: added ones are there, removed ones are away.

    Returns
    -------
    float
        0 to 1; 1 where the effect has no meaningful line.
    """
    lines = meaningful(content) if content is not None else Counter[bytes]()
    total = sum(effect.added.values())
    if total:
        return sum((effect.added & lines).values()) / total
    gone = sum(effect.removed.values())
    return 1.0 - sum((effect.removed & lines).values()) / gone if gone else 1.0


def delivered(effect: Effect, merged: bytes | None, with_it: bytes | None, without_it: bytes | None) -> tuple[int, int]:
    """How much of an effect a merge kept, of what only one of its sides had.

    Lines that the other side has as well say nothing: in metadata the same line stands in a file many times. So copies
    are counted from what the other side has.

    Parameters
    ----------
    effect : Effect
        What the change did.
    merged, with_it, without_it : bytes or None
        The file in the result, on the side that has the change, and on the other side; None where there is none.

    Returns
    -------
    kept, had : int
        Copies of lines, added and removed ones together.
    """
    result, own, other = (
        meaningful(each) if each is not None else Counter[bytes]() for each in (merged, with_it, without_it)
    )
    kept = had = 0
    for line, count in effect.added.items():
        extra = max(0, min(count, own[line] - other[line]))
        had += extra
        kept += max(0, min(extra, result[line] - other[line]))
    for line, count in effect.removed.items():
        fewer = max(0, min(count, other[line] - own[line]))
        had += fewer
        kept += max(0, min(fewer, other[line] - result[line]))
    return kept, had


def contents(scratch: Scratch, questions: Iterable[tuple[Sha, bytes]]) -> dict[tuple[Sha, bytes], bytes | None]:
    """The files at a path of a tree (or commit): None where there is no readable blob there."""
    wanted = sorted(set(questions))
    found: dict[tuple[Sha, bytes], bytes | None] = dict.fromkeys(wanted)
    with ObjectReader(scratch) as reader:
        infos = reader.find(wanted)
        blobs = {info.sha for info in infos.values() if info is not None and getattr(info, "type", "") == "blob"}
        read = {sha: blob for sha, blob in reader.blobs(sorted(blobs)) if isinstance(blob, bytes)}
    for question, info in infos.items():
        sha = getattr(info, "sha", None)
        found[question] = read.get(sha) if sha is not None else None
    return found


Contents = Mapping[tuple[Sha, bytes], bytes | None]
