"""The pairing on records alone: what is one change, and which pairs win."""

from __future__ import annotations

import random
from array import array
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from branchsim.audit.evidence import CONFIDENCE, Evidence
from branchsim.audit.pairing import MANY_PATHS, Edge, Pairing, assign, common, comparable, item, jaccard, judge
from branchsim.audit.trailers import Names
from branchsim.git.log import Commit, RawChange
from branchsim.git.patches import PatchFacts, parse_patch
from branchsim.names import Sha

BLANK = Sha("0" * 40)


def sha(name: str) -> Sha:
    return Sha(name.encode().hex().rjust(40, "0"))


def raw(path: str) -> RawChange:
    return RawChange(path.encode(), "100644", "100644", sha(f"old{path}"), sha(f"new{path}"), "M")


def commit(
    name: str,
    message: str = "",
    *,
    author: str = "Ann",
    at: int = 0,
    paths: tuple[str, ...] = ("app.c",),
    parents: int = 1,
) -> Commit:
    return Commit(
        side=">",
        sha=sha(name),
        tree=BLANK,
        parents=(BLANK,) * parents,
        author=author,
        author_email=f"{author.lower()}@example.com",
        authored_at=at,
        committer="Carl",
        committer_email="carl@example.com",
        committed_at=at,
        message=message or f"Message of {name}\n",
        changes=tuple(raw(path) for path in paths),
    )


def facts(*lines: int, zero: bytes | None = None) -> PatchFacts:
    zero = b"zero" + bytes(sorted(line % 256 for line in lines)) if zero is None else zero
    return PatchFacts(zero, len(lines), array("I", lines))


def verdict(one: Commit, other: Commit, first: PatchFacts | None, second: PatchFacts | None) -> Evidence | None:
    edge = judge(item(one), item(other), first, second, {})
    return None if edge is None else edge.evidence


# The rungs.


def test_the_ladder_and_its_confidences_agree() -> None:
    assert set(CONFIDENCE) == set(Evidence)
    assert all(0 < value <= 1 for value in CONFIDENCE.values())


def test_equal_changed_lines_are_a_port_if_anything_else_agrees() -> None:
    one = commit("a", "Fix the login\n")
    lines = facts(1, 2, 3)
    assert verdict(one, commit("b", "Fix the login\n", author="Bob", at=9), lines, lines) is Evidence.ZERO_CONTEXT
    assert verdict(one, commit("c", "Other words\n", at=9), lines, lines) is Evidence.ZERO_CONTEXT


def test_one_equal_line_by_another_person_under_another_title_is_no_evidence() -> None:
    one, other = commit("a", "Bump the version\n"), commit("b", "Something else\n", author="Bob", at=9)
    assert verdict(one, other, facts(1), facts(1)) is None


def test_few_equal_lines_in_another_file_by_another_person_are_no_evidence() -> None:
    one = commit("a", "Add a licence\n")
    other = commit("b", "Something else\n", author="Bob", at=9, paths=("far/away.h",))
    assert verdict(one, other, facts(1, 2, 3), facts(1, 2, 3)) is None


def test_patches_without_lines_are_not_equal() -> None:
    """Two changes of modes, names or white space have the same empty id."""
    one, other = commit("a", "Make it run\n"), commit("b", "Rename it\n", author="Bob", at=9)
    assert verdict(one, other, facts(zero=b""), facts(zero=b"")) is None


def test_author_and_date_need_a_title_or_lines_in_common() -> None:
    one = commit("a", "First of a series\n", at=5)
    other = commit("b", "Second of a series\n", at=5)
    assert verdict(one, other, facts(1, 2, 3), facts(7, 8, 9)) is None
    assert verdict(one, other, facts(1, 2, 3), facts(1, 2, 9)) is Evidence.AUTHOR_DATE
    same = commit("c", "First of a series\n", at=5)
    assert verdict(one, same, facts(1, 2, 3), facts(7, 8, 9)) is Evidence.AUTHOR_DATE


def test_a_title_of_two_words_is_not_enough() -> None:
    one, other = commit("a", "Update docs\n"), commit("b", "Update docs\n", at=9)
    assert verdict(one, other, facts(1, 2, 3, 4), facts(7, 8, 9, 10)) is None


