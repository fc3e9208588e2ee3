"""A page in headless Chromium: what it shows, what it asks for, what does not fit.

``python tests/support/browser.py docs/images/report.png`` takes the picture of a report that the README shows.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium.webdriver.chrome.webdriver import WebDriver

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    # No name leads anywhere, and no address answers: the page is alone.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=127.0.0.1:9",
)
_COLOURS = 128

# Elements whose content is wider than they are, unless they or one around them scroll by themselves.
_TOO_WIDE = """
const scrolls = (each) => { for (let up = each; up; up = up.parentElement) {
  if (['auto', 'scroll'].includes(getComputedStyle(up).overflowX)) return true; } return false; };
const found = [];
const edge = document.documentElement.clientWidth + 1;
for (const each of document.body.querySelectorAll('*')) {
  const box = each.getBoundingClientRect();
  if (!box.width || scrolls(each)) continue;
  if (box.right > edge || (getComputedStyle(each).display !== 'inline' && each.scrollWidth > each.clientWidth + 1))
    found.push(each.tagName + ' ' + each.className + ': ' + each.textContent.trim().slice(0, 60));
}
return [document.documentElement.scrollWidth <= edge, found];
"""


def missing() -> str:
    """What is not installed, in a sentence; empty if all is there."""
    lacking = [name for name, place in (("Chromium", _chromium()), ("its driver", _driver())) if place is None]
    return f"no browser: {' and '.join(lacking)} not installed (packages chromium, chromium-driver)" if lacking else ""


def _chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def _driver() -> str | None:
    return shutil.which("chromedriver")


@contextlib.contextmanager
def chromium() -> Iterator[WebDriver]:
    """A browser with a profile of its own, which is removed afterwards."""
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as profile:
        options = ChromeOptions()
        options.binary_location = _chromium() or ""
        for flag in (*_FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        with Chrome(options=options, service=ChromeService(_driver())) as driver:
            yield driver


def visit(driver: WebDriver, page: Path, *, width: int, height: int = 900, dark: bool = False) -> None:
    """Show a file at a size and in a theme."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    driver.get(page.as_uri())


def unfold(driver: WebDriver) -> None:
    """Open everything that is folded."""
    driver.execute_script("document.querySelectorAll('details').forEach((each) => { each.open = true; })")


def too_wide(driver: WebDriver) -> list[str]:
    """What does not fit, each with the beginning of its text."""
    fits, found = driver.execute_script(_TOO_WIDE)
    return [*found, *([] if fits else ["the page scrolls sideways"])]


def asked_for(driver: WebDriver) -> list[str]:
    """The addresses of all that pages have asked for since the last call, without what the browser shows by itself."""
    events = [json.loads(entry["message"])["message"] for entry in _log(driver, "performance")]
    asked = [each["params"] for each in events if each["method"] == "Network.requestWillBeSent"]
    return [each["request"]["url"] for each in asked if not each["documentURL"].startswith("chrome:")]


def complaints(driver: WebDriver) -> list[str]:
    """What the console says, since the last call."""
    return [f"{entry['level']}: {entry['message']}" for entry in _log(driver, "browser")]


def _log(driver: WebDriver, kind: str) -> list[dict[str, str]]:
    entries: list[dict[str, str]] = driver.get_log(kind)  # type: ignore[no-untyped-call]
    return entries


def picture(driver: WebDriver) -> bytes:
    """What is seen, as a small PNG."""
    from PIL import Image

    with Image.open(io.BytesIO(driver.get_screenshot_as_png())) as shot:
        small = shot.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    out = io.BytesIO()
    small.save(out, "PNG", optimize=True)
    return out.getvalue()


def report_of_the_year(place: Path) -> Path:
    """The report of the larger sample, made as the command makes it."""
    from branchsim.report import write_report
    from branchsim.sample import load

    repository = load("year", place / "acme")
    return write_report(repository, place / "report.html", cache=False)[0]


def _main(target: str) -> None:
    with tempfile.TemporaryDirectory() as place, chromium() as driver:
        visit(driver, report_of_the_year(Path(place)), width=1120, height=770)
        Path(target).write_bytes(picture(driver))


if __name__ == "__main__":
    _main(sys.argv[1])
