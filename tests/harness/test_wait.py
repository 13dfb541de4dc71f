import pytest

from release.errors import WaitTimedOut
from release.wait import Seen, wait_until


class FakeClock:
    def __init__(self):
        self.at = 0.0

    def now(self):
        return self.at

    def sleep(self, seconds):
        self.at += seconds


def looks(*found):
    left = list(found)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def test_a_wait_returns_the_value_that_met_the_goal():
    clock = FakeClock()
    look = looks(Seen(what="1 of 2"), Seen(what="2 of 2", value=2))
    found = wait_until(
        "2 instances", look, timeout_s=10, interval_s=3, fix="-", clock=clock
    )
    assert (found, clock.at) == (2, 3)


def test_a_wait_says_what_it_last_saw():
    clock = FakeClock()
    with pytest.raises(WaitTimedOut) as caught:
        wait_until(
            "3 healthy instances",
            looks(Seen(what="2 of 3 healthy")),
            timeout_s=10,
            interval_s=4,
            fix="read the instance's log",
            clock=clock,
        )
    assert str(caught.value) == (
        "no 3 healthy instances: waited 10 s, last seen 2 of 3 healthy\n"
        "  fix: read the instance's log"
    )
    assert clock.at == 10


def test_progress_is_told_only_when_what_is_seen_changes():
    told = []
    look = looks(Seen(what="1"), Seen(what="1"), Seen(what="2"), Seen(what="", value=1))
    wait_until(
        "it",
        look,
        timeout_s=10,
        interval_s=1,
        fix="-",
        progress=told.append,
        clock=FakeClock(),
    )
    assert told == ["waiting for it: 1", "waiting for it: 2"]
