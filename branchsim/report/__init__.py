"""Hand an audit on: a report that a manager reads in a minute, with the evidence behind it.

`write_report` makes a file. The parts of it can be shown one by one in a notebook: `summary`, `findings`, `releases`,
`reading`, and `table` for any table of an audit.
"""

from __future__ import annotations

from branchsim.report.cases import Case, cases
from branchsim.report.figures import Figures, figures
from branchsim.report.findings import findings
from branchsim.report.notebook import ReportError, audit_notebook
from branchsim.report.reading import reading
from branchsim.report.releases import RELEASES_SCHEMA, releases
from branchsim.report.section import Section, table
from branchsim.report.summary import summary
from branchsim.report.workbook import to_workbook
from branchsim.report.write import ReportFormat, write_report

__all__ = [
    "RELEASES_SCHEMA",
    "Case",
    "Figures",
    "ReportError",
    "ReportFormat",
    "Section",
    "audit_notebook",
    "cases",
    "figures",
    "findings",
    "reading",
    "releases",
    "summary",
    "table",
    "to_workbook",
    "write_report",
]
