"""What keeps people from using a page: asked of axe-core, in the browser.

axe-core comes in a package of its own: ``pip install "pytest-release[accessibility]"``,
or is any copy of its script that is named.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from selenium.webdriver.remote.webdriver import WebDriver

from release.errors import ToolMissing

GRAVE = ("serious", "critical")
"""Impacts, as axe-core names them, that a page should have none of."""
PACKAGE = "selenium_axe_python"
_SCRIPT = "axe-core/axe.min.js"
# Without preloading, which waits ten seconds for a video that never comes.
_RUN = """
const done = arguments[arguments.length - 1];
axe.run({preload: false}).then(
  found => done(found.violations.map(each => ({
    rule: each.id, impact: each.impact, help: each.help,
    where: each.nodes.map(node => node.target.join(" ")),
  }))),
  error => done(String(error)),
);
"""


def violations(
    driver: WebDriver, *, impacts: tuple[str, ...] = GRAVE, script: Path | None = None
) -> list[str]:
    """Return what is wrong with the page that is shown, a line each.

    Args:
        driver: The browser, with the page open.
        impacts: How grave it must be to be told.
        script: ``axe.min.js``; None is that of the package.

    Raises:
        ToolMissing: axe-core is not there, or could not look at the page.
    """
    driver.execute_script((script or _packaged()).read_text(encoding="utf-8"))
    found: Any = driver.execute_async_script(_RUN)
    if isinstance(found, str):
        raise ToolMissing(
            f"axe-core could not look at {driver.current_url}: {found}",
            fix="see that the page has loaded, and allows scripts",
        )
    return [_told(each) for each in found if each["impact"] in impacts]


def _told(found: dict[str, Any]) -> str:
    first, *others = found["where"]
    more = f" (and {len(others)} more)" if others else ""
    return f"{found['impact']}: {found['rule']}: {found['help']}, at {first}{more}"


def _packaged() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ToolMissing(
            "axe-core is not installed, which sees what is wrong with a page",
            fix='pip install "pytest-release[accessibility]"',
        )
    return Path(spec.origin).parent / _SCRIPT
