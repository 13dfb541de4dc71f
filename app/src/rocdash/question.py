"""A plain-language question becomes a query. Pure: words in, query out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from rocdash.data import LAST_DAY, REGIONS, SEGMENTS
from rocdash.metrics import Metric, Slice
from rocdash.periods import Period, month_end

TODAY = LAST_DAY + timedelta(1)
DEFAULT_DAYS = 28
EXAMPLES = (
    "How many orders last week?",
    "Revenue by segment this month",
    "Top 5 customers in the last 90 days",
    "Average order of enterprise in September",
    "New customers in Europe this year",
)

_METRICS = (
    (Metric.AVERAGE, r"average order|average basket|order value|basket|aov"),
    (Metric.NEW_CUSTOMERS, r"new (customer|client|account)|sign.?ups?|joined"),
    (Metric.REVENUE, r"revenue|sales|turnover|income|money|earn|sell|sold"),
    (Metric.ORDERS, r"orders?\b|purchases?"),
    (Metric.CUSTOMERS, r"customers?|clients?|buyers?|accounts?"),
)
_SEGMENTS = {
    "enterprise": r"enterprises?",
    "business": r"business(es)?|mid.?market",
    "starter": r"starters?|small",
}
_REGIONS = {
    "Europe": r"europe(an)?",
    "North America": r"north america|america|us|usa",
    "Asia Pacific": r"asia([ -]pacific)?|apac",
}
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "ten": 10}
_MOST_LISTED = 20

By = Literal["segment", "region", "name"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """What a question asks for."""

    metric: Metric
    period: Period
    part: Slice
    by: By | None = None
    """List it for each of these, instead of one figure."""
    at_most: int = 10
    assumed_period: bool = False
    """Whether the question named no time, so that one was chosen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NotUnderstood:
    """A question without a query, and a polite reason."""

    reason: str


def understand(question: str) -> Query | NotUnderstood:
    """Turn a question into a query, or say why not."""
    words = " ".join(re.findall(r"[\w'&-]+", question.lower()))
    if not words:
        return NotUnderstood(reason="Type a question, and the answer appears here.")
    if _has(words, r"why|should|explain"):
        return NotUnderstood(reason="I can count what happened, but not explain it.")
    if _has(words, r"tomorrow|next|forecast|predict|will"):
        return NotUnderstood(reason="I only know what has happened, not what will.")
    metric = _metric(words)
    if metric is None:
        return NotUnderstood(
            reason="I could not find anything in that question that I can count."
        )
    period = _period(words)
    if period and period.last > LAST_DAY:
        period = Period(first=period.first, last=LAST_DAY)
    if period and period.days < 1:
        return NotUnderstood(reason="There are no data for that time yet.")
    by, at_most = _listing(words)
    return Query(
        metric=Metric.REVENUE if by == "name" and _counts_names(metric) else metric,
        period=period or _last_days(DEFAULT_DAYS),
        part=Slice(segment=_one(words, _SEGMENTS), region=_one(words, _REGIONS)),
        by=by,
        at_most=at_most,
        assumed_period=period is None,
    )


def _counts_names(metric: Metric) -> bool:
    return metric in {Metric.CUSTOMERS, Metric.NEW_CUSTOMERS}


def _has(words: str, pattern: str) -> bool:
    return re.search(rf"\b({pattern})\b", words) is not None


def _metric(words: str) -> Metric | None:
    # "Top customers by orders" ranks by orders: what follows "by" decides first.
    wanted = re.search(r"\bby (\w+.*)", words)
    for text in (wanted[1] if wanted else "", words):
        for metric, pattern in _METRICS:
            if re.search(rf"\b({pattern})", text):
                return metric
    return None


def _one(words: str, patterns: dict[str, str]) -> str | None:
    return next((name for name, p in patterns.items() if _has(words, p)), None)


def _listing(words: str) -> tuple[By | None, int]:
    if _has(words, r"(by|per|each|which|every|best|top) segments?"):
        return "segment", len(SEGMENTS)
    if _has(words, r"(by|per|each|which|every|best|top) (region|market)s?"):
        return "region", len(REGIONS)
    top = re.search(r"\b(?:top|best|biggest|largest) (\w+ )?(customer|client)", words)
    if top:
        return "name", min(_number((top[1] or "").strip()) or 10, _MOST_LISTED)
    if _has(words, r"(by|per|which) (customer|client)s?"):
        return "name", 10
    return None, 10


def _number(word: str) -> int | None:
    return int(word) if word.isdigit() else _NUMBERS.get(word)


def _period(words: str) -> Period | None:
    for pattern, meaning in _SPANS:
        if match := re.search(rf"\b(?:{pattern})\b", words):
            return meaning(match)
    return None


def _last_days(days: int) -> Period:
    return Period(first=LAST_DAY - timedelta(days - 1), last=LAST_DAY)


def _last_many(match: re.Match[str]) -> Period | None:
    count = _number(match[1])
    if not count:
        return None
    days = {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}[match[2]]
    return _last_days(min(count * days, (LAST_DAY - date(2000, 1, 1)).days))


def _week(offset: int) -> Period:
    monday = TODAY - timedelta(TODAY.weekday()) + timedelta(7 * offset)
    return Period(first=monday, last=monday + timedelta(6))


def _last_month() -> Period:
    last = TODAY.replace(day=1) - timedelta(1)
    return Period(first=last.replace(day=1), last=last)


def _quarter(offset: int) -> Period:
    months = TODAY.year * 12 + (TODAY.month - 1) // 3 * 3 + 3 * offset
    first = date(months // 12, months % 12 + 1, 1)
    return Period(first=first, last=month_end(first.replace(month=first.month + 2)))


def _year(year: int) -> Period:
    return Period(first=date(year, 1, 1), last=date(year, 12, 31))


def _named_month(match: re.Match[str]) -> Period:
    month = _MONTHS.index(match[1]) + 1
    # Without a year: the latest such month that has begun.
    year = int(match[2] or TODAY.year - (month > TODAY.month))
    first = date(year, month, 1)
    return Period(first=first, last=month_end(first))


_SPANS: tuple[tuple[str, Callable[[re.Match[str]], Period | None]], ...] = (
    (r"(?:last|past) (\w+) (day|week|month|quarter|year)s?", _last_many),
    (r"yesterday", lambda _: _last_days(1)),
    (r"today", lambda _: Period(first=TODAY, last=TODAY)),
    (r"(?:last|past) week", lambda _: _week(-1)),
    (r"this week", lambda _: _week(0)),
    (r"(?:last|past) month", lambda _: _last_month()),
    (
        r"this month",
        lambda _: Period(first=TODAY.replace(day=1), last=month_end(TODAY)),
    ),
    (r"(?:last|past) quarter", lambda _: _quarter(-1)),
    (r"this quarter", lambda _: _quarter(0)),
    (r"last year", lambda _: _year(TODAY.year - 1)),
    (r"this year|so far", lambda _: _year(TODAY.year)),
    (rf"({'|'.join(_MONTHS)})(?: (20\d\d))?", _named_month),
    (r"(?:in|of|during) (20\d\d)", lambda match: _year(int(match[1]))),
)
