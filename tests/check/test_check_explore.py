from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import pytest

from branchsim.check import PRESETS, PROPERTIES, Property, PropertyError, Scope, Strategy, explore, hotfix_can_ship
from branchsim.check.explore import paths
from branchsim.check.model import Model, State
from branchsim.check.properties import View
from branchsim.errors import InputError

SMALL = Scope(fixes=1, features=1, regions=2)


def shortest_by_brute_force(strategy: Strategy, mistakes: list[str], scope: Scope, depth: int) -> int | None:
    """The shortest loss among all paths, without remembering a state and without symmetry."""
    model = Model(strategy, mistakes, scope=scope, symmetry=False)
    lost = PROPERTIES["no-lost-fix"]
    for length in range(1, depth + 1):
        for path in paths(model, length):
            before, move = path[-1]
            after = next(state for state, option in model.moves(before) if option == move)
            if lost.is_asked(model, move) and lost.check(View(model, after, move, before)) is not True:
                return length
    return None


@pytest.mark.parametrize("mistake", ["force-push", "one-sided-resolution"])
@pytest.mark.parametrize("name", PRESETS)
def test_the_search_finds_what_brute_force_finds(name: str, mistake: str) -> None:
    strategy = PRESETS[name]().without()
    scope = Scope(fixes=2, features=0, regions=1, commits=1)
    found = explore(strategy, depth=6, mistakes=[mistake], properties=["no-lost-fix"], scope=scope, replay=False)
    lost = found.counterexamples.get("no-lost-fix")
    assert (len(lost) if lost else None) == shortest_by_brute_force(strategy, [mistake], scope, 6)


def test_operations_that_commute_lead_to_one_state() -> None:
    model = Model(Strategy.build_run(), scope=SMALL)

    def go(*wanted: tuple[str, bool]) -> State:
        state = model.start
        for operation, is_fix in wanted:
            state = next(
                after
                for after, move in model.moves(state)
                if move.operation == operation and model.families[move.work].is_fix == is_fix
            )
        return state

    fix, feature = [("start", True), ("pull-request", True)], [("start", False), ("pull-request", False)]
    assert go(*fix, *feature) == go(*feature, *fix) == go(fix[0], feature[0], fix[1], feature[1])


def test_symmetric_histories_are_visited_once() -> None:
    def count(*, symmetry: bool) -> int:
        model = Model(Strategy.build_run(), scope=Scope(fixes=2, features=0), symmetry=symmetry)
        seen, waiting = {model.start}, [model.start]
        while waiting:
            for after, _ in model.moves(waiting.pop()):
                if after not in seen:
                    seen.add(after)
                    waiting.append(after)
        return len(seen)

    assert count(symmetry=True) < 0.6 * count(symmetry=False)


def test_a_small_scope_is_explored_to_its_end() -> None:
    found = explore(Strategy.build_run(), depth=60, scope=SMALL)
    assert found.exhausted
    assert found.safe
    assert found.depth_reached < 60
    assert "all longer ones" in str(found)


def test_every_preset_keeps_its_fixes_when_nobody_makes_a_mistake() -> None:
    for make in PRESETS.values():
        found = explore(make(), depth=8, properties=["no-lost-fix", "a-hotfix-ships"])
        assert found.safe
        assert not found.vacuous


def test_sometimes_properties_show_the_shortest_way() -> None:
    found = explore(Strategy.build_run(), depth=6)
    assert {name: len(trace) for name, trace in found.witnesses.items()} == {
        "a-hotfix-ships": 3,
        "a-conflict-happens": 4,
        "a-release-ships": 5,
    }


def test_what_never_happens_is_said() -> None:
    found = explore(Strategy.build_run(), depth=2)
    assert "a-hotfix-ships" in found.vacuous
    assert "never happens: a-hotfix-ships" in str(found)


def test_a_property_of_the_users_own() -> None:
    def no_two_features(view: View) -> bool:
        return len([each for each in view.content("production") if each.kind == "feature"]) < 2

    own = Property("one-at-a-time", "A release holds one feature.", no_two_features)
    found = explore(Strategy.build_run(), depth=10, properties=[own])
    assert len(found.counterexamples["one-at-a-time"]) == 6
    assert found.stopped == "answered"


def test_a_property_may_name_changes_in_its_reason() -> None:
    own = Property(
        "never", "Nothing lands.", lambda view: f"{min(view.content('integration'), key=repr)!r} came", where="origin"
    )
    found = explore(Strategy.build_run(), depth=3, properties=[own])
    assert found.counterexamples["never"].reason == "feature-1 came"


