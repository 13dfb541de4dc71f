"""A Locust file beside the user's: keeps what Locust's own figures lose.

Runs inside Locust, in each of its processes, and imports nothing of the harness.
Locust rounds times to two digits, mixes the ramp into its figures and tells nothing of
its own health. This writes one file a process, ``load-PID.jsonl``, a line an event:

- ``started``, ``stopping``, ``ended``: when the load began and ended.
- ``second``: what one endpoint answered in one second: how many were good, failures by
  their text, an HdrHistogram (two significant digits, µs) of the good ones, the longest
  and the sum exact. Seconds count from the first that is measured; those of the ramp
  and warm-up are below 0, those after the end are the last number and one. A second
  may have several lines: late answers belong to the second in which they were due.
- ``vitals``: the state of this generator in one second.
- ``exception``: the user's own code raised.

An arrival of the open model puts the time when it was due on its greenlet, as ``due``
(seconds since 1970); the first request of the greenlet is then counted from there.
"""

from __future__ import annotations

import functools
import json
import math
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent  # type: ignore[import-untyped]
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]
from locust import events
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.runners import MasterRunner, WorkerRunner

HIGHEST_US = 3_600_000_000
DIGITS = 2
NO_ANSWER = "no answer"
OTHERS = "(others)"
LOOK_S = 0.1
WORKERS_S = 1.0
LATE_S = 0.05
"""An arrival that starts so much after it was due is late."""
MOST_NAMES = 2000
MOST_FAILURES = 50
MOST_EXCEPTIONS = 200
LONGEST_TEXT = 300


class Second:
    """What one endpoint answered in one second."""

    __slots__ = ("failures", "histogram", "longest_ms", "sum_ms")

    def __init__(self) -> None:
        self.histogram = HdrHistogram(1, HIGHEST_US, DIGITS)
        self.failures: Counter[str] = Counter()
        self.longest_ms = 0.0
        self.sum_ms = 0.0

    def good(self, duration_ms: float) -> None:
        """Count a good response."""
        value_us = min(max(round(duration_ms * 1000), 1), HIGHEST_US)
        self.histogram.record_value(value_us)
        self.longest_ms = max(self.longest_ms, duration_ms)
        self.sum_ms += duration_ms

    def failed(self, text: str) -> None:
        """Count one that failed; texts beyond the most share one."""
        if text not in self.failures and len(self.failures) >= MOST_FAILURES:
            text = OTHERS
        self.failures[text] += 1


