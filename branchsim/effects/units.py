"""Units: what the content of one path consists of, so that it can be asked of any other version whether it is there.

A unit depends on its own text, or on its own element and the keys of the elements around it; never on what stands next
to it. So edits at different places change different units, and a clean three-way merge of them has the units of both.
"""

from __future__ import annotations

import enum
import functools
import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from branchsim.effects.metadata_keys import SUFFIXES
from branchsim.effects.text import Limits, TextError, decode, is_binary, meaning_of, shorten, split_lines
from branchsim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from branchsim.effects.structured import KnownParts

Kind = Literal["line", "element", "file", "path", "mode", "symlink", "submodule", "lfs", "malformed"]
"""What a unit is: a line of text, an element of a structured file, a whole binary file, ..."""


class Unit(NamedTuple):
    """The smallest thing whose presence is asked for.

    Attributes
    ----------
    kind : str
        ``line``; ``element`` (of a structured file); ``file`` (the whole content, as a digest); ``path`` (that there is
        something at the path); ``mode`` (it is executable); ``symlink``; ``submodule``; ``lfs``; ``malformed`` (the
        content is not what the name says; only where a landing made it so).
    key : tuple of str
        Where an element stands: ``("Profile", "fieldPermissions[Account.Name]", "editable")``. Empty for all else.
    value : str
        The text, whitespace-normalised; a target, a commit or a digest. Very long text is cut and carries its digest.
    """

    kind: Kind
    key: tuple[str, ...]
    value: str

    def __str__(self) -> str:
        """One line for people."""
        if self.kind == "line":
            return self.value
        if self.kind == "element":
            return f"{'/'.join(self.key)} = {self.value}"
        return f"{self.kind}: {self.value}"


class Form(enum.Enum):
    """How a content was read; units are comparable only between versions of one form."""

    ABSENT = "absent"
    """Nothing is at the path."""
    LINES = "lines"
    METADATA = "metadata"
    JSON = "json"
    YAML = "yaml"
    BINARY = "binary"
    """Not text, or too large to be read as text: one unit for the whole file."""
    POINTER = "pointer"
    """A symbolic link, a submodule or an LFS pointer."""
    UNKNOWN = "unknown"
    """The content could not be read; nothing may be concluded from its units."""


_TEXTUAL = frozenset({Form.LINES, Form.METADATA, Form.JSON, Form.YAML})


class UnknownContentError(InputError):
    """A question was asked of content that could not be read (a missing blob, one above the limit)."""


@dataclass(frozen=True, slots=True)
class Units:
    """The units of one version of one path.

    Attributes
    ----------
    counts : Counter of Unit
        How often each unit occurs. Not to be changed.
    form : Form
        How the content was read.
    reason : str
        Why it was not read as its name suggests (malformed, too large, missing), empty if nothing was in the way.
        It belongs in ``skipped``.
    encoding : str
        The encoding that text was decoded with, else empty.
    trivial : int
        Lines that are no units because they hold too few word characters to mean something.
    weight : int
        About how many bytes this takes in memory.
    """

    counts: Counter[Unit] = field(default_factory=Counter)
    form: Form = Form.ABSENT
    reason: str = ""
    encoding: str = ""
    trivial: int = 0
    weight: int = 200

    @property
    def is_known(self) -> bool:
        """Whether the content could be read."""
        return self.form is not Form.UNKNOWN

    @property
    def is_present(self) -> bool:
        """Whether something is at the path."""
        return self.form is not Form.ABSENT

    @property
    def is_text(self) -> bool:
        """Whether it was read as lines or as a structured file."""
        return self.form in _TEXTUAL

    def require_known(self) -> Counter[Unit]:
        """The counts.

        Raises
        ------
        UnknownContentError
            The content could not be read.
        """
        if self.form is Form.UNKNOWN:
            raise UnknownContentError(f"content is unknown: {self.reason}; list the path under 'skipped' instead")
        return self.counts


KnownLines = dict[str, Unit | tuple[()] | None]
"""The units of lines by their text: nothing where a line is blank, None where it means nothing."""

ABSENT = Units()
"""The units of a path at which there is nothing."""


