"""Audits and their records as people see them: HTML that is whole and harmless, text that says what was found."""

from __future__ import annotations

import dataclasses
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.repos import RepoBuilder

import branchsim as bs
from branchsim.audit.causes import Cause
from branchsim.audit.conformance import Rule, Violation
from branchsim.audit.evidence import Evidence
from branchsim.audit.findings import Finding
from branchsim.audit.leaks import Leak
from branchsim.audit.match import Counterpart, Match, Missing, Skipped
from branchsim.audit.overwrites import Overwrite, State
from branchsim.audit.verdicts import Obligation, Verdict
from branchsim.audit.windows import Window
from branchsim.names import Sha

if TYPE_CHECKING:
    from pathlib import Path

SHA = Sha("ab" * 20)
_TAGS = {
    "style", "div", "span", "table", "thead", "tbody", "tr", "th", "td", "code", "pre", "details", "summary", "ul",
    "li", "p",
}  # fmt: skip


class _Whole(HTMLParser):
    """Reads HTML and refuses what is not closed, not known, or could run."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _TAGS, tag
        assert {name for name, _ in attrs} <= {"class", "style", "open"}, attrs
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.texts.append(data)


def _read(html: str) -> str:
    reader = _Whole()
    reader.feed(html)
    reader.close()
    assert not reader.open
    return " ".join(reader.texts)


def _records(said: str) -> list[Any]:
    return [
        Obligation(
            change=SHA, commits=(SHA,), subject=said, author=said, family=said, landing=SHA, landed_on=said,
            landed_at=0, owed_to=said, verdict=Verdict.LOST, evidence=Evidence.ANCESTOR, counterpart=SHA, at=SHA,
            arrived_at=1, deadline=SHA, overdue=True, confidence=0.5, reason=said, check=said,
        ),
        Overwrite(
            change=SHA, commits=(SHA,), subject=said, family=None, path=said, branch=said, landing=SHA, landed_at=0,
            dropped_by=SHA, side="target", cause=Cause.EVIL_MERGE, fate=said, units=(said,), rank=0.7, confidence=0.6,
            state=State.RESTORED, restored_by=SHA, restored_at=5, releases=(said,), reason=said, check=said,
        ),
        Leak(
            branch=said, landing=SHA, landed_at=0, source=said, came_from=said, commits=(SHA,), reason=said, check=said
        ),
        Window(
            branch=said, opened_by=SHA, opened_at=0, source=said, closed_by=None, closed_at=None, closed_on=said,
            hours=3.0, hotfixes=(SHA,),
        ),
        Violation(
            branch=said, landing=SHA, landed_at=0, rule=Rule.DIRECT, source=said, inferred=True, reason=said, check=said
        ),
        Finding(
            path=said, unit=said, side="target", what="lost", fate=said, cause=Cause.STALE_COMMIT, before=said,
            after=said, changes=(SHA,), rank=0.4, restored_by=None, reason=said, check=said,
        ),
        Match(
            source=said, target=said, source_sha=SHA, target_sha=SHA,
            counterparts=(Counterpart(SHA, SHA, Evidence.SUBJECT, 0.9, 1.0, said),) * 30,
            missing_commits=tuple(_missing(said)), skipped=(Skipped(said, said),), subjects={SHA: said},
        ),
        bs.Inspection(SHA, "merge", said, (), (Skipped(said, said),), subjects={SHA: said}),
    ]  # fmt: skip


def _missing(said: str) -> list[Missing]:
    from branchsim.audit.applies import Applies

    return [Missing(SHA, applies, said) for applies in Applies]


@given(st.text(st.characters(), max_size=30) | st.sampled_from(["<script>alert(1)</script>", "' onclick=x", "\x1b[2J"]))
def test_whatever_strangers_write_is_shown_and_does_nothing(said: str) -> None:
    for record in _records(said):
        _read(record._repr_html_())
        assert all(line.isprintable() for line in str(record).split("\n"))
        str(record).encode()
        assert repr(record).isprintable()


def test_a_record_shows_everything_a_person_decides_by() -> None:
    for record in _records("what was said"):
        html = _read(record._repr_html_())
        assert "what was said" in html
        assert "ab" * 6 in html
        assert "ab" * 7 not in html.replace("ab" * 20, "")
    obligation, overwrite, *_ = _records("x")
    for word in ("lost, overdue", "ancestor", "0.50", "1970-01-01 00:00 UTC"):
        assert word in _read(obligation._repr_html_())
    assert "still open" in _read(_records("x")[3]._repr_html_())
    assert "evil-merge" in str(overwrite)


def test_details_are_folded_and_no_colour_of_text_is_set() -> None:
    inspection = _records("x")[-1]
    html = inspection._repr_html_()
    assert "<details><summary>" in html
    style = html.partition("</style>")[0]
    assert "background:#" not in style
    assert "color:inherit" in style
    assert "<script" not in html


@pytest.fixture
def found(tmp_path: Path) -> bs.Audit:
    path = tmp_path / "<b>repo"
    with RepoBuilder(path, bare=True) as repo:
        repo.commit("main", {"a": "1\n", "b": "1\n"})
        repo.branch("develop", "main")
        repo.commit("develop", {"a": "2\n"})
        for number in range(20):
            repo.commit("main", {f"f{number}": "x\n"}, subject=f"Fix <{number}>")
    return bs.audit(path, bs.Topology.gitflow(), cache=None)


def test_an_audit_says_what_needs_a_person(found: bs.Audit) -> None:
    html = _read(found._repr_html_())
    assert "What needs a person (20)" in html
    assert "and 8 more:" in html
    assert "Fix <19>" in html
    text = str(found)
    assert "20 obligations: 20 missed" in text
    assert "... and 10 more: audit.findings" in text
    assert text.count("missed: ") == 10
    assert repr(found).startswith("<Audit of ")
    assert "\n" not in repr(found)


def test_an_audit_without_findings_is_whole_too(found: bs.Audit) -> None:
    clean = dataclasses.replace(found, records=(), overwrite_records=(), violation_records=())
    assert "No change is owed to another branch." in _read(clean._repr_html_())
    assert "0 obligations: none" in str(clean)


def test_the_repr_of_a_record_is_one_short_line() -> None:
    assert [repr(each).replace("ab" * 6, "ID") for each in _records("x" * 200)[:6]] == [
        f"<Obligation ID {'x' * 59}…: lost on {'x' * 200}>",
        f"<Overwrite of ID {'x' * 59}… in {'x' * 30}…{'x' * 29} on {'x' * 200}: evil-merge, restored, rank 0.70>",
        f"<Leak to {'x' * 200} with ID: 1 commit from {'x' * 200}>",
        f"<Window on {'x' * 200} from 1970-01-01 00:00 UTC, open: 3.0 hours>",
        f"<Violation on {'x' * 200} with ID: direct>",
        f"<Finding in {'x' * 30}…{'x' * 29}: lost {'x' * 59}…, stale-commit, rank 0.40>",
    ]
