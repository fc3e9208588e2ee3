from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from branchsim.history.subjects import read_merge, read_squash


@pytest.mark.parametrize(
    ("message", "source", "target", "pr", "forge"),
    [
        ("Merge branch 'hotfix/login' into preprod", "hotfix/login", "preprod", None, "git"),
        ("Merge branch 'uat'", "uat", None, None, "git"),
        ("Merge remote-tracking branch 'origin/preprod' into integration", "preprod", "integration", None, "git"),
        ("Merge remote branch 'origin/master'", "master", None, None, "git"),
        ("Merge branch 'preprod' of github.com:acme/shop into preprod", "preprod", "preprod", None, "git"),
        ("Merge branches 'a', 'b' and 'c' into uat", "a", "uat", None, "git"),
        ("Merge tag 'v1.2' into develop", None, "develop", None, "git"),
        ("Merge commit '1234abc' into develop", None, "develop", None, "git"),
        ("Merge master into features", "master", "features", None, "git"),
        ("Merge pull request #12 from acme/hotfix/login\n\nFix the login\n", "hotfix/login", None, 12, "github"),
        ("Merge PR #7", None, None, 7, "github"),
        ("Merge branch 'hotfix/x' into 'preprod'\n\nSee merge request a/b/c!34", "hotfix/x", "preprod", 34, "gitlab"),
        ("Merged in hotfix/x (pull request #3)\n\nFix", "hotfix/x", None, 3, "bitbucket"),
        ("Merge pull request #5 in ACME/shop from hotfix/x to preprod", "hotfix/x", "preprod", 5, "bitbucket"),
        ("Pull request #9: Fix it\n\nMerge in A/s from hotfix/x to preprod", "hotfix/x", "preprod", 9, "bitbucket"),
        ("Merged PR 123: Fix the login", None, None, 123, "azure"),
        ("Merged PR 124: Merge hotfix/x to preprod", "hotfix/x", "preprod", 124, "azure"),
        ("Merge pull request 12 from hotfix/x into preprod", "hotfix/x", "preprod", 12, "azure"),
        ("Merge pull request 'Fix (really)' (#8) from hotfix/x into preprod", "hotfix/x", "preprod", 8, "gitea"),
        ("Auto merge of #77 - ann:fix-login, r=bob", "fix-login", None, 77, "bors"),
        ("Merge #78", None, None, 78, "bors"),
        ("Merging branch WI-000012", "WI-000012", None, None, "other"),
        ("Merging branch uat into preprod", "uat", "preprod", None, "other"),
    ],
)  # fmt: skip
def test_what_a_merge_says(message: str, source: str | None, target: str | None, pr: int | None, forge: str) -> None:
    told = read_merge(message)
    assert told is not None
    assert (told.source, told.target, told.pr, told.forge) == (source, target, pr, forge)


def test_the_account_and_the_remote_are_kept_apart_from_the_branch() -> None:
    pull = read_merge("Merge pull request #12 from acme/hotfix/login")
    assert pull is not None
    assert pull.remote == "acme"
    tracked = read_merge("Merge remote-tracking branch 'upstream/release/1.2' into main")
    assert tracked is not None
    assert (tracked.remote, tracked.source) == ("upstream", "release/1.2")
    pulled = read_merge("Merge branch 'main' of https://example.com/acme/shop.git into main")
    assert pulled is not None
    assert pulled.location == "https://example.com/acme/shop.git"


def test_an_octopus_names_all_its_branches() -> None:
    told = read_merge("Merge branches 'fix/a', 'fix/b' and 'fix/c' into uat")
    assert told is not None
    assert told.sources == ("fix/a", "fix/b", "fix/c")


@pytest.mark.parametrize("message", ["", "\n\n", "Fix the merge of two lists", "Merge", "Merge the two forms", "merge"])
def test_what_says_nothing(message: str) -> None:
    assert read_merge(message) is None


@pytest.mark.parametrize(
    ("message", "pr", "source"),
    [
        ("Fix the login (#12)\n\n* one\n* two", 12, None),
        ("Merge branch 'hotfix/x' into preprod (#13)", 13, "hotfix/x"),
        ("Merged PR 14: Fix", 14, None),
        ("Pull request #15: Fix\n\nMerge in ACME/shop from hotfix/x to preprod", 15, "hotfix/x"),
        ("Merged in hotfix/x (pull request #16)", 16, "hotfix/x"),
        ("Fix the login\n\nSee merge request grp/shop!17", 17, None),
        ("Merge pull request 'Fix' (#18) from hotfix/x into main", 18, "hotfix/x"),
    ],
)
def test_what_a_squash_says(message: str, pr: int, source: str | None) -> None:
    told = read_squash(message)
    assert told is not None
    assert (told.pr, told.source) == (pr, source)


@pytest.mark.parametrize("message", ["Fix the login", "Fix #12", "Fix (see #12) again", "Close (#12) and go on"])
def test_what_is_no_squash(message: str) -> None:
    assert read_squash(message) is None


@given(
    st.text(max_size=200), st.sampled_from(["", "Merge branch '", "Merge pull request '", "Merged PR 1: ", "Merge "])
)
def test_any_message_is_read_without_an_error(text: str, start: str) -> None:
    for message in (start + text, text + start):
        read_merge(message)
        read_squash(message)


def test_a_hostile_subject_costs_little_time() -> None:
    started = time.process_time()
    for part in ("' and '", "', '", "Merge branch '", "(#1) ", "a/", " into "):
        read_merge("Merge branch '" + part * 50_000)
        read_squash("Merge pull request '" + part * 50_000)
    assert time.process_time() - started < 10
