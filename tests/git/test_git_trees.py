"""What differs between trees is what git itself lists, whether git is asked or its lists are joined."""

from __future__ import annotations

import dataclasses
import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from support.damage import lose
from support.histories import Step, build, histories
from support.repos import Entry, RepoBuilder, executable, git, symlink

from branchsim.git import difftree, log
from branchsim.git.difftree import FEW, MoveReader, RenameReader, renames
from branchsim.git.log import pack, read_commits, read_packed, unpack
from branchsim.git.objects import ObjectReader
from branchsim.git.repository import Repository
from branchsim.git.trees import are_together, edits_between, edits_of, joined
from branchsim.history.graph import Graph
from branchsim.names import Sha


def _change(path: str, old: int, new: int) -> bytes:
    return f":100644 100644 {old:040x} {new:040x} M\0{path}\0".encode()


def test_commits_together_are_told_only_where_each_path_was_changed_by_one_of_them() -> None:
    one, two, again = _change("a", 1, 2), _change("b", 1, 2), _change("a", 2, 3)
    assert are_together([two, one], one + two)
    assert are_together([], b"")
    assert not are_together([one], two)
    assert not are_together([two, one], one)
    assert not are_together([one], one + two)
    # What went away and came back, or changed twice, is for `joined`.
    assert not are_together([again, one], _change("a", 1, 3))
    assert not are_together([again, one], one + two)
    assert not are_together([again, one], one)


@settings(max_examples=15, deadline=None)
@given(steps=histories(most=10))
def test_what_differs_is_what_git_lists(tmp_path_factory: pytest.TempPathFactory, steps: list[Step]) -> None:
    path = tmp_path_factory.mktemp("t") / "repo"
    ids = build(path, steps)
    with Repository(path) as repository:
        tips = sorted(set(map(Sha, ids)))
        trees = {commit.sha: commit.tree for commit in read_commits(repository.scratch, tips, changes=False)}
        asked = []
        expected = []
        for commit, text in read_packed(repository.scratch, tips):
            assert pack(unpack(text)) == text
            if commit.parents:
                asked.append((trees[commit.parents[0]], commit.tree))
                expected.append(edits_of(text))
        assert list(edits_between(repository.scratch, asked * 2)) == expected * 2


@settings(max_examples=15, deadline=None)
@given(steps=histories(most=12))
def test_what_a_line_of_commits_changed_is_what_its_ends_differ_in(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    path = tmp_path_factory.mktemp("t") / "repo"
    ids = build(path, steps)
    with Repository(path) as repository:
        read = list(read_packed(repository.scratch, sorted(set(map(Sha, ids)))))
        graph = Graph(commit for commit, _ in read)
        texts = {commit.sha: text for commit, text in read}
        asked = []
        found = []
        for tip in range(len(graph)):
            line = [tip]
            while graph.parents[line[-1]]:
                line.append(graph.parents[line[-1]][0])
                asked.append((graph.commits[line[-1]].tree, graph.commits[tip].tree))
                found.append(joined(texts[graph.sha(number)] for number in line[:-1]))
        assert list(edits_between(repository.scratch, asked)) == found


@pytest.mark.parametrize("processors", [1, 2, 3])
def test_history_that_several_processes_read_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processors: int
) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    for number in range(11):
        repo.commit("main", {f"{number % 3}": f"{number}\n"})
    monkeypatch.setattr(log, "_SHARE", 2)
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    with Repository(repo.finish()) as repository:
        read = list(read_packed(repository.scratch, [Sha(repo["main"])]))
        expected = list(read_commits(repository.scratch, [Sha(repo["main"])]))
        found = {commit.sha: (commit, unpack(text)) for commit, text in read}
        assert len(read) == len(found) == 11
        for commit in expected:
            own, changes = found[commit.sha]
            assert dataclasses.replace(own, changes=changes) == commit
        assert list(read_packed(repository.scratch, [])) == []


