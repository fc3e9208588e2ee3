"""Whether a commit that takes files back to an older version knew what it took back, or only held an old copy.

An old copy has something of its own in it, comes soon, and takes back what its author never saw. Who takes back one
change and does nothing else, says what goes, moves it, or removes the files that it needs, has decided so.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from branchsim.audit.deltas import Deltas
from branchsim.effects import Unit, UnknownContentError
from branchsim.git.log import Commit, RawChange
from branchsim.history.messages import is_revert_subject, reverted
from branchsim.names import Sha, file_name

_NOTHING = "000000"
_FEW_PATHS = 2
_LONG_AGO = 120 * 86_400
_NO_COPY_LASTS = 365 * 86_400
_MOST = 0.5
_WORDS = 2
_PUTS_BACK = re.compile(
    r"\b(?:restor|revert|re-?(?:add|enabl|insert|instat|introduc)|undo)\w*"
    r"|\b(?:add|bring|put|roll|set|switch|go)\w*\s+(?:\S+\s+){0,3}back\b",
    re.IGNORECASE,
)
_FIX = re.compile(r"(?<!pre)(?<!suf)(?<!af)(?<!in)fix(?!tures?\b)|(?<!de)bug|regression|security|cve-", re.IGNORECASE)
"""Names such as ``fixLogin`` count, words that only hold these letters, as ``debug`` and ``suffix``, do not."""
_SAYS_NOTHING = re.compile(
    r"\b(?:add(?:ed)?|change[ds]?|changing|clean\w*|commit\w*|deploy\w*|edit(?:ed)?|files?|latest|merge[ds]?|minor|misc|my"
    r"|new|push\w*|retriev\w*|sav(?:e|ed|ing)|small|stuff|sync\w*|temp|test\w*|the|upda?te?[ds]?|updating|upload\w*|via|wip"
    r"|work)\b",
    re.IGNORECASE,
)
"""Words that a commit may be called with, whatever it does."""
_ADDS = re.compile(r"\b(?:add|creat|implement|introduc|feature|new\b)", re.IGNORECASE)
_NAMES = re.compile(r"\w+")
_NOBODY = re.compile(r"|(?:root|admin|administrator|unknown|user|ubuntu|dev|developer|git|jenkins)", re.IGNORECASE)
"""Names under which anybody may write."""
_WORD = re.compile(r"[^\W\d_]{3,}")
_NAME = re.compile(r"\b(?=\w*(?:[a-z][A-Z]|_|\d))[^\W\d]\w{5,}\b")
"""What a person writes of code only: a name with more than one part."""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What a commit took back to an older version.

    Attributes
    ----------
    matches : mapping of bytes to (Sha, int)
        For each path the commit that had it so, or nearly so, and how many paths match that moment.
    whole : bool
        Whether it does nothing else: each path that it changes is just as it once was, or only loses something.
    """

    matches: Mapping[bytes, tuple[Sha, int]] = field(default_factory=dict)
    whole: bool = False


