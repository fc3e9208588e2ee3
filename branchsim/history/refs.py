"""Which refs are branches, tags and pull requests, and where they point."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from branchsim.git.objects import ObjectReader
from branchsim.names import Sha

if TYPE_CHECKING:
    from collections.abc import Callable

    from branchsim.git.repository import Repository
    from branchsim.names import RefName

_PULL = re.compile(r"refs/(?:remotes/[^/]+/)?(?:pull|pr|pulls|merge-requests|pull-requests)/(\d+)/(?:head|from)")


def branch_tips(repository: Repository) -> dict[str, tuple[RefName, ...]]:
    """The refs of each branch: the local one first, then ``origin``'s, then those of other remotes in order of name."""
    found: dict[str, list[tuple[int, RefName]]] = {}
    for ref in sorted(repository.refs):
        if ref.startswith("refs/heads/"):
            found.setdefault(ref[len("refs/heads/") :], []).append((0, ref))
        elif ref.startswith("refs/remotes/") and _PULL.fullmatch(ref) is None:
            remote, _, name = ref[len("refs/remotes/") :].partition("/")
            if name and name != "HEAD":
                found.setdefault(name, []).append((1 if remote == "origin" else 2, ref))
    # A fork's branch of the same name is another branch: other remotes count only where the name is nowhere else.
    return {
        name: tuple(ref for rank, ref in sorted(refs) if rank < 2 or (rank, ref) == min(refs))  # noqa: PLR2004
        for name, refs in found.items()
    }


def pull_heads(repository: Repository) -> dict[Sha, int]:
    """The tips of pull and merge requests, where the repository has them; of several with one tip the lowest number."""
    found: dict[Sha, int] = {}
    for ref, sha in repository.refs.items():
        match = _PULL.fullmatch(ref)
        if match is not None:
            number = int(match[1])
            found[sha] = min(number, found.get(sha, number))
    return found


def cut_commits(repository: Repository) -> frozenset[Sha]:
    """The commits whose parents a shallow clone left out."""
    if not repository.shallow:
        return frozenset()
    lines = (repository.scratch.path / "shallow").read_text(encoding="ascii").split()
    return frozenset(Sha(line) for line in lines)


def tag_tips(repository: Repository, wanted: Callable[[str], bool] | None = None) -> dict[str, Sha]:
    """The commits of tags, by name in alphabetical order; tags of anything else are left out."""
    tags = {
        ref[len("refs/tags/") :]: sha
        for ref, sha in sorted(repository.refs.items())
        if ref.startswith("refs/tags/") and (wanted is None or wanted(ref[len("refs/tags/") :]))
    }
    with ObjectReader(repository.scratch) as reader:
        infos = reader.check(f"{sha}^{{commit}}" for sha in tags.values())
    peeled = {name: infos[f"{sha}^{{commit}}"] for name, sha in tags.items()}
    return {name: info.sha for name, info in peeled.items() if info is not None}


__all__ = ["branch_tips", "cut_commits", "pull_heads", "tag_tips"]
