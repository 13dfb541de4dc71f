"""Start a browser, on this machine or on a Selenium Grid, and end it again.

A driver on this machine is reached without the proxy that the environment may
name, and is found on PATH only: Selenium's own manager, which downloads, has no
part in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service as ChromeService
from selenium.webdriver.common.proxy import Proxy, ProxyType
from selenium.webdriver.common.service import Service
from selenium.webdriver.edge.service import Service as EdgeService
from selenium.webdriver.firefox.service import Service as FirefoxService
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.webdriver import WebDriver
from urllib3.exceptions import HTTPError

from release.browser.network import LOG
from release.browser.programs import Kind, find
from release.errors import ReleaseError, ToolMissing

SIZE = (1280, 900)
"""Width and height of a window, in pixels of CSS."""
_ANSWER_S = 60
"""Seconds that a driver may take to answer one command."""
_LOAD_S = 30
_SCRIPT_S = 10

Options = webdriver.ChromeOptions | webdriver.EdgeOptions | webdriver.FirefoxOptions

_OPTIONS: dict[Kind, type[Options]] = {
    Kind.CHROME: webdriver.ChromeOptions,
    Kind.EDGE: webdriver.EdgeOptions,
    Kind.FIREFOX: webdriver.FirefoxOptions,
}
_SERVICES: dict[Kind, type[ChromeService | EdgeService | FirefoxService]] = {
    Kind.CHROME: ChromeService,
    Kind.EDGE: EdgeService,
    Kind.FIREFOX: FirefoxService,
}

_NOT_WANTED = (
    "AutofillServerCommunication",
    # It keeps pages left behind alive, and doubles the time to an empty one.
    "BackForwardCache",
    "CertificateTransparencyComponentUpdater",
    "MediaRouter",
    "OptimizationHints",
    "PasswordLeakDetection",
    "Translate",
)
_QUIET = (
    # Nothing leaves the machine but what a test asks for.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-pings",
    "--password-store=basic",
    "--disable-features=" + ",".join(_NOT_WANTED),
    # A test's window is as fast in the background as in front.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    # Containers often give /dev/shm too little room for a page.
    "--disable-dev-shm-usage",
)


@contextmanager
def started(
    kind: Kind, *, headed: bool = False, grid: str = "", log: Path | None = None
) -> Iterator[WebDriver]:
    """Start a browser, and end it when the block is left.

    Args:
        kind: Which browser.
        headed: Whether its window is shown.
        grid: Address of a Selenium Grid that has the browser; "" is this machine.
        log: File that the driver on this machine writes its log to.

    Yields:
        The driver: an empty page, no implicit waits, a window of `SIZE`.

    Raises:
        ToolMissing: Browser or driver is not installed, or they do not start.
        ReleaseError: The grid does not answer or has no such browser.
    """
    options = _options(kind, headed=headed)
    with ExitStack() as stack:
        if grid:
            driver = _on_grid(options, grid, kind)
        else:
            driver = _on_this_machine(options, kind, log, stack)
        stack.callback(_quit, driver)
        driver.set_page_load_timeout(_LOAD_S)
        driver.set_script_timeout(_SCRIPT_S)
        driver.set_window_size(*SIZE)
        yield driver


def _options(kind: Kind, *, headed: bool) -> Options:
    options = _OPTIONS[kind]()
    if isinstance(options, webdriver.FirefoxOptions):
        if not headed:
            options.add_argument("-headless")
        # WebDriver BiDi can make a page smaller than any window is.
        options.enable_bidi = True
        return options
    for argument in _QUIET:
        options.add_argument(argument)
    if not headed:
        options.add_argument("--headless=new")
    options.add_argument(f"--window-size={SIZE[0]},{SIZE[1]}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", LOG: "ALL"})
    network = {"enableNetwork": True, "enablePage": False}
    options.add_experimental_option("perfLoggingPrefs", network)
    return options


def _on_grid(options: Options, grid: str, kind: Kind) -> WebDriver:
    try:
        return _connect(options, ClientConfig(grid, timeout=_ANSWER_S))
    except (WebDriverException, HTTPError, OSError) as error:
        raise ReleaseError(
            f"the Selenium Grid at {grid} gave no {kind}: {_first_line(error)}",
            fix="see that the grid runs and has such a browser, or leave out --grid",
        ) from error


def _on_this_machine(
    options: Options, kind: Kind, log: Path | None, stack: ExitStack
) -> WebDriver:
    programs = find(kind)
    options.binary_location = programs.browser
    if not isinstance(options, webdriver.FirefoxOptions) and os.geteuid() == 0:
        # Chromium's sandbox does not work for root, and it refuses to start.
        options.add_argument("--no-sandbox")
    if log:
        log.parent.mkdir(parents=True, exist_ok=True)
    service = _SERVICES[kind](
        executable_path=programs.driver,
        log_output=str(log) if log else None,
        # Ctrl-C in the terminal is for pytest, which then ends the browser.
        popen_kw={"start_new_session": True},
    )
    try:
        service.start()
        stack.callback(_stop, service)
        direct = Proxy({"proxyType": ProxyType.DIRECT})
        return _connect(
            options, ClientConfig(service.service_url, proxy=direct, timeout=_ANSWER_S)
        )
    except (WebDriverException, HTTPError, OSError) as error:
        raise ToolMissing(
            f"{programs.browser} did not start with {programs.driver}: "
            f"{_first_line(error)}",
            fix="see that both have the same version"
            + (f", and read {log}" if log else ""),
        ) from error


def _connect(options: Options, config: ClientConfig) -> WebDriver:
    return webdriver.Remote(
        command_executor=config.remote_server_addr,
        options=options,
        client_config=config,
    )


def _quit(driver: WebDriver) -> None:
    # A browser that a test crashed cannot be asked to end; its service ends it.
    with suppress(WebDriverException, HTTPError, OSError):
        driver.quit()
    executor: Any = driver.command_executor
    executor.close()


def _stop(service: Service) -> None:
    with suppress(WebDriverException, OSError):
        service.stop()


def _first_line(error: BaseException) -> str:
    text = error.msg if isinstance(error, WebDriverException) else str(error)
    return (text or type(error).__name__).strip().splitlines()[0]


def versions(driver: WebDriver) -> dict[str, str]:
    """Return the versions of a browser and of its driver, as far as it tells them."""
    told = driver.capabilities
    places = {
        "chromedriver": told.get("chrome", {}).get("chromedriverVersion"),
        "msedgedriver": told.get("msedge", {}).get("msedgedriverVersion"),
        "geckodriver": told.get("moz:geckodriverVersion"),
    }
    name = str(told.get("browserName", "browser")).lower()
    found = {name: told.get("browserVersion"), **places}
    return {name: str(it).partition(" ")[0] for name, it in found.items() if it}
