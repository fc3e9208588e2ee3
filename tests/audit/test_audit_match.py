"""Which commits of one branch are on another, on repositories where the answer is known."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.forks import CODE, Fork, block, edited, missing_of, pairs_of, undone_of
from support.repos import executable, submodule, symlink

from branchsim.audit.match import Match


@pytest.fixture
def fork(tmp_path: Path) -> Fork:
    return Fork(tmp_path / "repo")


def only_pair(found: Match) -> tuple[str, str, str]:
    (pair,) = found.counterparts
    return pair.source, pair.target, pair.evidence.value


# Ports of one commit.


def test_an_equal_pick_has_the_same_patch_id(fork: Fork) -> None:
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    fork.on_target({"other.txt": block("other")}, "Write something else")
    port = fork.pick(fix)
    found = fork.match()
    assert only_pair(found) == (fix, port, "patch-id")
    assert found.missing_commits == ()
    assert found.counterparts[0].overlap == 1.0
    assert found.counterparts[0].undone_by is None


def test_a_pick_into_other_context_has_the_same_changed_lines(fork: Fork) -> None:
    fork.on_target({"app.c": edited(CODE, 5, value="from_the_target()")}, "Change a line near by")
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    port = fork.pick(fix, files={"app.c": edited(edited(CODE, 5, value="from_the_target()"), 7, 8)})
    assert only_pair(fork.match()) == (fix, port, "zero-context-patch-id")


def test_white_space_does_not_hide_a_pick(fork: Fork) -> None:
    """As in git's own patch-id."""
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    changed = edited(CODE, 7, 8).replace("int value_7 = ", "int value_7  =\t").replace("int value_8", "  int value_8")
    port = fork.pick(fix, files={"app.c": changed})
    assert only_pair(fork.match()) == (fix, port, "patch-id")


def test_a_pick_with_a_conflict_resolved_is_known_by_its_author_and_date(fork: Fork) -> None:
    fork.on_target({"app.c": edited(CODE, 8, value="from_the_target()")}, "Change a line in the way")
    fix = fork.on_source({"app.c": edited(CODE, 7, 8, 9, 10)}, "Fix the login")
    resolved = edited(edited(CODE, 8, value="both_of_them()"), 7, 9, 10)
    port = fork.pick(fix, files={"app.c": resolved})
    found = fork.match()
    assert only_pair(found) == (fix, port, "author-date")
    assert 0.5 < found.counterparts[0].overlap < 1.0
    assert found.counterparts[0].reason.startswith("adapted: ")


def test_a_port_by_somebody_else_at_another_time_is_known_by_its_subject(fork: Fork) -> None:
    fix = fork.on_source({"app.c": edited(CODE, 7, 8, 9, 10)}, "Fix the login of old accounts")
    text = edited(CODE, 7, 8, 9) + "int more_for_the_target = 1;\n"
    fork.on_target({"other.txt": block("other")}, "Write something else")
    port = fork.on_target({"app.c": text}, "Fix the login of old accounts", author="Bob <bob@example.com>")
    assert only_pair(fork.match()) == (fix, port, "subject")


def test_tags_and_numbers_around_a_subject_do_not_matter(fork: Fork) -> None:
    fix = fork.on_source({"app.c": edited(CODE, 7, 8, 9, 10)}, "Fix the login of old accounts (#12)")
    text = edited(CODE, 7, 8, 9) + "int more_for_the_target = 1;\n"
    subject = "[backport 2.x] Fix the login of old accounts (#99)"
    port = fork.on_target({"app.c": text}, subject, author="Bob <bob@example.com>")
    assert only_pair(fork.match()) == (fix, port, "subject")


def test_a_port_into_a_moved_file_is_found(fork: Fork) -> None:
    fork.on_target({"app.c": None, "src/app.c": CODE}, "Move the code")
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    port = fork.pick(fix, files={"src/app.c": edited(CODE, 7, 8)})
    found = fork.match()
    assert only_pair(found)[:2] == (fix, port)
    assert only_pair(found)[2] in {"patch-id", "zero-context-patch-id"}


