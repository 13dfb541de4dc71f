"""A server with a known distribution of response times, and a known stall.

known.py FOLDER STALL_AT STALL_S EVERY_S: writes its port to FOLDER/port, and a line for
each answer to FOLDER/answers: when the request came (seconds since 1970) and how long
it took (ms). 97 % take near 150 ms, 3 % near 600 ms; during a stall nothing answers.
"""

import asyncio
import random
import sys
import time
from contextlib import suppress
from pathlib import Path

folder = Path(sys.argv[1])
stall_at, stall_s, every_s = map(float, sys.argv[2:])
answers = (folder / "answers").open("w", buffering=1)
chance = random.Random(7)  # noqa: S311 - not for secrets
began: list[float] = []


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            came = time.time()
            began.append(came)
            quick = chance.random() < 0.97
            takes = chance.gauss(0.15, 0.01) if quick else chance.gauss(0.6, 0.02)
            since = (came - began[0]) % every_s
            if stall_at <= since < stall_at + stall_s:
                takes += stall_at + stall_s - since
            await asyncio.sleep(takes)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            answers.write(f"{came} {(time.time() - came) * 1000}\n")
    writer.close()


async def tell_lag() -> None:
    """Keep in FOLDER/lag the most that this server's own loop ran late, in ms."""
    worst_ms = 0.0
    while True:
        began = time.monotonic()
        await asyncio.sleep(0.02)
        worst_ms = max(worst_ms, (time.monotonic() - began - 0.02) * 1000)
        (folder / "lag").write_text(str(worst_ms))


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    draft = folder / "port.part"
    draft.write_text(str(server.sockets[0].getsockname()[1]))
    draft.rename(folder / "port")
    lag = asyncio.create_task(tell_lag())
    async with server:
        await server.serve_forever()
    lag.cancel()


asyncio.run(main())
