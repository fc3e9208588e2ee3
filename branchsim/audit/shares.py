"""How much of what changes do holds in trees: each version of a file is read once, and large ones only if need be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from branchsim.audit.lines import Effect, shares_there
from branchsim.git.objects import ObjectInfo, ObjectReader
from branchsim.names import Sha

_SMALL = 64 * 1024
"""Larger files are read where the smaller ones of a change leave it open: there are manifests of megabytes."""


@dataclass(frozen=True, slots=True)
class Question:
    """How much of a change holds in a tree.

    Attributes
    ----------
    change : Sha
        The change.
    tree : Sha
        The tree.
    effects : sequence of Effect
        What the change does, path by path.
    """

    change: Sha
    tree: Sha
    effects: Sequence[Effect]


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a change holds in a tree.

    Attributes
    ----------
    there : float
        The share of its lines that hold, 0 to 1; 0 where it is less than was asked for.
    unsure : bool
        Whether its lines do not tell all: it only removes lines from a path, or the tree has no readable file there.
    """

    there: float
    unsure: bool


def read_shares(reader: ObjectReader, questions: Sequence[Question], least: Callable[[Sha], float]) -> list[Share]:
    """How much of changes holds in trees.

    Parameters
    ----------
    reader : ObjectReader
        Where to read.
    questions : sequence of Question
        What is asked.
    least : callable
        The share of a change below which it is all the same; asked only of those that touch large files.

    Returns
    -------
    list of Share
        In the order of the questions.
    """
    return _Reading(reader, questions).shares(least)


class _Reading:
    def __init__(self, reader: ObjectReader, questions: Sequence[Question]) -> None:
        self._reader = reader
        self._questions = questions
        places = ((each.tree, effect.path) for each in questions for effect in each.effects if effect.wanted)
        self._blobs = {
            place: info
            for place, info in reader.find(places).items()
            if isinstance(info, ObjectInfo) and info.type == "blob"
        }
        # By blob and effect; None of what is there but could not be read.
        self._known: dict[tuple[Sha, int], float | None] = {}

    def shares(self, least: Callable[[Sha], float]) -> list[Share]:
        self._measure(self._questions, large=False)
        larger = [each for each in self._questions if any(_is_large(blob) for _, blob in self._parts(each))]
        limits = {change: least(change) for change in {each.change for each in larger}}
        # What is not read yet counts as there: where even that is too little, it need not be read.
        rest = [each for each in larger if self._there(each) >= limits[each.change]]
        self._measure(rest, large=True)
        passed = {id(each) for each in larger} - {id(each) for each in rest}
        return [Share(0.0 if id(each) in passed else self._there(each), self._unsure(each)) for each in self._questions]

    def _parts(self, question: Question) -> Iterator[tuple[Effect, ObjectInfo | None]]:
        return ((effect, self._blobs.get((question.tree, effect.path))) for effect in question.effects)

    def _measure(self, questions: Iterable[Question], *, large: bool) -> None:
        """Read each version of the large files, or of the others, once, for all changes that ask of it."""
        asked: dict[ObjectInfo, dict[int, Effect]] = {}
        for question in questions:
            for effect, blob in self._parts(question):
                if blob is not None and _is_large(blob) is large:
                    asked.setdefault(blob, {})[id(effect)] = effect
        # Versions of one file beside each other: git makes one from another.
        blobs = {blob.sha: blob for blob in sorted(asked, key=lambda blob: next(iter(asked[blob].values())).path)}
        self._known |= dict.fromkeys(((sha, at) for sha in blobs for at in asked[blobs[sha]]), None)
        for sha, content in self._reader.known_blobs(blobs.values()):
            if isinstance(content, bytes):
                effects = asked[blobs[sha]]
                held = shares_there(list(effects.values()), content)
                self._known.update(((sha, at), share) for at, share in zip(effects, held, strict=True))

    def _there(self, question: Question) -> float:
        total = there = 0.0
        for effect, blob in self._parts(question):
            weight = sum(effect.wanted.values())
            held = None if blob is None else self._known.get((blob.sha, id(effect)), 1.0)
            total += weight
            if held is not None or not effect.added:
                there += weight * (1.0 if held is None else held)
        # A change of modes alone has no lines: git says whether replaying it changes something.
        return there / total if total else float(bool(question.effects))

    def _unsure(self, question: Question) -> bool:
        return any(
            not effect.added or blob is None or self._known.get((blob.sha, id(effect)), 1.0) is None
            for effect, blob in self._parts(question)
        )


def _is_large(blob: ObjectInfo | None) -> bool:
    return blob is not None and blob.size > _SMALL


__all__ = ["Question", "Share", "read_shares"]