def test_a_port_into_a_file_of_another_name_is_found(fork: Fork) -> None:
    fork.on_target({"app.c": None, "main.cc": CODE}, "Rename the code")
    fix = fork.on_source({"app.c": edited(CODE, 7, 8, 9)}, "Fix the login")
    fork.on_target({"main.cc": edited(CODE, 20, value="unrelated()")}, "Change something else")
    text = edited(edited(CODE, 20, value="unrelated()"), 7, 8, 9)
    port = fork.on_target({"main.cc": text}, "Fix the login", author="Bob <bob@example.com>")
    assert only_pair(fork.match())[:2] == (fix, port)


def test_a_pick_of_a_file_with_another_mode_or_kind_is_found(fork: Fork) -> None:
    fix = fork.on_source({"run": executable("#!/bin/sh\nexec program\n"), "link": symlink("app.c")}, "Add a script")
    module = fork.on_source({"module": submodule("1" * 40)}, "Add a module")
    fork.on_source({"new.c": block("new")}, "Add something that stays here")
    ports = [fork.pick(fix), fork.pick(module)]
    assert set(pairs_of(fork.match())) == {(fix, ports[0]), (module, ports[1])}


def test_a_pick_of_a_binary_file_is_found_by_its_blobs(fork: Fork) -> None:
    fix = fork.on_source({"logo.png": b"\x89PNG\0\1\2\3" * 50}, "Draw the logo")
    other = fork.on_source({"icon.png": b"\x89PNG\0\7\7\7" * 50}, "Draw the icon")
    port = fork.pick(fix)
    found = fork.match()
    assert only_pair(found)[:2] == (fix, port)
    assert missing_of(found) == {other: "clean"}


def test_a_port_that_was_committed_before_its_source_is_found(fork: Fork) -> None:
    text = edited(CODE, 7, 8)
    port = fork.on_target({"app.c": text}, "Fix the login", at=1_704_100_000)
    fix = fork.on_source({"app.c": text}, "Fix the login", at=1_704_900_000)
    assert only_pair(fork.match())[:2] == (fix, port)


def test_an_unrelated_commit_is_no_port(fork: Fork) -> None:
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    fork.on_target({"app.c": edited(CODE, 30, 31, value="another({})")}, "Fix the search")
    found = fork.match()
    assert found.counterparts == ()
    assert missing_of(found) == {fix: "clean"}


def test_what_is_an_ancestor_of_the_target_is_not_asked_about(fork: Fork) -> None:
    fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    fork.repo.merge(into="target", source="source")
    after = fork.on_source({"app.c": edited(CODE, 7, 8, 9)}, "Fix the logout")
    found = fork.match()
    assert found.counterparts == ()
    assert list(missing_of(found)) == [after]


# One to one.


def test_two_changes_with_one_subject_go_to_their_own_ports(fork: Fork) -> None:
    one = fork.on_source({"app.c": edited(CODE, 3, 4)}, "Fix the login of accounts", at=1_704_200_000)
    other = fork.on_source({"app.c": edited(CODE, 3, 4, 20, 21)}, "Fix the login of accounts", at=1_704_300_000)
    fork.on_source({"new.c": block("new")}, "Add something that stays here")
    bob = {"author": "Bob <bob@example.com>"}
    second = fork.on_target({"app.c": edited(CODE, 20, 21)}, "Fix the login of accounts", **bob)
    first = fork.on_target({"app.c": edited(CODE, 20, 21, 3, 4)}, "Fix the login of accounts", **bob)
    assert set(pairs_of(fork.match())) == {(one, first), (other, second)}


def test_generic_subjects_are_no_evidence(fork: Fork) -> None:
    ids = [fork.on_source({f"{name}.txt": block(name)}, "update") for name in ("one", "two", "three")]
    for name in ("red", "green", "blue"):
        fork.on_target({f"{name}.txt": block(name)}, "update")
    found = fork.match()
    assert found.counterparts == ()
    assert missing_of(found) == dict.fromkeys(ids, "clean")


