"""Two branches that part from one commit: what a match is asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from branchsim.audit.match import Match, match
from support.repos import RepoBuilder

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 40
CODE = "".join(f"int value_{number} = {number};\n" for number in range(COUNT))


def edited(text: str, *numbers: int, value: str = "compute_value({})") -> str:
    """The code with some of its lines changed."""
    for number in numbers:
        text = text.replace(f"int value_{number} = {number};", f"int value_{number} = {value.format(number)};")
    return text


def block(name: str, lines: int = 6) -> str:
    """The text of a new file that resembles no other."""
    return "".join(f"{name} does step {number} of {name}\n" for number in range(lines))


class Fork:
    """A repository with the branches ``source`` and ``target``, both at one commit that holds `CODE`."""

    def __init__(self, path: Path) -> None:
        self.repo = RepoBuilder(path)
        self.base = self.repo.commit("source", {"app.c": CODE, "lib/util.c": CODE}, subject="Begin the project")
        self.repo.branch("target", "source")

    def on_source(self, files: dict[str, Any], subject: str, **options: Any) -> str:
        """A commit of the source."""
        return self.repo.commit("source", files, subject=subject, **options)

    def on_target(self, files: dict[str, Any], subject: str, **options: Any) -> str:
        """A commit of the target."""
        return self.repo.commit("target", files, subject=subject, **options)

    def pick(self, commit: str, **options: Any) -> str:
        """A commit picked onto the target."""
        return self.repo.pick(into="target", commit=commit, **options)

    def match(self, source: str = "source", target: str = "target", **options: Any) -> Match:
        """What `match` says of it now."""
        return match(self.repo.finish(), source, target, **{"cache": None} | options)


def pairs_of(found: Match) -> dict[tuple[str, str], str]:
    """Source and target of every pair, and what it rests on."""
    return {(pair.source, pair.target): pair.evidence.value for pair in found.counterparts}


def undone_of(found: Match) -> dict[tuple[str, str], str | None]:
    """Source and target of every pair, and what undid it."""
    return {(pair.source, pair.target): pair.undone_by for pair in found.counterparts}


def missing_of(found: Match) -> dict[str, str]:
    """What is missing, and what picking it would give."""
    return {each.source: each.applies.value for each in found.missing_commits}


__all__ = ["CODE", "COUNT", "Fork", "block", "edited", "missing_of", "pairs_of", "undone_of"]
