"""Beside the recorder: one process of several that share a load.

Runs inside Locust and imports nothing of the harness.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

import gevent  # type: ignore[import-untyped]
from locust.exception import RPCError

from .membership import END, HELLO, PLAN, REFUSED, TOLD, identity

AGAIN_S = 5.0
"""A hello that nobody answered is said again after so long."""
GONE_S = 10.0
"""A master that is silent for so long is gone."""


class Worker:
    """A worker's side; as a sink, it sends events to the master.

    Args:
        environment: Locust's.
        recorder: Counts what happens here.
        take_over: Makes the load an open one, from the environment and its plan.
    """

    def __init__(
        self, environment: Any, recorder: Any, take_over: Callable[[Any, Any], None]
    ) -> None:
        self._environment = environment
        self._runner = environment.runner
        self._recorder = recorder
        self._take_over = take_over
        self._events: list[dict[str, Any]] = []
        self._batch = 0
        self._answered = False
        self._over = False
        options = environment.parsed_options
        self._master = f"{options.master_host}:{options.master_port}"

    def join(self) -> None:
        """Ask to be let in, and do what the master says."""
        self._runner.register_message(PLAN, self._on_plan)
        self._runner.register_message(REFUSED, self._on_refused)
        self._runner.register_message(END, self._on_end)
        hooks = self._environment.events
        hooks.test_start.add_listener(lambda **_: gevent.spawn(self._keep_time))
        hooks.test_stop.add_listener(self._recorder.on_end)
        gevent.spawn(self._greet)

    def tell(self, event: dict[str, Any]) -> None:
        """Take an event."""
        self._events.append(event)

    def flush(self) -> None:
        """Send what was told, as the next batch; what cannot be sent waits."""
        told, self._events = self._events, []
        if not told:
            return
        try:
            self._runner.send_message(TOLD, {"batch": self._batch, "events": told})
        except RPCError:
            self._events = told + self._events
        else:
            self._batch += 1

    def _greet(self) -> None:
        """Say hello until there is an answer; then see that the master stays."""
        hello = {
            "name": re.sub(r"[^\w.-]+", "_", f"{socket.gethostname()}-{os.getpid()}"),
            **identity(self._environment.parsed_locustfiles),
        }
        while not self._answered:
            self._runner.send_message(HELLO, hello)
            gevent.sleep(AGAIN_S)
        while not self._is_alone():
            gevent.sleep(1)
        self._fail(
            f"the release at {self._master} has been silent for {GONE_S:.0f} s",
            "see how it ended, and start the worker again for the next one",
        )

    def _is_alone(self) -> bool:
        heard = self._runner.last_heartbeat_timestamp
        return heard is not None and time.time() - heard > GONE_S

    def _on_plan(self, msg: Any, **_: object) -> None:
        if self._answered:
            return
        self._answered = True
        self._recorder.follow(msg.data, self)
        if msg.data["arrivals"]:
            self._take_over(self._environment, msg.data["arrivals"])
        print(f"joined the release at {self._master}", file=sys.stderr)  # noqa: T201

    def _on_refused(self, msg: Any, **_: object) -> None:
        self._answered = True
        what, fix = msg.data["what"], msg.data["fix"]
        self._fail(f"the release at {self._master} refused this worker: {what}", fix)

    def _fail(self, what: str, fix: str) -> None:
        print(f"{what}\n  fix: {fix}", file=sys.stderr)  # noqa: T201
        self._environment.process_exit_code = 1
        self._environment.stop_timeout = 0
        self._runner.quit()

    def _on_end(self, **_: object) -> None:
        # The message's own greenlet must stay free for the heartbeat.
        self._over = True
        gevent.spawn(self._runner.stop)

    def _keep_time(self) -> None:
        self._recorder.keep_time(self._runner, lambda: self._over)
