"""The truth of a sample repository: what happened to each change, as rows that are written to and read from CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, fields

from branchsim.errors import InternalError

KINDS = ("obligation", "overwrite", "leak", "trap", "promotion")
"""What a row is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """One thing that happened; what does not apply is empty.

    Attributes
    ----------
    kind : str
        ``obligation``: a change that landed on one branch was owed to another. ``overwrite``: a landing after which a
        change is no longer there. ``leak``: content that reached RUN without the flows it had to pass. ``trap``: what
        looks like a loss and is none. ``promotion``: a version that went onward.
    name : str
        A short name; the rows of one change share it.
    subject : str
        Of the change.
    change : str
        The id of the landing that brought the change.
    commits : str
        The commits it is made of, merges left out, separated by a space; of an overwrite also those that carried it
        elsewhere.
    landed_on : str
        Where it landed first.
    owed_to : str
        Where it was owed.
    verdict : str
        How the obligation ended, all told.
    on_arrival : str
        How it ended as seen at the landing where it arrived: the same, unless a later landing dropped it.
    how : str
        How it arrived: ``merge``, ``cherry-pick``, ``squash``, ``by hand``.
    counterpart : str
        The commit on the branch it was owed to that carries it, or that withdrew or dropped it.
    cause : str
        Why it was lost, or which trap or leak it is.
    branch : str
        Where the overwrite, leak, trap or promotion happened.
    landing : str
        The landing with which it happened there.
    origin : str
        The commit that first dropped the change, where a promotion only carried that on.
    path : str
        The file that shows it.
    side : str
        Of an overwrite: ``target``, where the branch had the change, or ``source``, where the landing should have
        brought it.
    restored_by : str
        The commit that brought it back.
    reason : str
        One sentence for people.
    """

    kind: str
    name: str
    subject: str = ""
    change: str = ""
    commits: str = ""
    landed_on: str = ""
    owed_to: str = ""
    verdict: str = ""
    on_arrival: str = ""
    how: str = ""
    counterpart: str = ""
    cause: str = ""
    branch: str = ""
    landing: str = ""
    origin: str = ""
    path: str = ""
    side: str = ""
    restored_by: str = ""
    reason: str = ""


COLUMNS = tuple(field.name for field in fields(Truth))
"""The columns of the CSV file, in order."""


def write(rows: Iterable[Truth]) -> bytes:
    """Rows as CSV: UTF-8, a header, line feeds; the same bytes for the same rows."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([getattr(row, column) for column in COLUMNS] for row in rows)
    return out.getvalue().encode("utf-8")


def read(content: bytes) -> tuple[Truth, ...]:
    """Rows from CSV as `write` makes it.

    Raises
    ------
    InternalError
        The columns are other ones: the file does not belong to this version of the package.
    """
    reader = csv.reader(io.StringIO(content.decode("utf-8"), newline=""))
    if tuple(next(reader, ())) != COLUMNS:
        raise InternalError("the truth of a sample has other columns than this version writes; run data/regenerate.py")
    return tuple(Truth(**dict(zip(COLUMNS, row, strict=True))) for row in reader)


__all__ = ["COLUMNS", "KINDS", "Truth", "read", "write"]
