from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from support.repos import git, make_repo

from branchsim.git.log import Commit, read_commits
from branchsim.git.repository import Repository
from branchsim.history.graph import Graph
from branchsim.names import Sha

if TYPE_CHECKING:
    from pathlib import Path


def _commit(number: int, parents: list[int], at: int) -> Commit:
    return Commit(
        side=">",
        sha=Sha(f"{number:040x}"),
        tree=Sha("0" * 40),
        parents=tuple(Sha(f"{parent:040x}") for parent in parents),
        author="a",
        author_email="a@b",
        authored_at=at,
        committer="a",
        committer_email="a@b",
        committed_at=at,
        message=f"{number}\n",
        changes=(),
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Commit]:
    """Any graph of up to 24 commits, with roots, octopus merges and clocks that run wild."""
    commits = []
    for number in range(draw(st.integers(1, 24))):
        parents = draw(st.lists(st.integers(0, number - 1), max_size=3, unique=True)) if number else []
        commits.append(_commit(number, parents, draw(st.integers(0, 9))))
    return commits


def _ancestors(commits: list[Commit]) -> dict[Sha, set[Sha]]:
    found: dict[Sha, set[Sha]] = {}
    for commit in commits:
        found[commit.sha] = {commit.sha}.union(*(found[parent] for parent in commit.parents))
    return found


@given(histories(), st.randoms(use_true_random=False))
def test_numbers_do_not_depend_on_the_order_of_reading(commits: list[Commit], chance: object) -> None:
    graph = Graph(commits)
    shuffled = list(commits)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert [commit.sha for commit in Graph(shuffled).commits] == [commit.sha for commit in graph.commits]
    for number, parents in enumerate(graph.parents):
        assert all(parent < number for parent in parents)


@given(histories())
def test_every_question_of_ancestry_agrees_with_the_sets(commits: list[Commit]) -> None:
    graph = Graph(commits)
    truth = _ancestors(commits)
    pairs = [(one, other) for one in range(len(graph)) for other in range(len(graph))]
    expected = [graph.sha(one) in truth[graph.sha(other)] for one, other in pairs]
    assert [graph.is_ancestor(one, other) for one, other in pairs] == expected
    assert graph.are_ancestors(pairs) == expected
    upward = [graph.ancestors([tip]).tolist() for tip in range(len(graph))]
    assert [graph.reached([tip]).tolist() for tip in range(len(graph))] == upward
    assert [graph.reached([tip], down=True).tolist() for tip in range(len(graph))] == [
        list(row) for row in zip(*upward, strict=True)
    ]
    for one, other in pairs:
        between = {graph.sha(number) for number in graph.between([one], other)}
        assert between == truth[graph.sha(other)] - truth[graph.sha(one)]


@given(histories(), st.data())
def test_the_sweep_of_arrivals_agrees_with_asking_each_tip(commits: list[Commit], data: st.DataObject) -> None:
    graph = Graph(commits)
    truth = _ancestors(commits)
    line = data.draw(st.lists(st.integers(0, len(graph) - 1), min_size=1, max_size=6))
    arrivals, brought = graph.first_arrivals(line)
    for number in range(len(graph)):
        places = [place for place, tip in enumerate(line) if graph.sha(number) in truth[graph.sha(tip)]]
        assert arrivals[number] == (places[0] if places else -1)
    assert [sorted(group) for group in brought] == brought
    assert [set(group) for group in brought] == [
        {number for number in range(len(graph)) if arrivals[number] == place} for place in range(len(line))
    ]


@settings(max_examples=8, deadline=None)
@given(histories())
def test_arrivals_agree_with_git_merge_base(tmp_path_factory: object, commits: list[Commit]) -> None:
    path: Path = tmp_path_factory.mktemp("graph")  # type: ignore[attr-defined]
    repo = make_repo(path / "repo")
    shas: dict[Sha, str] = {}
    for commit in commits:
        parents = [shas[parent] for parent in commit.parents]
        name = f"refs/heads/b{commit.message.strip()}"
        shas[commit.sha] = repo.commit(name, {}, subject=commit.message.strip(), parents=parents)
    repo.finish()
    tip = list(shas.values())[-1]
    with Repository(repo.path) as source:
        graph = Graph(read_commits(source.scratch, sorted(shas.values()), changes=False))
    line = [tip]
    while graph.parents[graph.number(Sha(line[-1]))]:
        line.append(graph.sha(graph.parents[graph.number(Sha(line[-1]))][0]))
    line.reverse()
    arrivals, _ = graph.first_arrivals([graph.number(Sha(sha)) for sha in line])
    for sha in shas.values():
        places = [
            place
            for place, stand in enumerate(line)
            if git(repo.path, "merge-base", "--is-ancestor", sha, stand, accept=(0, 1)) == ""
            and git(repo.path, "rev-list", "-1", sha, f"^{stand}") == ""
        ]
        assert arrivals[graph.number(Sha(sha))] == (places[0] if places else -1)


def test_an_abbreviated_id_is_found_only_if_it_names_one_commit() -> None:
    graph = Graph([_commit(0xAA, [], 0), _commit(0xAB, [0xAA], 1)])
    assert graph.find_abbreviated(f"{0xAB:040x}") == 1
    assert graph.find_abbreviated("0" * 38 + "a") is None
    assert graph.find_abbreviated("f" * 8) is None


def test_a_parent_that_is_not_there_is_a_cut() -> None:
    graph = Graph([_commit(5, [4], 0), _commit(6, [5], 1)])
    assert graph.parents == [(), (0,)]
    assert graph.cut == {0}


def test_a_long_history_needs_no_recursion() -> None:
    graph = Graph(_commit(number, [number - 1] if number else [], number) for number in range(60_000))
    assert graph.is_ancestor(0, 59_999)
    arrivals, _ = graph.first_arrivals([59_999])
    assert not arrivals.any()
