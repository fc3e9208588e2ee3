from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from support.repos import START, RepoBuilder, git

from branchsim.errors import UnknownBranchError
from branchsim.git.repository import Repository
from branchsim.history import landings_frame, read_history
from branchsim.topology import Branch, Flow, Topology

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from branchsim.history import History

BUILD_RUN = Topology.build_run()
ANN = "Ann <ann@example.com>"
BOB = "Bob <bob@example.com>"


@contextlib.contextmanager
def replay(repo: RepoBuilder, topology: Topology = BUILD_RUN, **options: int | None) -> Iterator[History]:
    repo.finish()
    with Repository(repo.path) as repository:
        yield read_history(repository, topology, **options)  # type: ignore[arg-type]


@pytest.fixture
def repo(tmp_path: Path) -> RepoBuilder:
    """Four branches on one first commit, made on integration."""
    builder = RepoBuilder(tmp_path / "repo")
    builder.commit("integration", {"a": "1\n", "b": "1\n", "c": "1\n"}, subject="Begin")
    for name in ("uat", "preprod", "production"):
        builder.branch(name, "integration")
    return builder


def story(history: History, branch: str) -> list[tuple[str, str | None, str]]:
    """The landings of a branch as (kind, source, subject)."""
    return [(landing.kind, landing.source, landing.subject) for landing in history.landings[branch]]


def shas(history: History, branch: str) -> list[str]:
    return [landing.sha for landing in history.landings[branch]]


def test_each_ordinary_kind_is_told(repo: RepoBuilder) -> None:
    repo.branch("feature/x", "integration")
    work = repo.commit("feature/x", {"x": "1\n"}, subject="Work on x")
    more = repo.commit("feature/x", {"x": "2\n"}, subject="More of x")
    merged = repo.merge(into="integration", source="feature/x")
    squashed = repo.commit("integration", {"y": "1\n"}, subject="Add y (#12)")
    direct = repo.commit("integration", {"z": "1\n"}, subject="Add z by hand")
    undone = repo.revert(into="integration", commit=direct)
    with replay(repo) as history:
        *_, merge, squash, hand, revert = history.landings["integration"]
        assert (merge.kind, merge.source, merge.family, merge.commits) == (
            "merge", "feature/x", "feature/*", (work, more, merged),
        )  # fmt: skip
        assert not merge.source_inferred
        assert (squash.kind, squash.pr, squash.sha) == ("squash", 12, squashed)
        assert (hand.kind, hand.sha, hand.commits) == ("direct", direct, (direct,))
        assert (revert.kind, revert.sha) == ("revert", undone)
        assert [landing.before for landing in history.landings["integration"]][1:] == shas(history, "integration")[:-1]


def test_the_first_commit_is_a_landing_and_branches_made_from_it_are_created(repo: RepoBuilder) -> None:
    with replay(repo) as history:
        root = history.landings["integration"][0]
        assert (root.kind, root.before, root.commits) == ("direct", None, (root.sha,))
        made = history.landings["preprod"][0]
        assert (made.kind, made.source, made.commits, made.sha) == ("created", "integration", (), root.sha)
        assert made.flow == "promote"


def test_a_pick_is_told_by_its_trailer_and_without_one(repo: RepoBuilder) -> None:
    fix = repo.commit("integration", {"a": "fixed\n"}, subject="Fix a", at=START + 50)
    other = repo.commit("integration", {"b": "fixed\n"}, subject="Fix b")
    plain = repo.pick(into="preprod", commit=fix)
    trailed = repo.pick(into="preprod", commit=other, trailer=True)
    with replay(repo) as history:
        *_, one, two = history.landings["preprod"]
        assert [(one.kind, one.source, one.sha), (two.kind, two.source, two.sha)] == [
            ("cherry-pick", "integration", plain),
            ("cherry-pick", "integration", trailed),
        ]
        assert one.source_inferred
        # Between integration and preprod promotions lead through uat: a pick skips that.
        assert one.flow == "promote"