class Version(NamedTuple):
    """One version of a path: its content and its mode; `content` is None where there is nothing.

    For a submodule (mode ``160000``) the content is the commit id in ASCII.
    """

    content: bytes | None
    mode: str = "100644"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How contents are read.

    Attributes
    ----------
    limits : Limits
        What is too large.
    list_keys : tuple of str
        In JSON and YAML, the members that identify a member of a list, the first that is there and is a plain value.
    list_keys_at : mapping of str to tuple of str
        The same for the lists of one name only (``{"containers": ("image",)}``).
    structured : bool
        Whether metadata, JSON and YAML are read as elements at all, or everything as lines.
    """

    limits: Limits = field(default_factory=Limits)
    list_keys: tuple[str, ...] = ("id", "name", "key", "fullName", "uid", "slug", "path", "url")
    list_keys_at: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    structured: bool = True


DEFAULTS = Options()

_PATH = Unit("path", (), "present")
_METADATA = frozenset(suffix.encode() for suffix in SUFFIXES)
_EXECUTABLE = Unit("mode", (), "executable")
_LFS = re.compile(
    rb"version https?://git-lfs\.github\.com/spec/v1\n(?:[a-z0-9.-]+ [^\n]*\n)*?oid ([a-z0-9]+:[0-9a-f]{1,128})\n"
)
_LFS_SIZE = 1024
_UNIT_BYTES = 220
_NEW = tuple.__new__


def unknown(reason: str) -> Units:
    """The units of a content that could not be read: none, and a reason."""
    return Units(form=Form.UNKNOWN, reason=reason)


def form_of(path: bytes, mode: str = "100644", options: Options = DEFAULTS) -> Form:
    """How a path's name suggests that its content is read; together with the blob id it is a key for a cache."""
    if mode in ("120000", "160000"):
        return Form.POINTER
    return _form_of(path) if options.structured else Form.LINES


@functools.lru_cache(maxsize=65_536)
def _form_of(path: bytes) -> Form:
    name = path.lower()
    suffix = name.rpartition(b".")[2]
    if suffix == b"xml" or suffix in _METADATA:
        return Form.METADATA
    if name.endswith(b".json"):
        return Form.JSON
    if name.endswith((b".yml", b".yaml")):
        return Form.YAML
    return Form.LINES


def units_of(
    path: bytes,
    content: bytes | None,
    mode: str = "100644",
    *,
    form: Form | None = None,
    options: Options = DEFAULTS,
    known: KnownLines | None = None,
    parts: KnownParts | None = None,
) -> Units:
    """Read one version of one path.

    Parameters
    ----------
    path : bytes
        Its path; only the end of its name matters.
    content : bytes or None
        The blob; the target of a symbolic link; the commit id of a submodule; None where there is nothing.
    mode : str
        Git's mode, six octal digits.
    form : Form, optional
        ``Form.LINES`` reads a structured file as lines. Without it the name decides.
    options : Options
        Limits and list keys.
    known : dict, optional
        Lines that were read before with these options, with their units. It is added to: versions of one file have
        most of their lines in common, and then share the units of these.
    parts : dict, optional
        Pieces of YAML that were read before with these options, see `KnownParts`; it is added to. With it metadata is
        read in pieces too, which are remembered for all.

    Returns
    -------
    Units
        Always; whatever the bytes are. A file that does not parse as what its name says is read as lines, and one that
        is no text as a whole, each with the reason.
    """
    if content is None:
        return ABSENT
    if mode == "160000":
        return _pointer("submodule", content.strip().decode("ascii", "replace"))
    if mode == "120000":
        return _pointer("symlink", shorten(content.decode("utf-8", "backslashreplace"), options.limits))
    if len(content) <= _LFS_SIZE and content.startswith(b"version http") and (found := _LFS.match(content)):
        return _pointer("lfs", found[1].decode("ascii"), executable=mode == "100755")
    wanted = form or form_of(path, mode, options)
    units, read, reason, encoding, trivial = _read(content, wanted, options, known, parts)
    units[_PATH] = 1
    if mode == "100755":
        units[_EXECUTABLE] = 1
    return Units(
        units,
        read,
        reason,
        encoding,
        trivial,
        200 + min(len(content), 4 * len(units) * 4096) + len(units) * _UNIT_BYTES,
    )


def units_together(path: bytes, versions: Sequence[Version], *, options: Options = DEFAULTS) -> list[Units]:
    """Read several versions of one path so that their units can be compared.

    Where one version of a structured file does not parse (a merge left its conflict markers in), all are read as lines.

    Returns
    -------
    list of Units
        In the order of `versions`.
    """
    read = [units_of(path, version.content, version.mode, options=options) for version in versions]
    if agree(read):
        return read
    reason = next((units.reason for units in read if units.form is Form.LINES and units.reason), "")
    again = [
        units_of(path, version.content, version.mode, form=Form.LINES, options=options) if units.is_text else units
        for version, units in zip(versions, read, strict=True)
    ]
    return [
        Units(units.counts, units.form, units.reason or reason, units.encoding, units.trivial, units.weight)
        if units.form is Form.LINES
        else units
        for units in again
    ]


