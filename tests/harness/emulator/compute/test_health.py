"""Application health: answers, and the verdict that they make."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from release.emulator.resources.compute.health import HealthProbe, Judge, ask


def probe(**changes: Any) -> HealthProbe:
    settings: dict[str, Any] = {
        "protocol": "http",
        "port": 8080,
        "path": "/healthz",
        "interval_s": 5,
        "probes": 1,
        "grace_s": 5,
        "rich": False,
    }
    return HealthProbe(**(settings | changes))


def verdicts(given: HealthProbe, answers: list[tuple[str, float]]) -> list[str]:
    """What a judge says after each answer; grace is the probe's own here."""
    judge = Judge(probe=given, started_s=0, grace_s=given.grace_s)
    return [judge.take(answer, at_s) for answer, at_s in answers]


def test_the_first_good_answer_makes_an_instance_healthy() -> None:
    assert verdicts(probe(), [("Healthy", 0)]) == ["Healthy"]


def test_bad_answers_count_once_the_grace_period_is_over() -> None:
    found = verdicts(probe(), [("Unhealthy", 1), ("Unhealthy", 4), ("Unhealthy", 6)])
    assert found == ["", "", "Unhealthy"]


def test_a_verdict_takes_as_many_equal_answers_as_probes() -> None:
    answers = [("Healthy", 1), ("Healthy", 2), ("Unhealthy", 9), ("Unhealthy", 10)]
    found = verdicts(probe(probes=2), answers)
    assert found == ["", "Healthy", "Healthy", "Unhealthy"]


def test_an_answer_in_between_starts_the_count_anew() -> None:
    answers = [("Healthy", 0), ("Unhealthy", 6), ("Healthy", 7), ("Unhealthy", 8)]
    found = verdicts(probe(), answers[:1]) + verdicts(probe(probes=2), answers[1:])
    assert found == ["Healthy", "", "", ""]


def test_rich_states_begin_as_initializing_and_unknown_waits_for_the_grace() -> None:
    answers = [("Unknown", 1), ("Unknown", 4), ("Unknown", 6)]
    found = verdicts(probe(rich=True), answers)
    assert found == ["Initializing", "Initializing", "Unknown"]


def test_rich_states_may_be_unhealthy_within_the_grace_period() -> None:
    assert verdicts(probe(rich=True), [("Unhealthy", 1)]) == ["Unhealthy"]


async def answered(answer: bytes, **changes: Any) -> str:
    """Ask a server that answers so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        return await ask("127.0.0.1", probe(port=port, **changes))


@pytest.mark.parametrize(
    ("answer", "rich", "expected"),
    [
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\n", False, "Healthy", id="200"),
        pytest.param(b"HTTP/1.0 204 Gone\r\n\r\n", False, "Healthy", id="204"),
        pytest.param(b"HTTP/1.0 503 Busy\r\n\r\n", False, "Unhealthy", id="503"),
        pytest.param(b"", False, "Unhealthy", id="nothing"),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\n", True, "Unknown", id="rich-no-body"),
        pytest.param(
            b'HTTP/1.0 200 OK\r\nA: b\r\n\r\n{"ApplicationHealthState": "Healthy"}',
            True,
            "Healthy",
            id="rich-healthy",
        ),
        pytest.param(
            b'HTTP/1.0 200 OK\r\n\r\n{"ApplicationHealthState": "Unhealthy"}',
            True,
            "Unhealthy",
            id="rich-unhealthy",
        ),
        pytest.param(
            b'HTTP/1.0 503 No\r\n\r\n{"ApplicationHealthState": "Healthy"}',
            True,
            "Unknown",
            id="rich-503",
        ),
    ],
)
def test_an_answer_is_read_as_the_extension_reads_it(
    answer: bytes,
    rich: bool,  # noqa: FBT001 - a parameter of the cases
    expected: str,
) -> None:
    assert asyncio.run(answered(answer, rich=rich)) == expected


def test_a_closed_port_is_unhealthy_and_for_rich_states_unknown() -> None:
    async def both() -> tuple[str, str]:
        server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        return (
            await ask("127.0.0.1", probe(port=port)),
            await ask("127.0.0.1", probe(port=port, rich=True)),
        )

    assert asyncio.run(both()) == ("Unhealthy", "Unknown")


def test_an_open_port_is_enough_for_tcp() -> None:
    assert asyncio.run(answered(b"", protocol="tcp")) == "Healthy"
