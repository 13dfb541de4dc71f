"""SSH into a machine, with a client that nobody here wrote."""

from __future__ import annotations

import asyncio
import functools
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from release.emulator.machines import Admin, MachineError
from release.emulator.machines.machine import Made
from tests.harness.emulator.machines.conftest import Lab, Ran, address

USER, PASSWORD = "packer", "Correct-Horse-9"
AS_ROOT = pytest.mark.skipif(
    os.geteuid() != 0, reason="an ordinary user's machine has one user"
)


@dataclass(frozen=True)
class Reached:
    """A machine with an SSH server."""

    lab: Lab
    name: str
    key: asyncssh.SSHKey

    @asynccontextmanager
    async def connection(
        self, **more: Any
    ) -> AsyncIterator[asyncssh.SSHClientConnection]:
        made = Made.read(
            self.lab.machines.folder / f"machines/{self.name}/machine.json"
        )
        given: dict[str, Any] = {"username": USER, "client_keys": [self.key], **more}
        async with asyncssh.connect(
            made.address,
            self.lab.machines.ssh_port,
            known_hosts=None,
            config=None,
            agent_path=None,
            **given,
        ) as connection:
            yield connection

    def do(
        self,
        work: Callable[[asyncssh.SSHClientConnection], Awaitable[Any]],
        **more: Any,
    ) -> Any:
        async def over() -> Any:
            async with self.connection(**more) as connection:
                return await asyncio.wait_for(work(connection), 20)

        return self.lab.do(over())

    def sh(self, command: str, **more: Any) -> Ran:
        ran = self.do(lambda connection: connection.run(command, **more))
        return Ran(code=ran.exit_status, stdout=ran.stdout, stderr=ran.stderr)


@functools.cache
def _key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-rsa", key_size=2048)


def _reached(lab: Lab, **more: Any) -> Reached:
    line = _key().export_public_key().decode().strip()
    admin = Admin(username=USER, ssh_keys=(line,), **more)
    return Reached(lab, lab.machine(admin=admin), _key())


@pytest.fixture(scope="module")
def there(lab: Lab) -> Reached:
    return _reached(lab)


def test_a_command_runs_in_the_sandbox_as_the_user_with_its_home(
    there: Reached,
) -> None:
    ran = there.sh("echo $USER $LOGNAME $HOME $PWD $(hostname); cat", input="said\n")
    assert ran.stdout == (
        f"packer packer /home/packer /home/packer vm-{there.name}\nsaid\n"
    )
    assert there.sh("cat /proc/1/comm").stdout == "systemd\n"


def test_exit_codes_and_output_are_the_commands_own(there: Reached) -> None:
    assert there.sh("echo out; echo err >&2; exit 3") == Ran(
        code=3, stdout="out\n", stderr="err\n"
    )


def test_all_of_an_input_arrives_however_early_it_ends(there: Reached) -> None:
    data = os.urandom(3_000_000)
    ran = there.do(lambda c: c.run("sleep 0.1; wc -c", input=data, encoding=None))
    assert ran.stdout == b"3000000\n"


def test_a_command_may_leave_its_input_unread(there: Reached) -> None:
    ran = there.do(lambda c: c.run("exit 6", input=bytes(3_000_000), encoding=None))
    assert ran.exit_status == 6


def test_a_signal_that_ends_a_command_is_told(there: Reached) -> None:
    ended = there.do(lambda connection: connection.run("kill -TERM $$"))
    assert ended.exit_signal[0] == "TERM"


def test_a_signal_that_a_client_sends_arrives(there: Reached) -> None:
    async def interrupt(connection: asyncssh.SSHClientConnection) -> str:
        process = await connection.create_process("echo begun; exec sleep 60")
        await process.stdout.readline()
        process.send_signal("INT")
        ended = await process.wait()
        assert ended.exit_signal is not None
        return str(ended.exit_signal[0])

    assert there.do(interrupt) == "INT"


def test_a_terminal_has_its_size_and_ends_with_its_shell(there: Reached) -> None:
    # What the shell leaves behind does not keep the session open.
    ran = there.sh(
        "tty; stty size; echo $TERM; sleep 60 & exit 4",
        term_type="xterm",
        term_size=(100, 30),
    )
    assert ran == Ran(code=4, stdout="/dev/pts/0\r\n30 100\r\nxterm\r\n", stderr="")


def test_a_terminal_follows_its_window(there: Reached) -> None:
    async def resize(connection: asyncssh.SSHClientConnection) -> str:
        process = await connection.create_process(
            "trap 'stty size; exit' WINCH; echo begun; while :; do sleep 0.05; done",
            term_type="xterm",
        )
        await process.stdout.readline()
        process.change_terminal_size(120, 40)
        return str(await process.stdout.readline())

    assert there.do(resize) == "40 120\r\n"


def test_without_a_command_the_users_login_shell_runs(there: Reached) -> None:
    ran = there.do(lambda connection: connection.run(input="echo $0; exit 5\n"))
    assert (ran.exit_status, ran.stdout) == (5, "-bash\n")


def test_a_login_shell_finds_the_tools_of_the_machine(there: Reached) -> None:
    ran = there.do(lambda connection: connection.run(input="sudo echo found\n"))
    assert ran.stdout == "found\n"


def test_only_the_language_of_a_clients_environment_is_taken(there: Reached) -> None:
    ran = there.sh("echo $LC_TIME,$OTHER", env={"LC_TIME": "de_DE", "OTHER": "x"})
    assert ran.stdout == "de_DE,\n"


@AS_ROOT
def test_sudo_makes_the_administrator_root_or_another(there: Reached) -> None:
    ran = there.sh(
        "sudo id -un; sudo -u www-data id -un; A=b sudo -E sh -c 'echo $A; pwd';"
        " echo in | sudo cat; sudo sh -c 'exit 7'"
    )
    assert ran == Ran(code=7, stdout="root\nwww-data\nb\n/home/packer\nin\n", stderr="")


