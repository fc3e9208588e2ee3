"""What a counterexample loses by the model is exactly what an audit finds in the repository that git made of it."""

from __future__ import annotations

import re
import sys

import pytest

from branchsim.check import PRESETS, Counterexample, Scope, crosscheck, explore
from branchsim.check.crosscheck import audit_all
from branchsim.errors import InternalError

ONE_SIDED = "one-sided-resolution"
MISTAKES = [
    (ONE_SIDED,),
    ("stale-commit",),
    ("revert",),
    ("force-push",),
    ("skip-retrofit", ONE_SIDED),
    ("late-retrofit", ONE_SIDED),
    ("squash-then-merge", ONE_SIDED),
    ("cherry-pick-retrofit", ONE_SIDED),
    ("delete-branch", ONE_SIDED),
    ("wrong-base", ONE_SIDED),
]


def lost(preset: str, mistakes: tuple[str, ...], depth: int) -> Counterexample:
    scope = Scope(fixes=1) if len(mistakes) > 1 else None
    found = explore(
        PRESETS[preset]().without(), depth=depth, mistakes=mistakes, scope=scope, properties=["no-lost-fix"]
    )
    return found.counterexamples["no-lost-fix"]


@pytest.mark.parametrize("mistakes", MISTAKES, ids="+".join)
def test_the_audit_finds_exactly_what_was_lost(mistakes: tuple[str, ...]) -> None:
    check = crosscheck(lost("gitflow", mistakes, 6))
    assert {change for change, _ in check.lost} == {"fix-1"}
    assert check.agrees, check


@pytest.mark.parametrize("mistakes", [(ONE_SIDED,), ("stale-commit",), ("revert",), ("force-push",)], ids="+".join)
def test_the_same_of_build_run(mistakes: tuple[str, ...]) -> None:
    assert crosscheck(lost("build-run", mistakes, 8)).agrees


def test_a_revert_where_the_change_had_landed_first_is_no_loss_elsewhere() -> None:
    found = explore(
        PRESETS["release-train"]().without(), depth=6, mistakes=["revert"], properties=["owed-before-promotion"]
    )
    counter = found.counterexamples["owed-before-promotion"]
    assert "fix-1 is reverted on release/1" in str(counter)
    assert crosscheck(counter).lost == crosscheck(counter).found == frozenset()


def test_explore_audits_what_it_returns() -> None:
    found = explore(PRESETS["trunk"](), depth=3, mistakes=["force-push"])
    assert found.counterexamples
    assert all(each.audited for each in found.counterexamples.values())
    unasked = explore(PRESETS["trunk"](), depth=3, mistakes=["force-push"], audit=False)
    assert not any(each.audited for each in unasked.counterexamples.values())


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (frozenset(), "the audit says that fix-1 is lost on main and it is not"),
        (frozenset({("fix-1", "main"), ("fix-2", "main")}), "fix-2 is lost on main and the audit does not say so"),
    ],
)
def test_where_the_audit_and_the_model_disagree_the_search_fails_loudly(
    lost: frozenset[tuple[str, str]], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[audit_all.__module__], "losses", lambda _: dict(lost))
    with pytest.raises(InternalError, match=re.escape(said)) as caught:
        explore(PRESETS["trunk"](), depth=3, mistakes=["force-push"], properties=["no-lost-fix"])
    assert "audit=False" in str(caught.value)


def test_what_a_stale_copy_takes_away_of_features_alone_is_not_looked_for() -> None:
    """Said so in the docs: every version of every file would have to be compared with every older one."""
    found = explore(PRESETS["gitflow"](), depth=3, mistakes=["stale-commit"], properties=["no-lost-feature"])
    assert not found.counterexamples["no-lost-feature"].audited
    check = crosscheck(found.counterexamples["no-lost-feature"])
    assert check.lost == {("feature-1", "develop")}
    assert check.found == frozenset()
    assert not check.agrees
    assert check.contradiction == ""
