"""Obligations where RUN is merged back, and between releases; and verdicts on generated histories of known truth."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.forks import CODE, block, edited
from support.repos import RepoBuilder, git
from support.story import Story, obligation_of

from branchsim.audit.audit import audit
from branchsim.audit.evidence import Evidence
from branchsim.audit.verdicts import Verdict
from branchsim.topology import Topology

FIXED = edited(CODE, 7, 8)
MERGE_BACK = Topology.build_run_merge_back(production="production")


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path / "repo")


# RUN is merged back.


def test_a_retrofit_branch_from_preprod_brings_what_preprod_holds(story: Story) -> None:
    one, _ = story.hotfix("login", {"app.c": FIXED})
    other, _ = story.hotfix("logout", {"lib/util.c": FIXED})
    story.feature("search", {"search.c": block("search")})
    story.repo.branch("retrofit/week-7", "preprod")
    retrofit = story.merge("retrofit/week-7", "integration")
    late, _ = story.hotfix("late", {"late.c": block("late")})
    found = story.audit(MERGE_BACK)
    for sha in (one, other):
        record = obligation_of(found, sha, "integration")
        assert (record.verdict, record.evidence, record.at) == (Verdict.RETROFITTED, Evidence.ANCESTOR, retrofit)
    assert obligation_of(found, late, "integration").verdict is Verdict.MISSED


def test_a_squashed_hotfix_is_retrofitted_by_merging_preprod_back(story: Story) -> None:
    story.repo.branch("hotfix/login", "preprod")
    story.repo.commit("hotfix/login", {"app.c": FIXED}, subject="Fix the login")
    story.repo.commit("hotfix/login", {"lib/util.c": FIXED}, subject="Fix it everywhere")
    squash = story.repo.squash(into="preprod", source="hotfix/login", subject="Fix the login (#3)")
    story.promote("preprod", "production")
    story.repo.branch("retrofit/login", "production")
    story.feature("search", {"search.c": block("search")})
    retrofit = story.merge("retrofit/login", "integration")
    record = obligation_of(story.audit(MERGE_BACK), squash, "integration")
    assert (record.verdict, record.at) == (Verdict.RETROFITTED, retrofit)


def test_a_retrofit_branch_that_conflicts_and_takes_integration_loses_the_fix(story: Story) -> None:
    story.feature("limits", {"app.c": edited(CODE, 7, 8, value="from_build()")})
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    story.repo.branch("retrofit/login", "preprod")
    dropped = story.merge("retrofit/login", "integration", files={})
    record = obligation_of(story.audit(MERGE_BACK), fix, "integration")
    assert (record.verdict, record.counterpart) == (Verdict.LOST, dropped)


def test_a_retrofit_branch_that_solves_the_conflict_in_itself_delivers(story: Story) -> None:
    story.feature("limits", {"app.c": edited(CODE, 20, value="from_build()")})
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    story.repo.branch("retrofit/login", "preprod")
    both = edited(edited(CODE, 20, value="from_build()"), 7, 8)
    story.merge("integration", "retrofit/login", files={"app.c": both})
    retrofit = story.merge("retrofit/login", "integration")
    record = obligation_of(story.audit(MERGE_BACK), fix, "integration")
    assert (record.verdict, record.at) == (Verdict.RETROFITTED, retrofit)


# Releases.


class Train:
    """A main branch with releases ``release/1.0`` and ``release/2.0``, cut one after the other."""

    def __init__(self, path: Path) -> None:
        self.repo = RepoBuilder(path)
        self.repo.commit("main", {"app.c": CODE, "lib/util.c": CODE}, subject="Begin the project")
        self.repo.branch("release/1.0", "main")
        self.repo.commit("main", {"two.c": block("two")}, subject="Add what is new in 2.0")
        self.repo.branch("release/2.0", "main")
        self.repo.commit("main", {"three.c": block("three")}, subject="Add what is new in 3.0")

    def verdicts(self, commit: str, topology: Topology) -> dict[str, str]:
        """To which branch a commit of a release is owed, and what became of it."""
        found = audit(self.repo.finish(), topology, cache=None, checks=("obligations",))
        return {r.owed_to: r.verdict.value for r in found.records if commit in (r.change, *r.commits)}


@pytest.fixture
def train(tmp_path: Path) -> Train:
    return Train(tmp_path / "train")


FORWARD = Topology.release_train()
BACK = Topology.release_train(direction="back")


def test_a_fix_of_an_old_release_is_owed_to_every_newer_one(train: Train) -> None:
    fix = train.repo.commit("release/1.0", {"app.c": FIXED}, subject="Fix the login")
    assert train.verdicts(fix, FORWARD) == {"release/2.0": "missed", "main": "missed"}
    train.repo.merge(into="release/2.0", source="release/1.0")
    assert train.verdicts(fix, FORWARD) == {"release/2.0": "retrofitted", "main": "missed"}
    train.repo.merge(into="main", source="release/2.0")
    assert train.verdicts(fix, FORWARD) == {"release/2.0": "retrofitted", "main": "retrofitted"}


def test_a_fix_of_the_newest_release_is_owed_to_main_alone(train: Train) -> None:
    fix = train.repo.commit("release/2.0", {"app.c": FIXED}, subject="Fix the login")
    assert train.verdicts(fix, FORWARD) == {"main": "missed"}


def test_a_fix_picked_back_from_main_is_there_already(train: Train) -> None:
    fix = train.repo.commit("main", {"app.c": FIXED}, subject="Fix the login")
    newer = train.repo.pick(into="release/2.0", commit=fix, trailer=True)
    older = train.repo.pick(into="release/1.0", commit=fix)
    assert train.verdicts(fix, BACK) == {}
    assert train.verdicts(newer, BACK) == {"main": "retrofitted"}
    assert train.verdicts(older, BACK) == {"release/2.0": "retrofitted", "main": "retrofitted"}


def test_a_fix_picked_past_a_release_is_missed_there(train: Train) -> None:
    fix = train.repo.commit("main", {"app.c": FIXED}, subject="Fix the login")
    older = train.repo.pick(into="release/1.0", commit=fix)
    assert train.verdicts(older, BACK) == {"release/2.0": "missed", "main": "retrofitted"}


def test_a_fix_made_on_a_release_only_is_missed_on_main(train: Train) -> None:
    only = train.repo.commit("release/2.0", {"app.c": FIXED}, subject="Fix the login")
    assert train.verdicts(only, BACK) == {"main": "missed"}


def test_a_branch_made_later_is_asked_for_what_it_held_from_the_start(train: Train) -> None:
    """No commit of main is the fix, and no landing of the new branch touches its file."""
    fix = train.repo.commit("release/1.0", {"app.c": FIXED}, subject="Fix the login")
    more = {f"more/{number}.c": block(f"more{number}") for number in range(3)}
    train.repo.commit("main", {"app.c": FIXED, **more}, author="Ada <ada@example.com>", subject="Go on with the pages")
    train.repo.commit("main", {"four.c": block("four")}, subject="Add what is new in 4.0")
    train.repo.branch("release/3.0", "main")
    train.repo.commit("release/3.0", {"lib/util.c": edited(CODE, 3)}, subject="Sort the pages")
    assert train.verdicts(fix, FORWARD) == {
        "release/2.0": "missed",
        "release/3.0": "retrofitted",
        "main": "retrofitted",
    }


def test_the_releases_come_in_the_order_of_their_versions(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"app.c": CODE}, subject="Begin the project")
    for version in ("9.0", "10.0"):
        repo.branch(f"release/{version}", "main")
        repo.commit("main", {f"{version}.c": block(version)}, subject=f"Go on after {version}")
    fix = repo.commit("release/9.0", {"app.c": FIXED}, subject="Fix the login")
    found = audit(repo.finish(), FORWARD, cache=None, checks=("obligations",))
    assert {r.owed_to for r in found.records if r.change == fix} == {"release/10.0", "main"}
    later = repo.commit("release/10.0", {"app.c": FIXED}, subject="Fix the login there")
    found = audit(repo.finish(), FORWARD, cache=None, checks=("obligations",))
    assert {r.owed_to for r in found.records if r.change == later} == {"main"}


# Generated histories of known truth.

PICKER = "Pia Picker <pia@example.com>"
STEPS = st.sampled_from([3600, 0])  # a script makes a whole history within one second

FATES = (
    "merged", "picked", "picked with trailer", "squashed", "conflict resolved", "never", "dropped by the merge",
    "port reverted", "port reverted and back", "withdrawn", "half", "merge reverted", "merge reverted and back",
    "picked, reverted and merged", "squashed with other work", "half withdrawn and merged",
    "half of the merge reverted", "tried, reverted and merged",
)  # fmt: skip
AFTER_RELEASE = {"merged", "picked", "picked with trailer", "squashed", "never"}
TRUTH = {
    "never": "missed",
    "dropped by the merge": "lost",
    "port reverted": "lost",
    "withdrawn": "reverted",
    "half": "partial",
    "merge reverted": "lost",
    "half of the merge reverted": "partial",
}


def play(story: Story, number: int, fate: str) -> str:
    """A hotfix of two commits that meets its fate, in files of its own; its first commit.

    It starts where the project began, so that its branch carries no other hotfix.
    """
    code, notes = f"code{number}.c", f"notes{number}.c"
    one, other, landing = story.hotfix(
        f"bug{number}",
        {code: edited(CODE, 7, 8, 9, value=f"bug{number}({{}})")},
        {notes: edited(CODE, 20, 21, value=f"bug{number}({{}})")},
        start=story.base,
    )
    return meet(story, number, fate, (one, other, landing))


def meet(  # noqa: C901, PLR0912, PLR0915  one case for each fate
    story: Story, number: int, fate: str, ids: tuple[str, str, str]
) -> str:
    """What happens to a hotfix after it landed."""
    one, other, landing = ids
    code, notes, branch = f"code{number}.c", f"notes{number}.c", f"hotfix/bug{number}"
    match fate:
        case "merged":
            story.merge(branch, "integration")
        case "picked" | "picked with trailer" | "port reverted" | "port reverted and back":
            ports = [
                story.repo.pick(into="integration", commit=sha, trailer=fate.endswith("trailer"), committer=PICKER)
                for sha in (one, other)
            ]
            if "reverted" in fate:
                undone = [story.repo.revert(into="integration", commit=sha) for sha in reversed(ports)]
                if fate.endswith("back"):
                    for sha in reversed(undone):
                        story.repo.revert(into="integration", commit=sha)
        case "squashed":
            story.repo.squash(into="integration", source=branch, subject=f"Retrofit number {number} (#{100 + number})")
        case "conflict resolved":
            text = edited(CODE, 8, value="from_build()")
            story.repo.commit("integration", {code: text}, subject=f"Build goes its own way {number}")
            text = edited(text, 7, 9, value=f"bug{number}({{}})")
            story.repo.pick(into="integration", commit=one, files={code: text}, committer=PICKER)
            story.repo.pick(into="integration", commit=other, committer=PICKER)
        case "dropped by the merge":
            story.merge(branch, "integration", files={})
        case "withdrawn":
            story.repo.revert(into="preprod", commit=landing, files={code: CODE, notes: CODE})
        case "merge reverted" | "merge reverted and back":
            merge = story.merge(branch, "integration")
            gone = story.repo.revert(into="integration", commit=merge, files={code: CODE, notes: CODE})
            if fate.endswith("back"):
                story.repo.revert(into="integration", commit=gone)
        case "picked, reverted and merged":
            ports = [story.repo.pick(into="integration", commit=sha, committer=PICKER) for sha in (one, other)]
            for sha in reversed(ports):
                story.repo.revert(into="integration", commit=sha)
            story.merge(branch, "integration")
        case "squashed with other work":
            more = {f"more{number}-{part}.c": block(f"more{number}-{part}", 12) for part in range(3)}
            files = {path: git(story.repo.finish(), "show", f"{branch}:{path}") + "\n" for path in (code, notes)}
            story.repo.commit("integration", files | more, subject=f"Sprint {number}", author="Bob <bob@example.com>")
        case "half withdrawn and merged":
            story.repo.revert(into="preprod", commit=other)
            story.merge(branch, "integration")
        case "half of the merge reverted":
            story.merge(branch, "integration")
            story.repo.revert(into="integration", commit=other)
        case "tried, reverted and merged":
            story.repo.branch(f"hotfix/more{number}", branch)
            attempt = story.repo.commit(f"hotfix/more{number}", {code: edited(CODE, 30)}, subject=f"Try {number}")
            story.repo.revert(into=f"hotfix/more{number}", commit=attempt)
            story.merge(f"hotfix/more{number}", "preprod")
            story.merge(f"hotfix/more{number}", "integration")
        case "half":
            story.repo.pick(into="integration", commit=one, committer=PICKER)
    return one


def named(found_verdicts: list[str], fates: list[str]) -> list[tuple[str, str]]:
    """For the message of a failure: what was found next to what was done."""
    return list(zip(fates, found_verdicts, strict=True))


@settings(max_examples=12)
@given(fates=st.lists(st.sampled_from(FATES), min_size=1, max_size=4), release=st.booleans(), step=STEPS)
def test_verdicts_are_the_known_truth(fates: list[str], release: bool, step: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        files = {f"{kind}{number}.c": CODE for kind in ("code", "notes") for number in range(len(fates))}
        story = Story(Path(directory) / "repo", files=files, step=step)
        ids = [play(story, number, fate) for number, fate in enumerate(fates)]
        if release:
            story.feature("search", {"search.c": block("search")})
            story.promote("integration", "uat")
            story.merge("uat", "preprod", files={"search.c": block("search")})
        found = story.audit()
        records = [obligation_of(found, sha, "integration") for sha in ids]
        truth = [TRUTH.get(fate, "retrofitted") for fate in fates]
        verdicts = [record.verdict.value for record in records]
        assert named(verdicts, fates) == named(truth, fates)
        for record in records:
            assert record.overdue == (release and record.verdict.value in {"missed", "lost", "partial"})


@settings(max_examples=8)
@given(fates=st.lists(st.sampled_from(sorted(AFTER_RELEASE)), min_size=1, max_size=4), step=STEPS)
def test_what_comes_after_the_promotion_is_late(fates: list[str], step: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        files = {f"{kind}{number}.c": CODE for kind in ("code", "notes") for number in range(len(fates))}
        story = Story(Path(directory) / "repo", files=files, step=step)
        landed = [
            story.hotfix(
                f"bug{number}",
                {f"code{number}.c": edited(CODE, 7, 8, 9, value=f"bug{number}({{}})")},
                {f"notes{number}.c": edited(CODE, 20, 21, value=f"bug{number}({{}})")},
                start=story.base,
            )
            for number in range(len(fates))
        ]
        story.feature("search", {"search.c": block("search")})
        passed = story.promote("integration", "uat", "preprod")
        for number, (fate, (one, other, landing)) in enumerate(zip(fates, landed, strict=True)):
            meet(story, number, fate, (one, other, landing))
        found = story.audit()
        records = [obligation_of(found, ids[0], "integration") for ids in landed]
        truth = ["missed" if fate == "never" else "late" for fate in fates]
        assert named([record.verdict.value for record in records], fates) == named(truth, fates)
        assert {(record.deadline, record.overdue) for record in records} == {(passed, True)}


def test_within_one_second_a_hotfix_that_another_one_carries_is_no_leak(tmp_path: Path) -> None:
    story = Story(tmp_path / "repo", step=0)
    one, first = story.hotfix("one", {"app.c": FIXED})
    other, second = story.hotfix("other", {"lib/util.c": FIXED})
    # The retrofit of the second brings the first along; then BUILD goes on and is released.
    retrofit = story.merge("hotfix/other", "integration")
    story.feature("search", {"search.c": block("search")})
    passed = story.promote("integration", "uat", "preprod")
    late, _ = story.hotfix("late", {"late.c": block("late")})
    found = story.audit(checks=("obligations", "leaks"))
    assert found.leak_records == ()
    assert [(r.change, r.verdict.value, r.at, r.deadline, r.overdue) for r in found.records] == [
        (first, "retrofitted", retrofit, passed, False),
        (second, "retrofitted", retrofit, passed, False),
        (found.records[-1].change, "missed", None, None, False),
    ]
    assert [r.commits[0] for r in found.records] == [one, other, late]


def test_the_names_of_refs_and_how_they_are_kept_change_nothing(story: Story) -> None:
    fix, _ = story.hotfix("login", {"app.c": FIXED})
    story.repo.pick(into="integration", commit=fix)
    story.hotfix("logout", {"lib/util.c": FIXED})
    before = story.audit().obligations
    path = story.repo.finish()
    git(path, "pack-refs", "--all")
    for number in range(20):
        git(path, "update-ref", f"refs/pull/{number}/head", fix)
        git(path, "update-ref", f"refs/heads/aaa{number}", fix)
    assert story.audit().obligations.equals(before)