@AS_ROOT
def test_sudo_asks_sudoers(there: Reached) -> None:
    ran = there.sh("sudo -u www-data sudo -n /usr/bin/id")
    assert ran == Ran(
        code=1,
        stdout="",
        stderr="sudo: /usr/bin/id: www-data may not run /usr/bin/id as root: no rule "
        "with NOPASSWD of /etc/sudoers or /etc/sudoers.d says so\n",
    )


@AS_ROOT
def test_a_signal_passes_through_sudo(there: Reached) -> None:
    ran = there.sh("timeout -s TERM 0.2 sudo sleep 60; echo $?; pgrep -x sleep")
    assert ran.stdout == "124\n"


def test_scp_and_sftp_carry_files_both_ways(there: Reached, tmp_path: Path) -> None:
    sent, back = tmp_path / "sent", tmp_path / "back"
    sent.write_bytes(os.urandom(3_000_000))

    async def carry(connection: asyncssh.SSHClientConnection) -> None:
        await asyncssh.scp(sent, (connection, "by-scp"))
        async with connection.start_sftp_client() as sftp:
            await sftp.rename("by-scp", "by-sftp")
            await sftp.get("by-sftp", back)

    there.do(carry)
    assert back.read_bytes() == sent.read_bytes()
    assert there.sh("stat -c '%U %s' by-sftp").stdout == (
        "packer 3000000\n" if os.geteuid() == 0 else "root 3000000\n"
    )


def test_an_unknown_subsystem_is_refused_with_a_reason(there: Reached) -> None:
    ran = there.do(lambda c: c.run(subsystem="netconf"))
    assert (ran.exit_status, ran.stderr) == (
        127,
        "this machine has no subsystem netconf\n",
    )


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(
            {"client_keys": [asyncssh.generate_private_key("ssh-ed25519")]},
            id="another-key",
        ),
        pytest.param({"username": "nobody-here"}, id="another-user"),
        pytest.param(
            {"client_keys": [], "password": ""}, id="password-though-keys-only"
        ),
    ],
)
def test_nobody_else_comes_in(there: Reached, given: dict[str, Any]) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        there.do(lambda connection: connection.run("id"), **given)


def test_a_password_lets_in_where_it_may(lab: Lab) -> None:
    there = _reached(lab, password=PASSWORD)
    with pytest.raises(asyncssh.PermissionDenied):
        there.do(lambda c: c.run("id"), client_keys=[], password="wrong")
    ran = there.do(lambda c: c.run("echo in"), client_keys=[], password=PASSWORD)
    assert ran.stdout == "in\n"


def test_forwarding_is_refused(there: Reached) -> None:
    with pytest.raises(asyncssh.ChannelOpenError):
        there.do(lambda c: c.open_connection("127.0.0.1", 22))


def test_a_session_outlives_the_user_that_it_is_of(lab: Lab) -> None:
    there = _reached(lab)

    async def deprovision(connection: asyncssh.SSHClientConnection) -> str:
        await connection.run("sudo waagent -force -deprovision+user", check=True)
        return str((await connection.run("pwd", check=True)).stdout)

    assert there.do(deprovision) == "/\n"
    with pytest.raises(asyncssh.PermissionDenied):
        there.sh("id")


@pytest.mark.parametrize("end", ["delete", "shut_down", "reboot"])
def test_a_connection_ends_with_its_machine(lab: Lab, end: str) -> None:
    there = _reached(lab)

    async def outlive(connection: asyncssh.SSHClientConnection) -> int | None:
        command = "echo begun; trap '' HUP; sleep 60"
        process = await connection.create_process(command)
        await process.stdout.readline()
        if end == "reboot":
            await connection.run("sudo reboot")
        else:
            await getattr(lab.machines, end)(there.name)
        await connection.wait_closed()
        return process.exit_status

    assert there.do(outlive) is None


def test_a_new_disk_has_a_new_host_key_and_a_reboot_has_not(lab: Lab) -> None:
    there = _reached(lab)

    async def fingerprint(connection: asyncssh.SSHClientConnection) -> str:
        key = connection.get_server_host_key()
        assert key is not None
        return str(key.get_fingerprint())

    async def reboot() -> None:
        await lab.machines.shut_down(there.name)
        await lab.machines.boot(there.name)

    first = there.do(fingerprint)
    lab.do(reboot())
    assert there.do(fingerprint) == first
    lab.do(lab.machines.reimage(there.name, lab.do(lab.machines.base_image())))
    assert there.do(fingerprint) != first


def test_an_address_that_is_taken_is_named(lab: Lab) -> None:
    taken = address()

    async def collide() -> None:
        port = lab.machines.ssh_port
        server = await asyncio.start_server(lambda _r, _w: None, taken, port)
        async with server:
            await lab.machines.create(
                "late",
                image=await lab.machines.base_image(),
                hostname="late",
                address=taken,
            )
            with pytest.raises(MachineError) as caught:
                await lab.machines.boot("late")
        assert str(caught.value) == (
            f"the SSH server of late cannot listen at {taken}:{port}: Address already "
            f"in use\n  fix: see what has the port: ss -ltnp 'sport = :{port}'"
        )
        await lab.machines.delete("late")

    lab.do(collide())


def test_what_is_kept_of_a_password_is_for_the_owner_only(lab: Lab) -> None:
    there = _reached(lab, password=PASSWORD)
    kept = lab.machines.folder / f"machines/{there.name}/machine.json"
    assert json.loads(kept.read_text())["password"] == PASSWORD
    assert kept.stat().st_mode & 0o077 == 0
