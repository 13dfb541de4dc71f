"""The sample service with a switch that makes it worse: goes into a bench's image.

The file that SWITCH names says how, when the service starts:
``{"endpoint": "GET /ask", "delay_ms": 1.5, "error_ratio": 0}``. Without it, what the
build itself carries beside this module says so.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rocdash import web

SWITCH = Path("/run/worse.json")
OVERSLEEP_S = 0.0002
"""What a sleep may take beyond its time."""
CARRIED = Path(__file__).with_name("worse.json")

Answer = Iterable[bytes]
App = Callable[[dict[str, Any], Callable[..., Any]], Answer]


class Worse:
    """The application, with what the switch says in front of it."""

    def __init__(self, app: App) -> None:
        self._app = app
        told = SWITCH if SWITCH.exists() else CARRIED
        self._how = json.loads(told.read_text(encoding="utf-8"))

    def __call__(self, request: dict[str, Any], start: Callable[..., Any]) -> Answer:
        how = self._how
        asked = f"{request['REQUEST_METHOD']} {request['PATH_INFO']}"
        if asked != how["endpoint"]:
            return self._app(request, start)
        if random.random() < how["error_ratio"]:  # noqa: S311 - not a secret
            start("500 Internal Server Error", [("Content-Length", "0")])
            return [b""]
        answer = self._app(request, start)
        if how["delay_ms"]:
            _rest(how["delay_ms"] / 1000)
        return answer


def _rest(delay_s: float) -> None:
    """Take exactly so long; a sleep alone takes a little more."""
    until = time.perf_counter() + delay_s
    time.sleep(max(0.0, delay_s - OVERSLEEP_S))
    while time.perf_counter() < until:
        pass


def create_app() -> App:
    """Build the application, as `rocdash.web` does, with the switch."""
    app = web.create_app()
    return Worse(app.wsgi_app)
