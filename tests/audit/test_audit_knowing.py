"""Whether a commit that takes files back knew what it took back."""

from __future__ import annotations

from pathlib import Path

from support.delivery import CODE, edited
from support.repos import RepoBuilder

from branchsim.audit.knowing import Knowing, TakenBack, only_loses
from branchsim.audit.losses import LossReader
from branchsim.audit.pathhistory import branch_tips
from branchsim.git.log import read_commits
from branchsim.git.repository import Repository


def test_what_a_commit_only_removes_and_what_it_calls_itself(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "repo") as made:
        made.commit("main", {"a.c": CODE, "b.c": CODE})
        made.commit("main", {"a.c": edited(CODE, 7, "700")}, subject="Switch the retry of payments")
        made.commit("main", {"a.c": CODE.replace("int value_7 = 7;\n", "")}, subject="Drop the retry of payments")
        made.commit("main", {"b.c": None}, subject="Add the retry of payments")
    with Repository(made.path) as repository, LossReader(repository.scratch) as reader:
        commits = {each.subject: each for each in read_commits(repository.scratch, branch_tips(repository))}
        loses, decides = {}, {}
        for verb in ("Switch", "Drop", "Add"):
            commit = commits[f"{verb} the retry of payments"]
            loses[verb] = only_loses(reader.deltas, commit.changes[0])
            knowing = Knowing(commit, TakenBack(whole=True), lambda _: False, reader.deltas)
            decides[verb] = knowing.of_all([])
    assert loses == {"Switch": False, "Drop": True, "Add": True}
    assert decides == {"Switch": True, "Drop": True, "Add": False}
