"""Evidence of a failed browser test, for the report and the archive."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import pytest_html.extras

from release import browser
from release.coordination.collection import RUN
from release.redaction import redact

if TYPE_CHECKING:
    from release.browser import Evidence


def add(item: pytest.Item, report: pytest.TestReport) -> None:
    """Add screenshot, page source, console and address to a failed test's report."""
    run = item.config.stash.get(RUN, None)
    driver = getattr(item, "funcargs", {}).get("browser")
    if run is None or driver is None or not (report.when == "call" and report.failed):
        return
    # A test with a browser has imported it; others need not wait for it.
    from selenium.webdriver.remote.webdriver import WebDriver  # noqa: PLC0415

    if not isinstance(driver, WebDriver):
        return
    seen = _redacted(browser.capture(driver))
    name = re.sub(r"[^\w.-]+", "-", item.nodeid.rpartition("/")[2])
    folder = run.build.folder / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.html").write_text(seen.page_source, encoding="utf-8")
    console = "\n".join((*seen.console, *seen.missing)) or "nothing"
    found = [
        ("address", seen.url),
        ("page", f"screenshots/{name}.html"),
        ("console", console),
    ]
    if seen.screenshot_png:
        (folder / f"{name}.png").write_bytes(seen.screenshot_png)
        found.append(("screenshot", f"screenshots/{name}.png"))
    # One list is pytest's for this report, the other for those that follow.
    report.user_properties += found
    item.user_properties += found
    extras = pytest_html.extras
    report.extras = [  # type: ignore[attr-defined] # pytest-html's own seam
        *getattr(report, "extras", []),
        extras.text(seen.page_source, "Page source"),
        extras.text(console, "Console"),
        extras.url(seen.url, "Address"),
    ]


def _redacted(seen: Evidence) -> Evidence:
    """Return evidence without secrets; a screenshot shows what it shows."""
    return replace(
        seen,
        url=redact(seen.url),
        page_source=redact(seen.page_source),
        console=tuple(redact(line) for line in seen.console),
        missing=tuple(redact(line) for line in seen.missing),
    )


def conceal(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Take secrets out of a report: what failed, what was printed, what was noted."""
    shown = report.longreprtext
    hidden = redact(shown)
    if hidden != shown:
        report.longrepr = hidden
    report.sections = [(name, redact(text)) for name, text in report.sections]
    if isinstance(report, pytest.TestReport):
        report.user_properties = [
            (name, redact(value) if isinstance(value, str) else value)
            for name, value in report.user_properties
        ]
