from __future__ import annotations

import io
import itertools
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from support.damage import lose
from support.histories import build, histories
from support.repos import Content, RepoBuilder, environment, executable, git, submodule, symlink

from branchsim.errors import GitError
from branchsim.git.log import empty_tree, rev_list
from branchsim.git.merge import (
    Conflict,
    MergeResult,
    Pick,
    Trees,
    _Tokens,
    merge_many,
    merge_trees,
    pick_many,
    read_result,
    write_commit_graph,
)
from branchsim.git.objects import ObjectReader
from branchsim.git.repository import Repository
from branchsim.names import Sha

if TYPE_CHECKING:
    from support.histories import Step

Stages = set[tuple[bytes, str, str, str]]


class WorkTree:
    """A clone with a work tree, in which git's own commands are run: the reference."""

    def __init__(self, source: Path, path: Path) -> None:
        git(source, "clone", "-q", "--no-checkout", "--mirror", ".", str(path / ".git"))
        git(path / ".git", "config", "core.bare", "false")
        self.path = path

    def at(self, sha: str) -> None:
        # A conflict between a file and a directory can leave an index that only a fresh one heals.
        (self.path / ".git" / "index").unlink(missing_ok=True)
        git(self.path, "clean", "-ffdxq")
        git(self.path, "update-ref", "--no-deref", "HEAD", sha)
        git(self.path, "reset", "-q", "--hard", sha)

    def run(self, *arguments: str) -> tuple[int, str]:
        """The exit code of a command and the tree of the index, or the empty string where it has conflicts."""
        done = subprocess.run(
            ["git", "-C", self.path, *arguments], capture_output=True, env=environment(), check=False, timeout=60
        )
        tree = git(self.path, "write-tree", accept=(0, 128)) if done.returncode == 0 else ""
        return done.returncode, tree

    def stages(self) -> Stages:
        out = os.fsencode(git(self.path, "ls-files", "-u", "-z"))
        found = set()
        for entry in out.split(b"\0")[:-1]:
            head, _, path = entry.partition(b"\t")
            mode, sha, stage = head.decode().split(" ")
            found.add((_plain(path), mode, sha, stage))
        return found


def _plain(path: bytes) -> bytes:
    """Without the name of the side that git adds where a file and a directory meet; the names differ by command."""
    return re.sub(rb"~.*", b"", path, flags=re.DOTALL)


def _stages(result: MergeResult) -> Stages:
    return {
        (_plain(conflict.path), side.mode, side.sha, stage)
        for conflict in result.conflicts
        for stage, side in (("1", conflict.base), ("2", conflict.ours), ("3", conflict.theirs))
        if side is not None
    }


def _unlabelled(path: Path, sha: str) -> str:
    """The content of a file without the names of the sides, which differ by command, in its conflict markers."""
    return re.sub(r"^([<>]{7,}) [^\n]*", r"\1", git(path, "cat-file", "blob", sha), flags=re.MULTILINE)


def _files(path: Path, tree: str) -> Stages:
    lines = os.fsencode(git(path, "ls-tree", "-r", "-z", tree)).split(b"\0")[:-1]
    found = set()
    for line in lines:
        head, _, path_ = line.partition(b"\t")
        mode, _, sha = head.decode().split(" ")
        found.add((path_, mode, sha, "0"))
    return found


def _equal(ours: Stages, scratch: Path, theirs: Stages, work: Path) -> bool:
    """Whether two sets of files are the same; a file merged twice may hold conflict markers even without a conflict."""
    left = {(path, mode, stage, _unlabelled(scratch, sha)) for path, mode, sha, stage in ours - theirs}
    return left == {(path, mode, stage, _unlabelled(work, sha)) for path, mode, sha, stage in theirs - ours}


def _same(result: MergeResult, scratch: Path, code: int, tree: str, work: WorkTree) -> None:
    """Whether a result is what git's own command made."""
    assert result.failure is None
    assert result.tree is not None
    assert result.clean == (code == 0)
    if code == 0:
        assert result.tree == tree or _equal(_files(scratch, result.tree), scratch, _files(work.path, tree), work.path)
        assert (result.conflicts, result.messages) == ((), ())
    else:
        assert _equal(_stages(result), scratch, work.stages(), work.path)
        assert any(message.kind.startswith("CONFLICT") for message in result.messages)


