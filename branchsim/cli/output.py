"""How results are printed: a table for people, JSON for programs, CSV and Markdown for handing on.

What a repository holds (subjects, names, paths) was written by others. Nothing of it reaches a terminal as a control
character, a table of Markdown as markup, or a spreadsheet as a formula.
"""

from __future__ import annotations

import csv
import io
import json
import os
import sys
import textwrap
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from branchsim.errors import InputError
from branchsim.formatting import escape_markdown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Format(StrEnum):
    """The forms of output."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


FORMAT_HELP = "How the result is printed: table, json, csv or markdown."
"""What the help of every command says of ``--format``."""

_FORMULA = ("=", "+", "-", "@")
_NARROW, _WIDE = 40, 160


def emit(text: str) -> None:
    """Write to standard output.

    A reader that has gone (``| head``) is no error, and does not change what the exit code says.

    Raises
    ------
    InputError
        It cannot be written: a full disk, for example.
    """
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        _to_nowhere()
    except OSError as error:
        _to_nowhere()
        raise InputError(f"standard output cannot be written: {error.strerror}") from None


def _to_nowhere() -> None:
    # Python writes what is left when it ends, and would fail once more.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def say(text: str = "") -> None:
    """Print a line (or several) of plain text."""
    emit(text + "\n")


def write_json(value: Mapping[str, Any]) -> None:
    """Print a value as JSON, the same bytes for the same value."""
    emit(json.dumps(value, indent=1, ensure_ascii=True) + "\n")


def write_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print rows as CSV with a header; lists are joined by a space."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _cell(value) for key, value in row.items()})
    emit(out.getvalue())


def _cell(value: Any) -> str:
    """A value for a spreadsheet, which takes some beginnings for a formula."""
    text = printable(_flat(value))
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text


def write_markdown(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print rows as a Markdown table; what the rows hold is escaped."""
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(escape_markdown(_flat(row.get(key))) for key in columns) + " |" for row in rows]
    emit("\n".join(lines) + "\n")


def _flat(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return " ".join(_flat(part) for part in value)
    return str(value)


def printable(text: str) -> str:
    """Text without the control characters by which a terminal could be driven."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def one_line(text: str) -> str:
    """Text on one line, printable."""
    return printable(" ".join(text.split()))


def width() -> int:
    """How many columns the terminal has, or ``COLUMNS`` says; 80 where nothing does."""
    import shutil

    return min(max(shutil.get_terminal_size((80, 24)).columns, _NARROW), _WIDE)


def paragraph(text: str, *, first: str = "", rest: str = "") -> str:
    """Text wrapped to the terminal, printable; `first` and `rest` begin its lines."""
    return textwrap.fill(
        one_line(text),
        width(),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, flexible: str | None = None) -> None:
    """Print a table that fits the terminal; one column takes what width is left."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # A terminal that cannot show the line under the header gets dashes.
    lines = box.SIMPLE_HEAD if (sys.stdout.encoding or "").lower().startswith("utf") else box.ASCII2
    grid = Table(title=Text(title), title_justify="left", box=lines, pad_edge=False, expand=False)
    for column in columns:
        wide = column == flexible
        grid.add_column(
            column, no_wrap=not wide, overflow="fold" if wide else "ellipsis", min_width=30 if wide else None
        )
    for row in rows:
        grid.add_row(*(Text("\n".join(printable(line) for line in cell.split("\n"))) for cell in row))
    out = io.StringIO()
    console = Console(
        file=out, width=width(), highlight=False, force_terminal=sys.stdout.isatty(), legacy_windows=False
    )
    console.print(grid)
    # Padding to the right edge is of no use in a file, and wraps in a narrower window.
    emit("\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n")


def day(seconds: int) -> str:
    """A date as ISO 8601, in UTC."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


__all__ = [
    "FORMAT_HELP",
    "Format",
    "day",
    "emit",
    "escape_markdown",
    "one_line",
    "paragraph",
    "printable",
    "say",
    "table",
    "width",
    "write_csv",
    "write_json",
    "write_markdown",
]
