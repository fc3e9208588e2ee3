"""Run a notebook in a process of its own, which nobody else can talk to and which leaves nothing behind."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import os
import signal
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_SECONDS = 24 * 3600
_PATIENCE_SECONDS = 10.0
# What the path of a socket may have where it may have least (104 bytes with the closing zero, on macOS).
_LONGEST_SOCKET = 103
_SOCKET = "kernel-ipc-5"
_SHORT = "/tmp"  # noqa: S108  the directory below it is made for one run and is nobody else's


def run(notebook: Any, place: Path) -> None:
    """Execute a notebook in place.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        It receives its outputs.
    place : Path
        A directory for whatever the notebook writes; the caller removes it.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        A cell failed.
    nbclient.exceptions.DeadKernelError
        The process died.

    Notes
    -----
    nbclient takes signals for itself while it runs, except in a thread. So it runs in one, and whoever is interrupted
    here interrupts the process: what it holds open (scratch repositories, git) is then closed by those who opened it.
    """
    from nbclient import NotebookClient

    with _sockets(place) as sockets, Path(os.devnull).open("wb") as nowhere:
        client = NotebookClient(
            notebook,
            timeout=_LONGEST_SECONDS,
            kernel_name="python3",
            config=_config(sockets, place),
            resources={"metadata": {"path": str(place)}},
            record_timing=False,
            log=_silent(),
        )
        # What a kernel that had to be killed leaves in its temporary directory goes with ours.
        variables = {**os.environ, "TMPDIR": str(place)}
        failures: list[BaseException] = []

        def execute() -> None:
            try:
                # What a kernel that is ended writes of its own is of no use to anybody: what goes wrong is raised.
                asyncio.run(client.async_execute(env=variables, stdout=nowhere, stderr=nowhere))
            except BaseException as error:  # noqa: BLE001  it is raised again below, where somebody listens
                failures.append(error)

        worker = threading.Thread(target=execute, name="branchsim-report", daemon=True)
        worker.start()
        try:
            worker.join()
        except BaseException:
            _end(client, worker)
            raise
        if failures:
            raise failures[0]


@contextlib.contextmanager
def _sockets(place: Path) -> Iterator[Path | None]:
    """A directory whose name is short enough for sockets; None where there is none."""
    with contextlib.ExitStack() as kept:
        if _fits(place):
            yield place
            return
        short: Path | None = None
        with contextlib.suppress(OSError):
            short = Path(kept.enter_context(tempfile.TemporaryDirectory(prefix="branchsim-", dir=_SHORT)))
        yield short if short is not None and _fits(short) else None


def _fits(directory: Path) -> bool:
    return len(os.fsencode(directory / _SOCKET)) <= _LONGEST_SOCKET


def _config(sockets: Path | None, place: Path) -> Any:
    """Settings by which nobody else can listen: sockets in a directory of ours. Ports only where that cannot be."""
    from traitlets.config import Config

    settings = {"client_factory": "branchsim.report.client.Client"}
    if sockets is None:
        return Config({"KernelManager": {**settings, "connection_file": str(place / "kernel.json")}})
    ours = {"transport": "ipc", "connection_file": str(sockets / "kernel.json")}
    return Config({"KernelManager": {**settings, **ours}})


def _silent() -> logging.Logger:
    """A logger that nobody hears: what goes wrong is raised."""
    made = logging.Logger("branchsim.report")  # noqa: LOG001  one that is registered would be everybody's
    made.addHandler(logging.NullHandler())
    return made


def _end(client: Any, worker: threading.Thread) -> None:
    """Interrupt the notebook; kill it if it does not listen."""
    _signal(client, signal.SIGINT)
    worker.join(_PATIENCE_SECONDS)
    if worker.is_alive():
        _signal(client, signal.SIGKILL)
        worker.join(_PATIENCE_SECONDS)
    # nbclient would end it once more with the interpreter, and say of one that had to be killed that this failed.
    atexit.unregister(client._cleanup_kernel)  # noqa: SLF001  it has no other name


def _signal(client: Any, number: signal.Signals) -> None:
    provisioner = getattr(client.km, "provisioner", None)
    group = getattr(provisioner, "pgid", None)
    if group:
        with contextlib.suppress(OSError):
            os.killpg(group, number)


__all__ = ["run"]
