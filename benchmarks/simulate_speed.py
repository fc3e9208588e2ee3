"""How fast a hotfix plan is simulated on a real repository, and whether recorded merges come out the same.

    python benchmarks/simulate_speed.py REPO [--merges 2000]

The repository is only read: a clone that shares its objects gets the branches of BUILD/RUN, all on the first-parent
line of HEAD (production and preprod 60 commits back, uat 20, integration at HEAD), and a hotfix of one line. Then, side
by side:

* ``simulate`` of the whole plan with its forecast, in a Python that has started: seconds, git processes, memory;
* the same after eight former hotfixes, of which four were not retrofitted, and with a hotfix that conflicts, with
  nothing kept of earlier runs: the most that a plan has to ask git;
* the same merges by ``git merge`` in a clone with a work tree;
* the same merges by ``git merge-tree``, one process each.

Last, recorded merges with two parents are simulated again from their parents. Where the recorded tree is another, the
merge is done once more by a ``git merge-tree`` of its own, which must agree with the simulation.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_CHILD = """
import time
begun = time.perf_counter()
import json, resource, subprocess, sys
started = []
real = subprocess.Popen.__init__
def counted(self, *arguments, **options):
    started.append(1)
    real(self, *arguments, **options)
subprocess.Popen.__init__ = counted
from branchsim.plan import Plan
from branchsim.simulate import simulate
from branchsim.simulate import losses
from branchsim.topology import Topology
plan = Plan.hotfix(sys.argv[3], Topology.build_run(), author="A <a@example.com>")
loaded = time.perf_counter() - begun
def worked():
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
before, began = worked(), time.perf_counter()
found = simulate(plan, sys.argv[1], Topology.build_run() if sys.argv[2] == "owed" else None)
taken, work = time.perf_counter() - began, worked() - before
merges = [(r.before, r.source) for r in found.results if r.kind == "pull-request"]
print(json.dumps({
    "seconds": taken, "work": work, "loading": loaded, "processes": len(started), "outcome": found.outcome,
    "forecast": [r.outcome for r in found.expected],
    "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "children_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
}))
"""
_ROUNDS = 5
_MERGES = (
    ("hotfix/speed", "preprod"),
    ("preprod", "production"),
    ("hotfix/speed", "integration"),
    ("integration", "uat"),
    ("uat", "preprod"),
    ("preprod", "production"),
)


def _git(path: Path, *arguments: str, stdin: str = "", accept: tuple[int, ...] = (0,)) -> str:
    variables = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "PATH": os.environ["PATH"]}
    who = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "safe.directory=*")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=path, capture_output=True, text=True, input=stdin, env=variables, check=False
    )
    if done.returncode not in accept:
        raise SystemExit(f"git {arguments}: {done.stderr}")
    return done.stdout.strip()


def _prepare(repo: Path, room: Path) -> Path:
    """A bare clone that shares all objects, with the branches."""
    shared = room / "shared.git"
    _git(room, "clone", "-q", "--bare", "--shared", "--no-tags", str(repo.absolute()), str(shared))
    line = _git(shared, "rev-list", "--first-parent", "--max-count=61", "HEAD").split()
    for ref in _git(shared, "for-each-ref", "--format=%(refname)").split():
        _git(shared, "update-ref", "-d", ref)
    places = {"integration": line[0], "uat": line[20], "preprod": line[60], "production": line[60]}
    for name, sha in places.items():
        _git(shared, "update-ref", f"refs/heads/{name}", sha)
    _git(shared, "symbolic-ref", "HEAD", "refs/heads/production")
    blob = _git(shared, "hash-object", "-w", "--stdin", stdin="a fix\n")
    entries = _git(shared, "ls-tree", line[60]) + f"\n100644 blob {blob}\tzz-hotfix-of-the-benchmark\n"
    tree = _git(shared, "mktree", "--missing", stdin=entries)
    fix = _git(shared, "commit-tree", "-p", line[60], "-m", "Fix", tree)
    _git(shared, "update-ref", "refs/heads/hotfix/speed", fix)
    return shared


def _simulated(shared: Path, *, owed: bool = False, hotfix: str = "speed") -> dict[str, object]:
    command = [sys.executable, "-c", _CHILD, str(shared), "owed" if owed else "", hotfix]
    with tempfile.TemporaryDirectory(prefix="branchsim-speed-") as empty:
        variables = {**os.environ, "BRANCHSIM_CACHE": empty}
        out = subprocess.run(command, capture_output=True, text=True, check=True, env=variables)
    found: dict[str, object] = json.loads(out.stdout)
    return found


def _told(found: dict[str, object]) -> str:
    seconds, mb = float(str(found["seconds"])), float(str(found["mb"]))
    return f"{seconds:.2f} s, {found['processes']} processes, {mb:.0f} MB, {found['outcome']}"


def _former_hotfixes(shared: Path) -> None:
    """Hotfixes that went to production, every second one to integration as well, and one that meets a feature."""
    for number in range(8):
        path = f"zz-former-{number}"
        text = f"the former fix {number}\nof a benchmark\nin {number + 3} lines\n"
        production, preprod, integration = (
            _git(shared, "rev-parse", b) for b in ("production", "preprod", "integration")
        )
        fix = _commit(shared, production, {path: text}, f"Former fix {number}")
        landed = _commit(shared, preprod, {path: text}, f"Merge pull request #{number + 1} from a/hotfix/{number}", fix)
        _git(shared, "update-ref", "refs/heads/preprod", landed)
        promoted = _commit(shared, production, {path: text}, "Merge branch 'preprod' into production", landed)
        _git(shared, "update-ref", "refs/heads/production", promoted)
        if number % 2:
            picked = f"Former fix {number}\n\n(cherry picked from commit {fix})"
            ported = _commit(shared, integration, {path: text, "zz-other": text}, picked)
            _git(shared, "update-ref", "refs/heads/integration", ported)
    production, integration = (_git(shared, "rev-parse", branch) for branch in ("production", "integration"))
    feature = _commit(shared, integration, {"zz-meets": "a feature\n"}, "A feature")
    _git(shared, "update-ref", "refs/heads/integration", feature)
    fix = _commit(shared, production, {"zz-meets": "another fix\n"}, "Another fix")
    _git(shared, "update-ref", "refs/heads/hotfix/meets", fix)


def _commit(shared: Path, parent: str, files: dict[str, str], message: str, *merged: str) -> str:
    """A commit with files at the top of its first parent's tree."""
    kept = [line for line in _git(shared, "ls-tree", parent).split("\n") if line.partition("\t")[2] not in files]
    blobs = {path: _git(shared, "hash-object", "-w", "--stdin", stdin=text) for path, text in files.items()}
    entries = [*kept, *(f"100644 blob {blob}\t{path}" for path, blob in blobs.items())]
    tree = _git(shared, "mktree", "--missing", stdin="\n".join(entries) + "\n")
    parents = [word for each in (parent, *merged) for word in ("-p", each)]
    return _git(shared, "commit-tree", *parents, "-m", message, tree)


