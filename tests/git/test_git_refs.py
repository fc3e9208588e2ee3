from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.repos import RepoBuilder, git

from branchsim.errors import UnknownBranchError
from branchsim.git.log import LATEST
from branchsim.git.refs import branch_refs, find_branch, pull_refs, read_tags, resolve_branches
from branchsim.git.repository import Repository
from branchsim.names import BranchName, RefName, Sha

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO, THREE = (Sha(digit * 40) for digit in "123")


def _refs(**names: Sha) -> dict[RefName, Sha]:
    return {RefName("refs/" + name.replace("__", "/")): sha for name, sha in names.items()}


def _found(refs: dict[RefName, Sha], name: str, *remotes: str) -> str | None:
    return find_branch(refs, name, remotes)


def test_a_local_branch_goes_before_any_remote() -> None:
    refs = _refs(heads__main=ONE, remotes__origin__main=TWO, remotes__fork__main=THREE)
    assert _found(refs, "main") == "refs/heads/main"
    del refs[RefName("refs/heads/main")]
    assert _found(refs, "main") == "refs/remotes/origin/main"
    del refs[RefName("refs/remotes/origin/main")]
    assert _found(refs, "main") == "refs/remotes/fork/main"


def test_a_branch_of_two_other_remotes_is_ambiguous() -> None:
    refs = _refs(remotes__a__main=ONE, remotes__b__main=TWO)
    assert _found(refs, "main") is None
    assert _found(refs, "a/main") == "refs/remotes/a/main"


def test_names_with_slashes_and_remotes_with_slashes() -> None:
    refs = _refs(remotes__origin__release__1=ONE, remotes__team__x__main=TWO)
    assert _found(refs, "release/1") == "refs/remotes/origin/release/1"
    assert _found(refs, "x/main") == "refs/remotes/team/x/main"
    assert _found(refs, "main", "team/x") == "refs/remotes/team/x/main"
    assert list(branch_refs(refs, ["team/x", "team"])) == ["main", "release/1"]


def test_what_is_no_branch() -> None:
    refs = _refs(
        remotes__origin__HEAD=ONE, remotes__origin__pr__7=ONE, remotes__up__pull__8__head=ONE, tags__main=ONE,
        pull__9__head=ONE, stash=ONE, notes__commits=ONE, remotes__alone=ONE,
    )  # fmt: skip
    assert branch_refs(refs) == {}
    assert _found(refs, "HEAD") is None
    assert _found(refs, "main") is None


def test_a_local_branch_may_be_called_like_anything() -> None:
    refs = _refs(heads__HEAD=ONE, heads__pr__1=ONE, heads__origin__main=TWO, remotes__origin__main=THREE)
    assert list(branch_refs(refs)) == ["HEAD", "main", "origin/main", "pr/1"]
    assert _found(refs, "origin/main") == "refs/heads/origin/main"
    assert _found(refs, "main") == "refs/remotes/origin/main"


_PARTS = st.lists(st.sampled_from(["main", "a", "origin", "fork", "pr", "7", "HEAD", "x"]), min_size=1, max_size=3)
_NAMES = st.builds(
    lambda kind, parts: RefName(f"refs/{kind}/{'/'.join(parts)}"),
    st.sampled_from(["heads", "remotes", "remotes/origin", "tags", "pull"]),
    _PARTS,
)


@given(names=st.lists(_NAMES, max_size=8, unique=True), shuffled=st.randoms(use_true_random=False))
def test_the_order_of_refs_never_matters(names: list[RefName], shuffled: st.DataObject) -> None:
    refs = dict.fromkeys(names, ONE)
    shuffled.shuffle(names)  # type: ignore[attr-defined]  # it is a random.Random
    again = dict.fromkeys(names, ONE)
    assert list(branch_refs(refs).items()) == list(branch_refs(again).items())
    assert pull_refs(refs) == pull_refs(again)
    for branch, places in branch_refs(refs).items():
        assert set(places) <= set(refs)
        found = find_branch(refs, branch)
        assert found is None or found in refs
        if RefName(f"refs/heads/{branch}") in refs:
            assert found == f"refs/heads/{branch}"


def test_pull_requests_of_every_host_and_fetched_ones() -> None:
    refs = _refs(
        pull__12__head=ONE, pull__12__merge=TWO, remotes__origin__pr__12=TWO, remotes__fork__pull__3__head=ONE,
        heads__main=ONE, pull__x__head=ONE, pull__4=ONE, remotes__origin__pull__5__merge=ONE,
    )  # fmt: skip
    refs |= {RefName("refs/merge-requests/2/head"): ONE, RefName("refs/pull-requests/1/from"): ONE}
    assert [(number, ref) for number, ref, _ in pull_refs(refs)] == [
        (1, "refs/pull-requests/1/from"),
        (2, "refs/merge-requests/2/head"),
        (3, "refs/remotes/fork/pull/3/head"),
        (12, "refs/pull/12/head"),
        (12, "refs/remotes/origin/pr/12"),
    ]


