"""A BUILD/RUN repository in which features, hotfixes and releases happen, for tests of the audit."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from branchsim.audit.audit import Audit, audit
from branchsim.topology import Topology
from support.repos import Content, RepoBuilder

BRANCHES = ("integration", "uat", "preprod", "production")
CODE = "".join(f"int value_{number} = {number};\n" for number in range(40))


def edited(text: str, number: int, value: str) -> str:
    """The code with one of its lines changed."""
    return text.replace(f"int value_{number} = {number};", f"int value_{number} = {value};")


class Story:
    """A BUILD/RUN repository in which things happen."""

    def __init__(self, path: Path) -> None:
        self.repo = RepoBuilder(path)
        self.repo.commit("integration", {"app.c": CODE, "other.txt": "first words here\n"}, subject="Begin the project")
        for name in BRANCHES[1:]:
            self.repo.branch(name, "integration")

    def feature(self, name: str, files: dict[str, Content]) -> str:
        """A feature, merged to integration."""
        self.repo.branch(f"feature/{name}", "integration")
        self.repo.commit(f"feature/{name}", files, subject=f"Add the {name} feature")
        return self.merge(f"feature/{name}", "integration")

    def hotfix(self, name: str, files: dict[str, Content]) -> str:
        """A hotfix, merged to preprod and brought to production."""
        self.repo.branch(f"hotfix/{name}", "preprod")
        fix = self.repo.commit(f"hotfix/{name}", files, subject=f"Fix the {name} bug")
        self.merge(f"hotfix/{name}", "preprod")
        self.merge("preprod", "production")
        return fix

    def merge(self, source: str, into: str, files: dict[str, Content] | None = None) -> str:
        """A merge as git makes it, or with other files."""
        subject = f"Merge branch '{source}' into {into}"
        return self.repo.merge(into=into, source=source, subject=subject, files=files)

    def release(self) -> None:
        """Everything from integration to production."""
        for source, target in pairwise(BRANCHES):
            self.merge(source, target)

    def audit(self, topology: Topology | None = None) -> Audit:
        """What the audit says of it now."""
        return audit(self.repo.finish(), topology or Topology.build_run(), cache=None)