def test_a_property_that_raises_is_reported_with_its_history() -> None:
    def broken(view: View) -> bool:
        return view.content("staging") == frozenset()

    with pytest.raises(PropertyError, match=r"property 'broken' raised InputError: there is no branch 'staging'.*1\. "):
        explore(Strategy.build_run(), properties=[Property("broken", "", broken)])

    def divided(view: View) -> bool:
        return 1 // len(view.content("production")) > 0

    with pytest.raises(PropertyError, match=r"'divided' raised ZeroDivisionError") as raised:
        explore(Strategy.build_run(), properties=[Property("divided", "", divided)])
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


def test_a_property_that_gives_no_answer_is_refused() -> None:
    with pytest.raises(PropertyError, match="answered None"):
        explore(Strategy.build_run(), properties=[Property("silent", "", lambda _: None)])  # type: ignore[arg-type,return-value]


def test_the_bound_on_states_stops_the_search_and_keeps_what_it_found() -> None:
    found = explore(Strategy.build_run(), depth=30, mistakes=["wrong-base"], max_states=5_000)
    assert found.stopped == "states"
    assert 5_000 <= found.states < 5_100
    assert 0 < found.depth_reached < 30
    assert "passed-validation" in found.counterexamples
    assert "the bound on states was met" in str(found)


def test_the_bound_on_memory_stops_the_search_and_says_how_far_it_got() -> None:
    # A process of its own: in this one memory that other tests gave back would be used first.
    program = """
from branchsim.check import Strategy, explore
asked = {"mistakes": ["wrong-base"], "properties": ["no-lost-fix", "passed-validation"]}
found = explore(Strategy.build_run(), depth=30, max_memory=20_000_000, **asked)
print(found.stopped, found.states < 200_000, found.depth_reached >= 5, list(found.counterexamples))
print(found)
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    first, *rest = done.stdout.splitlines()
    assert first == "memory True True ['passed-validation']"
    assert "the bound on memory was met" in rest[0]


def test_an_interruption_returns_what_is_known() -> None:
    asked = 0

    def interrupted(_view: View) -> bool:
        nonlocal asked
        asked += 1
        if asked == 3_000:
            raise KeyboardInterrupt
        return True

    found = explore(Strategy.build_run(), depth=12, properties=["a-hotfix-ships", Property("ctrl-c", "", interrupted)])
    assert found.stopped == "interrupted"
    assert found.depth_reached >= 4
    assert len(found.witnesses["a-hotfix-ships"]) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depth": 0}, "depth must be a whole number from 1, not 0"),
        ({"depth": True}, "not True"),
        ({"max_states": -1}, "max_states"),
        ({"max_memory": 1.5}, "max_memory"),
        ({"mistakes": ["skip-retrofits"]}, r"unknown mistake 'skip-retrofits' \(did you mean 'skip-retrofit'"),
        ({"properties": ["no-lost-fixes"]}, r"unknown property 'no-lost-fixes' \(did you mean 'no-lost-fix'"),
        ({"properties": [3]}, "must be a name or a Property"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        explore(Strategy.build_run(), **arguments)


def test_what_is_no_strategy_is_named() -> None:
    with pytest.raises(InputError, match=r"explore needs a Strategy, and not str; make one of a topology"):
        explore("gitflow")  # type: ignore[arg-type]


def test_two_properties_of_one_name_are_refused() -> None:
    other = dataclasses.replace(PROPERTIES["no-lost-fix"], description="another one")
    with pytest.raises(InputError, match="two properties are named 'no-lost-fix'"):
        explore(Strategy.build_run(), properties=["no-lost-fix", other])


@pytest.mark.parametrize(
    ("field", "value"), [("kind", "never"), ("where", "uat"), ("operations", ("merge",)), ("name", " ")]
)
def test_a_property_of_impossible_parts_is_refused(field: str, value: Any) -> None:
    parts = {"name": "mine", "description": "", "check": lambda _: True, field: value}
    with pytest.raises(InputError, match=r"unknown|needs a name"):
        Property(**parts)


def test_scope_is_checked() -> None:
    with pytest.raises(InputError, match="scope: regions must be a whole number from 1 to 14, not 0"):
        Scope(regions=0)
    with pytest.raises(InputError, match="hotfix_can_ship: steps"):
        hotfix_can_ship(0)


def test_a_million_states_would_fit_into_memory() -> None:
    import tracemalloc

    tracemalloc.start()
    try:
        found = explore(
            Strategy.build_run(),
            depth=30,
            mistakes=["revert"],
            max_states=60_000,
            properties=["no-lost-fix"],
            replay=False,
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.states >= 60_000 or found.stopped == "answered"
    assert peak / found.states < 2_000
