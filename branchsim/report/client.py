"""How a report talks to its kernel. jupyter_client imports this by name; nothing else does."""

from __future__ import annotations

from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient


class Client(AsyncKernelClient):
    """A client without a heartbeat.

    The heartbeat is a thread that waits on a socket which another thread closes at the end; now and then that aborts
    the whole process. Nothing is lost without it: whether a kernel of ours lives is known from its process.
    """

    def start_channels(self, *arguments: Any, **keywords: Any) -> None:
        """Start all channels but the heartbeat."""
        super().start_channels(*arguments, **{**keywords, "hb": False})


__all__ = ["Client"]
