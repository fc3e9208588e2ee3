"""Languages, as far as this is needed: which lines are comments or imports. By family, not by grammar.

A line is looked at with the lines before it, because a block comment or an import over several lines is only known from
its start. Where that is uncertain it counts as code: a comment taken for code costs a look, the reverse a finding.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from branchsim.effects.text import normalised, split_lines
from branchsim.names import file_name

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """How comments and imports look in a family of languages.

    Attributes
    ----------
    name : str
        Its name.
    line : pattern or None
        Matches a normalised line that is only a comment.
    blocks : tuple of (str, str)
        Opening and closing of comments that span lines.
    imports : pattern or None
        Matches a normalised line that starts an import.
    brackets : str
        The bracket by which an import goes on over lines, as ``()`` or ``{}``; empty if it does not.
    triple : bool
        Whether text in triple quotes that starts a line is documentation, where the line before it does not go on.
    tail : str
        What opens a comment at the end of a line of code; empty if nothing does.
    """

    name: str
    line: re.Pattern[str] | None = None
    blocks: tuple[tuple[str, str], ...] = ()
    imports: re.Pattern[str] | None = None
    brackets: str = ""
    triple: bool = False
    tail: str = ""


_C_LINE = re.compile(r"//|\*(?:\s|/|$)|/\*(?:(?!\*/).)*(?:\*/)?$")
_HASH = re.compile(r"#(?!include\b|define\b|if|el|end|pragma|undef|region|import\b)")
_C_BLOCK = (("/*", "*/"),)

PYTHON = Family(
    name="python",
    tail="#",
    line=re.compile(r"#"),
    imports=re.compile(
        r"(?:from\s+[\w.]+\s+(?:c?import)\b|c?import\s+[\w.]+(?:\s+as\s+\w+)?(?:\s*,\s*[\w.]+(?:\s+as\s+\w+)?)*\s*(?:#.*)?(?:;|\\|$))"
    ),
    brackets="()",
    triple=True,
)
JAVASCRIPT = Family(
    name="javascript",
    tail="//",
    line=_C_LINE,
    blocks=_C_BLOCK,
    imports=re.compile(
        r"import\s*(?:type\s+)?[\w*{\"']|export\s+(?:type\s+)?(?:\*|\{[^}]*\})\s*(?:as\s+\w+\s+)?from\b"
        r"|(?:const|let|var)\s+[\w{},:\s]+=\s*require\(\s*[\"'][^\"']*[\"']\s*\)\s*;?$"
    ),
    brackets="{}",
)
JAVA = Family(
    name="java", tail="//", line=_C_LINE, blocks=_C_BLOCK, imports=re.compile(r"(?:import|package)\s+[\w.*\s]+;?$")
)
CSHARP = Family(
    name="csharp",
    tail="//",
    line=_C_LINE,
    blocks=_C_BLOCK,
    imports=re.compile(r"(?:global\s+)?using\s+(?:static\s+)?[\w.]+(?:\s*=\s*[\w.<>]+)?;$"),
)
C = Family(
    name="c",
    tail="//",
    line=_C_LINE,
    blocks=_C_BLOCK,
    imports=re.compile(r"#\s*(?:include|import)\b|(?:import|using\s+namespace)\s+[\w.:<>\"]+;$"),
)
GO = Family(
    name="go",
    tail="//",
    line=_C_LINE,
    blocks=_C_BLOCK,
    imports=re.compile(r"import\s*(?:\(|[\w.]*\s*\")|package\s+\w+$"),
    brackets="()",
)
RUST = Family(
    name="rust",
    tail="//",
    line=_C_LINE,
    blocks=_C_BLOCK,
    imports=re.compile(r"(?:pub(?:\([^)]*\))?\s+)?(?:use\s+[\w:]+|extern\s+crate\b)"),
    brackets="{}",
)
PHP = Family(
    name="php",
    tail="//",
    line=re.compile(rf"(?:{_C_LINE.pattern})|#(?!\[)"),
    blocks=_C_BLOCK,
    imports=re.compile(
        r"(?:use\s+(?:function\s+|const\s+)?\\?[\w\\]+(?:\s+as\s+\w+)?(?:\s*,\s*\\?[\w\\]+)*;$|use\s+\\?[\w\\]+\{|namespace\s+[\w\\]+;$|(?:require|include)(?:_once)?\b)"
    ),
    brackets="{}",
)
RUBY = Family(
    name="ruby",
    tail="#",
    line=re.compile(r"#"),
    blocks=(("=begin", "=end"),),
    imports=re.compile(r"(?:require|require_relative|load)\s*\(?\s*[\"']"),
)
SHELL = Family(name="shell", tail="#", line=_HASH)
MARKUP = Family(name="markup", line=re.compile(r"<!--(?:(?!-->).)*(?:-->)?$"), blocks=(("<!--", "-->"),))
STYLE = Family(name="style", line=_C_LINE, blocks=_C_BLOCK, imports=re.compile(r"@(?:import|use|charset)\b"))
DASHES = Family(name="dashes", line=re.compile(r"--"), blocks=_C_BLOCK)
INI = Family(name="ini", line=re.compile(r"[#;]"))
TEX = Family(name="tex", line=re.compile(r"%"))

_BY_SUFFIX: Mapping[str, Family] = {
    suffix: family
    for family, suffixes in (
        (PYTHON, "py pyi pyx pxd bzl"),
        (JAVASCRIPT, "js jsx ts tsx mjs cjs mts cts vue svelte"),
        (JAVA, "java cls trigger apex kt kts scala groovy gradle gvy"),
        (CSHARP, "cs"),
        (C, "c h cc cpp cxx hh hpp hxx m mm swift ino cu proto dart"),
        (GO, "go"),
        (RUST, "rs"),
        (PHP, "php phtml inc php5"),
        (RUBY, "rb rake gemspec ru"),
        (SHELL, "sh bash zsh fish pl pm tcl r yml yaml toml mk cmake conf dockerfile tf hcl ps1 nix jl ex exs"),
        (
            MARKUP,
            "xml html htm xhtml cmp app page component evt auradoc design svg xsl xslt xsd wsdl md markdown jelly",
        ),
        (STYLE, "css scss sass less"),
        (DASHES, "sql lua hs ada elm"),
        (INI, "ini cfg properties editorconfig neon"),
        (TEX, "tex sty bib"),
    )
    for suffix in suffixes.split()
}
_BY_NAME = {
    "dockerfile": SHELL,
    "makefile": SHELL,
    "jenkinsfile": JAVA,
    "rakefile": RUBY,
    "gemfile": RUBY,
    "build": SHELL,
}
_LONG = 2000  # nobody ends a longer line with a comment, and the search is quadratic in what a hostile line holds
_TRIPLE = re.compile(r"\"\"\"|'''")
_GOES_ON = ("=", "(", "[", "{", ",", "\\", "+", "%", "return")
"""What a line of code ends with that goes on with the next: text in triple quotes there is a value."""
_DOCUMENTATION = re.compile(r"[rubRUB]{0,2}(?:\"\"\"|''')")


def family_of(path: bytes) -> Family | None:
    """The family of languages that a path's name says, None where it says none."""
    name = file_name(path).lower().decode("utf-8", "replace")
    if name in _BY_NAME:
        return _BY_NAME[name]
    return _BY_SUFFIX.get(name.rpartition(".")[2]) if "." in name else None


