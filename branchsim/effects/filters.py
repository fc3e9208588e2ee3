"""What is no loss although the table says so: pure predicates, each with a name, and what each left out is counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, get_args

from branchsim.effects.languages import MARKUP, Family, imported_names, is_comment, is_import
from branchsim.effects.paths import PathReason
from branchsim.effects.presence import Side, Verdict, What
from branchsim.effects.scene import ABOUT_VERSIONS, MASKED, SETTING, STAGE, WORD, Scene, skeleton
from branchsim.effects.tokens import TokenText, open_ended, tokens_of
from branchsim.effects.units import Unit
from branchsim.topology import version_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SHORTEST = 3

Predicate = Callable[[Verdict, Scene], bool]


class Filter(NamedTuple):
    """A predicate and its name; the name is what the report counts under."""

    name: str
    is_no_loss: Predicate


def at_path(reason: PathReason) -> Predicate:
    """A predicate that asks why nothing at the path is a loss. The marks of a conflict break what is compiled, too."""
    return lambda verdict, scene: (
        scene.reason == reason and (verdict.what is not What.UNRESOLVED or reason != "generated")
    )


def is_moved(verdict: Verdict, scene: Scene) -> bool:
    """What is missing here came to another path of the same landing."""
    lost = verdict.what in (What.LOST, What.EVIL_REMOVAL)
    # An element's key names its place: equal elements of other files are other elements, unless the file was moved.
    return lost and verdict.unit.kind == "line" and scene.arrivals.get(verdict.unit, 0) >= verdict.copies


def is_same_change(verdict: Verdict, scene: Scene) -> bool:
    """Both sides made the change, in lines whose tokens are equal, and the result has the other side's."""
    if verdict.what is not What.LOST or verdict.unit.kind != "line" or verdict.side is Side.BOTH:
        return False
    other = "target" if verdict.side is Side.SOURCE else "source"
    return tokens_of(verdict.unit.value, scene.family) in scene.brought_tokens[other]


def is_formatting(verdict: Verdict, scene: Scene) -> bool:
    """The tokens are all there, only in other lines (or not there at all, for what was to be removed)."""
    if verdict.unit.kind != "line":
        return False
    side, result = scene.should_be(verdict)
    text = verdict.unit.value
    if verdict.what is not What.EVIL_REMOVAL and tokens_of(text, scene.family) in scene.relaid_tokens[side]:
        return True  # the edit itself was one of layout
    back = verdict.what is What.UNDONE
    relaid = scene.relaid[side]
    if relaid and text in (relaid.result if back else relaid.side):
        return True
    words = frozenset(WORD.findall(text))
    # The same tokens in another layout stand in lines that the other version has not. Most lines are told by this, and
    # the tokens of whole texts are dear.
    if not words or not words <= scene.fresh_words[(side, result) if back else (result, side)]:
        return False
    tokens = scene.tokens[side]
    return tokens is not None and _stands_elsewhere(verdict, scene.family, *tokens)


_LONG = 2000
_PART_OF_A_TAG = re.compile(
    r"(?:<[\w:.-]+)?(?:\s*[\w:.@$-]+=(?:\"[^\"]*\"|'[^']*'|\{[^{}]*\}))*\s*(?:/?>(?:</[\w:.-]+>)?)?"
)


def _stands_elsewhere(verdict: Verdict, family: Family | None, expected: TokenText, found: TokenText) -> bool:
    """Whether the result has the tokens of a line as often as it should."""
    back = verdict.what is What.UNDONE
    wanted = tokens_of(verdict.unit.value, family)
    there, due = found.count(wanted), expected.count(wanted)
    if family is MARKUP and len(verdict.unit.value) <= _LONG and _PART_OF_A_TAG.fullmatch(verdict.unit.value):
        # Whether the attributes of a tag stand on one line or on one each does not matter.
        there, due = found.anywhere(wanted), expected.anywhere(wanted)
    if back:
        return 0 < there <= due
    # A list that ended here may go on in the result, and the other way round.
    bare = open_ended(wanted)
    return 0 < due <= there or 0 < expected.count(bare, open_end=True) <= found.count(bare, open_end=True)


def is_import_line(verdict: Verdict, scene: Scene) -> bool:
    """The line is an import, and the result does not use what it would have made known."""
    if verdict.unit.kind != "line" or scene.family is None:
        return False
    inert = scene.inert[scene.had_it(verdict)]
    if not (verdict.unit.value in inert.imports if inert else is_import(verdict.unit.value, scene.family)):
        return False
    result = scene.inert["merged"]
    if verdict.what is What.UNDONE or result is None:
        return True
    return not (imported_names(verdict.unit.value) & result.used) - result.imported


def is_comment_line(verdict: Verdict, scene: Scene) -> bool:
    """The line is a comment or documentation in the code."""
    if verdict.unit.kind != "line" or scene.family is None:
        return False
    inert = scene.inert[scene.had_it(verdict)]
    return verdict.unit.value in inert.comments if inert else is_comment(verdict.unit.value, scene.family)


