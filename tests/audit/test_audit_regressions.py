"""Cases on which an answer was wrong once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.forks import CODE, Fork, block, edited
from support.story import Story, obligation_of

from branchsim.audit.evidence import Evidence
from branchsim.audit.verdicts import Verdict

if TYPE_CHECKING:
    from pathlib import Path


def test_commits_that_were_picked_one_by_one_are_no_squash(tmp_path: Path) -> None:
    fork = Fork(tmp_path / "repo")
    first = fork.on_source({"a.txt": block("a")}, "Add the first file")
    second = fork.on_source({"b.txt": block("b")}, "Add the second file")
    ports = {first: fork.pick(first), second: fork.pick(second)}
    found = {(pair.source, pair.target): pair.evidence for pair in fork.match().counterparts}
    assert found == dict.fromkeys(ports.items(), Evidence.PATCH_ID)


def test_a_retrofit_merge_that_was_reverted_is_lost(tmp_path: Path) -> None:
    story = Story(tmp_path / "repo")
    fix, _ = story.hotfix("login", {"app.c": edited(CODE, 7, 8)})
    merge = story.merge("hotfix/login", "integration")
    revert = story.repo.revert(into="integration", commit=merge, files={"app.c": CODE})
    record = story.obligation(fix)
    assert (record.verdict, record.counterpart) == (Verdict.LOST, revert)
    assert obligation_of(story.audit(), fix, "integration") == record
