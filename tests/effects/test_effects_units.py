from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.effects import element, line

from branchsim.effects import (
    ABSENT,
    Form,
    Limits,
    Options,
    Unit,
    UnknownContentError,
    Version,
    judge,
    units_of,
    units_together,
    unknown,
)

SUFFIXES = (b"a.txt", b"a.py", b"a.xml", b"Admin.profile-meta.xml", b"a.json", b"a.yml", b"a.yaml", b"a.bin", b"")
METADATA = b'<Profile xmlns="http://soap.sforce.com/2006/04/metadata">'


def values(content: bytes, path: bytes = b"a.txt", mode: str = "100644") -> dict[str, int]:
    return {unit.value: count for unit, count in units_of(path, content, mode).counts.items() if unit.kind == "line"}


def test_lines_are_counted_without_indentation_and_trivial_ones_are_left_out() -> None:
    units = units_of(b"a.c", b"  int  x = 1;\n\tint x = 1;\r\n}\n\n{\nreturn x;\n")
    assert values(b"  int  x = 1;\n\tint x = 1;\r\n}\n\n{\nreturn x;\n") == {"int x = 1;": 2, "return x;": 1}
    assert units.trivial == 2
    assert units.form is Form.LINES


def test_line_ends_do_not_matter() -> None:
    assert (
        units_of(b"a", b"one\ntwo\n").counts
        == units_of(b"a", b"one\r\ntwo\r\n").counts
        == units_of(b"a", b"one\rtwo").counts
    )


def test_letters_of_every_script_mean_something() -> None:
    assert values("日本語\nქართული\n--- ***\n".encode()) == {"日本語": 1, "ქართული": 1}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1"])
def test_text_is_the_same_in_every_encoding(encoding: str) -> None:
    assert values("prénom\nnaïve\n".encode(encoding)) == {"prénom": 1, "naïve": 1}


def test_bytes_with_the_mark_of_an_encoding_that_are_not_in_it_are_compared_as_a_whole() -> None:
    units = units_of(b"a.txt", b"\xff\xfe\x00")
    assert units.form is Form.BINARY
    assert "utf-16" in units.reason


def test_binary_files_are_one_unit_by_content() -> None:
    one, same, other = (units_of(path, content) for path, content in ((b"a", b"\0x"), (b"b", b"\0x"), (b"a", b"\0y")))
    assert one.counts == same.counts != other.counts
    assert [unit.kind for unit in one.counts if unit.kind != "path"] == ["file"]


def test_links_submodules_pointers_and_modes_are_units() -> None:
    def kinds(content: bytes, mode: str) -> set[Unit]:
        return {unit for unit in units_of(b"a", content, mode).counts if unit.kind != "path"}

    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"ab" * 32 + b"\nsize 12\n"
    assert kinds(b"../target", "120000") == {Unit("symlink", (), "../target")}
    assert kinds(b"1" * 40, "160000") == {Unit("submodule", (), "1" * 40)}
    assert kinds(pointer, "100644") == {Unit("lfs", (), "sha256:" + "ab" * 32)}
    assert kinds(b"run\n", "100755") - kinds(b"run\n", "100644") == {Unit("mode", (), "executable")}
    assert kinds(b"version https://git-lfs.github.com/spec/v1\nno pointer\n", "100644") != kinds(pointer, "100644")


def test_nothing_at_a_path_is_not_an_empty_file() -> None:
    assert not ABSENT.counts
    assert units_of(b"a", None) is ABSENT
    assert units_of(b"a", b"").counts == {Unit("path", (), "present"): 1}


def test_unknown_content_is_never_taken_for_absent() -> None:
    units = unknown("object 12 is missing")
    assert not units.is_known
    with pytest.raises(UnknownContentError, match="object 12 is missing"):
        judge(ABSENT, ABSENT, ABSENT, units)


def test_a_file_above_the_limit_is_compared_as_a_whole_and_says_so() -> None:
    options = Options(limits=Limits(text=100))
    one, other = (units_of(b"a.txt", b"word %d\n" % number * 50, options=options) for number in (1, 2))
    assert one.form is Form.BINARY
    assert "more than the 100" in one.reason
    assert one.counts != other.counts


def test_a_structured_file_above_its_limit_is_read_as_lines_and_says_so() -> None:
    units = units_of(b"a.json", b'{"name": "value"}', options=Options(limits=Limits(structured=10)))
    assert units.form is Form.LINES
    assert "read as lines" in units.reason


