"""Histories of a BUILD/RUN team, made step by step with known truth, and read back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import event, given, note, settings
from hypothesis import strategies as st
from support.repos import START, RepoBuilder, git

from branchsim.git.repository import Repository
from branchsim.history import read_changes, read_history
from branchsim.names import Sha
from branchsim.topology import Topology

if TYPE_CHECKING:
    import pytest

ANN = "Ann <ann@example.com>"
BOB = "Bob <bob@example.com>"
SUBJECTS = (
    "Merge branch '{source}' into {target}",
    "Merge pull request #{number} from acme/{source}",
    "Merge branch '{source}' into '{target}'\n\nSee merge request acme/shop!{number}",
    "Merged in {source} (pull request #{number})",
    "Merge pull request #{number} in ACME/shop from {source} to {target}",
    "Merge remote-tracking branch 'origin/{source}' into {target}",
)
STEPS = (
    *("feature", "squash", "rebase", "direct", "fix by hand", "revert", "pick", "hotfix", "hotfix with retrofit"),
    *("to uat", "to uat by fast-forward", "to preprod", "to production", "back to integration", "sync"),
)

Truth = tuple[str, str, str | None]
"""Kind, tip and source of a landing."""


@dataclass
class Team:
    """Takes steps on a repository and writes down what each one was."""

    repo: RepoBuilder
    truth: dict[str, list[Truth]] = field(default_factory=dict)
    parents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    by_hand: list[str] = field(default_factory=list)
    clock: int = START
    count: int = 0

    def begin(self) -> None:
        root = self.commit("integration")
        self.truth = {"integration": [("direct", root, None)]}
        for name in ("uat", "preprod", "production"):
            self.repo.branch(name, "integration")
            self.truth[name] = [("created", root, "integration")]

    def commit(self, branch: str, *, subject: str | None = None, later: int = 0, committer: str = BOB) -> str:
        self.count += 1
        self.clock += 5000
        files = {f"f{self.count}": f"{self.count}\n"}
        parents = tuple([self.repo[branch]] if f"refs/heads/{branch}" in self.repo.refs else [])
        sha = self.repo.commit(
            branch,
            files,
            message=(subject or f"Work number {self.count}") + "\n",
            at=self.clock - later,
            committed_at=self.clock,
            committer=committer,
        )
        self.parents[sha] = parents
        return sha

    def merge(self, into: str, source: str, subject: str, *, committer: str = BOB) -> str:
        self.count += 1
        self.clock += 5000
        parents = (self.repo[into], self.repo.resolve(source))
        message = subject.format(source=source, target=into, number=self.count) + "\n"
        sha = self.repo.commit(into, {}, message=message, at=self.clock, parents=parents, committer=committer)
        self.parents[sha] = parents
        return sha

    def holds(self, tip: str, sha: str) -> bool:
        waiting, seen = [tip], {tip}
        while waiting:
            for parent in self.parents[waiting.pop()]:
                if parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
        return sha in seen

    def landed(self, branch: str, kind: str, source: str | None = None) -> None:
        self.truth[branch].append((kind, self.repo[branch], source))

    def topic(self, name: str, start: str, commits: int) -> str:
        name = f"{name}/{self.count}"
        self.repo.branch(name, start)
        for _ in range(commits):
            self.commit(name)
        return name

    def promote(self, source: str, target: str, subject: str) -> bool:
        if self.holds(self.repo[target], self.repo[source]):
            return False
        self.merge(target, source, subject)
        self.landed(target, "merge", source)
        return True

    def take(self, step: str, subject: str) -> bool:  # noqa: C901, PLR0912  one branch for each step
        repo = self.repo
        if step == "feature":
            name = self.topic("feature", "integration", 2)
            self.merge("integration", name, subject)
            self.landed("integration", "merge", name)
        elif step == "squash":
            self.commit("integration", subject=f"Squashed work (#{self.count + 1000})")
            self.landed("integration", "squash")
        elif step == "rebase":
            self.commit("integration", later=40_000)
            self.clock -= 4999
            self.commit("integration", later=40_000)
            self.landed("integration", "rebase")
        elif step == "direct":
            self.by_hand.append(self.commit("integration"))
            self.landed("integration", "direct")
        elif step == "fix by hand":
            self.commit("preprod")
            self.landed("preprod", "direct")
        elif step == "revert":
            if not self.by_hand:
                return False
            self.commit("integration", subject=f'Revert "Work"\n\nThis reverts commit {self.by_hand[-1]}.')
            self.landed("integration", "revert")
        elif step == "pick":
            if not self.by_hand or self.holds(repo["preprod"], self.by_hand[-1]):
                return False
            before = repo["preprod"]
            self.clock += 5000
            picked = repo.pick(into="preprod", commit=self.by_hand.pop(), files={}, committed_at=self.clock)
            self.parents[picked] = (before,)
            self.landed("preprod", "cherry-pick", "integration")
        elif step.startswith("hotfix"):
            name = self.topic("hotfix", "preprod", 1)
            self.merge("preprod", name, subject)
            self.landed("preprod", "merge", name)
            if step == "hotfix with retrofit":
                self.merge("integration", name, subject)
                self.landed("integration", "merge", name)
        elif step == "to uat by fast-forward":
            if repo["uat"] == repo["integration"] or not self.holds(repo["integration"], repo["uat"]):
                return False
            repo.branch("uat", "integration")
            self.landed("uat", "fast-forward", "integration")
        elif step == "sync":
            published = self.commit("preprod")
            self.landed("preprod", "direct")
            repo.branch("preprod", self.parents[published][0])
            self.commit("preprod", committer=ANN)
            self.merge(
                "preprod", published, "Merge branch 'preprod' of github.com:acme/shop into preprod", committer=ANN
            )
            self.landed("preprod", "sync", "preprod")
        else:
            source, target = {
                "to uat": ("integration", "uat"),
                "to preprod": ("uat", "preprod"),
                "to production": ("preprod", "production"),
                "back to integration": ("preprod", "integration"),
            }[step]
            return self.promote(source, target, subject)
        return True


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from(SUBJECTS)), min_size=6, max_size=20))
def test_what_a_team_did_is_read_back(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str]]) -> None:
    team = Team(RepoBuilder(tmp_path_factory.mktemp("team") / "repo"))
    team.begin()
    for step, subject in steps:
        if team.take(step, subject):
            note(f"{step}: {subject}")
            event(step)
    team.repo.finish()
    with Repository(team.repo.path) as repository:
        history = read_history(repository, Topology.build_run())
    for branch, truth in team.truth.items():
        found = [(landing.kind, landing.sha, landing.source) for landing in history.landings[branch]]
        if any(kind == "fast-forward" for kind, _, _ in truth):
            # Where a branch stood between fast-forwards is known only as far as something else tells of it.
            places = {sha for _, sha, _ in truth}
            assert {sha for _, sha, _ in found} <= places
            assert found[-1][1] == truth[-1][1]
            own = [landing for landing in truth if landing[0] not in ("fast-forward", "created")]
            assert [landing for landing in found if landing[0] not in ("fast-forward", "created")] == own
        else:
            assert found == truth
        for landing in history.landings[branch][1:]:
            before = landing.before
            assert before is not None
            expected = git(team.repo.path, "rev-list", f"^{before}", landing.sha).split()
            assert sorted(landing.commits) == sorted(expected)
    changes = read_changes(history)
    # Nothing is lost and nothing is counted twice: each commit is part of one change.
    held = [sha for change in changes for sha in change.commits]
    assert sorted(held) == sorted(commit.sha for commit in history.graph.commits)
    for change in changes:
        arrival = history.arrival(change.branch, Sha(change.commits[-1]))
        assert arrival is not None
        assert arrival.sha == change.landing
