"""Apply a patch to a tree in a scratch repository."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from branchsim.errors import GitError, InputError
from branchsim.git.process import run
from branchsim.git.transaction import run_git
from branchsim.names import Sha

if TYPE_CHECKING:
    from branchsim.git.scratch import Scratch

_SHOWN = 12


class PatchError(InputError):
    """A patch does not apply, or is none; the message shows the hunk."""


def apply_patch(scratch: Scratch, tree: Sha, patch: bytes) -> Sha:
    """The tree that a patch makes of another, as ``git apply`` does.

    Parameters
    ----------
    scratch : Scratch
        Where to write; its index is used and removed again.
    tree : Sha
        The tree it is applied to.
    patch : bytes
        What ``git diff`` or ``git format-patch`` wrote.

    Returns
    -------
    Sha
        The new tree.

    Raises
    ------
    PatchError
        It does not apply as a whole, or a path in it leaves the tree.
    GitError
        git failed otherwise.
    """
    index = scratch.path / "index"
    try:
        run(["read-tree", tree], scratch.path)
        try:
            # A path that Windows or macOS take for .git is refused too, wherever this runs.
            safe = ("-c", "core.protectNTFS=true", "-c", "core.protectHFS=true")
            run_git([*safe, "apply", "--cached", "--whitespace=nowarn", "-"], git_dir=scratch.path, stdin=patch)
        except GitError as error:
            raise PatchError(_explained(error, patch)) from None
        return Sha(run(["write-tree"], scratch.path).decode("ascii").strip())
    finally:
        index.unlink(missing_ok=True)


def _explained(error: GitError, patch: bytes) -> str:
    """Git's last sentence, and the hunk it is about where that can be told."""
    reason = re.sub(r"^git apply failed with status [0-9]+: (?:error: )?", "", str(error))
    failed = re.search(r"^error: patch failed: (.*):([0-9]+)$", "".join(getattr(error, "__notes__", ())), re.MULTILINE)
    path = reason.partition(":")[0] if failed is None else failed[1]
    text = patch.decode("utf-8", "replace")
    part = text[max(text.find(f"+++ b/{path}"), 0) :] if path else text
    part = re.split(r"^diff ", part, maxsplit=1, flags=re.MULTILINE)[0] or part
    hunks = re.findall(r"^@@ .*?(?=^@@ |^diff |^--- |\Z)", part, re.MULTILINE | re.DOTALL)
    # Git names the line where the hunk should have been.
    there = [hunk for hunk in hunks if failed is not None and re.match(rf"@@ -{failed[2]}\b", hunk)]
    shown = " | ".join((there or hunks)[0].rstrip("\n").split("\n")[:_SHOWN]) if hunks else ""
    return f"the patch does not apply: {reason}" + (f"; at the hunk: {shown}" if shown else "")


__all__ = ["PatchError", "apply_patch"]
