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
    Evidence.AUTHOR_DATE: 0.998,
    Evidence.SUBJECT: 0.998,
    Evidence.REPLAY: 0.995,
    Evidence.OVERLAP: 0.97,
    Evidence.ABSENT: 0.9,
}
"""How far each rung can be trusted: the share of right answers on it, rounded down.

``benchmarks/accuracy.py`` counts them on known ports of public repositories; the counts are in ``docs/accuracy.md``. A
trailer names its source wrongly about once in a thousand times, by the same tables, and what is compared with trailers
cannot be known better than that: no rung has more than 0.999. `Evidence.ANCESTOR` is exact as far as it goes, and
whether a merge kept what it brought is judged apart from it. Two are not counts of right answers: `Evidence.REPLAY` is
one less the share of ports whose replay changes nothing before they are made already, and `Evidence.ABSENT` is a
judgement, since nobody knows all the ports that carry no trailer.
"""
