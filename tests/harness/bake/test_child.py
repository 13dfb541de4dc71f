import os
from pathlib import Path

import psutil
import pytest

from release.bake.child import Child
from release.errors import WaitTimedOut

STUBBORN = 'trap "" INT; echo ready; sleep 60 & wait; sleep 60'


def start(script: str, folder: Path) -> Child:
    command = ["sh", "-c", script]
    return Child(command, name="Packer", folder=folder, environment=os.environ)


def follow(child: Child, lines: list[str], timeout_s: float = 20) -> int:
    return child.follow(
        lines.append, timeout_s=timeout_s, step=lambda: "the last step", fix="wait"
    )


def test_all_lines_and_the_status_are_told(tmp_path: Path) -> None:
    lines: list[str] = []
    status = follow(start("pwd; echo b >&2; printf c; exit 3", tmp_path), lines)
    assert (status, lines) == (3, [str(tmp_path), "b", "c"])


def test_a_command_that_prints_much_and_ends_is_told_to_its_last_line(
    tmp_path: Path,
) -> None:
    lines: list[str] = []
    follow(start("seq 5000", tmp_path), lines)
    assert lines == [str(number) for number in range(1, 5001)]


def test_a_command_that_takes_too_long_is_told_with_its_step(tmp_path: Path) -> None:
    child = start("while echo again; do :; done", tmp_path)
    lines: list[str] = []
    with pytest.raises(WaitTimedOut) as caught:
        follow(child, lines, timeout_s=0.5)
    child.interrupt(lines.append, grace_s=5)
    assert str(caught.value).startswith("no end of Packer: waited ")
    assert str(caught.value).endswith("last seen the last step\n  fix: wait")


def test_an_interrupted_command_may_clean_up(tmp_path: Path) -> None:
    child = start(
        "trap 'echo cleaned; exit' INT; echo ready; sleep 60 & wait", tmp_path
    )
    lines: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        child.follow(_once_ready(lines), timeout_s=20, step=str, fix="wait")
    child.interrupt(lines.append, grace_s=20)
    assert lines == ["ready", "cleaned"]


def test_one_that_does_not_end_is_killed_with_all_that_it_started(
    tmp_path: Path,
) -> None:
    child = start(STUBBORN, tmp_path)
    lines: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        child.follow(_once_ready(lines), timeout_s=20, step=str, fix="wait")
    pid = child.pid
    child.interrupt(lines.append, grace_s=0.3)
    left = [p for p in psutil.process_iter() if _in_session(p, pid)]
    psutil.wait_procs(left, timeout=5)
    assert not [p for p in left if p.is_running()]


def _once_ready(lines: list[str]):
    def told(line: str) -> None:
        lines.append(line)
        raise KeyboardInterrupt

    return told


def _in_session(process: psutil.Process, session: int) -> bool:
    try:
        return os.getsid(process.pid) == session
    except OSError:
        return False