_ONLY_A_VERSION = re.compile(
    rf"[\s\"'(\[=:,v]*\d+(?:\.\d+)+(?:[-+.]?{STAGE}[\w.]*)?[\s\"')\],;+]*|[\s\"']*\d{{4}}-\d\d-\d\d[\s\"',;]*",
    re.IGNORECASE,
)
_VERSION_VALUE = re.compile(
    rf"[\"'v^~>=<\s]*\d+(?:\.\d+)+(?:[-+.]?{STAGE}?[\w.]*)?[\"']?|(?:19|20)\d\d(?:-\d\d-\d\d.*)?", re.IGNORECASE
)
_VERSION_KEYS = frozenset(
    {"apiversion", "version", "versionnumber", "majorversion", "minorversion", "patchversion", "sourceapiversion"}
)


def is_version(verdict: Verdict, scene: Scene) -> bool:
    """A version, a date or a year, where the version expected and the result differ in nothing else."""
    unit = verdict.unit
    if unit.kind == "element":
        # Which version of a package a class was saved against: it is set anew whenever the class is saved.
        saved_against = any(part.startswith("packageVersions") for part in unit.key)
        # What a line of releases is called: each has its own.
        of_a_line = len(unit.key) > 1 and unit.key[-2] == "branch-alias"
        named = unit.key[-1].lower() in _VERSION_KEYS or of_a_line
        return saved_against or (named and bool(scene.values["merged"].get(unit.key)))
    if unit.kind != "line" or not (ABOUT_VERSIONS.search(unit.value) or _ONLY_A_VERSION.fullmatch(unit.value)):
        return False
    if not MASKED.search(unit.value):
        return False
    bare = skeleton(unit.value)
    expected, found = scene.should_be(verdict)
    return bare in scene.skeletons[expected] and bare in scene.skeletons[found]


def is_version_bump(removed: Iterable[str], added: Iterable[str], *, said: bool = False) -> bool:
    """Whether lines that went and lines that came differ in nothing but a version, a date or a year.

    Parameters
    ----------
    removed, added : iterable of str
        The lines.
    said : bool
        Whether it is known from elsewhere that they are about a version, as from a commit's subject; otherwise each
        line has to say so itself.
    """
    gone, came = list(removed), list(added)
    lines = [*gone, *came]
    if not lines or not all(MASKED.search(line) for line in lines):
        return False
    if not said and not all(ABOUT_VERSIONS.search(line) or _ONLY_A_VERSION.fullmatch(line) for line in lines):
        return False
    return Counter(map(skeleton, gone)) == Counter(map(skeleton, came))


_NEAR = 6


def is_release_switch(verdict: Verdict, scene: Scene) -> bool:
    """A plain setting beside a version: a release sets both at once, and each line of releases has its own.

    The name has a plain value in both, and the version near by is one of those in which both differ.
    """
    setting = SETTING.fullmatch(verdict.unit.value) if verdict.unit.kind == "line" else None
    if setting is None or verdict.what is What.EVIL_REMOVAL:
        return False
    names = scene.should_be(verdict)
    return all(
        _sets_beside_version(scene, name, setting[1], other) for name, other in zip(names, reversed(names), strict=True)
    )


def _sets_beside_version(scene: Scene, name: str, setting: str, other: str) -> bool:
    versions = scene.fresh_versions[name, other]
    return any(abs(one - at) <= _NEAR for one in scene.settings[name].get(setting, ()) for at in versions)


def is_newer_value(verdict: Verdict, scene: Scene) -> bool:
    """Both sides gave the same thing a value, and the result has the newer one, which is the other side's."""
    if verdict.side is Side.BOTH or verdict.what not in (What.LOST, What.UNDONE):
        return False
    mine, theirs = ("source", "target") if verdict.side is Side.SOURCE else ("target", "source")
    other = Side.TARGET if mine == "source" else Side.SOURCE
    unit = verdict.unit
    if verdict.what is not What.LOST:
        return False
    if unit.kind == "element":
        now = scene.values["merged"].get(unit.key, [])
        given = [
            value
            for value in scene.values[theirs].get(unit.key, [])
            if value not in scene.values["base"].get(unit.key, [])
        ]
        return len(now) == 1 and now == given and (scene.newer is other or _is_newer(now[0], unit.value))
    if unit.kind != "line" or not any(character.isdigit() for character in unit.value):
        return False
    came = scene.brought_skeletons[theirs].get(skeleton(unit.value), [])
    return len(came) == 1 and (scene.newer is other or _is_newer(came[0], unit.value))


def _is_newer(one: str, other: str) -> bool:
    """Whether a version or date is newer than another; False for values that are neither."""
    first, second = _VERSION_VALUE.search(one), _VERSION_VALUE.search(other)
    return first is not None and second is not None and version_key(first[0]) > version_key(second[0])


_GENERIC = frozenset(
    """
    abstract array assert async await begin bool boolean break case catch char class const continue default do
    done double elif else elseif end endif esac except export extends false fi final finally float for foreach
    from function if implements import in int interface is let long new nil none not null object or override pass
    private protected public raise return returns self short static string super switch then this throw throws
    true try undefined unless unset until var void when while with yield
    """.split()  # noqa: SIM905 - a list of eighty quoted words would be harder to read
)


