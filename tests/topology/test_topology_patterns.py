from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from topology_strategies import names

from branchsim.topology import PathGlobs, Topology, in_version_order, is_pattern, matches, version_key
from branchsim.topology.binding import fit
from branchsim.topology.patterns import most_specific

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("hotfix/*", "hotfix/login", True),
        ("hotfix/*", "hotfix/team/login", True),
        ("hotfix/*", "hotfix/", True),
        ("hotfix/*", "my-hotfix/login", False),
        ("hotfix/*", "Hotfix/login", False),
        ("release/?.?", "release/1.2", True),
        ("release/?.?", "release/1.10", False),
        ("release/[0-9]*", "release/10", True),
        ("release/[0-9]*", "release/next", False),
        ("release/[!0-9]*", "release/next", True),
        ("release/[z-a]", "release/b", False),
        ("release/[!z-a]", "release/b", True),
        ("*-stable", "7-0-stable", True),
        ("main", "main", True),
        ("main", "maintenance", False),
        ("a.b", "axb", False),
        ("a[", "a[", True),
        ("*", "a\nb", True),
        ("[]]", "]", True),
        ("[a&&b]", "&", True),
    ],
)
def test_a_name_pattern_matches(pattern: str, name: str, expected: bool) -> None:
    assert matches(pattern, name) is expected


@given(names)
def test_a_plain_name_matches_itself_alone(name: str) -> None:
    assert not is_pattern(name)
    assert matches(name, name)
    assert not matches(name, f"{name}x")


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_stars_match_as_a_plain_backtracking_matcher_does(pattern: str, name: str) -> None:
    def slow(p: str, n: str) -> bool:
        if not p:
            return not n
        if p[0] == "*":
            return any(slow(p[1:], n[i:]) for i in range(len(n) + 1))
        return bool(n) and p[0] in ("?", n[0]) and slow(p[1:], n[1:])

    assert matches(pattern, name) is slow(pattern, name)


def test_a_hostile_pattern_costs_little() -> None:
    began = time.process_time()
    assert not matches("*a" * 60 + "b", "a" * 5_000)
    assert not PathGlobs(["**/" * 60 + "*a" * 60 + "b"]).covers("a/" * 50 + "a" * 2_000)
    assert time.process_time() - began < 5


def test_the_most_precise_pattern_wins_then_the_first() -> None:
    assert most_specific(["release/*", "release/1.*", "*"], "release/1.2") == "release/1.*"
    assert most_specific(["*", "main"], "main") == "main"
    assert most_specific(["a*", "*a"], "aa") == "a*"
    assert most_specific(["x"], "y") is None


def test_versions_are_ordered_as_documented() -> None:
    ordered = ["1.2-dev", "1.2-rc1", "1.2-rc2", "1.2", "1.2-lts", "1.2.1", "1.10", "1.x", "2.0", "10"]
    assert in_version_order(reversed(ordered)) == tuple(ordered)


@pytest.mark.parametrize(
    "ordered",
    [
        ["6-1-stable", "7-0-stable", "7-1-stable"],
        ["main-6.0.x", "main-7.0.x", "main-8.0.x"],
        ["branch-3.4", "branch-3.4.9", "branch-3.5.10"],
        ["release/2023.9", "release/2023.10", "release/2024.1"],
        ["release/1.0.0-alpha", "release/1.0.0-beta", "release/1.0.0-rc.1", "release/1.0.0"],
        ["v9", "v" + "9" * 5_000],
    ],
)
def test_versions_of_real_projects(ordered: list[str]) -> None:
    assert in_version_order(ordered[::-1]) == tuple(ordered)


