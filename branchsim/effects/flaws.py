"""Flaws: what makes a file useless as a whole although each of its lines came from somebody.

A merge can keep every line of both sides and still leave a closing tag too few. The table of presence sees nothing of
it: what is missing is a bracket. A file is asked only where the sides of a landing are without a flaw, so what is read
wrongly in all versions alike (templates, dialects) raises nothing.
"""

from __future__ import annotations

import json
import re
import tomllib
from functools import lru_cache
from typing import TYPE_CHECKING

from branchsim.effects.languages import CSHARP, GO, JAVA, JAVASCRIPT, PHP, PYTHON, STYLE, C, Family, family_of
from branchsim.effects.text import TextError, decode, is_binary, normalise
from branchsim.names import file_name

if TYPE_CHECKING:
    from collections.abc import Callable

_LARGEST = 2 * 1024 * 1024
_LONGEST = 160
_DEEPEST = 200


class FlawError(Exception):
    """What is wrong with a text; the message says it in a few words."""


def flaw(path: bytes, content: bytes) -> str:
    """What makes a file unreadable as what its name says it is.

    Parameters
    ----------
    path : bytes
        Its path; only the name matters.
    content : bytes
        Its content.

    Returns
    -------
    str
        A few words with the place, as ``not valid XML (...)``; empty if nothing is wrong, and of a file that is not
        judged: of another kind, too large, or too deep.
    """
    check = _check_of(path)
    if check is None or len(content) > _LARGEST or is_binary(content):
        return ""
    try:
        check(decode(content)[0])
    except FlawError as error:
        return "" if _TOO_DEEP.search(str(error)) else normalise(str(error))[:_LONGEST]
    except TextError:
        return ""
    return ""


_TAGGED = frozenset(
    "html htm xhtml vue jsp ftl ss cmp app evt design page component svg".split()  # noqa: SIM905
)
_TOO_DEEP = re.compile(r"\bdepth\b|\bdeep", re.IGNORECASE)


@lru_cache(maxsize=65_536)
def _check_of(path: bytes) -> Callable[[str], None] | None:
    """Who judges files of a name; None where nobody does."""
    suffix = file_name(path).lower().rpartition(b".")[2].decode("utf-8", "replace")
    if suffix in {"json", "toml", "yml", "yaml"}:
        return {"json": _json, "toml": _toml}.get(suffix, _yaml)
    from branchsim.effects.metadata_keys import SUFFIXES

    if suffix in _TAGGED:
        return _tags
    if suffix == "xml" or suffix in SUFFIXES:
        return _xml
    family = family_of(path)
    return _BRACKETS.get(family) if family is not None else None


def _xml(text: str) -> None:
    from branchsim.safe_xml import UnsafeXmlError, parse_xml

    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return
    # The declaration may name the encoding that the text was decoded from.
    bare = re.sub(r"\A\s*<\?xml[^>]*\?>", "", text, count=1)
    try:
        parse_xml(bare.encode("utf-8", "surrogatepass"))
    except UnsafeXmlError as error:
        raise FlawError(str(error)) from None


def _json(text: str) -> None:
    try:
        json.loads(text, parse_int=str, parse_float=str)
    except RecursionError:
        return
    except ValueError as error:
        raise FlawError(f"not valid JSON ({error})") from None


def _toml(text: str) -> None:
    try:
        tomllib.loads(text)
    except RecursionError:
        return
    except ValueError as error:
        raise FlawError(f"not valid TOML ({error})") from None


def _yaml(text: str) -> None:
    import yaml

    depth = 0
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                return
    except (yaml.YAMLError, ValueError) as error:
        raise FlawError(f"not valid YAML ({error})") from None
    except RecursionError:
        return


# -- tags ----------------------------------------------------------------------------------------------------------

_VOID = frozenset(
    "area base br col embed hr img input link meta param source track wbr path circle rect line".split()  # noqa: SIM905
)
_MARKUP = re.compile(
    r"<!--(?:(?!-->).)*+(?:-->|\Z)|<(?:script|style)\b(?:(?!</(?:script|style)).)*+(?:</(?:script|style)\s*>|\Z)"
    r"|<%(?:(?!%>).)*+(?:%>|\Z)|<(?P<close>/?)(?P<name>[A-Za-z][\w:.-]*+)(?P<rest>[^<>\"']*+(?:(?:\"[^\"]*+\"|'[^']*+')[^<>\"']*+)*+)>",
    re.DOTALL | re.IGNORECASE,
)


