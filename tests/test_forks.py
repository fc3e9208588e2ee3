"""Work shared with forks: the answers in order, whoever gave them, and no process left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.cli import ROOT
from support.repos import RepoBuilder

if TYPE_CHECKING:
    from pathlib import Path

START = """
import contextlib, os, sys, threading, time
from branchsim.forks import share_out

opened = []

@contextlib.contextmanager
def start():
    opened.append(os.getpid())
    yield work
    opened.pop()

def work(number):
    time.sleep(0.02)
    return number * number, os.getpid()
"""


def run(script: str, *arguments: str, status: int = 0) -> str:
    """A script in a process that has no other thread, unlike that of the tests; what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", START + script, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


def test_answers_come_in_order_from_several_processes() -> None:
    run("""
found = list(share_out(start, 60, processes=3))
assert [answer for answer, _ in found] == [number * number for number in range(60)]
assert len({process for _, process in found}) == 3
assert opened == []
""")


def test_each_process_does_what_lies_side_by_side() -> None:
    run("""
found = [process for _, process in share_out(start, 40, processes=2)]
changes = sum(one != other for one, other in zip(found, found[1:]))
assert changes <= 1
""")


@pytest.mark.parametrize("processes", [1, 3])
def test_it_says_when_each_number_is_done(processes: int) -> None:
    run(f"""
told = []
def done(number, answer):
    assert answer[0] == number * number
    told.append(number)
found = [len(told) for _ in share_out(start, 40, processes={processes}, done=done)]
assert sorted(told) == list(range(40))
assert all(many > number for number, many in enumerate(found))
# What other processes do from the end is told before it is due.
assert {processes} == 1 or told != sorted(told)
""")


def test_garbage_is_looked_for_seldom_while_work_is_shared_and_as_before_afterwards() -> None:
    run("""
import gc
from branchsim.garbage import seldom_collected

def work(number):
    return gc.get_freeze_count(), gc.get_threshold()[0]

before = gc.get_freeze_count(), gc.get_threshold()
found = list(share_out(start, 10, processes=2))
assert all(frozen > before[0] and seldom > before[1][0] for frozen, seldom in found)
assert (gc.get_freeze_count(), gc.get_threshold()) == before
with contextlib.suppress(KeyError), seldom_collected():
    assert gc.get_threshold()[0] > before[1][0]
    raise KeyError
assert gc.get_threshold() == before[1]
""")


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_any_amount_of_work_is_done_once(count: int) -> None:
    run(f"assert [answer for answer, _ in share_out(start, {count}, processes=4)] == [n * n for n in range({count})]")


def test_beside_another_thread_all_is_done_here() -> None:
    run("""
stop = threading.Event()
threading.Thread(target=stop.wait).start()
assert {process for _, process in share_out(start, 20, processes=3)} == {os.getpid()}
stop.set()
""")


def test_what_the_work_raises_in_a_fork_is_raised_here() -> None:
    said = run(
        """
parent = os.getpid()
def work(number):
    time.sleep(0.02)
    if os.getpid() != parent:
        raise ValueError(f"no answer to {number}")
    return number
list(share_out(start, 20, processes=2))
""",
        status=1,
    )
    assert "ValueError: no answer to" in said


def test_a_fork_that_ends_early_is_an_error() -> None:
    said = run(
        """
parent = os.getpid()
def work(number):
    time.sleep(0.02)
    if os.getpid() != parent:
        os._exit(3)
    return number
list(share_out(start, 20, processes=2))
""",
        status=1,
    )
    assert "BranchsimError: a process ended before its work was done" in said


def test_who_stops_early_leaves_no_fork_behind() -> None:
    run("""
import multiprocessing
answers = share_out(start, 1000, processes=3)
next(answers)
assert multiprocessing.active_children()
answers.close()
assert not multiprocessing.active_children()
""")


SCAN = """
import functools
import branchsim.audit.redone as redoing
import branchsim.audit.scan as scanning
from branchsim import forks
from branchsim.git.repository import Repository

assert len(forks.in_shares(range(9), smallest=2)) == 5
redoing.in_shares = functools.partial(forks.in_shares, smallest=2)
found = []
for processes in (1, 3):
    scanning.share_out = redoing.share_out = functools.partial(share_out, processes=processes)
    with Repository(sys.argv[1]) as repository:
        counted = []
        found.append(list(scanning.scan(repository, report=counted.append)))
    assert sum(counted) == 9
assert found[0] == found[1]
assert [bool(each.records) for each in found[0]] == [True] * 4
"""


def test_a_scan_by_several_processes_finds_the_same(tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "repo")
    code = "".join(f"int value_{number} = {number};\n" for number in range(40))
    repo.commit("main", {"a.c": code})
    for number in range(9):
        repo.branch("topic", "main")
        repo.commit("topic", {f"{number}.c": f"int more_{number};\n"})
        repo.commit("main", {"a.c": code.replace("int value_3 = 3;", f"int value_3 = {number}00;")})
        repo.merge(into="main", source="topic", files={} if number % 2 else None)
    run(SCAN, str(repo.finish()))


def test_progress_on_a_terminal_does_not_keep_work_from_being_shared() -> None:
    run("""
import io
from branchsim.cli.progress import progress

class Terminal(io.StringIO):
    def isatty(self):
        return True

errors, sys.stderr = sys.stderr, Terminal()
with progress() as report:
    report("sharing", None)
    found = list(share_out(start, 60, processes=3))
sys.stderr = errors
assert len({process for _, process in found}) == 3
""")
