"""An embedded Azure as a process of its own, and releases to it."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import pytest

from release.azure.clients import Azure, Endpoint
from release.azure.credential import credential
from release.bake import Image, Job, bake, read
from release.deploy import Deployed, Target, deploy, observe
from release.journal import Journal, Kind
from release.settings import Account, Environment, Secret
from release.wait import Seen, wait_until

WEB = Path(__file__).parent / "web"
COUNT = itertools.count(1)


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    state = tmp_path_factory.mktemp("state")
    endpoint = state / "endpoint.json"
    with (state / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "release.emulator", "--state", str(state)],
            stdout=log,
            stderr=log,
        )
    try:
        _wait_for(endpoint, process, state / "server.log")
        azure = _azure(json.loads(endpoint.read_text()))
        yield azure
        azure.close()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait_for(file: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    def look() -> Seen[bool]:
        if process.poll() is not None:
            pytest.fail(f"the embedded Azure ended: {log.read_text()}")
        return Seen(what="nothing", value=True if file.exists() else None)

    wait_until("endpoint", look, timeout_s=30, interval_s=0.05, fix=str(log))


def _azure(told: dict[str, str]) -> Azure:
    endpoint = Endpoint(
        subscription=told["subscription"],
        arm_url=told["arm"],
        audience=told["arm"],
        known=False,
        authority_url=told["authority"],
        blob_url=f"{told['blob']}/{{account}}",
        ca=Path(told["ca"]),
        polling_interval_s=0.1,
        probe_s=0.5,
    )
    account = Account(
        tenant_id=told["tenant"],
        client_id=told["client_id"],
        client_secret=Secret(told["client_secret"]),
    )
    return Azure(endpoint, credential(account, endpoint))


class Visitor:
    """Asks a site over and over, each time on a connection of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._visit)
        self.builds: set[str] = set()
        self.failed: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._thread.join()

    def _visit(self) -> None:
        while not self._left.wait(0.005):
            try:
                with urllib.request.urlopen(self._url, timeout=5) as answer:
                    self.builds.add(json.load(answer)["build"])
            except OSError as error:
                self.failed.append(str(error))


@dataclass
class Releases:
    """One environment, and the builds that go there."""

    azure: Azure
    folder: Path
    name: str
    env: Environment
    journal: Journal

    @property
    def target(self) -> Target:
        return Target(
            environment=self.name,
            env=self.env,
            azure=self.azure,
            journal=self.journal,
        )

    @property
    def impatient(self) -> Releases:
        """The same, for a service that will not get healthy however long one waits."""
        return self.rolling_out(health_timeout_s=1.0)

    def rolling_out(self, **changed: Any) -> Releases:
        """The same, rolled out in another way."""
        rollout = self.env.rollout.model_copy(update=changed)
        return replace(self, env=self.env.model_copy(update={"rollout": rollout}))

    @property
    def now(self) -> Deployed:
        """What runs now."""
        seen = observe(self.azure, self.env)
        assert seen is not None
        return seen

    def visited(self) -> Visitor:
        """Visit the site while a block runs."""
        return Visitor(self.now.site_url)

    def build(self) -> str:
        return f"2026.1123.{next(COUNT)}"

    def bake(self, build: str, **changed: str) -> Image:
        """Bake the little service with some files' texts replaced."""
        image = self.folder / "image"
        shutil.copytree(WEB, image, dirs_exist_ok=True)
        for name, text in changed.items():
            (image / name.replace("_", ".")).write_text(text)
        return bake(read(image), self.job(build))

    def job(self, build: str) -> Job:
        """Return a bake that is to come."""
        return Job(
            build=build,
            commit="c0ffee",
            environment=self.name,
            env=self.env,
            azure=self.azure,
            journal=self.journal,
            folder=self.folder / "cache",
        )

    def recipe(self, name: str) -> str:
        """The text of one of the little service's files."""
        return (WEB / name).read_text()

    def release(self, **changed: str) -> Deployed:
        build = self.build()
        previous = observe(self.azure, self.env)
        image = self.bake(build, **changed)
        return deploy(self.target, image, previous=previous, build=build)

    def groups(self) -> list[str]:
        return [it.name or "" for it in self.azure.resources.resource_groups.list()]

    def wait_for_clean_up(self) -> None:
        """Azure deletes groups while the release goes on."""

        def look() -> Seen[bool]:
            left = self.journal.left_behind()
            return Seen(what=", ".join(left), value=None if left else True)

        wait_until("clean-up", look, timeout_s=20, interval_s=0.1, fix="")

    def said(self, kind: Kind, key: str) -> list[str]:
        return [str(e.data[key]) for e in self.journal.read() if e.kind is kind]


def _releases(
    azure: Azure, folder: Path, name: str, count: int, **rollout: Any
) -> Releases:
    env = Environment.model_validate(
        {
            "cloud": "local",
            "resource_group": name,
            "image_resource_group": "images",
            "scale_set": name,
            "gallery": "web",
            "image_definition": name,
            "instance_count": count,
            "site_port": 8080,
            "bake_timeout_s": 120.0,
            "deploy_timeout_s": 60.0,
            "rollout": {
                "drain_s": 0.5,
                "drain_command": "touch /run/web/draining",
                "health_timeout_s": 4.0,
                **rollout,
            },
        }
    )
    return Releases(
        azure=azure,
        folder=folder,
        name=name,
        env=env,
        journal=Journal(folder / "journal.jsonl"),
    )


@pytest.fixture(scope="session")
def releases() -> Callable[..., Releases]:
    """Make an environment: where, a folder, its name, its number of instances."""
    return _releases


@contextlib.contextmanager
def _meanwhile(journal: Journal, text: str, act: Callable[[], None]) -> Iterator[None]:
    """Act once the journal tells something that it did not tell before."""
    known = len(list(journal.read()))
    failed: list[BaseException] = []

    def look() -> Seen[bool]:
        news = list(journal.read())[known:]
        told = any(str(e.data.get("text", "")).startswith(text) for e in news)
        return Seen(what="nothing of it", value=told or None)

    def wait_and_act() -> None:
        try:
            wait_until(text, look, timeout_s=30, interval_s=0.02, fix="")
            act()
        except BaseException as error:
            failed.append(error)
            raise

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    assert failed == []


@pytest.fixture(scope="session")
def meanwhile() -> Callable[..., contextlib.AbstractContextManager[None]]:
    """Act while a block runs, once the journal tells a text."""
    return _meanwhile


@pytest.fixture
def faults(azure: Azure) -> Iterator[Callable[..., None]]:
    """Ask the embedded Azure for faults, in place of those before, for this test."""

    def ask(*wanted: dict[str, Any]) -> None:
        request = urllib.request.Request(
            f"{azure.endpoint.arm_url}/emulator/faults",
            method="PUT",
            data=json.dumps({"faults": wanted}).encode(),
            headers={"Content-Type": "application/json"},
        )
        trust = ssl.create_default_context(cafile=azure.endpoint.ca)
        urllib.request.urlopen(request, context=trust).close()

    yield ask
    ask()
