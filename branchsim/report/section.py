"""A part of a report in its three forms: HTML for a page, Markdown for a wiki, text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from branchsim.errors import InputError, nearest
from branchsim.formatting import (
    STYLE,
    Html,
    code,
    escape_markdown,
    ident,
    join,
    markup,
    plain,
    short_id,
    shorten,
    tag,
)

if TYPE_CHECKING:
    import pandas as pd

STYLE_OF_REPORTS = """<style>
.branchsim-headline{font-size:15px;font-weight:600;margin:.4em 0 .8em}
.branchsim-tiles{display:flex;flex-wrap:wrap;gap:.6em;margin:.6em 0 1em;padding:0;list-style:none}
.branchsim-tiles>div{flex:1 1 8.5em;border:1px solid rgba(128,128,128,.35);border-radius:6px;padding:.5em .7em}
.branchsim-number{font-size:20px;font-weight:600;font-variant-numeric:tabular-nums}
.branchsim-wide{overflow-x:auto}
.branchsim-wide td,.branchsim-wide td:last-child{overflow-wrap:break-word}
.branchsim-wide td.branchsim-long{min-width:15em;overflow-wrap:anywhere}
</style>"""

_OBJECT_IDS = frozenset(
    {"change", "landing", "counterpart", "at", "deadline", "dropped_by", "restored_by", "opened_by", "closed_by"}
)
_LONG = 160
_WIDE = 36


@dataclass(frozen=True, slots=True, repr=False)
class Section:
    """A part of a report. A notebook shows its HTML, ``print`` its text.

    Attributes
    ----------
    html : str
        Without script; escaped, and right in a light and in a dark theme.
    markdown : str
        What comes from the repository is escaped.
    text : str
        Lines that are safe to print.
    """

    html: str
    markdown: str
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html

    def _repr_markdown_(self) -> str:
        return self.markdown


def body(*parts: object) -> str:
    """The HTML of a section."""
    return f'{STYLE}{STYLE_OF_REPORTS}<div class="branchsim">{join(parts)}</div>'


def wide(content: Html) -> Html:
    """Content that may be wider than its place; it then scrolls by itself."""
    return tag("div", content, kind="wide") if content else content


def markdown_code(text: object) -> str:
    """A command or a path as code in Markdown, also in a table."""
    shown = plain(text).replace("|", "\\|")
    longest = max((len(run) for run in _runs(shown)), default=0)
    fence = "`" * (longest + 1)
    room = " " if longest else ""
    return f"{fence}{room}{shown}{room}{fence}" if shown else ""


def _runs(text: str) -> Iterable[str]:
    """The runs of backticks in a text."""
    run = ""
    for character in text + " ":
        if character == "`":
            run += character
        elif run:
            yield run
            run = ""


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [f"| {' | '.join(heads)} |", "|" + " --- |" * len(heads)]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)


def table(frame: pd.DataFrame, columns: Sequence[str] | None = None, *, most: int = 200) -> Section:
    """A table of an audit for people: short ids, times in UTC, long texts wrapped, nothing linked.

    Parameters
    ----------
    frame : DataFrame
        A table of an audit, or some rows of one.
    columns : sequence of str, optional
        The columns, in order; all if not given.
    most : int
        So many rows are shown; how many more there are is said.

    Returns
    -------
    Section
        The table.

    Raises
    ------
    InputError
        The table has no such column.
    """
    chosen = list(frame.columns) if columns is None else list(columns)
    for name in chosen:
        if name not in frame.columns:
            raise InputError(f"the table has no column {name!r}{nearest(name, map(str, frame.columns))}")
    rows = [[_cell(name, value) for name, value in zip(chosen, row, strict=True)] for row in _rows(frame, chosen, most)]
    more = f"and {len(frame) - most:,} more rows" if len(frame) > most else ""
    if not rows:
        return Section(body(tag("p", "None.")), "None.", "none")
    heads = [name.replace("_", " ") for name in chosen]
    kinds = [_kind(frame[name], (row[place].text for row in rows)) for place, name in enumerate(chosen)]
    head = "".join(f"<th>{markup(each)}</th>" for each in heads)
    lines = "".join(
        "<tr>"
        + "".join(
            f'<td class="branchsim-{kind}">{cell.html}</td>' if kind else f"<td>{cell.html}</td>"
            for kind, cell in zip(kinds, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    html = Html(f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>")
    return Section(
        body(wide(html), tag("div", more, kind="quiet") if more else ""),
        markdown_table(heads, [[cell.markdown for cell in row] for row in rows]) + (f"\n\n{more}" if more else ""),
        "\n".join(
            [" | ".join(heads), *(" | ".join(cell.text for cell in row) for row in rows), *([more] * bool(more))]
        ),
    )


@dataclass(frozen=True, slots=True)
class _Cell:
    html: Html
    markdown: str
    text: str


def _rows(frame: pd.DataFrame, columns: Sequence[str], most: int) -> Iterable[tuple[Any, ...]]:
    return frame[list(columns)].head(most).itertuples(index=False, name=None)


def _kind(column: pd.Series[Any], shown: Iterable[str]) -> str:
    """How a column is set: numbers to the right, long texts in a column that is wide enough and broken anywhere."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return "n"
    return "long" if max(map(len, shown), default=0) > _WIDE else ""


def _cell(name: str, value: Any) -> _Cell:
    import pandas as pd

    if isinstance(value, (tuple, list)):
        text = shorten(plain("; ".join(str(each) for each in value)), _LONG)
    elif value is None or pd.isna(value):
        return _Cell(Html(""), "", "")
    elif isinstance(value, pd.Timestamp):
        text = value.tz_convert("UTC").strftime("%Y-%m-%d %H:%M")
        return _Cell(tag("span", text, kind="whole"), text, text)
    elif isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, int):
        text = f"{value:,}"
    elif isinstance(value, float):
        text = f"{value:,.2f}"
    elif name in _OBJECT_IDS:
        return _Cell(ident(str(value)), markdown_code(short_id(str(value))), short_id(str(value)))
    elif name == "check":
        return _Cell(code(value), markdown_code(value), plain(value))
    else:
        text = plain(value)
    return _Cell(Html(markup(text)), escape_markdown(text), text)


__all__ = [
    "STYLE_OF_REPORTS",
    "Section",
    "body",
    "markdown_code",
    "markdown_table",
    "table",
    "wide",
]