def test_a_title_that_occurs_often_needs_lines_in_common() -> None:
    one, other = item(commit("a", "Update the change log\n")), item(commit("b", "Update the change log\n", at=9))
    often = {one.key: 4}
    assert judge(one, other, facts(1, 2, 3, 4), facts(7, 8, 9, 10), often) is None
    edge = judge(one, other, facts(1, 2, 3, 4), facts(1, 2, 3, 10), often)
    assert edge is not None
    assert edge.evidence is Evidence.SUBJECT
    rare = judge(one, other, facts(1, 2, 3, 4), facts(7, 8, 9, 10), {one.key: 1})
    assert rare is not None
    assert rare.evidence is Evidence.SUBJECT


def test_most_lines_in_common_are_enough_alone() -> None:
    one, other = commit("a", "Fix the login\n"), commit("b", "Other words\n", author="Bob", at=9)
    assert verdict(one, other, facts(*range(20)), facts(*range(1, 20))) is Evidence.OVERLAP
    assert verdict(one, other, facts(*range(20)), facts(*range(10, 30))) is None


def test_a_port_may_bring_its_entry_of_the_change_log_along() -> None:
    """All of the source is in it, and lines of a file that the source does not touch."""
    one = commit("a", "Fix the login on slow lines\n")
    by_other = commit("b", "Port the fix of last week\n", author="Bob", at=9, paths=("app.c", "notes/login.txt"))
    assert verdict(one, by_other, facts(1, 2, 3, 4), facts(1, 2, 3, 4, 7, 8)) is Evidence.OVERLAP
    assert verdict(one, by_other, facts(1, 2, 3, 4), facts(1, 2, 3, 4, *range(10, 20))) is None
    titled = commit("c", "Fix the login on slow lines (2.x)\n", at=9, paths=("app.c", "notes/login.txt"))
    assert verdict(one, titled, facts(1, 2), facts(1, 2, *range(10, 16))) is Evidence.OVERLAP
    elsewhere = commit("d", "Fix the login on slow lines (2.x)\n", at=9, paths=("other.c", "notes/login.txt"))
    assert verdict(one, elsewhere, facts(1, 2), facts(1, 2, *range(10, 16))) is None


def test_a_port_may_name_the_pull_request_of_its_source() -> None:
    one, apart = commit("a", "Sort the rows by name (#120)\n"), (facts(1, 2, 3, 4), facts(6, 7, 8, 9))
    for message in ("[backport] Rows, for #120 (#133)\n", "Backport/2.7/120 (#133)\n", "Cherry-pick of #120\n"):
        assert verdict(one, commit("b", message, author="Bob", at=9), *apart) is Evidence.SUBJECT
    follows = commit("c", "Give the tests of #120 more time (#121)\n", author="Bob", at=9)
    assert verdict(one, follows, *apart) is None
    undoes = commit("d", 'Revert "Sort the rows by name (#120)" (#140)\n', author="Bob", at=9)
    assert verdict(one, undoes, *apart) is None
    about = commit("e", "Rows, for the issue of #120\n\nBackport of what was asked for in #120.\n", author="Bob", at=9)
    assert verdict(commit("f", "Sort the columns, as in #120\n"), about, *apart) is None


def test_a_port_of_the_same_title_that_names_the_pull_request_may_be_in_other_files() -> None:
    one = commit("a", "Sort the rows by name (#120)\n", paths=("pkg/rows.c",))
    apart = (facts(1, 2, 3, 4), facts(6, 7, 8, 9))
    port = commit("b", "Sort the rows by name (#120) (#133)\n", author="Bot", at=9, paths=("cmd/table.c",))
    assert verdict(one, port, *apart) is Evidence.SUBJECT
    other = commit("c", "Sort the rows by name (#133)\n", author="Bot", at=9, paths=("cmd/table.c",))
    assert verdict(one, other, *apart) is None


def test_one_equal_line_in_one_file_under_a_similar_title_is_a_port() -> None:
    one = commit("a", "Add acme to the list\n", author="Bob", at=9)
    assert verdict(one, commit("b", "Added acme to the known list\n"), facts(1), facts(1)) is Evidence.ZERO_CONTEXT
    assert verdict(one, commit("c", "Added acme to the known list\n", paths=("b.c",)), facts(1), facts(1)) is None


