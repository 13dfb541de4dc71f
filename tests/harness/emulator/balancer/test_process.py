"""A real HAProxy before tiny HTTP servers, each on its own loopback address."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import psutil
import pytest

from release.emulator.balancer import (
    AddressTaken,
    Balancer,
    Frontend,
    HaproxyFailed,
    HaproxyMissing,
    Health,
    Probe,
    Protocol,
    Server,
)

# A slice of loopback for each test process, so that parallel ones do not meet.
NET = f"127.251.{os.getpid() % 250}"
SITE = f"{NET}.200"
DEADLINE_S = 20.0


class Instance:
    """A tiny HTTP server that answers with its name, and with a health."""

    def __init__(self, name: str, number: int, *, status: int = 200) -> None:
        self.name = name
        self.address = f"{NET}.{number}"
        self.port = 0
        self.status = status
        self.probes: list[str] = []
        self.probed = asyncio.Event()
        self.release = asyncio.Event()
        self.release.set()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                if "GET /healthz" in head:
                    self.probes.append(head)
                    self.probed.set()
                    await self.release.wait()
                    status, body = self.status, b""
                else:
                    status, body = 200, self.name.encode()
                writer.write(
                    f"HTTP/1.1 {status} Whatever\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Instance]:
        server = await asyncio.start_server(self._serve, self.address, 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    def server(self, *, draining: bool = False) -> Server:
        return Server(
            name=self.name, address=self.address, port=self.port, draining=draining
        )

    def probe(self, *, protocol: Protocol = Protocol.HTTP, threshold: int = 1) -> Probe:
        return Probe(
            protocol=protocol,
            port=self.port,
            path="/healthz",
            interval_s=0.02,
            timeout_s=5,
            threshold=threshold,
        )


def free_port(address: str) -> int:
    with socket.socket() as listener:
        listener.bind((address, 0))
        return int(listener.getsockname()[1])


def frontend(
    *instances: Instance, name: str = "site", probe: Probe | None = None
) -> Frontend:
    return Frontend(
        name=name,
        address=SITE,
        port=free_port(SITE),
        servers=tuple(instance.server() for instance in instances),
        probe=probe,
    )


class Client:
    """One connection that asks again and again."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self) -> str:
        self._writer.write(b"GET / HTTP/1.1\r\nHost: site\r\n\r\n")
        await self._writer.drain()
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.split("Content-Length: ")[1].split()[0])
        return (await self._reader.readexactly(length)).decode()


