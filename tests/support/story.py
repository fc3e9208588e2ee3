"""Repositories with long-lived branches in which things happen: BUILD/RUN unless told otherwise."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from branchsim.audit.audit import Audit, audit
from branchsim.topology import Topology
from support.forks import CODE
from support.repos import RepoBuilder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from branchsim.audit.verdicts import Obligation
    from support.repos import Content

BRANCHES = ("integration", "uat", "preprod", "production")
Files = dict[str, "Content"]


class Story:
    """The repository of a team.

    Parameters
    ----------
    path : Path
        Where.
    branches : sequence of str
        The long-lived branches, from the first to the last; all begin at one commit.
    files : mapping
        What that commit holds, beside ``app.c`` and ``lib/util.c``.
    step : int
        The seconds from one commit to the next.
    """

    def __init__(
        self,
        path: Path,
        branches: Sequence[str] = BRANCHES,
        files: Mapping[str, Content] | None = None,
        step: int = 3600,
    ) -> None:
        self.branches = tuple(branches)
        self.repo = RepoBuilder(path, step=step)
        start: Files = {"app.c": CODE, "lib/util.c": CODE, **(files or {})}
        self.base = self.repo.commit(branches[0], start, subject="Begin the project")
        for name in branches[1:]:
            self.repo.branch(name, branches[0])

    def feature(self, name: str, files: Files) -> str:
        """A feature, merged to the first branch; the merge."""
        self.repo.branch(f"feature/{name}", self.branches[0])
        self.repo.commit(f"feature/{name}", files, subject=f"Add the {name} feature")
        return self.merge(f"feature/{name}", self.branches[0])

    def hotfix(
        self, name: str, *several: Files, into: str = "preprod", start: str | None = None, **options: Any
    ) -> list[str]:
        """A hotfix that starts from where it is merged, or elsewhere; its commits, then the merge."""
        self.repo.branch(f"hotfix/{name}", start or into)
        ids = [
            self.repo.commit(
                f"hotfix/{name}", files, subject=f"Fix the {name} bug" + (f", part {part}" if part else ""), **options
            )
            for part, files in enumerate(several)
        ]
        return [*ids, self.merge(f"hotfix/{name}", into)]

    def merge(self, source: str, into: str, files: Files | None = None, subject: str | None = None) -> str:
        """A merge as git makes it, or with other files."""
        subject = subject or f"Merge branch '{source}' into {into}"
        return self.repo.merge(into=into, source=source, subject=subject, files=files)

    def promote(self, *names: str) -> str:
        """A promotion along these branches; the last merge."""
        made = ""
        for source, target in pairwise(names):
            made = self.merge(source, target)
        return made

    def release(self) -> None:
        """Everything from the first branch to the last."""
        self.promote(*self.branches)

    def audit(self, topology: Topology | None = None, **options: Any) -> Audit:
        """What the audit of obligations says of it now."""
        given: dict[str, Any] = {"cache": None, "checks": ("obligations",)} | options
        return audit(self.repo.finish(), topology or Topology.build_run(), **given)

    def obligation(self, commit: str, owed_to: str | None = None, **options: Any) -> Obligation:
        """What became of the change that a commit belongs to."""
        found = self.audit(**options)
        return obligation_of(found, commit, owed_to or self.branches[0])


def obligation_of(found: Audit, commit: str, owed_to: str) -> Obligation:
    """The one obligation of a commit to a branch."""
    (record,) = [r for r in found.records if commit in (r.change, *r.commits) and r.owed_to == owed_to]
    return record


__all__ = ["BRANCHES", "Files", "Story", "obligation_of"]
