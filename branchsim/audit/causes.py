"""Causes of an overwrite: who decided that a change's effect should go."""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """Who decided."""

    MERGE_RESOLUTION = "merge-resolution"
    """A conflict was resolved without it."""
    EVIL_MERGE = "evil-merge"
    """Git merges the path by itself and keeps it; the recorded result does not."""
    BLIND_OVERWRITE = "blind-overwrite"
    """A squash of work that never had it."""
    STALE_COMMIT = "stale-commit"
    """A commit that takes a file back to, or nearer to, an older version."""
    REVERT_PROPAGATED = "revert-propagated"
    """An explicit revert that came from another branch."""
    FORCE_PUSH = "force-push"
    """The branch was moved without fast-forward."""
    SUPERSEDED = "superseded"
    """The side that removed it had it, and edited it in a commit of its own: no finding."""
