from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from support.repos import START, RepoBuilder

from branchsim.git.merge import merge_many
from branchsim.git.repository import Repository
from branchsim.history import (
    changes_frame,
    promotions_frame,
    read_changes,
    read_history,
    read_promotions,
    with_merge_parts,
)
from branchsim.names import Sha
from branchsim.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from branchsim.history import Changes, History, Promotion


@contextlib.contextmanager
def reading(repo: RepoBuilder, topology: Topology) -> Iterator[tuple[Repository, History, Changes]]:
    repo.finish()
    with Repository(repo.path) as repository:
        history = read_history(repository, topology)
        yield repository, history, read_changes(history)


def promotions(repo: RepoBuilder, topology: Topology) -> tuple[Promotion, ...]:
    with reading(repo, topology) as (repository, history, changes):
        return read_promotions(repository, history, changes)


@pytest.fixture
def repo(tmp_path: Path) -> RepoBuilder:
    builder = RepoBuilder(tmp_path / "repo")
    builder.commit("integration", {"a": "1\n", "b": "1\n", "c": "1\n"}, subject="Begin")
    for name in ("uat", "preprod", "production"):
        builder.branch(name, "integration")
    return builder


BUILD_RUN = Topology.build_run()


def test_a_change_lands_once_and_is_carried_afterwards(repo: RepoBuilder) -> None:
    repo.branch("feature/x", "integration")
    one = repo.commit("feature/x", {"x": "1\n"}, subject="One [ABC-7]")
    two = repo.commit("feature/x", {"x": "2\n"}, subject="Two")
    landed = repo.merge(into="integration", source="feature/x")
    up = repo.merge(into="uat", source="integration")
    onward = repo.merge(into="preprod", source="uat")
    with reading(repo, BUILD_RUN) as (_, history, changes):
        (feature,) = (change for change in changes if change.id == landed)
        assert feature.commits == (one, two, landed)
        assert (feature.branch, feature.family, feature.author) == ("integration", "feature/*", "Ann Author")
        assert feature.references == ("ABC-7",)
        begin = history.commit(history.landings["integration"][0].sha)
        assert feature.trees == (begin.tree, history.commit(Sha(landed)).tree)
        assert changes.of_commit(Sha(one)) is feature
        for branch, tip in (("uat", up), ("preprod", onward)):
            landing = history.landing(branch, Sha(tip))
            assert landing is not None
            assert feature in changes.carried(landing.commits)
            # The promoting merge is itself new, but only as far as it does more than git would have done.
            assert [(change.id, change.merge_part) for change in changes.of_landing(landing)] == [(tip, True)]


def test_a_hotfix_is_one_change_although_it_is_merged_twice(repo: RepoBuilder) -> None:
    repo.branch("hotfix/h", "preprod")
    fix = repo.commit("hotfix/h", {"b": "2\n"}, subject="Fix")
    landed = repo.merge(into="preprod", source="hotfix/h")
    repo.commit("integration", {"a": "2\n"}, subject="Work")
    repo.merge(into="integration", source="hotfix/h")
    with reading(repo, BUILD_RUN) as (_, _, changes):
        holding = [change for change in changes if fix in change.commits]
        assert [(change.id, change.branch) for change in holding] == [(landed, "preprod")]


def test_commits_without_one_that_stands_for_them_are_changes_of_their_own(repo: RepoBuilder) -> None:
    written = START + 500_000
    one = repo.commit("integration", {"x": "1\n"}, subject="One", at=START + 10, committed_at=written)
    two = repo.commit("integration", {"y": "1\n"}, subject="Two", at=START + 20, committed_at=written + 1)
    with reading(repo, BUILD_RUN) as (_, history, changes):
        assert [change.commits for change in changes][-2:] == [(one,), (two,)]
        last = changes.all[-1]
        assert (last.landing, last.kind) == (two, "rebase")
        assert last.trees == (history.commit(Sha(one)).tree, history.commit(Sha(two)).tree)


