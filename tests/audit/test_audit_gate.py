"""Gates: which findings make a check fail, from which rank on, and which were known before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.cli import Shell
from support.delivery import CODE, Story, edited

from branchsim.audit.gate import DEFAULT, KINDS, failures, kinds, read_baseline
from branchsim.errors import InputError
from branchsim.topology import Topology, to_toml


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """One hotfix that its retrofit dropped, one that was never retrofitted, and a feature that leaked."""
    made = Story(tmp_path / "repo")
    made.hotfix("login", {"app.c": edited(CODE, 7, "700")})
    made.merge("hotfix/login", "integration", files={"app.c": CODE})
    made.hotfix("refund", {"refund.c": "int refund(void) { return 90; }\n"})
    made.repo.branch("feature/rush", "preprod")
    made.repo.commit("feature/rush", {"rush.c": "int rush(void) { return 1; }\n"}, subject="Rush it")
    made.merge("feature/rush", "preprod")
    return made


def test_each_kind_is_asked_for_by_its_name(story: Story) -> None:
    found = story.audit()
    by_kind = {kind: {each.kind for each in failures(found, fail_on=(kind,), min_rank=0.0)} for kind in KINDS}
    assert {kind for kind, seen in by_kind.items() if seen == {kind}} == {
        "missed", "lost", "overwrite", "leak", "violation",
    }  # fmt: skip
    assert {each.kind for each in failures(found)} == {"missed", "lost", "overwrite", "leak"} <= {*DEFAULT}


def test_what_ranks_lower_does_not_count(story: Story) -> None:
    found = story.audit()
    (lost,) = [each for each in failures(found, fail_on=("overwrite",)) if each.branch == "integration"]
    assert lost in failures(found, fail_on=("overwrite",), min_rank=lost.rank)
    assert lost not in failures(found, fail_on=("overwrite",), min_rank=lost.rank + 0.001)


def test_names_may_be_separated_by_commas_and_wrong_ones_are_told() -> None:
    assert kinds("lost, missed,,leak") == ("missed", "lost", "leak")
    with pytest.raises(InputError, match=r"no kind of finding 'mised'.*missed"):
        kinds("mised")


def test_only_what_is_new_since_the_baseline_fails(story: Story, tmp_path: Path) -> None:
    path = tmp_path / "audit.json"
    path.write_text(json.dumps(story.audit().to_dict()), encoding="utf-8")
    known = read_baseline(path)
    assert failures(story.audit(), fail_on=KINDS, min_rank=0.0, known=known) == ()
    story.hotfix("tax", {"tax.c": "int tax(void) { return 20; }\n"})
    (new,) = failures(story.audit(), fail_on=KINDS, min_rank=0.0, known=known)
    assert (new.kind, new.branch) == ("missed", "integration")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("not json", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"schema": 2}', "is not an audit of schema 1"),
        ('{"schema": 1, "obligations": [{}]}', "lacks a field"),
    ],
)
def test_what_is_no_baseline_is_told(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "audit.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=why):
        read_baseline(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_baseline(tmp_path / "none.json")


def _asked(story: Story, tmp_path: Path) -> tuple[str | Path, ...]:
    """The command of an audit with the topology of the story."""
    topology = tmp_path / "branchsim.toml"
    topology.write_text(to_toml(Topology.build_run()), encoding="utf-8")
    return ("audit", story.repo.finish(), "--topology", topology, "--no-cache")


def test_the_exit_code_says_it(story: Story, tmp_path: Path) -> None:
    shell = Shell(tmp_path / "shell")
    asked = _asked(story, tmp_path)
    told = shell.run(*asked, "--format", "json")
    baseline = tmp_path / "audit.json"
    baseline.write_text(told.stdout, encoding="utf-8")
    gate = ("--fail-on", "missed,lost,overwrite,leak", "--min-rank", "0.7")
    assert (told.returncode, shell.run(*asked, *gate).returncode) == (1, 1)
    assert shell.run(*asked, *gate, "--baseline", baseline).returncode == 0
    assert shell.run(*asked, "--fail-on", "nothing").returncode == 2


def test_checks_are_named_with_commas_or_one_by_one(story: Story, tmp_path: Path) -> None:
    shell = Shell(tmp_path / "shell")
    asked = (*_asked(story, tmp_path), "--format", "json", "--check")
    together = shell.run(*asked, "obligations, leaks").stdout
    assert together == shell.run(*asked, "leaks", "--check", "obligations").stdout
    told = json.loads(together)
    assert (bool(told["obligations"]), bool(told["leaks"]), told["overwrites"]) == (True, True, [])
    wrong = shell.run(*asked, "leaks,obligation")
    assert (wrong.returncode, "no check 'obligation'" in wrong.stderr) == (2, True)
