"""A scratch repository to play histories in: real git objects and merges, no checkout, no process for a commit."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from branchsim.errors import InputError, UnknownRevisionError, nearest
from branchsim.git.log import empty_tree
from branchsim.git.objects import ObjectReader, commit_content, write_object
from branchsim.git.process import run
from branchsim.git.scratch import Scratch
from branchsim.git.session import MergeSession
from branchsim.names import Sha
from branchsim.testing.script import Operation, shell_script

if TYPE_CHECKING:
    from types import TracebackType

    from branchsim.git.merge import Conflict, MergeResult
    from branchsim.testing.script import Kind

START = 1_704_067_200
"""The time of the first commit: 2024-01-01 00:00 UTC. Each commit is an hour later than the one before."""

AUTHOR = "A Developer <developer@example.com>"

_HOUR = 3600
_REMEMBERED = 50_000

Content = str | bytes | None
"""What a file holds; None deletes it."""

Files = Mapping[str, Content]

Side = Literal["ours", "theirs"]

Resolve = Side | Files | Callable[[Mapping[str, bytes]], Side | Files]
"""How conflicts are resolved: one side whole, or the files as they shall be, or a function that is given the paths in
conflict with what git has left there, conflict markers and all."""

Outcome = Literal["fast-forward", "merge", "squash", "pick", "revert", "nothing"]


class ConflictError(InputError):
    """A landing conflicts and nothing says how that is resolved.

    Attributes
    ----------
    paths : tuple of str
        The paths in conflict.
    """

    def __init__(self, what: str, paths: tuple[str, ...]) -> None:
        super().__init__(f"{what} conflicts in {', '.join(paths)}; say with resolve= what the files shall hold")
        self.paths = paths


@dataclass(frozen=True, slots=True)
class Landed:
    """What came of a landing.

    Attributes
    ----------
    sha : Sha
        The tip of the branch now.
    kind : str
        How it came about; ``nothing`` where there was nothing to bring.
    conflicts : tuple of str
        The paths that conflicted.
    """

    sha: Sha
    kind: Outcome
    conflicts: tuple[str, ...] = ()


class Workbench:
    """Where scratch repositories keep their objects, with the git processes that read and merge them.

    One after the other, many repositories can be made on one: objects are named by their content, so none sees what
    another did, and what they have in common is written and merged once. It is removed when it is closed, or at the
    latest when Python ends. One workbench belongs to one thread at a time.
    """

    def __init__(self) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="branchsim-")
        self.scratch = Scratch(Path(self._home.name))
        self.session = MergeSession(self.scratch)
        self.reader = ObjectReader(self.scratch)
        self.refs: dict[str, Sha] = {}
        self._written: dict[tuple[str, bytes], Sha] = {}
        self._end = weakref.finalize(self, _end, self.session, self.reader, self.scratch, self._home)

    def write(self, kind: str, content: bytes) -> Sha:
        """Write an object, once."""
        sha = self._written.get((kind, content))
        if sha is None:
            if len(self._written) > _REMEMBERED:
                self._written.clear()
            sha = self._written[kind, content] = write_object(self.scratch, kind, content)
        return sha

    def save(self, refs: Mapping[str, Sha]) -> None:
        """Let these be the refs."""
        lines = [f"delete {name}\n" for name in self.refs if name not in refs]
        lines += [f"update {name} {sha}\n" for name, sha in refs.items() if self.refs.get(name) != sha]
        if lines:
            run(["update-ref", "--stdin"], self.scratch.path, stdin="".join(lines).encode())
        self.refs = dict(refs)

    def close(self) -> None:
        """Remove it; once is enough."""
        self._end()


def _end(session: MergeSession, reader: ObjectReader, scratch: Scratch, home: tempfile.TemporaryDirectory[str]) -> None:
    session.close()
    reader.close()
    scratch.close()
    home.cleanup()


@dataclass(frozen=True, slots=True)
class _Commit:
    tree: Sha
    parents: tuple[Sha, ...]
    message: str
    author: tuple[str, str, int]


class ScratchRepo:
    r"""A repository of its own, empty at first; a context manager.

    Identities and dates are fixed, so the same calls make the same ids everywhere. All methods that take a revision
    take the name of a branch or tag, or a full id.

    Parameters
    ----------
    bench : Workbench, optional
        Where to make it; the one made on it before is gone then. Without it one of its own.

    Attributes
    ----------
    branches, tags : dict of str to Sha
        The tips. Change them by the methods only.
    operations : list of Operation
        All that was done.

    Raises
    ------
    GitError
        git is missing, or no temporary directory can be made.

    Examples
    --------
    >>> with ScratchRepo() as repo:
    ...     _ = repo.commit("main", {"a.txt": "one\n"})
    ...     repo.branch("topic", at="main")
    ...     _ = repo.commit("topic", {"a.txt": "two\n"})
    ...     repo.merge(into="main", source="topic").kind
    'fast-forward'
    """

    def __init__(self, *, bench: Workbench | None = None) -> None:
        self.branches: dict[str, Sha] = {}
        self.tags: dict[str, Sha] = {}
        self.operations: list[Operation] = []
        self._borrowed = bench is not None
        self._bench = bench or Workbench()
        self._scratch = self._bench.scratch
        self._session = self._bench.session
        self._commits: dict[Sha, _Commit] = {}
        self._trees: dict[Sha, dict[str, Sha]] = {}
        self._blobs: dict[Sha, bytes] = {}
        self._above: dict[Sha, frozenset[Sha]] = {}
        self._clock = START

    # -- what there is --------------------------------------------------------------------------------------------

    @property
    def path(self) -> Path:
        """The directory, a bare repository; every branch and tag is written before it is handed out."""
        self.save()
        return self._scratch.path

    def resolve(self, revision: str) -> Sha:
        """The id of a branch, a tag or an id.

        Raises
        ------
        UnknownRevisionError
            It is none of them.
        """
        found = self.branches.get(revision) or self.tags.get(revision)
        if found is None and revision in self._commits:
            found = Sha(revision)
        if found is None:
            known = [*self.branches, *self.tags]
            raise UnknownRevisionError(
                f"the scratch repository has no {revision!r}{nearest(revision, known)}; "
                f"it has {', '.join(known) or 'no branch yet: commit something'}"
            )
        return found

    def files(self, revision: str) -> dict[str, bytes]:
        """Every file of a commit, by path."""
        flat = self._flat(self._commits[self.resolve(revision)].tree)
        return {path: self._blob(sha) for path, sha in flat.items()}

    def tree(self, revision: str) -> Sha:
        """The id of the tree of a commit."""
        return self._commits[self.resolve(revision)].tree

    def parents(self, revision: str) -> tuple[Sha, ...]:
        """The parents of a commit."""
        return self._commits[self.resolve(revision)].parents

    def ancestors(self, revision: str) -> frozenset[Sha]:
        """A commit and everything it descends from."""
        sha = self.resolve(revision)
        waiting = [sha]
        while waiting:
            here = waiting[-1]
            missing = [parent for parent in self._commits[here].parents if parent not in self._above]
            if missing:
                waiting += missing
                continue
            self._above[waiting.pop()] = frozenset({here}).union(
                *(self._above[parent] for parent in self._commits[here].parents)
            )
        return self._above[sha]

    def is_ancestor(self, revision: str, *, of: str) -> bool:
        """Whether a commit is another one or an ancestor of it."""
        return self.resolve(revision) in self.ancestors(of)

    def tree_of(self, files: Files) -> Sha:
        """The id that a tree with these files has; it is written."""
        return self._applied({}, self._write_files(files))

    # -- what can be done -----------------------------------------------------------------------------------------

    def commit(self, branch: str, files: Files, *, message: str = "", author: str = AUTHOR, whole: bool = False) -> Sha:
        """Commit to a branch; where there is none of that name, a root.

        Parameters
        ----------
        branch : str
            The branch.
        files : mapping of str to str, bytes or None
            What is written and deleted, on top of what the branch holds.
        message : str
            The message; ``Commit <n>`` if empty.
        author : str
            ``Name <address>``.
        whole : bool
            Whether the files are everything that the commit holds.

        Raises
        ------
        InputError
            A path leaves the repository, or is a directory of another one.
        """
        self._check_name(branch)
        tip = self.branches.get(branch)
        before = {} if tip is None else self._flat(self._commits[tip].tree)
        writes: dict[str, Sha | None] = dict.fromkeys(before) if whole else {}
        writes |= self._write_files(files)
        return self._made(
            "commit",
            branch,
            tree=self._applied(before, writes),
            parents=() if tip is None else (tip,),
            message=message,
            author=author,
            writes=writes,
        )

    def branch(self, name: str, *, at: str) -> None:
        """Make a branch.

        Raises
        ------
        InputError
            There is one of that name.
        """
        self._check_name(name)
        if name in self.branches:
            raise InputError(f"there is a branch {name!r} already; `move` moves it")
        self.branches[name] = self.resolve(at)
        self._note_down("branch", name, source=self.branches[name])

    def move(self, name: str, *, to: str) -> None:
        """Move a branch by force."""
        old = self._tip(name)
        self.branches[name] = self.resolve(to)
        if self.branches[name] != old:
            self._note_down("move", name, source=self.branches[name])

    def delete(self, name: str) -> None:
        """Delete a branch; its commits stay."""
        self._tip(name)
        del self.branches[name]
        self._note_down("delete", name)

    def tag(self, name: str, *, at: str) -> None:
        """Tag a commit."""
        self._check_name(name)
        if name in self.tags:
            raise InputError(f"there is a tag {name!r} already; a tag stays where it is")
        self.tags[name] = self.resolve(at)
        self._note_down("tag", name, source=self.tags[name])

    def note(self, sentence: str) -> None:
        """Write a sentence for people into the transcript."""
        self.operations.append(Operation(kind="note", message=sentence))

    def merge(
        self, *, into: str, source: str, resolve: Resolve | None = None, fast_forward: bool = True, message: str = ""
    ) -> Landed:
        """Merge as ``git merge`` does.

        Parameters
        ----------
        into : str
            The branch it lands on.
        source : str
            What lands.
        resolve : "ours", "theirs", mapping or callable, optional
            How conflicts are resolved.
        fast_forward : bool
            Whether the branch is only moved where that is enough.
        message : str
            The message; git's own if empty.

        Raises
        ------
        ConflictError
            It conflicts, and `resolve` does not settle every path.
        """
        ours, theirs = self._tip(into), self.resolve(source)
        if theirs in self.ancestors(ours):
            return self._nothing(into, f"{source} is merged into {into}: it has all of it already")
        if ours in self.ancestors(theirs) and fast_forward:
            self.branches[into] = theirs
            self._note_down("fast-forward", into, source=source, sha=theirs)
            return Landed(theirs, "fast-forward")
        said = message or f"Merge branch '{source}' into {into}"
        return self._land("merge", into, source, self._merged(ours, theirs), resolve, said, parents=(ours, theirs))

    def squash(self, *, into: str, source: str, resolve: Resolve | None = None, message: str = "") -> Landed:
        """What ``git merge --squash`` and a commit make: the tree of a merge, and one parent.

        For the parameters and errors see `merge`.
        """
        ours, theirs = self._tip(into), self.resolve(source)
        if theirs in self.ancestors(ours):
            return self._nothing(into, f"{source} is squashed into {into}: it has all of it already")
        said = message or f"{source} (#{len(self._commits)})"
        return self._land("squash", into, source, self._merged(ours, theirs), resolve, said, parents=(ours,))

    def pick(
        self, *, into: str, commit: str, resolve: Resolve | None = None, trailer: bool = False, message: str = ""
    ) -> Landed:
        """Cherry-pick a commit, of a merge what it changed of its first parent. What changes nothing is skipped.

        Parameters
        ----------
        into : str
            The branch.
        commit : str
            The commit.
        resolve : "ours", "theirs", mapping or callable, optional
            How conflicts are resolved.
        trailer : bool
            Whether the message says where it comes from, as with ``-x``.
        message : str
            The message; the commit's if empty.

        Raises
        ------
        ConflictError
            It conflicts, and `resolve` does not settle every path.
        """
        sha = self.resolve(commit)
        picked = self._commits[sha]
        said = message or picked.message
        if trailer:
            said = f"{said.rstrip(chr(10))}\n\n(cherry picked from commit {sha})"
        ours = self._tip(into)
        base = self._commits[picked.parents[0]].tree if picked.parents else empty_tree(self._scratch)
        result = self._session.merge_trees(base=base, ours=self._commits[ours].tree, theirs=picked.tree).result
        return self._land("pick", into, sha, result, resolve, said, parents=(ours,), author=picked.author)

    def rebase(self, *, into: str, source: str, resolve: Resolve | None = None) -> Landed:
        """Bring the commits of a branch one by one, merges left out, as "rebase and merge" does; `source` stays.

        For the errors see `pick`.
        """
        have = self.ancestors(self._tip(into))
        wanted = [sha for sha in self._in_order(source) if sha not in have and len(self._commits[sha].parents) == 1]
        conflicts: dict[str, None] = {}
        picked = False
        for sha in wanted:
            done = self.pick(into=into, commit=sha, resolve=resolve)
            picked = picked or done.kind == "pick"
            conflicts |= dict.fromkeys(done.conflicts)
        return Landed(self.branches[into], "pick" if picked else "nothing", tuple(conflicts))

    def revert(self, *, into: str, commit: str, resolve: Resolve | None = None, message: str = "") -> Landed:
        """Revert a commit, of a merge what it changed of its first parent. For the errors see `pick`."""
        sha = self.resolve(commit)
        reverted = self._commits[sha]
        if not reverted.parents:
            raise InputError(f"{sha} has no parent; a root cannot be reverted")
        said = message or f'Revert "{reverted.message.partition(chr(10))[0]}"\n\nThis reverts commit {sha}.'
        ours = self._tip(into)
        theirs = self._commits[reverted.parents[0]].tree
        result = self._session.merge_trees(base=reverted.tree, ours=self._commits[ours].tree, theirs=theirs).result
        return self._land("revert", into, sha, result, resolve, said, parents=(ours,))

    # -- handing on -----------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write the branches and tags, for other programs to see."""
        self._bench.save(self.refs())

    def refs(self) -> dict[str, Sha]:
        """What every ref holds, by full name."""
        return {f"refs/heads/{name}": sha for name, sha in self.branches.items()} | {
            f"refs/tags/{name}": sha for name, sha in self.tags.items()
        }

    def clone(self, path: str | os.PathLike[str], *, branch: str) -> Path:
        """Clone into a directory with a work tree that shows a branch; every branch is a local one there.

        Raises
        ------
        InputError
            The directory holds something.
        """
        place = Path(path)
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise InputError(f"{place} is not an empty directory; name one that is, or that does not exist")
        self._tip(branch)
        source = self.path
        run(["init", "--quiet", "--template=", "--", os.fspath(place)])
        git_dir = place / ".git"
        run(["symbolic-ref", "HEAD", f"refs/heads/{branch}"], git_dir)
        run(["fetch", "--quiet", "--no-tags", "--update-head-ok", os.fspath(source), "+refs/*:refs/*"], git_dir)
        run([f"--work-tree={place}", "reset", "--quiet", "--hard"], git_dir)
        return place

    def script(self, title: str = "A history made with branchsim.testing", *, name: str = "transcript") -> str:
        """All that was done as a POSIX shell script that needs git alone and compares the id of every commit.

        Parameters
        ----------
        title : str
            What it shows.
        name : str
            What the file will be called, without ``.sh``.
        """
        return shell_script(self.operations, content=self._blob, refs=self.refs(), title=title, name=name)

    def close(self) -> None:
        """Remove the repository."""
        if not self._borrowed:
            self._bench.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<ScratchRepo with {', '.join(self.branches) or 'no branch'}, {len(self._commits)} commits>"

    # -- inner ----------------------------------------------------------------------------------------------------

    def _tip(self, branch: str) -> Sha:
        if branch not in self.branches:
            raise UnknownRevisionError(
                f"the scratch repository has no branch {branch!r}{nearest(branch, self.branches)}; "
                f"it has {', '.join(self.branches) or 'none yet: commit something'}"
            )
        return self.branches[branch]

    def _check_name(self, name: str) -> None:
        from branchsim.plan.checks import check_ref

        check_ref(name, "a scratch repository")

    def _in_order(self, revision: str) -> list[Sha]:
        """The ancestors of a commit, parents first; commits are numbered as they are made."""
        above = self.ancestors(revision)
        return [sha for sha in self._commits if sha in above]

    def _nothing(self, branch: str, why: str) -> Landed:
        self.operations.append(Operation(kind="refused", branch=branch, message=why))
        return Landed(self.branches[branch], "nothing")

    def _merged(self, ours: Sha, theirs: Sha) -> MergeResult:
        if ours in self.ancestors(theirs):
            from branchsim.git.merge import MergeResult

            return MergeResult(self._commits[theirs].tree, clean=True)
        return self._session.merge(ours, theirs).result

    def _land(
        self,
        kind: Outcome,
        into: str,
        source: str,
        result: MergeResult,
        resolve: Resolve | None,
        message: str,
        *,
        parents: tuple[Sha, ...],
        author: tuple[str, str, int] | None = None,
    ) -> Landed:
        what = f"the {kind} of {source} into {into}"
        if result.tree is None:
            raise InputError(f"{what} is not possible: {result.failure}")
        tree = result.tree
        paths: tuple[str, ...] = ()
        writes: dict[str, Sha | None] = {}
        whole = False
        if not result.clean:
            paths = tuple(os.fsdecode(each.path) for each in result.conflicts) or ("(no path)",)
            writes = self._resolved(what, tree, result.conflicts, paths, resolve)
            tree = self._applied(self._flat(tree), writes)
            whole = any(each.kinds != ("CONFLICT (contents)",) for each in result.conflicts)
        if len(parents) == 1 and kind in {"pick", "revert"} and tree == self._commits[parents[0]].tree:
            return self._nothing(into, f"{what} changes nothing")
        if whole:
            writes = dict(self._flat(tree))
        operation: Kind = kind  # type: ignore[assignment]  # "nothing" has been dealt with
        sha = self._made(
            operation,
            into,
            source=source,
            tree=tree,
            parents=parents,
            message=message,
            author=author,
            writes=writes,
            conflicts=paths,
            whole=whole,
        )
        return Landed(sha, kind, paths)

    def _resolved(
        self, what: str, tree: Sha, conflicts: tuple[Conflict, ...], paths: tuple[str, ...], resolve: Resolve | None
    ) -> dict[str, Sha | None]:
        how: Side | Files | None
        if callable(resolve):
            left = self._flat(tree)
            how = resolve({path: self._blob(left[path]) if path in left else b"" for path in paths})
        else:
            how = resolve
        if how is None:
            raise ConflictError(what, paths)
        if isinstance(how, str):
            if how not in {"ours", "theirs"}:
                raise InputError(f"resolve is {how!r}; say 'ours', 'theirs', or what the files shall hold")
            sides = {os.fsdecode(each.path): each.ours if how == "ours" else each.theirs for each in conflicts}
            return {path: None if side is None else side.sha for path, side in sides.items()}
        open_paths = tuple(path for path in paths if path not in how)
        if open_paths:
            raise ConflictError(what, open_paths)
        return self._write_files(how)

    def _made(
        self,
        kind: Kind,
        branch: str,
        *,
        tree: Sha,
        parents: tuple[Sha, ...],
        message: str,
        source: str = "",
        author: str | tuple[str, str, int] | None = None,
        writes: Mapping[str, Sha | None] | None = None,
        conflicts: tuple[str, ...] = (),
        whole: bool = False,
    ) -> Sha:
        self._clock += _HOUR
        committer = (*_person(AUTHOR), self._clock)
        by = author if isinstance(author, tuple) else (*_person(author or AUTHOR), self._clock)
        text = (message or f"Commit {len(self._commits) + 1}").rstrip("\n") + "\n"
        content = commit_content(
            tree=tree,
            parents=parents,
            message=text,
            author=f"{by[0]} <{by[1]}> {by[2]} +0000",
            committer=f"{committer[0]} <{committer[1]}> {committer[2]} +0000",
        )
        sha = self._bench.write("commit", content)
        mainline = bool(source in self._commits and len(self._commits[Sha(source)].parents) > 1)
        self._commits[sha] = _Commit(tree, parents, text, by)
        self.branches[branch] = sha
        self._note_down(
            kind,
            branch,
            source=source,
            sha=sha,
            message=text,
            author=by,
            committer=committer,
            writes=writes,
            conflicts=conflicts,
            whole=whole,
            mainline=mainline and kind in {"pick", "revert"},
            root=not parents,
        )
        return sha

    def _note_down(self, kind: Kind, branch: str, **parts: object) -> None:
        self.operations.append(Operation(kind=kind, branch=branch, **parts))  # type: ignore[arg-type]  # as they come

    # Files and trees.

    def _write_files(self, files: Files) -> dict[str, Sha | None]:
        writes: dict[str, Sha | None] = {}
        for path, content in files.items():
            _check_path(path)
            writes[path] = None if content is None else self._write_blob(_bytes(content))
        return writes

    def _write_blob(self, content: bytes) -> Sha:
        sha = self._bench.write("blob", content)
        self._blobs[sha] = content
        return sha

    def _blob(self, sha: Sha) -> bytes:
        if sha not in self._blobs:
            content = self._bench.reader.blob(sha)
            self._blobs[sha] = b"" if content is None else content
        return self._blobs[sha]

    def _flat(self, tree: Sha) -> dict[str, Sha]:
        """The blobs of a tree by path."""
        if tree not in self._trees:
            found = self._bench.reader.walk(tree)
            self._trees[tree] = {os.fsdecode(path): entry.sha for path, entry in found if not entry.is_tree}
        return self._trees[tree]

    def _applied(self, before: Mapping[str, Sha], writes: Mapping[str, Sha | None]) -> Sha:
        after = {path: sha for path, sha in before.items() if path not in writes}
        after |= {path: sha for path, sha in writes.items() if sha is not None}
        for path in writes:
            above = [path[:place] for place, letter in enumerate(path) if letter == "/"]
            clash = next((other for other in above if other in after), None)
            if clash is not None and path in after:
                raise InputError(f"{clash!r} is a file, so {path!r} cannot be in it; delete it in the same commit")
        tree = self._write_tree(after)
        self._trees[tree] = after
        return tree

    def _write_tree(self, flat: Mapping[str, Sha]) -> Sha:
        inner: dict[str, dict[str, Sha]] = {}
        entries: list[tuple[bytes, bytes, Sha]] = []
        for path, sha in flat.items():
            name, slash, rest = path.partition("/")
            if slash:
                inner.setdefault(name, {})[rest] = sha
            else:
                entries.append((os.fsencode(name), b"100644", sha))
        entries += [(os.fsencode(name), b"40000", self._write_tree(below)) for name, below in inner.items()]
        # git sorts a directory as if its name ended in a slash.
        entries.sort(key=lambda entry: entry[0] + (b"/" if entry[1] == b"40000" else b""))
        content = b"".join(b"%b %b\0%b" % (mode, name, bytes.fromhex(sha)) for name, mode, sha in entries)
        return self._bench.write("tree", content)


def _person(text: str) -> tuple[str, str]:
    name, bracket, rest = text.partition(" <")
    if not bracket or not rest.endswith(">") or "\n" in text:
        raise InputError(f"{text!r} is no identity; write 'Name <address>'")
    return name, rest[:-1]


def _check_path(path: str) -> None:
    parts = path.split("/")
    if "\0" in path or any(part in {"", ".", ".."} or part.lower() == ".git" for part in parts):
        raise InputError(f"{path!r} is no path of a file in a repository; write it like 'src/a.txt'")


def _bytes(content: str | bytes) -> bytes:
    return content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content


__all__ = ["AUTHOR", "START", "ConflictError", "Content", "Files", "Landed", "Resolve", "ScratchRepo", "Workbench"]
