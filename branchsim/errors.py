"""Errors: one base class, and three kinds below it: the user's, git's and ours.

Every message says what was wrong, where, and what to do. The command line turns any `BranchsimError` into one sentence
on standard error and exit code 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import NoReturn


class BranchsimError(Exception):
    """Base class of every error that branchsim raises on purpose."""

    def _render_traceback_(self, *_where: object) -> list[str]:
        # What IPython shows instead of a traceback: in a notebook the message says what to do, the stack does not.
        return [f"{type(self).__name__}: {self}"]


class InputError(BranchsimError):
    """Something the caller gave is wrong: an argument, a file, a name."""


class TopologyError(InputError):
    """A topology is invalid, or a file that describes one cannot be read."""


class UnknownBranchError(InputError):
    """A branch of the topology does not exist in the repository."""


class UnknownRevisionError(InputError):
    """A revision does not name a commit of the repository."""


class GitError(BranchsimError):
    """Git refused or failed: git is absent or too old, the repository is damaged, an object is missing."""


class NotARepositoryError(GitError):
    """The path holds no git repository."""


class InternalError(BranchsimError):
    """Something branchsim relies on did not hold; a defect worth reporting."""

    @property
    def _render_traceback_(self) -> NoReturn:
        # A report of a defect needs the stack: there is no short form.
        raise AttributeError("_render_traceback_")


def nearest(name: str, known: Iterable[str], *, most: int = 3) -> str:
    """A ``did you mean ...`` tail for a message, or the empty string where nothing is near.

    Parameters
    ----------
    name : str
        The name that was not found.
    known : iterable of str
        The names that exist.
    most : int
        How many suggestions at most.

    Returns
    -------
    str
        ``" (did you mean 'a' or 'b'?)"`` or ``""``.
    """
    near = difflib.get_close_matches(name, sorted(set(known)), n=most, cutoff=0.6)
    return f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""
