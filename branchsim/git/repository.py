"""Open a repository for reading."""

from __future__ import annotations

import copy
import functools
import os
import re
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Self, cast

from branchsim.errors import GitError, InputError, NotARepositoryError, UnknownRevisionError, nearest
from branchsim.git import versions
from branchsim.git.objects import ObjectReader
from branchsim.git.process import run
from branchsim.git.refs import branch_refs, find_branch
from branchsim.git.scratch import Scratch
from branchsim.names import BranchName, RefName, Sha

if TYPE_CHECKING:
    from collections.abc import Mapping

    import git

    RepositoryLike = str | os.PathLike[str] | git.Repo
    """What can be opened: a path, or a repository that GitPython has opened."""


class Repository:
    """A git repository, read through a scratch repository that borrows its objects.

    Parameters
    ----------
    path : path-like or git.Repo
        A work tree, a directory below one, a linked work tree, or a bare repository; or one that GitPython has opened.

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
    broken : tuple of RefName
        The refs that git could not read; they are not in ``refs``.
    head : str or None
        What ``HEAD`` held then: an id, or ``ref: refs/heads/...``.
    object_format : str
        ``sha1`` or ``sha256``.
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

    def __init__(self, path: RepositoryLike) -> None:
        versions.require(versions.installed())
        self.path = Path(os.path.abspath(_path_of(path)))  # noqa: PTH100  resolve() would follow the user's links
        self.git_dir, self.common_dir, self.work_tree, self.object_format = _discover(self.path)
        refs, checked_out, self.broken = _read_refs(self.git_dir)
        self.refs: Mapping[RefName, Sha] = MappingProxyType(refs)
        self.head = f"ref: {checked_out}" if checked_out is not None else _read_head(self.git_dir)
        cut = _read_shallow(self.common_dir)
        self.shallow = bool(cut.strip())
        self.scratch = Scratch(
            self.common_dir / "objects",
            refs=self.refs,
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
            Anything ``git rev-parse`` takes: a branch, a tag, an id, ``main~3``. A name that is nothing else is
            looked up among the remote-tracking branches too, as `branchsim.git.refs.find_branch` does.

        Raises
        ------
        UnknownRevisionError
            It names no commit.
        GitError
            It names a commit that is missing or corrupt.
        """
        if not self.refs and not self.head_sha:
            raise UnknownRevisionError(f"{self.path} has no commit yet; commit something first")
        if revision == "HEAD" and self.head_sha is not None:
            # It is known already, and many a command asks for nothing else.
            here = ObjectReader(self.scratch).check([f"{self.head_sha}^{{commit}}"]).popitem()[1]
            if here is not None:
                return here.sha
        remote = self.branch_ref(revision)
        for candidate in (revision, *([] if remote is None else [remote])):
            sha = self._parsed(candidate + "^{commit}")
            if sha is not None:
                return sha
        self._explain(revision)
        known = [
            *self.branches,
            *(ref[10:] for ref in self.refs if ref.startswith("refs/tags/")),
        ]
        raise UnknownRevisionError(
            f"{revision!r} names no commit of {self.path}{nearest(revision, known)}; "
            f"{self.broken_note or 'give a branch, a tag or a commit id that exists there'}"
        )

    @property
    def broken_note(self) -> str:
        """What there is to say of broken refs; empty where there are none."""
        if not self.broken:
            return ""
        more = f" and {len(self.broken) - _SHOWN} more" if len(self.broken) > _SHOWN else ""
        return f"git cannot read {', '.join(self.broken[:_SHOWN])}{more}: fetch again what is broken, or restore it"

    @property
    def branches(self) -> Mapping[BranchName, tuple[RefName, ...]]:
        """The refs of each branch; see `branchsim.git.refs.branch_refs`."""
        return branch_refs(self.refs, self._tracked)

    def branch_ref(self, name: str) -> RefName | None:
        """The ref of a branch; see `branchsim.git.refs.find_branch`."""
        local = RefName(f"refs/heads/{name}")
        return local if local in self.refs else find_branch(self.refs, name, self._tracked)

    @property
    def _tracked(self) -> tuple[str, ...]:
        # Without a branch of a remote no remote need be asked for.
        return self.remotes if any(ref.startswith("refs/remotes/") for ref in self.refs) else ()

    @property
    def partial(self) -> bool:
        """Whether it is a partial clone, in which objects may be missing; looked up in the directory of packs."""
        return any((self.common_dir / "objects" / "pack").glob("*.promisor"))

    @property
    def head_sha(self) -> Sha | None:
        """The commit that HEAD points to, None where there is none yet."""
        if self.head is None or self.head.startswith("ref: "):
            return self.refs.get(RefName((self.head or "").removeprefix("ref: ")))
        return Sha(self.head)

    @functools.cached_property
    def remotes(self) -> tuple[str, ...]:
        """The names of the remotes that the repository's configuration has, sorted."""
        out = run(
            ["config", "--null", "--name-only", "--get-regexp", r"^remote\..*\.(url|fetch)$"],
            self.git_dir,
            accept=(0, 1),
        )
        names = {os.fsdecode(key)[len("remote.") :].rpartition(".")[0] for key in out.split(b"\0") if key}
        return tuple(sorted(names))

    def _parsed(self, expression: str) -> Sha | None:
        if "\0" in expression or expression.startswith("^"):
            return None
        out = run(
            ["rev-parse", "--verify", "--quiet", "--end-of-options", expression], self.scratch.path, accept=(0, 1, 128)
        )
        words = out.decode("ascii", "replace").split()
        # A range comes back as several ids, one of them with a sign.
        return Sha(words[0]) if len(words) == 1 and not words[0].startswith("^") else None

    def _explain(self, revision: str) -> None:
        """Raise the error for a revision that names something, only no commit that can be read."""
        sha = self._parsed(revision)
        if sha is None:
            return
        with ObjectReader(self.scratch) as reader:
            info = reader.check([sha])[sha]
        if info is not None and info.type not in {"commit", "tag"}:
            raise UnknownRevisionError(f"{revision!r} is a {info.type} of {self.path}, not a commit; give a commit")
        if info is None and revision != sha:
            raise GitError(
                f"{revision!r} of {self.path} is object {sha}, which is missing; fetch it, or use a whole clone"
            )

    def with_refs(self, refs: Mapping[RefName, Sha]) -> Repository:
        """The same repository as it would be with other refs; the scratch repository, closed by this one, is shared."""
        other = copy.copy(self)
        other.refs = MappingProxyType(dict(refs))
        return other

    def close(self) -> None:
        """Remove the scratch repository."""
        self.scratch.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Repository({str(self.path)!r})"


