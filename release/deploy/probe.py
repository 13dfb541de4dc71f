"""Ask instances and the site who they are, over plain HTTP, several at once."""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from urllib.parse import urlsplit

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
        timeout_s: Seconds that each may be silent.
    """
    if not urls:
        return ()
    with ThreadPoolExecutor(len(urls)) as threads:
        return tuple(threads.map(partial(_ask, timeout_s=timeout_s), urls))


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


def _ask(url: str, *, timeout_s: float) -> Answer:
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.netloc, timeout=timeout_s)
    try:
        connection.request(
            "GET",
            f"{where.path or '/'}{'?' if where.query else ''}{where.query}",
            headers={"Connection": "close"},
        )
        answer = connection.getresponse()
        return read(answer.status, answer.read())
    except TimeoutError:
        return Answer(status=0, problem="timed out")
    except (http.client.HTTPException, OSError) as error:
        return Answer(status=0, problem=str(error) or type(error).__name__)
    finally:
        connection.close()
