"""What a change does, and whether it is there: units of content, presence, and what is no loss. Knows no git."""

from __future__ import annotations

from branchsim.effects.align import Place
from branchsim.effects.cache import UnitCache
from branchsim.effects.fates import Fate, Fated, fates
from branchsim.effects.filters import FILTERS, Filter, Scene, Sifted, arrivals, is_version_bump, own_words, sift
from branchsim.effects.flaws import flaw
from branchsim.effects.paths import Attributes, PathReason, classify_path, looks_generated
from branchsim.effects.presence import (
    Alteration,
    Effect,
    Live,
    Side,
    State,
    Verdict,
    What,
    combine,
    effect_of,
    expected,
    is_mark,
    judge,
    state,
)
from branchsim.effects.regions import Region, Regions
from branchsim.effects.renames import Rename, Renames, pair_renames, similarity
from branchsim.effects.text import Limits
from branchsim.effects.units import (
    ABSENT,
    Form,
    Options,
    Unit,
    Units,
    UnknownContentError,
    Version,
    units_of,
    units_together,
    unknown,
)

__all__ = [
    "ABSENT",
    "FILTERS",
    "Alteration",
    "Attributes",
    "Effect",
    "Fate",
    "Fated",
    "Filter",
    "Form",
    "Limits",
    "Live",
    "Options",
    "PathReason",
    "Place",
    "Region",
    "Regions",
    "Rename",
    "Renames",
    "Scene",
    "Side",
    "Sifted",
    "State",
    "Unit",
    "UnitCache",
    "Units",
    "UnknownContentError",
    "Verdict",
    "Version",
    "What",
    "arrivals",
    "classify_path",
    "combine",
    "effect_of",
    "expected",
    "fates",
    "flaw",
    "is_mark",
    "is_version_bump",
    "judge",
    "looks_generated",
    "own_words",
    "pair_renames",
    "sift",
    "similarity",
    "state",
    "units_of",
    "units_together",
    "unknown",
]