def test_branches_are_resolved_and_a_wrong_one_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        main = made.commit("main", {"a": "1"})
        other = made.commit("refs/remotes/origin/preprod", {"a": "2"})
        made.branch("refs/remotes/one/both", main)
        made.branch("refs/remotes/two/both", main)
    git(made.path, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/preprod")
    with Repository(made.path) as repo:
        assert resolve_branches(repo, [BranchName("preprod"), BranchName("main")]) == {
            "preprod": ("refs/remotes/origin/preprod", other),
            "main": ("refs/heads/main", main),
        }
        with pytest.raises(UnknownBranchError, match=r"'pre-prod' does not exist .*did you mean 'preprod'"):
            resolve_branches(repo, [BranchName("main"), BranchName("pre-prod")])
        with pytest.raises(
            UnknownBranchError, match=r"several remotes .*refs/remotes/one/both, .*name the remote: 'one/both'"
        ):
            resolve_branches(repo, [BranchName("both")])
        assert resolve_branches(repo, [BranchName("two/both")])[BranchName("two/both")][1] == main


def test_without_any_branch_it_says_so(tmp_path: Path) -> None:
    with (
        Repository(RepoBuilder(tmp_path / "r").finish()) as repo,
        pytest.raises(UnknownBranchError, match="no branch at all"),
    ):
        resolve_branches(repo, [BranchName("main")])


def test_remotes_are_read_from_the_configuration(tmp_path: Path) -> None:
    made = RepoBuilder(tmp_path / "r")
    made.commit("main", {"a": "1"})
    made.finish()
    for name in ("origin", "team/x", "with.dots"):
        git(made.path, "config", f"remote.{name}.url", "https://example.com")
        git(made.path, "config", f"remote.{name}.fetch", f"+refs/heads/*:refs/remotes/{name}/*")
    with Repository(made.path) as repo:
        assert repo.remotes == ("origin", "team/x", "with.dots")


def test_tags_are_peeled_with_their_dates(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        first = made.commit("main", {"a": "1"}, at=1000)
        second = made.commit("main", {"a": "2"}, at=2000)
        made.tag("light", first)
        made.tag("annotated", first, message="One", tagged_at=5000)
        made.tag("b", second, message="Two", tagged_at=5000)
    git(made.path, "tag", "tree", "main^{tree}")
    git(made.path, "tag", "blob", "main:a")
    git(
        made.path, "tag", "-a", "-m", "of a tag", "nested", "annotated", variables={"GIT_COMMITTER_DATE": "@9000 +0000"}
    )
    git(made.path, "tag", "-a", "-m", "of a tree", "annotated-tree", "main^{tree}")
    no_tagger = f"object {second}\ntype commit\ntag old\n\nno tagger > 77\n".encode()
    old = git(made.path, "hash-object", "-t", "tag", "-w", "--stdin", "--literally", stdin=no_tagger)
    future = f"object {second}\ntype commit\ntag f\ntagger T <t> 99999999999999999 +0000\n\nm\n".encode()
    far = git(made.path, "hash-object", "-t", "tag", "-w", "--stdin", "--literally", stdin=future)
    lost = f"object {'6' * 40}\ntype commit\ntag lost\ntagger T <t> 1 +0000\n\nm\n".encode()
    gone = git(made.path, "hash-object", "-t", "tag", "-w", "--stdin", "--literally", stdin=lost)
    for name, sha in (("old", old), ("far", far), ("lost", gone)):
        (made.path / ".git/refs/tags" / name).write_text(sha + "\n")
    with Repository(made.path) as repo:
        tags, skipped = read_tags(repo)
    assert [(tag.name, tag.commit, tag.at, tag.annotated) for tag in tags] == [
        ("light", first, 1000, False),
        ("old", second, 2000, True),
        ("annotated", first, 5000, True),
        ("b", second, 5000, True),
        ("nested", first, 9000, True),
        ("far", second, LATEST, True),
    ]
    assert list(skipped) == ["lost"]
    assert "6" * 40 in skipped["lost"]


def test_thousands_of_tags_are_one_process(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        commits = [made.commit("main", {"a": str(n)}, at=1000 + n) for n in range(1500)]
        for number, sha in enumerate(commits):
            made.tag(f"v{number:04}", sha, message="m" if number % 2 else None, tagged_at=1000 + number)
    with Repository(made.path) as repo:
        tags, skipped = read_tags(repo)
    assert skipped == {}
    assert [tag.commit for tag in tags] == commits
