"""What a landing did to one path, as those see it who ask whether a loss is one: views, made when first asked for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Generic, TypeVar

from branchsim.effects.align import Place, places
from branchsim.effects.languages import Family, Inert, family_of, inert_lines
from branchsim.effects.paths import STYLES_AND_SCRIPTS, Attributes, PathReason, classify_path, looks_generated
from branchsim.effects.presence import Side, Verdict, What
from branchsim.effects.stretch import apart
from branchsim.effects.text import Limits, TextError, decode, has_words, is_binary, normalised, shorten, split_lines
from branchsim.effects.tokens import Relaid, TokenText, rows_of, tokens_of
from branchsim.effects.units import ABSENT, Form, Unit, Units

if TYPE_CHECKING:
    from branchsim.topology import PathGlobs

STAGE = r"(?:alpha|beta|dev|final|post|pre|rc|snapshot|release|stable|nightly|a|b|c|m)"
MASKED = re.compile(
    rf"(?:\b(?:january|february|march|april|may|june|july|august|september|october|november|december"
    rf"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b|[\"']{STAGE}[\"']|\bv?\d+(?:\.\d+){{2}}-[0-9a-z][0-9a-z.-]*|\bv?\d[\w.]*(?:[-+.~]{STAGE}[\w.]*)*\+?|\bNone\b|\bnull\b)",
    re.IGNORECASE,
)
ABOUT_VERSIONS = re.compile(
    r"version|\breleased?\b|__released__|copyright|\(c\)|\u00a9|\brevision\b|\b(?:date|updated|modified|generated)\b|\byears?\b"
    r"|\bsnapshot\b|apiversion|\brequires?-python\b",
    re.IGNORECASE,
)
SETTING = re.compile(
    r"(?:(?:export|public|private|protected|internal|static|final|const|constexpr|readonly|let|var|val|string)\s+)*"
    r"[\"']?([\w.-]+)[\"']?\s*(?::[^=]*)?[=:]\s*(?:[\"'][^\"'\s]*[\"']|[\w.+-]+)[,;]?"
)
_SEARCHED = 1024 * 1024  # characters; each lost line is searched for in the whole text
_MARGIN = 30
"""So many lines stay beside those that differ: an edit is seldom laid out anew over more."""
_ALL = 4
WORD = re.compile(r"[^\W\d_]+")


_Text = TypeVar("_Text")
_View = TypeVar("_View")
_Name = TypeVar("_Name")
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


class _Made(dict[_Name, _Whole], Generic[_Name, _Whole]):
    """Something about each version, or about two of them, made when it is first asked for."""

    def __init__(self, make: Callable[[_Name], _Whole]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: _Name) -> _Whole:
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
        The four versions that were judged. Copies that all of them have may be missing from lines where the contents
        are given.
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
        said = self.attributes and self.attributes.says(self.path.decode("utf-8", "replace"), "linguist-generated")
        if found is None and said is not False:
            contents = self.contents
            # What was compiled may be readable in one version and not in the next.
            compiled = self.path.endswith(STYLES_AND_SCRIPTS)
            read = contents.values() if compiled else [contents.get("merged") or contents.get("target") or b""]
            return "generated" if any(looks_generated(one, self.path) for one in read) else None
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
    def stretches(self) -> dict[str, str]:
        """The texts without what all four versions begin and end with, but for some lines beside where they differ.

        What is asked of a lost line has its answer there: the rest is the same in all of them.
        """
        texts = self.texts
        return dict(zip(texts, apart(list(texts.values()), _MARGIN), strict=True)) if len(texts) == _ALL else texts

    @cached_property
    def lines(self) -> Mapping[str, list[str] | None]:
        """The normalised lines of each stretch, all of them; None where there is none."""
        # The versions have most of their lines in common.
        known: dict[str, str] = {}

        def read(text: str) -> list[str]:
            rows = split_lines(text)
            known.update({row: shorten(normalised(row), _LIMITS) for row in set(rows).difference(known)})
            return [known[row] for row in rows]

        return _Views(self.stretches, read)

    @cached_property
    def tokens(self) -> Mapping[str, tuple[TokenText, TokenText] | None]:
        """For each side its tokens and those of the result, where they differ; None where a text is too long."""
        rows = rows_of(self.family)

        def read(text: str) -> tuple[TokenText, TokenText] | None:
            merged = self.stretches.get("merged")
            if merged is None:
                return None
            own, result = apart([text, merged], _MARGIN)
            return (TokenText(own, rows), TokenText(result, rows)) if max(len(own), len(result)) <= _SEARCHED else None

        return _Views(self.stretches, read)

    @cached_property
    def relaid(self) -> Mapping[str, Relaid | None]:
        """For each side the lines that differ from the result's in layout only."""

        def read(name: str) -> Relaid | None:
            side, merged = self.lines[name], self.lines["merged"]
            return None if side is None or merged is None else Relaid(side, merged, self.places[name], self.family)

        return _Made(read)

    @cached_property
    def places(self) -> Mapping[str, list[Place]]:
        """For each side where its lines differ from the result's; a version without a text has one empty line."""
        return _Made(lambda name: places(self.lines[name] or [""], self.lines["merged"] or [""]))

    @cached_property
    def inert(self) -> Mapping[str, Inert | None]:
        """Each text's comments and imports; None where there is no text, or its language is not known."""
        return _Views(self.texts, lambda text: None if self.family is None else inert_lines(text, self.family))

    @cached_property
    def everything(self) -> Mapping[str, frozenset[str]]:
        """The lines of each version that mean something, also those that all versions have."""

        def read(name: str) -> frozenset[str]:
            version, text = self.version(name), self.texts.get(name)
            if text is None or version.form is not Form.LINES:
                return frozenset(unit.value for unit in version.counts if unit.kind == "line")
            lines = (shorten(normalised(row), _LIMITS) for row in set(split_lines(text)))
            return frozenset(line for line in lines if has_words(line, _LIMITS.word_characters))

        return _Made(read)

    @cached_property
    def settings(self) -> Mapping[str, dict[str, list[int]]]:
        """For each version the places of its lines that only give a name a plain value, by name."""

        def read(name: str) -> dict[str, list[int]]:
            found: dict[str, list[int]] = {}
            for at, line in enumerate(self.lines[name] or ()):
                setting = SETTING.fullmatch(line)
                if setting is not None:
                    found.setdefault(setting[1], []).append(at)
            return found

        return _Made(read)

    @cached_property
    def fresh_versions(self) -> Mapping[tuple[str, str], list[int]]:
        """The places of the lines of one version that are about a version, and that another has not."""

        def read(pair: tuple[str, str]) -> list[int]:
            elsewhere = self.everything[pair[1]]
            lines = enumerate(self.lines[pair[0]] or ())
            return [
                at
                for at, line in lines
                if line not in elsewhere and ABOUT_VERSIONS.search(line) and MASKED.search(line)
            ]

        return _Made(read)

    @cached_property
    def skeletons(self) -> Mapping[str, frozenset[str]]:
        """For each version its lines with every number and stage of a release masked."""
        return _Made(lambda name: frozenset(map(skeleton, self.everything[name])))

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
    def below(self) -> Mapping[str, dict[tuple[str, ...], set[str]]]:
        """For each version what follows the beginnings of the keys of its elements."""

        def read(name: str) -> dict[tuple[str, ...], set[str]]:
            found: dict[tuple[str, ...], set[str]] = {}
            for key in self.values[name]:
                for at, part in enumerate(key):
                    found.setdefault(key[:at], set()).add(part)
            return found

        return _Made(read)

    @cached_property
    def fresh_words(self) -> Mapping[tuple[str, str], frozenset[str]]:
        """The words of the lines that one version has and another has not, or has less often."""

        def read(pair: tuple[str, str]) -> frozenset[str]:
            one, other = (Counter(self.lines[name] or ()) for name in pair)
            lines = (line for line, count in one.items() if count > other[line])
            return frozenset(word for line in lines for word in WORD.findall(line))

        return _Made(read)

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
                found[name].setdefault(skeleton(unit.value), []).append(unit.value)
        return found

    def forget(self) -> None:
        """Let go of all views; they are made anew when they are asked for again.

        Views know their scene: without this both stay in memory until Python looks for garbage, which is seldom.
        """
        own = vars(self)
        for name in own.keys() - {each.name for each in fields(self)}:
            del own[name]

    def version(self, name: str) -> Units:
        """One of the four by its name."""
        return {"base": self.base, "target": self.target, "source": self.source, "merged": self.merged}[name]

    def had_it(self, verdict: Verdict) -> str:
        """The name of a version that held the unit, when it was lost or before it was removed."""
        if verdict.what in (What.UNDONE, What.UNRESOLVED):
            return "merged"
        return "source" if verdict.side is Side.SOURCE else "target"

    def should_be(self, verdict: Verdict) -> tuple[str, str]:
        """The names of the version that is as expected, and of the one that is not."""
        side = "source" if verdict.side is Side.SOURCE else "target"
        return side, "merged"


@lru_cache(maxsize=65_536)
def skeleton(text: str) -> str:
    """A line with every number, date and stage of a release masked."""
    return MASKED.sub("#", text)


__all__ = ["MASKED", "STAGE", "WORD", "Scene", "skeleton"]