def test_generic_subjects_do_not_hide_the_ports_among_them(fork: Fork) -> None:
    ids = [fork.on_source({f"{name}.txt": block(name)}, "fix") for name in ("one", "two", "three")]
    fork.on_target({"red.txt": block("red")}, "fix")
    ports = {sha: fork.pick(sha) for sha in reversed(ids[1:])}
    found = fork.match()
    assert set(pairs_of(found)) == set(ports.items())
    assert missing_of(found) == {ids[0]: "clean"}


def test_one_target_is_not_the_port_of_two_equal_sources(fork: Fork) -> None:
    """The same text comes, goes and comes again on the source; the target took it once."""
    fixed = edited(CODE, 7, 8)
    fork.on_source({"new.c": block("new")}, "Add something that stays here")
    first = fork.on_source({"app.c": fixed}, "Fix the login")
    fork.on_source({"app.c": CODE}, "Go back for a while")
    again = fork.on_source({"app.c": fixed}, "Fix the login")
    port = fork.pick(first)
    found = fork.match()
    assert [target for _, target in pairs_of(found)].count(port) == 1
    assert (first, port) in pairs_of(found)
    assert again in missing_of(found)


def test_two_picks_of_one_source_pair_it_once(fork: Fork) -> None:
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    fork.pick(fix)
    fork.on_target({"app.c": CODE}, "Go back for a while")
    fork.pick(fix)
    found = fork.match()
    assert [pair.source for pair in found.counterparts] == [fix]


# Squashes and merges.


def test_a_squash_of_the_source_carries_each_of_its_commits(fork: Fork) -> None:
    ids = [
        fork.on_source({"app.c": edited(CODE, 3, 4)}, "Begin the feature"),
        fork.on_source({"app.c": edited(CODE, 3, 4, 20), "new.c": block("new")}, "Go on with the feature"),
        fork.on_source({"new.c": block("new", 8)}, "End the feature"),
    ]
    fork.on_target({"lib/util.c": edited(CODE, 30)}, "Change something else")
    squash = fork.repo.squash(into="target", source="source", subject="The feature (#7)")
    found = fork.match()
    assert pairs_of(found) == {(sha, squash): "squash" for sha in ids}
    assert found.missing_commits == ()


def test_a_squash_of_all_but_the_last_commit_leaves_that_one_missing(fork: Fork) -> None:
    ids = [
        fork.on_source({"app.c": edited(CODE, 3, 4)}, "Begin the feature"),
        fork.on_source({"new.c": block("new")}, "Go on with the feature"),
    ]
    squash = fork.repo.squash(into="target", source="source", subject="The feature (#7)")
    late = fork.on_source({"late.c": block("late")}, "Add what was forgotten")
    found = fork.match()
    assert pairs_of(found) == {(sha, squash): "squash" for sha in ids}
    assert list(missing_of(found)) == [late]


def test_what_brings_the_rest_of_a_branch_is_no_squash_of_the_whole(fork: Fork) -> None:
    """Merging the branch into the parent of the last commit gives the tree of that commit: all else had come before."""
    ids = [fork.on_source({f"part{n}.c": block(f"part{n}", 12)}, f"Add part {n} of it") for n in range(5)]
    for number in range(4):
        more = {f"own{number}.c": block(f"own{number}", 40)}
        files = {f"part{number}.c": block(f"part{number}", 12), **more}
        fork.on_target(files, f"Sprint {number}", author="Bob <bob@example.com>")
    last = fork.on_target({"part4.c": block("part4", 12)}, "Migrate the rest", author="Bob <bob@example.com>")
    assert {source for source, target in pairs_of(fork.match()) if target == last} <= {ids[4]}


def test_what_completes_a_branch_after_picks_is_the_squash_of_the_rest(fork: Fork) -> None:
    ids = [fork.on_source({f"part{n}.c": block(f"part{n}", 2)}, f"Add part {n} of it") for n in range(7)]
    for sha in ids[:5]:
        fork.pick(sha)
    files = {f"part{n}.c": block(f"part{n}", 2) for n in (5, 6)}
    rest = fork.on_target(files, "Migrate what is left", author="Bob <bob@example.com>")
    assert set(ids[5:]) <= {source for source, target in pairs_of(fork.match()) if target == rest}


