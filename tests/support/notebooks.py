"""The notebooks: ``python tests/support/notebooks.py`` executes them and writes their outputs.

Each is a pair: the ``.py`` is edited, the ``.ipynb`` holds the same cells with their outputs. With names
(``... notebooks.py 2 5``) only those that begin so are executed. ``--compare A B`` says which outputs of B are not
those of A, and fails where one holds a warning.
"""

from __future__ import annotations

import itertools
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jupytext  # type: ignore[import-untyped]
import nbformat

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
TIMEOUT = 120
_AT_ONCE = 2
_PLACE = re.compile(r"/(?:tmp|home|root|work|Users|var|private|opt)/[\w.-]+")
_ADDRESS = re.compile(r"\bat 0x[0-9a-f]{6,}")


def sources() -> list[Path]:
    """The edited halves of the pairs, in order."""
    return sorted(FOLDER.glob("[0-9]*.py"))


def paired(source: Path) -> Path:
    """The executed half."""
    return source.with_suffix(".ipynb")


def cells(notebook: Any) -> list[tuple[str, str, tuple[str, ...]]]:
    """What both halves of a pair have in common: kind, text and tags of each cell."""
    return [(cell.cell_type, cell.source, tuple(cell.metadata.get("tags", ()))) for cell in notebook.cells]


def read(path: Path) -> Any:
    """Either half of a pair."""
    if path.suffix == ".py":
        return jupytext.read(path)
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def outputs(notebook: Any) -> Iterator[tuple[int, Any]]:
    """Every output with the number of its cell."""
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", ()):
            yield number, output


def texts(notebook: Any) -> list[tuple[int, str]]:
    """What the outputs say, without their pictures."""
    found = []
    for number, output in outputs(notebook):
        if output.output_type == "stream":
            found.append((number, str(output.text)))
        for kind, data in output.get("data", {}).items():
            if kind.startswith("text/"):
                found.append((number, str(data)))
    return found


def faults(notebook: Any) -> list[str]:
    """What must not stand in an executed notebook: errors, warnings, places and addresses of a machine, gaps."""
    found = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None:
            found.append(f"cell {number} was not executed")
    for number, output in outputs(notebook):
        if output.output_type == "error":
            found.append(f"cell {number} failed: {output.ename}: {output.evalue}")
        if output.output_type == "stream" and output.name == "stderr":
            found.append(f"cell {number} wrote to standard error: {output.text[:200]}")
    for number, text in texts(notebook):
        found += [f"cell {number} names a place of a machine: {each}" for each in _PLACE.findall(text)]
        found += [f"cell {number} names an address: {each}" for each in _ADDRESS.findall(text)]
    return found


def execute(source: Path) -> str:
    """Execute one pair and write its outputs; what is wrong with them, if anything."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    target = paired(source)
    made = jupytext.read(source)
    before = {cell.source: cell.id for cell in read(target).cells} if target.exists() else {}
    unused = (each for number in itertools.count() if (each := f"{source.stem[:1]}-{number}") not in before.values())
    for cell in made.cells:
        # Ids stay what they were, so that a new run changes nothing but what it found.
        cell["id"] = before.get(cell.source) or next(unused)
    made.metadata.pop("jupytext", None)
    made.metadata["jupytext"] = {"formats": "ipynb,py:percent"}
    made.nbformat, made.nbformat_minor = 4, 5
    client = NotebookClient(
        made,
        timeout=TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(FOLDER)}},
    )
    begun = time.monotonic()
    try:
        client.execute()
    except CellExecutionError as error:
        return f"{source.name}: {error}"
    taken = time.monotonic() - begun
    sys.stdout.write(f"{source.name}: {taken:.0f} s\n")
    # The version of Python is of no interest, and would change with every machine.
    made.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    made.metadata["language_info"] = {"name": "python"}
    nbformat.write(made, target)  # type: ignore[no-untyped-call]
    late = [f"took {taken:.0f} s, and may take {TIMEOUT}"] if taken > TIMEOUT else []
    return "; ".join(f"{source.name}: {each}" for each in [*faults(made), *late])


def compare(old: Path, new: Path) -> tuple[list[str], list[str]]:
    """What is wrong in the executed notebooks of one directory, and which texts are not those of another."""
    wrong, other = [], []
    for path in sorted(new.glob("[0-9]*.ipynb")):
        made, kept = read(path), read(old / path.name)
        wrong += [f"{path.name}: {each}" for each in faults(made)]
        if texts(made) != texts(kept):
            places = sorted({number for number, _ in set(texts(made)) ^ set(texts(kept))})
            other.append(f"{path.name}: cells {', '.join(map(str, places))}")
    return wrong, other


def _main(arguments: list[str]) -> int:
    if arguments[:1] == ["--compare"]:
        wrong, other = compare(Path(arguments[1]), Path(arguments[2]))
        sys.stdout.writelines(f"{line}\n" for line in wrong)
        if other:
            sys.stdout.write("outputs that are not those committed (python tests/support/notebooks.py writes them):\n")
            sys.stdout.writelines(f"  {line}\n" for line in other)
        return 1 if wrong else 0
    os.environ["PYTHONHASHSEED"] = "0"
    wanted = [each for each in sources() if not arguments or each.name.startswith(tuple(arguments))]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        complaints = [each for each in pool.map(execute, wanted) if each]
    sys.stderr.writelines(f"{line}\n" for line in complaints)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
