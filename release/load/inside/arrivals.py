"""Beside the recorder: the open load model, on the user's own users.

Runs inside Locust, in each of its processes, and imports nothing of the harness.
Locust's users wait for the server, and so hide that it stalls. Here, tasks arrive at
a rate, whether earlier ones have ended or not: one Locust user starts a greenlet at
each time that is due. The greenlet takes a user who is idle, or makes one, and lets
it do one task; a nested task set runs until it interrupts itself. The recorder reads
the time that was due from the greenlet, as ``due``.

Where several processes share the rate, each has one such user with its share of it;
when one of them is lost, Locust makes its user anew in another.
"""

from __future__ import annotations

import itertools
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import gevent  # type: ignore[import-untyped]
from gevent.pool import Group  # type: ignore[import-untyped]
from locust import User, task
from locust.exception import (
    InterruptTaskSet,
    RescheduleTask,
    RescheduleTaskImmediately,
    StopUser,
)
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, DefaultTaskSet

# ruff: noqa: S311 - chance sets when visitors come; no secret hangs on it

EARLY_S = 0.0006
"""The event loop's timers are up to 1 ms late; so much earlier, they are right."""
OVER = (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopUser)


def pauses(rate: float, *, is_even: bool) -> Iterator[float]:
    """Yield the seconds between arrivals."""
    if not is_even:
        while True:
            yield random.expovariate(rate)
    # Several processes share a rate: their arrivals fall between each other's.
    yield random.uniform(0, 1 / rate)
    yield from itertools.repeat(1 / rate)


class Visitors:
    """Users of the user's classes, idle or at work.

    Args:
        environment: Locust's.
        classes: The user's classes of users.
        most: Arrivals that may be under way at once.
    """

    def __init__(self, environment: Any, classes: list[Any], most: int) -> None:
        self._environment = environment
        self._most = most
        self._classes = classes
        self._weights = [each.fixed_count or each.weight for each in classes]
        self._idle: defaultdict[Any, list[Any]] = defaultdict(list)
        self.at_work = Group()

    def make(self, count: int) -> None:
        """Make users who are idle at first; some may want to sign in, at once."""

        def one(kind: Any) -> None:
            self._guarded(kind, lambda _: None)

        for kind in random.choices(self._classes, self._weights, k=count):
            self.at_work.spawn(one, kind)
        self.at_work.join()

    def arrive(self, due: float) -> None:
        """Let one visitor come, or say that too many are there."""
        if len(self.at_work) >= self._most:
            self._environment.events.request.fire(
                request_type="ARRIVAL",
                name="not sent",
                response_time=0,
                response_length=0,
                start_time=due,
                context={},
                exception=RuntimeError(f"{self._most} others were under way"),
            )
            return
        self.at_work.spawn(self._visit, due)

    def _visit(self, due: float) -> None:
        gevent.getcurrent().due = min(due, time.time())
        (kind,) = random.choices(self._classes, self._weights)
        self._guarded(kind, _do_one_task)

    def _guarded(self, kind: Any, act: Callable[[Any], None]) -> None:
        """Let a user of a class act; what it raises is told as Locust's users do."""
        user = None
        try:
            user = self._idle[kind].pop() if self._idle[kind] else self._new(kind)
            act(user)
        except OVER:
            pass
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises
            self._environment.events.user_error.fire(
                user_instance=user, exception=error, tb=error.__traceback__
            )
        if user is not None:
            self._idle[kind].append(user)

    def _new(self, kind: Any) -> Any:
        # Locust sets it on the classes that it starts users of.
        kind.host = self._environment.host or kind.host
        user = kind(self._environment)
        user._state = LOCUST_STATE_RUNNING  # noqa: SLF001 - as User.run does
        user._taskset_instance = DefaultTaskSet(user)  # noqa: SLF001 - likewise
        user.on_start()
        return user


def _do_one_task(user: Any) -> None:
    tasks = user._taskset_instance  # noqa: SLF001 - Locust's own name
    tasks.schedule_task(tasks.get_next_task())
    tasks.execute_next_task()


class Arrivals(User):
    """The user that Locust knows of: it lets the others come."""

    abstract = True
    """Locust must not take it for one of the user's own."""
    plan: dict[str, Any]
    classes: list[Any]

    @task
    def run_open(self) -> None:
        """Let visitors come until the load is to end; then wait for them."""
        visitors = Visitors(self.environment, self.classes, self.plan["most"])
        visitors.make(self.plan["ready"])
        due = time.time()
        for pause_s in pauses(self.plan["rate"], is_even=self.plan["is_even"]):
            due += pause_s
            gevent.sleep(max(0.0, due - time.time() - EARLY_S))
            if self._state == LOCUST_STATE_STOPPING:
                break
            visitors.arrive(due)
        visitors.at_work.join()
        raise StopUser


def take_over(environment: Any, plan: dict[str, Any]) -> None:
    """Give Locust the one user in place of the user's own.

    Args:
        environment: Locust's.
        plan: ``rate`` (arrivals a second of one such user), ``is_even``, ``most``
            (under way at once) and ``ready`` (users made before the first arrival:
            making one takes time).
    """
    Arrivals.plan = plan
    Arrivals.classes = environment.user_classes
    environment.user_classes = [Arrivals]