def test_a_promotion_by_merge_and_a_retrofit_carry_their_flow(repo: RepoBuilder) -> None:
    work = repo.commit("integration", {"a": "2\n"}, subject="Work")
    up = repo.merge(into="uat", source="integration")
    repo.branch("hotfix/h", "preprod")
    fix = repo.commit("hotfix/h", {"b": "2\n"}, subject="Fix")
    landed = repo.merge(into="preprod", source="hotfix/h")
    back = repo.merge(into="integration", source="hotfix/h")
    with replay(repo) as history:
        promotion = history.landings["uat"][-1]
        assert (promotion.kind, promotion.source, promotion.flow) == ("merge", "integration", "promote")
        assert promotion.commits == (work, up)
        hotfix = history.landings["preprod"][-1]
        assert (hotfix.sha, hotfix.family, hotfix.flow) == (landed, "hotfix/*", None)
        retrofit = history.landings["integration"][-1]
        assert (retrofit.sha, retrofit.family, retrofit.flow, retrofit.commits) == (
            back, "hotfix/*", "retrofit", (fix, back),
        )  # fmt: skip
        arrived = history.arrival("integration", fix)  # type: ignore[arg-type]
        assert arrived is not None
        assert arrived.sha == back
        assert history.arrival("production", fix) is None  # type: ignore[arg-type]


def test_a_fast_forward_promotion_is_one_landing_of_the_branch_that_moved(repo: RepoBuilder) -> None:
    one = repo.commit("integration", {"a": "2\n"}, subject="One")
    two = repo.commit("integration", {"a": "3\n"}, subject="Two")
    repo.branch("uat", "integration")
    repo.commit("integration", {"a": "4\n"}, subject="Three")
    with replay(repo) as history:
        # Nothing says where uat stood before, so what it was made from is not told apart from where it was moved.
        assert shas(history, "integration")[-3:-1] == [one, two]
        last = history.landings["uat"][-1]
        assert (last.sha, last.source, last.source_inferred, last.flow) == (two, "integration", True, "promote")


def test_fast_forwards_between_known_positions_are_separate_landings(repo: RepoBuilder) -> None:
    one = repo.commit("integration", {"a": "2\n"}, subject="One")
    repo.branch("uat", "integration")
    repo.merge(into="preprod", source="uat")
    two = repo.commit("integration", {"a": "3\n"}, subject="Two")
    three = repo.commit("integration", {"a": "4\n"}, subject="Three")
    repo.branch("uat", "integration")
    repo.merge(into="preprod", source="uat")
    repo.commit("integration", {"a": "5\n"}, subject="Four")
    with replay(repo) as history:
        *_, first, second = history.landings["uat"]
        assert first.sha == one
        assert (second.kind, second.sha, second.before, second.commits) == ("fast-forward", three, one, (two, three))
        assert second.flow == "promote"
        assert [kind for kind, _, _ in story(history, "preprod")] == ["created", "merge", "merge"]
        assert all(landing.source == "uat" for landing in history.landings["preprod"][1:])


def test_a_branch_fast_forwarded_to_a_promotion_target_does_not_take_its_line(repo: RepoBuilder) -> None:
    """After a release integration has nothing of its own: merging preprod back moves it onto preprod's merges."""
    repo.commit("integration", {"a": "2\n"}, subject="Work")
    repo.branch("uat", "integration")
    promoted = repo.merge(into="preprod", source="uat")
    repo.branch("hotfix/h", "preprod")
    repo.commit("hotfix/h", {"b": "2\n"}, subject="Fix")
    landed = repo.merge(into="preprod", source="hotfix/h", subject="Merge pull request #7 from acme/hotfix/h")
    repo.branch("integration", "preprod")
    after = repo.commit("integration", {"c": "2\n"}, subject="Next work")
    with replay(repo) as history:
        assert shas(history, "preprod")[-2:] == [promoted, landed]
        *_, moved, last = history.landings["integration"]
        assert (moved.kind, moved.sha, moved.source, moved.flow) == ("fast-forward", landed, "preprod", "retrofit")
        assert (last.kind, last.sha) == ("direct", after)
        assert promoted not in shas(history, "integration")


