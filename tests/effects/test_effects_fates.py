from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.effects import read

from branchsim.effects import Fate, Fated, Region, Scene, fates, judge


def fated(path: str, base: str, target: str, source: str, merged: str) -> list[Fated]:
    contents = {"base": base.encode(), "target": target.encode(), "source": source.encode(), "merged": merged.encode()}
    b, t, s, m = (read(path, text) for text in (base, target, source, merged))
    scene = Scene(path=path.encode(), base=b, target=t, source=s, merged=m, contents=contents)
    return fates(judge(b, t, s, m), scene)


HEAD, TAIL = "first line\nsecond line\n", "last but one\nlast line\n"


@pytest.mark.parametrize(
    ("base", "target", "source", "merged", "expected"),
    [
        (
            "old text\n",
            "new text\n",
            "old text\n",
            "old text\n",
            {"new text": Fate.EDIT_UNDONE, "old text": Fate.EDIT_UNDONE},
        ),
        ("old text\n", "", "old text\n", "old text\n", {"old text": Fate.DELETION_UNDONE}),
        ("", "new text\n", "", "", {"new text": Fate.VANISHED}),
        ("old text\n", "old text\n", "old text\n", "", {"old text": Fate.EVIL_REMOVAL}),
        ("old text\n", "new text\n", "their words\n", "their words\n", {"new text": Fate.OTHER_SIDE}),
        ("old text\n", "new text\n", "old text\n", "third thing\n", {"new text": Fate.REWRITTEN}),
    ],
)
def test_what_stands_in_its_place_decides(
    base: str, target: str, source: str, merged: str, expected: dict[str, Fate]
) -> None:
    found = fated("a.txt", *(f"{HEAD}{text}{TAIL}" for text in (base, target, source, merged)))
    assert {one.verdict.unit.value: one.fate for one in found} == expected


def test_a_mark_of_a_conflict_has_its_place_in_the_result_and_belongs_to_what_was_contested() -> None:
    (one,) = fated("a.txt", f"{HEAD}{TAIL}", f"{HEAD}{TAIL}", f"{HEAD}{TAIL}", f"{HEAD}<<<<<<< HEAD\n{TAIL}")
    assert (one.fate, one.region) == (Fate.UNRESOLVED, Region.CONTESTED)
    assert one.place is not None
    assert (one.place.start, one.place.stop) == (2, 3)


def test_the_place_is_told_in_lines_of_both() -> None:
    (one,) = fated(
        "a.txt",
        f"{HEAD}old text\n{TAIL}",
        f"{HEAD}new text\nmore\n{TAIL}".replace("more\n", ""),
        f"{HEAD}{TAIL}",
        f"{HEAD}third\n{TAIL}",
    )
    assert one.place is not None
    assert (one.place.start, one.place.stop, one.place.side_start, one.place.side_stop) == (2, 3, 2, 3)
    assert one.instead == ("third",)


@pytest.mark.parametrize(
    ("base", "target", "source", "merged", "fate"),
    [
        ('{"a": 1}', '{"a": 2}', '{"a": 1}', '{"a": 1}', Fate.EDIT_UNDONE),
        ('{"a": 1}', '{"a": 2}', '{"a": 3}', '{"a": 3}', Fate.OTHER_SIDE),
        ('{"a": 1}', '{"a": 2}', '{"a": 1}', '{"a": 4}', Fate.REWRITTEN),
        ('{"b": 1}', '{"b": 1, "a": 2}', '{"b": 1}', '{"b": 1}', Fate.VANISHED),
        ('{"b": 1, "a": 1}', '{"b": 1}', '{"b": 1, "a": 1}', '{"b": 1, "a": 1}', Fate.DELETION_UNDONE),
        ('{"b": 1, "a": 1}', '{"b": 1, "a": 1}', '{"b": 1, "a": 1}', '{"b": 1}', Fate.EVIL_REMOVAL),
    ],
)
def test_elements_have_a_place_of_their_own(base: str, target: str, source: str, merged: str, fate: Fate) -> None:
    assert {one.fate for one in fated("a.json", base, target, source, merged)} == {fate}


ROWS = st.lists(st.sampled_from(["alpha one", "beta two", "gamma three", "", "}"]), max_size=6).map("\n".join)


@given(base=ROWS, target=ROWS, source=ROWS, merged=ROWS)
def test_every_loss_has_a_fate(base: str, target: str, source: str, merged: str) -> None:
    units = [read("a.txt", text) for text in (base, target, source, merged)]
    losses = [verdict for verdict in judge(*units) if verdict.is_loss]
    assert [one.verdict for one in fated("a.txt", base, target, source, merged)] == losses


def test_long_files_are_answered_in_bounded_time() -> None:
    many = [f"line number {n % 700} of many" for n in range(30_000)]
    one, other = "\n".join(many), "\n".join(reversed(many))
    start = time.process_time()
    found = fated("a.txt", one, f"{one}\nnew text\n", one, f"middle words\n{other}\nmore words\n")
    assert time.process_time() - start < 10
    assert {item.fate for item in found} == {Fate.REWRITTEN}