def is_comment(line: str, family: Family) -> bool:
    """Whether a normalised line, seen alone, is only a comment."""
    return family.line is not None and family.line.match(line) is not None


def is_import(line: str, family: Family) -> bool:
    """Whether a normalised line, seen alone, is or starts an import."""
    return family.imports is not None and family.imports.match(line) is not None


class Inert:
    """The normalised lines of a text that do nothing: each is one wherever it stands in that text.

    Attributes
    ----------
    comments, imports : set of str
        The lines.
    """

    def __init__(self, comments: set[str], imports: set[str], code: set[str]) -> None:
        self.comments = comments - code
        self.imports = imports - code - comments
        self._code = code
        self._imports = imports

    @cached_property
    def used(self) -> frozenset[str]:
        """The words of the code."""
        return frozenset(_WORD.findall("\n".join(self._code)))

    @cached_property
    def imported(self) -> frozenset[str]:
        """The words of the imports."""
        return frozenset(_WORD.findall("\n".join(self._imports)))


def inert_lines(text: str, family: Family) -> Inert:
    """The lines of a text that are only comments, documentation or imports."""
    found: dict[str, set[str]] = {"comment": set(), "import": set(), "code": set()}
    known = _ALONE.setdefault(family.name, {})
    if len(known) > _KNOWN:
        known.clear()
    scan = _Scan(family)
    outside = True
    for raw in split_lines(text):
        line = normalised(raw)
        if not line:
            continue
        kind = known.get(line) if outside else None
        if kind is None:
            kind = scan.kind(line)
            # What a line in triple quotes is depends on the line before it.
            quoted = family.triple and _DOCUMENTATION.match(line) is not None
            if outside and scan.is_outside and not quoted and len(line) <= _LONG:
                known[line] = kind
            outside = scan.is_outside
        scan.before = line if kind == "code" else scan.before if kind == "comment" else ""
        found[kind].add(line)
    return Inert(found["comment"], found["import"], found["code"])


