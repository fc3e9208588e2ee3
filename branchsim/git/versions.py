"""Version thresholds of git, each with the reason it is needed."""

from __future__ import annotations

import functools
import re

from branchsim.errors import GitError

MINIMUM = (2, 39, 0)
"""``merge-tree --write-tree --stdin`` and its ``-z`` output came with 2.38 and were settled in 2.39."""

MERGE_TREE_MERGE_BASE = (2, 40, 0)
"""``merge-tree --merge-base``: before it, a pick needs a synthetic commit that makes the wanted merge base."""

PATCH_ID_ORDER = (2, 46, 1)
"""From here on ``patch-id`` emits its ids in another order; no caller may rely on the order."""

REMERGE_DIFF_OUTSIDE_WALK = (2, 48, 0)
"""``--remerge-diff`` gives wrong results outside a plain walk before this; nothing here builds on it."""


def parse_version(text: str) -> tuple[int, int, int]:
    """The version in what ``git version`` prints.

    Parameters
    ----------
    text : str
        For example ``git version 2.39.5 (Apple Git-154)``.

    Returns
    -------
    tuple of int
        Major, minor and patch level; a missing patch level is 0.

    Raises
    ------
    GitError
        The text holds no version.
    """
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    if found is None:
        raise GitError(f"cannot read a version from {text!r}; is the program called 'git' on PATH really git?")
    major, minor, patch = found.groups(default="0")
    return int(major), int(minor), int(patch)


def require(version: tuple[int, int, int]) -> None:
    """Refuse a git that is too old.

    Raises
    ------
    GitError
        The version is older than `MINIMUM`.
    """
    if version < MINIMUM:
        have, need = (".".join(map(str, v)) for v in (version, MINIMUM))
        raise GitError(f"git {have} is too old: branchsim needs git {need} or newer; install a newer git")


@functools.cache
def installed() -> tuple[int, int, int]:
    """The version of the git on PATH, asked once per process.

    Raises
    ------
    GitError
        There is no git on PATH.
    """
    from branchsim.git.process import run

    return parse_version(run(["version"]).decode("utf-8", "replace"))
