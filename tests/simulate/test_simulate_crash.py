"""Executions that die: whatever they had done by then, resume and undo bring the repository to one of two states.

``benchmarks/crash_execute.py`` goes further and kills before every system call; it takes hours, this takes seconds.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from support.repos import RepoBuilder, git
from support.warm import warm

from branchsim.errors import GitError, InputError
from branchsim.plan import Commit, FileChange, Plan, PullRequest
from branchsim.simulate import Simulation, execute, resume, save, simulate, undo
from branchsim.simulate.journal import Journal
from branchsim.topology import Topology

ROOT = Path(__file__).parents[2]

# Runs an execution (or an undo) that is killed at its n-th word; prints how many there are where n is 0.
_DIES = """
import os, signal, sys
from branchsim.simulate import execute, read_simulation, resume, undo
saved, repo, remote, what, number = sys.argv[1:]
def run(at):
    said = []
    def report(word):
        said.append(word)
        if len(said) == at:
            os.kill(os.getpid(), signal.SIGKILL)
    if what == "execute":
        execute(read_simulation(saved), repo, remote or None, report=report)
    else:
        {"undo": undo, "resume": resume}[what](repo, report=report)
    return len(said)
print(run(int(number)))
"""


def dies(saved: Path, repo: Path, remote: str, what: str, number: int) -> int:
    """Kill it at its n-th word; how many words there are, where it lived."""
    # Who is killed leaves its scratch repository behind.
    where = {**os.environ, "TMPDIR": str(saved.parent)}
    code, out, err = warm().run([str(saved), str(repo), remote, what, str(number)], ROOT, where, _DIES)
    if number == 0:
        assert code == 0, err
        return int(out)
    assert code in {0, -9}, err
    # A git that it had started ends a moment later.
    Journal(repo / ".git", patience=10).close()
    return 0


def plan() -> Plan:
    files = (
        FileChange("a.txt", b"1\n2\n3\n4\nfixed\n"),
        FileChange("gone.txt", None),
        FileChange("new/n.txt", b"new\n"),
    )
    work = [Commit("hotfix/login", message="Fix", files=files)]
    made = Plan.hotfix("login", Topology.build_run(), work=work, tag="v1", author="R <r@example.com>", at=1_800_000_000)
    return made.then(PullRequest("topic", "uat", delete_source=True))


class Place:
    """A repository that can be put back to how it was, perhaps with a server that it pushes to."""

    def __init__(self, path: Path, remote: str) -> None:
        self.remote = remote
        self.template, self.path = path / "template", path / "work"
        with RepoBuilder(self.template / "repo") as repo:
            base = repo.commit("integration", {"a.txt": "1\n2\n3\n4\n5\n", "gone.txt": "g\n"})
            for name in ("uat", "preprod", "production", "topic"):
                repo.branch(name, base)
            repo.commit("topic", {"t.txt": "t\n"})
            repo.commit("integration", {"f.txt": "f\n"})
        repo.checkout("preprod")
        if remote:
            git(self.template, "clone", "-q", "--bare", "repo", "server.git")
            git(self.template / "repo", "remote", "add", "origin", "../server.git")
            git(self.template / "repo", "fetch", "-q", "origin")
        self.simulation: Simulation = simulate(plan(), self.template / "repo")
        self.saved = path / "simulation.json"
        save(self.simulation, self.saved)
        self.before = self.refs(self.template)
        self.fresh()
        execute(self.simulation, self.repo, remote or None)
        self.after = self.refs(self.path)

    @property
    def repo(self) -> Path:
        return self.path / "repo"

    def fresh(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.copytree(self.template, self.path, symlinks=True)

    def refs(self, where: Path) -> dict[str, str]:
        path = where / ("server.git" if self.remote else "repo")
        lines = git(path, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags").splitlines()
        return dict(line.split(" ") for line in lines)

    def is_one_of_two(self) -> None:
        refs = self.refs(self.path)
        assert refs in (self.before, self.after)
        git(self.repo, "fsck", "--strict", "--no-dangling", "--connectivity-only")
        assert git(self.repo, "status", "--porcelain") == ""
        fixed = (self.repo / "a.txt").read_text().endswith("fixed\n")
        assert fixed == (refs == self.after and not self.remote)
        left = {
            p.name for p in (self.repo / ".git").rglob("*") if p.suffix in {".keep", ".lock"} or "pending" in p.name
        }
        assert left <= {"push.lock"}


def mended(repo: Path, how: str) -> None:
    try:
        {"resume": resume, "undo": undo}[how](repo)
    except InputError as error:
        # It died before it had written down anything, or after all was done.
        assert "there is nothing to" in str(error) or "undone already" in str(error)  # noqa: PT017


@pytest.mark.parametrize("remote", ["", "origin"], ids=["local", "remote"])
@pytest.mark.parametrize("what", ["execute", "undo"])
def test_killed_at_every_step_then_resumed_or_undone(
    tmp_path: Path, remote: str, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place(tmp_path, remote)
    if what == "undo":
        shutil.rmtree(place.template)
        shutil.copytree(place.path, place.template, symlinks=True)
    place.fresh()
    steps = dies(place.saved, place.repo, remote, what, 0)
    assert steps >= 6
    for number in range(1, steps + 1):
        for how in ("resume", "undo"):
            place.fresh()
            dies(place.saved, place.repo, remote, what, number)
            mended(place.repo, how)
            place.is_one_of_two()
    with capsys.disabled():
        print(f"\n{what} {remote or 'here'}: killed at each of {steps} steps, {2 * steps} times mended")  # noqa: T201


def test_whoever_mends_may_die_too(tmp_path: Path) -> None:
    place = Place(tmp_path, "")
    place.fresh()
    dies(place.saved, place.repo, "", "execute", 4)
    interrupted = tmp_path / "interrupted"
    shutil.copytree(place.repo, interrupted, symlinks=True)
    for first in ("resume", "undo"):
        for number in (1, 3, 5):
            for second in ("resume", "undo"):
                shutil.rmtree(place.repo)
                shutil.copytree(interrupted, place.repo, symlinks=True)
                dies(place.saved, place.repo, "", first, number)
                mended(place.repo, second)
                place.is_one_of_two()


# -- what a killed git leaves behind -----------------------------------------------------------------------------------


def half_moved(place: Place, interrupted: Path, count: int) -> None:
    """As if git had died in its commit: some refs moved, the others locked with what they should hold."""
    shutil.rmtree(place.repo)
    shutil.copytree(interrupted, place.repo, symlinks=True)
    moves = [move for move in place.simulation.moves if move.after is not None]
    for number, move in enumerate(moves):
        file = place.repo / ".git" / move.ref
        file.parent.mkdir(parents=True, exist_ok=True)
        target = file if number < count else Path(f"{file}.lock")
        target.write_text(f"{move.after}\n")
    (place.repo / ".git/HEAD.lock").touch()
    (place.repo / ".git/packed-refs.lock").touch()


@pytest.mark.parametrize("how", ["resume", "undo"])
def test_half_moved_refs_and_stale_locks_are_mended(tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("branchsim.git.transaction._PATIENCE", 0.1)  # nobody lives whom these locks could belong to
    place = Place(tmp_path, "")
    git(place.template / "repo", "switch", "-q", "--detach")
    place.fresh()
    dies(place.saved, place.repo, "", "execute", 3)  # the objects are in, nothing has moved
    interrupted = tmp_path / "interrupted"
    shutil.copytree(place.repo, interrupted, symlinks=True)
    for count in range(len(place.simulation.moves)):
        half_moved(place, interrupted, count)
        # Where the execution stopped before the objects came in, resuming brings them.
        if not git(
            place.repo, "cat-file", "--batch-check", stdin=f"{place.after['refs/heads/preprod']}\n".encode()
        ).endswith("missing"):
            mended(place.repo, how)
            assert place.refs(place.path) == (place.after if how == "resume" else place.before)


def test_a_lock_that_was_there_before_is_somebody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("branchsim.git.transaction._PATIENCE", 0.1)
    place = Place(tmp_path, "")
    place.fresh()
    dies(place.saved, place.repo, "", "execute", 3)
    lock = place.repo / ".git/refs/heads/production.lock"
    lock.touch()
    os.utime(lock, (time.time() - 3600,) * 2)
    with pytest.raises(GitError, match=r"production\.lock was there before"):
        resume(place.repo)
    assert lock.exists()


def test_a_file_that_somebody_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    place = Place(tmp_path, "")
    place.fresh()
    words = ["intend", "objects", "refs", "commit", "moved"]
    dies(place.saved, place.repo, "", "execute", len(words))
    assert git(place.repo, "rev-parse", "preprod") == place.after["refs/heads/preprod"]
    (place.repo / "a.txt").write_text("mine\n")
    for mend in (resume, undo):
        with pytest.raises(InputError, match=r"'a\.txt' in .* was changed since"):
            mend(place.repo)
    assert (place.repo / "a.txt").read_text() == "mine\n"
    git(place.repo, "show", "preprod:a.txt")
    (place.repo / "a.txt").write_text("1\n2\n3\n4\nfix")  # a write that was interrupted
    resume(place.repo)
    place.is_one_of_two()


def test_nothing_else_is_executed_while_something_is_pending(tmp_path: Path) -> None:
    place = Place(tmp_path, "")
    place.fresh()
    dies(place.saved, place.repo, "", "execute", 3)
    with pytest.raises(GitError, match="--resume' to finish it, or 'branchsim execute --undo'"):
        execute(place.simulation, place.repo)


def test_resume_refuses_a_branch_that_went_elsewhere_and_takes_one_that_went_on(tmp_path: Path) -> None:
    place = Place(tmp_path, "")
    place.fresh()
    dies(place.saved, place.repo, "", "execute", 5)
    tip = place.after["refs/heads/integration"]
    on = git(place.repo, "commit-tree", "-p", tip, "-m", "on", f"{tip}^{{tree}}")
    away = git(place.repo, "commit-tree", "-m", "away", f"{tip}^{{tree}}")
    git(place.repo, "update-ref", "refs/heads/integration", away)
    for mend in (resume, undo):
        with pytest.raises(InputError, match="somebody moved on: refs/heads/integration"):
            mend(place.repo)
    git(place.repo, "update-ref", "refs/heads/integration", on)
    resume(place.repo)
    assert place.refs(place.path) == place.after | {"refs/heads/integration": on}


# -- the journal -------------------------------------------------------------------------------------------------------


def test_a_damaged_journal_is_one_sentence(tmp_path: Path) -> None:
    place = Place(tmp_path, "")
    pending = place.repo / ".git/branchsim/pending.json"
    for content in ("{", "[]", '{"schema": 1}', '{"schema": 99}'):
        pending.write_text(content)
        with pytest.raises((GitError, InputError), match=r"pending\.json"):
            undo(place.repo)


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    (tmp_path / "git").mkdir()
    with (
        Journal(tmp_path / "git"),
        pytest.raises(GitError, match="another execution is going on"),
        Journal(tmp_path / "git"),
    ):
        pass
    Journal(tmp_path / "git").close()


def test_a_repository_that_cannot_be_written_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "git").write_text("a file where a directory is needed")
    with pytest.raises(GitError, match="cannot be written"):
        Journal(tmp_path / "git")
