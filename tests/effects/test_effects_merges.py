"""The law that everything stands on, against git itself: what git merges cleanly has lost nothing."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from support.effects import read

from branchsim.effects import judge

if TYPE_CHECKING:
    from pathlib import Path

ROWS = st.lists(
    st.sampled_from(["alpha = 1", "beta()", "return gamma", "}", "", "delta(1, 2)", "alpha = 2"]), max_size=12
)
EDIT = st.tuples(st.integers(0, 12), st.integers(0, 3), ROWS.map(lambda rows: rows[:3]))
FIELDS = st.dictionaries(st.sampled_from("ABCDEFGH"), st.tuples(st.booleans(), st.booleans()), min_size=1)


def git_merge(folder: Path, base: str, target: str, source: str) -> str | None:
    """The clean merge, None where there is a conflict."""
    paths = []
    for name, text in (("target", target), ("base", base), ("source", source)):
        paths.append(folder / name)
        paths[-1].write_text(text, encoding="utf-8")
    done = subprocess.run(["git", "merge-file", "-p", *map(str, paths)], capture_output=True, check=False, timeout=20)
    return done.stdout.decode("utf-8") if done.returncode == 0 else None


def edited(rows: list[str], edit: tuple[int, int, list[str]]) -> list[str]:
    start, size, fresh = edit
    return rows[:start] + fresh + rows[start + size :]


@given(rows=ROWS, target=EDIT, source=EDIT)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_clean_merge_of_text_loses_nothing(
    tmp_path: Path, rows: list[str], target: tuple[int, int, list[str]], source: tuple[int, int, list[str]]
) -> None:
    texts = ["".join(f"{row}\n" for row in version) for version in (rows, edited(rows, target), edited(rows, source))]
    merged = git_merge(tmp_path, *texts)
    event("conflict" if merged is None else "clean")
    assume(merged is not None)
    assert merged is not None
    versions = [read("a.txt", text) for text in [*texts, merged]]
    assert not [verdict for verdict in judge(*versions) if verdict.is_loss]


def profile(fields: dict[str, tuple[bool, bool]]) -> str:
    body = "".join(
        f"    <fieldPermissions>\n        <editable>{str(edit).lower()}</editable>\n        <field>{name}</field>\n"
        f"        <readable>{str(view).lower()}</readable>\n    </fieldPermissions>\n"
        for name, (edit, view) in sorted(fields.items())
    )
    return f'<Profile xmlns="http://soap.sforce.com/2006/04/metadata">\n{body}</Profile>\n'


@given(base=FIELDS, target=FIELDS, source=FIELDS)
@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
def test_a_clean_merge_of_metadata_loses_nothing(
    tmp_path: Path,
    base: dict[str, tuple[bool, bool]],
    target: dict[str, tuple[bool, bool]],
    source: dict[str, tuple[bool, bool]],
) -> None:
    merged = git_merge(tmp_path, *map(profile, (base, {**base, **target}, {**base, **source})))
    event("conflict" if merged is None else "clean")
    assume(merged is not None)
    assert merged is not None
    versions = [
        read("a.xml", text)
        for text in (profile(base), profile({**base, **target}), profile({**base, **source}), merged)
    ]
    assert not [verdict for verdict in judge(*versions) if verdict.is_loss]


@pytest.mark.parametrize("drop", ["target", "source"])
def test_a_merge_that_takes_one_side_loses_the_other(tmp_path: Path, drop: str) -> None:
    base, target, source = (
        "one row\n" * 3 + "mid\n" * 9,
        "target row\n" + "one row\n" * 3 + "mid\n" * 9,
        "one row\n" * 3 + "mid\n" * 9 + "source row\n",
    )
    assert git_merge(tmp_path, base, target, source) is not None
    merged = source if drop == "target" else target
    losses = [
        verdict
        for verdict in judge(*(read("a.txt", text) for text in (base, target, source, merged)))
        if verdict.is_loss
    ]
    assert [(verdict.unit.value, verdict.side.value) for verdict in losses] == [(f"{drop} row", drop)]
