"""Differences without reading what both versions have: the same as from the units of both files, read whole."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from branchsim.effects import Fated, Form, Scene, Units, fates, judge, sift, units_of, units_together
from branchsim.effects import scene as scene_module
from branchsim.effects.stretch import (
    alike,
    apart,
    compared,
    difference,
    gained,
    is_merged,
    spaceless,
    spaceless_difference,
)
from branchsim.effects.structured import KnownParts
from branchsim.effects.text import Limits
from branchsim.effects.units import DEFAULTS, Options, UnknownContentError, Version, form_of, unknown

META = "http://soap.sforce.com/2006/04/metadata"

LINES = st.sampled_from(
    [
        b"", b"one();", b"  one();", b"one();\r", b"\tone(); ", b"two = 2", b"}", b"x", b"caf\xc3\xa9 au lait",
        b"caf\xe9 in latin-1", b"a\rb in one", b"long " * 900, b"<<<<<<< HEAD", b"nul \0 in it",
    ]
)  # fmt: skip
TEXTS = st.builds(
    lambda lines, end: b"\n".join(lines) + end, st.lists(LINES, max_size=12), st.sampled_from([b"", b"\n"])
)


@st.composite
def edits(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Two versions that begin and end alike, or not."""
    parts = [draw(TEXTS) for _ in range(4)]
    glue = draw(st.sampled_from([b"", b"\n"]))
    return glue.join((parts[0], parts[1], parts[3])), glue.join((parts[0], parts[2], parts[3]))


def whole(path: bytes, old: bytes, new: bytes, options: Options = DEFAULTS) -> dict[Any, int]:
    return gained(units_of(path, old, options=options), units_of(path, new, options=options))


