"""What all pages have in common: waiting, finding, the header."""

from collections.abc import Callable
from typing import Any, Self, TypeVar
from urllib.parse import urlencode, urlsplit

from selenium.common.exceptions import (
    StaleElementReferenceException,
    TimeoutException,
)
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

WAIT_S = 10
LOOK_EVERY_S = 0.03

T = TypeVar("T")


class Page:
    """A page of the site, open or not yet.

    Args:
        browser: Shows it.
        url: Address of the site, without a path.
    """

    path = "/"

    def __init__(self, browser: WebDriver, url: str) -> None:
        self.browser = browser
        self.url = url.rstrip("/")

    def open(self, **query: str) -> Self:
        """Go there, and see that the site answers with a page and not an error."""
        asked = self.path + (f"?{urlencode(query)}" if query else "")
        self.browser.get(self.url + asked)
        status = self.browser.execute_script(
            "return performance.getEntriesByType('navigation')[0].responseStatus"
        )
        assert not status or status < 400, f"GET {asked} answered {status}"
        return self

    @property
    def heading(self) -> str:
        return self.find("h1").text

    @property
    def current_path(self) -> str:
        """The path shown in the address bar, without the query."""
        return urlsplit(self.browser.current_url).path

    @property
    def signed_in_as(self) -> str:
        """The name in the header, or "" for a stranger."""
        return "".join(name.text for name in self.all("[data-test=who]"))

    def sign_out(self) -> None:
        self.find("[data-test=sign-out]").click()
        self.wait("to be signed out", lambda: self.all("[data-test=signed-out]"))

    def fetch(self, path: str) -> Any:
        """Return JSON of the site, asked for by the page that is open."""
        return self.browser.execute_async_script(
            "const [path, done] = arguments;"
            "fetch(path).then(answer => answer.json()).then(done, done)",
            path,
        )

    def find(self, selector: str) -> WebElement:
        """Return the one element, once it is there."""
        return self.wait(f"{selector} on the page", lambda: self.all(selector))[0]

    def all(self, selector: str) -> list[WebElement]:
        """Return those that are there now."""
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def wait(self, goal: str, look: Callable[[], T]) -> T:
        """Look until something true is seen; a page may change meanwhile."""
        __tracebackhide__ = True
        wait = WebDriverWait(
            self.browser,
            WAIT_S,
            poll_frequency=LOOK_EVERY_S,
            ignored_exceptions=(StaleElementReferenceException,),
        )
        try:
            return wait.until(lambda _: look())
        except TimeoutException:
            raise AssertionError(f"waited {WAIT_S} s for {goal}") from None