def test_what_a_branch_tried_and_took_away_does_not_count_in_its_squash(fork: Fork) -> None:
    tries = [{f"try{n}.c": block(f"try{n}", 12)} for n in range(3)]
    for number, files in enumerate(tries):
        fork.on_source(files, f"Try way {number}")
    fork.on_source({f"try{n}.c": None for n in range(3)}, "Take all of it away")
    ids = [fork.on_source({f"part{n}.c": block(f"part{n}", 2)}, f"Add part {n} of it") for n in range(2)]
    files = {f"part{n}.c": block(f"part{n}", 2) for n in range(2)}
    squash = fork.on_target(files, "Migrate all", author="Bob <bob@example.com>")
    assert set(ids) <= {source for source, target in pairs_of(fork.match()) if target == squash}


def test_a_squash_that_lists_its_commits_is_found_though_its_conflicts_were_solved(fork: Fork) -> None:
    ids = [
        fork.on_source({"app.c": edited(CODE, 3, 4)}, "Begin the feature anew"),
        fork.on_source({"app.c": edited(CODE, 3, 4, 20), "new.c": block("new")}, "Go on with the feature"),
        fork.on_source({"new.c": block("new", 8)}, "End the feature in time"),
    ]
    alone = fork.on_source({"lib/util.c": edited(CODE, 12)}, "Change nothing like it")
    listing = "\n\n".join(f"* {subject}" for subject in ("Begin the feature anew", "Go on with the feature"))
    squash = fork.repo.commit(
        "target",
        {"app.c": edited(CODE, 3, 4, 21, 22), "new.c": block("new") + "int more;\n"},
        message=f"The feature (#7)\n\n{listing}\n\n* End the feature in time\n\n* Nobody knows what\n",
    )
    found = fork.match()
    assert {sha for sha, target in pairs_of(found) if target == squash} == set(ids[:2])
    assert {alone, ids[2]} <= set(missing_of(found))


@pytest.mark.parametrize("numbers", ["#1201,#1202,#1203", "1201,1202 and 1203"])
def test_a_port_that_names_several_pull_requests_is_the_squash_of_those_it_brings(fork: Fork, numbers: str) -> None:
    ids = [
        fork.on_source({"app.c": edited(CODE, 3, 4, 5)}, "Begin it anew (#1201)"),
        fork.on_source({"app.c": edited(CODE, 3, 4, 5, 20), "new.c": block("new", 12)}, "Go on here (#1202)"),
        fork.on_source({"app.c": edited(CODE, 3, 4, 5, 20), "new.c": block("newer", 12)}, "End it (#1203)"),
        fork.on_source({"app.c": edited(CODE, 3, 4, 5, 20, 30, 31)}, "Change nothing like it (#1204)"),
    ]
    files = {"app.c": edited(CODE, 4, 5, 21), "new.c": block("new", 5) + block("own", 12)}
    port = fork.on_target(files, f"Cherry pick {numbers} to 1.5 (#1300)", author="Bob <bob@example.com>")
    assert {sha for sha, target in pairs_of(fork.match()) if target == port} == set(ids[:2])


@pytest.mark.parametrize("version", ["2.1", "2.2"])
def test_a_raised_version_is_within_another_commit_only_with_every_line(fork: Fork, version: str) -> None:
    """Of the lines of a lock file most are the same whatever was raised, but for the one that matters."""
    common = "".join(f"lib{number} 1.{number}\n" for number in range(12))
    raised = fork.on_source({"go.sum": f"login 2.1\n{common}"}, "Raise login to 2.1")
    more = "".join(f"other{number} 3.{number}\n" for number in range(20))
    fork.on_target({"go.sum": f"login {version}\n{common}{more}"}, "Raise login and all the others")
    found = {source for source, _ in pairs_of(fork.match())}
    assert (raised in found) == (version == "2.1")


