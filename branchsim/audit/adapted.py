"""How an adapted port differs from its source: the hunks that only one of the two has."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from branchsim.audit.steps import tree_of
from branchsim.git.difftree import raw_changes
from branchsim.git.hunks import read_hunks
from branchsim.git.log import read_commits
from branchsim.names import file_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from branchsim.git.hunks import Hunk
    from branchsim.git.scratch import Scratch
    from branchsim.names import Sha

_Hunks = dict[bytes, "list[Hunk]"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One place in which a port is not as its source.

    Attributes
    ----------
    path : str
        The file; that of the port, where the source has another.
    source, port : str
        The lines that each takes away (``-``) and adds (``+``) there; empty where it leaves the place alone.
    """

    path: str
    source: str
    port: str


def differing_hunks(
    scratch: Scratch, pairs: Iterable[tuple[Sha, Sha]]
) -> dict[tuple[Sha, Sha], tuple[Difference, ...]]:
    """What differs between commits and their ports.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    pairs : iterable of (Sha, Sha)
        Each a commit and its port. A merge is what it brought to its first parent.

    Returns
    -------
    dict
        From a pair to its differences, by path and place; none where both change the same lines in the same way. A pair
        with a commit that cannot be read, or that has no parent, is left out.

    Raises
    ------
    GitError
        A tree is missing or corrupt.
    """
    wanted = list(dict.fromkeys(pairs))
    named = list(dict.fromkeys(sha for pair in wanted for sha in pair))
    if not named:
        return {}
    read = [*read_commits(scratch, named, options=["--no-walk=unsorted"], changes=False)]
    trees = tree_of(scratch, [commit.parents[0] for commit in read if commit.parents])
    steps = {commit.sha: (trees[commit.parents[0]], commit.tree) for commit in read if commit.parents}
    hunks, _ = read_hunks(scratch, [*steps.values()], context=0)
    paths = raw_changes(scratch, [step for step in steps.values() if step in hunks])

    def of(sha: Sha) -> _Hunks:
        step = steps[sha]
        return dict(zip((change.path for change in paths[step]), hunks[step], strict=True))

    return {
        pair: tuple(_differences(of(pair[0]), of(pair[1])))
        for pair in wanted
        if all(sha in steps and steps[sha] in hunks for sha in pair)
    }


def _differences(source: _Hunks, port: _Hunks) -> Iterable[Difference]:
    ours, theirs = _only(source, port), _only(port, source)
    moved = {file_name(path): path for path in theirs if path not in ours}
    # A file that only the port has stands beside the one of its name in the source, of two with one name the first.
    partners = {path: path if path in theirs else moved.pop(file_name(path), path) for path in sorted(ours)}
    alone = {path: path for path in theirs.keys() - set(partners.values())}
    for path, there in sorted((partners | alone).items()):
        for one, other in zip_longest(ours.get(path, ()), theirs.get(there, ())):
            yield Difference(there.decode("utf-8", "replace"), _shown(one), _shown(other))


def _only(hunks: _Hunks, others: _Hunks) -> dict[bytes, list[Hunk]]:
    """The hunks that the others do not have in any file, each as often as it is one too many."""
    spare = Counter(_key(hunk) for each in others.values() for hunk in each)
    found: dict[bytes, list[Hunk]] = defaultdict(list)
    for path, each in hunks.items():
        for hunk in each:
            if spare[_key(hunk)]:
                spare[_key(hunk)] -= 1
            else:
                found[path].append(hunk)
    return dict(found)


def _key(hunk: Hunk) -> tuple[bytes, bytes]:
    return b" ".join(hunk.before.split()), b" ".join(hunk.after.split())


def _shown(hunk: Hunk | None) -> str:
    if hunk is None:
        return ""
    lines: Sequence[bytes] = [
        mark + line for mark, side in ((b"-", hunk.before), (b"+", hunk.after)) for line in side.split(b"\n")[:-1]
    ]
    return b"\n".join(lines).decode("utf-8", "replace")


__all__ = ["Difference", "differing_hunks"]
