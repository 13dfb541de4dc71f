"""Ask instances and the site who they are, over plain HTTP, several at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp

from release.deploy.deployed import Instance

TIMEOUT_S = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What one request brought.

    Attributes:
        status: HTTP status; 0 without an answer.
        build: The build id told; "" when none was.
        instance: The host name told; "" when none was.
        problem: Why there was no answer; "" when there was.
    """

    status: int
    build: str = ""
    instance: str = ""
    problem: str = ""

    @property
    def healthy(self) -> bool:
        """Whether it answered 200."""
        return self.status == HTTPStatus.OK

    def __str__(self) -> str:
        if self.problem:
            return f"no answer ({self.problem})"
        return f"HTTP {self.status}, build {self.build or 'not told'}"


def ask(urls: Sequence[str], *, timeout_s: float = TIMEOUT_S) -> tuple[Answer, ...]:
    """Send one GET to each address at once, each on a connection of its own.

    Args:
        urls: Addresses; the same one several times asks a load balancer for several
            instances.
        timeout_s: Seconds for each.
    """
    return asyncio.run(_ask_all(urls, timeout_s))


def ask_each(instances: Sequence[Instance], health_path: str) -> tuple[Answer, ...]:
    """Ask each instance at its own address; one without an address does not answer."""
    asked = [instance for instance in instances if instance.address]
    answers = ask([f"http://{it.address}{health_path}" for it in asked])
    by_id = {it.id: answer for it, answer in zip(asked, answers, strict=True)}
    nowhere = Answer(status=0, problem="it has no address of its own")
    return tuple(by_id.get(instance.id, nowhere) for instance in instances)


def read(status: int, body: bytes) -> Answer:
    """Read ``{"build": ..., "instance": ...}``. Pure; anything else tells nothing."""
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        return Answer(status=status)
    return Answer(
        status=status,
        build=str(told.get("build") or ""),
        instance=str(told.get("instance") or ""),
    )


async def _ask_all(urls: Sequence[str], timeout_s: float) -> tuple[Answer, ...]:
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        return tuple(await asyncio.gather(*(_ask(session, url) for url in urls)))


async def _ask(session: aiohttp.ClientSession, url: str) -> Answer:
    try:
        async with session.get(url, allow_redirects=False) as answer:
            return read(answer.status, await answer.read())
    except TimeoutError:
        return Answer(status=0, problem="timed out")
    except (aiohttp.ClientError, OSError) as error:
        return Answer(status=0, problem=str(error) or type(error).__name__)