def test_long_lines_are_cut_and_still_told_apart() -> None:
    one, other = (units_of(b"a.js", b"x" * 10_000_000 + end) for end in (b"1", b"2"))
    assert one.counts != other.counts
    assert max(len(unit.value) for unit in one.counts) < 1000


def test_a_version_that_does_not_parse_makes_all_versions_lines() -> None:
    whole, broken = Version(b'{"name": 1}'), Version(b'<<<<<<<\n{"name": 1}\n')
    first, second, third = units_together(b"a.json", [whole, broken, Version(None)])
    assert first.form is second.form is Form.LINES
    assert line('{"name": 1}') in first.counts
    assert "not valid JSON" in first.reason
    assert third is ABSENT


def test_a_version_that_is_binary_does_not_make_the_others_lines() -> None:
    first, second = units_together(b"a.json", [Version(b'{"name": 1}'), Version(b"\0")])
    assert first.counts[element("name", value="1")] == 1
    assert second.form is Form.BINARY


@given(
    path=st.sampled_from(SUFFIXES),
    content=st.binary(max_size=400),
    mode=st.sampled_from(["100644", "100755", "120000", "160000"]),
)
@settings(max_examples=300, deadline=2000)
def test_any_bytes_are_read_the_same_way_twice(path: bytes, content: bytes, mode: str) -> None:
    units = units_of(path, content, mode)
    assert units == units_of(path, content, mode)
    assert units.is_known
    assert all(count > 0 for count in units.counts.values())
    assert units.counts[Unit("path", (), "present")] == 1


@given(
    path=st.sampled_from(SUFFIXES),
    content=st.lists(
        st.sampled_from(["[", "]", "{", "}", '"', "\\", ":", "- ", "\n", "? ", "&a ", "*a", "<a>", "</a>", "<!--", "é"])
    ),
)
@settings(max_examples=300, deadline=2000)
def test_anything_made_of_syntax_is_read(path: bytes, content: list[str]) -> None:
    assert units_of(path, "".join(content).encode()).is_known
    assert units_of(path, METADATA + "".join(content).encode()).is_known


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (b"a.json", b"[" * 100_000 + b"]" * 100_000),
        (b"a.json", b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        (b"a.json", b'"' + b'\\"' * 500_000 + b"[" * 300),
        (b"a.json", b"9" * 1_000_000),
        (b"a.yml", b"[" * 100_000),
        (b"a.yml", b"- " * 100_000),
        (b"a.yml", b"? " * 100_000),
        (b"a.yml", b"[ # ]\n" * 50_000),
        (b"a.yml", b"a: &a [x]\n" + b"".join(b"b%d: &b%d [*a, *a]\n" % (n, n) for n in range(2000))),
        (b"a.xml", METADATA + b"<a>" * 100_000),
        (b"a.xml", METADATA + b"<a>" * 240 + b"</a>" * 240 + b"</Profile>"),
        (b"a.xml", METADATA + b"<a>" + b"x" * 3_000_000 + b"</a></Profile>"),
        (b"a.xml", METADATA + b"<a " + b" ".join(b'b%d="1"' % n for n in range(20_000)) + b"/></Profile>"),
        (b"a.txt", b"a " * 5_000_000),
        (b"a.txt", b"- " * 5_000_000),
        (b"a.py", b"\r" * 3_000_000),
    ],
    ids=range(16),
)
def test_hostile_files_are_read_in_bounded_time(path: bytes, content: bytes) -> None:
    start = time.process_time()
    assert units_of(path, content).is_known
    assert time.process_time() - start < 10


@pytest.mark.parametrize(
    "start", [METADATA, b'<?xml version="1.0" encoding="UTF-8"?>\n' + METADATA + b"\n    "], ids=range(2)
)
def test_an_element_of_too_many_attributes_is_read_as_lines_and_says_so(start: bytes) -> None:
    units = units_of(b"a.xml", start + b"<a " + b" ".join(b'b%d="1"' % n for n in range(1001)) + b"/>\n</Profile>")
    assert units.form is Form.LINES
    assert "more than 1000 attributes" in units.reason


def test_many_small_files_are_read_quickly() -> None:
    contents = [b"".join(b"    value_%d = call(%d, %d)\n" % (n, n, i) for n in range(20)) for i in range(5000)]
    start = time.process_time()
    for content in contents:
        units_of(b"a.py", content)
    assert time.process_time() - start < 10