def test_a_sync_keeps_the_published_line_and_brings_the_local_commits(repo: RepoBuilder) -> None:
    base = repo["preprod"]
    local = repo.commit("local", {"a": "2\n"}, subject="Local", parents=[base], committer=ANN)
    published = repo.commit("preprod", {"b": "2\n"}, subject="Published", committer=BOB)
    repo.branch("preprod", local)
    sync = repo.merge(
        into="preprod",
        source=published,
        subject="Merge branch 'preprod' of github.com:acme/shop into preprod",
        committer=ANN,
    )
    with replay(repo) as history:
        *_, before, last = history.landings["preprod"]
        assert (before.sha, before.kind) == (published, "direct")
        assert (last.kind, last.source, last.before, last.commits) == ("sync", "preprod", published, (local, sync))
        assert last.flow is None


def test_a_branch_of_the_same_name_in_somebodys_copy_is_a_source_not_a_sync(repo: RepoBuilder) -> None:
    theirs = repo.commit("copy", {"a": "2\n"}, subject="Theirs", parents=[repo["preprod"]], committer=BOB)
    own = repo.commit("preprod", {"b": "2\n"}, subject="Ours", committer=BOB)
    merged = repo.merge(
        into="preprod",
        source="copy",
        subject="Merge branch 'preprod' of github.com:bob/shop into preprod",
        committer=ANN,
    )
    with replay(repo) as history:
        last = history.landings["preprod"][-1]
        assert (last.sha, last.kind, last.before, last.commits) == (merged, "merge", own, (theirs, merged))
        assert last.source == "github.com:bob/shop:preprod"
        assert last.flow is None


def test_a_merge_made_the_wrong_way_round_keeps_the_line_of_the_branch(repo: RepoBuilder) -> None:
    ours = repo.commit("preprod", {"b": "2\n"}, subject="Ours")
    repo.branch("fix/x", "integration")
    work = repo.commit("fix/x", {"a": "2\n"}, subject="Work")
    foxtrot = repo.merge(into="fix/x", source="preprod", subject="Merge branch 'preprod' into fix/x")
    repo.branch("preprod", "fix/x")
    with replay(repo) as history:
        *_, before, last = history.landings["preprod"]
        assert before.sha == ours
        assert (last.kind, last.source, last.before, last.commits) == ("merge", "fix/x", ours, (work, foxtrot))
        assert any("wrong way round" in note for note in last.inferred)


def test_a_former_release_is_not_taken_for_a_work_branch_that_a_newer_one_was_moved_to(tmp_path: Path) -> None:
    """Each release is made from the one before, which is deleted later: merges into it say its name."""
    topology = Topology(
        (Branch("5.0.x", layer="BUILD"), Branch("4.2.x", layer="RUN"), Branch("3.9.x", layer="RUN")),
        (
            Flow("promote", source="5.0.x", target="4.2.x"),
            Flow("promote", source="5.0.x", target="3.9.x"),
            Flow("retrofit", source="3.9.x", target="4.2.x"),
            Flow("retrofit", source="4.2.x", target="5.0.x"),
        ),
    )
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("3.9.x", {"a": "1\n"}, subject="Start")
    repo.branch("work", "3.9.x")
    own = repo.commit("work", {"b": "1\n"}, subject="New in 4")
    repo.commit("3.9.x", {"a": "2\n"}, subject="Fix")
    merged = repo.merge(into="work", source="3.9.x", subject="Merge branch '3.9.x' into 4.1.x")
    for name in ("4.2.x", "5.0.x"):
        repo.branch(name, "work")
        repo.commit(name, {f"in {name}": "1\n"}, subject=f"New in {name}")
    with replay(repo, topology) as history:
        line = shas(history, "5.0.x")
        assert line[line.index(merged) - 1] == own


def test_two_branches_joined_the_wrong_way_round_are_told_apart(repo: RepoBuilder) -> None:
    """preprod was merged into integration, then fast-forwarded onto it: a foxtrot that promotes by accident."""
    fix = repo.commit("preprod", {"b": "2\n"}, subject="Fix")
    work = repo.commit("integration", {"a": "2\n"}, subject="Work")
    joined = repo.merge(into="integration", source="preprod")
    repo.branch("preprod", "integration")
    with replay(repo) as history:
        assert shas(history, "integration")[-2:] == [work, joined]
        *_, before, last = history.landings["preprod"]
        assert before.sha == fix
        assert (last.kind, last.sha, last.source, last.before) == ("fast-forward", joined, "integration", fix)
        assert set(last.commits) == {work, joined}


