"""Work trees that have a branch checked out: whether it may move, and how they follow it."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from branchsim.errors import GitError, InputError
from branchsim.git.transaction import remove_stale_locks, run_git

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from branchsim.git.scratch import Scratch
    from branchsim.names import Sha

_UNFINISHED = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "BISECT_LOG": "a bisection",
}
_ADVICE = "commit or stash it, or leave the branch with 'git switch --detach'"


@dataclass(frozen=True, slots=True)
class WorkTree:
    """A work tree and the branch that is checked out there.

    Attributes
    ----------
    path : Path
        The directory.
    ref : str
        ``refs/heads/...``.
    """

    path: Path
    ref: str


def work_trees(git_dir: Path) -> list[WorkTree]:
    """The work trees of a repository that have a branch checked out.

    Parameters
    ----------
    git_dir : Path
        The git directory that all of them share.
    """
    found = []
    for record in run_git(["worktree", "list", "--porcelain", "-z"], git_dir=git_dir).split(b"\0\0"):
        fields = dict(field.partition(b" ")[::2] for field in record.split(b"\0"))
        if b"branch" in fields and b"prunable" not in fields:
            found.append(WorkTree(Path(os.fsdecode(fields[b"worktree"])), os.fsdecode(fields[b"branch"])))
    return found


def check_may_follow(
    tree: WorkTree, before: Sha, after: Sha, *, hold: int | None = None, borrowed: Scratch | None = None
) -> None:
    """Make sure that a work tree can follow its branch without anything of the person's being touched.

    Parameters
    ----------
    tree : WorkTree
        The work tree.
    before, after : Sha
        Where the branch is, and where it will be.
    hold : int, optional
        See `branchsim.git.transaction.run_git`.
    borrowed : Scratch, optional
        Where the objects are as long as the repository does not have them.

    Raises
    ------
    InputError
        It holds uncommitted changes, an unfinished merge, untracked files in the way, or a directory that cannot be
        written; or its repository has filters of its own, which would run. The message names the work tree and says
        what to do.
    """
    where = f"{tree.ref.removeprefix('refs/heads/')!r} is checked out in {tree.path}"
    own = _private(tree)
    for name, what in _UNFINISHED.items():
        if (own / name).exists():
            raise InputError(f"{where}, where {what} is not finished; finish or abort it first")
    if _has_filters(tree):
        raise InputError(
            f"{where}, and this repository configures filters of its own, which would run; "
            "leave the branch with 'git switch --detach'"
        )
    changed = _changed(tree, hold)
    if changed:
        raise InputError(f"{where} with uncommitted changes ({_listed(changed)}); {_ADVICE}")
    with tempfile.TemporaryDirectory(prefix="branchsim-") as room:
        # git locks an index even where it only asks; killed then, it would leave the lock behind.
        index = shutil.copy2(own / "index", room) if (own / "index").exists() else f"{room}/index"
        _git(tree, ["update-index", "-q", "--refresh"], hold, accept=(0, 1), index=index)
        try:
            _git(tree, ["read-tree", "-n", "-m", "-u", before, after], hold, borrowed=borrowed, index=index)
        except GitError as error:
            raise InputError(f"{where} and cannot follow: {error}; {_ADVICE}") from None
    locked = _read_only(tree, _between(tree, before, after, borrowed))
    if locked is not None:
        raise InputError(
            f"{where} and cannot follow: {locked} cannot be written; check its permissions, or leave the branch with "
            "'git switch --detach'"
        )


def follow(tree: WorkTree, before: Sha, after: Sha, *, hold: int | None = None) -> None:
    """Bring the index and the files of a clean work tree from one commit to another.

    Raises
    ------
    GitError
        git failed; `check_left_over` and `reset` finish it later.
    """
    # A file that was only touched is not in the way.
    _git(tree, ["update-index", "-q", "--refresh"], hold, accept=(0, 1))
    _git(tree, ["read-tree", "-m", "-u", before, after], hold)


def check_left_over(tree: WorkTree, before: Sha, after: Sha, since: float, *, hold: int | None = None) -> None:
    """Make sure that a work tree holds nothing but what an interrupted `follow` left there.

    Parameters
    ----------
    tree : WorkTree
        The work tree. It was clean.
    before, after : Sha
        The commits between which it is.
    since : float
        When `follow` began, in seconds since the epoch.
    hold : int, optional
        See `branchsim.git.transaction.run_git`.

    Raises
    ------
    InputError
        A file holds what neither commit has: somebody worked on it since.
    """
    remove_stale_locks([_private(tree) / "index.lock"], since)
    between = _between(tree, before, after)
    # What differs from both commits is no work of anybody's as long as it is one of theirs, or the beginning of it.
    both = {*_differing(tree, before, hold)} & {*_differing(tree, after, hold)}
    for path in sorted(both | _outside(tree, between, hold) | (_untracked(tree, hold) & between)):
        if path not in between or not _is_left_over(tree, path, (before, after), hold):
            raise InputError(
                f"{os.fsdecode(path)!r} in {tree.path} was changed since the execution was interrupted; "
                f"{_ADVICE}, then try again"
            )


def reset(tree: WorkTree, before: Sha, after: Sha, *, hold: int | None = None) -> None:
    """Bring the index and the files from somewhere between two commits to the second; `check_left_over` comes first."""
    # By way of the first: what an interrupted checkout had made of a file that the index does not know goes then too.
    for commit in (before, after):
        _git(tree, ["read-tree", "--reset", "-u", commit], hold)


def _git(
    tree: WorkTree,
    arguments: Sequence[str | bytes],
    hold: int | None = None,
    accept: tuple[int, ...] = (0,),
    borrowed: Scratch | None = None,
    index: str | None = None,
) -> bytes:
    # The person's own settings count: what they have set for line ends and large files holds for these files too.
    variables = {} if borrowed is None else {"GIT_OBJECT_DIRECTORY": str(borrowed.path / "objects")}
    if index is not None:
        variables["GIT_INDEX_FILE"] = index
    return run_git(arguments, at=tree.path, personal=True, hold=hold, accept=accept, variables=variables)


def _private(tree: WorkTree) -> Path:
    """The git directory of one work tree."""
    out = _git(tree, ["rev-parse", "--absolute-git-dir"])
    return Path(os.fsdecode(out.removesuffix(b"\n")))


def _has_filters(tree: WorkTree) -> bool:
    pattern = r"^filter\..*\.(smudge|clean|process)$"
    out = _git(tree, ["config", "--show-scope", "--name-only", "--null", "--get-regexp", pattern], accept=(0, 1))
    scopes = out.split(b"\0")[::2]
    return bool({b"local", b"worktree"}.intersection(scopes))


def _changed(tree: WorkTree, hold: int | None) -> list[bytes]:
    """The tracked paths that differ from HEAD, in the index or on disk."""
    out = _git(tree, ["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=no"], hold)
    return [line[3:] for line in out.split(b"\0") if line]


def _differing(tree: WorkTree, commit: Sha, hold: int | None) -> list[bytes]:
    """The paths of the index or of the disk that are not as a commit has them."""
    _git(tree, ["update-index", "-q", "--refresh"], hold, accept=(0, 1))
    out = _git(tree, ["diff-index", "--name-only", "-z", "--no-renames", "--ignore-submodules=dirty", commit], hold)
    return [path for path in out.split(b"\0") if path]


def _outside(tree: WorkTree, between: set[bytes], hold: int | None) -> set[bytes]:
    """The paths that differ between index and disk though neither commit changes them."""
    out = _git(tree, ["diff-files", "--name-only", "-z", "--no-renames", "--ignore-submodules=dirty"], hold)
    return {path for path in out.split(b"\0") if path} - between


def _untracked(tree: WorkTree, hold: int | None) -> set[bytes]:
    return {path for path in _git(tree, ["ls-files", "--others", "-z"], hold).split(b"\0") if path}


def _between(tree: WorkTree, before: Sha, after: Sha, borrowed: Scratch | None = None) -> set[bytes]:
    options = ["-r", "--name-only", "-z", "--no-renames"]
    out = _git(tree, ["diff-tree", *options, before, after], borrowed=borrowed)
    return {path for path in out.split(b"\0") if path}


def _read_only(tree: WorkTree, paths: Iterable[bytes]) -> Path | None:
    """A directory in which one of some files would have to be written or removed, and cannot be."""
    effective = os.access in os.supports_effective_ids
    for parent in sorted({Path(os.fsdecode(path)).parent for path in paths}):
        places = (tree.path / parent, *(tree.path / above for above in parent.parents))
        place = next((each for each in places if os.path.lexists(each)), tree.path)
        # Where a file stands in a directory's place, git has its own word.
        if place.is_dir() and not os.access(place, os.W_OK | os.X_OK, effective_ids=effective):
            return place
    return None


def _is_left_over(tree: WorkTree, path: bytes, commits: Sequence[Sha], hold: int | None) -> bool:
    """Whether a file is as one of the commits has it, or the beginning of that: an interrupted write."""
    place = Path(os.fsdecode(os.path.join(os.fsencode(tree.path), path)))  # noqa: PTH118  a path of bytes
    if not os.path.lexists(place):
        return True
    if place.is_dir() and not place.is_symlink():
        return True  # git does not remove what is in it
    there = os.fsencode(place.readlink()) if place.is_symlink() else place.read_bytes()
    for commit in commits:
        # Like a checkout would write it.
        name = commit.encode("ascii") + b":" + path
        held = _git(tree, ["cat-file", "-e", name], hold, accept=(0, 1, 128))
        out = _git(tree, ["cat-file", "--filters", name], hold, accept=(0, 128)) if not held else b""
        if out.startswith(there):
            return True
    return False


def _listed(paths: Sequence[bytes]) -> str:
    shown = ", ".join(os.fsdecode(path) for path in paths[:3])
    return shown + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")  # noqa: PLR2004


__all__ = ["WorkTree", "check_left_over", "check_may_follow", "follow", "reset", "work_trees"]
