"""Known ports of a repository, derived from the trailers of its commits (`cherry picked from commit`, ...).

A commit of a branch that names one commit of the main branch, and no other, is a known port. Commits that name several
are not asked, but they belong to the same change. A port is asked once, on the branch with most ports not asked yet.
"""

from __future__ import annotations

from collections.abc import Iterable

from branchsim.errors import UnknownRevisionError
from branchsim.git.log import read_commits, rev_list
from branchsim.git.names import commits_named
from branchsim.git.refs import branch_refs
from branchsim.git.repository import Repository
from branchsim.history.messages import ported_from

Row = dict[str, str]
MAIN = ("main", "master", "trunk", "develop")
FEWEST = 20
"""A branch with fewer known ports than this is left out."""


def main_branch(repository: Repository) -> str:
    """The branch that ports come from: one of the usual names, else the one with most commits."""
    for name in MAIN:
        try:
            repository.resolve(name)
        except UnknownRevisionError:
            continue
        return name
    message = f"none of {', '.join(MAIN)} is a branch"
    raise UnknownRevisionError(message)


def stated_ports(repository: Repository) -> dict[str, tuple[str, ...]]:
    """From each commit of any branch that names others as its source to those it names."""
    tips = sorted({repository.resolve(branch) for branch in branch_refs(repository.refs, repository.remotes)})
    named = {
        str(commit.sha): ported_from(commit.message)
        for commit in read_commits(repository.scratch, tips, options=("--no-merges",), changes=False)
    }
    named = {sha: texts for sha, texts in named.items() if texts}
    full = commits_named(repository.scratch, (text for texts in named.values() for text in texts))
    ports = {}
    for sha, texts in named.items():
        known = [str(full[text]) for text in texts if text in full and full[text] != sha]
        if len(known) == len(texts):
            ports[sha] = tuple(dict.fromkeys(known))
    return ports


def derive(repository: Repository) -> tuple[list[Row], list[Row]]:
    """The known ports to ask for, and all that is stated, as rows of a table of ports.

    Parameters
    ----------
    repository : Repository
        A clone with its release branches.

    Returns
    -------
    asked : list of dict
        ``source_branch``, ``source_sha``, ``target_branch``, ``target_sha``; each port once.
    stated : list of dict
        ``source_sha``, ``target_sha`` of every commit and each commit it names.
    """
    main = main_branch(repository)
    ports = stated_ports(repository)
    single = {sha: named[0] for sha, named in ports.items() if len(named) == 1}
    by_branch: dict[str, dict[str, str]] = {}
    tip = repository.resolve(main)
    for branch in sorted(branch_refs(repository.refs, repository.remotes)):
        if branch == main:
            continue
        own = set(rev_list(repository.scratch, [repository.resolve(branch), f"^{tip}"], "--no-merges"))
        known = {sha: single[sha] for sha in own & single.keys()}
        if len(known) < FEWEST:
            continue
        left = set(rev_list(repository.scratch, [tip, f"^{repository.resolve(branch)}"]))
        by_branch[branch] = {sha: source for sha, source in known.items() if source in left}
    rows = [
        {"source_branch": main, "source_sha": source, "target_branch": branch, "target_sha": sha}
        for branch, known in _each_once(by_branch)
        for sha, source in sorted(known.items())
    ]
    stated = [{"source_sha": source, "target_sha": sha} for sha, named in ports.items() for source in named]
    return rows, stated


def _each_once(by_branch: dict[str, dict[str, str]]) -> Iterable[tuple[str, dict[str, str]]]:
    """The branches with most ports that no branch before had, until what is left is little."""
    taken: set[str] = set()
    while by_branch:
        rest = {branch: {s: o for s, o in known.items() if s not in taken} for branch, known in by_branch.items()}
        branch = max(rest, key=lambda name: (len(rest[name]), name))
        if len(rest[branch]) < FEWEST:
            return
        yield branch, rest[branch]
        taken |= rest[branch].keys()
        del by_branch[branch]