def merged_topic(fork: Fork) -> tuple[list[str], str]:
    """A branch of two commits that was merged into the source, and what came before and after."""
    fork.on_source({"before.c": block("before")}, "Add what comes before")
    fork.repo.branch("topic", "source")
    inner = [
        fork.repo.commit("topic", {"app.c": edited(CODE, 3, 4)}, subject="Begin the topic"),
        fork.repo.commit("topic", {"app.c": edited(CODE, 3, 4, 20), "new.c": block("new")}, subject="End the topic"),
    ]
    fork.on_source({"lib/util.c": edited(CODE, 11)}, "Change something meanwhile")
    merge = fork.repo.merge(into="source", source="topic", subject="Merge branch 'topic' into source")
    fork.on_source({"after.c": block("after")}, "Add what comes after")
    return inner, merge


def test_the_net_patch_of_a_merge_is_the_squash_of_what_it_brought(fork: Fork) -> None:
    inner, merge = merged_topic(fork)
    squash = fork.repo.pick(into="target", commit=merge, message="The topic, in one\n")
    found = fork.match()
    assert {(sha, squash) for sha in inner} <= set(pairs_of(found))
    assert {pairs_of(found)[sha, squash] for sha in inner} == {"squash"}
    subjects = {found.subjects[each.source] for each in found.missing_commits}
    assert subjects == {"Add what comes before", "Change something meanwhile", "Add what comes after"}


def test_a_merge_that_is_ported_as_one_commit_is_found_under_its_own_id(fork: Fork) -> None:
    _, merge = merged_topic(fork)
    port = fork.repo.pick(into="target", commit=merge)
    found = fork.match()
    assert (merge, port) in pairs_of(found)
    assert pairs_of(found)[merge, port] in {"patch-id", "zero-context-patch-id"}


def test_a_merge_named_by_a_trailer_is_found_under_its_own_id(fork: Fork) -> None:
    _, merge = merged_topic(fork)
    port = fork.repo.pick(into="target", commit=merge, trailer=True)
    assert pairs_of(fork.match())[merge, port] == "trailer"


def test_a_merge_is_not_missing_where_its_commits_are(fork: Fork) -> None:
    inner, merge = merged_topic(fork)
    found = fork.match()
    assert merge not in missing_of(found)
    assert set(inner) <= missing_of(found).keys()


# Trailers.


def test_a_trailer_is_the_strongest_evidence_short_of_ancestry(fork: Fork) -> None:
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    port = fork.pick(fix, trailer=True)
    found = fork.match()
    assert only_pair(found) == (fix, port, "trailer")
    assert fix[:12] in found.counterparts[0].reason
    assert found.counterparts[0].overlap == 1.0


def test_without_trailers_the_same_pair_rests_on_its_content(fork: Fork) -> None:
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    port = fork.pick(fix, trailer=True)
    assert only_pair(fork.match(trailers=False)) == (fix, port, "patch-id")


def test_a_trailer_alone_is_evidence_only_while_trailers_count(fork: Fork) -> None:
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    message = f"Solve it otherwise\n\n(cherry picked from commit {fix})\n"
    bob = "Bob <bob@example.com>"
    port = fork.on_target({"lib/util.c": edited(CODE, 30, 31, value="else_({})")}, "", message=message, author=bob)
    assert only_pair(fork.match()) == (fix, port, "trailer")
    assert fork.match(trailers=False).counterparts == ()


def test_a_pick_of_a_pick_leads_back_to_the_source(fork: Fork) -> None:
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    fork.repo.branch("between", fork.base)
    first = fork.repo.pick(into="between", commit=fix, trailer=True)
    message = f"Solve it otherwise\n\n(cherry picked from commit {first})\n"
    port = fork.pick(first, message=message, files={"other.txt": block("other")})
    assert only_pair(fork.match()) == (fix, port, "trailer")


def test_a_trailer_may_abbreviate(fork: Fork) -> None:
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    message = f"Solve it otherwise\n\nBackport of {fix[:10]}\n"
    port = fork.pick(fix, message=message, files={"other.txt": block("other")})
    assert only_pair(fork.match()) == (fix, port, "trailer")


