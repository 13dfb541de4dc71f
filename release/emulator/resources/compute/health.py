"""Application health: an instance asked how it is, as the extension does it.

Binary states: any 2xx is Healthy. Rich states: a 2xx whose JSON body says
``{"ApplicationHealthState": "Healthy"}``; anything else is Unknown. A verdict takes
``numberOfProbes`` equal answers in a row.
https://learn.microsoft.com/azure/virtual-machine-scale-sets/virtual-machine-scale-sets-health-extension
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import time
from dataclasses import dataclass, field

from release.emulator.cloud import Cloud
from release.emulator.ids import parse
from release.emulator.kinds import Body
from release.emulator.resources.compute.model import health_extension, health_probe_id
from release.emulator.resources.compute.statuses import timestamp
from release.emulator.store import Resource
from release.emulator.timeline import What

HEALTHY, UNHEALTHY = "Healthy", "Unhealthy"
UNKNOWN, INITIALIZING = "Unknown", "Initializing"
LONGEST_ANSWER_BYTES = 65536
ANSWER_WITHIN_S = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class HealthProbe:
    """How an instance is asked."""

    protocol: str
    port: int
    path: str
    interval_s: float
    probes: int
    grace_s: float
    rich: bool


@dataclass(kw_only=True, slots=True)
class Judge:
    """Turns answers into a verdict. Pure."""

    probe: HealthProbe
    started_s: float
    grace_s: float
    state: str = field(init=False)
    _last: str = ""
    _count: int = 0

    def __post_init__(self) -> None:
        self.state = INITIALIZING if self.probe.rich else ""

    def take(self, answer: str, now_s: float) -> str:
        """Take one answer; return the verdict, "" for none yet."""
        self._count = self._count + 1 if answer == self._last else 1
        self._last = answer
        graceful = self.state in (INITIALIZING, "") and (
            now_s - self.started_s < self.grace_s
        )
        if answer != HEALTHY and graceful and answer != UNHEALTHY:
            return self.state
        if not self.probe.rich and answer != HEALTHY and graceful:
            return self.state
        if self._count >= self.probe.probes:
            self.state = answer
        return self.state


def probe_of(
    cloud: Cloud, scale_set: Resource, instance: Resource
) -> HealthProbe | None:
    """Return how an instance is asked, None when it is not.

    The extension is the instance's own: a newer one comes with an upgrade.
    """
    extension = health_extension(instance.private.get("extensions", ()))
    if extension:
        return _from_extension(extension["properties"])
    text = health_probe_id(scale_set.properties)
    probe_id = parse(text) if text else None
    probe = cloud.find(probe_id) if probe_id else None
    if probe is None:
        return None
    properties = probe.properties
    interval = float(properties.get("intervalInSeconds", 15))
    return HealthProbe(
        protocol=properties["protocol"].lower(),
        port=int(properties["port"]),
        path=properties.get("requestPath") or "/",
        interval_s=interval,
        probes=int(properties.get("numberOfProbes", 1)),
        grace_s=0,
        rich=False,
    )


def _from_extension(properties: Body) -> HealthProbe:
    settings = properties.get("settings") or {}
    interval = float(settings.get("intervalInSeconds", 5))
    probes = int(settings.get("numberOfProbes", 1))
    protocol = str(settings.get("protocol", "http")).lower()
    rich = str(properties.get("typeHandlerVersion", "1.0")).startswith("2")
    default_port = {"http": 80, "https": 443}.get(protocol, 0)
    path = str(settings.get("requestPath") or "")
    return HealthProbe(
        protocol=protocol,
        port=int(settings.get("port") or default_port),
        path=path if path.startswith("/") else f"/{path}",
        interval_s=interval,
        probes=probes,
        grace_s=float(settings.get("gracePeriod", interval * probes)),
        rich=rich,
    )


def watch(cloud: Cloud, scale_set: Resource, instance: Resource) -> None:
    """Ask an instance from now on how it is."""
    probe = probe_of(cloud, scale_set, instance)
    instance.private.pop("health", None)
    if probe is None or not instance.private.get("machine"):
        unwatch(cloud, instance)
        return
    cloud.background.start(f"health {instance.id}", _watching(cloud, instance, probe))


def unwatch(cloud: Cloud, instance: Resource) -> None:
    """Ask no more; what was known of its health is forgotten."""
    cloud.background.stop(f"health {instance.id}")
    instance.private.pop("health", None)


def health_of(instance: Resource) -> str:
    """Return the last verdict; Unknown when there is none."""
    return str((instance.private.get("health") or {}).get("state") or UNKNOWN)


async def _watching(cloud: Cloud, instance: Resource, probe: HealthProbe) -> None:
    now = time.monotonic()
    grace_s = cloud.pace.interval(probe.grace_s) if probe.grace_s else 0
    judge = Judge(probe=probe, started_s=now, grace_s=grace_s)
    _note(instance, judge.state)
    while True:
        answer = await ask(instance.private["address"], probe)
        if cloud.faults.unhealthy(instance.id):
            answer = UNHEALTHY
        before = judge.state
        if judge.take(answer, time.monotonic()) != before:
            _note(instance, judge.state)
            cloud.timeline.note(str(instance.id), What.HEALTH, judge.state)
        pace = cloud.pace
        usual = pace.interval if judge.state == HEALTHY else pace.eager_interval
        await asyncio.sleep(usual(probe.interval_s))


def _note(instance: Resource, state: str) -> None:
    if state:
        instance.private["health"] = {
            "state": state,
            "since": timestamp(),
            "since_s": time.monotonic(),
        }


async def ask(address: str, probe: HealthProbe) -> str:
    """Ask once; return Healthy, Unhealthy or Unknown."""
    bad = UNKNOWN if probe.rich and probe.protocol != "tcp" else UNHEALTHY
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            status, body = await _get(address, probe)
    except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
        return bad
    if probe.protocol == "tcp":
        return HEALTHY
    if not 200 <= status < 300:  # noqa: PLR2004
        return bad
    return _stated(body) if probe.rich else HEALTHY


def _stated(body: bytes) -> str:
    try:
        said = json.loads(body)["ApplicationHealthState"]
    except (ValueError, KeyError, TypeError):
        return UNKNOWN
    return said if said in (HEALTHY, UNHEALTHY) else UNKNOWN


async def _get(address: str, probe: HealthProbe) -> tuple[int, bytes]:
    context = _unverified() if probe.protocol == "https" else None
    reader, writer = await asyncio.open_connection(address, probe.port, ssl=context)
    try:
        if probe.protocol == "tcp":
            return 0, b""
        # HTTP/1.0, so that no answer comes in chunks.
        writer.write(
            f"GET {probe.path} HTTP/1.0\r\nHost: {address}:{probe.port}\r\n"
            "User-Agent: ApplicationHealthExtension/1.0\r\nConnection: close\r\n\r\n"
            "".encode()
        )
        await writer.drain()
        return _read(await _whole(reader))
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _whole(reader: asyncio.StreamReader) -> bytes:
    answer = b""
    while len(answer) < LONGEST_ANSWER_BYTES:
        chunk = await reader.read(LONGEST_ANSWER_BYTES)
        if not chunk:
            break
        answer += chunk
    return answer


def _read(answer: bytes) -> tuple[int, bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b"\r\n")[0].split()
    return (int(words[1]) if len(words) > 1 else 0), body


def _unverified() -> ssl.SSLContext:
    """Return a client context that takes any certificate, as the extension does."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
