"""Bounds a caller gives, checked where they come in."""

from __future__ import annotations

from branchsim.errors import InputError


def check_whole(what: str, value: object, *, least: int = 1, most: int | None = None) -> None:
    """Raise `InputError` unless a value is a whole number within bounds.

    Parameters
    ----------
    what : str
        What the error calls it.
    value : object
        The value.
    least, most : int
        The bounds; no upper one for None.
    """
    fits = isinstance(value, int) and not isinstance(value, bool) and value >= least and (most is None or value <= most)
    if not fits:
        bounds = f"from {least}" if most is None else f"from {least} to {most}"
        raise InputError(f"{what} must be a whole number {bounds}, not {value!r}")
