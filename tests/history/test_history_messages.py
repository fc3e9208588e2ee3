"""What messages say of other commits, on the shapes that real projects use."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from branchsim.history.messages import (
    change_ids,
    is_revert_subject,
    ported_from,
    references,
    reverted,
    subject_key,
    trailer_patterns,
    words,
)

SHA = "0123456789abcdef0123456789abcdef01234567"
OTHER = "fedcba9876543210fedcba9876543210fedcba98"


@pytest.mark.parametrize(
    "text",
    [
        f"(cherry picked from commit {SHA})",
        f"(cherry-picked from commit {SHA})",
        f"(Cherry picked from {SHA})",
        f"Backport of {SHA}",
        f"Backported from {SHA}",
        f"backport: {SHA}",
        f"Back-port of commit {SHA}",
        f"Forward-port of {SHA}",
        f"[ Upstream commit {SHA} ]",
        f"Upstream-commit: {SHA}",
        f"commit {SHA} upstream.",
        f"X-Original-Commit: {SHA}",
        f"(picked from branch main commit {SHA})",
        f"(cherry picked from commit {SHA.upper()})",
    ],
)
def test_a_port_names_its_source(text: str) -> None:
    assert ported_from(f"Fix the login\n\n{text}\n") == (SHA,)


def test_several_sources_come_in_order_and_once() -> None:
    text = (
        f"Fix\n\n(cherry picked from commit {OTHER})\n(cherry picked from commit {SHA})\n(cherry picked from {OTHER})\n"
    )
    assert ported_from(text) == (OTHER, SHA)


@pytest.mark.parametrize("length", [7, 10, 40, 64])
def test_names_may_be_abbreviated_and_of_either_format(length: int) -> None:
    name = (SHA + OTHER)[:length]
    assert ported_from(f"Fix\n\n(cherry picked from commit {name})\n") == (name,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Fix the login",
        f"See {SHA}",
        f"Fixes: {SHA}",
        "cherry picked from commit 12345",
        "backport of the login fix",
    ],
)
def test_other_words_name_no_source(text: str) -> None:
    assert ported_from(text) == ()


def test_further_trailers_can_be_given() -> None:
    patterns = trailer_patterns([r"taken-from: ([0-9a-f]{7,64})"])
    assert ported_from(f"Fix\n\nTaken-From: {SHA}\n", patterns) == (SHA,)
    assert ported_from(f"Fix\n\n(cherry picked from commit {SHA})\n", patterns) == (SHA,)
    assert ported_from(f"Fix\n\nTaken-From: {SHA}\n") == ()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (f'Revert "Fix"\n\nThis reverts commit {SHA}.\n', (SHA,)),
        (f'Revert "Fix"\n\nThis reverts commit {SHA}, reversing\nchanges made to {OTHER}.\n', (SHA,)),
        (f"Undo\n\nthis reverts {SHA[:9]}\n", (SHA[:9],)),
        (f"Undo\n\nThis partially reverts commit {SHA}\n", (SHA,)),
        (f"Undo\n\nThis reverts commit {SHA}.\nThis reverts commit {OTHER}.\nThis reverts commit {SHA}.", (SHA, OTHER)),
        (f"Fix what came before\n\nSee commit {SHA}.\n", ()),
        ('Revert "Fix"', ()),
        ("", ()),
    ],
)
def test_a_revert_names_what_it_reverts(text: str, names: tuple[str, ...]) -> None:
    assert reverted(text) == names


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ('Revert "Fix the login"', True),
        ("revert: fix the login", True),
        ("Back out the login", True),
        ("Undo the login", True),
        ('Revert "Revert "Fix the login""', False),
        ('Reapply "Fix the login"', False),
        ("Reland the login", False),
        ("Reverted polish notation", False),
        ("Fix the revert button", False),
        ("", False),
    ],
)
def test_a_subject_announces_a_revert(subject: str, expected: bool) -> None:
    assert is_revert_subject(subject) is expected


def test_change_ids_stand_on_lines_of_their_own() -> None:
    name = "I0123456789abcdef0123456789abcdef01234567"
    assert change_ids(f"Fix\n\nChange-Id: {name}\n") == (name,)
    assert change_ids(f"Fix\n\nSee Change-Id: {name} for more\n") == ()
    assert change_ids(f"Fix\n\nChange-Id: {name}\nChange-Id: {name}\n") == (name,)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fix the login (#12)", {"#12"}),
        ("Fix the login (!12)", {"#12"}),
        ("Merge pull request #12 from team/login", {"#12"}),
        ("ABC-12: fix the login of ABC-13", {"ABC-12", "ABC-13"}),
        ("Read UTF-8 and SHA-256, see RFC-2119 and CVE-2024", set()),
        ("Look at team/repo#12", set()),
        ("Fix 12 of 30 things", set()),
        ("Cherry pick 1201,1202 and #1203 to 1.5 (#1300)", {"#1201", "#1202", "#1203", "#1300"}),
        ("[cherry-pick 1201] Fix the login", {"#1201"}),
        ("Cherry-pick 120 commits, cherry-pick 1234abc and cherry-pick 2024.5", set()),
        ("", set()),
    ],
)
def test_references_are_pull_requests_and_tickets(text: str, expected: set[str]) -> None:
    assert references(text) == expected


@pytest.mark.parametrize(
    "subject",
    [
        "Fix the login",
        "fix the login.",
        "[backport 2.x] Fix the login",
        "[2.x] [security] Fix the login (#12)",
        "Fix the login (#12) (#34)",
        "Backport to 2.x: Fix the login",
        "Fix the login (cherry picked from main)",
        "Fix   the, login!",
        "Fix the login [skip ci]",
        "Merge pull request #12 from team/login\n\nFix the login",
        "Merge pull request #12 from team/login\n\nFix the login\n\nMore words",
    ],
)
def test_subjects_of_a_change_and_its_ports_have_one_key(subject: str) -> None:
    assert subject_key(subject) == "fix the login"
    assert words(subject_key(subject)) == {"fix", "the", "login"}


def test_the_key_of_a_merge_without_a_title_is_its_first_line() -> None:
    assert subject_key("Merge pull request #12 from team/login") == "merge pull request 12 from team login"
    assert subject_key("") == subject_key("\n \n") == ""


def test_other_subjects_have_other_keys() -> None:
    keys = {subject_key(text) for text in ("Fix the login", "Fix the logout", 'Revert "Fix the login"', "Fix login 2")}
    assert len(keys) == 4


ANY = st.text(st.sampled_from("aZ0-9 #!()[]:.…\n\"'/IÉ") | st.characters(codec="utf-8"), max_size=60)


@given(ANY)
def test_no_message_breaks_anything(text: str) -> None:
    key = subject_key(text)
    assert key == " ".join(key.split())
    assert isinstance(is_revert_subject(text), bool)
    assert all(name.startswith("#") or "-" in name for name in references(text))
    assert ported_from(text) == tuple(dict.fromkeys(ported_from(text)))
    assert reverted(text) == tuple(dict.fromkeys(reverted(text)))


@pytest.mark.parametrize("head", ["a", "[", "cherry picked from commit ", "merge pull request "])
@pytest.mark.parametrize("piece", [" ", ".", "(#1)", "[a]", "(port", "#1 ", "backport "])
def test_a_message_made_to_be_slow_is_not(head: str, piece: str) -> None:
    text = head + piece * 20_000 + "x"
    start = time.process_time()
    subject_key(text)
    references(text)
    ported_from(text)
    reverted(text)
    assert time.process_time() - start < 5