def _path_of(given: RepositoryLike) -> str:
    """The path of what was given to be opened."""
    if isinstance(given, (str, os.PathLike)):
        return os.fspath(given)
    # A notebook may hold a repository that GitPython opened. Only its place is taken from it: GitPython heeds variables
    # of the environment (GIT_WORK_TREE, GIT_COMMON_DIR) that must not change a result.
    directory = getattr(given, "working_tree_dir", None) or getattr(given, "git_dir", None)
    if not isinstance(directory, (str, os.PathLike)):
        raise InputError(f"{given!r} is no repository; give the path of one, or a git.Repo")
    return os.fspath(directory)


def _discover(path: Path) -> tuple[Path, Path, Path | None, str]:
    """The git directory, the common directory, the work tree and the object format of a path."""
    # git itself is asked: a library in this process would listen to GIT_DIR, GIT_WORK_TREE and their like.
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise NotARepositoryError(f"{path} does not exist; give the path of a git repository") from None
    except OSError as error:
        raise GitError(f"{path} cannot be read: {error.strerror}; check its permissions") from None
    where = path if path.is_dir() else path.parent
    _enter(where)
    if (where / ".git").is_dir():
        _enter(where / ".git")
    first = ["-C", str(where), "rev-parse", "--path-format=absolute"]
    try:
        bare, object_format, git_dir, common, *tree = _all_at_once(first) or _one_by_one(first)
    except GitError as error:
        if "not a git repository" in str(error):
            raise NotARepositoryError(
                f"{path} is not a git repository; give the path of one (a work tree or a bare one)"
            ) from None
        raise GitError(f"{path} cannot be opened as a git repository: {error}") from None
    objects = Path(common) / "objects"
    if not objects.is_dir():
        raise NotARepositoryError(f"{path} is not a git repository: {common} holds no objects")
    _enter(objects)
    if bare == "true":
        return Path(git_dir), Path(common), None, object_format
    return Path(git_dir), Path(common), Path(tree[0]) if tree else _work_tree(first, Path(git_dir)), object_format


