"""The command of a machine that only sends load."""

from __future__ import annotations

import re
from argparse import Namespace
from pathlib import Path

from rich.console import Console

from release.cli.command import Command, count, settings_of
from release.errors import UsageError
from release.options import Option
from release.settings.model import Load


def _load_worker(options: Namespace, _console: Console) -> int:
    from release.load import worker  # noqa: PLC0415 - the other commands need it not
    from release.load.profile import address  # noqa: PLC0415

    if not re.fullmatch(r"[^\s:/]+(:\d{1,5})?", options.release_master or ""):
        raise UsageError(
            f"--master {options.release_master or 'is missing'}: must be an address",
            fix="such as 10.0.0.4 or 10.0.0.4:5557, where the release listens",
        )
    # A machine that only sends load need not have release.toml.
    load = settings_of(options).env.load if options.release_env else Load()
    host, port = address(options.release_master)
    return worker.work(
        host=host,
        port=port,
        locustfile=Path(options.release_locustfile or load.locustfile),
        processes=count("--processes", options.release_processes)
        if options.release_processes
        else load.processes,
    )


COMMANDS = (
    Command(
        name="load-worker",
        help="send load for a release on another machine that has load.workers",
        run=_load_worker,
        options=(
            Option(
                flag="--master",
                metavar="HOST[:PORT]",
                help="where the release waits for workers (port: 5557)",
            ),
            Option(
                flag="--locustfile",
                metavar="FILE",
                help="the same as the release's (default: load.locustfile)",
            ),
            Option(
                flag="--processes",
                metavar="N",
                help="how many workers this machine is (default: load.processes)",
            ),
        ),
    ),
)
