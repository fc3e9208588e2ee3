"""How fast, and how much memory: side by side with git's own commands, in one run.

    python benchmarks/speed.py import
    python benchmarks/speed.py match PATH SOURCE TARGET
    python benchmarks/speed.py audit PATH [--topology FILE] [--everything]
    python benchmarks/speed.py overwrites PATH [--topology FILE]
    python benchmarks/speed.py scan PATH [--commit-graph]

PATH is a local clone with its whole history. Each line is the best of `--repeat` runs, taken in turn, so that a busy
machine hurts both sides. Seconds are those of the clock and those of the processors, git's included, and both hold the
start of Python; memory is the largest process of each command.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from branchsim.audit.pathhistory import branch_tips
from branchsim.audit.scan import scan
from branchsim.git.merge import merge_many, write_commit_graph
from branchsim.git.process import run
from branchsim.git.repository import Repository
from branchsim.history.facts import default_cache
from branchsim.names import Sha

_BRANCHSIM = [sys.executable, "-m", "branchsim"]
_KILO = 1024
_TWO = 2
_EARLY = 3
"""The exit code of a row that could not do all of its work, so that its time says nothing."""


@dataclass(frozen=True)
class Run:
    """What one command took."""

    seconds: float
    processor: float
    megabytes: float
    whole: bool = True


@dataclass
class Row:
    """A command that is measured, and what it took so far."""

    name: str
    command: list[str]
    cache: Path | None = None
    best: Run = field(default_factory=lambda: Run(float("inf"), 0.0, 0.0))

    def measure(self) -> None:
        """Run it once more and keep the faster run."""
        run = _run(self.command, self.cache)
        if run.seconds < self.best.seconds:
            self.best = run


def _run(command: list[str], cache: Path | None) -> Run:
    variables = dict(os.environ)
    # An installed package is compiled once, not in each run.
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    if cache is not None:
        variables["BRANCHSIM_CACHE"] = str(cache)
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, env=variables)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        said = errors.read().decode("utf-8", "replace")
        if process.returncode not in {0, 1, _EARLY} or "Traceback" in said:
            raise SystemExit(f"{shlex.join(command)} failed: {said}")
    # Linux counts in kilobytes, macOS in bytes.
    unit = _KILO * _KILO if sys.platform == "darwin" else _KILO
    whole = process.returncode != _EARLY
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit, whole)


def _patch_ids(repo: str, *revisions: str) -> Row:
    """What reading the same patches costs git alone."""
    log = shlex.join(["git", "-C", repo, "log", "--no-merges", "-p", *revisions])
    text = f"{log} | git patch-id --stable"
    return Row(f"`git log --no-merges -p {' '.join(revisions)} \\| git patch-id --stable`", ["sh", "-c", text])


def _count(repo: str, *revisions: str) -> int:
    out = subprocess.run(
        ["git", "-C", repo, "rev-list", "--count", *revisions], capture_output=True, text=True, check=True
    )
    return int(out.stdout)


def _cold_and_warm(name: str, arguments: list[str], repeat: int, *baselines: Row) -> list[Row]:
    """A command with an empty cache and with a full one, in turn with what it is compared with."""
    return _in_turn(name, [*_BRANCHSIM, *arguments], repeat, *baselines)


def _in_turn(name: str, command: list[str], repeat: int, *baselines: Row) -> list[Row]:
    cold, warm = Row(f"{name}, first run", command), Row(f"{name}, second run", command)
    for _ in range(repeat):
        with tempfile.TemporaryDirectory() as place:
            for baseline in baselines:
                baseline.measure()
            cold.cache = warm.cache = Path(place) / "cache"
            cold.measure()
            warm.measure()
    return [*baselines, cold, warm]


def _print(title: str, rows: list[Row]) -> None:
    first = rows[0].best
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _KILO**3
    version = subprocess.run(["git", "version"], capture_output=True, text=True, check=True).stdout.split()[2]
    busy = os.getloadavg()[1]
    machine = (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()}, "
        f"Python {platform.python_version()}, git {version}; processes that wanted to run, on average: {busy:.1f}"
    )
    lines = [
        title,
        "",
        machine,
        "",
        "| command | seconds | times the first | processor seconds | times the first | MB |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        best = row.best
        early = "" if best.whole else ", which ended early, for an object is missing"
        lines.append(
            f"| {row.name}{early} | {best.seconds:.2f} | {best.seconds / first.seconds:.2f} | {best.processor:.2f} "
            f"| {best.processor / first.processor:.2f} | {best.megabytes:.0f} |"
        )
    sys.stdout.write("\n".join(lines) + "\n\n")


def _match(given: argparse.Namespace) -> None:
    span = f"{given.source}...{given.target}"
    commits = _count(given.path, "--no-merges", span)
    arguments = ["match", given.path, "-s", given.source, "-t", given.target, "--format", "json"]
    rows = _cold_and_warm("`branchsim match`", arguments, given.repeat, _patch_ids(given.path, span))
    _print(f"match, {Path(given.path).resolve().parent.name}, {span}, {commits} commits", rows)


def _audit(given: argparse.Namespace) -> None:
    commits = _count(given.path, "--all")
    topology = ["--topology", given.topology] if given.topology else []
    arguments = ["audit", given.path, *topology, "--format", "json"]
    obligations = [*arguments, "--check", "obligations"]
    rows = _cold_and_warm(
        "`branchsim audit --check obligations`", obligations, given.repeat, _patch_ids(given.path, "--all")
    )
    if given.everything:
        alone = Row("`git merge-tree --stdin`, all merges", [sys.executable, __file__, "_redo", given.path])
        alone.measure()
        rows += [alone, *_cold_and_warm("`branchsim audit`, everything", arguments, 1)]
    _print(f"audit, {Path(given.path).resolve().parent.name}, {commits} commits in all refs", rows)


def _overwrites(given: argparse.Namespace) -> None:
    merges = _count(given.path, "--merges", "--branches", "--remotes")
    topology = ["--topology", given.topology] if given.topology else []
    arguments = ["audit", given.path, *topology, "--check", "overwrites", "--format", "json"]
    alone = Row("`git merge-tree --stdin`, all merges", [sys.executable, __file__, "_redo", given.path])
    rows = _cold_and_warm("`branchsim audit --check overwrites`", arguments, given.repeat, alone)
    _print(f"overwrites, {Path(given.path).resolve().parent.name}, {merges} merges on branches", rows)


def _scan(given: argparse.Namespace) -> None:
    merges = _count(given.path, "--merges", "--branches", "--remotes")
    itself = [sys.executable, __file__]
    graph, with_graph = (["--commit-graph"], ", with a commit-graph") if given.commit_graph else ([], "")
    baselines = [Row(f"`git merge-tree --stdin` alone{with_graph}", [*itself, "_redo", given.path, *graph])]
    if given.shown:
        baselines.append(Row(f"`git log --merges --remerge-diff`{with_graph}", [*itself, "_show", given.path, *graph]))
    rows = _in_turn("scan of all merges", [*itself, "_scan", given.path], given.repeat, *baselines)
    _print(f"scan, {Path(given.path).resolve().parent.name}, {merges} merges on branches", rows)


def _scan_alone(given: argparse.Namespace) -> None:
    """What a row of `_scan` runs."""
    with Repository(given.path) as repository:
        for _ in scan(repository, cache=default_cache()):
            pass


def _redo_alone(given: argparse.Namespace) -> None:
    """Every merge of two parents by one process; where git ends at one it cannot read, another takes the rest."""
    with Repository(given.path) as repository:
        if given.commit_graph:
            write_commit_graph(repository.scratch)
        tips = "\n".join(branch_tips(repository)).encode()
        lines = run(["rev-list", "--merges", "--parents", "--stdin"], repository.scratch.path, stdin=tips)
        parents = [line.split()[1:] for line in lines.decode("ascii").splitlines()]
        pairs = [(Sha(pair[0]), Sha(pair[1])) for pair in parents if len(pair) == _TWO]
        for _ in merge_many(repository.scratch, pairs, unrelated=True):
            pass


def _show_alone(given: argparse.Namespace) -> None:
    """Every merge as ``--remerge-diff`` shows it, in a scratch repository."""
    with Repository(given.path) as repository:
        if given.commit_graph:
            write_commit_graph(repository.scratch)
        command = ["git", "log", "--merges", "--remerge-diff", "--format=%H", "--stdin"]
        feed = "\n".join(branch_tips(repository)).encode()
        ended = subprocess.run(command, cwd=repository.scratch.path, input=feed, stdout=subprocess.DEVNULL, check=False)
        if ended.returncode:
            raise SystemExit(_EARLY)


def _import(given: argparse.Namespace) -> None:
    rows = [
        Row("`python -c pass`", [sys.executable, "-c", "pass"]),
        Row("`python -c 'import branchsim'`", [sys.executable, "-c", "import branchsim"]),
        Row("`branchsim --version`", [*_BRANCHSIM, "--version"]),
    ]
    for _ in range(max(given.repeat, 5)):
        for row in rows:
            row.measure()
    _print("import", rows)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3, help="how often each command is run")
    commands = parser.add_subparsers(required=True)
    match = commands.add_parser("match", help="two revisions of a clone")
    match.add_argument("path")
    match.add_argument("source")
    match.add_argument("target")
    match.set_defaults(run=_match)
    audit = commands.add_parser("audit", help="the obligations of a clone")
    audit.add_argument("path")
    audit.add_argument("--topology")
    audit.add_argument("--everything", action="store_true", help="a whole audit too, once")
    audit.set_defaults(run=_audit)
    overwrites = commands.add_parser("overwrites", help="the overwrites of a clone")
    overwrites.add_argument("path")
    overwrites.add_argument("--topology")
    overwrites.set_defaults(run=_overwrites)
    merges = commands.add_parser("scan", help="all merges of a clone")
    merges.add_argument("path")
    merges.add_argument("--no-show", dest="shown", action="store_false", help="without git log --remerge-diff")
    merges.add_argument("--commit-graph", action="store_true", help="git's own commands with one, as after git gc")
    merges.set_defaults(run=_scan)
    for name, run_alone in (("_scan", _scan_alone), ("_redo", _redo_alone), ("_show", _show_alone)):
        alone = commands.add_parser(name, help="one row of scan")
        alone.add_argument("path")
        alone.add_argument("--commit-graph", action="store_true")
        alone.set_defaults(run=run_alone)
    commands.add_parser("import", help="the start of Python").set_defaults(run=_import)
    given = parser.parse_args()
    given.run(given)


if __name__ == "__main__":
    main()
