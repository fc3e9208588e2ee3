"""The life of one change: when it came to each branch and how, what became of it there, and where it is live now."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.delivery import CODE, Story, edited

from branchsim.audit.trace import Trace, trace
from branchsim.errors import InputError
from branchsim.topology import Topology

FIXED = edited(CODE, 7, "700")


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path / "repo")


def traced(story: Story, commit: str) -> Trace:
    return trace(story.repo.finish(), commit, Topology.build_run(), cache=None)


def life(found: Trace, branch: str) -> list[tuple[str, str]]:
    return [(step.event.value, step.landing) for step in found.steps if step.branch == branch]


def test_the_answer_is_one_line_that_names_every_branch(story: Story) -> None:
    fix = story.hotfix("login", {"app.c": FIXED})
    story.merge("hotfix/login", "integration")
    found = traced(story, fix)
    assert found.answer == "live on integration, preprod, production; absent on uat"
    assert found.answer in str(found)
    story.merge("integration", "uat")
    assert traced(story, fix).answer == "live on integration, uat, preprod, production"


def test_how_it_arrived_is_told_for_each_branch(story: Story) -> None:
    fix = story.hotfix("login", {"app.c": FIXED})
    pick = story.repo.pick(into="integration", commit=fix)
    found = traced(story, fix)
    arrived = {step.branch: step for step in found.steps if step.event.value == "arrived"}
    assert (arrived["preprod"].evidence, arrived["preprod"].counterpart) == ("ancestor", found.change)
    assert (arrived["integration"].evidence, arrived["integration"].counterpart) == ("patch-id", pick)
    assert arrived["preprod"].at < arrived["production"].at < arrived["integration"].at


def test_what_is_lost_restored_and_superseded_later_is_told_with_its_landing(story: Story) -> None:
    fix = story.hotfix("login", {"app.c": FIXED})
    landing = story.merge("hotfix/login", "integration")
    other = story.repo.commit("integration", {"app.c": edited(FIXED, 30, "3000")}, subject="Raise another")
    stale = story.repo.commit("integration", {"app.c": CODE}, subject="Save my work")
    assert traced(story, fix).standings[0].state == "undone"
    again = story.repo.commit("integration", {"app.c": FIXED}, subject="Bring the fix back")
    newer = story.repo.commit("integration", {"app.c": edited(CODE, 7, "compute_login_value()")}, subject="Compute it")
    found = traced(story, fix)
    assert life(found, "integration") == [
        ("arrived", landing),
        ("touched", other),
        ("lost", stale),
        ("restored", again),
        ("superseded", newer),
    ]
    states = {standing.branch: standing.state for standing in found.standings}
    assert states == {"integration": "rewritten", "uat": "absent", "preprod": "live", "production": "live"}


def test_a_retrofit_that_its_own_merge_dropped_is_lost_where_it_arrived(story: Story) -> None:
    fix = story.hotfix("login", {"app.c": FIXED})
    dropped = story.merge("hotfix/login", "integration", files={"app.c": CODE})
    assert life(traced(story, fix), "integration") == [("lost", dropped)]


def test_a_commit_that_never_landed_is_said_to_be_on_no_branch(story: Story) -> None:
    story.repo.branch("feature/open", "integration")
    stray = story.repo.commit("feature/open", {"app.c": FIXED}, subject="Not merged yet")
    with pytest.raises(InputError, match="is on no branch of the topology"):
        traced(story, stray)
