"""The steps of a plan: frozen records, each with a name, comparable, and with a ``repr`` that is valid Python."""

from __future__ import annotations

import dataclasses
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, Literal, get_args

from branchsim.errors import nearest
from branchsim.plan.checks import (
    PlanError,
    check_label,
    check_path,
    check_person,
    check_ref,
    check_revision,
    check_several,
    check_text,
)
from branchsim.topology import METHODS, Method

Purpose = Literal["work", "promote", "retrofit"]
OnConflict = Literal["stop", "solve-in-source"]
Check = Literal["wrong-base", "frozen", "contains"]
Take = Literal["source", "target", "source-regions", "target-regions", "recorded"]
FileMode = Literal["100644", "100755", "120000"]

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
ON_CONFLICT: tuple[OnConflict, ...] = get_args(OnConflict)
TAKES: tuple[Take, ...] = get_args(Take)
FILE_MODES: tuple[FileMode, ...] = get_args(FileMode)

CHECKS: dict[str, str] = {
    "wrong-base": "The branch carries no commit of the other branches that the branch it started from does not have.",
    "frozen": "The branch holds nothing that the others do not: no version is being validated there.",
    "contains": "The branch has every commit of the others.",
}
"""The checks a gate can name, each with what must hold."""


def _choice(value: object, known: tuple[str, ...], where: str, what: str) -> None:
    if value not in known:
        raise PlanError(f"{where}: unknown {what} {value!r}{nearest(str(value), known)}; known are {', '.join(known)}")


class _Record:
    """A ``repr`` that leaves out what has its default value."""

    __slots__ = ()

    def __repr__(self) -> str:
        shown = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in dataclasses.fields(self)  # type: ignore[arg-type]  # every subclass is a dataclass
            if getattr(self, field.name) != field.default
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


@dataclass(frozen=True, slots=True, repr=False)
class FileChange(_Record):
    """A file as it shall be.

    Attributes
    ----------
    path : str
        Relative to the root of the repository, with ``/``.
    content : bytes or None
        The whole content (for a symbolic link its target); None deletes the file.
    mode : {"100644", "100755", "120000"} or None
        Plain, executable or symbolic link. None keeps the mode of a file that exists; a new file is plain.
    """

    path: str
    content: bytes | None
    mode: FileMode | None = None

    def __post_init__(self) -> None:
        check_path(self.path, "a file")
        where = f"file {self.path!r}"
        if isinstance(self.content, str):
            object.__setattr__(self, "content", check_text(self.content, where, empty=True).encode())
        elif self.content is not None and not isinstance(self.content, bytes):
            raise PlanError(f"{where}: its content must be bytes, a text or None, not {type(self.content).__name__}")
        if self.mode is not None:
            _choice(self.mode, FILE_MODES, where, "mode")
            if self.content is None:
                raise PlanError(f"{where}: a file that is deleted has no mode; leave the mode out")
        if self.mode == "120000" and self.path.lower() in {".gitmodules", ".gitattributes", ".gitignore"}:
            raise PlanError(f"{where}: git refuses a symbolic link of this name; write a plain file")


def _bytes(value: object, where: str) -> bytes:
    if not isinstance(value, bytes):
        raise PlanError(f"{where}: must be bytes or a text, not {type(value).__name__}")
    return value


def _files(values: object, where: str) -> tuple[FileChange, ...]:
    files = check_several(values, f"{where}, its files")
    kept: dict[str, FileChange] = {}
    for file in files:
        if not isinstance(file, FileChange):
            raise PlanError(f"{where}: its files must be FileChange records, not {type(file).__name__}")
        if file.path in kept:
            raise PlanError(f"{where}: the file {file.path!r} is given twice; give it once")
        kept[file.path] = file
    written = {path for path, file in kept.items() if file.content is not None}
    for path in sorted(written):
        parts = path.split("/")
        above = ["/".join(parts[:length]) for length in range(1, len(parts))]
        inside = next((directory for directory in above if directory in written), None)
        if inside is not None:
            raise PlanError(f"{where}: {inside!r} cannot be a file and the directory of {path!r}; give one of them")
    return tuple(kept.values())


