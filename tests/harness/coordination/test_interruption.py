"""What asks a run to end is heeded once, and what is undone then is let alone."""

import os
import pty
import signal
import subprocess
import sys
from itertools import permutations

import pytest

from release.coordination import interruption

ON_A_TERMINAL = """
import fcntl, pathlib, signal, sys, termios, threading
from release.coordination import interruption

fcntl.ioctl(0, termios.TIOCSCTTY, 0)
heard = []
interruption.heed(heard.append)
try:
    print("ready", flush=True)
    threading.Event().wait(5)
except KeyboardInterrupt as error:
    print("undoing", flush=True)
    with interruption.undisturbed(lambda: heard.append("patience")):
        signal.raise_signal(signal.SIGHUP)
        print("undone", flush=True)
    pathlib.Path(sys.argv[1]).write_text(f"{error}: {heard}")
"""


@pytest.fixture
def signals():
    """Let a test set what signals do, those that hang up no terminal of ours."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize(
    ("first", "second"), list(permutations([signal.SIGINT, signal.SIGTERM]))
)
def test_a_run_is_interrupted_once_whatever_comes_first(first, second):
    heard = []
    interruption.heed(heard.append)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(first)
    signal.raise_signal(second)
    signal.raise_signal(first)
    assert heard == ["Ctrl-C" if first is signal.SIGINT else "SIGTERM"]


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize("ignored", [signal.SIGINT, signal.SIGHUP])
def test_what_the_shell_has_set_to_be_ignored_stays_so(ignored):
    signal.signal(ignored, signal.SIG_IGN)
    interruption.heed(lambda _: None)
    assert signal.getsignal(ignored) is signal.SIG_IGN
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
        signal.raise_signal(signal.SIGTERM)
    with interruption.undisturbed(lambda: None):
        assert signal.getsignal(ignored) is signal.SIG_IGN
    assert signal.getsignal(ignored) is signal.SIG_IGN


def test_a_run_whose_terminal_goes_puts_things_right(tmp_path):
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", ON_A_TERMINAL, tmp_path / "undone"],
        **dict.fromkeys(("stdin", "stdout", "stderr"), theirs),
        start_new_session=True,
    ) as child:
        os.close(theirs)
        try:
            assert os.read(ours, 5) == b"ready"
            os.close(ours)
            assert child.wait(10) == 0
        finally:
            child.kill()
    assert (tmp_path / "undone").read_text() == "SIGHUP: ['SIGHUP', 'patience']"
