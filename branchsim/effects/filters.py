"""What is no loss although the table says so: pure predicates, each with a name, and what each left out is counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar, get_args

from branchsim.effects.languages import Family, Inert, family_of, imported_names, inert_lines, is_comment, is_import
from branchsim.effects.paths import Attributes, PathReason, classify_path, looks_generated
from branchsim.effects.presence import Side, Verdict, What
from branchsim.effects.text import Limits, TextError, decode, is_binary, normalise, shorten, split_lines
from branchsim.effects.tokens import Relaid, Rows, TokenText, open_ended, tokens_of
from branchsim.effects.units import ABSENT, Unit, Units
from branchsim.topology import version_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from branchsim.topology import PathGlobs

_SHORTEST = 3
_SEARCHED = 1024 * 1024  # characters; each lost line is searched for in the whole text
_WORD = re.compile(r"[^\W\d_]+")


_Text = TypeVar("_Text")
_View = TypeVar("_View")
_Whole = TypeVar("_Whole")
_LIMITS = Limits()


class _Views(dict[str, _View | None], Generic[_Text, _View]):
    """A view of each text, made when it is first asked for; None where there is no text."""

    def __init__(self, texts: Mapping[str, _Text], make: Callable[[_Text], _View | None]) -> None:
        self._texts = texts
        self._make = make

    def __missing__(self, name: str) -> _View | None:
        text = self._texts.get(name)
        view = self[name] = None if text is None else self._make(text)
        return view


class _Made(dict[str, _Whole]):
    """Something about each version, made when it is first asked for."""

    def __init__(self, make: Callable[[str], _Whole]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: str) -> _Whole:
        made = self[name] = self._make(name)
        return made


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Everything a predicate may look at; derived views are made when first asked for.

    Attributes
    ----------
    path : bytes
        The path in the result.
    base, target, source, merged : Units
        The four versions that were judged.
    contents : mapping of str to bytes
        The blobs by ``base``, ``target``, ``source``, ``merged``, as far as they are text and at hand. Without them
        re-wrapped code and comments over several lines are not recognised.
    arrivals : mapping of Unit to int
        Units that are new on any path of the landing, see `arrivals`.
    attributes : Attributes, optional
        The repository's linguist attributes.
    ignore : PathGlobs, optional
        The user's globs.
    newer : Side, optional
        Whose edit of this path is the later one, where that is known.
    """

    path: bytes
    base: Units = ABSENT
    target: Units = ABSENT
    source: Units = ABSENT
    merged: Units = ABSENT
    contents: Mapping[str, bytes] = field(default_factory=dict)
    arrivals: Mapping[Unit, int] = field(default_factory=dict)
    attributes: Attributes | None = None
    ignore: PathGlobs | None = None
    newer: Side | None = None

    @cached_property
    def reason(self) -> PathReason | None:
        """Why nothing at this path is a loss."""
        found = classify_path(self.path, self.attributes, self.ignore)
        if found is None and not (
            self.attributes
            and self.attributes.says(self.path.decode("utf-8", "replace"), "linguist-generated") is False
        ):
            content = self.contents.get("merged") or self.contents.get("target") or b""
            if looks_generated(content):
                return "generated"
        return found

    @cached_property
    def family(self) -> Family | None:
        """The family of languages."""
        return family_of(self.path)

    @cached_property
    def texts(self) -> dict[str, str]:
        """The contents that are text, decoded."""
        texts = {}
        for name, content in self.contents.items():
            if not is_binary(content):
                try:
                    texts[name] = decode(content)[0]
                except TextError:
                    continue
        return texts

    @cached_property
    def lines(self) -> Mapping[str, list[str] | None]:
        """The normalised lines of each text, all of them; None where there is none."""
        known: dict[str, str] = {}

        def read(text: str) -> list[str]:
            rows = split_lines(text)
            for row in rows:
                if row not in known:
                    known[row] = shorten(normalise(row), _LIMITS)
            return [known[row] for row in rows]

        return _Views(self.texts, read)

    @cached_property
    def tokens(self) -> Mapping[str, TokenText | None]:
        """Each text as its tokens; None where there is none, or it is too long."""
        rows = Rows(self.family)
        return _Views(self.texts, lambda text: TokenText(text, rows) if len(text) <= _SEARCHED else None)

    @cached_property
    def relaid(self) -> Mapping[str, Relaid | None]:
        """For each side the lines that differ from the result's in layout only."""
        merged = self.lines["merged"]
        sides = {name: lines for name in ("target", "source") if (lines := self.lines[name]) is not None}
        return _Views(sides, lambda lines: None if merged is None else Relaid(lines, merged, self.family))

    @cached_property
    def inert(self) -> Mapping[str, Inert | None]:
        """Each text's comments and imports; None where there is no text, or its language is not known."""
        return _Views(self.texts, lambda text: None if self.family is None else inert_lines(text, self.family))

    @cached_property
    def skeletons(self) -> Mapping[str, Counter[str]]:
        """For each version its lines with every number and stage of a release masked."""
        return _Made(
            lambda name: Counter(_skeleton(unit.value) for unit in self.version(name).counts if unit.kind == "line")
        )

    @cached_property
    def values(self) -> Mapping[str, dict[tuple[str, ...], list[str]]]:
        """For each version the values of its elements by key."""

        def read(name: str) -> dict[tuple[str, ...], list[str]]:
            mine: dict[tuple[str, ...], list[str]] = {}
            for unit in self.version(name).counts:
                if unit.kind == "element":
                    mine.setdefault(unit.key, []).append(unit.value)
            return mine

        return _Made(read)

    @cached_property
    def fresh_words(self) -> Mapping[tuple[str, str], frozenset[str]]:
        """The words of the lines that one version has and another has not, or has less often."""
        return _FreshWords(self)

    @cached_property
    def brought(self) -> dict[str, list[Unit]]:
        """For each side the lines that it added and that the result has."""
        base, merged = self.base.counts, self.merged.counts
        return {
            name: sorted(
                unit
                for unit, count in self.version(name).counts.items()
                if unit.kind == "line" and count > base.get(unit, 0) and merged.get(unit, 0) >= count
            )
            for name in ("target", "source")
        }

    @cached_property
    def brought_tokens(self) -> dict[str, frozenset[str]]:
        """The same as tokens."""
        return {
            name: frozenset(tokens_of(unit.value, self.family) for unit in units)
            for name, units in self.brought.items()
        }

    @cached_property
    def relaid_tokens(self) -> dict[str, frozenset[str]]:
        """For each side the tokens of lines that it laid out anew: it removed a line of them and added one."""
        base = self.base.counts
        found = {}
        for name in ("target", "source"):
            own = self.version(name).counts
            gone = {unit.value for unit, n in base.items() if unit.kind == "line" and n > own.get(unit, 0)}
            came = {unit.value for unit, n in own.items() if unit.kind == "line" and n > base.get(unit, 0)}
            old, new = ({tokens_of(line, self.family) for line in lines} for lines in (gone, came))
            found[name] = frozenset(old & new)
        return found

    @cached_property
    def brought_skeletons(self) -> dict[str, dict[str, list[str]]]:
        """The same by skeleton."""
        found: dict[str, dict[str, list[str]]] = {"target": {}, "source": {}}
        for name, units in self.brought.items():
            for unit in units:
                found[name].setdefault(_skeleton(unit.value), []).append(unit.value)
        return found

    def version(self, name: str) -> Units:
        """One of the four by its name."""
        return {"base": self.base, "target": self.target, "source": self.source, "merged": self.merged}[name]

    def had_it(self, verdict: Verdict) -> str:
        """The name of a version that held the unit, when it was lost or before it was removed."""
        if verdict.what is What.UNDONE:
            return "merged"
        return "source" if verdict.side is Side.SOURCE else "target"

    def should_be(self, verdict: Verdict) -> tuple[str, str]:
        """The names of the version that is as expected, and of the one that is not."""
        side = "source" if verdict.side is Side.SOURCE else "target"
        return side, "merged"


