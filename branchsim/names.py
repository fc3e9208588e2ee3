"""Typed names that would otherwise all be strings, so that a type checker tells them apart."""

from __future__ import annotations

from typing import NewType

Sha = NewType("Sha", str)
"""A full object id in lower-case hexadecimal: 40 digits, or 64 in a SHA-256 repository."""

BranchName = NewType("BranchName", str)
"""A branch of a topology as the topology names it: ``preprod``, without ``refs/heads/`` or ``origin/``."""

RefName = NewType("RefName", str)
"""A full reference name: ``refs/heads/preprod``."""


def file_name(path: bytes) -> bytes:
    """The last part of a path, as git writes paths: without its directories."""
    return path.rpartition(b"/")[2]
