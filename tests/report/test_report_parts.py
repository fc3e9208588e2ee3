"""What a report is made of, on a repository whose subjects are hostile; how it is written, and how it fails."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import nbformat
import openpyxl
import pytest
from support.repos import RepoBuilder

from branchsim import report
from branchsim.audit.audit import Audit, audit
from branchsim.errors import InputError, NotARepositoryError
from branchsim.report.notebook import audit_notebook, execute
from branchsim.report.render import to_html, to_markdown
from branchsim.sample import load
from branchsim.topology import Topology

if TYPE_CHECKING:
    from pathlib import Path

_HOSTILE = ('=cmd|"/C calc"!A0', "<script>alert(1)</script> `code` | pipe", "\x1b[2J\u202egnp.exe", "#N/A")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    with RepoBuilder(tmp_path_factory.mktemp("hostile") / "shop") as made:
        made.commit("production", {"a.txt": "1\n"})
        for branch in ("preprod", "uat", "integration"):
            made.branch(branch, "production")
        for number, subject in enumerate(_HOSTILE):
            made.commit("preprod", {f"{number}.txt": "a fix\n"}, subject=subject)
    return audit(made.path, Topology.build_run(), cache=None)


def _sections(found: Audit) -> list[report.Section]:
    return [
        report.summary(found),
        report.findings(found),
        report.reading(found),
        report.table(found.obligations),
        report.table(report.releases(found)),
    ]


def test_every_section_shows_hostile_text_and_none_of_it_acts(found: Audit) -> None:
    for section in _sections(found):
        assert "<script>" not in section.html
        assert "<script>" not in section.markdown.replace("\\<script", "")
        assert "\x1b" not in section.html + section.markdown + section.text
        assert "\u202e" not in section.html + section.markdown + section.text
    shown = report.table(found.obligations, ["subject"])
    assert "&lt;script&gt;" in shown.html
    assert "\\| pipe" in shown.markdown


def test_the_summary_leads_with_a_sentence(found: Audit) -> None:
    text = report.summary(found).text.splitlines()
    assert text[0].startswith("4 of 4 changes that were owed to another branch are not there.")
    assert [case.what for case in report.cases(found)] == ["never arrived on integration"] * 4


def test_a_table_says_how_much_it_leaves_out_and_which_column_is_unknown(found: Audit) -> None:
    assert "and 3 more rows" in report.table(found.obligations, ["subject"], most=1).text
    with pytest.raises(InputError, match="no column 'verdic'"):
        report.table(found.obligations, ["verdic"])


def test_a_workbook_holds_texts_and_no_formulas(found: Audit) -> None:
    made = report.to_workbook(found)
    assert made == report.to_workbook(found)
    book = openpyxl.load_workbook(io.BytesIO(made))
    assert book.properties.modified == datetime.fromtimestamp(found.as_of, UTC).replace(tzinfo=None)
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell.value for cell in cells if cell.data_type in {"f", "e"}]
    values = {cell.value for cell in cells}
    assert {_HOSTILE[0], _HOSTILE[3]} <= values
    assert book.sheetnames[0].lower() == "summary"


def test_numbers_of_a_workbook_are_numbers(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(io.BytesIO(report.to_workbook(audit(load("story", tmp_path / "story")))))
    heads, *rows = book["Releases"].iter_rows(values_only=True)
    counted = [dict(zip(heads, row, strict=True))["changes"] for row in rows]
    assert counted
    assert all(isinstance(count, int) for count in counted)


def test_pages_leave_out_code_and_what_is_for_the_reader_of_the_notebook() -> None:
    made = nbformat.v4.new_notebook(  # type: ignore[no-untyped-call]
        cells=[
            nbformat.v4.new_markdown_cell("# Title\nfor the notebook", metadata={"tags": ["notebook-only"]}),  # type: ignore[no-untyped-call]
            nbformat.v4.new_markdown_cell("## Summary"),  # type: ignore[no-untyped-call]
            nbformat.v4.new_code_cell(  # type: ignore[no-untyped-call]
                "secret = 1",
                outputs=[
                    nbformat.v4.new_output(  # type: ignore[no-untyped-call]
                        "display_data", data={"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"}
                    )
                ],
            ),
        ]
    )
    page = to_html(made, title="Audit of <b>").text
    assert "default-src 'none'" in page
    assert "Audit of &lt;b&gt;" in page
    assert 'href="#Summary"' in page
    assert 'alt="Summary"' in page
    wiki = to_markdown(made, title="Audit", folder="report_files")
    assert [*wiki.files] == ["picture-1.png"]
    assert "![Summary](report_files/picture-1.png)" in wiki.text
    for text in (page, wiki.text):
        assert "secret" not in text
        assert "for the notebook" not in text
        assert "<script" not in text


def test_what_goes_wrong_in_the_notebook_is_the_error_it_was(tmp_path: Path) -> None:
    with pytest.raises(NotARepositoryError, match="nowhere"):
        execute(audit_notebook(), {"repository": str(tmp_path / "nowhere")})


@pytest.mark.parametrize(
    ("out", "form", "said"),
    [
        ("report.docx", None, "the ending does not say"),
        ("report.html", "pdf", "no form 'pdf'"),
        ("no/such/directory/report.html", None, "its directory does not exist"),
        (".", "html", "it is a directory"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_done(
    tmp_path: Path, out: str, form: str | None, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        report.write_report(tmp_path, tmp_path / out, form=form)
    assert [*tmp_path.iterdir()] == []
