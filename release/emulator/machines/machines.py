"""All machines of one state folder.

``images/<id>`` and ``machines/<id>/{disk,logs,console.log,machine.json}``; what is
there after a restart of the emulator is there again, stopped, and boots from its own
disk.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from release.emulator.machines import guest_files, preflight, vhd
from release.emulator.machines.admin import Admin
from release.emulator.machines.command import OnOutput
from release.emulator.machines.disks import Disks, checked
from release.emulator.machines.errors import MachineError, NotRunning
from release.emulator.machines.machine import Host, Machine, Made
from release.emulator.machines.ssh import ORDINARY_PORT
from release.emulator.machines.state import State

_log = logging.getLogger(__name__)

GRACE_S = 30.0
"""Azure gives a guest some minutes to shut down; a sandbox has less to do."""


class Machines:
    """Makes, boots, uses and removes machines.

    Args:
        folder: Theirs alone; made when missing.
        ca_pem: The certificate authority that machines are to trust.
        ssh_port: Where their SSH servers listen, each at its machine's address.
        log: Where to tell what happens.
    """

    def __init__(
        self,
        folder: Path,
        *,
        ca_pem: bytes,
        ssh_port: int = ORDINARY_PORT,
        log: logging.Logger = _log,
    ) -> None:
        self.folder = folder.absolute()
        """Where all of it is kept."""
        self.metadata_origin = ""
        """http://127.0.0.1:PORT of the metadata service, once it listens."""
        self.on_off: Callable[[str], None] = _nothing
        """Told the id of a machine that went down by itself."""
        self._ca_pem = ca_pem.decode()
        self.ssh_port = ssh_port
        """Where SSH answers, at each machine's address."""
        self._log = log
        self._opening = asyncio.Lock()
        self._host: Host | None = None
        self._made_disks: Disks | None = None
        self._machines: dict[str, Machine] = {}

    # --- images -----------------------------------------------------------

    async def base_image(self) -> str:
        """Return the id of the image that stands for a marketplace's.

        Raises:
            NoSandbox: This computer cannot make sandboxes.
        """
        return await (await self._disks()).base()

    async def capture(self, machine_id: str, image_id: str) -> None:
        """Freeze a machine's disk as an image; the machine must be down.

        Raises:
            NotRunning: There is no such machine.
            MachineError: It runs, or there is no space.
        """
        machine = await self._find(machine_id)
        disks = await self._disks()
        async with machine.lock:
            if machine.running:
                raise MachineError(
                    f"{machine_id} runs: its disk cannot be frozen",
                    fix="shut it down first",
                )
            await disks.remove(disks.image(image_id))
            await disks.copy(machine.disk, disks.image(image_id))
        self._log.info("captured %s as %s", machine_id, image_id)

    async def write_vhd(self, image_id: str | None, target: Path) -> None:
        """Write an image, or an empty disk, to a file as a VHD; see `vhd`.

        Raises:
            MachineError: There is no such image, or no space.
        """
        await (await self._disks()).pack(image_id, target)

    async def read_vhd(self, source: Path, image_id: str) -> None:
        """Make an image of a VHD.

        Raises:
            MachineError: It is none of ours, or there is no space.
        """
        wrong = vhd.problem(source)
        if wrong:
            raise MachineError(
                f"{source.name} is not to be read: {wrong}",
                fix="capture a machine as a VHD again",
            )
        await (await self._disks()).unpack(source, image_id)

    async def delete_image(self, image_id: str) -> None:
        """Remove an image; nothing when it is not there."""
        disks = await self._disks()
        await disks.remove(disks.image(image_id))

    async def images(self) -> tuple[str, ...]:
        """Return the ids of all images."""
        return (await self._disks()).images()

    # --- machines ---------------------------------------------------------

    async def create(
        self,
        machine_id: str,
        *,
        image: str,
        hostname: str,
        address: str,
        admin: Admin | None = None,
        custom_data: bytes | None = None,
    ) -> None:
        """Make a machine from an image; it is down.

        Args:
            machine_id: Names its folder; what had the name before is replaced.
            image: What its disk is a copy of.
            hostname: Its name.
            address: Its loopback address: BIND_ADDRESS of all that it runs.
            admin: Who is made at the first boot, and may log in over SSH.
            custom_data: What ``/var/lib/waagent/CustomData`` is to hold.

        Raises:
            MachineError: There is no such image, or no space.
        """
        await self.delete(machine_id)
        host, disks = await self._open()
        machine = self._machine(machine_id, host)
        async with machine.lock:
            machine.folder.mkdir(parents=True)
            await disks.copy(disks.image(image), machine.disk)
            Made(
                hostname=hostname,
                address=address,
                admin=admin.username if admin else "",
                ssh_keys=admin.ssh_keys if admin else (),
                password=(admin.password if admin else None) or "",
                custom_data=base64.b64encode(custom_data or b"").decode(),
            ).write(machine.made)
        self._machines[machine_id] = machine

    async def boot(self, machine_id: str) -> None:
        """Boot a machine; on return its services start and SSH answers.

        Raises:
            NotRunning: There is no such machine.
            MachineError: It did not come up.
        """
        machine = await self._find(machine_id)
        async with machine.lock:
            await machine.boot()
        self._log.info("booted %s", machine_id)

    async def shut_down(self, machine_id: str, *, grace_s: float = GRACE_S) -> None:
        """Stop a machine's services in order, and the machine.

        Args:
            machine_id: Which.
            grace_s: Seconds until it is ended by force.
        """
        machine = await self._find(machine_id)
        async with machine.lock:
            await machine.shut_down(grace_s=grace_s)
        self._log.info("shut down %s", machine_id)

    async def reimage(self, machine_id: str, image: str) -> None:
        """Give a machine a fresh disk; one that runs goes down and boots again.

        Raises:
            NotRunning: There is no such machine.
            MachineError: There is no such image; the machine keeps its disk.
        """
        machine = await self._find(machine_id)
        disks = await self._disks()
        async with machine.lock:
            fresh = machine.folder / "fresh"
            await disks.remove(fresh)
            await disks.copy(disks.image(image), fresh)
            ran = machine.running
            await machine.shut_down(grace_s=GRACE_S)
            await disks.remove(machine.disk)
            fresh.rename(machine.disk)
            replace(Made.read(machine.made), provision=True).write(machine.made)
            if ran:
                await machine.boot()

    async def delete(self, machine_id: str) -> None:
        """End a machine at once and remove all of it; nothing when there is none."""
        host, disks = await self._open()
        machine = self._machines.pop(machine_id, None)
        machine = machine or self._machine(machine_id, host)
        async with machine.lock:
            await machine.power_off()
            await disks.remove(machine.folder)

    # --- use --------------------------------------------------------------

    async def run(
        self,
        machine_id: str,
        script: str,
        *,
        env: Mapping[str, str],
        on_output: OnOutput,
        timeout_s: float,
        user: str | None = None,
    ) -> int:
        """Run a script in a machine, as root or another user.

        Cancelling the task ends the script and all that it started.

        Args:
            machine_id: Which machine.
            script: Its text; without ``#!`` it is for /bin/sh.
            env: Variables on top of the machine's own.
            on_output: Given ``stdout`` or ``stderr`` and bytes, as they come.
            timeout_s: Seconds until it is ended.
            user: Whom it runs as; None is root.

        Returns:
            Its exit code; 128 + n when signal n ended it.

        Raises:
            NotRunning: The machine does not run, or went down meanwhile.
            CommandTimedOut: It took longer.
            NotStarted: It names a user or an interpreter that is not there.
        """
        machine = await self._find(machine_id)
        return await machine.run(
            script, env=env, on_output=on_output, timeout_s=timeout_s, user=user
        )

    async def state(self, machine_id: str) -> State:
        """Return what a machine and its services are doing.

        Raises:
            NotRunning: There is no such machine.
        """
        return await (await self._find(machine_id)).state()

    async def check(self) -> None:
        """See that this computer can make machines.

        Raises:
            NoSandbox: It cannot.
        """
        await self._open()

    async def close(self) -> None:
        """Shut every machine down; their disks stay."""
        machines = list(self._machines.values())
        await asyncio.gather(*(self._close(machine) for machine in machines))

    async def _close(self, machine: Machine) -> None:
        async with machine.lock:
            await machine.shut_down(grace_s=GRACE_S)

    # --- parts ------------------------------------------------------------

    async def _open(self) -> tuple[Host, Disks]:
        """Find out what this computer can do, the first time that it matters."""
        async with self._opening:
            if self._host is None or self._made_disks is None:
                self.folder.mkdir(parents=True, exist_ok=True)
                mode = await preflight.find_mode(self.folder)
                self._log.info("machines run with the rights of: %s", mode.value)
                self._made_disks = Disks(self.folder, mode)
                await self._made_disks.clean()
                self._host = Host(
                    mode=mode,
                    guest=guest_files.install(self.folder / "guest"),
                    ca_pem=self._ca_pem,
                    metadata_origin=self.metadata_origin,
                    ssh_port=self.ssh_port,
                )
            return self._host, self._made_disks

    async def _disks(self) -> Disks:
        _, disks = await self._open()
        return disks

    async def _find(self, machine_id: str) -> Machine:
        """Return a machine that is in memory or on disk."""
        host, _ = await self._open()
        if machine_id not in self._machines:
            machine = self._machine(machine_id, host)
            if not machine.made.is_file():
                raise NotRunning(
                    f"there is no machine {machine_id}",
                    fix="create it first",
                )
            self._machines[machine_id] = machine
        return self._machines[machine_id]

    def _machine(self, machine_id: str, host: Host) -> Machine:
        async def reboot() -> None:
            self._log.info("%s reboots", machine_id)
            try:
                await self.boot(machine_id)
            except MachineError as error:
                self._log.warning("%s", error)
                went_off()

        def went_off() -> None:
            self.on_off(machine_id)

        folder = self.folder / "machines" / checked(machine_id)
        return Machine(folder, host, reboot, went_off)


def _nothing(_machine_id: str) -> None:
    """Tell nobody."""
