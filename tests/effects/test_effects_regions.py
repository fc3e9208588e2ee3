"""Regions: what the other side did where a unit was lost."""

from __future__ import annotations

import pytest

from branchsim.effects import Region, Regions, Scene, Verdict, judge, units_of

LINES = [f"statement number {number};\n" for number in range(30)]
PATH = b"a.c"


def scene(base: list[str], target: list[str], source: list[str], merged: list[str]) -> Scene:
    texts = dict(zip(("base", "target", "source", "merged"), (base, target, source, merged), strict=True))
    return of(PATH, {name: "".join(lines).encode() for name, lines in texts.items() if lines})


def of(path: bytes, contents: dict[str, bytes]) -> Scene:
    return Scene(
        path=path,
        contents=contents,
        base=units_of(path, contents.get("base")),
        target=units_of(path, contents.get("target")),
        source=units_of(path, contents.get("source")),
        merged=units_of(path, contents.get("merged")),
    )


def with_line(number: int, text: str, lines: list[str] = LINES) -> list[str]:
    return [*lines[:number], f"{text};\n", *lines[number + 1 :]]


def lost(made: Scene, text: str) -> Verdict:
    verdicts = judge(made.base, made.target, made.source, made.merged)
    (found,) = [verdict for verdict in verdicts if verdict.unit.value == f"{text};"]
    return found


SOURCE = with_line(10, "the fix that is lost")


@pytest.mark.parametrize(
    ("target", "region"),
    [
        (with_line(20, "other work"), Region.CLEAR),
        (with_line(12, "other work"), Region.CLEAR),
        (with_line(11, "other work"), Region.CONTESTED),
        (with_line(10, "other work"), Region.CONTESTED),
        (LINES[:5] + LINES[16:], Region.REMOVED),
        ([*LINES[:5], *(f"a new statement {n};\n" for n in range(11)), *LINES[16:]], Region.ENCLOSED),
        ([], Region.REMOVED),
    ],
    ids=["elsewhere", "a line between", "beside", "same line", "block removed", "block rewritten", "file removed"],
)
def test_what_the_other_side_did_there(target: list[str], region: Region) -> None:
    made = scene(LINES, target, SOURCE, target)
    assert Regions(made).of(lost(made, "the fix that is lost")) is region


def test_a_file_that_one_side_deleted_and_the_other_edited_is_contested_as_a_whole() -> None:
    made = scene(LINES, SOURCE, [], SOURCE)
    verdicts = [each for each in judge(made.base, made.target, made.source, made.merged) if each.is_loss]
    assert verdicts
    assert {Regions(made).of(verdict) for verdict in verdicts} == {Region.CONTESTED}


def test_what_is_in_a_file_that_both_sides_made_is_contested() -> None:
    contents = {"target": b'{"limit": 1, "field": "Total"}', "source": b'{"limit": 1, "field": "Participants", "a": 2}'}
    made = of(b"a.json", contents | {"merged": contents["source"]})
    (verdict,) = [each for each in judge(made.base, made.target, made.source, made.merged) if each.is_loss]
    assert Regions(made).of(verdict) is Region.CONTESTED


def test_the_other_side_s_layout_contests_nothing() -> None:
    target = [*LINES[:10], "statement   number 10 ;\n", *LINES[11:]]
    made = scene(LINES, target, SOURCE, target)
    assert Regions(made).of(lost(made, "the fix that is lost")) is Region.CLEAR


def test_a_removed_line_that_is_back_is_asked_where_it_stood_in_the_base() -> None:
    source = LINES[:10] + LINES[11:]
    made = scene(LINES, with_line(10, "statement number 10", LINES), source, LINES)
    assert Regions(made).of(lost(made, "statement number 10")) is Region.CLEAR
    made = scene(LINES, with_line(11, "other work"), source, with_line(11, "other work"))
    assert Regions(made).of(lost(made, "statement number 10")) is Region.CONTESTED


def test_of_several_edits_that_hold_the_line_the_mildest_counts() -> None:
    source = with_line(25, "twice", with_line(5, "twice"))
    target = LINES[:20]
    made = scene(LINES, target, source, target)
    assert Regions(made).of(lost(made, "twice")) is Region.REMOVED


def test_an_element_is_asked_at_its_key() -> None:
    def settings(**values: int) -> bytes:
        return ("{" + ", ".join(f'"{name}": {value}' for name, value in values.items()) + "}").encode()

    for target, region in (
        (settings(a=1, b=9), Region.CLEAR),
        (settings(a=3, b=2), Region.CONTESTED),
        (settings(b=2), Region.REMOVED),
    ):
        contents = {"base": settings(a=1, b=2), "target": target, "source": settings(a=2, b=2), "merged": target}
        made = of(b"a.json", contents)
        verdicts = judge(made.base, made.target, made.source, made.merged)
        (verdict,) = [each for each in verdicts if (each.unit.value, each.unit.key) == ("2", ("a",))]
        assert Regions(made).of(verdict) is region