def _enter(directory: Path) -> None:
    """Raise the error for a directory that may not be read, for which git would say that nothing is there."""
    try:
        with os.scandir(directory):
            (directory / "HEAD").exists()
    except OSError as error:
        raise GitError(f"{directory} cannot be read: {error.strerror}; check its permissions") from None


_BROKEN = "warning: ignoring broken ref "
_SHOWN = 3
_FACTS = ("--is-bare-repository", "--show-object-format", "--absolute-git-dir", "--git-common-dir")


def _all_at_once(first: list[str]) -> list[str] | None:
    """What there is to know, by one question; None where the answers cannot be told apart, as a path has a newline."""
    out = os.fsdecode(run([*first, *_FACTS, "--show-toplevel"], accept=(0, 128)))
    lines = out.removesuffix("\n").split("\n")
    # Without a work tree the last answer is missing.
    expected = len(_FACTS) + (lines[0] == "false")
    return lines if len(lines) == expected and all(map(os.path.isabs, lines[2:])) else None


def _one_by_one(first: list[str]) -> list[str]:
    return [*_ask(first, *_FACTS[:3], 3), *_ask(first, _FACTS[3], 1)]


def _ask(first: list[str], *wanted: str | int) -> list[str]:
    """Answers of ``rev-parse``, one a line; the last one may hold newlines itself."""
    *options, count = wanted
    out = os.fsdecode(run([*first, *map(str, options)])).removesuffix("\n")
    return out.split("\n", int(count) - 1)


def _work_tree(first: list[str], git_dir: Path) -> Path | None:
    out = run([*first, "--show-toplevel"], accept=(0, 128))
    if out:
        return Path(os.fsdecode(out).removesuffix("\n"))
    # The path is inside the git directory.
    try:
        link = (git_dir / "gitdir").read_bytes().rstrip(b"\n")
        return Path(os.path.normpath(git_dir / os.fsdecode(link))).parent
    except OSError:
        return git_dir.parent if git_dir.name == ".git" else None


def _read_refs(git_dir: Path) -> tuple[dict[RefName, Sha], RefName | None, tuple[RefName, ...]]:
    """The refs, the one that is checked out if it is one of them, and those that are broken."""
    # Only names and ids are asked for: to read objects could make a partial clone fetch, which runs programs.
    said: list[str] = []
    out = run(["for-each-ref", "--format=%(HEAD)%(objectname) %(refname)"], git_dir, complaints=said)
    broken = tuple(RefName(line.removeprefix(_BROKEN)) for line in said if line.startswith(_BROKEN))
    refs: dict[str, str] = {}
    checked_out = None
    # There may be a hundred thousand of them, so little is done for each.
    for line in os.fsdecode(out).split("\n"):
        if line:
            sha, _, name = line[1:].partition(" ")
            refs[name] = sha
            checked_out = RefName(name) if line[0] == "*" else checked_out
    return cast("dict[RefName, Sha]", refs), checked_out, broken


def _read_head(git_dir: Path) -> str | None:
    """What HEAD holds, as the text of a HEAD file; None where it points to no commit."""
    # No process, unless the refs are kept otherwise than in files.
    try:
        text = (git_dir / "HEAD").read_bytes().strip()
    except OSError:
        text = b""
    if re.fullmatch(rb"[0-9a-f]{40}|[0-9a-f]{64}|ref: refs/heads/(?!\.)[\x21-\x7e]+", text):
        return text.decode("ascii")
    symbolic = run(["symbolic-ref", "--quiet", "HEAD"], git_dir, accept=(0, 1)).strip()
    if symbolic:
        return "ref: " + os.fsdecode(symbolic)
    out = run(["rev-parse", "--verify", "--quiet", "HEAD"], git_dir, accept=(0, 1, 128)).strip()
    return out.decode("ascii") if out else None


def _read_shallow(common_dir: Path) -> bytes:
    shallow = common_dir / "shallow"
    try:
        return shallow.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise GitError(f"{shallow} cannot be read: {error.strerror}; check its permissions") from None
