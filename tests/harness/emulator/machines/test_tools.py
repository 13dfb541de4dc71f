"""The tools that recipes call: systemctl, sudo, apt-get and the rest."""

from __future__ import annotations

import os

import pytest

from tests.harness.emulator.machines.conftest import Lab, Ran

UNIT = """
[Unit]
Description=Sleeps
[Service]
ExecStart=/bin/sleep 5000
ExecReload=/bin/sh -c 'echo $MAINPID >/srv/reloaded'
[Install]
WantedBy=multi-user.target
"""


@pytest.fixture(scope="module", autouse=True)
def _unit(lab: Lab, vm: str) -> None:
    lab.unit(vm, "nap.service", UNIT)


def test_enabling_makes_the_links_that_a_boot_follows(lab: Lab, vm: str) -> None:
    link = "/etc/systemd/system/multi-user.target.wants/nap.service"
    assert lab.sh(vm, "systemctl enable nap.service") == Ran(
        code=0,
        stdout="",
        stderr=f"Created symlink {link} → /etc/systemd/system/nap.service.\n",
    )
    assert lab.sh(vm, "systemctl is-enabled nap").stdout == "enabled\n"
    assert lab.sh(vm, "systemctl disable nap").stderr == f"Removed {link}.\n"
    assert lab.sh(vm, "systemctl is-enabled nap") == Ran(
        code=1, stdout="disabled\n", stderr=""
    )


def test_a_unit_that_is_not_there_is_named(lab: Lab, vm: str) -> None:
    assert lab.sh(vm, "systemctl start none") == Ran(
        code=5,
        stdout="",
        stderr="Failed to start none.service: Unit none.service not found.\n",
    )


def test_a_masked_unit_does_not_start(lab: Lab, vm: str) -> None:
    masked = lab.sh(
        vm, "systemctl mask later; systemctl start later; systemctl unmask later"
    )
    assert masked.stderr.splitlines()[1] == (
        "Failed to start later.service: Unit later.service is masked."
    )


def test_reload_runs_the_units_own_command(lab: Lab, vm: str) -> None:
    ran = lab.sh(
        vm,
        "systemctl start nap; systemctl reload nap; cat /srv/reloaded\n"
        "systemctl show nap -p MainPID --value; systemctl stop nap",
    )
    first, second = ran.stdout.split()
    assert first == second


def test_show_answers_what_ansible_reads(lab: Lab, vm: str) -> None:
    ran = lab.sh(
        vm, "systemctl show nap none -p LoadState,ActiveState,UnitFileState,Id"
    )
    assert ran == Ran(
        code=0,
        stdout="LoadState=loaded\nActiveState=inactive\nUnitFileState=disabled\n"
        "Id=nap.service\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\n"
        "Id=none.service\n",
        stderr="",
    )


def test_states_have_systemctls_exit_codes(lab: Lab, vm: str) -> None:
    ran = lab.sh(
        vm,
        "systemctl is-active nap; echo $?; systemctl start nap\n"
        "systemctl is-active nap; echo $?; systemctl status none; echo $?\n"
        "systemctl -q is-active nap; echo $?\n"
        "systemctl stop nap; systemctl status nap >/dev/null; echo $?",
    )
    assert ran.stdout.split() == ["inactive", "3", "active", "0", "4", "0", "3"]


def test_an_unknown_verb_lists_the_known_ones(lab: Lab, vm: str) -> None:
    ran = lab.sh(vm, "systemctl frobnicate nap")
    assert ran.code == 1
    assert ran.stderr.startswith("Unknown command verb frobnicate.\nKnown: --version ")


def test_service_speaks_the_old_way(lab: Lab, vm: str) -> None:
    ran = lab.sh(vm, "service nap start; service nap stop; systemctl is-active nap")
    assert ran.stdout == "inactive\n"


def test_the_tools_stand_where_scripts_expect_them(lab: Lab, vm: str) -> None:
    ran = lab.sh(vm, "/usr/sbin/waagent -version; /usr/bin/systemctl --version")
    assert ran.stdout == (
        "WALinuxAgent-2.9.1.1 (stand-in of the embedded Azure)\n"
        "systemd 252 (stand-in of the embedded Azure)\n"
    )


def test_apt_get_says_that_there_is_no_archive(lab: Lab, vm: str) -> None:
    ran = lab.sh(vm, "apt-get update && apt-get install -y -q python3 no-such-thing")
    assert ran.code == 100
    assert ran.stderr == (
        "E: Unable to install no-such-thing: a machine of the embedded Azure has no "
        "package archive, it sees the host's /usr.\n"
        "E: Install it on the host (apt-get install no-such-thing), or bring what you "
        "need as files under /opt.\n"
    )


