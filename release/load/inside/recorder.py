"""A Locust file beside the user's: keeps what Locust's own figures lose.

Runs inside Locust, in each of its processes, and imports nothing of the harness.
Locust rounds times to two digits, mixes the ramp into its figures and tells nothing of
its own health. This keeps one file a process, ``load-NAME.jsonl``, a line an event.
Where several processes share a load, on this machine or on many, each tells its events
to Locust's master, which writes them (`membership`, beside this file):

- ``started``, ``stopping``, ``ended``: when the load began and ended.
- ``second``: what one endpoint answered in one second: how many were good, failures by
  their text, an HdrHistogram (two significant digits, µs) of the good ones, the longest
  and the sum exact. Seconds count from the first that is measured; those of the ramp
  and warm-up are below 0, those after the end are the last number and one. A second
  may have several lines: late answers belong to the second in which they were due.
- ``vitals``: the state of this generator in one second.
- ``exception``: the user's own code raised.
- ``waiting``, ``refused``, ``joined``, ``left``, ``too_few``, ``lost``, ``gap``: the
  master's, of the workers of a load that is shared.

An arrival of the open model puts the time when it was due on its greenlet, as ``due``
(seconds since 1970); the first request of the greenlet is then counted from there.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import math
import os
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import gevent  # type: ignore[import-untyped]
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]
from locust import events
from locust.runners import MasterRunner, WorkerRunner

FOLDER = "RECORDER_FOLDER"
"""Variable: where files go."""
PLAN = "RECORDER_PLAN"
"""Variable: what is sent and measured, as JSON."""
CHILD = "RECORDER_CHILD"
"""Variable: when this process begins to see that it ends with its parent: ``at once``,
or ``begun``, when it has made the processes that share its load; else, never."""
PACKAGE = "release_load"
"""What the modules of this folder are called, beside the user's own."""
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

    __slots__ = ("counts", "failures", "longest_ms", "sum_ms")

    def __init__(self) -> None:
        self.counts: defaultdict[int, int] = defaultdict(int)
        """Good responses by the least µs of their class."""
        self.failures: Counter[str] = Counter()
        self.longest_ms = 0.0
        self.sum_ms = 0.0

    def failed(self, text: str) -> None:
        """Count one that failed; texts beyond the most share one."""
        if text not in self.failures and len(self.failures) >= MOST_FAILURES:
            text = OTHERS
        self.failures[text] += 1

    def histogram(self) -> str:
        """Return the good responses as text; "" without any.

        It has no padding: nothing must take it for a key.
        """
        if not self.counts:
            return ""
        made = HdrHistogram(1, HIGHEST_US, DIGITS)
        for value_us, count in self.counts.items():
            made.record_value(min(max(value_us, 1), HIGHEST_US), count)
        return str(made.encode().decode().rstrip("="))


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
        self._is_open = False
        self._zero = math.inf
        self._ended = False
        self._seconds: dict[tuple[str, str, float], Second] = {}
        """By method, name and second."""
        self._names: set[tuple[str, str]] = set()
        self._exceptions = 0
        self._arrived = 0
        self._late = 0

    def follow(self, plan: dict[str, Any], sink: Sink) -> None:
        """Measure as a plan says, from the start of the load on."""
        self._lead_s, self._time_s = plan["lead_s"], plan["time_s"]
        self._is_open = bool(plan["arrivals"])
        self._sink = sink

    def announce(self, event: str, **data: object) -> None:
        """Tell an event; seen by others with the next flush."""
        if self._sink is not None:
            self._sink.tell({"event": event, "at": time.time(), **data})

    def _kept(self, method: str, name: str, due: float) -> Second:
        """Return where a response counts; names beyond the most share one."""
        if (method, name) not in self._names:
            if len(self._names) >= MOST_NAMES:
                method, name = "", OTHERS
            self._names.add((method, name))
        key = (method, name, self._second(due))
        kept = self._seconds.get(key)
        if kept is None:
            kept = self._seconds[key] = Second()
        return kept

    def _second(self, due: float) -> int:
        since = due - self._zero
        if since < self._time_s:
            return math.floor(max(since, -self._lead_s))
        return math.ceil(self._time_s)

    def flush(self) -> None:
        """Tell the seconds that have something new, and let others see them."""
        seconds, self._seconds = self._seconds, {}
        for (method, name, second), kept in seconds.items():
            self.announce(
                "second",
                second=int(second),
                endpoint=_endpoint(method, name)[:LONGEST_TEXT],
                good=sum(kept.counts.values()),
                failures=dict(kept.failures),
                longest_ms=kept.longest_ms,
                sum_ms=kept.sum_ms,
                histogram=kept.histogram(),
            )
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
            arrived=self._arrived,
            late=self._late,
            **vitals,
        )
        self._arrived = self._late = 0
        self.flush()

    def give_up(self, after_s: float) -> None:
        """After a while, count what still waits as failed, in the last second."""
        gevent.sleep(after_s)
        last = self._zero + self._time_s - LOOK_S
        for since, method, name in beside("waiting").waiting():
            due = min(max(since, self._zero), last)
            self._kept(method, name, due).failed(NO_ANSWER)
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
        """Count a response, from when it was due where somebody knows it.

        It is called for each, and takes 2 % of what a request costs: keep it so
        (`make bench-load`).
        """
        due = start_time or time.time() - response_time / 1000
        if self._is_open:
            late_s = self._late_s(due)
            due -= late_s
            response_time += late_s * 1000
        since = due - self._zero
        if exception is None and 0 <= since < self._time_s:
            kept = self._seconds.get((request_type, name, since // 1))
            if kept is None:
                kept = self._kept(request_type, name, due)
        else:
            kept = self._kept(request_type, name, due)
            if exception is not None:
                text = str(exception) or repr(exception)
                kept.failed(text[:LONGEST_TEXT])
                return
        value_us = int(response_time * 1000 + 0.5)
        # HdrHistogram's classes of two digits: the seven bits after the first.
        more = value_us.bit_length() - 8
        kept.counts[value_us >> more << more if more > 0 else value_us] += 1
        kept.sum_ms += response_time
        kept.longest_ms = max(kept.longest_ms, response_time)

    def _late_s(self, started: float) -> float:
        """Return how late an arrival sent its first request; 0 for the others."""
        current = gevent.getcurrent()
        due: float | None = getattr(current, "due", None)
        if due is None:
            return 0.0
        current.due = None
        self._arrived += 1
        self._late += started - due > LATE_S
        return started - due

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


def _endpoint(method: str, name: str) -> str:
    """Return what thresholds call an endpoint; some locustfiles name it so."""
    return name if name.startswith(f"{method} ") else f"{method} {name}".strip()


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


def beside(name: str) -> Any:
    """Return a module of this folder, by a name that no module of the user's has."""
    folder = Path(__file__).parent
    if not (folder / f"{name}.py").is_file():
        raise ImportError(f"{name}.py is missing: it belongs beside {__file__}")
    if PACKAGE not in sys.modules:
        made = sys.modules[PACKAGE] = ModuleType(PACKAGE)
        made.__path__ = [str(folder)]
    return importlib.import_module(f"{PACKAGE}.{name}")


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
        plan = json.loads(os.environ[PLAN])
        if plan["arrivals"]:
            # Locust hands out users by class: the master must know the class, too.
            beside("arrivals").take_over(environment, plan["arrivals"])
        folder = Path(os.environ[FOLDER])
        beside("master").Master(environment, plan, folder, File).gather()
        return
    recorder = Recorder()
    listen(environment.events, recorder)
    if isinstance(runner, WorkerRunner):
        take_over = beside("arrivals").take_over
        beside("worker").Worker(environment, recorder, take_over).join()
    else:
        send_alone(environment, recorder)


# Whoever finds this process stuck asks for the place.
faulthandler.register(signal.SIGUSR1)
if os.environ.get(CHILD) == "at once":
    # It may have to wait for a master before anything else happens.
    gevent.spawn(end_with_parent)
_hooks: Any = events  # Locust's hooks are not typed
_hooks.init.add_listener(on_init)
