"""What was done to a scratch repository, as a shell script that anyone can run with git alone.

Identities and dates are fixed, so the script makes the very same commits: it compares the id of each with the one that
was seen, and says where git did something else.
"""

from __future__ import annotations

import itertools
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from branchsim.check.shell import PRELUDE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from branchsim.names import Sha

Kind = Literal[
    "note", "commit", "branch", "move", "delete", "tag", "fast-forward", "merge", "squash", "pick", "revert", "refused"
]

_HEAD = (
    """\
#!/bin/sh
# {title}
"""
    + PRELUDE
    + """\
stamp() {{
    GIT_AUTHOR_NAME=$1 GIT_AUTHOR_EMAIL=$2 GIT_AUTHOR_DATE="$3 +0000"
    GIT_COMMITTER_NAME=$4 GIT_COMMITTER_EMAIL=$5 GIT_COMMITTER_DATE="$6 +0000"
    export GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_AUTHOR_DATE GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL GIT_COMMITTER_DATE
}}
into() {{ if [ -d "$1" ]; then rm -rf -- "$1"; fi; mkdir -p "$(dirname -- "$1")" && cat > "$1"; }}
record() {{ git add -A && git commit -q --allow-empty --cleanup=verbatim -F -; }}
is() {{ [ "$(git rev-parse --verify "$1^0")" = "$2" ] || wrong "$1 should be $2"; }}
"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that was done, and the commit that came of it.

    Attributes
    ----------
    kind : str
        What. ``note`` is a sentence for people, ``refused`` a landing that had nothing to bring.
    branch : str
        The branch or tag it was done to.
    source : str
        What was merged, or where a branch was made: a branch or an id.
    sha : Sha or None
        The commit that the branch then stood at.
    message : str
        The message of the commit, or the sentence.
    author, committer : tuple of (str, str, int)
        Name, address and time.
    writes : mapping of str to Sha or None
        The files that were written, as ids of blobs; None was deleted.
    conflicts : tuple of str
        The paths that conflicted.
    whole : bool
        Whether `writes` is everything that the commit holds.
    mainline : bool
        Whether the commit that was picked or reverted is a merge.
    root : bool
        Whether the commit has no parent.
    """

    kind: Kind
    branch: str = ""
    source: str = ""
    sha: Sha | None = None
    message: str = ""
    author: tuple[str, str, int] = ("", "", 0)
    committer: tuple[str, str, int] = ("", "", 0)
    writes: Mapping[str, Sha | None] | None = None
    conflicts: tuple[str, ...] = ()
    whole: bool = False
    mainline: bool = False
    root: bool = False


def shell_script(
    operations: Iterable[Operation],
    *,
    content: Callable[[Sha], bytes],
    refs: Mapping[str, Sha],
    title: str,
    name: str = "transcript",
) -> str:
    """The script.

    Parameters
    ----------
    operations : iterable of Operation
        What was done, in order.
    content : callable
        Gives the bytes of a blob.
    refs : mapping of str to Sha
        What every ref held in the end.
    title : str
        What it shows.
    name : str
        What the file will be called, without ``.sh``.
    """
    lines = [_HEAD.format(title=" ".join(title.split()), name=name, success="every commit has the id that was seen")]
    first = True
    for operation in operations:
        lines += _lines(operation, content, first=first)
        first = first and operation.kind != "commit"
    lines += ["", "tell", "tell 'In the end:'"]
    for ref, sha in refs.items():
        lines += [f"is {shlex.quote(ref)} {sha}", f"tell {shlex.quote(f'  {ref} {sha}')}"]
    return "\n".join([*lines, 'tell "The repository is in $directory"', ""])


def _lines(operation: Operation, content: Callable[[Sha], bytes], *, first: bool) -> list[str]:
    branch, source = shlex.quote(operation.branch), shlex.quote(operation.source)
    simple = {
        "note": ["", f"tell {shlex.quote(operation.message)}"],
        "refused": [f"# {_plain(operation.message)}"],
        "branch": [f"git branch -q -- {branch} {source}"],
        "move": ["git checkout -q --detach", f"git branch -q -f -- {branch} {source}"],
        "delete": ["git checkout -q --detach", f"git branch -q -D -- {branch}"],
        "tag": [f"git tag -- {branch} {source}"],
        "fast-forward": [
            f"git checkout -q {branch} --",
            f"git merge -q --ff-only {source} || wrong 'this should be a fast-forward'",
            f"is HEAD {operation.sha}",
        ],
    }
    if operation.kind in simple:
        return simple[operation.kind]
    made = [
        *_position(operation, branch, first=first),
        *_landing(operation, source),
        *_written(operation, content),
    ]
    people = (*operation.author, *operation.committer)
    return [
        *made,
        f"stamp {' '.join(shlex.quote(str(part)) for part in people)}",
        *_heredoc("record", operation.message),
        f"is HEAD {operation.sha}",
    ]


def _position(operation: Operation, branch: str, *, first: bool) -> list[str]:
    if not operation.root:
        return [f"git checkout -q {branch} --"]
    if first:
        return [f"git symbolic-ref HEAD {shlex.quote('refs/heads/' + operation.branch)}"]
    return [f"git checkout -q --orphan {branch}", "git rm -q -r -f --ignore-unmatch ."]


def _landing(operation: Operation, source: str) -> list[str]:
    mainline = "-m 1 " if operation.mainline else ""
    commands = {
        "merge": f"git merge -q --no-commit --no-ff {source}",
        "squash": f"git merge -q --squash {source}",
        "pick": f"git cherry-pick {mainline}--no-commit {source}",
        "revert": f"git revert {mainline}--no-commit {source}",
    }
    if operation.kind not in commands:
        return []
    command = commands[operation.kind]
    quiet = f"{command} >/dev/null 2>&1"
    if operation.conflicts:
        return [
            f"if {quiet}; then wrong {shlex.quote('this should conflict: ' + command)}; fi",
            f'[ -n "$(git ls-files -u)" ] || wrong {shlex.quote("this should conflict: " + command)}',
        ]
    return [f"{quiet} || wrong {shlex.quote('this should not conflict: ' + command)}"]


def _written(operation: Operation, content: Callable[[Sha], bytes]) -> list[str]:
    lines = []
    if operation.whole and not operation.root:
        # Whatever a conflict has left lying about goes first.
        lines.append("git rm -q -r -f --cached --ignore-unmatch . && git clean -q -f -d -x")
    writes = sorted((operation.writes or {}).items())
    # What goes makes room for what comes: a file may become a directory.
    for path, _ in (write for write in writes if write[1] is None):
        lines.append(f"rm -rf -- {_place(path)}")
    for path, blob in writes:
        if blob is not None:
            lines += _file(path, content(blob))
    return lines


def _file(path: str, content: bytes) -> list[str]:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if text.endswith("\n") and not re.search(r"[^\n\t -~\u00a1-\uffff]", text):
        return _heredoc(f"into {_place(path)}", text)
    octal = "".join(f"\\{byte:03o}" for byte in content)
    return [f"printf '{octal}' | into {_place(path)}"]


def _heredoc(command: str, text: str) -> list[str]:
    lines = text.removesuffix("\n").split("\n") if text else []
    end = next(word for word in _ends() if word not in lines)
    return [f"{command} <<'{end}'", *lines, end]


def _ends() -> Iterable[str]:
    yield "EOF"
    for number in itertools.count(1):
        yield f"EOF{number}"


def _place(path: str) -> str:
    return shlex.quote(f"./{path}")


def _plain(text: str) -> str:
    return " ".join(text.split())


__all__ = ["Operation", "shell_script"]
