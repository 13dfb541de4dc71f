"""Beside the recorder: the process that several others share a load with.

Runs inside Locust and imports nothing of the harness. It sends nothing itself: it lets
workers in, begins and ends the load, and keeps what they tell.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gevent  # type: ignore[import-untyped]

from .door import Door, Member
from .membership import END, TOLD

STOP = "stop"
LOOK_S = 0.1
LATER_S = 1.0
"""Workers begin a little after the master, and measure to their own end."""
REST_S = 5.0
"""Beyond the last answers, a worker may take so long to tell the rest."""


class Master:
    """The master's side: lets workers in, begins with them, keeps what they tell.

    Args:
        environment: Locust's.
        plan: ``lead_s``, ``time_s``, ``arrivals``; ``expect`` workers, in ``wait_s``.
        folder: For the files.
        file: Makes the sink of a process, from folder and name.
    """

    def __init__(
        self,
        environment: Any,
        plan: dict[str, Any],
        folder: Path,
        file: Callable[[Path, str], Any],
    ) -> None:
        self._environment = environment
        self._runner = environment.runner
        self._plan = plan
        self._folder = folder
        self._own = file(folder, "master")
        self._door = Door(environment, plan, self._announce, partial(file, folder))
        self._zero = math.inf
        self._stopping = False

    def gather(self) -> None:
        """Wait for all workers; without them, end this process.

        Locust calls this before it waits for workers itself, and then finds them.
        """
        self._runner.register_message(TOLD, self._on_told)
        self._door.wait()
        hooks = self._environment.events
        hooks.test_start.add_listener(self._on_test_start)
        hooks.test_stopping.add_listener(self._on_test_stopping)
        hooks.quitting.add_listener(lambda **_: self._announce("ended"))

    def _announce(self, event: str, **data: object) -> None:
        self._own.tell({"event": event, "at": time.time(), **data})
        self._own.flush()

    def _on_test_start(self, **_: object) -> None:
        self._zero = time.time() + self._plan["lead_s"]
        self._announce("started")
        gevent.spawn(self._keep_time)

    def _keep_time(self) -> None:
        """End the load in time, when told to, or when nobody is left to send it."""
        time_s = self._plan["lead_s"] + self._plan["time_s"] + LATER_S
        end = time.monotonic() + time_s
        while time.monotonic() < end and not (self._folder / STOP).exists():
            self._look()
            if not self._sending():
                break
            gevent.sleep(LOOK_S)
        self._finish()
        self._runner.quit()

    def _sending(self) -> dict[str, Member]:
        members = self._door.members.items()
        return {key: each for key, each in members if not (each.lost or each.ended)}

    def _look(self) -> None:
        """Find who was lost; who is, stays so, even if it is heard of again."""
        for client_id, member in self._door.members.items():
            missing = not self._door.is_there(client_id)
            if member.lost or not (missing or member.ended):
                continue
            member.lost = True
            self._announce("lost", name=member.name, at_s=time.time() - self._zero)
            if missing:
                # Locust has given its users to the others. A minute later it would
                # give out all users anew, from none on.
                self._runner.clients.pop(client_id, None)

    def _finish(self) -> None:
        """Let the workers end and tell the rest."""
        self._on_test_stopping()
        for client_id in self._sending():
            self._runner.send_message(END, None, client_id)
        end = time.monotonic() + (self._environment.stop_timeout or 0) + REST_S
        while self._sending() and time.monotonic() < end:
            gevent.sleep(LOOK_S / 2)
        for member in self._sending().values():
            self._announce("lost", name=member.name, at_s=time.time() - self._zero)

    def _on_test_stopping(self, **_: object) -> None:
        if not self._stopping:
            self._stopping = True
            self._announce("stopping", measured_s=time.time() - self._zero)

    def _on_told(self, msg: Any, **_: object) -> None:
        """Keep a batch; its times are this machine's, whose clock is the load's."""
        member = self._door.members.get(msg.node_id)
        if member is None:
            return
        missing = msg.data["batch"] - member.batches
        member.batches = msg.data["batch"] + 1
        if missing:
            self._announce("gap", name=member.name, batches=missing)
        for event in msg.data["events"]:
            member.file.tell({**event, "at": time.time()})
            member.ended = member.ended or event["event"] == "ended"
        member.file.flush()
