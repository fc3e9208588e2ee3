from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.plans import plans

from branchsim.plan import Commit, FileChange, Plan, PlanError, PullRequest, Start, read_plan, to_toml
from branchsim.topology import Topology

if TYPE_CHECKING:
    from pathlib import Path


@given(plans())
def test_what_is_written_is_read_back(plan: Plan) -> None:
    text = to_toml(plan)
    assert read_plan(text) == plan
    assert read_plan(text.encode()) == plan
    assert to_toml(read_plan(text)) == text


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_noise_is_an_error_or_a_plan_and_nothing_else(noise: str | bytes) -> None:
    said = None
    try:
        read_plan(noise)
    except PlanError as error:
        said = str(error)
    assert said is None or said.startswith("the plan: ")


SAMPLE = """
schema = 1
name = "login"
author = "Ann Author <ann@example.com>"
at = 2024-01-31T12:00:00Z

[[step]]
kind = "start"
branch = "hotfix/login"
at = "preprod"
reuse = true

[[step]]
kind = "commit"
branch = "hotfix/login"
message = "Fix the login"

[[step.file]]
path = "login.txt"
text = "fixed\\n"

[[step.file]]
path = "old.txt"
delete = true

[[step]]
kind = "pull-request"
source = "hotfix/login"
target = "preprod"
"""


def test_the_documented_sample_is_read() -> None:
    assert read_plan(SAMPLE) == Plan(
        "login",
        (
            Start("hotfix/login", at="preprod", reuse=True),
            Commit(
                "hotfix/login",
                message="Fix the login",
                files=(FileChange("login.txt", b"fixed\n"), FileChange("old.txt", None)),
            ),
            PullRequest("hotfix/login", "preprod"),
        ),
        author="Ann Author <ann@example.com>",
        at=1706702400,
    )


HEAD = "name = 'p'\n[[step]]\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name = 'p'\n[[step]", r"not valid TOML"),
        ("nmae = 'p'", r"unknown key 'nmae' \(did you mean 'name'\?\)"),
        ("schema = 2\nname = 'p'", "schema 2 is unknown"),
        ("author = 'A <a>'", "'name' is missing"),
        (HEAD + "branch = 'a'", r"\[\[step\]\] number 1: 'kind' is missing"),
        (HEAD + "kind = 'pull-reqest'", r"unknown step 'pull-reqest' \(did you mean 'pull-request'\?\)"),
        (
            HEAD + "kind = 'start'\nbranch = 'x'\nat = 'y'\nreuze = true",
            r"unknown key 'reuze' \(did you mean 'reuse'\?\)",
        ),
        (HEAD + "kind = 'start'\nbranch = 'x'", "'at' is missing"),
        (HEAD + "kind = 'start'\nbranch = 'x'\nat = 1", "'at' must be a text in quotes, not a whole number"),
        (HEAD + "kind = 'start'\nbranch = 'x'\nat = 'y'\nreuse = 1", "true or false"),
        (HEAD + "kind = 'start'\nbranch = '-x'\nat = 'y'", r"\[\[step\]\] number 1: start: git allows no branch"),
        (HEAD + "kind = 'start'\nname = ''\nbranch = 'x'\nat = 'y'", "'name' is empty"),
        (
            HEAD
            + "kind = 'tag'\nname = 'n'\ntag = 'x'\nat = 'y'\n[[step]]\nkind = 'tag'\nname = 'n'\ntag = 'z'\nat = 'y'",
            "number 2: the name 'n' is taken",
        ),
        (
            HEAD + "kind = 'commit'\nbranch = 'x'\nmessage = 'm'\n[[step.file]]\npath = '../a'\ntext = ''",
            r"\[\[step.file\]\] number 1: .*'\.\.'",
        ),
        (HEAD + "kind = 'commit'\nbranch = 'x'\nmessage = 'm'\n[[step.file]]\npath = 'a'", "says not what"),
        (
            HEAD + "kind = 'commit'\nbranch = 'x'\nmessage = 'm'\n[[step.file]]\npath = 'a'\ntext = ''\ndelete = true",
            "give one of them",
        ),
        (HEAD + "kind = 'commit'\nbranch = 'x'\nmessage = 'm'\n[[step.file]]\npath = 'a'\nbase64 = '!'", "not base64"),
        (HEAD + "kind = 'commit'\nbranch = 'x'\nmessage = 'm'\npatch-file = 'a'", "given as text"),
        ("name = 'p'\nat = 2024-01-31T12:00:00", "with its zone"),
        ("name = 'p'\nstep = 1", r"write \[\[step\]\] with two brackets"),
        (
            "name = 'p'\n[[forecast]]\nsource = 'a'\ntarget = 'a'",
            r"\[\[forecast\]\] number 1: forecast: 'a' cannot be promoted",
        ),
    ],
)
def test_mistakes_are_named_with_their_place(text: str, says: str) -> None:
    with pytest.raises(PlanError, match=says) as caught:
        read_plan(text)
    assert str(caught.value).startswith("the plan: ")
    assert "\n" not in str(caught.value)


def test_files_beside_a_plan_are_taken_in(tmp_path: Path) -> None:
    (tmp_path / "fix.patch").write_bytes(b"diff \xff")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/new").write_bytes(b"new")
    path = tmp_path / "plan.toml"
    path.write_text(
        HEAD + "kind = 'commit'\nbranch = 'x'\nmessage = 'm'\npatch-file = 'fix.patch'\n[[step]]\n"
        "kind = 'commit'\nbranch = 'x'\nmessage = 'm'\n[[step.file]]\npath = 'a'\nfrom = 'sub/new'\n"
    )
    plan = read_plan(path)
    assert plan.steps[0] == Commit("x", message="m", patch=b"diff \xff")
    assert plan.steps[1].files == (FileChange("a", b"new"),)  # type: ignore[union-attr]
    assert read_plan(to_toml(plan)) == plan


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "link", "link/secret", "none", "."])
def test_a_plan_reads_no_file_elsewhere(tmp_path: Path, name: str) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (outside / "secret").write_text("secret")
    (tmp_path / "secret").write_text("secret")
    (inside / "link").symlink_to(outside if "/" in name else outside / "secret")
    path = inside / "plan.toml"
    path.write_text(HEAD + f"kind = 'commit'\nbranch = 'x'\nmessage = 'm'\npatch-file = '{name}'\n")
    with pytest.raises(PlanError, match=r"plan\.toml: "):
        read_plan(path)


@pytest.mark.parametrize("plan", [Plan.hotfix("x", Topology.build_run()), Plan.release(Topology.gitflow(), tag="v1")])
def test_built_plans_are_read_back(plan: Plan) -> None:
    assert read_plan(plan.to_toml()) == plan


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"none\.toml: there is no file of this name; name a plan"):
        read_plan(tmp_path / "none.toml")
    with pytest.raises(PlanError, match="is a directory"):
        read_plan(tmp_path)
