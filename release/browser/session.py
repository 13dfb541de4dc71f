"""Make a used browser as good as new, faster than starting one.

What stays is the cache of files that the site marked as cacheable.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from selenium.common.exceptions import NoAlertPresentException, WebDriverException
from selenium.webdriver.remote.webdriver import WebDriver

from release.browser.driver import SIZE
from release.browser.evidence import console
from release.browser.network import requests
from release.browser.programs import CHROMIUM


def clean(driver: WebDriver) -> None:
    """Forget cookies, storage, extra windows, emulation and console.

    Leaves one window of the usual size on an empty page.

    Raises:
        WebDriverException: The browser no longer answers; start another.
    """
    _dismiss_alert(driver)
    _close_extra_windows(driver)
    if driver.capabilities.get("browserName") in CHROMIUM:
        _forget_in_chromium(driver)
    else:
        _forget_on_page(driver)
    driver.get("about:blank")
    driver.set_window_size(*SIZE)
    # Reading them empties them.
    console(driver)
    requests(driver)


def resize(driver: WebDriver, *, width: int, height: int) -> None:
    """Give the page exactly this size, in CSS pixels, until the browser is cleaned.

    A window has a least width far above that of a phone, so the size is emulated.
    """
    if driver.capabilities.get("browserName") not in CHROMIUM:
        _view(driver, {"width": width, "height": height})
        return
    _devtools(
        *(driver, "Emulation.setDeviceMetricsOverride"),
        width=width,
        height=height,
        deviceScaleFactor=1,
        mobile=False,
    )


def _dismiss_alert(driver: WebDriver) -> None:
    with suppress(NoAlertPresentException):
        driver.switch_to.alert.dismiss()


def _close_extra_windows(driver: WebDriver) -> None:
    first, *others = driver.window_handles
    for handle in others:
        driver.switch_to.window(handle)
        driver.close()
    driver.switch_to.window(first)


def _forget_in_chromium(driver: WebDriver) -> None:
    origin = driver.execute_script("return location.origin")
    _devtools(driver, "Network.clearBrowserCookies")
    if origin and origin != "null":
        _devtools(
            driver, "Storage.clearDataForOrigin", origin=origin, storageTypes="all"
        )
    # What phones are emulated with.
    _devtools(driver, "Emulation.clearDeviceMetricsOverride")
    _devtools(driver, "Emulation.setEmulatedMedia", media="", features=[])


def _forget_on_page(driver: WebDriver) -> None:
    driver.delete_all_cookies()
    _view(driver, None)
    # A page without an origin, such as about:blank, has no storage to clear.
    with suppress(WebDriverException):
        driver.execute_script("localStorage.clear(); sessionStorage.clear()")


def _view(driver: WebDriver, size: dict[str, int] | None) -> None:
    """Give a page of Firefox a size of its own; None is that of its window."""
    context = driver.current_window_handle
    driver.browsing_context.set_viewport(context=context, viewport=size)


def _devtools(driver: WebDriver, command: str, **parameters: Any) -> None:
    driver.execute("executeCdpCommand", {"cmd": command, "params": parameters})