@dataclass(frozen=True, slots=True, repr=False)
class Start(_Record):
    """Start a branch.

    Attributes
    ----------
    branch : str
        The new branch.
    at : str
        Where it starts: a branch, a tag or a commit.
    reuse : bool
        Take a branch that already exists as it is; otherwise it must not exist.
    name : str
        The step's name; made from the rest if not given.
    """

    kind: ClassVar[str] = "start"

    branch: str
    _: KW_ONLY
    at: str
    reuse: bool = False
    name: str = ""

    def __post_init__(self) -> None:
        check_ref(self.branch, "start")
        check_revision(self.at, f"start of {self.branch!r}, its 'at'")
        if self.branch == self.at:
            raise PlanError(f"start of {self.branch!r}: a branch cannot start from itself; name another one in 'at'")
        _named(self, f"start {self.branch}")


@dataclass(frozen=True, slots=True, repr=False)
class Commit(_Record):
    """Commit to a branch: files as they shall be, a patch, or other commits that are picked. Exactly one of the three.

    Attributes
    ----------
    branch : str
        The branch that is committed to.
    message : str
        The message; picked commits keep their own, and need none here.
    files : tuple of FileChange
        Whole files.
    patch : bytes or None
        A patch as ``git diff`` or ``git format-patch`` writes it.
    picks : tuple of str
        Commits to pick, oldest first, one new commit for each.
    author : str or None
        ``Name <address>``; the plan's if not given. Picked commits keep theirs.
    name : str
        The step's name; made from the rest if not given.
    """

    kind: ClassVar[str] = "commit"

    branch: str
    _: KW_ONLY
    message: str = ""
    files: tuple[FileChange, ...] = ()
    patch: bytes | None = None
    picks: tuple[str, ...] = ()
    author: str | None = None
    name: str = ""

    def __post_init__(self) -> None:
        check_ref(self.branch, "commit")
        where = f"commit to {self.branch!r}"
        object.__setattr__(self, "files", _files(self.files, where))
        picks = check_several(self.picks, f"{where}, its picks")
        object.__setattr__(self, "picks", tuple(check_revision(pick, f"{where}, its picks") for pick in picks))
        if isinstance(self.patch, str):
            object.__setattr__(self, "patch", self.patch.encode("utf-8", "surrogateescape"))
        if self.patch is not None and not _bytes(self.patch, f"{where}, its patch").strip():
            raise PlanError(f"{where}: the patch is empty; give the text of `git diff` or `git format-patch`")
        given = [bool(self.files), self.patch is not None, bool(self.picks)].count(True)
        if given != 1:
            raise PlanError(f"{where}: give exactly one of files, patch and picks, not {given or 'none'} of them")
        if self.picks:
            if self.message != "" or self.author is not None:
                raise PlanError(f"{where}: picked commits keep their message and author; leave both out")
        else:
            check_text(self.message, f"{where}, its message")
        if self.author is not None:
            check_person(self.author, f"{where}, its author")
        _named(self, f"commit to {self.branch}")


@dataclass(frozen=True, slots=True, repr=False)
class PullRequest(_Record):
    """Bring one branch into another, the way a hosting service does it.

    Attributes
    ----------
    source, target : str
        The branch that is merged, and the one it is merged into.
    method : {"merge", "squash", "rebase", "fast-forward", "cherry-pick"}
        How. ``merge`` always makes a merge commit; ``rebase`` writes the source's commits again on top of the target
        and ``cherry-pick`` does so with a line that says where each came from.
    purpose : {"work", "promote", "retrofit"}
        What for. The forecast compares the future with and without the retrofits.
    delete_source : bool
        Whether the source is deleted afterwards.
    on_conflict : {"stop", "solve-in-source"}
        ``stop``: a conflict ends the plan, unless a resolution is given. ``solve-in-source``: the target is merged into
        the source first, the conflict is solved there, and then the source is merged; it holds the target's content
        from then on.
    message : str
        The message of the commit; git's wording if empty.
    name : str
        The step's name; made from the rest if not given.
    """

    kind: ClassVar[str] = "pull-request"

    source: str
    target: str
    _: KW_ONLY
    method: Method = "merge"
    purpose: Purpose = "work"
    delete_source: bool = False
    on_conflict: OnConflict = "stop"
    message: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        _two(self.source, self.target, "pull request")
        where = f"pull request {self.source!r} -> {self.target!r}"
        _choice(self.method, METHODS, where, "merge method")
        _choice(self.purpose, PURPOSES, where, "purpose")
        _choice(self.on_conflict, ON_CONFLICT, where, "way of handling conflicts")
        check_text(self.message, f"{where}, its message", empty=True)
        _named(self, f"{self.purpose if self.purpose != 'work' else self.method} {self.source} to {self.target}")