def test_a_line_that_ends_where_it_began_changed_nothing(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a": "1\n", "b": "1\n"})
    repo.commit("main", {"a": "2\n", "b": executable("1\n"), "c": "1\n"})  # type: ignore[arg-type]
    repo.commit("main", {"a": "1\n", "c": None})
    with Repository(repo.finish()) as repository:
        read = list(read_packed(repository.scratch, [Sha(repo["main"])]))
        found = joined(text for _, text in read[:2])
        assert found.keys() == {b"b"}
        assert [mode[:6] for mode in found[b"b"]] == [b"100644", b"100755"]


def test_many_pairs_come_back_in_their_order(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    for number in range(30):
        repo.commit("main", {f"{number % 7}": f"{number}\n", "same": "1\n"})
    with Repository(repo.finish()) as repository:
        commits = list(read_commits(repository.scratch, [Sha(repo["main"])]))
        pairs = [(one.tree, other.tree) for one in commits for other in commits]
        found = list(edits_between(repository.scratch, pairs))
        assert len(pairs) > 2 * 400
        singly = dict(zip(pairs, found, strict=True))
        for pair in pairs[::97]:
            assert list(edits_between(repository.scratch, [pair])) == [singly[pair]]


def test_of_a_tree_that_is_missing_nothing_is_told(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a": "1\n"})
    repo.commit("main", {"a": "2\n"})
    with Repository(repo.finish()) as repository:
        new, old = (commit.tree for commit in read_commits(repository.scratch, [Sha(repo["main"])]))
        found = edits_between(repository.scratch, [(old, Sha("1" * 40)), (Sha("1" * 40), old), (old, new)])
        assert [each is None for each in found] == [True, True, False]


def test_renames_asked_one_by_one_are_those_asked_together(tmp_path: Path) -> None:
    text = "".join(f"line {number}\n" for number in range(20))
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {b"a": text, b"old\nend\n": text + "1\n", b"gone": "1\n"})
    repo.commit("main", {b"a": None, b"b": text + "more\n", b"old\nend\n": None, b"new\nend\n": text + "1\n"})
    repo.commit("main", {b"other": "2\n"})
    with Repository(repo.finish()) as repository:
        reader = RenameReader(repository.scratch)
        trees = [commit.tree for commit in read_commits(repository.scratch, [Sha(repo["main"])])]
        pairs = [(one, other) for one in trees for other in trees]
        found = {pair: reader.of(*pair) for pair in pairs}
        assert found == renames(repository.scratch, pairs)
        assert found[trees[2], trees[1]] == {b"a": b"b", b"old\nend\n": b"new\nend\n"}
        wanted = {b"a", b"gone"}
        some = {pair: {old: new for old, new in names.items() if old in wanted} for pair, names in found.items()}
        assert renames(repository.scratch, pairs, wanted) == some
        for old, new in pairs:
            apart = MoveReader(repository.scratch).apart(old, new)
            sides = [{path for path, _ in ObjectReader(repository.scratch).walk(tree)} for tree in (old, new)]
            assert apart.gone({b"a", b"b", b"other"}) == {b"a", b"b", b"other"} & (sides[0] - sides[1])
            assert apart.new({b"a", b"b", b"other"}) == {b"a", b"b", b"other"} & (sides[1] - sides[0])
        assert reader.of(Sha("1" * 40), trees[0]) == {}


def test_where_a_content_is_missing_no_rename_is_told_by_likeness(tmp_path: Path) -> None:
    text = "".join(f"line {number}\n" for number in range(20))
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a": text, "same": "".join(reversed(text))})
    for number in range(FEW + 20):  # more than are asked for at once
        repo.commit("main", {"b": f"{text}{number}\n", "a": None, "new": "".join(reversed(text)), "same": None})
    lose(repo.finish(), git(repo.path, "rev-parse", "main:b"))
    with Repository(repo.path) as repository:
        trees = [commit.tree for commit in read_commits(repository.scratch, [Sha(repo["main"])])]
        pairs = [(trees[-1], tree) for tree in reversed(trees[:-1])]
        found = renames(repository.scratch, pairs)
        assert found == {pair: {b"same": b"new"} for pair in pairs}
        assert renames(repository.scratch, pairs[:1])[pairs[0]] == {b"same": b"new", b"a": b"b"}


_TEXTS = [
    "".join(f"{'changed' if number < much else 'line'} {number} of {kind}\n" for number in range(20))
    for kind in "ab"
    for much in (0, 3, 4, 6, 9, 12)
]


def _some_files(draw: random.Random, directories: str) -> dict[str, str | Entry]:
    """Files of which some have equal names or contents, or alike ones."""
    files: dict[str, str | Entry] = {}
    for directory in directories:
        for name in draw.sample("12345", draw.randrange(6)):
            text = draw.choice([*_TEXTS, *_TEXTS[:2], ""])
            files[f"{directory}/{name}"] = symlink(text) if draw.random() < 0.1 else text
    return files


@pytest.mark.parametrize("most", [1, 2, 4])
def test_git_tells_of_all_files_what_is_told_of_single_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Also where it compares only names and equal contents, for all with all would be too much."""
    monkeypatch.setattr(difftree, "_MOST", most)
    draw = random.Random(most)  # noqa: S311  no secret
    repo = RepoBuilder(tmp_path / "repo")
    trees = [_some_files(draw, directories) for directories in [*["wxy"] * 60, *["xyz"] * 8]]
    held: dict[str, str | Entry] = {}
    for number, files in enumerate(trees):
        repo.commit("main", {"same": f"{number}\n", **dict.fromkeys(held), **files})
        held = files
    with Repository(repo.finish()) as repository:
        shas = [commit.tree for commit in read_commits(repository.scratch, [Sha(repo["main"])])]
        pairs = [(first, last) for last in shas[:8] for first in shas[8:]]
        draw.shuffle(pairs)
        whole = renames(repository.scratch, pairs)
        reader = MoveReader(repository.scratch)
        wanted = [f"{directory}/{name}".encode() for directory in "wxy" for name in "12345"]
        told: dict[tuple[Sha, Sha], dict[bytes, bytes]] = {pair: {} for pair in pairs}
        for pair in pairs:
            goal = draw.sample(sorted(whole[pair].values()), min(2, len(whole[pair])))
            some = reader.of(*pair, set(wanted), goal)
            assert some.items() >= {old: new for old, new in whole[pair].items() if new in goal}.items()
            assert some.items() <= whole[pair].items()
            for path in wanted:
                told[pair] |= reader.of(*pair, {path})
            assert reader.of(*pair, set(wanted[::2])) == {
                old: new for old, new in told[pair].items() if old in wanted[::2]
            }
        assert told == whole
        assert sum(map(len, whole.values())) > len(pairs)
