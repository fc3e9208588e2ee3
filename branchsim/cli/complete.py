"""Tab completion: of branches and tags, from the repository that the command line names so far, and of fixed names."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import typer  # noqa: TC002  typer looks at the types of the arguments when the program runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def revisions(context: typer.Context, incomplete: str) -> list[str]:
    """The branches and tags that begin with what was typed."""
    from branchsim.errors import BranchsimError
    from branchsim.git.repository import Repository

    # Completion never complains: without a repository there is nothing to offer.
    with contextlib.suppress(BranchsimError, OSError), Repository(context.params.get("repo") or ".") as repository:
        names = {
            *repository.branches,
            *(ref.removeprefix("refs/tags/") for ref in repository.refs if ref.startswith("refs/tags/")),
        }
        return sorted(name for name in names if name.startswith(incomplete) and name.isprintable())
    return []


def names(known: Callable[[], Iterable[str]], *, between: str = "") -> Callable[[str], list[str]]:
    """What completes one of some names, or several with a mark between them; `known` is asked when it is needed."""

    def offered(incomplete: str) -> list[str]:
        before, mark, last = incomplete.rpartition(between) if between else ("", "", incomplete)
        return [f"{before}{mark}{name}" for name in known() if name.startswith(last)]

    return offered


def checks() -> Iterable[str]:
    """What an audit can look for."""
    from branchsim.audit.audit import CHECKS

    return CHECKS


def kinds() -> Iterable[str]:
    """The findings that a gate can count."""
    from branchsim.audit.gate import KINDS

    return KINDS


def strategies() -> Iterable[str]:
    """The strategies that come with branchsim."""
    from branchsim.check import PRESETS

    return PRESETS


def mistakes() -> Iterable[str]:
    """The mistakes that people make, and none."""
    from branchsim.check import MISTAKES

    return ("none", *MISTAKES)


def promises() -> Iterable[str]:
    """What a strategy promises."""
    from branchsim.check import PROPERTIES

    return PROPERTIES


def guards() -> Iterable[str]:
    """The guards of strategies."""
    from branchsim.topology import GUARDS

    return GUARDS


def forms() -> Iterable[str]:
    """The forms of a report."""
    return ("html", "markdown", "xlsx")


def samples() -> Iterable[str]:
    """The sample repositories."""
    return ("story", "year")
