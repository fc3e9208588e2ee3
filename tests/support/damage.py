"""Repositories that lack a part."""

from __future__ import annotations

import subprocess
from pathlib import Path


def lose(path: Path, sha: str) -> None:
    """Take one object out of a repository."""
    packs = list((path / ".git/objects/pack").glob("*.pack"))
    for pack in packs:
        moved = path / pack.name
        pack.rename(moved)
        pack.with_suffix(".idx").unlink()
        with moved.open("rb") as content:
            subprocess.run(["git", "unpack-objects", "-q"], cwd=path, stdin=content, check=True)
    (path / ".git/objects" / sha[:2] / sha[2:]).unlink()