class _FreshWords(dict[tuple[str, str], frozenset[str]]):
    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self._scene = scene

    def __missing__(self, pair: tuple[str, str]) -> frozenset[str]:
        one, other = (Counter(self._scene.lines[name] or ()) for name in pair)
        lines = (line for line, count in one.items() if count > other[line])
        words = self[pair] = frozenset(word for line in lines for word in _WORD.findall(line))
        return words


Predicate = Callable[[Verdict, Scene], bool]


class Filter(NamedTuple):
    """A predicate and its name; the name is what the report counts under."""

    name: str
    is_no_loss: Predicate


def at_path(reason: PathReason) -> Predicate:
    """A predicate that asks why nothing at the path is a loss."""
    return lambda _, scene: scene.reason == reason


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
    words = frozenset(_WORD.findall(text))
    # The same tokens in another layout stand in lines that the other version has not. Most lines are told by this, and
    # the tokens of whole texts are dear.
    if not words or not words <= scene.fresh_words[(side, result) if back else (result, side)]:
        return False
    expected, found = scene.tokens[side], scene.tokens[result]
    return expected is not None and found is not None and _stands_elsewhere(verdict, scene.family, expected, found)


def _stands_elsewhere(verdict: Verdict, family: Family | None, expected: TokenText, found: TokenText) -> bool:
    """Whether the result has the tokens of a line as often as it should."""
    back = verdict.what is What.UNDONE
    wanted = tokens_of(verdict.unit.value, family)
    there, due = found.count(wanted), expected.count(wanted)
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


