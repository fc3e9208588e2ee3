"""Make real git repositories for tests, fast: hundreds of commits in the time of one ``git commit``.

>>> repo = RepoBuilder(tmp_path / "repo")                      # doctest: +SKIP
>>> base = repo.commit("main", {"a.txt": "1\\n"})               # a root, since main does not exist yet
>>> repo.branch("topic", "main")
>>> fix = repo.commit("topic", {"a.txt": "2\\n", "b.txt": None})  # None deletes; further commits follow the tip
>>> merge = repo.merge(into="main", source="topic")             # what git makes of it; files=... records another result
>>> repo.tag("v1", "main", message="One")
>>> repo.finish()                                               # only now do other git processes see it

Every method that makes a commit returns its full id at once. Identities and dates are fixed (the clock starts at
`START` and moves on by an hour for each commit), so the same calls make the same ids. Building may go on after
`finish`; then `finish` again. A ``with`` block does it too.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

START = 1_704_067_200
"""The time of the first commit: 2024-01-01 00:00 UTC."""

AUTHOR = "Ann Author <ann@example.com>"
COMMITTER = "Carl Committer <carl@example.com>"

_Path = str | bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """A file with a mode of its own: ``100755``, ``120000`` (symlink) or ``160000`` (submodule: an id)."""

    mode: str
    content: bytes


def executable(content: str | bytes) -> Entry:
    """An executable file."""
    return Entry("100755", _bytes(content))


def program(path: Path, content: str) -> Path:
    """Write a program that can be run; its path."""
    path.write_text(content)
    path.chmod(0o755)
    return path


def symlink(target: str | bytes) -> Entry:
    """A symbolic link."""
    return Entry("120000", _bytes(target))


def submodule(sha: str) -> Entry:
    """A submodule at a commit."""
    return Entry("160000", sha.encode())


Content = str | bytes | Entry | None
# A mapping is invariant in its keys, so each kind of key is spelled out.
Files = Mapping[str, Content] | Mapping[bytes, Content] | Mapping[_Path, Content]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """A clean environment for git: no configuration of the machine, fixed identity, dates, locale and time zone."""
    name, _, email = AUTHOR.partition(" <")
    fixed = {
        "PATH": os.environ["PATH"],
        "HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_EDITOR": "true",
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email.rstrip(">"),
        "GIT_AUTHOR_DATE": f"{START} +0000",
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email.rstrip(">"),
        "GIT_COMMITTER_DATE": f"{START} +0000",
        "LC_ALL": "C",
        "TZ": "UTC",
    }
    return fixed | dict(extra or {})


def git(
    path: str | os.PathLike[str],
    *arguments: str | bytes,
    stdin: bytes = b"",
    accept: Sequence[int] = (0,),
    variables: Mapping[str, str] | None = None,
) -> str:
    """Run real git in a directory with a clean environment; what it printed, without the last newline.

    Bytes that are not UTF-8 come back as surrogates (``os.fsdecode``). ``variables`` are further environment variables.
    """
    done = subprocess.run(
        ["git", "-C", os.fspath(path), "-c", "protocol.file.allow=always", *arguments],
        input=stdin,
        capture_output=True,
        env=environment(variables),
        check=False,
    )
    if done.returncode not in accept:
        raise AssertionError(
            f"git {arguments!r} ended with {done.returncode}: {done.stderr.decode('utf-8', 'replace')}"
        )
    return os.fsdecode(done.stdout).removesuffix("\n")


class RepoBuilder:
    """A repository under construction, through one ``git fast-import``.

    Parameters
    ----------
    path : path
        Where; it is made if need be.
    bare : bool
        Without a work tree.
    object_format : str
        ``sha1`` or ``sha256``.
    step : int
        The seconds from one commit to the next: 0 for a history that a script made within one second.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, bare: bool = False, object_format: str = "sha1", step: int = 3600
    ) -> None:
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self.refs: dict[str, str] = {}
        self._digits = 64 if object_format == "sha256" else 40
        self._count = 0
        self.step = step
        self._process: subprocess.Popen[bytes] | None = None
        self._marks: dict[str, int] = {}
        kind = ["--bare"] if bare else []
        git(self.path, "init", "-q", "-b", "main", "--template=", f"--object-format={object_format}", *kind)

    # What there is.

    def __getitem__(self, name: str) -> str:
        """The id that a branch, tag or full ref name holds now."""
        for candidate in (name, f"refs/heads/{name}", f"refs/tags/{name}"):
            if candidate in self.refs:
                return self.refs[candidate]
        raise KeyError(name)

    def resolve(self, revision: str) -> str:
        """The id of a branch, tag or full ref name; anything else is taken for an id."""
        try:
            return self[revision]
        except KeyError:
            return revision

    # What can be made.

    def commit(
        self,
        branch: str,
        files: Files | None = None,
        *,
        subject: str | None = None,
        message: str | bytes | None = None,
        author: str | bytes = AUTHOR,
        committer: str | bytes = COMMITTER,
        at: int | None = None,
        committed_at: int | None = None,
        parents: Sequence[str] | None = None,
        encoding: str | None = None,
        whole: bool = False,
        tree: str | None = None,
    ) -> str:
        """Make a commit and move a branch to it.

        Parameters
        ----------
        branch : str
            A branch, or a full ref name that starts with ``refs/``.
        files : mapping
            Path (str or bytes) to content (str or bytes), `Entry`, or None to delete; on top of the first parent.
        subject, message : str
            The message; ``Commit <n>`` if neither is given.
        author, committer : str
            ``Name <address>``.
        at, committed_at : int
            Seconds since the epoch; the clock's time, and the author's time, if not given.
        parents : sequence of str
            Branches or ids; the branch's tip if not given, none for a root.
        encoding : str
            The encoding header.
        whole : bool
            The files are the whole tree.
        tree : str
            The id of a whole tree, before `files` are put on top.
        """
        ref = branch if branch.startswith("refs/") else f"refs/heads/{branch}"
        if parents is None:
            parents = [self.refs[ref]] if ref in self.refs else []
        ids = [self.resolve(parent) for parent in parents]
        self._count += 1
        at = START + self.step * self._count if at is None else at
        committed_at = at if committed_at is None else committed_at
        text = message if message is not None else (subject or f"Commit {self._count}") + "\n"
        lines: list[bytes] = []
        if not ids:
            lines.append(b"reset %b\n\n" % os.fsencode(ref))
        lines += [
            b"commit %b\nmark :%d\n" % (os.fsencode(ref), self._count),
            b"author %b %d +0000\n" % (_bytes(author), at),
            b"committer %b %d +0000\n" % (_bytes(committer), committed_at),
        ]
        if encoding:
            lines.append(b"encoding %b\n" % encoding.encode())
        lines.append(_data(_bytes(text)))
        lines += [b"%b %b\n" % (b"merge" if index else b"from", self._known(sha)) for index, sha in enumerate(ids)]
        if whole:
            lines.append(b"deleteall\n")
        if tree is not None:
            lines.append(b"M 040000 %b \n" % tree.encode())
        for path, content in (files or {}).items():
            lines.append(_change(_bytes(path), content))
        lines.append(b"\nget-mark :%d\n" % self._count)
        sha = self._ask(b"".join(lines))
        self._marks[sha] = self._count
        self.refs[ref] = sha
        return sha

    def merge(
        self,
        *,
        into: str,
        source: str | Sequence[str],
        files: Files | None = None,
        subject: str | None = None,
        **options: Any,
    ) -> str:
        """Merge a branch (or several: an octopus, which needs `files`) into another.

        Without `files` the result is git's own and must be clean; with them it is `into` with these changes.
        Further options are those of `commit`.
        """
        sources = [source] if isinstance(source, str) else list(source)
        subject = subject or f"Merge branch '{sources[0]}' into {into}"
        tree = self._merged_tree(self.resolve(into), self.resolve(sources[0])) if files is None else None
        parents = [into, *sources]
        return self.commit(into, files, subject=subject, parents=parents, tree=tree, **options)

    def squash(
        self, *, into: str, source: str, files: Files | None = None, subject: str | None = None, **options: Any
    ) -> str:
        """The same tree as `merge`, as a commit with one parent."""
        tree = self._merged_tree(self.resolve(into), self.resolve(source)) if files is None else None
        return self.commit(into, files, subject=subject or f"{source} (#{self._count})", tree=tree, **options)

    def pick(self, *, into: str, commit: str, trailer: bool = False, files: Files | None = None, **options: Any) -> str:
        """Cherry-pick a commit (that has a parent), with its author and message; ``trailer`` adds what ``-x`` adds."""
        tree = None
        if files is None:
            tree = self._three_way(f"{commit}^1", self.resolve(into), commit)
        else:
            self.finish()
        name, at, message = git(self.path, "log", "-1", "--format=%an <%ae>%x00%at%x00%B", commit).split("\0")
        message = message.rstrip("\n") + "\n"
        if trailer:
            message += f"\n(cherry picked from commit {commit})\n"
        self._count += 1
        given: dict[str, Any] = {
            "message": message,
            "author": name,
            "at": int(at),
            "committed_at": START + self.step * self._count,
        } | options
        return self.commit(into, files, tree=tree, **given)

    def revert(self, *, into: str, commit: str, files: Files | None = None, **options: Any) -> str:
        """Revert a commit (that has a parent) with git's wording."""
        tree = self._three_way(commit, self.resolve(into), f"{commit}^1") if files is None else None
        self.finish()
        subject = git(self.path, "log", "-1", "--format=%s", commit)
        given: dict[str, Any] = {"message": f'Revert "{subject}"\n\nThis reverts commit {commit}.\n'} | options
        return self.commit(into, files, tree=tree, **given)

    def branch(self, name: str, at: str) -> str:
        """Make a branch or any ref, or move one there, by force if need be; the id it now holds."""
        ref = name if name.startswith("refs/") else f"refs/heads/{name}"
        self.refs[ref] = sha = self.resolve(at)
        self._send(b"reset %b\nfrom %b\n\n" % (os.fsencode(ref), self._known(sha)))
        return sha

    def tag(self, name: str, at: str, *, message: str | None = None, tagged_at: int | None = None) -> None:
        """Make a tag; annotated where there is a message."""
        if message is None:
            self.branch(f"refs/tags/{name}", at)
            return
        self._count += 1
        when = START + self.step * self._count if tagged_at is None else tagged_at
        head = b"tag %b\nfrom %b\n" % (os.fsencode(name), self._known(self.resolve(at)))
        self._send(head + b"tagger %b %d +0000\n" % (COMMITTER.encode(), when) + _data(_bytes(message)))

    def delete(self, name: str) -> None:
        """Delete a branch or ref; its commits stay."""
        ref = name if name.startswith("refs/") else f"refs/heads/{name}"
        del self.refs[ref]
        self.finish()
        git(self.path, "update-ref", "-d", ref)

    def checkout(self, branch: str = "main") -> None:
        """Fill the work tree with a branch and make it the current one."""
        self.finish()
        git(self.path, "symbolic-ref", "HEAD", f"refs/heads/{branch}")
        git(self.path, "reset", "-q", "--hard")

    def finish(self) -> Path:
        """Make everything visible to other git processes; the path."""
        if self._process is not None:
            process, self._process = self._process, None
            self._marks.clear()
            assert process.stdin is not None
            with process:
                process.stdin.write(b"done\n")
            if process.returncode:
                raise AssertionError(f"git fast-import ended with {process.returncode}")
        return self.path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()

    def __del__(self) -> None:
        if self._process is not None:
            self._process.kill()
            with self._process:
                pass

    # How.

    def _merged_tree(self, ours: str, theirs: str) -> str:
        self.finish()
        return git(self.path, "merge-tree", "--write-tree", ours, theirs)

    def _three_way(self, base: str, ours: str, theirs: str) -> str:
        """The tree of a merge with a base of one's choice, by three commits that exist for this only."""
        self.finish()
        root = git(self.path, "commit-tree", "-m", "base", f"{base}^{{tree}}")
        tips = [git(self.path, "commit-tree", "-p", root, "-m", "side", f"{side}^{{tree}}") for side in (ours, theirs)]
        return git(self.path, "merge-tree", "--write-tree", *tips)

    def _known(self, sha: str) -> bytes:
        """How fast-import knows a commit: what it made itself only by its mark, until it has ended."""
        return b":%d" % self._marks[sha] if sha in self._marks else sha.encode()

    def _start(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                ["git", "-c", "fastimport.unpackLimit=0", "fast-import", "--quiet", "--done", "--force"],
                cwd=self.path,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment(),
            )
        return self._process

    def _send(self, text: bytes) -> None:
        process = self._start()
        assert process.stdin is not None
        process.stdin.write(text)

    def _ask(self, text: bytes) -> str:
        self._send(text)
        process = self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.flush()
        answer = process.stdout.readline().decode().strip()
        assert len(answer) == self._digits, f"git fast-import refused:\n{text.decode('utf-8', 'replace')}"
        return answer


def make_repo(path: str | os.PathLike[str], **options: Any) -> RepoBuilder:
    """A new `RepoBuilder`."""
    return RepoBuilder(path, **options)


def _bytes(text: str | bytes) -> bytes:
    return os.fsencode(text) if isinstance(text, str) else text


def _data(text: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(text), text)


def _quoted(path: bytes) -> bytes:
    return b'"' + b"".join(b"\\%03o" % byte if byte < 0x20 or byte in b'"\\' else bytes([byte]) for byte in path) + b'"'


def _change(path: bytes, content: str | bytes | Entry | None) -> bytes:
    if content is None:
        return b"D %b\n" % _quoted(path)
    entry = content if isinstance(content, Entry) else Entry("100644", _bytes(content))
    if entry.mode == "160000":
        return b"M 160000 %b %b\n" % (entry.content, _quoted(path))
    return b"M %b inline %b\n%b" % (entry.mode.encode(), _quoted(path), _data(entry.content))
