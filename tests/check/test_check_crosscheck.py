"""What a counterexample loses by the model is exactly what an audit finds in the repository that git made of it."""

from __future__ import annotations

import pytest

from branchsim.check import PRESETS, Counterexample, Scope, crosscheck, explore

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


def test_what_a_stale_copy_takes_away_of_features_alone_is_not_looked_for() -> None:
    """Said so in the docs: every version of every file would have to be compared with every older one."""
    found = explore(PRESETS["gitflow"](), depth=3, mistakes=["stale-commit"], properties=["no-lost-feature"])
    check = crosscheck(found.counterexamples["no-lost-feature"])
    assert check.lost == {("feature-1", "develop")}
    assert check.found == frozenset()
    assert not check.agrees
