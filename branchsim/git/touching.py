"""Which commits of two lines of history touch the same paths."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from branchsim.git.process import run
from branchsim.names import Sha

if TYPE_CHECKING:
    from collections.abc import Collection

    from branchsim.git.scratch import Scratch

_HEAD = re.compile(rb"([<>])([0-9a-f]{40}|[0-9a-f]{64})")
_FEW = 20


def commits_touching(
    scratch: Scratch, ours: Sha, theirs: Sha, paths: Collection[bytes]
) -> dict[bytes, tuple[list[Sha], list[Sha]]]:
    """The commits on either side of a merge that changed some paths since the sides parted.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    ours, theirs : Sha
        The two commits.
    paths : collection of bytes
        The paths. Merges are left out, and renames are not followed: ask for the old names too.

    Returns
    -------
    dict
        From each path to the commits of ours and of theirs, newest first.

    Raises
    ------
    GitError
        git failed, for example because an object is missing.
    """
    found: dict[bytes, tuple[list[Sha], list[Sha]]] = {path: ([], []) for path in paths}
    if not found:
        return found
    arguments: list[str | bytes] = [
        "log",
        "-z",
        "--format=%m%H%x00",
        "--name-only",
        "--no-renames",
        "--no-merges",
        "--left-right",
    ]
    # git compares every path it meets with every path it is asked for: with many, reading all is faster.
    limits: list[str | bytes] = ["--full-history", "--", *sorted(found)] if len(found) <= _FEW else ["--"]
    tokens = run([*arguments, f"{ours}...{theirs}", *limits], scratch.path).split(b"\0")
    side, sha = 0, Sha("")
    for place, token in enumerate(tokens):
        head = _HEAD.fullmatch(token)
        # A path could look like a head, but only a head has nothing after it.
        if head is not None and tokens[place + 1] == b"":
            side, sha = int(head[1] == b">"), Sha(head[2].decode("ascii"))
            continue
        path = token.removeprefix(b"\n") if tokens[place - 1] == b"" else token
        if path in found:
            found[path][side].append(sha)
    return found


__all__ = ["commits_touching"]
