"""One small service that is released into every state, and a browser to look."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from release import environments
from tests.gallery.pictures import Seen, chromium, look
from tests.harness.releases.project import TINY, Project

ROOT = Path(__file__).parents[2]
SEEN = pytest.StashKey[dict[str, Seen]]()
BROWSER = """
def test_the_heading_can_be_read(browser, site):
    browser.get(site.url)
    assert browser.find_element("tag name", "h1").is_displayed()
    assert "Error" not in browser.title
    (page,) = browser.execute_script(
        "return performance.getEntriesByType('navigation')"
    )
    assert page["responseStatus"] == 200, "the page did not answer 200"
"""


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project that was never released, its embedded Azure up."""
    root = tmp_path_factory.mktemp("gallery") / "tiny"
    shutil.copytree(TINY, root, ignore=shutil.ignore_patterns(".release"))
    (root / ".gitignore").write_text(".release/\nreports/\npassed.json\n__pycache__/\n")
    (root / "tests" / "smoke" / "test_browser.py").write_text(BROWSER)
    made = Project(root=root)
    made.set()
    environments.up(root)
    try:
        yield made
    finally:
        environments.down(root, forget=True)


@pytest.fixture(scope="session")
def driver() -> Iterator[WebDriver]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def axe() -> Path:
    """The script of axe-core, which .ci/axe fetches."""
    return Path(os.environ["AXE"])


@pytest.fixture(scope="session")
def gallery() -> Path:
    """Where reports and pictures go."""
    folder = ROOT / ".release" / "gallery"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def looking(
    request: pytest.FixtureRequest, driver: WebDriver, axe: Path, gallery: Path
) -> Callable[[Path, str], Seen]:
    """Look at a page, and keep what a browser made of it for the end."""

    def look_at(page: Path, name: str) -> Seen:
        seen = look(driver, page, axe, gallery, name)
        request.config.stash.setdefault(SEEN, {})[name] = seen
        return seen

    return look_at


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print size and time of each report, and where its pictures are."""
    found = terminalreporter.config.stash.get(SEEN, {})
    if not found:
        return
    terminalreporter.section("reports")
    for name, seen in found.items():
        terminalreporter.write_line(
            f"{name:18} {seen.size_bytes / 1000:6,.0f} kB, interactive after "
            f"{seen.interactive_ms:4.0f} ms"
        )
    terminalreporter.write_line(f"pictures: {ROOT / '.release' / 'gallery'}")