def _tags(text: str) -> None:
    """Whether each element that is opened is closed, in order."""
    open_: list[tuple[str, int]] = []
    at = 0
    while (at := text.find("<", at)) >= 0:
        found = _MARKUP.match(text, at)
        if found is None:
            after = text[at + 1 : at + 2]
            if after.isalpha() or after == "/":
                return  # a tag that is not understood: nothing is said of the file
            at += 1
            continue
        at = found.end()
        name = found["name"]
        if name is None or name.lower() in _VOID or (found["rest"] or "").endswith("/"):
            continue
        if not found["close"]:
            open_.append((name.lower(), found.start()))
        elif not open_ or open_[-1][0] != name.lower():
            raise FlawError(f"tags that do not match (</{name}>, line {_line(text, found.start())})")
        else:
            open_.pop()
    if open_:
        raise FlawError(f"tags that do not match (<{open_[-1][0]}>, line {_line(text, open_[-1][1])})")


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


# -- brackets ------------------------------------------------------------------------------------------------------

_PAIRS = {")": "(", "]": "[", "}": "{"}
_QUOTED = r"\"(?:[^\"\\\n]|\\.)*+(?:\"|$|\\?\Z)|'(?:[^'\\\n]|\\.)*+(?:'|$|\\?\Z)"
_TRIPLE = r"\"\"\"(?:(?!\"\"\")(?:\\.|[^\\]))*+(?:\"\"\"|\\?\Z)|'''(?:(?!''')(?:\\.|[^\\]))*+(?:'''|\\?\Z)"
_BACKTICK = r"`(?:[^`\\]|\\.)*+(?:`|\\?\Z)"
_BLOCK = r"/\*(?:(?!\*/).)*+(?:\*/|\Z)"
_SLASHES = r"//[^\n]*+"
_REGEX = r"(?<=[(,=:\[!&|?;{}])\s*+/(?![*/])(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.){0,60}+\]){1,120}+/"


def _tokens(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join((*parts, r"[()\[\]{}]")), re.DOTALL | re.MULTILINE)


def _balanced(tokens: re.Pattern[str]) -> Callable[[str], None]:
    """A check that each bracket outside of comments and strings is closed, in order."""

    def check(text: str) -> None:
        open_: list[tuple[str, int]] = []
        for found in tokens.finditer(text):
            sign = found[0]
            if sign in _PAIRS:
                if not open_ or open_[-1][0] != _PAIRS[sign]:
                    raise FlawError(f"brackets that do not match ({sign}, line {_line(text, found.start())})")
                open_.pop()
            elif sign in "([{":
                open_.append((sign, found.start()))
        if open_:
            raise FlawError(f"brackets that do not match ({open_[-1][0]}, line {_line(text, open_[-1][1])})")

    return check


_C_LIKE = _balanced(_tokens(_BLOCK, _SLASHES, _TRIPLE, _QUOTED))
_BRACKETS: dict[Family, Callable[[str], None]] = {
    PYTHON: _balanced(_tokens(r"#[^\n]*+", _TRIPLE, _QUOTED)),
    JAVASCRIPT: _balanced(_tokens(_BLOCK, _SLASHES, _REGEX, _QUOTED, _BACKTICK)),
    GO: _balanced(_tokens(_BLOCK, _SLASHES, _QUOTED, r"`[^`]*+(?:`|\Z)")),
    PHP: _balanced(
        _tokens(_BLOCK, _SLASHES, r"#(?!\[)[^\n]*+", r"\"(?:[^\"\\]|\\.)*+(?:\"|\\?\Z)|'(?:[^'\\]|\\.)*+(?:'|\\?\Z)")
    ),
    STYLE: _balanced(_tokens(_BLOCK, _QUOTED)),
    **dict.fromkeys((JAVA, CSHARP, C), _C_LIKE),
}

__all__ = ["flaw"]
