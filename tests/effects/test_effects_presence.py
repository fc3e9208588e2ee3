from __future__ import annotations

import itertools
from collections import Counter
from functools import cache

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.effects import element, line, lines, read

from branchsim.effects import (
    ABSENT,
    Live,
    Side,
    Units,
    Verdict,
    What,
    combine,
    effect_of,
    expected,
    is_mark,
    judge,
    state,
    units_of,
)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("<<<<<<< HEAD", True),
        (">>>>>>> topic", True),
        ("<<<<<<<<<< back", False),
        (">>>>>>>>>> on", False),
        ("======= or so", False),
        ("see <<<<<<< HEAD", False),
    ],
)
def test_what_is_a_mark_of_a_conflict(text: str, is_one: bool) -> None:
    assert is_mark(line(text)) == is_one
    assert not is_mark(element("key", value=text))
    torn = judge(lines("one"), lines("one"), lines("one"), lines("one", text))
    assert [verdict.what for verdict in torn] == [What.UNRESOLVED if is_one else What.NEW]


BITS = list(itertools.product((0, 1), repeat=4))


def of_counts(b: int, t: int, s: int, m: int, *, kept: bool = True) -> list[Verdict]:
    base, target, source, merged = (lines(*["unit"] * count) for count in (b, t, s, m))
    return judge(base, target, source, merged, kept=kept)


def by_the_table(b: int, t: int, s: int, m: int) -> set[tuple[What, Side]]:
    """The table of the design, bit by bit."""
    if b == t == s == m:
        return set()
    wanted = t if t == s else 1 - b
    side = Side.BOTH if t == s else Side.TARGET if t != b else Side.SOURCE
    if wanted and m:
        return {(What.KEPT, side)}
    if wanted:
        return {(What.EVIL_REMOVAL, Side.BOTH) if b == t == s else (What.LOST, side)}
    if m:
        return {(What.UNDONE, side) if b else (What.NEW, Side.BOTH)}
    return {(What.KEPT, side)}


@pytest.mark.parametrize("bits", BITS)
def test_single_units_are_judged_by_the_table(bits: tuple[int, int, int, int]) -> None:
    assert {(verdict.what, verdict.side) for verdict in of_counts(*bits)} == by_the_table(*bits)


@cache
def fewest_losses(b: int, t: int, s: int, m: int) -> int:
    """The fewest losses over all ways to say which copy of one version is which copy of another.

    Copies that a side has and the base has are the same as far as possible: nobody removes a line to add it again. What
    the result has are first the copies it should have, then those it should not, and only then new ones.
    """
    best = b + t + s + m
    for cut_by_both in range(b + 1):
        for new_to_both in range(t + s + 1):
            t_cut, s_cut = b - min(t, b) - cut_by_both, b - min(s, b) - cut_by_both
            t_new, s_new = t - min(t, b) - new_to_both, s - min(s, b) - new_to_both
            untouched = b - cut_by_both - t_cut - s_cut
            if min(t_cut, s_cut, t_new, s_new, untouched) < 0:
                continue
            wanted, unwanted = untouched + t_new + s_new + new_to_both, t_cut + s_cut + cut_by_both
            kept = min(wanted, m)
            back = min(unwanted, m - kept)
            best = min(best, wanted - kept + back)
    return best


@pytest.mark.parametrize("counts", list(itertools.product(range(4), repeat=4)))
def test_copies_are_judged_by_the_reading_with_the_fewest_losses(counts: tuple[int, int, int, int]) -> None:
    b, t, s, m = counts
    losses = [verdict for verdict in of_counts(*counts) if verdict.is_loss]
    assert sum(verdict.copies for verdict in losses) == fewest_losses(b, t, s, m)


@pytest.mark.parametrize("counts", list(itertools.product(range(4), repeat=4)))
def test_the_sides_are_judged_alike(counts: tuple[int, int, int, int]) -> None:
    b, t, s, m = counts
    swap = {Side.TARGET: Side.SOURCE, Side.SOURCE: Side.TARGET, Side.BOTH: Side.BOTH}
    one = Counter({(v.what, v.side): v.copies for v in of_counts(b, t, s, m)})
    other = Counter({(v.what, swap[v.side]): v.copies for v in of_counts(b, s, t, m)})
    assert one == other


