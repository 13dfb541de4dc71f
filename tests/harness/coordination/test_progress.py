# ruff: noqa: SLF001 - a reporter's writer has no public name

import contextlib
import io
import os
import pty
import re
import termios
from pathlib import Path

import pytest

from release.coordination.lines import Line, Style, lines
from release.coordination.progress import Live
from release.coordination.screen import QUIET_S, SILENT_S, Screen
from release.journal import Event, Journal, Kind


class Clock:
    def __init__(self):
        self.at_s = 0.0

    def __call__(self):
        return self.at_s


def step(text, stage="bake"):
    (line,) = lines(event(Kind.PROGRESS, stage=stage, text=text))
    return line


def event(kind, *, stage="bake", **data):
    return Event(at=None, pid=1, kind=kind, stage=stage, data=data)


@pytest.fixture
def plain(pytestconfig):
    """A screen that is no terminal, its clock, its reporter and its text."""
    file, clock = io.StringIO(), Clock()
    reporter = pytest.TerminalReporter(pytestconfig, file)
    return Screen(reporter, reporter._tw, now=clock), clock, reporter, file


def test_events_show_as_lines_of_their_stage():
    failed = event(
        Kind.STAGE_FINISHED,
        outcome="failed",
        duration_s=2.34,
        error="step 2 ended with 1\n  fix: read the log",
    )
    assert list(lines(event(Kind.STAGE_STARTED))) == [
        Line(stage="bake", text="started", style=Style.STEP, theme="started")
    ]
    assert list(lines(failed)) == [
        Line(stage="bake", text="failed after 2.3 s", style=Style.BAD),
        Line(stage="bake", text="  step 2 ended with 1", style=Style.CAUSE),
        Line(stage="bake", text="    fix: read the log", style=Style.CAUSE),
    ]


def test_what_commands_print_shows_only_when_asked_for():
    printed = event(Kind.OUTPUT, line="Collecting flask")
    assert list(lines(printed)) == []
    assert list(lines(printed, verbose=True)) == [
        Line(stage="bake", text="| Collecting flask", style=Style.OUTPUT)
    ]


def test_a_line_breaks_off_pytests_own_which_is_begun_anew(plain):
    screen, clock, reporter, file = plain
    nodeid = "tests/smoke/test_ask.py::test_one"
    reporter.currentfspath = None
    reporter.write_fspath_result(nodeid, "")
    clock.at_s = 1.0
    screen.show(step("packing"))
    with screen.aside(nodeid):
        reporter.write(".")
    with screen.aside(nodeid):
        reporter.write(".")
    path = os.path.relpath(reporter.currentfspath, reporter.startpath)
    assert file.getvalue().splitlines() == [
        "",
        f"{path} ",
        "    1.0 s  bake      packing",
        f"{path} ..",
    ]


def test_plain_lines_of_one_theme_are_few(plain):
    screen, clock, _, file = plain
    for second in range(25):
        clock.at_s = float(second)
        screen.show(step(f"measuring {second} of 25 s: 30 requests/s", "load"))
    shown = [line.split("measuring ")[1] for line in file.getvalue().splitlines()]
    assert [int(line.split()[0]) for line in shown] == [0, QUIET_S, 2 * QUIET_S]


def test_a_plain_log_says_that_work_goes_on(plain):
    screen, clock, _, file = plain
    screen.show(step("building: make dist"))
    clock.at_s = SILENT_S - 1.0
    screen.tick()
    clock.at_s = SILENT_S + 1.0
    screen.tick()
    screen.tick()
    assert file.getvalue().splitlines() == [
        "    0.0 s  bake      building: make dist",
        "   31.0 s  bake      still building: make dist (31 s)",
    ]


def test_a_terminal_that_goes_ends_no_run(pytestconfig, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as file:
        reporter = pytest.TerminalReporter(pytestconfig, file)
        screen = Screen(reporter, reporter._tw, now=Clock())
        screen.show(step("waiting for health: 0 of 2"))
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), screen._writer._file.fileno())
        os.close(ours)
        screen.tick()
        screen.show(step("bringing back"))
        screen.close()


def test_on_a_terminal_a_waiting_line_is_written_again_in_place(
    pytestconfig, monkeypatch
):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 50))
    clock = Clock()
    with os.fdopen(theirs, "w", encoding="utf-8") as file:
        reporter = pytest.TerminalReporter(pytestconfig, file)
        screen = Screen(reporter, reporter._tw, now=clock)
        screen.show(step("waiting for health: 0 of 2"))
        clock.at_s = 4.0
        screen.tick()
        screen.show(step("waiting for health: 1 of 2 instances"))
        screen.show(step("checking"))
        screen.close()
        screen.close()
    raw = _all(ours)
    plain = re.sub(r"\x1b\[\d*m", "", raw).replace("\r\n", "\n")
    assert [line.rpartition("\x1b[2K")[2] for line in plain.split("\n")] == [
        "    0.0 s  bake      waiting for health: 1 …  4 s",
        "    4.0 s  bake      checking",
        "",
    ]


def _all(descriptor):
    """Read what a terminal was written that its other side has left."""
    found = b""
    with contextlib.suppress(OSError):
        while True:
            found += os.read(descriptor, 10_000)
    os.close(descriptor)
    return found.decode()


def test_what_is_left_in_the_journal_shows_at_the_end(tmp_path, plain):
    screen, _, _, file = plain
    journal = Journal(tmp_path / "journal.jsonl")
    live = Live(journal, screen, verbose=False)
    live.start()
    journal.write(Kind.STAGE_STARTED, stage="bake")
    journal.write(Kind.STAGE_FINISHED, stage="bake", outcome="passed", duration_s=2.34)
    live.stop()
    live.stop()
    assert [line.partition(" s  ")[2] for line in file.getvalue().splitlines()] == [
        "bake      started",
        "bake      done after 2.3 s",
    ]
