"""The commands of a runbook, run by a shell as a person would run them."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from support.repos import RepoBuilder, git

from branchsim.plan import Commit, MergeDriver, Plan, PullRequest, Resolve, Revert, Tag
from branchsim.simulate import simulate, verify
from branchsim.topology import Topology

if TYPE_CHECKING:
    from pathlib import Path


def test_the_commands_give_the_trees_that_were_simulated(tmp_path: Path) -> None:
    origin = tmp_path / "origin.git"
    builder = RepoBuilder(origin, bare=True)
    base = builder.commit("integration", {"a.txt": "1\n2\n3\n4\n5\n"})
    for name in ("uat", "preprod", "production"):
        builder.branch(name, base)
    feature = builder.commit("integration", {"a.txt": "1\n2\n3\n4\nfive\n"}, subject="Feature")
    builder.branch("hotfix/login", "preprod")
    builder.commit("hotfix/login", {"a.txt": "one\n2\n3\n4\n5\n"}, subject="Fix")
    builder.branch("topic", "uat")
    builder.commit("topic", {"t.txt": "t\n"}, subject="Topic")
    builder.finish()
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(origin), str(clone))
    plan = Plan.hotfix("login", Topology.build_run(), tag="v1.0.1").then(
        PullRequest("topic", "uat", method="squash", delete_source=True),
        Commit("uat", picks=(feature,)),
        Revert("uat", commit=feature),
        Tag("light", at="uat"),
    )
    simulation = simulate(plan, clone)
    assert simulation.outcome == "clean"
    who = {f"GIT_{role}_{what}": "a" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_EDITOR": "false", "HOME": str(tmp_path)}
    done = subprocess.run(
        ["sh", "-e", "-c", simulation.runbook()],
        cwd=clone,
        env={"PATH": os.environ["PATH"]} | who | quiet,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for step, tree in simulation.trees.items():
        if step in {"merge hotfix/login to preprod", "squash topic to uat", f"revert {feature} on uat"}:
            assert tree in done.stdout, step
    found = verify(simulation, clone)
    assert found.holds, found
    assert "topic" not in git(origin, "branch", "--format=%(refname:short)").split()
    assert {"v1.0.1", "light"} <= {*git(origin, "tag").split()}


def test_merge_drivers_and_solutions_are_told_of() -> None:
    plan = Plan(
        "p",
        (
            PullRequest("hotfix/x", "integration", purpose="retrofit", on_conflict="solve-in-source"),
            Resolve("retrofit hotfix/x to integration", folder="done; rm"),
        ),
        drivers=(MergeDriver("sfdx", ("*.xml",), "merge 'it' %A"), MergeDriver("own", ("*.txt",))),
    )
    book = plan.runbook()
    assert "# *.xml: merged by the merge driver sfdx" in book
    assert """git config merge.sfdx.driver 'merge '"'"'it'"'"' %A'""" in book
    assert "merge.own.driver" not in book
    assert "#   the files in 'done; rm'\n# git add --all && git commit --no-edit\n" in book