def test_apt_get_accepts_what_the_host_has(lab: Lab, vm: str) -> None:
    ran = lab.sh(
        vm,
        "DEBIAN_FRONTEND=x apt-get -o A::B=c install -y --no-install-recommends bash",
    )
    assert ran.code == 0
    assert ran.stdout.startswith("bash is already the newest version (")


def test_sudo_runs_as_root_and_as_others(lab: Lab, vm: str) -> None:
    ran = lab.sh(
        vm,
        "sudo -n -E sh -c 'echo $USER'; sudo -Hu www-data A=1 sh -c 'echo $USER $A'\n"
        "sudo sh -c 'echo $0' ; sudo -u ghost true; echo $?",
    )
    assert ran.stdout == "root\nwww-data 1\nsh\n1\n"


def test_sudo_reads_letters_that_stand_together(lab: Lab, vm: str) -> None:
    ran = lab.sh(
        vm,
        "useradd -m -s /bin/sh app; cd /srv\n"
        "sudo -iu app pwd; echo pwd | sudo -niu app; sudo -uapp sh -c 'echo $USER'\n"
        "sudo -i printf '[%s]' 'a  b' \"it's\" '$HOME'; sudo --group root -uapp pwd",
    )
    home = "/home/app\n"
    assert ran == Ran(
        code=0, stdout=f"{home}{home}app\n[a  b][it's][/root]/srv\n", stderr=""
    )


def test_an_answer_may_be_long(lab: Lab, vm: str) -> None:
    line = "x" * 300
    body = f"ExecStart=/bin/sh -c 'yes {line} | head -n 1500; exec sleep 5000'"
    lab.unit(vm, "long.service", f"[Service]\n{body}")
    ran = lab.sh(
        vm,
        f"lines() {{ journalctl -u long -n 2000 | grep -c {line}; }}\n"
        "systemctl start long; until [ $(lines) = 1500 ]; do sleep 0.05; done\n"
        f"systemctl status -n 2000 long | grep -c {line}; systemctl stop long",
    )
    assert ran == Ran(code=0, stdout="1500\n", stderr="")


def test_files_can_belong_to_others(lab: Lab, vm: str) -> None:
    ran = lab.sh(
        vm,
        "useradd -m owner && install -o owner -g owner -m 640 /etc/hosts /srv/hosts\n"
        "chown -R owner:owner /srv && tar -C / -cf - srv | tar -C /opt -xpf - && "
        "stat -c %U /opt/srv/hosts; su owner -c 'echo $USER $HOME'",
    )
    owner = "owner" if os.geteuid() == 0 else "root"
    assert ran == Ran(code=0, stdout=f"{owner}\nowner /home/owner\n", stderr="")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's machines have real users")
def test_an_ordinary_user_may_look_but_not_touch(lab: Lab, vm: str) -> None:
    ran = lab.sh(vm, "systemctl is-enabled nap; systemctl stop nap", user="www-data")
    assert ran == Ran(
        code=1, stdout="disabled\n", stderr="Failed to stop: Access denied\n"
    )


def test_process_one_looks_like_systemd(lab: Lab, vm: str) -> None:
    ran = lab.sh(vm, "cat /proc/1/comm; test -d /run/systemd/system && hostname")
    assert ran.stdout == f"systemd\nvm-{vm}\n"


def test_cloud_init_is_done(lab: Lab, vm: str) -> None:
    assert lab.sh(vm, "cloud-init status --wait").stdout == "status: done\n"


@pytest.mark.parametrize(
    "options",
    [
        pytest.param("--no-pager --output=cat --lines=2 --unit=say.service", id="long"),
        pytest.param("-o cat -n 2 -u say", id="short"),
        pytest.param("-xeocat -n2 -usay", id="joined"),
    ],
)
def test_journalctl_prints_the_last_words_alone(
    lab: Lab, vm: str, options: str
) -> None:
    lab.unit(
        vm,
        "say.service",
        "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
        "ExecStart=/usr/bin/printf 'one\\\\ntwo\\\\nthree\\\\n'",
    )
    ran = lab.sh(vm, f"systemctl restart say; journalctl {options}")
    assert ran.stdout == "three\ninit: started say.service\n"


def test_status_without_lines_shows_none(lab: Lab, vm: str) -> None:
    ran = lab.sh(vm, "systemctl stop nap; systemctl status nap --lines=0 --no-pager")
    assert len(ran.stdout.splitlines()) == 3


def test_a_machine_knows_its_own_address_only(lab: Lab, vm: str) -> None:
    ran = lab.sh(vm, "test $(hostname -I) = $BIND_ADDRESS; hostname -s; hostname -y")
    assert ran == Ran(
        code=4,
        stdout=lab.sh(vm, "hostname").stdout,
        stderr="hostname: the embedded Azure does not know -y\n",
    )
