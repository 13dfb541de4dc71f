"""A machine from its image to an image of its own."""

from __future__ import annotations

import asyncio
import base64
import signal
from pathlib import Path

import pytest

from release.emulator.machines import Admin, MachineError, NotRunning, Power
from release.wait import Seen, wait_until
from tests.harness.emulator.machines.conftest import Lab, Ran, address, fetch

WEB = """
[Unit]
Description=Answers with its own name
After=network-online.target

[Service]
EnvironmentFile=-/etc/release.env
Environment=BIND_ADDRESS=0.0.0.0
WorkingDirectory=/srv/web
ExecStartPre=/bin/sh -c 'hostname >name; echo $RELEASE_BUILD >build'
ExecStart=/usr/bin/python3 -m http.server --bind ${BIND_ADDRESS} 8080
Restart=on-failure

[Install]
WantedBy=multi-user.target
"""


@pytest.fixture(scope="module")
def image(lab: Lab) -> str:
    builder = lab.machine()
    lab.sh(builder, "mkdir -p /srv/web; echo RELEASE_BUILD=2026.1.2 >/etc/release.env")
    lab.unit(builder, "web.service", WEB)
    enabled = lab.sh(builder, "systemctl enable web")
    assert enabled.code == 0
    lab.sh(builder, "waagent -force -deprovision+user")
    lab.do(lab.machines.shut_down(builder))
    lab.do(lab.machines.capture(builder, "web-1"))
    lab.do(lab.machines.delete(builder))
    return "web-1"


def test_an_image_boots_into_its_enabled_service(lab: Lab, image: str) -> None:
    first, second = address(), address()
    for name, where in (("one", first), ("two", second)):
        lab.do(
            lab.machines.create(
                name, image=image, hostname=f"host-{name}", address=where
            )
        )
        lab.do(lab.machines.boot(name))
    assert fetch(f"http://{first}:8080/name") == "host-one\n"
    assert fetch(f"http://{second}:8080/name") == "host-two\n"
    assert fetch(f"http://{second}:8080/build") == "2026.1.2\n"


def test_a_reimaged_machine_has_a_fresh_disk_and_runs_again(
    lab: Lab, image: str
) -> None:
    name = lab.machine(image=image)
    lab.sh(name, "touch /srv/mine")
    lab.do(lab.machines.reimage(name, image))
    assert lab.sh(name, "ls /srv").stdout == "web\n"


def test_a_reimage_from_no_image_leaves_the_disk(lab: Lab, vm: str) -> None:
    lab.sh(vm, "touch /srv/mine")
    with pytest.raises(MachineError, match="there is no image or disk nowhere"):
        lab.do(lab.machines.reimage(vm, "nowhere"))
    assert lab.sh(vm, "ls /srv").stdout == "mine\n"


def test_a_disk_outlives_a_boot_and_memory_does_not(lab: Lab) -> None:
    name = lab.machine()
    lab.sh(name, "touch /srv/kept /opt/kept /usr/local/bin/kept /tmp/lost /run/lost")
    lab.do(lab.machines.shut_down(name))
    lab.do(lab.machines.boot(name))
    found = lab.sh(name, "ls /srv /opt /usr/local/bin /tmp /run/lost 2>/dev/null")
    assert found.stdout.count("kept") == 3
    assert "lost" not in found.stdout


def test_a_running_machine_cannot_be_captured(lab: Lab, vm: str) -> None:
    with pytest.raises(MachineError) as caught:
        lab.do(lab.machines.capture(vm, "live"))
    assert str(caught.value) == (
        f"{vm} runs: its disk cannot be frozen\n  fix: shut it down first"
    )


def test_a_machine_that_is_down_runs_nothing(lab: Lab) -> None:
    name = lab.machine()
    lab.do(lab.machines.shut_down(name))
    assert lab.state(name).power is Power.STOPPED
    with pytest.raises(NotRunning) as caught:
        lab.sh(name, "true")
    assert str(caught.value) == (
        f"{name} does not run, and has to, to run a command\n  fix: boot it first"
    )


def test_a_machine_nobody_made_is_named(lab: Lab) -> None:
    with pytest.raises(NotRunning, match="there is no machine ghost"):
        lab.do(lab.machines.boot("ghost"))


def test_deleting_twice_is_no_error(lab: Lab) -> None:
    name = lab.machine()
    lab.do(lab.machines.delete(name))
    lab.do(lab.machines.delete(name))
    lab.do(lab.machines.delete_image("ghost"))