def test_a_trailer_on_the_source_that_names_the_target_counts_too(fork: Fork) -> None:
    fix = fork.on_target({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    port = fork.repo.pick(into="source", commit=fix, trailer=True)
    assert only_pair(fork.match()) == (port, fix, "trailer")


@pytest.mark.parametrize("unknown", ["dead" * 10, "abcdef1234", "0" * 40])
def test_a_trailer_that_names_no_commit_says_nothing_and_hides_nothing(fork: Fork, unknown: str) -> None:
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    other = fork.on_source({"new.c": block("new")}, "Add something")
    port = fork.pick(fix, message=f"Fix the login\n\n(cherry picked from commit {unknown})\n")
    found = fork.match()
    assert only_pair(found) == (fix, port, "patch-id")
    assert list(missing_of(found)) == [other]


def test_a_trailer_that_names_a_commit_on_no_branch_leaves_the_content_to_decide(fork: Fork) -> None:
    lost = fork.repo.commit("lost", {"app.c": edited(CODE, 7, 8)}, subject="Fix the login", parents=[fork.base])
    fork.repo.delete("lost")
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    port = fork.pick(fix, message=f"Fix the login\n\n(cherry picked from commit {lost})\n")
    assert only_pair(fork.match())[:2] == (fix, port)


def test_a_gerrit_change_id_names_the_change_on_both_sides(fork: Fork) -> None:
    name = "Change-Id: I0123456789abcdef0123456789abcdef01234567"
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "", message=f"Fix the login\n\n{name}\n")
    files = {"lib/util.c": edited(CODE, 30, 31, value="else_({})")}
    port = fork.on_target(files, "", message=f"Solve it otherwise\n\n{name}\n", author="Bob <bob@example.com>")
    assert only_pair(fork.match()) == (fix, port, "trailer")


# Reverts.


def test_what_the_source_reverted_itself_is_said_to_be_so(fork: Fork) -> None:
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    undo = fork.repo.revert(into="source", commit=fix)
    fork.on_target({"more.c": block("more")}, "Go on")
    reasons: dict[str, str] = {each.source: each.reason for each in fork.match().missing_commits}
    assert reasons[fix].startswith(f"the source itself reverted it, with {undo[:12]}; ")
    assert "itself" not in reasons[undo]
    fork.repo.revert(into="source", commit=undo)
    assert not any("itself" in each.reason for each in fork.match().missing_commits if each.source == fix)


def test_a_port_that_was_reverted_is_missing_again(fork: Fork) -> None:
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    port = fork.pick(fix)
    undo = fork.repo.revert(into="target", commit=port)
    found = fork.match()
    (pair,) = found.counterparts
    assert (pair.source, pair.target, pair.undone_by) == (fix, port, undo)
    assert missing_of(found) == {fix: "clean"}
    assert undo[:12] in found.missing_commits[0].reason


def test_a_port_that_was_reverted_and_made_again_is_not_missing(fork: Fork) -> None:
    """The first port is the more alike: the second one is by somebody else, later, and has more in it."""
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login of guests")
    first = fork.pick(fix)
    undo = fork.repo.revert(into="target", commit=first)
    adapted = {"app.c": edited(CODE, 7, 8), "test.c": block("test")}
    again = fork.on_target(adapted, "[Backport 2.x] Fix the login of guests", author="Other <other@example.com>")
    found = fork.match()
    assert undone_of(found) == {(fix, first): undo, (fix, again): None}
    assert found.missing_commits == ()


def test_a_revert_of_the_revert_brings_the_port_back(fork: Fork) -> None:
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    port = fork.pick(fix)
    undo = fork.repo.revert(into="target", commit=port)
    fork.repo.revert(into="target", commit=undo)
    found = fork.match()
    assert undone_of(found)[fix, port] is None
    assert found.missing_commits == ()


def test_a_third_revert_takes_the_port_away_again(fork: Fork) -> None:
    fix = fork.on_source({"app.c": edited(CODE, 7, 8)}, "Fix the login")
    port = fork.pick(fix)
    undo = fork.repo.revert(into="target", commit=port)
    redo = fork.repo.revert(into="target", commit=undo)
    fork.repo.revert(into="target", commit=redo)
    found = fork.match()
    assert undone_of(found)[fix, port] == undo
    assert list(missing_of(found)) == [fix]
