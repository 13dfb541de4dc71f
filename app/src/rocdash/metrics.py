"""Figures over a period and a segment: database in, numbers out.

The data never change while the service runs, so every result is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Literal

from rocdash.database import Value, rows
from rocdash.periods import Period


class Metric(StrEnum):
    """What can be counted."""

    REVENUE = "revenue"
    ORDERS = "orders"
    CUSTOMERS = "customers"
    AVERAGE = "average_order"
    NEW_CUSTOMERS = "new_customers"

    @property
    def label(self) -> str:
        """Name it as a heading does."""
        return _LABELS[self]

    @property
    def is_money(self) -> bool:
        """Whether its values are cents."""
        return self in {Metric.REVENUE, Metric.AVERAGE}


_LABELS = {
    Metric.REVENUE: "Revenue",
    Metric.ORDERS: "Orders",
    Metric.CUSTOMERS: "Active customers",
    Metric.AVERAGE: "Average order",
    Metric.NEW_CUSTOMERS: "New customers",
}

_EXPRESSIONS = {
    Metric.REVENUE: "COALESCE(SUM(amount_cents), 0)",
    Metric.ORDERS: "COUNT(*)",
    Metric.CUSTOMERS: "COUNT(DISTINCT customer_id)",
    Metric.AVERAGE: "CAST(COALESCE(ROUND(AVG(amount_cents)), 0) AS INTEGER)",
}

_ORDERS = "FROM orders JOIN customers ON customers.id = customer_id"
_CHOSEN = (
    "(:segment IS NULL OR segment = :segment) AND (:region IS NULL OR region = :region)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """Which part of the business is looked at; None is all of it."""

    segment: str | None = None
    region: str | None = None

    @property
    def text(self) -> str:
        """Name it as a sentence does."""
        parts = [self.segment and f"{self.segment} segment", self.region]
        return ", ".join(part for part in parts if part) or "all customers"


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A value with the one of the period before."""

    metric: Metric
    value: int
    """Cents for money, a count for the others."""
    previous: int

    @property
    def change_ratio(self) -> float | None:
        """Growth over the period before, 0.1 is 10 % more; None if that was 0."""
        return self.value / self.previous - 1 if self.previous else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One point of a trend."""

    period: Period
    value: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """One line of a ranking."""

    name: str
    value: int


@lru_cache(maxsize=4096)
def total(database: Path, metric: Metric, period: Period, part: Slice) -> int:
    """Return one number: `metric` of `part` in `period`."""
    day, value, source = _sources(metric)
    query = (
        f"SELECT {value} {source} WHERE {day} BETWEEN :first AND :last AND {_CHOSEN}"
    )
    ((found,),) = rows(database, query, _parameters(period, part))
    return int(found or 0)


def figure(database: Path, metric: Metric, period: Period, part: Slice) -> Figure:
    """Return `metric` with its value in the period before."""
    return Figure(
        metric=metric,
        value=total(database, metric, period, part),
        previous=total(database, metric, period.previous, part),
    )


@lru_cache(maxsize=512)
def trend(
    database: Path, metric: Metric, period: Period, part: Slice
) -> tuple[Point, ...]:
    """Return `metric` for each point of `period`, oldest first."""
    bins = tuple(period.bins())
    day, value, source = _sources(metric)
    listed = ", ".join(
        f"({n}, '{each.first}', '{each.last}')" for n, each in enumerate(bins)
    )
    query = (
        f"WITH bins (n, starts, ends) AS (VALUES {listed}) "
        f"SELECT n, {value} {source} JOIN bins ON {day} BETWEEN starts AND ends "
        f"WHERE {_CHOSEN} GROUP BY n"
    )
    lines = rows(database, query, _parameters(period, part))
    found = {line[0]: line[1] for line in lines}
    return tuple(
        Point(period=each, value=int(found.get(n) or 0)) for n, each in enumerate(bins)
    )


@lru_cache(maxsize=512)
def ranking(
    database: Path,
    metric: Metric,
    period: Period,
    part: Slice,
    *,
    by: Literal["segment", "region", "name"],
    at_most: int = 10,
) -> tuple[Share, ...]:
    """Return `metric` for each segment, region or customer, greatest first."""
    day, value, source = _sources(metric)
    query = (
        f"SELECT {by}, {value} AS value {source} "
        f"WHERE {day} BETWEEN :first AND :last AND {_CHOSEN} "
        f"GROUP BY {by} ORDER BY value DESC, {by} LIMIT {at_most}"
    )
    found = rows(database, query, _parameters(period, part))
    return tuple(Share(name=str(name), value=int(value or 0)) for name, value in found)


def _sources(metric: Metric) -> tuple[str, str, str]:
    """Return a metric's day, expression and tables, as SQL."""
    if metric is Metric.NEW_CUSTOMERS:
        return "joined_on", "COUNT(*)", "FROM customers"
    return "ordered_on", _EXPRESSIONS[metric], _ORDERS


def _parameters(period: Period, part: Slice) -> dict[str, Value]:
    return {
        "first": period.first.isoformat(),
        "last": period.last.isoformat(),
        "segment": part.segment,
        "region": part.region,
    }
