"""Abbreviated object ids, looked up in bulk."""

from __future__ import annotations

import re
from collections.abc import Iterable

from branchsim.git.process import run
from branchsim.git.scratch import Scratch
from branchsim.names import Sha

_HEX = re.compile(r"[0-9a-f]{4,64}")


def commits_named(scratch: Scratch, names: Iterable[str]) -> dict[str, Sha]:
    """The commits that abbreviated or full ids name.

    Parameters
    ----------
    scratch : Scratch
        Where to look.
    names : iterable of str
        Lower-case hexadecimal, 4 to 64 digits; anything else names nothing.

    Returns
    -------
    dict
        From a name to the one commit it stands for. A name that is unknown, ambiguous, or of another type is not in it.
    """
    wanted = sorted({name for name in names if _HEX.fullmatch(name)})
    if not wanted:
        return {}
    feed = "".join(f"{name}\n" for name in wanted).encode()
    lines = (
        run(["cat-file", "--batch-check=%(objectname) %(objecttype)"], scratch.path, stdin=feed).decode().splitlines()
    )
    found = {}
    for name, line in zip(wanted, lines, strict=True):
        sha, _, kind = line.partition(" ")
        if kind == "commit":
            found[name] = Sha(sha)
    return found
