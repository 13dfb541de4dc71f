"""A checkout of the tiny service, and child processes that release it for real."""

from __future__ import annotations

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from release import environments
from release.azure import gallery
from release.azure.lease import holder
from release.settings import load
from release.wait import Seen, wait_until

TINY = Path(__file__).parent / "tiny"
ROOT = Path(__file__).parents[3]
TIMEOUT_S = 120
WRITES = ("PUT", "PATCH", "POST", "DELETE")
QUESTIONS = ("/token", "/validate", "/whatif", "/checknameavailability")
"""How paths end that are asked by POST and change nothing."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A pytest that has ended."""

    status: int
    output: str
    took_s: float


@dataclass(frozen=True, kw_only=True)
class Project:
    """A checkout of the tiny service, with its own embedded Azure."""

    root: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    """Of every process that it runs."""

    def by(self, strategy: str) -> Project:
        """The same project, rolled out by a strategy."""
        return replace(self, variables={"RELEASE_ROLLOUT_STRATEGY": strategy})

    @property
    def _behaviour(self) -> Path:
        return self.root / "image" / "behaviour.json"

    def set(self, **behaviour: Any) -> None:
        """Change the service: what makes it a new recipe."""
        self._behaviour.write_text(json.dumps(behaviour, sort_keys=True))

    @property
    def _passed(self) -> Path:
        return self.root / "passed.json"

    def restore(self) -> None:
        """Put the recipe of what runs back, whatever a test made of it."""
        shutil.copy(self._passed, self._behaviour)

    def command(self, *options: str, to: str = "local") -> list[str]:
        return [sys.executable, "-m", "pytest", "--env", to, *options]

    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
        return {**kept, "PYTHONPATH": str(ROOT), **self.variables}

    def pytest(self, *options: str, to: str = "local", **variables: str) -> Ended:
        """Run pytest in the project, and wait for its end."""
        return self._run(self.command(*options, to=to), variables)

    def command_line(self, *arguments: str) -> Ended:
        """Run ``python -m release`` in the project, and wait for its end."""
        return self._run([sys.executable, "-m", "release", *arguments], {})

    def _run(self, command: list[str], variables: dict[str, str]) -> Ended:
        started = time.monotonic()
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self.environment() | variables,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        return Ended(
            status=done.returncode,
            output=done.stdout + done.stderr,
            took_s=time.monotonic() - started,
        )

    def release(self, *options: str, **variables: str) -> Ended:
        """Run a whole release; remember the recipe of one that passes."""
        ended = self.pytest(*options, **variables)
        if ended.status == 0:
            shutil.copy(self._behaviour, self._passed)
        return ended

    def interrupted(self, after: str, *options: str) -> Ended:
        """Run pytest, press Ctrl-C once it has printed a text, wait for its end."""
        return self._ended({after: lambda pid: os.killpg(pid, signal.SIGINT)}, *options)

    def acting(self, after: str, act: Callable[[], None], *options: str) -> Ended:
        """Run pytest, and do something once it has printed a text."""
        return self._ended({after: lambda _: act()}, *options)

    def killed(self, after: str) -> Ended:
        """Run pytest, and kill it once it has printed a text."""
        return self._ended({after: lambda pid: os.kill(pid, signal.SIGKILL)})

    def cancelled(self, after: str, *, impatient_at: str) -> Ended:
        """Run pytest, and end it as CI does: ask it to, and kill it soon after.

        Args:
            after: What it has printed when it is asked to end.
            impatient_at: What it has printed when it is killed.
        """
        return self._ended(
            {
                after: lambda pid: os.kill(pid, signal.SIGTERM),
                impatient_at: lambda pid: os.kill(pid, signal.SIGKILL),
            }
        )

    def bereft(self, after: str) -> Ended:
        """Run pytest, and kill the embedded Azure once it has printed a text."""
        return self._ended(
            {after: lambda _: os.kill(self.embedded().pid, signal.SIGKILL)}
        )

    def begin(self, *options: str) -> subprocess.Popen[str]:
        """Begin to run pytest, in a session of its own."""
        return subprocess.Popen(
            self.command(*options),
            cwd=self.root,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def _ended(self, acts: Mapping[str, Callable[[int], None]], *options: str) -> Ended:
        """Run pytest, and act on its process once it has printed each text in turn."""
        started = time.monotonic()
        child = self.begin(*options)
        assert child.stdout is not None
        lines = []
        with child.stdout:
            for after, act in acts.items():
                for line in child.stdout:
                    lines.append(line)
                    if after in line:
                        break
                assert after in lines[-1], "".join(lines)
                act(child.pid)
            lines.extend(child.stdout)
        return Ended(
            status=child.wait(TIMEOUT_S),
            output="".join(lines),
            took_s=time.monotonic() - started,
        )

    def second_checkout(self) -> Project:
        """Another checkout of the same service, released to the same Azure."""
        root = self.root.with_name(f"{self.root.name}-2")
        if not root.exists():
            shutil.copytree(self.root, root, ignore=shutil.ignore_patterns(".release"))
            (root / ".release").mkdir()
            (root / ".release" / "emulator").symlink_to(
                self.root / ".release" / "emulator"
            )
        shutil.copy(self._behaviour, root / "image")
        return Project(root=root)

    def records(self, of: str = "local") -> list[dict[str, Any]]:
        """The records of all archived releases to an environment, oldest first."""
        found = (self.root / "reports" / of).glob("*/release.json")
        return sorted(
            (json.loads(path.read_text()) for path in found),
            key=lambda record: str(record["started_at"]),
        )

    def last(self) -> dict[str, Any]:
        """The last release's record."""
        return self.records()[-1]

    def live(self) -> dict[str, Any]:
        """The record of the last release that passed: what runs now."""
        return [r for r in self.records() if r["verdict"] == "passed"][-1]

    def embedded(self) -> environments.Embedded:
        found = environments.running(self.root)
        assert found is not None
        return found

    def conditions(self, **wanted: Any) -> None:
        """Put conditions to the embedded Azure; none lifts them."""
        found = self.embedded()
        request = urllib.request.Request(
            f"{found.arm_url}/emulator/conditions",
            method="PUT",
            data=json.dumps(wanted).encode(),
            headers={"Content-Type": "application/json"},
        )
        trust = ssl.create_default_context(cafile=found.ca)
        with urllib.request.urlopen(request, context=trust):
            pass

    def asked(self, since: int) -> list[dict[str, Any]]:
        """What clients asked the embedded Azure after a number."""
        return list(environments.requests(self.embedded(), since=since)["value"])

    def wrote(self, since: int) -> list[tuple[str, str]]:
        """What was asked after a number that may change something: method and path."""
        return [
            (each["method"], each["path"])
            for each in self.asked(since)
            if each["method"] in WRITES and not each["path"].lower().endswith(QUESTIONS)
        ]

    def labels(self, image_id: str) -> dict[str, str]:
        """Tags of an image version."""
        settings = load(self.root, "local", options={}, variables={})
        azure = environments.connect(settings)
        try:
            return gallery.labels_of(azure, image_id)
        finally:
            azure.close()

    def faults(self, *wanted: dict[str, Any]) -> None:
        """Ask the embedded Azure for faults; those before are lifted."""
        self._faults("PUT", json.dumps({"faults": wanted}).encode())

    def struck(self) -> list[dict[str, Any]]:
        """The faults asked for, each with its hits."""
        found = self._faults("GET", None)
        return list(found["faults"])

    def _faults(self, method: str, body: bytes | None) -> dict[str, Any]:
        embedded = self.embedded()
        request = urllib.request.Request(
            f"{embedded.arm_url}/emulator/faults",
            method=method,
            data=body,
            headers={"Content-Type": "application/json"},
        )
        trust = ssl.create_default_context(cafile=embedded.ca)
        with urllib.request.urlopen(request, context=trust, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def clean(self) -> None:
        """Delete what releases left; the command sees nothing more then."""
        self._clean("--yes")
        said = self._clean()
        assert said == "nothing is left over at local\n", said

    def _clean(self, *options: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "release", "clean", "--env", "local", *options],
            cwd=self.root,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def nothing_is_left(self) -> None:
        """See that no lock is held and no temporary group is there, or soon not."""
        settings = load(self.root, "local", options={}, variables={})
        azure = environments.connect(settings)

        def look() -> Seen[bool]:
            found = azure.resources.resource_groups.list()
            names = [group.name or "" for group in found]
            left = [name for name in names if name.startswith("release-")]
            return Seen(what=", ".join(left), value=None if left else True)

        try:
            assert holder(azure, settings.env) is None
            wait_until("nothing", look, timeout_s=10, interval_s=0.1, fix="-")
        finally:
            azure.close()

    def groups(self) -> list[str]:
        """Names of the resource groups that there are."""
        settings = load(self.root, "local", options={}, variables={})
        azure = environments.connect(settings)
        try:
            found = azure.resources.resource_groups.list()
            return [group.name or "" for group in found]
        finally:
            azure.close()

    def temporary_groups(self) -> list[str]:
        """Names of the resource groups that releases made to bake in."""
        return [name for name in self.groups() if name.startswith("release-local-")]

    def count(self) -> int:
        return int(environments.requests(self.embedded())["count"])