def test_provisioning_makes_the_administrator_and_keeps_custom_data(lab: Lab) -> None:
    name = lab.machine(
        admin=Admin(
            username="azureuser", password="Unsaid-42", ssh_keys=("ssh-rsa A",)
        ),
        custom_data=b"\x00hello",
    )
    found = lab.sh(
        name,
        "id -nu azureuser; cat ~azureuser/.ssh/authorized_keys\n"
        "base64 /var/lib/waagent/CustomData; grep -r Unsaid-42 /etc /var; hostname",
    )
    encoded = base64.b64encode(b"\x00hello").decode()
    assert found.stdout == f"azureuser\nssh-rsa A\n{encoded}\nvm-{name}\n"


def test_deprovisioning_removes_the_administrator(lab: Lab) -> None:
    name = lab.machine(admin=Admin(username="azureuser"))
    lab.sh(name, "/usr/sbin/waagent -force -deprovision+user")
    found = lab.sh(name, "id azureuser; ls /home /var/lib/waagent; cat /etc/machine-id")
    assert found.stdout == "/home:\n"
    assert "no such user" in found.stderr


def test_a_machine_trusts_the_embedded_azure(lab: Lab, vm: str) -> None:
    found = lab.sh(vm, "grep -c ^AAAA$ /etc/ssl/certs/ca-certificates.crt")
    assert found == Ran(code=0, stdout="1\n", stderr="")


def test_a_machine_sees_no_secret_of_the_host(lab: Lab, vm: str) -> None:
    found = lab.sh(vm, "cut -d: -f2 /etc/shadow | sort -u; ls /root /home /etc/ssh")
    assert found.stdout == "*\n/etc/ssh:\n\n/home:\n\n/root:\n"


def test_a_machine_cannot_write_to_the_host(lab: Lab, vm: str) -> None:
    found = lab.sh(vm, "touch /usr/bin/mine /usr/lib/mine; echo $?; ls /usr/bin/mine")
    assert found.stdout == "1\n"
    assert "Read-only file system" in found.stderr


def test_names_that_would_leave_the_folder_are_refused(lab: Lab) -> None:
    with pytest.raises(ValueError, match="cannot name a machine or image"):
        lab.do(lab.machines.delete("../up"))


def test_a_machine_that_cannot_boot_says_why(lab: Lab) -> None:
    name = lab.machine()
    lab.sh(name, "rm /etc/hosts; mkdir -p /etc/hosts/in-the-way")
    lab.do(lab.machines.shut_down(name))
    with pytest.raises(MachineError) as caught:
        lab.do(lab.machines.boot(name))
    assert caught.value.what.startswith(f"{name} did not boot: its sandbox ended with")
    assert "Is a directory: '/etc/hosts'" in caught.value.what
    assert caught.value.fix.startswith("read /")
    assert lab.state(name).ended == caught.value.what.partition(": ")[2]


@pytest.mark.parametrize("made", ["mkfifo", "ln -s %s"])
def test_logs_that_a_machine_replaced_lead_to_nothing_on_the_host(
    lab: Lab, tmp_path: Path, made: str
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("kept\n")
    name = lab.machine()
    command = made.replace("%s", str(precious))
    script = (
        "cd /run/log/units && rm -f boot.log console.log && "
        f"{command} boot.log && {command} console.log"
    )
    assert lab.sh(name, script) == Ran(code=0, stdout="", stderr="")
    assert lab.state(name).boot_log == ()
    lab.sh(name, "rm /run/log/units/boot.log")
    lab.do(lab.machines.shut_down(name))
    lab.do(asyncio.wait_for(lab.machines.boot(name), 30))
    assert precious.read_text() == "kept\n"
    lab.do(lab.machines.delete(name))


def test_a_machine_can_power_itself_off(lab: Lab) -> None:
    name = lab.machine()
    assert lab.sh(name, "poweroff; sleep 60").code == 128 + signal.SIGTERM

    def look() -> Seen[bool]:
        state = lab.state(name)
        return Seen(what=str(state), value=state.power is Power.STOPPED or None)

    wait_until("power off", look, timeout_s=10, interval_s=0.01, fix="-")
    assert lab.state(name).ended == ""


def test_custom_data_that_is_a_script_runs_at_the_first_boot_alone(lab: Lab) -> None:
    script = b"#!/bin/sh\necho once >>/srv/ran; echo said; exit 4\n"
    name = lab.machine(custom_data=script)
    waited = lab.sh(name, "cloud-init status --wait; cat /srv/ran; journalctl -n 2")
    assert waited.stdout.startswith("status: error\nonce\n")
    assert waited.stdout.endswith("custom data ended with status 4\n")
    lab.do(lab.machines.shut_down(name))
    lab.do(lab.machines.boot(name))
    again = lab.sh(name, "cloud-init status --wait; cat /srv/ran")
    assert again.stdout == "status: done\nonce\n"
