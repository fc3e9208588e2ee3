"""Changes that only keep the books of a release: a version, a date, a change log."""

from __future__ import annotations

import re
from collections.abc import Sequence

from branchsim.audit.lines import Effect
from branchsim.effects import classify_path, is_version_bump

_ABOUT_A_RELEASE = re.compile(
    r"\b(?:releas\w*|version|bump\w*|prepar\w*|snapshot|changelog|change log)\b|^v?\d+(?:\.\d+)+\b", re.IGNORECASE
)

_VERSION = re.compile(r"\d+(?:\.\d+)+(?:[-.]?[a-z]+[-.]?\d*)?", re.IGNORECASE)


def is_bookkeeping(subject: str, effects: Sequence[Effect]) -> bool:
    """Whether a change only sets a version, a date or a year, and writes the change log and the notes of that version.

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
    said = says_release(subject)
    versions = [version.encode() for version in _VERSION.findall(subject)] if said else []
    return all(
        classify_path(effect.path) == "change-log" or _is_bump(effect, said=said) or _is_note(effect, versions)
        for effect in effects
    )


def says_release(subject: str) -> bool:
    """Whether a subject speaks of a release or a version."""
    return _ABOUT_A_RELEASE.search(subject) is not None


def _is_bump(effect: Effect, *, said: bool) -> bool:
    removed, added = (
        [line.decode("utf-8", "replace") for line in lines.elements()] for lines in (effect.removed, effect.added)
    )
    return is_version_bump(removed, added, said=said)


def _is_note(effect: Effect, versions: Sequence[bytes]) -> bool:
    """Whether a change of a path only tells of one of these versions: in its name, or in every line that came."""
    if any(version in effect.path for version in versions):
        return True
    came = effect.added.keys()
    return bool(came) and not effect.removed and all(any(version in line for version in versions) for line in came)


__all__ = ["is_bookkeeping", "says_release"]