@given(pair=edits(), path=st.sampled_from([b"a.c", b"pom.xml", b"a.profile"]))
@example(pair=(b"\xef\xbb\xbfone();\n", b"\xef\xbb\xbftwo = 2\n"), path=b"a.c")
@example(pair=(b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\n", b"two = 2\n"), path=b"a.c")
@example(pair=(b"\xff\xfeo\0n\0e\0", b"\xff\xfet\0w\0o\0"), path=b"a.c")
@example(pair=(b"one();\n" * 2000 + b"\0", b"one();\n" * 2000 + b"two = 2\0"), path=b"a.c")
def test_the_difference_of_texts_is_that_of_their_units(pair: tuple[bytes, bytes], path: bytes) -> None:
    found = difference(path, *pair)
    assert found is None or found == whole(path, *pair)


@given(pair=edits(), path=st.sampled_from([b"a.c", b"pom.xml"]))
@example(pair=(b"one\n", b"one\n" + b"long " * 900), path=b"a.c")
def test_without_white_space_the_difference_is_that_of_the_units_without_it(
    pair: tuple[bytes, bytes], path: bytes
) -> None:
    found = spaceless_difference(path, *pair)
    if found is not None:
        expected: dict[str, int] = {}
        for unit, more in whole(path, *pair).items():
            expected[spaceless(unit.value)] = expected.get(spaceless(unit.value), 0) + more
        for line, more in expected.items():
            assert found.get(line, 0) == more
        assert all(not more or len(line) < 3 or line in expected or "}" in line for line, more in found.items())


@given(pair=edits())
def test_two_plain_texts_are_never_read_whole(pair: tuple[bytes, bytes]) -> None:
    if b"\0" not in pair[0] + pair[1]:
        assert difference(b"a.c", *pair) is not None


@given(pair=edits())
def test_what_is_alike_is_whole_lines_and_does_not_overlap(pair: tuple[bytes, bytes]) -> None:
    one, other = (text.decode("latin-1") for text in pair)
    head, tail = alike(one, other)
    assert one[:head] == other[:head]
    assert one[len(one) - tail :] == other[len(other) - tail :]
    assert head + tail <= min(len(one), len(other)) or one == other
    for text in (one, other):
        assert head in (0, len(text)) or text[head - 1] == "\n"
        assert not tail or len(text) - tail in (0, head) or text[len(text) - tail - 1] == "\n"


NAMES = ["fullName", "field", "editable", "label", "fieldPermissions", "values", "description"]
TREES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from(["", "true", "A__c", "caf\u00e9", "a &amp; b", "<![CDATA[<x>\n    <y/>]]>", "two\n    lines"]),
    lambda inner: st.lists(st.tuples(st.sampled_from(NAMES), inner), min_size=1, max_size=4),
    max_leaves=12,
)
BITS = st.sampled_from(
    [
        "<!-- <label>none</label> -->", "<?target data?>", "loose text", "<<<<<<< HEAD", "<open>", "&unknown;",
        '<label type="x">A</label>', "<label xmlns:x='urn:x' x:y='z'/>",
    ]
)  # fmt: skip


def rendered(tree: Any, gap: str, deeper: str) -> str:
    if isinstance(tree, str):
        return tree
    inner = gap + deeper
    return "".join(f"{gap}<{tag}>{rendered(child, inner, deeper)}</{tag}>" for tag, child in tree) + gap


@st.composite
def metadata_edits(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Two versions of a metadata file, in any layout, with anything that a careless hand leaves in one."""
    children = st.one_of(st.tuples(st.sampled_from(NAMES), TREES), BITS)
    head, old, new, tail = (draw(st.lists(children, max_size=3)) for _ in range(4))
    if draw(st.booleans()):
        tail = [*tail, *old]  # moved
    gap = draw(st.sampled_from(["\n    ", "\n", "", "\n  ", "\n\t", "\r\n    "]))
    odd = draw(st.sampled_from([gap, gap, "\n        "]))
    deeper = draw(st.sampled_from(["    ", "", "  "]))
    roots = draw(st.sampled_from([("Profile", "Profile"), ("Profile", "Profile"), ("Profile", "PermissionSet")]))
    spaces = draw(st.sampled_from([(META, META), (META, META), (META, META), (META, "urn:other"), ("urn:o", "urn:o")]))
    declared = '<?xml version="1.0" encoding="UTF-8"?>'
    start = draw(st.sampled_from([f"{declared}\n", f"{declared}\n", declared, "", "<!-- before -->\n", "<!DOCTYPE P>"]))
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "latin-1"]))
    found = []
    for root, space, parts in zip(roots, spaces, ([*head, *old, *tail], [*head, *new, *tail]), strict=True):
        body = "".join(
            own + part if isinstance(part, str) else rendered([part], own, deeper).rstrip(" \n\t")
            for part, own in zip(parts, itertools.cycle((gap, odd)))
        )
        found.append(f'{start}<{root} xmlns="{space}">{body}\n</{root}>\n'.encode(encoding))
    return found[0], found[1]


@given(pair=metadata_edits())
def test_the_difference_of_metadata_is_that_of_their_elements(pair: tuple[bytes, bytes]) -> None:
    found = difference(b"a-meta.xml", *pair)
    assert found is None or found == whole(b"a-meta.xml", *pair)


@given(pair=metadata_edits())
def test_metadata_that_parses_is_never_read_whole(pair: tuple[bytes, bytes]) -> None:
    if all(units_of(b"a.xml", version).form is Form.METADATA for version in pair):
        assert difference(b"a.xml", *pair) is not None


@given(pairs=st.lists(metadata_edits(), max_size=3))
def test_elements_that_were_read_before_are_read_alike(pairs: list[tuple[bytes, bytes]]) -> None:
    parts: KnownParts = {}
    for version in [version for pair in pairs for version in pair] * 2:
        assert units_of(b"a.xml", version, parts=parts) == units_of(b"a.xml", version)


def nested(depth: int, value: str) -> bytes:
    return (f'<P xmlns="{META}">' + "<a>" * depth + value + "</a>" * depth + "<b>c</b></P>").encode()


@pytest.mark.parametrize("depth", [2, 3, 4, 5])
def test_what_is_too_deep_in_both_versions_is_read_whole(depth: int) -> None:
    options = Options(limits=Limits(depth=4))
    content = nested(depth, "old")
    assert units_of(b"a.xml", content, options=options, parts={}) == units_of(b"a.xml", content, options=options)
    old, new = nested(depth, "old"), nested(depth, "old").replace(b"<b>c", b"<b>d")
    found = difference(b"a.xml", old, new, options=options)
    too_deep = units_of(b"a.xml", old, options=options).form is not Form.METADATA
    assert (found is None) is too_deep
    assert too_deep or found == whole(b"a.xml", old, new, options)


def test_json_is_read_whole() -> None:
    assert form_of(b"a.json") is not Form.LINES
    assert difference(b"a.json", b'{"a": 1}', b'{"a": 2}') is None


@given(texts=st.lists(TEXTS.map(lambda text: text.decode("latin-1")), min_size=1, max_size=4), margin=st.integers(0, 3))
def test_what_all_texts_have_around_is_cut_off_in_whole_lines(texts: list[str], margin: int) -> None:
    wholes = ["one();\n" * 5 + text + "two = 2\n" * 5 for text in texts]
    parts = apart(wholes, margin)
    cut = len(wholes[0]) - len(parts[0])
    assert any(
        all(
            whole == wholes[0][:at] + part + whole[len(whole) - cut + at :]
            for whole, part in zip(wholes, parts, strict=True)
        )
        and wholes[0][:at][-1:] in {"", "\n"}
        for at in range(cut + 1)
    )
    for text, part in zip(texts, parts, strict=True):
        assert len(set(texts)) == 1 or part.count("\n") <= text.count("\n") + 2 * margin + 1


@given(one=edits(), other=edits(), path=st.sampled_from([b"a.c", b"pom.xml", b"a.profile"]))
def test_what_all_versions_have_makes_no_difference_to_the_table(
    one: tuple[bytes, bytes], other: tuple[bytes, bytes], path: bytes
) -> None:
    contents = [*one, *other]
    found = compared(path, contents)
    assert found is None or judge(*found) == judge(*units_together(path, [Version(each) for each in contents]))


@given(one=edits(), other=edits(), glue=st.sampled_from([b"", b"same();\n"]))
@example(one=(b"one();\n", b"one();\ntwo = 2\n"), other=(b"x\none();\n", b"x\none();\ntwo = 2\n"), glue=b"")
def test_nothing_is_lost_where_one_side_gained_what_the_other_had_gained(
    one: tuple[bytes, bytes], other: tuple[bytes, bytes], glue: bytes
) -> None:
    contents = [glue + each for each in (one[0], other[0], one[1], other[1])]
    for base, target, source, merged in (contents, [contents[0], contents[2], contents[1], contents[3]]):
        if is_merged(b"a.c", [base, target, source, merged], known={}):
            units = units_together(b"a.c", [Version(each) for each in (base, target, source, merged)])
            assert not any(verdict.is_loss for verdict in judge(*units))


@given(one=metadata_edits(), other=metadata_edits())
def test_elements_that_all_versions_have_make_no_difference_to_the_table(
    one: tuple[bytes, bytes], other: tuple[bytes, bytes]
) -> None:
    contents = [*one, *other]
    found = compared(b"a.profile", contents)
    whole = units_together(b"a.profile", [Version(each) for each in contents])
    assert found is None or judge(*found) == judge(*whole)


CODE = [
    "int one = 1;", "    int one = 1;", "call(first, second,", "     third);", "call(first, second, third);", "// said",
    "/* a block", "it ends */", "import java.util.List;", "List<String> names;", "version = 1.2;", "version = 1.3;",
    "released = false;", "released = true;", "}", "else {", "total = count(names);",
]  # fmt: skip
BLOCKS = st.lists(st.sampled_from(CODE), max_size=5).map(lambda lines: "".join(f"{line}\n" for line in lines))


@given(
    parts=st.tuples(BLOCKS, BLOCKS, BLOCKS, BLOCKS),
    around=st.tuples(BLOCKS, BLOCKS),
    many=st.sampled_from([0, 2, 40]),
)
def test_what_all_versions_begin_and_end_with_changes_no_finding(
    parts: tuple[str, str, str, str], around: tuple[str, str], many: int
) -> None:
    filler = "".join(f"filled({number});\n" for number in range(many))
    contents = [f"{around[0]}{filler}{part}{filler}{around[1]}".encode() for part in parts]
    found = compared(b"a.java", contents)
    assert found is not None
    whole = units_together(b"a.java", [Version(each) for each in contents])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene_module, "_MARGIN", 1000)
        expected = _told(whole, contents)
    assert _told(found, contents) == expected


def _told(units: list[Units], contents: list[bytes]) -> list[object]:
    base, target, source, merged = units
    texts = dict(zip(("base", "target", "source", "merged"), contents, strict=True))
    seen = Scene(path=b"a.java", base=base, target=target, source=source, merged=merged, contents=texts)
    sifted = sift(judge(*units), seen)

    def plain(each: Fated) -> tuple[object, ...]:
        return each.verdict, each.fate, each.instead, each.region, each.reordered, each.alike

    return [sifted.left_out, *map(plain, fates(sifted.losses, seen))]


def test_nothing_is_gained_from_what_could_not_be_read() -> None:
    with pytest.raises(UnknownContentError, match="gone"):
        gained(unknown("gone"), units_of(b"a", b"one\n"))
