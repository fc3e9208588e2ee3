"""The ladder of evidence that a change is on another branch, and how far each rung can be trusted."""

from __future__ import annotations

from enum import StrEnum


class Evidence(StrEnum):
    """How a change is known to be on another branch, strongest first."""

    ANCESTOR = "ancestor"
    TRAILER = "trailer"
    PATCH_ID = "patch-id"
    ZERO_CONTEXT = "zero-context-patch-id"
    SQUASH = "squash"
    AUTHOR_DATE = "author-date"
    SUBJECT = "subject"
    REPLAY = "replay"
    OVERLAP = "overlap"
    ABSENT = "absent"


CONFIDENCE: dict[Evidence, float] = {
    Evidence.ANCESTOR: 0.999,
    Evidence.TRAILER: 0.999,
    Evidence.PATCH_ID: 0.999,
    Evidence.ZERO_CONTEXT: 0.998,
    Evidence.SQUASH: 0.99,
    Evidence.AUTHOR_DATE: 0.995,
    Evidence.SUBJECT: 0.98,
    Evidence.REPLAY: 0.95,
    Evidence.OVERLAP: 0.95,
    Evidence.ABSENT: 0.9,
}
"""The share of right answers on each rung, measured with ``benchmarks/accuracy.py``; see ``docs/accuracy.md``."""
