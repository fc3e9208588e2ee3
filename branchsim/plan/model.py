"""The plan: an ordered list of named steps, and the promotions that are expected after it. Data; knows no git."""

from __future__ import annotations

import dataclasses
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, overload

from branchsim.errors import nearest
from branchsim.plan.checks import PlanError, check_label, check_person, check_ref, check_several, check_time
from branchsim.plan.drivers import MergeDriver
from branchsim.plan.steps import (
    STEPS,
    Commit,
    MergeBack,
    PullRequest,
    Resolve,
    Revert,
    Start,
    Step,
    Tag,
    branches_read,
)
from branchsim.topology import METHODS, Method, Topology

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Literal

    from branchsim.plan.compare import Difference
    from branchsim.plan.validation import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A promotion that is expected after the plan; the forecast simulates it.

    Attributes
    ----------
    source, target : str
        Branches.
    method : str
        How it is merged.
    """

    source: str
    target: str
    method: Method = "merge"

    def __post_init__(self) -> None:
        check_ref(self.source, "forecast, its source")
        check_ref(self.target, "forecast, its target")
        if self.source == self.target:
            raise PlanError(f"forecast: {self.source!r} cannot be promoted to itself; name two branches")
        if self.method not in METHODS:
            raise PlanError(
                f"forecast {self.source!r} -> {self.target!r}: unknown merge method {self.method!r}"
                f"{nearest(str(self.method), METHODS)}; the methods are {', '.join(METHODS)}"
            )


@dataclass(frozen=True, slots=True, repr=False)
class Plan:
    r"""What a team intends to do: steps in order.

    Immutable, comparable, hashable; the ``repr`` is valid Python. Make one with a builder (`Plan.hotfix` ...), from a
    file (`read_plan`), or from steps as below.

    Parameters
    ----------
    name : str
        A word for titles.
    steps : tuple of steps
        In order. Steps that would have the same name are numbered.
    author : str or None
        ``Name <address>``: author and committer of the commits the plan makes.
    at : int or None
        The time of the first commit in seconds since the epoch, UTC; the next follow second by second. With `author`
        and `at` given, the ids of all commits are fixed by the plan and the repository.
    forecast : tuple of Promotion
        The promotions that are expected after the plan, in order.
    drivers : tuple of MergeDriver
        The programs that merge some files in git's place, wherever the plan or its forecast merges.
    sign : bool
        Whether commits and annotated tags that the plan makes are signed, with the person's own git settings.

    Raises
    ------
    PlanError
        A step is invalid, needs a branch that an earlier step deleted or a later one starts, or resolves a step that is
        not in the plan.

    Examples
    --------
    >>> plan = Plan(
    ...     "login",
    ...     (
    ...         Start("hotfix/login", at="preprod"),
    ...         Commit("hotfix/login", message="Fix the login", files=(FileChange("login.txt", b"fixed\n"),)),
    ...         PullRequest("hotfix/login", "preprod"),
    ...     ),
    ... )
    >>> [step.name for step in plan]
    ['start hotfix/login', 'commit to hotfix/login', 'merge hotfix/login to preprod']
    """

    name: str
    steps: tuple[Step, ...] = ()
    _: KW_ONLY
    author: str | None = None
    at: int | None = None
    forecast: tuple[Promotion, ...] = ()
    drivers: tuple[MergeDriver, ...] = ()
    sign: bool = False

    def __post_init__(self) -> None:
        check_label(self.name, "the plan's name")
        where = f"plan {self.name!r}"
        steps = check_several(self.steps, f"{where}, its steps")
        object.__setattr__(self, "steps", _numbered(steps, where))
        forecast = check_several(self.forecast, f"{where}, its forecast")
        for promotion in forecast:
            if not isinstance(promotion, Promotion):
                raise PlanError(f"{where}: its forecast must be Promotion records, not {type(promotion).__name__}")
        object.__setattr__(self, "forecast", forecast)
        object.__setattr__(self, "drivers", _drivers(self.drivers, where))
        if not isinstance(self.sign, bool):
            raise PlanError(f"{where}: 'sign' must be true or false, not {self.sign!r}")
        if self.author is not None:
            check_person(self.author, f"{where}, its author")
        if self.at is not None:
            check_time(self.at, where)
        _check_order(self.steps)

    # -- looking things up ---------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __bool__(self) -> bool:
        return True

    @overload
    def __getitem__(self, step: str | int) -> Step: ...

    @overload
    def __getitem__(self, step: slice) -> tuple[Step, ...]: ...

    def __getitem__(self, step: str | int | slice) -> Step | tuple[Step, ...]:
        """A step by its name or place.

        Raises
        ------
        PlanError
            There is no step of this name; the nearest names are given.
        """
        if not isinstance(step, str):
            return self.steps[step]
        for found in self.steps:
            if found.name == step:
                return found
        raise PlanError(f"the plan {self.name!r} has no step {step!r}{nearest(step, (s.name for s in self.steps))}")

    def resolutions(self, step: str) -> tuple[Resolve, ...]:
        """The steps that say how the conflicts of a step are solved, in order."""
        return tuple(found for found in self.steps if isinstance(found, Resolve) and found.step == step)

    @property
    def branches(self) -> tuple[str, ...]:
        """Every branch that a step or the forecast names as such, in order of appearance; start points are left out."""
        named: list[str] = []
        for step in self.steps:
            if isinstance(step, Start):
                named.append(step.branch)
            elif not isinstance(step, Tag):
                named += branches_read(step)
        for promotion in self.forecast:
            named += [promotion.source, promotion.target]
        return tuple(dict.fromkeys(named))

    # -- other plans ---------------------------------------------------------------------------------------------

    def replace(self, **changes: object) -> Plan:
        """A copy in which some fields have other values; checked like any other plan."""
        parts = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        unknown = sorted(set(changes) - set(parts))
        if unknown:
            raise PlanError(f"a plan has no field {unknown[0]!r}{nearest(unknown[0], parts)}")
        return Plan(**{**parts, **changes})

    def then(self, *steps: Step) -> Plan:
        """The plan with further steps at its end."""
        return self.replace(steps=(*self.steps, *steps))

    def insert(self, *steps: Step, before: str | None = None, after: str | None = None) -> Plan:
        """The plan with further steps right before or after one of its own."""
        if (before is None) == (after is None):
            raise PlanError("insert: give exactly one of before and after")
        place = self.steps.index(self[before or after or ""]) + (after is not None)
        return self.replace(steps=(*self.steps[:place], *steps, *self.steps[place:]))

    def without(self, *names: str) -> Plan:
        """The plan without some steps, and without the resolutions of their conflicts."""
        gone = {self[name].name for name in names}
        kept = (s for s in self.steps if s.name not in gone and not (isinstance(s, Resolve) and s.step in gone))
        return self.replace(steps=tuple(kept))

    def without_retrofits(self) -> Plan:
        """The plan as it would be if nobody retrofitted, for the forecast.

        Left out with the pull requests whose purpose is ``retrofit`` are the branches that only they use.
        """
        plan = self.without(*(s.name for s in self.steps if isinstance(s, PullRequest) and s.purpose == "retrofit"))
        retrofits = [s for s in self.steps if isinstance(s, PullRequest) and s.purpose == "retrofit"]
        for branch in {step.source for step in retrofits}:
            others = [s for s in plan.steps if branch in branches_read(s)]
            started = [s.name for s in plan.steps if isinstance(s, Start) and s.branch == branch and not others]
            plan = plan.without(*started)
        return plan

    def compose(self, other: Plan) -> Plan:
        """The plan and then another one, under the name of the first; also written ``plan + other``.

        Steps of the other that would have a name twice are numbered, and its resolutions follow them. Author and time
        are this plan's, the other's where it has none; the forecast is the other's, this one's where it has none. The
        merge drivers are those of both, and it is signed if one of them is.
        """
        taken = {step.name for step in self.steps}
        renamed: dict[str, str] = {}
        for step in other.steps:
            renamed[step.name] = _free(step.name, taken)
            taken.add(renamed[step.name])
        moved = [_renamed(step, renamed) for step in other.steps]
        return self.replace(
            steps=(*self.steps, *moved),
            author=self.author or other.author,
            at=other.at if self.at is None else self.at,
            forecast=other.forecast or self.forecast,
            drivers=tuple(dict.fromkeys((*self.drivers, *other.drivers))),
            sign=self.sign or other.sign,
        )

    def __add__(self, other: Plan) -> Plan:
        return self.compose(other)

    # -- judging -------------------------------------------------------------------------------------------------

    def compare(self, other: Plan) -> tuple[Difference, ...]:
        """What is different in another plan: see `branchsim.plan.compare.compare`."""
        from branchsim.plan.compare import compare

        return compare(self, other)

    def problems(self, topology: Topology) -> tuple[Problem, ...]:
        """What in the plan a topology does not allow: see `branchsim.plan.validation.problems`."""
        from branchsim.plan.validation import problems

        return problems(self, topology)

    def validate(self, topology: Topology) -> Plan:
        """Return the plan if a topology allows it.

        Raises
        ------
        PlanError
            It does not; the message holds every problem.
        """
        found = self.problems(topology)
        if found:
            raise PlanError("; ".join(map(str, found)))
        return self

    # -- other forms ---------------------------------------------------------------------------------------------

    def runbook(
        self, *, host: Literal["github", "gitlab"] | None = None, trees: Mapping[str, str] | None = None
    ) -> str:
        """The plan as numbered commands for people: see `branchsim.plan.runbook.runbook`."""
        from branchsim.plan.runbook import runbook

        return runbook(self, host=host, trees=trees)

    def to_toml(self) -> str:
        """The plan as the text of a file that `read_plan` reads."""
        from branchsim.plan.files import to_toml

        return to_toml(self)

    def __str__(self) -> str:
        from branchsim.plan.render import text

        return text(self)

    def __repr__(self) -> str:
        parts = [repr(self.name), repr(self.steps)]
        for key in ("author", "at", "forecast", "drivers", "sign"):
            value = getattr(self, key)
            if value is not False and value not in (None, ()):
                parts.append(f"{key}={value!r}")
        return f"Plan({', '.join(parts)})"

    def _repr_html_(self) -> str:
        from branchsim.plan.render import html

        return html(self)

    # -- builders ------------------------------------------------------------------------------------------------

    @classmethod
    def hotfix(
        cls,
        name: str,
        topology: Topology,
        *,
        start: str | None = None,
        target: str | None = None,
        work: Sequence[Commit] = (),
        method: Method | None = None,
        merge_back: str | bool | None = None,
        retrofit_branch: str | None = None,
        tag: str | None = None,
        author: str | None = None,
        at: int | None = None,
    ) -> Plan:
        """A hotfix from its branch to its retrofit: see `branchsim.plan.builders.hotfix`."""
        from branchsim.plan import builders

        return builders.hotfix(
            name,
            topology,
            start=start,
            target=target,
            work=work,
            method=method,
            merge_back=merge_back,
            retrofit_branch=retrofit_branch,
            tag=tag,
            author=author,
            at=at,
        )

    @classmethod
    def promotion(
        cls,
        source: str,
        target: str,
        topology: Topology | None = None,
        *,
        method: Method | None = None,
        author: str | None = None,
        at: int | None = None,
    ) -> Plan:
        """One promotion, or the chain of them between two branches: see `branchsim.plan.builders.promotion`."""
        from branchsim.plan import builders

        return builders.promotion(source, target, topology, method=method, author=author, at=at)

    @classmethod
    def retrofit(
        cls,
        source: str,
        topology: Topology,
        *,
        target: str | None = None,
        branch: str | None = None,
        author: str | None = None,
        at: int | None = None,
    ) -> Plan:
        """The retrofits a branch owes: see `branchsim.plan.builders.retrofit`."""
        from branchsim.plan import builders

        return builders.retrofit(source, topology, target=target, branch=branch, author=author, at=at)

    @classmethod
    def release(
        cls,
        topology: Topology,
        *,
        tag: str | None = None,
        start: str | None = None,
        message: str = "",
        author: str | None = None,
        at: int | None = None,
    ) -> Plan:
        """A version all the way through the promotions: see `branchsim.plan.builders.release`."""
        from branchsim.plan import builders

        return builders.release(topology, tag=tag, start=start, message=message, author=author, at=at)


def _drivers(values: object, where: str) -> tuple[MergeDriver, ...]:
    drivers = check_several(values, f"{where}, its merge drivers")
    kept: dict[str, MergeDriver] = {}
    for driver in drivers:
        if not isinstance(driver, MergeDriver):
            raise PlanError(f"{where}: its merge drivers must be MergeDriver records, not {type(driver).__name__}")
        if driver.name in kept:
            raise PlanError(f"{where}: the merge driver {driver.name!r} is named twice; name it once")
        kept[driver.name] = driver
    return tuple(kept.values())


def _free(name: str, taken: set[str]) -> str:
    """The name, or with the first number that makes it one of its own."""
    if name not in taken:
        return name
    number = 2
    while f"{name} ({number})" in taken:
        number += 1
    return f"{name} ({number})"


def _numbered(values: Iterable[object], where: str) -> tuple[Step, ...]:
    steps: list[Step] = []
    taken: set[str] = set()
    for value in values:
        if not isinstance(value, tuple(STEPS.values())):
            known = ", ".join(kind.__name__ for kind in STEPS.values())
            raise PlanError(f"{where}: a step must be one of {known}, not {type(value).__name__}")
        step: Step = value  # type: ignore[assignment]  # the tuple above is the union
        name = _free(step.name, taken)
        taken.add(name)
        steps.append(step if name == step.name else dataclasses.replace(step, name=name))
    return tuple(steps)


def _renamed(step: Step, names: Mapping[str, str]) -> Step:
    changes = {"name": names[step.name]}
    if isinstance(step, Resolve):
        changes["step"] = names.get(step.step, step.step)
    elif isinstance(step, Revert):
        changes["commit"] = names.get(step.commit, step.commit)
    return dataclasses.replace(step, **changes)  # type: ignore[arg-type]  # every change is a text field of that record


def _check_order(steps: Sequence[Step]) -> None:
    """Refuse what no repository could make right: a branch used after its deletion or before its start."""
    places = {step.name: place for place, step in enumerate(steps)}
    starts = _first_starts(steps)
    deleted: dict[str, str] = {}
    made: dict[str, str] = {}
    for place, step in enumerate(steps):
        where = f"step {step.name!r}"
        for name in branches_read(step):
            if name in deleted:
                raise PlanError(f"{where}: {name!r} was deleted by step {deleted[name]!r}; keep the branch until then")
            if starts.get(name, -1) >= place:
                starter = steps[starts[name]].name
                raise PlanError(f"{where}: {name!r} is started only by step {starter!r}; move that step up")
        if isinstance(step, (Start, Tag)):
            _check_new(step, made)
        if isinstance(step, Start):
            deleted.pop(step.branch, None)
        elif isinstance(step, PullRequest) and step.delete_source:
            deleted[step.source] = step.name
            made.pop(f"branch {step.source!r}", None)
        _check_references(step, place, steps, places)


def _first_starts(steps: Sequence[Step]) -> dict[str, int]:
    """The places where branches begin that the repository must not have; one that the plan deleted first existed."""
    starts: dict[str, int] = {}
    freed: set[str] = set()
    for place, step in enumerate(steps):
        if isinstance(step, PullRequest) and step.delete_source:
            freed.add(step.source)
        elif isinstance(step, Start) and not step.reuse and step.branch not in freed:
            starts.setdefault(step.branch, place)
    return starts


def _check_new(step: Start | Tag, made: dict[str, str]) -> None:
    """Refuse a branch or tag that an earlier step makes already."""
    key = f"branch {step.branch!r}" if isinstance(step, Start) else f"tag {step.tag!r}"
    if key in made:
        raise PlanError(f"step {step.name!r}: the {key} is made by step {made[key]!r} already; make it once")
    made[key] = step.name


def _check_references(step: Step, place: int, steps: Sequence[Step], places: Mapping[str, int]) -> None:
    """Refuse a step that speaks of another which is not there, or not yet."""
    if isinstance(step, Resolve):
        _check_resolved(step, steps, places, step.step)
        return
    # A revision never holds a space, so what does is meant as the name of a step.
    names_step = isinstance(step, Revert) and (" " in step.commit or step.commit in places)
    if isinstance(step, Revert) and names_step and places.get(step.commit, place) >= place:
        near = nearest(step.commit, [name for name, at in places.items() if at < place])
        raise PlanError(f"step {step.name!r}: there is no earlier step {step.commit!r}{near}")


def _check_resolved(step: Resolve, steps: Sequence[Step], places: Mapping[str, int], resolved: str) -> None:
    if resolved not in places:
        raise PlanError(
            f"step {step.name!r}: resolves the step {resolved!r}, which is not in the plan"
            f"{nearest(resolved, [name for name in places if name != step.name])}"
        )
    if not isinstance(steps[places[resolved]], (Commit, PullRequest, MergeBack, Revert)):
        kind = steps[places[resolved]].kind
        raise PlanError(
            f"step {step.name!r}: a step of kind {kind} has no conflicts to solve; name the one that merges"
        )


__all__ = ["Plan", "Promotion"]
