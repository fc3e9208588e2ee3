"""Repairs: later commits that bring back what a landing lost, and how much each looks like one made for that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

from branchsim.audit.pathlog import PathLog
from branchsim.effects import Fated, Unit, Verdict, What, is_mark, own_words
from branchsim.git.log import Commit
from branchsim.names import Sha, file_name

_DAY = 86_400
_AT_ONCE = 8 * _DAY
_SOON = 120 * _DAY
_LONG = 365 * _DAY
_MANY = 8
_SOME = 3
_REPAIR = 0.2
"""What looks less like a repair than this brought the text back in passing."""
_READ = 400
_LATE = 500 * _DAY
_MOST_OF = 0.5
_FEW = 3
_FOCUS = 0.25
_WORDS = 2
_EDITED = 0.1
"""What a commit weighs that removes little of much that had come back, or of a whole file: it works on it."""
_A_PART = 0.1
_PATH = Unit("path", (), "present")
_BACK = (What.UNDONE, What.UNRESOLVED, What.MALFORMED)
_DEBUGS = re.compile(r"(?:system\.debug|console\.(?:log|debug|info|table)|var_dump|print_r)\s*\(", re.IGNORECASE)
_MENDS_A_MERGE = re.compile(
    r"\b(?:wrong|bad|broken|botched|lost|mis-?|fix\w*|repair\w*|correct\w*|after|undo|mistake\w*|missing|mess(?:ed|y)?)\W"
    r"(?:\S+\s+){0,4}(?:miss-?)?merg"
    r"|merg\w*\W(?:\w+\W+){0,4}(?:fix|error|mistake|issue|problem|mess|lost|wrong|broke)"
    r"|\b(?:git|merge|rebase|conflict)\W+(?:\S+\s+){0,2}(?:ate|eat\w*|swallow\w*|clobber\w*|overwr\w*)",
    re.IGNORECASE,
)
"""A commit that says that it mends what came of a merge."""
_SAYS_SO = re.compile(
    r"\b(?:restor|re-?(?:add|insert|appl|introduc|instat))\w*"
    r"|\b(?:accidental|mistaken|inadvertent|unintention)\w*|\b(?:lost|dropped|missing|forgot\w*)\b"
    r"|\b(?:add|bring|put)\w*\s+(?:\S+\s+){0,3}back\b"
    # The same in other languages that teams write in.
    r"|\b(?:perdid|olvidad|esquecid|faltant|faltab|restaur|recuper|ripristin|mancant|oubli|manquant|r[ée]tabl|r[ée]cup[ée]r)\w*"
    r"|\b(?:verloren|vergessen|vergeten|fehlend|ontbrekend|wiederhergestellt|hersteld|versehentlich|gjenopprett|manglende|mistet"
    r"|glemt|forsvant|forsvunnet)\w*"
    r"|\b(?:por error|par erreur|per errore|sin querer|aus versehen|per ongeluk|ved en feil)\b",
    re.IGNORECASE,
)
_OF_A_MERGE = re.compile(r"\bmerg(?!\w*\s+(?:branch|pull|remote|tag|commit)\b)|\b[ck]onfli[ck]?t", re.IGNORECASE)
"""A commit that is no merge and speaks of one, or of a conflict, in whatever language: it works on what came of it."""


def is_vague(unit: Unit) -> bool:
    """Whether a line has hardly a word of its own, or only tells who debugs, or an element has no text.

    It may come and go for any reason.
    """
    if unit.kind == "element":
        return not unit.value
    if unit.kind != "line" or is_mark(unit):
        return False
    return own_words(unit.value) < _WORDS or _DEBUGS.match(unit.value) is not None


class Repairs:
    """Who brought back the units that one path lost.

    Parameters
    ----------
    later : PathLog
        What came after.
    names : sequence of bytes
        The names of the path.
    verdicts : sequence of Verdict
        Its losses.
    commit : Commit
        The commit that lost them.
    """

    def __init__(self, later: PathLog, names: Sequence[bytes], verdicts: Sequence[Verdict], commit: Commit) -> None:
        self._later = later
        self._names = names
        self._verdicts = verdicts
        self._commit = commit
        self._strengths: dict[Sha, float] = {}

    def of(self, verdict: Verdict) -> Commit | None:
        """The first later commit that undoes a loss."""
        return self._restorers.get(verdict)

    def strength(self, verdict: Verdict) -> float:
        """How much that commit looks like a repair, from 0 (there is none) to 1."""
        restorer = self.of(verdict)
        if restorer is None:
            return 0.0
        return self._weighed(restorer)

    def _weighed(self, restorer: Commit) -> float:
        if restorer.sha not in self._strengths:
            self._strengths[restorer.sha] = self._weigh(restorer)
        return self._strengths[restorer.sha]

    def successor(self, fated: Fated) -> Commit | None:
        """The later commit that took away what stands in the place of a loss, or the whole path; None if it stands."""
        unit = fated.verdict.unit
        here = [Unit(unit.kind, unit.key, text) for text in fated.instead if fated.verdict.what not in _BACK]
        here = [each for each in here if not is_vague(each)]
        removed = [self._later.first_removed(self._names, each) for each in here]
        gone = [commit for commit in removed if commit is not None]
        if gone and len(gone) == len(removed):
            return max(gone, key=lambda commit: (commit.committed_at, commit.sha))
        without = self._later.first_removed(self._names, _PATH)
        return None if without is None or self._moves(without) else without

    def _moves(self, commit: Commit) -> bool:
        """Whether a commit has a file of the same name somewhere else."""
        own = {file_name(name) for name in self._names}
        return any(file_name(change.path) in own and change.path not in self._names for change in commit.changes)

    @cached_property
    def _file_is_back(self) -> bool:
        return any(each.what is What.UNDONE and each.unit.kind == "path" for each in self._verdicts)

    @cached_property
    def _restorers(self) -> dict[Verdict, Commit]:
        found = {}
        # Lines that go with their file, which was moved or is not needed any more, repair nothing; a file that had been
        # deleted and came back is another matter.
        for verdict in self._verdicts:
            if verdict.what is What.MALFORMED:
                restorer = self._later.first_sound(self._names)
            elif verdict.what in _BACK:
                restorer = self._later.first_removed(self._names, verdict.unit, with_path=self._file_is_back)
            else:
                restorer = self._later.first_brought(self._names, verdict.unit)
                # An element may be put back in another part of the file.
                restorer = restorer or self._later.first_moved_in(self._names, verdict.unit)
            if restorer is not None:
                found[verdict] = restorer
        return found

    def _weigh(self, restorer: Commit) -> float:
        """By how much of the loss it undoes, how little else it does there, how soon it came, and what it says."""
        mine = [verdict for verdict, each in self._restorers.items() if each.sha == restorer.sha]
        share = len(mine) / len(self._verdicts)
        if all(verdict.what is What.UNDONE for verdict in mine):
            back = sum(verdict.what is What.UNDONE for verdict in self._verdicts)
            if len(mine) < (_MOST_OF if self._file_is_back else _A_PART) * back:
                return _EDITED
        focus = len(mine) / max(len(mine), self._later.churn(self._names, restorer))
        after = restorer.committed_at - self._commit.committed_at
        pointed = focus >= _FOCUS or (share >= _MOST_OF and len(mine) >= _FEW)
        if any(verdict.what is What.MALFORMED for verdict in mine):
            return 1.0 if after <= _SOON else 0.8
        message = restorer.message[:_READ]
        mends = _MENDS_A_MERGE.search(message) is not None
        if mends and after <= _SOON:
            return 1.0
        says_so = mends or _SAYS_SO.search(message) is not None
        if says_so and (pointed or share >= _MOST_OF or after <= _AT_ONCE):
            return 1.0 if after <= _SOON else 0.8
        if after <= _AT_ONCE and not restorer.is_merge and _OF_A_MERGE.search(message):
            return 1.0
        value = (0.6 if pointed else 0.3) + 0.25 * (after <= _AT_ONCE)
        # An edit that was undone is a loss and an old text that is back. Who only removes the old text edits it again.
        lost = any(verdict.what not in _BACK for verdict in self._verdicts)
        if lost and all(verdict.what is What.UNDONE for verdict in mine):
            value *= 0.3
        if all(is_vague(verdict.unit) for verdict in mine):
            value *= 0.5
        return value * (1.0 if after <= _SOON else 0.6 if after <= _LATE else 0.3)

    @property
    def stood(self) -> float:
        """How far the path was worked on since while nobody mended it soon: 1 for years, 0.5 for some months."""
        soon = self._commit.committed_at + _LATE
        mended = {each.sha: each for each in self._restorers.values() if each.committed_at <= soon}
        if any(self._weighed(each) >= _REPAIR for each in mended.values()):
            return 0.0
        steps = {each.sha: each.committed_at for name in self._names for each in self._later.commits(name)}
        span = max(steps.values(), default=0) - self._commit.committed_at
        if len(steps) >= _MANY and span >= _LONG:
            return 1.0
        return 0.5 if len(steps) >= _SOME and span >= _SOON else 0.0
