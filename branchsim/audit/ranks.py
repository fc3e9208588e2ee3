"""How much a loss deserves a person's attention: by what became of the unit, and by what is known of the landing."""

from __future__ import annotations

import re

from branchsim.effects import Fate

BASE: dict[Fate, float] = {
    Fate.EDIT_UNDONE: 0.55,
    Fate.DELETION_UNDONE: 0.50,
    Fate.VANISHED: 0.42,
    Fate.EVIL_REMOVAL: 0.36,
    Fate.OTHER_SIDE: 0.26,
    Fate.REWRITTEN: 0.15,
}
"""Where a rank starts; the order is the one in which real losses were found to matter, see ``docs/overwrites.md``."""

RESTORED = 0.22
CLEAN = 0.14
WHOLE_FILE = 0.10
MANY_FILES = 0.06
HOTFIX = 0.12
SEVERAL = 0.06
SECONDARY = -0.14

_MANY = 5
_FEW_UNITS = 4
_SECONDARY = re.compile(
    rb"(?:^|/)(?:tests?|testing|specs?|docs?|examples?|fixtures?|__tests__)(?:/|$)|\.(?:md|rst|txt|adoc|po|pot)$", re.IGNORECASE
)


def is_secondary(path: bytes) -> bool:
    """Whether a path holds tests, documentation or examples, which seldom break a release."""
    return _SECONDARY.search(path) is not None


def rank(
    fate: Fate,
    path: bytes,
    *,
    clean: bool,
    whole_file: bool,
    paths: int,
    units: int,
    restored: bool,
    hotfix: bool,
) -> float:
    """The rank of a finding.

    Parameters
    ----------
    fate : Fate
        What became of the unit.
    path : bytes
        Where.
    clean : bool
        Whether git merges the path without a conflict.
    whole_file : bool
        Whether the result equals one side as a whole.
    paths : int
        How many paths of the landing lost something.
    units : int
        How many units of this path were lost alike.
    restored : bool
        Whether a later commit brings it back.
    hotfix : bool
        Whether the change it hurt came from a hotfix family, or calls itself a fix.

    Returns
    -------
    float
        0 to 1.
    """
    value = BASE[fate]
    value += RESTORED * restored + CLEAN * clean + WHOLE_FILE * whole_file + HOTFIX * hotfix
    value += MANY_FILES * (paths >= _MANY) + SEVERAL * (units >= _FEW_UNITS) + SECONDARY * is_secondary(path)
    return round(min(1.0, max(0.0, value)), 3)
