"""How much memory a command takes, in all its processes together and in the largest; Linux only.

    python benchmarks/memory.py branchsim audit CLONE --topology topology.toml --check obligations --no-cache

Several times a second the proportional shares (PSS) of all processes are added, in which what several have in common
counts once. What is printed is the largest sum, and the largest resident set of one process.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PAUSE = 0.2
_SIZE = re.compile(r"^(Pss|Rss):\s+(\d+) kB$", re.MULTILINE)


def _family(process: int) -> Iterator[int]:
    """A process and all that it started, as far as they still run."""
    yield process
    with suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            for child in (thread / "children").read_text().split():
                yield from _family(int(child))


def _sizes(process: int) -> dict[str, int]:
    """The proportional share and the resident set of a process in kB; nothing where it has ended."""
    with suppress(OSError):
        return {name: int(size) for name, size in _SIZE.findall(Path(f"/proc/{process}/smaps_rollup").read_text())}
    return {}


def main() -> None:
    """Run the command, and print."""
    if sys.platform != "linux" or len(sys.argv) == 1:
        raise SystemExit(__doc__)
    together = largest = 0
    began = time.perf_counter()
    with subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL) as running:
        while running.poll() is None:
            sizes = [_sizes(process) for process in set(_family(running.pid))]
            together = max(together, sum(size.get("Pss", 0) for size in sizes))
            largest = max(largest, *(size.get("Rss", 0) for size in sizes))
            time.sleep(_PAUSE)
    print(
        f"all processes together: {together / 1024:.0f} MB; the largest: {largest / 1024:.0f} MB; "
        f"{time.perf_counter() - began:.0f} s, status {running.returncode}"
    )


if __name__ == "__main__":
    main()
