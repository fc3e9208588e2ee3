from __future__ import annotations

import json
import random
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support.effects import element, found, read

from branchsim.effects import Form, Options, units_of

SCALARS = st.none() | st.booleans() | st.integers(-99, 99) | st.text("ab 1é", max_size=4)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "name", "a", "b"]), inner, max_size=4)
    ),
    max_leaves=20,
)


def shuffled(value: Any, rng: random.Random) -> Any:
    if isinstance(value, dict):
        items = [(key, shuffled(item, rng)) for key, item in value.items()]
        rng.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        items = [shuffled(item, rng) for item in value]
        rng.shuffle(items)
        return items
    return value


@given(value=VALUES, rng=st.randoms(), indent=st.sampled_from([None, 0, 4]))
def test_order_and_indentation_of_json_do_not_matter(value: Any, rng: random.Random, indent: int | None) -> None:
    one = read("a.json", json.dumps(value))
    other = read("a.json", json.dumps(shuffled(value, rng), indent=indent, ensure_ascii=False))
    assert one.form is other.form is Form.JSON
    assert one.counts == other.counts


@given(value=VALUES, rng=st.randoms(), flow=st.booleans())
def test_order_and_style_of_yaml_do_not_matter(value: Any, rng: random.Random, flow: bool) -> None:
    one = read("a.yml", yaml.safe_dump(value))
    other = read("a.yml", yaml.safe_dump(shuffled(value, rng), default_flow_style=flow, allow_unicode=True))
    assert one.form is other.form is Form.YAML
    assert one.counts == other.counts


def test_members_of_lists_are_keyed_and_never_numbered() -> None:
    assert found(
        read("a.json", '{"steps": [{"name": "build", "run": "make"}, {"id": 7, "run": "test"}], "tags": ["x"]}')
    ) == {
        "steps[build]/name": '"build"',
        "steps[build]/run": '"make"',
        "steps[7]/id": "7",
        "steps[7]/run": '"test"',
        "tags[]": '"x"',
    }


def test_list_keys_can_be_chosen() -> None:
    options = Options(list_keys=("sku",), list_keys_at={"containers": ("image",)})
    text = b'{"items": [{"sku": "A1", "name": "x"}], "containers": [{"image": "web", "sku": "no"}]}'
    keys = {unit.key[0] for unit in units_of(b"a.json", text, options=options).counts if unit.kind == "element"}
    assert keys == {"items[A1]", "containers[web]"}


def test_members_that_are_there_twice_are_both_kept() -> None:
    units = read("a.json", '{"a": 1, "a": 2}')
    assert {element("a", value="1"), element("a", value="2")} <= units.counts.keys()


def test_types_are_told_apart() -> None:
    assert found(read("a.json", '{"a": "1"}')) != found(read("a.json", '{"a": 1}'))
    assert found(read("a.yml", "a: '1'")) != found(read("a.yml", "a: 1"))
    assert found(read("a.yml", "a: 'x'")) == found(read("a.yml", 'a: "x"')) == found(read("a.yml", "a: x"))


def test_aliases_are_not_followed_and_tags_are_not_obeyed() -> None:
    units = read("a.yml", "base: &b {x: 1}\nuse: *b\nrun: !!python/object/apply:os.system [ls]\nref: !Ref Bucket\n")
    assert found(units) == {"base/x": "1", "use": "*b", "run[]": "ls", "ref": "!Ref Bucket"}


def test_an_alias_bomb_stays_as_small_as_its_text() -> None:
    text = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 100))
    assert read("a.yml", text).counts.total() == 201


def test_documents_of_a_stream_are_told_apart_by_kind_and_name() -> None:
    web, job = (
        "kind: Deployment\nmetadata: {name: web}\nreplicas: 1\n",
        "kind: Job\nmetadata: {name: job}\nreplicas: 1\n",
    )
    one, other = read("a.yml", f"{web}---\n{job}"), read("a.yml", f"{job}---\n{web}")
    assert one.counts == other.counts
    assert found(one)["Deployment[web]/replicas"] == "1"


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        ("a.json", "{'single': 1}", "not valid JSON"),
        ("a.json", "[" * 201 + "]" * 201, "nested deeper"),
        ("a.yml", "{{ template }}: [", "not valid YAML"),
        ("a.yml", "[" * 201 + "]" * 201, "nested deeper"),
        ("a.json", "[" + "1," * 200_001 + "1]", "more than 200000 elements"),
    ],
)
def test_what_does_not_parse_is_read_as_lines_with_a_reason(path: str, text: str, reason: str) -> None:
    units = read(path, text)
    assert units.form is Form.LINES
    assert reason in units.reason


def test_brackets_in_strings_do_not_nest() -> None:
    assert read("a.json", json.dumps({"text": "[{" * 500})).form is Form.JSON