@pytest.mark.parametrize("counts", list(itertools.product(range(4), repeat=3)))
def test_what_is_expected_is_no_loss(counts: tuple[int, int, int]) -> None:
    b, t, s = counts
    base, target, source = (lines(*["unit"] * count) for count in counts)
    m = expected(base, target, source)[line("unit")]
    assert not [verdict for verdict in of_counts(b, t, s, m) if verdict.is_loss]
    assert not [verdict for verdict in of_counts(b, t, s, m) if verdict.what is What.NEW]


WORDS = st.sampled_from(["alpha one", "beta two", "gamma three", "delta four", "}"])


@given(
    blocks=st.lists(st.tuples(st.lists(WORDS, max_size=4), st.sampled_from("-ts")), max_size=8),
    edits=st.lists(st.lists(WORDS, max_size=4), min_size=8, max_size=8),
)
def test_a_clean_merge_of_edits_at_different_places_loses_nothing(
    blocks: list[tuple[list[str], str]], edits: list[list[str]]
) -> None:
    def text(who: str) -> Units:
        return read(
            "a.txt",
            "\n".join(
                row for (block, by), edit in zip(blocks, edits, strict=False) for row in (edit if by in who else block)
            ),
        )

    verdicts = judge(text(""), text("t"), text("s"), text("ts"), kept=True)
    assert not [verdict for verdict in verdicts if verdict.is_loss]


@given(base=st.lists(WORDS), edit=st.lists(WORDS), dropped=st.sampled_from(["target", "source"]))
def test_taking_one_side_loses_exactly_the_other_sides_edit(base: list[str], edit: list[str], dropped: str) -> None:
    old, new = read("a.txt", "\n".join(base)), read("a.txt", "\n".join(edit))
    sides = {"target": (new, old), "source": (old, new)}[dropped]
    verdicts = judge(old, *sides, old)
    change = effect_of(old, new)
    lost = Counter({verdict.unit: verdict.copies for verdict in verdicts if verdict.what is What.LOST})
    undone = Counter({verdict.unit: verdict.copies for verdict in verdicts if verdict.what is What.UNDONE})
    assert (lost, undone) == (change.added, change.removed)
    assert {verdict.side for verdict in verdicts} <= {Side(dropped)}


KEYS = st.sampled_from(["a", "b", "c"])
TREES = st.dictionaries(KEYS, st.dictionaries(KEYS, st.integers(0, 2), max_size=3), max_size=3)


@given(base=TREES, target=TREES, source=TREES)
def test_elements_edited_on_one_side_only_merge_without_loss(
    base: dict[str, dict[str, int]], target: dict[str, dict[str, int]], source: dict[str, dict[str, int]]
) -> None:
    import json

    def units(tree: dict[tuple[str, str], int]) -> Units:
        nested: dict[str, dict[str, int]] = {}
        for (outer, inner), value in tree.items():
            nested.setdefault(outer, {})[inner] = value
        return read("a.json", json.dumps(nested))

    def flat(tree: dict[str, dict[str, int]]) -> dict[tuple[str, str], int]:
        return {(outer, inner): value for outer, items in tree.items() for inner, value in items.items()}

    b, t, s = flat(base), flat(target), flat(source)
    places = b.keys() | t.keys() | s.keys()
    assume(all(t.get(place) == b.get(place) or s.get(place) == b.get(place) for place in places))
    merged = {
        place: value for place in places if (value := (t if t.get(place) != b.get(place) else s).get(place)) is not None
    }
    verdicts = judge(units(b), units(t), units(s), units(merged))
    # An element that was emptied says so as long as it is empty; that is what the filter "empty-container" is for.
    assert not [verdict for verdict in verdicts if verdict.is_loss and verdict.unit.value != "{}"]


# -- one change ----------------------------------------------------------------------------------------------------

BEFORE = read("a.py", "def area(width, height):\n    return width + height\n")
AFTER = read("a.py", "def area(width, height):\n    return width * height\n")


