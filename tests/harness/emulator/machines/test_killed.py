"""What is left when the emulator itself is killed."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from release.emulator.machines import Machines, Power
from release.wait import Seen, wait_until
from tests.harness.emulator.machines.conftest import Lab, address, fetch

EMULATOR = """
import asyncio, pathlib, sys
from release.emulator.machines import Machines

async def main(folder, address, mark):
    machines = Machines(pathlib.Path(folder), ca_pem=b"")
    await machines.create(
        "vm", image=await machines.base_image(), hostname="vm", address=address
    )
    await machines.boot("vm")
    await machines.run(
        "vm",
        "cat >/etc/systemd/system/web.service <<'X'\\n[Service]\\nExecStart="
        "/usr/bin/python3 -m http.server --bind ${BIND_ADDRESS} 8080 -d /srv\\n"
        "[Install]\\nWantedBy=multi-user.target\\nX\\n"
        f"echo kept >/srv/kept; systemctl enable --now web; setsid -f sleep {mark}",
        env={}, on_output=lambda s, d: None, timeout_s=30,
    )
    running = machines.run(
        "vm", f"echo up; trap '' TERM; sleep {mark}", env={},
        on_output=lambda s, d: sys.stdout.write("up\\n") and sys.stdout.flush(),
        timeout_s=600,
    )
    await running

asyncio.run(main(*sys.argv[1:]))
"""


def _alive(mark: str) -> list[str]:
    """Return the command lines on this computer that hold a mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if mark in words:
            found.append(" ".join(words))
    return found


@pytest.fixture
def killed(tmp_path: Path) -> tuple[Path, str]:
    """A state folder whose emulator was killed while all was in use."""
    where, mark = address(), f"86400.{time.time_ns() % 10**9:09d}"
    with subprocess.Popen(
        [sys.executable, "-c", EMULATOR, tmp_path / "state", where, mark],
        stdout=subprocess.PIPE,
        text=True,
    ) as emulator:
        assert emulator.stdout
        up = emulator.stdout.readline()
        served = fetch(f"http://{where}:8080/kept") if up else ""
        running = len(_alive(mark))
        emulator.kill()
        assert emulator.wait() == -signal.SIGKILL
    assert (up, served) == ("up\n", "kept\n")
    assert running == 3, "the emulator and two processes in its machine"

    def look() -> Seen[bool]:
        left = _alive(mark) + _alive(where)
        return Seen(what=str(left), value=None if left else True)

    wait_until("empty process list", look, timeout_s=10, interval_s=0.02, fix="-")
    return tmp_path / "state", where


def test_no_sandbox_outlives_it_and_its_machines_boot_again(
    killed: tuple[Path, str],
) -> None:
    folder, where = killed
    with asyncio.Runner() as runner:
        again = Machines(folder, ca_pem=b"")
        before = runner.run(again.state("vm"))
        runner.run(again.boot("vm"))
        assert before.power is Power.STOPPED
        assert fetch(f"http://{where}:8080/kept") == "kept\n"
        runner.run(again.close())


def test_what_was_being_made_is_cleared_away(tmp_path: Path) -> None:
    half = tmp_path / "making/half/etc"
    half.mkdir(parents=True)
    with asyncio.Runner() as runner:
        images = runner.run(Machines(tmp_path, ca_pem=b"").images())
    assert images == ()
    assert list(tmp_path.glob("making/*")) == []


def test_closing_leaves_disks_and_no_process(lab: Lab) -> None:
    name = lab.machine()
    lab.sh(name, "setsid -f sleep 5151.25; echo kept >/srv/kept")
    lab.do(lab.machines.close())
    assert _alive("5151.25") == []
    lab.do(lab.machines.boot(name))
    assert lab.sh(name, "cat /srv/kept").stdout == "kept\n"
