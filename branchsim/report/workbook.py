"""An audit as a workbook for a spreadsheet: a sheet for each table. What a repository holds never becomes a formula."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from branchsim.formatting import day, directory_name, place_named, short_id
from branchsim.report.cases import cases, headline
from branchsim.report.figures import figures
from branchsim.report.notebook import need
from branchsim.report.releases import releases

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from branchsim.audit.audit import Audit

_LONGEST_CELL = 32_767
_MOST_ROWS = 1_048_575
_WIDEST = 60
_NARROWEST = 8
_WRAPPED = frozenset({"reason", "subject", "check", "without", "units", "what", "commits", "fate", "note"})


def to_workbook(audit: Audit) -> bytes:
    """An audit as the bytes of an ``.xlsx`` file.

    Parameters
    ----------
    audit : Audit
        The audit.

    Returns
    -------
    bytes
        Sheets: Summary, Findings, Releases, Obligations, Overwrites, Leaks, Freeze windows, Violations, How it was
        read. Times are UTC, without a zone, as spreadsheets want them. Text is text: none of it is a formula or a
        link. The same audit gives the same bytes.

    Raises
    ------
    ReportError
        openpyxl is not installed.
    """
    need("openpyxl")
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.worksheets[0])
    first = book.create_sheet("Summary")
    _rows(first, ("", ""), _summary(audit), widths=(48, 90))
    _rows(
        book.create_sheet("Findings"),
        ("urgency", "change", "subject", "landed (UTC)", "what", "overdue", "reason", "check"),
        (
            (
                case.urgency,
                short_id(case.change),
                case.subject,
                _moment(case.landed_at),
                case.what,
                case.overdue,
                case.reason,
                case.check,
            )
            for case in cases(audit)
        ),
    )
    for title, frame in (
        ("Releases", releases(audit)),
        ("Obligations", audit.obligations),
        ("Overwrites", audit.overwrites),
        ("Leaks", audit.leaks),
        ("Freeze windows", audit.windows),
        ("Violations", audit.violations),
    ):
        _frame(book.create_sheet(title), frame)
    _rows(book.create_sheet("How it was read"), ("what", "note"), _reading(audit))
    # The time of writing would make every file another one.
    book.properties.created = book.properties.modified = _moment(audit.as_of) or datetime(1980, 1, 1)  # noqa: DTZ001
    book.properties.creator = "branchsim"
    return _packed(book)


def _summary(audit: Audit) -> list[tuple[object, object]]:
    counted = figures(audit)
    return [
        ("repository", directory_name(audit.repository)),
        ("from (UTC)", day(counted.start)),
        ("to (UTC)", day(counted.end)),
        ("topology", f"{audit.topology.name}, {place_named(audit.origin, audit.repository)}"),
        ("in short", headline(audit, cases(audit))),
        ("changes owed to another branch", counted.owed),
        ("of these not there", counted.absent),
        ("of these late", counted.late),
        ("changes overwritten and gone from a branch that is released from", counted.overwritten_last),
        ("changes overwritten and gone from any branch", counted.overwritten),
        ("leaks", counted.leaks),
        ("releases", counted.releases),
        ("days until half of what is owed has arrived", counted.wait_days),
        ("days in which RUN was frozen", counted.frozen_days),
        ("share of the time in which RUN was frozen", round(counted.frozen_share, 4)),
    ]


def _reading(audit: Audit) -> Iterable[tuple[object, object]]:
    for reason in audit.reasons:
        yield "topology", place_named(reason, audit.repository)
    for note in audit.notes:
        yield "note", place_named(note, audit.repository)
    for rule, count in sorted(audit.left_out.items()):
        yield f"lost, and no loss: {rule}", count
    for each in audit.skipped:
        yield f"not read: {each.what}", each.reason


def _moment(seconds: int | None) -> datetime | None:
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    except (OverflowError, OSError, ValueError):
        return None


def _frame(sheet: Any, frame: pd.DataFrame) -> None:
    heads = [f"{name} (UTC)" if str(dtype).startswith("datetime64") else name for name, dtype in frame.dtypes.items()]
    _rows(sheet, heads, frame.itertuples(index=False, name=None))


def _rows(
    sheet: Any, heads: Sequence[object], rows: Iterable[Sequence[object]], *, widths: Sequence[int] | None = None
) -> None:
    """Fill a sheet: a bold head that stays, columns that fit, long text wrapped."""
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter

    wide = [len(str(head)) + 2 for head in heads]
    for place, head in enumerate(heads, start=1):
        _write(sheet.cell(row=1, column=place), head)
        sheet.cell(row=1, column=place).font = Font(bold=True)
    for number, row in enumerate(rows, start=2):
        if number > _MOST_ROWS:
            _write(
                sheet.cell(row=number, column=1), "more rows than a sheet can hold: see branchsim audit --format json"
            )
            break
        for place, value in enumerate(row, start=1):
            cell = sheet.cell(row=number, column=place)
            _write(cell, value)
            cell.alignment = Alignment(
                vertical="top", wrap_text=str(heads[place - 1]) in _WRAPPED or widths is not None
            )
            wide[place - 1] = max(wide[place - 1], min(_WIDEST, len(str(cell.value if cell.value is not None else ""))))
    for place, width in enumerate(widths or wide, start=1):
        sheet.column_dimensions[get_column_letter(place)].width = max(_NARROWEST, width)
    sheet.freeze_panes = "A2"
    if sheet.max_row > 1 and widths is None:
        sheet.auto_filter.ref = sheet.dimensions


def _write(cell: Any, value: object) -> None:
    """Put a value into a cell; a text is a text, whatever it begins with."""
    import numpy as np
    import pandas as pd

    if isinstance(value, (tuple, list)):
        value = "\n".join(str(each) for each in value)
    if isinstance(value, np.generic):
        value = value.item()  # a number of numpy is none of Python's, and would become a text
    if value is None or value is pd.NA or value is pd.NaT:
        return
    if isinstance(value, pd.Timestamp):
        cell.value = value.tz_convert("UTC").tz_localize(None).to_pydatetime().replace(microsecond=0)
        cell.number_format = "yyyy-mm-dd hh:mm"
    elif isinstance(value, datetime):
        cell.value = value
        cell.number_format = "yyyy-mm-dd hh:mm"
    elif isinstance(value, (bool, int, float)):
        cell.value = value
    else:
        text = "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in str(value))
        cell.value = text[:_LONGEST_CELL]
        # openpyxl takes what begins with "=" for a formula, and "#N/A" for an error.
        cell.data_type = "s"
        # And a spreadsheet does when the cell is edited, unless it is told that it is quoted.
        cell.quotePrefix = True


def _packed(book: Any) -> bytes:
    """The file, with the same date on everything in the archive."""
    import zipfile

    from openpyxl.xml.functions import tostring

    raw = io.BytesIO()
    modified = book.properties.modified
    book.save(raw)
    # Saving sets it to the time of this moment.
    book.properties.modified = modified
    properties = tostring(book.properties.to_tree())
    out = io.BytesIO()
    with zipfile.ZipFile(raw) as made, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted(made.namelist(), key=lambda each: (each != "[Content_Types].xml", each)):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, properties if name == "docProps/core.xml" else made.read(name))
    return out.getvalue()


__all__ = ["to_workbook"]
