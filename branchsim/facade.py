"""Packages that can be called: ``branchsim.audit(repo)`` although ``branchsim.audit`` is where the parts of it live.

Python sets a package as an attribute of its parent as soon as anything in it is imported, so a function of the same
name would be there or not, depending on what was imported before. A package that can be called is always the same.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def make_callable(package: str, *, module: str, function: str) -> None:
    """Let a package be called like one of its functions, which is imported with the first call.

    Parameters
    ----------
    package : str
        The full name of the package; it is being imported.
    module : str
        The full name of the module that holds the function.
    function : str
        The name of the function.
    """

    def target() -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(import_module(module), function)
        return found

    class Callable_(ModuleType):  # noqa: N801  the name is what `type()` shows, and is set below
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return target()(*args, **kwargs)

        @property
        def __wrapped__(self) -> Callable[..., Any]:
            # What `inspect.signature`, `help` and notebooks look for.
            return target()

    Callable_.__name__ = Callable_.__qualname__ = "module"
    sys.modules[package].__class__ = Callable_