def agree(versions: Sequence[Units]) -> bool:
    """Whether all versions that are text were read in one form; else read them again with ``form=Form.LINES``."""
    return len({units.form for units in versions if units.is_text}) <= 1


def elements(pairs: Counter[tuple[tuple[str, ...], str]]) -> Counter[Unit]:
    """Units from counts of ``(key, value)``."""
    units = [_NEW(Unit, ("element", key, value)) for key, value in pairs]
    return Counter(dict(zip(units, pairs.values(), strict=True)))


def _pointer(kind: Kind, value: str, *, executable: bool = False) -> Units:
    counts = Counter({_PATH: 1, Unit(kind, (), value): 1})
    if executable:
        counts[_EXECUTABLE] = 1
    return Units(counts, Form.POINTER, weight=1000)


def _whole(content: bytes) -> Counter[Unit]:
    return Counter({Unit("file", (), f"sha256:{hashlib.sha256(content).hexdigest()} ({len(content)} bytes)"): 1})


def _read(
    content: bytes,
    wanted: Form,
    options: Options,
    known: KnownLines | None,
    parts: KnownParts | None,
) -> tuple[Counter[Unit], Form, str, str, int]:
    limits = options.limits
    if is_binary(content):
        return _whole(content), Form.BINARY, "", "", 0
    if len(content) > limits.text:
        reason = f"{len(content)} bytes, more than the {limits.text} that are read as text: compared as a whole"
        return _whole(content), Form.BINARY, reason, "", 0
    try:
        text, encoding = decode(content)
    except TextError as error:
        return _whole(content), Form.BINARY, f"{error}: compared as a whole", "", 0
    reason = ""
    if wanted is not Form.LINES:
        found, reason = _structured(content, text, wanted, options, parts)
        if found is not None:
            return elements(found), wanted, "", encoding, 0
    lines, trivial = _lines(text, limits, {} if known is None else known)
    return lines, Form.LINES, reason, encoding, trivial


def _lines(text: str, limits: Limits, known: KnownLines) -> tuple[Counter[Unit], int]:
    """The lines that mean something as units with their counts, and how many do not."""
    counts: dict[Unit, int] = {}
    trivial = 0
    for raw, count in Counter(split_lines(text)).items():
        unit = known[raw] if raw in known else line_unit(raw, limits, known)
        if unit:
            counts[unit] = counts.get(unit, 0) + count
        elif unit is None:
            trivial += count
    return Counter(counts), trivial


def line_unit(raw: str, limits: Limits, known: KnownLines) -> Unit | tuple[()] | None:
    """The unit of a line: nothing where it is blank, None where it means nothing; remembered in `known`."""
    if raw not in known:
        line = meaning_of(raw, limits)
        known[raw] = Unit("line", (), line) if line else () if line is not None else None
    return known[raw]


def _structured(
    content: bytes, text: str, wanted: Form, options: Options, parts: KnownParts | None
) -> tuple[Counter[tuple[tuple[str, ...], str]] | None, str]:
    """The elements, or None and why not; the reason is empty where the file is simply not of that kind."""
    from branchsim.effects.metadata import is_metadata
    from branchsim.effects.structured import NotReadError, json_elements, yaml_elements

    if wanted is Form.METADATA and not is_metadata(text):
        return None, ""
    if len(content) > options.limits.structured:
        return None, f"{len(content)} bytes, more than the {options.limits.structured} that are parsed: read as lines"
    try:
        if wanted is Form.METADATA:
            from branchsim.effects.metadata import metadata_elements

            return metadata_elements(content, text, options.limits, in_pieces=parts is not None), ""
        if wanted is Form.JSON:
            return json_elements(text, options), ""
        return yaml_elements(text, options, parts), ""
    except NotReadError as error:
        return None, f"{error}: read as lines" if str(error) else ""


__all__ = [
    "ABSENT",
    "DEFAULTS",
    "Form",
    "Kind",
    "Options",
    "Unit",
    "Units",
    "UnknownContentError",
    "Version",
    "agree",
    "elements",
    "form_of",
    "line_unit",
    "units_of",
    "units_together",
    "unknown",
]
