"""What a page asked for: each request of a browser, with what came of it.

Chromium tells it as DevTools events in its driver's performance log, which a browser
on a Selenium Grid has too. Firefox has no such log. The middle is pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from selenium.webdriver.remote.command import Command
from selenium.webdriver.remote.webdriver import WebDriver

from release.browser.programs import CHROMIUM

LOG = "performance"
"""Name of the driver's log."""
NOT_ENDED = "not ended"


@dataclass(kw_only=True, slots=True)
class Request:
    """One request."""

    method: str
    url: str
    status: int | None = None
    took_ms: float | None = None
    """None while it has not ended."""
    failure: str = ""
    """Why there was no answer, such as "net::ERR_CONNECTION_REFUSED"."""

    @property
    def failed(self) -> bool:
        """Whether it got no answer, or one that is an error."""
        bad = self.status is not None and self.status >= HTTPStatus.BAD_REQUEST
        return bad or bool(self.failure)

    def __str__(self) -> str:
        took = NOT_ENDED if self.took_ms is None else f"{self.took_ms:.0f} ms"
        return f"{self.failure or self.status or '-'} {self.method} {self.url} {took}"


def requests(driver: WebDriver) -> list[Request]:
    """Return the requests since this was last asked, in their order.

    Empty on browsers that do not tell them.
    """
    if driver.capabilities.get("browserName") not in CHROMIUM:
        return []
    entries = driver.execute(Command.GET_LOG, {"type": LOG})["value"]
    return read(json.loads(entry["message"])["message"] for entry in entries)


def read(events: Iterable[Mapping[str, Any]]) -> list[Request]:
    """Return the requests that DevTools events of the domain Network tell of.

    Source: Chrome DevTools Protocol, domain Network. A redirect is told by the next
    request, which has the same id; times are seconds of one clock.

    Args:
        events: ``{"method": "Network....", "params": {...}}``, oldest first.
    """
    found: list[Request] = []
    open_: dict[str, tuple[Request, float]] = {}
    for event in events:
        name, told = event["method"].removeprefix("Network."), event["params"]
        if name == "requestWillBeSent":
            earlier = open_.get(told["requestId"])
            response = told.get("redirectResponse")
            if earlier and response:
                earlier[0].status = response["status"]
                earlier[0].took_ms = 1000 * (told["timestamp"] - earlier[1])
            asked = told["request"]
            request = Request(method=asked["method"], url=asked["url"])
            found.append(request)
            open_[told["requestId"]] = request, told["timestamp"]
        elif told.get("requestId") in open_:
            _end(*open_[told["requestId"]], name, told)
    return [each for each in found if each.url.startswith("http")]


def _end(request: Request, began: float, name: str, told: Mapping[str, Any]) -> None:
    if name == "responseReceived":
        request.status = told["response"]["status"]
    elif name == "loadingFinished":
        request.took_ms = 1000 * (told["timestamp"] - began)
    elif name == "loadingFailed":
        request.took_ms = 1000 * (told["timestamp"] - began)
        # A page that is left cancels what it still waits for.
        request.failure = "" if told.get("canceled") else told["errorText"]


def remarkable(found: Iterable[Request], *, slow_ms: float) -> list[str]:
    """Return the requests that failed, then those that were slow or have not ended."""
    found = list(found)
    slow = [it for it in found if it.took_ms is None or it.took_ms > slow_ms]
    return [
        *(f"failed: {each}" for each in found if each.failed),
        *(f"slow: {each}" for each in slow if not each.failed),
    ]