def test_unreadable_patches_leave_the_metadata() -> None:
    one, other = commit("a", "Fix the login of accounts\n", at=5), commit("b", "Fix the login of accounts\n", at=5)
    assert verdict(one, other, None, None) is Evidence.AUTHOR_DATE


def test_what_is_compared_as_one_change() -> None:
    many = tuple(f"f{number}" for number in range(MANY_PATHS + 1))
    assert comparable(commit("a"))
    assert not comparable(commit("b", paths=()))
    assert comparable(commit("c", paths=many))
    assert comparable(commit("d", parents=2))
    assert not comparable(commit("e", paths=many, parents=2))


# Pairs.

EDGES = st.lists(
    st.builds(
        lambda s, t, score: Edge(sha(f"s{s}"), sha(f"t{t}"), Evidence.OVERLAP, (), float(score)),
        st.integers(0, 5),
        st.integers(0, 5),
        st.integers(0, 4),
    ),
    max_size=25,
    unique_by=lambda edge: (edge.source, edge.target),
)


@given(EDGES, st.randoms(use_true_random=False))
def test_assign_is_one_to_one_and_independent_of_order(edges: list[Edge], chance: random.Random) -> None:
    chosen = assign(edges)
    assert max(Counter(edge.source for edge in chosen).values(), default=1) == 1
    assert max(Counter(edge.target for edge in chosen).values(), default=1) == 1
    shuffled = list(edges)
    chance.shuffle(shuffled)
    assert assign(shuffled) == chosen
    assert set(chosen) <= set(edges)


@given(EDGES)
def test_assign_leaves_no_pair_of_two_that_are_free_and_prefers_the_better(edges: list[Edge]) -> None:
    chosen = assign(edges)
    best: dict[Sha, float] = {}
    for edge in chosen:
        best[edge.source] = best[edge.target] = edge.score
    for edge in edges:
        if edge not in chosen:
            assert max(best.get(edge.source, -1.0), best.get(edge.target, -1.0)) >= edge.score


@given(EDGES, st.sets(st.sampled_from([sha(f"t{number}") for number in range(6)])))
def test_assign_gives_a_source_one_more_port_where_the_first_is_undone(edges: list[Edge], undone: set[Sha]) -> None:
    chosen = assign(edges, undone=undone)
    assert max(Counter(edge.target for edge in chosen).values(), default=1) == 1
    for gone in (True, False):
        of_source = Counter(edge.source for edge in chosen if (edge.target in undone) == gone)
        assert max(of_source.values(), default=1) == 1


def test_assign_lets_a_merge_share_the_counterpart_of_its_own_commits_only() -> None:
    merge, inner, other, port = sha("m"), sha("i"), sha("o"), sha("p")
    edges = [
        Edge(name, port, Evidence.OVERLAP, (), score) for name, score in ((merge, 3.0), (inner, 2.0), (other, 1.0))
    ]
    assert {edge.source for edge in assign(edges, {merge: (inner,)})} == {merge, inner}
    assert {edge.source for edge in assign(edges)} == {merge}


def test_pairing_asks_only_for_patches_that_may_matter() -> None:
    asked: list[Sha] = []

    def read(commits: object) -> dict[Sha, PatchFacts]:
        found = {each.sha: facts(1, 2, 3, 4) for each in commits}  # type: ignore[attr-defined]
        asked.extend(found)
        return found

    one = commit("a", "Fix the login of accounts\n", at=5)
    port = commit("b", "Fix the login of accounts\n", at=5)
    far = commit("c", "Something else\n", author="Bob", at=9, paths=("far/away.h",))
    edges = Pairing([one], [port, far], read).edges()
    assert [(edge.source, edge.target) for edge in edges] == [(one.sha, port.sha)]
    assert far.sha not in asked


def test_pairing_keeps_to_what_is_allowed() -> None:
    lines = {sha("a"): facts(1, 2, 3, 4), sha("b"): facts(1, 2, 3, 4)}
    one, port = commit("a", "Fix the login of accounts\n"), commit("b", "Fix the login of accounts\n")
    assert len(Pairing([one], [port], lambda _: lines).edges()) == 1
    assert Pairing([one], [port], lambda _: lines, allowed=lambda _one, _other: False).edges() == []


