"""Compare who meets in a conflict, as a simulation tells it, with git blame.

    python benchmarks/who_meets.py REPOSITORY SOURCE:TARGET [SOURCE:TARGET ...]

The branches of each pair are merged in a simulation; the repository is only read. For each conflict region git blame
says which commits wrote its lines. What is printed is how many those are, how many of them are not told, how many are
told in all, and how many touched the files in conflict at all.
"""

from __future__ import annotations

import re
import subprocess
import sys

from branchsim.git.repository import Repository
from branchsim.names import Sha
from branchsim.plan import Plan
from branchsim.simulate import OpenConflict, simulate
from branchsim.simulate.regions import regions, split_lines

_MARK = re.compile(rb"^(?:<{7}|>{7}) ([0-9a-f]{40})", re.MULTILINE)


def _git(repository: str, *arguments: str) -> str:
    command = ["git", "-C", repository, *arguments]
    done = subprocess.run(command, capture_output=True, check=True)
    return done.stdout.decode("utf-8", "replace").strip()


def _wrote(repository: str, since: str, tip: str, path: str, content: bytes, own: tuple[bytes, ...]) -> set[str]:
    """The commits that wrote lines of a region, where the file has it once."""
    lines, size = split_lines(content), len(own)
    places = [at for at in range(len(lines) - size + 1) if tuple(lines[at : at + size]) == own]
    if not own or len(places) != 1:
        return set()
    limits = ("-l", "-s", f"-L{places[0] + 1},+{size}")
    said = _git(repository, "blame", *limits, f"{since}..{tip}", "--", path).split("\n")
    return {line.split()[0] for line in said if not line.startswith("^") and re.search(r"\)\s.*\w", line)}


def compare(repository: str, source: str, target: str) -> tuple[int, int, int, int]:
    """How many commits blame names, how many of them are not told, how many are told, how many touched the files."""
    seen: dict[str, OpenConflict] = {}

    def look(conflict: OpenConflict) -> None:
        seen[conflict.path] = conflict

    found = simulate(Plan.promotion(source, target), repository, resolve=look)
    with Repository(repository) as opened:
        tips = opened.resolve(target), opened.resolve(source)
    base = _git(repository, "merge-base", *tips)
    named = missing = told = touched = 0
    for conflict in found.file_conflicts():
        shown = seen.get(conflict.path)
        if conflict.kind not in {"content", "add/add"} or shown is None or shown.merged is None:
            continue
        ours, theirs = (mark.decode("ascii") for mark in _MARK.findall(shown.merged)[:2])
        places = regions(shown.merged, Sha(ours), Sha(theirs))
        both = ((shown.target, conflict.of_target), (shown.source, conflict.of_source))
        for side, (content, meeting) in enumerate(both):
            wrote: set[str] = set()
            for place in places:
                own = (place.ours, place.theirs)[side]
                wrote |= _wrote(repository, base, tips[side], conflict.path, content or b"", own or ())
            since = f"{base}..{tips[side]}"
            every = set(_git(repository, "log", "--no-merges", "--format=%H", since, "--", conflict.path).split())
            named += len(wrote & every)
            missing += len((wrote & every) - set(meeting.commits))
            told += len(meeting.commits)
            touched += len(every)
    return named, missing, told, touched


def main() -> None:
    """Compare, and print the figures."""
    repository, *pairs = sys.argv[1:]
    total = [0, 0, 0, 0]
    for pair in pairs:
        counts = compare(repository, *pair.split(":"))
        total = [one + other for one, other in zip(total, counts, strict=True)]
        print("{}: blame names {}, of which {} are not told; told {}; touched the files {}".format(pair, *counts))
    print("all: blame names {}, of which {} are not told; told {}; touched the files {}".format(*total))


if __name__ == "__main__":
    main()
