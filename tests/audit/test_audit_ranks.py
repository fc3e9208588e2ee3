"""Ranks: what raises them, what lowers them, and the order of the fates."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from branchsim.audit.ranks import BASE, Evidence, is_main, is_secondary, rank
from branchsim.audit.repairs import is_vague
from branchsim.effects import Fate, Region, Unit
from branchsim.topology import PathGlobs

EVIDENCE = st.builds(
    Evidence,
    fate=st.sampled_from(Fate),
    path=st.sampled_from([b"a.c", b"tests/a.c", b"docs/a.md"]),
    region=st.sampled_from(Region),
    clean=st.booleans(),
    whole_file=st.booleans(),
    paths=st.integers(1, 20),
    units=st.integers(1, 20),
    restored=st.floats(0, 1),
    by_hand=st.booleans(),
    hotfix=st.booleans(),
    reordered=st.booleans(),
    alike=st.floats(0, 1),
    vague=st.booleans(),
    stood=st.booleans(),
    unresolved=st.booleans(),
    on_purpose=st.booleans(),
    knew=st.booleans(),
)


def test_fates_stand_in_the_order_of_what_matters() -> None:
    order = [
        Fate.EDIT_UNDONE, Fate.UNRESOLVED, Fate.DELETION_UNDONE, Fate.VANISHED, Fate.EVIL_REMOVAL, Fate.OTHER_SIDE,
        Fate.REWRITTEN,
    ]  # fmt: skip
    ranks = [rank(Evidence(fate=fate, path=b"a.c")) for fate in order]
    assert ranks == sorted(set(ranks), reverse=True)
    assert BASE.keys() == set(Fate)
    assert BASE[Fate.MALFORMED] == BASE[Fate.UNRESOLVED]


@given(EVIDENCE)
def test_a_rank_is_between_0_and_1_whatever_is_known(known: Evidence) -> None:
    assert 0 <= rank(known) <= 1


@given(EVIDENCE)
def test_what_speaks_for_a_loss_never_lowers_the_rank_and_what_speaks_against_never_raises_it(known: Evidence) -> None:
    assert rank(replace(known, whole_file=True)) >= rank(replace(known, whole_file=False))
    assert rank(replace(known, hotfix=True)) >= rank(replace(known, hotfix=False))
    assert rank(replace(known, unresolved=True)) >= rank(replace(known, unresolved=False))
    assert rank(replace(known, reordered=True)) <= rank(replace(known, reordered=False))
    assert rank(replace(known, vague=True)) <= rank(replace(known, vague=False))
    assert rank(replace(known, stood=True)) <= rank(replace(known, stood=False))
    assert rank(replace(known, on_purpose=True)) <= rank(replace(known, on_purpose=False))
    assert rank(replace(known, knew=True)) <= rank(replace(known, knew=False))
    assert rank(replace(known, by_hand=True)) >= rank(replace(known, by_hand=False))
    assert rank(replace(known, restored=1.0)) >= rank(known) >= rank(replace(known, restored=0.0))
    assert rank(replace(known, clean=True)) >= rank(replace(known, clean=False))
    assert rank(replace(known, region=Region.CLEAR)) >= rank(replace(known, region=Region.REMOVED))


@pytest.mark.parametrize(
    "path",
    [
        "tests/a.py", "src/test/java/A.java", "pkg/a_test.go", "test_a.py", "web/a.spec.ts", "classes/PaymentTest.cls",
        "classes/Payment_TEST.cls", "classes/Payment_TEST2.cls-meta.xml", "robot/it.py", "other/functional_tests/A.cls",
        "integration-test/a.c",
        "features/order.feature", "src/Order/OrderSpec.php", "src/Behat/Page/Show.php",
        "INSTALL", "docs/FAQ", "notes.txt", "the_requirements_we_met/a.txt", "docs/requirements.txt", "README.md",
        "docs/x.rst", ".github/workflows/main.yml", ".travis.yml",
        "lang/sk.yml", "locale/pt_BR.properties", "src/i18n/app/de-CH.json",
        "phpstan.neon", "psalm.xml", ".eslintrc.json", "examples/one.py", ".vscode/settings.json",
    ],
)  # fmt: skip
def test_paths_that_break_no_release_rank_lower(path: str) -> None:
    assert is_secondary(path.encode())
    known = Evidence(fate=Fate.EDIT_UNDONE, path=path.encode())
    assert rank(known) < rank(replace(known, path=b"src/a.py"))


@pytest.mark.parametrize(
    "path",
    ["src/latest.py", "ab_tests/model.py", "classes/Contest.cls", "contested/a.c",
     "force-app/main/default/profiles/Admin.profile-meta.xml",
     "src/documents.py", "setup.cfg", "specification.py", "attestation.py", "lib/Tester.php",
     "pods/PodSpec.go", "features/order.js", "requirements.txt", "requirements/default.txt", "dev-requirements.txt",
     "requirements_base.txt", "src/CMakeLists.txt", "lang/en.yml", "src/de.php",
     "translations/de.translation-meta.xml"],
)  # fmt: skip
def test_names_that_only_look_like_tests_or_documentation_do_not(path: str) -> None:
    assert not is_secondary(path.encode())


@pytest.mark.parametrize("line", ["System.debug('ids: ' + caseIds);", "console.log(event.detail, this.result);"])
def test_a_line_that_only_tells_who_debugs_says_little(line: str) -> None:
    assert is_vague(Unit("line", (), line))
    assert not is_vague(Unit("line", (), f"if (limit > 3) {{ {line} }}"))


@pytest.mark.parametrize(("line", "vague"), [("<<<<<<< HEAD", False), ("HEAD", True)])
def test_the_mark_of_a_conflict_says_much_in_a_word(line: str, vague: bool) -> None:
    assert is_vague(Unit("line", (), line)) == vague


def test_an_element_without_a_text_says_little() -> None:
    key = ("CustomLabels", "labels[greeting]", "shortDescription")
    assert is_vague(Unit("element", key, ""))
    assert not is_vague(Unit("element", key, "Hi"))
    assert not is_vague(Unit("path", (), "present"))


@pytest.mark.parametrize(
    ("path", "ignored", "expected"),
    [
        (b"src/a.py", [], True),
        (b"src/a.py", ["src/"], False),
        (b"tests/test_a.py", [], False),
        (b"vendor/a.go", [], False),
        (b"package-lock.json", [], False),
    ],
)
def test_what_matters_of_a_change(path: bytes, ignored: list[str], expected: bool) -> None:
    assert is_main(path, PathGlobs(ignored)) is expected
