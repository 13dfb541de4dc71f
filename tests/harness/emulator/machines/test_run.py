"""Run commands: output, users, time-outs, cancellation."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time

import pytest

from release.emulator.machines import CommandTimedOut, MachineError, NotRunning
from tests.harness.emulator.machines.conftest import Lab, Ran

REAL_USERS = os.geteuid() == 0


def test_both_streams_and_the_exit_code_come_back(lab: Lab, vm: str) -> None:
    ran = lab.sh(vm, "echo out; echo err >&2; exit 3")
    assert ran == Ran(code=3, stdout="out\n", stderr="err\n")


def test_a_script_without_an_interpreter_is_for_sh(lab: Lab, vm: str) -> None:
    assert lab.sh(vm, "readlink /proc/$$/exe").stdout.endswith("/dash\n")


def test_a_script_names_its_interpreter(lab: Lab, vm: str) -> None:
    ran = lab.sh(vm, "#!/usr/bin/python3\nimport sys; sys.exit(len('four'))")
    assert ran == Ran(code=4, stdout="", stderr="")


def test_an_interpreter_that_is_missing_is_named(lab: Lab, vm: str) -> None:
    with pytest.raises(MachineError, match=r"a command could not start in .*: /run/"):
        lab.sh(vm, "#!/opt/none\n")


def test_a_long_script_and_large_variables_arrive_whole(lab: Lab, vm: str) -> None:
    filler = "# filler\n" * 100_000
    ran = lab.sh(vm, f'{filler}printf %s "$BIG" | wc -c', env={"BIG": "x" * 50_000})
    assert ran.stdout == "50000\n"


def test_variables_win_over_the_machines_own(lab: Lab, vm: str) -> None:
    ran = lab.sh(vm, 'echo "$LANG $HOME $USER $NEW"', env={"NEW": "1", "LANG": "C"})
    assert ran.stdout == "C /root root 1\n"


def test_output_comes_while_the_script_runs(lab: Lab, vm: str) -> None:
    """The script waits for a file that is written once its first line was seen."""

    async def talk() -> int:
        seen = asyncio.Event()
        first = asyncio.create_task(
            lab.machines.run(
                vm,
                "echo ready; until [ -e /tmp/go ]; do sleep 0.01; done",
                env={},
                on_output=lambda _stream, _data: seen.set(),
                timeout_s=20,
            )
        )
        await asyncio.wait_for(seen.wait(), 10)
        await lab.run(vm, "touch /tmp/go")
        return await first

    assert lab.do(talk()) == 0


def test_big_outputs_arrive_whole_and_a_slow_reader_holds_them_back(
    lab: Lab, vm: str
) -> None:
    digest, sizes = hashlib.sha256(), []

    async def slow(_stream: str, data: bytes) -> None:
        digest.update(data)
        sizes.append(len(data))
        await asyncio.sleep(0)

    code = lab.do(
        lab.machines.run(
            vm, "yes | head -c 30000000", env={}, on_output=slow, timeout_s=60
        )
    )
    assert code == 0
    assert digest.hexdigest() == hashlib.sha256(b"y\n" * 15_000_000).hexdigest()
    assert max(sizes) <= 1 << 16


def test_a_reader_that_fails_ends_the_script(lab: Lab, vm: str) -> None:
    def fail(_stream: str, _data: bytes) -> None:
        raise RuntimeError("the blob is gone")

    with pytest.raises(RuntimeError, match="the blob is gone"):
        lab.do(
            lab.machines.run(
                vm, "echo x; exec sleep 3131", env={}, on_output=fail, timeout_s=20
            )
        )
    assert lab.sh(vm, "pgrep -f '^sleep 3131'").stdout == ""


def test_a_command_that_takes_too_long_is_ended_with_its_children(
    lab: Lab, vm: str
) -> None:
    with pytest.raises(CommandTimedOut) as caught:
        lab.sh(vm, "setsid -f sleep 3232; sleep 3232", timeout_s=0.3)
    assert str(caught.value) == (
        f"a command in {vm} was ended after 0.3 s\n"
        "  fix: allow it more time, or see in its output where it hangs"
    )
    assert lab.sh(vm, "pgrep -f '^sleep 3232'").stdout == ""


def test_a_command_that_ignores_sigterm_is_ended_too(lab: Lab, vm: str) -> None:
    with pytest.raises(CommandTimedOut):
        lab.sh(vm, "trap '' TERM; while :; do sleep 3333; done", timeout_s=0.2)
    assert lab.sh(vm, "pgrep -f '^sleep 3333'").stdout == ""


def test_cancelling_ends_the_script(lab: Lab, vm: str) -> None:
    async def cancel() -> None:
        seen = asyncio.Event()
        work = asyncio.create_task(
            lab.machines.run(
                vm,
                "echo; exec sleep 3434",
                env={},
                on_output=lambda _stream, _data: seen.set(),
                timeout_s=20,
            )
        )
        await asyncio.wait_for(seen.wait(), 10)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    lab.do(cancel())
    assert lab.sh(vm, "pgrep -f '^sleep 3434'").stdout == ""


def test_a_daemon_left_behind_does_not_hold_the_command(lab: Lab, vm: str) -> None:
    started = time.monotonic()
    assert lab.sh(vm, "sleep 3535 & echo done").stdout == "done\n"
    assert time.monotonic() - started < 20
    assert lab.sh(vm, "pkill -f '^sleep 3535' && echo there").stdout == "there\n"


def test_commands_run_side_by_side(lab: Lab, vm: str) -> None:
    async def both() -> list[Ran]:
        one = "touch /tmp/a; until [ -e /tmp/b ]; do sleep 0.01; done; echo one"
        two = "touch /tmp/b; until [ -e /tmp/a ]; do sleep 0.01; done; echo two"
        return list(await asyncio.gather(lab.run(vm, one), lab.run(vm, two)))

    assert [ran.stdout for ran in lab.do(both())] == ["one\n", "two\n"]


def test_a_command_runs_as_another_user(lab: Lab, vm: str) -> None:
    lab.sh(vm, "useradd -m worker")
    ran = lab.sh(vm, 'echo "$USER $HOME $PWD"; id -nu', user="worker")
    assert ran.stdout == (
        f"worker /home/worker /home/worker\n{'worker' if REAL_USERS else 'root'}\n"
    )


def test_a_user_that_is_not_there_is_named(lab: Lab, vm: str) -> None:
    with pytest.raises(MachineError) as caught:
        lab.sh(vm, "true", user="ghost")
    assert str(caught.value) == (
        f"a command could not start in {vm}: there is no user ghost on this machine\n"
        "  fix: name a user and an interpreter that the machine has"
    )


def test_a_signal_is_told_as_shells_do(lab: Lab, vm: str) -> None:
    assert lab.sh(vm, "kill -KILL $$").code == 137


def test_a_machine_that_goes_down_ends_its_commands(lab: Lab) -> None:
    async def fall(name: str) -> None:
        seen = asyncio.Event()
        work = asyncio.create_task(
            lab.machines.run(
                name,
                "echo; exec sleep 100",
                env={},
                on_output=lambda _stream, _data: seen.set(),
                timeout_s=20,
            )
        )
        await asyncio.wait_for(seen.wait(), 10)
        await lab.machines.delete(name)
        await work

    name = lab.machine()
    with pytest.raises(NotRunning, match="went down while it ran a command"):
        lab.do(fall(name))
