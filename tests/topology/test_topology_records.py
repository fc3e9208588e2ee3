from __future__ import annotations

from typing import Any

import pytest

from branchsim.errors import TopologyError
from branchsim.topology import FLOW_KINDS, GUARDS, METHODS, Branch, Family, Flow, Waiver


def test_the_words_are_those_of_the_documentation() -> None:
    assert FLOW_KINDS == ("promote", "retrofit")
    assert METHODS == ("merge", "squash", "rebase", "fast-forward", "cherry-pick")
    assert {"no-promotion-while-open", "no-squash-if-merged-again", "run-frozen-while-ahead"} <= set(GUARDS)
    assert all(text.endswith(".") for text in GUARDS.values())


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "-rf", "a..b", "a/", "/a", "a//b", "a.lock", "x/a.lock/y", ".a", "a/.b", "a~1", "a^", "a:b", "@",
     "a@{0}", "a\\b", "a\nb", "a\x7f", "a.", "--upload-pack=x"],
)  # fmt: skip
def test_a_name_git_refuses_is_an_error_that_shows_it(name: str) -> None:
    with pytest.raises(TopologyError) as caught:
        Branch(name, layer="BUILD")
    assert repr(name) in str(caught.value) or "empty" in str(caught.value)


@pytest.mark.parametrize("name", ["main", "release/1.2", "release/*", "é", "a@b", "user/#1", "a-b_c", "7-0-stable"])
def test_a_name_git_allows_is_kept(name: str) -> None:
    assert Branch(name, layer="BUILD").name == name


# Callers without a type checker pass anything.
branch: Any = Branch
flow: Any = Flow
family: Any = Family
waiver: Any = Waiver


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: branch("a", layer=""), "layer is empty"),
        (lambda: branch("a", layer="  "), "layer is empty"),
        (lambda: branch("a", layer="X", level=True), "whole number"),
        (lambda: branch("a", layer="X", level="9"), "whole number"),
        (lambda: branch(3, layer="X"), "must be text, not int"),
        (lambda: flow("promte", source="a", target="b"), "did you mean 'promote'"),
        (lambda: flow("promote", source="", target="b"), "its 'from'"),
        (lambda: flow("promote", source="a", target="b c"), "its 'to'"),
        (lambda: flow("promote", source="a", target="b", methods=("sqash",)), "did you mean 'squash'"),
        (lambda: flow("promote", source="a", target="b", methods=3), "a list of methods"),
        (lambda: family("", source=("a",), to=("b",)), "the name is empty"),
        (lambda: family("f/*", source=(), to=("b",)), "'from' names no branch"),
        (lambda: family("f/*", source=("a",), to=()), "'to' names no branch"),
        (lambda: family("f/*", source=("a", "a"), to=("b",)), "named twice"),
        (lambda: family("f/*", source=3, to=("b",)), "a name or several"),
        (lambda: waiver(reason="x"), "exactly one"),
        (lambda: waiver(commit="abcd", path="x", reason="x"), "not commit and path"),
        (lambda: waiver(commit="abc", reason="x"), "4 to 64"),
        (lambda: waiver(commit="xyz1", reason="x"), "4 to 64"),
        (lambda: waiver(path="", reason="x"), "not empty"),
        (lambda: waiver(path="x", reason=" "), "needs a reason"),
    ],
)
def test_a_wrong_part_names_what_is_wrong(build: Any, says: str) -> None:
    with pytest.raises(TopologyError, match=says):
        build()


def test_methods_are_kept_in_one_order_so_that_equal_sets_are_equal() -> None:
    one = Flow("promote", source="a", target="b", methods=("squash", "merge"))
    other = Flow("promote", source="a", target="b", methods=("merge", "squash"))
    assert one == other
    assert hash(one) == hash(other)


def test_one_name_stands_for_a_tuple_of_one() -> None:
    assert family("f/*", source="a", to="b") == Family("f/*", source=("a",), to=("b",))


def test_records_print_as_python() -> None:
    one = Flow("retrofit", source="a", target="b", methods=("merge",))
    assert eval(repr(one)) == one  # noqa: S307 - the repr of our own record
    assert str(one) == "retrofit a -> b"
    other = Family("f/*", source=("a",), to=("b",), retrofit=("c",))
    assert eval(repr(other)) == other  # noqa: S307
    assert other.holds("f/x")
    assert not other.holds("g/x")


def test_a_waiver_covers_what_it_names_and_nothing_else() -> None:
    commit = Waiver(commit="ABCD1234", reason="r")
    assert commit.covers_commit("abcd1234" + "0" * 32)
    assert not commit.covers_commit("abcd1235" + "0" * 32)
    assert not commit.covers_path("abcd1234")
    assert not commit.covers_author("abcd1234")
    path = Waiver(path="docs/**", reason="r")
    assert path.covers_path("docs/a/b.md")
    assert not path.covers_path("src/docs/a")
    assert not path.covers_commit("docs/**")
    author = Waiver(author="dependabot[bot]", reason="r")
    assert author.covers_author("Dependabot[bot]", "x@y")
    assert not author.covers_author("dependabotb", "x@y")
    assert Waiver(author="*@bots.example", reason="r").covers_author("x", "ci@BOTS.example")
    assert Waiver(author="Jo <jo@x.org>", reason="r").covers_author("Jo", "jo@x.org")
    assert not Waiver(author="jo", reason="r").covers_author("joan", "")
