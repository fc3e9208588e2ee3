"""What a commit that is no merge took away in passing, as far as somebody said later that it was not to go.

Every commit removes lines, and nearly always on purpose. Nothing tells the others but a later commit that brings them
back and calls that a repair: so nothing is said of a young commit, nor of one that says that it removes something.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from branchsim.audit.losses import VERSIONS, Losses, LossReader
from branchsim.git.log import Commit
from branchsim.git.objects import TreeEntry
from branchsim.names import Sha

_FILES = ("100644", "100755")
_MANY = 50
"""A commit that changes more files is one of tools, or puts all in another order."""
_REMOVES = re.compile(
    r"\b(?:remov|delet|drop|clean|disabl|revert|replac|renam|mov(?:e[sd]?|ing)\b|deprecat|strip|rid\b|unused|obsolet|old\b|elimin|borr|quita"
    r"|fjern|slett|entfern|l[öo]sch|supprim|retir)",
    re.IGNORECASE,
)


def taken_away(reader: LossReader, commit: Commit, known: Collection[bytes]) -> Losses:
    """What a commit took away, path by path; nothing of one that says so, or that changes many files.

    Parameters
    ----------
    reader : LossReader
        Reads and parses the blobs.
    commit : Commit
        A commit with one parent.
    known : collection of bytes
        Paths of which something else is known.
    """
    if len(commit.changes) > _MANY or _REMOVES.search(commit.subject):
        return Losses(())
    paths = []
    for change in commit.changes:
        if change.path in known:
            continue
        entries = {}
        if change.old_mode in _FILES:
            entries = dict.fromkeys(("base", "target", "source"), TreeEntry(change.old_mode, Sha(change.old)))
        if change.new_mode in _FILES:
            entries["merged"] = TreeEntry(change.new_mode, Sha(change.new))
        if entries:
            paths.append((dict.fromkeys(VERSIONS, change.path), entries))
    return reader.read_versions(paths)


__all__ = ["taken_away"]
