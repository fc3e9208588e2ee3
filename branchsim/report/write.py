"""Write a report: execute the audit notebook on a repository and make one file of it."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from branchsim.errors import InputError
from branchsim.formatting import directory_name, plain
from branchsim.report.notebook import absolute, audit_notebook, execute, need
from branchsim.report.render import to_html, to_markdown
from branchsim.report.workbook import to_workbook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class ReportFormat(StrEnum):
    """The forms of a report."""

    HTML = "html"
    MARKDOWN = "markdown"
    XLSX = "xlsx"


_ENDINGS = {
    ".html": ReportFormat.HTML,
    ".htm": ReportFormat.HTML,
    ".md": ReportFormat.MARKDOWN,
    ".markdown": ReportFormat.MARKDOWN,
    ".xlsx": ReportFormat.XLSX,
}


def format_of(out: str | os.PathLike[str]) -> ReportFormat:
    """The form that the name of a file asks for.

    Raises
    ------
    InputError
        Its ending says nothing.
    """
    ending = Path(out).suffix.lower()
    if ending not in _ENDINGS:
        raise InputError(
            f"{out}: the ending does not say which form the report has; use .html, .md or .xlsx, or name the format"
        )
    return _ENDINGS[ending]


def write_report(
    repo: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    topology: str | os.PathLike[str] | None = None,
    since: str | None = None,
    until: str | None = None,
    trailers: bool = True,
    cache: bool = True,
    form: ReportFormat | str | None = None,
    report: Callable[[str, int | None], None] | None = None,
) -> tuple[Path, ...]:
    """Audit a repository and write what was found, to be handed on.

    HTML and Markdown are the audit notebook, executed on the repository; HTML is one file that loads nothing, Markdown
    has its pictures in a directory beside it. A workbook has a sheet for each table.

    Parameters
    ----------
    repo : path-like
        The repository; it is only read.
    out : path-like
        The file to write; one that is there is replaced, at once and only when the report is whole.
    topology : path-like, optional
        A ``branchsim.toml`` or a project that describes its branches; without it as `branchsim.audit` does.
    since, until : str, optional
        As in `branchsim.audit`.
    trailers, cache : bool
        Whether trailers count as evidence; whether facts about commits are kept on disk.
    form : ReportFormat or {"html", "markdown", "xlsx"}, optional
        The form; by the ending of ``out`` if not given.
    report : callable, optional
        Called with what is being done, for a progress bar.

    Returns
    -------
    tuple of Path
        The files that were written; the report is the first.

    Raises
    ------
    ReportError
        The extra ``branchsim[report]`` is not installed, or the notebook failed.
    NotARepositoryError, UnknownBranchError, TopologyError, InputError, GitError
        As in `branchsim.audit`; InputError too where the file cannot be written.

    Examples
    --------
    >>> write_report("path/to/repo", "report.html", since="2025-01-01")  # doctest: +SKIP
    """
    chosen = _form(form, out)
    target = Path(out)
    if target.is_dir() or not target.absolute().parent.is_dir():
        raise InputError(
            f"{target} cannot be written: {'it is a directory' if target.is_dir() else 'its directory does not exist'}"
        )

    def say(what: str) -> None:
        if report is not None:
            report(what, None)

    need()
    if chosen is ReportFormat.XLSX:
        from branchsim.audit.audit import audit

        found = audit(
            repo,
            topology,
            since=since,
            until=until,
            trailers=trailers,
            cache="default" if cache else None,
            report=report,
        )
        return _write(target, to_workbook(found), {})
    say("executing the audit notebook")
    executed = execute(
        audit_notebook(),
        {
            "repository": absolute(repo),
            "topology": absolute(topology) if topology is not None else "",
            "since": since or "",
            "until": until or "",
            "trailers": trailers,
            "cache": cache,
        },
    )
    title = f"Release audit of {plain(directory_name(absolute(repo)))}"
    if chosen is ReportFormat.HTML:
        return _write(target, to_html(executed, title=title).text.encode(), {})
    folder = f"{target.stem}_files"
    page = to_markdown(executed, title=title, folder=folder)
    return _write(target, page.text.encode(), {f"{folder}/{name}": data for name, data in page.files.items()})


def _form(form: ReportFormat | str | None, out: str | os.PathLike[str]) -> ReportFormat:
    if form is None:
        return format_of(out)
    try:
        return ReportFormat(form)
    except ValueError:
        raise InputError(f"a report has no form {form!r}; the forms are {', '.join(ReportFormat)}") from None


def _write(target: Path, data: bytes, beside: Mapping[str, bytes]) -> tuple[Path, ...]:
    """Write files, the report last, so that it is never there without what it shows."""
    written = []
    try:
        for name, content in beside.items():
            place = target.parent / name
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(content)
            written.append(place)
        half = target.with_name(f".{target.name}.part")
        try:
            half.write_bytes(data)
            half.replace(target)
        finally:
            half.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror}") from None
    return (target, *written)


__all__ = ["ReportFormat", "format_of", "write_report"]
