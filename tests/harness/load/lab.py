"""A load whose three workers are machines of their own, as far as a network can tell.

lab.py FOLDER, in a network namespace of its own: each worker has a further one, with a
cable to this one. The site and the release's load are here. Two seconds into the
measured time the first worker is killed with its cable cut, so that nothing of it says
good-bye. FOLDER/load gets what was measured, FOLDER/served.json how many requests the
site answered to each worker, by the process that sent them.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil

from release.load.live import Live
from release.load.profile import Profile, Workers
from release.load.run import run

HERE = "10.213.0.1"
WORKERS = 3
KILLED_S = 2.0
VISITORS = """
import os
import socket
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def visit(self):
        who = f"{socket.gethostname()}-{os.getpid()}"
        self.client.get("/", headers={"X-Worker": who})
"""
BOOT = """
echo made; read -r _
ip link set lo up; ip addr add 10.213.{number}.2/24 dev eth0; ip link set eth0 up
ip route add default via 10.213.{number}.1
exec {python} -m release load-worker --master {here} --locustfile {locustfile}
"""
served: Counter[str] = Counter()
counting = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536

    def do_GET(self) -> None:
        with counting:
            served[self.headers["X-Worker"]] += 1
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def machine(number: int, locustfile: Path) -> subprocess.Popen[bytes]:
    """Start a worker in a namespace of its own."""
    boot = BOOT.format(
        number=number, python=sys.executable, here=HERE, locustfile=locustfile
    )
    child = subprocess.Popen(
        ["unshare", "--net", "sh", "-ec", boot],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdin
    assert child.stdout
    child.stdout.readline()
    cable = f"cable{number}"
    end = ("peer", "name", "eth0", "netns", str(child.pid))
    ip("link", "add", cable, "type", "veth", *end)
    ip("addr", "add", f"10.213.{number}.1/24", "dev", cable)
    ip("link", "set", cable, "up")
    child.stdin.write(b"\n")
    child.stdin.flush()
    return child


def main(folder: Path) -> None:
    ip("link", "set", "lo", "up")
    ip("addr", "add", f"{HERE}/32", "dev", "lo")
    site = ThreadingHTTPServer((HERE, 8080), Handler)
    site.daemon_threads = True
    threading.Thread(target=site.serve_forever, args=(0.05,), daemon=True).start()
    locustfile = folder / "locustfile.py"
    locustfile.write_text(VISITORS)
    machines = [machine(number, locustfile) for number in range(1, WORKERS + 1)]

    log = (folder / "log").open("w", buffering=1)

    def progress(live: Live) -> None:
        log.write(f"{live}\n")
        first = machines[0]
        if live.elapsed_s > live.lead_s + KILLED_S and first.poll() is None:
            ip("link", "delete", "cable1")
            for child in psutil.Process(first.pid).children(recursive=True):
                child.kill()
            os.kill(first.pid, signal.SIGKILL)
            first.wait()

    plan = Profile(
        locustfile=locustfile,
        users=12,
        spawn_rate=12,
        time_s=8,
        warmup_s=0.5,
        answer_s=1,
        workers=Workers(
            expect=WORKERS, host=HERE, port=5557, wait_s=30, least_ratio=0.6
        ),
    )
    run(plan, host=f"http://{HERE}:8080", folder=folder / "load", progress=progress)
    codes = [each.wait(20) for each in machines]
    (folder / "served.json").write_text(json.dumps({"served": served, "codes": codes}))


main(Path(sys.argv[1]))
