"""Raised versions: owed like anything else, and not missed where the other branch has them or newer ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.forks import block
from support.story import Files, Story

from branchsim.audit.lines import Effect, meaningful
from branchsim.audit.newer import Newer, held, is_of_another, raised
from branchsim.audit.verdicts import Verdict
from branchsim.names import Sha
from branchsim.topology import version_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from branchsim.audit.verdicts import Obligation

POM = "<project>\n  <log4j.version>{}</log4j.version>\n  <spring.version>{}</spring.version>\n</project>\n"
SUBJECT = "Bump log4j from 2.14.1 to 2.17.1"


def effect(path: str, before: str, after: str) -> Effect:
    was, now = meaningful(before.encode()), meaningful(after.encode())
    return Effect(path.encode(), now - was, was - now)


def held_in(change: list[Effect], content: Callable[[bytes], bytes | None]) -> Newer | None:
    tree = Sha("1" * 40)
    found = held(change, raised(change), [tree], lambda path, trees: dict.fromkeys(trees, content(path)))
    return found and found[1]


def story(tmp_path: Path) -> Story:
    return Story(tmp_path / "repo", files={"pom.xml": POM.format("2.14.1", "5.3.0")})


def test_a_hotfix_that_raises_a_dependency_is_owed(tmp_path: Path) -> None:
    told = story(tmp_path)
    fix = told.repo.commit("preprod", {"pom.xml": POM.format("2.17.1", "5.3.0")}, subject=SUBJECT)
    record = told.obligation(fix)
    assert (record.verdict, record.owed_to) == (Verdict.MISSED, "integration")


def test_it_is_not_missed_where_the_branch_has_a_newer_version(tmp_path: Path) -> None:
    told = story(tmp_path)
    fix = told.repo.commit("preprod", {"pom.xml": POM.format("2.17.1", "5.3.0")}, subject=SUBJECT)
    renewal = told.repo.commit("integration", {"pom.xml": POM.format("2.20.0", "6.1.0")}, subject="Renew all")
    record = told.obligation(fix)
    assert (record.verdict, record.counterpart) == (Verdict.SUPERSEDED, renewal)
    line = "'<log4j.version>2.20.0</log4j.version>' in pom.xml"
    assert record.reason == f"with {renewal[:12]} integration has a newer version than it brings: {line}"
    assert record.check == f"git show {renewal[:12]}:pom.xml"


def test_an_older_version_there_is_missed_and_so_is_one_that_fell_back(tmp_path: Path) -> None:
    told = story(tmp_path)
    fix = told.repo.commit("preprod", {"pom.xml": POM.format("2.17.1", "5.3.0")}, subject=SUBJECT)
    told.repo.commit("integration", {"pom.xml": POM.format("2.15.0", "6.1.0")}, subject="Renew all")
    assert told.obligation(fix).verdict is Verdict.MISSED


def test_what_it_does_besides_has_to_be_there_too(tmp_path: Path) -> None:
    told = story(tmp_path)
    files = {"pom.xml": POM.format("2.17.1", "5.3.0"), "guard.c": "int refuse_lookups(void) { return 1; }\n"}
    fix = told.repo.commit("preprod", files, subject=SUBJECT)
    told.repo.commit("integration", {"pom.xml": POM.format("2.20.0", "6.1.0")}, subject="Renew all")
    assert told.obligation(fix).verdict is Verdict.MISSED


def test_the_version_of_the_project_itself_is_bookkeeping(tmp_path: Path) -> None:
    told = Story(tmp_path / "repo", files={"setup.cfg": "name = shop\nversion = 1.2.0\n"})
    told.repo.commit("preprod", {"setup.cfg": "name = shop\nversion = 1.2.1\n"}, subject="Bump version to 1.2.1")
    assert told.audit().records == ()


@pytest.mark.parametrize(
    ("subject", "path", "before", "after", "expected"),
    [
        (SUBJECT, "pom.xml", "<log4j.version>2.14.1<", "<log4j.version>2.17.1<", True),
        ("Update the dependency a.org/x/net to v0.51", "go.mod", "a.org/x/net v0.47", "a.org/x/net v0.51", True),
        ("build(deps): bump a/checkout to 4.2", "ci.yml", "uses: a/checkout@4.1", "uses: a/checkout@4.2", True),
        ("Bump version to 1.2.1", "setup.cfg", "version = 1.2.0", "version = 1.2.1", False),
        ("Bump to 1.2.1", "setup.cfg", "version = 1.2.0", "version = 1.2.1", False),
        ("Release 1.2.1", "setup.cfg", "version = 1.2.0", "version = 1.2.1", False),
        ("Bump shop to 1.2.1", "setup.cfg", "version = 1.2.0", "version = 1.2.1", False),
        (SUBJECT, "pom.xml", "<log4j.version>2.17.1<", "<log4j.version>2.14.1<", False),
    ],
)  # fmt: skip
def test_whose_version_it_is(subject: str, path: str, before: str, after: str, *, expected: bool) -> None:
    assert is_of_another(subject, [effect(path, before + "\n", after + "\n")]) is expected


def test_vendored_files_follow_from_the_versions() -> None:
    change = [
        effect("go.mod", "a.org/b v1.0.0\n", "a.org/b v1.1.0\n"),
        effect("vendor/a.org/b/code.go", "old code()\n", "new code()\n"),
    ]
    assert held_in(change, {b"go.mod": b"a.org/b v1.2.0\n"}.get) is not None
    assert held_in(change[1:], {b"vendor/a.org/b/code.go": b"newer code()\n"}.get) is None
    assert raised([effect("vendor/a.org/b/go.mod", "c.org/d v1.0.0\n", "c.org/d v1.1.0\n")]) == {}


def test_lock_files_say_nothing_and_digests_beside_a_version_do_not_matter() -> None:
    lock = effect("go.sum", "a v1.0.0 h1:abc=\n", "a v1.1.0 h1:def=\n")
    pinned = effect("ci.yml", f"uses: a/b@{'1' * 40} # v1.0.0\n", f"uses: a/b@{'2' * 40} # v1.1.0\n")
    assert raised([lock]) == {}
    assert list(raised([pinned])) == [b"ci.yml"]
    there = {b"ci.yml": f"uses: a/b@{'3' * 40} # v2.0.0\n".encode()}
    found = held_in([lock, pinned], there.get)
    assert found is not None
    assert (found.line, found.newer) == (f"uses: a/b@{'3' * 40} # v2.0.0".encode(), True)


FIRST, SECOND = "v0.0.0-20230508075335-d6e0218addd5", "v0.0.0-20230607035724-661f075fc73f"


@pytest.mark.parametrize(
    ("before", "after", "there", "newer"),
    [
        (FIRST, SECOND, "v0.0.0-20230816095313-0e6414634f8f", True),
        (FIRST, SECOND, SECOND, False),
        (FIRST, SECOND, FIRST, None),
        ("v0.6.0", "v0.21.1-0.20240508182429-e35e4ccd0d2d", "v0.22.0", True),
        ("v0.6.0", "v0.21.1-0.20240508182429-e35e4ccd0d2d", "v0.21.0", None),
    ],
)
def test_a_version_that_is_a_time_and_a_commit_is_newer_by_its_time(
    before: str, after: str, there: str, newer: bool | None
) -> None:
    change = [effect("go.mod", f"a.org/b {before}\n", f"a.org/b {after}\n")]
    found = held_in(change, {b"go.mod": f"a.org/b {there}\n".encode()}.get)
    assert (found and found.newer) == newer


def test_a_file_of_nothing_but_a_version() -> None:
    change = [effect(".go-version", "1.23.7\n", "1.23.8\n")]
    texts: dict[Sha, bytes | None] = {
        Sha(name): text for name, text in zip("abcd", (b"1.24.0\n", b"1.23.8\n", b"1.23.7\n", None), strict=True)
    }
    answers = [held_in(change, lambda _, text=text: text) for text in texts.values()]  # type: ignore[misc]
    assert [answer and answer.newer for answer in answers] == [True, False, None, None]
    # Of several trees it is the first.
    for order, first in (("dcba", "b"), ("cab", "a"), ("dc", None)):
        found = held(change, raised(change), map(Sha, order), lambda _, trees: {tree: texts[tree] for tree in trees})
        assert (found and found[0]) == first


@pytest.mark.parametrize(
    ("there", "passes"),
    [
        ("lib = 1.2\nnew line\n", True),
        ("lib = 1.2\nno new line\n", False),
        ("lib = 1.2\nnew line\nold line\n", False),
        ("lib = 1.2\nnew line\nan old line\n", True),
    ],
)
def test_what_a_raise_adds_and_removes_besides_is_looked_for_as_whole_lines(there: str, passes: bool) -> None:
    change = [effect("deps.toml", "lib = 1.0\nold line\n", "lib = 1.1\nnew line\n")]
    assert (held_in(change, lambda _: there.encode()) is not None) == passes


_NUMBERS = st.lists(st.integers(0, 30), min_size=2, max_size=4).map(lambda parts: ".".join(map(str, parts)))


@given(old=_NUMBERS, new=_NUMBERS, there=st.lists(_NUMBERS, max_size=3), more=st.booleans())
def test_no_older_version_passes(old: str, new: str, there: list[str], *, more: bool) -> None:
    before, after = f"library = {old}\n", f"library = {new}\n" + "a line of work\n" * more
    content = "".join(f"library = {version}\n" for version in there).encode()
    change = [effect("deps.toml", before, after)]
    found = held_in(change, lambda _: content)
    raises = version_key(old) < version_key(new)
    good = bool(there) and all(version_key(version) >= version_key(new) for version in there)
    assert (found is not None) == (raises and good and not more)
    if found is not None:
        assert found.newer == all(version_key(version) > version_key(new) for version in there)


# What a merge drops of that.

_VERSION = '<Library Version="{}">\n'
_PIN = "library from https://example.com/pkg-{}/index\n"
_FIRST, _FIXED, _NEXT = "3298b3c1d986", "dc6e7082d768", "beef01234567"


def _dropped(tmp_path: Path, base: Files, fixed: Files, other: Files, merged: Files | None = None) -> Obligation:
    """What became of a hotfix that raises a version, where integration has a newer one and its merge keeps that."""
    first, mine, theirs = (
        {"build.props": _VERSION.format(number)} for number in ("1.0.0", "1.0.1-servicing.7", "2.0.0-preview.1")
    )
    told = Story(tmp_path / "repo", files={**first, **base})
    told.repo.commit("integration", {**theirs, **other}, subject="Take the next library")
    fix, _ = told.hotfix("library", {**mine, **fixed})
    told.merge("hotfix/library", "integration", {**theirs, **(other if merged is None else merged)})
    return told.obligation(fix)


@pytest.mark.parametrize(
    ("base", "fixed", "other", "kept"),
    [
        (_PIN.format(_FIRST), _PIN.format(_FIXED), _PIN.format(_NEXT), True),
        (_PIN.format(_FIRST), _PIN.format(_FIXED), "library of the system itself\n", True),
        ("", _PIN.format(_FIXED), _PIN.format(_NEXT), True),
        ("library here\n", "library of mirrors\n", "library of the system itself\n", False),
        ("see a page\n", "see the effaced page\n", "see the defaced page\n", False),
    ],
    ids=["another there", "none there", "both new", "no digest", "a word of such letters"],
)
def test_the_digest_of_an_older_version_is_no_loss_and_other_text_is(
    tmp_path: Path, base: str, fixed: str, other: str, kept: bool
) -> None:
    record = _dropped(tmp_path, {"it.txt": base}, {"it.txt": fixed}, {"it.txt": other})
    assert record.verdict is (Verdict.RETROFITTED if kept else Verdict.LOST)


def test_a_digest_that_was_there_before_either_is_a_loss(tmp_path: Path) -> None:
    old: Files = {"it.txt": _PIN.format(_FIRST)}
    assert _dropped(tmp_path, old, {"it.txt": _PIN.format(_FIXED)}, {}, old).verdict is Verdict.LOST


@pytest.mark.parametrize(("more", "verdict"), [(0, Verdict.LOST), (8, Verdict.RETROFITTED)])
def test_digests_of_an_older_version_do_not_count_beside_what_else_was_dropped(
    tmp_path: Path, more: int, verdict: Verdict
) -> None:
    def files(digest: str, word: str) -> Files:
        return {"pins.txt": "".join(f"{n} {_PIN.format(digest)}" for n in "abc"), "it.txt": f"library of {word}\n"}

    came: Files = {"more.c": block("more", more)} if more else {}
    other = files(_NEXT, "the system itself")
    record = _dropped(tmp_path, files(_FIRST, "nobody"), files(_FIXED, "mirrors") | came, other, other | came)
    assert record.verdict is verdict
    assert more or "(in it.txt)" in record.reason


def test_which_of_two_digests_is_newer_only_the_versions_beside_them_tell(tmp_path: Path) -> None:
    told = Story(tmp_path / "repo", files={"it.txt": _PIN.format(_FIRST)})
    told.repo.commit("integration", {"it.txt": _PIN.format(_NEXT)}, subject="Take the next library")
    fix, _ = told.hotfix("library", {"it.txt": _PIN.format(_FIXED)})
    told.merge("hotfix/library", "integration", {"it.txt": _PIN.format(_NEXT)})
    assert told.obligation(fix).verdict is Verdict.LOST
