"""How much a loss deserves a person's attention: by what became of the unit, and by what is known of the landing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchsim.effects import Fate, Region, classify_path

if TYPE_CHECKING:
    from branchsim.topology import PathGlobs

BASE: dict[Fate, float] = {
    Fate.EDIT_UNDONE: 0.48,
    Fate.UNRESOLVED: 0.45,
    Fate.MALFORMED: 0.45,
    Fate.DELETION_UNDONE: 0.42,
    Fate.VANISHED: 0.40,
    Fate.EVIL_REMOVAL: 0.34,
    Fate.OTHER_SIDE: 0.24,
    Fate.REWRITTEN: 0.12,
}
"""Where a rank starts; the order is the one in which real losses were found to matter, see ``docs/overwrites.md``."""

REGIONS: dict[Region, float] = {
    Region.CLEAR: 0.08,
    Region.CONTESTED: 0.0,
    Region.ENCLOSED: -0.10,
    Region.REMOVED: -0.25,
    Region.UNKNOWN: 0.0,
}
"""What the other side did there."""

RESTORED = 0.34
CLEAN = 0.12
WHOLE_FILE = 0.10
MANY_FILES = 0.04
HOTFIX = 0.08
SEVERAL = 0.04
REORDERED = -0.20
ALIKE = -0.08
VAGUE = -0.10
STOOD = -0.20
UNRESOLVED = 0.25
ON_PURPOSE = -0.30
KNEW = -0.40
SECONDARY = 0.55
"""Factor for paths that break no release."""
SECONDARY_REPAIRED = 0.7
"""The same where somebody repaired it and says so: to them it mattered."""

_MANY = 5
_FEW_UNITS = 4
_SAME = 0.6
_SECONDARY = re.compile(
    rb"(?:^|/)(?:(?:unit|functional|integration|acceptance|system|smoke|regression|performance|load|browser|ui|api)[-_])?tests?(?:/|$)"
    rb"|(?:^|/)(?:testing|specs?|docs?|examples?|fixtures?|samples?|demos?|benchmarks?|__tests__|robot|e2e|cypress|\.github|\.circleci"
    rb"|\.ci|\.gitlab|\.azure-pipelines|\.vscode|\.idea|\.devcontainer)(?:/|$)"
    rb"|(?:^|/)(?:test_[^/]*|[^/]*_tests?|[^/]*[-.](?:spec|test))\.[a-z]+$|(?:^|/)[^/]*(?:Tests?|_TEST)\d*\.(?:cls|java|php|cs|kt)(?:-meta\.xml)?$"
    rb"|\.(?:md|rst|txt|adoc|po|pot|feature)$|(?:^|/)[^/]*Spec\.(?:php|groovy|scala)$|(?:^|/)[Bb]ehat/"
    rb"|(?:^|/)(?:README|INSTALL|FAQ|EXAMPLES?|AUTHORS|CONTRIBUTORS|CREDITS|THANKS|NEWS|TODO)$"
    # Texts in other languages, which programs of translators write; those of the source are code.
    rb"|(?:^|/)(?:lang|languages|locales?|i18n|l10n|translations?)/(?:[^/]+/)*(?!en\b)[a-z]{2}(?:[-_][A-Za-z]{2,4})?\.(?:ya?ml|json|properties|xliff?|php)$"
    # What tools read that check the code, and never what is released.
    rb"|(?:^|/)(?:phpstan|psalm|phpcs|ruleset|pmd|checkstyle|spotbugs|findbugs|mypy|tox|pytest|codecov|detekt)[^/]*\.(?:neon|xml|ini|ya?ml|dist|toml)(?:\.dist)?$"
    rb"|(?:^|/)\.(?:eslint|prettier|stylelint|pylint|flake8|rubocop|travis|appveyor|coveragerc|pre-commit|golangci|editorconfig|styleci|scrutinizer)[^/]*$"
    rb"|(?:^|/)appveyor\.yml$",
)


_TEXTS = re.compile(
    rb"(?:^|/)requirements/[^/]*\.txt$|(?:^|/)(?:[^/]*[-_.])?(?:requirements|constraints)(?:[-_.][^/]*)?\.txt$|(?:^|/)CMakeLists\.txt$"
)
"""Texts that a build reads."""


def is_secondary(path: bytes) -> bool:
    """Whether a path holds tests, documentation, examples, settings of checkers or editors: what breaks no release."""
    found = _SECONDARY.search(path)
    return found is not None and not (found[0] == b".txt" and _TEXTS.search(path))


def is_main(path: bytes, ignored: PathGlobs | None = None) -> bool:
    """Whether a path is neither secondary, nor written by programs, nor ignored by the topology."""
    return classify_path(path, None, ignored) is None and not is_secondary(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of a loss, to rank it by.

    Attributes
    ----------
    fate : Fate
        What became of the unit.
    path : bytes
        Where.
    region : Region
        What the other side did there.
    clean : bool
        Whether git merges the path without a conflict.
    whole_file : bool
        Whether the result equals one side as a whole.
    paths : int
        How many paths of the landing lost something.
    units : int
        How many units of this path were lost alike.
    restored : float
        How much a later commit looks like one that repairs this, from 0 to 1.
    by_hand : bool
        Whether that commit is no merge: a merge brings back what others gave up.
    hotfix : bool
        Whether the change it hurt came from a hotfix family, or calls itself a fix.
    reordered : bool
        Whether the lines in its place say the same in another order.
    alike : float
        How many of its words the most similar line in its place has.
    vague : bool
        Whether it has hardly a word of its own, only tells who debugs, or is an element without a text: it may stand
        for anything.
    stood : float
        How far the path was changed often and for long since while nobody brought anything back soon, from 0 to 1.
    unresolved : bool
        Whether the marks of a conflict were left in the result, or it cannot be read any more.
    on_purpose : bool
        Whether the commit says that it takes nothing of what it merges.
    knew : bool
        Whether a commit that takes back a file or two was made by somebody who knew what it takes back.
    """

    fate: Fate
    path: bytes
    region: Region = Region.UNKNOWN
    clean: bool = False
    whole_file: bool = False
    paths: int = 1
    units: int = 1
    restored: float = 0.0
    by_hand: bool = False
    hotfix: bool = False
    reordered: bool = False
    alike: float = 0.0
    vague: bool = False
    stood: float = 0.0
    unresolved: bool = False
    on_purpose: bool = False
    knew: bool = False


def rank(known: Evidence) -> float:
    """The rank of a finding: 0 to 1, about the chance that a careful reader calls it a loss that matters."""
    region = REGIONS[known.region]
    if known.by_hand and region < 0:
        # Whoever brings it back had not meant to give it up, whatever the other side did there.
        region *= 1 - known.restored
    value = BASE[known.fate] + (CLEAN if known.clean else region)
    value += RESTORED * known.restored + HOTFIX * known.hotfix
    value += WHOLE_FILE * (known.whole_file and (known.clean or known.region is Region.CLEAR))
    value += MANY_FILES * (known.paths >= _MANY and known.clean) + SEVERAL * (known.units >= _FEW_UNITS)
    value += REORDERED * known.reordered + VAGUE * known.vague * (1 - known.restored)
    value += STOOD * known.stood + UNRESOLVED * known.unresolved + ON_PURPOSE * known.on_purpose
    value += KNEW * known.knew
    if known.fate in (Fate.OTHER_SIDE, Fate.REWRITTEN):
        value += ALIKE * (known.alike >= _SAME)
    value = min(1.0, max(0.0, value))
    if is_secondary(known.path):
        value *= SECONDARY_REPAIRED if known.restored >= 1 else SECONDARY
    return round(value, 3)
