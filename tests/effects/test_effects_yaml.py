"""YAML piece by piece: the same as read whole, whatever stands between the pieces."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from branchsim.effects import Form, judge, units_of, units_together
from branchsim.effects.stretch import compared, difference, gained
from branchsim.effects.structured import KnownParts
from branchsim.effects.units import DEFAULTS, Options, Version
from branchsim.effects.yaml_blocks import cut_up

LINES = st.sampled_from(
    [
        "de:", "no:", "kind: Pod", "metadata:", "name: one", "a: 1", "b: two words", "'c d': x", '"e": "f"', "g: |",
        "h: >-", "i: |+", "j: |1", "text of it", "- item", "- id: one", "-", "k: [1,", "2]", "l: {m: n,", "o: p}",
        'q: "open', 'shut"', "r: 'it''s", "s' t'", "? u", ": v", "w: &x 1", "y: *x", "<<: *x", "!t z: 1", "# said", "",
        "---", "...", "%TAG ! x:", "\tz: 1", "aa: # none", "$ref: b", "/p:", ".q: 1", "caf\xe9: 1", "\x85", "a: 2", "a",
        "bb: \x07", "'1': 1", "2: '1'", "c:\r", "\u2028d: 1",
    ]
)  # fmt: skip
DEPTHS = st.sampled_from([0, 0, 1, 2, 2, 4])
INDENTED = st.builds(lambda depth, line: " " * depth + line if line else "", DEPTHS, LINES)
PLAIN = st.sampled_from(
    ["de:", "  A:", "    b: 'c'", "    d: two words", "  E: f", "g:", "  h: 1", "  - i", "", "# said"]
)
TEXTS = st.one_of(st.lists(PLAIN, max_size=10), st.lists(st.one_of(PLAIN, INDENTED), max_size=8)).map("\n".join)


@st.composite
def versions(draw: st.DrawFn, number: int) -> list[bytes]:
    """Versions that begin and end alike."""
    head, tail = draw(TEXTS), draw(TEXTS)
    return ["\n".join([head, draw(TEXTS), tail]).encode() for _ in range(number)]


@given(texts=versions(2))
@example(texts=[b"a: |+\n\n\nb: 1\n", b"? a\n: b\n"])
@example(texts=[b'de:\n  a: "x\n  b: y"\n  c: 1\n', b"de:\n  a: 1\n b: 2\n"])
@example(texts=[b"de:\n  a: 1\n...\nfr:\n  b: 2\n", b"kind: a\nmetadata:\n  name: b\n"])
@example(texts=[b"# \x07\nde:\n  # \x07\n  a: 1\n", b"de:\n- a: 1\n"])
def test_pieces_that_were_read_before_are_read_alike(texts: list[bytes]) -> None:
    parts: KnownParts = {}
    for text in texts * 2:
        assert units_of(b"a.yml", text, parts=parts) == units_of(b"a.yml", text)


@given(texts=versions(2))
def test_the_difference_of_versions_is_that_of_their_elements(texts: list[bytes]) -> None:
    found = difference(b"a.yml", *texts)
    assert found is None or found == gained(*(units_of(b"a.yml", text) for text in texts))


@given(texts=versions(4))
def test_pieces_that_all_versions_have_make_no_difference_to_the_table(texts: list[bytes]) -> None:
    found = compared(b"a.yml", texts)
    assert found is None or judge(*found) == judge(*units_together(b"a.yml", [Version(text) for text in texts]))


TRANSLATIONS = "".join(
    f"  Class{number}:\n    FIELD: 'of {number}'\n    # said\n    OTHER: none\n" for number in range(5)
)


@pytest.mark.parametrize("begin", ["", "---\n", "# said\n\n"])
def test_translations_are_cut_into_what_is_below_the_language(begin: str) -> None:
    pieces = cut_up(f"{begin}de:\n{TRANSLATIONS}")
    assert pieces is not None
    assert [(piece.inside, piece.column) for piece in pieces] == [(("de",), 2)] * 5
    text = f"{begin}de:\n{TRANSLATIONS}".encode()
    assert units_of(b"de.yml", text).form is Form.YAML
    found = difference(b"de.yml", text, text.replace(b"of 3", b"of 4"))
    assert found is not None
    assert {(unit.key[-2:], unit.value, more) for unit, more in found.items()} == {
        (("Class3", "FIELD"), "of 3", -1), (("Class3", "FIELD"), "of 4", 1),
    }  # fmt: skip


def test_what_identifies_the_members_of_lists_is_asked_of_pieces_too() -> None:
    options = Options(list_keys=("colour", *DEFAULTS.list_keys))
    old, new = (f"jobs:\n  a:\n  - colour: red\n    id: 1\n    runs: {runs}\n".encode() for runs in ("x", "y"))
    found = difference(b"a.yml", old, new, options=options)
    assert found == gained(units_of(b"a.yml", old, options=options), units_of(b"a.yml", new, options=options))
    assert found is not None
    assert {unit.key[1] for unit in found} == {"a[red]"}
