"""The records a topology is made of: frozen, comparable, and with a ``repr`` that is valid Python."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from typing import Literal, get_args

from branchsim.errors import TopologyError, nearest
from branchsim.topology.patterns import PathGlobs, is_pattern, matches

FlowKind = Literal["promote", "retrofit"]
Method = Literal["merge", "squash", "rebase", "fast-forward", "cherry-pick"]
Role = Literal["promote", "retrofit", "work"]

FLOW_KINDS: tuple[FlowKind, ...] = get_args(FlowKind)
METHODS: tuple[Method, ...] = get_args(Method)

GUARDS: dict[str, str] = {
    "no-promotion-while-open": (
        "No promotion may carry a branch onward while a change is still owed to it: retrofits come first."
    ),
    "no-squash-if-merged-again": (
        "A branch that will be merged a second time (to retrofit it) is never squashed: "
        "the second merge would not know what the first one brought."
    ),
    "run-frozen-while-ahead": (
        "While the last branch but one holds promoted content that the last one does not, "
        "no hotfix lands there: it could not ship alone."
    ),
    "keep-branch-until-retrofitted": (
        "A short-lived branch that owes a retrofit is not deleted when it is merged, but when its retrofit has landed."
    ),
}
"""The guards by name, each with what it forbids."""

# What git refuses in the name of a reference, wherever it stands; the magic of patterns is judged apart.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:\\]|\.\.|@\{|//")


def check_name(name: object, where: str) -> str:
    """Return a branch name or name pattern as it is, or raise.

    Parameters
    ----------
    name : object
        What should be a name.
    where : str
        The place that is named in the error.

    Raises
    ------
    TopologyError
        The name is not text, is empty, or git could not have a branch of that name.
    """
    if not isinstance(name, str):
        raise TopologyError(f"{where}: a name must be text, not {type(name).__name__}; put it in quotes")
    if not name:
        raise TopologyError(f"{where}: the name is empty; give the name of a branch, or a pattern such as 'release/*'")
    bad = (
        _FORBIDDEN.search(name) is not None
        or name.startswith(("-", "/"))
        or name.endswith(("/", "."))
        or name == "@"
        or any(part.startswith(".") or part.endswith(".lock") for part in name.split("/"))
    )
    if bad:
        raise TopologyError(f"{where}: git allows no branch named {name!r}; write the name as `git branch` prints it")
    return name


def is_blank(value: object) -> bool:
    """Whether a value that should be a text is none, or has nothing in it."""
    return not isinstance(value, str) or not value.strip()


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _names(value: object, where: str) -> tuple[str, ...]:
    """One name or several, as a tuple of checked and distinct names."""
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, Iterable):
        raise TopologyError(f"{where}: expected a name or several, not {type(value).__name__}")
    names = tuple(check_name(name, where) for name in value)
    for index, name in enumerate(names):
        if name in names[:index]:
            raise TopologyError(f"{where}: {name!r} is named twice; name it once")
    return names


def _methods(value: object, where: str) -> tuple[Method, ...]:
    """Merge methods, checked, in the order of `METHODS` so that equal sets are equal records."""
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, Iterable):
        raise TopologyError(f"{where}: expected a list of methods, not {type(value).__name__}")
    given = tuple(value)
    for method in given:
        if method not in METHODS:
            raise TopologyError(
                f"{where}: unknown merge method {method!r}{nearest(str(method), METHODS)}; "
                f"the methods are {', '.join(METHODS)}"
            )
    return tuple(method for method in METHODS if method in given)


@dataclass(frozen=True, slots=True)
class Branch:
    """A long-lived branch, or a pattern that stands for several.

    Attributes
    ----------
    name : str
        A name as git prints it (``preprod``), or a name pattern (``release/*``).
    layer : str
        ``"BUILD"``, ``"RUN"``, or a word of the user's own.
    level : int or None
        How near to production, larger is nearer; sfdx-hardis uses 40 to 100. Only informs, decides nothing.
    direct : bool
        Whether work may land here that comes by no flow and from no family (direct commits, any branch).
    """

    name: str
    _: KW_ONLY
    layer: str
    level: int | None = None
    direct: bool = False

    def __post_init__(self) -> None:
        check_name(self.name, "a branch")
        if is_blank(self.layer):
            raise TopologyError(f"branch {self.name!r}: the layer is empty; give 'BUILD', 'RUN' or a word of your own")
        if self.level is not None and not _whole(self.level):
            raise TopologyError(f"branch {self.name!r}: the level must be a whole number, not {self.level!r}")

    @property
    def is_pattern(self) -> bool:
        """Whether the name stands for several branches."""
        return is_pattern(self.name)


@dataclass(frozen=True, slots=True)
class Flow:
    """A directed edge between two long-lived branches.

    Attributes
    ----------
    kind : {"promote", "retrofit"}
        ``promote`` carries a version onward (integration to uat); ``retrofit`` brings back what did not come that way.
    source, target : str
        Names of branches of the topology, patterns as they are written there (``from`` and ``to`` in a file).
        A retrofit flow from a pattern to itself leads from each version to the next newer one.
    methods : tuple of str
        The merge methods that are allowed, in the order of `METHODS`; empty means any.
    """

    kind: FlowKind
    _: KW_ONLY
    source: str
    target: str
    methods: tuple[Method, ...] = ()

    def __post_init__(self) -> None:
        where = f"flow {self.source!r} -> {self.target!r}"
        if self.kind not in FLOW_KINDS:
            raise TopologyError(
                f"{where}: unknown kind {self.kind!r}{nearest(str(self.kind), FLOW_KINDS)}; "
                f"the kinds are {' and '.join(FLOW_KINDS)}"
            )
        check_name(self.source, f"{where}, its 'from'")
        check_name(self.target, f"{where}, its 'to'")
        object.__setattr__(self, "methods", _methods(self.methods, where))

    def __str__(self) -> str:
        return f"{self.kind} {self.source} -> {self.target}"


@dataclass(frozen=True, slots=True)
class Family:
    """A pattern of short-lived branches, and what is expected of them.

    Attributes
    ----------
    pattern : str
        A name pattern such as ``hotfix/*``.
    source : tuple of str
        The long-lived branches where such a branch may start (``from`` in a file).
    to : tuple of str
        Where it is merged.
    retrofit : tuple of str
        Where it must also be merged.
    methods : tuple of str
        The merge methods that are allowed; empty means any.
    """

    pattern: str
    _: KW_ONLY
    source: tuple[str, ...]
    to: tuple[str, ...]
    retrofit: tuple[str, ...] = ()
    methods: tuple[Method, ...] = ()

    def __post_init__(self) -> None:
        check_name(self.pattern, "a family's pattern")
        where = f"family {self.pattern!r}"
        for field, key in (("source", "from"), ("to", "to"), ("retrofit", "retrofit")):
            object.__setattr__(self, field, _names(getattr(self, field), f"{where}, its {key!r}"))
        for field, key in (("source", "from"), ("to", "to")):
            if not getattr(self, field):
                raise TopologyError(f"{where}: {key!r} names no branch; name at least one")
        object.__setattr__(self, "methods", _methods(self.methods, where))

    def holds(self, name: str) -> bool:
        """Whether a real branch name belongs to the family."""
        return matches(self.pattern, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A permission to leave something as it is, with its reason. Exactly one of commit, path and author is given.

    Attributes
    ----------
    commit : str or None
        A commit id in hexadecimal, or the first four digits of one or more.
    path : str or None
        A path glob (see `PathGlobs`).
    author : str or None
        The name, the address, or ``Name <address>`` of an author; ``*`` stands for any text.
    reason : str
        Why nothing is owed; shown in the report.
    """

    commit: str | None = None
    path: str | None = None
    author: str | None = None
    reason: str

    def __post_init__(self) -> None:
        given = [key for key in ("commit", "path", "author") if getattr(self, key) is not None]
        what = f"waiver for {given[0]} {getattr(self, given[0])!r}" if given else "waiver"
        if len(given) != 1:
            found = " and ".join(given) or "none of them"
            raise TopologyError(f"{what}: give exactly one of commit, path and author, not {found}")
        value = getattr(self, given[0])
        if is_blank(value):
            raise TopologyError(f"{what}: its {given[0]} must be text and not empty")
        if is_blank(self.reason):
            raise TopologyError(f"{what}: a waiver needs a reason that a reader of the report understands")
        if self.commit is not None:
            if re.fullmatch(r"[0-9a-fA-F]{4,64}", self.commit) is None:
                raise TopologyError(f"{what}: a commit is given by 4 to 64 hexadecimal digits")
            object.__setattr__(self, "commit", self.commit.lower())

    def covers_commit(self, sha: str) -> bool:
        """Whether the waiver names this commit (full id)."""
        return self.commit is not None and sha.lower().startswith(self.commit)

    def covers_path(self, path: str) -> bool:
        """Whether the waiver names this path."""
        return self.path is not None and PathGlobs((self.path,)).covers(path)

    def covers_author(self, name: str, email: str = "") -> bool:
        """Whether the waiver names this author; case does not matter."""
        if self.author is None:
            return False
        wanted = ".*".join(map(re.escape, re.split(r"\*+", self.author)))
        expression = re.compile(wanted, re.IGNORECASE | re.DOTALL)
        return any(expression.fullmatch(text) is not None for text in (name, email, f"{name} <{email}>") if text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One way by which something may land on a branch.

    Attributes
    ----------
    role : {"promote", "retrofit", "work"}
        What such a landing is. A family that starts on one branch and ends on one further down the promotions
        (gitflow's ``release/*``) promotes; one that starts where a retrofit flow to the branch starts, or that owes a
        retrofit there, retrofits.
    source : str
        The branch a flow comes from, or the pattern of the family.
    methods : tuple of str
        The methods that are allowed; empty means any.
    by : Flow or Family
        The record that allows it.
    """

    role: Role
    source: str
    methods: tuple[Method, ...]
    by: Flow | Family


@dataclass(frozen=True, slots=True, kw_only=True)
class ObligationRule:
    """That a change which landed on one branch must also reach another one.

    Attributes
    ----------
    landed_on, owed_to : str
        The two branches.
    via : tuple of Flow
        The flows along which it is owed, in order; a promotion among them leads to the branch that retrofits.
        Empty where only a family says so.
    families : tuple of str
        Patterns of the families whose changes are owed; empty means every change, whatever branch it came from.
    deadlines : tuple of Flow
        The promotions before which it should have arrived: those that carry the content of ``owed_to`` into the layer
        of ``landed_on`` (in BUILD/RUN ``uat -> preprod``). Empty where nothing leads back.
    """

    landed_on: str
    owed_to: str
    via: tuple[Flow, ...]
    families: tuple[str, ...] = ()
    deadlines: tuple[Flow, ...] = ()
