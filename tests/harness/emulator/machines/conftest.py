"""Real sandboxes, shared by the tests of a module."""

from __future__ import annotations

import asyncio
import itertools
import os
import urllib.request
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from release.emulator.machines import Machines, ServiceState, State
from release.wait import Seen, wait_until

T = TypeVar("T")

CA = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
_numbers = itertools.count(4)


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What came of a script."""

    code: int
    stdout: str
    stderr: str


@dataclass
class Lab:
    """Machines, and an event loop to use them in."""

    machines: Machines
    runner: asyncio.Runner
    names: Iterator[str] = field(
        default_factory=lambda: (f"m{n}" for n in itertools.count(1))
    )

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def machine(self, *, image: str | None = None, **more: Any) -> str:
        """Make and boot a machine."""
        name = next(self.names)
        self.do(self._make(name, image, more))
        return name

    async def _make(
        self, name: str, image: str | None, more: Mapping[str, Any]
    ) -> None:
        await self.machines.create(
            name,
            image=image or await self.machines.base_image(),
            hostname=f"vm-{name}",
            address=address(),
            **more,
        )
        await self.machines.boot(name)

    def sh(self, name: str, script: str, **more: Any) -> Ran:
        """Run a script to its end."""
        return self.do(self.run(name, script, **more))

    async def run(self, name: str, script: str, **more: Any) -> Ran:
        said: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
        more = {"env": {}, "timeout_s": 30, **more}
        code = await self.machines.run(
            name, script, on_output=lambda s, data: said[s].append(data), **more
        )
        out, err = (b"".join(said[s]).decode() for s in ("stdout", "stderr"))
        return Ran(code=code, stdout=out, stderr=err)

    def state(self, name: str) -> State:
        return self.do(self.machines.state(name))

    def service(self, name: str, unit: str, **wanted: Any) -> ServiceState:
        """Wait until a service is as wanted, such as ``active="failed"``."""

        def look() -> Seen[ServiceState]:
            found = self.state(name).services.get(unit)
            good = found and all(getattr(found, k) == v for k, v in wanted.items())
            return Seen(what=str(found), value=found if good else None)

        return wait_until(
            f"{unit} {wanted}", look, timeout_s=20, interval_s=0.02, fix="see there"
        )

    def unit(self, name: str, unit: str, text: str) -> None:
        """Write a unit file."""
        path = f"/etc/systemd/system/{unit}"
        ran = self.sh(name, f"cat >{path} <<'X'\n{text}\nX\nsystemctl daemon-reload")
        assert ran == Ran(code=0, stdout="", stderr="")


def address() -> str:
    """Return a loopback address that no other test, nor another run, uses."""
    pid = os.getpid()
    return f"127.{200 + pid % 50}.{pid // 50 % 250}.{next(_numbers)}"


def fetch(url: str) -> str:
    """GET from a service that may still be starting."""

    def look() -> Seen[str]:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return Seen(what="an answer", value=answer.read().decode())
        except OSError as error:
            return Seen(what=str(error))

    return wait_until(url, look, timeout_s=20, interval_s=0.02, fix="see there")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with asyncio.Runner() as runner:
        found = Lab(Machines(tmp_path_factory.mktemp("lab"), ca_pem=CA), runner)
        yield found
        runner.run(found.machines.close())


@pytest.fixture(scope="module")
def vm(lab: Lab) -> str:
    """A machine that the tests of a module share."""
    return lab.machine()
