"""Open a repository for reading."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType

from branchsim.errors import GitError, NotARepositoryError, UnknownRevisionError, nearest
from branchsim.git import versions
from branchsim.git.process import run
from branchsim.git.scratch import Scratch
from branchsim.names import RefName, Sha


class Repository:
    """A git repository, read through a scratch repository that borrows its objects.

    Parameters
    ----------
    path : path-like
        A work tree, a directory below one, a linked work tree, or a bare repository.

    Attributes
    ----------
    path : Path
        The path as it was given, absolute.
    git_dir : Path
        The git directory; of a linked work tree, its own.
    common_dir : Path
        The git directory that all work trees share.
    work_tree : Path or None
        The work tree, None for a bare repository.
    refs : mapping of RefName to Sha
        Every ref and what it held when the repository was opened; tags are not peeled.
    shallow : bool
        Whether history was cut off by a shallow clone.
    scratch : Scratch
        Where every command runs.

    Raises
    ------
    NotARepositoryError
        There is no git repository at the path.
    GitError
        git is absent or too old, or the repository cannot be read.

    Notes
    -----
    A context manager. The source is only read: nothing is ever written to it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        versions.require(versions.installed())
        self.path = Path(os.path.abspath(os.fspath(path)))  # noqa: PTH100  resolve() would follow the user's links
        self.git_dir, self.common_dir, self.work_tree = _discover(self.path)
        self.refs: Mapping[RefName, Sha] = MappingProxyType(_read_refs(self.git_dir))
        self.head = _read_head(self.git_dir)
        shallow = self.common_dir / "shallow"
        try:
            cut = shallow.read_bytes() if shallow.exists() else b""
        except OSError as error:
            raise GitError(f"{shallow} cannot be read: {error.strerror}; check its permissions") from None
        self.shallow = bool(cut.strip())
        self.object_format = "sha256" if any(len(sha) == 64 for sha in self.refs.values()) else "sha1"  # noqa: PLR2004
        self.scratch = Scratch(
            self.common_dir / "objects",
            refs=dict(self.refs),
            head=self.head or "ref: refs/heads/none",
            object_format=self.object_format,
            shallow=cut,
        )

    @property
    def name(self) -> str:
        """A short name for people: the directory's."""
        where = self.work_tree or self.common_dir
        return where.name.removesuffix(".git") or where.parent.name

    def resolve(self, revision: str) -> Sha:
        """The commit that a revision names.

        Parameters
        ----------
        revision : str
            Anything ``git rev-parse`` takes: a branch, a tag, an id, ``main~3``. A name that is no local branch is looked up
            among the remote-tracking branches too.

        Raises
        ------
        UnknownRevisionError
            It names no commit.
        """
        for candidate in (revision, f"refs/remotes/origin/{revision}"):
            out = run(
                ["rev-parse", "--verify", "--quiet", "--end-of-options", candidate + "^{commit}"],
                self.scratch.path,
                accept=(0, 1, 128),
            )
            if out.strip():
                return Sha(out.decode("ascii").strip())
        known = [name.split("/", 2)[2] for name in self.refs if name.startswith(("refs/heads/", "refs/tags/"))]
        known += [name.split("/", 3)[3] for name in self.refs if name.startswith("refs/remotes/") and name.count("/") > 2]
        raise UnknownRevisionError(
            f"{revision!r} names no commit of {self.path}{nearest(revision, known)}; "
            "give a branch, a tag or a commit id that exists there"
        )

    def close(self) -> None:
        """Remove the scratch repository."""
        self.scratch.close()

    def __enter__(self) -> Repository:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Repository({str(self.path)!r})"


def _discover(path: Path) -> tuple[Path, Path, Path | None]:
    """The git directory, the common directory and the work tree of a path."""
    import git
    from git.exc import GitError as GitPythonError

    if not path.exists():
        raise NotARepositoryError(f"{path} does not exist; give the path of a git repository")
    try:
        with git.Repo(path, search_parent_directories=True) as repo:
            git_dir, common = Path(repo.git_dir), Path(repo.common_dir)
            bare = repo.bare
            tree = None if bare or repo.working_tree_dir is None else Path(repo.working_tree_dir)
    except (GitPythonError, ValueError):
        raise NotARepositoryError(f"{path} is not a git repository; give the path of one (a work tree or a bare one)") from None
    except OSError as error:
        raise GitError(f"{path} cannot be read: {error.strerror}; check its permissions") from None
    if not (common / "objects").is_dir():
        raise NotARepositoryError(f"{path} is not a git repository: {common} holds no objects")
    return git_dir, common, tree


def _read_refs(git_dir: Path) -> dict[RefName, Sha]:
    # Only names and ids are asked for: a format that reads objects could make a partial clone fetch, which runs programs.
    out = run(["for-each-ref", "--format=%(objectname) %(refname)"], git_dir)
    pairs = (os.fsdecode(line).split(" ", 1) for line in out.splitlines())
    return {RefName(name): Sha(sha) for sha, name in pairs}


def _read_head(git_dir: Path) -> str | None:
    """What HEAD holds, as the text of a HEAD file; None where it points to no commit."""
    symbolic = run(["symbolic-ref", "--quiet", "HEAD"], git_dir, accept=(0, 1)).strip()
    if symbolic:
        return "ref: " + os.fsdecode(symbolic)
    out = run(["rev-parse", "--verify", "--quiet", "HEAD"], git_dir, accept=(0, 1, 128)).strip()
    return out.decode("ascii") if out else None
