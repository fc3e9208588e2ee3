from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st
from support.effects import lines, read

from branchsim.effects import ABSENT, Rename, pair_renames, similarity, units_of, unknown

TEXTS = st.lists(st.sampled_from(["alpha one", "beta two", "gamma three", "delta four", "epsilon five"]), max_size=6)


def test_a_file_that_was_edited_while_it_moved_is_found() -> None:
    old = lines("one word", "two words", "three words", "four words")
    new = lines("one word", "two words", "three words", "five words")
    renames = pair_renames({b"a/x.py": old}, {b"b/x.py": new, b"b/y.py": lines("else where")})
    assert renames.pairs == (Rename(b"a/x.py", b"b/x.py", 0.75),)
    assert renames.forward() == {b"a/x.py": b"b/x.py"}


def test_of_equal_contents_the_same_name_wins() -> None:
    same = lines("one word", "two words")
    renames = pair_renames({b"a/x": same, b"a/y": same}, {b"b/y": same, b"b/x": same})
    assert renames.forward() == {b"a/x": b"b/x", b"a/y": b"b/y"}


def test_nothing_alike_is_no_rename() -> None:
    assert not pair_renames({b"a": lines("one word")}, {b"b": lines("two words")}).pairs
    assert not pair_renames({b"a": units_of(b"a", b"")}, {b"b": units_of(b"b", b"")}).pairs


def test_binary_files_are_followed_by_content() -> None:
    assert pair_renames({b"a": units_of(b"a", b"\0x")}, {b"b": units_of(b"b", b"\0x")}).forward() == {b"a": b"b"}


def test_unknown_content_is_reported() -> None:
    assert pair_renames({b"a": unknown("gone")}, {b"b": lines("x y z")}).skipped == ((b"a", "gone"),)


@given(one=TEXTS, other=TEXTS)
def test_similarity_is_symmetric_and_bounded(one: list[str], other: list[str]) -> None:
    first, second = lines(*one), lines(*other)
    assert similarity(first, second) == similarity(second, first)
    assert 0 <= similarity(first, second) <= 1
    assert (similarity(first, second) == 1) == (first.counts == second.counts and bool(one))
    assert similarity(first, ABSENT) == 0


@given(
    deleted=st.dictionaries(st.binary(min_size=1, max_size=3), TEXTS, max_size=5),
    added=st.dictionaries(st.binary(min_size=1, max_size=3), TEXTS, max_size=5),
)
def test_pairs_are_one_to_one_and_alike(deleted: dict[bytes, list[str]], added: dict[bytes, list[str]]) -> None:
    pairs = pair_renames({p: lines(*t) for p, t in deleted.items()}, {p: lines(*t) for p, t in added.items()}).pairs
    assert len({pair.old for pair in pairs}) == len({pair.new for pair in pairs}) == len(pairs)
    assert all(pair.similarity >= 0.5 for pair in pairs)


def test_a_tree_that_moved_as_a_whole_is_paired_quickly() -> None:
    contents = {
        b"%d.py" % n: read("a.py", "".join(f"value_{n}_{i} = {i}\n" for i in range(30)) + "common line\n")
        for n in range(2000)
    }
    start = time.process_time()
    renames = pair_renames(
        {b"old/" + path: units for path, units in contents.items()},
        {b"new/" + path: units for path, units in contents.items()},
    )
    assert time.process_time() - start < 10
    assert renames.forward() == {b"old/" + path: b"new/" + path for path in contents}
