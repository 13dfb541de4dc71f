"""The browsers that can be driven, and where their programs are."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from release.errors import ToolMissing

CHROMIUM = frozenset(
    {"chrome", "chromium", "chrome-headless-shell", "MicrosoftEdge", "msedge"}
)
"""What browsers of the Chromium kind call themselves in their capabilities."""

Find = Callable[[str], str | None]


class Kind(StrEnum):
    """A browser that smoke tests can run in."""

    CHROME = "chrome"
    """Google Chrome or Chromium."""
    FIREFOX = "firefox"
    EDGE = "edge"


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """What a browser is called, on PATH and to people."""

    title: str
    browsers: tuple[str, ...]
    driver: str
    install: str
    """How to get both."""


NAMES = {
    Kind.CHROME: Names(
        title="Chrome or Chromium",
        browsers=(
            *("google-chrome", "google-chrome-stable"),
            *("chromium", "chromium-browser"),
        ),
        driver="chromedriver",
        install=(
            "apt-get install chromium chromium-driver"
            " (Ubuntu: chromium-browser chromium-chromedriver)"
        ),
    ),
    Kind.FIREFOX: Names(
        title="Firefox",
        browsers=("firefox", "firefox-esr"),
        driver="geckodriver",
        install="apt-get install firefox-esr, and geckodriver of Mozilla",
    ),
    Kind.EDGE: Names(
        title="Edge",
        browsers=("microsoft-edge", "microsoft-edge-stable", "msedge"),
        driver="msedgedriver",
        install="install microsoft-edge-stable and the msedgedriver of its version",
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Programs:
    """The paths of a browser and of the driver that goes with it."""

    browser: str
    driver: str


def find(kind: Kind, *, which: Find = shutil.which) -> Programs:
    """Find a browser and its driver on PATH. Nothing is ever downloaded.

    Args:
        kind: Which browser.
        which: Returns the path of a program, or None.

    Raises:
        ToolMissing: One of the two is not there.
    """
    names = NAMES[kind]
    browser = next((path for name in names.browsers if (path := which(name))), None)
    if browser is None:
        raise ToolMissing(
            f"{names.title} is not installed: none of {', '.join(names.browsers)}"
            " is on PATH",
            fix=f"{names.install}; or choose another browser with --browser",
        )
    driver = which(names.driver)
    if driver is None:
        raise ToolMissing(
            f"{names.driver} is not installed, which drives {browser}",
            fix=f"{names.install}; or choose another browser with --browser",
        )
    return Programs(browser=browser, driver=driver)