@dataclass(frozen=True, slots=True, repr=False)
class MergeBack(_Record):
    """Merge a long-lived branch into a branch of the plan, without a pull request, for example to bring it up to date.

    Attributes
    ----------
    source, target : str
        The branch that is merged, and the one that receives it.
    message : str
        The message of the merge; git's wording if empty.
    name : str
        The step's name; made from the rest if not given.
    """

    kind: ClassVar[str] = "merge-back"

    source: str
    target: str
    _: KW_ONLY
    message: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        _two(self.source, self.target, "merge back")
        check_text(self.message, f"merge back {self.source!r} -> {self.target!r}, its message", empty=True)
        _named(self, f"merge back {self.source} to {self.target}")


@dataclass(frozen=True, slots=True, repr=False)
class Tag(_Record):
    """Put a tag on a commit; annotated where there is a message.

    Attributes
    ----------
    tag : str
        The new tag.
    at : str
        A branch or a commit.
    message : str
        The annotation; empty for a lightweight tag.
    name : str
        The step's name; made from the rest if not given.
    """

    kind: ClassVar[str] = "tag"

    tag: str
    _: KW_ONLY
    at: str
    message: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        check_ref(self.tag, "tag")
        check_revision(self.at, f"tag {self.tag!r}, its 'at'")
        check_text(self.message, f"tag {self.tag!r}, its message", empty=True)
        _named(self, f"tag {self.tag}")


@dataclass(frozen=True, slots=True, repr=False)
class Revert(_Record):
    """Revert a commit on a branch.

    Attributes
    ----------
    branch : str
        The branch that receives the revert.
    commit : str
        A commit, or the name of an earlier step whose commit is meant. A merge is reverted against its first parent.
    name : str
        The step's name; made from the rest if not given.
    """

    kind: ClassVar[str] = "revert"

    branch: str
    _: KW_ONLY
    commit: str
    name: str = ""

    def __post_init__(self) -> None:
        check_ref(self.branch, "revert")
        where = f"revert on {self.branch!r}, its commit"
        if " " in check_text(self.commit, where):
            check_label(self.commit, where)  # the name of a step
        else:
            check_revision(self.commit, where)
        _named(self, f"revert {self.commit} on {self.branch}")


@dataclass(frozen=True, slots=True, repr=False)
class Gate(_Record):
    """A check that must hold at this point; where it does not, the plan stops.

    Attributes
    ----------
    check : {"wrong-base", "frozen", "contains"}
        Its name; see `CHECKS` for what must hold.
    branch : str
        The branch that is judged.
    against : tuple of str
        The branches it is compared with.
    base : str or None
        For ``wrong-base``: the branch it started from.
    name : str
        The step's name; made from the rest if not given.
    """

    kind: ClassVar[str] = "gate"

    check: Check
    _: KW_ONLY
    branch: str
    against: tuple[str, ...]
    base: str | None = None
    name: str = ""

    def __post_init__(self) -> None:
        _choice(self.check, tuple(CHECKS), "gate", "check")
        where = f"gate {self.check!r}"
        check_ref(self.branch, where)
        against = check_several(self.against, f"{where}, its 'against'")
        object.__setattr__(self, "against", tuple(check_ref(name, f"{where}, its 'against'") for name in against))
        if not self.against:
            raise PlanError(f"{where}: 'against' names no branch; name at least one")
        if (self.base is not None) != (self.check == "wrong-base"):
            raise PlanError(f"{where}: 'base' is needed by the check wrong-base and by no other")
        if self.base is not None:
            check_ref(self.base, f"{where}, its 'base'")
        _named(self, f"{self.check} {self.branch}")


