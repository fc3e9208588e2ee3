"""Changes that only keep the books of a release: a version, a date, a change log."""

from __future__ import annotations

import re
from collections.abc import Sequence

from branchsim.audit.delivery import Effect
from branchsim.effects import classify_path, is_version_bump

_ABOUT_A_RELEASE = re.compile(
    r"\b(?:releas\w*|version|bump\w*|prepar\w*|snapshot|changelog|change log)\b|^v?\d+(?:\.\d+)+\b", re.IGNORECASE
)


def is_bookkeeping(subject: str, effects: Sequence[Effect]) -> bool:
    """Whether a change only sets a version, a date or a year, and writes the change log.

    Such a change belongs to its own line of releases: no other branch waits for it.

    Parameters
    ----------
    subject : str
        Of the change.
    effects : sequence of Effect
        What it does, path by path.
    """
    if not effects:
        return False
    said = _ABOUT_A_RELEASE.search(subject) is not None
    return all(classify_path(effect.path) == "change-log" or _is_bump(effect, said=said) for effect in effects)


def _is_bump(effect: Effect, *, said: bool) -> bool:
    removed, added = (
        [line.decode("utf-8", "replace") for line in lines.elements()] for lines in (effect.removed, effect.added)
    )
    return is_version_bump(removed, added, said=said)


__all__ = ["is_bookkeeping"]
