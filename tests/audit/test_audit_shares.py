"""How much of what changes do holds in trees: read together it is as if each were asked alone."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.repos import RepoBuilder, git

from branchsim.audit import lines
from branchsim.audit.lines import Asked, Effect, EffectReader, shares_there
from branchsim.audit.shares import Question, read_shares
from branchsim.git.objects import ObjectReader
from branchsim.git.repository import Repository
from branchsim.names import Sha

_TEXTS = st.lists(st.sampled_from([b"one", b"two", b"three", b"four", b"\tfive ", b""]), max_size=9).map(b"\n".join)
_COUNTS = st.dictionaries(
    st.sampled_from([b"one", b"two", b"three", b"four", b"five", b"six"]), st.integers(1, 3), max_size=5
).map(Counter)
_EFFECTS = st.builds(Effect, st.just(b"a"), _COUNTS, _COUNTS)


@given(st.lists(_EFFECTS, min_size=1, max_size=4), _TEXTS)
@example([Effect(b"a", Counter({b"one": 2}), Counter())], b"one\none\none")
@example([Effect(b"a", Counter({b"one": 1}), Counter())], b"someone")
def test_shares_are_those_of_a_plain_count(effects: list[Effect], text: bytes) -> None:
    held = Counter(line.strip() for line in text.split(b"\n"))
    expected = []
    for effect in effects:
        wanted = effect.added or effect.removed
        total = sum(wanted.values())
        there = sum((wanted & held).values()) / total if total else 1.0
        expected.append(there if effect.added or not total else 1.0 - there)
    assert shares_there(effects, text) == expected


def test_a_change_does_the_lines_of_which_there_are_more_or_fewer_copies_and_short_ones_say_nothing(
    tmp_path: Path,
) -> None:
    builder = RepoBuilder(tmp_path / "repo")
    with builder:
        texts = ("if\n{\n}\nthe same\nthe same\ngone\n", "{\n}\n}\nthe same\nthe same\nthe same\nnew\n")
        shas = [builder.commit("main", {"a": text}) for text in texts]
    before, after = (Sha(git(builder.path, "rev-parse", f"{sha}^{{tree}}")) for sha in shas)
    with Repository(builder.path) as repository:
        change = Sha("1" * 40)
        (found,) = EffectReader(repository.scratch).groups({change: Asked((before, after), frozenset({b"a"}))})
    assert found == {change: [Effect(b"a", Counter({b"thesame": 1, b"new": 1}), Counter({b"gone": 1}))]}


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Sha]]:
    """A version in a small file and in a large one: first, raised in both, in the small one, and in the large one."""
    builder = RepoBuilder(tmp_path_factory.mktemp("manifests") / "repo")
    body = "".join(f"line {number}\n" for number in range(9000))
    with builder:
        shas = [
            builder.commit("main", {"VERSION": f"version {small}\n", "all.txt": f"{body}image {large}\n"})
            for small, large in (("1.0", "1.0"), ("1.1", "1.1"), ("1.1", "1.0"), ("1.0", "1.1"))
        ]
    return builder.path, [Sha(git(builder.path, "rev-parse", f"{sha}^{{tree}}")) for sha in shas]


@pytest.mark.parametrize(
    ("least", "expected"), [(0.5, [0.0, 1.0, 0.5, 0.5]), (0.8, [0.0, 1.0, 0.5, 0.0]), (1.0, [0.0, 1.0, 0.5, 0.0])]
)
def test_a_large_file_is_read_where_the_small_one_leaves_it_open(
    manifests: tuple[Path, list[Sha]], least: float, expected: list[float]
) -> None:
    path, trees = manifests
    change = Sha("1" * 40)
    with Repository(path) as repository, ObjectReader(repository.scratch) as reader:
        asked = {change: Asked((trees[0], trees[1]), frozenset({b"VERSION", b"all.txt"}))}
        (effects,) = EffectReader(repository.scratch).groups(asked)
        questions = [Question(change, tree, effects[change]) for tree in trees]
        assert [share.there for share in read_shares(reader, questions, lambda _: least)] == expected


def test_what_changes_do_does_not_depend_on_how_many_are_read_at_once(
    manifests: tuple[Path, list[Sha]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, trees = manifests
    paths = frozenset({b"VERSION", b"all.txt"})
    asked = {Sha(f"{n:040x}"): Asked(pair, paths) for n, pair in enumerate(itertools.permutations(trees, 2))}
    with Repository(path) as repository:
        together = list(EffectReader(repository.scratch).groups(asked))
        for name in ("_FILES", "_KEPT", "_CHANGES"):
            monkeypatch.setattr(lines, name, 1)
        reader = EffectReader(repository.scratch)
        alone = list(reader.groups(asked))
        assert len(together) == 1
        assert [len(group) for group in alone] == [1] * len(asked)
        assert {sha: effects for group in alone for sha, effects in group.items()} == together[0]
        monkeypatch.undo()
        assert list(reader.groups(asked)) == together
