from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from branchsim.check import Counterexample, Exploration, Scope, Strategy, explore
from branchsim.check.random_traces import random_traces
from branchsim.check.replay import materialise, replay, replay_many
from branchsim.check.store import Store
from branchsim.check.trace import effect
from branchsim.errors import InputError, InternalError

EVERY = ("one-sided-resolution", "cherry-pick-retrofit", "revert", "stale-commit", "force-push", "wrong-base")


@pytest.fixture(scope="module")
def explored() -> Exploration:
    return explore(Strategy.build_run().without(), depth=6, mistakes=EVERY, scope=Scope(fixes=2, features=2, regions=1))


@pytest.fixture(scope="module")
def lost() -> Counterexample:
    scope = Scope(fixes=1, features=1, regions=1)
    asked: dict[str, Any] = {
        "mistakes": ["skip-retrofit", "one-sided-resolution"],
        "properties": ["no-lost-fix"],
        "scope": scope,
    }
    return explore(Strategy.build_run().without(), depth=8, **asked).counterexamples["no-lost-fix"]


def refs(path: Path) -> dict[str, str]:
    out = subprocess.run(["git", "-C", path, "show-ref"], check=True, capture_output=True, text=True).stdout
    return {name: sha for sha, name in (line.split() for line in out.splitlines())}


def test_model_and_git_agree_on_random_traces() -> None:
    traces = list(random_traces(150, seed=20240229, length=22))
    done = replay_many(traces)
    assert sum(each.trees for each in done) > 1_000
    assert sum(each.conflicts for each in done) > 150
    kinds = {action.kind for trace in traces for action in trace.actions}
    assert kinds >= {"branch", "commit", "fast-forward", "merge", "squash", "pick", "revert", "move", "tag", "delete"}


def test_random_traces_meet_merges_with_several_bases(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    original = Store.merge_bases

    def counted(self: Store, ours: int, theirs: int) -> list[int]:
        bases = original(self, ours, theirs)
        counts.append(len(bases))
        return bases

    monkeypatch.setattr(Store, "merge_bases", counted)
    replay_many(list(random_traces(100, seed=3, length=25)))
    assert max(counts) > 1


MERGE_BASES = Store.merge_bases


def bases_cut(self: Store, ours: int, theirs: int) -> list[int]:
    return MERGE_BASES(self, ours, theirs)[:1]


def root_as_base(self: Store, _ours: int, _theirs: int) -> list[int]:
    return [self.root]


def theirs_always(base: int, ours: int, theirs: int) -> int | None:
    return theirs if base != theirs else ours


@pytest.mark.parametrize(
    ("owner", "name", "fault"),
    [
        (Store, "merge_bases", bases_cut),
        (Store, "merge_bases", root_as_base),
        ("branchsim.check.store", "choose_side", theirs_always),
    ],
)
def test_a_fault_in_the_model_is_found_loudly(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, fault: Any
) -> None:
    if isinstance(owner, str):
        monkeypatch.setattr(f"{owner}.{name}", fault)
    else:
        monkeypatch.setattr(owner, name, fault)
    with pytest.raises(InternalError, match=r"(?s)the model and git disagree at step \d+ .*report"):
        replay_many(list(random_traces(200, seed=1, length=25)))


def test_every_counterexample_has_been_replayed(explored: Exploration) -> None:
    assert len(explored.counterexamples) >= 5
    assert all(each.replayed for each in explored.counterexamples.values())


def test_a_repository_is_left_behind_where_it_is_wanted(lost: Counterexample, tmp_path: Path) -> None:
    done = materialise(lost.trace, tmp_path / "repo.git")
    assert refs(tmp_path / "repo.git") == done.refs
    with pytest.raises(InputError, match="not an empty directory"):
        materialise(lost.trace, tmp_path / "repo.git")
    assert replay(lost.trace).refs == done.refs


def run_script(text: str, directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = directory / "story.sh"
    script.write_text(text)
    checked = subprocess.run(["sh", "-n", str(script)], check=False, capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")
    return subprocess.run(["sh", str(script), *arguments], check=False, capture_output=True, text=True)


def test_the_script_loses_the_fix_with_git_alone(lost: Counterexample, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    done = run_script(lost.script(), tmp_path, str(first))
    assert (done.returncode, done.stderr) == (0, "")
    assert "fix-1 is not on production" in done.stdout
    show = ["git", "-C", str(first), "show", "production:regions.txt"]
    assert effect("fix-1") not in subprocess.run(show, check=True, capture_output=True, text=True).stdout
    history = ["git", "-C", str(first), "log", "--format=%s", "production"]
    assert "Add fix-1" in subprocess.run(history, check=True, capture_output=True, text=True).stdout
    # Made twice, and made by the replay, it is the same to the last object id.
    assert run_script(lost.script(), tmp_path, str(second)).returncode == 0
    assert refs(first) == refs(second) == replay(lost.trace).refs


def test_every_kind_of_action_can_be_scripted(explored: Exploration, tmp_path: Path) -> None:
    for number, found in enumerate(explored.counterexamples.values()):
        done = run_script(found.script(), tmp_path, str(tmp_path / str(number)))
        assert (done.returncode, done.stderr) == (0, ""), found
        assert refs(tmp_path / str(number)) == replay(found.trace).refs


@pytest.mark.parametrize("seed", range(6))
def test_scripts_of_random_traces_do_what_the_replay_does(lost: Counterexample, tmp_path: Path, seed: int) -> None:
    import dataclasses

    trace = next(random_traces(1, seed=seed, length=14))
    script = dataclasses.replace(lost, trace=trace).script()
    done = run_script(script, tmp_path, str(tmp_path / "repo"))
    assert (done.returncode, done.stderr) == (0, "")
    assert refs(tmp_path / "repo") == replay(trace).refs


def test_the_script_refuses_a_directory_that_holds_something(lost: Counterexample, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    done = run_script(lost.script(), tmp_path, str(tmp_path / "full"))
    assert done.returncode == 2
    assert "is not empty" in done.stderr


def test_the_script_notices_when_git_does_something_else(lost: Counterexample, tmp_path: Path) -> None:
    text = lost.script().replace(effect("feature-1"), "Another effect is here.", 1)
    done = run_script(text, tmp_path, str(tmp_path / "repo"))
    assert done.returncode == 1
    assert "git did not do what was expected" in done.stderr


def test_the_regression_test_fails_until_a_guard_stops_the_history(lost: Counterexample) -> None:
    text = lost.regression_test()
    namespace: dict[str, object] = {}
    exec(compile(text, "test_regression.py", "exec"), namespace)  # noqa: S102  our own text
    test = next(value for name, value in namespace.items() if name.startswith("test_"))
    assert callable(test)
    with pytest.raises(AssertionError, match="no-lost-fix is broken by step 8, and nothing stops it"):
        test()
    namespace["STRATEGY"] = Strategy.build_run()
    test()


def test_the_story_tells_every_step(lost: Counterexample) -> None:
    text = lost.markdown()
    assert text.startswith("# no-lost-fix: broken in 8 steps\n\nfix-1 was on production and is no longer there.\n")
    assert all(line in text for line in lost.trace.story())
    assert "it is not enforced here" in text
    row = next(line for line in text.splitlines() if line.startswith("| 8 |"))
    assert re.findall("fix-1", row) == []
    assert "every tree and every conflict is the same" in text
