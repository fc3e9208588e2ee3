"""Signed commits and tags, made by git itself with the person's own settings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from branchsim.errors import GitError
from branchsim.git.transaction import run_git
from branchsim.names import Sha

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from branchsim.git.scratch import Scratch

_ADVICE = "check that 'git commit -S' works for you (user.signingKey, gpg.format), or leave signing out"


class Signer:
    """Signs what is written to a scratch repository.

    Parameters
    ----------
    scratch : Scratch
        Where objects are written.
    git_dir : Path
        The source: which key is used may be set there. Programs are taken from the person's own configuration only.
    """

    def __init__(self, scratch: Scratch, git_dir: Path) -> None:
        self._scratch = scratch
        self._options = ["-c", "i18n.commitEncoding=UTF-8"]
        for key in ("user.signingKey", "gpg.format"):
            out = run_git(
                ["-c", "safe.directory=*", "config", "--null", "--get", key],
                git_dir=git_dir,
                personal=True,
                accept=(0, 1),
            )
            value = os.fsdecode(out).removesuffix("\0")
            if value:
                self._options += ["-c", f"{key}={value}"]

    def commit(self, *, tree: Sha, parents: Sequence[Sha], message: bytes, author: str | bytes, committer: str) -> Sha:
        """A signed commit; for the parameters see `branchsim.git.objects.write_commit`.

        Raises
        ------
        GitError
            It could not be signed.
        """
        above = [word for parent in parents for word in ("-p", parent)]
        written = author if isinstance(author, bytes) else author.encode("utf-8", "surrogateescape")
        variables = _person("AUTHOR", written) | _person("COMMITTER", committer.encode("utf-8", "surrogateescape"))
        out = self._run(["commit-tree", "-S", *above, "-F", "-", tree], message, variables)
        return Sha(out.decode("ascii").strip())

    def tag(self, *, name: str, commit: Sha, message: bytes, tagger: str) -> Sha:
        """A signed tag; the object only, no ref."""
        variables = _person("COMMITTER", tagger.encode("utf-8", "surrogateescape"))
        self._run(["tag", "-s", "-f", "--cleanup=verbatim", "-F", "-", name, commit], message, variables)
        out = self._run(["rev-parse", f"refs/tags/{name}"], b"", {})
        sha = Sha(out.decode("ascii").strip())
        self._run(["update-ref", "-d", f"refs/tags/{name}"], b"", {})
        return sha

    def _run(self, arguments: Sequence[str], stdin: bytes, variables: Mapping[str, str]) -> bytes:
        try:
            return run_git(
                [*self._options, *arguments],
                git_dir=self._scratch.path,
                stdin=stdin,
                personal=True,
                variables=variables,
            )
        except GitError as error:
            said = [line for note in getattr(error, "__notes__", ()) for line in note.splitlines() if line.strip()]
            reason = said[0].strip().removeprefix("error: ") if said else str(error)
            raise GitError(f"nothing could be signed: {reason}; {_ADVICE}") from None


def _person(role: str, stamp: bytes) -> dict[str, str]:
    """What git takes an identity from."""
    name, _, rest = stamp.partition(b" <")
    email, _, date = rest.rpartition(b"> ")
    return {
        f"GIT_{role}_NAME": os.fsdecode(name),
        f"GIT_{role}_EMAIL": os.fsdecode(email),
        f"GIT_{role}_DATE": "@" + os.fsdecode(date),
    }


__all__ = ["Signer"]
