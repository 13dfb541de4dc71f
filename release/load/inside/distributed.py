"""Beside the recorder: a load that several processes share, on this machine or on many.

Runs inside Locust and imports nothing of the harness. Locust's own messages carry all
of it, so workers share nothing with the master but the way to its port:

- ``recorder_hello``, to the master: who a worker is, and with what it would send.
- ``recorder_plan``, to a worker: it is let in; what it is to send and to measure.
- ``recorder_refused``, to a worker: it is not, why, and what to do.
- ``recorder_told``, to the master: events of a worker, in numbered batches.
- ``recorder_end``, to a worker: end the load and tell the rest.

Locust's master hears only of workers that were let in: it would start with anyone.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent  # type: ignore[import-untyped]
import locust
from locust.exception import RPCError
from locust.rpc import Message
from locust.runners import STATE_MISSING

HELLO = "recorder_hello"
PLAN = "recorder_plan"
REFUSED = "recorder_refused"
TOLD = "recorder_told"
END = "recorder_end"
OWN = ("recorder.py", "distributed.py", "arrivals.py", "waiting.py")
STOP = "stop"
LOOK_S = 0.1
AGAIN_S = 5.0
"""A hello that nobody answered is said again after so long."""
MUTE_S = 5.0
"""Who says no hello for so long has no recorder."""
GONE_S = 10.0
"""A master that is silent for so long is gone."""
LATER_S = 1.0
"""Workers begin a little after the master, and measure to their own end."""
REST_S = 5.0
"""Beyond the last answers, a worker may take so long to tell the rest."""


# --- who may take part ----------------------------------------------------------------


def identity(locustfiles: Iterable[str]) -> dict[str, str]:
    """Return with what this process would send: Locust, recorder, locustfile."""
    here = Path(__file__).parent
    return {
        "locust": locust.__version__,
        "recorder": _digest({name: here / name for name in OWN}),
        "locustfile": _digest(_sources(Path(path).resolve() for path in locustfiles)),
    }


def _sources(locustfiles: Iterable[Path]) -> dict[str, Path]:
    """Return the user's files and what they have imported from their own folders."""
    found: dict[str, Path] = {}
    files = [path for path in locustfiles if path.parent != Path(__file__).parent]
    imported = [
        Path(there).resolve()
        for module in list(sys.modules.values())
        if (there := getattr(module, "__file__", None)) and there.endswith(".py")
    ]
    for file in files:
        found[file.name] = file
        for path in imported:
            inside = path.is_relative_to(file.parent)
            if inside and "site-packages" not in path.parts:
                found[path.relative_to(file.parent).as_posix()] = path
    return found


def _digest(files: dict[str, Path]) -> str:
    found = hashlib.sha256()
    for name, path in sorted(files.items()):
        content = path.read_bytes()
        found.update(f"{name}\0{len(content)}\0".encode() + content)
    return found.hexdigest()[:12]


def objection(release: dict[str, str], worker: dict[str, str]) -> dict[str, str]:
    """Return ``what`` is wrong with a worker and its ``fix``; nothing if it is well."""
    fixes = {
        "locust": f"install Locust {release['locust']} where the worker runs",
        "recorder": "install the release's pytest-release where the worker runs",
        "locustfile": "copy the folder of the release's locustfile to the worker",
    }
    for name, fix in fixes.items():
        if worker[name] != release[name]:
            other = f"it has {name} {worker[name]}, the release has {release[name]}"
            return {"what": other, "fix": fix}
    return {}


# --- the worker -----------------------------------------------------------------------


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


# --- the master -----------------------------------------------------------------------


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


