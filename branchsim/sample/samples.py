"""The samples by name: where they are stored, how they are built, what is true of them."""

from __future__ import annotations

import gzip
import importlib
import importlib.resources
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from branchsim.errors import InputError, InternalError, nearest
from branchsim.git.process import run
from branchsim.sample import truth

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample repository.

    Attributes
    ----------
    name : str
        Its name, and that of its files in the data directory.
    title : str
        What it is, in a few words.
    module : str
        The module whose ``generate`` makes it.
    head : str
        The branch that is checked out.
    """

    name: str
    title: str
    module: str
    head: str = "production"


SAMPLES = (
    Sample("story", "eight hotfixes of a small shop, one for each way to go right or wrong", "branchsim.sample.story"),
    Sample("year", "a year of a Salesforce project with twelve releases and forty hotfixes", "branchsim.sample.year"),
)
"""All samples, the smallest first."""


def sample(name: str) -> Sample:
    """The sample of a name.

    Raises
    ------
    InputError
        There is none.
    """
    for each in SAMPLES:
        if each.name == name:
            return each
    known = [each.name for each in SAMPLES]
    raise InputError(f"there is no sample {name!r}{nearest(name, known)}; the samples are {', '.join(known)}")


def build(name: str) -> tuple[bytes, tuple[truth.Truth, ...]]:
    """Generate a sample anew.

    Parameters
    ----------
    name : str
        Its name.

    Returns
    -------
    stream : bytes
        For ``git fast-import``.
    rows : tuple of Truth
        What is true of it.
    """
    module = importlib.import_module(sample(name).module)
    stream, rows = module.generate()
    return stream, tuple(rows)


def read_stream(name: str) -> bytes:
    """The stored ``git fast-import`` stream of a sample, unpacked.

    Raises
    ------
    InputError
        There is no sample of that name.
    InternalError
        Its file is not installed, or damaged.
    """
    try:
        return gzip.decompress(_stored(f"{sample(name).name}.fi.gz"))
    except (OSError, EOFError, zlib.error):
        raise InternalError(f"the stored stream of the sample {name!r} is damaged; install branchsim again") from None


def read_truth(name: str) -> tuple[truth.Truth, ...]:
    """What is true of a sample, as stored; for the errors see `read_stream`."""
    return truth.read(_stored(f"{sample(name).name}.csv"))


def packed(stream: bytes) -> bytes:
    """A stream as it is stored: gzip without a name, a date or the mark of a system."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflate.compress(stream) + deflate.flush()
    tail = zlib.crc32(stream).to_bytes(4, "little") + (len(stream) & 0xFFFFFFFF).to_bytes(4, "little")
    return b"\x1f\x8b\x08\0\0\0\0\0\x02\xff" + body + tail


def load(name: str, directory: str | os.PathLike[str]) -> Path:
    """Build a sample repository from its stored stream.

    Parameters
    ----------
    name : str
        One of `SAMPLES`.
    directory : path-like
        Where; it is made if need be, and must be empty.

    Returns
    -------
    Path
        The repository, with a work tree.

    Raises
    ------
    InputError
        There is no sample of that name, the directory is not empty or cannot be written.
    GitError
        git failed.
    """
    wanted = sample(name)
    stream = read_stream(name)
    path = Path(os.path.abspath(os.fspath(directory)))  # noqa: PTH100  resolve() would follow the user's links
    try:
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise InputError(f"{path} is not empty; give a directory that is empty or does not exist yet")
    except OSError as error:
        raise InputError(f"{path} cannot be used: {error.strerror}; give a directory that can be written") from None
    git_dir = path / ".git"
    run(["init", "--quiet", "--template=", "--object-format=sha1", f"--initial-branch={wanted.head}", "--", str(path)])
    run(
        ["-c", "fastimport.unpackLimit=0", "fast-import", "--quiet", "--done", "--date-format=raw"],
        git_dir,
        stdin=stream,
    )
    run([f"--work-tree={path}", "read-tree", "--reset", "-u", "HEAD"], git_dir)
    return path


def _stored(name: str) -> bytes:
    """A file of the data directory: inside the installed package, or beside it in a source checkout."""
    for place in _places():
        file = place / name
        if file.is_file():
            return file.read_bytes()
    raise InternalError(f"the data file {name} of branchsim is not installed; install branchsim again")


def _places() -> list[Traversable]:
    package = importlib.resources.files("branchsim")
    return [package / "_data", Path(__file__).parents[2] / "data"]


__all__ = ["SAMPLES", "Sample", "build", "load", "packed", "read_stream", "read_truth", "sample"]
