"""Hypothesis strategies for what this library is about: topologies, strategies, plans, files, patches, conflicts.

What they make holds together. It shrinks towards short names, few branches, empty texts; no two branches have one name.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from hypothesis import strategies as st

from branchsim.check.strategy import EVERYDAY, PRESETS, Strategy, StrategyError
from branchsim.plan import (
    Commit,
    FileChange,
    Gate,
    MergeBack,
    Plan,
    PlanError,
    Promotion,
    PullRequest,
    Resolve,
    Revert,
    Start,
    Step,
    Tag,
)
from branchsim.plan.checks import check_ref
from branchsim.plan.steps import TAKES
from branchsim.topology import GUARDS, METHODS, Branch, Family, Flow, Method, Topology, is_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_T = TypeVar("_T")

_ASCII = 128
_LATEST = 4_102_444_800
_WORDS = ("a", "b", "fix", "login page", "Größe", "日本", 'say "no"', "it's $5 & <b>")
_LINES = ("", "one", "two", "three", "  four", "\tfive", "}", "}", "ünïcode ✓", "six = 6;")
_PATHS = ("a", "b.txt", "src/a", "src/b.cls", "src/deep/c", "with space/d", "src/deep/ü.txt", "-x")


# -- names ------------------------------------------------------------------------------------------------------------


def branch_names() -> st.SearchStrategy[str]:
    """Names of branches as git allows them: mostly plain ones, some that mean something to a shell, TOML or HTML."""
    plain = st.sampled_from(
        ["main", "develop", "integration", "uat", "preprod", "production", "staging", "release/1", "release/2", "x/y/z"]
    )
    wild = st.text("abzA19-_./é漢'\"<>&|#;$()!%+=,{}", min_size=1, max_size=8).filter(_is_name)
    return st.one_of(plain, wild)


def _is_name(text: str) -> bool:
    try:
        check_ref(text, "here")
    except PlanError:
        return False
    return True


def _apart(names: Sequence[str]) -> bool:
    """Whether git can keep all these branches: none is a directory of another."""
    return not any(other.startswith(f"{name}/") for name in names for other in names)


# -- topologies and strategies ----------------------------------------------------------------------------------------


@st.composite
def topologies(
    draw: st.DrawFn,
    *,
    min_branches: int = 1,
    max_branches: int = 5,
    layers: tuple[str, ...] = ("BUILD", "RUN"),
    names: st.SearchStrategy[str] | None = None,
) -> Topology:
    """Topologies of named branches: promotions lead onward, and every branch is open to direct work.

    Parameters
    ----------
    min_branches, max_branches : int
        How many branches.
    layers : tuple of str
        Where they belong; a branch never belongs to an earlier layer than the one before it.
    names : strategy, optional
        The names of the branches; `branch_names` by default.
    """
    chosen = draw(
        st.lists(names or branch_names(), min_size=min_branches, max_size=max_branches, unique=True).filter(_apart)
    )
    marks = sorted(draw(st.lists(st.integers(0, len(layers) - 1), min_size=len(chosen), max_size=len(chosen))))
    branches = tuple(Branch(name, layer=layers[mark], direct=True) for name, mark in zip(chosen, marks, strict=True))
    onward = [(one, other) for place, one in enumerate(chosen) for other in chosen[place + 1 :]]
    backward = [(other, one) for one, other in onward]
    methods: st.SearchStrategy[tuple[Method, ...]] = st.lists(st.sampled_from(METHODS), unique=True, max_size=3).map(
        tuple
    )
    flows = [
        Flow("promote", source=one, target=other, methods=draw(methods)) for one, other in _some(draw, onward, most=6)
    ] + [
        Flow("retrofit", source=one, target=other, methods=draw(methods))
        for one, other in _some(draw, backward, most=3)
    ]
    bare = Topology(branches, tuple(flows))
    families = []
    for pattern in draw(st.lists(st.sampled_from(["feature/*", "hotfix/*", "fix/*"]), unique=True)):
        if not _apart([pattern.removesuffix("/*"), *chosen]):
            continue
        start, to = draw(st.sampled_from(chosen)), draw(st.sampled_from(chosen))
        owed = _some(draw, [name for name in bare.owed_to(to) if name != to], most=2)
        families.append(Family(pattern, source=(start,), to=(to,), retrofit=tuple(owed), methods=draw(methods)))
    return Topology(
        branches,
        tuple(flows),
        tuple(families),
        name=draw(st.sampled_from(_WORDS)),
        guards=tuple(_some(draw, sorted(GUARDS), most=len(GUARDS))),
        release_tags=draw(st.sampled_from([None, "v*"])),
    )


def _some(draw: st.DrawFn, options: Sequence[_T], *, most: int) -> list[_T]:
    return draw(st.lists(st.sampled_from(options), unique=True, max_size=most)) if options else []


@st.composite
def branch_strategies(draw: st.DrawFn, *, topology: Topology | None = None) -> Strategy:
    """Strategies that hold together: the presets and chains of two to four branches, with any guards that fit.

    Parameters
    ----------
    topology : Topology, optional
        Only strategies for this one; it must be bound.
    """
    if topology is None:
        chains = st.integers(2, 4).map(_chain)
        topology = draw(st.one_of(st.sampled_from([make().topology for make in PRESETS.values()]), chains))
    every = tuple(_some(draw, sorted(GUARDS), most=len(GUARDS)))
    extra = draw(st.sampled_from([(), ("revert",), ("force-push",), ("delete",), ("revert", "delete", "force-push")]))
    # What some guards forbid others may demand; without them every bound topology with a way to production will do.
    for guards in (every, every[:1], ()):
        try:
            return Strategy(topology, guards=guards, operations=(*EVERYDAY, *extra))
        except StrategyError:
            continue
    return Strategy(topology, guards=())


def _chain(length: int) -> Topology:
    """BUILD branches that lead to one where releases land, with a hotfix that is owed to the first."""
    names = [f"stage-{number}" for number in range(1, length)] + ["live"]
    return Topology(
        tuple(Branch(name, layer="RUN" if name == "live" else "BUILD") for name in names),
        (
            *(Flow("promote", source=one, target=other) for one, other in pairwise(names)),
            Flow("retrofit", source="live", target=names[0]),
        ),
        (
            Family("feature/*", source=(names[0],), to=(names[0],)),
            Family("hotfix/*", source=("live",), to=("live",), retrofit=(names[0],)),
        ),
        name=f"chain of {length}",
    )


# -- plans ------------------------------------------------------------------------------------------------------------


def plans(topology: Topology | None = None) -> st.SearchStrategy[Plan]:
    """Plans that hold together.

    Parameters
    ----------
    topology : Topology, optional
        Only plans that fit this one: hotfixes, promotions, retrofits and releases. It must be bound. Without it, any
        steps on any branches.

    Raises
    ------
    ValueError
        No plan fits the topology.
    """
    if topology is None:
        return _free_plans()
    ready = _fitting(topology)
    if not ready:
        raise ValueError(f"no hotfix, promotion, retrofit or release fits the topology {topology.name!r}")
    return st.sampled_from(ready).flatmap(_stamped)


def _stamped(plan: Plan) -> st.SearchStrategy[Plan]:
    return st.builds(
        lambda author, at: plan.replace(author=author, at=at),
        st.sampled_from([None, "Ann Author <ann@example.com>"]),
        st.none() | st.integers(1_700_000_000, 1_800_000_000),
    )


def _fitting(topology: Topology) -> list[Plan]:
    names = [branch.name for branch in topology.branches if not is_pattern(branch.name)]
    makers: list[Callable[[], Plan]] = [
        *(partial(Plan.hotfix, name, topology) for name in ("login", "a-very-hot-one")),
        *(partial(Plan.promotion, flow.source, flow.target, topology) for flow in topology.promotions()),
        *(partial(Plan.retrofit, name, topology) for name in names),
        partial(Plan.release, topology, tag="v1.2.0"),
    ]
    found: list[Plan] = []
    for make in makers:
        try:
            plan = make().validate(topology)
        except PlanError:
            continue
        if plan not in found:
            found.append(plan)
    return found


@st.composite
def _free_plans(draw: st.DrawFn) -> Plan:
    pool = draw(st.lists(branch_names(), min_size=2, max_size=4, unique=True).filter(_apart))
    steps: list[Step] = []
    new = draw(st.sampled_from(["work", "hotfix/1", "feature/login"]).filter(lambda name: _apart([name, *pool])))
    if draw(st.booleans()) and new not in pool:
        steps.append(Start(new, at=pool[0], reuse=draw(st.booleans())))
        pool = [*pool, new]
    steps += draw(st.lists(_steps(pool), max_size=5))
    plan = Plan(draw(st.sampled_from(_WORDS)), tuple(steps))
    merging = [step.name for step in plan if isinstance(step, (Commit, PullRequest, MergeBack, Revert))]
    for name in _some(draw, merging, most=2):
        plan = plan.then(Resolve(name, take=draw(st.sampled_from(TAKES))))
    if draw(st.booleans()):
        plan = plan.then(Tag(draw(st.sampled_from(["v1", "v1.2.3", "release-é"])), at=pool[0]))
    return plan.replace(
        author=draw(st.sampled_from([None, "Ann Author <ann@example.com>", "É <>"])),
        at=draw(st.none() | st.integers(0, _LATEST)),
        forecast=tuple(Promotion(source=pool[0], target=pool[1]) for _ in range(draw(st.integers(0, 1)))),
    )


@st.composite
def _steps(draw: st.DrawFn, pool: list[str]) -> Step:
    one, other = draw(st.permutations(pool))[:2]
    files = draw(file_trees(min_size=1, max_size=2))
    written = tuple(FileChange(path, content) for path, content in files.items())
    kinds: list[Step] = [
        Commit(one, message=draw(st.sampled_from(_WORDS)), files=written),
        PullRequest(one, other, method=draw(st.sampled_from(METHODS))),
        MergeBack(one, other),
        Revert(one, commit="0123456789abcdef" * 2 + "01234567"),
        Gate("frozen", branch=one, against=(other,)),
    ]
    return draw(st.sampled_from(kinds))


# -- files ------------------------------------------------------------------------------------------------------------


def texts(*, min_lines: int = 0, max_lines: int = 8) -> st.SearchStrategy[str]:
    """Texts of whole lines."""
    lines = st.lists(st.sampled_from(_LINES), min_size=min_lines, max_size=max_lines)
    return lines.map(lambda some: "".join(f"{line}\n" for line in some))


@st.composite
def file_trees(draw: st.DrawFn, *, min_size: int = 0, max_size: int = 5, binary: bool = True) -> dict[str, bytes]:
    """The files of a directory by path: no path is a directory of another, none leaves the tree.

    Parameters
    ----------
    min_size, max_size : int
        How many files; at most 8.
    binary : bool
        Whether there are files that are no text, or do not end in a newline.
    """
    paths = draw(st.lists(st.sampled_from(_PATHS), min_size=min_size, max_size=max_size, unique=True).filter(_apart))
    contents: list[st.SearchStrategy[bytes]] = [texts().map(str.encode)]
    if binary:
        contents += [st.sampled_from([b"\0\1\2", b"no newline", b"\xff\xfe", b"one\r\ntwo\r\n"])]
    return {path: draw(st.one_of(contents)) for path in paths}


@dataclass(frozen=True, slots=True)
class Patch:
    """Two states of some files and the patch between them.

    Attributes
    ----------
    before, after : dict of str to bytes
        The files; texts of whole lines.
    text : bytes
        What ``git apply`` takes.
    """

    before: dict[str, bytes]
    after: dict[str, bytes]
    text: bytes


@st.composite
def patches(draw: st.DrawFn, *, before: dict[str, bytes] | None = None) -> Patch:
    """Patches that apply: files are made, edited and deleted, at least one.

    Parameters
    ----------
    before : dict of str to bytes, optional
        The files they apply to, texts of whole lines.
    """
    old = draw(file_trees(binary=False)) if before is None else before
    new = dict(old)
    for path in draw(st.lists(st.sampled_from(sorted({*_PATHS, *old})), min_size=1, max_size=3, unique=True)):
        if not _apart([path, *(other for other in new if other != path)]):
            continue
        if path in new and draw(st.booleans()):
            new[path] = _edited(draw, new[path].decode()).encode()
        elif path in new:
            del new[path]
        else:
            new[path] = draw(texts(min_lines=1)).encode()
    if new == old:
        path = next((path for path in ("new.txt", "newer.txt") if path not in old), "newest.txt")
        new[path] = b"one\n"
    return Patch(dict(old), new, _diff(old, new))


def _edited(draw: st.DrawFn, text: str) -> str:
    """A text with one line added, changed or taken away."""
    lines = text.splitlines(keepends=True)
    place = draw(st.integers(0, len(lines)))
    taken = draw(st.integers(0, 2))
    added = draw(st.lists(st.sampled_from(["new line\n", "other line\n"]), min_size=0 if taken else 1, max_size=2))
    return "".join([*lines[:place], *added, *lines[place + taken :]])


def _diff(old: dict[str, bytes], new: dict[str, bytes]) -> bytes:
    parts = []
    for path in sorted({*old, *new}):
        if old.get(path) == new.get(path):
            continue
        quoted = _quoted(path)
        parts.append(f"diff --git {_side('a', quoted)} {_side('b', quoted)}\n")
        if path not in old:
            parts.append("new file mode 100644\n")
        if path not in new:
            parts.append("deleted file mode 100644\n")
        before, after = (files.get(path, b"").decode().splitlines(keepends=True) for files in (old, new))
        lines = list(difflib.unified_diff(before, after, n=3))
        if lines:
            names = (
                f"--- {_side('a', quoted) if path in old else '/dev/null'}\n",
                f"+++ {_side('b', quoted) if path in new else '/dev/null'}\n",
            )
            parts += [*names, *lines[2:]]
        elif path not in old:
            parts.append("index 0000000..e69de29\n")
        else:
            parts.append("index e69de29..0000000\n")
    return "".join(parts).encode()


def _quoted(path: str) -> str:
    """A path as git writes it in a patch: bytes that are not ASCII as octal numbers."""
    return "".join(chr(byte) if byte < _ASCII else f"\\{byte:03o}" for byte in path.encode())


def _side(side: str, path: str) -> str:
    return f'"{side}/{path}"' if "\\" in path or " " in path else f"{side}/{path}"


# -- conflicts --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConflictingEdits:
    """A file and two edits of it that git cannot merge.

    Attributes
    ----------
    path : str
        The file.
    base, ours, theirs : str
        Its text before, and after each edit.
    """

    path: str
    base: str
    ours: str
    theirs: str


@st.composite
def conflicting_edits(draw: st.DrawFn) -> ConflictingEdits:
    """Two edits of one line of a file, each another one, with whatever each side changed around it."""
    above = draw(st.lists(st.sampled_from(_LINES), max_size=4))
    below = draw(st.lists(st.sampled_from(_LINES), max_size=4))
    sides = {
        "base": ["the line as it was"],
        "ours": ["the line as we want it", *draw(st.lists(st.just("and more of ours"), max_size=2))],
        "theirs": ["the line as they want it", *draw(st.lists(st.just("and more of theirs"), max_size=2))],
    }
    if draw(st.booleans()):
        # One side may take the line away instead.
        sides[draw(st.sampled_from(["ours", "theirs"]))] = []
    text = {side: "".join(f"{line}\n" for line in [*above, *lines, *below]) for side, lines in sides.items()}
    return ConflictingEdits(draw(st.sampled_from(["src/a.cls", "b.txt"])), **text)


__all__ = [
    "ConflictingEdits",
    "Patch",
    "branch_names",
    "branch_strategies",
    "conflicting_edits",
    "file_trees",
    "patches",
    "plans",
    "texts",
    "topologies",
]
