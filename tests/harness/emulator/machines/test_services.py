"""Services as systemd runs them, in a real machine."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from release.emulator.machines.guest.logs import LIMIT_BYTES
from tests.harness.emulator.machines.conftest import Lab, Ran


def _service(body: str, unit: str = "") -> str:
    return f"[Unit]\n{unit}\n[Service]\n{body}\n[Install]\nWantedBy=multi-user.target"


def _log(lab: Lab, vm: str, unit: str) -> str:
    """Return what a unit wrote, without the stamps."""
    text = lab.sh(vm, f"journalctl -u {unit}").stdout
    return re.sub(r"^\S+Z ", "", text, flags=re.MULTILINE)


def test_the_environment_is_the_units_its_files_and_the_machines(
    lab: Lab, vm: str
) -> None:
    lab.sh(vm, "printf '# x\\nFROM_FILE=\"a b\"\\nBIND_ADDRESS=9.9.9.9\\n' >/etc/env")
    lab.unit(
        vm,
        "env.service",
        _service(
            'Type=oneshot\nEnvironment="A=1 2" B=%n\nEnvironmentFile=/etc/env\n'
            "EnvironmentFile=-/etc/none\nUnsetEnvironment=B\nEnvironment=WORDS=x  y\n"
            "ExecStart=/bin/sh -c 'echo $$A/$B/$FROM_FILE/$BIND_ADDRESS'\n"
            'ExecStart=/usr/bin/printf "[%%s]" $A ${A} $$ "q ${FROM_FILE}"'
        ),
    )
    assert lab.sh(vm, "systemctl start env").code == 0
    where = lab.sh(vm, "printf %s $BIND_ADDRESS").stdout
    log = _log(lab, vm, "env")
    assert f"1 2//a b/{where}\n" in log
    assert "[1][2][1 2][$][q a b]" in log


def test_a_service_runs_as_its_user_in_its_folders(lab: Lab, vm: str) -> None:
    lab.unit(
        vm,
        "who.service",
        _service(
            "Type=oneshot\nUser=www-data\nRuntimeDirectory=who\nStateDirectory=who\n"
            "WorkingDirectory=/var/lib/who\nUMask=0077\n"
            "ExecStart=/bin/sh -c 'touch $STATE_DIRECTORY/f $RUNTIME_DIRECTORY/g; "
            "echo $USER $HOME; pwd; id -u >uid'"
        ),
    )
    assert lab.sh(vm, "systemctl start who") == Ran(code=0, stdout="", stderr="")
    assert "www-data /var/www\n/var/lib/who\n" in _log(lab, vm, "who")
    found = lab.sh(vm, "stat -c '%a %u' /var/lib/who/f; cat /var/lib/who/uid; ls /run")
    uid = "33" if os.geteuid() == 0 else "0"
    assert found.stdout.startswith(f"600 {uid}\n{uid}\n")
    assert "who" not in found.stdout.splitlines()


def test_a_service_that_does_not_start_tells_why_with_its_last_lines(
    lab: Lab, vm: str
) -> None:
    lab.unit(
        vm, "bad.service", _service("ExecStart=/bin/sh -c 'echo no database; exit 7'")
    )
    lab.sh(vm, "systemctl start bad")
    found = lab.service(vm, "bad.service", active="failed")
    assert found.why == "it exited with status 7"
    assert found.result == "exit-code"
    assert any(line.endswith("Z no database") for line in found.log)
    assert (
        lab.state(vm)
        .problems()[0]
        .startswith("bad.service failed: it exited with status 7\n")
    )
    lab.sh(vm, "systemctl reset-failed bad")
    assert lab.state(vm).problems() == ()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(
            "ExecStart=/opt/none --x",
            "cannot start: /opt/none: No such file or directory",
            id="no-program",
        ),
        pytest.param(
            "User=ghost\nExecStart=/bin/true",
            "there is no user ghost on this machine",
            id="no-user",
        ),
        pytest.param(
            "WorkingDirectory=/nowhere\nExecStart=/bin/true",
            "cannot start: /nowhere: No such file or directory",
            id="no-folder",
        ),
        pytest.param(
            "EnvironmentFile=/etc/nothing\nExecStart=/bin/true",
            "cannot start: [Errno 2] No such file or directory: '/etc/nothing'",
            id="no-environment-file",
        ),
        pytest.param(
            "RuntimeDirectory=start.file/below\nExecStart=/bin/true",
            "cannot make a folder: [Errno 20] Not a directory: '/run/start.file/below'",
            id="folder-in-a-file",
        ),
        pytest.param(
            "Type=notify\nExecStart=/bin/true",
            "it cannot be listened to: [Errno 21] Is a directory: "
            "'/run/systemd/notify/start.service'",
            id="no-notify-socket",
        ),
        pytest.param(
            "Type=oneshot\nExecStart=/bin/sh -c 'kill -35 $$$$'",
            "it was ended by SIGRTMIN+1",
            id="real-time-signal",
        ),
        pytest.param(
            "ExecStartPre=/bin/false\nExecStart=/bin/sleep 100",
            "it exited with status 1",
            id="failed-before",
        ),
        pytest.param(
            "Type=notify\nTimeoutStartSec=200ms\nExecStart=/bin/sleep 100",
            "it was not up within 0.2 s (TimeoutStartSec)",
            id="never-ready",
        ),
        pytest.param(
            "Type=notify\nExecStart=/bin/true",
            "it ended before it said READY=1",
            id="ended-before-ready",
        ),
    ],
)
def test_a_start_that_fails_says_why(lab: Lab, vm: str, body: str, why: str) -> None:
    lab.unit(vm, "start.service", _service(body))
    in_the_way = "/run/systemd/notify/start.service/x"
    if "listened" in why:
        lab.sh(vm, f"mkdir -p {in_the_way}")
    found = lab.sh(vm, "touch /run/start.file; systemctl start start")
    lab.sh(vm, f"rm -rf {Path(in_the_way).parent}")
    assert found == Ran(
        code=1,
        stdout="",
        stderr=f"Job for start.service failed: {why}.\n"
        'See "systemctl status start.service" and "journalctl -xeu start.service".\n',
    )


def test_a_notifying_service_is_up_when_it_says_so(lab: Lab, vm: str) -> None:
    program = (
        "import os,socket,time; s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); "
        "s.connect(os.environ['NOTIFY_SOCKET']); open('/srv/up','w'); "
        "s.send(b'READY=1\\\\nSTATUS=at work'); time.sleep(100)"
    )
    lab.unit(
        vm,
        "tell.service",
        _service(f'Type=notify\nExecStart=/usr/bin/python3 -c "{program}"'),
    )
    started = lab.sh(vm, "systemctl start tell && ls /srv/up; systemctl is-active tell")
    assert started.stdout == "/srv/up\nactive\n"
    shown = lab.sh(vm, "systemctl show tell -p StatusText -p SubState; ls /run/systemd")
    assert shown.stdout.startswith("StatusText=at work\nSubState=running\n")


def test_restart_on_failure_backs_off_and_gives_up_at_the_limit(
    lab: Lab, vm: str
) -> None:
    lab.unit(
        vm,
        "again.service",
        _service(
            "ExecStart=/bin/sh -c 'echo x >>/srv/starts; exit 1'\n"
            "Restart=on-failure\nRestartSec=50ms",
            "StartLimitBurst=3\nStartLimitIntervalSec=30",
        ),
    )
    lab.sh(vm, "systemctl start again")
    found = lab.service(vm, "again.service", result="start-limit-hit")
    assert found.why == "started more than 3 times in 30 s"
    assert found.active == "failed"
    assert lab.sh(vm, "cat /srv/starts").stdout == "x\nx\nx\n"


def test_a_killed_service_comes_back(lab: Lab, vm: str) -> None:
    lab.unit(
        vm,
        "back.service",
        _service("ExecStart=/bin/sleep 1000\nRestart=on-failure\nRestartSec=10ms"),
    )
    lab.sh(vm, "systemctl start back; systemctl kill -s KILL back")
    found = lab.service(vm, "back.service", active="active", restarts=1)
    assert found.main_pid > 1


def test_a_clean_end_is_not_restarted_on_failure(lab: Lab, vm: str) -> None:
    lab.unit(vm, "once.service", _service("ExecStart=/bin/true\nRestart=on-failure"))
    lab.sh(vm, "systemctl start once")
    assert lab.service(vm, "once.service", active="inactive").restarts == 0


def test_units_start_in_order_and_stop_in_reverse(lab: Lab) -> None:
    name = lab.machine()
    for unit, after in (("c", "b.service"), ("a", ""), ("b", "a.service")):
        lab.unit(
            name,
            f"{unit}.service",
            _service(
                "Type=oneshot\nRemainAfterExit=yes\n"
                f"ExecStart=/bin/sh -c 'echo +{unit} >>/srv/order'\n"
                f"ExecStop=/bin/sh -c 'echo -{unit} >>/srv/order'",
                f"After={after}\nRequires={after}" if after else "",
            ),
        )
    lab.sh(name, "systemctl enable a b c")
    lab.do(lab.machines.shut_down(name))
    lab.do(lab.machines.boot(name))
    lab.service(name, "c.service", active="active")
    lab.do(lab.machines.shut_down(name))
    lab.do(lab.machines.boot(name))
    assert lab.sh(name, "head -n 6 /srv/order").stdout.split() == (
        ["+a", "+b", "+c", "-c", "-b", "-a"]
    )


def test_a_restart_takes_along_what_needs_the_unit_and_was_up(lab: Lab) -> None:
    vm = lab.machine()
    lab.unit(vm, "low.service", _service("ExecStart=/bin/sleep 5000"))
    for name, relation in (
        ("needs", "Requires"),
        ("part", "PartOf"),
        ("down", "PartOf"),
    ):
        unit = f"{relation}=low.service\nAfter=low.service"
        lab.unit(vm, f"{name}.service", _service("ExecStart=/bin/sleep 5000", unit))
    ran = lab.sh(
        vm,
        "systemctl start low needs part; before=$(systemctl show needs -P MainPID)\n"
        "systemctl restart low; systemctl is-active low needs part down\n"
        "[ $before != $(systemctl show needs -P MainPID) ] && echo anew",
    )
    assert ran.stdout.split() == ["active", "active", "active", "inactive", "anew"]


def test_a_unit_whose_requirement_failed_is_not_started(lab: Lab, vm: str) -> None:
    lab.unit(vm, "base.service", _service("Type=oneshot\nExecStart=/bin/false"))
    lab.unit(
        vm,
        "top.service",
        _service("ExecStart=/bin/sleep 9", "Requires=base.service\nAfter=base.service"),
    )
    found = lab.sh(vm, "systemctl start top")
    assert found.stderr.splitlines()[0] == (
        "Job for top.service failed: base.service, which it requires, did not start."
    )


def test_a_service_that_ignores_sigterm_is_killed(lab: Lab, vm: str) -> None:
    lab.unit(
        vm,
        "deaf.service",
        _service(
            "ExecStart=/bin/sh -c 'trap \"\" TERM; while :; do sleep 1234; done'\n"
            "TimeoutStopSec=200ms"
        ),
    )
    stopped = lab.sh(
        vm, "systemctl start deaf; systemctl stop deaf; pgrep -f sleep.1234"
    )
    assert stopped.stdout == ""
    assert "deaf.service did not stop within 0.2 s" in _log(lab, vm, "deaf")


def test_stopping_ends_daemons_that_left_the_session(lab: Lab, vm: str) -> None:
    lab.unit(
        vm,
        "fork.service",
        _service("ExecStart=/bin/sh -c 'setsid -f sleep 4242; exec sleep 4243'"),
    )
    # A simple service is started before its command has done anything.
    lab.sh(
        vm,
        "systemctl start fork; for look in $(seq 200); do "
        "[ $(pgrep -fc '^sleep 424') = 2 ] && break; sleep 0.05; done",
    )
    found = lab.sh(
        vm, "pgrep -fc '^sleep 424'; systemctl stop fork; pgrep -fc '^sleep 42'"
    )
    assert found.stdout == "2\n0\n"


def test_a_forking_service_is_followed_by_its_pid_file(lab: Lab, vm: str) -> None:
    lab.unit(
        vm,
        "old.service",
        _service(
            "Type=forking\nPIDFile=/run/old.pid\n"
            "ExecStart=/bin/sh -c 'setsid sleep 777 & echo $! >/run/old.pid'"
        ),
    )
    found = lab.sh(
        vm, "systemctl start old; systemctl is-active old; kill $(cat /run/old.pid)"
    )
    assert found.stdout == "active\n"
    assert lab.service(vm, "old.service", active="inactive").result == "success"


def test_a_drop_in_changes_a_unit(lab: Lab, vm: str) -> None:
    lab.unit(vm, "drop.service", _service("Type=oneshot\nExecStart=/bin/echo first"))
    lab.sh(
        vm,
        "mkdir /etc/systemd/system/drop.service.d\n"
        "printf '[Service]\\nExecStart=\\nExecStart=/bin/echo second\\n' "
        ">/etc/systemd/system/drop.service.d/10.conf\n"
        "systemctl daemon-reload; systemctl start drop",
    )
    log = _log(lab, vm, "drop")
    assert "second" in log
    assert "first" not in log


def test_a_template_knows_its_instance(lab: Lab, vm: str) -> None:
    lab.unit(vm, "t@.service", _service("Type=oneshot\nExecStart=/bin/echo %p/%i/%H"))
    lab.sh(vm, "systemctl start t@blue")
    assert f"t/blue/vm-{vm}" in _log(lab, vm, "t@blue")


def test_a_unit_that_cannot_be_read_does_not_hinder_the_others(lab: Lab) -> None:
    name = lab.machine()
    lab.unit(name, "odd.service", _service("Type=dbus\nExecStart=/bin/true"))
    lab.unit(name, "good.service", _service("ExecStart=/bin/sleep 100"))
    lab.sh(name, "systemctl enable odd good")
    lab.do(lab.machines.shut_down(name))
    lab.do(lab.machines.boot(name))
    lab.service(name, "good.service", active="active")
    assert lab.service(name, "odd.service", active="failed").why == (
        "odd.service: Type=dbus is not emulated; "
        "use simple, exec, notify, oneshot, forking, idle"
    )


def test_logs_are_bounded(lab: Lab, vm: str) -> None:
    lab.unit(
        vm,
        "loud.service",
        _service(
            "Type=oneshot\n"
            "ExecStart=/usr/bin/python3 -c \"print(('y' * 99 + '\\\\n') * 120000)\"\n"
            "ExecStart=/bin/echo the end"
        ),
    )
    assert lab.sh(vm, "systemctl start loud").code == 0
    logs = Path(lab.machines.folder, "machines", vm, "logs")
    sizes = [path.stat().st_size for path in logs.glob("loud.log*")]
    assert len(sizes) == 2
    assert max(sizes) < LIMIT_BYTES + (1 << 18)
    assert lab.sh(vm, "journalctl -u loud -n 2").stdout.split("Z ")[1] == (
        "the end\n" + lab.sh(vm, "journalctl -u loud -n 1").stdout[:23]
    )


def test_a_machine_reboots_itself(lab: Lab) -> None:
    name = lab.machine()
    lab.unit(name, "count.service", _service("ExecStart=/bin/sleep 100"))
    lab.sh(name, "systemctl enable count; (sleep 0.05; reboot) >/dev/null 2>&1 &")
    assert lab.service(name, "count.service", active="active").main_pid > 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's machines have real users")
def test_a_service_that_is_not_root_may_keep_a_capability(lab: Lab, vm: str) -> None:
    lab.unit(
        vm,
        "low.service",
        _service(
            "Type=oneshot\nUser=www-data\nSupplementaryGroups=adm\n"
            "AmbientCapabilities=CAP_NET_BIND_SERVICE\n"
            "ExecStart=/bin/sh -c 'id -nG; grep CapEff /proc/self/status'"
        ),
    )
    assert lab.sh(vm, "systemctl start low").stderr == ""
    log = _log(lab, vm, "low")
    assert "www-data adm\n" in log
    assert "CapEff:\t0000000000000400\n" in log


def test_what_programs_tell_syslog_is_kept(lab: Lab, vm: str) -> None:
    program = (
        "import logging.handlers as h, logging\n"
        "logging.getLogger().addHandler(h.SysLogHandler('/dev/log'))\n"
        "logging.warning('disk is full')"
    )
    lab.sh(vm, f"#!/usr/bin/python3\n{program}")
    assert lab.sh(vm, "journalctl -n 3").stdout.endswith("Z disk is full\n")


def test_a_timer_is_told_to_be_missing(lab: Lab, vm: str) -> None:
    lab.sh(vm, "printf '[Timer]\\n' >/etc/systemd/system/tick.timer")
    assert lab.sh(vm, "systemctl start tick.timer") == Ran(
        code=0,
        stdout="",
        stderr="tick.timer: only services run here, no timers, sockets or paths\n",
    )


def test_failed_units_are_listed(lab: Lab) -> None:
    name = lab.machine()
    lab.unit(name, "f.service", _service("ExecStart=/bin/false"))
    lab.sh(name, "systemctl start f")
    lab.service(name, "f.service", active="failed")
    assert lab.sh(name, "systemctl --failed --no-legend").stdout == (
        "  f.service loaded failed failed f.service\n"
    )


def test_a_service_can_be_stopped_while_it_starts(lab: Lab, vm: str) -> None:
    lab.unit(
        vm,
        "slow.service",
        _service("ExecStartPre=/bin/sleep 6161\nExecStart=/bin/sleep 6262"),
    )
    ran = lab.sh(
        vm,
        "systemctl start --no-block slow; until pgrep -f '^/bin/sleep 6161'\n"
        "do sleep 0.01; done >/dev/null; systemctl stop slow; pgrep -f 'sleep 6.6.'\n"
        "systemctl show slow -p ActiveState -p Result",
    )
    assert ran.stdout == "ActiveState=inactive\nResult=success\n"