def _scratch(repo: Path) -> str:
    """How long a scratch repository takes, and for how many refs."""
    from branchsim.git.repository import Repository
    from branchsim.git.scratch import Scratch

    with Repository(repo) as repository:
        times = []
        for _ in range(_ROUNDS):
            began = time.perf_counter()
            Scratch(repository.scratch.source_objects, refs=repository.refs).close()
            times.append(time.perf_counter() - began)
        return (
            f"a scratch repository is made and removed in {min(times) * 1000:.0f} ms, for {len(repository.refs)} refs"
        )


def _worked() -> float:
    """Processor time of the processes that have ended, in seconds."""
    return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def _in_a_work_tree(shared: Path, room: Path) -> tuple[float, float]:
    """Seconds on the clock, and of the processor."""
    work = room / "work"
    shutil.rmtree(work, ignore_errors=True)
    before, began = _worked(), time.perf_counter()
    _git(room, "clone", "-q", "--shared", "--branch", "preprod", str(shared), str(work))
    for source, target in _MERGES:
        _git(work, "switch", "-q", target)
        mine = source if _git(work, "branch", "--list", source) else f"origin/{source}"
        _git(work, "merge", "-q", "--no-ff", "--no-edit", mine, accept=(0, 1))
        _git(work, "merge", "--abort", accept=(0, 128))
    return time.perf_counter() - began, _worked() - before


