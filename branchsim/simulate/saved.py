"""Keep a simulation in a file: execute it later, or compare with it what people did."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import os
import types
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from branchsim.errors import InputError
from branchsim.names import RefName, Sha
from branchsim.plan import read_plan
from branchsim.simulate import records
from branchsim.simulate.records import ForecastResult, ObligationState, RefMove, StepResult
from branchsim.simulate.simulation import Simulation
from branchsim.writing import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = 1
_KIND = "branchsim simulation"
_MAX_BYTES = 2_000_000_000


def save(simulation: Simulation, path: str | os.PathLike[str]) -> None:
    """Write a simulation to a file, with the objects it made; all of it or nothing.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    values = {
        "schema": SCHEMA,
        "kind": _KIND,
        "plan": simulation.plan.to_toml(),
        "repository": simulation.repository,
        "person": simulation.person,
        "results": [dataclasses.asdict(result) for result in simulation.results],
        "expected": [dataclasses.asdict(result) for result in simulation.expected],
        "moves": [dataclasses.asdict(move) for move in simulation.moves],
        "seen": [list(pair) for pair in simulation.seen],
        "notes": list(simulation.notes),
        "owed": None if simulation.owed is None else [dataclasses.asdict(state) for state in simulation.owed],
        "owed_since": simulation.owed_since,
        "pack": base64.b64encode(simulation.pack).decode("ascii"),
    }
    write_whole(path, json.dumps(values, indent=1) + "\n")


def is_saved(path: str | os.PathLike[str]) -> bool:
    """Whether a file looks like a saved simulation, and not like a plan."""
    try:
        with Path(path).open("rb") as file:
            return file.read(1) == b"{"
    except OSError:
        return False


def read_simulation(path: str | os.PathLike[str]) -> Simulation:
    """Read a simulation that `save` wrote.

    Raises
    ------
    InputError
        The file cannot be read, or holds no simulation of this version.
    """
    place = Path(path)
    try:
        if place.stat().st_size > _MAX_BYTES:
            raise InputError(f"{place} is larger than {_MAX_BYTES:,} bytes; it is no simulation")
        values = json.loads(place.read_bytes())
    except OSError as error:
        raise InputError(f"{place} cannot be read: {error.strerror}; check the path") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place} is no saved simulation: {error}; write one with 'simulate --save'") from None
    if not isinstance(values, dict) or values.get("kind") != _KIND or values.get("schema") != SCHEMA:
        raise InputError(f"{place} is no saved simulation of schema {SCHEMA}; write one with 'simulate --save'")
    try:
        return Simulation(
            plan=read_plan(values["plan"], origin=str(place)),
            repository=str(values["repository"]),
            person=str(values["person"]),
            results=tuple(_built(StepResult, each) for each in values["results"]),
            expected=tuple(_built(ForecastResult, each) for each in values["expected"]),
            moves=tuple(_built(RefMove, each) for each in values["moves"]),
            seen=tuple((RefName(ref), Sha(sha)) for ref, sha in values["seen"]),
            notes=tuple(values["notes"]),
            owed=None if values["owed"] is None else tuple(_built(ObligationState, each) for each in values["owed"]),
            owed_since=values["owed_since"],
            pack=base64.b64decode(values["pack"], validate=True),
        )
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
        raise InputError(f"{place} is damaged ({error}); simulate the plan again") from None


def _built(kind: type[Any], values: Mapping[str, Any]) -> Any:
    """A record from what JSON keeps of it."""
    hints = typing.get_type_hints(kind, vars(records) | {"Sha": Sha})
    return kind(**{name: _value(hints[name], value) for name, value in values.items()})


def _value(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(hint, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if isinstance(value, list):
        inner = (*typing.get_args(hint), str)[0]
        return tuple(_value(inner, each) for each in value)
    return _built(hint, value) if isinstance(value, dict) else value


__all__ = ["is_saved", "read_simulation", "save"]
