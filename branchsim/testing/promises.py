"""The promises that a `BranchStrategyMachine` checks after every step, by the names that the checker gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from branchsim.errors import InputError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from branchsim.testing.playbook import Playbook


class BrokenPromiseError(AssertionError):
    """A strategy let happen what it promises will not.

    Attributes
    ----------
    promise : str
        The name of the promise.
    check : str
        The assertion about the `TwinRepo` that fails, as Python; empty where there is none.
    """

    def __init__(self, promise: str, what: str, check: str = "") -> None:
        super().__init__(f"{promise}: {what}")
        self.promise = promise
        self.check = check


def _no_lost_fix(book: Playbook) -> None:
    _nothing_lost(book, book.production, "no-lost-fix", "fix")


def _no_lost_feature(book: Playbook) -> None:
    origins = tuple(book.branches[place] for place in book.model.origins)
    _nothing_lost(book, origins, "no-lost-feature", "feature")


def _nothing_lost(book: Playbook, branches: Iterable[str], promise: str, kind: str) -> None:
    for branch in branches:
        lost = book.twin.lost(branch, kind=kind)
        if lost:
            raise BrokenPromiseError(
                promise,
                f"{', '.join(lost)} came to {branch} and {'is' if len(lost) == 1 else 'are'} not there, and nobody "
                "reverted it for that layer",
                f"assert not twin.lost({branch!r}, kind={kind!r})",
            )


def _owed_before_promotion(book: Playbook) -> None:
    # Judged when a promotion is made, from what stood there before.
    if book.overdue:
        raise BrokenPromiseError("owed-before-promotion", book.overdue[0])


def _passed_validation(book: Playbook) -> None:
    for place, gate in book.model.gates.items():
        branch, before = book.branches[place], book.branches[gate]
        passed = book.twin.came[before]
        for name in sorted(book.twin.content(branch) - passed):
            if book.twin.model.changes[name].kind == "feature":
                raise BrokenPromiseError(
                    "passed-validation",
                    f"{name} is on {branch} and has never been on {before}",
                    f"assert {name!r} not in twin.content({branch!r})",
                )


PROMISES: dict[str, Callable[[Playbook], None]] = {
    "no-lost-fix": _no_lost_fix,
    "no-lost-feature": _no_lost_feature,
    "owed-before-promotion": _owed_before_promotion,
    "passed-validation": _passed_validation,
}
"""The promises by name."""


def check_promises(names: Iterable[str]) -> tuple[str, ...]:
    """The names of promises.

    Raises
    ------
    InputError
        One of them is unknown.
    """
    found = (names,) if isinstance(names, str) else tuple(names)
    for name in found:
        if name not in PROMISES:
            raise InputError(f"unknown promise {name!r}{nearest(str(name), PROMISES)}; they are {', '.join(PROMISES)}")
    return found


__all__ = ["PROMISES", "BrokenPromiseError", "check_promises"]