@given(st.lists(names))
def test_the_order_of_versions_does_not_depend_on_the_order_given(given_names: list[str]) -> None:
    ordered = in_version_order(given_names)
    assert ordered == in_version_order(reversed(given_names))
    assert set(ordered) == set(given_names)
    assert [version_key(name) for name in ordered] == sorted(version_key(name) for name in ordered)


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("*.lock", "a/b/x.lock", True),
        ("CHANGELOG.md", "docs/CHANGELOG.md", True),
        ("/CHANGELOG.md", "docs/CHANGELOG.md", False),
        ("docs/*.md", "docs/a.md", True),
        ("docs/*.md", "docs/a/b.md", False),
        ("docs/*.md", "x/docs/a.md", False),
        ("docs/**/b.md", "docs/b.md", True),
        ("docs/**/b.md", "docs/x/y/b.md", True),
        ("docs/**", "docs/x/y", True),
        ("docs/**", "docs", False),
        ("**/gen", "a/gen/x.py", True),
        ("gen/", "a/gen/x.py", True),
        ("gen/", "a/gen", False),
        ("gen", "a/gen", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        (r"a\*c", "a*c", True),
        (r"a\*c", "abc", False),
        ("[ab].txt", "b.txt", True),
    ],
)
def test_a_path_glob_matches(glob: str, path: str, expected: bool) -> None:
    assert PathGlobs([glob]).covers(path) is expected


def test_the_last_glob_that_matches_decides() -> None:
    globs = PathGlobs(["*.md", "!README.md", "docs/README.md"])
    assert globs.covers("a.md")
    assert not globs.covers("README.md")
    assert globs.decided_by("docs/README.md") == "docs/README.md"
    assert globs.decided_by("README.md") is None
    assert repr(PathGlobs(["a"])) == "PathGlobs(('a',))"


@pytest.fixture(scope="session")
def empty_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ignore")
    subprocess.run(["git", "init", "-q", "--bare", str(path)], check=True)
    return path


@settings(max_examples=150, deadline=None)
@given(
    glob=st.text("ab*?/.", min_size=1, max_size=8).filter(lambda glob: bool(glob.strip("/"))),
    paths=st.lists(
        st.lists(st.text("ab.", min_size=1, max_size=3), min_size=1, max_size=4)
        .filter(lambda parts: not {".", ".."} & set(parts))
        .map("/".join),
        min_size=1,
        max_size=20,
    ),
)
@example(glob="a/**/b", paths=["a/b", "a/x/b", "a/x/y/b"])
@example(glob="**", paths=["a", "a/b"])
@example(glob="a/**", paths=["a", "a/b", "b/a/b"])
@example(glob="**/a", paths=["a", "b/a", "b/a/c"])
def test_path_globs_agree_with_git(empty_repository: Path, glob: str, paths: list[str]) -> None:
    # In a bare repository no path is a directory, so git judges each as a file, as this library does.
    (empty_repository / "info" / "exclude").write_text(f"{glob}\n")
    work = empty_repository.parent / "work"
    work.mkdir(exist_ok=True)
    asked = "\0".join(paths) + "\0"
    command = ["git", f"--git-dir={empty_repository}", f"--work-tree={work}", "-c", "core.bare=false"]
    result = subprocess.run(
        [*command, "check-ignore", "--no-index", "--stdin", "-z"],
        input=asked.encode(),
        capture_output=True,
        check=False,
        cwd=work,
    )
    assert result.returncode in (0, 1), result.stderr
    ignored = {path.decode() for path in result.stdout.split(b"\0") if path}
    globs = PathGlobs([glob])
    assert {path for path in paths if globs.covers(path)} == ignored


def test_what_another_tool_configures_is_fitted_to_the_branches_that_exist() -> None:
    topology = Topology.build_run(uat="recette", production="main")
    found = fit(topology, ["INTEGRATION", "preprod", "main", "feature/login"])
    assert [branch.name for branch in found.branches] == ["INTEGRATION", "preprod", "main"]
    assert [(flow.kind, flow.source, flow.target) for flow in found.flows] == [
        ("promote", "preprod", "main"),
        ("retrofit", "preprod", "INTEGRATION"),
    ]
    hotfix = found.family_of("hotfix/login")
    assert hotfix is not None
    assert (hotfix.to, hotfix.retrofit) == (("preprod",), ("INTEGRATION",))
    assert "the branch 'integration' is called 'INTEGRATION' in the repository" in found.notes
    assert any(note.startswith("the branch 'recette' does not exist: it is left out") for note in found.notes)
    # Nothing is guessed where two names fit, or none.
    assert fit(topology, ["Main", "MAIN"]) is topology
    everything = ["integration", "recette", "preprod", "main"]
    assert fit(topology, everything) is topology
