"""All waiting goes through here; no other loop of the harness sleeps.

A wait knows its goal, tells what it last saw, and ends with both.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from release.errors import WaitTimedOut

T = TypeVar("T")


class Clock(Protocol):
    """What a wait needs of time; tests pass one that does not sleep."""

    def now(self) -> float:
        """Return monotonic seconds."""

    def sleep(self, seconds: float) -> None:
        """Let seconds pass."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return monotonic seconds."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen(Generic[T]):
    """One look at the world: what it shows, and the value once the goal is met."""

    what: str
    value: T | None = None


def wait_until(
    goal: str,
    look: Callable[[], Seen[T]],
    *,
    timeout_s: float,
    interval_s: float,
    fix: str,
    progress: Callable[[str], None] = lambda _: None,
    clock: Clock | None = None,
) -> T:
    """Look again and again until a look returns a value.

    Args:
        goal: What is waited for, as a noun phrase: "3 healthy instances".
        look: Looks once. A `Seen` whose value is not None ends the wait.
        timeout_s: Seconds after which the wait fails.
        interval_s: Seconds between looks.
        fix: What the reader can do when it fails.
        progress: Told each time that what is seen changes.
        clock: The time to use.

    Returns:
        The value that met the goal.

    Raises:
        WaitTimedOut: The goal was not met within `timeout_s`.
    """
    clock = clock or SystemClock()
    started = clock.now()
    shown = None
    while True:
        seen = look()
        if seen.value is not None:
            return seen.value
        if seen.what != shown:
            shown = seen.what
            progress(f"waiting for {goal}: {seen.what}")
        waited_s = clock.now() - started
        if waited_s >= timeout_s:
            raise WaitTimedOut(
                f"no {goal}: waited {waited_s:.0f} s, last seen {seen.what}",
                fix=fix,
                last_seen=seen.what,
            )
        clock.sleep(min(interval_s, timeout_s - waited_s))