class Recorder:
    """Writes what happens in one process.

    Args:
        folder: Where the file goes.
        lead_s: Seconds of load that are not measured.
        time_s: Seconds that are, after them.
    """

    def __init__(self, folder: Path, *, lead_s: float, time_s: float) -> None:
        self._folder = folder
        self._lead_s = lead_s
        self._time_s = time_s
        self._file: Any = None
        self._parent = os.getppid()
        self._zero = math.inf
        self._seconds: dict[tuple[str, int], Second] = {}
        self._names: set[str] = set()
        self._exceptions = 0
        self._waiting: dict[object, tuple[float, str]] = {}
        self._arrived = 0
        self._late = 0

    def announce(self, event: str, **data: object) -> None:
        """Write an event; seen by others with the next flush."""
        if self._file is None:
            # Not before: Locust makes its processes after it has read its files.
            self._parent = os.getppid()
            self._file = (self._folder / f"load-{os.getpid()}.jsonl").open("a")
        told = {"event": event, "at": time.time(), **data}
        self._file.write(json.dumps(told) + "\n")

    def record(
        self, due: float, duration_ms: float, endpoint: str, failure: str
    ) -> None:
        """Count one response; `failure` is "" for a good one."""
        if endpoint not in self._names:
            endpoint = endpoint if len(self._names) < MOST_NAMES else OTHERS
            self._names.add(endpoint)
        key = (endpoint, self._second(due))
        kept = self._seconds.get(key)
        if kept is None:
            kept = self._seconds[key] = Second()
        if failure:
            kept.failed(failure)
        else:
            kept.good(duration_ms)

    def _second(self, due: float) -> int:
        since = due - self._zero
        if since < self._time_s:
            return math.floor(max(since, -self._lead_s))
        return math.ceil(self._time_s)

    def flush(self) -> None:
        """Write the seconds that have something new, and let others see them."""
        for (endpoint, second), kept in self._seconds.items():
            good = kept.histogram.get_total_count()
            self.announce(
                "second",
                second=second,
                endpoint=endpoint,
                good=good,
                failures=dict(kept.failures),
                longest_ms=kept.longest_ms,
                sum_ms=kept.sum_ms,
                histogram=_encoded(kept.histogram) if good else "",
            )
        self._seconds.clear()
        if self._file is not None:
            self._file.flush()

    # --- time and health --------------------------------------------------------

    def keep_time(self, runner: Any) -> None:
        """Flush each second; end the load in time, or with who started Locust."""
        end = time.monotonic() + self._lead_s + self._time_s
        if isinstance(runner, MasterRunner):
            # Its workers began a little later, and measure to their own end.
            end += WORKERS_S
        vitals = Vitals()
        while time.monotonic() < end:
            if os.getppid() != self._parent:
                os.kill(os.getpid(), signal.SIGTERM)
                return
            if (self._folder / "stop").exists():
                break
            vitals.look(min(LOOK_S, max(0.0, end - time.monotonic())))
            if vitals.whole_second():
                self._tell(vitals.told(), runner)
        self._tell(vitals.told(), runner)
        if not isinstance(runner, WorkerRunner):
            runner.quit()

    def _tell(self, vitals: dict[str, float], runner: Any) -> None:
        self.announce(
            "vitals",
            # Just before now: this second is over.
            second=self._second(time.time() - LOOK_S),
            users=runner.user_count,
            under_way=len(self._waiting),
            arrived=self._arrived,
            late=self._late,
            **vitals,
        )
        self._arrived = self._late = 0
        self.flush()

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
            since = getattr(gevent.getcurrent(), "due", None) or time.time()
            self._waiting[key] = (since, _endpoint(method, name))
            try:
                return original(client, method, url, *args, **more)
            finally:
                self._waiting.pop(key, None)

        session.request = request

    def give_up(self, after_s: float) -> None:
        """After a while, count what still waits as failed, in the last second."""
        gevent.sleep(after_s)
        last = self._zero + self._time_s - LOOK_S
        for since, endpoint in self._waiting.values():
            self.record(min(max(since, self._zero), last), 0, endpoint, NO_ANSWER)
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
        """Count a response, from when it was due where somebody knows it."""
        started = start_time or time.time() - response_time / 1000
        current = gevent.getcurrent()
        due = getattr(current, "due", None)
        if due is None:
            due = started
        else:
            current.due = None
            self._arrived += 1
            self._late += started - due > LATE_S
            response_time += (started - due) * 1000
        failure = (str(exception) or repr(exception)) if exception else ""
        endpoint = _endpoint(request_type, name)[:LONGEST_TEXT]
        self.record(due, response_time, endpoint, failure[:LONGEST_TEXT])

    def on_user_error(self, exception: BaseException, **_: object) -> None:
        """Keep that the locustfile's own code raised."""
        self._exceptions += 1
        if self._exceptions <= MOST_EXCEPTIONS:
            text = f"{type(exception).__name__}: {exception}"[:LONGEST_TEXT]
            self.announce("exception", text=text)

    def on_test_start(self, environment: Any, **_: object) -> None:
        """Keep when the load began, by this process's own clock."""
        self._zero = time.time() + self._lead_s
        self.announce("started")
        self.flush()
        gevent.spawn(self.keep_time, environment.runner)

    def on_test_stopping(self, environment: Any, **_: object) -> None:
        """Keep when the load ended, and give answers their last chance."""
        self.announce("stopping", measured_s=time.time() - self._zero)
        gevent.spawn(self.give_up, max(0.0, (environment.stop_timeout or 0) - 0.2))

    def on_quitting(self, **_: object) -> None:
        """Leave a whole file."""
        self.announce("ended")
        self.flush()


class Vitals:
    """How this generator is: its CPU, and how late its event loop runs."""

    def __init__(self) -> None:
        self._lag_s = 0.0
        self._begin()

    def _begin(self) -> None:
        self._since = time.monotonic()
        self._cpu_s = time.process_time()
        self._lag_s = 0.0

    def look(self, pause_s: float) -> None:
        """Sleep, and see how much too long that took."""
        before = time.monotonic()
        gevent.sleep(pause_s)
        self._lag_s = max(self._lag_s, time.monotonic() - before - pause_s)

    def whole_second(self) -> bool:
        """Whether a second is over."""
        return time.monotonic() - self._since >= 1 - LOOK_S / 2

    def told(self) -> dict[str, float]:
        """Return what was seen, and begin anew."""
        wall_s = max(time.monotonic() - self._since, 1e-6)
        cpu_s = time.process_time() - self._cpu_s
        found = {
            "cpu_ratio": round(cpu_s / wall_s, 3),
            "lag_ms": round(1000 * self._lag_s, 1),
        }
        self._begin()
        return found


def _encoded(histogram: Any) -> str:
    """Return a histogram as text, without padding: nothing must take it for a key."""
    return str(histogram.encode().decode().rstrip("="))


def _endpoint(method: str, name: str) -> str:
    """Return what thresholds call an endpoint; some locustfiles name it so."""
    return name if name.startswith(f"{method} ") else f"{method} {name}"


def listen(hooks: Any, recorder: Recorder) -> None:
    """Let Locust tell a recorder everything."""
    listeners: dict[str, Callable[..., None]] = {
        "request": recorder.on_request,
        "user_error": recorder.on_user_error,
        "test_start": recorder.on_test_start,
        "test_stopping": recorder.on_test_stopping,
        "quitting": recorder.on_quitting,
    }
    for name, listener in listeners.items():
        getattr(hooks, name).add_listener(listener)
    for session in (HttpSession, FastHttpSession):
        recorder.watch(session)


listen(
    events,
    Recorder(
        Path(os.environ["RECORDER_FOLDER"]),
        lead_s=float(os.environ["RECORDER_LEAD_S"]),
        time_s=float(os.environ["RECORDER_TIME_S"]),
    ),
)
