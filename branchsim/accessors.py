"""Accessors: what a higher floor adds to an object of a lower one, as ``audit.plot``.

The object asks here for an accessor by name; whoever stands above registers how to make it. So `branchsim.audit` knows
nothing of `branchsim.plot`, and nothing is loaded before it is asked for. The door of the house,
``branchsim/__init__``, registers what belongs to the library; others may add their own:

>>> from branchsim.accessors import register
>>> register("Audit", "mine", lambda audit: f"mine: {audit!r}")  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Maker = Callable[[Any], Any]

# Filled when modules are imported, like the table of loaded modules itself; never while something is computed.
_MAKERS: dict[tuple[str, str], Maker] = {}


def register(owner: str, name: str, make: Maker) -> None:
    """Say how to make an accessor.

    Parameters
    ----------
    owner : str
        The name of the class that has it, for example ``Audit``; its subclasses have it too.
    name : str
        Its name there, for example ``plot``.
    make : callable
        Takes the object, gives the accessor. It is called each time the accessor is asked for; heavy imports belong in
        it. A second registration of a name takes the place of the first.
    """
    _MAKERS[owner, name] = make


def accessor(owner: object, name: str) -> Any:
    """The accessor of an object.

    Raises
    ------
    AttributeError
        Nothing is registered under that name.
    """
    for kind in type(owner).__mro__:
        if (kind.__name__, name) in _MAKERS:
            return _MAKERS[kind.__name__, name](owner)
    raise AttributeError(f"{type(owner).__name__!r} object has no accessor {name!r}; nothing registered one")


__all__ = ["Maker", "accessor", "register"]
