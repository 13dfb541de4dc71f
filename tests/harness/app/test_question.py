"""Questions in plain language, as the sample service reads them."""

from datetime import date

import pytest
from rocdash.metrics import Metric, Slice
from rocdash.periods import Period
from rocdash.question import NotUnderstood, Query, understand


def days(first: str, last: str) -> Period:
    return Period(first=date.fromisoformat(first), last=date.fromisoformat(last))


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        pytest.param(
            "How many orders last week?",
            Query(
                metric=Metric.ORDERS,
                period=days("2026-10-12", "2026-10-18"),
                part=Slice(),
            ),
            id="a-week-is-from-monday",
        ),
        pytest.param(
            "revenue",
            Query(
                metric=Metric.REVENUE,
                period=days("2026-09-24", "2026-10-21"),
                part=Slice(),
                assumed_period=True,
            ),
            id="no-time-named",
        ),
        pytest.param(
            "New customers in Europe this year",
            Query(
                metric=Metric.NEW_CUSTOMERS,
                period=days("2026-01-01", "2026-10-21"),
                part=Slice(region="Europe"),
            ),
            id="this-year-ends-with-the-data",
        ),
        pytest.param(
            "average order of enterprise in September",
            Query(
                metric=Metric.AVERAGE,
                period=days("2026-09-01", "2026-09-30"),
                part=Slice(segment="enterprise"),
            ),
            id="a-month-of-this-year",
        ),
        pytest.param(
            "sales in december",
            Query(
                metric=Metric.REVENUE,
                period=days("2025-12-01", "2025-12-31"),
                part=Slice(),
            ),
            id="a-month-not-yet-come-is-last-year's",
        ),
        pytest.param(
            "top 5 customers in the last 90 days",
            Query(
                metric=Metric.REVENUE,
                period=days("2026-07-24", "2026-10-21"),
                part=Slice(),
                by="name",
                at_most=5,
            ),
            id="top-customers-by-revenue",
        ),
        pytest.param(
            "top customers by orders yesterday",
            Query(
                metric=Metric.ORDERS,
                period=days("2026-10-21", "2026-10-21"),
                part=Slice(),
                by="name",
            ),
            id="top-customers-by-something-else",
        ),
        pytest.param(
            "which region sold most last quarter",
            Query(
                metric=Metric.REVENUE,
                period=days("2026-07-01", "2026-09-30"),
                part=Slice(),
                by="region",
                at_most=3,
            ),
            id="regions",
        ),
    ],
)
def test_a_question_becomes_a_query(question: str, expected: Query) -> None:
    assert understand(question) == expected


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("", "Type a question, and the answer appears here."),
        ("???", "Type a question, and the answer appears here."),
        ("Why did orders fall?", "I can count what happened, but not explain it."),
        ("Revenue next year?", "I only know what has happened, not what will."),
        ("Orders today", "There are no data for that time yet."),
        (
            "What is love?",
            "I could not find anything in that question that I can count.",
        ),
        ("orders in the last 99999999999 days", ""),
    ],
)
def test_what_cannot_be_answered_is_told_politely(question: str, reason: str) -> None:
    result = understand(question)
    assert (result.reason if isinstance(result, NotUnderstood) else "") == reason
