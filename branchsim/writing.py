"""Write a file of a person: all of it or nothing."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from branchsim.errors import InputError


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file, or replace one; where that fails, what was there is there still.

    Raises
    ------
    InputError
        It cannot be written.
    """
    place = Path(path)
    data = content.encode() if isinstance(content, str) else content
    try:
        handle, part = tempfile.mkstemp(prefix=".branchsim-", dir=place.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(part).chmod(0o644)
            Path(part).replace(place)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(part).unlink()
            raise
    except OSError as error:
        raise InputError(f"{place} cannot be written: {error.strerror}; choose another place") from None


__all__ = ["write_whole"]
