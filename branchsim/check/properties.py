"""What a strategy should guarantee: named properties, judged on single steps of an exploration.

A property is a function of a `View`: the state after a step, the step, and the state before it. Write one of your own
like this:

>>> def uat_is_never_emptied(view):
...     return view.before is None or view.content("uat") >= view.before.content("uat")
>>> uat = Property("uat-keeps", "Nothing disappears from uat.", uat_is_never_emptied)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Literal

from branchsim.check.bounds import check_whole
from branchsim.check.store import Change
from branchsim.check.strategy import OPERATIONS
from branchsim.errors import InputError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from branchsim.check.model import Model, Move, State

Place = Literal["any", "production", "run", "origin"]


class PropertyError(InputError):
    """A property raised an exception instead of giving an answer."""


class View:
    """What a property may ask about one step.

    Attributes
    ----------
    model : Model
        The model that is explored; ``view.model.strategy`` is the strategy.
    state : tuple of int
        The state after the step, as the model keeps it.
    move : Move or None
        The step; None for the start.
    before : View or None
        The view of the state before; None for the start.
    """

    __slots__ = ("before", "model", "move", "state")

    def __init__(self, model: Model, state: State, move: Move | None = None, before: State | None = None) -> None:
        self.model = model
        self.state = state
        self.move = move
        self.before = None if before is None else View(model, before)

    @property
    def operation(self) -> str:
        """The name of the operation, from `OPERATIONS`; empty for the start."""
        return self.move.operation if self.move else ""

    @property
    def moved(self) -> str | None:
        """The long-lived branch that the step moved."""
        return self.model.branches[self.move.moved] if self.move and self.move.moved >= 0 else None

    @property
    def conflicted(self) -> bool:
        """Whether there was a conflict."""
        return self.move is not None and self.move.resolution is not None

    def content(self, branch: str) -> frozenset[Change]:
        """The changes whose effect is on a long-lived branch now."""
        return self.model.store.content[self._tip(branch)]

    def delivered(self, branch: str) -> frozenset[Change]:
        """The changes that have landed on a long-lived branch, whether or not their effect is still there."""
        return self.model.store.delivered[self._tip(branch)]

    def withdrawn(self, branch: str) -> frozenset[Change]:
        """The changes that were reverted for the layer a branch belongs to, as far as the branch has heard of it."""
        layer = self.model.layers[self.model.index[branch]]
        return frozenset(change for change, where in self.model.store.withdrawn[self._tip(branch)] if where == layer)

    def _tip(self, branch: str) -> int:
        try:
            return self.state[self.model.index[branch]]
        except KeyError:
            known = self.model.branches
            raise InputError(
                f"there is no branch {branch!r}{nearest(branch, known)}; they are {', '.join(known)}"
            ) from None


@dataclass(frozen=True, slots=True)
class Property:
    """A promise that is checked on every step, or something that should happen sometimes.

    Attributes
    ----------
    name : str
        Its name.
    description : str
        What it says, in a sentence.
    check : callable
        Takes a `View`. Of a promise: returns True where it holds; False, or a sentence that says why not, where it does
        not; the ``repr`` of a `Change` in it is replaced by the change's name. Of a
        "sometimes": returns True where it happens.
    kind : {"always", "sometimes"}
        Which of the two it is.
    where : {"any", "production", "run", "origin"}
        Asked only about steps that moved such a branch: where releases land, in the layer of production, where features
        land; ``any`` asks about every step.
    operations : tuple of str
        Asked only about steps of these operations; empty for all.
    once : bool
        Asked once per state instead of once per step; then `View.before` and `View.move` are those of the first step
        that led there.
    """

    name: str
    description: str
    check: Callable[[View], bool | str]
    _: KW_ONLY
    kind: Literal["always", "sometimes"] = "always"
    where: Place = "any"
    operations: tuple[str, ...] = ()
    once: bool = False

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise InputError("a property needs a name")
        if not callable(self.check):
            raise InputError(f"property {self.name!r}: check must be a function of a View, not {self.check!r}")
        for field, value, known in (
            ("kind", (self.kind,), ("always", "sometimes")),
            ("where", (self.where,), ("any", "production", "run", "origin")),
            ("operations", self.operations, OPERATIONS),
        ):
            for each in value:
                if each not in known:
                    raise InputError(
                        f"property {self.name!r}: unknown {field} {each!r}{nearest(str(each), known)}; "
                        f"choose from {', '.join(known)}"
                    )

    def places(self, model: Model) -> frozenset[int]:
        """The indices of the branches whose moves it is asked about; -1 stands for steps that move none."""
        if self.where == "any":
            return frozenset(range(-1, len(model.branches)))
        return frozenset({"production": model.production, "run": model.run, "origin": model.origins}[self.where])

    def is_asked(self, model: Model, move: Move) -> bool:
        """Whether it is asked about a step."""
        return move.moved in self.places(model) and (not self.operations or move.operation in self.operations)


def _both(view: View) -> tuple[int, int]:
    """The tips of the branch that was moved, before and after."""
    assert view.move is not None  # noqa: S101  asked about steps only
    assert view.before is not None  # noqa: S101
    place = view.move.moved
    return view.before.state[place], view.state[place]


def _lost(view: View, *, fixes: bool) -> Iterator[Change]:
    """What the moved branch had before the step and has no longer, though nobody withdrew it for its layer."""
    old, new = _both(view)
    store = view.model.store
    if store.content[old] <= store.content[new] or view.move is None:
        return
    layer = view.model.layers[view.move.moved]
    for change in sorted(store.content[old] - store.content[new], key=lambda change: change.number):
        if change.is_fix == fixes and (change, layer) not in store.withdrawn[new]:
            yield change


def _no_lost_fix(view: View) -> bool | str:
    lost = next(_lost(view, fixes=True), None)
    return lost is None or f"{lost!r} was on {view.moved} and is no longer there."


def _no_lost_feature(view: View) -> bool | str:
    lost = next(_lost(view, fixes=False), None)
    return lost is None or f"{lost!r} was on {view.moved} and is no longer there."


def _landed_is_there(view: View) -> bool | str:
    old, new = _both(view)
    store = view.model.store
    layer = view.model.layers[view.move.moved] if view.move else ""
    for change in sorted(store.delivered[new] - store.delivered[old], key=lambda change: change.number):
        if change not in store.content[new] and (change, layer) not in store.withdrawn[new]:
            return f"{change!r} has landed on {view.moved} and is not there: a landing dropped it on the way."
    return True


def _owed_before_promotion(view: View) -> bool | str:
    move, before = view.move, view.before
    if move is None or before is None or move.operation != "promote":
        return True
    model, store = view.model, view.model.store
    for flow in model.flows:
        if (flow.source, flow.target) != (move.source, move.moved):
            continue
        for rule in flow.deadline_of:
            landed, owed = before.state[rule.landed], before.state[rule.owed]
            for change in sorted(store.fixes[landed] - store.content[owed], key=lambda change: change.number):
                withdrawn = (change, rule.layer) in store.withdrawn[landed] or (
                    change,
                    model.layers[rule.owed],
                ) in store.withdrawn[owed]
                if change.family in rule.families and not withdrawn:
                    return (
                        f"{change!r} landed on {model.branches[rule.landed]} and is not on {model.branches[rule.owed]} "
                        f"when {model.branches[move.source]} is promoted to {view.moved}."
                    )
    return True


def _passed_validation(view: View) -> bool | str:
    move, model, store = view.move, view.model, view.model.store
    if move is None or move.moved not in model.gates:
        return True
    old, new = _both(view)
    gate = model.gates[move.moved]
    for change in sorted(store.content[new] - store.content[old], key=lambda change: change.number):
        if not change.is_fix and change not in store.delivered[view.state[gate]]:
            return f"{change!r} reaches {view.moved} and has never landed on {model.branches[gate]}."
    return True


def _ships_alone(view: View) -> bool | str:
    move, model = view.move, view.model
    if move is None or view.before is None or not model.families[move.work].is_fix:
        return True
    if not model.is_ahead(view.before.state, move.moved):
        return True
    return f"A fix lands on {view.moved} while {view.moved} holds features that production does not."


def _deployed_is_named(view: View) -> bool:
    old, _ = _both(view)
    return view.operation != "force-push" or view.model.is_reachable(old, view.state)


def _hotfix_ships(view: View) -> bool:
    old, new = _both(view)
    return any(change.is_fix for change in view.model.store.content[new] - view.model.store.content[old])


def _release_ships(view: View) -> bool:
    old, new = _both(view)
    return any(not change.is_fix for change in view.model.store.content[new] - view.model.store.content[old])


def hotfix_can_ship(steps: int = 8) -> Property:
    """The property that from everywhere a fix can reach production within some steps: no guard leads to a deadlock.

    Parameters
    ----------
    steps : int
        How many steps there are, begun with making the fix if there is none.
    """
    check_whole("hotfix_can_ship: steps", steps)

    def check(view: View) -> bool:
        return view.model.can_ship(view.state, steps)

    return Property(
        "hotfix-can-ship", f"From every state a fix can reach production within {steps} steps.", check, once=True
    )


_ALL = (
    Property(
        "no-lost-fix",
        "No fix that reached production is ever absent from it later, unless it was reverted for production's layer.",
        _no_lost_fix,
        where="production",
    ),
    Property(
        "no-lost-feature",
        "No feature that reached the branch features land on is ever absent from it later, unless it was reverted for "
        "that layer.",
        _no_lost_feature,
        where="origin",
    ),
    Property(
        "landed-is-there",
        "What has landed on production is there: being an ancestor means being present.",
        _landed_is_there,
        where="production",
    ),
    Property(
        "owed-before-promotion",
        "Every fix is on every branch it is owed to before the next promotion that carries that branch on.",
        _owed_before_promotion,
        operations=("promote",),
    ),
    Property(
        "passed-validation",
        "No feature reaches RUN that did not land on the last branch before it (uat in BUILD/RUN).",
        _passed_validation,
        where="run",
    ),
    Property(
        "ships-alone",
        "No fix lands on a branch that holds features which production does not: it could not ship without them.",
        _ships_alone,
        where="run",
        operations=("pull-request",),
    ),
    Property(
        "deployed-is-named",
        "Whatever production was, a branch or a tag still leads to it.",
        _deployed_is_named,
        where="production",
        operations=("force-push",),
    ),
    hotfix_can_ship(),
    Property("a-hotfix-ships", "A fix reaches production.", _hotfix_ships, kind="sometimes", where="production"),
    Property("a-release-ships", "A feature reaches production.", _release_ships, kind="sometimes", where="production"),
    Property("a-conflict-happens", "Something conflicts.", lambda view: view.conflicted, kind="sometimes"),
)

PROPERTIES: dict[str, Property] = {each.name: each for each in _ALL}
"""The properties that come with the library, by name."""


def check_properties(properties: Iterable[str | Property] | None) -> tuple[Property, ...]:
    """Properties by name or as they are; all of them for None.

    Raises
    ------
    InputError
        A name is unknown, or two properties have one name.
    """
    if properties is None:
        return _ALL
    if isinstance(properties, (str, Property)):
        properties = (properties,)
    found: dict[str, Property] = {}
    for each in properties:
        if isinstance(each, str):
            if each not in PROPERTIES:
                raise InputError(
                    f"unknown property {each!r}{nearest(each, PROPERTIES)}; they are {', '.join(PROPERTIES)}"
                )
            each = PROPERTIES[each]  # noqa: PLW2901  the name stands for it
        if not isinstance(each, Property):
            raise InputError(f"a property must be a name or a Property, not {type(each).__name__}")
        if found.setdefault(each.name, each) is not each:
            raise InputError(f"two properties are named {each.name!r}; give each a name of its own")
    return tuple(found.values())
