"""Abbreviated object ids, looked up in bulk."""

from __future__ import annotations

import re
from collections.abc import Iterable

from branchsim.git.objects import ObjectReader, Unread
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
    answers = ObjectReader(scratch).look(wanted)
    return {name: answer.sha for name, answer in answers if not isinstance(answer, Unread) and answer.type == "commit"}
