import pytest

from release.report.figures import clock, duration, number, quantity, short, ticks


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "none"), (0.4242, "0.42 s"), (17.32, "17.3 s"), (260, "4 min 20 s")],
)
def test_durations_read_as_a_person_says_them(seconds, shown):
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "none"),
        (12, "12"),
        (0.01234, "0.0123"),
        (1234.5, "1,234"),
        (34.56, "34.6"),
    ],
)
def test_numbers_keep_three_digits_that_matter(value, shown):
    assert number(value) == shown


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.005, "ratio", "0.5 %"),
        (0.0, "ratio", "0 %"),
        (34.56, "ms", "34.6 ms"),
        (12.0, "/s", "12 /s"),
        (None, "ms", "none"),
    ],
)
def test_every_figure_has_its_unit(value, unit, shown):
    assert quantity(value, unit) == shown


@pytest.mark.parametrize(
    ("longest_s", "found"),
    [
        (0, [0]),
        (0.4, [0]),
        (5, [0, 1, 2, 3, 4, 5]),
        (35.4, [0, 10, 20, 30]),
        (124.7, [0, 30, 60, 90, 120]),
        (30_000, [0, 7200, 14400, 21600, 28800]),
    ],
)
def test_a_time_axis_is_divided_by_round_seconds(longest_s, found):
    assert ticks(longest_s) == found


@pytest.mark.parametrize(
    ("seconds", "shown"), [(90, "90 s"), (120, "2 min"), (150, "2:30 min")]
)
def test_a_tick_reads_as_a_clock(seconds, shown):
    assert clock(seconds) == shown


def test_a_short_commit_still_says_that_it_was_changed():
    assert short("e93d3cfb0b77a0ad21acc81a77cd39e2add8c006-dirty") == (
        "e93d3cfb0b77-dirty"
    )
    assert short("25223877d48e0592a3ccd827137995fb") == "25223877d48e"
