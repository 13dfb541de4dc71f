"""Spans of days and the points that charts make of them."""

from datetime import date

import pytest
from rocdash.periods import RANGES, Period, named


def days(first: str, last: str) -> Period:
    return Period(first=date.fromisoformat(first), last=date.fromisoformat(last))


@pytest.mark.parametrize(
    ("period", "lengths"),
    [
        pytest.param(days("2026-10-21", "2026-10-21"), [1], id="a-day"),
        pytest.param(days("2026-09-17", "2026-10-21"), [1] * 35, id="last-daily"),
        pytest.param(days("2026-09-16", "2026-10-21"), [6] * 6, id="36-days"),
        pytest.param(days("2026-07-24", "2026-10-21"), [10] * 9, id="90-days"),
        pytest.param(named("91d"), [7] * 13, id="weeks"),
        pytest.param(days("2026-07-01", "2026-09-30"), [31, 31, 30], id="a-quarter"),
        pytest.param(days("2026-07-18", "2026-09-04"), [7] * 7, id="49-days"),
        pytest.param(days("2026-09-11", "2026-10-21"), [20, 21], id="no-length-fits"),
    ],
)
def test_a_period_is_cut_into_parts(period: Period, lengths: list[int]) -> None:
    assert [part.days for part in period.bins()] == lengths


@pytest.mark.parametrize("name", RANGES)
def test_parts_follow_each_other_and_fill_the_period(name: str) -> None:
    period = named(name)
    assert sum(part.days for part in period.bins()) == period.days
    assert period.previous.days == period.days


@pytest.mark.parametrize(
    ("period", "text"),
    [
        (days("2026-10-21", "2026-10-21"), "Wed 21 Oct 2026"),
        (days("2026-10-12", "2026-10-18"), "12\N{EN DASH}18 Oct 2026"),
        (days("2026-09-24", "2026-10-21"), "24 Sep \N{EN DASH} 21 Oct 2026"),
        (days("2025-10-23", "2026-10-21"), "23 Oct 2025 \N{EN DASH} 21 Oct 2026"),
    ],
)
def test_a_period_is_named_as_people_do(period: Period, text: str) -> None:
    assert period.text == text