@contextlib.asynccontextmanager
async def connected(to: Frontend) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection(to.address, to.port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def ask(to: Frontend) -> str:
    async with connected(to) as client:
        return await client.ask()


async def who_answers(to: Frontend, times: int = 6) -> set[str]:
    return {await ask(to) for _ in range(times)}


async def healths(balancer: Balancer) -> dict[str, Health]:
    return {state.server: state.health for state in await balancer.states()}


async def until(look: Callable[[], Coroutine[Any, Any, bool]]) -> None:
    """Look until it is so: other processes act here, and give no event."""
    async with asyncio.timeout(DEADLINE_S):
        while not await look():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def until_health(balancer: Balancer, expected: dict[str, Health]) -> None:
    async def as_expected() -> bool:
        return await healths(balancer) == expected

    await until(as_expected)


@contextlib.asynccontextmanager
async def started(folder: Path) -> AsyncIterator[Balancer]:
    balancer = Balancer(folder)
    await balancer.start()
    try:
        yield balancer
    finally:
        await balancer.stop()


Scene = Callable[[Balancer, Instance, Instance], Coroutine[Any, Any, None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Scene], None]:
    """Run a scene with a balancer and two instances."""

    async def run(scene: Scene) -> None:
        async with (
            Instance("one", 4).running() as one,
            Instance("two", 5).running() as two,
            started(tmp_path / "balancer") as balancer,
        ):
            await scene(balancer, one, two)

    def play(scene: Scene) -> None:
        asyncio.run(run(scene))

    return play


def test_connections_are_shared_among_healthy_servers(
    play: Callable[[Scene], None],
) -> None:
    async def scene(balancer: Balancer, one: Instance, two: Instance) -> None:
        both = frontend(one, two)
        await balancer.apply((both,))
        assert await who_answers(both) == {"one", "two"}
        assert await healths(balancer) == {
            "one": Health.UNPROBED,
            "two": Health.UNPROBED,
        }

    play(scene)


def test_a_new_server_gets_no_connection_before_its_first_good_probe(
    play: Callable[[Scene], None],
) -> None:
    async def scene(balancer: Balancer, one: Instance, _: Instance) -> None:
        one.release.clear()
        site = frontend(one, probe=one.probe())
        await balancer.apply((site,))
        await one.probed.wait()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await ask(site)
        one.release.set()
        await until_health(balancer, {"one": Health.UP})
        assert await ask(site) == "one"

    play(scene)


def test_a_probe_is_azures(play: Callable[[Scene], None]) -> None:
    async def scene(balancer: Balancer, one: Instance, _: Instance) -> None:
        await balancer.apply((frontend(one, probe=one.probe()),))
        await until_health(balancer, {"one": Health.UP})
        assert one.probes[0] == (
            "GET /healthz HTTP/1.1\r\nhost: instance\r\n"
            "user-agent: Load Balancer Agent\r\nconnection: close\r\n\r\n"
        )

    play(scene)


@pytest.mark.parametrize("status", [204, 301, 404, 503])
def test_only_200_is_healthy(play: Callable[[Scene], None], status: int) -> None:
    async def scene(balancer: Balancer, one: Instance, _: Instance) -> None:
        one.status = status
        site = frontend(one, probe=one.probe())
        await balancer.apply((site,))

        async def probed_thrice() -> bool:
            return len(one.probes) > 2

        await until(probed_thrice)
        assert await healths(balancer) == {"one": Health.DOWN}

    play(scene)


def test_a_failing_probe_ends_new_connections_and_keeps_the_old(
    play: Callable[[Scene], None],
) -> None:
    async def scene(balancer: Balancer, one: Instance, _: Instance) -> None:
        site = frontend(one, probe=one.probe())
        await balancer.apply((site,))
        await until_health(balancer, {"one": Health.UP})
        async with connected(site) as client:
            assert await client.ask() == "one"
            one.status = 503
            await until_health(balancer, {"one": Health.DOWN})
            assert await client.ask() == "one"
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await ask(site)
        one.status = 200
        await until_health(balancer, {"one": Health.UP})
        assert await ask(site) == "one"

    play(scene)


def test_a_tcp_probe_needs_a_listener_and_no_answer(
    play: Callable[[Scene], None],
) -> None:
    async def scene(balancer: Balancer, one: Instance, two: Instance) -> None:
        one.status = 503
        site = frontend(one, two, probe=one.probe(protocol=Protocol.TCP))
        await balancer.apply((site,))
        # The second instance listens on another port than the one that is probed.
        await until_health(balancer, {"one": Health.UP, "two": Health.DOWN})
        assert await who_answers(site) == {"one"}

        async def refused() -> bool:
            states = {state.server: state for state in await balancer.states()}
            return states["two"].last_probe == "Connection refused"

        await until(refused)

    play(scene)


def test_a_threshold_of_three_takes_three_good_probes(
    play: Callable[[Scene], None],
) -> None:
    async def scene(balancer: Balancer, one: Instance, _: Instance) -> None:
        await balancer.apply((frontend(one, probe=one.probe(threshold=3)),))
        await until_health(balancer, {"one": Health.UP})
        assert len(one.probes) >= 3

    play(scene)


def test_a_draining_server_keeps_what_it_has(play: Callable[[Scene], None]) -> None:
    async def scene(balancer: Balancer, one: Instance, two: Instance) -> None:
        site = frontend(one, two)
        await balancer.apply((site,))
        async with connected(site) as client:
            first = await client.ask()
            drained = tuple(
                instance.server(draining=instance.name == first)
                for instance in (one, two)
            )
            changed = Frontend(
                name=site.name, address=site.address, port=site.port, servers=drained
            )
            await balancer.apply((changed,))
            assert await who_answers(changed) == {"one", "two"} - {first}
            assert await client.ask() == first

    play(scene)


def test_changes_lose_no_request_and_break_no_connection(
    play: Callable[[Scene], None],
) -> None:
    async def scene(balancer: Balancer, one: Instance, two: Instance) -> None:
        probe = one.probe()
        site = frontend(one, probe=probe)
        await balancer.apply((site,))
        await until_health(balancer, {"one": Health.UP})
        answers: list[str] = []
        done = asyncio.Event()

        async def visit() -> None:
            while not done.is_set():
                answers.append(await ask(site))

        visitors = [asyncio.create_task(visit()) for _ in range(4)]
        async with connected(site) as patient:
            assert await patient.ask() == "one"
            for number in range(8):
                more = frontend(two, name=f"other-{number}")
                await balancer.apply((site, more))
                assert await healths(balancer) == {
                    "one": Health.UP,
                    "two": Health.UNPROBED,
                }
            assert await patient.ask() == "one"
        done.set()
        await asyncio.gather(*visitors)
        assert len(answers) > 100
        assert set(answers) == {"one"}

    play(scene)


def test_a_server_that_comes_later_with_an_old_address_starts_as_down(
    play: Callable[[Scene], None],
) -> None:
    async def scene(balancer: Balancer, one: Instance, _: Instance) -> None:
        site = frontend(one, probe=one.probe())
        await balancer.apply((site,))
        await until_health(balancer, {"one": Health.UP})
        one.release.clear()
        one.name = "successor"
        changed = Frontend(
            name=site.name,
            address=site.address,
            port=site.port,
            servers=(one.server(),),
            probe=site.probe,
        )
        await balancer.apply((changed,))
        assert await healths(balancer) == {"successor": Health.DOWN}
        one.release.set()
        await until_health(balancer, {"successor": Health.UP})

    play(scene)


def test_nat_gives_each_instance_a_port_of_its_own(
    play: Callable[[Scene], None],
) -> None:
    async def scene(balancer: Balancer, one: Instance, two: Instance) -> None:
        first = frontend(one, name="ssh.0")
        second = frontend(two, name="ssh.1")
        await balancer.apply((first, second))
        assert await who_answers(first) == {"one"}
        assert await who_answers(second) == {"two"}

    play(scene)


def test_a_port_in_use_is_named_and_leaves_the_rest_at_work(
    play: Callable[[Scene], None],
) -> None:
    async def scene(balancer: Balancer, one: Instance, _: Instance) -> None:
        site = frontend(one)
        await balancer.apply((site,))
        with socket.create_server((SITE, 0)) as listener:
            port = listener.getsockname()[1]
            taken = Frontend(name="t", address=SITE, port=port, servers=())
            with pytest.raises(AddressTaken) as caught:
                await balancer.apply((site, taken))
        assert caught.value.what == (
            f"The load balancer cannot listen on {SITE}:{port}: Address already in use."
        )
        assert await ask(site) == "one"
        await balancer.apply((site, taken))
        assert await ask(site) == "one"

    play(scene)


def test_nothing_desired_any_more_frees_the_port(
    play: Callable[[Scene], None],
) -> None:
    async def scene(balancer: Balancer, one: Instance, _: Instance) -> None:
        site = frontend(one)
        await balancer.apply((site,))
        await balancer.apply(())
        assert await balancer.states() == ()

        async def free() -> bool:
            with contextlib.suppress(OSError):
                socket.create_server((SITE, site.port)).close()
                return True
            return False

        await until(free)

    play(scene)


def test_a_haproxy_that_died_is_told_and_started_again(
    play: Callable[[Scene], None],
) -> None:
    async def scene(balancer: Balancer, one: Instance, _: Instance) -> None:
        site = frontend(one)
        await balancer.apply((site,))
        # An embedded Azure that other tests share has a balancer of its own.
        child = max(psutil.Process().children(), key=psutil.Process.create_time)
        child.send_signal(signal.SIGKILL)

        async def gone() -> bool:
            return not child.is_running() or child.status() == psutil.STATUS_ZOMBIE

        await until(gone)
        with pytest.raises(HaproxyFailed, match="HAProxy does not answer"):
            await balancer.states()
        await balancer.apply((site,))
        assert await ask(site) == "one"

    play(scene)


def test_a_folder_with_a_very_long_path_will_do(tmp_path: Path) -> None:
    async def run() -> None:
        folder = tmp_path / ("deep" * 30) / ("deeper" * 30)
        async with Instance("one", 4).running() as one, started(folder) as balancer:
            site = frontend(one)
            await balancer.apply((site,))
            assert await ask(site) == "one"

    asyncio.run(run())


def test_a_missing_haproxy_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(HaproxyMissing) as caught:
        asyncio.run(Balancer(tmp_path, path=str(tmp_path)).start())
    assert str(caught.value) == (
        "The program haproxy is not installed; the load balancer needs it.\n"
        "  fix: sudo apt-get install haproxy"
    )


OWNER = """
import asyncio, sys
from pathlib import Path
from release.emulator.balancer import Balancer, Frontend

async def main():
    balancer = Balancer(Path(sys.argv[1]))
    for number in (1, 2):
        servers = ()
        front = Frontend(name=str(number), address=sys.argv[2],
                         port=int(sys.argv[3]), servers=servers)
        await balancer.apply((front,))
    sys.stdout.write("ready\\n")
    sys.stdout.flush()
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_a_killed_owner_leaves_no_haproxy(tmp_path: Path) -> None:
    port = str(free_port(SITE))
    command = [sys.executable, "-c", OWNER, str(tmp_path), SITE, port]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"ready\n"
        children = psutil.Process(owner.pid).children(recursive=True)
        assert {child.name() for child in children} == {"haproxy"}
        owner.kill()
    gone, alive = psutil.wait_procs(children, timeout=DEADLINE_S)
    assert alive == []
    assert gone