def _by_merge_tree(shared: Path) -> tuple[float, float]:
    """Seconds on the clock, and of the processor."""
    tips = {name: _git(shared, "rev-parse", name) for pair in _MERGES for name in pair}
    before, began = _worked(), time.perf_counter()
    for source, target in _MERGES:
        tree = _git(shared, "merge-tree", "--write-tree", tips[target], tips[source], accept=(0, 1)).split("\n")[0]
        tips[target] = _git(shared, "commit-tree", "-p", tips[target], "-p", tips[source], "-m", "m", tree)
    return time.perf_counter() - began, _worked() - before


def _again(repo: Path, count: int) -> None:
    from branchsim.git.repository import Repository
    from branchsim.git.session import MergeSession
    from branchsim.names import Sha

    options = ("--min-parents=2", "--max-parents=2", f"--max-count={count}", "--format=%H %T %P")
    lines = [line.split() for line in _git(repo, "log", "--all", *options).splitlines()]
    same = other = conflict = failed = 0
    disagree = []
    began = time.perf_counter()
    with Repository(repo) as repository, MergeSession(repository.scratch) as session:
        for merge, tree, one, two in lines:
            result = session.merge(Sha(one), Sha(two)).result
            if result.failure is not None:
                failed += 1
            elif not result.clean:
                conflict += 1
            elif result.tree == tree:
                same += 1
            else:
                other += 1
                alone = _git(repository.scratch.path, "merge-tree", "--write-tree", one, two, accept=(0, 1)).split(
                    "\n"
                )[0]
                if alone != result.tree:
                    disagree.append(merge)
    taken = time.perf_counter() - began
    print(
        f"{len(lines)} recorded merges simulated again in {taken:.1f} s: {same} give the recorded tree, {conflict} "
        f"conflict, {other} merge cleanly to another tree than was recorded (people changed it, or another git made "
        f"it), {failed} cannot be merged; the simulation differs from git merge-tree in {len(disagree)} {disagree[:5]}"
    )


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repo", type=Path)
    parser.add_argument("--merges", type=int, default=2000)
    options = parser.parse_args()
    size = sum(file.stat().st_size for file in options.repo.rglob("*") if file.is_file()) / 1e6
    commits = _git(options.repo, "rev-list", "--all", "--count")
    print(f"{options.repo}: {size:.0f} MB, {commits} commits")
    with tempfile.TemporaryDirectory(prefix="branchsim-speed-") as place:
        room = Path(place)
        shared = _prepare(options.repo, room)
        # Taken in turn, and of each the best, so that what else the machine does weighs on all alike.
        rounds = [(_simulated(shared), _by_merge_tree(shared), _in_a_work_tree(shared, room)) for _ in range(_ROUNDS)]
        seconds, work, loading, mb, children = (
            min(float(str(found[key])) for found, _, _ in rounds)
            for key in ("seconds", "work", "loading", "mb", "children_mb")
        )
        found = rounds[0][0]
        print(
            f"simulate: {seconds:.2f} s (and {loading:.2f} s to import), {found['processes']} processes, {mb:.0f} MB "
            f"(largest child {children:.0f} MB), {found['outcome']}, forecast {found['forecast']}"
        )
        owed = min(
            (_simulated(shared, owed=True) for _ in range(_ROUNDS)), key=lambda each: float(str(each["seconds"]))
        )
        print(f"with the obligations of half a year: {_told(owed)}")
        print(_scratch(options.repo))
        clone = min(clock for _, _, (clock, _) in rounds), min(cpu for _, _, (_, cpu) in rounds)
        alone = min(clock for _, (clock, _), _ in rounds), min(cpu for _, (_, cpu), _ in rounds)
        print(
            f"a clone with a work tree takes {clone[0]:.2f} s, {clone[0] / seconds:.0f} times as long "
            f"({clone[1] / work:.0f} times the processor time)"
        )
        print(
            f"git merge-tree and commit-tree alone take {alone[0]:.3f} s; simulate {seconds / alone[0]:.1f} times that "
            f"({work / alone[1]:.1f} times the processor time, {work * 1000:.0f} ms)"
        )
        _former_hotfixes(shared)
        for name, kind in (("speed", "after former hotfixes"), ("meets", "after them, and in conflict")):
            runs = [_simulated(shared, owed=True, hotfix=name) for _ in range(_ROUNDS)]
            print(f"{kind}: {_told(min(runs, key=lambda each: float(str(each['seconds']))))}")
    _again(options.repo, options.merges)
    print(f"memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