@given(st.integers(0, 2**32), st.integers(1, 8), st.integers(1, 8))
def test_pairs_do_not_depend_on_the_order_of_the_sides(seed: int, ours: int, theirs: int) -> None:
    chance = random.Random(seed)  # noqa: S311  no secret

    def side(prefix: str, count: int) -> list[Commit]:
        titles = ("Fix the login of accounts", "update", "Add the search page", "Change the colours")
        return [
            commit(
                f"{prefix}{n}",
                chance.choice(titles) + "\n",
                author=chance.choice(("Ann", "Bob")),
                at=chance.randrange(3),
            )
            for n in range(count)
        ]

    sources, targets = side("s", ours), side("t", theirs)
    lines = {each.sha: facts(*(chance.randrange(6) for _ in range(4))) for each in (*sources, *targets)}
    edges = Pairing(sources, targets, lambda _: lines).edges()
    turned = Pairing(sources[::-1], targets[::-1], lambda _: lines).edges()
    assert {(e.source, e.target, e.evidence) for e in edges} == {(e.source, e.target, e.evidence) for e in turned}


# Patches.

SIGNED = ["+one", "-one", "+ one", "-two", "+two", "+", "- ", "+}", "+three  four"]
TEXTS = st.lists(st.sampled_from(SIGNED), max_size=6)


def patch(lines: list[str], path: str = "app.c", place: int = 1) -> bytes:
    head = f"diff --git a/{path} b/{path}\nindex 1111111..2222222 100644\n--- a/{path}\n+++ b/{path}\n"
    removed = sum(line.startswith("-") for line in lines)
    hunk = f"@@ -{place},{removed} +{place},{len(lines) - removed} @@\n"
    return (head + hunk + "".join(f"{line}\n" for line in lines)).encode()


@given(TEXTS, TEXTS)
def test_equality_of_changed_lines_is_what_it_says_and_symmetrical(one: list[str], other: list[str]) -> None:
    def key(lines: list[str]) -> list[str]:
        return [line.replace(" ", "") for line in lines if line[1:].strip()]

    first, second = parse_patch(patch(one)), parse_patch(patch(other, "moved.c", 70))
    assert (first.zero_id == second.zero_id) == (second.zero_id == first.zero_id) == (key(one) == key(other))
    assert common(first, second) == common(second, first) <= min(len(first.lines), len(second.lines))
    assert common(first, first) == len(first.lines)


def test_the_order_of_the_files_does_not_matter() -> None:
    one, other = patch(["+one"], "a"), patch(["-two"], "b")
    assert parse_patch(one + other).zero_id == parse_patch(other + one).zero_id
    assert parse_patch(one + other).zero_id != parse_patch(one).zero_id


def test_lines_around_a_change_do_not_count_whatever_they_look_like() -> None:
    around = patch([" +before", " diff --git a/x b/x", "-one", "+two", " -after", " @@ -1 +1 @@", " "])
    assert parse_patch(around) == parse_patch(patch(["-one", "+two"]))


def test_a_patch_of_nothing_but_white_space_has_no_id() -> None:
    assert parse_patch(patch(["+", "-  "])).zero_id == b""
    assert parse_patch(b"").zero_id == b""


@given(st.frozensets(st.sampled_from("abcd")), st.frozensets(st.sampled_from("abcd")))
def test_jaccard_is_symmetrical_and_between_zero_and_one(one: frozenset[str], other: frozenset[str]) -> None:
    assert jaccard(one, other) == jaccard(other, one)
    assert 0 <= jaccard(one, other) <= 1
    assert (jaccard(one, other) == 1) == (bool(one) and one == other)


# Names.


@given(st.lists(st.text("01ab", min_size=8, max_size=8), unique=True), st.text("01ab", max_size=8))
def test_a_name_is_found_where_one_begins_so(shas: list[str], prefix: str) -> None:
    fitting = [each for each in shas if each.startswith(prefix)]
    assert Names(Sha(each) for each in shas).find(prefix) == (fitting[0] if len(fitting) == 1 else None)


@pytest.mark.parametrize("prefix", ["", "f" * 40, "zz"])
def test_an_unknown_name_is_not_found(prefix: str) -> None:
    assert Names([sha("a"), sha("b")]).find(prefix) is None
