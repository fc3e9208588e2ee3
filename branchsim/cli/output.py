"""How results are printed: a table for people, JSON for programs, CSV and Markdown for handing on."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TextIO


class Format(StrEnum):
    """The forms of output."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


def write_json(value: Mapping[str, Any], out: TextIO | None = None) -> None:
    """Write a value as JSON, the same bytes for the same value."""
    out = out or sys.stdout
    json.dump(value, out, indent=1, ensure_ascii=True)
    out.write("\n")


def write_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], out: TextIO | None = None) -> None:
    """Write rows as CSV with a header; lists are joined by a space."""
    writer = csv.DictWriter(out or sys.stdout, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _flat(value) for key, value in row.items()})


def write_markdown(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], out: TextIO | None = None) -> None:
    """Write rows as a Markdown table; what the rows hold is escaped."""
    out = out or sys.stdout
    out.write("| " + " | ".join(columns) + " |\n|" + " --- |" * len(columns) + "\n")
    for row in rows:
        out.write("| " + " | ".join(escape_markdown(_flat(row.get(key))) for key in columns) + " |\n")


def escape_markdown(text: str) -> str:
    """Text that stands in a Markdown table as itself."""
    for mark in "\\`*_{}[]<>#|":
        text = text.replace(mark, "\\" + mark)
    return " ".join(text.split())


def _flat(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return " ".join(_flat(part) for part in value)
    return str(value)


def printable(text: str) -> str:
    """Text without the control characters by which a terminal could be driven."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, flexible: str | None = None) -> None:
    """Print a table that fits the terminal; one column takes what width is left."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, expand=False)
    for column in columns:
        wide = column == flexible
        grid.add_column(column, no_wrap=not wide, overflow="fold" if wide else "ellipsis", ratio=None)
    for row in rows:
        grid.add_row(*(Text("\n".join(printable(line) for line in cell.split("\n"))) for cell in row))
    Console(highlight=False, soft_wrap=False).print(grid)
