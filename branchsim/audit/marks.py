"""Marks of a conflict in a commit that is no merge: of a rebase, a cherry-pick or a squash that was never resolved."""

from __future__ import annotations

import re
from dataclasses import replace

from branchsim.audit.losses import VERSIONS, Losses, LossReader
from branchsim.effects import What
from branchsim.git.log import Commit
from branchsim.git.objects import TreeEntry
from branchsim.names import Sha

_FILES = ("100644", "100755")
_MARK = re.compile(rb"^(?:<{7} |={7}\r?$|>{7} )", re.MULTILINE)


def marked_paths(reader: LossReader, commit: Commit) -> Losses:
    """The paths in which a commit with one parent has conflicts that the parent has not, with the marks alone.

    Parameters
    ----------
    reader : LossReader
        Reads and parses the blobs.
    commit : Commit
        A commit with one parent.
    """
    edits = [change for change in commit.changes if change.new_mode in _FILES]
    reader.preload(Sha(change.new) for change in edits)
    torn = [change for change in edits if (now := reader.content(Sha(change.new))) and _is_torn(now)]
    paths = []
    for change in torn:
        before = TreeEntry(change.old_mode, Sha(change.old)) if change.old_mode in _FILES else None
        was = reader.content(before.sha) if before is not None else None
        if was and _is_torn(was):
            continue
        entries = {"merged": TreeEntry(change.new_mode, Sha(change.new))}
        if before is not None:
            entries |= dict.fromkeys(("base", "target", "source"), before)
        paths.append((dict.fromkeys(VERSIONS, change.path), entries))
    found = reader.read_versions(paths)
    told = (
        replace(each, losses=tuple(one for one in each.losses if one.verdict.what is What.UNRESOLVED))
        for each in found.paths
    )
    return Losses(tuple(each for each in told if each.losses), skipped=found.skipped)


def _is_torn(content: bytes) -> bool:
    """Whether there is a whole conflict: one line of that kind may be part of a text about conflicts."""
    due = b"<"
    for mark in _MARK.finditer(content):
        sign = mark[0][:1]
        if sign in (b"<", due):
            if sign == b">":
                return True
            due = b"=" if sign == b"<" else b">"
    return False


__all__ = ["marked_paths"]
