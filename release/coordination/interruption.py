"""Ctrl-C, SIGTERM and a terminal that goes: what is begun is put right, undisturbed.

The first of them ends the tests as a `KeyboardInterrupt`; those that come while the
release is undone are answered with a line, because half an undo is the worst end.
"""

from __future__ import annotations

import os
import signal
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import psutil

from release.errors import WaitTimedOut
from release.journal import Journal, Kind
from release.wait import Seen, wait_until

MARK = "PYTEST_RELEASE_BUILD"
"""Process variable that each process of a build inherits; its value is the build's
folder. The next run finds by it what a killed build left running."""
WORKERS_S = 30
"""Seconds that workers have to put right what they were at."""
PARENT_S = 0.25
"""Seconds between looks at whether the controller lives."""
JOINED = "worker.joined"
LEFT = "worker.left"
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What asks a run to end: Ctrl-C, a CI, a terminal or connection that goes."""
DESCRIPTORS = 1024
"""How many descriptors of a process are looked at."""


def heed(begun: Callable[[str], None]) -> None:
    """Treat SIGTERM and SIGHUP as a Ctrl-C, and be interrupted once by any of them.

    Args:
        begun: Told what came, before anything ends.
    """
    terminals = _terminals()

    def hear(number: int, _frame: FrameType | None) -> None:
        # Unlike SIG_IGN it is not handed on to processes that are started.
        _outlive(number, terminals)

    def interrupt(number: int, _frame: FrameType | None) -> None:
        for each in _heeded():
            signal.signal(each, hear)
        _outlive(number, terminals)
        begun(_name(number))
        raise KeyboardInterrupt(_name(number))

    for each in _heeded():
        signal.signal(each, interrupt)


def heed_once() -> None:
    """Be interrupted once only: by the terminal, or by the controller."""
    heed(lambda _: None)


def _heeded() -> list[signal.Signals]:
    """Return the signals that are heeded.

    Not one that is set to be ignored: a shell does so with Ctrl-C for a job in the
    background, and nohup with SIGHUP. SIGTERM always is: a CI may have nothing else.
    """
    return [
        each
        for each in ENDING
        if each is signal.SIGTERM or signal.getsignal(each) is not signal.SIG_IGN
    ]


def _terminals() -> set[int]:
    """Return the devices of the terminals that this process writes to."""
    return {os.fstat(each).st_rdev for each in (0, 1, 2) if os.isatty(each)}


def _outlive(number: int, terminals: set[int]) -> None:
    """After SIGHUP, write to no terminal: it is gone, and each line would be an error.

    pytest and the live lines write to copies of their own of its descriptor.
    """
    if number != signal.SIGHUP:
        return
    nowhere = os.open(os.devnull, os.O_RDWR)
    for each in range(DESCRIPTORS):
        with suppress(OSError):
            found = os.fstat(each)
            if stat.S_ISCHR(found.st_mode) and found.st_rdev in terminals:
                os.dup2(nowhere, each, inheritable=os.get_inheritable(each))
    os.close(nowhere)


def heed_end_of_parent() -> None:
    """Be interrupted when the controller is gone: nobody would judge or undo then."""
    parent = os.getppid()

    def watch() -> None:
        never = threading.Event()
        while os.getppid() == parent:
            never.wait(PARENT_S)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def _name(number: int) -> str:
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


@contextmanager
def undisturbed(answer: Callable[[], None]) -> Iterator[None]:
    """Let no signal but SIGKILL end what is in the block.

    Args:
        answer: Called at each that comes.
    """
    terminals = _terminals()

    def hear(number: int, _frame: FrameType | None) -> None:
        _outlive(number, terminals)
        answer()

    before = {number: signal.signal(number, hear) for number in _heeded()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_workers(journal: Journal) -> None:
    """Interrupt the workers of xdist, and wait until they have put things right."""
    events = [e for e in journal.read() if e.kind is Kind.VALUE]
    left = {e.pid for e in events if e.data["name"] == LEFT}
    workers = {e.pid for e in events if e.data["name"] == JOINED} - left
    for pid in workers:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)

    def look() -> Seen[bool]:
        gone = {
            e.pid
            for e in journal.read()
            if e.kind is Kind.VALUE and e.data["name"] == LEFT
        }
        at_work = sorted(pid for pid in workers - gone if psutil.pid_exists(pid))
        return Seen(what=f"{at_work} at work", value=None if at_work else True)

    try:
        wait_until(
            "end of the workers",
            look,
            timeout_s=WORKERS_S,
            interval_s=0.1,
            fix="they are killed now",
        )
    except WaitTimedOut:
        for pid in workers:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def end_processes(folder: str) -> list[str]:
    """End what a killed build left running; return names and ids of it.

    Args:
        folder: The build's folder.
    """
    found = [p for p in psutil.process_iter(["name"]) if _belongs(p, folder)]
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(found, timeout=WORKERS_S)
    return [f"{process.info['name']} ({process.pid})" for process in found]


def _belongs(process: psutil.Process, folder: str) -> bool:
    if process.pid == os.getpid():
        return False
    try:
        return process.environ().get(MARK) == folder
    except (psutil.Error, OSError):
        return False
