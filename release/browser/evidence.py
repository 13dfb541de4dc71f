"""What a browser shows at the end of a test, and more of it where that failed."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.remote.command import Command
from selenium.webdriver.remote.webdriver import WebDriver
from urllib3.exceptions import HTTPError

from release.browser.network import Request, requests
from release.browser.programs import CHROMIUM

T = TypeVar("T")
SCALE = 0.35
"""Of a picture in small, of 448 by 315 pixels."""
QUALITY = 60
FORMAT = "webp"


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """A failed page. What could not be had is empty, and told in `missing`."""

    url: str
    screenshot_png: bytes
    page_source: str
    console: tuple[str, ...]
    """Lines of the browser's console since it was last read."""
    requests: tuple[Request, ...]
    """What was asked for since that was last read."""
    missing: tuple[str, ...]


def capture(driver: WebDriver) -> Evidence:
    """Take all that can be had; never raise for what cannot."""
    missing: list[str] = []

    def take(what: str, look: Callable[[], T], otherwise: T) -> T:
        try:
            return look()
        except (WebDriverException, HTTPError, OSError) as error:
            text = str(error).strip() or type(error).__name__
            missing.append(f"no {what}: {text.splitlines()[0]}")
            return otherwise

    name = driver.capabilities.get("browserName")
    if name not in CHROMIUM:
        missing += [f"no console: {name} does not tell it"]
        missing += [f"no requests: {name} does not tell them"]
    return Evidence(
        url=take("url", lambda: driver.current_url, ""),
        screenshot_png=take("screenshot", driver.get_screenshot_as_png, b""),
        page_source=take("page source", lambda: driver.page_source, ""),
        console=take("console", lambda: tuple(console(driver)), ()),
        requests=take("requests", lambda: tuple(requests(driver)), ()),
        missing=tuple(missing),
    )


def picture(driver: WebDriver) -> bytes:
    """Return what the browser shows in small, as WebP; empty where it cannot say."""
    try:
        if driver.capabilities.get("browserName") in CHROMIUM:
            return _scaled_by_browser(driver)
        return scaled(driver.get_screenshot_as_png())
    except (WebDriverException, HTTPError, OSError):
        return b""


def _scaled_by_browser(driver: WebDriver) -> bytes:
    """Let Chromium scale it, which takes a third of the time."""
    width, height = driver.execute_script("return [innerWidth, innerHeight]")
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": SCALE}
    wanted = {"format": FORMAT, "quality": QUALITY, "clip": clip}
    command = {"cmd": "Page.captureScreenshot", "params": wanted}
    told = driver.execute("executeCdpCommand", command)["value"]
    return base64.b64decode(told["data"])


def scaled(png: bytes, scale: float = SCALE) -> bytes:
    """Return a screenshot in small, as WebP."""
    # It takes a while to import, and Chromium needs it not.
    from PIL import Image  # noqa: PLC0415

    out = io.BytesIO()
    with Image.open(io.BytesIO(png)) as whole:
        small = whole.convert("RGB")
        small.thumbnail((round(whole.width * scale), round(whole.height * scale)))
        small.save(out, FORMAT, quality=QUALITY)
    return out.getvalue()


def console(driver: WebDriver) -> list[str]:
    """Return what the console said since it was last read, as ``LEVEL text``.

    Empty on browsers that do not tell it (Firefox has no such command).
    """
    if driver.capabilities.get("browserName") not in CHROMIUM:
        return []
    entries = driver.execute(Command.GET_LOG, {"type": "browser"})["value"]
    return [f"{entry['level']} {entry['message']}" for entry in entries]
