"""Merge drivers that a plan names: programs that merge some files in git's place."""

from __future__ import annotations

import re
from dataclasses import dataclass

from branchsim.plan.checks import PlanError, check_several, check_text

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_OWN = frozenset({"text", "binary", "union"})


@dataclass(frozen=True, slots=True)
class MergeDriver:
    """A merge driver, as git knows them.

    Attributes
    ----------
    name : str
        Its name in git's configuration (``merge.NAME.driver``).
    paths : tuple of str
        The files it merges, as patterns of ``.gitattributes``: ``*.profile-meta.xml``.
    command : str
        The command with git's placeholders (``%O %A %B %P``); empty for what the person's own git configuration says.
        The configuration of the repository is never asked.
    """

    name: str
    paths: tuple[str, ...]
    command: str = ""

    def __post_init__(self) -> None:
        name = check_text(self.name, "a merge driver, its name")
        if _NAME.fullmatch(name) is None or name in _OWN:
            raise PlanError(
                f"merge driver {self.name!r}: its name must be of letters, digits, '.', '_' and '-', and none of git's "
                "own (text, binary, union)"
            )
        where = f"merge driver {self.name!r}"
        paths = check_several(self.paths, f"{where}, its paths")
        object.__setattr__(self, "paths", tuple(_pattern(path, where) for path in paths))
        if not self.paths:
            raise PlanError(f"{where}: names no files; give patterns such as '*.profile-meta.xml'")
        check_text(self.command, f"{where}, its command", empty=True)


def _pattern(path: object, where: str) -> str:
    text = check_text(path, where)
    if not text.isprintable() or text != text.strip() or text.startswith(("!", "#", "[attr]")) or text.endswith("/"):
        raise PlanError(f"{where}: {text!r} is no pattern for files in .gitattributes")
    return text


__all__ = ["MergeDriver"]
