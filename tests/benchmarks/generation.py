"""What a request costs: our load generator beside others, against the same nginx.

All of them send GET requests on loopback with 20 users who do not think, in turn, each
round in another order. nginx itself counts the requests, from when a generator runs
steadily; CPU and memory are those of its processes in the same seconds. Two cores are
shared by nginx and the generator; Locust, of one process, can use one of them.

Run it on a quiet machine: `make bench-load`. In slices: with `--rounds 2 --keep FILE`
it adds to what an earlier slice kept. It is no test, and nothing else runs it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from generators import GENERATORS, USERS, Generator, running
from rich.console import Console
from rich.table import Table

from release.wait import Seen, wait_until

PORT = 8089
AIM_RATIO = 0.95
"""Of the rate of Locust's fastest client alone, with recording on."""
SETTLE_S = 3.0
"""Seconds of load before counting begins."""
NGINX = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 512; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location = / {{ return 200 "welcome, and have a look around\\n"; }}
    location = /count {{ stub_status; }}
  }}
}}
"""
Sample = Mapping[str, float]


def main() -> int:
    """Measure and print; return 1 when the aim is missed."""
    options = _options()
    wanted = [
        each for each in GENERATORS if any(one in each.name for one in options.only)
    ]
    keep: Path | None = options.keep
    samples: dict[str, list[Sample]] = {}
    if keep and keep.exists():
        samples = json.loads(keep.read_text(encoding="utf-8"))
    console = Console(highlight=False)
    with serving() as url:
        for _ in range(options.rounds):
            for each in random.sample(wanted, len(wanted)):
                sample = measure(each, url, options.seconds)
                samples.setdefault(each.name, []).append(sample)
                console.print(f"{each.name}: {sample['rate']:,.0f} requests/s")
                if keep:
                    keep.write_text(json.dumps(samples), encoding="utf-8")
    show(console, samples)
    bare, ours = (samples.get(each.name) for each in (GENERATORS[1], GENERATORS[0]))
    if not bare or not ours:
        return 0
    ratio = _median(ours, "rate") / _median(bare, "rate")
    console.print(f"ours is at {ratio:.1%} of bare FastHttpUser, aim {AIM_RATIO:.0%}")
    return 0 if ratio >= AIM_RATIO else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6, help="of each count")
    parser.add_argument("--only", nargs="*", default=[""], help="parts of names")
    parser.add_argument("--keep", type=Path, help="file for samples of several slices")
    return parser.parse_args()


@contextmanager
def serving() -> Iterator[str]:
    """Run nginx on loopback; yield its address."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-load-") as folder,
        _nginx(folder) as server,
    ):
        try:
            url = f"http://127.0.0.1:{PORT}"
            wait_until(
                "nginx",
                lambda: Seen(what="no answer yet", value=_answers(url)),
                timeout_s=10,
                interval_s=0.1,
                fix=f"see whether port {PORT} is free",
            )
            yield url
        finally:
            server.terminate()


def _nginx(folder: str) -> subprocess.Popen[bytes]:
    config = Path(folder) / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=PORT), encoding="utf-8")
    return subprocess.Popen(
        ["nginx", "-c", str(config), "-e", f"{folder}/error.log"],
        env=os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin"},
    )


def _answers(url: str) -> bool | None:
    try:
        return count(url) > 0
    except OSError:
        return None


def count(url: str) -> int:
    """Return the requests that nginx has answered so far, this one included."""
    with urllib.request.urlopen(f"{url}/count", timeout=5) as answer:
        text = answer.read().decode()
    found = re.search(r"^ (\d+) (\d+) (\d+) $", text, re.MULTILINE)
    if not found:
        raise SystemExit(f"nginx counts in another way than expected: {text}")
    return int(found[3])


def measure(generator: Generator, url: str, seconds: float) -> Sample:
    """Return what a generator did in some steady seconds."""
    with tempfile.TemporaryDirectory(prefix="bench-load-") as folder:
        before = count(url)
        with running(generator, url, Path(folder)) as child:
            wait_until(
                f"load of {generator.name}",
                lambda: Seen(
                    what="none yet",
                    value=True if count(url) - before > 50 * USERS else None,
                ),
                timeout_s=30,
                interval_s=0.25,
                fix=f"see {folder}/log",
            )
            time.sleep(SETTLE_S)
            harness = psutil.Process(child.pid)
            sender = harness.children()[0] if generator.is_harness else harness
            began, answered, cpu_s = time.monotonic(), count(url), _cpu_s(sender)
            own_s = _cpu_s(harness) - cpu_s
            time.sleep(seconds)
            took_s = time.monotonic() - began
            # The last count counts itself.
            requests = count(url) - answered - 1
            spent_s = _cpu_s(sender) - cpu_s
            tree = [sender, *sender.children(recursive=True)]
            rss = sum(each.memory_info().rss for each in tree)
            own_s = _cpu_s(harness) - _cpu_s(sender) - own_s
        return {
            "rate": requests / took_s,
            "cpu_s": 1000 * spent_s / requests,
            "memory_mib": rss / 2**20,
            "harness_cpu_ratio": own_s / took_s,
        }


def _cpu_s(process: psutil.Process) -> float:
    """Return the CPU seconds of a process and of its children so far."""
    tree = [process, *process.children(recursive=True)]
    return sum(sum(each.cpu_times()[:2]) for each in tree)


def show(console: Console, samples: Mapping[str, Sequence[Sample]]) -> None:
    """Print the medians, and the least and the most."""
    table = Table(title=f"{USERS} users, {os.cpu_count()} cores, medians (range)")
    for column in ("generator", "runs", "requests/s", "CPU-s per 1,000", "MiB"):
        table.add_column(column, justify="left" if column == "generator" else "right")
    for name, each in samples.items():
        table.add_row(
            *(name, str(len(each))),
            *(
                _cell(each, metric, shown)
                for metric, shown in (
                    ("rate", "{:,.0f}"),
                    ("cpu_s", "{:.3f}"),
                    ("memory_mib", "{:.0f}"),
                )
            ),
        )
    console.print(table)
    harness = samples.get(GENERATORS[0].name)
    if harness:
        share = _median(harness, "harness_cpu_ratio")
        console.print(
            f"beside Locust, our own process reads along: {share:.1%} of a core"
        )


def _cell(samples: Sequence[Sample], metric: str, shown: str) -> str:
    values = sorted(each[metric] for each in samples)
    median, least, most = (
        shown.format(value)
        for value in (statistics.median(values), values[0], values[-1])
    )
    return f"{median} ({least} to {most})"


def _median(samples: Sequence[Sample], metric: str) -> float:
    return statistics.median(each[metric] for each in samples)


if __name__ == "__main__":
    raise SystemExit(main())