@given(steps=histories(most=9), choice=st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_merges_equal_git_merge(steps: list[Step], choice: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory) / "source"
        ids = sorted(set(build(source, steps)))
        pairs = list(itertools.product(ids, ids))
        choice.shuffle(pairs)  # type: ignore[attr-defined]  # it is a random.Random
        pairs = pairs[:6]
        work = WorkTree(source, Path(directory) / "work")
        with Repository(source) as repo:
            results = list(merge_many(repo.scratch, [(Sha(one), Sha(other)) for one, other in pairs], processes=2))
            assert len(results) == len(pairs)
            for (ours, theirs), result in zip(pairs, results, strict=True):
                bases = git(source, "merge-base", "--all", ours, theirs, accept=(0, 1)).split()
                event(f"bases: {len(bases)}")
                if not bases:
                    assert result.failure is not None
                    assert "unrelated histories" in result.failure
                    assert (result.clean, result.tree) == (False, None)
                    continue
                work.at(ours)
                code, tree = work.run("merge", "-q", "--no-ff", "--no-commit", theirs)
                event(f"clean: {code == 0}")
                _same(result, repo.scratch.path, code, tree, work)


@given(steps=histories(most=8), choice=st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_picks_equal_git_cherry_pick_and_revert(steps: list[Step], choice: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory) / "source"
        ids = build(source, steps)
        wanted = [
            (ids[index], ids[parent], number, onto)
            for index, step in enumerate(steps)
            for number, parent in enumerate(step.parents, 1)
            for onto in set(ids)
        ]
        choice.shuffle(wanted)  # type: ignore[attr-defined]  # it is a random.Random
        wanted = wanted[:5]
        work = WorkTree(source, Path(directory) / "work")
        with Repository(source) as repo:
            picks = [Pick(Sha(commit), Sha(onto), Sha(parent)) for commit, parent, _, onto in wanted]
            undone = [Pick(Sha(parent), Sha(onto), Sha(commit)) for commit, parent, _, onto in wanted]
            picked = list(pick_many(repo.scratch, picks))
            reverted = list(pick_many(repo.scratch, undone, processes=2))
            for command, results in (("cherry-pick", picked), ("revert", reverted)):
                for (commit, _, number, onto), result in zip(wanted, results, strict=True):
                    merge = " " in git(source, "show", "-s", "--format=%P", commit)
                    mainline = ["-m", str(number)] if merge else []
                    work.at(onto)
                    code, tree = work.run(command, "--no-commit", *mainline, commit)
                    event(f"{command} clean: {code == 0}")
                    _same(result, repo.scratch.path, code, tree, work)


@given(
    trees=st.lists(
        st.dictionaries(
            st.sampled_from(["a", "b", "d/c"]),
            st.sampled_from(["1\n", "2\n", "1\n2\n3\n4\n5\n", "1\n2\n3\n4\n6\n", "0\n2\n3\n4\n5\n"]),
        ),
        min_size=3,
        max_size=3,
    ),
)
@settings(max_examples=25, deadline=None)
def test_trees_merge_by_the_base_one_names(trees: list[dict[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        with RepoBuilder(Path(directory) / "r", bare=True) as made:
            base, ours, theirs = (Sha(made.commit(f"b{n}", files)) for n, files in enumerate(trees))
        with Repository(made.path) as repo:
            (result,) = merge_trees(repo.scratch, [Trees(base, ours, theirs)])
            with ObjectReader(repo.scratch) as reader:
                at = reader.check([f"{sha}^{{tree}}" for sha in (base, ours, theirs)])
                before, mine, other = (info.sha for info in at.values() if info)
                files = dict(reader.walk(result.tree)) if result.tree else {}
                everything = [dict(reader.walk(tree)) for tree in (before, mine, other)]
            (swapped,) = merge_trees(repo.scratch, [Trees(before, other, mine)])
        # What only one side changed is taken from that side; both orders agree.
        assert result.clean == swapped.clean
        if not result.clean:
            return
        assert result.tree == swapped.tree
        for path in (b"a", b"b", b"d/c"):
            old, one, two = (tree.get(path) for tree in everything)
            if one in (old, two):
                assert files.get(path) == two
            elif two == old:
                assert files.get(path) == one


def _conflicting(tmp_path: Path, left: dict[str, Content], right: dict[str, Content]) -> MergeResult:
    text = "".join(f"line {n}\n" for n in range(20))
    with RepoBuilder(tmp_path / "r") as made:
        start: dict[str, Content] = {"f": text, "g": text + "g", "bin": b"\0", "m": submodule("1" * 40), "x": "x\n"}
        made.commit("main", start)
        made.branch("topic", "main")
        ours = made.commit("main", left)
        theirs = made.commit("topic", right)
    with Repository(made.path) as repo:
        (result,) = merge_many(repo.scratch, [(Sha(ours), Sha(theirs))])
    return result


def _one(result: MergeResult, path: bytes) -> Conflict:
    return next(conflict for conflict in result.conflicts if conflict.path == path)


def test_a_conflict_of_content_names_all_three_sides(tmp_path: Path) -> None:
    result = _conflicting(tmp_path, {"f": "left\n", "x": "same\n"}, {"f": "right\n", "x": "same\n"})
    assert not result.clean
    (conflict,) = result.conflicts
    assert (conflict.path, conflict.kinds) == (b"f", ("CONFLICT (contents)",))
    assert conflict.base is not None
    assert conflict.ours is not None
    assert conflict.theirs is not None
    assert len({conflict.base, conflict.ours, conflict.theirs}) == 3
    assert any("Merge conflict in f" in text for text in conflict.messages)


def test_modify_against_delete_has_no_third_side(tmp_path: Path) -> None:
    conflict = _one(_conflicting(tmp_path, {"f": None}, {"f": "changed\n"}), b"f")
    assert (conflict.ours, conflict.kinds) == (None, ("CONFLICT (modify/delete)",))


def test_add_against_add_has_no_base(tmp_path: Path) -> None:
    conflict = _one(_conflicting(tmp_path, {"new": "1\n"}, {"new": "2\n"}), b"new")
    assert conflict.base is None
    assert conflict.kinds == ("CONFLICT (contents)",)


def test_binary_files_conflict_whole(tmp_path: Path) -> None:
    conflict = _one(_conflicting(tmp_path, {"bin": b"\0left"}, {"bin": b"\0right"}), b"bin")
    assert "CONFLICT (binary)" in conflict.kinds or "CONFLICT (contents)" in conflict.kinds


def test_submodules_conflict(tmp_path: Path) -> None:
    conflict = _one(_conflicting(tmp_path, {"m": submodule("2" * 40)}, {"m": submodule("3" * 40)}), b"m")
    assert conflict.ours is not None
    assert conflict.ours.mode == "160000"
    assert any("submodule" in text for text in conflict.messages)


def test_two_renames_of_one_file_conflict_at_every_name(tmp_path: Path) -> None:
    text = "".join(f"line {n}\n" for n in range(20))
    result = _conflicting(tmp_path, {"f": None, "left": text}, {"f": None, "right": text})
    assert {conflict.path for conflict in result.conflicts} == {b"f", b"left", b"right"}
    assert all("CONFLICT (rename/rename)" in conflict.kinds for conflict in result.conflicts)


def test_a_mode_and_a_symlink_take_part(tmp_path: Path) -> None:
    result = _conflicting(tmp_path, {"x": executable("x\n")}, {"g": symlink("x")})
    assert result.clean
    assert result.conflicts == ()


def test_one_merge_that_cannot_be_does_not_drop_the_others(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        made.commit("main", {"a": "1\n"})
        made.branch("topic", "main")
        main, topic = Sha(made.commit("main", {"b": "1\n"})), Sha(made.commit("topic", {"c": "1\n"}))
        other = Sha(made.commit("other", {"z": "1\n"}))
    nowhere = Sha("7" * 40)
    good, foreign, gone = (main, topic), (main, other), (main, nowhere)
    pairs = [foreign, good, gone, good, foreign, foreign, gone, good]
    with Repository(made.path) as repo:
        for processes in (1, 2, 3, 50):
            results = list(merge_many(repo.scratch, pairs, processes=processes))
            assert [result.clean for result in results] == [pair == good for pair in pairs]
            reasons = [result.failure or "" for result in results]
            assert all(("unrelated" in text) == (pair == foreign) for text, pair in zip(reasons, pairs, strict=True))
            assert all((nowhere in text) == (pair == gone) for text, pair in zip(reasons, pairs, strict=True))
        (joined,) = merge_many(repo.scratch, [foreign], unrelated=True)
        assert joined.clean
        assert list(merge_many(repo.scratch, [])) == []


def test_an_unreadable_blob_is_a_failure_of_its_merge_only(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        base = made.commit("main", {"a": "1\n2\n3\n4\n5\n6\n7\n"})
        made.branch("one", base)
        made.branch("two", base)
        one = Sha(made.commit("one", {"a": "0\n2\n3\n4\n5\n6\n7\n"}))
        two = Sha(made.commit("two", {"a": "1\n2\n3\n4\n5\n6\n8\n"}))
        three = Sha(made.commit("main", {"b": "new\n"}))
    blob = git(made.path, "rev-parse", "two:a")
    pack = next((made.path / ".git/objects/pack").glob("*.pack"))
    data = pack.read_bytes()
    for file in (made.path / ".git/objects/pack").iterdir():
        file.unlink()
    subprocess.run(["git", "-C", made.path, "unpack-objects", "-q"], input=data, env=environment(), check=True)
    (made.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with Repository(made.path) as repo:
        results = list(merge_many(repo.scratch, [(one, two), (one, three)]))
    assert results[0].failure is not None
    assert blob in results[0].failure
    assert results[1].clean


def test_a_merge_left_early_ends_its_processes(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        made.commit("main", {"a": "1\n"})
        made.branch("topic", "main")
        main, topic = Sha(made.commit("main", {"b": "1\n"})), Sha(made.commit("topic", {"c": "1\n"}))
    with Repository(made.path) as repo:
        merging = merge_many(repo.scratch, [(main, topic)] * 5000, processes=2)
        assert next(merging).clean
        merging.close()  # type: ignore[attr-defined]  # it is a generator


def test_octopus_by_steps_equals_git(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        made.commit("main", {"a": "1\n"})
        tips = []
        for name in ("x", "y", "z"):
            made.branch(name, "main")
            tips.append(Sha(made.commit(name, {name: "1\n"})))
        made.branch("octopus", tips[0])
        merge = made.merge(into="octopus", source=tips[1:], files={"y": "1\n", "z": "1\n"})
    with Repository(made.path) as repo:
        (first,) = merge_many(repo.scratch, [(tips[0], tips[1])])
        assert first.tree is not None
        (second,) = merge_trees(repo.scratch, [Trees(repo.resolve("main"), first.tree, tips[2])])
    assert second.tree == git(made.path, "rev-parse", f"{merge}^{{tree}}")


def test_a_root_is_picked_against_nothing(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        main = Sha(made.commit("main", {"a": "1\n"}))
        root = Sha(made.commit("other", {"b": "1\n"}))
        same = Sha(made.commit("third", {"a": "1\n", "b": "1\n"}))
    with Repository(made.path) as repo:
        picked, again = pick_many(repo.scratch, [Pick(root, main, None), Pick(root, same, None)])
        assert picked.tree == again.tree == git(made.path, "rev-parse", f"{same}^{{tree}}")
        (nothing,) = merge_trees(repo.scratch, [Trees(empty_tree(repo.scratch), empty_tree(repo.scratch), main)])
        assert nothing.tree == git(made.path, "rev-parse", f"{main}^{{tree}}")
        with pytest.raises(GitError, match="neither a commit nor a tree"):
            list(merge_trees(repo.scratch, [Trees(main, main, Sha(git(made.path, "rev-parse", "main:a")))]))


def test_many_picks_and_few_are_the_same(tmp_path: Path) -> None:
    # Few synthetic commits are written one by one and many as one pack; nobody may see a difference.
    with RepoBuilder(tmp_path / "r") as made:
        commits = [Sha(made.commit("main", {f"f{n}": f"{n}\n"})) for n in range(60)]
    picks = [Pick(commit, commits[0], parent) for parent, commit in itertools.pairwise(commits)]
    with Repository(made.path) as repo:
        many = list(pick_many(repo.scratch, picks))
        assert git(repo.scratch.path, "for-each-ref", "refs/branchsim") == ""
        assert git(repo.scratch.path, "fsck", "--connectivity-only", "--no-dangling") == ""
    with Repository(made.path) as repo:
        few = [result for pick in picks for result in pick_many(repo.scratch, [pick])]
    assert many == few
    assert all(result.clean for result in many)
    assert len({result.tree for result in many}) == len(picks)


def test_sha256_repositories_merge_and_pick(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r", object_format="sha256") as made:
        base = Sha(made.commit("main", {"a": "1\n"}))
        made.branch("topic", "main")
        main, topic = Sha(made.commit("main", {"b": "1\n"})), Sha(made.commit("topic", {"c": "1\n"}))
        merged = made.merge(into="main", source="topic")
    tree = git(made.path, "rev-parse", f"{merged}^{{tree}}")
    with Repository(made.path) as repo:
        (result,) = merge_many(repo.scratch, [(main, topic)])
        picks = list(pick_many(repo.scratch, [Pick(topic, main, base)] * 40 + [Pick(main, topic, base)]))
    assert {result.tree, *(pick.tree for pick in picks)} == {tree}


def test_merge_drivers_and_attributes_of_the_source_do_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    with RepoBuilder(tmp_path / "r") as made:
        made.commit("main", {".gitattributes": "* merge=evil\n", "a": "1\n"})
        made.branch("topic", "main")
        main, topic = Sha(made.commit("main", {"a": "2\n"})), Sha(made.commit("topic", {"a": "3\n"}))
    git(made.path, "config", "merge.evil.driver", f"touch {marker}")
    (made.path / ".git/info").mkdir(exist_ok=True)
    (made.path / ".git/info/attributes").write_text("* merge=evil\n")
    with Repository(made.path) as repo:
        (result,) = merge_many(repo.scratch, [(main, topic)])
    assert not result.clean
    assert not marker.exists()
    # The trap works: git itself, in the repository, would have run it.
    git(made.path, "merge-tree", "--write-tree", main, topic, accept=(0, 1))
    made.checkout()
    git(made.path, "merge", topic, accept=(0, 1))
    assert marker.exists()


def test_the_commit_graph_is_written_to_the_scratch_only_and_used(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        for index in range(30):
            made.commit("main", {"a": str(index)})
    with Repository(made.path) as repo:
        assert write_commit_graph(repo.scratch)
        assert (repo.scratch.path / "objects/info/commit-graph").is_file()
        assert not (made.path / ".git/objects/info/commit-graph").exists()
        git(repo.scratch.path, "commit-graph", "verify")
        before = rev_list(repo.scratch, [repo.resolve("main")])
        # git complains of a damaged graph, so it reads this one.
        graph = repo.scratch.path / "objects/info/commit-graph"
        graph.chmod(0o644)
        graph.write_bytes(graph.read_bytes()[:-200])
        done = subprocess.run(
            ["git", "--git-dir", repo.scratch.path, "log", "-1", "main"],
            capture_output=True,
            env=environment(),
            check=False,
        )
        assert b"chunk offset" in done.stderr
    assert len(before) == 30
    git(made.path, "commit-graph", "write", "--reachable")
    with Repository(made.path) as repo:
        assert not write_commit_graph(repo.scratch)


def test_no_commit_graph_is_written_for_few_merges_or_where_a_commit_is_missing(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        missing = made.commit("main", {"a": "1\n"})
        made.commit("main", {"a": "2\n"})
    with Repository(made.path) as repo:
        assert not write_commit_graph(repo.scratch, merges=3)
        assert write_commit_graph(repo.scratch, merges=10_000)
    lose(made.path, missing)
    with Repository(made.path) as repo:
        assert not write_commit_graph(repo.scratch, merges=10_000)


def test_an_output_that_is_cut_off_anywhere_is_no_result(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    repo.commit("main", {"a": "1\n", "b": "1\n"})
    repo.branch("topic", "main")
    repo.commit("topic", {"a": "2\n", "b": None})
    repo.commit("main", {"a": "3\n", "b": "3\n"})
    arguments = ("merge-tree", "--write-tree", "-z", "--stdin")
    feed = f"{repo['main']} {repo['topic']}\n".encode()
    out = subprocess.run(
        ["git", "-C", repo.finish(), *arguments], input=feed, capture_output=True, env=environment(), check=True
    ).stdout
    whole = read_result(_Tokens(io.BufferedReader(io.BytesIO(out))))
    assert whole is not None
    assert {conflict.path for conflict in whole.conflicts} == {b"a", b"b"}
    for end in range(len(out)):
        assert read_result(_Tokens(io.BufferedReader(io.BytesIO(out[:end])))) is None
