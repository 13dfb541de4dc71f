"""Where releases are killed, and what dies there."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.harness.releases.project import Project

Victims = Callable[[Project, int], None]


def release(_: Project, pid: int) -> None:
    """Kill pytest with its workers, Locust and whatever else is in its session."""
    os.killpg(pid, signal.SIGKILL)


def controller(_: Project, pid: int) -> None:
    """Kill the one process that was started."""
    os.kill(pid, signal.SIGKILL)


def azure(project: Project, _: int) -> None:
    """Kill the embedded Azure."""
    os.kill(project.embedded().pid, signal.SIGKILL)


def both(project: Project, pid: int) -> None:
    """Kill both."""
    azure(project, pid)
    release(project, pid)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One kill.

    Attributes:
        stage: Where, as the table calls it.
        kill: What.
        after: Kill once the release has printed this.
        journal: Or once its journal has this.
        file: Or once there is this file in the project.
        at_s: Or so many seconds after its start.
        options: Of pytest.
        behaviour: Of the service that is released.
    """

    stage: str
    kill: Victims = release
    after: str = ""
    journal: str = ""
    file: str = ""
    at_s: float | None = None
    options: tuple[str, ...] = ()
    behaviour: dict[str, Any] = field(default_factory=dict)

    @property
    def moment(self) -> str:
        """Say when, for the table."""
        if self.at_s is not None:
            return f"after {self.at_s:.1f} s"
        return self.after or self.journal or self.file


BROKEN = {"status": 500}
TWO = ("-n", "2")
LONG = ("--set", "load.time_s=4")
"""A load that a kill finds under way."""
CASES = (
    Case(stage="bake", after="builder machine"),
    Case(stage="bake", after="2/5 file", options=TWO),
    Case(stage="bake", after="publishing tiny"),
    Case(stage="bake", kill=controller, after="4/5 shell", options=TWO),
    Case(stage="bake", kill=azure, after="2/5 file"),
    Case(stage="deploy", after="deploying tiny"),
    Case(stage="deploy", after="batch 1 of 2", options=TWO),
    Case(stage="deploy", after="batch 2 of 2"),
    Case(stage="deploy", kill=controller, after="batch 1 of 2", options=TWO),
    Case(stage="deploy", kill=azure, after="batch 1 of 2"),
    Case(stage="deploy", kill=both, after="batch 2 of 2"),
    Case(stage="smoke", file="here"),
    Case(stage="smoke", kill=controller, file="here", options=TWO),
    Case(stage="smoke", kill=azure, file="here"),
    Case(stage="load", after="measuring", options=LONG),
    Case(stage="load", kill=controller, after="measuring", options=TWO + LONG),
    Case(stage="load", kill=azure, after="measuring", options=LONG),
    Case(stage="load", kill=both, after="measuring", options=LONG),
    Case(stage="rollback", after="bringing back", behaviour=BROKEN),
    Case(stage="rollback", after="batch 2 of 2", behaviour=BROKEN),
    Case(stage="rollback", after="essential smoke tests again", behaviour=BROKEN),
    Case(stage="rollback", kill=azure, after="bringing back", behaviour=BROKEN),
    Case(stage="archive", journal='"build_finished"'),
    Case(stage="archive", journal='"build_finished"', behaviour=BROKEN),
    Case(stage="archive", kill=both, journal='"build_finished"'),
)