def test_local_commits_and_merges_of_a_sync_are_told_apart(repo: RepoBuilder) -> None:
    ann = "Ann <ann@example.com>"
    base = repo["preprod"]
    repo.branch("local", base)
    direct = repo.commit("local", {"a": "2\n"}, subject="Local", committer=ann)
    repo.branch("hotfix/h", base)
    fix = repo.commit("hotfix/h", {"b": "2\n"}, subject="Fix")
    merged = repo.merge(into="local", source="hotfix/h", subject="Merge branch 'hotfix/h' into preprod", committer=ann)
    published = repo.commit("preprod", {"c": "2\n"}, subject="Published")
    repo.branch("preprod", "local")
    sync = repo.merge(
        into="preprod", source=published, subject="Merge branch 'preprod' of acme:shop into preprod", committer=ann
    )
    with reading(repo, BUILD_RUN) as (_, history, changes):
        landing = history.landings["preprod"][-1]
        assert (landing.sha, landing.kind) == (sync, "sync")
        units = {change.id: (change.commits, change.merge_part) for change in changes.of_landing(landing)}
        assert units == {direct: ((direct,), False), merged: ((fix, merged), False), sync: ((sync,), True)}


def test_every_commit_belongs_to_exactly_one_change(repo: RepoBuilder) -> None:
    repo.branch("hotfix/h", "preprod")
    repo.commit("hotfix/h", {"b": "2\n"})
    repo.merge(into="preprod", source="hotfix/h")
    repo.commit("integration", {"a": "2\n"})
    repo.merge(into="integration", source="hotfix/h")
    repo.merge(into="uat", source="integration")
    repo.branch("production", "preprod")
    with reading(repo, BUILD_RUN) as (_, history, changes):
        commits = [sha for change in changes for sha in change.commits]
        assert sorted(commits) == sorted(commit.sha for commit in history.graph.commits)


def test_a_revert_names_what_it_reverts(repo: RepoBuilder) -> None:
    work = repo.commit("integration", {"a": "2\n"}, subject="Work")
    undone = repo.revert(into="integration", commit=work)
    with reading(repo, BUILD_RUN) as (_, _, changes):
        assert changes.all[-1].id == undone
        assert changes.all[-1].reverts == (work,)
        assert changes.all[-2].reverts == ()


def test_what_a_merge_did_of_its_own_is_a_change(repo: RepoBuilder) -> None:
    repo.branch("feature/clean", "integration")
    repo.commit("feature/clean", {"x": "1\n"})
    clean = repo.merge(into="integration", source="feature/clean")
    repo.branch("feature/evil", "integration")
    repo.commit("feature/evil", {"y": "1\n"})
    evil = repo.merge(into="integration", source="feature/evil", files={"y": "1\n", "b": "lost\n"})
    promoted = repo.merge(into="uat", source="integration")
    with reading(repo, BUILD_RUN) as (repository, history, changes):
        merges = [Sha(sha) for sha in (clean, evil, promoted)]
        pairs = [(history.commit(sha).parents[0], history.commit(sha).parents[1]) for sha in merges]
        results = merge_many(repository.scratch, pairs)
        automatic = {sha: result.tree for sha, result in zip(merges, results, strict=True)}
        settled = with_merge_parts(changes, automatic)
        parts = [change for change in settled if change.merge_part]
        assert [(change.id, change.commits) for change in parts] == [(evil, (evil,))]
        assert parts[0].trees == (automatic[Sha(evil)], history.commit(Sha(evil)).tree)
        assert parts[0].trees[0] != parts[0].trees[1]
        # The change of the whole landing is still there, and is what a commit is known by.
        whole = settled.of_commit(Sha(evil))
        assert whole is not None
        assert not whole.merge_part


def test_the_title_of_a_pull_request_is_the_subject_of_its_change(repo: RepoBuilder) -> None:
    repo.branch("hotfix/h", "preprod")
    repo.commit("hotfix/h", {"b": "2\n"})
    repo.merge(into="preprod", source="hotfix/h", message="Merge pull request #4 from acme/hotfix/h\n\nStop the leak\n")
    with reading(repo, BUILD_RUN) as (_, _, changes):
        assert (changes.all[-1].subject, changes.all[-1].pr) == ("Stop the leak", 4)


