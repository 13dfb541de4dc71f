"""A Locust file beside the user's: keeps what Locust's own figures lose.

Runs inside Locust, in each of its processes, and imports nothing of the harness.
Locust rounds times to two digits, mixes the ramp into its figures and tells nothing of
its own health. This keeps one file a process, ``load-NAME.jsonl``, a line an event.
Where several processes share a load, on this machine or on many, each tells its events
to Locust's master, which writes them (`distributed`, beside this file):

- ``started``, ``stopping``, ``ended``: when the load began and ended.
- ``second``: what one endpoint answered in one second: how many were good, failures by
  their text, an HdrHistogram (two significant digits, µs) of the good ones, the longest
  and the sum exact. Seconds count from the first that is measured; those of the ramp
  and warm-up are below 0, those after the end are the last number and one. A second
  may have several lines: late answers belong to the second in which they were due.
- ``vitals``: the state of this generator in one second.
- ``exception``: the user's own code raised.
- ``waiting``, ``refused``, ``joined``, ``too_few``, ``lost``, ``gap``: the master's, of
  the workers of a load that is shared.

An arrival of the open model puts the time when it was due on its greenlet, as ``due``
(seconds since 1970); the first request of the greenlet is then counted from there.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import math
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import gevent  # type: ignore[import-untyped]
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]
from locust import events
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.runners import MasterRunner, WorkerRunner

FOLDER = "RECORDER_FOLDER"
"""Variable: where files go."""
PLAN = "RECORDER_PLAN"
"""Variable: what is sent and measured, as JSON."""
CHILD = "RECORDER_CHILD"
"""Variable: when this process begins to see that it ends with its parent: ``at once``,
or ``begun``, when it has made the processes that share its load; else, never."""
STOP = "stop"
"""A file that ends the load early."""
HIGHEST_US = 3_600_000_000
DIGITS = 2
NO_ANSWER = "no answer"
OTHERS = "(others)"
LOOK_S = 0.1
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


class Sink(Protocol):
    """Where events go."""

    def tell(self, event: dict[str, Any]) -> None:
        """Take an event; seen by others with the next flush."""

    def flush(self) -> None:
        """Let others see what was told."""


class File:
    """A file of events.

    Args:
        folder: Where it goes.
        name: Of the process.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._file = (folder / f"load-{name}.jsonl").open("a", encoding="utf-8")

    def tell(self, event: dict[str, Any]) -> None:
        """Write an event."""
        self._file.write(json.dumps(event) + "\n")

    def flush(self) -> None:
        """Let others see what was written."""
        self._file.flush()


class Recorder:
    """Counts what happens in one process, and tells it each second."""

    def __init__(self) -> None:
        self._sink: Sink | None = None
        self._lead_s = self._time_s = 0.0
        self._zero = math.inf
        self._ended = False
        self._seconds: dict[tuple[str, int], Second] = {}
        self._names: set[str] = set()
        self._exceptions = 0
        self._waiting: dict[object, tuple[float, str]] = {}
        self._arrived = 0
        self._late = 0

    def follow(self, plan: dict[str, Any], sink: Sink) -> None:
        """Measure as a plan says, from the start of the load on."""
        self._lead_s, self._time_s = plan["lead_s"], plan["time_s"]
        self._sink = sink

    def announce(self, event: str, **data: object) -> None:
        """Tell an event; seen by others with the next flush."""
        if self._sink is not None:
            self._sink.tell({"event": event, "at": time.time(), **data})

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
        if self._sink is not None:
            self._sink.flush()

    # --- time and health --------------------------------------------------------

    def keep_time(self, runner: Any, is_over: Callable[[], bool]) -> None:
        """Flush each second, until the time is over or somebody ends the load."""
        end = time.monotonic() + self._lead_s + self._time_s
        vitals = Vitals()
        while time.monotonic() < end and not is_over():
            vitals.look(min(LOOK_S, max(0.0, end - time.monotonic())))
            if vitals.whole_second():
                self._tell(vitals.told(), runner)
        self._tell(vitals.told(), runner)

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

    def on_test_start(self, **_: object) -> None:
        """Keep when the load began, by this process's own clock."""
        self._zero = time.time() + self._lead_s
        self.announce("started")
        self.flush()

    def on_test_stopping(self, environment: Any, **_: object) -> None:
        """Keep when the load ended, and give answers their last chance."""
        if self._zero < math.inf:
            self.announce("stopping", measured_s=time.time() - self._zero)
            gevent.spawn(self.give_up, max(0.0, (environment.stop_timeout or 0) - 0.2))

    def on_end(self, **_: object) -> None:
        """Tell the rest, once."""
        if not self._ended and self._zero < math.inf:
            self._ended = True
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
        "quitting": recorder.on_end,
    }
    for name, listener in listeners.items():
        getattr(hooks, name).add_listener(listener)
    for session in (HttpSession, FastHttpSession):
        recorder.watch(session)


def beside(name: str) -> Any:
    """Return a module of this folder, by a name that no module of the user's has."""
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"release_load_{name}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is missing: it belongs beside {Path(__file__).name}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def end_with_parent() -> None:
    """End when the process that started this one does."""
    parent = os.getppid()
    while os.getppid() == parent:
        gevent.sleep(LOOK_S)
    os.kill(os.getpid(), signal.SIGTERM)


def send_alone(environment: Any, recorder: Recorder) -> None:
    """Send the load from this process alone."""
    folder, plan = Path(os.environ[FOLDER]), json.loads(os.environ[PLAN])
    recorder.follow(plan, File(folder, str(os.getpid())))
    if plan["arrivals"]:
        beside("arrivals").take_over(environment, plan["arrivals"])

    def send(**_: object) -> None:
        recorder.keep_time(environment.runner, (folder / STOP).exists)
        environment.runner.quit()

    environment.events.test_start.add_listener(lambda **_: gevent.spawn(send))


def on_init(environment: Any, runner: Any, **_: object) -> None:
    """Take part in the way that this process was started for."""
    if os.environ.get(CHILD) == "begun":
        gevent.spawn(end_with_parent)
    if isinstance(runner, MasterRunner):
        distributed = beside("distributed")
        plan = json.loads(os.environ[PLAN])
        if plan["arrivals"]:
            # Locust hands out users by class: the master must know the class, too.
            beside("arrivals").take_over(environment, plan["arrivals"])
        master = distributed.Master(environment, plan, Path(os.environ[FOLDER]), File)
        master.gather()
        return
    recorder = Recorder()
    listen(environment.events, recorder)
    if isinstance(runner, WorkerRunner):
        distributed = beside("distributed")
        distributed.Worker(environment, recorder, beside("arrivals").take_over).join()
    else:
        send_alone(environment, recorder)


if os.environ.get(CHILD) == "at once":
    # It may have to wait for a master before anything else happens.
    gevent.spawn(end_with_parent)
_hooks: Any = events  # Locust's hooks are not typed
_hooks.init.add_listener(on_init)
