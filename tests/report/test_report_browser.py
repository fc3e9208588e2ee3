"""The report in a real browser: it asks for nothing, complains of nothing, and everything fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support import browser
from support.cli import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(bool(browser.missing()), reason=browser.missing() or "there is one")


def test_a_report_in_chromium(tmp_path: Path) -> None:
    page = browser.report_of_the_year(tmp_path)
    with browser.chromium() as driver:
        for width, dark in ((1120, False), (1120, True), (390, False)):
            browser.visit(driver, page, width=width, dark=dark)
            assert browser.too_wide(driver) == [], (width, dark)
            if width == 1120 and not dark:
                shot = browser.picture(driver)
            browser.unfold(driver)
            assert browser.too_wide(driver) == [], (width, dark, "unfolded")
        assert "" not in driver.execute_script("return [...document.images].map((each) => each.alt)")
        assert browser.complaints(driver) == []
        assert {url.partition(":")[0] for url in browser.asked_for(driver)} <= {"file", "data"}
    # The picture that the README shows is taken in the same way, and is no burden on a clone.
    shown = ROOT / "docs" / "images" / "report.png"
    assert "docs/images/report.png" in (ROOT / "README.md").read_text(encoding="utf-8")
    for data in (shot, shown.read_bytes()):
        assert data.startswith(b"\x89PNG")
        assert 20_000 < len(data) < 150_000


def test_the_checks_see_what_is_wrong(tmp_path: Path) -> None:
    """Of each fault one, on a page made for it."""
    page = tmp_path / "wrong.html"
    page.write_text(
        '<!DOCTYPE html><body><p style="width:90px;white-space:nowrap">longer than its place allows it to be</p>'
        '<img src="http://example.invalid/a.png"><script>console.error("of the page")</script>',
        encoding="utf-8",
    )
    with browser.chromium() as driver:
        browser.visit(driver, page, width=400)
        assert [each for each in browser.too_wide(driver) if each.startswith("P ")]
        assert any("of the page" in each for each in browser.complaints(driver))
        assert "http://example.invalid/a.png" in browser.asked_for(driver)
