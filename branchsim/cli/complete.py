"""Tab completion of branches and tags, from the repository that the command line names so far."""

from __future__ import annotations

import contextlib

import typer  # noqa: TC002  typer looks at the types of the arguments when the program runs


def revisions(context: typer.Context, incomplete: str) -> list[str]:
    """The branches and tags that begin with what was typed."""
    from branchsim.errors import BranchsimError
    from branchsim.git.refs import branch_refs
    from branchsim.git.repository import Repository

    # Completion never complains: without a repository there is nothing to offer.
    with contextlib.suppress(BranchsimError, OSError), Repository(context.params.get("repo") or ".") as repository:
        names = {
            *branch_refs(repository.refs, repository.remotes),
            *(ref.removeprefix("refs/tags/") for ref in repository.refs if ref.startswith("refs/tags/")),
        }
        return sorted(name for name in names if name.startswith(incomplete) and name.isprintable())
    return []