@dataclass(frozen=True)
class Knowing:
    """What speaks for a decision in a commit that takes files back.

    Attributes
    ----------
    commit : Commit
        The commit.
    taken : TakenBack
        What it takes back.
    hotfix : callable
        Whether a commit came from a hotfix, or calls itself a fix.
    deltas : Deltas
        Reads what single changes did.
    """

    commit: Commit
    taken: TakenBack
    hotfix: Callable[[Commit], bool]
    deltas: Deltas

    def of(self, path: bytes, origin: Commit) -> bool:
        """Whether it looks like a decision to take back what a commit did to a path.

        Who takes back an edit of their own that was no fix, does so for a fix and does nothing else, takes back a
        revert, says that something is put back, or undoes after months what stood alone, knows of it. Who says that
        something is removed need not know what for it was there.
        """
        commit = self.commit
        if is_revert_subject(origin.subject) or reverted(origin.message):
            return True  # what was reverted lands again
        age, own = commit.committed_at - origin.committed_at, is_same_person(commit, origin)
        if age > _NO_COPY_LASTS or self._moves:
            return True
        if self.taken.matches[path][1] > _FEW_PATHS:
            return False
        # In a larger commit the fix may be elsewhere.
        fixes = is_fix(commit) and len(commit.changes) <= _FEW_PATHS
        return (
            ((own or fixes) and not self.hotfix(origin))
            or age > _LONG_AGO
            or _PUTS_BACK.search(commit.subject) is not None
        )

    def of_all(self, origins: Collection[Commit]) -> bool:
        """Whether it takes one change back and does nothing else, in words of its own.

        Who saves an old copy for nothing has hardly a word for it, or says that something is added. An old copy takes
        back what several have done.
        """
        others = {origin.sha for origin in origins if not is_same_person(origin, self.commit)}
        return self.taken.whole and len(others) <= 1 and self._says_something

    def goes_with(self, units: Collection[tuple[Unit, bool]]) -> bool:
        """Whether what a path lost, or what is back (true), speaks of what the same commit removes, moves or names."""
        said = sum(self._speaks(unit, is_back=is_back) for unit, is_back in units)
        return said > 0 and said >= _MOST * len(units)

    def _speaks(self, unit: Unit, *, is_back: bool) -> bool:
        names = set(map(str.lower, _NAMES.findall(" ".join((*map(str, unit.key), unit.value)))))
        gone, came, told = self._names
        return not names.isdisjoint(came if is_back else gone | told)

    @cached_property
    def _names(self) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
        """What the files are called that the commit removes, those that it adds, and the names in its subject."""
        gone: set[str] = set()
        came: set[str] = set()
        there: set[str] = set()
        for change in self.commit.changes:
            where = came if change.status == "A" else gone if change.status == "D" else there
            where.add(file_name(change.path).partition(b".")[0].decode("utf-8", "replace").lower())
        told = set(map(str.lower, _NAME.findall(self.commit.subject)))
        return frozenset(gone - came - there), frozenset(came - gone - there), frozenset(told - gone - came - there)

    @cached_property
    def _says_something(self) -> bool:
        if _ADDS.search(self.commit.subject) is not None:
            return False
        files = {file_name(change.path).decode("utf-8", "replace") for change in self.commit.changes}
        words = " ".join(word for word in self.commit.subject.split() if word not in files)
        return len(_WORD.findall(_SAYS_NOTHING.sub(" ", words))) >= _WORDS

    @cached_property
    def _moves(self) -> bool:
        """Whether most of what it takes away from these files comes to others in the same commit."""
        gone: Counter[str] = Counter()
        came: Counter[str] = Counter()
        changes = [change for change in self.commit.changes if "160000" not in {change.old_mode, change.new_mode}]
        self.deltas.prepare(changes)
        for change in changes:
            try:
                delta = self.deltas.of(change)
            except UnknownContentError:
                continue
            for unit, more in delta.items():
                text = f"{unit.key[-1] if unit.key else ''} {unit.value}"
                if more > 0 and change.path not in self.taken.matches:
                    came[text] += more
                elif more < 0 and change.path in self.taken.matches:
                    gone[text] -= more
        return gone.total() > 0 and (gone & came).total() >= _MOST * gone.total()


def is_same_person(one: Commit, other: Commit) -> bool:
    """Whether two commits have one author, who may write from two addresses under one name."""
    return one.author_email == other.author_email or (
        one.author == other.author and _NOBODY.fullmatch(one.author.strip()) is None
    )


def only_loses(deltas: Deltas, change: RawChange) -> bool:
    """Whether a change only removes something from a path, or the path."""
    if change.new_mode == _NOTHING:
        return True
    try:
        return change.new_mode == change.old_mode and all(more < 0 for more in deltas.of(change).values())
    except UnknownContentError:
        return False


def is_fix(commit: Commit) -> bool:
    """Whether a commit calls itself a fix."""
    return _FIX.search(commit.subject) is not None


__all__ = ["Knowing", "TakenBack", "is_fix", "is_same_person", "only_loses"]
