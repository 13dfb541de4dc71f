"""Serve the embedded Azure until a signal says stop."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from filelock import FileLock, Timeout

from release.emulator.errors import HostFault
from release.emulator.server import Options, serving


def main() -> int:
    """Serve; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m release.emulator")
    parser.add_argument("--state", type=Path, required=True, help="state folder")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=0, help="of the Resource Manager")
    parser.add_argument("--blob-port", type=int, default=0, help="of the blob service")
    parser.add_argument(
        "--pace", type=float, default=0, help="0: at once; 1: times like Azure's"
    )
    parser.add_argument("--page-size", type=int, default=50, help="entries on a page")
    parser.add_argument("--verbose", action="store_true", help="log each request")
    given = parser.parse_args()
    logging.basicConfig(
        level=logging.DEBUG if given.verbose else logging.INFO,
        format="%(asctime)s %(name)s %(levelname)s %(message)s",
    )
    logging.getLogger("asyncio").setLevel(logging.INFO)
    options = Options(
        folder=given.state.resolve(),
        host=given.host,
        arm_port=given.port,
        blob_port=given.blob_port,
        pace=given.pace,
        page_size=given.page_size,
    )
    given.state.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(given.state / "lock", timeout=0):
            return asyncio.run(_serve(options))
    except Timeout:
        sys.stderr.write(f"another embedded Azure serves {given.state}\n")
    except (OSError, ValueError, HostFault) as error:
        sys.stderr.write(f"{error}\n")
    return 1


async def _serve(options: Options) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with serving(options) as server:
        logging.getLogger("release.emulator").info(
            "the embedded Azure listens at %s", server.cloud.arm_origin
        )
        await stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
