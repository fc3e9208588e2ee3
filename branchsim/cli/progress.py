"""Progress on a terminal: what is being done, and how far it is; silent where standard error is no terminal."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def progress() -> Iterator[Callable[[str, int | None], None] | None]:
    """A function to call with what is being done and how many further steps are done, or None where nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm.auto import tqdm

    from branchsim.cli.output import printable

    # Its watching thread would keep the work from being shared with forks of the process.
    tqdm.monitor_interval = 0
    # Fast work shows nothing; the line is cleared when the work is done.
    with tqdm(unit="", leave=False, file=sys.stderr, delay=0.3, dynamic_ncols=True) as bar:

        def report(what: str, steps: int | None) -> None:
            bar.set_description_str(printable(what), refresh=steps is None)
            if steps:
                bar.update(steps)

        yield report
