"""Counterexamples as files: a shell script, a test for pytest, a story, a picture."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from branchsim.check.explore import FORMS
from branchsim.errors import InputError, nearest

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from branchsim.check.explore import Counterexample


def write(
    found: Counterexample, directory: str | os.PathLike[str], *, forms: Iterable[str] = FORMS, replace: bool = False
) -> tuple[Path, ...]:
    """Write a counterexample to files named after its strategy, its property and its mistakes.

    Parameters
    ----------
    found : Counterexample
        The counterexample.
    directory : path-like
        Where; it is made if it does not exist.
    forms : iterable of str
        Of ``script`` (``.sh``), ``pytest`` (``test_*.py``), ``markdown`` (``.md``), ``drawing`` (``.png``).
    replace : bool
        Whether files that are there already are replaced.

    Returns
    -------
    tuple of Path
        The files, in the order of the forms.

    Raises
    ------
    InputError
        A form is unknown, a file is there already, or the directory cannot be written to.
    """
    wanted = (forms,) if isinstance(forms, str) else tuple(forms)
    for form in wanted:
        if form not in FORMS:
            raise InputError(f"unknown form {form!r}{nearest(str(form), FORMS)}; they are {', '.join(FORMS)}")
    place = Path(directory)
    paths = [place / _name(found, form) for form in wanted]
    try:
        place.mkdir(parents=True, exist_ok=True)
        for form, path in zip(wanted, paths, strict=True):
            if path.exists() and not replace:
                raise InputError(f"{path} exists already; name another directory, or let it be replaced")
            path.write_bytes(_content(found, form))
            if form == "script":
                path.chmod(0o755)
    except OSError as error:
        raise InputError(f"{error.filename or place} cannot be written: {error.strerror}; name another place") from None
    return tuple(paths)


def _name(found: Counterexample, form: str) -> str:
    parts = (found.strategy.name, found.property, *(found.mistakes or ("no-mistake",)))
    stem = "-".join(re.sub(r"[^A-Za-z0-9]+", "-", part).strip("-") or "x" for part in parts)[:120]
    if form == "pytest":
        return f"test_{stem.replace('-', '_').lower()}.py"
    return stem + {"script": ".sh", "markdown": ".md", "drawing": ".png"}[form]


def _content(found: Counterexample, form: str) -> bytes:
    if form == "drawing":
        return png(found)
    return {"script": found.script, "pytest": found.regression_test, "markdown": found.markdown}[form]().encode()


def png(found: Counterexample) -> bytes:
    """The drawing of a counterexample as a PNG; the same counterexample gives the same bytes."""
    from matplotlib.figure import Figure

    from branchsim.check.drawing import graph

    nodes, lanes = graph(found.trace)
    # A figure of its own, made without pyplot: no window, no state of the caller's is touched.
    figure = Figure(figsize=(2.4 + 1.15 * max(3, len(nodes)), 1.4 + 1.05 * len(lanes)), layout="constrained")
    found.draw(ax=figure.add_subplot())
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110, metadata={"Software": None})
    return out.getvalue()


__all__ = ["png", "write"]