_KNOWN = 100_000
_ALONE: dict[str, dict[str, str]] = {}
"""By family, what lines are that open nothing, where they stand in nothing: most lines of most files."""


def without_comment(line: str, family: Family | None) -> str:
    """A line without the comment at its end, if it has one after white space and outside of quotes."""
    if family is None or not family.tail or len(line) > _LONG or family.tail not in line:
        return line
    for found in re.finditer(rf"\s{re.escape(family.tail)}", line):
        if _is_open(line, found.start()):
            return line[: found.start()]
    return line


def imported_names(line: str) -> frozenset[str]:
    """The names that a line of an import makes known, as far as its text tells."""
    line = line.partition("#")[0].partition("//")[0]
    _, marked, listed = line.partition("import ")
    if not (marked and listed.strip()):
        listed = line
    listed = re.sub(r"[\w.\\]+\s+as\s+", "", listed)
    listed = re.sub(r"\bfrom\b.*", "", listed)
    return frozenset(word.rpartition(".")[2].rpartition("\\")[2] for word in _DOTTED.findall(listed)) - _IMPORT_WORDS


_DOTTED = re.compile(r"[^\W\d][\w.\\]*")
_WORD = re.compile(r"[^\W\d]\w*")
_IMPORT_WORDS = frozenset(
    {
        "",
        "as",
        "const",
        "from",
        "function",
        "import",
        "let",
        "package",
        "pub",
        "require",
        "static",
        "type",
        "use",
        "using",
        "var",
    }
)


class _Scan:
    """Where a scan through a text is: in a comment, in a string, in an import, or in code."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.closes = ""
        self.quote = ""
        self.documents = False
        self.before = ""
        self.depth = 0
        self.goes_on = False

    @property
    def is_outside(self) -> bool:
        """Whether the next line stands in no comment, string or import that began before it."""
        return not (self.closes or self.quote or self.depth or self.goes_on)

    def kind(self, line: str) -> str:
        """``comment``, ``import`` or ``code``; the lines are given in order."""
        if self.closes:
            return self._in_comment(line)
        if self.quote:
            return self._in_quotes(line)
        if self.depth or self.goes_on or is_import(line, self.family):
            return self._in_import(line)
        return self._in_code(line)

    def _in_code(self, line: str) -> str:
        for opens, closes in self.family.blocks:
            start = 0 if line.startswith(opens) else line.rfind(opens)
            if start == 0:
                end = line.find(closes, len(opens))
                self.closes = closes if end < 0 else ""
                return "comment" if end < 0 or end + len(closes) == len(line) else "code"
            if start > 0 and closes not in line[start:] and not is_comment(line, self.family) and _is_open(line, start):
                self.closes = closes
                return "code"
        if is_comment(line, self.family):
            return "comment"
        return self._quotes(line) if self.family.triple else "code"

    def _in_comment(self, line: str) -> str:
        end = line.find(self.closes)
        if end < 0:
            return "comment"
        rest = line[end + len(self.closes) :]
        self.closes = ""
        return "code" if rest.strip() else "comment"

    def _in_import(self, line: str) -> str:
        if self.family.brackets:
            opened, closed = (line.count(bracket) for bracket in self.family.brackets)
            self.depth = max(0, self.depth + opened - closed)
        self.goes_on = line.endswith("\\")
        return "import"

    def _quotes(self, line: str) -> str:
        self.documents = _DOCUMENTATION.match(line) is not None and not self.before.endswith(_GOES_ON)
        for found in _TRIPLE.finditer(line):
            if not self.quote:
                self.quote = found[0]
            elif self.quote == found[0]:
                self.quote = ""
        return "comment" if self.documents else "code"

    def _in_quotes(self, line: str) -> str:
        end = line.find(self.quote)
        if end >= 0:
            self.quote = ""
        return "comment" if self.documents else "code"


def _is_open(line: str, start: int) -> bool:
    """Whether what opens a comment at a place stands outside of quotes, as far as one line can tell."""
    before = line[:start]
    return all(before.count(quote) % 2 == 0 for quote in "\"'`")


__all__ = [
    "Family",
    "Inert",
    "family_of",
    "imported_names",
    "inert_lines",
    "is_comment",
    "is_import",
    "without_comment",
]