@pytest.mark.parametrize(
    ("now", "name"),
    [
        (AFTER, Live.LIVE),
        (BEFORE, Live.UNDONE),
        (read("a.py", "def area(width, height):\n    return abs(width * height)\n"), Live.REWRITTEN),
        (read("a.py", "def area(width, height):\n    raise ValueError\n"), Live.REWRITTEN),
        (ABSENT, Live.GONE),
    ],
)
def test_the_state_of_an_edit(now: Units, name: Live) -> None:
    assert state(effect_of(BEFORE, AFTER), now).name is name


@pytest.mark.parametrize(
    ("now", "name"),
    [
        ("first line\nsecond line of text\n", Live.LIVE),
        ("first line\n", Live.UNDONE),
        ("first line\nsecond line of other text\n", Live.REWRITTEN),
        (None, Live.GONE),
    ],
)
def test_the_state_of_an_addition(now: str | None, name: Live) -> None:
    effect = effect_of(read("a.txt", "first line\n"), read("a.txt", "first line\nsecond line of text\n"))
    assert state(effect, read("a.txt", now) if now else ABSENT).name is name


@pytest.mark.parametrize(
    ("now", "name"),
    [('{"a": 2}', Live.LIVE), ('{"a": 1}', Live.UNDONE), ('{"a": 3}', Live.REWRITTEN), ("{}", Live.GONE)],
)
def test_the_state_of_an_altered_element(now: str, name: Live) -> None:
    effect = effect_of(read("a.json", '{"a": 1}'), read("a.json", '{"a": 2}'))
    assert [(pair.before, pair.after) for pair in effect.altered] == [
        (element("a", value="1"), element("a", value="2"))
    ]
    assert not effect.added
    assert not effect.removed
    assert state(effect, read("a.json", now)).name is name


def test_a_mode_and_a_link_have_states_too() -> None:
    plain, executable = units_of(b"a", b"run me\n"), units_of(b"a", b"run me\n", "100755")
    assert state(effect_of(plain, executable), executable).name is Live.LIVE
    assert state(effect_of(plain, executable), plain).name is not Live.LIVE
    old, new, other = (units_of(b"a", target, "120000") for target in (b"old", b"new", b"other"))
    assert state(effect_of(old, new), new).name is Live.LIVE
    assert state(effect_of(old, new), old).name is Live.UNDONE
    assert state(effect_of(old, new), other).name is Live.REWRITTEN


def test_a_second_copy_is_not_live_because_the_first_is_there() -> None:
    effect = effect_of(lines("same text"), lines("same text", "same text"))
    assert state(effect, lines("same text")).name is Live.UNDONE
    assert state(effect, lines("same text", "same text")).name is Live.LIVE


@pytest.mark.parametrize(
    ("now", "name"),
    [
        (lines(), Live.LIVE),
        (lines("old one"), Live.PARTIAL),
        (lines("old one", "old two"), Live.UNDONE),
        (ABSENT, Live.LIVE),
    ],
)
def test_the_state_of_a_removal(now: Units, name: Live) -> None:
    assert state(effect_of(lines("old one", "old two"), lines()), now).name is name


def test_a_large_removal_is_not_undone_because_a_line_it_added_is_missing() -> None:
    effect = effect_of(lines("old one", "old two", "old three"), lines("new line"))
    assert state(effect, lines()).name is Live.PARTIAL


def test_what_moved_to_another_path_is_live() -> None:
    effect = effect_of(ABSENT, lines("moved text"))
    assert state(effect, ABSENT).live == 0
    assert state(effect, ABSENT, elsewhere={line("moved text"): 1}).name is Live.LIVE


def test_no_effect_is_not_live() -> None:
    assert state(effect_of(AFTER, AFTER), AFTER).name is Live.NOTHING


@given(before=st.lists(WORDS), after=st.lists(WORDS), now=st.lists(WORDS))
def test_states_count_every_unit_once_and_agree_with_both_ends(
    before: list[str], after: list[str], now: list[str]
) -> None:
    old, new, other = (read("a.txt", "\n".join(rows)) for rows in (before, after, now))
    effect = effect_of(old, new)
    assume(len(effect))
    assert state(effect, new).name is Live.LIVE
    assert state(effect, old).live == 0
    assert state(effect, other).total == len(effect)
    both = combine([state(effect, new), state(effect, old)])
    assert both.name is Live.PARTIAL
    assert both.total == 2 * len(effect)
