"""A second Locust file beside the user's: keeps each response's own time.

Runs inside Locust and imports nothing but Locust. Locust's figures are rounded
to two digits and hold the warm-up; these are raw. Two files a process:

- ``samples-PID.bin``: 16 bytes a response, little endian: start (seconds since
  1970, float64), duration (milliseconds, float32), number of the endpoint
  (uint16), number of the failure's text (uint16, 0 for a good response).
- ``events-PID.jsonl``: a line for each new number and for what else happened.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent  # type: ignore[import-untyped]
from locust import events
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession

SAMPLE = struct.Struct("<dfHH")
NO_ANSWER = "no answer"
FLUSH_S = 0.25
MOST_NUMBERS = 2000
MOST_EXCEPTIONS = 200
LONGEST_TEXT = 300


class Numbers:
    """Gives each text a number and announces it once."""

    def __init__(
        self, event: str, announce: Callable[..., None], *, first: int
    ) -> None:
        self._event = event
        self._announce = announce
        self._first = first
        self._known: dict[str, int] = {}

    def of(self, text: str) -> int:
        """Return the number of a text; texts beyond the most share one."""
        if text not in self._known:
            if len(self._known) >= MOST_NUMBERS:
                text = "(others)"
            number = self._known.setdefault(text, self._first + len(self._known))
            self._announce(self._event, number=number, text=text)
        return self._known[text]


class Recorder:
    """Writes what happens to two files.

    Args:
        folder: Where the files go.
        run_s: Seconds of load. Locust's own limit is short by the time that its
            start-up took: gevent counts from when its loop last looked at a clock.
    """

    def __init__(self, folder: Path, *, run_s: float) -> None:
        self._samples = (folder / f"samples-{os.getpid()}.bin").open("ab")
        self._events = (folder / f"events-{os.getpid()}.jsonl").open("a")
        self._parent = os.getppid()
        self._run_s = run_s
        self._endpoints = Numbers("endpoint", self.announce, first=0)
        self._failures = Numbers("failure", self.announce, first=1)
        self._exceptions = 0
        self._waiting: dict[object, tuple[float, str]] = {}

    def announce(self, event: str, **data: object) -> None:
        """Write an event; seen by others with the next flush."""
        self._events.write(json.dumps({"event": event, "at": time.time(), **data}))
        self._events.write("\n")

    def record(
        self, started: float, duration_ms: float, endpoint: str, failure: str
    ) -> None:
        """Write one response; `failure` is "" for a good one."""
        self._samples.write(
            SAMPLE.pack(
                started,
                duration_ms,
                self._endpoints.of(endpoint),
                self._failures.of(failure) if failure else 0,
            )
        )

    def flush(self) -> None:
        """Let others see what was written, names first."""
        self._events.flush()
        self._samples.flush()

    def keep_time(self, runner: Any) -> None:
        """End the load in time, or with the process that started Locust."""
        end = time.monotonic() + self._run_s
        while time.monotonic() < end:
            if os.getppid() != self._parent:
                os.kill(os.getpid(), signal.SIGTERM)
                return
            self.flush()
            gevent.sleep(min(FLUSH_S, max(0.0, end - time.monotonic())))
        runner.quit()

    def watch(self, session: Any) -> None:
        """Know which requests of a session class wait for their answer.

        Locust tells of a request when it ends. One that never ends would be
        missing from the figures, and it is the one that matters most.
        """
        original = session.request

        @functools.wraps(original)
        def request(
            client: Any,
            method: str,
            url: str,
            *args: Any,
            **more: Any,
        ) -> Any:
            name = more.get("name") or client.request_name or url
            key = object()
            self._waiting[key] = (time.time(), _endpoint(method, name))
            try:
                return original(client, method, url, *args, **more)
            finally:
                self._waiting.pop(key, None)

        session.request = request

    def give_up(self, after_s: float) -> None:
        """After a while, record what still waits as failed."""
        gevent.sleep(after_s)
        now = time.time()
        for started, endpoint in self._waiting.values():
            self.record(started, (now - started) * 1000, endpoint, NO_ANSWER)
        self._waiting.clear()
        self.flush()

    # --- what Locust calls; it passes arguments by name, and more of them with time

    def on_request(
        self,
        request_type: str,
        name: str,
        response_time: float,
        exception: BaseException | None,
        start_time: float | None = None,
        **_: object,
    ) -> None:
        """Record a response."""
        started = start_time or time.time() - response_time / 1000
        failure = (str(exception) or repr(exception)) if exception else ""
        endpoint = _endpoint(request_type, name)[:LONGEST_TEXT]
        self.record(started, response_time, endpoint, failure[:LONGEST_TEXT])

    def on_user_error(self, exception: BaseException, **_: object) -> None:
        """Keep that the locustfile's own code raised."""
        self._exceptions += 1
        if self._exceptions <= MOST_EXCEPTIONS:
            text = f"{type(exception).__name__}: {exception}"[:LONGEST_TEXT]
            self.announce("exception", text=text)

    def on_cpu_warning(self, cpu_usage: float, **_: object) -> None:
        """Keep that Locust itself was short of CPU: the times are then too long."""
        self.announce("cpu_warning", cpu_percent=cpu_usage)

    def on_test_start(self, environment: Any, **_: object) -> None:
        """Keep when the load began."""
        self.announce("started")
        gevent.spawn(self.keep_time, environment.runner)

    def on_test_stopping(self, environment: Any, **_: object) -> None:
        """Keep when the load ended, and give answers their last chance."""
        self.announce("stopping")
        gevent.spawn(self.give_up, max(0.0, (environment.stop_timeout or 0) - 0.2))

    def on_quitting(self, **_: object) -> None:
        """Leave whole files."""
        self.announce("ended")
        self.flush()


def _endpoint(method: str, name: str) -> str:
    """Return what thresholds call an endpoint; some locustfiles name it so."""
    return name if name.startswith(f"{method} ") else f"{method} {name}"


_recorder = Recorder(
    Path(os.environ["RECORDER_FOLDER"]),
    run_s=float(os.environ["RECORDER_RUN_S"]),
)
_hooks: Any = events  # Locust's hooks are not typed
for _session in (HttpSession, FastHttpSession):
    _recorder.watch(_session)
_hooks.request.add_listener(_recorder.on_request)
_hooks.user_error.add_listener(_recorder.on_user_error)
_hooks.cpu_warning.add_listener(_recorder.on_cpu_warning)
_hooks.test_start.add_listener(_recorder.on_test_start)
_hooks.test_stopping.add_listener(_recorder.on_test_stopping)
_hooks.quitting.add_listener(_recorder.on_quitting)
