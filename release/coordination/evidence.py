"""What a browser showed at the end of a test, for the report and the archive."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from release import browser
from release.coordination.collection import RUN
from release.redaction import redact

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver

    from release.browser import Evidence


def add(item: pytest.Item, report: pytest.TestReport) -> None:
    """Add what the browser shows at a test's end: more of it where that failed."""
    run = item.config.stash.get(RUN, None)
    driver = getattr(item, "funcargs", {}).get("browser")
    if run is None or driver is None or report.when != "call" or report.skipped:
        return
    # A test with a browser has imported it; others need not wait for it.
    from selenium.webdriver.remote.webdriver import WebDriver  # noqa: PLC0415

    if not isinstance(driver, WebDriver):
        return
    name = re.sub(r"[^\w.-]+", "-", item.nodeid.rpartition("/")[2])
    folder = run.build.folder / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    found = _small(driver, folder, name)
    if report.failed:
        slow_ms = run.settings.env.smoke.slow_ms
        found += _whole(driver, folder, name, slow_ms=slow_ms)
    # One list is pytest's for this report, the other for those that follow.
    report.user_properties += found
    item.user_properties += found


def _small(driver: WebDriver, folder: Path, name: str) -> list[tuple[str, object]]:
    seen = browser.picture(driver)
    if not seen:
        return []
    (folder / f"{name}.webp").write_bytes(seen)
    return [("picture", f"screenshots/{name}.webp")]


def _whole(
    driver: WebDriver, folder: Path, name: str, *, slow_ms: float
) -> list[tuple[str, object]]:
    seen = _redacted(browser.capture(driver))
    (folder / f"{name}.html").write_text(seen.page_source, encoding="utf-8")
    found: list[tuple[str, object]] = [
        ("address", seen.url),
        ("page", f"screenshots/{name}.html"),
        ("console", "\n".join((*seen.console, *seen.missing)) or "nothing"),
    ]
    if seen.requests:
        asked = "".join(f"{each}\n" for each in seen.requests)
        (folder / f"{name}.requests.txt").write_text(redact(asked), encoding="utf-8")
        odd = "\n".join(browser.remarkable(seen.requests, slow_ms=slow_ms))
        found.append(("requests", f"screenshots/{name}.requests.txt"))
        found.append(("network", redact(odd) or "nothing"))
    if seen.screenshot_png:
        (folder / f"{name}.png").write_bytes(seen.screenshot_png)
        found.append(("screenshot", f"screenshots/{name}.png"))
    return found


def _redacted(seen: Evidence) -> Evidence:
    """Return evidence without secrets; a screenshot shows what it shows."""
    return replace(
        seen,
        url=redact(seen.url),
        page_source=redact(seen.page_source),
        console=tuple(redact(line) for line in seen.console),
        missing=tuple(redact(line) for line in seen.missing),
    )


def conceal_error(error: object) -> None:
    """Take secrets out of what pytest shows of an error within itself.

    Args:
        error: pytest's representation of it; whoever shows it asks it for its text.
    """
    hidden = redact(str(error))
    error.toterminal = lambda out: out.write(hidden)  # type: ignore[attr-defined]


def conceal_warning(warning: warnings.WarningMessage) -> None:
    """Take secrets out of a warning."""
    shown = str(warning.message)
    hidden = redact(shown)
    if hidden != shown:
        warning.message = hidden


def conceal(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Take secrets out of a report: what failed, what was printed, what was noted."""
    if isinstance(report.longrepr, tuple):
        # So is a skip told, and pytest's own reporters read its parts.
        path, line, reason = report.longrepr
        report.longrepr = (redact(path), line, redact(reason))
    else:
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