def test_a_branch_that_is_created_anew_for_every_release_keeps_its_earlier_life(tmp_path: Path) -> None:
    topology = Topology(
        (Branch("develop", layer="BUILD"), Branch("release", layer="RUN"), Branch("main", layer="RUN")),
        (
            Flow("promote", source="develop", target="release"),
            Flow("promote", source="release", target="main"),
            Flow("retrofit", source="release", target="develop"),
        ),
    )
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("develop", {"a": "1\n", "b": "1\n"}, subject="Begin")
    repo.branch("main", "develop")
    repo.branch("release", "develop")
    fix = repo.commit("release", {"b": "2\n"}, subject="Fix in release 1")
    repo.merge(into="main", source="release")
    work = repo.commit("develop", {"a": "2\n"}, subject="Work for release 2")
    repo.branch("release", "develop")
    second = repo.commit("release", {"a": "3\n"}, subject="Fix in release 2")
    with replay(repo, topology) as history:
        assert [(landing.kind, landing.sha) for landing in history.landings["release"]][-3:] == [
            ("direct", fix),
            ("force-push", work),
            ("direct", second),
        ]
        anew = history.landings["release"][-2]
        assert (anew.source, anew.before) == ("develop", fix)
        assert any("created anew" in note for note in anew.inferred)


