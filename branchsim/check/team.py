"""A team as an experiment takes it: how often things happen, how long they take, which mistakes are made."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from branchsim.check.bounds import check_whole
from branchsim.check.mistakes import MISTAKES
from branchsim.errors import InputError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np

    from branchsim.audit.audit import Audit

WEEK = 168.0
"""Hours."""

RATES = tuple(name for name in MISTAKES if name != "one-sided-resolution")
"""The mistakes that are made at a rate; how conflicts are resolved is said by `Habits`."""

_SUM = 1e-6


def _share(what: str, value: object) -> None:
    _number(what, value, least=0, most=1)


def _number(what: str, value: object, *, least: float, most: float = math.inf) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most or value == math.inf:
        limit = f"from {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
        raise InputError(f"{what} must be a number {limit}, not {value!r}")


@dataclass(frozen=True, slots=True, repr=False)
class Delay:
    """How long something takes, as a distribution over hours.

    Make one with `fixed`, `exponential`, `lognormal` or `observed`.

    Attributes
    ----------
    kind : {"fixed", "exponential", "lognormal", "observed"}
        The kind of distribution.
    values : tuple of float
        The hours; the mean; the median in hours and the spread (standard deviation of the logarithm); or all hours that
        were observed.
    """

    kind: Literal["fixed", "exponential", "lognormal", "observed"]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        for value in self.values:
            _number(f"Delay.{self.kind}: each part", value, least=0)

    @classmethod
    def fixed(cls, hours: float) -> Delay:
        """Always so many hours."""
        return cls("fixed", (hours,))

    @classmethod
    def exponential(cls, mean: float) -> Delay:
        """Exponential, with a mean in hours: what happens at any time with the same chance."""
        return cls("exponential", (mean,))

    @classmethod
    def lognormal(cls, median: float, spread: float) -> Delay:
        """Log-normal, with a median in hours and a spread: mostly soon, sometimes very late."""
        return cls("lognormal", (median, spread))

    @classmethod
    def observed(cls, hours: Iterable[float]) -> Delay:
        """Each of some observed spans, with the same chance.

        Raises
        ------
        InputError
            There is none.
        """
        values = tuple(sorted(float(each) for each in hours))
        if not values:
            raise InputError("Delay.observed needs at least one number of hours")
        return cls("observed", values)

    def sample(self, chance: np.random.Generator) -> float:
        """A number of hours."""
        if self.kind == "fixed":
            return self.values[0]
        if self.kind == "exponential":
            return float(chance.exponential(self.values[0]))
        if self.kind == "lognormal":
            median, spread = self.values
            return float(median * math.exp(spread * chance.standard_normal()))
        return self.values[int(chance.integers(len(self.values)))]

    def __repr__(self) -> str:
        if self.kind == "observed":
            return f"Delay.observed({self.values!r})"
        return f"Delay.{self.kind}({', '.join(repr(value) for value in self.values)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How people resolve the conflict of one place: shares that sum to 1.

    Attributes
    ----------
    both : float
        Both sides' edits are kept: nothing is lost.
    ours : float
        The side of the branch that is landed on is taken whole.
    theirs : float
        The side of what lands is taken whole.
    """

    both: float = 1.0
    ours: float = 0.0
    theirs: float = 0.0

    def __post_init__(self) -> None:
        for name in ("both", "ours", "theirs"):
            _share(f"Habits: {name}", getattr(self, name))
        total = self.both + self.ours + self.theirs
        if abs(total - 1) > _SUM:
            raise InputError(f"Habits: both, ours and theirs are shares that sum to 1, not to {total:g}")

    def choose(self, chance: np.random.Generator) -> str:
        """Resolve one conflict."""
        number = chance.random()
        return "both" if number < self.both else "ours" if number < self.both + self.ours else "theirs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A team that keeps branches: rates, delays, habits, mistakes. Its ``repr`` is valid Python.

    Attributes
    ----------
    features_per_week, hotfixes_per_week : float
        How many are begun, at random times.
    feature_hours, hotfix_hours : Delay
        From the start of a branch until it lands.
    places : int
        How many places can be edited; two edits of one place conflict.
    heat : float
        How unevenly the work falls on them: the exponent of Zipf's law. With 0 all are alike; with 1 the hottest gets
        twice as much as the second.
    release_hours : float
        From one release to the next.
    uat_hours, validation_hours : float
        How long a version stays on the branches between the first and the last but one, and on that one.
    retrofit_delay : Delay
        From the landing of a fix until it is brought to where it is owed.
    mistakes : mapping of str to float
        How often each mistake is made, 0 to 1, by the names of `branchsim.check.MISTAKES`: skip-retrofit,
        late-retrofit, squash-then-merge, wrong-base and delete-branch of hotfixes, cherry-pick-retrofit of retrofits,
        stale-commit of features, revert and force-push of releases. What a guard of the strategy forbids does not
        happen.
    own : Habits
        How conflicts are resolved by those who land their own work: pull requests and retrofits.
    others : Habits
        How they are resolved in promotions and merge backs, by somebody who knows neither side.

    Raises
    ------
    InputError
        A number is out of range or a mistake is unknown.
    """

    features_per_week: float = 8.0
    hotfixes_per_week: float = 1.5
    feature_hours: Delay = Delay("lognormal", (48.0, 0.7))
    hotfix_hours: Delay = Delay("lognormal", (6.0, 0.5))
    places: int = 40
    heat: float = 1.0
    release_hours: float = 2 * WEEK
    uat_hours: float = 72.0
    validation_hours: float = 48.0
    retrofit_delay: Delay = Delay("lognormal", (24.0, 1.0))
    mistakes: Mapping[str, float] = field(default_factory=dict)
    own: Habits = Habits()
    others: Habits = Habits(both=0.8, ours=0.1, theirs=0.1)

    def __post_init__(self) -> None:
        check_whole("team: places", self.places, most=1000)
        for name in ("features_per_week", "hotfixes_per_week", "heat", "uat_hours", "validation_hours"):
            _number(f"team: {name}", getattr(self, name), least=0)
        _number("team: release_hours", self.release_hours, least=1)
        for name in ("feature_hours", "hotfix_hours", "retrofit_delay"):
            if not isinstance(getattr(self, name), Delay):
                raise InputError(
                    f"team: {name} must be a Delay, for example Delay.fixed(24), not {getattr(self, name)!r}"
                )
        for name in ("own", "others"):
            if not isinstance(getattr(self, name), Habits):
                raise InputError(f"team: {name} must be Habits, not {getattr(self, name)!r}")
        for name, rate in self.mistakes.items():
            if name == "one-sided-resolution":
                raise InputError(
                    "team: how often a conflict is resolved to one side is said by own= and others= (Habits)"
                )
            if name not in RATES:
                raise InputError(
                    f"team: unknown mistake {name!r}{nearest(str(name), RATES)}; they are {', '.join(RATES)}"
                )
            _share(f"team: the rate of {name}", rate)

    def replace(self, **changes: Any) -> Team:
        """A copy in which some parts are others.

        Raises
        ------
        InputError
            There is no such part, or it is out of range.
        """
        known = [item.name for item in dataclasses.fields(self)]
        for name in changes:
            if name not in known:
                raise InputError(f"a team has no part {name!r}{nearest(name, known)}; they are {', '.join(known)}")
        return dataclasses.replace(self, **changes)

    def rate(self, mistake: str) -> float:
        """How often a mistake is made."""
        return self.mistakes.get(mistake, 0.0)

    @classmethod
    def from_audit(cls, audit: Audit) -> Team:
        """A team like the one that made an audited history: see `branchsim.check.fit.fit_team`.

        Parameters
        ----------
        audit : Audit
            With obligations, overwrites and windows; its repository is read once more for how conflicts were resolved.

        Returns
        -------
        Team
            What cannot be told from the history is as in `Team()`.

        Raises
        ------
        InputError
            The history is too short to tell a rate from it.
        GitError
            The repository cannot be read any more.
        """
        from branchsim.check.fit import fit_team

        return fit_team(audit).team


__all__ = ["RATES", "WEEK", "Delay", "Habits", "Team"]