# Where a text to be translated stands in the code, as tools write it anew each time.
_POSITION = re.compile(r"<location(?:\s+filename=\"[^\"]*\")?\s+line=\"[+-]?\d+\"\s*/>|#: \S+:\d+(?: \S+:\d+)*")
# Where an element of a flow is drawn; all are set anew when one is moved.
_ON_A_CANVAS = ("locationX", "locationY")
# What an org makes up when it saves: a key for a new build, or the record that a page was stored as.
_MADE_UP = frozenset({("OmniScript", "webComponentKey"), ("summaryLayout", "masterLabel")})
_RECORD = re.compile(r"00h\w{12}(?:\w{3})?|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_BARE_TAGS = re.compile(r"(?:</?[\w:.-]+\s*/?>|<!--(?:(?!-->).)*-->|\s)+")


def is_generic(verdict: Verdict, _: Scene) -> bool:
    """The line holds nothing but words of the language, or bare tags, or a position: it may have come from anywhere."""
    if verdict.unit.kind == "element":
        key = verdict.unit.key
        made_up = key[-2:] in _MADE_UP and _RECORD.fullmatch(verdict.unit.value) is not None
        return made_up or (key[0:1] == ("Flow",) and key[-1] in _ON_A_CANVAS)
    if verdict.unit.kind != "line":
        return False
    if (_BARE_TAGS.fullmatch(verdict.unit.value) or _POSITION.fullmatch(verdict.unit.value)) is not None:
        return True
    words = WORD.findall(verdict.unit.value.lower())
    return all(word in _GENERIC for word in words) and not any(character.isdigit() for character in verdict.unit.value)


def own_words(text: str) -> int:
    """How many different words a line or value has that are not words of the language: few of them say little."""
    return len({word for word in WORD.findall(text.lower()) if len(word) >= _SHORTEST and word not in _GENERIC})


def is_empty_container(verdict: Verdict, scene: Scene) -> bool:
    """An element that said "nothing in here", while the result has something in it."""
    unit = verdict.unit
    if unit.kind != "element" or unit.value not in ("{}", "[]", ""):
        return False
    if not unit.key:
        return any(len(key) == 1 and (not key[0] or key[0].startswith("[")) for key in scene.values["merged"])
    below = scene.below["merged"]
    stem = f"{unit.key[-1]}["
    return unit.key in below or any(part.startswith(stem) for part in below.get(unit.key[:-1], ()))


FILTERS: tuple[Filter, ...] = (
    *(Filter(reason, at_path(reason)) for reason in get_args(PathReason)),
    Filter("moved", is_moved),
    Filter("import", is_import_line),
    Filter("comment", is_comment_line),
    Filter("generic", is_generic),
    Filter("version", is_version),
    Filter("release-switch", is_release_switch),
    Filter("same-change", is_same_change),
    Filter("newer-value", is_newer_value),
    Filter("formatting", is_formatting),
    Filter("empty-container", is_empty_container),
)
"""All filters in the order in which they are asked; a unit is counted under the first that applies."""


@dataclass(frozen=True, slots=True)
class Sifted:
    """Losses, and what was left out of them.

    Attributes
    ----------
    losses : tuple of Verdict
        What no filter took.
    left_out : Counter of str
        Copies of units by the name of the filter that took them.
    """

    losses: tuple[Verdict, ...]
    left_out: Counter[str]


def sift(verdicts: Iterable[Verdict], scene: Scene, filters: Sequence[Filter] = FILTERS) -> Sifted:
    """Tell losses from what is none.

    Parameters
    ----------
    verdicts : iterable of Verdict
        What `judge` said of the path of the scene; what is no loss in the table is passed over.
    scene : Scene
        The path.
    filters : sequence of Filter
        In the order in which they are asked.
    """
    losses = []
    left_out: Counter[str] = Counter()
    for verdict in verdicts:
        if not verdict.is_loss:
            continue
        name = next((one.name for one in filters if one.is_no_loss(verdict, scene)), None)
        if name is None:
            losses.append(verdict)
        else:
            left_out[name] += verdict.copies
    return Sifted(tuple(losses), left_out)


def arrivals(judged: Iterable[Iterable[Verdict]]) -> Counter[Unit]:
    """The units that are new in the result of a landing, over all its paths: where lost lines may have moved to."""
    found: Counter[Unit] = Counter()
    for verdicts in judged:
        for verdict in verdicts:
            if verdict.what is What.NEW:
                found[verdict.unit] += verdict.copies
    return found


__all__ = [
    "FILTERS",
    "Filter",
    "Scene",
    "Sifted",
    "arrivals",
    "at_path",
    "is_comment_line",
    "is_empty_container",
    "is_formatting",
    "is_generic",
    "is_import_line",
    "is_moved",
    "is_newer_value",
    "is_release_switch",
    "is_same_change",
    "is_version",
    "is_version_bump",
    "own_words",
    "sift",
]
