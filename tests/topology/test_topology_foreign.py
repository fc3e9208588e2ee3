from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from branchsim.errors import TopologyError
from branchsim.topology.foreign import json_mapping, manifest_types, yaml_mapping

if TYPE_CHECKING:
    from pathlib import Path

LIST_BOMB = b"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
    f"{after}: &{after} [{','.join([f'*{before}'] * 10)}]\n".encode()
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGE_BOMB = b"a: &a {x: 1}\n" + b"".join(
    f"{after}: &{after} {{<<: [{','.join([f'*{before}'] * 10)}]}}\n".encode()
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)


def test_several_mappings_may_be_merged_into_one() -> None:
    found = yaml_mapping(b"a: &a {x: 1}\nb: &b {y: 2}\nc:\n  <<: *a\n  <<: *b\n", "config/x.yml")
    assert found == {"a": {"x": 1}, "b": {"y": 2}, "c": {"x": 1, "y": 2}}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (LIST_BOMB, "aliases written out.*more than 50,000 values"),
        (MERGE_BOMB, "aliases written out"),
        (b"a: &a [*a]", "refers to the value it stands in"),
        (b"&a a: &b {c: *b}", "refers to the value"),
        (b"a: " + b"[" * 60 + b"]" * 60, "nested too deeply"),
        (b"a: " + b"[" * 20_000, "nested too deeply"),
        (
            b"a: !!python/object/apply:os.system ['true']",
            "tag that would construct an object is refused.*line 1, column 4",
        ),
        (b"a:\n  - !!python/name:os.system", "tag that would construct.*line 2, column 5"),
        (b"a: !<!thing> x", "tag that would construct"),
        (b"a: [1, 2", "not valid YAML.*line 1"),
        (b"a: *nothing", "not valid YAML.*undefined alias.*line 1, column 4"),
        (b"a: 1\n---\nb: 2", "not valid YAML.*single document"),
        (b"- a", "expected keys and values, found list"),
        (b"text", "expected keys and values, found str"),
        (b"a: \xff", "line 1 is not UTF-8"),
        (b"a: \x00", "not valid YAML"),
        (b"? [a]\n: b", "not valid YAML.*unhashable"),
        (b"a: 2024-99-99", "a value is not usable"),
        (b"a: 1\nb:\n  c: 1\n  c: 2", "the key 'c' is given twice .at line 4, column 3.; remove one"),
        (b"#" * 200_001, "more than the 200,000"),
    ],
)
def test_hostile_yaml_is_one_clear_error(data: bytes, says: str) -> None:
    began = time.process_time()
    with pytest.raises(TopologyError, match=says) as caught:
        yaml_mapping(data, "config/x.yml")
    assert str(caught.value).startswith("config/x.yml: ")
    assert "\n" not in str(caught.value)
    assert time.process_time() - began < 20


def test_a_tag_runs_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    with pytest.raises(TopologyError):
        yaml_mapping(f"a: !!python/object/apply:pathlib.Path.touch [{mark}]".encode(), "x")
    assert not mark.exists()


def test_ordinary_anchors_are_fine() -> None:
    assert yaml_mapping(b"a: &x {k: 1}\nb: *x\nc: {<<: *x, m: 2}\n1: y", "x") == {
        "a": {"k": 1},
        "b": {"k": 1},
        "c": {"k": 1, "m": 2},
        "1": "y",
    }


@pytest.mark.parametrize("data", [b"", b"# nothing\n", b"---\n", b"null", b"\xef\xbb\xbf"])
def test_an_empty_file_is_none(data: bytes) -> None:
    assert yaml_mapping(data, "x") is None


@given(st.binary(max_size=50) | st.text("ab:-[]{}&*!|>'\"\n #?%@", max_size=50).map(str.encode))
def test_no_yaml_makes_anything_but_a_mapping_or_our_error(data: bytes) -> None:
    try:
        value = yaml_mapping(data, "x")
    except TopologyError:
        return
    assert value is None or isinstance(value, dict)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"{", "not valid JSON.*line 1, column 2"),
        (b"[1]", "expected an object, found list"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "number that is too long"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_hostile_json_is_one_clear_error(data: bytes, says: str) -> None:
    with pytest.raises(TopologyError, match=says):
        json_mapping(data, "package.json")


MANIFEST = b"""<?xml version="1.0" encoding="UTF-8"?>
<Package xmlns="http://soap.sforce.com/2006/04/metadata">
  <!-- kept by the admins -->
  <types><members>*</members><name>Profile</name></types>
  <types><members> Sales/A </members><members>Sales/B</members><members/><name>Report</name></types>
  <types><members>Sales/C</members><name>Report</name></types>
  <types><name>Layout</name></types>
  <version>60.0</version>
</Package>"""


def test_a_manifest_is_types_and_members() -> None:
    assert manifest_types(MANIFEST, "x") == {"Profile": {"*"}, "Report": {"Sales/A", "Sales/B", "Sales/C"}}
    assert manifest_types(b"<Package/>", "x") == {}


BILLION = b"""<!DOCTYPE p [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<Package><types><members>&c;</members><name>A</name></types></Package>"""


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (BILLION, "DOCTYPE"),
        (b'<!DOCTYPE p SYSTEM "http://127.0.0.1:9/x.dtd"><Package/>', "DOCTYPE"),
        (b"<Package>" + b"<a>" * 2_000 + b"</a>" * 2_000 + b"</Package>", "not valid XML"),
        (b"<Package><types>", "not valid XML"),
        (b"", "not valid XML"),
        (b"nothing", "not valid XML"),
        (b"<Other/>", "is no manifest: the root is 'Other'"),
        (b"<Package>\n<types><members>a</members></types></Package>", "line 2: a <types> needs exactly one <name>"),
        (b"<Package><types><name>A</name><name>B</name></types></Package>", "exactly one <name>"),
        (b" " * 5_000_001, "more than the 5,000,000"),
    ],
)
def test_hostile_xml_is_one_clear_error(data: bytes, says: str) -> None:
    with pytest.raises(TopologyError, match=says) as caught:
        manifest_types(data, "m.xml")
    assert str(caught.value).startswith("m.xml: ")


def test_an_entity_reads_no_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hidden")
    data = (
        f'<!DOCTYPE p [<!ENTITY s SYSTEM "{secret.as_uri()}">]><Package><types><members>&s;</members></types></Package>'
    )
    with pytest.raises(TopologyError, match="DOCTYPE") as caught:
        manifest_types(data.encode(), "m.xml")
    assert "hidden" not in str(caught.value)
