"""What a pick would give, told by the changed files alone, compared with git's own merges of whole trees."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from support.repos import Content, RepoBuilder, executable, git, symlink

from branchsim.audit.filewise import Outcome, apply_filewise
from branchsim.git.log import Commit, read_commits
from branchsim.git.merge import Pick, pick_many
from branchsim.git.objects import ObjectReader
from branchsim.git.repository import Repository
from branchsim.names import Sha

Files = dict[str, str]
_PLACES = ("a", "a/b", "c", "c/d", "e")
_NAMES = ("main.py", "util.py", "x.txt", "y.txt", "z.txt")


def told_and_picked(path: Path, shas: list[str], tip: str) -> tuple[dict[Sha, Outcome], dict[Sha, Outcome]]:
    """By the files alone, and by git."""
    with Repository(path) as repository, ObjectReader(repository.scratch) as reader:
        commits = list(read_commits(repository.scratch, shas, options=("--no-walk=unsorted",)))
        tree, parents = Sha(git(path, "rev-parse", f"{tip}^{{tree}}")), trees_before(path, commits)
        files = {path: (entry.mode, entry.sha) for path, entry in reader.walk(tree)}
        told = apply_filewise(repository.scratch, commits, tree, files, parents)
        picks = [Pick(commit.sha, Sha(tip), commit.parents[0]) for commit in commits]
        picked = {}
        for commit, result in zip(commits, pick_many(repository.scratch, picks), strict=True):
            clean = Outcome.SAME if result.tree == tree else Outcome.CLEAN
            picked[commit.sha] = clean if result.clean else Outcome.CONFLICT
    return told, picked


def trees_before(path: Path, commits: list[Commit]) -> dict[Sha, Sha]:
    trees = git(path, "rev-parse", *(f"{commit.parents[0]}^{{tree}}" for commit in commits)).split()
    return dict(zip((commit.sha for commit in commits), map(Sha, trees), strict=True))


def text(random: Random, kind: int) -> str:
    """Some lines, of which files of one kind have most in common."""
    own = [f"line {at} of kind {kind}" for at in range(12)]
    for at in random.sample(range(12), random.choice([0, 0, 1, 3, 6])):
        own[at] = f"changed {random.randrange(3)}"
    return "\n".join(own) + "\n"


def step(random: Random, files: Files, much: int) -> dict[str, str | None]:
    """Changes of some files: edits, moves, removals, new files."""
    change: dict[str, str | None] = {}
    for _ in range(random.randint(1, much)):
        path = random.choice(sorted(files))
        to = f"{random.choice(_PLACES)}/{random.choice(_NAMES)}"
        what = random.choice(("edit", "edit", "move", "remove", "add", "edit and move"))
        if what in {"remove", "move", "edit and move"}:
            change[path] = None
        if what in {"move", "edit and move"}:
            change[to] = files[path].replace("line 4", "line four") if "edit" in what else files[path]
        if what == "edit":
            change[path] = files[path].replace(f"line {random.randrange(12)} ", f"edit {random.randrange(2)} ")
        if what == "add":
            change[to] = text(random, random.randrange(5))
    return change


def changed(files: Files, change: dict[str, str | None]) -> Files:
    merged = files | change
    return {path: content for path, content in merged.items() if content is not None}


@settings(max_examples=4)
@given(st.randoms(use_true_random=False))
def test_what_the_files_tell_is_what_git_makes_of_the_whole(random: Random) -> None:
    with TemporaryDirectory() as directory:
        with RepoBuilder(f"{directory}/repo", bare=True) as repo:
            files = {f"{at}/{name}": text(random, i) for i, at in enumerate(_PLACES) for name in _NAMES[i % 2 :: 2]}
            repo.commit("main", files)
            tip_files = dict(files)
            repo.branch("tip", "main")
            for _ in range(3):
                change = step(random, tip_files, 4)
                tip = repo.commit("tip", change)
                tip_files = changed(tip_files, change)
            shas = []
            for at in range(30):
                shas.append(repo.commit(f"work-{at}", step(random, files, 2), parents=["main"]))
                if at % 3 == 0:
                    change = step(random, files, 2)
                    repo.commit("main", change)
                    files = changed(files, change)
        told, picked = told_and_picked(repo.path, shas, tip)
    assert told == {sha: outcome for sha, outcome in picked.items() if sha in told}
    assert len(told) > len(shas) // 3


def test_each_case_is_told_or_left_to_git(tmp_path: Path) -> None:
    lines = [f"a line of some length, number {at}\n" for at in range(20)]
    block = "".join(lines)
    top, end = block.replace("number 0\n", "number zero\n"), block.replace("number 19\n", "the last\n")
    base: dict[str, Content] = {
        "moved.py": block, "lib/twice.py": block.replace("a line", "twice"), "gone.py": block.replace("a line", "gone"),
        "here.py": block.replace("a line", "here"), "old/dir.py": block.replace("a line", "dir"),
        "link": symlink("here.py"),
    }  # fmt: skip
    with RepoBuilder(tmp_path / "repo", bare=True) as repo:
        repo.commit("main", base)
        repo.branch("tip", "main")
        twice = block.replace("a line", "twice")
        nine = block.replace("a line", "here").replace("number 9\n", "nine\n")
        tip = repo.commit(
            "tip",
            {
                "moved.py": None, "src/moved.py": end, "lib/twice.py": None, "one/twice.py": twice,
                "two/twice.py": twice, "gone.py": None, "here.py": nine,
                "old/dir.py": None, "new/dir.py": block.replace("a line", "dir"), "there.txt": "there\n",
            },
        )  # fmt: skip

        def work(name: str, change: dict[str, Content]) -> Sha:
            return Sha(repo.commit(name, change, parents=["main"]))

        expected = {
            work("follows", {"moved.py": top}): Outcome.CLEAN,
            work("clashes", {"moved.py": block.replace("number 19\n", "mine\n")}): Outcome.CONFLICT,
            work("same", {"moved.py": end}): Outcome.SAME,
            work("gone", {"gone.py": top}): Outcome.CONFLICT,
            work("both-gone", {"gone.py": None}): Outcome.SAME,
            work("mode", {"here.py": executable(block.replace("a line", "here"))}): Outcome.CLEAN,
            work("added", {"fresh/new.txt": "new\n"}): Outcome.CLEAN,
            work("added-too", {"there.txt": "other\n"}): Outcome.CONFLICT,
            work("link", {"link": symlink("gone.py")}): Outcome.CLEAN,
            work("removed", {"here.py": None}): Outcome.CONFLICT,
        }
        left = [
            work("twice", {"lib/twice.py": block.replace("a line", "twice").replace("number 3\n", "three\n")}),
            work("moves", {"here.py": None, "lib/here.py": block.replace("a line", "here")}),
            work("moved-directory", {"old/more.py": "more\n"}),
            work("in-the-way", {"src": "a file\n"}),
        ]
    told, picked = told_and_picked(repo.path, [*expected, *left], tip)
    assert told == expected
    assert {sha: picked[sha] for sha in expected} == expected
    assert Counter(picked[sha] for sha in left)[Outcome.CONFLICT] > 0
