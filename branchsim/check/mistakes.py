"""The mistakes people make with long-lived branches, by name. Each can be switched on in an exploration.

A mistake is something people do; a guard is something that does not let them. So a strategy is explored with some
mistakes switched on, and whatever its guards forbid does not happen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchsim.errors import InputError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake.

    Attributes
    ----------
    name : str
        Its name.
    what : str
        What people do.
    consequence : str
        What follows from it, and why it does or does not lose a fix by itself.
    guard : str or None
        The guard of a topology that forbids it, where there is one.
    """

    name: str
    what: str
    consequence: str
    guard: str | None = None


_ALL = (
    Mistake(
        "skip-retrofit",
        "Nobody retrofits: fixes stay where they landed, and promotions go on.",
        "By itself it loses nothing while every landing is a true merge and every conflict keeps both sides, because "
        "the promotion merges with what RUN holds. But the conflict that the retrofit would have shown to the author "
        "of the fix comes up in the promotion, before somebody who does not know it: with one-sided-resolution "
        "it is lost.",
        "no-promotion-while-open",
    ),
    Mistake(
        "late-retrofit",
        "A promotion passes before the retrofit; the retrofit comes later or never.",
        "As skip-retrofit: the promotion meets the fix unprepared. The later retrofit does not bring back what was "
        "lost.",
        "no-promotion-while-open",
    ),
    Mistake(
        "one-sided-resolution",
        "A conflict is resolved by taking one side whole (ours or theirs).",
        "Loses a fix by itself: the commit is an ancestor, so nothing ever brings its content again.",
    ),
    Mistake(
        "stale-commit",
        "A file is committed from a copy that is older than the branch, over what came in between.",
        "Loses a fix by itself, without any conflict: the next promotion carries the removal like any other edit.",
    ),
    Mistake(
        "squash-then-merge",
        "A branch is squashed although it will be merged again, after further commits or to retrofit it.",
        "By itself it loses nothing: the second merge sees the same content on both sides, and where it sees more it "
        "conflicts. These conflicts would not be there with a true merge: with one-sided-resolution other people's "
        "fixes go with them.",
        "no-squash-if-merged-again",
    ),
    Mistake(
        "cherry-pick-retrofit",
        "The retrofit is a cherry-pick instead of a merge.",
        "By itself it loses nothing: equal content on both sides merges without conflict. But no merge base knows the "
        "fix, so every later edit of the same place conflicts in the next promotion: with one-sided-resolution "
        "it is lost.",
    ),
    Mistake(
        "wrong-base",
        "A hotfix starts from a branch other than its family's, for example from integration.",
        "It loses no fix; it leaks: what was on that branch reaches RUN with the fix and has passed nothing.",
    ),
    Mistake(
        "delete-branch",
        "The branch of a fix is deleted when it is merged, before it is retrofitted.",
        "By itself it loses nothing; nobody can merge the branch again, so it becomes skip-retrofit, or under the "
        "guard no-promotion-while-open a release that cannot go on, unless RUN is merged back.",
        "keep-branch-until-retrofitted",
    ),
    Mistake(
        "revert",
        "A change is reverted on one branch, for the sake of that branch only.",
        "Loses a fix by itself where the branch is promoted: a revert is an edit, and merges carry it. On RUN and "
        "merged back, it removes a feature from BUILD.",
    ),
    Mistake(
        "force-push",
        "A long-lived branch is moved back, as by a push --force from an old clone.",
        "Loses a fix by itself where production is moved. Only protecting the branch stops that.",
    ),
)

MISTAKES: dict[str, Mistake] = {mistake.name: mistake for mistake in _ALL}
"""The ten mistakes by name."""


def check_mistakes(names: Iterable[str]) -> frozenset[str]:
    """The names as a set.

    Raises
    ------
    InputError
        One of them is no mistake's name.
    """
    if isinstance(names, str):
        names = (names,)
    found = tuple(names)
    for name in found:
        if name not in MISTAKES:
            raise InputError(f"unknown mistake {name!r}{nearest(str(name), MISTAKES)}; they are {', '.join(MISTAKES)}")
    return frozenset(found)