@dataclass(kw_only=True, slots=True)
class Door:
    """Who came, until the door is shut."""

    members: dict[str, Member] = field(default_factory=dict)
    """By Locust's id."""
    silent: dict[str, float] = field(default_factory=dict)
    """Since when somebody has been there without a hello, by Locust's id."""
    refused: dict[str, dict[str, str]] = field(default_factory=dict)
    """Why, by name."""


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
        self._file = file
        self._own = file(folder, "master")
        self._identity = identity(environment.parsed_locustfiles)
        self._door = Door()
        self._shut = False
        self._zero = math.inf
        self._stopping = False
        self._handle = self._runner.handle_message

    def _announce(self, event: str, **data: object) -> None:
        self._own.tell({"event": event, "at": time.time(), **data})
        self._own.flush()

    # --- before the load ------------------------------------------------------------

    def gather(self) -> None:
        """Wait for all workers; without them, end this process.

        Locust calls this before it waits for workers itself, and then finds them.
        """
        self._runner.register_message(HELLO, self._on_hello)
        self._runner.register_message(TOLD, self._on_told)
        self._runner.handle_message = self._on_message
        leave = gevent.signal_handler(signal.SIGTERM, self._leave)
        begun = time.monotonic()
        self._tell_who_waits()
        while len(self._door.members) < self._plan["expect"]:
            waited_s = time.monotonic() - begun
            if self._is_hopeless() or waited_s > self._plan["wait_s"]:
                self._give_up(waited_s)
            self._find_silent()
            self._find_left()
            gevent.sleep(LOOK_S)
        self._shut = True
        leave.cancel()
        hooks = self._environment.events
        hooks.test_start.add_listener(self._on_test_start)
        hooks.test_stopping.add_listener(self._on_test_stopping)
        hooks.quitting.add_listener(lambda **_: self._announce("ended"))

    def _on_message(self, client_id: str, msg: Any) -> None:
        """Let Locust see a message, but for one of a worker that is not let in."""
        if msg.type == "quit" and not self._shut:
            # Locust would end with the last worker that goes; others may yet come.
            self._runner.clients.pop(client_id, None)
            return
        if msg.type != "client_ready" or client_id in self._door.members:
            self._handle(client_id, msg)
            return
        self._door.silent.setdefault(client_id, time.monotonic())
        index = {"index": self._runner.get_worker_index(client_id)}
        self._runner.send_message("ack", index, client_id)

    def _on_hello(self, msg: Any, **_: object) -> None:
        client_id, hello = msg.node_id, msg.data
        self._door.silent.pop(client_id, None)
        if client_id in self._door.members:
            return
        why = objection(self._identity, hello)
        expected = self._plan["expect"]
        if not why and len(self._door.members) >= expected:
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
        self._door.refused[name] = why
        self._announce("refused", name=name, **why)
        self._tell_who_waits()

    def _admit(self, client_id: str, name: str) -> None:
        taken = {member.name for member in self._door.members.values()}
        while name in taken:
            name += "-again"
        member = Member(name=name, file=self._file(self._folder, name))
        self._door.members[client_id] = member
        self._runner.send_message(PLAN, self._plan, client_id)
        ready: Any = Message  # it is not typed
        self._handle(client_id, ready("client_ready", locust.__version__, client_id))
        self._announce("joined", name=name)
        self._tell_who_waits()

    def _find_silent(self) -> None:
        for client_id, since in list(self._door.silent.items()):
            if time.monotonic() - since > MUTE_S:
                del self._door.silent[client_id]
                self._runner.send_message("quit", None, client_id)
                why = {
                    "what": "it has no recorder",
                    "fix": "start it with python -m release load-worker, or with "
                    f"recorder.py of {Path(__file__).parent} after its locustfile",
                }
                self._refuse(re.sub(r"_[0-9a-f]{32}$", "", client_id), why)

    def _find_left(self) -> None:
        """Count no more on those who went before the load began."""
        for client_id, member in list(self._door.members.items()):
            if not self._is_there(client_id):
                del self._door.members[client_id]
                self._runner.clients.pop(client_id, None)
                self._announce("left", name=member.name)
                self._tell_who_waits()

    def _is_there(self, client_id: str) -> bool:
        there = self._runner.clients.get(client_id)
        return there is not None and there.state != STATE_MISSING

    def _is_hopeless(self) -> bool:
        """Whether as many as expected came, and one of them is the wrong one."""
        came = len(self._door.members) + len(self._door.refused)
        return bool(self._door.refused) and came >= self._plan["expect"]

    def _tell_who_waits(self) -> None:
        if not self._shut:
            came, refused = len(self._door.members), len(self._door.refused)
            self._announce("waiting", came=came, refused=refused)

    def _give_up(self, waited_s: float) -> None:
        self._announce(
            "too_few",
            came=len(self._door.members),
            waited_s=waited_s,
            refused=[{"name": name, **why} for name, why in self._door.refused.items()],
        )
        self._leave()

    def _leave(self) -> None:
        for client_id in self._door.members:
            self._runner.send_message("quit", None, client_id)
        gevent.sleep(0.5)
        sys.exit(1)

    # --- the load -------------------------------------------------------------------

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
            missing = not self._is_there(client_id)
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