_STAGE = r"(?:alpha|beta|dev|final|post|pre|rc|snapshot|release|stable|nightly|a|b|c|m)"
_MASKED = re.compile(
    rf"(?:\b(?:january|february|march|april|may|june|july|august|september|october|november|december"
    rf"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b|[\"']{_STAGE}[\"']|\bv?\d[\w.]*(?:[-+.~]{_STAGE}[\w.]*)*\+?|\bNone\b|\bnull\b)",
    re.IGNORECASE,
)
_ABOUT_VERSIONS = re.compile(
    r"version|\breleased?\b|__released__|copyright|\(c\)|\u00a9|\brevision\b|\b(?:date|updated|modified|generated)\b|\byears?\b"
    r"|\bsnapshot\b|apiversion|\brequires?-python\b",
    re.IGNORECASE,
)
_ONLY_A_VERSION = re.compile(
    rf"[\s\"'(\[=:,v]*\d+(?:\.\d+)+(?:[-+.]?{_STAGE}[\w.]*)?[\s\"')\],;+]*|[\s\"']*\d{{4}}-\d\d-\d\d[\s\"',;]*",
    re.IGNORECASE,
)
_VERSION_VALUE = re.compile(
    rf"[\"'v^~>=<\s]*\d+(?:\.\d+)+(?:[-+.]?{_STAGE}?[\w.]*)?[\"']?|(?:19|20)\d\d(?:-\d\d-\d\d.*)?", re.IGNORECASE
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
        return saved_against or (unit.key[-1].lower() in _VERSION_KEYS and bool(scene.values["merged"].get(unit.key)))
    if unit.kind != "line" or not (_ABOUT_VERSIONS.search(unit.value) or _ONLY_A_VERSION.fullmatch(unit.value)):
        return False
    if not _MASKED.search(unit.value):
        return False
    bare = _skeleton(unit.value)
    expected, found = scene.should_be(verdict)
    return scene.skeletons[expected].get(bare, 0) > 0 and scene.skeletons[found].get(bare, 0) > 0


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
    if not lines or not all(_MASKED.search(line) for line in lines):
        return False
    if not said and not all(_ABOUT_VERSIONS.search(line) or _ONLY_A_VERSION.fullmatch(line) for line in lines):
        return False
    return Counter(map(_skeleton, gone)) == Counter(map(_skeleton, came))


_SETTING = re.compile(r"[\"']?([\w.-]+)[\"']?\s*(?::[^=]*)?[=:]\s*(?:[\"'][^\"'\s]*[\"']|[\w.+-]+)[,;]?")
_NEAR = 6


def is_release_switch(verdict: Verdict, scene: Scene) -> bool:
    """A plain setting beside a version: a release sets both at once, and each line of releases has its own.

    The name has a plain value in both, and the version near by is one of those in which both differ.
    """
    setting = _SETTING.fullmatch(verdict.unit.value) if verdict.unit.kind == "line" else None
    if setting is None or verdict.what is What.EVIL_REMOVAL:
        return False
    names = scene.should_be(verdict)
    return all(
        _sets_beside_version(scene, name, setting[1], other) for name, other in zip(names, reversed(names), strict=True)
    )


def _sets_beside_version(scene: Scene, name: str, setting: str, other: str) -> bool:
    lines = scene.lines[name] or []
    elsewhere = scene.version(other).counts
    versions = [
        at
        for at, line in enumerate(lines)
        if _ABOUT_VERSIONS.search(line) and _MASKED.search(line) and Unit("line", (), line) not in elsewhere
    ]
    settings = [at for at, line in enumerate(lines) if (found := _SETTING.fullmatch(line)) and found[1] == setting]
    return any(abs(one - at) <= _NEAR for one in settings for at in versions)


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
    came = scene.brought_skeletons[theirs].get(_skeleton(unit.value), [])
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


_BARE_TAGS = re.compile(r"(?:</?[\w:.-]+\s*/?>|<!--(?:(?!-->).)*-->|\s)+")


def is_generic(verdict: Verdict, _: Scene) -> bool:
    """The line holds nothing but words of the language, or bare tags: it may have come from anywhere."""
    if verdict.unit.kind != "line":
        return False
    if _BARE_TAGS.fullmatch(verdict.unit.value) is not None:
        return True
    words = _WORD.findall(verdict.unit.value.lower())
    return all(word in _GENERIC for word in words) and not any(character.isdigit() for character in verdict.unit.value)


def own_words(text: str) -> int:
    """How many different words a line or value has that are not words of the language: few of them say little."""
    return len({word for word in _WORD.findall(text.lower()) if len(word) >= _SHORTEST and word not in _GENERIC})


def is_empty_container(verdict: Verdict, scene: Scene) -> bool:
    """An element that said "nothing in here", while the result has something in it."""
    unit = verdict.unit
    if unit.kind != "element" or unit.value not in ("{}", "[]", ""):
        return False
    size = len(unit.key)
    stem = unit.key[-1] if unit.key else ""
    return any(
        len(key) >= size
        and key[: size - 1] == unit.key[:-1]
        and key != unit.key
        and (key[size - 1] == stem or key[size - 1].startswith(f"{stem}["))
        for key in scene.values["merged"]
    )


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


@lru_cache(maxsize=65_536)
def _skeleton(text: str) -> str:
    return _MASKED.sub("#", text)


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