def test_promotions_and_releases(repo: RepoBuilder) -> None:
    repo.branch("feature/x", "integration")
    repo.commit("feature/x", {"x": "1\n"})
    feature = repo.merge(into="integration", source="feature/x")
    repo.merge(into="uat", source="integration")
    repo.merge(into="preprod", source="uat")
    released = repo.merge(into="production", source="preprod")
    repo.tag("v1.0", released)
    repo.branch("hotfix/h", "preprod")
    repo.commit("hotfix/h", {"b": "2\n"})
    fix = repo.merge(into="preprod", source="hotfix/h")
    patched = repo.merge(into="production", source="preprod")
    repo.tag("v1.0.1", patched, message="Patch")
    repo.merge(into="integration", source="hotfix/h")
    table = promotions(repo, BUILD_RUN)
    made = [each for each in table if each.kind != "created"]
    assert [(each.source, each.branch, each.release, each.version) for each in made] == [
        ("integration", "uat", False, None),
        ("uat", "preprod", False, None),
        ("preprod", "production", True, "v1.0"),
        ("preprod", "production", True, "v1.0.1"),
    ]
    assert feature in made[0].changes
    assert feature in made[2].changes
    assert fix in made[3].changes
    assert feature not in made[3].changes
    assert [each.at for each in table] == sorted(each.at for each in table)


def test_tags_are_the_releases_of_a_trunk(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    shas = [repo.commit("main", {"a": f"{number}\n"}) for number in range(6)]
    repo.tag("v1", shas[1])
    repo.tag("v2", shas[4], message="Two")
    repo.tag("nightly", shas[5])
    made = promotions(repo, Topology.trunk())
    assert [(each.kind, each.version, each.commits, each.release) for each in made] == [
        ("tag", "v1", tuple(shas[:2]), True),
        ("tag", "v2", tuple(shas[2:5]), True),
    ]


def test_a_release_branch_carries_what_came_since_the_one_before(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a": "0\n"})
    repo.branch("release/1.0", "main")
    repo.commit("release/1.0", {"r": "1\n"})
    new = [repo.commit("main", {"a": f"{number}\n"}) for number in (1, 2)]
    repo.branch("release/2.0", "main")
    tagged = repo.commit("release/2.0", {"r": "2\n"})
    repo.tag("v2.0.0", tagged)
    repo.commit("main", {"a": "3\n"})
    made = promotions(repo, Topology.release_train())
    assert [(each.branch, each.kind, each.commits, each.release, each.version) for each in made] == [
        ("release/1.0", "created", (), True, None),
        ("release/2.0", "created", tuple(new), False, "v2.0.0"),
        ("release/2.0", "tag", (tagged,), True, "v2.0.0"),
    ]


def test_gitflow_releases_come_by_a_family(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a": "0\n"})
    repo.branch("develop", "main")
    work = repo.commit("develop", {"a": "1\n"})
    repo.branch("release/1.0", "develop")
    polish = repo.commit("release/1.0", {"b": "1\n"})
    released = repo.merge(into="main", source="release/1.0")
    repo.merge(into="develop", source="release/1.0")
    (made,) = (each for each in promotions(repo, Topology.gitflow()) if each.kind == "merge")
    assert (made.branch, made.source, made.landing, made.release) == ("main", "release/1.0", released, True)
    assert set(made.commits) == {work, polish, released}


def test_the_tables_have_fixed_columns(repo: RepoBuilder) -> None:
    repo.merge(into="uat", source=repo.commit("integration", {"a": "2\n"}))
    with reading(repo, BUILD_RUN) as (repository, history, changes):
        made = read_promotions(repository, history, changes)
    assert len(changes_frame(changes)) == len(changes)
    assert changes_frame(changes).dtypes.equals(changes_frame(()).dtypes)
    assert promotions_frame(made).dtypes.equals(promotions_frame(()).dtypes)
    assert len(promotions_frame(made)) == len(made) > 0