@dataclass(frozen=True, slots=True, repr=False)
class Resolve(_Record):
    """How the conflicts of another step are solved; it may stand anywhere in the plan.

    Several may speak of one step: each solves what those before it left.

    Attributes
    ----------
    step : str
        The name of the step.
    take : str or None
        ``source`` or ``target``: the whole file as that side of the merge has it, gone if it has none.
        ``source-regions`` or ``target-regions``: that side in the regions that conflict, and git's merge elsewhere.
        ``recorded``: as the same conflict was solved before, where git's ``rerere`` has recorded it in the repository.
    paths : tuple of str
        The paths that `take` is for; empty for all.
    files : tuple of FileChange
        Resolved files.
    folder : str or None
        A directory that holds the resolved files under their paths, relative to where the plan is run.
    name : str
        The step's name; made from the rest if not given.
    """

    kind: ClassVar[str] = "resolve"

    step: str
    _: KW_ONLY
    take: Take | None = None
    paths: tuple[str, ...] = ()
    files: tuple[FileChange, ...] = ()
    folder: str | None = None
    name: str = ""

    def __post_init__(self) -> None:
        check_label(self.step, "resolve, its step")
        where = f"resolve of {self.step!r}"
        object.__setattr__(self, "files", _files(self.files, where))
        paths = check_several(self.paths, f"{where}, its paths")
        object.__setattr__(self, "paths", tuple(check_path(path, where) for path in paths))
        if self.take is not None:
            _choice(self.take, TAKES, where, "side")
        if self.folder is not None:
            check_text(self.folder, f"{where}, its folder")
        if self.take is None and not self.files and self.folder is None:
            raise PlanError(f"{where}: says nothing; give a side to take, files or a folder")
        if self.paths and self.take is None:
            raise PlanError(f"{where}: paths are for a side to take; give 'take' too")
        _named(self, f"resolve {self.step}")


Step = Start | Commit | PullRequest | MergeBack | Tag | Revert | Gate | Resolve
STEPS: dict[str, type[Step]] = {step.kind: step for step in get_args(Step)}
"""The steps by the word that names their kind in a file."""


def _two(source: object, target: object, what: str) -> None:
    check_ref(source, f"{what}, its source")
    check_ref(target, f"{what}, its target")
    if source == target:
        raise PlanError(f"{what}: source and target are both {source!r}; name two branches")


def _named(step: Step, automatic: str) -> None:
    """Check the name of a step, or make one from what it does."""
    if step.name == "":
        object.__setattr__(step, "name", automatic)
    check_label(step.name, f"the name of a step of kind {step.kind}")


def branches_read(step: Step) -> tuple[str, ...]:
    """The names of what must exist before a step; a start point may be a tag or a commit too."""
    match step:
        case Start(at=at) | Tag(at=at):
            return (at,)
        case Commit(branch=branch) | Revert(branch=branch):
            return (branch,)
        case PullRequest(source=source, target=target) | MergeBack(source=source, target=target):
            return (source, target)
        case Gate(branch=branch, against=against, base=base):
            return (branch, *against, *(() if base is None else (base,)))
        case Resolve():
            return ()


__all__ = [
    "CHECKS",
    "FILE_MODES",
    "ON_CONFLICT",
    "PURPOSES",
    "STEPS",
    "TAKES",
    "Check",
    "Commit",
    "FileChange",
    "FileMode",
    "Gate",
    "MergeBack",
    "OnConflict",
    "PullRequest",
    "Purpose",
    "Resolve",
    "Revert",
    "Start",
    "Step",
    "Tag",
    "Take",
    "branches_read",
]
