"""Write histories with git's own three-way merges, in a scratch repository, and turn them into a fast-import stream.

Every identity, date and content is given by the caller, so the same calls make the same ids everywhere.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from branchsim.errors import InternalError
from branchsim.git.merge import MergeResult, Pick, merge_many, pick_many
from branchsim.git.objects import ObjectReader, write_commit, write_object
from branchsim.git.scratch import Scratch
from branchsim.names import Sha

if TYPE_CHECKING:
    from types import TracebackType

Edit = str | None
"""The text of a file; None deletes it."""

Edits = Mapping[str, Edit]


@dataclass(frozen=True, slots=True)
class Made:
    """A commit that was made: its id, parents, message, people with dates, files (path to blob) and branch."""

    sha: Sha
    parents: tuple[Sha, ...]
    message: str
    author: str
    committer: str
    files: Mapping[str, Sha]
    branch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Who made a commit and when.

    Attributes
    ----------
    author : str
        ``Name <address>``.
    at : int
        Seconds since the epoch, UTC; of the committer.
    committer : str
        The author, if empty.
    authored_at : int or None
        When it was written; `at`, if None.
    """

    author: str
    at: int
    committer: str = ""
    authored_at: int | None = None


@dataclass
class Builder:
    """A repository under construction.

    A context manager: the scratch repository is removed at the end.

    Attributes
    ----------
    made : dict of Sha to Made
        Every commit, in the order in which they were made.
    refs : dict of str to Sha
        What each ref holds: ``refs/heads/preprod``.
    tags : dict of str to tuple
        Annotated tags: the commit, the message, the tagger with date.
    """

    made: dict[Sha, Made] = field(default_factory=dict)
    refs: dict[str, Sha] = field(default_factory=dict)
    tags: dict[str, tuple[Sha, str, str]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._home = tempfile.TemporaryDirectory(prefix="branchsim-")
        (Path(self._home.name) / "objects").mkdir()
        self._scratch = Scratch(Path(self._home.name) / "objects")
        self._reader = ObjectReader(self._scratch)
        self._blobs: dict[Sha, bytes] = {}
        self._written: dict[bytes, Sha] = {}
        # Whoever merges looks at the result first, and then records it: the last one is asked for twice.
        self._merged: dict[tuple[Sha, Sha], MergeResult] = {}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.close()
        self._scratch.close()
        self._home.cleanup()

    # What there is.

    def tip(self, branch: str) -> Sha:
        """The commit of a branch."""
        return self.refs[f"refs/heads/{branch}"]

    def files(self, commit: Sha) -> Mapping[str, Sha]:
        """The files of a commit: path to id of the blob."""
        return self.made[commit].files

    def text(self, commit: Sha, path: str) -> str:
        """A file of a commit.

        Raises
        ------
        KeyError
            It is not there.
        """
        return self._blob(self.made[commit].files[path]).decode("utf-8")

    def ancestors(self, commit: Sha) -> frozenset[Sha]:
        """A commit and everything that it stands on."""
        found: set[Sha] = set()
        waiting = [commit]
        while waiting:
            sha = waiting.pop()
            if sha not in found:
                found.add(sha)
                waiting += self.made[sha].parents
        return frozenset(found)

    def content(self, blob: Sha) -> str:
        """The text of a blob."""
        return self._blob(blob).decode("utf-8")

    # What can be made.

    def branch(self, name: str, at: Sha) -> None:
        """Make a branch, or move it by force."""
        self.refs[f"refs/heads/{name}"] = at

    def drop(self, name: str) -> None:
        """Delete a branch; its commits stay."""
        del self.refs[f"refs/heads/{name}"]

    def tag(self, name: str, at: Sha, message: str, tagger: str) -> None:
        """Make an annotated tag; `tagger` is ``Name <address> seconds +0000``."""
        self.tags[name] = (at, message, tagger)

    def commit(
        self, branch: str, edits: Edits, message: str, stamp: Stamp, *, parents: Sequence[Sha] | None = None
    ) -> Sha:
        """Make a commit on a branch and move it there; the edits are made to the first parent's files."""
        ref = f"refs/heads/{branch}"
        if parents is None:
            parents = (self.refs[ref],) if ref in self.refs else ()
        files = dict(self.made[parents[0]].files) if parents else {}
        return self._add(branch, self._edited(files, edits), message, stamp, parents)

    def merge(
        self, into: str, source: Sha, message: str, stamp: Stamp, *, edits: Edits | None = None, ours: bool = False
    ) -> Sha:
        """Merge a commit into a branch.

        Parameters
        ----------
        edits : mapping, optional
            What the person who merged recorded instead of git's own result; it must settle every conflict.
        ours : bool
            The recorded result is the branch as it was.
        """
        target = self.tip(into)
        files = dict(self.made[target].files) if ours else self._settled(self.automatic(target, source), edits)
        return self._add(into, self._edited(files, edits or {}), message, stamp, (target, source))

    def squash(self, into: str, source: Sha, message: str, stamp: Stamp, *, edits: Edits | None = None) -> Sha:
        """The result of `merge` as a commit with one parent."""
        target = self.tip(into)
        files = self._settled(self.automatic(target, source), edits)
        return self._add(into, self._edited(files, edits or {}), message, stamp, (target,))

    def pick(
        self,
        into: str,
        commit: Sha,
        stamp: Stamp,
        *,
        message: str | None = None,
        trailer: bool = False,
        edits: Edits | None = None,
    ) -> Sha:
        """Cherry-pick a commit onto a branch, with its author and message; `trailer` says from where."""
        source = self.made[commit]
        target = self.tip(into)
        result = next(pick_many(self._scratch, [Pick(commit, target, source.parents[0])]))
        text = source.message if message is None else message
        if trailer:
            text = f"{text.rstrip()}\n\n(cherry picked from commit {commit})\n"
        files = self._edited(self._settled(result, edits), edits or {})
        author, _, _ = source.author.rpartition(" ")
        name, _, written = author.rpartition(" ")
        kept = Stamp(author=name, authored_at=int(written), committer=stamp.committer or stamp.author, at=stamp.at)
        return self._add(into, files, text, kept, (target,))

    def revert(self, into: str, commit: Sha, stamp: Stamp, *, edits: Edits | None = None, body: str = "") -> Sha:
        """Revert a commit (of a merge, what it brought to its first parent), with git's wording."""
        source = self.made[commit]
        target = self.tip(into)
        result = next(pick_many(self._scratch, [Pick(source.parents[0], target, commit)]))
        subject = source.message.partition("\n")[0]
        reverts = f"This reverts commit {commit}"
        if len(source.parents) > 1:
            reverts += f", reversing\nchanges made to {source.parents[0]}"
        message = f'Revert "{subject}"\n\n{body}{reverts}.\n'
        files = self._edited(self._settled(result, edits), edits or {})
        return self._add(into, files, message, stamp, (target,))

    def automatic(self, ours: Sha, theirs: Sha) -> MergeResult:
        """What git makes of a merge."""
        if (ours, theirs) not in self._merged:
            self._merged = {(ours, theirs): next(merge_many(self._scratch, [(ours, theirs)]))}
        return self._merged[ours, theirs]

    # The stream.

    def stream(self, head: str) -> bytes:
        """The history as ``git fast-import`` reads it.

        All contents come first, each file's versions one after the other, since then they compress best. Commits follow
        in the order in which they were made, then the refs. What no ref reaches is left out.

        Parameters
        ----------
        head : str
            The branch that ``HEAD`` shall be; it is the last one in the stream.
        """
        marks: dict[Sha, int] = {}
        out: list[bytes] = []
        tips = [*self.refs.values(), *(sha for sha, _, _ in self.tags.values())]
        reached = frozenset[Sha]().union(*(self.ancestors(tip) for tip in tips))
        kept_commits = [made for made in self.made.values() if made.sha in reached]
        for sha in self._versions(kept_commits):
            marks[sha] = len(marks) + 1
            out.append(b"blob\nmark :%d\n%b" % (marks[sha], _data(self._blob(sha))))
        for made in kept_commits:
            marks[made.sha] = len(marks) + 1
            out.append(self._commit_lines(made, marks))
        last = f"refs/heads/{head}"
        deleted = sorted({f"refs/heads/{made.branch}" for made in kept_commits} - set(self.refs))
        out += [f"reset {ref}\nfrom {'0' * 40}\n\n".encode() for ref in deleted]
        kept = [*sorted(set(self.refs) - {last}), last]
        out += [f"reset {ref}\nfrom :{marks[self.refs[ref]]}\n\n".encode() for ref in kept]
        for name, (sha, message, tagger) in sorted(self.tags.items()):
            out.append(f"tag {name}\nfrom :{marks[sha]}\ntagger {tagger}\n".encode() + _data(message.encode()))
        out.append(b"done\n")
        return b"".join(out)

    def _versions(self, commits: Iterable[Made]) -> Iterable[Sha]:
        """Every blob, by path and then by age."""
        seen: dict[str, list[Sha]] = {}
        for made in commits:
            before = self.made[made.parents[0]].files if made.parents else {}
            for path, sha in made.files.items():
                if before.get(path) != sha:
                    seen.setdefault(path, []).append(sha)
        return dict.fromkeys(sha for path in sorted(seen) for sha in seen[path])

    def _commit_lines(self, made: Made, marks: Mapping[Sha, int]) -> bytes:
        ref = f"refs/heads/{made.branch}"
        lines = [] if made.parents else [f"reset {ref}\n\n".encode()]
        lines.append(
            f"commit {ref}\nmark :{marks[made.sha]}\nauthor {made.author}\ncommitter {made.committer}\n".encode()
        )
        lines.append(_data(made.message.encode()))
        for place, parent in enumerate(made.parents):
            lines.append(b"%b :%d\n" % (b"merge" if place else b"from", marks[parent]))
        before = self.made[made.parents[0]].files if made.parents else {}
        for path in sorted(set(before) | set(made.files)):
            sha = made.files.get(path)
            if sha is None:
                lines.append(f"D {_quoted(path)}\n".encode())
            elif before.get(path) != sha:
                lines.append(f"M 100644 :{marks[sha]} {_quoted(path)}\n".encode())
        lines.append(b"\n")
        return b"".join(lines)

    # How.

    def _settled(self, result: MergeResult, edits: Edits | None) -> dict[str, Sha]:
        """The files of a merge; every conflict must be one that the edits settle."""
        if result.tree is None:
            raise InternalError(f"a sample could not be merged: {result.failure}")
        open_paths = {conflict.path.decode() for conflict in result.conflicts} - set(edits or {})
        if open_paths:
            raise InternalError(f"a sample's merge leaves conflicts in {', '.join(sorted(open_paths))}")
        return {path.decode(): entry.sha for path, entry in self._reader.walk(result.tree)}

    def _edited(self, files: dict[str, Sha], edits: Edits) -> dict[str, Sha]:
        for path, text in edits.items():
            if text is None:
                files.pop(path, None)
            else:
                content = text.encode("utf-8")
                files[path] = sha = write_object(self._scratch, "blob", content)
                self._blobs[sha] = content
        return files

    def _blob(self, sha: Sha) -> bytes:
        if sha not in self._blobs:
            content = self._reader.blob(sha)
            if content is None:
                raise InternalError(f"blob {sha} of a sample is missing")
            self._blobs[sha] = content
        return self._blobs[sha]

    def _add(self, branch: str, files: Mapping[str, Sha], message: str, stamp: Stamp, parents: Sequence[Sha]) -> Sha:
        written = stamp.at if stamp.authored_at is None else stamp.authored_at
        author = f"{stamp.author} {written} +0000"
        committer = f"{stamp.committer or stamp.author} {stamp.at} +0000"
        text = message if message.endswith("\n") else message + "\n"
        sha = write_commit(
            self._scratch, tree=self._tree(files), parents=parents, message=text, author=author, committer=committer
        )
        if sha in self.made:
            raise InternalError(f"a sample makes the commit {sha} ({message.partition(chr(10))[0]}) twice")
        self.made[sha] = Made(sha, tuple(parents), text, author, committer, files, branch)
        self.refs[f"refs/heads/{branch}"] = sha
        return sha

    def _tree(self, files: Mapping[str, Sha]) -> Sha:
        """Write the trees of some files; trees that were written before are known by their content."""
        here: dict[bytes, tuple[bytes, Sha]] = {}
        below: dict[str, dict[str, Sha]] = {}
        for path, sha in files.items():
            top, slash, rest = path.partition("/")
            if slash:
                below.setdefault(top, {})[rest] = sha
            else:
                here[top.encode()] = (b"100644", sha)
        # git sorts a directory as if its name ended with a slash.
        entries = [(name, mode, name, sha) for name, (mode, sha) in here.items()]
        entries += [(f"{top}/".encode(), b"40000", top.encode(), self._tree(rest)) for top, rest in below.items()]
        content = b"".join(b"%b %b\0%b" % (mode, name, bytes.fromhex(sha)) for _, mode, name, sha in sorted(entries))
        if content not in self._written:
            self._written[content] = write_object(self._scratch, "tree", content)
        return self._written[content]


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)


def _quoted(path: str) -> str:
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"' if " " in path or path.startswith('"') else path


__all__ = ["Builder", "Edit", "Edits", "Made", "Stamp"]
