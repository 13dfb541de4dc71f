from release.azure.patience import Patience
from release.report.timeline import Span, Tick, timeline


class Still:
    """A clock that does not move."""

    def now(self):
        return 0.0

    def sleep(self, seconds):
        pass


def record(*progress, **stage):
    return {
        "duration_s": 100.0,
        "stages": [
            {
                "name": "bake",
                "started_s": 10.0,
                "duration_s": 50.0,
                "outcome": "passed",
            }
            | stage
        ],
        "progress": [
            {"at_s": at_s, "stage": "bake", "text": text} for at_s, text in progress
        ],
    }


def test_a_stage_is_a_bar_on_the_axis_of_the_whole_release():
    found = timeline(record(), {"bake": "reused image 41"})
    (row,) = found.rows
    assert row.bar == Span(left=10.0, width=50.0, title="bake: 50.0 s")
    assert (row.took, row.said) == ("50.0 s", "reused image 41")
    assert found.ticks[:2] == (
        Tick(left=0.0, text="0 s"),
        Tick(left=30.0, text="30 s"),
    )
    assert found.text == "bake passed after 50.0 s"
    assert not found.waits
    assert not found.retries


def test_a_stage_that_did_not_end_reaches_to_the_end():
    (row,) = timeline(record(duration_s=None, outcome="unfinished"), {}).rows
    assert row.took == "did not end"
    assert row.bar == Span(left=10.0, width=90.0, title="bake: did not end")


def test_what_only_waited_is_told_apart():
    waiting = "waiting for health of web: 1 of 2"
    (row,) = timeline(record((20.0, "packing"), (30.0, waiting)), {}).rows
    assert row.waits == (Span(left=30.0, width=30.0, title=waiting),)


def test_a_stage_inside_ends_the_wait_of_the_one_around_it():
    nested = record((20.0, "waiting for answers of web0: none yet"))
    nested["stages"].append(
        {"name": "canary", "started_s": 25.0, "duration_s": 9.0, "outcome": "passed"}
    )
    (wait,) = timeline(nested, {}).rows[0].waits
    assert (wait.left, wait.width) == (20.0, 5.0)


def test_a_wait_to_send_again_is_seen_as_patience_tells_it():
    told = []
    patience = Patience(pause_s=4.0, clock=Still())
    patience.answered = True
    patience.tell(told.append)
    patience.wait("throttled by Azure", 1, to="reading web")
    patience.wait("throttled by Azure", 2, asked_s=1200.0, to="reading web")
    patience.wait("throttled by Azure", 2, asked_s=20.0, to="reading web")

    found = timeline(record(*((30.0, text) for text in told)), {})
    widths = [span.width for span in found.rows[0].retries]
    assert widths == [4.0, 20.0]
    assert found.retries
