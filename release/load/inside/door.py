"""Beside the recorder: the door at which workers wait until all of them have come.

Runs inside Locust's master and imports nothing of the harness. The master hears only
of workers that were let in: it would start with anyone.
"""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent  # type: ignore[import-untyped]
import locust
from locust.rpc import Message
from locust.runners import STATE_MISSING

from .membership import HELLO, PLAN, REFUSED, identity, objection

LOOK_S = 0.1
MUTE_S = 5.0
"""Who says no hello for so long has no recorder."""


@dataclass(kw_only=True, slots=True)
class Member:
    """A worker that was let in."""

    name: str
    file: Any
    """The sink for its events."""
    batches: int = 0
    """Those that came."""
    ended: bool = False
    """It has told all."""
    lost: bool = False


class Door:
    """Lets workers in, and those only.

    Args:
        environment: Locust's.
        plan: Told to each; ``expect`` workers, in ``wait_s``.
        announce: Told who comes and who does not, an event each.
        file: Makes the sink of a worker from its name.
    """

    def __init__(
        self,
        environment: Any,
        plan: dict[str, Any],
        announce: Callable[..., None],
        file: Callable[[str], Any],
    ) -> None:
        self._environment = environment
        self._runner = environment.runner
        self._plan = plan
        self._announce = announce
        self._file = file
        self._identity = identity(environment.parsed_locustfiles)
        self._shut = False
        self._handle = self._runner.handle_message
        self._silent: dict[str, float] = {}
        """Since when somebody has been there without a hello, by Locust's id."""
        self._refused: dict[str, dict[str, str]] = {}
        """Why, by name."""
        self.members: dict[str, Member] = {}
        """By Locust's id."""

    def wait(self) -> None:
        """Wait for all workers; without them, end this process."""
        self._runner.register_message(HELLO, self._on_hello)
        self._runner.handle_message = self._on_message
        leave = gevent.signal_handler(signal.SIGTERM, self._leave)
        begun = time.monotonic()
        self._tell_who_waits()
        while len(self.members) < self._plan["expect"]:
            waited_s = time.monotonic() - begun
            if self._is_hopeless() or waited_s > self._plan["wait_s"]:
                self._give_up(waited_s)
            self._find_silent()
            self._find_left()
            gevent.sleep(LOOK_S)
        self._shut = True
        leave.cancel()

    def _on_message(self, client_id: str, msg: Any) -> None:
        """Let Locust see a message, but for one of a worker that is not let in."""
        if msg.type == "quit" and not self._shut:
            # Locust would end with the last worker that goes; others may yet come.
            self._runner.clients.pop(client_id, None)
            return
        if msg.type != "client_ready" or client_id in self.members:
            self._handle(client_id, msg)
            return
        self._silent.setdefault(client_id, time.monotonic())
        index = {"index": self._runner.get_worker_index(client_id)}
        self._runner.send_message("ack", index, client_id)

    def _on_hello(self, msg: Any, **_: object) -> None:
        client_id, hello = msg.node_id, msg.data
        self._silent.pop(client_id, None)
        if client_id in self.members:
            return
        why = objection(self._identity, hello)
        expected = self._plan["expect"]
        if not why and len(self.members) >= expected:
            why = {
                "what": f"the load has its {expected} workers",
                "fix": "raise load.workers.expect, or start one worker fewer",
            }
        if why:
            self._runner.send_message(REFUSED, why, client_id)
            self._refuse(hello["name"], why)
            return
        self._admit(client_id, hello["name"])

    def _refuse(self, name: str, why: dict[str, str]) -> None:
        self._refused[name] = why
        self._announce("refused", name=name, **why)
        self._tell_who_waits()

    def _admit(self, client_id: str, name: str) -> None:
        taken = {member.name for member in self.members.values()}
        while name in taken:
            name += "-again"
        member = Member(name=name, file=self._file(name))
        self.members[client_id] = member
        self._runner.send_message(PLAN, self._plan, client_id)
        ready: Any = Message  # it is not typed
        self._handle(client_id, ready("client_ready", locust.__version__, client_id))
        self._announce("joined", name=name)
        self._tell_who_waits()

    def _find_silent(self) -> None:
        for client_id, since in list(self._silent.items()):
            if time.monotonic() - since > MUTE_S:
                del self._silent[client_id]
                self._runner.send_message("quit", None, client_id)
                why = {
                    "what": "it has no recorder",
                    "fix": "start it with python -m release load-worker, or with "
                    f"recorder.py of {Path(__file__).parent} after its locustfile",
                }
                self._refuse(re.sub(r"_[0-9a-f]{32}$", "", client_id), why)

    def _find_left(self) -> None:
        """Count no more on those who went before the load began."""
        for client_id, member in list(self.members.items()):
            if not self.is_there(client_id):
                del self.members[client_id]
                self._runner.clients.pop(client_id, None)
                self._announce("left", name=member.name)
                self._tell_who_waits()

    def is_there(self, client_id: str) -> bool:
        """Whether Locust still hears of a worker."""
        there = self._runner.clients.get(client_id)
        return there is not None and there.state != STATE_MISSING

    def _is_hopeless(self) -> bool:
        """Whether as many as expected came, and one of them is the wrong one."""
        came = len(self.members) + len(self._refused)
        return bool(self._refused) and came >= self._plan["expect"]

    def _tell_who_waits(self) -> None:
        if not self._shut:
            came, refused = len(self.members), len(self._refused)
            self._announce("waiting", came=came, refused=refused)

    def _give_up(self, waited_s: float) -> None:
        self._announce(
            "too_few",
            came=len(self.members),
            waited_s=waited_s,
            refused=[{"name": name, **why} for name, why in self._refused.items()],
        )
        self._leave()

    def _leave(self) -> None:
        for client_id in self.members:
            self._runner.send_message("quit", None, client_id)
        gevent.sleep(0.5)
        sys.exit(1)
