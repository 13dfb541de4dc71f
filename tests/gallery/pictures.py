"""Look at a report in a real browser: pictures, what axe-core says, size, time."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selenium.webdriver.remote.webdriver import WebDriver

from release import browser

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
SCHEMES = ("light", "dark")
_IDLE = """
const done = arguments[0]
requestIdleCallback(() => {
  const [page] = performance.getEntriesByType('navigation')
  done({load: page.loadEventEnd, idle: performance.now()})
})
"""
_UNFOLD = "document.querySelectorAll('details').forEach(it => it.open = true)"
_WIDER = "return document.documentElement.scrollWidth - innerWidth"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a browser made of a page."""

    size_bytes: int
    interactive_ms: float
    """From the beginning of the navigation until the page was loaded and idle."""
    issues: tuple[str, ...]
    """What axe-core calls serious or critical, and what is wider than its window."""


@contextmanager
def chromium() -> Iterator[WebDriver]:
    """Start a browser."""
    with browser.started(browser.Kind.CHROME) as driver:
        yield driver


def look(driver: WebDriver, page: Path, axe: Path, folder: Path, name: str) -> Seen:
    """Open a page at each size in each scheme; draw it and check it.

    Args:
        driver: The browser.
        page: The page's file.
        axe: The script of axe-core.
        folder: Where the pictures go.
        name: What their names begin with.
    """
    interactive_ms = _interactive_ms(driver, page)
    issues: list[str] = []
    for size, (width, height) in SIZES.items():
        for scheme in SCHEMES:
            _as(driver, width, height, scheme)
            driver.get(page.as_uri())
            where = f"{name} at {size} size, {scheme}"
            if driver.execute_script(_WIDER) > 0:
                issues.append(f"{where}: wider than its window")
            (folder / f"{name}-{size}-{scheme}.png").write_bytes(_drawn(driver, width))
            issues += _checked(driver, axe, where)
    return Seen(
        size_bytes=page.stat().st_size,
        interactive_ms=interactive_ms,
        issues=tuple(issues),
    )


def _interactive_ms(driver: WebDriver, page: Path) -> float:
    _as(driver, *SIZES["desktop"], "light")
    driver.get("about:blank")
    driver.get(page.as_uri())
    found = driver.execute_async_script(_IDLE)
    return float(found["idle"])


def _checked(driver: WebDriver, axe: Path, where: str) -> list[str]:
    """Return what axe-core finds, with all that is folded unfolded."""
    driver.execute_script(_UNFOLD)
    return [f"{where}: {each}" for each in browser.violations(driver, script=axe)]


def _as(driver: WebDriver, width: int, height: int, scheme: str) -> None:
    _devtools(
        driver,
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=height,
        deviceScaleFactor=1,
        mobile=width < 500,
    )
    feature = {"name": "prefers-color-scheme", "value": scheme}
    _devtools(driver, "Emulation.setEmulatedMedia", features=[feature])


def _drawn(driver: WebDriver, width: int) -> bytes:
    height = driver.execute_script("return document.documentElement.scrollHeight")
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    shot = _devtools(
        driver, "Page.captureScreenshot", clip=clip, captureBeyondViewport=True
    )
    return base64.b64decode(shot["data"])


def _devtools(driver: WebDriver, command: str, **parameters: Any) -> Any:
    told = {"cmd": command, "params": parameters}
    return driver.execute("executeCdpCommand", told)["value"]
