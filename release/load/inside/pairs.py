"""A Locust file beside the user's: each task twice, at a new and at an old instance.

Runs inside Locust and imports nothing of the harness. Each simulated user is two users
of the user's own class, one of the new instance and one of the old. They do the same
task one right after the other, in an order that chance sets, with the same random
numbers, so that both ask for the same thing at the same time on the same machine. One
file, ``pairs-PID.jsonl``: a line for each request that both sent, with seconds since
measuring began, endpoint, and milliseconds of both; null is a failed one.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import gevent  # type: ignore[import-untyped]
from locust import FastHttpUser, HttpUser, User, events, task
from locust.exception import (
    InterruptTaskSet,
    RescheduleTask,
    RescheduleTaskImmediately,
    StopUser,
)
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, DefaultTaskSet

# ruff: noqa: S311 - chance sets what visitors do; no secret hangs on it

FOLDER = Path(os.environ["RECORDER_FOLDER"])
HOSTS = {"new": os.environ["PAIRS_NEW"], "old": os.environ["PAIRS_OLD"]}
LEAD_S = float(os.environ["RECORDER_LEAD_S"])
TIME_S = float(os.environ["RECORDER_TIME_S"])
LOOK_S = 0.25
LEAVING = 0.25
"""Share of tasks after which a visitor leaves and another comes."""
OVER = (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately)

Answers = list[tuple[str, float | None]]
"""Endpoint and milliseconds of requests, in order; None is a failed one."""


class Paper:
    """The file that pairs are written to."""

    def __init__(self) -> None:
        self._file: Any = None
        self._zero = 0.0

    def begin(self) -> None:
        """Count seconds from here on, the warm-up left out."""
        self._file = (FOLDER / f"pairs-{os.getpid()}.jsonl").open("a")
        self._zero = time.time() + LEAD_S

    def tell(self, answers: dict[str, Answers]) -> None:
        """Write the requests that both sent, matched in their order."""
        at = time.time() - self._zero
        if at < 0:
            return
        for (endpoint, new), (other, old) in zip(
            answers["new"], answers["old"], strict=False
        ):
            if endpoint == other:
                line = {"at": round(at, 3), "endpoint": endpoint, "new": new}
                self._file.write(json.dumps(line | {"old": old}) + "\n")

    def flush(self) -> None:
        """Let others see what was written."""
        self._file.flush()


paper = Paper()
chance = random.Random()


class Pair(User):
    """Two users of one of the user's classes, who do the same."""

    kinds: list[dict[str, Any]]
    weights: list[float]

    @task
    def go_on(self) -> None:
        """Do tasks until the load is to end."""
        (kind,) = chance.choices(self.kinds, self.weights)
        users = {side: self._made(kind[side]) for side in HOSTS}
        while self._state != LOCUST_STATE_STOPPING:
            seed = chance.random()
            todo = chance.choice(users["new"].tasks)
            answers = {}
            for side in chance.sample(list(HOSTS), 2):
                random.seed(seed)
                answers[side] = self._asked(users[side], todo)
            paper.tell(answers)
            if chance.random() < LEAVING:
                for user in users.values():
                    _hang_up(user)
            gevent.sleep(users["new"].wait_time())
        raise StopUser

    def _made(self, kind: Any) -> Any:
        user = kind(self.environment)
        user._state = LOCUST_STATE_RUNNING  # noqa: SLF001 - as User.run does
        user._taskset_instance = DefaultTaskSet(user)  # noqa: SLF001 - likewise
        user.on_start()
        return user

    def _asked(self, user: Any, todo: Any) -> Answers:
        """Let a user do a task, and return what its requests came to."""
        answers: Answers = []
        gevent.getcurrent().answers = answers
        tasks = user._taskset_instance  # noqa: SLF001 - Locust's own name
        try:
            tasks.schedule_task(todo)
            tasks.execute_next_task()
        except OVER:
            pass
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises
            self.environment.events.user_error.fire(
                user_instance=user, exception=error, tb=error.__traceback__
            )
        gevent.getcurrent().answers = None
        return answers


def _hang_up(user: Any) -> None:
    """Close a user's connections, so that the next request makes a new one.

    Which of a server's processes a connection ends up at is chance, and stays: with
    few connections that alone makes one instance slower than the other.
    """
    if isinstance(user, FastHttpUser):
        user.client.client.clientpool.close()
    elif isinstance(user, HttpUser):
        user.client.close()


def on_request(
    request_type: str,
    name: str,
    response_time: float,
    exception: BaseException | None,
    **_: object,
) -> None:
    """Keep what a request came to with the task that sent it."""
    answers = getattr(gevent.getcurrent(), "answers", None)
    if answers is not None:
        is_full = name.startswith(f"{request_type} ")
        endpoint = name if is_full else f"{request_type} {name}"
        answers.append((endpoint, None if exception else round(response_time, 4)))


def keep_time(runner: Any) -> None:
    """End the load in time, when told to, or with the process that started Locust."""
    parent, end = os.getppid(), time.monotonic() + LEAD_S + TIME_S
    while time.monotonic() < end and not (FOLDER / "stop").exists():
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)
            return
        gevent.sleep(LOOK_S)
        paper.flush()
    runner.quit()


def take_over(environment: Any, **_: object) -> None:
    """Give Locust pairs in place of the user's own classes."""
    own = [each for each in environment.user_classes if each is not Pair]
    Pair.kinds = [
        {
            side: type(each.__name__, (each,), {"host": url, "abstract": False})
            for side, url in HOSTS.items()
        }
        for each in own
    ]
    Pair.weights = [each.fixed_count or each.weight for each in own]
    environment.user_classes = [Pair]


def on_test_start(environment: Any, **_: object) -> None:
    """Begin to count, and to look at the clock."""
    paper.begin()
    gevent.spawn(keep_time, environment.runner)


_hooks: Any = events  # Locust's hooks are not typed
_hooks.init.add_listener(take_over)
_hooks.request.add_listener(on_request)
_hooks.test_start.add_listener(on_test_start)
_hooks.quitting.add_listener(lambda **_: paper.flush())