def test_the_trunk_keeps_what_it_had_before_its_develop_branch_was_made(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    old = [repo.commit("main", {"a": f"{number}\n"}, subject=f"Old {number}") for number in range(5)]
    repo.branch("develop", "main")
    for number in range(15):
        repo.commit("develop", {"b": f"{number}\n"}, subject=f"New {number}")
        repo.merge(into="main", source="develop", subject=f"Merge pull request #{number} from acme/develop")
    with replay(repo, Topology.gitflow()) as history:
        assert shas(history, "main")[:5] == old
        assert [landing.flow for landing in history.landings["main"][5:]] == ["promote"] * 15
        assert history.landings["develop"][0].kind == "created"
        assert history.landings["develop"][0].sha == old[-1]


def test_tags_say_where_a_branch_stood_that_only_follows(tmp_path: Path) -> None:
    topology = Topology(
        (Branch("main", layer="BUILD"), Branch("production", layer="RUN")),
        (Flow("promote", source="main", target="production"),),
        release_tags="v*",
    )
    repo = RepoBuilder(tmp_path / "repo")
    commits = [repo.commit("main", {"a": f"{number}\n"}, subject=f"Work {number}") for number in range(9)]
    repo.tag("v1", commits[2])
    repo.tag("v2", commits[5], message="Two")
    repo.branch("production", commits[7])
    with replay(repo, topology) as history:
        assert [(landing.kind, landing.sha) for landing in history.landings["production"]] == [
            ("created", commits[2]),
            ("fast-forward", commits[5]),
            ("fast-forward", commits[7]),
        ]
        assert history.landings["production"][1].commits == tuple(commits[3:6])


def test_the_source_of_a_merge_that_says_nothing_is_concluded(repo: RepoBuilder) -> None:
    repo.branch("kept", "integration")
    repo.commit("kept", {"x": "1\n"}, subject="Work")
    repo.merge(into="integration", source="kept", subject="Land it")
    repo.commit("preprod", {"b": "2\n"}, subject="Fix")
    repo.merge(into="integration", source="preprod", subject="Bring it back")
    with replay(repo) as history:
        *_, short, long = history.landings["integration"]
        assert (short.source, short.source_inferred) == ("kept", True)
        assert (long.source, long.source_inferred, long.flow) == ("preprod", True, "retrofit")


def test_pull_refs_give_the_number_of_a_pull_request(repo: RepoBuilder) -> None:
    repo.branch("topic", "integration")
    work = repo.commit("topic", {"x": "1\n"}, subject="Work")
    repo.branch("refs/pull/31/head", work)
    repo.delete("topic")
    repo.merge(into="integration", source=work, subject="Land it")
    with replay(repo) as history:
        last = history.landings["integration"][-1]
        assert (last.kind, last.pr) == ("merge", 31)


def test_a_deleted_branch_is_known_by_the_merge(repo: RepoBuilder) -> None:
    repo.branch("hotfix/gone", "preprod")
    repo.commit("hotfix/gone", {"x": "1\n"}, subject="Fix")
    repo.merge(into="preprod", source="hotfix/gone")
    repo.delete("hotfix/gone")
    with replay(repo) as history:
        last = history.landings["preprod"][-1]
        assert (last.source, last.family) == ("hotfix/gone", "hotfix/*")


def test_commits_that_one_rebase_wrote_are_one_landing(repo: RepoBuilder) -> None:
    written = START + 500_000
    one = repo.commit("integration", {"x": "1\n"}, subject="One", at=START + 10, committed_at=written)
    two = repo.commit("integration", {"x": "2\n"}, subject="Two", at=START + 20, committed_at=written + 1)
    hand = repo.commit("integration", {"x": "3\n"}, subject="Three", at=written + 60, committed_at=written + 60)
    with replay(repo) as history:
        *_, rebased, last = history.landings["integration"]
        assert (rebased.kind, rebased.commits, rebased.sha) == ("rebase", (one, two), two)
        assert (last.kind, last.sha, last.before) == ("direct", hand, two)


def test_an_octopus_is_one_merge(repo: RepoBuilder) -> None:
    for name in ("feature/a", "feature/b"):
        repo.branch(name, "integration")
        repo.commit(name, {name: "1\n"}, subject=f"Work on {name}")
    repo.merge(
        into="integration",
        source=["feature/a", "feature/b"],
        files={"feature/a": "1\n", "feature/b": "1\n"},
        subject="Merge branches 'feature/a' and 'feature/b' into integration",
    )
    with replay(repo) as history:
        last = history.landings["integration"][-1]
        assert (last.kind, last.source, len(last.commits)) == ("merge", "feature/a", 3)


def test_until_gives_the_state_as_of_then(repo: RepoBuilder) -> None:
    early = repo.commit("integration", {"a": "2\n"}, subject="Early", at=START + 20_000)
    repo.merge(into="uat", source="integration", at=START + 30_000)
    repo.commit("integration", {"a": "3\n"}, subject="Late", at=START + 90_000)
    repo.merge(into="uat", source="integration", at=START + 95_000)
    with replay(repo, until=START + 50_000) as then, replay(repo) as now:
        assert then.tip("integration") == early
        assert len(then.landings["uat"]) == len(now.landings["uat"]) - 1
        assert then.landings["uat"] == now.landings["uat"][:-1]
        late = now.landings["integration"][-1].sha
        assert then.arrival("uat", late) is None
        assert then.arrival("integration", late) is None
    with replay(repo, until=START) as before:
        assert before.tip("uat") is None
        assert list(before) == []


def test_since_chooses_what_is_listed_and_nothing_else(repo: RepoBuilder) -> None:
    repo.commit("integration", {"a": "2\n"}, subject="Early", at=START + 20_000)
    late = repo.commit("integration", {"a": "3\n"}, subject="Late", at=START + 90_000)
    with replay(repo, since=START + 50_000) as history:
        assert [landing.sha for landing in history] == [late]
        assert len(history.landings["integration"]) == 3


def test_one_wrong_clock_moves_one_landing_only(repo: RepoBuilder) -> None:
    repo.commit("integration", {"a": "2\n"}, subject="One", at=START + 20_000)
    repo.commit("integration", {"a": "3\n"}, subject="From the future", at=START + 10**8)
    repo.commit("integration", {"a": "4\n"}, subject="Two", at=START + 30_000)
    repo.commit("integration", {"a": "5\n"}, subject="From the past", at=1000)
    repo.commit("integration", {"a": "6\n"}, subject="Three", at=START + 40_000)
    with replay(repo) as history:
        times = {landing.subject: landing.at for landing in history.landings["integration"]}
        assert (times["One"], times["Two"], times["Three"]) == (START + 20_000, START + 30_000, START + 40_000)
        assert START + 20_000 <= times["From the future"] <= START + 30_000
        assert START + 30_000 <= times["From the past"] <= START + 40_000
        wrong = [landing.subject for landing in history.landings["integration"] if landing.inferred]
        assert wrong == ["From the future", "From the past"]


def test_a_branch_that_does_not_exist_is_named_with_its_nearest(repo: RepoBuilder) -> None:
    repo.finish()
    with (
        Repository(repo.path) as repository,
        pytest.raises(UnknownBranchError, match=r"'production2' does not exist .* 'production'"),
    ):
        read_history(repository, Topology.build_run(production="production2"))


def test_a_clone_without_local_branches_is_read_from_its_remote(repo: RepoBuilder, tmp_path: Path) -> None:
    repo.commit("preprod", {"b": "2\n"}, subject="Fix")
    repo.finish()
    git(tmp_path, "clone", "-q", "--branch", "integration", str(repo.path), "clone")
    git(tmp_path / "clone", "checkout", "-q", "--detach")
    git(tmp_path / "clone", "branch", "-D", "integration")
    with Repository(tmp_path / "clone") as clone, replay(repo) as history:
        other = read_history(clone, BUILD_RUN)
        assert other.landings == history.landings


def test_a_stale_local_branch_gives_way_to_the_published_one(repo: RepoBuilder, tmp_path: Path) -> None:
    repo.finish()
    git(tmp_path, "clone", "-q", "--branch", "preprod", str(repo.path), "clone")
    fix = repo.commit("preprod", {"b": "2\n"}, subject="Fix")
    repo.finish()
    git(tmp_path / "clone", "fetch", "-q")
    with Repository(tmp_path / "clone") as clone:
        history = read_history(clone, BUILD_RUN)
    assert history.tip("preprod") == fix
    assert any("preprod is read from refs/remotes/origin/preprod" in note for note in history.notes)


def test_a_ref_that_cannot_be_read_is_told(repo: RepoBuilder) -> None:
    (repo.finish() / ".git/refs/heads/lost").touch()
    with Repository(repo.path) as repository:
        history = read_history(repository, BUILD_RUN)
    assert any("git cannot read refs/heads/lost" in note for note in history.notes)


def test_a_shallow_clone_begins_at_its_cut(repo: RepoBuilder, tmp_path: Path) -> None:
    for number in range(5):
        repo.commit("integration", {"a": f"{number}\n"}, subject=f"Work {number}")
    repo.finish()
    git(tmp_path, "clone", "-q", "--depth", "2", "--branch", "integration", f"file://{repo.path}", "clone")
    topology = Topology((Branch("integration", layer="BUILD", direct=True),))
    with Repository(tmp_path / "clone") as clone:
        history = read_history(clone, topology)
    first, second = history.landings["integration"]
    assert (first.kind, second.kind) == ("created", "direct")
    assert any("cut off" in note for note in first.inferred)
    assert any("shallow" in note for note in history.notes)


def test_the_order_of_refs_and_commits_changes_nothing(repo: RepoBuilder, tmp_path: Path) -> None:
    repo.commit("integration", {"a": "2\n"}, subject="Work")
    repo.merge(into="uat", source="integration")
    repo.commit("preprod", {"b": "2\n"}, subject="Fix")
    repo.merge(into="integration", source="preprod")
    repo.finish()
    backwards = tmp_path / "backwards"
    git(tmp_path, "init", "-q", "--bare", str(backwards))
    for name in ("uat", "production", "preprod", "integration"):
        git(backwards, "fetch", "-q", str(repo.path), f"refs/heads/{name}:refs/heads/{name}")
    with replay(repo) as history, Repository(backwards) as other:
        again = read_history(other, BUILD_RUN)
        assert again.landings == history.landings
        shuffled = read_history(other, BUILD_RUN, commits=reversed(history.graph.commits))
        assert shuffled.landings == history.landings


def test_patterns_are_bound_to_the_branches_that_exist(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a": "1\n"}, subject="Begin")
    for version in ("1.9", "1.10"):
        repo.commit("main", {"a": f"{version}\n"}, subject=f"Work for {version}")
        repo.branch(f"release/{version}", "main")
        repo.commit(f"release/{version}", {"b": f"{version}\n"}, subject=f"Fix {version}")
    repo.commit("main", {"a": "next\n"}, subject="Go on")
    with replay(repo, Topology.release_train()) as history:
        assert list(history.landings) == ["main", "release/1.9", "release/1.10"]
        assert story(history, "release/1.10") == [
            ("created", "main", "Work for 1.10"),
            ("direct", None, "Fix 1.10"),
        ]


def test_the_table_has_fixed_columns_and_is_ascending(repo: RepoBuilder) -> None:
    repo.commit("integration", {"a": "2\n"}, subject="Work")
    repo.merge(into="uat", source="integration")
    with replay(repo) as history:
        table = landings_frame(history)
        empty = landings_frame(())
        assert list(table.columns) == list(empty.columns)
        assert table.dtypes.equals(empty.dtypes)
        assert str(table.dtypes["landed_at"]) == "datetime64[ns, UTC]"
        assert table["landed_at"].is_monotonic_increasing
        assert set(table["branch"]) == {"integration", "uat", "preprod", "production"}
        table.loc[0, "branch"] = "changed"
        assert landings_frame(history)["branch"][0] != "changed"


def test_a_target_in_the_subject_says_whose_a_shared_merge_is(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a": "1\n"}, subject="Begin")
    repo.branch("develop", "main")
    repo.branch("topic", "main")
    repo.commit("topic", {"b": "1\n"}, subject="Topic")
    landed = repo.merge(into="main", source="topic", subject="Merge branch 'topic' into main")
    repo.branch("develop", "main")
    repo.commit("develop", {"c": "1\n"}, subject="Next")
    with replay(repo, Topology.gitflow()) as history:
        assert shas(history, "main")[-1] == landed
        assert (history.landings["main"][-1].kind, history.landings["main"][-1].source) == ("merge", "topic")
        assert [landing.subject for landing in history.landings["develop"][-1:]] == ["Next"]
        assert landed not in {landing.sha for landing in history.landings["develop"] if landing.kind == "merge"}


def test_a_family_says_whose_a_shared_merge_is(repo: RepoBuilder) -> None:
    repo.branch("hotfix/h", "preprod")
    repo.commit("hotfix/h", {"b": "2\n"}, subject="Fix")
    landed = repo.merge(into="preprod", source="hotfix/h", subject="Merge pull request #7 from acme/hotfix/h")
    repo.branch("integration", "preprod")
    repo.commit("integration", {"c": "2\n"}, subject="Next work")
    with replay(repo) as history:
        assert story(history, "preprod")[-1] == ("merge", "hotfix/h", "Merge pull request #7 from acme/hotfix/h")
        assert [kind for kind, _, _ in story(history, "integration")][-2:] == ["created", "direct"]
        assert history.landings["integration"][-2].sha == landed


def test_a_flow_says_whose_a_shared_merge_is(repo: RepoBuilder) -> None:
    repo.commit("integration", {"a": "2\n"}, subject="Work")
    repo.merge(into="uat", source="integration")
    promoted = repo.merge(into="preprod", source="uat", subject="Merge pull request #8 from acme/uat")
    repo.branch("integration", "preprod")
    repo.commit("integration", {"c": "2\n"}, subject="Next work")
    with replay(repo) as history:
        assert [landing.sha for landing in history.landings["preprod"] if landing.kind == "merge"] == [promoted]
        assert promoted not in {landing.sha for landing in history.landings["integration"] if landing.kind == "merge"}


def test_a_merge_that_brought_a_branch_in_was_not_made_on_it(tmp_path: Path) -> None:
    topology = Topology(
        (Branch("one", layer="BUILD", direct=True), Branch("two", layer="RUN", direct=True)),
        (Flow("retrofit", source="two", target="one"),),
    )
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("one", {"a": "1\n"}, subject="Begin")
    repo.branch("two", "one")
    repo.commit("two", {"b": "1\n"}, subject="On two")
    stood = repo.commit("one", {"a": "2\n"}, subject="On one")
    merged = repo.merge(into="two", source="one", subject="Merged in one (pull request #5)")
    repo.branch("one", "two")
    repo.commit("one", {"c": "1\n"}, subject="Next")
    with replay(repo, topology) as history:
        assert [(landing.kind, landing.sha) for landing in history.landings["two"]][-1] == ("merge", merged)
        moved = history.landings["one"][-2]
        assert (moved.kind, moved.sha, moved.before, moved.source) == ("fast-forward", merged, stood, "two")
